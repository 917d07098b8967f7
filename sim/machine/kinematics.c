#include "sim/machine/kinematics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double length_min_mm = 1e-6;
static const double speed_min_mm_s = 1e-3;

void kinematics_init(struct kinematics *kinematics, const struct model *model,
                     void (*timed)(void *owner, double duration_s), void *owner)
{
    memset(kinematics, 0, sizeof *kinematics);
    struct kinematics_limits *limits = &kinematics->limits;
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        limits->feed_mm_s[axis] = fmax(model->axes[axis].max_feed_mm_s, speed_min_mm_s);
        limits->acceleration_mm_s2[axis] = fmax(model->axes[axis].max_acceleration_mm_s2, 1);
        limits->jerk_mm_s[axis] = fmax(model->axes[axis].jerk_mm_s, speed_min_mm_s);
    }
    kinematics->timed = timed;
    kinematics->owner = owner;
}

/* The change of an axis' speed at a junction, per mm/s of speed along the way. On a reversal the
 * firmware counts the larger of the two speeds and not their sum. */
static double speed_change(double before, double after)
{
    return before * after >= 0 ? fabs(after - before) : fmax(fabs(before), fabs(after));
}

/* The highest speed at which `block` may follow `before`, NULL: a standstill. */
static double junction_speed(const struct kinematics_limits *limits,
                             const struct kinematics_block *before,
                             const struct kinematics_block *block)
{
    double speed = block->nominal_mm_s;
    if (before != NULL && before->nominal_mm_s < speed) {
        speed = before->nominal_mm_s;
    }
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        double was = before != NULL ? before->direction[axis] : 0;
        double change = speed_change(was, block->direction[axis]);
        if (speed * change > limits->jerk_mm_s[axis]) {
            speed = limits->jerk_mm_s[axis] / change;
        }
    }
    return speed;
}

static bool block_init(struct kinematics_block *block, const struct kinematics_limits *limits,
                       const double delta_mm[MODEL_AXES], double feed_mm_s,
                       double acceleration_mm_s2)
{
    double length =
        sqrt(delta_mm[0] * delta_mm[0] + delta_mm[1] * delta_mm[1] + delta_mm[2] * delta_mm[2]);
    bool travels = length >= length_min_mm;
    if (!travels) {
        length = fabs(delta_mm[3]);
    }
    if (length < length_min_mm) {
        return false;
    }
    bool extrudes = delta_mm[3] != 0;
    double nominal =
        fmax(feed_mm_s, extrudes ? limits->min_feed_mm_s : limits->min_travel_feed_mm_s);
    double acceleration = acceleration_mm_s2;
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        double part = delta_mm[axis] / length;
        block->direction[axis] = part;
        part = fabs(part);
        if (nominal * part > limits->feed_mm_s[axis]) {
            nominal = limits->feed_mm_s[axis] / part;
        }
        if (acceleration * part > limits->acceleration_mm_s2[axis]) {
            acceleration = limits->acceleration_mm_s2[axis] / part;
        }
    }
    block->length_mm = length;
    block->nominal_mm_s = fmax(nominal, speed_min_mm_s);
    block->acceleration_mm_s2 = fmax(acceleration, speed_min_mm_s);
    block->safe_mm_s = junction_speed(limits, NULL, block);
    return true;
}

static double duration_s(const struct kinematics_block *block, double exit_mm_s)
{
    double entry = block->entry_mm_s, nominal = block->nominal_mm_s;
    double acceleration = block->acceleration_mm_s2, length = block->length_mm;
    double up = (nominal * nominal - entry * entry) / (2 * acceleration);
    double down = (nominal * nominal - exit_mm_s * exit_mm_s) / (2 * acceleration);
    if (up + down <= length) {
        return (nominal - entry + nominal - exit_mm_s) / acceleration +
               (length - up - down) / nominal;
    }
    double peak = sqrt(acceleration * length + (entry * entry + exit_mm_s * exit_mm_s) / 2);
    peak = fmin(fmax(peak, fmax(entry, exit_mm_s)), nominal);
    return (peak - entry + peak - exit_mm_s) / acceleration;
}

/* Decide the entry speeds: no block is entered faster than it can be left, nor faster than reached.
 */
static void look_ahead(struct kinematics *kinematics)
{
    struct kinematics_block *blocks = kinematics->blocks;
    unsigned count = kinematics->count;
    double exit = blocks[count - 1].safe_mm_s;
    for (unsigned i = count; i-- > 0;) {
        struct kinematics_block *block = &blocks[i];
        double reach = sqrt(exit * exit + 2 * block->acceleration_mm_s2 * block->length_mm);
        if (i > 0 || !kinematics->moving) {
            block->entry_mm_s = fmin(block->entry_max_mm_s, reach);
        }
        exit = block->entry_mm_s;
    }
    for (unsigned i = 1; i < count; i++) {
        const struct kinematics_block *before = &blocks[i - 1];
        double reach = sqrt(before->entry_mm_s * before->entry_mm_s +
                            2 * before->acceleration_mm_s2 * before->length_mm);
        blocks[i].entry_mm_s = fmin(blocks[i].entry_mm_s, reach);
    }
}

/* Let go of the first `count` blocks. */
static void release(struct kinematics *kinematics, unsigned count)
{
    assert(count <= kinematics->count);
    for (unsigned i = 0; i < count; i++) {
        const struct kinematics_block *block = &kinematics->blocks[i];
        bool last = i + 1 == kinematics->count;
        double exit = last ? block->safe_mm_s : kinematics->blocks[i + 1].entry_mm_s;
        kinematics->timed(kinematics->owner, duration_s(block, fmin(exit, block->nominal_mm_s)));
    }
    kinematics->count -= count;
    memmove(kinematics->blocks, kinematics->blocks + count,
            kinematics->count * sizeof *kinematics->blocks);
    kinematics->moving = kinematics->count > 0;
}

bool kinematics_add(struct kinematics *kinematics, const double delta_mm[MODEL_AXES],
                    double feed_mm_s, double acceleration_mm_s2)
{
    struct kinematics_block *block = &kinematics->blocks[kinematics->count];
    if (!block_init(block, &kinematics->limits, delta_mm, feed_mm_s, acceleration_mm_s2)) {
        return false;
    }
    const struct kinematics_block *before =
        kinematics->count > 0 ? &kinematics->blocks[kinematics->count - 1] : NULL;
    block->entry_max_mm_s = junction_speed(&kinematics->limits, before, block);
    block->entry_mm_s = block->entry_max_mm_s;
    kinematics->count++;
    if (kinematics->count == KINEMATICS_QUEUE) {
        look_ahead(kinematics);
        release(kinematics, KINEMATICS_QUEUE / 2);
    }
    return true;
}

void kinematics_flush(struct kinematics *kinematics)
{
    if (kinematics->count > 0) {
        look_ahead(kinematics);
        release(kinematics, kinematics->count);
    }
    kinematics->moving = false;
}
