#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"
#include "sim/machine/print_file.h"

/* Printing from a storage, as host and firmware of an MK3 do it together (mk3-serial.md 7, 11.5).
 */

/* Moves that are in the planner when M601 comes are finished first. */
#define DRAIN_US MILLISECONDS(800)
static const double PARK_FEED_MM_S =
    50; /* PAUSE_XY (Prusa-Firmware: Firmware/Configuration_prusa.h) */
static const double LIFT_FEED_MM_S = 15;
static const double RETRACT_MM = 1; /* default_retraction */
static const double RETRACT_FEED_MM_S = 45;

bool print_moves(const struct machine *machine)
{
    const struct machine_print *print = machine->print;
    return print != NULL && (print->phase == PRINT_RUNNING || print->phase == PRINT_DRAINING ||
                             (print->phase == PRINT_USER && print->user_code < 2));
}

void print_free(struct machine *machine)
{
    if (machine->print != NULL) {
        job_free(&machine->print->job);
        file_content_release(machine->print->partial.content);
        free(machine->print->info.path);
        free(machine->print);
        machine->print = NULL;
    }
}

/* --- start --- */

enum machine_refusal print_find_file(struct machine *machine, const char *path,
                                     const struct file_node **file, bool *from_sd,
                                     struct error *error)
{
    const char *below;
    const struct storage *storage = machine_storage_of(machine, path, &below);
    *file = storage == NULL ? NULL : storage_find(storage, below);
    if (*file == NULL || (*file)->folder) {
        error_set(error, "%s: no such file", path);
        return MACHINE_NO_FILE;
    }
    *from_sd = storage->kind == STORAGE_SDCARD;
    return MACHINE_ACCEPTED;
}

void print_begin(struct machine *machine, const char *path, const struct file_node *file,
                 bool from_sd, struct plan *plan)
{
    motion_cancel(machine);
    struct machine_print *print = machine->print = memory_new(sizeof *print);
    if (++machine->job_counter == 0) {
        machine->job_counter = 1; /* 0 is "no id" on the wire */
    }
    print->info = (struct machine_job){
        .id = machine->job_counter,
        .path = memory_copy_text(path),
        .size_bytes = file->size,
        .modified_s = file->modified_s,
        .from_sd = from_sd,
        .start_us = machine_now(machine),
    };
    print->phase = PRINT_RUNNING;
    job_start(&print->job, plan, machine_now(machine));
    job_set_speed(&print->job, machine->speed_percent, machine_now(machine));
    objects_forget(machine);
    prompt_clear(machine);
    machine_trigger(machine, TRIGGER_PRINT_BEGAN, SOURCE_COUNT, NULL);
    if (print_has_screen(machine) && machine_fault(machine, FAULT_FILAMENT_RUNOUT) &&
        !machine->sensor_off) {
        print_ask_before(machine, PROMPT_NO_FILAMENT);
    }
    TELL(machine, job_known_better, (face));
}

enum machine_refusal print_may_begin(const struct machine *machine, struct error *error)
{
    if (machine->layers.printing != STATE_NONE) {
        error_set(error, "already printing");
        return MACHINE_ALREADY_PRINTING;
    }
    if (!machine_answers(machine) || machine->layers.override != STATE_NONE) {
        error_set(error, "cannot print in state %s", printer_state_name(machine_state(machine)));
        return MACHINE_WRONG_STATE;
    }
    return MACHINE_ACCEPTED;
}

enum machine_refusal machine_start_print(struct machine *machine, const char *path,
                                         struct error *error)
{
    if (machine->resin != NULL) {
        return resin_open(machine, path, true, error);
    }
    machine_settle(machine);
    const struct file_node *file;
    bool from_sd;
    enum machine_refusal refusal = print_may_begin(machine, error);
    if (refusal == MACHINE_ACCEPTED) {
        refusal = print_find_file(machine, path, &file, &from_sd, error);
    }
    if (refusal != MACHINE_ACCEPTED) {
        return refusal;
    }
    struct plan *plan = NULL;
    if (print_file_check(file->name, file->content, machine->model, error)) {
        plan = machine->plans != NULL
                   ? plan_cache_get(machine->plans, file->content, machine->model, error)
                   : plan_build(file->content, machine->model, error);
    }
    if (plan != NULL) {
        print_begin(machine, path, file, from_sd, plan);
    } else if (!print_broken_file(machine, path, file, from_sd, error)) {
        error_prefix(error, "%s", path);
        return MACHINE_BAD_FILE;
    }
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}

/* --- pause and resume --- */

void print_stand_still(struct machine *machine)
{
    struct machine_print *print = machine->print;
    machine_position(machine, machine->position);
    motion_cancel(machine);
    memcpy(print->saved, machine->position, sizeof print->saved);
    if (!print->job.held) {
        job_pause(&print->job, machine_now(machine));
    }
}

void print_park(struct machine *machine, double x_mm, double y_mm, double lift_mm)
{
    double to[MODEL_AXES] = {NAN, NAN, NAN, machine->position[E] - RETRACT_MM};
    motion_add(machine, to, RETRACT_FEED_MM_S);
    to[E] = NAN;
    to[Z] = machine->position[Z] + lift_mm;
    motion_add(machine, to, LIFT_FEED_MM_S);
    to[Z] = NAN;
    to[X] = x_mm;
    to[Y] = y_mm;
    motion_add(machine, to, PARK_FEED_MM_S);
}

void print_pause_now(struct machine *machine)
{
    struct machine_print *print = machine->print;
    print_stand_still(machine);
    print->saved_nozzle_c = heater_target(&machine->nozzle);
    print->saved_fan = fan_power(&machine->print_fan);
    print->phase = PRINT_PAUSED;
    heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_NONE);
    heater_wait(&machine->bed, machine_now(machine), HEATER_WAIT_NONE);
    machine_set_nozzle(machine, 0);
    machine_set_print_fan(machine, 0);
    print_park(machine, machine->model->park_x_mm, machine->model->park_y_mm,
               machine->model->park_lift_mm);
}

enum machine_refusal machine_pause(struct machine *machine)
{
    if (machine->resin != NULL) {
        return resin_order(machine, resin_print_pause);
    }
    machine_settle(machine);
    struct machine_print *print = machine->print;
    if (print == NULL || machine->layers.printing != STATE_PRINTING || !machine_answers(machine) ||
        (print->phase != PRINT_RUNNING && print->phase != PRINT_DRAINING)) {
        return MACHINE_WRONG_STATE;
    }
    if (print->phase == PRINT_RUNNING) {
        print->phase = PRINT_DRAINING;
        print->due_us = machine_now(machine) + DRAIN_US;
        if (print_has_screen(machine)) {
            machine_trigger(machine, TRIGGER_PAUSED, SOURCE_COUNT, NULL);
        }
        machine_settle(machine);
    }
    return MACHINE_ACCEPTED;
}

void print_begin_reheating(struct machine *machine)
{
    struct machine_print *print = machine->print;
    print->phase = PRINT_REHEATING;
    machine_set_nozzle(machine, print->saved_nozzle_c);
    if (print->saved_nozzle_c > 0) {
        heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_BOTH);
    }
}

enum machine_refusal machine_resume(struct machine *machine)
{
    if (machine->resin != NULL) {
        return resin_order(machine, resin_continue);
    }
    machine_settle(machine);
    struct machine_print *print = machine->print;
    if (print == NULL || machine->layers.printing != STATE_PAUSED || !machine_answers(machine)) {
        return MACHINE_WRONG_STATE;
    }
    if (print->phase == PRINT_DRAINING) { /* the pause has not come about */
        print->phase = PRINT_RUNNING;
        machine_trigger(machine, TRIGGER_RESUMED, SOURCE_COUNT, NULL);
    } else if (print->phase == PRINT_USER) { /* M0 of a printer with a screen */
        print_confirm(machine);
        machine_settle(machine);
    } else if (print->phase == PRINT_PAUSED && !print_medium_missing(machine)) {
        print_begin_reheating(machine);
        machine_settle(machine);
    }
    return MACHINE_ACCEPTED;
}

void print_begin_return(struct machine *machine)
{
    struct machine_print *print = machine->print;
    double to[MODEL_AXES] = {print->saved[X], print->saved[Y], NAN, NAN};
    motion_add(machine, to, PARK_FEED_MM_S);
    to[X] = to[Y] = NAN;
    to[Z] = print->saved[Z];
    motion_add(machine, to, LIFT_FEED_MM_S);
    to[Z] = NAN;
    to[E] = print->saved[E];
    motion_add(machine, to, RETRACT_FEED_MM_S);
    print->phase = PRINT_RETURNING;
}

static void wait_for(struct machine *machine, enum print_wait wait, bool cooling)
{
    machine->print->wait = wait;
    machine->print->wait_cooling = cooling;
    /* M109 waits both ways whatever its letter, M190 S only while it heats (mk3-serial.md 5.5). */
    if (wait == WAIT_NOZZLE) {
        heater_wait(tools_nozzle(machine, machine->print->wait_tool), machine_now(machine),
                    HEATER_WAIT_BOTH);
    } else if (wait == WAIT_BED) {
        heater_wait(&machine->bed, machine_now(machine),
                    cooling ? HEATER_WAIT_BOTH : HEATER_WAIT_HEATING);
    }
}

static void go_on(struct machine *machine)
{
    struct machine_print *print = machine->print;
    print->phase = PRINT_RUNNING;
    if (print->job.paused) {
        job_resume(&print->job, machine_now(machine));
    }
    if (print->wait != WAIT_NOTHING) {
        wait_for(machine, print->wait, print->wait_cooling);
    } else if (print->job.held) {
        job_go_on(&print->job, machine_now(machine));
    }
    if (print->anomaly) {
        print->anomaly = false;
    } else {
        machine->fan_error =
            0; /* the host forgets it (LINK: prusa/link/printer_adapter/state_manager.py) */
        machine_trigger(machine, TRIGGER_RESUMED, SOURCE_COUNT, NULL);
        if (machine->layers.override == STATE_ATTENTION) {
            machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
        }
    }
}

/* --- the course of it --- */

static void take_pause(struct machine *machine, const struct plan_mark *mark)
{
    switch (mark->code) {
    case 0:
    case 1:
    case 600:
        print_want_user(machine, mark->code);
        break;
    default: /* M601, M25 */
        print_pause_now(machine);
        machine_trigger(machine, TRIGGER_PAUSED, SOURCE_COUNT, NULL);
    }
}

/* `tool` as in marks: 0 is the one in use. */
static void set_nozzle_of(struct machine *machine, int tool, double target_c)
{
    struct machine_head *head = tools_head(machine, tool);
    if (head == NULL) {
        machine_set_nozzle(machine, target_c);
    } else {
        heater_set_target(&head->nozzle, machine_now(machine), target_c);
    }
}

static void take_tool(struct machine *machine, int tool)
{
    if (machine->tools != NULL) {
        tools_pick(machine, tool + 1);
    } else if (machine->model->mmu) {
        machine->tool = (uint8_t)(tool < 0 ? 0 : 1 + tool % machine->model->mmu_slots);
        machine->slot_state = 0;
        machine->slot_command[0] = '\0';
    }
}

static void take_heating(struct machine *machine, const struct plan_mark *mark)
{
    bool nozzle = mark->kind == PLAN_NOZZLE_TARGET || mark->kind == PLAN_NOZZLE_WAIT;
    if (nozzle) {
        set_nozzle_of(machine, mark->code, (double)mark->value);
        machine->print->wait_tool = (uint8_t)mark->code;
    } else {
        machine_set_bed(machine, (double)mark->value);
    }
    if (mark->kind == PLAN_NOZZLE_WAIT || mark->kind == PLAN_BED_WAIT) {
        if (mark->value > 0) {
            wait_for(machine, nozzle ? WAIT_NOZZLE : WAIT_BED, mark->cooling);
        } else {
            job_go_on(&machine->print->job, machine_now(machine));
        }
    }
}

static void take_mark(struct machine *machine, const struct plan_mark *mark)
{
    struct machine_print *print = machine->print;
    switch ((enum plan_mark_kind)mark->kind) {
    case PLAN_NOZZLE_TARGET:
    case PLAN_NOZZLE_WAIT:
    case PLAN_BED_TARGET:
    case PLAN_BED_WAIT:
        take_heating(machine, mark);
        break;
    case PLAN_CHAMBER:
        machine_set_chamber(machine, (double)mark->value);
        break;
    case PLAN_FAN:
        machine_set_print_fan(machine, (int)lroundf(mark->value));
        break;
    case PLAN_SPEED:
        machine_set_speed(machine, (int)lroundf(mark->value));
        break;
    case PLAN_FLOW:
        machine_set_flow(machine, (int)lroundf(mark->value));
        break;
    case PLAN_LAYER:
        print->layer = (uint32_t)mark->value;
        TELL(machine, layer_changed, (face, print->layer));
        break;
    case PLAN_PAUSE:
        take_pause(machine, mark);
        break;
    case PLAN_MMU:
        machine->slot_state = (uint8_t)mark->code;
        snprintf(machine->slot_command, sizeof machine->slot_command, "%s", mark->text);
        break;
    case PLAN_TOOL:
        take_tool(machine, (int)mark->value);
        break;
    case PLAN_MESH:
        machine_measure_mesh(machine);
        break;
    case PLAN_OBJECT:
        if (print_has_screen(machine)) {
            objects_mark(machine, mark);
        }
        break;
    case PLAN_MESSAGE:
    case PLAN_HOMED:
    case PLAN_MOTORS_OFF:
    case PLAN_KIND_COUNT:
        break;
    }
}

static bool run(struct machine *machine)
{
    struct machine_print *print = machine->print;
    const struct heater *heater =
        print->wait == WAIT_NOZZLE ? tools_nozzle(machine, print->wait_tool) : &machine->bed;
    if (print->wait != WAIT_NOTHING) {
        if (!heater_reached(heater)) {
            return false;
        }
        print->wait = WAIT_NOTHING;
        job_go_on(&print->job, machine_now(machine));
        return true;
    }
    if (print->skipping) {
        job_skip(&print->job, machine_now(machine));
    }
    const struct plan_mark *mark = job_take_mark(&print->job, machine_now(machine));
    if (mark != NULL) {
        take_mark(machine, mark);
        return true;
    }
    if (print->job.state == JOB_DONE) {
        if (!print_outruns_file(machine)) {
            print_finish(machine);
        }
        return true;
    }
    if (print->phase == PRINT_DRAINING && print->due_us <= machine_now(machine)) {
        print_pause_now(machine);
        machine_trigger(machine, TRIGGER_PAUSED, SOURCE_COUNT, NULL);
        return true;
    }
    return false;
}

bool print_step(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print == NULL) {
        return false;
    }
    switch (print->phase) {
    case PRINT_RUNNING:
    case PRINT_DRAINING:
        return run(machine);
    case PRINT_REHEATING:
        if (machine->motion != NULL || !heater_reached(&machine->nozzle)) {
            return false;
        }
        machine_set_print_fan(machine, print->saved_fan);
        print_begin_return(machine);
        return true;
    case PRINT_RETURNING:
        if (machine->motion != NULL) {
            return false;
        }
        go_on(machine);
        return true;
    case PRINT_USER:
        return print_change_step(machine);
    case PRINT_CRASHED:
    case PRINT_PANIC:
        return recovery_step(machine);
    case PRINT_PAUSED:
        return false;
    case PRINT_FINISHING:
    case PRINT_ABORTING:
        if (machine->motion != NULL) {
            return false;
        }
        print_end(machine, print->phase == PRINT_FINISHING ? TRIGGER_PRINT_COMPLETED
                                                           : TRIGGER_PRINT_CANCELLED);
        return true;
    case PRINT_ENDED:
        if (print->due_us > machine_now(machine) || machine->layers.override != STATE_NONE ||
            machine->power != POWER_ON) {
            return false;
        }
        machine_trigger(machine, TRIGGER_HOLD_OVER, SOURCE_COUNT, NULL);
        print_free(machine);
        return true;
    }
    return false;
}

int64_t print_next_us(const struct machine *machine)
{
    const struct machine_print *print = machine->print;
    if (print == NULL) {
        return INT64_MAX;
    }
    switch (print->phase) {
    case PRINT_RUNNING:
        return print->wait == WAIT_NOTHING ? job_next_us(&print->job) : INT64_MAX;
    case PRINT_DRAINING:
        if (print->wait != WAIT_NOTHING) {
            return INT64_MAX;
        }
        return job_next_us(&print->job) < print->due_us ? job_next_us(&print->job) : print->due_us;
    case PRINT_CRASHED:
        return print->due_us;
    case PRINT_ENDED:
        return machine->layers.override == STATE_NONE && machine->power == POWER_ON ? print->due_us
                                                                                    : INT64_MAX;
    default:
        return INT64_MAX; /* heaters, motion or somebody */
    }
}
