/* What the server believes of a printer: telemetry and INFO are merged, absent keys keep their
 * value (connect-sdk.md 4.4, 6.4). Ids that belong to the moment (job, transfer, running command)
 * are those of the last message. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "mockservers/connect/merge.h"
#include "mockservers/connect/tree.h"
#include "sim/base/hash.h"
#include "sim/base/memory.h"

int64_t json_whole_of(const cJSON *object, const char *key, int64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || fabs(item->valuedouble) > 9007199254740992.0) {
        return fallback;
    }
    return (int64_t)item->valuedouble;
}

static bool set_state(struct connect_printer *printer, const char *bytes, size_t size)
{
    if (size == 0 || size >= sizeof printer->state) {
        return false;
    }
    memcpy(printer->state, bytes, size);
    printer->state[size] = '\0';
    return true;
}

/* ---- telemetry ---- */

static const char minimal_start[] = "{\"state\": \"";
static const char minimal_end[] = "\"}";

/* `{"state": "IDLE"}`, most of what an idle printer says (4.4): its state, without building a tree.
 */
static struct slice minimal_state(struct slice body)
{
    size_t start = sizeof minimal_start - 1, end = sizeof minimal_end - 1;
    if (body.size <= start + end || memcmp(body.bytes, minimal_start, start) != 0 ||
        memcmp(body.bytes + body.size - end, minimal_end, end) != 0) {
        return (struct slice){0};
    }
    for (size_t i = start; i < body.size - end; i++) {
        if (body.bytes[i] < 'A' || body.bytes[i] > 'Z') {
            return (struct slice){0};
        }
    }
    return (struct slice){body.bytes + start, body.size - start - end};
}

static void set_moment(struct connect_printer *printer, const cJSON *body)
{
    printer->job_id = json_whole_of(body, "job_id", 0);
    int64_t transfer_id = json_whole_of(body, "transfer_id", -1);
    printer->transfer_id = transfer_id < 0 || transfer_id > UINT32_MAX ? -1 : transfer_id;
}

/* Members of a telemetry that belong to the moment alone, and those that end with their transfer.
 */
static const char *const momentary[] = {"state",
                                        "job_id",
                                        "transfer_id",
                                        "command_id",
                                        "transfer_progress",
                                        "transfer_time_remaining",
                                        "transfer_transferred",
                                        "time_transferring",
                                        NULL};
static const char *const of_any_moment[] = {"state", "job_id", "transfer_id", "command_id", NULL};

static void merge_telemetry(struct connect_printer *printer, struct slice body, bool transfer_over)
{
    struct connect_server *server = printer->server;
    bool forgets = misbehaves(server, printer, MISBEHAVE_FORGET_TELEMETRY);
    const char *known = forgets || printer->telemetry == NULL ? "{}" : printer->telemetry;
    struct buffer *merged = &server->merged;
    buffer_clear(merged);
    json_merge(merged, slice_of(known), body, transfer_over ? momentary : of_any_moment);
    if (printer->telemetry == NULL || strlen(printer->telemetry) != merged->size) {
        printer->telemetry = memory_resize(printer->telemetry, merged->size + 1);
    }
    memcpy(printer->telemetry, merged->bytes, merged->size + 1);
}

static bool take_telemetry(struct connect_printer *printer, struct slice body)
{
    cJSON *tree = cJSON_ParseWithLength(body.bytes, body.size);
    const char *state = json_string_of(tree, "state");
    if (!cJSON_IsObject(tree) || state == NULL || !set_state(printer, state, strlen(state))) {
        cJSON_Delete(tree);
        return false;
    }
    int64_t transfer_before = printer->transfer_id;
    set_moment(printer, tree);
    printer->telemetry_command_id = json_whole_of(tree, "command_id", -1);
    if (printer->transfers != NULL) {
        view_transfer_telemetry(printer, tree);
    }
    merge_telemetry(printer, body, transfer_before >= 0 && printer->transfer_id < 0);
    cJSON_Delete(tree);
    return true;
}

static void seen_telemetry(struct connect_printer *printer)
{
    printer->telemetry_count++;
    printer->last_telemetry_us = printer->server->world->now_us;
    if (printer->running != NULL) {
        commands_seen_in_telemetry(printer);
    }
}

/* Nothing is believed: it is read only where that says what becomes of a command. */
static bool count_telemetry(struct connect_printer *printer, struct slice body)
{
    cJSON *tree = printer->running == NULL ? NULL : cJSON_ParseWithLength(body.bytes, body.size);
    printer->telemetry_command_id = json_whole_of(tree, "command_id", -1);
    cJSON_Delete(tree);
    seen_telemetry(printer);
    tell_changed(printer, NULL);
    return true;
}

bool view_telemetry(struct connect_printer *printer, struct slice body, const char **why)
{
    if (printer->server->settings.no_view) {
        return count_telemetry(printer, body);
    }
    bool misbehaving = printer->server->misbehaving != NULL;
    uint64_t hash = hash_bytes(body.bytes, body.size);
    if (!misbehaving && printer->last_body == hash && body.size > 0) {
        seen_telemetry(printer);
        return true;
    }
    struct slice state = misbehaving ? (struct slice){0} : minimal_state(body);
    if (state.size > 0 && printer->transfer_id < 0 && set_state(printer, state.bytes, state.size)) {
        printer->job_id = 0;
        printer->telemetry_command_id = -1;
    } else if (!take_telemetry(printer, body)) {
        printer->bad_count++;
        *why = "expected a JSON object with a state";
        return false;
    }
    printer->last_body = hash;
    seen_telemetry(printer);
    tell_changed(printer, NULL);
    return true;
}

/* ---- events ---- */

/* Type, serial number and so on are told by INFO too, for a printer that came with its token. */
static void learn_identity(struct connect_printer *printer, const cJSON *data)
{
    const char *serial = json_string_of(data, "sn");
    const char *fingerprint = json_string_of(data, "fingerprint");
    const char *firmware = json_string_of(data, "firmware");
    if (serial != NULL) {
        printer_set_serial(printer, serial);
    }
    if (fingerprint != NULL && printer->fingerprint == NULL) {
        printer_set_fingerprint(printer, fingerprint, strlen(fingerprint));
    }
    if (firmware != NULL) {
        replace_text(&printer->firmware, firmware);
    }
    if (json_string_of(data, "printer_type") != NULL) { /* Buddy printers have it in one */
        replace_text(&printer->type, json_string_of(data, "printer_type"));
    }
    int64_t type = json_whole_of(data, "type", -1), version = json_whole_of(data, "version", -1);
    int64_t subversion = json_whole_of(data, "subversion", -1);
    if (type >= 0 && version >= 0 && subversion >= 0) {
        struct buffer text = {0};
        buffer_format(&text, "%lld.%lld.%lld", (long long)type, (long long)version,
                      (long long)subversion);
        replace_text(&printer->type, text.bytes);
        buffer_free(&text);
    }
}

static void keep(struct connect_printer *printer, struct document **place, const cJSON *tree)
{
    struct documents *documents = &printer->server->documents;
    struct document *fresh = tree == NULL ? NULL : documents_keep_tree(documents, tree);
    documents_release(documents, *place);
    *place = fresh;
}

static void take_info(struct connect_printer *printer, const cJSON *data)
{
    learn_identity(printer, data);
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(data, "files");
    if (cJSON_IsObject(files)) {
        keep(printer, &printer->files, files);
    }
    bool forgets = misbehaves(printer->server, printer, MISBEHAVE_FORGET_INFO);
    cJSON *info = forgets ? NULL : document_read(printer->info);
    info = info == NULL ? cJSON_CreateObject() : info;
    for (const cJSON *item = data->child; item != NULL; item = item->next) {
        if (item != files) {
            cJSON_DeleteItemFromObjectCaseSensitive(info, item->string);
            cJSON_AddItemToObject(info, item->string, cJSON_Duplicate(item, true));
        }
    }
    keep(printer, &printer->info, info);
    cJSON_Delete(info);
}

static const struct {
    const char *event;
    void (*take)(cJSON **root, const cJSON *data);
} tree_changes[] = {
    {"MEDIUM_INSERTED", connect_tree_insert},
    {"MEDIUM_EJECTED", connect_tree_eject},
    {"FILE_CHANGED", connect_tree_change},
};

static void take_data(struct connect_printer *printer, const char *event, const cJSON *data)
{
    if (strcmp(event, "INFO") == 0) {
        take_info(printer, data);
    }
    for (size_t i = 0; i < sizeof tree_changes / sizeof tree_changes[0]; i++) {
        if (strcmp(tree_changes[i].event, event) == 0) {
            cJSON *files = document_read(printer->files);
            tree_changes[i].take(&files, data);
            keep(printer, &printer->files, files);
            cJSON_Delete(files);
        }
    }
}

static bool transfer_id_refused(struct connect_printer *printer, const cJSON *tree)
{
    return json_whole_of(tree, "transfer_id", 0) > INT32_MAX &&
           misbehaves(printer->server, printer, MISBEHAVE_SIGNED_TRANSFER);
}

static void believe_event(struct connect_printer *printer, const char *event, const cJSON *tree)
{
    const char *state = json_string_of(tree, "state");
    if (state != NULL) {
        set_state(printer, state, strlen(state));
    }
    set_moment(printer, tree);
    printer->last_body = 0; /* an equal telemetry says something new after this */
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
    if (cJSON_IsObject(data)) {
        take_data(printer, event, data);
    }
    view_transfer_event(printer, event, tree, data); /* its end may come without any (BUD-TRN-18) */
}

bool view_event(struct connect_printer *printer, struct slice body, const char **why)
{
    cJSON *tree = cJSON_ParseWithLength(body.bytes, body.size);
    const char *event = json_string_of(tree, "event");
    if (!cJSON_IsObject(tree) || event == NULL || transfer_id_refused(printer, tree)) {
        cJSON_Delete(tree);
        printer->bad_count++;
        *why = "expected a JSON object with an event";
        return false;
    }
    printer->event_count++;
    if (!printer->server->settings.no_view) {
        believe_event(printer, event, tree);
    }
    commands_answered(printer, tree, body);
    tell_changed(printer, tree);
    cJSON_Delete(tree);
    return true;
}
