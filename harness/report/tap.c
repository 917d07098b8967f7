#include <inttypes.h>
#include <string.h>

#include "harness/report/report.h"
#include "harness/report/text.h"

/* TAP 14 (testanything.org/tap-version-14-specification.html). A warning and an information are
 * points that hold, with their diagnostics. */
static void point(struct buffer *out, size_t number, const struct report_outcome *outcome)
{
    bool failed = outcome->verdict == VERDICT_FAIL;
    buffer_format(out, "%sok %zu - ", failed ? "not " : "", number);
    report_append_tap(out, outcome->id);
    if (outcome->sentence != NULL && strcmp(outcome->sentence, outcome->id) != 0) {
        buffer_append_text(out, " ");
        report_append_tap(out, outcome->sentence);
    }
    if (outcome->verdict == VERDICT_SKIP) {
        buffer_append_text(out, " # SKIP ");
        report_append_tap(out, outcome->reason != NULL ? outcome->reason : "");
    }
    buffer_append_char(out, '\n');
    if (outcome->verdict == VERDICT_PASS || outcome->verdict == VERDICT_SKIP) {
        return;
    }
    buffer_append_text(out, "  ---\n");
    report_append_yaml(out, "severity", verdict_name(outcome->verdict), 2);
    report_append_yaml(out, "kind", outcome->kind, 2);
    report_append_yaml(out, "message", outcome->reason, 2);
    report_append_yaml(out, "at", outcome->where, 2);
    report_append_yaml(out, "expected", outcome->expected, 2);
    report_append_yaml(out, "seen", outcome->seen, 2);
    report_append_yaml(out, "messages", outcome->messages, 2);
    report_append_yaml(out, "again", outcome->reproduce, 2);
    buffer_append_text(out, "  ...\n");
}

void report_tap(const struct report *report, struct buffer *out)
{
    buffer_format(out, "TAP version 14\n1..%zu\n# %s, seed %" PRIu64 "\n", report->count,
                  report->title, report->seed);
    for (size_t i = 0; i < report->count; i++) {
        point(out, i + 1, &report->outcomes[i]);
    }
    if (report->unreachable != NULL) {
        buffer_append_text(out, "Bail out! could not be reached: ");
        report_append_tap(out, report->unreachable);
        buffer_append_char(out, '\n');
    } else if (report->interrupted) {
        buffer_format(out, "Bail out! interrupted, %zu did not run to their end\n",
                      report->not_run);
    }
}
