#ifndef HOTBED_MACHINE_THERMAL_H
#define HOTBED_MACHINE_THERMAL_H

#include <stdint.h>

#include "sim/machine/heater.h"

/* The lumped thermal model of printer-models.md 9.1 in closed form: a heated body that loses heat
 * to the room, and a sensor that follows the body with a first-order lag. */

/* The body's power at drive 1 may be less than the model's (a fault): `power_w`. */
struct thermal_input {
    double power_w;
    double drive; /* 0..1 */
    double fan;   /* 0..1 */
    double room_c;
};

/* Loss at `block_c` in W; `fan` and `room_c` as above. */
double thermal_loss_w(const struct model_heater *model, double block_c, double fan, double room_c);

/* Power that arrives at full drive and `block_c`: P * (V + U*T). */
double thermal_power_w(const struct model_heater *model, double power_w, double block_c);

/* Begin a curve at `start_us` from the given temperatures. */
void thermal_begin(struct heater_curve *curve, const struct model_heater *model, int64_t start_us,
                   double block_c, double sensor_c, const struct thermal_input *input);

/* Begin a curve on which the body approaches `target_c` with time constant `tau_s`, as a settled
 * regulator makes it. */
void thermal_begin_hold(struct heater_curve *curve, int64_t start_us, double block_c,
                        double sensor_c, double target_c, double tau_s);

/* At any instant not before the start: exact for a linear loss (9.2, PM-01); with a square term the
 * block is exact and the sensor a quadrature with an error below 1e-9 °C. */
double thermal_block_c(const struct heater_curve *curve, int64_t at_us);
double thermal_sensor_c(const struct heater_curve *curve, const struct model_heater *model,
                        int64_t at_us);

#endif
