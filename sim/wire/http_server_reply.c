/* The answering half of the server: a reply's bytes leave in one go, in pieces with pauses, or as
 * fast as the peer takes what is read from a source; then the connection stays, closes or changes
 * hands. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/wire/http_server_internal.h"

enum { SOURCE_BYTES = 64 * 1024 };

#define DRAIN_US SECONDS(10)

struct server_source {
    long (*read)(void *source, uint64_t offset, char *bytes, size_t size);
    void (*free)(void *source);
    void *source;
    uint64_t offset;
    const struct stream_events *events; /* of the stream before and after */
    struct stream_events pumping;
};

void server_source_free(struct server_connection *connection)
{
    struct server_source *source = connection->source;
    connection->source = NULL;
    if (source != NULL) {
        source->free(source->source);
        free(source);
    }
}

/* What waits behind the request is the taker's, too. */
static void hand_over(struct server_connection *connection)
{
    struct http_upgrade upgrade = connection->upgrade;
    struct stream *stream = connection->stream;
    struct buffer early = connection->parser.held;
    connection->parser.held = (struct buffer){0};
    connection->upgrade.take = NULL;
    server_connection_destroy(connection);
    upgrade.take(upgrade.owner, stream, (struct slice){buffer_text(&early), early.size});
    buffer_free(&early);
}

static void drain(struct server_connection *connection)
{
    const struct http_server_limits *limits = &connection->server->limits;
    connection->draining = connection->deaf = true;
    http_parser_reset(&connection->parser); /* nor is the rest of the present piece a request */
    stream_hold(connection->stream, false);
    stream_finish(connection->stream);
    world_arm_in(connection->server->world, &connection->timer,
                 limits->drain_us > 0 ? limits->drain_us : DRAIN_US);
}

/* The next request is read, if it is not on its way through the parser anyway. */
static void go_on(struct server_connection *connection)
{
    if (connection->receiving) {
        return; /* the rest of a body that nobody wants comes first */
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
        server_watch_time(connection);
    }
}

static void reply_sent(struct server_connection *connection)
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
        server_connection_leave(connection, false);
        return;
    case HTTP_AFTER_DRAIN:
        drain(connection);
        return;
    case HTTP_AFTER_RESET:
        server_connection_leave(connection, true);
        return;
    case HTTP_AFTER_STALL:
        connection->deaf = true;
        http_parser_reset(&connection->parser);
        return;
    case HTTP_AFTER_KEEP:
        break;
    }
    if (connection->close) {
        server_connection_leave(connection, false);
    } else {
        go_on(connection);
    }
}

/* The next bytes of the source, each time when those before have left. */
static void pump(void *owner)
{
    struct server_connection *connection = owner;
    struct server_source *source = connection->source;
    char bytes[SOURCE_BYTES];
    long got = source->read(source->source, source->offset, bytes, sizeof bytes);
    if (got > 0) {
        source->offset += (uint64_t)got;
        stream_send(connection->stream, bytes, (size_t)got);
        return;
    }
    connection->stream->events = source->events;
    server_source_free(connection);
    if (got < 0) {
        server_connection_leave(connection, true);
    } else {
        reply_sent(connection);
    }
}

/* The next piece of the reply; all that waits in `out` has its instant here. */
static void send_more(struct server_connection *connection)
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
    } else if (connection->source != NULL) {
        struct server_source *source = connection->source;
        source->events = connection->stream->events;
        source->pumping = *source->events;
        source->pumping.drained = pump;
        connection->stream->events = &source->pumping;
        pump(connection);
    } else {
        reply_sent(connection);
    }
}

static void take_source(struct server_connection *connection, const struct http_reply *reply)
{
    if (reply->source_read != NULL) {
        connection->source = memory_new(sizeof *connection->source);
        *connection->source = (struct server_source){
            .read = reply->source_read, .free = reply->source_free, .source = reply->source};
    }
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct server_connection *connection = (struct server_connection *)exchange;
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
    if (connection->held) {
        connection->held = false;
        stream_hold(connection->stream, false);
    }
    take_source(connection, reply);
    if (!http_reply_render(&connection->out, reply, connection->head_request)) {
        connection->close = true;
    }
    if (reply->delay_us > 0) {
        world_arm_in(connection->server->world, &connection->timer, reply->delay_us);
    } else {
        send_more(connection);
    }
}

static void on_hold(struct http_exchange *exchange, bool held)
{
    struct server_connection *connection = (struct server_connection *)exchange;
    connection->held = held;
    if (held) {
        stream_narrow(
            connection->stream); /* a service that holds a body back takes it at its own rate */
    }
    stream_hold(connection->stream, held);
    server_watch_time(connection);
}

const struct http_exchange_class server_exchange_class = {.reply = on_reply, .hold = on_hold};

void server_answer(struct server_connection *connection, int status, const char *why)
{
    struct http_reply reply = {.status = status, .body = why, .body_size = strlen(why)};
    http_reply_header(&reply, "Content-Type", "text/plain");
    http_reply_header(&reply, "Connection", "close");
    connection->exchanging = true;
    on_reply(&connection->exchange, &reply);
}

void server_reply_time(struct server_connection *connection)
{
    if (connection->upgrading) {
        hand_over(connection);
    } else {
        send_more(connection);
    }
}
