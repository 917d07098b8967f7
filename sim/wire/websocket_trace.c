#include "sim/wire/websocket_trace.h"

#include "sim/base/trace.h"

enum {
    TEXT_BYTES_MAX = 64 * 1024,
    DATA_BYTES_TOLD = 9, /* type and id of a message with a file's data (connect-buddy.md 7.4) */
};

void websocket_direction_free(struct websocket_direction *direction)
{
    buffer_free(&direction->text);
    *direction = (struct websocket_direction){0};
}

void websocket_trace(struct world *world, struct websocket_direction *direction, const char *from,
                     const char *to, uint32_t connection, const struct websocket_frame *frame)
{
    if (world->trace == NULL) {
        return;
    }
    if ((frame->opcode & 8) != 0) {
        trace_frames(world, from, to, connection, websocket_opcode_name(frame->opcode), 1,
                     frame->payload, frame->size, frame->size);
        return;
    }
    if (frame->opcode != WEBSOCKET_CONTINUATION && direction->frames > 0) {
        direction->frames = 0; /* one that was broken off */
        direction->size = 0;
        buffer_clear(&direction->text);
    }
    direction->frames++;
    direction->size += frame->size;
    size_t room = TEXT_BYTES_MAX - direction->text.size;
    buffer_append(&direction->text, frame->payload, frame->size < room ? frame->size : room);
    if (!frame->fin) {
        return;
    }
    bool data = direction->text.size > DATA_BYTES_TOLD && direction->text.bytes[0] == 'T';
    trace_frames(world, from, to, connection, "message", direction->frames,
                 buffer_text(&direction->text), data ? DATA_BYTES_TOLD : direction->text.size,
                 direction->size);
    direction->frames = 0;
    direction->size = 0;
    buffer_clear(&direction->text);
}
