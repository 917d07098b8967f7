#ifndef HOTBED_WIRE_HTTP_SERVER_H
#define HOTBED_WIRE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/world.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* A front of a struct http_service on our own codec, over any network: everything in a struct
 * http_reply is possible here. One request at a time per connection; what a peer pipelines waits.
 * It answers by itself what never becomes a request: 400 (not HTTP, no Host, bad framing), 408 (a
 * request that does not arrive within the time-out), 413, 431, 501, 505, and 503 above the number
 * of connections; each closes the connection. */

struct http_server_limits {
    size_t connections_max; /* 0: 65,536 */
    size_t busy_max; /* connections between a request's first byte and the end of its reply; what
                        comes on others waits. 0: no limit */
    int64_t idle_timeout_us;    /* connections idle this long are closed; 0: never */
    int64_t request_timeout_us; /* from a request's first byte to its last; 0: never */
    int64_t silence_timeout_us; /* inside a request, since its last byte; 0: never */
    int64_t drain_us; /* how long HTTP_AFTER_DRAIN swallows since the last byte; 0: 10 s */
};

struct http_server;

/* `service` and `network` are kept, not copied. `limits` NULL: the defaults. */
struct http_server *http_server_new(struct world *world, struct network *network,
                                    const struct http_service *service,
                                    const struct http_server_limits *limits);
/* Closes all connections (the service's `gone` is called for what it has not answered) and stops
 * listening. */
void http_server_destroy(struct http_server *server);

/* May be called for several endpoints. at->port 0 takes a free port and writes it back. */
bool http_server_listen(struct http_server *server, struct endpoint *at, struct error *error);
size_t http_server_connections(const struct http_server *server);

#endif
