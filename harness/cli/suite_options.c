#include "harness/cli/suite_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/check/registry.h"
#include "harness/net/faults/message_rules.h"
#include "sim/base/trace.h"

void suite_options_free(struct suite_options *options)
{
    cli_list_free(&options->only);
    cli_list_free(&options->misbehave);
}

static int list_all(const struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->count; i++) {
        const struct definition *definition = definitions->items[i];
        if (definition->check) {
            printf("%-11s %-8s %-8s %s\n", definition->name, definition->kind,
                   definition->side != NULL ? definition->side : "", definition->sentence);
        } else {
            printf("%s  %s\n", definition->name, definition->sentence);
        }
    }
    return CLI_HELD;
}

/* ---- The trace: a file that is complete when it has its name ---- */

struct trace_file {
    struct trace trace;
    FILE *file;
    char *temporary;
    const char *path;
};

static void write_line(void *sink, const char *line, size_t size)
{
    struct trace_file *file = sink;
    fwrite(line, 1, size, file->file);
}

static bool open_trace(struct trace_file *file, const char *path, struct error *error)
{
    struct buffer name = {0};
    buffer_format(&name, "%s.part", path);
    file->temporary = buffer_detach(&name);
    file->path = path;
    file->file = fopen(file->temporary, "wbe");
    if (file->file == NULL) {
        error_set(error, "--trace %s: %s", path, strerror(errno));
        free(file->temporary);
        return false;
    }
    trace_init(&file->trace, write_line, file);
    return true;
}

static bool close_trace(struct trace_file *file, struct error *error)
{
    trace_free(&file->trace);
    bool done = ferror(file->file) == 0;
    done = fclose(file->file) == 0 && done;
    done = done && rename(file->temporary, file->path) == 0;
    if (!done) {
        error_set(error, "--trace %s: %s", file->path, strerror(errno));
        unlink(file->temporary);
    }
    free(file->temporary);
    return done;
}

/* ---- Reports ---- */

typedef void render(const struct report *report, struct buffer *out);

static bool write_report(const char *path, render *renderer, const struct report *report)
{
    if (path == NULL) {
        return true;
    }
    struct buffer text = {0};
    renderer(report, &text);
    struct error error;
    bool done = report_write_file(path, &text, &error);
    if (!done) {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    buffer_free(&text);
    return done;
}

static bool write_reports(const struct suite_options *options, const struct report *report)
{
    bool junit = write_report(options->junit, report_junit, report);
    bool json = write_report(options->json, report_json, report);
    bool tap = write_report(options->tap ? "-" : NULL, report_tap, report);
    return junit && json && tap;
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int play_and_report(struct suite_options *options, struct suite_settings *settings, const char *subject,
                           const struct definitions *definitions)
{
    struct report_console console;
    bool taken = options->tap || is_stdout(options->junit) || is_stdout(options->json);
    report_console_init(&console, taken ? stderr : stdout, options->verbose);
    settings->console = &console;
    struct report report;
    report_init(&report, settings->title, subject, settings->seed);
    struct error error;
    int code = CLI_BAD_USAGE;
    if (suite_run(settings, definitions, &report, &error)) {
        report_console_end(&console, &report);
        code = report_exit_code(&report);
        if (!write_reports(options, &report)) {
            code = CLI_BAD_USAGE;
        }
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    report_free(&report);
    return code;
}

static int check_options(const struct cli_usage *usage, const struct suite_options *options,
                         const struct suite_settings *settings)
{
    const struct ground_targets *targets = settings->targets;
    if (options->model != NULL && model_find(options->model) == NULL) {
        return cli_complain(usage, "--model %s: there is no such model; hotbed models lists them", options->model);
    }
    bool server = targets != NULL && targets->connect_url != NULL;
    if ((options->send != NULL || options->control != NULL) && !server) {
        return cli_complain(usage, "--send and --control are for a server that is not ours");
    }
    if (options->misbehave.count > 0 && server) {
        return cli_complain(usage, "--misbehave is for our own server");
    }
    for (size_t i = 0; i < options->misbehave.count; i++) {
        const char *text = options->misbehave.items[i];
        struct error error;
        struct message_rule *rule = play_server_misbehaves(text) ? NULL : message_rule_parse(text, &error);
        if (rule == NULL && !play_server_misbehaves(text)) {
            return cli_complain(usage, "--misbehave %s: neither a misbehaviour of our server nor a fault of our printers' "
                                       "messages: %s", text, error.text);
        }
        if (rule != NULL) {
            message_rule_destroy(rule);
        }
    }
    return -1;
}

int suite_options_run(const struct cli_usage *usage, struct suite_options *options, struct suite_settings *settings,
                      const char *subject, struct definitions *definitions)
{
    struct error error;
    int code = check_options(usage, options, settings);
    if (code != -1) {
        return code;
    }
    if (options->only.count > 0 && !registry_only(definitions, options->only.items, options->only.count, &error)) {
        return cli_complain(usage, "%s", error.text);
    }
    if (options->no_quirks && options->only.count == 0) {
        registry_drop_kind(definitions, "quirk");
    }
    if (options->list) {
        return list_all(definitions);
    }
    cli_catch_signals();
    settings->seed = options->seed;
    settings->real = options->real;
    settings->timeout_us = options->timeout_us;
    settings->patience_us = options->timeout_us;
    settings->strict = options->strict;
    settings->no_quirks = options->no_quirks;
    settings->model = options->model;
    settings->misbehaviours = options->misbehave.items;
    settings->misbehaviour_count = options->misbehave.count;
    settings->stop = &cli_interrupted;
    struct trace_file trace;
    if (options->trace != NULL) {
        if (!open_trace(&trace, options->trace, &error)) {
            fprintf(stderr, "hotbed: %s\n", error.text);
            return CLI_BAD_USAGE;
        }
        settings->trace = &trace.trace;
    }
    code = play_and_report(options, settings, subject, definitions);
    if (options->trace != NULL && !close_trace(&trace, &error)) {
        fprintf(stderr, "hotbed: %s\n", error.text);
        code = CLI_BAD_USAGE;
    }
    return code;
}
