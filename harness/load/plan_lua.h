#ifndef HOTBED_LOAD_PLAN_LUA_H
#define HOTBED_LOAD_PLAN_LUA_H

#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* Run a Lua plan in the sandbox of scenarios and append what it gave to farm{...} as JSON, its keys
 * in order: equal plans are equal texts. False with the file and line of what is wrong. */
bool plan_lua_read(const char *path, struct buffer *out, struct error *error);

#endif
