#ifndef HOTBED_MACHINE_SL1_PREVIEW_H
#define HOTBED_MACHINE_SL1_PREVIEW_H

#include "sim/base/buffer.h"
#include "sim/machine/sl1.h"

enum { SL1_PREVIEW_FACTOR = 5 }; /* sla-fw: slafw/hardware/sl1/exposure_screen.py */

/* The picture of layer `layer` (from 0) of a project, each side a fifth, appended as a PNG. False
 * with the reason: there is no such layer, or it cannot be read. */
bool sl1_preview(const struct file_content *content, size_t layer, struct buffer *png,
                 struct error *error);

#endif
