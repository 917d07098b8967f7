#ifndef HOTBED_MACHINE_HEATER_WATCH_H
#define HOTBED_MACHINE_HEATER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/heater.h"

/* The protections of a heater (printer-models.md 2.1, 2.2, 3). Part of heater.c; nobody else
 * includes this. */

/* Supervision begins anew: a target was set. `switched_on`: it was 0. */
void heater_watch_begin(struct heater *heater, double reading_c, bool switched_on);

/* The observer begins from a heater whose sensor moves by `slope_k_s`. */
void heater_watch_settle(struct heater *heater, double slope_k_s);

/* Look at the reading of heater->sample. Sets heater->alarm and heater->warned; returns whether
 * there is an alarm. */
bool heater_watch_sample(struct heater *heater, double reading_c);

/* Nothing that is being counted can end in an alarm while the reading stays as it is. */
bool heater_watch_quiet(const struct heater *heater, double reading_c);

#endif
