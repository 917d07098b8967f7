#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/sdk_state.h"

/* Connections of one printer to its server: one that is kept, a second one while the host's thread
 * registers beside the queue, and one for each foreign place that a redirect leads to. */

static const char *peer_name(const struct sdk_link *link)
{
    return link->origin != NULL ? link->origin : link->sdk->peer_name;
}

static void told_end(struct sdk_link *link, enum stream_end end, bool by_us, const char *why)
{
    struct connect_sdk *sdk = link->sdk;
    if (link->connection == 0) {
        return; /* it never stood */
    }
    const char *from = by_us ? sdk->name : peer_name(link),
               *to = by_us ? peer_name(link) : sdk->name;
    trace_http(sdk->world, from, to, link->connection, end == STREAM_END_RESET ? "reset" : "close",
               NULL, 0);
    if (sdk->observer_class != NULL && sdk->observer_class->ended != NULL) {
        sdk->observer_class->ended(sdk->observer, sdk, link->connection, end, by_us, why);
    }
    link->connection = 0;
}

static void told_request(struct sdk_link *link, const char *bytes, size_t size)
{
    struct connect_sdk *sdk = link->sdk;
    trace_http(sdk->world, sdk->name, peer_name(link), link->connection, "request", bytes, size);
    if (sdk->observer_class != NULL && sdk->observer_class->request != NULL) {
        sdk->observer_class->request(sdk->observer, sdk, link->connection, bytes, size);
    }
}

void sdk_link_release(struct sdk_link *link)
{
    buffer_free(&link->unsent);
    struct connect_sdk *sdk = link->sdk;
    link->exchange = NULL;
    if (link->stale) {
        sdk_link_moved(link);
    }
    if (link != &sdk->link) {
        if (sdk->spare == link) {
            sdk->spare = NULL;
        }
        sdk_link_free(link);
        free(link);
    }
}

static void opened(void *owner, uint32_t connection)
{
    struct sdk_link *link = owner;
    struct connect_sdk *sdk = link->sdk;
    link->connection = connection;
    free(link->to);
    link->to = NULL;
    link->client.to = NULL;
    trace_http(sdk->world, sdk->name, peer_name(link), connection, "open", NULL, 0);
    if (sdk->observer_class != NULL && sdk->observer_class->opened != NULL) {
        sdk->observer_class->opened(sdk->observer, sdk, connection);
    }
    told_request(link, buffer_text(&link->unsent), link->unsent.size);
    buffer_free(&link->unsent);
}

static void trace_reply(const struct sdk_link *link, const struct http_message *message)
{
    if (link->sdk->world->trace == NULL) {
        return;
    }
    struct buffer whole = {0};
    buffer_append(&whole, message->head.bytes, message->head.size);
    buffer_append(&whole, message->body.bytes, message->body.size);
    trace_http(link->sdk->world, peer_name(link), link->sdk->name, link->connection, "reply",
               whole.bytes, whole.size);
    buffer_free(&whole);
}

static void replied(void *owner, const struct http_message *message)
{
    struct sdk_link *link = owner;
    struct connect_sdk *sdk = link->sdk;
    trace_reply(link, message);
    if (sdk->observer_class != NULL && sdk->observer_class->reply != NULL) {
        sdk->observer_class->reply(sdk->observer, sdk, link->connection, message);
    }
    struct sdk_exchange *exchange = link->exchange;
    if (http_client_connection(&link->client) == 0) {
        told_end(link, STREAM_END_CLOSED, true,
                 message->keep_alive ? "more came than was asked for"
                                     : "the reply ends the connection");
    }
    sdk_link_release(link);
    sdk_exchange_answered(exchange, message);
}

/* The class of the exception that the HTTP library raises, and its text (connect-sdk.md 11). */
static void lost(struct sdk_exchange *exchange, const struct http_failure *failure)
{
    static const char *const ends[] = {
        [STREAM_END_CLOSED] = "ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote "
                              "end closed connection without response'))",
        [STREAM_END_RESET] = "ConnectionError: ('Connection aborted.', ConnectionResetError(104, "
                             "'Connection reset by peer'))",
        [STREAM_END_REFUSED] = "ConnectionError: [Errno 111] Connection refused",
        [STREAM_END_UNRESOLVED] = "ConnectionError: [Errno -2] Name or service not known",
        [STREAM_END_TLS] = "SSLError: TLS handshake failed",
        [STREAM_END_UNREACHABLE] = "ConnectionError: [Errno 101] Network is unreachable",
    };
    sdk_told_lost(exchange, failure);
    switch (failure->kind) {
    case HTTP_FAILURE_CONNECT:
    case HTTP_FAILURE_NO_REPLY:
        sdk_exchange_lost(exchange, SDK_LOSS_CONNECTION, ends[failure->end]);
        return;
    case HTTP_FAILURE_CONNECT_TIMEOUT:
        sdk_exchange_lost(exchange, SDK_LOSS_CONNECTION, "ConnectTimeout: Connection timed out.");
        return;
    case HTTP_FAILURE_NOT_HTTP:
        sdk_exchange_lost(exchange,
                          failure->problem == HTTP_PROBLEM_BODY_SIZE ? SDK_LOSS_OTHER
                                                                     : SDK_LOSS_CONNECTION,
                          "ConnectionError: ('Connection aborted.', BadStatusLine('…'))");
        return;
    case HTTP_FAILURE_CUT:
        sdk_exchange_lost(exchange, SDK_LOSS_CONNECTION,
                          "ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end "
                          "closed connection without response'))");
        return;
    case HTTP_FAILURE_TIMEOUT:
        sdk_exchange_lost(exchange, SDK_LOSS_OTHER, "ReadTimeout: Read timed out.");
        return;
    }
}

static void failed(void *owner, const struct http_failure *failure)
{
    struct sdk_link *link = owner;
    struct sdk_exchange *exchange = link->exchange;
    bool by_us = failure->kind == HTTP_FAILURE_TIMEOUT || failure->kind == HTTP_FAILURE_NOT_HTTP;
    if (link->connection == 0) {
        trace_note(link->sdk->world, link->sdk->name, "no connection to %s: %s", peer_name(link),
                   failure->why == NULL ? http_failure_name(failure->kind) : failure->why);
    }
    told_end(link, by_us ? STREAM_END_CLOSED : failure->end, by_us,
             failure->why == NULL ? http_failure_name(failure->kind) : failure->why);
    struct http_failure copy = *failure; /* the release may free what it points into */
    char why[160];
    if (failure->why != NULL) {
        snprintf(why, sizeof why, "%s", failure->why);
        copy.why = why;
    }
    free(link->to);
    link->to = NULL;
    sdk_link_release(link);
    lost(exchange, &copy);
}

static void idle_end(void *owner, enum stream_end end)
{
    told_end(owner, end, false, "closed while idle");
}

static const struct http_client_events link_events = {
    .reply = replied,
    .failed = failed,
    .opened = opened,
    .idle_end = idle_end,
};

void sdk_link_init(struct sdk_link *link, struct connect_sdk *sdk)
{
    *link = (struct sdk_link){.sdk = sdk};
    http_client_init(&link->client, sdk->world, sdk->network, NULL, &link_events, link);
    link->client.connect_timeout_us = SECONDS(SDK_TIMEOUT_S);
    link->client.reply_timeout_us = SECONDS(SDK_TIMEOUT_S);
    link->client.reply_bytes_max = SDK_REPLY_BYTES_MAX;
}

void sdk_link_free(struct sdk_link *link)
{
    told_end(link, STREAM_END_CLOSED, true, "no longer needed");
    http_client_free(&link->client);
    buffer_free(&link->unsent);
    free(link->origin);
    free(link->to);
    link->origin = NULL;
    link->to = NULL;
}

void sdk_link_moved(struct sdk_link *link)
{
    link->stale = link->exchange != NULL;
    if (!link->stale) {
        told_end(link, STREAM_END_CLOSED, true, "another server is set");
        http_client_close(&link->client);
    }
}

static size_t origin_size(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
}

bool sdk_same_origin(const char *a, const char *b)
{
    size_t size = origin_size(a);
    return size == origin_size(b) && strncmp(a, b, size) == 0;
}

struct sdk_link *sdk_link_for(struct connect_sdk *sdk, const char *url)
{
    bool foreign = url != NULL && !sdk_same_origin(url, sdk->server);
    if (!foreign && sdk->link.exchange == NULL) {
        return &sdk->link;
    }
    struct sdk_link *link = memory_new(sizeof *link);
    sdk_link_init(link, sdk);
    if (foreign) {
        link->origin = memory_copy_slice(url, origin_size(url));
    } else {
        sdk->spare = link;
    }
    return link;
}

void sdk_link_send(struct sdk_link *link, struct sdk_exchange *exchange, const char *bytes,
                   size_t size)
{
    struct connect_sdk *sdk = link->sdk;
    if (link->connection == 0) {
        struct endpoint *to = memory_new(sizeof *to);
        const char *url = link->origin != NULL ? link->origin : sdk->server;
        if (!endpoint_parse(to, url, NULL, NULL)) {
            free(to);
            sdk_link_release(link);
            sdk_told_lost(exchange, NULL);
            sdk_exchange_lost(exchange, SDK_LOSS_OTHER, "InvalidURL: Failed to parse the URL");
            return;
        }
        link->to = to;
        link->client.to = to;
    }
    exchange->link = link;
    link->exchange = exchange;
    sdk->requests++;
    http_client_send(&link->client, bytes, size, false);
    if (link->connection == 0) {
        buffer_append(&link->unsent, bytes, size); /* nothing leaves before the connection stands */
    } else {
        told_request(link, bytes, size);
    }
}
