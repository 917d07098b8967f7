#ifndef HOTBED_TESTS_SL1_WRITER_H
#define HOTBED_TESTS_SL1_WRITER_H

#include "sim/base/buffer.h"
#include "sim/machine/storage.h"

/* A project for a resin printer as a slicer writes it, as small as it can be. */
struct sl1_written {
    const char *printer_model; /* "SL1S" */
    unsigned layers;
    unsigned width, height, white; /* of each picture; its upper `white` rows are lit */
    double exposure_s, exposure_first_s;
    double used_ml;
    double layer_mm;  /* but of the first, which is of 0.05 mm; 0: so are all */
    const char *more; /* further members of config.json, each with ", " in front; NULL: none */
};

void sl1_write(struct buffer *out, const struct sl1_written *project);
struct file_content *sl1_content(const struct sl1_written *project);

#endif
