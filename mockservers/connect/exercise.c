#include "mockservers/connect/exercise.h"

#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/commands.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

#define TICK_US MILLISECONDS(100)

struct entry {
    cJSON *object; /* as it was given */
    int64_t every_us;
    int64_t due; /* printer-microseconds gathered: every_us of them are one command */
    size_t next; /* whose turn it is */
    uint64_t queued, passed_over;
};

struct connect_exercise {
    struct connect_server *server;
    struct timer tick;
    struct entry entries[CONNECT_EXERCISES_MAX];
    size_t count;
};

static void give(struct connect_exercise *exercise, struct entry *entry,
                 struct connect_printer *printer)
{
    struct error error;
    bool free_to_answer =
        printer->token != NULL && printer->running == NULL && printer->queue_first == NULL;
    if (free_to_answer &&
        connect_server_command_json(exercise->server, printer, entry->object, &error) != NULL) {
        entry->queued++;
    } else {
        entry->passed_over++;
    }
}

static void on_tick(void *owner)
{
    struct connect_exercise *exercise = owner;
    size_t printers = connect_server_printer_count(exercise->server);
    for (size_t i = 0; i < exercise->count; i++) {
        struct entry *entry = &exercise->entries[i];
        entry->due += TICK_US * (int64_t)printers;
        while (entry->due >= entry->every_us) {
            entry->due -= entry->every_us;
            entry->next = entry->next < printers ? entry->next : 0;
            give(exercise, entry, connect_server_printer(exercise->server, entry->next++));
        }
    }
    world_arm_in(connect_server_world(exercise->server), &exercise->tick, TICK_US);
}

struct connect_exercise *connect_exercise_new(struct connect_server *server)
{
    struct connect_exercise *exercise = memory_new(sizeof *exercise);
    exercise->server = server;
    timer_init(&exercise->tick, on_tick, exercise);
    return exercise;
}

static void clear(struct connect_exercise *exercise)
{
    world_cancel(connect_server_world(exercise->server), &exercise->tick);
    for (size_t i = 0; i < exercise->count; i++) {
        cJSON_Delete(exercise->entries[i].object);
    }
    exercise->count = 0;
}

void connect_exercise_destroy(struct connect_exercise *exercise)
{
    if (exercise != NULL) {
        clear(exercise);
        free(exercise);
    }
}

static bool read_entry(struct entry *entry, const cJSON *object, int number, struct error *error)
{
    const cJSON *command = cJSON_GetObjectItemCaseSensitive(object, "command");
    const cJSON *gcode = cJSON_GetObjectItemCaseSensitive(object, "gcode");
    const cJSON *kwargs = cJSON_GetObjectItemCaseSensitive(object, "kwargs");
    const char *every = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "every"));
    if (cJSON_IsString(command) + cJSON_IsString(gcode) != 1 ||
        (kwargs != NULL && !cJSON_IsObject(kwargs))) {
        return error_set(
            error,
            "exercise %d: expected {\"command\": NAME, \"kwargs\": {...}} or {\"gcode\": TEXT}",
            number);
    }
    struct error why;
    if (every == NULL || !duration_parse(every, &entry->every_us, &why) ||
        entry->every_us < TICK_US || entry->every_us > SECONDS(24 * 3600)) {
        return error_set(error, "exercise %d: \"every\": expected a time from 100ms to 24h",
                         number);
    }
    entry->object = cJSON_Duplicate(object, true);
    return true;
}

bool connect_exercise_set(struct connect_exercise *exercise, const cJSON *list, struct error *error)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CONNECT_EXERCISES_MAX) {
        return error_set(error, "expected a list of at most %d exercises", CONNECT_EXERCISES_MAX);
    }
    struct entry entries[CONNECT_EXERCISES_MAX] = {{0}};
    size_t count = 0;
    const cJSON *object;
    cJSON_ArrayForEach(object, list)
    {
        if (!read_entry(&entries[count], object, (int)count + 1, error)) {
            while (count > 0) {
                cJSON_Delete(entries[--count].object);
            }
            return false;
        }
        count++;
    }
    clear(exercise);
    memcpy(exercise->entries, entries, sizeof entries);
    exercise->count = count;
    if (count > 0) {
        world_arm_in(connect_server_world(exercise->server), &exercise->tick, TICK_US);
    }
    return true;
}

cJSON *connect_exercise_json(const struct connect_exercise *exercise)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < exercise->count; i++) {
        cJSON *each = cJSON_Duplicate(exercise->entries[i].object, true);
        cJSON_AddNumberToObject(each, "queued", (double)exercise->entries[i].queued);
        cJSON_AddNumberToObject(each, "passed_over", (double)exercise->entries[i].passed_over);
        cJSON_AddItemToArray(list, each);
    }
    return list;
}
