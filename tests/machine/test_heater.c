#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy_models.h"
#include "sim/base/world.h"
#include "sim/machine/heater.h"
#include "sim/machine/model.h"

/* Heaters under their regulators: the closed-loop rows of printer-models.md 9.5 and what must not
 * depend on who asks when. */

static const int64_t LOOK_US = 50000;

static bool within_percent(double value, double wanted, double percent)
{
    bool good = fabs(value - wanted) <= fabs(wanted) * percent / 100;
    if (!good) {
        print_error("%g is not within %g %% of %g\n", value, percent, wanted);
    }
    return good;
}

/* A row of the table of 9.5. */
struct row {
    const char *name;
    bool bed;
    double target_c, fan;
    double near_s, at_s, overshoot_c, settled_s, drive_percent, cool_s, cool_to_c;
};

static int64_t run_up(struct heater *heater, const struct row *row, struct row *seen)
{
    int64_t now_us = 0;
    for (; now_us < SECONDS(1200); now_us += LOOK_US) {
        heater_advance(heater, now_us);
        double reading = heater_reading(heater);
        double now_s = (double)now_us * 1e-6;
        if (seen->near_s == 0 && reading >= row->target_c - 10) {
            seen->near_s = now_s;
        }
        if (seen->at_s == 0 && reading >= row->target_c - 1) {
            seen->at_s = now_s;
        }
        seen->overshoot_c = fmax(seen->overshoot_c, reading - row->target_c);
        if (fabs(reading - row->target_c) > 1.001) {
            seen->settled_s = now_s;
        }
        assert_int_equal(heater_alarm(heater), HEATER_FINE);
    }
    return now_us;
}

static void check_row(const struct model_heater *model, const struct row *row)
{
    struct heater heater;
    struct row seen = {0};
    heater_init(&heater, model, 1, 25, 0);
    heater_set_fan(&heater, 0, row->fan);
    assert_true(heater_set_target(&heater, 0, row->target_c) == row->target_c);
    int64_t up_us = run_up(&heater, row, &seen);
    seen.drive_percent = heater_drive(&heater) * 100;
    heater_set_target(&heater, up_us, 0);
    int64_t cold_us = heater_crossing_us(&heater, row->cool_to_c);
    assert_true(cold_us != INT64_MAX);
    seen.cool_s = (double)(cold_us - up_us) * 1e-6;

    print_message("  %-28s -10: %.1f s  -1: %.1f s  over %.1f C  settled %.1f s  drive %.1f %%  "
                  "cool %.0f s\n",
                  row->name, seen.near_s, seen.at_s, seen.overshoot_c, seen.settled_s,
                  seen.drive_percent, seen.cool_s);
    assert_true(within_percent(seen.near_s, row->near_s, 5));
    assert_true(within_percent(seen.at_s, row->at_s, 5));
    assert_true(within_percent(seen.settled_s, row->settled_s, 5));
    assert_true(within_percent(seen.cool_s, row->cool_s, 5));
    assert_true(fabs(seen.overshoot_c - row->overshoot_c) <= 1);
    assert_true(fabs(seen.drive_percent - row->drive_percent) <=
                1.5); /* the table has whole percents */
}

/* PM-03 */
static void pm_03_closed_loops_of_the_mk3s_follow_the_reference(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"MK3S nozzle 170", false, 170, 0, 54, 58, 3.2, 94, 19, 442, 50},
        {"MK3S nozzle 215", false, 215, 0, 72, 77, 2.7, 112, 24, 510, 50},
        {"MK3S nozzle 230", false, 230, 0, 78, 83, 2.5, 118, 27, 528, 50},
        {"MK3S nozzle 260", false, 260, 0, 91, 97, 2.3, 131, 30, 562, 50},
        {"MK3S bed 60", true, 60, 0, 92, 130, 0.4, 130, 28, 474, 35},
        {"MK3S bed 85", true, 85, 0, 200, 252, 0.3, 252, 48, 675, 35},
        {"MK3S bed 100", true, 100, 0, 284, 349, 0.2, 349, 60, 758, 35},
        {"MK3S bed 110", true, 110, 0, 353, 432, 0.1, 432, 69, 804, 35},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct model *model = model_find("mk3s");
        check_row(rows[i].bed ? &model->bed : &model->nozzle, &rows[i]);
    }
    /* The row with the fan: while it runs, the firmware's cool-down is with it too. */
    struct row fan = {"MK3S nozzle 215, fan 100 %", false, 215, 1, 84, 93, 1.6, 123, 50, 254, 50};
    check_row(&model_find("mk3s")->nozzle, &fan);
}

/* PM-03 */
static void pm_03_closed_loops_of_buddy_printers_follow_the_reference(void **state)
{
    (void)state;
    struct model *mk4 = buddy_model("mk4", MK4_YAML);
    struct model *mini = buddy_model("mini", MINI_YAML);
    static const struct row mk4_rows[] = {
        {"MK4 nozzle 170", false, 170, 0, 51, 61, 3.6, 101, 20, 339, 50},
        {"MK4 nozzle 215", false, 215, 0, 65, 77, 3.2, 116, 27, 387, 50},
        {"MK4 nozzle 250", false, 250, 0, 78, 90, 3.0, 128, 32, 417, 50},
        {"MK4 nozzle 215, fan 100 %", false, 215, 1, 102, 127, 1.0, 126, 77, 130, 50},
        {"MK4 bed 60", true, 60, 0, 92, 136, 0.2, 136, 28, 474, 35},
    };
    for (size_t i = 0; i < sizeof mk4_rows / sizeof mk4_rows[0]; i++) {
        check_row(mk4_rows[i].bed ? &mk4->bed : &mk4->nozzle, &mk4_rows[i]);
    }
    static const struct row mini_nozzle = {
        "MINI nozzle 215", false, 215, 0, 72, 79, 7.6, 158, 35, 331, 50};
    static const struct row mini_bed = {"MINI bed 60", true, 60, 0, 96, 139, 0, 139, 32, 434, 35};
    check_row(&mini->nozzle, &mini_nozzle);
    check_row(&mini->bed, &mini_bed);
    model_destroy(mk4);
    model_destroy(mini);
}

/* PM-04 */
static void pm_04_the_steady_drive_is_what_the_losses_need(void **state)
{
    (void)state;
    const struct model *model = model_find("mk3s");
    const double targets[] = {170, 215, 260};
    for (size_t i = 0; i < 3; i++) {
        struct heater heater;
        heater_init(&heater, &model->nozzle, 1, 25, 0);
        heater_set_target(&heater, 0, targets[i]);
        heater_advance(&heater, SECONDS(600));
        assert_true(within_percent(heater_drive(&heater), (targets[i] - 25) / (20.5 * 38), 2));
        heater_init(&heater, &model->bed, 1, 25, 0);
        double bed_c = targets[i] / 3;
        heater_set_target(&heater, 0, bed_c);
        heater_advance(&heater, SECONDS(1200));
        assert_true(within_percent(heater_drive(&heater), (bed_c - 25) / (0.62 * 200), 2));
    }
}

/* PM-05 */
static void pm_05_the_print_fan_costs_drive_and_little_temperature(void **state)
{
    (void)state;
    struct heater heater;
    heater_init(&heater, &model_find("mk3s")->nozzle, 1, 25, 0);
    heater_set_target(&heater, 0, 215);
    heater_set_fan(&heater, SECONDS(300), 1);
    double lowest = 215;
    for (int64_t now_us = SECONDS(300); now_us <= SECONDS(600); now_us += LOOK_US) {
        heater_advance(&heater, now_us);
        lowest = fmin(lowest, heater_reading(&heater));
        assert_int_equal(heater_alarm(&heater), HEATER_FINE);
        assert_false(heater_warning(&heater, NULL));
    }
    print_message("  lowest reading %.1f, then drive %.1f %%\n", lowest,
                  heater_drive(&heater) * 100);
    assert_true(lowest < 214.5 && lowest > 210);
    assert_true(fabs(heater_drive(&heater) - 0.5) < 0.01);
    assert_int_equal(heater_power(&heater), 63);
}

/* What is compared of two heaters: all that anybody can see. */
static void assert_same(struct heater *a, struct heater *b)
{
    assert_true(heater_block_c(a) == heater_block_c(b));
    assert_true(heater_reading(a) == heater_reading(b));
    assert_true(heater_drive(a) == heater_drive(b));
    assert_true(heater_reached(a) == heater_reached(b));
    assert_int_equal(heater_alarm(a), heater_alarm(b));
    assert_true(heater_next_us(a) == heater_next_us(b));
}

/* A day of a nozzle, told to two heaters; one is asked all the time. */
static void a_heater_that_is_asked_often_is_the_same_as_one_that_is_not(void **state)
{
    (void)state;
    static const struct {
        double at_s, target_c, fan;
    } orders[] = {{0.123, 215, 0}, {60.07, 215, 0.5}, {95, 200, 0.5},  {95.1, 200, 1},
                  {95.2, 200, 0},  {700, 200, 0},     {900.9, 0, 0},   {901, 240, 1},
                  {2000, 30, 1},   {9000, 0, 0},      {30000, 170, 0}, {86400, 170, 0}};
    struct model *mk4 = buddy_model("mk4", MK4_YAML);
    const struct model_heater *models[] = {&model_find("mk3s")->nozzle, &mk4->nozzle,
                                           &model_find("mk3s")->bed};
    for (size_t m = 0; m < 3; m++) {
        struct model_heater noisy = *models[m];
        noisy.noise_c = 0.05;
        double scale = m == 2 ? 0.4 : 1;
        struct heater often;
        struct heater seldom;
        heater_init(&often, &noisy, 7, 25, 0);
        heater_init(&seldom, &noisy, 7, 25, 0);
        struct random random = random_of(3, m);
        int64_t now_us = 0;
        for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
            int64_t at_us = llround(orders[i].at_s * 1e6);
            while (now_us < at_us) {
                heater_advance(&often, now_us);
                (void)heater_reading(&often);
                int64_t next_us = heater_next_us(&often);
                assert_true(next_us > now_us);
                now_us += 1 + (int64_t)random_below(
                                  &random, at_us - now_us > SECONDS(200) ? SECONDS(5) : 400000);
            }
            now_us = at_us;
            heater_set_target(&often, at_us, orders[i].target_c * scale);
            heater_set_target(&seldom, at_us, orders[i].target_c * scale);
            heater_set_fan(&often, at_us, orders[i].fan);
            heater_set_fan(&seldom, at_us, orders[i].fan);
            assert_same(&often, &seldom);
        }
    }
    model_destroy(mk4);
}

static void an_idle_heater_needs_nobody_and_a_long_time_is_one_step(void **state)
{
    (void)state;
    struct heater heater;
    heater_init(&heater, &model_find("mk3s")->nozzle, 1, 25, 0);
    assert_true(heater_next_us(&heater) == INT64_MAX);
    heater_set_target(&heater, 0, 215);
    heater_advance(&heater, SECONDS(300));
    assert_true(heater_next_us(&heater) == INT64_MAX);
    int64_t sample = heater.sample;
    heater_advance(&heater, SECONDS(6 * 3600));
    assert_true(heater.sample == sample); /* the regulator did not run in six hours at the target */
    assert_true(fabs(heater_reading(&heater) - 215) < 0.01);
    heater_set_target(&heater, SECONDS(6 * 3600), 0);
    heater_advance(&heater, SECONDS(12 * 3600));
    assert_true(fabs(heater_reading(&heater) - 25) < 0.01);
    assert_true(sizeof heater <= 250);
}

static void a_target_that_can_not_be_reached_ends_pinned(void **state)
{
    (void)state;
    struct model_heater weak = model_find("mk3s")->nozzle;
    weak.watch_windows = 0;
    weak.observer.error_k_s = 0;
    struct heater heater;
    heater_init(&heater, &weak, 1, 25, 0);
    heater_set_fault(&heater, 0, HEATER_FAULT_DEAD);
    heater_set_target(&heater, 0, 215);
    heater_wait(&heater, 0, HEATER_WAIT_BOTH);
    heater_advance(&heater, SECONDS(3600));
    int64_t sample = heater.sample;
    heater_advance(&heater, SECONDS(24 * 3600));
    assert_true(heater.sample == sample);
    assert_true(heater_drive(&heater) == 1);
    assert_false(heater_reached(&heater));
    assert_true(heater_next_us(&heater) == INT64_MAX);
    heater_set_fault(&heater, SECONDS(24 * 3600), HEATER_FAULT_NONE);
    int64_t reached_us = heater_next_us(&heater);
    heater_advance(&heater, reached_us);
    assert_true(heater_reached(&heater));
    assert_true(within_percent((double)(reached_us - SECONDS(24 * 3600)) * 1e-6, 80, 5));
}

static void a_loop_that_never_settles_is_not_stepped_for_ever(void **state)
{
    (void)state;
    struct model_heater wild = model_find("mk3s")->nozzle;
    wild.kp = 10000;
    wild.kd = 0;
    wild.observer.error_k_s = 0;
    struct heater heater;
    heater_init(&heater, &wild, 1, 25, 0);
    heater_set_target(&heater, 0, 215);
    heater_wait(&heater, 0, HEATER_WAIT_BOTH);
    (void)heater_next_us(&heater);
    double lowest = 300;
    double highest = 0;
    for (int64_t now_us = SECONDS(600); now_us < SECONDS(900); now_us += LOOK_US) {
        heater_advance(&heater, now_us);
        lowest = fmin(lowest, heater_reading(&heater));
        highest = fmax(highest, heater_reading(&heater));
    }
    assert_true(highest - lowest > 5); /* it does swing */
    heater_advance(&heater, SECONDS(5 * 3600));
    int64_t sample = heater.sample;
    heater_advance(&heater, SECONDS(48 * 3600));
    assert_true(heater.sample == sample);
    assert_true(heater_next_us(&heater) == INT64_MAX);
    assert_int_equal(heater_alarm(&heater), HEATER_FINE);
}

static void m109_ends_three_seconds_within_one_degree(void **state)
{
    (void)state;
    struct heater heater;
    heater_init(&heater, &model_find("mk3s")->nozzle, 1, 25, 0);
    heater_set_target(&heater, 0, 215);
    heater_wait(&heater, 0, HEATER_WAIT_BOTH);
    int64_t end_us = heater_next_us(&heater);
    int64_t near_us = 0;
    for (int64_t now_us = 0; now_us < end_us; now_us += MILLISECONDS(90)) {
        heater_advance(&heater, now_us);
        assert_false(heater_reached(&heater));
        if (near_us == 0 && heater_reading(&heater) >= 214) {
            near_us = now_us;
        }
        if (near_us == 0) {
            assert_int_equal(heater_wait_left_s(&heater), -1);
        } else if (now_us - near_us > MILLISECONDS(300)) {
            assert_in_range(heater_wait_left_s(&heater), 0, 2);
        }
    }
    heater_advance(&heater, end_us - 1);
    assert_false(heater_reached(&heater));
    heater_advance(&heater, end_us);
    assert_true(heater_reached(&heater));
    assert_true(llabs(end_us - near_us - SECONDS(3)) < MILLISECONDS(400));
    assert_true(heater_next_us(&heater) == INT64_MAX || heater_next_us(&heater) > end_us);

    /* Cooling with M109 waits as well; M190 S does not. */
    heater_set_target(&heater, SECONDS(400), 170);
    heater_wait(&heater, SECONDS(400), HEATER_WAIT_HEATING);
    assert_true(heater_reached(&heater));
    heater_wait(&heater, SECONDS(400), HEATER_WAIT_BOTH);
    assert_false(heater_reached(&heater));
    end_us = heater_next_us(&heater);
    heater_advance(&heater, end_us);
    assert_true(heater_reached(&heater));
    assert_true(fabs(heater_reading(&heater) - 170) < 5);
}

static void m190_ends_at_the_target(void **state)
{
    (void)state;
    const double targets[] = {40, 60, 85, 110};
    for (size_t i = 0; i < 4; i++) {
        struct heater heater;
        heater_init(&heater, &model_find("mk3s")->bed, 1, 25, 0);
        heater_set_target(&heater, 0, targets[i]);
        heater_wait(&heater, 0, HEATER_WAIT_HEATING);
        int64_t end_us = heater_next_us(&heater);
        assert_true(end_us < SECONDS(500));
        heater_advance(&heater, end_us);
        assert_true(heater_reached(&heater));
        assert_true(fabs(heater_reading(&heater) - targets[i]) <= 0.31);
    }
}

static void noise_depends_on_the_seed_alone(void **state)
{
    (void)state;
    struct model_heater noisy = model_find("mk3s")->nozzle;
    noisy.noise_c = 0.5;
    struct heater a;
    struct heater b;
    heater_init(&a, &noisy, 1, 25, 0);
    heater_init(&b, &noisy, 2, 25, 0);
    double sum = 0;
    double squares = 0;
    int different = 0;
    for (int i = 0; i < 4000; i++) {
        heater_advance(&a, i * MILLISECONDS(270));
        heater_advance(&b, i * MILLISECONDS(270));
        double off = heater_reading(&a) - 25;
        sum += off;
        squares += off * off;
        different += heater_reading(&a) != heater_reading(&b);
    }
    assert_true(fabs(sum / 4000) < 0.05);
    assert_true(within_percent(sqrt(squares / 4000), 0.5, 10));
    assert_true(different > 3000);
}

static void the_crossing_of_a_level_is_found_before_it_comes(void **state)
{
    (void)state;
    struct heater heater;
    heater_init(&heater, &model_find("mk3s")->nozzle, 1, 25, 0);
    assert_true(heater_crossing_us(&heater, 50) == INT64_MAX);
    heater_set_target(&heater, 0, 215);
    int64_t up_us = heater_crossing_us(&heater, 50);
    heater_advance(&heater, up_us);
    assert_true(fabs(heater_reading(&heater) - 50) < 1);
    assert_true(heater_crossing_us(&heater, 230) == INT64_MAX);
    heater_set_target(&heater, SECONDS(300), 0);
    int64_t down_us = heater_crossing_us(&heater, 50);
    heater_advance(&heater, down_us);
    assert_true(fabs(heater_reading(&heater) - 50) < 0.11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pm_03_closed_loops_of_the_mk3s_follow_the_reference),
        cmocka_unit_test(pm_03_closed_loops_of_buddy_printers_follow_the_reference),
        cmocka_unit_test(pm_04_the_steady_drive_is_what_the_losses_need),
        cmocka_unit_test(pm_05_the_print_fan_costs_drive_and_little_temperature),
        cmocka_unit_test(a_heater_that_is_asked_often_is_the_same_as_one_that_is_not),
        cmocka_unit_test(an_idle_heater_needs_nobody_and_a_long_time_is_one_step),
        cmocka_unit_test(a_target_that_can_not_be_reached_ends_pinned),
        cmocka_unit_test(a_loop_that_never_settles_is_not_stepped_for_ever),
        cmocka_unit_test(m109_ends_three_seconds_within_one_degree),
        cmocka_unit_test(m190_ends_at_the_target),
        cmocka_unit_test(noise_depends_on_the_seed_alone),
        cmocka_unit_test(the_crossing_of_a_level_is_found_before_it_comes),
    };
    return cmocka_run_group_tests_name("heater", tests, NULL, NULL);
}
