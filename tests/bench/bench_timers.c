/* What the event queue costs with 100,000 timers pending: arming, moving and cancelling one, and
 * letting one fire. build/release/tests/bench_timers */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/base/memory.h"
#include "sim/base/world.h"

enum { PENDING = 100000, ROUNDS = 2000000 };

static uint64_t fired;

static void on_fire(void *owner)
{
    (void)owner;
    fired++;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double seconds, int count)
{
    printf("%-48s %7.1f ns\n", what, seconds / count * 1e9);
}

int main(void)
{
    struct world world;
    world_init(&world, 1);
    struct timer *timers = memory_new_array(PENDING, sizeof *timers);
    for (int i = 0; i < PENDING; i++) {
        timer_init(&timers[i], on_fire, NULL);
    }

    double start = cpu_s();
    for (int i = 0; i < PENDING; i++) {
        world_arm_in(&world, &timers[i], (int64_t)random_below(&world.random, 1000000));
    }
    report("arm, 0 to 100,000 pending", cpu_s() - start, PENDING);

    start = cpu_s();
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t dice = random_next(&world.random);
        world_arm_in(&world, &timers[dice % PENDING], (int64_t)(dice >> 32) % 1000000);
    }
    report("move, 100,000 pending", cpu_s() - start, ROUNDS);

    start = cpu_s();
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t dice = random_next(&world.random);
        world_cancel(&world, &timers[dice % PENDING]);
        world_arm_in(&world, &timers[dice % PENDING], (int64_t)(dice >> 32) % 1000000);
    }
    report("cancel and arm again, 100,000 pending", cpu_s() - start, ROUNDS);

    start = cpu_s();
    for (int i = 0; i < ROUNDS; i++) {
        struct timer *timer = timer_queue_pop(&world.timers);
        world_arm_in(&world, timer, (int64_t)random_below(&world.random, 1000000));
    }
    report("take the first and arm it again, 100,000 pending", cpu_s() - start, ROUNDS);

    start = cpu_s();
    world_run(&world, INT64_MAX, NULL);
    report("fire, 100,000 to 0 pending", cpu_s() - start, PENDING);
    printf("%" PRIu64 " fired\n", fired);
    world_free(&world);
    free(timers);
    return fired == PENDING ? 0 : 1;
}
