#ifndef HOTBED_MOCKSERVERS_CONNECT_SERVER_H
#define HOTBED_MOCKSERVERS_CONNECT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "mockservers/connect/cameras.h"
#include "mockservers/connect/commands.h"
#include "mockservers/connect/files.h"
#include "mockservers/connect/hooks.h"
#include "mockservers/connect/log.h"
#include "mockservers/connect/misbehave.h"
#include "mockservers/connect/printers.h"
#include "mockservers/connect/secrets.h"
#include "mockservers/connect/sockets.h"
#include "mockservers/connect/transfers.h"
#include "sim/base/world.h"
#include "sim/wire/service.h"

/* A stand-in for Prusa Connect, the side that printers talk to (connect-sdk.md 1 to 7): a service
 * without sockets. It issues codes and tokens, believes what printers tell it (printers.h),
 * delivers commands in replies to telemetry (commands.h), keeps a bounded log of all exchanges
 * (log.h), and lets somebody change its mind at every decision (hooks.h, misbehave.h). Everything
 * is per printer; what it does depends on the world alone. */

struct connect_server;

enum { CONNECT_ADD_NEVER = -1 };

struct connect_server_settings {
    /* When the user adds a printer that shows its code: this long after POST /p/register, 0 at
     * once, CONNECT_ADD_NEVER only by connect_printer_add(). */
    int64_t add_after_us;
    int64_t code_lifetime_us; /* a code dies after this; 0: 30 minutes (3.3) */
    int64_t resend_after_us; /* a delivered command without any answer goes out again after this; 0:
                                3 s */
    bool
        no_view; /* under load: believe nothing of printers but who they are and what commands do */
    bool adopt_unknown_tokens; /* take a printer that comes with a token from elsewhere; else it
                                  gets 403 */
    size_t log_bytes;          /* size of the log's ring; 0: no log */
    size_t printers_max;       /* more are refused with 503; 0: 1,000,000 */
    size_t queue_max;          /* commands that wait for one printer; 0: 64 */
    size_t history_max;        /* ended commands remembered per printer; 0: 256 */
    size_t history_bytes;      /* the same with their answers, of all printers; 0: 16 MiB */
};

struct connect_server *connect_server_new(struct world *world,
                                          const struct connect_server_settings *settings);
void connect_server_destroy(struct connect_server *server);

/* What a front listens for. Lives as long as the server. */
struct http_service *connect_server_service(struct connect_server *server);

struct world *connect_server_world(struct connect_server *server);
struct connect_server_settings *
connect_server_settings(struct connect_server *server);                /* may be changed any time */
struct connect_log *connect_server_log(struct connect_server *server); /* NULL: none */

/* Why a request gets no reply. */
enum connect_unanswered {
    CONNECT_UNANSWERED_GONE,   /* the printer ended the connection first */
    CONNECT_UNANSWERED_BROKEN, /* the server ends it */
    CONNECT_UNANSWERED_SILENT, /* the server says nothing; the connection stays */
};

/* Somebody who is told what happens; members may be NULL. The structure is the caller's, until
 * unobserve. */
struct connect_observer {
    /* A request has come in; nothing was done about it yet. `connection` is the front's number. */
    void (*request)(void *owner, uint32_t connection, const struct http_message *request);
    /* Its reply goes out now. `printer` NULL: not recognised; `reply` NULL: its bytes are no whole
     * HTTP message. */
    void (*reply)(void *owner, uint32_t connection, struct connect_printer *printer,
                  const struct http_message *reply);
    void (*unanswered)(void *owner, uint32_t connection, enum connect_unanswered why);
    /* In a WebSocket, whose messages are told as requests and replies as well
     * (sim/protocol/connect/ws_told.h): each frame, and its end. */
    void (*frame)(void *owner, uint32_t connection, bool by_printer,
                  const struct websocket_frame *frame);
    void (*socket_ended)(void *owner, uint32_t connection, const struct websocket_end *end);
    /* What is believed of a printer has changed; `event` is the event's body if one caused it, else
     * NULL. */
    void (*changed)(void *owner, struct connect_printer *printer, const cJSON *event);
    /* A command's status has changed. */
    void (*command)(void *owner, struct connect_command *command);
    void *owner;
    struct connect_observer *next; /* the server's */
};

void connect_server_observe(struct connect_server *server, struct connect_observer *observer);
void connect_server_unobserve(struct connect_server *server, struct connect_observer *observer);

#endif
