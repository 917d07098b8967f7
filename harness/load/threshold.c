#include "harness/load/threshold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/duration.h"
#include "sim/base/memory.h"

enum { WORD_MAX = 40, NAME_MAX_BYTES = 256 /* of a group, with step and metric behind it */ };

/* ---- Reading ---- */

static bool is_time(enum load_metric metric)
{
    return metric <= METRIC_MAX;
}

static bool has_share(enum load_metric metric)
{
    return metric == METRIC_FAILED || metric == METRIC_SKIPPED || metric == METRIC_UNFINISHED;
}

static bool is_rate(enum load_metric metric)
{
    return metric == METRIC_RATE || metric == METRIC_THROUGHPUT;
}

static bool read_metric(struct load_threshold *threshold, const char *name)
{
    static const struct {
        const char *name;
        enum load_metric metric;
    } metrics[] = {
        {"min", METRIC_MIN},       {"mean", METRIC_MEAN},       {"max", METRIC_MAX},
        {"failed", METRIC_FAILED}, {"skipped", METRIC_SKIPPED}, {"unfinished", METRIC_UNFINISHED},
        {"count", METRIC_COUNT},   {"rate", METRIC_RATE},       {"throughput", METRIC_THROUGHPUT},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            threshold->metric = metrics[i].metric;
            return true;
        }
    }
    char *end;
    threshold->metric = METRIC_PERCENTILE;
    if (*name != 'p' || name[1] < '0' || name[1] > '9' ||
        strspn(name + 1, "0123456789.") != strlen(name + 1)) {
        return false; /* strtod() alone would take p1e1 and p0x5, too */
    }
    threshold->percent = strtod(name + 1, &end);
    return threshold->percent > 0 && threshold->percent <= 100 && *end == '\0';
}

static bool read_name(struct load_threshold *threshold, char *name)
{
    char *slash = strrchr(name, '/');
    if (slash != NULL) {
        *slash = '\0';
        threshold->group = memory_copy_text(name);
        name = slash + 1;
    }
    char *point = strchr(name, '.');
    if (point == NULL || !read_metric(threshold, point + 1)) {
        return false;
    }
    size_t size = (size_t)(point - name);
    threshold->lateness = size == strlen("lateness") && strncmp(name, "lateness", size) == 0;
    if (threshold->lateness) {
        return threshold->group == NULL &&
               (is_time(threshold->metric) || threshold->metric == METRIC_COUNT);
    }
    return load_step_parse(name, size, &threshold->step);
}

static bool read_comparison(struct load_threshold *threshold, const char *text)
{
    static const char *const signs[] = {"<", "<=", ">", ">=", "=="};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (strcmp(signs[i], text) == 0) {
            threshold->comparison = (enum load_comparison)i;
            return true;
        }
    }
    return false;
}

static bool read_limit(struct load_threshold *threshold, const char *text)
{
    if (is_time(threshold->metric)) {
        int64_t us;
        bool good = duration_parse(text, &us, NULL);
        threshold->limit = good ? (double)us : 0;
        return good;
    }
    char *end;
    threshold->limit = strtod(text, &end);
    if (end == text || !(threshold->limit >= 0 && threshold->limit <= 1e15)) {
        return false;
    }
    if (has_share(threshold->metric) && strcmp(end, "%") == 0) {
        threshold->share = true;
        return threshold->limit <= 100;
    }
    return strcmp(end, is_rate(threshold->metric) ? "/s" : "") == 0;
}

bool load_threshold_parse(struct load_threshold *threshold, const char *text, struct error *error)
{
    *threshold = (struct load_threshold){0};
    char name[NAME_MAX_BYTES], comparison[3], limit[WORD_MAX], rest;
    if (sscanf(text, " %255[^ <>=] %2[<>=] %39s %c", name, comparison, limit, &rest) == 3 &&
        read_name(threshold, name) && read_comparison(threshold, comparison) &&
        read_limit(threshold, limit)) {
        threshold->text = memory_copy_text(text);
        return true;
    }
    load_threshold_free(threshold);
    return error_set(
        error,
        "\"%.80s\": expected a threshold as \"telemetry.p99 < 200ms\", "
        "\"telemetry.failed < 0.1%%\", \"telemetry.rate >= 0.99/s\" or \"GROUP/event.count > 0\"",
        text);
}

void load_threshold_free(struct load_threshold *threshold)
{
    free(threshold->text);
    free(threshold->group);
    *threshold = (struct load_threshold){0};
}

/* ---- Judging ---- */

static bool compare(const struct load_threshold *threshold, double value)
{
    double limit = threshold->limit;
    switch (threshold->comparison) {
    case LOAD_LESS:
        return value < limit;
    case LOAD_AT_MOST:
        return value <= limit;
    case LOAD_MORE:
        return value > limit;
    case LOAD_AT_LEAST:
        return value >= limit;
    case LOAD_EQUAL:
        return value == limit;
    }
    return false;
}

static double time_of(const struct load_threshold *threshold, const struct histogram *latency)
{
    switch (threshold->metric) {
    case METRIC_MIN:
        return (double)latency->least_us;
    case METRIC_MEAN:
        return histogram_mean_us(latency);
    case METRIC_MAX:
        return (double)latency->most_us;
    default:
        return (double)histogram_percentile_us(latency, threshold->percent);
    }
}

/* A number and what it is a part of, or what it is divided by; `of` 0: there was nothing. */
struct figure {
    double value, of;
};

static struct figure figure_of(const struct load_threshold *threshold,
                               const struct load_step_stats *step, double printer_s,
                               double measured_s)
{
    double ok = (double)step->ok, failed = (double)load_step_failed(step);
    switch (threshold->metric) {
    case METRIC_FAILED:
        return (struct figure){failed, ok + failed};
    case METRIC_SKIPPED:
        return (struct figure){(double)step->skipped, (double)step->planned};
    case METRIC_UNFINISHED:
        return (struct figure){(double)step->unfinished, (double)step->planned};
    case METRIC_RATE:
        return (struct figure){ok, printer_s};
    case METRIC_THROUGHPUT:
        return (struct figure){ok, measured_s};
    default:
        return (struct figure){ok, ok};
    }
}

static double printer_seconds(const struct load_stats *stats, bool one, uint32_t group)
{
    uint64_t us = 0;
    for (uint32_t g = 0; g < stats->groups; g++) {
        us += one && g != group ? 0 : stats->group[g].printer_us;
    }
    return (double)us / 1e6;
}

static bool nothing(char seen[48])
{
    snprintf(seen, 48, "nothing was measured");
    return false;
}

static bool time_holds(const struct load_threshold *threshold, const struct histogram *latency,
                       char seen[48])
{
    if (latency->count == 0) {
        return nothing(seen);
    }
    double us = time_of(threshold, latency);
    duration_text((int64_t)us, seen, 48);
    return compare(threshold, us);
}

static bool figure_holds(const struct load_threshold *threshold, struct figure figure,
                         char seen[48])
{
    bool divided = threshold->share || is_rate(threshold->metric);
    if (divided && !(figure.of > 0)) {
        return nothing(seen);
    }
    double value = figure.value * (threshold->share ? 100 : 1) / (divided ? figure.of : 1);
    snprintf(seen, 48, "%.6g%s", value,
             threshold->share             ? "%"
             : is_rate(threshold->metric) ? "/s"
                                          : "");
    return compare(threshold, value);
}

static bool step_holds(const struct load_threshold *threshold, const struct load_stats *stats,
                       const struct load_step_stats *step, uint32_t group, char seen[48])
{
    if (is_time(threshold->metric)) {
        return time_holds(threshold, &step->latency, seen);
    }
    double printer_s = printer_seconds(stats, threshold->group != NULL, group);
    double measured_s = (double)stats->measured_us / 1e6;
    return figure_holds(threshold, figure_of(threshold, step, printer_s, measured_s), seen);
}

bool load_threshold_holds(const struct load_threshold *threshold, const struct load_stats *stats,
                          uint32_t group, char seen[48])
{
    if (threshold->lateness) {
        return is_time(threshold->metric)
                   ? time_holds(threshold, &stats->lateness, seen)
                   : figure_holds(threshold, (struct figure){(double)stats->lateness.count, 0},
                                  seen);
    }
    if (threshold->group != NULL) {
        return step_holds(threshold, stats, &stats->group[group].steps[threshold->step], group,
                          seen);
    }
    struct load_step_stats *total = memory_new(sizeof *total);
    load_stats_total(stats, threshold->step, total);
    bool holds = step_holds(threshold, stats, total, group, seen);
    free(total);
    return holds;
}
