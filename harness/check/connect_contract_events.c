/* Rules about events and states: connect-sdk.md 13.5. */

#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/world.h"

enum { HELD_S = 11 };

void judge_evt_01(struct sight *sight)
{
    bool good = sight->event != NULL && sight->source != NULL && cJSON_IsObject(sight->data) &&
                known_state(sight->state);
    verdict(sight, good, "event, source, data (object), state", "%s, %s, %s, %s",
            or_none(sight->event), or_none(sight->source),
            cJSON_IsObject(sight->data) ? "data" : "no data", or_none(sight->state));
}

void judge_evt_02(struct sight *sight)
{
    static const char *const events[] = {"ACCEPTED",
                                         "REJECTED",
                                         "FAILED",
                                         "FINISHED",
                                         "INFO",
                                         "STATE_CHANGED",
                                         "MEDIUM_INSERTED",
                                         "MEDIUM_EJECTED",
                                         "FILE_CHANGED",
                                         "FILE_INFO",
                                         "JOB_INFO",
                                         "TRANSFER_INFO",
                                         "TRANSFER_FINISHED",
                                         "TRANSFER_STOPPED",
                                         "TRANSFER_ABORTED",
                                         "MESH_BED_DATA",
                                         "SLOT_EVENT",
                                         NULL};
    static const char *const sources[] = {"CONNECT",  "GUI", "WUI",  "SERIAL", "GCODE", "MARLIN",
                                          "FIRMWARE", "HW",  "USER", "SLOT",   NULL};
    verdict(sight, one_of(sight->event, events) && one_of(sight->source, sources),
            "names of connect-sdk.md 6.2 and 7.2", "%s from %s", or_none(sight->event),
            or_none(sight->source));
}

void judge_evt_03(struct sight *sight)
{
    static const char *const keys[] = {"command_id", "job_id",    "transfer_id",
                                       "reason",     "dialog_id", NULL};
    const char *inside = NULL;
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (cJSON_GetObjectItemCaseSensitive(sight->data, keys[i]) != NULL) {
            inside = keys[i];
        }
    }
    verdict(sight, inside == NULL, "ids and reason in the root", "%s in data of %s",
            or_none(inside), or_none(sight->event));
}

void judge_evt_04(struct sight *sight)
{
    verdict(sight, sight->body == NULL || !has_null(sight->body), "no null", "a null in %s",
            or_none(sight->event));
}

void judge_evt_05(struct sight *sight)
{
    static const char *const keys[] = {"type",         "version",  "subversion", "sn",
                                       "fingerprint",  "firmware", "sdk",        "files",
                                       "network_info", NULL};
    bool full = cJSON_GetObjectItemCaseSensitive(sight->data, "files") != NULL ||
                cJSON_GetObjectItemCaseSensitive(sight->data, "sdk") != NULL ||
                sight->command_id >= 0;
    if (!same(sight->event, "INFO") || !full) {
        return;
    }
    const char *missing = NULL;
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (cJSON_GetObjectItemCaseSensitive(sight->data, keys[i]) == NULL) {
            missing = keys[i];
        }
    }
    verdict(sight, missing == NULL,
            "all of type, version, subversion, sn, fingerprint, firmware, "
            "sdk, files, network_info",
            "no %s", or_none(missing));
}

static bool changes_to(const struct sight *sight, const char *state)
{
    return same(sight->event, "STATE_CHANGED") && same(sight->state, state);
}

void judge_evt_07(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    bool new_job = changes_to(sight, "PRINTING") && !same(subject->state, "PAUSED") &&
                   !same(subject->state, "ATTENTION") && !same(subject->state, "PRINTING") &&
                   subject->state[0] != '\0' && !same(subject->state, "ERROR");
    if (!new_job) {
        return;
    }
    int64_t last = subject->last_job;
    verdict(sight, sight->job_id > 0 && (last == 0 || sight->job_id == last + 1),
            "job_id of the new job, one more than the last", "%lld after %lld",
            (long long)sight->job_id, (long long)last);
}

void judge_evt_08(struct sight *sight)
{
    static const char *const elsewhere[] = {"IDLE", "READY", NULL};
    const struct subject *subject = sight->subject;
    bool from = same(subject->state, "FINISHED") || same(subject->state, "STOPPED");
    if (!from || !same(sight->event, "STATE_CHANGED") || !one_of(sight->state, elsewhere) ||
        subject->state_over_error) {
        return;
    }
    int64_t held_us = sight->time_us - subject->state_us;
    verdict(sight, held_us >= SECONDS(HELD_S) - tolerance(sight), "held for 11 s",
            "%s for %.3f s, then %s", subject->state, (double)held_us / 1e6, sight->state);
}

void judge_evt_09(struct sight *sight)
{
    const char *from = sight->subject->state;
    if (changes_to(sight, "READY") && *from != '\0') {
        verdict(sight,
                same(from, "IDLE") || same(from, "READY") || same(from, "ATTENTION") ||
                    same(from, "ERROR"),
                "READY only from IDLE (or from under ATTENTION or ERROR)", "from %s", from);
    }
}

/* What a command brings about when it is worked on. */
static bool brings_about(const struct seen_command *command, const char *state)
{
    static const struct {
        const char *command, *state;
    } effects[] = {
        {"START_PRINT", "PRINTING"}, {"PAUSE_PRINT", "PAUSED"},      {"RESUME_PRINT", "PRINTING"},
        {"STOP_PRINT", "STOPPED"},   {"SET_PRINTER_READY", "READY"},
    };
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        if (same(effects[i].command, command->name) && same(effects[i].state, state)) {
            return true;
        }
    }
    return false;
}

void judge_evt_10(struct sight *sight)
{
    if (!same(sight->event, "STATE_CHANGED")) {
        return;
    }
    const struct seen_command *running = running_command(sight->subject);
    bool due = of_prusalink(sight) && running != NULL && running->accepted > 0 &&
               !running->lost_to_reset && brings_about(running, sight->state);
    bool has_id = sight->command_id > 0;
    if (has_id || due) {
        bool its = !due || sight->command_id == running->id;
        verdict(sight, same(sight->source, "CONNECT") && its,
                "source CONNECT and the id of the command", "%s from %s with id %lld",
                or_none(sight->state), or_none(sight->source), (long long)sight->command_id);
    }
}

void judge_evt_11(struct sight *sight)
{
    if (same(sight->event, "JOB_INFO")) {
        const char *path = text_of(sight->data, "path");
        verdict(sight, sight->job_id > 0 && path != NULL, "job_id and data.path",
                "job_id %lld, path %s", (long long)sight->job_id, or_none(path));
    }
}

void judge_evt_13(struct sight *sight)
{
    if (sight->asked->wide_transfer && sight->asked->kind == SEE_EVENT) {
        verdict(sight, sight->reply->status != 400 && sight->reply->status != 422,
                "a transfer_id beyond 2^31 is accepted", "status %d", sight->reply->status);
    }
}
