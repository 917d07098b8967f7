#include <math.h>
#include <string.h>

#include "sim/machine/machine_parts.h"

/* How a print ends, and how far it is. */

/* FINISHED and STOPPED are held for 11 s; the instruction confirmed after that ends them
 * (connect-sdk.md 7.4), and the host polls the printer every second. */
#define HOLD_US (SECONDS(11) + MILLISECONDS(100))

static const double STOP_LIFT_MM = 10; /* mk3-serial.md 7.3, M603 */

const struct machine_job *machine_job(const struct machine *machine)
{
    if (machine->resin != NULL) {
        return resin_job(machine);
    }
    return machine->print == NULL || machine->print->info.id == 0 ? NULL : &machine->print->info;
}

/* Printers with a screen of their own tell of a pause at once, though the head is still on its way,
 * and of an end only when the head is parked; then they show it until somebody dismisses it
 * (prusalink.md 5.2, connect-buddy.md 8.1). */
bool print_has_screen(const struct machine *machine)
{
    return strcmp(machine->model->family, "buddy") == 0;
}

enum machine_print_stage machine_print_stage(const struct machine *machine)
{
    if (machine->resin != NULL) {
        return resin_print_stage(machine);
    }
    if (machine->print == NULL) {
        return MACHINE_STAGE_NONE;
    }
    switch (machine->print->phase) {
    case PRINT_RUNNING:
        return MACHINE_STAGE_RUNNING;
    case PRINT_DRAINING:
        return MACHINE_STAGE_PAUSING;
    case PRINT_PAUSED:
        return machine->motion != NULL ? MACHINE_STAGE_PAUSING : MACHINE_STAGE_PAUSED;
    case PRINT_REHEATING:
    case PRINT_RETURNING:
        return MACHINE_STAGE_RESUMING;
    case PRINT_USER:
    case PRINT_CRASHED:
    case PRINT_PANIC:
        return MACHINE_STAGE_WAITING;
    case PRINT_FINISHING:
        return MACHINE_STAGE_FINISHING;
    case PRINT_ABORTING:
        return MACHINE_STAGE_ABORTING;
    case PRINT_ENDED:
        return MACHINE_STAGE_ENDED;
    }
    return MACHINE_STAGE_NONE;
}

uint32_t machine_last_job(const struct machine *machine)
{
    return machine->job_counter;
}

const char *machine_ended_print(const struct machine *machine)
{
    return machine_print_stage(machine) == MACHINE_STAGE_ENDED ? machine->print->info.path : NULL;
}

static void account(struct machine *machine)
{
    struct job_reading reading;
    job_read(&machine->print->job, machine_now(machine), &reading);
    if (reading.point.filament_mm > 0) {
        machine->total_filament_um += (uint64_t)llround(reading.point.filament_mm * 1000);
    }
    machine->total_print_us += reading.printing_us;
}

void print_break_off(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print == NULL || print->phase == PRINT_ENDED) {
        return;
    }
    machine_position(machine, machine->position);
    motion_cancel(machine);
    if (print->job.state == JOB_RUNNING) {
        job_stop(&print->job, machine_now(machine));
    }
    account(machine);
    print->phase = PRINT_ENDED;
    print->wait = WAIT_NOTHING;
    machine->slot_state = 0;
    machine->slot_command[0] = '\0';
    print->due_us = print_has_screen(machine) ? INT64_MAX : machine_now(machine) + HOLD_US;
    heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_NONE);
    heater_wait(&machine->bed, machine_now(machine), HEATER_WAIT_NONE);
}

bool machine_dismiss_end(struct machine *machine)
{
    machine_settle(machine);
    if (machine->resin != NULL) {
        return resin_dismiss_end(machine);
    }
    struct machine_print *print = machine->print;
    if (print == NULL || print->phase != PRINT_ENDED) {
        return false;
    }
    print->due_us = machine_now(machine);
    machine_settle(machine);
    return true;
}

/* The job is over, by itself or not; the head parks and the reported state stays PRINTING. */
static void begin_end(struct machine *machine, enum print_phase phase)
{
    struct machine_print *print = machine->print;
    machine_position(machine, machine->position);
    motion_cancel(machine);
    if (print->job.state == JOB_RUNNING) {
        job_stop(&print->job, machine_now(machine));
    }
    print->phase = phase;
    print->wait = WAIT_NOTHING;
    heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_NONE);
    heater_wait(&machine->bed, machine_now(machine), HEATER_WAIT_NONE);
    print_park(machine, machine->model->park_x_mm, machine->model->park_y_mm, STOP_LIFT_MM);
    if (machine->layers.printing == STATE_PAUSED) {
        machine_trigger(machine, TRIGGER_RESUMED, SOURCE_COUNT, NULL);
    }
}

void print_end(struct machine *machine, enum state_trigger trigger)
{
    print_break_off(machine);
    machine_trigger(machine, trigger, SOURCE_COUNT, NULL);
    machine->print->info.id = 0;
}

void print_finish(struct machine *machine)
{
    if (print_has_screen(machine)) {
        begin_end(machine, PRINT_FINISHING);
    } else {
        print_end(machine, TRIGGER_PRINT_COMPLETED);
    }
}

static void cool(struct machine *machine)
{
    machine_set_nozzle(machine, 0);
    machine_set_bed(machine, 0);
    tools_cool(machine);
    machine_set_print_fan(machine, 0);
    machine->fan_error = 0;
}

enum machine_refusal machine_stop(struct machine *machine)
{
    if (machine->resin != NULL) {
        return resin_order(machine, resin_print_stop);
    }
    machine_settle(machine);
    struct machine_print *print = machine->print;
    if (print == NULL || print->phase == PRINT_ENDED || !machine_answers(machine)) {
        return MACHINE_WRONG_STATE;
    }
    if (print->phase == PRINT_ABORTING || print->phase == PRINT_FINISHING) {
        return MACHINE_ACCEPTED; /* it is under way */
    }
    if (print_in_preview(machine)) {
        print_abort_preview(
            machine); /* nothing has moved (PFB: marlin_server.cpp, Aborting_Preview) */
        machine_settle(machine);
        return MACHINE_ACCEPTED;
    }
    if (print_has_screen(machine)) {
        prompt_clear(machine);
        machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
        begin_end(machine, PRINT_ABORTING);
        cool(machine);
    } else {
        print_break_off(machine);
        cool(machine);
        print_park(machine, machine->model->park_x_mm, machine->model->park_y_mm, STOP_LIFT_MM);
        machine_trigger(machine, TRIGGER_PRINT_CANCELLED, SOURCE_COUNT, NULL);
    }
    if (machine->layers.override == STATE_ATTENTION) {
        machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    }
    if (print->phase == PRINT_ENDED) {
        print->info.id = 0;
    }
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}
