#include "harness/sync/engine.h"

#include <stdlib.h>

#include "harness/sync/seat.h"
#include "sim/base/memory.h"

enum { JOBS_DEFAULT = 16 };

struct sync_run {
    struct link_transport *transport;
    struct sync_settings settings;
    struct sync_report *report;
    struct seat *seats;
    size_t next;    /* whose turn comes */
    size_t working; /* how many are at work */
    int64_t began_us;
    bool stopped;
    volatile bool over;
};

struct sync_run *sync_run_new(struct link_transport *transport,
                              const struct sync_settings *settings, struct sync_report *report)
{
    struct sync_run *run = memory_new(sizeof *run);
    *run = (struct sync_run){.transport = transport, .settings = *settings, .report = report};
    if (run->settings.jobs == 0) {
        run->settings.jobs = JOBS_DEFAULT;
    }
    run->seats = memory_new_array(report->count, sizeof *run->seats);
    for (size_t i = 0; i < report->count; i++) {
        seat_init(&run->seats[i], run, &run->settings, transport->world, &report->seats[i], i);
    }
    return run;
}

static void go_on(struct sync_run *run)
{
    while (!run->stopped && run->working < run->settings.jobs && run->next < run->report->count) {
        run->working++;
        seat_begin(&run->seats[run->next++], run->transport);
    }
    if (run->working == 0) {
        run->report->took_us = run->transport->world->now_us - run->began_us;
        run->over = true;
    }
}

void sync_run_start(struct sync_run *run)
{
    run->began_us = run->transport->world->now_us;
    run->report->execute = run->settings.execute;
    go_on(run);
}

void sync_run_seat_ended(struct sync_run *run)
{
    run->working--;
    go_on(run);
}

void sync_run_stop(struct sync_run *run)
{
    if (run->over) {
        return;
    }
    run->stopped = true;
    run->report->interrupted = true;
    for (size_t i = 0; i < run->report->count; i++) {
        if (run->seats[i].client != NULL) {
            seat_end(&run->seats[i], SYNC_INTERRUPTED, NULL);
        } else if (i >= run->next) {
            run->report->seats[i].outcome = SYNC_INTERRUPTED;
        }
    }
    go_on(run);
}

const volatile bool *sync_run_over(const struct sync_run *run)
{
    return &run->over;
}

void sync_run_destroy(struct sync_run *run)
{
    if (run == NULL) {
        return;
    }
    for (size_t i = 0; i < run->report->count; i++) {
        seat_free(&run->seats[i]);
    }
    free(run->seats);
    free(run);
}
