#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_RENDER_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/connect/buddy_message.h"
#include "sim/protocol/connect/buddy_state.h"

/* The messages of a Buddy printer to Connect, byte for byte (connect-buddy.md 4, 5): pure functions
 * of the printer's state. */

enum buddy_event_type {
    BUDDY_EVENT_INFO,
    BUDDY_EVENT_ACCEPTED,
    BUDDY_EVENT_REJECTED,
    BUDDY_EVENT_JOB_INFO,
    BUDDY_EVENT_FILE_INFO,
    BUDDY_EVENT_TRANSFER_INFO,
    BUDDY_EVENT_FINISHED,
    BUDDY_EVENT_FAILED,
    BUDDY_EVENT_TRANSFER_STOPPED,
    BUDDY_EVENT_TRANSFER_ABORTED,
    BUDDY_EVENT_TRANSFER_FINISHED,
    BUDDY_EVENT_FILE_CHANGED,
    BUDDY_EVENT_CANCELABLE_CHANGED,
    BUDDY_EVENT_STATE_CHANGED,
    BUDDY_EVENTS,
};

const char *buddy_event_name(enum buddy_event_type type); /* "INFO" */

enum buddy_machine_reason {
    BUDDY_REASON_NONE,
    BUDDY_REASON_TRANSFER_IN_PROGRESS,
    BUDDY_REASON_FILE_EXISTS,
    BUDDY_REASON_STORAGE_FAILURE,
    BUDDY_REASON_NETWORK_FAILURE,
    BUDDY_REASON_NOT_READY,
};

/* What became of a path. */
enum buddy_incident {
    BUDDY_INCIDENT_CREATED,
    BUDDY_INCIDENT_CREATED_EARLY, /* still coming in */
    BUDDY_INCIDENT_DELETED,
    BUDDY_INCIDENT_COMBINED, /* several changes somewhere below a folder */
};

/* A number that may be absent. */
struct buddy_number {
    bool known;
    uint32_t value;
};

static inline struct buddy_number buddy_number(uint32_t value)
{
    return (struct buddy_number){true, value};
}

struct buddy_event {
    enum buddy_event_type type;
    struct buddy_number command_id;
    struct buddy_number job_id;       /* that JOB_INFO was asked for; absent: the current one */
    struct buddy_number start_cmd_id; /* of the command that began the print or transfer */
    struct buddy_number
        transfer_id;    /* of a transfer that has ended; absent: of the one that runs */
    const char *reason; /* NULL: none */
    enum buddy_machine_reason machine_reason;
    const char *path; /* FILE_INFO, FILE_CHANGED */
    bool is_file;     /* FILE_CHANGED: else a folder */
    enum buddy_incident incident;
};

/* Full, or reduced to what always goes out. */
void buddy_render_telemetry(struct buddy_message *message, const struct buddy_build *build,
                            const struct buddy_state *state, struct buddy_number command_id,
                            bool full);

/* An event about what isn't there becomes REJECTED (JOB_INFO, FILE_INFO). */
void buddy_render_event(struct buddy_message *message, const struct buddy_build *build,
                        const struct buddy_state *state, const struct buddy_files *files,
                        const struct buddy_event *event);

/* Body of POST /p/register. */
void buddy_render_registration(struct buddy_message *message, const struct buddy_build *build,
                               const struct buddy_state *state);

/* The request for file data of the WebSocket build (7.4); `hash` NULL: not the first one. */
void buddy_render_data_request(struct buddy_message *message, const char *hash, uint64_t team_id,
                               uint32_t file_id, uint32_t start, uint32_t end);

#endif
