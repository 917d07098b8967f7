#ifndef HOTBED_MACHINE_MODEL_READ_H
#define HOTBED_MACHINE_MODEL_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"
#include "sim/machine/model_schema.h"
#include "sim/machine/yaml_text.h"

/* A model file as libcyaml reads it, with every number within its limits. Part of model.c. */
struct model_text {
    const char *place; /* file name for errors */
    struct yaml_text yaml;
    struct model_document *document; /* in `yaml` */
};

/* False with file, line, field and what was expected. Free in any case. */
bool model_text_read(struct model_text *text, const char *place, const char *bytes, size_t size,
                     struct error *error);
void model_text_free(struct model_text *text);

/* Say that the value at `path` ("nozzle.limits.min_c") is not `expected`, with its line. Returns
 * false. */
bool model_text_reject(struct model_text *text, const char *path, const char *expected,
                       struct error *error);

#endif
