#include <stdio.h>
#include <string.h>

#include "sim/machine/transfer.h"
#include "sim/protocol/link/sl1_link.h"

/* What the printer tells of itself (prusalink.md 1.2, 4.1, 4.3, 4.7); keys are sorted, as Flask
 * does it. */

/* "?system=true"; the specification says a boolean, the web interface a number. */
static bool asks_for_system(const char *query)
{
    const char *value = query == NULL ? NULL : strstr(query, "system=");
    value = value == NULL ? "" : value + strlen("system=");
    return *value == '1' || strncmp(value, "true", 4) == 0;
}

void sl1_view_version(struct link_request *request, struct json_writer *json)
{
    json_object(json, NULL);
    json_string(json, "api", "0.1");
    json_string(json, "hostname", request->face->hostname);
    if (asks_for_system(request->query)) {
        json_array(json, "python");
        json_array_end(json);
    }
    json_string(json, "server", "1.1.0");
    if (asks_for_system(request->query)) {
        json_object(json, "system");
        json_string(json, "DESCRIPTION", machine_model(request->face->machine)->title);
        json_string(json, "ID", "prusa");
        json_string(json, "OS", "GNU/Linux");
        json_object_end(json);
    }
    json_string(json, "text", "Prusa SLA 1.0.5");
    json_object_end(json);
}

static struct resin_readings read_resin(struct link_request *request)
{
    struct resin_readings readings = {0};
    machine_read_resin(request->face->machine, &readings);
    return readings;
}

/* ---- state ---- */

static const char *state_text(const struct resin_readings *resin)
{
    switch (resin->standard) {
    case RESIN_STANDARD_READY:
        return "Ready";
    case RESIN_STANDARD_SELECTED:
        return "Selected";
    case RESIN_STANDARD_PRINTING:
        return "Printing";
    case RESIN_STANDARD_FEED_ME:
    case RESIN_STANDARD_POUR_IN_RESIN:
        return "Paused";
    case RESIN_STANDARD_BUSY:
        return "Busy";
    case RESIN_STANDARD_ERROR:
        return "Error";
    }
    return "Error";
}

static void add_flags(struct link_request *request, struct json_writer *json,
                      const struct resin_readings *resin)
{
    bool error = resin->standard == RESIN_STANDARD_ERROR;
    bool paused = resin->standard == RESIN_STANDARD_FEED_ME ||
                  resin->standard == RESIN_STANDARD_POUR_IN_RESIN;
    bool ending = resin->phase == RESIN_PENDING_ACTION;
    bool ready =
        resin->standard == RESIN_STANDARD_READY || resin->standard == RESIN_STANDARD_SELECTED;
    json_object(json, "flags");
    json_bool(json, "cancelling", false);
    json_bool(json, "closedOrError", error);
    json_bool(json, "error", error);
    json_bool(json, "operational", !error);
    json_bool(json, "paused", paused);
    json_bool(json, "pausing", ending);
    json_bool(json, "printing", resin->job);
    json_bool(json, "ready", ready);
    json_bool(json, "sdReady", machine_storage_of(request->face->machine, "/usb", NULL) != NULL);
    json_object_end(json);
}

/* "?exclude=temperature,sd" */
static bool excluded(const struct link_request *request, const char *part)
{
    const char *list = request->query == NULL ? NULL : strstr(request->query, "exclude=");
    size_t size = strlen(part);
    for (const char *at = list == NULL ? NULL : list + strlen("exclude=");
         at != NULL && *at != '\0';) {
        size_t word = strcspn(at, ",&");
        if (word == size && memcmp(at, part, size) == 0) {
            return true;
        }
        at = at[word] == ',' ? at + word + 1 : NULL;
    }
    return false;
}

static void add_temperature(struct json_writer *json, const struct resin_readings *resin)
{
    json_object(json, "temperature");
    json_object(json, "bed");
    json_float(json, "actual", resin->cpu_c);
    json_object_end(json);
    json_object(json, "chamber");
    json_float(json, "actual", resin->ambient_c);
    json_object_end(json);
    json_object(json, "tool0");
    json_float(json, "actual", resin->uv_led_c);
    json_int(json, "offset", 0);
    json_int(json, "target", 0);
    json_object_end(json);
    json_object_end(json);
}

static void add_telemetry(struct json_writer *json, const struct resin_readings *resin)
{
    json_object(json, "telemetry");
    json_bool(json, "coverClosed", resin->cover_closed);
    json_int(json, "fanBlower", resin->blower_fan_rpm);
    json_int(json, "fanRear", resin->rear_fan_rpm);
    json_int(json, "fanUvLed", resin->uv_led_fan_rpm);
    json_float(json, "tempAmbient", resin->ambient_c);
    json_float(json, "tempCpu", resin->cpu_c);
    json_float(json, "tempUvLed", resin->uv_led_c);
    json_object_end(json);
}

/* A known oddity: an array of one. */
static void add_sd(struct link_request *request, struct json_writer *json)
{
    bool array = link_quirk(request->face, 30);
    if (array) {
        json_array(json, "sd");
    }
    json_object(json, array ? NULL : "sd");
    json_bool(json, "ready", false);
    json_object_end(json);
    if (array) {
        json_array_end(json);
    }
}

void sl1_view_printer(struct link_request *request, struct json_writer *json)
{
    const struct resin_readings resin = read_resin(request);
    json_object(json, NULL);
    if (!excluded(request, "sd")) {
        add_sd(request, json);
    }
    if (!excluded(request, "state")) {
        json_object(json, "state");
        add_flags(request, json, &resin);
        json_string(json, "text", state_text(&resin));
        json_object_end(json);
    }
    add_telemetry(json, &resin);
    if (!excluded(request, "temperature")) {
        add_temperature(json, &resin);
    }
    json_object_end(json);
}

void sl1_view_sd(struct link_request *request, struct json_writer *json)
{
    (void)request;
    json_object(json, NULL);
    json_bool(json, "ready", false);
    json_object_end(json);
}

/* ---- the job ---- */

static void add_job_file(struct link_request *request, struct json_writer *json,
                         const struct machine_job *job, const struct resin_readings *resin)
{
    char origin[64] = "";
    const char *slash = strchr(job->path + 1, '/');
    snprintf(origin, sizeof origin, "%.*s", slash == NULL ? 0 : (int)(slash - job->path - 1),
             job->path + 1);
    const char *below = slash == NULL ? "" : slash + 1;
    const char *name = strrchr(job->path, '/') + 1;
    const struct storage *storage;
    const struct file_node *node;
    json_object(json, "file");
    json_float(json, "date", (double)job->modified_s);
    json_string(json, "display", name);
    json_int(json, "exposureTime", resin->exposure_ms);
    if (resin->exposure_calibration_ms > 0) {
        json_int(json, "exposureTimeCalibration", resin->exposure_calibration_ms);
    }
    json_int(json, "exposureTimeFirst", resin->exposure_first_ms);
    json_int(json, "exposureUserProfile", resin->user_profile);
    json_float(json, "layerHeight", resin->layer_height_mm);
    json_int(json, "layers", resin->layer_count);
    json_string(json, "name", name);
    json_string(json, "origin", origin);
    json_string(json, "path", below);
    sl1_find(request->face, origin, below, &storage, &node);
    sl1_write_refs(request, json, origin, below, node);
    json_int(json, "size", (int64_t)job->size_bytes);
    json_object_end(json);
}

static void add_progress(struct json_writer *json, const struct resin_readings *resin)
{
    json_object(json, "progress");
    json_float(json, "completion", resin->progress);
    json_int(json, "currentLayer", resin->layer);
    json_int(json, "printTime", resin->elapsed_s);
    json_int(json, "printTimeLeft", resin->remaining_s);
    json_object_end(json);
    json_object(json, "resin");
    json_float(json, "consumed", resin->consumed_ml);
    json_float(json, "remaining", resin->remaining_ml);
    json_object_end(json);
}

void sl1_view_job(struct link_request *request, struct json_writer *json)
{
    const struct resin_readings resin = read_resin(request);
    const struct machine_job *job = machine_job(request->face->machine);
    json_object(json, NULL);
    if (resin.job && job != NULL) {
        json_object(json, "job");
        json_float(json, "estimatedPrintTime", (double)resin.estimate_s);
        add_job_file(request, json, job, &resin);
        json_object_end(json);
        add_progress(json, &resin);
    } else if (!link_quirk(request->face, 30)) {
        json_null(json, "job");
        json_null(json, "progress");
    }
    json_string(json, "state", state_text(&resin));
    json_object_end(json);
}

/* ---- what other programs expect of an OctoPrint ---- */

void sl1_view_settings(struct link_request *request, struct json_writer *json)
{
    const struct link_face *face = request->face;
    const struct sl1_link *link = face->dialect_state;
    const char *location = link->location != NULL ? link->location : face->settings->location;
    const char *name = link->name != NULL ? link->name : face->settings->name;
    json_object(json, NULL);
    json_string(json, "api-key", face->api_key);
    json_object(json, "printer");
    json_string(json, "location", location == NULL ? "" : location);
    json_string(json, "name", name == NULL ? "" : name);
    json_object_end(json);
    json_string(json, "username", face->user);
    json_object_end(json);
}

void sl1_view_connection(struct link_request *request, struct json_writer *json)
{
    const struct resin_readings resin = read_resin(request);
    json_object(json, NULL);
    json_object(json, "current");
    json_null(json, "baudrate");
    json_null(json, "port");
    json_string(json, "printerProfile", "_default");
    json_string(json, "state", state_text(&resin));
    json_object_end(json);
    json_object(json, "options");
    json_null(json, "baudratePreference");
    json_array(json, "baudrates");
    json_array_end(json);
    json_null(json, "portPreference");
    json_array(json, "ports");
    json_array_end(json);
    json_string(json, "printerProfilePreference", "_default");
    json_array(json, "printerProfiles");
    json_object(json, NULL);
    json_string(json, "id", "_default");
    json_string(json, "name", "Default");
    json_object_end(json);
    json_array_end(json);
    json_object_end(json);
    json_object_end(json);
}

/* The model's name is the ending of its projects. */
static const char *project_extension(const struct link_face *face)
{
    const char *model = machine_model(face->machine)->resin.project_model;
    return strcmp(model, "SL1S") == 0 ? ".sl1s" : strcmp(model, "M1") == 0 ? ".m1" : ".sl1";
}

bool sl1_good_project_name(const struct link_face *face, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *wanted = project_extension(face);
    if (dot == NULL) {
        return false;
    }
    for (size_t i = 0; wanted[i] != '\0' || dot[i] != '\0'; i++) {
        if ((dot[i] | 0x20) != (wanted[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

void sl1_view_profiles(struct link_request *request, struct json_writer *json)
{
    struct buffer resource = {0};
    buffer_format(&resource, "http://%s/api/printerprofiles/_default", sl1_host(request));
    json_object(json, NULL);
    json_array(json, "profiles");
    json_object(json, NULL);
    json_string(json, "color", "default");
    json_bool(json, "current", true);
    json_bool(json, "default", true);
    json_object(json, "extruder");
    json_int(json, "count", 1);
    json_array(json, "offsets");
    json_float(json, NULL, 0);
    json_float(json, NULL, 0);
    json_array_end(json);
    json_object_end(json);
    json_bool(json, "heatedBed", true);
    json_bool(json, "heatedChamber", true);
    json_string(json, "id", "_default");
    json_string(json, "model", "Original Prusa SLA");
    json_string(json, "name", "Default");
    json_array(json, "projectExtensions");
    json_string(json, NULL, project_extension(request->face));
    json_array_end(json);
    json_string(json, "resource", buffer_text(&resource));
    json_object_end(json);
    json_array_end(json);
    json_object_end(json);
    buffer_free(&resource);
}

static void add_command(struct link_request *request, struct json_writer *json, const char *action,
                        const char *confirm, const char *name)
{
    struct buffer resource = {0};
    buffer_format(&resource, "http://%s/api/system/commands/custom/%s", sl1_host(request), action);
    json_object(json, NULL);
    json_string(json, "action", action);
    if (confirm != NULL) {
        json_string(json, "confirm", confirm);
    }
    json_string(json, "name", name);
    json_string(json, "resource", buffer_text(&resource));
    json_string(json, "source", "custom");
    json_object_end(json);
    buffer_free(&resource);
}

/* (Prusa-Link-Web: tools/server/mock/sla.js) */
void sl1_view_commands(struct link_request *request, struct json_writer *json)
{
    json_object(json, NULL);
    json_array(json, "core");
    json_array_end(json);
    json_array(json, "custom");
    add_command(request, json, "resinrefill", "Are you sure?", "Resin Refill");
    add_command(request, json, "changeexposure", NULL, "Print Settings");
    json_array_end(json);
    json_object_end(json);
}

/* One, who may do everything (Prusa-Link-Web: tools/server/miscellaneous.js). */
void sl1_view_users(struct link_request *request, struct json_writer *json)
{
    json_object(json, NULL);
    json_array(json, "users");
    json_object(json, NULL);
    json_bool(json, "active", true);
    json_bool(json, "admin", true);
    json_null(json, "apikey");
    json_string(json, "name", request->face->user);
    json_object(json, "settings");
    json_object_end(json);
    json_bool(json, "user", true);
    json_object_end(json);
    json_array_end(json);
    json_object_end(json);
}

void sl1_view_logs(struct link_request *request, struct json_writer *json)
{
    (void)request;
    json_object(json, NULL);
    json_array(json, "files");
    json_array_end(json);
    json_object_end(json);
}

/* The specification writes figures as text. */
static void add_figure(struct json_writer *json, const char *key, const char *format, double value)
{
    char text[40];
    snprintf(text, sizeof text, format, value);
    json_string(json, key, text);
}

void sl1_view_transfer(struct link_request *request, struct json_writer *json)
{
    const struct world *world = request->face->world;
    const struct transfer *transfer = machine_transfer(request->face->machine);
    const char *below = strchr(transfer->path + 1, '/');
    int64_t began_s =
        world_wall_us(world) / SECONDS(1) - (world->now_us - transfer->began_us) / SECONDS(1);
    int64_t left_s = transfer_remaining_s(transfer, world);
    json_object(json, NULL);
    json_string(json, "destination", below == NULL ? transfer->path : below);
    add_figure(json, "progress", "%.4g",
               transfer->size == 0 ? 0 : (double)transfer->received / (double)transfer->size);
    if (left_s >= 0) {
        add_figure(json, "remaining_time", "%.0f", (double)left_s);
    }
    add_figure(json, "size", "%.0f", (double)transfer->size);
    add_figure(json, "start_time", "%.0f", (double)began_s);
    json_string(json, "target", "local");
    json_bool(json, "to_print", transfer->to_print);
    json_bool(json, "to_select", transfer->to_select);
    json_string(json, "type", transfer_source_name(transfer->source));
    if (transfer->url != NULL) {
        json_string(json, "url", transfer->url);
    }
    json_object_end(json);
}
