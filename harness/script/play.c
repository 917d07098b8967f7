#include "harness/script/play.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"

struct play *play_of(lua_State *lua)
{
    return sandbox_of(lua)->owner;
}

void play_judge(struct play *play, enum play_end end, const char *reason, const char *expected,
                const char *seen, const char *where, uint32_t printer)
{
    if (play->end != PLAY_RUNS || play->reason != NULL) {
        return;
    }
    play->end = end;
    if (play->staged) {
        play->ended_us = play->stage.world->now_us;
    }
    play->reason = memory_copy_text(reason);
    play->expected = memory_copy_text(expected);
    play->seen = memory_copy_text(seen);
    play->where = memory_copy_text(where);
    play->printer = printer;
}

static void finish(struct play *play)
{
    struct world *world = play->stage.world;
    world_cancel(world, &play->turn);
    world_cancel(world, &play->timeout);
    play->stage.watch = 0;
    play->ended_us = world->now_us;
    if (play->ended != NULL) {
        play->ended(play->owner, play);
    }
}

/* "file:line: text" of a Lua error: the place goes where places go. */
static void judge_error(struct play *play, const char *text)
{
    const char *colon = strstr(text, ".lua:");
    const char *behind = colon != NULL ? strstr(colon, ": ") : NULL;
    if (behind == NULL) {
        play_judge(play, PLAY_FAILED, text, NULL, NULL, NULL, 0);
        return;
    }
    char *where = memory_copy_slice(text, (size_t)(behind - text));
    play_judge(play, PLAY_FAILED, behind + 2, NULL, NULL, where, 0);
    free(where);
}

/* One stretch of the scenario: from what it waited for to its next wait. */
static void take_turn(void *owner)
{
    struct play *play = owner;
    if (play->end != PLAY_RUNS) { /* aborted by a hook */
        finish(play);
        return;
    }
    play->stage.watch = 0;
    play->in_turn = true;
    bool first = lua_status(play->thread) == LUA_OK;
    if (!first) {
        lua_settop(play->thread, 0);
        lua_pushboolean(play->thread, play->woken);
    }
    play->woken = false;
    int status = sandbox_resume(&play->sandbox, play->thread, first ? 0 : 1, NULL);
    play->in_turn = false;
    if (status == LUA_YIELD && play->end == PLAY_RUNS) {
        return; /* core.sleep() has set the alarm */
    }
    if (status == LUA_OK) {
        play_judge(play, PLAY_PASSED, NULL, NULL, NULL, NULL, 0);
    } else if (status != LUA_YIELD && play->end == PLAY_RUNS) {
        struct error error;
        sandbox_error(&play->sandbox, play->thread, status, &error);
        judge_error(play, error.text);
    }
    finish(play);
}

static void wake(void *owner)
{
    struct play *play = owner;
    if (!play->in_turn && play->end == PLAY_RUNS) {
        play->woken = true;
        play->stage.watch = 0;
        world_arm(play->stage.world, &play->turn, play->stage.world->now_us);
    }
}

void play_abort(struct play *play)
{
    if (!play->in_turn) {
        world_arm(play->stage.world, &play->turn, play->stage.world->now_us);
    }
}

static void give_up(void *owner)
{
    struct play *play = owner;
    char limit[32], text[96], where[300];
    duration_text(play->stage.world->now_us - play->began_us, limit, sizeof limit);
    snprintf(text, sizeof text, "took longer than the %s that it is given", limit);
    char file[256];
    int line = 0;
    bool placed = sandbox_where(play->thread, file, sizeof file, &line);
    snprintf(where, sizeof where, "%s:%d", file, line);
    play_judge(play, PLAY_FAILED, text, NULL, NULL, placed ? where : NULL, 0);
    finish(play);
}

/* A seed that depends on the run's and on the scenario alone: whatever else runs, it is the same.
 */
uint64_t play_seed(uint64_t run_seed, const struct definition *definition)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *byte = definition->name; *byte != '\0'; byte++) {
        hash = (hash ^ (unsigned char)*byte) * UINT64_C(1099511628211);
    }
    struct random random = random_of(run_seed, hash);
    return random_next(&random);
}

bool play_server_misbehaves(const char *text)
{
    char name[64];
    size_t size = strcspn(text, "=:%");
    snprintf(name, sizeof name, "%.*s", (int)size, text);
    const struct connect_misbehaviour *known = connect_misbehaviour_find(name);
    return known != NULL && (known->argument != NULL || text[size] != '='); /* "twice=FILTER" */
}

bool play_link_misbehaves(const char *text)
{
    return strncmp(text, "link:", 5) == 0;
}

static bool set_stage(struct play *play, struct error *error)
{
    const struct play_settings *settings = &play->settings;
    if (!stage_init(&play->stage, settings->ground, settings->house, error)) {
        stage_free(&play->stage);
        return false;
    }
    play->staged = true;
    play->stage.owner = play;
    play->stage.woken = wake;
    play->stage.hooked = bind_call_hook;
    for (size_t i = 0; i < settings->misbehaviour_count; i++) {
        const char *text = settings->misbehaviours[i];
        if (play->stage.house.server != NULL && play_server_misbehaves(text) &&
            !connect_server_misbehave(play->stage.house.server, NULL, text, error)) {
            return error_prefix(error, "--misbehave");
        }
    }
    return true;
}

/* Run the file once more, in a state of this scenario's own; bind_define() keeps the one function
 * that is meant. */
static bool load(struct play *play, struct error *error)
{
    if (!sandbox_init(&play->sandbox, play->seed, error)) {
        return false;
    }
    lua_State *lua = play->sandbox.lua;
    play->sandbox.owner = play;
    bind_all(lua);
    sandbox_load_prelude(&play->sandbox);
    bind_seal(lua);
    if (!sandbox_run_file(&play->sandbox, play->definition->file, error)) {
        return false;
    }
    if (lua_getfield(lua, LUA_REGISTRYINDEX, "hotbed.run") != LUA_TFUNCTION) {
        return error_set(error, "%s: \"%s\" is not there any more", play->definition->file,
                         play->definition->name);
    }
    play->thread = lua_newthread(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "hotbed.thread");
    lua_xmove(lua, play->thread, 1);
    return true;
}

bool play_start(struct play *play, const struct definition *definition,
                const struct play_settings *settings, uint64_t run_seed, struct error *error)
{
    play->definition = definition;
    play->settings = *settings;
    play->seed = play_seed(run_seed, definition);
    struct world *world = settings->ground->world;
    play->began_us = play->ended_us = world->now_us;
    if (!set_stage(play, error) || !load(play, error)) {
        return false;
    }
    trace_note(world, "hotbed", "%s \"%s\" begins", definition->check ? "check" : "scenario",
               definition->name);
    int64_t limit = definition->timeout_us;
    if (limit == 0) {
        limit = settings->timeout_us;
    }
    if (limit == 0) {
        limit = settings->ground->real ? PLAY_TIMEOUT_REAL_US : PLAY_TIMEOUT_VIRTUAL_US;
    }
    timer_init(&play->turn, take_turn, play);
    timer_init(&play->timeout, give_up, play);
    world_arm_in(world, &play->timeout, limit);
    world_arm_in(world, &play->turn, 0);
    return true;
}

void play_stop(struct play *play, const char *reason)
{
    if (play->end == PLAY_RUNS && play->thread != NULL) {
        play_judge(play, PLAY_SKIPPED, reason, NULL, NULL, NULL, 0);
        finish(play);
    }
}

void play_free(struct play *play)
{
    if (play->staged) {
        world_cancel(play->stage.world, &play->turn);
        world_cancel(play->stage.world, &play->timeout);
        stage_free(&play->stage);
    }
    sandbox_free(&play->sandbox);
    free(play->reason);
    free(play->where);
    free(play->expected);
    free(play->seen);
    buffer_free(&play->notes);
}
