#ifndef HOTBED_BASE_DURATION_H
#define HOTBED_BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* Spans of time as people write them: one or more of NUMBER UNIT without blanks between number and
 * unit, units us, ms, s, m, h, d ("250ms", "1m30s", "6h", "0.5s"); a bare number is seconds. Not
 * negative, at most DURATION_MAX_US. */
#define DURATION_MAX_US (INT64_C(366) * 24 * 3600 * 1000000)

bool duration_parse(const char *text, int64_t *us, struct error *error);
bool duration_of_seconds(double seconds, int64_t *us, struct error *error);

/* "1.5 s", "6 h 0 min", "250 ms": for people. `out` holds at least 32 bytes. */
void duration_text(int64_t us, char *out, size_t size);

#endif
