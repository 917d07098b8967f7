#ifndef HOTBED_PROTOCOL_CONNECT_SETTINGS_INI_H
#define HOTBED_PROTOCOL_CONNECT_SETTINGS_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* prusa_printer_settings.ini as Python's configparser reads it (connect-sdk.md 2.3): sections, "key
 * = value" or "key: value", whole-line comments with # or ;, values that go on in indented lines,
 * keys without regard to case, a [DEFAULT] section behind all others. */
enum { SETTINGS_INI_BYTES_MAX = 1024 * 1024, SETTINGS_INI_ENTRIES_MAX = 2000 };

struct settings_ini;

/* `name` is the file's name in errors. NULL with the reason: "NAME:LINE: …". */
struct settings_ini *settings_ini_parse(const char *name, const char *text, size_t size,
                                        struct error *error);
struct settings_ini *settings_ini_load(const char *path, struct error *error);
void settings_ini_destroy(struct settings_ini *ini);

bool settings_ini_has_section(const struct settings_ini *ini, const char *section);
const char *settings_ini_section(const struct settings_ini *ini, size_t index); /* NULL: no more */
const char *settings_ini_get(const struct settings_ini *ini, const char *section,
                             const char *key); /* NULL: none */
/* False with the reason when the value is there and is none; `*value` stays what it was when the
 * key is missing. */
bool settings_ini_get_bool(const struct settings_ini *ini, const char *section, const char *key,
                           bool *value, struct error *error);
bool settings_ini_get_int(const struct settings_ini *ini, const char *section, const char *key,
                          int64_t *value, struct error *error);

/* What the SDK reads: section service::connect with hostname and token, tls (false) and port (0).
 */
struct settings_connect {
    const char *hostname, *token; /* the ini's memory */
    bool tls;
    uint16_t port;
};
bool settings_ini_connect(const struct settings_ini *ini, struct settings_connect *connect,
                          struct error *error);

/* What PrusaLink reads besides; its defaults where the file says nothing. */
struct settings_printer {
    const char *type; /* "" or a value of connect-sdk.md 2.1; others are refused */
    const char *name, *location;
    bool farm_mode, network_error_chime;
    const char *network_hostname;
    int64_t local_enable;
    const char *username, *digest, *api_key;
    struct settings_connect connect; /* defaults connect.prusa3d.com, TLS, port 0, no token */
};
bool settings_ini_printer(const struct settings_ini *ini, struct settings_printer *printer,
                          struct error *error);

#endif
