#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/machine/plan_data.h"

/* Loading and unloading by an MMU2S: filament_load_time and filament_unload_time of PrusaSlicer's
 * MMU2S profiles, which its estimate counts too. */
enum mmu_progress { MMU_UNLOADING = 3, MMU_FEEDING = 5 }; /* to FINDA: connect-sdk.md 4.7 */
static const double mmu_load_s = 15, mmu_unload_s = 12;
static const double tool_move_s = 3.5; /* to a dock and away from it [chosen] */

static const double inch_mm = 25.4;
static const double rate_min = 1e-2,
                    rate_max = 1e6; /* of limits in mm/s and mm/s² that a file may set */

static const char axis_letters[MODEL_AXES] = {'X', 'Y', 'Z', 'E'};

static double rate(double value)
{
    return fmin(fmax(value, rate_min), rate_max);
}

static void units_inch(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->unit_mm = inch_mm;
}

static void units_mm(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->unit_mm = 1;
}

static void absolute(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->relative_xyz = false;
}

static void relative(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->relative_xyz = true;
}

static void absolute_e(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->relative_e = false;
}

static void relative_e(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    builder->relative_e = true;
}

static void dwell(struct plan_builder *builder, const struct gcode_line *line)
{
    double seconds =
        gcode_valued(line, 'S') ? gcode_value(line, 'S', 0) : gcode_value(line, 'P', 0) / 1000;
    plan_motion_dwell(builder, seconds, true);
}

/* G80 of the MK3; of the many parts of G29 on Buddy printers only the probing (P1 or none) takes
 * time. */
static void level(struct plan_builder *builder, const struct gcode_line *line)
{
    bool part = gcode_has(line, 'A') || gcode_value(line, 'P', 1) != 1;
    if (line->number == 80 || !part) {
        plan_motion_level(builder);
    }
}

static void wait_for_moves(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    kinematics_flush(&builder->kinematics);
}

/* The head that a line is about: from 1, 0 is the one in use. */
static uint16_t tool_of(const struct plan_builder *builder, const struct gcode_line *line)
{
    double tool = gcode_value(line, 'T', -1);
    return tool >= 0 && tool < builder->model->buddy.tools ? (uint16_t)(tool + 1) : 0;
}

static void heat_nozzle(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        struct plan_mark *mark =
            plan_timeline_mark(builder, PLAN_NOZZLE_TARGET, gcode_value(line, 'S', 0));
        mark->code = tool_of(builder, line);
    }
}

static void heat_bed(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        plan_timeline_mark(builder, PLAN_BED_TARGET, gcode_value(line, 'S', 0));
    }
}

static void heat_chamber(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S') && builder->model->buddy.chamber_max_c > 0) {
        plan_timeline_mark(builder, PLAN_CHAMBER, gcode_value(line, 'S', 0));
    }
}

/* M109, M190: S waits for heating alone, R for cooling too, neither for whatever is set. */
static void heat_and_wait(struct plan_builder *builder, const struct gcode_line *line)
{
    kinematics_flush(&builder->kinematics);
    bool by_r = !gcode_valued(line, 'S') && gcode_valued(line, 'R');
    double value = gcode_value(line, by_r ? 'R' : 'S', -1);
    enum plan_mark_kind kind = line->number == 109 ? PLAN_NOZZLE_WAIT : PLAN_BED_WAIT;
    struct plan_mark *mark = plan_timeline_mark(builder, kind, value);
    mark->cooling = by_r;
    mark->code = kind == PLAN_NOZZLE_WAIT ? tool_of(builder, line) : 0;
}

static void fan(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_value(line, 'P', 0) > 0) {
        return; /* another fan than the one that cools the print */
    }
    double value = line->number == 107 ? 0 : gcode_value(line, 'S', 255);
    plan_timeline_mark(builder, PLAN_FAN, fmin(fmax(value, 0), 255));
}

static bool mode_says(const struct gcode_line *line, char letter, double *value)
{
    *value = gcode_value(line, letter, -1);
    return *value >= 0;
}

static void progress(struct plan_builder *builder, const struct gcode_line *line)
{
    static const struct {
        char percent, left, change_in;
    } letters[PLAN_MODES] = {[PLAN_NORMAL] = {'P', 'R', 'C'}, [PLAN_QUIET] = {'Q', 'S', 'D'}};
    struct plan_progress before = builder->last_progress, *now = &builder->last_progress;
    bool changed = builder->plan->progress_count == 0;
    builder->plan->summary.has_progress = true;
    for (unsigned mode = 0; mode < PLAN_MODES; mode++) {
        double value;
        if (mode_says(line, letters[mode].percent, &value)) {
            now->mode[mode].percent = (int16_t)fmin(value, 100);
        }
        if (mode_says(line, letters[mode].left, &value)) {
            now->mode[mode].left_min = (float)value;
        }
        if (mode_says(line, letters[mode].change_in, &value)) {
            now->mode[mode].change_in_min = (float)value;
        }
        changed = changed || now->mode[mode].percent != before.mode[mode].percent ||
                  now->mode[mode].left_min != before.mode[mode].left_min ||
                  now->mode[mode].change_in_min != before.mode[mode].change_in_min;
    }
    if (changed) {
        plan_timeline_progress(builder);
    }
}

static void message(struct plan_builder *builder, const struct gcode_line *line)
{
    struct plan_mark *mark = plan_timeline_mark(builder, PLAN_MESSAGE, 0);
    plan_timeline_text(builder, mark, line->text, line->text_size);
}

static void pause_for_user(struct plan_builder *builder, const struct gcode_line *line)
{
    kinematics_flush(&builder->kinematics);
    bool for_a_time =
        line->number <= 1 && (gcode_value(line, 'S', 0) > 0 || gcode_value(line, 'P', 0) > 0);
    if (for_a_time) { /* M0 S5 waits at most so long, and nobody presses the knob */
        dwell(builder, line);
        return;
    }
    struct plan_mark *mark = plan_timeline_mark(builder, PLAN_PAUSE, 0);
    mark->code = (uint16_t)line->number;
    if (line->number <= 1) {
        plan_timeline_text(builder, mark, line->text, line->text_size);
    }
}

/* One mark for each letter, in the order that the firmware takes them in
 * (PFB: lib/Marlin/Marlin/src/gcode/feature/cancel/M486.cpp). A name is the rest of the line. */
static void object(struct plan_builder *builder, const struct gcode_line *line)
{
    static const char letters[] = "TSPUC";
    if (builder->model->buddy.user_agent == NULL) {
        return; /* the others don't know it */
    }
    if (line->text_size > 0 && line->text[0] == 'A') {
        struct plan_mark *mark = plan_timeline_mark(builder, PLAN_OBJECT, 0);
        mark->code = 'A';
        plan_timeline_text(builder, mark, line->text + 1, line->text_size - 1);
        return;
    }
    for (const char *letter = letters; *letter != '\0'; letter++) {
        if (gcode_has(line, *letter)) {
            double value = gcode_value(line, *letter, *letter == 'C' ? 0 : -1);
            plan_timeline_mark(builder, PLAN_OBJECT, value)->code = (uint16_t)*letter;
        }
    }
}

static void motors_off(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_has(line, 'X') || gcode_has(line, 'Y') || gcode_has(line, 'Z') ||
        gcode_has(line, 'E')) {
        return;
    }
    kinematics_flush(&builder->kinematics);
    plan_timeline_mark(builder, PLAN_MOTORS_OFF, 0);
}

static void limit_accelerations(struct plan_builder *builder, const struct gcode_line *line)
{
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        if (gcode_valued(line, axis_letters[axis])) {
            builder->kinematics.limits.acceleration_mm_s2[axis] =
                rate(gcode_value(line, axis_letters[axis], 0));
        }
    }
}

static void limit_feeds(struct plan_builder *builder, const struct gcode_line *line)
{
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        if (gcode_valued(line, axis_letters[axis])) {
            builder->kinematics.limits.feed_mm_s[axis] =
                rate(gcode_value(line, axis_letters[axis], 0));
        }
    }
}

/* S alone is the old form: it sets printing and travel, T retracting (Prusa-Firmware:
 * Marlin_main.cpp, M204). */
static void set_acceleration(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        builder->print_mm_s2 = builder->travel_mm_s2 = rate(gcode_value(line, 'S', 0));
        builder->retract_mm_s2 = rate(gcode_value(line, 'T', builder->retract_mm_s2));
        return;
    }
    builder->print_mm_s2 = rate(gcode_value(line, 'P', builder->print_mm_s2));
    builder->retract_mm_s2 = rate(gcode_value(line, 'R', builder->retract_mm_s2));
    builder->travel_mm_s2 = rate(gcode_value(line, 'T', builder->travel_mm_s2));
}

static void limit_jerk(struct plan_builder *builder, const struct gcode_line *line)
{
    struct kinematics_limits *limits = &builder->kinematics.limits;
    for (unsigned axis = 0; axis < MODEL_AXES; axis++) {
        if (gcode_valued(line, axis_letters[axis])) {
            limits->jerk_mm_s[axis] = rate(gcode_value(line, axis_letters[axis], 0));
        }
    }
    limits->min_feed_mm_s = fmin(fmax(gcode_value(line, 'S', limits->min_feed_mm_s), 0), rate_max);
    limits->min_travel_feed_mm_s =
        fmin(fmax(gcode_value(line, 'T', limits->min_travel_feed_mm_s), 0), rate_max);
}

static void set_speed(struct plan_builder *builder, const struct gcode_line *line)
{
    int before = builder->speed_percent;
    if (gcode_has(line, 'B')) {
        builder->saved_speed_percent = before;
    }
    if (gcode_valued(line, 'S')) {
        builder->speed_percent = (int)fmin(fmax(gcode_value(line, 'S', 100), 10), 999);
    }
    if (gcode_has(line, 'R')) {
        builder->speed_percent = builder->saved_speed_percent;
    }
    if (builder->speed_percent != before) {
        plan_timeline_mark(builder, PLAN_SPEED, builder->speed_percent);
    }
}

static void set_flow(struct plan_builder *builder, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        plan_timeline_mark(builder, PLAN_FLOW, fmin(fmax(gcode_value(line, 'S', 100), 10), 999));
    }
}

/* What an MMU does takes its time, and it says what it is at. */
static void work_mmu(struct plan_builder *builder, char command, int slot, enum mmu_progress code,
                     double seconds)
{
    char text[16];
    snprintf(text, sizeof text, "%c%d", command, slot % builder->model->mmu_slots);
    kinematics_flush(&builder->kinematics);
    struct plan_mark *mark = plan_timeline_mark(builder, PLAN_MMU, slot);
    mark->code = (uint16_t)code;
    plan_timeline_text(builder, mark, text, strlen(text));
    plan_motion_dwell(builder, seconds, true);
}

static void unload(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    if (builder->model->mmu && builder->tool >= 0) {
        work_mmu(builder, 'U', builder->tool, MMU_UNLOADING, mmu_unload_s);
        builder->tool = -1;
        plan_timeline_mark(builder, PLAN_TOOL, -1);
    }
}

/* A head goes to its dock, another is fetched; between the two the way behind the bed. */
static void pick_tool(struct plan_builder *builder, int tool)
{
    bool parks = builder->tool >= 0, picks = tool >= 0;
    kinematics_flush(&builder->kinematics);
    plan_motion_dwell(builder, tool_move_s * ((int)parks + (int)picks), true);
    builder->tool = tool;
    plan_timeline_mark(builder, PLAN_TOOL, tool);
}

/* P0: to the dock with whatever is in use. */
static void park_tool(struct plan_builder *builder, const struct gcode_line *line)
{
    (void)line;
    if (builder->model->buddy.tools > 1 && builder->tool >= 0) {
        pick_tool(builder, -1);
    }
}

static void change_tool(struct plan_builder *builder, const struct gcode_line *line)
{
    if (line->number < 0 || line->number == builder->tool) {
        return; /* T? and Tx ask the user; the same tool again is no change */
    }
    if (builder->model->buddy.tools > 1) {
        if (line->number < builder->model->buddy.tools) {
            pick_tool(builder, line->number);
        }
        return;
    }
    if (builder->model->mmu) {
        if (builder->tool >= 0) {
            work_mmu(builder, 'T', line->number, MMU_UNLOADING, mmu_unload_s);
        }
        work_mmu(builder, 'T', line->number, MMU_FEEDING, mmu_load_s);
    }
    builder->tool = line->number;
    plan_timeline_mark(builder, PLAN_TOOL, line->number);
}

static const struct {
    char letter;
    int number; /* -1: any */
    void (*run)(struct plan_builder *builder, const struct gcode_line *line);
} orders[] = {
    {'G', 1, plan_motion_line},
    {'G', 0, plan_motion_line},
    {'G', 2, plan_motion_arc},
    {'G', 3, plan_motion_arc},
    {'M', 204, set_acceleration},
    {'M', 73, progress},
    {'G', 92, plan_motion_set},
    {'M', 106, fan},
    {'M', 107, fan},
    {'M', 104, heat_nozzle},
    {'M', 140, heat_bed},
    {'M', 141, heat_chamber},
    {'M', 109, heat_and_wait},
    {'M', 190, heat_and_wait},
    {'G', 4, dwell},
    {'G', 20, units_inch},
    {'G', 21, units_mm},
    {'G', 28, plan_motion_home},
    {'G', 29, level},
    {'G', 80, level},
    {'G', 90, absolute},
    {'G', 91, relative},
    {'P', 0, park_tool},
    {'M', 0, pause_for_user},
    {'M', 1, pause_for_user},
    {'M', 25, pause_for_user},
    {'M', 600, pause_for_user},
    {'M', 601, pause_for_user},
    {'M', 18, motors_off},
    {'M', 84, motors_off},
    {'M', 82, absolute_e},
    {'M', 83, relative_e},
    {'M', 117, message},
    {'M', 201, limit_accelerations},
    {'M', 203, limit_feeds},
    {'M', 205, limit_jerk},
    {'M', 220, set_speed},
    {'M', 221, set_flow},
    {'M', 400, wait_for_moves},
    {'M', 486, object},
    {'M', 702, unload},
    {'T', -1, change_tool},
};

void plan_orders_run(struct plan_builder *builder, const struct gcode_line *line)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        bool number_fits = orders[i].number == line->number || orders[i].number < 0;
        if (orders[i].letter == line->letter && number_fits) {
            orders[i].run(builder, line);
            return;
        }
    }
    /* What is unknown is passed over, like by the firmware, which only says so on its console. */
}

void plan_orders_layer(struct plan_builder *builder)
{
    uint32_t layer = ++builder->plan->summary.layers;
    plan_timeline_mark(builder, PLAN_LAYER, layer);
}

static bool begins(const char *text, size_t size, const char *with)
{
    size_t length = strlen(with);
    return size >= length && memcmp(text, with, length) == 0;
}

/* ";LAYER_CHANGE" of PrusaSlicer, ";LAYER:0" of Cura. The first kind seen counts, and instead of
 * heights. */
void plan_orders_comment(struct plan_builder *builder, const char *text, size_t size)
{
    enum plan_layers layers = LAYERS_BY_Z;
    if (begins(text, size, "LAYER_CHANGE")) {
        layers = LAYERS_BY_LAYER_CHANGE;
    } else if (begins(text, size, "LAYER:")) {
        layers = LAYERS_BY_LAYER_NUMBER;
    }
    if (layers == LAYERS_BY_Z) {
        return;
    }
    if (builder->layers == LAYERS_BY_Z) {
        plan_timeline_forget_layers(builder);
        builder->layers = layers;
    }
    if (builder->layers == layers) {
        plan_orders_layer(builder);
    }
}
