#ifndef HOTBED_NET_SOCKET_H
#define HOTBED_NET_SOCKET_H

#include "harness/net/real.h"
#include "harness/net/tls.h"
#include "sim/wire/stream.h"

/* TCP and TLS under the same interface as the network in memory: non-blocking, IPv4 and IPv6,
 * TCP_NODELAY. Names are resolved by getaddrinfo() in a short-lived thread, all addresses are tried
 * in turn. endpoint.tls chooses TLS on both sides. A side that closes in order is gone for both
 * directions: what is sent to it afterwards is dropped. */
struct socket_network;

/* Told how long it took to connect, and behind that to agree on TLS; and when this machine, not the
 * other one, was why no connection was even tried (errno): it has no more descriptors, ports or
 * memory. For load. */
struct socket_times {
    void (*connected)(void *owner, int64_t took_us);
    void (*secured)(void *owner, int64_t took_us, bool resumed);
    void (*exhausted)(void *owner, int code);
};

/* `tls` NULL: verification by the system's authorities, no listening. */
struct socket_network *socket_network_new(struct real_driver *driver,
                                          const struct tls_settings *tls, struct error *error);
/* Breaks what is still open; owners of streams and listeners must have gone or never touch them
 * again. */
void socket_network_destroy(struct socket_network *network);
struct network *socket_network_face(struct socket_network *network);

void socket_network_watch(struct socket_network *network, const struct socket_times *times,
                          void *owner);
/* Bytes of all streams that the kernel has not taken yet: the other side does not read. */
uint64_t socket_network_queued(const struct socket_network *network);
/* Connect from these addresses in turn, each to peers of its own family, instead of from whichever
 * the system takes: one address has a port for each of its connections to one place. Of those in
 * figures; false with the reason: not an address, or none of this machine. */
bool socket_network_add_source(struct socket_network *network, const char *address,
                               struct error *error);
bool socket_source_good(const char *address, struct error *error);

#endif
