#include "sim/protocol/connect/prusalink_face.h"

#include <string.h>

/* What the machine tells, as PrusaLink passes it on: whose doing a change of state was
 * (connect-sdk.md 5.4, 7.4), when a job begins and ends (7.5), media, files and unsolicited events
 * (6.4 to 6.8). */

#define SD_READ_AGAIN MILLISECONDS(90) /* captures/connect-prusalink 11, 13 */

static const char reconnected[] = "Re-established the communication with the printer";

void face_expect(struct connect_face *face, uint16_t to, bool any)
{
    face->expected = (struct expected_change){
        .active = true,
        .any = any,
        .to = to,
        .by_command = true,
        .command_id = connect_sdk_command(face->sdk)->id,
    };
}

/* Whose change is it? One that somebody waits for is his if it matches, and nobody's, hence WUI's,
 * if it doesn't. */
static void attribute(struct connect_face *face, const struct state_change *change,
                      struct connect_event *event)
{
    event->source = change->source;
    event->reason = change->reason;
    if (face->expected.active) {
        bool his = face->expected.any || face->expected.to & FACE_STATE(change->to);
        event->source = his ? SOURCE_CONNECT : SOURCE_WUI;
        event->reason = NULL;
        event->with_command_id = his && face->expected.by_command;
        event->command_id = face->expected.command_id;
        face->expected.active = false;
    } else if (change->from == STATE_ERROR && face->serial_lost) {
        bool quirk = face_quirk(face, CONNECT_QUIRK_RECONNECT);
        event->source = quirk ? SOURCE_WUI : SOURCE_SERIAL;
        event->reason = quirk ? NULL : reconnected;
    }
}

static bool job_goes_on(enum printer_state state)
{
    return state == STATE_PRINTING || state == STATE_PAUSED || state == STATE_ATTENTION;
}

static bool job_ends_with(enum printer_state state)
{
    return state == STATE_FINISHED || state == STATE_STOPPED;
}

/* The job id that goes with the change, set before it is told. */
static void begin_job(struct connect_face *face, const struct state_change *change,
                      const struct connect_event *event)
{
    uint32_t id = 0;
    if (face_is_sl1(face)) {
        id = change->job_id; /* BUSY between two phases of a print is still that print */
    } else if (job_goes_on(change->to)) {
        id = change->job_id != 0 || change->to != STATE_ATTENTION ? change->job_id : face->job_id;
    } else if (job_ends_with(change->to)) {
        id = face->job_id; /* none any more when an ERROR came between */
    }
    if (id != 0 && id != face->job_id) {
        face->job_by_command = event->with_command_id;
        face->job_command_id = event->command_id;
        face->job_asked = false;
    }
    face->job_id = id;
    connect_sdk_set_job(face->sdk, id);
}

static void end_job(struct connect_face *face, enum printer_state state)
{
    if (job_ends_with(state)) {
        face->job_id = 0;
        connect_sdk_set_job(face->sdk, 0);
    }
}

/* The printer is back, maybe another one for all we know. What was last told of it is void, but the
 * host still has it and sends it first (captures/connect-prusalink 07, 12). */
static void serial_back(struct connect_face *face)
{
    face->serial_lost = false;
    face_printer_lost(face);
    face_auto_reports(face, true);
}

void face_printer_lost(struct connect_face *face)
{
    prusalink_telemetry_wipe(&face->telemetry);
    face->multiplier_due_us = face->world->now_us;
    face->statistics_due = true;
}

static void update_telemetry(struct connect_face *face, enum printer_state from,
                             enum printer_state to)
{
    int64_t now_us = face->world->now_us;
    bool mmu = machine_model(face->machine)->mmu;
    int64_t refreshed_us = face->telemetry.refreshed_us;
    bool wakes = prusalink_telemetry_state(&face->telemetry, to, mmu, now_us);
    if (face->telemetry.refreshed_us != refreshed_us) {
        face_telemetry_flush(face); /* still in the old state: that of the SDK is set behind */
    }
    if (telemetry_state_prints(from) && !telemetry_state_prints(to) && to != STATE_ERROR &&
        to != STATE_ATTENTION) {
        prusalink_telemetry_set_key(&face->telemetry, TELEMETRY_TIME_PRINTING, 0, now_us);
        prusalink_telemetry_set_key(&face->telemetry, TELEMETRY_TIME_REMAINING, 0, now_us);
        prusalink_telemetry_set_key(&face->telemetry, TELEMETRY_FILAMENT_CHANGE_IN, 0, now_us);
    }
    face->statistics_due |= from == STATE_PRINTING;
    int64_t poll_us = now_us + SECONDS(1);
    face->multiplier_due_us = face->multiplier_due_us < poll_us ? face->multiplier_due_us : poll_us;
    if (wakes && timer_armed(&face->telemetry_timer)) {
        face_telemetry_fire(face);
    }
}

void face_report(struct connect_face *face, const struct state_change *change)
{
    struct connect_event event = {.event = CONNECT_STATE_CHANGED};
    if (connect_sdk_state(face->sdk) == change->to) {
        return; /* it was withheld, and meanwhile the same again (connect-sdk.md 6.5) */
    }
    attribute(face, change, &event);
    begin_job(face, change, &event);
    face->serial_lost |= change->to == STATE_ERROR && change->source == SOURCE_SERIAL;
    update_telemetry(face, change->from, change->to);
    if (change->from == STATE_ERROR && face->serial_lost) {
        serial_back(face);
    }
    connect_sdk_set_state(face->sdk, change->to, &event);
    end_job(face, change->to);
    if (change->to == STATE_IDLE && face_is_prusalink(face) && !face->sd_shown && face->known) {
        face_plan(face, STEP_SD_CARD, SD_READ_AGAIN);
    }
    face_command_state(face, change->to);
}

static void state_changed(void *owner, const struct state_change *change)
{
    struct connect_face *face = owner;
    if (!face->found && !face_is_prusalink(face)) {
        face_start_bare(face); /* the program starts when the firmware is there */
        return;
    }
    if (!face->found) {
        /* Not looked for yet, or looked for and found busy. */
        bool awaited = !face->located ? false : face->step_due_us[STEP_PRINTER] == INT64_MAX;
        if (awaited && change->to != STATE_BUSY) {
            face_plan(face, STEP_PRINTER, 0);
        }
        return;
    }
    if (!face_withholds(face, change)) {
        face_report(face, change);
    }
}

/* ---- media and files ---- */

static void medium_changed(void *owner, const struct storage *storage, bool attached)
{
    struct connect_face *face = owner;
    bool card = storage->kind == STORAGE_SDCARD && face_is_prusalink(face);
    if (card && attached) {
        if (face->known) {
            face_plan(face, STEP_SD_CARD, SD_READ_AGAIN);
        }
    } else if (card) {
        face_cancel(face, STEP_SD_CARD);
        if (face->sd_shown) {
            face->sd_shown = false;
            connect_sdk_medium_ejected(face->sdk, storage->name);
        }
    } else if (face->located && attached) {
        connect_sdk_medium_inserted(face->sdk, storage);
    } else if (face->located) {
        connect_sdk_medium_ejected(face->sdk, storage->name);
    }
}

static void file_changed(void *owner, const struct storage *storage, enum storage_change_kind kind,
                         const char *path)
{
    struct connect_face *face = owner;
    /* The card's tree is no directory that could be watched (connect-sdk.md 8.1). */
    if (storage->kind != STORAGE_SDCARD && face->located) {
        connect_sdk_file_changed(face->sdk, kind, path);
    }
}

/* ---- unsolicited events ---- */

static void info_changed(void *owner, enum machine_info_part part)
{
    struct connect_face *face = owner;
    if (!face->known || !face_is_prusalink(face)) {
        return;
    }
    switch (part) {
    case MACHINE_INFO_IDENTITY:
        connect_sdk_send_info(face->sdk, SOURCE_CONNECT);
        break;
    case MACHINE_INFO_SHEETS:
        face_send_sheets(face);
        break;
    case MACHINE_INFO_ACTIVE_SHEET:
        face_send_active_sheet(face);
        break;
    case MACHINE_INFO_MMU:
        face_send_mmu(face);
        break;
    }
}

static void job_known_better(void *owner)
{
    struct connect_face *face = owner;
    if (!face_is_prusalink(face) || !face->job_asked || face->job_id == 0) {
        return;
    }
    struct buffer data = {0};
    face_active(face); /* the question goes through the command queue */
    face_job_info(face, &data);
    connect_sdk_event(face->sdk, &(struct connect_event){.event = CONNECT_JOB_INFO,
                                                         .source = SOURCE_FIRMWARE,
                                                         .data = buffer_text(&data),
                                                         .data_size = data.size});
    buffer_free(&data);
}

static void mesh_measured(void *owner)
{
    struct connect_face *face = owner;
    size_t count;
    const double *mesh = machine_mesh(face->machine, &count);
    if (!face_is_prusalink(face) || !face->found || mesh == NULL) {
        return;
    }
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_array(&json, "mbl");
    for (size_t i = 0; i < count; i++) {
        json_float(&json, NULL, mesh[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
    connect_sdk_event(face->sdk, &(struct connect_event){.event = CONNECT_MESH_BED_DATA,
                                                         .source = SOURCE_MARLIN,
                                                         .data = buffer_text(&data),
                                                         .data_size = data.size});
    buffer_free(&data);
}

static void slot_error(void *owner, const char *code)
{
    struct connect_face *face = owner;
    if (!face_is_prusalink(face) || !face->found ||
        face->settings->sdk_version == CONNECT_SDK_0_7_1) {
        return; /* SLOT_EVENT came with 0.8.0 (connect-sdk.md 12) */
    }
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "code", code);
    json_object_end(&json);
    connect_sdk_event(face->sdk, &(struct connect_event){.event = CONNECT_SLOT_EVENT,
                                                         .source = SOURCE_SLOT,
                                                         .data = buffer_text(&data),
                                                         .data_size = data.size});
    buffer_free(&data);
}

/* The firmware's boot message came. Its card is initialised anew, what was asked of it is
 * forgotten; the command that resets does all this in its own time (defect Q-24). */
static void rebooted(void *owner)
{
    struct connect_face *face = owner;
    if (!face->known || !face_is_prusalink(face)) {
        return;
    }
    if (face->resetting) {
        face_command_rebooted(face);
        return;
    }
    face_auto_reports(face, face->serial_lost);
    face_printer_lost(face);
    face_hide_sd(face);
    face_plan(face, STEP_SD_CARD, SD_READ_AGAIN);
}

const struct machine_events face_machine_events = {
    .state_changed = state_changed,
    .medium_changed = medium_changed,
    .file_changed = file_changed,
    .info_changed = info_changed,
    .job_known_better = job_known_better,
    .mesh_measured = mesh_measured,
    .slot_error = slot_error,
    .layer_changed = face_layer_changed,
    .transfer_changed = face_transfer_changed,
    .rebooted = rebooted,
};
