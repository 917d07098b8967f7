#include "sim/machine/fan.h"

#include <assert.h>
#include <math.h>

/* The firmware tests its fans every 5 s (mk3-serial.md 8.3). */
static const int64_t TEST_PERIOD_US = 5000000;

int fan_power(const struct fan *fan)
{
    return fan->power;
}

int fan_rpm(const struct fan *fan)
{
    if (fan->stalled || fan->power == 0) {
        return 0;
    }
    double rpm = fan->model->full_rpm * pow(fan->power / 255.0, fan->model->exponent);
    return (int)(rpm / 60) * 60;
}

static void judge(struct fan *fan, int64_t now_us)
{
    const struct model_fan *model = fan->model;
    bool bad = model->check_tests > 0 && fan->power > model->check_above_power &&
               fan_rpm(fan) < model->check_rpm;
    if (!bad) {
        fan->bad_since_us = INT64_MAX;
    } else if (fan->bad_since_us == INT64_MAX) {
        fan->bad_since_us = now_us;
    }
}

void fan_init(struct fan *fan, const struct model_fan *model, int64_t now_us)
{
    *fan = (struct fan){.model = model, .now_us = now_us, .bad_since_us = INT64_MAX};
}

void fan_advance(struct fan *fan, int64_t now_us)
{
    assert(now_us >= fan->now_us);
    fan->now_us = now_us;
}

void fan_set_power(struct fan *fan, int64_t now_us, int power)
{
    fan_advance(fan, now_us);
    fan->power = (uint8_t)(power < 0 ? 0 : power > 255 ? 255 : power);
    judge(fan, now_us);
}

void fan_follow(struct fan *fan, int64_t now_us, double nozzle_reading_c)
{
    fan_set_power(fan, now_us, nozzle_reading_c > fan->model->on_above_c ? 255 : 0);
}

void fan_set_stalled(struct fan *fan, int64_t now_us, bool stalled)
{
    fan_advance(fan, now_us);
    fan->stalled = stalled;
    judge(fan, now_us);
}

/* The last of so many tests in a row that find the fan bad. */
static int64_t report_us(const struct fan *fan)
{
    if (fan->bad_since_us == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t first_test = fan->bad_since_us / TEST_PERIOD_US + 1;
    return (first_test + fan->model->check_tests - 1) * TEST_PERIOD_US;
}

bool fan_failed(const struct fan *fan)
{
    return fan->now_us >= report_us(fan);
}

int64_t fan_next_us(const struct fan *fan)
{
    return fan_failed(fan) ? INT64_MAX : report_us(fan);
}
