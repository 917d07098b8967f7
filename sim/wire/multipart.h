#ifndef HOTBED_WIRE_MULTIPART_H
#define HOTBED_WIRE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* A multipart/form-data body (RFC 7578) as it comes in, piece by piece: nothing of a part's content
 * is held but the bytes that may be the beginning of a boundary. */

enum {
    MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 section 5.1.1 */
    MULTIPART_HEAD_BYTES_MAX = 8 * 1024,
    MULTIPART_PARTS_MAX = 64,
};

/* Valid during the call. Texts as they were sent, "" where they are missing. */
struct multipart_part {
    const char *name, *filename, *content_type;
    bool has_filename;
};

struct multipart_events {
    void (*part)(void *owner, const struct multipart_part *part); /* a part begins */
    void (*content)(void *owner, const char *bytes, size_t size);
    void (*part_end)(void *owner);
    void (*end)(void *owner);                     /* the last boundary is in; the rest is ignored */
    void (*failed)(void *owner, const char *why); /* once; the rest is ignored */
};

struct multipart {
    const struct multipart_events *events;
    void *owner;
    struct buffer delimiter; /* CR LF and the boundary with its dashes */
    struct buffer held;
    uint8_t phase;
    uint32_t parts;
};

/* The boundary of a Content-Type; false: not multipart/form-data, or none within its bounds. */
bool multipart_boundary(struct slice content_type, char out[MULTIPART_BOUNDARY_MAX + 1]);
void multipart_init(struct multipart *multipart, const char *boundary,
                    const struct multipart_events *events, void *owner);
void multipart_free(struct multipart *multipart);
/* No callback may free it. */
void multipart_feed(struct multipart *multipart, const char *bytes, size_t size);
/* The body is over: tells `failed` unless the last boundary was seen. */
void multipart_finish(struct multipart *multipart);

#endif
