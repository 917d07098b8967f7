#include "harness/net/real.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/memory.h"

enum { BATCH = 256, POLL_GAP_US = 200 };

struct real_driver {
    struct world_driver face;
    struct world *world;
    int epoll;
    int64_t begin_us;     /* monotonic, when the world began */
    int64_t last_poll_us; /* world time */
    struct watch signals;
    sigset_t signals_before;
    volatile bool *stop;
    struct epoll_event batch[BATCH];
    int batch_size; /* while its events are being delivered */
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int64_t driver_now_us(struct world_driver *face)
{
    return clock_us(CLOCK_MONOTONIC) - ((struct real_driver *)face)->begin_us;
}

static int poll_until(struct real_driver *driver, int64_t wait_us)
{
    struct timespec limit = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int count = epoll_pwait2(driver->epoll, driver->batch, BATCH,
                             wait_us == INT64_MAX ? NULL : &limit, NULL);
    if (count < 0 && errno == ENOSYS) { /* Linux before 5.11: to the millisecond, never early */
        int64_t wait_ms = wait_us / 1000 + (wait_us % 1000 > 0 ? 1 : 0);
        count =
            epoll_wait(driver->epoll, driver->batch, BATCH,
                       wait_us == INT64_MAX ? -1 : (int)(wait_ms < 1000000 ? wait_ms : 1000000));
    }
    return count;
}

static void driver_wait(struct world_driver *face, int64_t due_us)
{
    struct real_driver *driver = (struct real_driver *)face;
    int64_t now_us = driver_now_us(face);
    int64_t wait_us = due_us == INT64_MAX ? INT64_MAX : due_us > now_us ? due_us - now_us : 0;
    /* Many timers due at once must not cost a system call each. */
    if (wait_us == 0 && now_us - driver->last_poll_us < POLL_GAP_US) {
        return;
    }
    int count = poll_until(driver, wait_us);
    driver->last_poll_us = driver_now_us(face);
    if (driver->last_poll_us > driver->world->now_us) {
        driver->world->now_us = driver->last_poll_us;
    }
    driver->batch_size = count > 0 ? count : 0;
    for (int i = 0; i < driver->batch_size; i++) {
        struct watch *watch = driver->batch[i].data.ptr;
        if (watch != NULL) {
            watch->ready(watch->owner, driver->batch[i].events);
        }
    }
    driver->batch_size = 0;
}

struct real_driver *real_driver_new(struct world *world, struct error *error)
{
    struct real_driver *driver = memory_new(sizeof *driver);
    driver->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (driver->epoll < 0) {
        error_set(error, "epoll: %s", strerror(errno));
        free(driver);
        return NULL;
    }
    driver->face = (struct world_driver){.now_us = driver_now_us, .wait = driver_wait};
    driver->world = world;
    driver->begin_us = clock_us(CLOCK_MONOTONIC) - world->now_us;
    driver->last_poll_us = world->now_us - POLL_GAP_US;
    driver->signals.fd = -1;
    world->driver = &driver->face;
    world->epoch_us = clock_us(CLOCK_REALTIME) - world->now_us;
    return driver;
}

static void on_signal(void *owner, uint32_t events)
{
    (void)events;
    struct real_driver *driver = owner;
    struct signalfd_siginfo info;
    while (read(driver->signals.fd, &info, sizeof info) == (ssize_t)sizeof info) {
        *driver->stop = true;
    }
}

void real_driver_destroy(struct real_driver *driver)
{
    if (driver->signals.fd >= 0) {
        real_driver_unwatch(driver, &driver->signals);
        on_signal(driver, 0); /* one that came twice must not end the program before its report */
        close(driver->signals.fd);
        pthread_sigmask(SIG_SETMASK, &driver->signals_before, NULL);
    }
    close(driver->epoll);
    driver->world->driver = NULL;
    free(driver);
}

struct world *real_driver_world(struct real_driver *driver)
{
    return driver->world;
}

bool real_driver_watch(struct real_driver *driver, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(driver->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void real_driver_change(struct real_driver *driver, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int result = epoll_ctl(driver->epoll, EPOLL_CTL_MOD, watch->fd, &event);
    assert(result == 0);
    (void)result;
}

void real_driver_unwatch(struct real_driver *driver, struct watch *watch)
{
    epoll_ctl(driver->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < driver->batch_size; i++) {
        if (driver->batch[i].data.ptr == watch) {
            driver->batch[i].data.ptr = NULL; /* its owner may be gone before its turn comes */
        }
    }
}

bool real_driver_catch_signals(struct real_driver *driver, volatile bool *stop, struct error *error)
{
    assert(driver->signals.fd < 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return error_set(error, "signalfd: %s", strerror(errno));
    }
    pthread_sigmask(SIG_BLOCK, &set, &driver->signals_before);
    driver->stop = stop;
    driver->signals = (struct watch){.ready = on_signal, .owner = driver, .fd = fd};
    if (!real_driver_watch(driver, &driver->signals, EPOLLIN)) {
        error_set(error, "epoll: %s", strerror(errno));
        pthread_sigmask(SIG_SETMASK, &driver->signals_before, NULL);
        close(fd);
        driver->signals.fd = -1;
        return false;
    }
    return true;
}
