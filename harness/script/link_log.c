#include "harness/script/link_log.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

struct link_log {
    struct world *world;
    const struct http_service *below;
    struct http_service face;
    struct link_log_line *lines;
    size_t count;
};

/* A request that is not answered: the service below sees an exchange of ours. */
struct logged {
    struct http_exchange face;
    struct http_exchange *above;
    struct link_log *log;
    size_t line; /* SIZE_MAX: not written down */
};

static struct link_log_line *line_of(struct logged *logged)
{
    return logged->line == SIZE_MAX ? NULL : &logged->log->lines[logged->line];
}

static int status_of(const struct http_reply *reply)
{
    const char *blank = reply->raw_size > 12 ? memchr(reply->raw, ' ', 12) : NULL;
    return reply->raw == NULL ? reply->status : blank != NULL ? atoi(blank + 1) : 0;
}

static void end(struct logged *logged, int status, bool gone)
{
    struct link_log_line *line = line_of(logged);
    if (line != NULL) {
        line->ended_us = logged->log->world->now_us;
        line->status = status;
        line->gone = gone;
    }
    free(logged);
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct logged *logged = (struct logged *)exchange;
    struct http_exchange *above = logged->above;
    end(logged, status_of(reply), false);
    http_exchange_reply(above, reply);
}

static void on_hold(struct http_exchange *exchange, bool held)
{
    http_exchange_hold(((struct logged *)exchange)->above, held);
}

static const struct http_exchange_class logged_class = {on_reply, on_hold};

static struct logged *write_down(struct link_log *log, struct http_exchange *exchange,
                                 struct slice method, struct slice target, struct slice head)
{
    struct logged *logged = memory_new(sizeof *logged);
    logged->face = *exchange;
    logged->face.class = &logged_class;
    logged->face.service_data = NULL;
    logged->above = exchange;
    logged->log = log;
    logged->line = SIZE_MAX;
    exchange->service_data = logged;
    if (log->count == LINK_LOG_MAX) {
        return logged;
    }
    if ((log->count & (log->count + 1)) == 0) {
        log->lines = memory_resize(log->lines, (2 * log->count + 2) * sizeof *log->lines);
    }
    logged->line = log->count++;
    log->lines[logged->line] =
        (struct link_log_line){.began_us = log->world->now_us,
                               .ended_us = -1,
                               .connection = exchange->connection,
                               .method = memory_copy_slice(method.bytes, method.size),
                               .target = memory_copy_slice(target.bytes, target.size),
                               .head = memory_copy_slice(head.bytes, head.size)};
    return logged;
}

static enum http_body_plan on_begin(void *service, struct http_exchange *exchange,
                                    const struct http_message *message)
{
    struct link_log *log = service;
    struct logged *logged =
        write_down(log, exchange, message->method, message->target, message->head);
    return log->below->begin == NULL
               ? HTTP_BODY_WHOLE
               : log->below->begin(log->below->service, &logged->face, message);
}

static void on_piece(void *service, struct http_exchange *exchange, const char *bytes, size_t size)
{
    struct link_log *log = service;
    struct logged *logged = exchange->service_data;
    struct link_log_line *line = line_of(logged);
    if (line != NULL) {
        line->body_bytes += size;
    }
    log->below->piece(log->below->service, &logged->face, bytes, size);
}

/* What a client sends though its request was answered already still is its request's. */
static void on_swallowed(void *service, uint32_t connection, size_t size)
{
    struct link_log *log = service;
    for (size_t i = log->count; i > 0; i--) {
        if (log->lines[i - 1].connection == connection) {
            log->lines[i - 1].body_bytes += size;
            return;
        }
    }
}

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct link_log *log = service;
    struct logged *logged = exchange->service_data;
    struct link_log_line *line = line_of(logged);
    if (line != NULL) {
        line->body_bytes += message->body.size;
    }
    log->below->request(log->below->service, &logged->face, message);
}

static void on_gone(void *service, struct http_exchange *exchange)
{
    struct link_log *log = service;
    struct logged *logged = exchange->service_data;
    if (log->below->gone != NULL) {
        log->below->gone(log->below->service, &logged->face);
    }
    end(logged, 0, true);
}

static void on_refused(void *service, struct http_exchange *exchange, enum http_problem problem,
                       struct slice seen)
{
    struct link_log *log = service;
    struct logged *logged = exchange->service_data;
    if (logged == NULL) {
        seen = seen.size > 0 ? seen : (struct slice){"", 0};
        const char *end = memchr(seen.bytes, '\n', seen.size);
        size_t size = end == NULL ? seen.size : (size_t)(end - seen.bytes);
        size -= size > 0 && seen.bytes[size - 1] == '\r';
        logged = write_down(log, exchange, slice_of("?"), (struct slice){seen.bytes, size}, seen);
    }
    log->below->refused(log->below->service, &logged->face, problem, seen);
}

struct link_log *link_log_new(struct world *world, const struct http_service *below)
{
    struct link_log *log = memory_new(sizeof *log);
    log->world = world;
    link_log_move(log, below);
    return log;
}

void link_log_move(struct link_log *log, const struct http_service *below)
{
    log->below = below;
    log->face = *below;
    log->face.service = log;
    log->face.begin = on_begin;
    log->face.request = on_request;
    log->face.piece = below->piece != NULL ? on_piece : NULL;
    log->face.gone = on_gone;
    log->face.swallowed = on_swallowed;
    log->face.refused = below->refused != NULL ? on_refused : NULL;
}

void link_log_destroy(struct link_log *log)
{
    if (log == NULL) {
        return;
    }
    for (size_t i = 0; i < log->count; i++) {
        free(log->lines[i].method);
        free(log->lines[i].target);
        free(log->lines[i].head);
    }
    free(log->lines);
    free(log);
}

const struct http_service *link_log_face(struct link_log *log)
{
    return &log->face;
}

size_t link_log_count(const struct link_log *log)
{
    return log->count;
}

const struct link_log_line *link_log_line(const struct link_log *log, size_t index)
{
    return &log->lines[index];
}
