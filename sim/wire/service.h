#ifndef HOTBED_WIRE_SERVICE_H
#define HOTBED_WIRE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* The server's side of HTTP without I/O: a service is a function from a request to a reply, which
 * may come later. Who listens is a front: sim/wire codec over streams (http_server.h), or
 * libmicrohttpd (harness/net). Both show the same exchanges to the same service. */

enum { HTTP_REPLY_HEADERS_MAX = 24 };

enum http_after {
    HTTP_AFTER_KEEP,  /* the connection stays, or closes if request or reply headers say so, as HTTP
                         has it */
    HTTP_AFTER_CLOSE, /* close in order behind the reply, without saying so */
    HTTP_AFTER_RESET, /* break the connection behind the reply */
    HTTP_AFTER_STALL, /* keep it open and say nothing more on it: later requests on it are read and
                         never answered */
};

/* A reply as values. A status of 0 sends nothing at all (with AFTER_STALL: a request that is never
 * answered). With `raw` the bytes go out exactly as they are instead of status, headers and body:
 * how a peer misbehaves in its bytes. */
struct http_reply {
    int status;
    const char *reason; /* NULL: the usual one */
    struct {
        const char *name, *value;
    } headers[HTTP_REPLY_HEADERS_MAX]; /* in this order; Content-Length is added behind them unless
                                          it is among them */
    size_t header_count;
    const char *body; /* NULL: none; no Content-Length either for 1xx, 204 and 304 */
    size_t body_size;
    const char *raw;
    size_t raw_size;
    enum http_after after;
    int64_t delay_us;     /* world time to wait before the first byte */
    size_t piece_bytes;   /* 0: in one piece; else pieces of this size … */
    int64_t piece_gap_us; /* … with this pause between them */
};

void http_reply_header(struct http_reply *reply, const char *name,
                       const char *value); /* keeps the pointers */

/* The bytes of a reply, as a front on our own codec sends them. Returns false if its headers say
 * that the connection closes behind it. */
bool http_reply_render(struct buffer *out, const struct http_reply *reply, bool head_request);

/* One request that waits for its reply. The front owns it; it lives until it was replied to or
 * `gone` was called. */
struct http_exchange {
    const struct http_exchange_class *class;
    uint32_t connection; /* number of the connection on its front */
    bool tls;
    const char *peer;   /* "127.0.0.1:40312"; in memory "memory:<connection>" */
    void *service_data; /* the service's own, NULL at first */
};

struct http_exchange_class {
    void (*reply)(struct http_exchange *exchange, const struct http_reply *reply);
};

/* Copies what it needs; the exchange is gone afterwards. */
static inline void http_exchange_reply(struct http_exchange *exchange,
                                       const struct http_reply *reply)
{
    exchange->class->reply(exchange, reply);
}

struct http_service {
    /* A complete request; `message` is valid during the call. Reply now or later. */
    void (*request)(void *service, struct http_exchange *exchange,
                    const struct http_message *message);
    /* The connection ended before the reply: forget the exchange. May be NULL if every reply comes
     * at once. */
    void (*gone)(void *service, struct http_exchange *exchange);
    void *service;
    size_t body_bytes_max; /* larger requests are answered 413 by the front */
};

#endif
