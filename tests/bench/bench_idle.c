/* Virtual time: simulated seconds per CPU second of one idle printer that sends a telemetry each
 * second through the HTTP codec to the mock server while the judge of the contract watches; and
 * bytes per idle printer with 10,000 of them that share one storage tree, connections, server's
 * view and judge left out or in as said. build/release/tests/bench_idle [SECONDS [PRINTERS]] */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness/check/connect_contract.h"
#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/base/memory.h"
#include "sim/machine/plan.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_server.h"

struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct http_server *front;
    struct contract *contract;
    struct contract_tap *tap;
    struct plan_cache *plans;
    struct storage files;
    struct connect_face_settings face;
};

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t held_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void bed_begin(struct bed *bed, bool judged, enum connect_telemetry_style style)
{
    *bed = (struct bed){0};
    world_init(&bed->world, 1);
    bed->network = memory_network_new(&bed->world);
    const struct connect_server_settings settings = {.adopt_unknown_tokens = true};
    bed->server = connect_server_new(&bed->world, &settings);
    bed->front = http_server_new(&bed->world, memory_network_face(bed->network),
                                 connect_server_service(bed->server), NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    struct error error;
    if (!http_server_listen(bed->front, &at, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    if (judged) {
        const struct contract_settings rules = {.epoch_us = bed->world.epoch_us};
        bed->contract = contract_new(&rules);
        bed->tap = contract_tap_new(bed->contract, bed->server);
    }
    bed->plans = plan_cache_new(1 << 20);
    storage_init(&bed->files, "files", STORAGE_LOCAL, file_node_folder("", false, 0));
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%d.gcode", i);
        storage_put(&bed->files, name, file_content_of_bytes("G28\n", 4), 0);
    }
    connect_face_defaults(&bed->face);
    bed->face.server = "http://connect";
    bed->face.telemetry = style;
    bed->face.telemetry_interval_us = SECONDS(1);
}

static struct printer *bed_printer(struct bed *bed, uint64_t index)
{
    char token[32];
    snprintf(token, sizeof token, "token%" PRIu64, index);
    const struct printer_settings settings = {
        .model = model_find("mk3s"),
        .index = index,
        .room_c = 25,
        .plans = bed->plans,
        .tree = bed->files.root,
        .connect = &bed->face,
        .token = token,
    };
    struct error error;
    struct printer *printer =
        printer_new(&bed->world, memory_network_face(bed->network), &settings, &error);
    if (printer == NULL) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    printer_power_on(printer);
    return printer;
}

static void bed_end(struct bed *bed)
{
    contract_tap_destroy(bed->tap);
    contract_destroy(bed->contract);
    if (bed->server != NULL) {
        http_server_destroy(bed->front);
        connect_server_destroy(bed->server);
    }
    memory_network_destroy(bed->network);
    plan_cache_destroy(bed->plans);
    storage_free(&bed->files);
    world_free(&bed->world);
}

static void measure_rate(int64_t seconds, enum connect_telemetry_style style, bool judged,
                         const char *what)
{
    struct bed bed;
    bed_begin(&bed, judged, style);
    struct printer *printer = bed_printer(&bed, 0);
    world_run(&bed.world, SECONDS(60), NULL);
    double start = cpu_s();
    world_run(&bed.world, SECONDS(60 + seconds), NULL);
    double spent = cpu_s() - start;
    printf("%-44s %9.0f simulated s per CPU s (%.2f us per telemetry)\n", what,
           (double)seconds / spent, spent / (double)seconds * 1e6);
    printer_destroy(printer);
    if (judged) {
        contract_finish(bed.contract, bed.world.now_us);
        uint64_t broken =
            contract_violated(bed.contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT) +
            contract_violated(bed.contract, CONTRACT_SERVER, CONTRACT_KIND_CONTRACT);
        const struct contract_result *shape = contract_result(bed.contract, "CON-TRP-01");
        printf("%-44s %9" PRIu64 " messages judged, %" PRIu64 " violations\n", "", shape->exercised,
               broken);
    }
    bed_end(&bed);
}

static void measure_memory(uint64_t count)
{
    struct bed bed;
    bed_begin(&bed, false, CONNECT_TELEMETRY_MINIMAL);
    struct printer **printers = memory_new_array(count, sizeof *printers);
    size_t before = held_bytes();
    for (uint64_t i = 0; i < count; i++) {
        printers[i] = bed_printer(&bed, i);
    }
    size_t made = held_bytes();
    world_run(&bed.world, SECONDS(120), NULL);
    size_t idle = held_bytes();
    http_server_destroy(bed.front);
    connect_server_destroy(bed.server);
    bed.front = NULL;
    world_run(&bed.world, SECONDS(121), NULL);
    printf("%-44s %9.0f bytes\n", "per printer, made", (double)(made - before) / (double)count);
    printf("%-44s %9.0f bytes\n", "per printer, after 120 s, server's view in",
           (double)(idle - before) / (double)count);
    size_t alone = held_bytes();
    printf("%-44s %9.0f bytes\n", "per printer, after 120 s, alone",
           (double)(alone - before) / (double)count);
    for (uint64_t i = 0; i < count; i++) {
        printer_destroy(printers[i]);
    }
    free(printers);
    bed.server = NULL;
    bed_end(&bed);
}

int main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? atoll(argv[1]) : 2000000;
    uint64_t printers = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000;
    measure_rate(seconds, CONNECT_TELEMETRY_MINIMAL, true,
                 "idle, minimal telemetry each second, judged");
    measure_rate(seconds, CONNECT_TELEMETRY_MINIMAL, false, "the same, not judged");
    measure_rate(seconds / 4, CONNECT_TELEMETRY_FULL, true,
                 "idle, full telemetry each second, judged");
    measure_memory(printers);
    return 0;
}
