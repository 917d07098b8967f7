#include "harness/net/faults/socket_faults.h"

#include <stdlib.h>
#include <string.h>

#include "harness/net/faults/request_edit.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/http_head.h"
#include "sim/wire/websocket.h"

enum { FRAME_BYTES = 512, MESSAGE_BYTES_MAX = 4 * 1024 * 1024 };

/* A stream that leads into a buffer. */
struct sink {
    struct stream stream; /* first */
    struct buffer bytes;
};

struct socket_faults {
    struct world *world;
    void (*send)(void *owner, const struct buffer *bytes, int64_t delay_us);
    void *owner;
    struct message_rule *rules; /* while something is fed */
    struct sink in, out;        /* what the reader says is nobody's */
    struct websocket *reader, *writer;
};

static void sink_send(struct stream *stream, const char *bytes, size_t size)
{
    buffer_append(&((struct sink *)stream)->bytes, bytes, size);
}

static void sink_over(struct stream *stream)
{
    (void)stream;
}

static void sink_hold(struct stream *stream, bool held)
{
    (void)stream;
    (void)held;
}

static const struct stream_class sink_class = {.send = sink_send,
                                               .close = sink_over,
                                               .reset = sink_over,
                                               .finish = sink_over,
                                               .hold = sink_hold};

/* What the rules that match want of a message or control frame. */
struct wanted {
    bool drop, twice, unmasked, reserved;
    size_t frame_bytes;
    int64_t delay_us;
};

static void note(struct wanted *wanted, const struct message_rule *rule)
{
    wanted->drop |= rule->verb == FAULT_VERB_DROP;
    wanted->twice |= rule->verb == FAULT_VERB_TWICE;
    wanted->unmasked |= rule->verb == FAULT_VERB_UNMASK;
    wanted->reserved |= rule->verb == FAULT_VERB_RESERVED;
    wanted->delay_us += rule->delay_us;
    if (rule->verb == FAULT_VERB_FRAMES) {
        wanted->frame_bytes = (size_t)strtoul(rule->name, NULL, 10);
    }
}

static void write_frames(struct socket_faults *faults, uint8_t opcode, const char *bytes,
                         size_t size, const struct wanted *wanted)
{
    size_t step = wanted->frame_bytes > 0 ? wanted->frame_bytes : FRAME_BYTES;
    size_t at = 0;
    do {
        size_t piece = size - at < step ? size - at : step;
        websocket_send_frame(
            faults->writer,
            &(struct websocket_frame){.opcode = at == 0 ? opcode : (uint8_t)WEBSOCKET_CONTINUATION,
                                      .rsv = wanted->reserved ? 2 : 0,
                                      .fin = at + piece == size,
                                      .masked = !wanted->unmasked,
                                      .payload = bytes + at,
                                      .size = piece});
        at += piece;
    } while (at < size);
}

static void pass_on(struct socket_faults *faults, uint8_t opcode, const char *bytes, size_t size,
                    const struct wanted *wanted)
{
    for (int i = 0; i < (wanted->drop ? 0 : wanted->twice ? 2 : 1); i++) {
        write_frames(faults, opcode, bytes, size, wanted);
    }
    faults->send(faults->owner, &faults->out.bytes, wanted->delay_us);
    buffer_clear(&faults->out.bytes);
}

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    struct socket_faults *faults = owner;
    const struct connect_ws_names nobody = {.host = {0}};
    const struct slice said = {bytes, size};
    struct buffer told = {0};
    struct http_message message;
    struct http_head head;
    struct wanted wanted = {0};
    struct request_edit edit;
    connect_ws_tell_message(&told, &nobody, connect_ws_target(said), said);
    if (http_head_parse(&message, true, 0, told.bytes, told.size, &head) == HTTP_HEAD_DONE) {
        message.body = said;
        request_edit_init(&edit, &message);
        for (struct message_rule *rule = faults->rules; rule != NULL; rule = rule->next) {
            if (message_rule_matches(rule, &message)) {
                message_rule_edit(rule, &edit);
                note(&wanted, rule);
            }
        }
        pass_on(faults, (uint8_t)opcode, buffer_text(&edit.body), edit.body.size, &wanted);
        request_edit_free(&edit);
    }
    buffer_free(&told);
}

static void on_frame(void *owner, bool sent, const struct websocket_frame *frame)
{
    struct socket_faults *faults = owner;
    struct wanted wanted = {0};
    if (sent || (frame->opcode & 8) == 0) {
        return;
    }
    enum fault_subject subject = frame->opcode == WEBSOCKET_PING ? FAULT_PING : FAULT_PONG;
    for (struct message_rule *rule = faults->rules; rule != NULL; rule = rule->next) {
        if (frame->opcode != WEBSOCKET_CLOSE && rule->subject == subject &&
            message_rule_counts(rule)) {
            note(&wanted, rule);
        }
    }
    pass_on(faults, frame->opcode, frame->payload, frame->size, &wanted);
}

static void on_end(void *owner, const struct websocket_end *end)
{
    (void)owner;
    (void)end; /* a Close: whoever reads it acts upon it */
}

static const struct websocket_events events = {
    .message = on_message, .frame = on_frame, .ended = on_end};

struct socket_faults *socket_faults_new(struct world *world,
                                        void (*send)(void *owner, const struct buffer *bytes,
                                                     int64_t delay_us),
                                        void *owner)
{
    static const struct websocket_events silent = {.message = on_message, .ended = on_end};
    struct socket_faults *faults = memory_new(sizeof *faults);
    *faults = (struct socket_faults){.world = world, .send = send, .owner = owner};
    faults->in.stream = faults->out.stream = (struct stream){.class = &sink_class, .peer = ""};
    faults->reader = websocket_new(
        world, &faults->in.stream,
        &(struct websocket_settings){
            .never_closes = true, .no_pong = true, .message_bytes_max = MESSAGE_BYTES_MAX},
        &events, faults);
    faults->writer = websocket_new(world, &faults->out.stream,
                                   &(struct websocket_settings){.client = true}, &silent, faults);
    return faults;
}

void socket_faults_destroy(struct socket_faults *faults)
{
    if (faults == NULL) {
        return;
    }
    websocket_destroy(faults->reader);
    websocket_destroy(faults->writer);
    buffer_free(&faults->in.bytes);
    buffer_free(&faults->out.bytes);
    free(faults);
}

void socket_faults_feed(struct socket_faults *faults, struct message_rule *rules, const char *bytes,
                        size_t size)
{
    faults->rules = rules;
    websocket_receive(faults->reader, bytes, size);
}
