#ifndef HOTBED_CLI_CLI_H
#define HOTBED_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* The command line: one file per subcommand, each a function in one table (commands.c), each with
 * its options as a table from which both parsing and --help are made, so that no option is
 * documented and not there. */

enum cli_exit {
    CLI_HELD = 0,        /* all held */
    CLI_FAILED = 1,      /* a check failed or a threshold was missed */
    CLI_BAD_USAGE = 2,   /* bad usage or bad input */
    CLI_UNREACHABLE = 3, /* the subject could not be reached */
    CLI_INCOMPLETE = 4,  /* the run is incomplete */
    CLI_INTERRUPTED = 130,
};

struct cli_command {
    const char *name;
    const char *summary;               /* one line of `hotbed --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns enum cli_exit */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* The subcommands; each lives in a file of its name. */
int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_printer(int argc, char **argv);
int cli_mock(int argc, char **argv);
int cli_models(int argc, char **argv);
int cli_farm(int argc, char **argv);
int cli_merge(int argc, char **argv);
int cli_sync(int argc, char **argv);

/* The whole program but main(): dispatches, prints --help and --version. */
int cli_main(int argc, char **argv);

/* The next part of a "hotbed mock SERVER" style command: its own table, its own help. */
const struct cli_command *cli_find(const struct cli_command *commands, size_t count,
                                   const char *name);

/* ---- Options ---- */

enum cli_option_kind {
    CLI_FLAG,     /* bool *: true when given */
    CLI_TEXT,     /* const char **: the last one given */
    CLI_LIST,     /* struct cli_list *: every one given */
    CLI_NUMBER,   /* uint64_t *: decimal or 0x… */
    CLI_DURATION, /* int64_t *: µs, from "250ms", "5s", "2m", "6h" or seconds */
};

struct cli_list {
    const char **items; /* point into argv */
    size_t count;
};

struct cli_option {
    const char *name; /* "seed" for --seed; NULL ends the table */
    enum cli_option_kind kind;
    void *value; /* as the kind says; keeps what it holds (the default) when the option is absent */
    const char *argument; /* "N" in the help; NULL for a flag */
    const char *help;     /* what it does and the default; lines are broken by '\n' */
    bool *given;          /* set when the option was there; may be NULL */
};

struct cli_usage {
    const char *line;                 /* "run FILE|DIR... [OPTION...]", behind "usage: hotbed " */
    const char *about;                /* a paragraph */
    const struct cli_option *options; /* NULL: none */
    const char *example;              /* lines that work as pasted */
};

/* Take the options out of argv (`--name value`, `--name=value`, `--` ends them); `arguments` gets
 * what is left, which points into argv. Returns -1 to go on, else what the command returns at once:
 * CLI_HELD after --help was printed, CLI_BAD_USAGE after a complaint. cli_list_free() the arguments
 * and lists in either case. */
int cli_parse(int argc, char **argv, const struct cli_usage *usage, struct cli_list *arguments);
void cli_print_help(const struct cli_usage *usage);
void cli_list_free(struct cli_list *list);
void cli_list_add(struct cli_list *list, const char *item);

/* --no-quirks, then each --quirk ID=on|off, as a mask (sim/protocol/connect/quirks.h); and what
 * there is, a line each. */
bool cli_quirks(bool none, const struct cli_list *changes, uint32_t *quirks, struct error *error);
/* The same for a printer: of Connect and of PrusaLink (sim/protocol/link/quirks.h). */
bool cli_printer_quirks(bool none, const struct cli_list *changes, uint32_t *connect,
                        uint64_t *link, struct error *error);
void cli_print_quirks(void);

/* "hotbed COMMAND: text" on stderr with the way to the help; returns CLI_BAD_USAGE. */
int cli_complain(const struct cli_usage *usage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Becomes true at the first SIGINT or SIGTERM, which then end the run with its report; a second one
 * ends the program at once. */
extern volatile bool cli_interrupted;
void cli_catch_signals(void);

#endif
