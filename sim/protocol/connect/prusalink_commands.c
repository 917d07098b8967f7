#include "sim/protocol/connect/prusalink_face.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "sim/protocol/connect/prusalink_values.h"

/* The commands that PrusaLink adds to the SDK's or replaces: connect-sdk.md 5.4
 * (LINK: prusa/link/printer_adapter/command_handlers.py, command_queue.py). Changes of state come
 * before the end of the command that made them and are its own. */

#define STATE_WAIT      SECONDS(15) /* STATE_CHANGE_TIMEOUT */
#define RESET_WAIT      SECONDS(30)
#define INTERRUPT_AFTER MILLISECONDS(100) /* half of QUIT_INTERVAL, at which waits look up */
#define UPGRADE_ASK     SECONDS(3)
#define UPGRADE_INSTALL SECONDS(20)

static const uint16_t stop_states = FACE_STATE(STATE_STOPPED) | FACE_STATE(STATE_IDLE) |
                                    FACE_STATE(STATE_READY) | FACE_STATE(STATE_FINISHED);
static const uint16_t forbidden_states =
    FACE_STATE(STATE_PRINTING) | FACE_STATE(STATE_ATTENTION) | FACE_STATE(STATE_ERROR);

static const char reset_ignored[] = "Your printer has ignored the reset signal, your RPi is broken "
                                    "or you have configured a wrong pin,"
                                    "or our serial reading component broke..";

/* ---- ends ---- */

static void rest(struct connect_face *face)
{
    face->wait_states = 0;
    face->interrupted = false;
    face->resetting = false;
    face->expected.active = false;
    face_cancel(face, STEP_COMMAND);
}

void face_finish(struct connect_face *face)
{
    rest(face);
    connect_sdk_finish(face->sdk, &(struct connect_result){.source = SOURCE_CONNECT});
}

void face_finish_with(struct connect_face *face, enum connect_event_name event, struct buffer *data)
{
    rest(face);
    connect_sdk_finish(face->sdk, &(struct connect_result){.event = event,
                                                           .source = SOURCE_CONNECT,
                                                           .data = buffer_text(data),
                                                           .data_size = data->size});
    buffer_free(data);
}

void face_fail(struct connect_face *face, const char *type, const char *text)
{
    struct buffer error = {0};
    if (text[0] == '\0') {
        buffer_format(&error, "%s()", type);
    } else {
        connect_python_error(&error, type, text);
    }
    rest(face);
    connect_sdk_fail(face->sdk, buffer_text(&error));
    buffer_free(&error);
}

static void fail_command(struct connect_face *face, const char *text)
{
    face_fail(face, "CommandFailed", text);
}

static void fail_values(struct connect_face *face, const struct value_error *error)
{
    face_fail(face, error->type, error->text);
}

static enum printer_state reported(const struct connect_face *face)
{
    return connect_sdk_state(face->sdk);
}

/* ---- pause, resume, stop: try until a state is reached ---- */

static const char *wait_failure(enum connect_command_name name)
{
    switch (name) {
    case CONNECT_PAUSE_PRINT:
        return "Couldn't get to any of PAUSED states.";
    case CONNECT_RESUME_PRINT:
        return "Couldn't get to any of PRINTING states.";
    default:
        return "Couldn't get to any of STOPPED, IDLE, READY, FINISHED states.";
    }
}

/* The order has effect at once or later; `wait_states` is set first, so that either ends the
 * command. */
static void try_until(struct connect_face *face, uint16_t states,
                      enum machine_refusal (*order)(struct machine *machine))
{
    if (FACE_STATE(reported(face)) & states) {
        order(face->machine);
        face_finish(face);
        return;
    }
    face_expect(face, states, false);
    face->wait_states = states;
    face_plan(face, STEP_COMMAND, STATE_WAIT);
    order(face->machine); /* a refusal is not heard: the host sends g-code and watches */
}

void face_command_state(struct connect_face *face, enum printer_state state)
{
    if (face->wait_states & FACE_STATE(state)) {
        face_finish(face);
    }
}

static void pause_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (reported(face) != STATE_PRINTING) {
        fail_command(face, "Cannot pause when not printing.");
        return;
    }
    try_until(face, FACE_STATE(STATE_PAUSED), machine_pause);
}

static void resume_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (reported(face) != STATE_PAUSED) {
        fail_command(face, "Cannot resume when not paused.");
        return;
    }
    try_until(face, FACE_STATE(STATE_PRINTING), machine_resume);
}

static void stop_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    try_until(face, stop_states, machine_stop);
}

/* ---- START_PRINT ---- */

static bool on_card_opens(struct connect_face *face, const char *path)
{
    char text[FILE_PATH_BYTES_MAX + 64], short_path[FILE_PATH_BYTES_MAX];
    const char *card = strchr(path + 1, '/');
    bool found = card != NULL && face_short_path(face, card, short_path, sizeof short_path);
    if (!found) {
        snprintf(short_path, sizeof short_path, "%s", card == NULL ? "/" : card);
    }
    for (char *at = short_path; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    if (!found) {
        snprintf(text, sizeof text, "Wrong file name, or bad file. File name: %s", short_path);
        fail_command(face, text);
    }
    return found;
}

static bool on_disk_exists(struct connect_face *face, const char *path)
{
    char text[FILE_PATH_BYTES_MAX + 64];
    const char *below;
    const struct storage *storage = machine_storage_of(face->machine, path, &below);
    if (storage != NULL && storage_find(storage, below) != NULL) {
        return true;
    }
    snprintf(text, sizeof text, "The file at %.*s does not exist.", FILE_PATH_BYTES_MAX, path);
    face_fail(face, "FileNotFound", text);
    return false;
}

static void start_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    struct value_error wrong;
    const char *path = value_text(command->kwargs, "path", &wrong);
    if (path == NULL) {
        fail_values(face, &wrong);
        return;
    }
    const struct printer_layers *layers = machine_layers(face->machine);
    if (layers->printing != STATE_NONE) {
        face_fail(face, "NotStateToPrint", "Already printing");
        return;
    }
    if (layers->override != STATE_NONE) {
        char text[64];
        snprintf(text, sizeof text, "Cannot print in State.%s state.",
                 printer_state_name(reported(face)));
        face_fail(face, "NotStateToPrint", text);
        return;
    }
    bool there = face_path_on_sd(path) ? on_card_opens(face, path) : on_disk_exists(face, path);
    if (!there) {
        return;
    }
    struct error error = {""};
    face_expect(face, FACE_STATE(STATE_PRINTING), false);
    enum machine_refusal refusal = machine_start_print(face->machine, path, &error);
    if (refusal == MACHINE_ACCEPTED) {
        face_finish(face);
    } else {
        fail_command(face, error.text[0] == '\0' ? machine_refusal_name(refusal) : error.text);
    }
}

/* ---- g-code ---- */

static void gcode_done(void *owner, const char *line, const char *why)
{
    struct connect_face *face = owner;
    (void)line;
    if (!face->gcode_running) {
        return; /* the face is on its way out */
    }
    face->gcode_running = false;
    const struct connect_sdk_command *command = connect_sdk_command(face->sdk);
    if (why == NULL || (!face->gcode_strict && strcmp(why, "interrupted") != 0)) {
        face_finish(face);
    } else if (strcmp(why, "Cold extrusion prevented") == 0) {
        fail_command(face, why);
    } else if (strcmp(why, "Unknown command") == 0) {
        struct buffer text = {0};
        struct value_error none;
        buffer_format(&text, "Unknown command '%s')", value_text(command->kwargs, "gcode", &none));
        fail_command(face, buffer_text(&text));
        buffer_free(&text);
    } else {
        fail_command(face, "Command interrupted");
    }
}

/* `strict`: every line's answer counts, as for GCODE; filament commands only wait for their last.
 */
static void run_gcode(struct connect_face *face, const char *lines, bool strict)
{
    face->gcode_running = true;
    face->gcode_strict = strict;
    machine_gcode(face->machine, lines, gcode_done, face);
}

static void gcode(struct connect_face *face, const struct connect_sdk_command *command)
{
    struct value_error wrong;
    struct buffer text = {0};
    const char *lines = value_printed(command->kwargs, "gcode", &text, &wrong);
    if (lines == NULL) {
        fail_values(face, &wrong);
    } else if (!command->force && FACE_STATE(reported(face)) & forbidden_states) {
        struct buffer why = {0};
        buffer_format(&why, "Can't run '%s' while in f%s state.", lines,
                      printer_state_name(reported(face)));
        fail_command(face, buffer_text(&why));
        buffer_free(&why);
    } else if ((lines = value_text(command->kwargs, "gcode", &wrong)) == NULL) {
        face_fail(face, wrong.type, wrong.split);
    } else {
        struct buffer clean = {0};
        value_gcode_lines(lines, &clean);
        face_expect(face, 0, true);
        if (clean.size == 0) {
            face_finish(face);
        } else {
            run_gcode(face, buffer_text(&clean), true);
        }
        buffer_free(&clean);
    }
    buffer_free(&text);
}

static void filament(struct connect_face *face, const struct connect_sdk_command *command)
{
    bool load = command->name == CONNECT_LOAD_FILAMENT;
    if (FACE_STATE(reported(face)) & forbidden_states) {
        char text[96];
        snprintf(text, sizeof text, "Can't run %s while in %s state.",
                 load ? "load_filament" : "unload_filament", printer_state_name(reported(face)));
        fail_command(face, text);
        return;
    }
    struct value_error wrong;
    struct filament_heat heat;
    if (!value_filament(command->kwargs, &heat, &wrong)) {
        fail_values(face, &wrong);
        return;
    }
    int32_t nozzle_tenths;
    bool known = prusalink_telemetry_value(&face->telemetry, TELEMETRY_TEMP_NOZZLE, &nozzle_tenths);
    struct buffer lines = {0};
    buffer_format(&lines, "M140 S%s\n", heat.bed);
    if (!known || nozzle_tenths < heat.extrude_c * 10) {
        buffer_format(&lines, "M109 S%d\n", heat.extrude_c); /* M109 would wait for cooling, too */
    }
    buffer_format(&lines, "M104 S%s\n", heat.nozzle);
    buffer_append_text(&lines, load ? "M300 P500 S1\nM0 Insert the filament\nM701" : "M702");
    run_gcode(face, buffer_text(&lines), false);
    buffer_free(&lines);
}

/* ---- ready ---- */

static void set_ready(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (reported(face) != STATE_IDLE && reported(face) != STATE_READY) {
        fail_command(face, "Cannot get into READY from anywhere other than IDLE");
        return;
    }
    face_expect(face, 0, true);
    machine_set_ready(face->machine, true);
    face_finish(face);
}

static void cancel_ready(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (machine_layers(face->machine)->base != STATE_READY) {
        fail_command(face, "Cannot cancel READY when not actually ready.");
        return;
    }
    face_expect(face, 0, true);
    machine_set_ready(face->machine, false);
    face_finish(face);
}

/* ---- SEND_JOB_INFO, SEND_FILE_INFO of the card, UPGRADE ---- */

static void job_info(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (face->job_id == 0) {
        fail_command(face, "Cannot get job info, when there is no job in progress.");
        return;
    }
    const struct machine_job *job = machine_job(face->machine);
    if (job == NULL || job->path == NULL) {
        fail_command(face, "Cannot get job info, don't know the file details yet.");
        return;
    }
    struct buffer data = {0};
    face->job_asked = true;
    face_job_info(face, &data);
    face_finish_with(face, CONNECT_JOB_INFO, &data);
}

static void sd_file_info(struct connect_face *face, const struct connect_sdk_command *command)
{
    struct buffer data = {0};
    struct value_error none;
    face_sd_file_info(face, value_text(command->kwargs, "path", &none), &data);
    face_finish_with(face, CONNECT_FILE_INFO, &data);
}

static void upgrade(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    if (face->settings->upgrade_available) {
        face_plan(face, STEP_RESTART, UPGRADE_INSTALL);
    } else {
        face_plan(face, STEP_COMMAND, UPGRADE_ASK);
    }
}

/* ---- RESET_PRINTER ---- */

static void reset_printer(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    face->resetting = true;
    face_expect(face, 0, true);
    face_plan(face, STEP_COMMAND, RESET_WAIT);
    face_auto_reports(face, false);
    machine_reset(face->machine);
}

/* While the lock is held the boot is not handled, so its BUSY and IDLE are not seen; the end of a
 * print is. */
bool face_withholds(const struct connect_face *face, const struct state_change *change)
{
    return face->resetting && face_quirk(face, CONNECT_QUIRK_RESET) &&
           (change->to == STATE_BUSY || change->from == STATE_BUSY);
}

static void forget_printer(struct connect_face *face)
{
    face_printer_lost(face);
    face_hide_sd(face);
    face_plan(face, STEP_SD_CARD, MILLISECONDS(90));
}

/* The boot message came in time: the command has what it waited for, were it not for the lock
 * (defect Q-24). */
void face_command_rebooted(struct connect_face *face)
{
    if (face_quirk(face, CONNECT_QUIRK_RESET)) {
        return;
    }
    face_finish(face);
    forget_printer(face);
}

/* 30 s are over: the command fails, its lock is free, and all at once the boot is handled. The
 * order is that of captures/connect-prusalink 13. */
static void reset_ends(struct connect_face *face)
{
    bool booted = face_quirk(face, CONNECT_QUIRK_RESET) &&
                  machine_state(face->machine) != STATE_BUSY &&
                  machine_layers(face->machine)->printing == STATE_NONE &&
                  machine_layers(face->machine)->override == STATE_NONE;
    if (booted) {
        face_report(face, &(struct state_change){
                              .from = reported(face), .to = STATE_BUSY, .source = SOURCE_MARLIN});
    }
    fail_command(face, reset_ignored);
    if (booted) {
        face_report(face, &(struct state_change){.from = STATE_BUSY,
                                                 .to = machine_state(face->machine),
                                                 .source = SOURCE_HW});
        forget_printer(face);
    }
}

/* ---- what the SDK calls, and time ---- */

typedef void handler(struct connect_face *face, const struct connect_sdk_command *command);

static handler *const handlers[CONNECT_COMMANDS] = {
    [CONNECT_GCODE] = gcode,
    [CONNECT_START_PRINT] = start_print,
    [CONNECT_PAUSE_PRINT] = pause_print,
    [CONNECT_RESUME_PRINT] = resume_print,
    [CONNECT_STOP_PRINT] = stop_print,
    [CONNECT_RESET_PRINTER] = reset_printer,
    [CONNECT_SEND_JOB_INFO] = job_info,
    [CONNECT_SET_PRINTER_READY] = set_ready,
    [CONNECT_CANCEL_PRINTER_READY] = cancel_ready,
    [CONNECT_LOAD_FILAMENT] = filament,
    [CONNECT_UNLOAD_FILAMENT] = filament,
    [CONNECT_UPGRADE] = upgrade,
};

bool face_command(void *host, const struct connect_sdk_command *command)
{
    struct connect_face *face = host;
    if (face_is_sl1(face)) {
        return sl1_command(face, command);
    }
    if (!face_is_prusalink(face)) {
        return false;
    }
    if (command->name == CONNECT_SEND_FILE_INFO) {
        struct value_error none;
        const char *path = value_text(command->kwargs, "path", &none);
        if (path == NULL || !face_path_on_sd(path)) {
            return false;
        }
        sd_file_info(face, command); /* not through the command queue: doesn't wake */
        return true;
    }
    if (handlers[command->name] == NULL) {
        return false;
    }
    face_active(face);
    handlers[command->name](face, command);
    return true;
}

/* A reset has come: what waits is told to give up. The package manager of UPGRADE cannot be told
 * (defect Q-07). */
void face_interrupt(void *host)
{
    struct connect_face *face = host;
    if (face->gcode_running) {
        machine_gcode_interrupt(face->machine);
    } else if (face->wait_states != 0 || face->resetting) {
        face->interrupted = true;
        face_plan(face, STEP_COMMAND, INTERRUPT_AFTER);
    }
}

void face_command_step(struct connect_face *face)
{
    const struct connect_sdk_command *command = connect_sdk_command(face->sdk);
    if (command == NULL) {
        return;
    }
    if (face->resetting && face->interrupted) {
        face_finish(face); /* its time was not over, so it takes the end of its wait for success */
    } else if (face->resetting) {
        reset_ends(face);
    } else if (face->wait_states != 0) {
        fail_command(face, wait_failure(command->name));
    } else if (command->name == CONNECT_UPGRADE) {
        fail_command(face, "No update available");
    }
}
