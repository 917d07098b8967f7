#ifndef HOTBED_MACHINE_HEATER_H
#define HOTBED_MACHINE_HEATER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/model.h"

/* A heater with its body, sensor, regulator and protections (printer-models.md 2, 9). Temperatures
 * are exact solutions of the lumped model, not integrated: between two changes of drive or cooling
 * a heater is one curve, so asking after a second or six hours costs the same and gives the same,
 * bit for bit, whoever asked in between.
 *
 * Only while a regulator has work to do (heating up, after a change of cooling) is it stepped at
 * its own period. A loop that has settled holds its target from then on in closed form, as does one
 * that is off, or pinned at no or full drive.
 *
 * Whoever owns a heater arms one timer at heater_next_us() after each change, calls
 * heater_advance() when it fires and looks at heater_alarm(), heater_warning() and
 * heater_reached(). An idle heater needs no timer. */

enum heater_alarm {
    HEATER_FINE,
    HEATER_MIN_TEMP,
    HEATER_MAX_TEMP,
    HEATER_PREHEAT, /* heats too slowly */
    HEATER_RUNAWAY, /* left its target */
    HEATER_ANOMALY, /* power and temperature don't fit; recoverable on the MK3 */
};

enum heater_fault {
    HEATER_FAULT_NONE,
    HEATER_FAULT_DEAD, /* no power arrives */
    HEATER_FAULT_HALF, /* half of it does */
    HEATER_FAULT_SENSOR_OPEN,
    HEATER_FAULT_SENSOR_SHORT,
};

enum heater_wait {
    HEATER_WAIT_NONE,
    HEATER_WAIT_HEATING, /* M190 S: no waiting when already hotter */
    HEATER_WAIT_BOTH,    /* M109, M190 R */
};

enum {
    HEATER_HISTORY = 24,
    HEATER_LAG_MAX = 8
}; /* samples of the delay line and of the observer's */

/* One stretch of time with one solution: T - t_inf falls by the factor e every tau_s, or, where the
 * loss has a square term, (T - t_inf)/(T - t_other) does. */
struct heater_curve {
    int64_t start_us;
    double block_c, sensor_c; /* at start_us */
    double t_inf_c, tau_s;
    double t_other_c; /* NAN: the loss is linear */
};

/* What the protections remember (heater_watch.c). */
struct heater_watch {
    int32_t
        since_sample; /* PID_BUDDY: start of the window, or of being too cold; INT32_MAX: neither */
    int32_t start_sample; /* PID_MK3: the grid of its checks */
    int32_t on_sample;    /* when it was switched on */
    float from_c;         /* reading at the start of the window */
    float anomaly_k_s;    /* the observer's smoothed difference */
    float expected_k;     /* its smoothed expectation per sample */
    float lag[HEATER_LAG_MAX];
    uint16_t outside; /* checks in a row */
    uint8_t failed;   /* windows in a row */
    uint8_t phase;
};

struct heater {
    const struct model_heater *model; /* not owned */
    int64_t now_us;
    int64_t sample; /* the last one that the regulator has seen; at sample * period */
    struct heater_curve curve;
    double target_c;       /* 0: off */
    int64_t next_us;       /* what heater_next_us() has found out; INT64_MIN: must look */
    int64_t wait_since_us; /* the reading came near; INT64_MAX: not yet */
    struct heater_watch watch;
    float room_c, fan, drive; /* fan and drive: 0..1 */
    float integral, derivative, last_c;
    uint32_t seed;
    int32_t disturbed_sample; /* last change from outside */
    uint16_t calm;            /* samples in a row that looked settled */
    uint8_t mode, fault, alarm, wait;
    bool wait_from_above, warned;
    uint16_t
        history[HEATER_HISTORY]; /* sensor at the samples before curve.start_us: (°C + 100) * 128 */
};

/* At room temperature, off. `seed` is the noise's and differs per heater. The model outlives the
 * heater. */
void heater_init(struct heater *heater, const struct model_heater *model, uint64_t seed,
                 double room_c, int64_t now_us);

/* What follows changes something at `now_us`, which is never before that of an earlier call; each
 * advances first. Targets are °C, 0 is off; above the model's settable maximum they are clipped.
 * Returns the target as taken. */
double heater_set_target(struct heater *heater, int64_t now_us, double target_c);
void heater_set_fan(struct heater *heater, int64_t now_us,
                    double share); /* print fan over the nozzle, 0..1 */
void heater_set_room(struct heater *heater, int64_t now_us, double room_c);
void heater_set_fault(struct heater *heater, int64_t now_us, enum heater_fault fault);
/* Back to the cold start of the firmware: target 0, no alarm, no wait. Temperatures and faults
 * stay. */
void heater_reset(struct heater *heater, int64_t now_us);
/* Take back a recoverable alarm (HEATER_ANOMALY): the target stays as it was and is regulated
 * again. */
void heater_recover(struct heater *heater, int64_t now_us);

/* Begin to wait for the target "reached and held" (mk3-serial.md 5.5); HEATER_WAIT_NONE gives the
 * wait up. */
void heater_wait(struct heater *heater, int64_t now_us, enum heater_wait wait);

/* Let time pass. Any step costs the same but for transients, which are bounded. */
void heater_advance(struct heater *heater, int64_t now_us);

/* As of the last advance. */
double
heater_reading(const struct heater *heater); /* what the firmware shows, °C on a grid of 0.1 */
double heater_block_c(const struct heater *heater); /* the truth */
double heater_target(const struct heater *heater);  /* as the firmware shows it: 0 after an alarm */
double heater_drive(const struct heater *heater);   /* 0..1 */
int heater_power(const struct heater *heater);      /* as in "@:", 0..127 */
enum heater_alarm heater_alarm(const struct heater *heater); /* latched; the heater is off since */
bool heater_warning(const struct heater *heater,
                    double *difference_k_s);      /* the observer is above its lower limit */
bool heater_reached(const struct heater *heater); /* the wait is over, or there is none */
int heater_wait_left_s(
    const struct heater *heater); /* "W:" of M109; -1: not within the window yet, "W:?" */

/* When somebody must look again: the exact instant of the next alarm, warning or end of the wait if
 * nothing changes. INT64_MAX: never. Found by living through what comes once, and remembered until
 * something changes. */
int64_t heater_next_us(const struct heater *heater);

/* The next instant at which the shown reading, its noise left out, comes to lie on the other side
 * of `level_c` (a value of exactly that is below); INT64_MAX: never. Not remembered: ask once per
 * change. */
int64_t heater_crossing_us(const struct heater *heater, double level_c);

const char *heater_alarm_name(enum heater_alarm alarm); /* "preheat" */

#endif
