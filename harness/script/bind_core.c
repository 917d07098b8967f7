#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/lua_json.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

struct stage *bind_stage(lua_State *lua)
{
    struct play *play = play_of(lua);
    if (!play->staged || play->thread == NULL) {
        luaL_error(lua, "this is for the run functions of scenarios, not for the file itself");
    }
    return &play->stage;
}

static double seconds_since(const struct stage *stage, int64_t time_us)
{
    return (double)(time_us - stage->began_us) / 1e6;
}

static int now(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    lua_pushnumber(lua, seconds_since(stage, stage->world->now_us));
    return 1;
}

static int duration(lua_State *lua)
{
    int64_t us = 0;
    struct error error;
    bool good;
    if (lua_type(lua, 1) == LUA_TNUMBER) {
        good = duration_of_seconds(lua_tonumber(lua, 1), &us, &error);
    } else if (lua_type(lua, 1) == LUA_TSTRING) {
        good = duration_parse(lua_tostring(lua, 1), &us, &error);
    } else {
        good = error_set(&error, "expected a time such as \"5s\" or a number of seconds, got %s",
                         luaL_typename(lua, 1));
    }
    if (!good) {
        return luaL_error(lua, "%s", error.text);
    }
    lua_pushnumber(lua, (double)us / 1e6);
    return 1;
}

static int duration_name(lua_State *lua)
{
    char text[32];
    duration_text((int64_t)(luaL_checknumber(lua, 1) * 1e6 + 0.5), text, sizeof text);
    lua_pushstring(lua, text);
    return 1;
}

/* sleep(seconds, watch, printer): until then, or until something that is watched happens; true: it
 * did. */
static int sleep_until(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct play *play = play_of(lua);
    if (lua != play->thread || !play->in_turn) {
        return luaL_error(
            lua, "waiting is for the scenario itself, not for hooks and coroutines of its own");
    }
    int64_t us = 0;
    struct error error;
    if (!duration_of_seconds(luaL_checknumber(lua, 1), &us, &error)) {
        return luaL_error(lua, "%s", error.text);
    }
    stage->watch = (unsigned)luaL_optinteger(lua, 2, 0);
    stage->watched = (uint32_t)luaL_optinteger(lua, 3, 0);
    /* Never zero: a loop that waits for nothing would stand still in virtual time. */
    world_arm_in(stage->world, &play->turn, us > 0 ? us : 1);
    return lua_yield(lua, 0);
}

static int where(lua_State *lua)
{
    char file[256];
    int line = 0;
    if (sandbox_where(lua, file, sizeof file, &line)) {
        lua_pushfstring(lua, "%s:%d", file, line);
    } else {
        lua_pushnil(lua);
    }
    return 1;
}

static int bad_argument(lua_State *lua)
{
    return luaL_error(lua, "%s", luaL_checkstring(lua, 1));
}

/* verdict("fail"|"skip", reason, expected, seen, where, printer): ends the scenario, also out of
 * its pcall(). */
static int verdict(lua_State *lua)
{
    static const char *const names[] = {"fail", "skip", NULL};
    static const enum play_end ends[] = {PLAY_FAILED, PLAY_SKIPPED};
    int which = luaL_checkoption(lua, 1, NULL, names);
    bind_stage(lua);
    lua_settop(lua, 6);
    if (lua_isnil(lua, 5) && which == 0) {
        where(lua);
        lua_replace(lua, 5);
    }
    play_judge(play_of(lua), ends[which], luaL_optstring(lua, 2, NULL),
               luaL_optstring(lua, 3, NULL), luaL_optstring(lua, 4, NULL),
               luaL_optstring(lua, 5, NULL), (uint32_t)luaL_optinteger(lua, 6, 0));
    return luaL_error(lua, "%s", luaL_optstring(lua, 2, "ended"));
}

enum { NOTES_BYTES_MAX = 256 * 1024 };

static int note(lua_State *lua)
{
    struct play *play = play_of(lua);
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    if (play->listing == NULL && play->notes.size + size < NOTES_BYTES_MAX) {
        if (play->notes.size > 0) {
            buffer_append_char(&play->notes, '\n');
        }
        buffer_append(&play->notes, text, size);
    }
    return 0;
}

/* For the person who sits at the run, at once. */
static int announce(lua_State *lua)
{
    fprintf(stderr, "%s\n", luaL_checkstring(lua, 1));
    return 0;
}

static int is_virtual(lua_State *lua)
{
    lua_pushboolean(lua, !bind_stage(lua)->ground->real);
    return 1;
}

static int outside_connect(lua_State *lua)
{
    lua_pushboolean(lua, bind_stage(lua)->house.server == NULL);
    return 1;
}

static int outside_printer(lua_State *lua)
{
    lua_pushboolean(lua, bind_stage(lua)->ground->targets->printer_listen != NULL);
    return 1;
}

/* ---- Definitions ---- */

static char *text_field(lua_State *lua, const char *key)
{
    char *text = NULL;
    if (lua_getfield(lua, 1, key) == LUA_TSTRING) {
        text = memory_copy_text(lua_tostring(lua, -1));
    }
    lua_pop(lua, 1);
    return text;
}

static bool flag_field(lua_State *lua, const char *key)
{
    lua_getfield(lua, 1, key);
    bool flag = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return flag;
}

/* What the judge knows of a check needs not be said again in its scenario. */
/* Checks have the ids of the document that they are from. */
static const char *dialect_of_id(const char *id)
{
    static const struct {
        const char *begin, *dialect;
    } documents[] = {{"CON-", "sdk"},    /* connect-sdk.md 13 */
                     {"Q-", "sdk"},      /* connect-sdk.md 14 */
                     {"BUD-", "buddy"}}; /* connect-buddy.md 12 */
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        if (strncmp(id, documents[i].begin, strlen(documents[i].begin)) == 0) {
            return documents[i].dialect;
        }
    }
    return NULL;
}

static void complete(struct definition *definition)
{
    const struct contract_rule *rule =
        definition->check ? contract_rule_find(definition->name) : NULL;
    if (rule != NULL) {
        if (definition->sentence == NULL) {
            definition->sentence = memory_copy_text(rule->text);
        }
        if (definition->side == NULL) {
            definition->side = memory_copy_text(contract_side_name(rule->side));
        }
        if (definition->kind == NULL) {
            definition->kind = memory_copy_text(contract_kind_name(rule->kind));
        }
    }
    if (definition->check && definition->dialect == NULL) {
        definition->dialect = memory_copy_text(dialect_of_id(definition->name));
    }
    if (definition->check && definition->kind == NULL) {
        definition->kind = memory_copy_text("contract");
    }
    if (definition->check && definition->subject == NULL &&
        strncmp(definition->name, "PL-", 3) == 0) {
        bool client = strncmp(definition->name, "PL-CL-", 6) == 0; /* prusalink.md 10 */
        definition->subject = memory_copy_text(client ? "prusalink-client" : "prusalink");
    }
    if (definition->check && definition->subject == NULL && definition->side != NULL) {
        bool printer = strcmp(definition->side, "printer") == 0;
        definition->subject = memory_copy_text(printer ? "connect-printer" : "connect-server");
    }
}

static void keep_definition(lua_State *lua, struct definitions *listing,
                            struct definition *definition)
{
    listing->items =
        memory_resize(listing->items, (listing->count + 1) * sizeof(struct definition *));
    listing->items[listing->count++] = definition; /* its owner frees it, whatever comes */
    for (size_t i = 0; i + 1 < listing->count; i++) {
        const struct definition *other = listing->items[i];
        if (strcmp(other->name, definition->name) == 0 &&
            (definition->check ? other->check : strcmp(other->file, definition->file) == 0)) {
            luaL_error(lua, "\"%s\" is defined already, at %s:%d", definition->name, other->file,
                       other->line);
        }
    }
    const char *missing = definition->sentence == NULL ? "the sentence that says what must be true"
                          : definition->check && definition->subject == NULL
                              ? "its side, \"printer\" or \"server\","
                              : NULL;
    if (missing != NULL) {
        luaL_error(lua, "%s \"%s\": %s is missing", definition->check ? "check" : "scenario",
                   definition->name, missing);
    }
}

/* define(fields, function) */
static int define(lua_State *lua)
{
    struct play *play = play_of(lua);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    if (play->listing == NULL) {
        lua_getfield(lua, 1, "name");
        if (play->thread == NULL && strcmp(lua_tostring(lua, -1), play->definition->name) == 0) {
            lua_pushvalue(lua, 2);
            lua_setfield(lua, LUA_REGISTRYINDEX, "hotbed.run");
        }
        return 0;
    }
    struct definition *definition = memory_new(sizeof *definition);
    definition->name = text_field(lua, "name");
    definition->check = flag_field(lua, "check");
    definition->sentence = text_field(lua, "sentence");
    definition->side = text_field(lua, "side");
    definition->kind = text_field(lua, "kind");
    definition->subject = text_field(lua, "subject");
    definition->dialect = text_field(lua, "dialect");
    definition->passive = flag_field(lua, "passive");
    definition->virtual_only = text_field(lua, "virtual_only");
    lua_getfield(lua, 1, "timeout");
    definition->timeout_us = (int64_t)(lua_tonumber(lua, -1) * 1e6);
    char file[256] = "?";
    sandbox_where(lua, file, sizeof file, &definition->line);
    definition->file = memory_copy_text(file);
    complete(definition);
    keep_definition(lua, play->listing, definition);
    return 0;
}

/* wanted_dialect() -> that of the printers that this check is about; nil: any */
static int wanted_dialect(lua_State *lua)
{
    lua_pushstring(lua, play_of(lua)->definition->dialect);
    return 1;
}

/* ---- The table ---- */

void bind_core(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"now", now},
        {"duration", duration},
        {"duration_text", duration_name},
        {"sleep", sleep_until},
        {"where", where},
        {"bad_argument", bad_argument},
        {"verdict", verdict},
        {"note", note},
        {"announce", announce},
        {"virtual", is_virtual},
        {"outside_connect", outside_connect},
        {"outside_printer", outside_printer},
        {"define", define},
        {"wanted_dialect", wanted_dialect},
        {NULL, NULL},
    };
    static const struct {
        const char *name;
        int bits;
    } watches[] = {{"EVENT", WATCH_EVENT},     {"REQUEST", WATCH_REQUEST}, {"STATE", WATCH_STATE},
                   {"COMMAND", WATCH_COMMAND}, {"REPLY", WATCH_REPLY},     {"ALL", WATCH_ALL},
                   {"ARRIVAL", WATCH_ARRIVAL}, {"WIRE", WATCH_WIRE},       {"TOOL", WATCH_TOOL}};
    luaL_setfuncs(lua, functions, 0);
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof watches / sizeof *watches; i++) {
        lua_pushinteger(lua, watches[i].bits);
        lua_setfield(lua, -2, watches[i].name);
    }
    lua_setfield(lua, -2, "WATCH");
}

void bind_all(lua_State *lua)
{
    lua_json_open(lua);
    lua_newtable(lua);
    bind_core(lua);
    bind_message(lua);
    bind_printer(lua);
    bind_connect(lua);
    bind_socket(lua);
    bind_view(lua);
    bind_hooks(lua);
    bind_device(lua);
    bind_link(lua);
    bind_tool(lua);
    lua_setglobal(lua, "core");
}

void bind_seal(lua_State *lua)
{
    lua_pushnil(lua);
    lua_setglobal(lua, "core");
}
