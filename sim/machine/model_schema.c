#include "sim/machine/model_schema.h"

#include <stddef.h>

/* A mapping that only groups members of the struct around it: its fields' offsets count from that
 * struct. */
/* An initialiser in one piece. */
/* clang-format off */
#define GROUP(key_, flags_, struct_, fields_)                                                      \
    {.key = (key_), .data_offset = 0, .value = {CYAML_VALUE_MAPPING((flags_), struct_, (fields_))}}
/* clang-format on */

/* -- heaters ----------------------------------------------------------------------------------- */

static const cyaml_schema_field_t loss_fields[] = {
    CYAML_FIELD_FLOAT("a_w_per_k", CYAML_FLAG_DEFAULT, struct model_heater, loss_a_w_per_k),
    CYAML_FIELD_FLOAT("b_w_per_k2", CYAML_FLAG_OPTIONAL, struct model_heater, loss_b_w_per_k2),
    CYAML_FIELD_FLOAT("fan_c", CYAML_FLAG_OPTIONAL, struct model_heater, loss_fan_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t pid_fields[] = {
    CYAML_FIELD_FLOAT("kp", CYAML_FLAG_DEFAULT, struct model_heater, kp),
    CYAML_FIELD_FLOAT("ki", CYAML_FLAG_DEFAULT, struct model_heater, ki),
    CYAML_FIELD_FLOAT("kd", CYAML_FLAG_DEFAULT, struct model_heater, kd),
    CYAML_FIELD_FLOAT("derivative_keep", CYAML_FLAG_DEFAULT, struct model_heater, derivative_keep),
    CYAML_FIELD_FLOAT("period_s", CYAML_FLAG_DEFAULT, struct model_heater, period_s),
    CYAML_FIELD_BOOL("feed_forward", CYAML_FLAG_OPTIONAL, struct model_heater, feed_forward),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sensor_fields[] = {
    CYAML_FIELD_FLOAT("time_s", CYAML_FLAG_DEFAULT, struct model_heater, sensor_time_s),
    CYAML_FIELD_FLOAT("delay_s", CYAML_FLAG_DEFAULT, struct model_heater, delay_s),
    CYAML_FIELD_FLOAT("noise_c", CYAML_FLAG_OPTIONAL, struct model_heater, noise_c),
    CYAML_FIELD_FLOAT("open_c", CYAML_FLAG_DEFAULT, struct model_heater, open_c),
    CYAML_FIELD_FLOAT("short_c", CYAML_FLAG_DEFAULT, struct model_heater, short_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limit_fields[] = {
    CYAML_FIELD_FLOAT("max_c", CYAML_FLAG_DEFAULT, struct model_heater, max_c),
    CYAML_FIELD_FLOAT("min_c", CYAML_FLAG_DEFAULT, struct model_heater, min_c),
    CYAML_FIELD_FLOAT("min_delay_s", CYAML_FLAG_OPTIONAL, struct model_heater, min_delay_s),
    CYAML_FIELD_FLOAT("settable_max_c", CYAML_FLAG_OPTIONAL, struct model_heater, settable_max_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t watch_fields[] = {
    CYAML_FIELD_FLOAT("rise_c", CYAML_FLAG_DEFAULT, struct model_heater, watch_rise_c),
    CYAML_FIELD_FLOAT("period_s", CYAML_FLAG_DEFAULT, struct model_heater, watch_period_s),
    CYAML_FIELD_INT("windows", CYAML_FLAG_DEFAULT, struct model_heater, watch_windows),
    CYAML_FIELD_FLOAT("slow_from_c", CYAML_FLAG_OPTIONAL, struct model_heater, watch_slow_from_c),
    CYAML_FIELD_FLOAT("rise_slow_c", CYAML_FLAG_OPTIONAL, struct model_heater, watch_rise_slow_c),
    CYAML_FIELD_FLOAT("slowest_from_c", CYAML_FLAG_OPTIONAL, struct model_heater,
                      watch_slowest_from_c),
    CYAML_FIELD_FLOAT("rise_slowest_c", CYAML_FLAG_OPTIONAL, struct model_heater,
                      watch_rise_slowest_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t runaway_fields[] = {
    CYAML_FIELD_FLOAT("hysteresis_c", CYAML_FLAG_DEFAULT, struct model_heater,
                      runaway_hysteresis_c),
    CYAML_FIELD_FLOAT("period_s", CYAML_FLAG_DEFAULT, struct model_heater, runaway_period_s),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t wait_fields[] = {
    CYAML_FIELD_FLOAT("window_c", CYAML_FLAG_DEFAULT, struct model_heater, wait_window_c),
    CYAML_FIELD_FLOAT("hold_s", CYAML_FLAG_DEFAULT, struct model_heater, wait_hold_s),
    CYAML_FIELD_FLOAT("restart_c", CYAML_FLAG_DEFAULT, struct model_heater, wait_restart_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t observer_fields[] = {
    CYAML_FIELD_FLOAT("filter", CYAML_FLAG_DEFAULT, struct model_heater, observer.filter),
    CYAML_FIELD_FLOAT("lag_s", CYAML_FLAG_DEFAULT, struct model_heater, observer.lag_s),
    CYAML_FIELD_FLOAT("warn_k_s", CYAML_FLAG_DEFAULT, struct model_heater, observer.warn_k_s),
    CYAML_FIELD_FLOAT("error_k_s", CYAML_FLAG_DEFAULT, struct model_heater, observer.error_k_s),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t number = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};

static const cyaml_schema_field_t heater_fields[] = {
    CYAML_FIELD_FLOAT("power_w", CYAML_FLAG_DEFAULT, struct model_heater, power_w),
    CYAML_FIELD_FLOAT("power_slope_per_k", CYAML_FLAG_OPTIONAL, struct model_heater,
                      power_slope_per_k),
    CYAML_FIELD_FLOAT("power_offset", CYAML_FLAG_OPTIONAL, struct model_heater, power_offset),
    CYAML_FIELD_FLOAT("capacity_j_per_k", CYAML_FLAG_DEFAULT, struct model_heater,
                      capacity_j_per_k),
    CYAML_FIELD_FLOAT("resistance_k_per_w", CYAML_FLAG_OPTIONAL, struct model_heater,
                      resistance_k_per_w[0]),
    CYAML_FIELD_SEQUENCE_FIXED("resistance_by_fan_k_per_w", CYAML_FLAG_OPTIONAL,
                               struct model_heater, resistance_k_per_w, &number, MODEL_FAN_LEVELS),
    GROUP("loss", CYAML_FLAG_OPTIONAL, struct model_heater, loss_fields),
    GROUP("sensor", CYAML_FLAG_DEFAULT, struct model_heater, sensor_fields),
    GROUP("pid", CYAML_FLAG_DEFAULT, struct model_heater, pid_fields),
    GROUP("limits", CYAML_FLAG_DEFAULT, struct model_heater, limit_fields),
    GROUP("wait", CYAML_FLAG_DEFAULT, struct model_heater, wait_fields),
    GROUP("watch", CYAML_FLAG_OPTIONAL, struct model_heater, watch_fields),
    GROUP("runaway", CYAML_FLAG_OPTIONAL, struct model_heater, runaway_fields),
    GROUP("observer", CYAML_FLAG_OPTIONAL, struct model_heater, observer_fields),
    CYAML_FIELD_END,
};

/* -- the rest ---------------------------------------------------------------------------------- */

static const cyaml_schema_field_t fan_fields[] = {
    CYAML_FIELD_INT("full_rpm", CYAML_FLAG_DEFAULT, struct model_fan, full_rpm),
    CYAML_FIELD_FLOAT("exponent", CYAML_FLAG_OPTIONAL, struct model_fan, exponent),
    CYAML_FIELD_FLOAT("on_above_c", CYAML_FLAG_OPTIONAL, struct model_fan, on_above_c),
    CYAML_FIELD_INT("check_above_power", CYAML_FLAG_OPTIONAL, struct model_fan, check_above_power),
    CYAML_FIELD_INT("check_rpm", CYAML_FLAG_OPTIONAL, struct model_fan, check_rpm),
    CYAML_FIELD_INT("check_tests", CYAML_FLAG_OPTIONAL, struct model_fan, check_tests),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t axis_fields[] = {
    CYAML_FIELD_FLOAT("min_mm", CYAML_FLAG_OPTIONAL, struct model_axis, min_mm),
    CYAML_FIELD_FLOAT("max_mm", CYAML_FLAG_OPTIONAL, struct model_axis, max_mm),
    CYAML_FIELD_FLOAT("max_feed_mm_s", CYAML_FLAG_DEFAULT, struct model_axis, max_feed_mm_s),
    CYAML_FIELD_FLOAT("max_acceleration_mm_s2", CYAML_FLAG_DEFAULT, struct model_axis,
                      max_acceleration_mm_s2),
    CYAML_FIELD_FLOAT("home_feed_mm_s", CYAML_FLAG_OPTIONAL, struct model_axis, home_feed_mm_s),
    CYAML_FIELD_FLOAT("jerk_mm_s", CYAML_FLAG_DEFAULT, struct model_axis, jerk_mm_s),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t park_fields[] = {
    CYAML_FIELD_FLOAT("x_mm", CYAML_FLAG_DEFAULT, struct model_motion, park_x_mm),
    CYAML_FIELD_FLOAT("y_mm", CYAML_FLAG_DEFAULT, struct model_motion, park_y_mm),
    CYAML_FIELD_FLOAT("lift_mm", CYAML_FLAG_DEFAULT, struct model_motion, park_lift_mm),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t motion_fields[] = {
    CYAML_FIELD_FLOAT("nozzle_diameter_mm", CYAML_FLAG_DEFAULT, struct model_motion,
                      nozzle_diameter_mm),
    CYAML_FIELD_FLOAT("min_extrusion_c", CYAML_FLAG_DEFAULT, struct model_motion, min_extrusion_c),
    CYAML_FIELD_FLOAT("print_acceleration_mm_s2", CYAML_FLAG_DEFAULT, struct model_motion,
                      print_acceleration_mm_s2),
    CYAML_FIELD_FLOAT("retract_acceleration_mm_s2", CYAML_FLAG_DEFAULT, struct model_motion,
                      retract_acceleration_mm_s2),
    CYAML_FIELD_FLOAT("travel_acceleration_mm_s2", CYAML_FLAG_DEFAULT, struct model_motion,
                      travel_acceleration_mm_s2),
    GROUP("park", CYAML_FLAG_DEFAULT, struct model_motion, park_fields),
    CYAML_FIELD_MAPPING("x", CYAML_FLAG_DEFAULT, struct model_motion, axes[0], axis_fields),
    CYAML_FIELD_MAPPING("y", CYAML_FLAG_DEFAULT, struct model_motion, axes[1], axis_fields),
    CYAML_FIELD_MAPPING("z", CYAML_FLAG_DEFAULT, struct model_motion, axes[2], axis_fields),
    CYAML_FIELD_MAPPING("e", CYAML_FLAG_DEFAULT, struct model_motion, axes[3], axis_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t whole_number = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};

static const cyaml_schema_field_t identity_fields[] = {
    CYAML_FIELD_STRING_PTR("family", CYAML_FLAG_POINTER, struct model_identity, family, 1, 16),
    CYAML_FIELD_SEQUENCE_FIXED("type", CYAML_FLAG_DEFAULT, struct model_identity, type,
                               &whole_number, 3),
    CYAML_FIELD_INT("model_code", CYAML_FLAG_DEFAULT, struct model_identity, model_code),
    CYAML_FIELD_STRING_PTR("firmware", CYAML_FLAG_POINTER, struct model_identity, firmware, 1, 64),
    CYAML_FIELD_STRING_PTR("serial", CYAML_FLAG_POINTER, struct model_identity, serial, 1, 64),
    CYAML_FIELD_STRING_PTR("settings_type", CYAML_FLAG_POINTER, struct model_identity,
                           settings_type, 1, 32),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t mmu_fields[] = {
    CYAML_FIELD_INT("slots", CYAML_FLAG_DEFAULT, struct model_mmu, slots),
    CYAML_FIELD_INT("code_offset", CYAML_FLAG_DEFAULT, struct model_mmu, code_offset),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t buddy_fields[] = {
    CYAML_FIELD_STRING_PTR("user_agent", CYAML_FLAG_POINTER, struct model_buddy_section, user_agent,
                           1, 32),
    CYAML_FIELD_STRING_PTR("hostname", CYAML_FLAG_POINTER, struct model_buddy_section, hostname, 1,
                           20),
    CYAML_FIELD_INT("error_prefix", CYAML_FLAG_DEFAULT, struct model_buddy_section, error_prefix),
    CYAML_FIELD_INT("buttons", CYAML_FLAG_OPTIONAL, struct model_buddy_section, buttons),
    CYAML_FIELD_INT("tools", CYAML_FLAG_OPTIONAL, struct model_buddy_section, tools),
    CYAML_FIELD_BOOL("mmu_support", CYAML_FLAG_OPTIONAL, struct model_buddy_section, mmu_support),
    CYAML_FIELD_BOOL("enclosure", CYAML_FLAG_OPTIONAL, struct model_buddy_section, enclosure),
    CYAML_FIELD_BOOL("light", CYAML_FLAG_OPTIONAL, struct model_buddy_section, light),
    CYAML_FIELD_BOOL("board_sensors", CYAML_FLAG_OPTIONAL, struct model_buddy_section,
                     board_sensors),
    CYAML_FIELD_BOOL("crash_detection", CYAML_FLAG_OPTIONAL, struct model_buddy_section,
                     crash_detection),
    CYAML_FIELD_FLOAT("chamber_max_c", CYAML_FLAG_OPTIONAL, struct model_buddy_section,
                      chamber_max_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t panel_fields[] = {
    CYAML_FIELD_INT("width_px", CYAML_FLAG_DEFAULT, struct model_resin, panel_width_px),
    CYAML_FIELD_INT("height_px", CYAML_FLAG_DEFAULT, struct model_resin, panel_height_px),
    CYAML_FIELD_FLOAT("pixel_um", CYAML_FLAG_DEFAULT, struct model_resin, pixel_um),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t tank_fields[] = {
    CYAML_FIELD_FLOAT("least_ml", CYAML_FLAG_DEFAULT, struct model_resin, least_ml),
    CYAML_FIELD_FLOAT("most_ml", CYAML_FLAG_DEFAULT, struct model_resin, most_ml),
    CYAML_FIELD_FLOAT("low_ml", CYAML_FLAG_DEFAULT, struct model_resin, low_ml),
    CYAML_FIELD_FLOAT("feed_ml", CYAML_FLAG_DEFAULT, struct model_resin, feed_ml),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ambient_fields[] = {
    CYAML_FIELD_FLOAT("min_c", CYAML_FLAG_DEFAULT, struct model_resin, ambient_min_c),
    CYAML_FIELD_FLOAT("max_c", CYAML_FLAG_DEFAULT, struct model_resin, ambient_max_c),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t resin_fan_fields[] = {
    CYAML_FIELD_INT("uv_led_rpm", CYAML_FLAG_DEFAULT, struct model_resin, uv_led_fan_rpm),
    CYAML_FIELD_INT("blower_rpm", CYAML_FLAG_DEFAULT, struct model_resin, blower_fan_rpm),
    CYAML_FIELD_INT("rear_rpm", CYAML_FLAG_DEFAULT, struct model_resin, rear_fan_rpm),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t resin_fields[] = {
    CYAML_FIELD_STRING_PTR("project_model", CYAML_FLAG_POINTER, struct model_resin, project_model,
                           1, 32),
    GROUP("panel", CYAML_FLAG_DEFAULT, struct model_resin, panel_fields),
    CYAML_FIELD_FLOAT("tower_mm", CYAML_FLAG_DEFAULT, struct model_resin, tower_mm),
    CYAML_FIELD_INT("tilt_steps", CYAML_FLAG_DEFAULT, struct model_resin, tilt_steps),
    GROUP("tank", CYAML_FLAG_DEFAULT, struct model_resin, tank_fields),
    GROUP("ambient", CYAML_FLAG_DEFAULT, struct model_resin, ambient_fields),
    GROUP("fans", CYAML_FLAG_DEFAULT, struct model_resin, resin_fan_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t upload_fields[] = {
    CYAML_FIELD_FLOAT("ethernet_bytes_per_s", CYAML_FLAG_OPTIONAL, struct model_uploads,
                      ethernet_bytes_per_s),
    CYAML_FIELD_FLOAT("wifi_bytes_per_s", CYAML_FLAG_OPTIONAL, struct model_uploads,
                      wifi_bytes_per_s),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t storage_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct model_storage, name, 1, 64),
    CYAML_FIELD_STRING_PTR("kind", CYAML_FLAG_POINTER, struct model_storage, kind, 1, 16),
    CYAML_FIELD_UINT("total_bytes", CYAML_FLAG_OPTIONAL, struct model_storage, total_bytes),
    CYAML_FIELD_UINT("free_bytes", CYAML_FLAG_OPTIONAL, struct model_storage, free_bytes),
    CYAML_FIELD_BOOL("read_only", CYAML_FLAG_OPTIONAL, struct model_storage, read_only),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t storage_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct model_storage, storage_fields),
};

static const cyaml_strval_t regulators[] = {{"mk3", PID_MK3}, {"buddy", PID_BUDDY}};

const cyaml_schema_field_t model_fields[] = {
    CYAML_FIELD_STRING_PTR("base", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct model_document,
                           base, 1, 64),
    CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_POINTER, struct model_document, title, 1, 64),
    CYAML_FIELD_MAPPING_PTR("identity", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, identity, identity_fields),
    CYAML_FIELD_MAPPING_PTR("mmu", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct model_document,
                            mmu, mmu_fields),
    CYAML_FIELD_MAPPING_PTR("buddy", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, buddy, buddy_fields),
    CYAML_FIELD_MAPPING_PTR("resin", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, resin, resin_fields),
    CYAML_FIELD_ENUM_PTR("regulator", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                         struct model_document, regulator, regulators, CYAML_ARRAY_LEN(regulators)),
    CYAML_FIELD_MAPPING_PTR("nozzle", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, nozzle, heater_fields),
    CYAML_FIELD_MAPPING_PTR("bed", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct model_document,
                            bed, heater_fields),
    CYAML_FIELD_MAPPING_PTR("hotend_fan", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, hotend_fan, fan_fields),
    CYAML_FIELD_MAPPING_PTR("print_fan", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, print_fan, fan_fields),
    CYAML_FIELD_FLOAT_PTR("board_above_room_k", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                          struct model_document, board_above_room_k),
    CYAML_FIELD_MAPPING_PTR("motion", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, motion, motion_fields),
    CYAML_FIELD_MAPPING_PTR("uploads", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct model_document, uploads, upload_fields),
    CYAML_FIELD_SEQUENCE("storages", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct model_document, storages, &storage_value, 0, MODEL_STORAGES_MAX),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t model_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct model_document, model_fields),
};

/* -- limits
 * ----------------------------------------------------------------------------------------------------------
 * Wide enough for any machine of this kind, narrow enough that the thermal model stays in its
 * numbers. */

#define HEATER(path_, member_, least_, most_, expected_)                                           \
    {                                                                                              \
        (path_), offsetof(struct model_heater, member_), false, (least_), (most_), (expected_)     \
    }

const struct model_limit model_heater_limits[] = {
    HEATER("power_w", power_w, 0, 5000, "a power in W from 0 to 5000"),
    HEATER("power_slope_per_k", power_slope_per_k, -0.01, 0, "a slope in 1/K from -0.01 to 0"),
    HEATER("power_offset", power_offset, 0, 10, "a factor from 0 to 10"),
    HEATER("capacity_j_per_k", capacity_j_per_k, 0.5, 100000,
           "a heat capacity in J/K from 0.5 to 100000"),
    HEATER("loss.a_w_per_k", loss_a_w_per_k, 0, 100, "a loss in W/K from 0 to 100"),
    HEATER("loss.b_w_per_k2", loss_b_w_per_k2, 0, 1, "a loss in W/K^2 from 0 to 1"),
    HEATER("loss.fan_c", loss_fan_c, 0, 100, "a factor from 0 to 100"),
    HEATER("sensor.time_s", sensor_time_s, 0.05, 120, "a time in s from 0.05 to 120"),
    HEATER("sensor.delay_s", delay_s, 0, 30, "a time in s from 0 to 30"),
    HEATER("sensor.noise_c", noise_c, 0, 5, "a deviation in °C from 0 to 5"),
    HEATER("sensor.open_c", open_c, -273, 2000, "a temperature in °C from -273 to 2000"),
    HEATER("sensor.short_c", short_c, -273, 2000, "a temperature in °C from -273 to 2000"),
    HEATER("pid.kp", kp, 0, 10000, "a gain from 0 to 10000"),
    HEATER("pid.ki", ki, 0, 10000, "a gain from 0 to 10000"),
    HEATER("pid.kd", kd, 0, 100000, "a gain from 0 to 100000"),
    HEATER("pid.derivative_keep", derivative_keep, 0, 0.999, "a share from 0 to 0.999"),
    HEATER("pid.period_s", period_s, 0.05, 2, "a time in s from 0.05 to 2"),
    HEATER("limits.max_c", max_c, 20, 400, "a temperature in °C from 20 to 400"),
    HEATER("limits.min_c", min_c, -90, 50, "a temperature in °C from -90 to 50"),
    HEATER("limits.min_delay_s", min_delay_s, 0, 600, "a time in s from 0 to 600"),
    HEATER("limits.settable_max_c", settable_max_c, 0, 400, "a temperature in °C from 0 to 400"),
    HEATER("watch.rise_c", watch_rise_c, 0, 100, "a rise in K from 0 to 100"),
    HEATER("watch.period_s", watch_period_s, 0, 3600, "a time in s from 0 to 3600"),
    HEATER("watch.slow_from_c", watch_slow_from_c, 0, 400, "a temperature in °C from 0 to 400"),
    HEATER("watch.rise_slow_c", watch_rise_slow_c, 0, 100, "a rise in K from 0 to 100"),
    HEATER("watch.slowest_from_c", watch_slowest_from_c, 0, 400,
           "a temperature in °C from 0 to 400"),
    HEATER("watch.rise_slowest_c", watch_rise_slowest_c, 0, 100, "a rise in K from 0 to 100"),
    HEATER("runaway.hysteresis_c", runaway_hysteresis_c, 0, 200, "a distance in K from 0 to 200"),
    HEATER("runaway.period_s", runaway_period_s, 0, 3600, "a time in s from 0 to 3600"),
    HEATER("wait.window_c", wait_window_c, 0, 50, "a distance in K from 0 to 50"),
    HEATER("wait.hold_s", wait_hold_s, 0, 600, "a time in s from 0 to 600"),
    HEATER("wait.restart_c", wait_restart_c, 0, 100, "a distance in K from 0 to 100"),
    HEATER("observer.filter", observer.filter, 0, 1, "a share from 0 to 1"),
    HEATER("observer.lag_s", observer.lag_s, 0, 10, "a time in s from 0 to 10"),
    HEATER("observer.warn_k_s", observer.warn_k_s, 0, 100, "a rate in K/s from 0 to 100"),
    HEATER("observer.error_k_s", observer.error_k_s, 0, 100, "a rate in K/s from 0 to 100"),
    {"watch.windows", offsetof(struct model_heater, watch_windows), true, 0, 100,
     "a whole number from 0 to 100"},
    {0},
};

#define FAN(path_, whole_, least_, most_, expected_)                                               \
    {                                                                                              \
#path_, offsetof(struct model_fan, path_), (whole_), (least_), (most_), (expected_)        \
    }

const struct model_limit model_fan_limits[] = {
    FAN(full_rpm, true, 0, 30000, "a speed in rpm from 0 to 30000"),
    FAN(exponent, false, 0, 5, "an exponent from 0 to 5"),
    FAN(on_above_c, false, 0, 400, "a temperature in °C from 0 to 400"),
    FAN(check_above_power, true, 0, 255, "a power from 0 to 255"),
    FAN(check_rpm, true, 0, 30000, "a speed in rpm from 0 to 30000"),
    FAN(check_tests, true, 0, 100, "a whole number from 0 to 100"),
    {0},
};

#define MOTION(path_, member_, least_, most_, expected_)                                           \
    {                                                                                              \
        (path_), offsetof(struct model_motion, member_), false, (least_), (most_), (expected_)     \
    }
#define AXIS(key_, index_)                                                                         \
    MOTION(key_ ".min_mm", axes[index_].min_mm, -10000, 10000,                                     \
           "a position in mm from -10000 to 10000"),                                               \
        MOTION(key_ ".max_mm", axes[index_].max_mm, -10000, 10000,                                 \
               "a position in mm from -10000 to 10000"),                                           \
        MOTION(key_ ".max_feed_mm_s", axes[index_].max_feed_mm_s, 0.1, 10000,                      \
               "a speed in mm/s from 0.1 to 10000"),                                               \
        MOTION(key_ ".max_acceleration_mm_s2", axes[index_].max_acceleration_mm_s2, 1, 1e6,        \
               "an acceleration in mm/s^2 from 1 to 1000000"),                                     \
        MOTION(key_ ".home_feed_mm_s", axes[index_].home_feed_mm_s, 0, 10000,                      \
               "a speed in mm/s from 0 to 10000"),                                                 \
        MOTION(key_ ".jerk_mm_s", axes[index_].jerk_mm_s, 0, 1000,                                 \
               "a change of speed in mm/s from 0 to 1000")

const struct model_limit model_motion_limits[] = {
    MOTION("nozzle_diameter_mm", nozzle_diameter_mm, 0.05, 5, "a diameter in mm from 0.05 to 5"),
    MOTION("min_extrusion_c", min_extrusion_c, 0, 400, "a temperature in °C from 0 to 400"),
    MOTION("print_acceleration_mm_s2", print_acceleration_mm_s2, 1, 1e6,
           "an acceleration in mm/s^2 from 1 to 1000000"),
    MOTION("retract_acceleration_mm_s2", retract_acceleration_mm_s2, 1, 1e6,
           "an acceleration in mm/s^2 from 1 to 1000000"),
    MOTION("travel_acceleration_mm_s2", travel_acceleration_mm_s2, 1, 1e6,
           "an acceleration in mm/s^2 from 1 to 1000000"),
    MOTION("park.x_mm", park_x_mm, -10000, 10000, "a position in mm from -10000 to 10000"),
    MOTION("park.y_mm", park_y_mm, -10000, 10000, "a position in mm from -10000 to 10000"),
    MOTION("park.lift_mm", park_lift_mm, 0, 1000, "a height in mm from 0 to 1000"),
    AXIS("x", 0),
    AXIS("y", 1),
    AXIS("z", 2),
    AXIS("e", 3),
    {0},
};

const struct model_limit model_identity_limits[] = {
    {"model_code", offsetof(struct model_identity, model_code), true, 0, 9999,
     "a whole number from 1 to 9999, or 0 of an sl1"},
    {"type", offsetof(struct model_identity, type[0]), true, 0, 99,
     "three whole numbers from 0 to 99"},
    {"type", offsetof(struct model_identity, type[1]), true, 0, 99,
     "three whole numbers from 0 to 99"},
    {"type", offsetof(struct model_identity, type[2]), true, 0, 99,
     "three whole numbers from 0 to 99"},
    {0},
};

const struct model_limit model_mmu_limits[] = {
    {"slots", offsetof(struct model_mmu, slots), true, 1, 64, "a whole number from 1 to 64"},
    {"code_offset", offsetof(struct model_mmu, code_offset), true, 0, 90000,
     "a whole number from 0 to 90000"},
    {0},
};

const struct model_limit model_buddy_limits[] = {
    {"error_prefix", offsetof(struct model_buddy_section, error_prefix), true, 1, 99,
     "a whole number from 1 to 99"},
    {"buttons", offsetof(struct model_buddy_section, buttons), true, 0, 5,
     "a whole number from 0 to 5"},
    {"tools", offsetof(struct model_buddy_section, tools), true, 0, 5,
     "a whole number from 0 to 5"},
    {"chamber_max_c", offsetof(struct model_buddy_section, chamber_max_c), false, 0, 100,
     "a temperature in °C from 0 to 100"},
    {0},
};

#define RESIN(path_, member_, whole_, least_, most_, expected_)                                    \
    {                                                                                              \
        (path_), offsetof(struct model_resin, member_), (whole_), (least_), (most_), (expected_)   \
    }

const struct model_limit model_resin_limits[] = {
    RESIN("panel.width_px", panel_width_px, true, 1, 4096, "a whole number from 1 to 4096"),
    RESIN("panel.height_px", panel_height_px, true, 1, 4096, "a whole number from 1 to 4096"),
    RESIN("panel.pixel_um", pixel_um, false, 1, 1000, "a length in um from 1 to 1000"),
    RESIN("tower_mm", tower_mm, false, 1, 1000, "a height in mm from 1 to 1000"),
    RESIN("tilt_steps", tilt_steps, true, 1, 100000, "a whole number from 1 to 100000"),
    RESIN("tank.least_ml", least_ml, false, 0, 10000, "a volume in ml from 0 to 10000"),
    RESIN("tank.most_ml", most_ml, false, 0, 10000, "a volume in ml from 0 to 10000"),
    RESIN("tank.low_ml", low_ml, false, 0, 10000, "a volume in ml from 0 to 10000"),
    RESIN("tank.feed_ml", feed_ml, false, 0, 10000, "a volume in ml from 0 to 10000"),
    RESIN("ambient.min_c", ambient_min_c, false, -50, 100, "a temperature in °C from -50 to 100"),
    RESIN("ambient.max_c", ambient_max_c, false, -50, 100, "a temperature in °C from -50 to 100"),
    RESIN("fans.uv_led_rpm", uv_led_fan_rpm, true, 100, 30000, "a speed in rpm from 100 to 30000"),
    RESIN("fans.blower_rpm", blower_fan_rpm, true, 100, 30000, "a speed in rpm from 100 to 30000"),
    RESIN("fans.rear_rpm", rear_fan_rpm, true, 100, 30000, "a speed in rpm from 100 to 30000"),
    {0},
};

#define UPLOADS(path_)                                                                             \
    {                                                                                              \
#path_, offsetof(struct model_uploads, path_), false, 0, 1e9,                              \
            "a rate in bytes/s from 0 to 1e9"                                                      \
    }

const struct model_limit model_upload_limits[] = {
    UPLOADS(ethernet_bytes_per_s),
    UPLOADS(wifi_bytes_per_s),
    {0},
};
