/* One connection: frames come out of wslay in pieces, are checked as soon as their head is known,
 * put together, told, and acted upon if they are control frames. Text is not checked for being
 * UTF-8: Buddy printers send the names of files as they find them (connect-buddy.md 5.1). */
#include "sim/wire/websocket.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "sim/base/memory.h"

enum {
    FRAME_BYTES_MAX = 65535,
    MESSAGE_BYTES_MAX = 1024 * 1024,
    MESSAGE_FRAMES_MAX = 4096,
    HELD_BYTES_MAX = 1024 * 1024,
    MASK_BYTES = 4,
};
#define CLOSE_TIMEOUT SECONDS(10)

struct websocket {
    struct world *world;
    struct stream *stream; /* NULL: it has ended */
    struct websocket_settings settings;
    const struct websocket_events *events;
    void *owner;
    struct wslay_frame_context *frames;
    struct timer timer;  /* for the answer to our Close */
    struct slice input;  /* what is being read, not yet with wslay */
    struct buffer held;  /* what came in while paused */
    struct buffer out;   /* one frame on its way out */
    struct buffer frame; /* the beginning of one that comes in */
    struct buffer message;
    uint64_t unread; /* bytes that wslay has and that were not seen in a frame */
    bool *destroyed; /* not NULL while something runs that may destroy it */
    size_t message_frames;
    uint32_t connection;
    int64_t sent_us;
    uint8_t message_opcode;
    bool in_frame, in_message;
    bool paused, reading, close_sent, over;
    bool stream_over; /* and how: told when all that came before it is read */
    enum stream_end stream_end;
    char why[160];
};

const char *websocket_opcode_name(unsigned opcode)
{
    static const char *const names[16] = {"continuation", "text", "binary", NULL,   NULL,  NULL,
                                          NULL,           NULL,   "close",  "ping", "pong"};
    return opcode < 16 && names[opcode] != NULL ? names[opcode] : "reserved";
}

static bool is_control(unsigned opcode)
{
    return (opcode & 8) != 0;
}

/* ---- out ---- */

static ssize_t on_send(const uint8_t *bytes, size_t size, int flags, void *owner)
{
    (void)flags;
    struct websocket *websocket = owner;
    buffer_append(&websocket->out, bytes, size);
    return (ssize_t)size;
}

static int on_mask(uint8_t *mask, size_t size, void *owner)
{
    struct websocket *websocket = owner;
    assert(size == MASK_BYTES);
    (void)size;
    if (websocket->settings.mask != NULL) {
        memcpy(mask, websocket->settings.mask, MASK_BYTES);
        return 0;
    }
    uint64_t random = random_next(&websocket->world->random);
    for (size_t i = 0; i < MASK_BYTES; i++) {
        mask[i] = (uint8_t)(random >> (8 * i));
    }
    return 0;
}

void websocket_send_raw(struct websocket *websocket, const char *bytes, size_t size)
{
    if (websocket->stream != NULL) {
        websocket->sent_us = websocket->world->now_us;
        stream_send(websocket->stream, bytes, size);
    }
}

void websocket_send_frame(struct websocket *websocket, const struct websocket_frame *frame)
{
    if (websocket->stream == NULL || websocket->close_sent) {
        return;
    }
    union {
        const char *text;
        const uint8_t *bytes;
    } payload = {.text = frame->payload};
    struct wslay_frame_iocb iocb = {.fin = frame->fin,
                                    .rsv = frame->rsv,
                                    .opcode = frame->opcode,
                                    .payload_length = frame->size,
                                    .mask = frame->masked,
                                    .data = payload.bytes,
                                    .data_length = frame->size};
    assert(!is_control(frame->opcode) || frame->size <= WEBSOCKET_CONTROL_BYTES_MAX);
    buffer_clear(&websocket->out);
    ssize_t sent = wslay_frame_send(websocket->frames, &iocb);
    assert(sent == (ssize_t)frame->size);
    (void)sent;
    if (websocket->events->frame != NULL) {
        websocket->events->frame(websocket->owner, true, frame);
    }
    websocket_send_raw(websocket, websocket->out.bytes, websocket->out.size);
}

void websocket_send(struct websocket *websocket, enum websocket_opcode opcode, const char *bytes,
                    size_t size)
{
    websocket_send_frame(websocket, &(struct websocket_frame){.opcode = (uint8_t)opcode,
                                                              .fin = true,
                                                              .masked = websocket->settings.client,
                                                              .payload = bytes,
                                                              .size = size});
}

/* No code: an empty Close. */
static void send_close(struct websocket *websocket, unsigned code, const char *reason)
{
    char payload[WEBSOCKET_CONTROL_BYTES_MAX + 1] = {(char)(code >> 8), (char)code};
    size_t size = 0;
    if (code != WEBSOCKET_NO_CODE) {
        snprintf(payload + 2, sizeof payload - 2, "%s", reason == NULL ? "" : reason);
        size = 2 + strlen(payload + 2);
    }
    if (!websocket->settings.never_closes) {
        websocket_send(websocket, WEBSOCKET_CLOSE, payload, size);
    }
    websocket->close_sent = true;
}

/* ---- the end ---- */

static void end(struct websocket *websocket, struct websocket_end how)
{
    if (websocket->over) {
        return;
    }
    websocket->over = true;
    world_cancel(websocket->world, &websocket->timer);
    if (websocket->stream != NULL) {
        struct stream *stream = websocket->stream;
        websocket->stream = NULL;
        stream_close(stream);
    }
    how.why = how.why == NULL ? "" : how.why;
    websocket->events->ended(websocket->owner, &how);
}

static void break_off(struct websocket *websocket, enum websocket_code code, const char *why)
{
    if (!websocket->close_sent) {
        send_close(websocket, code, why);
    }
    end(websocket,
        (struct websocket_end){.kind = WEBSOCKET_END_BROKEN, .code = (uint16_t)code, .why = why});
}

/* Codes that may be in a Close (RFC 6455 section 7.4). */
static bool code_is_good(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != WEBSOCKET_NO_CODE &&
            code != WEBSOCKET_ABNORMAL) ||
           (code >= 3000 && code <= 4999);
}

static void take_close(struct websocket *websocket, const struct websocket_frame *frame)
{
    unsigned code = WEBSOCKET_NO_CODE;
    if (frame->size >= 2) {
        code = (unsigned)(uint8_t)frame->payload[0] << 8 | (uint8_t)frame->payload[1];
    }
    if (frame->size == 1 || (frame->size >= 2 && !code_is_good(code))) {
        break_off(websocket, WEBSOCKET_PROTOCOL_ERROR, "a Close with a code that is none");
        return;
    }
    char why[WEBSOCKET_CONTROL_BYTES_MAX] = "";
    if (frame->size > 2) {
        snprintf(why, sizeof why, "%.*s", (int)(frame->size - 2), frame->payload + 2);
    }
    if (!websocket->close_sent) {
        send_close(websocket, code, NULL);
    }
    end(websocket,
        (struct websocket_end){.kind = WEBSOCKET_END_CLOSED, .code = (uint16_t)code, .why = why});
}

/* ---- in ---- */

static ssize_t on_want(uint8_t *bytes, size_t size, int flags, void *owner)
{
    (void)flags;
    struct websocket *websocket = owner;
    size_t taken = size < websocket->input.size ? size : websocket->input.size;
    if (taken == 0) {
        return 0; /* as an error: nothing there */
    }
    memcpy(bytes, websocket->input.bytes, taken);
    websocket->input.bytes += taken;
    websocket->input.size -= taken;
    websocket->unread += taken;
    return (ssize_t)taken;
}

/* What can be said against a frame by its head alone; NULL: nothing. */
static const char *complaint(const struct websocket *websocket, const struct wslay_frame_iocb *iocb,
                             enum websocket_code *code)
{
    const struct websocket_settings *settings = &websocket->settings;
    bool continues = iocb->opcode == WEBSOCKET_CONTINUATION;
    *code = WEBSOCKET_PROTOCOL_ERROR;
    if ((iocb->mask != 0) == settings->client) {
        return settings->client ? "a server must not mask its frames"
                                : "a client must mask its frames";
    }
    if ((iocb->rsv & ~(unsigned)settings->rsv_ignored) != 0) {
        return "a reserved bit is set";
    }
    if (!is_control(iocb->opcode) ? iocb->opcode > WEBSOCKET_BINARY
                                  : iocb->opcode > WEBSOCKET_PONG) {
        return "a reserved opcode";
    }
    if (is_control(iocb->opcode)) {
        return NULL; /* wslay has looked at the rest */
    }
    if (!settings->any_data_opcode && continues != websocket->in_message) {
        return continues ? "a continuation of nothing" : "a new message within another";
    }
    *code = WEBSOCKET_TOO_BIG;
    if (iocb->payload_length > settings->frame_bytes_max) {
        return "the frame is larger than allowed";
    }
    if (websocket->events->data == NULL) {
        size_t before = websocket->in_message ? websocket->message.size : 0;
        if (iocb->payload_length > settings->message_bytes_max - before) {
            return "the message is larger than allowed";
        }
        if (websocket->in_message && websocket->message_frames >= settings->message_frames_max) {
            return "the message has more fragments than allowed";
        }
    }
    return NULL;
}

static void take_data(struct websocket *websocket, const struct websocket_frame *frame)
{
    bool first = !websocket->in_message;
    websocket->in_message = !frame->fin;
    if (websocket->events->data != NULL) {
        websocket->events->data(websocket->owner, frame);
        return;
    }
    if (first && frame->fin) {
        websocket->events->message(websocket->owner, frame->opcode, frame->payload, frame->size);
        return;
    }
    if (first) {
        buffer_clear(&websocket->message);
        websocket->message_frames = 0;
        websocket->message_opcode = frame->opcode;
    }
    buffer_append(&websocket->message, frame->payload, frame->size);
    websocket->message_frames++;
    if (frame->fin) {
        struct buffer message = websocket->message; /* the owner may destroy us */
        websocket->message = (struct buffer){0};
        websocket->events->message(websocket->owner, websocket->message_opcode,
                                   buffer_text(&message), message.size);
        buffer_free(&message);
    }
}

/* A whole frame, nothing wrong with it. Its payload lives as long as `destroyed` is not set. */
static void take_frame(struct websocket *websocket, const struct websocket_frame *frame,
                       const bool *destroyed)
{
    if (websocket->events->frame != NULL) {
        websocket->events->frame(websocket->owner, false, frame);
        if (*destroyed) {
            return;
        }
    }
    if (!is_control(frame->opcode)) {
        take_data(websocket, frame);
    } else if (frame->opcode == WEBSOCKET_CLOSE) {
        take_close(websocket, frame);
    } else if (frame->opcode == WEBSOCKET_PING && !websocket->settings.no_pong) {
        websocket_send(websocket, WEBSOCKET_PONG, frame->payload, frame->size);
    }
}

static size_t head_size(const struct wslay_frame_iocb *iocb)
{
    size_t length = iocb->payload_length < 126 ? 0 : iocb->payload_length <= 65535 ? 2 : 8;
    return 2 + length + (iocb->mask != 0 ? MASK_BYTES : 0);
}

/* What wslay has of a frame: its first piece brings its head. */
static void take_piece(struct websocket *websocket, const struct wslay_frame_iocb *iocb,
                       bool *destroyed)
{
    union {
        const uint8_t *bytes;
        const char *text;
    } piece = {.bytes = iocb->data};
    struct websocket_frame frame = {.opcode = iocb->opcode,
                                    .rsv = iocb->rsv,
                                    .fin = iocb->fin != 0,
                                    .masked = iocb->mask != 0,
                                    .payload = iocb->data_length > 0 ? piece.text : "",
                                    .size = iocb->data_length};
    websocket->unread -= iocb->data_length;
    if (!websocket->in_frame) {
        enum websocket_code code;
        const char *why = complaint(websocket, iocb, &code);
        websocket->unread -= head_size(iocb);
        if (why != NULL && websocket->events->frame != NULL) {
            websocket->events->frame(websocket->owner, false, &frame);
        }
        if (why != NULL) {
            if (!*destroyed) {
                break_off(websocket, code, why);
            }
            return;
        }
    }
    websocket->in_frame = websocket->frame.size + iocb->data_length < iocb->payload_length;
    if (websocket->in_frame || websocket->frame.size > 0) {
        buffer_append(&websocket->frame, iocb->data, iocb->data_length);
    }
    if (websocket->in_frame) {
        return;
    }
    struct buffer whole = websocket->frame;
    websocket->frame = (struct buffer){0};
    if (whole.size > 0) {
        frame.payload = whole.bytes;
        frame.size = whole.size;
    }
    take_frame(websocket, &frame, destroyed);
    buffer_free(&whole);
}

/* Read what there is, until paused. False: destroyed. */
static bool read_frames(struct websocket *websocket)
{
    bool destroyed = false;
    websocket->destroyed = &destroyed;
    websocket->reading = true;
    while (!destroyed && !websocket->paused && !websocket->over) {
        struct wslay_frame_iocb iocb = {0};
        ssize_t size = wslay_frame_recv(websocket->frames, &iocb);
        if (size == WSLAY_ERR_WANT_READ) {
            break;
        }
        if (size < 0) {
            break_off(
                websocket, WEBSOCKET_PROTOCOL_ERROR,
                "a control frame that is cut or too long, or a length that is written wrongly");
        } else {
            take_piece(websocket, &iocb, &destroyed);
        }
    }
    if (destroyed) {
        return false;
    }
    websocket->destroyed = NULL;
    websocket->reading = false;
    return true;
}

static void tell_stream_end(struct websocket *websocket)
{
    if (websocket->stream_over && !websocket->paused && !websocket->reading) {
        end(websocket, (struct websocket_end){.kind = WEBSOCKET_END_STREAM,
                                              .code = WEBSOCKET_ABNORMAL,
                                              .stream = websocket->stream_end,
                                              .why = websocket->why});
    }
}

static void hold(struct websocket *websocket, const char *bytes, size_t size)
{
    if (size > HELD_BYTES_MAX - websocket->held.size) {
        break_off(websocket, WEBSOCKET_POLICY, "more comes in than is read");
    } else {
        buffer_append(&websocket->held, bytes, size);
    }
}

void websocket_receive(struct websocket *websocket, const char *bytes, size_t size)
{
    if (websocket->over || size == 0) {
        return;
    }
    if (websocket->paused) {
        hold(websocket, bytes, size);
        if (!websocket->over && websocket->events->waiting != NULL) {
            websocket->events->waiting(websocket->owner);
        }
        return;
    }
    websocket->input = (struct slice){bytes, size};
    if (!read_frames(websocket)) {
        return;
    }
    struct slice rest = websocket->input;
    websocket->input = (struct slice){0};
    if (rest.size > 0 && !websocket->over) {
        hold(websocket, rest.bytes, rest.size);
    }
}

void websocket_pause(struct websocket *websocket)
{
    websocket->paused = true;
}

void websocket_resume(struct websocket *websocket)
{
    websocket->paused = false;
    if (websocket->reading || websocket->over) {
        return; /* who reads goes on */
    }
    struct buffer held = websocket->held;
    websocket->held = (struct buffer){0};
    websocket->input = (struct slice){buffer_text(&held), held.size};
    bool there = read_frames(websocket);
    if (there) {
        buffer_append(&websocket->held, websocket->input.bytes, websocket->input.size);
        websocket->input = (struct slice){0};
        tell_stream_end(websocket);
    }
    buffer_free(&held);
}

bool websocket_waiting(const struct websocket *websocket)
{
    return websocket->held.size > 0 || websocket->input.size > 0 || websocket->unread > 0 ||
           (websocket->stream_over && !websocket->over);
}

/* ---- the stream ---- */

static void on_received(void *owner, const char *bytes, size_t size)
{
    websocket_receive(owner, bytes, size);
}

static void on_ended(void *owner, enum stream_end how, const char *why)
{
    struct websocket *websocket = owner;
    websocket->stream = NULL;
    websocket->stream_over = true;
    websocket->stream_end = how;
    snprintf(websocket->why, sizeof websocket->why, "%s", why == NULL ? "" : why);
    if (websocket->paused && websocket->events->waiting != NULL) {
        websocket->events->waiting(websocket->owner);
    } else {
        tell_stream_end(websocket);
    }
}

static void on_drained(void *owner)
{
    struct websocket *websocket = owner;
    if (websocket->events->drained != NULL) {
        websocket->events->drained(websocket->owner);
    }
}

static const struct stream_events stream_events = {
    .received = on_received, .ended = on_ended, .drained = on_drained};

static void on_silence(void *owner)
{
    end(owner, (struct websocket_end){.kind = WEBSOCKET_END_SILENT,
                                      .code = WEBSOCKET_ABNORMAL,
                                      .why = "the Close was not answered"});
}

void websocket_close(struct websocket *websocket, unsigned code, const char *reason)
{
    if (websocket->over || websocket->close_sent) {
        return;
    }
    send_close(websocket, code, reason);
    world_arm_in(websocket->world, &websocket->timer, websocket->settings.close_timeout_us);
}

/* ---- life ---- */

static size_t or_default(size_t value, size_t fallback)
{
    return value == 0 ? fallback : value;
}

struct websocket *websocket_new(struct world *world, struct stream *stream,
                                const struct websocket_settings *settings,
                                const struct websocket_events *events, void *owner)
{
    static const struct wslay_frame_callbacks callbacks = {
        .send_callback = on_send, .recv_callback = on_want, .genmask_callback = on_mask};
    struct websocket *websocket = memory_new(sizeof *websocket);
    websocket->world = world;
    websocket->stream = stream;
    websocket->settings = *settings;
    websocket->settings.frame_bytes_max = or_default(settings->frame_bytes_max, FRAME_BYTES_MAX);
    websocket->settings.message_bytes_max =
        or_default(settings->message_bytes_max, MESSAGE_BYTES_MAX);
    websocket->settings.message_frames_max =
        or_default(settings->message_frames_max, MESSAGE_FRAMES_MAX);
    if (settings->close_timeout_us == 0) {
        websocket->settings.close_timeout_us = CLOSE_TIMEOUT;
    }
    websocket->events = events;
    websocket->owner = owner;
    websocket->connection = stream->id;
    websocket->sent_us = world->now_us;
    timer_init(&websocket->timer, on_silence, websocket);
    if (wslay_frame_context_init(&websocket->frames, &callbacks, websocket) != 0) {
        abort(); /* out of memory */
    }
    stream->events = &stream_events;
    stream->owner = websocket;
    return websocket;
}

void websocket_destroy(struct websocket *websocket)
{
    if (websocket == NULL) {
        return;
    }
    if (websocket->destroyed != NULL) {
        *websocket->destroyed = true;
    }
    world_cancel(websocket->world, &websocket->timer);
    if (websocket->stream != NULL) {
        stream_close(websocket->stream);
    }
    wslay_frame_context_free(websocket->frames);
    buffer_free(&websocket->held);
    buffer_free(&websocket->out);
    buffer_free(&websocket->frame);
    buffer_free(&websocket->message);
    free(websocket);
}

void websocket_reset(struct websocket *websocket)
{
    struct stream *stream = websocket->stream;
    websocket->stream = NULL;
    world_cancel(websocket->world, &websocket->timer);
    if (stream != NULL) {
        stream_reset(stream);
    }
}

bool websocket_open(const struct websocket *websocket)
{
    return websocket->stream != NULL && !websocket->close_sent;
}

uint32_t websocket_connection(const struct websocket *websocket)
{
    return websocket->connection;
}

int64_t websocket_sent_us(const struct websocket *websocket)
{
    return websocket->sent_us;
}
