/* A request goes through libmicrohttpd's access handler several times: for its head, for pieces of
 * its body, once more when it is complete, and, if the reply does not come at once, again after the
 * connection was suspended and resumed. `state` says where it is. A suspended connection is not
 * watched by libmicrohttpd, so the loop watches it here for its end and for room to write. */
#include "harness/net/microhttpd.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/net/microhttpd_internal.h"
#include "harness/net/pem.h"
#include "harness/net/resolver.h"
#include "sim/base/memory.h"
#include "sim/wire/http_head.h"

enum { CONNECTIONS_MAX = 10000, DISCARD_BYTES_MAX = 64 * 1024 * 1024 };

#define OUTGOING_CHECK_US MILLISECONDS(1)

enum state {
    STATE_HEAD,    /* nothing of it was shown yet */
    STATE_BODY,    /* its body comes in */
    STATE_ASKED,   /* the service has it */
    STATE_DELAYED, /* replied, not time yet */
    STATE_DIRECT,  /* our own bytes go to the socket */
    STATE_STALLED, /* said all it will ever say */
    STATE_READY,   /* `response` can be queued */
    STATE_ABORT,   /* nothing more: close */
    STATE_SENT,    /* libmicrohttpd sends `response` */
};

struct request {
    struct http_exchange exchange; /* first: an exchange is its request */
    struct microhttpd_front *front;
    struct request *previous, *next;
    struct MHD_Connection *connection;
    struct MHD_Response *response;
    char *target;
    struct buffer body; /* of the request */
    struct buffer out;  /* of the reply: direct bytes, or the body that goes out in pieces */
    size_t out_sent;
    size_t discarded;
    size_t piece_bytes;
    int64_t piece_gap_us;
    int64_t piece_due_us;
    unsigned status;
    enum http_after after;
    struct timer timer;
    struct watch watch; /* while suspended; fd -1: not */
    uint8_t state;
    bool suspended, head_request, in_handler, direct;
    char peer[64];
};

struct microhttpd_front {
    struct real_driver *driver;
    struct world *world;
    const struct http_service *service;
    struct MHD_Daemon *daemon;
    struct watch watch; /* of the daemon's epoll */
    struct timer run;   /* when libmicrohttpd wants to be called */
    struct request *requests;
    uint32_t connections;
    bool tls;
};

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
static void suspend(struct request *request)
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

static void abort_request(struct request *request)
{
    request->state = STATE_ABORT;
    resume(request);
}

static void tell_gone(struct request *request)
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
        abort_request(request);
        return;
    case HTTP_AFTER_KEEP:
    case HTTP_AFTER_CLOSE:
        abort_request(request);
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
        abort_request(request);
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
        tell_gone(request);
        abort_request(request);
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
        abort_request(request); /* no descriptor was left to watch it with */
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
        suspend(request);
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
    return !front->tls || silent || !microhttpd_is_direct(reply) ||
           error_set(
               error,
               "raw bytes and ends of the connection behind a reply cannot be sent over TLS here");
}

static void make_response(struct request *request, const struct http_reply *reply)
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
    if (!microhttpd_front_can(request->front, reply, &error)) {
        instead.body_size = strlen(error.text);
        reply = &instead;
    }
    request->direct = microhttpd_is_direct(reply);
    request->after = reply->after;
    request->piece_bytes = reply->piece_bytes;
    request->piece_gap_us = reply->piece_gap_us;
    if (request->direct) {
        http_reply_render(&request->out, reply, request->head_request);
    } else {
        make_response(request, reply);
    }
    if (!request->direct && reply->delay_us == 0) {
        request->state = STATE_READY;
        resume(request); /* nothing to resume within the handler, which goes on itself */
        return;
    }
    request->state = STATE_DELAYED;
    if (request->in_handler) {
        suspend(request);
    }
    world_arm_in(request->front->world, &request->timer, reply->delay_us);
}

static const struct http_exchange_class exchange_class = {.reply = on_reply};

static enum MHD_Result add_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    http_write_header(owner, name, value != NULL ? value : "");
    return MHD_YES;
}

static enum MHD_Result send_response(struct request *request)
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

static enum MHD_Result answer(struct request *request, int status, const char *why)
{
    struct http_reply reply = {.status = status, .body = why, .body_size = strlen(why)};
    http_reply_header(&reply, "Content-Type", "text/plain");
    http_reply_header(&reply, "Connection", "close");
    make_response(request, &reply);
    return send_response(request);
}

/* The request is complete: show it to the service in the words of our own codec, which is also a
 * second opinion. */
static enum MHD_Result ask(struct request *request, const char *method, const char *version)
{
    struct http_message message;
    struct http_head head;
    struct buffer text = {0};
    buffer_format(&text, "%s %s %s\r\n", method, request->target, version);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_header, &text);
    http_write_end(&text);
    enum MHD_Result result = MHD_YES;
    if (request->discarded > 0) {
        result = answer(request, 413, "the body is larger than allowed");
    } else if (http_head_parse(&message, true, text.bytes, text.size, &head) != HTTP_HEAD_DONE) {
        result = answer(request, head.problem == HTTP_PROBLEM_HEAD_SIZE ? 431 : 400, head.why);
    } else {
        message.body = (struct slice){buffer_text(&request->body), request->body.size};
        request->head_request = strcmp(method, "HEAD") == 0;
        request->state = STATE_ASKED;
        request->in_handler = true;
        request->front->service->request(request->front->service->service, &request->exchange,
                                         &message);
        request->in_handler = false;
        if (request->state == STATE_READY) {
            result = send_response(request);
        } else if (!request->suspended) {
            suspend(request);
        }
    }
    buffer_free(&text);
    buffer_free(&request->body);
    return result;
}

static void take_body(struct request *request, const char *bytes, size_t size)
{
    if (request->discarded > 0 ||
        size > request->front->service->body_bytes_max - request->body.size) {
        request->discarded += size;
        buffer_free(&request->body);
    } else {
        buffer_append(&request->body, bytes, size);
    }
}

static enum MHD_Result on_access(void *owner, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *size, void **context)
{
    (void)owner;
    (void)url;
    (void)connection;
    struct request *request = *context;
    switch ((enum state)request->state) {
    case STATE_HEAD: {
        request->state = STATE_BODY;
        const char *length =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
        if (length != NULL &&
            strtoull(length, NULL, 10) > request->front->service->body_bytes_max) {
            return answer(request, 413, "the body is larger than allowed");
        }
        return MHD_YES;
    }
    case STATE_BODY:
        if (*size == 0) {
            return ask(request, method, version);
        }
        take_body(request, bytes, *size);
        *size = 0;
        return request->discarded < DISCARD_BYTES_MAX ? MHD_YES : MHD_NO;
    case STATE_READY:
        return send_response(request);
    case STATE_ABORT:
        return MHD_NO;
    default:
        return MHD_YES;
    }
}

/* Called first for each request, with the target as it came: the access handler gets it decoded. */
static void *on_target(void *owner, const char *target, struct MHD_Connection *connection)
{
    struct microhttpd_front *front = owner;
    struct request *request = memory_new(sizeof *request);
    request->front = front;
    request->connection = connection;
    request->target = memory_copy_text(target);
    request->watch.fd = -1;
    timer_init(&request->timer, on_timer, request);
    request->exchange = (struct http_exchange){.class = &exchange_class, .tls = front->tls};
    microhttpd_describe(&request->exchange, connection, request->peer, sizeof request->peer);
    request->next = front->requests;
    if (request->next != NULL) {
        request->next->previous = request;
    }
    front->requests = request;
    return request;
}

static void on_completed(void *owner, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct microhttpd_front *front = owner;
    struct request *request = *context;
    if (request == NULL) {
        return;
    }
    *context = NULL;
    tell_gone(request);
    world_cancel(front->world, &request->timer);
    unwatch(request);
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        front->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    buffer_free(&request->body);
    buffer_free(&request->out);
    free(request->target);
    free(request);
}

static void on_connection(void *owner, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = (void *)(uintptr_t)++((struct microhttpd_front *)owner)
                       ->connections; // NOLINT(performance-no-int-to-ptr)
    }
}

static void run(void *owner)
{
    struct microhttpd_front *front = owner;
    MHD_run(front->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(front->daemon, &wait_ms) == MHD_YES) {
        world_arm_in(front->world, &front->run, (int64_t)wait_ms * 1000);
    } else {
        world_cancel(front->world, &front->run);
    }
}

static void on_ready(void *owner, uint32_t events)
{
    (void)events;
    run(owner);
}

static bool start(struct microhttpd_front *front, struct endpoint *at,
                  const struct microhttpd_settings *settings, struct error *error)
{
    assert(!front->tls || settings != NULL);
    struct buffer certificate = {0}, key = {0};
    struct address address;
    const char *host =
        at->host[0] == '\0' || strcmp(at->host, "localhost") == 0 ? "127.0.0.1" : at->host;
    if (!address_parse(&address, host, at->port)) {
        return error_set(error, "%s: expected an address to listen on, such as 127.0.0.1 or ::1",
                         host);
    }
    if (front->tls && (!pem_read(settings->certificate_file, &certificate, error) ||
                       !pem_read(settings->key_file, &key, error))) {
        buffer_free(&certificate);
        buffer_free(&key);
        return false;
    }
    struct MHD_OptionItem tls_options[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.bytes},
                                           {MHD_OPTION_HTTPS_MEM_KEY, 0, key.bytes},
                                           {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                     (front->tls ? MHD_USE_TLS : 0U) |
                     (address.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0U);
    front->daemon = MHD_start_daemon(
        flags, at->port, NULL, NULL, on_access, front, MHD_OPTION_SOCK_ADDR, &address.any,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, front, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        front, MHD_OPTION_NOTIFY_CONNECTION, on_connection, front, MHD_OPTION_CONNECTION_LIMIT,
        settings != NULL && settings->connections_max > 0 ? settings->connections_max
                                                          : (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, settings != NULL ? settings->idle_timeout_s : 0U,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        front->tls ? tls_options : tls_options + 2, MHD_OPTION_END);
    int problem = errno;
    buffer_free(&certificate);
    buffer_free(&key);
    return front->daemon != NULL ||
           error_set(error, "%s:%u: libmicrohttpd does not start%s%s", host, (unsigned)at->port,
                     front->tls ? " (are certificate and key right?)" : ": ",
                     front->tls ? "" : strerror(problem));
}

struct microhttpd_front *microhttpd_front_new(struct real_driver *driver, struct endpoint *at,
                                              const struct http_service *service,
                                              const struct microhttpd_settings *settings,
                                              struct error *error)
{
    struct microhttpd_front *front = memory_new(sizeof *front);
    front->driver = driver;
    front->world = real_driver_world(driver);
    front->service = service;
    front->tls = settings != NULL && settings->certificate_file != NULL;
    timer_init(&front->run, run, front);
    if (!start(front, at, settings, error)) {
        free(front);
        return NULL;
    }
    at->port = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    at->tls = front->tls;
    front->watch = (struct watch){
        .ready = on_ready,
        .owner = front,
        .fd = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd};
    if (!real_driver_watch(driver, &front->watch, EPOLLIN)) {
        error_set(error, "epoll: %s", strerror(errno));
        MHD_stop_daemon(front->daemon);
        free(front);
        return NULL;
    }
    return front;
}

void microhttpd_front_destroy(struct microhttpd_front *front)
{
    if (front == NULL) {
        return;
    }
    /* libmicrohttpd must not be stopped with suspended connections. */
    for (struct request *request = front->requests; request != NULL; request = request->next) {
        tell_gone(request);
        abort_request(request);
    }
    real_driver_unwatch(front->driver, &front->watch);
    MHD_run(front->daemon);
    MHD_stop_daemon(front->daemon);
    world_cancel(front->world, &front->run);
    free(front);
}
