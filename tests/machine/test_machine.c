#include "tests/machine/bed.h"

static void a_printer_boots_and_then_waits_without_a_timer(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    assert_int_equal(timer_queue_next_us(&bed.world.timers), INT64_MAX);
    struct machine_readings readings = bed_read(&bed);
    assert_near(readings.nozzle_c, 25, 1);
    assert_near(readings.bed_c, 25, 1);
    assert_near(readings.board_c, 32, 0.01);
    assert_int_equal(readings.speed_percent, 100);
    assert_int_equal(readings.progress_percent, -1);
    assert_false(readings.job || readings.heating);
    assert_int_equal(strlen(machine_serial(bed.machine)), 19);
    bed_teardown(&bed);
}

static void readiness_comes_and_goes(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    assert_int_equal(machine_set_ready(bed.machine, false), MACHINE_WRONG_STATE);
    assert_int_equal(machine_set_ready(bed.machine, true), MACHINE_ACCEPTED);
    assert_int_equal(machine_set_ready(bed.machine, true), MACHINE_ACCEPTED);
    assert_int_equal(machine_set_ready(bed.machine, false), MACHINE_ACCEPTED);
    bed_said(&bed, "READY USER; IDLE USER; ");
    bed_teardown(&bed);
}

/* --- a host's lines --- */

struct answer {
    struct bed *bed;
    int count;
    int64_t at_us;
    char text[200];
};

static void answered(void *owner, const char *line, const char *why)
{
    struct answer *answer = owner;
    answer->count++;
    answer->at_us = answer->bed->world.now_us;
    snprintf(answer->text, sizeof answer->text, "%s|%s", line, why == NULL ? "ok" : why);
}

/* Send and wait; how long it took, s. */
static double ask(struct bed *bed, const char *lines, const char *expected)
{
    struct answer answer = {.bed = bed};
    int64_t from_us = bed->world.now_us;
    machine_gcode(bed->machine, lines, answered, &answer);
    for (int i = 0; i < 1200 && answer.count == 0; i++) {
        bed_wait(bed, 1);
    }
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.text, expected);
    return (double)(answer.at_us - from_us) / 1e6;
}

static void lines_are_confirmed_in_plausible_time(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    assert_near(ask(&bed, "M105\n\nM115\r\nM114", "M114|ok"), 0, 1e-6);
    assert_near(ask(&bed, "M104 S215", "M104 S215|ok"), 0, 1e-6);
    bed_said(&bed, "");
    double heating_s = ask(&bed, "M109 S215", "M109 S215|ok");
    assert_true(heating_s > 60 && heating_s < 240);
    bed_said(&bed, "BUSY MARLIN; IDLE HW; ");
    assert_near(bed_read(&bed).nozzle_c, 215, 5);
    assert_int_equal(bed_read(&bed).hotend_fan_power, 255);
    assert_near(ask(&bed, "G4 S5", "G4 S5|ok"), 5, 0.01);
    double home_s = ask(&bed, "G28 W", "G28 W|ok");
    assert_true(home_s > 5 && home_s < 60);
    assert_near(ask(&bed, "G90\nG1 Z20 F600", "G1 Z20 F600|ok"), 0, 1e-6);
    assert_true(bed_read(&bed).z_mm < 20);
    assert_near(ask(&bed, "M400", "M400|ok"), 2.0, 0.6);
    assert_near(bed_read(&bed).z_mm, 20, 1e-9);
    assert_near(ask(&bed, "G91\nG1 X10 Y10\nM400", "M400|ok"), 1.5, 1.0);
    assert_near(bed_read(&bed).x_mm, 10, 1e-9);
    assert_near(ask(&bed, "M220 S150\nM221 S95\nM106 S128", "M106 S128|ok"), 0, 1e-6);
    assert_int_equal(bed_read(&bed).speed_percent, 150);
    assert_int_equal(bed_read(&bed).flow_percent, 95);
    assert_int_equal(bed_read(&bed).print_fan_power, 128);
    bed_teardown(&bed);
}

static void bad_lines_say_why_and_end_the_rest(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    ask(&bed, "M105\nM9999\nM104 S200", "M9999|Unknown command");
    assert_near(bed_read(&bed).nozzle_target_c, 0, 0);
    ask(&bed, "G1 E5 F100", "G1 E5 F100|Cold extrusion prevented");
    ask(&bed, "M701", "M701|Cold extrusion prevented");
    ask(&bed, "", "|ok");
    ask(&bed, "; only a remark", "; only a remark|ok");
    struct answer answer = {.bed = &bed};
    machine_gcode(bed.machine, "M190 S60\nM105", answered, &answer);
    bed_wait(&bed, 5);
    assert_int_equal(machine_state(bed.machine), STATE_BUSY);
    machine_gcode_interrupt(bed.machine);
    assert_string_equal(answer.text, "M190 S60|interrupted");
    assert_int_equal(machine_state(bed.machine), STATE_IDLE);
    bed_teardown(&bed);
}

static void lines_queue_up_behind_each_other(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    struct answer first = {.bed = &bed}, second = {.bed = &bed};
    machine_gcode(bed.machine, "G4 S3", answered, &first);
    machine_gcode(bed.machine, "G4 S3", answered, &second);
    bed_wait(&bed, 4);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 0);
    bed_wait(&bed, 4);
    assert_int_equal(second.count, 1);
    bed_teardown(&bed);
}

static void a_wait_for_somebody_is_attention(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    struct answer answer = {.bed = &bed};
    machine_gcode(bed.machine, "M0 Press", answered, &answer);
    bed_wait(&bed, 100);
    bed_said(&bed, "ATTENTION USER; ");
    machine_user_confirms(bed.machine);
    bed_said(&bed, "IDLE USER; ");
    assert_string_equal(answer.text, "M0 Press|ok");
    bed_teardown(&bed);
}

/* --- protections --- */

static void protections_end_in_an_error_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum machine_fault fault;
        const char *heat;
        const char *said;
    } cases[] = {
        {FAULT_NOZZLE_THERMISTOR_OPEN, "M105",
         "ERROR MARLIN \"Mintemp triggered by the hotend thermistor. Manual restart required!\"; "},
        {FAULT_NOZZLE_THERMISTOR_SHORT, "M105",
         "ERROR MARLIN \"Maxtemp triggered by the hotend thermistor. Manual restart required!\"; "},
        {FAULT_BED_THERMISTOR_OPEN, "M105",
         "ERROR MARLIN \"Mintemp triggered by the heatbed thermistor. Manual restart "
         "required!\"; "},
        {FAULT_BED_THERMISTOR_SHORT, "M105",
         "ERROR MARLIN \"Maxtemp triggered by the heatbed thermistor. Manual restart "
         "required!\"; "},
        {FAULT_BED_HEATER_DEAD, "M140 S60",
         "ERROR MARLIN \"Heatbed preheat thermal runaway. Manual restart required!\"; "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed;
        bed_setup(&bed, "mk3s", 1);
        machine_set_fault(bed.machine, cases[i].fault, true);
        machine_gcode(bed.machine, cases[i].heat, NULL, NULL);
        bed_until(&bed, STATE_ERROR, 300);
        bed_said(&bed, cases[i].said);
        struct machine_readings readings = bed_read(&bed);
        assert_near(readings.nozzle_target_c + readings.bed_target_c, 0, 0);
        assert_int_equal(readings.print_fan_power, 255);
        bed_wait(&bed, 3600);
        bed_said(&bed, "");
        assert_int_equal(machine_start_print(bed.machine, "/usb/x", NULL), MACHINE_WRONG_STATE);
        machine_set_fault(bed.machine, cases[i].fault, false);
        machine_reset(bed.machine);
        bed_wait(&bed, 10);
        bed_said(&bed, "BUSY USER; IDLE HW; ");
        bed_teardown(&bed);
    }
}

static void a_dead_nozzle_heater_is_an_anomaly_before_anything_else(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    bed_put(&bed, "/usb/x.gcode", "M109 S215\nG28 W\nG1 X200 F300\nG1 X10\nG1 X100\n");
    bed.said[0] = '\0';
    assert_int_equal(machine_start_print(bed.machine, "/usb/x.gcode", NULL), MACHINE_ACCEPTED);
    bed_wait(&bed, 5);
    machine_set_fault(bed.machine, FAULT_NOZZLE_HEATER_DEAD, true);
    bed_until(&bed, STATE_ATTENTION, 40);
    bed_said(&bed, "PRINTING USER job 57; ATTENTION MARLIN job 57 \"The nozzle temperature has "
                   "deviated too far from "
                   "the expected one. Print paused.\"; ");
    machine_user_confirms(bed.machine);
    assert_int_equal(machine_state(bed.machine), STATE_ATTENTION);
    machine_set_fault(bed.machine, FAULT_NOZZLE_HEATER_DEAD, false);
    machine_user_confirms(bed.machine);
    bed_said(&bed, "PRINTING USER job 57; ");
    bed_until(&bed, STATE_FINISHED, 900);
    bed_said(&bed, "FINISHED MARLIN job 57; ");
    bed_teardown(&bed);
}

static void a_print_that_fails_loses_its_id(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    bed_put(&bed, "/usb/x.gcode", "M190 S60\nG28\n");
    bed.said[0] = '\0';
    machine_start_print(bed.machine, "/usb/x.gcode", NULL);
    machine_set_fault(bed.machine, FAULT_BED_THERMISTOR_OPEN, true);
    bed_until(&bed, STATE_ERROR, 30);
    assert_null(machine_job(bed.machine));
    bed_said(&bed, "PRINTING USER job 57; ERROR MARLIN \"Mintemp triggered by the heatbed "
                   "thermistor. Manual restart "
                   "required!\"; ");
    bed_teardown(&bed);
}

static void a_stalled_fan_is_attention(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    ask(&bed, "M109 S215", "M109 S215|ok");
    bed.said[0] = '\0';
    machine_set_fault(bed.machine, FAULT_HOTEND_FAN_STALLED, true);
    double seconds = bed_until(&bed, STATE_ATTENTION, 30);
    assert_true(seconds >= 9 && seconds <= 16);
    bed_said(&bed, "ATTENTION FIRMWARE \"Hotend fan error\"; ");
    assert_near(bed_read(&bed).nozzle_target_c, 0, 0);
    machine_set_fault(bed.machine, FAULT_HOTEND_FAN_STALLED, false);
    bed_until(&bed, STATE_IDLE, 30);
    bed_said(&bed, "IDLE USER \"Hotend fan error resolved\"; ");
    bed_teardown(&bed);
}

static void a_stalled_fan_pauses_a_print(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    bed_put(&bed, "/usb/x.gcode", "M109 S215\nG28 W\nM106 S255\nG1 Z5 F600\nG1 X200 F30\nG1 X10\n");
    machine_start_print(bed.machine, "/usb/x.gcode", NULL);
    bed_wait(&bed, 300);
    bed.said[0] = '\0';
    machine_set_fault(bed.machine, FAULT_PRINT_FAN_STALLED, true);
    bed_until(&bed, STATE_ATTENTION, 30);
    bed_said(&bed, "ATTENTION FIRMWARE job 57 \"Print fan error\"; ");
    assert_int_equal(machine_layers(bed.machine)->printing, STATE_PAUSED);
    machine_set_fault(bed.machine, FAULT_PRINT_FAN_STALLED, false);
    bed_wait(&bed, 60);
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    bed_until(&bed, STATE_FINISHED, 3600);
    assert_non_null(strstr(bed.said, "PRINTING USER job 57"));
    bed_teardown(&bed);
}

/* --- cable and reset --- */

static void a_lost_cable_is_an_error_until_it_is_back(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    machine_set_fault(bed.machine, FAULT_SERIAL_LOST, true);
    bed_wait(&bed, 0.021);
    bed_said(&bed, "ERROR SERIAL \"Communication with the printer has failed\"; ");
    bed_wait(&bed, 25);
    machine_set_fault(bed.machine, FAULT_SERIAL_LOST, false);
    bed_wait(&bed, 8.9);
    bed_said(&bed, "");
    bed_wait(&bed, 0.2);
    bed_said(&bed, "IDLE WUI; BUSY MARLIN; IDLE HW; "); /* [L-07] */
    bed_put(&bed, "/usb/x.gcode", "G4 S600\n");
    machine_start_print(bed.machine, "/usb/x.gcode", NULL);
    bed.said[0] = '\0';
    bed_wait(&bed, 60);
    machine_set_fault(bed.machine, FAULT_SERIAL_LOST, true);
    bed_wait(&bed, 25);
    bed_said(&bed, "ERROR SERIAL \"Communication with the printer has failed\"; ");
    machine_set_fault(bed.machine, FAULT_SERIAL_LOST, false);
    bed_wait(&bed, 9);
    bed_said(&bed, "STOPPED WUI; IDLE MARLIN; "); /* [L-12] */
    bed_teardown(&bed);
}

static void a_reset_stops_the_print(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    machine_set_speed(bed.machine, 150);
    bed_put(&bed, "/usb/x.gcode", "M104 S100\nG4 S600\n");
    machine_start_print(bed.machine, "/usb/x.gcode", NULL);
    bed_wait(&bed, 60);
    bed.said[0] = '\0';
    machine_reset(bed.machine);
    bed_wait(&bed, 5);
    bed_said(&bed, "STOPPED USER job 57; ");
    assert_int_equal(bed_read(&bed).speed_percent, 100);
    assert_near(bed_read(&bed).nozzle_target_c, 0, 0);
    bed_wait(&bed, 11);
    bed_said(&bed, "IDLE MARLIN; ");
    machine_reset(bed.machine);
    bed_wait(&bed, 5);
    bed_said(&bed, "BUSY MARLIN; IDLE HW; ");
    bed_teardown(&bed);
}

static void forgotten_heaters_go_off(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    ask(&bed, "M140 S60", "M140 S60|ok");
    bed_wait(&bed, 1790);
    assert_near(bed_read(&bed).bed_target_c, 60, 0);
    bed_wait(&bed, 20);
    assert_near(bed_read(&bed).bed_target_c, 0, 0);
    bed_wait(&bed, 12 * 3600);
    bed_teardown(&bed);
}

/* --- storages --- */

static void changes_are_told_with_full_paths(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    assert_int_equal(machine_make_folder(bed.machine, "/usb/a/b"), STORAGE_OK);
    bed_put(&bed, "/usb/a/b/1.gcode", "x");
    bed_put(&bed, "/usb/a/2.gcode", "x");
    bed_put(&bed, "/usb/a/2.gcode", "xy");
    bed_said(&bed, "+/usb/a; +/usb/a/b/1.gcode; +/usb/a/2.gcode; */usb/a/2.gcode; ");
    assert_int_equal(machine_remove(bed.machine, "/usb/a", false), STORAGE_NOT_EMPTY);
    assert_int_equal(machine_remove(bed.machine, "/usb/a", true), STORAGE_OK);
    bed_said(&bed, "-/usb/a/b/1.gcode; -/usb/a/2.gcode; -/usb/a; ");
    assert_int_equal(machine_remove(bed.machine, "/usb", true), STORAGE_BAD_PATH);
    assert_int_equal(machine_remove(bed.machine, "/other/x", true), STORAGE_NOT_FOUND);
    assert_int_equal(machine_make_folder(bed.machine, "usb/x"), STORAGE_NOT_FOUND);
    assert_int_equal(machine_make_folder(bed.machine, "/usb/../x"), STORAGE_BAD_PATH);
    assert_true(machine_detach(bed.machine, "usb", NULL));
    assert_false(machine_detach(bed.machine, "usb", NULL));
    assert_int_equal(machine_storage_count(bed.machine), 0);
    bed_teardown(&bed);
}

static void equal_seeds_make_equal_printers(void **state)
{
    (void)state;
    struct bed a, b, c;
    bed_setup(&a, "mk3s", 7);
    bed_setup(&b, "mk3s", 7);
    bed_setup(&c, "mk3s", 8);
    assert_string_equal(machine_serial(a.machine), machine_serial(b.machine));
    assert_string_not_equal(machine_serial(a.machine), machine_serial(c.machine));
    ask(&a, "M104 S200\nG4 S40", "G4 S40|ok");
    ask(&b, "M104 S200\nG4 S40", "G4 S40|ok");
    ask(&c, "M104 S200\nG4 S40", "G4 S40|ok");
    assert_true(bed_read(&a).nozzle_c == bed_read(&b).nozzle_c);
    bed_teardown(&a);
    bed_teardown(&b);
    bed_teardown(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_printer_boots_and_then_waits_without_a_timer),
        cmocka_unit_test(readiness_comes_and_goes),
        cmocka_unit_test(lines_are_confirmed_in_plausible_time),
        cmocka_unit_test(bad_lines_say_why_and_end_the_rest),
        cmocka_unit_test(lines_queue_up_behind_each_other),
        cmocka_unit_test(a_wait_for_somebody_is_attention),
        cmocka_unit_test(protections_end_in_an_error_with_its_reason),
        cmocka_unit_test(a_dead_nozzle_heater_is_an_anomaly_before_anything_else),
        cmocka_unit_test(a_print_that_fails_loses_its_id),
        cmocka_unit_test(a_stalled_fan_is_attention),
        cmocka_unit_test(a_stalled_fan_pauses_a_print),
        cmocka_unit_test(a_lost_cable_is_an_error_until_it_is_back),
        cmocka_unit_test(a_reset_stops_the_print),
        cmocka_unit_test(forgotten_heaters_go_off),
        cmocka_unit_test(changes_are_told_with_full_paths),
        cmocka_unit_test(equal_seeds_make_equal_printers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
