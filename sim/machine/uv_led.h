#ifndef HOTBED_MACHINE_UV_LED_H
#define HOTBED_MACHINE_UV_LED_H

#include <stdbool.h>
#include <stdint.h>

/* The UV LED of a resin printer: its temperature in closed form, and the firmware's pause when it
 * is too hot (printer-models.md 8.1, 8.2, 9.4; PM-10). */

#define UV_LED_CRITICAL_C 55.0 /* above: COOLING_DOWN before the next layer */
#define UV_LED_RESUME_C   45.0 /* below: on with it */

struct uv_led {
    double room_c;
    double temperature_c; /* at `at_us` */
    int64_t at_us;
    double fan_rpm; /* 0: stands still; the model then counts UV_LED_FAN_MIN_RPM */
    bool on;
    bool cooling_down;
};

#define UV_LED_FAN_MIN_RPM 100.0

void uv_led_init(struct uv_led *led, double room_c, int64_t now_us);
void uv_led_set(struct uv_led *led, bool on, double fan_rpm, int64_t now_us);
double uv_led_temperature(const struct uv_led *led, int64_t now_us);
/* The firmware's look before a layer: true while it must wait. */
bool uv_led_check(struct uv_led *led, int64_t now_us);
/* When it has cooled down to UV_LED_RESUME_C while it is off; `now_us` if it has; INT64_MAX: never,
 * the room is too warm. */
int64_t uv_led_cool_us(const struct uv_led *led, int64_t now_us);
/* The fan's speed for a temperature, where the printer regulates it: 800 rpm at 16 °C to 2700 rpm
 * at 50 °C. */
double uv_led_fan_rpm(double temperature_c);

#endif
