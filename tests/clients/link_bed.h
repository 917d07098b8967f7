#ifndef HOTBED_TESTS_LINK_BED_H
#define HOTBED_TESTS_LINK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/clients/link_client.h"
#include "sim/base/buffer.h"
#include "sim/base/trace.h"
#include "sim/wire/http_server.h"

/* The client against a small service that does what its script says. Every test runs twice: in
 * virtual time over memory with our codec, and on the wall clock over sockets with libcurl. */

enum link_bed_guard { OPEN, LEGACY, SESSION, SHORT_LIVED, NEVER_GLAD, NO_NONCE };

struct link_bed {
    bool real;
    struct world world;
    struct real_driver *driver;
    struct memory_network *memory;
    struct socket_network *sockets;
    struct http_server *server;
    struct http_service service;
    struct endpoint at;
    struct link_transport *transport;
    struct link_client *client;
    struct trace trace;
    struct buffer log, traced;
    enum link_bed_guard guard;
    const char *realm; /* "Printer API" unless a test says otherwise */
    unsigned nonce;    /* number of the present one */
    struct http_reply *script;
    size_t script_count, script_at;
    /* what came of the last call */
    volatile bool ended;
    enum link_outcome outcome;
    int status;
    char why[400];
    unsigned attempts;
    bool stored;
    struct buffer sink;
    size_t sink_max;
    unsigned progress_calls;
    uint64_t progress_last;
};

/* A test in both ways, each with a bed of its own; afterwards no secret is in the trace. */
void link_bed_both(void (*test)(struct link_bed *bed));
/* The replies to the requests that are let in, one after the other; `{}` behind the last. */
void link_bed_script(struct link_bed *bed, struct http_reply *replies, size_t count);
/* What a call tells when it has ended. */
void link_bed_keep(void *owner, const struct link_result *result);
void link_bed_await(struct link_bed *bed);
/* Its end, and what was asked since the last one: "[GET /api/version]", with a '?' what was not let
 * in; NULL: whatever. */
void link_bed_expect(struct link_bed *bed, enum link_outcome outcome, const char *log);

#define TEXT_REPLY(code, text)                                                                     \
    {                                                                                              \
        .status = (code), .body = (text), .body_size = sizeof(text) - 1                            \
    }
#define RAW_REPLY(text)                                                                            \
    {                                                                                              \
        .raw = (text), .raw_size = sizeof(text) - 1, .after = HTTP_AFTER_CLOSE                     \
    }

#define LINK_BED_VERSION                                                                           \
    "{\"api\":\"2.0.0\",\"text\":\"PrusaLink\",\"capabilities\":{\"upload-by-put\":true}}"
#define LINK_BED_OLD_VERSION "{\"api\":\"0.1\",\"text\":\"Prusa SLA 1.0.5\"}"
#define LINK_BED_STATUS      "{\"printer\":{\"state\":\"IDLE\"}}"

#endif
