#ifndef HOTBED_SCRIPT_SANDBOX_H
#define HOTBED_SCRIPT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "sim/base/error.h"

/* A Lua state for text that nobody has vouched for: no files, no processes, no clock, no bytecode;
 * bounded memory and a bounded number of instructions between two waits; nothing in it that differs
 * from run to run (math.random follows the seed, pairs() goes in a fixed order). Errors name the
 * Lua file and line, also those of memory and of loops. */

enum {
    SANDBOX_MEMORY_MAX = 64 * 1024 * 1024,
    SANDBOX_TURN_INSTRUCTIONS_MAX = 50 * 1000 * 1000, /* about a second */
    SANDBOX_FILE_BYTES_MAX = 4 * 1024 * 1024,
};

struct sandbox {
    lua_State *lua;
    size_t used_bytes, limit_bytes;
    int64_t instructions, instructions_max; /* since the turn began */
    bool out_of_memory;                     /* the limit was hit */
    char *directory; /* of the scenario's file: where include() looks; owned */
    void *owner;     /* whoever the bindings belong to */
};

/* False when not even an empty state fits. */
bool sandbox_init(struct sandbox *sandbox, uint64_t seed, struct error *error);
void sandbox_free(struct sandbox *sandbox); /* zeroed memory is fine */
struct sandbox *sandbox_of(lua_State *lua);

/* Run the embedded prelude (harness/script/NN_*.lua): its mistakes are ours, and end the program.
 */
void sandbox_load_prelude(struct sandbox *sandbox);

/* Read and run a file as a main chunk. The error names file and line. */
bool sandbox_run_file(struct sandbox *sandbox, const char *path, struct error *error);
bool sandbox_run_text(struct sandbox *sandbox, const char *text, size_t size, const char *name,
                      struct error *error);

/* Resume `thread` with `arguments` values on its stack and a fresh budget of instructions. LUA_OK,
 * LUA_YIELD, or an error, which is then told by sandbox_error(). `results` gets the count of values
 * on the stack. */
int sandbox_resume(struct sandbox *sandbox, lua_State *thread, int arguments, int *results);

/* What ended a thread: "file:line: text". Leaves the thread's stack as it is; the error value is on
 * its top. */
void sandbox_error(struct sandbox *sandbox, lua_State *thread, int status, struct error *error);

/* Call a function with `arguments` values on `thread`, which must not yield. False with the error
 * told. */
bool sandbox_call(struct sandbox *sandbox, lua_State *thread, int arguments, int results,
                  struct error *error);

/* Where the scenario's own code stands: file and line of the innermost function that is not the
 * prelude's. */
bool sandbox_where(lua_State *thread, char *file, size_t size, int *line);

#endif
