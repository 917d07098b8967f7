#include "sim/base/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/base/json.h"
#include "sim/base/world.h"

void trace_init(struct trace *trace, void (*write)(void *sink, const char *line, size_t size),
                void *sink)
{
    *trace = (struct trace){.write = write, .sink = sink};
}

void trace_free(struct trace *trace)
{
    buffer_free(&trace->line);
}

static void begin_line(struct world *world, struct json_writer *json)
{
    struct buffer *line = &world->trace->line;
    buffer_clear(line);
    json_begin(json, line, JSON_PYTHON);
    json_object(json, NULL);
    char text[40];
    int size = snprintf(text, sizeof text, "%" PRId64 ".%06" PRId64, world->now_us / 1000000,
                        world->now_us % 1000000);
    json_raw(json, "t", text, (size_t)size);
}

static void end_line(struct world *world, struct json_writer *json)
{
    json_object_end(json);
    buffer_append_char(&world->trace->line, '\n');
    world->trace->write(world->trace->sink, world->trace->line.bytes, world->trace->line.size);
}

void trace_http(struct world *world, const char *from, const char *to, uint32_t connection,
                const char *kind, const char *bytes, size_t size)
{
    if (world->trace == NULL) {
        return;
    }
    struct json_writer json;
    begin_line(world, &json);
    json_string(&json, "from", from);
    json_string(&json, "to", to);
    json_int(&json, "conn", connection);
    json_string(&json, "kind", kind);
    if (size > 0) {
        struct buffer redacted = {0};
        trace_redact_http(&redacted, bytes, size);
        json_text(&json, "text", redacted.bytes, redacted.size);
        buffer_free(&redacted);
    }
    end_line(world, &json);
}

void trace_frames(struct world *world, const char *from, const char *to, uint32_t connection,
                  const char *kind, unsigned frames, const char *bytes, size_t shown, size_t size)
{
    if (world->trace == NULL) {
        return;
    }
    struct json_writer json;
    struct buffer redacted = {0};
    begin_line(world, &json);
    json_string(&json, "from", from);
    json_string(&json, "to", to);
    json_int(&json, "conn", connection);
    json_string(&json, "kind", kind);
    json_int(&json, "frames", frames);
    json_int(&json, "size", (int64_t)size);
    trace_redact_json(&redacted, bytes, shown);
    json_text(&json, "text", buffer_text(&redacted), redacted.size);
    buffer_free(&redacted);
    end_line(world, &json);
}

void trace_note(struct world *world, const char *from, const char *format, ...)
{
    if (world->trace == NULL) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct json_writer json;
    begin_line(world, &json);
    json_string(&json, "from", from);
    json_string(&json, "kind", "note");
    json_string(&json, "text", text);
    end_line(world, &json);
}

static bool secret_header(const char *line, size_t size)
{
    static const char *const names[] = {
        "Token:",  "Code:",       "Temporary-Code:", "X-Api-Key:",          "Authorization:",
        "Cookie:", "Set-Cookie:", "X-Auth-Token:",   "Proxy-Authorization:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (size >= length && strncasecmp(line, names[i], length) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the value of a secret member begins behind the quote at `at`, 0: it begins no such member.
 * INFO carries the key of the printer's local interface (connect-sdk.md 6.3), its settings and a
 * user's commands the others. */
static size_t secret_member(const char *bytes, size_t at, size_t size)
{
    static const char *const names[] = {"\"api_key\"", "\"token\"", "\"password\""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (size - at > length && memcmp(bytes + at, names[i], length) == 0) {
            at += length;
            bool colon = false;
            while (at < size &&
                   (strchr(" \t\r\n", bytes[at]) != NULL || (bytes[at] == ':' && !colon))) {
                colon = colon || bytes[at] == ':';
                at++;
            }
            return colon && at < size && bytes[at] == '"' ? at + 1 : 0;
        }
    }
    return 0;
}

void trace_redact_json(struct buffer *out, const char *bytes, size_t size)
{
    size_t kept = 0; /* all before it is in `out` */
    for (size_t at = 0; at < size; at++) {
        const char *quote = memchr(bytes + at, '"', size - at);
        if (quote == NULL) {
            break;
        }
        at = (size_t)(quote - bytes);
        size_t value = secret_member(bytes, at, size);
        if (value == 0) {
            continue;
        }
        buffer_append(out, bytes + kept, value - kept);
        buffer_append_text(out, "<redacted>");
        for (at = value; at < size && bytes[at] != '"'; at++) {
            at += bytes[at] == '\\'; /* what follows is part of the value, a quote too */
        }
        kept = at < size ? at : size;
    }
    buffer_append(out, bytes + kept, size - kept);
}

void trace_redact_http(struct buffer *out, const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const char *line = bytes + at;
        const char *end = memchr(line, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - line) + 1;
        if (secret_header(line, length)) {
            const char *colon = memchr(line, ':', length);
            buffer_append(out, line, (size_t)(colon - line) + 1);
            buffer_append_text(out, " <redacted>");
            buffer_append_text(out, length > 1 && line[length - 2] == '\r' ? "\r\n" : "\n");
        } else {
            buffer_append(out, line, length);
        }
        at += length;
        if (length <= 2 && (line[0] == '\r' || line[0] == '\n')) {
            break; /* the head is over */
        }
    }
    trace_redact_json(out, bytes + at, size - at);
}
