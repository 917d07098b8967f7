#ifndef HOTBED_SCRIPT_BIND_RESIN_H
#define HOTBED_SCRIPT_BIND_RESIN_H

#include <lua.h>

#include "sim/machine/machine.h"

/* Of a resin printer, add the field `resin` to the readings on the top of the stack. */
void bind_resin_readings(lua_State *lua, struct machine *machine);

void bind_resin(lua_State *lua); /* adds its functions to the table on the top of the stack */

#endif
