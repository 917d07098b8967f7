#ifndef HOTBED_NET_REAL_H
#define HOTBED_NET_REAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"

/* Real time for a world: waits in epoll until the next timer is due or a descriptor is ready. The
 * clock is CLOCK_MONOTONIC. One driver per world and one thread. */
struct real_driver;

/* A descriptor that is waited for, embedded in whatever owns it. `events` as in epoll_event. */
struct watch {
    void (*ready)(void *owner, uint32_t events);
    void *owner;
    int fd;
};

/* Attaches itself to `world`: sets its driver and its epoch_us from the wall clock. NULL with the
 * reason. */
struct real_driver *real_driver_new(struct world *world, struct error *error);
void real_driver_destroy(struct real_driver *driver); /* detaches; every watch must be gone */
struct world *real_driver_world(struct real_driver *driver);

bool real_driver_watch(struct real_driver *driver, struct watch *watch, uint32_t events);
void real_driver_change(struct real_driver *driver, struct watch *watch, uint32_t events);
void real_driver_unwatch(struct real_driver *driver,
                         struct watch *watch); /* the descriptor stays open */

/* From now on SIGINT and SIGTERM set `*stop` and end the wait, instead of ending the program.
 * Blocks both signals for the calling thread and those it starts. Destroying the driver gives them
 * back. */
bool real_driver_catch_signals(struct real_driver *driver, volatile bool *stop,
                               struct error *error);

#endif
