/* A sync of virtual printers in virtual time: what the drives hold afterwards, and what the report
 * says. */
#include "sim/machine/resin.h"
#include "tests/machine/sl1_writer.h"
#include "tests/sync/farm_bed.h"

#include <stdio.h>
#include <string.h>

#define HOUR SECONDS(3600)

static int set_up(void **state)
{
    static struct farm_bed bed;
    farm_bed_begin(&bed, 0);
    *state = &bed;
    return 0;
}

static int tear_down(void **state)
{
    farm_bed_end(*state);
    return 0;
}

static void expect_outcome(struct farm_bed *bed, size_t printer, enum sync_outcome outcome)
{
    if (farm_bed_seat(bed, printer)->outcome != outcome) {
        struct buffer text = {0};
        sync_report_text(&bed->report, true, &text);
        print_error("%s", buffer_text(&text));
        buffer_free(&text);
        assert_string_equal(sync_outcome_name(farm_bed_seat(bed, printer)->outcome),
                            sync_outcome_name(outcome));
    }
}

static void write_some(struct farm_bed *bed)
{
    farm_bed_write(bed, "cube.gcode", 5000, 1, 7200);
    farm_bed_write(bed, "jobs/a long name of a part.gcode", 70000, 1, 7200);
    farm_bed_write(bed, "jobs/deep/er/b.gcode", 100, 1, 7200);
    farm_bed_write(bed, "jobs/100 % caf\xc3\xa9 #1+2.gcode", 100, 1, 7200);
}

static void an_empty_printer_gets_everything_and_a_second_run_nothing(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    farm_bed_expect_in_step(bed, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->uploaded, 4);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->same, 4);
}

static void a_dry_run_changes_nothing_and_plans_the_same(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    farm_bed_put(bed, 0, "old.gcode", "G28\n");
    bed->settings.execute = false;
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    expect_outcome(bed, 0, SYNC_PLANNED);
    size_t planned = farm_bed_seat(bed, 0)->todo;
    assert_true(farm_bed_holds(bed, 0, "old.gcode"));
    assert_false(farm_bed_holds(bed, 0, "cube.gcode"));
    bed->settings.execute = true;
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, planned);
    assert_false(farm_bed_holds(bed, 0, "old.gcode"));
    farm_bed_expect_in_step(bed, 0);
}

static void changes_are_followed(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    farm_bed_sync(bed, HOUR);
    world_run(&bed->world, bed->world.now_us + HOUR, NULL);
    farm_bed_write(bed, "cube.gcode", 5000, 2, 0);
    farm_bed_remove(bed, "jobs/deep/er/b.gcode");
    farm_bed_write(bed, "new.gcode", 10, 1, 0);
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    farm_bed_expect_in_step(bed, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->replaced, 1);
    assert_int_equal(farm_bed_seat(bed, 0)->deleted, 1);
    assert_int_equal(farm_bed_seat(bed, 0)->uploaded, 1);
}

static void a_destination_is_all_that_is_touched(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    farm_bed_put(bed, 0, "FOO/x.gcode", "G28\n");
    farm_bed_put(bed, 0, "FOOBAR/x.gcode", "G28\n");
    farm_bed_put(bed, 0, "FOO2.gcode", "G28\n");
    bed->settings.destination = "/usb/FOO";
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    assert_false(farm_bed_holds(bed, 0, "FOO/x.gcode"));
    assert_true(farm_bed_holds(bed, 0, "FOO/cube.gcode"));
    assert_true(farm_bed_holds(bed, 0, "FOOBAR/x.gcode"));
    assert_true(farm_bed_holds(bed, 0, "FOO2.gcode"));
    bed->settings.destination = "new/folder";
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    assert_true(farm_bed_holds(bed, 0, "new/folder/jobs/deep/er/b.gcode"));
}

static void one_that_does_not_answer_stops_no_other(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_add(bed, "mk4", 0);
    farm_bed_add(bed, "xl", 0);
    farm_bed_boot(bed);
    printer_power_off(bed->printers[1]);
    write_some(bed);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 1);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    expect_outcome(bed, 1, SYNC_UNREACHED);
    expect_outcome(bed, 2, SYNC_IN_STEP);
    farm_bed_expect_in_step(bed, 2);
    printer_power_off(bed->printers[0]);
    printer_power_off(bed->printers[2]);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 3);
}

static void a_wrong_password_is_told(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    bed->farm->printers[0].password[0] = 'x';
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 1);
    expect_outcome(bed, 0, SYNC_FAILED);
    assert_null(strstr(farm_bed_seat(bed, 0)->why, "secret"));
}

static void a_full_drive_fails_what_does_not_fit(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 40000);
    farm_bed_boot(bed);
    write_some(bed);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 1);
    expect_outcome(bed, 0, SYNC_FAILED);
    assert_int_equal(farm_bed_seat(bed, 0)->failed, 1);
    assert_true(farm_bed_holds(bed, 0, "cube.gcode"));
    assert_false(farm_bed_holds(bed, 0, "jobs/a long name of a part.gcode"));
    assert_int_equal(farm_bed_storage(bed, 0)->root->child_count, 2); /* no temporary file either */
}

static void an_interrupted_run_leaves_no_half_file_and_the_next_one_ends_it(void **state)
{
    struct farm_bed *bed = *state;
    bed->served.upload_bytes_per_s = 10000;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, SECONDS(4))),
                     130); /* in the 7 s of the large one */
    expect_outcome(bed, 0, SYNC_INTERRUPTED);
    world_run(&bed->world, bed->world.now_us + SECONDS(30), NULL);
    assert_true(farm_bed_holds(bed, 0, "cube.gcode"));
    assert_false(farm_bed_holds(bed, 0, "jobs/a long name of a part.gcode"));
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    farm_bed_expect_in_step(bed, 0);
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, 0);
}

static void contents_are_compared_when_asked_for(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    write_some(bed);
    bed->settings.verify_content = true;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    farm_bed_write(bed, "cube.gcode", 5000, 9, 7200); /* as long, as old, and another */
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->replaced, 0);
    bed->settings.compare_content = true;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    assert_int_equal(farm_bed_seat(bed, 0)->replaced, 1);
    farm_bed_expect_in_step(bed, 0);
}

static void what_only_printers_have_comes_back(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    farm_bed_put(bed, 0, "only/one.gcode", "; one\n");
    farm_bed_put(bed, 0, "both.gcode", "; of the first\n");
    farm_bed_put(bed, 1, "both.gcode", "; of the second\n");
    farm_bed_put(bed, 0, "same.gcode", "; same\n");
    farm_bed_put(bed, 1, "same.gcode", "; same\n");
    bed->settings.copy_back = true;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    expect_outcome(bed, 1, SYNC_IN_STEP);
    bed->settings.copy_back = false;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    expect_outcome(bed, 1, SYNC_IN_STEP);
    assert_int_equal(bed->folder.count, 4);
    assert_true(farm_bed_holds(bed, 1, "only/one.gcode"));
    assert_non_null(sync_folder_find(&bed->folder, "both.gcode"));
    assert_true(sync_folder_find(&bed->folder, "both (Printer-2).gcode") != NULL ||
                sync_folder_find(&bed->folder, "both (Printer-1).gcode") != NULL);
    farm_bed_expect_in_step(bed, 0);
    farm_bed_expect_in_step(bed, 1);
}

static void the_raspberry_pi_is_brought_into_step_as_well(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk3s", 0);
    farm_bed_boot(bed);
    write_some(bed);
    farm_bed_write(bed, "binary.bgcode", 500, 1, 7200);
    farm_bed_remove(bed,
                    "jobs/100 % caf\xc3\xa9 #1+2.gcode"); /* two characters that it forbids (6.1) */
    farm_bed_put(bed, 0, "Old Part.gcode", "G28\n");
    bed->settings.verify_content = true;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    farm_bed_expect_in_step(bed, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->foreign, 1);
    assert_int_equal(farm_bed_seat(bed, 0)->deleted, 1);
    world_run(&bed->world, bed->world.now_us + HOUR, NULL);
    farm_bed_write(bed, "cube.gcode", 5100, 2, 0);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    farm_bed_expect_in_step(bed, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->replaced, 1);
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, 0);
}

/* A farm of three models at the speed of real boards (prusalink.md 7), interrupted and resumed:
 * hours of the printers' time. */
static void a_large_farm_ends_in_step_after_an_interruption(void **state)
{
    struct farm_bed *bed = *state;
    bed->served.upload_bytes_per_s = 300000;
    static const struct {
        const char *model;
        size_t count;
    } models[] = {{"mk4", 50}, {"mk3s", 20}, {"xl", 5}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < models[i].count; k++) {
            farm_bed_add(bed, models[i].model, 0);
        }
    }
    farm_bed_boot(bed);
    for (int i = 0; i < 8; i++) {
        char path[60];
        snprintf(path, sizeof path, "jobs %d/part %d.gcode", i % 3, i);
        farm_bed_write(bed, path, 40000, i, 7200);
    }
    farm_bed_write(bed, "binary.bgcode", 30000, 1, 7200);
    farm_bed_put(bed, 3, "excess.gcode", "G28\n");
    bed->settings.jobs = 20;
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, SECONDS(3))), 130);
    world_run(&bed->world, bed->world.now_us + SECONDS(60), NULL);
    farm_bed_sync(bed, HOUR);
    for (size_t i = 0; i < bed->count; i++) {
        expect_outcome(bed, i, SYNC_IN_STEP);
        farm_bed_expect_in_step(bed, i);
    }
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    for (size_t i = 0; i < bed->count; i++) {
        assert_int_equal(farm_bed_seat(bed, i)->todo, 0);
    }
}

static void what_another_letter_brings_is_no_second_file(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    farm_bed_write(bed, "here.gcode", 10, 1, 7200);
    farm_bed_put(bed, 0, "HERE.gcode", "G1 X1 Y1\n\n");
    farm_bed_put(bed, 0, "found.gcode", "G28\n");
    farm_bed_put(bed, 1, "FOUND.gcode", "G29\n");
    bed->settings.copy_back = true;
    bed->settings.policy.keep_excess = true;
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    expect_outcome(bed, 1, SYNC_IN_STEP);
    assert_int_equal(farm_bed_seat(bed, 0)->copied_back, 1);
    sync_folder_free(&bed->folder);
    assert_true(sync_folder_read(&bed->folder, bed->root, &bed->rules, NULL));
    assert_int_equal(bed->folder.count, 3);
    assert_string_equal(bed->folder.files[0].path, "FOUND (Printer-2).gcode");
    assert_string_equal(bed->folder.files[1].path, "found.gcode");
    assert_string_equal(bed->folder.files[2].path, "here.gcode");
}

static void what_came_back_does_not_go_there_again(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "mk4", 0);
    farm_bed_add(bed, "mk4", 0);
    farm_bed_boot(bed);
    farm_bed_write(bed, "a.gcode", 5000, 1, 7200);
    farm_bed_sync(bed, HOUR);
    farm_bed_remove(bed, "a.gcode");
    bed->settings.copy_back = true;
    bed->settings.policy.keep_excess = true;
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->copied_back, 1);
    bed->settings.copy_back = false;
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, 0);
    assert_int_equal(farm_bed_seat(bed, 1)->todo, 0);
    farm_bed_expect_in_step(bed, 1);
}

static void a_resin_printer_is_brought_into_step_as_well(void **state)
{
    struct farm_bed *bed = *state;
    farm_bed_add(bed, "sl1", 0);
    farm_bed_boot(bed);
    farm_bed_write(bed, "a.sl1", 3000, 1, 7200);
    farm_bed_write(bed, "sub/caf\xc3\xa9 100% #1.sl1", 5000, 1, 7200);
    farm_bed_write(bed, "not for it.gcode", 100, 1, 7200);
    farm_bed_put(bed, 0, "old.sl1", "old");
    bed->settings.verify_content = true;
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    farm_bed_expect_in_step(bed, 0);
    assert_false(farm_bed_holds(bed, 0, "old.sl1"));
    world_run(&bed->world, bed->world.now_us + HOUR, NULL);
    farm_bed_write(bed, "a.sl1", 4000, 2, 0);
    assert_int_equal(sync_report_exit_code(farm_bed_sync(bed, HOUR)), 0);
    farm_bed_expect_in_step(bed, 0);
    assert_int_equal(farm_bed_seat(bed, 0)->uploaded, 1);
    farm_bed_sync(bed, HOUR);
    assert_int_equal(farm_bed_seat(bed, 0)->todo, 0);
}

/* Nothing is done to one with a project on its screen; told to, only the project itself is kept. */
static void a_resin_printer_at_work_is_left_alone(void **state)
{
    struct farm_bed *bed = *state;
    static const struct sl1_written part = {.printer_model = "SL1S",
                                            .layers = 50,
                                            .width = 50,
                                            .height = 50,
                                            .white = 25,
                                            .exposure_s = 2,
                                            .exposure_first_s = 25,
                                            .used_ml = 0.01};
    farm_bed_add(bed, "sl1", 0);
    farm_bed_add(bed, "sl1s", 0);
    farm_bed_boot(bed);
    struct machine *works = printer_machine(bed->printers[1]);
    assert_int_equal(machine_put_file(works, "/local/part.sl1s", sl1_content(&part)), STORAGE_OK);
    farm_bed_write(bed, "a.sl1", 3000, 1, 7200);
    farm_bed_write(bed, "b.sl1s", 3000, 1, 7200);
    assert_int_equal(machine_open_project(works, "/local/part.sl1s", NULL), MACHINE_ACCEPTED);
    world_run(&bed->world, bed->world.now_us + SECONDS(10), NULL);
    farm_bed_sync(bed, HOUR);
    expect_outcome(bed, 0, SYNC_IN_STEP);
    expect_outcome(bed, 1, SYNC_BUSY);
    assert_true(farm_bed_holds(bed, 1, "part.sl1s") && !farm_bed_holds(bed, 1, "b.sl1s"));
    assert_int_equal(machine_resin_phase(works), RESIN_CONFIRM); /* nobody has touched it */
    assert_int_equal(machine_confirm(works), MACHINE_ACCEPTED);
    world_run(&bed->world, bed->world.now_us + SECONDS(60), NULL);
    bed->settings.any_state = true;
    farm_bed_sync(bed, HOUR);
    assert_true(farm_bed_holds(bed, 1, "part.sl1s") && farm_bed_holds(bed, 1, "b.sl1s"));
    assert_int_not_equal(machine_resin_phase(works), RESIN_NO_PROJECT);
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BED(an_empty_printer_gets_everything_and_a_second_run_nothing),
        IN_BED(a_dry_run_changes_nothing_and_plans_the_same),
        IN_BED(changes_are_followed),
        IN_BED(a_destination_is_all_that_is_touched),
        IN_BED(one_that_does_not_answer_stops_no_other),
        IN_BED(a_wrong_password_is_told),
        IN_BED(a_full_drive_fails_what_does_not_fit),
        IN_BED(an_interrupted_run_leaves_no_half_file_and_the_next_one_ends_it),
        IN_BED(contents_are_compared_when_asked_for),
        IN_BED(what_only_printers_have_comes_back),
        IN_BED(what_another_letter_brings_is_no_second_file),
        IN_BED(what_came_back_does_not_go_there_again),
        IN_BED(a_resin_printer_is_brought_into_step_as_well),
        IN_BED(a_resin_printer_at_work_is_left_alone),
        IN_BED(the_raspberry_pi_is_brought_into_step_as_well),
        IN_BED(a_large_farm_ends_in_step_after_an_interruption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
