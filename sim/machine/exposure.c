#include "sim/machine/exposure.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    PROFILES = 3,
    MS_US = 1000,
    PANEL_US = 124 * MS_US,
    SLOW_LAYERS_AFTER_FADE = 3, /* at the bottom: the fade layers and these */
};

static const double slow_height_mm = 1; /* above a layer of large area */

static const char *const machine_names[EXPOSURE_MACHINES] = {
    [EXPOSURE_SL1] = "SL1",
    [EXPOSURE_SL1S] = "SL1S",
};

/* Small and large area: printer-models.md 8.3. */
struct peel {
    int time_ms[2];
    int delay_before_ms[2];
};

static const struct peel peels[EXPOSURE_MACHINES][PROFILES] = {
    [EXPOSURE_SL1] = {{{5190, 5670}, {0, 1000}},
                      {{7880, 7880}, {3000, 3000}},
                      {{17690, 17690}, {3500, 3500}}},
    [EXPOSURE_SL1S] = {{{1920, 4100}, {0, 1000}},
                       {{4340, 4340}, {3000, 3000}},
                       {{14020, 14020}, {3500, 3500}}},
};

bool exposure_machine_find(const char *project_model, enum exposure_machine *machine)
{
    for (int i = 0; i < EXPOSURE_MACHINES; i++) {
        if (strcmp(machine_names[i], project_model) == 0) {
            if (machine != NULL) {
                *machine = (enum exposure_machine)i;
            }
            return true;
        }
    }
    return false;
}

/* Whole milliseconds from the first time down to the normal one. */
static int64_t fading_us(const struct sl1_config *config, uint32_t index)
{
    assert(config->fade_layers >= 2);
    uint32_t last = (uint32_t)config->fade_layers - 1;
    double first_ms = config->exposure_first_s * 1000, normal_ms = config->exposure_s * 1000;
    double ms = index >= last ? normal_ms : first_ms - index * (first_ms - normal_ms) / last;
    return (int64_t)floor(ms + 1e-6) * MS_US; /* 2.3 s are 2300 ms, not 2299.999... */
}

static bool is_large(const struct exposure *exposure, uint32_t index)
{
    const struct sl1_config *config = exposure->config;
    if (index < (uint32_t)config->fade_layers + SLOW_LAYERS_AFTER_FADE) {
        return true;
    }
    if (exposure->lit == NULL) {
        return false;
    }
    double most = ceil(slow_height_mm / config->layer_height_mm - 1e-9);
    for (uint32_t back = 0; back <= index && back <= most; back++) {
        if (exposure->lit[index - back]) {
            return true;
        }
    }
    return false;
}

void exposure_layer(const struct exposure *exposure, uint32_t index, struct exposure_layer *layer)
{
    const struct sl1_config *config = exposure->config;
    assert(index < exposure->layers && config->user_profile >= 0 &&
           config->user_profile < PROFILES);
    const struct peel *peel = &peels[exposure->machine][config->user_profile];
    bool large = is_large(exposure, index);
    const struct sl1_area_profile *own = large ? &config->above : &config->below;
    *layer = (struct exposure_layer){
        .large = large,
        .exposure_us = fading_us(config, index),
        .peel_us = peel->time_ms[large] * (int64_t)MS_US,
        .delay_before_us =
            (config->has_profiles ? own->delay_before_ms : peel->delay_before_ms[large]) *
            (int64_t)MS_US,
        .delay_after_us = (config->has_profiles ? own->delay_after_ms : 0) * (int64_t)MS_US,
    };
    if (config->calibrate_exact_count > 0) {
        layer->exposure_us = 0;
        for (int i = 0; i < config->calibrate_exact_count; i++) {
            layer->exposure_us += llround(config->calibrate_exact_s[i] * 1000) * MS_US;
        }
    } else if (config->calibrate_regions > 1) {
        layer->exposure_us +=
            (config->calibrate_regions - 1) * llround(config->calibrate_s * 1000) * MS_US;
    }
    layer->total_us = layer->delay_before_us + layer->exposure_us + layer->delay_after_us +
                      layer->peel_us + PANEL_US;
}

int64_t exposure_remaining_us(const struct exposure *exposure, uint32_t from)
{
    int64_t sum_us = 0;
    for (uint32_t i = from; i < exposure->layers; i++) {
        struct exposure_layer layer;
        exposure_layer(exposure, i, &layer);
        sum_us += layer.total_us;
    }
    return sum_us;
}
