#ifndef HOTBED_MOCKSERVERS_CONNECT_HOOKS_H
#define HOTBED_MOCKSERVERS_CONNECT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/service.h"

/* Somebody else may decide what the server answers. A hook is asked before the server acts
 * (REGISTER to SNAPSHOT), when it is about to put a command into a reply (DELIVERY), and when any
 * reply is about to go (REPLY). */

struct connect_server;
struct connect_printer;
struct connect_command;

enum connect_point {
    CONNECT_POINT_REGISTER, /* POST /p/register; printer NULL: a new one */
    CONNECT_POINT_POLL,     /* GET /p/register */
    CONNECT_POINT_TELEMETRY,
    CONNECT_POINT_EVENT,
    CONNECT_POINT_PROBE,    /* GET /info */
    CONNECT_POINT_OTHER,    /* anything else: 404 */
    CONNECT_POINT_FILE,     /* GET of a file that is offered (files.h) */
    CONNECT_POINT_CAMERA,   /* POST /p/camera */
    CONNECT_POINT_SNAPSHOT, /* PUT /c/snapshot */
    CONNECT_POINT_SOCKET,   /* GET /p/ws, and requests for file data in it */
    CONNECT_POINT_DELIVERY,
    CONNECT_POINT_REPLY,
    CONNECT_POINT_COUNT
};

const char *connect_point_name(enum connect_point point); /* "register" */

/* A reply in the making. Strings are copied by the functions below. */
struct connect_reply {
    struct http_reply
        http; /* after, delay_us, piece_bytes, piece_gap_us and status may be set directly */
    size_t cut_bytes;   /* send only so many bytes of the whole reply and close; SIZE_MAX: all */
    unsigned copies;    /* how often the reply is sent in a row: 1 */
    struct buffer body; /* what http.body is set to, if not NULL */
    char *texts[2 * HTTP_REPLY_HEADERS_MAX]; /* copies */
    size_t text_count;
};

void connect_reply_clear(struct connect_reply *reply);              /* an empty reply, no status */
void connect_reply_answer(struct connect_reply *reply, int status); /* clear and set the status */
void connect_reply_set_header(struct connect_reply *reply, const char *name,
                              const char *value); /* replace or add; NULL removes */
const char *connect_reply_header(const struct connect_reply *reply, const char *name);
void connect_reply_set_body(struct connect_reply *reply, const void *bytes,
                            size_t size); /* bytes NULL: none */
void connect_reply_set_raw(struct connect_reply *reply, const void *bytes,
                           size_t size); /* instead of all */
/* The bytes of the reply as HTTP/1.1, Content-Length added as the front would. */
void connect_reply_render(const struct connect_reply *reply, struct buffer *out);

struct connect_decision {
    enum connect_point point;
    struct connect_server *server;
    struct connect_printer *printer; /* NULL: not recognised */
    const struct http_message *request;
    uint32_t connection;
    /* REGISTER … SNAPSHOT: empty, fill it and set `answered`; DELIVERY and REPLY: what the server
     * is about to say. */
    struct connect_reply *reply;
    struct connect_command *command; /* DELIVERY, and REPLY with one in it; else NULL */
    bool answered; /* set by the hook: the server gives no answer of its own; it still believes what
                      it was told … */
    bool ignore;   /* … unless the hook sets this: the message has no effect on the server */
    bool hold;     /* DELIVERY: not now; the command stays in its queue and the reply is 204 */
};

typedef void connect_hook(void *owner, struct connect_decision *decision);

/* One hook per point; NULL takes it away. Misbehaviours (misbehave.h) act before it at the same
 * point. */
void connect_server_hook(struct connect_server *server, enum connect_point point,
                         connect_hook *hook, void *owner);

#endif
