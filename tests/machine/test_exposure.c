#include "tests/machine/gcode_support.h"

#include <math.h>

#include "sim/machine/exposure.h"
#include "sim/machine/uv_led.h"

static const struct sl1_config fast = {
    .exposure_s = 2.5, .exposure_first_s = 25, .layer_height_mm = 0.05, .fade_layers = 10};

static void assert_seconds(int64_t us, double expected_s)
{
    if (llabs(us - llround(expected_s * 1e6)) > 1) {
        print_error("expected %.6f s, found %.6f s\n", expected_s, (double)us / 1e6);
    }
    assert_true(llabs(us - llround(expected_s * 1e6)) <= 1);
}

/* PM-11 */
static void PM_11_a_hundred_layers_take_608_seconds(void **state)
{
    (void)state;
    struct exposure exposure = {.config = &fast, .machine = EXPOSURE_SL1S, .layers = 100};
    int64_t exposures_us = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct exposure_layer layer;
        exposure_layer(&exposure, i, &layer);
        exposures_us += layer.exposure_us;
        assert_int_equal(layer.large, i < 13);
        assert_seconds(layer.total_us - layer.exposure_us,
                       i < 13 ? 4.10 + 1.0 + 0.124 : 1.92 + 0.124);
    }
    assert_seconds(exposures_us, 362.5);
    assert_true(llabs(exposure_remaining_us(&exposure, 0) - 608500000) <= 1000000);
    assert_seconds(exposure_remaining_us(&exposure, 99), 2.5 + 1.92 + 0.124);
    assert_int_equal(exposure_remaining_us(&exposure, 100), 0);
}

static void fading_goes_in_whole_milliseconds(void **state)
{
    (void)state;
    static const struct {
        double first_s, normal_s, expected_s[4];
        int fade;
    } cases[] = {
        {10, 1, {10, 7.75, 5.5, 3.25}, 5}, /* the example of sla-fw: slafw/project/config.py */
        {35, 8, {35, 8, 8, 8}, 2},
        {10, 2.3, {10, 7.433, 4.866, 2.3}, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl1_config config = fast;
        config.exposure_first_s = cases[i].first_s;
        config.exposure_s = cases[i].normal_s;
        config.fade_layers = cases[i].fade;
        struct exposure exposure = {.config = &config, .machine = EXPOSURE_SL1, .layers = 4};
        for (uint32_t k = 0; k < 4; k++) {
            struct exposure_layer layer;
            exposure_layer(&exposure, k, &layer);
            assert_seconds(layer.exposure_us, cases[i].expected_s[k]);
        }
    }
}

static void large_layers_slow_down_the_millimetre_above(void **state)
{
    (void)state;
    bool lit[100] = {false};
    lit[40] = true;
    struct exposure exposure = {
        .config = &fast, .machine = EXPOSURE_SL1S, .layers = 100, .lit = lit};
    for (uint32_t i = 0; i < 100; i++) {
        struct exposure_layer layer;
        exposure_layer(&exposure, i, &layer);
        assert_int_equal(layer.large, i < 13 || (i >= 40 && i <= 60));
    }
}

static void profiles_and_calibration_count(void **state)
{
    (void)state;
    struct sl1_config config = fast;
    struct exposure exposure = {.config = &config, .machine = EXPOSURE_SL1, .layers = 100};
    struct exposure_layer layer;
    static const double peel_s[] = {5.19, 7.88, 17.69}, delay_s[] = {0, 3, 3.5};
    for (int profile = 0; profile < 3; profile++) {
        config.user_profile = profile;
        exposure_layer(&exposure, 50, &layer);
        assert_seconds(layer.peel_us, peel_s[profile]);
        assert_seconds(layer.delay_before_us, delay_s[profile]);
    }
    config.has_profiles = true;
    config.below = (struct sl1_area_profile){.delay_before_ms = 500, .delay_after_ms = 250};
    config.calibrate_regions = 8;
    config.calibrate_s = 0.5;
    exposure_layer(&exposure, 50, &layer);
    assert_seconds(layer.delay_before_us, 0.5);
    assert_seconds(layer.delay_after_us, 0.25);
    assert_seconds(layer.exposure_us, 2.5 + 7 * 0.5);
    config.calibrate_exact_count = 2;
    config.calibrate_exact_s[0] = 3;
    config.calibrate_exact_s[1] = 1;
    exposure_layer(&exposure, 0, &layer);
    assert_seconds(layer.exposure_us, 4);
}

static const int64_t second_us = 1000000;

/* PM-10 */
static void PM_10_a_hot_uv_led_waits_until_it_is_cool(void **state)
{
    (void)state;
    struct uv_led led;
    uv_led_init(&led, 25, 0);
    uv_led_set(&led, true, 2000, 0);
    assert_false(uv_led_check(&led, 1000 * second_us)); /* 47 °C, and no more */
    assert_true(fabs(uv_led_temperature(&led, 1000 * second_us) - 47) < 0.01);
    uv_led_set(&led, true, 500, 1000 * second_us); /* its fan is failing */
    int64_t now_us = 1000 * second_us;
    while (!uv_led_check(&led, now_us)) {
        now_us += second_us / 10;
        assert_true(now_us < 2000 * second_us);
    }
    assert_true(fabs(uv_led_temperature(&led, now_us) - UV_LED_CRITICAL_C) < 0.3);
    uv_led_set(&led, false, 2000, now_us);
    int64_t cool_us = uv_led_cool_us(&led, now_us);
    assert_true(uv_led_check(&led, (now_us + cool_us) / 2)); /* below 55 °C is not enough */
    assert_true(uv_led_check(&led, cool_us - second_us));
    assert_false(uv_led_check(&led, cool_us));
    assert_true(fabs(uv_led_temperature(&led, cool_us) - UV_LED_RESUME_C) < 0.01);
    assert_false(uv_led_check(&led, cool_us));
}

static void the_uv_led_follows_its_fan_and_room(void **state)
{
    (void)state;
    struct uv_led led;
    uv_led_init(&led, 50, 0);
    assert_int_equal(uv_led_cool_us(&led, 0), INT64_MAX);
    assert_true(uv_led_fan_rpm(16) == 800 && uv_led_fan_rpm(0) == 800);
    assert_true(uv_led_fan_rpm(50) == 2700 && uv_led_fan_rpm(90) == 2700);
    assert_true(fabs(uv_led_fan_rpm(33) - 1750) < 1e-9);
    /* Two steps are one of the sum. */
    struct uv_led other;
    uv_led_init(&led, 25, 0);
    uv_led_set(&led, true, 2000, 0);
    other = led;
    uv_led_set(&other, true, 2000, 13 * second_us);
    double one = uv_led_temperature(&led, 40 * second_us);
    assert_true(fabs(uv_led_temperature(&other, 40 * second_us) - one) < 1e-9);
    assert_true(fabs(one - (25 + 22 * (1 - exp(-1)))) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PM_11_a_hundred_layers_take_608_seconds),
        cmocka_unit_test(fading_goes_in_whole_milliseconds),
        cmocka_unit_test(large_layers_slow_down_the_millimetre_above),
        cmocka_unit_test(profiles_and_calibration_count),
        cmocka_unit_test(PM_10_a_hot_uv_led_waits_until_it_is_cool),
        cmocka_unit_test(the_uv_led_follows_its_fan_and_room),
    };
    return cmocka_run_group_tests_name("exposure", tests, NULL, NULL);
}
