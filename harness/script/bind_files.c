#include "harness/script/bind_files.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/bind_storage.h"
#include "harness/script/lua_json.h"
#include "sim/base/memory.h"

/* Files that our server offers, pictures that it was sent, and what is in a printer's files. */

enum { READ_BYTES_MAX = 64 * 1024 * 1024 };

static struct connect_server *server_of(lua_State *lua)
{
    struct connect_server *server = bind_stage(lua)->house.server;
    if (server == NULL) {
        luaL_error(lua, "the server is not ours");
    }
    return server;
}

static const char *text_field(lua_State *lua, int index, const char *key, const char *fallback)
{
    const char *text =
        lua_getfield(lua, index, key) == LUA_TSTRING ? lua_tostring(lua, -1) : fallback;
    lua_pop(lua, 1); /* the table keeps it alive */
    return text;
}

static double number_field(lua_State *lua, int index, const char *key, double fallback)
{
    double number = lua_getfield(lua, index, key) == LUA_TNUMBER ? lua_tonumber(lua, -1) : fallback;
    lua_pop(lua, 1);
    return number;
}

static bool flag_field(lua_State *lua, int index, const char *key)
{
    lua_getfield(lua, index, key);
    bool flag = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return flag;
}

static void push_json(lua_State *lua, cJSON *json)
{
    lua_json_push(lua, json);
    cJSON_Delete(json);
}

/* serve(content, options) -> {hash, path, team_id, size, sha256, name, url} */
static int serve(lua_State *lua)
{
    struct connect_server *server = server_of(lua);
    luaL_checktype(lua, 2, LUA_TTABLE);
    struct connect_file_manner manner = {
        .status = (int)number_field(lua, 2, "status", 0),
        .redirect = text_field(lua, 2, "redirect", NULL),
        .content_type = text_field(lua, 2, "content_type", NULL),
        .announce_bytes = (int64_t)number_field(lua, 2, "announce", -1),
        .no_length = flag_field(lua, 2, "no_length"),
        .endless = flag_field(lua, 2, "endless"),
        .cut_bytes = (int64_t)number_field(lua, 2, "cut", -1),
        .reset = flag_field(lua, 2, "reset"),
        .stall = flag_field(lua, 2, "stall"),
        .corrupt_at = (int64_t)number_field(lua, 2, "corrupt", -1),
        .delay_us = (int64_t)llround(number_field(lua, 2, "delay", 0) * 1e6),
        .bytes_per_s = (uint64_t)number_field(lua, 2, "bytes_per_second", 0),
        .times = (unsigned)number_field(lua, 2, "times", 0),
        .gzip = flag_field(lua, 2, "gzip"),
        .wrong_key = flag_field(lua, 2, "wrong_key"),
        .whole = flag_field(lua, 2, "whole"),
        .mode = text_field(lua, 2, "mode", NULL),
    };
    size_t size;
    char *bytes = bind_read_content(lua, 1, &size);
    struct error error;
    const struct connect_file *file =
        connect_server_serve(server, bytes, size, text_field(lua, 2, "name", NULL),
                             (int64_t)number_field(lua, 2, "team_id", 1), &manner, &error);
    free(bytes);
    if (file == NULL) {
        return luaL_error(lua, "serve: %s", error.text);
    }
    push_json(lua, connect_file_json(file));
    lua_pushfstring(lua, "%s%s", bind_stage(lua)->house.url, file->path);
    lua_setfield(lua, -2, "url");
    return 1;
}

/* served(hash) -> the same, with how often it was asked for; nil: no such file. */
static int served(lua_State *lua)
{
    const struct connect_file *file = connect_server_file(server_of(lua), luaL_checkstring(lua, 1));
    if (file == NULL) {
        return 0;
    }
    push_json(lua, connect_file_json(file));
    return 1;
}

/* 32 hex digits in a field; false: there is none of that name. */
static bool hex_field(lua_State *lua, int index, const char *key, uint8_t *bytes)
{
    const char *text = text_field(lua, index, key, NULL);
    for (size_t i = 0; text != NULL && i < CONNECT_SECRET_BYTES; i++) {
        unsigned value;
        int used;
        if (sscanf(text + 2 * i, "%2x%n", &value, &used) != 1 || used != 2) {
            luaL_error(lua, "encrypt: %s: expected 32 hex digits", key);
        }
        bytes[i] = (uint8_t)value;
    }
    return text != NULL;
}

/* encrypt(hash, number, options) -> {key, iv, orig_size}: for one transfer of a file that is
 * served, to that printer (0: any). */
static int encrypt(lua_State *lua)
{
    struct connect_server *server = server_of(lua);
    struct connect_file *file = connect_server_file(server, luaL_checkstring(lua, 1));
    uint8_t key[CONNECT_SECRET_BYTES], iv[CONNECT_SECRET_BYTES];
    struct connect_printer *printer =
        luaL_checkinteger(lua, 2) == 0
            ? NULL
            : stage_believed(bind_stage(lua), bind_check_printer(lua, 2));
    luaL_checktype(lua, 3, LUA_TTABLE);
    bool key_given = hex_field(lua, 3, "key", key), iv_given = hex_field(lua, 3, "iv", iv);
    struct error error = {"the server has no such file"};
    const struct connect_secret *secret =
        file == NULL ? NULL
                     : connect_server_encrypt(server, file, printer, key_given ? key : NULL,
                                              iv_given ? iv : NULL, &error);
    if (secret == NULL) {
        return luaL_error(lua, "encrypt: %s", error.text);
    }
    push_json(lua, connect_secret_json(secret, false));
    return 1;
}

/* encrypted(iv) -> the same, with how much of it went out; nil: nothing was encrypted with it. */
static int encrypted(lua_State *lua)
{
    const struct connect_secret *secret =
        connect_server_secret(server_of(lua), luaL_checkstring(lua, 1));
    if (secret == NULL) {
        return 0;
    }
    push_json(lua, connect_secret_json(secret, true));
    return 1;
}

/* send_data(number, file_id, bytes): a `T` message over the printer's WebSocket; false: it has
 * none. */
static int send_data(lua_State *lua)
{
    struct connect_printer *believed = stage_believed(bind_stage(lua), bind_check_printer(lua, 1));
    size_t size;
    const char *bytes = luaL_checklstring(lua, 3, &size);
    server_of(lua);
    lua_pushboolean(lua, believed != NULL &&
                             connect_socket_send_message(
                                 believed, 'T', (uint32_t)luaL_checkinteger(lua, 2), bytes, size));
    return 1;
}

/* The bytes of a file that a printer holds; nil: it has none there. */
static int file_content(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    const char *rest = NULL;
    const struct storage *storage = machine_storage_of(machine, luaL_checkstring(lua, 2), &rest);
    const struct file_node *node = storage == NULL ? NULL : storage_find(storage, rest);
    if (node == NULL || node->folder) {
        return 0;
    }
    if (node->size > READ_BYTES_MAX) {
        return luaL_error(lua, "file_content: more than %d bytes", READ_BYTES_MAX);
    }
    size_t size = (size_t)node->size;
    char *bytes = memory_new(size + 1);
    struct error error = {""};
    long got = 0;
    for (size_t at = 0; at < size && got >= 0; at += (size_t)got) {
        got = file_content_read(node->content, at, bytes + at, size - at, &error);
        if (got == 0) {
            size = at;
        }
    }
    lua_pushlstring(lua, bytes, got < 0 ? 0 : size);
    free(bytes);
    return got < 0 ? luaL_error(lua, "%s", error.text) : 1;
}

/* cameras(number) -> what the server knows of the printer's cameras. */
static int cameras(lua_State *lua)
{
    struct connect_printer *believed = stage_believed(bind_stage(lua), bind_check_printer(lua, 1));
    const struct connect_camera *camera;
    lua_newtable(lua);
    for (size_t i = 0, found = 0; (camera = connect_server_camera_at(server_of(lua), i)) != NULL;
         i++) {
        if (camera->printer == believed) {
            push_json(lua, connect_camera_json(camera));
            lua_pushlstring(lua, camera->picture.size == 0 ? "" : camera->picture.bytes,
                            camera->picture.size);
            lua_setfield(lua, -2, "picture");
            lua_rawseti(lua, -2, (lua_Integer)++found);
        }
    }
    return 1;
}

static int camera_revoke(lua_State *lua)
{
    struct connect_camera *camera = connect_server_camera(server_of(lua), luaL_checkstring(lua, 1));
    if (camera != NULL) {
        connect_camera_revoke(camera);
    }
    lua_pushboolean(lua, camera != NULL);
    return 1;
}

/* printer_conditions(number) -> { INTERNET = "OK", HTTP = "NOK", … }: what its display would show.
 */
static int conditions(lua_State *lua)
{
    static const char *const states[] = {"UNKNOWN", "OK", "NOK"};
    struct connect_sdk *sdk = actor_sdk(bind_check_actor(lua, 1));
    if (sdk == NULL) {
        return luaL_error(lua, "conditions: the printer is off");
    }
    lua_newtable(lua);
    for (int i = 0; i < CONNECT_CONDITIONS; i++) {
        lua_pushstring(lua, states[connect_sdk_condition(sdk, (enum connect_condition)i)]);
        lua_setfield(lua, -2, connect_condition_text((enum connect_condition)i));
    }
    return 1;
}

void bind_files(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"serve", serve},
        {"served", served},
        {"encrypt", encrypt},
        {"encrypted", encrypted},
        {"send_data", send_data},
        {"printer_file_content", file_content},
        {"printer_conditions", conditions},
        {"cameras", cameras},
        {"camera_revoke", camera_revoke},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
