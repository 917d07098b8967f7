/* Any bytes, in one piece and cut by a rule from the input itself, must be told alike. The first
 * byte of the input chooses the side, how it is told and how the bytes are cut. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/wire/websocket.h"

/* A stream that leads nowhere: what is sent is counted, so that pongs and closes are compared. */
struct sink {
    struct stream stream;
    size_t sent;
};

static void on_send(struct stream *stream, const char *bytes, size_t size)
{
    (void)bytes;
    ((struct sink *)stream)->sent += size;
}

static void on_close(struct stream *stream)
{
    (void)stream;
}

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    buffer_format(owner, "[%s ", websocket_opcode_name(opcode));
    buffer_append(owner, bytes, size);
}

static void on_data(void *owner, const struct websocket_frame *frame)
{
    buffer_append_text(owner, frame->fin ? "[last " : "[piece ");
    buffer_append(owner, frame->payload, frame->size);
}

static void on_end(void *owner, const struct websocket_end *end)
{
    buffer_format(owner, "[%d %u %s]", (int)end->kind, (unsigned)end->code, end->why);
}

static void read_all(struct buffer *told, const uint8_t *bytes, size_t size, uint8_t mode,
                     size_t step)
{
    static const struct stream_class class = {
        .send = on_send, .close = on_close, .reset = on_close};
    static const struct websocket_events assembled = {.message = on_message, .ended = on_end};
    static const struct websocket_events streaming = {.data = on_data, .ended = on_end};
    struct sink sink = {.stream = {.class = &class, .peer = "", .id = 1}};
    struct world world;
    world_init(&world, 1);
    struct websocket *websocket =
        websocket_new(&world, &sink.stream,
                      &(struct websocket_settings){.client = (mode & 1) != 0,
                                                   .any_data_opcode = (mode & 2) != 0,
                                                   .rsv_ignored = (mode & 2) != 0 ? 4 : 0,
                                                   .frame_bytes_max = 1024,
                                                   .message_bytes_max = 2048,
                                                   .message_frames_max = 8},
                      (mode & 2) != 0 ? &streaming : &assembled, told);
    for (size_t at = 0; at < size; at += step) {
        websocket_receive(websocket, (const char *)bytes + at, size - at < step ? size - at : step);
    }
    buffer_format(told, "sent %zu", sink.sent);
    websocket_destroy(websocket);
    world_free(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct buffer whole = {0}, cut = {0};
    read_all(&whole, bytes + 1, size - 1, bytes[0], size);
    read_all(&cut, bytes + 1, size - 1, bytes[0], 1 + (bytes[0] >> 2));
    if (whole.size != cut.size || memcmp(whole.bytes, cut.bytes, whole.size) != 0) {
        abort();
    }
    buffer_free(&whole);
    buffer_free(&cut);
    return 0;
}
