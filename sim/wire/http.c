/* The incremental parser of HTTP/1.1. What is told depends on the bytes alone, never on how they
 * were cut: each check is made at a fixed place of the stream. A message that lies whole in one
 * piece takes the short way through head_read(): nothing is stored or copied. */
#include "sim/wire/http.h"

#include <assert.h>

#include "sim/wire/http_body.h"

enum { BLANK_LINES_MAX = 8 };

#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024)

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
    http_unfinished_free(parser->message);
    buffer_free(&parser->held);
    struct http_parser before = *parser;
    http_parser_init(parser, before.requests, before.events, before.owner);
    parser->body_bytes_max = before.body_bytes_max;
    parser->head_bytes_max = before.head_bytes_max;
    parser->lax = before.lax;
    parser->collect = before.collect;
    parser->length_later = before.length_later;
}

void http_parser_free(struct http_parser *parser)
{
    http_parser_reset(parser);
}

bool http_parser_idle(const struct http_parser *parser)
{
    return parser->phase == PHASE_HEAD && parser->held.size == 0;
}

void http_parser_fail(struct http_parser *parser, enum http_problem problem, const char *why)
{
    http_unfinished_free(parser->message);
    parser->message = NULL;
    struct buffer held = parser->held; /* `seen` may lie in it, and the call may free the parser */
    parser->held = (struct buffer){0};
    parser->phase = PHASE_FAILED;
    parser->events->failed(parser->owner, problem, why);
    buffer_free(&held);
}

static size_t head_bytes_max(const struct http_parser *parser)
{
    return parser->head_bytes_max == 0 ? HTTP_HEAD_BYTES_MAX : parser->head_bytes_max;
}

void http_parser_complete(struct http_parser *parser, const struct http_message *message,
                          size_t behind)
{
    parser->phase = PHASE_HEAD;
    parser->start_line_read = false;
    parser->blank_lines = 0;
    parser->behind = behind;
    parser->events->complete(parser->owner, message);
}

static bool length_allowed(struct http_parser *parser, const struct http_head *head)
{
    if (head->body != HTTP_BODY_LENGTH || head->length <= parser->body_bytes_max) {
        return true;
    }
    http_parser_fail(parser, HTTP_PROBLEM_BODY_SIZE, "Content-Length is larger than allowed");
    return false;
}

/* A head is complete, in `storage` unless that is empty; `rest` follows it. Returns how much of the
 * rest was used. */
static size_t head_read(struct http_parser *parser, struct http_message *message,
                        struct http_head *head, struct buffer *storage, struct slice rest,
                        const bool *abandoned)
{
    parser->seen = (struct slice){NULL, 0};
    bool length_first = parser->requests && !parser->length_later;
    if (length_first && !length_allowed(parser, head)) {
        return 0;
    }
    if (parser->events->head != NULL) {
        bool no_body = parser->events->head(parser->owner, message);
        if (*abandoned) {
            return 0;
        }
        if (no_body) {
            head->body = HTTP_BODY_NONE;
        }
    }
    if (!length_first && !length_allowed(parser, head)) {
        return 0;
    }
    if (head->body == HTTP_BODY_NONE) {
        http_parser_complete(parser, message, rest.size);
        return 0;
    }
    if (head->body == HTTP_BODY_LENGTH && head->length <= rest.size) {
        size_t size = (size_t)head->length;
        if (!http_parser_collects(parser)) {
            parser->events->body(parser->owner, rest.bytes, size);
            if (*abandoned) {
                return size;
            }
        } else {
            message->body = (struct slice){rest.bytes, size};
        }
        http_parser_complete(parser, message, rest.size - size);
        return size;
    }
    http_body_begin(parser, head, message->head.bytes, storage);
    return 0;
}

/* Why a head that is not complete, or not good, cannot be waited for. The order of the checks is
 * the order of the stream: the first line, the size, the other lines. True: wait for more. */
static bool head_may_follow(struct http_parser *parser, const char *bytes, size_t size, size_t end)
{
    struct http_message message;
    struct http_head head = {0};
    size_t limit = head_bytes_max(parser);
    unsigned lax = http_parser_lax(parser);
    parser->seen = (struct slice){bytes, end == 0 ? size : end};
    if (!parser->start_line_read) {
        struct slice line;
        size_t next;
        enum http_line kind =
            http_line_read(bytes, size < limit ? size : limit, 0, lax, &line, &next);
        if (kind == HTTP_LINE_BARE_LF) {
            http_parser_fail(parser, HTTP_PROBLEM_SYNTAX, "a line of a request ends with LF alone");
            return false;
        }
        if (kind == HTTP_LINE) {
            if (!http_start_line_parse(&message, parser->requests, line, &head)) {
                http_parser_fail(parser, head.problem, head.why);
                return false;
            }
            parser->start_line_read = true;
        }
    }
    if ((end == 0 ? size : end) > limit) {
        http_parser_fail(parser, HTTP_PROBLEM_HEAD_SIZE, "the head is larger than allowed");
        return false;
    }
    if (end == 0) {
        return true;
    }
    http_head_parse(&message, parser->requests, lax, bytes, end, &head);
    http_parser_fail(parser, head.problem, head.why);
    return false;
}

/* The first piece of a head, read where it lies. */
static size_t step_head_in_place(struct http_parser *parser, const char *bytes, size_t size,
                                 const bool *abandoned)
{
    struct http_message message;
    struct http_head head;
    struct buffer none = {0};
    unsigned lax = http_parser_lax(parser);
    if (http_head_parse(&message, parser->requests, lax, bytes, size, &head) == HTTP_HEAD_DONE &&
        head.size <= head_bytes_max(parser)) {
        struct slice rest = {bytes + head.size, size - head.size};
        return head.size + head_read(parser, &message, &head, &none, rest, abandoned);
    }
    if (head_may_follow(parser, bytes, size, http_head_end(bytes, size, 0, lax))) {
        buffer_append(&parser->held, bytes, size);
    }
    return size;
}

/* A further piece of a head: put behind what is held, up to the end of the head. */
static size_t step_head_held(struct http_parser *parser, const char *bytes, size_t size,
                             const bool *abandoned)
{
    size_t before = parser->held.size;
    size_t limit = head_bytes_max(parser);
    unsigned lax = http_parser_lax(parser);
    size_t room = limit + 1 - before;
    buffer_append(&parser->held, bytes, size < room ? size : room);
    size_t end = http_head_end(parser->held.bytes, parser->held.size, before, lax);
    struct http_message message;
    struct http_head head;
    if (end == 0 || end > limit ||
        http_head_parse(&message, parser->requests, lax, parser->held.bytes, end, &head) !=
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
                http_parser_fail(parser, HTTP_PROBLEM_SYNTAX,
                                 "more than 8 empty lines before a request");
            }
            return line;
        }
    }
    return parser->held.size == 0 ? step_head_in_place(parser, bytes, size, abandoned)
                                  : step_head_held(parser, bytes, size, abandoned);
}

static size_t step(struct http_parser *parser, const char *bytes, size_t size,
                   const bool *abandoned)
{
    switch ((enum http_phase)parser->phase) {
    case PHASE_HEAD:
        return step_head(parser, bytes, size, abandoned);
    case PHASE_FAILED:
        return size;
    default:
        return http_body_step(parser, bytes, size, abandoned);
    }
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
        parser->seen = (struct slice){NULL, 0}; /* what an earlier call saw may be gone */
        if (!waits(parser)) {
            at += step(parser, bytes + at, size - at, &abandoned);
        } else if (size - at > HTTP_PAUSED_BYTES_MAX - parser->held.size) {
            http_parser_fail(parser, HTTP_PROBLEM_BODY_SIZE,
                             "more than 256 KiB wait behind a request");
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
    parser->seen = (struct slice){parser->held.bytes, parser->held.size};
    if (parser->phase == PHASE_BODY_END) {
        bool abandoned = false;
        tell_if_abandoned(parser, &abandoned);
        http_body_complete(parser, 0);
        if (!abandoned) {
            parser->abandoned = NULL;
        }
    } else if (!http_parser_idle(parser)) {
        http_parser_fail(parser, HTTP_PROBLEM_CUT, "the connection ended inside a message");
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
