#include "sim/machine/thermal.h"

#include <math.h>
#include <stddef.h>

static double seconds(int64_t us)
{
    return (double)us * 1e-6;
}

/* K/W between the 16 steps of the print fan's soft PWM (printer-models.md 9.4). */
static double resistance_at(const struct model_heater *model, double fan)
{
    double level = fan * (MODEL_FAN_LEVELS - 1);
    int below = (int)level;
    if (below >= MODEL_FAN_LEVELS - 1) {
        return model->resistance_k_per_w[MODEL_FAN_LEVELS - 1];
    }
    double share = level - below;
    return model->resistance_k_per_w[below] * (1 - share) +
           model->resistance_k_per_w[below + 1] * share;
}

/* Loss = a*(T - room) + b*(T - room)^2. */
static void loss_terms(const struct model_heater *model, double fan, double *a, double *b)
{
    if (model->loss_a_w_per_k > 0) {
        double factor = sqrt(1 + fan * model->loss_fan_c);
        *a = model->loss_a_w_per_k * factor;
        *b = model->loss_b_w_per_k2 * (1 - fan) * factor;
    } else {
        *a = 1 / resistance_at(model, fan);
        *b = 0;
    }
}

double thermal_loss_w(const struct model_heater *model, double block_c, double fan, double room_c)
{
    double a;
    double b;
    loss_terms(model, fan, &a, &b);
    double above = block_c - room_c;
    return above * (a + above * b);
}

double thermal_power_w(const struct model_heater *model, double power_w, double block_c)
{
    return power_w * (model->power_offset + model->power_slope_per_k * block_c);
}

void thermal_begin(struct heater_curve *curve, const struct model_heater *model, int64_t start_us,
                   double block_c, double sensor_c, const struct thermal_input *input)
{
    double a;
    double b;
    loss_terms(model, input->fan, &a, &b);
    double power = input->power_w * input->drive;
    double gain = thermal_power_w(model, power, input->room_c); /* at T = room */
    a -= power * model->power_slope_per_k;
    *curve = (struct heater_curve){.start_us = start_us, .block_c = block_c, .sensor_c = sensor_c};
    if (b <= 0) {
        curve->t_inf_c = input->room_c + gain / a;
        curve->tau_s = model->capacity_j_per_k / a;
        curve->t_other_c = NAN;
        return;
    }
    /* C*x' = gain - a*x - b*x^2 is a Riccati equation with constant terms: two rest points and one
     * rate. */
    double root = sqrt(a * a + 4 * b * gain);
    curve->t_inf_c = input->room_c + 2 * gain / (a + root);
    curve->t_other_c = input->room_c - (a + root) / (2 * b);
    curve->tau_s = model->capacity_j_per_k / root;
}

void thermal_begin_hold(struct heater_curve *curve, int64_t start_us, double block_c,
                        double sensor_c, double target_c, double tau_s)
{
    *curve = (struct heater_curve){.start_us = start_us,
                                   .block_c = block_c,
                                   .sensor_c = sensor_c,
                                   .t_inf_c = target_c,
                                   .tau_s = tau_s,
                                   .t_other_c = NAN};
}

static double block_after(const struct heater_curve *curve, double h)
{
    double e = exp(-h / curve->tau_s);
    double above = curve->block_c - curve->t_inf_c;
    if (isnan(curve->t_other_c)) {
        return curve->t_inf_c + above * e;
    }
    double ratio = above / (curve->block_c - curve->t_other_c) * e;
    return curve->t_inf_c + (curve->t_inf_c - curve->t_other_c) * ratio / (1 - ratio);
}

double thermal_block_c(const struct heater_curve *curve, int64_t at_us)
{
    return block_after(curve, seconds(at_us - curve->start_us));
}

/* The sensor behind a body with square loss: the convolution of the body's curve with the sensor's
 * lag. What lies more than 40 lags back has faded below the last bit. */
static double sensor_by_quadrature(const struct heater_curve *curve, double tau_s, double h)
{
    static const double nodes[] = {-0.9061798459386640, -0.5384693101056831, 0, 0.5384693101056831,
                                   0.9061798459386640};
    static const double weights[] = {0.2369268850561891, 0.4786286704993665, 0.5688888888888889,
                                     0.4786286704993665, 0.2369268850561891};
    static const double nothing_c = 1e-10;
    double window = fmin(h, 40 * tau_s);
    /* The body comes ever closer to its rest point: one that was there all along, as that of a
     * printer that stands idle is, adds nothing. */
    if (fabs(block_after(curve, h - window) - curve->t_inf_c) < nothing_c) {
        return curve->t_inf_c + (curve->sensor_c - curve->t_inf_c) * exp(-h / tau_s);
    }
    int panels = (int)ceil(window / tau_s);
    double half = panels > 0 ? window / panels / 2 : 0;
    double sum = 0;
    for (int panel = 0; panel < panels; panel++) {
        double middle = h - window + half * (2 * panel + 1);
        for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
            double at = middle + half * nodes[i];
            /* The distance from the rest point: what the sensor sees of that point itself is known
             * exactly. */
            sum += weights[i] * (block_after(curve, at) - curve->t_inf_c) * exp((at - h) / tau_s);
        }
    }
    return curve->t_inf_c + (curve->sensor_c - curve->t_inf_c) * exp(-h / tau_s) +
           sum * half / tau_s;
}

double thermal_sensor_c(const struct heater_curve *curve, const struct model_heater *model,
                        int64_t at_us)
{
    double h = seconds(at_us - curve->start_us);
    double tau_s = model->sensor_time_s;
    if (!isnan(curve->t_other_c)) {
        return sensor_by_quadrature(curve, tau_s, h);
    }
    double tau = curve->tau_s;
    double e = exp(-h / tau);
    double es = exp(-h / tau_s);
    double above = curve->block_c - curve->t_inf_c;
    double lag = fabs(tau - tau_s) < 1e-6 * tau ? h / tau * e : tau / (tau - tau_s) * (e - es);
    return curve->t_inf_c + (curve->sensor_c - curve->t_inf_c) * es + above * lag;
}
