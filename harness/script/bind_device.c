#include <lauxlib.h>
#include <stdio.h>

#include "harness/script/bind.h"

/* What a device from outside needs besides: it outlives the scenario that stimulates it, so each
 * begins by clearing away what the one before has left. */

/* stimulates() -> whether this scenario does more than watch */
static int stimulates(lua_State *lua)
{
    lua_pushboolean(lua, !play_of(lua)->definition->passive);
    return 1;
}

/* trouble([reason]) -> why the device can't be brought to rest, nil: nothing is known against it */
static int trouble(lua_State *lua)
{
    char *kept = play_of(lua)->settings.trouble;
    if (kept != NULL && !lua_isnoneornil(lua, 1)) {
        snprintf(kept, PLAY_TROUBLE_BYTES, "%s", luaL_checkstring(lua, 1));
    }
    lua_pushstring(lua, kept != NULL && *kept != '\0' ? kept : NULL);
    return 1;
}

static struct connect_printer *check_device(lua_State *lua)
{
    struct connect_printer *believed = stage_believed(bind_stage(lua), bind_check_printer(lua, 1));
    if (believed == NULL) {
        luaL_error(lua, "the server has not heard of this printer yet");
    }
    return believed;
}

/* withdraw(number, running): take back the commands that wait, with `running` those too that are on
 * their way. Gives the number of those that still run. */
static int withdraw(lua_State *lua)
{
    struct connect_printer *device = check_device(lua);
    while (device->queue_first != NULL && connect_command_give_up(device->queue_first)) {
    }
    while (lua_toboolean(lua, 2) && device->running != NULL &&
           connect_command_give_up(device->running)) {
    }
    lua_Integer count = 0;
    for (const struct connect_command *command = device->running; command != NULL;
         command = command->next) {
        count++;
    }
    lua_pushinteger(lua, count);
    return 1;
}

void bind_device(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"stimulates", stimulates},
        {"trouble", trouble},
        {"withdraw", withdraw},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
