#ifndef HOTBED_SCRIPT_PLAY_H
#define HOTBED_SCRIPT_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/script/sandbox.h"
#include "harness/script/stage.h"

/* Scenario files, and one scenario being played: a Lua state of its own, a stage, a coroutine that
 * waits in the world's time, and what came of it. */

struct definition {
    char *name; /* check id or scenario's name */
    bool check;
    char *sentence; /* NULL: none given */
    char *side;     /* "printer", "server"; NULL */
    char *kind;     /* "contract", "fidelity", "quirk"; NULL */
    char *subject;  /* "connect-printer"; NULL */
    char *dialect;  /* of the printers that it is about, "sdk" or "buddy"; NULL: any */
    bool passive;
    char *virtual_only; /* why it makes no sense in real time; NULL: it does */
    int64_t timeout_us; /* 0: the default */
    char *file;
    int line;
};

struct definitions {
    struct definition **items;
    size_t count;
};

/* Learn what is in a file. The error names file and line. Names must be unique in one file. */
bool definitions_load(struct definitions *definitions, const char *path, struct error *error);
void definitions_free(struct definitions *definitions);

#define PLAY_TIMEOUT_VIRTUAL_US (INT64_C(48) * 3600 * 1000000)
#define PLAY_TIMEOUT_REAL_US    (INT64_C(10) * 60 * 1000000)

struct play_settings {
    struct ground *ground;           /* outlives the play */
    const struct stage_house *house; /* NULL: its own */
    int64_t timeout_us;              /* for those that name none; 0: the default */
    const char *const
        *misbehaviours; /* of our server, or faults of our printers' messages; from the start */
    size_t misbehaviour_count;
    const char *const *gifts; /* "NAME=FILE": what t:given reads */
    size_t gift_count;
    const char *model;   /* instead of the models that scenarios name; NULL: theirs */
    bool websocket;      /* Buddy printers speak over a WebSocket when scenarios don't say */
    uint32_t quirks_off; /* what printers show when scenarios don't say
                            (sim/protocol/connect/quirks.h); 0: all */
    /* Why a device from outside can't be brought to rest, PLAY_TROUBLE_BYTES, shared by all plays
     * that meet it: who finds out spares the others the attempt. NULL: nobody from outside. */
    char *trouble;
};

enum { PLAY_TROUBLE_BYTES = 240 };

enum play_end { PLAY_RUNS, PLAY_PASSED, PLAY_FAILED, PLAY_SKIPPED };

struct play {
    const struct definition *definition;
    struct play_settings settings;
    uint64_t seed;
    struct sandbox sandbox;
    lua_State *thread;
    struct stage stage;
    bool staged;
    struct definitions *listing; /* only learns what is in the file */
    struct timer turn, timeout;
    bool in_turn, woken;
    enum play_end end;
    int64_t began_us, ended_us;
    /* why it ended so */
    char *reason, *where, *expected, *seen;
    uint32_t printer; /* whose messages tell more; 0: all */
    struct buffer notes;
    void (*ended)(void *owner, struct play *play);
    void *owner;
};

/* Whether a misbehaviour is one of the server's, by its name and whether it takes an argument; the
 * others are message_faults.h's. */
bool play_server_misbehaves(const char *text);
/* Whether it is one of our printers' PrusaLink: "link:" and a text of
 * sim/protocol/link/misbehave.h. */
bool play_link_misbehaves(const char *text);

/* Begins at once, in the world's loop. `play` stays where it is until play_free(). False with the
 * reason when not even the stage can be set. */
bool play_start(struct play *play, const struct definition *definition,
                const struct play_settings *settings, uint64_t run_seed, struct error *error);
void play_stop(struct play *play, const char *reason); /* it is skipped, if it runs */
void play_free(struct play *play);

/* For the bindings. */
struct play *play_of(lua_State *lua);
void play_judge(struct play *play, enum play_end end, const char *reason, const char *expected,
                const char *seen, const char *where, uint32_t printer); /* the first one counts */
void play_abort(struct play *play); /* after a judgement outside of the play's own turn */

#endif
