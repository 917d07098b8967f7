#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_HTTP_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buffer.h"
#include "sim/protocol/connect/buddy_message.h"
#include "sim/protocol/connect/buddy_state.h"

/* Requests of Buddy's HTTP client: header lines and chunks go through a buffer of 256 bytes, and
 * each time it is full, or a part is complete, it is one write to the socket (connect-buddy.md 1.3;
 * PFB: src/common/http/httpc.cpp, chunked.h). The socket has its options by default (PFB:
 * src/common/http/socket.cpp), so Nagle's algorithm holds what follows the first write until that
 * is acknowledged: on the wire a request is its first write, and then all the rest of it. */

enum {
    BUDDY_OUT_BYTES = 256,
    BUDDY_CHUNK_BYTES = 248, /* of JSON in one */
};

struct buddy_request {
    struct buffer bytes;
    struct buffer writes; /* a run of size_t: where each ends in `bytes` */
    size_t write_count;
    bool complete; /* false: a token fits into no chunk; the request is broken off there */
};

/* Its storage comes from a pool and goes back there. */
struct buddy_request buddy_request_borrow(struct buffer_pool *pool);
void buddy_request_give_back(struct buddy_request *request, struct buffer_pool *pool);
/* Where write `number`, from 0, ends. */
size_t buddy_request_write_end(const struct buddy_request *request, size_t number);

struct buddy_connection_names {
    const char *host;
    const char *fingerprint; /* its first 16 characters are used */
    const char *token;
};

/* POST /p/telemetry or /p/events. */
void buddy_request_post(struct buddy_request *request, const char *target,
                        const struct buddy_connection_names *names, const struct buddy_build *build,
                        const char *firmware, const struct buddy_message *body);

/* GET /p/ws of the WebSocket build; `key` is its Sec-WebSocket-Key. */
void buddy_request_upgrade(struct buddy_request *request,
                           const struct buddy_connection_names *names,
                           const struct buddy_build *build, const char *firmware, const char *key);

/* The two requests of a registration. */
void buddy_request_register(struct buddy_request *request, const char *host,
                            const struct buddy_build *build, const char *firmware,
                            const struct buddy_message *body);
void buddy_request_poll(struct buddy_request *request, const char *host, const char *code,
                        const struct buddy_build *build, const char *firmware);

#endif
