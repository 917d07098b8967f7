#ifndef HOTBED_NET_MICROHTTPD_INTERNAL_H
#define HOTBED_NET_MICROHTTPD_INTERNAL_H

#include <microhttpd.h>

#include "sim/wire/service.h"

/* Whether only bytes of our own can say this: libmicrohttpd would not. */
bool microhttpd_is_direct(const struct http_reply *reply);

/* Number and peer of the connection. `peer` is where the exchange's text is kept. */
void microhttpd_describe(struct http_exchange *exchange, struct MHD_Connection *connection,
                         char *peer, size_t size);

#endif
