/* Bodies that do not lie whole in one piece: of known length, in chunks, or until the connection
 * ends. What is told depends on the bytes alone, as in http.c. */
#include "sim/wire/http_body.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/base/memory.h"

enum { CHUNK_LINE_MAX = 256, CHUNK_DIGITS_MAX = 15 };

/* A message whose head is read and whose body is not. */
struct http_unfinished {
    struct buffer head, body;
    uint64_t body_bytes;
    size_t trailer_bytes;
    struct http_chunks chunks;
};

void http_unfinished_free(struct http_unfinished *message)
{
    if (message != NULL) {
        buffer_free(&message->head);
        buffer_free(&message->body);
        free(message);
    }
}

void http_body_begin(struct http_parser *parser, const struct http_head *head, const char *bytes,
                     struct buffer *storage)
{
    parser->message = memory_new(sizeof *parser->message);
    if (storage->bytes != NULL) {
        parser->message->head = *storage;
        *storage = (struct buffer){0};
    } else {
        buffer_append(&parser->message->head, bytes, head->size);
    }
    parser->digits = 0;
    parser->line_bytes = 0;
    parser->remaining = head->body == HTTP_BODY_LENGTH ? head->length : 0;
    parser->phase = head->body == HTTP_BODY_LENGTH    ? PHASE_BODY
                    : head->body == HTTP_BODY_CHUNKED ? PHASE_CHUNK_SIZE
                                                      : PHASE_BODY_END;
}

/* The head is read again from the copy. */
void http_body_complete(struct http_parser *parser, size_t behind)
{
    struct http_unfinished *done = parser->message;
    parser->message = NULL;
    buffer_free(&parser->held);
    struct http_message message;
    struct http_head head;
    enum http_head_state state =
        http_head_parse(&message, parser->requests, http_parser_lax(parser), done->head.bytes,
                        done->head.size, &head);
    assert(state == HTTP_HEAD_DONE);
    (void)state;
    if (parser->phase == PHASE_BODY_END) {
        message.keep_alive = false;
    }
    message.chunks = done->chunks;
    if (done->body.size > 0) {
        message.body = (struct slice){done->body.bytes, done->body.size};
    }
    http_parser_complete(parser, &message, behind);
    http_unfinished_free(done);
}

/* False: over the limit, the parser has failed, or a callback abandoned it. */
static bool add_body(struct http_parser *parser, const char *bytes, size_t size,
                     const bool *abandoned)
{
    struct http_unfinished *message = parser->message;
    uint64_t room = parser->body_bytes_max - message->body_bytes;
    size_t taken = size <= room ? size : (size_t)room;
    message->body_bytes += taken;
    if (http_parser_collects(parser)) {
        buffer_append(&message->body, bytes, taken);
    } else if (taken > 0) {
        parser->events->body(parser->owner, bytes, taken);
        if (*abandoned) {
            return false;
        }
    }
    if (taken < size) {
        http_parser_fail(parser, HTTP_PROBLEM_BODY_SIZE, "the body is larger than allowed");
        return false;
    }
    return true;
}

/* Of a body whose length is known, or of a chunk. */
static size_t step_data(struct http_parser *parser, const char *bytes, size_t size,
                        const bool *abandoned)
{
    size_t taken = size <= parser->remaining ? size : (size_t)parser->remaining;
    if (!add_body(parser, bytes, taken, abandoned)) {
        return taken;
    }
    parser->remaining -= taken;
    if (parser->remaining == 0) {
        if (parser->phase == PHASE_BODY) {
            http_body_complete(parser, size - taken);
        } else {
            parser->phase = PHASE_CHUNK_CR;
        }
    }
    return taken;
}

static void note_chunk(struct http_chunks *chunks, uint64_t size, uint8_t digits)
{
    chunks->digits_least =
        chunks->count == 0 || digits < chunks->digits_least ? digits : chunks->digits_least;
    chunks->digits_most = digits > chunks->digits_most ? digits : chunks->digits_most;
    chunks->largest = size > chunks->largest ? size : chunks->largest;
    chunks->count++;
}

static void chunk_size_read(struct http_parser *parser)
{
    note_chunk(&parser->message->chunks, parser->remaining, parser->digits);
    parser->digits = 0;
    parser->line_bytes = 0;
    parser->phase = parser->remaining == 0 ? PHASE_TRAILERS : PHASE_CHUNK_DATA;
    if (parser->remaining > parser->body_bytes_max - parser->message->body_bytes) {
        http_parser_fail(parser, HTTP_PROBLEM_BODY_SIZE, "the body is larger than allowed");
    }
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One byte of what stands around chunks. */
static void step_chunk(struct http_parser *parser, char c)
{
    bool bare_lf = c == '\n' && !parser->requests;
    switch ((enum http_phase)parser->phase) {
    case PHASE_CHUNK_SIZE:
        if (hex_value(c) >= 0 && parser->digits < CHUNK_DIGITS_MAX) {
            parser->remaining = parser->remaining * 16 + (uint64_t)hex_value(c);
            parser->message->chunks.small_letters |= c >= 'a';
            parser->digits++;
            return;
        }
        if (parser->digits == 0 || hex_value(c) >= 0) {
            http_parser_fail(parser, HTTP_PROBLEM_LENGTH,
                             "the size of a chunk is not a hexadecimal number within bounds");
            return;
        }
        parser->phase = PHASE_CHUNK_EXTENSION;
        if (c != '\r' && c != '\n' && c != ';' && c != ' ' && c != '\t') {
            http_parser_fail(parser, HTTP_PROBLEM_LENGTH,
                             "the size of a chunk is followed by something else");
            return;
        }
        /* fall through */
    case PHASE_CHUNK_EXTENSION:
        if (bare_lf) {
            chunk_size_read(parser);
        } else if (c == '\r') {
            parser->phase = PHASE_CHUNK_SIZE_LF;
        } else if (((unsigned char)c < 0x20 && c != '\t') ||
                   ++parser->line_bytes > CHUNK_LINE_MAX) {
            http_parser_fail(parser, HTTP_PROBLEM_LENGTH,
                             "the extension of a chunk is too long or has control characters");
        }
        return;
    case PHASE_CHUNK_SIZE_LF:
        if (c != '\n') {
            http_parser_fail(parser, HTTP_PROBLEM_LENGTH,
                             "the line of a chunk size ends with CR alone");
            return;
        }
        chunk_size_read(parser);
        return;
    case PHASE_CHUNK_CR:
    default:
        if (c == '\r' && parser->phase == PHASE_CHUNK_CR) {
            parser->phase = PHASE_CHUNK_LF;
        } else if (bare_lf || (c == '\n' && parser->phase == PHASE_CHUNK_LF)) {
            parser->phase = PHASE_CHUNK_SIZE;
        } else {
            http_parser_fail(parser, HTTP_PROBLEM_LENGTH, "a chunk is longer than its size");
        }
        return;
    }
}

/* Trailers must be header lines; nobody here needs what they say. */
static size_t step_trailers(struct http_parser *parser, const char *bytes, size_t size)
{
    const char *lf = memchr(bytes, '\n', size);
    size_t taken = lf == NULL ? size : (size_t)(lf - bytes) + 1;
    struct http_unfinished *message = parser->message;
    size_t room = HTTP_HEAD_BYTES_MAX - message->trailer_bytes;
    if (taken > room) {
        http_parser_fail(parser, HTTP_PROBLEM_HEAD_SIZE, "the trailers are larger than 32 KiB");
        return taken;
    }
    message->trailer_bytes += taken;
    struct slice line = {bytes, taken};
    if (lf == NULL || parser->held.size > 0) {
        buffer_append(&parser->held, bytes, taken);
        if (lf == NULL) {
            return taken;
        }
        line = (struct slice){parser->held.bytes, parser->held.size};
    }
    struct http_header header;
    struct http_head problem;
    if (!http_line_trim(&line, !parser->requests)) {
        http_parser_fail(parser, HTTP_PROBLEM_SYNTAX, "a line of a request ends with LF alone");
    } else if (line.size == 0) {
        http_body_complete(parser, size - taken);
    } else if (!http_header_line_parse(&header, line, &problem)) {
        http_parser_fail(parser, problem.problem, problem.why);
    } else {
        parser->held.size = 0;
    }
    return taken;
}

size_t http_body_step(struct http_parser *parser, const char *bytes, size_t size,
                      const bool *abandoned)
{
    switch ((enum http_phase)parser->phase) {
    case PHASE_BODY:
    case PHASE_CHUNK_DATA:
        return step_data(parser, bytes, size, abandoned);
    case PHASE_BODY_END:
        add_body(parser, bytes, size, abandoned);
        return size;
    case PHASE_TRAILERS:
        return step_trailers(parser, bytes, size);
    case PHASE_CHUNK_SIZE:
    case PHASE_CHUNK_EXTENSION:
    case PHASE_CHUNK_SIZE_LF:
    case PHASE_CHUNK_CR:
    case PHASE_CHUNK_LF:
        step_chunk(parser, *bytes);
        return 1;
    case PHASE_HEAD:
    case PHASE_FAILED:
        break;
    }
    assert(false);
    return size;
}
