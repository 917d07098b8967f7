#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/bind_camera.h"
#include "harness/script/bind_files.h"
#include "harness/script/bind_resin.h"
#include "harness/script/bind_storage.h"
#include "sim/base/memory.h"
#include "sim/machine/prompt.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/quirks.h"

struct stage_printer *bind_check_printer(lua_State *lua, int argument)
{
    struct stage *stage = bind_stage(lua);
    lua_Integer number = luaL_checkinteger(lua, argument);
    struct stage_printer *printer =
        number >= 1 && number <= STAGE_PRINTERS_MAX ? stage_printer(stage, (uint32_t)number) : NULL;
    if (printer == NULL) {
        luaL_error(lua, "there is no printer %d", (int)number);
    }
    return printer;
}

struct actor *bind_check_actor(lua_State *lua, int argument)
{
    struct stage_printer *printer = bind_check_printer(lua, argument);
    if (printer->actor == NULL) {
        luaL_error(lua, "%s is not ours", printer->name);
    }
    return printer->actor;
}

/* ---- Making ---- */

static const char *text_option(lua_State *lua, const char *key, const char *fallback)
{
    const char *text = lua_getfield(lua, 2, key) == LUA_TSTRING ? lua_tostring(lua, -1) : fallback;
    lua_pop(lua, 1); /* the options keep it alive */
    return text;
}

static bool flag_option(lua_State *lua, const char *key, bool fallback)
{
    bool flag = lua_getfield(lua, 2, key) == LUA_TNIL ? fallback : lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return flag;
}

static double number_option(lua_State *lua, const char *key, double fallback)
{
    double number = lua_getfield(lua, 2, key) == LUA_TNUMBER ? lua_tonumber(lua, -1) : fallback;
    lua_pop(lua, 1);
    return number;
}

/* true, false, or { ["Q-06"] = false, ... }: as the run has them but for these. */
static uint32_t quirks_option(lua_State *lua, uint32_t quirks)
{
    int type = lua_getfield(lua, 2, "quirks");
    if (type == LUA_TBOOLEAN) {
        quirks = lua_toboolean(lua, -1) ? CONNECT_QUIRKS_ALL : 0;
    } else if (type == LUA_TTABLE) {
        for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
            const char *id = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
            const struct connect_quirk *quirk = connect_quirk_find(id);
            if (quirk == NULL || !lua_isboolean(lua, -1)) {
                return (uint32_t)luaL_error(
                    lua, "printer: option quirks: expected { [\"Q-06\"] = false, ... }: "
                         "hotbed printer --list-quirks lists them");
            }
            uint32_t bit = CONNECT_QUIRK(quirk->number);
            quirks = lua_toboolean(lua, -1) ? quirks | bit : quirks & ~bit;
        }
    }
    lua_pop(lua, 1);
    return quirks;
}

/* A token of the length and alphabet of real ones, from the world's random source. */
static void make_token(struct world *world, char token[21])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    for (int i = 0; i < 20; i++) {
        token[i] = alphabet[random_below(&world->random, sizeof alphabet - 1)];
    }
    token[20] = '\0';
}

static bool is_buddy(const struct model *model)
{
    return strcmp(model->family, "buddy") == 0;
}

static void read_settings(lua_State *lua, struct actor_settings *settings)
{
    struct play *play = play_of(lua);
    settings->serial = text_option(lua, "serial", NULL);
    settings->firmware = text_option(lua, "firmware", NULL);
    settings->host = text_option(lua, "host", "prusalink");
    settings->version = text_option(lua, "version", "0.8.1");
    lua_getfield(lua, 2, "websocket");
    settings->websocket = lua_isnil(lua, -1) ? play->settings.websocket && is_buddy(settings->model)
                                             : lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    settings->ini = text_option(lua, "ini", NULL);
    settings->ini_size = settings->ini != NULL ? strlen(settings->ini) : 0;
    settings->quirks = quirks_option(lua, ~play->settings.quirks_off);
    settings->room_c = number_option(lua, "room", NAN);
    double jobs = number_option(lua, "job_counter", 0);
    if (jobs < 0 || jobs > (double)UINT32_MAX) {
        luaL_error(lua, "printer: option job_counter: expected 0 to 4294967295");
    }
    settings->job_counter = (uint32_t)jobs;
    settings->bare_storages = lua_getfield(lua, 2, "storages") == LUA_TTABLE;
    lua_pop(lua, 1);
}

static void fill_storages(lua_State *lua, struct actor *actor)
{
    if (lua_getfield(lua, 2, "storages") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(lua, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(lua, -1, i);
            bind_attach_storage(lua, actor, lua_gettop(lua));
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
    if (lua_getfield(lua, 2, "files") != LUA_TTABLE) {
        lua_pop(lua, 1);
        return;
    }
    int files = lua_gettop(lua);
    lua_getglobal(lua, "pairs"); /* ours: in the order of the names */
    lua_pushvalue(lua, files);
    lua_call(lua, 1, 1);
    int next = lua_gettop(lua);
    for (;;) {
        lua_settop(lua, next);
        lua_pushvalue(lua, next);
        lua_call(lua, 0, 2);
        if (lua_isnil(lua, -2)) {
            break;
        }
        if (lua_type(lua, -2) != LUA_TSTRING) {
            luaL_error(lua, "printer: option files: expected { [\"/storage/file\"] = content }");
        }
        if (!bind_put_file(lua, actor, lua_tostring(lua, -2), lua_gettop(lua))) {
            luaL_error(lua, "printer: option files: %s: %s", lua_tostring(lua, next + 1),
                       lua_tostring(lua, -1));
        }
    }
    lua_settop(lua, files - 1);
}

/* Faults that this printer's messages go through: the scenario's own (option spoil) and those of
 * the whole run. */
static void add_faults(lua_State *lua, struct message_faults **faults, struct ground *ground,
                       const char *text)
{
    if (*faults == NULL) {
        *faults = message_faults_new(ground->world, ground->network);
    }
    struct error error;
    if (!message_faults_add(*faults, text, &error)) {
        message_faults_destroy(*faults);
        *faults = NULL;
        luaL_error(lua, "printer: option spoil: %s", error.text);
    }
}

static struct message_faults *read_faults(lua_State *lua, struct ground *ground)
{
    struct message_faults *faults = NULL;
    const struct play_settings *settings = &play_of(lua)->settings;
    for (size_t i = 0; i < settings->misbehaviour_count; i++) {
        if (!play_server_misbehaves(settings->misbehaviours[i]) &&
            !play_link_misbehaves(settings->misbehaviours[i])) {
            add_faults(lua, &faults, ground, settings->misbehaviours[i]);
        }
    }
    if (lua_getfield(lua, 2, "spoil") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(lua, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(lua, -1, i);
            const char *text = lua_tostring(lua, -1);
            add_faults(lua, &faults, ground, text != NULL ? text : "");
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
    return faults;
}

static const struct model *check_model(lua_State *lua)
{
    const char *forced = play_of(lua)->settings.model;
    const char *name = forced != NULL ? forced : luaL_checkstring(lua, 1);
    const struct model *model = model_find(name);
    if (model == NULL) {
        luaL_error(lua, "there is no model \"%s\": hotbed models lists them", name);
    }
    return model;
}

static const char *dialect_name(bool buddy)
{
    return buddy ? "buddy" : "sdk";
}

/* model_dialect(model) -> how it talks to Connect; the run may have another model than the
 * scenario. */
static int model_dialect(lua_State *lua)
{
    lua_pushstring(lua, dialect_name(strcmp(check_model(lua)->family, "buddy") == 0));
    return 1;
}

/* model_family(model) -> whose firmware it has: "mk3", "buddy", "sl1". */
static int model_family(lua_State *lua)
{
    lua_pushstring(lua, check_model(lua)->family);
    return 1;
}

/* seen_dialect(number) -> that of a device from outside, as the judge has recognised it */
static int seen_dialect(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct connect_printer *believed = stage_believed(stage, bind_check_printer(lua, 1));
    bool buddy = believed != NULL && contract_is_buddy(stage_contract(stage), believed->token);
    lua_pushstring(lua, dialect_name(buddy));
    return 1;
}

/* printer_new(model, options) -> number, name, model: switched on unless boot is false. */
static int printer_new(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    luaL_checktype(lua, 2, LUA_TTABLE);
    lua_settop(lua, 2);
    const struct model *model = check_model(lua);
    struct actor_settings settings = {
        .model = model, .index = stage->printer_count + 1, .server = stage->house.url};
    if (stage->ground->real) { /* all scenarios share the world's seed, and maybe the server */
        settings.index += play_of(lua)->seed >> 16;
    }
    read_settings(lua, &settings);
    struct bound_cameras cameras;
    bind_read_cameras(lua, &cameras);
    settings.cameras = cameras.list;
    settings.camera_count = cameras.count;
    settings.register_cameras = flag_option(lua, "register_cameras", true);
    char made[64], token[21];
    snprintf(made, sizeof made, "%.40s-%u", model->name, stage->printer_count + 1);
    settings.name = text_option(lua, "name", made);
    struct connect_printer *believed = NULL;
    if (settings.ini == NULL && flag_option(lua, "registered", true)) {
        make_token(stage->world, token);
        settings.token = token;
        if (stage->house.server != NULL) {
            believed = connect_server_expect(stage->house.server, token);
        }
    }
    if (stage->house.server == NULL) {
        settings.listener = &stage->listener;
    }
    struct error error;
    struct message_faults *faults = read_faults(lua, stage->ground);
    struct network *network = faults != NULL ? message_faults_face(faults) : stage->ground->network;
    struct actor *actor = actor_new(stage->world, network, &settings, &error);
    if (actor == NULL) {
        if (faults != NULL) {
            message_faults_destroy(faults);
        }
        return luaL_error(lua, "printer: %s", error.text);
    }
    struct stage_printer *printer = stage_add_printer(stage, actor, faults, settings.name);
    printer->believed = believed;
    fill_storages(lua, actor);
    if (flag_option(lua, "connect", true)) {
        actor_power_on(actor);
    } else {
        machine_power_on(actor_machine(actor));
    }
    lua_pushinteger(lua, printer->number);
    lua_pushstring(lua, printer->name);
    lua_pushstring(lua, model->name);
    return 3;
}

static int printer_outside(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    char name[32];
    snprintf(name, sizeof name, "device-%u", stage->printer_count + 1);
    lua_pushinteger(lua, stage_add_printer(stage, NULL, NULL, name)->number);
    return 1;
}

static int printer_seen(lua_State *lua)
{
    lua_pushboolean(lua, stage_printer_spoke(bind_stage(lua), bind_check_printer(lua, 1)));
    return 1;
}

/* ---- Asking ---- */

static int printer_state(lua_State *lua)
{
    lua_pushstring(lua, printer_state_name(machine_state(actor_machine(bind_check_actor(lua, 1)))));
    return 1;
}

/* "1.3.1": what ours must say of itself; nobody knows that of a stranger. */
static int printer_type(lua_State *lua, const struct stage_printer *printer)
{
    if (printer->actor == NULL) {
        return 0;
    }
    const struct model *model = machine_model(actor_machine(printer->actor));
    lua_pushfstring(lua, "%d.%d.%d", model->type, model->version, model->subversion);
    return 1;
}

static int printer_identity(lua_State *lua)
{
    struct stage_printer *printer = bind_check_printer(lua, 1);
    const char *which = luaL_checkstring(lua, 2);
    const char *value = NULL;
    if (strcmp(which, "type") == 0) {
        return printer_type(lua, printer);
    }
    struct connect_printer *believed = stage_believed(bind_stage(lua), printer);
    if (printer->actor != NULL) {
        value = strcmp(which, "token") == 0    ? actor_token(printer->actor)
                : strcmp(which, "server") == 0 ? actor_server(printer->actor)
                : strcmp(which, "serial") == 0 ? machine_serial(actor_machine(printer->actor))
                                               : actor_fingerprint(printer->actor);
    } else if (believed != NULL) {
        value = strcmp(which, "token") == 0    ? believed->token
                : strcmp(which, "server") == 0 ? bind_stage(lua)->house.url
                : strcmp(which, "serial") == 0 ? believed->serial
                                               : believed->fingerprint;
    }
    lua_pushstring(lua, value);
    return 1;
}

static void number_field(lua_State *lua, const char *key, double value)
{
    if (isfinite(value)) {
        lua_pushnumber(lua, value);
        lua_setfield(lua, -2, key);
    }
}

static void count_field(lua_State *lua, const char *key, int64_t value)
{
    if (value >= 0) {
        lua_pushinteger(lua, value);
        lua_setfield(lua, -2, key);
    }
}

static void job_fields(lua_State *lua, struct machine *machine,
                       const struct machine_readings *readings)
{
    if (!readings->job) {
        return;
    }
    count_field(lua, "job_id", readings->job_id);
    count_field(lua, "progress", readings->progress_percent);
    count_field(lua, "time_printing", readings->time_printing_s);
    count_field(lua, "time_remaining", readings->time_remaining_s);
    count_field(lua, "layer", readings->layer);
    count_field(lua, "layers", readings->layer_count);
    number_field(lua, "filament_mm", readings->filament_used_mm);
    const struct machine_job *job = machine_job(machine);
    if (job != NULL) {
        lua_pushstring(lua, job->path);
        lua_setfield(lua, -2, "path");
    }
}

static int printer_readings(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    struct machine_readings readings;
    machine_read(machine, &readings);
    lua_newtable(lua);
    number_field(lua, "nozzle", readings.nozzle_c);
    number_field(lua, "nozzle_target", readings.nozzle_target_c);
    number_field(lua, "bed", readings.bed_c);
    number_field(lua, "bed_target", readings.bed_target_c);
    number_field(lua, "board", readings.board_c);
    number_field(lua, "x", readings.x_mm);
    number_field(lua, "y", readings.y_mm);
    number_field(lua, "z", readings.z_mm);
    count_field(lua, "fan_hotend", readings.hotend_fan_rpm);
    count_field(lua, "fan_print", readings.print_fan_rpm);
    count_field(lua, "speed", readings.speed_percent);
    count_field(lua, "flow", readings.flow_percent);
    count_field(lua, "total_filament_mm", (int64_t)readings.total_filament_mm);
    count_field(lua, "total_print_time", readings.total_print_time_s);
    job_fields(lua, machine, &readings);
    bind_resin_readings(lua, machine);
    return 1;
}

/* ---- Doing ---- */

static int told(lua_State *lua, bool done, const char *why)
{
    if (done) {
        lua_pushboolean(lua, true);
        return 1;
    }
    lua_pushnil(lua);
    lua_pushstring(lua, why);
    return 2;
}

static int refused(lua_State *lua, enum machine_refusal refusal)
{
    return told(lua, refusal == MACHINE_ACCEPTED, machine_refusal_name(refusal));
}

static int start_print(lua_State *lua, struct machine *machine)
{
    struct error error = {{0}};
    enum machine_refusal refusal = machine_start_print(machine, luaL_checkstring(lua, 3), &error);
    return told(lua, refusal == MACHINE_ACCEPTED,
                error.text[0] != '\0' ? error.text : machine_refusal_name(refusal));
}

static int percent(lua_State *lua)
{
    lua_Integer value = luaL_checkinteger(lua, 3);
    luaL_argcheck(lua, value >= 0 && value <= 999, 3, "expected 0 to 999 %");
    return (int)value;
}

static int answer(lua_State *lua, struct machine *machine)
{
    enum machine_answer answer;
    const char *name = luaL_checkstring(lua, 3);
    if (!machine_answer_parse(name, &answer)) {
        return luaL_error(lua, "there is no answer \"%s\"", name);
    }
    return told(lua, machine_answer(machine, answer), "it does not ask for that");
}

/* printer_order(number, verb, argument): what a person at the printer does. */
static int printer_order(lua_State *lua)
{
    static const char *const verbs[] = {
        "start_print", "pause",    "resume", "stop",     "set_ready", "confirm", "answer",
        "set_speed",   "set_flow", "reset",  "power_on", "power_off", NULL};
    enum { START, PAUSE, RESUME, STOP, READY, CONFIRM, ANSWER, SPEED, FLOW, RESET, ON, OFF };
    struct actor *actor = bind_check_actor(lua, 1);
    struct machine *machine = actor_machine(actor);
    switch (luaL_checkoption(lua, 2, NULL, verbs)) {
    case START:
        return start_print(lua, machine);
    case PAUSE:
        return refused(lua, machine_pause(machine));
    case RESUME:
        return refused(lua, machine_resume(machine));
    case STOP:
        return refused(lua, machine_stop(machine));
    case READY:
        return refused(
            lua, machine_set_ready(machine, lua_isnoneornil(lua, 3) || lua_toboolean(lua, 3)));
    case CONFIRM:
        machine_user_confirms(machine);
        break;
    case ANSWER:
        return answer(lua, machine);
    case SPEED:
        machine_set_speed(machine, percent(lua));
        break;
    case FLOW:
        machine_set_flow(machine, percent(lua));
        break;
    case RESET:
        machine_reset(machine);
        break;
    case ON:
        actor_power_on(actor);
        break;
    default:
        actor_power_off(actor);
    }
    return told(lua, true, NULL);
}

/* printer_prompt(number) -> what it asks on its screen, "none" */
static int printer_prompt(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    lua_pushstring(lua, machine_prompt_name(machine_prompt(machine)));
    return 1;
}

static struct connect_face *check_face(lua_State *lua)
{
    struct connect_face *face = actor_face(bind_check_actor(lua, 1));
    if (face == NULL) {
        luaL_error(lua, "the printer is off");
    }
    return face;
}

/* printer_set_server(number, url, token): nil for either: none. */
static int printer_set_server(lua_State *lua)
{
    connect_face_set_server(check_face(lua), luaL_optstring(lua, 2, NULL),
                            luaL_optstring(lua, 3, NULL));
    return 0;
}

/* printer_load_filament(number, slot, material): slots from 1. */
static int printer_load_filament(lua_State *lua)
{
    connect_face_set_material(check_face(lua), (int)luaL_checkinteger(lua, 2) - 1,
                              luaL_checkstring(lua, 3));
    return 0;
}

static int printer_register(lua_State *lua)
{
    return told(lua, actor_register(bind_check_actor(lua, 1)),
                "no server, or a registration is under way");
}

static int printer_fault(lua_State *lua)
{
    struct actor *actor = bind_check_actor(lua, 1);
    enum machine_fault fault;
    const char *name = luaL_checkstring(lua, 2);
    if (!machine_fault_parse(name, &fault)) {
        return luaL_error(lua, "there is no fault \"%s\"", name);
    }
    machine_set_fault(actor_machine(actor), fault, lua_toboolean(lua, 3));
    return 0;
}

static int printer_clock_jump(lua_State *lua)
{
    struct actor *actor = bind_check_actor(lua, 1);
    actor_shift_clock(actor, (int64_t)llround(luaL_checknumber(lua, 2) * 1e6));
    return 0;
}

void bind_printer(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"model_dialect", model_dialect},
        {"model_family", model_family},
        {"seen_dialect", seen_dialect},
        {"printer_new", printer_new},
        {"printer_outside", printer_outside},
        {"printer_seen", printer_seen},
        {"printer_state", printer_state},
        {"printer_identity", printer_identity},
        {"printer_readings", printer_readings},
        {"printer_order", printer_order},
        {"printer_prompt", printer_prompt},
        {"printer_set_server", printer_set_server},
        {"printer_load_filament", printer_load_filament},
        {"printer_register", printer_register},
        {"printer_fault", printer_fault},
        {"printer_clock_jump", printer_clock_jump},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
    bind_storage(lua);
    bind_files(lua);
    bind_camera(lua);
    bind_resin(lua);
}
