#ifndef HOTBED_CLIENTS_LINK_CLIENT_H
#define HOTBED_CLIENTS_LINK_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "harness/clients/link_transport.h"

/* A client of one PrusaLink server (prusalink.md), of whatever flavour. Calls are asynchronous in
 * the transport's world and done one after another over one connection (PL-CL-12); each ends in
 * exactly one callback. Digest and key are its own affair: it follows the challenge, keeps a nonce
 * while it lasts, and repeats a request once when its nonce was stale or unknown. Flavours differ
 * in words, types and units (9.1 rows 11, 20, 21): results are given in one form. Memory is bounded
 * whatever a server sends. */

struct link_client;
struct link_call;

enum link_outcome {
    LINK_OK,      /* 2xx, or 304 where it was asked for */
    LINK_CONNECT, /* no connection: refused, unreachable, unresolved */
    LINK_TLS,     /* handshake or certificate */
    LINK_TIMEOUT, /* no byte moved for longer than allowed */
    LINK_BROKEN,  /* the connection ended before the reply was complete: half a body, a wrong length
                   */
    LINK_NOT_HTTP,     /* what came is no HTTP */
    LINK_TOO_LARGE,    /* the reply is larger than allowed */
    LINK_UNAUTHORIZED, /* 401, or 403 for a key: the credentials are refused, or the challenge is
                          none */
    LINK_NOT_FOUND,    /* 404, 410 */
    LINK_CONFLICT,     /* 409: the state does not allow it, or it exists already */
    LINK_REFUSED,      /* another 4xx; 507 */
    LINK_FAILED,       /* another 5xx */
    LINK_UNEXPECTED,   /* a status that this call can't have, a redirect */
    LINK_WRONG_JSON,   /* not JSON, or a member that is needed is missing or of a wrong type */
    LINK_SOURCE,       /* our side: the file to be sent could not be read to its end */
    LINK_SINK,         /* our side: what was downloaded could not be kept */
};

const char *link_outcome_name(enum link_outcome outcome); /* "connect", "not_found" … */
/* Whether the same call may well succeed a little later: no connection, time-out, broken, 5xx but
 * 507. */
bool link_outcome_passes(enum link_outcome outcome);

enum link_flavour { LINK_FLAVOUR_UNKNOWN, LINK_FLAVOUR_PI, LINK_FLAVOUR_BUDDY, LINK_FLAVOUR_SLA };

enum link_state {
    LINK_STATE_OTHER, /* a word that no document knows */
    LINK_STATE_IDLE,
    LINK_STATE_READY,
    LINK_STATE_BUSY,
    LINK_STATE_PRINTING,
    LINK_STATE_PAUSED,
    LINK_STATE_FINISHED,
    LINK_STATE_STOPPED,
    LINK_STATE_ERROR,
    LINK_STATE_ATTENTION,
};

const char *link_state_name(enum link_state state); /* "IDLE"; "UNKNOWN" for OTHER */

/* In all of these: texts are never NULL ("" for what is missing) and live during the callback;
 * numbers that are missing are -1, or NAN. */
struct link_version {
    const char *api, *server, *text, *hostname, *original;
    enum link_flavour flavour;
    bool upload_by_put; /* else uploads go by POST multipart (PL-CL-14) */
};

struct link_storage {
    const char *path; /* as the server writes it: "/usb/", "/local" */
    const char *name, *type;
    bool available, read_only;
    int64_t free_space, total_space; /* bytes */
};

struct link_status {
    enum link_state state;
    const char *state_word;
    double nozzle_c, nozzle_target_c, bed_c, bed_target_c, axis_x_mm, axis_y_mm, axis_z_mm;
    int64_t job_id;  /* -1: no job */
    double progress; /* 0 to 1 */
    int64_t time_remaining_s, time_printing_s;
    int64_t transfer_id;      /* -1: none */
    double transfer_progress; /* 0 to 1 */
    int64_t transferred;
};

struct link_job {
    int64_t id; /* -1: there is no job (204) */
    enum link_state state;
    double progress; /* 0 to 1 */
    int64_t time_remaining_s, time_printing_s;
    const char *file_name, *file_display_name, *file_path;
};

struct link_transfer {
    bool running; /* else there is none (204) */
    const char *type, *display_name, *path;
    int64_t size, transferred, time_transferring_s;
    double progress; /* 0 to 1 */
    bool to_print;
};

struct link_entry {
    const char *name, *display_name; /* display_name is `name` where there is none */
    const char *type;                /* PRINT_FILE, FIRMWARE, FILE, FOLDER, or another word */
    bool folder, read_only;
    int64_t size;        /* -1: not told, as by Buddy for children */
    int64_t m_timestamp; /* as the server has it: Unix seconds, or FAT local time taken for them
                            (6.2) */
    const char *download, *thumbnail; /* refs as sent, "" none */
};

struct link_listing {
    struct link_entry self;
    struct link_entry *children; /* of a folder */
    size_t child_count;
    const char *etag; /* "" none */
};

/* What came of a call. Everything it points to lives during the callback. */
struct link_result {
    enum link_outcome outcome;
    int status; /* of the last reply; 0: there is none */
    const char
        *why; /* one line for a person, never NULL, without secrets: "409 File already exists" */
    const char *title, *text; /* of an error body, whichever way the server writes it; "" none */
    const struct http_message *head; /* of the last reply; NULL: none */
    const char *body; /* as received, unless it went to a sink; always a NUL behind it */
    size_t body_size;
    cJSON *json;             /* the body, if it is JSON; else NULL */
    uint64_t sent, received; /* bytes of the file that was moved */
    unsigned attempts;       /* requests that were made, those for a challenge included */
    /* One of these is set when a call of that kind succeeded. */
    const struct link_version *version;
    const struct link_storage *storages;
    size_t storage_count;
    const struct link_status *status_report;
    const struct link_job *job;
    const struct link_transfer *transfer;
    const struct link_listing *listing;
    bool stored; /* upload: the file is there, though the outcome may be CONFLICT: it can't be
                    printed now (PL-CL-09) */
};

typedef void link_done(void *owner, const struct link_result *result);

struct link_client_settings {
    const char *url;             /* "http://host[:port]", "https://…"; a path is not possible */
    const char *user, *password; /* NULL: no digest */
    const char *api_key;         /* used instead of digest when given */
    const char *name;            /* in traces; NULL: "link-client" */
    const char *user_agent;      /* NULL: "hotbed/<version>" */
    int64_t connect_timeout_us;  /* 0: 10 s */
    int64_t idle_timeout_us;     /* 0: 30 s */
    size_t reply_bytes_max;      /* of what is not streamed; 0: 4 MiB */
};

/* `transport` is kept, not copied; texts are copied. NULL with the reason: a bad URL. */
struct link_client *link_client_new(struct link_transport *transport,
                                    const struct link_client_settings *settings,
                                    struct error *error);
/* What is in work or waits is forgotten without a callback. */
void link_client_destroy(struct link_client *client);

const char *link_client_url(const struct link_client *client);
/* As /api/version told it, or as its challenge looks; UNKNOWN before. */
enum link_flavour link_client_flavour(const struct link_client *client);
size_t link_client_waiting(const struct link_client *client); /* calls not ended */

/* Forget it without a callback; what is on its way is broken off. */
void link_call_cancel(struct link_call *call);

/* ---- Any request ---- */

struct link_request {
    const char *method, *target; /* target percent-encoded, with the query */
    const char *const *headers;  /* "Name: value", NULL at the end; NULL: none */
    const char *body;            /* copied; NULL: none */
    size_t body_size;
    bool bare;       /* without credentials */
    bool any_status; /* every reply is OK */
};

struct link_call *link_client_send(struct link_client *client, const struct link_request *request,
                                   link_done *done, void *owner);

/* ---- Asking ---- */

struct link_call *link_client_version(struct link_client *client, link_done *done, void *owner);
struct link_call *link_client_storages(struct link_client *client, link_done *done, void *owner);
struct link_call *link_client_status(struct link_client *client, link_done *done, void *owner);
struct link_call *link_client_job(struct link_client *client, link_done *done, void *owner);
struct link_call *link_client_transfer(struct link_client *client, link_done *done, void *owner);

/* ---- Files ----
 * A path begins with a storage's path and is decoded UTF-8: "/usb/folder/a cube.gcode",
 * "/local/x.gcode"; doubled slashes are one. `etag` ("" or NULL: none): 304 is OK then, without a
 * listing. */
struct link_call *link_client_list(struct link_client *client, const char *path, const char *etag,
                                   link_done *done, void *owner);
/* HEAD: OK or NOT_FOUND, nothing else is told. */
struct link_call *link_client_exists(struct link_client *client, const char *path, link_done *done,
                                     void *owner);

struct link_upload {
    const char *path;
    /* One of these. The file is opened at once and streamed; a source must live until the call has
     * ended. */
    const char *file;
    const struct link_source *source;
    const char
        *content_type; /* NULL: "text/x.gcode", the one that Pi and Buddy both take (PL-CL-07) */
    bool overwrite, print;
    void (*progress)(void *owner, uint64_t sent, uint64_t size); /* may be NULL */
};

/* By PUT, or by POST multipart where /api/version says so; it is asked first, once. A challenge is
 * fetched or renewed before the body goes out, so that the body goes out once. Ends at an early
 * error (PL-CL-08). */
struct link_call *link_client_upload(struct link_client *client, const struct link_upload *upload,
                                     link_done *done, void *owner);

/* GET of a file's content into a sink. `ref` is refs.download of an entry, as sent. */
struct link_sink {
    bool (*write)(void *owner, const char *bytes, size_t size); /* false: stop, SINK */
    void *owner;
    uint64_t bytes_max; /* larger: TOO_LARGE; 0: no limit */
};
struct link_call *link_client_download(struct link_client *client, const char *ref,
                                       const struct link_sink *sink, link_done *done, void *owner);

/* Where it exists already: CONFLICT on Buddy, OK on the Pi (3.10). */
struct link_call *link_client_make_folder(struct link_client *client, const char *path,
                                          link_done *done, void *owner);
/* `force`: a folder with what is in it, where the flavour can. */
struct link_call *link_client_remove(struct link_client *client, const char *path, bool force,
                                     link_done *done, void *owner);

/* ---- Printing ---- */

struct link_call *link_client_print(struct link_client *client, const char *path, link_done *done,
                                    void *owner);

enum link_job_command { LINK_JOB_PAUSE, LINK_JOB_RESUME, LINK_JOB_STOP };

/* NOT_FOUND: another job by now; CONFLICT: not in this state (PL-CL-13). */
struct link_call *link_client_job_command(struct link_client *client, int64_t job_id,
                                          enum link_job_command command, link_done *done,
                                          void *owner);

/* ---- Following a transfer ---- */

struct link_follow {
    int64_t period_us;   /* between questions; 0: 1 s */
    int64_t patience_us; /* how long errors that may pass are put up with; 0: 60 s */
    void (*progress)(void *owner, const struct link_transfer *transfer); /* may be NULL */
};

/* Ask for the transfer until there is none; connections that break, time-outs and 5xx do not end it
 * while the patience lasts: asking resumes. */
struct link_call *link_client_follow_transfer(struct link_client *client,
                                              const struct link_follow *follow, link_done *done,
                                              void *owner);

#endif
