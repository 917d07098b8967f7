#ifndef HOTBED_TESTS_FIRMWARE_BENCH_H
#define HOTBED_TESTS_FIRMWARE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/net/memory.h"
#include "sim/machine/machine.h"
#include "sim/protocol/link/link.h"
#include "sim/wire/http_server.h"

/* A printer's PrusaLink server in memory, and clients that send bytes as they are. */

enum { FIRMWARE_CLIENTS = 128 };

struct firmware_client {
    struct firmware *firmware;
    struct stream *stream; /* NULL: gone */
    struct buffer received;
    bool finished; /* the server has ended its side */
    bool ended;
    enum stream_end end;
};

struct firmware {
    struct world world;
    struct memory_network *network;
    struct machine *machine;
    struct link_settings settings;
    struct link_face *face;
    struct http_server *server;
    struct firmware_client clients[FIRMWARE_CLIENTS];
    size_t client_count;
    struct buffer nonce, request, reply; /* of the last firmware_ask() */
    int status;
};

/* Booted and idle, with an empty drive in memory of `total_bytes` (0: no limit). */
void firmware_begin(struct firmware *firmware, const char *model, uint64_t total_bytes);
void firmware_end(struct firmware *firmware);
void firmware_run(struct firmware *firmware, double seconds);

struct firmware_client *firmware_connect(struct firmware *firmware);
void firmware_send(struct firmware_client *client, const char *text);
void firmware_send_bytes(struct firmware_client *client, const void *bytes, size_t size);
void firmware_close(struct firmware_client *client);
void firmware_half_close(struct firmware_client *client);

/* One request on a connection of its own with the right key and these further header lines (each
 * with CR LF; NULL: none) and body (NULL: none). Returns the whole answer, and leaves its status in
 * firmware->status. */
const char *firmware_ask(struct firmware *firmware, const char *method, const char *target,
                         const char *headers, const char *body);
/* The same without any credentials. */
const char *firmware_ask_bare(struct firmware *firmware, const char *method, const char *target,
                              const char *headers, const char *body);
/* Asks for a nonce first, then by digest. */
const char *firmware_ask_digest(struct firmware *firmware, const char *method, const char *target,
                                const char *headers, const char *body);
/* The body of the last answer, chunks joined. */
const char *firmware_body(struct firmware *firmware);
/* "Authorization: Digest …" for a nonce, as of RFC 2069. */
void firmware_authorize(struct firmware *firmware, struct buffer *out, const char *method,
                        const char *target, const char *nonce, const char *password);
/* The nonce of a challenge in `answer`. */
void firmware_take_nonce(struct firmware *firmware, const char *answer);

void firmware_put(struct firmware *firmware, const char *path, const char *text);
/* What the drive holds, "/usb/a.gcode /usb/b.gcode ", hidden and temporary files too. */
const char *firmware_tree(struct firmware *firmware);

#define assert_text(text, part)                                                                    \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL) {                                                      \
            fail_msg("no \"%s\" in: %s", (part), (text));                                          \
        }                                                                                          \
    } while (0)

/* A print of a quarter of an hour, about. */
extern const char firmware_gcode[];

#endif
