#include <math.h>
#include <string.h>

#include "sim/machine/machine_parts.h"

/* How a printer with a screen of its own finds back into a print after it hit something or lost the
 * mains (connect-buddy.md 8.2, 8.3; PFB: src/common/marlin_server.cpp, power_panic.cpp). */

#define FIND_US    SECONDS(6)  /* lift, measure, home [set] */
#define BOOT_US    SECONDS(3)  /* as machine_power.c */
#define REPEATS_US SECONDS(60) /* the third crash within this is one too many [set] */

/* A bed that has cooled by more has let the object go [set]. */
static const double BED_MAY_COOL_K = 20;

static bool can_detect_crashes(const struct machine *machine)
{
    return print_has_screen(machine) && machine->model->buddy.crash_detection;
}

static void find_position(struct machine *machine)
{
    struct machine_print *print = machine->print;
    print->phase = PRINT_CRASHED;
    print->due_us = machine_now(machine) + FIND_US;
    prompt_show(machine, PROMPT_NONE);
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    machine_trigger(machine, TRIGGER_RECOVERING, SOURCE_COUNT, NULL);
}

void recovery_crash(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (!can_detect_crashes(machine) || print == NULL || print->phase != PRINT_RUNNING ||
        print->wait != WAIT_NOTHING || print->job.held) {
        return;
    }
    print_stand_still(machine);
    print->saved_nozzle_c = heater_target(&machine->nozzle);
    print->saved_fan = fan_power(&machine->print_fan);
    find_position(machine);
}

static void ask(struct machine *machine, enum machine_prompt prompt)
{
    machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
    machine->print->phase = PRINT_USER;
    machine->print->user_code = 2;
    prompt_show(machine, prompt);
    machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_COUNT, NULL);
}

static void go_back(struct machine *machine)
{
    prompt_show(machine, PROMPT_NONE);
    machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    print_begin_return(machine);
}

static void end_crash(struct machine *machine)
{
    struct machine_print *print = machine->print;
    int64_t now_us = machine_now(machine);
    bool repeated = print->crash_us[0] != 0 && now_us - print->crash_us[0] < REPEATS_US;
    if (machine_fault(machine, FAULT_AXIS_BLOCKED)) {
        ask(machine, PROMPT_HOME_FAILED);
        return;
    }
    print->crash_us[0] = print->crash_us[1];
    print->crash_us[1] = now_us;
    if (repeated) {
        ask(machine, PROMPT_CRASH_REPEATED);
    } else {
        go_back(machine);
    }
}

/* ---- the mains ---- */

static void forget_without_panic(struct machine *machine)
{
    print_break_off(machine);
    if (machine->print != NULL) {
        machine->print->info.id = 0;
        machine->print->due_us = machine_now(machine);
    }
}

/* What little power is left saves the place and the temperatures of a print; a MINI has none. */
static void panic(struct machine *machine)
{
    struct machine_print *print = machine->print;
    print->saved_bed_c = heater_target(&machine->bed);
    if (print_moves(machine)) {
        print_stand_still(machine);
        print->saved_nozzle_c = heater_target(&machine->nozzle);
        print->saved_fan = fan_power(&machine->print_fan);
    } /* else it stands beside the object already, and these are known */
    if (print->phase != PRINT_PAUSED) {
        print->phase = PRINT_PANIC;
        print->due_us = INT64_MAX;
    }
    heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_NONE);
    heater_wait(&machine->bed, machine_now(machine), HEATER_WAIT_NONE);
}

static void lose_mains(struct machine *machine)
{
    struct machine_print *print = machine->print;
    bool prints = print != NULL && print->job.state == JOB_RUNNING;
    host_interrupt(machine, "interrupted");
    prompt_clear(machine);
    machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
    if (prints && can_detect_crashes(machine)) {
        panic(machine);
        machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
        machine_trigger(machine, TRIGGER_RECOVERING, SOURCE_COUNT, NULL);
    } else {
        forget_without_panic(machine);
        machine_trigger(machine, TRIGGER_REBOOT, SOURCE_COUNT, NULL);
    }
    motion_cancel(machine);
    heater_reset(&machine->nozzle, machine_now(machine));
    heater_reset(&machine->bed, machine_now(machine));
    machine_set_print_fan(machine, 0);
    machine->halted = false;
    machine->halt = HALT_NONE;
    machine->fan_error = 0;
    machine->power = POWER_DARK;
    machine->power_due_us = INT64_MAX;
    TELL(machine, powered, (face, false));
}

void recovery_mains(struct machine *machine, bool lost)
{
    if (lost && machine->power != POWER_OFF) {
        lose_mains(machine);
    } else if (!lost && machine->power == POWER_DARK) {
        machine->power = POWER_STARTED;
        machine->power_due_us = machine_now(machine) + BOOT_US;
        TELL(machine, powered, (face, true));
    }
}

static void reheat(struct machine *machine)
{
    struct machine_print *print = machine->print;
    machine_set_bed(machine, print->saved_bed_c);
    machine_set_nozzle(machine, print->saved_nozzle_c);
    heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_BOTH);
    print->due_us = machine_now(machine);
}

/* A print that the mains went away under goes on by itself, unless its bed is cold. */
void recovery_after_boot(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print == NULL || machine->layers.override != STATE_BUSY) {
        return;
    }
    if (print->phase == PRINT_PAUSED) {
        machine_set_bed(machine, print->saved_bed_c);
        machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
    } else if (heater_reading(&machine->bed) < print->saved_bed_c - BED_MAY_COOL_K) {
        machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
        prompt_warn(machine, PROMPT_COLD_BED);
    } else {
        reheat(machine);
    }
}

void recovery_go_on_cold(struct machine *machine)
{
    if (machine->print != NULL && machine->print->phase == PRINT_PANIC) {
        machine_trigger(machine, TRIGGER_RECOVERING, SOURCE_COUNT, NULL);
        reheat(machine);
    }
}

/* ---- both ---- */

bool recovery_step(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print->due_us > machine_now(machine)) {
        return false;
    }
    if (print->phase == PRINT_CRASHED) {
        end_crash(machine);
        return true;
    }
    if (!heater_reached(&machine->nozzle)) {
        return false;
    }
    machine_set_print_fan(machine, print->saved_fan);
    go_back(machine);
    return true;
}

bool recovery_answer(struct machine *machine, enum machine_answer answer)
{
    struct machine_print *print = machine->print;
    switch (machine_prompt(machine)) {
    case PROMPT_HOME_FAILED:
        if (answer == ANSWER_RETRY) {
            find_position(machine);
        }
        return answer == ANSWER_RETRY;
    case PROMPT_CRASH_REPEATED:
        if (answer == ANSWER_RESUME) {
            go_back(machine);
        } else if (answer == ANSWER_PAUSE) {
            prompt_show(machine, PROMPT_NONE);
            print->phase = PRINT_PAUSED;
            machine_set_nozzle(machine, 0);
            machine_trigger(machine, TRIGGER_PAUSED, SOURCE_COUNT, NULL);
            machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
        }
        return answer == ANSWER_RESUME || answer == ANSWER_PAUSE;
    default:
        return false;
    }
}
