#ifndef HOTBED_LOAD_WISHES_H
#define HOTBED_LOAD_WISHES_H

#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/wire/stream.h"

/* What the users of a farm's printers do on the server's pages: have it send a printer a file. A
 * server that takes such wishes has the control endpoint of hotbed mock connect. One connection,
 * one wish at a time, in their order. */
struct wishes;

/* Who wishes; its owner keeps it until it is answered or given up. */
struct wish {
    const char *text;     /* body of POST /printers/FINGERPRINT/downloads */
    char fingerprint[65]; /* of the printer, as the server knows it */
    void *owner;
    struct wish *next;
};

/* `status` 201: the server will do so; 0: nobody answered. Never called from wishes_make(). */
typedef void wish_answered(void *owner, int status);

/* `url` of the control endpoint. NULL with the reason. */
struct wishes *wishes_new(struct world *world, struct network *network, const char *url,
                          wish_answered *answered, struct error *error);
void wishes_destroy(struct wishes *wishes); /* nobody is answered any more; NULL is fine */
void wishes_make(struct wishes *wishes, struct wish *wish);
void wishes_give_up(struct wishes *wishes, struct wish *wish); /* nothing when it is not waiting */

#endif
