#include <stdio.h>
#include <string.h>

#include "sim/protocol/connect/buddy_render.h"

static const char *const event_names[BUDDY_EVENTS] = {
    "INFO",
    "ACCEPTED",
    "REJECTED",
    "JOB_INFO",
    "FILE_INFO",
    "TRANSFER_INFO",
    "FINISHED",
    "FAILED",
    "TRANSFER_STOPPED",
    "TRANSFER_ABORTED",
    "TRANSFER_FINISHED",
    "FILE_CHANGED",
    "CANCELABLE_CHANGED",
    "STATE_CHANGED",
};

static const char *const machine_reason_names[] = {
    NULL, "TRANSFER_IN_PROGRESS", "FILE_EXISTS", "STORAGE_FAILURE", "NETWORK_FAILURE", "NOT_READY",
};

const char *buddy_event_name(enum buddy_event_type type)
{
    return event_names[type];
}

/* Everything that a part of an event is made of. */
struct rendering {
    struct buddy_message *message;
    const struct buddy_build *build;
    const struct buddy_state *state;
    const struct buddy_files *files;
    const struct buddy_event *event;
    struct buddy_entry entry; /* at event->path, or at the job's */
    bool found;
    const struct buddy_ended_job *ended; /* that JOB_INFO is about; NULL: the current one */
};

/* ---- INFO ---- */

static void interface(struct buddy_message *message, const struct buddy_interface *interface,
                      const char *mac_name, const char *ipv4_name)
{
    char text[24];
    const uint8_t *mac = interface->mac, *ip = interface->ipv4;
    snprintf(text, sizeof text, "%02X:%02X:%02X:%02X:%02X:%02X", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    buddy_text(message, mac_name, text);
    snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    buddy_text(message, ipv4_name, text);
}

static void network_info(struct buddy_message *message, const struct buddy_state *state)
{
    buddy_object(message, "network_info");
    if (state->lan.up) {
        interface(message, &state->lan, "lan_mac", "lan_ipv4");
    }
    if (state->wifi.up) {
        if (*state->ssid != '\0') {
            buddy_text(message, "wifi_ssid", state->ssid);
        }
        interface(message, &state->wifi, "wifi_mac", "wifi_ipv4");
    }
    buddy_text(message, "hostname", state->hostname);
    buddy_object_end(message);
}

static void storages(struct buddy_message *message, const struct buddy_state *state)
{
    buddy_array(message, "storages");
    if (state->usb) {
        buddy_object(message, NULL);
        buddy_text(message, "mountpoint", "/usb");
        buddy_text(message, "type", "USB");
        buddy_bool(message, "read_only", false);
        buddy_int(message, "free_space", (int64_t)state->usb_free_bytes);
        buddy_bool(message, "is_sfn", true);
        buddy_object_end(message);
    }
    buddy_array_end(message);
}

static void tools(struct buddy_message *message, const struct buddy_state *state)
{
    buddy_object(message, "tools");
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        if ((state->slot_mask >> i & 1U) != 0) {
            const struct buddy_slot *slot = &state->slots[i];
            char name[] = {(char)('1' + i), '\0'};
            buddy_object(message, name);
            buddy_fixed(message, "nozzle_diameter", (double)slot->nozzle_diameter_mm, 2);
            buddy_bool(message, "high_flow", slot->high_flow);
            buddy_bool(message, "hardened", slot->hardened);
            buddy_text(message, "material", slot->material[0] == '\0' ? "---" : slot->material);
            buddy_object_end(message);
        }
    }
    buddy_object_end(message);
}

static void enclosure(struct buddy_message *message, const struct buddy_state *state)
{
    /* The preset materials that need it (PFB: src/common/filament.cpp). */
    static const char *const filtered[] = {"ASA", "PC", "ABS", "HIPS", "PP", "FLEX"};
    buddy_object(message, "enclosure");
    buddy_bool(message, "enabled", state->enclosure.enabled);
    buddy_bool(message, "printing_filtration", state->enclosure.printing_filtration);
    buddy_bool(message, "post_print", state->enclosure.post_print);
    buddy_int(message, "post_print_filtration_time", state->enclosure.post_print_s);
    buddy_int(message, "filter_lifetime", BUDDY_FILTER_LIFETIME_S);
    buddy_array(message, "filtration_filaments");
    for (size_t i = 0; i < sizeof filtered / sizeof filtered[0]; i++) {
        buddy_text(message, NULL, filtered[i]);
    }
    buddy_array_end(message);
    buddy_object_end(message);
}

static void info(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    const struct buddy_state *state = r->state;
    char text[48];
    buddy_object(message, "data");
    buddy_text(message, "firmware", state->firmware);
    snprintf(text, sizeof text, "%d.%d.%d", r->build->type, r->build->version,
             r->build->subversion);
    buddy_text(message, "printer_type", text);
    buddy_text(message, "sn", state->serial);
    buddy_bool(message, "appendix", state->appendix);
    buddy_text(message, "fingerprint", state->fingerprint);
    buddy_fixed(message, "nozzle_diameter",
                (double)state->slots[buddy_preferred_head(r->build, state)].nozzle_diameter_mm, 2);
    buddy_bool(message, "transfer_paused", !state->can_start_download);
    if (*state->api_key != '\0') {
        buddy_text(message, "api_key", state->api_key);
    }
    storages(message, state);
    network_info(message, state);
    tools(message, state);
    if (r->build->enclosure && state->enclosure.present) {
        enclosure(message, state);
    }
    if (r->build->mmu) {
        snprintf(text, sizeof text, "%d.%d.%d", state->mmu_version[0], state->mmu_version[1],
                 state->mmu_version[2]);
        buddy_object(message, "mmu");
        buddy_bool(message, "enabled", buddy_slot_count(state) > 1);
        buddy_text(message, "version", text);
        buddy_object_end(message);
    }
    if (r->build->chamber) {
        buddy_bool(message, "addon_power", state->addon_power);
    }
    buddy_int(message, "slots", buddy_slot_count(state));
    buddy_object_end(message);
}

/* ---- jobs and files ---- */

static void stat_members(struct buddy_message *message, const struct buddy_entry *entry, bool found)
{
    if (found && entry->has_stat) {
        buddy_int(message, "size", (int64_t)entry->size);
        buddy_int(message, "m_timestamp", entry->modified_s);
    }
}

static void job_info(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    const struct buddy_state *state = r->state;
    buddy_object(message, "data");
    if (r->ended != NULL) {
        buddy_text(message, "state", r->ended->finished ? "FIN_OK" : "FIN_STOPPED");
    } else {
        buddy_text(message, "state", state->device == BUDDY_PRINTING ? "PRINTING" : "PAUSED");
        stat_members(message, &r->entry, r->found);
        buddy_text(message, "display_name",
                   state->job_name != NULL ? state->job_name : buddy_path_name(state->job_path));
        if (r->event->start_cmd_id.known) {
            buddy_int(message, "start_cmd_id", r->event->start_cmd_id.value);
        }
        buddy_text(message, "path", state->job_path);
    }
    buddy_object_end(message);
}

static const char *long_name(const struct rendering *r)
{
    return r->found && r->entry.long_name[0] != '\0' ? r->entry.long_name
                                                     : buddy_path_name(r->event->path);
}

static void file_info(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    const char *path = r->event->path;
    struct buffer short_path = {0};
    buddy_short_path(&short_path, path, &r->entry);
    buddy_object(message, "data");
    if (r->entry.folder) {
        buddy_folder_details(message, r->files, path);
    } else {
        buddy_file_details(message, path, r->entry.content);
    }
    stat_members(message, &r->entry, true);
    buddy_bool(message, "read_only", r->entry.read_only);
    buddy_text(message, "display_name", long_name(r));
    buddy_text(message, "type", r->entry.folder ? "FOLDER" : buddy_file_type(path));
    buddy_text(message, "path", buffer_text(&short_path));
    buddy_object_end(message);
    buffer_free(&short_path);
}

static void file_changed(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    struct buffer short_path = {0};
    buddy_short_path(&short_path, r->event->path, r->found ? &r->entry : NULL);
    buddy_object(message, "data");
    if (r->state->usb) {
        buddy_int(message, "free_space", (int64_t)r->state->usb_free_bytes);
    }
    buddy_text(message, r->event->incident == BUDDY_INCIDENT_DELETED ? "old_path" : "new_path",
               buffer_text(&short_path));
    if (r->event->incident == BUDDY_INCIDENT_COMBINED) {
        buddy_bool(message, "rescan", true);
    }
    buddy_object(message, "file");
    stat_members(message, &r->entry, r->found);
    buddy_text(message, "type", r->event->is_file ? buddy_file_type(r->event->path) : "FOLDER");
    buddy_text(message, "name", long_name(r));
    buddy_object_end(message);
    buddy_object_end(message);
    buffer_free(&short_path);
}

/* ---- transfers ---- */

static void transfer_info(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    const struct buddy_transfer *transfer = &r->state->transfer;
    buddy_object(message, "data");
    if (transfer->running) {
        buddy_int(message, "size", (int64_t)transfer->size_bytes);
        buddy_int(message, "transferred", (int64_t)transfer->received_bytes);
        buddy_fixed(message, "progress", buddy_transfer_percent(transfer), 1);
        buddy_int(message, "time_remaining", buddy_transfer_remaining_s(transfer));
        buddy_int(message, "time_transferring", transfer->seconds);
        if (transfer->destination != NULL) {
            buddy_text(message, "path", transfer->destination);
        }
        if (r->event->start_cmd_id.known) {
            buddy_int(message, "start_cmd_id", r->event->start_cmd_id.value);
        }
        buddy_text(message, "type", transfer->from_connect ? "FROM_CONNECT" : "FROM_CLIENT");
    } else {
        buddy_text(message, "type", "NO_TRANSFER");
    }
    buddy_object_end(message);
}

static void transfer_end(const struct rendering *r)
{
    if (r->event->start_cmd_id.known) {
        buddy_object(r->message, "data");
        buddy_int(r->message, "start_cmd_id", r->event->start_cmd_id.value);
        buddy_object_end(r->message);
    }
}

/* ---- what is on the screen ---- */

static void cancelable(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    buddy_object(message, "data");
    buddy_array(message, "objects");
    for (uint32_t i = 0; i < r->state->job_objects; i++) {
        buddy_object(message, NULL);
        if (i < BUDDY_OBJECT_NAMES) {
            buddy_text(message, "name", r->state->object_names[i]);
        }
        buddy_bool(message, "canceled",
                   i < BUDDY_OBJECTS && (r->state->job_objects_cancelled >> i & 1U) != 0);
        buddy_int(message, "id", i);
        buddy_object_end(message);
    }
    buddy_array_end(message);
    buddy_object_end(message);
}

static void state_changed(const struct rendering *r)
{
    struct buddy_message *message = r->message;
    const struct buddy_dialog *dialog = &r->state->dialog;
    buddy_object(message, "data");
    if (dialog->shown && dialog->coded) {
        char code[16];
        snprintf(code, sizeof code, "%05d", buddy_error_code(r->build, dialog->code));
        buddy_text(message, "code", code);
    }
    if (dialog->shown && dialog->title != NULL) {
        buddy_text(message, "title", dialog->title);
    }
    if (dialog->shown && dialog->text != NULL) {
        buddy_text(message, "text", dialog->text);
    }
    if (dialog->shown && dialog->has_buttons) {
        buddy_array(message, "buttons");
        for (int i = 0; i < dialog->button_count && i < r->build->buttons; i++) {
            buddy_text(message, NULL, buddy_button_name(dialog->buttons[i]));
        }
        buddy_array_end(message);
    }
    buddy_object_end(message);
}

/* ---- the whole ---- */

static void data(const struct rendering *r)
{
    switch (r->event->type) {
    case BUDDY_EVENT_INFO:
        info(r);
        break;
    case BUDDY_EVENT_JOB_INFO:
        job_info(r);
        break;
    case BUDDY_EVENT_FILE_INFO:
        file_info(r);
        break;
    case BUDDY_EVENT_TRANSFER_INFO:
        transfer_info(r);
        break;
    case BUDDY_EVENT_TRANSFER_STOPPED:
    case BUDDY_EVENT_TRANSFER_ABORTED:
    case BUDDY_EVENT_TRANSFER_FINISHED:
        transfer_end(r);
        break;
    case BUDDY_EVENT_FILE_CHANGED:
        file_changed(r);
        break;
    case BUDDY_EVENT_CANCELABLE_CHANGED:
        cancelable(r);
        break;
    case BUDDY_EVENT_STATE_CHANGED:
        state_changed(r);
        break;
    case BUDDY_EVENT_ACCEPTED:
    case BUDDY_EVENT_REJECTED:
    case BUDDY_EVENT_FINISHED:
    case BUDDY_EVENT_FAILED:
    case BUDDY_EVENTS:
        break;
    }
}

/* Why an event can't be told; NULL: it can. Finds what it is about. */
static const char *refusal(struct rendering *r)
{
    const struct buddy_event *event = r->event;
    const struct buddy_state *state = r->state;
    if (event->path != NULL) {
        r->found = r->files->class->look(r->files->owner, event->path, &r->entry);
        return event->type == BUDDY_EVENT_FILE_INFO && !r->found ? "File not found" : NULL;
    }
    if (event->type != BUDDY_EVENT_JOB_INFO) {
        return NULL;
    }
    if (state->job && (!event->job_id.known || event->job_id.value == state->job_id)) {
        r->found = r->files->class->look(r->files->owner, state->job_path, &r->entry);
        return NULL;
    }
    for (int i = 0; event->job_id.known && i < state->ended_count; i++) {
        if (state->ended[i].id == event->job_id.value) {
            r->ended = &state->ended[i];
            return NULL;
        }
    }
    return state->job ? "Job ID doesn't match" : "No job in progress";
}

void buddy_render_event(struct buddy_message *message, const struct buddy_build *build,
                        const struct buddy_state *state, const struct buddy_files *files,
                        const struct buddy_event *event)
{
    struct buddy_event told = *event;
    struct rendering r = {
        .message = message, .build = build, .state = state, .files = files, .event = &told};
    const char *refused = refusal(&r);
    if (refused != NULL) {
        told = (struct buddy_event){
            .type = BUDDY_EVENT_REJECTED, .command_id = event->command_id, .reason = refused};
    }
    buddy_message_clear(message);
    buddy_object(message, NULL);
    if (state->job && told.type != BUDDY_EVENT_ACCEPTED && told.type != BUDDY_EVENT_REJECTED) {
        buddy_int(message, "job_id", state->job_id);
    }
    if (told.reason != NULL) {
        buddy_text(message, "reason", told.reason);
    }
    if (told.machine_reason != BUDDY_REASON_NONE) {
        buddy_text(message, "machine_reason", machine_reason_names[told.machine_reason]);
    }
    data(&r);
    if (state->dialog.shown) {
        buddy_int(message, "dialog_id", state->dialog.id);
    }
    buddy_text(message, "state", buddy_device_state_name(state->device));
    if (told.command_id.known) {
        buddy_int(message, "command_id", told.command_id.value);
    }
    if (told.transfer_id.known || state->transfer.running) {
        buddy_int(message, "transfer_id",
                  told.transfer_id.known ? told.transfer_id.value : state->transfer.id);
    }
    buddy_text(message, "event", event_names[told.type]);
    buddy_object_end(message);
}
