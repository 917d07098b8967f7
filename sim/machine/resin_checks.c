#include <math.h>

#include "sim/machine/resin_parts.h"

/* What a resin printer looks at before the first layer (printer-models.md 8.2, step 3). How long it
 * measures and drives is in no public source: plausible times, and here alone. */

#define FANS_US           SECONDS(10) /* 8.2: run-up before they are checked */
#define MEASURE_US        SECONDS(25)
#define START_POSITION_US SECONDS(10)

enum { MEASURES = 3 };
static const double START_MM = 0.25; /* 8.2, start position */

bool resin_fan_stalled(const struct machine *machine)
{
    return machine_fault(machine, FAULT_UV_LED_FAN_STALLED) ||
           machine_fault(machine, FAULT_BLOWER_FAN_STALLED) ||
           machine_fault(machine, FAULT_REAR_FAN_STALLED);
}

static void warn(struct resin_print *print, int code)
{
    if (print->warning_count < RESIN_WARNINGS_MAX) {
        print->warnings[print->warning_count++] = (uint16_t)code;
    }
}

static void next_check(struct machine *machine, enum resin_stage stage)
{
    struct resin_print *print = machine->resin->print;
    if (print->warning_count > 0) {
        print->after = (uint8_t)stage;
        machine->resin->code = print->warnings[0];
        resin_enter(machine, STAGE_WARNING, INT64_MAX);
        return;
    }
    machine->resin->code = 0;
    switch (stage) {
    case STAGE_COVER:
        resin_enter(machine, machine->resin->cover_open ? STAGE_COVER : STAGE_MEASURE,
                    machine->resin->cover_open ? INT64_MAX : MEASURE_US);
        break;
    default:
        resin_drive(machine, START_MM);
        resin_enter(machine, STAGE_START_POSITION, START_POSITION_US);
    }
}

void resin_end_fans(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    const struct model_resin *model = &machine->model->resin;
    uint32_t last = plan_summary(print->plan)->layers - 1;
    if (resin_fan_stalled(machine)) {
        resin_fail(machine, RESIN_CODE_FAN);
        return;
    }
    enum sl1_fault fault = plan_resin_measure(print->plan, last);
    if (fault != SL1_GOOD) {
        resin_fail(machine, (int)fault);
        return;
    }
    double ambient_c = (double)machine->room_c;
    if (ambient_c < model->ambient_min_c) {
        warn(print, RESIN_CODE_AMBIENT_COLD);
    } else if (ambient_c > model->ambient_max_c) {
        warn(print, RESIN_CODE_AMBIENT_HOT);
    }
    if (plan_resin_warning(print->plan) != SL1_NO_WARNING) {
        warn(print, (int)plan_resin_warning(print->plan));
    }
    next_check(machine, STAGE_COVER);
}

/* What the sensor says is rounded to ten millilitres (8.1); 0: it found nothing. */
static double measured_ml(const struct machine *machine)
{
    if (machine->resin->tank_out || machine_fault(machine, FAULT_RESIN_SENSOR_DEAD)) {
        return 0;
    }
    return round(machine->resin->tank_ml / 10) * 10;
}

void resin_end_measure(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    const struct model_resin *model = &machine->model->resin;
    double ml = measured_ml(machine);
    int code = ml <= 0                ? RESIN_CODE_SENSOR
               : ml < model->least_ml ? RESIN_CODE_TOO_LOW
               : ml > model->most_ml  ? RESIN_CODE_TOO_HIGH
                                      : 0;
    if (code != 0 && ++print->tries < MEASURES) {
        resin_enter(machine, STAGE_MEASURE, MEASURE_US);
        return;
    }
    if (code != 0) {
        resin_fail(machine, code);
        return;
    }
    print->volume_ml = ml + print->consumed_ml;
    double required_ml = plan_resin_required_ml(print->plan) + model->least_ml;
    /* A project that needs more than a full tank is fed on the way anyhow. */
    if (ml < required_ml && required_ml <= model->most_ml) {
        warn(print, RESIN_CODE_NOT_ENOUGH);
    }
    next_check(machine, STAGE_START_POSITION);
}

void resin_begin_checks(struct machine *machine)
{
    resin_fans(machine, true);
    resin_enter(machine, STAGE_FANS, FANS_US);
}

void resin_end_cover(struct machine *machine)
{
    next_check(machine, STAGE_COVER);
}

void resin_end_warning(struct machine *machine)
{
    next_check(machine, (enum resin_stage)machine->resin->print->after);
}
