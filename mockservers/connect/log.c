#include "mockservers/connect/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/json.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"

/* Entries lie one behind the other in a ring of bytes, each as a record followed by its four texts.
 * An entry never wraps: one that does not fit before the end starts at the beginning, and `end`
 * tells where the last one before it stopped. */
struct record {
    struct connect_log_entry entry; /* slices are rebuilt when it is read */
    size_t size;                    /* of record and texts, rounded up */
    size_t part[4];                 /* bytes kept of each text */
};

struct connect_log {
    char *bytes;
    size_t capacity;
    size_t oldest, newest_end; /* offsets */
    size_t wrap_end;           /* where the part before the wrap ends; 0: not wrapped */
    uint64_t first, last;      /* numbers; first > last: empty */
};

struct connect_log *connect_log_new(size_t bytes)
{
    struct connect_log *log = memory_new(sizeof *log);
    log->capacity = bytes & ~(size_t)15;
    log->bytes = memory_new(log->capacity + 16);
    log->first = 1;
    return log;
}

void connect_log_destroy(struct connect_log *log)
{
    if (log != NULL) {
        free(log->bytes);
        free(log);
    }
}

uint64_t connect_log_last(const struct connect_log *log)
{
    return log->last;
}

uint64_t connect_log_first(const struct connect_log *log)
{
    return log->first;
}

static struct record *record_at(const struct connect_log *log, size_t offset)
{
    return (struct record *)(void *)(log->bytes + offset);
}

static void drop_oldest(struct connect_log *log)
{
    log->oldest += record_at(log, log->oldest)->size;
    log->first++;
    if (log->wrap_end != 0 && log->oldest == log->wrap_end) {
        log->oldest = 0;
        log->wrap_end = 0;
    }
    if (log->first > log->last) {
        log->oldest = log->newest_end = log->wrap_end = 0;
    }
}

/* Where `size` bytes go; pushes out what is in their way. SIZE_MAX: more than the whole ring. */
static size_t make_room(struct connect_log *log, size_t size)
{
    if (size > log->capacity) {
        return SIZE_MAX;
    }
    if (log->wrap_end == 0 && log->newest_end + size > log->capacity) {
        while (log->first <= log->last && log->oldest < size) {
            drop_oldest(log);
        }
        if (log->first <= log->last) {
            log->wrap_end = log->newest_end;
        }
        log->newest_end = 0;
        return 0;
    }
    while (log->wrap_end != 0 && log->newest_end + size > log->oldest) {
        drop_oldest(log);
        if (log->wrap_end == 0 && log->newest_end + size > log->capacity) {
            return make_room(log,
                             size); /* the old part is gone and the new one is at the end itself */
        }
    }
    return log->newest_end;
}

static size_t kept(size_t size)
{
    return size < CONNECT_LOG_BODY_BYTES_MAX ? size : CONNECT_LOG_BODY_BYTES_MAX;
}

uint64_t connect_log_add(struct connect_log *log, const struct connect_log_entry *entry)
{
    const struct slice texts[4] = {entry->request_head, entry->request_body, entry->reply_head,
                                   entry->reply_body};
    struct record record = {.entry = *entry};
    size_t size = sizeof record;
    for (size_t i = 0; i < 4; i++) {
        record.part[i] = kept(texts[i].size);
        size += record.part[i];
    }
    record.size = (size + 15) & ~(size_t)15;
    size_t at = make_room(log, record.size);
    log->last++;
    if (at == SIZE_MAX) { /* larger than the whole log: it is counted, and all before it is gone */
        log->first = log->last + 1;
        log->oldest = log->newest_end = log->wrap_end = 0;
        return log->last;
    }
    record.entry.number = log->last;
    memcpy(log->bytes + at, &record, sizeof record);
    char *text = log->bytes + at + sizeof record;
    for (size_t i = 0; i < 4; i++) {
        if (record.part[i] > 0) {
            memcpy(text, texts[i].bytes, record.part[i]);
            text += record.part[i];
        }
    }
    log->newest_end = at + record.size;
    return log->last;
}

/* The first entry behind `since`, looked for from `*offset` on, which moves there: reading on costs
 * one step. */
static bool next_from(const struct connect_log *log, size_t *offset, uint64_t since,
                      struct connect_log_entry *entry)
{
    if (log->first > log->last || since >= log->last) {
        return false;
    }
    const struct record *record = record_at(log, *offset);
    while (record->entry.number <= since) {
        *offset += record->size;
        if (log->wrap_end != 0 && *offset == log->wrap_end) {
            *offset = 0;
        }
        record = record_at(log, *offset);
    }
    *entry = record->entry;
    struct slice *const slices[4] = {&entry->request_head, &entry->request_body, &entry->reply_head,
                                     &entry->reply_body};
    const char *text = (const char *)(record + 1);
    for (size_t i = 0; i < 4; i++) {
        *slices[i] = (struct slice){text, record->part[i]};
        text += record->part[i];
    }
    return true;
}

bool connect_log_next(const struct connect_log *log, uint64_t since,
                      struct connect_log_entry *entry)
{
    size_t offset = log->oldest;
    return next_from(log, &offset, since, entry);
}

/* ---- what leaves ---- */

static void append_message(struct buffer *out, struct slice head, struct slice body, size_t size)
{
    trace_redact_http(out, head.bytes, head.size);
    trace_redact_json(out, body.bytes, body.size);
    if (body.size < size) {
        buffer_format(out, "... (%zu bytes in all)", size);
    }
}

static void write_message(struct json_writer *json, const char *key, struct slice head,
                          struct slice body, size_t size)
{
    struct buffer text = {0};
    append_message(&text, head, body, size);
    json_text(json, key, buffer_text(&text), text.size);
    buffer_free(&text);
}

static void write_line(struct buffer *out, const struct connect_log_entry *entry)
{
    struct json_writer json;
    json_begin(&json, out, JSON_PYTHON);
    json_object(&json, NULL);
    json_int(&json, "number", (int64_t)entry->number);
    json_float(&json, "time", (double)entry->time_us / 1e6);
    if (entry->reply_time_us < 0) {
        json_null(&json, "reply_time");
    } else {
        json_float(&json, "reply_time", (double)entry->reply_time_us / 1e6);
    }
    json_int(&json, "printer", entry->printer);
    json_int(&json, "connection", entry->connection);
    json_int(&json, "status", entry->status);
    write_message(&json, "request", entry->request_head, entry->request_body,
                  entry->request_body_size);
    write_message(&json, "reply", entry->reply_head, entry->reply_body, entry->reply_body_size);
    json_object_end(&json);
    buffer_append_char(out, '\n');
}

uint64_t connect_log_json(const struct connect_log *log, uint64_t since, size_t max,
                          size_t bytes_max, struct buffer *out)
{
    struct connect_log_entry entry;
    size_t begun = out->size, offset = log->oldest;
    while (max-- > 0 && out->size - begun < bytes_max && next_from(log, &offset, since, &entry)) {
        write_line(out, &entry);
        since = entry.number;
    }
    return since;
}

uint64_t connect_log_text(const struct connect_log *log, uint64_t since, size_t max,
                          struct buffer *out)
{
    struct connect_log_entry entry;
    size_t offset = log->oldest;
    while (max-- > 0 && next_from(log, &offset, since, &entry)) {
        buffer_format(out, "--- %llu  %.3f s  printer %u  connection %u\n",
                      (unsigned long long)entry.number, (double)entry.time_us / 1e6, entry.printer,
                      entry.connection);
        append_message(out, entry.request_head, entry.request_body, entry.request_body_size);
        if (entry.reply_time_us < 0) {
            buffer_append_text(out, "\n(no reply)\n");
        } else {
            buffer_format(out, "\n+%.3f s\n", (double)(entry.reply_time_us - entry.time_us) / 1e6);
            append_message(out, entry.reply_head, entry.reply_body, entry.reply_body_size);
            buffer_append_char(out, '\n');
        }
        since = entry.number;
    }
    return since;
}
