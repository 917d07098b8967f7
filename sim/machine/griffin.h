#ifndef HOTBED_MACHINE_GRIFFIN_H
#define HOTBED_MACHINE_GRIFFIN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/machine/storage.h"

/* The header that g-code for Ultimaker printers begins with, as their reader library takes it
 * (cura-cluster.md 7.5, file-formats.md 7; libCharon: Charon/filetypes/GCodeFile.py). */

enum {
    GRIFFIN_LINES_MAX = 101, /* a header may have */
    GRIFFIN_TOOLS_MAX = 10,
    GRIFFIN_TEXT_BYTES_MAX = 128,
};

struct griffin_tool {
    int index; /* 0 to 9 */
    double nozzle_mm, initial_c, volume_mm3;
    char nozzle[GRIFFIN_TEXT_BYTES_MAX];   /* "AA 0.4"; "": not said */
    char material[GRIFFIN_TEXT_BYTES_MAX]; /* its GUID; "": not said */
};

struct griffin_header {
    char flavor[GRIFFIN_TEXT_BYTES_MAX];
    char machine[GRIFFIN_TEXT_BYTES_MAX]; /* "Ultimaker S5"; "ultimaker2" for UltiGCode */
    double bed_c;
    double min_mm[3], max_mm[3]; /* X, Y, Z of the print */
    int64_t time_s;
    struct griffin_tool tools[GRIFFIN_TOOLS_MAX];
    int tool_count; /* 0 for UltiGCode, which needs no more than its flavor */
};

/* False with the reason: what is missing or wrong, by its key. */
bool griffin_read(struct griffin_header *header, const struct file_content *gcode,
                  struct error *error);

#endif
