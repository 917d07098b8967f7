#ifndef HOTBED_WIRE_HTTP_BODY_H
#define HOTBED_WIRE_HTTP_BODY_H

#include "sim/wire/http_head.h"

/* The halves of the parser to each other: http.c knows heads and pauses, http_body.c the bodies
 * that come in pieces. Nobody else includes this. */

enum http_phase {
    PHASE_HEAD,
    PHASE_BODY,       /* of known length */
    PHASE_BODY_END,   /* until the connection ends */
    PHASE_CHUNK_SIZE, /* digits */
    PHASE_CHUNK_EXTENSION,
    PHASE_CHUNK_SIZE_LF,
    PHASE_CHUNK_DATA,
    PHASE_CHUNK_CR,
    PHASE_CHUNK_LF,
    PHASE_TRAILERS,
    PHASE_FAILED,
};

static inline bool http_parser_collects(const struct http_parser *parser)
{
    return parser->events->body == NULL || parser->collect;
}

/* Servers of all kinds end lines with LF alone. */
static inline unsigned http_parser_lax(const struct http_parser *parser)
{
    return parser->requests ? parser->lax : parser->lax | HTTP_LAX_LF;
}

/* The head of parser->message is complete, its body is not. `storage` holds the head and is taken
 * over, or it is empty and the head is copied from `bytes`. */
void http_body_begin(struct http_parser *parser, const struct http_head *head, const char *bytes,
                     struct buffer *storage);
/* In a phase between head and failure: returns how much was used. *abandoned: by a callback. */
size_t http_body_step(struct http_parser *parser, const char *bytes, size_t size,
                      const bool *abandoned);
/* The body has come to its end; `behind` of what was fed follows it. */
void http_body_complete(struct http_parser *parser, size_t behind);
void http_unfinished_free(struct http_unfinished *message);

/* Tell the owner of a message, `behind` of what was fed follows it, or why there will be none. */
void http_parser_complete(struct http_parser *parser, const struct http_message *message,
                          size_t behind);
void http_parser_fail(struct http_parser *parser, enum http_problem problem, const char *why);

#endif
