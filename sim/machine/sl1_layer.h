#ifndef HOTBED_MACHINE_SL1_LAYER_H
#define HOTBED_MACHINE_SL1_LAYER_H

#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* The picture of one layer: for sl1*.c alone. */

enum { SL1_PANEL_PIXELS_MAX = 4096 }; /* of either side; an SL1S has 1620 x 2560 */

/* Sum of what is lit, and how many pixels there are. 8-bit greyscale only, as the firmware has it.
 */
bool sl1_layer_measure(const struct buffer *picture, double *white_pixels, double *pixels,
                       struct error *error);

#endif
