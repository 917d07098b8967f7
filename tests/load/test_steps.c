/* Each step of a farm's printers against servers that do well and that do not: what is good, what
 * failed and why. In virtual time, with the mock server and its control endpoint in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/load/farm.h"
#include "harness/net/memory.h"
#include "mockservers/connect/commands.h"
#include "mockservers/connect/control.h"
#include "mockservers/connect/files.h"
#include "mockservers/connect/misbehave.h"
#include "mockservers/connect/server.h"
#include "sim/base/memory.h"
#include "sim/wire/http_server.h"

struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct connect_control *control;
    struct http_server *front, *control_front;
    struct connect_file *file;
    struct load_plan *plan;
    struct load_stats *stats;
    struct network *networks[LOAD_GROUPS_MAX];
};

static const char transfers[] =
    "duration: 90s\n"
    "arrival: {ramp: 1s}\n"
    "groups:\n"
    "  - {name: http, model: mk4, count: 2, token: 'a-token-of-http-{printer}',"
    " telemetry: {interval: 1s}, pause: 5s, states: [{weight: 1, transfer: cube.gcode}]}\n"
    "  - {name: socket, model: xl, count: 2, websocket: true, token: 'a-token-of-sock-{printer}',"
    " telemetry: {interval: 1s}, pause: 5s, states: [{weight: 1, transfer: cube.gcode}]}\n"
    "  - {name: sdk, model: mk3s, count: 2, host: sdk, token: 'k{printer}',"
    " telemetry: {interval: 1s}, pause: 5s, states: [{weight: 1, transfer: cube.gcode}]}\n";

enum { HTTP, SOCKET, SDK, GROUPS };

static struct http_server *front_at(struct bed *bed, const char *host, struct http_service *service)
{
    struct endpoint at = {.port = 80};
    strcpy(at.host, host);
    struct http_server *front =
        http_server_new(&bed->world, memory_network_face(bed->network), service, NULL);
    assert_true(http_server_listen(front, &at, NULL));
    return front;
}

static void open_bed(struct bed *bed, const char *text)
{
    struct error error = {{0}};
    *bed = (struct bed){0};
    bed->plan = load_plan_parse("steps.yaml", text, strlen(text), &error);
    if (bed->plan == NULL) {
        fail_msg("%s", error.text);
    }
    world_init(&bed->world, bed->plan->seed);
    bed->network = memory_network_new(&bed->world);
    const struct connect_server_settings settings = {.adopt_unknown_tokens = true};
    bed->server = connect_server_new(&bed->world, &settings);
    bed->front = front_at(bed, "connect", connect_server_service(bed->server));
    bed->control = connect_control_new(bed->server);
    bed->control_front = front_at(bed, "control", connect_control_service(bed->control));
    static const char gcode[] = "G28\nG1 X10\nG1 X20\n";
    bed->file =
        connect_server_serve(bed->server, gcode, sizeof gcode - 1, "cube.gcode", 1, NULL, &error);
    assert_non_null(bed->file);
    bed->stats = load_stats_new(bed->plan->group_count);
    for (int i = 0; i < LOAD_GROUPS_MAX; i++) {
        bed->networks[i] = memory_network_face(bed->network);
    }
}

static void wish_for(const struct bed *bed, uint32_t group, const char *how)
{
    struct load_state *state = bed->plan->groups[group].states;
    struct buffer wish = {0};
    buffer_format(&wish, "{\"hash\":\"%s\",\"path\":\"%s\",\"how\":\"%s\"}", bed->file->hash,
                  state->transfer.path, how);
    state->transfer.wish = buffer_detach(&wish);
}

/* `control`: where wishes go; NULL: none are made. `command`: given to all once they are there. */
static void play(struct bed *bed, const char *control, const char *command)
{
    if (control != NULL) {
        wish_for(bed, HTTP, "encrypted");
        wish_for(bed, SOCKET, "inline");
        wish_for(bed, SDK, "connect");
    }
    struct farm *farm = farm_new(&(struct farm_settings){.plan = bed->plan,
                                                         .world = &bed->world,
                                                         .networks = bed->networks,
                                                         .server = "http://connect",
                                                         .control = control,
                                                         .control_network = bed->networks[0],
                                                         .parts = 1,
                                                         .stats = bed->stats});
    world_run(&bed->world, bed->world.now_us + SECONDS(40), NULL);
    for (size_t i = 0; command != NULL && i < connect_server_printer_count(bed->server); i++) {
        struct connect_printer *printer = connect_server_printer(bed->server, i);
        assert_non_null(connect_server_command(bed->server, printer, command, NULL, NULL));
    }
    world_run(&bed->world, farm_end_us(farm) + SECONDS(11), NULL);
    farm_destroy(farm);
}

static void close_bed(struct bed *bed)
{
    http_server_destroy(bed->control_front);
    http_server_destroy(bed->front);
    connect_control_destroy(bed->control);
    connect_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    load_stats_destroy(bed->stats);
    load_plan_destroy(bed->plan);
    world_free(&bed->world);
}

static const struct load_step_stats *of(const struct bed *bed, uint32_t group, enum load_step step)
{
    return &bed->stats->group[group].steps[step];
}

/* All of them, and for this reason alone. */
static void all_failed_by(const struct load_step_stats *step, enum load_cause cause)
{
    assert_true(step->failed[cause] > 0);
    assert_int_equal(load_step_failed(step), step->failed[cause]);
    assert_int_equal(step->ok, 0);
}

static void adds_up(const struct load_step_stats *step)
{
    assert_int_equal(step->planned,
                     step->ok + step->skipped + step->unfinished + load_step_failed(step));
}

static void misbehave(struct bed *bed, const char *text)
{
    struct error error;
    if (!connect_server_misbehave(bed->server, NULL, text, &error)) {
        fail_msg("%s", error.text);
    }
}

static void each_kind_of_printer_gets_its_files(void **state)
{
    (void)state;
    struct bed bed;
    open_bed(&bed, transfers);
    play(&bed, "http://control", NULL);
    for (uint32_t group = 0; group < GROUPS; group++) {
        const struct load_step_stats *transfer = of(&bed, group, LOAD_TRANSFER);
        assert_true(transfer->ok >= 4); /* of two printers, again and again */
        assert_int_equal(transfer->latency.count, transfer->ok);
        assert_int_equal(load_step_failed(transfer), 0);
        adds_up(transfer);
        adds_up(of(&bed, group, LOAD_COMMAND));
        adds_up(of(&bed, group, LOAD_TELEMETRY));
        /* A download has a connection of its own: nobody is there twice, or comes again. */
        assert_int_equal(load_step_failed(of(&bed, group, LOAD_CONNECT)), 0);
    }
    assert_int_equal(load_stats_bins(bed.stats)[80].connected, 6);
    assert_int_equal(bed.stats->reconnects, 0);
    close_bed(&bed);
}

/* What becomes of transfers besides failing by a cause. */
enum { GOOD = LOAD_CAUSES, WAITS, ENDS_SOCKET };

/* How the file is handed out, and what each kind of printer makes of that. The SDK takes what has
 * come for all of it when the connection is closed (requests does not hold it against
 * Content-Length); a Buddy printer that has all that the command announced is content, and asks for
 * the rest as long as some comes; in a WebSocket it waits for the rest of a segment, and ends the
 * connection when there is none (connect-buddy.md 7.3, 7.4). */
static const struct {
    struct connect_file_manner manner; /* lengths: 0 is none, as -1 elsewhere */
    int http, socket, sdk;
} manners[] = {
    {{.status = 404}, LOAD_CAUSE_4XX, ENDS_SOCKET, LOAD_CAUSE_4XX},
    {{.status = 503}, LOAD_CAUSE_5XX, ENDS_SOCKET, LOAD_CAUSE_5XX},
    {{.no_length = true, .content_type = "text/html"},
     LOAD_CAUSE_WRONG_REPLY,
     GOOD,
     LOAD_CAUSE_WRONG_REPLY},
    {{.redirect = "/nowhere"}, LOAD_CAUSE_3XX, GOOD, LOAD_CAUSE_4XX},
    {{.cut_bytes = 7}, LOAD_CAUSE_WRONG_REPLY, WAITS, GOOD},
    {{.cut_bytes = 7, .reset = true}, LOAD_CAUSE_RESET, WAITS, LOAD_CAUSE_RESET},
    {{.cut_bytes = 7, .stall = true}, LOAD_CAUSE_TIMEOUT, WAITS, LOAD_CAUSE_TIMEOUT},
    {{.delay_us = SECONDS(600)}, LOAD_CAUSE_TIMEOUT, GOOD, LOAD_CAUSE_TIMEOUT},
    {{.announce_bytes = 1000}, GOOD, GOOD, GOOD},
    {{.announce_bytes = 5}, WAITS, GOOD, GOOD},
    {{.endless = true}, LOAD_CAUSE_WRONG_REPLY, GOOD, LOAD_CAUSE_TIMEOUT},
    {{.bytes_per_s = 100}, GOOD, GOOD, GOOD},
};

static struct connect_file_manner manner_of(size_t row)
{
    struct connect_file_manner manner = manners[row].manner;
    manner.announce_bytes = manner.announce_bytes == 0 ? -1 : manner.announce_bytes;
    manner.cut_bytes = manner.cut_bytes == 0 ? -1 : manner.cut_bytes;
    manner.corrupt_at = -1;
    return manner;
}

static void judge_transfer(const struct bed *bed, size_t row, uint32_t group, int fate)
{
    const struct load_step_stats *transfer = of(bed, group, LOAD_TRANSFER);
    const struct load_step_stats *way = of(bed, group, LOAD_CONNECT);
    uint64_t failed = load_step_failed(transfer);
    int cause = fate == ENDS_SOCKET ? (int)LOAD_CAUSE_WRONG_REPLY : fate;
    uint64_t by_cause = cause < LOAD_CAUSES ? transfer->failed[cause] : 0;
    if ((transfer->ok > 0) != (fate == GOOD) || (failed > 0) != (cause < LOAD_CAUSES) ||
        failed != by_cause || transfer->planned == 0) {
        fail_msg("manner %zu, group %u: %lu good, %lu failed, %lu of them as expected", row, group,
                 (unsigned long)transfer->ok, (unsigned long)failed, (unsigned long)by_cause);
    }
    adds_up(transfer);
    adds_up(of(bed, group, LOAD_TELEMETRY));
    assert_int_equal(load_step_failed(of(bed, group, LOAD_TELEMETRY)), 0);
    assert_int_equal(load_step_failed(way), way->failed[LOAD_CAUSE_WRONG_REPLY]);
    assert_true((load_step_failed(way) > 0) == (fate == ENDS_SOCKET));
}

static void transfers_fail_by_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        struct bed bed;
        open_bed(&bed, transfers);
        struct connect_file_manner manner = manner_of(i);
        connect_file_set_manner(bed.file, &manner);
        play(&bed, "http://control", NULL);
        judge_transfer(&bed, i, HTTP, manners[i].http);
        judge_transfer(&bed, i, SOCKET, manners[i].socket);
        judge_transfer(&bed, i, SDK, manners[i].sdk);
        close_bed(&bed);
    }
}

static void a_wish_that_nobody_hears_is_told(void **state)
{
    (void)state;
    struct bed bed;
    open_bed(&bed, transfers);
    play(&bed, "http://nowhere", NULL);
    for (uint32_t group = 0; group < GROUPS; group++) {
        all_failed_by(of(&bed, group, LOAD_TRANSFER), LOAD_CAUSE_CONNECT);
        adds_up(of(&bed, group, LOAD_TRANSFER));
    }
    close_bed(&bed);
}

static void a_websocket_that_is_not_granted_is_told_by_cause(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        enum load_cause cause;
    } rows[] = {
        {"ws-status=403", LOAD_CAUSE_4XX},
        {"ws-status=503", LOAD_CAUSE_5XX},
        {"ws-status=200", LOAD_CAUSE_WRONG_REPLY}, /* good for a telemetry, but not here */
        {"ws-accept=wrong", LOAD_CAUSE_WRONG_REPLY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bed bed;
        open_bed(&bed, transfers);
        misbehave(&bed, rows[i].how);
        play(&bed, NULL, NULL);
        const struct load_step_stats *telemetry = of(&bed, SOCKET, LOAD_TELEMETRY);
        all_failed_by(of(&bed, SOCKET, LOAD_EVENT),
                      rows[i].cause); /* INFO is the first to be said */
        assert_int_equal(telemetry->failed[rows[i].cause], load_step_failed(telemetry));
        assert_int_equal(telemetry->ok, 0);
        adds_up(telemetry);
        assert_int_equal(load_step_failed(of(&bed, HTTP, LOAD_TELEMETRY)), 0);
        close_bed(&bed);
    }
}

/* The SDK says an event once: a command whose answer is lost has failed with it. */
static void a_command_fails_with_the_event_that_answers_it(void **state)
{
    (void)state;
    struct bed bed;
    open_bed(&bed, transfers);
    misbehave(&bed, "event-status=500");
    play(&bed, NULL, "SEND_INFO");
    all_failed_by(of(&bed, SDK, LOAD_EVENT), LOAD_CAUSE_5XX);
    all_failed_by(of(&bed, SDK, LOAD_COMMAND), LOAD_CAUSE_5XX);
    for (uint32_t group = 0; group < GROUPS; group++) {
        adds_up(of(&bed, group, LOAD_COMMAND));
    }
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_printer_gets_its_files),
        cmocka_unit_test(transfers_fail_by_cause),
        cmocka_unit_test(a_wish_that_nobody_hears_is_told),
        cmocka_unit_test(a_websocket_that_is_not_granted_is_told_by_cause),
        cmocka_unit_test(a_command_fails_with_the_event_that_answers_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
