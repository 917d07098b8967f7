/* What the legacy interface tells about the printer and its job (prusalink.md 4.1, 4.3), and what
 * both interfaces write numbers with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* --- numbers as the printer prints them --- */

double pi_rounded(double value, double scale)
{
    return nearbyint(value * scale) / scale;
}

void pi_number(struct json_writer *json, const char *key, double value, double scale, bool keep)
{
    if (isfinite(value)) {
        json_float(json, key, pi_rounded(value, scale));
    } else if (keep) {
        json_null(json, key);
    }
}

void pi_known_int(struct json_writer *json, const char *key, int64_t value, bool keep)
{
    if (value >= 0) {
        json_int(json, key, value);
    } else if (keep) {
        json_null(json, key);
    }
}

void pi_begin_json(struct json_writer *json, struct buffer *body)
{
    *body = (struct buffer){0};
    json_begin(json, body, JSON_PYTHON);
    json_object(json, NULL);
}

void pi_end_json(struct link_request *request, struct json_writer *json, struct buffer *body)
{
    json_object_end(json);
    pi_send_json(request, 200, body);
}

/* --- the legacy interface --- */

static void write_state(struct link_request *request, struct json_writer *json, bool card)
{
    enum printer_state state = pi_state(request);
    bool finished = state == STATE_FINISHED, stopped = state == STATE_STOPPED;
    bool prepared = state == STATE_READY && !link_quirk(request->face, 53);
    json_object(json, "state");
    json_string(json, "text", pi_state_text(state));
    json_object(json, "flags");
    json_bool(json, "operational", state == STATE_IDLE || finished || stopped);
    json_bool(json, "paused", state == STATE_PAUSED);
    json_bool(json, "printing", state == STATE_PRINTING);
    json_bool(json, "cancelling", stopped);
    json_bool(json, "pausing", state == STATE_PAUSED);
    json_bool(json, "sdReady", card);
    json_bool(json, "error", state == STATE_ERROR);
    json_bool(json, "ready", state == STATE_IDLE);
    json_bool(json, "closedOrError", false);
    json_bool(json, "finished", finished);
    json_bool(json, "prepared", prepared);
    json_string(json, "link_state", printer_state_name(state));
    json_object_end(json);
    json_object_end(json);
}

static void write_heater(struct json_writer *json, const char *key, double actual, double target)
{
    json_object(json, key);
    pi_number(json, "actual", actual, 10, true);
    pi_number(json, "target", target, 10, true);
    json_object_end(json);
}

static void write_telemetry(struct link_request *request, struct json_writer *json,
                            const struct machine_readings *readings)
{
    enum printer_state state = pi_state(request);
    bool moves = state == STATE_PRINTING || state == STATE_BUSY;
    json_object(json, "telemetry");
    pi_number(json, "temp-bed", readings->bed_c, 10, true);
    pi_number(json, "temp-nozzle", readings->nozzle_c, 10, true);
    json_string(json, "material", " - ");
    pi_number(json, "z-height", readings->z_mm, 100, true);
    json_int(json, "print-speed", readings->speed_percent);
    pi_number(json, "axis_x", moves ? NAN : readings->x_mm, 100, true);
    pi_number(json, "axis_y", moves ? NAN : readings->y_mm, 100, true);
    pi_number(json, "axis_z", readings->z_mm, 100, true);
    json_object_end(json);
}

void pi_printer(struct link_request *request)
{
    const struct storage *local = pi_storage(request, STORAGE_LOCAL);
    struct machine_readings readings;
    struct buffer body;
    struct json_writer json;
    bool card = pi_storage(request, STORAGE_SDCARD) != NULL;
    pi_look(request, &readings);
    pi_begin_json(&json, &body);
    json_object(&json, "temperature");
    write_heater(&json, "tool0", readings.nozzle_c, readings.nozzle_target_c);
    write_heater(&json, "bed", readings.bed_c, readings.bed_target_c);
    json_object_end(&json);
    json_object(&json, "sd");
    json_bool(&json, "ready", card);
    json_object_end(&json);
    write_state(request, &json, card);
    write_telemetry(request, &json, &readings);
    json_object(&json, "storage");
    json_object(&json, "local");
    json_int(&json, "free_space", local == NULL ? 0 : (int64_t)storage_free_bytes(local));
    json_int(&json, "total_space", local == NULL ? 0 : (int64_t)storage_total_bytes(local));
    json_object_end(&json);
    json_null(&json, "sd_card");
    json_object_end(&json);
    pi_end_json(request, &json, &body);
}

void pi_printer_sd(struct link_request *request)
{
    bool card = pi_storage(request, STORAGE_SDCARD) != NULL;
    pi_send_text_json(request, 200, card ? "{\"ready\": true}" : "{\"ready\": false}");
}

static void write_legacy_file(struct link_request *request, struct json_writer *json,
                              const char *path)
{
    struct buffer real = {0};
    buffer_format(&real, "%s%s", path != NULL && *path == '/' ? "" : "/", path == NULL ? "" : path);
    const struct file_node *node = pi_tree_find(pi_of(request), real.bytes);
    bool card = pi_on_card(request, real.bytes);
    json_object(json, "file");
    json_string(json, "name", path == NULL ? NULL : pi_base_name(path));
    json_string(json, "path", path);
    if (path == NULL) {
        json_null(json, "date");
        json_null(json, "size");
        json_null(json, "origin");
    } else {
        pi_known_int(json, "size", node == NULL ? -1 : (int64_t)node->size, true);
        json_string(json, "origin", card ? "sdcard" : "local");
        if (node != NULL) {
            json_int(json, "date", node->modified_s);
        }
    }
    json_string(json, "display", path == NULL ? NULL : pi_base_name(path));
    json_object_end(json);
    buffer_free(&real);
}

static int64_t legacy_estimate(struct link_request *request, const char *path,
                               const struct machine_readings *readings)
{
    if (path == NULL) {
        return 0;
    }
    if (readings->job_id != 0 && readings->time_remaining_s >= 0) {
        return readings->time_printing_s + readings->time_remaining_s;
    }
    struct buffer real = {0};
    buffer_format(&real, "%s%s", *path == '/' ? "" : "/", path);
    int64_t estimated_s = pi_estimated_s(request, real.bytes);
    buffer_free(&real);
    return estimated_s;
}

void pi_job(struct link_request *request)
{
    const char *path = pi_of(request)->selected;
    struct machine_readings readings;
    struct buffer body;
    struct json_writer json;
    pi_look(request, &readings);
    bool prints = readings.job_id != 0;
    pi_begin_json(&json, &body);
    json_object(&json, "job");
    pi_known_int(&json, "estimatedPrintTime", legacy_estimate(request, path, &readings), true);
    json_null(&json, "averagePrintTime");
    json_null(&json, "lastPrintTime");
    json_null(&json, "filament");
    write_legacy_file(request, &json, path);
    json_string(&json, "user", "_api");
    json_object_end(&json);
    json_object(&json, "progress");
    pi_number(&json, "completion",
              prints && readings.progress_percent >= 0 ? readings.progress_percent / 100.0 : NAN,
              100, true);
    json_int(&json, "filepos", 0);
    pi_known_int(&json, "printTime",
                 prints && readings.time_printing_s < 0 ? 0
                 : prints                               ? readings.time_printing_s
                                                        : -1,
                 true);
    pi_known_int(&json, "printTimeLeft", prints ? readings.time_remaining_s : -1, true);
    json_string(&json, "printTimeLeftOrigin", "estimate");
    pi_number(&json, "pos_z_mm", readings.z_mm, 100, true);
    json_int(&json, "printSpeed", readings.speed_percent);
    json_int(&json, "flow_factor", readings.flow_percent);
    json_object_end(&json);
    json_string(&json, "state", pi_state_text(pi_state(request)));
    pi_end_json(request, &json, &body);
}
