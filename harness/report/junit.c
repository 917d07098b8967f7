#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "harness/report/report.h"
#include "harness/report/text.h"

static void attribute(struct buffer *out, const char *name, const char *value)
{
    if (value != NULL) {
        buffer_format(out, " %s=\"", name);
        report_append_xml(out, value);
        buffer_append_char(out, '"');
    }
}

static void seconds(struct buffer *out, int64_t us)
{
    buffer_format(out, " time=\"%" PRId64 ".%06" PRId64 "\"", us / 1000000, us % 1000000);
}

static void part(struct buffer *out, const char *label, const char *text)
{
    if (text != NULL) {
        buffer_format(out, "%s: ", label);
        report_append_xml(out, text);
        buffer_append_char(out, '\n');
    }
}

static void failure(struct buffer *out, const struct report_outcome *outcome)
{
    buffer_append_text(out, "    <failure");
    attribute(out, "message", outcome->reason);
    attribute(out, "type", outcome->kind);
    buffer_append_char(out, '>');
    part(out, "at", outcome->where);
    part(out, "expected", outcome->expected);
    part(out, "seen", outcome->seen);
    part(out, "messages", outcome->messages);
    part(out, "again", outcome->reproduce);
    buffer_append_text(out, "</failure>\n");
}

static void testcase(struct buffer *out, const struct report_outcome *outcome)
{
    buffer_append_text(out, "   <testcase");
    attribute(out, "name", outcome->id);
    attribute(out, "classname", outcome->suite);
    attribute(out, "file", outcome->file);
    buffer_format(out, " line=\"%d\"", outcome->line);
    seconds(out, outcome->wall_us);
    buffer_append_text(out, ">\n");
    if (outcome->verdict == VERDICT_FAIL) {
        failure(out, outcome);
    } else if (outcome->verdict == VERDICT_SKIP) {
        buffer_append_text(out, "    <skipped");
        attribute(out, "message", outcome->reason);
        buffer_append_text(out, "/>\n");
    }
    bool remark = outcome->verdict == VERDICT_WARN || outcome->verdict == VERDICT_INFO;
    if (outcome->sentence != NULL || outcome->notes != NULL || remark) {
        buffer_append_text(out, "    <system-out>");
        part(out, "what", outcome->sentence);
        if (remark) {
            part(out, verdict_name(outcome->verdict), outcome->reason);
            part(out, "expected", outcome->expected);
            part(out, "seen", outcome->seen);
        }
        part(out, "notes", outcome->notes);
        buffer_append_text(out, "</system-out>\n");
    }
    buffer_append_text(out, "   </testcase>\n");
}

/* The dialect that Jenkins, GitLab and GitHub's reporters read: testsuites / testsuite / testcase.
 */
void report_junit(const struct report *report, struct buffer *out)
{
    size_t failed = report_counted(report, VERDICT_FAIL),
           skipped = report_counted(report, VERDICT_SKIP);
    size_t errors = report->unreachable != NULL;
    buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    for (int level = 0; level < 2; level++) {
        buffer_format(out, "%s<%s", level == 0 ? "" : "  ",
                      level == 0 ? "testsuites" : "testsuite");
        attribute(out, "name", report->title);
        buffer_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
                      report->count, failed, errors, skipped);
        seconds(out, report->wall_us);
        if (level == 1 && report->began_unix_s != 0) {
            time_t began = (time_t)report->began_unix_s;
            struct tm parts;
            char text[32];
            strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&began, &parts));
            attribute(out, "timestamp", text);
        }
        buffer_append_text(out, ">\n");
    }
    buffer_format(out, "   <properties>\n    <property name=\"seed\" value=\"%" PRIu64 "\"/>\n",
                  report->seed);
    buffer_append_text(out, "    <property name=\"subject\"");
    attribute(out, "value", report->subject != NULL ? report->subject : "");
    buffer_append_text(out, "/>\n   </properties>\n");
    for (size_t i = 0; i < report->count; i++) {
        testcase(out, &report->outcomes[i]);
    }
    if (report->unreachable != NULL) {
        buffer_append_text(out, "   <system-err>could not be reached: ");
        report_append_xml(out, report->unreachable);
        buffer_append_text(out, "</system-err>\n");
    }
    buffer_append_text(out, "  </testsuite>\n</testsuites>\n");
}
