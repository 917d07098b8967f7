#ifndef HOTBED_NET_MEMORY_H
#define HOTBED_NET_MEMORY_H

#include <stdint.h>

#include "sim/base/world.h"
#include "sim/wire/stream.h"

/* A network in memory under the world's clock. Host names are whatever is listened on; each piece
 * that is sent arrives as one piece, in order, after the latency of its direction (0 unless set: in
 * the same instant, but as an event of its own). Connections without traffic hold no buffers. TLS
 * is only a flag: a client and a listener that disagree about it fail as they would.
 *
 * A name that nobody ever listened on is unresolved (addresses and "localhost" are refused
 * instead); a name whose listener has gone is refused. */
struct memory_network;

struct memory_network *memory_network_new(struct world *world);
/* Owners of streams and listeners must have gone or never touch them again. */
void memory_network_destroy(struct memory_network *network);
struct network *memory_network_face(struct memory_network *network);

/* For what is sent from now on. */
void memory_network_set_latency(struct memory_network *network, int64_t to_listener_us,
                                int64_t to_connector_us);

/* From now on connections to `host` fail with this end (REFUSED, UNRESOLVED, TLS, UNREACHABLE). */
void memory_network_fail_host(struct memory_network *network, const char *host,
                              enum stream_end end);
void memory_network_heal_host(struct memory_network *network, const char *host);

#endif
