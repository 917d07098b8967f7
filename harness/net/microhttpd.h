#ifndef HOTBED_NET_MICROHTTPD_H
#define HOTBED_NET_MICROHTTPD_H

#include "harness/net/real.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* A front of a struct http_service on libmicrohttpd, driven by our own loop: in real time the other end of the wire is
 * somebody else's implementation. Headers go out in the order of the reply; libmicrohttpd puts "Date" first and moves
 * Content-Length and Connection behind the others (there is no option against that). Pieces are pieces of the body.
 *
 * Raw bytes, and replies that are cut, go to the socket behind libmicrohttpd's back; afterwards the connection cannot
 * be used again: KEEP behind raw bytes closes. Over TLS raw bytes are impossible: ask microhttpd_front_can(). */
struct microhttpd_front;

struct microhttpd_settings {
    const char *certificate_file, *key_file; /* PEM; NULL: plain TCP */
    unsigned connections_max;                /* 0: 1,000 */
    unsigned idle_timeout_s;                 /* 0: never */
};

/* at->host is an address to bind to ("" or "localhost": loopback); at->port 0 takes a free port and writes it back;
 * at->tls is set from the settings. `settings` may be NULL. */
struct microhttpd_front *microhttpd_front_new(struct real_driver *driver, struct endpoint *at,
                                              const struct http_service *service,
                                              const struct microhttpd_settings *settings, struct error *error);
void microhttpd_front_destroy(struct microhttpd_front *front);

/* Whether this front can send a reply as it is; if not, why. A reply that it cannot send becomes a 500 that says so. */
bool microhttpd_front_can(const struct microhttpd_front *front, const struct http_reply *reply, struct error *error);

#endif
