/* TCP and TLS streams. A stream goes through: looking up, connecting (address by address; both in
 * socket_dial.c), TLS handshake, open, and, closed by its owner, lingering: what is queued leaves,
 * then the other side may read it to the end before the socket is closed (RFC 9112 section 9.6).
 * Owners are told things only from the loop: what goes wrong within a call waits for the stream's
 * timer or its descriptor. */
#include "harness/net/socket_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sim/base/memory.h"

enum { READS_A_TURN = 8, WHY_BYTES = 128 };

#define OPEN_EVENTS ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLET)

#define LINGER_US    SECONDS(2)
#define HANDSHAKE_US SECONDS(15)

void socket_leave(struct socket_stream *stream)
{
    tls_session_destroy(stream->tls);
    stream->tls = NULL;
    if (stream->watch.fd >= 0) {
        real_driver_unwatch(stream->network->driver, &stream->watch);
        close(stream->watch.fd);
        stream->watch.fd = -1;
    }
}

void socket_stream_destroy(struct socket_stream *stream)
{
    world_cancel(stream->network->world, &stream->timer);
    socket_leave(stream);
    socket_dial_over(stream);
    stream->network->queued -= stream->out.size - stream->out_sent;
    buffer_free(&stream->out);
    free(stream->peer);
    free(stream->why);
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        stream->network->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    stream->over = true;
    if (!stream->in_loop) {
        free(stream);
    }
}

void socket_tell_end(struct socket_stream *stream, enum stream_end end, const char *reason)
{
    const struct stream_events *events =
        stream->state == STATE_LINGER ? NULL : stream->stream.events;
    void *owner = stream->stream.owner;
    char why[WHY_BYTES]; /* the stream may have the reason, and goes first */
    snprintf(why, sizeof why, "%s", reason);
    socket_stream_destroy(stream);
    if (events != NULL) {
        events->ended(owner, end, why);
    }
}

void socket_fail_later(struct socket_stream *stream, enum stream_end end, const char *why)
{
    stream->fails = true;
    stream->end = end;
    free(stream->why);
    stream->why = memory_copy_text(why);
    world_arm_in(stream->network->world, &stream->timer, 0);
}

static void wait_for(struct socket_stream *stream, uint32_t events)
{
    if (stream->events != events) {
        stream->events = events;
        real_driver_change(stream->network->driver, &stream->watch, events);
    }
}

/* What an open stream waits for. What is ready is told once (EPOLLET), so that the kernel need not
 * look again at what was just read to its end; a change of what is waited for tells it again. */
static void wait_for_more(struct socket_stream *stream)
{
    uint32_t in = stream->held || stream->read_over ? 0 : OPEN_EVENTS;
    wait_for(stream, stream->out.size > 0 ? in | EPOLLOUT : in);
}

/* One write, TLS or not. Returns how much left; *blocked: more later. A broken connection swallows
 * everything: what is still to be read, and how it ended, is told by reading. */
static size_t write_some(struct socket_stream *stream, const char *bytes, size_t size,
                         bool *blocked)
{
    *blocked = false;
    if (stream->tls != NULL) {
        size_t sent = 0;
        enum tls_result result = tls_write(stream->tls, bytes, size, &sent);
        *blocked = result == TLS_WANT_READ || result == TLS_WANT_WRITE;
        return result == TLS_DONE || *blocked ? sent : size;
    }
    ssize_t sent = send(stream->watch.fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0) {
        *blocked = errno == EAGAIN || errno == EINTR;
        return *blocked ? 0 : size;
    }
    return (size_t)sent;
}

static size_t write_all(struct socket_stream *stream, const char *bytes, size_t size)
{
    size_t sent = 0;
    for (bool blocked = false; sent < size && !blocked;) {
        sent += write_some(stream, bytes + sent, size - sent, &blocked);
    }
    return sent;
}

/* True: nothing is left to send. */
static bool flush(struct socket_stream *stream)
{
    if (stream->out.size > 0) {
        size_t sent = write_all(stream, stream->out.bytes + stream->out_sent,
                                stream->out.size - stream->out_sent);
        stream->out_sent += sent;
        stream->network->queued -= sent;
    }
    bool all = stream->out_sent == stream->out.size;
    if (all) {
        buffer_free(&stream->out);
        stream->out_sent = 0;
    }
    wait_for_more(stream);
    return all;
}

static void half_close(struct socket_stream *stream)
{
    if (stream->tls != NULL) {
        tls_goodbye(stream->tls);
    }
    shutdown(stream->watch.fd, SHUT_WR);
}

void socket_open(struct socket_stream *stream)
{
    struct socket_network *network = stream->network;
    stream->state = STATE_OPEN;
    world_cancel(network->world, &stream->timer);
    if (network->times != NULL && stream->dial != NULL && stream->tls != NULL) {
        network->times->secured(network->times_owner,
                                network->world->now_us - stream->dial->begun_us,
                                tls_session_resumed(stream->tls));
    }
    socket_dial_over(stream);
    bool accepted = stream->listener != NULL;
    if (accepted) {
        struct listener *listener = stream->listener;
        stream->listener = NULL;
        wait_for_more(stream);
        listener->accept(listener->owner, &stream->stream);
        return;
    }
    bool sent = flush(stream);
    if (stream->stream.events->opened != NULL) {
        stream->stream.events->opened(stream->stream.owner);
    }
    if (!stream->over && stream->state == STATE_OPEN && sent &&
        stream->stream.events->drained != NULL) {
        stream->stream.events->drained(stream->stream.owner);
    }
}

static void shake_hands(struct socket_stream *stream)
{
    switch (tls_handshake(stream->tls)) {
    case TLS_DONE:
        socket_open(stream);
        return;
    case TLS_WANT_READ:
        wait_for(stream, EPOLLIN);
        return;
    case TLS_WANT_WRITE:
        wait_for(stream, EPOLLOUT);
        return;
    case TLS_CLOSED:
        socket_tell_end(stream, STREAM_END_TLS,
                        "the other side closed the connection during the TLS handshake");
        return;
    case TLS_RESET:
    case TLS_FAILED:
        socket_tell_end(stream, STREAM_END_TLS, tls_session_why(stream->tls));
        return;
    }
}

void socket_begin_handshake(struct socket_stream *stream, struct tls_session *session)
{
    stream->tls = session;
    stream->state = STATE_HANDSHAKE;
    world_arm_in(stream->network->world, &stream->timer, HANDSHAKE_US);
    shake_hands(stream);
}

void socket_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* One read, TLS or not, in the words of TLS. */
static enum tls_result read_some(struct socket_stream *stream, size_t *got)
{
    char *input = stream->network->input;
    if (stream->tls != NULL) {
        return tls_read(stream->tls, input, READ_BYTES, got);
    }
    ssize_t size = recv(stream->watch.fd, input, READ_BYTES, 0);
    *got = size > 0 ? (size_t)size : 0;
    if (size > 0) {
        return TLS_DONE;
    }
    return size == 0 ? TLS_CLOSED : errno == EAGAIN || errno == EINTR ? TLS_WANT_READ : TLS_RESET;
}

/* The other side will send nothing more: whoever can do something with that is told so. */
static void input_over(struct socket_stream *stream)
{
    const struct stream_events *events = stream->stream.events;
    if (stream->state != STATE_OPEN || stream->read_over || events->finished == NULL) {
        socket_tell_end(stream, STREAM_END_CLOSED, "the other side closed the connection");
        return;
    }
    stream->read_over = true;
    wait_for_more(stream);
    events->finished(stream->stream.owner);
}

/* Up to the end of what is there: `ending` says that the end of the stream is. */
static void read_input(struct socket_stream *stream, bool ending)
{
    assert(stream->in_loop);
    for (int turn = 0; turn < READS_A_TURN || stream->tls != NULL; turn++) {
        if (stream->held && turn > 0) {
            return;
        }
        size_t got;
        enum tls_result result = read_some(stream, &got);
        if (result == TLS_DONE && stream->state == STATE_OPEN) {
            stream->stream.events->received(stream->stream.owner, stream->network->input, got);
            if (stream->over) {
                return;
            }
        }
        if (result == TLS_DONE && stream->tls == NULL && got < READ_BYTES && !ending) {
            return; /* nothing is left; an end that comes now is told anew */
        }
        switch (result) {
        case TLS_DONE:
            break;
        case TLS_WANT_READ:
        case TLS_WANT_WRITE:
            return;
        case TLS_CLOSED:
            input_over(stream);
            return;
        case TLS_RESET:
            socket_tell_end(stream, STREAM_END_RESET, "the connection was reset");
            return;
        case TLS_FAILED:
            socket_tell_end(stream, STREAM_END_TLS, tls_session_why(stream->tls));
            return;
        }
    }
    real_driver_change(stream->network->driver, &stream->watch, stream->events); /* there is more */
}

static void end_loop(struct socket_stream *stream)
{
    /* The analyser takes it that a callback has cleared in_loop, so that the memory is gone. */
    stream->in_loop = false; // NOLINT(clang-analyzer-unix.Malloc)
    if (stream->over) {
        free(stream);
    }
}

static void on_ready(void *owner, uint32_t events)
{
    struct socket_stream *stream = owner;
    stream->in_loop = true;
    if (stream->state == STATE_CONNECTING) {
        socket_on_connected(stream);
    } else if (stream->state == STATE_HANDSHAKE) {
        shake_hands(stream);
    } else {
        if (stream->out.size > 0 && (events & EPOLLOUT) != 0 && flush(stream)) {
            if (stream->state == STATE_LINGER || stream->finishes) {
                half_close(stream);
            } else if (stream->stream.events->drained != NULL) {
                stream->stream.events->drained(stream->stream.owner);
            }
        }
        if (!stream->over && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            read_input(stream, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
    }
    end_loop(stream);
}

static void on_timer(void *owner)
{
    struct socket_stream *stream = owner;
    if (stream->state == STATE_LINGER) {
        socket_stream_destroy(stream);
    } else if (stream->fails) {
        socket_tell_end(stream, stream->end, stream->why);
    } else if (stream->state == STATE_HANDSHAKE) {
        socket_tell_end(stream, STREAM_END_TLS, "no TLS handshake within 15 s");
    } else if (stream->read_soon) {
        stream->read_soon = false;
        if (stream->tell_drained) {
            world_arm_in(stream->network->world, &stream->timer, 0);
        }
        if (!stream->held && !stream->read_over) {
            stream->in_loop = true;
            read_input(stream, false);
            end_loop(stream);
        }
    } else if (stream->tell_drained) {
        stream->tell_drained = false;
        stream->stream.events->drained(stream->stream.owner);
    }
}

static void socket_send(struct stream *face, const char *bytes, size_t size)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    assert(stream->state != STATE_LINGER && !stream->finishes);
    if (stream->state == STATE_OPEN && stream->out.size == 0) {
        size_t sent = write_all(stream, bytes, size);
        bytes += sent;
        size -= sent;
        if (size == 0) {
            if (stream->stream.events->drained != NULL) {
                stream->tell_drained = true;
                world_arm_in(stream->network->world, &stream->timer, 0);
            }
            return;
        }
    }
    buffer_append(&stream->out, bytes, size);
    stream->network->queued += size;
    if (stream->state == STATE_OPEN) {
        wait_for_more(stream);
    }
}

static void socket_reset(struct stream *face)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    if (stream->watch.fd >= 0) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(stream->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    socket_stream_destroy(stream);
}

static void socket_close(struct stream *face)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    if (stream->state != STATE_OPEN || stream->fails) {
        socket_stream_destroy(stream);
        return;
    }
    stream->state = STATE_LINGER;
    stream->held = false;
    world_arm_in(stream->network->world, &stream->timer, LINGER_US);
    if (!stream->finishes && (stream->out.size == 0 || flush(stream))) {
        half_close(stream);
    }
    wait_for_more(stream);
}

static void socket_finish(struct stream *face)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    assert(stream->state == STATE_OPEN && !stream->finishes);
    stream->finishes = true;
    if (stream->out.size == 0) {
        half_close(stream);
    }
}

static void socket_hold(struct stream *face, bool held)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    if (stream->held == held || stream->state != STATE_OPEN) {
        return;
    }
    stream->held = held;
    wait_for_more(stream);
    stream->read_soon = !held && stream->tls != NULL;
    if (stream->read_soon) {
        world_arm_in(stream->network->world, &stream->timer, 0);
    }
}

/* The system takes twice of it, and no longer lets it grow by itself. */
static void socket_narrow(struct stream *face)
{
    struct socket_stream *stream = (struct socket_stream *)face;
    const int bytes = 16 * 1024;
    if (stream->state == STATE_OPEN) {
        setsockopt(stream->watch.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
}

static const struct stream_class socket_stream_class = {.send = socket_send,
                                                        .close = socket_close,
                                                        .reset = socket_reset,
                                                        .finish = socket_finish,
                                                        .hold = socket_hold,
                                                        .narrow = socket_narrow};

struct socket_stream *socket_stream_new(struct socket_network *network, bool tls)
{
    struct socket_stream *stream = memory_new(sizeof *stream);
    stream->stream =
        (struct stream){.class = &socket_stream_class, .id = ++network->connections, .tls = tls};
    stream->network = network;
    stream->watch = (struct watch){.ready = on_ready, .owner = stream, .fd = -1};
    timer_init(&stream->timer, on_timer, stream);
    stream->next = network->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    network->streams = stream;
    return stream;
}

void socket_accepted(struct listener *listener, int fd, const struct address *peer)
{
    struct socket_network *network = listener->network;
    struct socket_stream *stream = socket_stream_new(network, listener->tls);
    char text[64];
    address_text(peer, text, sizeof text);
    socket_no_delay(fd);
    stream->peer = memory_copy_text(text);
    stream->watch.fd = fd;
    stream->listener = listener;
    stream->stream.peer = stream->peer;
    stream->events = listener->tls ? EPOLLIN : OPEN_EVENTS;
    if (!real_driver_watch(network->driver, &stream->watch, stream->events)) {
        socket_stream_destroy(stream);
    } else if (listener->tls) {
        socket_begin_handshake(stream, tls_accept(network->tls, fd));
    } else {
        socket_open(stream);
    }
}

void socket_forget_unknown(struct socket_network *network, const struct listener *listener)
{
    for (struct socket_stream *stream = network->streams; stream != NULL;) {
        struct socket_stream *next = stream->next;
        if (stream->listener == listener) {
            socket_stream_destroy(stream); /* still shaking hands */
        }
        stream = next;
    }
}
