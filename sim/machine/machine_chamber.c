#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/chamber.h"
#include "sim/machine/machine_parts.h"

/* The chamber of a CORE One with its two fans, and the enclosure that an XL may have
 * (printer-models.md 5, 6). Neither has a heater: the bed warms, the fans cool. */

#define LOOK_US      SECONDS(1)  /* of the regulator */
#define LOOK_COLD_US SECONDS(10) /* while it has nothing to do for long [chosen] */

enum { FULL = 255, OUTPUT_MAX = 100, RUNNING_LEAST = 40, STARTING = 100 };
static const double GAIN = 1.5; /* output per K above the target and second */
static const double OVERHEATED_C = 70, COOL_AGAIN_C = 60;
static const int FAN_RPM = 8500;           /* full; the self-test wants 7225 to 9775 */
static const int ENCLOSURE_FAN_RPM = 1480; /* of 600 to 2700; as in connect-buddy.md 4.3 */
static const double BED_HEATS_TAU_S = 80;  /* to 110 °C in about six minutes */

struct machine_chamber {
    struct chamber air;
    int64_t look_us;     /* of the regulator; INT64_MAX: it has nothing to regulate */
    double target_c;     /* 0: none */
    double output;       /* of 255 */
    int16_t fan_percent; /* -1: automatic */
    uint8_t fan_power;
    bool overheated, fitted;
};

void chamber_start(struct machine *machine)
{
    const struct model_buddy *model = &machine->model->buddy;
    if (model->chamber_max_c <= 0 && !model->enclosure) {
        return;
    }
    struct machine_chamber *chamber = machine->chamber = memory_new(sizeof *chamber);
    chamber_init(&chamber->air, (double)machine->room_c, machine_now(machine));
    chamber->look_us = INT64_MAX;
    chamber->fan_percent = -1;
    chamber->fitted = model->chamber_max_c > 0;
}

void chamber_free(struct machine *machine)
{
    free(machine->chamber);
    machine->chamber = NULL;
}

static double air_c(const struct machine *machine)
{
    return chamber_air_c(&machine->chamber->air, machine_now(machine));
}

static void set_power(struct machine *machine, double power)
{
    struct machine_chamber *chamber = machine->chamber;
    uint8_t whole = (uint8_t)lround(fmin(fmax(power, 0), FULL));
    if (whole != chamber->fan_power) {
        chamber->fan_power = whole;
        chamber_set_fan(&chamber->air, whole / (double)FULL, machine_now(machine));
    }
}

/* A look of the regulator: integrates what is too warm, starts a fan at 100 and runs it at 40 at
 * least. */
static void regulate(struct machine *machine)
{
    struct machine_chamber *chamber = machine->chamber;
    double now_c = air_c(machine);
    double above_k = now_c - chamber->target_c;
    bool runs = chamber->fan_power > 0;
    chamber->overheated = chamber->overheated ? now_c >= COOL_AGAIN_C : now_c >= OVERHEATED_C;
    chamber->output = fmin(fmax(chamber->output + GAIN * above_k, 0), OUTPUT_MAX);
    if (chamber->overheated) {
        set_power(machine, FULL);
    } else if (chamber->output <= 0) {
        set_power(machine, 0);
    } else {
        set_power(machine, runs ? fmax(chamber->output, RUNNING_LEAST) : STARTING);
    }
    bool idle = chamber->output <= 0 && above_k < -1;
    chamber->look_us = machine_now(machine) + (idle ? LOOK_COLD_US : LOOK_US);
}

static void fans_changed(struct machine *machine)
{
    struct machine_chamber *chamber = machine->chamber;
    chamber->output = 0;
    chamber->look_us = INT64_MAX;
    if (chamber->fan_percent >= 0) {
        set_power(machine, FULL * chamber->fan_percent / 100.0);
    } else if (chamber->target_c > 0) {
        chamber->look_us = machine_now(machine);
    } else {
        set_power(machine, 0);
    }
}

bool chamber_step(struct machine *machine)
{
    if (chamber_next_us(machine) > machine_now(machine)) {
        return false;
    }
    regulate(machine);
    return true;
}

int64_t chamber_next_us(const struct machine *machine)
{
    return machine->chamber == NULL ? INT64_MAX : machine->chamber->look_us;
}

void chamber_bed_changed(struct machine *machine)
{
    if (machine->chamber == NULL) {
        return;
    }
    const struct model_heater *bed = &machine->model->bed;
    double room_c = (double)machine->room_c, target_c = heater_target(&machine->bed);
    double cools_tau_s = bed->capacity_j_per_k * bed->resistance_k_per_w[0];
    bool heats = target_c > heater_block_c(&machine->bed);
    chamber_set_bed(&machine->chamber->air, fmax(target_c, room_c),
                    heats || cools_tau_s <= 0 ? BED_HEATS_TAU_S : cools_tau_s,
                    machine_now(machine));
}

void chamber_room_changed(struct machine *machine)
{
    if (machine->chamber != NULL) {
        chamber_set_room(&machine->chamber->air, (double)machine->room_c, machine_now(machine));
        chamber_bed_changed(machine);
    }
}

void machine_set_chamber(struct machine *machine, double target_c)
{
    double most_c = machine->model->buddy.chamber_max_c;
    if (machine->chamber == NULL || most_c <= 0) {
        return;
    }
    machine_settle(machine);
    machine->chamber->target_c = fmin(fmax(target_c, 0), most_c);
    fans_changed(machine);
    machine_settle(machine);
}

void machine_set_chamber_fan(struct machine *machine, int percent)
{
    if (machine->chamber == NULL || machine->model->buddy.chamber_max_c <= 0) {
        return;
    }
    machine_settle(machine);
    machine->chamber->fan_percent = (int16_t)(percent < 0 ? -1 : percent > 100 ? 100 : percent);
    fans_changed(machine);
    machine_settle(machine);
}

void machine_set_enclosure(struct machine *machine, bool fitted)
{
    if (machine->chamber != NULL && machine->model->buddy.enclosure) {
        machine->chamber->fitted = fitted;
    }
}

/* Without a box it is the room that is around the printer. */
void chamber_read(struct machine *machine, struct machine_readings *readings)
{
    const struct machine_chamber *chamber = machine->chamber;
    readings->chamber_c = NAN;
    readings->chamber_fan_percent = -1;
    if (chamber == NULL) {
        return;
    }
    bool enclosure = machine->model->buddy.enclosure;
    readings->chamber_c = chamber->fitted ? air_c(machine) : (double)machine->room_c;
    readings->chamber_target_c = chamber->target_c;
    readings->chamber_fan_percent = chamber->fan_percent;
    readings->chamber_fan_rpm = !enclosure ? FAN_RPM * chamber->fan_power / FULL
                                : chamber->fitted && machine->layers.printing == STATE_PRINTING
                                    ? ENCLOSURE_FAN_RPM
                                    : 0;
}
