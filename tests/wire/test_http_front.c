#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"

/* A client and a server front in one world; what happened is a line of text with times. */
struct bed {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server;
    struct endpoint at;
    struct http_client client;
    struct buffer log;
    struct http_reply reply;       /* what the service says */
    struct http_exchange *waiting; /* when it does not say it at once */
    bool later;
    const char *again; /* sent from within the reply callback, once */
};

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bed *bed = owner;
    buffer_format(&bed->log, "[%lld %.*s #%u %s", (long long)bed->world.now_us,
                  (int)message->target.size, message->target.bytes, exchange->connection,
                  exchange->peer);
    buffer_append_char(&bed->log, ' ');
    buffer_append(&bed->log, message->body.bytes, message->body.size);
    buffer_append_char(&bed->log, ']');
    if (bed->later) {
        bed->waiting = exchange;
    } else {
        http_exchange_reply(exchange, &bed->reply);
    }
}

static void on_gone(void *owner, struct http_exchange *exchange)
{
    struct bed *bed = owner;
    assert_ptr_equal(exchange, bed->waiting);
    bed->waiting = NULL;
    buffer_append_text(&bed->log, "[gone]");
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct bed *bed = owner;
    buffer_format(&bed->log, "<%lld %d ", (long long)bed->world.now_us, message->status);
    buffer_append(&bed->log, message->body.bytes, message->body.size);
    buffer_append_char(&bed->log, '>');
    if (bed->again != NULL) {
        const char *again = bed->again;
        bed->again = NULL;
        http_client_send(&bed->client, again, strlen(again), false);
    }
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    struct bed *bed = owner;
    buffer_format(&bed->log, "!%lld %s %s", (long long)bed->world.now_us,
                  http_failure_name(failure->kind), stream_end_name(failure->end));
}

static void on_idle_end(void *owner, enum stream_end end)
{
    buffer_format(&((struct bed *)owner)->log, "(idle %s)", stream_end_name(end));
}

static const struct http_client_events client_events = {
    .reply = on_reply, .failed = on_failed, .idle_end = on_idle_end};

static void bed_begin(struct bed *bed, const struct http_server_limits *limits)
{
    *bed = (struct bed){.at = {.host = "connect", .port = 80}};
    world_init(&bed->world, 1);
    bed->network = memory_network_new(&bed->world);
    bed->service = (struct http_service){
        .request = on_request, .gone = on_gone, .service = bed, .body_bytes_max = 1000};
    bed->server =
        http_server_new(&bed->world, memory_network_face(bed->network), &bed->service, limits);
    struct error error;
    assert_true(http_server_listen(bed->server, &bed->at, &error));
    http_client_init(&bed->client, &bed->world, memory_network_face(bed->network), &bed->at,
                     &client_events, bed);
    bed->reply = (struct http_reply){.status = 200, .body = "yes", .body_size = 3};
    buffer_append_text(&bed->log, "");
}

static void bed_end(struct bed *bed)
{
    http_client_free(&bed->client);
    http_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    buffer_free(&bed->log);
    world_free(&bed->world);
}

static void ask(struct bed *bed, const char *request)
{
    http_client_send(&bed->client, request, strlen(request), false);
    world_run(&bed->world, bed->world.now_us + SECONDS(100), NULL);
}

static void expect(struct bed *bed, const char *log)
{
    assert_string_equal(bed->log.bytes, log);
    buffer_clear(&bed->log);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_connection_is_kept_between_requests(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    memory_network_set_latency(bed.network, 10, 5);
    bed.again = GET("/2");
    ask(&bed, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    expect(&bed, "[25 /1 #1 memory:1 {}]<30 200 yes>[40 /2 #1 memory:1 ]<45 200 yes>");
    assert_int_equal(http_client_connection(&bed.client), 1);
    assert_true(sizeof bed.client < 300);
    bed_end(&bed);
}

static void replies_come_late_in_pieces_and_not_at_all(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.reply.delay_us = 7;
    bed.reply.piece_bytes = 20;
    bed.reply.piece_gap_us = 100;
    ask(&bed, GET("/"));
    expect(&bed, "[0 / #1 memory:1 ]<207 200 yes>"); /* 41 bytes: three pieces */
    bed.reply = (struct http_reply){.after = HTTP_AFTER_STALL};
    bed.client.reply_timeout_us = SECONDS(20);
    int64_t begin_us = bed.world.now_us;
    ask(&bed, GET("/stall"));
    assert_int_equal(begin_us, SECONDS(100));
    expect(&bed, "[100000000 /stall #1 memory:1 ]!120000000 timeout closed");
    assert_int_equal(http_server_connections(bed.server), 0);
    bed_end(&bed);
}

static void a_slow_reply_is_in_time_while_pieces_come(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.client.reply_timeout_us = SECONDS(2);
    bed.reply.piece_bytes = 1;
    bed.reply.piece_gap_us = SECONDS(1);
    ask(&bed, GET("/"));
    expect(&bed, "[0 / #1 memory:1 ]<40000000 200 yes>");
    bed_end(&bed);
}

static void each_way_to_end_has_its_name(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.reply = (struct http_reply){.after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    expect(&bed, "[0 / #1 memory:1 ]!0 no_reply closed");
    bed.reply.after = HTTP_AFTER_RESET;
    ask(&bed, GET("/"));
    expect(&bed, "[100000000 / #2 memory:2 ]!100000000 no_reply reset");
    bed.reply = (struct http_reply){.raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                                    .raw_size = 41,
                                    .after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    expect(&bed, "[200000000 / #3 memory:3 ]!200000000 cut closed");
    bed.reply = (struct http_reply){.raw = "nonsense\r\n", .raw_size = 10};
    ask(&bed, GET("/"));
    expect(&bed, "[300000000 / #4 memory:4 ]!300000000 not_http closed");
    bed.reply = (struct http_reply){
        .raw = "HTTP/1.1 200 OK\r\n\r\nto the end", .raw_size = 29, .after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    expect(&bed, "[400000000 / #5 memory:5 ]<400000000 200 to the end>");
    bed_end(&bed);
}

static void a_close_while_idle_costs_nothing(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.reply.after = HTTP_AFTER_CLOSE;
    ask(&bed, GET("/1"));
    ask(&bed, GET("/2"));
    expect(&bed, "[0 /1 #1 memory:1 ]<0 200 yes>(idle closed)"
                 "[100000000 /2 #2 memory:2 ]<100000000 200 yes>(idle closed)");
    bed.reply.after = HTTP_AFTER_KEEP;
    bed.reply.header_count = 0;
    http_reply_header(&bed.reply, "Connection", "close");
    ask(&bed, GET("/3"));
    ask(&bed, GET("/4"));
    expect(&bed, "[200000000 /3 #3 memory:3 ]<200000000 200 yes>[300000000 /4 #4 memory:4 "
                 "]<300000000 200 yes>");
    bed_end(&bed);
}

static void what_follows_a_reply_ends_the_connection(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.reply = (struct http_reply){
        .raw = "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        .raw_size = 57};
    bed.again = GET("/2");
    ask(&bed, GET("/1"));
    expect(&bed, "[0 /1 #1 memory:1 ]<0 204 >[0 /2 #2 memory:2 ]<0 204 >");
    bed_end(&bed);
}

static void connections_fail_as_the_host_does(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    strcpy(bed.at.host, "nowhere");
    ask(&bed, GET("/"));
    expect(&bed, "!0 connect unresolved");
    strcpy(bed.at.host, "connect");
    bed.at.port = 81;
    ask(&bed, GET("/"));
    expect(&bed, "!100000000 connect refused");
    bed.at.port = 80;
    bed.at.tls = true;
    ask(&bed, GET("/"));
    expect(&bed, "!200000000 connect tls");
    bed.at.tls = false;
    memory_network_fail_host(bed.network, "connect", STREAM_END_UNREACHABLE);
    ask(&bed, GET("/"));
    expect(&bed, "!300000000 connect unreachable");
    memory_network_heal_host(bed.network, "connect");
    memory_network_set_latency(bed.network, SECONDS(2), SECONDS(2));
    bed.client.connect_timeout_us = SECONDS(3);
    ask(&bed, GET("/"));
    expect(&bed, "!403000000 connect_timeout unreachable");
    bed_end(&bed);
}

static void the_service_learns_that_a_client_has_gone(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.later = true;
    ask(&bed, GET("/"));
    http_client_close(&bed.client);
    world_run(&bed.world, SECONDS(200), NULL);
    expect(&bed, "[0 / #1 memory:1 ][gone]");
    ask(&bed, GET("/"));
    assert_non_null(bed.waiting);
    http_exchange_reply(bed.waiting, &bed.reply);
    bed.waiting = NULL;
    world_run(&bed.world, SECONDS(400), NULL);
    expect(&bed, "[200000000 / #2 memory:2 ]<300000000 200 yes>");
    ask(&bed, GET("/"));
    http_server_destroy(bed.server);
    bed.server = NULL;
    world_run(&bed.world, SECONDS(600), NULL);
    expect(&bed, "[400000000 / #2 memory:2 ][gone]!500000000 no_reply closed");
    bed_end(&bed);
}

/* A bare stream, for requests that the client would never send. */
struct raw {
    struct buffer text;
    struct stream *stream;
};

static void raw_received(void *owner, const char *bytes, size_t size)
{
    buffer_append(&((struct raw *)owner)->text, bytes, size);
}

static void raw_ended(void *owner, enum stream_end end, const char *why)
{
    (void)why;
    struct raw *raw = owner;
    raw->stream = NULL;
    buffer_format(&raw->text, "{%s}", stream_end_name(end));
}

static void expect_raw(struct bed *bed, const char *request, const char *first_line,
                       const char *last)
{
    static const struct stream_events events = {.received = raw_received, .ended = raw_ended};
    struct raw raw = {0};
    raw.stream = network_connect(memory_network_face(bed->network), &bed->at, &events, &raw);
    stream_send(raw.stream, request, strlen(request));
    world_run(&bed->world, bed->world.now_us + SECONDS(100), NULL);
    buffer_append_text(&raw.text, "");
    if (strncmp(raw.text.bytes, first_line, strlen(first_line)) != 0 ||
        strcmp(raw.text.bytes + raw.text.size - strlen(last), last) != 0) {
        fail_msg("%s: %s", request, raw.text.bytes);
    }
    if (raw.stream != NULL) {
        stream_close(raw.stream);
    }
    buffer_free(&raw.text);
}

static void the_front_answers_what_is_no_request(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, &(struct http_server_limits){.idle_timeout_us = SECONDS(10),
                                                 .request_timeout_us = SECONDS(5)});
    expect_raw(&bed, "nonsense\r\n", "HTTP/1.1 400 Bad Request\r\n", "{closed}");
    expect_raw(&bed, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "{closed}");
    expect_raw(&bed, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", "{closed}");
    expect_raw(&bed, "GET / HTTP/2.0\r\n", "HTTP/1.1 505 ", "{closed}");
    expect_raw(&bed, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 ",
               "{closed}");
    expect_raw(&bed, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
               "HTTP/1.1 501 ", "{closed}");
    expect_raw(&bed, "GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 ", "{closed}");
    expect_raw(&bed, "", "", "{closed}");
    expect(&bed, "");
    expect_raw(&bed,
               "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
               "HTTP/1.1 100 Continue\r\n\r\n", "{closed}");
    expect_raw(&bed, "HEAD / HTTP/1.0\r\n\r\n",
               "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{closed}", "{closed}");
    expect_raw(&bed, GET("/1") GET("/2") "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
               "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyesHTTP/1.1 200 OK\r\nContent-Length: "
               "3\r\n\r\nyes",
               "yes{closed}");
    bed_end(&bed);
    bed_begin(&bed, &(struct http_server_limits){.connections_max = 1});
    ask(&bed, GET("/"));
    expect_raw(&bed, GET("/"), "HTTP/1.1 503 ", "{closed}");
    bed_end(&bed);
}

static void pipelined_requests_are_answered_in_order_and_each_in_its_time(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    bed.reply.delay_us = 10;
    expect_raw(&bed, GET("/1") GET("/2") GET("/3"), "HTTP/1.1 200 OK\r\n", "yes");
    expect(&bed, "[0 /1 #1 memory:1 ][10 /2 #1 memory:1 ][20 /3 #1 memory:1 ]");
    bed_end(&bed);
}

static void memory_listeners_take_free_ports(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL);
    struct endpoint a = {.host = "connect"}, b = {.host = "connect"},
                    c = {.host = "connect", .port = 80};
    struct error error;
    assert_true(http_server_listen(bed.server, &a, &error));
    assert_true(http_server_listen(bed.server, &b, &error));
    assert_true(a.port != 0 && b.port != 0 && a.port != b.port);
    assert_false(http_server_listen(bed.server, &c, &error));
    assert_non_null(strstr(error.text, "in use"));
    bed_end(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept_between_requests),
        cmocka_unit_test(replies_come_late_in_pieces_and_not_at_all),
        cmocka_unit_test(a_slow_reply_is_in_time_while_pieces_come),
        cmocka_unit_test(each_way_to_end_has_its_name),
        cmocka_unit_test(a_close_while_idle_costs_nothing),
        cmocka_unit_test(what_follows_a_reply_ends_the_connection),
        cmocka_unit_test(connections_fail_as_the_host_does),
        cmocka_unit_test(the_service_learns_that_a_client_has_gone),
        cmocka_unit_test(the_front_answers_what_is_no_request),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_and_each_in_its_time),
        cmocka_unit_test(memory_listeners_take_free_ports),
    };
    return cmocka_run_group_tests_name("http_front", tests, NULL, NULL);
}
