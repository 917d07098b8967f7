#ifndef HOTBED_CHECK_BEND_H
#define HOTBED_CHECK_BEND_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"
#include "sim/wire/service.h"

/* A printer that breaks its contract, made of one that keeps it: what it sends is bent before the server sees it. The
 * counterpart of the server's misbehaviours (mockservers/connect/misbehave.h), to prove that a check can fail. */

struct bend_kind {
    const char *name;     /* "drop-header" */
    const char *argument; /* what follows "=", for a person */
    const char *help;
    const char *example;  /* "drop-header=Fingerprint" */
    const char *breaks;   /* a check that the example breaks */
};

extern const struct bend_kind bend_kinds[]; /* name NULL at the end */

struct bender;

/* "NAME=ARGUMENT"; is it one of ours at all, whatever its argument? */
bool bend_known(const char *text);

struct bender *bender_new(const struct http_service *inner); /* outlives the bender */
void bender_destroy(struct bender *bender);                  /* NULL is fine */
bool bender_add(struct bender *bender, const char *text, struct error *error);
const struct http_service *bender_service(struct bender *bender);

#endif
