#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/print_file.h"
#include "sim/machine/resin_parts.h"

/* The parts of a resin printer that are there without a print, and what others ask it. */

/* [set] in printer-models.md 9.4: the processor settles 14 K above the room. */
static const double CPU_ABOVE_ROOM_K = 14, CPU_TAU_S = 90;

void resin_init(struct machine *machine)
{
    if (machine->model->resin.project_model == NULL) {
        return;
    }
    struct resin *resin = machine->resin = memory_new(sizeof *resin);
    uv_led_init(&resin->led, (double)machine->room_c, machine_now(machine));
    uv_led_set(&resin->led, false, 0, machine_now(machine));
    resin->tank_ml = machine->model->resin.most_ml; /* somebody has filled it */
    resin->tower_mm = machine->model->resin.tower_mm;
    resin->on_us = INT64_MAX;
    resin->source = SOURCE_FIRMWARE;
}

void resin_free(struct machine *machine)
{
    if (machine->resin != NULL) {
        resin_print_free(machine);
        resin_panel_clear(machine);
        free(machine->resin);
        machine->resin = NULL;
    }
}

void resin_show(struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    enum printer_state state = print == NULL ? STATE_IDLE : resin_state_of(print);
    machine_show(machine, state, machine->resin->source, NULL);
}

/* The fan follows the LED's temperature (8.1); it is looked at whenever the light changes. */
void resin_light(struct machine *machine, bool on)
{
    struct resin *resin = machine->resin;
    int64_t now_us = machine_now(machine);
    double rpm = uv_led_fan_rpm(uv_led_temperature(&resin->led, now_us));
    bool runs = resin->fans_on && !machine_fault(machine, FAULT_UV_LED_FAN_STALLED);
    uv_led_set(&resin->led, on, runs ? rpm : 0, now_us);
}

void resin_fans(struct machine *machine, bool on)
{
    machine->resin->fans_on = on;
    resin_light(machine, on && machine->resin->led.on);
}

/* --- what the machine asks of its part --- */

bool resin_step(struct machine *machine)
{
    return resin_print_step(machine);
}

int64_t resin_next_us(const struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    return print == NULL ? INT64_MAX : print->due_us;
}

void resin_set_room(struct machine *machine)
{
    struct uv_led *led = &machine->resin->led;
    uv_led_set(led, led->on, led->fan_rpm, machine_now(machine));
    led->room_c = (double)machine->room_c;
}

void resin_fault_changed(struct machine *machine)
{
    resin_light(machine, machine->resin->led.on);
}

void resin_powered(struct machine *machine)
{
    machine->resin->on_us = machine_now(machine);
}

/* The firmware starts anew: a print is lost with it. */
void resin_restart(struct machine *machine)
{
    struct resin *resin = machine->resin;
    resin->tower_mm = resin_tower_mm(machine);
    resin_print_free(machine);
    resin->code = 0;
    resin_fans(machine, false);
    resin_light(machine, false);
    machine_show(machine, STATE_BUSY, SOURCE_FIRMWARE, NULL);
}

const struct machine_job *resin_job(const struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    return print == NULL || print->info.id == 0 ? NULL : &print->info;
}

/* --- readings --- */

int resin_fan_rpm(const struct machine *machine, enum machine_fault stalled, int rpm)
{
    return machine->resin->fans_on && !machine_fault(machine, stalled) ? rpm : 0;
}

/* Down and back in the stages that tilt; level otherwise. */
static int tilt_steps(const struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    int level = machine->model->resin.tilt_steps;
    bool tilts = print != NULL && !print->held && print->due_us != INT64_MAX &&
                 (print->stage == STAGE_PEEL || print->stage == STAGE_STIR ||
                  print->stage == STAGE_FEED_STIR || print->stage == STAGE_STUCK_STIR);
    if (!tilts || print->due_us <= print->stage_us) {
        return level;
    }
    double part = (double)(machine_now(machine) - print->stage_us) /
                  (double)(print->due_us - print->stage_us);
    return (int)lround(level * fabs(1 - 2 * fmin(part, 1)));
}

static double cpu_c(const struct machine *machine)
{
    int64_t on_us = machine->resin->on_us;
    if (on_us == INT64_MAX) {
        return (double)machine->room_c;
    }
    double on_s = (double)(machine_now(machine) - on_us) / 1e6;
    return (double)machine->room_c + CPU_ABOVE_ROOM_K * (1 - exp(-on_s / CPU_TAU_S));
}

static enum resin_standard standard_of(const struct machine *machine)
{
    switch (machine_resin_phase(machine)) {
    case RESIN_NO_PROJECT:
        return machine_state(machine) == STATE_BUSY ? RESIN_STANDARD_BUSY : RESIN_STANDARD_READY;
    case RESIN_CONFIRM:
        return RESIN_STANDARD_SELECTED;
    case RESIN_PRINTING:
        return RESIN_STANDARD_PRINTING;
    case RESIN_POUR_IN_RESIN:
        return RESIN_STANDARD_POUR_IN_RESIN;
    case RESIN_FEED_ME:
        return RESIN_STANDARD_FEED_ME;
    case RESIN_STUCK:
    case RESIN_FAILURE:
        return RESIN_STANDARD_ERROR;
    default:
        return RESIN_STANDARD_BUSY;
    }
}

static int64_t elapsed_us(const struct machine *machine, const struct resin_print *print)
{
    int64_t until_us = print->ended_us == INT64_MAX ? machine_now(machine) : print->ended_us;
    return print->begun_us == INT64_MAX ? 0 : until_us - print->begun_us;
}

static void read_job(const struct machine *machine, const struct resin_print *print,
                     struct resin_readings *readings)
{
    const struct sl1_config *config = plan_resin_config(print->plan);
    uint32_t layers = plan_summary(print->plan)->layers;
    bool known = print->stage != STAGE_READ;
    uint32_t work = print->layer < layers ? print->layer : layers - 1;
    readings->job = true;
    readings->layer_count = layers;
    readings->layer = print->begun_us == INT64_MAX ? 0 : work + 1;
    readings->progress = (double)print->layer / layers;
    readings->estimate_s = known ? plan_resin_remaining_us(print->plan, 0) / 1000000 : -1;
    readings->remaining_s =
        known ? plan_resin_remaining_us(print->plan, print->layer) / 1000000 : -1;
    readings->elapsed_s = elapsed_us(machine, print) / 1000000;
    readings->exposure_ms = llround(config->exposure_s * 1000);
    readings->exposure_first_ms = llround(config->exposure_first_s * 1000);
    readings->exposure_calibration_ms =
        config->calibrate_regions > 0 ? llround(config->calibrate_s * 1000) : 0;
    if (known) {
        struct plan_resin_layer layer;
        plan_resin_layer(print->plan, work, &layer);
        readings->layer_exposure_ms = layer.times.exposure_us / 1000;
    }
    readings->user_profile = config->user_profile;
    readings->layer_height_mm = config->layer_height_mm;
    readings->required_ml = plan_resin_required_ml(print->plan);
    readings->consumed_ml = print->consumed_ml;
    readings->remaining_ml =
        isnan(print->volume_ml) ? -1 : fmax(print->volume_ml - print->consumed_ml, 0);
    readings->resin_low = print->low;
}

bool machine_read_resin(struct machine *machine, struct resin_readings *readings)
{
    const struct resin *resin = machine->resin;
    if (resin == NULL) {
        return false;
    }
    machine_look(machine);
    const struct model_resin *model = &machine->model->resin;
    *readings = (struct resin_readings){
        .uv_led_c = uv_led_temperature(&resin->led, machine_now(machine)),
        .ambient_c = (double)machine->room_c,
        .cpu_c = cpu_c(machine),
        .uv_led_fan_rpm =
            resin_fan_rpm(machine, FAULT_UV_LED_FAN_STALLED, (int)lround(resin->led.fan_rpm)),
        .blower_fan_rpm = resin_fan_rpm(machine, FAULT_BLOWER_FAN_STALLED, model->blower_fan_rpm),
        .rear_fan_rpm = resin_fan_rpm(machine, FAULT_REAR_FAN_STALLED, model->rear_fan_rpm),
        .rear_fan_target_rpm = resin->fans_on ? model->rear_fan_rpm : 0,
        .cover_closed = !resin->cover_open,
        .tank_inserted = !resin->tank_out,
        .calibrated = !resin->uncalibrated,
        .uv_led_on = resin->led.on,
        .tower_mm = resin_tower_mm(machine),
        .tilt_steps = tilt_steps(machine),
        .tank_ml = resin->tank_ml,
        .phase = machine_resin_phase(machine),
        .standard = standard_of(machine),
        .code = machine_resin_code(machine),
    };
    if (resin->print != NULL) {
        read_job(machine, resin->print, readings);
    }
    return true;
}

/* The part of them that all printers have. */
void resin_read(struct machine *machine, struct machine_readings *readings)
{
    const struct resin_print *print = machine->resin->print;
    *readings = (struct machine_readings){
        .nozzle_c = NAN,
        .nozzle_target_c = NAN,
        .bed_c = NAN,
        .bed_target_c = NAN,
        .board_c = NAN,
        .x_mm = NAN,
        .y_mm = NAN,
        .z_mm = resin_tower_mm(machine),
        .e_mm = NAN,
        .speed_percent = 100,
        .flow_percent = 100,
        .total_print_time_s = machine->total_print_us / 1000000,
        .progress_percent = -1,
        .time_remaining_s = -1,
        .time_printing_s = -1,
        .filament_change_in_s = -1,
        .chamber_c = NAN,
        .chamber_fan_percent = -1,
    };
    if (print != NULL) {
        struct resin_readings own = {.remaining_s = -1};
        read_job(machine, print, &own);
        readings->job = true;
        readings->job_id = print->info.id;
        readings->progress_percent = (int)(own.progress * 100);
        readings->time_remaining_s = own.remaining_s;
        readings->time_printing_s = own.elapsed_s;
        readings->printing_us = elapsed_us(machine, print);
        readings->layer = own.layer;
        readings->layer_count = own.layer_count;
    }
}

bool machine_has_resin(const struct machine *machine)
{
    return machine->resin != NULL;
}

enum resin_phase machine_resin_phase(const struct machine *machine)
{
    return machine->resin == NULL ? RESIN_NO_PROJECT : resin_phase_of(machine->resin->print);
}

int machine_resin_code(const struct machine *machine)
{
    bool none = machine->resin == NULL || machine->resin->code == 0;
    return none ? 0 : RESIN_CODE_PREFIX + machine->resin->code;
}

/* --- orders --- */

static enum machine_refusal refuse(struct machine *machine, int code, enum machine_refusal refusal)
{
    machine->resin->code = (uint16_t)code;
    return refusal;
}

/* Words of Prusa-Error-Codes: 10_SL1/errors.yaml, in front of what is known better. */
static enum machine_refusal bad_project(struct machine *machine, const struct file_node *file,
                                        struct error *error)
{
    struct error reason = {""};
    enum sl1_fault fault = plan_resin_fault(file->content, machine->model, &reason);
    error_set(error, "#%d %s", RESIN_CODE_PREFIX + (int)fault, reason.text);
    return refuse(machine, (int)fault, MACHINE_BAD_FILE);
}

static enum machine_refusal may_open(struct machine *machine, struct error *error)
{
    const struct resin_print *print = machine->resin->print;
    /* A project that nobody has confirmed is given up for the next, and so is the end of a print.
     */
    bool free = print == NULL || print->stage == STAGE_READ || print->stage == STAGE_CONFIRM ||
                print->stage == STAGE_FINISHED || print->stage == STAGE_CANCELED;
    if (machine->resin->uncalibrated) {
        error_set(error, "#10113 The printer is not calibrated. Please run the Wizard first.");
        return refuse(machine, RESIN_CODE_NOT_CALIBRATED, MACHINE_WRONG_STATE);
    }
    if (free && machine_answers(machine)) {
        return MACHINE_ACCEPTED;
    }
    error_set(
        error,
        "#10506 Cannot run this action, wait until the printer finishes the previous action.");
    return print != NULL ? MACHINE_ALREADY_PRINTING : MACHINE_WRONG_STATE;
}

enum machine_refusal resin_open(struct machine *machine, const char *path, bool at_once,
                                struct error *error)
{
    machine_settle(machine);
    const struct file_node *file;
    bool from_sd;
    enum machine_refusal refusal = may_open(machine, error);
    if (refusal != MACHINE_ACCEPTED) {
        return refusal;
    }
    if (print_find_file(machine, path, &file, &from_sd, error) != MACHINE_ACCEPTED) {
        return refuse(machine, RESIN_CODE_NO_FILE, MACHINE_NO_FILE);
    }
    if (!print_file_check(file->name, file->content, machine->model, error)) {
        return refuse(machine, RESIN_CODE_EXTENSION, MACHINE_BAD_FILE);
    }
    struct plan *plan = machine->plans != NULL
                            ? plan_cache_get(machine->plans, file->content, machine->model, error)
                            : plan_build(file->content, machine->model, error);
    if (plan == NULL) {
        return bad_project(machine, file, error);
    }
    resin_print_begin(machine, path, file, plan, at_once);
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}

enum machine_refusal machine_open_project(struct machine *machine, const char *path,
                                          struct error *error)
{
    if (machine->resin == NULL) {
        error_set(error, "this printer opens no projects");
        return MACHINE_WRONG_STATE;
    }
    return resin_open(machine, path, false, error);
}

enum machine_refusal resin_order(struct machine *machine,
                                 enum machine_refusal (*order)(struct machine *machine))
{
    machine_settle(machine);
    enum machine_refusal refusal = order(machine);
    machine_settle(machine);
    return refusal;
}

static enum machine_refusal confirm_as_host(struct machine *machine)
{
    return resin_print_confirm(machine, false);
}

enum machine_refusal machine_confirm(struct machine *machine)
{
    return machine->resin == NULL ? MACHINE_WRONG_STATE : resin_order(machine, confirm_as_host);
}

/* "Continue" of a host, which does not confirm the print itself (sla-fw: slafw/api/standard0.py).
 */
enum machine_refusal resin_continue(struct machine *machine)
{
    enum resin_phase phase = machine_resin_phase(machine);
    return phase == RESIN_FEED_ME || phase == RESIN_POUR_IN_RESIN ? confirm_as_host(machine)
                                                                  : MACHINE_WRONG_STATE;
}

static enum machine_refusal refill_tank(struct machine *machine)
{
    if (machine_resin_phase(machine) != RESIN_FEED_ME) {
        return MACHINE_WRONG_STATE;
    }
    resin_print_refill(machine);
    return MACHINE_ACCEPTED;
}

enum machine_refusal machine_refill(struct machine *machine)
{
    return machine->resin == NULL ? MACHINE_WRONG_STATE : resin_order(machine, refill_tank);
}

/* --- a person at the printer --- */

static enum machine_refusal confirm_as_person(struct machine *machine)
{
    return resin_print_confirm(machine, true);
}

void resin_user_confirms(struct machine *machine)
{
    machine->resin->source = SOURCE_USER;
    resin_order(machine, confirm_as_person);
    machine->resin->source = SOURCE_FIRMWARE;
}

bool resin_dismiss_end(struct machine *machine)
{
    enum resin_phase phase = machine_resin_phase(machine);
    if (phase != RESIN_FINISHED && phase != RESIN_CANCELED) {
        return false;
    }
    return resin_order(machine, confirm_as_person) == MACHINE_ACCEPTED;
}

void machine_set_cover(struct machine *machine, bool closed)
{
    struct resin *resin = machine->resin;
    if (resin == NULL || resin->cover_open != closed) {
        return;
    }
    machine_settle(machine);
    resin->source = SOURCE_USER;
    resin->cover_open = !closed;
    if (resin->print != NULL) {
        resin_print_cover(machine);
        resin_show(machine);
    }
    machine_settle(machine);
    resin->source = SOURCE_FIRMWARE;
}

void machine_set_tank(struct machine *machine, bool inserted)
{
    if (machine->resin != NULL) {
        machine->resin->tank_out = !inserted;
    }
}

void machine_set_resin(struct machine *machine, double ml)
{
    if (machine->resin != NULL) {
        machine->resin->tank_ml = fmax(ml, 0);
    }
}

void machine_set_calibrated(struct machine *machine, bool calibrated)
{
    if (machine->resin != NULL) {
        machine->resin->uncalibrated = !calibrated;
    }
}
