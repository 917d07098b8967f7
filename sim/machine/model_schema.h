#ifndef HOTBED_MACHINE_MODEL_SCHEMA_H
#define HOTBED_MACHINE_MODEL_SCHEMA_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/model.h"

/* The shape of a model file: what libcyaml is told, and the limits of every number. Part of
 * model.c; docs/models.md says the same to users. Top-level keys but `title` may be left out of a
 * file that names a `base`; a resin printer has no heaters, fans and axes. */

struct model_identity {
    char *family;
    int type[3];
    int model_code;
    char *firmware, *serial, *settings_type;
};

struct model_mmu {
    int slots;
    int code_offset; /* added to the model code for M862.2 */
};

/* Zeroed memory is what a file that leaves out the optional keys says; see take_buddy(). */
struct model_buddy_section {
    char *user_agent, *hostname;
    int error_prefix, buttons, tools;
    bool mmu_support, enclosure, light, board_sensors, crash_detection;
    double chamber_max_c;
};

struct model_motion {
    double nozzle_diameter_mm, min_extrusion_c;
    struct model_axis axes[MODEL_AXES];
    double print_acceleration_mm_s2, retract_acceleration_mm_s2, travel_acceleration_mm_s2;
    double park_x_mm, park_y_mm, park_lift_mm;
};

struct model_document {
    char *base, *title;
    struct model_identity *identity;
    struct model_mmu *mmu;
    struct model_buddy_section *buddy;
    struct model_resin *resin;
    enum model_pid *regulator;
    struct model_heater *nozzle, *bed;
    struct model_fan *hotend_fan, *print_fan;
    double *board_above_room_k;
    struct model_motion *motion;
    struct model_uploads *uploads;
    struct model_storage *storages;
    uint32_t storages_count;
};

extern const cyaml_schema_value_t model_schema;
extern const cyaml_schema_field_t model_fields[];

/* A number below a section: `path` is the keys below it. */
struct model_limit {
    const char *path;
    size_t offset;
    bool whole; /* an int, else a double */
    double least, most;
    const char *expected; /* for the message: "a power in W from 0 to 10000" */
};

extern const struct model_limit model_heater_limits[];
extern const struct model_limit model_fan_limits[];
extern const struct model_limit model_motion_limits[];
extern const struct model_limit model_identity_limits[];
extern const struct model_limit model_mmu_limits[];
extern const struct model_limit model_buddy_limits[];
extern const struct model_limit model_resin_limits[];
extern const struct model_limit model_upload_limits[];

#endif
