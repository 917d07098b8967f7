#include "sim/protocol/connect/sdk.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_transfer.h"

static void sender_fires(void *owner)
{
    struct connect_sdk *sdk = owner;
    bool reset = sdk->pause == SDK_RESET_WAIT;
    sdk->pause = SDK_RUNNING;
    if (reset) {
        sdk_command_reset(sdk);
    }
    sdk_pump(sdk);
}

struct connect_sdk *connect_sdk_new(const struct connect_sdk_settings *settings)
{
    assert(settings->host_class->info != NULL && settings->host_class->storage_count != NULL);
    struct connect_sdk *sdk = memory_new(sizeof *sdk);
    sdk->world = settings->world;
    sdk->network = settings->network;
    sdk->name = settings->name;
    sdk->peer_name = settings->peer_name == NULL ? "connect" : settings->peer_name;
    sdk->host_class = settings->host_class;
    sdk->host = settings->host;
    sdk->observer_class = settings->observer_class;
    sdk->observer = settings->observer;
    sdk->version = (uint8_t)settings->version;
    sdk->state = STATE_BUSY;
    sdk->last_state = CONNECT_REJECTED; /* of the id -1, which stands for no command yet */
    sdk->command_id = -1;
    sdk->watch_interval_us =
        settings->watch_interval_us > 0 ? settings->watch_interval_us : SDK_WATCH_INTERVAL_US;
    sdk->transfer_turn_us =
        settings->transfer_turn_us > 0 ? settings->transfer_turn_us : SDK_TRANSFER_TURN_US;
    sdk->quirks_off = settings->quirks_off;
    sdk->began_us = settings->world->now_us;
    sdk->exchange.sdk = sdk;
    sdk_link_init(&sdk->link, sdk);
    timer_init(&sdk->sender, sender_fires, sdk);
    timer_init(&sdk->worker, sdk_command_work, sdk);
    return sdk;
}

void connect_sdk_destroy(struct connect_sdk *sdk)
{
    if (sdk == NULL) {
        return;
    }
    world_cancel(sdk->world, &sdk->sender);
    world_cancel(sdk->world, &sdk->worker);
    sdk_transfer_free(sdk);
    sdk_cameras_free(sdk);
    sdk_snapshots_free(sdk);
    if (sdk->registration != NULL) {
        sdk_exchange_abandon(sdk->registration);
        free(sdk->registration);
    }
    sdk_exchange_abandon(&sdk->exchange);
    sdk_link_free(&sdk->link);
    while (sdk->first != NULL) {
        struct sdk_item *item = sdk->first;
        sdk->first = item->next;
        sdk_item_destroy(item);
    }
    sdk_command_destroy(sdk->accepted);
    sdk_command_destroy(sdk->running);
    sdk_command_destroy(sdk->waiting_reset);
    sdk_watch_free(sdk);
    sdk_views_free(sdk);
    sdk_headers_forget(sdk);
    free(sdk->server);
    free(sdk->token);
    free(sdk->code);
    free(sdk->serial);
    free(sdk->fingerprint);
    free(sdk->firmware);
    free(sdk->software);
    free(sdk);
}

int64_t connect_sdk_began_us(const struct connect_sdk *sdk)
{
    return sdk->began_us;
}

const char *connect_sdk_name(const struct connect_sdk *sdk)
{
    return sdk->name;
}

void connect_sdk_observe(struct connect_sdk *sdk, const struct connect_observer_class *class,
                         void *observer)
{
    sdk->observer_class = class;
    sdk->observer = observer;
}

void connect_sdk_set_type(struct connect_sdk *sdk, struct connect_type type)
{
    assert(!sdk->type_known);
    sdk->type = type;
    sdk->type_known = true;
    sdk_headers_forget(sdk);
}

void connect_sdk_set_serial(struct connect_sdk *sdk, const char *serial)
{
    assert(sdk->serial == NULL);
    sdk->serial = memory_copy_text(serial);
}

void connect_sdk_set_fingerprint(struct connect_sdk *sdk, const char *fingerprint)
{
    assert(sdk->fingerprint == NULL);
    sdk->fingerprint = memory_copy_text(fingerprint);
    sdk_headers_forget(sdk);
}

static void replace(char **text, const char *value)
{
    char *copy = memory_copy_text(value);
    free(*text);
    *text = copy;
}

void connect_sdk_set_firmware(struct connect_sdk *sdk, const char *firmware)
{
    replace(&sdk->firmware, firmware);
    sdk_headers_forget(sdk);
}

void connect_sdk_set_software(struct connect_sdk *sdk, const char *version)
{
    replace(&sdk->software, version);
    sdk_headers_forget(sdk);
}

const char *connect_sdk_fingerprint(const struct connect_sdk *sdk)
{
    return sdk->fingerprint;
}

void connect_fingerprint_of(const char *serial, char fingerprint[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int done = EVP_Digest(serial, strlen(serial), hash, &size, EVP_sha256(), NULL);
    assert(done == 1 && size == 32);
    (void)done;
    for (size_t i = 0; i < 32; i++) {
        fingerprint[2 * i] = digits[hash[i] >> 4];
        fingerprint[2 * i + 1] = digits[hash[i] & 15];
    }
    fingerprint[64] = '\0';
}

void connect_sdk_set_connection(struct connect_sdk *sdk, const char *base_url, const char *token)
{
    bool moved = sdk->server == NULL || base_url == NULL || strcmp(sdk->server, base_url) != 0;
    replace(&sdk->server, base_url != NULL && *base_url != '\0' ? base_url : NULL);
    replace(&sdk->token, token != NULL && *token != '\0' ? token : NULL);
    sdk_headers_forget(sdk);
    if (moved) {
        sdk_link_moved(&sdk->link);
    }
    sdk_condition_set(sdk, CONNECT_TOKEN, CONNECT_CONDITION_OK);
}

const char *connect_sdk_token(const struct connect_sdk *sdk)
{
    return sdk->token;
}

const char *connect_sdk_code(const struct connect_sdk *sdk)
{
    return sdk->code;
}

static void write_field(struct json_writer *json, const struct connect_field *field)
{
    switch (field->kind) {
    case CONNECT_NULL:
        return;
    case CONNECT_INT:
        json_int(json, field->key, field->integer);
        return;
    case CONNECT_FLOAT:
        json_float(json, field->key, field->number);
        return;
    case CONNECT_BOOL:
        json_bool(json, field->key, field->truth);
        return;
    case CONNECT_TEXT:
        json_string(json, field->key, field->text);
        return;
    case CONNECT_JSON:
        json_raw(json, field->key, field->text, strlen(field->text));
        return;
    }
}

static void put_telemetry(struct connect_sdk *sdk, const char *timestamp, int64_t due_us,
                          const struct connect_field *fields, size_t count)
{
    if (sdk->token == NULL) {
        return;
    }
    struct sdk_item *item = sdk_item_new(sdk, SDK_TELEMETRY, timestamp);
    item->due_us = due_us;
    struct json_writer json;
    json_begin(&json, &item->body, JSON_PYTHON);
    json_object(&json, NULL);
    if (sdk_initialised(sdk)) {
        for (size_t i = 0; i < count; i++) {
            write_field(&json, &fields[i]);
        }
        if (sdk->slot_taken) {
            json_int(&json, "command_id", sdk->command_id);
        }
        if (sdk->job_id != 0) {
            json_int(&json, "job_id", sdk->job_id);
        }
        sdk_transfer_write_telemetry(sdk, &json);
    }
    json_string(&json, "state", printer_state_name((enum printer_state)sdk->state));
    json_object_end(&json);
    sdk_put(sdk, item);
}

void connect_sdk_telemetry_at(struct connect_sdk *sdk, const char *timestamp,
                              const struct connect_field *fields, size_t count)
{
    put_telemetry(sdk, timestamp, sdk->world->now_us, fields, count);
}

void connect_sdk_telemetry_due(struct connect_sdk *sdk, int64_t due_us,
                               const struct connect_field *fields, size_t count)
{
    put_telemetry(sdk, NULL, due_us, fields, count);
}

void connect_sdk_telemetry(struct connect_sdk *sdk, const struct connect_field *fields,
                           size_t count)
{
    put_telemetry(sdk, NULL, sdk->world->now_us, fields, count);
}

size_t connect_sdk_queued(const struct connect_sdk *sdk)
{
    return sdk->queued;
}

enum printer_state connect_sdk_state(const struct connect_sdk *sdk)
{
    return (enum printer_state)sdk->state;
}

void connect_sdk_set_ready(struct connect_sdk *sdk, bool ready)
{
    sdk->ready = ready;
}

void connect_sdk_set_job(struct connect_sdk *sdk, uint32_t job_id)
{
    sdk->job_id = job_id;
}

uint64_t connect_sdk_requests(const struct connect_sdk *sdk)
{
    return sdk->requests;
}

static size_t text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

size_t connect_sdk_bytes(const struct connect_sdk *sdk)
{
    size_t bytes = sizeof *sdk + text_bytes(sdk->server) + text_bytes(sdk->token) +
                   text_bytes(sdk->code) + text_bytes(sdk->serial) + text_bytes(sdk->fingerprint) +
                   text_bytes(sdk->firmware) + text_bytes(sdk->software) + text_bytes(sdk->head);
    if (sdk->transfer != NULL) {
        bytes += sizeof *sdk->transfer + text_bytes(sdk->transfer->target);
    }
    for (const struct sdk_item *item = sdk->first; item != NULL; item = item->next) {
        bytes += sizeof *item + item->body.capacity;
    }
    for (const struct sdk_view *view = sdk->views; view != NULL; view = view->next) {
        bytes += sizeof *view + text_bytes(view->storage);
    }
    if (sdk->exchange.item != NULL) {
        bytes += sizeof *sdk->exchange.item + sdk->exchange.item->body.capacity;
    }
    return bytes;
}
