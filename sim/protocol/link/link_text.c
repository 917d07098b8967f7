/* What dialects write and read with: replies line by line, the router, percent escapes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/dialect.h"

/* --- replies --- */

void link_reply_header(struct link_reply *reply, const char *name, const char *value)
{
    http_write_header(&reply->head, name, value);
}

void link_reply_header_format(struct link_reply *reply, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    http_write_header(&reply->head, name, text);
}

/* --- a file that is read while it is sent --- */

static long read_content(void *source, uint64_t offset, char *bytes, size_t size)
{
    struct error error;
    return file_content_read(source, offset, bytes, size, &error);
}

static void release_content(void *source)
{
    file_content_release(source);
}

static void write_head(struct buffer *out, const struct link_reply *reply)
{
    buffer_format(out, "HTTP/1.%d %d %s\r\n", reply->minor, reply->status,
                  reply->reason == NULL ? http_reason(reply->status) : reply->reason);
    buffer_append(out, reply->head.bytes, reply->head.size);
    if (reply->length) {
        uint64_t size =
            reply->content == NULL ? reply->body.size : file_content_size(reply->content);
        buffer_format(out, "Content-Length: %llu\r\n", (unsigned long long)size);
    }
    http_write_end(out);
}

static void answer(struct link_request *request, const struct http_reply *reply)
{
    struct http_exchange *exchange = request->exchange;
    request->face->answered++;
    link_request_free(request); /* before the reply may bring the next request */
    http_exchange_reply(exchange, reply);
}

void link_request_reply(struct link_request *request, struct link_reply *reply)
{
    struct buffer raw = {0};
    if (!request->quiet) {
        write_head(&raw, reply);
    }
    if (!reply->without_body && reply->content == NULL) {
        buffer_append(&raw, reply->body.bytes, reply->body.size);
    }
    struct http_reply sent = {
        .status = reply->status,
        .raw = buffer_text(&raw),
        .raw_size = raw.size,
        .after = reply->drain   ? HTTP_AFTER_DRAIN
                 : reply->close ? HTTP_AFTER_CLOSE
                                : HTTP_AFTER_KEEP,
    };
    if (reply->content != NULL && !reply->without_body) {
        sent.source_read = read_content;
        sent.source_free = release_content;
        sent.source = reply->content;
        reply->content = NULL;
    }
    file_content_release(reply->content);
    answer(request, &sent);
    buffer_free(&raw);
    buffer_free(&reply->head);
    buffer_free(&reply->body);
}

void link_request_reset(struct link_request *request)
{
    answer(request, &(struct http_reply){.status = 0, .after = HTTP_AFTER_RESET});
}

void link_request_reply_raw(struct link_request *request, const char *bytes, size_t size)
{
    answer(request, &(struct http_reply){
                        .status = 200, .raw = bytes, .raw_size = size, .after = HTTP_AFTER_CLOSE});
}

/* --- router --- */

enum link_method link_method_of(const char *name)
{
    static const struct {
        const char *name;
        enum link_method method;
    } methods[] = {
        {"GET", LINK_GET}, {"HEAD", LINK_HEAD},     {"POST", LINK_POST},
        {"PUT", LINK_PUT}, {"DELETE", LINK_DELETE}, {"PATCH", LINK_PATCH},
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(name, methods[i].name) == 0) {
            return methods[i].method;
        }
    }
    return LINK_OTHER;
}

/* Where each parameter lies in a path that fits. */
struct match {
    const char *begin[LINK_PARAMETERS_MAX], *end[LINK_PARAMETERS_MAX];
    size_t count;
};

static bool matches(const char *pattern, const char *path, struct match *match)
{
    match->count = 0;
    while (*pattern != '\0') {
        if (strcmp(pattern, "{*}") == 0) {
            match->begin[match->count] = path;
            match->end[match->count++] = path + strlen(path);
            return true;
        }
        if (pattern[0] == '{' && pattern[1] == '}') {
            size_t size = strcspn(path, "/");
            if (size == 0) {
                return false;
            }
            match->begin[match->count] = path;
            match->end[match->count++] = path + size;
            path += size;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

const struct link_route *link_route_find(const struct link_route *routes, size_t count,
                                         unsigned method, char *path,
                                         const char *parameters[LINK_PARAMETERS_MAX],
                                         const struct link_route **other_method)
{
    struct match match;
    *other_method = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!matches(routes[i].pattern, path, &match)) {
            continue;
        }
        if ((routes[i].methods & method) == 0) {
            *other_method = *other_method == NULL ? &routes[i] : *other_method;
            continue;
        }
        for (size_t p = 0; p < LINK_PARAMETERS_MAX; p++) {
            parameters[p] = p < match.count ? match.begin[p] : NULL;
        }
        for (size_t p = 0; p < match.count; p++) {
            path[match.end[p] - path] = '\0';
        }
        return &routes[i];
    }
    return NULL;
}

/* --- escapes --- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool link_decode(char *out, const char *text, size_t size, bool plus_is_blank)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%' && size - i > 2 && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            c = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c == '\0') {
            *out = '\0';
            return false;
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}
