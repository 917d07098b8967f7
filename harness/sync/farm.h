#ifndef HOTBED_SYNC_FARM_H
#define HOTBED_SYNC_FARM_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"

/* The farm file of a sync: the one that Link Sync users have (link-sync.md 2), a mapping of printer
 * names to mappings with host, username, password and printer_type, in YAML or JSON by the file's
 * suffix. It is checked as a whole before anybody is contacted, and what is wrong is told with
 * file, line and field. Unlike there, `password` may be left out, to come from the environment or a
 * prompt, and `api_key` is taken for printers whose key is not their password (prusalink.md 2.3).
 */

enum { SYNC_PRINTERS_MAX = 10000, SYNC_NAME_BYTES_MAX = 128 };

struct sync_printer {
    char *name;
    char *host;     /* "http://192.168.7.21", "https://printer:8443": no slash at the end */
    char *username; /* of the digest login */
    char *password; /* NULL: not known yet */
    char *api_key;  /* NULL: none */
    char *type;     /* free text: "MK4" */
    unsigned line;  /* of its name in the file */
};

struct sync_farm {
    char *place;                   /* the file, for errors */
    struct sync_printer *printers; /* in the file's order */
    size_t count;
};

/* NULL with "FILE:LINE: FIELD: …". */
struct sync_farm *sync_farm_load(const char *path, struct error *error);
struct sync_farm *sync_farm_parse(const char *place, const char *bytes, size_t size,
                                  struct error *error);
void sync_farm_destroy(struct sync_farm *farm); /* overwrites the secrets; NULL is fine */

/* Keep the printers that `only` names (none: all), without those that `skip` names, in any case of
 * letters (SYNC-07). A name that no printer has is an error: it would select something else than
 * was meant. */
bool sync_farm_select(struct sync_farm *farm, const char *const *only, size_t only_count,
                      const char *const *skip, size_t skip_count, struct error *error);

/* Where the passwords come from that the file does not tell: HOTBED_PASSWORD_<NAME> with the
 * letters of the name in upper case and '_' for all but letters and digits, then HOTBED_PASSWORD,
 * then `ask` (NULL: nobody to ask; returns a text to be freed, NULL: no answer). */
struct sync_secrets {
    const char *(*environment)(const char *name);
    char *(*ask)(void *owner, const char *printer);
    void *owner;
};

bool sync_farm_passwords(struct sync_farm *farm, const struct sync_secrets *secrets,
                         struct error *error);

#endif
