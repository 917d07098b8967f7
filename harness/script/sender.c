#include "harness/script/sender.h"

#include <lauxlib.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/script/bind.h"
#include "harness/script/sender_control.h"
#include "sim/base/memory.h"

extern char **environ;

/* 'it'\''s': nothing in the text means anything to the shell. */
static void append_quoted(struct buffer *out, const char *text)
{
    buffer_append_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buffer_append_text(out, "'\\''");
        } else {
            buffer_append_char(out, *text);
        }
    }
    buffer_append_char(out, '\'');
}

bool sender_fill(const char *template, const struct sender_words *words, struct buffer *out,
                 struct error *error)
{
    const struct {
        const char *name, *value;
    } known[] = {{"{fingerprint}", words->fingerprint},
                 {"{token}", words->token},
                 {"{serial}", words->serial},
                 {"{command}", words->command},
                 {"{kwargs}", words->kwargs}};
    while (*template != '\0') {
        size_t i = 0;
        while (i < 5 && strncmp(template, known[i].name, strlen(known[i].name)) != 0) {
            i++;
        }
        if (i < 5) {
            append_quoted(out, known[i].value != NULL ? known[i].value : "");
            template += strlen(known[i].name);
        } else {
            size_t word = strspn(template + 1, "abcdefghijklmnopqrstuvwxyz");
            if (*template == '{' && word > 0 && template[word + 1] == '}') {
                return error_set(error,
                                 "--send: there is no %.*s: expected {fingerprint}, {token}, "
                                 "{serial}, {command} or "
                                 "{kwargs}",
                                 (int)word + 2, template);
            }
            buffer_append_char(out, *template ++);
        }
    }
    return true;
}

/* The shell is a grandchild that init takes over: nothing here waits for it, and its failure is its
 * own to tell. */
static bool run_shell(const char *command, struct error *error)
{
    struct buffer detached = {0};
    buffer_format(&detached, "{ %s\n} </dev/null >&2 &", command);
    char *const arguments[] = {"sh", "-c", detached.bytes, NULL};
    pid_t child;
    int failed = posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);
    buffer_free(&detached);
    if (failed != 0) {
        return error_set(error, "--send: the shell can't be started: %s", strerror(failed));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 || error_set(error, "--send: the shell refused the command");
}

static bool deliver(struct stage *stage, struct stage_printer *printer, const char *name,
                    const char *kwargs, struct error *error)
{
    const struct ground_targets *targets = stage->ground->targets;
    struct actor *actor = printer->actor;
    struct sender_words words = {.fingerprint = actor_fingerprint(actor),
                                 .token = actor_token(actor),
                                 .serial = machine_serial(actor_machine(actor)),
                                 .command = name,
                                 .kwargs = kwargs};
    if (targets->control_url != NULL) {
        return sender_control(stage->ground, targets->control_url, &words, error);
    }
    struct buffer command = {0};
    bool done = sender_fill(targets->send_template, &words, &command, error) &&
                run_shell(command.bytes, error);
    buffer_free(&command);
    return done;
}

int sender_send(lua_State *lua, struct stage_printer *printer, const char *name, cJSON *kwargs)
{
    struct stage *stage = bind_stage(lua);
    const struct ground_targets *targets = stage->ground->targets;
    if (targets->control_url == NULL && targets->send_template == NULL) {
        cJSON_Delete(kwargs);
        play_judge(play_of(lua), PLAY_SKIPPED,
                   "needs a way to make the server send a command: --send or --control", NULL, NULL,
                   NULL, 0);
        return luaL_error(lua, "skipped");
    }
    char *text = kwargs != NULL ? cJSON_PrintUnformatted(kwargs) : NULL;
    cJSON_Delete(kwargs);
    struct error error;
    bool done = deliver(stage, printer, name, text != NULL ? text : "{}", &error);
    cJSON_free(text);
    if (!done) {
        return luaL_error(lua, "%s", error.text);
    }
    stage->sent = memory_resize(stage->sent, (stage->sent_count + 1) * sizeof *stage->sent);
    stage->sent[stage->sent_count++] = (struct stage_sent){.printer = printer,
                                                           .name = memory_copy_text(name),
                                                           .events_before = stage->event_count,
                                                           .id = -1};
    lua_pushinteger(lua, (lua_Integer)stage->sent_count);
    return 1;
}

static int64_t command_id(const cJSON *body)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "command_id");
    return cJSON_IsNumber(id) ? (int64_t)id->valuedouble : -1;
}

static bool taken(const struct stage *stage, const struct stage_sent *but, int64_t id)
{
    for (size_t i = 0; i < stage->sent_count; i++) {
        if (&stage->sent[i] != but && stage->sent[i].printer == but->printer &&
            stage->sent[i].id == id) {
            return true;
        }
    }
    return false;
}

static struct stage_sent *find(lua_State *lua, struct stage *stage, lua_Integer number)
{
    if (number < 1 || (size_t)number > stage->sent_count) {
        luaL_error(lua, "there is no command %d", (int)number);
    }
    struct stage_sent *sent = &stage->sent[number - 1];
    for (size_t i = sent->events_before; i < stage->event_count && sent->id < 0; i++) {
        int64_t id = command_id(stage->events[i].body);
        if (id >= 0 && stage->events[i].actor == sent->printer->number && !taken(stage, sent, id)) {
            sent->id = id;
        }
    }
    return sent;
}

static bool answers(const struct stage_sent *sent, const struct stage_event *event)
{
    return sent->id >= 0 && event->actor == sent->printer->number &&
           command_id(event->body) == sent->id;
}

int sender_status(lua_State *lua, lua_Integer number)
{
    struct stage *stage = bind_stage(lua);
    const struct stage_sent *sent = find(lua, stage, number);
    const char *status = "pending";
    for (size_t i = sent->events_before; i < stage->event_count; i++) {
        if (!answers(sent, &stage->events[i])) {
            continue;
        }
        const char *name =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(stage->events[i].body, "event"));
        bool change = name != NULL && strcmp(name, "STATE_CHANGED") == 0;
        if (name == NULL || (change && strcmp(sent->name, "SEND_STATE_INFO") != 0)) {
            continue; /* on the way to the end; that of SEND_STATE_INFO is its end */
        }
        status = strcmp(name, "ACCEPTED") == 0   ? "accepted"
                 : strcmp(name, "REJECTED") == 0 ? "rejected"
                 : strcmp(name, "FAILED") == 0   ? "failed"
                                                 : "finished";
    }
    lua_pushstring(lua, status);
    return 1;
}

int sender_answers(lua_State *lua, lua_Integer number)
{
    struct stage *stage = bind_stage(lua);
    const struct stage_sent *sent = find(lua, stage, number);
    lua_newtable(lua);
    lua_Integer count = 0;
    for (size_t i = sent->events_before; i < stage->event_count; i++) {
        const struct stage_event *event = &stage->events[i];
        if (answers(sent, event)) {
            bind_push_event(lua, stage, event->body, event->time_us, event->number, event->head);
            lua_rawseti(lua, -2, ++count);
        }
    }
    return 1;
}

void sender_free(struct stage *stage)
{
    for (size_t i = 0; i < stage->sent_count; i++) {
        free(stage->sent[i].name);
    }
    free(stage->sent);
}
