#ifndef HOTBED_MOCKSERVERS_CONNECT_FILES_H
#define HOTBED_MOCKSERVERS_CONNECT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "sim/base/error.h"

/* Files that the server offers to printers (connect-sdk.md 9): under
 * /p/teams/{team_id}/files/{hash}/raw to those that show their token, and under
 * /files/{hash}/{name} to anybody; encrypted, for one transfer each, under /f/{iv}/raw (secrets.h).
 */

struct connect_server;

enum {
    CONNECT_FILES_MAX = 4096,
    CONNECT_FILES_BYTES_MAX = 1024 * 1024 * 1024, /* of all together */
};

/* How one is handed out. Zeroed with the lengths at -1 it is handed out as the contract wants
 * (CON-TRN-14). */
struct connect_file_manner {
    int status;               /* instead of 200, without the file; 0: 200 */
    const char *redirect;     /* 302 to here; NULL: none */
    const char *content_type; /* NULL: text/x.gcode; "": no such header */
    int64_t announce_bytes;   /* in Content-Length, whatever comes; -1: the truth */
    bool no_length;           /* no Content-Length: the body ends with the connection */
    bool endless;             /* and then it never does: the file comes again and again */
    int64_t cut_bytes;        /* so much of the body comes, then … ; -1: all */
    bool reset,
        stall; /* … the connection is broken, or nothing more is said on it; else it is closed */
    int64_t corrupt_at;   /* the bits of this byte are turned over; -1: none */
    int64_t delay_us;     /* before the first byte */
    uint64_t bytes_per_s; /* 0: at once */
    bool gzip;            /* the body is coded so, and says so */
    bool wrong_key; /* encrypted with another key than the printer was told; over a WebSocket: under
                       another number */
    bool whole;     /* Range is ignored: 200 with all of it */
    const char *mode; /* Content-Encryption-Mode of an encrypted one; NULL: AES-CTR; AES-CBC:
                         encrypted so, too; "": no such header */
    unsigned times;   /* the first so many requests only, the others get it properly; 0: all */
};

extern const struct connect_file_manner connect_file_properly;

struct connect_file {
    char hash[48];   /* what START_CONNECT_DOWNLOAD names; of the content */
    char sha256[65]; /* of the content, hex */
    int64_t team_id;
    char *name;
    char *path; /* "/files/{hash}/{name}": what START_URL_DOWNLOAD names, behind the server's base
                   URL */
    char *bytes;
    size_t size;
    struct connect_file_manner manner; /* its texts are owned */
    unsigned requests;                 /* that named it */
    unsigned served;                   /* of these, how often all of it went out as it is */
    char *packed;                      /* the bytes under gzip, once somebody wanted them so */
    size_t packed_size;
};

/* Copies `bytes`. `name` NULL: "file.gcode"; `manner` NULL: properly. NULL with the reason: too
 * many or too large. Lives as long as the server. */
struct connect_file *connect_server_serve(struct connect_server *server, const void *bytes,
                                          size_t size, const char *name, int64_t team_id,
                                          const struct connect_file_manner *manner,
                                          struct error *error);
/* From now on; counts its requests anew. Of one that was encrypted already, its key and mode stay.
 * Copies the texts. */
void connect_file_set_manner(struct connect_file *file, const struct connect_file_manner *manner);
struct connect_file *connect_server_file(struct connect_server *server,
                                         const char *hash); /* NULL: none */
struct connect_file *connect_server_file_at(struct connect_server *server,
                                            size_t index); /* NULL: no more */
cJSON *connect_file_json(const struct connect_file *file); /* caller's */

#endif
