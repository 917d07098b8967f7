#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

/* Moves beside those of a print file: parking, returning, a host's own lines. Each is a trapezoid
 * of speed from and to a standstill, solved, not stepped. */

struct leg {
    double from[MODEL_AXES], to[MODEL_AXES];
    int64_t start_us, end_us;
    double length_mm, feed_mm_s, acceleration_mm_s2; /* length 0: stands there until the end */
};

struct motion {
    unsigned count;
    struct leg legs[MOTION_LEGS_MAX];
};

static double leg_seconds(const struct leg *leg)
{
    double ramp_mm = leg->feed_mm_s * leg->feed_mm_s / leg->acceleration_mm_s2;
    if (leg->length_mm < ramp_mm) {
        return 2 * sqrt(leg->length_mm / leg->acceleration_mm_s2);
    }
    return leg->length_mm / leg->feed_mm_s + leg->feed_mm_s / leg->acceleration_mm_s2;
}

/* The way that has been made after `t` seconds. */
static double leg_way(const struct leg *leg, double t)
{
    double total_s = leg_seconds(leg);
    if (t >= total_s) {
        return leg->length_mm;
    }
    double ramp_s = fmin(leg->feed_mm_s / leg->acceleration_mm_s2, total_s / 2);
    if (t < ramp_s) {
        return leg->acceleration_mm_s2 * t * t / 2;
    }
    if (t > total_s - ramp_s) {
        double rest_s = total_s - t;
        return leg->length_mm - leg->acceleration_mm_s2 * rest_s * rest_s / 2;
    }
    return leg->acceleration_mm_s2 * ramp_s * (t - ramp_s / 2);
}

static void leg_position(const struct leg *leg, int64_t now_us, double at[MODEL_AXES])
{
    double t = (double)(now_us - leg->start_us) / 1e6;
    double share = leg->length_mm > 0 ? leg_way(leg, t) / leg->length_mm : 1;
    for (int i = 0; i < MODEL_AXES; i++) {
        at[i] = leg->from[i] + (leg->to[i] - leg->from[i]) * share;
    }
}

static struct leg *next_leg(struct machine *machine)
{
    if (machine->motion == NULL) {
        machine->motion = memory_new(sizeof *machine->motion);
    }
    struct motion *motion = machine->motion;
    if (motion->count == MOTION_LEGS_MAX) {
        return NULL;
    }
    struct leg *leg = &motion->legs[motion->count];
    *leg = (struct leg){.start_us = machine_now(machine)};
    if (motion->count > 0) {
        leg->start_us = motion->legs[motion->count - 1].end_us;
    }
    motion_target(machine, leg->from);
    motion->count++;
    return leg;
}

static double clip(double value, const struct model_axis *axis)
{
    return fmin(fmax(value, axis->min_mm), axis->max_mm);
}

bool motion_add(struct machine *machine, const double to[MODEL_AXES], double feed_mm_s)
{
    struct leg *leg = next_leg(machine);
    if (leg == NULL) {
        return false;
    }
    double square = 0;
    for (int i = 0; i < MODEL_AXES; i++) {
        const struct model_axis *axis = &machine->model->axes[i];
        leg->to[i] = isnan(to[i]) ? leg->from[i] : i == E ? to[i] : clip(to[i], axis);
        double delta = leg->to[i] - leg->from[i];
        square += i == E ? 0 : delta * delta;
    }
    /* A move of E alone is as long as E; with X, Y or Z it takes as long as they do. */
    leg->length_mm = square > 0 ? sqrt(square) : fabs(leg->to[E] - leg->from[E]);
    leg->feed_mm_s = fmax(feed_mm_s, 0.1);
    leg->acceleration_mm_s2 = machine->model->travel_acceleration_mm_s2;
    for (int i = 0; i < MODEL_AXES && leg->length_mm > 0; i++) {
        double share = fabs(leg->to[i] - leg->from[i]) / leg->length_mm;
        if (share > 0) {
            leg->feed_mm_s = fmin(leg->feed_mm_s, machine->model->axes[i].max_feed_mm_s / share);
            leg->acceleration_mm_s2 = fmin(leg->acceleration_mm_s2,
                                           machine->model->axes[i].max_acceleration_mm_s2 / share);
        }
    }
    leg->end_us = leg->start_us + (leg->length_mm > 0 ? (int64_t)ceil(leg_seconds(leg) * 1e6) : 0);
    return true;
}

void motion_dwell(struct machine *machine, double seconds)
{
    struct leg *leg = next_leg(machine);
    if (leg != NULL) {
        for (int i = 0; i < MODEL_AXES; i++) {
            leg->to[i] = leg->from[i];
        }
        leg->end_us = leg->start_us + (int64_t)(seconds * 1e6);
    }
}

void motion_target(const struct machine *machine, double at[MODEL_AXES])
{
    const struct motion *motion = machine->motion;
    const double *from = motion != NULL && motion->count > 0 ? motion->legs[motion->count - 1].to
                                                             : machine->position;
    for (int i = 0; i < MODEL_AXES; i++) {
        at[i] = from[i];
    }
}

bool motion_full(const struct machine *machine)
{
    return machine->motion != NULL && machine->motion->count == MOTION_LEGS_MAX;
}

int64_t motion_first_end_us(const struct machine *machine)
{
    return machine->motion == NULL ? INT64_MAX : machine->motion->legs[0].end_us;
}

int64_t motion_end_us(const struct machine *machine)
{
    const struct motion *motion = machine->motion;
    return motion == NULL ? INT64_MAX : motion->legs[motion->count - 1].end_us;
}

bool motion_step(struct machine *machine)
{
    struct motion *motion = machine->motion;
    if (motion == NULL || motion->legs[0].end_us > machine_now(machine)) {
        return false;
    }
    for (int i = 0; i < MODEL_AXES; i++) {
        machine->position[i] = motion->legs[0].to[i];
    }
    motion->count--;
    for (unsigned i = 0; i < motion->count; i++) {
        motion->legs[i] = motion->legs[i + 1];
    }
    if (motion->count == 0) {
        free(motion);
        machine->motion = NULL;
    }
    return true;
}

void motion_cancel(struct machine *machine)
{
    machine_position(machine, machine->position);
    free(machine->motion);
    machine->motion = NULL;
}

void machine_position(const struct machine *machine, double at[MODEL_AXES])
{
    double here[MODEL_AXES];
    if (machine->motion != NULL) {
        const struct motion *motion = machine->motion;
        unsigned i = 0;
        while (i + 1 < motion->count && motion->legs[i].end_us <= machine_now(machine)) {
            i++;
        }
        leg_position(&motion->legs[i], machine_now(machine), here);
    } else if (print_moves(machine)) {
        struct job_reading reading;
        job_read(&machine->print->job, machine_now(machine), &reading);
        here[X] = reading.point.x_mm;
        here[Y] = reading.point.y_mm;
        here[Z] = reading.point.z_mm;
        here[E] = reading.point.e_mm;
    } else {
        motion_target(machine, here);
    }
    for (int i = 0; i < MODEL_AXES; i++) {
        at[i] = here[i];
    }
}
