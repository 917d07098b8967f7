/* What one telemetry exchange costs in memory: the client renders, the server parses and replies,
 * the client parses, all over the network in memory under the world's clock. Usage: bench_http
 * [EXCHANGES]. Prints CPU time per exchange, and the share of the parser alone on the same bytes,
 * so that the figure is a ratio too. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/net/memory.h"
#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"

static const char body[] =
    "{\"temp_nozzle\": 24.1, \"temp_bed\": 23.9, \"target_nozzle\": 0.0, \"target_bed\": 0.0, "
    "\"axis_z\": 0.0, \"state\": \"IDLE\"}";

struct bench {
    struct world world;
    struct http_client client;
    struct buffer request;
    long left;
};

static void render(struct buffer *out)
{
    buffer_clear(out);
    http_write_request(out, "POST", "/p/telemetry");
    http_write_header(out, "Host", "connect");
    http_write_header(out, "User-Agent", "python-requests/2.28.1");
    http_write_header(out, "Accept-Encoding", "gzip, deflate");
    http_write_header(out, "Accept", "*/*");
    http_write_header(out, "Connection", "keep-alive");
    http_write_header(out, "Fingerprint",
                      "8ee2ef0ee2b7eb02a5a9ff4d3de8a5de2e4b9c0a0de0b7bbe4a39e9dc6e1ff2d");
    http_write_header(out, "Timestamp", "1767225600.0");
    http_write_header(out, "User-Agent-Printer", "1.3.1");
    http_write_header(out, "User-Agent-Version", "0.8.1");
    http_write_header(out, "Token", "9f1c2ab77e0d4c5e8a10");
    http_write_header(out, "Clock-Adjusted", "1");
    http_write_header_int(out, "Content-Length", (int64_t)sizeof body - 1);
    http_write_header(out, "Content-Type", "application/json");
    http_write_end(out);
    buffer_append(out, body, sizeof body - 1);
}

static void ask(struct bench *bench)
{
    render(&bench->request);
    http_client_send(&bench->client, bench->request.bytes, bench->request.size, false);
}

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    (void)service;
    (void)message;
    static const struct http_reply reply = {.status = 204};
    http_exchange_reply(exchange, &reply);
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct bench *bench = owner;
    if (message->status != 204) {
        abort();
    }
    if (--bench->left > 0) {
        ask(bench);
    }
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    (void)owner;
    fprintf(stderr, "%s\n", failure->why);
    abort();
}

static void ignore_message(void *owner, const struct http_message *message)
{
    (void)owner;
    (void)message;
}

static void ignore_failure(void *owner, enum http_problem problem, const char *why)
{
    (void)owner;
    (void)problem;
    (void)why;
    abort();
}

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double parse_alone_us(const struct buffer *request, long count)
{
    static const struct http_parser_events events = {.complete = ignore_message,
                                                     .failed = ignore_failure};
    struct http_parser parser;
    http_parser_init(&parser, true, &events, NULL);
    double begin_s = cpu_s();
    for (long i = 0; i < count; i++) {
        http_parser_feed(&parser, request->bytes, request->size);
    }
    double spent_s = cpu_s() - begin_s;
    http_parser_free(&parser);
    return spent_s * 1e6 / (double)count;
}

/* Bytes of heap for each idle connection: both ends, client, server's connection. */
static double idle_bytes(struct world *world, struct network *network, const struct endpoint *at)
{
    enum { COUNT = 10000 };
    static const struct http_client_events events = {.reply = ignore_message, .failed = on_failed};
    struct http_client *clients = calloc(COUNT, sizeof *clients);
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < COUNT; i++) {
        http_client_init(&clients[i], world, network, at, &events, NULL);
        http_client_send(&clients[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, false);
    }
    world_run(world, world->now_us + SECONDS(1), NULL);
    double bytes = (double)(mallinfo2().uordblks - before) / COUNT + (double)sizeof *clients;
    for (size_t i = 0; i < COUNT; i++) {
        http_client_free(&clients[i]);
    }
    free(clients);
    return bytes;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 500000;
    struct bench bench = {.left = count};
    struct error error;
    world_init(&bench.world, 1);
    struct memory_network *memory = memory_network_new(&bench.world);
    struct network *network = memory_network_face(memory);
    struct http_service service = {.request = on_request, .body_bytes_max = 65536};
    struct http_server *server = http_server_new(&bench.world, network, &service, NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    if (count <= 0 || !http_server_listen(server, &at, &error)) {
        fputs("usage: bench_http [EXCHANGES]\n", stderr);
        return 2;
    }
    static const struct http_client_events events = {.reply = on_reply, .failed = on_failed};
    http_client_init(&bench.client, &bench.world, network, &at, &events, &bench);
    double begin_s = cpu_s();
    ask(&bench);
    world_run(&bench.world, INT64_MAX, NULL);
    double exchange_us = (cpu_s() - begin_s) * 1e6 / (double)count;
    double parse_us = parse_alone_us(&bench.request, count);
    printf("telemetry exchange in memory: %.2f us CPU, of which parsing the request %.2f us (%.0f "
           "%%)\n",
           exchange_us, parse_us, 100.0 * parse_us / exchange_us);
    printf("idle connection, both ends with client and server: %.0f bytes\n",
           idle_bytes(&bench.world, network, &at));
    http_client_free(&bench.client);
    http_server_destroy(server);
    memory_network_destroy(memory);
    buffer_free(&bench.request);
    world_free(&bench.world);
    return 0;
}
