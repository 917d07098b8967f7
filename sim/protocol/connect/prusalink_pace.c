#include <assert.h>

#include "sim/machine/resin.h"
#include "sim/protocol/connect/prusalink_face.h"

/* When telemetry is made and what the host has asked its printer until then. Nothing runs between
 * two messages: what the firmware would have reported or answered meanwhile is read when the
 * message is made. */

enum {
    QUEUE_LIMIT = 4
}; /* LINK: prusa/link/printer_adapter/telemetry_passer.py, QUEUE_LENGTH_LIMIT */

#define CATCH_UP            SECONDS(10)
#define REPORT_INTERVAL     SECONDS(2) /* M155 S2 C7 */
#define HEATING_INTERVAL    SECONDS(1)
#define MULTIPLIER_INTERVAL SECONDS(1)
#define MULTIPLIER_SLOW     SECONDS(10)
/* Auto reports that stop are noticed after 60 s, at the next look each 10 s
 * (LINK: prusa/link/printer_adapter/auto_telemetry.py). */
#define REPORTS_MISSED SECONDS(60)
#define REPORTS_LOOK   SECONDS(10)

static int64_t multiplier_interval(const struct connect_face *face)
{
    enum printer_state state = (enum printer_state)face->telemetry.state;
    bool slow = state == STATE_PRINTING || state == STATE_ATTENTION || state == STATE_ERROR;
    return slow ? MULTIPLIER_SLOW : MULTIPLIER_INTERVAL;
}

void face_auto_reports(struct connect_face *face, bool on)
{
    face->reports_on = on;
    face->report_seen_us = face->world->now_us;
    face->report_due_us = face->world->now_us + REPORT_INTERVAL / 2;
    face->heating_due_us = INT64_MAX;
}

static void revive_reports(struct connect_face *face)
{
    int64_t now_us = face->world->now_us;
    int64_t looked_us = now_us - now_us % REPORTS_LOOK;
    if (!face->reports_on && looked_us - face->report_seen_us > REPORTS_MISSED) {
        face->reports_on = true;
        face->report_due_us = now_us;
    }
}

/* The grid of what repeats each `interval_us` from `due_us` on: its first instant behind now. */
static int64_t next_due(int64_t due_us, int64_t interval_us, int64_t now_us)
{
    return due_us + ((now_us - due_us) / interval_us + 1) * interval_us;
}

static void take_readings(struct connect_face *face, const struct machine_readings *readings,
                          bool report)
{
    struct prusalink_telemetry *telemetry = &face->telemetry;
    int64_t now_us = face->world->now_us;
    if (face->multiplier_due_us <= now_us) {
        prusalink_telemetry_set(telemetry, TELEMETRY_MULTIPLIERS, readings, now_us);
        face->multiplier_due_us =
            next_due(face->multiplier_due_us, multiplier_interval(face), now_us);
    }
    if (face->statistics_due) {
        prusalink_telemetry_set(telemetry, TELEMETRY_STATISTICS, readings, now_us);
        face->statistics_due = false;
    }
    if (report) {
        prusalink_telemetry_set(telemetry, TELEMETRY_AUTO_REPORT, readings, now_us);
        face->report_due_us = next_due(face->report_due_us, REPORT_INTERVAL, now_us);
        face->report_seen_us = now_us;
    } else if (readings->heating && face->heating_due_us <= now_us) {
        prusalink_telemetry_set(telemetry, TELEMETRY_HEATING, readings, now_us);
    }
    if (!readings->heating) {
        face->heating_due_us = INT64_MAX;
    } else if (face->heating_due_us <= now_us || face->heating_due_us == INT64_MAX) {
        face->heating_due_us = now_us + HEATING_INTERVAL;
    }
    if (telemetry_state_prints((enum printer_state)telemetry->state)) {
        prusalink_telemetry_set(telemetry, TELEMETRY_PRINT_INFO, readings, now_us);
    }
    prusalink_telemetry_set(telemetry, TELEMETRY_MMU, readings, now_us);
}

static void sample(struct connect_face *face)
{
    int64_t now_us = face->world->now_us;
    if (face->serial_lost || face->resetting) {
        return; /* nobody answers */
    }
    revive_reports(face);
    bool report = face->reports_on && face->report_due_us <= now_us;
    bool prints = telemetry_state_prints((enum printer_state)face->telemetry.state);
    if (!report && !prints && !face->statistics_due && face->heating_due_us > now_us &&
        face->multiplier_due_us > now_us) {
        return;
    }
    struct machine_readings readings;
    machine_read(face->machine, &readings);
    if (face_quirk(face, CONNECT_QUIRK_SD_TIME) && readings.job && readings.time_printing_s > 0) {
        const struct machine_job *job = machine_job(face->machine);
        if (job != NULL && job->from_sd) {
            readings.time_printing_s %= INT64_C(24) * 60 * 60; /* "hours:minutes" of M27 run over */
        }
    }
    take_readings(face, &readings, report);
}

static bool may_send(const struct connect_face *face)
{
    return face->known && connect_sdk_token(face->sdk) != NULL &&
           connect_sdk_initialised(face->sdk) && connect_sdk_queued(face->sdk) < QUEUE_LIMIT;
}

static bool send_waiting(struct connect_face *face, int64_t due_us)
{
    bool may = may_send(face);
    if (may) {
        struct telemetry_fields fields;
        prusalink_telemetry_take(&face->telemetry, &fields);
        connect_sdk_telemetry_due(face->sdk, due_us, fields.fields, fields.count);
    }
    return may;
}

static void full_fields(struct connect_face *face, struct telemetry_fields *fields)
{
    if (machine_has_resin(face->machine)) {
        sl1_telemetry(face, fields);
        return;
    }
    struct machine_readings readings;
    machine_read(face->machine, &readings);
    telemetry_fields_full(fields, &readings, connect_sdk_state(face->sdk));
}

static bool send_plain(struct connect_face *face, bool full)
{
    struct telemetry_fields fields = {.count = 0};
    if (full && !face->serial_lost) {
        full_fields(face, &fields);
    }
    bool may = may_send(face);
    if (may) {
        connect_sdk_telemetry_due(face->sdk, face->telemetry_due_us, fields.fields, fields.count);
    }
    return may;
}

/* Plan the next turn from the last one, not from when its timer fired: a loop that is late must not
 * slow the printer down. What lies further back than CATCH_UP is given up. */
static void plan_next(struct connect_face *face, int64_t interval_us)
{
    const struct connect_pace *pace = face->pace;
    bool watched = pace != NULL && pace->turn != NULL;
    do {
        int64_t step_us = interval_us;
        if (pace != NULL && pace->interval_us != NULL) {
            step_us = pace->interval_us(face->pace_owner, interval_us);
        }
        assert(step_us > 0);
        face->telemetry_due_us += step_us;
        bool given_up = face->telemetry_due_us < face->world->now_us - CATCH_UP;
        if (!given_up) {
            break;
        }
        if (watched) {
            pace->turn(face->pace_owner, face->telemetry_due_us, false);
        }
    } while (true);
    world_arm(face->world, &face->telemetry_timer, face->telemetry_due_us);
}

void face_telemetry_fire(void *owner)
{
    struct connect_face *face = owner;
    enum connect_telemetry_style style = face->settings->telemetry;
    int64_t interval_us = SECONDS(1); /* README-0.8: at least one each second */
    bool made;
    if (timer_armed(&face->telemetry_timer)) {
        face->telemetry_due_us = face->world->now_us; /* before its turn */
    }
    if (style == CONNECT_TELEMETRY_OF_HOST && face_is_prusalink(face)) {
        sample(face);
        interval_us = prusalink_telemetry_interval_us(&face->telemetry, face->world->now_us);
        made = send_waiting(face, face->telemetry_due_us);
    } else {
        made = send_plain(face, style != CONNECT_TELEMETRY_MINIMAL);
    }
    if (face->pace != NULL && face->pace->turn != NULL) {
        face->pace->turn(face->pace_owner, face->telemetry_due_us, made);
    }
    if (face->settings->telemetry_interval_us > 0) {
        interval_us = face->settings->telemetry_interval_us;
    }
    plan_next(face, interval_us);
}

void face_telemetry_begin(struct connect_face *face)
{
    if (!face->known || connect_sdk_token(face->sdk) == NULL) {
        world_cancel(face->world, &face->telemetry_timer);
        return;
    }
    face->resent_us = face->world->now_us;
    face->telemetry_due_us = face->world->now_us;
    if (face_is_prusalink(face)) {
        sample(face); /* what it has learnt while it had nobody to tell */
        prusalink_telemetry_resend(&face->telemetry);
    }
    face_telemetry_fire(face);
}

void face_telemetry_flush(struct connect_face *face)
{
    if (timer_armed(&face->telemetry_timer) && face_is_prusalink(face) &&
        face->settings->telemetry == CONNECT_TELEMETRY_OF_HOST) {
        send_waiting(face, face->world->now_us);
    }
}

void face_telemetry_resend(struct connect_face *face)
{
    if (face->resent_us != face->world->now_us) {
        face->resent_us = face->world->now_us;
        prusalink_telemetry_resend(&face->telemetry);
        face_telemetry_flush(face);
    }
}

void face_active(struct connect_face *face)
{
    if (prusalink_telemetry_active(&face->telemetry, face->world->now_us) &&
        timer_armed(&face->telemetry_timer)) {
        face_telemetry_fire(face);
    }
}
