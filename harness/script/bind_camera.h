#ifndef HOTBED_SCRIPT_BIND_CAMERA_H
#define HOTBED_SCRIPT_BIND_CAMERA_H

#include <lua.h>

#include "harness/script/actor.h"

enum { BOUND_CAMERAS_MAX = 8 };

struct bound_cameras {
    struct connect_camera_settings list[BOUND_CAMERAS_MAX]; /* texts are Lua's */
    char ids[BOUND_CAMERAS_MAX][CONNECT_CAMERA_ID_SIZE];
    size_t count;
};

/* Option cameras of the table at 2. */
void bind_read_cameras(lua_State *lua, struct bound_cameras *cameras);

void bind_camera(lua_State *lua); /* adds its function to the table on the top of the stack */

#endif
