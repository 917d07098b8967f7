#ifndef HOTBED_SCRIPT_SANDBOX_LIBS_H
#define HOTBED_SCRIPT_SANDBOX_LIBS_H

#include <stdint.h>

#include <lua.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* Which of Lua's own libraries a scenario sees, and in what form. */
void sandbox_libs_open(lua_State *lua);
void sandbox_libs_seed(lua_State *lua, uint64_t seed);

/* A whole file within SANDBOX_FILE_BYTES_MAX. */
bool sandbox_read_file(const char *path, struct buffer *out, struct error *error);

#endif
