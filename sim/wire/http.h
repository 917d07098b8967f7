#ifndef HOTBED_WIRE_HTTP_H
#define HOTBED_WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* HTTP/1.1 messages (RFC 9112) without I/O: bytes in, messages out, for both sides. Hand-written because header order,
 * case and framing are what hotbed imitates and judges. */

struct slice {
    const char *bytes; /* not NUL-terminated */
    size_t size;
};

bool slice_is(struct slice slice, const char *text);             /* exactly */
bool slice_is_nocase(struct slice slice, const char *text);      /* ASCII */
struct slice slice_of(const char *text);

enum { HTTP_HEADERS_MAX = 64, HTTP_HEAD_BYTES_MAX = 32 * 1024 };

struct http_header {
    struct slice name, value; /* blanks around the value removed */
};

/* A parsed message. The slices point into the parser's memory and live until the callback that shows them returns. */
struct http_message {
    bool request;
    struct slice method, target;  /* request */
    int status;                   /* reply, 100..999 */
    struct slice reason;          /* reply */
    int minor_version;            /* HTTP/1.<minor> */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    bool keep_alive;              /* by version and Connection header */
    struct slice head;            /* request or status line to the empty line, as received */
    struct slice body;            /* whole body, unless it was streamed */
};

const struct http_header *http_header(const struct http_message *message, const char *name); /* first; NULL: none */
struct slice http_header_value(const struct http_message *message, const char *name); /* bytes NULL: none */

enum http_parse_problem {
    HTTP_PROBLEM_NONE,
    HTTP_PROBLEM_SYNTAX,    /* not HTTP */
    HTTP_PROBLEM_TOO_LARGE, /* head, header count or body over its limit */
    HTTP_PROBLEM_LENGTH,    /* contradicting or unreadable Content-Length, bad chunk */
    HTTP_PROBLEM_CUT,       /* the stream ended inside a message */
};

struct http_parser;

struct http_parser_events {
    /* The head is read. For a reply, return true if it has no body whatever its headers say (reply to HEAD). NULL: false. */
    bool (*head)(void *owner, const struct http_message *message);
    /* A piece of body, instead of collecting it in message->body. NULL: the body is collected. */
    void (*body)(void *owner, const char *bytes, size_t size);
    void (*complete)(void *owner, const struct http_message *message);
    void (*failed)(void *owner, enum http_parse_problem problem, const char *why);
};

/* One direction of one connection. Idle it holds no memory of its own. `opaque` state is http.c's business. */
struct http_parser {
    const struct http_parser_events *events;
    void *owner;
    size_t body_bytes_max; /* larger bodies fail as TOO_LARGE; SIZE_MAX: no limit (streamed bodies) */
    bool requests;         /* which side's messages come in */
    uint8_t phase;
    bool failed;
    bool paused;           /* http_parser_pause(): complete messages behind the present one wait */
    uint64_t remaining;    /* of body or chunk */
    struct buffer held;    /* bytes of a message that is not complete */
    struct http_body_state *state; /* of a message in work */
};

void http_parser_init(struct http_parser *parser, bool requests, const struct http_parser_events *events, void *owner);
void http_parser_free(struct http_parser *parser);
void http_parser_reset(struct http_parser *parser); /* a new connection; limits and events stay */
void http_parser_feed(struct http_parser *parser, const char *bytes, size_t size);
/* The stream has ended: completes a reply that ends with its connection, else fails as CUT if inside a message. */
void http_parser_end(struct http_parser *parser);
/* Between messages, nothing of a next one read. */
bool http_parser_idle(const struct http_parser *parser);

/* Writing: a message is its lines in the order of the calls. */
void http_write_request(struct buffer *out, const char *method, const char *target);
void http_write_status(struct buffer *out, int status, const char *reason); /* reason NULL: the usual one */
void http_write_header(struct buffer *out, const char *name, const char *value);
void http_write_header_int(struct buffer *out, const char *name, int64_t value);
void http_write_end(struct buffer *out); /* the empty line */
const char *http_reason(int status);

#endif
