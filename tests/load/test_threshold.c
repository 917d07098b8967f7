#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "harness/load/threshold.h"
#include "sim/base/world.h"

static void thresholds_judge_what_was_counted(void **state)
{
    (void)state;
    struct load_stats *stats = load_stats_new(2);
    stats->measured_us = SECONDS(10);
    stats->group[0].printer_us = SECONDS(100);
    stats->group[1].printer_us = SECONDS(100);
    struct load_step_stats *step = &stats->group[0].steps[LOAD_TELEMETRY];
    for (int i = 1; i <= 100; i++) {
        histogram_record(&step->latency, i * 1000);
        step->ok++;
    }
    step->failed[LOAD_CAUSE_RESET] = 25;
    step->skipped = 125;
    step->planned = 250;
    static const struct {
        const char *text;
        bool holds;
        const char *seen;
    } rows[] = {
        {"telemetry.p99 < 99.1ms", true, "99"},
        {"telemetry.p99 < 98ms", false, "99"},
        {"telemetry.max <= 100ms", true, "100"},
        {"telemetry.mean > 50ms", true, "50.5"},
        {"telemetry.failed == 25", true, "25"},
        {"telemetry.failed < 20%", false, "20%"},
        {"telemetry.skipped < 50%", false, "50%"},
        {"telemetry.skipped == 125", true, "125"},
        {"telemetry.unfinished <= 0%", true, "0%"},
        {"telemetry.min >= 1ms", true, "1"},
        {"telemetry.p99.9 <= 0.1001s", true, "100"},
        {"telemetry.p1 < 2ms", true, "1"},
        {"telemetry.p100==100ms", true, "100"},
        {"b/telemetry.rate < 9/s", true, "0/s"},
        {"telemetry.failed <= 20%", true, "20%"},
        {"telemetry.rate >= 0.5/s", true, "0.5/s"},
        {"a/telemetry.rate >= 1/s", true, "1/s"},
        {"telemetry.throughput == 10/s", true, "10/s"},
        {"telemetry.count > 99", true, "100"},
        {"event.p50 < 1s", false, "nothing was measured"},
        {"event.failed == 0", true, "0"},
        {"event.failed <= 100%", false, "nothing was measured"},
        {"event.skipped <= 100%", false, "nothing was measured"},
        {"lateness.count == 0", true, "0"},
        {"lateness.p99 < 1s", false, "nothing was measured"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct load_threshold threshold;
        struct error error = {{0}};
        char seen[48];
        if (!load_threshold_parse(&threshold, rows[i].text, &error)) {
            fail_msg("%s", error.text);
        }
        bool holds = load_threshold_holds(&threshold, stats, *rows[i].text == 'b', seen);
        if (holds != rows[i].holds || strstr(seen, rows[i].seen) == NULL) {
            fail_msg("%s: %d, %s", rows[i].text, holds, seen);
        }
        load_threshold_free(&threshold);
    }
    load_stats_destroy(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_judge_what_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
