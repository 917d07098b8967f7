/* A farm against servers that are slow, broken or no servers at all, byte by byte, in virtual time:
 * every kind of printer goes on by its own rules, each failure has its cause, nothing is counted
 * twice or lost, and nobody takes in more than it can use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/load/farm.h"
#include "harness/net/memory.h"
#include "sim/base/memory.h"

enum { SDK, HTTP, SOCKET, GROUPS };

/* Of those that bring a command: else printer and server would go on and on, without a delay
 * between them. */
enum { COMMANDS_MAX = 50 };

enum { FLOOD_BYTES = 100 * 1024 * 1024, PIECE_BYTES = 64 * 1024, TAKEN_MAX = 256 * 1024 };

static const char plan_text[] =
    "duration: 100s\n"
    "arrival: {ramp: 1s}\n"
    "telemetry: {interval: 1s}\n"
    "groups:\n"
    "  - {name: sdk, model: mk3s, count: 2, host: sdk, token: 'k{printer}'}\n"
    "  - {name: http, model: mk4, count: 2, token: 'a-token-of-http-{printer}'}\n"
    "  - {name: socket, model: xl, count: 2, websocket: true, token: "
    "'a-token-of-sock-{printer}'}\n";

enum then { KEEP, CLOSE, RESET, FLOOD };

/* What becomes of a group's messages. */
enum fate {
    ALL_GOOD,
    ALL_FAIL,  /* by `cause` alone */
    SOME_FAIL, /* by `cause` alone */
};

struct row {
    const char *name, *answer; /* "": none */
    enum then then;
    struct {
        enum fate fate;
        enum load_cause cause;
    } groups[GROUPS];
};

#define GOOD                                                                                       \
    {                                                                                              \
        ALL_GOOD, LOAD_CAUSES                                                                      \
    }
#define FAIL(cause)                                                                                \
    {                                                                                              \
        ALL_FAIL, LOAD_CAUSE_##cause                                                               \
    }
#define SPOILT(cause)                                                                              \
    {                                                                                              \
        SOME_FAIL, LOAD_CAUSE_##cause                                                              \
    }

static const struct row rows[] = {
    {"accepts and never answers", "", KEEP, {FAIL(TIMEOUT), FAIL(TIMEOUT), FAIL(TIMEOUT)}},
    {"closes instead", "", CLOSE, {FAIL(MISSING_REPLY), FAIL(MISSING_REPLY), FAIL(MISSING_REPLY)}},
    {"resets instead", "", RESET, {FAIL(RESET), FAIL(RESET), FAIL(RESET)}},
    {"garbage",
     "SSH-2.0-OpenSSH_9.2\r\n\r\n",
     KEEP,
     {FAIL(WRONG_REPLY), FAIL(WRONG_REPLY), FAIL(WRONG_REPLY)}},
    /* What the SDK had begun to say when it learnt of that is lost (connect-sdk.md 1.9). */
    {"closes behind each reply",
     "HTTP/1.1 204 No Content\r\n\r\n",
     CLOSE,
     {SPOILT(MISSING_REPLY), GOOD, FAIL(WRONG_REPLY)}},
    {"HTTP/1.0", "HTTP/1.0 204 No Content\r\n\r\n", CLOSE, {GOOD, GOOD, FAIL(WRONG_REPLY)}},
    {"chunks of odd sizes",
     "HTTP/1.1 200 OK\r\nCommand-Id: 7\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\n"
     "1\r\n{\r\n00002;x=y\r\n\"c\r\n3\r\nomm\r\nF\r\nand\":\"SEND_INF\r\n2\r\nO\"\r\n1\r\n}"
     "\r\n0\r\n\r\n",
     KEEP,
     {GOOD, GOOD, FAIL(WRONG_REPLY)}},
    {"100 MB",
     "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
     FLOOD,
     {FAIL(WRONG_REPLY), FAIL(WRONG_REPLY), FAIL(WRONG_REPLY)}},
    {"half a body",
     "HTTP/1.1 200 OK\r\nCommand-Id: 7\r\nContent-Type: application/json\r\nContent-Length: "
     "100\r\n\r\n{\"comm",
     CLOSE,
     {FAIL(WRONG_REPLY), FAIL(WRONG_REPLY), FAIL(WRONG_REPLY)}},
    {"half a body and a reset",
     "HTTP/1.1 200 OK\r\nCommand-Id: 7\r\nContent-Type: application/json\r\nContent-Length: "
     "100\r\n\r\n{\"comm",
     RESET,
     {FAIL(RESET), FAIL(RESET), FAIL(RESET)}},
    {"half a body and silence",
     "HTTP/1.1 200 OK\r\nCommand-Id: 7\r\nContent-Type: application/json\r\nContent-Length: "
     "100\r\n\r\n{\"comm",
     KEEP,
     {FAIL(TIMEOUT), FAIL(TIMEOUT), FAIL(TIMEOUT)}},
    {"more than it announces",
     "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhello",
     KEEP,
     {GOOD, GOOD, FAIL(WRONG_REPLY)}},
};

/* ---- the server ---- */

struct bed {
    struct world world;
    struct memory_network *network;
    struct listener *listener;
    const struct row *row;
    struct load_plan *plan;
    struct load_stats *stats;
    struct network *networks[LOAD_GROUPS_MAX];
    size_t taken_most; /* of a flood, by one printer */
    unsigned answers;
};

struct caller {
    struct bed *bed;
    struct stream *stream;
    struct buffer request;
    size_t sent;
};

static void caller_free(struct caller *caller)
{
    struct bed *bed = caller->bed;
    bed->taken_most = caller->sent > bed->taken_most ? caller->sent : bed->taken_most;
    buffer_free(&caller->request);
    free(caller);
}

static bool ends_with(const struct buffer *request, const char *end)
{
    size_t size = strlen(end);
    return request->size >= size && memcmp(request->bytes + request->size - size, end, size) == 0;
}

static bool is_whole(const struct buffer *request)
{
    bool get = strncmp(request->bytes, "GET ", 4) == 0;
    bool chunked = strstr(request->bytes, "chunked") != NULL;
    return get       ? ends_with(request, "\r\n\r\n")
           : chunked ? ends_with(request, "\r\n0000\r\n\r\n")
                     : ends_with(request, "}");
}

static void send_more(struct caller *caller)
{
    static char piece[PIECE_BYTES];
    if (caller->sent < FLOOD_BYTES) {
        caller->sent += sizeof piece;
        stream_send(caller->stream, piece, sizeof piece);
    }
}

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct caller *caller = owner;
    const struct row *row = caller->bed->row;
    buffer_append(&caller->request, bytes, size);
    if (!is_whole(&caller->request)) {
        return;
    }
    buffer_clear(&caller->request);
    const char *answer = row->answer;
    if (row->then == KEEP && strstr(answer, "chunked") != NULL &&
        caller->bed->answers++ >= COMMANDS_MAX) {
        answer = "HTTP/1.1 204 No Content\r\n\r\n";
    }
    stream_send(caller->stream, answer, strlen(answer));
    if (row->then == FLOOD) {
        send_more(caller);
    } else if (row->then == CLOSE) {
        stream_close(caller->stream);
        caller_free(caller);
    } else if (row->then == RESET) {
        stream_reset(caller->stream);
        caller_free(caller);
    }
}

static void on_drained(void *owner)
{
    struct caller *caller = owner;
    if (caller->bed->row->then == FLOOD && caller->sent > 0) {
        send_more(caller);
    }
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    caller_free(owner);
}

static void on_accept(void *owner, struct stream *stream)
{
    static const struct stream_events events = {
        .received = on_received, .drained = on_drained, .ended = on_ended};
    struct caller *caller = memory_new(sizeof *caller);
    caller->bed = owner;
    caller->stream = stream;
    buffer_append_text(&caller->request, "");
    stream->events = &events;
    stream->owner = caller;
}

/* ---- the farm ---- */

static void play(struct bed *bed, const struct row *row)
{
    struct error error = {{0}};
    struct endpoint at = {.host = "connect", .port = 80};
    *bed = (struct bed){.row = row};
    bed->plan = load_plan_parse("bad.yaml", plan_text, strlen(plan_text), &error);
    assert_non_null(bed->plan);
    world_init(&bed->world, bed->plan->seed);
    bed->network = memory_network_new(&bed->world);
    bed->listener = network_listen(memory_network_face(bed->network), &at, on_accept, bed, &error);
    bed->stats = load_stats_new(bed->plan->group_count);
    for (int i = 0; i < LOAD_GROUPS_MAX; i++) {
        bed->networks[i] = memory_network_face(bed->network);
    }
    struct farm *farm = farm_new(&(struct farm_settings){.plan = bed->plan,
                                                         .world = &bed->world,
                                                         .networks = bed->networks,
                                                         .server = "http://connect",
                                                         .parts = 1,
                                                         .stats = bed->stats});
    world_run(&bed->world, farm_end_us(farm) + SECONDS(11), NULL);
    farm_destroy(farm);
    world_run(&bed->world, bed->world.now_us + SECONDS(1), NULL); /* the callers learn of it */
    network_unlisten(memory_network_face(bed->network), bed->listener);
}

static void close_bed(struct bed *bed)
{
    memory_network_destroy(bed->network);
    load_stats_destroy(bed->stats);
    load_plan_destroy(bed->plan);
    world_free(&bed->world);
}

static void judge(const struct bed *bed, uint32_t group)
{
    const struct load_step_stats *steps = bed->stats->group[group].steps;
    enum fate fate = bed->row->groups[group].fate;
    enum load_cause cause = bed->row->groups[group].cause;
    uint64_t good = steps[LOAD_TELEMETRY].ok + steps[LOAD_EVENT].ok;
    uint64_t failed =
        load_step_failed(&steps[LOAD_TELEMETRY]) + load_step_failed(&steps[LOAD_EVENT]);
    uint64_t by_cause = cause == LOAD_CAUSES
                            ? 0
                            : steps[LOAD_TELEMETRY].failed[cause] + steps[LOAD_EVENT].failed[cause];
    if ((good > 0) != (fate != ALL_FAIL) || (failed > 0) != (fate != ALL_GOOD) ||
        by_cause != failed) {
        fail_msg("%s, group %u: %lu good, %lu failed, %lu of them by %s", bed->row->name, group,
                 (unsigned long)good, (unsigned long)failed, (unsigned long)by_cause,
                 cause == LOAD_CAUSES ? "nothing" : load_cause_name(cause));
    }
    for (int step = 0; step < LOAD_STEPS; step++) {
        assert_int_equal(steps[step].planned, steps[step].ok + steps[step].skipped +
                                                  steps[step].unfinished +
                                                  load_step_failed(&steps[step]));
    }
}

static void each_bad_server_is_told_by_its_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bed bed;
        play(&bed, &rows[i]);
        for (uint32_t group = 0; group < GROUPS; group++) {
            judge(&bed, group);
        }
        assert_in_range(bed.taken_most, 0, TAKEN_MAX);
        close_bed(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bad_server_is_told_by_its_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
