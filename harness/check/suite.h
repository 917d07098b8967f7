#ifndef HOTBED_CHECK_SUITE_H
#define HOTBED_CHECK_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/report/report.h"
#include "harness/script/play.h"

/* Plays a list of scenarios and checks and reports on them: in virtual time one after the other,
 * each in a world of its own; in real time side by side in one world. */

struct suite_settings {
    const char *title;  /* "connect-printer", "run" */
    const char *again;  /* the command that runs one of them again, up to the name: "hotbed check
                           connect-printer" */
    const char *behind; /* what stands behind the name; NULL: nothing */
    uint64_t seed;
    bool real;
    const struct ground_targets *targets; /* NULL: everything is ours */
    struct trace *trace;
    int64_t timeout_us;  /* of one scenario; 0: the default */
    int64_t patience_us; /* how long to wait for somebody outside; 0: 60 s */
    bool watch; /* a device from outside is not stimulated: what it does by itself is judged, */
    int64_t watch_us; /* for so long */
    struct ground
        *ground;    /* where to meet a device from outside; NULL: the wall clock and sockets */
    bool strict;    /* a stranger's broken fidelity is a failure */
    bool websocket; /* Buddy printers of ours speak over a WebSocket when scenarios don't say */
    uint32_t quirks_off; /* known defects that our printers do without
                            (sim/protocol/connect/quirks.h); 0: none */
    const char *model;   /* instead of those that the scenarios name */
    const char *const *misbehaviours;
    size_t misbehaviour_count;
    const char *const *gifts; /* "NAME=FILE": what scenarios may read with t:given */
    size_t gift_count;
    struct report_console *console; /* NULL: quiet */
    volatile bool *stop;            /* NULL: nothing ends the run early */
};

/* False with the reason when the run could not take place at all. `report` is initialised by the
 * caller. */
bool suite_run(const struct suite_settings *settings, const struct definitions *definitions,
               struct report *report, struct error *error);

#endif
