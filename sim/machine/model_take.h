#ifndef HOTBED_MACHINE_MODEL_TAKE_H
#define HOTBED_MACHINE_MODEL_TAKE_H

#include "sim/machine/model_read.h"

/* What a document says becomes a model. Part of model.c; nobody else includes this. */

/* Whether the document has every section that it needs; with a base (NULL: none) it needs none. */
bool model_complete(const struct model_text *text, const struct model *base, struct error *error);

/* A model of its own with all that `base` (NULL: nothing) has but its name and title. */
struct model *model_copy(const struct model *base);

/* Put what the document says over what the model has. False: it makes no sense; the error says
 * where. */
bool model_take(struct model *model, struct model_text *text, struct error *error);

/* Whether serial numbers can be made from the pattern: they differ, and are short enough. */
bool model_serial_sound(const char *pattern);

#endif
