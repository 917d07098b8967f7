#include <stdlib.h>

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
    bool printing = face->job_id != 0 || layers->printing == STATE_PRINTING ||
                    layers->printing == STATE_PAUSED;
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
    if (layers->printing != STATE_NONE && face_is_prusalink(face)) { /* FINISHED is held for 11 s */
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
