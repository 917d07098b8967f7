#include <math.h>
#include <string.h>

#include "sim/protocol/connect/buddy_planner.h"

/* Hashes of what a printer watches of itself (connect-buddy.md 3.1, 4.3): FNV-1a; only that equal
 * values have equal hashes can be seen from outside. */

static void mix(uint64_t *hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        *hash = (*hash ^ at[i]) * UINT64_C(1099511628211);
    }
}

static uint64_t seed(void)
{
    return UINT64_C(14695981039346656037);
}

/* A whole word at a time: the products' upper halves come down, as FNV alone would leave them
 * there. */
static void mix_int(uint64_t *hash, int64_t value)
{
    *hash = (*hash ^ (uint64_t)value) * UINT64_C(1099511628211);
    *hash ^= *hash >> 32;
}

static void mix_text(uint64_t *hash, const char *text)
{
    mix(hash, text == NULL ? "" : text, text == NULL ? 1 : strlen(text) + 1);
}

/* The whole units of a value; `unit` 1 for degrees and mm, 500 for rpm, 10 for filament. */
static void mix_units(uint64_t *hash, float value, float unit)
{
    mix_int(hash, isfinite(value) ? (int64_t)(value / unit) : -1);
}

static void mix_interface(uint64_t *hash, const struct buddy_interface *interface)
{
    if (interface->up) {
        mix(hash, interface->mac, sizeof interface->mac);
        mix(hash, interface->ipv4, sizeof interface->ipv4);
    }
}

uint64_t buddy_info_hash(const struct buddy_build *build, const struct buddy_state *state)
{
    uint64_t hash = seed();
    mix_interface(&hash, &state->lan);
    mix_interface(&hash, &state->wifi);
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        if ((state->slot_mask >> i & 1U) != 0) {
            const struct buddy_slot *slot = &state->slots[i];
            mix(&hash, &slot->nozzle_diameter_mm, sizeof slot->nozzle_diameter_mm);
            mix_int(&hash, slot->hardened);
            mix_int(&hash, slot->high_flow);
            mix_text(&hash, slot->material);
        }
    }
    mix_text(&hash, state->ssid);
    mix_text(&hash, state->api_key);
    mix_text(&hash, state->hostname);
    mix_int(&hash, state->usb);
    mix_int(&hash, state->can_start_download);
    mix_int(&hash, build->type);
    mix_int(&hash, build->version);
    mix_int(&hash, build->subversion);
    mix_int(&hash, buddy_slot_count(state));
    if (build->enclosure) {
        mix_int(&hash, state->enclosure.present);
        mix_int(&hash, state->enclosure.enabled);
        mix_int(&hash, state->enclosure.printing_filtration);
        mix_int(&hash, state->enclosure.post_print);
        mix_int(&hash, state->enclosure.post_print_s);
    }
    if (build->chamber) {
        mix_int(&hash, state->addon_power);
    }
    return hash;
}

uint64_t buddy_device_hash(const struct buddy_state *state)
{
    uint64_t hash = seed();
    mix_int(&hash, state->device);
    mix_int(&hash, state->dialog.shown);
    if (state->dialog.shown) {
        mix_int(&hash, state->dialog.id);
        mix_int(&hash, state->dialog.coded ? state->dialog.code : -1);
        mix_text(&hash, state->dialog.title);
        mix_text(&hash, state->dialog.text);
    }
    return hash;
}

/* Of the names only the length and the first letter (3.1). */
uint64_t buddy_objects_hash(const struct buddy_state *state)
{
    uint64_t hash = seed();
    mix_int(&hash, state->job_id);
    mix_int(&hash, state->job_objects);
    mix(&hash, &state->job_objects_cancelled, sizeof state->job_objects_cancelled);
    for (uint32_t i = 0; i < state->job_objects && i < BUDDY_OBJECT_NAMES; i++) {
        mix_int(&hash, (int64_t)strlen(state->object_names[i]));
        mix_int(&hash, state->object_names[i][0]);
    }
    return hash;
}

uint64_t buddy_telemetry_hash(const struct buddy_build *build, const struct buddy_state *state,
                              bool with_xy)
{
    uint64_t hash = seed();
    if (with_xy) {
        mix_units(&hash, state->x_mm, 1);
        mix_units(&hash, state->y_mm, 1);
    }
    mix_units(&hash, state->z_mm, 1);
    mix_units(&hash, state->nozzle_target_c, 1);
    mix_units(&hash, state->bed_c, 1);
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        if ((state->slot_mask >> i & 1U) != 0) {
            mix_text(&hash, state->slots[i].material);
            mix_units(&hash, state->slots[i].nozzle_c, 1);
            mix_units(&hash, state->slots[i].hotend_fan_rpm, 500);
            mix_units(&hash, state->slots[i].print_fan_rpm, 500);
        }
    }
    mix_int(&hash, state->slot_active);
    mix_int(&hash, state->speed_percent);
    mix_int(&hash, state->flow_percent);
    mix_units(&hash, state->filament_mm, 10);
    if (build->board_sensors) {
        mix_units(&hash, state->heatbreak_c, 1);
        mix_int(&hash, state->extruder_sensor);
        mix_int(&hash, state->remote_sensor);
    }
    if (build->enclosure) {
        mix_int(&hash, state->enclosure.temp_c);
        mix_int(&hash, state->enclosure.fan_rpm / 500);
    }
    if (build->chamber) {
        mix_int(&hash, state->chamber.fan_1_rpm / 500);
        mix_int(&hash, state->chamber.fan_2_rpm / 500);
    }
    return hash;
}
