#include <math.h>
#include <string.h>

#include "sim/machine/plan_data.h"

/* The firmware's figures (Prusa-Firmware: Firmware/Configuration.h, Marlin_main.cpp, planner.cpp).
 */
static const double lengthy_extrusion_mm =
    450; /* EXTRUDE_MAXLENGTH: the filament part of such a move is ignored */
static const double arc_chord_mm = 1;     /* MM_PER_ARC_SEGMENT */
static const double first_feed_mm_s = 25; /* before any F: 1500 mm/min */

static const double coordinate_max_mm = 1e6;
static const double arc_radius_max_mm =
    1000; /* beyond any bed; a firmware would run into its end stops */
static const uint64_t moves_max = UINT64_C(1) << 26;

/* Homing: way at the model's speed and, for each axis, backing off and touching slowly again. Our
 * assumption. */
static const double home_touch_s = 3;

/* Mesh levelling: nine points of some three seconds each. Our assumption. */
static const double mesh_s = 27;

static const char axis_letters[MODEL_AXES] = {'X', 'Y', 'Z', 'E'};

void plan_motion_init(struct plan_builder *builder)
{
    const struct model *model = builder->model;
    kinematics_init(&builder->kinematics, model, plan_timeline_timed, builder);
    builder->unit_mm = 1;
    builder->feed_mm_s = first_feed_mm_s;
    builder->print_mm_s2 = fmax(model->print_acceleration_mm_s2, 1);
    builder->travel_mm_s2 = fmax(model->travel_acceleration_mm_s2, 1);
    builder->retract_mm_s2 = fmax(model->retract_acceleration_mm_s2, 1);
    for (unsigned axis = 0; axis < 3; axis++) {
        builder->position_mm[axis] = model->axes[axis].min_mm;
    }
}

static double clamped(double value, double min, double max)
{
    return fmin(fmax(value, min), max);
}

/* X, Y, Z stay within the software end stops, which an axis without travel has not. */
static double within_axis(const struct plan_builder *builder, unsigned axis, double value)
{
    value = clamped(value, -coordinate_max_mm, coordinate_max_mm);
    const struct model_axis *limits = &builder->model->axes[axis];
    return limits->max_mm > limits->min_mm ? clamped(value, limits->min_mm, limits->max_mm) : value;
}

/* Where the line wants the axes to be. */
static void read_target(struct plan_builder *builder, const struct gcode_line *line,
                        double target_mm[MODEL_AXES])
{
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        target_mm[axis] = builder->position_mm[axis];
        if (!gcode_valued(line, axis_letters[axis])) {
            continue;
        }
        double value = line->value[axis_letters[axis] - 'A'] * builder->unit_mm;
        bool relative = axis < 3 ? builder->relative_xyz : builder->relative_e;
        target_mm[axis] = relative ? target_mm[axis] + value : value;
        if (axis < 3) {
            target_mm[axis] = within_axis(builder, axis, target_mm[axis]);
        }
    }
    double feed = gcode_value(line, 'F', 0) * builder->unit_mm / 60;
    if (feed > 0) {
        builder->feed_mm_s = feed;
    }
}

/* The layer that a slicer without layer comments means: something is laid down at another height
 * than before. */
static void watch_height(struct plan_builder *builder, const double delta_mm[MODEL_AXES])
{
    static const double layer_min_mm = 0.04;
    if (delta_mm[3] <= 0 || (delta_mm[0] == 0 && delta_mm[1] == 0)) {
        return;
    }
    double z_mm = builder->position_mm[2];
    struct plan_summary *summary = &builder->plan->summary;
    summary->max_z_mm = fmax(summary->max_z_mm, z_mm);
    if (builder->layers == LAYERS_BY_Z &&
        (summary->layers == 0 || fabs(z_mm - builder->layer_z_mm) >= layer_min_mm)) {
        builder->layer_z_mm = z_mm;
        plan_orders_layer(builder);
    }
}

static void move_to(struct plan_builder *builder, const double target_mm[MODEL_AXES])
{
    double delta_mm[MODEL_AXES];
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        delta_mm[axis] = target_mm[axis] - builder->position_mm[axis];
    }
    if (fabs(delta_mm[3]) > lengthy_extrusion_mm) {
        delta_mm[3] = 0;
    }
    bool travels = delta_mm[0] != 0 || delta_mm[1] != 0 || delta_mm[2] != 0;
    double acceleration = !travels           ? builder->retract_mm_s2
                          : delta_mm[3] == 0 ? builder->travel_mm_s2
                                             : builder->print_mm_s2;
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        builder->position_mm[axis] = target_mm[axis];
    }
    watch_height(builder, delta_mm);
    builder->filament_mm += delta_mm[3];
    struct plan_pending *pending = &builder->pending[builder->queued % KINEMATICS_QUEUE];
    pending->key = plan_timeline_here(builder);
    pending->speed_percent = builder->speed_percent;
    builder->queued++;
    if (!kinematics_add(&builder->kinematics, delta_mm, builder->feed_mm_s, acceleration)) {
        builder->queued--;
        return;
    }
    if (++builder->plan->summary.moves > moves_max) {
        plan_builder_fail(builder, "there are more than %llu moves", (unsigned long long)moves_max);
    }
}

void plan_motion_line(struct plan_builder *builder, const struct gcode_line *line)
{
    double target_mm[MODEL_AXES];
    read_target(builder, line, target_mm);
    move_to(builder, target_mm);
}

struct arc {
    double center_mm[2];
    double radius_mm;
    double begin, sweep; /* radians, counter-clockwise positive */
};

/* The centre that R means: to the left or right of the way, the near one for a positive radius. */
static bool center_of_radius(const double from_mm[2], const double to_mm[2], double radius_mm,
                             bool clockwise, double center_mm[2])
{
    double dx = to_mm[0] - from_mm[0], dy = to_mm[1] - from_mm[1];
    double distance = hypot(dx, dy);
    if (distance == 0 || fabs(radius_mm) < distance / 2) {
        return false;
    }
    double height = sqrt(radius_mm * radius_mm - distance * distance / 4);
    double side = clockwise == (radius_mm > 0) ? -1 : 1;
    center_mm[0] = (from_mm[0] + to_mm[0]) / 2 - side * height * dy / distance;
    center_mm[1] = (from_mm[1] + to_mm[1]) / 2 + side * height * dx / distance;
    return true;
}

static bool read_arc(const struct plan_builder *builder, const struct gcode_line *line,
                     const double to_mm[MODEL_AXES], struct arc *arc)
{
    const double *from_mm = builder->position_mm;
    bool clockwise = line->number == 2;
    if (gcode_valued(line, 'I') || gcode_valued(line, 'J')) {
        arc->center_mm[0] = from_mm[0] + gcode_value(line, 'I', 0) * builder->unit_mm;
        arc->center_mm[1] = from_mm[1] + gcode_value(line, 'J', 0) * builder->unit_mm;
    } else if (!center_of_radius(from_mm, to_mm, gcode_value(line, 'R', 0) * builder->unit_mm,
                                 clockwise, arc->center_mm)) {
        return false;
    }
    double x = from_mm[0] - arc->center_mm[0], y = from_mm[1] - arc->center_mm[1];
    arc->radius_mm = hypot(x, y);
    arc->begin = atan2(y, x);
    double end = atan2(to_mm[1] - arc->center_mm[1], to_mm[0] - arc->center_mm[0]);
    arc->sweep = end - arc->begin;
    if (clockwise && arc->sweep >= -1e-9) {
        arc->sweep -= 2 * M_PI; /* to the same point: all the way round */
    } else if (!clockwise && arc->sweep <= 1e-9) {
        arc->sweep += 2 * M_PI;
    }
    return arc->radius_mm > 0 && arc->radius_mm <= arc_radius_max_mm;
}

void plan_motion_arc(struct plan_builder *builder, const struct gcode_line *line)
{
    double to_mm[MODEL_AXES], from_mm[MODEL_AXES], point_mm[MODEL_AXES];
    read_target(builder, line, to_mm);
    struct arc arc;
    if (!read_arc(builder, line, to_mm, &arc)) {
        move_to(builder, to_mm); /* no circle goes there */
        return;
    }
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        from_mm[axis] = builder->position_mm[axis];
    }
    int chords = (int)fmax(1, floor(arc.radius_mm * fabs(arc.sweep) / arc_chord_mm));
    for (int i = 1; i < chords; i++) {
        double part = (double)i / chords, angle = arc.begin + part * arc.sweep;
        point_mm[0] = within_axis(builder, 0, arc.center_mm[0] + arc.radius_mm * cos(angle));
        point_mm[1] = within_axis(builder, 1, arc.center_mm[1] + arc.radius_mm * sin(angle));
        point_mm[2] = from_mm[2] + part * (to_mm[2] - from_mm[2]);
        point_mm[3] = from_mm[3] + part * (to_mm[3] - from_mm[3]);
        move_to(builder, point_mm);
    }
    move_to(builder, to_mm);
}

void plan_motion_dwell(struct plan_builder *builder, double seconds, bool estimated)
{
    kinematics_flush(&builder->kinematics);
    double longest = 86400.0 * PLAN_DAYS_MAX;
    if (!(builder->clock_us / 1e6 + seconds <= longest)) {
        plan_builder_fail(builder, "the print would take more than %d days", (int)PLAN_DAYS_MAX);
        return;
    }
    builder->clock_us += fmax(seconds, 0) * 1e6;
    builder->estimate_us += estimated ? fmax(seconds, 0) * 1e6 : 0;
    plan_timeline_key(builder);
}

void plan_motion_home(struct plan_builder *builder, const struct gcode_line *line)
{
    static const double slowest_mm_s = 0.5;
    kinematics_flush(&builder->kinematics);
    bool all = !gcode_has(line, 'X') && !gcode_has(line, 'Y') && !gcode_has(line, 'Z');
    double seconds = 0;
    for (unsigned axis = 0; axis < 3; axis++) {
        if (all || gcode_has(line, axis_letters[axis])) {
            const struct model_axis *model = &builder->model->axes[axis];
            double way_mm = fabs(builder->position_mm[axis] - model->min_mm);
            seconds += way_mm / fmax(model->home_feed_mm_s, slowest_mm_s) + home_touch_s;
            builder->position_mm[axis] = model->min_mm;
        }
    }
    plan_motion_dwell(builder, seconds, false);
    plan_timeline_mark(builder, PLAN_HOMED, 0);
    /* Homing all axes levels an MK3's bed too, unless W says not to (PrusaSlicer's start code: "G28
     * W ; home all without mesh bed level"; Prusa-Firmware: Firmware/Marlin_main.cpp, gcode_G28).
     */
    if (all && !gcode_has(line, 'W') && strcmp(builder->model->family, "mk3") == 0) {
        plan_motion_level(builder);
    }
}

void plan_motion_level(struct plan_builder *builder)
{
    plan_motion_dwell(builder, mesh_s, false);
    plan_timeline_mark(builder, PLAN_MESH, 0);
}

void plan_motion_set(struct plan_builder *builder, const struct gcode_line *line)
{
    bool travels = false;
    for (unsigned axis = 0; axis < 3; axis++) {
        travels = travels || gcode_valued(line, axis_letters[axis]);
    }
    if (travels) {
        kinematics_flush(
            &builder->kinematics); /* as the firmware: only G92 E goes on without a stop */
    }
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        if (gcode_valued(line, axis_letters[axis])) {
            double value = line->value[axis_letters[axis] - 'A'] * builder->unit_mm;
            builder->position_mm[axis] = clamped(value, -coordinate_max_mm, coordinate_max_mm);
        }
    }
    if (travels) {
        plan_timeline_key(builder);
    }
}
