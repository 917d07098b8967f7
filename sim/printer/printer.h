#ifndef HOTBED_PRINTER_PRINTER_H
#define HOTBED_PRINTER_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/machine/machine.h"
#include "sim/printer/cameras.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/link/link.h"
#include "sim/wire/stream.h"

/* A printer: a machine of a model and the protocol faces switched on for it. It is a function of
 * the world's seed, its index, its model and these settings, whatever else runs in the world. */
struct printer;

/* A medium that it starts with: a tree in memory, shared by whoever else has it, or a real
 * directory. */
struct printer_storage {
    const char *name;
    enum storage_kind kind;
    struct file_node *tree; /* a reference is taken; NULL: empty */
    const char *directory;  /* instead of a tree; NULL: in memory */
    bool read_only;
    uint64_t total_bytes, used_by_others_bytes; /* of one in memory; 0: not known */
};

/* "usb", "sdcard" of a model; any other word is a storage inside of the printer. */
enum storage_kind printer_storage_kind(const char *kind);

struct printer_settings {
    const struct model *model; /* outlives the printer */
    uint64_t index;
    const char *name;     /* in traces; NULL: "MODEL-INDEX" */
    const char *serial;   /* NULL: made from seed and index */
    const char *firmware; /* NULL: the model's */
    double room_c;        /* NAN: 25 */
    uint32_t job_counter;
    struct plan_cache *plans;               /* shared, outlives the printer; NULL: none */
    const struct printer_storage *storages; /* NULL: the model's; with a count of 0: none */
    size_t storage_count;
    struct file_node *tree; /* what is on the first of the model's storages; a reference is taken;
                               NULL: nothing */
    /* Shared by many, outlives the printer; NULL: no Connect face. */
    const struct connect_face_settings *connect;
    const char *token; /* of Connect; NULL: not registered */
    /* Shared by many, outlives the printer; NULL: no PrusaLink server. */
    const struct link_settings *prusalink;
};

/* Made but off. NULL with the reason: a directory can't be read, a text is none, the token can't be
 * in a header. `network` may be NULL without faces. */
struct printer *printer_new(struct world *world, struct network *network,
                            const struct printer_settings *settings, struct error *error);
void printer_destroy(struct printer *printer); /* NULL is fine */

/* The machine gets power, its host program starts. Off: the host program ends and says nothing
 * more; the machine stays as it is, for there is no way to tell the difference from outside. */
void printer_power_on(struct printer *printer);
void printer_power_off(struct printer *printer);

const char *printer_name(const struct printer *printer);
struct machine *printer_machine(struct printer *printer);
struct connect_face *printer_connect_face(struct printer *printer); /* NULL: none, or off */
struct link_face *printer_link_face(struct printer *printer);       /* NULL: none, or off */
/* Its PrusaLink server, which must be on, listens there too, from now on and after each start; on
 * the printer's network. Port 0 takes a free one and writes it back. */
bool printer_listen(struct printer *printer, struct endpoint *at, struct error *error);

/* The server, token and names that a prusa_printer_settings.ini gives to a PrusaLink
 * (connect-sdk.md 2.3). */
struct printer_ini {
    char *server, *token, *name, *location; /* token "" : not registered */
    char *api_key;                          /* of its local interface, told in INFO; NULL: none */
    struct printer_cameras cameras;
};

/* `file` names the text in errors. False with the reason: "FILE:LINE: …". */
bool printer_ini_parse(struct printer_ini *ini, const char *file, const char *text, size_t size,
                       struct error *error);
bool printer_ini_load(struct printer_ini *ini, const char *path, struct error *error);
void printer_ini_free(struct printer_ini *ini);
/* Point the settings of a face to what the file says; `ini` outlives them. */
void printer_ini_apply(const struct printer_ini *ini, struct connect_face_settings *settings);

#endif
