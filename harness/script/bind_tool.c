#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/script/bind.h"
#include "harness/script/link_log.h"
#include "harness/script/stage_link.h"
#include "harness/script/stage_tool.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

/* Programs that are judged: folders for them to work on, their start and end, and what they asked
 * our printers. */

enum { CONTENT_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- Folders ---- */

/* folder_new() -> number, path */
static int folder_new(lua_State *lua)
{
    struct error error;
    size_t number = stage_tool_folder(bind_stage(lua), &error);
    if (number == 0) {
        return luaL_error(lua, "folder: %s", error.text);
    }
    lua_pushinteger(lua, (lua_Integer)number);
    lua_pushstring(lua, stage_tool_folder_path(bind_stage(lua), number));
    return 2;
}

/* The path of something in folder `argument`, whose name is `argument + 1`; never outside. */
static const char *whole_path(lua_State *lua, int argument, char whole[PATH_MAX])
{
    size_t size;
    const char *folder =
        stage_tool_folder_path(bind_stage(lua), (size_t)luaL_checkinteger(lua, argument));
    const char *path = luaL_checklstring(lua, argument + 1, &size);
    if (folder == NULL) {
        luaL_error(lua, "there is no such folder");
    }
    bool dots =
        strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0 || strstr(path, "/..") != NULL;
    if (strlen(path) != size || dots ||
        (size_t)snprintf(whole, PATH_MAX, "%s/%s", folder, path) >= PATH_MAX) {
        luaL_error(lua, "this is no path in a folder: %s", path);
    }
    return whole;
}

static int refuse(lua_State *lua, const char *path)
{
    return luaL_error(lua, "folder: %s: %s", path, strerror(errno));
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
}

static void set_time(const char *path, double modified_s)
{
    struct timespec time = {.tv_sec = (time_t)floor(modified_s)};
    time.tv_nsec = (long)((modified_s - floor(modified_s)) * 1e9);
    const struct timespec times[2] = {time, time};
    (void)utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/* folder_write(number, path, content, modified_s) */
static int folder_write(lua_State *lua)
{
    char path[PATH_MAX];
    size_t size;
    whole_path(lua, 1, path);
    const char *content = luaL_checklstring(lua, 3, &size);
    make_parents(path);
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        return refuse(lua, path);
    }
    bool written = fwrite(content, 1, size, file) == size;
    if (fclose(file) != 0 || !written) {
        return refuse(lua, path);
    }
    if (lua_isnumber(lua, 4)) {
        set_time(path, lua_tonumber(lua, 4));
    }
    return 0;
}

/* folder_change(number, path, what, argument) */
static int folder_change(lua_State *lua)
{
    char path[PATH_MAX];
    whole_path(lua, 1, path);
    const char *what = luaL_checkstring(lua, 3);
    bool done = true;
    if (strcmp(what, "remove") == 0) {
        done = remove(path) == 0;
    } else if (strcmp(what, "make") == 0) {
        make_parents(path);
        done = mkdir(path, 0755) == 0 || errno == EEXIST;
    } else if (strcmp(what, "link") == 0) {
        make_parents(path);
        done = symlink(luaL_checkstring(lua, 4), path) == 0;
    } else if (strcmp(what, "mode") == 0) {
        done = chmod(path, (mode_t)luaL_checkinteger(lua, 4)) == 0;
    } else if (strcmp(what, "time") == 0) {
        set_time(path, luaL_checknumber(lua, 4));
    } else {
        return luaL_error(lua, "folder: there is no change \"%s\"", what);
    }
    return done ? 0 : refuse(lua, path);
}

/* folder_read(number, path) -> content, nil: there is no such file */
static int folder_read(lua_State *lua)
{
    char path[PATH_MAX];
    whole_path(lua, 1, path);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return 0;
    }
    struct buffer content = {0};
    char piece[16384];
    size_t got;
    while (content.size < CONTENT_BYTES_MAX && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&content, piece, got);
    }
    fclose(file);
    lua_pushlstring(lua, buffer_text(&content), content.size);
    buffer_free(&content);
    return 1;
}

/* folder_names(number, path) -> { { name, is_folder } … } in no order */
static int folder_names(lua_State *lua)
{
    char path[PATH_MAX];
    whole_path(lua, 1, path);
    DIR *listing = opendir(path);
    if (listing == NULL) {
        return refuse(lua, path);
    }
    lua_newtable(lua);
    lua_Integer count = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            lua_createtable(lua, 2, 0);
            lua_pushstring(lua, entry->d_name);
            lua_rawseti(lua, -2, 1);
            lua_pushboolean(lua, entry->d_type == DT_DIR);
            lua_rawseti(lua, -2, 2);
            lua_rawseti(lua, -2, ++count);
        }
    }
    closedir(listing);
    return 1;
}

/* ---- Programs ---- */

/* The texts of a list; NULL at the end; they are the list's. */
static const char **texts_of(lua_State *lua, int index)
{
    luaL_checktype(lua, index, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(lua, index);
    const char **texts = lua_newuserdatauv(lua, ((size_t)count + 1) * sizeof *texts, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(lua, index, i);
        texts[i - 1] = luaL_checkstring(lua, -1);
        lua_pop(lua, 1);
    }
    texts[count] = NULL;
    return texts;
}

/* tool_start(words, environment) -> number */
static int tool_start(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    const char **words = texts_of(lua, 1), **environment = texts_of(lua, 2);
    const struct process_settings settings = {
        .arguments = words, .environment = environment, .output_bytes_max = 4 * 1024 * 1024};
    luaL_argcheck(lua, words[0] != NULL, 1, "expected a program");
    struct error error;
    size_t number = 0;
    if (stage_tool_start(stage, &settings, &number, &error) == NULL) {
        return luaL_error(lua, "the program cannot be started: %s", error.text);
    }
    lua_pushinteger(lua, (lua_Integer)number);
    return 1;
}

static struct stage_run *check_run(lua_State *lua)
{
    struct stage_run *run = stage_tool_run(bind_stage(lua), (size_t)luaL_checkinteger(lua, 1));
    if (run == NULL) {
        luaL_error(lua, "there is no such program");
    }
    return run;
}

/* tool_ended(number) -> nil: it runs; else exit code, standard output, standard error, seconds */
static int tool_ended(lua_State *lua)
{
    const struct stage_run *run = check_run(lua);
    if (!run->ended) {
        return 0;
    }
    lua_pushinteger(lua, run->exit_code);
    lua_pushlstring(lua, buffer_text(&run->output), run->output.size);
    lua_pushlstring(lua, buffer_text(&run->errors), run->errors.size);
    lua_pushnumber(lua, (double)(run->ended_us - run->began_us) / 1e6);
    return 4;
}

static int tool_signal(lua_State *lua)
{
    struct stage_run *run = check_run(lua);
    static const char *const names[] = {"INT", "TERM", "KILL", NULL};
    static const int numbers[] = {SIGINT, SIGTERM, SIGKILL};
    int which = luaL_checkoption(lua, 2, NULL, names);
    process_signal(run->process, numbers[which]);
    return 0;
}

/* tool_command() -> the words of the command that is judged; nil: none was given, and the path of
 * our own program */
static int tool_command(lua_State *lua)
{
    const char *const *words = bind_stage(lua)->ground->targets->command;
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self);
    if (words == NULL) {
        lua_pushnil(lua);
    } else {
        lua_newtable(lua);
        for (lua_Integer i = 0; words[i] != NULL; i++) {
            lua_pushstring(lua, words[i]);
            lua_rawseti(lua, -2, i + 1);
        }
    }
    lua_pushlstring(lua, self, size > 0 ? (size_t)size : 0);
    return 2;
}

/* unix_time() -> of the world's clock */
static int unix_time(lua_State *lua)
{
    lua_pushnumber(lua, (double)world_wall_us(bind_stage(lua)->world) / 1e6);
    return 1;
}

/* processor_cores() -> that this machine has */
static int processor_cores(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)sysconf(_SC_NPROCESSORS_ONLN));
    return 1;
}

/* ---- Printers ---- */

/* printer_clock(number, ahead_s) */
static int printer_clock(lua_State *lua)
{
    machine_set_clock(actor_machine(bind_check_actor(lua, 1)),
                      (int64_t)llround(luaL_checknumber(lua, 2)));
    return 0;
}

static void push_line(lua_State *lua, const struct stage *stage, const struct link_log_line *line)
{
    lua_createtable(lua, 0, 9);
    lua_pushnumber(lua, (double)(line->began_us - stage->began_us) / 1e6);
    lua_setfield(lua, -2, "at");
    if (line->ended_us >= 0) {
        lua_pushnumber(lua, (double)(line->ended_us - stage->began_us) / 1e6);
        lua_setfield(lua, -2, "ended");
    }
    lua_pushinteger(lua, line->connection);
    lua_setfield(lua, -2, "connection");
    lua_pushstring(lua, line->method);
    lua_setfield(lua, -2, "method");
    lua_pushstring(lua, line->target);
    lua_setfield(lua, -2, "target");
    lua_pushinteger(lua, (lua_Integer)line->body_bytes);
    lua_setfield(lua, -2, "body_bytes");
    lua_pushinteger(lua, line->status);
    lua_setfield(lua, -2, "status");
    lua_pushboolean(lua, line->gone);
    lua_setfield(lua, -2, "gone");
    bind_push_headers(lua, slice_of(line->head));
    lua_setfield(lua, -2, "headers");
}

/* link_log(number, from) -> the requests to this printer's PrusaLink from the from-th on */
static int link_log(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct link_log *log = stage_link_log(stage, bind_check_printer(lua, 1));
    size_t from = (size_t)luaL_optinteger(lua, 2, 1);
    lua_newtable(lua);
    for (size_t i = from > 0 ? from - 1 : 0; log != NULL && i < link_log_count(log); i++) {
        push_line(lua, stage, link_log_line(log, i));
        lua_rawseti(lua, -2, (lua_Integer)(i + 2 - (from > 0 ? from : 1)));
    }
    return 1;
}

void bind_tool(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"folder_new", folder_new},           {"folder_write", folder_write},
        {"folder_change", folder_change},     {"folder_read", folder_read},
        {"folder_names", folder_names},       {"tool_start", tool_start},
        {"tool_ended", tool_ended},           {"tool_signal", tool_signal},
        {"tool_command", tool_command},       {"unix_time", unix_time},
        {"printer_clock", printer_clock},     {"link_log", link_log},
        {"processor_cores", processor_cores}, {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
