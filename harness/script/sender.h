#ifndef HOTBED_SCRIPT_SENDER_H
#define HOTBED_SCRIPT_SENDER_H

#include <cjson/cJSON.h>
#include <lua.h>

#include "harness/script/stage.h"

/* Commands through a server that is not ours: by its control endpoint if it is a `hotbed mock connect`, or by a shell
 * command of the caller's. What becomes of them is seen on our printers' wires. */

/* Push the number that the scenario knows the command by. Skips the scenario when there is no way. Takes `kwargs`. */
int sender_send(lua_State *lua, struct stage_printer *printer, const char *name, cJSON *kwargs);
int sender_status(lua_State *lua, lua_Integer number);  /* pushes as command_status() */
int sender_answers(lua_State *lua, lua_Integer number); /* pushes a list of events */

#endif
