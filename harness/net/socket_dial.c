/* Dialling: from the name of a place to a connected socket, one address after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "harness/net/socket_internal.h"
#include "sim/base/memory.h"

void socket_dial_over(struct socket_stream *stream)
{
    if (stream->dial != NULL && stream->dial->lookup != NULL) {
        resolver_cancel(stream->dial->lookup);
    }
    free(stream->dial);
    stream->dial = NULL;
}

static enum stream_end end_of_errno(int code)
{
    return code == ECONNREFUSED ? STREAM_END_REFUSED
           : code == ECONNRESET ? STREAM_END_RESET
                                : STREAM_END_UNREACHABLE;
}

/* The port is chosen at connect(), so that one address serves as many connections as it has ports
 * to each place. */
static bool bind_source(struct socket_network *network, int fd, const struct address *to)
{
    for (size_t i = 0; i < network->source_count; i++) {
        const struct address *source = &network->sources[network->next_source];
        network->next_source = (network->next_source + 1) % network->source_count;
        if (source->any.sa_family == to->any.sa_family) {
            int on = 1;
            setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
            return bind(fd, &source->any, source->size) == 0;
        }
    }
    return true;
}

/* What this machine has no more of. A port is missing with EADDRNOTAVAIL: the addresses themselves
 * were good when they were added. */
static void tell_exhausted(const struct socket_network *network, int code)
{
    bool ours = code == EMFILE || code == ENFILE || code == EADDRNOTAVAIL || code == ENOBUFS ||
                code == ENOMEM || code == EADDRINUSE;
    if (ours && network->times != NULL && network->times->exhausted != NULL) {
        network->times->exhausted(network->times_owner, code);
    }
}

/* Begin to connect to the next address that does not fail at once. */
static void try_next_address(struct socket_stream *stream)
{
    struct dial *dial = stream->dial;
    socket_leave(stream);
    while (dial->next < dial->count) {
        const struct address *address = &dial->addresses[dial->next++];
        int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        stream->watch.fd = fd;
        if (fd >= 0 && bind_source(stream->network, fd, address) &&
            (connect(fd, &address->any, address->size) == 0 || errno == EINPROGRESS)) {
            stream->state = STATE_CONNECTING;
            stream->events = EPOLLOUT;
            if (real_driver_watch(stream->network->driver, &stream->watch, EPOLLOUT)) {
                return;
            }
        }
        dial->last_error = errno;
        tell_exhausted(stream->network, dial->last_error);
        if (fd >= 0) {
            close(fd);
            stream->watch.fd = -1;
        }
    }
    socket_fail_later(stream, end_of_errno(dial->last_error), strerror(dial->last_error));
}

static void on_lookup(void *owner, const struct address *addresses, size_t count, const char *why)
{
    struct socket_stream *stream = owner;
    stream->dial->lookup = NULL;
    if (count == 0) {
        socket_tell_end(stream, STREAM_END_UNRESOLVED, why);
        return;
    }
    memcpy(stream->dial->addresses, addresses, count * sizeof *addresses);
    stream->dial->count = count;
    try_next_address(stream);
}

void socket_on_connected(struct socket_stream *stream)
{
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(stream->watch.fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0) {
        stream->dial->last_error = code != 0 ? code : errno;
        try_next_address(stream);
        return;
    }
    socket_no_delay(stream->watch.fd);
    const struct socket_network *network = stream->network;
    if (network->times != NULL) {
        network->times->connected(network->times_owner,
                                  network->world->now_us - stream->dial->begun_us);
        stream->dial->begun_us = network->world->now_us;
    }
    if (stream->stream.tls) {
        socket_begin_handshake(
            stream, tls_connect(stream->network->tls, stream->watch.fd, stream->dial->to.host));
    } else {
        socket_open(stream);
    }
}

struct stream *socket_connect(struct network *face, const struct endpoint *to,
                              const struct stream_events *events, void *owner)
{
    struct socket_network *network = (struct socket_network *)face;
    struct socket_stream *stream = socket_stream_new(network, to->tls);
    stream->stream.events = events;
    stream->stream.owner = owner;
    stream->state = STATE_LOOKUP;
    stream->dial = memory_new(sizeof *stream->dial);
    stream->dial->to = *to;
    stream->dial->begun_us = network->world->now_us;
    if (address_parse(&stream->dial->addresses[0], to->host, endpoint_port(to))) {
        stream->dial->count = 1;
        try_next_address(stream);
    } else {
        stream->dial->lookup =
            resolver_start(network->resolver, to->host, endpoint_port(to), on_lookup, stream);
    }
    return &stream->stream;
}
