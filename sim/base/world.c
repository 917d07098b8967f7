#include "sim/base/world.h"

#include <assert.h>
#include <stddef.h>

void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .epoch_us = WORLD_VIRTUAL_EPOCH_US};
    random_seed(&world->random, seed);
}

void world_free(struct world *world)
{
    timer_queue_free(&world->timers);
    buffer_pool_free(&world->buffers);
}

int64_t world_wall_us(const struct world *world)
{
    return world->epoch_us + world->now_us;
}

void world_arm(struct world *world, struct timer *timer, int64_t due_us)
{
    timer_queue_arm(&world->timers, timer, due_us < world->now_us ? world->now_us : due_us);
}

void world_arm_in(struct world *world, struct timer *timer, int64_t delay_us)
{
    assert(delay_us >= 0);
    world_arm(world, timer, world->now_us + delay_us);
}

void world_cancel(struct world *world, struct timer *timer)
{
    timer_queue_cancel(&world->timers, timer);
}

static void advance(struct world *world, int64_t next_us)
{
    if (world->driver == NULL) {
        world->now_us = next_us;
        return;
    }
    world->driver->wait(world->driver, next_us);
    int64_t now_us = world->driver->now_us(world->driver);
    if (now_us > world->now_us) {
        world->now_us = now_us;
    }
}

bool world_step(struct world *world, int64_t until_us)
{
    int64_t next_us = timer_queue_next_us(&world->timers);
    bool due = world->timers.count > 0 && next_us <= until_us;
    if (!due) {
        if (until_us == INT64_MAX && world->driver == NULL) {
            return false; /* nothing will ever happen again */
        }
        next_us = until_us;
    }
    if (next_us > world->now_us || world->driver != NULL) {
        advance(world, next_us);
    }
    /* What came in from outside may have armed an earlier timer or cancelled this one. */
    next_us = timer_queue_next_us(&world->timers);
    if (world->timers.count > 0 && next_us <= world->now_us && next_us <= until_us) {
        struct timer *timer = timer_queue_pop(&world->timers);
        timer->fire(timer->owner);
        return true;
    }
    return due || world->now_us < until_us;
}

void world_run(struct world *world, int64_t until_us, const volatile bool *stop)
{
    while ((stop == NULL || !*stop) && world_step(world, until_us)) {
    }
}
