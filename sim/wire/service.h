#ifndef HOTBED_WIRE_SERVICE_H
#define HOTBED_WIRE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"
#include "sim/wire/stream.h"

/* The server's side of HTTP without I/O: a service is a function from a request to a reply, which
 * may come later. Who listens is a front: sim/wire codec over streams (http_server.h), or
 * libmicrohttpd (harness/net). Both show the same exchanges to the same service. */

enum { HTTP_REPLY_HEADERS_MAX = 24 };

enum http_after {
    HTTP_AFTER_KEEP,  /* the connection stays, or closes if request or reply headers say so, as HTTP
                         has it */
    HTTP_AFTER_CLOSE, /* close in order behind the reply, without saying so */
    HTTP_AFTER_DRAIN, /* end our side behind the reply and swallow what still comes, for a while:
                         the reply to a body that nobody waits for reaches its sender */
    HTTP_AFTER_RESET, /* break the connection behind the reply */
    HTTP_AFTER_STALL, /* keep it open and say nothing more on it: later requests on it are read and
                         never answered */
};

/* Who goes on with a connection behind a reply of 101 (RFC 9110 section 7.8). */
struct http_upgrade {
    /* The reply is out and `stream` is the taker's, who gives it events and an owner before
     * returning; `early` came in behind the request. `stream` NULL: the connection ended first.
     * Called once, never from within the reply. NULL: nobody. */
    void (*take)(void *owner, struct stream *stream, struct slice early);
    void *owner;
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
    /* Sent behind everything else as fast as the peer takes it, read when it is its turn: up to
     * `size` bytes from `offset`; 0 at the end, negative when it fails, which resets the
     * connection. `source_free` is called once, whatever happens. Only on our own codec. */
    long (*source_read)(void *source, uint64_t offset, char *bytes, size_t size);
    void (*source_free)(void *source);
    void *source;
    enum http_after after;
    struct http_upgrade upgrade; /* with status 101 and AFTER_KEEP only */
    int64_t delay_us;            /* world time to wait before the first byte */
    size_t piece_bytes;          /* 0: in one piece; else pieces of this size … */
    int64_t piece_gap_us;        /* … with this pause between them */
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
    void (*hold)(struct http_exchange *exchange, bool held); /* NULL: cannot */
};

/* Copies what it needs; the exchange is gone afterwards. */
static inline void http_exchange_reply(struct http_exchange *exchange,
                                       const struct http_reply *reply)
{
    exchange->class->reply(exchange, reply);
}

/* Take nothing more of the request's body from the peer until released: what it has on its way
 * stays there. */
static inline void http_exchange_hold(struct http_exchange *exchange, bool held)
{
    exchange->class->hold(exchange, held);
}

/* How a service wants the body of a request. */
enum http_body_plan {
    HTTP_BODY_WHOLE,   /* collected into message->body, up to body_bytes_max */
    HTTP_BODY_PIECES,  /* told by `piece`, without a limit but Content-Length's */
    HTTP_BODY_IGNORED, /* not looked at: what follows the head is the next request */
};

/* How a server reads requests where it differs from RFC 9112. Zero: as the RFC has it. */
struct http_manners {
    unsigned lax;      /* HTTP_LAX_* */
    bool any_host;     /* Host may be missing or repeated */
    bool no_continue;  /* Expect: 100-continue is not answered */
    bool half_closed;  /* a peer that ends its side is still answered */
    bool beyond_waits; /* connections above the limit are not refused: an idle one makes room, or
                          they wait until there is */
    size_t head_bytes_max; /* 0: HTTP_HEAD_BYTES_MAX */
};

struct http_service {
    /* A complete request; `message` is valid during the call. Reply now or later. */
    void (*request)(void *service, struct http_exchange *exchange,
                    const struct http_message *message);
    /* The connection ended before the reply: forget the exchange. May be NULL if every reply comes
     * at once. */
    void (*gone)(void *service, struct http_exchange *exchange);
    /* The head of a request; `message` is valid during the call. Reply at once, or say how the body
     * is wanted. NULL: HTTP_BODY_WHOLE. After an early reply the body is swallowed. This and the
     * next four only on our own codec (http_server.h). */
    enum http_body_plan (*begin)(void *service, struct http_exchange *exchange,
                                 const struct http_message *message);
    void (*piece)(void *service, struct http_exchange *exchange, const char *bytes, size_t size);
    /* What came is no request, or it stops coming. `exchange` may be one that `begin` has seen, if
     * its body is cut (HTTP_PROBLEM_CUT; only with manners->half_closed, otherwise `gone`) or does
     * not arrive (HTTP_PROBLEM_TIME); otherwise it is new, and `seen` is what there is of its head.
     * Reply; the connection closes behind it. NULL: the front answers as http_server.h says. */
    void (*refused)(void *service, struct http_exchange *exchange, enum http_problem problem,
                    struct slice seen);
    /* So much of a body came behind its reply and goes to nobody: for who counts it. NULL: nobody.
     */
    void (*swallowed)(void *service, uint32_t connection, size_t size);
    const struct http_manners *manners; /* NULL: RFC 9112's */
    void *service;
    size_t body_bytes_max; /* larger requests are answered 413 by the front */
};

#endif
