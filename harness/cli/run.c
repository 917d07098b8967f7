#include "harness/cli/cli.h"

int cli_run(int argc, char **argv)
{
    static const struct cli_usage usage = {.line = "run FILE|DIR... [OPTION...]",
                                           .about = "Run Lua scenarios."};
    struct cli_list arguments = {0};
    int result = cli_parse(argc, argv, &usage, &arguments);
    cli_list_free(&arguments);
    return result != -1 ? result : CLI_INCOMPLETE;
}
