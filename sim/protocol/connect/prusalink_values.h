#ifndef HOTBED_CONNECT_PRUSALINK_VALUES_H
#define HOTBED_CONNECT_PRUSALINK_VALUES_H

#include <stdbool.h>

#include "sim/base/buffer.h"

/* Arguments of commands as PrusaLink's Python takes them, with the exceptions that it raises for
 * wrong ones. */
struct cJSON;

struct value_error {
    const char *type; /* of the exception */
    char text[96];
    char split[64]; /* text when a value that is no string is split into lines */
};

/* kwargs[key] as text; NULL with the reason: kwargs missing or empty, key missing, not a string. */
const char *value_text(const struct cJSON *kwargs, const char *key, struct value_error *error);
/* kwargs[key] as Python's str() shows it, a string as it is; `scratch` is written when it must be
 * made. */
const char *value_printed(const struct cJSON *kwargs, const char *key, struct buffer *scratch,
                          struct value_error *error);

/* The lines that are sent: blank ones left out, CR removed, LF between them. */
void value_gcode_lines(const char *text, struct buffer *lines);

struct filament_heat {
    char bed[32], nozzle[32]; /* as Python prints them */
    int extrude_c;            /* 90 % of the nozzle's, rounded to 5 */
};
bool value_filament(const struct cJSON *kwargs, struct filament_heat *heat,
                    struct value_error *error);

#endif
