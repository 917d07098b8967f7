#include "harness/load/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/report/report.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

/* "1.24 ms", in the three digits that the histogram has. */
static void short_time(int64_t us, char text[16])
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"min", 6e7}};
    size_t unit = 0;
    while (unit < 3 && (double)us >= units[unit + 1].us) {
        unit++;
    }
    double value = (double)us / units[unit].us;
    int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(text, 16, "%.*f %s", digits, value, units[unit].unit);
}

/* ---- For people ---- */

static void text_step(struct buffer *out, const char *group, enum load_step step,
                      const struct load_step_stats *stats)
{
    char times[5][16];
    static const double percents[] = {50, 90, 99, 99.9, 100};
    for (int i = 0; i < 5; i++) {
        if (stats->latency.count > 0) {
            short_time(histogram_percentile_us(&stats->latency, percents[i]), times[i]);
        } else {
            snprintf(times[i], sizeof times[i], "-");
        }
    }
    buffer_format(out, "%-12.12s %-10s %10" PRIu64 " %8" PRIu64 " %9s %9s %9s %9s %9s\n", group,
                  load_step_name(step), stats->ok, load_step_failed(stats), times[0], times[1],
                  times[2], times[3], times[4]);
    for (int i = 0; i < LOAD_CAUSES; i++) {
        if (stats->failed[i] > 0) {
            buffer_format(out, "%-12s %-10s %19" PRIu64 " %s\n", "", "", stats->failed[i],
                          load_cause_name((enum load_cause)i));
        }
    }
    if (stats->skipped > 0) {
        buffer_format(out, "%-12s %-10s %19" PRIu64 " skipped: four waited already\n", "", "",
                      stats->skipped);
    }
    if (stats->unfinished > 0) {
        buffer_format(out, "%-12s %-10s %19" PRIu64 " unfinished at the end\n", "", "",
                      stats->unfinished);
    }
}

static void text_steps(const struct load_result *result, struct buffer *out)
{
    buffer_format(out, "\n%-12s %-10s %10s %8s %9s %9s %9s %9s %9s\n", "group", "step", "ok",
                  "failed", "p50", "p90", "p99", "p99.9", "max");
    for (uint32_t g = 0; g < result->group_count; g++) {
        for (int step = 0; step < LOAD_STEPS; step++) {
            const struct load_step_stats *stats = &result->stats->group[g].steps[step];
            if (stats->planned + stats->ok + load_step_failed(stats) > 0) {
                text_step(out, result->groups[g].name, (enum load_step)step, stats);
            }
        }
    }
}

static void text_generator(const struct load_result *result, struct buffer *out)
{
    const struct load_stats *stats = result->stats;
    char late[2][16];
    short_time(histogram_percentile_us(&stats->lateness, 99), late[0]);
    short_time(stats->lateness.most_us, late[1]);
    double s = (double)stats->measured_us / 1e6;
    buffer_format(out,
                  "\ngenerator: timers late %s at p99, %s at most; %.0f %% of a core in %" PRIu32
                  " worker%s; %" PRIu32 " reconnects",
                  late[0], late[1], s > 0 ? (double)stats->cpu_us / s / 1e4 : 0, result->workers,
                  result->workers == 1 ? "" : "s", stats->reconnects);
    if (stats->resumed > 0) {
        buffer_format(out, ", %" PRIu32 " TLS sessions resumed", stats->resumed);
    }
    buffer_append_text(out, "\n");
    if (stats->prints_started + stats->prints_refused > 0) {
        buffer_format(out, "prints: %" PRIu32 " started, %" PRIu32 " refused by their printer\n",
                      stats->prints_started, stats->prints_refused);
    }
    uint32_t queued_most = 0;
    for (uint32_t i = 0; i < stats->bins; i++) {
        uint32_t queued = load_stats_bins(result->stats)[i].queued_bytes;
        queued_most = queued > queued_most ? queued : queued_most;
    }
    if (queued_most > 0) {
        buffer_format(out,
                      "send queues: %" PRIu32 " bytes at most had not left at a second's end\n",
                      queued_most);
    }
    if (result->saturated != NULL) {
        buffer_format(out, "THE GENERATOR WAS THE LIMIT, not the server: %s\n", result->saturated);
    }
}

static void list_missing(const struct load_result *result, struct buffer *out)
{
    uint32_t told = 0, missing = result->shards - result->seen_count;
    for (uint32_t i = 0; i < result->shards && told < 20; i++) {
        if (!result->seen[i]) {
            buffer_format(out, "%s%" PRIu32, told++ == 0 ? "" : ", ", i);
        }
    }
    if (missing > told) {
        buffer_format(out, " and %" PRIu32 " more", missing - told);
    }
}

static void text_completeness(const struct load_result *result, struct buffer *out)
{
    if (result->interrupted) {
        buffer_append_text(out, "INTERRUPTED: the figures are those until then\n");
    }
    if (result->workers_lost > 0) {
        buffer_format(out, "INCOMPLETE: %" PRIu32 " of %" PRIu32 " workers died before their end\n",
                      result->workers_lost, result->workers);
    } else if (!result->complete && !result->interrupted) {
        buffer_append_text(out, "INCOMPLETE: a shard had not come to its end\n");
    }
    if (result->joined && result->seen_count < result->shards) {
        buffer_format(out, "INCOMPLETE: of %" PRIu32 " shards these are missing: ", result->shards);
        list_missing(result, out);
        buffer_append_char(out, '\n');
    }
}

static void text_thresholds(const struct load_result *result, struct buffer *out)
{
    for (uint32_t i = 0; i < result->threshold_count; i++) {
        const struct load_threshold *threshold = &result->thresholds[i];
        char seen[48];
        bool holds = load_threshold_holds(threshold, result->stats,
                                          load_result_group_of(result, threshold), seen);
        buffer_format(out, "%s  %s  (%s)\n", holds ? "held  " : "MISSED", threshold->text, seen);
    }
}

void load_summary_text(const struct load_result *result, struct buffer *out)
{
    uint64_t here = 0, came = 0;
    for (uint32_t g = 0; g < result->group_count; g++) {
        here += result->stats->group[g].printers;
        came += result->stats->group[g].came;
    }
    buffer_format(out, "%s: %" PRIu64 " of %" PRIu64 " printers against %s, %.0f s measured",
                  result->plan, here, result->printers, result->server,
                  (double)result->stats->measured_us / 1e6);
    if (result->shards > 1 && !result->joined) {
        buffer_format(out, ", shard %" PRIu32 " of %" PRIu32, result->shard, result->shards);
    }
    buffer_append_char(out, '\n');
    if (came < here) {
        buffer_format(out, "%" PRIu64 " of them were never switched on\n", here - came);
    }
    text_steps(result, out);
    text_generator(result, out);
    text_completeness(result, out);
    text_thresholds(result, out);
}

/* ---- For spreadsheets ---- */

void load_summary_csv(const struct load_result *result, struct buffer *out)
{
    buffer_append_text(out, "second,on,connected,cpu_us,late_max_us,queued_bytes");
    for (int step = 0; step < LOAD_STEPS; step++) {
        const char *name = load_step_name((enum load_step)step);
        buffer_format(out, ",%s_ok,%s_failed,%s_skipped,%s_mean_us,%s_max_us", name, name, name,
                      name, name);
    }
    buffer_append_char(out, '\n');
    const struct load_bin *bins = load_stats_bins(result->stats);
    for (uint32_t i = 0; i < result->stats->bins; i++) {
        buffer_format(out, "%u,%u,%u,%u,%u,%u", i, bins[i].on, bins[i].connected, bins[i].cpu_us,
                      bins[i].late_most_us, bins[i].queued_bytes);
        for (int step = 0; step < LOAD_STEPS; step++) {
            uint32_t ok = bins[i].steps[step].ok;
            buffer_format(out, ",%u,%u,%u,%" PRIu64 ",%u", ok, bins[i].steps[step].failed,
                          bins[i].steps[step].skipped,
                          ok == 0 ? 0 : bins[i].steps[step].sum_us / ok,
                          bins[i].steps[step].most_us);
        }
        buffer_append_char(out, '\n');
    }
}

/* ---- For CI ---- */

static void add_case(struct report *report, const char *id, const char *sentence, bool passed,
                     const char *seen)
{
    struct report_outcome *outcome = report_add(report, id);
    outcome->sentence = memory_copy_text(sentence);
    outcome->suite = memory_copy_text("farm");
    outcome->kind = memory_copy_text("threshold");
    outcome->verdict = passed ? VERDICT_PASS : VERDICT_FAIL;
    if (!passed) {
        outcome->reason = memory_copy_text(seen);
        outcome->expected = memory_copy_text(sentence);
        outcome->seen = memory_copy_text(seen);
    }
}

void load_summary_junit(const struct load_result *result, struct buffer *out)
{
    struct report report;
    report_init(&report, result->plan, result->server, result->seed);
    report.began_unix_s = result->began_unix_us / 1000000;
    report.wall_us = result->written_unix_us - result->began_unix_us;
    struct buffer why = {0};
    text_completeness(result, &why);
    add_case(&report, "complete", "every worker of every shard came to its end", why.size == 0,
             buffer_text(&why));
    add_case(&report, "generator", "the generator was not the limit", result->saturated == NULL,
             result->saturated);
    for (uint32_t i = 0; i < result->threshold_count; i++) {
        const struct load_threshold *threshold = &result->thresholds[i];
        char seen[48];
        bool holds = load_threshold_holds(threshold, result->stats,
                                          load_result_group_of(result, threshold), seen);
        add_case(&report, threshold->text, threshold->text, holds, seen);
    }
    report_junit(&report, out);
    buffer_free(&why);
    report_free(&report);
}

/* ---- While it runs ---- */

void load_summary_live(const struct load_bin *bin, uint32_t second, uint64_t printers,
                       struct buffer *out)
{
    uint32_t ok = bin->steps[LOAD_TELEMETRY].ok, failed = 0;
    for (int step = 0; step < LOAD_STEPS; step++) {
        failed += bin->steps[step].failed;
    }
    char mean[16], most[16], late[16];
    short_time(ok == 0 ? 0 : (int64_t)(bin->steps[LOAD_TELEMETRY].sum_us / ok), mean);
    short_time(bin->steps[LOAD_TELEMETRY].most_us, most);
    short_time(bin->late_most_us, late);
    buffer_format(out,
                  "%5" PRIu32 " s  %" PRIu32 "/%" PRIu64 " on, %" PRIu32
                  " connected  telemetry %" PRIu32 "/s, mean %s, max %s  failed %" PRIu32
                  "/s  late %s",
                  second, bin->on, printers, bin->connected, ok, mean, most, failed, late);
}

static void metric(struct buffer *out, const char *name, const char *kind, const char *help)
{
    buffer_format(out, "# HELP hotbed_farm_%s %s\n# TYPE hotbed_farm_%s %s\n", name, help, name,
                  kind);
}

/* Each step of each group that has begun. */
static void each_step(const struct load_result *result, struct buffer *out,
                      void (*write)(struct buffer *out, const char *labels,
                                    const struct load_step_stats *stats))
{
    for (uint32_t g = 0; g < result->group_count; g++) {
        for (int step = 0; step < LOAD_STEPS; step++) {
            const struct load_step_stats *stats = &result->stats->group[g].steps[step];
            if (stats->planned + stats->ok + load_step_failed(stats) == 0) {
                continue;
            }
            struct buffer labels = {0};
            buffer_append_text(&labels, "group=\"");
            for (const char *at = result->groups[g].name; *at != '\0'; at++) {
                if (*at == '"' || *at == '\\') {
                    buffer_append_char(&labels, '\\');
                }
                buffer_append_char(&labels, *at == '\n' ? ' ' : *at);
            }
            buffer_format(&labels, "\",step=\"%s\"", load_step_name((enum load_step)step));
            write(out, labels.bytes, stats);
            buffer_free(&labels);
        }
    }
}

static void write_ok(struct buffer *out, const char *labels, const struct load_step_stats *stats)
{
    buffer_format(out, "hotbed_farm_answers_total{%s} %" PRIu64 "\n", labels, stats->ok);
}

static void write_failed(struct buffer *out, const char *labels,
                         const struct load_step_stats *stats)
{
    for (int i = 0; i < LOAD_CAUSES; i++) {
        buffer_format(out, "hotbed_farm_failures_total{%s,cause=\"%s\"} %" PRIu64 "\n", labels,
                      load_cause_name((enum load_cause)i), stats->failed[i]);
    }
}

static void write_latency(struct buffer *out, const char *labels,
                          const struct load_step_stats *stats)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};
    for (int i = 0; i < 4; i++) {
        buffer_format(out, "hotbed_farm_latency_seconds{%s,quantile=\"%g\"} %.6f\n", labels,
                      quantiles[i],
                      (double)histogram_percentile_us(&stats->latency, quantiles[i] * 100) / 1e6);
    }
    buffer_format(out, "hotbed_farm_latency_seconds_sum{%s} %.6f\n", labels,
                  (double)stats->latency.sum_us / 1e6);
    buffer_format(out, "hotbed_farm_latency_seconds_count{%s} %" PRIu64 "\n", labels,
                  stats->latency.count);
}

void load_summary_prometheus(const struct load_result *result, struct buffer *out)
{
    struct load_stats *stats = result->stats;
    static const struct load_bin none;
    const struct load_bin *bin = stats->bins > 0 ? &load_stats_bins(stats)[stats->bins - 1] : &none;
    metric(out, "printers_on", "gauge", "Printers that are switched on.");
    buffer_format(out, "hotbed_farm_printers_on %u\n", bin->on);
    metric(out, "connections", "gauge", "Connections that stand.");
    buffer_format(out, "hotbed_farm_connections %u\n", bin->connected);
    metric(out, "reconnects_total", "counter", "Connections beyond the first of their printers.");
    buffer_format(out, "hotbed_farm_reconnects_total %u\n", stats->reconnects);
    metric(out, "lateness_seconds", "gauge",
           "Lateness of the generator's own timers in the last second, at most.");
    buffer_format(out, "hotbed_farm_lateness_seconds %.6f\n", bin->late_most_us / 1e6);
    metric(out, "queued_bytes", "gauge", "Bytes to the server that have not left.");
    buffer_format(out, "hotbed_farm_queued_bytes %u\n", bin->queued_bytes);
    metric(out, "workers_lost", "gauge", "Workers that died before their end.");
    buffer_format(out, "hotbed_farm_workers_lost %u\n", result->workers_lost);
    metric(out, "answers_total", "counter", "Good answers within the measured time.");
    each_step(result, out, write_ok);
    metric(out, "failures_total", "counter", "What was not answered well, by cause.");
    each_step(result, out, write_failed);
    metric(out, "latency_seconds", "summary", "From the planned instant to the answer.");
    each_step(result, out, write_latency);
}
