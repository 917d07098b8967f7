#ifndef HOTBED_WIRE_HTTP_SERVER_INTERNAL_H
#define HOTBED_WIRE_HTTP_SERVER_INTERNAL_H

#include "sim/wire/http_server.h"

/* The halves of the server to each other: http_server.c accepts and reads, http_server_reply.c
 * answers. Nobody else includes this. */

struct server_connection {
    struct http_exchange exchange; /* first: an exchange is its connection */
    struct http_server *server;
    struct server_connection *previous, *next;
    struct stream *stream;
    bool *destroyed; /* not NULL while a call that may end the connection runs */
    struct http_parser parser;
    struct timer timer; /* idle, request time-out, or the next bytes of a reply */
    struct buffer out;  /* of a reply that waits or goes out in pieces */
    size_t sent;        /* of `out` */
    size_t piece_bytes;
    int64_t piece_gap_us;
    struct server_source *source; /* what follows `out`; NULL: nothing */
    int64_t request_due_us;       /* when the request that comes in must be there */
    enum http_after after;
    struct http_upgrade upgrade; /* behind the reply; take NULL: none */
    bool upgrading;  /* the reply is out, the stream changes hands in the next instant */
    bool exchanging; /* the service has the request, or its head, and has not replied */
    bool receiving;  /* the service has seen the head, the body is not complete */
    bool replying;   /* the reply is on its way out */
    bool deaf;       /* what comes in is not looked at any more */
    bool draining;   /* our side has ended */
    bool waiting;    /* for a place: nothing is read yet */
    bool held;       /* by the service */
    bool busy;       /* counts for busy_max */
    bool parked;     /* what came waits in `early` until fewer are busy */
    bool called;     /* its turn has come, in the next instant */
    bool finished;   /* the peer ended its side meanwhile */
    struct buffer early;
    bool *gone; /* not NULL while its turn is taken */
    bool close; /* behind the reply, as HTTP has it */
    bool head_request;
    bool in_request; /* the first byte of a request is in, the last is not */
};

struct server_listener {
    struct server_listener *next;
    struct listener *listener;
};

struct http_server {
    struct world *world;
    struct network *network;
    const struct http_service *service;
    struct http_manners manners;
    struct http_server_limits limits;
    struct server_connection *connections;
    size_t count, waiting, busy;
    struct server_listener *listeners;
};

/* http_server.c */

/* The stream is gone already, or is closed or reset by the caller. */
void server_connection_destroy(struct server_connection *connection);
void server_connection_leave(struct server_connection *connection, bool reset);
/* Arm the timer for whatever must come next: nothing while a reply is owed or on its way. */
void server_watch_time(struct server_connection *connection);

/* http_server_reply.c */

extern const struct http_exchange_class server_exchange_class;
/* An answer of the front's own, behind which the connection closes. */
void server_answer(struct server_connection *connection, int status, const char *why);
/* The timer, while a reply is on its way. */
void server_reply_time(struct server_connection *connection);
void server_source_free(struct server_connection *connection);

#endif
