#ifndef HOTBED_LINK_LINK_H
#define HOTBED_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/machine/machine.h"
#include "sim/protocol/link/quirks.h"
#include "sim/wire/http_server.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* The PrusaLink face of a printer: the HTTP server that printers and their hosts have
 * (prusalink.md). What is common to all lives here; what a model's server really answers is its
 * dialect. */

struct connect_face;
struct link_dialect; /* dialect.h */

/* The Raspberry Pi daemon (flavour P), the server in Buddy firmware (B) and that of SL1 (S). */
extern const struct link_dialect link_dialect_pi;
extern const struct link_dialect link_dialect_buddy;
extern const struct link_dialect link_dialect_sl1;

const char *link_dialect_name(const struct link_dialect *dialect); /* "pi", "buddy", "sl1" */
/* By the model's family; NULL: such printers have no PrusaLink. */
const struct link_dialect *link_dialect_of(const struct model *model);

/* Outlives the faces that are made with it and may be shared by many. */
struct link_settings {
    const char *user; /* NULL: the dialect's ("maker") */
    const char
        *password; /* NULL: the dialect's way of making one from the printer's serial number */
    const char *api_key;         /* NULL: as delivered: none (P), the password (B) */
    const char *hostname;        /* NULL: the dialect's */
    uint64_t quirks;             /* of prusalink.md 9.1: LINK_QUIRK(number) each */
    uint64_t upload_bytes_per_s; /* what the board takes in; 0: as fast as it comes */
    size_t connections_max;      /* 0: the dialect's */
    bool at_work; /* the program has run for a while when the face is made: nothing is seen of its
                     start */
    const char *name, *location; /* of the printer as its settings have it; NULL: "" */
    bool farm_mode, network_error_chime;
    /* Where Connect is as the settings of a P say that speaks to none; NULL: the usual place. */
    const char *connect_hostname;
    uint16_t connect_port; /* 0: the scheme's */
    bool connect_tls;
    const char *update; /* of a P: the newer version that it finds; "": looking for one fails; NULL:
                           there is none */
};

/* A rate for `upload_bytes_per_s` as a person says it: bytes per second, 0 for no limit; "ethernet"
 * or "wifi": what the real board of this model takes in by that; "board": by its cable if it has a
 * port for one, else by air. False with the reason. */
bool link_upload_rate(const struct model *model, const char *text, uint64_t *bytes_per_s,
                      struct error *error);

/* All quirks, no limit of speed. */
void link_settings_defaults(struct link_settings *settings);
/* False with the reason: user, password or key are not what this model's server allows, or it has
 * none. */
bool link_settings_check(const struct link_settings *settings, const struct model *model,
                         struct error *error);

struct link_face;

/* The program starts now. Settings that link_settings_check() allows, machine and name outlive it.
 */
struct link_face *link_face_new(struct world *world, struct machine *machine,
                                const struct link_settings *settings, const char *name);
/* What it fetches by itself comes over this network; without one it can't. */
void link_face_set_network(struct link_face *face, struct network *network);
/* The Connect face of the same printer, which is the same program: both then tell the same names,
 * and what is done to one of them shows on the other. `connect` is asked whenever it matters; NULL:
 * there is none. `make`: its user wants to register, begin one. It outlives the face. */
void link_face_set_connect(struct link_face *face,
                           struct connect_face *(*connect)(void *owner, bool make), void *owner);
void link_face_destroy(struct link_face *face); /* NULL is fine; after its fronts */

/* For a front: http_server_new(world, network, link_face_service(face), link_face_limits(face)). */
const struct http_service *link_face_service(struct link_face *face);
const struct http_server_limits *link_face_limits(const struct link_face *face);

const struct link_dialect *link_face_dialect(const struct link_face *face);
/* What a client has to know: owned by the face, may change when a client changes them. api_key
 * NULL: none. */
const char *link_face_user(const struct link_face *face);
const char *link_face_password(const struct link_face *face);
const char *link_face_hostname(const struct link_face *face);
const char *link_face_api_key(const struct link_face *face);
uint64_t link_face_requests(const struct link_face *face); /* answered so far */
size_t link_face_bytes(const struct link_face *face); /* memory held now, without connections */

#endif
