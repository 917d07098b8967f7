#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/clients/link_client.h"
#include "harness/net/memory.h"
#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/wire/digest.h"
#include "sim/wire/http_server.h"

/* The client against a small service that does what its script says. Every test runs twice: in
 * virtual time over memory with our codec, and on the wall clock over sockets with libcurl. */

enum guard { OPEN, LEGACY, SESSION, SHORT_LIVED, NEVER_GLAD, NO_NONCE };

struct bed {
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
    enum guard guard;
    unsigned nonce; /* number of the present one */
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

static void write_nonce(const struct bed *bed, char out[32])
{
    snprintf(out, 32, "%016x", bed->nonce);
}

static bool admitted(struct bed *bed, const struct http_message *message, bool *stale)
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
    digest_user_hash(hash, algorithm, "maker", "Printer API", "secret-word");
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

static void challenge(struct bed *bed, struct http_exchange *exchange, bool stale)
{
    char nonce[32], value[300];
    write_nonce(bed, nonce);
    snprintf(value, sizeof value, "Digest realm=\"Printer API\"%s%s%s%s%s",
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
    struct bed *bed = owner;
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

static void bed_begin(struct bed *bed, bool real)
{
    struct error error;
    *bed = (struct bed){.real = real, .at = {.host = "127.0.0.1"}};
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

static void bed_end(struct bed *bed)
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

static void keep(void *owner, const struct link_result *result)
{
    struct bed *bed = owner;
    bed->ended = true;
    bed->outcome = result->outcome;
    bed->status = result->status;
    bed->attempts = result->attempts;
    bed->stored = result->stored;
    snprintf(bed->why, sizeof bed->why, "%s", result->why);
}

static void await(struct bed *bed)
{
    int64_t limit_us = bed->world.now_us + SECONDS(bed->real ? 10 : 100000);
    world_run(&bed->world, limit_us, &bed->ended);
    assert_true(bed->ended);
    bed->ended = false;
}

static void expect(struct bed *bed, enum link_outcome outcome, const char *log)
{
    await(bed);
    if (bed->outcome != outcome) {
        fail_msg("%s (%s) instead of %s; %s", link_outcome_name(bed->outcome), bed->why,
                 link_outcome_name(outcome), bed->log.bytes);
    }
    if (log != NULL) {
        assert_string_equal(bed->log.bytes, log);
    }
    buffer_clear(&bed->log);
}

static void both(void (*test)(struct bed *bed))
{
    for (int real = 0; real < 2; real++) {
        struct bed bed;
        bed_begin(&bed, real == 1);
        test(&bed);
        bed_end(&bed);
    }
}

#define TEXT_REPLY(code, text)                                                                     \
    {                                                                                              \
        .status = (code), .body = (text), .body_size = sizeof(text) - 1                            \
    }
#define RAW_REPLY(text)                                                                            \
    {                                                                                              \
        .raw = (text), .raw_size = sizeof(text) - 1, .after = HTTP_AFTER_CLOSE                     \
    }

static void script(struct bed *bed, struct http_reply *replies, size_t count)
{
    bed->script = replies;
    bed->script_count = count;
    bed->script_at = 0;
}

static const char version[] =
    "{\"api\":\"2.0.0\",\"text\":\"PrusaLink\",\"capabilities\":{\"upload-by-put\":true}}";
static const char old_version[] = "{\"api\":\"0.1\",\"text\":\"Prusa SLA 1.0.5\"}";
static const char status[] = "{\"printer\":{\"state\":\"IDLE\"}}";

/* ---- Authentication ---- */

static void follows(struct bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, status), TEXT_REPLY(200, status),
                                   TEXT_REPLY(200, status)};
    script(bed, replies, 3);
    bed->guard = LEGACY;
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_OK, "[?GET /api/v1/status][GET /api/v1/status]");
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_OK, "[GET /api/v1/status]"); /* the nonce is used again */
    bed->guard = SESSION;
    bed->nonce++;
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_OK, "[?GET /api/v1/status][GET /api/v1/status]");
}

static void follows_challenges_with_and_without_qop(void **state)
{
    (void)state;
    both(follows);
}

static void renews(struct bed *bed)
{
    bed->guard = SHORT_LIVED;
    struct link_request request = {.method = "GET", .target = "/x?y=1"};
    for (int i = 0; i < 3; i++) {
        link_client_send(bed->client, &request, keep, bed);
        expect(bed, LINK_OK, "[?GET /x?y=1][GET /x?y=1]");
    }
    bed->guard = NEVER_GLAD;
    link_client_send(bed->client, &request, keep, bed);
    await(bed);
    assert_int_equal(bed->outcome, LINK_UNAUTHORIZED);
    assert_in_range(bed->attempts, 2, 3); /* stale for ever: it stops */
}

static void a_stale_nonce_is_renewed_once(void **state)
{
    (void)state;
    both(renews);
}

static void gives_up(struct bed *bed)
{
    bed->guard = NO_NONCE;
    struct link_request request = {.method = "GET", .target = "/"};
    link_client_send(bed->client, &request, keep, bed);
    expect(bed, LINK_UNAUTHORIZED, "[?GET /]");
    assert_int_equal(bed->status, 401);
    struct error error;
    struct link_client_settings settings = {
        .url = link_client_url(bed->client), .user = "maker", .password = "no"};
    struct link_client *wrong = link_client_new(bed->transport, &settings, &error);
    bed->guard = LEGACY;
    link_client_send(wrong, &request, keep, bed);
    expect(bed, LINK_UNAUTHORIZED, "[?GET /][?GET /]");
    link_client_destroy(wrong);
}

static void wrong_passwords_and_challenges_end_at_once(void **state)
{
    (void)state;
    both(gives_up);
}

/* ---- Failures ---- */

struct misery {
    struct http_reply reply;
    enum link_outcome outcome;
};

static void suffers(struct bed *bed)
{
    static char large[5000];
    memset(large, ' ', sizeof large);
    struct misery miseries[] = {
        {TEXT_REPLY(404, "404: Not Found\n\n\n"), LINK_NOT_FOUND},
        {TEXT_REPLY(410, ""), LINK_NOT_FOUND},
        {TEXT_REPLY(409, "{\"title\": \"409: Conflict\",\"message\":\"File already exists\"}"),
         LINK_CONFLICT},
        {TEXT_REPLY(415, ""), LINK_REFUSED},
        {TEXT_REPLY(403, ""), LINK_REFUSED},
        {TEXT_REPLY(507, ""), LINK_REFUSED},
        {TEXT_REPLY(500, "<html>"), LINK_FAILED},
        {TEXT_REPLY(302, ""), LINK_UNEXPECTED},
        {TEXT_REPLY(200, "{\"printer\":"), LINK_WRONG_JSON},
        {TEXT_REPLY(200, "{\"printer\":{\"state\":5}}"), LINK_WRONG_JSON},
        {TEXT_REPLY(200, ""), LINK_WRONG_JSON},
        {{.status = 200, .body = large, .body_size = sizeof large}, LINK_TOO_LARGE},
        {RAW_REPLY("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"printer\""), LINK_BROKEN},
        {RAW_REPLY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"pri"),
         LINK_BROKEN},
        {RAW_REPLY("SSH-2.0-OpenSSH_9.2\r\n"), LINK_NOT_HTTP},
        {{.status = 0, .after = HTTP_AFTER_CLOSE}, LINK_BROKEN},
        {{.status = 0, .after = HTTP_AFTER_STALL}, LINK_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof miseries / sizeof *miseries; i++) {
        script(bed, &miseries[i].reply, 1);
        link_client_status(bed->client, keep, bed);
        expect(bed, miseries[i].outcome, "[GET /api/v1/status]");
        assert_true(*bed->why != '\0');
        if (miseries[i].outcome == LINK_CONFLICT) {
            assert_string_equal(bed->why, "409 File already exists");
        }
    }
    struct http_reply good = TEXT_REPLY(200, status);
    script(bed, &good, 1);
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_OK, NULL); /* nothing of all that lasts */
}

static void every_failure_has_a_name(void **state)
{
    (void)state;
    both(suffers);
}

static void endless_heads(struct bed *bed)
{
    struct buffer head = {0};
    buffer_append_text(&head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 2000; i++) {
        buffer_format(&head, "X-%d: %040d\r\n", i, i);
    }
    struct http_reply reply = {.raw = head.bytes, .raw_size = head.size, .after = HTTP_AFTER_CLOSE};
    script(bed, &reply, 1);
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_NOT_HTTP, NULL);
    buffer_free(&head);
}

static void a_head_without_end_is_no_http(void **state)
{
    (void)state;
    both(endless_heads);
}

static void nobody_there(struct bed *bed)
{
    struct error error;
    http_server_destroy(bed->server);
    bed->server = NULL;
    link_client_status(bed->client, keep, bed);
    expect(bed, LINK_CONNECT, "");
    struct link_client_settings settings = {.url = "http://127.0.0.1:1/path"};
    assert_null(link_client_new(bed->transport, &settings, &error));
}

static void a_refused_connection_is_told(void **state)
{
    (void)state;
    both(nobody_there);
}

/* ---- Uploads ---- */

static size_t read_letters(void *owner, uint64_t offset, char *bytes, size_t size,
                           struct error *error)
{
    (void)error;
    const uint64_t *end = owner;
    if (offset >= *end) {
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)('a' + (offset + i) % 26);
    }
    return size < *end - offset ? size : (size_t)(*end - offset);
}

static void count_progress(void *owner, uint64_t sent, uint64_t size)
{
    struct bed *bed = owner;
    assert_true(sent >= bed->progress_last && sent <= size);
    bed->progress_calls++;
    bed->progress_last = sent;
}

static void uploads(struct bed *bed)
{
    bed->guard = LEGACY;
    struct http_reply replies[] = {TEXT_REPLY(200, version), TEXT_REPLY(201, ""),
                                   TEXT_REPLY(201, ""),
                                   TEXT_REPLY(409, "{\"message\":\"Can't print right now\"}")};
    script(bed, replies, 4);
    uint64_t size = 300000;
    struct link_source source = {.read = read_letters, .owner = &size, .size = size};
    struct link_upload upload = {
        .path = "/usb//a b/c+d#.gcode", .source = &source, .progress = count_progress};
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_OK,
           "[?GET /api/version][GET /api/version][PUT /api/v1/files/usb/a%20b/c%2Bd%23.gcode "
           "300000 bytes]");
    assert_true(bed->stored && bed->progress_calls > 3);
    /* A new nonce in the middle: the body goes out again, from its beginning. */
    bed->nonce++;
    bed->progress_last = 0;
    upload = (struct link_upload){.path = "/usb/x.gcode",
                                  .source = &(struct link_source){read_letters, &size, 26}};
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_OK,
           "[?PUT /api/v1/files/usb/x.gcode abcdefghijklmnopqrstuvwxyz]"
           "[PUT /api/v1/files/usb/x.gcode abcdefghijklmnopqrstuvwxyz]");
    upload.print = true;
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_CONFLICT, NULL);
    assert_true(bed->stored); /* PL-CL-09 */
}

static void uploads_stream_and_tell_their_progress(void **state)
{
    (void)state;
    both(uploads);
}

static void breaks_off(struct bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, version)};
    script(bed, replies, 1);
    uint64_t half = 50000;
    struct link_source source = {.read = read_letters, .owner = &half, .size = 100000};
    struct link_upload upload = {.path = "/usb/x.gcode", .source = &source};
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_SOURCE, "[GET /api/version]");
    upload = (struct link_upload){.path = "/usb/../x.gcode", .source = &source};
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_REFUSED, "");
    upload = (struct link_upload){.path = "/usb/x.gcode", .file = "/nowhere/x.gcode"};
    link_client_upload(bed->client, &upload, keep, bed);
    expect(bed, LINK_SOURCE, "");
    assert_non_null(strstr(bed->why, "/nowhere/x.gcode: No such file"));
}

static void what_cannot_be_read_is_not_sent_in_half(void **state)
{
    (void)state;
    both(breaks_off);
}

static void posts(struct bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, old_version), TEXT_REPLY(201, "")};
    script(bed, replies, 2);
    char name[] = "/tmp/hotbed-link-XXXXXX";
    int fd = mkstemp(name);
    assert_int_equal(write(fd, "resin", 5), 5);
    close(fd);
    struct link_upload upload = {.path = "/local/folder/x.sl1", .file = name};
    link_client_upload(bed->client, &upload, keep, bed);
    await(bed);
    assert_int_equal(bed->outcome, LINK_OK);
    assert_non_null(strstr(bed->log.bytes, "[POST /api/files/local "));
    assert_non_null(strstr(bed->log.bytes, "name=\"path\"\r\n\r\n/folder\r\n"));
    assert_non_null(strstr(bed->log.bytes, "filename=\"x.sl1\""));
    assert_non_null(strstr(bed->log.bytes, "\r\n\r\nresin\r\n--"));
    unlink(name);
}

static void servers_without_put_get_a_form(void **state)
{
    (void)state;
    both(posts);
}

/* ---- Downloads ---- */

static bool take(void *owner, const char *bytes, size_t size)
{
    struct bed *bed = owner;
    buffer_append(&bed->sink, bytes, size);
    return bed->sink.size <= bed->sink_max;
}

static void downloads(struct bed *bed)
{
    static char content[100000];
    memset(content, 'g', sizeof content);
    struct http_reply whole = {.status = 200, .body = content, .body_size = sizeof content};
    struct http_reply replies[] = {whole, whole, whole,
                                   TEXT_REPLY(404, "{\"title\":\"File Not Found\"}")};
    script(bed, replies, 4);
    struct link_sink sink = {.write = take, .owner = bed};
    link_client_download(bed->client, "/api/files/local/PrusaLink gcodes/a%41.gcode/raw", &sink,
                         keep, bed);
    expect(bed, LINK_OK, "[GET /api/files/local/PrusaLink%20gcodes/a%41.gcode/raw]");
    assert_int_equal(bed->sink.size, sizeof content);
    buffer_clear(&bed->sink);
    sink.bytes_max = 5000;
    link_client_download(bed->client, "usb/X", &sink, keep, bed);
    expect(bed, LINK_TOO_LARGE, "[GET /usb/X]");
    assert_true(bed->sink.size <= 5000);
    sink.bytes_max = 0;
    bed->sink_max = 0;
    link_client_download(bed->client, "http://elsewhere/usb/X", &sink, keep, bed);
    expect(bed, LINK_SINK, "[GET /usb/X]");
    buffer_clear(&bed->sink);
    link_client_download(bed->client, "/usb/Y", &sink, keep, bed);
    expect(bed, LINK_NOT_FOUND, NULL);
    assert_int_equal(bed->sink.size, 0); /* an error is no content */
    assert_string_equal(bed->why, "404 File Not Found");
}

static void downloads_go_to_their_sink(void **state)
{
    (void)state;
    both(downloads);
}

/* ---- Following ---- */

static void see_transfer(void *owner, const struct link_transfer *transfer)
{
    struct bed *bed = owner;
    bed->progress_calls++;
    assert_true(transfer->running && fabs(transfer->progress - 0.5) < 1e-9 &&
                transfer->size == 100);
}

static void follows_transfer(struct bed *bed)
{
    struct http_reply replies[] = {
        TEXT_REPLY(200,
                   "{\"type\":\"FROM_CLIENT\",\"size\":100,\"progress\":50.0,\"transferred\":50}"),
        TEXT_REPLY(500, ""),
        RAW_REPLY("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        TEXT_REPLY(
            200, "{\"type\":\"FROM_CLIENT\",\"size\":\"100\",\"progress\":0.5,\"transferred\":50}"),
        {.status = 204}};
    script(bed, replies, 5);
    struct link_follow follow = {.period_us = MILLISECONDS(20), .progress = see_transfer};
    link_client_follow_transfer(bed->client, &follow, keep, bed);
    expect(bed, LINK_OK, NULL);
    assert_int_equal(bed->progress_calls, 2);
    assert_int_equal(bed->script_at, 5);
}

static void following_goes_on_after_what_passes(void **state)
{
    (void)state;
    both(follows_transfer);
}

/* ---- What servers say ---- */

static void see_listing(void *owner, const struct link_result *result)
{
    keep(owner, result);
    assert_int_equal(result->outcome, LINK_OK);
    const struct link_listing *listing = result->listing;
    assert_int_equal(listing->child_count, 2);
    assert_string_equal(listing->children[0].display_name, "a long name.gcode");
    assert_true(listing->children[0].read_only && listing->children[0].size == -1);
    assert_true(listing->children[1].folder && listing->children[1].size == 12);
    assert_string_equal(listing->children[1].display_name, "F");
    assert_string_equal(listing->etag, "\"77\"");
}

static void reads(struct bed *bed)
{
    struct http_reply listing = TEXT_REPLY(
        200,
        "{\"type\":\"FOLDER\",\"name\":\"usb\",\"ro\":false,\"children\":["
        "{\"name\":\"ALONGN~1.GCO\",\"ro\":true,\"type\":\"PRINT_FILE\",\"display_name\":\"a long "
        "name.gcode\"},"
        "{\"name\":\"F\",\"type\":\"FOLDER\",\"size\":12,\"read_only\":false,\"unknown\":[1]}]}");
    http_reply_header(&listing, "ETag", "\"77\"");
    struct http_reply replies[] = {listing, {.status = 304}, {.status = 204}};
    script(bed, replies, 3);
    link_client_list(bed->client, "/usb/", NULL, see_listing, bed);
    expect(bed, LINK_OK, "[GET /api/v1/files/usb]");
    link_client_list(bed->client, "/usb/", "\"77\"", keep, bed);
    expect(bed, LINK_OK, "[GET /api/v1/files/usb]");
    assert_int_equal(bed->status, 304);
    link_client_job(bed->client, keep, bed);
    expect(bed, LINK_OK, "[GET /api/v1/job]");
}

static void all_flavours_read_alike(void **state)
{
    (void)state;
    both(reads);
}

static void cancels(struct bed *bed)
{
    struct http_reply replies[] = {{.status = 0, .after = HTTP_AFTER_STALL},
                                   TEXT_REPLY(200, status)};
    script(bed, replies, 2);
    struct link_call *stuck = link_client_status(bed->client, keep, bed);
    struct link_call *waits = link_client_job(bed->client, keep, bed);
    link_client_status(bed->client, keep, bed);
    while (bed->log.size == 0) {
        world_step(&bed->world, bed->world.now_us + SECONDS(1));
    }
    link_call_cancel(waits);
    link_call_cancel(stuck);
    expect(bed, LINK_OK, "[GET /api/v1/status][GET /api/v1/status]");
    assert_int_equal(link_client_waiting(bed->client), 0);
}

static void calls_can_be_cancelled(void **state)
{
    (void)state;
    both(cancels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_challenges_with_and_without_qop),
        cmocka_unit_test(a_stale_nonce_is_renewed_once),
        cmocka_unit_test(wrong_passwords_and_challenges_end_at_once),
        cmocka_unit_test(every_failure_has_a_name),
        cmocka_unit_test(a_head_without_end_is_no_http),
        cmocka_unit_test(a_refused_connection_is_told),
        cmocka_unit_test(uploads_stream_and_tell_their_progress),
        cmocka_unit_test(what_cannot_be_read_is_not_sent_in_half),
        cmocka_unit_test(servers_without_put_get_a_form),
        cmocka_unit_test(downloads_go_to_their_sink),
        cmocka_unit_test(following_goes_on_after_what_passes),
        cmocka_unit_test(all_flavours_read_alike),
        cmocka_unit_test(calls_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
