#ifndef HOTBED_MACHINE_HEATER_INTERNAL_H
#define HOTBED_MACHINE_HEATER_INTERNAL_H

#include <math.h>
#include <stdint.h>

#include "sim/machine/heater.h"

/* Shared by the parts of a heater: heater.c, its sensor, its regulator and its foresight. Nobody
 * else includes this. */

/* OFF: no drive. HOLD: the loop has settled and keeps its target. PINNED: the drive stays at none
 * or all of it and the body has come to rest. These three are one curve however long they last.
 * REGULATING: the regulator is stepped at its period, and only this mode needs anybody's attention.
 */
enum { MODE_OFF, MODE_REGULATING, MODE_HOLD, MODE_PINNED };

static inline int64_t heater_period_us(const struct heater *heater)
{
    return llround(heater->model->period_s * 1e6);
}

static inline int64_t heater_floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* One sample of the regulator and all that watches; only while MODE_REGULATING. */
void heater_step(struct heater *heater);

/* The delay line holds the sensor at the samples before the present curve. Fill it: the sensor has
 * been at `sensor_c` for long. Keep: the curve ends at `at_us`, its last samples are added. */
void heater_fill_history(struct heater *heater, double sensor_c);
void heater_keep_history(struct heater *heater, int64_t at_us);
/* What the delayed sensor says at `at_us`, which lies on the present curve. */
double heater_delayed_c(const struct heater *heater, int64_t at_us);
/* As the firmware measures it: with noise, which depends on seed and number of the sample alone,
 * and faults. */
double heater_measured_c(const struct heater *heater, int64_t at_us);

/* The drive (0..1) that follows from the reading of heater->sample. */
double heater_regulate(struct heater *heater, double reading_c);
/* The steady drive for the target in a room of 21 °C, which some Buddy printers add (9.3); of 255.
 */
double heater_feed_forward(const struct heater *heater);

#endif
