#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_WS_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/protocol/connect/buddy_planner.h"
#include "sim/wire/websocket.h"
#include "sim/wire/websocket_trace.h"

/* The WebSocket build of Buddy's Connect client (connect-buddy.md 1.6): it opens GET /p/ws when it
 * has something to say and no connection, says every message in it, and reads one message of the
 * server at a time when the planner has nothing else to do. */

struct buddy;

enum {
    BUDDY_WS_PIECE = 512, /* of a message in one frame */
    BUDDY_WS_HEADER = 9,  /* type letter and id of a server's message */
    BUDDY_WS_BUFFER = BUDDY_WS_HEADER + BUDDY_WS_PIECE,
};

/* What the loop keeps for it. */
struct buddy_ws {
    struct websocket *socket;   /* NULL: none stands */
    struct buddy_action action; /* waits for the upgrade */
    char key[WEBSOCKET_KEY_BYTES];
    uint8_t mask[4];    /* of every frame */
    struct timer timer; /* for the rest of a message */
    int64_t again_us;   /* before this no other connection is opened */
    bool reading;       /* nothing else is done until the message is there */
    bool skipping;      /* the rest of a message that was refused */
    bool begun;         /* the first piece of the message was looked at */
    bool fragmented;    /* a frame of it is in that was not its last */
    char type;
    uint32_t id;
    size_t filled;
    char *buffer; /* BUDDY_WS_BUFFER bytes, while a message is read; else NULL */
    struct websocket_direction directions[2]; /* of the trace: to the printer, from it */
};

void buddy_ws_init(struct buddy *buddy); /* buddy->ws, if the settings want one */
void buddy_ws_free(struct buddy *buddy);

/* What the planner has to know of the connection. */
struct buddy_link buddy_ws_link(const struct buddy *buddy);

/* Event, telemetry, ping, data request, or reading: whatever is no sleep. */
void buddy_ws_act(struct buddy *buddy, const struct buddy_action *action);
/* The upgrade was answered. */
void buddy_ws_reply(struct buddy *buddy, const struct http_message *message);
/* The connection goes, by our own decision; nothing when none stands. */
void buddy_ws_drop(struct buddy *buddy, const char *why);

/* ---- between buddy_ws.c and buddy_ws_read.c ---- */

void buddy_ws_read(struct buddy *buddy);    /* a message, if there is one */
void buddy_ws_read_on(struct buddy *buddy); /* more of it came */
void buddy_ws_take(struct buddy *buddy, const struct websocket_frame *frame);
void buddy_ws_reset(struct buddy *buddy); /* nothing of a message is read */
void buddy_ws_time_out(void *owner);
/* Observers hear of a reply as it is told (ws_told.h). */
void buddy_ws_tell_reply(struct buddy *buddy, const struct buffer *told);

#endif
