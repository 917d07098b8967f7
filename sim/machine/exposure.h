#ifndef HOTBED_MACHINE_EXPOSURE_H
#define HOTBED_MACHINE_EXPOSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/sl1.h"

/* How long a resin printer takes for each layer: a pure function of the project (printer-models.md
 * 8.3, PM-11). Times of peeling are those of layers of 0.05 mm; others differ by a step of the
 * tower, about a tenth of a second, for which there is no public figure. */

enum exposure_machine { EXPOSURE_SL1, EXPOSURE_SL1S, EXPOSURE_MACHINES };

struct exposure_layer {
    int64_t delay_before_us;
    int64_t exposure_us; /* UV on, all regions of a calibration together */
    int64_t delay_after_us;
    int64_t peel_us;
    int64_t total_us; /* the panel's 124 ms included */
    bool large;       /* peeled as a layer of large area */
};

/* By the name that projects and models have for it ("SL1S"); `machine` may be NULL. */
bool exposure_machine_find(const char *project_model, enum exposure_machine *machine);

/* Of a project: which layers are peeled slowly. `lit` holds for each layer whether more of the
 * panel is white than `area_fill_percent`; NULL: none is. */
struct exposure {
    const struct sl1_config *config; /* not owned */
    enum exposure_machine machine;
    uint32_t layers;
    const bool *lit; /* not owned */
};

/* Layer `index`, from 0. Looks back over at most a millimetre of layers. */
void exposure_layer(const struct exposure *exposure, uint32_t index, struct exposure_layer *layer);
/* From layer `from` to the end: what remains. */
int64_t exposure_remaining_us(const struct exposure *exposure, uint32_t from);

#endif
