#include "harness/net/microhttpd_internal.h"

#include <stdio.h>
#include <string.h>

#include "harness/net/resolver.h"

static bool length_is_right(const struct http_reply *reply, const char *value)
{
    char right[24];
    snprintf(right, sizeof right, "%zu", reply->body_size);
    return strcmp(value, right) == 0;
}

bool microhttpd_is_direct(const struct http_reply *reply)
{
    if (reply->raw != NULL || reply->status == 0 || reply->after != HTTP_AFTER_KEEP ||
        reply->status < 200 ||
        (reply->reason != NULL && strcmp(reply->reason, http_reason(reply->status)) != 0)) {
        return true;
    }
    for (size_t i = 0; i < reply->header_count; i++) {
        struct slice name = slice_of(reply->headers[i].name);
        if (slice_is_nocase(name, "Transfer-Encoding") ||
            (slice_is_nocase(name, "Content-Length") &&
             !length_is_right(reply, reply->headers[i].value))) {
            return true;
        }
    }
    return false;
}

void microhttpd_describe(struct http_exchange *exchange, struct MHD_Connection *connection,
                         char *peer, size_t size)
{
    const union MHD_ConnectionInfo *number =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const union MHD_ConnectionInfo *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer[0] = '\0';
    if (client != NULL && client->client_addr != NULL) {
        struct address address = {0};
        address.size =
            client->client_addr->sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
        memcpy(&address.any, client->client_addr, address.size);
        address_text(&address, peer, size);
    }
    exchange->peer = peer;
    if (number != NULL) {
        exchange->connection = (uint32_t)(uintptr_t)number->socket_context;
    }
}
