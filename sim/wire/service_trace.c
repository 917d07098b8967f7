#include "sim/wire/service_trace.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"

struct service_trace {
    struct world *world;
    const struct http_service *below;
    struct http_service service;
    char *name;
};

/* A request that is not answered: the service below sees an exchange of ours. */
struct traced {
    struct http_exchange inner; /* first */
    struct http_exchange *outer;
    struct service_trace *trace;
    struct buffer request; /* until it is written down */
    size_t head_size;
    bool head_request; /* HEAD: its reply has no body */
};

static void write_line(const struct traced *traced, bool by_client, const char *kind,
                       struct slice text)
{
    const char *name = traced->trace->name;
    trace_http(traced->trace->world, by_client ? "client" : name, by_client ? name : "client",
               traced->outer->connection, kind, text.bytes, text.size);
}

/* Head and body, or the head alone. */
static struct slice shown(const struct buffer *message, size_t head)
{
    const char *text = buffer_text(message);
    size_t body = message->size - head;
    bool fits = body <= SERVICE_TRACE_BODY_MAX && memchr(text + head, '\0', body) == NULL;
    return (struct slice){text, fits ? message->size : head};
}

/* Once, when all of it that is to be shown is there. */
static void write_request(struct traced *traced)
{
    if (traced->request.size == 0) {
        return;
    }
    write_line(traced, true, "request", shown(&traced->request, traced->head_size));
    buffer_clear(&traced->request);
}

static void traced_free(struct traced *traced)
{
    buffer_free(&traced->request);
    free(traced);
}

static void write_reply(struct traced *traced, const struct http_reply *reply)
{
    struct buffer text = {0};
    if (reply->raw == NULL) {
        http_reply_render(&text, reply, traced->head_request);
    } else {
        buffer_append(&text, reply->raw, reply->raw_size);
    }
    const char *end = memmem(buffer_text(&text), text.size, "\r\n\r\n", 4);
    size_t head = end == NULL ? text.size : (size_t)(end + 4 - buffer_text(&text));
    write_line(traced, false, "reply", shown(&text, head));
    buffer_free(&text);
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct traced *traced = (struct traced *)exchange;
    struct http_exchange *outer = traced->outer;
    write_request(traced);
    if (reply->raw != NULL || reply->status != 0) {
        write_reply(traced, reply);
    }
    if (reply->after == HTTP_AFTER_RESET) {
        write_line(traced, false, "reset", (struct slice){0});
    }
    traced_free(traced);
    http_exchange_reply(outer, reply);
}

static void on_hold(struct http_exchange *exchange, bool held)
{
    http_exchange_hold(((struct traced *)exchange)->outer, held);
}

static const struct http_exchange_class traced_class = {.reply = on_reply, .hold = on_hold};

static struct traced *traced_new(struct service_trace *trace, struct http_exchange *outer,
                                 struct slice head)
{
    struct traced *traced = memory_new(sizeof *traced);
    *traced =
        (struct traced){.inner = *outer, .outer = outer, .trace = trace, .head_size = head.size};
    traced->inner.class = &traced_class;
    traced->inner.service_data = NULL;
    buffer_append(&traced->request, head.bytes, head.size);
    outer->service_data = traced;
    return traced;
}

static enum http_body_plan on_begin(void *service, struct http_exchange *outer,
                                    const struct http_message *message)
{
    struct service_trace *trace = service;
    struct traced *traced = traced_new(trace, outer, message->head);
    traced->head_request = slice_is(message->method, "HEAD");
    return trace->below->begin == NULL
               ? HTTP_BODY_WHOLE
               : trace->below->begin(trace->below->service, &traced->inner, message);
}

static void on_piece(void *service, struct http_exchange *outer, const char *bytes, size_t size)
{
    struct service_trace *trace = service;
    struct traced *traced = outer->service_data;
    if (traced->request.size <= traced->head_size + SERVICE_TRACE_BODY_MAX) {
        buffer_append(&traced->request, bytes, size);
    }
    trace->below->piece(trace->below->service, &traced->inner, bytes, size);
}

static void on_request(void *service, struct http_exchange *outer,
                       const struct http_message *message)
{
    struct service_trace *trace = service;
    struct traced *traced = outer->service_data;
    if (message->body.size > 0) {
        buffer_append(&traced->request, message->body.bytes, message->body.size);
    }
    write_request(traced);
    trace->below->request(trace->below->service, &traced->inner, message);
}

static void on_gone(void *service, struct http_exchange *outer)
{
    struct service_trace *trace = service;
    struct traced *traced = outer->service_data;
    if (trace->below->gone != NULL) {
        trace->below->gone(trace->below->service, &traced->inner);
    }
    write_request(traced);
    write_line(traced, true, "close", (struct slice){0});
    traced_free(traced);
}

static void on_refused(void *service, struct http_exchange *outer, enum http_problem problem,
                       struct slice seen)
{
    struct service_trace *trace = service;
    struct traced *traced = outer->service_data;
    if (traced == NULL) {
        traced = traced_new(trace, outer, seen.size > 0 ? seen : slice_of(""));
    }
    trace->below->refused(trace->below->service, &traced->inner, problem, seen);
}

static void on_swallowed(void *service, uint32_t connection, size_t size)
{
    const struct service_trace *trace = service;
    if (trace->below->swallowed != NULL) {
        trace->below->swallowed(trace->below->service, connection, size);
    }
}

struct service_trace *service_trace_new(struct world *world, const struct http_service *below,
                                        const char *name)
{
    struct service_trace *trace = memory_new(sizeof *trace);
    *trace = (struct service_trace){
        .world = world, .below = below, .service = *below, .name = memory_copy_text(name)};
    trace->service.service = trace;
    trace->service.begin = on_begin;
    trace->service.request = on_request;
    trace->service.piece = on_piece;
    trace->service.gone = on_gone;
    trace->service.refused = below->refused != NULL ? on_refused : NULL;
    trace->service.swallowed = on_swallowed;
    return trace;
}

void service_trace_destroy(struct service_trace *trace)
{
    if (trace != NULL) {
        free(trace->name);
        free(trace);
    }
}

const struct http_service *service_trace_service(struct service_trace *trace)
{
    return &trace->service;
}
