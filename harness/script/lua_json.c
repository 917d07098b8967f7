#include "harness/script/lua_json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

enum { DEPTH_MAX = 64 };
#define ARRAY_TYPE "hotbed.array"
#define BOX_TYPE   "hotbed.cjson"

void lua_json_push(lua_State *lua, const cJSON *value)
{
    luaL_checkstack(lua, 8, "JSON is nested too deep");
    if (value == NULL) {
        lua_pushnil(lua);
    } else if (cJSON_IsBool(value)) {
        lua_pushboolean(lua, cJSON_IsTrue(value));
    } else if (cJSON_IsNumber(value)) {
        double number = value->valuedouble;
        if (floor(number) == number && fabs(number) < 9007199254740992.0) {
            lua_pushinteger(lua, (lua_Integer)number);
        } else {
            lua_pushnumber(lua, number);
        }
    } else if (cJSON_IsString(value)) {
        lua_pushstring(lua, value->valuestring);
    } else if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
        bool array = cJSON_IsArray(value);
        lua_newtable(lua);
        if (array) {
            luaL_setmetatable(lua, ARRAY_TYPE);
        }
        lua_Integer place = 0;
        for (const cJSON *member = value->child; member != NULL; member = member->next) {
            lua_json_push(lua, member);
            if (array) {
                lua_rawseti(lua, -2, ++place);
            } else {
                lua_setfield(lua, -2, member->string);
            }
        }
    } else {
        lua_pushlightuserdata(lua, NULL);
    }
}

/* A tree that lives on the Lua stack: freed also when an error is raised half way. */
static cJSON **push_box(lua_State *lua)
{
    cJSON **box = lua_newuserdatauv(lua, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(lua, BOX_TYPE);
    return box;
}

static int free_box(lua_State *lua)
{
    cJSON **box = luaL_checkudata(lua, 1, BOX_TYPE);
    cJSON_Delete(*box);
    *box = NULL;
    return 0;
}

void lua_json_push_text(lua_State *lua, const char *text, size_t size)
{
    cJSON **box = push_box(lua);
    *box = cJSON_ParseWithLength(text, size);
    lua_json_push(lua, *box);
    cJSON_Delete(*box);
    *box = NULL;
    lua_remove(lua, -2);
}

struct taking {
    lua_State *lua;
    char path[256];
};

static cJSON *take(struct taking *taking, int index, int depth);

static int refuse(struct taking *taking, const char *why)
{
    return luaL_error(taking->lua, "%s: %s can't be JSON", taking->path, why);
}

/* Sorted copies of the keys of the object at `index`; the array is left on the Lua stack. */
static size_t push_sorted_keys(struct taking *taking, int index)
{
    lua_State *lua = taking->lua;
    lua_Integer count = 0;
    lua_newtable(lua);
    lua_pushnil(lua);
    while (lua_next(lua, index) != 0) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TSTRING) {
            refuse(taking, "a table with both keys and numbers");
        }
        lua_pushvalue(lua, -1);
        lua_rawseti(lua, -3, ++count);
    }
    lua_getfield(lua, LUA_REGISTRYINDEX, "hotbed.sort");
    lua_pushvalue(lua, -2);
    lua_call(lua, 1, 0);
    return (size_t)count;
}

static void take_object(struct taking *taking, int index, int depth, cJSON *object)
{
    lua_State *lua = taking->lua;
    size_t count = push_sorted_keys(taking, index);
    int keys = lua_gettop(lua);
    size_t length = strlen(taking->path);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(lua, keys, (lua_Integer)i);
        const char *key = lua_tostring(lua, -1);
        snprintf(taking->path + length, sizeof taking->path - length, ".%s", key);
        lua_pushvalue(lua, -1);
        lua_rawget(lua, index);
        cJSON *member = take(taking, lua_gettop(lua), depth + 1);
        cJSON_AddItemToObject(object, key, member);
        lua_settop(lua, keys);
        taking->path[length] = '\0';
    }
    lua_settop(lua, keys - 1);
}

static void take_array(struct taking *taking, int index, int depth, cJSON *array)
{
    lua_State *lua = taking->lua;
    size_t length = strlen(taking->path);
    lua_Integer count = (lua_Integer)lua_rawlen(lua, index);
    for (lua_Integer i = 1; i <= count; i++) {
        snprintf(taking->path + length, sizeof taking->path - length, "[%d]", (int)i);
        lua_rawgeti(lua, index, i);
        cJSON_AddItemToArray(array, take(taking, lua_gettop(lua), depth + 1));
        lua_pop(lua, 1);
        taking->path[length] = '\0';
    }
}

static bool is_array(lua_State *lua, int index)
{
    bool marked = false;
    if (lua_getmetatable(lua, index)) {
        luaL_getmetatable(lua, ARRAY_TYPE);
        marked = lua_rawequal(lua, -1, -2) != 0;
        lua_pop(lua, 2);
    }
    return marked || lua_rawlen(lua, index) > 0;
}

static cJSON *take(struct taking *taking, int index, int depth)
{
    lua_State *lua = taking->lua;
    luaL_checkstack(lua, 12, "too deep");
    if (depth > DEPTH_MAX) {
        refuse(taking, "nesting deeper than 64");
    }
    switch (lua_type(lua, index)) {
    case LUA_TNIL:
        return cJSON_CreateNull();
    case LUA_TBOOLEAN:
        return cJSON_CreateBool(lua_toboolean(lua, index));
    case LUA_TNUMBER:
        if (!isfinite(lua_tonumber(lua, index))) {
            refuse(taking, "a number that is not finite");
        }
        return cJSON_CreateNumber(lua_tonumber(lua, index));
    case LUA_TSTRING: {
        size_t size;
        const char *text = lua_tolstring(lua, index, &size);
        if (strlen(text) != size) {
            refuse(taking, "a text with a NUL"); /* cJSON would cut it there and say nothing */
        }
        return cJSON_CreateString(text);
    }
    case LUA_TLIGHTUSERDATA:
        return cJSON_CreateNull();
    case LUA_TTABLE: {
        bool array = is_array(lua, index);
        cJSON **box = push_box(lua);
        *box = array ? cJSON_CreateArray() : cJSON_CreateObject();
        if (array) {
            take_array(taking, index, depth, *box);
        } else {
            take_object(taking, index, depth, *box);
        }
        cJSON *done = *box;
        *box = NULL;
        lua_pop(lua, 1);
        return done;
    }
    default:
        refuse(taking, lua_typename(lua, lua_type(lua, index)));
        return NULL;
    }
}

cJSON *lua_json_take(lua_State *lua, int index, const char *name)
{
    struct taking taking = {.lua = lua};
    snprintf(taking.path, sizeof taking.path, "%s", name);
    return take(&taking, lua_absindex(lua, index), 0);
}

static int json_encode(lua_State *lua)
{
    lua_settop(lua, 1);
    cJSON **box = push_box(lua);
    *box = lua_json_take(lua, 1, "value");
    char *text = cJSON_PrintUnformatted(*box);
    lua_pushstring(lua, text != NULL ? text : "");
    cJSON_free(text);
    return 1;
}

static int json_decode(lua_State *lua)
{
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    lua_json_push_text(lua, text, size);
    return 1;
}

static int mark_array(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    luaL_setmetatable(lua, ARRAY_TYPE);
    return 1;
}

void lua_json_open(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};
    luaL_newmetatable(lua, ARRAY_TYPE);
    lua_pop(lua, 1);
    luaL_newmetatable(lua, BOX_TYPE);
    lua_pushcfunction(lua, free_box);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
    luaL_newlib(lua, functions);
    lua_setglobal(lua, "json");
    lua_pushcfunction(lua, mark_array);
    lua_setglobal(lua, "array");
    lua_pushlightuserdata(lua, NULL);
    lua_setglobal(lua, "null");
}
