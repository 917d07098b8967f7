#ifndef HOTBED_MOCKSERVERS_CONNECT_CONTROL_H
#define HOTBED_MOCKSERVERS_CONNECT_CONTROL_H

#include "mockservers/connect/server.h"
#include "sim/base/buffer.h"
#include "sim/wire/service.h"

/* A small HTTP service beside a mock Connect server, by which a person with curl looks at it and
 * drives it. Meant for loopback: it asks nobody for a password. What it offers is in
 * docs/mock-connect.md; GET / lists it. */

struct connect_control;

struct connect_control *connect_control_new(struct connect_server *server);
void connect_control_destroy(
    struct connect_control *control); /* before the server; its front must be gone */

struct http_service *connect_control_service(struct connect_control *control);

/* What GET /contract answers, as text; without it 404. */
void connect_control_set_report(struct connect_control *control,
                                void (*report)(void *owner, struct buffer *out), void *owner);

#endif
