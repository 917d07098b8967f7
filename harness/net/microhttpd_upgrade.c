/* A connection behind a 101: libmicrohttpd hands its socket out (over TLS one end of a pair, which
 * it fills and drains itself), and it becomes a stream like any other. What is sent waits here
 * until the socket takes it. A Connection header of one's own cannot be said: libmicrohttpd writes
 * "Connection: Upgrade" itself. */
#include "harness/net/microhttpd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/base/memory.h"

enum { READ_BYTES = 16 * 1024, READS_A_TURN = 8 };

struct upgraded {
    struct stream stream; /* first */
    struct microhttpd_front *front;
    struct upgraded *previous, *next;
    struct MHD_UpgradeResponseHandle *handle;
    struct watch watch;
    struct timer timer; /* `drained` is to be told */
    struct buffer out;
    size_t out_sent;
    uint32_t waits;
    bool held, finishes, leaving; /* the owner has gone, what is queued still leaves */
    bool reading; /* a call that may destroy it runs: its memory is kept until that is over */
    bool over;
    char peer[64];
};

static void destroy(struct upgraded *upgraded)
{
    struct microhttpd_front *front = upgraded->front;
    world_cancel(front->world, &upgraded->timer);
    real_driver_unwatch(front->driver, &upgraded->watch);
    MHD_upgrade_action(upgraded->handle, MHD_UPGRADE_ACTION_CLOSE);
    world_arm_in(front->world, &front->run, 0);
    if (upgraded->previous != NULL) {
        upgraded->previous->next = upgraded->next;
    } else {
        front->upgraded = upgraded->next;
    }
    if (upgraded->next != NULL) {
        upgraded->next->previous = upgraded->previous;
    }
    buffer_free(&upgraded->out);
    upgraded->over = true;
    if (!upgraded->reading) {
        free(upgraded);
    }
}

static void wait_for_more(struct upgraded *upgraded)
{
    uint32_t waits = (upgraded->held || upgraded->leaving ? 0U : (uint32_t)EPOLLIN) |
                     (upgraded->out.size > 0 ? (uint32_t)EPOLLOUT : 0U);
    if (waits != upgraded->waits) {
        upgraded->waits = waits;
        real_driver_change(upgraded->front->driver, &upgraded->watch, waits);
    }
}

static void tell_end(struct upgraded *upgraded, enum stream_end end, const char *why)
{
    const struct stream_events *events = upgraded->leaving ? NULL : upgraded->stream.events;
    void *owner = upgraded->stream.owner;
    destroy(upgraded);
    if (events != NULL) {
        events->ended(owner, end, why);
    }
}

/* As much as the socket takes. A broken connection swallows it: reading tells how it ended. */
static void write_out(struct upgraded *upgraded)
{
    while (upgraded->out_sent < upgraded->out.size) {
        ssize_t sent = send(upgraded->watch.fd, upgraded->out.bytes + upgraded->out_sent,
                            upgraded->out.size - upgraded->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        upgraded->out_sent = sent < 0 ? upgraded->out.size : upgraded->out_sent + (size_t)sent;
    }
    buffer_free(&upgraded->out);
    upgraded->out_sent = 0;
    if (upgraded->finishes) {
        shutdown(upgraded->watch.fd, SHUT_WR);
    }
    world_arm_in(upgraded->front->world, &upgraded->timer, 0);
}

/* All has left. */
static void on_time(void *owner)
{
    struct upgraded *upgraded = owner;
    if (upgraded->leaving) {
        destroy(upgraded);
    } else if (upgraded->stream.events->drained != NULL) {
        upgraded->stream.events->drained(upgraded->stream.owner);
    }
}

static void read_in(struct upgraded *upgraded)
{
    char bytes[READ_BYTES];
    for (int i = 0; i < READS_A_TURN && !upgraded->over && !upgraded->held; i++) {
        ssize_t size = recv(upgraded->watch.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (size <= 0) {
            tell_end(upgraded, size == 0 ? STREAM_END_CLOSED : STREAM_END_RESET,
                     size == 0 ? "the other side closed the connection" : strerror(errno));
            return;
        }
        if (!upgraded->leaving) {
            upgraded->stream.events->received(upgraded->stream.owner, bytes, (size_t)size);
        }
    }
}

static void on_ready(void *owner, uint32_t events)
{
    struct upgraded *upgraded = owner;
    if ((events & EPOLLOUT) != 0) {
        write_out(upgraded);
    }
    upgraded->reading = true;
    read_in(upgraded);
    upgraded->reading = false;
    if (upgraded->over) {
        free(upgraded);
    } else {
        wait_for_more(upgraded);
    }
}

static void face_send(struct stream *stream, const char *bytes, size_t size)
{
    struct upgraded *upgraded = (struct upgraded *)stream;
    buffer_append(&upgraded->out, bytes, size);
    write_out(upgraded);
    wait_for_more(upgraded);
}

static void face_close(struct stream *stream)
{
    struct upgraded *upgraded = (struct upgraded *)stream;
    upgraded->leaving = true;
    world_arm_in(upgraded->front->world, &upgraded->timer, 0);
    if (upgraded->out.size > 0) {
        world_cancel(upgraded->front->world, &upgraded->timer);
        wait_for_more(upgraded);
    }
}

static void face_reset(struct stream *stream)
{
    struct upgraded *upgraded = (struct upgraded *)stream;
    if (!stream->tls) { /* dissolving the association sends a reset at once */
        (void)connect(upgraded->watch.fd, &(struct sockaddr){.sa_family = AF_UNSPEC},
                      sizeof(struct sockaddr));
    }
    destroy(upgraded);
}

static void face_finish(struct stream *stream)
{
    struct upgraded *upgraded = (struct upgraded *)stream;
    upgraded->finishes = true;
    write_out(upgraded);
}

static void face_hold(struct stream *stream, bool held)
{
    struct upgraded *upgraded = (struct upgraded *)stream;
    upgraded->held = held;
    wait_for_more(upgraded);
}

static void on_upgrade(void *owner, struct MHD_Connection *connection, void *context,
                       const char *bytes, size_t size, MHD_socket fd,
                       struct MHD_UpgradeResponseHandle *handle)
{
    static const struct stream_class class = {.send = face_send,
                                              .close = face_close,
                                              .reset = face_reset,
                                              .finish = face_finish,
                                              .hold = face_hold};
    (void)connection;
    (void)owner;
    struct request *request = context;
    struct microhttpd_front *front = request->front;
    struct upgraded *upgraded = memory_new(sizeof *upgraded);
    upgraded->front = front;
    upgraded->handle = handle;
    memcpy(upgraded->peer, request->peer, sizeof upgraded->peer);
    upgraded->stream = (struct stream){.class = &class,
                                       .peer = upgraded->peer,
                                       .id = request->exchange.connection,
                                       .tls = front->tls};
    upgraded->watch = (struct watch){.ready = on_ready, .owner = upgraded, .fd = fd};
    upgraded->waits = EPOLLIN;
    timer_init(&upgraded->timer, on_time, upgraded);
    if (!real_driver_watch(front->driver, &upgraded->watch, EPOLLIN)) {
        MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        free(upgraded);
        return; /* when the request is over, its service learns that there is no stream */
    }
    upgraded->next = front->upgraded;
    if (upgraded->next != NULL) {
        upgraded->next->previous = upgraded;
    }
    front->upgraded = upgraded;
    struct http_upgrade upgrade = request->upgrade;
    request->upgrade.take = NULL;
    upgrade.take(upgrade.owner, &upgraded->stream, (struct slice){size == 0 ? "" : bytes, size});
}

bool microhttpd_upgrade_can(const struct http_reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (slice_is_nocase(slice_of(reply->headers[i].name), "Connection") &&
            strcasecmp(reply->headers[i].value, "Upgrade") != 0) {
            return false;
        }
    }
    return true;
}

void microhttpd_make_upgrade(struct request *request, const struct http_reply *reply)
{
    request->upgrade = reply->upgrade;
    request->status = (unsigned)reply->status;
    request->response = MHD_create_response_for_upgrade(on_upgrade, NULL);
    for (size_t i = 0; request->response != NULL && i < reply->header_count; i++) {
        if (!slice_is_nocase(slice_of(reply->headers[i].name), "Connection")) {
            MHD_add_response_header(request->response, reply->headers[i].name,
                                    reply->headers[i].value);
        }
    }
}

void microhttpd_upgrade_over(struct request *request)
{
    struct http_upgrade upgrade = request->upgrade;
    request->upgrade.take = NULL;
    if (upgrade.take != NULL) {
        upgrade.take(upgrade.owner, NULL, slice_of(""));
    }
}

void microhttpd_upgraded_end(struct microhttpd_front *front)
{
    while (front->upgraded != NULL) {
        tell_end(front->upgraded, STREAM_END_CLOSED, "the server goes");
    }
}
