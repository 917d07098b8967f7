#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

static struct machine_objects *objects_of(struct machine *machine)
{
    if (machine->objects == NULL) {
        machine->objects = memory_new(sizeof *machine->objects);
        machine->objects->active = -1;
    }
    return machine->objects;
}

const struct machine_objects *machine_objects(const struct machine *machine)
{
    return machine->objects;
}

void objects_forget(struct machine *machine)
{
    free(machine->objects);
    machine->objects = NULL;
}

static bool is_cancelled(const struct machine_objects *objects, int id)
{
    return id >= 0 && id < OBJECTS_MAX && (objects->cancelled >> id & 1U) != 0;
}

static void follow_active(struct machine *machine)
{
    const struct machine_objects *objects = machine->objects;
    if (machine->print != NULL) {
        machine->print->skipping = is_cancelled(objects, objects->active);
    }
}

void machine_cancel_object(struct machine *machine, uint32_t id, bool cancel)
{
    machine_settle(machine);
    if (id < OBJECTS_MAX) {
        struct machine_objects *objects = objects_of(machine);
        uint64_t bit = UINT64_C(1) << id;
        objects->cancelled = cancel ? objects->cancelled | bit : objects->cancelled & ~bit;
        follow_active(machine);
    }
    machine_settle(machine);
}

static void select_object(struct machine_objects *objects, double value)
{
    objects->active = value >= 0 && value < UINT16_MAX ? (int)value : -1;
    if (objects->active >= 0 && (uint32_t)objects->active >= objects->count) {
        objects->count = (uint32_t)objects->active + 1;
    }
}

/* A parameter of M486 at its place in the print. */
void objects_mark(struct machine *machine, const struct plan_mark *mark)
{
    struct machine_objects *objects = objects_of(machine);
    double value = (double)mark->value;
    switch (mark->code) {
    case 'T':
        objects->count = value > 0 && value < UINT16_MAX ? (uint32_t)value : 0;
        objects->cancelled = 0;
        break;
    case 'S':
        select_object(objects, value);
        break;
    case 'A':
        if (objects->active >= 0 && objects->active < OBJECT_NAMES_MAX) {
            snprintf(objects->names[objects->active], OBJECT_NAME_BYTES, "%.*s",
                     OBJECT_NAME_BYTES - 1, mark->text);
        }
        break;
    case 'P':
    case 'U':
        if (value >= 0 && value < OBJECTS_MAX) {
            uint64_t bit = UINT64_C(1) << (unsigned)value;
            objects->cancelled =
                mark->code == 'P' ? objects->cancelled | bit : objects->cancelled & ~bit;
        }
        break;
    case 'C':
        if (objects->active >= 0 && objects->active < OBJECTS_MAX) {
            objects->cancelled |= UINT64_C(1) << objects->active;
        }
        break;
    default:
        break;
    }
    follow_active(machine);
}
