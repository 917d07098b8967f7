#include <stdio.h>
#include <string.h>

#include "sim/machine/transfer.h"
#include "sim/protocol/link/sl1_link.h"

/* What the printer tells of itself (prusalink.md 1.2, 4.1, 4.3, 4.7); keys are sorted, as Flask
 * does it. */

void sl1_view_version(struct link_request *request, struct json_writer *json)
{
    json_object(json, NULL);
    json_string(json, "api", "0.1");
    json_string(json, "hostname", request->face->hostname);
    json_string(json, "server", "1.1.0");
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
    sl1_write_refs(request, json, origin, below, true);
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
    json_object(json, NULL);
    json_string(json, "api-key", face->api_key);
    json_object(json, "printer");
    json_string(json, "location", face->settings->location == NULL ? "" : face->settings->location);
    json_string(json, "name", face->settings->name == NULL ? "" : face->settings->name);
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

void sl1_view_commands(struct link_request *request, struct json_writer *json)
{
    struct buffer resource = {0};
    buffer_format(&resource, "http://%s/api/system/commands/custom/resinrefill", sl1_host(request));
    json_object(json, NULL);
    json_array(json, "core");
    json_array_end(json);
    json_array(json, "custom");
    json_object(json, NULL);
    json_string(json, "action", "resinrefill");
    json_string(json, "confirm", "Are you sure?");
    json_string(json, "name", "Resin Refill");
    json_string(json, "resource", buffer_text(&resource));
    json_string(json, "source", "custom");
    json_object_end(json);
    json_array_end(json);
    json_object_end(json);
    buffer_free(&resource);
}

void sl1_view_logs(struct link_request *request, struct json_writer *json)
{
    (void)request;
    json_object(json, NULL);
    json_array(json, "files");
    json_array_end(json);
    json_object_end(json);
}

void sl1_view_transfer(struct link_request *request, struct json_writer *json)
{
    const struct transfer *transfer = machine_transfer(request->face->machine);
    const char *name = strrchr(transfer->path, '/') + 1;
    json_object(json, NULL);
    json_string(json, "destination", name);
    json_string(json, "path", transfer->path + 1);
    json_float(json, "progress",
               transfer->size == 0 ? 0 : (double)transfer->received / (double)transfer->size);
    json_int(json, "size", (int64_t)transfer->size);
    json_int(json, "start_time",
             world_wall_us(request->face->world) / SECONDS(1) -
                 (request->face->world->now_us - transfer->began_us) / SECONDS(1));
    json_string(json, "target", "local");
    json_bool(json, "to_print", transfer->to_print);
    json_string(json, "type", transfer_source_name(transfer->source));
    json_object_end(json);
}
