/* Each stream through here reads the requests that its owner sends, hands them to the rules, and
 * sends what is left of them one by one: a step is one request on the wire, and its reply goes to
 * the owner or nowhere. */
#include "harness/net/faults/message_faults.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/net/faults/message_rules.h"
#include "harness/net/faults/request_edit.h"
#include "harness/net/faults/socket_faults.h"
#include "sim/base/memory.h"

/* A request that was inserted waits this long behind the reply before it, as a program's next call
 * would. */
#define INSERT_PAUSE_US MILLISECONDS(50)

struct message_faults {
    struct network face;
    struct world *world;
    struct network *below;
    struct message_rule *rules, **last_rule;
    struct buffer lost; /* a request to send again on the next connection */
};

struct step {
    struct step *next;
    struct buffer bytes; /* empty: nothing goes out, the owner is told 204 */
    int64_t pause_us;    /* before it */
    bool swallow;        /* its reply is nobody's */
    bool resend;
};

struct faulty_stream {
    struct stream face;
    struct message_faults *faults;
    struct stream *below;
    struct endpoint to;
    struct http_parser requests, replies;
    struct step *steps, **last_step;
    bool sent; /* the first step is on the wire */
    bool reply_complete;
    bool upgrades;                /* a WebSocket was asked for */
    struct socket_faults *socket; /* … and granted: no more requests */
    struct timer pause;
};

static void step_destroy(struct step *step)
{
    buffer_free(&step->bytes);
    free(step);
}

static void stream_destroy(struct faulty_stream *stream)
{
    world_cancel(stream->faults->world, &stream->pause);
    http_parser_free(&stream->requests);
    http_parser_free(&stream->replies);
    socket_faults_destroy(stream->socket);
    while (stream->steps != NULL) {
        struct step *step = stream->steps;
        stream->steps = step->next;
        step_destroy(step);
    }
    free(stream);
}

/* ---- A copy on a connection of its own ---- */

struct side_request {
    struct stream *stream;
};

static void side_received(void *owner, const char *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    struct side_request *side = owner;
    stream_close(side->stream);
    free(side);
}

static void side_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    free(owner);
}

static void send_aside(struct message_faults *faults, const struct endpoint *to,
                       const struct buffer *bytes)
{
    static const struct stream_events events = {.received = side_received, .ended = side_ended};
    struct side_request *side = memory_new(sizeof *side);
    side->stream = network_connect(faults->below, to, &events, side);
    stream_send(side->stream, bytes->bytes, bytes->size);
}

/* ---- Steps ---- */

static void add_step(struct faulty_stream *stream, const struct buffer *bytes, int64_t pause_us,
                     bool swallow, bool resend)
{
    struct step *step = memory_new(sizeof *step);
    *step = (struct step){.pause_us = pause_us, .swallow = swallow, .resend = resend};
    buffer_append(&step->bytes, buffer_text(bytes), bytes->size);
    *stream->last_step = step;
    stream->last_step = &step->next;
}

static void finish_step(struct faulty_stream *stream)
{
    struct step *step = stream->steps;
    stream->steps = step->next;
    if (stream->steps == NULL) {
        stream->last_step = &stream->steps;
    }
    stream->sent = false;
    step_destroy(step);
}

static void arm_next(struct faulty_stream *stream)
{
    if (stream->steps != NULL && !stream->sent && !timer_armed(&stream->pause)) {
        world_arm_in(stream->faults->world, &stream->pause, stream->steps->pause_us);
    }
}

static void next_step(void *owner)
{
    struct faulty_stream *stream = owner;
    struct step *step = stream->steps;
    if (stream->socket != NULL) { /* nobody replies to anything */
        if (step->bytes.size > 0) {
            stream_send(stream->below, step->bytes.bytes, step->bytes.size);
        }
        finish_step(stream);
        arm_next(stream);
        return;
    }
    if (step->bytes.size > 0) {
        stream->sent = true;
        http_parser_reset(&stream->replies);
        stream_send(stream->below, step->bytes.bytes, step->bytes.size);
        return;
    }
    static const char nothing[] = "HTTP/1.1 204 No Content\r\n\r\n";
    finish_step(stream);
    arm_next(stream);
    stream->face.events->received(stream->face.owner, nothing, sizeof nothing - 1);
}

/* ---- Requests of the owner ---- */

struct course {
    bool drop, twice, overlap, resend;
    int64_t delay_us;
    const struct message_rule *insert;
};

static void note_course(struct course *course, const struct message_rule *rule)
{
    course->drop |= rule->verb == FAULT_VERB_DROP;
    course->twice |= rule->verb == FAULT_VERB_TWICE;
    course->overlap |= rule->verb == FAULT_VERB_OVERLAP;
    course->resend |= rule->verb == FAULT_VERB_RESEND;
    course->delay_us += rule->delay_us;
    if (rule->verb == FAULT_VERB_INSERT) {
        course->insert = rule;
    }
}

/* One more request of the sender's own making: the headers of the last, no body. */
static void add_inserted(struct faulty_stream *stream, const struct message_rule *rule,
                         const struct request_edit *like)
{
    struct buffer bytes = {0};
    http_write_request(&bytes, rule->name, rule->value);
    for (size_t i = 0; i < like->header_count; i++) {
        const char *name = buffer_text(&like->names[i]);
        if (strncasecmp(name, "Content-", 8) != 0 && strcasecmp(name, "Transfer-Encoding") != 0) {
            http_write_header(&bytes, name, buffer_text(&like->values[i]));
        }
    }
    http_write_end(&bytes);
    add_step(stream, &bytes, INSERT_PAUSE_US, true, false);
    buffer_free(&bytes);
}

static void plan(struct faulty_stream *stream, const struct course *course,
                 const struct request_edit *request)
{
    struct message_faults *faults = stream->faults;
    struct buffer bytes = {0};
    int64_t delay_us = course->delay_us;
    if (!course->drop) {
        request_edit_write(request, &bytes);
    }
    if (faults->lost.size > 0) {
        add_step(stream, &faults->lost, 0, true, false);
        buffer_clear(&faults->lost);
    }
    if (course->overlap && !course->drop) {
        send_aside(faults, &stream->to, &bytes);
    }
    if (course->twice && !course->drop) {
        add_step(stream, &bytes, delay_us, true, course->resend);
        delay_us = 0;
    }
    add_step(stream, &bytes, delay_us, false, course->resend);
    if (course->insert != NULL) {
        add_inserted(stream, course->insert, request);
    }
    buffer_free(&bytes);
    arm_next(stream);
}

static void request_complete(void *owner, const struct http_message *message)
{
    struct faulty_stream *stream = owner;
    struct request_edit request;
    struct course course = {0};
    request_edit_init(&request, message);
    stream->upgrades |= slice_is_nocase(http_header_value(message, "Upgrade"), "websocket");
    for (struct message_rule *rule = stream->faults->rules; rule != NULL; rule = rule->next) {
        if (message_rule_matches(rule, message)) {
            message_rule_edit(rule, &request);
            note_course(&course, rule);
        }
    }
    plan(stream, &course, &request);
    request_edit_free(&request);
}

static void request_failed(void *owner, enum http_problem problem, const char *why)
{
    (void)owner;
    (void)problem;
    (void)why; /* no HTTP: cannot be spoilt further, and a printer of ours does not send it */
}

static void socket_said(void *owner, const struct buffer *bytes, int64_t delay_us)
{
    struct faulty_stream *stream = owner;
    add_step(stream, bytes, delay_us, false, false);
    arm_next(stream);
}

static void reply_complete(void *owner, const struct http_message *message)
{
    struct faulty_stream *stream = owner;
    if (message->status == 101 && stream->upgrades) {
        stream->reply_complete = true;
        stream->socket = socket_faults_new(stream->faults->world, socket_said, stream);
        return;
    }
    if (message->status >= 200) {
        stream->reply_complete = true;
    }
}

static void reply_failed(void *owner, enum http_problem problem, const char *why)
{
    (void)problem;
    (void)why;
    struct faulty_stream *stream = owner;
    stream->reply_complete = true;
}

/* ---- The stream below ---- */

static void below_opened(void *owner)
{
    struct faulty_stream *stream = owner;
    if (stream->face.events->opened != NULL) {
        stream->face.events->opened(stream->face.owner);
    }
}

static void below_received(void *owner, const char *bytes, size_t size)
{
    struct faulty_stream *stream = owner;
    bool swallow = stream->sent && stream->steps->swallow;
    if (stream->sent) {
        stream->reply_complete = false;
        http_parser_feed(&stream->replies, bytes, size);
        if (stream->reply_complete) {
            finish_step(stream);
            arm_next(stream);
        }
    }
    if (!swallow) {
        stream->face.events->received(stream->face.owner, bytes,
                                      size); /* may close the stream: last */
    }
}

static void below_ended(void *owner, enum stream_end end, const char *why)
{
    struct faulty_stream *stream = owner;
    if (stream->sent && stream->steps->resend) {
        buffer_clear(&stream->faults->lost);
        buffer_append(&stream->faults->lost, stream->steps->bytes.bytes, stream->steps->bytes.size);
    }
    const struct stream_events *events = stream->face.events;
    void *listener = stream->face.owner;
    stream_destroy(stream);
    events->ended(listener, end, why);
}

static void below_drained(void *owner)
{
    struct faulty_stream *stream = owner;
    if (stream->face.events->drained != NULL) {
        stream->face.events->drained(stream->face.owner);
    }
}

/* ---- The stream and the network that the owner sees ---- */

static struct faulty_stream *of_face(struct stream *face)
{
    return (struct faulty_stream *)(void *)((char *)face - offsetof(struct faulty_stream, face));
}

static void face_send(struct stream *face, const char *bytes, size_t size)
{
    struct faulty_stream *stream = of_face(face);
    if (stream->socket != NULL && stream->faults->rules == NULL && stream->steps == NULL) {
        stream_send(stream->below, bytes, size);
    } else if (stream->socket != NULL) {
        socket_faults_feed(stream->socket, stream->faults->rules, bytes, size);
    } else {
        http_parser_feed(&stream->requests, bytes, size);
    }
}

static void face_close(struct stream *face)
{
    struct faulty_stream *stream = of_face(face);
    stream_close(stream->below);
    stream_destroy(stream);
}

static void face_reset(struct stream *face)
{
    struct faulty_stream *stream = of_face(face);
    stream_reset(stream->below);
    stream_destroy(stream);
}

static void face_finish(struct stream *face)
{
    stream_finish(of_face(face)->below);
}

static void face_hold(struct stream *face, bool held)
{
    stream_hold(of_face(face)->below, held);
}

static struct stream *face_connect(struct network *network, const struct endpoint *to,
                                   const struct stream_events *events, void *owner)
{
    static const struct stream_class class = {.send = face_send,
                                              .close = face_close,
                                              .reset = face_reset,
                                              .finish = face_finish,
                                              .hold = face_hold};
    static const struct stream_events below = {
        .opened = below_opened,
        .received = below_received,
        .ended = below_ended,
        .drained = below_drained,
    };
    static const struct http_parser_events requests = {.complete = request_complete,
                                                       .failed = request_failed};
    static const struct http_parser_events replies = {.complete = reply_complete,
                                                      .failed = reply_failed};
    struct message_faults *faults =
        (struct message_faults *)(void *)network; /* face is its first member */
    struct faulty_stream *stream = memory_new(sizeof *stream);
    stream->faults = faults;
    stream->to = *to;
    stream->last_step = &stream->steps;
    timer_init(&stream->pause, next_step, stream);
    http_parser_init(&stream->requests, true, &requests, stream);
    http_parser_init(&stream->replies, false, &replies, stream);
    stream->below = network_connect(faults->below, to, &below, stream);
    stream->face = (struct stream){.class = &class,
                                   .events = events,
                                   .owner = owner,
                                   .peer = stream->below->peer,
                                   .id = stream->below->id,
                                   .tls = stream->below->tls};
    return &stream->face;
}

static struct listener *face_listen(struct network *network, struct endpoint *at,
                                    network_accept *accept, void *owner, struct error *error)
{
    return network_listen(((struct message_faults *)(void *)network)->below, at, accept, owner,
                          error);
}

static void face_unlisten(struct network *network, struct listener *listener)
{
    network_unlisten(((struct message_faults *)(void *)network)->below, listener);
}

struct message_faults *message_faults_new(struct world *world, struct network *below)
{
    static const struct network_class class = {
        .connect = face_connect,
        .listen = face_listen,
        .unlisten = face_unlisten,
    };
    struct message_faults *faults = memory_new(sizeof *faults);
    *faults = (struct message_faults){.face = {.class = &class}, .world = world, .below = below};
    faults->last_rule = &faults->rules;
    return faults;
}

void message_faults_destroy(struct message_faults *faults)
{
    if (faults == NULL) {
        return;
    }
    message_faults_clear(faults);
    buffer_free(&faults->lost);
    free(faults);
}

struct network *message_faults_face(struct message_faults *faults)
{
    return &faults->face;
}

bool message_faults_add(struct message_faults *faults, const char *text, struct error *error)
{
    struct message_rule *rule = message_rule_parse(text, error);
    if (rule == NULL) {
        return false;
    }
    *faults->last_rule = rule;
    faults->last_rule = &rule->next;
    return true;
}

bool message_faults_check(const char *text, struct error *error)
{
    struct message_rule *rule = message_rule_parse(text, error);
    if (rule != NULL) {
        message_rule_destroy(rule);
    }
    return rule != NULL;
}

void message_faults_clear(struct message_faults *faults)
{
    while (faults->rules != NULL) {
        struct message_rule *rule = faults->rules;
        faults->rules = rule->next;
        message_rule_destroy(rule);
    }
    faults->last_rule = &faults->rules;
}

void message_faults_list(struct buffer *out)
{
    for (int i = 0; i < FAULT_VERB_COUNT; i++) {
        buffer_format(out, "%s=%s\n    %s\n", fault_verb_forms[i].name, fault_verb_forms[i].form,
                      fault_verb_forms[i].help);
    }
}
