#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_state.h"

/* Registration (connect-sdk.md 3): POST /p/register by the host's thread, beside the queue; then
 * the token is polled for by an item of the queue. */

static void write_text(struct json_writer *json, const char *key, const char *value)
{
    json_string(json, key, value); /* NULL is null here: this body passes no filter */
}

bool connect_sdk_register(struct connect_sdk *sdk)
{
    if (sdk->server == NULL || sdk->registration != NULL) {
        return false;
    }
    struct sdk_item *item = sdk_item_new(sdk, SDK_REGISTER, NULL);
    struct json_writer json;
    json_begin(&json, &item->body, JSON_PYTHON);
    json_object(&json, NULL);
    write_text(&json, "sn", sdk->serial);
    write_text(&json, "fingerprint", sdk->fingerprint);
    char type[48] = "None";
    if (sdk->type_known) {
        snprintf(type, sizeof type, "%d.%d.%d", sdk->type.type, sdk->type.version,
                 sdk->type.subversion);
    }
    write_text(&json, "printer_type", type);
    write_text(&json, "firmware", sdk->firmware);
    json_object_end(&json);
    sdk->registration = memory_new(sizeof *sdk->registration);
    sdk->registration->sdk = sdk;
    sdk_exchange_begin(sdk->registration, item);
    return true;
}

static void end_registration(struct connect_sdk *sdk)
{
    free(sdk->registration);
    sdk->registration = NULL;
}

static void tell_failure(struct connect_sdk *sdk, const char *error)
{
    if (sdk->host_class->register_failed != NULL) {
        sdk->host_class->register_failed(sdk->host, error);
    }
}

void sdk_register_lost(struct connect_sdk *sdk, const char *why)
{
    end_registration(sdk);
    tell_failure(sdk, why);
}

static void refused(struct connect_sdk *sdk, const struct http_message *message)
{
    sdk_condition_set(sdk, CONNECT_API, CONNECT_CONDITION_NOK);
    sdk_condition_set(sdk, CONNECT_HTTP,
                      message->status >= 500 ? CONNECT_CONDITION_NOK : CONNECT_CONDITION_OK);
    struct buffer error = {0};
    buffer_append_text(&error, "RuntimeError: ");
    buffer_append(&error, message->body.bytes, message->body.size);
    tell_failure(sdk, error.bytes);
    buffer_free(&error);
}

void sdk_register_answered(struct connect_sdk *sdk, const struct http_message *message)
{
    end_registration(sdk);
    if (message->status != 200) {
        refused(sdk, message);
        return;
    }
    struct slice code = http_header_value(message, "Code");
    if (code.bytes == NULL) {
        tell_failure(sdk, "KeyError: 'code'");
        return;
    }
    free(sdk->code);
    sdk->code = memory_copy_slice(code.bytes, code.size);
    struct sdk_item *poll = sdk_item_new(sdk, SDK_POLL, NULL);
    poll->expires_s = sdk_wall_us(sdk) / 1000000 + SDK_POLL_LIFE_S;
    buffer_append(&poll->body, code.bytes, code.size);
    sdk_put(sdk, poll);
    sdk_condition_set(sdk, CONNECT_API, CONNECT_CONDITION_OK);
    if (sdk->host_class->got_code != NULL) {
        sdk->host_class->got_code(sdk->host, sdk->code);
    }
}

static void end_polling(struct connect_sdk *sdk)
{
    if (sdk->host_class->poll_ended != NULL) {
        sdk->host_class->poll_ended(sdk->host); /* the code stays set (connect-sdk.md 3.3) */
    }
}

/* Behind what waits, before what comes during the pause. */
static void poll_again(struct connect_sdk *sdk, struct sdk_item *item)
{
    sdk_pause_for(sdk, SDK_POLL_PAUSE, SECONDS(SDK_POLL_PAUSE_S));
    item->due_us = sdk->world->now_us + SECONDS(SDK_POLL_PAUSE_S);
    sdk_put(sdk, item);
}

static bool may_poll(const struct connect_sdk *sdk, const struct sdk_item *item)
{
    return item->expires_s > sdk_wall_us(sdk) / 1000000;
}

void sdk_poll_lost(struct connect_sdk *sdk, struct sdk_item *item)
{
    if (!sdk_quirk(sdk, CONNECT_QUIRK_POLL) && may_poll(sdk, item)) {
        poll_again(sdk, item);
        return;
    }
    sdk_item_destroy(item);
    end_polling(sdk);
}

static void got_token(struct connect_sdk *sdk, struct slice token)
{
    free(sdk->token);
    sdk->token = token.size > 0 ? memory_copy_slice(token.bytes, token.size) : NULL;
    sdk_headers_forget(sdk);
    sdk_condition_set(sdk, CONNECT_TOKEN, CONNECT_CONDITION_OK);
    if (sdk->host_class->got_token != NULL) {
        sdk->host_class->got_token(sdk->host, sdk->token == NULL ? "" : sdk->token);
    }
    free(sdk->code);
    sdk->code = NULL;
}

void sdk_poll_answered(struct connect_sdk *sdk, struct sdk_item *item,
                       const struct http_message *message)
{
    if (message->status == 202 && may_poll(sdk, item)) {
        poll_again(sdk, item);
        return;
    }
    sdk_item_destroy(item);
    struct slice token = http_header_value(message, "Token");
    if (message->status == 200 && token.bytes != NULL) {
        got_token(sdk, token);
        return;
    }
    if (message->status == 200) {
        /* The missing header's exception is caught by the loop as any unknown one. */
        sdk_condition_set(sdk, CONNECT_INTERNET, CONNECT_CONDITION_NOK);
    }
    end_polling(sdk);
}
