#include "sim/machine/heater_internal.h"

#include <math.h>

/* Looking ahead: a copy of the heater lives through what comes, to say when somebody must look. */

static int64_t foresee_us(const struct heater *heater)
{
    struct heater ahead = *heater;
    bool waiting = !heater_reached(heater);
    while (true) {
        if (waiting && ahead.wait_since_us != INT64_MAX) {
            /* The wait ends between samples unless the next one restarts it. */
            int64_t end_us = ahead.wait_since_us + llround(ahead.model->wait_hold_s * 1e6);
            int64_t next_us = (ahead.sample + 1) * heater_period_us(&ahead);
            if (ahead.mode != MODE_REGULATING || end_us < next_us) {
                return end_us;
            }
        }
        if (ahead.mode != MODE_REGULATING) {
            return INT64_MAX;
        }
        heater_step(&ahead);
        if (ahead.alarm != heater->alarm || ahead.warned != heater->warned) {
            return ahead.sample * heater_period_us(&ahead);
        }
    }
}

int64_t heater_next_us(const struct heater *heater)
{
    if (heater->next_us <= heater->now_us) {
        /* Only what is remembered changes, nothing that anybody can see; no heater lies in constant
         * memory. */
        ((struct heater *)heater)->next_us = foresee_us(heater);
    }
    return heater->next_us;
}

static bool shows_above(const struct heater *heater, double level_c, int64_t at_us)
{
    return round(heater_delayed_c(heater, at_us) * 10) / 10 > level_c;
}

/* The delayed sensor leaves `from`'s side of the level between two instants of one curve. */
static int64_t crossing_between(const struct heater *heater, double level_c, int64_t from_us,
                                int64_t to_us)
{
    bool above = shows_above(heater, level_c, from_us);
    while (to_us - from_us > 1) {
        int64_t middle = from_us + (to_us - from_us) / 2;
        if (shows_above(heater, level_c, middle) == above) {
            from_us = middle;
        } else {
            to_us = middle;
        }
    }
    return to_us;
}

int64_t heater_crossing_us(const struct heater *heater, double level_c)
{
    struct heater ahead = *heater;
    bool above = shows_above(&ahead, level_c, ahead.now_us);
    int64_t seen_us = ahead.now_us;
    while (ahead.mode == MODE_REGULATING) {
        heater_step(&ahead);
        seen_us = ahead.sample * heater_period_us(&ahead);
        if (shows_above(&ahead, level_c, seen_us) != above) {
            return seen_us; /* the firmware sees it at a sample */
        }
    }
    /* One curve from here: beyond the dead time of the delay it is monotonic but for the sensor's
     * own lag. */
    double longest_s = ahead.model->delay_s + 40 * (ahead.curve.tau_s + ahead.model->sensor_time_s);
    for (int64_t reach_us = heater_period_us(&ahead); (double)reach_us * 1e-6 < 2 * longest_s;
         reach_us *= 2) {
        int64_t to_us = ahead.now_us + reach_us > seen_us ? ahead.now_us + reach_us : seen_us;
        if (shows_above(&ahead, level_c, to_us) != above) {
            return crossing_between(&ahead, level_c, seen_us, to_us);
        }
        seen_us = to_us;
    }
    return INT64_MAX;
}
