#ifndef HOTBED_LOAD_HISTOGRAM_H
#define HOTBED_LOAD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* Latencies in µs, counted in cells that are never wider than a thousandth of their value: the
 * layout of an HdrHistogram from 1 µs to one hour with 3 significant digits, so that its readers
 * understand what is written here (github.com/HdrHistogram/HdrHistogram: AbstractHistogram.java).
 * The memory is bounded and holds no pointers: it may be shared between processes. Zeroed memory is
 * an empty histogram; pages without counts are never touched. */
enum {
    HISTOGRAM_HALF_BITS = 10, /* 2,048 cells of 1 µs, then 1,024 a doubling */
    HISTOGRAM_DOUBLINGS = 22, /* 2,048 µs << 21 is more than an hour */
    HISTOGRAM_CELLS = (HISTOGRAM_DOUBLINGS + 1) << HISTOGRAM_HALF_BITS,
};
#define HISTOGRAM_HIGHEST_US INT64_C(3600000000)

struct histogram {
    uint64_t count;
    uint64_t sum_us;
    int64_t least_us, most_us; /* exact; meaningful while count > 0 */
    uint64_t cells[HISTOGRAM_CELLS];
};

/* Negative values count as 0, those over an hour as an hour. */
void histogram_record(struct histogram *histogram, int64_t value_us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value that `percent` (0 to 100) of all are not over, as HdrHistogram tells it: the upper end
 * of its cell, but not over most_us. 0 when empty. */
int64_t histogram_percentile_us(const struct histogram *histogram, double percent);
double histogram_mean_us(const struct histogram *histogram);

/* The HdrHistogram V2 compressed format in base64 (EncodableHistogram.java, "encode into compressed
 * byte buffer"). Sum, least and most of what was decoded are those of the cells' middles and ends:
 * who wants the exact ones keeps them beside the text. */
void histogram_encode(const struct histogram *histogram, struct buffer *out);
/* `histogram` is overwritten, be it empty or not. False with the reason: no base64, another format,
 * other digits, a range beyond an hour, a length or count that is not true. */
bool histogram_decode(struct histogram *histogram, const char *text, size_t size,
                      struct error *error);

#endif
