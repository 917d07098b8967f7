#include "sim/machine/heatshrink.h"

#include <assert.h>
#include <string.h>

void heatshrink_init(struct heatshrink *heatshrink, unsigned window_bits)
{
    assert(window_bits > 0 && window_bits <= HEATSHRINK_WINDOW_BITS_MAX);
    memset(heatshrink, 0, sizeof *heatshrink); /* what is before the start reads as 0 */
    heatshrink->window_bits = window_bits;
}

static uint32_t take_bits(struct heatshrink *heatshrink, unsigned count)
{
    heatshrink->bit_count -= count;
    return heatshrink->bits >> heatshrink->bit_count & ((1U << count) - 1);
}

static void put(struct heatshrink *heatshrink, uint8_t byte, uint8_t *out)
{
    *out = byte;
    heatshrink->window[heatshrink->at] = byte;
    heatshrink->at = (heatshrink->at + 1) & ((1U << heatshrink->window_bits) - 1);
}

/* One more token if its bits are all there: a literal goes out at once, a back reference is set up.
 * Returns whether there was one. */
static bool take_token(struct heatshrink *heatshrink, uint8_t *out, size_t *written)
{
    if (heatshrink->bit_count == 0) {
        return false;
    }
    bool literal = heatshrink->bits >> (heatshrink->bit_count - 1) & 1;
    unsigned size = literal ? 9 : 1 + heatshrink->window_bits + HEATSHRINK_LOOKAHEAD_BITS;
    if (heatshrink->bit_count < size) {
        return false;
    }
    take_bits(heatshrink, 1);
    if (literal) {
        put(heatshrink, (uint8_t)take_bits(heatshrink, 8), out);
        *written += 1;
    } else {
        heatshrink->copy_distance = take_bits(heatshrink, heatshrink->window_bits) + 1;
        heatshrink->copy_left = take_bits(heatshrink, HEATSHRINK_LOOKAHEAD_BITS) + 1;
    }
    return true;
}

size_t heatshrink_decode(struct heatshrink *heatshrink, const uint8_t *in, size_t *in_size,
                         uint8_t *out, size_t out_size)
{
    const uint8_t *end = in + *in_size;
    size_t written = 0;
    unsigned mask = (1U << heatshrink->window_bits) - 1;
    while (written < out_size) {
        if (heatshrink->copy_left > 0) {
            unsigned from = (heatshrink->at - heatshrink->copy_distance) & mask;
            put(heatshrink, heatshrink->window[from], out + written);
            written++;
            heatshrink->copy_left--;
        } else if (!take_token(heatshrink, out + written, &written)) {
            if (in == end) {
                break;
            }
            heatshrink->bits = heatshrink->bits << 8 | *in++; /* 16 bits wait at most */
            heatshrink->bit_count += 8;
        }
    }
    *in_size = (size_t)(end - in);
    return written;
}
