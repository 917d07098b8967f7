/* Any bytes, in one piece and cut by a rule from the input itself, must be told alike. The first
 * byte of the input chooses the side, streaming and how it is cut. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/wire/http.h"

static bool on_head(void *owner, const struct http_message *message)
{
    buffer_append(owner, message->head.bytes, message->head.size);
    return false;
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    buffer_append(owner, bytes, size);
}

static void on_complete(void *owner, const struct http_message *message)
{
    for (size_t i = 0; i < message->header_count; i++) {
        buffer_append(owner, message->headers[i].name.bytes, message->headers[i].name.size);
        buffer_append(owner, message->headers[i].value.bytes, message->headers[i].value.size);
    }
    buffer_append(owner, message->body.bytes, message->body.size);
    buffer_format(owner, "<%d %d %zu>", message->status, message->keep_alive,
                  message->header_count);
}

static void on_failed(void *owner, enum http_problem problem, const char *why)
{
    buffer_format(owner, "!%d %s", (int)problem, why);
}

static void parse(struct buffer *told, const uint8_t *bytes, size_t size, uint8_t mode, size_t step)
{
    static const struct http_parser_events collecting = {
        .head = on_head, .complete = on_complete, .failed = on_failed};
    static const struct http_parser_events streaming = {
        .head = on_head, .body = on_body, .complete = on_complete, .failed = on_failed};
    struct http_parser parser;
    http_parser_init(&parser, (mode & 1) != 0, (mode & 2) != 0 ? &streaming : &collecting, told);
    parser.body_bytes_max = 4096;
    for (size_t at = 0; at < size; at += step) {
        http_parser_feed(&parser, (const char *)bytes + at, size - at < step ? size - at : step);
    }
    http_parser_end(&parser);
    http_parser_free(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct buffer whole = {0}, cut = {0};
    parse(&whole, bytes + 1, size - 1, bytes[0], size);
    parse(&cut, bytes + 1, size - 1, bytes[0], 1 + (bytes[0] >> 2));
    if (whole.size != cut.size ||
        (whole.size > 0 && memcmp(whole.bytes, cut.bytes, whole.size) != 0)) {
        abort();
    }
    buffer_free(&whole);
    buffer_free(&cut);
    return 0;
}
