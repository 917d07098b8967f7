/* The upload form of the legacy interface (prusalink.md 4.5). It is read a block at a time, and an
 * answer comes only when its body has ended, good or bad (cap 53). */
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi_upload.h"
#include "sim/wire/multipart.h"

enum { FIELD_BYTES_MAX = 4096 };

enum field { FIELD_NONE, FIELD_FILE, FIELD_PATH, FIELD_PRINT };

struct form {
    struct link_task task;
    struct pi_incoming incoming;
    struct multipart multipart;
    struct buffer folder, print, name;
    enum field field;
    bool form;     /* it is one */
    bool has_file; /* with a name */
    bool failed, ended;
    enum pi_error error;
};

static void fail(struct form *form, enum pi_error error)
{
    if (!form->failed) {
        form->failed = true;
        form->error = error;
        pi_incoming_end(&form->incoming, TRANSFER_ABORTED);
    }
}

/* --- parts --- */

/* In the order of the program (Prusa-Link: prusa/link/web/lib/files.py). */
static void begin_file(struct form *form, const char *name)
{
    struct link_request *request = form->task.request;
    const struct storage *local = pi_storage(request, STORAGE_LOCAL);
    form->has_file = *name != '\0' && strchr(name, '/') == NULL;
    if (!form->has_file || form->failed) {
        return;
    }
    buffer_append_text(&form->name, name);
    if (pi_forbidden(name)) {
        fail(form, PI_FORBIDDEN_CHARACTERS);
    } else if (strlen(name) > PI_NAME_BYTES_MAX) {
        fail(form, PI_FILENAME_TOO_LONG);
    } else if (*name == '.') {
        fail(form, PI_MEDIA_TYPE);
    } else if (!pi_printable(name)) {
        fail(form, PI_NOT_SUPPORTED);
    } else if (storage_total_bytes(local) > 0 &&
               storage_free_bytes(local) <= (uint64_t)request->body_length) {
        fail(form, PI_TOO_LARGE);
    } else {
        struct buffer path = {0};
        buffer_format(&path, "/%s/%s", local->name, name);
        form->incoming.path = buffer_detach(&path);
        if (!pi_incoming_write(&form->incoming, "", 0)) {
            fail(form, PI_TRANSFER_CONFLICT);
        }
    }
}

static void on_part(void *owner, const struct multipart_part *part)
{
    struct form *form = owner;
    form->field = strcmp(part->name, "file") == 0    ? FIELD_FILE
                  : strcmp(part->name, "path") == 0  ? FIELD_PATH
                  : strcmp(part->name, "print") == 0 ? FIELD_PRINT
                                                     : FIELD_NONE;
    if (form->field == FIELD_FILE && !form->has_file) {
        begin_file(form, part->filename);
    }
}

static void on_content(void *owner, const char *bytes, size_t size)
{
    struct form *form = owner;
    struct buffer *fields[] = {[FIELD_PATH] = &form->folder, [FIELD_PRINT] = &form->print};
    if (form->field == FIELD_FILE && form->has_file && !form->failed) {
        if (!pi_incoming_write(&form->incoming, bytes, size)) {
            fail(form, PI_INTERNAL);
        }
    } else if (form->field > FIELD_FILE && fields[form->field]->size + size <= FIELD_BYTES_MAX) {
        buffer_append(fields[form->field], bytes, size);
    }
}

static void on_part_end(void *owner)
{
    struct form *form = owner;
    form->field = FIELD_NONE;
}

static void on_end(void *owner)
{
    struct form *form = owner;
    form->ended = true;
}

static void on_failed(void *owner, const char *why)
{
    (void)why;
    fail(owner, PI_SIZE_MISMATCH);
}

static const struct multipart_events form_events = {.part = on_part,
                                                    .content = on_content,
                                                    .part_end = on_part_end,
                                                    .end = on_end,
                                                    .failed = on_failed};

/* --- the end --- */

static bool is_true(const struct buffer *field)
{
    return strcmp(buffer_text(field), "true") == 0;
}

/* Where the file goes: the folder of the form, slashes around it or not. NULL: it would lead out.
 */
static char *target_of(struct form *form)
{
    struct buffer path = {0};
    const char *at = buffer_text(&form->folder);
    const char *root = form->incoming.path;
    bool good = true;
    buffer_append(&path, root, (size_t)(strrchr(root, '/') - root));
    while (*at != '\0') {
        at += strspn(at, "/");
        size_t size = strcspn(at, "/");
        good = good && !(size == 2 && at[0] == '.' && at[1] == '.');
        if (size > 0) {
            buffer_append_char(&path, '/');
            buffer_append(&path, at, size);
        }
        at += size;
    }
    buffer_format(&path, "/%s", form->name.bytes);
    if (!good) {
        buffer_free(&path);
        return NULL;
    }
    return buffer_detach(&path);
}

static void send_done(struct link_request *request)
{
    const char *accept = link_request_header(request, "Accept");
    struct buffer body = {0};
    struct json_writer json;
    if (accept == NULL || strstr(accept, "application/json") == NULL) {
        pi_send_empty(request, 201);
        return;
    }
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_bool(&json, "done", true);
    json_array(&json, "files");
    pi_write_tree(request, &json, NULL);
    json_array_end(&json);
    json_int(&json, "free", 0);
    json_int(&json, "total", 0);
    json_object_end(&json);
    pi_send_json(request, 201, &body);
}

/* The file is whole: its folder, its place, and what shall become of it. */
static void place(struct form *form, const char *target)
{
    struct link_request *request = form->task.request;
    struct pi *pi = pi_of(request);
    struct machine *machine = pi_machine(request);
    bool print = is_true(&form->print);
    if (print && pi_busy_printing(request)) {
        pi_incoming_break(&form->incoming); /* an exception, which forgets the transfer (cap 54) */
        pi_send_500(request);
        return;
    }
    char *folder = memory_copy_slice(target, (size_t)(strrchr(target, '/') - target));
    pi_tree_new_folders(pi, target, false);
    if (pi_tree_find(pi, folder) == NULL) {
        machine_make_folder(machine, folder);
        pi_tree_refresh(pi); /* it waits until it sees the folder, not for the file (cap 53) */
    }
    free(folder);
    enum storage_result result = pi_incoming_place(&form->incoming, target);
    pi_incoming_end(&form->incoming, result == STORAGE_OK ? TRANSFER_DONE : TRANSFER_ABORTED);
    if (result != STORAGE_OK) {
        pi_send_500(request);
        return;
    }
    if (print) {
        pi_tree_refresh(pi); /* it waits for the file */
        pi_try_print(request, target);
    } /* and `select` is read and forgotten (cap 53) */
    send_done(request);
}

static void finish(struct form *form)
{
    struct link_request *request = form->task.request;
    if (!form->failed && !form->has_file) {
        fail(form, PI_NO_FILE);
    }
    if (!form->failed && pi_forbidden(buffer_text(&form->folder))) {
        fail(form, PI_FORBIDDEN_CHARACTERS);
    }
    if (!form->failed && pi_incoming_stopped(&form->incoming)) {
        fail(form, PI_UPLOAD_FAILED);
    }
    char *target = form->failed ? NULL : target_of(form);
    if (!form->failed && target == NULL) {
        fail(form, link_quirk(request->face, 4) ? PI_INTERNAL : PI_LOCATION_NOT_FOUND);
    }
    if (!form->failed && pi_is_selected(request, target) && pi_busy_printing(request)) {
        fail(form, PI_CURRENTLY_PRINTED);
    }
    if (form->failed) {
        pi_send_error(request, form->error);
    } else {
        place(form, target);
    }
    free(target);
}

/* --- the body --- */

static void form_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct form *form = (struct form *)task;
    if (form->form) {
        multipart_feed(&form->multipart, bytes, size);
    }
}

static void form_whole(struct link_task *task)
{
    struct form *form = (struct form *)task;
    if (form->form) {
        multipart_finish(&form->multipart);
    }
    finish(form);
}

static void form_cut(struct link_task *task, enum link_cut cut)
{
    struct form *form = (struct form *)task;
    if (cut == LINK_CUT_BROKEN) {
        pi_incoming_break(&form->incoming);
        return;
    }
    fail(form, PI_SIZE_MISMATCH);
    finish(form);
}

static void form_free(struct link_task *task)
{
    struct form *form = (struct form *)task;
    pi_incoming_end(&form->incoming, TRANSFER_ABORTED);
    pi_incoming_free(&form->incoming);
    if (form->form) {
        multipart_free(&form->multipart);
    }
    buffer_free(&form->folder);
    buffer_free(&form->print);
    buffer_free(&form->name);
    free(form);
}

enum http_body_plan pi_multipart_post(struct link_request *request)
{
    const char *storage = request->parameters[0];
    const char *type = link_request_header(request, "Content-Type");
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    if (strcmp(storage, "sdcard") == 0) {
        pi_send_error(request, PI_SD_READ_ONLY);
    } else if (strcmp(storage, "local") != 0 || pi_storage(request, STORAGE_LOCAL) == NULL) {
        pi_send_error(request, PI_LOCATION_NOT_FOUND);
    } else if (request->body_length <= 0) {
        pi_send_error(request, PI_LENGTH_REQUIRED);
    } else if (type != NULL && strncmp(type, "application/json", 16) == 0) {
        pi_send_error(request, PI_NO_FILE); /* the body is read already */
    } else {
        struct form *form = memory_new(sizeof *form);
        form->task = (struct link_task){.piece = form_piece,
                                        .whole = form_whole,
                                        .cut = form_cut,
                                        .free = form_free,
                                        .request = request};
        form->incoming = (struct pi_incoming){.face = request->face,
                                              .expected = (uint64_t)request->body_length,
                                              .source = TRANSFER_FROM_CLIENT,
                                              .form = true};
        form->form = type != NULL && multipart_boundary(slice_of(type), boundary);
        if (form->form) {
            multipart_init(&form->multipart, boundary, &form_events, form);
        }
        request->task = &form->task;
    }
    return HTTP_BODY_PIECES;
}
