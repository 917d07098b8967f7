#ifndef HOTBED_SCRIPT_STAGE_LINK_H
#define HOTBED_SCRIPT_STAGE_LINK_H

#include "harness/clients/link_client.h"
#include "harness/script/stage.h"
#include "sim/protocol/link/link.h"

/* PrusaLink on a stage: the servers of its own printers, bare connections to any server, and
 * clients. Each is known to scripts by a number from 1. */
struct stage_link;

/* ---- Servers ---- */

/* Where a printer of the stage serves. Everything lives until it is stopped. */
struct link_host {
    struct endpoint at;
    const char *url, *user, *password, *api_key; /* api_key NULL: none */
    const char *dialect;
};

/* Copies what settings point to. `wrongs` are texts of misbehave.h. NULL with the reason. */
const struct link_host *stage_link_serve(struct stage *stage, struct stage_printer *printer,
                                         const struct link_settings *settings,
                                         const char *const *wrongs, size_t wrong_count,
                                         struct error *error);
/* The program ends: connections break, nobody listens; serving again begins a new one at the same
 * place. */
void stage_link_stop(struct stage *stage, struct stage_printer *printer);
struct link_face *stage_link_face(struct stage *stage,
                                  struct stage_printer *printer); /* NULL: it does not serve */

struct link_log;
struct link_log *stage_link_log(struct stage *stage,
                                struct stage_printer *printer); /* NULL: it never served */

/* ---- Bare connections ---- */

enum { STAGE_WIRE_BYTES_MAX = 16 * 1024 * 1024, STAGE_WIRES_MAX = 10000 };

struct stage_wire {
    struct stage *stage;
    struct stream *stream; /* NULL: it has ended, or was closed */
    struct buffer received;
    bool opened, drained, finished, ended;
    enum stream_end end;
    char peer[300]; /* for the trace and for messages */
};

size_t stage_wire_open(struct stage *stage, const struct endpoint *to); /* 0: too many */
struct stage_wire *stage_wire(struct stage *stage, size_t number);      /* NULL: none */
void stage_wire_close(struct stage_wire *wire, bool reset);

/* ---- Clients ---- */

struct link_client *stage_link_client_add(struct stage *stage,
                                          const struct link_client_settings *settings,
                                          size_t *number, struct error *error);
struct link_client *stage_link_client(struct stage *stage, size_t number); /* NULL: none */

/* A call of a script and what came of it, until the script has taken it. */
struct stage_link_call {
    struct stage_link_call *next;
    int64_t number;
    struct stage *stage;
    bool ended, stored;
    enum link_outcome outcome;
    char *why, *title, *text;
    int status;
    unsigned attempts;
    cJSON *json;
    struct buffer head, body;
    struct buffer content; /* what it sends */
    struct link_source source;
};

struct stage_link_call *stage_link_call_new(struct stage *stage);
struct stage_link_call *stage_link_call(struct stage *stage, int64_t number); /* NULL: none */
void stage_link_call_drop(struct stage *stage, struct stage_link_call *call); /* it has ended */

void stage_link_free(struct stage *stage);

#endif
