#include <math.h>
#include <string.h>

#include "sim/protocol/connect/sdk_transfer.h"

/* Events (connect-sdk.md 6): the envelope with its order of keys and its dropped zeros, and INFO.
 * SDK: prusa/connect/printer/models.py */

bool sdk_event_open(struct connect_sdk *sdk, struct sdk_event *event, enum connect_event_name name,
                    enum state_source source, const char *timestamp)
{
    if (sdk->token == NULL) {
        return false;
    }
    event->item = sdk_item_new(sdk, SDK_EVENT, timestamp);
    event->name = name;
    json_begin(&event->json, &event->item->body, JSON_PYTHON);
    json_object(&event->json, NULL);
    json_string(&event->json, "event",
                connect_event_text(name == CONNECT_EVENT_DEFAULT ? CONNECT_FINISHED : name));
    json_string(&event->json, "source", state_source_name(source));
    return true;
}

void sdk_event_close(struct connect_sdk *sdk, struct sdk_event *event,
                     const struct connect_event *envelope, enum printer_state state)
{
    struct json_writer *json = &event->json;
    uint32_t job_id = envelope->with_job_id ? envelope->job_id : sdk->job_id;
    bool known = envelope->command_id != 0 || !sdk_quirk(sdk, CONNECT_QUIRK_ID_ZERO);
    if (envelope->with_command_id && known) {
        json_int(json, "command_id", envelope->command_id);
    }
    if (job_id != 0) {
        json_int(json, "job_id", job_id);
    }
    bool of_transfer =
        event->name >= CONNECT_TRANSFER_INFO && event->name <= CONNECT_TRANSFER_FINISHED;
    uint32_t transfer_id = sdk_transfer_shown_id(sdk, of_transfer);
    if (transfer_id != 0) {
        json_int(json, "transfer_id", transfer_id);
    }
    if (envelope->reason != NULL && *envelope->reason != '\0') {
        json_string(json, "reason", envelope->reason);
    }
    if (envelope->dialog_id != 0 && sdk->version != CONNECT_SDK_0_7_1) {
        json_int(json, "dialog_id", envelope->dialog_id);
    }
    json_string(json, "state", printer_state_name(state));
    json_object_end(json);
    sdk_initialised(sdk);
    sdk_put(sdk, event->item);
}

static void send_in_state(struct connect_sdk *sdk, const struct connect_event *event,
                          enum printer_state state)
{
    struct sdk_event open;
    if (!sdk_event_open(sdk, &open, event->event, event->source, event->timestamp)) {
        return;
    }
    if (event->data == NULL) {
        json_raw(&open.json, "data", "{}", 2);
    } else {
        json_raw(&open.json, "data", event->data, event->data_size);
    }
    sdk_event_close(sdk, &open, event, state);
}

void sdk_send_event(struct connect_sdk *sdk, const struct connect_event *event)
{
    send_in_state(sdk, event, (enum printer_state)sdk->state);
}

void connect_sdk_event(struct connect_sdk *sdk, const struct connect_event *event)
{
    sdk_send_event(sdk, event);
}

void connect_sdk_set_state(struct connect_sdk *sdk, enum printer_state state,
                           const struct connect_event *event)
{
    if (state == STATE_PRINTING) {
        sdk->ready = false;
    }
    sdk->state = (uint8_t)state;
    struct connect_event changed = *event;
    changed.event = CONNECT_STATE_CHANGED;
    changed.data = NULL;
    send_in_state(sdk, &changed, state);
}

static void write_network(struct json_writer *json, const struct connect_info *info)
{
    static const char *const keys[CONNECT_NETWORK_MEMBERS] = {
        [CONNECT_LAN_MAC] = "lan_mac",     [CONNECT_LAN_IPV4] = "lan_ipv4",
        [CONNECT_LAN_IPV6] = "lan_ipv6",   [CONNECT_WIFI_MAC] = "wifi_mac",
        [CONNECT_WIFI_IPV4] = "wifi_ipv4", [CONNECT_WIFI_IPV6] = "wifi_ipv6",
        [CONNECT_WIFI_SSID] = "wifi_ssid", [CONNECT_HOSTNAME] = "hostname",
        [CONNECT_USERNAME] = "username",   [CONNECT_DIGEST] = "digest",
    };
    json_object(json, "network_info");
    for (size_t i = 0; i < CONNECT_NETWORK_MEMBERS; i++) {
        size_t member = info->network_order == NULL ? i : (size_t)info->network_order[i];
        if (info->network[member] != NULL) {
            json_string(json, keys[member], info->network[member]);
        }
    }
    json_object_end(json);
}

static void write_sheets(struct json_writer *json, const struct connect_info *info)
{
    if (info->mesh != NULL) {
        json_array(json, "mbl");
        for (size_t i = 0; i < info->mesh_count; i++) {
            json_float(json, NULL, info->mesh[i]);
        }
        json_array_end(json);
    }
    if (info->sheets != NULL) {
        json_array(json, "sheet_settings");
        for (size_t i = 0; i < info->sheet_count; i++) {
            json_object(json, NULL);
            json_string(json, "name", info->sheets[i].name);
            json_float(json, "z_offset", info->sheets[i].z_offset_mm);
            json_object_end(json);
        }
        json_array_end(json);
    }
    if (info->active_sheet >= 0) {
        json_int(json, "active_sheet", info->active_sheet);
    }
}

static void write_mmu(struct json_writer *json, const struct connect_info *info)
{
    enum { MMU3_SLOTS = 5 };
    json_object(json, "mmu");
    json_bool(json, "enabled", info->mmu_enabled);
    if (info->mmu_version != NULL) {
        json_string(json, "version", info->mmu_version);
    }
    json_object_end(json);
    if (info->mmu_enabled) {
        json_int(json, "slots", MMU3_SLOTS);
    }
}

static void write_known(struct json_writer *json, const char *key, const char *value)
{
    if (value != NULL) {
        json_string(json, key, value);
    }
}

void sdk_write_info(struct connect_sdk *sdk, struct json_writer *json)
{
    struct connect_info info = {.active_sheet = -1, .mmu_supported = true};
    sdk->host_class->info(sdk->host, &info);
    if (sdk->type_known) {
        json_int(json, "type", sdk->type.type);
        json_int(json, "version", sdk->type.version);
        json_int(json, "subversion", sdk->type.subversion);
    }
    write_known(json, "firmware", sdk->firmware);
    json_string(json, "sdk", connect_sdk_version_name((enum connect_sdk_version)sdk->version));
    write_network(json, &info);
    write_known(json, "api_key", info.api_key);
    sdk_write_tree(sdk, json, "files");
    write_known(json, "sn", sdk->serial);
    write_known(json, "fingerprint", sdk->fingerprint);
    write_sheets(json, &info);
    if (info.mmu_supported && sdk->version != CONNECT_SDK_0_7_1) { /* connect-sdk.md 12 */
        write_mmu(json, &info);
    }
    if (sdk->host_class->info_more != NULL) {
        sdk->host_class->info_more(sdk->host, json);
    }
}

void connect_sdk_send_info(struct connect_sdk *sdk, enum state_source source)
{
    struct sdk_event event;
    if (sdk_event_open(sdk, &event, CONNECT_INFO, source, NULL)) {
        json_object(&event.json, "data");
        sdk_write_info(sdk, &event.json);
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}
