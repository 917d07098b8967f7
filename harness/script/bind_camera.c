#include "harness/script/bind_camera.h"

#include <lauxlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "sim/machine/picture.h"

/* Cameras of a scenario's printers: { name = "Bench cam", scheme = "TEN_SEC", width = 640, height =
 * 480, … }. */

static const char *text_field(lua_State *lua, const char *key, const char *fallback)
{
    const char *text = lua_getfield(lua, -1, key) == LUA_TSTRING ? lua_tostring(lua, -1) : fallback;
    lua_pop(lua, 1); /* the options keep it alive */
    return text;
}

static int whole_field(lua_State *lua, const char *key, int fallback, int least, int most)
{
    double value = lua_getfield(lua, -1, key) == LUA_TNUMBER ? lua_tonumber(lua, -1) : fallback;
    lua_pop(lua, 1);
    if (!(value >= least && value <= most)) {
        luaL_error(lua, "printer: cameras: %s: expected %d to %d", key, least, most);
    }
    return (int)value;
}

static void read_camera(lua_State *lua, struct bound_cameras *cameras)
{
    size_t at = cameras->count;
    struct connect_camera_settings *camera = &cameras->list[at];
    if (!lua_istable(lua, -1)) {
        luaL_error(lua, "printer: cameras: expected tables like { name = \"Bench cam\" }");
    }
    *camera = (struct connect_camera_settings){
        .name = text_field(lua, "name", NULL),
        .trigger = CONNECT_TRIGGER_THIRTY_SEC,
        .capabilities = {CONNECT_CAPABILITY_TRIGGER_SCHEME, CONNECT_CAPABILITY_IMAGING,
                         CONNECT_CAPABILITY_RESOLUTION, CONNECT_CAPABILITY_ROTATION},
        .capability_count = 4,
        .rotation = whole_field(lua, "rotation", 0, 0, 270),
        .resolution = {(unsigned)whole_field(lua, "width", 640, PICTURE_SIDE_MIN, PICTURE_SIDE_MAX),
                       (unsigned)whole_field(lua, "height", 480, PICTURE_SIDE_MIN,
                                             PICTURE_SIDE_MAX)},
        .resolution_count = 1,
        .token = text_field(lua, "token", NULL),
    };
    camera->resolutions[0] = camera->resolution;
    if (camera->name == NULL || camera->rotation % 90 != 0) {
        luaL_error(lua, camera->name == NULL
                            ? "printer: cameras: one has no name"
                            : "printer: cameras: rotation: expected 0, 90, 180 or 270");
    }
    const char *scheme = text_field(lua, "scheme", "THIRTY_SEC");
    if (!connect_trigger_parse(scheme, &camera->trigger)) {
        luaL_error(lua, "printer: cameras: there is no scheme \"%s\"", scheme);
    }
    connect_camera_id(camera->name, cameras->ids[at]);
    camera->id = text_field(lua, "id", cameras->ids[at]);
    cameras->count++;
}

void bind_read_cameras(lua_State *lua, struct bound_cameras *cameras)
{
    cameras->count = 0;
    if (lua_getfield(lua, 2, "cameras") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(lua, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            if (cameras->count == BOUND_CAMERAS_MAX) {
                luaL_error(lua, "printer: cameras: at most %d", BOUND_CAMERAS_MAX);
            }
            lua_rawgeti(lua, -1, i);
            read_camera(lua, cameras);
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
}

/* camera(number, verb, name, argument): what its owner does with a camera. */
static int camera(lua_State *lua)
{
    static const char *const verbs[] = {"register", "snapshot", "scheme", "token", NULL};
    struct actor *actor = bind_check_actor(lua, 1);
    struct connect_sdk *sdk = actor_sdk(actor);
    const char *name = luaL_checkstring(lua, 3), *id = actor_camera(actor, name);
    enum connect_trigger trigger;
    if (sdk == NULL || id == NULL) {
        return luaL_error(lua, "%s has no camera \"%s\"", actor_name(actor), name);
    }
    switch (luaL_checkoption(lua, 2, NULL, verbs)) {
    case 0:
        lua_pushboolean(lua, connect_sdk_register_camera(sdk, id));
        return 1;
    case 1:
        lua_pushboolean(lua, connect_sdk_take_picture(sdk, id));
        return 1;
    case 2:
        if (!connect_trigger_parse(luaL_checkstring(lua, 4), &trigger)) {
            return luaL_error(lua, "there is no scheme \"%s\"", lua_tostring(lua, 4));
        }
        lua_pushboolean(lua, connect_sdk_set_trigger(sdk, id, trigger));
        return 1;
    default:
        break;
    }
    for (size_t i = 0; i < connect_sdk_camera_count(sdk); i++) {
        const struct connect_camera_settings *settings = connect_sdk_camera(sdk, i);
        if (strcmp(settings->id, id) == 0) {
            lua_pushstring(lua, settings->token);
            return 1;
        }
    }
    return 0;
}

void bind_camera(lua_State *lua)
{
    lua_pushcfunction(lua, camera);
    lua_setfield(lua, -2, "printer_camera");
}
