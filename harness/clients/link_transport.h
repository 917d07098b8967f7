#ifndef HOTBED_CLIENTS_LINK_TRANSPORT_H
#define HOTBED_CLIENTS_LINK_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/wire/http.h"
#include "sim/wire/stream.h"

/* What carries a PrusaLink client's requests: libcurl on the wall clock (link_curl.c), or our own
 * codec over any struct network (link_wire.c), which is the one for virtual time. A transport keeps
 * one connection per channel where the server allows it; it knows nothing of authentication. */

enum link_problem {
    LINK_PROBLEM_CONNECT,    /* nobody listens there, no route, or the connection broke unused */
    LINK_PROBLEM_UNRESOLVED, /* the host's name has no address */
    LINK_PROBLEM_TLS,        /* handshake or certificate */
    LINK_PROBLEM_TIMEOUT,    /* no connection, or no byte moved, for as long as is allowed */
    LINK_PROBLEM_NO_REPLY,   /* the connection ended before the first byte of a reply */
    LINK_PROBLEM_CUT,        /* … inside a reply: half a body, or a length that is too large */
    LINK_PROBLEM_NOT_HTTP,   /* what came is no HTTP, or its head has no end */
    LINK_PROBLEM_SOURCE,     /* the request's own body could not be read to its end */
    LINK_PROBLEM_STOPPED,    /* an event said no */
};

/* A body that is read while it is sent, so that a large file is never in memory as a whole. */
struct link_source {
    /* Fill up to `size` bytes at `offset`. Returns how many; 0 before the end is a failure, and
     * `error` says why. Offsets go up, or begin again at 0. */
    size_t (*read)(void *owner, uint64_t offset, char *bytes, size_t size, struct error *error);
    void *owner;
    uint64_t size;
};

struct link_message {
    const char *method;
    const char *target;         /* origin form, percent-encoded */
    const char *const *headers; /* "Name: value" in this order, NULL at the end; without Host and
                                   Content-Length */
    const struct link_source *body; /* NULL: none, and no Content-Length either */
    bool empty_body;                /* Content-Length: 0; `body` is NULL */
    int64_t connect_timeout_us;     /* 0: none */
    int64_t idle_timeout_us; /* no byte in either direction for so long; 0: none. There is none in
                                total: an upload may take its time (PL-CL-10) */
};

/* All are called from the world's loop, never from within begin or cancel. */
struct link_transport_events {
    void (*sent)(void *owner, uint64_t body_bytes); /* of the request's body, so far */
    /* Slices live during the call. False ends the exchange as STOPPED. */
    bool (*head)(void *owner, const struct http_message *message);
    bool (*body)(void *owner, const char *bytes, size_t size);
    /* The end; one of both. A reply that came before the request had left ends it as well. */
    void (*done)(void *owner);
    void (*failed)(void *owner, enum link_problem problem, const char *why);
};

struct link_channel; /* a connection to one server; one exchange at a time */

struct link_transport;

struct link_transport_class {
    struct link_channel *(*open)(struct link_transport *transport, const struct endpoint *to,
                                 const struct link_transport_events *events, void *owner);
    void (*begin)(struct link_channel *channel,
                  const struct link_message *message); /* copies it, but for
                                                          the source */
    void (*cancel)(
        struct link_channel *channel); /* without a word; breaks the connection if it is busy */
    void (*close)(struct link_channel *channel);
    void (*destroy)(struct link_transport *transport);
};

struct link_transport {
    const struct link_transport_class *class;
    struct world *world;
};

/* Over a network of streams. `network` is kept, not copied. */
struct link_transport *link_transport_wire(struct world *world, struct network *network);

struct real_driver;
struct tls_settings;

/* libcurl on the loop of a world in real time. `tls` (certificate_file and key_file are not used)
 * NULL: verified by the system's authorities. NULL with the reason. */
struct link_transport *link_transport_curl(struct real_driver *driver,
                                           const struct tls_settings *tls, struct error *error);

void link_transport_destroy(
    struct link_transport *transport); /* its channels are closed; NULL is fine */

#endif
