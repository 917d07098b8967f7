#ifndef HOTBED_CHECK_REGISTRY_H
#define HOTBED_CHECK_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/script/play.h"

/* Where scenarios and checks are found. Folders are read in the order of names, *.lua in them and
 * below; *.d.lua are for editors. */

/* Add what is in a file or a folder. A file that is named must define something; a folder must hold
 * something. */
bool registry_add(struct definitions *definitions, const char *path, struct error *error);

/* The folder of the scenarios that came with the program: HOTBED_SCENARIOS, beside the installed
 * binary, beside the build, in that order. `out` gets it. False with what was looked for. */
bool registry_home(char *out, size_t size, struct error *error);

/* What belongs to a subject ("connect-printer"), from conformance/ below the home. */
bool registry_subject(struct definitions *definitions, const char *subject, struct error *error);

/* Keep what one of `names` (each may hold several, with commas) names. The error tells the first
 * that names nothing. */
bool registry_only(struct definitions *definitions, const char *const *names, size_t count,
                   struct error *error);
void registry_drop_kind(struct definitions *definitions, const char *kind);

extern const char *const registry_subjects[]; /* NULL at the end */

#endif
