#include "sim/wire/http_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

enum { CONNECTIONS_MAX = 65536 };

struct connection {
    struct http_exchange exchange; /* first: an exchange is its connection */
    struct http_server *server;
    struct connection *previous, *next;
    struct stream *stream;
    bool *destroyed; /* not NULL while a call that may end the connection runs */
    struct http_parser parser;
    struct timer timer; /* idle, request time-out, or the next bytes of a reply */
    struct buffer out;  /* of a reply that waits or goes out in pieces */
    size_t sent;        /* of `out` */
    size_t piece_bytes;
    int64_t piece_gap_us;
    enum http_after after;
    struct http_upgrade upgrade; /* behind the reply; take NULL: none */
    bool upgrading;              /* the reply is out, the stream changes hands in the next instant */
    bool exchanging; /* the service has the request and has not replied */
    bool replying;   /* the reply is on its way out */
    bool stalled;
    bool close; /* behind the reply, as HTTP has it */
    bool head_request;
    bool in_request; /* the first byte of a request is in, the last is not */
};

struct server_listener {
    struct server_listener *next;
    struct listener *listener;
};

struct http_server {
    struct world *world;
    struct network *network;
    const struct http_service *service;
    struct http_server_limits limits;
    struct connection *connections;
    size_t count;
    struct server_listener *listeners;
};

/* The stream is gone already, or is closed or reset by the caller. */
static void connection_destroy(struct connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->exchanging && server->service->gone != NULL) {
        connection->exchanging = false;
        server->service->gone(server->service->service, &connection->exchange);
    }
    if (connection->upgrade.take != NULL) {
        connection->upgrade.take(connection->upgrade.owner, NULL, slice_of(""));
    }
    if (connection->destroyed != NULL) {
        *connection->destroyed = true;
    }
    world_cancel(server->world, &connection->timer);
    http_parser_free(&connection->parser);
    buffer_free(&connection->out);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->count--;
    free(connection);
}

static void connection_leave(struct connection *connection, bool reset)
{
    struct stream *stream = connection->stream;
    connection_destroy(connection);
    if (reset) {
        stream_reset(stream);
    } else {
        stream_close(stream);
    }
}

static void arm(struct connection *connection, int64_t delay_us)
{
    if (delay_us > 0) {
        world_arm_in(connection->server->world, &connection->timer, delay_us);
    } else {
        world_cancel(connection->server->world, &connection->timer);
    }
}

/* Between requests, and while one comes in. */
static void watch_time(struct connection *connection)
{
    if (connection->exchanging || connection->replying || connection->stalled) {
        return;
    }
    bool in_request = !http_parser_idle(&connection->parser);
    if (!in_request) {
        arm(connection, connection->server->limits.idle_timeout_us);
    } else if (!connection->in_request) {
        arm(connection, connection->server->limits.request_timeout_us);
    }
    connection->in_request = in_request;
}

/* What waits behind the request is the taker's, too. */
static void hand_over(struct connection *connection)
{
    struct http_upgrade upgrade = connection->upgrade;
    struct stream *stream = connection->stream;
    struct buffer early = connection->parser.held;
    connection->parser.held = (struct buffer){0};
    connection->upgrade.take = NULL;
    connection_destroy(connection);
    upgrade.take(upgrade.owner, stream, (struct slice){buffer_text(&early), early.size});
    buffer_free(&early);
}

static void reply_sent(struct connection *connection)
{
    if (connection->upgrade.take != NULL) {
        connection->upgrading = true; /* not at once: a piece may still be fed to the parser */
        world_arm_in(connection->server->world, &connection->timer, 0);
        return;
    }
    connection->replying = false;
    buffer_free(&connection->out);
    switch (connection->after) {
    case HTTP_AFTER_CLOSE:
    case HTTP_AFTER_DRAIN:
        connection_leave(connection, false);
        return;
    case HTTP_AFTER_RESET:
        connection_leave(connection, true);
        return;
    case HTTP_AFTER_STALL:
        connection->stalled = true;
        http_parser_reset(&connection->parser);
        return;
    case HTTP_AFTER_KEEP:
        break;
    }
    if (connection->close) {
        connection_leave(connection, false);
        return;
    }
    if (connection->destroyed != NULL) {
        http_parser_resume(&connection->parser); /* goes on where it was called from */
        return;
    }
    bool destroyed = false;
    connection->destroyed = &destroyed;
    http_parser_resume(&connection->parser);
    if (!destroyed) {
        connection->destroyed = NULL;
        watch_time(connection);
    }
}

/* The next piece of the reply; all that waits in `out` has its instant here. */
static void send_more(struct connection *connection)
{
    size_t left = connection->out.size - connection->sent;
    size_t size = connection->piece_bytes > 0 && connection->piece_bytes < left
                      ? connection->piece_bytes
                      : left;
    if (size > 0) {
        stream_send(connection->stream, connection->out.bytes + connection->sent, size);
        connection->sent += size;
    }
    if (connection->sent < connection->out.size) {
        world_arm_in(connection->server->world, &connection->timer, connection->piece_gap_us);
    } else {
        reply_sent(connection);
    }
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct connection *connection = (struct connection *)exchange;
    assert(connection->exchanging);
    connection->exchanging = false;
    connection->replying = true;
    connection->sent = 0;
    connection->after = reply->after;
    assert(reply->upgrade.take == NULL ||
           (reply->status == 101 && reply->after == HTTP_AFTER_KEEP));
    connection->upgrade = reply->upgrade;
    connection->piece_bytes = reply->piece_bytes;
    connection->piece_gap_us = reply->piece_gap_us;
    if (!http_reply_render(&connection->out, reply, connection->head_request)) {
        connection->close = true;
    }
    if (reply->delay_us > 0) {
        world_arm_in(connection->server->world, &connection->timer, reply->delay_us);
    } else {
        send_more(connection);
    }
}

static const struct http_exchange_class exchange_class = {.reply = on_reply};

/* An answer of the front's own, behind which the connection closes. */
static void answer(struct connection *connection, int status, const char *why)
{
    struct http_reply reply = {.status = status, .body = why, .body_size = strlen(why)};
    http_reply_header(&reply, "Content-Type", "text/plain");
    http_reply_header(&reply, "Connection", "close");
    connection->exchanging = true;
    on_reply(&connection->exchange, &reply);
}

static void on_time(void *owner)
{
    struct connection *connection = owner;
    if (connection->upgrading) {
        hand_over(connection);
    } else if (connection->replying) {
        send_more(connection);
    } else if (connection->in_request) {
        answer(connection, 408, "the request did not arrive in time");
    } else {
        connection_leave(connection, false);
    }
}

static bool on_head(void *owner, const struct http_message *message)
{
    struct connection *connection = owner;
    struct slice expect = http_header_value(message, "Expect");
    if (message->minor_version > 0 && slice_is_nocase(expect, "100-continue")) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_send(connection->stream, go_on, sizeof go_on - 1);
    }
    return false;
}

static size_t count_header(const struct http_message *message, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        count += slice_is_nocase(message->headers[i].name, name) ? 1 : 0;
    }
    return count;
}

static void on_request(void *owner, const struct http_message *message)
{
    struct connection *connection = owner;
    struct http_server *server = connection->server;
    world_cancel(server->world, &connection->timer);
    connection->in_request = false;
    connection->close = !message->keep_alive;
    connection->head_request = slice_is(message->method, "HEAD");
    size_t hosts = count_header(message, "Host");
    if (hosts > 1 || (hosts == 0 && message->minor_version > 0)) {
        answer(connection, 400, "a request needs one Host header"); /* RFC 9112 section 3.2 */
        return;
    }
    http_parser_pause(&connection->parser);
    connection->exchanging = true;
    connection->exchange.service_data = NULL;
    server->service->request(server->service->service, &connection->exchange, message);
}

static void on_problem(void *owner, enum http_problem problem, const char *why)
{
    struct connection *connection = owner;
    static const int statuses[] = {[HTTP_PROBLEM_NONE] = 400,      [HTTP_PROBLEM_SYNTAX] = 400,
                                   [HTTP_PROBLEM_VERSION] = 505,   [HTTP_PROBLEM_HEAD_SIZE] = 431,
                                   [HTTP_PROBLEM_BODY_SIZE] = 413, [HTTP_PROBLEM_LENGTH] = 400,
                                   [HTTP_PROBLEM_CODING] = 501,    [HTTP_PROBLEM_CUT] = 400};
    if (connection->exchanging || connection->replying) {
        connection_leave(connection,
                         true); /* it floods us behind a request that is being answered */
        return;
    }
    connection->head_request = false;
    answer(connection, statuses[problem], why);
}

static const struct http_parser_events parser_events = {
    .head = on_head, .complete = on_request, .failed = on_problem};

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct connection *connection = owner;
    if (connection->stalled) {
        return;
    }
    bool destroyed = false;
    connection->destroyed = &destroyed;
    http_parser_feed(&connection->parser, bytes, size);
    if (!destroyed) {
        connection->destroyed = NULL;
        watch_time(connection);
    }
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    connection_destroy(owner);
}

static const struct stream_events stream_events = {.received = on_received, .ended = on_ended};

static void on_accept(void *owner, struct stream *stream)
{
    struct http_server *server = owner;
    struct connection *connection = memory_new(sizeof *connection);
    connection->server = server;
    connection->stream = stream;
    connection->exchange = (struct http_exchange){.class = &exchange_class,
                                                  .connection = stream->id,
                                                  .tls = stream->tls,
                                                  .peer = stream->peer};
    stream->events = &stream_events;
    stream->owner = connection;
    http_parser_init(&connection->parser, true, &parser_events, connection);
    connection->parser.body_bytes_max = server->service->body_bytes_max;
    timer_init(&connection->timer, on_time, connection);
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->count++;
    if (server->count > server->limits.connections_max) {
        answer(connection, 503, "too many connections");
        return;
    }
    arm(connection, server->limits.idle_timeout_us);
}

struct http_server *http_server_new(struct world *world, struct network *network,
                                    const struct http_service *service,
                                    const struct http_server_limits *limits)
{
    struct http_server *server = memory_new(sizeof *server);
    *server = (struct http_server){.world = world, .network = network, .service = service};
    if (limits != NULL) {
        server->limits = *limits;
    }
    if (server->limits.connections_max == 0) {
        server->limits.connections_max = CONNECTIONS_MAX;
    }
    return server;
}

bool http_server_listen(struct http_server *server, struct endpoint *at, struct error *error)
{
    struct listener *listener = network_listen(server->network, at, on_accept, server, error);
    if (listener == NULL) {
        return false;
    }
    struct server_listener *entry = memory_new(sizeof *entry);
    *entry = (struct server_listener){.next = server->listeners, .listener = listener};
    server->listeners = entry;
    return true;
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    while (server->listeners != NULL) {
        struct server_listener *entry = server->listeners;
        server->listeners = entry->next;
        network_unlisten(server->network, entry->listener);
        free(entry);
    }
    for (struct connection *connection = server->connections, *next; connection != NULL;
         connection = next) {
        next = connection->next;
        connection_leave(connection, false);
    }
    free(server);
}

size_t http_server_connections(const struct http_server *server)
{
    return server->count;
}
