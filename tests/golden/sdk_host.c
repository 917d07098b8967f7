#include "tests/golden/sdk_host.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_transfer.h"

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
            strcmp(item->string, "job_id") == 0 || strstr(item->string, "transfer") != NULL) {
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

/* What the host program saw of the SDK and noted. */
static void check_note(struct sdk_host *host, const char *note)
{
    char now[400];
    if (strncmp(note, "host program got ", 17) == 0) {
        snprintf(now, sizeof now, "host program got %s", host->failure);
    } else {
        const char *code = connect_sdk_code(host->sdk), *token = connect_sdk_token(host->sdk);
        snprintf(now, sizeof now, "host program: code is still %s, token %s",
                 code == NULL ? "None" : code, token == NULL ? "None" : token);
    }
    if (strcmp(now, note) != 0 && host->complaint[0] == '\0') {
        snprintf(host->complaint, sizeof host->complaint, "noted: %.150s\n  now:   %.150s", note,
                 now);
    }
}

static void do_note(struct sdk_host *host, const char *note)
{
    if (strncmp(note, "host program got ", 17) == 0 ||
        strncmp(note, "host program: code is still ", 28) == 0) {
        check_note(host, note);
        return;
    }
    if (strstr(note, "port is closed") != NULL) {
        replay_stop_listening(host->replay);
    } else if (strstr(note, "listens again") != NULL) {
        replay_listen(host->replay);
    } else if (strstr(note, "host's clock is set to true time ") != NULL) {
        double offset = strtod(strstr(note, "true time ") + 10, NULL);
        connect_sdk_shift_clock(host->sdk, (int64_t)((offset - host->clock_offset_s) * 1e6));
        host->clock_offset_s = offset;
    } else if (!sdk_host_camera_note(host, note)) {
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

/* When the thread of commands had accepted the transfer whose GET this is: some milliseconds after
 * it was told to. */
static int64_t accepted_us(const struct capture *capture, const struct capture_entry *get)
{
    for (const struct capture_entry *entry = get; entry-- > capture->entries;) {
        if (entry->kind == CAPTURE_REQUEST && strstr(entry->body, "\"ACCEPTED\"") != NULL) {
            return entry->time_us + 1000;
        }
    }
    return get->time_us;
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
    } else if (begins(entry, "POST /p/camera ")) {
        if (strncmp(host->name, "60-", 3) == 0) { /* in 61 a note tells of it */
            sdk_host_register_camera(host, entry);
        }
    } else if (begins(entry, "GET ")) { /* the thread of downloads looked then */
        struct sdk_transfer *transfer = sdk_transfer_of(host->sdk);
        if (!transfer->started) {
            transfer->start_us = accepted_us(&host->replay->capture, entry);
        }
        sdk_transfer_turn(transfer);
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

static bool is_download(const struct capture_entry *entry)
{
    return begins(entry, "GET ") && !begins(entry, "GET /p/register ");
}

/* Whether the host program itself made this message, and not the SDK. */
static bool of_host(const struct capture_entry *entry)
{
    if (entry->kind == CAPTURE_NOTE || is_download(entry) || begins(entry, "POST /p/telemetry ") ||
        begins(entry, "POST /p/register ") || begins(entry, "POST /p/camera ")) {
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

static void on_register_failed(void *owner, const char *error)
{
    struct sdk_host *host = owner;
    snprintf(host->failure, sizeof host->failure, "%s", error);
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
        if (capture->entries[i].kind == CAPTURE_REQUEST &&
            !begins(&capture->entries[i], "PUT ")) { /* a camera's */
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
            bool behind =
                strstr(entry->text, "clock") != NULL || strstr(entry->text, "host program");
            plan_input(host, entry, entry->time_us + (behind && burst == 0 ? 500 : 0));
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
        .command = sdk_host_command,
        .interrupt = sdk_host_interrupt,
        .info = on_info,
        .storage_count = on_storage_count,
        .storage = on_storage,
        .make_folder = sdk_host_make_folder,
        .remove = sdk_host_remove,
        .printed_file = on_printed_file,
        .append = sdk_host_append,
        .rename = sdk_host_rename,
        .register_failed = on_register_failed,
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
        .watch_interval_us = name[0] == '5' ? MILLISECONDS(100) : MILLISECONDS(20),
        .transfer_turn_us = SECONDS(1), /* never: it looks when the recorded one did */
    });
    timer_init(&host->command_timer, sdk_host_command_over, host);
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
    sdk_host_add_cameras(host);
    plan_inputs(host, &replay->capture);
    if (strncmp(name, "57-", 3) == 0) { /* where the last download of 56 was to go */
        sdk_transfer_of(host->sdk)->target = memory_copy_text("/local/empty.gcode");
    }
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
