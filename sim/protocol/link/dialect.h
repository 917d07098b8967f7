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

enum { LINK_TARGET_BYTES_MAX = 65536, LINK_PARAMETERS_MAX = 4 };

struct link_face;
struct link_request;

/* What a handler keeps beside a request that goes on: an upload, an answer that waits. Embedded
 * first in a struct of the handler's own, which frees it in `free`. */
struct link_task {
    /* A piece of the body; only if `begin` took it in pieces. */
    void (*piece)(struct link_task *task, const char *bytes, size_t size);
    void (*whole)(struct link_task *task); /* the body is in, in the length that was announced */
    /* The client has ended its side (`closed`) or broken the connection in the middle; after a
     * close it may still read an answer, after a break there is nobody. */
    void (*cut)(struct link_task *task, bool closed);
    void (*free)(struct link_task *task); /* always called last, once */
    struct link_request *request;
};

struct link_request {
    struct link_face *face;
    struct http_exchange *exchange;     /* NULL as soon as it is answered or gone */
    const struct http_message *message; /* valid during begin and handle; NULL otherwise */
    char *method, *target;              /* as sent, NUL-terminated copies */
    char *path;        /* percent-decoded, without the query; may hold anything but NUL */
    const char *query; /* behind '?', as sent; NULL: none */
    bool head;         /* method HEAD */
    bool quiet;        /* HTTP/0.9: the reply has no head */
    const char *parameters[LINK_PARAMETERS_MAX]; /* of the route, in `path`'s memory */
    struct link_task *task;                      /* NULL: none */
    int64_t body_length;                         /* Content-Length; -1: none, -2: no number */
    struct link_request *previous, *next;        /* list of the face */
};

/* The first header of a name as text that lives as long as the call of begin or handle; NULL: none.
 */
const char *link_request_header(const struct link_request *request, const char *name);

/* --- replies --- */

/* Bytes that are read while they are sent: a file. Takes a reference. */
struct link_reply {
    int status;
    struct buffer head; /* header lines */
    struct buffer body;
    struct file_content *content; /* instead of `body`; a reference of the reply's */
    bool without_body;            /* the body counts for Content-Length and is not sent */
    bool length_last; /* Content-Length is put behind the headers; false: the dialect wrote its
                         framing */
    bool close;       /* behind the reply, saying nothing */
    bool drain;       /* half-close and swallow what still comes */
};

void link_reply_header(struct link_reply *reply, const char *name, const char *value);
void link_reply_header_format(struct link_reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Answers with "HTTP/1.<minor> <status> <reason>", frees the reply's memory and the request: the
 * request is gone, its task is freed. Nothing happens when the client is gone already. */
void link_request_reply(struct link_request *request, struct link_reply *reply, int minor,
                        const char *reason);
/* Exactly these bytes, then the end of the connection. */
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

/* The route for a path and method; NULL, and `*other_method` says whether the path has routes of
 * other methods (the first of them goes to *seen, if that is not NULL). `path` is cut into the
 * parameters in place. */
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
};

struct link_face {
    struct world *world;
    struct machine *machine;
    const struct link_settings *settings;
    const struct link_dialect *dialect;
    void *dialect_state;
    const char *name;
    char *user, *password, *api_key;
    struct http_service service;
    struct http_server_limits limits;
    struct machine_listener listener; /* the dialect adds it if it wants to be told */
    struct link_request *requests;
    uint64_t answered;
};

static inline bool link_quirk(const struct link_face *face, unsigned number)
{
    return (face->settings->quirks & LINK_QUIRK(number)) != 0;
}

/* --- paths --- */

/* Percent-decode into `out` (at least size + 1 bytes); false: a broken escape, which stays as it
 * is, or a NUL. */
bool link_decode(char *out, const char *text, size_t size, bool plus_is_blank);

#endif
