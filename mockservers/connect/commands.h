#ifndef HOTBED_MOCKSERVERS_CONNECT_COMMANDS_H
#define HOTBED_MOCKSERVERS_CONNECT_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "sim/base/error.h"

/* Commands for printers (connect-sdk.md 5): queued, delivered one at a time as the reply to a
 * telemetry, answered by events. A command that seems lost is delivered again with its own id
 * (CON-CMD-25). */

struct connect_server;
struct connect_printer;

enum connect_command_status {
    CONNECT_COMMAND_PENDING,   /* waits for a telemetry */
    CONNECT_COMMAND_DELIVERED, /* in a reply; no answer yet */
    CONNECT_COMMAND_ACCEPTED,
    CONNECT_COMMAND_FINISHED, /* by FINISHED or by INFO, FILE_INFO, … that stands in its place
                                 (CON-CMD-26) */
    CONNECT_COMMAND_FAILED,
    CONNECT_COMMAND_REJECTED,
    CONNECT_COMMAND_LOST, /* given up: it will never be answered */
};

const char *connect_command_status_name(enum connect_command_status status); /* "pending" */
bool connect_command_status_ended(enum connect_command_status status);

enum { CONNECT_ANSWERS_MAX = 32, CONNECT_COMMAND_BYTES_MAX = 1024 * 1024 };

struct connect_answer {
    int64_t time_us;
    char *event;       /* "ACCEPTED" */
    char *source;      /* "CONNECT"; "" */
    char *reason;      /* NULL: none */
    char *body;        /* the whole event, as it came: JSON */
    unsigned delivery; /* after how many deliveries it came */
};

struct connect_command {
    struct connect_printer *printer;
    int64_t
        id; /* unique on this server, never 0, so never the printer's previous one (CON-CMD-23) */
    int64_t sent_id; /* what went out as Command-Id the last time: `id` unless a misbehaviour or
                        hook had its way; 0: none that reads as a number, its answers then come
                        without one (5.6) */
    char *name;      /* "START_PRINT"; "GCODE" */
    char *content_type;
    char *body; /* what is delivered */
    size_t body_size;
    bool force;    /* text/x.gcode with `Force: 1` */
    bool priority; /* RESET_PRINTER: goes before all others, also while one runs (5.7) */
    bool no_end;   /* deliver it even while another runs: to provoke "Another command is running" */
    enum connect_command_status status;
    int64_t queued_us, delivered_us, accepted_us,
        ended_us; /* -1: not yet; delivered_us: the last time */
    unsigned deliveries;
    bool resend; /* its delivery is known to be lost: goes out with the next telemetry */
    struct connect_answer *answers; /* events with its id, in order; later ones are only counted */
    size_t answer_count;            /* kept, at most CONNECT_ANSWERS_MAX */
    size_t answers_seen;
    size_t bytes; /* that it takes */
    struct connect_command *next;
    struct connect_command *older, *newer; /* of all printers' that have ended */
};

/* Queue a command. `kwargs` (may be NULL) is copied. NULL with the reason when the queue is full or
 * it is too large. Valid until it left the history (settings.history_max ended ones are kept of
 * each printer, and settings.history_bytes of all) or the server is gone. */
struct connect_command *connect_server_command(struct connect_server *server,
                                               struct connect_printer *printer, const char *name,
                                               const cJSON *kwargs, struct error *error);
/* The same as text/x.gcode. */
struct connect_command *connect_server_gcode(struct connect_server *server,
                                             struct connect_printer *printer, const char *gcode,
                                             bool force, struct error *error);
/* Anything at all, for those who test a printer: `body` goes out as it is with `content_type`
 * (NULL: no such header). */
struct connect_command *connect_server_command_raw(struct connect_server *server,
                                                   struct connect_printer *printer,
                                                   const char *name, const char *content_type,
                                                   const void *body, size_t size,
                                                   struct error *error);
/* A command as an object {"command", "args", "kwargs"} or {"gcode", "force"}: what the control
 * endpoint takes. */
struct connect_command *connect_server_command_json(struct connect_server *server,
                                                    struct connect_printer *printer,
                                                    const cJSON *object, struct error *error);

/* Deliver a command once more under its own id, whatever its status (5.5): one that runs with the
 * next telemetry, one that has ended through the queue, where it is pending again. False: it is
 * pending already, or the queue is full. */
bool connect_command_repeat(struct connect_command *command);

/* Take back what is pending, give up what is running: its status becomes LOST. False when it had
 * ended. */
bool connect_command_give_up(struct connect_command *command);

struct connect_command *connect_server_command_by_id(struct connect_server *server,
                                                     int64_t id); /* NULL: none */

const struct connect_answer *
connect_command_answer(const struct connect_command *command,
                       const char *event); /* first of that name, NULL: none */
const struct connect_answer *
connect_command_end(const struct connect_command *command);         /* the one that ended it */
cJSON *connect_command_json(const struct connect_command *command); /* caller's */

#endif
