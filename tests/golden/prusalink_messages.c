#include "tests/golden/prusalink_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "tests/golden/flat_json.h"

void prusalink_messages_add(struct prusalink_messages *messages, int64_t time_us, const char *head,
                            size_t head_size, const char *body, size_t body_size, unsigned line)
{
    static const struct {
        const char *start;
        enum prusalink_message_kind kind;
    } kinds[] = {{"POST /p/telemetry ", TELEMETRY},
                 {"POST /p/events ", EVENT},
                 {"POST /p/register ", REGISTER},
                 {"GET /p/register ", POLL},
                 {"GET /info ", PROBE},
                 {"GET /p/teams/", DOWNLOAD}};
    messages->list = memory_resize(messages->list, (messages->count + 1) * sizeof *messages->list);
    struct prusalink_message *message = &messages->list[messages->count++];
    *message = (struct prusalink_message){.time_us = time_us, .line = line};
    message->head = memory_copy_slice(head, head_size);
    message->body = memory_copy_slice(body == NULL ? "" : body, body_size);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strncmp(message->head, kinds[i].start, strlen(kinds[i].start)) == 0) {
            message->kind = kinds[i].kind;
            return;
        }
    }
    fail_msg("unknown request: %.40s", message->head);
}

void prusalink_messages_free(struct prusalink_messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        free(messages->list[i].head);
        free(messages->list[i].body);
    }
    free(messages->list);
    *messages = (struct prusalink_messages){NULL, 0};
}

bool prusalink_message_member(const struct prusalink_message *message, const char *path, char *out,
                              size_t size)
{
    struct flat_json flat = flat_json(message->body);
    bool found = flat_member(&flat, path, out, size);
    flat_json_free(&flat);
    return found;
}

const struct prusalink_message *prusalink_messages_next(const struct prusalink_messages *messages,
                                                        size_t *at, bool telemetry)
{
    while (*at < messages->count) {
        const struct prusalink_message *message = &messages->list[(*at)++];
        if ((message->kind == TELEMETRY) == telemetry) {
            return message;
        }
    }
    return NULL;
}

double prusalink_usual_gap(const struct prusalink_messages *messages, const char *state)
{
    enum { CLASSES = 200 };
    unsigned counts[CLASSES] = {0}, best = 0;
    int64_t before_us = -1;
    size_t at = 0;
    const struct prusalink_message *message;
    char now[16];
    while ((message = prusalink_messages_next(messages, &at, true)) != NULL) {
        prusalink_message_member(message, "state", now, sizeof now);
        bool same = strcmp(now, state) == 0;
        if (same && before_us >= 0) {
            int64_t class = (message->time_us - before_us + 25000) / 50000;
            counts[class < CLASSES ? class : CLASSES - 1]++;
        }
        before_us = same ? message->time_us : -1;
    }
    for (unsigned i = 0; i < CLASSES; i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return counts[best] < 3 ? NAN : best * 0.05;
}

bool prusalink_ends_command(const struct prusalink_message *message, const char *id)
{
    char event[32], its_id[32];
    if (message->kind != EVENT) {
        return false;
    }
    bool with_id = prusalink_message_member(message, "command_id", its_id, sizeof its_id);
    prusalink_message_member(message, "event", event, sizeof event);
    if (strcmp(id, "0") == 0) {
        return !with_id && strcmp(event, "INFO") == 0; /* */
    }
    return with_id && strcmp(id, its_id) == 0 && strcmp(event, "ACCEPTED") != 0;
}
