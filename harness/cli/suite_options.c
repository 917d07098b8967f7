#include "harness/cli/suite_options.h"

#include <stdio.h>
#include <string.h>

#include "harness/check/registry.h"
#include "harness/cli/trace_file.h"
#include "harness/net/faults/message_rules.h"
#include "sim/protocol/link/misbehave.h"

void suite_options_free(struct suite_options *options)
{
    cli_list_free(&options->only);
    cli_list_free(&options->misbehave);
    cli_list_free(&options->quirks);
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

/* ---- Reports ---- */

typedef void render(const struct report *report, struct buffer *out);

/* The files that a run leaves. They are opened before it begins, so that nobody waits for hours to
 * hear that the folder does not exist. */
struct outputs {
    struct output_file junit, json;
    struct trace_file trace;
};

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static void drop_outputs(struct outputs *outputs)
{
    output_file_drop(&outputs->junit);
    output_file_drop(&outputs->json);
    trace_file_drop(&outputs->trace);
}

static bool open_report(struct output_file *file, const char *option, const char *path,
                        struct error *error)
{
    return path == NULL || is_stdout(path) || output_file_open(file, path, error) ||
           error_prefix(error, "--%s", option);
}

static bool open_outputs(struct outputs *outputs, const struct suite_options *options,
                         struct error *error)
{
    *outputs = (struct outputs){0};
    bool opened =
        open_report(&outputs->junit, "junit", options->junit, error) &&
        open_report(&outputs->json, "json", options->json, error) &&
        (options->trace == NULL || trace_file_open(&outputs->trace, options->trace, error));
    if (!opened) {
        drop_outputs(outputs);
    }
    return opened;
}

static bool told(bool done, const struct error *error)
{
    if (!done) {
        fprintf(stderr, "hotbed: %s\n", error->text);
    }
    return done;
}

static bool write_report(struct output_file *file, const char *path, render *renderer,
                         const struct report *report)
{
    if (path == NULL) {
        return true;
    }
    struct buffer text = {0};
    struct error error;
    bool done = true;
    renderer(report, &text);
    if (is_stdout(path)) {
        fwrite(text.bytes, 1, text.size, stdout); /* cli_main() tells when it cannot be written */
    } else {
        output_file_write(file, text.bytes, text.size);
        done = told(output_file_close(file, &error), &error);
    }
    buffer_free(&text);
    return done;
}

static bool write_outputs(struct outputs *outputs, const struct suite_options *options,
                          const struct report *report)
{
    struct error error;
    bool junit = write_report(&outputs->junit, options->junit, report_junit, report);
    bool json = write_report(&outputs->json, options->json, report_json, report);
    bool tap = write_report(NULL, options->tap ? "-" : NULL, report_tap, report);
    bool trace = told(trace_file_close(&outputs->trace, &error), &error);
    return junit && json && tap && trace;
}

/* Runs them with the console on the stream that no report takes. False: nothing ran. */
static bool play(const struct suite_options *options, struct suite_settings *settings,
                 const struct definitions *definitions, struct report *report, struct error *error)
{
    struct report_console console;
    bool taken = options->tap || is_stdout(options->junit) || is_stdout(options->json);
    report_console_init(&console, taken ? stderr : stdout, options->verbose);
    settings->console = &console;
    if (!suite_run(settings, definitions, report, error)) {
        return false;
    }
    report_console_end(&console, report);
    return true;
}

static int play_and_report(const struct suite_options *options, struct suite_settings *settings,
                           const char *subject, const struct definitions *definitions)
{
    struct error error;
    struct outputs outputs;
    if (!open_outputs(&outputs, options, &error)) {
        fprintf(stderr, "hotbed: %s\n", error.text);
        return CLI_BAD_USAGE;
    }
    settings->trace = options->trace == NULL ? NULL : &outputs.trace.trace;
    struct report report;
    report_init(&report, settings->title, subject, settings->seed);
    int code = CLI_BAD_USAGE;
    if (play(options, settings, definitions, &report, &error)) {
        code =
            write_outputs(&outputs, options, &report) ? report_exit_code(&report) : CLI_BAD_USAGE;
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
        drop_outputs(&outputs);
    }
    report_free(&report);
    return code;
}

static bool check_misbehaviour(const struct suite_options *options, const char *text,
                               struct error *error)
{
    if (play_link_misbehaves(text)) {
        return (options->wires & SUITE_LINK) == 0
                   ? error_set(error, "no PrusaLink server takes part here")
                   : link_misbehaviour_check(text + strlen("link:"), error);
    }
    if ((options->wires & SUITE_CONNECT) == 0) {
        return error_set(error, "expected link: and one of hotbed printer --list-misbehaviours");
    }
    if (play_server_misbehaves(text)) {
        return true;
    }
    struct message_rule *rule = message_rule_parse(text, error);
    if (rule == NULL) {
        return error_prefix(
            error, "neither a misbehaviour of our server nor a fault of our printers' messages");
    }
    message_rule_destroy(rule);
    return true;
}

static int check_options(const struct cli_usage *usage, const struct suite_options *options,
                         const struct suite_settings *settings)
{
    const struct ground_targets *targets = settings->targets;
    if (options->model != NULL && model_find(options->model) == NULL) {
        return cli_complain(usage, "--model %s: there is no such model; hotbed models lists them",
                            options->model);
    }
    bool server = targets != NULL && targets->connect_url != NULL;
    bool link = targets != NULL && targets->link_url != NULL;
    if ((options->send != NULL || options->control != NULL) && !server) {
        return cli_complain(usage, "--send and --control are for a server that is not ours");
    }
    if ((options->ca != NULL || options->insecure) && !server && !link) {
        return cli_complain(usage, "--ca and --insecure are for a server that is not ours");
    }
    if (options->tap + is_stdout(options->junit) + is_stdout(options->json) > 1) {
        return cli_complain(usage, "standard output takes one report; name a file for the others");
    }
    if (options->misbehave.count > 0 && (server || link)) {
        return cli_complain(usage, "--misbehave is for our own server");
    }
    for (size_t i = 0; i < options->misbehave.count; i++) {
        struct error error;
        if (!check_misbehaviour(options, options->misbehave.items[i], &error)) {
            return cli_complain(usage, "--misbehave %s: %s", options->misbehave.items[i],
                                error.text);
        }
    }
    return -1;
}

int suite_options_run(const struct cli_usage *usage, struct suite_options *options,
                      struct suite_settings *settings, const char *subject,
                      struct definitions *definitions)
{
    struct error error;
    int code = check_options(usage, options, settings);
    if (code != -1) {
        return code;
    }
    if (options->only.count > 0 &&
        !registry_only(definitions, options->only.items, options->only.count, &error)) {
        return cli_complain(usage, "%s", error.text);
    }
    uint32_t quirks;
    if (!cli_quirks(options->no_quirks, &options->quirks, &quirks, &error)) {
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
    settings->websocket = options->websocket;
    settings->quirks_off = ~quirks;
    settings->model = options->model;
    settings->misbehaviours = options->misbehave.items;
    settings->misbehaviour_count = options->misbehave.count;
    settings->stop = &cli_interrupted;
    return play_and_report(options, settings, subject, definitions);
}
