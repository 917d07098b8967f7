#include "tests/golden/sdk_host.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

/* Something that the host program did by itself at a time. */
struct host_input {
    struct timer timer;
    struct sdk_host *host;
    const struct capture_entry *entry; /* a request that it made the SDK send, or a note */
};

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(member(object, key));
}

static bool begins(const struct capture_entry *entry, const char *text)
{
    return entry->size >= strlen(text) && memcmp(entry->bytes, text, strlen(text)) == 0;
}

/* The JSON text of a member's value as it stands in a body, with its size. */
static const char *raw_member(const struct capture_entry *entry, const char *key, size_t *size)
{
    char mark[64];
    int length = snprintf(mark, sizeof mark, "\"%s\": ", key);
    const char *at = memmem(entry->body, entry->body_size, mark, (size_t)length);
    if (at == NULL) {
        return NULL;
    }
    at += length;
    int depth = 0;
    bool quoted = false;
    const char *end = at;
    for (; end < entry->body + entry->body_size; end++) {
        if (quoted) {
            end += *end == '\\' ? 1 : 0;
            quoted = *end != '"';
        } else if (*end == '"') {
            quoted = true;
        } else if (*end == '{' || *end == '[') {
            depth++;
        } else if (depth == 0 && (*end == ',' || *end == '}')) {
            break;
        } else if (*end == '}' || *end == ']') {
            depth--;
        }
    }
    *size = (size_t)(end - at);
    return at;
}

/* A Timestamp that the host gave instead of the clock's: not in whole tenths of a second. */
static const char *own_timestamp(const struct capture_entry *entry, char *text, size_t size)
{
    if (!capture_header(entry, "Timestamp", text, size)) {
        return NULL;
    }
    return strcmp(text, "1700000000.55") == 0 ? text : NULL;
}

/* ---- what it told by itself ---- */

static void say_telemetry(struct sdk_host *host, const struct capture_entry *entry,
                          const cJSON *body)
{
    struct connect_field fields[32];
    char *values[32];
    size_t count = 0;
    for (const cJSON *item = body->child; item != NULL && count < 32; item = item->next) {
        if (strcmp(item->string, "state") == 0 || strcmp(item->string, "command_id") == 0 ||
            strcmp(item->string, "job_id") == 0) {
            continue; /* the SDK's own */
        }
        size_t size = 0;
        const char *raw = raw_member(entry, item->string, &size);
        values[count] = memory_copy_slice(raw, size);
        struct connect_field *field = &fields[count];
        *field = (struct connect_field){.key = item->string, .kind = CONNECT_JSON};
        field->text = values[count];
        if (cJSON_IsString(item)) {
            field->kind = CONNECT_TEXT;
            field->text = item->valuestring;
        } else if (cJSON_IsBool(item)) {
            field->kind = CONNECT_BOOL;
            field->truth = cJSON_IsTrue(item);
        } else if (cJSON_IsNumber(item)) {
            bool whole = strpbrk(values[count], ".eE") == NULL;
            field->kind = whole ? CONNECT_INT : CONNECT_FLOAT;
            if (whole) {
                field->integer = strtoll(values[count], NULL, 10);
            } else {
                field->number = strtod(values[count], NULL);
            }
        }
        count++;
    }
    const cJSON *progress = member(body, "progress");
    host->progress = progress == NULL ? host->progress : (int64_t)progress->valuedouble;
    char stamp[64];
    connect_sdk_telemetry_at(host->sdk, own_timestamp(entry, stamp, sizeof stamp), fields, count);
    for (size_t i = 0; i < count; i++) {
        free(values[i]);
    }
}

static enum state_source source_of(const cJSON *body)
{
    const char *name = text_of(body, "source");
    for (int i = 0; i < SOURCE_COUNT; i++) {
        if (strcmp(name, state_source_name((enum state_source)i)) == 0) {
            return (enum state_source)i;
        }
    }
    return SOURCE_COUNT;
}

static void say_event(struct sdk_host *host, const struct capture_entry *entry, const cJSON *body)
{
    char stamp[64];
    const cJSON *dialog = member(body, "dialog_id"), *job = member(body, "job_id");
    struct connect_event event = {.source = source_of(body),
                                  .reason = text_of(body, "reason"),
                                  .dialog_id = dialog == NULL ? 0 : (int64_t)dialog->valuedouble,
                                  .timestamp = own_timestamp(entry, stamp, sizeof stamp)};
    connect_event_parse(text_of(body, "event"), &event.event);
    if (event.event == CONNECT_STATE_CHANGED) {
        enum printer_state state = STATE_IDLE;
        printer_state_parse(text_of(body, "state"), &state);
        connect_sdk_set_job(host->sdk, job == NULL ? 0 : (uint32_t)job->valuedouble);
        connect_sdk_set_state(host->sdk, state, &event);
        return;
    }
    event.data = raw_member(entry, "data", &event.data_size);
    connect_sdk_event(host->sdk, &event);
}

static void do_note(struct sdk_host *host, const char *note)
{
    if (strstr(note, "port is closed") != NULL) {
        replay_stop_listening(host->replay);
    } else if (strstr(note, "listens again") != NULL) {
        replay_listen(host->replay);
    } else if (strstr(note, "host's clock is set to true time ") != NULL) {
        double offset = strtod(strstr(note, "true time ") + 10, NULL);
        connect_sdk_shift_clock(host->sdk, (int64_t)((offset - host->clock_offset_s) * 1e6));
        host->clock_offset_s = offset;
    } else {
        sdk_host_disk_note(host, note);
    }
}

/* The handler of RESET_PRINTER sets the states around it itself, to the millisecond. */
static bool resetting(const struct sdk_host *host)
{
    return host->doing == HOST_RESETTING ||
           (host->reset_over_us > 0 &&
            host->replay->world.now_us - host->reset_over_us < MILLISECONDS(10));
}

static void do_input(void *owner)
{
    struct host_input *input = owner;
    struct sdk_host *host = input->host;
    const struct capture_entry *entry = input->entry;
    if (entry->kind == CAPTURE_NOTE) {
        do_note(host, entry->text);
    } else if (begins(entry, "POST /p/register ")) {
        connect_sdk_register(host->sdk);
    } else {
        cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
        if (begins(entry, "POST /p/telemetry ")) {
            say_telemetry(host, entry, body);
        } else if (!resetting(host)) {
            say_event(host, entry, body);
        }
        cJSON_Delete(body);
    }
}

/* Whether the host program itself made this message, and not the SDK. */
static bool of_host(const struct capture_entry *entry)
{
    if (entry->kind == CAPTURE_NOTE || begins(entry, "POST /p/telemetry ") ||
        begins(entry, "POST /p/register ")) {
        return true;
    }
    if (!begins(entry, "POST /p/events ")) {
        return false;
    }
    static const char *const its_own[] = {"STATE_CHANGED", "INFO",     "MESH_BED_DATA",
                                          "SLOT_EVENT",    "JOB_INFO", "MEDIUM_INSERTED"};
    cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
    const char *event = text_of(body, "event"), *source = text_of(body, "source");
    bool mine = false;
    for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++) {
        mine = mine || strcmp(event, its_own[i]) == 0;
    }
    bool medium = strcmp(event, "MEDIUM_INSERTED") == 0 && strcmp(source, "WUI") == 0;
    mine = mine && !medium && strcmp(source, "CONNECT") != 0 && member(body, "command_id") == NULL;
    cJSON_Delete(body);
    return mine;
}

/* ---- what the SDK asks it ---- */

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

static void command_over(void *owner)
{
    struct sdk_host *host = owner;
    if (host->doing == HOST_RESETTING) {
        host->reset_over_us = host->replay->world.now_us;
        connect_sdk_set_state(host->sdk, STATE_IDLE, &(struct connect_event){.source = SOURCE_HW});
    }
    host->doing = HOST_IDLE;
    finish(host);
}

static void interrupt(void *owner)
{
    struct sdk_host *host = owner;
    if (host->doing == HOST_DWELL) {
        world_cancel(&host->replay->world, &host->command_timer);
        host->doing = HOST_IDLE;
        fail(host, "Command interrupted");
    }
}

static bool on_command(void *owner, const struct connect_sdk_command *command)
{
    struct sdk_host *host = owner;
    if (host->builtin_only) {
        return false;
    }
    switch (command->name) {
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

static void on_info(void *owner, struct connect_info *info)
{
    static const char *const keys[] = {"lan_mac",   "lan_ipv4",  "lan_ipv6",  "wifi_mac",
                                       "wifi_ipv4", "wifi_ipv6", "wifi_ssid", "hostname",
                                       "username",  "digest"};
    struct sdk_host *host = owner;
    for (size_t i = 0; i < CONNECT_NETWORK_MEMBERS; i++) {
        info->network[i] = text_of(member(host->info, "network_info"), keys[i]);
    }
    info->api_key = text_of(host->info, "api_key");
    const cJSON *sheets = member(host->info, "sheet_settings"), *sheet = NULL;
    cJSON_ArrayForEach(sheet, sheets)
    {
        if (info->sheet_count < 8) {
            host->sheets[info->sheet_count++] = (struct connect_sheet){
                .name = text_of(sheet, "name"),
                .z_offset_mm = member(sheet, "z_offset")->valuedouble,
            };
        }
    }
    info->sheets = sheets == NULL ? NULL : host->sheets;
    const cJSON *active = member(host->info, "active_sheet");
    info->active_sheet = active == NULL ? -1 : active->valueint;
    info->mmu_supported = member(host->info, "mmu") != NULL;
}

static size_t on_storage_count(void *owner)
{
    return ((struct sdk_host *)owner)->storage_count;
}

static struct storage *on_storage(void *owner, size_t index)
{
    return &((struct sdk_host *)owner)->storages[index];
}

static const char *on_printed_file(void *owner)
{
    struct sdk_host *host = owner;
    return host->job == 0 ? NULL : host->job_path;
}

/* ---- setting it up from the capture ---- */

static const struct capture_entry *first_request(const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        if (capture->entries[i].kind == CAPTURE_REQUEST) {
            return &capture->entries[i];
        }
    }
    return NULL;
}

static void identify(struct sdk_host *host, const struct capture *capture)
{
    const struct capture_entry *first = first_request(capture);
    bool sl1 = strstr(capture->program, "printer type SL1") != NULL;
    char value[128], url[300];
    if (strstr(capture->program, "printer type unknown") == NULL) {
        connect_sdk_set_type(host->sdk,
                             sl1 ? (struct connect_type){5, 1, 0} : (struct connect_type){1, 3, 1});
        const char *serial = sl1 ? "CZPX0819X009XC00151" : "CZPX4720X004XC34242";
        char fingerprint[65];
        connect_fingerprint_of(serial, fingerprint);
        connect_sdk_set_serial(host->sdk, serial);
        connect_sdk_set_fingerprint(host->sdk, fingerprint);
    }
    if (capture_header(first, "User-Agent-Version", value, sizeof value)) {
        connect_sdk_set_firmware(host->sdk, value);
    }
    capture_header(first, "Host", value, sizeof value);
    snprintf(url, sizeof url, "http://%s", value);
    connect_sdk_set_connection(host->sdk, url, NULL);
}

/* In the state that it had when the record began, or that it took while nothing could be told:
 * without a token no event is made. */
static void begin_in_state(struct sdk_host *host, const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind != CAPTURE_REQUEST || strstr(entry->body, "\"state\": ") == NULL) {
            continue;
        }
        cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
        enum printer_state state = STATE_BUSY;
        if (strstr(entry->body, "STATE_CHANGED") == NULL) {
            printer_state_parse(text_of(body, "state"), &state);
        }
        connect_sdk_set_state(host->sdk, state, &(struct connect_event){0});
        cJSON_Delete(body);
        return;
    }
}

/* What the first INFO says of the host, and the job id that comes next. */
static void learn(struct sdk_host *host, const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind != CAPTURE_REQUEST || !begins(entry, "POST /p/events ")) {
            continue;
        }
        cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
        const cJSON *job = member(body, "job_id");
        if (host->next_job == 0 && job != NULL) {
            host->next_job = (uint32_t)job->valuedouble;
        }
        if (host->info == NULL && strcmp(text_of(body, "event"), "INFO") == 0 &&
            member(member(body, "data"), "files") != NULL) {
            host->info = cJSON_DetachItemFromObjectCaseSensitive(body, "data");
        }
        cJSON_Delete(body);
    }
}

static void plan_input(struct sdk_host *host, const struct capture_entry *entry, int64_t time_us)
{
    struct host_input *input = &host->inputs[host->input_count++];
    *input = (struct host_input){.host = host, .entry = entry};
    timer_init(&input->timer, do_input, input);
    world_arm(&host->replay->world, &input->timer, time_us);
}

static void plan_inputs(struct sdk_host *host, const struct capture *capture)
{
    host->inputs = memory_new_array(capture->count, sizeof *host->inputs);
    int64_t burst_us = 0; /* when the next `burst` messages were put into the queue at once */
    unsigned burst = 0;
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if ((entry->kind != CAPTURE_REQUEST && entry->kind != CAPTURE_NOTE) || !of_host(entry)) {
            continue;
        }
        if (entry->kind == CAPTURE_NOTE) {
            unsigned telemetries = 0, events = 0;
            if (sscanf(entry->text, "host program puts %u telemetries and %u events at once",
                       &telemetries, &events) == 2) {
                burst = telemetries + events;
                burst_us = entry->time_us;
            }
            /* A note is written before the messages of its instant, what it notes came after. */
            plan_input(host, entry, entry->time_us + (strstr(entry->text, "clock") ? 500 : 0));
        } else if (burst > 0) {
            burst--;
            plan_input(host, entry, burst_us);
        } else {
            plan_input(host, entry, replay_made_us(host->replay, entry));
        }
    }
}

bool sdk_host_init(struct sdk_host *host, struct replay *replay, const char *name,
                   struct error *error)
{
    static const struct connect_host_class host_class = {
        .command = on_command,
        .interrupt = interrupt,
        .info = on_info,
        .storage_count = on_storage_count,
        .storage = on_storage,
        .make_folder = sdk_host_make_folder,
        .remove = sdk_host_remove,
        .printed_file = on_printed_file,
    };
    *host = (struct sdk_host){.replay = replay, .name = name};
    if (first_request(&replay->capture) == NULL) {
        return error_set(error, "%s: no request in it", name);
    }
    host->sdk = connect_sdk_new(&(struct connect_sdk_settings){
        .world = &replay->world,
        .network = memory_network_face(replay->network),
        .version = CONNECT_SDK_0_8_1,
        .name = "printer",
        .host_class = &host_class,
        .host = host,
        .watch_interval_us = MILLISECONDS(20),
    });
    timer_init(&host->command_timer, command_over, host);
    learn(host, &replay->capture);
    identify(host, &replay->capture);
    begin_in_state(host, &replay->capture);
    sdk_host_attach_recorded(host);
    char token[64], url[300], value[128];
    const struct capture_entry *first = first_request(&replay->capture);
    capture_header(first, "Host", value, sizeof value);
    snprintf(url, sizeof url, "http://%s", value);
    bool registered = capture_header(first, "Token", token, sizeof token);
    connect_sdk_set_connection(host->sdk, url, registered ? token : NULL);
    plan_inputs(host, &replay->capture);
    return true;
}

void sdk_host_run(struct sdk_host *host)
{
    const struct capture *capture = &host->replay->capture;
    int64_t end_us = capture->entries[capture->count - 1].time_us + MILLISECONDS(400);
    world_run(&host->replay->world, end_us, NULL);
}

void sdk_host_free(struct sdk_host *host)
{
    struct world *world = &host->replay->world;
    for (size_t i = 0; i < host->input_count; i++) {
        world_cancel(world, &host->inputs[i].timer);
    }
    world_cancel(world, &host->command_timer);
    free(host->inputs);
    connect_sdk_destroy(host->sdk);
    for (size_t i = 0; i < host->storage_count; i++) {
        storage_free(&host->storages[i]);
    }
    cJSON_Delete(host->info);
}
