#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "harness/clients/link_transport.h"
#include "harness/net/curl_loop.h"
#include "harness/net/tls.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/http_head.h"

/* libcurl speaks HTTP and TLS; authentication and what replies mean are the client's. What libcurl
 * tells inside of its own calls is told on from the world's loop where the owner may act on it. */

struct curl_transport {
    struct link_transport face;
    struct curl_loop loop;
    struct link_channel *channels;
    char *ca_file;
    bool insecure;
};

struct link_channel {
    struct link_channel *next;
    struct curl_transport *transport;
    struct endpoint to;
    const struct link_transport_events *events;
    void *owner;
    CURL *easy;
    bool busy;
    struct curl_slist *headers;
    const struct link_source *body;
    uint64_t sent;
    struct buffer head;
    bool head_told, stopped, source_failed, head_endless;
    struct timer idle, ending;
    int fd;     /* of the connection that was opened last; -1: none yet */
    int queued; /* what was left in it when the time-out was looked at last; INT_MAX: not yet */
    int64_t idle_timeout_us;
    bool failed;
    enum link_problem problem; /* to be told */
    char why[CURL_ERROR_SIZE];
};

static struct world *world_of(struct link_channel *channel)
{
    return channel->transport->face.world;
}

/* ---- The end ---- */

static void release(struct link_channel *channel)
{
    if (channel->busy) {
        curl_multi_remove_handle(channel->transport->loop.multi, channel->easy);
        channel->busy = false;
    }
    world_cancel(world_of(channel), &channel->idle);
    world_cancel(world_of(channel), &channel->ending);
    curl_slist_free_all(channel->headers);
    channel->headers = NULL;
    channel->body = NULL;
}

static void tell_end(void *owner)
{
    struct link_channel *channel = owner;
    bool failed = channel->failed;
    release(channel);
    if (failed) {
        channel->events->failed(channel->owner, channel->problem, channel->why);
    } else {
        channel->events->done(channel->owner);
    }
}

static void end_as(struct link_channel *channel, enum link_problem problem, const char *why)
{
    channel->failed = true;
    channel->problem = problem;
    if (why != channel->why) {
        snprintf(channel->why, sizeof channel->why, "%s", why);
    }
    world_cancel(world_of(channel), &channel->idle);
    world_arm_in(world_of(channel), &channel->ending, 0);
}

static enum link_problem problem_of(const struct link_channel *channel, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return LINK_PROBLEM_UNRESOLVED;
    case CURLE_COULDNT_CONNECT:
        return LINK_PROBLEM_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return LINK_PROBLEM_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return LINK_PROBLEM_TIMEOUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return LINK_PROBLEM_NOT_HTTP;
    default:
        return channel->head.size > 0 || channel->head_told ? LINK_PROBLEM_CUT
                                                            : LINK_PROBLEM_NO_REPLY;
    }
}

static void on_finished(CURL *easy, CURLcode code)
{
    char *owner = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    struct link_channel *channel = (struct link_channel *)(void *)owner;
    if (channel->failed) {
        return; /* its end is on the way already */
    }
    const char *why = channel->why[0] != '\0' ? channel->why : curl_easy_strerror(code);
    if (channel->stopped) {
        end_as(channel, LINK_PROBLEM_STOPPED, "stopped");
    } else if (channel->source_failed) {
        end_as(channel, LINK_PROBLEM_SOURCE, channel->why);
    } else if (channel->head_endless) {
        end_as(channel, LINK_PROBLEM_NOT_HTTP, "the head of the reply has no end");
    } else if (code != CURLE_OK) {
        end_as(channel, problem_of(channel, code), why);
    } else if (!channel->head_told) {
        end_as(channel, LINK_PROBLEM_NOT_HTTP, "the reply has no head");
    } else {
        world_cancel(world_of(channel), &channel->idle);
        world_arm_in(world_of(channel), &channel->ending, 0);
    }
}

/* Bytes that libcurl has handed to the system and the other side has not taken yet; -1: not known.
 */
static int queued(const struct link_channel *channel)
{
    int bytes;
    return channel->fd >= 0 && ioctl(channel->fd, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

/* A slow board takes its time over what waits in the system: that moves, too. */
static void on_idle(void *owner)
{
    struct link_channel *channel = owner;
    int left = queued(channel);
    bool moves = left >= 0 && left < channel->queued && (left > 0 || channel->queued != INT_MAX);
    if (moves) {
        channel->queued = left;
        world_arm_in(world_of(channel), &channel->idle, channel->idle_timeout_us);
    } else {
        end_as(channel, LINK_PROBLEM_TIMEOUT, "no byte moved within the time-out");
    }
}

static void moved(struct link_channel *channel)
{
    if (channel->idle_timeout_us > 0 && !channel->failed) {
        channel->queued = INT_MAX;
        world_arm_in(world_of(channel), &channel->idle, channel->idle_timeout_us);
    }
}

/* ---- What libcurl asks and tells ---- */

/* What the system takes ahead of the other side is neither progress nor lost when a run is broken
 * off: little of it. */
enum { SEND_BUFFER_BYTES = 256 * 1024 };

static int on_socket(void *owner, curl_socket_t fd, curlsocktype purpose)
{
    struct link_channel *channel = owner;
    const int bytes = SEND_BUFFER_BYTES;
    (void)purpose;
    channel->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return CURL_SOCKOPT_OK;
}

/* Until here libcurl's own limit for connecting holds. */
static int on_connected(void *owner, char *to, char *from, int to_port, int from_port)
{
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    moved(owner);
    return CURL_PREREQFUNC_OK;
}

static size_t on_read(char *bytes, size_t one, size_t count, void *owner)
{
    struct link_channel *channel = owner;
    if (channel->body == NULL || channel->failed) {
        return channel->failed ? CURL_READFUNC_ABORT : 0;
    }
    if (channel->events->sent != NULL && channel->sent > 0) {
        channel->events->sent(channel->owner, channel->sent);
    }
    moved(channel);
    uint64_t left = channel->body->size - channel->sent;
    size_t size = left < one * count ? (size_t)left : one * count;
    if (size == 0) {
        return 0;
    }
    struct error error = {"it ends too early"};
    size_t got = channel->body->read(channel->body->owner, channel->sent, bytes, size, &error);
    if (got == 0) {
        channel->source_failed = true;
        snprintf(channel->why, sizeof channel->why, "%.*s", (int)sizeof channel->why - 1,
                 error.text);
        return CURL_READFUNC_ABORT;
    }
    channel->sent += got;
    return got;
}

/* libcurl sends again from the beginning when a kept connection turns out to be dead. */
static int on_seek(void *owner, curl_off_t offset, int origin)
{
    struct link_channel *channel = owner;
    if (origin != SEEK_SET || offset < 0 || channel->body == NULL) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    channel->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool tell_head(struct link_channel *channel)
{
    struct http_message message = {0};
    struct http_head head = {0};
    enum http_head_state state =
        http_head_parse(&message, false, 0, channel->head.bytes, channel->head.size, &head);
    if (state != HTTP_HEAD_DONE) {
        channel->head_endless = true;
        return false;
    }
    if (message.status < 200) {
        buffer_clear(&channel->head);
        return true;
    }
    message.head = (struct slice){channel->head.bytes, channel->head.size};
    channel->head_told = true;
    channel->stopped = !channel->events->head(channel->owner, &message);
    return !channel->stopped;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *owner)
{
    (void)one;
    struct link_channel *channel = owner;
    moved(channel);
    if (channel->head_told) {
        return size; /* trailers */
    }
    if (channel->head.size + size > HTTP_HEAD_BYTES_MAX) {
        channel->head_endless = true;
        return 0;
    }
    buffer_append(&channel->head, bytes, size);
    bool last = (size == 2 && memcmp(bytes, "\r\n", 2) == 0) || (size == 1 && *bytes == '\n');
    return !last || tell_head(channel) ? size : 0;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *owner)
{
    (void)one;
    struct link_channel *channel = owner;
    moved(channel);
    if (channel->failed) {
        return 0;
    }
    channel->stopped = !channel->events->body(channel->owner, bytes, size);
    return channel->stopped ? 0 : size;
}

/* ---- Channels ---- */

static bool set_once(struct link_channel *channel)
{
    CURL *easy = channel->easy;
    const struct curl_transport *transport = channel->transport;
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* what was named is asked */
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, channel->why) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, transport->insecure ? 0L : 1L) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, transport->insecure ? 0L : 2L) ==
               CURLE_OK &&
           (transport->ca_file == NULL ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, transport->ca_file) == CURLE_OK);
}

static struct link_channel *open_channel(struct link_transport *face, const struct endpoint *to,
                                         const struct link_transport_events *events, void *owner)
{
    struct curl_transport *transport = (struct curl_transport *)face;
    struct link_channel *channel = memory_new(sizeof *channel);
    channel->transport = transport;
    channel->to = *to;
    channel->events = events;
    channel->owner = owner;
    channel->fd = -1;
    timer_init(&channel->idle, on_idle, channel);
    timer_init(&channel->ending, tell_end, channel);
    channel->next = transport->channels;
    transport->channels = channel;
    return channel;
}

static bool add_header(struct link_channel *channel, const char *line)
{
    struct curl_slist *longer = curl_slist_append(channel->headers, line);
    if (longer != NULL) {
        channel->headers = longer;
    }
    return longer != NULL;
}

/* Only what the message has: libcurl adds no Accept, no Expect, no Content-Type of its own. */
static bool set_headers(struct link_channel *channel, const struct link_message *message)
{
    bool good = add_header(channel, "Accept:") && add_header(channel, "Expect:") &&
                add_header(channel, "Content-Type:");
    for (const char *const *line = message->headers; good && line != NULL && *line != NULL;
         line++) {
        good = add_header(channel, *line);
    }
    if (message->empty_body) {
        good = good && add_header(channel, "Content-Length: 0");
    }
    return good &&
           curl_easy_setopt(channel->easy, CURLOPT_HTTPHEADER, channel->headers) == CURLE_OK;
}

static bool set_body(struct link_channel *channel, const struct link_message *message)
{
    CURL *easy = channel->easy;
    if (strcmp(message->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    bool good = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, message->method) == CURLE_OK;
    if (message->body == NULL) {
        return good;
    }
    return good && curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message->body->size) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, channel) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKDATA, channel) == CURLE_OK;
}

static bool set_message(struct link_channel *channel, const struct link_message *message)
{
    CURL *easy = channel->easy;
    const struct endpoint *to = &channel->to;
    struct buffer url = {0};
    bool v6 = strchr(to->host, ':') != NULL;
    buffer_format(&url, "http%s://%s%s%s:%u%s", to->tls ? "s" : "", v6 ? "[" : "", to->host,
                  v6 ? "]" : "", endpoint_port(to), message->target);
    int64_t connect_ms = message->connect_timeout_us / 1000;
    bool good =
        curl_easy_setopt(easy, CURLOPT_URL, url.bytes) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)(connect_ms < LONG_MAX ? connect_ms : LONG_MAX)) == CURLE_OK &&
        set_headers(channel, message) && set_body(channel, message);
    buffer_free(&url);
    return good;
}

static void begin(struct link_channel *channel, const struct link_message *message)
{
    buffer_clear(&channel->head);
    channel->head_told = channel->stopped = channel->source_failed = channel->head_endless =
        channel->failed = false;
    channel->body = message->body;
    channel->sent = 0;
    channel->idle_timeout_us = message->idle_timeout_us;
    channel->why[0] = '\0';
    if (channel->easy == NULL) {
        channel->easy = curl_easy_init();
    } else {
        curl_easy_reset(channel->easy); /* connections stay */
    }
    if (channel->easy == NULL || !set_once(channel) || !set_message(channel, message) ||
        curl_multi_add_handle(channel->transport->loop.multi, channel->easy) != CURLM_OK) {
        end_as(channel, LINK_PROBLEM_CONNECT, "libcurl does not take this request");
        return;
    }
    channel->busy = true;
}

static void cancel(struct link_channel *channel)
{
    release(channel);
}

static void close_channel(struct link_channel *channel)
{
    release(channel);
    struct link_channel **at = &channel->transport->channels;
    while (*at != channel) {
        at = &(*at)->next;
    }
    *at = channel->next;
    curl_easy_cleanup(channel->easy);
    buffer_free(&channel->head);
    free(channel);
}

static void destroy(struct link_transport *face)
{
    struct curl_transport *transport = (struct curl_transport *)face;
    while (transport->channels != NULL) {
        close_channel(transport->channels);
    }
    curl_loop_free(&transport->loop);
    free(transport->ca_file);
    free(transport);
}

static const struct link_transport_class curl_class = {.open = open_channel,
                                                       .begin = begin,
                                                       .cancel = cancel,
                                                       .close = close_channel,
                                                       .destroy = destroy};

struct link_transport *link_transport_curl(struct real_driver *driver,
                                           const struct tls_settings *tls, struct error *error)
{
    struct curl_transport *transport = memory_new(sizeof *transport);
    transport->face =
        (struct link_transport){.class = &curl_class, .world = real_driver_world(driver)};
    if (!curl_loop_init(&transport->loop, driver, on_finished, error)) {
        free(transport);
        return NULL;
    }
    /* A hundred printers keep a connection each; libcurl would drop the oldest beyond four per
     * handle in use. */
    curl_multi_setopt(transport->loop.multi, CURLMOPT_MAXCONNECTS, 1024L);
    transport->ca_file = tls != NULL ? memory_copy_text(tls->ca_file) : NULL;
    transport->insecure = tls != NULL && tls->insecure;
    return &transport->face;
}
