#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/clients/link_internal.h"
#include "sim/base/memory.h"

/* SL1 has the interface of an OctoPrint only (prusalink.md 1.2): what the other flavours are asked
 * at /api/v1, in its words, and its answers in the one form. */

static const char v1[] = "/api/v1/files";

/* ---- Questions ---- */

static void give_json(struct link_call *call, const char *json)
{
    link_call_header(call, "Content-Type: application/json");
    buffer_clear(&call->memory);
    buffer_append_text(&call->memory, json);
    call->source = link_call_memory(call);
    call->has_body = true;
    call->empty_body = false;
}

static void ask_at(struct link_call *call, const char *method, const char *target)
{
    char *copy = memory_copy_text(target);
    free(call->target);
    call->target = copy;
    free(call->method);
    call->method = memory_copy_text(method);
}

/* "/api/v1/files/local/a" is "/api/files/local/a" there. */
static void ask_for_file(struct link_call *call)
{
    struct buffer target = {0};
    buffer_format(&target, "/api/files%s", call->target + strlen(v1));
    free(call->target);
    call->target = buffer_detach(&target);
}

static void command_job(struct link_call *call)
{
    static const char *const commands[] = {
        [LINK_JOB_PAUSE] = "{\"command\":\"pause\",\"action\":\"pause\"}",
        [LINK_JOB_RESUME] = "{\"command\":\"pause\",\"action\":\"resume\"}",
        [LINK_JOB_STOP] = "{\"command\":\"cancel\"}"};
    ask_at(call, "POST", "/api/job");
    give_json(call, commands[call->job_command]);
}

bool link_sla_translate(struct link_call *call, const char **trouble)
{
    static const char *const targets[] = {[LINK_CALL_STORAGES] = "/api/files",
                                          [LINK_CALL_STATUS] = "/api/printer",
                                          [LINK_CALL_JOB] = "/api/job",
                                          [LINK_CALL_TRANSFER] = "/api/transfer"};
    if (call->translated) {
        return true;
    }
    call->translated = true;
    switch (call->kind) {
    case LINK_CALL_STORAGES:
    case LINK_CALL_STATUS:
    case LINK_CALL_JOB:
    case LINK_CALL_TRANSFER:
        ask_at(call, "GET", targets[call->kind]);
        break;
    case LINK_CALL_LIST:
    case LINK_CALL_EXISTS:
    case LINK_CALL_REMOVE:
        ask_for_file(call);
        break;
    case LINK_CALL_PRINT:
        ask_for_file(call);
        give_json(call, "{\"command\":\"select\",\"print\":true}");
        break;
    case LINK_CALL_JOB_COMMAND:
        command_job(call);
        break;
    case LINK_CALL_MAKE_FOLDER:
        *trouble = "this printer makes folders only for what is uploaded into them";
        return false;
    case LINK_CALL_PLAIN:
    case LINK_CALL_VERSION:
    case LINK_CALL_UPLOAD:
        break;
    }
    return true;
}

/* ---- Answers ---- */

/* The words of 4.3; SELECTED waits for somebody to confirm the print. */
static enum link_state state_of(const char *word)
{
    static const struct {
        const char *word;
        enum link_state state;
    } words[] = {{"Ready", LINK_STATE_IDLE},        {"Operational", LINK_STATE_IDLE},
                 {"Selected", LINK_STATE_BUSY},     {"Busy", LINK_STATE_BUSY},
                 {"Printing", LINK_STATE_PRINTING}, {"Pausing", LINK_STATE_PRINTING},
                 {"Paused", LINK_STATE_PAUSED},     {"Error", LINK_STATE_ERROR}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(word, words[i].word) == 0) {
            return words[i].state;
        }
    }
    return LINK_STATE_OTHER;
}

static bool read_status(struct link_readings *readings, struct link_result *result,
                        struct error *error)
{
    const cJSON *state = link_member(result->json, "state");
    const cJSON *heat = link_member(result->json, "temperature");
    const char *word = link_text(state, "text");
    readings->status =
        (struct link_status){.state = state_of(word),
                             .state_word = word,
                             .nozzle_c = NAN,
                             .nozzle_target_c = NAN,
                             .bed_c = link_number(link_member(heat, "bed"), "actual"),
                             .bed_target_c = NAN,
                             .axis_x_mm = NAN,
                             .axis_y_mm = NAN,
                             .axis_z_mm = NAN,
                             .job_id = -1,
                             .progress = NAN,
                             .time_remaining_s = -1,
                             .time_printing_s = -1,
                             .transfer_id = -1,
                             .transfer_progress = NAN,
                             .transferred = -1};
    result->status_report = &readings->status;
    return link_needs(*word != '\0', error, "state.text");
}

/* What it prints from and takes uploads to; a drive that is plugged in is only read. */
static bool read_storages(struct link_readings *readings, struct link_result *result,
                          struct error *error)
{
    readings->storages = memory_new_array(1, sizeof *readings->storages);
    readings->storages[0] = (struct link_storage){.path = "/local",
                                                  .name = "local",
                                                  .type = "LOCAL",
                                                  .available = true,
                                                  .free_space = link_whole(result->json, "free"),
                                                  .total_space = link_whole(result->json, "total")};
    result->storages = readings->storages;
    result->storage_count = 1;
    return link_needs(cJSON_IsArray(link_member(result->json, "files")), error, "files");
}

/* Jobs have no numbers: 0 is the one there is. */
static bool read_job(struct link_readings *readings, struct link_result *result,
                     struct error *error)
{
    const cJSON *job = link_member(result->json, "job"), *file = link_member(job, "file");
    const cJSON *progress = link_member(result->json, "progress");
    const char *display = link_text(file, "display"), *name = link_text(file, "name");
    readings->job = (struct link_job){.id = cJSON_IsObject(job) ? 0 : -1,
                                      .state = state_of(link_text(result->json, "state")),
                                      .progress = link_number(progress, "completion"),
                                      .time_remaining_s = link_whole(progress, "printTimeLeft"),
                                      .time_printing_s = link_whole(progress, "printTime"),
                                      .file_name = name,
                                      .file_display_name = *display != '\0' ? display : name,
                                      .file_path = link_text(file, "path")};
    result->job = &readings->job;
    return link_needs(cJSON_IsString(link_member(result->json, "state")), error, "state");
}

static bool read_transfer(struct link_readings *readings, struct link_result *result,
                          struct error *error)
{
    const cJSON *json = result->json;
    readings->transfer =
        (struct link_transfer){.running = result->status != 204,
                               .type = link_text(json, "type"),
                               .display_name = link_text(json, "destination"),
                               .path = link_text(json, "path"),
                               .size = link_whole(json, "size"),
                               .transferred = -1,
                               .time_transferring_s = -1,
                               .progress = link_number(json, "progress"),
                               .to_print = cJSON_IsTrue(link_member(json, "to_print"))};
    result->transfer = &readings->transfer;
    return result->status == 204 || link_needs(cJSON_IsObject(json), error, "an object");
}

static struct link_entry entry_of(const cJSON *json)
{
    const char *name = link_text(json, "name"), *display = link_text(json, "display");
    const char *type = link_text(json, "type");
    bool folder = strcmp(type, "folder") == 0;
    return (struct link_entry){.name = name,
                               .display_name = *display != '\0' ? display : name,
                               .type = folder                             ? "FOLDER"
                                       : strcmp(type, "machinecode") == 0 ? "PRINT_FILE"
                                                                          : type,
                               .folder = folder,
                               .size = folder ? -1 : link_whole(json, "size"),
                               .m_timestamp = link_whole(json, "date"),
                               .download = link_text(link_member(json, "refs"), "download"),
                               .thumbnail = link_text(link_member(json, "refs"), "thumbnailBig")};
}

static bool read_listing(struct link_readings *readings, struct link_result *result,
                         struct error *error)
{
    const cJSON *json = result->json, *files = link_member(json, "files");
    struct link_listing *listing = &readings->listing;
    *listing = (struct link_listing){.self = entry_of(json), .etag = readings->etag};
    if (files != NULL) { /* a whole storage has no entry of its own */
        listing->self = (struct link_entry){.name = "local",
                                            .display_name = "local",
                                            .type = "FOLDER",
                                            .folder = true,
                                            .size = -1,
                                            .m_timestamp = -1,
                                            .download = "",
                                            .thumbnail = ""};
    }
    const cJSON *children = files != NULL ? files : link_member(json, "children");
    if (!link_needs(*listing->self.name != '\0', error, "name") ||
        !link_needs(!listing->self.folder || cJSON_IsArray(children), error, "children")) {
        return false;
    }
    if (!link_read_children(listing, children, entry_of, error)) {
        return false;
    }
    link_read_etag(readings, result);
    result->listing = listing;
    return true;
}

bool link_sla_read(struct link_readings *readings, enum link_call_kind kind,
                   struct link_result *result, struct error *error)
{
    switch (kind) {
    case LINK_CALL_STORAGES:
        return read_storages(readings, result, error);
    case LINK_CALL_STATUS:
        return read_status(readings, result, error);
    case LINK_CALL_JOB:
        return read_job(readings, result, error);
    case LINK_CALL_TRANSFER:
        return read_transfer(readings, result, error);
    case LINK_CALL_LIST:
        return result->status == 304 || read_listing(readings, result, error);
    default:
        return true;
    }
}
