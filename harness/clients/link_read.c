#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/clients/link_internal.h"
#include "sim/base/memory.h"

/* The answers of all flavours in one form. A member that is needed and missing is an error; one
 * that is not needed may be missing, null or of another type (PL-CL-05). */

enum { STORAGES_MAX = 64 };

const cJSON *link_member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *link_text(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(link_member(object, key));
    return text != NULL ? text : "";
}

/* Sizes come as numbers and as texts of digits (3.7). */
double link_number(const cJSON *object, const char *key)
{
    const cJSON *value = link_member(object, key);
    if (cJSON_IsNumber(value)) {
        return value->valuedouble;
    }
    if (cJSON_IsString(value) && value->valuestring[0] >= '0' && value->valuestring[0] <= '9') {
        return strtod(value->valuestring, NULL);
    }
    return NAN;
}

int64_t link_whole(const cJSON *object, const char *key)
{
    double number = link_number(object, key);
    return !isnan(number) && number >= 0 && number < 9e15 ? (int64_t)number : -1;
}

static bool flag_of(const cJSON *object, const char *key, bool otherwise)
{
    const cJSON *value = link_member(object, key);
    return cJSON_IsBool(value) ? cJSON_IsTrue(value) : otherwise;
}

static bool read_only_of(const cJSON *object)
{
    return flag_of(object, "read_only", flag_of(object, "ro", false)); /* 9.1, 20 */
}

bool link_needs(bool good, struct error *error, const char *what)
{
    return good || error_set(error, "%s is missing, or of a wrong type", what);
}

static enum link_state state_of(const char *word)
{
    for (int state = LINK_STATE_IDLE; state <= LINK_STATE_ATTENTION; state++) {
        if (strcmp(word, link_state_name((enum link_state)state)) == 0) {
            return (enum link_state)state;
        }
    }
    return LINK_STATE_OTHER;
}

const char *link_state_name(enum link_state state)
{
    static const char *const names[] = {"UNKNOWN", "IDLE",     "READY",   "BUSY",  "PRINTING",
                                        "PAUSED",  "FINISHED", "STOPPED", "ERROR", "ATTENTION"};
    return names[state];
}

static double share(double number, double whole)
{
    return isnan(number) ? NAN : number / whole;
}

/* ---- One for each kind of answer ---- */

static bool read_version(struct link_readings *readings, struct link_result *result,
                         struct error *error)
{
    const cJSON *json = result->json;
    struct link_version *version = &readings->version;
    *version = (struct link_version){.api = link_text(json, "api"),
                                     .server = link_text(json, "server"),
                                     .text = link_text(json, "text"),
                                     .hostname = link_text(json, "hostname"),
                                     .original = link_text(json, "original")};
    version->upload_by_put = flag_of(link_member(json, "capabilities"), "upload-by-put", false);
    bool pi = strncmp(version->original, "PrusaLink", 9) == 0 ||
              strncmp(version->text, "PrusaLink ", 10) == 0;
    version->flavour = strncmp(version->text, "Prusa SLA", 9) == 0 ? LINK_FLAVOUR_SLA
                       : pi                                        ? LINK_FLAVOUR_PI
                       : strcmp(version->text, "PrusaLink") == 0   ? LINK_FLAVOUR_BUDDY
                                                                   : LINK_FLAVOUR_UNKNOWN;
    result->version = version;
    return link_needs(cJSON_IsString(link_member(json, "api")), error, "api");
}

static bool read_storages(struct link_readings *readings, struct link_result *result,
                          struct error *error)
{
    const cJSON *list = link_member(result->json, "storage_list"), *entry;
    if (!link_needs(cJSON_IsArray(list), error, "storage_list")) {
        return false;
    }
    readings->storages = memory_new_array(STORAGES_MAX, sizeof *readings->storages);
    cJSON_ArrayForEach(entry, list)
    {
        if (!link_needs(cJSON_IsString(link_member(entry, "path")), error, "storage_list[].path") ||
            !link_needs(result->storage_count < STORAGES_MAX, error, "an end of storage_list")) {
            return false;
        }
        readings->storages[result->storage_count++] =
            (struct link_storage){.path = link_text(entry, "path"),
                                  .name = link_text(entry, "name"),
                                  .type = link_text(entry, "type"),
                                  .available = flag_of(entry, "available", true),
                                  .read_only = read_only_of(entry),
                                  .free_space = link_whole(entry, "free_space"),
                                  .total_space = link_whole(entry, "total_space")};
    }
    result->storages = readings->storages;
    return true;
}

static bool read_status(struct link_readings *readings, struct link_result *result,
                        struct error *error)
{
    const cJSON *printer = link_member(result->json, "printer"),
                *job = link_member(result->json, "job");
    const cJSON *transfer = link_member(result->json, "transfer");
    /* The Pi says percent and data_transferred, Buddy a fraction and transferred (3.4). */
    bool percent = link_member(transfer, "data_transferred") != NULL;
    readings->status = (struct link_status){
        .state = state_of(link_text(printer, "state")),
        .state_word = link_text(printer, "state"),
        .nozzle_c = link_number(printer, "temp_nozzle"),
        .nozzle_target_c = link_number(printer, "target_nozzle"),
        .bed_c = link_number(printer, "temp_bed"),
        .bed_target_c = link_number(printer, "target_bed"),
        .axis_x_mm = link_number(printer, "axis_x"),
        .axis_y_mm = link_number(printer, "axis_y"),
        .axis_z_mm = link_number(printer, "axis_z"),
        .job_id = link_whole(job, "id"),
        .progress = share(link_number(job, "progress"), 100),
        .time_remaining_s = link_whole(job, "time_remaining"),
        .time_printing_s = link_whole(job, "time_printing"),
        .transfer_id = link_whole(transfer, "id"),
        .transfer_progress = share(link_number(transfer, "progress"), percent ? 100 : 1),
        .transferred = link_whole(transfer, percent ? "data_transferred" : "transferred")};
    result->status_report = &readings->status;
    return link_needs(cJSON_IsString(link_member(printer, "state")), error, "printer.state");
}

static bool read_job(struct link_readings *readings, struct link_result *result,
                     struct error *error)
{
    readings->job = (struct link_job){.id = -1,
                                      .progress = NAN,
                                      .time_remaining_s = -1,
                                      .time_printing_s = -1,
                                      .file_name = "",
                                      .file_display_name = "",
                                      .file_path = ""};
    result->job = &readings->job;
    if (result->status == 204) { /* PL-CL-04 */
        return true;
    }
    const cJSON *json = result->json, *file = link_member(json, "file");
    const char *name = link_text(file, "name"), *display = link_text(file, "display_name");
    readings->job = (struct link_job){.id = link_whole(json, "id"),
                                      .state = state_of(link_text(json, "state")),
                                      .progress = share(link_number(json, "progress"), 100),
                                      .time_remaining_s = link_whole(json, "time_remaining"),
                                      .time_printing_s = link_whole(json, "time_printing"),
                                      .file_name = name,
                                      .file_display_name = *display != '\0' ? display : name,
                                      .file_path = link_text(file, "path")};
    return link_needs(cJSON_IsObject(json), error, "an object") &&
           (readings->job.id >= 0 ||
            link_needs(cJSON_IsNull(link_member(json, "id")), error, "id"));
}

static bool read_transfer(struct link_readings *readings, struct link_result *result,
                          struct error *error)
{
    readings->transfer = (struct link_transfer){.type = "",
                                                .display_name = "",
                                                .path = "",
                                                .progress = NAN,
                                                .size = -1,
                                                .transferred = -1,
                                                .time_transferring_s = -1};
    result->transfer = &readings->transfer;
    if (result->status == 204) {
        return true;
    }
    const cJSON *json = result->json;
    bool fraction = cJSON_IsString(link_member(json, "size")); /* Buddy, in its two ways (3.7) */
    readings->transfer =
        (struct link_transfer){.running = true,
                               .type = link_text(json, "type"),
                               .display_name = link_text(json, "display_name"),
                               .path = link_text(json, "path"),
                               .size = link_whole(json, "size"),
                               .transferred = link_whole(json, "transferred"),
                               .time_transferring_s = link_whole(json, "time_transferring"),
                               .progress = share(link_number(json, "progress"), fraction ? 1 : 100),
                               .to_print = flag_of(json, "to_print", false)};
    return link_needs(cJSON_IsObject(json), error, "an object");
}

static struct link_entry entry_of(const cJSON *json)
{
    const char *name = link_text(json, "name"), *display = link_text(json, "display_name");
    const cJSON *refs = link_member(json, "refs");
    return (struct link_entry){.name = name,
                               .display_name = *display != '\0' ? display : name,
                               .type = link_text(json, "type"),
                               .folder = strcmp(link_text(json, "type"), "FOLDER") == 0,
                               .read_only = read_only_of(json),
                               .size = link_whole(json, "size"),
                               .m_timestamp = link_whole(json, "m_timestamp"),
                               .download = link_text(refs, "download"),
                               .thumbnail = link_text(refs, "thumbnail")};
}

void link_read_etag(struct link_readings *readings, const struct link_result *result)
{
    if (result->head != NULL) {
        struct slice etag = http_header_value(result->head, "ETag");
        if (etag.bytes != NULL && etag.size < sizeof readings->etag) {
            memcpy(readings->etag, etag.bytes, etag.size);
        }
    }
}

bool link_read_children(struct link_listing *listing, const cJSON *children, link_entry_of *entry,
                        struct error *error)
{
    const cJSON *child;
    listing->children =
        memory_new_array((size_t)cJSON_GetArraySize(children) + 1, sizeof *listing->children);
    cJSON_ArrayForEach(child, children)
    {
        if (!link_needs(cJSON_IsString(link_member(child, "name")), error, "children[].name") ||
            !link_needs(cJSON_IsString(link_member(child, "type")), error, "children[].type")) {
            return false;
        }
        listing->children[listing->child_count++] = entry(child);
    }
    return true;
}

static bool read_listing(struct link_readings *readings, struct link_result *result,
                         struct error *error)
{
    if (result->status == 304) {
        return true;
    }
    const cJSON *json = result->json, *children = link_member(json, "children");
    struct link_listing *listing = &readings->listing;
    *listing = (struct link_listing){.self = entry_of(json), .etag = readings->etag};
    if (!link_needs(cJSON_IsString(link_member(json, "type")), error, "type") ||
        !link_needs(cJSON_IsString(link_member(json, "name")), error, "name") ||
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

bool link_call_read(struct link_readings *readings, enum link_flavour flavour,
                    enum link_call_kind kind, struct link_result *result, struct error *error)
{
    if (flavour == LINK_FLAVOUR_SLA && kind != LINK_CALL_VERSION) {
        return link_sla_read(readings, kind, result, error);
    }
    switch (kind) {
    case LINK_CALL_VERSION:
        return read_version(readings, result, error);
    case LINK_CALL_STORAGES:
        return read_storages(readings, result, error);
    case LINK_CALL_STATUS:
        return read_status(readings, result, error);
    case LINK_CALL_JOB:
        return read_job(readings, result, error);
    case LINK_CALL_TRANSFER:
        return read_transfer(readings, result, error);
    case LINK_CALL_LIST:
        return read_listing(readings, result, error);
    case LINK_CALL_PLAIN:
    case LINK_CALL_UPLOAD:
    case LINK_CALL_EXISTS:
    case LINK_CALL_MAKE_FOLDER:
    case LINK_CALL_REMOVE:
    case LINK_CALL_PRINT:
    case LINK_CALL_JOB_COMMAND:
        break;
    }
    return true;
}

/* ---- Errors ---- */

/* Printable and on one line, whatever a server writes. */
static void copy_line(char *out, size_t size, const char *text, size_t length)
{
    size_t at = 0;
    for (size_t i = 0; i < length && at + 1 < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        out[at++] = byte < ' ' || byte == 0x7f ? ' ' : text[i];
    }
    while (at > 0 && out[at - 1] == ' ') {
        at--;
    }
    out[at] = '\0';
}

void link_call_read_error(struct link_readings *readings, struct link_result *result)
{
    char *title = readings->title, *text = readings->text;
    if (cJSON_IsObject(
            result->json)) { /* 3.2: the Pi and Buddy say message, the specification text */
        const char *message = link_text(result->json, "message");
        const char *first = link_text(result->json, "title");
        const char *second = *message != '\0' ? message : link_text(result->json, "text");
        copy_line(title, sizeof readings->title, first, strlen(first));
        copy_line(text, sizeof readings->text, second, strlen(second));
    } else if (result->body[strspn(result->body, " \t\r\n")] !=
               '<') { /* a page says nothing in one line */
        size_t line = strcspn(result->body, "\r\n");
        const char *rest = result->body + line + strspn(result->body + line, "\r\n");
        copy_line(title, sizeof readings->title, result->body, line);
        copy_line(text, sizeof readings->text, rest, strcspn(rest, "\r\n"));
    }
    result->title = title;
    result->text = text;
}

void link_call_readings_free(struct link_readings *readings)
{
    free(readings->storages);
    free(readings->listing.children);
}
