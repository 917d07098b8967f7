#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_planner.h"

/* What a command does and which event answers it (connect-buddy.md 6.3). */

static void reject(struct buddy_planner *planner, const struct buddy_command *command,
                   const char *reason)
{
    buddy_planner_plan(planner, &(struct buddy_event){.type = BUDDY_EVENT_REJECTED,
                                                      .command_id = buddy_number(command->id),
                                                      .reason = reason});
}

static void tell(struct buddy_planner *planner, const struct buddy_command *command,
                 enum buddy_event_type type)
{
    buddy_planner_plan(
        planner, &(struct buddy_event){.type = type, .command_id = buddy_number(command->id)});
}

/* FINISHED, or REJECTED with why not. */
static void finish(struct buddy_planner *planner, const struct buddy_command *command,
                   const char *why_not)
{
    if (why_not != NULL) {
        reject(planner, command, why_not);
    } else {
        tell(planner, command, BUDDY_EVENT_FINISHED);
    }
}

void buddy_planner_reject(struct buddy_planner *planner, uint32_t id, const char *reason)
{
    buddy_planner_plan(planner, &(struct buddy_event){.type = BUDDY_EVENT_REJECTED,
                                                      .command_id = buddy_number(id),
                                                      .reason = reason});
}

/* ---- files ---- */

static bool is_there(const struct buddy_planner *planner, const char *path, bool folder)
{
    struct buddy_entry entry;
    return planner->files.class->look(planner->files.owner, path, &entry) && entry.folder == folder;
}

static void change_file(struct buddy_planner *planner, const struct buddy_command *command)
{
    const char *path = command->path;
    const char *why = NULL;
    bool file = command->type == BUDDY_COMMAND_DELETE_FILE;
    bool create = command->type == BUDDY_COMMAND_CREATE_FOLDER;
    if (!buddy_path_allowed(path)) {
        why = "Forbidden path";
    } else if (!create && !is_there(planner, path, !file)) {
        why = "File not found";
    } else if (create) {
        why = planner->class->make_folder(planner->host, path);
    } else if (file) {
        why = planner->class->delete_file(planner->host, path);
    } else {
        why = planner->class->delete_folder(planner->host, path);
    }
    if (why != NULL) {
        reject(planner, command, why);
        return;
    }
    /* The answer is the event about the change. */
    buddy_planner_changed(planner, path, file,
                          create ? BUDDY_INCIDENT_CREATED : BUDDY_INCIDENT_DELETED,
                          buddy_number(command->id));
}

static void send_file_info(struct buddy_planner *planner, const struct buddy_command *command)
{
    if (!buddy_path_allowed(command->path)) {
        reject(planner, command, "Forbidden path");
        return;
    }
    buddy_planner_plan(planner, &(struct buddy_event){.type = BUDDY_EVENT_FILE_INFO,
                                                      .command_id = buddy_number(command->id),
                                                      .path = command->path});
}

/* ---- prints ---- */

static void start_print(struct buddy_planner *planner, const struct buddy_command *command)
{
    const char *why = NULL;
    if (!buddy_path_allowed(command->path)) {
        why = "Forbidden path";
    } else if (!is_there(planner, command->path, false)) {
        why = "File not found";
    } else {
        why = planner->class->start_print(planner->host, command);
    }
    if (why != NULL) {
        reject(planner, command, why);
        return;
    }
    planner->print_start_cmd = buddy_number(command->id);
    buddy_planner_plan(planner, &(struct buddy_event){.type = BUDDY_EVENT_JOB_INFO,
                                                      .command_id = buddy_number(command->id),
                                                      .start_cmd_id = buddy_number(command->id)});
}

static void control(struct buddy_planner *planner, const struct buddy_command *command,
                    enum buddy_control control, const char *why_not)
{
    bool done = planner->class->control(planner->host, control);
    finish(planner, command, done ? NULL : why_not);
}

static void run_gcode(struct buddy_planner *planner, const struct buddy_command *command)
{
    planner->background = true;
    planner->background_id = command->id;
    free(planner->gcode);
    planner->gcode = memory_copy_slice(command->gcode, command->gcode_size);
    planner->gcode_size = command->gcode_size;
    planner->gcode_at = 0;
    tell(planner, command, BUDDY_EVENT_ACCEPTED);
}

/* ---- transfers ---- */

static void download(struct buddy_planner *planner, const struct buddy_command *command)
{
    enum buddy_machine_reason machine_reason = BUDDY_REASON_NONE;
    const char *why = NULL;
    if (planner->class->download == NULL) {
        reject(planner, command, "Unknown command");
        return;
    }
    if (!planner->recovered) {
        why = "Not ready";
        machine_reason = command->type == BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD
                             ? BUDDY_REASON_NOT_READY
                             : BUDDY_REASON_NONE;
    } else if (!buddy_path_allowed(command->path)) {
        why = "Not allowed outside /usb";
        machine_reason = BUDDY_REASON_STORAGE_FAILURE;
    } else if (!buddy_file_transferable(command->path)) {
        why = "Unsupported file type";
        machine_reason = BUDDY_REASON_STORAGE_FAILURE;
    } else if (planner->state->transfer.running) {
        why = "Another transfer in progress";
        machine_reason = BUDDY_REASON_TRANSFER_IN_PROGRESS;
    } else {
        why = planner->class->download(planner->host, command, &machine_reason);
    }
    if (why != NULL) {
        reject(planner, command, why);
        planner->event.machine_reason = machine_reason;
        return;
    }
    planner->transfer_start_cmd = buddy_number(command->id);
    tell(planner, command, BUDDY_EVENT_TRANSFER_INFO);
    planner->event.start_cmd_id = buddy_number(command->id);
}

/* ---- the rest ---- */

static void set_value(struct buddy_planner *planner, const struct buddy_command *command)
{
    enum { MINUTE_S = 60, LONGEST_S = 600 };
    const struct buddy_value *value = &command->value;
    const char *why = NULL;
    if (value->property == BUDDY_ENCLOSURE_POST_PRINT_TIME && value->whole % MINUTE_S != 0) {
        why = "Value should be whole minutes";
    } else if (value->property == BUDDY_ENCLOSURE_POST_PRINT_TIME &&
               (value->whole < MINUTE_S || value->whole > LONGEST_S)) {
        why = "Value out of range";
    } else {
        why = planner->class->set_value(planner->host, value);
    }
    finish(planner, command, why);
}

static void cancel_object(struct buddy_planner *planner, const struct buddy_command *command)
{
    planner->class->cancel_object(planner->host, command->object_id,
                                  command->type == BUDDY_COMMAND_CANCEL_OBJECT);
    tell(planner, command, BUDDY_EVENT_CANCELABLE_CHANGED);
}

static bool allowed_on_error_screen(enum buddy_command_type type)
{
    return type == BUDDY_COMMAND_SEND_INFO || type == BUDDY_COMMAND_SET_TOKEN ||
           type == BUDDY_COMMAND_RESET || type == BUDDY_COMMAND_SEND_STATE_INFO;
}

static void ask(struct buddy_planner *planner, const struct buddy_command *command)
{
    switch (command->type) {
    case BUDDY_COMMAND_SEND_JOB_INFO:
        tell(planner, command, BUDDY_EVENT_JOB_INFO);
        planner->event.job_id = buddy_number(command->job_id);
        planner->event.start_cmd_id = planner->print_start_cmd;
        break;
    case BUDDY_COMMAND_SEND_FILE_INFO:
        send_file_info(planner, command);
        break;
    case BUDDY_COMMAND_SEND_TRANSFER_INFO:
        tell(planner, command, BUDDY_EVENT_TRANSFER_INFO);
        planner->event.start_cmd_id = planner->transfer_start_cmd;
        break;
    case BUDDY_COMMAND_SEND_STATE_INFO:
        tell(planner, command, BUDDY_EVENT_STATE_CHANGED);
        break;
    default:
        tell(planner, command, BUDDY_EVENT_INFO);
        break;
    }
}

static void act(struct buddy_planner *planner, const struct buddy_command *command)
{
    const struct buddy_host_class *class = planner->class;
    void *host = planner->host;
    switch (command->type) {
    case BUDDY_COMMAND_PAUSE_PRINT:
        control(planner, command, BUDDY_PAUSE, "No print to pause");
        break;
    case BUDDY_COMMAND_RESUME_PRINT:
        control(planner, command, BUDDY_RESUME, "No paused print to resume");
        break;
    case BUDDY_COMMAND_STOP_PRINT:
        control(planner, command, BUDDY_STOP, "No print to stop");
        break;
    case BUDDY_COMMAND_SET_PRINTER_READY:
        finish(planner, command, class->set_ready(host, true) ? NULL : "Can't set ready now");
        break;
    case BUDDY_COMMAND_CANCEL_PRINTER_READY:
        class->set_ready(host, false);
        tell(planner, command, BUDDY_EVENT_FINISHED);
        break;
    case BUDDY_COMMAND_SET_IDLE:
        finish(planner, command, class->set_idle(host) ? NULL : "Can't set idle now");
        break;
    case BUDDY_COMMAND_STOP_TRANSFER:
        finish(planner, command, class->stop_transfer(host) ? NULL : "No transfer in progress");
        break;
    case BUDDY_COMMAND_SET_TOKEN:
        class->set_token(host, command->token);
        tell(planner, command, BUDDY_EVENT_FINISHED);
        break;
    case BUDDY_COMMAND_RESET:
        if (!class->reset(host)) {
            reject(planner, command, "Failed to reset");
        }
        break;
    case BUDDY_COMMAND_DIALOG_ACTION:
        finish(planner, command, class->dialog_action(host, command->dialog_id, command->button));
        break;
    default:
        ask(planner, command);
        break;
    }
}

void buddy_planner_command(struct buddy_planner *planner, const struct buddy_command *command)
{
    if (planner->state->device == BUDDY_ERROR && !allowed_on_error_screen(command->type)) {
        reject(planner, command, "Won't accept commands in error state");
        return;
    }
    if (planner->background) {
        tell(planner, command,
             command->type == BUDDY_COMMAND_PROCESSING_THIS ? BUDDY_EVENT_ACCEPTED
                                                            : BUDDY_EVENT_REJECTED);
        return;
    }
    switch (command->type) {
    case BUDDY_COMMAND_UNKNOWN:
        reject(planner, command, "Unknown command");
        break;
    case BUDDY_COMMAND_BROKEN:
        reject(planner, command, command->reason);
        break;
    case BUDDY_COMMAND_PROCESSING_OTHER:
    case BUDDY_COMMAND_PROCESSING_THIS:
        reject(planner, command, "Processing other command");
        break;
    case BUDDY_COMMAND_GCODE:
        run_gcode(planner, command);
        break;
    case BUDDY_COMMAND_GCODE_TOO_LARGE:
        reject(planner, command, "GCode too large");
        break;
    case BUDDY_COMMAND_START_PRINT:
        start_print(planner, command);
        break;
    case BUDDY_COMMAND_DELETE_FILE:
    case BUDDY_COMMAND_DELETE_FOLDER:
    case BUDDY_COMMAND_CREATE_FOLDER:
        change_file(planner, command);
        break;
    case BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD:
    case BUDDY_COMMAND_START_INLINE_DOWNLOAD:
        download(planner, command);
        break;
    case BUDDY_COMMAND_SET_VALUE:
        set_value(planner, command);
        break;
    case BUDDY_COMMAND_CANCEL_OBJECT:
    case BUDDY_COMMAND_UNCANCEL_OBJECT:
        cancel_object(planner, command);
        break;
    default:
        act(planner, command);
        break;
    }
}
