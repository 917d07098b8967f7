#include "harness/script/bind_storage.h"

#include <lauxlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

#define CONTENT_TYPE "hotbed.content"

/* ---- Contents ---- */

static int free_content(lua_State *lua)
{
    struct file_content **content = luaL_checkudata(lua, 1, CONTENT_TYPE);
    file_content_release(*content);
    *content = NULL;
    return 0;
}

static bool below(const char *path)
{
    if (*path == '/' || *path == '\0') {
        return false;
    }
    for (const char *part = path; *part != '\0'; part += strcspn(part, "/"), part += *part == '/') {
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
            return false;
        }
    }
    return true;
}

static int push_file(lua_State *lua, const char *path)
{
    struct file_content **content = lua_newuserdatauv(lua, sizeof(struct file_content *), 0);
    *content = NULL;
    luaL_setmetatable(lua, CONTENT_TYPE);
    struct error error;
    *content = file_content_of_file(path, &error);
    if (*content == NULL) {
        return luaL_error(lua, "%s", error.text);
    }
    return 1;
}

/* file(path): a file below the scenario's folder, read when it is needed. */
static int file(lua_State *lua)
{
    const char *path = luaL_checkstring(lua, 1);
    luaL_argcheck(lua, below(path), 1, "expected a file below the scenario's own folder");
    struct sandbox *sandbox = sandbox_of(lua);
    return push_file(
        lua,
        lua_pushfstring(lua, "%s/%s", sandbox->directory != NULL ? sandbox->directory : ".", path));
}

/* given(name): the file that the command line gives under this name; nil when there is none. */
static int given(lua_State *lua)
{
    size_t size;
    const char *name = luaL_checklstring(lua, 1, &size);
    const struct play *play = play_of(lua);
    for (size_t i = 0; i < play->settings.gift_count; i++) {
        const char *gift = play->settings.gifts[i];
        if (strncmp(gift, name, size) == 0 && gift[size] == '=') {
            return push_file(lua, gift + size + 1);
        }
    }
    lua_pushnil(lua);
    return 1;
}

char *bind_read_content(lua_State *lua, int index, size_t *size)
{
    if (lua_type(lua, index) == LUA_TSTRING) {
        const char *bytes = lua_tolstring(lua, index, size);
        return memory_copy_slice(bytes, *size);
    }
    struct file_content **kept = luaL_testudata(lua, index, CONTENT_TYPE);
    if (kept == NULL || *kept == NULL) {
        luaL_error(lua, "expected a text or t:file(path) as content, got %s",
                   luaL_typename(lua, index));
        return NULL;
    }
    *size = (size_t)file_content_size(*kept);
    char *bytes = memory_new(*size + 1);
    long got = 1;
    for (size_t at = 0; at < *size && got > 0; at += (size_t)got) {
        got = file_content_read(*kept, at, bytes + at, *size - at, NULL);
        *size = got > 0 ? *size : at;
    }
    return bytes;
}

bool bind_put_file(lua_State *lua, struct actor *actor, const char *path, int index)
{
    struct file_content *content = NULL;
    size_t size;
    if (lua_type(lua, index) == LUA_TSTRING) {
        const char *bytes = lua_tolstring(lua, index, &size);
        content = file_content_of_bytes(bytes, size);
    } else {
        struct file_content **kept = luaL_testudata(lua, index, CONTENT_TYPE);
        if (kept == NULL || *kept == NULL) {
            luaL_error(lua, "expected a text or t:file(path) as content, got %s",
                       luaL_typename(lua, index));
            return false;
        }
        content = file_content_share(*kept);
    }
    enum storage_result result = machine_put_file(actor_machine(actor), path, content);
    if (result != STORAGE_OK) {
        lua_pushstring(lua, storage_result_text(result));
    }
    return result == STORAGE_OK;
}

static int told(lua_State *lua, enum storage_result result)
{
    if (result == STORAGE_OK) {
        lua_pushboolean(lua, true);
        return 1;
    }
    lua_pushnil(lua);
    lua_pushstring(lua, storage_result_text(result));
    return 2;
}

static int put_file(lua_State *lua)
{
    struct actor *actor = bind_check_actor(lua, 1);
    if (bind_put_file(lua, actor, luaL_checkstring(lua, 2), 3)) {
        lua_pushboolean(lua, true);
        return 1;
    }
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int make_folder(lua_State *lua)
{
    return told(lua, machine_make_folder(actor_machine(bind_check_actor(lua, 1)),
                                         luaL_checkstring(lua, 2)));
}

static int remove_node(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    return told(lua, machine_remove(machine, luaL_checkstring(lua, 2), lua_toboolean(lua, 3)));
}

/* move(number, from, to): a file; for the printer one is deleted and one is created
 * (connect-sdk.md 8.5). */
static int move_file(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    const char *from = luaL_checkstring(lua, 2), *to = luaL_checkstring(lua, 3);
    const char *rest = NULL;
    struct storage *storage = machine_storage_of(machine, from, &rest);
    const struct file_node *node = storage != NULL ? storage_find(storage, rest) : NULL;
    if (node == NULL || node->folder) {
        return told(lua, STORAGE_NOT_FOUND);
    }
    struct file_content *content = file_content_share(node->content);
    enum storage_result result = machine_remove(machine, from, false);
    if (result != STORAGE_OK) {
        file_content_release(content);
        return told(lua, result);
    }
    return told(lua, machine_put_file(machine, to, content));
}

/* ---- Media ---- */

static uint64_t bytes_field(lua_State *lua, int index, const char *key)
{
    lua_getfield(lua, index, key);
    double bytes = lua_isnil(lua, -1) ? 0 : luaL_checknumber(lua, -1);
    lua_pop(lua, 1);
    if (!(bytes >= 0 && bytes <= 9e18)) {
        luaL_error(lua, "storage: %s: expected a number of bytes", key);
    }
    return (uint64_t)bytes;
}

static const char *text_field(lua_State *lua, int index, const char *key, const char *fallback)
{
    int type = lua_getfield(lua, index, key);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        luaL_error(lua, "storage: %s: expected a text", key);
    }
    const char *text = type == LUA_TNIL ? fallback : lua_tostring(lua, -1);
    lua_pop(lua, 1); /* the table keeps it alive */
    return text;
}

static enum storage_kind kind_field(lua_State *lua, int index)
{
    static const char *const names[] = {"local", "sdcard", "usb", NULL};
    static const enum storage_kind kinds[] = {STORAGE_LOCAL, STORAGE_SDCARD, STORAGE_USB};
    const char *name = text_field(lua, index, "kind", "usb");
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(name, names[i]) == 0) {
            return kinds[i];
        }
    }
    luaL_error(lua, "storage: kind \"%s\": expected local, sdcard or usb", name);
    return STORAGE_LOCAL;
}

void bind_attach_storage(lua_State *lua, struct actor *actor, int index)
{
    luaL_checktype(lua, index, LUA_TTABLE);
    const char *name = text_field(lua, index, "name", NULL);
    const char *directory = text_field(lua, index, "directory", NULL);
    uint64_t total = bytes_field(lua, index, "total"), left = bytes_field(lua, index, "free");
    enum storage_kind kind = kind_field(lua, index);
    if (name == NULL || *name == '\0' || strchr(name, '/') != NULL) {
        luaL_error(lua, "storage: name: expected a name without slashes");
    }
    struct storage storage;
    struct error error;
    if (directory == NULL) {
        storage_init(&storage, name, kind, NULL);
    } else if (!storage_init_directory(&storage, name, kind, directory, &error)) {
        luaL_error(lua, "storage: %s", error.text);
    }
    lua_getfield(lua, index, "read_only");
    storage.read_only = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    if (directory == NULL) {
        storage.total_bytes = total;
        storage.used_by_others_bytes = left != 0 && total > left ? total - left : 0;
    }
    machine_attach(actor_machine(actor), &storage);
}

static int attach(lua_State *lua)
{
    bind_attach_storage(lua, bind_check_actor(lua, 1), 2);
    return 0;
}

static int detach(lua_State *lua)
{
    struct actor *actor = bind_check_actor(lua, 1);
    lua_pushboolean(lua, machine_detach(actor_machine(actor), luaL_checkstring(lua, 2), NULL));
    return 1;
}

static void push_node(lua_State *lua, const struct file_node *node, const char *name)
{
    lua_createtable(lua, 0, 5);
    lua_pushstring(lua, name);
    lua_setfield(lua, -2, "name");
    lua_pushboolean(lua, node->folder);
    lua_setfield(lua, -2, "folder");
    lua_pushboolean(lua, node->read_only);
    lua_setfield(lua, -2, "read_only");
    lua_pushinteger(lua, (lua_Integer)node->size);
    lua_setfield(lua, -2, "size");
    lua_pushinteger(lua, node->modified_s);
    lua_setfield(lua, -2, "modified");
}

/* files(number, path): what lies below it; nil: it is not there. */
static int files(lua_State *lua)
{
    struct machine *machine = actor_machine(bind_check_actor(lua, 1));
    const char *path = luaL_checkstring(lua, 2);
    lua_newtable(lua);
    if (strcmp(path, "/") == 0) {
        for (size_t i = 0; i < machine_storage_count(machine); i++) {
            const struct storage *storage = machine_storage(machine, i);
            push_node(lua, storage->root, storage->name);
            lua_rawseti(lua, -2, (lua_Integer)i + 1);
        }
        return 1;
    }
    const char *rest = NULL;
    struct storage *storage = machine_storage_of(machine, path, &rest);
    const struct file_node *node =
        storage != NULL ? storage_find(storage, rest != NULL ? rest : "") : NULL;
    if (node == NULL) {
        return 0;
    }
    for (uint32_t i = 0; node->folder && i < node->child_count; i++) {
        push_node(lua, node->children[i], node->children[i]->name);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void bind_storage(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"file", file},
        {"given", given},
        {"printer_put_file", put_file},
        {"printer_make_folder", make_folder},
        {"printer_remove", remove_node},
        {"printer_move", move_file},
        {"printer_attach", attach},
        {"printer_detach", detach},
        {"printer_files", files},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
    luaL_newmetatable(lua, CONTENT_TYPE);
    lua_pushcfunction(lua, free_content);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}
