
#include <lauxlib.h>

#include "harness/script/bind.h"
#include "mockservers/connect/server.h"

/* The WebSocket that a printer has to our own server: what goes out beside the commands. */

static struct connect_printer *believed(lua_State *lua)
{
    struct connect_printer *printer = bind_check_believed(lua, 1);
    if (!connect_printer_has_socket(printer)) {
        luaL_error(lua, "the printer has no WebSocket now");
    }
    return printer;
}

/* socket_frame(printer, opcode, payload, fin, reserved bits, masked) */
static int socket_frame(lua_State *lua)
{
    size_t size;
    const char *payload = luaL_checklstring(lua, 3, &size);
    lua_Integer opcode = luaL_checkinteger(lua, 2), rsv = luaL_checkinteger(lua, 5);
    luaL_argcheck(lua, opcode >= 0 && opcode <= 15, 2, "expected an opcode of 0 to 15");
    luaL_argcheck(lua, rsv >= 0 && rsv <= 7, 5, "expected reserved bits of 0 to 7");
    luaL_argcheck(lua, opcode < 8 || size <= WEBSOCKET_CONTROL_BYTES_MAX, 3,
                  "a control frame of more than 125 bytes goes only as raw bytes");
    const struct websocket_frame frame = {.opcode = (uint8_t)opcode,
                                          .rsv = (uint8_t)rsv,
                                          .fin = lua_toboolean(lua, 4),
                                          .masked = lua_toboolean(lua, 6),
                                          .payload = payload,
                                          .size = size};
    connect_socket_send_frame(believed(lua), &frame);
    return 0;
}

static int socket_raw(lua_State *lua)
{
    size_t size;
    const char *bytes = luaL_checklstring(lua, 2, &size);
    connect_socket_send_raw(believed(lua), bytes, size);
    return 0;
}

static int socket_close(lua_State *lua)
{
    connect_socket_close(believed(lua), (unsigned)luaL_optinteger(lua, 2, WEBSOCKET_NORMAL),
                         luaL_optstring(lua, 3, NULL));
    return 0;
}

static int socket_stands(lua_State *lua)
{
    lua_pushboolean(lua, connect_printer_has_socket(bind_check_believed(lua, 1)));
    return 1;
}

void bind_socket(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"socket_frame", socket_frame},
        {"socket_raw", socket_raw},
        {"socket_close", socket_close},
        {"socket_stands", socket_stands},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
