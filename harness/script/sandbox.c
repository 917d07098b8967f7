#include "harness/script/sandbox.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded_prelude.h"
#include "harness/script/sandbox_libs.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"

enum { HOOK_INSTRUCTIONS = 10000, ERROR_RESERVE_BYTES = 256 * 1024 };

/* The reserve lets an out-of-memory error be told; it is opened by sandbox_error(). */
static void *allocate(void *owner, void *memory, size_t old_size, size_t new_size)
{
    struct sandbox *sandbox = owner;
    size_t held = memory == NULL ? 0 : old_size;
    if (new_size == 0) {
        free(memory);
        sandbox->used_bytes -= held;
        return NULL;
    }
    if (new_size > held && sandbox->used_bytes - held + new_size > sandbox->limit_bytes) {
        sandbox->out_of_memory = true;
        return NULL;
    }
    void *moved = realloc(memory, new_size);
    if (moved != NULL) {
        sandbox->used_bytes = sandbox->used_bytes - held + new_size;
    }
    return moved;
}

struct sandbox *sandbox_of(lua_State *lua)
{
    void *owner = NULL;
    lua_getallocf(lua, &owner);
    return owner;
}

static void count_instructions(lua_State *lua, lua_Debug *activation)
{
    (void)activation;
    struct sandbox *sandbox = sandbox_of(lua);
    sandbox->instructions += HOOK_INSTRUCTIONS;
    if (sandbox->instructions >= sandbox->instructions_max) {
        /* From here on every instruction fails, so that no pcall() of the script's outlives it. */
        lua_sethook(lua, count_instructions, LUA_MASKCOUNT, 1);
        luaL_where(lua, 0);
        lua_pushfstring(lua, "endless loop: %d million instructions without waiting",
                        (int)(sandbox->instructions_max / 1000000));
        lua_concat(lua, 2);
        lua_error(lua);
    }
}

static int end_program(lua_State *lua)
{
    const char *text = lua_tostring(lua, -1);
    fprintf(stderr, "hotbed: Lua ran outside of any protection: %s\n", text != NULL ? text : "?");
    abort();
}

static int open_libraries(lua_State *lua)
{
    sandbox_libs_open(lua);
    return 0;
}

bool sandbox_init(struct sandbox *sandbox, uint64_t seed, struct error *error)
{
    *sandbox = (struct sandbox){.limit_bytes = SANDBOX_MEMORY_MAX,
                                .instructions_max = SANDBOX_TURN_INSTRUCTIONS_MAX};
    lua_State *lua = lua_newstate(allocate, sandbox);
    if (lua == NULL) {
        return error_set(error, "out of memory for a Lua state");
    }
    sandbox->lua = lua;
    lua_atpanic(lua, end_program);
    lua_sethook(lua, count_instructions, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    lua_pushcfunction(lua, open_libraries);
    if (!sandbox_call(sandbox, lua, 0, 0, error)) {
        return false;
    }
    sandbox_libs_seed(lua, seed);
    return true;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (sandbox->lua != NULL) {
        lua_close(sandbox->lua);
    }
    free(sandbox->directory);
    *sandbox = (struct sandbox){0};
}

static bool is_prelude(const lua_Debug *activation)
{
    return strncmp(activation->source, "=prelude/", 9) == 0;
}

bool sandbox_where(lua_State *thread, char *file, size_t size, int *line)
{
    lua_Debug activation;
    for (int level = 0; lua_getstack(thread, level, &activation) == 1; level++) {
        lua_getinfo(thread, "Sl", &activation);
        if (activation.currentline > 0 && !is_prelude(&activation)) {
            snprintf(file, size, "%s", activation.source + (activation.source[0] == '@'));
            *line = activation.currentline;
            return true;
        }
    }
    return false;
}

int sandbox_resume(struct sandbox *sandbox, lua_State *thread, int arguments, int *results)
{
    sandbox->instructions = 0;
    sandbox->out_of_memory = false;
    lua_sethook(thread, count_instructions, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    int count = 0;
    int status = lua_resume(thread, NULL, arguments, &count);
    if (results != NULL) {
        *results = count;
    }
    return status;
}

/* Messages of luaL_error begin with "chunk:line: " already, those of memory and of error values
 * that are no text do not; the place then is where the thread stood. */
void sandbox_error(struct sandbox *sandbox, lua_State *thread, int status, struct error *error)
{
    sandbox->limit_bytes += ERROR_RESERVE_BYTES;
    char file[256];
    int line = 0;
    bool placed = sandbox_where(thread, file, sizeof file, &line);
    const char *text = lua_type(thread, -1) == LUA_TSTRING ? lua_tostring(thread, -1) : NULL;
    char other[96];
    if (status == LUA_ERRMEM) {
        snprintf(other, sizeof other, "out of memory: a scenario may hold %zu MiB",
                 (sandbox->limit_bytes - ERROR_RESERVE_BYTES) >> 20);
        text = other;
    } else if (text == NULL) {
        snprintf(other, sizeof other, "error(%s)", luaL_typename(thread, -1));
        text = other;
    }
    /* A place inside the prelude says nothing to who wrote the scenario: theirs goes in front
     * instead. */
    const char *behind = strncmp(text, "prelude/", 8) == 0 ? strstr(text, ": ") : NULL;
    if (behind != NULL) {
        text = behind + 2;
    }
    size_t length = placed ? strlen(file) : 0;
    bool told = placed && strncmp(text, file, length) == 0 && text[length] == ':';
    if (placed && !told && (behind != NULL || status == LUA_ERRMEM || text == other)) {
        error_set(error, "%s:%d: %s", file, line, text);
    } else {
        error_set(error, "%s", text);
    }
    sandbox->limit_bytes -= ERROR_RESERVE_BYTES;
}

/* Runs in a thread of its own: a failed thread keeps its stack, so that the place of the failure
 * can be told. */
bool sandbox_call(struct sandbox *sandbox, lua_State *from, int arguments, int results,
                  struct error *error)
{
    sandbox->limit_bytes += ERROR_RESERVE_BYTES; /* nothing protects this call itself */
    luaL_checkstack(from, 2, NULL);
    lua_State *thread = lua_newthread(from);
    luaL_checkstack(thread, arguments + 2, NULL);
    sandbox->limit_bytes -= ERROR_RESERVE_BYTES;
    lua_insert(from, -(arguments + 2)); /* below the function: keeps it from being collected */
    lua_xmove(from, thread, arguments + 1);
    int64_t instructions = sandbox->instructions;
    int count = 0;
    int status = sandbox_resume(sandbox, thread, arguments, &count);
    sandbox->instructions = instructions;
    if (status == LUA_YIELD) {
        lua_pop(from, 1);
        return error_set(error, "waiting is not possible here");
    }
    if (status != LUA_OK) {
        sandbox_error(sandbox, thread, status, error);
        lua_pop(from, 1);
        return false;
    }
    lua_settop(thread, results);
    lua_xmove(thread, from, results);
    lua_remove(from, -(results + 1));
    return true;
}

bool sandbox_run_text(struct sandbox *sandbox, const char *text, size_t size, const char *name,
                      struct error *error)
{
    lua_State *lua = sandbox->lua;
    int status = luaL_loadbufferx(lua, text, size, name, "t");
    if (status != LUA_OK) {
        error_set(error, "%s",
                  lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "not Lua");
        if (size > 0 && *text == LUA_SIGNATURE[0]) { /* Lua says no place for bytecode */
            error_set(error, "%s: this is Lua bytecode, expected the source",
                      name + (*name == '@'));
        }
        lua_pop(lua, 1);
        return false;
    }
    return sandbox_call(sandbox, lua, 0, 0, error);
}

void sandbox_load_prelude(struct sandbox *sandbox)
{
    for (size_t i = 0; i < embedded_prelude_count; i++) {
        char name[96];
        snprintf(name, sizeof name, "=prelude/%s", embedded_prelude[i].name);
        struct error error;
        if (!sandbox_run_text(sandbox, embedded_prelude[i].bytes, embedded_prelude[i].size, name,
                              &error)) {
            fprintf(stderr, "hotbed: %s\n", error.text);
            abort();
        }
    }
}

bool sandbox_read_file(const char *path, struct buffer *out, struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    char bytes[16384];
    size_t got;
    while (out->size <= SANDBOX_FILE_BYTES_MAX && (got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buffer_append(out, bytes, got);
    }
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) {
        return error_set(error, "%s: cannot be read as a file", path);
    }
    if (out->size > SANDBOX_FILE_BYTES_MAX) {
        return error_set(error, "%s: larger than %d MiB is no scenario", path,
                         SANDBOX_FILE_BYTES_MAX >> 20);
    }
    return true;
}

bool sandbox_run_file(struct sandbox *sandbox, const char *path, struct error *error)
{
    struct buffer text = {0};
    bool done = sandbox_read_file(path, &text, error);
    if (done) {
        const char *slash = strrchr(path, '/');
        free(sandbox->directory);
        sandbox->directory =
            slash == NULL ? memory_copy_text(".") : memory_copy_slice(path, (size_t)(slash - path));
        struct buffer name = {0};
        buffer_format(&name, "@%s", path);
        done = sandbox_run_text(sandbox, text.size > 0 ? text.bytes : "", text.size,
                                buffer_text(&name), error);
        buffer_free(&name);
    }
    buffer_free(&text);
    return done;
}
