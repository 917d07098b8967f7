#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_PARTS_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_PARTS_H

#include "sim/machine/objects.h"
#include "sim/protocol/connect/buddy.h"
#include "sim/protocol/connect/buddy_dialog.h"
#include "sim/protocol/connect/buddy_http.h"
#include "sim/protocol/connect/buddy_planner.h"
#include "sim/protocol/connect/buddy_transfer.h"
#include "sim/protocol/connect/buddy_ws.h"
#include "sim/wire/http_client.h"

/* Inside of a Buddy client: only buddy*.c use this. */

enum { BUDDY_QUEUE = 8 }; /* lines of g-code that wait in the printer's queue [chosen] */

/* Registration, in place of the planner while it runs (2). */
struct buddy_registration {
    bool active;
    char code[BUDDY_CODE_MAX + 1]; /* "" : none yet */
    int retries;
    int64_t last_us; /* end of the exchange before */
};

/* What somebody has set of a slot, over all restarts. */
struct buddy_fitting {
    char material[BUDDY_MATERIAL_BYTES];
    float nozzle_diameter_mm;
    bool high_flow, hardened;
};

struct buddy {
    struct world *world;
    struct machine *machine;
    const struct connect_face_settings *settings;
    const char *name;
    struct machine_listener listener;
    struct timer timer;
    struct http_client client;
    char *server; /* base URL; NULL: none */
    char *host;   /* its host alone */
    char token[BUDDY_TOKEN_MAX + 1];

    struct buddy_build build;
    struct buddy_state state;
    struct buddy_planner planner;
    struct buddy_registration registration;
    struct buddy_message message; /* what is on its way; else it holds no memory */
    struct buffer unsent;         /* the request that waits for its connection */
    struct buddy_ws *ws;          /* of the WebSocket build; NULL: it speaks HTTP */
    bool sleeping, wake;
    int64_t sleep_end_us;
    bool started;    /* the printer has booted */
    bool rebooting;  /* RESET is at work, or the mains are gone */
    int64_t boot_us; /* when the firmware can talk again; 0: as soon as the machine is up */
    bool exchange;   /* a request is on its way */
    bool exchange_is_event;
    enum buddy_event_type exchange_type;
    int64_t exchange_due_us;
    uint32_t connection;
    uint64_t requests;
    const struct connect_pace *pace; /* NULL: the firmware's own */
    void *pace_owner;
    const struct connect_observer_class *observer_class; /* NULL: none */
    void *observer;

    /* what the printer has besides the machine's own */
    char hostname[BUDDY_HOSTNAME_MAX + 1];
    char *api_key;
    char *start_path; /* that Connect started the job with; NULL: another */
    struct buffer job_path, job_name;
    uint32_t job_known;   /* id of the job that the texts are of */
    uint32_t dialog_base; /* generation of the dialogs at the start */
    bool error_screen;    /* the firmware has started anew to show an error */
    struct buddy_fitting fittings[BUDDY_SLOTS];
    char (*object_names)[BUDDY_OBJECT_NAME_BYTES]; /* of the job; NULL: there are none */
    bool enclosure_enabled, printing_filtration, post_print, addon_power;
    int post_print_s;
    int led_percent;
    int queued;                        /* lines in the printer's queue */
    struct buddy_transfers *transfers; /* NULL: none since the boot (buddy_transfer.c) */
};

/* buddy.c: the loop */
void buddy_wake(struct buddy *buddy);                                /* the sleep is over */
void buddy_send(struct buddy *buddy, struct buddy_request *request); /* and gives it back */
/* Where the server is; `server` is not NULL. */
struct endpoint buddy_endpoint(const struct buddy *buddy);
/* All that was on its way has arrived, or is lost. */
void buddy_forget_exchange(struct buddy *buddy);
void buddy_hang_up(struct buddy *buddy);
const char *buddy_peer_name(const struct buddy *buddy); /* of the server in traces */
/* buddy->message := what the action says. */
void buddy_render(struct buddy *buddy, const struct buddy_action *action);
/* The planner learns what became of its action; the connection is kept or not. */
/* What is being said, for observers. */
/* Its own chances at this instant: a printer is the same whoever else is there. */
struct random buddy_random(const struct buddy *buddy);
struct connect_asked buddy_asked(const struct buddy *buddy);
void buddy_finish(struct buddy *buddy, enum buddy_result result, bool keep);
/* The connection has ended, or is about to be closed. */
void buddy_told_end(struct buddy *buddy, enum stream_end end, bool by_us, const char *why);
void buddy_restart(struct buddy *buddy);    /* the firmware starts anew */
void buddy_show_error(struct buddy *buddy); /* … and shows why it has halted */

/* buddy_register.c */
void buddy_register_step(struct buddy *buddy);
void buddy_register_reply(struct buddy *buddy, const struct http_message *message);
void buddy_register_failed(struct buddy *buddy);

/* buddy_snapshot.c */
void buddy_identify(struct buddy *buddy);    /* once: build, settings, and … */
void buddy_know_itself(struct buddy *buddy); /* serial, network, fingerprint, after an error, too */
void buddy_look(struct buddy *buddy);        /* state := what the machine is now */

/* buddy_host.c */
extern const struct buddy_host_class buddy_host_class;
extern const struct machine_events buddy_machine_events;

/* buddy_drive.c */
extern const struct buddy_files_class buddy_drive_class; /* owner: the machine */
/* A path of short and long names, in any case, as the machine has it. Appends nothing and is false
 * when nothing is there. */
bool buddy_drive_resolve(struct machine *machine, const char *path, struct buffer *out);

#endif
