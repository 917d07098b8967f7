#include "harness/cli/cli.h"

int cli_check(int argc, char **argv)
{
    static const struct cli_usage usage = {.line = "check SUBJECT [URL] [OPTION...]",
                                           .about = "Run the conformance suite of one subject."};
    struct cli_list arguments = {0};
    int result = cli_parse(argc, argv, &usage, &arguments);
    cli_list_free(&arguments);
    return result != -1 ? result : CLI_INCOMPLETE;
}
