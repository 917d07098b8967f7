#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/stage_link.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/quirks.h"
#include "sim/wire/digest.h"

/* PrusaLink for scripts: servers of our printers, bare connections to any server, and clients. */

static const char *text_field(lua_State *lua, int index, const char *key)
{
    const char *text = lua_getfield(lua, index, key) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
    lua_pop(lua, 1); /* the table keeps it alive */
    return text;
}

static void set_text(lua_State *lua, const char *key, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, key);
}

static void set_int(lua_State *lua, const char *key, int64_t value)
{
    lua_pushinteger(lua, value);
    lua_setfield(lua, -2, key);
}

static void set_flag(lua_State *lua, const char *key, bool value)
{
    lua_pushboolean(lua, value);
    lua_setfield(lua, -2, key);
}

/* ---- Servers ---- */

/* "upload_speed": a number, or a name of link_upload_rate(). */
static void read_upload_speed(lua_State *lua, const struct model *model,
                              struct link_settings *settings)
{
    struct error error;
    int type = lua_getfield(lua, 2, "upload_speed");
    if (type == LUA_TNUMBER && lua_tonumber(lua, -1) >= 1) {
        settings->upload_bytes_per_s = (uint64_t)lua_tonumber(lua, -1);
    } else if (type == LUA_TSTRING && !link_upload_rate(model, lua_tostring(lua, -1),
                                                        &settings->upload_bytes_per_s, &error)) {
        luaL_error(lua, "upload_speed: %s", error.text);
    }
    lua_pop(lua, 1);
}

static void read_settings(lua_State *lua, const struct model *model, struct link_settings *settings)
{
    link_settings_defaults(settings);
    if (play_of(lua)->settings.quirks_off ==
        CONNECT_QUIRKS_ALL) { /* --no-quirks: neither do servers have any */
        settings->quirks = 0;
    }
    settings->at_work = true; /* scenarios are about servers that run */
    settings->user = text_field(lua, 2, "user");
    settings->password = text_field(lua, 2, "password");
    settings->api_key = text_field(lua, 2, "api_key");
    settings->hostname = text_field(lua, 2, "hostname");
    if (lua_getfield(lua, 2, "quirks") == LUA_TBOOLEAN) {
        settings->quirks = lua_toboolean(lua, -1) ? LINK_QUIRKS_ALL : 0;
    }
    lua_pop(lua, 1);
    read_upload_speed(lua, model, settings);
}

/* link_serve(number, options) -> { url, host, port, user, password, api_key, dialect } */
static int serve(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_printer *printer = bind_check_printer(lua, 1);
    const struct model *model = machine_model(actor_machine(bind_check_actor(lua, 1)));
    luaL_checktype(lua, 2, LUA_TTABLE);
    struct link_settings settings;
    read_settings(lua, model, &settings);
    const struct play_settings *play = &play_of(lua)->settings;
    bool wanted = lua_getfield(lua, 2, "misbehave") == LUA_TTABLE; /* by the scenario itself */
    size_t own = wanted ? lua_rawlen(lua, -1) : 0, count = 0;
    const char **wrongs = memory_new_array(play->misbehaviour_count + own + 1, sizeof *wrongs);
    for (size_t i = 0; i < own; i++) {
        const char *text =
            lua_rawgeti(lua, -1, (lua_Integer)i + 1) == LUA_TSTRING ? lua_tostring(lua, -1) : "";
        wrongs[count++] = text; /* the table keeps it alive */
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    for (size_t i = 0; i < play->misbehaviour_count; i++) {
        if (play_link_misbehaves(play->misbehaviours[i])) {
            wrongs[count++] = play->misbehaviours[i] + strlen("link:");
        }
    }
    struct error error;
    const struct link_host *host =
        stage_link_serve(stage, printer, &settings, wrongs, count, &error);
    free(wrongs);
    if (host == NULL) {
        return luaL_error(lua, "link: %s", error.text);
    }
    lua_newtable(lua);
    set_text(lua, "url", host->url);
    set_text(lua, "host", host->at.host);
    set_int(lua, "port", host->at.port);
    set_text(lua, "user", host->user);
    set_text(lua, "password", host->password);
    set_text(lua, "api_key", host->api_key);
    set_text(lua, "dialect", host->dialect);
    return 1;
}

static int stop_serving(lua_State *lua)
{
    stage_link_stop(bind_stage(lua), bind_check_printer(lua, 1));
    return 0;
}

/* link_model_dialect(model) -> "pi", "buddy", "sl1"; nil: no PrusaLink. The run may have another
 * model. */
static int model_dialect(lua_State *lua)
{
    const char *forced = play_of(lua)->settings.model;
    const struct model *model = model_find(forced != NULL ? forced : luaL_checkstring(lua, 1));
    const struct link_dialect *dialect = model == NULL ? NULL : link_dialect_of(model);
    lua_pushstring(lua, dialect == NULL ? NULL : link_dialect_name(dialect));
    return 1;
}

/* link_model() -> the model that the run wants instead of those that scenarios name; nil: none */
static int forced_model(lua_State *lua)
{
    lua_pushstring(lua, play_of(lua)->settings.model);
    return 1;
}

/* link_target() -> nil: our own printers; else the server from outside and what may be done to it
 */
static int target(lua_State *lua)
{
    const struct ground_targets *targets = bind_stage(lua)->ground->targets;
    if (targets->link_url == NULL) {
        return 0;
    }
    struct endpoint endpoint;
    struct error error;
    if (!endpoint_parse(&endpoint, targets->link_url, NULL, &error)) {
        return luaL_error(lua, "%s", error.text);
    }
    lua_newtable(lua);
    set_text(lua, "url", targets->link_url);
    set_text(lua, "host", endpoint.host);
    set_int(lua, "port", endpoint_port(&endpoint));
    set_flag(lua, "tls", endpoint.tls);
    set_text(lua, "user", targets->link_user);
    set_text(lua, "password", targets->link_password);
    set_text(lua, "api_key", targets->link_api_key);
    set_text(lua, "folder", targets->link_folder);
    set_flag(lua, "patient", targets->link_patient);
    set_flag(lua, "write", targets->link_write);
    set_flag(lua, "print", targets->link_print);
    return 1;
}

/* by_hand() -> for how many seconds a client is used by hand; nil: it is not */
static int by_hand(lua_State *lua)
{
    int64_t wait_us = bind_stage(lua)->ground->targets->link_by_hand_us;
    if (wait_us == 0) {
        return 0;
    }
    lua_pushnumber(lua, (double)wait_us / 1e6);
    return 1;
}

/* ---- Bare connections ---- */

static struct stage_wire *check_wire(lua_State *lua)
{
    lua_Integer number = luaL_checkinteger(lua, 1);
    struct stage_wire *wire = number >= 1 ? stage_wire(bind_stage(lua), (size_t)number) : NULL;
    if (wire == NULL) {
        luaL_error(lua, "there is no connection %d", (int)number);
    }
    return wire;
}

/* wire_open(host, port, tls) -> number */
static int wire_open(lua_State *lua)
{
    size_t size;
    const char *host = luaL_checklstring(lua, 1, &size);
    lua_Integer port = luaL_checkinteger(lua, 2);
    struct endpoint to = {.port = (uint16_t)port, .tls = lua_toboolean(lua, 3)};
    luaL_argcheck(lua, size > 0 && size < sizeof to.host, 1, "expected a host");
    luaL_argcheck(lua, port > 0 && port <= UINT16_MAX, 2, "expected a port");
    memcpy(to.host, host, size);
    size_t number = stage_wire_open(bind_stage(lua), &to);
    if (number == 0) {
        return luaL_error(lua, "more than %d connections", STAGE_WIRES_MAX);
    }
    lua_pushinteger(lua, (lua_Integer)number);
    return 1;
}

/* wire_send(number, bytes) -> whether there was a connection to send on */
static int wire_send(lua_State *lua)
{
    struct stage_wire *wire = check_wire(lua);
    size_t size;
    const char *bytes = luaL_checklstring(lua, 2, &size);
    if (wire->stream != NULL && size > 0) {
        wire->drained = false;
        stream_send(wire->stream, bytes, size);
    }
    lua_pushboolean(lua, wire->stream != NULL);
    return 1;
}

static int wire_finish(lua_State *lua)
{
    struct stage_wire *wire = check_wire(lua);
    if (wire->stream != NULL) {
        stream_finish(wire->stream);
    }
    return 0;
}

static int wire_close(lua_State *lua)
{
    stage_wire_close(check_wire(lua), lua_toboolean(lua, 2));
    return 0;
}

/* wire_take(number) -> what has come since, whether it is open, whether all has left, and how it
 * ended (nil: it has not; "finished": the other side says no more) */
static int wire_take(lua_State *lua)
{
    struct stage_wire *wire = check_wire(lua);
    lua_pushlstring(lua, buffer_text(&wire->received), wire->received.size);
    buffer_clear(&wire->received);
    lua_pushboolean(lua, wire->opened);
    lua_pushboolean(lua, wire->drained);
    lua_pushstring(lua, wire->ended      ? stream_end_name(wire->end)
                        : wire->finished ? "finished"
                                         : NULL);
    return 4;
}

static int md5(lua_State *lua)
{
    char sum[33];
    size_t size;
    const char *bytes = luaL_checklstring(lua, 1, &size);
    digest_md5_hex(sum, bytes, size);
    lua_pushstring(lua, sum);
    return 1;
}

void bind_link(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"link_serve", serve},
        {"link_stop", stop_serving},
        {"link_model_dialect", model_dialect},
        {"link_model", forced_model},
        {"link_target", target},
        {"by_hand", by_hand},
        {"wire_open", wire_open},
        {"wire_send", wire_send},
        {"wire_finish", wire_finish},
        {"wire_close", wire_close},
        {"wire_take", wire_take},
        {"md5", md5},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
    bind_link_client(lua);
}
