#include "harness/cli/cli.h"

#include <stdio.h>
#include <string.h>

/* One line per subcommand, in the order of `hotbed --help`. */
const struct cli_command cli_commands[] = {
    {"run", "run Lua scenarios, in virtual time on the built-in mocks unless told otherwise",
     cli_run},
    {"check", "judge one side of a protocol: a conformance suite with stable check ids", cli_check},
    {"printer", "play one virtual printer in real time", cli_printer},
    {"models", "list the printer models, or show one in full", cli_models},
    {"mock", "play a server in real time; curl looks at it and drives it", cli_mock},
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

int cli_main(int argc, char **argv)
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
