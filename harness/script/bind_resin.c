#include "harness/script/bind_resin.h"

#include <lauxlib.h>

#include "harness/script/bind.h"
#include "sim/machine/resin.h"

/* Resin printers in scenarios: what they show, and what a person does at them. */

static void number(lua_State *lua, const char *key, double value)
{
    lua_pushnumber(lua, value);
    lua_setfield(lua, -2, key);
}

static void count(lua_State *lua, const char *key, int64_t value)
{
    lua_pushinteger(lua, value);
    lua_setfield(lua, -2, key);
}

static void flag(lua_State *lua, const char *key, bool value)
{
    lua_pushboolean(lua, value);
    lua_setfield(lua, -2, key);
}

void bind_resin_readings(lua_State *lua, struct machine *machine)
{
    struct resin_readings readings;
    if (!machine_read_resin(machine, &readings)) {
        return;
    }
    lua_newtable(lua);
    lua_pushstring(lua, resin_phase_name(readings.phase));
    lua_setfield(lua, -2, "phase");
    count(lua, "code", readings.code);
    number(lua, "uv_led", readings.uv_led_c);
    number(lua, "ambient", readings.ambient_c);
    number(lua, "cpu", readings.cpu_c);
    count(lua, "fan_uv_led", readings.uv_led_fan_rpm);
    count(lua, "fan_blower", readings.blower_fan_rpm);
    count(lua, "fan_rear", readings.rear_fan_rpm);
    flag(lua, "cover_closed", readings.cover_closed);
    flag(lua, "tank_inserted", readings.tank_inserted);
    flag(lua, "calibrated", readings.calibrated);
    flag(lua, "uv_on", readings.uv_led_on);
    number(lua, "tower", readings.tower_mm);
    count(lua, "tilt", readings.tilt_steps);
    number(lua, "tank_ml", readings.tank_ml);
    if (readings.job) {
        count(lua, "layer", readings.layer);
        count(lua, "layers", readings.layer_count);
        number(lua, "consumed_ml", readings.consumed_ml);
        number(lua, "remaining_ml", readings.remaining_ml);
        number(lua, "required_ml", readings.required_ml);
        flag(lua, "low", readings.resin_low);
        count(lua, "estimate", readings.estimate_s);
        count(lua, "exposure_ms", readings.layer_exposure_ms);
    }
    lua_setfield(lua, -2, "resin");
}

/* printer_resin(number, what, value): a person's hands. */
static int printer_resin(lua_State *lua)
{
    static const char *const parts[] = {"cover",      "tank",    "resin",   "refill",
                                        "calibrated", "project", "proceed", NULL};
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    if (!machine_has_resin(machine)) {
        return luaL_error(lua, "it is no resin printer");
    }
    enum machine_refusal refusal = MACHINE_ACCEPTED;
    struct error error = {""};
    switch (luaL_checkoption(lua, 2, NULL, parts)) {
    case 0:
        machine_set_cover(machine, lua_toboolean(lua, 3));
        break;
    case 1:
        machine_set_tank(machine, lua_toboolean(lua, 3));
        break;
    case 2:
        machine_set_resin(machine, luaL_checknumber(lua, 3));
        break;
    case 3:
        refusal = machine_refill(machine);
        break;
    case 4:
        machine_set_calibrated(machine, lua_toboolean(lua, 3));
        break;
    case 5:
        refusal = machine_open_project(machine, luaL_checkstring(lua, 3), &error);
        break;
    default:
        refusal = machine_confirm(machine);
    }
    if (refusal == MACHINE_ACCEPTED) {
        lua_pushboolean(lua, true);
        return 1;
    }
    lua_pushnil(lua);
    lua_pushstring(lua, error.text[0] != '\0' ? error.text : machine_refusal_name(refusal));
    return 2;
}

void bind_resin(lua_State *lua)
{
    lua_pushcfunction(lua, printer_resin);
    lua_setfield(lua, -2, "printer_resin");
}
