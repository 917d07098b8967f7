#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/lua_json.h"
#include "harness/script/sender.h"

/* Our own server; where there is none the prelude has skipped the scenario before. */
static struct connect_server *server_of(lua_State *lua)
{
    struct connect_server *server = bind_stage(lua)->house.server;
    if (server == NULL) {
        luaL_error(lua, "the server is not ours");
    }
    return server;
}

struct connect_printer *bind_check_believed(lua_State *lua, int argument)
{
    struct stage_printer *printer = bind_check_printer(lua, argument);
    struct connect_printer *believed = stage_believed(bind_stage(lua), printer);
    if (believed == NULL) {
        luaL_error(lua, "the server has not heard of %s yet", printer->name);
    }
    return believed;
}

/* ---- Commands ---- */

static int push_command(lua_State *lua, const struct connect_command *command,
                        const struct error *error)
{
    if (command == NULL) {
        return luaL_error(lua, "%s", error->text);
    }
    lua_pushinteger(lua, command->id);
    return 1;
}

/* command(number, name, kwargs) -> id */
static int command(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    const char *name = luaL_checkstring(lua, 2);
    cJSON *kwargs = lua_isnoneornil(lua, 3) ? NULL : lua_json_take(lua, 3, "kwargs");
    struct error error = {{0}};
    if (stage->house.server == NULL) {
        return sender_send(lua, bind_check_printer(lua, 1), name, kwargs);
    }
    struct stage_printer *printer = stage_printer(stage, (uint32_t)luaL_checkinteger(lua, 1));
    struct connect_printer *believed = printer != NULL ? stage_believed(stage, printer) : NULL;
    struct connect_command *queued = NULL;
    if (believed == NULL) {
        error_set(&error, "the server has not heard of this printer yet");
    } else {
        queued = connect_server_command(stage->house.server, believed, name, kwargs, &error);
    }
    cJSON_Delete(kwargs);
    return push_command(lua, queued, &error);
}

static int gcode(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    const char *text = luaL_checkstring(lua, 2);
    if (stage->house.server == NULL) {
        cJSON *kwargs = cJSON_CreateObject();
        cJSON_AddStringToObject(kwargs, "gcode", text);
        return sender_send(lua, bind_check_printer(lua, 1), "GCODE", kwargs);
    }
    struct error error;
    struct connect_printer *believed = bind_check_believed(lua, 1);
    return push_command(
        lua, connect_server_gcode(server_of(lua), believed, text, lua_toboolean(lua, 3), &error),
        &error);
}

static int raw_command(lua_State *lua)
{
    struct connect_printer *believed = bind_check_believed(lua, 1);
    const char *name = luaL_checkstring(lua, 2);
    size_t size;
    const char *body = luaL_checklstring(lua, 4, &size);
    struct error error;
    return push_command(lua,
                        connect_server_command_raw(server_of(lua), believed, name,
                                                   luaL_optstring(lua, 3, NULL), body, size,
                                                   &error),
                        &error);
}

static struct connect_command *check_command(lua_State *lua)
{
    struct connect_command *found =
        connect_server_command_by_id(server_of(lua), luaL_checkinteger(lua, 1));
    if (found == NULL) {
        luaL_error(lua, "there is no command %d any more", (int)lua_tointeger(lua, 1));
    }
    return found;
}

static int command_status(lua_State *lua)
{
    if (bind_stage(lua)->house.server == NULL) {
        return sender_status(lua, luaL_checkinteger(lua, 1));
    }
    lua_pushstring(lua, connect_command_status_name(check_command(lua)->status));
    return 1;
}

static int command_answers(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    if (stage->house.server == NULL) {
        return sender_answers(lua, luaL_checkinteger(lua, 1));
    }
    const struct connect_command *found = check_command(lua);
    lua_newtable(lua);
    for (size_t i = 0; i < found->answer_count; i++) {
        const char *body = found->answers[i].body;
        lua_json_push_text(lua, body, strlen(body));
        bind_finish_event(lua, stage, found->answers[i].time_us, i + 1, NULL);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int command_again(lua_State *lua)
{
    lua_pushboolean(lua, connect_command_repeat(check_command(lua)));
    return 1;
}

static int command_give_up(lua_State *lua)
{
    lua_pushboolean(lua, connect_command_give_up(check_command(lua)));
    return 1;
}

/* ---- What is known ---- */

static int reported_state(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_printer *printer = bind_check_printer(lua, 1);
    if (stage->house.server == NULL) {
        const cJSON *state = cJSON_GetObjectItemCaseSensitive(printer->telemetry, "state");
        lua_pushstring(lua, cJSON_IsString(state) ? state->valuestring : "");
        return 1;
    }
    struct connect_printer *believed = stage_believed(stage, printer);
    lua_pushstring(lua, believed != NULL ? believed->state : "");
    return 1;
}

static int telemetry(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_printer *printer = bind_check_printer(lua, 1);
    struct connect_printer *believed = stage_believed(stage, printer);
    if (believed == NULL) {
        lua_json_push(lua, printer->telemetry);
    } else if (believed->telemetry == NULL) {
        lua_pushnil(lua);
    } else {
        lua_json_push_text(lua, believed->telemetry, strlen(believed->telemetry));
    }
    if (believed != NULL && believed->state[0] != '\0') {
        if (lua_isnil(lua, -1)) {
            lua_newtable(lua);
        }
        lua_pushstring(lua,
                       believed->state); /* part of every telemetry, kept apart by the server */
        lua_setfield(lua, -2, "state");
    }
    return 1;
}

static int view(lua_State *lua)
{
    struct connect_printer *believed = bind_check_believed(lua, 1);
    cJSON *json = connect_printer_json(believed, lua_toboolean(lua, 2));
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    lua_pushstring(lua, text != NULL ? text : "null");
    cJSON_free(text);
    size_t size;
    const char *kept = lua_tolstring(lua, -1, &size);
    lua_json_push_text(lua, kept, size);
    return 1;
}

/* ---- What it does ---- */

static int misbehave(lua_State *lua)
{
    struct connect_server *server = server_of(lua);
    struct connect_printer *printer = lua_isnoneornil(lua, 2) ? NULL : bind_check_believed(lua, 2);
    struct error error;
    if (!connect_server_misbehave(server, printer, luaL_checkstring(lua, 1), &error)) {
        return luaL_error(lua, "misbehave: %s", error.text);
    }
    bind_stage(lua)->misbehaved = true;
    return 0;
}

static int behave(lua_State *lua)
{
    struct connect_server *server = server_of(lua);
    struct connect_printer *printer = lua_isnoneornil(lua, 2) ? NULL : bind_check_believed(lua, 2);
    lua_pushinteger(
        lua, (lua_Integer)connect_server_behave(server, printer, luaL_optstring(lua, 1, NULL)));
    return 1;
}

static int add_printer(lua_State *lua)
{
    lua_pushboolean(lua, connect_printer_add(bind_check_believed(lua, 1)));
    return 1;
}

static int revoke(lua_State *lua)
{
    server_of(lua);
    connect_printer_revoke(bind_check_believed(lua, 1));
    return 0;
}

static int server_up(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    server_of(lua);
    if (stage->shared) {
        return luaL_error(lua, "other scenarios use this server too");
    }
    struct error error;
    if (!stage_set_up(stage, lua_toboolean(lua, 1), &error)) {
        return luaL_error(lua, "%s", error.text);
    }
    return 0;
}

static int auto_add(lua_State *lua)
{
    struct connect_server_settings *settings = connect_server_settings(server_of(lua));
    if (lua_gettop(lua) > 0) {
        struct stage *stage = bind_stage(lua);
        if (!stage->add_after_changed) {
            stage->add_after_changed = true;
            stage->add_after_us = settings->add_after_us;
        }
        settings->add_after_us = lua_toboolean(lua, 1) ? 0 : CONNECT_ADD_NEVER;
    }
    lua_pushboolean(lua, settings->add_after_us != CONNECT_ADD_NEVER);
    return 1;
}

void bind_connect(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"command", command},
        {"gcode", gcode},
        {"raw_command", raw_command},
        {"command_status", command_status},
        {"command_answers", command_answers},
        {"command_again", command_again},
        {"command_give_up", command_give_up},
        {"reported_state", reported_state},
        {"telemetry", telemetry},
        {"view", view},
        {"misbehave", misbehave},
        {"behave", behave},
        {"add_printer", add_printer},
        {"revoke", revoke},
        {"server_up", server_up},
        {"auto_add", auto_add},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
