#ifndef HOTBED_LOAD_WORKERS_H
#define HOTBED_LOAD_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/load/plan.h"
#include "harness/load/stats.h"
#include "harness/net/tls.h"

/* Processes that each play their part of the farm in real time. They share nothing with each other;
 * this process only sees their statistics and whether they live. When one dies, the others go on.
 */
struct workers_settings {
    const struct load_plan *plan;
    const char *server;
    const char *control; /* of the endpoint that takes wishes; NULL: none is made */
    struct tls_settings tls;
    const char *const *sources; /* addresses to connect from */
    size_t source_count;
    uint32_t shard, shards;
    uint32_t workers; /* at least 1 */
};

struct worker {
    pid_t pid; /* 0: it has ended */
    struct load_stats *stats;
};

struct workers {
    struct workers_settings settings;
    struct worker *items;
    uint32_t alive;
    uint32_t lost; /* that did not come to their end */
    bool bad;      /* one could not even begin: it has said why */
};

/* Checks what the system allows (open files, ports), then starts them. False with the reason and
 * what to do about it. */
bool workers_start(struct workers *workers, const struct workers_settings *settings,
                   struct error *error);
/* Look who has ended; true while one lives. */
bool workers_poll(struct workers *workers);
void workers_stop(struct workers *workers); /* ask them to end; they do so within seconds */
void workers_free(struct workers *workers); /* ends those that are left */
/* What all of them have counted by now. `into` is empty. */
void workers_sum(const struct workers *workers, struct load_stats *into);

/* The last second that all living workers have behind them, counted from 1. False: there is none.
 */
bool workers_last_second(const struct workers *workers, uint32_t *second, struct load_bin *into);

#endif
