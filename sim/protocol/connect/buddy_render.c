#include "sim/protocol/connect/buddy_render.h"

#include <stdio.h>

static const char *const sensor_names[BUDDY_SENSORS] = {
    "NOT_INITIALIZED", "NOT_CALIBRATED", "HAS_FILAMENT", "NO_FILAMENT", "NOT_CONNECTED", "DISABLED",
};

static void transfer(struct buddy_message *message, const struct buddy_transfer *transfer)
{
    if (transfer->running) {
        buddy_int(message, "transfer_id", transfer->id);
        buddy_int(message, "transfer_transferred", (int64_t)transfer->received_bytes);
        buddy_int(message, "transfer_time_remaining", buddy_transfer_remaining_s(transfer));
        buddy_fixed(message, "transfer_progress", buddy_transfer_percent(transfer), 1);
    }
}

static void job(struct buddy_message *message, const struct buddy_state *state)
{
    if (!state->job) {
        return;
    }
    buddy_int(message, "job_id", state->job_id);
    buddy_int(message, "time_printing", state->printing_s);
    if (state->remaining_s != BUDDY_TIME_UNKNOWN) {
        buddy_int(message, "time_remaining", state->remaining_s);
    }
    if (state->change_in_s != BUDDY_TIME_UNKNOWN) {
        buddy_int(message, "filament_change_in", state->change_in_s);
    }
    buddy_int(message, "progress", state->progress_percent);
}

static void temperatures(struct buddy_message *message, const struct buddy_build *build,
                         const struct buddy_state *state)
{
    int head = buddy_preferred_head(build, state);
    buddy_fixed(message, "temp_nozzle", (double)state->slots[head].nozzle_c, 1);
    buddy_fixed(message, "temp_bed", (double)state->bed_c, 1);
    if (build->board_sensors) {
        buddy_fixed(message, "temp_heatbreak", (double)state->heatbreak_c, 1);
        buddy_fixed(message, "temp_psu", (double)state->psu_c, 1);
        buddy_fixed(message, "temp_ambient", (double)state->ambient_c, 1);
        if (state->extruder_sensor != BUDDY_SENSOR_ABSENT) {
            buddy_text(message, "extruder_fs_state", sensor_names[state->extruder_sensor]);
        }
        if (state->remote_sensor != BUDDY_SENSOR_ABSENT) {
            /* The firmware's guard asks for the wrong one of the two (connect-buddy.md 4.1). */
            message->aborted |= state->extruder_sensor == BUDDY_SENSOR_ABSENT;
            buddy_text(message, "remote_fs_state", sensor_names[state->remote_sensor]);
        }
    }
    buddy_fixed(message, "target_nozzle", (double)state->nozzle_target_c, 1);
    buddy_fixed(message, "target_bed", (double)state->bed_target_c, 1);
}

static void surroundings(struct buddy_message *message, const struct buddy_build *build,
                         const struct buddy_state *state)
{
    if (build->enclosure && state->enclosure.present) {
        uint32_t used_s = state->enclosure.filter_used_s;
        buddy_object(message, "enclosure");
        buddy_int(message, "temp", state->enclosure.temp_c);
        buddy_int(message, "fan_rpm", state->enclosure.fan_rpm);
        buddy_int(message, "time_in_use",
                  used_s > BUDDY_FILTER_LIFETIME_S ? BUDDY_FILTER_LIFETIME_S : used_s);
        buddy_object_end(message);
    }
    if (build->chamber) {
        buddy_object(message, "chamber");
        buddy_fixed(message, "temp", (double)state->chamber.temp_c, 1);
        buddy_int(message, "target_temp", state->chamber.target_c);
        buddy_int(message, "fan_1_rpm", state->chamber.fan_1_rpm);
        buddy_int(message, "fan_2_rpm", state->chamber.fan_2_rpm);
        buddy_int(message, "fan_pwm_target", state->chamber.fan_percent);
        buddy_int(message, "led_intensity", state->chamber.led_percent);
        buddy_object_end(message);
    }
}

static void motion(struct buddy_message *message, const struct buddy_build *build,
                   const struct buddy_state *state)
{
    if (!state->job) {
        buddy_fixed(message, "axis_x", (double)state->x_mm, 2);
        buddy_fixed(message, "axis_y", (double)state->y_mm, 2);
    }
    buddy_fixed(message, "axis_z", (double)state->z_mm, 2);
    if (state->job) {
        const struct buddy_slot *head = &state->slots[buddy_preferred_head(build, state)];
        buddy_int(message, "fan_extruder", (int64_t)head->hotend_fan_rpm);
        buddy_int(message, "fan_print", (int64_t)head->print_fan_rpm);
        buddy_fixed(message, "filament", (double)state->filament_mm, 1);
    }
}

static void slots(struct buddy_message *message, const struct buddy_build *build,
                  const struct buddy_state *state)
{
    if ((!build->mmu && !build->tool_changer) || buddy_slot_count(state) < 2) {
        return;
    }
    buddy_object(message, "slot");
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        if ((state->slot_mask >> i & 1U) == 0) {
            continue;
        }
        char name[] = {(char)('1' + i), '\0'};
        buddy_object(message, name);
        buddy_text(message, "material", state->slots[i].material);
        buddy_fixed(message, "temp", (double)state->slots[i].nozzle_c, 1);
        buddy_fixed(message, "fan_hotend", (double)state->slots[i].hotend_fan_rpm, 1);
        buddy_fixed(message, "fan_print", (double)state->slots[i].print_fan_rpm, 1);
        buddy_object_end(message);
    }
    if (build->mmu) {
        char command[] = {state->mmu_command, '\0'};
        buddy_int(message, "state", state->mmu_progress);
        buddy_text(message, "command", command);
    }
    buddy_int(message, "active", state->slot_active);
    buddy_object_end(message);
}

static void full_part(struct buddy_message *message, const struct buddy_build *build,
                      const struct buddy_state *state)
{
    const char *material = state->slots[buddy_preferred_slot(state)].material;
    temperatures(message, build, state);
    buddy_int(message, "speed", state->speed_percent);
    buddy_int(message, "flow", state->flow_percent);
    if (*material != '\0') {
        buddy_text(message, "material", material);
    }
    surroundings(message, build, state);
    motion(message, build, state);
    slots(message, build, state);
}

void buddy_render_telemetry(struct buddy_message *message, const struct buddy_build *build,
                            const struct buddy_state *state, struct buddy_number command_id,
                            bool full)
{
    buddy_message_clear(message);
    buddy_object(message, NULL);
    transfer(message, &state->transfer);
    job(message, state);
    if (full) {
        full_part(message, build, state);
    }
    if (command_id.known) {
        buddy_int(message, "command_id", command_id.value);
    }
    if (state->dialog.shown) {
        buddy_int(message, "dialog_id", state->dialog.id);
    }
    buddy_text(message, "state", buddy_device_state_name(state->device));
    buddy_object_end(message);
}

void buddy_render_registration(struct buddy_message *message, const struct buddy_build *build,
                               const struct buddy_state *state)
{
    char type[40];
    snprintf(type, sizeof type, "%d.%d.%d", build->type, build->version, build->subversion);
    buddy_message_clear(message);
    buddy_object(message, NULL);
    buddy_text(message, "sn", state->serial);
    buddy_text(message, "fingerprint", state->fingerprint);
    buddy_text(message, "printer_type", type);
    buddy_text(message, "firmware", state->firmware);
    buddy_object_end(message);
}

void buddy_render_data_request(struct buddy_message *message, const char *hash, uint64_t team_id,
                               uint32_t file_id, uint32_t start, uint32_t end)
{
    enum { CHUNK_HINT = 4096 };
    buddy_message_clear(message);
    buddy_object(message, NULL);
    buddy_text(message, "transfer", "inline");
    if (hash != NULL) {
        buddy_text(message, "hash", hash);
        buddy_int(message, "team_id", (int64_t)team_id); /* the firmware prints it signed, too */
    }
    buddy_int(message, "chunk", CHUNK_HINT);
    buddy_int(message, "file_id", file_id);
    buddy_int(message, "start", start);
    buddy_int(message, "end", end);
    buddy_object_end(message);
}
