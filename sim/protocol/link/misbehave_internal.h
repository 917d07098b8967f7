#ifndef HOTBED_LINK_MISBEHAVE_INTERNAL_H
#define HOTBED_LINK_MISBEHAVE_INTERNAL_H

#include "sim/base/buffer.h"
#include "sim/protocol/link/dialect.h"
#include "sim/protocol/link/misbehave.h"
#include "sim/wire/service.h"

/* What there is and what is on (misbehave.c), the layer between front and face (misbehave_layer.c)
 * and what happens to replies (misbehave_reply.c), to each other. */

struct spoilt_reply;

/* What a misbehaviour does to a reply; `argument` was checked when it was switched on. */
typedef void spoil_reply(struct spoilt_reply *reply, const char *argument);

/* ---- misbehave.c ---- */

enum argument_kind {
    NO_ARGUMENT,
    STATUS,
    WHOLE,
    SECONDS_TEXT,
    TEXT,
    HEADER_NAME,
    HEADER_LINE, /* "Name: value" */
    KEY,
    KEY_AND_VALUE, /* "key:json" */
    TWO_STATUSES,  /* "204:200" */
};

/* What happens to a request, besides what happens to its reply. */
enum deed {
    DEED_NOTHING,
    DEED_RESET,  /* break the connection instead of answering */
    DEED_CLOSE,  /* or close it */
    DEED_SILENT, /* or say nothing */
    DEED_GARBAGE,
    DEED_LIE,   /* the request never reaches the dialect */
    DEED_EARLY, /* refused before its body, which is not waited for */
    DEED_CUT,   /* the connection breaks in the middle of its body */
    DEED_NO_CREDENTIALS,
    DEED_EXPIRE, /* the same, but only with a nonce that was used since it was offered */
    DEED_DROP_HEADER,
    DEED_SET_HEADER,
    DEED_METHOD,
    DEED_LENIENT,
};

struct misbehaviour {
    enum argument_kind kind;
    enum deed deed;
    spoil_reply *spoil;
    unsigned lenient;
};

struct misbehaving {
    const struct link_misbehaviour *entry;
    const struct misbehaviour *behaviour;
    char *argument;
    char *method, *path; /* "" : any */
    char *text;          /* as it was switched on */
    int64_t times;       /* uses left; -1: no limit */
    double percent;
    struct misbehaving *next;
};

enum { NONCES_USED_MAX = 16, NONCE_TEXT_MAX = 80 };

struct link_misbehave {
    struct link_face *face;
    struct http_service inner; /* the face's own */
    struct misbehaving *on;
    struct layered *exchanges;
    /* Nonces that came since they were offered, for "expire"; the oldest makes room. */
    char used[NONCES_USED_MAX][NONCE_TEXT_MAX];
    size_t used_count; /* ever */
};

/* ---- misbehave_layer.c ---- */

/* From now on requests go through the layer. */
void misbehave_come_between(struct link_face *face);
void misbehave_go_away(struct link_misbehave *layer);

/* ---- misbehave_reply.c ---- */

/* A reply taken apart: its bytes will be put together again from these. */
struct spoilt_reply {
    struct buffer start;   /* status line with its line end */
    struct buffer headers; /* lines with their ends */
    struct buffer body;    /* without chunks */
    bool chunked;
    bool keep_framing; /* headers say the length already, or wrongly on purpose */
    size_t cut_bytes;  /* so many bytes of head and body go out; SIZE_MAX: all */
    struct http_reply sent;
};

spoil_reply spoil_status, spoil_late, spoil_slow, spoil_half_body, spoil_wrong_length,
    spoil_broken_json, spoil_not_object, spoil_endless_headers, spoil_drop_header, spoil_set_header,
    spoil_drop_key, spoil_null_key, spoil_set_key, spoil_rename_key, spoil_add_key,
    spoil_retype_key, spoil_no_nonce, spoil_no_challenge, spoil_stale, spoil_close_behind,
    spoil_body, spoil_replace;

/* Takes the bytes apart; reads a source to its end. */
void spoilt_reply_begin(struct spoilt_reply *reply, const struct http_reply *original);
/* Puts them together and sends them. */
void spoilt_reply_send(struct spoilt_reply *reply, struct http_exchange *exchange);

#endif
