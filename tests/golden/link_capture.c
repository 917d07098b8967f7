#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/memory.h"
#include "tests/golden/capture.h"
#include "tests/golden/link_play.h"

static struct link_event *add_event(struct link_capture *capture, enum link_event_kind kind)
{
    capture->events =
        memory_resize(capture->events, (capture->count + 1) * sizeof *capture->events);
    struct link_event *event = &capture->events[capture->count++];
    *event = (struct link_event){.kind = kind};
    return event;
}

static unsigned connection_of(const char *text)
{
    const char *conn = strstr(text, "conn ");
    return conn == NULL ? 0 : (unsigned)strtoul(conn + 5, NULL, 10);
}

static struct link_event *mark_line(struct link_capture *capture, const char *line, unsigned number)
{
    char sign, text[200];
    double seconds;
    if (sscanf(line, "=== T+%lf %c %199[^\n]", &seconds, &sign, text) != 3) {
        return NULL;
    }
    enum link_event_kind kind = sign == '>'                        ? LINK_SENT
                                : sign == '<'                      ? LINK_ANSWERED
                                : strncmp(text, "open", 4) == 0    ? LINK_OPENED
                                : strncmp(text, "reset", 5) == 0   ? LINK_WAS_RESET
                                : strncmp(text, "refused", 7) == 0 ? LINK_REFUSED
                                                                   : LINK_CLOSED;
    if (strncmp(text, "last byte", 9) == 0 || strncmp(text, "undelivered", 11) == 0 ||
        strstr(text, "by server") != NULL) {
        return NULL;
    }
    struct link_event *event = add_event(capture, kind);
    event->time_us = (int64_t)(seconds * 1e6);
    event->connection = connection_of(text);
    event->line = number;
    return event;
}

static long length_of(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at == NULL ? -1 : strtol(at + 17, NULL, 10);
}

/* "<123 bytes, sha256 …>" alone in a body. */
static bool is_named(struct link_event *event, const char *body)
{
    unsigned long size;
    char sum[65];
    if (sscanf(body, "<%lu bytes, sha256 %64[0-9a-f]>", &size, sum) != 2) {
        return false;
    }
    event->named = true;
    event->body_size = size;
    memcpy(event->sha256, sum, 65);
    return true;
}

/* Lines of a form end with CR LF but in the content of its parts. */
static void append_form(struct buffer *out, const char *body, const char *boundary)
{
    bool head = false;
    struct buffer dashes = {0};
    buffer_format(&dashes, "--%s", boundary);
    for (const char *at = body; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        bool mark = strncmp(at, dashes.bytes, dashes.size) == 0;
        if (mark && out->size > 0 && out->bytes[out->size - 1] == '\n' && !head) {
            if (out->size > 1 && out->bytes[out->size - 2] != '\r') {
                out->size--; /* the line end before a boundary is the form's */
                buffer_append_text(out, "\r\n");
            }
        }
        buffer_append(out, at, size);
        head = mark ? at[dashes.size] != '-' : head && size > 0;
        bool framing = mark || head || size == 0;
        at += size;
        if (*at == '\n') {
            buffer_append_text(out, framing && (mark || head || size == 0) ? "\r\n" : "\n");
            at++;
        }
    }
    buffer_free(&dashes);
}

static void finish_message(struct link_event *event)
{
    /* So far: lines with LF. The head gets CR LF. */
    struct buffer raw = event->bytes;
    event->bytes = (struct buffer){0};
    const char *text = buffer_text(&raw);
    bool request = event->kind == LINK_SENT;
    bool has_head = strncmp(text, "HTTP/", 5) == 0 || (request && strstr(text, " HTTP/") != NULL);
    const char *at = text;
    while (has_head && *at != '\0') {
        size_t size = strcspn(at, "\n");
        buffer_append(&event->bytes, at, size);
        buffer_append_text(&event->bytes, "\r\n");
        at += size + (at[size] == '\n');
        if (size == 0) {
            break;
        }
    }
    event->head_size = event->bytes.size;
    if (has_head && is_named(event, at)) {
        buffer_free(&raw);
        return;
    }
    const char *form = has_head ? strstr(text, "boundary=") : NULL;
    long length = has_head ? length_of(event->bytes.bytes) : -1;
    if (request && form != NULL && strstr(text, "multipart/form-data") != NULL) {
        char boundary[71];
        snprintf(boundary, sizeof boundary, "%.*s", (int)strcspn(form + 9, "\r\n"), form + 9);
        append_form(&event->bytes, at, boundary);
    } else {
        buffer_append_text(&event->bytes, at);
    }
    size_t body = event->bytes.size - event->head_size;
    if (length >= 0 && body > (size_t)length) {
        event->bytes.size = event->head_size + (size_t)length;
    }
    event->body_size = event->bytes.size - event->head_size;
    buffer_free(&raw);
}

static int64_t wall_of(const struct link_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        const struct link_event *event = &capture->events[i];
        const char *date =
            event->kind == LINK_ANSWERED ? strstr(buffer_text(&event->bytes), "\r\nDate: ") : NULL;
        struct tm tm = {0};
        if (date != NULL && strptime(date + 8, "%a, %d %b %Y %T GMT", &tm) != NULL) {
            return (timegm(&tm) - (event->time_us + 500000) / 1000000) * 1000000;
        }
    }
    return 0;
}

bool link_capture_load(struct link_capture *capture, const char *path)
{
    struct buffer text = {0};
    struct link_event *event = NULL;
    size_t open = SIZE_MAX;
    *capture = (struct link_capture){.name = memory_copy_text(strrchr(path, '/') + 1)};
    if (!capture_read_file(path, &text, NULL)) {
        return false;
    }
    unsigned number = 0;
    for (char *at = text.bytes, *end; *at != '\0'; at = end) {
        end = at + strcspn(at, "\n");
        end += *end == '\n';
        number++;
        if (strncmp(at, "=== T+", 6) == 0) {
            char saved = *end;
            *end = '\0';
            event = mark_line(capture, at, number);
            *end = saved;
            bool message = event != NULL && event->kind <= LINK_ANSWERED;
            open = message ? capture->count - 1 : SIZE_MAX;
        } else if (open != SIZE_MAX) {
            buffer_append(&capture->events[open].bytes, at, (size_t)(end - at));
        }
    }
    for (size_t i = 0; i < capture->count; i++) {
        if (capture->events[i].kind <= LINK_ANSWERED) {
            finish_message(&capture->events[i]);
        }
    }
    capture->wall_us = wall_of(capture);
    buffer_free(&text);
    return true;
}

void link_capture_free(struct link_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        buffer_free(&capture->events[i].bytes);
    }
    free(capture->events);
    free(capture->name);
}
