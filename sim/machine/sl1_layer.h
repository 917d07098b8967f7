#ifndef HOTBED_MACHINE_SL1_LAYER_H
#define HOTBED_MACHINE_SL1_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* The picture of one layer: for sl1*.c alone. */

enum { SL1_PANEL_PIXELS_MAX = 4096 }; /* of either side; an SL1S has 1620 x 2560 */

/* The pixels of one row, from the top; 8-bit greyscale only, as the firmware has it. */
typedef void sl1_layer_row(void *owner, const unsigned char *pixels, uint32_t width,
                           uint32_t height);
bool sl1_layer_read(const struct buffer *picture, sl1_layer_row *row, void *owner,
                    struct error *error);

/* Sum of what is lit, and how many pixels there are. */
bool sl1_layer_measure(const struct buffer *picture, double *white_pixels, double *pixels,
                       struct error *error);

#endif
