#ifndef HOTBED_TESTS_CONNECT_BENCH_H
#define HOTBED_TESTS_CONNECT_BENCH_H

/* A mock Connect server without a front, under a virtual clock: requests go in, the last reply is
 * kept. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mockservers/connect/control.h"
#include "mockservers/connect/server.h"

enum { REPLY_BYTES_MAX = 65536 };

/* A front that keeps the last reply. */
struct fake_exchange {
    struct http_exchange exchange;
    bool replied;
    int status;
    enum http_after after;
    char code[64], token[64], id[64], type[64], force[8], location[64];
    char body[REPLY_BYTES_MAX];
    char raw[4096];
    size_t body_size, raw_size;
};

static void copy_header(const struct http_reply *reply, const char *name, char *to, size_t size)
{
    *to = '\0';
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcmp(reply->headers[i].name, name) == 0) {
            snprintf(to, size, "%s", reply->headers[i].value);
        }
    }
}

static void take_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct fake_exchange *fake = (struct fake_exchange *)exchange;
    assert_false(fake->replied);
    fake->replied = true;
    fake->status = reply->status;
    fake->after = reply->after;
    copy_header(reply, "Code", fake->code, sizeof fake->code);
    copy_header(reply, "Token", fake->token, sizeof fake->token);
    copy_header(reply, "Command-Id", fake->id, sizeof fake->id);
    copy_header(reply, "Content-Type", fake->type, sizeof fake->type);
    copy_header(reply, "Force", fake->force, sizeof fake->force);
    copy_header(reply, "Location", fake->location, sizeof fake->location);
    fake->body_size = reply->body_size;
    assert_true(reply->body_size < sizeof fake->body);
    memcpy(fake->body, reply->body == NULL ? "" : reply->body, reply->body_size);
    fake->body[reply->body_size] = '\0';
    fake->raw_size = reply->raw_size < sizeof fake->raw ? reply->raw_size : sizeof fake->raw - 1;
    memcpy(fake->raw, reply->raw == NULL ? "" : reply->raw, fake->raw_size);
    fake->raw[fake->raw_size] = '\0';
}

static const struct http_exchange_class fake_class = {.reply = take_reply};

struct bench {
    struct world world;
    struct connect_server *server;
    struct fake_exchange last;
    char token[64];
    uint32_t connection;
};

static struct connect_server_settings usual = {.log_bytes = 100000};

static void open_bench(struct bench *bench, const struct connect_server_settings *settings)
{
    memset(bench, 0, sizeof *bench);
    world_init(&bench->world, 7);
    bench->server = connect_server_new(&bench->world, settings);
}

static void close_bench(struct bench *bench)
{
    connect_server_destroy(bench->server);
    world_free(&bench->world);
}

static void ask_service(struct bench *bench, struct http_service *service, const char *method,
                        const char *target, const char *code, const char *stamp, const char *body)
{
    struct http_message message = {.request = true, .keep_alive = true};
    char head[512];
    int size = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nToken: %s\r\n\r\n", method, target,
                        bench->token);
    message.head = (struct slice){head, (size_t)size};
    message.method = slice_of(method);
    message.target = slice_of(target);
    message.body = slice_of(body);
    const char *const headers[][2] = {{"Content-Type", "application/json"},
                                      {"Timestamp", stamp},
                                      {"Token", bench->token},
                                      {"Code", code}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (*headers[i][1] != '\0') {
            message.headers[message.header_count].name = slice_of(headers[i][0]);
            message.headers[message.header_count++].value = slice_of(headers[i][1]);
        }
    }
    memset(&bench->last, 0, sizeof bench->last);
    bench->last.exchange.class = &fake_class;
    bench->last.exchange.connection = 1;
    service->request(service->service, &bench->last.exchange, &message);
}

static void ask(struct bench *bench, const char *method, const char *target, const char *body)
{
    ask_service(bench, connect_server_service(bench->server), method, target, "", "1.5", body);
}

static void telemetry(struct bench *bench, const char *body)
{
    ask(bench, "POST", "/p/telemetry", body);
}

static struct connect_printer *join(struct bench *bench)
{
    snprintf(bench->token, sizeof bench->token, "tok");
    return connect_server_expect(bench->server, "tok");
}

static void idle(struct bench *bench)
{
    telemetry(bench, "{\"state\": \"IDLE\"}");
}

static inline struct connect_command *queue(struct bench *bench, struct connect_printer *printer,
                                            const char *name)
{
    struct error error;
    struct connect_command *command =
        connect_server_command(bench->server, printer, name, NULL, &error);
    assert_non_null(command);
    return command;
}

#endif
