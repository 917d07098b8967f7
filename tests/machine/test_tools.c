#include "tests/machine/bed.h"

/* The five heads of an XL. */

static void begin(struct bed *bed, const char *gcode)
{
    bed_setup(bed, "xl", 1);
    bed_put(bed, "/usb/part.gcode", gcode);
    bed->said[0] = '\0';
    assert_int_equal(machine_start_print(bed->machine, "/usb/part.gcode", NULL), MACHINE_ACCEPTED);
}

static void each_head_has_its_own_temperature(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "M104 T0 S215\nM104 T2 S250\nT0\nG4 S600\n");
    bed_wait(&bed, 500);
    struct machine_readings readings = bed_read(&bed);
    assert_int_equal(readings.tool_count, 5);
    assert_int_equal(readings.slot_active, 1);
    assert_near(readings.tool[0].nozzle_c, 215, 1);
    assert_near(readings.tool[0].nozzle_target_c, 215, 0);
    assert_near(readings.tool[1].nozzle_c, 25, 0.5);
    assert_near(readings.tool[2].nozzle_c, 250, 1);
    assert_near(readings.nozzle_c, readings.tool[0].nozzle_c, 0);
    assert_true(readings.tool[2].hotend_fan_rpm > 5000); /* it is hot in its dock, too */
    assert_int_equal(readings.tool[1].hotend_fan_rpm, 0);
    bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
}

static void a_change_takes_its_time_and_the_heads_keep_their_heat(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "M104 T0 S200\nM109 T1 S230\nT0\nG4 S100\nT1\nG4 S100\nP0 S1\nG4 S100\n");
    /* M109 waits for the head in its dock. */
    while (bed_read(&bed).tool[1].nozzle_c < 228) {
        assert_int_equal(bed_read(&bed).slot_active, 1);
        bed_wait(&bed, 1);
    }
    bed_wait(&bed, 60);
    assert_int_equal(bed_read(&bed).slot_active, 1);
    assert_near(bed_read(&bed).nozzle_c, 200, 1);
    while (bed_read(&bed).slot_active == 1) {
        bed_wait(&bed, 1);
    }
    assert_int_equal(bed_read(&bed).slot_active, 2);
    struct machine_readings readings = bed_read(&bed);
    assert_near(readings.nozzle_c, 230, 1.5);
    assert_near(readings.nozzle_target_c, 230, 0);
    assert_near(readings.tool[0].nozzle_c, 200, 1);
    bed_wait(&bed, 110);
    assert_int_equal(bed_read(&bed).slot_active, 0); /* parked */
    assert_near(bed_read(&bed).nozzle_c, 230, 1.5);
    bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
}

static void changes_are_part_of_the_time(void **state)
{
    (void)state;
    static const struct {
        const char *gcode;
        double seconds;
    } cases[] = {
        {"G4 S10\n", 10},
        {"T0\nG4 S10\n", 13.5},          /* fetched */
        {"T0\nT0\nG4 S10\n", 13.5},      /* the same again is no change */
        {"T0\nT1\nG4 S10\n", 20.5},      /* docked, and the other fetched */
        {"T0\nP0 S1\nP0\nG4 S10\n", 17}, /* docked once */
        {"T7\nG4 S10\n", 10},            /* there is no such head */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed;
        begin(&bed, cases[i].gcode);
        struct machine_readings readings;
        double printing_s = 0;
        while (machine_state(bed.machine) != STATE_FINISHED) {
            bed_wait(&bed, 0.1);
            readings = bed_read(&bed);
            printing_s = (double)readings.printing_us / 1e6;
        }
        assert_near(printing_s, cases[i].seconds, 0.05);
        bed_teardown(&bed);
    }
}

static void the_print_fan_goes_with_the_head_in_use(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "T0\nM106 S255\nG4 S60\nT3\nG4 S60\n");
    bed_wait(&bed, 30);
    assert_true(bed_read(&bed).tool[0].print_fan_rpm > 5000);
    bed_wait(&bed, 60);
    struct machine_readings readings = bed_read(&bed);
    assert_int_equal(readings.slot_active, 4);
    assert_int_equal(readings.tool[0].print_fan_rpm, 0);
    assert_true(readings.tool[3].print_fan_rpm > 5000);
    assert_int_equal(readings.print_fan_rpm, readings.tool[3].print_fan_rpm);
    bed_teardown(&bed);
}

static void a_stop_cools_all_of_them(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "M104 T0 S200\nM104 T1 S200\nM104 T4 S200\nT1\nG4 S1000\n");
    bed_wait(&bed, 300);
    assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
    for (int i = 0; i < 5; i++) {
        assert_near(bed_read(&bed).tool[i].nozzle_target_c, 0, 0);
    }
    bed_wait(&bed, 3600);
    for (int i = 0; i < 5; i++) {
        assert_near(bed_read(&bed).tool[i].nozzle_c, 25, 2);
        assert_int_equal(bed_read(&bed).tool[i].hotend_fan_rpm, 0);
    }
    bed_teardown(&bed);
}

/* A dead heater is in the head in use; another that is fetched is sound, and so is the first one
 * once it stands in its dock. */
static void a_dead_heater_halts_the_printer(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "M104 T0 S200\nT0\nG4 S1000\n");
    machine_set_fault(bed.machine, FAULT_NOZZLE_HEATER_DEAD, true);
    bed_until(&bed, STATE_ERROR, 300);
    bed_teardown(&bed);
}

static void a_forgotten_head_goes_cold_by_the_safety_timer(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "T0\nM104 T2 S200\nG4 S10\n");
    bed_until(&bed, STATE_FINISHED, 600);
    assert_near(bed_read(&bed).tool[2].nozzle_target_c, 200, 0);
    machine_dismiss_end(bed.machine);
    bed_wait(&bed, 1900);
    assert_near(bed_read(&bed).tool[2].nozzle_target_c, 0, 0);
    bed_teardown(&bed);
}

/* connect-sdk.md 4.7: what an MMU says while it changes the filament. */
static void an_mmu_says_what_it_is_at(void **state)
{
    (void)state;
    static const struct {
        double at_s;
        int active, state;
        const char *command;
    } course[] = {{5, 0, 5, "T1"}, {20, 2, 0, ""},   {30, 2, 3, "T4"}, {45, 2, 5, "T4"},
                  {60, 5, 0, ""},  {70, 5, 3, "U4"}, {80, 0, 0, ""}};
    static const char *const models[] = {"mk3s-mmu2s", "mk4-mmu3"};
    for (size_t i = 0; i < 2; i++) {
        struct bed bed;
        bed_setup(&bed, models[i], 1);
        bed_put(&bed, "/usb/part.gcode", "T1\nG4 S10\nT4\nG4 S10\nM702 C\nG4 S60\n");
        assert_int_equal(machine_start_print(bed.machine, "/usb/part.gcode", NULL),
                         MACHINE_ACCEPTED);
        double at_s = 0;
        for (size_t k = 0; k < sizeof course / sizeof *course; k++) {
            bed_wait(&bed, course[k].at_s - at_s);
            at_s = course[k].at_s;
            struct machine_readings readings = bed_read(&bed);
            assert_int_equal(readings.slot_active, course[k].active);
            assert_int_equal(readings.slot_state, course[k].state);
            assert_string_equal(readings.slot_command, course[k].command);
        }
        bed_teardown(&bed);
    }
}

static void other_printers_have_one_head(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk4", 1);
    assert_int_equal(bed_read(&bed).tool_count, 0);
    bed_teardown(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_head_has_its_own_temperature),
        cmocka_unit_test(a_change_takes_its_time_and_the_heads_keep_their_heat),
        cmocka_unit_test(changes_are_part_of_the_time),
        cmocka_unit_test(the_print_fan_goes_with_the_head_in_use),
        cmocka_unit_test(a_stop_cools_all_of_them),
        cmocka_unit_test(a_dead_heater_halts_the_printer),
        cmocka_unit_test(a_forgotten_head_goes_cold_by_the_safety_timer),
        cmocka_unit_test(an_mmu_says_what_it_is_at),
        cmocka_unit_test(other_printers_have_one_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
