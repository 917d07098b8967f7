#ifndef HOTBED_TESTS_ZIP_WRITER_H
#define HOTBED_TESTS_ZIP_WRITER_H

#include <stddef.h>

#include "sim/base/buffer.h"

struct zip_written {
    const char *name;
    const void *bytes;
    size_t size;
    bool stored; /* else deflated */
};

/* A whole ZIP file into `out`. */
void zip_write(struct buffer *out, const struct zip_written *entries, size_t count);

/* An 8-bit greyscale picture whose upper `white` rows of `height` are lit. */
void png_write_layer(struct buffer *out, unsigned width, unsigned height, unsigned white);

#endif
