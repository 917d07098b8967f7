#include "sim/machine/heater_watch.h"

#include <math.h>

#include "sim/machine/thermal.h"

/* WATCH_COLD: set, but neither near the target nor supervised; WATCH_PREHEAT: must rise;
 * WATCH_ARMED: was near the target and must stay there. */
enum { WATCH_COLD, WATCH_PREHEAT, WATCH_ARMED };

/* The MK3 looks "more than 2000 ms since the last time" in a cycle of 0.27 s: every eighth
 * sample, 2.16 s (2.2). */
enum { MK3_CHECK_SAMPLES = 8 };

/* Share of a sample in the smoothed difference of the observer: 5.3 s (2.1). */
static const double ANOMALY_SHARE = 0.05;

void heater_watch_begin(struct heater *heater, double reading_c, bool switched_on)
{
    struct heater_watch *watch = &heater->watch;
    watch->phase = heater->model->watch_windows > 0 && reading_c < heater->target_c ? WATCH_PREHEAT
                                                                                    : WATCH_COLD;
    watch->since_sample = INT32_MAX;
    watch->start_sample = (int32_t)heater->sample;
    if (switched_on) {
        watch->on_sample = (int32_t)heater->sample;
    }
    watch->from_c = (float)reading_c;
    watch->outside = 0;
    watch->failed = 0;
}

static int lag_samples(const struct model_heater *model)
{
    return (int)lround(model->observer.lag_s / model->period_s);
}

void heater_watch_settle(struct heater *heater, double slope_k_s)
{
    struct heater_watch *watch = &heater->watch;
    watch->anomaly_k_s = 0;
    watch->expected_k = (float)(slope_k_s * heater->model->period_s);
    for (int i = 0; i < HEATER_LAG_MAX; i++) {
        watch->lag[i] = watch->expected_k;
    }
}

/* MK3's model of the hot end: what the drive should do to the reading, as late and as smooth as the
 * sensor shows it, against what it did (2.1). heater->last_c and heater->drive are those of the
 * sample before. */
static bool observe(struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    struct heater_watch *watch = &heater->watch;
    double power = heater->drive * thermal_power_w(model, model->power_w, reading_c);
    double loss = thermal_loss_w(model, reading_c, heater->fan, heater->room_c);
    double expected = (power - loss) * model->period_s / model->capacity_j_per_k;
    watch->expected_k += (float)(model->observer.filter * (expected - watch->expected_k));
    int lag = lag_samples(model);
    float delayed = watch->expected_k;
    if (lag > 0) {
        float *slot = &watch->lag[heater->sample % lag];
        delayed = *slot;
        *slot = watch->expected_k;
    }
    double difference = (reading_c - heater->last_c - delayed) / model->period_s;
    watch->anomaly_k_s += (float)(ANOMALY_SHARE * (difference - watch->anomaly_k_s));
    heater->warned = fabs(watch->anomaly_k_s) > model->observer.warn_k_s;
    return fabs(watch->anomaly_k_s) > model->observer.error_k_s;
}

static double rise_wanted(const struct model_heater *model, double reading_c)
{
    if (model->watch_slowest_from_c > 0 && reading_c >= model->watch_slowest_from_c) {
        return model->watch_rise_slowest_c;
    }
    if (model->watch_slow_from_c > 0 && reading_c >= model->watch_slow_from_c) {
        return model->watch_rise_slow_c;
    }
    return model->watch_rise_c;
}

/* MK3: below the target each window must bring a rise; once near the target, so many checks in a
 * row outside of the hysteresis with the heater on are a runaway. */
static enum heater_alarm check_mk3(struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    struct heater_watch *watch = &heater->watch;
    int64_t since = heater->sample - watch->start_sample;
    if (since <= 0 || since % MK3_CHECK_SAMPLES != 0) {
        return HEATER_FINE;
    }
    bool near = fabs(reading_c - heater->target_c) <= model->runaway_hysteresis_c;
    if (watch->phase != WATCH_ARMED && near) {
        watch->phase = WATCH_ARMED;
    }
    if (watch->phase == WATCH_PREHEAT) {
        int64_t window = MK3_CHECK_SAMPLES *
                         llround(model->watch_period_s / model->period_s / MK3_CHECK_SAMPLES);
        if (since % window == 0) {
            bool rose = reading_c - (double)watch->from_c >= rise_wanted(model, reading_c);
            watch->failed = rose ? 0 : (uint8_t)(watch->failed + 1);
            watch->from_c = (float)reading_c;
        }
        return watch->failed >= model->watch_windows ? HEATER_PREHEAT : HEATER_FINE;
    }
    if (watch->phase != WATCH_ARMED || model->runaway_period_s <= 0) {
        return HEATER_FINE;
    }
    watch->outside = near || heater->drive <= 0 ? 0 : (uint16_t)(watch->outside + 1);
    double outside_s = watch->outside * MK3_CHECK_SAMPLES * model->period_s;
    return outside_s >= model->runaway_period_s - model->period_s ? HEATER_RUNAWAY : HEATER_FINE;
}

/* Marlin's watch and runaway (printer-models.md 3). The watch ends when the target is nearly
 * reached. */
static enum heater_alarm check_buddy(struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    struct heater_watch *watch = &heater->watch;
    int32_t now = (int32_t)heater->sample;
    double since_s =
        (now - (double)watch->since_sample) * model->period_s; /* negative: not counting */
    if (watch->phase != WATCH_ARMED && reading_c >= heater->target_c) {
        watch->phase = WATCH_ARMED;
        watch->since_sample = INT32_MAX;
    }
    if (watch->phase == WATCH_PREHEAT) {
        double nearly = heater->target_c - (model->watch_rise_c + model->wait_restart_c + 1);
        if (reading_c >= nearly) {
            watch->phase = WATCH_COLD;
            watch->since_sample = INT32_MAX;
        } else if (watch->since_sample == INT32_MAX) {
            watch->since_sample = now;
            watch->from_c = (float)reading_c;
        } else if (since_s >= model->watch_period_s) {
            bool rose = reading_c - (double)watch->from_c >= model->watch_rise_c;
            watch->failed = rose ? 0 : (uint8_t)(watch->failed + 1);
            watch->since_sample = now;
            watch->from_c = (float)reading_c;
        }
        return watch->failed >= model->watch_windows ? HEATER_PREHEAT : HEATER_FINE;
    }
    if (watch->phase != WATCH_ARMED || model->runaway_period_s <= 0) {
        return HEATER_FINE;
    }
    if (reading_c >= heater->target_c - model->runaway_hysteresis_c) {
        watch->since_sample = INT32_MAX;
    } else if (watch->since_sample == INT32_MAX) {
        watch->since_sample = now;
    }
    return watch->since_sample != INT32_MAX && since_s >= model->runaway_period_s ? HEATER_RUNAWAY
                                                                                  : HEATER_FINE;
}

/* In a room colder than the limit the sensor is only believed some time after the heater was
 * switched on (2). */
static bool too_cold(const struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    if (reading_c >= model->min_c) {
        return false;
    }
    if ((double)heater->room_c >= model->min_c) {
        return true;
    }
    double on_s = (double)(heater->sample - heater->watch.on_sample) * model->period_s;
    return heater->target_c > 0 && on_s > model->min_delay_s;
}

bool heater_watch_sample(struct heater *heater, double reading_c)
{
    enum heater_alarm alarm = HEATER_FINE;
    if (reading_c > heater->model->max_c) {
        alarm = HEATER_MAX_TEMP;
    } else if (too_cold(heater, reading_c)) {
        alarm = HEATER_MIN_TEMP;
    } else if (heater->target_c > 0) {
        if (heater->model->observer.error_k_s > 0 && observe(heater, reading_c)) {
            alarm = HEATER_ANOMALY;
        } else {
            alarm = heater->model->pid == PID_MK3 ? check_mk3(heater, reading_c)
                                                  : check_buddy(heater, reading_c);
        }
    }
    heater->alarm = (uint8_t)alarm;
    return alarm != HEATER_FINE;
}

bool heater_watch_quiet(const struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    const struct heater_watch *watch = &heater->watch;
    if (watch->phase == WATCH_PREHEAT) {
        return reading_c >= heater->target_c;
    }
    if (reading_c < model->min_c && !too_cold(heater, reading_c)) {
        return false; /* the delay runs */
    }
    if (watch->phase == WATCH_COLD || model->runaway_period_s <= 0 || heater->drive <= 0) {
        return true;
    }
    return fabs(reading_c - heater->target_c) <= model->runaway_hysteresis_c;
}
