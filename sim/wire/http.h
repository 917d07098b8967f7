#ifndef HOTBED_WIRE_HTTP_H
#define HOTBED_WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* HTTP/1.1 messages (RFC 9112) without I/O: bytes in, messages out, for both sides. Hand-written
 * because header order, case and framing are what hotbed imitates and judges. */

struct slice {
    const char *bytes; /* not NUL-terminated */
    size_t size;
};

bool slice_is(struct slice slice, const char *text);        /* exactly */
bool slice_is_nocase(struct slice slice, const char *text); /* ASCII */
struct slice slice_of(const char *text);

enum {
    HTTP_HEADERS_MAX = 64,
    HTTP_HEAD_BYTES_MAX = 32 * 1024, /* start line and headers; the same for trailers */
    HTTP_PAUSED_BYTES_MAX =
        256 * 1024, /* what a peer may pipeline behind a message that is being answered */
};

struct http_header {
    struct slice name, value; /* blanks around the value removed */
};

/* How a body was cut into chunks: for those who judge how somebody else writes. */
struct http_chunks {
    uint32_t count;       /* with the last, empty one; 0: not in chunks */
    uint64_t largest;     /* bytes */
    uint8_t digits_least; /* of the sizes, as they were written */
    uint8_t digits_most;
    bool small_letters; /* in a size */
};

/* A parsed message. The slices point into the parser's memory or into what was fed, and live until
 * the callback that shows them returns, even if that callback frees the parser. */
struct http_message {
    bool request;
    bool keep_alive;             /* by version, Connection header and framing */
    int minor_version;           /* HTTP/1.<minor> */
    int status;                  /* reply, 100..999 */
    struct slice method, target; /* request; of an absolute target its path and query */
    struct slice reason;         /* reply */
    struct slice head;           /* start line to the empty line, as received */
    struct slice body;           /* whole body with any chunking removed, unless it was streamed */
    int64_t content_length;      /* as announced; -1: not at all, -2: no number (HTTP_LAX_LENGTH) */
    struct http_chunks chunks;
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

const struct http_header *http_header(const struct http_message *message,
                                      const char *name); /* first; NULL: none */
struct slice http_header_value(const struct http_message *message,
                               const char *name); /* bytes NULL: none */
/* Whether one of the comma-separated words of a header is `token`, in any case of letters. */
bool http_header_has_token(struct slice value, const char *token);

enum http_problem {
    HTTP_PROBLEM_NONE,
    HTTP_PROBLEM_SYNTAX,    /* not HTTP */
    HTTP_PROBLEM_VERSION,   /* HTTP, but not 1.x */
    HTTP_PROBLEM_HEAD_SIZE, /* head or header count over its limit */
    HTTP_PROBLEM_BODY_SIZE, /* body over its limit */
    HTTP_PROBLEM_LENGTH,    /* contradicting or unreadable Content-Length, bad chunk */
    HTTP_PROBLEM_CODING,    /* a Transfer-Encoding other than chunked */
    HTTP_PROBLEM_CUT,       /* the stream ended inside a message */
    HTTP_PROBLEM_TIME,      /* it does not arrive in time: told by servers, never by a parser */
};

/* What a parser lets pass though RFC 9112 forbids it: programs do. */
enum http_lax {
    HTTP_LAX_LF = 1 << 0,     /* lines of a head end with LF alone, too; with replies always */
    HTTP_LAX_CR = 1 << 1,     /* … or with CR alone */
    HTTP_LAX_LENGTH = 1 << 2, /* a Content-Length that is no number or contradicts, and any
                                 Transfer-Encoding: as if the message had no body */
    HTTP_LAX_TARGET = 1 << 3, /* a target that is a whole address stays as it is, where RFC 9112,
                                 3.2.2 wants its path */
};

struct http_parser_events {
    /* The head is read. Return true if there is no body whatever its headers say (a reply to HEAD).
     * It may set parser->collect. NULL: false. */
    bool (*head)(void *owner, const struct http_message *message);
    /* A piece of body, instead of collecting it in message->body. NULL, or parser->collect: the
     * body is collected. */
    void (*body)(void *owner, const char *bytes, size_t size);
    /* Interim replies (1xx) come as messages of their own. */
    void (*complete)(void *owner, const struct http_message *message);
    /* Once; everything behind it is ignored. */
    void (*failed)(void *owner, enum http_problem problem, const char *why);
};

struct http_unfinished;

/* One direction of one connection. Between messages it holds no memory of its own, and a message
 * that arrives in one piece is shown where it lies, without a copy. Any callback may call pause,
 * reset or free. How the bytes are cut into pieces makes no difference to what is told. */
struct http_parser {
    const struct http_parser_events *events;
    void *owner;
    size_t body_bytes_max; /* larger bodies fail; SIZE_MAX: no limit (streamed bodies) */
    size_t behind; /* during `complete`: how many bytes of the same piece follow the message */
    struct slice
        seen; /* during `failed`: what there is of the head that failed; else not meaningful */
    size_t head_bytes_max; /* 0: HTTP_HEAD_BYTES_MAX */
    unsigned lax;          /* HTTP_LAX_* */
    bool collect;          /* the bodies, though `body` is there to be told of them */
    bool length_later;     /* `head` of a request is told before its length is held against
                              body_bytes_max,     which that call may change */
    /* The rest is http.c's own. */
    struct buffer held;              /* the beginning of a head, or what waits while paused */
    struct http_unfinished *message; /* its head is read, its body is not */
    uint64_t remaining;              /* of the body or the chunk */
    bool *abandoned; /* not NULL while feeding: set when a callback resets or frees */
    bool requests;   /* which side's messages come in */
    bool paused;
    bool ended;
    bool start_line_read;
    uint8_t phase;
    uint8_t blank_lines; /* skipped before a request line */
    uint8_t digits;      /* of a chunk size */
    uint16_t line_bytes; /* of a chunk size line */
};

/* body_bytes_max starts at 16 MiB. */
void http_parser_init(struct http_parser *parser, bool requests,
                      const struct http_parser_events *events, void *owner);
void http_parser_free(struct http_parser *parser);
void http_parser_reset(struct http_parser *parser); /* a new connection; limits and events stay */
void http_parser_feed(struct http_parser *parser, const char *bytes, size_t size);
/* The stream has ended: completes a reply that ends with its connection, else fails as CUT if
 * inside a message. */
void http_parser_end(struct http_parser *parser);
/* Keep what follows the present message until resume, which goes on with it at once (or, called
 * from within a callback, as soon as that returns). */
void http_parser_pause(struct http_parser *parser);
void http_parser_resume(struct http_parser *parser);
/* Between messages, nothing of a next one read. */
bool http_parser_idle(const struct http_parser *parser);

/* Writing: a message is its lines in the order of the calls. Names and values go out as they are.
 */
void http_write_request(struct buffer *out, const char *method, const char *target); /* HTTP/1.1 */
void http_write_status(struct buffer *out, int status,
                       const char *reason); /* reason NULL: the usual one */
void http_write_header(struct buffer *out, const char *name, const char *value);
void http_write_header_int(struct buffer *out, const char *name, int64_t value);
void http_write_end(struct buffer *out); /* the empty line */
const char *http_reason(int status);     /* "" when there is no usual one */
bool http_status_has_body(int status);   /* not 1xx, 204, 304 */

#endif
