#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_PLANNER_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/connect/buddy_parse.h"
#include "sim/protocol/connect/buddy_render.h"
#include "sim/protocol/connect/buddy_state.h"
#include "sim/protocol/connect/prusalink.h"

/* What a Buddy printer tells Connect next, and what it makes of Connect's commands
 * (connect-buddy.md 3, 6; PFB: src/connect/planner.cpp). Decisions only: no wire, no clock of its
 * own, the printer is behind a class of functions. */

enum buddy_control { BUDDY_PAUSE, BUDDY_RESUME, BUDDY_STOP };

enum buddy_outcome {
    BUDDY_TRANSFER_FINISHED,
    BUDDY_TRANSFER_STOPPED,
    BUDDY_TRANSFER_NETWORK,
    BUDDY_TRANSFER_STORAGE,
    BUDDY_TRANSFER_OTHER,
};

enum buddy_submit {
    BUDDY_SUBMITTED,
    BUDDY_LATER, /* the queue is full */
    BUDDY_NEVER, /* the line is longer than a command can be */
};

enum { BUDDY_GCODE_LINE_MAX = 110 }; /* characters of a command */

/* The printer. Functions that return a text return NULL when it was done, else why not. */
struct buddy_host_class {
    bool (*control)(void *host, enum buddy_control control);
    const char *(*start_print)(void *host, const struct buddy_command *command);
    bool (*set_ready)(void *host, bool ready);
    bool (*set_idle)(void *host);
    const char *(*delete_file)(void *host, const char *path);
    const char *(*delete_folder)(void *host, const char *path);
    const char *(*make_folder)(void *host, const char *path);
    /* NULL: this printer downloads nothing; such commands are unknown to it. */
    const char *(*download)(void *host, const struct buddy_command *command,
                            enum buddy_machine_reason *machine_reason);
    bool (*stop_transfer)(void *host); /* false: none runs */
    /* False: how transfer `id` ended is not known, or not any more. */
    bool (*transfer_outcome)(void *host, uint32_t id, enum buddy_outcome *outcome);
    const char *(*dialog_action)(void *host, uint32_t dialog_id, enum buddy_button button);
    const char *(*set_value)(void *host, const struct buddy_value *value);
    void (*set_token)(void *host, const char *token);
    bool (*reset)(void *host); /* false: it failed; nothing is said otherwise */
    void (*cancel_object)(void *host, uint8_t id, bool cancel);
    enum buddy_submit (*submit_gcode)(void *host, const char *line);
};

/* A value whose change is told. */
struct buddy_watched {
    uint64_t hash;
    bool dirty;
};

/* A change of the drive that was not told yet (5.5). */
struct buddy_change {
    bool pending;
    bool is_file;
    enum buddy_incident incident;
    struct buddy_number command_id;
    char *path; /* owned; NULL unless it is pending */
};

enum buddy_action_kind {
    BUDDY_SLEEP,
    BUDDY_SEND_EVENT,
    BUDDY_SEND_TELEMETRY,
    /* of the WebSocket build */
    BUDDY_PING,
    BUDDY_READ,
    BUDDY_ASK_FOR_DATA,
};

/* The connection of the WebSocket build, kept current by the owner; zeroed for HTTP. */
struct buddy_link {
    bool websocket;
    bool live;        /* it stands */
    bool waiting;     /* the server has said something */
    bool wants_data;  /* a segment of a file is to be asked for */
    int64_t quiet_us; /* since something was sent */
};

struct buddy_action {
    enum buddy_action_kind kind;
    int64_t sleep_us;
    bool cooldown;  /* a sleep after a failure: no recovery of transfers in it */
    bool full;      /* telemetry */
    int64_t due_us; /* telemetry at the turn of a pace: that turn's instant; else 0 */
};

enum buddy_result { BUDDY_OK, BUDDY_REFUSED, BUDDY_REFUSED_FAST, BUDDY_FAILED_TO_SEND };

enum buddy_background { BUDDY_BACKGROUND_IDLE, BUDDY_BACKGROUND_BUSY, BUDDY_BACKGROUND_DONE };

struct buddy_planner {
    const struct buddy_host_class *class;
    void *host;
    const struct buddy_build *build;
    struct buddy_files files;
    const struct buddy_state *state; /* the host's snapshot, kept current by the owner */
    struct buddy_link link;
    int64_t now_us; /* set by the owner before each call */
    /* Another pace than the firmware's, for load: telemetry comes at its turns, whatever changes.
     */
    int64_t fixed_interval_us; /* 0: the firmware's */
    enum connect_telemetry_style style;
    const struct connect_pace *pace; /* NULL: none */
    void *pace_owner;
    int64_t turn_us; /* of the next telemetry, where there is a pace */

    bool has_event;
    struct buddy_event event;
    char *event_path; /* that of the event, which does not own it */

    struct buddy_watched info, device, objects, telemetry;
    bool telemetry_sent, full_sent, succeeded;
    int64_t telemetry_us, full_us, success_us; /* of the last ones */
    bool last_full;
    int64_t cooldown_us; /* 0: none */
    bool cool_now;
    int failures;

    bool recovered; /* the search for an interrupted transfer is over */
    struct buddy_number observed_transfer, transfer_start_cmd, print_start_cmd;
    struct buddy_change change;

    bool background;
    uint32_t background_id;
    char *gcode; /* NULL unless there is some in the background */
    size_t gcode_size, gcode_at;
};

void buddy_planner_init(struct buddy_planner *planner, const struct buddy_host_class *class,
                        void *host, const struct buddy_build *build, struct buddy_files files,
                        const struct buddy_state *state);
void buddy_planner_free(struct buddy_planner *planner);
/* An event takes the place of the one there is; its path is copied. For the planner's own files. */
void buddy_planner_plan(struct buddy_planner *planner, const struct buddy_event *event);
/* At a change of the configuration. A pending event stays. */
void buddy_planner_reset(struct buddy_planner *planner);

/* As connect_face_set_pace(); NULL: the firmware's own. */
void buddy_planner_set_pace(struct buddy_planner *planner, const struct connect_pace *pace,
                            void *owner);

struct buddy_action buddy_planner_next(struct buddy_planner *planner);
void buddy_planner_done(struct buddy_planner *planner, enum buddy_result result);
/* A segment of a file was asked for: the next telemetry comes an interval later. */
void buddy_planner_asked_for_data(struct buddy_planner *planner);

bool buddy_planner_takes_commands(const struct buddy_planner *planner);
/* Only while it takes commands. */
void buddy_planner_command(struct buddy_planner *planner, const struct buddy_command *command);
/* Id of the g-code that runs in the background. */
struct buddy_number buddy_planner_background(const struct buddy_planner *planner);
/* Reject what could not even be parsed; as a command. */
void buddy_planner_reject(struct buddy_planner *planner, uint32_t id, const char *reason);

/* Work that is done in sleeps: hands g-code on. DONE ends the sleep. */
enum buddy_background buddy_planner_work(struct buddy_planner *planner);
void buddy_planner_recovered(struct buddy_planner *planner);

/* Something came into being or went away on the drive, by the printer's own hand; several untold
 * changes become one of the folder around them. */
void buddy_planner_changed(struct buddy_planner *planner, const char *path, bool is_file,
                           enum buddy_incident incident, struct buddy_number command_id);

/* What makes INFO, STATE_CHANGED, CANCELABLE_CHANGED and full telemetry due (3.1, 4.3). */
uint64_t buddy_info_hash(const struct buddy_build *build, const struct buddy_state *state);
uint64_t buddy_device_hash(const struct buddy_state *state);
uint64_t buddy_objects_hash(const struct buddy_state *state);
uint64_t buddy_telemetry_hash(const struct buddy_build *build, const struct buddy_state *state,
                              bool with_xy);

#endif
