/* How WebSockets of a farm's printers end, and that each printer is back by its own rules: without
 * a back-off when the server ends the connection (connect-buddy.md 1.6), by 100, 200, 400 ms … when
 * it can't get another (3.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "harness/load/farm.h"
#include "harness/net/memory.h"
#include "mockservers/connect/misbehave.h"
#include "mockservers/connect/server.h"
#include "mockservers/connect/sockets.h"
#include "sim/wire/http_server.h"

enum { PRINTERS = 5, CUT_S = 20 };

static const char plan_text[] =
    "duration: 40s\n"
    "arrival: {ramp: 1s}\n"
    "groups:\n"
    "  - {name: socket, model: mk4, count: 5, websocket: true, token: 'a-token-of-sock-{printer}',"
    " telemetry: {interval: 1s}}\n";

struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct http_server *front;
    struct load_plan *plan;
    struct load_stats *stats;
    struct farm *farm;
    struct network *networks[1];
};

static void front_begins(struct bed *bed)
{
    struct endpoint at = {.host = "connect", .port = 80};
    bed->front = http_server_new(&bed->world, memory_network_face(bed->network),
                                 connect_server_service(bed->server), NULL);
    assert_true(http_server_listen(bed->front, &at, NULL));
}

static void open_bed(struct bed *bed)
{
    struct error error = {{0}};
    *bed = (struct bed){0};
    bed->plan = load_plan_parse("ends.yaml", plan_text, strlen(plan_text), &error);
    assert_non_null(bed->plan);
    world_init(&bed->world, bed->plan->seed);
    bed->network = memory_network_new(&bed->world);
    const struct connect_server_settings settings = {.adopt_unknown_tokens = true};
    bed->server = connect_server_new(&bed->world, &settings);
    front_begins(bed);
    bed->stats = load_stats_new(bed->plan->group_count);
    bed->networks[0] = memory_network_face(bed->network);
    bed->farm = farm_new(&(struct farm_settings){.plan = bed->plan,
                                                 .world = &bed->world,
                                                 .networks = bed->networks,
                                                 .server = "http://connect",
                                                 .parts = 1,
                                                 .stats = bed->stats});
}

static void close_bed(struct bed *bed)
{
    http_server_destroy(bed->front);
    connect_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    load_stats_destroy(bed->stats);
    load_plan_destroy(bed->plan);
    world_free(&bed->world);
}

static const struct load_step_stats *of(const struct bed *bed, enum load_step step)
{
    return &bed->stats->group[0].steps[step];
}

static unsigned sockets(const struct bed *bed)
{
    unsigned count = 0;
    for (size_t i = 0; i < connect_server_printer_count(bed->server); i++) {
        count += connect_printer_has_socket(connect_server_printer(bed->server, i));
    }
    return count;
}

/* Until all of them have one again. */
static int64_t wait_for_all(struct bed *bed)
{
    int64_t begin_us = bed->world.now_us;
    while (sockets(bed) < PRINTERS) {
        assert_true(bed->world.now_us < begin_us + SECONDS(120));
        world_run(&bed->world, bed->world.now_us + MILLISECONDS(1), NULL);
    }
    return bed->world.now_us - begin_us;
}

static void finish(struct bed *bed)
{
    world_run(&bed->world, farm_end_us(bed->farm) + SECONDS(11), NULL);
    assert_int_equal(sockets(bed), PRINTERS);
    farm_destroy(bed->farm);
    const struct load_step_stats *telemetry = of(bed, LOAD_TELEMETRY);
    assert_int_equal(telemetry->planned, telemetry->ok + telemetry->skipped +
                                             telemetry->unfinished + load_step_failed(telemetry));
}

/* ---- each kind of end ---- */

static void by_close(struct connect_printer *printer)
{
    assert_true(connect_socket_close(printer, WEBSOCKET_GOING_AWAY, "restarting"));
}

static void by_fin(struct connect_printer *printer)
{
    assert_true(connect_socket_drop(printer, false));
}

static void by_reset(struct connect_printer *printer)
{
    assert_true(connect_socket_drop(printer, true));
}

static void by_a_masked_frame(struct connect_printer *printer)
{
    assert_true(connect_socket_send_raw(printer, "\x81\x81\0\0\0\0x", 7));
}

static void by_a_reserved_bit(struct connect_printer *printer)
{
    assert_true(connect_socket_send_raw(printer, "\xa1\x01x", 3));
}

static void by_a_length_of_64_bits(struct connect_printer *printer)
{
    assert_true(connect_socket_send_raw(printer, "\x81\x7f\0\0\0\0\0\1\0\0x", 11));
}

/* More than the printer's 126 bytes. */
static void by_a_large_ping(struct connect_printer *printer)
{
    char ping[4 + 300] = "\x89\x7e\x01\x2c";
    assert_true(connect_socket_send_raw(printer, ping, sizeof ping));
}

static void no_end(struct connect_printer *printer)
{
    (void)printer;
}

static void each_end_is_told_by_its_cause(void **state)
{
    (void)state;
    static const struct {
        void (*cut)(struct connect_printer *printer);
        const char *misbehaviour;
        enum load_cause cause; /* LOAD_CAUSES: it is no end */
    } rows[] = {
        {by_close, NULL, LOAD_CAUSE_MISSING_REPLY},
        {by_fin, NULL, LOAD_CAUSE_MISSING_REPLY},
        {by_reset, NULL, LOAD_CAUSE_RESET},
        {by_a_masked_frame, NULL, LOAD_CAUSE_WRONG_REPLY},
        {by_a_reserved_bit, NULL, LOAD_CAUSE_WRONG_REPLY},
        {by_a_length_of_64_bits, NULL, LOAD_CAUSE_WRONG_REPLY},
        {by_a_large_ping, NULL, LOAD_CAUSE_WRONG_REPLY},
        {no_end, "ws-no-pong", LOAD_CAUSES}, /* firmware waits for no pong */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bed bed;
        struct error error;
        open_bed(&bed);
        assert_true(rows[i].misbehaviour == NULL ||
                    connect_server_misbehave(bed.server, NULL, rows[i].misbehaviour, &error));
        world_run(&bed.world, SECONDS(CUT_S) + MILLISECONDS(300), NULL);
        assert_int_equal(sockets(&bed), PRINTERS);
        for (size_t k = 0; k < PRINTERS; k++) {
            rows[i].cut(connect_server_printer(bed.server, k));
        }
        if (rows[i].cause != LOAD_CAUSES) {
            world_run(&bed.world, bed.world.now_us + MILLISECONDS(1), NULL);
            assert_int_equal(sockets(&bed), 0);
            assert_in_range(wait_for_all(&bed), 0,
                            MILLISECONDS(600)); /* its loop looks twice a second */
        }
        finish(&bed);
        const struct load_step_stats *way = of(&bed, LOAD_CONNECT);
        unsigned cut = rows[i].cause == LOAD_CAUSES ? 0 : PRINTERS;
        assert_int_equal(load_step_failed(way), cut);
        assert_int_equal(rows[i].cause == LOAD_CAUSES ? 0 : way->failed[rows[i].cause], cut);
        assert_int_equal(bed.stats->reconnects, cut);
        assert_int_equal(load_step_failed(of(&bed, LOAD_TELEMETRY)), 0);
        assert_int_equal(connect_server_printer_count(bed.server), PRINTERS);
        close_bed(&bed);
    }
}

/* As soon as it stands, each time: the printer asks again and again, but it takes its time for it,
 * and as soon as one is left to it all is well. */
static void a_server_that_grants_and_ends_does_not_stop_the_clock(void **state)
{
    (void)state;
    static const char *const ways[] = {"ws-close", "ws-drop", "ws-reset"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct bed bed;
        struct error error;
        open_bed(&bed);
        assert_true(connect_server_misbehave(bed.server, NULL, ways[i], &error));
        world_run(&bed.world, SECONDS(CUT_S), NULL);
        assert_in_range(bed.stats->reconnects, PRINTERS * 100, PRINTERS * CUT_S * 100);
        connect_server_behave(bed.server, NULL, NULL);
        assert_in_range(wait_for_all(&bed), 0, SECONDS(1));
        finish(&bed);
        close_bed(&bed);
    }
}

/* Nobody listens any more for a while: the waits double. */
static void a_server_that_is_away_is_asked_less_and_less(void **state)
{
    (void)state;
    struct bed bed;
    open_bed(&bed);
    world_run(&bed.world, SECONDS(CUT_S) + MILLISECONDS(300), NULL);
    http_server_destroy(bed.front);
    bed.front = NULL;
    for (size_t k = 0; k < PRINTERS; k++) {
        by_fin(connect_server_printer(bed.server, k));
    }
    world_run(&bed.world, bed.world.now_us + SECONDS(6), NULL);
    /* At 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s. */
    const struct load_step_stats *way = of(&bed, LOAD_CONNECT);
    assert_int_equal(way->failed[LOAD_CAUSE_CONNECT], PRINTERS * 6);
    assert_int_equal(way->failed[LOAD_CAUSE_MISSING_REPLY], PRINTERS);
    front_begins(&bed);
    assert_in_range(wait_for_all(&bed), 0, SECONDS(1));
    finish(&bed);
    assert_int_equal(bed.stats->reconnects, PRINTERS);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_is_told_by_its_cause),
        cmocka_unit_test(a_server_that_grants_and_ends_does_not_stop_the_clock),
        cmocka_unit_test(a_server_that_is_away_is_asked_less_and_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
