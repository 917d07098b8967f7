#ifndef HOTBED_SCRIPT_LUA_JSON_H
#define HOTBED_SCRIPT_LUA_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <lua.h>

/* JSON as Lua values and back. An object is a table, an array a table with the metatable that
 * `array{}` gives, null is the value `null`; whole numbers are integers. Tables become objects in
 * the order of their keys, so that the same table is always the same text. */

void lua_json_open(lua_State *lua); /* globals null, array, json.encode, json.decode */

void lua_json_push(lua_State *lua, const cJSON *value); /* NULL pushes nil */
/* Text that is not JSON pushes nil. */
void lua_json_push_text(lua_State *lua, const char *text, size_t size);

/* The value at `index`; raises an error that names the path to what is no JSON ("kwargs.path: a
 * function"). Caller's. */
cJSON *lua_json_take(lua_State *lua, int index, const char *name);

#endif
