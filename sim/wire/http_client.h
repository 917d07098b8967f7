#ifndef HOTBED_WIRE_HTTP_CLIENT_H
#define HOTBED_WIRE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/world.h"
#include "sim/wire/http.h"
#include "sim/wire/stream.h"

/* The client's side of one HTTP/1.1 connection that is kept between requests: the caller writes the
 * bytes of a request, gets its reply or learns why there is none. One request at a time; nothing is
 * repeated. It behaves as a session of the Python libraries requests and urllib3 does: a connection
 * that was closed, or on which anything came, while it was idle is noticed before the next request,
 * which goes out on a new one (connect-sdk.md 1.4, "connection ended by the server"); the time-out
 * for a reply starts again with each piece that comes in. */

enum http_failure_kind {
    HTTP_FAILURE_CONNECT,         /* no connection: `end` says why */
    HTTP_FAILURE_CONNECT_TIMEOUT, /* no connection within connect_timeout_us */
    HTTP_FAILURE_NO_REPLY, /* the connection ended before the first byte of a reply: `end` says how
                            */
    HTTP_FAILURE_CUT,      /* … inside a reply */
    HTTP_FAILURE_TIMEOUT,  /* nothing came for reply_timeout_us */
    HTTP_FAILURE_NOT_HTTP, /* the reply cannot be read: `problem` */
};

struct http_failure {
    enum http_failure_kind kind;
    enum stream_end end;
    enum http_problem problem;
    const char *why; /* one line, valid during the call */
};

const char *http_failure_name(enum http_failure_kind kind);

/* Called from the world's loop, never from within http_client_send. Each may send the next request
 * or free the client. */
struct http_client_events {
    void (*reply)(void *owner, const struct http_message *message);
    void (*failed)(void *owner, const struct http_failure *failure);
    void (*interim)(void *owner,
                    const struct http_message *message); /* a 1xx before the reply; may be NULL */
    void (*opened)(void *owner, uint32_t connection);    /* a new connection stands; may be NULL */
    void (*idle_end)(void *owner, enum stream_end end); /* the idle connection ended; may be NULL */
    /* Both or neither: a reply's head as soon as it is there, and its body piece by piece instead
     * of in the reply. */
    void (*head)(void *owner, const struct http_message *message);
    void (*body)(void *owner, const char *bytes, size_t size);
    /* All that was sent of the request in work has left: the time for http_client_send_more. The
     * time-out for a reply begins again then. NULL: requests are sent at once. */
    void (*drained)(void *owner);
};

struct http_client {
    struct world *world;
    struct network *network;
    const struct endpoint *to;
    const struct http_client_events *events;
    void *owner;
    int64_t connect_timeout_us; /* 0: none */
    int64_t reply_timeout_us;   /* 0: none */
    size_t reply_bytes_max;     /* of a body; 16 MiB unless set */
    bool upgrades;              /* its owner takes connections: http_client_take() */
    /* The rest is http_client.c's own. */
    struct stream *stream; /* NULL: no connection */
    struct http_parser parser;
    struct timer timer;
    int64_t heard_us;   /* the time-out for a reply counts from here */
    struct slice piece; /* what is being read, while it is */
    bool busy, open, head_request, reply_begun, drained_early;
};

/* `to` is kept, not copied, and may be changed while the client is idle, after http_client_close().
 */
void http_client_init(struct http_client *client, struct world *world, struct network *network,
                      const struct endpoint *to, const struct http_client_events *events,
                      void *owner);
/* Closes the connection; a request in work is forgotten without a word. */
void http_client_free(struct http_client *client);

/* Send one whole request; the bytes are copied or gone when this returns. `head_request`: its
 * method is HEAD. Not while busy. */
void http_client_send(struct http_client *client, const char *bytes, size_t size,
                      bool head_request);
/* More of the same request, as a write of its own. Only while busy, before the reply is told. */
void http_client_send_more(struct http_client *client, const char *bytes, size_t size);
bool http_client_busy(const struct http_client *client);
/* Number of the connection that the last request went out on, 0: none stands. */
uint32_t http_client_connection(const struct http_client *client);
void http_client_close(struct http_client *client); /* as free, but stays usable */
/* Within `reply` to a 101 only: the connection is the caller's, who gives the stream events and an
 * owner at once; `early` is what came in behind the reply, valid during the call. The client is as
 * after close. */
struct stream *http_client_take(struct http_client *client, struct slice *early);

#endif
