#ifndef HOTBED_SCRIPT_BIND_FILES_H
#define HOTBED_SCRIPT_BIND_FILES_H

#include <lua.h>

void bind_files(lua_State *lua); /* adds its functions to the table on the top of the stack */

#endif
