#ifndef HOTBED_LOAD_EXERCISE_H
#define HOTBED_LOAD_EXERCISE_H

#include <stdbool.h>

#include "harness/load/plan.h"

/* Ask a mock server, by its control endpoint at `url`, for the commands of the plan
 * (docs/mock-connect.md, /exercise). Waits for its answer, 10 s at most. Asking again changes
 * nothing: each shard may. False with the reason. */
bool load_exercise_ask(const char *url, const struct load_plan *plan, struct error *error);

/* What its users wish of such a server for the printers that transfer: by the names of the files
 * that it offers (/files). False with the reason, when one is missing, too. */
bool load_exercise_find_files(const char *url, struct load_plan *plan, struct error *error);

#endif
