#ifndef HOTBED_BASE_WORLD_H
#define HOTBED_BASE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/random.h"
#include "sim/base/timers.h"

struct trace;
struct world;

#define SECONDS(n)      ((int64_t)(n)*1000000)
#define MILLISECONDS(n) ((int64_t)(n)*1000)

/* Where a virtual world begins on the wall clock unless told otherwise: 2026-01-01T00:00:00Z, in µs
 * of Unix time. */
#define WORLD_VIRTUAL_EPOCH_US INT64_C(1767225600000000)

/* How a world in real time waits. `wait` returns at `due_us` at the latest, earlier when something
 * outside happened, which it has then delivered; it never fires timers. Implemented in harness/net.
 */
struct world_driver {
    int64_t (*now_us)(struct world_driver *driver);
    void (*wait)(struct world_driver *driver, int64_t due_us);
};

/* The clock, the ordered queue of what happens next, the random source and the trace: everything
 * that a decision may know besides its message. One thread. Without a driver, time is virtual and
 * jumps to the next timer; with one, it is the driver's. Equal seed and inputs give an equal course
 * of events. */
struct world {
    int64_t now_us;   /* since the world began */
    int64_t epoch_us; /* wall clock at now_us == 0, µs of Unix time */
    uint64_t seed;
    struct timer_queue timers;
    struct random random;
    struct trace *trace;         /* NULL: nothing is recorded; not owned */
    struct world_driver *driver; /* NULL: virtual time; not owned */
    struct buffer_pool buffers;  /* for messages while they are made or on their way */
};

void world_init(struct world *world, uint64_t seed); /* virtual, at WORLD_VIRTUAL_EPOCH_US */
void world_free(struct world *world);

int64_t world_wall_us(const struct world *world); /* Unix time in µs */

void world_arm(struct world *world, struct timer *timer,
               int64_t due_us); /* at an instant; past ones fire next */
void world_arm_in(struct world *world, struct timer *timer, int64_t delay_us);
void world_cancel(struct world *world, struct timer *timer);

/* Let the next thing happen, but nothing later than `until_us`; in virtual time the clock then
 * stands at `until_us` if nothing was due before it. Returns false when that instant is reached and
 * all that was due has fired. */
bool world_step(struct world *world, int64_t until_us);

/* Step until `until_us`, or until `*stop` (may be NULL) becomes true. */
void world_run(struct world *world, int64_t until_us, const volatile bool *stop);

#endif
