#include "harness/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One line per subcommand, in the order of `hotbed --help`. */
const struct cli_command cli_commands[] = {
    {"run", "run Lua scenarios, in virtual time on the built-in mocks unless told otherwise",
     cli_run},
    {"check", "judge one side of a protocol: a conformance suite with stable check ids", cli_check},
    {"printer", "play one virtual printer in real time", cli_printer},
    {"models", "list the printer models, or show one in full", cli_models},
    {"mock", "play a server in real time; curl looks at it and drives it", cli_mock},
    {"farm", "load a server with many printers, and judge what it does", cli_farm},
    {"sync", "bring a farm of PrusaLink printers into step with a folder", cli_sync},
    {"merge", "one report from the results of many shards of a farm", cli_merge},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

const struct cli_command *cli_find(const struct cli_command *commands, size_t count,
                                   const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void print_help(FILE *out)
{
    fputs("usage: hotbed COMMAND [ARGUMENT...]\n\n"
          "hotbed plays any side of a 3D printer's wire (printer, server), in virtual time against "
          "itself or\n"
          "in real time against something real, and says what kept the protocol and what broke "
          "it.\n\n"
          "commands:\n",
          out);
    for (size_t i = 0; i < cli_command_count; i++) {
        fprintf(out, "  %-9s %s\n", cli_commands[i].name, cli_commands[i].summary);
    }
    fputs("\n  hotbed COMMAND --help says more of one; hotbed --version prints the version.\n\n"
          "exit codes: 0 all held, 1 a check failed, 2 bad usage or input, 3 the subject could not "
          "be\n"
          "reached, 4 the run is incomplete, 130 interrupted\n",
          out);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_BAD_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("hotbed " HOTBED_VERSION);
        return CLI_HELD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_HELD;
    }
    const struct cli_command *command = cli_find(cli_commands, cli_command_count, argv[1]);
    if (command == NULL) {
        fprintf(stderr, "hotbed: there is no command \"%s\"; hotbed --help lists them\n", argv[1]);
        return CLI_BAD_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}

/* A program started with `>&-` would get a socket or a report as its standard output. */
static void open_standard_files(void)
{
    int file;
    do {
        file = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0) {
        close(file);
    }
}

/* A full disk behind `hotbed check --tap > file` must not look like a report. A reader that has
 * seen enough (`| head`) is no error. */
static int close_output(int code)
{
    bool broken = fflush(stdout) != 0;
    int reason = broken ? errno : 0; /* an earlier one is not known any more */
    struct pollfd reader = {.fd = STDOUT_FILENO};
    bool left = poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0;
    if ((!broken && ferror(stdout) == 0) || left || code == CLI_INTERRUPTED) {
        return code;
    }
    fprintf(stderr, "hotbed: standard output cannot be written%s%s\n", reason == 0 ? "" : ": ",
            reason == 0 ? "" : strerror(reason));
    return CLI_BAD_USAGE;
}

int cli_main(int argc, char **argv)
{
    open_standard_files();
    return close_output(dispatch(argc, argv));
}
