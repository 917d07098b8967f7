#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/sdk_host.h"

/* The handlers of the host program: in PrusaLink's manner, but at once (captures README). */

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void fail(struct sdk_host *host, const char *text)
{
    struct buffer error = {0};
    connect_python_error(&error, "CommandFailed", text);
    connect_sdk_fail(host->sdk, error.bytes);
    buffer_free(&error);
}

static void set_state(struct sdk_host *host, enum printer_state state, int64_t id)
{
    connect_sdk_set_state(host->sdk, state,
                          &(struct connect_event){
                              .source = SOURCE_CONNECT, .with_command_id = true, .command_id = id});
}

static void finish(struct sdk_host *host)
{
    connect_sdk_finish(host->sdk, &(struct connect_result){.source = SOURCE_CONNECT});
}

static void start_print(struct sdk_host *host, const struct connect_sdk_command *command)
{
    const char *path = text_of(command->kwargs, "path"), *below = NULL;
    const struct storage *storage = sdk_host_storage_of(host, path, &below);
    if (host->job != 0) {
        fail(host, "Already printing");
    } else if (storage == NULL || storage_find(storage, below) == NULL) {
        char text[400];
        snprintf(text, sizeof text, "The file at %s does not exist.", path);
        fail(host, text);
    } else {
        host->job = host->next_job++;
        host->start_command = command->id;
        snprintf(host->job_path, sizeof host->job_path, "%s", path);
        connect_sdk_set_job(host->sdk, host->job);
        set_state(host, STATE_PRINTING, command->id);
        finish(host);
    }
}

static void stop_print(struct sdk_host *host, const struct connect_sdk_command *command)
{
    set_state(host, STATE_STOPPED, command->id);
    host->job = 0;
    connect_sdk_set_job(host->sdk, 0);
    finish(host);
}

static void change_state(struct sdk_host *host, const struct connect_sdk_command *command,
                         enum printer_state from, enum printer_state to, const char *refusal)
{
    if (connect_sdk_state(host->sdk) != from) {
        fail(host, refusal);
    } else {
        set_state(host, to, command->id);
        finish(host);
    }
}

static void send_job_info(struct sdk_host *host)
{
    if (host->job == 0) {
        fail(host, "Cannot get job info, when there is no job in progress.");
        return;
    }
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "path", host->job_path);
    json_int(&json, "start_cmd_id", host->start_command);
    json_int(&json, "progress", host->progress);
    json_object_end(&json);
    connect_sdk_finish(host->sdk, &(struct connect_result){.event = CONNECT_JOB_INFO,
                                                           .source = SOURCE_CONNECT,
                                                           .data = data.bytes,
                                                           .data_size = data.size});
    buffer_free(&data);
}

static void take_time(struct sdk_host *host, enum host_doing doing, int64_t duration_us)
{
    host->doing = doing;
    world_arm_in(&host->replay->world, &host->command_timer, duration_us);
}

static void run_gcode(struct sdk_host *host, const struct connect_sdk_command *command)
{
    const char *gcode = text_of(command->kwargs, "gcode");
    if (connect_sdk_state(host->sdk) == STATE_PRINTING && !command->force) {
        struct buffer text = {0};
        buffer_append_text(&text, "Can't run '");
        buffer_append_text(&text, gcode);
        buffer_append_text(&text, "' while in PRINTING state.");
        fail(host, text.bytes);
        buffer_free(&text);
    } else if (strncmp(gcode, "G4 S", 4) == 0) {
        take_time(host, HOST_DWELL, SECONDS(strtol(gcode + 4, NULL, 10)) + MILLISECONDS(1));
    } else if (strncmp(gcode, "G28", 3) == 0 && host->g28_us > 0) {
        take_time(host, HOST_HOMING, host->g28_us);
    } else {
        finish(host);
    }
}

void sdk_host_command_over(void *owner)
{
    struct sdk_host *host = owner;
    if (host->doing == HOST_RESETTING) {
        host->reset_over_us = host->replay->world.now_us;
        connect_sdk_set_state(host->sdk, STATE_IDLE, &(struct connect_event){.source = SOURCE_HW});
    }
    host->doing = HOST_IDLE;
    finish(host);
}

void sdk_host_interrupt(void *owner)
{
    struct sdk_host *host = owner;
    if (host->doing == HOST_DWELL) {
        world_cancel(&host->replay->world, &host->command_timer);
        host->doing = HOST_IDLE;
        fail(host, "Command interrupted");
    }
}

/* The id that the recorded SDK drew for the transfer that begins now. */
static void give_transfer_id(struct sdk_host *host)
{
    const struct capture *capture = &host->replay->capture;
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        static const char mark[] = "\"transfer_id\": ";
        if (entry->kind != CAPTURE_REQUEST || entry->time_us < host->replay->world.now_us) {
            continue;
        }
        const char *found = memmem(entry->body, entry->body_size, mark, sizeof mark - 1);
        if (found != NULL) {
            connect_sdk_set_next_transfer(host->sdk,
                                          (uint32_t)strtoul(found + sizeof mark - 1, NULL, 10));
            return;
        }
    }
}

bool sdk_host_command(void *owner, const struct connect_sdk_command *command)
{
    struct sdk_host *host = owner;
    if (host->builtin_only) {
        return false;
    }
    switch (command->name) {
    case CONNECT_START_URL_DOWNLOAD:
    case CONNECT_START_CONNECT_DOWNLOAD:
        give_transfer_id(host);
        return false;
    case CONNECT_START_PRINT:
        start_print(host, command);
        return true;
    case CONNECT_STOP_PRINT:
        stop_print(host, command);
        return true;
    case CONNECT_PAUSE_PRINT:
        change_state(host, command, STATE_PRINTING, STATE_PAUSED,
                     "Cannot pause when not printing.");
        return true;
    case CONNECT_RESUME_PRINT:
        change_state(host, command, STATE_PAUSED, STATE_PRINTING, "Cannot resume when not paused.");
        return true;
    case CONNECT_SEND_JOB_INFO:
        send_job_info(host);
        return true;
    case CONNECT_GCODE:
        run_gcode(host, command);
        return true;
    case CONNECT_RESET_PRINTER:
        set_state(host, STATE_BUSY, command->id);
        take_time(host, HOST_RESETTING, MILLISECONDS(502));
        return true;
    default:
        return false;
    }
}
