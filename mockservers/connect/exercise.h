#ifndef HOTBED_MOCKSERVERS_CONNECT_EXERCISE_H
#define HOTBED_MOCKSERVERS_CONNECT_EXERCISE_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "mockservers/connect/server.h"

/* Commands that all printers get again and again, for load: each printer each of them once per
 * interval, the printers in turn, evenly spread. One that still has a command to answer, or has
 * lost its token, is passed over and counted. */
struct connect_exercise;

enum { CONNECT_EXERCISES_MAX = 32 };

struct connect_exercise *
connect_exercise_new(struct connect_server *server); /* nothing to do yet */
void connect_exercise_destroy(
    struct connect_exercise *exercise); /* NULL is fine; before the server */

/* What is to be done from now on, instead of what was: [{"every": "30s", "command": NAME, "kwargs":
 * {...}} or
 * {"every": "30s", "gcode": TEXT}, ...]. False with the reason, and nothing changed. `every` is at
 * least 0.1 s. */
bool connect_exercise_set(struct connect_exercise *exercise, const cJSON *list,
                          struct error *error);
/* The same with how often each was queued and passed over. Caller's. */
cJSON *connect_exercise_json(const struct connect_exercise *exercise);

#endif
