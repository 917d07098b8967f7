#ifndef HOTBED_LOAD_THRESHOLD_H
#define HOTBED_LOAD_THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/load/stats.h"
#include "sim/base/error.h"

/* What a run must keep, as text: "[GROUP/]STEP.METRIC OP VALUE", for instance "telemetry.p99 <
 * 200ms", "mk4/telemetry.failed < 0.1%", "telemetry.rate >= 0.99/s". METRIC is pNN (p50, p99.9),
 * min, mean or max (a time); failed (answers that were none, as a count or in % of all answers),
 * skipped, unfinished (as a count or in % of all that was planned), count (good answers); rate
 * (good answers per second and printer that is on) or throughput (good answers per second, all
 * together). STEP is one of load_step_name() or "lateness", the generator's own. */
enum load_metric {
    METRIC_PERCENTILE,
    METRIC_MIN,
    METRIC_MEAN,
    METRIC_MAX,
    METRIC_FAILED,
    METRIC_SKIPPED,
    METRIC_UNFINISHED,
    METRIC_COUNT,
    METRIC_RATE,
    METRIC_THROUGHPUT,
};

enum load_comparison { LOAD_LESS, LOAD_AT_MOST, LOAD_MORE, LOAD_AT_LEAST, LOAD_EQUAL };

struct load_threshold {
    char *text;
    char *group; /* NULL: all together */
    bool lateness;
    enum load_step step;
    enum load_metric metric;
    double percent; /* of METRIC_PERCENTILE */
    bool share;     /* the limit is in %, not a count */
    enum load_comparison comparison;
    double limit; /* µs, a count, %, or per second */
};

bool load_threshold_parse(struct load_threshold *threshold, const char *text, struct error *error);
void load_threshold_free(struct load_threshold *threshold);

/* Whether it holds; `seen` tells the measured value as text (at least 48 bytes). Where nothing was
 * measured, what is said of times, shares and rates does not hold. `group` is the index of
 * threshold->group. */
bool load_threshold_holds(const struct load_threshold *threshold, const struct load_stats *stats,
                          uint32_t group, char seen[48]);

#endif
