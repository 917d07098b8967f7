#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

enum { MESH_POINTS = 49 }; /* 7 by 7 (mk3-serial.md 4.3) */

static const double ROOM_C = 25;

/* --- time --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The hot-end fan is looked at a second after its threshold was crossed, when the reading's noise
 * doesn't matter any more, and again while it still might. */
static bool follow_one(const struct machine *machine, const struct heater *nozzle, struct fan *fan,
                       int64_t *follow_us)
{
    if (*follow_us > machine_now(machine)) {
        return false;
    }
    double reading_c = heater_reading(nozzle);
    if (fabs(reading_c - machine->model->hotend_fan.on_above_c) < 0.3) {
        *follow_us = machine_now(machine) + SECONDS(1);
        return false;
    }
    *follow_us = INT64_MAX;
    fan_follow(fan, machine_now(machine), reading_c);
    return true;
}

static bool follow_nozzle(struct machine *machine)
{
    bool followed =
        follow_one(machine, &machine->nozzle, &machine->hotend_fan, &machine->follow_us);
    for (int tool = 1; machine->tools != NULL && tool <= MACHINE_TOOLS_MAX; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        followed |=
            head != NULL && follow_one(machine, &head->nozzle, &head->hotend_fan, &head->follow_us);
    }
    return followed;
}

static void plan_one(const struct machine *machine, const struct heater *nozzle, int64_t *follow_us)
{
    double on_above_c = machine->model->hotend_fan.on_above_c;
    bool crossed = *follow_us <= machine_now(machine) + SECONDS(1);
    if (on_above_c <= 0 || crossed) {
        return;
    }
    int64_t crossing_us = heater_crossing_us(nozzle, on_above_c);
    *follow_us = crossing_us == INT64_MAX ? INT64_MAX : crossing_us + SECONDS(1);
}

static void plan_following(struct machine *machine)
{
    plan_one(machine, &machine->nozzle, &machine->follow_us);
    for (int tool = 1; machine->tools != NULL && tool <= MACHINE_TOOLS_MAX; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            plan_one(machine, &head->nozzle, &head->follow_us);
        }
    }
}

/* A heater that keeps saying "now" would stop time. */
static int64_t heater_due_us(const struct machine *machine, const struct heater *heater)
{
    int64_t due_us = heater_next_us(heater);
    return due_us <= machine_now(machine) ? machine_now(machine) + MILLISECONDS(1) : due_us;
}

static int64_t tools_next_us(struct machine *machine)
{
    int64_t due_us = INT64_MAX;
    for (int tool = 1; machine->tools != NULL && tool <= MACHINE_TOOLS_MAX; tool++) {
        const struct machine_head *head = tools_docked(machine, tool);
        if (head != NULL) {
            due_us = earlier(due_us, heater_due_us(machine, &head->nozzle));
            due_us = earlier(due_us, head->follow_us);
        }
    }
    return due_us;
}

static int64_t next_us(struct machine *machine)
{
    if (machine->resin != NULL) {
        return earlier(machine->power_due_us, resin_next_us(machine));
    }
    int64_t due_us =
        earlier(heater_due_us(machine, &machine->nozzle), heater_due_us(machine, &machine->bed));
    due_us = earlier(due_us,
                     earlier(fan_next_us(&machine->hotend_fan), fan_next_us(&machine->print_fan)));
    due_us = earlier(due_us, earlier(machine->follow_us, machine->safety_us));
    due_us = earlier(due_us, earlier(tools_next_us(machine), chamber_next_us(machine)));
    due_us = earlier(due_us, earlier(machine->power_due_us, motion_first_end_us(machine)));
    return earlier(due_us, earlier(print_next_us(machine), host_next_us(machine)));
}

static void arm(struct machine *machine)
{
    if (machine->resin == NULL) {
        plan_following(machine);
    }
    int64_t due_us = next_us(machine);
    if (due_us == INT64_MAX) {
        world_cancel(machine->world, &machine->timer);
    } else {
        world_arm(machine->world, &machine->timer, due_us);
    }
}

static void advance(struct machine *machine)
{
    int64_t now_us = machine_now(machine);
    if (machine->resin != NULL) {
        return;
    }
    heater_advance(&machine->nozzle, now_us);
    heater_advance(&machine->bed, now_us);
    fan_advance(&machine->hotend_fan, now_us);
    fan_advance(&machine->print_fan, now_us);
    tools_advance(machine);
}

static bool step(struct machine *machine)
{
    if (machine->resin != NULL) {
        return power_step(machine) || resin_step(machine);
    }
    advance(machine);
    return power_step(machine) || follow_nozzle(machine) || protection_step(machine) ||
           chamber_step(machine) || motion_step(machine) || print_step(machine) ||
           host_step(machine);
}

void machine_settle(struct machine *machine)
{
    machine->unsettled = true;
    if (machine->settling) {
        return; /* a listener gave an order: the loop below goes on */
    }
    machine->settling = true;
    while (machine->unsettled) {
        machine->unsettled = false;
        while (step(machine)) {
        }
    }
    machine->settling = false;
    arm(machine);
}

void machine_look(struct machine *machine)
{
    bool due = timer_armed(&machine->timer) &&
               timer_queue_due_us(&machine->world->timers, &machine->timer) <= machine_now(machine);
    if (due && !machine->settling) {
        machine_settle(machine);
    } else {
        advance(machine);
    }
}

static void fire(void *owner)
{
    machine_settle(owner);
}

/* --- life --- */

static void init_heating(struct machine *machine)
{
    const struct model *model = machine->model;
    struct random random = random_of(machine->world->seed, machine->index);
    int64_t now_us = machine_now(machine);
    double room_c = (double)machine->room_c;
    heater_init(&machine->nozzle, &model->nozzle, random_next(&random), room_c, now_us);
    heater_init(&machine->bed, &model->bed, random_next(&random), room_c, now_us);
    fan_init(&machine->hotend_fan, &model->hotend_fan, now_us);
    fan_init(&machine->print_fan, &model->print_fan, now_us);
    tools_init(machine, &random);
    chamber_start(machine);
}

struct machine *machine_new(struct world *world, const struct machine_settings *settings)
{
    struct machine *machine = memory_new(sizeof *machine);
    const struct model *model = settings->model;
    machine->world = world;
    machine->model = model;
    machine->plans = settings->plans;
    machine->index = settings->index;
    machine->job_counter = settings->job_counter;
    machine->room_c = (float)(isnan(settings->room_c) ? ROOM_C : settings->room_c);
    machine->firmware = memory_copy_text(settings->firmware);
    machine->power_due_us = machine->follow_us = machine->safety_us = INT64_MAX;
    machine_forget_settings(machine);
    machine->layers = (struct printer_layers){STATE_NONE, STATE_NONE, STATE_BUSY};
    if (settings->serial != NULL) {
        size_t size = strnlen(settings->serial, sizeof machine->serial - 1);
        memcpy(machine->serial, settings->serial, size);
    } else {
        model_serial(model, world->seed, settings->index, machine->serial, sizeof machine->serial);
    }
    for (int i = 0; i < MODEL_AXES - 1; i++) { /* where it was left: somewhere within reach */
        machine->position[i] = fmax(model->axes[i].min_mm, 0);
    }
    timer_init(&machine->timer, fire, machine);
    resin_init(machine);
    if (machine->resin == NULL) {
        init_heating(machine);
    }
    return machine;
}

void machine_destroy(struct machine *machine)
{
    if (machine == NULL) {
        return;
    }
    world_cancel(machine->world, &machine->timer);
    machine->listeners = NULL;
    host_interrupt(machine, "interrupted");
    motion_cancel(machine);
    print_free(machine);
    machine_transfer_end(machine, TRANSFER_ABORTED);
    resin_free(machine);
    tools_free(machine);
    chamber_free(machine);
    for (uint32_t i = 0; i < machine->storage_count; i++) {
        storage_free(machine->storages[i]);
        free(machine->storages[i]);
    }
    free(machine->storages);
    free(machine->mesh);
    objects_forget(machine);
    free(machine->firmware);
    free(machine);
}

void machine_listen(struct machine *machine, struct machine_listener *listener)
{
    struct machine_listener **last = &machine->listeners;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    listener->next = NULL;
    *last = listener;
}

void machine_unlisten(struct machine *machine, struct machine_listener *listener)
{
    for (struct machine_listener **at = &machine->listeners; *at != NULL; at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            return;
        }
    }
}

const struct model *machine_model(const struct machine *machine)
{
    return machine->model;
}

const char *machine_serial(const struct machine *machine)
{
    return machine->serial;
}

const char *machine_firmware(const struct machine *machine)
{
    return machine->firmware != NULL ? machine->firmware : machine->model->firmware;
}

/* --- small orders --- */

void machine_set_nozzle(struct machine *machine, double target_c)
{
    heater_set_target(&machine->nozzle, machine_now(machine), target_c);
    machine->safety_us = INT64_MAX;
}

void machine_set_bed(struct machine *machine, double target_c)
{
    heater_set_target(&machine->bed, machine_now(machine), target_c);
    chamber_bed_changed(machine);
    machine->safety_us = INT64_MAX;
}

void machine_set_print_fan(struct machine *machine, int power)
{
    fan_set_power(&machine->print_fan, machine_now(machine), power);
    double share = machine_fault(machine, FAULT_PRINT_FAN_STALLED)
                       ? 0
                       : fan_power(&machine->print_fan) / 255.0;
    heater_set_fan(&machine->nozzle, machine_now(machine), share);
}

void machine_forget_settings(struct machine *machine)
{
    machine->speed_percent = machine->flow_percent = 100;
    machine->relative = machine->relative_e = false;
    machine->feed_mm_s = 25; /* feedrate = 1500 mm/min (Prusa-Firmware: Firmware/Marlin_main.cpp) */
}

static uint16_t percent_of(int percent)
{
    return (uint16_t)(percent < 0 ? 0 : percent > 999 ? 999 : percent);
}

void machine_set_speed(struct machine *machine, int percent)
{
    machine_settle(machine);
    machine->speed_percent = percent_of(percent);
    if (machine->print != NULL && machine->print->job.state == JOB_RUNNING) {
        job_set_speed(&machine->print->job, machine->speed_percent, machine_now(machine));
    }
    machine_settle(machine);
}

void machine_set_flow(struct machine *machine, int percent)
{
    machine->flow_percent = percent_of(percent);
}

void machine_set_room(struct machine *machine, double room_c)
{
    machine_settle(machine);
    tools_set_room(machine, room_c);
    machine->room_c = (float)room_c;
    if (machine->resin != NULL) {
        resin_set_room(machine);
    } else {
        heater_set_room(&machine->nozzle, machine_now(machine), room_c);
        heater_set_room(&machine->bed, machine_now(machine), room_c);
        chamber_room_changed(machine);
    }
    machine_settle(machine);
}

/* A bed that is bent by a few tenths, differently for each printer, and measured to some
 * hundredths. */
void machine_measure_mesh(struct machine *machine)
{
    struct random bend = random_of(machine->world->seed ^ UINT64_C(0x6d657368), machine->index);
    double tilt_x = 0.1 * random_normal(&bend), tilt_y = 0.1 * random_normal(&bend);
    double bowl = 0.1 * random_normal(&bend);
    if (machine->mesh == NULL) {
        machine->mesh = memory_new_array(MESH_POINTS, sizeof *machine->mesh);
    }
    for (int i = 0; i < MESH_POINTS; i++) {
        int column = i % 7 - 3, row = i / 7 - 3;
        double x = column / 3.0, y = row / 3.0;
        double z_mm =
            tilt_x * x + tilt_y * y + bowl * (x * x + y * y - 1) + 0.01 * random_normal(&bend);
        machine->mesh[i] = round(z_mm * 1e5) / 1e5;
    }
    TELL(machine, mesh_measured, (face));
}

const double *machine_mesh(const struct machine *machine, size_t *count)
{
    *count = machine->mesh == NULL ? 0 : MESH_POINTS;
    return machine->mesh;
}
