#ifndef HOTBED_SCRIPT_STAGE_H
#define HOTBED_SCRIPT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "harness/check/connect_contract.h"
#include "harness/net/faults/message_faults.h"
#include "harness/script/actor.h"
#include "harness/script/ground.h"
#include "mockservers/connect/server.h"

/* What one scenario owns: its printers, its server, the judge that watches every message, and the
 * events seen so far. Where the server is somebody else's there is none, and all is learnt from our
 * printers' own wires. */

enum stage_watch { /* what a waiter wants to hear of; bits */
                   WATCH_EVENT = 1,
                   WATCH_REQUEST = 2, /* what is believed of a printer has changed */
                   WATCH_STATE = 4,
                   WATCH_COMMAND = 8,
                   WATCH_REPLY = 16,
                   WATCH_ARRIVAL = 32, /* a request has come; it may be answered later */
                   WATCH_ALL = 31,
                   WATCH_WIRE =
                       64, /* on a bare connection, or to a PrusaLink client, something has come */
                   WATCH_TOOL = 128, /* a program that is judged has ended */
};

enum { STAGE_LOG_BYTES = 8 * 1024 * 1024, STAGE_EVENTS_MAX = 200000, STAGE_PRINTERS_MAX = 100000 };

struct stage_event {
    uint64_t number; /* 1, 2, … */
    int64_t time_us;
    struct connect_printer *printer; /* server's; NULL while it is not recognised */
    uint32_t actor; /* number of ours that sent it, when its own wire told us; else 0 */
    char *head;
    cJSON *body;
};

struct stage_printer {
    uint32_t number;                  /* 1, 2, … in the scenario */
    struct actor *actor;              /* NULL: from outside */
    struct connect_printer *believed; /* NULL: the server doesn't know it yet */
    cJSON *telemetry;                 /* merged from what it sent; where the server is not ours */
    int64_t spoke_us;                 /* first message; -1: none; where the server is not ours */
    struct message_faults *faults;    /* between it and the network; NULL: none */
    char name[64];
};

/* A request that came while somebody waited for requests, and that is not answered yet. */
struct stage_arrival {
    uint32_t connection;
    int64_t time_us;
    struct connect_printer *printer; /* NULL: not recognised */
    struct buffer head, body;
};

struct stage_hook {
    uint32_t id;
    enum connect_point point;
    uint32_t printer; /* 0: any */
    char *event;      /* NULL: any */
    uint64_t times;   /* left; UINT64_MAX: without end */
    int reference;    /* of the Lua function */
};

/* A server that several stages share: a device from outside comes to one address only. */
struct stage_house {
    struct connect_server *server;
    struct contract *contract;
    struct contract_tap *tap;
    struct front *front;
    char url[300];
};

struct stage {
    struct ground *ground;
    struct world *world;
    int64_t began_us;
    struct stage_house house; /* borrowed when `shared`; server NULL: somebody else's */
    bool shared;
    struct connect_log *log; /* the server's, or `own_log` */
    struct connect_log *own_log;
    struct contract *own_contract; /* where the server is not ours */
    struct connect_observer observer;
    struct actor_listener listener;
    struct stage_printer **printers;
    uint32_t printer_count;
    struct stage_event *events;
    size_t event_count, event_capacity;
    struct stage_arrival *arrivals;
    size_t arrival_count;
    struct stage_hook *hooks;
    size_t hook_count;
    uint32_t hooks_made;
    /* what it did to a server that others use after it */
    bool misbehaved, add_after_changed;
    int64_t add_after_us; /* before */
    /* who waits */
    unsigned watch;
    uint32_t watched; /* printer; 0: any */
    void (*woken)(void *owner);
    void (*hooked)(void *owner, struct stage_hook *hook, struct connect_decision *decision);
    void *owner;
    /* an open exchange of each connection of ours, where the server is not ours */
    struct stage_exchange *exchanges;
    struct stage_tool *tool; /* NULL: no folder and no program yet */
    struct stage_link *link; /* PrusaLink, see stage_link.h; NULL: not used */
    struct stage_sent *sent; /* commands by somebody else's server, see sender.h */
    size_t sent_count;
};

/* Open a house: server, judge, front. */
bool stage_house_open(struct stage_house *house, struct ground *ground, const char *at,
                      const struct connect_server_settings *settings, struct error *error);
void stage_house_close(struct stage_house *house, struct ground *ground);

/* `house` NULL: it opens one of its own, or none if the server is not ours. */
bool stage_init(struct stage *stage, struct ground *ground, const struct stage_house *house,
                struct error *error);
void stage_free(struct stage *stage);

/* Takes the actor, and the faults that its messages go through (NULL: none). */
struct stage_printer *stage_add_printer(struct stage *stage, struct actor *actor,
                                        struct message_faults *faults, const char *name);
struct stage_printer *stage_printer(struct stage *stage, uint32_t number); /* NULL: none */
struct connect_printer *stage_believed(struct stage *stage, struct stage_printer *printer);
bool stage_printer_spoke(struct stage *stage,
                         struct stage_printer *printer); /* a telemetry was seen */
uint32_t stage_log_number(struct stage *stage,
                          struct stage_printer *printer); /* its number in the log; 0: unknown */
/* Whether a request that the server can't tell whose it is comes from this printer of ours. A Buddy
 * printer that registers names itself only in the body, and then by its code (connect-buddy.md 2).
 */
bool stage_stranger_is(const struct stage_printer *printer, struct slice head, struct slice body);
bool stage_event_is_of(struct stage *stage, const struct stage_event *event,
                       struct stage_printer *printer);
struct contract *stage_contract(struct stage *stage);

/* The server stops listening and breaks its connections, or listens again at the same place. */
bool stage_set_up(struct stage *stage, bool up, struct error *error);

struct stage_hook *stage_hook_add(struct stage *stage, enum connect_point point);
void stage_hook_remove(struct stage *stage,
                       uint32_t id); /* the caller has released its Lua function */

/* The last messages of a printer (NULL: of all), redacted, one line each. */
void stage_last_messages(struct stage *stage, struct stage_printer *printer, size_t count,
                         struct buffer *out);

/* Replace the tokens, codes and API keys of this stage's printers in a text that goes into a
 * report: what a script compares or prints may be one. NULL stays NULL. */
void stage_redact(struct stage *stage, char **text);

#endif
