#ifndef HOTBED_PROTOCOL_CONNECT_QUIRKS_H
#define HOTBED_PROTOCOL_CONNECT_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* The known defects of the Connect SDK and of PrusaLink (connect-sdk.md 14) that our printers
 * reproduce, by their numbers: a bit each in one mask that both layers are given. Without one the
 * printer does what the sources mean to do, within the rules of connect-sdk.md 13.
 *
 * Not among them: Q-08 (a storage here has no sibling folders), Q-15 (lasts no time where a
 * transfer ends in the instant in which its length is read) and Q-16 (no PUT uploads to the Connect
 * face). */
enum connect_quirk_number {
    CONNECT_QUIRK_TARGET = 1,
    CONNECT_QUIRK_TWO_ENDS = 2,
    CONNECT_QUIRK_PART_FILE = 3,
    CONNECT_QUIRK_LATE_ABORT = 4,
    CONNECT_QUIRK_OVERWRITE = 5,
    CONNECT_QUIRK_ID_ZERO = 6,
    CONNECT_QUIRK_LOST_RESET = 7,
    CONNECT_QUIRK_TOKEN_LEAK = 9,
    CONNECT_QUIRK_POLL = 10,
    CONNECT_QUIRK_REMEMBERED = 11,
    CONNECT_QUIRK_INNER_FOLDERS = 12,
    CONNECT_QUIRK_SD_FOLDER = 13,
    CONNECT_QUIRK_FOLDER_GUARD = 14,
    CONNECT_QUIRK_SD_TIME = 17,
    CONNECT_QUIRK_SLEEP = 18,
    CONNECT_QUIRK_CLOCK = 19,
    CONNECT_QUIRK_CAMERA = 20,
    CONNECT_QUIRK_CUT_SHORT = 21,
    CONNECT_QUIRK_LATE_INFO = 22,
    CONNECT_QUIRK_RECONNECT = 23,
    CONNECT_QUIRK_RESET = 24,
};
#define CONNECT_QUIRK(number) (UINT32_C(1) << (number))
#define CONNECT_QUIRKS_ALL    UINT32_MAX

struct connect_quirk {
    enum connect_quirk_number number;
    const char *id;       /* "Q-06" */
    const char *name;     /* "id-zero" */
    const char *sentence; /* what is wrong with the real thing */
};

extern const struct connect_quirk connect_quirks[]; /* by number */
extern const size_t connect_quirk_count;

const struct connect_quirk *connect_quirk_find(const char *text); /* id or name; NULL: none */
/* "Q-06=off", "id-zero=on": change that bit of the mask. */
bool connect_quirks_change(uint32_t *quirks, const char *text, struct error *error);

#endif
