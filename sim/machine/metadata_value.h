#ifndef HOTBED_MACHINE_METADATA_VALUE_H
#define HOTBED_MACHINE_METADATA_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buffer.h"

/* Values as Python reads and json.dumps prints them: for metadata*.c alone. Each appends JSON text
 * to `out` and returns false, with `out` as it was, for what Python would refuse. Infinities and
 * NaN are refused too: requests, which sends the result, does not take them. */
bool metadata_value_string(struct buffer *out, const char *text, size_t size);
bool metadata_value_int(struct buffer *out, const char *text, size_t size); /* int(text) */
bool metadata_value_float(struct buffer *out, const char *text, size_t size,
                          double *value);                                    /* float(text) */
bool metadata_value_json(struct buffer *out, const char *text, size_t size); /* json.loads(text) */

bool metadata_utf8_valid(const char *bytes, size_t size); /* as bytes.decode("UTF-8") takes it */

#endif
