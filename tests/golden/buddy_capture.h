#ifndef HOTBED_TESTS_GOLDEN_BUDDY_CAPTURE_H
#define HOTBED_TESTS_GOLDEN_BUDDY_CAPTURE_H

#include <stddef.h>
#include <stdbool.h>

#include "sim/base/error.h"

/* A file of ../shared/captures/buddy: what the real firmware renders or understands, as numbered
 * cases of several entries ("=== 7 in 45 bytes", "=== 7 sent back 80 bytes", …; README.md there).
 */
struct buddy_entry_text {
    int number;        /* of the case */
    const char *kind;  /* "state", "in 45 bytes": the rest of the heading */
    const char *bytes; /* NUL behind */
    size_t size;
};

struct buddy_capture {
    char *text;
    struct buddy_entry_text *entries;
    size_t count;
};

bool buddy_capture_load(struct buddy_capture *capture, const char *path, struct error *error);
void buddy_capture_free(struct buddy_capture *capture);

/* Whether an entry is of a kind: its heading begins with it. */
bool buddy_entry_is(const struct buddy_entry_text *entry, const char *kind);

#endif
