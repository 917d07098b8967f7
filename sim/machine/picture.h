#ifndef HOTBED_MACHINE_PICTURE_H
#define HOTBED_MACHINE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"

/* What a camera on the frame would see of a printer, drawn: the bed, the layers that lie on it so
 * far, the nozzle over them, and in writing its state, its temperatures and the time. Equal values
 * give equal bytes. */

enum { PICTURE_SIDE_MIN = 64, PICTURE_SIDE_MAX = 4096 };

struct picture {
    unsigned width, height; /* PICTURE_SIDE_MIN to PICTURE_SIDE_MAX each */
    unsigned rotation; /* 0, 90, 180, 270: the camera hangs on its side; 90 and 270 swap width and
                          height */
    const char *title; /* first line; ASCII, letters without case */
    const char *state; /* "PRINTING" */
    int64_t unix_s;    /* written as UTC */
    double nozzle_c, bed_c;      /* NAN: not written */
    double x_share, y_share;     /* of the nozzle over the bed, 0 to 1 */
    uint32_t layer, layer_count; /* printed so far, and in all; 0: nothing lies on the bed */
    int progress_percent;        /* -1: not written */
};

/* Appends a JPEG (baseline, 4:2:0). */
void picture_draw(const struct picture *picture, struct buffer *jpeg);

#endif
