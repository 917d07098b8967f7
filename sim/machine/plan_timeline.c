#include <assert.h>
#include <math.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/world.h"
#include "sim/machine/plan_data.h"

enum { TEXTS_BYTES_MAX = 1 << 22 };

/* Room for one more; doubles. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity > 0 ? 2 * *capacity : 64;
    return memory_resize(array, *capacity * size);
}

static int64_t clock_now_us(const struct plan_builder *builder)
{
    return (int64_t)llround(builder->clock_us);
}

/* The present instant or, below zero, the number of the move at whose end it will be. */
static int64_t stamp(const struct plan_builder *builder)
{
    return builder->queued == builder->timed ? clock_now_us(builder) : -(int64_t)builder->queued;
}

/* Put a key behind the others, unless it takes the place of a last one that is too close to its
 * predecessor. */
static void keep_key(struct plan *plan, const struct plan_key *key, int64_t resolution_us)
{
    size_t count = plan->key_count;
    if (count >= 2 && key->at_us - plan->keys[count - 2].at_us < resolution_us) {
        plan->keys[count - 1] = *key;
        return;
    }
    plan->keys = grow(plan->keys, count, &plan->key_capacity, sizeof *plan->keys);
    plan->keys[plan->key_count++] = *key;
}

/* Too many keys: keep fewer of them, evenly in time. Ends, because the time of a plan is bounded.
 */
static void thin_out(struct plan_builder *builder)
{
    struct plan *plan = builder->plan;
    while (plan->key_count > PLAN_KEYS_MAX / 2) {
        builder->resolution_us =
            builder->resolution_us > 0 ? 2 * builder->resolution_us : MILLISECONDS(1);
        size_t count = plan->key_count;
        plan->key_count = 0;
        for (size_t i = 0; i < count; i++) {
            struct plan_key key = plan->keys[i];
            keep_key(plan, &key, builder->resolution_us);
        }
    }
}

static void add_key(struct plan_builder *builder, const struct plan_key *key)
{
    if (builder->plan->key_count == PLAN_KEYS_MAX) {
        thin_out(builder);
    }
    keep_key(builder->plan, key, builder->resolution_us);
}

struct plan_key plan_timeline_here(const struct plan_builder *builder)
{
    return (struct plan_key){
        .at_us = clock_now_us(builder),
        .offset = builder->line_offset,
        .filament_mm = builder->filament_mm,
        .x_mm = (float)builder->position_mm[0],
        .y_mm = (float)builder->position_mm[1],
        .z_mm = (float)builder->position_mm[2],
        .e_zero_mm = (float)(builder->filament_mm - builder->position_mm[3]),
    };
}

void plan_timeline_key(struct plan_builder *builder)
{
    assert(builder->queued == builder->timed);
    struct plan_key key = plan_timeline_here(builder);
    add_key(builder, &key);
}

/* Give their time to all that waited for the end of the move just timed. */
static void stamp_waiting(struct plan_builder *builder)
{
    struct plan *plan = builder->plan;
    int64_t mark = -(int64_t)builder->timed, now_us = clock_now_us(builder);
    for (size_t *i = &builder->marks_stamped; *i < plan->mark_count; (*i)++) {
        if (plan->marks[*i].at_us < mark) {
            break;
        }
        if (plan->marks[*i].at_us == mark) {
            plan->marks[*i].at_us = now_us;
        }
    }
    for (size_t *i = &builder->progress_stamped; *i < plan->progress_count; (*i)++) {
        if (plan->progress[*i].at_us < mark) {
            break;
        }
        if (plan->progress[*i].at_us == mark) {
            plan->progress[*i].at_us = now_us;
        }
    }
    for (size_t *i = &builder->hundredths_stamped; *i < plan->hundredth_count; (*i)++) {
        if (plan->hundredths[*i] < mark) {
            break;
        }
        if (plan->hundredths[*i] == mark) {
            plan->hundredths[*i] = now_us;
        }
    }
}

void plan_timeline_timed(void *owner, double duration_s)
{
    struct plan_builder *builder = owner;
    assert(builder->timed < builder->queued);
    struct plan_pending *pending = &builder->pending[builder->timed % KINEMATICS_QUEUE];
    builder->timed++;
    builder->clock_us += duration_s * 1e6;
    builder->estimate_us += duration_s * 1e8 / pending->speed_percent;
    pending->key.at_us = clock_now_us(builder);
    add_key(builder, &pending->key);
    stamp_waiting(builder);
    if (builder->clock_us > (double)SECONDS(86400) * PLAN_DAYS_MAX) {
        plan_builder_fail(builder, "the print would take more than %d days", (int)PLAN_DAYS_MAX);
        builder->clock_us = 0; /* the plan is given up; keep the arithmetic in range until then */
    }
}

struct plan_mark *plan_timeline_mark(struct plan_builder *builder, enum plan_mark_kind kind,
                                     double value)
{
    struct plan *plan = builder->plan;
    if (plan->mark_count == PLAN_MARKS_MAX) {
        plan_builder_fail(builder, "there are more than %d orders to heaters, fans and the like",
                          (int)PLAN_MARKS_MAX);
    }
    if (builder->failed) {
        return &builder->scrap;
    }
    plan->marks = grow(plan->marks, plan->mark_count, &plan->mark_capacity, sizeof *plan->marks);
    struct plan_mark *mark = &plan->marks[plan->mark_count++];
    *mark = (struct plan_mark){
        .at_us = stamp(builder),
        .offset = builder->line_offset,
        .text = "",
        .value = (float)value,
        .kind = (uint8_t)kind,
    };
    return mark;
}

void plan_timeline_text(struct plan_builder *builder, struct plan_mark *mark, const char *text,
                        size_t size)
{
    size = strnlen(text, size < PLAN_TEXT_BYTES_MAX ? size : PLAN_TEXT_BYTES_MAX);
    if (size == 0 || builder->failed) {
        return;
    }
    if (builder->plan->text_bytes + size + 1 > TEXTS_BYTES_MAX) {
        plan_builder_fail(builder, "there are more than %d bytes of messages",
                          (int)TEXTS_BYTES_MAX);
        return;
    }
    builder->plan->text_bytes += size + 1;
    mark->text = memory_copy_slice(text, size);
}

void plan_timeline_progress(struct plan_builder *builder)
{
    struct plan *plan = builder->plan;
    if (plan->progress_count == PLAN_MARKS_MAX) {
        plan_builder_fail(builder, "there are more than %d different M73", (int)PLAN_MARKS_MAX);
        return;
    }
    plan->progress = grow(plan->progress, plan->progress_count, &plan->progress_capacity,
                          sizeof *plan->progress);
    struct plan_progress *progress = &plan->progress[plan->progress_count++];
    *progress = builder->last_progress;
    progress->at_us = stamp(builder);
}

void plan_timeline_hundredth(struct plan_builder *builder)
{
    struct plan *plan = builder->plan;
    plan->hundredths = grow(plan->hundredths, plan->hundredth_count, &plan->hundredth_capacity,
                            sizeof *plan->hundredths);
    plan->hundredths[plan->hundredth_count++] = stamp(builder);
}

void plan_timeline_forget_layers(struct plan_builder *builder)
{
    struct plan *plan = builder->plan;
    size_t kept = 0, stamped = 0;
    for (size_t i = 0; i < plan->mark_count; i++) {
        if (plan->marks[i].kind != PLAN_LAYER) {
            stamped += i < builder->marks_stamped;
            plan->marks[kept++] = plan->marks[i];
        }
    }
    plan->mark_count = kept;
    builder->marks_stamped = stamped;
    plan->summary.layers = 0;
}
