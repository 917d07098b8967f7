#ifndef HOTBED_LOAD_STATS_H
#define HOTBED_LOAD_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/load/histogram.h"

/* What one worker counts. It lies in one piece of memory without pointers, shared with the process
 * that started the worker: so nothing is lost when the worker is killed, and reading it costs the
 * worker nothing. */

enum load_step {
    LOAD_CONNECT,
    LOAD_TLS,
    LOAD_REGISTER, /* each exchange of a registration */
    LOAD_TELEMETRY,
    LOAD_EVENT,
    LOAD_COMMAND,  /* from a command's arrival until the server has its answer */
    LOAD_TRANSFER, /* from the arrival of the command that begins it until the file is there */
    LOAD_STEPS,
};

enum load_cause {
    LOAD_CAUSE_CONNECT,
    LOAD_CAUSE_TLS,
    LOAD_CAUSE_TIMEOUT,
    LOAD_CAUSE_RESET,
    LOAD_CAUSE_3XX, /* a redirect that leads nowhere */
    LOAD_CAUSE_4XX,
    LOAD_CAUSE_5XX,
    LOAD_CAUSE_WRONG_REPLY,   /* no HTTP, cut off, too large, or a status that means nothing here */
    LOAD_CAUSE_MISSING_REPLY, /* the server closed instead of answering */
    LOAD_CAUSE_REFUSED,       /* the printer did not take it, or did not finish it */
    LOAD_CAUSES,
};

const char *load_step_name(enum load_step step);    /* "telemetry" */
const char *load_cause_name(enum load_cause cause); /* "status 4xx" */
bool load_step_parse(const char *name, size_t size, enum load_step *step);

struct load_step_stats {
    uint64_t planned;    /* of telemetry: its turns; else what has ended, or was cut off */
    uint64_t ok;         /* latency.count, too */
    uint64_t skipped;    /* telemetry whose turn came while four waited */
    uint64_t unfinished; /* what the end of the run, or of its printer, cut off */
    uint64_t failed[LOAD_CAUSES];
    struct histogram latency; /* of what was answered well */
};

/* One second of the run, warm-up included. */
struct load_bin {
    uint32_t on, connected; /* printers, at its end */
    uint32_t cpu_us;
    uint32_t late_most_us;
    uint32_t queued_bytes; /* that have not left at its end: for want of a connection or a reader */
    struct {
        uint32_t ok, failed, skipped, most_us;
        uint64_t sum_us;
    } steps[LOAD_STEPS];
};

struct load_group_stats {
    uint64_t printer_us; /* switched on, summed up, within the measured time */
    uint32_t printers;
    uint32_t came; /* of them were switched on at all */
    struct load_step_stats steps[LOAD_STEPS];
};

enum { LOAD_BINS_MAX = 25 * 3600 }; /* a run takes at most 24 h, and its end a while */

struct load_stats {
    uint32_t groups;
    uint32_t bins;          /* that are complete */
    volatile bool finished; /* the worker came to its end by itself */
    bool interrupted;
    uint64_t cpu_us;      /* within the measured time */
    uint64_t busiest_us;  /* the most of it that one worker took */
    uint64_t measured_us; /* of wall time, so far */
    uint32_t reconnects;  /* connections beyond the first of their printers */
    uint32_t resumed;     /* handshakes of TLS that resumed a session */
    uint32_t prints_started, prints_refused;
    uint32_t exhausted;              /* connections that this machine had no means for */
    int32_t exhausted_code;          /* errno of one of them */
    struct histogram lateness;       /* of our own timers, within the measured time */
    struct load_group_stats group[]; /* then the bins */
};

size_t load_stats_bytes(uint32_t groups);
void load_stats_init(struct load_stats *stats, uint32_t groups); /* in zeroed memory */
struct load_bin *load_stats_bins(struct load_stats *stats);      /* LOAD_BINS_MAX of them */
/* On the heap: anonymous pages that are taken when they are touched. */
struct load_stats *load_stats_new(uint32_t groups);
/* Shared with the processes that are forked from now on; NULL when there is no memory. */
struct load_stats *load_stats_new_shared(uint32_t groups);
void load_stats_destroy(struct load_stats *stats); /* either; NULL is fine */

/* Everything is added; `finished` holds when both have. Equal groups. */
void load_stats_merge(struct load_stats *into, const struct load_stats *from);
void load_bin_merge(struct load_bin *into, const struct load_bin *from);
uint64_t load_step_failed(const struct load_step_stats *step);
/* Of one step, over all groups. `out` is overwritten. */
void load_stats_total(const struct load_stats *stats, enum load_step step,
                      struct load_step_stats *out);

#endif
