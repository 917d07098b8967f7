#include "sim/machine/plan_resin.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/plan_data.h"

struct plan_resin {
    struct file_content *content; /* own reference while pictures are to be measured */
    struct sl1 *project;          /* NULL: all measured, or given up */
    struct sl1_config config;
    enum sl1_warning warning;
    enum sl1_fault fault;
    const struct model_resin *model;
    struct exposure exposure;
    bool *lit;       /* more of the panel is white than the project's area_fill */
    float *resin_ml; /* of each layer */
    int64_t *end_us; /* of each layer, once all are measured */
    uint32_t layers, measured;
};

const struct sl1_config *plan_resin_config(const struct plan *plan)
{
    return &plan->resin->config;
}

enum sl1_warning plan_resin_warning(const struct plan *plan)
{
    return plan->resin->warning;
}

static struct sl1 *open_project(const struct file_content *content, const struct model *model,
                                enum sl1_fault *fault, struct error *error)
{
    struct sl1 *project = sl1_open(content, fault, error);
    if (project != NULL) {
        *fault = sl1_check(project, model->resin.project_model, error);
        if (*fault == SL1_GOOD) {
            return project;
        }
        sl1_close(project);
    }
    return NULL;
}

enum sl1_fault plan_resin_fault(const struct file_content *content, const struct model *model,
                                struct error *error)
{
    enum sl1_fault fault;
    sl1_close(open_project(content, model, &fault, error));
    return fault;
}

struct plan *plan_resin_build(struct file_content *content, const struct model *model,
                              struct error *error)
{
    enum sl1_fault fault;
    struct sl1 *project = open_project(content, model, &fault, error);
    if (project == NULL) {
        return NULL;
    }
    struct plan *plan = memory_new(sizeof *plan);
    struct plan_resin *resin = plan->resin = memory_new(sizeof *resin);
    plan->references = 1;
    resin->content = file_content_share(content);
    resin->project = project;
    resin->config = *sl1_config(project);
    resin->warning = sl1_warning(project);
    resin->model = &model->resin;
    resin->layers = (uint32_t)sl1_layer_count(project);
    resin->lit = memory_new_array(resin->layers, sizeof *resin->lit);
    resin->resin_ml = memory_new_array(resin->layers, sizeof *resin->resin_ml);
    resin->exposure =
        (struct exposure){.config = &resin->config, .layers = resin->layers, .lit = resin->lit};
    exposure_machine_find(model->resin.project_model, &resin->exposure.machine);
    plan->summary.layers = resin->layers;
    plan->summary.max_z_mm = sl1_height_mm(project);
    plan->summary.size_bytes = file_content_size(content);
    return plan;
}

static void close_project(struct plan_resin *resin)
{
    sl1_close(resin->project);
    file_content_release(resin->content);
    resin->project = NULL;
    resin->content = NULL;
}

void plan_resin_free(struct plan_resin *resin)
{
    if (resin == NULL) {
        return;
    }
    if (resin->project != NULL) {
        close_project(resin);
    }
    free(resin->lit);
    free(resin->resin_ml);
    free(resin->end_us);
    free(resin);
}

size_t plan_resin_bytes(const struct plan_resin *resin)
{
    return sizeof *resin + resin->layers * (sizeof *resin->lit + sizeof *resin->resin_ml +
                                            (resin->end_us != NULL ? sizeof *resin->end_us : 0));
}

/* --- measuring --- */

static double height_mm(const struct plan_resin *resin, uint32_t index)
{
    return index == 0 ? resin->config.layer_height_first_mm : resin->config.layer_height_mm;
}

/* White pixels times the area of one times the height (printer-models.md 8.2); grey ones count in
 * part. Each region of a calibration cures the same again. */
static void take_area(struct plan_resin *resin, uint32_t index, double white_pixels)
{
    const struct model_resin *model = resin->model;
    double pixel_mm2 = model->pixel_um * model->pixel_um / 1e6;
    double panel_pixels = (double)model->panel_width_px * model->panel_height_px;
    double regions = fmax(resin->config.calibrate_regions, 1);
    resin->resin_ml[index] =
        (float)(white_pixels * regions * pixel_mm2 * height_mm(resin, index) / 1000);
    resin->lit[index] =
        white_pixels * regions > panel_pixels * resin->config.area_fill_percent / 100;
}

static void sum_up(struct plan *plan)
{
    struct plan_resin *resin = plan->resin;
    int64_t end_us = 0;
    resin->end_us = memory_new_array(resin->layers, sizeof *resin->end_us);
    for (uint32_t i = 0; i < resin->layers; i++) {
        struct exposure_layer layer;
        exposure_layer(&resin->exposure, i, &layer);
        end_us += layer.total_us;
        resin->end_us[i] = end_us;
    }
    plan->summary.total_us = plan->summary.estimate_us = end_us;
}

enum sl1_fault plan_resin_measure(struct plan *plan, uint32_t index)
{
    struct plan_resin *resin = plan->resin;
    assert(index < resin->layers);
    while (resin->project != NULL && resin->measured <= index) {
        double white_pixels, pixels;
        struct error error;
        if (!sl1_layer_area(resin->project, resin->measured, &white_pixels, &pixels, &error)) {
            resin->fault = SL1_CORRUPTED;
            close_project(resin);
            break;
        }
        take_area(resin, resin->measured++, white_pixels);
    }
    if (resin->project != NULL && resin->measured == resin->layers) {
        struct error error;
        resin->fault = sl1_test_rest(resin->project, &error);
        close_project(resin);
    }
    if (resin->project == NULL && resin->end_us == NULL) {
        sum_up(plan);
    }
    return resin->fault;
}

/* --- other times --- */

static void *copied(const void *values, size_t count, size_t size)
{
    void *copy = memory_new_array(count, size);
    memcpy(copy, values, count * size);
    return copy;
}

struct plan *plan_resin_retimed(const struct plan *plan, const struct sl1_config *config)
{
    const struct plan_resin *old = plan->resin;
    assert(old->project == NULL && old->measured == old->layers);
    struct plan *retimed = memory_new(sizeof *retimed);
    struct plan_resin *resin = retimed->resin = memory_new(sizeof *resin);
    retimed->references = 1;
    retimed->summary = plan->summary;
    *resin = *old;
    resin->config = *config;
    resin->lit = copied(old->lit, old->layers, sizeof *old->lit);
    resin->resin_ml = copied(old->resin_ml, old->layers, sizeof *old->resin_ml);
    resin->exposure.config = &resin->config;
    resin->exposure.lit = resin->lit;
    sum_up(retimed);
    return retimed;
}

/* --- questions --- */

void plan_resin_layer(const struct plan *plan, uint32_t index, struct plan_resin_layer *layer)
{
    const struct plan_resin *resin = plan->resin;
    assert(index < resin->layers && resin->end_us != NULL);
    exposure_layer(&resin->exposure, index, &layer->times);
    layer->resin_ml = (double)resin->resin_ml[index];
}

int64_t plan_resin_remaining_us(const struct plan *plan, uint32_t from)
{
    const struct plan_resin *resin = plan->resin;
    if (resin->end_us == NULL || from >= resin->layers) {
        return 0;
    }
    return resin->end_us[resin->layers - 1] - (from > 0 ? resin->end_us[from - 1] : 0);
}

double plan_resin_required_ml(const struct plan *plan)
{
    const struct sl1_config *config = &plan->resin->config;
    return config->used_material_ml * fmax(config->calibrate_regions, 1);
}
