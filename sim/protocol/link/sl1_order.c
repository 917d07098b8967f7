#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"

/* Commands (prusalink.md 4.4, 5.1): where each is allowed is the machine's to say. */

cJSON *sl1_body(const struct link_request *request)
{
    struct slice body = request->message == NULL ? slice_of("") : request->message->body;
    cJSON *json = body.size == 0 ? NULL : cJSON_ParseWithLength(body.bytes, body.size);
    return json;
}

bool sl1_body_good(const struct link_request *request)
{
    cJSON *json = sl1_body(request);
    bool good = cJSON_IsObject(json);
    cJSON_Delete(json);
    return good;
}

char *sl1_body_text(const struct link_request *request, const char *key)
{
    cJSON *json = sl1_body(request);
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);
    char *text = cJSON_IsString(member) ? memory_copy_text(member->valuestring) : NULL;
    cJSON_Delete(json);
    return text;
}

bool sl1_body_true(const struct link_request *request, const char *key)
{
    cJSON *json = sl1_body(request);
    bool yes = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
    cJSON_Delete(json);
    return yes;
}

static void answer(struct link_request *request, enum machine_refusal refusal)
{
    if (refusal == MACHINE_ACCEPTED) {
        sl1_reply_empty(request, 204);
    } else {
        sl1_reply_error(request, sl1_error_of(request->face->machine, refusal), 0);
    }
}

/* Both are "continue" to the firmware. */
static enum machine_refusal go_on(struct machine *machine)
{
    enum resin_phase phase = machine_resin_phase(machine);
    return phase == RESIN_FEED_ME || phase == RESIN_POUR_IN_RESIN || phase == RESIN_CHECK_WARNING
               ? machine_confirm(machine)
               : MACHINE_WRONG_STATE;
}

static enum machine_refusal pause_or_go_on(struct machine *machine, const char *action)
{
    bool waits = machine_resin_phase(machine) == RESIN_FEED_ME ||
                 machine_resin_phase(machine) == RESIN_POUR_IN_RESIN;
    bool toggle = action != NULL && strcmp(action, "toggle") == 0;
    if (action == NULL || strcmp(action, "pause") == 0 || (toggle && !waits)) {
        return machine_pause(machine);
    }
    return go_on(machine);
}

void sl1_job_command(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    char *command = sl1_body_text(request, "command");
    char *action = sl1_body_text(request, "action");
    bool known_action = action == NULL || strcmp(action, "pause") == 0 ||
                        strcmp(action, "resume") == 0 || strcmp(action, "toggle") == 0;
    if (command != NULL && strcmp(command, "start") == 0) {
        answer(request, machine_resin_phase(machine) == RESIN_CONFIRM ? machine_confirm(machine)
                                                                      : MACHINE_WRONG_STATE);
    } else if (command != NULL && strcmp(command, "cancel") == 0) {
        answer(request, machine_stop(machine));
    } else if (command != NULL && strcmp(command, "pause") == 0 && known_action) {
        answer(request, pause_or_go_on(machine, action));
    } else if (command != NULL && strcmp(command, "restart") == 0) {
        sl1_reply_error(request, SL1_BAD_REQUEST, 501); /* known, and not for this printer */
    } else {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
    }
    free(command);
    free(action);
}

/* ---- commands of this printer alone ---- */

/* Milliseconds, or nothing (null) for what stays; false: no number. */
static bool take_time(const cJSON *body, const char *key, int64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    *value = -1;
    if (item == NULL || cJSON_IsNull(item)) {
        return true;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 1e9)) {
        return false;
    }
    *value = (int64_t)item->valuedouble;
    return true;
}

/* (Prusa-Link-Web: spec/openapi-legacy.yaml; tools/server/mock/sla.js: which error) */
static void change_exposure(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    struct resin_exposure times;
    int64_t profile;
    cJSON *body = sl1_body(request);
    bool good = cJSON_IsObject(body) && take_time(body, "exposureTime", &times.exposure_ms) &&
                take_time(body, "exposureTimeFirst", &times.first_ms) &&
                take_time(body, "exposureTimeCalibration", &times.calibration_ms) &&
                take_time(body, "exposureUserProfile", &profile);
    cJSON_Delete(body);
    if (machine_resin_phase(machine) == RESIN_NO_PROJECT) {
        sl1_reply_error(request, SL1_NOT_IN_STATE, 0);
        return;
    }
    times.user_profile = good && profile <= INT_MAX ? (int)profile : -1;
    if (!good || !resin_exposure_good(&times)) {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
        return;
    }
    answer(request, machine_set_exposure(machine, &times));
}

/* "Resin refill": a print that runs stops for it; when it has stopped, the tank counts as full. */
static void refill(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    answer(request, machine_resin_phase(machine) == RESIN_FEED_ME ? machine_refill(machine)
                                                                  : machine_pause(machine));
}

/* What older web interfaces say once it is filled (Prusa-Link-Web: tools/server/mock/sl1.js). */
static void refilled(struct link_request *request)
{
    answer(request, machine_refill(request->face->machine));
}

void sl1_custom_command(struct link_request *request)
{
    static const struct {
        const char *name;
        void (*run)(struct link_request *request);
    } commands[] = {
        {"resinrefill", refill}, {"resinrefilled", refilled}, {"changeexposure", change_exposure}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(request->parameters[0], commands[i].name) == 0) {
            commands[i].run(request);
            return;
        }
    }
    sl1_reply_error(request, SL1_BAD_REQUEST, 404);
}

/* ---- what moves and heats other printers ---- */

void sl1_printer_command(struct link_request *request)
{
    static const struct {
        const char *part, *commands;
    } known[] = {{"printhead", " jog home speed feedrate disable_steppers "},
                 {"tool", " target offset select extrude retract flowrate "},
                 {"bed", " target offset "}};
    const char *part = strrchr(request->target, '/') + 1;
    char *command = sl1_body_text(request, "command");
    struct buffer word = {0};
    bool found = false;
    buffer_format(&word, " %s ", command == NULL ? "" : command);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        found |= command != NULL && strncmp(part, known[i].part, strlen(known[i].part)) == 0 &&
                 strstr(known[i].commands, buffer_text(&word)) != NULL;
    }
    buffer_free(&word);
    free(command);
    if (!found) {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
    } else if (machine_resin_phase(request->face->machine) != RESIN_NO_PROJECT) {
        sl1_reply_error(request, SL1_NOT_IN_STATE, 0);
    } else {
        sl1_reply_empty(request, 204);
    }
}
