#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"

/* Folders, copies and other names. The web interface of this printer never asks for them, so they
 * are as the legacy specification has them (prusalink.md 4.7; Prusa-Link-Web:
 * spec/openapi-legacy.yaml). */

static void answer(struct link_request *request, int error, int status)
{
    if (error == 0) {
        sl1_reply_empty(request, status);
    } else {
        sl1_reply_error(request, error, 0);
    }
}

static int error_of(enum storage_result result)
{
    switch (result) {
    case STORAGE_OK:
        return 0;
    case STORAGE_NOT_FOUND:
        return SL1_FILE_NOT_FOUND;
    case STORAGE_EXISTS:
        return SL1_FILE_EXISTS;
    case STORAGE_NOT_EMPTY:
        return SL1_NOT_EMPTY;
    case STORAGE_FULL:
        return SL1_MEMORY_FULL;
    case STORAGE_BAD_PATH:
        return SL1_BAD_REQUEST;
    default:
        return SL1_UNEXPECTED;
    }
}

bool sl1_let_go(struct machine *machine, const char *path)
{
    const struct machine_job *job = machine_job(machine);
    if (job == NULL || strcmp(job->path, path) != 0) {
        return true;
    }
    enum resin_phase phase = machine_resin_phase(machine);
    bool shown = phase == RESIN_READING_DATA || phase == RESIN_CONFIRM;
    return shown && machine_stop(machine) == MACHINE_ACCEPTED;
}

/* ---- folders ---- */

int sl1_make_folder(struct link_face *face, const char *origin, const char *below)
{
    const struct storage *storage;
    const struct file_node *node;
    struct buffer path = {0};
    if (!sl1_find(face, origin, below, &storage, &node)) {
        return SL1_FILE_NOT_FOUND;
    }
    if (node != NULL) {
        return SL1_FILE_EXISTS;
    }
    sl1_full_path(&path, origin, below);
    int error = error_of(machine_make_folder(face->machine, buffer_text(&path)));
    buffer_free(&path);
    return error;
}

/* Nothing hidden is made, and nothing above the storage. */
static bool good_path(const char *below)
{
    return file_path_good(below, strlen(below)) && !file_path_hidden(below);
}

void sl1_folder_make(struct link_request *request)
{
    const char *below = request->parameters[1];
    int error = good_path(below) ? sl1_make_folder(request->face, request->parameters[0], below)
                                 : SL1_BAD_REQUEST;
    answer(request, error, 201);
}

void sl1_folder_delete(struct link_request *request)
{
    const struct storage *storage;
    const struct file_node *node;
    struct buffer path = {0};
    int error = SL1_FILE_NOT_FOUND;
    sl1_full_path(&path, request->parameters[0], request->parameters[1]);
    if (sl1_find(request->face, request->parameters[0], request->parameters[1], &storage, &node) &&
        node != NULL && node->folder && *request->parameters[1] != '\0') {
        error = error_of(machine_remove(request->face->machine, buffer_text(&path), false));
    }
    buffer_free(&path);
    answer(request, error, 200);
}

/* ---- files ---- */

/* "sub/" and "sub" of a folder that is there mean a place in it. */
static void target_of(struct link_face *face, const char *origin, const char *to, const char *name,
                      struct buffer *below)
{
    const struct storage *storage;
    const struct file_node *node;
    to += strspn(to, "/");
    size_t size = strlen(to);
    bool folder = size == 0 || to[size - 1] == '/';
    while (size > 0 && to[size - 1] == '/') {
        size--;
    }
    buffer_append(below, to, size);
    sl1_find(face, origin, buffer_text(below), &storage, &node);
    if (folder || (node != NULL && node->folder)) {
        buffer_format(below, "%s%s", size == 0 ? "" : "/", name);
    }
}

static int relocate(struct link_face *face, const char *origin, const char *from, const char *to,
                    bool move)
{
    const struct storage *storage;
    const struct file_node *node, *there;
    struct buffer below = {0}, source = {0}, target = {0};
    int error = 0;
    sl1_full_path(&source, origin, from);
    if (!sl1_find(face, origin, from, &storage, &node) || node == NULL || node->folder) {
        error = SL1_FILE_NOT_FOUND;
    } else if (move && !sl1_let_go(face->machine, buffer_text(&source))) {
        error = SL1_NOT_IN_STATE;
    } else {
        target_of(face, origin, to, node->name, &below);
        sl1_find(face, origin, buffer_text(&below), &storage, &there);
        sl1_full_path(&target, origin, buffer_text(&below));
        error = !good_path(buffer_text(&below))                     ? SL1_BAD_REQUEST
                : !sl1_good_project_name(face, buffer_text(&below)) ? SL1_INVALID_EXTENSION
                : there != NULL                                     ? SL1_FILE_EXISTS
                                                                    : 0;
    }
    if (error == 0 && move) {
        error = error_of(
            machine_rename_file(face->machine, buffer_text(&source), buffer_text(&target)));
    } else if (error == 0) {
        error = error_of(machine_put_file(face->machine, buffer_text(&target),
                                          file_content_share(node->content)));
    }
    buffer_free(&below);
    buffer_free(&source);
    buffer_free(&target);
    return error;
}

void sl1_copy_or_move(struct link_request *request, bool move)
{
    char *to = sl1_body_text(request, "destination");
    int error = to == NULL ? SL1_BAD_REQUEST
                           : relocate(request->face, request->parameters[0], request->parameters[1],
                                      to, move);
    free(to);
    answer(request, error, 204);
}

/* {"source":"a.sl1","destination":"sub/b.sl1"} */
void sl1_modify(struct link_request *request)
{
    char *from = sl1_body_text(request, "source"), *to = sl1_body_text(request, "destination");
    int error =
        from == NULL || to == NULL || strcmp(from, to) == 0
            ? SL1_BAD_REQUEST
            : relocate(request->face, request->parameters[0], from + strspn(from, "/"), to, true);
    free(from);
    free(to);
    answer(request, error, 201);
}
