#include <math.h>
#include <string.h>

#include "sim/machine/machine_parts.h"

/* A print waits for somebody: pauses of the file, other filament, fans and media that fail. */

static const double CHANGE_X_MM = 211, CHANGE_Y_MM = 0; /* filament change, printer-models.md 2 */
static const double CHANGE_LIFT_MM = 2;
static const double LOAD_MM = 70, LOAD_FEED_MM_S = 6.7;
static const double UNLOAD_MM = 80, UNLOAD_FEED_MM_S = 40; /* [set] */
static const double PURGE_MM = 10;                         /* [set] */

enum { CHANGE_CODE = 600, PREVIEW_CODE = 1000 }; /* of PRINT_USER; the latter is no M-code */

static bool runs(const struct machine_print *print)
{
    return print != NULL && (print->phase == PRINT_RUNNING || print->phase == PRINT_DRAINING);
}

static void feed(struct machine *machine, double mm, double feed_mm_s)
{
    double to[MODEL_AXES];
    motion_target(machine, to);
    to[X] = to[Y] = to[Z] = NAN;
    to[E] += mm;
    motion_add(machine, to, feed_mm_s);
}

static void begin_unloading(struct machine *machine)
{
    prompt_show(machine, PROMPT_CHANGE_UNLOAD);
    feed(machine, -UNLOAD_MM, UNLOAD_FEED_MM_S);
}

static void begin_loading(struct machine *machine, double mm)
{
    prompt_show(machine, PROMPT_CHANGE_LOAD);
    feed(machine, mm, LOAD_FEED_MM_S);
}

/* M0 is a pause to a printer with a screen, M600 asks for attention everywhere
 * (connect-buddy.md 8.2). */
void print_want_user(struct machine *machine, uint16_t code)
{
    struct machine_print *print = machine->print;
    bool screen = print_has_screen(machine), change = code >= 2;
    if (change) {
        print_stand_still(machine); /* while the job still has the axes */
    }
    print->phase = PRINT_USER;
    print->user_code = code;
    if (change) {
        print->saved_nozzle_c = heater_target(&machine->nozzle);
        print->saved_fan = fan_power(&machine->print_fan);
        print_park(machine, CHANGE_X_MM, CHANGE_Y_MM, CHANGE_LIFT_MM);
    }
    if (screen && change) {
        begin_unloading(machine);
    } else if (screen) {
        prompt_show(machine, PROMPT_QUICK_PAUSE);
        machine_trigger(machine, TRIGGER_PAUSED, SOURCE_COUNT, NULL);
        return;
    }
    machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_COUNT, NULL);
}

void print_change_filament(struct machine *machine)
{
    if (machine->print != NULL && machine->print->phase == PRINT_RUNNING &&
        machine->print->wait == WAIT_NOTHING) {
        print_want_user(machine, CHANGE_CODE);
    }
}

static void begin_print_after_all(struct machine *machine)
{
    prompt_show(machine, PROMPT_NONE);
    machine->print->phase = PRINT_RUNNING;
    job_resume(&machine->print->job, machine_now(machine));
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
}

/* What moves has come to its end: the next thing is asked. */
bool print_change_step(struct machine *machine)
{
    if (machine->motion != NULL) {
        return false;
    }
    switch ((enum machine_prompt)machine->prompt) {
    case PROMPT_CHANGE_UNLOAD:
        prompt_show(machine, PROMPT_CHANGE_INSERT);
        return true;
    case PROMPT_CHANGE_LOAD:
        if (machine->print->user_code == PREVIEW_CODE) {
            begin_print_after_all(machine);
        } else {
            prompt_show(machine, PROMPT_CHANGE_COLOR);
        }
        return true;
    default:
        return false;
    }
}

static void end_change(struct machine *machine)
{
    prompt_show(machine, PROMPT_NONE);
    print_begin_return(machine);
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
}

/* Nothing has happened yet that an end would have to be shown of. */
void print_abort_preview(struct machine *machine)
{
    prompt_show(machine, PROMPT_NONE);
    print_end(machine, TRIGGER_PRINT_CANCELLED);
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    machine->print->due_us = machine_now(machine);
}

bool print_change_answer(struct machine *machine, enum machine_answer answer)
{
    switch ((enum machine_prompt)machine->prompt) {
    case PROMPT_QUICK_PAUSE:
        return answer == ANSWER_RESUME && print_confirm(machine);
    case PROMPT_CHANGE_INSERT:
        if (answer == ANSWER_STOP) {
            machine_stop(machine);
        } else if (answer == ANSWER_CONTINUE) {
            machine->faults &= ~(1U << FAULT_FILAMENT_RUNOUT);
            begin_loading(machine, LOAD_MM);
        }
        return answer == ANSWER_STOP || answer == ANSWER_CONTINUE;
    case PROMPT_CHANGE_COLOR:
        if (answer == ANSWER_YES) {
            end_change(machine);
        } else if (answer == ANSWER_PURGE_MORE) {
            begin_loading(machine, PURGE_MM);
        } else if (answer == ANSWER_RETRY) {
            begin_unloading(machine);
        }
        return answer == ANSWER_YES || answer == ANSWER_PURGE_MORE || answer == ANSWER_RETRY;
    case PROMPT_NO_FILAMENT:
        if (answer == ANSWER_YES) {
            machine->faults &= ~(1U << FAULT_FILAMENT_RUNOUT);
            begin_loading(machine, LOAD_MM);
        } else if (answer == ANSWER_NO) {
            print_abort_preview(machine);
        } else if (answer == ANSWER_DISABLE_SENSOR) {
            machine->sensor_off = true;
            begin_print_after_all(machine);
        }
        return answer == ANSWER_YES || answer == ANSWER_NO || answer == ANSWER_DISABLE_SENSOR;
    case PROMPT_FILE_ERROR:
        if (answer == ANSWER_STOP) {
            print_abort_preview(machine);
        }
        return answer == ANSWER_STOP;
    default:
        return false;
    }
}

bool print_in_preview(const struct machine *machine)
{
    const struct machine_print *print = machine->print;
    return print != NULL && print->phase == PRINT_USER && print->user_code == PREVIEW_CODE;
}

void print_ask_before(struct machine *machine, enum machine_prompt prompt)
{
    job_pause(&machine->print->job, machine_now(machine));
    machine->print->phase = PRINT_USER;
    machine->print->user_code = PREVIEW_CODE;
    prompt_show(machine, prompt);
    machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_COUNT, NULL);
}

bool print_confirm(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print == NULL || print->phase != PRINT_USER || machine->motion != NULL) {
        return false;
    }
    if (print->user_code < 2) {
        print->phase = PRINT_RUNNING;
        job_go_on(&print->job, machine_now(machine));
    } else {
        feed(machine, LOAD_MM, LOAD_FEED_MM_S);
        print_begin_return(machine);
    }
    if (print_has_screen(machine)) {
        prompt_show(machine, PROMPT_NONE);
        machine_trigger(machine, TRIGGER_RESUMED, SOURCE_COUNT, NULL);
    }
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    return true;
}

void print_pause_for_fan(struct machine *machine)
{
    if (runs(machine->print)) {
        print_pause_now(machine);
        machine_trigger(machine, TRIGGER_PAUSED, SOURCE_FIRMWARE, NULL);
    }
}

/* The firmware parks, yet the host takes no notice of this pause (connect-sdk.md 7.4: it is
 * ATTENTION over PRINTING). */
void print_hold_for_anomaly(struct machine *machine)
{
    if (runs(machine->print)) {
        print_pause_now(machine);
        machine->print->anomaly = true;
    }
}

void print_recover(struct machine *machine)
{
    if (machine->print != NULL && machine->print->anomaly &&
        machine->print->phase == PRINT_PAUSED) {
        print_begin_reheating(machine);
    }
}

/* ---- the medium ---- */

/* The firmware reads on for as long as its buffer lasts, which is next to nothing. */
void print_medium_gone(struct machine *machine, const struct storage *storage)
{
    struct machine_print *print = machine->print;
    size_t size = strlen(storage->name);
    if (!print_has_screen(machine) || print == NULL || print->phase == PRINT_ENDED ||
        strncmp(print->info.path + 1, storage->name, size) != 0 ||
        print->info.path[1 + size] != '/' || !runs(print)) {
        return;
    }
    print_pause_now(machine);
    machine_trigger(machine, TRIGGER_PAUSED, SOURCE_FIRMWARE, NULL);
    prompt_warn(machine, PROMPT_MEDIUM_GONE);
}

bool print_medium_missing(struct machine *machine)
{
    const char *below;
    if (!print_has_screen(machine)) {
        return false;
    }
    struct storage *storage = machine_storage_of(machine, machine->print->info.path, &below);
    if (storage != NULL && storage_find(storage, below) != NULL) {
        return false;
    }
    prompt_warn(machine, PROMPT_MEDIUM_GONE);
    return true;
}
