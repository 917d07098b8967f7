#ifndef HOTBED_MOCKSERVERS_CONNECT_SOCKETS_H
#define HOTBED_MOCKSERVERS_CONNECT_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/wire/websocket.h"

/* WebSockets of printers whose Buddy firmware is built for them (connect-buddy.md 1.6, 6.1, 7.4):
 * GET /p/ws of a printer with a token is granted, what it says there is taken as its telemetry and
 * events are over HTTP, commands go out as soon as they are due. Everything that makes the server
 * change its mind over HTTP (hooks.h, misbehave.h) does so here: a status that is an error closes
 * the connection. */

struct connect_server;
struct connect_printer;

/* Whether the printer has a WebSocket now. */
bool connect_printer_has_socket(const struct connect_printer *printer);

/* Say something to a printer beside the commands: a frame as it is described, masked or with
 * reserved bits if that is wanted, or bytes that are none. False: it has no WebSocket. */
bool connect_socket_send_frame(struct connect_printer *printer,
                               const struct websocket_frame *frame);
bool connect_socket_send_raw(struct connect_printer *printer, const void *bytes, size_t size);
bool connect_socket_close(struct connect_printer *printer, unsigned code, const char *reason);
/* End the connection without a Close: in order, or by breaking it. */
bool connect_socket_drop(struct connect_printer *printer, bool reset);
/* A message of a type: 'J', 'G', 'T' … with an id of eight hexadecimal digits. */
bool connect_socket_send_message(struct connect_printer *printer, char type, uint32_t id,
                                 const void *bytes, size_t size);

#endif
