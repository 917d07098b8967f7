#ifndef HOTBED_PROTOCOL_CONNECT_WS_TOLD_H
#define HOTBED_PROTOCOL_CONNECT_WS_TOLD_H

#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* What passes in the WebSocket of a Buddy printer (connect-buddy.md 1.6), told in the words of its
 * HTTP build, so that whoever logs, judges or waits for a message need not care how it travelled: a
 * message of the printer is told as the POST that it would have been, with the names that the
 * upgrade carried, and with a reply 204 at once; a command of the server as a reply 200 that nobody
 * asked for. Each carries "Upgrade: websocket" to be told apart. */

struct connect_ws_names {
    struct slice host, fingerprint, token, agent, version;
};

/* Of the request that asks for the WebSocket; the slices point into it. */
void connect_ws_names_of(struct connect_ws_names *names, const struct http_message *upgrade);

/* By the members of a message: "/p/events", "/p/telemetry", or "/p/ws" for a request for file
 * data. */
const char *connect_ws_target(struct slice message);

void connect_ws_tell_message(struct buffer *out, const struct connect_ws_names *names,
                             const char *target, struct slice message);
void connect_ws_tell_reply(struct buffer *out);
/* False: the server's message is no command. */
bool connect_ws_tell_command(struct buffer *out, struct slice message);

/* Whether a message or reply was told so. */
bool connect_ws_told(const struct http_message *message);

#endif
