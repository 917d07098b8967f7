#ifndef HOTBED_MACHINE_HEATSHRINK_H
#define HOTBED_MACHINE_HEATSHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decompression of heatshrink as binary g-code uses it (file-formats.md 5.2). The stream has no
 * header and no checksum: any bytes decode to something, and the caller knows how much he wants. */

enum {
    HEATSHRINK_WINDOW_BITS_MAX = 12,
    HEATSHRINK_WINDOW_BYTES = 1 << HEATSHRINK_WINDOW_BITS_MAX,
    HEATSHRINK_LOOKAHEAD_BITS = 4,
};

struct heatshrink {
    unsigned window_bits; /* 11 or 12 */
    uint32_t bits;        /* read but not used, in the low `bit_count` */
    unsigned bit_count;
    unsigned copy_left, copy_distance; /* of the back reference at work */
    unsigned at;                       /* where `window` is written next */
    uint8_t window[HEATSHRINK_WINDOW_BYTES];
};

void heatshrink_init(struct heatshrink *heatshrink, unsigned window_bits);

/* Decode until `in` is used up or `out` is full; `in_size` becomes what was not used. Returns the
 * bytes written. State is carried over, so that a stream may be cut anywhere. */
size_t heatshrink_decode(struct heatshrink *heatshrink, const uint8_t *in, size_t *in_size,
                         uint8_t *out, size_t out_size);

#endif
