#ifndef HOTBED_NET_MICROHTTPD_H
#define HOTBED_NET_MICROHTTPD_H

#include "harness/net/real.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* A front of a struct http_service on libmicrohttpd, driven by our own loop: in real time the other
 * end of the wire is somebody else's implementation. Headers go out in the order of the reply and
 * no Date is added; Content-Length and Connection stand where libmicrohttpd puts them. Pieces are
 * pieces of the body.
 *
 * What libmicrohttpd would not say (raw bytes, an end of the connection behind a reply, a length
 * that is wrong, a Transfer-Encoding, a reason of one's own, a 1xx but a granted upgrade) is
 * written to the socket behind its back; the connection cannot be used again afterwards and closes
 * even if the reply says KEEP. Over TLS that is impossible: microhttpd_front_can() tells. A client
 * that closes its side while a reply is waited for has gone. */
struct microhttpd_front;

struct microhttpd_settings {
    const char *certificate_file, *key_file; /* PEM; NULL: plain TCP */
    unsigned connections_max;                /* more wait until one of these ends; 0: 10,000 */
    unsigned idle_timeout_s;                 /* 0: never */
};

/* at->host is an address to bind to ("" or "localhost": loopback); at->port 0 takes a free port and
 * writes it back; at->tls is set from the settings. `settings` may be NULL. */
struct microhttpd_front *microhttpd_front_new(struct real_driver *driver, struct endpoint *at,
                                              const struct http_service *service,
                                              const struct microhttpd_settings *settings,
                                              struct error *error);
void microhttpd_front_destroy(struct microhttpd_front *front);
unsigned microhttpd_front_connections(const struct microhttpd_front *front); /* that are open */

/* Whether this front can send a reply as it is; if not, why. A reply that it cannot send becomes a
 * 500 that says so. */
bool microhttpd_front_can(const struct microhttpd_front *front, const struct http_reply *reply,
                          struct error *error);

#endif
