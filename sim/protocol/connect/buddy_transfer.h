#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_TRANSFER_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/protocol/connect/buddy_planner.h"

/* Downloads of a Buddy printer (connect-buddy.md 7): one at a time, from the command that starts it
 * to the event that tells its end, over retries, stops and power cuts. Where the bytes come from is
 * either a GET of an encrypted file (buddy_download.h) or chunks over the WebSocket, which is the
 * transport's part: it asks here what to request, and gives here what came. */

struct buddy;

/* ---- for the planner's host ---- */

/* What START_ENCRYPTED_DOWNLOAD, or START_INLINE_DOWNLOAD, does behind the planner's own checks.
 * NULL: it has begun; else why not. */
const char *buddy_transfer_begin(struct buddy *buddy, const struct buddy_command *command,
                                 enum buddy_machine_reason *machine_reason);
bool buddy_transfer_stop(struct buddy *buddy); /* false: none runs */
/* How transfer `id` ended; false: not known, or not any more (the last two are). */
bool buddy_transfer_outcome(const struct buddy *buddy, uint32_t id, enum buddy_outcome *outcome);

/* Somebody's transfer began or ended: one of PrusaLink's is told of to Connect as well. */
void buddy_transfer_told(struct buddy *buddy, const struct transfer *other,
                         enum transfer_change change);

/* ---- for the loop ---- */

/* The search after the start: goes on with what a power cut has interrupted. False: there is no
 * drive to search yet. */
bool buddy_transfer_recover(struct buddy *buddy);
/* One step, in each slice of a sleep. True: a transfer runs, and another step is due in the next
 * slice. */
bool buddy_transfer_step(struct buddy *buddy);
/* state->transfer := what runs now. */
void buddy_transfer_look(struct buddy *buddy);
/* How much of the file at `path`, as the machine has it, is there without a gap; `size` of another
 * than the one that comes in. */
uint64_t buddy_transfer_there(const struct buddy *buddy, const char *path, uint64_t size);
/* As a power cut does it: nothing more happens, and what is on the drive stays as it is. */
void buddy_transfer_cut(struct buddy *buddy);

/* ---- for the WebSocket ---- */

/* A request for file data (buddy_render_data_request()). */
struct buddy_data_request {
    const char *hash; /* NULL: not the first one of a download; lives as long as the transfer */
    uint64_t team_id;
    uint32_t file_id, start, end; /* `end` is the last byte, not the one behind it */
};

/* Whether one waits to be sent; buddy_wake() is called when that comes to be. */
bool buddy_transfer_wants(const struct buddy *buddy, struct buddy_data_request *request);
void buddy_transfer_asked(struct buddy *buddy); /* it was sent */
/* A piece of the payload of a `T` message, in order; `size` 0 only for a message without payload.
 * False: the printer drops the WebSocket (then buddy_transfer_disconnected() is due as well). */
bool buddy_transfer_chunk(struct buddy *buddy, uint32_t file_id, const void *bytes, size_t size);
/* Before the printer acts on another message, and when the connection is gone. */
void buddy_transfer_save(struct buddy *buddy);
void buddy_transfer_disconnected(struct buddy *buddy);

#endif
