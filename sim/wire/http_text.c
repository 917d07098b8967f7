/* The small things around HTTP messages: slices, looking up headers, writing lines, reasons,
 * replies as values. */
#include <assert.h>
#include <string.h>

#include "sim/wire/http.h"
#include "sim/wire/service.h"

bool slice_is(struct slice slice, const char *text)
{
    size_t size = strlen(text);
    return slice.size == size && (size == 0 || memcmp(slice.bytes, text, size) == 0);
}

/* Equal, or the two cases of one ASCII letter. */
static bool same_letter(char a, char b)
{
    char small = (char)(a | 0x20);
    return a == b || (small == (b | 0x20) && small >= 'a' && small <= 'z');
}

bool slice_is_nocase(struct slice slice, const char *text)
{
    size_t i = 0;
    for (; i < slice.size; i++) {
        if (text[i] == '\0' || !same_letter(slice.bytes[i], text[i])) {
            return false;
        }
    }
    return text[i] == '\0';
}

struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

const struct http_header *http_header(const struct http_message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++) {
        if (slice_is_nocase(message->headers[i].name, name)) {
            return &message->headers[i];
        }
    }
    return NULL;
}

struct slice http_header_value(const struct http_message *message, const char *name)
{
    const struct http_header *header = http_header(message, name);
    return header == NULL ? (struct slice){NULL, 0} : header->value;
}

bool http_header_has_token(struct slice value, const char *token)
{
    if (value.size == 0) {
        return false;
    }
    const char *at = value.bytes;
    const char *end = at + value.size;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        struct slice word = {at, (size_t)(stop - at)};
        while (word.size > 0 && (*word.bytes == ' ' || *word.bytes == '\t')) {
            word.bytes++;
            word.size--;
        }
        while (word.size > 0 &&
               (word.bytes[word.size - 1] == ' ' || word.bytes[word.size - 1] == '\t')) {
            word.size--;
        }
        if (slice_is_nocase(word, token)) {
            return true;
        }
        at = stop + 1;
    }
    return false;
}

void http_write_request(struct buffer *out, const char *method, const char *target)
{
    buffer_append_text(out, method);
    buffer_append_char(out, ' ');
    buffer_append_text(out, target);
    buffer_append(out, " HTTP/1.1\r\n", 11);
}

void http_write_status(struct buffer *out, int status, const char *reason)
{
    buffer_append(out, "HTTP/1.1 ", 9);
    buffer_append_int(out, status);
    buffer_append_char(out, ' ');
    buffer_append_text(out, reason != NULL ? reason : http_reason(status));
    buffer_append(out, "\r\n", 2);
}

void http_write_header(struct buffer *out, const char *name, const char *value)
{
    size_t name_size = strlen(name);
    size_t value_size = strlen(value);
    buffer_reserve(out, name_size + value_size + 4);
    buffer_append(out, name, name_size);
    buffer_append(out, ": ", 2);
    buffer_append(out, value, value_size);
    buffer_append(out, "\r\n", 2);
}

void http_write_header_int(struct buffer *out, const char *name, int64_t value)
{
    buffer_append_text(out, name);
    buffer_append(out, ": ", 2);
    buffer_append_int(out, value);
    buffer_append(out, "\r\n", 2);
}

void http_write_end(struct buffer *out)
{
    buffer_append(out, "\r\n", 2);
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {418, "I'm a Teapot"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}

void http_reply_header(struct http_reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < HTTP_REPLY_HEADERS_MAX);
    reply->headers[reply->header_count].name = name;
    reply->headers[reply->header_count++].value = value;
}

bool http_reply_render(struct buffer *out, const struct http_reply *reply, bool head_request)
{
    if (reply->raw != NULL) {
        buffer_append(out, reply->raw, reply->raw_size);
        return true;
    }
    if (reply->status == 0) {
        return true;
    }
    buffer_reserve(out, 256 + reply->body_size);
    http_write_status(out, reply->status, reply->reason);
    bool framed = false;
    bool keep = true;
    for (size_t i = 0; i < reply->header_count; i++) {
        struct slice name = slice_of(reply->headers[i].name);
        const char *value = reply->headers[i].value;
        framed = framed || slice_is_nocase(name, "content-length") ||
                 slice_is_nocase(name, "transfer-encoding");
        keep = keep && !(slice_is_nocase(name, "connection") &&
                         http_header_has_token(slice_of(value), "close"));
        http_write_header(out, name.bytes, value);
    }
    if (!framed && http_status_has_body(reply->status)) {
        http_write_header_int(out, "Content-Length", (int64_t)reply->body_size);
    }
    http_write_end(out);
    if (!head_request && reply->body_size > 0 && http_status_has_body(reply->status)) {
        buffer_append(out, reply->body, reply->body_size);
    }
    return keep;
}
