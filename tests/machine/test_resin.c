#include "tests/machine/bed.h"

#include "sim/machine/resin.h"
#include "tests/machine/sl1_writer.h"

/* PM-11's project: 100 layers of 0.05 mm, small area; each lights 100 x 50 pixels of 50 um, which
 * is 0.625 microlitres of resin. */
static const struct sl1_written pm_11 = {.printer_model = "SL1S",
                                         .layers = 100,
                                         .width = 100,
                                         .height = 100,
                                         .white = 50,
                                         .exposure_s = 2.5,
                                         .exposure_first_s = 25,
                                         .used_ml = 0.0625};

static void put(struct bed *bed, const char *path, const struct sl1_written *project)
{
    assert_int_equal(machine_put_file(bed->machine, path, sl1_content(project)), STORAGE_OK);
    bed->said[0] = '\0';
}

static struct resin_readings resin_of(struct bed *bed)
{
    struct resin_readings readings;
    assert_true(machine_read_resin(bed->machine, &readings));
    return readings;
}

/* Wait for a phase; the time that it took, s. */
static double until_phase(struct bed *bed, enum resin_phase phase, double most_s)
{
    int64_t from_us = bed->world.now_us, until_us = from_us + (int64_t)(most_s * 1e6);
    while (machine_resin_phase(bed->machine) != phase && world_step(&bed->world, until_us)) {
    }
    assert_string_equal(resin_phase_name(machine_resin_phase(bed->machine)),
                        resin_phase_name(phase));
    return (double)(bed->world.now_us - from_us) / 1e6;
}

static void begin(struct bed *bed, const struct sl1_written *project)
{
    put(bed, "/usb/part.sl1", project);
    assert_int_equal(machine_start_print(bed->machine, "/usb/part.sl1", NULL), MACHINE_ACCEPTED);
}

/* As far as the first layer, with a person who pours the resin in. */
static void begin_layers(struct bed *bed, const struct sl1_written *project)
{
    begin(bed, project);
    until_phase(bed, RESIN_POUR_IN_RESIN, 60);
    machine_user_confirms(bed->machine);
    until_phase(bed, RESIN_PRINTING, 120);
}

static void a_print_goes_through_its_phases(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin(&bed, &pm_11);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_READING_DATA);
    until_phase(&bed, RESIN_HOMING_AXIS, 10);
    until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
    bed_wait(&bed, 3600); /* as long as somebody needs */
    machine_user_confirms(bed.machine);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_CHECKS);
    bed_wait(&bed, 5);
    assert_int_equal(resin_of(&bed).blower_fan_rpm, 3300);
    until_phase(&bed, RESIN_PRINTING, 120);
    bed_said(&bed, "BUSY FIRMWARE job 57; ATTENTION FIRMWARE job 57; BUSY USER job 57; "
                   "PRINTING FIRMWARE job 57; ");
    assert_near(until_phase(&bed, RESIN_GOING_UP, 3600), 608.5, 1); /* PM-11 */
    assert_near(resin_of(&bed).consumed_ml, 0.0625, 1e-6);
    until_phase(&bed, RESIN_FINISHED, 60);
    assert_near(resin_of(&bed).tower_mm, 150, 0);
    assert_int_equal(resin_of(&bed).blower_fan_rpm, 0);
    bed_said(&bed, "BUSY FIRMWARE job 57; FINISHED FIRMWARE job 57; ");
    bed_wait(&bed, 3600);
    machine_user_confirms(bed.machine);
    bed_said(&bed, "IDLE USER; ");
    assert_false(resin_of(&bed).job);
    bed_teardown(&bed);
}

static void layers_progress_and_times_go_on_together(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin_layers(&bed, &pm_11);
    struct resin_readings at_first = resin_of(&bed);
    assert_int_equal(at_first.layer, 1);
    assert_int_equal(at_first.layer_count, 100);
    assert_int_equal(at_first.layer_exposure_ms, 25000);
    assert_int_equal(at_first.estimate_s, 608);
    assert_int_equal(at_first.remaining_s, 608);
    assert_near(at_first.remaining_ml, 200, 0);
    /* 13 slow layers, then 37 of the others */
    bed_wait(&bed, 362.5 - 87 * 2.5 + 13 * 2.724 + 37 * (2.5 + 2.044) + 1);
    struct machine_readings common = bed_read(&bed);
    struct resin_readings later = resin_of(&bed);
    assert_true(later.layer > 40 && later.layer < 60);
    assert_int_equal(common.layer, later.layer);
    assert_int_equal(common.progress_percent, later.layer - 1);
    assert_near(later.progress, (later.layer - 1) / 100.0, 1e-9);
    assert_near((double)(later.elapsed_s + later.remaining_s), 608.5, 6);
    assert_int_equal(common.time_remaining_s, later.remaining_s);
    assert_near(later.consumed_ml, 0.000625 * (later.layer - 1), 1e-6);
    assert_near(later.tank_ml, 200 - later.consumed_ml, 1e-6);
    assert_near(later.tower_mm, later.layer * 0.05, 0.051);
    bed_teardown(&bed);
}

static void an_open_cover_stops_light_and_motion(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin_layers(&bed, &pm_11);
    bed_wait(&bed, 10); /* within the 25 s of the first layer */
    assert_true(resin_of(&bed).uv_led_on);
    bed.said[0] = '\0';
    machine_set_cover(bed.machine, false);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_COVER_OPEN);
    assert_false(resin_of(&bed).uv_led_on);
    assert_false(resin_of(&bed).cover_closed);
    double at_mm = resin_of(&bed).tower_mm;
    bed_wait(&bed, 600);
    assert_int_equal(resin_of(&bed).layer, 1);
    assert_near(resin_of(&bed).tower_mm, at_mm, 0);
    machine_set_cover(bed.machine, true);
    bed_said(&bed, "BUSY USER job 57; PRINTING USER job 57; ");
    assert_true(resin_of(&bed).uv_led_on);
    assert_near(until_phase(&bed, RESIN_GOING_UP, 3600), 598.5, 1);
    bed_teardown(&bed);
}

static void a_print_waits_for_the_cover_before_it_measures(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    machine_set_cover(bed.machine, false);
    begin(&bed, &pm_11);
    until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
    machine_user_confirms(bed.machine);
    assert_near(until_phase(&bed, RESIN_COVER_OPEN, 60), 10, 0.01);
    bed_wait(&bed, 100);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_COVER_OPEN);
    machine_set_cover(bed.machine, true);
    until_phase(&bed, RESIN_PRINTING, 60);
    bed_teardown(&bed);
}

static void a_pause_ends_the_layer_and_feeds(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin_layers(&bed, &pm_11);
    bed.said[0] = '\0';
    assert_int_equal(machine_resume(bed.machine), MACHINE_WRONG_STATE);
    assert_int_equal(machine_pause(bed.machine), MACHINE_ACCEPTED);
    assert_int_equal(machine_pause(bed.machine), MACHINE_WRONG_STATE);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_PENDING_ACTION);
    until_phase(&bed, RESIN_FEED_ME, 60);
    assert_near(resin_of(&bed).tower_mm, 150, 0);
    assert_int_equal(resin_of(&bed).layer, 2); /* the first is done */
    bed_said(&bed, "BUSY FIRMWARE job 57; PAUSED FIRMWARE job 57; ");
    bed_wait(&bed, 1000);
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    until_phase(&bed, RESIN_STIRRING, 1);
    until_phase(&bed, RESIN_GOING_DOWN, 60);
    until_phase(&bed, RESIN_PRINTING, 60);
    bed_said(&bed, "BUSY FIRMWARE job 57; PRINTING FIRMWARE job 57; ");
    until_phase(&bed, RESIN_FINISHED, 3600);
    bed_teardown(&bed);
}

/* Each layer takes 1.62 ml of a tank that is measured as 70 ml and asks to be fed below 50. */
static void low_resin_asks_to_be_fed(void **state)
{
    (void)state;
    static const struct sl1_written thirsty = {.printer_model = "SL1S",
                                               .layers = 30,
                                               .width = 1620,
                                               .height = 2560,
                                               .white = 2000,
                                               .exposure_s = 2,
                                               .exposure_first_s = 10,
                                               .used_ml = 150,
                                               .layer_mm = 0.2};
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin(&bed, &thirsty);
    until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
    machine_set_resin(bed.machine, 70);
    assert_int_equal(machine_confirm(bed.machine), MACHINE_ACCEPTED); /* a host pours nothing in */
    until_phase(&bed, RESIN_PRINTING, 120);
    double layer_ml = 1620 * 2000 * 0.0025 * 0.2 / 1000;
    until_phase(&bed, RESIN_FEED_ME, 3600);
    struct resin_readings low = resin_of(&bed);
    assert_true(low.resin_low);
    assert_int_equal(low.code, 10712);
    assert_int_equal(machine_state(bed.machine), STATE_ATTENTION);
    assert_near(low.remaining_ml, 70 - low.consumed_ml, 1e-6);
    assert_true(low.remaining_ml < 50 && low.remaining_ml + layer_ml >= 50);
    /* "Continue" from afar prints one more layer; a person fills the tank. */
    assert_int_equal(machine_confirm(bed.machine), MACHINE_ACCEPTED);
    until_phase(&bed, RESIN_PRINTING, 120);
    until_phase(&bed, RESIN_FEED_ME, 3600);
    assert_int_equal(resin_of(&bed).layer, low.layer + 1);
    assert_int_equal(machine_refill(bed.machine), MACHINE_ACCEPTED);
    assert_near(resin_of(&bed).remaining_ml, 200, 1e-6);
    assert_int_equal(resin_of(&bed).code, 0);
    assert_int_equal(machine_confirm(bed.machine), MACHINE_ACCEPTED);
    until_phase(&bed, RESIN_FINISHED, 3600);
    assert_near(resin_of(&bed).consumed_ml, 29.25 * layer_ml, 1e-3);
    bed_teardown(&bed);
}

static void checks_warn_and_fail(void **state)
{
    (void)state;
    static const struct {
        double tank_ml, room_c, used_ml;
        const char *more;
        enum machine_fault fault; /* FAULT_COUNT: none */
        bool tank_out;
        enum resin_phase phase;
        int code;
    } cases[] = {
        {200, 25, 1, NULL, FAULT_COUNT, false, RESIN_PRINTING, 0},
        {60, 25, 1, NULL, FAULT_COUNT, false, RESIN_FAILURE, 10108},
        {230, 25, 1, NULL, FAULT_COUNT, false, RESIN_FAILURE, 10109},
        {200, 25, 1, NULL, FAULT_COUNT, true, RESIN_FAILURE, 10307},
        {200, 25, 1, NULL, FAULT_RESIN_SENSOR_DEAD, false, RESIN_FAILURE, 10307},
        {200, 25, 1, NULL, FAULT_REAR_FAN_STALLED, false, RESIN_FAILURE, 10106},
        {200, 10, 1, NULL, FAULT_COUNT, false, RESIN_CHECK_WARNING, 10703},
        {200, 36, 1, NULL, FAULT_COUNT, false, RESIN_CHECK_WARNING, 10702},
        {100, 25, 50, NULL, FAULT_COUNT, false, RESIN_CHECK_WARNING, 10706},
        {100, 25, 500, NULL, FAULT_COUNT, false, RESIN_PRINTING, 0}, /* it is fed on the way */
        {200, 25, 1, ", \"expTime\": 900", FAULT_COUNT, false, RESIN_CHECK_WARNING, 10707},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed;
        bed_setup(&bed, "sl1s", 1);
        struct sl1_written project = pm_11;
        project.layers = 3;
        project.used_ml = cases[i].used_ml;
        project.more = cases[i].more;
        begin(&bed, &project);
        until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
        machine_set_resin(bed.machine, cases[i].tank_ml);
        machine_set_tank(bed.machine, !cases[i].tank_out);
        machine_set_room(bed.machine, cases[i].room_c);
        if (cases[i].fault != FAULT_COUNT) {
            machine_set_fault(bed.machine, cases[i].fault, true);
        }
        assert_int_equal(machine_confirm(bed.machine), MACHINE_ACCEPTED);
        until_phase(&bed, cases[i].phase, 300);
        assert_int_equal(machine_resin_code(bed.machine), cases[i].code);
        if (cases[i].phase == RESIN_FAILURE) {
            assert_int_equal(machine_state(bed.machine), STATE_ERROR);
            machine_user_confirms(bed.machine);
            assert_int_equal(machine_state(bed.machine), STATE_IDLE);
        } else if (cases[i].phase == RESIN_CHECK_WARNING) {
            machine_user_confirms(bed.machine);
            until_phase(&bed, RESIN_PRINTING, 300);
        }
        bed_teardown(&bed);
    }
}

static void stopping_takes_effect_where_the_firmware_lets_it(void **state)
{
    (void)state;
    static const struct {
        enum resin_phase at, then;
        const char *said;
    } cases[] = {
        {RESIN_CONFIRM, RESIN_NO_PROJECT, "IDLE FIRMWARE job 57; "},
        {RESIN_HOMING_AXIS, RESIN_CANCELED, "STOPPED FIRMWARE job 57; "},
        {RESIN_POUR_IN_RESIN, RESIN_CANCELED, "STOPPED FIRMWARE job 57; "},
        {RESIN_CHECKS, RESIN_CANCELED, "STOPPED FIRMWARE job 57; "},
        {RESIN_PRINTING, RESIN_PENDING_ACTION, "BUSY FIRMWARE job 57; STOPPED FIRMWARE job 57; "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed;
        bed_setup(&bed, "sl1s", 1);
        put(&bed, "/usb/part.sl1", &pm_11);
        assert_int_equal(machine_open_project(bed.machine, "/usb/part.sl1", NULL),
                         MACHINE_ACCEPTED);
        until_phase(&bed, RESIN_CONFIRM, 10);
        assert_int_equal(resin_of(&bed).standard, RESIN_STANDARD_SELECTED);
        if (cases[i].at != RESIN_CONFIRM) {
            assert_int_equal(machine_confirm(bed.machine), MACHINE_ACCEPTED);
        }
        if (cases[i].at == RESIN_CHECKS || cases[i].at == RESIN_PRINTING) {
            until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
            assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
        }
        until_phase(&bed, cases[i].at, 300);
        bed.said[0] = '\0';
        assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
        assert_int_equal(machine_resin_phase(bed.machine), cases[i].then);
        bed_wait(&bed, 120);
        if (cases[i].at == RESIN_CONFIRM) {
            bed_said(&bed, "IDLE FIRMWARE; ");
        } else {
            bed_said(&bed, cases[i].said);
            assert_int_equal(machine_stop(bed.machine), MACHINE_WRONG_STATE);
            assert_int_equal(machine_set_ready(bed.machine, true), MACHINE_ACCEPTED);
            bed_said(&bed, "IDLE FIRMWARE; READY USER; ");
        }
        bed_teardown(&bed);
    }
}

/* PM-10 */
static void PM_10_a_hot_led_makes_the_print_wait(void **state)
{
    (void)state;
    static const struct sl1_written lit_long = {.printer_model = "SL1",
                                                .layers = 20,
                                                .width = 10,
                                                .height = 10,
                                                .white = 5,
                                                .exposure_s = 60,
                                                .exposure_first_s = 60,
                                                .used_ml = 0.1};
    struct bed bed;
    bed_setup(&bed, "sl1", 1);
    begin_layers(&bed, &lit_long);
    machine_set_fault(bed.machine, FAULT_UV_LED_FAN_STALLED, true);
    until_phase(&bed, RESIN_COOLING_DOWN, 600);
    assert_true(resin_of(&bed).uv_led_c > 55);
    assert_int_equal(resin_of(&bed).uv_led_fan_rpm, 0);
    until_phase(&bed, RESIN_PRINTING, 600);
    assert_true(resin_of(&bed).uv_led_c < 45);
    assert_int_equal(resin_of(&bed).code, 10713);
    bed_teardown(&bed);
}

static void a_stuck_tilt_waits_for_help(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin_layers(&bed, &pm_11);
    machine_set_fault(bed.machine, FAULT_TILT_STUCK, true);
    until_phase(&bed, RESIN_STUCK, 60);
    assert_int_equal(resin_of(&bed).standard, RESIN_STANDARD_ERROR);
    assert_int_equal(resin_of(&bed).code, 10101);
    machine_set_fault(bed.machine, FAULT_TILT_STUCK, false);
    machine_user_confirms(bed.machine);
    until_phase(&bed, RESIN_PRINTING, 60);
    machine_set_fault(bed.machine, FAULT_TILT_STUCK, true);
    until_phase(&bed, RESIN_STUCK, 60);
    assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_FAILURE);
    bed_teardown(&bed);
}

static void readings_are_those_of_a_printer_at_rest(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1", 1);
    bed_wait(&bed, 3600);
    struct resin_readings readings = resin_of(&bed);
    assert_near(readings.cpu_c, 39, 0.1);
    assert_near(readings.ambient_c, 25, 0);
    assert_near(readings.uv_led_c, 25, 0.01);
    assert_true(readings.cover_closed && readings.tank_inserted && readings.calibrated);
    assert_int_equal(readings.tilt_steps, 4928);
    assert_int_equal(readings.standard, RESIN_STANDARD_READY);
    assert_true(isnan(bed_read(&bed).nozzle_c));
    assert_int_equal(timer_queue_next_us(&bed.world.timers), INT64_MAX); /* idle costs nothing */
    bed_teardown(&bed);
}

static void what_it_can_not_print_has_the_firmwares_number(void **state)
{
    (void)state;
    struct bed bed;
    struct error error;
    bed_setup(&bed, "sl1", 1);
    put(&bed, "/usb/other.sl1", &pm_11);
    bed_put(&bed, "/usb/rubbish.sl1", "no archive at all");
    bed_put(&bed, "/usb/part.gcode", "G28\n");
    static const struct {
        const char *path;
        int code;
    } cases[] = {{"/usb/other.sl1", 10544},
                 {"/usb/rubbish.sl1", 10539},
                 {"/usb/part.gcode", 10519},
                 {"/usb/none.sl1", 10518}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(machine_start_print(bed.machine, cases[i].path, &error),
                             MACHINE_ACCEPTED);
        assert_int_equal(machine_resin_code(bed.machine), cases[i].code);
        assert_int_equal(machine_state(bed.machine), STATE_IDLE);
    }
    machine_set_calibrated(bed.machine, false);
    assert_int_equal(machine_start_print(bed.machine, "/usb/other.sl1", &error),
                     MACHINE_WRONG_STATE);
    assert_int_equal(machine_resin_code(bed.machine), 10113);
    bed_teardown(&bed);
}

static void a_reset_loses_the_print(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    begin_layers(&bed, &pm_11);
    bed.said[0] = '\0';
    machine_reset(bed.machine);
    bed_until(&bed, STATE_IDLE, 10);
    bed_said(&bed, "BUSY FIRMWARE; IDLE HW; ");
    assert_int_equal(machine_resin_phase(bed.machine), RESIN_NO_PROJECT);
    assert_null(machine_job(bed.machine));
    bed_teardown(&bed);
}

static void two_printers_with_one_plan_do_not_notice_each_other(void **state)
{
    (void)state;
    struct plan_cache *plans = plan_cache_new(1 << 20);
    struct file_content *content = sl1_content(&pm_11);
    char said[2][SAID_BYTES];
    int64_t ended_us[2];
    for (int i = 0; i < 2; i++) {
        struct bed bed = {0};
        world_init(&bed.world, 1);
        struct machine_settings settings = {
            .model = model_find("sl1s"), .room_c = NAN, .plans = plans};
        bed.machine = machine_new(&bed.world, &settings);
        bed.listener = (struct machine_listener){.events = &bed_events, .face = &bed};
        struct storage storage;
        storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
        machine_attach(bed.machine, &storage);
        machine_put_file(bed.machine, "/usb/part.sl1", file_content_share(content));
        machine_power_on(bed.machine);
        bed_wait(&bed, 10);
        machine_listen(bed.machine, &bed.listener);
        assert_int_equal(machine_start_print(bed.machine, "/usb/part.sl1", NULL), MACHINE_ACCEPTED);
        until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
        machine_user_confirms(bed.machine);
        until_phase(&bed, RESIN_FINISHED, 3600);
        ended_us[i] = bed.world.now_us;
        memcpy(said[i], bed.said, SAID_BYTES);
        bed_teardown(&bed);
    }
    assert_string_equal(said[0], said[1]);
    assert_int_equal(ended_us[0], ended_us[1]);
    file_content_release(content);
    plan_cache_destroy(plans);
}

/* The project that a real slicer made: ../shared/data/README.md. */
static void the_shape_box_prints(void **state)
{
    (void)state;
    const char *shared = getenv("HOTBED_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/data/Shape-Box.sl1", shared != NULL ? shared : "../shared");
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        skip();
    }
    struct buffer bytes = {0};
    char chunk[65536];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        buffer_append(&bytes, chunk, got);
    }
    fclose(file);
    struct bed bed;
    bed_setup(&bed, "sl1s", 1);
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    assert_int_equal(machine_put_file(bed.machine, "/usb/Shape-Box.sl1", content), STORAGE_OK);
    buffer_free(&bytes);
    assert_int_equal(machine_start_print(bed.machine, "/usb/Shape-Box.sl1", NULL),
                     MACHINE_ACCEPTED);
    until_phase(&bed, RESIN_POUR_IN_RESIN, 60);
    machine_user_confirms(bed.machine);
    until_phase(&bed, RESIN_PRINTING, 120);
    struct resin_readings readings = resin_of(&bed);
    assert_int_equal(readings.layer_count, 620);
    double took_s = until_phase(&bed, RESIN_GOING_UP, 7200);
    assert_near(took_s, (double)readings.estimate_s, 1);
    readings = resin_of(&bed);
    /* The slicer says 17.15 ml, of the model itself; pixels at its edges count in part. */
    assert_near(readings.consumed_ml, 17.147, 0.2);
    assert_near(took_s, 2722, 400); /* the slicer's idea of the same */
    print_message("layers 620, %.1f s, %.3f ml\n", took_s, readings.consumed_ml);
    bed_teardown(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_print_goes_through_its_phases),
        cmocka_unit_test(layers_progress_and_times_go_on_together),
        cmocka_unit_test(an_open_cover_stops_light_and_motion),
        cmocka_unit_test(a_print_waits_for_the_cover_before_it_measures),
        cmocka_unit_test(a_pause_ends_the_layer_and_feeds),
        cmocka_unit_test(low_resin_asks_to_be_fed),
        cmocka_unit_test(checks_warn_and_fail),
        cmocka_unit_test(stopping_takes_effect_where_the_firmware_lets_it),
        cmocka_unit_test(PM_10_a_hot_led_makes_the_print_wait),
        cmocka_unit_test(a_stuck_tilt_waits_for_help),
        cmocka_unit_test(readings_are_those_of_a_printer_at_rest),
        cmocka_unit_test(what_it_can_not_print_has_the_firmwares_number),
        cmocka_unit_test(a_reset_loses_the_print),
        cmocka_unit_test(two_printers_with_one_plan_do_not_notice_each_other),
        cmocka_unit_test(the_shape_box_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
