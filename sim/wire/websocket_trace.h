#ifndef HOTBED_WIRE_WEBSOCKET_TRACE_H
#define HOTBED_WIRE_WEBSOCKET_TRACE_H

#include "sim/wire/websocket.h"

/* What passes in a WebSocket, as lines of the trace: one for each whole message with the number of
 * its frames, one for each control frame. Secrets are replaced in the whole message, however it was
 * cut. Of messages that carry a file's data only the beginning is told. */

struct websocket_direction {
    struct buffer text; /* of the message that is under way */
    size_t size;        /* of it all */
    unsigned frames;
};

void websocket_direction_free(struct websocket_direction *direction);

/* A frame from `from` to `to`; `direction` is theirs. Nothing is written without a trace. */
void websocket_trace(struct world *world, struct websocket_direction *direction, const char *from,
                     const char *to, uint32_t connection, const struct websocket_frame *frame);

#endif
