#include "sim/machine/heater_internal.h"

#include <math.h>

#include "sim/base/random.h"
#include "sim/machine/thermal.h"

/* What a heater's sensor says: late, noisy, and wrong when it is broken (printer-models.md 9.2). */

static uint16_t *history_slot(struct heater *heater, int64_t sample)
{
    int64_t slot = sample % HEATER_HISTORY;
    return &heater->history[slot < 0 ? slot + HEATER_HISTORY : slot];
}

static double history_c(const struct heater *heater, int64_t sample)
{
    int64_t slot = sample % HEATER_HISTORY;
    return heater->history[slot < 0 ? slot + HEATER_HISTORY : slot] / 128.0 - 100;
}

static uint16_t history_from_c(double sensor_c)
{
    return (uint16_t)lround((fmin(fmax(sensor_c, -100), 411) + 100) * 128);
}

void heater_fill_history(struct heater *heater, double sensor_c)
{
    for (int i = 0; i < HEATER_HISTORY; i++) {
        heater->history[i] = history_from_c(sensor_c);
    }
}

void heater_keep_history(struct heater *heater, int64_t at_us)
{
    int64_t period = heater_period_us(heater);
    int64_t last = heater_floor_div(at_us - 1, period);
    int64_t first = heater_floor_div(heater->curve.start_us - 1, period) + 1;
    first = first > last - HEATER_HISTORY + 1 ? first : last - HEATER_HISTORY + 1;
    for (int64_t sample = first; sample <= last; sample++) {
        double sensor_c = thermal_sensor_c(&heater->curve, heater->model, sample * period);
        *history_slot(heater, sample) = history_from_c(sensor_c);
    }
}

/* Linear between samples before the curve (9.2). */
double heater_delayed_c(const struct heater *heater, int64_t at_us)
{
    int64_t then_us = at_us - llround(heater->model->delay_s * 1e6);
    const struct heater_curve *curve = &heater->curve;
    if (then_us >= curve->start_us) {
        return thermal_sensor_c(curve, heater->model, then_us);
    }
    int64_t period = heater_period_us(heater);
    int64_t sample = heater_floor_div(then_us, period);
    int64_t next_us = (sample + 1) * period;
    double next_c = curve->sensor_c;
    if (next_us >= curve->start_us) {
        next_us = curve->start_us;
    } else {
        next_c = history_c(heater, sample + 1);
    }
    double share = (double)(then_us - sample * period) / (double)(next_us - sample * period);
    return history_c(heater, sample) * (1 - share) + next_c * share;
}

double heater_measured_c(const struct heater *heater, int64_t at_us)
{
    if (heater->fault == HEATER_FAULT_SENSOR_OPEN) {
        return heater->model->open_c;
    }
    if (heater->fault == HEATER_FAULT_SENSOR_SHORT) {
        return heater->model->short_c;
    }
    double noise_c = 0;
    if (heater->model->noise_c > 0) {
        struct random random =
            random_of(heater->seed, (uint64_t)heater_floor_div(at_us, heater_period_us(heater)));
        noise_c = heater->model->noise_c * random_normal(&random);
    }
    return heater_delayed_c(heater, at_us) + noise_c;
}
