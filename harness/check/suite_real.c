#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/suite_parts.h"
#include "sim/base/memory.h"

enum { SIDE_BY_SIDE_MAX = 200 };
#define PROGRESS_US MILLISECONDS(250)

/* Real time: one world, many plays at once. */
struct run {
    const struct suite_settings *settings;
    const struct definitions *definitions;
    struct report *report;
    struct ground *ground;
    struct stage_house house; /* one address for the device from outside; unused otherwise */
    bool outside;             /* a device: what stimulates it goes one after the other */
    struct play **plays;      /* by definition; NULL: not begun */
    bool *over;               /* by definition */
    size_t begun, ended, running, stimulating;
    volatile bool stop; /* of the driver's signals */
};

static void begin(struct run *run, size_t i)
{
    const struct definition *definition = run->definitions->items[i];
    if (definition->virtual_only != NULL) {
        suite_skip(run->settings, run->report, definition, definition->virtual_only);
        run->over[i] = true;
        run->ended++;
        return;
    }
    struct play *play = memory_new(sizeof *play);
    run->plays[i] = play;
    run->running++;
    run->stimulating += !definition->passive;
    struct play_settings settings;
    suite_play_settings(run->settings, run->ground, run->outside ? &run->house : NULL, &settings);
    struct error error;
    if (!play_start(play, definition, &settings, run->settings->seed, &error)) {
        play->definition = definition;
        suite_refused(play, &error);
    }
}

static bool may_begin(const struct run *run, size_t i)
{
    if (run->plays[i] != NULL || run->over[i] || run->running >= SIDE_BY_SIDE_MAX) {
        return false;
    }
    return !run->outside || run->definitions->items[i]->passive || run->stimulating == 0;
}

static void reap(struct run *run, size_t i)
{
    struct play *play = run->plays[i];
    if (play == NULL || run->over[i] || play->end == PLAY_RUNS) {
        return;
    }
    suite_take(run->settings, run->report, play, play->ended_us - play->began_us);
    run->over[i] = true;
    run->ended++;
    run->running--;
    run->stimulating -= !play->definition->passive;
    play_free(play);
    free(play);
    run->plays[i] = NULL;
}

static const char *some_running(const struct run *run)
{
    for (size_t i = 0; i < run->definitions->count; i++) {
        if (run->plays[i] != NULL) {
            return run->definitions->items[i]->name;
        }
    }
    return NULL;
}

static bool stopped(const struct run *run)
{
    return run->stop || (run->settings->stop != NULL && *run->settings->stop);
}

static void play_all(struct run *run)
{
    size_t count = run->definitions->count;
    struct world *world = run->ground->world;
    while (run->ended < count && !stopped(run)) {
        for (size_t i = 0; i < count; i++) {
            if (may_begin(run, i)) {
                begin(run, i);
            }
        }
        if (run->settings->console != NULL) {
            report_console_progress(run->settings->console, run->ended, count, world->now_us, some_running(run));
        }
        size_t ended_before = run->ended;
        int64_t until_us = world->now_us + PROGRESS_US;
        while (run->ended == ended_before && !stopped(run) && world_step(world, until_us)) {
        }
        for (size_t i = 0; i < count; i++) {
            reap(run, i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (run->over[i]) {
            continue;
        }
        run->report->not_run++;
        if (run->plays[i] != NULL) {
            play_stop(run->plays[i], "interrupted");
            reap(run, i);
        }
    }
}

/* ---- Is somebody there? ---- */

struct probe {
    bool opened, ended;
    char why[160];
};

static void probe_opened(void *owner)
{
    ((struct probe *)owner)->opened = true;
}

static void probe_received(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    (void)bytes;
    (void)size;
}

static void probe_ended(void *owner, enum stream_end end, const char *why)
{
    struct probe *probe = owner;
    probe->ended = true;
    snprintf(probe->why, sizeof probe->why, "%s%s%s", stream_end_name(end), why != NULL ? ": " : "",
             why != NULL ? why : "");
}

/* A connection to the server, before anything is judged. */
static bool reach_server(struct run *run, struct error *error)
{
    static const struct stream_events events = {
        .opened = probe_opened, .received = probe_received, .ended = probe_ended};
    const char *url = run->settings->targets->connect_url;
    struct endpoint endpoint;
    if (!endpoint_parse(&endpoint, url, NULL, error)) {
        return false;
    }
    struct probe probe = {0};
    struct stream *stream = network_connect(run->ground->network, &endpoint, &events, &probe);
    int64_t until_us = run->ground->world->now_us + SECONDS(10);
    while (!probe.opened && !probe.ended && !stopped(run) && world_step(run->ground->world, until_us)) {
    }
    if (!probe.ended) {
        stream_close(stream);
    }
    if (!probe.opened) {
        struct buffer why = {0};
        buffer_format(&why, "%s: %s", url, probe.ended ? probe.why : "no connection within 10 s");
        run->report->unreachable = buffer_detach(&why);
    }
    return true;
}

/* Wait for a device to come and to say something. */
static bool await_device(struct run *run, struct error *error)
{
    struct connect_server_settings settings = {
        .log_bytes = 4 * (size_t)STAGE_LOG_BYTES, .history_max = 10000, .adopt_unknown_tokens = true};
    const char *at = run->settings->targets->printer_listen;
    if (!stage_house_open(&run->house, run->ground, at, &settings, error)) {
        return false;
    }
    run->outside = true;
    fprintf(stderr, "waiting for a printer at %s\n", run->house.url);
    int64_t patience_us = run->settings->patience_us != 0 ? run->settings->patience_us : SECONDS(60);
    int64_t until_us = run->ground->world->now_us + patience_us;
    while (connect_server_printer_count(run->house.server) == 0 && !stopped(run) &&
           world_step(run->ground->world, until_us)) {
    }
    if (connect_server_printer_count(run->house.server) == 0 && !stopped(run)) {
        struct buffer why = {0};
        buffer_format(&why, "no printer came to %s within %d s", run->house.url, (int)(patience_us / 1000000));
        run->report->unreachable = buffer_detach(&why);
    }
    return true;
}

static bool reach(struct run *run, struct error *error)
{
    const struct ground_targets *targets = run->settings->targets;
    if (targets == NULL) {
        return true;
    }
    if (targets->printer_listen != NULL) {
        return await_device(run, error);
    }
    return targets->connect_url == NULL || reach_server(run, error);
}

bool suite_run_real(const struct suite_settings *settings, const struct definitions *definitions,
                    struct report *report, struct error *error)
{
    struct run run = {.settings = settings, .definitions = definitions, .report = report};
    const struct ground_targets *targets = settings->targets != NULL ? settings->targets : &ground_nobody_outside;
    run.ground = ground_new_real(settings->seed, settings->trace, targets, error);
    if (run.ground == NULL) {
        return false;
    }
    volatile bool *stop = settings->stop != NULL ? settings->stop : &run.stop;
    bool done = ground_catch_signals(run.ground, stop, error) && reach(&run, error);
    if (done && report->unreachable == NULL) {
        run.plays = memory_new_array(definitions->count + 1, sizeof(struct play *));
        run.over = memory_new_array(definitions->count + 1, sizeof(bool));
        play_all(&run);
        free(run.plays);
        free(run.over);
    }
    stage_house_close(&run.house, run.ground);
    ground_destroy(run.ground);
    return done;
}
