#ifndef HOTBED_SCRIPT_STAGE_WIRE_H
#define HOTBED_SCRIPT_STAGE_WIRE_H

#include "harness/script/stage.h"

/* How a stage learns what happens when the server is not ours: from its own printers' wires. Parts
 * of a stage. */
void stage_wire_listen(struct stage *stage);
void stage_wire_free(struct stage *stage);

void stage_wake(struct stage *stage, unsigned what, struct connect_printer *printer,
                uint32_t actor);
struct stage_event *stage_keep_event(struct stage *stage,
                                     const struct http_message *message); /* NULL: it is none */

#endif
