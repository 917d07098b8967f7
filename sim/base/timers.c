/* A heap with four children to a node: half the depth of a binary one, and the children share cache
 * lines. */
#include "sim/base/timers.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/base/memory.h"

enum { CHILDREN = 4 };

void timer_init(struct timer *timer, void (*fire)(void *owner), void *owner)
{
    *timer = (struct timer){.fire = fire, .owner = owner};
}

bool timer_armed(const struct timer *timer)
{
    return timer->place != 0;
}

void timer_queue_free(struct timer_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        queue->entries[i].timer->place = 0;
    }
    free(queue->entries);
    *queue = (struct timer_queue){0};
}

static bool earlier(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order);
}

static void put(struct timer_queue *queue, size_t index, struct timer_entry entry)
{
    queue->entries[index] = entry;
    entry.timer->place = index + 1;
}

static void sift_up(struct timer_queue *queue, size_t index, struct timer_entry entry)
{
    while (index > 0) {
        size_t parent = (index - 1) / CHILDREN;
        if (!earlier(&entry, &queue->entries[parent])) {
            break;
        }
        put(queue, index, queue->entries[parent]);
        index = parent;
    }
    put(queue, index, entry);
}

static void sift_down(struct timer_queue *queue, size_t index, struct timer_entry entry)
{
    for (;;) {
        size_t first = index * CHILDREN + 1;
        if (first >= queue->count) {
            break;
        }
        size_t last = first + CHILDREN < queue->count ? first + CHILDREN : queue->count;
        size_t least = first;
        for (size_t child = first + 1; child < last; child++) {
            if (earlier(&queue->entries[child], &queue->entries[least])) {
                least = child;
            }
        }
        if (!earlier(&queue->entries[least], &entry)) {
            break;
        }
        put(queue, index, queue->entries[least]);
        index = least;
    }
    put(queue, index, entry);
}

static void settle(struct timer_queue *queue, size_t index, struct timer_entry entry)
{
    if (index > 0 && earlier(&entry, &queue->entries[(index - 1) / CHILDREN])) {
        sift_up(queue, index, entry);
    } else {
        sift_down(queue, index, entry);
    }
}

void timer_queue_arm(struct timer_queue *queue, struct timer *timer, int64_t due_us)
{
    assert(timer->fire != NULL);
    struct timer_entry entry = {.due_us = due_us, .order = ++queue->armed, .timer = timer};
    if (timer->place != 0) {
        settle(queue, timer->place - 1, entry);
        return;
    }
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        queue->entries = memory_resize(queue->entries, queue->capacity * sizeof *queue->entries);
    }
    queue->count++;
    sift_up(queue, queue->count - 1, entry);
}

static void remove_at(struct timer_queue *queue, size_t index)
{
    queue->entries[index].timer->place = 0;
    queue->count--;
    if (index < queue->count) {
        settle(queue, index, queue->entries[queue->count]);
    }
}

void timer_queue_cancel(struct timer_queue *queue, struct timer *timer)
{
    if (timer->place != 0) {
        assert(queue->entries[timer->place - 1].timer == timer);
        remove_at(queue, timer->place - 1);
    }
}

int64_t timer_queue_next_us(const struct timer_queue *queue)
{
    return queue->count == 0 ? INT64_MAX : queue->entries[0].due_us;
}

int64_t timer_queue_due_us(const struct timer_queue *queue, const struct timer *timer)
{
    assert(timer->place != 0);
    return queue->entries[timer->place - 1].due_us;
}

struct timer *timer_queue_pop(struct timer_queue *queue)
{
    if (queue->count == 0) {
        return NULL;
    }
    struct timer *timer = queue->entries[0].timer;
    remove_at(queue, 0);
    return timer;
}
