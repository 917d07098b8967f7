#ifndef HOTBED_TESTS_PROTOCOL_SDK_BENCH_H
#define HOTBED_TESTS_PROTOCOL_SDK_BENCH_H

#include "harness/net/memory.h"
#include "sim/base/buffer.h"
#include "sim/protocol/connect/sdk.h"
#include "sim/wire/http_server.h"

/* One SDK with a host that does little, and a server in memory that answers what the test says. */

enum { BENCH_REQUESTS_MAX = 200 };

struct bench {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server, *other; /* http://connect and http://other */
    struct connect_sdk *sdk;
    struct storage storage;
    struct http_reply reply; /* to all that comes */
    struct http_reply first; /* to the first that comes, when its status is not 0 */
    bool hold_register;      /* POST /p/register is not answered */
    char *requests[BENCH_REQUESTS_MAX];
    int64_t times_us[BENCH_REQUESTS_MAX];
    size_t count;
    bool take;           /* the host takes commands and ends them never */
    const char *printed; /* path of what the host prints; NULL: nothing */
    uint32_t quirks_off; /* of the SDK that bench_make_sdk() makes */
    int interrupts;
    char failure[300], code[40], token[40];
    int polls_ended;
    int opened, requested, replied, ended;
    struct buffer trace_text;
};

int bench_set_up(void **state);
int bench_tear_down(void **state);
void bench_make_sdk(struct bench *bench, enum connect_sdk_version version); /* anew, with a token */
void bench_run(struct bench *bench, double seconds);
void bench_tell(struct bench *bench); /* an empty telemetry */
/* A telemetry that is answered with this command; runs until all is said. */
void bench_command(struct bench *bench, const char *id, const char *type, const char *body);
const char *bench_last(const struct bench *bench); /* request */
void bench_last_has(const struct bench *bench, const char *text);
const char *bench_below(const char *path); /* "sub/x" of "/local/sub/x" */

#endif
