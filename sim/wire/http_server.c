/* The listening half of the server: connections come, requests are read from them and shown to the
 * service, what is no request or stops coming is refused. Answering is http_server_reply.c. */
#include "sim/wire/http_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/wire/http_server_internal.h"

enum { CONNECTIONS_MAX = 65536 };

/* --- life of a connection --- */

/* A place is free for the connection that has waited longest. */
static void admit_next(struct http_server *server)
{
    struct server_connection *oldest = NULL;
    for (struct server_connection *at = server->connections; at != NULL; at = at->next) {
        oldest = at->waiting ? at : oldest;
    }
    if (oldest != NULL && server->count - server->waiting < server->limits.connections_max) {
        oldest->waiting = false;
        server->waiting--;
        stream_hold(oldest->stream, false);
        server_watch_time(oldest);
    }
}

/* The parked connection that has waited longest has its turn, in an event of its own. */
static void call_next(struct http_server *server)
{
    struct server_connection *oldest = NULL;
    size_t called = 0;
    for (struct server_connection *at = server->connections; at != NULL; at = at->next) {
        called += at->called ? 1 : 0;
        oldest = at->parked && !at->called ? at : oldest;
    }
    if (oldest != NULL && server->busy + called < server->limits.busy_max) {
        oldest->called = true;
        world_arm_in(server->world, &oldest->timer, 0);
    }
}

static void rest(struct server_connection *connection)
{
    if (connection->busy) {
        connection->busy = false;
        connection->server->busy--;
        call_next(connection->server);
    }
}

/* False: what came is kept for later. */
static bool become_busy(struct server_connection *connection, const char *bytes, size_t size)
{
    struct http_server *server = connection->server;
    if (server->limits.busy_max == 0 || connection->busy) {
        return true;
    }
    if (server->busy >= server->limits.busy_max || connection->parked) {
        buffer_append(&connection->early, bytes, size);
        connection->parked = true;
        world_cancel(server->world, &connection->timer);
        stream_hold(connection->stream, true);
        return false;
    }
    connection->busy = true;
    server->busy++;
    return true;
}

void server_connection_destroy(struct server_connection *connection)
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
    if (connection->gone != NULL) {
        *connection->gone = true;
    }
    world_cancel(server->world, &connection->timer);
    server_source_free(connection);
    http_parser_free(&connection->parser);
    buffer_free(&connection->out);
    buffer_free(&connection->early);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->count--;
    server->waiting -= connection->waiting ? 1 : 0;
    rest(connection);
    free(connection);
    if (server->waiting > 0) {
        admit_next(server);
    }
}

void server_connection_leave(struct server_connection *connection, bool reset)
{
    struct stream *stream = connection->stream;
    server_connection_destroy(connection);
    if (reset) {
        stream_reset(stream);
    } else {
        stream_close(stream);
    }
}

static void arm(struct server_connection *connection, int64_t due_us)
{
    if (due_us < INT64_MAX) {
        world_arm(connection->server->world, &connection->timer, due_us);
    } else {
        world_cancel(connection->server->world, &connection->timer);
    }
}

static int64_t later(const struct server_connection *connection, int64_t delay_us)
{
    return delay_us > 0 ? connection->server->world->now_us + delay_us : INT64_MAX;
}

void server_watch_time(struct server_connection *connection)
{
    const struct http_server_limits *limits = &connection->server->limits;
    if (connection->replying || connection->deaf || connection->waiting || connection->parked ||
        (connection->exchanging && !connection->receiving)) {
        return;
    }
    bool in_request = !http_parser_idle(&connection->parser);
    if (!in_request) {
        rest(connection);
        arm(connection, later(connection, limits->idle_timeout_us));
    } else {
        if (!connection->in_request) {
            connection->request_due_us = later(connection, limits->request_timeout_us);
        }
        int64_t silent_us =
            connection->held ? INT64_MAX : later(connection, limits->silence_timeout_us);
        arm(connection,
            silent_us < connection->request_due_us ? silent_us : connection->request_due_us);
    }
    connection->in_request = in_request;
}

/* --- what is no request --- */

static void refuse(struct server_connection *connection, enum http_problem problem, const char *why,
                   struct slice seen)
{
    static const int statuses[] = {[HTTP_PROBLEM_NONE] = 400,      [HTTP_PROBLEM_SYNTAX] = 400,
                                   [HTTP_PROBLEM_VERSION] = 505,   [HTTP_PROBLEM_HEAD_SIZE] = 431,
                                   [HTTP_PROBLEM_BODY_SIZE] = 413, [HTTP_PROBLEM_LENGTH] = 400,
                                   [HTTP_PROBLEM_CODING] = 501,    [HTTP_PROBLEM_CUT] = 400,
                                   [HTTP_PROBLEM_TIME] = 408};
    const struct http_service *service = connection->server->service;
    connection->close = connection->deaf = true;
    connection->receiving = false;
    if (service->refused == NULL) {
        connection->head_request = false;
        server_answer(connection, statuses[problem], why);
        return;
    }
    if (!connection->exchanging) {
        connection->exchanging = true;
        connection->exchange.service_data = NULL;
    }
    service->refused(service->service, &connection->exchange, problem, seen);
}

static void on_problem(void *owner, enum http_problem problem, const char *why)
{
    struct server_connection *connection = owner;
    if (connection->replying || (connection->exchanging && !connection->receiving)) {
        server_connection_leave(connection,
                                true); /* it floods us behind a request that is being answered */
        return;
    }
    if (connection->receiving && !connection->exchanging) {
        server_connection_leave(connection, false); /* of a body that nobody wanted */
        return;
    }
    refuse(connection, problem, why, connection->parser.seen);
}

static void on_received(void *owner, const char *bytes, size_t size);
static void on_finished(void *owner);

/* As if what came while it was parked came now. */
static void take_turn(struct server_connection *connection)
{
    struct buffer early = connection->early;
    bool finished = connection->finished, gone = false;
    connection->early = (struct buffer){0};
    connection->parked = connection->called = connection->finished = false;
    stream_hold(connection->stream, false);
    connection->gone = &gone;
    on_received(connection, early.bytes, early.size);
    if (!gone) {
        connection->gone = NULL;
        if (finished) {
            on_finished(connection);
        }
    }
    buffer_free(&early);
}

static void on_time(void *owner)
{
    struct server_connection *connection = owner;
    if (connection->parked) {
        take_turn(connection);
    } else if (connection->replying) {
        server_reply_time(connection);
    } else if (connection->in_request && !connection->deaf &&
               connection->receiving == connection->exchanging) {
        struct buffer held = connection->parser.held; /* may go with the parser meanwhile */
        connection->parser.held = (struct buffer){0};
        refuse(connection, HTTP_PROBLEM_TIME, "the request did not arrive in time",
               (struct slice){held.bytes, held.size});
        buffer_free(&held);
    } else {
        server_connection_leave(connection, false);
    }
}

/* --- requests --- */

static size_t count_header(const struct http_message *message, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        count += slice_is_nocase(message->headers[i].name, name) ? 1 : 0;
    }
    return count;
}

/* RFC 9112 section 3.2 */
static bool good_host(const struct server_connection *connection,
                      const struct http_message *message)
{
    size_t hosts = count_header(message, "Host");
    return connection->server->manners.any_host || hosts == 1 ||
           (hosts == 0 && message->minor_version == 0);
}

/* The service sees the head before the body comes. True: there is none. */
static bool begin(struct server_connection *connection, const struct http_message *message)
{
    const struct http_service *service = connection->server->service;
    bool *destroyed = connection->destroyed;
    connection->close = !message->keep_alive;
    connection->head_request = slice_is(message->method, "HEAD");
    connection->exchanging = connection->receiving = true;
    connection->exchange.service_data = NULL;
    enum http_body_plan plan = service->begin(service->service, &connection->exchange, message);
    if (*destroyed) {
        return true;
    }
    bool swallowed = !connection->exchanging;
    connection->parser.collect = plan == HTTP_BODY_WHOLE && !swallowed;
    connection->parser.body_bytes_max =
        connection->parser.collect ? service->body_bytes_max : SIZE_MAX;
    return plan == HTTP_BODY_IGNORED;
}

static bool on_head(void *owner, const struct http_message *message)
{
    struct server_connection *connection = owner;
    struct slice expect = http_header_value(message, "Expect");
    if (message->minor_version > 0 && !connection->server->manners.no_continue &&
        slice_is_nocase(expect, "100-continue")) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_send(connection->stream, go_on, sizeof go_on - 1);
    }
    return connection->server->service->begin != NULL && good_host(connection, message) &&
           begin(connection, message);
}

static void tell_swallowed(struct server_connection *connection, size_t size)
{
    const struct http_service *service = connection->server->service;
    if (service->swallowed != NULL) {
        service->swallowed(service->service, connection->exchange.connection, size);
    }
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    struct server_connection *connection = owner;
    const struct http_service *service = connection->server->service;
    if (connection->exchanging) {
        service->piece(service->service, &connection->exchange, bytes, size);
    } else {
        tell_swallowed(connection, size);
    }
}

static void on_request(void *owner, const struct http_message *message)
{
    struct server_connection *connection = owner;
    struct http_server *server = connection->server;
    bool begun = connection->receiving;
    if (!connection->replying) { /* else it is the reply's, which came before the body */
        world_cancel(server->world, &connection->timer);
    }
    connection->in_request = connection->receiving = false;
    if (!begun) {
        connection->close = !message->keep_alive;
        connection->head_request = slice_is(message->method, "HEAD");
        if (!good_host(connection, message)) {
            server_answer(connection, 400, "a request needs one Host header");
            return;
        }
        connection->exchanging = true;
        connection->exchange.service_data = NULL;
    } else if (!connection->exchanging && !connection->replying) {
        return; /* it was answered before its body was in */
    }
    http_parser_pause(&connection->parser);
    if (connection->exchanging) {
        server->service->request(server->service->service, &connection->exchange, message);
    }
}

static const struct http_parser_events whole_events = {
    .head = on_head, .complete = on_request, .failed = on_problem};
static const struct http_parser_events begun_events = {
    .head = on_head, .body = on_body, .complete = on_request, .failed = on_problem};

/* --- connections --- */

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct server_connection *connection = owner;
    if (connection->deaf) {
        if (connection->draining) {
            tell_swallowed(connection, size);
            const struct http_server_limits *limits = &connection->server->limits;
            arm(connection,
                later(connection, limits->drain_us > 0 ? limits->drain_us : SECONDS(10)));
        }
        return;
    }
    if (!become_busy(connection, bytes, size)) {
        return;
    }
    bool destroyed = false;
    connection->destroyed = &destroyed;
    http_parser_feed(&connection->parser, bytes, size);
    if (!destroyed) {
        connection->destroyed = NULL;
        server_watch_time(connection);
    }
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    server_connection_destroy(owner);
}

/* The peer sends nothing more and may still read. */
static void on_finished(void *owner)
{
    struct server_connection *connection = owner;
    if (connection->parked) {
        connection->finished = true;
        return;
    }
    bool owed = connection->replying || (connection->exchanging && !connection->receiving);
    if (owed) {
        connection->close = true;
    } else if (connection->draining || http_parser_idle(&connection->parser)) {
        server_connection_leave(connection, false);
    } else {
        http_parser_end(&connection->parser);
    }
}

static const struct stream_events stream_events = {.received = on_received, .ended = on_ended};
static const struct stream_events half_closed_events = {
    .received = on_received, .ended = on_ended, .finished = on_finished};

static void read_by_manners(struct server_connection *connection)
{
    const struct http_server *server = connection->server;
    struct http_parser *parser = &connection->parser;
    bool begins = server->service->begin != NULL;
    http_parser_init(parser, true, begins ? &begun_events : &whole_events, connection);
    parser->body_bytes_max = server->service->body_bytes_max;
    parser->length_later = begins;
    parser->lax = server->manners.lax;
    parser->head_bytes_max = server->manners.head_bytes_max;
}

/* Above the limit. True: the connection goes on. */
static bool make_room(struct http_server *server, struct server_connection *connection)
{
    if (!server->manners.beyond_waits) {
        server_answer(connection, 503, "too many connections");
        return false;
    }
    connection->waiting = true;
    server->waiting++;
    stream_hold(connection->stream, true);
    struct server_connection *idle = NULL;
    for (struct server_connection *at = server->connections; at != NULL; at = at->next) {
        bool busy = at->waiting || at->exchanging || at->replying || at->deaf || at->parked;
        idle = !busy && http_parser_idle(&at->parser) ? at : idle;
    }
    if (idle != NULL) {
        server_connection_leave(idle, false); /* which admits the one that waits */
    }
    return false;
}

static void on_accept(void *owner, struct stream *stream)
{
    struct http_server *server = owner;
    struct server_connection *connection = memory_new(sizeof *connection);
    connection->server = server;
    connection->stream = stream;
    connection->exchange = (struct http_exchange){.class = &server_exchange_class,
                                                  .connection = stream->id,
                                                  .tls = stream->tls,
                                                  .peer = stream->peer};
    stream->events = server->manners.half_closed ? &half_closed_events : &stream_events;
    stream->owner = connection;
    read_by_manners(connection);
    timer_init(&connection->timer, on_time, connection);
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->count++;
    if (server->count - server->waiting <= server->limits.connections_max ||
        make_room(server, connection)) {
        server_watch_time(connection);
    }
}

struct http_server *http_server_new(struct world *world, struct network *network,
                                    const struct http_service *service,
                                    const struct http_server_limits *limits)
{
    struct http_server *server = memory_new(sizeof *server);
    *server = (struct http_server){.world = world, .network = network, .service = service};
    assert(service->begin == NULL || (service->piece != NULL && service->refused != NULL));
    if (service->manners != NULL) {
        server->manners = *service->manners;
    }
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
    server->waiting = 0; /* nobody is admitted any more */
    for (struct server_connection *connection = server->connections, *next; connection != NULL;
         connection = next) {
        next = connection->next;
        connection->waiting = false;
        server_connection_leave(connection, false);
    }
    free(server);
}

size_t http_server_connections(const struct http_server *server)
{
    return server->count;
}
