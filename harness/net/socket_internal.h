#ifndef HOTBED_NET_SOCKET_INTERNAL_H
#define HOTBED_NET_SOCKET_INTERNAL_H

/* Shared by socket.c (streams), socket_dial.c (their way to a connection), socket_listener.c (what
 * accepts them) and socket_network.c (where they live); nobody else's business. */
#include "harness/net/resolver.h"
#include "harness/net/socket.h"
#include "sim/base/buffer.h"

enum { READ_BYTES = 64 * 1024 };

enum socket_state { STATE_LOOKUP, STATE_CONNECTING, STATE_HANDSHAKE, STATE_OPEN, STATE_LINGER };

/* What only a connection that is not open yet needs. */
struct dial {
    struct endpoint to;
    struct lookup *lookup;
    struct address addresses[ADDRESSES_MAX];
    size_t count, next;
    int last_error;
    int64_t begun_us; /* connecting, then TLS */
};

struct socket_stream {
    struct stream stream;
    struct socket_network *network;
    struct socket_stream *previous, *next;
    struct watch watch;
    struct tls_session *tls;
    struct dial *dial;
    struct listener *listener; /* of an accepted stream whose owner does not know it yet */
    struct buffer out;
    size_t out_sent;
    struct timer timer; /* drained to tell, failure to tell, lingering, handshake */
    char *peer;
    uint32_t events; /* waited for */
    uint8_t state;
    bool tell_drained, fails;
    bool held;           /* nothing is read now */
    bool read_over;      /* the other side has ended its half */
    bool finishes;       /* our half ends as soon as all has left */
    bool read_soon;      /* released: what TLS holds already is told by no descriptor */
    bool in_loop;        /* on_ready is at work on it: it frees the memory when */
    bool over;           /* … it has been destroyed meanwhile */
    enum stream_end end; /* with `why`: the failure to tell */
    char *why;           /* NULL: there is none */
};

struct listener {
    struct listener *previous, *next;
    struct socket_network *network;
    struct watch watch;
    struct timer again;
    network_accept *accept;
    void *owner;
    bool *ended; /* while it accepts: where it says that it has been ended meanwhile */
    bool tls;
};

struct socket_network {
    struct network face;
    struct real_driver *driver;
    struct world *world;
    struct resolver *resolver;
    struct tls *tls;
    struct socket_stream *streams;
    struct listener *listeners;
    uint32_t connections;
    uint64_t queued;                  /* bytes of `out` of all streams that have not left */
    const struct socket_times *times; /* NULL: nobody looks */
    void *times_owner;
    struct address *sources;
    size_t source_count, next_source;
    char input[READ_BYTES];
};

/* In the list of its network, without a descriptor. */
struct socket_stream *socket_stream_new(struct socket_network *network, bool tls);
/* The owner is told nothing. */
void socket_stream_destroy(struct socket_stream *stream);
/* Close the descriptor: the next address may have another. */
void socket_leave(struct socket_stream *stream);
void socket_no_delay(int fd);

/* The socket is connected: shake hands over `session`, or be open at once. */
void socket_begin_handshake(struct socket_stream *stream, struct tls_session *session);
void socket_open(struct socket_stream *stream);

/* From the loop: the last word to the owner, if it still listens. */
void socket_tell_end(struct socket_stream *stream, enum stream_end end, const char *reason);
/* From within a call of the owner: the same, as soon as the loop turns. */
void socket_fail_later(struct socket_stream *stream, enum stream_end end, const char *why);

struct stream *socket_connect(struct network *face, const struct endpoint *to,
                              const struct stream_events *events, void *owner);
/* STATE_CONNECTING has come to an end, good or bad. */
void socket_on_connected(struct socket_stream *stream);
/* The stream is open or gone: what dialling needed is freed. */
void socket_dial_over(struct socket_stream *stream);

/* A connection has come in: from here on the stream is socket.c's. */
void socket_accepted(struct listener *listener, int fd, const struct address *peer);
/* Forget streams of this listener that nobody has been told of. */
void socket_forget_unknown(struct socket_network *network, const struct listener *listener);

/* A socket that listens there, -1 with the reason. "" is every address, "localhost" is 127.0.0.1.
 */
int socket_listening(const struct endpoint *at, struct address *bound, struct error *error);
struct listener *socket_listen(struct network *face, struct endpoint *at, network_accept *accept,
                               void *owner, struct error *error);
void socket_unlisten(struct network *face, struct listener *listener);

#endif
