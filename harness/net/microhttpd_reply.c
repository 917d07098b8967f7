/* How a reply leaves: as libmicrohttpd's response, at once or in pieces, or as bytes of our own. A
 * suspended connection is not watched by libmicrohttpd, so the loop watches it here for its end and
 * for room to write. */
#include "harness/net/microhttpd_internal.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTGOING_CHECK_US MILLISECONDS(1)

static int socket_of(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

static void run_soon(struct microhttpd_front *front)
{
    world_arm_in(front->world, &front->run, 0);
}

static void on_socket(void *owner, uint32_t events);

/* The watch is on a descriptor of its own: libmicrohttpd's may be closed, and its number reused, at
 * any time. */
void microhttpd_suspend(struct request *request)
{
    assert(!request->suspended);
    MHD_suspend_connection(request->connection);
    request->suspended = true;
    request->watch =
        (struct watch){.ready = on_socket, .owner = request, .fd = dup(socket_of(request))};
    if (request->watch.fd >= 0 &&
        !real_driver_watch(request->front->driver, &request->watch, EPOLLRDHUP)) {
        close(request->watch.fd);
        request->watch.fd = -1;
    }
}

static void unwatch(struct request *request)
{
    if (request->watch.fd >= 0) {
        real_driver_unwatch(request->front->driver, &request->watch);
        close(request->watch.fd);
        request->watch.fd = -1;
    }
}

static void resume(struct request *request)
{
    world_cancel(request->front->world, &request->timer);
    if (request->suspended) {
        unwatch(request);
        request->suspended = false;
        MHD_resume_connection(request->connection);
        run_soon(request->front);
    }
}

void microhttpd_abort(struct request *request)
{
    request->state = STATE_ABORT;
    resume(request);
}

void microhttpd_tell_gone(struct request *request)
{
    if (request->state == STATE_ASKED) {
        request->state = STATE_ABORT;
        if (request->front->service->gone != NULL) {
            request->front->service->gone(request->front->service->service, &request->exchange);
        }
    }
}

/* All direct bytes have left our hands. */
static void end_direct(struct request *request)
{
    int outgoing = 0;
    switch (request->after) {
    case HTTP_AFTER_STALL:
        request->state = STATE_STALLED;
        return;
    case HTTP_AFTER_RESET:
        if (ioctl(request->watch.fd, SIOCOUTQ, &outgoing) == 0 && outgoing > 0) {
            world_arm_in(request->front->world, &request->timer,
                         OUTGOING_CHECK_US); /* a reset would overtake it */
            return;
        }
        /* Dissolving the association sends a reset at once (tcp_disconnect), before libmicrohttpd
         * could say goodbye. */
        (void)connect(request->watch.fd, &(struct sockaddr){.sa_family = AF_UNSPEC},
                      sizeof(struct sockaddr));
        microhttpd_abort(request);
        return;
    case HTTP_AFTER_KEEP:
    case HTTP_AFTER_CLOSE:
    case HTTP_AFTER_DRAIN:
        microhttpd_abort(request);
        return;
    }
}

/* The next piece of direct bytes, as far as the socket takes it. */
static void send_direct(struct request *request)
{
    size_t left = request->out.size - request->out_sent;
    if (left == 0) {
        end_direct(request);
        return;
    }
    size_t size =
        request->piece_bytes > 0 && request->piece_bytes < left ? request->piece_bytes : left;
    ssize_t sent = send(request->watch.fd, request->out.bytes + request->out_sent, size,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        microhttpd_abort(request);
        return;
    }
    request->out_sent += sent > 0 ? (size_t)sent : 0;
    if (sent < (ssize_t)size) {
        real_driver_change(request->front->driver, &request->watch, EPOLLRDHUP | EPOLLOUT);
    } else if (request->out_sent < request->out.size) {
        world_arm_in(request->front->world, &request->timer, request->piece_gap_us);
    } else {
        end_direct(request);
    }
}

/* Only while suspended: the other side has gone, or there is room for more direct bytes. */
static void on_socket(void *owner, uint32_t events)
{
    struct request *request = owner;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        microhttpd_tell_gone(request);
        microhttpd_abort(request);
    } else if (request->state == STATE_DIRECT) {
        real_driver_change(request->front->driver, &request->watch, EPOLLRDHUP);
        send_direct(request);
    }
}

static void begin_reply(struct request *request)
{
    if (!request->direct) {
        request->state = STATE_READY;
        resume(request);
        return;
    }
    request->state = STATE_DIRECT;
    if (request->watch.fd < 0) {
        microhttpd_abort(request); /* no descriptor was left to watch it with */
        return;
    }
    send_direct(request);
}

static void on_timer(void *owner)
{
    struct request *request = owner;
    if (request->state == STATE_DELAYED) {
        begin_reply(request);
    } else if (request->state == STATE_DIRECT) {
        send_direct(request);
    } else if (request->state == STATE_SENT) {
        resume(request); /* the next piece of the body is due */
    }
}

static ssize_t read_piece(void *owner, uint64_t position, char *bytes, size_t room)
{
    struct request *request = owner;
    struct world *world = request->front->world;
    if (request->state == STATE_ABORT) {
        return MHD_CONTENT_READER_END_WITH_ERROR; /* the client left between two pieces */
    }
    if (position > 0 && world->now_us < request->piece_due_us) {
        microhttpd_suspend(request);
        world_arm(world, &request->timer, request->piece_due_us);
        return 0;
    }
    size_t left = request->out.size - (size_t)position;
    size_t size = left < request->piece_bytes ? left : request->piece_bytes;
    size = size < room ? size : room;
    memcpy(bytes, request->out.bytes + position, size);
    request->piece_due_us = world->now_us + request->piece_gap_us;
    return (ssize_t)size;
}

bool microhttpd_front_can(const struct microhttpd_front *front, const struct http_reply *reply,
                          struct error *error)
{
    bool silent = reply->raw == NULL && reply->status == 0;
    if (reply->upgrade.take != NULL) {
        return microhttpd_upgrade_can(reply) ||
               error_set(error, "libmicrohttpd says \"Connection: Upgrade\" itself");
    }
    return !front->tls || silent || !microhttpd_is_direct(reply) ||
           error_set(
               error,
               "raw bytes and ends of the connection behind a reply cannot be sent over TLS here");
}

void microhttpd_make_response(struct request *request, const struct http_reply *reply)
{
    size_t size = http_status_has_body(reply->status) ? reply->body_size : 0;
    request->status = (unsigned)reply->status;
    if (reply->piece_bytes > 0 && size > 0) {
        buffer_append(&request->out, reply->body, size);
        request->response =
            MHD_create_response_from_callback(size, reply->piece_bytes, read_piece, request, NULL);
    } else {
        union {
            const char *text;
            void *bytes;
        } body = {.text = size > 0 ? reply->body : ""};
        request->response =
            MHD_create_response_from_buffer(size, body.bytes, MHD_RESPMEM_MUST_COPY);
    }
    for (size_t i = 0; request->response != NULL && i < reply->header_count; i++) {
        if (!slice_is_nocase(slice_of(reply->headers[i].name), "Content-Length")) {
            MHD_add_response_header(request->response, reply->headers[i].name,
                                    reply->headers[i].value);
        }
    }
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct request *request = (struct request *)exchange;
    assert(request->state == STATE_ASKED);
    struct error error;
    struct http_reply instead = {.status = 500, .body = error.text};
    request->upgrade = reply->upgrade; /* whatever happens, its taker hears of it */
    if (!microhttpd_front_can(request->front, reply, &error)) {
        instead.body_size = strlen(error.text);
        reply = &instead;
    }
    request->direct = microhttpd_is_direct(reply) && reply->upgrade.take == NULL;
    request->after = reply->after;
    request->piece_bytes = reply->piece_bytes;
    request->piece_gap_us = reply->piece_gap_us;
    if (request->direct) {
        http_reply_render(&request->out, reply, request->head_request);
    } else if (reply->upgrade.take != NULL) {
        microhttpd_make_upgrade(request, reply);
    } else {
        microhttpd_make_response(request, reply);
    }
    if (!request->direct && reply->delay_us == 0) {
        request->state = STATE_READY;
        resume(request); /* nothing to resume within the handler, which goes on itself */
        return;
    }
    request->state = STATE_DELAYED;
    if (request->in_handler) {
        microhttpd_suspend(request);
    }
    world_arm_in(request->front->world, &request->timer, reply->delay_us);
}

static const struct http_exchange_class exchange_class = {.reply = on_reply};

enum MHD_Result microhttpd_send_response(struct request *request)
{
    if (request->response == NULL) {
        return MHD_NO;
    }
    request->state = STATE_SENT;
    enum MHD_Result result =
        MHD_queue_response(request->connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

void microhttpd_reply_init(struct request *request)
{
    request->watch.fd = -1;
    request->exchange.class = &exchange_class;
    timer_init(&request->timer, on_timer, request);
}

void microhttpd_reply_free(struct request *request)
{
    world_cancel(request->front->world, &request->timer);
    unwatch(request);
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    buffer_free(&request->out);
}
