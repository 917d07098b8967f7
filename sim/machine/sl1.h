#ifndef HOTBED_MACHINE_SL1_H
#define HOTBED_MACHINE_SL1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/machine/storage.h"

/* A project for resin printers as their firmware reads it: config.json, else config.ini, and the
 * pictures of the layers (file-formats.md 6; sla-fw: slafw/project/). */

enum {
    SL1_CONFIG_BYTES_MAX = 1 << 20,
    SL1_TEXT_BYTES_MAX = 256, /* of a name in the configuration */
    SL1_REGIONS_MAX = 10,     /* of a calibration */
    SL1_LAYERS_MAX = 20000,
    SL1_LAYER_BYTES_MAX = 16 << 20, /* of a picture */
};

/* All entries unpacked, of a project that is not meant to fill a disk. */
#define SL1_UNPACKED_BYTES_MAX (UINT64_C(4) << 30)

/* Of what is in it beside the layers: configurations and previews. */
#define SL1_REST_BYTES_MAX (UINT64_C(64) << 20)

/* Why the firmware refuses a project: the last three digits of its code. */
enum sl1_fault {
    SL1_GOOD = 0,
    SL1_UNREADABLE = 539,
    SL1_NOT_ENOUGH_LAYERS = 540,
    SL1_CORRUPTED = 541,
    SL1_WRONG_MODEL = 544,
};

/* What it asks about before it prints. */
enum sl1_warning {
    SL1_NO_WARNING = 0,
    SL1_SETTINGS_CHANGED = 707, /* a value was outside its limits and has been cut */
    SL1_OTHER_VARIANT = 711,
};

/* Of layers with little, or with much of the panel lit. */
struct sl1_area_profile {
    int delay_before_ms, delay_after_ms;
};

struct sl1_config {
    char job_dir[SL1_TEXT_BYTES_MAX];
    char printer_model[SL1_TEXT_BYTES_MAX]; /* "SL1S" */
    char printer_variant[SL1_TEXT_BYTES_MAX];
    double exposure_s, exposure_first_s;
    double layer_height_mm, layer_height_first_mm;
    double used_material_ml;
    int layer_microsteps; /* of old projects, whose layer height is -1 */
    int fade_layers;
    int user_profile;          /* 0 fast, 1 slow, 2 high viscosity */
    int calibrate_regions;     /* 0: off */
    double calibrate_s;        /* added per region */
    int calibrate_exact_count; /* with them, they are the times of all regions of every layer */
    double calibrate_exact_s[SL1_REGIONS_MAX];
    bool has_profiles; /* the two below are the project's own */
    double area_fill_percent;
    struct sl1_area_profile below, above;
};

struct sl1;

/* NULL with the reason and the firmware's code: no ZIP file, no configuration in it or a broken
 * one, no layers. `content` must outlive the project. */
struct sl1 *sl1_open(const struct file_content *content, enum sl1_fault *fault,
                     struct error *error);
void sl1_close(struct sl1 *project); /* NULL is fine */

const struct sl1_config *sl1_config(const struct sl1 *project);
enum sl1_warning sl1_warning(const struct sl1 *project); /* of the values */
/* Pictures whose names begin with the job's directory, by name (FF-17). */
size_t sl1_layer_count(const struct sl1 *project);
const char *sl1_layer_name(const struct sl1 *project, size_t layer);
double sl1_height_mm(const struct sl1 *project);

/* What a printer of this model and variant says before it prints ("SL1S", "default"). */
enum sl1_fault sl1_check(const struct sl1 *project, const char *printer_model, struct error *error);
/* The test of the whole archive: SL1_CORRUPTED with the reason, or SL1_GOOD. */
enum sl1_fault sl1_test(struct sl1 *project, struct error *error);
/* The same of what is no layer: for whoever has read all of those. */
enum sl1_fault sl1_test_rest(struct sl1 *project, struct error *error);
/* The picture of a layer as it lies in the archive, appended. */
bool sl1_layer_picture(struct sl1 *project, size_t layer, struct buffer *picture,
                       struct error *error);
/* The pixels of a layer that are lit, a grey one in part, and how many there are. */
bool sl1_layer_area(struct sl1 *project, size_t layer, double *white_pixels, double *pixels,
                    struct error *error);

#endif
