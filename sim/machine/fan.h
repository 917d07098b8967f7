#ifndef HOTBED_MACHINE_FAN_H
#define HOTBED_MACHINE_FAN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/model.h"

/* A fan, its tachometer and the firmware's check of it (printer-models.md 2, mk3-serial.md 8.3).
 * The firmware tests every 5 s and reports a fan that was bad in several tests in a row, once until
 * it was good again. Nothing is polled: from the instant since which the fan is bad follows the
 * instant of the report. */
struct fan {
    const struct model_fan *model; /* not owned */
    int64_t now_us;
    int64_t bad_since_us; /* INT64_MAX: not bad */
    uint8_t power;        /* 0..255 */
    bool stalled;
};

void fan_init(struct fan *fan, const struct model_fan *model, int64_t now_us);

/* Each of these takes effect at `now_us`, which is never before that of an earlier call. */
void fan_set_power(struct fan *fan, int64_t now_us, int power); /* clamped to 0..255 */
/* The hot-end fan runs by itself: at full while the nozzle reads more than the model's on_above_c.
 */
void fan_follow(struct fan *fan, int64_t now_us, double nozzle_reading_c);
void fan_set_stalled(struct fan *fan, int64_t now_us, bool stalled);
void fan_advance(struct fan *fan, int64_t now_us);

int fan_power(const struct fan *fan);
int fan_rpm(
    const struct fan *fan); /* 60 times whole revolutions per second, as the tachometer counts */
bool fan_failed(const struct fan *fan);     /* "... fan speed is lower than expected" */
int64_t fan_next_us(const struct fan *fan); /* when it will be reported; INT64_MAX: never */

#endif
