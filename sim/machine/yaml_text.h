#ifndef HOTBED_MACHINE_YAML_TEXT_H
#define HOTBED_MACHINE_YAML_TEXT_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"

/* A YAML file of a known shape as libcyaml reads it, with what libcyaml leaves out: numbers that
 * are numbers from end to end, and the file, line and field of everything that is wrong. Fields are
 * named by their path, "groups[1].telemetry.interval". */
struct yaml_shape {
    const cyaml_schema_value_t *schema; /* a pointer to a mapping */
    const cyaml_schema_field_t *fields; /* of it */
    const char *what;                   /* "model" */
    const char *manual;                 /* where its author reads more: "docs/models.md" */
    size_t bytes_max;
    bool generated; /* the text was made from another form: its lines mean nothing */
    const char *(*expected)(
        const char *path); /* what may stand there; NULL: nothing that its type doesn't say */
};

struct yaml_text {
    const struct yaml_shape *shape;
    const char *place; /* file name for errors */
    const char *bytes;
    size_t size;
    void *document; /* what the schema makes of it; NULL: nothing was read */
};

/* False with file, line, field and what was expected. Free in any case. */
bool yaml_text_read(struct yaml_text *text, const struct yaml_shape *shape, const char *place,
                    const char *bytes, size_t size, struct error *error);
void yaml_text_free(struct yaml_text *text);

/* Say that the value at `path` is not `expected`, with its line. Returns false. */
bool yaml_text_reject(const struct yaml_text *text, const char *path, const char *expected,
                      struct error *error);

#endif
