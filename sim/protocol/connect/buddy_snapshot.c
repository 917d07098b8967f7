#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_parts.h"

/* What a Buddy printer knows of itself, from its machine and its settings. */

static uint32_t hash_of(const char *text, uint32_t hash)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
    }
    return hash;
}

static void make_build(struct buddy_build *build, const struct model *model)
{
    const struct model_buddy *buddy = &model->buddy;
    bool changer = buddy->tools > 1;
    *build = (struct buddy_build){
        .type = model->type,
        .version = model->version,
        .subversion = model->subversion,
        .user_agent = buddy->user_agent,
        .error_prefix = buddy->error_prefix,
        .slots = changer      ? buddy->tools
                 : model->mmu ? model->mmu_slots
                              : 1,
        .buttons = buddy->buttons,
        .mapped_tools = changer              ? 6
                        : buddy->mmu_support ? 5
                                             : 0,
        .tool_properties = changer ? BUDDY_SLOTS : 1,
        .mmu = buddy->mmu_support,
        .tool_changer = changer,
        .enclosure = buddy->enclosure,
        .chamber = buddy->chamber_max_c > 0,
        .light = buddy->light,
        .board_sensors = buddy->board_sensors,
    };
    if (build->slots > BUDDY_SLOTS) {
        build->slots = BUDDY_SLOTS;
    }
}

void buddy_fingerprint_of(const char *serial, uint8_t mac[6], char out[51])
{
    uint8_t id[12];
    for (unsigned i = 0; i < sizeof id; i++) {
        id[i] = (uint8_t)(hash_of(serial, UINT32_C(2166136261) + i) >> 16);
    }
    uint32_t hash = hash_of(serial, UINT32_C(2166136261));
    const uint8_t made[] = {0x10,         0x9c, 0x70, (uint8_t)(hash >> 16), (uint8_t)(hash >> 8),
                            (uint8_t)hash};
    memcpy(mac, made, sizeof made);
    buddy_fingerprint(id, mac, serial, out);
}

static void make_network(struct buddy *buddy)
{
    const char *serial = machine_serial(buddy->machine);
    struct buddy_interface *lan = &buddy->state.lan;
    buddy_fingerprint_of(serial, lan->mac, buddy->state.fingerprint);
    lan->up = true;
    lan->ipv4[0] = 10;
    memcpy(lan->ipv4 + 1, lan->mac + 3, 3);
    buddy->dialog_base = hash_of(serial, UINT32_C(16777619));
}

void buddy_know_itself(struct buddy *buddy)
{
    const struct model *model = machine_model(buddy->machine);
    struct buddy_state *state = &buddy->state;
    make_network(buddy);
    state->serial = machine_serial(buddy->machine);
    state->firmware = machine_firmware(buddy->machine);
    state->hostname = buddy->hostname;
    state->ssid = "";
    state->slot_mask = (1U << buddy->build.slots) - 1;
    state->extruder_sensor = BUDDY_SENSOR_HAS_FILAMENT;
    state->remote_sensor = BUDDY_SENSOR_HAS_FILAMENT;
    if (model->mmu) {
        state->mmu_version[0] = state->mmu_version[2] = 3;
    }
}

void buddy_identify(struct buddy *buddy)
{
    const struct model *model = machine_model(buddy->machine);
    make_build(&buddy->build, model);
    buddy_know_itself(buddy);
    snprintf(buddy->hostname, sizeof buddy->hostname, "%s", model->buddy.hostname);
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        buddy->fittings[i] =
            (struct buddy_fitting){.nozzle_diameter_mm = (float)model->nozzle_diameter_mm};
        snprintf(buddy->fittings[i].material, BUDDY_MATERIAL_BYTES, "%s", i == 0 ? "PLA" : "---");
    }
    buddy->led_percent = 100;
    buddy->post_print_s = 300;
}

/* ---- state and dialog ---- */

static enum buddy_device_state device_of(enum printer_state state)
{
    static const enum buddy_device_state devices[] = {
        [STATE_IDLE] = BUDDY_IDLE,         [STATE_BUSY] = BUDDY_BUSY,
        [STATE_PRINTING] = BUDDY_PRINTING, [STATE_PAUSED] = BUDDY_PAUSED,
        [STATE_FINISHED] = BUDDY_FINISHED, [STATE_STOPPED] = BUDDY_STOPPED,
        [STATE_ERROR] = BUDDY_ERROR,       [STATE_ATTENTION] = BUDDY_ATTENTION,
        [STATE_READY] = BUDDY_READY,       [STATE_NONE] = BUDDY_UNKNOWN,
    };
    return devices[state];
}

/* The generation of the dialogs is some number at first, and counts what they go through. */
static void look_at_dialog(struct buddy *buddy)
{
    struct buddy_dialog *dialog = &buddy->state.dialog;
    if (buddy->state.device == BUDDY_ERROR) {
        buddy_dialog_of_error(dialog, &buddy->build, machine_halt_cause(buddy->machine));
        dialog->id = ~buddy->dialog_base;
    } else {
        buddy_dialog_of(dialog, machine_prompt(buddy->machine));
        dialog->id = buddy->dialog_base + machine_prompt_changes(buddy->machine);
    }
}

static void look_at_objects(struct buddy *buddy)
{
    struct buddy_state *state = &buddy->state;
    const struct machine_objects *objects = machine_objects(buddy->machine);
    state->job_objects = objects == NULL ? 0 : objects->count;
    state->job_objects_cancelled = objects == NULL ? 0 : objects->cancelled;
    if (objects == NULL) {
        free(buddy->object_names);
        buddy->object_names = NULL;
    } else {
        _Static_assert(sizeof objects->names == BUDDY_OBJECT_NAMES * sizeof *buddy->object_names,
                       "");
        if (buddy->object_names == NULL) {
            buddy->object_names = memory_new(sizeof objects->names);
        }
        memcpy(buddy->object_names, objects->names, sizeof objects->names);
    }
    state->object_names = (const char(*)[BUDDY_OBJECT_NAME_BYTES])buddy->object_names;
}

/* ---- job ---- */

static uint32_t seconds_or_unknown(int64_t seconds)
{
    return seconds < 0 || seconds > UINT32_MAX ? BUDDY_TIME_UNKNOWN : (uint32_t)seconds;
}

static void look_at_job_file(struct buddy *buddy, const struct machine_job *job)
{
    if (job->id == buddy->job_known) {
        return;
    }
    buddy->job_known = job->id;
    buffer_clear(&buddy->job_path);
    buffer_clear(&buddy->job_name);
    buffer_append_text(&buddy->job_path, buddy->start_path != NULL ? buddy->start_path : job->path);
    buffer_append_text(&buddy->job_name, buddy_path_name(job->path));
}

/* Without a word of the file, where it is read; that is never all of it (4.1). */
static int progress_of(const struct machine_readings *readings)
{
    enum { MOST = 99 };
    int percent = readings->progress_percent < 0 ? 0 : readings->progress_percent;
    return readings->estimates_of_file || percent < MOST ? percent : MOST;
}

static void look_at_job(struct buddy *buddy, const struct machine_readings *readings)
{
    struct buddy_state *state = &buddy->state;
    const struct machine_job *job = machine_job(buddy->machine);
    bool active = job != NULL && readings->job_id != 0;
    state->job = active && (state->device == BUDDY_PRINTING || state->device == BUDDY_PAUSED ||
                            state->device == BUDDY_ATTENTION);
    state->printing = active;
    if (!active) {
        return;
    }
    look_at_job_file(buddy, job);
    state->job_id = (uint16_t)job->id;
    state->job_path = buffer_text(&buddy->job_path);
    state->job_name = buffer_text(&buddy->job_name);
    state->printing_s = (uint32_t)(readings->printing_us / SECONDS(1));
    state->remaining_s = readings->estimates_of_file
                             ? seconds_or_unknown(readings->time_remaining_s)
                             : BUDDY_TIME_UNKNOWN;
    state->change_in_s = seconds_or_unknown(readings->filament_change_in_s);
    state->progress_percent = progress_of(readings);
}

/* ---- heat and motion ---- */

static float number(double value)
{
    return isfinite(value) ? (float)value : 0;
}

static void look_at_slots(struct buddy *buddy, const struct machine_readings *readings)
{
    struct buddy_state *state = &buddy->state;
    state->slot_active = readings->mmu || readings->tool_count > 0 ? readings->slot_active : 1;
    state->mmu_progress = readings->slot_state;
    state->mmu_command = readings->mmu ? readings->slot_command[0] : 0;
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        const struct buddy_fitting *fitting = &buddy->fittings[i];
        struct buddy_slot *slot = &state->slots[i];
        memcpy(slot->material, fitting->material, sizeof slot->material);
        slot->nozzle_diameter_mm = fitting->nozzle_diameter_mm;
        slot->high_flow = fitting->high_flow;
        slot->hardened = fitting->hardened;
        if (i < readings->tool_count) { /* each has a head of its own */
            slot->nozzle_c = number(readings->tool[i].nozzle_c);
            slot->hotend_fan_rpm = (float)readings->tool[i].hotend_fan_rpm;
            slot->print_fan_rpm = (float)readings->tool[i].print_fan_rpm;
        } else {
            slot->nozzle_c = number(readings->nozzle_c);
            slot->hotend_fan_rpm = (float)readings->hotend_fan_rpm;
            slot->print_fan_rpm = (float)readings->print_fan_rpm;
        }
    }
}

static void look_at_surroundings(struct buddy *buddy, const struct machine_readings *readings)
{
    struct buddy_state *state = &buddy->state;
    state->heatbreak_c = number(readings->board_c);
    state->psu_c = state->ambient_c = number(readings->board_c);
    state->addon_power = buddy->addon_power;
    state->enclosure.present = state->enclosure.enabled = buddy->enclosure_enabled;
    state->enclosure.printing_filtration = buddy->printing_filtration;
    state->enclosure.post_print = buddy->post_print;
    state->enclosure.post_print_s = buddy->post_print_s;
    state->enclosure.temp_c = (int)number(readings->chamber_c);
    state->enclosure.fan_rpm = readings->chamber_fan_rpm;
    state->chamber.temp_c = number(readings->chamber_c);
    state->chamber.target_c = (uint32_t)readings->chamber_target_c;
    state->chamber.fan_percent = readings->chamber_fan_percent;
    state->chamber.led_percent = buddy->led_percent;
    state->chamber.fan_1_rpm = state->chamber.fan_2_rpm = readings->chamber_fan_rpm;
}

/* The reduced client that runs while an error is shown: it knows what it is, and no more (8.4). */
static void look_at_error(struct buddy *buddy)
{
    const struct buddy_state known = buddy->state;
    buddy->state = (struct buddy_state){
        .device = BUDDY_ERROR,
        .firmware = known.firmware,
        .serial = known.serial,
        .api_key = "",
        .hostname = "",
        .ssid = "",
        .remaining_s = BUDDY_TIME_UNKNOWN,
        .change_in_s = BUDDY_TIME_UNKNOWN,
        .mmu_progress = known.mmu_progress,
        .extruder_sensor = BUDDY_SENSOR_ABSENT,
        .remote_sensor = BUDDY_SENSOR_ABSENT,
    };
    memcpy(buddy->state.fingerprint, known.fingerprint, sizeof known.fingerprint);
    look_at_dialog(buddy);
}

void buddy_look(struct buddy *buddy)
{
    struct buddy_state *state = &buddy->state;
    struct machine_readings readings;
    if (buddy->error_screen) {
        look_at_error(buddy);
        return;
    }
    machine_read(buddy->machine, &readings);
    state->device = device_of(machine_state(buddy->machine));
    state->api_key = buddy->api_key == NULL ? "" : buddy->api_key;
    state->can_start_download = buddy->planner.recovered;
    look_at_dialog(buddy);
    buddy_transfer_look(buddy);
    look_at_objects(buddy);
    look_at_job(buddy, &readings);
    look_at_slots(buddy, &readings);
    look_at_surroundings(buddy, &readings);
    state->bed_c = number(readings.bed_c);
    state->nozzle_target_c = number(readings.nozzle_target_c);
    state->bed_target_c = number(readings.bed_target_c);
    state->x_mm = number(readings.x_mm);
    state->y_mm = number(readings.y_mm);
    state->z_mm = number(readings.z_mm);
    state->speed_percent = readings.speed_percent;
    state->flow_percent = readings.flow_percent;
    state->filament_mm = (float)readings.total_filament_mm;
    const char *below;
    struct storage *usb = machine_storage_of(buddy->machine, "/usb", &below);
    state->usb = usb != NULL;
    state->usb_free_bytes = usb == NULL ? 0 : storage_free_bytes(usb);
}
