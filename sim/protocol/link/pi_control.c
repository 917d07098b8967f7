/* Job control, the ready mark, and moving, heating and extruding by hand
 * (prusalink.md 3.5, 4.2, 4.4). */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* How long the legacy interface waits for a command to show its effect. */
#define EFFECT_WITHIN SECONDS(15)
#define LOOK_EACH     MILLISECONDS(50)

/* --- the v1 interface: orders are queued, the answer is out before they are carried out (cap 44,
 * 46) --- */

enum order { ORDER_STOP, ORDER_PAUSE, ORDER_RESUME };

#define ORDER_TAKES MILLISECONDS(20)

void pi_job_queue(void *owner)
{
    struct pi *pi = owner;
    struct machine *machine = pi->face->machine;
    switch ((enum order)pi->order) {
    case ORDER_STOP:
        machine_stop(machine);
        break;
    case ORDER_PAUSE:
        machine_pause(machine);
        break;
    case ORDER_RESUME:
        machine_resume(machine);
        break;
    }
}

static void give_order(struct link_request *request, enum order order)
{
    struct pi *pi = pi_of(request);
    if (timer_armed(&pi->queue)) {
        world_cancel(request->face->world, &pi->queue);
        pi_job_queue(pi); /* the one before comes first */
    }
    pi->order = (uint8_t)order;
    world_arm_in(request->face->world, &pi->queue, ORDER_TAKES);
}

static bool is_number(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* False: answered. */
static bool current_job(struct link_request *request, const char *id)
{
    struct machine_readings readings;
    if (!is_number(id)) {
        pi_send_404(request);
        return false;
    }
    pi_look(request, &readings);
    if (strtoull(id, NULL, 10) != pi_of(request)->job_id) {
        pi_send_error(request, PI_NOT_CURRENT_JOB);
        return false;
    }
    return true;
}

void pi_v1_job_delete(struct link_request *request)
{
    if (!current_job(request, request->parameters[0])) {
        return;
    }
    enum printer_state state = pi_state(request);
    bool runs = state == STATE_PRINTING || state == STATE_PAUSED;
    if (!runs || !pi_busy_printing(request)) {
        pi_send_error(request, PI_NOT_PRINTING);
        return;
    }
    give_order(request, ORDER_STOP);
    pi_send_empty(request, 204);
}

void pi_v1_job_put(struct link_request *request)
{
    const char *command = request->parameters[1];
    if (!current_job(request, request->parameters[0])) {
        return;
    }
    enum printer_state state = pi_state(request);
    if (strcmp(command, "pause") == 0) {
        if (state != STATE_PRINTING || !pi_busy_printing(request)) {
            pi_send_error(request, PI_NOT_PRINTING);
            return;
        }
        give_order(request, ORDER_PAUSE);
    } else if (strcmp(command, "resume") == 0) {
        if (state != STATE_PAUSED) {
            pi_send_error(request, PI_NOT_PAUSED);
            return;
        }
        give_order(request, ORDER_RESUME);
    } else if (!link_quirk(request->face, 12)) {
        pi_send_404(request);
        return;
    }
    pi_send_empty(request, 204);
}

/* --- the legacy interface: the answer waits for the effect --- */

struct effect {
    struct link_task task;
    struct timer timer;
    unsigned states; /* bits of enum printer_state, one of which is waited for */
    int64_t until_us;
};

void pi_send_failed_command(struct link_request *request, const char *why)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "title", "COMMAND FAILED");
    json_string(&json, "message", why);
    json_string(&json, "text", why);
    json_object_end(&json);
    pi_send_json(request, 500, &body);
}

static void look(void *owner)
{
    struct effect *effect = owner;
    struct link_request *request = effect->task.request;
    struct world *world = request->face->world;
    if ((STATE_BIT(pi_state(request)) & effect->states) != 0) {
        pi_send_empty(request, 204);
    } else if (world->now_us >= effect->until_us) {
        pi_send_failed_command(request, "Command has not been recognized by the printer");
    } else {
        world_arm_in(world, &effect->timer, LOOK_EACH);
    }
}

static void effect_free(struct link_task *task)
{
    struct effect *effect = (struct effect *)task;
    world_cancel(task->request->face->world, &effect->timer);
    free(effect);
}

static void answer_with_effect(struct link_request *request, enum machine_refusal refusal,
                               unsigned states)
{
    if (refusal != MACHINE_ACCEPTED) {
        pi_send_failed_command(request, machine_refusal_name(refusal));
        return;
    }
    struct effect *effect = memory_new(sizeof *effect);
    effect->task = (struct link_task){.free = effect_free, .request = request};
    effect->states = states;
    effect->until_us = request->face->world->now_us + EFFECT_WITHIN;
    timer_init(&effect->timer, look, effect);
    request->task = &effect->task;
    look(effect);
}

static const char *text_member(const struct cJSON *body, const char *key)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(body, key);
    return cJSON_IsString(value) ? value->valuestring : "";
}

static void pause_or_resume(struct link_request *request, const char *action)
{
    enum printer_state state = pi_state(request);
    struct machine *machine = pi_machine(request);
    bool toggle = strcmp(action, link_quirk(request->face, 13) ? "toogle" : "toggle") == 0;
    if (!pi_busy_printing(request)) {
        pi_send_error(request, PI_NOT_PRINTING);
    } else if (state == STATE_PRINTING && (toggle || strcmp(action, "pause") == 0)) {
        answer_with_effect(request, machine_pause(machine), ~STATE_BIT(STATE_PRINTING));
    } else if (state == STATE_PAUSED && (toggle || strcmp(action, "resume") == 0)) {
        answer_with_effect(request, machine_resume(machine), ~STATE_BIT(STATE_PAUSED));
    } else {
        pi_send_empty(request, 204);
    }
}

static void cancel(struct link_request *request)
{
    enum printer_state state = pi_state(request);
    if (pi_busy_printing(request)) {
        answer_with_effect(request, machine_stop(pi_machine(request)),
                           ~(STATE_BIT(STATE_PRINTING) | STATE_BIT(STATE_PAUSED)));
    } else if (state == STATE_ATTENTION || state == STATE_ERROR) {
        pi_send_error(request, PI_NOT_PRINTING);
    } else {
        pi_select(pi_of(request), NULL);
        pi_send_empty(request, 204);
    }
}

static void start(struct link_request *request)
{
    const char *path = pi_of(request)->selected;
    if (pi_busy_printing(request)) {
        pi_send_error(request, PI_CURRENTLY_PRINTING);
    } else if (path == NULL) {
        pi_send_empty(request, 204);
    } else {
        struct buffer real = {0};
        buffer_format(&real, "%s%s", *path == '/' ? "" : "/", path);
        bool started = pi_try_print(request, real.bytes);
        buffer_free(&real);
        if (started) {
            pi_send_empty(request, 204);
        } else {
            pi_send_failed_command(request, "Already printing");
        }
    }
}

void pi_job_command(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    const char *command = text_member(body, "command");
    char action[16];
    snprintf(action, sizeof action, "%s", text_member(body, "action"));
    bool pause = strcmp(command, "pause") == 0, stop = strcmp(command, "cancel") == 0;
    bool begin = strcmp(command, "start") == 0;
    cJSON_Delete(body);
    if (pause) {
        pause_or_resume(request, action);
    } else if (stop) {
        cancel(request);
    } else if (begin) {
        start(request);
    } else {
        pi_send_empty(request, 204);
    }
}

/* --- ready --- */

void pi_ready_post(struct link_request *request)
{
    enum printer_state state = pi_state(request);
    bool may = state == STATE_IDLE || state == STATE_READY;
    if (state == STATE_IDLE) {
        may = machine_set_ready(pi_machine(request), true) == MACHINE_ACCEPTED;
    }
    pi_send_empty(request, may ? 200 : 409);
}

/* The flag that it looks at is never set (quirk L-19c). */
void pi_ready_delete(struct link_request *request)
{
    if (pi_state(request) != STATE_READY) {
        pi_send_empty(request, 409);
    } else if (link_quirk(request->face, 53)) {
        pi_send_500(request);
    } else {
        machine_set_ready(pi_machine(request), false);
        pi_send_empty(request, 200);
    }
}

/* --- controls (LINK: prusa/link/web/controls.py, prusa/link/const.py) --- */

static void send_done(struct link_request *request)
{
    pi_send_text_json(request, 204, "{}");
}

/* False: answered. */
static bool within(struct link_request *request, double value, double low, double high,
                   enum pi_error too_low, enum pi_error too_high)
{
    if (value >= low && value <= high) {
        return true;
    }
    pi_send_error(request, value < low ? too_low : too_high);
    return false;
}

static bool number_member(const struct cJSON *body, const char *key, double *value)
{
    const struct cJSON *member = cJSON_GetObjectItemCaseSensitive(body, key);
    if (cJSON_IsNumber(member)) {
        *value = member->valuedouble;
    }
    return cJSON_IsNumber(member);
}

static bool feed_member(const struct cJSON *body, double *feed)
{
    return number_member(body, "feedrate", feed) || number_member(body, "speed", feed);
}

static void send_gcode(struct link_request *request, const struct buffer *lines)
{
    machine_gcode(pi_machine(request), buffer_text(lines), NULL, NULL);
}

struct axis {
    const char *name;
    double low, high;
};

static const struct axis axes[] = {{"x", 0, 255}, {"y", -4, 212.5}, {"z", 0.15, 210}};

/* Whether what the move asks for is allowed; false: answered. */
static bool jog_allowed(struct link_request *request, const struct cJSON *body, bool absolute)
{
    enum printer_state state = pi_state(request);
    bool stands = state == STATE_IDLE || state == STATE_READY || state == STATE_FINISHED ||
                  state == STATE_STOPPED;
    double value = 0, feed = 0;
    if (feed_member(body, &feed) &&
        !within(request, feed, 0, 2700, PI_VALUE_TOO_LOW, PI_VALUE_TOO_HIGH)) {
        return false;
    }
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        if (!number_member(body, axes[i].name, &value)) {
            continue;
        }
        if (!stands && i == 2) {
            pi_send_error(request, PI_CANT_MOVE_AXIS_Z);
            return false;
        }
        if (!stands && state != STATE_PAUSED) {
            pi_send_error(request, PI_CANT_MOVE_AXIS);
            return false;
        }
        if (absolute && !within(request, value, axes[i].low, axes[i].high, PI_VALUE_TOO_LOW,
                                PI_VALUE_TOO_HIGH)) {
            return false;
        }
    }
    return true;
}

/* The real one prints a list of Python into the line (quirk L-17): what is between brackets and
 * quotes is what the firmware makes of it, the first axis alone. */
static void jog(struct link_request *request, const struct cJSON *body)
{
    bool absolute = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "absolute"));
    double value = 0, feed = 0;
    struct buffer lines = {0};
    if (!jog_allowed(request, body, absolute)) {
        return;
    }
    buffer_append_text(&lines, absolute ? "G90\nG1" : "G91\nG1");
    bool quirk = link_quirk(request->face, 17);
    for (size_t i = 0, written = 0; i < sizeof axes / sizeof *axes; i++) {
        if (number_member(body, axes[i].name, &value) && (!quirk || written++ == 0)) {
            buffer_format(&lines, " %c%g", axes[i].name[0] - 'a' + 'A', value);
        }
    }
    if (feed_member(body, &feed)) {
        buffer_format(&lines, " F%g", feed);
    }
    buffer_append_text(&lines, "\nG90\n");
    send_gcode(request, &lines);
    buffer_free(&lines);
    send_done(request);
}

static void home(struct link_request *request, const struct cJSON *body)
{
    enum printer_state state = pi_state(request);
    struct buffer line = {0};
    if (state != STATE_IDLE && state != STATE_READY) {
        pi_send_error(request, PI_CANT_MOVE_AXIS);
        return;
    }
    buffer_append_text(&line, "G28");
    const struct cJSON *axis;
    cJSON_ArrayForEach(axis, cJSON_GetObjectItemCaseSensitive(body, "axes"))
    {
        const char *name = cJSON_IsString(axis) ? axis->valuestring : "";
        if (strlen(name) == 1 && strchr("xyzXYZ", *name) != NULL) {
            buffer_format(&line, " %c", *name >= 'a' ? *name - 'a' + 'A' : *name);
        }
    }
    send_gcode(request, &line);
    buffer_free(&line);
    send_done(request);
}

/* A factor in percent; `what` is told of it. */
static void set_factor(struct link_request *request, const struct cJSON *body,
                       void (*what)(struct machine *machine, int percent))
{
    double factor = 0;
    if (!number_member(body, "factor", &factor)) {
        pi_send_500(request);
    } else if (within(request, factor, 10, 999, PI_VALUE_TOO_LOW, PI_VALUE_TOO_HIGH)) {
        what(pi_machine(request), (int)factor);
        send_done(request);
    }
}

void pi_printhead(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    const char *command = text_member(body, "command");
    if (strcmp(command, "jog") == 0) {
        jog(request, body);
    } else if (strcmp(command, "home") == 0) {
        home(request, body);
    } else if (strcmp(command, "speed") == 0 || strcmp(command, "feedrate") == 0) {
        set_factor(request, body, machine_set_speed);
    } else {
        if (strcmp(command, "disable_steppers") == 0) {
            machine_gcode(pi_machine(request), "M84", NULL, NULL);
        }
        send_done(request);
    }
    cJSON_Delete(body);
}

static void heat(struct link_request *request, const char *line, double value, double high)
{
    struct buffer text = {0};
    if (!within(request, value, 0, high, PI_TEMPERATURE_TOO_LOW, PI_TEMPERATURE_TOO_HIGH)) {
        return;
    }
    buffer_format(&text, "%s S%g", line, value);
    send_gcode(request, &text);
    buffer_free(&text);
    send_done(request);
}

static void extrude(struct link_request *request, const struct cJSON *body)
{
    double amount = 0, feed = 0;
    struct buffer lines = {0};
    if (pi_busy_printing(request) && pi_state(request) == STATE_PRINTING) {
        pi_send_error(request, PI_CURRENTLY_PRINTING);
        return;
    }
    bool fed = feed_member(body, &feed);
    if (!number_member(body, "amount", &amount)) {
        pi_send_500(request);
        return;
    }
    if (fed && !within(request, feed, 0, 100, PI_VALUE_TOO_LOW, PI_VALUE_TOO_HIGH)) {
        return;
    }
    buffer_format(&lines, "M83\nG1 E%g", amount);
    if (fed) {
        buffer_format(&lines, " F%g", feed);
    }
    send_gcode(request, &lines);
    buffer_free(&lines);
    send_done(request);
}

void pi_tool(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    const char *command = text_member(body, "command");
    double target = 0;
    if (strcmp(command, "target") == 0) {
        const struct cJSON *targets = cJSON_GetObjectItemCaseSensitive(body, "targets");
        if (number_member(targets, "tool0", &target)) {
            heat(request, "M104", target, 305);
        } else {
            pi_send_500(request);
        }
    } else if (strcmp(command, "extrude") == 0) {
        extrude(request, body);
    } else if (strcmp(command, "flowrate") == 0) {
        set_factor(request, body, machine_set_flow);
    } else {
        send_done(request);
    }
    cJSON_Delete(body);
}

void pi_bed(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    double target = 0;
    if (strcmp(text_member(body, "command"), "target") != 0) {
        send_done(request);
    } else if (number_member(body, "target", &target)) {
        heat(request, "M140", target, 125);
    } else {
        pi_send_500(request);
    }
    cJSON_Delete(body);
}
