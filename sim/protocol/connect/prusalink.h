#ifndef HOTBED_PROTOCOL_CONNECT_PRUSALINK_H
#define HOTBED_PROTOCOL_CONNECT_PRUSALINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/world.h"
#include "sim/machine/machine.h"
#include "sim/protocol/connect/quirks.h"
#include "sim/protocol/connect/sdk.h"
#include "sim/protocol/connect/sdk_camera.h"
#include "sim/wire/stream.h"

/* The Connect face of a printer: a host program on top of the Connect SDK that listens to a
 * machine. Two hosts exist: PrusaLink (connect-sdk.md, every "LINK rule") and a bare SDK program,
 * which tells a full telemetry at a fixed pace and has no handlers of its own. */
struct connect_face;

enum connect_host_kind {
    CONNECT_HOST_PRUSALINK,
    CONNECT_HOST_SDK,
    /* The client inside Buddy firmware (buddy.h): that of every machine of the buddy family,
     * whatever the settings say, and of no other. */
    CONNECT_HOST_BUDDY,
    /* The SL1's own program, of which only the SDK below it is public (sl1_host.c): of every resin
     * printer that the settings don't give a bare SDK program. */
    CONNECT_HOST_SL1,
};

const char *connect_host_name(enum connect_host_kind host); /* "prusalink", "sdk", "buddy", "sl1" */
/* Of those that can be chosen: "prusalink" and "sdk". */
bool connect_host_parse(const char *name, enum connect_host_kind *host);

enum connect_telemetry_style {
    CONNECT_TELEMETRY_OF_HOST, /* as the host program does it */
    CONNECT_TELEMETRY_FULL,    /* for load: everything known … */
    CONNECT_TELEMETRY_MINIMAL, /* … or {"state": …} alone, each telemetry_interval_us */
};

/* What a user of the printer sees of its registration. Any member may be NULL. */
struct connect_face_events {
    /* `url` is where the user adds the printer:
     * {base}/add-printer/connect/{type}/{code}?name=…&location=… */
    void (*code)(void *owner, const char *code, const char *url);
    void (*token)(void *owner, const char *token); /* registered; keep it */
    void (*failed)(void *owner, const char *why);  /* of the probe, of the request or of a poll */
    /* The condition with the highest priority that is broken, CONNECT_CONDITIONS: none
     * (connect-sdk.md 11). */
    void (*condition)(void *owner, enum connect_condition broken);
};

/* Outlives the faces that are made with it and may be shared by many. connect_face_defaults() makes
 * it a PrusaLink 0.8.1 with all quirks and without a server. */
struct connect_face_settings {
    enum connect_host_kind host;
    enum connect_sdk_version sdk_version;
    const char *host_version; /* NULL: "0.8.1" for PrusaLink, none for a bare SDK host */
    const char
        *printer_name;     /* printer.name of the ini file, for the add-printer page; NULL: none */
    const char *location;  /* printer.location; NULL: none */
    const char *peer_name; /* of the server in traces; NULL: "connect" */
    const char *server;    /* base URL "http://127.0.0.1:8000"; NULL: none */
    bool
        register_at_start; /* without a token: the user registers as soon as the printer is known */
    uint32_t quirks;       /* that it shows, CONNECT_QUIRK() each; for the SDK below it, too */
    bool websocket;        /* a Buddy printer's firmware was built to speak over a WebSocket */
    enum connect_telemetry_style telemetry;
    int64_t telemetry_interval_us;                /* 0: the host's own pace */
    const char *network[CONNECT_NETWORK_MEMBERS]; /* all NULL: a lan address and name made from the
                                                     serial number */
    const char *api_key;                          /* NULL: none */
    const struct connect_sheet *sheets; /* NULL: the table of a printer as it is delivered */
    size_t sheet_count;
    int active_sheet;
    const char *mmu_version;                       /* of a printer with an MMU; NULL: "3.0.3" */
    bool upgrade_available;                        /* what UPGRADE finds */
    const struct connect_camera_settings *cameras; /* as the ini file has them */
    size_t camera_count;
    bool register_cameras; /* those without a token, as soon as the printer has one */
    const struct connect_face_events *events; /* NULL: none */
    void *owner;
    const struct connect_observer_class *observer_class; /* NULL: none */
    void *observer;
};

void connect_face_defaults(struct connect_face_settings *settings);

/* The program starts now and finds its printer 9 s later, if the machine is on and not BUSY by then
 * (connect-sdk.md 3.6); a bare SDK host knows it at once. `name` is the printer's in traces and
 * outlives the face, so do settings and machine; `token` NULL or "": not registered. */
struct connect_face *connect_face_new(struct world *world, struct network *network,
                                      struct machine *machine,
                                      const struct connect_face_settings *settings,
                                      const char *name, const char *token);
void connect_face_destroy(struct connect_face *face); /* NULL is fine */
/* The program has run for a while: a PrusaLink knows its printer now, if that can be known. */
void connect_face_find_now(struct connect_face *face);

/* The user starts a registration: GET {base}/info, then POST /p/register (3.5). False: no server,
 * or one is under way. */
bool connect_face_register(struct connect_face *face);
/* The user registers a PrusaLink with the server of this base URL: it is probed, becomes the
 * printer's, and is asked for a code. `over` is called once, at once or later, with what came of
 * it; `code` is NULL but for CONNECT_ENROLLED. False: not of this host, or one is under way. */
enum connect_enrolment {
    CONNECT_ENROLLED,
    CONNECT_NOT_RESOLVED, /* its name has no address … */
    CONNECT_NOT_REACHED, /* … or nobody good answers there: the printer keeps the server it had */
    CONNECT_NOT_TAKEN,   /* it gives no code */
};
typedef void connect_enrolled(void *owner, enum connect_enrolment how, const char *code);
bool connect_face_enrol(struct connect_face *face, const char *server, connect_enrolled *over,
                        void *owner);
void connect_face_enrol_forget(struct connect_face *face); /* `over` is not called any more */
/* The user changes the API key (NULL: removes it) or the steel sheet, or moves the printer to
 * another server; token NULL: not registered there. Texts are copied. */
void connect_face_set_api_key(struct connect_face *face, const char *api_key);
void connect_face_set_active_sheet(struct connect_face *face, int sheet);
/* Of a Buddy printer: the material in a slot, from 0. Others do not know theirs. */
void connect_face_set_material(struct connect_face *face, int slot, const char *material);
void connect_face_set_server(struct connect_face *face, const char *server, const char *token);

/* PrusaLink was updated to this version and starts anew. UPGRADE has it start anew as well. */
void connect_face_restart(struct connect_face *face, const char *version);
int64_t connect_face_started_us(const struct connect_face *face); /* the last time, of an SDK's */

/* Another pace than the host's, and who looks whether it is kept: for load. */
struct connect_pace {
    /* How long after a telemetry's turn the next one's comes; `own_us` is what it would be
     * otherwise. NULL: that. */
    int64_t (*interval_us)(void *owner, int64_t own_us);
    /* A turn that was due at `due_us` has come. `made` is false when the host makes none now: four
     * wait in the queue already (connect-sdk.md 1.9). May be NULL. */
    void (*turn)(void *owner, int64_t due_us, bool made);
};
void connect_face_set_pace(struct connect_face *face, const struct connect_pace *pace, void *owner);

/* Each message that waits for its answer, or for its turn. */
void connect_face_waiting(const struct connect_face *face, connect_asked_told *tell, void *owner);

/* To observe, to shift its clock, …; NULL of a Buddy face, which has none. */
struct connect_sdk *connect_face_sdk(struct connect_face *face);
/* Of all that passes; of a Buddy face without an SDK (NULL). class NULL: nobody. */
void connect_face_observe(struct connect_face *face, const struct connect_observer_class *class,
                          void *observer);
const char *connect_face_token(const struct connect_face *face);  /* NULL: none */
const char *connect_face_server(const struct connect_face *face); /* base URL; NULL: none */
/* Of a registration that waits for the user; NULL: none. */
const char *connect_face_code(const struct connect_face *face);
/* What it tells of itself in INFO; "": nothing. */
const char *connect_face_hostname(const struct connect_face *face);
/* Of an SDK's conditions the worst that is broken; CONNECT_CONDITIONS: none. */
enum connect_condition connect_face_broken(const struct connect_face *face);
uint64_t connect_face_requests(const struct connect_face *face); /* sent so far */
/* What stands in the header Fingerprint of whoever speaks for this machine. */
void connect_machine_fingerprint(const struct machine *machine, char out[65]);
struct machine *connect_face_machine(struct connect_face *face);
const char *connect_face_name(const struct connect_face *face);
enum connect_host_kind connect_face_host(const struct connect_face *face);
bool connect_face_asleep(const struct connect_face *face);  /* one telemetry in 4 s */
size_t connect_face_bytes(const struct connect_face *face); /* memory held now, without the SDK's */

#endif
