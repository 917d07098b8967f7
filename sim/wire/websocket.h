#ifndef HOTBED_WIRE_WEBSOCKET_H
#define HOTBED_WIRE_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/random.h"
#include "sim/base/world.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* WebSocket (RFC 6455) over any stream, for both sides; libwslay reads and writes the frames. What
 * a side says and when is its owner's business: this knows frames, messages and their limits,
 * answers pings and closes in order. Keys and masks come from the world's random source. */

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

const char *websocket_opcode_name(unsigned opcode); /* "text"; of unknown ones "reserved" */

/* Codes of Close frames (RFC 6455 section 7.4.1). */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_CODE = 1005,  /* a Close without a code; never sent */
    WEBSOCKET_ABNORMAL = 1006, /* no Close at all; never sent */
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
};

enum {
    WEBSOCKET_CONTROL_BYTES_MAX = 125, /* payload of Close, Ping and Pong (RFC 6455 section 5.5) */
    WEBSOCKET_KEY_BYTES = 25,          /* with NUL */
    WEBSOCKET_ACCEPT_BYTES = 29,       /* with NUL */
};

/* One frame as it is on the wire, its payload unmasked. */
struct websocket_frame {
    uint8_t opcode; /* enum websocket_opcode, or a reserved one */
    uint8_t rsv;    /* 4: RSV1, 2: RSV2, 1: RSV3 */
    bool fin;
    bool masked;
    const char *payload;
    size_t size;
};

/* ---- handshake (RFC 6455 section 4) ---- */

void websocket_make_key(char key[WEBSOCKET_KEY_BYTES], struct random *random);
/* base64(SHA-1(key, GUID)), for any key (PFB: src/common/http/websocket.cpp has a vector). */
void websocket_accept_of(char accept[WEBSOCKET_ACCEPT_BYTES], struct slice key);

/* Whether a request asks for a WebSocket in a form that can be granted: 0, or the status to refuse
 * it with and why. A request that does not ask for one at all is refused with 426. */
int websocket_request_refused(const struct http_message *request, const char **why);

/* A reply that grants it: 101 with Upgrade, Connection, Sec-WebSocket-Accept and, unless NULL,
 * Sec-WebSocket-Protocol. `accept` is where its value is kept until the reply is sent. */
void websocket_grant(struct http_reply *reply, const struct http_message *request,
                     const char *protocol, char accept[WEBSOCKET_ACCEPT_BYTES]);

/* ---- a connection ---- */

struct websocket_settings {
    bool client;            /* masks what it sends and expects unmasked frames; else the reverse */
    size_t frame_bytes_max; /* payload of a frame that comes in; 0: 65,535 */
    size_t message_bytes_max;  /* of a message put together; 0: 1 MiB. Nothing is put together if
                                  events->data is there */
    size_t message_frames_max; /* 0: 4,096 */
    /* As Buddy's client is (connect-buddy.md 1.6): */
    uint8_t rsv_ignored;      /* reserved bits that are not looked at */
    bool any_data_opcode;     /* Text, Binary and Continuation are one */
    bool never_closes;        /* sends no Close, whatever happens */
    bool no_pong;             /* pings are not answered: a peer that misbehaves */
    const uint8_t *mask;      /* four bytes for every frame, kept; NULL: random ones each time */
    int64_t close_timeout_us; /* for the answer to our Close; 0: 10 s */
};

enum websocket_end_kind {
    WEBSOCKET_END_CLOSED, /* the peer sent a Close, or answered ours */
    WEBSOCKET_END_BROKEN, /* the peer broke the protocol or a limit: `code` is what it was told */
    WEBSOCKET_END_STREAM, /* the stream ended without a Close: `stream` */
    WEBSOCKET_END_SILENT, /* our Close was not answered in time */
};

struct websocket_end {
    enum websocket_end_kind kind;
    uint16_t code; /* in the peer's Close, or of its offence: enum websocket_code or another */
    enum stream_end stream;
    const char *why; /* one line, valid during the call */
};

struct websocket;

/* Any of them may send, pause, drop or destroy. */
struct websocket_events {
    /* A whole message, its fragments put together. */
    void (*message)(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size);
    /* Or instead each data frame as it comes, if this is not NULL. */
    void (*data)(void *owner, const struct websocket_frame *frame);
    /* Each frame that comes in, before anything is made of it, and that goes out (`sent`); may be
     * NULL. One that is refused is shown with what has come of it. Bytes that were sent raw are no
     * frames. */
    void (*frame)(void *owner, bool sent, const struct websocket_frame *frame);
    void (*waiting)(void *owner); /* something came in while paused; may be NULL */
    void (*drained)(void *owner); /* all that was sent has left; may be NULL */
    /* Once, last: the stream is gone. Only destroy is left to do. */
    void (*ended)(void *owner, const struct websocket_end *end);
};

/* Takes `stream` over, with its events and owner. `settings` is copied. What came in behind the
 * handshake is passed to websocket_receive(). */
struct websocket *websocket_new(struct world *world, struct stream *stream,
                                const struct websocket_settings *settings,
                                const struct websocket_events *events, void *owner);
/* If the stream stands it is closed, without a Close frame and without a word to the owner. */
void websocket_destroy(struct websocket *websocket);
/* The connection is broken off, without a word to the owner: only destroy is left to do. */
void websocket_reset(struct websocket *websocket);
void websocket_receive(struct websocket *websocket, const char *bytes, size_t size);

/* A message in one frame; TEXT, BINARY, or a PING of up to 125 bytes. Does nothing once a Close was
 * sent. */
void websocket_send(struct websocket *websocket, enum websocket_opcode opcode, const char *bytes,
                    size_t size);
/* One frame, exactly as it is described: fragments of a message, or something that breaks the
 * protocol. Control frames longer than 125 bytes go only as raw bytes. */
void websocket_send_frame(struct websocket *websocket, const struct websocket_frame *frame);
void websocket_send_raw(struct websocket *websocket, const char *bytes, size_t size);
/* Begin to leave in order: `ended` comes when the peer has answered, or does not. `reason` NULL:
 * none. */
void websocket_close(struct websocket *websocket, unsigned code, const char *reason);

/* Keep what comes in, and how the stream ends, unread until resume. At most 1 MiB is kept: more
 * breaks the connection. */
void websocket_pause(struct websocket *websocket);
void websocket_resume(struct websocket *websocket);
bool websocket_waiting(const struct websocket *websocket); /* there is something unread */

bool websocket_open(const struct websocket *websocket);           /* what is sent goes out */
uint32_t websocket_connection(const struct websocket *websocket); /* number of the stream */
int64_t websocket_sent_us(const struct websocket *websocket);     /* when something was sent last */

#endif
