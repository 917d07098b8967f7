#include "tests/golden/buddy_words.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- telemetry ---- */

static bool has(const char *words, const char *part)
{
    return strstr(words, part) != NULL;
}

/* The number behind `part`; false: the part isn't there. */
static bool number_behind(const char *words, const char *part, double *number)
{
    const char *at = strstr(words, part);
    char *end = NULL;
    if (at == NULL) {
        return false;
    }
    double found = strtod(at + strlen(part), &end);
    if (end == at + strlen(part)) {
        return false;
    }
    *number = found;
    return true;
}

static float float_behind(const char *words, const char *part, float otherwise)
{
    double number = 0;
    return number_behind(words, part, &number) ? (float)number : otherwise;
}

static enum buddy_device_state device_in(const char *words)
{
    for (int i = 0; i < BUDDY_DEVICE_STATES; i++) {
        if (has(words, buddy_device_state_name((enum buddy_device_state)i))) {
            return (enum buddy_device_state)i;
        }
    }
    return BUDDY_UNKNOWN;
}

static void transfer_words(const char *words, struct buddy_transfer *transfer)
{
    double number = 0;
    if (has(words, "just started") || has(words, "download from") || has(words, "PrusaLink")) {
        *transfer = (struct buddy_transfer){.running = true,
                                            .id = 2714500231,
                                            .from_connect = has(words, "download from"),
                                            .size_bytes = 5416960,
                                            .destination = "/usb/whatever.gcode"};
    }
    if (has(words, "unknown size")) {
        *transfer = (struct buddy_transfer){.running = true, .id = 99, .received_bytes = 5000};
    }
    if (number_behind(words, ", 1310720 bytes after ", &number)) {
        transfer->received_bytes = 1310720;
        transfer->seconds = (uint32_t)number;
    }
    if (has(words, "all 5416960 bytes there")) {
        transfer->received_bytes = 5416960;
        transfer->seconds = 53;
    }
}

static void slot_words(const char *words, struct buddy_state *state)
{
    static const char *const materials[] = {"PLA", "PETG", "PVB", "", "ASA"};
    double number = 0;
    if (number_behind(words, "(bit mask) ", &number)) {
        state->slot_mask = (unsigned)number;
        for (int i = 0; i < BUDDY_SLOTS; i++) {
            struct buddy_slot *slot = &state->slots[i];
            snprintf(slot->material, sizeof slot->material, "%s", materials[i]);
            slot->nozzle_c = 214.9F - (float)(20 * i);
            slot->hotend_fan_rpm = (float)(7120 - 100 * i);
        }
        number_behind(words, "active slot ", &number);
        state->slot_active = (int)number;
        state->mmu_command = state->slot_active == 3 ? 'T' : 0;
    }
    if (has(words, "five slots")) {
        state->slot_mask = 31;
        state->slot_active = has(words, "none active") ? 0 : 1;
    }
    if (has(words, "progress code 255")) {
        state->mmu_progress = 255;
        state->mmu_command = 'L';
    }
}

static void machine_words(const char *words, struct buddy_state *state)
{
    double number = 0;
    if (has(words, "enclosure present")) {
        state->enclosure.present = state->enclosure.enabled = true;
        state->enclosure.temp_c = 31;
        state->enclosure.fan_rpm = 1480;
        state->enclosure.filter_used_s = 72000;
        state->enclosure.printing_filtration = has(words, "filtration while printing");
        state->enclosure.post_print_s = 600;
    }
    if (has(words, " chamber")) {
        state->chamber.temp_c = 41.26F;
        state->chamber.target_c = 45;
        state->chamber.fan_1_rpm = 2400;
        state->chamber.fan_2_rpm = 2390;
        state->chamber.fan_percent = 60;
        state->chamber.led_percent = 100;
    }
    if (number_behind(words, "heat break ", &number)) {
        state->heatbreak_c = (float)number;
        state->psu_c = float_behind(words, "psu ", 0);
        state->ambient_c = float_behind(words, "ambient ", 0);
        enum buddy_sensor value = (enum buddy_sensor)float_behind(words, "sensor value ", 0);
        if (has(words, "extruder sensor exists")) {
            state->extruder_sensor = value;
        }
        if (has(words, "remote sensor exists")) {
            state->remote_sensor = value;
        }
    }
}

static void number_words(const char *words, struct buddy_state *state)
{
    double number = 0;
    if (has(words, "full, nozzle")) {
        /* The case that gives positions and neither speed nor flow was made with 0. */
        float unsaid = has(words, " X ") && !has(words, "speed") ? 0 : 100;
        state->slots[0].nozzle_c = float_behind(words, "nozzle ", NAN);
        state->bed_c = float_behind(words, "bed ", INFINITY);
        state->x_mm = float_behind(words, " X ", 0);
        state->z_mm = float_behind(words, " Z ", 0);
        state->speed_percent = (int)float_behind(words, "speed ", unsaid);
        state->flow_percent = (int)float_behind(words, "flow ", unsaid);
    }
    if (number_behind(words, "job id ", &number)) {
        state->job_id = (uint16_t)number;
    }
    if (has(words, "4294967295 s printed")) {
        state->printing_s = UINT32_MAX;
        state->filament_mm = 99999999.0F;
        state->progress_percent = 100;
    }
    if (number_behind(words, "progress value ", &number)) {
        state->progress_percent = (int)number;
    }
    if (has(words, "both times unknown")) {
        state->remaining_s = BUDDY_TIME_UNKNOWN;
    }
    if (has(words, "times unknown") || has(words, "time to pause unknown")) {
        state->change_in_s = BUDDY_TIME_UNKNOWN;
    }
    const char *material = strstr(words, "material name ");
    if (material != NULL) {
        material += strlen("material name ");
        int length = has(material, "empty") ? 0 : (int)strcspn(material, ",");
        snprintf(state->slots[0].material, BUDDY_MATERIAL_BYTES, "%.*s", length, material);
    }
}

void words_telemetry(const char *words, struct buddy_state *state, struct buddy_number *command_id,
                     bool *full)
{
    struct buddy_state before = *state;
    double number = 0;
    words_idle(state);
    *full = !has(words, "reduced");
    *command_id = (struct buddy_number){0};
    if (has(words, "the same") || has(words, "all 5416960")) {
        state->transfer = before.transfer;
    }
    if (has(words, "job present") || has(words, "printing") ||
        (strcmp(words, "the same, reduced") == 0 && before.job)) {
        words_job(state);
    }
    if (strncmp(words, "device state", 12) == 0) {
        state->device = device_in(words);
    }
    if (has(words, "with dialog")) {
        state->device = BUDDY_ATTENTION;
        state->dialog = (struct buddy_dialog){.shown = true, .id = 3034119521};
    }
    if (number_behind(words, "(command ", &number) ||
        number_behind(words, "running command ", &number)) {
        *command_id = buddy_number((uint32_t)number);
    }
    transfer_words(words, &state->transfer);
    slot_words(words, state);
    machine_words(words, state);
    number_words(words, state);
}

/* ---- events ---- */

static void base_event(const char *words, struct buddy_state *state, struct buddy_event *event)
{
    double number = 0;
    words_idle(state);
    if ((has(words, "while printing") && !has(words, "filtration while")) ||
        has(words, ", printing") || strncmp(words, "printing", 8) == 0) {
        words_job(state);
    }
    if (number_behind(words, "while transfer ", &number)) {
        state->transfer = (struct buddy_transfer){.running = true, .id = (uint32_t)number};
    }
    if (number_behind(words, "by command ", &number) ||
        number_behind(words, "for command ", &number) ||
        number_behind(words, "answer to command ", &number) ||
        number_behind(words, "command id ", &number)) {
        event->command_id = buddy_number((uint32_t)number);
    }
}

static void network_words(const char *words, struct buddy_state *state)
{
    bool lan = has(words, "LAN"), wifi = has(words, "Wi-Fi"), only = has(words, "only");
    state->hostname = "prusa-mk4";
    state->api_key = "Ab3dEf6hIj9k";
    state->ssid = has(words, "empty ssid") ? "" : "My \"net\"";
    state->lan = (struct buddy_interface){
        lan || !only || !wifi, {0x10, 0x9c, 0x70, 0x0a, 0x0b, 0x0c}, {192, 168, 1, 77}};
    state->wifi = (struct buddy_interface){
        wifi || !only || !lan, {0xde, 0xad, 0xbe, 0xef, 0, 1}, {10, 0, 0, 9}};
}

static void info_words(const char *words, struct buddy_state *state, struct buddy_event *event)
{
    bool first = has(words, "not asked for"), plain = first || has(words, "the same, answer");
    event->type = BUDDY_EVENT_INFO;
    base_event(words, state, event);
    if (!first && !event->command_id.known) {
        event->command_id = buddy_number(11);
    }
    if (plain) {
        state->hostname = "prusa-mk4";
    } else if (has(words, "no USB drive")) {
        state->usb = state->can_start_download = false;
    } else if (has(words, "state ERROR")) {
        state->device = BUDDY_ERROR;
        state->slots[0].nozzle_diameter_mm = 0;
    } else {
        network_words(words, state);
    }
    if (has(words, "with a dialog")) {
        state->device = BUDDY_ATTENTION;
        state->dialog = (struct buddy_dialog){.shown = true, .id = 42};
    }
    if (has(words, "slots 1, 3 and 5")) {
        state->slot_mask = 21;
        state->slot_active = 3;
        state->slots[2] =
            (struct buddy_slot){.material = "PVB", .nozzle_diameter_mm = 0.6F, .hardened = true};
        state->slots[4] = (struct buddy_slot){.nozzle_diameter_mm = 0.25F, .high_flow = true};
    }
    slot_words(words, state);
    machine_words(words, state);
    if (has(words, "MMU version 3.0.3")) {
        state->mmu_version[0] = state->mmu_version[2] = 3;
    }
    state->addon_power = has(words, "add-on power on");
}

static void simple_words(const char *words, struct buddy_state *state, struct buddy_event *event)
{
    double number = 0;
    base_event(words, state, event);
    for (int i = 0; i < BUDDY_EVENTS; i++) {
        const char *name = buddy_event_name((enum buddy_event_type)i);
        if (strncmp(words, name, strlen(name)) == 0) {
            event->type = (enum buddy_event_type)i;
        }
    }
    if (has(words, "machine reason number")) {
        event->reason = "Some reason";
        number_behind(words, "machine reason number ", &number);
        event->machine_reason = (enum buddy_machine_reason)number;
    } else if (has(words, "with reason")) {
        event->reason = "No print to pause";
    } else if (has(words, "quotes and a line feed")) {
        event->reason = "Could not \"parse\"\n";
    }
    const char *in_state = strstr(words, "in state ");
    if (in_state != NULL) {
        state->device = device_in(in_state);
    }
    if (has(words, "with dialog 7")) {
        state->device = BUDDY_ATTENTION;
        state->dialog = (struct buddy_dialog){.shown = true, .id = 7};
    }
    if (!event->command_id.known && !has(words, "without command id")) {
        event->command_id = buddy_number(in_state != NULL || state->dialog.shown ? 1 : 11);
    }
}

static void job_words(const char *words, struct buddy_state *state, struct buddy_event *event)
{
    bool idle = strncmp(words, "idle", 4) == 0;
    base_event(words, state, event);
    event->type = BUDDY_EVENT_JOB_INFO;
    event->job_id = buddy_number(318);
    if (!idle) {
        words_job(state);
        state->job_path = "/usb/BOX~1.GCO";
        state->job_name = "Box 0.2mm PLA.gcode";
    }
    const char *device = strstr(words, "device state ");
    if (device != NULL) {
        state->device = device_in(device);
    }
    if (has(words, "started by command 10") || has(words, "answer to START_PRINT")) {
        event->start_cmd_id = buddy_number(10);
    }
    event->command_id = buddy_number(has(words, "answer to START_PRINT") ? 10 : 11);
    if (has(words, "no job id")) {
        event->job_id = (struct buddy_number){0};
    } else if (has(words, "another job") || has(words, "unknown job")) {
        event->job_id = buddy_number(7);
    } else if (has(words, "older job that ended well")) {
        event->job_id = buddy_number(41);
    } else if (has(words, "older job that was stopped")) {
        event->job_id = buddy_number(40);
    }
    if (has(words, "file exists")) {
        state->job_path = "/usb/box.gcode";
        state->job_name = "box.gcode";
    } else if (has(words, "UTF-8")) {
        state->job_path = "/usb/žluť.gcode";
        state->job_name = "žluť \"kus\".gcode";
    }
}

static void file_words(const char *words, struct buddy_state *state, struct buddy_event *event,
                       char text[512])
{
    base_event(words, state, event);
    event->type = BUDDY_EVENT_FILE_INFO;
    snprintf(text, 512, "%.*s", (int)strcspn(words, ":,"), words);
    event->path = text;
    if (!event->command_id.known && !has(words, "not asked for")) {
        event->command_id = buddy_number(11);
    }
}

static void changed_words(const char *words, struct buddy_state *state, struct buddy_event *event,
                          char text[512])
{
    base_event(words, state, event);
    event->type = BUDDY_EVENT_FILE_CHANGED;
    event->is_file = strncmp(words, "folder", 6) != 0;
    const char *path = strstr(words, "/usb");
    snprintf(text, 512, "%.*s", path == NULL ? 14 : (int)strcspn(path, ","),
             path == NULL ? "/usb/box.gcode" : path);
    event->path = text;
    state->usb = !has(words, "USB reported absent");
    event->incident = has(words, "created early") ? BUDDY_INCIDENT_CREATED_EARLY
                      : has(words, "deleted")     ? BUDDY_INCIDENT_DELETED
                      : has(words, "merged")      ? BUDDY_INCIDENT_COMBINED
                                                  : BUDDY_INCIDENT_CREATED;
}

static void transfer_event_words(const char *words, struct buddy_state *state,
                                 struct buddy_event *event)
{
    struct buddy_transfer before = state->transfer;
    struct buddy_number start_before = event->start_cmd_id;
    double number = 0;
    *event = (struct buddy_event){0};
    base_event(words, state, event);
    if (strncmp(words, "TRANSFER_", 9) == 0) {
        simple_words(words, state, event);
        event->command_id = (struct buddy_number){0};
        number_behind(words, "of transfer ", &number);
        event->transfer_id = buddy_number((uint32_t)number);
        if (has(words, "with machine reason")) {
            event->machine_reason = has(words, "started by") ? BUDDY_REASON_STORAGE_FAILURE
                                                             : BUDDY_REASON_NETWORK_FAILURE;
            event->reason = NULL;
        }
        if (has(words, "transfer 6 already runs")) {
            state->transfer = (struct buddy_transfer){.running = true, .id = 6};
        }
    } else {
        event->type = BUDDY_EVENT_TRANSFER_INFO;
        event->command_id = buddy_number(11);
        if (has(words, "the same")) {
            state->transfer = before;
            event->start_cmd_id = start_before;
        }
        transfer_words(words, &state->transfer);
        if (has(words, "without known path")) {
            state->transfer = (struct buddy_transfer){.running = true, .id = 99};
        }
        if (strncmp(words, "the same while", 14) == 0) {
            words_job(state);
        }
    }
    if (number_behind(words, "started by command ", &number)) {
        event->start_cmd_id = buddy_number((uint32_t)number);
    }
}

static void buttons(struct buddy_dialog *dialog, const char *const *names, int count)
{
    dialog->has_buttons = true;
    dialog->button_count = count;
    for (int i = 0; i < count; i++) {
        dialog->buttons[i] = buddy_button_find(names[i], strlen(names[i]));
    }
}

static void dialog_words(const char *words, struct buddy_dialog *dialog)
{
    static const char *const all[] = {"Retry", "MMU_disable", "FS_disable", "Postpone5Days", "Ok"};
    static const char *const yes_no[] = {"Yes", "No"};
    double number = 0;
    if (number_behind(words, "number ", &number) || number_behind(words, "code ", &number)) {
        dialog->coded = true;
        dialog->code = (int)number;
    }
    if (has(words, "no buttons") || has(words, "error screen") || has(words, "title, empty")) {
        dialog->has_buttons = false;
    } else if (has(words, "four buttons") || has(words, "MMU error")) {
        buttons(dialog, all, 5);
    } else if (has(words, "Yes and No") || has(words, "12999")) {
        buttons(dialog, yes_no, 2);
    } else {
        buttons(dialog, all + 4, 1);
    }
    if (has(words, "title BSOD")) {
        dialog->title = "BSOD";
        dialog->text = "Fault in \"task\"\nline 2";
    } else if (has(words, "title, empty text")) {
        dialog->title = "WATCHDOG";
        dialog->text = "";
    }
}

static void state_words(const char *words, struct buddy_state *state, struct buddy_event *event)
{
    double number = 0;
    base_event(words, state, event);
    event->type = BUDDY_EVENT_STATE_CHANGED;
    if (has(words, "answer to SEND_STATE_INFO")) {
        event->command_id = buddy_number(11);
    } else if (strncmp(words, "state", 5) == 0) {
        enum buddy_device_state device = device_in(words);
        if (device == BUDDY_PRINTING || device == BUDDY_PAUSED) {
            words_job(state);
        }
        state->device = device;
    } else if (number_behind(words, "dialog ", &number)) {
        if (has(words, "job is present")) {
            words_job(state);
        }
        state->device =
            has(words, "title BSOD") || has(words, "title, empty") ? BUDDY_ERROR : BUDDY_ATTENTION;
        state->dialog.shown = true;
        state->dialog.id = (uint32_t)number;
        dialog_words(words, &state->dialog);
    }
}

static void cancelable_words(const char *words, struct buddy_state *state,
                             struct buddy_event *event)
{
    static char names[BUDDY_OBJECT_NAMES][BUDDY_OBJECT_NAME_BYTES]; /* of one state at a time */
    int count = atoi(words);
    base_event(words, state, event);
    memset(names, 0, sizeof names);
    state->object_names = (const char(*)[BUDDY_OBJECT_NAME_BYTES])names;
    event->type = BUDDY_EVENT_CANCELABLE_CHANGED;
    if (has(words, "one object")) {
        count = 1;
    }
    if (count > 0) {
        words_job(state);
    }
    state->job_objects = (uint32_t)count;
    for (int i = 0; i < count && i < BUDDY_OBJECT_NAMES; i++) {
        snprintf(names[i], BUDDY_OBJECT_NAME_BYTES, "Cube_id_%d_copy_0", i);
    }
    snprintf(names[1], BUDDY_OBJECT_NAME_BYTES, "Cone \"2\" é");
    if (has(words, "one object")) {
        snprintf(names[0], BUDDY_OBJECT_NAME_BYTES, "%.31s",
                 "An object with a very long name that is cut");
    }
    for (int i = 0; i < BUDDY_OBJECTS; i++) {
        char cancelled[32];
        snprintf(cancelled, sizeof cancelled, "number %d cancelled", i);
        if (has(words, cancelled)) {
            state->job_objects_cancelled |= UINT64_C(1) << i;
        }
    }
}

void words_event(const char *kind, const char *words, struct buddy_state *state,
                 struct buddy_event *event, char text[512])
{
    if (strcmp(kind, "transfer") == 0) {
        transfer_event_words(words, state, event);
        return;
    }
    *event = (struct buddy_event){0};
    if (strcmp(kind, "info") == 0) {
        info_words(words, state, event);
    } else if (strcmp(kind, "simple") == 0) {
        simple_words(words, state, event);
    } else if (strcmp(kind, "jobinfo") == 0) {
        job_words(words, state, event);
    } else if (strcmp(kind, "fileinfo") == 0) {
        file_words(words, state, event, text);
    } else if (strcmp(kind, "filechanged") == 0) {
        changed_words(words, state, event, text);
    } else if (strcmp(kind, "state") == 0) {
        state_words(words, state, event);
    } else {
        assert(strcmp(kind, "cancelable") == 0);
        cancelable_words(words, state, event);
    }
}
