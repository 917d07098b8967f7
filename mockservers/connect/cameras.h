#ifndef HOTBED_MOCKSERVERS_CONNECT_CAMERAS_H
#define HOTBED_MOCKSERVERS_CONNECT_CAMERAS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "sim/base/buffer.h"

/* Cameras of printers (connect-sdk.md 10): registered with their printer's token, they send
 * pictures with their own. */

struct connect_server;
struct connect_printer;

enum {
    CONNECT_CAMERAS_MAX = 100000,                /* of all printers */
    CONNECT_PICTURE_BYTES_MAX = 4 * 1024 * 1024, /* larger ones are answered 413 */
};

struct connect_camera {
    struct connect_printer *printer;
    char *fingerprint;
    char *token;   /* NULL: revoked */
    cJSON *config; /* "config" of its registration */
    cJSON *capabilities;
    unsigned registrations;
    uint64_t pictures;      /* that were taken */
    uint64_t refused;       /* that were not */
    int64_t last_us;        /* of a picture; -1: never */
    struct buffer picture;  /* the last one */
    unsigned width, height; /* of it, as its JPEG header says; 0: it has none */
};

struct connect_camera *connect_server_camera(struct connect_server *server,
                                             const char *fingerprint); /* NULL: none */
struct connect_camera *connect_server_camera_at(struct connect_server *server,
                                                size_t index); /* NULL: no more */
/* The camera's token is void: its next picture is answered 403. */
void connect_camera_revoke(struct connect_camera *camera);
cJSON *connect_camera_json(const struct connect_camera *camera); /* caller's */

#endif
