#ifndef HOTBED_NET_RESOLVER_H
#define HOTBED_NET_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "harness/net/real.h"

/* Names to addresses without blocking the loop: getaddrinfo() runs in a thread of its own, one per
 * name at a time. */
enum { ADDRESSES_MAX = 8 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size;
};

struct resolver;
struct lookup;

/* `count` 0: `why` tells the reason. Called from the loop; the lookup is gone. */
typedef void lookup_done(void *owner, const struct address *addresses, size_t count,
                         const char *why);

struct resolver *resolver_new(struct real_driver *driver, struct error *error);
void resolver_destroy(struct resolver *resolver);
struct lookup *resolver_start(struct resolver *resolver, const char *host, uint16_t port,
                              lookup_done *done, void *owner);
void resolver_cancel(struct lookup *lookup);

/* An address in figures needs no looking up. */
bool address_parse(struct address *address, const char *host, uint16_t port);
void address_text(const struct address *address, char *text,
                  size_t size); /* "127.0.0.1:80", "[::1]:80" */

#endif
