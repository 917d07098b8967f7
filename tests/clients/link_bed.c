#include "tests/clients/link_bed.h"

#include <stdio.h>
#include <string.h>

#include "harness/net/memory.h"
#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "sim/wire/digest.h"

static void write_nonce(const struct link_bed *bed, char out[32])
{
    snprintf(out, 32, "%016x", bed->nonce);
}

static bool admitted(struct link_bed *bed, const struct http_message *message, bool *stale)
{
    struct slice value = http_header_value(message, "Authorization");
    struct digest_credentials given;
    char nonce[32], hash[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
    write_nonce(bed, nonce);
    *stale = false;
    if (bed->guard == OPEN) {
        return true;
    }
    if (value.bytes == NULL || !digest_credentials_parse(&given, value, NULL)) {
        return false;
    }
    enum digest_algorithm algorithm = bed->guard == SESSION ? DIGEST_MD5_SESS : DIGEST_MD5;
    digest_user_hash(hash, algorithm, "maker", bed->realm, "secret-word");
    struct digest_request request = {.user_hash = hash,
                                     .nonce = given.nonce,
                                     .cnonce = given.cnonce,
                                     .nc = given.nc,
                                     .qop = given.qop,
                                     .method = message->method,
                                     .uri = message->target};
    digest_response(response, algorithm, &request);
    bool right =
        strcmp(response, given.response) == 0 && (bed->guard == SESSION) == (given.qop != NULL);
    *stale = right && (strcmp(nonce, given.nonce) != 0 || bed->guard == NEVER_GLAD);
    digest_credentials_free(&given);
    return right && !*stale;
}

static void challenge(struct link_bed *bed, struct http_exchange *exchange, bool stale)
{
    char nonce[32], value[300];
    write_nonce(bed, nonce);
    snprintf(value, sizeof value, "Digest realm=\"%s\"%s%s%s%s%s", bed->realm,
             bed->guard != NO_NONCE ? ", nonce=\"" : "", bed->guard != NO_NONCE ? nonce : "",
             bed->guard != NO_NONCE ? "\"" : "",
             bed->guard == SESSION ? ", qop=\"auth\", algorithm=\"MD5-sess\", opaque=\"o\"" : "",
             stale ? ", stale=true" : "");
    struct http_reply reply = {.status = 401};
    http_reply_header(&reply, "WWW-Authenticate", value);
    http_exchange_reply(exchange, &reply);
}

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct link_bed *bed = owner;
    bool stale;
    bool good = admitted(bed, message, &stale);
    buffer_format(&bed->log, "[%s%.*s %.*s", good ? "" : "?", (int)message->method.size,
                  message->method.bytes, (int)message->target.size, message->target.bytes);
    if (message->body.size > 0 && message->body.size < 1000) {
        buffer_format(&bed->log, " %.*s", (int)message->body.size, message->body.bytes);
    } else if (message->body.size > 0) {
        buffer_format(&bed->log, " %zu bytes", message->body.size);
    }
    buffer_append_char(&bed->log, ']');
    if (!good) {
        challenge(bed, exchange, stale);
        return;
    }
    if (bed->guard == SHORT_LIVED) {
        bed->nonce++; /* each nonce serves once */
    }
    static const struct http_reply fine = {.status = 200, .body = "{}", .body_size = 2};
    http_exchange_reply(
        exchange, bed->script_at < bed->script_count ? &bed->script[bed->script_at++] : &fine);
}

static void keep_line(void *sink, const char *line, size_t size)
{
    buffer_append(sink, line, size);
}

static void bed_begin(struct link_bed *bed, bool real)
{
    struct error error;
    *bed = (struct link_bed){.real = real, .at = {.host = "127.0.0.1"}, .realm = "Printer API"};
    world_init(&bed->world, 1);
    trace_init(&bed->trace, keep_line, &bed->traced);
    bed->world.trace = &bed->trace;
    struct network *network;
    if (real) {
        bed->driver = real_driver_new(&bed->world, &error);
        bed->sockets = socket_network_new(bed->driver, NULL, &error);
        network = socket_network_face(bed->sockets);
        bed->transport = link_transport_curl(bed->driver, NULL, &error);
    } else {
        bed->memory = memory_network_new(&bed->world);
        network = memory_network_face(bed->memory);
        bed->transport = link_transport_wire(&bed->world, network);
    }
    bed->service =
        (struct http_service){.request = on_request, .service = bed, .body_bytes_max = 4 << 20};
    bed->server = http_server_new(&bed->world, network, &bed->service, NULL);
    assert_true(http_server_listen(bed->server, &bed->at, &error));
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", bed->at.port);
    struct link_client_settings settings = {.url = url,
                                            .user = "maker",
                                            .password = "secret-word",
                                            .idle_timeout_us =
                                                real ? MILLISECONDS(300) : SECONDS(30),
                                            .reply_bytes_max = 4096};
    bed->client = link_client_new(bed->transport, &settings, &error);
    assert_non_null(bed->client);
    buffer_append_text(&bed->log, "");
    bed->sink_max = SIZE_MAX;
}

static void bed_end(struct link_bed *bed)
{
    /* Whatever happened, no secret is in the trace. */
    assert_null(strstr(buffer_text(&bed->traced), "secret-word"));
    assert_null(strstr(buffer_text(&bed->traced), "response="));
    link_client_destroy(bed->client);
    link_transport_destroy(bed->transport);
    http_server_destroy(bed->server);
    if (bed->real) {
        socket_network_destroy(bed->sockets);
        real_driver_destroy(bed->driver);
    } else {
        memory_network_destroy(bed->memory);
    }
    trace_free(&bed->trace);
    world_free(&bed->world);
    buffer_free(&bed->log);
    buffer_free(&bed->traced);
    buffer_free(&bed->sink);
}

void link_bed_keep(void *owner, const struct link_result *result)
{
    struct link_bed *bed = owner;
    bed->ended = true;
    bed->outcome = result->outcome;
    bed->status = result->status;
    bed->attempts = result->attempts;
    bed->stored = result->stored;
    snprintf(bed->why, sizeof bed->why, "%s", result->why);
}

void link_bed_await(struct link_bed *bed)
{
    int64_t limit_us = bed->world.now_us + SECONDS(bed->real ? 10 : 100000);
    world_run(&bed->world, limit_us, &bed->ended);
    assert_true(bed->ended);
    bed->ended = false;
}

void link_bed_expect(struct link_bed *bed, enum link_outcome outcome, const char *log)
{
    link_bed_await(bed);
    if (bed->outcome != outcome) {
        fail_msg("%s (%s) instead of %s; %s", link_outcome_name(bed->outcome), bed->why,
                 link_outcome_name(outcome), bed->log.bytes);
    }
    if (log != NULL) {
        assert_string_equal(bed->log.bytes, log);
    }
    buffer_clear(&bed->log);
}

void link_bed_both(void (*test)(struct link_bed *bed))
{
    for (int real = 0; real < 2; real++) {
        struct link_bed bed;
        bed_begin(&bed, real == 1);
        test(&bed);
        bed_end(&bed);
    }
}

void link_bed_script(struct link_bed *bed, struct http_reply *replies, size_t count)
{
    bed->script = replies;
    bed->script_count = count;
    bed->script_at = 0;
}
