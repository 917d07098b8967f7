#ifndef HOTBED_MACHINE_MODEL_H
#define HOTBED_MACHINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* A printer model: data from YAML (sim/machine/models/NAME.yaml, embedded in the binary), read-only and shared by all
 * printers of it. Figures and their sources: printer-models.md. */

enum { MODEL_FAN_LEVELS = 16, MODEL_STORAGES_MAX = 4, MODEL_AXES = 4 };

enum model_pid { PID_MK3, PID_BUDDY };

/* A heater, its sensor, its regulator and its protections (printer-models.md 2.1, 2.2, 9). */
struct model_heater {
    double power_w;
    double capacity_j_per_k;
    double resistance_k_per_w[MODEL_FAN_LEVELS]; /* by print fan level; a bed has one value in all */
    double loss_a_w_per_k, loss_b_w_per_k2;      /* instead of the resistance when a > 0 (9.3) */
    double loss_fan_c;                           /* factor sqrt(1 + f*c) */
    double power_slope_per_k, power_offset;      /* U and V of 2.1 */
    double sensor_time_s;                        /* tau_s */
    double delay_s;                              /* L */
    double noise_c;                              /* sigma; 0: none */
    double kp, ki, kd;
    double derivative_keep;                      /* share of the old derivative: 0.95 */
    double max_c, min_c;
    double settable_max_c;                       /* targets above are clipped; 0: not */
    double watch_rise_c, watch_period_s;         /* preheat supervision; see heater.h for MK3's window counting */
    int watch_windows;
    double runaway_hysteresis_c, runaway_period_s;
};

struct model_axis {
    double min_mm, max_mm;
    double max_feed_mm_s;
    double max_acceleration_mm_s2;
    double home_feed_mm_s;
    double jerk_mm_s;
};

struct model_storage {
    char *name; /* "PrusaLink gcodes" */
    char *kind; /* "local", "sdcard", "usb" */
    uint64_t total_bytes, free_bytes; /* 0: not known, not reported */
    bool read_only;
};

struct model {
    char *name;        /* "mk3s": on the command line and in scenarios */
    char *title;       /* "Original Prusa MK3S" */
    char *family;      /* "mk3": which host and firmware behaviour */
    int type, version, subversion; /* Connect printer type 1.3.1 */
    int model_code;    /* M862.2: 302; with an MMU 20302 */
    int mmu_model_code;
    bool mmu;          /* fitted */
    int mmu_slots;
    char *firmware;    /* "3.14.0-8094" */
    char *serial_pattern; /* printed form of printer k: see model_serial() */
    char *ini_type;    /* "MK3S" in prusa_printer_settings.ini */
    double nozzle_diameter_mm;
    struct model_heater nozzle, bed;
    enum model_pid pid;
    double pid_period_s;
    bool thermal_model_check;   /* MK3's observer against a dead heater, 2.1 */
    double thermal_model_lag_s, thermal_model_fs, thermal_model_warn_k_s, thermal_model_error_k_s;
    double board_above_room_k;
    struct model_axis axes[MODEL_AXES]; /* X Y Z E */
    double print_acceleration_mm_s2, retract_acceleration_mm_s2, travel_acceleration_mm_s2;
    double park_x_mm, park_y_mm, park_lift_mm;
    double min_extrusion_c;
    double wait_window_c, wait_hold_s, wait_restart_c; /* M109, M190 */
    int hotend_fan_rpm, print_fan_rpm;  /* at full drive */
    double hotend_fan_on_c;
    struct model_storage *storages;
    uint32_t storages_count;
};

/* The embedded models, in alphabetical order. */
size_t model_count(void);
const struct model *model_at(size_t index);
const struct model *model_find(const char *name); /* NULL: none; loads on first use */

/* Read a model from a file or from memory. Every error names file, line and field and what was expected. */
struct model *model_load_file(const char *path, struct error *error);
struct model *model_load_text(const char *text, size_t size, const char *name, struct error *error);
void model_destroy(struct model *model);

/* The serial number of printer `index`: a function of seed and index alone; `out` holds at least 32 bytes. */
void model_serial(const struct model *model, uint64_t seed, uint64_t index, char *out, size_t size);

#endif
