#ifndef HOTBED_LINK_DIALECT_H
#define HOTBED_LINK_DIALECT_H

#include "sim/base/buffer.h"
#include "sim/base/json.h"
#include "sim/machine/storage.h"
#include "sim/protocol/link/link.h"
#include "sim/protocol/link/quirks.h"

/* What a dialect is to the core (link.c), and what the core lends to dialects: requests that live
 * as long as they need, replies that are written line by line, a router. Only sim/protocol/link
 * includes this. */

/* --- requests --- */

enum { LINK_PARAMETERS_MAX = 4 };

struct link_request;
struct link_route;

/* How a body is cut. */
enum link_cut {
    LINK_CUT_CLOSED, /* the client has ended its side and may still read an answer */
    LINK_CUT_SILENT, /* it sends nothing more in its time; may still read */
    LINK_CUT_BROKEN, /* there is nobody any more: no answer is possible */
};

/* What a handler keeps beside a request that goes on: an upload, an answer that waits. Embedded
 * first in a struct of the handler's own, which frees it in `free`. */
struct link_task {
    /* A piece of the body; only if `begin` took it in pieces. At the rate of the settings. */
    void (*piece)(struct link_task *task, const char *bytes, size_t size);
    void (*whole)(struct link_task *task); /* the body is in, in the length that was announced */
    /* Unless it is broken, answer. After a break the request is freed behind the call. */
    void (*cut)(struct link_task *task, enum link_cut cut);
    void (*free)(struct link_task *task); /* always called last, once */
    struct link_request *request;
};

struct link_text {
    struct link_text *next;
    char bytes[];
};

struct link_request {
    struct link_face *face;
    struct http_exchange *exchange;
    const struct http_message *message; /* valid during begin and handle; NULL otherwise */
    char *method, *target; /* as sent, NUL-terminated copies; "" of what is no request */
    char *path;        /* percent-decoded, without the query; the router may cut it into parts */
    bool broken_path;  /* an escape decodes to NUL: `path` ends there */
    const char *query; /* behind '?', as sent; NULL: none */
    bool head;         /* method HEAD */
    bool quiet;        /* HTTP/0.9: the reply has no head. Set by the dialect */
    const char *parameters[LINK_PARAMETERS_MAX]; /* of the route, in `path`'s memory */
    const struct link_route *route; /* whose `handle` the dialect will call; NULL: none yet */
    struct link_task *task;         /* NULL: none; freed with the request */
    /* What a dialect notes of the head for answers that come later. */
    const char *host; /* NULL: not noted, or there is none */
    bool accepts_json;
    int64_t body_length;                  /* Content-Length; -1: none, -2: no number */
    struct link_request *previous, *next; /* list of the face */
    /* The core's own. */
    struct link_text *texts;     /* freed with the request */
    struct http_header *headers; /* of a request with a task */
    size_t header_count;
    struct buffer pending; /* of the body: waits for its turn */
    size_t pending_at;
    struct timer turn;
    bool complete; /* nothing comes behind `pending` */
    bool *gone;    /* not NULL while a call of the dialect runs */
};

/* The first header of a name as text that lives as long as the request; NULL: none. During begin
 * and handle, and later for who has a task. */
const char *link_request_header(struct link_request *request, const char *name);

/* A copy that lives as long as the request. */
const char *link_request_text(struct link_request *request, struct slice text);
/* Without an answer: only the core. */
void link_request_free(struct link_request *request);

/* --- replies --- */

struct link_reply {
    int status;
    const char *reason; /* NULL: the usual one */
    int minor;          /* HTTP/1.<minor> */
    struct buffer head; /* header lines */
    struct buffer body;
    struct file_content
        *content;      /* instead of `body`, read while it is sent; takes a reference over */
    bool length;       /* Content-Length is put behind the headers */
    bool without_body; /* the body counts for Content-Length and is not sent */
    bool close;        /* behind the reply, without saying so */
    bool drain;        /* instead: half-close, and swallow what still comes */
};

void link_reply_header(struct link_reply *reply, const char *name, const char *value);
void link_reply_header_format(struct link_reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Answers and frees the reply's memory. The request is gone then, its task is freed. */
void link_request_reply(struct link_request *request, struct link_reply *reply);
/* Breaks the connection instead of answering; the request is gone then. */
void link_request_reset(struct link_request *request);
/* Exactly these bytes, which are not the memory of the request, then the end of the connection. */
void link_request_reply_raw(struct link_request *request, const char *bytes, size_t size);

/* --- router --- */

enum link_method {
    LINK_GET = 1 << 0,
    LINK_HEAD = 1 << 1,
    LINK_POST = 1 << 2,
    LINK_PUT = 1 << 3,
    LINK_DELETE = 1 << 4,
    LINK_PATCH = 1 << 5,
    LINK_OTHER = 1 << 6,
    LINK_ANY = 0xFF,
};

enum link_method link_method_of(const char *name); /* as written, upper case */

/* A pattern is text with `{}` for one non-empty component and a trailing `{*}` for the rest, which
 * may be empty and hold slashes. Earlier routes win. */
struct link_route {
    unsigned methods;
    const char *pattern;
    /* `begin` is called with the head and may answer at once; it returns how the body is wanted.
     * NULL: LINK_BODY_WHOLE. `handle` is called with the whole request. */
    enum http_body_plan (*begin)(struct link_request *request);
    void (*handle)(struct link_request *request);
    unsigned flags; /* the dialect's own */
};

/* The route for a path and method; `path` is cut into the parameters in place. NULL:
 * `*other_method` is the first route of the path for other methods, or NULL. */
const struct link_route *link_route_find(const struct link_route *routes, size_t count,
                                         unsigned method, char *path,
                                         const char *parameters[LINK_PARAMETERS_MAX],
                                         const struct link_route **other_method);

/* --- dialects --- */

struct link_dialect {
    const char *name;
    const char *user;            /* the one that is fixed, or usual */
    struct http_manners manners; /* how it reads requests */
    struct http_server_limits limits;
    size_t body_bytes_max; /* of bodies that are collected */
    /* The password of a machine as it is delivered. */
    void (*make_password)(const struct machine *machine, char out[32]);
    /* False with the reason: these settings are not allowed. */
    bool (*check)(const struct link_settings *settings, struct error *error);
    /* The dialect's own state, face->dialect_state; may be NULL. */
    void (*open)(struct link_face *face);
    void (*close)(struct link_face *face);
    /* The head is in. It may be answered at once. */
    enum http_body_plan (*begin)(struct link_request *request);
    /* The whole request, unless it was answered or has a task that took the body. */
    void (*handle)(struct link_request *request);
    /* Something came that is no request: answer it or reset it. `seen` is what there is of the
     * head. */
    void (*refused)(struct link_request *request, enum http_problem problem, struct slice seen);
    const char *(*hostname)(const struct machine *machine); /* unless the settings have one */
};

struct link_face {
    struct world *world;
    struct machine *machine;
    struct network *network; /* for what the printer fetches itself; NULL: it cannot */
    const struct link_settings *settings;
    const struct link_dialect *dialect;
    void *dialect_state;
    const char *name;
    char *user, *password, *api_key;                         /* api_key NULL: none */
    const char *hostname;                                    /* as of the last request */
    struct connect_face *(*connect)(void *owner, bool make); /* NULL: it has no other face */
    void *connect_owner;
    struct http_service service;
    struct http_server_limits limits;
    struct machine_listener listener; /* the dialect adds it if it wants to be told */
    struct link_misbehave *misbehave; /* misbehave.h; NULL: it behaves */
    struct link_request *requests;
    uint64_t answered;
};

/* The Connect face of the printer; NULL: it has none. */
static inline struct connect_face *link_connect(const struct link_face *face)
{
    return face->connect == NULL ? NULL : face->connect(face->connect_owner, false);
}

static inline bool link_quirk(const struct link_face *face, unsigned number)
{
    return (face->settings->quirks & LINK_QUIRK(number)) != 0;
}

/* --- paths --- */

/* Percent-decode into `out` (at least size + 1 bytes); false: a broken escape, which stays as it
 * is, or a NUL. */
bool link_decode(char *out, const char *text, size_t size, bool plus_is_blank);

#endif
