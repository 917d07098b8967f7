#ifndef HOTBED_MOCKSERVERS_CONNECT_MERGE_H
#define HOTBED_MOCKSERVERS_CONNECT_MERGE_H

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* One JSON object over another, as telemetry is merged (connect-sdk.md 4.4): members of `fresh`
 * take the places of those of `known`, objects are merged, what is new comes last. Both are JSON
 * that has been read before; members whose names are in `without` (NULL ends it) are left out.
 * Appends the object to `out`. */
void json_merge(struct buffer *out, struct slice known, struct slice fresh,
                const char *const *without);

#endif
