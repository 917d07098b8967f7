/* Spoiling replies: their bytes are taken apart, changed and put together again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/misbehave_internal.h"
#include "sim/wire/http.h"

/* ---- taking apart ---- */

enum { SOURCE_PIECE = 64 * 1024, SOURCE_MAX = 64 << 20 };

static void read_source(struct buffer *out, const struct http_reply *original)
{
    char *piece = memory_new(SOURCE_PIECE);
    uint64_t offset = 0;
    long got;
    while (offset < SOURCE_MAX &&
           (got = original->source_read(original->source, offset, piece, SOURCE_PIECE)) > 0) {
        buffer_append(out, piece, (size_t)got);
        offset += (uint64_t)got;
    }
    free(piece);
    original->source_free(original->source);
}

/* The line of a header, its end included; NULL: there is none. */
static char *find_header(const struct buffer *headers, const char *name, size_t name_size)
{
    for (char *line = headers->bytes; line != NULL && *line != '\0';) {
        if (strncasecmp(line, name, name_size) == 0 && line[name_size] == ':') {
            return line;
        }
        char *end = strstr(line, "\r\n");
        line = end == NULL ? NULL : end + 2;
    }
    return NULL;
}

static size_t line_size(const char *line)
{
    const char *end = strstr(line, "\r\n");
    return end == NULL ? strlen(line) : (size_t)(end - line) + 2;
}

static void remove_bytes(struct buffer *from, const char *at, size_t size)
{
    size_t offset = (size_t)(at - from->bytes);
    memmove(from->bytes + offset, from->bytes + offset + size, from->size - offset - size + 1);
    from->size -= size;
}

static bool drop_header(struct buffer *headers, const char *name, size_t name_size)
{
    char *line = find_header(headers, name, name_size);
    if (line != NULL) {
        remove_bytes(headers, line, line_size(line));
    }
    return line != NULL;
}

static void join_chunks(struct buffer *body)
{
    struct buffer whole = {0};
    const char *at = buffer_text(body), *end = at + body->size;
    for (size_t size; at < end && (size = strtoul(at, NULL, 16)) > 0;) {
        const char *line_end = strstr(at, "\r\n");
        if (line_end == NULL || size > (size_t)(end - line_end - 2)) {
            break;
        }
        buffer_append(&whole, line_end + 2, size);
        at = line_end + 2 + size + 2;
    }
    buffer_free(body);
    *body = whole;
}

void spoilt_reply_begin(struct spoilt_reply *reply, const struct http_reply *original)
{
    *reply = (struct spoilt_reply){.sent = *original, .cut_bytes = SIZE_MAX};
    struct buffer raw = {0};
    buffer_append(&raw, original->raw, original->raw_size);
    if (original->source_read != NULL) {
        read_source(&raw, original);
        reply->sent.source_read = NULL;
    }
    const char *text = buffer_text(&raw);
    const char *start_end = strstr(text, "\r\n"), *head_end = strstr(text, "\r\n\r\n");
    if (start_end == NULL || head_end == NULL) { /* HTTP/0.9, or a bare line */
        buffer_append(&reply->body, raw.bytes, raw.size);
        reply->keep_framing = true;
    } else {
        size_t start = (size_t)(start_end - text) + 2, head = (size_t)(head_end - text) + 4;
        buffer_append(&reply->start, text, start);
        buffer_append(&reply->headers, text + start, head - start - 2);
        buffer_append(&reply->body, text + head, raw.size - head);
        reply->chunked = find_header(&reply->headers, "Transfer-Encoding", 17) != NULL;
        if (reply->chunked) {
            join_chunks(&reply->body);
        }
    }
    buffer_free(&raw);
}

/* ---- putting together ---- */

static void frame(struct spoilt_reply *reply)
{
    bool had_length = find_header(&reply->headers, "Content-Length", 14) != NULL;
    if (reply->keep_framing) {
        return;
    }
    if (reply->chunked) {
        struct buffer chunks = {0};
        if (reply->body.size > 0) {
            buffer_format(&chunks, "%04zX\r\n", reply->body.size);
            buffer_append(&chunks, reply->body.bytes, reply->body.size);
            buffer_append_text(&chunks, "\r\n");
        }
        buffer_append_text(&chunks, "0\r\n\r\n");
        buffer_free(&reply->body);
        reply->body = chunks;
    } else if (had_length) {
        char line[48];
        snprintf(line, sizeof line, "Content-Length: %zu", reply->body.size);
        spoil_set_header(reply, line);
    }
}

void spoilt_reply_send(struct spoilt_reply *reply, struct http_exchange *exchange)
{
    struct buffer raw = {0};
    frame(reply);
    buffer_append(&raw, buffer_text(&reply->start), reply->start.size);
    buffer_append(&raw, buffer_text(&reply->headers), reply->headers.size);
    if (reply->start.size > 0) {
        buffer_append_text(&raw, "\r\n");
    }
    buffer_append(&raw, buffer_text(&reply->body), reply->body.size);
    if (raw.size > reply->cut_bytes) {
        raw.size = reply->cut_bytes;
    }
    reply->sent.raw = buffer_text(&raw);
    reply->sent.raw_size = raw.size;
    http_exchange_reply(exchange, &reply->sent);
    buffer_free(&raw);
    buffer_free(&reply->start);
    buffer_free(&reply->headers);
    buffer_free(&reply->body);
}

/* ---- the whole reply ---- */

/* Another status with the same headers and body; 204 and 304 lose the body. */
void spoil_status(struct spoilt_reply *reply, const char *argument)
{
    int status = atoi(argument);
    buffer_clear(&reply->start);
    buffer_format(&reply->start, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
    reply->sent.status = status;
    if (!http_status_has_body(status)) {
        buffer_clear(&reply->body);
        drop_header(&reply->headers, "Transfer-Encoding", 17);
        reply->chunked = false;
    }
}

/* "204:200": only where the reply has the first of them. */
void spoil_replace(struct spoilt_reply *reply, const char *argument)
{
    const char *to = strchr(argument, ':') + 1;
    if (reply->sent.status == atoi(argument)) {
        spoil_status(reply, to);
    }
}

void spoil_late(struct spoilt_reply *reply, const char *argument)
{
    reply->sent.delay_us += (int64_t)(strtod(argument, NULL) * 1e6);
}

void spoil_slow(struct spoilt_reply *reply, const char *argument)
{
    enum { PIECES_A_SECOND = 10 };
    size_t a_second = (size_t)atoi(argument);
    reply->sent.piece_bytes = a_second < PIECES_A_SECOND ? 1 : a_second / PIECES_A_SECOND;
    reply->sent.piece_gap_us =
        (int64_t)reply->sent.piece_bytes * 1000000 / (int64_t)(a_second > 0 ? a_second : 1);
}

void spoil_close_behind(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    spoil_set_header(reply, "Connection: close");
    reply->sent.after = HTTP_AFTER_CLOSE;
}

/* ---- framing ---- */

void spoil_half_body(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    frame(reply);
    reply->keep_framing = true;
    reply->cut_bytes = reply->start.size + reply->headers.size + 2 + reply->body.size / 2;
    reply->sent.after = HTTP_AFTER_CLOSE;
}

/* Longer than the body by so many bytes, which never come. */
void spoil_wrong_length(struct spoilt_reply *reply, const char *argument)
{
    char line[48];
    snprintf(line, sizeof line, "Content-Length: %zu", reply->body.size + (size_t)atoi(argument));
    drop_header(&reply->headers, "Transfer-Encoding", 17);
    spoil_set_header(reply, line);
    reply->keep_framing = true;
}

void spoil_endless_headers(struct spoilt_reply *reply, const char *argument)
{
    int lines = atoi(argument);
    for (int i = 0; i < lines; i++) {
        buffer_format(&reply->headers,
                      "X-Filler-%d: "
                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                      i);
    }
}

/* ---- headers ---- */

void spoil_drop_header(struct spoilt_reply *reply, const char *argument)
{
    while (drop_header(&reply->headers, argument, strlen(argument))) {
    }
    if (strcasecmp(argument, "Content-Length") == 0 ||
        strcasecmp(argument, "Transfer-Encoding") == 0) {
        reply->keep_framing = true;
    }
}

/* In its place, or last. */
void spoil_set_header(struct spoilt_reply *reply, const char *argument)
{
    size_t name_size = strcspn(argument, ":");
    char *line = find_header(&reply->headers, argument, name_size);
    struct buffer headers = {0};
    size_t before = line == NULL ? reply->headers.size : (size_t)(line - reply->headers.bytes);
    size_t old = line == NULL ? 0 : line_size(line);
    buffer_append(&headers, buffer_text(&reply->headers), before);
    buffer_format(&headers, "%s\r\n", argument);
    buffer_append_text(&headers, buffer_text(&reply->headers) + before + old);
    buffer_free(&reply->headers);
    reply->headers = headers;
}

static bool challenges(const struct spoilt_reply *reply)
{
    return reply->sent.status == 401 &&
           find_header(&reply->headers, "WWW-Authenticate", 16) != NULL;
}

void spoil_no_challenge(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    if (challenges(reply)) {
        spoil_drop_header(reply, "WWW-Authenticate");
    }
}

void spoil_no_nonce(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    char *line = find_header(&reply->headers, "WWW-Authenticate", 16);
    char *nonce = line == NULL ? NULL : strstr(line, "nonce=\"");
    char *end = nonce == NULL ? NULL : strchr(nonce + 7, '"');
    if (reply->sent.status == 401 && end != NULL && end < line + line_size(line)) {
        size_t size = (size_t)(end + 1 - nonce);
        size += nonce[size] == ',';
        size += nonce[size] == ' ';
        remove_bytes(&reply->headers, nonce, size);
    }
}

/* The challenge asks for the same again with another nonce. */
void spoil_stale(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    char *line = find_header(&reply->headers, "WWW-Authenticate", 16);
    if (!challenges(reply) || strstr(line, "stale=true") != NULL) {
        return;
    }
    struct buffer fresh = {0};
    char *no = strstr(line, "stale=false");
    size_t size = line_size(line);
    if (no != NULL && no < line + size) {
        buffer_append(&fresh, line, (size_t)(no - line));
        buffer_append_text(&fresh, "stale=true");
    } else {
        buffer_append(&fresh, line, size - 2);
        buffer_append_text(&fresh, ",stale=true");
    }
    spoil_set_header(reply, buffer_text(&fresh));
    buffer_free(&fresh);
}

/* ---- bodies ---- */

void spoil_body(struct spoilt_reply *reply, const char *argument)
{
    if (reply->body.size > 0) {
        buffer_clear(&reply->body);
        buffer_append_text(&reply->body, argument);
    }
}

static bool is_json(const struct spoilt_reply *reply)
{
    return reply->body.size > 1 && reply->body.bytes[0] == '{';
}

void spoil_broken_json(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    if (is_json(reply)) {
        reply->body.bytes[--reply->body.size] = '\0';
    }
}

void spoil_not_object(struct spoilt_reply *reply, const char *argument)
{
    (void)argument;
    if (is_json(reply)) {
        spoil_body(reply, "[\"an array\"]");
    }
}

/* ---- members of JSON, as text: nothing else changes ---- */

static const char *skip_string(const char *at)
{
    for (at++; *at != '\0' && *at != '"'; at++) {
        at += *at == '\\' && at[1] != '\0';
    }
    return *at == '"' ? at + 1 : at;
}

static const char *skip_value(const char *at)
{
    int depth = 0;
    if (*at == '"') {
        return skip_string(at);
    }
    for (; *at != '\0'; at++) {
        if (depth == 0 && strchr(",}]", *at) != NULL) {
            return at;
        }
        if (*at == '"') {
            at = skip_string(at) - 1;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
    }
    return at;
}

/* Of each member of this name, at any depth: calls `change` with its extent and appends what it
 * wants instead. */
typedef void member_change(struct buffer *out, const char *key, size_t key_size, const char *value,
                           size_t value_size, const char *argument);

static void change_members(struct spoilt_reply *reply, const char *argument, member_change *change)
{
    size_t name_size = strcspn(argument, ":");
    const char *extra = argument[name_size] == ':' ? argument + name_size + 1 : "";
    struct buffer out = {0};
    const char *at = is_json(reply) ? reply->body.bytes : "";
    while (*at != '\0') {
        if (*at != '"') {
            buffer_append_char(&out, *at++);
            continue;
        }
        const char *key = at, *end = skip_string(at), *colon = end + strspn(end, " ");
        size_t key_size = (size_t)(end - key);
        bool its =
            *colon == ':' && key_size == name_size + 2 && memcmp(key + 1, argument, name_size) == 0;
        if (its) {
            const char *value = colon + 1;
            value += strspn(value, " ");
            at = skip_value(value);
            change(&out, key, key_size, value, (size_t)(at - value), extra);
        } else {
            buffer_append(&out, key, key_size);
            at = end;
        }
    }
    if (is_json(reply)) {
        buffer_free(&reply->body);
        reply->body = out;
    } else {
        buffer_free(&out);
    }
}

static void member(struct buffer *out, const char *key, size_t key_size, const char *value,
                   size_t value_size)
{
    buffer_append(out, key, key_size);
    buffer_append_char(out, ':');
    buffer_append(out, value, value_size);
}

/* The comma before it goes too; behind it, if it is the first. */
static void no_member(struct buffer *out, const char *key, size_t key_size, const char *value,
                      size_t value_size, const char *argument)
{
    (void)key;
    (void)key_size;
    (void)argument;
    while (out->size > 0 && out->bytes[out->size - 1] == ' ') {
        out->size--;
    }
    if (out->size > 0 && out->bytes[out->size - 1] == ',') {
        out->size--;
    } else if (value[value_size] == ',') {
        buffer_append_text(out, "\x01"); /* the comma that comes next goes: see spoil_drop_key */
    }
}

void spoil_drop_key(struct spoilt_reply *reply, const char *argument)
{
    change_members(reply, argument, no_member);
    size_t kept = 0;
    for (size_t i = 0; i < reply->body.size; i++) {
        if (reply->body.bytes[i] == '\x01') {
            i++;
        } else {
            reply->body.bytes[kept++] = reply->body.bytes[i];
        }
    }
    reply->body.size = kept;
}

static void null_member(struct buffer *out, const char *key, size_t key_size, const char *value,
                        size_t value_size, const char *argument)
{
    (void)value;
    (void)value_size;
    (void)argument;
    member(out, key, key_size, "null", 4);
}

void spoil_null_key(struct spoilt_reply *reply, const char *argument)
{
    change_members(reply, argument, null_member);
}

static void other_member(struct buffer *out, const char *key, size_t key_size, const char *value,
                         size_t value_size, const char *argument)
{
    (void)value;
    (void)value_size;
    member(out, key, key_size, argument, strlen(argument));
}

void spoil_set_key(struct spoilt_reply *reply, const char *argument)
{
    change_members(reply, argument, other_member);
}

/* A number becomes a string, a string what is in it. */
static void retyped_member(struct buffer *out, const char *key, size_t key_size, const char *value,
                           size_t value_size, const char *argument)
{
    (void)argument;
    if (value[0] == '"') {
        member(out, key, key_size, value + 1, value_size - 2);
        return;
    }
    member(out, key, key_size, "\"", 1);
    buffer_append(out, value, value_size);
    buffer_append_char(out, '"');
}

void spoil_retype_key(struct spoilt_reply *reply, const char *argument)
{
    change_members(reply, argument, retyped_member);
}

static void renamed_member(struct buffer *out, const char *key, size_t key_size, const char *value,
                           size_t value_size, const char *argument)
{
    (void)key;
    (void)key_size;
    buffer_format(out, "\"%s\":", argument);
    buffer_append(out, value, value_size);
}

void spoil_rename_key(struct spoilt_reply *reply, const char *argument)
{
    change_members(reply, argument, renamed_member);
}

/* The first member of the outermost object. */
void spoil_add_key(struct spoilt_reply *reply, const char *argument)
{
    if (!is_json(reply)) {
        return;
    }
    size_t name_size = strcspn(argument, ":");
    struct buffer out = {0};
    buffer_format(&out, "{\"%.*s\":%s", (int)name_size, argument, argument + name_size + 1);
    if (reply->body.bytes[1] != '}') {
        buffer_append_char(&out, ',');
    }
    buffer_append_text(&out, reply->body.bytes + 1);
    buffer_free(&reply->body);
    reply->body = out;
}
