#include "harness/load/histogram.h"

#include <assert.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/base/memory.h"

/* EncodableHistogram.java and AbstractHistogram.java: the cookies with the word size bits 0x10, and
 * the head in front of the counts. All numbers are big-endian. */
#define V2_COOKIE            UINT32_C(0x1c849313)
#define V2_COMPRESSED_COOKIE UINT32_C(0x1c849314)

enum {
    DIGITS = 3,
    HEAD_BYTES = 40,
    COMPRESSED_HEAD_BYTES = 8,
    WORD_BYTES_MAX = 9, /* of a ZigZag LEB128 with 64 bits: the ninth byte is a whole one */
    PLAIN_BYTES_MAX = HEAD_BYTES + HISTOGRAM_CELLS * WORD_BYTES_MAX,
    HALF = 1 << HISTOGRAM_HALF_BITS,
};

/* ---- Cells ---- */

static size_t cell_of(int64_t value_us)
{
    uint64_t value = (uint64_t)value_us;
    /* 0 for values below 2,048, then one more for each doubling. */
    unsigned doubling =
        63U - HISTOGRAM_HALF_BITS - (unsigned)__builtin_clzll(value | (2 * HALF - 1));
    return ((size_t)doubling << HISTOGRAM_HALF_BITS) + (size_t)(value >> doubling);
}

static int64_t cell_least_us(size_t cell)
{
    size_t doubling = cell >> HISTOGRAM_HALF_BITS;
    doubling = doubling == 0 ? 0 : doubling - 1;
    return (int64_t)(cell - (doubling << HISTOGRAM_HALF_BITS)) << doubling;
}

static int64_t cell_most_us(size_t cell)
{
    return cell_least_us(cell + 1) - 1;
}

void histogram_record(struct histogram *histogram, int64_t value_us)
{
    if (value_us < 0) {
        value_us = 0;
    } else if (value_us > HISTOGRAM_HIGHEST_US) {
        value_us = HISTOGRAM_HIGHEST_US;
    }
    if (histogram->count == 0 || value_us < histogram->least_us) {
        histogram->least_us = value_us;
    }
    if (value_us > histogram->most_us) {
        histogram->most_us = value_us;
    }
    histogram->count++;
    histogram->sum_us += (uint64_t)value_us;
    histogram->cells[cell_of(value_us)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0) {
        return;
    }
    if (into->count == 0 || from->least_us < into->least_us) {
        into->least_us = from->least_us;
    }
    if (from->most_us > into->most_us) {
        into->most_us = from->most_us;
    }
    into->count += from->count;
    into->sum_us += from->sum_us;
    size_t last = cell_of(from->most_us);
    for (size_t i = cell_of(from->least_us); i <= last; i++) {
        into->cells[i] += from->cells[i];
    }
}

int64_t histogram_percentile_us(const struct histogram *histogram, double percent)
{
    if (histogram->count == 0) {
        return 0;
    }
    /* A hair less, so that 99.9 % of 1,000 are 999 whatever the division makes of it. */
    double wanted = ceil(nextafter(percent, 0) / 100 * (double)histogram->count);
    uint64_t seen = 0;
    for (size_t i = cell_of(histogram->least_us); i < HISTOGRAM_CELLS; i++) {
        seen += histogram->cells[i];
        if (seen > 0 && (double)seen >= wanted) {
            int64_t value_us = cell_most_us(i);
            return value_us < histogram->most_us ? value_us : histogram->most_us;
        }
    }
    return histogram->most_us;
}

double histogram_mean_us(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum_us / (double)histogram->count;
}

/* ---- Writing ---- */

static unsigned char *put_number(unsigned char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;) {
        *at++ = (unsigned char)(value >> (8 * i));
    }
    return at;
}

static unsigned char *put_word(unsigned char *at, int64_t value)
{
    uint64_t word = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (int i = 1; i < WORD_BYTES_MAX && word >= 0x80; i++) {
        *at++ = (unsigned char)(word | 0x80);
        word >>= 7;
    }
    *at++ = (unsigned char)word;
    return at;
}

static unsigned char *put_cells(unsigned char *at, const struct histogram *histogram)
{
    size_t cells = histogram->count == 0 ? 0 : cell_of(histogram->most_us) + 1;
    for (size_t i = 0; i < cells;) {
        size_t first = i;
        while (i < cells && histogram->cells[i] == 0) {
            i++;
        }
        if (i > first) {
            at = put_word(at, -(int64_t)(i - first)); /* so many empty ones */
        }
        if (i < cells) {
            at = put_word(at, (int64_t)histogram->cells[i++]);
        }
    }
    return at;
}

void histogram_encode(const struct histogram *histogram, struct buffer *out)
{
    unsigned char *plain = memory_new(PLAIN_BYTES_MAX);
    size_t size = (size_t)(put_cells(plain + HEAD_BYTES, histogram) - plain);
    unsigned char *at = put_number(plain, V2_COOKIE, 4);
    at = put_number(at, size - HEAD_BYTES, 4);
    at = put_number(at, 0, 4); /* normalising index offset */
    at = put_number(at, DIGITS, 4);
    at = put_number(at, 1, 8); /* lowest discernible value */
    at = put_number(at, (uint64_t)HISTOGRAM_HIGHEST_US, 8);
    at = put_number(at, UINT64_C(0x3ff0000000000000), 8); /* ratio of integers to doubles: 1.0 */
    assert(at == plain + HEAD_BYTES);

    uLongf packed_size = compressBound((uLong)size);
    unsigned char *packed = memory_new(COMPRESSED_HEAD_BYTES + packed_size);
    int result = compress2(packed + COMPRESSED_HEAD_BYTES, &packed_size, plain, (uLong)size,
                           Z_DEFAULT_COMPRESSION);
    assert(result == Z_OK);
    (void)result;
    put_number(put_number(packed, V2_COMPRESSED_COOKIE, 4), packed_size, 4);
    size_t whole = COMPRESSED_HEAD_BYTES + packed_size;
    buffer_reserve(out, 4 * ((whole + 2) / 3) + 1);
    int text_size = EVP_EncodeBlock((unsigned char *)out->bytes + out->size, packed, (int)whole);
    out->size += (size_t)text_size;
    free(packed);
    free(plain);
}

/* ---- Reading ---- */

static uint64_t get_number(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* NULL: it is cut off. */
static const unsigned char *get_word(const unsigned char *at, const unsigned char *end,
                                     int64_t *value)
{
    uint64_t word = 0;
    for (unsigned i = 0; at < end; i++) {
        unsigned char byte = *at++;
        bool whole = i == WORD_BYTES_MAX - 1;
        word |= (uint64_t)(whole ? byte : byte & 0x7f) << (7 * i);
        if (whole || (byte & 0x80) == 0) {
            *value = (int64_t)((word >> 1) ^ (~(word & 1) + 1));
            return at;
        }
    }
    return NULL;
}

static bool add_cell(struct histogram *histogram, size_t cell, int64_t count, struct error *error)
{
    uint64_t middle_us = (uint64_t)(cell_least_us(cell) + cell_most_us(cell)) / 2, sum_us;
    if (__builtin_mul_overflow(middle_us, (uint64_t)count, &sum_us) ||
        __builtin_add_overflow(histogram->sum_us, sum_us, &histogram->sum_us)) {
        return error_set(error, "histogram: its counts are too large");
    }
    if (histogram->count == 0) {
        histogram->least_us = cell_least_us(cell);
    }
    histogram->count += (uint64_t)count;
    histogram->most_us = cell_most_us(cell);
    histogram->cells[cell] = (uint64_t)count;
    return true;
}

static bool get_cells(struct histogram *histogram, const unsigned char *at,
                      const unsigned char *end, struct error *error)
{
    size_t cell = 0;
    while (at < end) {
        int64_t word;
        at = get_word(at, end, &word);
        if (at == NULL) {
            return error_set(error, "histogram: its counts are cut off");
        }
        uint64_t cells = word < 0 ? (uint64_t)0 - (uint64_t)word : 1;
        if (cells > HISTOGRAM_CELLS - cell) {
            return error_set(error, "histogram: it has more cells than one hour needs");
        }
        if (word > 0 && !add_cell(histogram, cell, word, error)) {
            return false;
        }
        cell += (size_t)cells;
    }
    return true;
}

static bool read_plain(struct histogram *histogram, const unsigned char *plain, size_t size,
                       struct error *error)
{
    if (size < HEAD_BYTES || get_number(plain, 4) != V2_COOKIE) {
        return error_set(error, "histogram: expected an HdrHistogram of format V2");
    }
    if (get_number(plain + 4, 4) != size - HEAD_BYTES) {
        return error_set(error, "histogram: its length is not what its head says");
    }
    if (get_number(plain + 8, 4) != 0 || get_number(plain + 12, 4) != DIGITS ||
        get_number(plain + 16, 8) != 1 ||
        get_number(plain + 32, 8) != UINT64_C(0x3ff0000000000000)) {
        return error_set(error, "histogram: expected whole numbers from 1 on with %d digits",
                         DIGITS);
    }
    return get_cells(histogram, plain + HEAD_BYTES, plain + size, error);
}

static bool read_packed(struct histogram *histogram, const unsigned char *packed, size_t size,
                        struct error *error)
{
    if (size < COMPRESSED_HEAD_BYTES || get_number(packed, 4) != V2_COMPRESSED_COOKIE) {
        return error_set(error, "histogram: expected the compressed HdrHistogram format V2");
    }
    if (get_number(packed + 4, 4) != size - COMPRESSED_HEAD_BYTES) {
        return error_set(error, "histogram: its length is not what its head says");
    }
    unsigned char *plain = memory_new(PLAIN_BYTES_MAX);
    uLongf plain_size = PLAIN_BYTES_MAX;
    int result = uncompress(plain, &plain_size, packed + COMPRESSED_HEAD_BYTES,
                            (uLong)(size - COMPRESSED_HEAD_BYTES));
    bool done = result == Z_OK ? read_plain(histogram, plain, plain_size, error)
                               : error_set(error, "histogram: it can't be decompressed");
    free(plain);
    return done;
}

bool histogram_decode(struct histogram *histogram, const char *text, size_t size,
                      struct error *error)
{
    if (histogram->count > 0) { /* one that is empty keeps its pages untouched */
        memset(histogram, 0, sizeof *histogram);
    }
    if (size == 0 || size % 4 != 0 || size > (size_t)2 * PLAIN_BYTES_MAX) {
        return error_set(error, "histogram: expected base64");
    }
    unsigned char *packed = memory_new(size / 4 * 3);
    int decoded = EVP_DecodeBlock(packed, (const unsigned char *)text, (int)size);
    size_t padding = text[size - 1] != '=' ? 0 : text[size - 2] != '=' ? 1 : 2;
    bool done = decoded == (int)(size / 4 * 3)
                    ? read_packed(histogram, packed, (size_t)decoded - padding, error)
                    : error_set(error, "histogram: expected base64");
    free(packed);
    return done;
}
