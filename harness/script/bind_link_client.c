#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/bind_storage.h"
#include "harness/script/lua_json.h"
#include "harness/script/stage_link.h"
#include "harness/script/stage_wire.h"
#include "sim/base/memory.h"

/* A PrusaLink client for scripts (harness/clients/link_client.h). A call is begun, the scenario
 * waits, and takes what came of it. */

enum { DOWNLOAD_BYTES_MAX = 16 * 1024 * 1024 };

static const char *text_field(lua_State *lua, int index, const char *key)
{
    const char *text = lua_getfield(lua, index, key) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
    lua_pop(lua, 1); /* the table keeps it alive */
    return text;
}

static bool flag_field(lua_State *lua, int index, const char *key)
{
    lua_getfield(lua, index, key);
    bool flag = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return flag;
}

/* link_client({ url, user, password, api_key, name }) -> number */
static int client_new(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    struct link_client_settings settings = {.url = text_field(lua, 1, "url"),
                                            .user = text_field(lua, 1, "user"),
                                            .password = text_field(lua, 1, "password"),
                                            .api_key = text_field(lua, 1, "api_key"),
                                            .name = text_field(lua, 1, "name")};
    struct error error = {"expected a URL"};
    size_t number;
    if (settings.url == NULL ||
        stage_link_client_add(bind_stage(lua), &settings, &number, &error) == NULL) {
        return luaL_error(lua, "link: %s", error.text);
    }
    lua_pushinteger(lua, (lua_Integer)number);
    return 1;
}

/* ---- What came of a call ---- */

static void keep(void *owner, const struct link_result *result)
{
    struct stage_link_call *call = owner;
    call->ended = true;
    call->outcome = result->outcome;
    call->why = memory_copy_text(result->why);
    call->title = memory_copy_text(result->title);
    call->text = memory_copy_text(result->text);
    call->status = result->status;
    call->attempts = result->attempts;
    call->stored = result->stored;
    call->json = cJSON_Duplicate(result->json, true);
    if (result->head != NULL) {
        buffer_append(&call->head, result->head->head.bytes, result->head->head.size);
    }
    if (call->body.size == 0) { /* else it went to the sink */
        buffer_append(&call->body, result->body, result->body_size);
    }
    stage_wake(call->stage, WATCH_WIRE, NULL, 0);
}

static bool sink(void *owner, const char *bytes, size_t size)
{
    struct stage_link_call *call = owner;
    buffer_append(&call->body, bytes, size);
    return true;
}

static size_t read_content(void *owner, uint64_t offset, char *bytes, size_t size,
                           struct error *error)
{
    (void)error;
    const struct stage_link_call *call = owner;
    size_t left = call->content.size - (size_t)offset;
    size_t count = size < left ? size : left;
    memcpy(bytes, call->content.bytes + offset, count);
    return count;
}

/* ---- Calls ---- */

static const char *need(lua_State *lua, const char *key)
{
    const char *text = text_field(lua, 3, key);
    if (text == NULL) {
        luaL_error(lua, "link: %s is missing", key);
    }
    return text;
}

static void take_content(lua_State *lua, struct stage_link_call *call)
{
    if (lua_getfield(lua, 3, "content") != LUA_TNIL) {
        size_t size;
        char *bytes = bind_read_content(lua, lua_gettop(lua), &size);
        buffer_append(&call->content, bytes, size);
        free(bytes);
    }
    lua_pop(lua, 1);
}

typedef void begin(lua_State *lua, struct link_client *client, struct stage_link_call *call);

static void begin_version(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_version(client, keep, call);
}

static void begin_storages(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_storages(client, keep, call);
}

static void begin_status(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_status(client, keep, call);
}

static void begin_job(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_job(client, keep, call);
}

static void begin_transfer(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_transfer(client, keep, call);
}

static void begin_follow(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    (void)lua;
    link_client_follow_transfer(client, &(struct link_follow){0}, keep, call);
}

static void begin_list(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    link_client_list(client, need(lua, "path"), text_field(lua, 3, "etag"), keep, call);
}

static void begin_exists(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    link_client_exists(client, need(lua, "path"), keep, call);
}

static void begin_make_folder(lua_State *lua, struct link_client *client,
                              struct stage_link_call *call)
{
    link_client_make_folder(client, need(lua, "path"), keep, call);
}

static void begin_remove(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    link_client_remove(client, need(lua, "path"), flag_field(lua, 3, "force"), keep, call);
}

static void begin_print(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    link_client_print(client, need(lua, "path"), keep, call);
}

static void begin_upload(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    const char *path = need(lua, "path");
    take_content(lua, call);
    call->source =
        (struct link_source){.read = read_content, .owner = call, .size = call->content.size};
    struct link_upload settings = {.path = path,
                                   .source = &call->source,
                                   .content_type = text_field(lua, 3, "content_type"),
                                   .overwrite = flag_field(lua, 3, "overwrite"),
                                   .print = flag_field(lua, 3, "print")};
    link_client_upload(client, &settings, keep, call);
}

static void begin_download(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    struct link_sink to = {.write = sink, .owner = call, .bytes_max = DOWNLOAD_BYTES_MAX};
    link_client_download(client, need(lua, "ref"), &to, keep, call);
}

static void job_command(lua_State *lua, struct link_client *client, struct stage_link_call *call,
                        enum link_job_command command)
{
    lua_getfield(lua, 3, "job");
    lua_Integer job = lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    link_client_job_command(client, job, command, keep, call);
}

static void begin_pause(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    job_command(lua, client, call, LINK_JOB_PAUSE);
}

static void begin_resume(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    job_command(lua, client, call, LINK_JOB_RESUME);
}

static void begin_stop(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    job_command(lua, client, call, LINK_JOB_STOP);
}

static void begin_send(lua_State *lua, struct link_client *client, struct stage_link_call *call)
{
    take_content(lua, call);
    struct link_request request = {.method = need(lua, "method"),
                                   .target = need(lua, "target"),
                                   .body = call->content.bytes,
                                   .body_size = call->content.size,
                                   .bare = flag_field(lua, 3, "bare"),
                                   .any_status = true};
    link_client_send(client, &request, keep, call);
}

static const struct {
    const char *name;
    begin *begin;
} calls[] = {
    {"version", begin_version},   {"storages", begin_storages}, {"status", begin_status},
    {"job", begin_job},           {"transfer", begin_transfer}, {"follow", begin_follow},
    {"list", begin_list},         {"exists", begin_exists},     {"make_folder", begin_make_folder},
    {"remove", begin_remove},     {"print", begin_print},       {"upload", begin_upload},
    {"download", begin_download}, {"pause", begin_pause},       {"resume", begin_resume},
    {"stop", begin_stop},         {"send", begin_send}};

/* link_begin(client, what, arguments) -> number of the call */
static int link_begin(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct link_client *client = stage_link_client(stage, (size_t)luaL_checkinteger(lua, 1));
    const char *what = luaL_checkstring(lua, 2);
    luaL_checktype(lua, 3, LUA_TTABLE);
    luaL_argcheck(lua, client != NULL, 1, "no such client");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, what) == 0) {
            struct stage_link_call *call = stage_link_call_new(stage);
            calls[i].begin(lua, client, call);
            lua_pushinteger(lua, call->number);
            return 1;
        }
    }
    return luaL_error(lua, "link: there is no call %s", what);
}

/* link_ended(call) -> nil while it runs; then once { outcome, status, why, title, text, json, body,
 * head, attempts, stored } */
static int link_ended(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_link_call *call = stage_link_call(stage, luaL_checkinteger(lua, 1));
    if (call == NULL || !call->ended) {
        return 0;
    }
    const struct {
        const char *key, *text;
    } texts[] = {{"outcome", link_outcome_name(call->outcome)},
                 {"why", call->why},
                 {"title", call->title},
                 {"text", call->text},
                 {"head", buffer_text(&call->head)}};
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lua_pushstring(lua, texts[i].text);
        lua_setfield(lua, -2, texts[i].key);
    }
    lua_pushlstring(lua, buffer_text(&call->body), call->body.size);
    lua_setfield(lua, -2, "body");
    lua_pushinteger(lua, call->status);
    lua_setfield(lua, -2, "status");
    lua_pushinteger(lua, call->attempts);
    lua_setfield(lua, -2, "attempts");
    lua_pushboolean(lua, call->stored);
    lua_setfield(lua, -2, "stored");
    lua_json_push(lua, call->json);
    lua_setfield(lua, -2, "json");
    stage_link_call_drop(stage, call);
    return 1;
}

void bind_link_client(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"link_client", client_new},
        {"link_begin", link_begin},
        {"link_ended", link_ended},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
