#include "sim/base/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct unit {
    const char *name;
    double us;
} units[] = {
    {"us", 1},     {"ms", 1e3},   {"s", 1e6},         {"m", 60e6},
    {"min", 60e6}, {"h", 3600e6}, {"d", 24 * 3600e6},
};

static const char wanted[] = "expected a time such as 250ms, 5s, 2m, 1h30m or a number of seconds";

static const struct unit *unit_of(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == size && memcmp(units[i].name, name, size) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

bool duration_of_seconds(double seconds, int64_t *us, struct error *error)
{
    if (!isfinite(seconds) || seconds < 0 || seconds * 1e6 > (double)DURATION_MAX_US) {
        return error_set(error, "%g s is no usable time: expected 0 to 366 days", seconds);
    }
    *us = (int64_t)llround(seconds * 1e6);
    return true;
}

/* A plain decimal number: strtod alone would also take "inf", "nan", "0x1p3" and signs. */
static bool take_number(const char **text, double *number)
{
    size_t digits = strspn(*text, "0123456789.");
    char *end = NULL;
    if (digits == 0 || digits > 20) {
        return false;
    }
    char copy[24];
    memcpy(copy, *text, digits);
    copy[digits] = '\0';
    *number = strtod(copy, &end);
    *text += digits;
    return *end == '\0' && end != copy;
}

bool duration_parse(const char *text, int64_t *us, struct error *error)
{
    double total = 0;
    const char *rest = text;
    do {
        double number;
        if (!take_number(&rest, &number)) {
            return error_set(error, "\"%.40s\": %s", text, wanted);
        }
        size_t size = 0;
        while (isalpha((unsigned char)rest[size])) {
            size++;
        }
        if (size == 0 && (*rest != '\0' || total > 0)) {
            return error_set(error, "\"%.40s\": %s", text, wanted);
        }
        const struct unit *unit = unit_of(size == 0 ? "s" : rest, size == 0 ? 1 : size);
        if (unit == NULL) {
            return error_set(error, "\"%.40s\": there is no unit \"%.*s\"; %s", text,
                             (int)(size > 20 ? 20 : size), rest, wanted);
        }
        total += number * unit->us;
        rest += size;
    } while (*rest != '\0');
    if (total > (double)DURATION_MAX_US) {
        return error_set(error, "\"%.40s\": longer than 366 days", text);
    }
    *us = (int64_t)llround(total);
    return true;
}

void duration_text(int64_t us, char *out, size_t size)
{
    if (us < 1000000) {
        snprintf(out, size, "%g ms", (double)us / 1e3);
    } else if (us < INT64_C(120000000)) {
        snprintf(out, size, "%g s", round((double)us / 1e3) / 1e3);
    } else if (us < INT64_C(7200000000)) {
        snprintf(out, size, "%" PRId64 " min %g s", us / 60000000,
                 round((double)(us % 60000000) / 1e5) / 10);
    } else {
        snprintf(out, size, "%" PRId64 " h %" PRId64 " min", us / INT64_C(3600000000),
                 us % INT64_C(3600000000) / 60000000);
    }
}
