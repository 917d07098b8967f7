#ifndef HOTBED_LINK_MISBEHAVE_H
#define HOTBED_LINK_MISBEHAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"
#include "sim/protocol/link/link.h"

/* Ways in which a PrusaLink server can be told to break its contract, by name: to test clients, and
 * to prove that a check can fail. They work on every dialect, between the front and the face:
 * requests are changed before the dialect sees them, replies after it made them.
 *
 *   NAME[=ARGUMENT][@[METHOD]PATH][:TIMES][%PERCENT]
 *
 * "status=503", "null-key=temp_bed@/api/v1/status", "lie=204@DELETE/api/v1/files", "reset@PUT:1",
 * "late=3%10". The place is a method, a beginning of the raw target, or both; without one all
 * requests are meant. Only on a front that sends our bytes as they are (sim/wire/http_server.h). */

struct link_misbehaviour {
    const char *name;     /* "stale" */
    const char *argument; /* what may follow "=", for a person: "STATUS"; NULL: nothing */
    const char *fallback; /* the argument when none is given; NULL: there must be one */
    const char *help;     /* one sentence */
};

const struct link_misbehaviour *link_misbehaviour_list(size_t *count);
/* By the name at the beginning of `text`; NULL: none. */
const struct link_misbehaviour *link_misbehaviour_find(const char *text);
/* Whether link_face_misbehave() would take it. */
bool link_misbehaviour_check(const char *text, struct error *error);

/* Switch one on. It stays on for TIMES uses, or until it is switched off. False with the reason:
 * an unknown name, a bad argument. */
bool link_face_misbehave(struct link_face *face, const char *text, struct error *error);
/* Switch off by name, NULL: all. Returns how many were on. */
size_t link_face_behave(struct link_face *face, const char *name);
/* What is on, as it was switched on; returns how many. */
size_t link_face_misbehaviours(const struct link_face *face, const char **texts, size_t max);

/* For the face and its dialects. */
void link_misbehave_free(struct link_face *face);

/* What a server checks too little of. */
enum link_leniency {
    LINK_LENIENT_OPEN = 1 << 0,     /* asks nobody for credentials */
    LINK_LENIENT_PASSWORD = 1 << 1, /* any digest response is right */
    LINK_LENIENT_KEY = 1 << 2,      /* any X-Api-Key that begins as the right one does, or goes on
                                       behind it */
    LINK_LENIENT_METHOD = 1 << 3,   /* a response computed for GET is right for any method */
};

bool link_face_lenient(const struct link_face *face, enum link_leniency what);

#endif
