#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"

/* What uploads and downloads have in common (prusalink.md 4.5, 4.6). */

enum { KEEP_BYTES = 256 * 1024 };

bool sl1_incoming_begin(struct sl1_incoming *incoming, struct link_face *face, const char *origin,
                        const char *below, struct transfer transfer)
{
    struct sl1_link *link = face->dialect_state;
    struct buffer path = {0};
    sl1_full_path(&path, origin, below);
    transfer.path = path.bytes;
    bool begun = machine_transfer_begin(face->machine, &transfer);
    buffer_free(&path);
    if (begun) {
        *incoming = (struct sl1_incoming){
            .face = face, .origin = memory_copy_text(origin), .transferring = true};
        buffer_format(&incoming->temporary, "/%s/.upload-%" PRIu32 ".part", origin,
                      link->uploads++);
    }
    return begun;
}

void sl1_incoming_flush(struct sl1_incoming *incoming)
{
    if (incoming->pending.size > 0 && incoming->error == 0) {
        enum storage_result result =
            machine_append_file(incoming->face->machine, buffer_text(&incoming->temporary),
                                incoming->pending.bytes, incoming->pending.size);
        incoming->error = result == STORAGE_OK     ? 0
                          : result == STORAGE_FULL ? SL1_MEMORY_FULL
                                                   : SL1_UNEXPECTED;
        incoming->written |= result == STORAGE_OK;
    }
    buffer_clear(&incoming->pending);
}

void sl1_incoming_write(struct sl1_incoming *incoming, const char *bytes, size_t size)
{
    buffer_append(&incoming->pending, bytes, size);
    if (incoming->pending.size >= KEEP_BYTES) {
        sl1_incoming_flush(incoming);
    }
}

void sl1_incoming_give_up(struct sl1_incoming *incoming)
{
    if (incoming->written) {
        machine_remove(incoming->face->machine, buffer_text(&incoming->temporary), false);
        incoming->written = false;
    }
    if (incoming->transferring) {
        incoming->transferring = false;
        machine_transfer_end(incoming->face->machine, TRANSFER_ABORTED);
    }
}

void sl1_incoming_free(struct sl1_incoming *incoming)
{
    if (incoming->face != NULL) {
        sl1_incoming_give_up(incoming);
        buffer_free(&incoming->temporary);
        buffer_free(&incoming->pending);
        free(incoming->origin);
    }
}

int sl1_incoming_place(struct sl1_incoming *incoming, const char *below)
{
    struct machine *machine = incoming->face->machine;
    const struct storage *storage;
    const struct file_node *node;
    struct buffer path = {0};
    sl1_incoming_flush(incoming);
    if (incoming->error != 0) {
        return incoming->error;
    }
    if (!file_path_good(below, strlen(below))) {
        return SL1_BAD_REQUEST;
    }
    if (!incoming->written) {
        return SL1_INVALID_PROJECT; /* empty */
    }
    sl1_find(incoming->face, incoming->origin, below, &storage, &node);
    if (node != NULL) {
        return SL1_FILE_EXISTS;
    }
    sl1_full_path(&path, incoming->origin, below);
    enum storage_result result =
        machine_rename_file(machine, buffer_text(&incoming->temporary), buffer_text(&path));
    buffer_free(&path);
    if (result != STORAGE_OK) {
        return result == STORAGE_FULL ? SL1_MEMORY_FULL : SL1_BAD_REQUEST;
    }
    incoming->written = incoming->transferring = false;
    machine_transfer_end(machine, TRANSFER_DONE);
    return 0;
}

/* What comes behind an upload may fail though the file is there (Prusa-Firmware-SL1 issue 42). */
int sl1_incoming_open(struct link_face *face, const char *origin, const char *below,
                      enum sl1_opening opening)
{
    struct machine *machine = face->machine;
    enum machine_refusal refusal = MACHINE_ACCEPTED;
    struct buffer path = {0};
    sl1_full_path(&path, origin, below);
    if (opening == SL1_PRINT) {
        refusal = machine_start_print(machine, buffer_text(&path), NULL);
    } else if (opening != SL1_DO_NOT_OPEN) {
        refusal = machine_open_project(machine, buffer_text(&path), NULL);
    }
    buffer_free(&path);
    /* sla-fw: slafw/api/standard0.py, cmd_select: "ignore_errors" */
    bool ignored = refusal == MACHINE_ACCEPTED || opening == SL1_OPEN_IF_ABLE;
    return ignored ? 0 : sl1_error_of(machine, refusal);
}
