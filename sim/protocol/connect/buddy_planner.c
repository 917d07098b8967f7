#include "sim/protocol/connect/buddy_planner.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/world.h"

/* connect-buddy.md 3.3, 3.4 */
#define TELEMETRY_MIN     MILLISECONDS(750)
#define TELEMETRY_SHORT   SECONDS(1)
#define TELEMETRY_LONG    SECONDS(4)
#define TELEMETRY_LONG_WS SECONDS(120)
#define PING_AFTER        SECONDS(15)
#define TELEMETRY_FULL    SECONDS(300)
#define WAKE_UP           MILLISECONDS(500)
#define COOLDOWN_BASE     MILLISECONDS(100)
#define COOLDOWN_MAX      SECONDS(60)
#define RECONNECT_AFTER   SECONDS(10)
#define LONG_AGO          (2 * TELEMETRY_FULL)
#define CATCH_UP          SECONDS(10)

enum { ATTEMPTS = 5 };

static bool changed(struct buddy_watched *watched, uint64_t hash)
{
    if (watched->hash != hash) {
        watched->hash = hash;
        watched->dirty = true;
    }
    return watched->dirty;
}

void buddy_planner_init(struct buddy_planner *planner, const struct buddy_host_class *class,
                        void *host, const struct buddy_build *build, struct buddy_files files,
                        const struct buddy_state *state)
{
    *planner = (struct buddy_planner){
        .class = class, .host = host, .build = build, .files = files, .state = state};
    buddy_planner_reset(planner);
    /* Being IDLE is no news after the start. */
    const struct buddy_state idle = {.device = BUDDY_IDLE};
    planner->device.hash = buddy_device_hash(&idle);
}

void buddy_planner_free(struct buddy_planner *planner)
{
    free(planner->event_path);
    free(planner->change.path);
    free(planner->gcode);
}

void buddy_planner_reset(struct buddy_planner *planner)
{
    planner->info.dirty = true;
    planner->objects.dirty = false;
    planner->telemetry_sent = false;
    planner->telemetry.dirty = true;
    planner->cooldown_us = 0;
    planner->cool_now = false;
    planner->failures = 0;
}

void buddy_planner_set_pace(struct buddy_planner *planner, const struct connect_pace *pace,
                            void *owner)
{
    planner->pace = pace;
    planner->pace_owner = owner;
    planner->turn_us = planner->now_us;
}

/* ---- what is next ---- */

static char *copy_of_path(const char *path)
{
    return path == NULL ? NULL : memory_copy_slice(path, strnlen(path, BUDDY_COMMAND_MAX - 1));
}

void buddy_planner_plan(struct buddy_planner *planner, const struct buddy_event *event)
{
    char *path = copy_of_path(event->path);
    free(planner->event_path);
    planner->event = *event;
    planner->event.path = planner->event_path = path;
    planner->has_event = true;
}

static void forget_event(struct buddy_planner *planner)
{
    free(planner->event_path);
    planner->event.path = planner->event_path = NULL;
    planner->has_event = false;
}

static void forget_change(struct buddy_planner *planner)
{
    free(planner->change.path);
    planner->change = (struct buddy_change){0};
}

static struct buddy_action plan_of_type(struct buddy_planner *planner, enum buddy_event_type type)
{
    buddy_planner_plan(planner, &(struct buddy_event){.type = type});
    return (struct buddy_action){.kind = BUDDY_SEND_EVENT};
}

/* The end of the transfer that was seen before; false: none, or nothing is known of it. */
static bool plan_transfer_end(struct buddy_planner *planner)
{
    static const struct {
        enum buddy_event_type type;
        enum buddy_machine_reason reason;
    } ends[] = {
        [BUDDY_TRANSFER_FINISHED] = {BUDDY_EVENT_TRANSFER_FINISHED, BUDDY_REASON_NONE},
        [BUDDY_TRANSFER_STOPPED] = {BUDDY_EVENT_TRANSFER_STOPPED, BUDDY_REASON_NONE},
        [BUDDY_TRANSFER_NETWORK] = {BUDDY_EVENT_TRANSFER_ABORTED, BUDDY_REASON_NETWORK_FAILURE},
        [BUDDY_TRANSFER_STORAGE] = {BUDDY_EVENT_TRANSFER_ABORTED, BUDDY_REASON_STORAGE_FAILURE},
        [BUDDY_TRANSFER_OTHER] = {BUDDY_EVENT_TRANSFER_ABORTED, BUDDY_REASON_NONE},
    };
    const struct buddy_transfer *now = &planner->state->transfer;
    struct buddy_number before = planner->observed_transfer;
    if (before.known == now->running && (!before.known || before.value == now->id)) {
        return false;
    }
    planner->observed_transfer = now->running ? buddy_number(now->id) : (struct buddy_number){0};
    enum buddy_outcome outcome;
    if (!before.known || planner->class->transfer_outcome == NULL ||
        !planner->class->transfer_outcome(planner->host, before.value, &outcome)) {
        return false;
    }
    buddy_planner_plan(planner, &(struct buddy_event){.type = ends[outcome].type,
                                                      .transfer_id = before,
                                                      .start_cmd_id = planner->transfer_start_cmd,
                                                      .machine_reason = ends[outcome].reason});
    planner->transfer_start_cmd = (struct buddy_number){0};
    return true;
}

static void plan_change(struct buddy_planner *planner)
{
    const struct buddy_change *change = &planner->change;
    bool new_file = change->is_file && change->incident == BUDDY_INCIDENT_CREATED;
    buddy_planner_plan(planner, &(struct buddy_event){.type = new_file ? BUDDY_EVENT_FILE_INFO
                                                                       : BUDDY_EVENT_FILE_CHANGED,
                                                      .command_id = change->command_id,
                                                      .path = change->path,
                                                      .is_file = change->is_file,
                                                      .incident = change->incident});
    forget_change(planner);
}

static int64_t interval_us(const struct buddy_planner *planner)
{
    bool busy = planner->state->printing || planner->background || planner->observed_transfer.known;
    return planner->fixed_interval_us > 0 ? planner->fixed_interval_us
           : busy                         ? TELEMETRY_SHORT
           : planner->link.websocket      ? TELEMETRY_LONG_WS
                                          : TELEMETRY_LONG;
}

static struct buddy_action telemetry(struct buddy_planner *planner, bool full)
{
    planner->last_full = planner->style == CONNECT_TELEMETRY_OF_HOST
                             ? full
                             : planner->style == CONNECT_TELEMETRY_FULL;
    return (struct buddy_action){.kind = BUDDY_SEND_TELEMETRY, .full = planner->last_full};
}

static struct buddy_action idle(int64_t left_us)
{
    return (struct buddy_action){.kind = BUDDY_SLEEP,
                                 .sleep_us = left_us < WAKE_UP ? left_us : WAKE_UP};
}

/* A turn has come: the next one is counted from it and not from now, so that a late loop does not
 * slow the printer down. What lies further back than CATCH_UP is given up. */
static void take_turn(struct buddy_planner *planner)
{
    const struct connect_pace *pace = planner->pace;
    bool made = true;
    do {
        if (pace->turn != NULL) {
            pace->turn(planner->pace_owner, planner->turn_us, made);
        }
        int64_t own_us = interval_us(planner);
        planner->turn_us +=
            pace->interval_us != NULL ? pace->interval_us(planner->pace_owner, own_us) : own_us;
        made = false;
    } while (planner->turn_us < planner->now_us - CATCH_UP);
}

static struct buddy_action paced_telemetry(struct buddy_planner *planner, bool full)
{
    int64_t due_us = planner->now_us;
    if (planner->now_us >= planner->turn_us) {
        due_us = planner->turn_us;
        take_turn(planner);
    } else if (planner->telemetry_sent && planner->link.wants_data) {
        return (struct buddy_action){.kind = BUDDY_ASK_FOR_DATA};
    } else if (planner->telemetry_sent) {
        return idle(planner->turn_us - planner->now_us);
    } else if (planner->pace->turn != NULL) {
        planner->pace->turn(planner->pace_owner, due_us, true); /* one between two turns */
    }
    struct buddy_action action = telemetry(planner, full);
    action.due_us = due_us;
    return action;
}

/* Without a connection the next message opens one, and telemetry is due and full. */
static void look_at_link(struct buddy_planner *planner)
{
    if (planner->link.websocket && !planner->link.live) {
        planner->telemetry_sent = false;
        planner->telemetry.dirty = true;
    }
}

static struct buddy_action telemetry_or_sleep(struct buddy_planner *planner)
{
    const struct buddy_state *state = planner->state;
    bool news =
        changed(&planner->telemetry, buddy_telemetry_hash(planner->build, state, !state->printing));
    int64_t interval = interval_us(planner);
    int64_t since = planner->telemetry_sent ? planner->now_us - planner->telemetry_us : LONG_AGO;
    int64_t since_full = planner->full_sent ? planner->now_us - planner->full_us : LONG_AGO;
    bool full = news || since_full >= TELEMETRY_FULL;
    if (planner->pace != NULL) {
        return paced_telemetry(planner, full);
    }
    bool early = news && planner->fixed_interval_us == 0;
    if (since >= TELEMETRY_MIN && (early || since >= interval)) {
        return telemetry(planner, full);
    }
    if (planner->link.wants_data) {
        return (struct buddy_action){.kind = BUDDY_ASK_FOR_DATA};
    }
    return idle(interval - since);
}

struct buddy_action buddy_planner_next(struct buddy_planner *planner)
{
    const struct buddy_state *state = planner->state;
    if (!state->printing) {
        planner->print_start_cmd = (struct buddy_number){0};
    }
    look_at_link(planner);
    if (planner->link.live && planner->link.quiet_us > PING_AFTER) {
        return (struct buddy_action){.kind = BUDDY_PING};
    }
    if (planner->cool_now) {
        planner->cool_now = false;
        return (struct buddy_action){
            .kind = BUDDY_SLEEP, .sleep_us = planner->cooldown_us, .cooldown = true};
    }
    if (planner->has_event) {
        return (struct buddy_action){.kind = BUDDY_SEND_EVENT};
    }
    if (changed(&planner->info, buddy_info_hash(planner->build, state))) {
        return plan_of_type(planner, BUDDY_EVENT_INFO);
    }
    if (plan_transfer_end(planner)) {
        return (struct buddy_action){.kind = BUDDY_SEND_EVENT};
    }
    if (planner->change.pending) {
        plan_change(planner);
        return (struct buddy_action){.kind = BUDDY_SEND_EVENT};
    }
    if (changed(&planner->device, buddy_device_hash(state))) {
        return plan_of_type(planner, BUDDY_EVENT_STATE_CHANGED);
    }
    if (changed(&planner->objects, buddy_objects_hash(state))) {
        return plan_of_type(planner, BUDDY_EVENT_CANCELABLE_CHANGED);
    }
    if (planner->link.waiting) {
        return (struct buddy_action){.kind = BUDDY_READ};
    }
    return telemetry_or_sleep(planner);
}

/* ---- what became of it ---- */

static void settle(struct buddy_planner *planner)
{
    planner->failures = 0;
    if (!planner->has_event) {
        planner->telemetry_sent = true;
        planner->telemetry_us = planner->now_us;
        if (planner->last_full) {
            planner->full_sent = true;
            planner->full_us = planner->now_us;
            planner->telemetry.dirty = false;
        }
        return;
    }
    if (planner->event.type == BUDDY_EVENT_INFO) {
        planner->info.dirty = false;
    } else if (planner->event.type == BUDDY_EVENT_CANCELABLE_CHANGED) {
        planner->objects.dirty = false;
    } else if (planner->event.type == BUDDY_EVENT_STATE_CHANGED) {
        planner->device.dirty = false;
    }
    planner->telemetry_sent = false; /* one follows at once, and may bring a command */
    forget_event(planner);
}

static void back_off(struct buddy_planner *planner)
{
    if (planner->succeeded && planner->now_us - planner->success_us >= RECONNECT_AFTER &&
        !planner->has_event) {
        plan_of_type(planner, BUDDY_EVENT_INFO);
        planner->succeeded = false;
    }
    planner->cooldown_us = planner->cooldown_us == 0 ? COOLDOWN_BASE : planner->cooldown_us * 2;
    if (planner->cooldown_us > COOLDOWN_MAX) {
        planner->cooldown_us = COOLDOWN_MAX;
    }
    planner->cool_now = true;
}

static void forget_back_off(struct buddy_planner *planner)
{
    planner->cool_now = false;
    planner->cooldown_us = 0;
}

void buddy_planner_done(struct buddy_planner *planner, enum buddy_result result)
{
    switch (result) {
    case BUDDY_OK:
        planner->succeeded = true;
        planner->success_us = planner->now_us;
        forget_back_off(planner);
        settle(planner);
        break;
    case BUDDY_REFUSED:
        settle(planner);
        back_off(planner);
        break;
    case BUDDY_REFUSED_FAST:
        settle(planner);
        forget_back_off(planner);
        break;
    case BUDDY_FAILED_TO_SEND:
        if (++planner->failures >= ATTEMPTS) {
            if (planner->has_event && planner->event.type != BUDDY_EVENT_INFO) {
                settle(planner);
            }
            planner->failures = 0;
        }
        back_off(planner);
        break;
    }
}

void buddy_planner_asked_for_data(struct buddy_planner *planner)
{
    planner->succeeded = true;
    planner->success_us = planner->telemetry_us = planner->now_us;
    planner->telemetry_sent = true;
    forget_back_off(planner);
}

bool buddy_planner_takes_commands(const struct buddy_planner *planner)
{
    return !planner->has_event;
}

/* ---- the background ---- */

struct buddy_number buddy_planner_background(const struct buddy_planner *planner)
{
    return planner->background ? buddy_number(planner->background_id) : (struct buddy_number){0};
}

static enum buddy_background background_end(struct buddy_planner *planner,
                                            enum buddy_event_type type)
{
    planner->background = false;
    free(planner->gcode);
    planner->gcode = NULL;
    planner->gcode_size = planner->gcode_at = 0;
    buddy_planner_plan(
        planner,
        &(struct buddy_event){.type = type, .command_id = buddy_number(planner->background_id)});
    return BUDDY_BACKGROUND_DONE;
}

/* Hands lines on one by one, stripped; FINISHED when the last is in the queue (6.5). */
enum buddy_background buddy_planner_work(struct buddy_planner *planner)
{
    if (!planner->background || planner->has_event) {
        return BUDDY_BACKGROUND_IDLE;
    }
    while (planner->gcode_at < planner->gcode_size) {
        const char *begin = planner->gcode + planner->gcode_at;
        size_t left = planner->gcode_size - planner->gcode_at;
        const char *line_end = memchr(begin, '\n', left);
        size_t taken = line_end == NULL ? left : (size_t)(line_end - begin) + 1;
        size_t size = line_end == NULL ? left : (size_t)(line_end - begin);
        for (; size > 0 && isspace((unsigned char)*begin); begin++) {
            size--;
        }
        while (size > 0 && isspace((unsigned char)begin[size - 1])) {
            size--;
        }
        if (size > 0) {
            char line[BUDDY_COMMAND_MAX + 1];
            snprintf(line, sizeof line, "%.*s", (int)size, begin);
            enum buddy_submit submit = planner->class->submit_gcode(planner->host, line);
            if (submit == BUDDY_LATER) {
                return BUDDY_BACKGROUND_BUSY;
            }
            if (submit == BUDDY_NEVER) {
                return background_end(planner, BUDDY_EVENT_FAILED);
            }
        }
        planner->gcode_at += taken;
    }
    return background_end(planner, BUDDY_EVENT_FINISHED);
}

void buddy_planner_recovered(struct buddy_planner *planner)
{
    planner->recovered = true;
}

/* ---- changes of the drive ---- */

void buddy_planner_changed(struct buddy_planner *planner, const char *path, bool is_file,
                           enum buddy_incident incident, struct buddy_number command_id)
{
    struct buddy_change *change = &planner->change;
    if (!change->pending) {
        *change = (struct buddy_change){
            .pending = true, .is_file = is_file, .incident = incident, .command_id = command_id};
        change->path = copy_of_path(path);
        return;
    }
    size_t common = 0;
    while (change->path[common] != '\0' && change->path[common] == path[common]) {
        common++;
    }
    while (common > 0 && change->path[common - 1] != '/') {
        common--;
    }
    change->path[common] = '\0';
    change->is_file = false;
    change->incident = BUDDY_INCIDENT_COMBINED;
    if (command_id.known) {
        change->command_id = command_id;
    }
}
