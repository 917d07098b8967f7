#ifndef HOTBED_CLI_SUITE_OPTIONS_H
#define HOTBED_CLI_SUITE_OPTIONS_H

#include "harness/check/suite.h"
#include "harness/cli/cli.h"

/* Whose wires a suite plays on: what can misbehave there. */
enum suite_wires { SUITE_CONNECT = 1 << 0, SUITE_LINK = 1 << 1 };

/* What `run` and `check` have in common: which, how, with what and where the reports go. */
struct suite_options {
    unsigned wires; /* enum suite_wires */
    uint64_t seed;
    bool seed_given;
    const char *trace, *junit, *json;
    bool tap, list, real, verbose, strict, no_quirks, websocket, insecure;
    struct cli_list only, misbehave, quirks;
    int64_t timeout_us;
    const char *model, *send, *control, *ca;
};

/* A row of a table each. */
/* clang-format off */
/* Rows of an option table, behind a command's own: what every suite takes, `how` being what --misbehave takes there … */
#define SUITE_OPTION_ROWS(o, how)                                                                                      \
    {"only", CLI_LIST, &(o)->only, "NAME[,NAME]", "only these; may be given several times", NULL},                     \
        {"list", CLI_FLAG, &(o)->list, NULL, "tell what there is, run nothing", NULL},                                 \
        {"seed", CLI_NUMBER, &(o)->seed, "N", "what chance follows; default 1", &(o)->seed_given},                     \
        {"trace", CLI_TEXT, &(o)->trace, "FILE", "record every message there (NDJSON)", NULL},                         \
        {"junit", CLI_TEXT, &(o)->junit, "FILE", "report as JUnit XML; - is standard output", NULL},                   \
        {"json", CLI_TEXT, &(o)->json, "FILE", "report as JSON; - is standard output", NULL},                          \
        {"tap", CLI_FLAG, &(o)->tap, NULL, "report as TAP 14 on standard output, nothing else there", NULL},           \
        {"timeout", CLI_DURATION, &(o)->timeout_us, "TIME",                                                            \
         "the most a scenario may take, and how long to wait\nfor a device; default 48h virtual, 10m real", NULL},     \
        {"model", CLI_TEXT, &(o)->model, "MODEL", "these printers instead of those that are named", NULL},             \
        {"misbehave", CLI_LIST, &(o)->misbehave, "NAME[=ARG]",                                                         \
         "our side breaks its contract like that, to see that\na check can fail; " how, NULL},                         \
        {"verbose", CLI_FLAG, &(o)->verbose, NULL, "notes of what was skipped, too", NULL}

/* … what those take that can run in virtual time, too … */
/* What it means where printers of ours play. */
#define SUITE_QUIRKS_ROW(o)                                                                                            \
    {"no-quirks", CLI_FLAG, &(o)->no_quirks, NULL, "printers without the known defects of the real ones", NULL}

#define SUITE_TIME_ROWS(o)                                                                                             \
    {"real", CLI_FLAG, &(o)->real, NULL, "on the wall clock over sockets, side by side", NULL}

/* … those about Prusa Connect … */
#define SUITE_CONNECT_ROWS(o)                                                                                          \
    {"websocket", CLI_FLAG, &(o)->websocket, NULL, "Buddy printers of ours speak over a WebSocket", NULL},             \
        {"quirk", CLI_LIST, &(o)->quirks, "ID=on|off", "one of them; hotbed printer --list-quirks tells them", NULL},   \
        {"send", CLI_TEXT, &(o)->send, "TEMPLATE",                                                                     \
         "a shell command that makes the server send one; with\n{fingerprint} {token} {serial} {command} {kwargs}",    \
         NULL},                                                                                                        \
        {"control", CLI_TEXT, &(o)->control, "URL", "control endpoint of the server, a hotbed mock connect", NULL}

/* … and those that may go to a server of somebody else. */
#define SUITE_SERVER_ROWS(o)                                                                                           \
    {"ca", CLI_TEXT, &(o)->ca, "FILE", "trust these certificates (PEM)", NULL},                                        \
        {"insecure", CLI_FLAG, &(o)->insecure, NULL, "take any certificate", NULL}
/* clang-format on */

void suite_options_free(struct suite_options *options);

/* Play them and report. `settings` has title, again and targets; the rest is taken from the
 * options. Takes the definitions. Returns what the command returns. */
int suite_options_run(const struct cli_usage *usage, struct suite_options *options,
                      struct suite_settings *settings, const char *subject,
                      struct definitions *definitions);

/* Play the scenarios of files and folders, with somebody else in the roles that `targets` name.
 * `gifts`: what t:given reads. */
int run_scenarios(const struct cli_usage *usage, struct suite_options *options,
                  const struct cli_list *files, const struct cli_list *gifts,
                  const struct ground_targets *targets);

#endif
