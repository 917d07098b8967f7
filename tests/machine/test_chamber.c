#include "tests/machine/bed.h"

#include "sim/machine/chamber.h"

/* The air around the bed of a CORE One, and of an XL in its enclosure. */

/* printer-models.md 9.6: bed 110 °C, room 25 °C: final 50 °C, time constant 1059 s, 45 °C after
 * 1704 s. */
static void the_air_warms_as_the_document_has_it(void **state)
{
    (void)state;
    struct chamber chamber;
    chamber_init(&chamber, 25, 0);
    chamber_set_bed(&chamber, 110, 1e-3, 0); /* hot at once */
    assert_near(chamber_air_c(&chamber, SECONDS(1704)), 45, 0.02);
    assert_near(chamber_air_c(&chamber, SECONDS(1059)), 50 - 25 / exp(1), 0.02);
    assert_near(chamber_air_c(&chamber, SECONDS(100000)), 50, 1e-6);
    chamber_set_fan(&chamber, 1, SECONDS(100000));
    double full_c = (110 / 1.2 + 25 / 0.12) / (1 / 1.2 + 1 / 0.12);
    assert_near(chamber_air_c(&chamber, SECONDS(200000)), full_c, 1e-6);
}

static void two_steps_are_one(void **state)
{
    (void)state;
    struct chamber once, twice;
    chamber_init(&once, 20, 0);
    chamber_set_bed(&once, 100, 80, 0);
    twice = once;
    for (int64_t at_us = 0; at_us < SECONDS(3000); at_us += SECONDS(7)) {
        chamber_set_room(&twice, 20, at_us); /* nothing new, but a new curve */
    }
    assert_near(chamber_air_c(&twice, SECONDS(3000)), chamber_air_c(&once, SECONDS(3000)), 1e-9);
}

static double chamber_of(struct bed *bed)
{
    return bed_read(bed).chamber_c;
}

static void begin(struct bed *bed, const char *gcode)
{
    bed_put(bed, "/usb/part.gcode", gcode);
    assert_int_equal(machine_start_print(bed->machine, "/usb/part.gcode", NULL), MACHINE_ACCEPTED);
}

static void a_print_warms_the_chamber_and_the_end_cools_it(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "coreone", 1);
    assert_near(chamber_of(&bed), 25, 1e-9);
    begin(&bed, "M140 S110\nG4 S7200\nM140 S0\nG4 S1\n");
    bed_wait(&bed, 1704);
    assert_near(chamber_of(&bed), 44, 1.5); /* the bed needs its time first */
    bed_wait(&bed, 5400);
    assert_near(chamber_of(&bed), 50, 0.5);
    assert_int_equal(bed_read(&bed).chamber_fan_rpm, 0); /* nobody wants it cooler */
    bed_wait(&bed, 6 * 3600);
    assert_near(chamber_of(&bed), 25, 0.5);
    bed_teardown(&bed);
}

/* Cooling only: the fans hold the target from above. */
static void the_fans_hold_a_target(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "coreone", 1);
    begin(&bed, "M141 S40\nM140 S110\nG4 S20000\n");
    bed_wait(&bed, 600);
    assert_near(bed_read(&bed).chamber_target_c, 40, 0);
    assert_int_equal(bed_read(&bed).chamber_fan_rpm, 0);
    bed_wait(&bed, 10000);
    double least_c = 99, most_c = 0;
    for (int i = 0; i < 600; i++) {
        bed_wait(&bed, 5);
        least_c = fmin(least_c, chamber_of(&bed));
        most_c = fmax(most_c, chamber_of(&bed));
    }
    assert_true(least_c > 36 && most_c < 44);
    machine_set_chamber(bed.machine, 99);
    assert_near(bed_read(&bed).chamber_target_c, 55, 0); /* the most that it takes */
    bed_teardown(&bed);
}

static void a_hand_at_the_fans_overrules_the_regulator(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "coreone", 1);
    machine_set_chamber_fan(bed.machine, 50);
    assert_near(bed_read(&bed).chamber_fan_rpm, 4250, 20);
    assert_int_equal(bed_read(&bed).chamber_fan_percent, 50);
    machine_set_chamber_fan(bed.machine, -1);
    assert_int_equal(bed_read(&bed).chamber_fan_rpm, 0);
    assert_int_equal(bed_read(&bed).chamber_fan_percent, -1);
    bed_teardown(&bed);
}

static void asking_changes_nothing(void **state)
{
    (void)state;
    double seen_c[2];
    for (int asks = 0; asks < 2; asks++) {
        struct bed bed;
        bed_setup(&bed, "coreone", 1);
        begin(&bed, "M140 S100\nG4 S3000\n");
        for (int i = 0; i < 100; i++) {
            bed_wait(&bed, 20);
            if (asks) {
                chamber_of(&bed);
            }
        }
        seen_c[asks] = chamber_of(&bed);
        bed_teardown(&bed);
    }
    assert_true(seen_c[0] == seen_c[1]);
}

static void an_xl_has_an_enclosure_if_somebody_fits_it(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "xl", 1);
    begin(&bed, "M140 S100\nG4 S7000\n");
    bed_wait(&bed, 5000);
    assert_near(chamber_of(&bed), 25, 1e-9);
    assert_int_equal(bed_read(&bed).chamber_fan_rpm, 0);
    machine_set_enclosure(bed.machine, true);
    assert_true(chamber_of(&bed) > 40);
    assert_in_range(bed_read(&bed).chamber_fan_rpm, 600, 2700);
    machine_set_chamber(bed.machine, 40); /* it can't be told a temperature */
    assert_near(bed_read(&bed).chamber_target_c, 0, 0);
    bed_teardown(&bed);
}

static void others_have_none(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk4", 1);
    machine_set_chamber(bed.machine, 40);
    assert_true(isnan(chamber_of(&bed)));
    bed_teardown(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_air_warms_as_the_document_has_it),
        cmocka_unit_test(two_steps_are_one),
        cmocka_unit_test(a_print_warms_the_chamber_and_the_end_cools_it),
        cmocka_unit_test(the_fans_hold_a_target),
        cmocka_unit_test(a_hand_at_the_fans_overrules_the_regulator),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(an_xl_has_an_enclosure_if_somebody_fits_it),
        cmocka_unit_test(others_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
