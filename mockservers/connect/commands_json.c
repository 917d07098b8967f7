/* A command and what came of it, for the control endpoint. */

#include "mockservers/connect/commands.h"
#include "mockservers/connect/internal.h"

static void add_time(cJSON *object, const char *key, int64_t time_us)
{
    cJSON_AddItemToObject(
        object, key, time_us < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)time_us / 1e6));
}

cJSON *connect_command_json(const struct connect_command *command)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "id", (double)command->id);
    cJSON_AddNumberToObject(object, "printer", command->printer->number);
    cJSON_AddStringToObject(object, "name", command->name);
    cJSON_AddStringToObject(object, "status", connect_command_status_name(command->status));
    cJSON_AddNumberToObject(object, "deliveries", command->deliveries);
    add_time(object, "queued", command->queued_us);
    add_time(object, "delivered", command->delivered_us);
    add_time(object, "accepted", command->accepted_us);
    add_time(object, "ended", command->ended_us);
    cJSON *answers = cJSON_AddArrayToObject(object, "answers");
    for (size_t i = 0; i < command->answer_count; i++) {
        cJSON *answer = cJSON_Parse(command->answers[i].body);
        add_time(answer, "time", command->answers[i].time_us);
        cJSON_AddItemToArray(answers, answer);
    }
    return object;
}
