#ifndef HOTBED_CLIENTS_LINK_INTERNAL_H
#define HOTBED_CLIENTS_LINK_INTERNAL_H

#include "harness/clients/link_client.h"
#include "sim/base/buffer.h"
#include "sim/base/random.h"
#include "sim/wire/digest.h"

/* The parts of a PrusaLink client to each other: link_client.c (calls one after the other, what
 * replies mean), link_auth.c (key and digest), link_calls.c (what each call asks), link_upload.c,
 * link_read.c (JSON of any flavour into one form), link_sla.c (the same for SL1, which has no
 * /api/v1). */

enum link_call_kind {
    LINK_CALL_PLAIN,
    LINK_CALL_VERSION,
    LINK_CALL_STORAGES,
    LINK_CALL_STATUS,
    LINK_CALL_JOB,
    LINK_CALL_TRANSFER,
    LINK_CALL_LIST,
    LINK_CALL_UPLOAD,
    LINK_CALL_EXISTS,
    LINK_CALL_MAKE_FOLDER,
    LINK_CALL_REMOVE,
    LINK_CALL_PRINT,
    LINK_CALL_JOB_COMMAND,
};

struct link_upload_state;

struct link_call {
    struct link_call *next;
    struct link_client *client;
    link_done *done;
    void *owner;
    enum link_call_kind kind;
    char *method, *target;
    struct buffer headers;     /* lines, each ended by NUL */
    struct link_source source; /* of the body */
    bool has_body, empty_body;
    struct buffer memory; /* a body of its own, what `source` reads from then */
    bool bare, any_status;
    bool unmodified_is_ok;
    const char *trouble;   /* it can't be asked at all: why; the outcome is REFUSED */
    char *own_trouble;     /* the same, owned; the outcome is SOURCE */
    struct link_sink sink; /* write NULL: none */
    enum link_job_command job_command;
    struct link_upload_state *upload;
    /* following: asleep between questions */
    bool follows, asleep;
    struct link_follow follow;
    struct timer alarm;
    int64_t trouble_since_us; /* -1: none */
    /* course */
    bool begun;
    bool translated;                       /* into SL1's words */
    bool preparing;                        /* GET /api/version goes out before the call itself */
    bool with_credentials, nonce_was_used; /* the request on its way */
    unsigned attempts;
    unsigned refusals; /* 401 in a row */
    uint64_t sent, received;
};

struct link_client {
    struct link_transport *transport;
    struct world *world;
    struct link_channel *channel;
    struct endpoint to;
    char *url, *user, *password, *api_key, *name, *user_agent, *peer;
    int64_t connect_timeout_us, idle_timeout_us;
    size_t reply_bytes_max;
    struct link_call *first, *last; /* first: in work, if `busy` */
    struct link_call *asleep;
    bool busy;
    struct timer turn;
    struct random random;
    /* what is known of the server */
    enum link_flavour flavour;
    bool version_known, upload_by_put;
    struct digest_challenge challenge;
    bool challenged;
    int64_t challenged_us;
    uint32_t nonce_uses;
    /* the reply that is coming in */
    struct buffer head, body;
    struct http_message message; /* of `head` */
    bool headed, too_large, sink_refused;
};

/* link_client.c */
struct link_call *link_call_new(struct link_client *client, enum link_call_kind kind,
                                const char *method, char *target /* taken */, link_done *done,
                                void *owner);
void link_call_header(struct link_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct link_call *link_call_queue(struct link_call *call);

/* link_auth.c */
void link_call_line(struct buffer *lines, const char *name, const char *value); /* ended by NUL */
void link_call_credentials(struct link_call *call, struct buffer *lines, const char *method,
                           const char *target);
/* After 401: whether the same request goes out again; `why` gets the reason if not. */
bool link_call_try_again(struct link_call *call, const char **why);
bool link_client_wants_nonce(const struct link_client *client); /* none, or one that may end soon */

/* link_calls.c: "/api/v1/files" and a path, percent-encoded; `trouble` gets why a path is not
 * possible. The caller's. */
char *link_call_file_target(const char *path, const char **trouble);
void link_call_encode(struct buffer *out, const char *text,
                      bool keep_escapes); /* all but unreserved characters and '/' */
/* `memory` as what is sent. */
struct link_source link_call_memory(struct link_call *call);
/* After a question was answered: whether the call goes on, asleep. */
bool link_call_follow_on(struct link_call *call, const struct link_result *result);

/* link_upload.c */
bool link_call_upload_begin(
    struct link_call *call); /* what to send is decided when the server is known */
bool link_call_upload_stored(const struct link_call *call, const struct link_result *result);
void link_call_upload_progress(struct link_call *call, uint64_t body_bytes);
void link_call_upload_free(struct link_upload_state *upload);

/* link_sla.c: a call in SL1's words, before it is sent; false with the reason: it has none for it.
 */
bool link_sla_translate(struct link_call *call, const char **trouble);

/* link_read.c */
struct link_readings {
    struct link_version version;
    struct link_storage *storages;
    struct link_status status;
    struct link_job job;
    struct link_transfer transfer;
    struct link_listing listing;
    char etag[160];
    char title[200], text[400];
};
/* Members of JSON of whatever type: NULL, "", NAN and -1 for what is missing or of another one. */
const cJSON *link_member(const cJSON *object, const char *key);
const char *link_text(const cJSON *object, const char *key);
double link_number(const cJSON *object, const char *key);
int64_t link_whole(const cJSON *object, const char *key);
bool link_needs(bool good, struct error *error, const char *what); /* false: `what` is missing */
typedef struct link_entry link_entry_of(const cJSON *json);
/* The children of a listing, each with a name and a type. */
bool link_read_children(struct link_listing *listing, const cJSON *children, link_entry_of *entry,
                        struct error *error);
void link_read_etag(struct link_readings *readings, const struct link_result *result);
/* Put what a successful reply says into `result`; false with the reason when it is not what it must
 * be. */
bool link_call_read(struct link_readings *readings, enum link_flavour flavour,
                    enum link_call_kind kind, struct link_result *result, struct error *error);
bool link_sla_read(struct link_readings *readings, enum link_call_kind kind,
                   struct link_result *result, struct error *error);
void link_call_read_error(struct link_readings *readings,
                          struct link_result *result); /* title and text */
void link_call_readings_free(struct link_readings *readings);

#endif
