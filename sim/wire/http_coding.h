#ifndef HOTBED_WIRE_HTTP_CODING_H
#define HOTBED_WIRE_HTTP_CODING_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/wire/http.h"

/* Content-Encoding of a body, undone piece by piece as Python's HTTP libraries do it: gzip, one
 * member behind the other, and deflate, with zlib's wrapper or without. Memory is bounded whatever
 * the body says it unpacks to. */
struct http_coding;

/* NULL: the body is to be taken as it is (RFC 9110 8.4.1). */
struct http_coding *http_coding_new(struct slice content_encoding);
void http_coding_destroy(struct http_coding *coding); /* NULL is fine */

enum http_coded { HTTP_CODED_FINE, HTTP_CODED_STOPPED, HTTP_CODED_BAD };

/* What comes out goes to `out`, which says false to stop: it may have destroyed the coding then. */
enum http_coded http_coding_feed(struct http_coding *coding, const char *bytes, size_t size,
                                 bool (*out)(void *owner, const char *bytes, size_t size),
                                 void *owner);
const char *http_coding_error(const struct http_coding *coding); /* zlib's words; "" */

#endif
