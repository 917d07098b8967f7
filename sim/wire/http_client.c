#include "sim/wire/http_client.h"

#include <assert.h>

const char *http_failure_name(enum http_failure_kind kind)
{
    static const char *const names[] = {"connect", "connect_timeout", "no_reply",
                                        "cut",     "timeout",         "not_http"};
    return names[kind];
}

/* Leave the connection without a word to its other side but the close itself. */
static void drop_connection(struct http_client *client)
{
    world_cancel(client->world, &client->timer);
    http_parser_reset(&client->parser);
    client->parser.body_bytes_max = client->reply_bytes_max;
    if (client->stream != NULL) {
        struct stream *stream = client->stream;
        client->stream = NULL;
        stream_close(stream);
    }
    client->open = client->drained_early = false;
}

static void fail(struct http_client *client, struct http_failure failure)
{
    drop_connection(client);
    client->busy = false;
    client->events->failed(client->owner, &failure);
}

/* The time-out begins anew. A timer that is armed already is left where it is: it looks again when
 * it fires. */
static void begin_reply_timeout(struct http_client *client)
{
    client->heard_us = client->world->now_us;
    if (client->reply_timeout_us == 0) {
        world_cancel(client->world, &client->timer);
    } else if (!timer_armed(&client->timer)) {
        world_arm_in(client->world, &client->timer, client->reply_timeout_us);
    }
}

static void on_timeout(void *owner)
{
    struct http_client *client = owner;
    if (!client->open) {
        fail(client, (struct http_failure){.kind = HTTP_FAILURE_CONNECT_TIMEOUT,
                                           .end = STREAM_END_UNREACHABLE,
                                           .why = "no connection within the time-out"});
        return;
    }
    int64_t due_us = client->heard_us + client->reply_timeout_us;
    if (due_us > client->world->now_us) {
        world_arm(client->world, &client->timer, due_us);
        return;
    }
    fail(client, (struct http_failure){.kind = HTTP_FAILURE_TIMEOUT,
                                       .why = "no reply within the time-out"});
}

static bool on_head(void *owner, const struct http_message *message)
{
    struct http_client *client = owner;
    bool bodiless = client->head_request;
    if (client->events->head != NULL && message->status >= 200) {
        client->events->head(client->owner, message);
    }
    return bodiless;
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    struct http_client *client = owner;
    client->events->body(client->owner, bytes, size);
}

static void on_complete(void *owner, const struct http_message *message)
{
    struct http_client *client = owner;
    if (message->status < 200 && message->status != 101) {
        client->reply_begun = client->parser.behind > 0;
        if (client->events->interim != NULL) {
            client->events->interim(client->owner, message);
        }
        return;
    }
    client->busy = false;
    world_cancel(client->world, &client->timer);
    /* What follows a reply is nobody's: the connection cannot be trusted for the next one. */
    bool upgraded = message->status == 101 && client->upgrades;
    if (!upgraded && (!message->keep_alive || client->parser.behind > 0)) {
        drop_connection(client);
    }
    client->events->reply(client->owner, message);
}

static void on_problem(void *owner, enum http_problem problem, const char *why)
{
    struct http_client *client = owner;
    fail(client, (struct http_failure){.kind = problem == HTTP_PROBLEM_CUT ? HTTP_FAILURE_CUT
                                                                           : HTTP_FAILURE_NOT_HTTP,
                                       .problem = problem,
                                       .why = why});
}

static const struct http_parser_events parser_events = {
    .head = on_head, .complete = on_complete, .failed = on_problem};

static const struct http_parser_events streaming_events = {
    .head = on_head, .body = on_body, .complete = on_complete, .failed = on_problem};

static void on_drained(void *owner)
{
    struct http_client *client = owner;
    if (!client->open) { /* the other side may read before we are told that we are connected */
        client->drained_early = true;
    } else if (client->busy) {
        begin_reply_timeout(client);
        client->events->drained(client->owner);
    }
}

static void on_opened(void *owner)
{
    struct http_client *client = owner;
    client->open = true;
    world_cancel(client->world, &client->timer); /* that of connecting */
    begin_reply_timeout(client);
    if (client->drained_early) {
        client->drained_early = false;
        on_drained(client);
    }
    if (client->events->opened != NULL) {
        client->events->opened(client->owner, client->stream->id);
    }
}

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct http_client *client = owner;
    if (!client->busy) {
        drop_connection(client); /* nothing was asked */
        if (client->events->idle_end != NULL) {
            client->events->idle_end(client->owner, STREAM_END_CLOSED);
        }
        return;
    }
    client->reply_begun = true;
    begin_reply_timeout(client);
    client->piece = (struct slice){bytes, size};
    http_parser_feed(&client->parser, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    struct http_client *client = owner;
    bool was_open = client->open;
    client->stream = NULL;
    client->open = false;
    if (!client->busy) {
        drop_connection(client);
        if (client->events->idle_end != NULL) {
            client->events->idle_end(client->owner, end);
        }
        return;
    }
    struct http_failure failure = {.end = end, .why = why};
    if (!was_open) {
        failure.kind = HTTP_FAILURE_CONNECT;
    } else if (!client->reply_begun) {
        failure.kind = HTTP_FAILURE_NO_REPLY;
    } else if (end == STREAM_END_CLOSED) {
        http_parser_end(&client->parser); /* may be the proper end of a reply without a length */
        return;
    } else {
        failure.kind = HTTP_FAILURE_CUT;
    }
    fail(client, failure);
}

static const struct stream_events stream_events = {
    .opened = on_opened, .received = on_received, .ended = on_ended};

static const struct stream_events draining_events = {
    .opened = on_opened, .received = on_received, .ended = on_ended, .drained = on_drained};

void http_client_init(struct http_client *client, struct world *world, struct network *network,
                      const struct endpoint *to, const struct http_client_events *events,
                      void *owner)
{
    *client = (struct http_client){
        .world = world, .network = network, .to = to, .events = events, .owner = owner};
    http_parser_init(&client->parser, false,
                     events->body == NULL ? &parser_events : &streaming_events, client);
    client->reply_bytes_max = client->parser.body_bytes_max;
    timer_init(&client->timer, on_timeout, client);
}

void http_client_free(struct http_client *client)
{
    http_client_close(client);
    http_parser_free(&client->parser);
}

void http_client_close(struct http_client *client)
{
    drop_connection(client);
    client->busy = false;
}

void http_client_send(struct http_client *client, const char *bytes, size_t size, bool head_request)
{
    assert(!client->busy);
    client->busy = true;
    client->head_request = head_request;
    client->reply_begun = false;
    client->parser.body_bytes_max = client->reply_bytes_max;
    if (client->stream == NULL) {
        client->stream = network_connect(
            client->network, client->to,
            client->events->drained == NULL ? &stream_events : &draining_events, client);
        if (client->connect_timeout_us > 0) {
            world_arm_in(client->world, &client->timer, client->connect_timeout_us);
        }
    } else {
        begin_reply_timeout(client);
    }
    stream_send(client->stream, bytes, size);
}

void http_client_send_more(struct http_client *client, const char *bytes, size_t size)
{
    assert(client->busy && client->stream != NULL);
    stream_send(client->stream, bytes, size);
}

bool http_client_busy(const struct http_client *client)
{
    return client->busy;
}

uint32_t http_client_connection(const struct http_client *client)
{
    return client->stream == NULL ? 0 : client->stream->id;
}

struct stream *http_client_take(struct http_client *client, struct slice *early)
{
    struct stream *stream = client->stream;
    size_t behind = client->parser.behind;
    assert(!client->busy && stream != NULL && behind <= client->piece.size);
    *early = (struct slice){client->piece.bytes + client->piece.size - behind, behind};
    client->stream = NULL;
    drop_connection(client);
    return stream;
}
