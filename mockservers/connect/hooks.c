#include "mockservers/connect/hooks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

static const char *const point_names[CONNECT_POINT_COUNT] = {
    "register", "poll",   "telemetry", "event",  "probe",    "other",
    "file",     "camera", "snapshot",  "socket", "delivery", "reply",
};

const char *connect_point_name(enum connect_point point)
{
    return point_names[point];
}

void connect_server_hook(struct connect_server *server, enum connect_point point,
                         connect_hook *hook, void *owner)
{
    server->hooks[point] = (struct hook_slot){hook, owner};
}

/* Misbehaviours first: a hook, being somebody's own code, has the last word. */
void ask_hooks(struct connect_server *server, struct connect_decision *decision)
{
    if (server->misbehaving != NULL) {
        misbehave_at(decision);
    }
    const struct hook_slot *slot = &server->hooks[decision->point];
    if (slot->hook != NULL) {
        slot->hook(slot->owner, decision);
    }
}

void connect_reply_clear(struct connect_reply *reply)
{
    for (size_t i = 0; i < reply->text_count; i++) {
        free(reply->texts[i]);
    }
    reply->text_count = 0;
    buffer_clear(&reply->body);
    reply->http.status = 0;
    reply->http.reason = NULL;
    reply->http.header_count = 0;
    reply->http.body = NULL;
    reply->http.body_size = 0;
    reply->http.raw = NULL;
    reply->http.raw_size = 0;
    reply->http.after = HTTP_AFTER_KEEP;
    reply->http.upgrade.take = NULL;
    reply->http.delay_us = 0;
    reply->http.piece_bytes = 0;
    reply->http.piece_gap_us = 0;
    reply->cut_bytes = SIZE_MAX;
    reply->copies = 1;
}

void connect_reply_answer(struct connect_reply *reply, int status)
{
    connect_reply_clear(reply);
    reply->http.status = status;
}

static size_t header_place(const struct connect_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->http.header_count; i++) {
        if (strcasecmp(reply->http.headers[i].name, name) == 0) {
            return i;
        }
    }
    return reply->http.header_count;
}

/* Replaced texts stay in the list until the reply is cleared, so its room can run out before that
 * of the headers: then the change is left out, which a hook that sets a header 48 times in one
 * reply has to live with. */
static const char *keep_text(struct connect_reply *reply, const char *text)
{
    if (reply->text_count == sizeof reply->texts / sizeof reply->texts[0]) {
        return NULL;
    }
    char *copy = memory_copy_text(text);
    reply->texts[reply->text_count++] = copy;
    return copy;
}

void connect_reply_set_header(struct connect_reply *reply, const char *name, const char *value)
{
    struct http_reply *http = &reply->http;
    size_t place = header_place(reply, name);
    if (value == NULL) {
        if (place < http->header_count) {
            http->header_count--;
            memmove(&http->headers[place], &http->headers[place + 1],
                    (http->header_count - place) * sizeof http->headers[0]);
        }
        return;
    }
    if (place == HTTP_REPLY_HEADERS_MAX) {
        return;
    }
    const char *kept_name =
        place < http->header_count ? http->headers[place].name : keep_text(reply, name);
    const char *kept_value = keep_text(reply, value);
    if (kept_name == NULL || kept_value == NULL) {
        return;
    }
    http->headers[place].name = kept_name;
    http->headers[place].value = kept_value;
    if (place == http->header_count) {
        http->header_count++;
    }
}

const char *connect_reply_header(const struct connect_reply *reply, const char *name)
{
    size_t place = header_place(reply, name);
    return place < reply->http.header_count ? reply->http.headers[place].value : NULL;
}

void connect_reply_set_body(struct connect_reply *reply, const void *bytes, size_t size)
{
    if (bytes == NULL) {
        buffer_clear(&reply->body);
        reply->http.body = NULL;
        reply->http.body_size = 0;
        return;
    }
    struct buffer fresh = {0}; /* `bytes` may lie in the present body */
    buffer_append(&fresh, bytes, size);
    buffer_free(&reply->body);
    reply->body = fresh;
    reply->http.body = buffer_text(&reply->body);
    reply->http.body_size = size;
}

void connect_reply_set_raw(struct connect_reply *reply, const void *bytes, size_t size)
{
    connect_reply_set_body(reply, bytes, size);
    reply->http.raw = reply->http.body;
    reply->http.raw_size = reply->http.body_size;
    reply->http.body = NULL;
    reply->http.body_size = 0;
}

void connect_reply_render(const struct connect_reply *reply, struct buffer *out)
{
    const struct http_reply *http = &reply->http;
    if (http->raw != NULL) {
        buffer_append(out, http->raw, http->raw_size);
        return;
    }
    http_write_status(out, http->status, http->reason);
    for (size_t i = 0; i < http->header_count; i++) {
        http_write_header(out, http->headers[i].name, http->headers[i].value);
    }
    bool bodyless = http->status / 100 == 1 || http->status == 204 || http->status == 304;
    if (connect_reply_header(reply, "Content-Length") == NULL &&
        !(bodyless && http->body == NULL)) {
        http_write_header_int(out, "Content-Length", (int64_t)http->body_size);
    }
    http_write_end(out);
    if (http->body != NULL) {
        buffer_append(out, http->body, http->body_size);
    }
}
