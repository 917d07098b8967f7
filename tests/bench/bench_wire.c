/* CPU of one telemetry over TCP, simulation included: N printers that talk to a server as fast as it answers.
 *   build/release/tests/bench_wire URL [PRINTERS [SECONDS [INTERVAL_MS]]]
 * tests/bench/wire-against-wrk.sh starts a neutral server and runs wrk with the same bytes beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "sim/base/memory.h"
#include "sim/printer/printer.h"

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static uint64_t requests(struct printer **printers, uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += connect_face_requests(printer_connect_face(printers[i]));
    }
    return sum;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_wire URL [PRINTERS [SECONDS [INTERVAL_MS]]]\n", stderr);
        return 2;
    }
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    int64_t seconds = argc > 3 ? atoll(argv[3]) : 10;
    int64_t interval_ms = argc > 4 ? atoll(argv[4]) : 1;
    raise_file_limit();
    struct world world;
    struct error error;
    world_init(&world, 1);
    struct real_driver *driver = real_driver_new(&world, &error);
    struct socket_network *sockets = driver == NULL ? NULL : socket_network_new(driver, NULL, &error);
    if (sockets == NULL) {
        fprintf(stderr, "bench_wire: %s\n", error.text);
        return 1;
    }
    struct connect_face_settings face;
    connect_face_defaults(&face);
    face.server = argv[1];
    face.telemetry = CONNECT_TELEMETRY_MINIMAL;
    face.telemetry_interval_us = MILLISECONDS(interval_ms);
    struct printer **printers = memory_new_array(count, sizeof *printers);
    for (uint64_t i = 0; i < count; i++) {
        const struct printer_settings settings = {.model = model_find("mk3s"),
                                                  .index = i,
                                                  .room_c = 25,
                                                  .connect = &face,
                                                  .token = "0123456789abcdef"};
        printers[i] = printer_new(&world, socket_network_face(sockets), &settings, &error);
        if (printers[i] == NULL) {
            fprintf(stderr, "bench_wire: %s\n", error.text);
            return 1;
        }
        printer_power_on(printers[i]);
    }
    world_run(&world, SECONDS(12), NULL); /* booted, identified, connected */
    double cpu = cpu_s();
    uint64_t before = requests(printers, count);
    int64_t start_us = world.now_us;
    world_run(&world, start_us + SECONDS(seconds), NULL);
    uint64_t sent = requests(printers, count) - before;
    cpu = cpu_s() - cpu;
    double span = (double)(world.now_us - start_us) / 1e6;
    printf("%" PRIu64 " printers: %" PRIu64 " requests in %.1f s, %.0f per s, %.2f us CPU each\n", count, sent, span,
           (double)sent / span, cpu / (double)sent * 1e6);
    for (uint64_t i = 0; i < count; i++) {
        printer_destroy(printers[i]);
    }
    free(printers);
    socket_network_destroy(sockets);
    real_driver_destroy(driver);
    world_free(&world);
    return sent > 0 ? 0 : 1;
}
