#include "sim/machine/uv_led.h"

#include <math.h>

static const double tau_us = 40e6;
static const double rise_k = 22; /* above the room at 2000 rpm */
static const double rise_rpm = 2000, rise_exponent = 0.6;

void uv_led_init(struct uv_led *led, double room_c, int64_t now_us)
{
    *led = (struct uv_led){
        .room_c = room_c, .temperature_c = room_c, .at_us = now_us, .fan_rpm = rise_rpm};
}

static double target_c(const struct uv_led *led)
{
    double rpm = fmax(led->fan_rpm, UV_LED_FAN_MIN_RPM);
    return led->room_c + (led->on ? rise_k * pow(rise_rpm / rpm, rise_exponent) : 0);
}

double uv_led_temperature(const struct uv_led *led, int64_t now_us)
{
    double target = target_c(led);
    return target + (led->temperature_c - target) * exp(-(double)(now_us - led->at_us) / tau_us);
}

void uv_led_set(struct uv_led *led, bool on, double fan_rpm, int64_t now_us)
{
    led->temperature_c = uv_led_temperature(led, now_us);
    led->at_us = now_us;
    led->on = on;
    led->fan_rpm = fan_rpm;
}

bool uv_led_check(struct uv_led *led, int64_t now_us)
{
    double now_c = uv_led_temperature(led, now_us);
    led->cooling_down = led->cooling_down ? now_c >= UV_LED_RESUME_C : now_c > UV_LED_CRITICAL_C;
    return led->cooling_down;
}

int64_t uv_led_cool_us(const struct uv_led *led, int64_t now_us)
{
    double now_c = uv_led_temperature(led, now_us);
    if (now_c < UV_LED_RESUME_C) {
        return now_us;
    }
    if (led->on || led->room_c >= UV_LED_RESUME_C) {
        return INT64_MAX;
    }
    double wait_us = tau_us * log((now_c - led->room_c) / (UV_LED_RESUME_C - led->room_c));
    return now_us + (int64_t)ceil(wait_us) + 1;
}

double uv_led_fan_rpm(double temperature_c)
{
    double part = (temperature_c - 16) / (50 - 16);
    return 800 + (2700 - 800) * fmin(fmax(part, 0), 1);
}
