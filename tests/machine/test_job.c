#include "tests/machine/gcode_support.h"

#include <math.h>

#include "sim/base/buffer.h"
#include "sim/base/random.h"
#include "sim/machine/job.h"

/* 100 s of the plan's clock, without acceleration: nothing but dwells and a slow way up at the end.
 */
static const char slow_text[] =
    "M73 P0 R2\nG4 S50\nM73 P50 R1\nM106 S255\nG92 X0 Y0 Z1\nM203 X1\nM205 X10\nG1 X50 F60\n";

static void start(struct job *job, const char *text, int64_t now_us)
{
    job_start(job, plan_of_text(text, &test_model), now_us);
}

/* Do what a machine does with marks, without any heater to wait for. */
static void take_all(struct job *job, int64_t now_us)
{
    while (job_take_mark(job, now_us) != NULL) {
    }
}

static struct job_reading reading_at(const struct job *job, int64_t now_us)
{
    struct job_reading reading;
    job_read(job, now_us, &reading);
    return reading;
}

static bool near(int64_t value_us, int64_t wanted_us)
{
    return llabs(value_us - wanted_us) <= MILLISECONDS(50);
}

static void a_job_runs_to_its_end(void **state)
{
    (void)state;
    struct job job;
    start(&job, slow_text, SECONDS(1000));
    assert_int_equal(job_next_us(&job), SECONDS(1050));
    struct job_reading reading = reading_at(&job, SECONDS(1020));
    assert_true(near(reading.printing_us, SECONDS(20)));
    assert_true(near(reading.left_us, SECONDS(80)));
    assert_int_equal(reading.percent[PLAN_NORMAL], 0);
    assert_true(reading.left_min[PLAN_NORMAL] == 2);
    assert_int_equal(reading.percent[PLAN_QUIET], -1);
    assert_null(job_take_mark(&job, SECONDS(1049)));
    const struct plan_mark *mark = job_take_mark(&job, SECONDS(1050));
    assert_non_null(mark);
    assert_int_equal(mark->kind, PLAN_FAN);
    reading = reading_at(&job, SECONDS(1075));
    assert_true(fabs(reading.point.x_mm - 25) < 0.1);
    assert_int_equal(reading.percent[PLAN_NORMAL], 50);
    assert_true(near(job_next_us(&job), SECONDS(1100)));
    assert_null(job_take_mark(&job, SECONDS(1200)));
    assert_int_equal(job.state, JOB_DONE);
    assert_int_equal(job_next_us(&job), INT64_MAX);
    reading = reading_at(&job, SECONDS(5000));
    assert_true(fabs(reading.point.x_mm - 50) < 1e-3);
    assert_true(near(reading.printing_us, SECONDS(100)));
    assert_int_equal(reading.left_us, 0);
    assert_int_equal(reading.percent_of_bytes, 100);
    assert_int_equal(reading.point.offset, strlen(slow_text));
    job_free(&job);
    assert_null(job.plan);
}

static void pausing_keeps_place_and_printing_time(void **state)
{
    (void)state;
    struct job job;
    start(&job, slow_text, 0);
    take_all(&job, SECONDS(60));
    job_pause(&job, SECONDS(60));
    assert_int_equal(job_next_us(&job), INT64_MAX);
    struct job_reading paused = reading_at(&job, SECONDS(9000));
    assert_true(fabs(paused.point.x_mm - 10) < 0.1);
    assert_true(near(paused.printing_us, SECONDS(60)));
    job_resume(&job, SECONDS(10000));
    struct job_reading resumed = reading_at(&job, SECONDS(10010));
    assert_true(fabs(resumed.point.x_mm - 20) < 0.1);
    assert_true(near(resumed.printing_us, SECONDS(70)));
    assert_true(near(job_next_us(&job), SECONDS(10040)));
    job_free(&job);
}

static void speed_stretches_the_rest(void **state)
{
    (void)state;
    struct job job;
    start(&job, slow_text, 0);
    job_set_speed(&job, 50, SECONDS(10));
    assert_true(near(job_next_us(&job), SECONDS(90)));
    take_all(&job, SECONDS(90));
    job_set_speed(&job, 200, SECONDS(90));
    struct job_reading reading = reading_at(&job, SECONDS(100));
    assert_true(fabs(reading.point.x_mm - 20) < 0.1);
    assert_true(near(reading.printing_us, SECONDS(100)));
    assert_true(near(reading.left_us, SECONDS(15)));
    assert_true(near(job_next_us(&job), SECONDS(115)));
    job_set_speed(&job, 5, SECONDS(100));
    assert_int_equal(job.speed_percent, 10);
    job_set_speed(&job, 100000, SECONDS(100));
    assert_int_equal(job.speed_percent, 999);
    job_free(&job);
}

static void stopping_freezes_the_reading(void **state)
{
    (void)state;
    struct job job;
    start(&job, "M83\nG92 X0 Y0 Z5 E0\nM203 X1 Z1\nG1 X10 E5 F60\nG1 X20 Z15 E5 F60\n", 0);
    take_all(&job, SECONDS(15)); /* the layer */
    struct job_reading before = reading_at(&job, SECONDS(15));
    job_stop(&job, SECONDS(15));
    assert_int_equal(job.state, JOB_STOPPED);
    assert_int_equal(job_next_us(&job), INT64_MAX);
    struct job_reading after = reading_at(&job, SECONDS(99999));
    assert_int_equal(before.plan_us, after.plan_us);
    assert_int_equal(before.printing_us, after.printing_us);
    assert_int_equal(before.point.offset, after.point.offset);
    assert_true(before.point.z_mm == after.point.z_mm &&
                before.point.filament_mm == after.point.filament_mm);
    assert_true(after.point.z_mm > 5 && after.point.z_mm < 15);
    assert_true(after.point.filament_mm > 5 && after.point.filament_mm < 10);
    job_free(&job);
}

static void heaters_are_waited_for(void **state)
{
    (void)state;
    struct job job;
    start(&job, "M104 S200\nM109 S200\nM107\nG4 S10\n", SECONDS(5));
    assert_int_equal(job_next_us(&job), SECONDS(5));
    assert_int_equal(job_take_mark(&job, SECONDS(5))->kind, PLAN_NOZZLE_TARGET);
    assert_int_equal(job_take_mark(&job, SECONDS(5))->kind, PLAN_NOZZLE_WAIT);
    assert_true(job.held && !job.pause_held);
    assert_null(job_take_mark(&job, SECONDS(500)));
    assert_int_equal(job_next_us(&job), INT64_MAX);
    struct job_reading reading = reading_at(&job, SECONDS(95));
    assert_int_equal(reading.printing_us, SECONDS(90)); /* waiting is printing */
    assert_int_equal(reading.plan_us, 0);
    assert_int_equal(reading.point.offset, strlen("M104 S200\nM109 S200\n"));
    job_go_on(&job, SECONDS(105));
    assert_int_equal(job_take_mark(&job, SECONDS(105))->kind, PLAN_FAN);
    assert_int_equal(job_next_us(&job), SECONDS(115));
    take_all(&job, SECONDS(115));
    assert_int_equal(job.state, JOB_DONE);
    assert_int_equal(reading_at(&job, SECONDS(200)).printing_us, SECONDS(110));
    job_free(&job);
}

static void pauses_of_the_file_hold_and_do_not_count(void **state)
{
    (void)state;
    struct job job;
    start(&job, "G4 S10\nM601\nG4 S10\nM600\nG4 S10\n", 0);
    const struct plan_mark *mark = job_take_mark(&job, SECONDS(10));
    assert_int_equal(mark->kind, PLAN_PAUSE);
    assert_int_equal(mark->code, 601);
    assert_int_equal(reading_at(&job, SECONDS(60)).printing_us, SECONDS(10));
    job_go_on(&job, SECONDS(110));
    assert_int_equal(reading_at(&job, SECONDS(115)).printing_us, SECONDS(15));
    /* A pause from outside, in the middle, and the next mark taken late: no time of the plan is
     * lost. */
    job_pause(&job, SECONDS(115));
    job_resume(&job, SECONDS(215));
    mark = job_take_mark(&job, SECONDS(223));
    assert_int_equal(mark->code, 600);
    job_go_on(&job, SECONDS(320));
    assert_int_equal(job_next_us(&job), SECONDS(330));
    assert_int_equal(reading_at(&job, SECONDS(330)).printing_us, SECONDS(30));
    job_free(&job);
}

/* connect-sdk.md 4.3: PrusaLink's printing time is that of the last 100th command. */
static void printing_time_of_the_last_hundredth(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 1000; i++) {
        buffer_append_text(&text, "G4 S1\n");
    }
    struct job job;
    start(&job, text.bytes, 0);
    assert_int_equal(reading_at(&job, SECONDS(99)).hundredth_us, 0);
    assert_int_equal(reading_at(&job, SECONDS(150)).hundredth_us, SECONDS(100));
    assert_int_equal(reading_at(&job, SECONDS(99)).commands, 0);
    assert_int_equal(reading_at(&job, SECONDS(250)).commands, 200);
    job_pause(&job, SECONDS(150));
    job_resume(&job, SECONDS(250));
    assert_int_equal(reading_at(&job, SECONDS(299)).hundredth_us, SECONDS(100));
    assert_int_equal(reading_at(&job, SECONDS(301)).hundredth_us, SECONDS(200));
    job_set_speed(&job, 50, SECONDS(310)); /* 210 s of the plan; the next 100th in 90 s of it */
    assert_int_equal(reading_at(&job, SECONDS(491)).hundredth_us, SECONDS(390));
    job_free(&job);
    buffer_free(&text);
}

/* Whatever the owner does when, asked once or often: the same. */
static void asking_often_changes_nothing(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    for (int run = 0; run < 50; run++) {
        struct job job;
        start(&job, slow_text, 0);
        int64_t now_us = 0, before_us = 0, printing_us = 0;
        while (job.state == JOB_RUNNING) {
            now_us += (int64_t)random_below(&random, SECONDS(9));
            take_all(&job, now_us);
            struct job_reading reading = reading_at(&job, now_us);
            assert_true(reading.plan_us >= before_us && reading.printing_us >= printing_us);
            before_us = reading.plan_us;
            printing_us = reading.printing_us;
            switch (random_below(&random, 4)) {
            case 0:
                job_set_speed(&job, 30 + (int)random_below(&random, 300), now_us);
                break;
            case 1:
                job_pause(&job, now_us);
                now_us += SECONDS(100);
                job_resume(&job, now_us);
                break;
            default:
                break;
            }
            struct job_reading again = reading_at(&job, now_us);
            assert_int_equal(again.plan_us, reading.plan_us);
            assert_int_equal(again.printing_us, reading.printing_us);
        }
        assert_int_equal(before_us, plan_summary(job.plan)->total_us);
        job_free(&job);
    }
}

static void an_empty_file_is_done_at_once(void **state)
{
    (void)state;
    struct job job;
    start(&job, "", SECONDS(7));
    assert_int_equal(job_next_us(&job), SECONDS(7));
    assert_int_equal(reading_at(&job, SECONDS(7)).percent_of_bytes, 0);
    assert_null(job_take_mark(&job, SECONDS(7)));
    assert_int_equal(job.state, JOB_DONE);
    job_free(&job);
    struct job none = {0};
    assert_int_equal(job_next_us(&none), INT64_MAX);
    job_free(&none);
}

static void the_real_file_is_printed_like_it_says(void **state)
{
    (void)state;
    struct error error;
    struct file_content *content =
        shared_content("data/full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode");
    struct model model = test_model;
    model.mmu = true;
    model.mmu_slots = 5;
    struct job job;
    job_start(&job, plan_build(content, &model, &error), 0);
    int64_t now_us = 0;
    int layer = 0, percent = 0;
    while (job.state == JOB_RUNNING) {
        now_us = job_next_us(&job);
        const struct plan_mark *mark = job_take_mark(&job, now_us);
        if (mark != NULL && mark->kind == PLAN_LAYER) {
            assert_int_equal((int)mark->value, ++layer);
            struct job_reading reading = reading_at(&job, now_us);
            assert_true(reading.percent[PLAN_NORMAL] >= percent);
            percent = reading.percent[PLAN_NORMAL];
        }
        if (job.held) {
            now_us += SECONDS(120);
            job_go_on(&job, now_us);
        }
    }
    assert_int_equal(layer, 31);
    struct job_reading end = reading_at(&job, now_us);
    assert_int_equal(end.percent[PLAN_NORMAL], 100);
    assert_int_equal(end.percent[PLAN_QUIET], 100);
    assert_true(end.left_min[PLAN_NORMAL] == 0);
    assert_int_equal(end.point.offset, file_content_size(content));
    assert_int_equal(end.printing_us, plan_summary(job.plan)->total_us + 2 * SECONDS(120));
    job_free(&job);
    file_content_release(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_to_its_end),
        cmocka_unit_test(pausing_keeps_place_and_printing_time),
        cmocka_unit_test(speed_stretches_the_rest),
        cmocka_unit_test(stopping_freezes_the_reading),
        cmocka_unit_test(heaters_are_waited_for),
        cmocka_unit_test(pauses_of_the_file_hold_and_do_not_count),
        cmocka_unit_test(printing_time_of_the_last_hundredth),
        cmocka_unit_test(asking_often_changes_nothing),
        cmocka_unit_test(an_empty_file_is_done_at_once),
        cmocka_unit_test(the_real_file_is_printed_like_it_says),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
