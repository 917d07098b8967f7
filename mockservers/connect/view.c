/* What the server believes of a printer: telemetry and INFO are merged, absent keys keep their value (connect-sdk.md
 * 4.4, 6.4). Ids that belong to the moment (job, transfer, running command) are those of the last message. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "mockservers/connect/tree.h"
#include "sim/base/memory.h"

enum { LAST_BODY_BYTES_MAX = 512 };

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

/* Put the members of `from` into `into`, taking them away from `from`. Numbers are overwritten in place. */
static void merge(cJSON *into, cJSON *from)
{
    for (cJSON *item = from->child, *next; item != NULL; item = next) {
        next = item->next;
        cJSON *old = cJSON_GetObjectItemCaseSensitive(into, item->string);
        if (old != NULL && cJSON_IsNumber(old) && cJSON_IsNumber(item)) {
            cJSON_SetNumberValue(old, item->valuedouble);
        } else if (old != NULL && cJSON_IsObject(old) && cJSON_IsObject(item)) {
            merge(old, item);
        } else {
            cJSON_DetachItemViaPointer(from, item);
            if (old != NULL) {
                cJSON_ReplaceItemViaPointer(into, old, item);
            } else {
                cJSON_AddItemToObject(into, item->string, item);
            }
        }
    }
}

/* ---- telemetry ---- */

static const char minimal_start[] = "{\"state\": \"";
static const char minimal_end[] = "\"}";

/* `{"state": "IDLE"}`, most of what an idle printer says (4.4): its state, without building a tree. */
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

static void remember_body(struct connect_printer *printer, struct slice body)
{
    printer->last_body_size = 0;
    if (body.size > LAST_BODY_BYTES_MAX) {
        return;
    }
    if (printer->last_body_capacity < body.size) {
        printer->last_body_capacity = body.size;
        printer->last_body = memory_resize(printer->last_body, body.size);
    }
    memcpy(printer->last_body, body.bytes, body.size);
    printer->last_body_size = body.size;
}

static void set_moment(struct connect_printer *printer, const cJSON *body)
{
    printer->job_id = json_whole_of(body, "job_id", 0);
    int64_t transfer_id = json_whole_of(body, "transfer_id", -1);
    printer->transfer_id = transfer_id < 0 || transfer_id > UINT32_MAX ? -1 : transfer_id;
}

static void forget_transfer(struct connect_printer *printer)
{
    static const char *const keys[] = {"transfer_progress", "transfer_time_remaining",
                                       "transfer_transferred", "time_transferring"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(printer->telemetry, keys[i]);
    }
}

static bool merge_telemetry(struct connect_printer *printer, cJSON *body)
{
    static const char *const momentary[] = {"state", "job_id", "transfer_id", "command_id"};
    const char *state = json_string_of(body, "state");
    if (state == NULL || !set_state(printer, state, strlen(state))) {
        return false;
    }
    int64_t transfer_before = printer->transfer_id;
    set_moment(printer, body);
    printer->telemetry_command_id = json_whole_of(body, "command_id", -1);
    for (size_t i = 0; i < sizeof momentary / sizeof momentary[0]; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(body, momentary[i]);
    }
    if (misbehaves(printer->server, printer, MISBEHAVE_FORGET_TELEMETRY)) {
        cJSON_Delete(printer->telemetry);
        printer->telemetry = NULL;
    }
    if (printer->telemetry == NULL) {
        printer->telemetry = cJSON_CreateObject();
    }
    if (printer->transfers != NULL) {
        view_transfer_telemetry(printer, body);
    }
    merge(printer->telemetry, body);
    if (transfer_before >= 0 && printer->transfer_id < 0) {
        forget_transfer(printer);
    }
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

bool view_telemetry(struct connect_printer *printer, struct slice body, const char **why)
{
    bool misbehaving = printer->server->misbehaving != NULL;
    if (!misbehaving && printer->last_body_size == body.size && body.size > 0 &&
        memcmp(printer->last_body, body.bytes, body.size) == 0) {
        seen_telemetry(printer);
        return true;
    }
    struct slice state = misbehaving ? (struct slice){0} : minimal_state(body);
    if (state.size > 0 && printer->transfer_id < 0 && set_state(printer, state.bytes, state.size)) {
        printer->job_id = 0;
        printer->telemetry_command_id = -1;
    } else {
        cJSON *tree = cJSON_ParseWithLength(body.bytes, body.size);
        bool good = cJSON_IsObject(tree) && merge_telemetry(printer, tree);
        cJSON_Delete(tree);
        if (!good) {
            printer->bad_count++;
            *why = "expected a JSON object with a state";
            return false;
        }
    }
    remember_body(printer, body);
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

static void take_info(struct connect_printer *printer, const cJSON *data)
{
    learn_identity(printer, data);
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(data, "files");
    if (cJSON_IsObject(files)) {
        connect_tree_replace(&printer->files, files);
    }
    cJSON *fresh = cJSON_CreateObject();
    for (const cJSON *item = data->child; item != NULL; item = item->next) {
        if (item != files) {
            cJSON_AddItemToObject(fresh, item->string, cJSON_Duplicate(item, true));
        }
    }
    if (printer->info == NULL || misbehaves(printer->server, printer, MISBEHAVE_FORGET_INFO)) {
        cJSON_Delete(printer->info);
        printer->info = fresh;
        return;
    }
    for (cJSON *item = fresh->child, *next; item != NULL; item = next) {
        next = item->next;
        cJSON_DetachItemViaPointer(fresh, item);
        cJSON_DeleteItemFromObjectCaseSensitive(printer->info, item->string);
        cJSON_AddItemToObject(printer->info, item->string, item);
    }
    cJSON_Delete(fresh);
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
            tree_changes[i].take(&printer->files, data);
        }
    }
}

static bool transfer_id_refused(struct connect_printer *printer, const cJSON *tree)
{
    return json_whole_of(tree, "transfer_id", 0) > INT32_MAX &&
           misbehaves(printer->server, printer, MISBEHAVE_SIGNED_TRANSFER);
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
    const char *state = json_string_of(tree, "state");
    if (state != NULL) {
        set_state(printer, state, strlen(state));
    }
    set_moment(printer, tree);
    printer->last_body_size = 0; /* an equal telemetry says something new after this */
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
    if (cJSON_IsObject(data)) {
        take_data(printer, event, data);
    }
    view_transfer_event(printer, event, tree, data); /* its end may come without any (BUD-TRN-18) */
    commands_answered(printer, tree);
    tell_changed(printer, tree);
    cJSON_Delete(tree);
    return true;
}
