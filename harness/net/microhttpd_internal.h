#ifndef HOTBED_NET_MICROHTTPD_INTERNAL_H
#define HOTBED_NET_MICROHTTPD_INTERNAL_H

#include <microhttpd.h>

#include "harness/net/microhttpd.h"
#include "sim/base/buffer.h"
#include "sim/wire/service.h"

/* Shared by microhttpd.c (the daemon and its requests), microhttpd_listen.c (where its connections
 * come from), microhttpd_reply.c (how requests are answered), microhttpd_internal.c (what a reply
 * and a connection are) and microhttpd_upgrade.c (what becomes of a connection behind a 101);
 * nobody else's business. */

enum state {
    STATE_HEAD,    /* nothing of it was shown yet */
    STATE_BODY,    /* its body comes in */
    STATE_ASKED,   /* the service has it */
    STATE_DELAYED, /* replied, not time yet */
    STATE_DIRECT,  /* our own bytes go to the socket */
    STATE_STALLED, /* said all it will ever say */
    STATE_READY,   /* `response` can be queued */
    STATE_ABORT,   /* nothing more: close */
    STATE_SENT,    /* libmicrohttpd sends `response` */
};

struct request {
    struct http_exchange exchange; /* first: an exchange is its request */
    struct microhttpd_front *front;
    struct request *previous, *next;
    struct MHD_Connection *connection;
    struct MHD_Response *response;
    char *target;
    struct buffer body; /* of the request */
    struct buffer out;  /* of the reply: direct bytes, or the body that goes out in pieces */
    size_t out_sent;
    size_t discarded;
    size_t piece_bytes;
    int64_t piece_gap_us;
    int64_t piece_due_us;
    unsigned status;
    enum http_after after;
    struct http_upgrade upgrade; /* of `response`; take NULL: none, or done */
    struct timer timer;
    struct watch watch; /* while suspended; fd -1: not */
    uint8_t state;
    bool suspended, head_request, in_handler, direct;
    char peer[64];
};

struct microhttpd_front {
    struct real_driver *driver;
    struct world *world;
    const struct http_service *service;
    struct MHD_Daemon *daemon;
    struct watch watch; /* of the daemon's epoll */
    struct timer run;   /* when libmicrohttpd wants to be called */
    struct request *requests;
    struct upgraded *upgraded; /* streams behind a 101 */
    struct watch listening;    /* fd -1: no more */
    struct timer listen_again;
    unsigned open, open_max; /* connections; at most so many */
    uint32_t connections;
    bool listening_paused;
    bool tls;
};

/* microhttpd_listen.c: at->port is written back. The daemon is there already. */
bool microhttpd_listen(struct microhttpd_front *front, struct endpoint *at, struct error *error);
void microhttpd_unlisten(struct microhttpd_front *front);
/* What libmicrohttpd tells of its connections. */
void microhttpd_opened(struct microhttpd_front *front);
void microhttpd_closed(struct microhttpd_front *front);

/* Whether only bytes of our own can say this: libmicrohttpd would not. */
bool microhttpd_is_direct(const struct http_reply *reply);

/* Number and peer of the connection. `peer` is where the exchange's text is kept. */
void microhttpd_describe(struct http_exchange *exchange, struct MHD_Connection *connection,
                         char *peer, size_t size);

/* What a request, whose front is set, has for its reply. Freeing it says nothing to the service. */
void microhttpd_reply_init(struct request *request);
void microhttpd_reply_free(struct request *request);

/* Within a call of libmicrohttpd: it leaves the connection alone until there is more to say. */
void microhttpd_suspend(struct request *request);
/* Nothing more is said; the connection closes. */
void microhttpd_abort(struct request *request);
/* The service learns, if it has the request, that nobody waits for its reply. */
void microhttpd_tell_gone(struct request *request);

/* request->response and its status as the reply says. */
void microhttpd_make_response(struct request *request, const struct http_reply *reply);
/* Within the access handler: give request->response to libmicrohttpd. */
enum MHD_Result microhttpd_send_response(struct request *request);

/* microhttpd_upgrade.c: the same of a reply that gives the connection away */
bool microhttpd_upgrade_can(const struct http_reply *reply);
void microhttpd_make_upgrade(struct request *request, const struct http_reply *reply);
/* The request is over: if its connection was to be given away and was not, the taker learns it. */
void microhttpd_upgrade_over(struct request *request);
/* The front goes: so do the streams. */
void microhttpd_upgraded_end(struct microhttpd_front *front);

#endif
