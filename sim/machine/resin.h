#ifndef HOTBED_MACHINE_RESIN_H
#define HOTBED_MACHINE_RESIN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/machine/machine.h"

/* What a resin printer has beyond what every machine has: cover, tank, tilt, tower, UV LED and the
 * course of an exposure (printer-models.md 8). It is a struct machine like any other; here are its
 * own readings and orders. machine_start_print(), machine_pause(), machine_resume(),
 * machine_stop(), machine_set_ready() and machine_user_confirms() mean the same as for others, see
 * below. */

/* Where a print is, with the firmware's own numbers (printer-models.md 8.2). */
enum resin_phase {
    RESIN_NO_PROJECT = -1,
    RESIN_INIT = 0,
    RESIN_READING_DATA = 1,
    RESIN_CONFIRM = 2, /* the project is open and waits for machine_confirm() */
    RESIN_CHECKS = 3,
    RESIN_PRINTING = 5,
    RESIN_GOING_UP = 6,
    RESIN_GOING_DOWN = 7,
    RESIN_WAITING = 8,
    RESIN_COVER_OPEN = 9,
    RESIN_FEED_ME = 10, /* low resin, or paused by somebody: waits for machine_confirm() */
    RESIN_FAILURE = 11,
    RESIN_STIRRING = 13,
    RESIN_PENDING_ACTION = 14, /* paused or cancelled: the layer in work is ended first */
    RESIN_FINISHED = 15,
    RESIN_STUCK = 16,
    RESIN_STUCK_RECOVERY = 17,
    RESIN_CHECK_WARNING = 22, /* machine_confirm() prints all the same, machine_stop() doesn't */
    RESIN_TILTING_DOWN = 24,
    RESIN_CANCELED = 26,
    RESIN_DONE = 27,
    RESIN_COOLING_DOWN = 28,
    RESIN_POUR_IN_RESIN = 29, /* waits for machine_confirm() */
    RESIN_HOMING_AXIS = 30,
};

/* The firmware's short form for others: cz.prusa3d.sl1.standard0, `state` (printer-models.md 8.4).
 */
enum resin_standard {
    RESIN_STANDARD_READY = 0,
    RESIN_STANDARD_SELECTED = 1,
    RESIN_STANDARD_PRINTING = 2,
    RESIN_STANDARD_POUR_IN_RESIN = 3,
    RESIN_STANDARD_BUSY = 5,
    RESIN_STANDARD_FEED_ME = 6,
    RESIN_STANDARD_ERROR = 9,
};

struct resin_readings {
    double uv_led_c, ambient_c, cpu_c;
    int uv_led_fan_rpm, blower_fan_rpm, rear_fan_rpm;
    int rear_fan_target_rpm;
    bool cover_closed, tank_inserted, calibrated;
    bool uv_led_on;
    double tower_mm; /* the platform above the tank's floor */
    int tilt_steps;  /* 0: down */
    double tank_ml;  /* the truth, which the printer knows only after measuring */
    enum resin_phase phase;
    enum resin_standard standard;
    int code; /* of the failure, or of the warning that is asked about: 10706; 0: none */
    /* Meaningful while `job`: from the opening of a project until its end is dismissed. What is
     * common to all printers (progress, times, layers) is in struct machine_readings, too. */
    bool job;
    uint32_t layer; /* in work, from 1; 0 before the first */
    uint32_t layer_count;
    double progress;     /* 0..1: finished layers */
    int64_t estimate_s;  /* all layers */
    int64_t remaining_s; /* of the layers that are not finished */
    int64_t elapsed_s;   /* since the first layer began */
    int64_t exposure_ms, exposure_first_ms, exposure_calibration_ms;
    int64_t layer_exposure_ms; /* of the layer in work, all regions */
    int user_profile;          /* 0 fast, 1 slow, 2 high viscosity */
    double layer_height_mm;
    double required_ml;  /* by the project */
    double remaining_ml; /* in the tank, as the printer reckons; -1: not measured */
    double consumed_ml;
    bool resin_low;
};

/* False: not a resin printer; `readings` is untouched then. */
bool machine_read_resin(struct machine *machine, struct resin_readings *readings);
bool machine_has_resin(const struct machine *machine); /* is it one? */
enum resin_phase machine_resin_phase(const struct machine *machine);
const char *resin_phase_name(enum resin_phase phase); /* "pour-in-resin"; "no-project" */
/* Why the last project or order was refused, a print failed or is asked about, as the firmware
 * numbers it (10113 not calibrated, 10506 not in this state, 10541 corrupted project, ...); 0: for
 * no such reason. */
int machine_resin_code(const struct machine *machine);

/* Open a project: READING_DATA, then CONFIRM. One that is already open and not confirmed is given
 * up for it. machine_start_print() opens and confirms in one. */
enum machine_refusal machine_open_project(struct machine *machine, const char *path,
                                          struct error *error);
/* "Continue", whoever says it: in CONFIRM, POUR_IN_RESIN, CHECK_WARNING, FEED_ME. machine_resume()
 * is the same in FEED_ME alone, machine_pause() in PRINTING asks for it (sla-fw:
 * slafw/api/standard0.py). */
enum machine_refusal machine_confirm(struct machine *machine);
/* Exposure times of the open project as somebody changes them, for the layers that come; a negative
 * value leaves what is. */
struct resin_exposure {
    int64_t exposure_ms, first_ms, calibration_ms;
    int user_profile;
};
/* Within the firmware's limits (printer-models.md 8.1). */
bool resin_exposure_good(const struct resin_exposure *exposure);
/* WRONG_STATE: no project is open, it is still being read, or its print is over. */
enum machine_refusal machine_set_exposure(struct machine *machine,
                                          const struct resin_exposure *exposure);
/* The layer that the panel has shown last, a fifth as wide and high, as a PNG, until the next print
 * begins (sla-fw: slafw/image/exposure_image.py). False: none. */
bool machine_live_picture(struct machine *machine, struct buffer *png);
/* In FEED_ME: somebody has filled the tank and says so. The printer then counts 200 ml. */
enum machine_refusal machine_refill(struct machine *machine);

/* What a person does at the printer. */
void machine_set_cover(struct machine *machine, bool closed);
void machine_set_tank(struct machine *machine, bool inserted);
void machine_set_resin(struct machine *machine,
                       double ml); /* pour in or out: so much is there now */
void machine_set_calibrated(struct machine *machine, bool calibrated);

#endif
