#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/connect/sdk_state.h"

/* Commands (connect-sdk.md 5): read from the answer to a telemetry, accepted by the sender, handled
 * by a worker, one at a time. SDK: prusa/connect/printer/command.py */

void sdk_command_destroy(struct sdk_command *command)
{
    if (command != NULL) {
        cJSON_Delete(command->body);
        free(command);
    }
}

static void refuse(struct connect_sdk *sdk, enum state_source source, const int64_t *id,
                   const char *reason)
{
    sdk_send_event(sdk, &(struct connect_event){.event = CONNECT_REJECTED,
                                                .source = source,
                                                .with_command_id = id != NULL,
                                                .command_id = id == NULL ? 0 : *id,
                                                .reason = reason});
}

/* The HTTP library reads text of a type without a character set as ISO-8859-1. */
static cJSON *latin1(struct slice text)
{
    struct buffer utf8 = {0};
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte >= 0x80) {
            buffer_append_char(&utf8, (char)(0xC0 | byte >> 6));
            byte = 0x80 | (byte & 0x3F);
        }
        buffer_append_char(&utf8, (char)byte);
    }
    cJSON *string = cJSON_CreateString(buffer_text(&utf8));
    buffer_free(&utf8);
    return string;
}

static struct sdk_command *gcode_command(const struct http_message *message)
{
    struct sdk_command *command = memory_new(sizeof *command);
    command->body = cJSON_CreateObject();
    cJSON *kwargs = cJSON_AddObjectToObject(command->body, "kwargs");
    cJSON_AddItemToObject(kwargs, "gcode", latin1(message->body));
    command->shown.name = CONNECT_GCODE;
    command->shown.force = slice_is(http_header_value(message, "Force"), "1");
    return command;
}

static struct sdk_command *json_command(struct connect_sdk *sdk, const struct http_message *message,
                                        struct error *error)
{
    cJSON *body = python_json_parse(message->body.bytes == NULL ? "" : message->body.bytes,
                                    message->body.size, error);
    if (body == NULL) {
        return NULL;
    }
    if (!cJSON_IsObject(body)) {
        error_set(error, "'%s' object has no attribute 'get'", python_type_name(body));
        cJSON_Delete(body);
        return NULL;
    }
    struct sdk_command *command = memory_new(sizeof *command);
    command->body = body;
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(body, "command");
    if (cJSON_IsString(name)) {
        command->shown.name =
            connect_command_parse(name->valuestring, (enum connect_sdk_version)sdk->version);
    }
    return command;
}

/* Steps 3 and 4 of connect-sdk.md 5.1; NULL: it was rejected. */
static struct sdk_command *read_command(struct connect_sdk *sdk, const struct http_message *message,
                                        int64_t id)
{
    static const char json_type[] = "application/json";
    struct slice type = http_header_value(message, "Content-Type");
    struct sdk_command *command = NULL;
    struct error error = {"Invalid command content type"};
    if (type.size >= sizeof json_type - 1 &&
        memcmp(type.bytes, json_type, sizeof json_type - 1) == 0) {
        command = json_command(sdk, message, &error);
    } else if (slice_is(type, "text/x.gcode")) {
        command = gcode_command(message);
    }
    if (command == NULL) {
        refuse(sdk, SOURCE_CONNECT, &id, error.text);
        return NULL;
    }
    command->shown.id = id;
    command->shown.kwargs = cJSON_GetObjectItemCaseSensitive(command->body, "kwargs");
    if (cJSON_IsNull(command->shown.kwargs)) {
        command->shown.kwargs = NULL;
    }
    return command;
}

static void send_state(struct connect_sdk *sdk, enum connect_event_name event, int64_t id)
{
    sdk_send_event(sdk, &(struct connect_event){.event = event,
                                                .source = SOURCE_CONNECT,
                                                .with_command_id = true,
                                                .command_id = id});
}

/* Step 5 (connect-sdk.md 5.5). True: it is a new command and its turn. */
static bool may_accept(struct connect_sdk *sdk, int64_t id)
{
    if (sdk->slot_taken && sdk->command_id != id) {
        char data[64];
        struct buffer text = {0};
        buffer_append_text(&text, "{\"actual_command_id\": ");
        buffer_append_int(&text, sdk->command_id);
        buffer_append_char(&text, '}');
        size_t size = text.size < sizeof data ? text.size : sizeof data;
        memcpy(data, text.bytes, size);
        buffer_free(&text);
        sdk_send_event(sdk, &(struct connect_event){.event = CONNECT_REJECTED,
                                                    .source = SOURCE_CONNECT,
                                                    .data = data,
                                                    .data_size = size,
                                                    .with_command_id = true,
                                                    .command_id = id,
                                                    .reason = "Another command is running"});
        return false;
    }
    if (sdk->slot_taken) {
        send_state(sdk, CONNECT_ACCEPTED, id);
        return false;
    }
    if (sdk->command_id == id) {
        send_state(sdk, (enum connect_event_name)sdk->last_state, id);
        return false;
    }
    return true;
}

static void accept(struct connect_sdk *sdk, struct sdk_command *command)
{
    sdk_command_destroy(sdk->accepted);
    sdk->accepted = command;
    sdk->slot_taken = true;
    sdk->ended = false;
    sdk->command_id = command->shown.id;
    send_state(sdk, CONNECT_ACCEPTED, command->shown.id);
    world_arm_in(sdk->world, &sdk->worker, 0);
}

void sdk_command_reset(struct connect_sdk *sdk)
{
    struct sdk_command *command = sdk->waiting_reset;
    sdk->waiting_reset = NULL;
    if (command != NULL) {
        accept(sdk, command);
    }
}

/* RESET_PRINTER interrupts what runs and does not ask whose turn it is (connect-sdk.md 5.7). */
static void interrupt_for(struct connect_sdk *sdk, struct sdk_command *command)
{
    sdk->waiting_reset = command;
    sdk_pause_for(sdk, SDK_RESET_WAIT, SECONDS(SDK_RESET_WAIT_S));
    if (sdk->host_class->interrupt != NULL) {
        sdk->host_class->interrupt(sdk->host);
    }
    if (sdk->ended && sdk->waiting_reset != NULL) {
        world_arm_in(sdk->world, &sdk->sender, 0);
    }
}

/* Without the defect Q-07 an accepted reset is kept until the running command has ended: another
 * one would take its place. */
static bool reset_waits(const struct connect_sdk *sdk)
{
    return sdk->accepted != NULL && sdk->running != NULL &&
           !sdk_quirk(sdk, CONNECT_QUIRK_LOST_RESET);
}

void sdk_telemetry_answered(struct connect_sdk *sdk, const struct http_message *message)
{
    struct slice text = http_header_value(message, "Command-Id");
    int64_t id = 0;
    if (text.bytes == NULL || !python_int(text.bytes, text.size, &id)) {
        refuse(sdk, SOURCE_CONNECT, NULL, "Invalid Command-Id header");
        return;
    }
    if (!sdk_initialised(sdk)) {
        refuse(sdk, SOURCE_WUI, &id, "Printer has not been initialized properly");
        return;
    }
    struct sdk_command *command = read_command(sdk, message, id);
    if (command == NULL) {
        return;
    }
    if (command->shown.name == CONNECT_RESET_PRINTER && !reset_waits(sdk)) {
        interrupt_for(sdk, command);
    } else if (may_accept(sdk, id)) {
        accept(sdk, command);
    } else {
        sdk_command_destroy(command);
    }
}

void sdk_command_work(void *owner)
{
    struct connect_sdk *sdk = owner;
    if (sdk->accepted == NULL || sdk->running != NULL) {
        return;
    }
    sdk->running = sdk->accepted;
    sdk->accepted = NULL;
    const struct connect_sdk_command *command = &sdk->running->shown;
    if (command->name == CONNECT_COMMAND_UNKNOWN) {
        sdk_command_reject(sdk, "Unknown command");
        return;
    }
    if (sdk->host_class->command != NULL && sdk->host_class->command(sdk->host, command)) {
        return;
    }
    if (!sdk_builtin(sdk, command)) {
        sdk_command_reject(sdk, "Not Implemented");
    }
}

/* The slot is one for all: a late end also clears a reset that was accepted meanwhile, which is
 * then lost (connect-sdk.md 5.7, Q-07). */
void sdk_command_ended(struct connect_sdk *sdk, enum connect_event_name remembered)
{
    sdk_command_destroy(sdk->running);
    sdk->running = NULL;
    if (sdk->accepted != NULL && !sdk_quirk(sdk, CONNECT_QUIRK_LOST_RESET)) {
        world_arm_in(sdk->world, &sdk->worker, 0); /* the slot is the reset's */
        return;
    }
    sdk_command_destroy(sdk->accepted);
    sdk->accepted = NULL;
    world_cancel(sdk->world, &sdk->worker);
    sdk->last_state = (uint8_t)remembered;
    sdk->slot_taken = false;
    sdk->ended = true;
    if (sdk->pause == SDK_RESET_WAIT) {
        world_arm_in(sdk->world, &sdk->sender, 0);
    }
}

const struct connect_sdk_command *connect_sdk_command(const struct connect_sdk *sdk)
{
    return sdk->running == NULL ? NULL : &sdk->running->shown;
}

void sdk_command_reject(struct connect_sdk *sdk, const char *reason)
{
    refuse(sdk, SOURCE_WUI, &sdk->running->shown.id, reason);
    sdk_command_ended(sdk, CONNECT_REJECTED);
}

void connect_sdk_finish(struct connect_sdk *sdk, const struct connect_result *result)
{
    assert(sdk->running != NULL);
    sdk_send_event(sdk, &(struct connect_event){.event = result->event,
                                                .source = result->source,
                                                .data = result->data,
                                                .data_size = result->data_size,
                                                .with_command_id = true,
                                                .command_id = sdk->running->shown.id,
                                                .reason = result->reason});
    bool rejected = result->event == CONNECT_REJECTED && !sdk_quirk(sdk, CONNECT_QUIRK_REMEMBERED);
    sdk_command_ended(sdk, rejected ? CONNECT_REJECTED : CONNECT_FINISHED);
}

void connect_sdk_fail(struct connect_sdk *sdk, const char *error)
{
    assert(sdk->running != NULL);
    struct sdk_event event;
    if (sdk_event_open(sdk, &event, CONNECT_FAILED, SOURCE_WUI, NULL)) {
        json_object(&event.json, "data");
        json_string(&event.json, "error", error);
        json_object_end(&event.json);
        struct connect_event envelope = {.with_command_id = true,
                                         .command_id = sdk->running->shown.id,
                                         .reason = "Command error"};
        sdk_event_close(sdk, &event, &envelope, (enum printer_state)sdk->state);
    }
    sdk_command_ended(sdk, CONNECT_FAILED);
}

void connect_python_error(struct buffer *out, const char *type, const char *text)
{
    buffer_append_text(out, type);
    buffer_append_char(out, '(');
    python_repr(out, text, strlen(text));
    buffer_append_char(out, ')');
}
