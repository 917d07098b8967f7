#include "sim/machine/transfer.h"

#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

const char *transfer_source_name(enum transfer_source source)
{
    static const char *const names[] = {"FROM_CLIENT", "FROM_WEB", "FROM_CONNECT", "FROM_SLICER"};
    return names[source];
}

bool machine_transfer_begin(struct machine *machine, const struct transfer *transfer)
{
    if (machine->transfer != NULL) {
        return false;
    }
    struct transfer *own = memory_new(sizeof *own);
    *own = *transfer;
    own->path = memory_copy_text(transfer->path);
    own->url = memory_copy_text(transfer->url);
    own->began_us = machine_now(machine);
    own->stop = false;
    own->received = 0;
    if (own->id == 0) {
        own->id = ++machine->transfer_counter;
    }
    machine->transfer = own;
    TELL(machine, transfer_changed, (face, own, TRANSFER_BEGAN));
    return true;
}

void machine_transfer_advance(struct machine *machine, uint64_t received)
{
    if (machine->transfer != NULL) {
        machine->transfer->received = received;
    }
}

void machine_transfer_size(struct machine *machine, uint64_t size)
{
    if (machine->transfer != NULL) {
        machine->transfer->size = size;
    }
}

int64_t transfer_remaining_s(const struct transfer *transfer, const struct world *world)
{
    if (transfer->stop) {
        return 0;
    }
    if (transfer->received == 0 || transfer->size == 0) {
        return -1;
    }
    int64_t elapsed_us =
        transfer->two_clocks ? world->epoch_us : world->now_us - transfer->began_us;
    double elapsed_s = (double)elapsed_us / 1e6;
    return (int64_t)(elapsed_s * (double)transfer->size / (double)transfer->received - elapsed_s);
}

void machine_transfer_end(struct machine *machine, enum transfer_change how)
{
    struct transfer *transfer = machine->transfer;
    machine->transfer = NULL; /* the slot is free for whoever is told */
    if (transfer != NULL) {
        TELL(machine, transfer_changed, (face, transfer, how));
        free(transfer->path);
        free(transfer->url);
        free(transfer);
    }
}

const struct transfer *machine_transfer(const struct machine *machine)
{
    return machine->transfer;
}

bool machine_transfer_stop(struct machine *machine)
{
    if (machine->transfer != NULL) {
        machine->transfer->stop = true;
    }
    return machine->transfer != NULL;
}
