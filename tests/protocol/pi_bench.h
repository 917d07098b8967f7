#ifndef HOTBED_TESTS_PROTOCOL_PI_BENCH_H
#define HOTBED_TESTS_PROTOCOL_PI_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/base/memory.h"
#include "sim/printer/printer.h"

/* An MK3S with a PrusaLink at "pi:8080", and a Connect at "http://connect" that it may speak to. */

#define PI_BENCH_KEY "key-of-a-test"

struct pi_bench {
    struct world world;
    struct memory_network *network;
    struct http_service connect;
    struct http_server *connect_server;
    struct buffer told;  /* what Connect was told, a line each */
    const char *command; /* the next telemetry gets it; NULL: none */
    int info_status;     /* of GET /info */
    int register_status; /* of POST /p/register */
    bool gives_token;    /* to who polls */
    bool takes_cameras;
    bool silent;          /* does not answer who looks whether it is there */
    int telemetry_status; /* of what has no command */
    unsigned pictures, commands;
    struct printer_cameras cameras;
    struct link_settings settings;
    struct connect_face_settings face;
    struct printer *printer;
    struct stream *asking;
    struct buffer answer;
    int status;
};

/* `server`: of Connect, NULL: it knows none; `token`: registered there; `cameras`: as --camera has
 * them, ended by NULL; "Blind" gives no pictures. The printer then runs for a minute. */
void pi_bench_begin(struct pi_bench *bench, const char *server, const char *token,
                    const char *update, const char *const *cameras);
void pi_bench_end(struct pi_bench *bench);
void pi_bench_run(struct pi_bench *bench, double seconds);

/* A connection to its PrusaLink; what comes is appended to `answer`. */
struct stream *pi_bench_talk(struct pi_bench *bench);
/* The whole answer. It ends as soon as that is there, after 20 s at the latest. */
const char *pi_bench_ask(struct pi_bench *bench, const char *method, const char *path,
                         const char *headers, const char *json);
const char *pi_bench_get(struct pi_bench *bench, const char *path);

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        const char *has_ = text;                                                                   \
        if (strstr(has_, part) == NULL) {                                                          \
            fail_msg("no %s in %s", part, has_);                                                   \
        }                                                                                          \
    } while (0)

#define assert_asks(wanted, method, path, json)                                                    \
    do {                                                                                           \
        pi_bench_ask(&bench, method, path, "", json);                                              \
        if (bench.status != (wanted)) {                                                            \
            fail_msg("%s %s: %d, expected %d: %s", method, path, bench.status, wanted,             \
                     buffer_text(&bench.answer));                                                  \
        }                                                                                          \
    } while (0)

#endif
