#ifndef HOTBED_MACHINE_OBJECTS_H
#define HOTBED_MACHINE_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

/* The objects of a print that its file tells apart (M486), and which of them are left out
 * (PFB: lib/Marlin/Marlin/src/feature/cancel_object.cpp). */

struct machine;

enum { OBJECTS_MAX = 64, OBJECT_NAMES_MAX = 16, OBJECT_NAME_BYTES = 32 };

struct machine_objects {
    uint32_t count;                                  /* may be more than can be cancelled */
    uint64_t cancelled;                              /* a bit each */
    int active;                                      /* that is being printed; -1: none */
    char names[OBJECT_NAMES_MAX][OBJECT_NAME_BYTES]; /* of the first ones */
};

/* Of the present print, or of the last one; NULL: it tells none apart and nothing was cancelled. */
const struct machine_objects *machine_objects(const struct machine *machine);
/* Ids from OBJECTS_MAX on do nothing; others need not be there (yet). */
void machine_cancel_object(struct machine *machine, uint32_t id, bool cancel);

#endif
