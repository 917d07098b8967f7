#ifndef HOTBED_LINK_SL1_LINK_H
#define HOTBED_LINK_SL1_LINK_H

#include "sim/machine/resin.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/link/dialect.h"
#include "sim/wire/digest.h"

/* Inside of the SL1 dialect (flavour S of prusalink.md): only link/sl1_*.c use this. nginx stands
 * in front and asks for the credentials (Prusa-Firmware-SL1: recipes-firmware/prusa-link-web,
 * recipes-httpd/nginx); behind it is a Flask program whose answers are sorted by key. What the
 * document leaves open is as in the web interface's own mock (Prusa-Link-Web: tools/server/mock).
 */

enum {
    SL1_BODY_BYTES_MAX = 64 * 1024, /* of commands */
    SL1_PEERS = 16,                 /* whose wrong tries are counted */
};
#define SL1_UPLOAD_BYTES_MAX (UINT64_C(512) << 20) /* client_max_body_size */

struct sl1_peer {
    char name[48];
    unsigned wrong;
    int64_t until_us; /* refused until then */
};

struct sl1_link {
    struct link_face *face;
    struct digest_nonces nonces;
    uint32_t nonce_count;
    struct sl1_peer peers[SL1_PEERS];
    uint32_t changes; /* under the ETag of listings */
    uint32_t uploads;
    struct sl1_fetch *fetch; /* of /api/download; NULL: none is under way */
    char *name, *location;   /* as /api/settings has set them; NULL: as delivered */
    int last_error;          /* of /api/printer/error; 0: none */
};

static inline struct sl1_link *sl1_link_of(const struct link_request *request)
{
    return request->face->dialect_state;
}

/* --- sl1_reply.c --- */

/* The firmware's numbers, without the 10 of the SL1 (Prusa-Error-Codes: yaml/sla-error-codes.yaml).
 */
enum sl1_error {
    SL1_NOT_CALIBRATED = 10113,
    SL1_INVALID_KEY = 10405,
    SL1_UNAUTHORIZED = 10406,
    SL1_BAD_REQUEST = 10407,
    SL1_UNEXPECTED = 10501,
    SL1_NOT_IN_STATE = 10506,
    SL1_MEMORY_FULL = 10516,
    SL1_FILE_NOT_FOUND = 10518,
    SL1_INVALID_EXTENSION = 10519,
    SL1_FILE_EXISTS = 10520,
    SL1_INVALID_PROJECT = 10521,
    SL1_NO_DRIVE = 10528,
    SL1_PROJECT_UNREADABLE = 10539,
    SL1_PROJECT_WITHOUT_LAYERS = 10540,
    SL1_PROJECT_CORRUPTED = 10541,
    SL1_PROJECT_WRONG_MODEL = 10544,
    SL1_NOT_EMPTY = 10546,
};

void sl1_reply_json(struct link_request *request, int status, const struct buffer *json,
                    const char *etag);
void sl1_reply_empty(struct link_request *request, int status);
/* JSON if the client accepts it, else text; status 0: the usual one of this error. */
void sl1_reply_error(struct link_request *request, int code, int status);
/* The same with a header line, "WWW-Authenticate: …\r\n". */
void sl1_reply_refusal(struct link_request *request, int code, const char *header);
void sl1_reply_content(struct link_request *request, const char *type, const char *disposition,
                       struct file_content *content);
void sl1_reply_bytes(struct link_request *request, const char *type, const void *bytes,
                     size_t size);
/* A page of nginx itself. */
void sl1_reply_page(struct link_request *request, int status);
/* What a refused order of the machine is told as. */
int sl1_error_of(struct machine *machine, enum machine_refusal refusal);
const char *
sl1_host(const struct link_request *request); /* of the request, for absolute references */

/* --- sl1_auth.c --- */

bool sl1_auth_check(struct link_request *request); /* false: it was answered */

/* --- sl1_view.c --- */

typedef void sl1_view(struct link_request *request, struct json_writer *json);
sl1_view sl1_view_version, sl1_view_printer, sl1_view_job, sl1_view_sd, sl1_view_settings,
    sl1_view_connection, sl1_view_profiles, sl1_view_commands, sl1_view_logs, sl1_view_transfer,
    sl1_view_users;

/* --- sl1_files.c --- */

/* Storage and path below it of "local", "a/b.sl1"; false: there is no such storage. */
bool sl1_find(struct link_face *face, const char *origin, const char *below,
              const struct storage **storage, const struct file_node **node);
void sl1_full_path(struct buffer *out, const char *origin, const char *below);
void sl1_list_all(struct link_request *request);
void sl1_get_file(struct link_request *request);
void sl1_delete_file(struct link_request *request);
void sl1_select_file(struct link_request *request);
void sl1_download(struct link_request *request);
void sl1_thumbnail(struct link_request *request);
/* `node` NULL: without pictures. */
void sl1_write_refs(struct link_request *request, struct json_writer *json, const char *origin,
                    const char *below, const struct file_node *node);
void sl1_write_resource(struct link_request *request, struct json_writer *json, const char *origin,
                        const char *below);
bool sl1_good_project_name(const struct link_face *face, const char *name);

/* --- sl1_tree.c: folders, copies, other names (the legacy specification) --- */

void sl1_folder_make(struct link_request *request);
void sl1_folder_delete(struct link_request *request);
void sl1_modify(struct link_request *request);
/* "copy" or "move" of a file to "destination". */
void sl1_copy_or_move(struct link_request *request, bool move);
/* A folder of that path, with its parents; an error's number, 0: none. */
int sl1_make_folder(struct link_face *face, const char *origin, const char *below);
/* Nobody prints it; who only looks at it must let it go (sla-fw: cmd_try_cancel_by_path). */
bool sl1_let_go(struct machine *machine, const char *path);

/* --- sl1_incoming.c --- */

/* A project that comes in, in a form or from elsewhere: it takes the machine's one transfer and
 * lies in a hidden file until it has its name. */
struct sl1_incoming {
    struct link_face *face;
    char *origin;
    struct buffer temporary, pending; /* pending: not yet in the file */
    uint64_t received;
    int error; /* of the firmware's numbers; 0: none */
    bool transferring, written;
};

/* False: another transfer runs. `transfer` says what is told of it; its path is made here. */
bool sl1_incoming_begin(struct sl1_incoming *incoming, struct link_face *face, const char *origin,
                        const char *below, struct transfer transfer);
void sl1_incoming_write(struct sl1_incoming *incoming, const char *bytes, size_t size);
void sl1_incoming_flush(struct sl1_incoming *incoming);
/* Its place; an error's number, 0: none. */
int sl1_incoming_place(struct sl1_incoming *incoming, const char *below);
/* What is not placed is removed. */
void sl1_incoming_give_up(struct sl1_incoming *incoming);
void sl1_incoming_free(struct sl1_incoming *incoming);

/* What comes behind: shown on the screen if nothing speaks against it, and nobody hears of it; or
 * shown or printed, or that it cannot be. */
enum sl1_opening { SL1_OPEN_IF_ABLE, SL1_DO_NOT_OPEN, SL1_OPEN, SL1_PRINT };
int sl1_incoming_open(struct link_face *face, const char *origin, const char *below,
                      enum sl1_opening opening);

/* --- sl1_upload.c --- */

enum http_body_plan sl1_upload_begin(struct link_request *request);

/* --- sl1_fetch.c --- */

void sl1_fetch_begin(struct link_request *request);
void sl1_fetch_stop(struct link_request *request);
void sl1_fetch_destroy(struct sl1_link *link);

/* --- sl1_settings.c --- */

void sl1_settings_post(struct link_request *request);
void sl1_key_get(struct link_request *request);
void sl1_key_post(struct link_request *request);
void sl1_serial_get(struct link_request *request);
void sl1_serial_post(struct link_request *request);

/* --- sl1_order.c --- */

void sl1_job_command(struct link_request *request);
void sl1_custom_command(struct link_request *request);
/* POST to /api/printer/{printhead,tool,bed}: there is nothing to move, and yet it is an answer. */
void sl1_printer_command(struct link_request *request);
struct cJSON *sl1_body(const struct link_request *request); /* NULL: none; the caller's */
/* A member of the request's JSON body: text (NULL: none), or whether it is true. */
char *sl1_body_text(const struct link_request *request, const char *key);
bool sl1_body_true(const struct link_request *request, const char *key);
bool sl1_body_good(const struct link_request *request);

#endif
