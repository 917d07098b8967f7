#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "harness/script/bind.h"
#include "sim/base/memory.h"

/* In the order of enum connect_point. */
static const char *const points[] = {"register", "poll",  "telemetry", "event",    "probe",
                                     "other",    "file",  "camera",    "snapshot", "socket",
                                     "delivery", "reply", NULL};

/* hook(point, printer, event, times, function) -> id */
static int hook(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    int point = luaL_checkoption(lua, 1, NULL, points);
    uint32_t printer = lua_isnoneornil(lua, 2) ? 0 : bind_check_printer(lua, 2)->number;
    const char *event = luaL_optstring(lua, 3, NULL);
    lua_Integer times = luaL_optinteger(lua, 4, -1);
    luaL_checktype(lua, 5, LUA_TFUNCTION);
    lua_settop(lua, 5);
    int reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    struct stage_hook *added = stage_hook_add(stage, (enum connect_point)point);
    added->printer = printer;
    added->event = memory_copy_text(event);
    added->times = times < 0 ? UINT64_MAX : (uint64_t)times;
    added->reference = reference;
    lua_pushinteger(lua, added->id);
    return 1;
}

static int unhook(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    uint32_t id = (uint32_t)luaL_checkinteger(lua, 1);
    for (size_t i = 0; i < stage->hook_count; i++) {
        if (stage->hooks[i].id == id) {
            luaL_unref(lua, LUA_REGISTRYINDEX, stage->hooks[i].reference);
            stage_hook_remove(stage, id);
            return 0;
        }
    }
    return 0;
}

/* forget_hooks(): the scenario is over, what it did to messages too. */
static int forget_hooks(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    while (stage->hook_count > 0) {
        luaL_unref(lua, LUA_REGISTRYINDEX, stage->hooks[0].reference);
        stage_hook_remove(stage, stage->hooks[0].id);
    }
    return 0;
}

/* ---- The message ---- */

static void push_reply(lua_State *lua, const struct connect_reply *reply)
{
    lua_newtable(lua);
    lua_pushinteger(lua, reply->http.status);
    lua_setfield(lua, -2, "status");
    lua_newtable(lua);
    for (size_t i = 0; i < reply->http.header_count; i++) {
        lua_pushstring(lua, reply->http.headers[i].value);
        lua_setfield(lua, -2, reply->http.headers[i].name);
    }
    lua_setfield(lua, -2, "headers");
    lua_pushlstring(lua, reply->http.body != NULL ? reply->http.body : "", reply->http.body_size);
    lua_setfield(lua, -2, "body");
}

static uint32_t number_of(struct stage *stage, const struct connect_printer *believed)
{
    for (uint32_t i = 0; believed != NULL && i < stage->printer_count; i++) {
        if (stage_believed(stage, stage->printers[i]) == believed) {
            return stage->printers[i]->number;
        }
    }
    return 0;
}

static int push_message(lua_State *lua)
{
    struct connect_decision *decision = lua_touserdata(lua, 1);
    struct stage *stage = bind_stage(lua);
    lua_newtable(lua);
    lua_pushstring(lua, points[decision->point]);
    lua_setfield(lua, -2, "point");
    lua_pushnumber(lua, (double)(stage->world->now_us - stage->began_us) / 1e6);
    lua_setfield(lua, -2, "at");
    lua_pushinteger(lua, number_of(stage, decision->printer));
    lua_setfield(lua, -2, "printer");
    bind_push_slice(lua, decision->request->method);
    lua_setfield(lua, -2, "method");
    bind_push_slice(lua, decision->request->target);
    lua_setfield(lua, -2, "path");
    bind_push_slice(lua, decision->request->body);
    lua_setfield(lua, -2, "body");
    bind_push_headers(lua, decision->request->head);
    lua_setfield(lua, -2, "headers");
    if (decision->command != NULL) {
        lua_createtable(lua, 0, 2);
        lua_pushinteger(lua, decision->command->id);
        lua_setfield(lua, -2, "id");
        lua_pushstring(lua, decision->command->name);
        lua_setfield(lua, -2, "name");
        lua_setfield(lua, -2, "command");
    }
    if (decision->point == CONNECT_POINT_DELIVERY || decision->point == CONNECT_POINT_REPLY) {
        push_reply(lua, decision->reply);
        lua_setfield(lua, -2, "reply");
    }
    return 1;
}

/* ---- The answer ---- */

static bool number_field(lua_State *lua, int index, const char *key, double most, double *number)
{
    int type = lua_getfield(lua, index, key);
    if (type != LUA_TNIL) {
        *number = luaL_checknumber(lua, -1);
        if (!(*number >= 0 && *number <= most)) {
            luaL_error(lua, "a hook's reply: %s: expected 0 to %f", key, most);
        }
    }
    lua_pop(lua, 1);
    return type != LUA_TNIL;
}

static bool flag_field(lua_State *lua, int index, const char *key)
{
    lua_getfield(lua, index, key);
    bool flag = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return flag;
}

static void take_headers(lua_State *lua, int index, struct connect_reply *reply)
{
    if (lua_getfield(lua, index, "headers") == LUA_TTABLE) {
        lua_getglobal(lua, "pairs"); /* ours: a fixed order */
        lua_pushvalue(lua, -2);
        lua_call(lua, 1, 1);
        int next = lua_gettop(lua);
        for (;;) {
            lua_settop(lua, next);
            lua_pushvalue(lua, next);
            lua_call(lua, 0, 2);
            if (lua_isnil(lua, -2)) {
                break;
            }
            const char *name = luaL_checkstring(lua, -2);
            connect_reply_set_header(reply, name,
                                     lua_toboolean(lua, -1) ? luaL_checkstring(lua, -1) : NULL);
        }
        lua_settop(lua, next - 1);
    }
    lua_pop(lua, 1);
}

static void take_after(lua_State *lua, int index, struct connect_reply *reply)
{
    static const char *const names[] = {"keep", "close", "reset", "stall", NULL};
    static const enum http_after afters[] = {HTTP_AFTER_KEEP, HTTP_AFTER_CLOSE, HTTP_AFTER_RESET,
                                             HTTP_AFTER_STALL};
    if (lua_getfield(lua, index, "after") != LUA_TNIL) {
        reply->http.after = afters[luaL_checkoption(lua, -1, NULL, names)];
    }
    lua_pop(lua, 1);
}

static bool take_content(lua_State *lua, int index, struct connect_reply *reply, bool fresh)
{
    double number;
    bool answered = false;
    if (number_field(lua, index, "status", 999, &number)) {
        answered = true;
        if (fresh) {
            connect_reply_answer(reply, (int)number);
        } else {
            reply->http.status = (int)number;
        }
    }
    size_t size;
    if (lua_getfield(lua, index, "body") != LUA_TNIL) {
        const char *body = luaL_checklstring(lua, -1, &size);
        if (fresh && !answered) {
            connect_reply_answer(reply, 200);
        }
        connect_reply_set_body(reply, body, size);
        answered = true;
    }
    lua_pop(lua, 1);
    take_headers(lua, index, reply);
    if (lua_getfield(lua, index, "raw") != LUA_TNIL) {
        const char *raw = luaL_checklstring(lua, -1, &size);
        connect_reply_set_raw(reply, raw, size);
        answered = true;
    }
    lua_pop(lua, 1);
    return answered;
}

/* apply(decision, reply): what the function of a hook gave. */
static int apply(lua_State *lua)
{
    struct connect_decision *decision = lua_touserdata(lua, 1);
    if (lua_isnoneornil(lua, 2)) {
        return 0;
    }
    luaL_checktype(lua, 2, LUA_TTABLE);
    struct connect_reply *reply = decision->reply;
    bool fresh =
        decision->point != CONNECT_POINT_DELIVERY && decision->point != CONNECT_POINT_REPLY;
    bool answered = take_content(lua, 2, reply, fresh);
    take_after(lua, 2, reply);
    double number;
    if (number_field(lua, 2, "delay", 1e6, &number)) {
        reply->http.delay_us = (int64_t)llround(number * 1e6);
    }
    if (number_field(lua, 2, "piece", 1e9, &number)) {
        reply->http.piece_bytes = (size_t)number;
    }
    if (number_field(lua, 2, "gap", 1e6, &number)) {
        reply->http.piece_gap_us = (int64_t)llround(number * 1e6);
    }
    if (number_field(lua, 2, "cut", 1e9, &number)) {
        reply->cut_bytes = (size_t)number;
        if (reply->http.after == HTTP_AFTER_KEEP) {
            reply->http.after = HTTP_AFTER_CLOSE;
        }
    }
    if (number_field(lua, 2, "copies", 100, &number)) {
        reply->copies = (unsigned)number;
    }
    decision->ignore = decision->ignore || flag_field(lua, 2, "ignore");
    decision->hold = decision->hold || flag_field(lua, 2, "hold");
    decision->answered = decision->answered || (fresh && answered);
    return 0;
}

void bind_call_hook(void *owner, struct stage_hook *hooked, struct connect_decision *decision)
{
    struct play *play = owner;
    lua_State *lua = play->sandbox.lua;
    if (play->end != PLAY_RUNS) {
        return;
    }
    int reference = hooked->reference; /* the hook may be gone after the call */
    struct error error = {{0}};
    int top = lua_gettop(lua);
    luaL_checkstack(lua, 8, "hooks");
    lua_pushcfunction(lua, push_message);
    lua_pushlightuserdata(lua, decision);
    bool done = sandbox_call(&play->sandbox, lua, 1, 1, &error);
    if (done) {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, reference);
        lua_insert(lua, -2);
        done = sandbox_call(&play->sandbox, lua, 1, 1, &error);
    }
    if (done) {
        lua_pushcfunction(lua, apply);
        lua_insert(lua, -2);
        lua_pushlightuserdata(lua, decision);
        lua_insert(lua, -2);
        done = sandbox_call(&play->sandbox, lua, 2, 0, &error);
    }
    lua_settop(lua, top);
    if (!done) {
        play_judge(play, PLAY_FAILED, error.text, NULL, NULL, NULL, 0);
        play_abort(play);
    }
}

void bind_hooks(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"hook", hook}, {"unhook", unhook}, {"forget_hooks", forget_hooks}, {NULL, NULL}};
    luaL_setfuncs(lua, functions, 0);
}
