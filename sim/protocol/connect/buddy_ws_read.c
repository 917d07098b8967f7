#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_parts.h"
#include "sim/protocol/connect/buddy_ws.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/http_head.h"

/* Messages of the server (connect-buddy.md 1.6): nine bytes of header and what its type says. They
 * go through a buffer of 512 bytes behind the header; a command has to fit into it, the data of a
 * file passes through. */

#define REST_TIMEOUT SECONDS(60) /* of the socket */

void buddy_ws_reset(struct buddy *buddy)
{
    struct buddy_ws *ws = buddy->ws;
    world_cancel(buddy->world, &ws->timer);
    ws->begun = ws->skipping = ws->fragmented = false;
    ws->filled = 0;
    free(ws->buffer);
    ws->buffer = NULL;
}

void buddy_ws_tell_reply(struct buddy *buddy, const struct buffer *told)
{
    const struct connect_observer_class *class = buddy->observer_class;
    struct http_message message;
    struct http_head head;
    if (class == NULL || class->reply == NULL ||
        http_head_parse(&message, false, 0, told->bytes, told->size, &head) != HTTP_HEAD_DONE) {
        return;
    }
    message.body = (struct slice){told->bytes + head.size, told->size - head.size};
    class->reply(buddy->observer, NULL, buddy->connection, &message);
}

/* ---- commands ---- */

static void broken(struct buddy *buddy, uint32_t id, const char *reason)
{
    const struct buddy_command command = {.type = BUDDY_COMMAND_BROKEN, .id = id, .reason = reason};
    buddy_planner_command(&buddy->planner, &command);
}

static void tell_command(struct buddy *buddy, size_t size)
{
    struct buffer told = buffer_pool_take(&buddy->world->buffers);
    if (connect_ws_tell_command(&told, (struct slice){buddy->ws->buffer, size})) {
        buddy_ws_tell_reply(buddy, &told);
    }
    buffer_pool_give(&buddy->world->buffers, &told);
}

static void take_command(struct buddy *buddy, const char *bytes, size_t size)
{
    struct buddy_ws *ws = buddy->ws;
    struct buddy_command command = {.id = ws->id, .type = BUDDY_COMMAND_UNKNOWN};
    if (buddy_planner_background(&buddy->planner).known) {
        command.type = BUDDY_COMMAND_PROCESSING_OTHER; /* the same one, too (3.5) */
    } else if (ws->type == 'J') {
        buddy_parse_json(&command, &buddy->build, ws->id, bytes, size);
    } else {
        buddy_parse_gcode(&command, ws->id, bytes, size);
    }
    buddy_look(buddy);
    buddy_planner_command(&buddy->planner, &command);
}

/* ---- pieces ---- */

/* strtoul() without its blanks and signs: stops at the first other character. */
static bool read_id(struct buddy_ws *ws)
{
    enum { HEX = 16 };
    char digits[BUDDY_WS_HEADER] = "", *end;
    memcpy(digits, ws->buffer + 1, BUDDY_WS_HEADER - 1);
    ws->id = (uint32_t)strtoul(digits, &end, HEX);
    bool hex_first = (digits[0] >= '0' && digits[0] <= '9') ||
                     (digits[0] >= 'a' && digits[0] <= 'f') ||
                     (digits[0] >= 'A' && digits[0] <= 'F');
    return hex_first && end != digits;
}

/* The header of a message; false: the rest of it is skipped. */
static bool read_header(struct buddy *buddy)
{
    struct buddy_ws *ws = buddy->ws;
    if (ws->filled < BUDDY_WS_HEADER) {
        broken(buddy, 0, "Message too short to contain header");
        return false;
    }
    ws->type = ws->buffer[0];
    if (ws->type == 'D') {
        return false; /* a text for developers */
    }
    if (!read_id(ws)) {
        broken(buddy, 0, "Could not parse command ID");
        return false;
    }
    if (memchr("JGFT", ws->type, 4) == NULL) {
        broken(buddy, ws->id, "Unrecognized type of message");
        return false;
    }
    return true;
}

/* What the buffer holds is acted upon; `last`: it ends the message. */
static void flush(struct buddy *buddy, bool last)
{
    struct buddy_ws *ws = buddy->ws;
    size_t at = ws->begun ? 0 : BUDDY_WS_HEADER;
    if (!ws->begun) {
        ws->begun = true;
        tell_command(buddy, ws->filled);
        ws->skipping = !read_header(buddy);
    }
    size_t size = ws->filled > at ? ws->filled - at : 0;
    ws->filled = 0;
    if (ws->skipping) {
        return;
    }
    if (ws->type == 'T') {
        if (!buddy_transfer_chunk(buddy, ws->id, ws->buffer + at, size)) {
            buddy_ws_drop(buddy, "a piece of a file that is none");
        }
        return;
    }
    ws->skipping = true;
    if (!last) {
        broken(buddy, ws->id, "Oversized command");
        return;
    }
    buddy_transfer_save(buddy);
    take_command(buddy, ws->buffer + at, size);
}

void buddy_ws_take(struct buddy *buddy, const struct websocket_frame *frame)
{
    struct buddy_ws *ws = buddy->ws;
    if (ws->buffer == NULL) {
        ws->buffer = memory_new(BUDDY_WS_BUFFER);
    }
    for (size_t at = 0; at < frame->size;) {
        if (ws->filled == BUDDY_WS_BUFFER) {
            flush(buddy, false);
            if (ws->socket == NULL) {
                buddy_wake(buddy);
                return;
            }
        }
        size_t room = BUDDY_WS_BUFFER - ws->filled;
        size_t size = frame->size - at < room ? frame->size - at : room;
        memcpy(ws->buffer + ws->filled, frame->payload + at, size);
        ws->filled += size;
        at += size;
    }
    if (!frame->fin) {
        ws->fragmented = true;
        return;
    }
    /* Where the last frame of several is empty, what is still in the buffer is lost. */
    if (!(ws->fragmented && frame->size == 0)) {
        flush(buddy, true);
    }
    if (ws->socket != NULL) {
        buddy_ws_reset(buddy);
        ws->reading = false;
        websocket_pause(ws->socket);
    }
    buddy_wake(buddy);
}

/* ---- reading ---- */

/* Something has come: the rest has its time again. */
void buddy_ws_read_on(struct buddy *buddy)
{
    world_arm_in(buddy->world, &buddy->ws->timer, REST_TIMEOUT);
}

void buddy_ws_read(struct buddy *buddy)
{
    struct buddy_ws *ws = buddy->ws;
    struct websocket *socket = ws->socket;
    ws->reading = true;
    buddy_ws_read_on(buddy);
    websocket_resume(socket);
    if (ws->socket != socket || !ws->reading) {
        return; /* it has ended, or a message is done */
    }
    if (!websocket_waiting(socket) && !ws->fragmented) { /* it was a ping or a pong */
        ws->reading = false;
        world_cancel(buddy->world, &ws->timer);
        websocket_pause(socket);
        buddy_wake(buddy);
    }
}

void buddy_ws_time_out(void *owner)
{
    struct buddy *buddy = owner;
    buddy_ws_drop(buddy, "the rest of a message did not come");
    buddy_wake(buddy);
}
