#ifndef HOTBED_MACHINE_MODEL_H
#define HOTBED_MACHINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* A printer model: data from YAML (sim/machine/models/NAME.yaml, embedded in the binary), read-only
 * and shared by all printers of it. Figures and their sources: printer-models.md. */

enum { MODEL_FAN_LEVELS = 16, MODEL_STORAGES_MAX = 4, MODEL_AXES = 4 };

enum model_pid { PID_MK3, PID_BUDDY };

/* MK3's observer against a heater that does not do what it is told (2.1). Its idea of power,
 * capacity and loss is the heater's own. Off when `error_k_s` is 0. */
struct model_observer {
    double filter; /* fS, share per sample */
    double lag_s;  /* whole samples of the regulator */
    double warn_k_s, error_k_s;
};

/* A heater, its sensor, its regulator and its protections (printer-models.md 2.1, 2.2, 9). */
struct model_heater {
    double power_w;
    double capacity_j_per_k;
    double resistance_k_per_w[MODEL_FAN_LEVELS]; /* by print fan level; a bed has one value in all;
                                                    0: loss_a, loss_b */
    double loss_a_w_per_k, loss_b_w_per_k2;      /* instead of the resistance when a > 0 (9.3) */
    double loss_fan_c;                           /* factor sqrt(1 + f*c) */
    double power_slope_per_k, power_offset;      /* U and V of 2.1 */
    double sensor_time_s;                        /* tau_s */
    double delay_s;                              /* L; at most 23 periods */
    double noise_c;                              /* sigma; 0: none */
    double open_c, short_c;                      /* what a broken or shorted sensor reads */
    enum model_pid pid;
    double period_s; /* of the regulator: 0.27, 0.16 */
    double kp, ki, kd;
    double derivative_keep; /* share of the old derivative: 0.95 */
    bool feed_forward;      /* PID_BUDDY: the steady drive is added */
    double max_c, min_c;
    double min_delay_s; /* in a room below min_c: no mintemp until this long after switching on */
    double settable_max_c;               /* targets above are clipped; 0: not */
    double watch_rise_c, watch_period_s; /* preheat supervision; PID_MK3: windows, see heater.h */
    double watch_rise_slow_c, watch_slow_from_c; /* smaller rise above a temperature; 0: none */
    double watch_rise_slowest_c, watch_slowest_from_c;
    int watch_windows; /* that fail in a row before it is an error; 0: no supervision */
    double runaway_hysteresis_c, runaway_period_s;     /* period 0: no supervision */
    double wait_window_c, wait_hold_s, wait_restart_c; /* M109, M190 */
    struct model_observer observer;
};

/* A fan, its tachometer and what the firmware makes of it (printer-models.md 2, mk3-serial.md 8.3).
 */
struct model_fan {
    int full_rpm;
    double exponent;   /* rpm = full * (power/255)^exponent */
    double on_above_c; /* hot-end fan: runs at full while the nozzle is hotter; 0: driven by M106 */
    int check_above_power; /* tested while driven harder than this */
    int check_rpm;         /* slower than this is bad */
    int check_tests;       /* bad in so many tests in a row, every 5 s; 0: not tested */
};

struct model_axis {
    double min_mm, max_mm;
    double max_feed_mm_s;
    double max_acceleration_mm_s2;
    double home_feed_mm_s;
    double jerk_mm_s;
};

struct model_storage {
    char *name;                       /* "PrusaLink gcodes" */
    char *kind;                       /* "local", "sdcard", "usb" */
    uint64_t total_bytes, free_bytes; /* 0: not known, not reported */
    bool read_only;
};

/* What a build of Buddy firmware for this printer has (connect-buddy.md 10.1). */
struct model_buddy {
    char *user_agent;     /* "Buddy_MK4"; NULL: not a Buddy printer */
    char *hostname;       /* "prusa-mk4", until somebody changes it */
    int error_prefix;     /* first two digits of its error codes */
    int buttons;          /* of a dialog, at most */
    int tools;            /* heads that it changes by itself; 1: no tool changer */
    bool mmu_support;     /* the firmware knows an MMU, fitted or not */
    bool enclosure;       /* may have one, with a filter */
    bool light;           /* can be told its light */
    bool board_sensors;   /* reports heat break, power supply and ambient */
    bool crash_detection; /* notices obstacles, and saves a print when the mains go */
    double chamber_max_c; /* settable; 0: no chamber */
};

/* What a resin printer has instead of heaters and axes (printer-models.md 8.1). */
struct model_resin {
    char *project_model; /* printerModel of the projects that it prints: "SL1S"; NULL: not one */
    int panel_width_px, panel_height_px;
    double pixel_um;
    double tower_mm;                     /* highest position */
    int tilt_steps;                      /* where the tank is level */
    double least_ml, most_ml;            /* between these the resin sensor is believed */
    double low_ml, feed_ml;              /* below: a warning, and the print waits to be fed */
    double ambient_min_c, ambient_max_c; /* outside: asked about before a print */
    int uv_led_fan_rpm, blower_fan_rpm, rear_fan_rpm; /* while they run */
};

/* How fast the real board takes in an upload, measured by somebody (docs/models.md says by whom);
 * 0: it has no such port. */
struct model_uploads {
    double ethernet_bytes_per_s, wifi_bytes_per_s;
};

struct model {
    char *name;                    /* "mk3s": on the command line and in scenarios */
    char *title;                   /* "Original Prusa MK3S" */
    char *family;                  /* "mk3", "buddy", "sl1": which host and firmware behaviour */
    int type, version, subversion; /* Connect printer type 1.3.1 */
    int model_code;                /* M862.2: 302; with an MMU 20302 */
    int mmu_model_code;            /* 20302, 30302; 0: no MMU */
    bool mmu;                      /* fitted */
    int mmu_slots;
    char *firmware;       /* "3.14.0-8094" */
    char *serial_pattern; /* printed form of printer k: see model_serial() */
    char *ini_type;       /* "MK3S" in prusa_printer_settings.ini */
    struct model_buddy buddy;
    struct model_resin resin;
    double nozzle_diameter_mm;
    struct model_heater nozzle, bed;
    enum model_pid pid;                 /* whose regulator and protections the heaters have */
    double board_above_room_k;          /* "A:"; NAN: no such sensor */
    struct model_axis axes[MODEL_AXES]; /* X Y Z E */
    double print_acceleration_mm_s2, retract_acceleration_mm_s2, travel_acceleration_mm_s2;
    double park_x_mm, park_y_mm, park_lift_mm;
    double min_extrusion_c;
    struct model_fan hotend_fan, print_fan;
    struct model_uploads uploads;
    struct model_storage *storages;
    uint32_t storages_count;
};

/* The embedded models, in alphabetical order. */
size_t model_count(void);
const struct model *model_at(size_t index);
const struct model *model_find(const char *name); /* NULL: none; loads on first use */

/* Read a model from a file or from memory. Every error names file, line and field and what was
 * expected. */
struct model *model_load_file(const char *path, struct error *error);
struct model *model_load_text(const char *text, size_t size, const char *name, struct error *error);
void model_destroy(struct model *model);

/* The serial number of printer `index`: a function of seed and index alone; `out` holds at least 32
 * bytes. */
void model_serial(const struct model *model, uint64_t seed, uint64_t index, char *out, size_t size);

#endif
