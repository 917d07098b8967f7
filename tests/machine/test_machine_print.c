#include "tests/machine/bed.h"

/* A print of 200 layers, each a square of 40 mm: some 20 minutes, heated, with M73 as PrusaSlicer
 * writes it. */
static char *tower(void)
{
    struct buffer text = {0};
    buffer_append_text(&text,
                       "M140 S60\nM104 S215\nM190 S60\nM109 S215\nG28 W\nG90\nM83\nM106 S255\n");
    for (int layer = 0; layer < 200; layer++) {
        buffer_format(&text, "M73 P%d R%d\n;LAYER_CHANGE\n;Z:%.1f\nG1 Z%.1f F600\n", layer / 2,
                      20 - layer / 10, 0.2 * (layer + 1), 0.2 * (layer + 1));
        static const double corners[][2] = {
            {100, 100}, {140, 100}, {140, 140}, {100, 140}, {100, 100}};
        buffer_format(&text, "G1 X%.0f Y%.0f F3000\n", corners[0][0], corners[0][1]);
        for (int i = 1; i < 5; i++) {
            buffer_format(&text, "G1 X%.0f Y%.0f E1.5 F1800\n", corners[i][0], corners[i][1]);
        }
    }
    buffer_append_text(&text, "M73 P100 R0\nM104 S0\nM140 S0\nM107\n");
    return buffer_detach(&text);
}

static void start(struct bed *bed, const char *text)
{
    bed_setup(bed, "mk3s", 1);
    bed_put(bed, "/usb/tower.gcode", text);
    bed->said[0] = '\0';
    struct error error;
    assert_int_equal(machine_start_print(bed->machine, "/usb/tower.gcode", &error),
                     MACHINE_ACCEPTED);
    bed_said(bed, "PRINTING USER job 57; ");
}

static void start_tower(struct bed *bed)
{
    char *text = tower();
    start(bed, text);
    free(text);
}

static void a_print_heats_prints_and_is_finished_for_eleven_seconds(void **state)
{
    (void)state;
    struct bed bed;
    start_tower(&bed);
    bed_wait(&bed, 20);
    struct machine_readings readings = bed_read(&bed);
    assert_true(readings.heating);
    assert_near(readings.bed_target_c, 60, 0.01);
    assert_int_equal(machine_job(bed.machine)->id, 57);
    double seconds = bed_until(&bed, STATE_FINISHED, 7200);
    assert_in_range((int)seconds, 15 * 60, 35 * 60);
    bed_said(&bed, "FINISHED MARLIN job 57; ");
    assert_null(machine_job(bed.machine));
    readings = bed_read(&bed);
    assert_true(readings.job);
    assert_int_equal(readings.job_id, 0);
    assert_int_equal(readings.progress_percent, 100);
    assert_int_equal(readings.layer, 200);
    assert_near(readings.filament_used_mm, 1200, 0.1);
    assert_near(readings.z_mm, 40, 0.01);
    assert_int_equal(readings.total_filament_mm, 1200);
    bed_wait(&bed, 10.9);
    assert_int_equal(machine_state(bed.machine), STATE_FINISHED);
    bed_wait(&bed, 1.2);
    bed_said(&bed, "IDLE MARLIN; ");
    bed_teardown(&bed);
}

/* A print that is paused and resumed is the same print, later by the time that the pause took. */
static void pauses_anywhere_change_nothing_but_the_time(void **state)
{
    (void)state;
    struct bed bed;
    start_tower(&bed);
    double undisturbed_s = bed_until(&bed, STATE_FINISHED, 7200);
    int64_t printing_us = bed_read(&bed).printing_us;
    bed_teardown(&bed);
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 12; round++) {
        start_tower(&bed);
        bed_wait(&bed, 250 + random_unit(&random) * (undisturbed_s - 300));
        assert_int_equal(machine_pause(bed.machine), MACHINE_ACCEPTED);
        int64_t before_us = bed.world.now_us;
        bed_until(&bed, STATE_PAUSED, 15);
        bed_said(&bed, "PAUSED USER job 57; ");
        struct machine_readings at = bed_read(&bed);
        bed_wait(&bed, 30);
        struct machine_readings parked = bed_read(&bed);
        assert_near(parked.x_mm, 50, 1e-6);
        assert_near(parked.y_mm, 190, 1e-6);
        assert_near(parked.z_mm, at.z_mm + 20, 1e-6);
        assert_near(parked.nozzle_target_c, 0, 1e-6);
        assert_near(parked.bed_target_c, 60, 1e-6);
        assert_int_equal(parked.print_fan_power, 0);
        assert_int_equal(parked.printing_us, at.printing_us);
        bed_wait(&bed, 270);
        assert_true(bed_read(&bed).nozzle_c < 120);
        assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
        bed_until(&bed, STATE_PRINTING, 600);
        bed_said(&bed, "PRINTING USER job 57; ");
        struct machine_readings back = bed_read(&bed);
        assert_near(back.z_mm, at.z_mm, 0.001);
        assert_near(back.x_mm, at.x_mm, 0.001);
        assert_near(back.nozzle_target_c, 215, 1e-6);
        assert_near(back.nozzle_c, 215, 5);
        assert_near(back.filament_used_mm, at.filament_used_mm, 0.001);
        assert_int_equal(back.print_fan_power, 255);
        int64_t lost_us = bed.world.now_us - before_us;
        bed_until(&bed, STATE_FINISHED, 7200);
        struct machine_readings end = bed_read(&bed);
        assert_near(end.filament_used_mm, 1200, 0.1);
        assert_near((double)end.printing_us / 1e6, (double)printing_us / 1e6, 0.01);
        double whole_s = (double)(bed.world.now_us - before_us - lost_us) / 1e6;
        assert_true(whole_s < undisturbed_s);
        bed_teardown(&bed);
    }
}

static void stopping_anywhere_parks_and_cools(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 4);
    for (int round = 0; round < 12; round++) {
        struct bed bed;
        start_tower(&bed);
        bed_wait(&bed, random_unit(&random) * 1200);
        struct machine_readings at = bed_read(&bed);
        assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
        bed_said(&bed, "STOPPED USER job 57; ");
        assert_null(machine_job(bed.machine));
        struct machine_readings stopped = bed_read(&bed);
        assert_near(stopped.nozzle_target_c, 0, 1e-6);
        assert_near(stopped.bed_target_c, 0, 1e-6);
        assert_int_equal(stopped.print_fan_power, 0);
        assert_false(stopped.heating);
        assert_int_equal(stopped.printing_us, at.printing_us);
        bed_wait(&bed, 10);
        assert_int_equal(machine_state(bed.machine), STATE_STOPPED);
        assert_near(bed_read(&bed).z_mm, at.z_mm + 10, 1e-6);
        bed_wait(&bed, 2);
        bed_said(&bed, "IDLE MARLIN; ");
        assert_int_equal(bed_read(&bed).total_filament_mm, (int)at.filament_used_mm);
        assert_int_equal(machine_start_print(bed.machine, "/usb/tower.gcode", NULL),
                         MACHINE_ACCEPTED);
        bed_said(&bed, "PRINTING USER job 58; ");
        bed_teardown(&bed);
    }
}

static void who_looks_does_not_matter(void **state)
{
    (void)state;
    struct bed seldom, often;
    start_tower(&seldom);
    start_tower(&often);
    bed_wait(&seldom, 900);
    for (int i = 0; i < 9000; i++) {
        bed_wait(&often, 0.1);
        bed_read(&often);
    }
    struct machine_readings a = bed_read(&seldom), b = bed_read(&often);
    assert_true(a.nozzle_c == b.nozzle_c && a.bed_c == b.bed_c);
    assert_true(a.x_mm == b.x_mm && a.y_mm == b.y_mm && a.z_mm == b.z_mm && a.e_mm == b.e_mm);
    assert_int_equal(a.printing_us, b.printing_us);
    assert_int_equal(a.time_printing_s, b.time_printing_s);
    bed_wait(&seldom, 6 * 3600);
    for (int i = 0; i < 6 * 3600; i++) {
        bed_wait(&often, 1);
    }
    assert_string_equal(seldom.said, often.said);
    assert_true(bed_read(&seldom).nozzle_c == bed_read(&often).nozzle_c);
    bed_teardown(&seldom);
    bed_teardown(&often);
}

static void pauses_in_the_file_wait_for_somebody(void **state)
{
    (void)state;
    struct bed bed;
    start(&bed,
          "G28 W\nG1 Z1\nG1 X100 Y100 F3000\nM600\nG1 X120\nM601\nG1 X140\nM0 Look\nG1 X160\n");
    bed_until(&bed, STATE_ATTENTION, 120);
    bed_said(&bed, "ATTENTION USER job 57; ");
    assert_int_equal(machine_pause(bed.machine), MACHINE_WRONG_STATE);
    bed_wait(&bed, 600);
    assert_near(bed_read(&bed).x_mm, 211, 1e-6);
    machine_user_confirms(bed.machine);
    bed_said(&bed, "PRINTING USER job 57; ");
    bed_until(&bed, STATE_PAUSED, 60);
    bed_said(&bed, "PAUSED USER job 57; ");
    bed_wait(&bed, 60);
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    bed_until(&bed, STATE_PRINTING, 60);
    assert_near(bed_read(&bed).x_mm, 120, 0.01);
    bed_until(&bed, STATE_ATTENTION, 60);
    assert_near(bed_read(&bed).x_mm, 140, 0.01);
    machine_user_confirms(bed.machine);
    bed_until(&bed, STATE_FINISHED, 60);
    bed_said(&bed, "PRINTING USER job 57; ATTENTION USER job 57; PRINTING USER job 57; FINISHED "
                   "MARLIN job 57; ");
    bed_teardown(&bed);
}

static void runout_asks_for_filament(void **state)
{
    (void)state;
    struct bed bed;
    start_tower(&bed);
    bed_wait(&bed, 500);
    machine_set_fault(bed.machine, FAULT_FILAMENT_RUNOUT, true);
    bed_said(&bed, "ATTENTION USER job 57; ");
    double z_mm = bed_read(&bed).z_mm;
    bed_wait(&bed, 60);
    assert_near(bed_read(&bed).nozzle_target_c, 215, 1e-6);
    machine_user_confirms(bed.machine);
    assert_false(machine_fault(bed.machine, FAULT_FILAMENT_RUNOUT));
    bed_wait(&bed, 30);
    assert_near(bed_read(&bed).z_mm, z_mm + 0.5, 0.7);
    bed_until(&bed, STATE_FINISHED, 7200);
    assert_near(bed_read(&bed).filament_used_mm, 1200, 0.1);
    bed_teardown(&bed);
}

static void refusals_say_why(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    struct error error;
    assert_int_equal(machine_start_print(bed.machine, "/usb/none.gcode", &error), MACHINE_NO_FILE);
    assert_non_null(strstr(error.text, "/usb/none.gcode"));
    assert_int_equal(machine_start_print(bed.machine, "/nowhere/x.gcode", &error), MACHINE_NO_FILE);
    assert_int_equal(machine_start_print(bed.machine, "/usb/../etc/passwd", &error),
                     MACHINE_NO_FILE);
    assert_int_equal(machine_pause(bed.machine), MACHINE_WRONG_STATE);
    assert_int_equal(machine_resume(bed.machine), MACHINE_WRONG_STATE);
    assert_int_equal(machine_stop(bed.machine), MACHINE_WRONG_STATE);
    bed_put(&bed, "/usb/x.gcode", "G28\nG4 S100\n");
    assert_int_equal(machine_start_print(bed.machine, "/usb/x.gcode", &error), MACHINE_ACCEPTED);
    assert_int_equal(machine_start_print(bed.machine, "/usb/x.gcode", &error),
                     MACHINE_ALREADY_PRINTING);
    bed_teardown(&bed);
}

/* The slicer's own promises: "estimated printing time (normal mode) = 10m 32s", which has no
 * heating in it, "filament used [mm] = 400.85, 0, 98.63", and the layers of the file. */
static void a_real_file_takes_the_time_that_its_slicer_promised(void **state)
{
    (void)state;
    const char *shared = getenv("HOTBED_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/data/full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode",
             shared == NULL ? "../shared" : shared);
    struct file_content *content = file_content_of_file(path, NULL);
    if (content == NULL) {
        skip();
    }
    struct bed bed;
    bed_setup(&bed, "mk3s", 1);
    assert_int_equal(machine_put_file(bed.machine, "/usb/x.gcode", content), STORAGE_OK);
    assert_int_equal(machine_start_print(bed.machine, "/usb/x.gcode", NULL), MACHINE_ACCEPTED);
    bool half = false;
    int last_percent = -1;
    double waited_s = 0;
    while (machine_state(bed.machine) != STATE_FINISHED && bed.world.now_us < SECONDS(7200)) {
        struct machine_readings readings = bed_read(&bed);
        assert_true(readings.progress_percent >= last_percent);
        last_percent = readings.progress_percent;
        waited_s += readings.heating;
        if (!half && last_percent >= 50) {
            half = true;
            assert_int_equal(machine_pause(bed.machine), MACHINE_ACCEPTED);
            bed_until(&bed, STATE_PAUSED, 15);
            bed_wait(&bed, 30);
            assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
            bed_until(&bed, STATE_PRINTING, 300);
        }
        bed_wait(&bed, 1);
    }
    struct machine_readings end = bed_read(&bed);
    assert_int_equal(machine_state(bed.machine), STATE_FINISHED);
    assert_int_equal(end.progress_percent, 100);
    assert_true(half);
    print_message("printing %.0f s, of it heating %.0f s; filament %.1f mm; layer %u of %u\n",
                  (double)end.printing_us / 1e6, waited_s, end.filament_used_mm, end.layer,
                  end.layer_count);
    assert_near((double)end.printing_us / 1e6 - waited_s, 632, 0.15 * 632);
    assert_near(end.filament_used_mm, 400.85 + 98.63, 0.03 * 499.48);
    assert_int_equal(end.layer, end.layer_count);
    bed_teardown(&bed);
}

static void speed_changes_the_time(void **state)
{
    (void)state;
    struct bed bed;
    start(&bed, "G28 W\nG1 X0 F600\nG1 X200\nG1 X0\nG1 X200\n");
    bed_until(&bed, STATE_FINISHED, 600);
    double slow_s = (double)bed_read(&bed).printing_us / 1e6;
    bed_teardown(&bed);
    start(&bed, "G28 W\nG1 X0 F600\nG1 X200\nG1 X0\nG1 X200\n");
    machine_set_speed(bed.machine, 200);
    bed_until(&bed, STATE_FINISHED, 600);
    double fast_s = (double)bed_read(&bed).printing_us / 1e6;
    assert_true(fast_s < 0.75 * slow_s);
    bed_teardown(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_print_heats_prints_and_is_finished_for_eleven_seconds),
        cmocka_unit_test(pauses_anywhere_change_nothing_but_the_time),
        cmocka_unit_test(stopping_anywhere_parks_and_cools),
        cmocka_unit_test(who_looks_does_not_matter),
        cmocka_unit_test(pauses_in_the_file_wait_for_somebody),
        cmocka_unit_test(runout_asks_for_filament),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(speed_changes_the_time),
        cmocka_unit_test(a_real_file_takes_the_time_that_its_slicer_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
