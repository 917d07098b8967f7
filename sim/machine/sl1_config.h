#ifndef HOTBED_MACHINE_SL1_CONFIG_H
#define HOTBED_MACHINE_SL1_CONFIG_H

#include "sim/base/buffer.h"
#include "sim/machine/sl1.h"

/* The configuration of a project: for sl1*.c alone. Both start from the firmware's defaults; what
 * is out of limits is cut and `*warning` set; unknown keys do nothing. */
bool sl1_config_read_json(struct sl1_config *config, const struct buffer *text,
                          enum sl1_warning *warning, struct error *error);
bool sl1_config_read_ini(struct sl1_config *config, const struct buffer *text,
                         enum sl1_warning *warning, struct error *error);

#endif
