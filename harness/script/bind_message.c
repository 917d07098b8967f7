#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "harness/script/bind.h"
#include "harness/script/lua_json.h"

#define HEADERS_TYPE "hotbed.headers"

void bind_push_slice(lua_State *lua, struct slice slice)
{
    lua_pushlstring(lua, slice.size > 0 ? slice.bytes : "", slice.size);
}

/* headers["content-type"] finds "Content-Type". */
static int find_header(lua_State *lua)
{
    if (lua_type(lua, 2) != LUA_TSTRING) {
        return 0;
    }
    const char *wanted = lua_tostring(lua, 2);
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
        if (lua_type(lua, -2) == LUA_TSTRING && strcasecmp(lua_tostring(lua, -2), wanted) == 0) {
            return 1;
        }
        lua_pop(lua, 1);
    }
    return 0;
}

static void push_header(lua_State *lua, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (colon == NULL) {
        return;
    }
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) {
        end--;
    }
    lua_pushlstring(lua, line, (size_t)(colon - line));
    lua_pushlstring(lua, value, (size_t)(end - value));
    lua_rawset(lua, -3);
}

void bind_push_headers(lua_State *lua, struct slice head)
{
    lua_newtable(lua);
    luaL_setmetatable(lua, HEADERS_TYPE);
    bool first = true; /* the request or status line */
    for (size_t at = 0; at < head.size;) {
        const char *line = head.bytes + at;
        const char *end = memchr(line, '\n', head.size - at);
        size_t size = end == NULL ? head.size - at : (size_t)(end - line) + 1;
        if (!first) {
            push_header(lua, line, size);
        }
        first = false;
        at += size;
    }
}

/* An event is its body; what else is known of it lies behind, where pairs() and filters don't trip
 * over it. */
void bind_finish_event(lua_State *lua, const struct stage *stage, int64_t time_us, uint64_t number,
                       const char *head)
{
    lua_newtable(lua);
    lua_newtable(lua);
    lua_pushnumber(lua, (double)(time_us - stage->began_us) / 1e6);
    lua_setfield(lua, -2, "at");
    lua_pushinteger(lua, (lua_Integer)number);
    lua_setfield(lua, -2, "number");
    if (head != NULL) {
        bind_push_headers(lua, slice_of(head));
        lua_setfield(lua, -2, "headers");
    }
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

void bind_push_event(lua_State *lua, const struct stage *stage, const cJSON *body, int64_t time_us,
                     uint64_t number, const char *head)
{
    lua_json_push(lua, body);
    bind_finish_event(lua, stage, time_us, number, head);
}

/* events(printer, since): those behind number `since`, in order. */
static int events(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_printer *printer = bind_check_printer(lua, 1);
    uint64_t since = (uint64_t)luaL_checkinteger(lua, 2);
    lua_newtable(lua);
    lua_Integer count = 0;
    for (size_t i = (size_t)since; i < stage->event_count; i++) {
        const struct stage_event *event = &stage->events[i];
        if (stage_event_is_of(stage, event, printer)) {
            bind_push_event(lua, stage, event->body, event->time_us, event->number, event->head);
            lua_rawseti(lua, -2, ++count);
        }
    }
    return 1;
}

static int last_event(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)bind_stage(lua)->event_count);
    return 1;
}

static void text_until(lua_State *lua, const char **at, const char *end, char stop, const char *key)
{
    const char *from = *at;
    while (*at < end && **at != stop && **at != '\r') {
        (*at)++;
    }
    lua_pushlstring(lua, from, (size_t)(*at - from));
    lua_setfield(lua, -2, key);
    *at += *at < end;
}

static void time_field(lua_State *lua, const struct stage *stage, const char *key, int64_t time_us)
{
    if (time_us >= 0) {
        lua_pushnumber(lua, (double)(time_us - stage->began_us) / 1e6);
        lua_setfield(lua, -2, key);
    }
}

static void content_fields(lua_State *lua, struct slice head, struct slice body)
{
    bind_push_slice(lua, head);
    lua_setfield(lua, -2, "head");
    bind_push_headers(lua, head);
    lua_setfield(lua, -2, "headers");
    bind_push_slice(lua, body);
    lua_setfield(lua, -2, "body");
}

static void push_request(lua_State *lua, const struct stage *stage,
                         const struct connect_log_entry *entry)
{
    lua_createtable(lua, 0, 12);
    lua_pushinteger(lua, (lua_Integer)entry->number);
    lua_setfield(lua, -2, "number");
    time_field(lua, stage, "at", entry->time_us);
    time_field(lua, stage, "replied_at", entry->reply_time_us);
    lua_pushinteger(lua, entry->connection);
    lua_setfield(lua, -2, "connection");
    if (entry->request_head.size > 0) {
        const char *at = entry->request_head.bytes, *end = at + entry->request_head.size;
        text_until(lua, &at, end, ' ', "method");
        text_until(lua, &at, end, ' ', "path");
    }
    content_fields(lua, entry->request_head, entry->request_body);
    if (entry->reply_time_us >= 0) {
        lua_createtable(lua, 0, 5);
        lua_pushinteger(lua, entry->status);
        lua_setfield(lua, -2, "status");
        content_fields(lua, entry->reply_head, entry->reply_body);
        lua_setfield(lua, -2, "reply");
        lua_pushinteger(lua, entry->status);
        lua_setfield(lua, -2, "status");
    }
}

/* Those that are not answered yet: not in the log, without a number. */
static void push_arrivals(lua_State *lua, struct stage *stage, struct stage_printer *printer,
                          lua_Integer count)
{
    struct connect_printer *believed = stage_believed(stage, printer);
    for (size_t i = 0; i < stage->arrival_count; i++) {
        const struct stage_arrival *arrival = &stage->arrivals[i];
        if (believed == NULL || arrival->printer != believed) {
            continue;
        }
        struct connect_log_entry entry = {
            .time_us = arrival->time_us,
            .reply_time_us = -1,
            .connection = arrival->connection,
            .request_head = {arrival->head.bytes, arrival->head.size},
            .request_body = {arrival->body.bytes, arrival->body.size}};
        push_request(lua, stage, &entry);
        lua_pushnil(lua);
        lua_setfield(lua, -2, "number");
        lua_rawseti(lua, -2, ++count);
    }
}

/* Of a printer that the server does not know (yet) the log has no number; its requests have its
 * fingerprint. */
static bool entry_is_of(const struct connect_log_entry *entry, const struct stage_printer *printer,
                        uint32_t number)
{
    if (entry->printer != 0) {
        return number != 0 && entry->printer == number;
    }
    return stage_stranger_is(printer, entry->request_head, entry->request_body);
}

/* requests(printer, since): of the log, behind number `since`, and what is not answered yet. */
static int requests(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    struct stage_printer *printer = bind_check_printer(lua, 1);
    uint64_t since = (uint64_t)luaL_checkinteger(lua, 2);
    uint32_t number = stage_log_number(stage, printer);
    lua_newtable(lua);
    lua_Integer count = 0;
    struct connect_log_entry entry;
    while (connect_log_next(stage->log, since, &entry)) {
        since = entry.number;
        if (entry_is_of(&entry, printer, number) && entry.time_us >= stage->began_us) {
            push_request(lua, stage, &entry);
            lua_rawseti(lua, -2, ++count);
        }
    }
    push_arrivals(lua, stage, printer, count);
    return 1;
}

static int last_request(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)connect_log_last(bind_stage(lua)->log));
    return 1;
}

/* judged(id): what the judge of every message says of a rule. */
static int judged(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    const char *id = luaL_checkstring(lua, 1);
    const struct contract_result *result = contract_result(stage_contract(stage), id);
    if (result == NULL) {
        return luaL_error(lua, "the judge knows no rule \"%s\"", id);
    }
    lua_newtable(lua);
    lua_pushinteger(lua, (lua_Integer)result->exercised);
    lua_setfield(lua, -2, "exercised");
    lua_pushinteger(lua, (lua_Integer)result->violated);
    lua_setfield(lua, -2, "violated");
    if (result->violated > 0) {
        const struct contract_violation *violation = &result->violations[0];
        lua_pushstring(lua, violation->expected);
        lua_setfield(lua, -2, "expected");
        lua_pushfstring(lua, "%s, at %f s", violation->seen != NULL ? violation->seen : "",
                        (double)(violation->time_us - stage->began_us) / 1e6);
        lua_setfield(lua, -2, "seen");
    }
    return 1;
}

void bind_message(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"events", events},     {"last_event", last_event},
                                         {"requests", requests}, {"last_request", last_request},
                                         {"judged", judged},     {NULL, NULL}};
    luaL_setfuncs(lua, functions, 0);
    luaL_newmetatable(lua, HEADERS_TYPE);
    lua_pushcfunction(lua, find_header);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}
