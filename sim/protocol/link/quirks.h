#ifndef HOTBED_LINK_QUIRKS_H
#define HOTBED_LINK_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* The known defects of the real servers (prusalink.md 9.1), by their numbers there; 19a to 19f are
 * 51 to 56. A bit each; without one the server does what the text of the interface means. */
#define LINK_QUIRK(number) (UINT64_C(1) << (number))
#define LINK_QUIRKS_ALL    UINT64_MAX

struct link_quirk {
    uint8_t number;
    const char *id;       /* "L-03", "L-19a" */
    const char *name;     /* "two-puts" */
    char flavour;         /* 'P', 'B', 'S' */
    const char *sentence; /* what is wrong with the real thing */
};

extern const struct link_quirk link_quirks[];
extern const size_t link_quirk_count;

const struct link_quirk *link_quirk_find(const char *text); /* id or name; NULL: none */
/* "L-03=off", "two-puts=on": change that bit of the mask. */
bool link_quirks_change(uint64_t *quirks, const char *text, struct error *error);

#endif
