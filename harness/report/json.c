#include "sim/base/json.h"
#include "harness/report/report.h"

static void text(struct json_writer *json, const char *key, const char *value)
{
    if (value != NULL) {
        json_string(json, key, value);
    }
}

static void outcome_json(struct json_writer *json, const struct report_outcome *outcome)
{
    json_object(json, NULL);
    json_string(json, "id", outcome->id);
    json_string(json, "verdict", verdict_name(outcome->verdict));
    text(json, "sentence", outcome->sentence);
    text(json, "suite", outcome->suite);
    text(json, "kind", outcome->kind);
    text(json, "file", outcome->file);
    json_int(json, "line", outcome->line);
    text(json, "reason", outcome->reason);
    text(json, "where", outcome->where);
    text(json, "expected", outcome->expected);
    text(json, "seen", outcome->seen);
    text(json, "messages", outcome->messages);
    text(json, "notes", outcome->notes);
    text(json, "again", outcome->reproduce);
    json_float(json, "world_s", (double)outcome->world_us / 1e6);
    json_float(json, "wall_s", (double)outcome->wall_us / 1e6);
    json_object_end(json);
}

void report_json(const struct report *report, struct buffer *out)
{
    struct json_writer json;
    json_begin(&json, out, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "format", "hotbed-report-1");
    json_string(&json, "version", HOTBED_VERSION);
    json_string(&json, "title", report->title);
    text(&json, "subject", report->subject);
    char seed[24]; /* as text: 64 bits do not fit the numbers of many JSON readers */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)report->seed);
    json_string(&json, "seed", seed);
    if (report->began_unix_s != 0) {
        json_int(&json, "began_unix_s", report->began_unix_s);
    }
    json_float(&json, "wall_s", (double)report->wall_us / 1e6);
    json_int(&json, "exit_code", report_exit_code(report));
    json_bool(&json, "interrupted", report->interrupted);
    json_int(&json, "not_run", (int64_t)report->not_run);
    text(&json, "unreachable", report->unreachable);
    json_object(&json, "counts");
    for (int i = 0; i < VERDICT_COUNT; i++) {
        json_int(&json, verdict_name((enum verdict)i),
                 (int64_t)report_counted(report, (enum verdict)i));
    }
    json_object_end(&json);
    json_array(&json, "outcomes");
    for (size_t i = 0; i < report->count; i++) {
        outcome_json(&json, &report->outcomes[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_char(out, '\n');
}
