#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/clients/link_transport.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/http_client.h"

enum { PIECE_BYTES = 16 * 1024 };

struct wire_transport {
    struct link_transport face;
    struct network *network;
    struct link_channel *channels;
};

struct link_channel {
    struct link_channel *next;
    struct wire_transport *transport;
    struct endpoint to;
    struct http_client http;
    const struct link_transport_events *events;
    void *owner;
    struct timer failing;           /* a body of ours that cannot be read is told from the loop */
    const struct link_source *body; /* NULL: none, or all of it has been sent */
    uint64_t sent;
    char why[200];
};

static void forget_body(struct link_channel *channel)
{
    world_cancel(channel->transport->face.world, &channel->failing);
    channel->body = NULL;
}

static void stop(struct link_channel *channel, enum link_problem problem, const char *why)
{
    http_client_close(&channel->http);
    forget_body(channel);
    channel->events->failed(channel->owner, problem, why);
}

static void tell_source_failure(void *owner)
{
    struct link_channel *channel = owner;
    stop(channel, LINK_PROBLEM_SOURCE, channel->why);
}

/* The next piece of the body: it may be on its way before the one before has arrived, never more.
 */
static void send_piece(struct link_channel *channel)
{
    char piece[PIECE_BYTES];
    uint64_t left = channel->body->size - channel->sent;
    size_t size = left < sizeof piece ? (size_t)left : sizeof piece;
    struct error error = {"it ends too early"};
    size_t got =
        size == 0 ? 0
                  : channel->body->read(channel->body->owner, channel->sent, piece, size, &error);
    if (size > 0 && got == 0) {
        memcpy(channel->why, error.text, sizeof channel->why - 1);
        world_arm_in(channel->transport->face.world, &channel->failing, 0);
        channel->body = NULL;
        return;
    }
    channel->sent += got;
    if (channel->sent == channel->body->size) {
        channel->body = NULL;
    }
    if (got > 0) {
        http_client_send_more(&channel->http, piece, got);
    }
}

static void on_drained(void *owner)
{
    struct link_channel *channel = owner;
    if (channel->events->sent != NULL && channel->sent > 0) {
        channel->events->sent(channel->owner, channel->sent);
    }
    if (channel->body != NULL) {
        send_piece(channel);
    }
}

static void on_head(void *owner, const struct http_message *message)
{
    struct link_channel *channel = owner;
    if (!channel->events->head(channel->owner, message)) {
        stop(channel, LINK_PROBLEM_STOPPED, "stopped");
    }
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    struct link_channel *channel = owner;
    if (!channel->events->body(channel->owner, bytes, size)) {
        stop(channel, LINK_PROBLEM_STOPPED, "stopped");
    }
}

static void on_reply(void *owner, const struct http_message *message)
{
    (void)message;
    struct link_channel *channel = owner;
    if (channel->body !=
        NULL) { /* the server has heard enough: the rest would be taken for a request */
        http_client_close(&channel->http);
    }
    forget_body(channel);
    channel->events->done(channel->owner);
}

static enum link_problem problem_of(const struct http_failure *failure)
{
    switch (failure->kind) {
    case HTTP_FAILURE_CONNECT:
        return failure->end == STREAM_END_UNRESOLVED ? LINK_PROBLEM_UNRESOLVED
               : failure->end == STREAM_END_TLS      ? LINK_PROBLEM_TLS
                                                     : LINK_PROBLEM_CONNECT;
    case HTTP_FAILURE_CONNECT_TIMEOUT:
    case HTTP_FAILURE_TIMEOUT:
        return LINK_PROBLEM_TIMEOUT;
    case HTTP_FAILURE_NO_REPLY:
        return LINK_PROBLEM_NO_REPLY;
    case HTTP_FAILURE_CUT:
        return LINK_PROBLEM_CUT;
    case HTTP_FAILURE_NOT_HTTP:
        break;
    }
    return LINK_PROBLEM_NOT_HTTP;
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    struct link_channel *channel = owner;
    forget_body(channel);
    const char *why = failure->why != NULL ? failure->why : stream_end_name(failure->end);
    channel->events->failed(channel->owner, problem_of(failure), why);
}

static const struct http_client_events http_events = {.reply = on_reply,
                                                      .failed = on_failed,
                                                      .head = on_head,
                                                      .body = on_body,
                                                      .drained = on_drained};

static struct link_channel *open_channel(struct link_transport *face, const struct endpoint *to,
                                         const struct link_transport_events *events, void *owner)
{
    struct wire_transport *transport = (struct wire_transport *)face;
    struct link_channel *channel = memory_new(sizeof *channel);
    channel->transport = transport;
    channel->to = *to;
    channel->to.port = endpoint_port(to);
    channel->events = events;
    channel->owner = owner;
    http_client_init(&channel->http, face->world, transport->network, &channel->to, &http_events,
                     channel);
    channel->http.reply_bytes_max = SIZE_MAX; /* its body is streamed: the owner bounds it */
    timer_init(&channel->failing, tell_source_failure, channel);
    channel->next = transport->channels;
    transport->channels = channel;
    return channel;
}

static void write_host(struct buffer *out, const struct endpoint *to)
{
    bool usual = to->port == (to->tls ? 443 : 80);
    bool v6 = strchr(to->host, ':') != NULL;
    buffer_format(out, "Host: %s%s%s", v6 ? "[" : "", to->host, v6 ? "]" : "");
    if (!usual) {
        buffer_format(out, ":%u", to->port);
    }
    buffer_append_text(out, "\r\n");
}

static void begin(struct link_channel *channel, const struct link_message *message)
{
    struct buffer head = {0};
    http_write_request(&head, message->method, message->target);
    write_host(&head, &channel->to);
    for (const char *const *line = message->headers; line != NULL && *line != NULL; line++) {
        buffer_format(&head, "%s\r\n", *line);
    }
    if (message->body != NULL || message->empty_body) {
        http_write_header_int(&head, "Content-Length",
                              message->body == NULL ? 0 : (int64_t)message->body->size);
    }
    http_write_end(&head);
    channel->body = message->body != NULL && message->body->size > 0 ? message->body : NULL;
    channel->sent = 0;
    channel->http.connect_timeout_us = message->connect_timeout_us;
    channel->http.reply_timeout_us = message->idle_timeout_us;
    http_client_send(&channel->http, head.bytes, head.size, strcmp(message->method, "HEAD") == 0);
    buffer_free(&head);
}

static void cancel(struct link_channel *channel)
{
    forget_body(channel);
    if (http_client_busy(&channel->http)) {
        http_client_close(&channel->http);
    }
}

static void close_channel(struct link_channel *channel)
{
    forget_body(channel);
    struct link_channel **at = &channel->transport->channels;
    while (*at != channel) {
        at = &(*at)->next;
    }
    *at = channel->next;
    http_client_free(&channel->http);
    free(channel);
}

static void destroy(struct link_transport *face)
{
    struct wire_transport *transport = (struct wire_transport *)face;
    while (transport->channels != NULL) {
        close_channel(transport->channels);
    }
    free(transport);
}

static const struct link_transport_class wire_class = {.open = open_channel,
                                                       .begin = begin,
                                                       .cancel = cancel,
                                                       .close = close_channel,
                                                       .destroy = destroy};

struct link_transport *link_transport_wire(struct world *world, struct network *network)
{
    struct wire_transport *transport = memory_new(sizeof *transport);
    transport->face = (struct link_transport){.class = &wire_class, .world = world};
    transport->network = network;
    return &transport->face;
}

void link_transport_destroy(struct link_transport *transport)
{
    if (transport != NULL) {
        transport->class->destroy(transport);
    }
}
