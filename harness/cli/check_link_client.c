#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/registry.h"
#include "harness/cli/check_link.h"
#include "harness/cli/suite_options.h"
#include "sim/base/memory.h"

static const char about[] =
    "Judge a program that speaks to PrusaLink servers by what prusalink.md says of clients: the "
    "one whose COMMAND\n"
    "stands behind --, or, without one, our own, in virtual time. COMMAND is run for each check on "
    "virtual printers\n"
    "at loop-back ports, of each dialect and in the states that the check is about: at rest, "
    "printing, with a nonce\n"
    "that is stale, slow, broken. It is judged by what it asked and by how it ended. What it never "
    "does is skipped.\n"
    "With --by-hand the addresses are told instead, and what comes there within TIME is judged. In "
    "COMMAND\n"
    "  {host} {port} {url}    where the printer is: 127.0.0.1, 40123, http://127.0.0.1:40123\n"
    "  {user} {password}      of its digest; in the environment as well, as HOTBED_PRUSALINK_USER "
    "and _PASSWORD\n"
    "  {api-key}              its X-Api-Key\n"
    "  {file}                 a g-code file to upload, for clients that do\n"
    "  {storage}              where to: usb or local";

static const char example[] = "  hotbed check prusalink-client\n"
                              "  hotbed check prusalink-client --list\n"
                              "  hotbed check prusalink-client -- curl -sSf --digest -u "
                              "{user}:{password} {url}/api/v1/status\n"
                              "  hotbed check prusalink-client --only PL-CL-01 -- mysync --host "
                              "{host} --port {port} --user {user} --password "
                              "{password}\n"
                              "  hotbed check prusalink-client --only PL-CL-03 --by-hand 5m";

static void append_command(struct buffer *out, const struct cli_list *words)
{
    buffer_append_text(out, words->count > 0 ? " --" : "");
    for (size_t i = 0; i < words->count; i++) {
        bool plain = words->items[i][strcspn(words->items[i], " \t\n'\"\\$`*?;&|<>()#")] == '\0';
        buffer_format(out, " %s%s%s", plain ? "" : "'", words->items[i], plain ? "" : "'");
    }
}

static int play(const struct cli_usage *usage, struct suite_options *options,
                const struct cli_list *words, int64_t by_hand_us)
{
    const char **command = memory_new_array(words->count + 1, sizeof *command);
    if (words->count > 0) {
        memcpy(command, words->items, words->count * sizeof *command);
    }
    struct ground_targets targets = {.command = words->count > 0 ? command : NULL,
                                     .link_by_hand_us = by_hand_us};
    struct buffer behind = {0};
    append_command(&behind, words);
    options->real = options->real || words->count > 0 ||
                    by_hand_us > 0; /* programs run on the clock of the wall */
    struct definitions definitions = {0};
    struct error error;
    int code = CLI_BAD_USAGE;
    if (registry_subject(&definitions, "prusalink-client", &error)) {
        struct suite_settings settings = {.title = "prusalink-client",
                                          .again = "hotbed check prusalink-client",
                                          .behind = buffer_text(&behind),
                                          .targets = &targets};
        const char *what = words->count > 0 ? command[0]
                           : by_hand_us > 0 ? "by hand"
                           : options->real  ? "our own, in real time"
                                            : "our own, in virtual time";
        code = suite_options_run(usage, options, &settings, what, &definitions);
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    definitions_free(&definitions);
    buffer_free(&behind);
    free(command);
    return code;
}

int cli_check_link_client(int argc, char **argv)
{
    struct suite_options options = {.seed = 1, .wires = SUITE_LINK};
    struct cli_list arguments = {0};
    int64_t by_hand_us = 0;
    const struct cli_option table[] = {
        {"by-hand", CLI_DURATION, &by_hand_us, "TIME",
         "tell the addresses and judge what comes there meanwhile", NULL},
        {"strict", CLI_FLAG, &options.strict, NULL, "a broken fidelity is a failure", NULL},
        SUITE_OPTION_ROWS(&options, "link: and one of hotbed\nprinter --list-misbehaviours"),
        SUITE_QUIRKS_ROW(&options),
        SUITE_TIME_ROWS(&options),
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "check prusalink-client [OPTION...] [-- COMMAND]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    int code = cli_parse(argc, argv, &usage, &arguments);
    if (code == -1 && arguments.count > 0 && by_hand_us > 0) {
        code = cli_complain(&usage, "--by-hand is for a client that is not run as COMMAND");
    }
    if (code == -1) {
        code = play(&usage, &options, &arguments, by_hand_us);
    }
    cli_list_free(&arguments);
    suite_options_free(&options);
    return code;
}
