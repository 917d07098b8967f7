/* The daemon and what comes in: a request goes through libmicrohttpd's access handler several
 * times: for its head, for pieces of its body, once more when it is complete, and, if the reply
 * does not come at once, again after the connection was suspended and resumed. `state` says where
 * it is. */
#include "harness/net/microhttpd.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "harness/net/microhttpd_internal.h"
#include "harness/net/pem.h"
#include "sim/base/memory.h"
#include "sim/wire/http_head.h"

enum {
    CONNECTIONS_MAX = 10000,
    DISCARD_BYTES_MAX = 64 * 1024 * 1024,
    /* Of each connection, for heads of requests and replies and a piece of a body. libmicrohttpd
     * clears all of it behind each request, so that all of it is used. */
    CONNECTION_BYTES = 8 * 1024,
};

static enum MHD_Result add_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    http_write_header(owner, name, value != NULL ? value : "");
    return MHD_YES;
}

static enum MHD_Result answer(struct request *request, int status, const char *why)
{
    struct http_reply reply = {.status = status, .body = why, .body_size = strlen(why)};
    http_reply_header(&reply, "Content-Type", "text/plain");
    http_reply_header(&reply, "Connection", "close");
    microhttpd_make_response(request, &reply);
    return microhttpd_send_response(request);
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
    } else if (http_head_parse(&message, true, 0, text.bytes, text.size, &head) != HTTP_HEAD_DONE) {
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
            result = microhttpd_send_response(request);
        } else if (!request->suspended) {
            microhttpd_suspend(request);
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
        return microhttpd_send_response(request);
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
    request->exchange.tls = front->tls;
    microhttpd_reply_init(request);
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
    microhttpd_tell_gone(request);
    microhttpd_upgrade_over(request);
    microhttpd_reply_free(request);
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        front->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    buffer_free(&request->body);
    free(request->target);
    free(request);
}

static void on_connection(void *owner, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    struct microhttpd_front *front = owner;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = (void *)(uintptr_t)++front->connections; // NOLINT(performance-no-int-to-ptr)
        microhttpd_opened(front);
    } else {
        microhttpd_closed(front);
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

static bool start(struct microhttpd_front *front, const struct microhttpd_settings *settings,
                  struct error *error)
{
    assert(!front->tls || settings != NULL);
    struct buffer certificate = {0}, key = {0};
    if (front->tls && (!pem_read(settings->certificate_file, &certificate, error) ||
                       !pem_read(settings->key_file, &key, error))) {
        buffer_free(&certificate);
        buffer_free(&key);
        return false;
    }
    struct MHD_OptionItem tls_options[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.bytes},
                                           {MHD_OPTION_HTTPS_MEM_KEY, 0, key.bytes},
                                           {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                     (front->tls ? MHD_USE_TLS : 0U);
    front->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, front, MHD_OPTION_URI_LOG_CALLBACK, on_target, front,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, front, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, front, MHD_OPTION_CONNECTION_LIMIT, front->open_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        settings != NULL ? settings->idle_timeout_s : 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, front->tls ? tls_options : tls_options + 2, MHD_OPTION_END);
    int problem = errno;
    buffer_free(&certificate);
    buffer_free(&key);
    return front->daemon != NULL ||
           error_set(error, "libmicrohttpd does not start%s%s",
                     front->tls ? " (are certificate and key right?)" : ": ",
                     front->tls ? "" : strerror(problem));
}

static bool watch_daemon(struct microhttpd_front *front, struct error *error)
{
    front->watch = (struct watch){
        .ready = on_ready,
        .owner = front,
        .fd = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd};
    return real_driver_watch(front->driver, &front->watch, EPOLLIN) ||
           error_set(error, "epoll: %s", strerror(errno));
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
    front->open_max = settings != NULL && settings->connections_max > 0 ? settings->connections_max
                                                                        : (unsigned)CONNECTIONS_MAX;
    timer_init(&front->run, run, front);
    if (!start(front, settings, error)) {
        free(front);
        return NULL;
    }
    bool watched = watch_daemon(front, error);
    if (!watched || !microhttpd_listen(front, at, error)) {
        if (watched) {
            real_driver_unwatch(driver, &front->watch);
        }
        MHD_stop_daemon(front->daemon);
        free(front);
        return NULL;
    }
    at->tls = front->tls;
    return front;
}

unsigned microhttpd_front_connections(const struct microhttpd_front *front)
{
    return front->open;
}

void microhttpd_front_destroy(struct microhttpd_front *front)
{
    if (front == NULL) {
        return;
    }
    microhttpd_unlisten(front);
    microhttpd_upgraded_end(front);
    /* libmicrohttpd must not be stopped with suspended connections. */
    for (struct request *request = front->requests; request != NULL; request = request->next) {
        microhttpd_tell_gone(request);
        microhttpd_abort(request);
    }
    real_driver_unwatch(front->driver, &front->watch);
    MHD_run(front->daemon);
    MHD_stop_daemon(front->daemon);
    world_cancel(front->world, &front->run);
    free(front);
}
