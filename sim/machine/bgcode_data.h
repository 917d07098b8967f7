#ifndef HOTBED_MACHINE_BGCODE_DATA_H
#define HOTBED_MACHINE_BGCODE_DATA_H

#include <zlib.h>

#include "sim/machine/bgcode.h"
#include "sim/machine/heatshrink.h"

/* The data of one block, decompressed as they are read: for bgcode*.c alone. */

struct bgcode_data {
    struct bgcode *file; /* not owned; the faults are its */
    struct bgcode_block block;
    uint64_t at;          /* in the file */
    uint32_t stored_left; /* not yet read of the file */
    uint32_t data_left;   /* not yet given out */
    size_t used, filled;  /* of `stored` */
    bool inflating, inflated;
    z_stream inflate;
    struct heatshrink heatshrink;
    uint8_t stored[BGCODE_CHUNK_BYTES];
};

/* Zeroed memory is no data; begin over with another block at any time. */
bool bgcode_data_begin(struct bgcode_data *data, struct bgcode *file,
                       const struct bgcode_block *block, struct error *error);
void bgcode_data_end(struct bgcode_data *data);
/* Up to `size` bytes more; 0 at the end of the block; -1 with the reason. */
long bgcode_data_read(struct bgcode_data *data, uint8_t *bytes, size_t size, struct error *error);

#endif
