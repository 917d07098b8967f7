#ifndef HOTBED_MACHINE_PLAN_RESIN_H
#define HOTBED_MACHINE_PLAN_RESIN_H

#include "sim/machine/exposure.h"
#include "sim/machine/plan.h"
#include "sim/machine/sl1.h"

/* The plan of a resin printer: how long each layer takes and how much resin it leaves in the object
 * (printer-models.md 8.2, 8.3). plan_build() makes it of a project; the pictures are measured
 * afterwards, one at a time, because that is the work of seconds for a large project. What one
 * printer has measured, all that share the plan know; when a printer may ask does not depend on it
 * (resin_print.c), so no printer notices the others. */

/* Of a plan that plan_build() made for a resin printer. */
const struct sl1_config *plan_resin_config(const struct plan *plan);
enum sl1_warning plan_resin_warning(const struct plan *plan);

/* Measure the pictures up to and with layer `index`. SL1_CORRUPTED when one of them can't be read,
 * now or earlier. After the last one the rest of the archive is tested, too. */
enum sl1_fault plan_resin_measure(struct plan *plan, uint32_t index);

struct plan_resin_layer {
    struct exposure_layer times;
    double resin_ml;
};

/* Layer `index`, from 0; all layers must be measured. */
void plan_resin_layer(const struct plan *plan, uint32_t index, struct plan_resin_layer *layer);
/* From layer `from` to the end; all layers must be measured. O(1). */
int64_t plan_resin_remaining_us(const struct plan *plan, uint32_t from);
/* What the project says of itself, as the printer takes it: for all regions of a calibration. */
double plan_resin_required_ml(const struct plan *plan);

/* The same layers with other times: `config` differs from the plan's own in nothing else. All
 * layers must be measured. */
struct plan *plan_resin_retimed(const struct plan *plan, const struct sl1_config *config);

/* Why a project makes no plan: the firmware's number, and the reason. */
enum sl1_fault plan_resin_fault(const struct file_content *content, const struct model *model,
                                struct error *error);

#endif
