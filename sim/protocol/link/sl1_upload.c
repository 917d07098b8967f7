#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"
#include "sim/wire/multipart.h"

/* POST of a multipart form with a project, or with the name of a folder to be made (prusalink.md
 * 4.5; Prusa-Link-Web: spec/openapi-legacy.yaml, UploadFile and CreateFolder). */

enum { FIELD_BYTES_MAX = 4096 };

enum field { FIELD_PATH, FIELD_PRINT, FIELD_SELECT, FIELD_FOLDER, FIELDS, FIELD_FILE, FIELD_OTHER };

static const char *const field_names[FIELDS] = {
    [FIELD_PATH] = "path",
    [FIELD_PRINT] = "print",
    [FIELD_SELECT] = "select",
    [FIELD_FOLDER] = "foldername",
};

struct upload {
    struct link_task task;
    struct sl1_incoming incoming;
    struct multipart form;
    struct buffer field, fields[FIELDS];
    char *name; /* of the file; NULL: none came */
    enum field part;
    uint64_t received;
    bool complete;
};

/* ---- the form ---- */

static enum field field_of(const char *name)
{
    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(name, field_names[i]) == 0) {
            return (enum field)i;
        }
    }
    return strcmp(name, "file") == 0 ? FIELD_FILE : FIELD_OTHER;
}

static bool good_name(const char *name)
{
    return strchr(name, '/') == NULL && !file_name_hidden(name) &&
           file_path_good(name, strlen(name));
}

static void on_part(void *owner, const struct multipart_part *part)
{
    struct upload *upload = owner;
    upload->part = field_of(part->name);
    buffer_clear(&upload->field);
    if (upload->part == FIELD_FILE && upload->name == NULL && *part->filename != '\0') {
        upload->name = memory_copy_text(part->filename);
        if (!good_name(upload->name)) {
            upload->incoming.error = SL1_BAD_REQUEST;
        } else if (!sl1_good_project_name(upload->incoming.face, upload->name)) {
            upload->incoming.error = SL1_INVALID_EXTENSION;
        }
    }
}

static void on_content(void *owner, const char *bytes, size_t size)
{
    struct upload *upload = owner;
    if (upload->part == FIELD_FILE) {
        sl1_incoming_write(&upload->incoming, bytes, size);
    } else if (upload->field.size + size <= FIELD_BYTES_MAX) {
        buffer_append(&upload->field, bytes, size);
    } else {
        upload->incoming.error = SL1_BAD_REQUEST;
    }
}

static void on_part_end(void *owner)
{
    struct upload *upload = owner;
    if (upload->part < FIELDS) {
        struct buffer *kept = &upload->fields[upload->part];
        buffer_clear(kept);
        buffer_append(kept, buffer_text(&upload->field), upload->field.size);
    } else if (upload->part == FIELD_FILE) {
        sl1_incoming_flush(&upload->incoming);
    }
    upload->part = FIELD_OTHER;
}

static void on_end(void *owner)
{
    ((struct upload *)owner)->complete = true;
}

static void on_failed(void *owner, const char *why)
{
    (void)why;
    struct upload *upload = owner;
    if (upload->incoming.error == 0) {
        upload->incoming.error = SL1_BAD_REQUEST;
    }
}

static const struct multipart_events form_events = {.part = on_part,
                                                    .content = on_content,
                                                    .part_end = on_part_end,
                                                    .end = on_end,
                                                    .failed = on_failed};

/* ---- the end ---- */

/* "sub/x.sl1" of the fields "/sub/" and "x.sl1". */
static void target_below(const struct upload *upload, const char *name, struct buffer *below)
{
    const char *folder = buffer_text(&upload->fields[FIELD_PATH]);
    folder += strspn(folder, "/");
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/') {
        size--;
    }
    buffer_append(below, folder, size);
    buffer_format(below, "%s%s", size == 0 ? "" : "/", name);
}

/* Without a word the project is shown if that is possible; the specification's default is to. */
static enum sl1_opening opening_of(const struct upload *upload)
{
    const char *select = buffer_text(&upload->fields[FIELD_SELECT]);
    return strcmp(buffer_text(&upload->fields[FIELD_PRINT]), "true") == 0 ? SL1_PRINT
           : strcmp(select, "true") == 0                                  ? SL1_OPEN
           : strcmp(select, "false") == 0                                 ? SL1_DO_NOT_OPEN
                                                                          : SL1_OPEN_IF_ABLE;
}

static void reply_done(struct link_request *request, const struct upload *upload, const char *name,
                       const char *below)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_bool(&json, "done", true);
    if (upload->name != NULL) {
        json_object(&json, "files");
    }
    json_object(&json, upload->name != NULL ? upload->incoming.origin : "folder");
    json_string(&json, "name", name);
    json_string(&json, "origin", upload->incoming.origin);
    json_string(&json, "path", below);
    if (upload->name != NULL) {
        sl1_write_refs(request, &json, upload->incoming.origin, below, NULL);
        json_object_end(&json);
    } else {
        sl1_write_resource(request, &json, upload->incoming.origin, below);
    }
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 201, &body, NULL);
    buffer_free(&body);
}

static int finish(struct upload *upload, const char *name, const char *below)
{
    if (upload->incoming.error != 0) {
        return upload->incoming.error;
    }
    if (!upload->complete || *name == '\0') {
        return SL1_BAD_REQUEST;
    }
    if (upload->name == NULL) {
        return good_name(name)
                   ? sl1_make_folder(upload->incoming.face, upload->incoming.origin, below)
                   : SL1_BAD_REQUEST;
    }
    int error = sl1_incoming_place(&upload->incoming, below);
    return error != 0 ? error
                      : sl1_incoming_open(upload->incoming.face, upload->incoming.origin, below,
                                          opening_of(upload));
}

static void on_whole(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    struct buffer below = {0};
    multipart_finish(&upload->form);
    const char *name =
        upload->name != NULL ? upload->name : buffer_text(&upload->fields[FIELD_FOLDER]);
    target_below(upload, name, &below);
    int error = finish(upload, name, buffer_text(&below));
    sl1_incoming_give_up(&upload->incoming); /* what has no place by now */
    if (error == 0) {
        reply_done(task->request, upload, name, buffer_text(&below));
    } else {
        sl1_reply_error(task->request, error, 0);
    }
    buffer_free(&below);
}

static void on_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct upload *upload = (struct upload *)task;
    struct sl1_incoming *incoming = &upload->incoming;
    multipart_feed(&upload->form, bytes, size);
    upload->received += size;
    machine_transfer_advance(incoming->face->machine, upload->received);
    const struct transfer *transfer = machine_transfer(incoming->face->machine);
    bool stopped = transfer != NULL && transfer->stop;
    if (incoming->error == SL1_MEMORY_FULL || stopped) {
        sl1_incoming_give_up(incoming);
        sl1_reply_error(task->request, stopped ? SL1_BAD_REQUEST : SL1_MEMORY_FULL, 0);
    }
}

static void on_cut(struct link_task *task, enum link_cut cut)
{
    struct upload *upload = (struct upload *)task;
    sl1_incoming_give_up(&upload->incoming);
    if (cut == LINK_CUT_SILENT) {
        sl1_reply_page(task->request, 408);
    } else if (cut == LINK_CUT_CLOSED) {
        sl1_reply_page(task->request, 400);
    }
}

static void on_free(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    sl1_incoming_free(&upload->incoming);
    multipart_free(&upload->form);
    buffer_free(&upload->field);
    for (size_t i = 0; i < FIELDS; i++) {
        buffer_free(&upload->fields[i]);
    }
    free(upload->name);
    free(upload);
}

/* ---- the beginning ---- */

enum http_body_plan sl1_upload_begin(struct link_request *request)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    const char *type = link_request_header(request, "Content-Type");
    const char *origin = request->parameters[0];
    const struct storage *storage;
    const struct file_node *node;
    struct sl1_incoming incoming = {0};
    int error = 0;
    if (type == NULL || !multipart_boundary(slice_of(type), boundary) || request->body_length < 0) {
        error = SL1_BAD_REQUEST;
    } else if (!sl1_find(request->face, origin, "", &storage, &node) || storage->read_only) {
        error = strcmp(origin, "usb") == 0 ? SL1_NO_DRIVE : SL1_FILE_NOT_FOUND;
    } else if (storage_total_bytes(storage) > 0 &&
               storage_free_bytes(storage) < (uint64_t)request->body_length) {
        error = SL1_MEMORY_FULL;
    } else if (!sl1_incoming_begin(&incoming, request->face, origin, "upload",
                                   (struct transfer){.source = TRANSFER_FROM_WEB,
                                                     .size = (uint64_t)request->body_length})) {
        error = SL1_NOT_IN_STATE;
    }
    if (error != 0) {
        sl1_reply_error(request, error, 0);
        return HTTP_BODY_PIECES;
    }
    struct upload *upload = memory_new(sizeof *upload);
    *upload = (struct upload){.task = {on_piece, on_whole, on_cut, on_free, request},
                              .incoming = incoming,
                              .part = FIELD_OTHER};
    multipart_init(&upload->form, boundary, &form_events, upload);
    request->task = &upload->task;
    return HTTP_BODY_PIECES;
}
