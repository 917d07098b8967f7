#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/link/buddy_link.h"

/* PUT of a file (prusalink.md 3.9, 6.6; PFB: lib/WUI/nhttp/gcode_upload.cpp): its space is reserved
 * under a temporary name, the name is looked at when the first bytes come, and only what is whole
 * gets its own name. */

struct upload {
    struct link_task task;
    struct machine *machine;
    char temporary[32]; /* "/usb/0.tmp" */
    char *path;         /* as asked for */
    uint64_t size, received;
    bool json, overwrite, print;
    bool begun;    /* the name was good */
    bool finished; /* the file has its name */
};

/* ---- refusals ---- */

static void end_transfer(struct upload *upload, enum transfer_change end)
{
    if (upload->machine != NULL) {
        machine_transfer_end(upload->machine, end);
        if (!upload->finished) {
            machine_remove(upload->machine, upload->temporary, false);
        }
        upload->machine = NULL;
    }
}

/* Before any of the content is taken: in the format that the client accepts. */
static void refuse_early(struct upload *upload, int status, const char *text)
{
    struct link_request *request = upload->task.request;
    bool json = upload->json;
    end_transfer(upload, TRANSFER_ABORTED);
    buddy_refuse_body(request, json, status, text);
}

/* Later the firmware has forgotten what the client accepts. */
static void refuse_late(struct upload *upload, int status, const char *text)
{
    struct link_request *request = upload->task.request;
    end_transfer(upload, status == 503 ? TRANSFER_STOPPED : TRANSFER_ABORTED);
    buddy_page_reply(request, &(struct buddy_page){
                                  .status = status, .closing = BUDDY_ERROR_CLOSE, .text = text});
}

/* ---- the name ---- */

/* Of what is before the last slash: what is there, if anything. */
static bool find_parent(struct machine *machine, const char *path, struct buddy_place *parent)
{
    char *folder = memory_copy_slice(path, (size_t)(buddy_path_name(path) - path));
    bool found = buddy_place_find(machine, folder, parent);
    free(folder);
    return found;
}

/* The status to refuse it with, or 0. */
static int check_name(struct upload *upload, const char **why)
{
    struct buddy_place place, parent;
    int status = 0;
    bool found = buddy_place_find(upload->machine, upload->path, &place);
    bool folder_there = find_parent(upload->machine, upload->path, &parent);
    if (!buddy_file_printable(upload->path)) {
        status = 415;
        *why = "Not a GCODE";
    } else if (folder_there && !parent.node->folder) {
        status = 409;
        *why = "Conflicting upload path";
    } else if (!folder_there) {
        status = 0; /* whether it can be made is seen at the end */
    } else if (upload->overwrite) {
        if (found && buddy_prints(upload->machine, buffer_text(&place.path))) {
            status = 409;
            *why = "File is busy";
        }
    } else if (found) {
        status = 409;
        *why = "File already exists";
    } else if (!buddy_fat_name_good(buffer_text(&place.path))) {
        status = 422;
        *why = "Filename contains invalid characters";
    }
    buddy_place_free(&place);
    buddy_place_free(&parent);
    return status;
}

/* ---- the end ---- */

/* Folders that are missing, one after the other; those that were made before one that cannot be
 * stay. */
static bool make_parents(struct machine *machine, const char *path)
{
    for (const char *slash = strchr(path + sizeof "/usb", '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        char *folder = memory_copy_slice(path, (size_t)(slash - path));
        struct buddy_place place;
        bool there = buddy_place_find(machine, folder, &place) ||
                     (!place.in_file && buddy_fat_name_good(buffer_text(&place.path)) &&
                      machine_make_folder(machine, buffer_text(&place.path)) == STORAGE_OK);
        buddy_place_free(&place);
        free(folder);
        if (!there) {
            return false;
        }
    }
    return true;
}

/* What the temporary file is moved onto. */
static int move_onto(struct upload *upload, const struct buddy_place *place, bool found,
                     const char **why)
{
    const char *real = buffer_text(&place->path);
    if (found && place->node->folder && upload->overwrite) {
        *why = "Is a directory or ongoing transfer";
        return 409;
    }
    if (found && !upload->overwrite) {
        *why = "File already exists";
        return 409;
    }
    if (found && buddy_prints(upload->machine, real)) {
        *why = "File is busy";
        return 409;
    }
    if (found && machine_remove(upload->machine, real, false) != STORAGE_OK) {
        *why = "Unknown error";
        return 500;
    }
    char *to = memory_copy_slice(real, (size_t)(buddy_path_name(real) - real));
    struct buffer target = {0};
    /* A replaced file gets the letters of its new name. */
    buffer_format(&target, "%s%s", to, buddy_path_name(upload->path));
    bool moved =
        buddy_fat_name_good(buffer_text(&target)) &&
        machine_rename_file(upload->machine, upload->temporary, buffer_text(&target)) == STORAGE_OK;
    buffer_free(&target);
    free(to);
    *why = "Filename contains invalid characters";
    return moved ? 0 : 422;
}

static int finish(struct upload *upload, const char **why)
{
    if (!make_parents(upload->machine, upload->path)) {
        *why = "Failed to create a folder";
        return 500;
    }
    struct buddy_place place;
    bool found = buddy_place_find(upload->machine, upload->path, &place);
    int status = move_onto(upload, &place, found, why);
    buddy_place_free(&place);
    return status;
}

static void on_whole(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    struct link_request *request = task->request;
    struct machine *machine = upload->machine;
    const char *why = NULL;
    int status = finish(upload, &why);
    if (status != 0) {
        refuse_late(upload, status, why);
        return;
    }
    upload->finished = true;
    end_transfer(upload, TRANSFER_DONE);
    /* A known defect: the file is there whatever the answer. */
    if (upload->print && !buddy_start(machine, upload->path) && link_quirk(request->face, 28)) {
        refuse_late(upload, 409, "Can't print right now");
        return;
    }
    const char *path = link_request_text(request, slice_of(upload->path));
    buddy_listing_reply(request, &(struct buddy_listing){.path = path, .created = true});
}

/* ---- the content ---- */

static void on_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct upload *upload = (struct upload *)task;
    const char *why;
    if (!upload->begun) {
        int status = check_name(upload, &why);
        if (status != 0) {
            refuse_early(upload, status, why);
            return;
        }
        upload->begun = true;
    }
    const struct transfer *transfer = machine_transfer(upload->machine);
    if (transfer != NULL && transfer->stop) {
        refuse_late(upload, 503, "Upload stopped from connect");
        return;
    }
    if (machine_write_file(upload->machine, upload->temporary, upload->received, bytes, size) !=
        STORAGE_OK) {
        refuse_late(upload, 507, "USB write error or USB full");
        return;
    }
    upload->received += size;
    machine_transfer_advance(upload->machine, upload->received);
}

static void on_cut(struct link_task *task, enum link_cut cut)
{
    struct upload *upload = (struct upload *)task;
    switch (cut) {
    case LINK_CUT_CLOSED:
        if (upload->begun) {
            refuse_late(upload, 400, "Connection closed by client");
        } else {
            refuse_early(upload, 400, "Truncated body");
        }
        break;
    case LINK_CUT_SILENT:
        refuse_late(upload, 408, "Connection timeout");
        break;
    case LINK_CUT_BROKEN:
        end_transfer(upload, TRANSFER_ABORTED);
        break;
    }
}

static void on_free(struct link_task *task)
{
    struct upload *upload = (struct upload *)task;
    end_transfer(upload, TRANSFER_ABORTED);
    free(upload->path);
    free(upload);
}

/* ---- the beginning ---- */

/* Where the file will be, with the long names of folders that are there. */
static char *destination(struct machine *machine, const char *path)
{
    struct buddy_place place;
    buddy_place_find(machine, path, &place);
    char *text = memory_copy_text(buffer_text(&place.path));
    buddy_place_free(&place);
    return text;
}

static bool reserve(struct upload *upload, const char **why)
{
    struct buddy_place old;
    if (!buddy_drive_present(upload->machine)) {
        *why = "Failed to write to location";
        return false;
    }
    if (buddy_place_find(upload->machine, upload->temporary, &old)) {
        machine_remove(upload->machine, buffer_text(&old.path), false); /* opened for writing */
    }
    buddy_place_free(&old);
    static const uint64_t file_max = UINT32_MAX; /* of FAT */
    *why = "USB drive full";
    return upload->size <= file_max &&
           machine_reserve_file(upload->machine, upload->temporary, upload->size) == STORAGE_OK;
}

static struct upload *upload_new(struct link_request *request, const struct buddy_asked *asked,
                                 const char *path)
{
    struct upload *upload = memory_new(sizeof *upload);
    struct buddy_link *link = buddy_link_of(request);
    *upload = (struct upload){
        .task = {on_piece, on_whole, on_cut, on_free, request},
        .path = memory_copy_text(path),
        .size = asked->length,
        .json = asked->json,
        .overwrite = asked->overwrite,
        .print = asked->print,
    };
    snprintf(upload->temporary, sizeof upload->temporary, "/usb/%" PRIu32 ".tmp", link->uploads++);
    /* A known defect: what is too long loses its end, and with it its type. */
    if (strlen(path) > BUDDY_LINK_PATH_MAX && link_quirk(request->face, 25)) {
        upload->path[BUDDY_LINK_PATH_MAX] = '\0';
    }
    return upload;
}

enum http_body_plan buddy_upload_begin(struct link_request *request,
                                       const struct buddy_asked *asked, const char *path)
{
    struct machine *machine = request->face->machine;
    if (!asked->has_length) {
        buddy_refuse_body(request, asked->json, 411, NULL);
        return HTTP_BODY_IGNORED;
    }
    if (asked->length == 0) {
        buddy_refuse(request, asked, 501, "0-sized files aren't implemented");
        return HTTP_BODY_IGNORED;
    }
    char *to = destination(machine, path);
    const struct transfer transfer = {.source = TRANSFER_FROM_CLIENT,
                                      .path = to,
                                      .size = asked->length,
                                      .to_print = asked->print};
    bool mine = machine_transfer_begin(machine, &transfer);
    free(to);
    if (!mine) {
        buddy_refuse(request, asked, 409, "Another transfer in progress");
        return HTTP_BODY_IGNORED;
    }
    struct upload *upload = upload_new(request, asked, path);
    upload->machine = machine;
    request->task = &upload->task;
    const char *why;
    if (!reserve(upload, &why)) {
        refuse_early(upload, 507, why);
        return HTTP_BODY_IGNORED;
    }
    return HTTP_BODY_PIECES;
}
