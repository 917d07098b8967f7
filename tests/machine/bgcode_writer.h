#ifndef HOTBED_TESTS_BGCODE_WRITER_H
#define HOTBED_TESTS_BGCODE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/machine/bgcode.h"

/* The other direction of sim/machine/{heatshrink,meatpack,bgcode}: what a slicer writes, for tests.
 */

void heatshrink_encode(struct buffer *out, unsigned window_bits, const void *bytes, size_t size);

/* As the slicer's: the block begins with "on" and "no spaces", lines with G and a digit lose their
 * blanks, comment lines are stored between "off" and "on" with `comments`, else dropped. */
void meatpack_encode(struct buffer *out, const char *text, bool comments);
/* Packed characters alone, no spaces on: the vectors of file-formats.md 5.1. */
void meatpack_pack(struct buffer *out, const char *text, size_t size);

void bgcode_write_header(struct buffer *out, bool checksums);

struct bgcode_written {
    uint16_t type, compression, encoding, width, height;
    const void *data; /* not yet compressed */
    size_t size;
};

void bgcode_write_block(struct buffer *out, bool checksums, const struct bgcode_written *block);

#endif
