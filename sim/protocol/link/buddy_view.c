#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/machine/transfer.h"
#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/link/buddy_link.h"

/* What the printer tells of itself, key for key (prusalink.md 1.2, 3.3 to 3.7, 4.1, 4.3, 4.6; PFB:
 * lib/WUI/link_content/basic_gets.cpp, lib/WUI/nhttp/status_renderer.cpp, transfer_renderer.cpp).
 */

/* ---- states ---- */

enum printer_state buddy_state_of(struct machine *machine)
{
    enum printer_state state = machine_state(machine);
    return state == STATE_READY ? STATE_IDLE : state; /* only Connect sees READY */
}

bool buddy_is_printing(struct machine *machine)
{
    enum machine_print_stage stage = machine_print_stage(machine);
    return stage != MACHINE_STAGE_NONE && stage != MACHINE_STAGE_ENDED;
}

bool buddy_has_job(struct machine *machine)
{
    enum printer_state state = buddy_state_of(machine);
    return buddy_is_printing(machine) &&
           (state == STATE_PRINTING || state == STATE_PAUSED || state == STATE_ATTENTION);
}

bool buddy_prints(struct machine *machine, const char *path)
{
    const struct machine_job *job = machine_job(machine);
    return job != NULL && buddy_is_printing(machine) && strcasecmp(job->path, path) == 0;
}

bool buddy_at_rest(struct machine *machine)
{
    enum printer_state state = buddy_state_of(machine);
    return state == STATE_IDLE || state == STATE_FINISHED || state == STATE_STOPPED;
}

bool buddy_firmware_from(const struct link_face *face, int major, int minor, int patch)
{
    int is[3] = {0};
    if (sscanf(machine_firmware(face->machine), "%d.%d.%d", &is[0], &is[1], &is[2]) < 2) {
        return true;
    }
    const int from[3] = {major, minor, patch};
    for (int i = 0; i < 3; i++) {
        if (is[i] != from[i]) {
            return is[i] > from[i];
        }
    }
    return true;
}

/* ---- the job's figures ---- */

struct job_figures {
    uint16_t id;
    int progress_percent;
    bool remaining_known, change_known;
    uint32_t remaining_s, change_in_s, printing_s;
};

static void figures_of(struct machine *machine, struct job_figures *figures)
{
    struct machine_readings readings;
    machine_read(machine, &readings);
    *figures = (struct job_figures){
        .id = (uint16_t)machine_last_job(machine),
        .progress_percent = readings.progress_percent < 0 ? 0 : readings.progress_percent,
        .remaining_known = readings.time_remaining_s >= 0,
        .remaining_s = (uint32_t)readings.time_remaining_s,
        .change_known = readings.filament_change_in_s >= 0,
        .change_in_s = (uint32_t)readings.filament_change_in_s,
        .printing_s = (uint32_t)(readings.printing_us / SECONDS(1)),
    };
}

static double number(double value)
{
    return isfinite(value) ? value : 0;
}

void buddy_custom(struct buddy_message *message, const char *before, const char *value,
                  const char *after)
{
    if (message->comma) {
        buffer_append_char(&message->text, ',');
        buddy_message_end(message);
    }
    buffer_append_text(&message->text, before);
    buddy_escape(&message->text, value, strlen(value));
    buffer_append_text(&message->text, after);
    buddy_message_end(message);
    message->comma = false;
}

/* ---- version, info, storage ---- */

void buddy_view_version(struct link_face *face, struct buddy_message *message)
{
    const struct model *model = machine_model(face->machine);
    buddy_object(message, NULL);
    buddy_text(message, "api", "2.0.0");
    buddy_text(message, "server", "2.1.2"); /* lwIP's version */
    buddy_fixed(message, "nozzle_diameter", model->nozzle_diameter_mm, 2);
    buddy_text(message, "text", "PrusaLink");
    buddy_text(message, "hostname", face->hostname);
    if (buddy_firmware_from(face, 6, 5, 0)) {
        char type[48];
        snprintf(type, sizeof type, "%d.%d.%d", model->type, model->version, model->subversion);
        buddy_text(message, "firmware", machine_firmware(face->machine));
        buddy_text(message, "printer", type);
    }
    buddy_object(message, "capabilities");
    buddy_bool(message, "upload-by-put", true);
    buddy_object_end(message);
    buddy_object_end(message);
}

void buddy_view_info(struct link_face *face, struct buddy_message *message)
{
    const struct model *model = machine_model(face->machine);
    buddy_object(message, NULL);
    buddy_fixed(message, "nozzle_diameter", model->nozzle_diameter_mm, 2);
    buddy_bool(message, "mmu", model->mmu);
    buddy_text(message, "serial", machine_serial(face->machine));
    buddy_text(message, "hostname", face->hostname);
    buddy_int(message, "min_extrusion_temp", (int64_t)model->min_extrusion_c);
    buddy_object_end(message);
}

void buddy_view_storage(struct link_face *face, struct buddy_message *message)
{
    buddy_object(message, NULL);
    buddy_array(message, "storage_list");
    buddy_object(message, NULL);
    buddy_text(message, "path", "/usb/");
    buddy_text(message, "name", "usb");
    buddy_text(message, "type", "USB");
    buddy_bool(message, "read_only", false);
    buddy_bool(message, "available", buddy_drive_present(face->machine));
    buddy_object_end(message);
    buddy_array_end(message);
    buddy_object_end(message);
}

/* ---- transfers ---- */

static const char *source_text(const struct transfer *transfer)
{
    return transfer->source == TRANSFER_FROM_CONNECT || transfer->source == TRANSFER_FROM_SLICER
               ? "FROM_CONNECT"
               : "FROM_CLIENT";
}

static double share_of(const struct transfer *transfer)
{
    return transfer->size == 0 ? 0 : (double)transfer->received / (double)transfer->size;
}

/* A fraction where others tell percents; a quirk. */
static void add_progress(struct link_face *face, struct buddy_message *message,
                         const struct transfer *transfer)
{
    buddy_fixed(message, "progress", share_of(transfer) * (link_quirk(face, 21) ? 1 : 100), 2);
}

static const char *transferred_key(const struct link_face *face)
{
    return link_quirk(face, 20) ? "transferred" : "data_transferred";
}

static int64_t transferring_s(const struct link_face *face, const struct transfer *transfer)
{
    return (face->world->now_us - transfer->began_us) / SECONDS(1);
}

static int64_t remaining_s(const struct link_face *face, const struct transfer *transfer)
{
    if (transfer->received == 0 || transfer->received >= transfer->size) {
        return 0; /* unknown */
    }
    uint64_t left = transfer->size - transfer->received;
    return (int64_t)((double)transferring_s(face, transfer) * (double)left /
                     (double)transfer->received);
}

static void add_size(struct buddy_message *message, uint64_t size)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, size);
    buddy_text(message, "size", text);
}

void buddy_view_transfer(struct link_face *face, struct buddy_message *message)
{
    const struct transfer *transfer = machine_transfer(face->machine);
    struct buddy_place place;
    buddy_place_find(face->machine, transfer->path, &place);
    const char *name = buddy_path_name(buffer_text(&place.path));
    const char *last = strrchr(buffer_text(&place.shorter), '/');
    char *folder =
        strndup(buffer_text(&place.shorter), (size_t)(last - buffer_text(&place.shorter)));
    buddy_object(message, NULL);
    buddy_text(message, "type", source_text(transfer));
    buddy_text(message, "display_name", name);
    buddy_text(message, "path", folder);
    add_size(message, transfer->size);
    add_progress(face, message, transfer);
    buddy_int(message, "transferred", (int64_t)transfer->received);
    buddy_int(message, "time_remaining", remaining_s(face, transfer));
    buddy_int(message, "time_transferring", transferring_s(face, transfer));
    buddy_bool(message, "to_print", transfer->to_print);
    buddy_object_end(message);
    free(folder);
    buddy_place_free(&place);
}

void buddy_view_transfer_octo(struct link_face *face, struct buddy_message *message)
{
    const struct transfer *transfer = machine_transfer(face->machine);
    char start[24];
    snprintf(start, sizeof start, "%" PRId64,
             world_wall_us(face->world) / SECONDS(1) - transferring_s(face, transfer));
    buddy_object(message, NULL);
    buddy_text(message, "target", "usb");
    buddy_text(message, "type", source_text(transfer));
    add_size(message, transfer->size);
    buddy_text(message, "start_time", start);
    buddy_bool(message, "to_print", transfer->to_print);
    buddy_text(message, "destination", transfer->path);
    buddy_fixed(message, "progress", share_of(transfer), 2);
    buddy_int(message, "remaining_time", remaining_s(face, transfer));
    buddy_object_end(message);
}

/* ---- status ---- */

static void add_job_figures(struct buddy_message *message, const struct job_figures *figures)
{
    buddy_fixed(message, "progress", figures->progress_percent, 2);
    if (figures->remaining_known) {
        buddy_int(message, "time_remaining", figures->remaining_s);
    }
    buddy_int(message, "time_printing", figures->printing_s);
}

static void add_transfer(struct link_face *face, struct buddy_message *message,
                         const struct transfer *transfer)
{
    buddy_object(message, "transfer");
    buddy_int(message, "id", transfer->id);
    buddy_int(message, "time_transferring", transferring_s(face, transfer));
    add_progress(face, message, transfer);
    buddy_int(message, transferred_key(face), (int64_t)transfer->received);
    buddy_object_end(message);
}

static void add_printer(struct link_face *face, struct buddy_message *message)
{
    struct machine_readings readings;
    machine_read(face->machine, &readings);
    buddy_object(message, "printer");
    buddy_text(message, "state", printer_state_name(buddy_state_of(face->machine)));
    buddy_fixed(message, "temp_bed", number(readings.bed_c), 1);
    buddy_fixed(message, "target_bed", number(readings.bed_target_c), 1);
    buddy_fixed(message, "temp_nozzle", number(readings.nozzle_c), 1);
    buddy_fixed(message, "target_nozzle", number(readings.nozzle_target_c), 1);
    buddy_fixed(message, "axis_z", number(readings.z_mm), 1);
    if (!buddy_is_printing(face->machine)) {
        buddy_fixed(message, "axis_x", number(readings.x_mm), 1);
        buddy_fixed(message, "axis_y", number(readings.y_mm), 1);
    }
    buddy_int(message, "flow", readings.flow_percent);
    buddy_int(message, "speed", readings.speed_percent);
    buddy_int(message, "fan_hotend", readings.hotend_fan_rpm);
    buddy_int(message, "fan_print", readings.print_fan_rpm);
    buddy_object_end(message);
}

void buddy_view_status(struct link_face *face, struct buddy_message *message)
{
    const struct transfer *transfer = machine_transfer(face->machine);
    buddy_object(message, NULL);
    if (buddy_has_job(face->machine)) {
        struct job_figures figures;
        figures_of(face->machine, &figures);
        buddy_object(message, "job");
        buddy_int(message, "id", figures.id);
        add_job_figures(message, &figures);
        if (figures.change_known) {
            buddy_int(message, "filament_change_in", figures.change_in_s);
        }
        buddy_object_end(message);
    }
    buddy_object(message, "storage");
    buddy_text(message, "path", "/usb/");
    buddy_text(message, "name", "usb");
    buddy_bool(message, "read_only", false);
    buddy_object_end(message);
    if (transfer != NULL) {
        add_transfer(face, message, transfer);
    }
    add_printer(face, message);
    buddy_object_end(message);
}

/* ---- the printer as OctoPrint's clients know it ---- */

struct flags {
    const char *link_state; /* NULL: left out */
    bool operational, paused, printing, cancelling, pausing, error, ready, busy;
};

static struct flags flags_of(struct machine *machine)
{
    static const struct flags by_stage[] = {
        [MACHINE_STAGE_NONE] = {.operational = true, .ready = true},
        [MACHINE_STAGE_RUNNING] = {"PRINTING", .printing = true},
        [MACHINE_STAGE_PAUSING] = {"PAUSED", .printing = true, .paused = true, .pausing = true,
                                   .busy = true},
        [MACHINE_STAGE_PAUSED] = {"PAUSED", .printing = true, .paused = true},
        [MACHINE_STAGE_RESUMING] = {"PRINTING", .printing = true, .busy = true},
        [MACHINE_STAGE_WAITING] = {"PRINTING", .printing = true},
        [MACHINE_STAGE_FINISHING] = {"BUSY", .busy = true},
        [MACHINE_STAGE_ABORTING] = {"BUSY", .cancelling = true, .busy = true},
        [MACHINE_STAGE_ENDED] = {.operational = true, .ready = true},
    };
    struct flags flags = by_stage[machine_print_stage(machine)];
    if (buddy_state_of(machine) == STATE_ATTENTION) {
        flags.link_state = "ATTENTION";
        flags.busy = flags.printing = flags.error = true;
    }
    return flags;
}

static void add_flags(struct link_face *face, struct buddy_message *message)
{
    const struct flags flags = flags_of(face->machine);
    buddy_object(message, "state");
    buddy_text(message, "text", flags.printing ? "Printing" : "Operational");
    buddy_object(message, "flags");
    if (flags.link_state != NULL) {
        buddy_text(message, "link_state", flags.link_state);
    }
    buddy_bool(message, "operational", flags.operational);
    buddy_bool(message, "paused", flags.paused);
    buddy_bool(message, "printing", flags.printing);
    buddy_bool(message, "cancelling", flags.cancelling);
    buddy_bool(message, "pausing", flags.pausing);
    buddy_bool(message, "error", flags.error);
    buddy_custom(message, "\"sdReady\":false,\"closed",
                 link_quirk(face, 23) ? "OnError" : "OrError", "\":false,");
    buddy_bool(message, "ready", flags.ready);
    buddy_bool(message, "busy", flags.busy);
    buddy_object_end(message);
    buddy_object_end(message);
}

void buddy_view_printer(struct link_face *face, struct buddy_message *message)
{
    struct machine_readings readings;
    machine_read(face->machine, &readings);
    buddy_object(message, NULL);
    buddy_object(message, "telemetry");
    buddy_fixed(message, "temp-bed", number(readings.bed_c), 1);
    buddy_fixed(message, "temp-nozzle", number(readings.nozzle_c), 1);
    buddy_int(message, "print-speed", readings.speed_percent);
    buddy_fixed(message, "z-height", number(readings.z_mm), 1);
    /* With the filament out there is none. */
    buddy_text(message, "material",
               machine_fault(face->machine, FAULT_FILAMENT_RUNOUT) ? "---" : "PLA");
    buddy_object_end(message);
    buddy_object(message, "temperature");
    buddy_object(message, "tool0");
    buddy_fixed(message, "actual", number(readings.nozzle_c), 1);
    buddy_fixed(message, "target", number(readings.nozzle_target_c), 1);
    buddy_fixed(message, "display", number(readings.nozzle_target_c), 1);
    buddy_int(message, "offset", 0);
    buddy_object_end(message);
    buddy_object(message, "bed");
    buddy_fixed(message, "actual", number(readings.bed_c), 1);
    buddy_fixed(message, "target", number(readings.bed_target_c), 1);
    buddy_int(message, "offset", 0);
    buddy_object_end(message);
    buddy_object_end(message);
    add_flags(face, message);
    buddy_object_end(message);
}

/* ---- the job ---- */

void buddy_view_job(struct link_face *face, struct buddy_message *message)
{
    const struct machine_job *job = machine_job(face->machine);
    struct job_figures figures;
    figures_of(face->machine, &figures);
    struct buddy_place place;
    bool found = buddy_place_find(face->machine, job->path, &place);
    const char *shorter = buffer_text(&place.shorter);
    char *folder = strndup(shorter, (size_t)(buddy_path_name(shorter) - shorter - 1));
    buddy_object(message, NULL);
    buddy_int(message, "id", figures.id);
    buddy_text(message, "state",
               buddy_state_of(face->machine) == STATE_PRINTING ? "PRINTING" : "PAUSED");
    add_job_figures(message, &figures);
    buddy_object(message, "file");
    buddy_object(message, "refs");
    buddy_custom(message, "\"icon\":\"/thumb/s", shorter, "\",");
    buddy_custom(message, "\"thumbnail\":\"/thumb/l", shorter, "\",");
    buddy_text(message, "download", shorter);
    buddy_object_end(message);
    buddy_text(message, "name", buddy_path_name(shorter));
    buddy_text(message, "display_name", buddy_path_name(job->path));
    buddy_text(message, "path", folder);
    if (found) {
        buddy_int(message, "size", (int64_t)place.node->size);
        buddy_int(message, "m_timestamp", buddy_fat_time(place.node->modified_s));
    }
    buddy_object_end(message);
    buddy_object_end(message);
    free(folder);
    buddy_place_free(&place);
}

static const char *octo_state(struct machine *machine)
{
    static const char *const by_stage[] = {
        [MACHINE_STAGE_NONE] = "Operational",   [MACHINE_STAGE_RUNNING] = "Printing",
        [MACHINE_STAGE_PAUSING] = "Pausing",    [MACHINE_STAGE_PAUSED] = "Paused",
        [MACHINE_STAGE_RESUMING] = "Resuming",  [MACHINE_STAGE_WAITING] = "Printing",
        [MACHINE_STAGE_FINISHING] = "Printing", [MACHINE_STAGE_ABORTING] = "Cancelling",
        [MACHINE_STAGE_ENDED] = "Operational",
    };
    return buddy_state_of(machine) == STATE_ATTENTION ? "Error"
                                                      : by_stage[machine_print_stage(machine)];
}

static void add_octo_job(struct link_face *face, struct buddy_message *message)
{
    const struct machine_job *job = machine_job(face->machine);
    const char *path = job == NULL ? "" : job->path;
    struct job_figures figures;
    figures_of(face->machine, &figures);
    struct buddy_place place;
    buddy_place_find(face->machine, path, &place);
    uint32_t left = figures.remaining_known ? figures.remaining_s : UINT32_MAX;
    buddy_object(message, "job");
    buddy_int(message, "estimatedPrintTime", figures.printing_s + left); /* 32 bits: it may wrap */
    buddy_object(message, "file");
    buddy_text(message, "name", buddy_path_name(path));
    buddy_text(message, "path", job == NULL ? "" : buffer_text(&place.shorter));
    buddy_text(message, "display", buddy_path_name(path));
    buddy_object_end(message);
    buddy_object_end(message);
    buddy_object(message, "progress");
    if (figures.remaining_known) {
        buddy_int(message, "printTimeLeft", figures.remaining_s);
    }
    buddy_fixed(message, "completion", figures.progress_percent / 100.0, 2);
    buddy_int(message, "printTime", figures.printing_s);
    buddy_object_end(message);
    buddy_place_free(&place);
}

void buddy_view_job_octo(struct link_face *face, struct buddy_message *message)
{
    bool attention = buddy_state_of(face->machine) == STATE_ATTENTION;
    buddy_object(message, NULL);
    buddy_text(message, "state", octo_state(face->machine));
    if (attention || buddy_is_printing(face->machine)) {
        add_octo_job(face, message);
    } else {
        buddy_custom(message, "\"job\": null,\"progress\": null", "", "");
    }
    buddy_object_end(message);
}
