#include "harness/cli/cli.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

volatile bool cli_interrupted;
static volatile int64_t interrupted_ms;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Who asks twice does not want the report. But timeout(1) signals its child and then its child's
 * group, and so does a terminal with a shell that passes signals on: that is one wish. */
static void interrupt(int number)
{
    enum { ONE_WISH_MS = 500 };
    if (!cli_interrupted) {
        interrupted_ms = now_ms();
        cli_interrupted = true;
    } else if (now_ms() - interrupted_ms > ONE_WISH_MS) {
        signal(number, SIG_DFL);
        raise(number); // NOLINT(bugprone-signal-handler): both are async-signal-safe in POSIX
    }
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler =
                                   interrupt}; /* no SA_RESTART: waiting calls return at once */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
