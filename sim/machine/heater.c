#include "sim/machine/heater.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "sim/machine/heater_internal.h"
#include "sim/machine/heater_watch.h"
#include "sim/machine/thermal.h"

/* A heater in time: the curve that it is on, who drives it, what others set and are told. */

/* Body and sensor within this of the target, for so long, is a settled loop. The loops of
 * printer-models.md 9.5 move by less than half of it once they are there. */
static const double SETTLED_C = 0.3;
static const double SETTLED_S = 10;
/* What is left of the deviation then fades at this pace. */
static const double HOLD_TAU_S = 15;
/* Body this close to the end of its curve at a pinned drive is at rest. */
static const double REST_C = 0.02;
/* A loop that still swings after four hours is taken for settled where it is, or a badly tuned one
 * (a model of one's own) would be stepped for ever; when it is further off than this, its drive is.
 */
static const double SWING_LIMIT_S = 14400;
static const double SWING_C = 25;

static double power_of(const struct heater *heater)
{
    switch (heater->fault) {
    case HEATER_FAULT_DEAD:
        return 0;
    case HEATER_FAULT_HALF:
        return heater->model->power_w / 2;
    default:
        return heater->model->power_w;
    }
}

/* -- curves and modes -- */

static double hold_drive(const struct heater *heater, int64_t at_us)
{
    const struct heater_curve *curve = &heater->curve;
    double block_c = thermal_block_c(curve, at_us);
    double full_w = thermal_power_w(heater->model, power_of(heater), block_c);
    double rising_w = heater->model->capacity_j_per_k * (curve->t_inf_c - block_c) / curve->tau_s;
    double needed_w =
        rising_w + thermal_loss_w(heater->model, block_c, heater->fan, heater->room_c);
    return full_w > 0 ? fmin(fmax(needed_w / full_w, 0), 1) : 0;
}

static void begin_curve(struct heater *heater, int64_t at_us)
{
    double block_c = thermal_block_c(&heater->curve, at_us);
    double sensor_c = thermal_sensor_c(&heater->curve, heater->model, at_us);
    heater_keep_history(heater, at_us);
    if (heater->mode == MODE_HOLD) {
        thermal_begin_hold(&heater->curve, at_us, block_c, sensor_c, heater->target_c, HOLD_TAU_S);
        return;
    }
    struct thermal_input input = {power_of(heater), heater->drive, heater->fan, heater->room_c};
    thermal_begin(&heater->curve, heater->model, at_us, block_c, sensor_c, &input);
}

static void switch_off(struct heater *heater, int64_t at_us)
{
    heater->mode = MODE_OFF;
    heater->drive = 0;
    heater->warned = false;
    begin_curve(heater, at_us);
}

/* Give the loop back to the regulator, in the state in which it would be had it held the drive all
 * the time. */
static void regulate_from(struct heater *heater, int64_t at_us)
{
    heater->calm = 0;
    heater->disturbed_sample = (int32_t)heater_floor_div(at_us, heater_period_us(heater));
    if (heater->mode == MODE_REGULATING) {
        begin_curve(heater, at_us);
        return;
    }
    const struct model_heater *model = heater->model;
    heater->integral = 0;
    if (heater->mode == MODE_HOLD) {
        heater->drive = (float)hold_drive(heater, at_us);
        double out =
            heater->drive * (model->pid == PID_MK3 ? 254 : 255) - heater_feed_forward(heater);
        heater->integral = model->ki > 0 ? (float)(out / (model->ki * model->period_s)) : 0;
    }
    heater->sample = heater_floor_div(at_us, heater_period_us(heater));
    heater->last_c = (float)heater_measured_c(heater, heater->sample * heater_period_us(heater));
    double slope =
        (thermal_block_c(&heater->curve, at_us) - thermal_sensor_c(&heater->curve, model, at_us)) /
        model->sensor_time_s;
    heater->derivative = (float)(model->kd * slope);
    heater_watch_settle(heater, slope);
    heater->mode = MODE_REGULATING;
    begin_curve(heater, at_us);
}

/* -- once per period (9.5) -- */

/* "From the side it started on": a target that is passed counts (mk3-serial.md 5.5). */
static void watch_wait(struct heater *heater, int64_t at_us, double reading_c)
{
    if (heater->wait == HEATER_WAIT_NONE) {
        return;
    }
    const struct model_heater *model = heater->model;
    double shown = round(reading_c * 10) / 10;
    if (heater->wait_since_us == INT64_MAX) {
        bool near = heater->wait_from_above ? shown <= heater->target_c + model->wait_window_c
                                            : shown >= heater->target_c - model->wait_window_c;
        heater->wait_since_us = near ? at_us : INT64_MAX;
    } else if (model->wait_hold_s > 0 &&
               at_us - heater->wait_since_us < llround(model->wait_hold_s * 1e6) &&
               fabs(shown - heater->target_c) > model->wait_restart_c) {
        heater->wait_since_us = at_us;
    }
}

/* Whether the loop needs no more regulating: sets the mode and begins its curve. */
static void settle(struct heater *heater, int64_t at_us, double reading_c)
{
    double block_c = thermal_block_c(&heater->curve, at_us);
    double sensor_c = thermal_sensor_c(&heater->curve, heater->model, at_us);
    bool believable =
        heater->fault != HEATER_FAULT_SENSOR_OPEN && heater->fault != HEATER_FAULT_SENSOR_SHORT;
    bool near = believable && fabs(block_c - heater->target_c) < SETTLED_C &&
                fabs(sensor_c - heater->target_c) < SETTLED_C;
    heater->calm = near ? (uint16_t)(heater->calm + 1) : 0;
    bool pinned = heater->drive <= 0 || heater->drive >= 1;
    bool at_rest = pinned && fabs(block_c - heater->curve.t_inf_c) < REST_C &&
                   fabs(sensor_c - block_c) < REST_C;
    double since_s = (double)(heater->sample - heater->disturbed_sample) * heater->model->period_s;
    bool swings = since_s > SWING_LIMIT_S;
    if (!swings && !heater_watch_quiet(heater, reading_c)) {
        return;
    }
    if (heater->calm * heater->model->period_s >= SETTLED_S ||
        (swings && fabs(block_c - heater->target_c) < SWING_C)) {
        heater->mode = MODE_HOLD;
        heater->warned = false;
        begin_curve(heater, at_us);
        if (heater->wait_since_us == INT64_MAX) {
            heater->wait_since_us = at_us; /* nearer it will not come */
        }
    } else if (swings || at_rest) {
        heater->mode = MODE_PINNED;
    }
}

void heater_step(struct heater *heater)
{
    heater->sample++;
    int64_t at_us = heater->sample * heater_period_us(heater);
    double reading_c = heater_measured_c(heater, at_us);
    if (heater_watch_sample(heater, reading_c)) {
        heater->wait_since_us = INT64_MAX;
        switch_off(heater, at_us);
        return;
    }
    if (heater->target_c <= 0) { /* somebody wanted the sensor looked at, no more */
        heater->mode = MODE_OFF;
        return;
    }
    watch_wait(heater, at_us, reading_c);
    double drive = heater_regulate(heater, reading_c);
    heater->last_c = (float)reading_c;
    if ((float)drive != heater->drive) {
        heater->drive = (float)drive;
        begin_curve(heater, at_us);
    }
    settle(heater, at_us, reading_c);
}

/* -- what others see -- */

void heater_init(struct heater *heater, const struct model_heater *model, uint64_t seed,
                 double room_c, int64_t now_us)
{
    assert(now_us >= 0);
    *heater = (struct heater){
        .model = model, .now_us = now_us, .room_c = (float)room_c, .mode = MODE_OFF};
    heater->seed = (uint32_t)(seed ^ (seed >> 32));
    heater->sample = heater_floor_div(now_us, heater_period_us(heater));
    heater->disturbed_sample = (int32_t)heater->sample;
    heater->next_us = INT64_MIN;
    heater->wait_since_us = INT64_MAX;
    heater_fill_history(heater, room_c);
    struct thermal_input input = {model->power_w, 0, 0, heater->room_c};
    thermal_begin(&heater->curve, model, now_us, heater->room_c, heater->room_c, &input);
}

void heater_advance(struct heater *heater, int64_t now_us)
{
    assert(now_us >= heater->now_us);
    if (heater->mode == MODE_REGULATING) {
        int64_t last = heater_floor_div(now_us, heater_period_us(heater));
        while (heater->sample < last && heater->mode == MODE_REGULATING) {
            heater_step(heater);
        }
    }
    heater->now_us = now_us;
}

/* Something is about to be changed from outside: what was foreseen no longer holds. */
static void change(struct heater *heater, int64_t now_us)
{
    heater_advance(heater, now_us);
    heater->next_us = INT64_MIN;
}

double heater_set_target(struct heater *heater, int64_t now_us, double target_c)
{
    change(heater, now_us);
    const struct model_heater *model = heater->model;
    if (!(target_c > 0)) {
        target_c = 0;
    }
    if (model->settable_max_c > 0 && target_c > model->settable_max_c) {
        target_c = model->settable_max_c;
    }
    if (heater->alarm != HEATER_FINE || target_c == heater->target_c) {
        return heater_target(heater);
    }
    bool was_off = heater->target_c <= 0;
    if (target_c <= 0) {
        heater->target_c = 0;
        switch_off(heater, now_us);
        return 0;
    }
    regulate_from(heater, now_us);
    heater->target_c = target_c;
    double reading_c = heater_measured_c(heater, now_us);
    heater->wait_since_us = INT64_MAX;
    heater->wait_from_above = reading_c > target_c;
    heater_watch_begin(heater, reading_c, was_off);
    return target_c;
}

/* Something is about to change that a settled loop must answer to: the regulator takes over with
 * the drive of before. */
static void disturb(struct heater *heater, int64_t now_us)
{
    if (heater->alarm == HEATER_FINE && heater->mode != MODE_OFF) {
        regulate_from(heater, now_us);
    }
}

void heater_set_fan(struct heater *heater, int64_t now_us, double share)
{
    change(heater, now_us);
    float fan = (float)fmin(fmax(share, 0), 1);
    if (fan == heater->fan) {
        return;
    }
    double before_w =
        thermal_loss_w(heater->model, heater->room_c + 100, heater->fan, heater->room_c);
    double after_w = thermal_loss_w(heater->model, heater->room_c + 100, fan, heater->room_c);
    if (before_w == after_w) { /* a bed does not feel it */
        heater->fan = fan;
        return;
    }
    disturb(heater, now_us);
    heater->fan = fan;
    begin_curve(heater, now_us);
}

void heater_set_room(struct heater *heater, int64_t now_us, double room_c)
{
    change(heater, now_us);
    if ((float)room_c != heater->room_c) {
        disturb(heater, now_us);
        heater->room_c = (float)room_c;
        begin_curve(heater, now_us);
    }
}

void heater_set_fault(struct heater *heater, int64_t now_us, enum heater_fault fault)
{
    change(heater, now_us);
    if (heater->fault == fault) {
        return;
    }
    bool sensor = fault == HEATER_FAULT_SENSOR_OPEN || fault == HEATER_FAULT_SENSOR_SHORT;
    if (sensor && heater->alarm == HEATER_FINE && heater->mode == MODE_OFF) {
        regulate_from(heater, now_us); /* the next sample finds out */
    } else {
        disturb(heater, now_us);
    }
    heater->fault = (uint8_t)fault;
    begin_curve(heater, now_us);
}

void heater_reset(struct heater *heater, int64_t now_us)
{
    change(heater, now_us);
    heater->alarm = HEATER_FINE;
    heater->target_c = 0;
    heater->wait = HEATER_WAIT_NONE;
    heater->wait_since_us = INT64_MAX;
    switch_off(heater, now_us);
    if (heater->fault == HEATER_FAULT_SENSOR_OPEN || heater->fault == HEATER_FAULT_SENSOR_SHORT) {
        regulate_from(heater, now_us);
    }
}

void heater_recover(struct heater *heater, int64_t now_us)
{
    change(heater, now_us);
    if (heater->alarm != HEATER_ANOMALY) {
        return;
    }
    double target_c = heater->target_c;
    heater->alarm = HEATER_FINE;
    heater->target_c = 0;
    heater_set_target(heater, now_us, target_c);
}

void heater_wait(struct heater *heater, int64_t now_us, enum heater_wait wait)
{
    change(heater, now_us);
    heater->wait = (uint8_t)wait;
    heater->wait_since_us = INT64_MAX;
    double reading_c = heater_reading(heater);
    heater->wait_from_above = reading_c > heater->target_c;
    if (wait == HEATER_WAIT_HEATING && heater->wait_from_above) {
        heater->wait = HEATER_WAIT_NONE;
    } else if (heater->mode == MODE_HOLD) {
        heater->wait_since_us = now_us;
    } else {
        watch_wait(heater, now_us, reading_c);
    }
}

double heater_reading(const struct heater *heater)
{
    return round(heater_measured_c(heater, heater->now_us) * 10) / 10;
}

double heater_block_c(const struct heater *heater)
{
    return thermal_block_c(&heater->curve, heater->now_us);
}

double heater_target(const struct heater *heater)
{
    return heater->alarm == HEATER_FINE ? heater->target_c : 0;
}

double heater_drive(const struct heater *heater)
{
    return heater->mode == MODE_HOLD ? hold_drive(heater, heater->now_us) : (double)heater->drive;
}

int heater_power(const struct heater *heater)
{
    return (int)lround(heater_drive(heater) * 127);
}

enum heater_alarm heater_alarm(const struct heater *heater)
{
    return (enum heater_alarm)heater->alarm;
}

bool heater_warning(const struct heater *heater, double *difference_k_s)
{
    if (difference_k_s != NULL) {
        *difference_k_s = heater->watch.anomaly_k_s;
    }
    return heater->warned;
}

bool heater_reached(const struct heater *heater)
{
    if (heater->wait == HEATER_WAIT_NONE || heater->target_c <= 0) {
        return true;
    }
    return heater->wait_since_us != INT64_MAX &&
           heater->now_us - heater->wait_since_us >= llround(heater->model->wait_hold_s * 1e6);
}

int heater_wait_left_s(const struct heater *heater)
{
    if (heater_reached(heater)) {
        return 0;
    }
    if (heater->wait_since_us == INT64_MAX) {
        return -1;
    }
    int64_t left_us =
        heater->wait_since_us + llround(heater->model->wait_hold_s * 1e6) - heater->now_us;
    return (int)(left_us / 1000000);
}

const char *heater_alarm_name(enum heater_alarm alarm)
{
    static const char *const names[] = {"fine",    "mintemp", "maxtemp",
                                        "preheat", "runaway", "anomaly"};
    return names[alarm];
}
