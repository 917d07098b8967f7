#include "harness/load/plan_lua.h"

#include <cjson/cJSON.h>
#include <lauxlib.h>
#include <lua.h>

#include "harness/script/lua_json.h"
#include "harness/script/sandbox.h"

struct lua_plan {
    cJSON *told; /* by farm{...} */
};

/* farm{...}: this is the plan. */
static int farm(lua_State *lua)
{
    struct lua_plan *plan = sandbox_of(lua)->owner;
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (plan->told != NULL) {
        return luaL_error(lua, "farm{...} is called twice, expected one farm in a file");
    }
    plan->told = lua_json_take(lua, 1, "farm");
    return 0;
}

static bool run(struct sandbox *sandbox, const char *path, struct buffer *out, struct error *error)
{
    struct lua_plan plan = {0};
    sandbox->owner = &plan;
    lua_json_open(sandbox->lua);
    lua_register(sandbox->lua, "farm", farm);
    bool read = sandbox_run_file(sandbox, path, error);
    if (read && plan.told == NULL) {
        read = error_set(error, "%s: expected a call of farm{...} with the plan", path);
    }
    if (read) {
        char *text = cJSON_PrintUnformatted(plan.told);
        buffer_append_text(out, text);
        cJSON_free(text);
    }
    cJSON_Delete(plan.told);
    return read;
}

bool plan_lua_read(const char *path, struct buffer *out, struct error *error)
{
    struct sandbox sandbox = {0};
    if (!sandbox_init(&sandbox, 1, error)) {
        return false;
    }
    bool read = run(&sandbox, path, out, error);
    sandbox_free(&sandbox);
    return read;
}
