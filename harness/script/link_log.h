#ifndef HOTBED_SCRIPT_LINK_LOG_H
#define HOTBED_SCRIPT_LINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/world.h"
#include "sim/wire/service.h"

/* What was asked of a service and how it answered, in the order of coming: the wire log that judges
 * of clients read. Stands between a front and the service. */
struct link_log;

enum { LINK_LOG_MAX = 100000 }; /* requests; later ones are served and not written down */

struct link_log_line {
    int64_t began_us, ended_us; /* ended -1: not yet */
    uint32_t connection;
    char *method, *target, *head; /* of what is no request: "?" and its first line */
    uint64_t body_bytes;
    int status; /* 0: no reply, or none that could be read */
    bool gone;  /* the client left before the reply */
};

struct link_log *link_log_new(struct world *world,
                              const struct http_service *below); /* `below` is kept */
void link_log_destroy(struct link_log *log);                     /* after its front; NULL is fine */
const struct http_service *link_log_face(struct link_log *log);

/* Lines outlive the service: they are the owner's until link_log_destroy(). */
size_t link_log_count(const struct link_log *log);
const struct link_log_line *link_log_line(const struct link_log *log, size_t index);

/* The same lines in front of another service: a program that was started again. */
void link_log_move(struct link_log *log, const struct http_service *below);

#endif
