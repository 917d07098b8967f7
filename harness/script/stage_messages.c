#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/stage.h"
#include "sim/base/trace.h"

enum { LINES_MAX = 32, BODY_SHOWN = 240, BODY_SCANNED = 1024, SECRET_BYTES_MIN = 6 };

static void append_body(struct buffer *out, struct slice body, size_t whole)
{
    if (body.size == 0) {
        return;
    }
    struct buffer clean = {0};
    trace_redact_json(&clean, body.bytes, body.size < BODY_SCANNED ? body.size : BODY_SCANNED);
    size_t shown = clean.size < BODY_SHOWN ? clean.size : BODY_SHOWN;
    buffer_append_char(out, ' ');
    for (size_t i = 0; i < shown; i++) {
        buffer_append_char(out,
                           clean.bytes[i] == '\n' || clean.bytes[i] == '\r' ? ' ' : clean.bytes[i]);
    }
    if (whole > BODY_SCANNED || clean.size > shown) {
        buffer_format(out, "… (%zu bytes)", whole);
    }
    buffer_free(&clean);
}

/* The value of a header in a head as text; NULL: not there. */
static struct slice header_in(struct slice head, const char *name)
{
    size_t length = strlen(name);
    for (size_t at = 0; at < head.size;) {
        const char *line = head.bytes + at;
        const char *end = memchr(line, '\n', head.size - at);
        size_t size = end == NULL ? head.size - at : (size_t)(end - line) + 1;
        if (size > length && line[length] == ':' &&
            slice_is_nocase((struct slice){line, length}, name)) {
            size_t from = length + 1, to = size;
            while (from < to && line[from] == ' ') {
                from++;
            }
            while (to > from && (line[to - 1] == '\n' || line[to - 1] == '\r')) {
                to--;
            }
            return (struct slice){line + from, to - from};
        }
        at += size;
    }
    return (struct slice){0};
}

static void append_entry(struct buffer *out, const struct connect_log_entry *entry,
                         int64_t began_us)
{
    struct slice head = entry->request_head;
    const char *end = head.size > 0 ? memchr(head.bytes, '\r', head.size) : NULL;
    size_t size = end == NULL ? head.size : (size_t)(end - head.bytes);
    size -= size > 9 ? 9 : 0; /* " HTTP/1.1" */
    buffer_format(out, "%10.3f  > %.*s", (double)(entry->time_us - began_us) / 1e6, (int)size,
                  head.bytes);
    append_body(out, entry->request_body, entry->request_body_size);
    if (entry->reply_time_us < 0) {
        buffer_append_text(out, "\n            < no answer\n");
        return;
    }
    buffer_format(out, "\n%10.3f  < ", (double)(entry->reply_time_us - began_us) / 1e6);
    if (entry->status == 0) {
        buffer_append_text(out, "raw bytes");
    } else {
        buffer_format(out, "%d", entry->status);
    }
    struct slice id = header_in(entry->reply_head, "Command-Id");
    if (id.bytes != NULL) {
        buffer_format(out, " Command-Id %.*s", (int)id.size, id.bytes);
    }
    append_body(out, entry->reply_body, entry->reply_body_size);
    buffer_append_char(out, '\n');
}

/* ---- Secrets ---- */

static void replace_all(char **text, struct slice secret)
{
    if (secret.size < SECRET_BYTES_MIN ||
        memmem(*text, strlen(*text), secret.bytes, secret.size) == NULL) {
        return;
    }
    struct buffer out = {0};
    const char *rest = *text, *found;
    while ((found = memmem(rest, strlen(rest), secret.bytes, secret.size)) != NULL) {
        buffer_append(&out, rest, (size_t)(found - rest));
        buffer_append_text(&out, "<redacted>");
        rest = found + secret.size;
    }
    buffer_append_text(&out, rest);
    free(*text);
    *text = buffer_detach(&out);
}

static void replace_text(char **text, const char *secret)
{
    if (secret != NULL) {
        replace_all(text, (struct slice){secret, strlen(secret)});
    }
}

void stage_redact(struct stage *stage, char **text)
{
    if (*text == NULL) {
        return;
    }
    for (uint32_t i = 0; i < stage->printer_count; i++) {
        struct stage_printer *printer = stage->printers[i];
        const struct connect_printer *believed = stage_believed(stage, printer);
        replace_text(text, printer->actor == NULL ? NULL : actor_token(printer->actor));
        replace_text(text, believed == NULL ? NULL : believed->token);
        replace_text(text, believed == NULL ? NULL : believed->code);
        cJSON *info = believed == NULL ? NULL : connect_printer_info(believed);
        replace_text(text, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(info, "api_key")));
        cJSON_Delete(info);
    }
    replace_text(text, stage->ground->targets->link_password);
    replace_text(text, stage->ground->targets->link_api_key);
    struct connect_log_entry entry;
    for (uint64_t seen = 0; stage->log != NULL && connect_log_next(stage->log, seen, &entry);
         seen = entry.number) {
        if (entry.time_us >= stage->began_us) {
            replace_all(text, header_in(entry.request_head, "Token"));
            replace_all(text, header_in(entry.reply_head, "Token"));
            replace_all(text, header_in(entry.reply_head, "Code"));
        }
    }
}

/* ---- The last messages ---- */

void stage_last_messages(struct stage *stage, struct stage_printer *printer, size_t count,
                         struct buffer *out)
{
    if (stage->log == NULL) {
        return;
    }
    count = count < LINES_MAX ? count : LINES_MAX;
    uint32_t wanted = printer != NULL ? stage_log_number(stage, printer) : 0;
    uint64_t numbers[LINES_MAX];
    size_t found = 0;
    uint64_t last = connect_log_last(stage->log);
    /* The newest that fit, looked for from the end; each look costs one entry. */
    uint64_t first = connect_log_first(stage->log);
    for (uint64_t number = last; number >= first && number > 0 && found < count; number--) {
        struct connect_log_entry entry;
        if (!connect_log_next(stage->log, number - 1, &entry)) {
            break;
        }
        if ((printer == NULL || entry.printer == wanted) && entry.time_us >= stage->began_us) {
            numbers[found++] = number;
        }
    }
    while (found > 0) {
        struct connect_log_entry entry;
        if (connect_log_next(stage->log, numbers[--found] - 1, &entry)) {
            append_entry(out, &entry, stage->began_us);
        }
    }
}
