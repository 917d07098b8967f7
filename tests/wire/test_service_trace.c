/* What passes between a front and a service is in the trace, requests before their replies, without
 * secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sim/base/trace.h"
#include "sim/wire/service_trace.h"

/* A service that refuses PUT at its head, breaks the connection of "/reset" and says "there" to all
 * else. */
static enum http_body_plan begin(void *service, struct http_exchange *exchange,
                                 const struct http_message *message)
{
    (void)service;
    if (slice_is(message->method, "PUT")) {
        http_exchange_reply(exchange,
                            &(struct http_reply){.status = 507, .after = HTTP_AFTER_DRAIN});
        return HTTP_BODY_PIECES;
    }
    return slice_is(message->method, "POST") ? HTTP_BODY_PIECES : HTTP_BODY_WHOLE;
}

static void request(void *service, struct http_exchange *exchange,
                    const struct http_message *message)
{
    (void)service;
    struct http_reply reply = {.status = 200, .body = "there", .body_size = 5};
    if (slice_is(message->target, "/reset")) {
        reply = (struct http_reply){.after = HTTP_AFTER_RESET};
    }
    http_exchange_reply(exchange, &reply);
}

static void piece(void *service, struct http_exchange *exchange, const char *bytes, size_t size)
{
    (void)service, (void)exchange, (void)bytes, (void)size;
}

static const struct http_service below = {.begin = begin, .request = request, .piece = piece};

/* A front that counts replies. */
static int replies;

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    (void)exchange, (void)reply;
    replies++;
}

static const struct http_exchange_class front = {.reply = on_reply};

static void write_line(void *sink, const char *line, size_t size)
{
    buffer_append(sink, line, size);
}

struct bench {
    struct world world;
    struct trace trace;
    struct buffer lines;
    struct service_trace *traced;
    struct http_exchange exchange;
};

static void bench_begin(struct bench *bench)
{
    *bench = (struct bench){.exchange = {.class = &front, .connection = 3}};
    world_init(&bench->world, 1);
    trace_init(&bench->trace, write_line, &bench->lines);
    bench->world.trace = &bench->trace;
    bench->traced = service_trace_new(&bench->world, &below, "mk4-0");
    replies = 0;
}

static void bench_end(struct bench *bench)
{
    service_trace_destroy(bench->traced);
    trace_free(&bench->trace);
    buffer_free(&bench->lines);
    world_free(&bench->world);
}

/* Everything of a request but what a reply has ended. */
static const char *ask(struct bench *bench, const char *method, const char *target,
                       const char *body, size_t size)
{
    const struct http_service *service = service_trace_service(bench->traced);
    struct buffer head = {0};
    buffer_format(&head, "%s %s HTTP/1.1\r\nX-Api-Key: secret\r\n\r\n", method, target);
    struct http_message message = {.method = slice_of(method),
                                   .target = slice_of(target),
                                   .head = {buffer_text(&head), head.size}};
    buffer_clear(&bench->lines);
    bench->exchange.service_data = NULL;
    enum http_body_plan plan = service->begin(service->service, &bench->exchange, &message);
    if (replies == 0 && plan == HTTP_BODY_PIECES) {
        service->piece(service->service, &bench->exchange, body, size);
    } else {
        message.body = (struct slice){body, size};
    }
    if (replies == 0) {
        service->request(service->service, &bench->exchange, &message);
    }
    assert_int_equal(replies, 1);
    replies = 0;
    buffer_free(&head);
    return buffer_text(&bench->lines);
}

static size_t count(const char *text, const char *words)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        found++;
    }
    return found;
}

static void requests_come_before_their_replies(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    const char *lines = ask(&bench, "GET", "/a", "", 0);
    const char *asked = strstr(
        lines, "\"from\": \"client\", \"to\": \"mk4-0\", \"conn\": 3, \"kind\": \"request\"");
    assert_non_null(asked);
    assert_true(asked < strstr(lines, "\"kind\": \"reply\""));
    assert_non_null(strstr(lines, "\\r\\n\\r\\nthere\""));
    assert_null(strstr(lines, "secret"));
    lines = ask(&bench, "PUT", "/a", "G1", 2);
    assert_true(strstr(lines, "PUT /a") < strstr(lines, "507"));
    lines = ask(&bench, "POST", "/a", "{\"command\":\"pause\"}", 19);
    assert_non_null(strstr(lines, "pause"));
    lines = ask(&bench, "GET", "/reset", "", 0);
    assert_non_null(strstr(lines, "\"kind\": \"reset\""));
    assert_null(strstr(lines, "\"kind\": \"reply\""));
    bench_end(&bench);
}

static void long_and_binary_bodies_are_left_out(void **state)
{
    (void)state;
    static char body[SERVICE_TRACE_BODY_MAX + 1];
    struct bench bench;
    bench_begin(&bench);
    memset(body, 'x', sizeof body);
    assert_int_equal(count(ask(&bench, "POST", "/a", body, sizeof body), "xxxx"), 0);
    assert_true(count(ask(&bench, "POST", "/a", body, sizeof body - 1), "xxxx") > 0);
    assert_int_equal(count(ask(&bench, "POST", "/a", "xxxx\0x", 6), "xxxx"), 0);
    bench_end(&bench);
}

static void a_client_that_leaves_is_told(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    const struct http_service *service = service_trace_service(bench.traced);
    const struct http_message message = {.method = slice_of("POST"),
                                         .target = slice_of("/a"),
                                         .head = slice_of("POST /a HTTP/1.1\r\n\r\n")};
    service->begin(service->service, &bench.exchange, &message);
    service->gone(service->service, &bench.exchange);
    assert_int_equal(count(buffer_text(&bench.lines), "POST /a"), 1);
    assert_int_equal(count(buffer_text(&bench.lines), "\"kind\": \"close\""), 1);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_before_their_replies),
        cmocka_unit_test(long_and_binary_bodies_are_left_out),
        cmocka_unit_test(a_client_that_leaves_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
