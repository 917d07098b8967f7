#include "tests/protocol/buddy_bench.h"

#include "sim/protocol/connect/prusalink.h"

/* The pace that load gives to a Buddy printer (DESIGN: lateness of telemetry). */

struct turns {
    unsigned count, given_up;
    int64_t last_due_us;
};

static int64_t each_seven_seconds(void *owner, int64_t own_us)
{
    (void)owner;
    assert_int_equal(own_us, SECONDS(4)); /* what the firmware does when nothing happens */
    return SECONDS(7);
}

static void count_turn(void *owner, int64_t due_us, bool made)
{
    struct turns *turns = owner;
    turns->count++;
    turns->given_up += !made;
    turns->last_due_us = due_us;
}

static const struct connect_pace pace = {.interval_us = each_seven_seconds, .turn = count_turn};

static void begin_paced(struct bench *bench, struct turns *turns)
{
    *turns = (struct turns){0};
    begin(bench, "mk4", "abcdefghij1234567890");
    run(bench, 20);
    connect_face_set_pace(printer_connect_face(bench->printer), &pace, turns);
}

static void telemetry_comes_at_the_turns_of_its_pace(void **state)
{
    (void)state;
    struct bench bench;
    struct turns turns;
    begin_paced(&bench, &turns);
    size_t from = bench.count;
    int64_t began_us = bench.world.now_us;
    run(&bench, 70.5);
    assert_int_equal(bench.count - from, 11);
    assert_int_equal(turns.count, 11);
    for (size_t i = from; i < bench.count; i++) {
        assert_int_equal(bench.seen[i].time_us, began_us + (int64_t)(i - from) * SECONDS(7));
    }
    assert_int_equal(turns.last_due_us, bench.seen[bench.count - 1].time_us);
    end(&bench);
}

/* However much changes: a nozzle that heats would be told every 750 ms. */
static void what_changes_does_not_hurry_it(void **state)
{
    (void)state;
    struct bench bench;
    struct turns turns;
    begin_paced(&bench, &turns);
    size_t from = bench.count;
    machine_gcode(machine_of(&bench), "M104 S200", NULL, NULL);
    run(&bench, 27.5);
    assert_int_equal(bench.count - from, 4);
    assert_true(count_of(&bench, from, "temp_nozzle") >= 3);
    end(&bench);
}

/* A server that is away for long: the turns of that time are given up and told. */
static void turns_that_were_missed_are_given_up(void **state)
{
    (void)state;
    struct bench bench;
    struct turns turns;
    begin_paced(&bench, &turns);
    run(&bench, 8);
    bench.status = 503;
    run(&bench, 300);
    bench.status = 0;
    run(&bench, 100);
    assert_true(turns.given_up > 10);
    assert_in_range(turns.count, 56, 59);
    end(&bench);
}

/* The styles of load: everything, or nothing but the state. */
static void styles_say_all_or_nothing(void **state)
{
    (void)state;
    struct bench bench;
    for (int full = 0; full < 2; full++) {
        begin(&bench, "mk4", "abcdefghij1234567890");
        printer_power_off(bench.printer);
        bench.settings.telemetry = full != 0 ? CONNECT_TELEMETRY_FULL : CONNECT_TELEMETRY_MINIMAL;
        bench.settings.telemetry_interval_us = SECONDS(2);
        printer_power_on(bench.printer);
        run(&bench, 20);
        size_t from = bench.count;
        run(&bench, 20.5);
        assert_int_equal(bench.count - from, 10);
        assert_int_equal(count_of(&bench, from, "temp_nozzle"), full != 0 ? 10 : 0);
        end(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telemetry_comes_at_the_turns_of_its_pace),
        cmocka_unit_test(what_changes_does_not_hurry_it),
        cmocka_unit_test(turns_that_were_missed_are_given_up),
        cmocka_unit_test(styles_say_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
