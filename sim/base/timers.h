#ifndef HOTBED_BASE_TIMERS_H
#define HOTBED_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens next: timers ordered by their time and, at one time, by the order in which they were
 * armed. A timer is embedded in whatever waits for it; the queue holds pointers and never owns one.
 * Arming, moving and cancelling take O(log n), looking at the first O(1); a timer may be armed and
 * cancelled from any fire function, its own too. */
struct timer {
    void (*fire)(void *owner);
    void *owner;
    size_t place; /* where it stands in the queue, counted from 1; 0: not armed */
};

struct timer_entry {
    int64_t due_us;
    uint64_t order;
    struct timer *timer;
};

struct timer_queue {
    struct timer_entry *entries;
    size_t count;
    size_t capacity;
    uint64_t armed; /* how often anything was armed */
};

void timer_init(struct timer *timer, void (*fire)(void *owner), void *owner);
bool timer_armed(const struct timer *timer);

void timer_queue_free(struct timer_queue *queue); /* the timers themselves stay their owners' */
void timer_queue_arm(struct timer_queue *queue, struct timer *timer,
                     int64_t due_us);                                    /* or move it */
void timer_queue_cancel(struct timer_queue *queue, struct timer *timer); /* fine when not armed */
int64_t timer_queue_next_us(const struct timer_queue *queue);            /* INT64_MAX: empty */
int64_t timer_queue_due_us(const struct timer_queue *queue,
                           const struct timer *timer);    /* of an armed timer */
struct timer *timer_queue_pop(struct timer_queue *queue); /* no longer armed; NULL: empty */

#endif
