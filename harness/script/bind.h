#ifndef HOTBED_SCRIPT_BIND_H
#define HOTBED_SCRIPT_BIND_H

#include <lua.h>

#include "harness/script/play.h"

/* What C gives to the prelude as the table `core`, and nothing of it to scenarios: bind_core.c
 * (time, verdicts, definitions), bind_printer.c, bind_connect.c, bind_socket.c, bind_view.c,
 * bind_hooks.c, bind_message.c, bind_device.c, bind_link.c. */

void bind_all(lua_State *lua);  /* the table is a global while the prelude is loaded … */
void bind_seal(lua_State *lua); /* … and gone afterwards */

void bind_core(lua_State *lua); /* each adds its functions to the table on the top of the stack */
void bind_printer(lua_State *lua);
void bind_connect(lua_State *lua);
void bind_socket(lua_State *lua);
void bind_view(lua_State *lua);
void bind_hooks(lua_State *lua);
void bind_device(lua_State *lua);
void bind_message(lua_State *lua);
void bind_link(lua_State *lua);
void bind_link_client(lua_State *lua);
void bind_tool(lua_State *lua);

/* Calls a scenario's hook with a decision and does what it says; an error ends the play. */
void bind_call_hook(void *owner, struct stage_hook *hook, struct connect_decision *decision);

/* The play's stage, or an error when the file is only being read: "t:wait is for run functions". */
struct stage *bind_stage(lua_State *lua);
struct stage_printer *bind_check_printer(lua_State *lua, int argument);
/* What our own server believes of the printer at `argument`; an error when it has not heard of it.
 */
struct connect_printer *bind_check_believed(lua_State *lua, int argument);
struct actor *bind_check_actor(lua_State *lua, int argument);

/* {name = value} of a head, with keys in any case; pushes the table. */
void bind_push_headers(lua_State *lua, struct slice head);
void bind_push_slice(lua_State *lua, struct slice slice);
void bind_push_event(lua_State *lua, const struct stage *stage, const cJSON *body, int64_t time_us,
                     uint64_t number, const char *head);
/* The same with its body pushed already. */
void bind_finish_event(lua_State *lua, const struct stage *stage, int64_t time_us, uint64_t number,
                       const char *head);

uint64_t play_seed(uint64_t run_seed, const struct definition *definition);

#endif
