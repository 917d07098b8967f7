/* What recording one latency costs, how large an encoded histogram is, and what reading and merging
 * those of 1,000 shards takes. build/release/tests/bench_histogram */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness/load/histogram.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"

enum { VALUES = 1 << 16, ROUNDS = 1000, SHARDS = 1000 };

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
    struct histogram *histogram = memory_new(sizeof *histogram), *part = memory_new(sizeof *part);
    int64_t *values = memory_new_array(VALUES, sizeof *values);
    struct random random = random_of(1, 1);
    for (int i = 0; i < VALUES; i++) { /* around 2 ms, one in a hundred up to 1 s */
        values[i] = random_below(&random, 100) == 0
                        ? (int64_t)random_below(&random, 1000000)
                        : (int64_t)(2000 + 400 * random_normal(&random));
    }
    double start = cpu_s();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < VALUES; i++) {
            histogram_record(histogram, values[i]);
        }
    }
    double spent = cpu_s() - start;
    printf("%-44s %9.2f ns\n", "recording one latency", spent / ROUNDS / VALUES * 1e9);

    struct buffer text = {0};
    start = cpu_s();
    for (int i = 0; i < 100; i++) {
        buffer_clear(&text);
        histogram_encode(histogram, &text);
    }
    printf("%-44s %9.2f us\n", "encoding a histogram", (cpu_s() - start) / 100 * 1e6);
    printf("%-44s %9zu bytes\n", "its size", text.size);
    start = cpu_s();
    for (int i = 0; i < SHARDS; i++) {
        struct error error;
        if (!histogram_decode(part, text.bytes, text.size, &error)) {
            fprintf(stderr, "%s\n", error.text);
            return 1;
        }
        histogram_merge(histogram, part);
    }
    printf("%-44s %9.2f ms\n", "reading and merging 1,000 shards", (cpu_s() - start) * 1e3);
    buffer_free(&text);
    free(values);
    free(part);
    free(histogram);
    return 0;
}
