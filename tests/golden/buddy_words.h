#ifndef HOTBED_TESTS_GOLDEN_BUDDY_WORDS_H
#define HOTBED_TESTS_GOLDEN_BUDDY_WORDS_H

#include <stdbool.h>

#include "sim/protocol/connect/buddy_render.h"

/* The states that the captures of Buddy describe in words, and the drive that they were made with.
 */

const struct buddy_build *buddy_build_named(const char *name); /* "mini", "mk4", "xl", … */

void words_idle(struct buddy_state *state); /* the set-up line of the captures */
void words_job(struct buddy_state *state);

/* One case of render-telemetry. `state` holds the state of the case before ("the same, …"). */
void words_telemetry(const char *words, struct buddy_state *state, struct buddy_number *command_id,
                     bool *full);

/* One case of render-event-KIND. `state` and `event` hold those of the case before. Texts that the
 * event points to live in `text`. */
void words_event(const char *kind, const char *words, struct buddy_state *state,
                 struct buddy_event *event, char text[512]);

/* The drive of the host build. The documented limits of that build are all in it: */
struct host_drive {
    struct storage storage;
    int64_t root_time_s; /* of the folder that stands for the drive */
};

void host_drive_init(struct host_drive *drive);
void host_drive_free(struct host_drive *drive);
struct buddy_files host_drive_files(struct host_drive *drive);

#endif
