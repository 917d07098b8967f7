#include "sim/protocol/connect/prusalink_face.h"

#include <math.h>
#include <stdio.h>

#include "sim/machine/resin.h"
#include "sim/protocol/connect/prusalink_values.h"

/* The Connect client of a resin printer. Its source is closed; public is that it is a host of the
 * Python SDK (connect-sdk.md, introduction: "SL1 command handling beyond the SDK built-ins is
 * undefined in the source"). So what follows is the plainest behaviour that the public rest allows:
 * - telemetry has the names of Prusa-Link-Web (printer-models.md 8.4), each second, complete, as
 * the SDK's readme advises and captures/connect-sdk 11 shows; a print adds the SDK's own progress,
 *   time_printing and time_remaining;
 * - commands do what the firmware's interface for others does (sla-fw: slafw/api/standard0.py) and
 *   end at once: the changes of state that follow tell how it went on; refusals say the firmware's
 *   number and text (Prusa-Error-Codes: 10_SL1/errors.yaml);
 * - START_PRINT confirms the project, too: Connect has no second question. Resin is still poured in
 *   by a person, or RESUME_PRINT says that it is;
 * - everything else is the SDK's: built in, or REJECTED "Not Implemented" (captures/connect-sdk
 * 34). */

static const char not_now[] =
    "#10506 Cannot run this action, wait until the printer finishes the previous action.";

/* ---- telemetry ---- */

static void add_float(struct telemetry_fields *fields, const char *key, double value)
{
    fields->fields[fields->count++] =
        (struct connect_field){.key = key, .kind = CONNECT_FLOAT, .number = round(value * 10) / 10};
}

static void add_int(struct telemetry_fields *fields, const char *key, int64_t value)
{
    fields->fields[fields->count++] =
        (struct connect_field){.key = key, .kind = CONNECT_INT, .integer = value};
}

void sl1_telemetry(struct connect_face *face, struct telemetry_fields *fields)
{
    struct resin_readings resin;
    struct machine_readings common;
    fields->count = 0;
    machine_read_resin(face->machine, &resin);
    machine_read(face->machine, &common);
    add_float(fields, "temp_uv_led", resin.uv_led_c);
    add_float(fields, "temp_ambient", resin.ambient_c);
    add_float(fields, "temp_cpu", resin.cpu_c);
    add_int(fields, "fan_uv_led", resin.uv_led_fan_rpm);
    add_int(fields, "fan_blower", resin.blower_fan_rpm);
    add_int(fields, "fan_rear", resin.rear_fan_rpm);
    fields->fields[fields->count++] = (struct connect_field){
        .key = "cover_closed", .kind = CONNECT_BOOL, .truth = resin.cover_closed};
    if (common.job && resin.layer > 0) {
        add_int(fields, "progress", common.progress_percent);
        add_int(fields, "time_printing", common.time_printing_s);
        add_int(fields, "time_remaining", common.time_remaining_s);
    }
}

/* ---- commands ---- */

static void fail(struct connect_face *face, const char *text)
{
    face_fail(face, "CommandFailed", text);
}

static void order(struct connect_face *face, enum machine_refusal (*what)(struct machine *machine))
{
    face_expect(face, 0, true);
    if (what(face->machine) == MACHINE_ACCEPTED) {
        face_finish(face);
    } else {
        fail(face, not_now);
    }
}

static void start_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    struct value_error wrong;
    const char *path = value_text(command->kwargs, "path", &wrong);
    if (path == NULL) {
        face_fail(face, wrong.type, wrong.text);
        return;
    }
    struct error error = {""};
    face_expect(face, 0, true);
    enum machine_refusal refusal = machine_start_print(face->machine, path, &error);
    if (refusal == MACHINE_ACCEPTED) {
        face_finish(face);
    } else {
        fail(face, error.text[0] == '\0' ? machine_refusal_name(refusal) : error.text);
    }
}

static void pause_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    order(face, machine_pause);
}

static void resume_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    order(face, machine_resume);
}

static void stop_print(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    order(face, machine_stop);
}

static enum machine_refusal become_ready(struct machine *machine)
{
    return machine_set_ready(machine, true);
}

static enum machine_refusal become_unready(struct machine *machine)
{
    return machine_set_ready(machine, false);
}

static void set_ready(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    order(face, become_ready);
}

static void cancel_ready(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    order(face, become_unready);
}

static void job_info(struct connect_face *face, const struct connect_sdk_command *command)
{
    (void)command;
    const struct machine_job *job = machine_job(face->machine);
    struct machine_readings readings;
    struct resin_readings resin;
    machine_read(face->machine, &readings);
    machine_read_resin(face->machine, &resin);
    if (job == NULL) {
        fail(face, "Cannot get job info, when there is no job in progress.");
        return;
    }
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    if (resin.layer > 0) {
        json_int(&json, "time_printing", readings.time_printing_s);
        json_int(&json, "time_remaining", readings.time_remaining_s);
        json_int(&json, "progress", readings.progress_percent);
    }
    if (face->job_by_command) {
        json_int(&json, "start_cmd_id", face->job_command_id);
    }
    json_string(&json, "path", job->path);
    json_int(&json, "m_timestamp", job->modified_s);
    json_int(&json, "size", (int64_t)job->size_bytes);
    json_bool(&json, "from_sd", job->from_sd);
    json_object_end(&json);
    face_finish_with(face, CONNECT_JOB_INFO, &data);
}

typedef void handler(struct connect_face *face, const struct connect_sdk_command *command);

static handler *const handlers[CONNECT_COMMANDS] = {
    [CONNECT_START_PRINT] = start_print,
    [CONNECT_PAUSE_PRINT] = pause_print,
    [CONNECT_RESUME_PRINT] = resume_print,
    [CONNECT_STOP_PRINT] = stop_print,
    [CONNECT_SEND_JOB_INFO] = job_info,
    [CONNECT_SET_PRINTER_READY] = set_ready,
    [CONNECT_CANCEL_PRINTER_READY] = cancel_ready,
};

bool sl1_command(struct connect_face *face, const struct connect_sdk_command *command)
{
    if (handlers[command->name] == NULL) {
        return false;
    }
    handlers[command->name](face, command);
    return true;
}
