#ifndef HOTBED_LINK_BUDDY_LINK_H
#define HOTBED_LINK_BUDDY_LINK_H

#include "sim/protocol/connect/buddy_message.h"
#include "sim/protocol/link/dialect.h"

/* Inside of the Buddy dialect (flavour B of prusalink.md): only link/buddy_*.c use this. Facts that
 * the document leaves open are from Prusa-Firmware-Buddy: lib/WUI. */

enum {
    BUDDY_LINK_BUFFER = 1024,      /* what is rendered and sent at once (prusalink.md 7) */
    BUDDY_LINK_PAGE_MAX = 127,     /* bytes of an error's body */
    BUDDY_LINK_TARGET_MAX = 168,   /* of the raw target, and of it and a boundary together */
    BUDDY_LINK_PATH_MAX = 103,     /* of a path on the drive, "/usb/" included */
    BUDDY_LINK_NONCE_S = 300,      /* a nonce is good for */
    BUDDY_LINK_JOB_BODY_MAX = 100, /* POST /api/job */
    BUDDY_LINK_FILE_BODY_MAX = 25, /* POST /api/files/… */
    BUDDY_LINK_JSON_TOKENS = 30,
};

/* --- the state of one server --- */

struct buddy_link {
    struct link_face *face;
    int64_t booted_us;
    uint32_t boots;
    uint32_t nonce_random; /* of this boot, never 0 */
    uint32_t changes;      /* running value under the ETags of folders */
    uint32_t uploads;      /* number of the next temporary file */
};

static inline struct buddy_link *buddy_link_of(const struct link_request *request)
{
    return request->face->dialect_state;
}

/* --- buddy_head.c: a request as the firmware's parser takes it --- */

struct buddy_asked {
    unsigned method;    /* one of enum link_method; LINK_OTHER: unknown */
    const char *target; /* raw, with the query */
    bool keep_alive;
    bool json; /* application/json is the first type of Accept */
    bool overwrite, print, make_folder;
    bool has_length;
    uint64_t length;
    uint32_t none_match;
    bool boundary; /* a Content-Type has one */
    int error;     /* 400, 414, 431; 0: none */
    /* the credentials that came last */
    bool by_key, right_key, part_of_key; /* part: of the right one, or it of this */
    uint64_t nonce, response[2];         /* response[1] has the first digits */
};

void buddy_head_read(const struct link_request *request, struct buddy_asked *asked);
const char *buddy_method_name(unsigned method); /* "GET" */

/* --- buddy_auth.c --- */

void buddy_auth_boot(struct buddy_link *link);
/* False: it was answered with 401. */
bool buddy_auth_check(struct link_request *request, const struct buddy_asked *asked);

/* --- buddy_page.c: replies --- */

enum buddy_closing {
    BUDDY_KEEP,
    BUDDY_CLOSE,
    BUDDY_ERROR_CLOSE, /* half-close, and swallow what still comes */
};

/* How a page ends what `asked` began: errors of requests that may have a body close. */
enum buddy_closing buddy_closing_of(const struct buddy_asked *asked, int status);
enum buddy_closing buddy_closing_plain(const struct buddy_asked *asked);

struct buddy_page {
    int status;
    enum buddy_closing closing;
    bool json;
    const char *text;     /* NULL: "" */
    const uint32_t *etag; /* NULL: none */
    const char *header;   /* one more header line with its CR LF; NULL: none */
};

const char *buddy_reason(int status);
void buddy_page_reply(struct link_request *request, const struct buddy_page *page);
/* A page as most handlers answer. */
void buddy_refuse(struct link_request *request, const struct buddy_asked *asked, int status,
                  const char *text);
/* The same, and what still comes is swallowed. */
void buddy_refuse_body(struct link_request *request, bool json, int status, const char *text);

/* Status 200 or 201 with a document; chunked when the connection stays. */
struct buddy_document {
    int status;
    bool keep_alive;
    const uint32_t *etag;
    const char *headers; /* more header lines; NULL: none */
};

void buddy_document_reply(struct link_request *request, const struct buddy_document *document,
                          const struct buddy_message *message);
/* Bytes of a known length. Takes over nothing; `content` instead of `bytes` when not NULL. */
void buddy_bytes_reply(struct link_request *request, const struct buddy_document *document,
                       const char *type, const void *bytes, size_t size,
                       struct file_content *content);
/* Bytes in chunks that fill the buffer. */
void buddy_chunks_reply(struct link_request *request, const struct buddy_document *document,
                        const char *type, const void *bytes, size_t size);

/* What is said to somebody who does not go on, and the end of the connection. */
void buddy_goodbye(struct link_request *request);

/* --- buddy_place.c: the drive --- */

/* What lies at a path of long and short names in any case. */
struct buddy_place {
    const struct file_node *node;   /* NULL: nothing is there */
    const struct file_node *parent; /* NULL: `node` is the root */
    uint32_t index;                 /* in parent */
    struct buffer
        path; /* as the machine has it, "/usb/Long name.gcode"; of what is missing, as asked */
    struct buffer shorter; /* "/usb/LONGNA~1.GCO"; likewise */
    bool in_file;          /* a file stands on the way */
};

/* False: nothing is there; `path` and `shorter` then go as far as they lead, the rest as it is. */
bool buddy_place_find(struct machine *machine, const char *path, struct buddy_place *place);
void buddy_place_free(struct buddy_place *place);
/* The 8.3 name of a child of the folder at `place`. */
void buddy_place_short_name(struct machine *machine, const struct buddy_place *place,
                            uint32_t index, char out[13]);
bool buddy_place_partial(
    const struct file_node *node); /* a download of Connect that is under way */
bool buddy_drive_present(struct machine *machine);
int64_t buddy_fat_time(int64_t unix_s); /* as the drive keeps it and the firmware reads it back */

enum buddy_path { BUDDY_PATH_GOOD, BUDDY_PATH_BAD, BUDDY_PATH_FORBIDDEN };
/* The path on the drive that a target names, behind `skip` bytes; `room` is the firmware's buffer,
 * with the NUL. */
enum buddy_path buddy_path_of(const char *target, size_t skip, size_t room, bool octoprint,
                              struct buffer *path);
/* The decoded target without its query; false: the firmware does not take it for a file name. */
bool buddy_decode(const char *target, size_t room, struct buffer *out);
/* Whether all components are names that FAT can hold. */
bool buddy_fat_name_good(const char *path);

/* --- buddy_view.c: what the printer tells of itself --- */

/* A token that is written out and brings the comma behind it itself; the value is escaped. */
void buddy_custom(struct buddy_message *message, const char *before, const char *value,
                  const char *after);

typedef void buddy_view(struct link_face *face, struct buddy_message *message);

buddy_view buddy_view_version, buddy_view_info, buddy_view_storage, buddy_view_status,
    buddy_view_printer, buddy_view_job, buddy_view_job_octo, buddy_view_transfer,
    buddy_view_transfer_octo;

/* The state that a client sees: one of IDLE BUSY PRINTING PAUSED FINISHED STOPPED ATTENTION. */
enum printer_state buddy_state_of(struct machine *machine);
bool buddy_has_job(struct machine *machine);
bool buddy_is_printing(struct machine *machine); /* anything between a start and its end */
/* Whether the print that runs is of the file at `path` (as the machine has it). */
bool buddy_prints(struct machine *machine, const char *path);
bool buddy_at_rest(struct machine *machine); /* a print could begin */
bool buddy_firmware_from(const struct link_face *face, int major, int minor, int patch);

/* --- buddy_listing.c --- */

struct buddy_listing {
    const char *path; /* on the drive */
    bool octoprint, head;
    bool created; /* answers an upload */
    bool keep_alive, json;
    const uint32_t *etag; /* of folders */
};

void buddy_listing_reply(struct link_request *request, const struct buddy_listing *listing);
uint32_t buddy_etag(const struct buddy_link *link, const char *path);
void buddy_thumbnail_reply(struct link_request *request, const struct buddy_asked *asked);
void buddy_download_reply(struct link_request *request, const struct buddy_asked *asked);

/* --- buddy_upload.c --- */

enum http_body_plan buddy_upload_begin(struct link_request *request,
                                       const struct buddy_asked *asked, const char *path);

/* --- buddy_order.c: what clients tell the printer to do --- */

void buddy_delete_file(struct link_request *request, const struct buddy_asked *asked,
                       const char *path);
void buddy_make_folder(struct link_request *request, const struct buddy_asked *asked,
                       const char *path);
void buddy_print_file(struct link_request *request, const struct buddy_asked *asked,
                      const char *path);
bool buddy_start(struct machine *machine, const char *path); /* false: not now, or not this */
void buddy_job_request(struct link_request *request, const struct buddy_asked *asked,
                       const char *suffix);
enum http_body_plan buddy_job_command(struct link_request *request,
                                      const struct buddy_asked *asked);
enum http_body_plan buddy_file_command(struct link_request *request,
                                       const struct buddy_asked *asked, const char *path);

#endif
