#ifndef HOTBED_CONNECT_PRUSALINK_FACE_H
#define HOTBED_CONNECT_PRUSALINK_FACE_H

#include <stddef.h>

#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/prusalink_telemetry.h"

/* What the files prusalink*.c share about one face; nobody else's business. */

/* Things that happen once at a known time. One timer serves the earliest of them. */
enum face_step {
    STEP_BARE,       /* a bare program knows its printer */
    STEP_LOCAL,      /* the local storage is found */
    STEP_PRINTER,    /* the printer is found on the serial line: its type */
    STEP_SERIAL,     /* its serial number */
    STEP_FULL_INFO,  /* second poll of the printer type (defect Q-22) */
    STEP_SD_CARD,    /* the tree of the SD card was read */
    STEP_COMMAND,    /* the running command has waited long enough */
    STEP_DOWNLOADED, /* the file that came is looked for in the tree, to be printed */
    STEP_RESTART,    /* after UPGRADE the program starts anew */
    FACE_STEPS,
};

/* Who a coming change of state belongs to (LINK: prusa/link/printer_adapter/state_manager.py,
 * StateChange). Holds for one change: one that does not match is nobody's. */
struct expected_change {
    bool active;
    bool any;        /* whatever the state; else … */
    uint16_t to;     /* … bits by enum printer_state */
    bool by_command; /* it has the id of one; false: the print behind a download (9.4) */
    int64_t command_id;
};

struct connect_face_camera;
struct connect_probe;

/* What only a printer has whose user is at PrusaLink's web interface. */
struct connect_web {
    connect_enrolled *enrolled; /* who registers it; NULL: nobody waits */
    void *enrolled_owner;
    bool enrolled_here;  /* its end is nobody's else business */
    bool shows_pictures; /* the last one of each camera is kept */
    char *version;       /* that it was updated to; NULL: the settings' */
    struct timer scan;   /* for cameras that are gone */
};

struct connect_face {
    struct world *world;
    struct network *network;
    struct machine *machine;
    const struct connect_face_settings *settings;
    const char *name;
    enum connect_host_kind kind;
    uint32_t job_id;         /* as the SDK has it */
    struct buddy *buddy;     /* the client of a Buddy printer; NULL: a host program on the SDK */
    struct connect_sdk *sdk; /* NULL: that of a Buddy printer, which uses … */
    char *server;            /* base URL in use; NULL: none */
    struct connect_web *web; /* NULL: nothing of it was ever used */

    /* … nothing of the rest: it is not even allocated (FACE_BUDDY_BYTES) */
    struct machine_listener listener;

    struct timer step_timer, telemetry_timer;
    int64_t step_due_us[FACE_STEPS]; /* INT64_MAX: not planned */

    int64_t telemetry_due_us; /* its turn, planned from turn to turn whenever the timer fires */
    const struct connect_pace *pace; /* NULL: the host's own */
    void *pace_owner;

    struct prusalink_telemetry telemetry;
    int64_t report_due_us;     /* next auto report */
    int64_t report_seen_us;    /* last one */
    int64_t heating_due_us;    /* next temperatures of a firmware that waits for one; INT64_MAX: it
                                  doesn't */
    int64_t multiplier_due_us; /* next M220 and M221 */
    int64_t resent_us;         /* last time everything was sent at once */

    struct expected_change expected;
    int64_t job_command_id; /* START_PRINT that began the job; meaningful while job_by_command */

    bool located; /* local storages are told */
    bool found;   /* the printer is: its states are told */
    bool known;   /* its serial number is */
    bool sd_shown;
    bool serial_lost;
    bool reports_on, statistics_due;
    bool job_by_command, job_asked;
    bool gcode_running, interrupted, gcode_strict;
    bool resetting; /* RESET_PRINTER is at work */
    bool cameras_known;
    uint16_t
        wait_states; /* the running command waits for one of these; bits by enum printer_state */

    struct connect_face_camera *cameras;   /* prusalink_camera.h */
    const struct transfer *ended_transfer; /* while its end is told */
    char *downloaded;                      /* path of a file that is to be printed; NULL: none */
    int64_t downloaded_until_us;           /* how long it is looked for */

    char *api_key; /* set by the user; with api_key_set instead of the settings' */
    bool api_key_set;
    uint8_t active_sheet;
    char lan_mac[18], lan_ipv4[16];
    struct connect_probe *probe; /* NULL: none under way */
};

#define FACE_BUDDY_BYTES offsetof(struct connect_face, listener)

static inline bool face_quirk(const struct connect_face *face, unsigned number)
{
    return face->settings->quirks & CONNECT_QUIRK(number);
}

static inline const char *face_version(const struct connect_face *face)
{
    const char *version = face->web != NULL && face->web->version != NULL
                              ? face->web->version
                              : face->settings->host_version;
    return version == NULL ? "0.8.1" : version;
}

static inline bool face_is_prusalink(const struct connect_face *face)
{
    return face->kind == CONNECT_HOST_PRUSALINK;
}

static inline bool face_enrolled_by_web(const struct connect_face *face)
{
    return face->web != NULL && face->web->enrolled_here;
}

static inline bool face_is_sl1(const struct connect_face *face)
{
    return face->kind == CONNECT_HOST_SL1;
}

#define FACE_STATE(state) ((uint16_t)(1U << (state)))

/* prusalink.c */
void face_plan(struct connect_face *face, enum face_step step, int64_t delay_us);
void face_cancel(struct connect_face *face, enum face_step step);
void face_start_bare(struct connect_face *face); /* of a program that knows its printer at once */
void face_show_sd(
    struct connect_face *face); /* as soon as the state is IDLE and the tree is read */
void face_hide_sd(struct connect_face *face);
struct storage *face_storage(struct connect_face *face,
                             size_t index); /* of those that the server may know */
size_t face_storage_count(struct connect_face *face);

/* prusalink_host.c: what the SDK asks for */
extern const struct connect_host_class face_host_class;
void face_send_sheets(struct connect_face *face);
void face_send_active_sheet(struct connect_face *face);
void face_send_mmu(struct connect_face *face);
void face_job_info(struct connect_face *face, struct buffer *data);

/* prusalink_state.c: what the machine tells */
extern const struct machine_events face_machine_events;
void face_report(struct connect_face *face, const struct state_change *change);
void face_expect(struct connect_face *face, uint16_t to, bool any);
void face_printer_lost(
    struct connect_face *face); /* what it said is void: it was reset or unplugged */

/* prusalink_pace.c: telemetry */
void face_telemetry_fire(void *owner);
void face_telemetry_begin(
    struct connect_face *face); /* the next message now, then the pace; nothing without a token */
void face_telemetry_resend(struct connect_face *face); /* everything known, now, besides the pace */
void face_telemetry_flush(struct connect_face *face);  /* what waits, now, besides the pace */
void face_active(struct connect_face *face);           /* wakes up */
void face_auto_reports(struct connect_face *face, bool on);

/* prusalink_commands.c */
bool face_command(void *host, const struct connect_sdk_command *command);
void face_interrupt(void *host);
void face_command_step(struct connect_face *face);
void face_command_state(struct connect_face *face, enum printer_state state);
void face_command_rebooted(struct connect_face *face);
bool face_withholds(const struct connect_face *face, const struct state_change *change);

/* Ends of the running command. `data` is freed. */
void face_finish(struct connect_face *face);
void face_finish_with(struct connect_face *face, enum connect_event_name event,
                      struct buffer *data);
void face_fail(struct connect_face *face, const char *type, const char *text);

/* sl1_host.c: of a resin printer */
bool sl1_command(struct connect_face *face, const struct connect_sdk_command *command);
void sl1_telemetry(struct connect_face *face, struct telemetry_fields *fields);

/* prusalink_register.c */
void face_probe_destroy(struct connect_face *face);
struct connect_web *face_web(struct connect_face *face); /* made when there is none */
void face_web_free(struct connect_face *face);
void face_probe_waiting(const struct connect_face *face, connect_asked_told *tell, void *owner);
void face_got_code(void *host, const char *code);
void face_register_failed(void *host, const char *error);

/* prusalink_camera.c */
void face_cameras_begin(struct connect_face *face);
void face_cameras_scan(void *face);
void face_cameras_register(struct connect_face *face); /* if that is wanted */
void face_cameras_free(struct connect_face *face);
void face_layer_changed(void *face, uint32_t layer);

/* prusalink_transfer.c: downloads */
enum storage_result face_append(void *host, const char *path, const void *bytes, size_t size);
enum storage_result face_rename(void *host, const char *from, const char *to);
const char *face_printed_target(void *host);
void face_downloaded(void *host, const char *path, bool to_print);
const struct transfer *face_transfer(void *host);
bool face_transfer_begin(void *host, const struct transfer *transfer);
void face_transfer_advance(void *host, uint64_t size, uint64_t received);
void face_transfer_end(void *host, enum transfer_change how);
void face_transfer_stop(void *host);
void face_transfer_changed(void *face, const struct transfer *transfer,
                           enum transfer_change change);
void face_downloaded_step(struct connect_face *face);

/* prusalink_sd.c: short names of files on the card, and FILE_INFO by tree and name alone */
bool face_path_on_sd(const char *path);
/* "/sub/Long name.gcode" to "/sub/longna~1.gco"; false: not there. */
bool face_short_path(struct connect_face *face, const char *path, char *out, size_t size);
void face_sd_file_info(struct connect_face *face, const char *path, struct buffer *data);

#endif
