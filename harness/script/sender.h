#ifndef HOTBED_SCRIPT_SENDER_H
#define HOTBED_SCRIPT_SENDER_H

#include <cjson/cJSON.h>
#include <lua.h>

#include "harness/script/stage.h"

/* Commands through a server that is not ours: by its control endpoint if it is a `hotbed mock
 * connect`, or by a shell command of the caller's. The server gives them their ids; what became of
 * one is seen on our printer's own wire: the first command that it answers afterwards is that one.
 */
struct stage_sent {
    struct stage_printer *printer;
    char *name;
    size_t events_before; /* that were kept when it was sent */
    int64_t id;           /* -1: not answered yet */
};

/* Push the number that the scenario knows the command by. Skips the scenario when there is no way.
 * Takes `kwargs`. */
int sender_send(lua_State *lua, struct stage_printer *printer, const char *name, cJSON *kwargs);
int sender_status(lua_State *lua, lua_Integer number);  /* pushes as command_status() */
int sender_answers(lua_State *lua, lua_Integer number); /* pushes a list of events */
void sender_free(struct stage *stage);

/* The template with {fingerprint}, {token}, {serial}, {command} and {kwargs} replaced by texts that
 * the shell takes as one word each. An unknown {name} is an error. */
struct sender_words {
    const char *fingerprint, *token, *serial, *command, *kwargs;
};
bool sender_fill(const char *template, const struct sender_words *words, struct buffer *out,
                 struct error *error);

#endif
