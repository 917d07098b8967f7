#include "harness/load/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/load/summary.h"
#include "harness/net/microhttpd.h"
#include "harness/net/real.h"
#include "harness/report/report.h"
#include "sim/base/memory.h"

enum { LOOK_MS = 50, WRITE_S = 10 };

/* How long workers may take to end once they were told: they only close their connections. */
#define END_US SECONDS(5)

struct run {
    const struct load_run_settings *settings;
    struct workers workers;
    struct world world; /* of this process: it looks after the workers, and shows figures */
    struct real_driver *driver;
    struct microhttpd_front *front;
    struct http_service service;
    struct timer look, write;
    int64_t began_unix_us;
    int64_t stop_us; /* when the workers were told to end; INT64_MAX: not yet */
    uint32_t shown;  /* the second on the live line */
    size_t shown_size;
    bool over, complained;
};

static int64_t unix_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- What there is by now ---- */

static struct load_result *take_result(const struct run *run)
{
    const struct workers_settings *settings = &run->settings->workers;
    struct load_result *result =
        load_result_new(settings->plan, settings->server, settings->shard, settings->shards);
    workers_sum(&run->workers, result->stats);
    result->workers = settings->workers;
    result->workers_lost = run->workers.lost;
    result->complete = run->workers.alive == 0 && result->stats->finished;
    result->interrupted = result->stats->interrupted;
    result->began_unix_us = run->began_unix_us;
    result->written_unix_us = unix_us();
    load_result_judge_generator(result);
    return result;
}

static bool write_result(const struct run *run, const struct load_result *result,
                         struct error *error)
{
    if (run->settings->result_file == NULL) {
        return true;
    }
    struct buffer text = {0};
    load_result_write(result, &text);
    bool written = report_write_file(run->settings->result_file, &text, error);
    buffer_free(&text);
    return written || error_prefix(error, "--result");
}

static void on_write(void *owner)
{
    struct run *run = owner;
    struct load_result *result = take_result(run);
    struct error error;
    if (!write_result(run, result, &error) && !run->complained) {
        fprintf(stderr, "hotbed farm: %s\n", error.text); /* the disk may have room again later */
        run->complained = true;
    }
    load_result_destroy(result);
    world_arm_in(&run->world, &run->write, SECONDS(WRITE_S));
}

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    const struct run *run = owner;
    struct buffer text = {0};
    struct http_reply reply = {.status = 404};
    if (slice_is(message->target, "/metrics")) {
        struct load_result *result = take_result(run);
        load_summary_prometheus(result, &text);
        load_result_destroy(result);
        reply.status = 200;
        http_reply_header(&reply, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    } else {
        buffer_append_text(&text, "figures are at /metrics\n");
        http_reply_header(&reply, "Content-Type", "text/plain; charset=utf-8");
    }
    reply.body = text.bytes;
    reply.body_size = text.size;
    http_exchange_reply(exchange, &reply);
    buffer_free(&text);
}

/* ---- The live line ---- */

/* One that runs over the edge would leave its beginning behind, each second anew. */
static void fit_terminal(struct buffer *line)
{
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 &&
        line->size >= window.ws_col) {
        line->size = window.ws_col - 1;
        line->bytes[line->size] = '\0';
    }
}

static void show_line(struct run *run)
{
    uint32_t second;
    struct load_bin bin;
    if (!run->settings->live || !workers_last_second(&run->workers, &second, &bin) ||
        second == run->shown) {
        return;
    }
    const struct workers_settings *workers = &run->settings->workers;
    uint64_t mine =
        (workers->plan->printers + workers->shards - 1 - workers->shard) / workers->shards;
    struct buffer line = {0};
    load_summary_live(&bin, second, mine, &line);
    size_t size = line.size;
    while (line.size < run->shown_size) {
        buffer_append_char(&line, ' ');
    }
    fit_terminal(&line);
    fprintf(stderr, "\r%s", buffer_text(&line));
    run->shown = second;
    run->shown_size = size;
    buffer_free(&line);
}

static void end_line(const struct run *run)
{
    if (run->shown > 0) {
        fputc('\n', stderr);
    }
}

/* ---- From start to end ---- */

static void on_look(void *owner)
{
    struct run *run = owner;
    if (cli_interrupted && run->stop_us == INT64_MAX) {
        run->stop_us = run->world.now_us;
        workers_stop(&run->workers);
    }
    bool hangs = run->stop_us != INT64_MAX && run->world.now_us > run->stop_us + END_US;
    run->over = !workers_poll(&run->workers) || hangs;
    show_line(run);
    world_arm_in(&run->world, &run->look, MILLISECONDS(LOOK_MS));
}

/* False: interrupted before that. */
static bool wait_for_start(int64_t start_unix_us)
{
    while (!cli_interrupted) {
        int64_t left_us = start_unix_us - unix_us();
        if (left_us <= 0) {
            return true;
        }
        /* A signal ends it early, but for one that came just before it; and the clock may be set.
         */
        int64_t nap_us = left_us < SECONDS(1) ? left_us : SECONDS(1);
        struct timespec nap = {.tv_sec = nap_us / 1000000, .tv_nsec = nap_us % 1000000 * 1000};
        nanosleep(&nap, NULL);
    }
    return false;
}

static bool open_desk(struct run *run, struct error *error)
{
    world_init(&run->world, 0);
    run->driver = real_driver_new(&run->world, error);
    if (run->driver == NULL) {
        return false;
    }
    run->service =
        (struct http_service){.request = on_request, .service = run, .body_bytes_max = 1024};
    if (run->settings->prometheus != NULL) {
        run->front = microhttpd_front_new(run->driver, run->settings->prometheus, &run->service,
                                          NULL, error);
        if (run->front == NULL) {
            return error_prefix(error, "--prometheus");
        }
        fprintf(stderr, "figures are at http://%s:%u/metrics\n", run->settings->prometheus->host,
                run->settings->prometheus->port);
    }
    timer_init(&run->look, on_look, run);
    timer_init(&run->write, on_write, run);
    world_arm_in(&run->world, &run->look, 0);
    if (run->settings->result_file == NULL) {
        return true;
    }
    world_arm_in(&run->world, &run->write, SECONDS(WRITE_S));
    struct load_result *result = take_result(run); /* a bad place is told now, not in the end */
    bool written = write_result(run, result, error);
    load_result_destroy(result);
    return written;
}

static void close_desk(struct run *run)
{
    if (run->front != NULL) {
        microhttpd_front_destroy(run->front);
    }
    if (run->driver != NULL) {
        world_cancel(&run->world, &run->look);
        world_cancel(&run->world, &run->write);
        real_driver_destroy(run->driver);
    }
    world_free(&run->world);
}

struct load_result *load_run(const struct load_run_settings *settings, struct error *error)
{
    struct run run = {.settings = settings, .stop_us = INT64_MAX};
    struct load_result *result = NULL;
    if (settings->start_unix_us != 0 && !wait_for_start(settings->start_unix_us)) {
        error_set(error, "interrupted before the start");
        return NULL;
    }
    run.began_unix_us = unix_us();
    if (workers_start(&run.workers, &settings->workers, error) && open_desk(&run, error)) {
        world_run(&run.world, INT64_MAX, &run.over);
        end_line(&run);
        result = take_result(&run);
        result->unwritten = !write_result(&run, result, error);
        if (run.workers.bad) {
            error_set(error, "a worker could not begin");
            load_result_destroy(result);
            result = NULL;
        }
    }
    close_desk(&run);
    workers_free(&run.workers);
    return result;
}
