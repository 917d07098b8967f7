#include "sim/protocol/connect/prusalink_face.h"

#include <string.h>

/* What the SDK asks its host for: INFO, the tree, conditions (connect-sdk.md 6.3, 6.4, 8, 11). */

static const char *mmu_version(const struct connect_face *face)
{
    return face->settings->mmu_version == NULL ? "3.0.3" : face->settings->mmu_version;
}

/* PrusaLink has a record of its own (LINK: prusa/link/printer_adapter/structures/model_classes.py).
 */
static const enum connect_network_member network_order[CONNECT_NETWORK_MEMBERS] = {
    CONNECT_LAN_IPV4, CONNECT_LAN_IPV6,  CONNECT_LAN_MAC,  CONNECT_WIFI_IPV4, CONNECT_WIFI_IPV6,
    CONNECT_WIFI_MAC, CONNECT_WIFI_SSID, CONNECT_HOSTNAME, CONNECT_USERNAME,  CONNECT_DIGEST,
};

static void info(void *host, struct connect_info *info)
{
    struct connect_face *face = host;
    const struct connect_face_settings *settings = face->settings;
    bool given = false;
    for (int i = 0; i < CONNECT_NETWORK_MEMBERS; i++) {
        info->network[i] = settings->network[i];
        given |= i != CONNECT_HOSTNAME && settings->network[i] != NULL;
    }
    if (!given && (face_is_prusalink(face) || face_is_sl1(face))) {
        info->network[CONNECT_LAN_IPV4] = face->lan_ipv4;
        info->network[CONNECT_LAN_MAC] = face->lan_mac;
        info->network[CONNECT_HOSTNAME] = connect_face_hostname(face);
    }
    info->api_key = face->api_key_set ? face->api_key : settings->api_key;
    info->mesh = machine_mesh(face->machine, &info->mesh_count);
    if (face_is_prusalink(face)) {
        info->network_order = network_order;
        info->sheets = settings->sheets;
        info->sheet_count = settings->sheet_count;
        info->active_sheet = face->active_sheet;
        info->mmu_enabled = machine_model(face->machine)->mmu;
        info->mmu_version = info->mmu_enabled ? mmu_version(face) : NULL;
    }
}

static void info_more(void *host, struct json_writer *data)
{
    struct connect_face *face = host;
    if (!face_is_prusalink(face)) {
        return;
    }
    const char *version = face_version(face);
    json_float(data, "nozzle_diameter", machine_model(face->machine)->nozzle_diameter_mm);
    json_string(data, "prusa_link", version);
    json_string(data, "prusalink", version);
}

static void send_info_part(struct connect_face *face, enum state_source source, struct buffer *data)
{
    connect_sdk_event(face->sdk, &(struct connect_event){.event = CONNECT_INFO,
                                                         .source = source,
                                                         .data = buffer_text(data),
                                                         .data_size = data->size});
    buffer_free(data);
}

void face_send_sheets(struct connect_face *face)
{
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_array(&json, "sheet_settings");
    for (size_t i = 0; i < face->settings->sheet_count; i++) {
        json_object(&json, NULL);
        json_string(&json, "name", face->settings->sheets[i].name);
        json_float(&json, "z_offset", face->settings->sheets[i].z_offset_mm);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    send_info_part(face, SOURCE_USER, &data);
}

void face_send_active_sheet(struct connect_face *face)
{
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_int(&json, "active_sheet", face->active_sheet);
    json_object_end(&json);
    send_info_part(face, SOURCE_USER, &data);
}

void face_send_mmu(struct connect_face *face)
{
    const struct model *model = machine_model(face->machine);
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    if (model->mmu) {
        json_int(&json, "slots", model->mmu_slots);
    }
    json_object(&json, "mmu");
    json_bool(&json, "enabled", model->mmu);
    if (model->mmu) {
        json_string(&json, "version", mmu_version(face));
    }
    json_object_end(&json);
    json_object_end(&json);
    send_info_part(face, SOURCE_FIRMWARE, &data);
}

/* Members in PrusaLink's order (captures/connect-prusalink 03). */
void face_job_info(struct connect_face *face, struct buffer *data)
{
    const struct machine_job *job = machine_job(face->machine);
    struct json_writer json;
    int32_t value;
    json_begin(&json, data, JSON_PYTHON);
    json_object(&json, NULL);
    if (prusalink_telemetry_value(&face->telemetry, TELEMETRY_TIME_PRINTING, &value)) {
        json_int(&json, "time_printing", value);
    }
    if (prusalink_telemetry_value(&face->telemetry, TELEMETRY_TIME_REMAINING, &value)) {
        json_int(&json, "time_remaining", value);
    }
    if (prusalink_telemetry_value(&face->telemetry, TELEMETRY_PROGRESS, &value)) {
        json_int(&json, "progress", value);
    }
    if (face->job_by_command) {
        json_int(&json, "start_cmd_id", face->job_command_id);
    }
    if (job != NULL && job->path != NULL) {
        json_string(&json, "path", job->path);
        json_int(&json, "m_timestamp", job->modified_s);
        json_int(&json, "size", (int64_t)job->size_bytes);
        json_bool(&json, "from_sd", job->from_sd);
    }
    size_t count;
    const double *mesh = machine_mesh(face->machine, &count);
    if (mesh != NULL) {
        json_array(&json, "mbl");
        for (size_t i = 0; i < count; i++) {
            json_float(&json, NULL, mesh[i]);
        }
        json_array_end(&json);
    }
    json_object_end(&json);
}

static size_t storage_count(void *host)
{
    return face_storage_count(host);
}

static struct storage *storage(void *host, size_t index)
{
    return face_storage(host, index);
}

static enum storage_result make_folder(void *host, const char *path)
{
    struct connect_face *face = host;
    const char *below;
    const struct storage *storage = machine_storage_of(face->machine, path, &below);
    if (storage != NULL && storage->kind == STORAGE_SDCARD) {
        /* Defect Q-13: the folder is made in the daemon's own directory, where nobody sees it. */
        return face_quirk(face, CONNECT_QUIRK_SD_FOLDER) ? STORAGE_OK : STORAGE_READ_ONLY;
    }
    return machine_make_folder(face->machine, path);
}

static enum storage_result remove_path(void *host, const char *path, bool whole_tree)
{
    struct connect_face *face = host;
    return machine_remove(face->machine, path, whole_tree);
}

static const char *printed_file(void *host)
{
    struct connect_face *face = host;
    const struct machine_job *job = face->job_id == 0 ? NULL : machine_job(face->machine);
    return job == NULL ? NULL : job->path;
}

static void got_token(void *host, const char *token)
{
    struct connect_face *face = host;
    if (face_is_sl1(face) && face->known) {
        /* What the SL1's program says first is not public: that it is there, and what it holds, is
         * the plainest. */
        connect_sdk_send_info(face->sdk, SOURCE_CONNECT);
    }
    face_telemetry_begin(face);
    face_cameras_register(face);
    if (face->settings->events != NULL && face->settings->events->token != NULL) {
        face->settings->events->token(face->settings->owner, token);
    }
}

static void tell_failure(struct connect_face *face, const char *why)
{
    if (!face_enrolled_by_web(face) && face->settings->events != NULL &&
        face->settings->events->failed != NULL) {
        face->settings->events->failed(face->settings->owner, why);
    }
}

static void poll_ended(void *host)
{
    tell_failure(host, "the server ended the registration without a token");
}

static void condition_changed(void *host, enum connect_condition condition,
                              enum connect_condition_state state)
{
    struct connect_face *face = host;
    if (condition == CONNECT_API && state == CONNECT_CONDITION_OK) {
        face_telemetry_resend(face);
    }
    if (face->settings->events != NULL && face->settings->events->condition != NULL) {
        face->settings->events->condition(face->settings->owner, connect_sdk_broken(face->sdk));
    }
}

/* Conditions that PrusaLink breaks besides the SDK (connect-sdk.md 11). */
static void telemetry_answered(void *host, int status)
{
    struct connect_face *face = host;
    if (!face_is_prusalink(face)) {
        return;
    }
    if (status == 400) {
        connect_sdk_set_condition(face->sdk, CONNECT_API, CONNECT_CONDITION_NOK);
    } else if (status == 503) {
        connect_sdk_set_condition(face->sdk, CONNECT_HTTP, CONNECT_CONDITION_NOK);
    }
}

const struct connect_host_class face_host_class = {
    .command = face_command,
    .interrupt = face_interrupt,
    .info = info,
    .info_more = info_more,
    .storage_count = storage_count,
    .storage = storage,
    .make_folder = make_folder,
    .remove = remove_path,
    .printed_file = printed_file,
    .append = face_append,
    .rename = face_rename,
    .printed_target = face_printed_target,
    .downloaded = face_downloaded,
    .transfer = face_transfer,
    .transfer_begin = face_transfer_begin,
    .transfer_advance = face_transfer_advance,
    .transfer_end = face_transfer_end,
    .transfer_stop = face_transfer_stop,
    .got_code = face_got_code,
    .register_failed = face_register_failed,
    .got_token = got_token,
    .poll_ended = poll_ended,
    .condition_changed = condition_changed,
    .telemetry_answered = telemetry_answered,
};
