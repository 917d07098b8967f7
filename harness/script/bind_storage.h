#ifndef HOTBED_SCRIPT_BIND_STORAGE_H
#define HOTBED_SCRIPT_BIND_STORAGE_H

#include <lua.h>

#include "harness/script/actor.h"

void bind_storage(lua_State *lua); /* adds its functions to the table on the top of the stack */

/* Attach what the table at `index` describes; raises an error for one that it can't be. */
void bind_attach_storage(lua_State *lua, struct actor *actor, int index);

/* Put the content at `index` (a text, or what t:file() gave) at `path`. False with the reason
 * pushed. */
bool bind_put_file(lua_State *lua, struct actor *actor, const char *path, int index);

/* A text or t:file(path) as bytes; the caller's. */
char *bind_read_content(lua_State *lua, int index, size_t *size);

#endif
