#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/load/histogram.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"

static struct histogram *of_values(const int64_t *values, size_t count)
{
    struct histogram *histogram = memory_new(sizeof *histogram);
    for (size_t i = 0; i < count; i++) {
        histogram_record(histogram, values[i]);
    }
    return histogram;
}

static void assert_equal(const struct histogram *a, const struct histogram *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->cells, b->cells, sizeof a->cells);
}

static bool decode(struct histogram *histogram, const char *text, struct error *error)
{
    return histogram_decode(histogram, text, strlen(text), error);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    struct histogram *histogram = memory_new(sizeof *histogram);
    for (int64_t value_us = 1; value_us <= 1000; value_us++) {
        histogram_record(histogram, value_us);
    }
    assert_int_equal(histogram_percentile_us(histogram, 0), 1);
    assert_int_equal(histogram_percentile_us(histogram, 50), 500);
    assert_int_equal(histogram_percentile_us(histogram, 99), 990);
    assert_int_equal(histogram_percentile_us(histogram, 99.9), 999);
    assert_int_equal(histogram_percentile_us(histogram, 100), 1000);
    assert_true(histogram_mean_us(histogram) == 500.5);
    free(histogram);
}

/* Against the sorted values themselves: never below, and above by at most a thousandth. */
static void percentiles_keep_three_digits(void **state)
{
    (void)state;
    struct histogram *histogram = memory_new(sizeof *histogram);
    for (int64_t value_us = 1; value_us <= HISTOGRAM_HIGHEST_US; value_us += value_us / 3 + 1) {
        memset(histogram, 0, sizeof *histogram);
        histogram_record(histogram, value_us);
        histogram_record(histogram, HISTOGRAM_HIGHEST_US);
        int64_t told_us = histogram_percentile_us(histogram, 50);
        assert_true(told_us >= value_us && told_us - value_us <= value_us / 1000);
    }
    free(histogram);
}

static void what_is_out_of_range_counts_at_its_end(void **state)
{
    (void)state;
    const int64_t values[] = {INT64_MIN, -1, INT64_MAX};
    struct histogram *histogram = of_values(values, 3);
    assert_int_equal(histogram->count, 3);
    assert_int_equal(histogram->least_us, 0);
    assert_int_equal(histogram->most_us, HISTOGRAM_HIGHEST_US);
    assert_int_equal(histogram_percentile_us(histogram, 60), 0);
    assert_int_equal(histogram_percentile_us(histogram, 100), HISTOGRAM_HIGHEST_US);
    free(histogram);
}

static void an_empty_one_says_nothing(void **state)
{
    (void)state;
    struct histogram *empty = of_values(NULL, 0), *other = of_values((int64_t[]){7}, 1);
    assert_int_equal(histogram_percentile_us(empty, 99), 0);
    histogram_merge(other, empty);
    assert_int_equal(other->least_us, 7);
    struct buffer text = {0};
    struct error error;
    histogram_encode(empty, &text);
    assert_true(histogram_decode(other, text.bytes, text.size, &error));
    assert_int_equal(other->count, 0);
    buffer_free(&text);
    free(empty);
    free(other);
}

static void merging_is_recording_all_in_one(void **state)
{
    (void)state;
    struct histogram *all = of_values(NULL, 0), *merged = of_values(NULL, 0);
    struct random random = random_of(5, 1);
    for (int shard = 0; shard < 7; shard++) {
        struct histogram *part = of_values(NULL, 0);
        for (int i = 0; i < 1000 * shard; i++) {
            int64_t value_us = (int64_t)random_below(&random, UINT64_C(1) << (10 + 4 * shard));
            histogram_record(part, value_us);
            histogram_record(all, value_us);
        }
        histogram_merge(merged, part);
        free(part);
    }
    assert_memory_equal(merged, all, sizeof *all);
    free(all);
    free(merged);
}

static void encoding_loses_nothing_but_the_exact_ends(void **state)
{
    (void)state;
    struct histogram *histogram = of_values(NULL, 0), *back = of_values(NULL, 0);
    struct random random = random_of(6, 1);
    for (int i = 0; i < 100000; i++) {
        histogram_record(histogram, (int64_t)random_below(&random, UINT64_C(1) << (i % 32)));
    }
    struct buffer text = {0};
    struct error error;
    histogram_encode(histogram, &text);
    assert_true(histogram_decode(back, text.bytes, text.size, &error));
    assert_equal(back, histogram);
    assert_true(back->least_us <= histogram->least_us && back->most_us >= histogram->most_us);
    buffer_free(&text);
    free(histogram);
    free(back);
}

/* A text that the implementations for Java, JavaScript and Go hold themselves to: one value of 42
 * (HdrHistogram/HdrHistogramJS: src/encoding.spec.ts; hdrhistogram-go: hdr_encoding_test.go). */
static const char foreign[] = "HISTFAAAAB542pNpmSzMwMDAxAABzFCaEUoz2X+AMIKZAEARAtM=";

static void reads_what_others_have_written(void **state)
{
    (void)state;
    struct histogram *histogram = memory_new(sizeof *histogram);
    struct error error;
    assert_true(decode(histogram, foreign, &error));
    assert_int_equal(histogram->count, 1);
    assert_int_equal(histogram->cells[42], 1);
    assert_true(histogram_mean_us(histogram) == 42);
    free(histogram);
}

static size_t unpack(const char *text, size_t size, unsigned char plain[100])
{
    unsigned char packed[100];
    assert_true(size <= 100);
    int packed_size = EVP_DecodeBlock(packed, (const unsigned char *)text, (int)size);
    packed_size -= text[size - 1] != '=' ? 0 : text[size - 2] != '=' ? 1 : 2;
    uLongf plain_size = 100;
    assert_int_equal(uncompress(plain, &plain_size, packed + 8, (uLong)packed_size - 8), Z_OK);
    return plain_size;
}

/* Byte for byte what they write, but for the highest value that could be counted (bytes 24 to 31)
 * and how well it is compressed. */
static void writes_what_others_read(void **state)
{
    (void)state;
    struct histogram *histogram = of_values((int64_t[]){42}, 1);
    struct buffer text = {0};
    histogram_encode(histogram, &text);
    assert_memory_equal(text.bytes, foreign, 8);
    unsigned char ours[100], theirs[100];
    size_t size = unpack(text.bytes, text.size, ours);
    assert_int_equal(size, unpack(foreign, strlen(foreign), theirs));
    memcpy(ours + 24, theirs + 24, 8);
    assert_memory_equal(ours, theirs, size);
    buffer_free(&text);
    free(histogram);
}

static void an_encoded_shard_is_small(void **state)
{
    (void)state;
    struct histogram *histogram = of_values(NULL, 0);
    struct random random = random_of(7, 1);
    for (int i = 0; i < 300000; i++) { /* milliseconds with a long tail, as a server answers */
        double tail = random_unit(&random);
        histogram_record(histogram, (int64_t)(2000 + 300 * random_normal(&random) +
                                              (tail > 0.99 ? 2e5 * (tail - 0.99) * 100 : 0)));
    }
    struct buffer text = {0};
    histogram_encode(histogram, &text);
    assert_true(text.size <= 8 * 1024);
    buffer_free(&text);
    free(histogram);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "expected base64"},
        {"HISTFAA", "expected base64"},
        {"HIST....", "expected base64"},
        {"HIST", "compressed HdrHistogram format V2"},
        /* format V1 */
        {"HISTIgAAAFd42pNpmazIwMAYxgABTBDKT4GBgdnNYMcCBvsPUBkeBkYGZqA8MwMbAzsDC5DFBCTZgJCDQY1BjkGL"
         "QZRBlUEPCB8zWDCYMxgDZZkZhgJgHDibAY8JB/A=",
         "compressed HdrHistogram format V2"},
        {"HISTFAAAAB542pNpmSzMwMDAxAABzFCaEUoz2X+AMIKZAEAR", "its length"},
        {"HISTFAAAAB542pNpmSzMwMDAxAABzFCaEUoz2X+AMIKZAEARAtQ=", "decompressed"},
    };
    struct histogram *histogram = memory_new(sizeof *histogram);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        assert_false(decode(histogram, cases[i].text, &error));
        assert_non_null(strstr(error.text, cases[i].why));
    }
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(percentiles_keep_three_digits),
        cmocka_unit_test(what_is_out_of_range_counts_at_its_end),
        cmocka_unit_test(an_empty_one_says_nothing),
        cmocka_unit_test(merging_is_recording_all_in_one),
        cmocka_unit_test(encoding_loses_nothing_but_the_exact_ends),
        cmocka_unit_test(reads_what_others_have_written),
        cmocka_unit_test(writes_what_others_read),
        cmocka_unit_test(an_encoded_shard_is_small),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
