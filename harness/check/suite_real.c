#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/suite_link.h"
#include "harness/check/suite_parts.h"
#include "sim/base/memory.h"
#include "sim/wire/http.h"

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
    char trouble[PLAY_TROUBLE_BYTES];
    struct play **plays; /* by definition; NULL: not begun */
    bool *over;          /* by definition */
    char **
        late; /* why it could not take place; what was seen by the end may judge it; NULL: it did */
    size_t begun, ended, running, stimulating;
    volatile bool stop; /* of the driver's signals */
};

/* It does not take place. Of a device from outside what is seen by the end may tell. */
static void leave_out(struct run *run, size_t i, const char *reason)
{
    const struct definition *definition = run->definitions->items[i];
    run->over[i] = true;
    run->ended++;
    if (run->outside && definition->check && contract_rule_find(definition->name) != NULL) {
        run->late[i] = memory_copy_text(reason);
    } else {
        suite_skip(run->settings, run->report, definition, reason);
    }
}

/* To show a known defect is to do harm: files are replaced, commands get lost. A device from
 * outside is spared that, and the other checks what follows from it, unless nothing else is asked
 * for. */
static bool harms_others(const struct run *run, const struct definition *definition)
{
    bool others = false;
    for (size_t i = 0; i < run->definitions->count; i++) {
        const char *kind = run->definitions->items[i]->kind;
        others = others || kind == NULL || strcmp(kind, "quirk") != 0;
    }
    return run->outside && others && definition->kind != NULL &&
           strcmp(definition->kind, "quirk") == 0 && !definition->passive;
}

static void begin(struct run *run, size_t i)
{
    const struct definition *definition = run->definitions->items[i];
    if (definition->virtual_only != NULL && run->ground->real) {
        leave_out(run, i, definition->virtual_only);
        return;
    }
    if (harms_others(run, definition)) {
        leave_out(run, i,
                  "it provokes a known defect, which would disturb the other checks; --only with "
                  "its id does it");
        return;
    }
    if (run->outside && run->settings->watch && !definition->passive) {
        leave_out(run, i, "it would stimulate the device, which is only watched");
        return;
    }
    struct play *play = memory_new(sizeof *play);
    run->plays[i] = play;
    run->running++;
    run->stimulating += !definition->passive;
    struct play_settings settings;
    suite_play_settings(run->settings, run->ground, run->outside ? &run->house : NULL, &settings);
    settings.trouble = run->outside ? run->trouble : NULL;
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
    if (run->ground->targets->link_url != NULL && run->running > 0) {
        return false; /* a printer takes one transfer and few connections */
    }
    return !run->outside || run->definitions->items[i]->passive || run->stimulating == 0;
}

static void reap(struct run *run, size_t i)
{
    struct play *play = run->plays[i];
    if (play == NULL || run->over[i] || play->end == PLAY_RUNS) {
        return;
    }
    if (run->outside && play->end == PLAY_SKIPPED) {
        leave_out(run, i, play->reason);
    } else {
        suite_take(run->settings, run->report, play, play->ended_us - play->began_us);
        run->over[i] = true;
        run->ended++;
    }
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

static void tell_progress(struct run *run)
{
    if (run->settings->console != NULL) {
        report_console_progress(run->settings->console, run->ended, run->definitions->count,
                                run->ground->world->now_us, some_running(run));
    }
}

/* Everything that could take place is over, and the judge knows all that it will ever see. */
static void judge_late(struct run *run)
{
    if (run->house.contract != NULL) {
        contract_finish(run->house.contract, run->ground->world->now_us);
    }
    for (size_t i = 0; i < run->definitions->count; i++) {
        const struct definition *definition = run->definitions->items[i];
        if (run->late[i] == NULL) {
            continue;
        }
        const struct contract_result *result =
            contract_result(run->house.contract, definition->name);
        if (result->exercised > 0) {
            suite_judged(run->settings, run->report, definition, result, run->late[i]);
        } else {
            suite_skip(run->settings, run->report, definition, run->late[i]);
        }
        free(run->late[i]);
    }
}

/* Let a device that is only watched go on until the time is over. */
static void watch_on(struct run *run, int64_t until_us)
{
    struct world *world = run->ground->world;
    while (world->now_us < until_us && !stopped(run)) {
        tell_progress(run);
        int64_t next_us =
            world->now_us + PROGRESS_US < until_us ? world->now_us + PROGRESS_US : until_us;
        while (world->now_us < next_us && !stopped(run) && world_step(world, next_us)) {
        }
    }
}

static void play_all(struct run *run)
{
    size_t count = run->definitions->count;
    struct world *world = run->ground->world;
    int64_t began_us = world->now_us;
    while (run->ended < count && !stopped(run)) {
        for (size_t i = 0; i < count; i++) {
            if (may_begin(run, i)) {
                begin(run, i);
            }
        }
        tell_progress(run);
        size_t ended_before = run->ended;
        int64_t until_us = world->now_us + PROGRESS_US;
        while (run->ended == ended_before && !stopped(run) && world_step(world, until_us)) {
        }
        for (size_t i = 0; i < count; i++) {
            reap(run, i);
        }
    }
    if (run->outside && run->settings->watch) {
        watch_on(run, began_us + run->settings->watch_us);
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
    judge_late(run);
}

/* ---- Is somebody there? ---- */

struct probe {
    struct stream *stream;
    const struct endpoint *to;
    const char *path;
    struct buffer reply;
    bool ended;
    char why[160];
};

static bool probe_answered(const struct probe *probe)
{
    static const char http[] = "HTTP/1.";
    return probe->reply.size >= sizeof http - 1 &&
           memcmp(probe->reply.bytes, http, sizeof http - 1) == 0;
}

/* Any HTTP answer will do. */
static void probe_opened(void *owner)
{
    struct probe *probe = owner;
    struct buffer request = {0};
    char host[sizeof probe->to->host + 8];
    snprintf(host, sizeof host, "%s:%u", probe->to->host, endpoint_port(probe->to));
    http_write_request(&request, "GET", probe->path);
    http_write_header(&request, "Host", host);
    http_write_header(&request, "Connection", "close");
    http_write_end(&request);
    stream_send(probe->stream, request.bytes, request.size);
    buffer_free(&request);
}

static void probe_received(void *owner, const char *bytes, size_t size)
{
    struct probe *probe = owner;
    if (probe->reply.size < 64) {
        buffer_append(&probe->reply, bytes, size < 64 ? size : 64);
    }
}

static void probe_ended(void *owner, enum stream_end end, const char *why)
{
    struct probe *probe = owner;
    probe->ended = true;
    snprintf(probe->why, sizeof probe->why, "%s%s%s", stream_end_name(end), why != NULL ? ": " : "",
             why != NULL ? why : "");
}

/* An HTTP answer of any kind, before anything is judged. */
static bool reach_server(struct run *run, const char *url, const char *path, struct error *error)
{
    static const struct stream_events events = {
        .opened = probe_opened, .received = probe_received, .ended = probe_ended};
    struct endpoint endpoint;
    if (!endpoint_parse(&endpoint, url, NULL, error)) {
        return false;
    }
    struct probe probe = {.to = &endpoint, .path = path};
    probe.stream = network_connect(run->ground->network, &endpoint, &events, &probe);
    int64_t until_us = run->ground->world->now_us + SECONDS(10);
    while (!probe_answered(&probe) && !probe.ended && !stopped(run) &&
           world_step(run->ground->world, until_us)) {
    }
    if (!probe.ended) {
        stream_close(probe.stream);
    }
    if (!probe_answered(&probe)) {
        const char *other =
            probe.reply.size > 0 ? "what answers there is no HTTP" : "no answer within 10 s";
        struct buffer why = {0};
        buffer_format(&why, "%s: %s", url,
                      probe.ended && probe.reply.size == 0 ? probe.why : other);
        run->report->unreachable = buffer_detach(&why);
    }
    buffer_free(&probe.reply);
    return true;
}

/* Wait for a device to come and to say something. */
static bool await_device(struct run *run, struct error *error)
{
    struct connect_server_settings settings = {.log_bytes = 4 * (size_t)STAGE_LOG_BYTES,
                                               .history_max = 10000,
                                               .adopt_unknown_tokens = true};
    const char *at = run->settings->targets->printer_listen;
    if (!stage_house_open(&run->house, run->ground, at, &settings, error)) {
        return false;
    }
    run->outside = true;
    fprintf(stderr, "waiting for a printer at %s\n", run->house.url);
    int64_t patience_us =
        run->settings->patience_us != 0 ? run->settings->patience_us : SECONDS(60);
    int64_t until_us = run->ground->world->now_us + patience_us;
    while (connect_server_printer_count(run->house.server) == 0 && !stopped(run) &&
           world_step(run->ground->world, until_us)) {
    }
    if (connect_server_printer_count(run->house.server) == 0 && !stopped(run)) {
        struct buffer why = {0};
        buffer_format(&why, "no printer came to %s within %d s", run->house.url,
                      (int)(patience_us / 1000000));
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
    if (targets->link_url != NULL) {
        return reach_server(run, targets->link_url, "/api/version", error);
    }
    /* What PrusaLink asks before it registers (connect-sdk.md 1.2, number 9). */
    return targets->connect_url == NULL || reach_server(run, targets->connect_url, "/info", error);
}

bool suite_run_real(const struct suite_settings *settings, const struct definitions *definitions,
                    struct report *report, struct error *error)
{
    struct run run = {.settings = settings, .definitions = definitions, .report = report};
    const struct ground_targets *targets =
        settings->targets != NULL ? settings->targets : &ground_nobody_outside;
    run.ground = settings->ground != NULL
                     ? settings->ground
                     : ground_new_real(settings->seed, settings->trace, targets, error);
    if (run.ground == NULL) {
        return false;
    }
    volatile bool *stop = settings->stop != NULL ? settings->stop : &run.stop;
    bool done = (settings->ground != NULL || ground_catch_signals(run.ground, stop, error)) &&
                reach(&run, error);
    if (done && report->unreachable == NULL) {
        run.plays = memory_new_array(definitions->count + 1, sizeof(struct play *));
        run.over = memory_new_array(definitions->count + 1, sizeof(bool));
        run.late = memory_new_array(definitions->count + 1, sizeof(char *));
        play_all(&run);
        struct error left;
        if (targets->link_url != NULL && targets->link_write &&
            !suite_link_clean(run.ground, &left)) {
            fprintf(stderr, "hotbed: %s\n", left.text);
        }
        free(run.plays);
        free(run.over);
        free(run.late);
    }
    stage_house_close(&run.house, run.ground);
    if (settings->ground == NULL) {
        ground_destroy(run.ground);
    }
    return done;
}
