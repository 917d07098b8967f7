#include "tests/protocol/prusalink_bench.h"

/* What PrusaLink does with commands and events beyond what was recorded (connect-sdk.md 5.4,
 * 6, 7.4, 14); what was recorded is tests/golden/test_golden_prusalink.c. */

#define ENDED "\"event\": \"FINISHED\", \"source\": \"CONNECT\""

static void without_quirks(struct connect_face_settings *settings)
{
    settings->quirks = 0;
}

static void with_the_sdk_alone(struct connect_face_settings *settings)
{
    settings->host = CONNECT_HOST_SDK;
    settings->host_version = NULL;
}

static void with_minimal_telemetry_each_5_s(struct connect_face_settings *settings)
{
    settings->telemetry = CONNECT_TELEMETRY_MINIMAL;
    settings->telemetry_interval_us = SECONDS(5);
}

static void gcode_fails_with_the_texts_of_the_original(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    bench_gcode(&bench, "G28 W\nZ99 X1", false, 60);
    bench_said(&bench, "ACCEPTED|CommandFailed(\\\"Unknown command 'G28 W\\\\nZ99 X1')\\\")");
    bench_gcode(&bench, "G1 E5 F100", false, 5);
    bench_said(&bench, "CommandFailed('Cold extrusion prevented')");
    bench_command(&bench, "{\"command\": \"GCODE\", \"kwargs\": {\"gcode\": 5}}", 2);
    bench_said(&bench, "AttributeError(\\\"'int' object has no attribute 'split'\\\")");
    bench_command(&bench, "{\"command\": \"GCODE\"}", 2);
    bench_said(&bench, "\"error\": \"AssertionError()\"");
    bench_command(&bench, "{\"command\": \"GCODE\", \"kwargs\": {\"gcode\": \" \\r\\n\"}}", 2);
    bench_said(&bench, ENDED);
    bench_end(&bench);
}

static void a_print_from_the_card_needs_a_name_that_is_there(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    bench_command(
        &bench,
        "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": \"/SD Card/No Such.gcode\"}}", 2);
    bench_said(&bench, "Wrong file name, or bad file. File name: /no such.gcode");
    bench_command(&bench,
                  "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/SD Card/Long name "
                  "two.gcode\"}}",
                  2);
    bench_said(&bench, "\"sfn\": \"longna~2.gco\", \"filename_too_long\": false");
    bench_command(
        &bench,
        "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": \"/SD Card/Long name one.gcode\"}}",
        2);
    bench_said(&bench, "ACCEPTED|\"source\": \"CONNECT\", \"data\": {}, \"command_id\": 3, "
                       "\"job_id\": 1, \"state\": \"PRINTING\"|" ENDED);
    bench_command(&bench, "{\"command\": \"SEND_JOB_INFO\"}", 2);
    bench_said(&bench, "\"start_cmd_id\": 3, \"path\": \"/SD Card/Long name one.gcode\"");
    bench_said(&bench, "\"from_sd\": true");
    bench_end(&bench);
}

static void filament_is_refused_in_prints_and_heats_else(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    bench_command(&bench,
                  "{\"command\": \"UNLOAD_FILAMENT\", \"kwargs\": {\"bed_temperature\": 60}}", 2);
    bench_said(&bench, "KeyError('nozzle_temperature')");
    bench_command(&bench,
                  "{\"command\": \"UNLOAD_FILAMENT\", \"kwargs\": {\"bed_temperature\": 60, "
                  "\"nozzle_temperature\": 215}}",
                  10);
    struct machine_readings readings;
    machine_read(bench.machine, &readings);
    assert_int_equal((int)readings.bed_target_c, 60);
    assert_int_equal((int)readings.nozzle_target_c, 195); /* 90 % of it, until it is there */
    bench_run(&bench, 300);
    bench_said(&bench, ENDED);
    machine_read(bench.machine, &readings);
    assert_int_equal((int)readings.nozzle_target_c, 215);
    bench_command(&bench,
                  "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": "
                  "\"/PrusaLink gcodes/a.gcode\"}}",
                  3);
    bench_command(&bench,
                  "{\"command\": \"LOAD_FILAMENT\", \"kwargs\": {\"bed_temperature\": 60, "
                  "\"nozzle_temperature\": 215}}",
                  3);
    bench_said(&bench, "Can't run load_filament while in PRINTING state.");
    bench_end(&bench);
}

static void a_reset_finishes_without_the_defect(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, without_quirks);
    bench_command(&bench, "{\"command\": \"RESET_PRINTER\"}", 20);
    bench_said(&bench, "ACCEPTED|\"command_id\": 1, \"state\": \"BUSY\"|" ENDED
                       "|\"source\": \"HW\", \"data\": {}, \"state\": \"IDLE\"");
    bench_said(&bench, "MEDIUM_EJECTED|MEDIUM_INSERTED");
    bench_silent(&bench, "FAILED");
    bench_end(&bench);
}

static void a_reset_ends_the_command_that_runs(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, without_quirks);
    bench_gcode(&bench, "G4 S300", false, 3);
    bench_said(&bench, "ACCEPTED");
    bench_command(&bench, "{\"command\": \"RESET_PRINTER\"}", 20);
    bench_said(&bench,
               "Command interrupted|ACCEPTED|\"command_id\": 2, \"state\": \"BUSY\"|" ENDED);
    bench_end(&bench);
}

static void a_printer_comes_back_with_its_reason_without_the_defect(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, without_quirks);
    machine_set_fault(bench.machine, FAULT_SERIAL_LOST, true);
    bench_run(&bench, 20);
    bench_said(&bench, "\"SERIAL\", \"data\": {}, \"reason\": \"Communication with the printer has "
                       "failed\", \"state\": \"ERROR\"");
    bench_command(&bench,
                  "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": "
                  "\"/PrusaLink gcodes/a.gcode\"}}",
                  2);
    bench_said(&bench, "NotStateToPrint('Cannot print in State.ERROR state.')");
    buffer_clear(&bench.events);
    machine_set_fault(bench.machine, FAULT_SERIAL_LOST, false);
    bench_run(&bench, 20);
    bench_said(&bench, "\"source\": \"SERIAL\", \"data\": {}, \"reason\": \"Re-established");
    bench_end(&bench);
}

static void an_upgrade_finds_nothing_or_starts_anew(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    bench_command(&bench, "{\"command\": \"UPGRADE\"}", 10);
    bench_said(&bench, "ACCEPTED|CommandFailed('No update available')");
    bench.settings.upgrade_available = true;
    bench_command(&bench, "{\"command\": \"UPGRADE\"}", 60);
    bench_said(&bench, "ACCEPTED|MEDIUM_INSERTED|\"state\": \"IDLE\"|sheet_settings");
    bench_silent(&bench, "FINISHED");
    bench_end(&bench);
}

static void an_asleep_printer_has_one_timer(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    bench_run(&bench, 200);
    assert_true(connect_face_asleep(bench.face));
    assert_true(connect_face_bytes(bench.face) < 700);
    size_t before = bench.telemetry_count;
    uint64_t armed = bench.world.timers.armed;
    bench_run(&bench, 400);
    assert_int_equal(bench.telemetry_count - before, 100);
    /* One telemetry: its timer, a stream event each way, the watch over the reply. */
    assert_true(bench.world.timers.armed - armed < 100 * 8);
    machine_set_speed(bench.machine, 50);
    bench_run(&bench, 8);
    assert_false(connect_face_asleep(bench.face));
    bench_end(&bench);
}

static void a_bare_host_tells_all_each_second_and_handles_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, with_the_sdk_alone);
    size_t before = bench.telemetry_count;
    buffer_clear(&bench.telemetry);
    bench_run(&bench, 60);
    assert_int_equal(bench.telemetry_count - before, 60);
    assert_non_null(
        strstr(buffer_text(&bench.telemetry), "\"fan_hotend\": 0, \"state\": \"IDLE\""));
    bench_gcode(&bench, "M114", false, 3);
    bench_said(&bench,
               "ACCEPTED|\"REJECTED\", \"source\": \"WUI\", \"data\": {}, \"command_id\": 1, "
               "\"reason\": \"Not Implemented\"");
    bench_command(&bench, "{\"command\": \"SEND_INFO\"}", 3);
    bench_said(&bench, "\"event\": \"INFO\"");
    bench_silent(&bench, "prusalink");
    bench_end(&bench);
}

static void load_tests_may_set_the_pace(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, with_minimal_telemetry_each_5_s);
    size_t before = bench.telemetry_count;
    buffer_clear(&bench.telemetry);
    bench_run(&bench, 50);
    assert_int_equal(bench.telemetry_count - before, 10);
    assert_null(strstr(buffer_text(&bench.telemetry), "temp"));
    bench_end(&bench);
}

static void users_change_keys_and_sheets(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, NULL);
    connect_face_set_active_sheet(bench.face, 3);
    bench_run(&bench, 1);
    bench_said(&bench, "\"source\": \"USER\", \"data\": {\"active_sheet\": 3}");
    connect_face_set_api_key(bench.face, "new-key");
    bench_run(&bench, 1);
    bench_said(&bench, "\"source\": \"CONNECT\", \"data\": {\"type\": 1");
    bench_said(&bench, "\"api_key\": \"new-key\"");
    connect_face_set_server(bench.face, "http://server", NULL);
    size_t before = bench.telemetry_count;
    bench_run(&bench, 5);
    assert_int_equal(bench.telemetry_count, before);
    connect_face_set_server(bench.face, "http://server", "other");
    bench_run(&bench, 5);
    assert_true(bench.telemetry_count > before + 15);
    bench_end(&bench);
}

static void folders_on_the_card_are_only_claimed(void **state)
{
    (void)state;
    struct bench bench;
    const char *command =
        "{\"command\": \"CREATE_FOLDER\", \"kwargs\": {\"path\": \"/SD Card/x\"}}";
    bench_begin(&bench, NULL);
    bench_command(&bench, command, 2);
    bench_said(&bench, ENDED);
    bench_silent(&bench, "FILE_CHANGED");
    bench_end(&bench);
    bench_begin(&bench, without_quirks);
    bench_command(&bench, command, 2);
    bench_said(&bench, "\"event\": \"FAILED\"");
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcode_fails_with_the_texts_of_the_original),
        cmocka_unit_test(a_print_from_the_card_needs_a_name_that_is_there),
        cmocka_unit_test(filament_is_refused_in_prints_and_heats_else),
        cmocka_unit_test(a_reset_finishes_without_the_defect),
        cmocka_unit_test(a_reset_ends_the_command_that_runs),
        cmocka_unit_test(a_printer_comes_back_with_its_reason_without_the_defect),
        cmocka_unit_test(an_upgrade_finds_nothing_or_starts_anew),
        cmocka_unit_test(an_asleep_printer_has_one_timer),
        cmocka_unit_test(a_bare_host_tells_all_each_second_and_handles_nothing),
        cmocka_unit_test(load_tests_may_set_the_pace),
        cmocka_unit_test(users_change_keys_and_sheets),
        cmocka_unit_test(folders_on_the_card_are_only_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
