#ifndef HOTBED_MACHINE_TRANSFER_H
#define HOTBED_MACHINE_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/world.h"

/* A printer takes in one file at a time, whoever sends it: its own web server and Connect share the
 * one slot (prusalink.md 7 "uploads at once", connect-sdk.md 9). The slot is the machine's, so that
 * all faces see the same. */

enum transfer_source {
    TRANSFER_FROM_CLIENT,  /* a PrusaLink upload by PUT */
    TRANSFER_FROM_WEB,     /* a PrusaLink upload or download ordered on its web interface */
    TRANSFER_FROM_CONNECT, /* Connect's files */
    TRANSFER_FROM_SLICER,  /* Connect's files, sent by a slicer */
    TRANSFER_SOURCES,
};

const char *transfer_source_name(enum transfer_source source); /* "FROM_CLIENT" */

enum transfer_change { TRANSFER_BEGAN, TRANSFER_DONE, TRANSFER_STOPPED, TRANSFER_ABORTED };

struct transfer {
    uint32_t
        id; /* 0: none runs; else counted from the start of the printer, or what Connect said */
    enum transfer_source source;
    char *path; /* where the file will be: "/PrusaLink gcodes/x.gcode" */
    char *url;  /* where it comes from; NULL: it is sent to us */
    uint64_t size, received;
    int64_t began_us; /* world time */
    bool to_select, to_print;
    bool form;       /* by PrusaLink's older way, POST of a form: its end is told in other words
                        (connect-sdk.md 9.8) */
    bool two_clocks; /* its beginning is told by the uptime of the computer and compared with the
                        wall clock (prusalink.md 9.1, 7) */
    bool stop;       /* somebody wants it stopped: whoever receives looks at it at its next piece */
};

/* Seconds that are left of it at its present pace, as its owner reckons; -1: not to be said. */
int64_t transfer_remaining_s(const struct transfer *transfer, const struct world *world);

struct machine;

/* Whoever receives, in this order: begin, advance any number of times, end with what became of it.
 * Begin copies the texts and gives the transfer a number of its own unless id is set; false:
 * another one runs. Listeners are told of beginning and end (machine_events.transfer_changed). */
bool machine_transfer_begin(struct machine *machine, const struct transfer *transfer);
void machine_transfer_advance(struct machine *machine, uint64_t received);
void machine_transfer_size(struct machine *machine,
                           uint64_t size); /* known later than the beginning */
void machine_transfer_end(struct machine *machine, enum transfer_change how);
/* Anybody: the running one, or NULL; asking for its end is setting `stop` by this call, false when
 * none runs. */
const struct transfer *machine_transfer(const struct machine *machine);
bool machine_transfer_stop(struct machine *machine);

#endif
