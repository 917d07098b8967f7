#ifndef HOTBED_MOCKSERVERS_CONNECT_MISBEHAVE_H
#define HOTBED_MOCKSERVERS_CONNECT_MISBEHAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* Ways in which the server can be told to break its contract, by name: to test printers, and to
 * prove that a check can fail. "telemetry-status=503", "late", "reset:3" (the next three times),
 * "close%10" (one in ten, by the world's random source). */

struct connect_server;
struct connect_printer;

struct connect_misbehaviour {
    const char *name;     /* "no-command-id" */
    const char *argument; /* what may follow "=", for a person: "STATUS"; NULL: nothing */
    const char *fallback; /* the argument when none is given */
    const char *help;     /* one sentence */
    const char
        *breaks; /* the check that it violates: "CON-CMD-23"; "" when none of the server's own */
    bool raw;    /* needs a front that sends our bytes as they are (sim/wire; not libmicrohttpd) */
};

const struct connect_misbehaviour *connect_misbehaviour_list(size_t *count);
const struct connect_misbehaviour *
connect_misbehaviour_find(const char *name); /* without argument; NULL: none */

/* Switch one on: "NAME[=ARG][:TIMES][%PERCENT]"; `printer` NULL: for all. It stays on for TIMES
 * uses (default: until switched off). False with the reason for an unknown name or a bad argument.
 */
bool connect_server_misbehave(struct connect_server *server, struct connect_printer *printer,
                              const char *text, struct error *error);
/* Switch off by name (NULL: all) for `printer` (NULL: for all). Returns how many were on. */
size_t connect_server_behave(struct connect_server *server, struct connect_printer *printer,
                             const char *name);

/* What is on, as "NAME=ARG" each; returns how many. */
size_t connect_server_misbehaviours(const struct connect_server *server, const char **texts,
                                    size_t max);

#endif
