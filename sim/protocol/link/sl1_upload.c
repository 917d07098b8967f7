#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/link/sl1_link.h"
#include "sim/wire/multipart.h"

/* POST of a multipart form with a project (prusalink.md 4.5): its bytes go into a hidden file,
 * which gets its name when the form is complete. */

enum { FIELD_BYTES_MAX = 4096, KEEP_BYTES = 256 * 1024 };

struct upload {
    struct link_task task;
    struct link_face *face;
    struct multipart form;
    char *origin;
    struct buffer temporary, pending; /* pending: of the content, not yet in the file */
    struct buffer field, path, print, select;
    char *name; /* of the file; NULL: none came */
    enum { NO_FIELD, FIELD_FILE, FIELD_PATH, FIELD_PRINT, FIELD_SELECT, FIELD_OTHER } part;
    uint64_t received;
    int error; /* of the firmware's numbers; 0: none */
    bool complete, transferring, written;
};

/* ---- the file ---- */

static void flush(struct upload *upload)
{
    if (upload->pending.size > 0 && upload->error == 0) {
        enum storage_result result =
            machine_append_file(upload->face->machine, buffer_text(&upload->temporary),
                                upload->pending.bytes, upload->pending.size);
        upload->error = result == STORAGE_OK     ? 0
                        : result == STORAGE_FULL ? SL1_MEMORY_FULL
                                                 : SL1_UNEXPECTED;
        upload->written |= result == STORAGE_OK;
    }
    buffer_clear(&upload->pending);
}

static void give_up(struct upload *upload)
{
    if (upload->written) {
        machine_remove(upload->face->machine, buffer_text(&upload->temporary), false);
        upload->written = false;
    }
    if (upload->transferring) {
        upload->transferring = false;
        machine_transfer_end(upload->face->machine, TRANSFER_ABORTED);
    }
}

/* ---- the form ---- */

static void on_part(void *owner, const struct multipart_part *part)
{
    struct upload *upload = owner;
    upload->part = strcmp(part->name, "file") == 0     ? FIELD_FILE
                   : strcmp(part->name, "path") == 0   ? FIELD_PATH
                   : strcmp(part->name, "print") == 0  ? FIELD_PRINT
                   : strcmp(part->name, "select") == 0 ? FIELD_SELECT
                                                       : FIELD_OTHER;
    buffer_clear(&upload->field);
    if (upload->part == FIELD_FILE && upload->name == NULL && *part->filename != '\0') {
        upload->name = memory_copy_text(part->filename);
        if (strchr(upload->name, '/') != NULL || file_name_hidden(upload->name) ||
            !file_path_good(upload->name, strlen(upload->name))) {
            upload->error = SL1_BAD_REQUEST;
        } else if (!sl1_good_project_name(upload->face, upload->name)) {
            upload->error = SL1_INVALID_EXTENSION;
        }
    }
}

static void on_content(void *owner, const char *bytes, size_t size)
{
    struct upload *upload = owner;
    if (upload->part == FIELD_FILE) {
        buffer_append(&upload->pending, bytes, size);
        if (upload->pending.size >= KEEP_BYTES) {
            flush(upload);
        }
    } else if (upload->field.size + size <= FIELD_BYTES_MAX) {
        buffer_append(&upload->field, bytes, size);
    } else {
        upload->error = SL1_BAD_REQUEST;
    }
}

static void on_part_end(void *owner)
{
    struct upload *upload = owner;
    struct buffer *kept = upload->part == FIELD_PATH     ? &upload->path
                          : upload->part == FIELD_PRINT  ? &upload->print
                          : upload->part == FIELD_SELECT ? &upload->select
                                                         : NULL;
    if (kept != NULL) {
        buffer_clear(kept);
        buffer_append(kept, buffer_text(&upload->field), upload->field.size);
    } else if (upload->part == FIELD_FILE) {
        flush(upload);
    }
    upload->part = NO_FIELD;
}

static void on_end(void *owner)
{
    ((struct upload *)owner)->complete = true;
}

static void on_failed(void *owner, const char *why)
{
    (void)why;
    struct upload *upload = owner;
    upload->error = upload->error == 0 ? SL1_BAD_REQUEST : upload->error;
}

static const struct multipart_events form_events = {.part = on_part,
                                                    .content = on_content,
                                                    .part_end = on_part_end,
                                                    .end = on_end,
                                                    .failed = on_failed};

/* ---- the end ---- */

/* "sub/x.sl1" of the fields "/sub/" and "x.sl1". */
static void target_below(const struct upload *upload, struct buffer *below)
{
    const char *folder = buffer_text(&upload->path);
    folder += strspn(folder, "/");
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/') {
        size--;
    }
    buffer_append(below, folder, size);
    buffer_format(below, "%s%s", size == 0 ? "" : "/", upload->name);
}

static int place(struct upload *upload, const char *below)
{
    struct machine *machine = upload->face->machine;
    const struct storage *storage;
    const struct file_node *node;
    struct buffer path = {0};
    if (!upload->complete || upload->name == NULL || !file_path_good(below, strlen(below))) {
        return SL1_BAD_REQUEST;
    }
    if (!upload->written) {
        return SL1_INVALID_PROJECT; /* empty */
    }
    sl1_find(upload->face, upload->origin, below, &storage, &node);
    if (node != NULL) {
        return SL1_FILE_EXISTS;
    }
    sl1_full_path(&path, upload->origin, below);
    enum storage_result result =
        machine_rename_file(machine, buffer_text(&upload->temporary), buffer_text(&path));
    buffer_free(&path);
    upload->written = result != STORAGE_OK;
    return result == STORAGE_OK ? 0 : result == STORAGE_FULL ? SL1_MEMORY_FULL : SL1_BAD_REQUEST;
}

static bool is_true(const struct buffer *field)
{
    return strcmp(buffer_text(field), "true") == 0;
}

/* What comes behind the upload may fail though the file is there. */
static int start(struct upload *upload, const char *below)
{
    struct machine *machine = upload->face->machine;
    enum machine_refusal refusal = MACHINE_ACCEPTED;
    struct buffer path = {0};
    sl1_full_path(&path, upload->origin, below);
    if (is_true(&upload->print)) {
        refusal = machine_start_print(machine, buffer_text(&path), NULL);
    } else if (is_true(&upload->select)) {
        refusal = machine_open_project(machine, buffer_text(&path), NULL);
    }
    buffer_free(&path);
    return refusal == MACHINE_ACCEPTED ? 0 : sl1_error_of(machine, refusal);
}

static void reply_done(struct link_request *request, const struct upload *upload, const char *below)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_bool(&json, "done", true);
    json_object(&json, "files");
    json_object(&json, upload->origin);
    json_string(&json, "name", upload->name);
    json_string(&json, "origin", upload->origin);
    json_string(&json, "path", below);
    sl1_write_refs(request, &json, upload->origin, below, false);
    json_object_end(&json);
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 201, &body, NULL);
    buffer_free(&body);
}

static void on_whole(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    struct buffer below = {0};
    multipart_finish(&upload->form);
    if (upload->error == 0 && upload->name != NULL) {
        target_below(upload, &below);
    }
    int error = upload->error != 0 ? upload->error : place(upload, buffer_text(&below));
    if (error == 0) {
        upload->transferring = false;
        machine_transfer_end(upload->face->machine, TRANSFER_DONE);
        error = start(upload, buffer_text(&below));
    } else {
        give_up(upload);
    }
    if (error == 0) {
        reply_done(task->request, upload, buffer_text(&below));
    } else {
        sl1_reply_error(task->request, error, 0);
    }
    buffer_free(&below);
}

static void on_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct upload *upload = (struct upload *)task;
    multipart_feed(&upload->form, bytes, size);
    upload->received += size;
    machine_transfer_advance(upload->face->machine, upload->received);
    if (upload->error == SL1_MEMORY_FULL) {
        give_up(upload);
        sl1_reply_error(task->request, SL1_MEMORY_FULL, 0);
    }
}

static void on_cut(struct link_task *task, enum link_cut cut)
{
    struct upload *upload = (struct upload *)task;
    give_up(upload);
    if (cut == LINK_CUT_SILENT) {
        sl1_reply_page(task->request, 408);
    } else if (cut == LINK_CUT_CLOSED) {
        sl1_reply_page(task->request, 400);
    }
}

static void on_free(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    give_up(upload);
    multipart_free(&upload->form);
    struct buffer *buffers[] = {&upload->temporary, &upload->pending, &upload->field,
                                &upload->path,      &upload->print,   &upload->select};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        buffer_free(buffers[i]);
    }
    free(upload->origin);
    free(upload->name);
    free(upload);
}

/* ---- the beginning ---- */

static bool transfer(struct link_request *request, const char *origin)
{
    struct buffer path = {0};
    buffer_format(&path, "/%s/upload", origin);
    bool begun = machine_transfer_begin(request->face->machine,
                                        &(struct transfer){.source = TRANSFER_FROM_WEB,
                                                           .path = path.bytes,
                                                           .size = (uint64_t)request->body_length});
    buffer_free(&path);
    return begun;
}

enum http_body_plan sl1_upload_begin(struct link_request *request)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    const char *type = link_request_header(request, "Content-Type");
    const char *origin = request->parameters[0];
    const struct storage *storage;
    const struct file_node *node;
    int error = 0;
    if (type == NULL || !multipart_boundary(slice_of(type), boundary) || request->body_length < 0) {
        error = SL1_BAD_REQUEST;
    } else if (!sl1_find(request->face, origin, "", &storage, &node) || storage->read_only) {
        error = strcmp(origin, "usb") == 0 ? SL1_NO_DRIVE : SL1_FILE_NOT_FOUND;
    } else if (storage_total_bytes(storage) > 0 &&
               storage_free_bytes(storage) < (uint64_t)request->body_length) {
        error = SL1_MEMORY_FULL;
    } else if (!transfer(request, origin)) {
        error = SL1_NOT_IN_STATE;
    }
    if (error != 0) {
        sl1_reply_error(request, error, 0);
        return HTTP_BODY_PIECES;
    }
    struct upload *upload = memory_new(sizeof *upload);
    *upload = (struct upload){.task = {on_piece, on_whole, on_cut, on_free, request},
                              .face = request->face,
                              .origin = memory_copy_text(origin),
                              .transferring = true};
    buffer_format(&upload->temporary, "/%s/.upload-%" PRIu32 ".part", origin,
                  sl1_link_of(request)->uploads++);
    multipart_init(&upload->form, boundary, &form_events, upload);
    request->task = &upload->task;
    return HTTP_BODY_PIECES;
}
