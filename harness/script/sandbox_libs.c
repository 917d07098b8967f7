#include "harness/script/sandbox_libs.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/sandbox.h"

/* load(text [, name [, mode [, env]]]) for text alone: bytecode can break the interpreter. */
static int load_text(lua_State *lua)
{
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    const char *name = luaL_optstring(lua, 2, text);
    bool environment = !lua_isnoneornil(lua, 4);
    if (luaL_loadbufferx(lua, text, size, name, "t") != LUA_OK) {
        lua_pushnil(lua);
        lua_insert(lua, -2);
        return 2;
    }
    if (environment) {
        lua_pushvalue(lua, 4);
        if (lua_setupvalue(lua, -2, 1) == NULL) {
            lua_pop(lua, 1);
        }
    }
    return 1;
}

static bool stays_below(const char *path)
{
    if (*path == '/' || *path == '\0') {
        return false;
    }
    for (const char *part = path; *part != '\0'; part += strcspn(part, "/"), part += *part == '/') {
        if (strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.') {
            return false;
        }
    }
    return true;
}

/* include "common.lua": a file beside the scenario, run in place; gives what the file returns. */
static int include_file(lua_State *lua)
{
    const char *path = luaL_checkstring(lua, 1);
    luaL_argcheck(lua, stays_below(path), 1, "expected a file below the scenario's own folder");
    struct sandbox *sandbox = sandbox_of(lua);
    const char *full =
        lua_pushfstring(lua, "%s/%s", sandbox->directory != NULL ? sandbox->directory : ".", path);
    const char *name = lua_pushfstring(lua, "@%s", full);
    struct buffer text = {0};
    struct error error = {{0}};
    bool done = sandbox_read_file(full, &text, &error);
    int status = LUA_OK;
    if (done) {
        status = luaL_loadbufferx(lua, text.size > 0 ? text.bytes : "", text.size, name, "t");
    }
    buffer_free(&text);
    if (!done) {
        return luaL_error(lua, "%s", error.text);
    }
    if (status != LUA_OK) {
        return lua_error(lua);
    }
    lua_call(lua, 0, 1);
    return 1;
}

/* Keys in a fixed order: numbers, then texts, then the rest as they come. */
static bool key_before(lua_State *lua)
{
    int left = lua_type(lua, -2), right = lua_type(lua, -1);
    if (left == LUA_TNUMBER && right == LUA_TNUMBER) {
        return lua_compare(lua, -2, -1, LUA_OPLT) != 0;
    }
    if (left == LUA_TSTRING && right == LUA_TSTRING) {
        size_t left_size, right_size;
        const char *left_text = lua_tolstring(lua, -2, &left_size);
        const char *right_text = lua_tolstring(lua, -1, &right_size);
        int order = memcmp(left_text, right_text, left_size < right_size ? left_size : right_size);
        return order != 0 ? order < 0 : left_size < right_size;
    }
    return left == LUA_TNUMBER || (left == LUA_TSTRING && right != LUA_TNUMBER);
}

static int compare_keys(lua_State *lua)
{
    lua_settop(lua, 2);
    lua_pushboolean(lua, key_before(lua));
    return 1;
}

/* upvalues: table, keys, place */
static int next_pair(lua_State *lua)
{
    lua_Integer place = lua_tointeger(lua, lua_upvalueindex(3)) + 1;
    for (;; place++) {
        if (lua_rawgeti(lua, lua_upvalueindex(2), place) == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(lua, -1);
        if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TNIL) {
            break;
        }
        lua_pop(lua, 2); /* removed while the loop ran */
    }
    lua_pushinteger(lua, place);
    lua_replace(lua, lua_upvalueindex(3));
    return 2;
}

/* Lua orders keys by a hash with a random seed: a scenario would differ from run to run. */
static int ordered_pairs(lua_State *lua)
{
    luaL_checkany(lua, 1);
    if (luaL_getmetafield(lua, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 1, 3);
        return 3;
    }
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    lua_newtable(lua);
    lua_Integer count = 0;
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
        lua_pop(lua, 1);
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, 2, ++count);
    }
    lua_getfield(lua, LUA_REGISTRYINDEX, "hotbed.sort");
    lua_pushvalue(lua, 2);
    lua_pushcfunction(lua, compare_keys);
    lua_call(lua, 2, 0);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_pair, 3);
    return 1;
}

static void remove_fields(lua_State *lua, const char *const names[])
{
    for (; *names != NULL; names++) {
        lua_pushnil(lua);
        lua_setfield(lua, -2, *names);
    }
}

void sandbox_libs_open(lua_State *lua)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine},
    };
    static const char *const not_in_base[] = {"dofile", "loadfile", "collectgarbage", "warn", NULL};
    static const char *const not_in_string[] = {"dump", NULL};
    static const char *const not_in_math[] = {"randomseed", NULL};
    static const luaL_Reg ours[] = {
        {"load", load_text}, {"include", include_file}, {"pairs", ordered_pairs}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    lua_getglobal(lua, LUA_TABLIBNAME);
    lua_getfield(lua, -1, "sort");
    lua_setfield(lua, LUA_REGISTRYINDEX, "hotbed.sort");
    lua_getglobal(lua, LUA_MATHLIBNAME);
    lua_getfield(lua, -1, "randomseed");
    lua_setfield(lua, LUA_REGISTRYINDEX, "hotbed.randomseed");
    remove_fields(lua, not_in_math);
    lua_getglobal(lua, LUA_STRLIBNAME);
    remove_fields(lua, not_in_string);
    lua_pushglobaltable(lua);
    remove_fields(lua, not_in_base);
    luaL_setfuncs(lua, ours, 0);
    lua_settop(lua, 0);
}

void sandbox_libs_seed(lua_State *lua, uint64_t seed)
{
    lua_getfield(lua, LUA_REGISTRYINDEX, "hotbed.randomseed");
    lua_pushinteger(lua, (lua_Integer)seed);
    lua_pushinteger(lua, 0);
    lua_call(lua, 2, 0);
}
