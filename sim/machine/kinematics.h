#ifndef HOTBED_MACHINE_KINEMATICS_H
#define HOTBED_MACHINE_KINEMATICS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/model.h"

/* How long moves take: trapezoids of speed with look-ahead over junctions limited by jerk, the
 * method of the MK3's planner (Prusa-Firmware: Firmware/planner.cpp) and, after it, of
 * PrusaSlicer's estimate (PrusaSlicer: src/libslic3r/GCode/GCodeProcessor.cpp). Moves go in one by
 * one, their durations come out in the same order, late by at most KINEMATICS_QUEUE moves. */

enum { KINEMATICS_QUEUE = 128 };

/* Axes X Y Z E. */
struct kinematics_limits {
    double feed_mm_s[MODEL_AXES];
    double acceleration_mm_s2[MODEL_AXES];
    double jerk_mm_s[MODEL_AXES];
    double min_feed_mm_s, min_travel_feed_mm_s;
};

struct kinematics_block {
    double direction[MODEL_AXES]; /* mm of each axis per mm of the way */
    double length_mm;
    double nominal_mm_s;
    double acceleration_mm_s2;
    double entry_max_mm_s;
    double entry_mm_s;
    double safe_mm_s; /* from and to standstill at once */
};

struct kinematics {
    struct kinematics_limits limits;
    struct kinematics_block blocks[KINEMATICS_QUEUE];
    unsigned count;
    bool moving; /* the first block in the queue is entered at entry_mm_s, decided before */
    /* A move takes this long; called in the order in which moves were added. */
    void (*timed)(void *owner, double duration_s);
    void *owner;
};

void kinematics_init(struct kinematics *kinematics, const struct model *model,
                     void (*timed)(void *owner, double duration_s), void *owner);

/* Queue a straight move; false: it moves nothing and is forgotten. Feed and acceleration are those
 * asked for; limits cut them. A move without X, Y, Z is as long as its E. */
bool kinematics_add(struct kinematics *kinematics, const double delta_mm[MODEL_AXES],
                    double feed_mm_s, double acceleration_mm_s2);

/* Come to a standstill: all durations are out. */
void kinematics_flush(struct kinematics *kinematics);

#endif
