#include <stdio.h>
#include <string.h>

#include "harness/check/registry.h"
#include "harness/cli/suite_options.h"

static const char about[] =
    "Run Lua scenarios (docs/scenarios.md): files, or folders with all that is below. In virtual "
    "time and\n"
    "against the built-in mocks unless told otherwise; a seed repeats a run byte for byte.";

static const char example[] =
    "  hotbed run scenarios/examples\n"
    "  hotbed run scenarios/examples --seed 7 --trace trace.ndjson --junit report.xml\n"
    "  hotbed run scenarios/examples --real";

/* "connect=URL" or "printer=ADDRESS". */
static bool take_target(struct ground_targets *targets, const char *text, struct error *error)
{
    if (strncmp(text, "connect=", 8) == 0 && text[8] != '\0') {
        struct endpoint endpoint;
        targets->connect_url = text + 8;
        return endpoint_parse(&endpoint, targets->connect_url, NULL, error);
    }
    if (strncmp(text, "printer=", 8) == 0 && text[8] != '\0') {
        targets->printer_listen = text + 8;
        return true;
    }
    return error_set(error, "--target %s: expected connect=URL or printer=ADDRESS:PORT", text);
}

int run_scenarios(const struct cli_usage *usage, struct suite_options *options,
                  const struct cli_list *files, const struct cli_list *gifts,
                  const struct ground_targets *targets)
{
    struct error error;
    struct definitions definitions = {0};
    int code = CLI_BAD_USAGE;
    bool loaded = true;
    for (size_t i = 0; i < files->count && loaded; i++) {
        loaded = registry_add(&definitions, files->items[i], &error);
    }
    if (loaded) {
        bool outside = targets->connect_url != NULL || targets->printer_listen != NULL;
        options->real = options->real || outside;
        struct suite_settings settings = {.title = "run",
                                          .again = "hotbed run",
                                          .targets = targets,
                                          .gifts = gifts->items,
                                          .gift_count = gifts->count};
        const char *subject = targets->connect_url != NULL      ? targets->connect_url
                              : targets->printer_listen != NULL ? "a printer from outside"
                              : options->real                   ? "real time, own mocks"
                                                                : "virtual time, own mocks";
        settings.again = options->real && !outside ? "hotbed run --real" : "hotbed run";
        code = suite_options_run(usage, options, &settings, subject, &definitions);
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    definitions_free(&definitions);
    return code;
}

static int run(const struct cli_usage *usage, struct suite_options *options,
               const struct cli_list *files, const struct cli_list *roles,
               const struct cli_list *gifts)
{
    struct ground_targets targets = {.send_template = options->send,
                                     .control_url = options->control,
                                     .ca_file = options->ca,
                                     .insecure = options->insecure};
    struct error error;
    for (size_t i = 0; i < roles->count; i++) {
        if (!take_target(&targets, roles->items[i], &error)) {
            return cli_complain(usage, "%s", error.text);
        }
    }
    if (targets.connect_url != NULL && targets.printer_listen != NULL) {
        return cli_complain(usage, "one role is enough to play for somebody else");
    }
    for (size_t i = 0; i < gifts->count; i++) {
        if (strchr(gifts->items[i], '=') == NULL) {
            return cli_complain(usage, "--give %s: expected NAME=FILE", gifts->items[i]);
        }
    }
    if (files->count == 0) {
        return cli_complain(usage, "which scenarios? FILE or DIR is missing");
    }
    return run_scenarios(usage, options, files, gifts, &targets);
}

int cli_run(int argc, char **argv)
{
    struct suite_options options = {.seed = 1, .wires = SUITE_CONNECT | SUITE_LINK};
    struct cli_list roles = {0}, files = {0}, gifts = {0};
    const struct cli_option table[] = {
        {"target", CLI_LIST, &roles, "ROLE=WHERE",
         "somebody else plays: connect=URL is a server,\nprinter=ADDRESS:PORT waits there for a "
         "device",
         NULL},
        {"give", CLI_LIST, &gifts, "NAME=FILE", "let scenarios read this file as t:given \"NAME\"",
         NULL},
        SUITE_OPTION_ROWS(&options, "hotbed mock connect\n--list-misbehaviours tells them"),
        SUITE_QUIRKS_ROW(&options),
        SUITE_TIME_ROWS(&options),
        SUITE_CONNECT_ROWS(&options),
        SUITE_SERVER_ROWS(&options),
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "run FILE|DIR... [OPTION...]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    int code = cli_parse(argc, argv, &usage, &files);
    if (code == -1) {
        code = run(&usage, &options, &files, &roles, &gifts);
    }
    cli_list_free(&roles);
    cli_list_free(&gifts);
    cli_list_free(&files);
    suite_options_free(&options);
    return code;
}
