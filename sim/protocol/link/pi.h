#ifndef HOTBED_LINK_PI_H
#define HOTBED_LINK_PI_H

#include "sim/machine/metadata.h"
#include "sim/protocol/link/dialect.h"
#include "sim/wire/digest.h"

/* What the files pi_*.c share about the server of a Raspberry Pi (prusalink.md, flavour P); nobody
 * else's business. Captures: shared/captures/prusalink-server, "cap 21" is a file there. */

struct cJSON;

enum {
    PI_BLOCK_BYTES = 65365, /* read from a body at once (prusalink.md 7) */
    PI_NAME_BYTES_MAX = 248,
    PI_FOLDER_BYTES_MAX = 255,
};

#define PI_UP_AFTER        SECONDS(5)  /* from the start until there is a printer object (cap 09) */
#define PI_KNOWN_AFTER     SECONDS(8)  /* until the printer has told its type and firmware … */
#define PI_TELEMETRY_AFTER SECONDS(10) /* … its first figures … */
#define PI_CARD_AFTER      SECONDS(12) /* … and what is on its card */
#define PI_TREE_LAG        MILLISECONDS(300) /* inotify and the thread behind it (cap 20, 28, 35) */
#define PI_NONCE_SLOT      SECONDS(60)

/* A folder that came with its own parent in one go: inotify missed what is in it (quirk L-19b). */
struct pi_blind {
    struct pi_blind *next;
    char path[]; /* "/PrusaLink gcodes/a/b" */
};

/* The tree of a storage as the program knows it, some time behind the medium. */
struct pi_view {
    char *name;
    struct file_node *root;
};

struct pi {
    struct link_face *face;
    int64_t started_us;
    char secret[65]; /* of this run of the program: nonces are made of it */
    char instance[37];
    bool seen;          /* the machine has left BUSY since the start */
    bool key_empty;     /* the key was deleted in this run (quirk L-16) */
    bool slot_stuck;    /* an upload broke: the one transfer is taken (quirk L-05) */
    char *selected;     /* path of the file that is printed or chosen; NULL: none */
    uint32_t job_id;    /* of the last job */
    uint32_t transfers; /* begun so far */
    char *printer_name, *location;
    bool farm_mode, chime;
    char *version;        /* that it was updated to; NULL: the one it came with */
    int64_t connect_us;   /* when the Connect face was last seen to have started; -1: never */
    struct timer restart; /* behind the answer to an update */
    struct timer queue;   /* pi_control.c: an order of the v1 interface on its way */
    uint8_t order;
    struct pi_download *download; /* NULL: none is under way */
    struct pi_facts *facts;       /* pi_node.c: metadata that was read already */
    size_t facts_count;
    struct pi_view *views;
    size_t view_count;
    struct pi_blind *blind;
    struct timer refresh;
    int64_t changed_us; /* wall clock of the last change of any storage that was seen */
};

static inline struct pi *pi_of(const struct link_request *request)
{
    return request->face->dialect_state;
}

static inline struct machine *pi_machine(const struct link_request *request)
{
    return request->face->machine;
}

/* --- pi_reply.c --- */

enum pi_headers {
    PI_POWERED, /* Date, Server, X-Powered-By, … */
    PI_PLAIN,   /* Date, Server, … */
};
void pi_begin_reply(struct link_request *request, struct link_reply *reply, int status,
                    enum pi_headers headers);
void pi_date(const struct link_request *request, struct buffer *out);
/* "Sat, 21 Nov 2026 02:48:46 GMT" */
void pi_http_date(int64_t wall_us, char out[40]);
/* With Content-Type behind what is there. `type` NULL: text/html. */
void pi_send(struct link_request *request, struct link_reply *reply, const char *type);
void pi_send_empty(struct link_request *request, int status);
/* The JSON in `body`, which is taken over. */
void pi_send_json(struct link_request *request, int status, struct buffer *body);
void pi_send_text_json(struct link_request *request, int status, const char *json);
const char *pi_host(struct link_request *request); /* of the Host header, "localhost" without */

/* The errors of prusalink.md 3.2, in the order of pi_reply.c's table. */
enum pi_error {
    PI_NOT_FOUND,
    PI_FILE_NOT_FOUND,
    PI_FOLDER_NOT_FOUND,
    PI_LOCATION_NOT_FOUND,
    PI_NOT_CURRENT_JOB,
    PI_FILE_EXISTS,
    PI_FOLDER_EXISTS,
    PI_DIRECTORY_NOT_EMPTY,
    PI_SD_READ_ONLY,
    PI_STORAGE_NOT_EXIST,
    PI_CURRENTLY_PRINTED,
    PI_CURRENTLY_PRINTING,
    PI_NOT_PRINTING,
    PI_NOT_PAUSED,
    PI_NOT_STATE_TO_PRINT,
    PI_TRANSFER_CONFLICT,
    PI_FORBIDDEN_CHARACTERS,
    PI_FILENAME_TOO_LONG,
    PI_FOLDERNAME_TOO_LONG,
    PI_NO_FILE,
    PI_SIZE_MISMATCH,
    PI_UPLOAD_FAILED,
    PI_LENGTH_REQUIRED,
    PI_TOO_LARGE,
    PI_NOT_SUPPORTED,
    PI_MEDIA_TYPE,
    PI_THUMBNAIL_GONE,
    PI_SAME_DESTINATION,
    PI_VALUE_TOO_LOW,
    PI_VALUE_TOO_HIGH,
    PI_TEMPERATURE_TOO_LOW,
    PI_TEMPERATURE_TOO_HIGH,
    PI_CANT_MOVE_AXIS,
    PI_CANT_MOVE_AXIS_Z,
    PI_REQUEST_TIMEOUT,
    PI_RESPONSE_TIMEOUT,
    PI_INTERNAL,
    PI_UNAVAILABLE,
    PI_FORBIDDEN,
    PI_SD_NOT_SUPPORTED,
    PI_TRANSFER_STOPPED,
    PI_CANT_CONNECT,
    PI_CANT_RESOLVE,
    PI_UPDATE_UNAVAILABLE,
    PI_UPDATE_FAILED,
    PI_INVALID_INI,
    PI_INVALID_BOOLEAN,
    PI_ERRORS,
};
void pi_send_error(struct link_request *request, enum pi_error error);
/* With what another program said of it, which only the text shows. */
void pi_send_error_details(struct link_request *request, enum pi_error error, const char *details);
/* The fixed pages of the framework. */
void pi_send_challenge(struct link_request *request, const char *challenge);
void pi_send_500(struct link_request *request); /* as the handler's method has it */
void pi_send_500_page(struct link_request *request);
void pi_send_400_page(struct link_request *request);
void pi_send_404(struct link_request *request); /* of a path that nobody has */
void pi_send_405(struct link_request *request);
void pi_send_gone_page(struct link_request *request);
/* The page under /error/<name>; false: there is none of that name. */
bool pi_send_error_named(struct link_request *request, const char *name);
bool pi_version_lost(struct link_request *request);
void pi_refused(struct link_request *request, enum http_problem problem, struct slice seen);

/* --- pi_auth.c --- */

/* False: answered 401 or 403. */
bool pi_allowed(struct link_request *request, bool digest_only);

/* --- pi_tree.c --- */

void pi_tree_open(struct pi *pi);
void pi_tree_close(struct pi *pi);
void pi_tree_changed(struct pi *pi); /* something on a medium is another */
void pi_tree_refresh(struct pi *pi); /* now, as who waits for it sees it */
/* The path of a display name's tree, "/PrusaLink gcodes/x.gcode", as the program knows it; NULL:
 * not there. "/" alone is no node. */
const struct file_node *pi_tree_find(const struct pi *pi, const char *path);
bool pi_tree_blind(const struct pi *pi, const char *path);
/* What came in one go at `path`: its second missing folder is blind. Before it is made. */
void pi_tree_new_folders(struct pi *pi, const char *path, bool folder);
const char *pi_storage_name(const struct link_request *request, enum storage_kind kind);
struct storage *pi_storage(const struct link_request *request, enum storage_kind kind);
bool pi_on_card(const struct link_request *request, const char *path);
/* "PRINT_FILE", … by the extension. */
const char *pi_file_type(const struct file_node *node);
bool pi_printable(const char *name);
const char *pi_base_name(const char *path);
/* --- pi_node.c --- */

/* Members of a file or folder of the v1 interface, into an open object. `path` is where it is,
 * `shown` the same as the client wrote it, with any slash at its end. */
void pi_write_node(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path, const char *shown);
void pi_write_refs(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path, const char *shown);
void pi_write_meta(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path);
/* The members of an array: all storages (path NULL), or what is in a folder. */
void pi_write_tree(struct link_request *request, struct json_writer *json, const char *path);
/* What the file says it takes, s; -1: nothing. */
int64_t pi_estimated_s(struct link_request *request, const char *path);
enum pi_image { PI_IMAGE_UNKNOWN, PI_IMAGE_NONE, PI_IMAGE_THERE };
/* The picture of a file; nothing is known of files without metadata. */
enum pi_image pi_image(struct link_request *request, const char *path, const char *format,
                       struct buffer *image);
void pi_facts_free(struct pi *pi);

/* --- pi_files.c --- */

/* "/PrusaLink gcodes/<rest>" of a v1 path in memory of the request; NULL: answered. */
const char *pi_v1_path(struct link_request *request, const char *storage, const char *rest);
bool pi_header_true(struct link_request *request, const char *name);
bool pi_forbidden(const char *path);
/* "Sat, 21 Nov 2026 02:49:02 GMT" in Unix seconds, as strptime() reads it; -1: it does not. */
int64_t pi_parse_date(const char *text);
/* Whether the client needs an answer: false: answered 304 or 500. */
bool pi_fresh(struct link_request *request);
/* Server, Last-Modified, ETag, Date. */
void pi_begin_cached(struct link_request *request, struct link_reply *reply, int status);
/* False: not in this state, or the printer refuses. */
bool pi_try_print(struct link_request *request, const char *path);
bool pi_busy_printing(const struct link_request *request); /* a job is in progress */
void pi_select(struct pi *pi, const char *path);           /* NULL: none */
bool pi_is_selected(const struct link_request *request, const char *path);
void pi_delete(struct link_request *request, const char *path, bool force);

void pi_v1_files_get(struct link_request *request);
void pi_v1_files_head(struct link_request *request);
void pi_v1_files_post(struct link_request *request);
void pi_v1_files_delete(struct link_request *request);

/* --- pi_upload.c, pi_multipart.c --- */

enum http_body_plan pi_v1_put(struct link_request *request);
enum http_body_plan pi_multipart_post(struct link_request *request);
/* The temporary name in the root of a storage: "/PrusaLink gcodes/.x.gcode.part". */
void pi_part_path(const char *path, struct buffer *out);

/* --- pi_download.c --- */

void pi_download_post(struct link_request *request);
void pi_download_delete(struct link_request *request);
void pi_download_destroy(struct pi *pi);

/* --- pi_status.c --- */

void pi_v1_info(struct link_request *request);
void pi_v1_status(struct link_request *request);
void pi_v1_job(struct link_request *request);
void pi_v1_storage(struct link_request *request);
void pi_v1_transfer(struct link_request *request);
void pi_v1_transfer_delete(struct link_request *request);
void pi_printer(struct link_request *request);
void pi_printer_sd(struct link_request *request);
void pi_job(struct link_request *request);
void pi_transfer(struct link_request *request);
void pi_look(struct link_request *request, struct machine_readings *readings);
bool pi_known(const struct link_request *request, int64_t after_us);
enum printer_state pi_state(const struct link_request *request);
const char *pi_state_text(enum printer_state state);

/* --- pi_printer.c --- */

double pi_rounded(double value, double scale);
/* As the printer prints it, `scale` 10 for one decimal; left out when unknown, or null where
 * `keep`. */
void pi_number(struct json_writer *json, const char *key, double value, double scale, bool keep);
void pi_known_int(struct json_writer *json, const char *key, int64_t value, bool keep);
/* An object that is the answer. */
void pi_begin_json(struct json_writer *json, struct buffer *body);
void pi_end_json(struct link_request *request, struct json_writer *json, struct buffer *body);

/* --- pi_legacy.c --- */

/* A writable storage; false: answered. */
bool pi_local_only(struct link_request *request, const char *storage);
void pi_files(struct link_request *request);
void pi_files_path(struct link_request *request);
void pi_file_get(struct link_request *request);
void pi_file_post(struct link_request *request);
void pi_file_delete(struct link_request *request);
void pi_thumbnail(struct link_request *request);
void pi_folder_post(struct link_request *request);
void pi_folder_delete(struct link_request *request);
void pi_modify(struct link_request *request);
/* --- pi_control.c --- */

void pi_job_command(struct link_request *request); /* POST /api/job */
void pi_v1_job_delete(struct link_request *request);
void pi_v1_job_put(struct link_request *request);
void pi_job_queue(void *pi); /* the order that was queued */
void pi_ready_post(struct link_request *request);
void pi_ready_delete(struct link_request *request);
void pi_printhead(struct link_request *request);
void pi_tool(struct link_request *request);
void pi_bed(struct link_request *request);
void pi_send_failed_command(struct link_request *request, const char *why);

/* --- pi_settings.c --- */

void pi_settings_get(struct link_request *request);
void pi_settings_post(struct link_request *request);
void pi_apikey_post(struct link_request *request);
void pi_apikey_delete(struct link_request *request);
void pi_serial_get(struct link_request *request);
void pi_serial_post(struct link_request *request);
bool pi_check(const struct link_settings *settings, struct error *error);

/* --- pi_connect.c: where the program stands with Connect and with its printer --- */

void pi_write_conditions(struct link_request *request, struct json_writer *json,
                         const char *connect, const char *printer, bool printer_first);
/* The server of Connect as its settings name it. */
struct pi_server {
    char hostname[256];
    uint16_t port; /* 0: the scheme's */
    bool tls;
};
void pi_server_of(const struct link_face *face, struct pi_server *out);
void pi_connection_get(struct link_request *request);
void pi_connection_post(struct link_request *request);
void pi_connection_delete(struct link_request *request);
void pi_ports(struct link_request *request);

/* --- pi_camera.c --- */

void pi_cameras(struct link_request *request);
void pi_cameras_order(struct link_request *request);
void pi_camera_snap_first(struct link_request *request);
void pi_camera_get(struct link_request *request);
void pi_camera_post(struct link_request *request);
void pi_camera_delete(struct link_request *request);
void pi_camera_snap(struct link_request *request);
void pi_camera_shoot(struct link_request *request);
void pi_camera_set(struct link_request *request);
void pi_camera_reset(struct link_request *request);
void pi_camera_register(struct link_request *request);
void pi_camera_unregister(struct link_request *request);
/* "camera": {"id": …}, if there is one. */
void pi_write_status_camera(struct link_request *request, struct json_writer *json);

/* --- pi_program.c: the program itself --- */

const char *pi_version_text(const struct link_face *face); /* "0.8.1" */
void pi_version(struct link_request *request);
void pi_update(struct link_request *request);
void pi_update_post(struct link_request *request);
void pi_logs(struct link_request *request);
void pi_log(struct link_request *request);
void pi_login(struct link_request *request);
void pi_timelapse(struct link_request *request);

/* --- pi.c --- */

/* As the framework takes it: what it has never heard of is GET (quirk L-19d). */
enum link_method pi_method(const struct link_request *request);

/* The body as JSON: an object; NULL: none, of another type, or not an object. Free it. */
struct cJSON *pi_body(struct link_request *request);
/* Any JSON; NULL: none, or of another type: the framework then has an empty object. Free it. */
struct cJSON *pi_any_body(struct link_request *request);
/* The program starts anew at `started_us`; every request but `except` breaks. */
void pi_restart(struct pi *pi, int64_t started_us, const struct link_request *except);
void pi_restart_now(void *pi); /* it was updated */

#endif
