#include "harness/sync/report.h"

#include <stdlib.h>
#include <string.h>

#include "harness/sync/names.h"
#include "sim/base/duration.h"
#include "sim/base/json.h"
#include "sim/base/memory.h"

void sync_report_init(struct sync_report *report, size_t count)
{
    *report = (struct sync_report){.seats = memory_new_array(count, sizeof *report->seats),
                                   .count = count};
}

void sync_report_free(struct sync_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct sync_seat_report *seat = &report->seats[i];
        for (size_t k = 0; k < seat->count; k++) {
            free(seat->items[k].act);
            free(seat->items[k].path);
            free(seat->items[k].why);
        }
        free(seat->items);
        free(seat->name);
        free(seat->type);
        free(seat->host);
        free(seat->destination);
        free(seat->state);
        free(seat->why);
    }
    free(report->seats);
    *report = (struct sync_report){0};
}

void sync_report_add(struct sync_seat_report *seat, enum sync_item_kind kind, const char *act,
                     const char *path, const char *why)
{
    if ((seat->count & (seat->count + 1)) == 0) {
        seat->items = memory_resize(seat->items, (2 * seat->count + 2) * sizeof *seat->items);
    }
    seat->items[seat->count++] = (struct sync_item){.kind = kind,
                                                    .act = memory_copy_text(act),
                                                    .path = memory_copy_text(path),
                                                    .why = memory_copy_text(why)};
    seat->failed += kind == SYNC_ITEM_FAILED || kind == SYNC_ITEM_CONFLICT;
}

static const char *const outcome_names[] = {
    [SYNC_WAITING] = "waiting",
    [SYNC_WORKING] = "working",
    [SYNC_IN_STEP] = "in step",
    [SYNC_PLANNED] = "planned",
    [SYNC_BUSY] = "busy",
    [SYNC_FAILED] = "failed",
    [SYNC_UNREACHED] = "not reached",
    [SYNC_INTERRUPTED] = "interrupted",
};

const char *sync_outcome_name(enum sync_outcome outcome)
{
    return outcome_names[outcome];
}

size_t sync_report_counted(const struct sync_report *report, enum sync_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        count += report->seats[i].outcome == outcome;
    }
    return count;
}

int sync_report_exit_code(const struct sync_report *report)
{
    if (report->interrupted) {
        return 130;
    }
    if (sync_report_counted(report, SYNC_UNREACHED) == report->count) {
        return 3;
    }
    return sync_report_counted(report, SYNC_IN_STEP) + sync_report_counted(report, SYNC_PLANNED) ==
                   report->count
               ? 0
               : 1;
}

/* ---- For people ---- */

static void append_count(struct buffer *out, bool *first, size_t count, const char *what)
{
    if (count > 0) {
        buffer_format(out, "%s%s %zu", *first ? "" : ", ", what, count);
        *first = false;
    }
}

/* Control characters and what a terminal would take as an order stay out of it: names come from
 * printers. */
static void append_name(struct buffer *out, const char *name)
{
    for (; *name != '\0'; name++) {
        bool control = (unsigned char)*name < 0x20 || *name == 0x7f ||
                       ((unsigned char)*name == 0xc2 && (unsigned char)name[1] >= 0x80 &&
                        (unsigned char)name[1] < 0xa0);
        buffer_append_char(out, control ? '?' : *name);
    }
}

static void append_counts(struct buffer *out, const struct sync_report *report,
                          const struct sync_seat_report *seat)
{
    bool first = true;
    if (!report->execute) {
        size_t planned[6] = {0};
        static const char *const acts[] = {"delete", "make folder", "replace",
                                           "upload", "copy back",   "delete folder"};
        for (size_t i = 0; i < seat->count; i++) {
            for (size_t k = 0; seat->items[i].kind == SYNC_ITEM_PLANNED && k < 6; k++) {
                planned[k] += strcmp(seat->items[i].act, acts[k]) == 0;
            }
        }
        append_count(out, &first, planned[0], "to delete");
        append_count(out, &first, planned[5], "folders to delete");
        append_count(out, &first, planned[1], "folders to make");
        append_count(out, &first, planned[2], "to replace");
        append_count(out, &first, planned[3], "to upload");
        append_count(out, &first, planned[4], "to copy back");
    }
    append_count(out, &first, seat->copied_back, "copied back");
    append_count(out, &first, seat->deleted, "deleted");
    append_count(out, &first, seat->made, "folders made");
    append_count(out, &first, seat->replaced, "replaced");
    append_count(out, &first, seat->uploaded, "uploaded");
    uint64_t bytes = report->execute ? seat->bytes : seat->bytes_planned;
    if (bytes > 0) {
        buffer_append_text(out, " (");
        sync_append_bytes(out, (double)bytes);
        int64_t took_us = seat->ended_us - seat->began_us;
        if (report->execute && took_us > 0) {
            buffer_append_text(out, ", ");
            sync_append_bytes(out, (double)bytes * 1e6 / (double)took_us);
            buffer_append_text(out, "/s");
        }
        buffer_append_char(out, ')');
    }
    append_count(out, &first, seat->same, "as here");
    append_count(out, &first, seat->foreign, "not for this printer");
    append_count(out, &first, seat->kept, "kept there");
    append_count(out, &first, seat->failed, "failed");
}

static void append_seat(struct buffer *out, const struct sync_report *report,
                        const struct sync_seat_report *seat, int width, bool items)
{
    struct buffer name = {0};
    append_name(&name, seat->name);
    buffer_format(out, "%-*s  %-11s  ", width, buffer_text(&name), outcome_names[seat->outcome]);
    buffer_free(&name);
    size_t before = out->size;
    append_counts(out, report, seat);
    if (seat->why != NULL) {
        buffer_append_text(out, out->size > before ? "; " : "");
        append_name(out, seat->why);
    }
    while (out->size > 0 && out->bytes[out->size - 1] == ' ') {
        out->bytes[--out->size] = '\0';
    }
    buffer_append_char(out, '\n');
    for (size_t i = 0; i < seat->count; i++) {
        const struct sync_item *item = &seat->items[i];
        if (item->kind == SYNC_ITEM_DONE && !items) {
            continue;
        }
        buffer_format(out, "    %s%s%s", item->kind == SYNC_ITEM_FAILED ? "FAILED " : "",
                      item->kind == SYNC_ITEM_CONFLICT ? "not done: " : "",
                      item->act == NULL ? "" : item->act);
        buffer_append_text(out, item->act == NULL ? "" : " ");
        append_name(out, item->path);
        if (item->why != NULL) {
            buffer_append_text(out, ": ");
            append_name(out, item->why);
        }
        buffer_append_char(out, '\n');
    }
}

static void append_total(struct buffer *out, const struct sync_report *report)
{
    uint64_t bytes = 0, failed = 0;
    for (size_t i = 0; i < report->count; i++) {
        bytes += report->execute ? report->seats[i].bytes : report->seats[i].bytes_planned;
        failed += report->seats[i].failed;
    }
    bool first = true;
    buffer_format(out, "%zu printer%s: ", report->count, report->count == 1 ? "" : "s");
    static const enum sync_outcome told[] = {SYNC_IN_STEP, SYNC_PLANNED,   SYNC_BUSY,
                                             SYNC_FAILED,  SYNC_UNREACHED, SYNC_INTERRUPTED,
                                             SYNC_WAITING};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        append_count(out, &first, sync_report_counted(report, told[i]), outcome_names[told[i]]);
    }
    buffer_format(out, "; %zu file%s here, ", report->files, report->files == 1 ? "" : "s");
    sync_append_bytes(out, (double)bytes);
    buffer_append_text(out, report->execute ? " sent" : " to send");
    if (failed > 0) {
        buffer_format(out, ", %llu failure%s", (unsigned long long)failed, failed == 1 ? "" : "s");
    }
    if (report->ignored > 0) {
        buffer_format(out, ", %zu file%s of other suffixes left out", report->ignored,
                      report->ignored == 1 ? "" : "s");
    }
    char took[40];
    duration_text(report->took_us, took, sizeof took);
    buffer_format(out, "; %s\n", took);
}

void sync_report_text(const struct sync_report *report, bool items, struct buffer *out)
{
    int width = 0;
    for (size_t i = 0; i < report->count; i++) {
        int size = (int)strlen(report->seats[i].name);
        width = size > width && size <= 40 ? size : width;
    }
    for (size_t i = 0; i < report->count; i++) {
        append_seat(out, report, &report->seats[i], width, items);
    }
    append_total(out, report);
    if (!report->execute) {
        buffer_append_text(out, "This was a dry run: nothing was changed. --execute does it.\n");
    }
}

void sync_report_line(const struct sync_seat_report *seat, size_t columns, int64_t now_us,
                      struct buffer *out)
{
    struct buffer line = {0};
    append_name(&line, seat->name);
    buffer_format(&line, "  %zu of %zu", seat->done, seat->todo);
    if (seat->sending > 0) {
        buffer_format(&line, ", %3.0f %%", 100.0 * (double)seat->sent / (double)seat->sending);
    }
    uint64_t bytes = seat->bytes + seat->sent;
    if (bytes > 0 && now_us > seat->began_us) {
        buffer_append_text(&line, ", ");
        sync_append_bytes(&line, (double)bytes * 1e6 / (double)(now_us - seat->began_us));
        buffer_append_text(&line, "/s");
    }
    buffer_append_text(&line, "  ");
    append_name(&line, seat->path == NULL ? "" : seat->path);
    size_t shown = 0, at = 0;
    while (at < line.size &&
           shown < columns) { /* a character is one column, near enough for a line of progress */
        at++;
        while (at < line.size && ((unsigned char)line.bytes[at] & 0xc0) == 0x80) {
            at++;
        }
        shown++;
    }
    buffer_append(out, line.bytes, at);
    buffer_free(&line);
}

/* ---- For programs ---- */

static void write_items(struct json_writer *json, const struct sync_seat_report *seat)
{
    static const char *const kinds[] = {[SYNC_ITEM_DONE] = "done",
                                        [SYNC_ITEM_PLANNED] = "planned",
                                        [SYNC_ITEM_FAILED] = "failed",
                                        [SYNC_ITEM_CONFLICT] = "not done"};
    json_array(json, "items");
    for (size_t i = 0; i < seat->count; i++) {
        const struct sync_item *item = &seat->items[i];
        json_object(json, NULL);
        json_string(json, "result", kinds[item->kind]);
        if (item->act != NULL) {
            json_string(json, "act", item->act);
        }
        json_string(json, "path", item->path);
        if (item->why != NULL) {
            json_string(json, "why", item->why);
        }
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_seat(struct json_writer *json, const struct sync_seat_report *seat)
{
    json_object(json, NULL);
    json_string(json, "name", seat->name);
    json_string(json, "host", seat->host);
    json_string(json, "printer_type", seat->type);
    json_string(json, "outcome", outcome_names[seat->outcome]);
    json_string(json, "why", seat->why);
    json_string(json, "state", seat->state);
    json_string(json, "destination", seat->destination);
    json_int(json, "deleted", (int64_t)seat->deleted);
    json_int(json, "folders_made", (int64_t)seat->made);
    json_int(json, "replaced", (int64_t)seat->replaced);
    json_int(json, "uploaded", (int64_t)seat->uploaded);
    json_int(json, "copied_back", (int64_t)seat->copied_back);
    json_int(json, "as_here", (int64_t)seat->same);
    json_int(json, "not_for_this_printer", (int64_t)seat->foreign);
    json_int(json, "kept_there", (int64_t)seat->kept);
    json_int(json, "failed", (int64_t)seat->failed);
    json_int(json, "bytes_sent", (int64_t)seat->bytes);
    json_int(json, "bytes_planned", (int64_t)seat->bytes_planned);
    json_float(json, "seconds", (double)(seat->ended_us - seat->began_us) / 1e6);
    write_items(json, seat);
    json_object_end(json);
}

void sync_report_json(const struct sync_report *report, struct buffer *out)
{
    struct json_writer json;
    json_begin(&json, out, JSON_COMPACT);
    json_object(&json, NULL);
    json_string(&json, "hotbed", HOTBED_VERSION);
    json_string(&json, "folder", report->folder);
    json_bool(&json, "dry_run", !report->execute);
    json_bool(&json, "interrupted", report->interrupted);
    json_int(&json, "exit_code", sync_report_exit_code(report));
    json_int(&json, "files", (int64_t)report->files);
    json_int(&json, "bytes", (int64_t)report->bytes);
    json_int(&json, "files_of_other_suffixes", (int64_t)report->ignored);
    json_float(&json, "seconds", (double)report->took_us / 1e6);
    json_array(&json, "printers");
    for (size_t i = 0; i < report->count; i++) {
        write_seat(&json, &report->seats[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_char(out, '\n');
}

void sync_report_join(struct sync_report *report, const struct sync_report *earlier)
{
    report->interrupted = report->interrupted || earlier->interrupted;
    report->took_us += earlier->took_us;
    for (size_t i = 0; i < report->count; i++) {
        struct sync_seat_report *seat = &report->seats[i];
        const struct sync_seat_report *before = &earlier->seats[i];
        seat->copied_back += before->copied_back;
        for (size_t k = 0; k < before->count; k++) {
            const struct sync_item *item = &before->items[k];
            sync_report_add(seat, item->kind, item->act, item->path, item->why);
        }
        if (before->outcome != SYNC_IN_STEP && seat->outcome == SYNC_IN_STEP) {
            seat->outcome = before->outcome;
            free(seat->why);
            seat->why = memory_copy_text(before->why);
        } else if (!report->execute && seat->outcome == SYNC_IN_STEP && before->count > 0) {
            seat->outcome = SYNC_PLANNED;
        }
    }
}
