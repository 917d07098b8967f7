#include "sim/protocol/connect/sdk_transfer.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/python.h"

/* Transfers (connect-sdk.md 9): one at a time, begun by a command, carried out by a thread that
 * looks for work ten times a second, told by events and in every telemetry.
 * SDK: prusa/connect/printer/download.py */

struct sdk_transfer *sdk_transfer_of(struct connect_sdk *sdk)
{
    if (sdk->transfer == NULL) {
        sdk->transfer = memory_new(sizeof *sdk->transfer);
        sdk->transfer->sdk = sdk;
        timer_init(&sdk->transfer->turn, sdk_transfer_turn, sdk->transfer);
    }
    return sdk->transfer;
}

const struct transfer *sdk_other_transfer(const struct connect_sdk *sdk)
{
    bool own = sdk_transfer_runs(sdk->transfer);
    return own || sdk->host_class->transfer == NULL ? NULL : sdk->host_class->transfer(sdk->host);
}

void sdk_transfer_advanced(const struct sdk_transfer *transfer)
{
    if (transfer->slot) {
        transfer->sdk->host_class->transfer_advance(transfer->sdk->host, transfer->size,
                                                    transfer->transferred);
    }
}

static void told(const struct sdk_transfer *transfer, enum transfer_change change)
{
    const struct connect_sdk *sdk = transfer->sdk;
    if (sdk->observer_class != NULL && sdk->observer_class->transfer != NULL) {
        sdk->observer_class->transfer(sdk->observer, change);
    }
}

/* The target stays known. */
static void end(struct sdk_transfer *transfer)
{
    bool ran = sdk_transfer_runs(transfer);
    if (transfer->slot) {
        transfer->slot = false;
        transfer->sdk->host_class->transfer_end(transfer->sdk->host, transfer->over);
    }
    world_cancel(transfer->sdk->world, &transfer->turn);
    sdk_download_destroy(transfer->download);
    transfer->download = NULL;
    transfer->kind = SDK_NO_TRANSFER;
    transfer->started = transfer->stop = transfer->busy = false;
    free(transfer->path);
    free(transfer->url);
    transfer->path = transfer->url = NULL;
    if (ran) {
        told(transfer, transfer->over);
    }
}

void sdk_transfer_free(struct connect_sdk *sdk)
{
    if (sdk->transfer != NULL) {
        end(sdk->transfer);
        free(sdk->transfer->target);
        free(sdk->transfer);
        sdk->transfer = NULL;
    }
}

void connect_sdk_set_next_transfer(struct connect_sdk *sdk, uint32_t transfer_id)
{
    struct sdk_transfer *transfer = sdk_transfer_of(sdk);
    transfer->given_id = transfer_id;
    transfer->id_given = true;
}

uint32_t connect_sdk_transfer(const struct connect_sdk *sdk)
{
    return sdk_transfer_runs(sdk->transfer) ? sdk->transfer->id : 0;
}

void sdk_transfer_turn(void *owner)
{
    struct sdk_transfer *transfer = owner;
    if (sdk_transfer_runs(transfer) && !transfer->started) {
        transfer->started = true;
        sdk_download_begin(transfer);
    }
}

/* ---- what is told ---- */

uint32_t sdk_transfer_shown_id(const struct connect_sdk *sdk, bool named)
{
    const struct sdk_transfer *transfer = sdk->transfer;
    const struct transfer *other = sdk_other_transfer(sdk);
    if (other != NULL) {
        return other->id;
    }
    return sdk_transfer_runs(transfer) && (named || transfer->started) ? transfer->id : 0;
}

static double percent(const struct sdk_transfer *transfer)
{
    return transfer->size_known ? (double)transfer->transferred / (double)transfer->size * 100.0
                                : 0.0;
}

static int64_t elapsed_us(const struct sdk_transfer *transfer)
{
    return transfer->sdk->world->now_us - transfer->start_us;
}

static void write_remaining(const struct sdk_transfer *transfer, struct json_writer *json,
                            const char *key)
{
    if (transfer->stop) {
        json_int(json, key, 0);
    } else if (transfer->size_known && transfer->transferred > 0) {
        double elapsed_s = (double)elapsed_us(transfer) / 1e6;
        json_int(json, key,
                 (int64_t)((double)transfer->size / (double)transfer->transferred * elapsed_s -
                           elapsed_s));
    }
}

static void write_other(const struct connect_sdk *sdk, const struct transfer *other,
                        struct json_writer *json)
{
    int64_t remaining_s = transfer_remaining_s(other, sdk->world);
    json_int(json, "transfer_id", other->id);
    json_float(json, "transfer_progress",
               other->size == 0 ? 0.0 : (double)other->received / (double)other->size * 100.0);
    if (remaining_s >= 0) {
        json_int(json, "transfer_time_remaining", remaining_s);
    }
    json_int(json, "transfer_transferred", (int64_t)other->received);
    json_int(json, "time_transferring", (sdk->world->now_us - other->began_us) / 1000000);
}

void sdk_transfer_write_telemetry(const struct connect_sdk *sdk, struct json_writer *json)
{
    const struct sdk_transfer *transfer = sdk->transfer;
    const struct transfer *other = sdk_other_transfer(sdk);
    if (other != NULL) {
        write_other(sdk, other, json);
        return;
    }
    if (!sdk_transfer_runs(transfer) || !transfer->started) {
        return;
    }
    json_int(json, "transfer_id", transfer->id);
    json_float(json, "transfer_progress", percent(transfer));
    write_remaining(transfer, json, "transfer_time_remaining");
    json_int(json, "transfer_transferred", (int64_t)transfer->transferred);
    json_int(json, "time_transferring", elapsed_us(transfer) / 1000000);
}

/* What comes by another way than the SDK's: no command began it, and of an upload only the name is
 * known (9.5). */
static void write_other_info(const struct connect_sdk *sdk, const struct transfer *other,
                             struct json_writer *json)
{
    const char *name = strrchr(other->path, '/');
    int64_t remaining_s = other->stop ? 0 : transfer_remaining_s(other, sdk->world);
    double share = other->size == 0 ? 0 : (double)other->received / (double)other->size;
    json_string(json, "type", transfer_source_name(other->source));
    json_string(json, "path", other->url != NULL || name == NULL ? other->path : name + 1);
    if (other->url != NULL) {
        json_string(json, "url", other->url);
    }
    json_int(json, "size", (int64_t)other->size);
    json_float(json, "progress", round(share * 10000.0) / 100.0);
    json_int(json, "transferred", (int64_t)other->received);
    if (remaining_s >= 0) {
        json_int(json, "time_remaining", remaining_s);
    }
    json_int(json, "time_transferring", (sdk->world->now_us - other->began_us) / 1000000);
    json_bool(json, "to_print", other->to_print);
}

/* Members of TRANSFER_INFO's data (9.5). */
static void write_info(const struct sdk_transfer *transfer, struct json_writer *json)
{
    static const char *const kinds[] = {
        [SDK_NO_TRANSFER] = "NO_TRANSFER",
        [SDK_FROM_WEB] = "FROM_WEB",
        [SDK_FROM_CONNECT] = "FROM_CONNECT",
    };
    bool runs = sdk_transfer_runs(transfer);
    if (!runs) {
        json_string(json, "type", kinds[SDK_NO_TRANSFER]);
        return;
    }
    json_int(json, "start_cmd_id", transfer->start_command_id);
    json_string(json, "type", kinds[transfer->kind]);
    json_string(json, "path", transfer->path);
    json_string(json, "url", transfer->url);
    if (transfer->size_known) {
        json_int(json, "size", (int64_t)transfer->size);
    }
    json_float(json, "progress", round(percent(transfer) * 100.0) / 100.0);
    json_int(json, "transferred", (int64_t)transfer->transferred);
    write_remaining(transfer, json, "time_remaining");
    json_int(json, "time_transferring", elapsed_us(transfer) / 1000000);
    if (transfer->to_print >= 0) {
        json_bool(json, "to_print", transfer->to_print != 0);
    }
}

void sdk_transfer_accepted(struct sdk_transfer *transfer)
{
    struct connect_sdk *sdk = transfer->sdk;
    struct sdk_event event;
    if (sdk_event_open(sdk, &event, CONNECT_TRANSFER_INFO, SOURCE_WUI, NULL)) {
        json_object(&event.json, "data");
        write_info(transfer, &event.json);
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}

/* TRANSFER_FINISHED begins its data with the id of the command, the others with the path
 * [S-50, S-53]. */
static void tell(const struct sdk_transfer *transfer, enum connect_event_name name,
                 const char *reason)
{
    struct connect_sdk *sdk = transfer->sdk;
    struct sdk_event event;
    if (!sdk_event_open(sdk, &event, name, SOURCE_CONNECT, NULL)) {
        return;
    }
    bool id_first = name == CONNECT_TRANSFER_FINISHED;
    json_object(&event.json, "data");
    if (id_first) {
        json_int(&event.json, "start_cmd_id", transfer->start_command_id);
    }
    json_string(&event.json, "path", transfer->path);
    if (!id_first) {
        json_int(&event.json, "start_cmd_id", transfer->start_command_id);
    }
    json_object_end(&event.json);
    sdk_event_close(sdk, &event, &(struct connect_event){.reason = reason},
                    (enum printer_state)sdk->state);
}

/* ---- ends ---- */

static void remove_part(const struct sdk_transfer *transfer)
{
    struct connect_sdk *sdk = transfer->sdk;
    if (transfer->target != NULL && sdk->host_class->remove != NULL) {
        struct buffer part = {0};
        sdk_transfer_part(transfer->target, &part);
        sdk->host_class->remove(sdk->host, part.bytes, false);
        buffer_free(&part);
    }
}

void sdk_transfer_stopped(struct sdk_transfer *transfer)
{
    if (!sdk_quirk(transfer->sdk, 3)) {
        remove_part(transfer);
    }
    tell(transfer, CONNECT_TRANSFER_STOPPED, NULL);
    transfer->over = TRANSFER_STOPPED;
    end(transfer);
}

void sdk_transfer_aborted(struct sdk_transfer *transfer, const char *reason)
{
    if (!sdk_quirk(transfer->sdk, 3) && transfer->download != NULL) {
        remove_part(transfer);
    }
    tell(transfer, CONNECT_TRANSFER_ABORTED, reason);
    end(transfer);
}

/* After the last piece: the file takes its place, unless it must not (defect Q-02: it is called
 * finished then, too). */
static bool take_place(struct sdk_transfer *transfer)
{
    struct connect_sdk *sdk = transfer->sdk;
    const struct connect_host_class *class = sdk->host_class;
    const char *printed = class->printed_target != NULL ? class->printed_target(sdk->host) : NULL;
    bool quirk = sdk_quirk(sdk, 2);
    if (transfer->stop) {
        remove_part(transfer);
        if (!quirk) {
            sdk_transfer_stopped(transfer);
        }
        return false;
    }
    if (printed != NULL && strcmp(printed, transfer->target) == 0) {
        const char *reason = quirk ? "Gcode being printed would beoverwritten by downloaded file "
                                     "-> aborting."
                                   : "Gcode being printed would be overwritten by downloaded file "
                                     "-> aborting.";
        if (quirk) {
            tell(transfer, CONNECT_TRANSFER_ABORTED, reason);
        } else {
            sdk_transfer_aborted(transfer, reason);
        }
        return false;
    }
    struct buffer part = {0};
    sdk_transfer_part(transfer->target, &part);
    enum storage_result result =
        class->rename == NULL ? STORAGE_IO : class->rename(sdk->host, part.bytes, transfer->target);
    buffer_free(&part);
    if (result != STORAGE_OK) {
        sdk_transfer_aborted(transfer, sdk_os_error(result));
    }
    return result == STORAGE_OK;
}

void sdk_transfer_finished(struct sdk_transfer *transfer, bool whole)
{
    struct connect_sdk *sdk = transfer->sdk;
    if (!whole && !sdk_quirk(sdk, 21)) {
        sdk_transfer_aborted(transfer, "Incomplete response");
        return;
    }
    bool in_place = take_place(transfer);
    if (!sdk_transfer_runs(transfer)) {
        return;
    }
    sdk_download_destroy(transfer->download);
    transfer->download = NULL;
    tell(transfer, CONNECT_TRANSFER_FINISHED, NULL);
    transfer->over = TRANSFER_DONE;
    if (in_place && sdk->host_class->downloaded != NULL) {
        transfer->busy = true;
        sdk->host_class->downloaded(sdk->host, transfer->target, transfer->to_print > 0);
    } else {
        end(transfer);
    }
}

void connect_sdk_transfer_over(struct connect_sdk *sdk, const char *error)
{
    struct sdk_transfer *transfer = sdk->transfer;
    assert(transfer != NULL && transfer->busy);
    if (error != NULL && sdk_quirk(sdk, 4)) {
        tell(transfer, CONNECT_TRANSFER_ABORTED, error);
    }
    end(transfer);
}

/* ---- commands ---- */

static void fail(struct connect_sdk *sdk, const char *type, const char *text)
{
    struct buffer error = {0};
    connect_python_error(&error, type, text);
    connect_sdk_fail(sdk, error.bytes);
    buffer_free(&error);
}

static void finish_with_info(struct connect_sdk *sdk)
{
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    const struct transfer *other = sdk_other_transfer(sdk);
    if (other != NULL) {
        write_other_info(sdk, other, &json);
    } else {
        write_info(sdk->transfer, &json);
    }
    json_object_end(&json);
    connect_sdk_finish(sdk, &(struct connect_result){.event = CONNECT_TRANSFER_INFO,
                                                     .source = SOURCE_CONNECT,
                                                     .data = data.bytes,
                                                     .data_size = data.size});
    buffer_free(&data);
}

/* kwargs[key]; NULL: the command has failed. */
static const cJSON *argument(struct connect_sdk *sdk, const struct connect_sdk_command *command,
                             const char *key)
{
    struct buffer text = {0};
    const cJSON *value = NULL;
    buffer_format(&text, "Command.%s requires kwarg", connect_command_text(command->name));
    if (!python_truth(command->kwargs) || !cJSON_IsObject(command->kwargs)) {
        buffer_append_char(&text, 's');
    } else if ((value = cJSON_GetObjectItemCaseSensitive(command->kwargs, key)) == NULL) {
        buffer_format(&text, " '%s'.", key);
    }
    if (value == NULL) {
        fail(sdk, "ValueError", buffer_text(&text));
    }
    buffer_free(&text);
    return value;
}

/* kwargs[key] as text, which anything else is not. */
static const char *text_argument(struct connect_sdk *sdk, const struct connect_sdk_command *command,
                                 const char *key)
{
    const cJSON *value = argument(sdk, command, key);
    if (value != NULL && !cJSON_IsString(value)) {
        struct buffer text = {0};
        buffer_format(&text, "argument of type '%s' is not iterable", python_type_name(value));
        fail(sdk, "TypeError", buffer_text(&text));
        buffer_free(&text);
    }
    return cJSON_GetStringValue(value);
}

static void take_slot(struct sdk_transfer *transfer)
{
    struct connect_sdk *sdk = transfer->sdk;
    const struct transfer own = {
        .id = transfer->id,
        .source = transfer->kind == SDK_FROM_WEB ? TRANSFER_FROM_WEB : TRANSFER_FROM_CONNECT,
        .path = transfer->path,
        .url = transfer->url,
        .to_print = transfer->to_print > 0,
    };
    transfer->slot =
        sdk->host_class->transfer_begin != NULL && sdk->host_class->transfer_begin(sdk->host, &own);
}

static void begin(struct sdk_transfer *transfer, enum sdk_transfer_kind kind,
                  const struct connect_sdk_command *command, const char *path, const char *url)
{
    struct connect_sdk *sdk = transfer->sdk;
    const cJSON *printing = cJSON_GetObjectItemCaseSensitive(command->kwargs, "printing");
    transfer->kind = kind;
    /* A printer is the same whoever else is there. */
    struct random random = random_named(
        sdk->world->seed, sdk->fingerprint == NULL ? "" : sdk->fingerprint, sdk->world->now_us);
    transfer->id = transfer->id_given ? transfer->given_id : (uint32_t)random_next(&random);
    transfer->id_given = false;
    transfer->start_command_id = command->id;
    transfer->path = memory_copy_text(path);
    transfer->url = memory_copy_text(url);
    transfer->to_print = cJSON_IsNull(printing) ? -1 : python_truth(printing);
    transfer->size_known = false;
    transfer->size = transfer->transferred = 0;
    transfer->start_us = sdk->world->now_us;
    transfer->over = TRANSFER_ABORTED;
    take_slot(transfer);
    told(transfer, TRANSFER_BEGAN);
    int64_t turn_us = sdk->transfer_turn_us;
    world_arm(sdk->world, &transfer->turn, (sdk->world->now_us / turn_us + 1) * turn_us);
}

static void start(struct connect_sdk *sdk, const struct connect_sdk_command *command,
                  enum sdk_transfer_kind kind, const char *path, const char *url)
{
    struct sdk_transfer *transfer = sdk_transfer_of(sdk);
    if (sdk_transfer_runs(transfer) || sdk_other_transfer(sdk) != NULL) {
        connect_sdk_finish(sdk, &(struct connect_result){.event = CONNECT_REJECTED,
                                                         .source = SOURCE_CONNECT,
                                                         .reason = "Another transfer in progress"});
        return; /* remembered as FINISHED */
    }
    struct buffer error = {0}, target = {0};
    bool good = sdk_transfer_name_good(path, &error);
    if (good) {
        begin(transfer, kind, command, path, url);
        good = sdk_transfer_resolve(sdk, path, &target, &error);
        if (good) {
            free(transfer->target);
            transfer->target = memory_copy_text(target.bytes);
            good = sdk_transfer_make_folders(sdk, target.bytes, &error);
        }
        if (!good && !sdk_quirk(sdk, 1)) {
            end(transfer);
        }
    }
    if (good) {
        finish_with_info(sdk);
    } else {
        connect_sdk_fail(sdk, buffer_text(&error));
    }
    buffer_free(&error);
    buffer_free(&target);
}

void sdk_start_url_download(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const char *path = text_argument(sdk, command, "path");
    const char *url = path == NULL ? NULL : text_argument(sdk, command, "url");
    if (url != NULL) {
        start(sdk, command, SDK_FROM_WEB, path, url);
    }
}

/* str(value) of what stands in a format string. */
static void append_value(struct buffer *text, const cJSON *value)
{
    if (cJSON_IsString(value)) {
        buffer_append_text(text, value->valuestring);
    } else {
        char *printed = cJSON_PrintUnformatted(value);
        buffer_append_text(text, printed == NULL ? "" : printed);
        cJSON_free(printed);
    }
}

void sdk_start_connect_download(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const cJSON *team = NULL, *hash = NULL;
    if (sdk->server == NULL) {
        fail(sdk, "RuntimeError", "Printer.server must be set!");
        return;
    }
    if ((team = argument(sdk, command, "team_id")) == NULL ||
        (hash = argument(sdk, command, "hash")) == NULL) {
        return;
    }
    const char *path = text_argument(sdk, command, "path");
    if (path == NULL) {
        return;
    }
    struct buffer url = {0};
    buffer_append_text(&url, sdk->server);
    buffer_append_text(&url, "/p/teams/");
    append_value(&url, team);
    buffer_append_text(&url, "/files/");
    append_value(&url, hash);
    buffer_append_text(&url, "/raw");
    start(sdk, command, SDK_FROM_CONNECT, path, url.bytes);
    buffer_free(&url);
}

/* Whether the command means another transfer than the one that runs (9.7); none is 0. */
static bool means_another(const struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    if (!cJSON_IsObject(command->kwargs)) {
        return false;
    }
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(command->kwargs, "transfer_id");
    if (!python_truth(id)) {
        return false;
    }
    const struct transfer *other = sdk_other_transfer(sdk);
    uint32_t running = other != NULL                      ? other->id
                       : sdk_transfer_runs(sdk->transfer) ? sdk->transfer->id
                                                          : 0;
    return running == 0 || !cJSON_IsNumber(id) || id->valuedouble != (double)running;
}

void sdk_stop_transfer(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    if (means_another(sdk, command)) {
        fail(sdk, "RuntimeError", "Wrong transfer_id");
        return;
    }
    if (sdk_transfer_runs(sdk->transfer) && !sdk->transfer->busy) {
        sdk->transfer->stop = true;
    } else if (sdk_other_transfer(sdk) != NULL && sdk->host_class->transfer_stop != NULL) {
        sdk->host_class->transfer_stop(sdk->host);
    }
    connect_sdk_finish(sdk, &(struct connect_result){.source = SOURCE_CONNECT});
}

void sdk_send_transfer_info(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    if (means_another(sdk, command)) {
        fail(sdk, "CommandFailed", "Not current transfer.");
    } else {
        finish_with_info(sdk);
    }
}
