/* The incremental parser of HTTP/1.1. What is told depends on the bytes alone, never on how they
 * were cut: each check is made at a fixed place of the stream. A message that lies whole in one
 * piece takes the short way through head_read(): nothing is stored or copied. */
#include "sim/wire/http.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/wire/http_head.h"

enum phase {
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

enum { CHUNK_LINE_MAX = 256, BLANK_LINES_MAX = 8, CHUNK_DIGITS_MAX = 15 };

#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* A message whose head is read and whose body is not. */
struct http_unfinished {
    struct buffer head, body;
    uint64_t body_bytes;
    size_t trailer_bytes;
};

static void unfinished_free(struct http_unfinished *message)
{
    if (message != NULL) {
        buffer_free(&message->head);
        buffer_free(&message->body);
        free(message);
    }
}

void http_parser_init(struct http_parser *parser, bool requests,
                      const struct http_parser_events *events, void *owner)
{
    *parser = (struct http_parser){
        .events = events, .owner = owner, .requests = requests, .body_bytes_max = BODY_BYTES_MAX};
}

void http_parser_reset(struct http_parser *parser)
{
    if (parser->abandoned != NULL) {
        *parser->abandoned = true;
    }
    unfinished_free(parser->message);
    buffer_free(&parser->held);
    size_t body_bytes_max = parser->body_bytes_max;
    http_parser_init(parser, parser->requests, parser->events, parser->owner);
    parser->body_bytes_max = body_bytes_max;
}

void http_parser_free(struct http_parser *parser)
{
    http_parser_reset(parser);
}

bool http_parser_idle(const struct http_parser *parser)
{
    return parser->phase == PHASE_HEAD && parser->held.size == 0;
}

static void fail(struct http_parser *parser, enum http_problem problem, const char *why)
{
    unfinished_free(parser->message);
    parser->message = NULL;
    buffer_free(&parser->held);
    parser->phase = PHASE_FAILED;
    parser->events->failed(parser->owner, problem, why);
}

/* `behind`: how much of what was fed follows. */
static void complete(struct http_parser *parser, const struct http_message *message, size_t behind)
{
    parser->phase = PHASE_HEAD;
    parser->start_line_read = false;
    parser->blank_lines = 0;
    parser->behind = behind;
    parser->events->complete(parser->owner, message);
}

/* The end of a message that came in pieces: its head is read again from the copy. */
static void complete_unfinished(struct http_parser *parser, size_t behind)
{
    struct http_unfinished *done = parser->message;
    parser->message = NULL;
    buffer_free(&parser->held);
    struct http_message message;
    struct http_head head;
    enum http_head_state state =
        http_head_parse(&message, parser->requests, done->head.bytes, done->head.size, &head);
    assert(state == HTTP_HEAD_DONE);
    (void)state;
    if (parser->phase == PHASE_BODY_END) {
        message.keep_alive = false;
    }
    if (done->body.size > 0) {
        message.body = (struct slice){done->body.bytes, done->body.size};
    }
    complete(parser, &message, behind);
    unfinished_free(done);
}

/* False: over the limit, the parser has failed, or a callback abandoned it. */
static bool add_body(struct http_parser *parser, const char *bytes, size_t size,
                     const bool *abandoned)
{
    struct http_unfinished *message = parser->message;
    uint64_t room = parser->body_bytes_max - message->body_bytes;
    size_t taken = size <= room ? size : (size_t)room;
    message->body_bytes += taken;
    if (parser->events->body == NULL) {
        buffer_append(&message->body, bytes, taken);
    } else if (taken > 0) {
        parser->events->body(parser->owner, bytes, taken);
        if (*abandoned) {
            return false;
        }
    }
    if (taken < size) {
        fail(parser, HTTP_PROBLEM_BODY_SIZE, "the body is larger than allowed");
        return false;
    }
    return true;
}

static bool length_allowed(struct http_parser *parser, const struct http_head *head)
{
    if (head->body != HTTP_BODY_LENGTH || head->length <= parser->body_bytes_max) {
        return true;
    }
    fail(parser, HTTP_PROBLEM_BODY_SIZE, "Content-Length is larger than allowed");
    return false;
}

static void begin_unfinished(struct http_parser *parser, const struct http_head *head,
                             const char *bytes, struct buffer *storage)
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

/* A head is complete, in `storage` unless that is empty; `rest` follows it. Returns how much of the
 * rest was used. */
static size_t head_read(struct http_parser *parser, struct http_message *message,
                        struct http_head *head, struct buffer *storage, struct slice rest,
                        const bool *abandoned)
{
    if (parser->requests && !length_allowed(parser, head)) {
        return 0;
    }
    if (parser->events->head != NULL) {
        bool no_body = parser->events->head(parser->owner, message);
        if (*abandoned) {
            return 0;
        }
        if (no_body && !parser->requests) {
            head->body = HTTP_BODY_NONE;
        }
    }
    if (!parser->requests && !length_allowed(parser, head)) {
        return 0;
    }
    if (head->body == HTTP_BODY_NONE) {
        complete(parser, message, rest.size);
        return 0;
    }
    if (head->body == HTTP_BODY_LENGTH && head->length <= rest.size) {
        size_t size = (size_t)head->length;
        if (parser->events->body != NULL) {
            parser->events->body(parser->owner, rest.bytes, size);
            if (*abandoned) {
                return size;
            }
        } else {
            message->body = (struct slice){rest.bytes, size};
        }
        complete(parser, message, rest.size - size);
        return size;
    }
    begin_unfinished(parser, head, message->head.bytes, storage);
    return 0;
}

/* Why a head that is not complete, or not good, cannot be waited for. The order of the checks is
 * the order of the stream: the first line, the size, the other lines. True: wait for more. */
static bool head_may_follow(struct http_parser *parser, const char *bytes, size_t size, size_t end)
{
    struct http_message message;
    struct http_head head = {0};
    if (!parser->start_line_read) {
        const char *lf =
            memchr(bytes, '\n', size < HTTP_HEAD_BYTES_MAX ? size : HTTP_HEAD_BYTES_MAX);
        if (lf != NULL) {
            struct slice line = {bytes, (size_t)(lf - bytes) + 1};
            if (!http_line_trim(&line, !parser->requests)) {
                fail(parser, HTTP_PROBLEM_SYNTAX, "a line of a request ends with LF alone");
                return false;
            }
            if (!http_start_line_parse(&message, parser->requests, line, &head)) {
                fail(parser, head.problem, head.why);
                return false;
            }
            parser->start_line_read = true;
        }
    }
    if ((end == 0 ? size : end) > HTTP_HEAD_BYTES_MAX) {
        fail(parser, HTTP_PROBLEM_HEAD_SIZE, "the head is larger than 32 KiB");
        return false;
    }
    if (end == 0) {
        return true;
    }
    http_head_parse(&message, parser->requests, bytes, end, &head);
    fail(parser, head.problem, head.why);
    return false;
}

/* The first piece of a head, read where it lies. */
static size_t step_head_in_place(struct http_parser *parser, const char *bytes, size_t size,
                                 const bool *abandoned)
{
    struct http_message message;
    struct http_head head;
    struct buffer none = {0};
    if (http_head_parse(&message, parser->requests, bytes, size, &head) == HTTP_HEAD_DONE &&
        head.size <= HTTP_HEAD_BYTES_MAX) {
        struct slice rest = {bytes + head.size, size - head.size};
        return head.size + head_read(parser, &message, &head, &none, rest, abandoned);
    }
    if (head_may_follow(parser, bytes, size, http_head_end(bytes, size, 0))) {
        buffer_append(&parser->held, bytes, size);
    }
    return size;
}

/* A further piece of a head: put behind what is held, up to the end of the head. */
static size_t step_head_held(struct http_parser *parser, const char *bytes, size_t size,
                             const bool *abandoned)
{
    size_t before = parser->held.size;
    size_t room = HTTP_HEAD_BYTES_MAX + 1 - before;
    buffer_append(&parser->held, bytes, size < room ? size : room);
    size_t end = http_head_end(parser->held.bytes, parser->held.size, before);
    struct http_message message;
    struct http_head head;
    if (end == 0 || end > HTTP_HEAD_BYTES_MAX ||
        http_head_parse(&message, parser->requests, parser->held.bytes, end, &head) !=
            HTTP_HEAD_DONE) {
        head_may_follow(parser, parser->held.bytes, parser->held.size, end);
        return size < room ? size : room;
    }
    struct buffer storage = parser->held;
    storage.size = end;
    parser->held = (struct buffer){0};
    size_t used = end - before;
    struct slice rest = {bytes + used, size - used};
    used += head_read(parser, &message, &head, &storage, rest, abandoned);
    buffer_free(&storage);
    return used;
}

static size_t step_head(struct http_parser *parser, const char *bytes, size_t size,
                        const bool *abandoned)
{
    /* RFC 9112 section 2.2: empty lines before a request line are skipped. */
    bool held_cr = parser->held.size == 1 && parser->held.bytes[0] == '\r';
    if (parser->requests && (parser->held.size == 0 || held_cr)) {
        size_t line = held_cr ? 1 : 2;
        bool blank = held_cr ? bytes[0] == '\n' : size >= 2 && bytes[0] == '\r' && bytes[1] == '\n';
        if (blank) {
            buffer_free(&parser->held);
            if (++parser->blank_lines > BLANK_LINES_MAX) {
                fail(parser, HTTP_PROBLEM_SYNTAX, "more than 8 empty lines before a request");
            }
            return line;
        }
    }
    return parser->held.size == 0 ? step_head_in_place(parser, bytes, size, abandoned)
                                  : step_head_held(parser, bytes, size, abandoned);
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
            complete_unfinished(parser, size - taken);
        } else {
            parser->phase = PHASE_CHUNK_CR;
        }
    }
    return taken;
}

static void chunk_size_read(struct http_parser *parser)
{
    parser->digits = 0;
    parser->line_bytes = 0;
    parser->phase = parser->remaining == 0 ? PHASE_TRAILERS : PHASE_CHUNK_DATA;
    if (parser->remaining > parser->body_bytes_max - parser->message->body_bytes) {
        fail(parser, HTTP_PROBLEM_BODY_SIZE, "the body is larger than allowed");
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
    switch ((enum phase)parser->phase) {
    case PHASE_CHUNK_SIZE:
        if (hex_value(c) >= 0 && parser->digits < CHUNK_DIGITS_MAX) {
            parser->remaining = parser->remaining * 16 + (uint64_t)hex_value(c);
            parser->digits++;
            return;
        }
        if (parser->digits == 0 || hex_value(c) >= 0) {
            fail(parser, HTTP_PROBLEM_LENGTH,
                 "the size of a chunk is not a hexadecimal number within bounds");
            return;
        }
        parser->phase = PHASE_CHUNK_EXTENSION;
        if (c != '\r' && c != '\n' && c != ';' && c != ' ' && c != '\t') {
            fail(parser, HTTP_PROBLEM_LENGTH, "the size of a chunk is followed by something else");
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
            fail(parser, HTTP_PROBLEM_LENGTH,
                 "the extension of a chunk is too long or has control characters");
        }
        return;
    case PHASE_CHUNK_SIZE_LF:
        if (c != '\n') {
            fail(parser, HTTP_PROBLEM_LENGTH, "the line of a chunk size ends with CR alone");
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
            fail(parser, HTTP_PROBLEM_LENGTH, "a chunk is longer than its size");
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
        fail(parser, HTTP_PROBLEM_HEAD_SIZE, "the trailers are larger than 32 KiB");
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
        fail(parser, HTTP_PROBLEM_SYNTAX, "a line of a request ends with LF alone");
    } else if (line.size == 0) {
        complete_unfinished(parser, size - taken);
    } else if (!http_header_line_parse(&header, line, &problem)) {
        fail(parser, problem.problem, problem.why);
    } else {
        parser->held.size = 0;
    }
    return taken;
}

static size_t step(struct http_parser *parser, const char *bytes, size_t size,
                   const bool *abandoned)
{
    switch ((enum phase)parser->phase) {
    case PHASE_HEAD:
        return step_head(parser, bytes, size, abandoned);
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
    case PHASE_FAILED:
        break;
    }
    return size;
}

static bool waits(const struct http_parser *parser)
{
    return parser->paused && parser->phase == PHASE_HEAD;
}

/* Out of line, as gcc cannot see that whoever frees the parser also forgets the address. */
__attribute__((noinline)) static void tell_if_abandoned(struct http_parser *parser, bool *abandoned)
{
    parser->abandoned = abandoned;
}

/* False: a callback reset or freed the parser. */
static bool consume(struct http_parser *parser, const char *bytes, size_t size)
{
    bool abandoned = false;
    tell_if_abandoned(parser, &abandoned);
    size_t at = 0;
    while (!abandoned && at < size) {
        if (!waits(parser)) {
            at += step(parser, bytes + at, size - at, &abandoned);
        } else if (size - at > HTTP_PAUSED_BYTES_MAX - parser->held.size) {
            fail(parser, HTTP_PROBLEM_BODY_SIZE, "more than 256 KiB wait behind a request");
            at = size;
        } else {
            buffer_append(&parser->held, bytes + at, size - at);
            at = size;
        }
    }
    if (!abandoned) {
        parser->abandoned = NULL;
    }
    return !abandoned;
}

void http_parser_feed(struct http_parser *parser, const char *bytes, size_t size)
{
    assert(parser->abandoned == NULL);
    consume(parser, bytes, size);
}

void http_parser_end(struct http_parser *parser)
{
    assert(parser->abandoned == NULL);
    parser->ended = true;
    if (parser->phase == PHASE_FAILED || waits(parser)) {
        return;
    }
    if (parser->phase == PHASE_BODY_END) {
        bool abandoned = false;
        tell_if_abandoned(parser, &abandoned);
        complete_unfinished(parser, 0);
        if (!abandoned) {
            parser->abandoned = NULL;
        }
    } else if (!http_parser_idle(parser)) {
        fail(parser, HTTP_PROBLEM_CUT, "the connection ended inside a message");
    }
}

void http_parser_pause(struct http_parser *parser)
{
    parser->paused = true;
}

void http_parser_resume(struct http_parser *parser)
{
    parser->paused = false;
    if (parser->abandoned != NULL || parser->phase == PHASE_FAILED) {
        return; /* the feed that is running goes on by itself */
    }
    struct buffer waiting = parser->held;
    parser->held = (struct buffer){0};
    bool there = consume(parser, waiting.bytes, waiting.size);
    buffer_free(&waiting);
    if (there && parser->ended) {
        http_parser_end(parser);
    }
}
