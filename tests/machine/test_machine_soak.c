#include "tests/machine/bed.h"

/* Random orders, lines and faults at random instants: the machine stays within its limits, never
 * spins, and is idle again after faults are gone and it was reset. Equal seeds take equal courses.
 */

enum { SEEDS = 60, ORDERS = 120, EVENTS_MAX = 100000 };

static char *short_print(void)
{
    struct buffer text = {0};
    buffer_append_text(&text,
                       "M140 S60\nM104 S215\nM190 S60\nM109 S215\nG28 W\nG90\nM83\nM106 S255\n");
    for (int layer = 0; layer < 60; layer++) {
        const char *pause = layer == 20   ? "M601\n"
                            : layer == 30 ? "M600\n"
                            : layer == 40 ? "M0\n"
                                          : "";
        buffer_format(&text,
                      "M73 P%d R5\nG1 Z%.1f F600\nG1 X100 Y100 F3000\nG1 X140 E1.5 F900\n"
                      "G1 Y140 E1.5\n%s",
                      layer * 100 / 60, 0.2 * (layer + 1), pause);
    }
    return buffer_detach(&text);
}

static void answered(void *owner, const char *line, const char *why)
{
    (void)line;
    (void)why;
    --*(int *)owner;
}

static const char *const lines[] = {"G28",       "G1 X50 Y50 F3000\nM400",
                                    "M109 S200", "M190 S50",
                                    "M601",      "M602",
                                    "M603",      "M600",
                                    "M701",      "M220 S200",
                                    "M220 S0",   "G4 S10",
                                    "M999",      "M72 S1",
                                    "G1 E9",     "M0",
                                    "M104 S9999"};

static void give_fault(struct bed *bed, struct random *random)
{
    enum machine_fault fault = (enum machine_fault)random_below(random, FAULT_COUNT);
    machine_set_fault(bed->machine, fault, random_below(random, 2) == 0);
}

static void give_order(struct bed *bed, struct random *random, int *open)
{
    bool seldom = random_below(random, 4) == 0;
    switch (random_below(random, 11)) {
    case 0:
    case 1:
        machine_start_print(bed->machine, "/usb/t.gcode", NULL);
        break;
    case 2:
        machine_pause(bed->machine);
        break;
    case 3:
        machine_resume(bed->machine);
        break;
    case 4:
        seldom ? (void)machine_stop(bed->machine) : machine_user_confirms(bed->machine);
        break;
    case 5:
        machine_user_confirms(bed->machine);
        break;
    case 6:
        seldom ? machine_reset(bed->machine) : machine_set_flow(bed->machine, 95);
        break;
    case 7:
        seldom ? give_fault(bed, random) : machine_set_room(bed->machine, 20);
        break;
    case 8:
        ++*open;
        machine_gcode(bed->machine, lines[random_below(random, sizeof lines / sizeof *lines)],
                      answered, open);
        break;
    case 9:
        machine_gcode_interrupt(bed->machine);
        break;
    default:
        machine_set_ready(bed->machine, seldom);
    }
}

static void run_for(struct bed *bed, double seconds)
{
    int64_t until_us = bed->world.now_us + (int64_t)(seconds * 1e6);
    int events = 0;
    while (world_step(&bed->world, until_us)) {
        assert_true(++events < EVENTS_MAX);
    }
    struct machine_readings readings = bed_read(bed);
    assert_true(readings.x_mm >= 0 && readings.x_mm <= 255);
    assert_true(readings.z_mm >= 0 && readings.z_mm <= 210);
    /* The MK3 takes any target; its protections end what is too hot. */
    assert_true(readings.nozzle_c < 350 ||
                machine_fault(bed->machine, FAULT_NOZZLE_THERMISTOR_SHORT));
    assert_true(readings.bed_c < 150 || machine_fault(bed->machine, FAULT_BED_THERMISTOR_SHORT));
    assert_true(readings.progress_percent >= -1 && readings.progress_percent <= 100);
    assert_int_equal(readings.job, machine_layers(bed->machine)->printing != STATE_NONE);
    assert_int_equal(machine_job(bed->machine) != NULL, readings.job_id != 0);
}

/* The course of one seed as a number. */
static uint64_t course(uint64_t seed, const char *text)
{
    struct bed bed;
    bed_setup(&bed, "mk3s", seed);
    bed_put(&bed, "/usb/t.gcode", text);
    struct random random;
    random_seed(&random, seed);
    int open = 0;
    uint64_t hash = 1469598103934665603U;
    for (int i = 0; i < ORDERS; i++) {
        bed.said[0] = '\0';
        give_order(&bed, &random, &open);
        run_for(&bed, random_unit(&random) * random_unit(&random) * 400);
        for (const char *at = bed.said; *at != '\0'; at++) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211U;
        }
    }
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        machine_set_fault(bed.machine, (enum machine_fault)fault, false);
    }
    run_for(&bed, 30); /* a cable that is back */
    machine_gcode_interrupt(bed.machine);
    machine_reset(bed.machine);
    run_for(&bed, 7200);
    assert_int_equal(open, 0);
    assert_int_equal(machine_state(bed.machine), STATE_IDLE);
    assert_int_equal(timer_queue_next_us(&bed.world.timers), INT64_MAX);
    bed_teardown(&bed);
    return hash;
}

static void whatever_happens_it_heals(void **state)
{
    (void)state;
    char *text = short_print();
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t hash = course(seed, text);
        if (seed % 10 == 0 && hash != course(seed, text)) {
            fail_msg("seed %u took another course the second time", (unsigned)seed);
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_happens_it_heals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
