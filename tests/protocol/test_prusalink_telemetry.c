#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/world.h"
#include "sim/protocol/connect/prusalink_telemetry.h"

/* Which values PrusaLink tells, in which order, and how fast (connect-sdk.md 4.3, 4.4). */

static struct prusalink_telemetry telemetry;
static struct machine_readings readings;
static char text[1024];

static int begin(void **state)
{
    (void)state;
    prusalink_telemetry_init(&telemetry, 0);
    readings = (struct machine_readings){.nozzle_c = 21.04,
                                         .bed_c = 21.0,
                                         .z_mm = 0.15,
                                         .speed_percent = 100,
                                         .flow_percent = 100,
                                         .progress_percent = -1,
                                         .time_remaining_s = -1,
                                         .time_printing_s = -1,
                                         .filament_change_in_s = -1};
    prusalink_telemetry_state(&telemetry, STATE_IDLE, false, 0);
    return 0;
}

static const char *taken(void)
{
    struct telemetry_fields fields;
    size_t used = 0;
    prusalink_telemetry_take(&telemetry, &fields);
    text[0] = '\0';
    for (size_t i = 0; i < fields.count; i++) {
        const struct connect_field *field = &fields.fields[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=", i == 0 ? "" : " ",
                                 field->key);
        switch (field->kind) {
        case CONNECT_INT:
            used += (size_t)snprintf(text + used, sizeof text - used, "%lld",
                                     (long long)field->integer);
            break;
        case CONNECT_FLOAT:
            used += (size_t)snprintf(text + used, sizeof text - used, "%.17g", field->number);
            break;
        case CONNECT_BOOL:
            used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                     field->truth ? "true" : "false");
            break;
        default:
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", field->text);
            break;
        }
    }
    return text;
}

static bool report(int64_t now_us)
{
    return prusalink_telemetry_set(&telemetry, TELEMETRY_AUTO_REPORT, &readings, now_us);
}

static void the_first_report_holds_all_its_values(void **state)
{
    (void)state;
    report(0);
    assert_string_equal(taken(),
                        "temp_nozzle=21 temp_bed=21 target_nozzle=0 target_bed=0 axis_x=0 axis_y=0 "
                        "axis_z=0.14999999999999999 fan_extruder=0 fan_hotend=0 fan_print=0 "
                        "target_fan_extruder=0 target_fan_hotend=0 target_fan_print=0");
    report(SECONDS(2));
    assert_string_equal(taken(), "");
}

static void temperatures_are_repeated_only_after_more_than_half_a_degree(void **state)
{
    (void)state;
    report(0);
    taken();
    readings.nozzle_c = 21.5;
    report(SECONDS(2));
    assert_string_equal(taken(), "");
    readings.nozzle_c = 21.6;
    report(SECONDS(4));
    assert_string_equal(taken(), "temp_nozzle=21.600000000000001");
}

static void changes_wait_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    report(0);
    prusalink_telemetry_set(&telemetry, TELEMETRY_MULTIPLIERS, &readings, 0);
    taken();
    readings.speed_percent = 90;
    prusalink_telemetry_set(&telemetry, TELEMETRY_MULTIPLIERS, &readings, 1);
    readings.nozzle_target_c = 215;
    report(2);
    assert_string_equal(taken(), "speed=90 target_nozzle=215");
}

static void print_values_are_held_back_outside_prints_and_xy_within(void **state)
{
    (void)state;
    report(0);
    taken();
    readings.job = true;
    readings.progress_percent = 3;
    readings.time_printing_s = 20;
    readings.x_mm = 5;
    prusalink_telemetry_set(&telemetry, TELEMETRY_PRINT_INFO, &readings, 1);
    assert_string_equal(taken(), "");
    prusalink_telemetry_state(&telemetry, STATE_PRINTING, false, 2);
    report(3);
    assert_string_equal(taken(), "progress=3 time_printing=20 inaccurate_estimates=false");
    prusalink_telemetry_state(&telemetry, STATE_PAUSED, false, 4);
    assert_string_equal(taken(), "axis_x=5");
}

static void what_was_queued_before_a_change_of_state_still_goes_out(void **state)
{
    (void)state;
    readings.job = true;
    readings.progress_percent = 100;
    prusalink_telemetry_state(&telemetry, STATE_FINISHED, false, 0);
    prusalink_telemetry_set(&telemetry, TELEMETRY_PRINT_INFO, &readings, 1);
    prusalink_telemetry_state(&telemetry, STATE_IDLE, false, 2);
    assert_string_equal(taken(), "progress=100 inaccurate_estimates=false");
}

static void everything_is_sent_again_after_300_s(void **state)
{
    (void)state;
    report(0);
    taken();
    report(SECONDS(299));
    assert_string_equal(taken(), "");
    report(SECONDS(301));
    assert_non_null(strstr(taken(), "temp_nozzle=21 temp_bed=21"));
}

static void after_a_loss_the_old_values_come_first(void **state)
{
    (void)state;
    report(0);
    taken();
    prusalink_telemetry_wipe(&telemetry);
    assert_string_equal(taken(), "");
    prusalink_telemetry_state(&telemetry, STATE_IDLE, false, 1);
    assert_non_null(strstr(taken(), "temp_nozzle=21"));
}

static void the_pace_is_a_quarter_one_or_four_seconds(void **state)
{
    (void)state;
    assert_int_equal(prusalink_telemetry_interval_us(&telemetry, SECONDS(180)), MILLISECONDS(250));
    assert_int_equal(prusalink_telemetry_interval_us(&telemetry, SECONDS(181)), SECONDS(4));
    prusalink_telemetry_state(&telemetry, STATE_PRINTING, false, SECONDS(182));
    assert_int_equal(prusalink_telemetry_interval_us(&telemetry, SECONDS(182)),
                     SECONDS(4)); /* */
    telemetry.sleepless_prints = true;
    assert_int_equal(prusalink_telemetry_interval_us(&telemetry, SECONDS(182)), SECONDS(1));
}

static void only_some_changes_wake_and_in_prints_only_the_speed(void **state)
{
    (void)state;
    report(0);
    prusalink_telemetry_set(&telemetry, TELEMETRY_MULTIPLIERS, &readings, 0);
    taken();
    prusalink_telemetry_interval_us(&telemetry, SECONDS(200));
    readings.nozzle_c = 50;
    readings.hotend_fan_rpm = 4000;
    assert_false(report(SECONDS(200)));
    readings.bed_target_c = 60;
    assert_true(report(SECONDS(202)));
    assert_int_equal(prusalink_telemetry_interval_us(&telemetry, SECONDS(202)), MILLISECONDS(250));

    prusalink_telemetry_state(&telemetry, STATE_PRINTING, false, SECONDS(203));
    prusalink_telemetry_interval_us(&telemetry, SECONDS(400));
    readings.nozzle_target_c = 215;
    readings.z_mm = 9;
    assert_false(report(SECONDS(400)));
    readings.speed_percent = 120;
    assert_true(
        prusalink_telemetry_set(&telemetry, TELEMETRY_MULTIPLIERS, &readings, SECONDS(401)));
}

static void an_mmu_has_a_slot_object_of_what_changed(void **state)
{
    (void)state;
    readings.mmu = true;
    readings.slot_active = 2;
    readings.slot_state = 5;
    strcpy(readings.slot_command, "T1");
    prusalink_telemetry_set(&telemetry, TELEMETRY_MMU, &readings, 0);
    assert_string_equal(taken(), "");
    prusalink_telemetry_state(&telemetry, STATE_IDLE, true, 1);
    assert_string_equal(taken(), "slot={\"active\": 2, \"state\": 5, \"command\": \"T1\"}");
    readings.slot_state = 0;
    prusalink_telemetry_set(&telemetry, TELEMETRY_MMU, &readings, 2);
    assert_string_equal(taken(), "slot={\"state\": 0}");
}

static void a_host_without_differences_tells_all(void **state)
{
    (void)state;
    struct telemetry_fields fields;
    telemetry_fields_full(&fields, &readings, STATE_IDLE);
    assert_int_equal(fields.count, 12);
    readings.job = true;
    readings.progress_percent = 4;
    readings.time_printing_s = 24;
    readings.time_remaining_s = 576;
    telemetry_fields_full(&fields, &readings, STATE_PRINTING);
    assert_int_equal(fields.count, 16);
    assert_string_equal(fields.fields[13].key, "time_printing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_report_holds_all_its_values, begin),
        cmocka_unit_test_setup(temperatures_are_repeated_only_after_more_than_half_a_degree, begin),
        cmocka_unit_test_setup(changes_wait_in_the_order_in_which_they_came, begin),
        cmocka_unit_test_setup(print_values_are_held_back_outside_prints_and_xy_within, begin),
        cmocka_unit_test_setup(what_was_queued_before_a_change_of_state_still_goes_out, begin),
        cmocka_unit_test_setup(everything_is_sent_again_after_300_s, begin),
        cmocka_unit_test_setup(after_a_loss_the_old_values_come_first, begin),
        cmocka_unit_test_setup(the_pace_is_a_quarter_one_or_four_seconds, begin),
        cmocka_unit_test_setup(only_some_changes_wake_and_in_prints_only_the_speed, begin),
        cmocka_unit_test_setup(an_mmu_has_a_slot_object_of_what_changed, begin),
        cmocka_unit_test_setup(a_host_without_differences_tells_all, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
