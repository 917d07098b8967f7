#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

/* The heads of a tool changer (printer-models.md 5: each its own heater, sensor, fans). The one in
 * use is the machine's own `nozzle` and fans, as of any printer; the others wait here. A change
 * swaps the two. */

struct machine_tools {
    struct machine_head docked[MACHINE_TOOLS_MAX]; /* that of the tool in use lies idle */
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
    int64_t now_us = machine_now(machine);
    struct machine_tools *tools = machine->tools = memory_new(sizeof *tools);
    tools->count = (uint8_t)model->buddy.tools;
    for (int i = 1; i < tools->count; i++) {
        struct machine_head *head = &tools->docked[i];
        heater_init(&head->nozzle, &model->nozzle, random_next(random), (double)machine->room_c,
                    now_us);
        fan_init(&head->hotend_fan, &model->hotend_fan, now_us);
        fan_init(&head->print_fan, &model->print_fan, now_us);
        head->follow_us = INT64_MAX;
    }
    machine->tool = 1;
}

void tools_free(struct machine *machine)
{
    free(machine->tools);
    machine->tools = NULL;
}

struct machine_head *tools_docked(struct machine *machine, int tool)
{
    struct machine_tools *tools = machine->tools;
    bool docked = tools != NULL && tool >= 1 && tool <= tools->count && tool != machine->tool;
    return docked ? &tools->docked[tool - 1] : NULL;
}

struct heater *tools_nozzle(struct machine *machine, int tool)
{
    struct machine_head *head = tools_docked(machine, tool);
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
    struct machine_head *left = &tools->docked[machine->tool - 1];
    *left = head_in_use(machine);
    heal(machine, left);
    const struct machine_head *taken = &tools->docked[tool - 1];
    machine->nozzle = taken->nozzle;
    machine->hotend_fan = taken->hotend_fan;
    machine->print_fan = taken->print_fan;
    machine->follow_us = taken->follow_us;
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
        heater_set_target(tools_nozzle(machine, tool), machine_now(machine), 0);
    }
}

bool tools_heat(const struct machine *machine)
{
    bool heats = false;
    for (int i = 0; machine->tools != NULL && i < machine->tools->count; i++) {
        heats |= i + 1 != machine->tool && heater_target(&machine->tools->docked[i].nozzle) > 0;
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

void tools_set_room(struct machine *machine)
{
    for (int tool = 1; machine->tools != NULL && tool <= machine->tools->count; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            heater_set_room(&head->nozzle, machine_now(machine), (double)machine->room_c);
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
        struct machine_head used = head_in_use(machine);
        read_head(docked == NULL ? &used : docked, &readings->tool[tool - 1]);
    }
}
