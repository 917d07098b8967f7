#ifndef HOTBED_BASE_TRACE_H
#define HOTBED_BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"

struct world;

/* The record of a run: a line of JSON (NDJSON) for each message and each thing done from outside,
 * in the order in which they happened, with nothing in it that depends on the machine, so that
 * equal seeds give equal bytes. Secrets do not get in: trace_http() replaces the values of secret
 * headers and members, and whoever records something else redacts it first.
 *
 *   {"t": 1.250000, "from": "mk3s-0", "to": "connect", "conn": 1, "kind": "request", "text": "POST
 * /p/telemetry ..."}
 *   {"t": 1.250000, "from": "connect", "to": "mk3s-0", "conn": 1, "kind": "reply", "text":
 * "HTTP/1.1 204 No Content..."}
 *   {"t": 2.000000, "from": "world", "kind": "note", "text": "storage \"SD Card\" of mk3s-0
 * detached"} */
struct trace {
    void (*write)(void *sink, const char *line, size_t size); /* a whole line with its LF */
    void *sink;
    struct buffer line; /* scratch */
};

void trace_init(struct trace *trace, void (*write)(void *sink, const char *line, size_t size),
                void *sink);
void trace_free(struct trace *trace);

/* Each does nothing when world->trace is NULL. `kind`: "request", "reply", "open", "close",
 * "reset". */
void trace_http(struct world *world, const char *from, const char *to, uint32_t connection,
                const char *kind, const char *bytes, size_t size);
/* What passes in a WebSocket: a "message" of so many frames with its JSON, or a control frame.
 * `size` of the whole may be more than what is shown. */
void trace_frames(struct world *world, const char *from, const char *to, uint32_t connection,
                  const char *kind, unsigned frames, const char *bytes, size_t shown, size_t size);
void trace_note(struct world *world, const char *from, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copy an HTTP message to `out` with the values of its secret headers (Token, Code, Temporary-Code,
 * X-Api-Key, Authorization, Proxy-Authorization, Cookie, Set-Cookie, X-Auth-Token) replaced by
 * "<redacted>", and those of its body as trace_redact_json() does it; everything else byte for
 * byte. */
void trace_redact_http(struct buffer *out, const char *bytes, size_t size);

/* Copy a body to `out` with the text of its members "api_key", "token" and "password" replaced, at
 * any depth. The body may be cut anywhere, and need not be JSON. */
void trace_redact_json(struct buffer *out, const char *bytes, size_t size);

#endif
