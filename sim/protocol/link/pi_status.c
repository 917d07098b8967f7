/* What the program tells about its printer: info, status, job, storages and transfers, in
 * the v1 and the legacy form (prusalink.md 1.2, 3.3 to 3.7, 4.1, 4.3, 4.6). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* Since its start the program has had the time to ask the printer, and the printer has answered. */
bool pi_known(const struct link_request *request, int64_t after_us)
{
    struct pi *pi = pi_of(request);
    pi->seen = pi->seen || machine_state(pi_machine(request)) != STATE_BUSY;
    return pi->seen && request->face->world->now_us - pi->started_us >= after_us;
}

enum printer_state pi_state(const struct link_request *request)
{
    return pi_known(request, PI_KNOWN_AFTER) ? machine_state(pi_machine(request)) : STATE_BUSY;
}

/* Until the printer has told who it is, nothing is known of it (cap 09). */
void pi_look(struct link_request *request, struct machine_readings *readings)
{
    struct pi *pi = pi_of(request);
    machine_read(pi_machine(request), readings);
    if (readings->job_id != 0) {
        pi->job_id = readings->job_id;
    }
}

const char *pi_state_text(enum printer_state state)
{
    switch (state) {
    case STATE_IDLE:
    case STATE_READY:
    case STATE_FINISHED:
        return "Operational";
    case STATE_BUSY:
        return "Busy";
    case STATE_PRINTING:
        return "Printing";
    case STATE_PAUSED:
        return "Paused";
    case STATE_STOPPED:
        return "Cancelling";
    default:
        return "Error";
    }
}

/* --- info and status --- */

void pi_v1_info(struct link_request *request)
{
    struct pi *pi = pi_of(request);
    struct pi_server server;
    struct machine *machine = pi_machine(request);
    bool known = pi_known(request, PI_KNOWN_AFTER);
    struct buffer body;
    struct json_writer json;
    pi_begin_json(&json, &body);
    json_string(&json, "name", pi->printer_name);
    json_string(&json, "location", pi->location);
    json_bool(&json, "farm_mode", pi->farm_mode);
    json_bool(&json, "network_error_chime", pi->chime);
    if (known) {
        json_float(&json, "nozzle_diameter", machine_model(machine)->nozzle_diameter_mm);
    } else {
        json_null(&json, "nozzle_diameter");
    }
    json_int(&json, "min_extrusion_temp", 170);
    json_string(&json, "serial", known ? machine_serial(machine) : NULL);
    if (link_quirk(request->face, 10)) {
        pi_server_of(request->face, &server);
        json_string(&json, "hostname", server.hostname);
        json_int(&json, "port", server.port);
    } else {
        json_string(&json, "hostname", request->face->hostname);
        json_int(&json, "port", 8080);
    }
    pi_end_json(request, &json, &body);
}

static void write_status_storage(struct link_request *request, struct json_writer *json)
{
    const struct storage *local = pi_storage(request, STORAGE_LOCAL);
    const char *card = pi_storage_name(request, STORAGE_SDCARD);
    json_object(json, NULL);
    json_string(json, "path", "/local");
    json_bool(json, "read_only", false);
    if (local != NULL) {
        json_int(json, "free_space", (int64_t)storage_free_bytes(local));
        json_string(json, "name", local->name);
    }
    json_object_end(json);
    if (!link_quirk(request->face, 11)) {
        return;
    }
    json_object(json, NULL);
    json_string(json, "path", "/sdcard");
    json_bool(json, "read_only", true);
    if (card != NULL) {
        json_string(json, "name", card);
    }
    json_object_end(json);
}

static void write_status_printer(struct link_request *request, struct json_writer *json,
                                 const struct machine_readings *readings)
{
    enum printer_state state = pi_state(request);
    bool figures = pi_known(request, PI_TELEMETRY_AFTER);
    bool moves = state == STATE_PRINTING || state == STATE_BUSY;
    json_object(json, "printer");
    json_string(json, "state", printer_state_name(state));
    if (figures) {
        pi_number(json, "temp_nozzle", readings->nozzle_c, 10, false);
        pi_number(json, "temp_bed", readings->bed_c, 10, false);
        pi_number(json, "axis_z", readings->z_mm, 100, false);
    }
    if (pi_known(request, PI_KNOWN_AFTER)) {
        json_int(json, "flow", readings->flow_percent);
        json_int(json, "speed", readings->speed_percent);
    }
    if (figures) {
        json_int(json, "fan_hotend", readings->hotend_fan_rpm);
        json_int(json, "fan_print", readings->print_fan_rpm);
    }
    pi_write_conditions(request, json, "status_connect", "status_printer", false);
    if (figures) {
        pi_number(json, "target_nozzle", readings->nozzle_target_c, 10, false);
        pi_number(json, "target_bed", readings->bed_target_c, 10, false);
        pi_number(json, "axis_x", moves ? NAN : readings->x_mm, 100, false);
        pi_number(json, "axis_y", moves ? NAN : readings->y_mm, 100, false);
    }
    json_object_end(json);
}

static void write_status_job(struct json_writer *json, const struct machine_readings *readings)
{
    json_object(json, "job");
    json_int(json, "id", readings->job_id);
    json_float(json, "progress", readings->progress_percent < 0 ? 0 : readings->progress_percent);
    pi_known_int(json, "time_remaining", readings->time_remaining_s, false);
    if (readings->time_printing_s > 0) {
        json_int(json, "time_printing", readings->time_printing_s);
    }
    json_object_end(json);
}

/* --- transfers --- */

static int64_t transferring_s(const struct link_request *request, const struct transfer *transfer)
{
    return (request->face->world->now_us - transfer->began_us) / 1000000;
}

static double percent(const struct transfer *transfer)
{
    return transfer->size == 0
               ? 0
               : pi_rounded((double)transfer->received / (double)transfer->size * 100, 100);
}

static void write_status_transfer(struct link_request *request, struct json_writer *json,
                                  const struct transfer *transfer)
{
    json_object(json, "transfer");
    json_int(json, "id", transfer->id);
    json_int(json, "time_transferring", transferring_s(request, transfer));
    json_float(json, "progress", percent(transfer));
    json_int(json, "data_transferred", (int64_t)transfer->received);
    json_object_end(json);
}

void pi_v1_status(struct link_request *request)
{
    const struct link_face *face = request->face;
    const struct transfer *transfer = machine_transfer(face->machine);
    struct machine_readings readings;
    struct buffer body;
    struct json_writer json;
    pi_look(request, &readings);
    pi_begin_json(&json, &body);
    if (link_quirk(face, 11)) {
        json_array(&json, "storage");
        write_status_storage(request, &json);
        json_array_end(&json);
    } else {
        const struct storage *local = pi_storage(request, STORAGE_LOCAL);
        json_object(&json, "storage");
        json_string(&json, "path", "/local");
        json_string(&json, "name", local == NULL ? "" : local->name);
        json_bool(&json, "read_only", false);
        json_object_end(&json);
    }
    write_status_printer(request, &json, &readings);
    pi_write_status_camera(request, &json);
    if (readings.job_id != 0) {
        write_status_job(&json, &readings);
    }
    if (transfer != NULL) {
        write_status_transfer(request, &json, transfer);
    }
    pi_end_json(request, &json, &body);
}

void pi_v1_transfer(struct link_request *request)
{
    const struct transfer *transfer = machine_transfer(pi_machine(request));
    struct buffer body;
    struct json_writer json;
    if (transfer == NULL) {
        pi_send_empty(request, 204);
        return;
    }
    pi_begin_json(&json, &body);
    json_string(&json, "type", transfer_source_name(transfer->source));
    json_string(&json, "display_name", pi_base_name(transfer->path));
    json_string(&json, "path", "/local");
    json_string(&json, "url", transfer->url);
    json_int(&json, "size", (int64_t)transfer->size);
    json_float(&json, "progress", percent(transfer));
    json_int(&json, "transferred", (int64_t)transfer->received);
    pi_known_int(&json, "time_remaining", transfer_remaining_s(transfer, request->face->world),
                 true);
    json_int(&json, "time_transferring", transferring_s(request, transfer));
    json_bool(&json, "to_print", transfer->to_print);
    pi_end_json(request, &json, &body);
}

/* Whoever receives sees it at the next block. */
void pi_v1_transfer_delete(struct link_request *request)
{
    pi_send_empty(request, machine_transfer_stop(pi_machine(request)) ? 200 : 204);
}

void pi_transfer(struct link_request *request)
{
    const struct transfer *transfer = machine_transfer(pi_machine(request));
    struct buffer body;
    struct json_writer json;
    if (transfer == NULL) {
        pi_send_empty(request, 204);
        return;
    }
    const struct world *world = request->face->world;
    const char *below = strchr(transfer->path + 1, '/');
    int64_t began_us =
        transfer->two_clocks ? transfer->began_us : world->epoch_us + transfer->began_us;
    pi_begin_json(&json, &body);
    json_string(&json, "type", transfer_source_name(transfer->source));
    json_string(&json, "url", transfer->url);
    json_string(&json, "target", "local");
    json_string(&json, "destination", below == NULL ? transfer->path : below + 1);
    json_string(&json, "path", below == NULL ? transfer->path : below + 1);
    json_int(&json, "size", (int64_t)transfer->size);
    json_int(&json, "start_time", began_us / 1000000);
    json_float(&json, "progress",
               transfer->size == 0
                   ? 0
                   : pi_rounded((double)transfer->received / (double)transfer->size, 10000));
    pi_known_int(&json, "remaining_time", transfer_remaining_s(transfer, world), true);
    if (transfer->to_select) {
        json_bool(&json, "to_select", true);
    } else {
        json_null(&json, "to_select");
    }
    json_bool(&json, "to_print", transfer->to_print);
    pi_end_json(request, &json, &body);
}

/* --- storages --- */

/* What can be printed and lies in the root, and all the rest. */
static void write_shares(struct link_request *request, struct json_writer *json, const char *name)
{
    char path[FILE_NAME_BYTES_MAX + 2];
    snprintf(path, sizeof path, "/%s", name);
    const struct file_node *root = pi_tree_find(pi_of(request), path);
    uint64_t print_files = 0;
    for (uint32_t i = 0; root != NULL && i < root->child_count; i++) {
        const struct file_node *child = root->children[i];
        print_files += !child->folder && pi_printable(child->name) ? child->size : 0;
    }
    json_int(json, "print_files", (int64_t)print_files);
    json_int(json, "system_files", root == NULL ? 0 : (int64_t)(root->size - print_files));
}

static void write_storage(struct link_request *request, struct json_writer *json, bool card)
{
    const struct storage *storage = pi_storage(request, card ? STORAGE_SDCARD : STORAGE_LOCAL);
    json_object(json, NULL);
    json_string(json, "type", card ? "SDCARD" : "LOCAL");
    json_string(json, "path", card ? "/sdcard" : "/local");
    json_bool(json, "available", storage != NULL);
    if (storage != NULL) {
        if (!card) {
            json_int(json, "free_space", (int64_t)storage_free_bytes(storage));
            json_int(json, "total_space", (int64_t)storage_total_bytes(storage));
        }
        json_bool(json, "read_only", card);
        json_string(json, "name", storage->name);
        write_shares(request, json, storage->name);
    }
    json_object_end(json);
}

void pi_v1_storage(struct link_request *request)
{
    struct buffer body;
    struct json_writer json;
    pi_begin_json(&json, &body);
    json_array(&json, "storage_list");
    write_storage(request, &json, false);
    write_storage(request, &json, true);
    json_array_end(&json);
    pi_end_json(request, &json, &body);
}

/* --- jobs --- */

static void write_job_file(struct link_request *request, struct json_writer *json, const char *path,
                           const struct file_node *node)
{
    json_object(json, "file");
    json_string(json, "name", pi_base_name(path));
    json_string(json, "display_name", pi_base_name(path));
    json_string(json, "path", path);
    json_string(json, "display_path", path);
    json_int(json, "size", (int64_t)node->size);
    if (!pi_on_card(request, path) || node->modified_s != 0) {
        json_int(json, "m_timestamp", node->modified_s);
    }
    pi_write_refs(request, json, node, path, path);
    pi_write_meta(request, json, node, path);
    json_object_end(json);
}

void pi_v1_job(struct link_request *request)
{
    const struct machine_job *job = machine_job(pi_machine(request));
    struct machine_readings readings;
    struct buffer body;
    struct json_writer json;
    pi_look(request, &readings);
    if (readings.job_id == 0 || job == NULL) {
        pi_send_empty(request, 204);
        return;
    }
    const struct file_node *node = pi_tree_find(pi_of(request), job->path);
    if (node == NULL) {
        pi_send_500(request); /* it went from the tree while it is printed */
        return;
    }
    pi_begin_json(&json, &body);
    write_job_file(request, &json, job->path, node);
    json_int(&json, "id", readings.job_id);
    json_string(&json, "state", printer_state_name(pi_state(request)));
    json_float(&json, "progress", readings.progress_percent < 0 ? 0 : readings.progress_percent);
    pi_known_int(&json, "time_remaining", readings.time_remaining_s, true);
    json_int(&json, "time_printing", readings.time_printing_s < 0 ? 0 : readings.time_printing_s);
    json_bool(&json, "inaccurate_estimates", readings.estimates_inaccurate);
    pi_end_json(request, &json, &body);
}
