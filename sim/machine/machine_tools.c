#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

/* The heads of a tool changer (printer-models.md 5: each its own heater, sensor, fans). The one in
 * use is the machine's own `nozzle` and fans, as of any printer; the others wait here. A change
 * swaps the two. */

struct machine_tools {
    /* NULL: that of the tool in use, and those that nothing has happened to: cold heads at rest,
     * which are made, the same ones whenever that is, when somebody needs them. */
    struct machine_head *docked[MACHINE_TOOLS_MAX];
    uint64_t seeds[MACHINE_TOOLS_MAX];
    uint8_t count;
    bool none; /* all stand in their docks; the last one stays the machine's own */
};

static struct machine_head head_in_use(const struct machine *machine)
{
    return (struct machine_head){.nozzle = machine->nozzle,
                                 .hotend_fan = machine->hotend_fan,
                                 .print_fan = machine->print_fan,
                                 .follow_us = machine->follow_us};
}

void tools_init(struct machine *machine, struct random *random)
{
    const struct model *model = machine->model;
    if (model->buddy.tools <= 1) {
        return;
    }
    struct machine_tools *tools = machine->tools = memory_new(sizeof *tools);
    tools->count = (uint8_t)model->buddy.tools;
    for (int i = 1; i < tools->count; i++) {
        tools->seeds[i] = random_next(random);
    }
    machine->tool = 1;
}

static struct machine_head cold_head(const struct machine *machine, int tool)
{
    const struct model *model = machine->model;
    int64_t now_us = machine_now(machine);
    struct machine_head head = {.follow_us = INT64_MAX};
    heater_init(&head.nozzle, &model->nozzle, machine->tools->seeds[tool - 1],
                (double)machine->room_c, now_us);
    fan_init(&head.hotend_fan, &model->hotend_fan, now_us);
    fan_init(&head.print_fan, &model->print_fan, now_us);
    return head;
}

void tools_free(struct machine *machine)
{
    for (int i = 0; machine->tools != NULL && i < machine->tools->count; i++) {
        free(machine->tools->docked[i]);
    }
    free(machine->tools);
    machine->tools = NULL;
}

static bool is_docked(const struct machine *machine, int tool)
{
    return machine->tools != NULL && tool >= 1 && tool <= machine->tools->count &&
           tool != machine->tool;
}

struct machine_head *tools_docked(struct machine *machine, int tool)
{
    return is_docked(machine, tool) ? machine->tools->docked[tool - 1] : NULL;
}

struct machine_head *tools_head(struct machine *machine, int tool)
{
    if (!is_docked(machine, tool)) {
        return NULL;
    }
    struct machine_head **place = &machine->tools->docked[tool - 1];
    if (*place == NULL) {
        *place = memory_new(sizeof **place);
        **place = cold_head(machine, tool);
    }
    return *place;
}

struct heater *tools_nozzle(struct machine *machine, int tool)
{
    struct machine_head *head = tools_head(machine, tool);
    return head == NULL ? &machine->nozzle : &head->nozzle;
}

int tools_in_use(const struct machine *machine)
{
    return machine->tools != NULL && machine->tools->none ? 0 : machine->tool;
}

/* The part of the machine that a fault is in is the one in use. */
static void heal(struct machine *machine, struct machine_head *head)
{
    int64_t now_us = machine_now(machine);
    heater_set_fault(&head->nozzle, now_us, HEATER_FAULT_NONE);
    fan_set_stalled(&head->hotend_fan, now_us, false);
    fan_set_stalled(&head->print_fan, now_us, false);
    fan_set_power(&head->print_fan, now_us, 0);
    heater_set_fan(&head->nozzle, now_us, 0);
}

void tools_pick(struct machine *machine, int tool)
{
    struct machine_tools *tools = machine->tools;
    if (tools == NULL || tool > tools->count) {
        return;
    }
    tools->none = tool <= 0;
    if (tools->none || tool == machine->tool) {
        return;
    }
    int print_fan = fan_power(&machine->print_fan);
    struct machine_head *place = tools_head(machine, tool); /* for the one that is left now */
    const struct machine_head taken = *place;
    *place = head_in_use(machine);
    heal(machine, place);
    tools->docked[machine->tool - 1] = place;
    tools->docked[tool - 1] = NULL;
    machine->nozzle = taken.nozzle;
    machine->hotend_fan = taken.hotend_fan;
    machine->print_fan = taken.print_fan;
    machine->follow_us = taken.follow_us;
    machine->tool = (uint8_t)tool;
    machine_apply_faults(machine);
    machine_set_print_fan(machine, print_fan); /* it is the print's, not the head's */
}

void tools_advance(struct machine *machine)
{
    for (int tool = 1; machine->tools != NULL && tool <= machine->tools->count; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            heater_advance(&head->nozzle, machine_now(machine));
            fan_advance(&head->hotend_fan, machine_now(machine));
            fan_advance(&head->print_fan, machine_now(machine));
        }
    }
}

void tools_cool(struct machine *machine)
{
    for (int tool = 1; machine->tools != NULL && tool <= machine->tools->count; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            heater_set_target(&head->nozzle, machine_now(machine), 0);
        } else if (tool == machine->tool) {
            heater_set_target(&machine->nozzle, machine_now(machine), 0);
        }
    }
}

bool tools_heat(const struct machine *machine)
{
    bool heats = false;
    for (int i = 0; machine->tools != NULL && i < machine->tools->count; i++) {
        const struct machine_head *head = machine->tools->docked[i];
        heats |= head != NULL && heater_target(&head->nozzle) > 0;
    }
    return heats;
}

void tools_restart(struct machine *machine)
{
    for (int tool = 1; machine->tools != NULL && tool <= machine->tools->count; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            heater_reset(&head->nozzle, machine_now(machine));
        }
    }
}

void tools_set_room(struct machine *machine, double room_c)
{
    for (int tool = 1; machine->tools != NULL && tool <= machine->tools->count; tool++) {
        struct machine_head *head = tools_head(machine, tool); /* as warm as the room that was */
        if (head != NULL) {
            heater_set_room(&head->nozzle, machine_now(machine), room_c);
        }
    }
}

static void read_head(const struct machine_head *head, struct machine_tool_readings *readings)
{
    *readings = (struct machine_tool_readings){
        .nozzle_c = heater_reading(&head->nozzle),
        .nozzle_target_c = heater_target(&head->nozzle),
        .hotend_fan_rpm = fan_rpm(&head->hotend_fan),
        .print_fan_rpm = fan_rpm(&head->print_fan),
    };
}

void tools_read(struct machine *machine, struct machine_readings *readings)
{
    if (machine->tools == NULL) {
        return;
    }
    readings->tool_count = machine->tools->count;
    readings->slot_active = tools_in_use(machine);
    for (int tool = 1; tool <= machine->tools->count; tool++) {
        const struct machine_head *docked = tools_docked(machine, tool);
        struct machine_head other;
        if (docked == NULL) {
            other = tool == machine->tool ? head_in_use(machine) : cold_head(machine, tool);
            docked = &other;
        }
        read_head(docked, &readings->tool[tool - 1]);
    }
}
