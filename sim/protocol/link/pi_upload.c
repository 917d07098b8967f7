/* PUT of a file (prusalink.md 3.9, 3.10, 6.6): tests on the head, the body block by block into a
 * hidden part file in the root, then its place. */
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi_upload.h"

/* --- what comes in, however it is wrapped --- */

void pi_part_path(const char *path, struct buffer *out)
{
    size_t storage = 1 + strcspn(path + 1, "/");
    buffer_append(out, path, storage);
    buffer_format(out, "/.%s.part", pi_base_name(path));
}

uint32_t pi_transfer_id(struct pi *pi)
{
    struct random random = random_of(strtoull(pi->secret + 48, NULL, 16), ++pi->transfers);
    return 1 + (uint32_t)random_below(&random, UINT32_MAX);
}

void pi_incoming_free(struct pi_incoming *incoming)
{
    free(incoming->path);
    buffer_free(&incoming->part);
}

/* The slot is taken with the first bytes. */
bool pi_incoming_write(struct pi_incoming *incoming, const char *bytes, size_t size)
{
    struct machine *machine = incoming->face->machine;
    if (!incoming->begun) {
        struct pi *pi = incoming->face->dialect_state;
        const struct transfer transfer = {.id = pi_transfer_id(pi),
                                          .source = incoming->source,
                                          .path = incoming->path,
                                          .url = incoming->url,
                                          .size = incoming->expected,
                                          .form = incoming->form,
                                          .two_clocks = incoming->source == TRANSFER_FROM_CLIENT &&
                                                        !incoming->form &&
                                                        link_quirk(incoming->face, 7),
                                          .to_select = incoming->to_select,
                                          .to_print = incoming->to_print};
        if (!machine_transfer_begin(machine, &transfer)) {
            return false;
        }
        incoming->begun = true;
        pi_part_path(incoming->path, &incoming->part);
        machine_remove(machine, incoming->part.bytes, false); /* of an upload that was cut */
    }
    enum storage_result result = machine_append_file(machine, incoming->part.bytes, bytes, size);
    incoming->received += size;
    machine_transfer_advance(machine, incoming->received);
    incoming->full = incoming->full || result != STORAGE_OK;
    return result == STORAGE_OK;
}

bool pi_incoming_stopped(const struct pi_incoming *incoming)
{
    const struct transfer *transfer = machine_transfer(incoming->face->machine);
    return incoming->begun && transfer != NULL && transfer->stop;
}

void pi_incoming_end(struct pi_incoming *incoming, enum transfer_change how)
{
    struct link_face *face = incoming->face;
    if (!incoming->begun) {
        return;
    }
    incoming->begun = false;
    /* Only PUT forgets its part file. */
    bool removed = how == TRANSFER_DONE || incoming->form || !link_quirk(face, 5);
    if (removed) { /* nothing is there any more when it was renamed */
        machine_remove(face->machine, incoming->part.bytes, false);
    }
    machine_transfer_end(face->machine, how);
}

/* The program's exception goes past the end of the transfer (quirk L-05): its slot stays taken. */
void pi_incoming_break(struct pi_incoming *incoming)
{
    struct pi *pi = incoming->face->dialect_state;
    if (!link_quirk(incoming->face, 5)) {
        pi_incoming_end(incoming, TRANSFER_ABORTED);
    } else if (incoming->begun) {
        incoming->begun = false;
        pi->slot_stuck = true;
    }
}

enum storage_result pi_incoming_place(struct pi_incoming *incoming, const char *path)
{
    struct machine *machine = incoming->face->machine;
    const char *below;
    const struct storage *storage = machine_storage_of(machine, path, &below);
    const struct file_node *there = storage == NULL ? NULL : storage_find(storage, below);
    if (there != NULL && there->folder) {
        return STORAGE_EXISTS;
    }
    return machine_rename_file(machine, incoming->part.bytes, path);
}

/* --- paths of a PUT --- */

/* Doubled slashes inside are one. NULL: it would lead out of the storage. */
static char *clean_path(const char *path, bool folder)
{
    struct buffer clean = {0};
    const char *below = strchr(path + 1, '/');
    bool good = below != NULL && below[1] != '/';
    buffer_append(&clean, path, below == NULL ? strlen(path) : (size_t)(below - path));
    for (const char *at = below; good && at != NULL && *at != '\0';) {
        at += strspn(at, "/");
        size_t size = strcspn(at, "/");
        good = !(size == 2 && at[0] == '.' && at[1] == '.');
        if (size > 0 && !(size == 1 && *at == '.')) {
            buffer_append_char(&clean, '/');
            buffer_append(&clean, at, size);
        }
        at += size;
        good = good && (folder || *at == '\0' || at[strspn(at, "/")] != '\0');
    }
    if (!good) {
        buffer_free(&clean);
        return NULL;
    }
    return buffer_detach(&clean);
}

static const struct file_node *on_disk(const struct link_request *request, const char *path)
{
    const char *below;
    const struct storage *storage = machine_storage_of(pi_machine(request), path, &below);
    return storage == NULL ? NULL : storage_find(storage, below);
}

static void create_folder(struct link_request *request, const char *path)
{
    const struct file_node *there = on_disk(request, path);
    if (there != NULL && there->folder) {
        pi_send_empty(request, 201);
        return;
    }
    pi_tree_new_folders(pi_of(request), path, true);
    if (there == NULL && machine_make_folder(pi_machine(request), path) == STORAGE_OK) {
        pi_send_empty(request, 201);
    } else {
        pi_send_500(request);
    }
}

/* The folder of a file, with its own; false: something else is in the way. */
static bool make_parents(struct link_request *request, const char *path)
{
    char *folder = memory_copy_text(path);
    *strrchr(folder, '/') = '\0';
    const struct file_node *there = on_disk(request, folder);
    bool made = there != NULL && there->folder;
    if (there == NULL) {
        pi_tree_new_folders(pi_of(request), path, false);
        made = machine_make_folder(pi_machine(request), folder) == STORAGE_OK;
    }
    free(folder);
    return made;
}

/* --- the body --- */

struct put {
    struct link_task task;
    struct pi_incoming incoming;
    struct buffer block;
    uint64_t left; /* of the body */
    bool overwrite, octet_stream;
};

static void put_free(struct link_task *task)
{
    struct put *put = (struct put *)task;
    pi_incoming_end(&put->incoming, TRANSFER_ABORTED);
    pi_incoming_free(&put->incoming);
    buffer_free(&put->block);
    free(put);
}

static void fail(struct put *put, enum pi_error error)
{
    pi_incoming_end(&put->incoming, TRANSFER_ABORTED);
    pi_send_error(put->task.request, error);
}

/* An exception of the program. */
static void fail_500(struct put *put)
{
    pi_incoming_break(&put->incoming);
    pi_send_500(put->task.request);
}

/* The test of an explicit application/octet-stream looks at the place where the file will be, not
 * at the file (quirk L-01). True: answered. */
static bool inspected(struct put *put)
{
    struct link_request *request = put->task.request;
    if (!put->octet_stream || !link_quirk(request->face, 1)) {
        return false;
    }
    const struct file_node *old = on_disk(request, put->incoming.path);
    pi_incoming_end(&put->incoming, TRANSFER_ABORTED);
    if (old == NULL) {
        pi_send_500(request);
    } else {
        machine_remove(pi_machine(request), put->incoming.path, false);
        pi_send_error(request, PI_MEDIA_TYPE);
    }
    return true;
}

static void finish(struct put *put)
{
    struct link_request *request = put->task.request;
    struct pi_incoming *incoming = &put->incoming;
    if (inspected(put)) {
        return;
    }
    if (on_disk(request, incoming->path) != NULL && !put->overwrite) {
        fail(put, PI_FILE_EXISTS);
        return;
    }
    if (pi_incoming_place(incoming, incoming->path) != STORAGE_OK) {
        pi_incoming_end(incoming, TRANSFER_ABORTED);
        pi_send_500(request);
        return;
    }
    pi_incoming_end(incoming, TRANSFER_DONE);
    if (incoming->to_print) {
        pi_tree_refresh(pi_of(request)); /* it waits for the tree */
        if (!pi_try_print(request, incoming->path)) {
            pi_send_error(request, PI_NOT_STATE_TO_PRINT);
            return;
        }
    }
    pi_send_empty(request, 201);
}

/* A block is in, or the rest of the body. False: answered. */
static bool take_block(struct put *put, const char *bytes, size_t size)
{
    if (pi_incoming_stopped(&put->incoming)) {
        fail(put, PI_UPLOAD_FAILED);
        return false;
    }
    if (!pi_incoming_write(&put->incoming, bytes, size)) {
        fail_500(put); /* another transfer runs, or the disk is full */
        return false;
    }
    return true;
}

static void put_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct put *put = (struct put *)task;
    buffer_append(&put->block, bytes, size);
    put->left -= size;
    size_t at = 0;
    while (put->block.size - at >= PI_BLOCK_BYTES) {
        if (!take_block(put, put->block.bytes + at, PI_BLOCK_BYTES)) {
            return;
        }
        at += PI_BLOCK_BYTES;
    }
    buffer_consume(&put->block, at);
}

static void put_whole(struct link_task *task)
{
    struct put *put = (struct put *)task;
    struct pi_incoming *incoming = &put->incoming;
    bool lost = put->block.size == 1 && incoming->received > 0 && link_quirk(incoming->face, 2);
    if (lost) { /* the last byte is never read (quirk L-02) */
        fail(put, PI_UPLOAD_FAILED);
    } else if (put->block.size == 0 || take_block(put, put->block.bytes, put->block.size)) {
        finish(put);
    }
}

static void put_cut(struct link_task *task, enum link_cut cut)
{
    struct put *put = (struct put *)task;
    if (cut == LINK_CUT_BROKEN) {
        pi_incoming_break(&put->incoming);
    } else {
        fail(put, PI_UPLOAD_FAILED);
    }
}

/* --- the head --- */

static bool accepted_type(struct link_request *request, bool *octet_stream)
{
    const char *type = link_request_header(request, "Content-Type");
    if (type == NULL) { /* Python puts text/plain in its place (quirk L-19a) */
        return !link_quirk(request->face, 51);
    }
    size_t size = strcspn(type, "; ");
    *octet_stream = size == 24 && memcmp(type, "application/octet-stream", size) == 0;
    return *octet_stream || (size == 12 && memcmp(type, "text/x.gcode", size) == 0);
}

/* What the head decides, in the order of the program; true: the body is wanted. */
static bool head_good(struct link_request *request, const char *path, bool *octet_stream)
{
    const struct file_node *there = on_disk(request, path);
    if (!accepted_type(request, octet_stream)) {
        pi_send_error(request, PI_MEDIA_TYPE);
    } else if (request->body_length <= 0) {
        pi_send_error(request, PI_LENGTH_REQUIRED);
    } else if (there != NULL && !pi_header_true(request, "Overwrite")) {
        pi_send_error(request, PI_FILE_EXISTS);
    } else if (!make_parents(request, path) || strlen(pi_base_name(path)) > PI_NAME_BYTES_MAX ||
               (machine_transfer(pi_machine(request)) != NULL && request->body_length == 0)) {
        pi_send_500(request);
    } else {
        return true;
    }
    return false;
}

static enum http_body_plan put_at(struct link_request *request, const char *path)
{
    bool octet_stream = false;
    if (pi_header_true(request, "Create-Folder")) {
        create_folder(request, path);
        return HTTP_BODY_PIECES;
    }
    if (!head_good(request, path, &octet_stream)) {
        return HTTP_BODY_PIECES;
    }
    struct put *put = memory_new(sizeof *put);
    *put = (struct put){
        .task = {.piece = put_piece,
                 .whole = put_whole,
                 .cut = put_cut,
                 .free = put_free,
                 .request = request},
        .incoming = {.face = request->face,
                     .path = memory_copy_text(path),
                     .expected = (uint64_t)request->body_length,
                     .source = TRANSFER_FROM_CLIENT,
                     .to_print = pi_header_true(request, "Print-After-Upload")},
        .left = (uint64_t)request->body_length,
        .overwrite = pi_header_true(request, "Overwrite"),
        .octet_stream = octet_stream,
    };
    request->task = &put->task;
    /* A body of one block is read before anything is done with it; a larger one has its transfer
     * from the beginning (captures/connect-prusalink 05). */
    if (request->body_length > PI_BLOCK_BYTES && !pi_incoming_write(&put->incoming, "", 0)) {
        fail_500(put);
    }
    return HTTP_BODY_PIECES;
}

enum http_body_plan pi_v1_put(struct link_request *request)
{
    const char *storage = request->parameters[0], *rest = request->parameters[1];
    if (rest == NULL || *rest == '\0') {
        pi_send_404(request);
        return HTTP_BODY_PIECES;
    }
    const char *path = pi_v1_path(request, storage, rest);
    if (path == NULL) {
        return HTTP_BODY_PIECES;
    }
    if (strcmp(storage, "sdcard") == 0) {
        pi_send_error(request, PI_SD_READ_ONLY);
        return HTTP_BODY_PIECES;
    }
    if (pi_forbidden(rest)) {
        pi_send_error(request, PI_FORBIDDEN_CHARACTERS);
        return HTTP_BODY_PIECES;
    }
    /* The real program writes wherever the path leads (quirk L-04); nothing of this world does. */
    char *clean =
        request->broken_path ? NULL : clean_path(path, pi_header_true(request, "Create-Folder"));
    if (clean == NULL && link_quirk(request->face, 4)) {
        pi_send_500(request);
        return HTTP_BODY_PIECES;
    }
    if (clean == NULL) {
        pi_send_error(request, PI_LOCATION_NOT_FOUND);
        return HTTP_BODY_PIECES;
    }
    enum http_body_plan plan = put_at(request, clean);
    free(clean);
    return plan;
}
