#include "harness/cli/cli.h"

#include <stddef.h>

volatile bool cli_interrupted;

static void interrupt(int number)
{
    (void)number;
    cli_interrupted = true;
}

void cli_catch_signals(void)
{
    /* SA_RESETHAND: who asks twice does not want the report. Without SA_RESTART waiting calls
     * return at once. */
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
