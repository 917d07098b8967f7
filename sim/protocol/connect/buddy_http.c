#include "sim/protocol/connect/buddy_http.h"

#include <string.h>

struct buddy_request buddy_request_borrow(struct buffer_pool *pool)
{
    struct buffer bytes = buffer_pool_take(pool);
    return (struct buddy_request){.bytes = bytes, .writes = buffer_pool_take(pool)};
}

void buddy_request_give_back(struct buddy_request *request, struct buffer_pool *pool)
{
    buffer_pool_give(pool, &request->writes);
    buffer_pool_give(pool, &request->bytes);
}

size_t buddy_request_write_end(const struct buddy_request *request, size_t number)
{
    const void *ends = request->writes.bytes;
    return ((const size_t *)ends)[number];
}

static size_t written(const struct buddy_request *request)
{
    return request->write_count == 0 ? 0
                                     : buddy_request_write_end(request, request->write_count - 1);
}

static void flush(struct buddy_request *request)
{
    if (request->bytes.size > written(request)) {
        buffer_append(&request->writes, &request->bytes.size, sizeof request->bytes.size);
        request->write_count++;
    }
}

static void begin(struct buddy_request *request)
{
    buffer_clear(&request->bytes);
    buffer_clear(&request->writes);
    buffer_reserve(&request->bytes, 4 * BUDDY_OUT_BYTES);
    request->write_count = 0;
    request->complete = true;
}

/* Each line goes into what is left of the buffer only as a whole and with vsnprintf's NUL. */
static void end_line(struct buddy_request *request, size_t line_begin)
{
    if (request->bytes.size - written(request) >= BUDDY_OUT_BYTES &&
        line_begin > written(request)) {
        size_t end = request->bytes.size;
        request->bytes.size = line_begin;
        flush(request);
        request->bytes.size = end;
    }
}

static void line(struct buddy_request *request, const char *name, const char *value)
{
    size_t line_begin = request->bytes.size;
    buffer_append_text(&request->bytes, name);
    buffer_append(&request->bytes, ": ", 2);
    buffer_append_text(&request->bytes, value);
    buffer_append(&request->bytes, "\r\n", 2);
    end_line(request, line_begin);
}

static void first_line(struct buddy_request *request, const char *method, const char *target)
{
    size_t line_begin = request->bytes.size;
    buffer_append_text(&request->bytes, method);
    buffer_append_char(&request->bytes, ' ');
    buffer_append_text(&request->bytes, target);
    buffer_append_text(&request->bytes, " HTTP/1.1\r\n");
    end_line(request, line_begin);
}

static void end_head(struct buddy_request *request)
{
    size_t line_begin = request->bytes.size;
    buffer_append_text(&request->bytes, "\r\n");
    end_line(request, line_begin);
    flush(request);
}

static void agent(struct buddy_request *request, const struct buddy_build *build,
                  const char *firmware)
{
    line(request, "User-Agent-Printer", build->user_agent);
    line(request, "User-Agent-Version", firmware);
}

static void body_lines(struct buddy_request *request, const char *host)
{
    line(request, "Host", host);
    line(request, "Connection", "keep-alive");
    line(request, "Transfer-Encoding", "chunked");
    line(request, "Content-Type", "application/json");
}

/* Always of four digits. */
static void chunk_line(struct buddy_request *request, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    const char text[] = {digits[size >> 12 & 15],
                         digits[size >> 8 & 15],
                         digits[size >> 4 & 15],
                         digits[size & 15],
                         '\r',
                         '\n'};
    buffer_append(&request->bytes, text, sizeof text);
}

static void chunks(struct buddy_request *request, const struct buddy_message *body)
{
    size_t token = 0;
    enum buddy_piece result = BUDDY_PIECE_MORE;
    while (result == BUDDY_PIECE_MORE) {
        const char *bytes;
        size_t size;
        result = buddy_message_piece(body, &token, BUDDY_CHUNK_BYTES, &bytes, &size);
        if (result == BUDDY_PIECE_TOO_SMALL) {
            request->complete = false;
            return;
        }
        chunk_line(request, size);
        buffer_append(&request->bytes, bytes, size);
        buffer_append_text(&request->bytes, "\r\n");
        flush(request);
    }
    buffer_append_text(&request->bytes, "0000\r\n\r\n");
    flush(request);
}

static void names_of(struct buddy_request *request, const struct buddy_connection_names *names)
{
    char fingerprint[BUDDY_FINGERPRINT_HEADER + 1] = "";
    strncat(fingerprint, names->fingerprint, BUDDY_FINGERPRINT_HEADER);
    line(request, "Fingerprint", fingerprint);
    line(request, "Token", names->token);
}

void buddy_request_upgrade(struct buddy_request *request,
                           const struct buddy_connection_names *names,
                           const struct buddy_build *build, const char *firmware, const char *key)
{
    begin(request);
    first_line(request, "GET", "/p/ws");
    line(request, "Host", names->host);
    line(request, "Connection", "upgrade");
    names_of(request, names);
    agent(request, build, firmware);
    line(request, "Upgrade", "websocket");
    line(request, "Sec-WebSocket-Key", key);
    line(request, "Sec-WebSocket-Version", "13");
    line(request, "Sec-WebSocket-Protocol", "prusa-connect");
    end_head(request);
}

void buddy_request_post(struct buddy_request *request, const char *target,
                        const struct buddy_connection_names *names, const struct buddy_build *build,
                        const char *firmware, const struct buddy_message *body)
{
    begin(request);
    first_line(request, "POST", target);
    body_lines(request, names->host);
    names_of(request, names);
    agent(request, build, firmware);
    end_head(request);
    chunks(request, body);
}

void buddy_request_register(struct buddy_request *request, const char *host,
                            const struct buddy_build *build, const char *firmware,
                            const struct buddy_message *body)
{
    begin(request);
    first_line(request, "POST", "/p/register");
    body_lines(request, host);
    agent(request, build, firmware);
    end_head(request);
    chunks(request, body);
}

void buddy_request_poll(struct buddy_request *request, const char *host, const char *code,
                        const struct buddy_build *build, const char *firmware)
{
    begin(request);
    first_line(request, "GET", "/p/register");
    line(request, "Host", host);
    line(request, "Connection", "keep-alive");
    line(request, "Code", code);
    agent(request, build, firmware);
    end_head(request);
}
