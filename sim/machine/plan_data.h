#ifndef HOTBED_MACHINE_PLAN_DATA_H
#define HOTBED_MACHINE_PLAN_DATA_H

#include "sim/machine/gcode.h"
#include "sim/machine/kinematics.h"
#include "sim/machine/plan.h"

/* What a plan is made of and how it is made: for plan*.c alone. */

/* Where the axes are at an instant. Between two keys everything is straight, except that E's zero
 * (G92) is the later key's and that the file is read up to the later key's offset as soon as the
 * earlier one is passed. */
struct plan_key {
    int64_t at_us;
    uint64_t offset;
    double filament_mm;
    float x_mm, y_mm, z_mm;
    float e_zero_mm; /* axis = filament - this */
};

struct plan {
    uint32_t references;
    struct plan_summary summary;
    struct plan_key *keys; /* at least one */
    size_t key_count, key_capacity;
    struct plan_mark *marks;
    size_t mark_count, mark_capacity;
    struct plan_progress *progress;
    size_t progress_count, progress_capacity;
    int64_t *hundredths;
    size_t hundredth_count, hundredth_capacity;
    size_t text_bytes;
    struct plan_resin *resin; /* NULL: g-code */
    struct plan_cache *cache; /* that can find it; NULL: none */
};

enum plan_layers { LAYERS_BY_Z, LAYERS_BY_LAYER_CHANGE, LAYERS_BY_LAYER_NUMBER };

/* A move that the planner has not timed yet. */
struct plan_pending {
    struct plan_key key;
    int speed_percent;
};

struct plan_builder {
    struct plan *plan;
    const struct model *model;
    struct error *error;
    bool failed;
    struct kinematics kinematics;
    struct plan_pending pending[KINEMATICS_QUEUE]; /* by number modulo its size */
    uint64_t queued, timed;                        /* moves */
    double clock_us, estimate_us;
    int64_t resolution_us; /* keys are at least this far apart; 0: every move has one */
    size_t marks_stamped, progress_stamped, hundredths_stamped;

    double position_mm[MODEL_AXES]; /* as M114 tells it */
    double filament_mm;
    bool relative_xyz, relative_e;
    double unit_mm;
    double feed_mm_s;
    double print_mm_s2, travel_mm_s2, retract_mm_s2;
    int speed_percent, saved_speed_percent;
    int tool; /* -1: none yet */
    struct plan_progress last_progress;
    enum plan_layers layers;
    double layer_z_mm;
    uint64_t line_offset;   /* end of the present line in the file */
    struct plan_mark scrap; /* what is written to once the plan is given up */
};

/* plan_timeline.c: what happens when. A stamp is given now or, while moves wait in the planner,
 * when they are timed. */
void plan_timeline_timed(void *builder, double duration_s); /* for the planner */
void plan_timeline_key(struct plan_builder *builder); /* here we are, now; the planner is empty */
struct plan_mark *plan_timeline_mark(struct plan_builder *builder, enum plan_mark_kind kind,
                                     double value);
void plan_timeline_text(struct plan_builder *builder, struct plan_mark *mark, const char *text,
                        size_t size);
void plan_timeline_progress(struct plan_builder *builder); /* last_progress holds from here */
void plan_timeline_hundredth(struct plan_builder *builder);
void plan_timeline_forget_layers(struct plan_builder *builder);
struct plan_key plan_timeline_here(const struct plan_builder *builder);

/* plan_motion.c: what moves. */
void plan_motion_init(struct plan_builder *builder);
void plan_motion_line(struct plan_builder *builder, const struct gcode_line *line); /* G0, G1 */
void plan_motion_arc(struct plan_builder *builder, const struct gcode_line *line);  /* G2, G3 */
void plan_motion_home(struct plan_builder *builder, const struct gcode_line *line); /* G28 */
void plan_motion_level(struct plan_builder *builder);                               /* G80, G29 */
void plan_motion_set(struct plan_builder *builder, const struct gcode_line *line);  /* G92 */
void plan_motion_dwell(struct plan_builder *builder, double seconds, bool estimated);

/* plan_orders.c: what a line means. */
void plan_orders_run(struct plan_builder *builder, const struct gcode_line *line);
void plan_orders_comment(struct plan_builder *builder, const char *text, size_t size);
void plan_orders_layer(struct plan_builder *builder);

/* Say once why there will be no plan. */
void plan_builder_fail(struct plan_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* plan_resin.c */
struct plan *plan_resin_build(struct file_content *content, const struct model *model,
                              struct error *error);
void plan_resin_free(struct plan_resin *resin); /* NULL is fine */
size_t plan_resin_bytes(const struct plan_resin *resin);

/* plan_cache.c */
void plan_cache_forget(struct plan_cache *cache, const struct plan *plan);
void plan_free(struct plan *plan);

#endif
