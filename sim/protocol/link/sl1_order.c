#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"

/* Commands (prusalink.md 4.4, 5.1): where each is allowed is the machine's to say. */

static cJSON *read_body(const struct link_request *request)
{
    struct slice body = request->message == NULL ? slice_of("") : request->message->body;
    cJSON *json = body.size == 0 ? NULL : cJSON_ParseWithLength(body.bytes, body.size);
    return json;
}

bool sl1_body_good(const struct link_request *request)
{
    cJSON *json = read_body(request);
    bool good = cJSON_IsObject(json);
    cJSON_Delete(json);
    return good;
}

char *sl1_body_text(const struct link_request *request, const char *key)
{
    cJSON *json = read_body(request);
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);
    char *text = cJSON_IsString(member) ? memory_copy_text(member->valuestring) : NULL;
    cJSON_Delete(json);
    return text;
}

bool sl1_body_true(const struct link_request *request, const char *key)
{
    cJSON *json = read_body(request);
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
    } else {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
    }
    free(command);
    free(action);
}

/* "Resin refill": a print that runs stops for it; when it has stopped, the tank counts as full. */
void sl1_custom_command(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    if (strcmp(request->parameters[0], "resinrefill") != 0) {
        sl1_reply_error(request, SL1_BAD_REQUEST, 404);
        return;
    }
    answer(request, machine_resin_phase(machine) == RESIN_FEED_ME ? machine_refill(machine)
                                                                  : machine_pause(machine));
}
