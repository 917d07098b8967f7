#include "sim/machine/heater_internal.h"

#include <math.h>

#include "sim/machine/thermal.h"

/* The regulators of the two families: from a reading to a drive (printer-models.md 9.5). */

double heater_feed_forward(const struct heater *heater)
{
    const struct model_heater *model = heater->model;
    if (model->pid != PID_BUDDY || !model->feed_forward) {
        return 0;
    }
    return 255 * thermal_loss_w(model, heater->target_c, heater->fan, 21) / model->power_w;
}

static double regulate_mk3(struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    double error = heater->target_c - reading_c;
    double ki = model->ki * model->period_s;
    double before = heater->integral;
    double integral = ki > 0 ? fmin(fmax(before + error, 0), 255 / ki) : 0;
    heater->derivative = (float)((1 - model->derivative_keep) * (model->kd / model->period_s) *
                                     (reading_c - (double)heater->last_c) +
                                 model->derivative_keep * heater->derivative);
    double out = model->kp * error + ki * integral - heater->derivative;
    if ((out > 255 && error > 0) || (out < 0 && error < 0)) {
        integral = before;
    }
    heater->integral = (float)integral;
    return floor(floor(fmin(fmax(out, 0), 255)) / 2) / 127;
}

static double regulate_buddy(struct heater *heater, double reading_c)
{
    const struct model_heater *model = heater->model;
    double error = heater->target_c - reading_c;
    double ki = model->ki * model->period_s;
    /* Kept with the sign of the MK3's: rising readings are positive. */
    double change = model->kd / model->period_s * (reading_c - (double)heater->last_c);
    heater->derivative += (float)((1 - model->derivative_keep) * (change - heater->derivative));
    double out = model->kp * error + heater_feed_forward(heater);
    double with = out + ki * heater->integral;
    if (!(with < 0 && error < 0) && !(with > 255 && error > 0)) {
        heater->integral += (float)error;
    }
    out += ki * heater->integral - heater->derivative;
    return fmin(fmax(out, 0), 255) / 255;
}

double heater_regulate(struct heater *heater, double reading_c)
{
    return heater->model->pid == PID_MK3 ? regulate_mk3(heater, reading_c)
                                         : regulate_buddy(heater, reading_c);
}
