#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/farm.h"
#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/wire/http_server.h"

enum { PRINTERS_MAX = 64 };

/* A farm in virtual time against our own server in memory. What each printer says is summed up, so
 * that runs can be compared printer by printer. */
struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct http_server *front;
    struct load_plan *plan;
    struct load_stats *stats;
    struct farm *farm;
    uint64_t said[PRINTERS_MAX];
    char serials[PRINTERS_MAX][40];
    struct printer *printers[PRINTERS_MAX];
};

static struct load_plan *plan_of(const char *text)
{
    struct error error = {{0}};
    struct load_plan *plan = load_plan_parse("tests/load/farm.yaml", text, strlen(text), &error);
    if (plan == NULL) {
        fail_msg("%s", error.text);
    }
    return plan;
}

static void made(void *owner, uint64_t k, struct printer *printer)
{
    struct bed *bed = owner;
    assert_true(k < PRINTERS_MAX);
    bed->printers[k] = printer;
    snprintf(bed->serials[k], sizeof bed->serials[k], "%s",
             machine_serial(printer_machine(printer)));
}

/* FNV-1a over the requests of the printer with this fingerprint, in their order. */
static void heard(void *owner, const char *line, size_t size)
{
    struct bed *bed = owner;
    const char *from = strstr(line, "\"from\": \"");
    if (strstr(line, "\"kind\": \"request\"") == NULL || from == NULL) {
        return;
    }
    const char *number = strchr(from + 9, '-');
    uint64_t k = strtoull(number + 1, NULL, 10);
    const char *text = strstr(line, "\"text\": ");
    for (const char *at = text; at < line + size; at++) {
        bed->said[k] = (bed->said[k] ^ (unsigned char)*at) * UINT64_C(1099511628211);
    }
}

static void bed_begin(struct bed *bed, const char *text, uint64_t part, uint64_t parts,
                      struct trace *trace)
{
    *bed = (struct bed){0};
    bed->plan = plan_of(text);
    world_init(&bed->world, bed->plan->seed);
    trace_init(trace, heard, bed);
    bed->world.trace = trace;
    bed->network = memory_network_new(&bed->world);
    const struct connect_server_settings settings = {.adopt_unknown_tokens = true,
                                                     .add_after_us = SECONDS(2)};
    bed->server = connect_server_new(&bed->world, &settings);
    bed->front = http_server_new(&bed->world, memory_network_face(bed->network),
                                 connect_server_service(bed->server), NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    assert_true(http_server_listen(bed->front, &at, NULL));
    bed->stats = load_stats_new(bed->plan->group_count);
    struct network *networks[LOAD_GROUPS_MAX];
    for (int i = 0; i < LOAD_GROUPS_MAX; i++) {
        networks[i] = memory_network_face(bed->network);
    }
    struct network **kept = memory_new_array(LOAD_GROUPS_MAX, sizeof *kept);
    memcpy(kept, networks, sizeof networks);
    bed->farm = farm_new(&(struct farm_settings){.plan = bed->plan,
                                                 .world = &bed->world,
                                                 .networks = kept,
                                                 .server = "http://connect",
                                                 .part = part,
                                                 .parts = parts,
                                                 .stats = bed->stats,
                                                 .made = made,
                                                 .owner = bed});
    world_run(&bed->world, farm_end_us(bed->farm) + SECONDS(1), NULL);
    assert_true(farm_settled(bed->farm));
    bed->world.trace = NULL;
    farm_destroy(bed->farm);
    free(kept);
}

static void bed_end(struct bed *bed, struct trace *trace)
{
    http_server_destroy(bed->front);
    connect_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    load_stats_destroy(bed->stats);
    load_plan_destroy(bed->plan);
    trace_free(trace);
    world_free(&bed->world);
}

static const char mixed[] = "duration: 60s\n"
                            "warm_up: 20s\n"
                            "seed: 11\n"
                            "arrival: {ramp: 10s}\n"
                            "groups:\n"
                            "  - name: bare\n"
                            "    model: mk3\n"
                            "    count: 12\n"
                            "    host: sdk\n"
                            "    token: t{printer}\n"
                            "    telemetry: {style: full, interval: 'uniform(500ms, 1500ms)'}\n"
                            "  - name: pi\n"
                            "    model: mk3s\n"
                            "    count: 10\n"
                            "    token: pi{printer}\n"
                            "    files: [../../scenarios/examples/files/cube.gcode]\n"
                            "    states: [{weight: 1}, {weight: 1, print: cube.gcode}]\n"
                            "  - name: buddy\n"
                            "    model: mk4\n"
                            "    count: 8\n"
                            "    token: a-token-of-buddy-{printer}\n"
                            "    telemetry: {interval: 'exponential(1s)'}\n"
                            "    files: [../../scenarios/examples/files/cube.gcode]\n"
                            "    states: [{weight: 1}, {weight: 1, print: cube.gcode}]\n"
                            "    pause: 'lognormal(5s, 0.5)'\n"
                            "  - name: socket\n"
                            "    model: xl\n"
                            "    count: 4\n"
                            "    websocket: true\n"
                            "    token: a-token-of-sock-{printer}\n";

static void shards_are_printer_by_printer_the_whole_farm(void **state)
{
    (void)state;
    struct bed whole;
    struct trace trace;
    bed_begin(&whole, mixed, 0, 1, &trace);
    for (uint64_t part = 0; part < 3; part++) {
        struct bed shard;
        struct trace own;
        bed_begin(&shard, mixed, part, 3, &own);
        for (uint64_t k = 0; k < 34; k++) {
            bool here = k % 3 == part;
            assert_int_equal(shard.said[k] != 0, here);
            if (here) {
                assert_string_equal(shard.serials[k], whole.serials[k]);
                assert_int_equal(shard.said[k], whole.said[k]);
            }
        }
        bed_end(&shard, &own);
    }
    bed_end(&whole, &trace);
}

static void statistics_of_shards_add_up(void **state)
{
    (void)state;
    struct bed whole;
    struct trace trace;
    bed_begin(&whole, mixed, 0, 1, &trace);
    struct load_stats *sum = load_stats_new(4);
    sum->finished = true;
    for (uint64_t part = 0; part < 2; part++) {
        struct bed shard;
        struct trace own;
        bed_begin(&shard, mixed, part, 2, &own);
        load_stats_merge(sum, shard.stats);
        bed_end(&shard, &own);
    }
    for (uint32_t g = 0; g < 4; g++) {
        const struct load_group_stats *one = &whole.stats->group[g], *other = &sum->group[g];
        assert_int_equal(one->printers, other->printers);
        assert_int_equal(one->printer_us, other->printer_us);
        assert_int_equal(one->steps[LOAD_TELEMETRY].planned, other->steps[LOAD_TELEMETRY].planned);
        assert_int_equal(one->steps[LOAD_TELEMETRY].ok, other->steps[LOAD_TELEMETRY].ok);
    }
    assert_int_equal(whole.stats->bins, sum->bins);
    load_stats_destroy(sum);
    bed_end(&whole, &trace);
}

static const char steady[] =
    "duration: 60s\n"
    "warm_up: 20s\n"
    "arrival: {ramp: 10s}\n"
    "telemetry: {style: minimal, interval: 1s}\n"
    "groups:\n"
    "  - {name: a, model: mk3, count: 20, host: sdk, token: 't{printer}'}\n";

static void every_turn_of_the_measured_time_is_counted(void **state)
{
    (void)state;
    struct bed bed;
    struct trace trace;
    bed_begin(&bed, steady, 0, 1, &trace);
    const struct load_step_stats *telemetry = &bed.stats->group[0].steps[LOAD_TELEMETRY];
    assert_int_equal(telemetry->planned, 20 * 40);
    assert_int_equal(telemetry->ok, 20 * 40);
    assert_int_equal(load_step_failed(telemetry), 0);
    assert_int_equal(telemetry->skipped + telemetry->unfinished, 0);
    assert_int_equal(bed.stats->group[0].printer_us, 20 * SECONDS(40));
    assert_int_equal(bed.stats->measured_us, SECONDS(40));
    assert_int_equal(bed.stats->lateness.most_us, 0); /* virtual time is never late */
    const struct load_bin *bins = load_stats_bins(bed.stats);
    assert_int_equal(bins[4].on, 11); /* one of them has come in this instant */
    assert_int_equal(bins[30].on, 20);
    assert_int_equal(bins[30].connected, 20);
    assert_int_equal(bins[30].steps[LOAD_TELEMETRY].ok, 20);
    bed_end(&bed, &trace);
}

static void printers_print_what_their_state_says(void **state)
{
    (void)state;
    struct bed bed;
    struct trace trace;
    bed_begin(&bed, mixed, 0, 1, &trace);
    assert_int_equal(bed.stats->prints_started, 9);
    assert_int_equal(bed.stats->prints_refused, 0);
    bed_end(&bed, &trace);
}

static const char registering[] =
    "duration: 60s\n"
    "groups:\n"
    "  - {name: a, model: mk3, count: 5}\n"
    "  - {name: b, model: mk3s, count: 5, host: sdk, telemetry: {interval: 1s}}\n";

static void printers_without_a_token_register(void **state)
{
    (void)state;
    struct bed bed;
    struct trace trace;
    bed_begin(&bed, registering, 0, 1, &trace);
    for (int g = 0; g < 2; g++) {
        const struct load_step_stats *steps = bed.stats->group[g].steps;
        assert_true(steps[LOAD_REGISTER].ok >= 10); /* each is asked for, then polled */
        assert_int_equal(load_step_failed(&steps[LOAD_REGISTER]), 0);
        assert_true(steps[LOAD_TELEMETRY].ok > 0 && steps[LOAD_EVENT].ok > 0);
    }
    bed_end(&bed, &trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_printer_by_printer_the_whole_farm),
        cmocka_unit_test(statistics_of_shards_add_up),
        cmocka_unit_test(every_turn_of_the_measured_time_is_counted),
        cmocka_unit_test(printers_without_a_token_register),
        cmocka_unit_test(printers_print_what_their_state_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
