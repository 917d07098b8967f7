#include <string.h>

#include "tests/golden/buddy_words.h"

#define FINGERPRINT "0123456789ABCDEFGHIJKLMNOPQRSTUV0123456789ABCDEFGH"

/* The five builds, and two limits of them all: a mapping has five tools everywhere, and SET_VALUE
 * knows the chamber and the light on every model (README.md of the captures). */
static const struct {
    const char *name;
    struct buddy_build build;
} builds[] = {
    {"mini",
     {.type = 2,
      .version = 1,
      .user_agent = "Buddy_MINI",
      .error_prefix = 12,
      .buttons = BUDDY_BUTTONS_FEW}},
    {"mk4",
     {.type = 1,
      .version = 4,
      .user_agent = "Buddy_MK4",
      .error_prefix = 13,
      .buttons = BUDDY_BUTTONS,
      .mmu = true}},
    {"xl",
     {.type = 3,
      .version = 1,
      .user_agent = "Buddy_XL",
      .error_prefix = 17,
      .buttons = BUDDY_BUTTONS,
      .tool_changer = true,
      .enclosure = true}},
    {"ix",
     {.type = 4,
      .version = 1,
      .user_agent = "Buddy_iX",
      .error_prefix = 16,
      .buttons = BUDDY_BUTTONS_FEW,
      .board_sensors = true}},
    {"coreone",
     {.type = 7,
      .version = 1,
      .user_agent = "Buddy_CORE_ONE",
      .error_prefix = 31,
      .buttons = BUDDY_BUTTONS,
      .mmu = true,
      .chamber = true}},
};

const struct buddy_build *buddy_build_named(const char *name)
{
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        if (strcmp(builds[i].name, name) == 0) {
            return &builds[i].build;
        }
    }
    return NULL;
}

void words_idle(struct buddy_state *state)
{
    *state = (struct buddy_state){
        .device = BUDDY_IDLE,
        .firmware = "6.3.0+10073",
        .serial = "CZPX0123X004XK00001",
        .fingerprint = FINGERPRINT,
        .can_start_download = true,
        .api_key = "",
        .hostname = "",
        .ssid = "",
        .usb = true,
        .usb_free_bytes = 31245926400,
        .job_id = 318,
        .job_path = "/usb/box.gcode",
        .job_name = "box.gcode",
        .remaining_s = BUDDY_TIME_UNKNOWN,
        .change_in_s = BUDDY_TIME_UNKNOWN,
        .bed_c = 23.9F,
        .x_mm = 241,
        .y_mm = -3,
        .z_mm = 50,
        .speed_percent = 100,
        .flow_percent = 100,
        .slot_mask = 1,
        .slot_active = 1,
        .slots[0] = {.material = "PETG", .nozzle_c = 24.8F, .nozzle_diameter_mm = 0.4F},
        .ended = {{41, true}, {40, false}},
        .ended_count = 2,
        .extruder_sensor = BUDDY_SENSOR_ABSENT,
        .remote_sensor = BUDDY_SENSOR_ABSENT,
        .chamber = {.fan_percent = -1},
    };
}

void words_job(struct buddy_state *state)
{
    state->device = BUDDY_PRINTING;
    state->job = true;
    state->printing = true;
    state->printing_s = 5410;
    state->remaining_s = 12660;
    state->change_in_s = 840;
    state->progress_percent = 30;
    state->slots[0].nozzle_c = 214.94F;
    state->slots[0].hotend_fan_rpm = 7120;
    state->slots[0].print_fan_rpm = 3980;
    state->bed_c = 60.06F;
    state->nozzle_target_c = 215;
    state->bed_target_c = 60;
    state->flow_percent = 95;
    state->z_mm = 12.4F;
    state->filament_mm = 482113.5F;
}
