#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink_face.h"

/* Downloads as the host sees them: where they are written, and the print that may follow
 * (connect-sdk.md 9.4; LINK: prusa/link/printer_adapter/prusa_link.py). Throttled reading while
 * printing is for hosts with one core; this one has more. */

#define IN_TREE_WITHIN SECONDS(10)
#define TREE_LOOK      MILLISECONDS(200)

enum storage_result face_append(void *host, const char *path, const void *bytes, size_t size)
{
    struct connect_face *face = host;
    return machine_append_file(face->machine, path, bytes, size);
}

enum storage_result face_rename(void *host, const char *from, const char *to)
{
    struct connect_face *face = host;
    return machine_rename_file(face->machine, from, to);
}

/* PrusaLink gives a path of Connect's where the SDK compares paths of the operating system. */
const char *face_printed_target(void *host)
{
    struct connect_face *face = host;
    if (face_is_prusalink(face) && face_quirk(face, CONNECT_QUIRK_OVERWRITE)) {
        return NULL;
    }
    const struct machine_job *job = face->job_id == 0 ? NULL : machine_job(face->machine);
    return job == NULL ? NULL : job->path;
}

/* --- the one transfer of the printer --- */

const struct transfer *face_transfer(void *host)
{
    struct connect_face *face = host;
    return face->ended_transfer != NULL ? face->ended_transfer : machine_transfer(face->machine);
}

bool face_transfer_begin(void *host, const struct transfer *transfer)
{
    struct connect_face *face = host;
    return machine_transfer_begin(face->machine, transfer);
}

void face_transfer_advance(void *host, uint64_t size, uint64_t received)
{
    struct connect_face *face = host;
    machine_transfer_size(face->machine, size);
    machine_transfer_advance(face->machine, received);
}

void face_transfer_end(void *host, enum transfer_change how)
{
    struct connect_face *face = host;
    machine_transfer_end(face->machine, how);
}

void face_transfer_stop(void *host)
{
    struct connect_face *face = host;
    machine_transfer_stop(face->machine);
}

/* How an end is told of what came to PrusaLink without the SDK (9.8): an upload by PUT is told as
 * finished whatever became of it (captures connect-prusalink 05); what it fetched for its own user
 * is told as a download of Connect's is. */
static struct connect_event told_end(const struct transfer *transfer, enum transfer_change change)
{
    static const enum connect_event_name names[] = {[TRANSFER_DONE] = CONNECT_TRANSFER_FINISHED,
                                                    [TRANSFER_STOPPED] = CONNECT_TRANSFER_STOPPED,
                                                    [TRANSFER_ABORTED] = CONNECT_TRANSFER_ABORTED};
    if (transfer->url != NULL) {
        return (struct connect_event){.event = names[change], .source = SOURCE_CONNECT};
    }
    if (!transfer->form) {
        return (struct connect_event){.event = CONNECT_TRANSFER_FINISHED, .source = SOURCE_WUI};
    }
    return (struct connect_event){.event = names[change],
                                  .source = change == TRANSFER_DONE ? SOURCE_CONNECT : SOURCE_USER};
}

void face_transfer_changed(void *owner, const struct transfer *transfer,
                           enum transfer_change change)
{
    struct connect_face *face = owner;
    bool own = connect_sdk_transfer(face->sdk) == transfer->id;
    if (change == TRANSFER_BEGAN || own || !face_is_prusalink(face)) {
        return;
    }
    struct connect_event event = told_end(transfer, change);
    const char *name = strrchr(transfer->path, '/');
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    if (transfer->url != NULL) {
        json_string(&json, "path", transfer->path);
    } else if (event.event == CONNECT_TRANSFER_FINISHED) {
        json_string(&json, "destination", name == NULL ? transfer->path : name + 1);
    }
    json_object_end(&json);
    event.data = data.bytes;
    event.data_size = data.size;
    face->ended_transfer = transfer;
    connect_sdk_event(face->sdk, &event);
    face->ended_transfer = NULL;
    buffer_free(&data);
}

/* --- downloads --- */

static void over(struct connect_face *face, const char *error)
{
    free(face->downloaded);
    face->downloaded = NULL;
    connect_sdk_transfer_over(face->sdk, error);
}

void face_downloaded(void *host, const char *path, bool to_print)
{
    struct connect_face *face = host;
    const struct printer_layers *layers = machine_layers(face->machine);
    bool attention = connect_sdk_state(face->sdk) == STATE_ATTENTION;
    bool printing =
        face->job_id != 0 || layers->printing == STATE_PRINTING || layers->printing == STATE_PAUSED;
    bool prints = face_is_prusalink(face) || face_is_sl1(face);
    if (!to_print || !prints || attention || printing) {
        connect_sdk_transfer_over(face->sdk, NULL);
        return;
    }
    free(face->downloaded);
    face->downloaded = memory_copy_text(path);
    face->downloaded_until_us = face->world->now_us + IN_TREE_WITHIN;
    face_plan(face, STEP_DOWNLOADED, TREE_LOOK);
}

void face_downloaded_step(struct connect_face *face)
{
    const char *below;
    const struct storage *storage = machine_storage_of(face->machine, face->downloaded, &below);
    if (storage == NULL || storage_find(storage, below) == NULL) {
        if (face->world->now_us < face->downloaded_until_us) {
            face_plan(face, STEP_DOWNLOADED, TREE_LOOK);
        } else {
            over(face, "The file did not appear in the tree");
        }
        return;
    }
    const struct printer_layers *layers = machine_layers(face->machine);
    if (layers->printing != STATE_NONE &&
        face_is_prusalink(face)) { /* FINISHED is held for 11 s */
        over(face, "Already printing");
        return;
    }
    struct error error = {""};
    face->expected = (struct expected_change){
        .active = true, .any = face_is_sl1(face), .to = FACE_STATE(STATE_PRINTING)};
    enum machine_refusal refusal = machine_start_print(face->machine, face->downloaded, &error);
    if (refusal == MACHINE_ACCEPTED) {
        over(face, NULL);
    } else {
        face->expected.active = false;
        over(face, error.text[0] == '\0' ? machine_refusal_name(refusal) : error.text);
    }
}
