#ifndef HOTBED_WIRE_STREAM_H
#define HOTBED_WIRE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* One end of a connected byte stream, and the network that makes such ends. sim/ speaks through
 * these alone; harness/net implements them in memory under the world's clock, over TCP and over
 * TLS. */

enum stream_end {
    STREAM_END_CLOSED,      /* the other side closed in order */
    STREAM_END_RESET,       /* the connection was reset, or broke */
    STREAM_END_REFUSED,     /* nobody listens there */
    STREAM_END_UNRESOLVED,  /* the name has no address */
    STREAM_END_TLS,         /* the handshake or the certificate failed */
    STREAM_END_UNREACHABLE, /* no route, no descriptor, time-out of the system */
};

const char *stream_end_name(enum stream_end end);

/* What its owner is told. All calls come from the world's loop, never from within a stream_* call
 * of the owner. */
struct stream_events {
    void (*opened)(void *owner); /* connecting side only, may be NULL */
    void (*received)(void *owner, const char *bytes,
                     size_t size); /* bytes are valid during the call */
    void (*ended)(void *owner, enum stream_end end,
                  const char *why); /* once, last; the stream is gone after it */
    void (*drained)(void *owner);   /* all that was sent has left; may be NULL */
    /* The other side will send nothing more and may still read: close when done. NULL: that is the
     * end, STREAM_END_CLOSED. */
    void (*finished)(void *owner);
};

struct stream;

struct stream_class {
    void (*send)(struct stream *stream, const char *bytes, size_t size);
    void (*close)(struct stream *stream);
    void (*reset)(struct stream *stream);
    void (*finish)(struct stream *stream);
    void (*hold)(struct stream *stream, bool held);
    void (*narrow)(struct stream *stream); /* NULL: there is nothing between both sides */
};

struct stream {
    const struct stream_class *class;
    const struct stream_events *events;
    void *owner;
    const char *peer; /* of an accepted stream: "127.0.0.1:40312", in memory "memory:<id>"; lives as
                         long as the stream */
    uint32_t id;      /* number of the connection on its network, from 1: names it in traces */
    bool tls;
};

/* Queue bytes; they leave in order, after the stream has opened. Nothing is refused: a sender that
 * may outrun its peer waits for `drained`. */
static inline void stream_send(struct stream *stream, const char *bytes, size_t size)
{
    stream->class->send(stream, bytes, size);
}

/* Close in order once all has left (close), or break the connection now (reset). Either way this
 * was the last call on the stream and nothing more is told to its owner. */
static inline void stream_close(struct stream *stream)
{
    stream->class->close(stream);
}

static inline void stream_reset(struct stream *stream)
{
    stream->class->reset(stream);
}

/* Nothing more will be sent; what comes is still told. Once, and no send after it. */
static inline void stream_finish(struct stream *stream)
{
    stream->class->finish(stream);
}

/* Take nothing from the other side until released, so that its bytes stay on its side and it learns
 * nothing of `drained`. A few that were on their way may still be told. */
static inline void stream_hold(struct stream *stream, bool held)
{
    stream->class->hold(stream, held);
}

/* Keep little of what the other side sends on the way, so that it gets ahead of us by some tens of
 * kilobytes only: a printer's board has no megabytes for what it has not read yet. For the rest of
 * the connection. */
static inline void stream_narrow(struct stream *stream)
{
    if (stream->class->narrow != NULL) {
        stream->class->narrow(stream);
    }
}

struct endpoint {
    char host[256]; /* name or address, without brackets */
    uint16_t port;
    bool tls;
};

struct network;
struct listener;

/* A connection has come in: give the new stream its `events` and `owner` before returning. */
typedef void network_accept(void *owner, struct stream *stream);

struct network_class {
    struct stream *(*connect)(struct network *network, const struct endpoint *to,
                              const struct stream_events *events, void *owner);
    struct listener *(*listen)(struct network *network, struct endpoint *at, network_accept *accept,
                               void *owner, struct error *error);
    void (*unlisten)(struct network *network, struct listener *listener);
};

struct network {
    const struct network_class *class;
};

/* Never fails at once: what goes wrong is told by `ended`. */
static inline struct stream *network_connect(struct network *network, const struct endpoint *to,
                                             const struct stream_events *events, void *owner)
{
    return network->class->connect(network, to, events, owner);
}

/* at->port 0 takes a free port and writes it back. NULL with the reason when the address cannot be
 * listened on. */
static inline struct listener *network_listen(struct network *network, struct endpoint *at,
                                              network_accept *accept, void *owner,
                                              struct error *error)
{
    return network->class->listen(network, at, accept, owner, error);
}

/* Connections that were accepted stay. */
static inline void network_unlisten(struct network *network, struct listener *listener)
{
    network->class->unlisten(network, listener);
}

/* "http://host[:port]" or "https://…", a path behind it is left out of the endpoint and returned
 * through `path` (may be NULL). Port 0 in `endpoint` means that the text named none;
 * endpoint_port() gives the scheme's. */
bool endpoint_parse(struct endpoint *endpoint, const char *url, const char **path,
                    struct error *error);
uint16_t endpoint_port(const struct endpoint *endpoint);

#endif
