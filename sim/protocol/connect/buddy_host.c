#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_parts.h"

/* What commands do to the machine. */

static bool control(void *host, enum buddy_control control)
{
    struct buddy *buddy = host;
    enum printer_state state = machine_state(buddy->machine);
    switch (control) {
    case BUDDY_PAUSE:
        return state == STATE_PRINTING && machine_pause(buddy->machine) == MACHINE_ACCEPTED;
    case BUDDY_RESUME:
        return state == STATE_PAUSED && machine_resume(buddy->machine) == MACHINE_ACCEPTED;
    case BUDDY_STOP:
        return machine_stop(buddy->machine) == MACHINE_ACCEPTED;
    }
    return false;
}

static bool at_rest(const struct buddy *buddy)
{
    enum printer_state state = machine_state(buddy->machine);
    return state == STATE_IDLE || state == STATE_READY || state == STATE_FINISHED ||
           state == STATE_STOPPED;
}

/* Tools that are not there, and mappings without anything to map (6.3). */
static const char *mapping_trouble(const struct buddy *buddy, const struct buddy_command *command)
{
    if (!command->mapped) {
        return NULL;
    }
    if (buddy->build.mmu && buddy_slot_count(&buddy->state) < 2) {
        return "MMU not enabled, can't use tools mapping";
    }
    for (int i = 0; i < BUDDY_MAPPED_TOOLS_MAX; i++) {
        for (int k = 0; k < BUDDY_MAPPED_TOOLS_MAX; k++) {
            uint8_t tool = command->mapping[i][k];
            if (tool != BUDDY_NOT_MAPPED && tool >= buddy->build.slots) {
                return k == 0 ? "Invalid tools mapping" : "Invalid spool join setting";
            }
        }
    }
    return NULL;
}

/* A file that is still coming in is printed as far as it is there (7.6). */
static bool print_file(struct buddy *buddy, const char *path)
{
    struct error error = {""};
    struct buddy_entry entry;
    if (!buddy_drive_class.look(buddy->machine, path, &entry) || !entry.read_only) {
        return machine_start_print(buddy->machine, path, &error) == MACHINE_ACCEPTED;
    }
    struct buffer inner = {0};
    buffer_format(&inner, "%s/p", path);
    uint64_t there = buddy_transfer_there(buddy, path, entry.size);
    enum machine_refusal refusal =
        machine_start_partial(buddy->machine, path, inner.bytes, there, &error);
    buffer_free(&inner);
    return refusal == MACHINE_ACCEPTED;
}

static const char *start_print(void *host, const struct buddy_command *command)
{
    struct buddy *buddy = host;
    const char *trouble = mapping_trouble(buddy, command);
    if (trouble != NULL) {
        return trouble;
    }
    struct buffer path = {0};
    bool started = false;
    if (at_rest(buddy) && strlen(command->path) <= BUDDY_SHORT_PATH_MAX &&
        buddy_drive_resolve(buddy->machine, command->path, &path)) {
        free(buddy->start_path);
        buddy->start_path = memory_copy_text(command->path);
        machine_dismiss_end(buddy->machine);
        started = print_file(buddy, path.bytes);
    }
    buffer_free(&path);
    if (!started) {
        free(buddy->start_path);
        buddy->start_path = NULL;
        return "Can't print now";
    }
    buddy_look(buddy);
    return NULL;
}

static bool set_ready(void *host, bool ready)
{
    struct buddy *buddy = host;
    if (ready && at_rest(buddy)) {
        machine_dismiss_end(buddy->machine);
    }
    return machine_set_ready(buddy->machine, ready) == MACHINE_ACCEPTED;
}

static bool set_idle(void *host)
{
    struct buddy *buddy = host;
    return machine_dismiss_end(buddy->machine);
}

/* ---- files ---- */

static const char *delete_file(void *host, const char *path)
{
    struct buddy *buddy = host;
    struct buffer real = {0};
    const char *trouble = "Error deleting file";
    const struct machine_job *job = machine_job(buddy->machine);
    struct buddy_entry entry;
    if (buddy_drive_resolve(buddy->machine, path, &real)) {
        if (buddy_drive_class.look(buddy->machine, path, &entry) && entry.read_only) {
            trouble = "File is being transferred";
        } else if (job != NULL && strcmp(job->path, real.bytes) == 0) {
            trouble = at_rest(buddy) && machine_dismiss_end(buddy->machine) ? NULL : "File is busy";
        } else {
            trouble = NULL;
        }
        if (trouble == NULL && machine_remove(buddy->machine, real.bytes, false) != STORAGE_OK) {
            trouble = "Error deleting file";
        }
    }
    buffer_free(&real);
    return trouble;
}

static const char *delete_folder(void *host, const char *path)
{
    struct buddy *buddy = host;
    struct buffer real = {0};
    enum storage_result result = STORAGE_NOT_FOUND;
    if (buddy_drive_resolve(buddy->machine, path, &real)) {
        result = machine_remove(buddy->machine, real.bytes, false);
    }
    buffer_free(&real);
    return result == STORAGE_OK          ? NULL
           : result == STORAGE_NOT_EMPTY ? "Directory not empty"
                                         : "Error deleting directory";
}

/* In a folder that is there; parents are not made. */
static const char *make_folder(void *host, const char *path)
{
    struct buddy *buddy = host;
    struct buffer real = {0};
    const char *name = buddy_path_name(path);
    const char *trouble = "Error creating directory";
    if (buddy_drive_resolve(buddy->machine, path, &real)) {
        trouble = "Directory already exists";
    } else {
        char *parent = memory_copy_slice(path, (size_t)(name - path));
        if (*name != '\0' && buddy_drive_resolve(buddy->machine, parent, &real)) {
            buffer_append_char(&real, '/');
            buffer_append_text(&real, name);
            if (machine_make_folder(buddy->machine, real.bytes) == STORAGE_OK) {
                trouble = NULL;
            }
        }
        free(parent);
    }
    buffer_free(&real);
    return trouble;
}

static const char *download(void *host, const struct buddy_command *command,
                            enum buddy_machine_reason *machine_reason)
{
    return buddy_transfer_begin(host, command, machine_reason);
}

static bool stop_transfer(void *host)
{
    return buddy_transfer_stop(host);
}

static bool transfer_outcome(void *host, uint32_t id, enum buddy_outcome *outcome)
{
    return buddy_transfer_outcome(host, id, outcome);
}

/* ---- dialogs, values, the rest ---- */

static const char *dialog_action(void *host, uint32_t dialog_id, enum buddy_button button)
{
    struct buddy *buddy = host;
    const struct buddy_dialog *dialog = &buddy->state.dialog;
    if (!dialog->shown || !dialog->has_buttons) {
        return "No buttons";
    }
    if (dialog->id != dialog_id) {
        return "Invalid dialog id";
    }
    enum machine_answer answer;
    if (buddy_dialog_answer(machine_prompt(buddy->machine), button, &answer) &&
        machine_answer(buddy->machine, answer)) {
        return NULL;
    }
    return "Invalid button for dialog";
}

/* 8 bits are what the light has. */
static int percent_of_eight_bits(int64_t percent)
{
    uint8_t bits = (uint8_t)(percent * 255 / 100);
    return bits * 100 / 255;
}

static const char *set_value(void *host, const struct buddy_value *value)
{
    struct buddy *buddy = host;
    switch (value->property) {
    case BUDDY_HOSTNAME:
        snprintf(buddy->hostname, sizeof buddy->hostname, "%s", value->text);
        break;
    case BUDDY_ENCLOSURE_ENABLED:
        buddy->enclosure_enabled = value->flag;
        machine_set_enclosure(buddy->machine, value->flag);
        break;
    case BUDDY_ENCLOSURE_PRINTING_FILTRATION:
        buddy->printing_filtration = value->flag;
        break;
    case BUDDY_ENCLOSURE_POST_PRINT:
        buddy->post_print = value->flag;
        break;
    case BUDDY_ENCLOSURE_POST_PRINT_TIME:
        buddy->post_print_s = (int)value->whole;
        break;
    case BUDDY_NOZZLE_DIAMETER:
        buddy->fittings[value->tool].nozzle_diameter_mm = value->number;
        break;
    case BUDDY_NOZZLE_HIGH_FLOW:
        buddy->fittings[value->tool].high_flow = value->flag;
        break;
    case BUDDY_NOZZLE_HARDENED:
        buddy->fittings[value->tool].hardened = value->flag;
        break;
    case BUDDY_CHAMBER_TARGET:
        machine_set_chamber(buddy->machine, (double)value->whole);
        break;
    case BUDDY_CHAMBER_FAN:
        machine_set_chamber_fan(buddy->machine,
                                value->whole < 0 ? -1 : percent_of_eight_bits(value->whole));
        break;
    case BUDDY_ADDON_POWER:
        buddy->addon_power = value->flag;
        break;
    case BUDDY_CHAMBER_LIGHT:
        buddy->led_percent = percent_of_eight_bits(value->whole);
        break;
    }
    return NULL;
}

/* The connection is that of the old token; what is planned goes out with the new one. */
static void set_token(void *host, const char *token)
{
    struct buddy *buddy = host;
    snprintf(buddy->token, sizeof buddy->token, "%s", token);
    buddy_hang_up(buddy);
    buddy_planner_reset(&buddy->planner);
    const struct connect_face_events *events = buddy->settings->events;
    if (events != NULL && events->token != NULL) {
        events->token(buddy->settings->owner, buddy->token);
    }
}

static bool reset(void *host)
{
    machine_reset(((struct buddy *)host)->machine);
    return true;
}

static void cancel_object(void *host, uint8_t id, bool cancel)
{
    struct buddy *buddy = host;
    machine_cancel_object(buddy->machine, id, cancel);
    buddy_look(buddy);
}

static void line_done(void *owner, const char *line, const char *why)
{
    struct buddy *buddy = owner;
    (void)line;
    (void)why; /* the firmware tells nobody what became of a line */
    buddy->queued--;
}

static enum buddy_submit submit_gcode(void *host, const char *line)
{
    struct buddy *buddy = host;
    if (strlen(line) > BUDDY_GCODE_LINE_MAX) {
        return BUDDY_NEVER;
    }
    if (buddy->queued == BUDDY_QUEUE) {
        return BUDDY_LATER;
    }
    buddy->queued++;
    machine_gcode(buddy->machine, line, line_done, buddy);
    return BUDDY_SUBMITTED;
}

const struct buddy_host_class buddy_host_class = {
    .control = control,
    .start_print = start_print,
    .set_ready = set_ready,
    .set_idle = set_idle,
    .delete_file = delete_file,
    .delete_folder = delete_folder,
    .make_folder = make_folder,
    .download = download,
    .stop_transfer = stop_transfer,
    .transfer_outcome = transfer_outcome,
    .dialog_action = dialog_action,
    .set_value = set_value,
    .set_token = set_token,
    .reset = reset,
    .cancel_object = cancel_object,
    .submit_gcode = submit_gcode,
};

/* ---- what the machine tells ---- */

/* Ended jobs are remembered, the last two of this boot (5.3). */
static void state_changed(void *face, const struct state_change *change)
{
    struct buddy *buddy = face;
    struct buddy_state *state = &buddy->state;
    bool ended = change->to == STATE_FINISHED || change->to == STATE_STOPPED;
    if (change->to == STATE_ERROR) {
        buddy_show_error(buddy);
    }
    if (!ended || change->job_id == 0 ||
        (state->ended_count > 0 && state->ended[0].id == (uint16_t)change->job_id)) {
        return;
    }
    state->ended[1] = state->ended[0];
    state->ended[0] =
        (struct buddy_ended_job){(uint16_t)change->job_id, change->to == STATE_FINISHED};
    state->ended_count =
        state->ended_count < BUDDY_JOBS_KEPT ? state->ended_count + 1 : BUDDY_JOBS_KEPT;
    free(buddy->start_path);
    buddy->start_path = NULL;
}

/* The Connect client runs there, too. */
static void resetting(void *face)
{
    struct buddy *buddy = face;
    buddy->rebooting = true;
    buddy_restart(buddy);
}

static void rebooted(void *face)
{
    struct buddy *buddy = face;
    buddy->rebooting = false;
    buddy_restart(buddy);
}

static void powered(void *face, bool on)
{
    struct buddy *buddy = face;
    buddy->rebooting = !on;
    buddy_restart(buddy);
}

static void transfer_changed(void *face, const struct transfer *transfer,
                             enum transfer_change change)
{
    buddy_transfer_told(face, transfer, change);
}

const struct machine_events buddy_machine_events = {
    .transfer_changed = transfer_changed,
    .state_changed = state_changed,
    .resetting = resetting,
    .rebooted = rebooted,
    .powered = powered,
};
