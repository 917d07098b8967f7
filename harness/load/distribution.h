#ifndef HOTBED_LOAD_DISTRIBUTION_H
#define HOTBED_LOAD_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/random.h"

/* How long something takes or waits, as people write it: "1s" or "constant(1s)", "uniform(500ms,
 * 1500ms)", "normal(1s, 200ms)" (mean, deviation), "lognormal(1s, 0.5)" (median, deviation of the
 * logarithm), "exponential(1s)" (mean). */
enum distribution_kind {
    DISTRIBUTION_CONSTANT,
    DISTRIBUTION_UNIFORM,
    DISTRIBUTION_NORMAL,
    DISTRIBUTION_LOGNORMAL,
    DISTRIBUTION_EXPONENTIAL,
};

struct distribution {
    enum distribution_kind kind;
    double first_us;
    double second; /* µs; of a lognormal a bare number */
};

/* What is drawn is never less than 1 ms nor more than a day, whatever its tail would say. */
#define DISTRIBUTION_LEAST_US INT64_C(1000)
#define DISTRIBUTION_MOST_US  INT64_C(86400000000)

extern const char distribution_expected[]; /* for error messages */

bool distribution_parse(struct distribution *distribution, const char *text);
int64_t distribution_draw_us(const struct distribution *distribution, struct random *random);
double distribution_mean_us(const struct distribution *distribution); /* before the limits */

#endif
