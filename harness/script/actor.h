#ifndef HOTBED_SCRIPT_ACTOR_H
#define HOTBED_SCRIPT_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/machine/machine.h"
#include "sim/protocol/connect/sdk_camera.h"
#include "sim/wire/http.h"
#include "sim/wire/stream.h"
#include "sim/wire/websocket.h"

/* A printer of ours that takes part in a scenario: a machine with a Connect face, and what a
 * scenario can do to it. */
struct actor;

/* Told what passes on the actor's wire, complete messages, in order; for scenarios whose server is
 * not ours. */
struct actor_listener {
    void (*request)(void *owner, struct actor *actor, uint32_t connection,
                    const struct http_message *request);
    void (*reply)(void *owner, struct actor *actor, uint32_t connection,
                  const struct http_message *reply);
    void (*ended)(void *owner, struct actor *actor, uint32_t connection, bool by_printer);
    void (*frame)(void *owner, struct actor *actor, uint32_t connection, bool by_printer,
                  const struct websocket_frame *frame); /* of a WebSocket */
    void *owner;
};

struct actor_settings {
    const struct model *model;
    uint64_t index;       /* from 1: with the world's seed it makes serial number and noise */
    const char *name;     /* of the printer in traces and messages */
    const char *serial;   /* NULL: made */
    const char *firmware; /* NULL: the model's */
    const char *host; /* "prusalink", "sdk"; nothing else beside a Buddy printer than "prusalink",
                         its default */
    const char *version; /* "0.8.1" */
    bool websocket;      /* a Buddy printer's firmware speaks over a WebSocket */
    const char *server;  /* base URL */
    const char *token;   /* NULL: not registered */
    const char
        *ini; /* text of a prusa_printer_settings.ini: its server and token count; NULL: none */
    size_t ini_size;
    bool bare_storages; /* without the model's storages: others are attached before the power goes
                           on */
    const struct connect_camera_settings *cameras; /* with any id; texts are copied */
    size_t camera_count;
    bool register_cameras;
    uint32_t quirks; /* sim/protocol/connect/quirks.h */
    double room_c;   /* NAN: 25 */
    uint32_t job_counter;
    const struct actor_listener *listener; /* NULL: nobody */
};

/* Made but not yet switched on. NULL with the reason: unknown host or version, a bad ini file.
 * Copies all texts. */
struct actor *actor_new(struct world *world, struct network *network,
                        const struct actor_settings *settings, struct error *error);
void actor_destroy(struct actor *actor);
void actor_power_on(struct actor *actor);  /* machine and host */
void actor_power_off(struct actor *actor); /* the host program ends: no more messages */

const char *actor_name(const struct actor *actor);
const char *actor_token(const struct actor *actor);  /* NULL: none */
const char *actor_code(const struct actor *actor);   /* of its registration; "" : none yet */
const char *actor_server(const struct actor *actor); /* base URL */
const char *actor_fingerprint(const struct actor *actor);
struct machine *actor_machine(struct actor *actor);
struct connect_face *actor_face(struct actor *actor); /* NULL: off */
bool actor_register(struct actor *actor);
/* NULL: it has no camera of this name, or is off. Its SDK lives until the power goes. */
const char *actor_camera(struct actor *actor, const char *name); /* the id */
struct connect_sdk *actor_sdk(struct actor *actor);              /* NULL: off */
void actor_shift_clock(struct actor *actor, int64_t shift_us);

#endif
