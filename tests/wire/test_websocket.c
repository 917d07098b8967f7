#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"
#include "sim/wire/websocket.h"

/* Two ends in one world, from the handshake on; what each is told is a line of text. */
struct side {
    struct websocket *websocket;
    struct buffer log;
    bool destroy_at_message, pause_at_message;
    bool streams; /* is told frames */
};

struct bed {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server;
    struct endpoint at;
    struct http_client http;
    struct side client, peer;
    struct websocket_settings client_settings, peer_settings;
    int status;          /* what the service answers; 0: it grants */
    const char *refusal; /* that it found */
    bool frames;         /* log them */
};

static void show(struct buffer *log, const char *what, const char *bytes, size_t size)
{
    buffer_append_text(log, what);
    if (size <= 40) {
        buffer_append(log, bytes, size);
    } else {
        buffer_format(log, "%zu bytes", size);
    }
    buffer_append_char(log, ']');
}

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    struct side *side = owner;
    buffer_format(&side->log, "[%s ", websocket_opcode_name(opcode));
    show(&side->log, "", bytes, size);
    if (side->pause_at_message) {
        websocket_pause(side->websocket);
    }
    if (side->destroy_at_message) {
        websocket_destroy(side->websocket);
        side->websocket = NULL;
    }
}

static void on_data(void *owner, const struct websocket_frame *frame)
{
    struct side *side = owner;
    show(&side->log, frame->fin ? "[last " : "[piece ", frame->payload, frame->size);
}

static void on_frame(void *owner, bool sent, const struct websocket_frame *frame)
{
    struct side *side = owner;
    if (!sent && (frame->opcode == WEBSOCKET_PING || frame->opcode == WEBSOCKET_PONG)) {
        buffer_format(&side->log, "[%s ", websocket_opcode_name(frame->opcode));
        show(&side->log, "", frame->payload, frame->size);
    }
}

static void on_end(void *owner, const struct websocket_end *end)
{
    static const char *const kinds[] = {"closed", "broken", "stream", "silent"};
    struct side *side = owner;
    buffer_format(&side->log, "[%s %u %s]", kinds[end->kind], (unsigned)end->code, end->why);
    websocket_destroy(side->websocket);
    side->websocket = NULL;
}

static const struct websocket_events events = {
    .message = on_message, .frame = on_frame, .ended = on_end};
static const struct websocket_events streaming = {
    .data = on_data, .frame = on_frame, .ended = on_end};

static void join(struct bed *bed, struct side *side, struct stream *stream,
                 const struct websocket_settings *settings, struct slice early)
{
    side->websocket =
        websocket_new(&bed->world, stream, settings, side->streams ? &streaming : &events, side);
    websocket_receive(side->websocket, early.bytes, early.size);
}

static void on_take(void *owner, struct stream *stream, struct slice early)
{
    struct bed *bed = owner;
    if (stream == NULL) {
        buffer_append_text(&bed->peer.log, "[no stream]");
        return;
    }
    join(bed, &bed->peer, stream, &bed->peer_settings, early);
}

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bed *bed = owner;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    struct http_reply reply = {0};
    int refused = websocket_request_refused(message, &bed->refusal);
    if (refused != 0) {
        reply.status = refused;
    } else {
        websocket_grant(&reply, message, "prusa-connect", accept);
        reply.upgrade = (struct http_upgrade){.take = on_take, .owner = bed};
    }
    http_exchange_reply(exchange, &reply);
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct bed *bed = owner;
    bed->status = message->status;
    if (message->status == 101) {
        struct slice early;
        struct stream *stream = http_client_take(&bed->http, &early);
        join(bed, &bed->client, stream, &bed->client_settings, early);
    }
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    (void)owner;
    fail_msg("%s", http_failure_name(failure->kind));
}

static const struct http_client_events http_events = {.reply = on_reply, .failed = on_failed};

static const char upgrade[] =
    "GET /p/ws HTTP/1.1\r\nHost: connect\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void run(struct bed *bed, int64_t us)
{
    world_run(&bed->world, bed->world.now_us + us, NULL);
}

static void begin(struct bed *bed)
{
    struct error error;
    world_init(&bed->world, 1);
    bed->network = memory_network_new(&bed->world);
    bed->service = (struct http_service){.request = on_request, .service = bed};
    bed->at = (struct endpoint){.host = "connect", .port = 80};
    bed->server = http_server_new(&bed->world, memory_network_face(bed->network), &bed->service,
                                  &(struct http_server_limits){.idle_timeout_us = SECONDS(1)});
    assert_true(http_server_listen(bed->server, &bed->at, &error));
    http_client_init(&bed->http, &bed->world, memory_network_face(bed->network), &bed->at,
                     &http_events, bed);
    bed->http.upgrades = true;
    bed->client_settings.client = true;
}

static void open_with(struct bed *bed, const char *request)
{
    begin(bed);
    http_client_send(&bed->http, request, strlen(request), false);
    run(bed, 1000);
}

static void open_bed(struct bed *bed)
{
    open_with(bed, upgrade);
    assert_int_equal(bed->status, 101);
    assert_non_null(bed->client.websocket);
    assert_non_null(bed->peer.websocket);
}

static void close_bed(struct bed *bed)
{
    http_client_free(&bed->http);
    websocket_destroy(bed->client.websocket);
    websocket_destroy(bed->peer.websocket);
    http_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    buffer_free(&bed->client.log);
    buffer_free(&bed->peer.log);
    world_free(&bed->world);
}

static void expect(struct bed *bed, const char *client, const char *peer)
{
    run(bed, 1000);
    assert_string_equal(buffer_text(&bed->client.log), client);
    assert_string_equal(buffer_text(&bed->peer.log), peer);
}

static void handshake_as_the_vector_says(void **state)
{
    (void)state;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    websocket_accept_of(accept, slice_of("x3JJHMbDL1EzLkh9GBhXDw==")); /* connect-buddy.md 1.6 */
    assert_string_equal(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    websocket_accept_of(accept, slice_of("dGhlIHNhbXBsZSBub25jZQ==")); /* RFC 6455 section 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    struct random random;
    char key[WEBSOCKET_KEY_BYTES], other[WEBSOCKET_KEY_BYTES];
    random_seed(&random, 1);
    websocket_make_key(key, &random);
    websocket_make_key(other, &random);
    assert_int_equal(strlen(key), 24);
    assert_string_equal(key + 22, "==");
    assert_string_not_equal(key, other);
}

static void requests_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"", 426},
        {"Connection: keep-alive\r\nUpgrade: websocket\r\n", 426},
        {"Connection: upgrade\r\nUpgrade: h2c\r\n", 426},
        {"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n", 426},
        {"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400},
        {"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=\r\n",
         400},
        {"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDx==\r\n",
         400},
        {"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n",
         101},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed = {0};
        struct buffer request = {0};
        buffer_format(&request, "GET / HTTP/1.1\r\nHost: connect\r\n%s\r\n", cases[i].headers);
        open_with(&bed, request.bytes);
        assert_int_equal(bed.status, cases[i].status);
        buffer_free(&request);
        close_bed(&bed);
    }
}

static void messages_both_ways(void **state)
{
    (void)state;
    struct bed bed = {0};
    open_bed(&bed);
    run(&bed, SECONDS(5)); /* the front's idle time-out is no longer its business */
    websocket_send(bed.client.websocket, WEBSOCKET_TEXT, "hello", 5);
    websocket_send(bed.client.websocket, WEBSOCKET_TEXT, "", 0);
    websocket_send(bed.peer.websocket, WEBSOCKET_BINARY, "there", 5);
    char large[60000];
    memset(large, 'x', sizeof large);
    websocket_send(bed.peer.websocket, WEBSOCKET_TEXT, large, sizeof large);
    expect(&bed, "[binary there][text 60000 bytes]", "[text hello][text ]");
    close_bed(&bed);
}

static void send_piece(struct websocket *websocket, uint8_t opcode, bool fin, const char *text,
                       bool masked)
{
    websocket_send_frame(
        websocket,
        &(struct websocket_frame){
            .opcode = opcode, .fin = fin, .masked = masked, .payload = text, .size = strlen(text)});
}

static void fragments_with_a_ping_between(void **state)
{
    (void)state;
    struct bed bed = {0};
    open_bed(&bed);
    send_piece(bed.client.websocket, WEBSOCKET_TEXT, false, "one ", true);
    websocket_send(bed.client.websocket, WEBSOCKET_PING, "still here", 10);
    send_piece(bed.client.websocket, WEBSOCKET_CONTINUATION, false, "two ", true);
    send_piece(bed.client.websocket, WEBSOCKET_CONTINUATION, true, "three", true);
    expect(&bed, "[pong still here]", "[ping still here][text one two three]");
    close_bed(&bed);
}

static void frames_as_they_come(void **state)
{
    (void)state;
    struct bed bed = {.client = {.streams = true},
                      .client_settings = {.any_data_opcode = true, .rsv_ignored = 4}};
    open_bed(&bed);
    send_piece(bed.peer.websocket, WEBSOCKET_TEXT, false, "one", false);
    send_piece(bed.peer.websocket, WEBSOCKET_BINARY, true, "two", false); /* Buddy takes it */
    websocket_send_frame(
        bed.peer.websocket,
        &(struct websocket_frame){
            .opcode = WEBSOCKET_TEXT, .fin = true, .rsv = 4, .payload = "rsv1", .size = 4});
    expect(&bed, "[piece one][last two][last rsv1]", "");
    close_bed(&bed);
}

static void closing_in_order(void **state)
{
    (void)state;
    struct bed bed = {0};
    open_bed(&bed);
    websocket_close(bed.peer.websocket, WEBSOCKET_GOING_AWAY, "maintenance");
    websocket_send(bed.peer.websocket, WEBSOCKET_TEXT, "too late", 8);
    expect(&bed, "[closed 1001 maintenance]", "[closed 1001 ]");
    close_bed(&bed);
    bed = (struct bed){0};
    open_bed(&bed);
    websocket_close(bed.client.websocket, WEBSOCKET_NO_CODE, NULL);
    expect(&bed, "[closed 1005 ]", "[closed 1005 ]");
    close_bed(&bed);
}

static void whoever_just_leaves(void **state)
{
    (void)state;
    struct bed bed = {.client_settings = {.never_closes = true}};
    open_bed(&bed);
    websocket_close(bed.peer.websocket, WEBSOCKET_NORMAL, NULL);
    expect(&bed, "[closed 1000 ]", "[stream 1006 the other side closed the connection]");
    close_bed(&bed);
    bed = (struct bed){.client = {.pause_at_message = true}};
    open_bed(&bed);
    websocket_send(bed.peer.websocket, WEBSOCKET_TEXT, "read this", 9);
    websocket_close(bed.peer.websocket, WEBSOCKET_NORMAL, NULL);
    run(&bed, SECONDS(11));
    expect(&bed, "[text read this]", "[silent 1006 the Close was not answered]");
    assert_true(websocket_waiting(bed.client.websocket));
    websocket_resume(bed.client.websocket);
    assert_string_equal(buffer_text(&bed.client.log), "[text read this][closed 1000 ]");
    close_bed(&bed);
}

static void one_message_at_a_time(void **state)
{
    (void)state;
    struct bed bed = {.client = {.pause_at_message = true}};
    open_bed(&bed);
    for (int i = 0; i < 3; i++) {
        websocket_send(bed.peer.websocket, WEBSOCKET_TEXT, (char[]){(char)('a' + i)}, 1);
    }
    websocket_destroy(bed.peer.websocket);
    bed.peer.websocket = NULL;
    expect(&bed, "[text a]", "");
    websocket_resume(bed.client.websocket);
    websocket_resume(bed.client.websocket);
    assert_true(websocket_waiting(bed.client.websocket)); /* the end */
    expect(&bed, "[text a][text b][text c]", "");
    websocket_resume(bed.client.websocket);
    expect(&bed, "[text a][text b][text c][stream 1006 the other side closed the connection]", "");
    close_bed(&bed);
}

static void destroyed_within_a_message(void **state)
{
    (void)state;
    struct bed bed = {.client = {.destroy_at_message = true}};
    open_bed(&bed);
    websocket_send_raw(bed.peer.websocket, "\x81\x01x\x81\x01y", 6);
    expect(&bed, "[text x]", "[stream 1006 the other side closed the connection]");
    close_bed(&bed);
}

/* What breaks the protocol, as bytes towards the client or the server, and what each side says. */
static void offences(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool to_server;
        const char *told, *peer;
    } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
        {BYTES("\x81\x81\1\2\3\4\x60"), false, "[broken 1002 a server must not mask its frames]",
         "[closed 1002 a server must not mask its frames]"},
        {BYTES("\x81\x01x"), true, "[broken 1002 a client must mask its frames]",
         "[closed 1002 a client must mask its frames]"},
        {BYTES("\x91\x01x"), false, "[broken 1002 a reserved bit is set]",
         "[closed 1002 a reserved bit is set]"},
        {BYTES("\xc1\x01x"), false, "[broken 1002 a reserved bit is set]",
         "[closed 1002 a reserved bit is set]"},
        {BYTES("\x83\x01x"), false, "[broken 1002 a reserved opcode]",
         "[closed 1002 a reserved opcode]"},
        {BYTES("\x8b\x01x"), false, "[broken 1002 a reserved opcode]",
         "[closed 1002 a reserved opcode]"},
        {BYTES("\x80\x01x"), false, "[broken 1002 a continuation of nothing]",
         "[closed 1002 a continuation of nothing]"},
        {BYTES("\x01\x01x\x01\x01y"), false, "[broken 1002 a new message within another]",
         "[closed 1002 a new message within another]"},
        {BYTES("\x81\x7f\0\0\0\0\0\1\0\0x"), false,
         "[broken 1009 the frame is larger than allowed]",
         "[closed 1009 the frame is larger than allowed]"},
        {BYTES("\x01\x60"
               "0123456789abcdef0123456789abcdef0123456789abcdef"
               "0123456789abcdef0123456789abcdef0123456789abcdef\x80\x05"
               "12345"),
         false, "[broken 1009 the message is larger than allowed]",
         "[closed 1009 the message is larger than allowed]"},
        {BYTES("\x01\0\0\0\0\0\0\0\0\0"), false,
         "[broken 1009 the message has more fragments than allowed]",
         "[closed 1009 the message has more fragments than allowed]"},
        {BYTES("\x88\x01x"), false, "[broken 1002 a Close with a code that is none]",
         "[closed 1002 a Close with a code that is none]"},
        {BYTES("\x88\x02\x03\xed"), false, "[broken 1002 a Close with a code that is none]",
         "[closed 1002 a Close with a code that is none]"},
#define CUT "a control frame that is cut or too long, or a length that is written wrongly"
        {BYTES("\x89\x7e\0\x7e"), false, "[broken 1002 " CUT "]", "[closed 1002 " CUT "]"},
        {BYTES("\x09\x01x"), false, "[broken 1002 " CUT "]", "[closed 1002 " CUT "]"},
        {BYTES("\x81\x7e\0\x01x"), false, "[broken 1002 " CUT "]", "[closed 1002 " CUT "]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed = {.client_settings = {.message_bytes_max = 100, .message_frames_max = 4}};
        open_bed(&bed);
        struct websocket *from = cases[i].to_server ? bed.client.websocket : bed.peer.websocket;
        websocket_send_raw(from, cases[i].bytes, cases[i].size);
        const char *told = cases[i].told, *peer = cases[i].peer;
        expect(&bed, cases[i].to_server ? peer : told, cases[i].to_server ? told : peer);
        close_bed(&bed);
    }
}

static void pieces_of_one_byte(void **state)
{
    (void)state;
    struct bed bed = {0};
    open_bed(&bed);
    static const char bytes[] = "\x01\x03one\x89\x01!\x80\x03two\x82\x7e\0\x80";
    char whole[sizeof bytes - 1 + 128];
    memset(whole, 'y', sizeof whole);
    memcpy(whole, bytes, sizeof bytes - 1);
    for (size_t i = 0; i < sizeof whole; i++) {
        websocket_send_raw(bed.peer.websocket, whole + i, 1);
    }
    expect(&bed, "[ping !][text onetwo][binary 128 bytes]", "[pong !]");
    close_bed(&bed);
}

static void masks_are_of_the_seed(void **state)
{
    (void)state;
    struct buffer logs[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct bed bed = {0};
        open_bed(&bed);
        websocket_send(bed.client.websocket, WEBSOCKET_TEXT, "masked", 6);
        run(&bed, 1000);
        buffer_format(&logs[i], "%llu", (unsigned long long)random_next(&bed.world.random));
        close_bed(&bed);
    }
    assert_string_equal(logs[0].bytes, logs[1].bytes);
    buffer_free(&logs[0]);
    buffer_free(&logs[1]);
}

static void the_connection_ends_before_the_upgrade(void **state)
{
    (void)state;
    struct bed bed = {0};
    begin(&bed);
    http_client_send(&bed.http, upgrade, sizeof upgrade - 1, false);
    world_step(&bed.world, bed.world.now_us);
    world_step(&bed.world, bed.world.now_us); /* accepted, opened */
    http_client_close(&bed.http);
    run(&bed, 1000);
    assert_true(bed.peer.log.size == 0 || strncmp(bed.peer.log.bytes, "[no stream]", 11) == 0 ||
                strncmp(bed.peer.log.bytes, "[stream", 7) == 0);
    assert_null(bed.peer.websocket);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_as_the_vector_says),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(messages_both_ways),
        cmocka_unit_test(fragments_with_a_ping_between),
        cmocka_unit_test(frames_as_they_come),
        cmocka_unit_test(closing_in_order),
        cmocka_unit_test(whoever_just_leaves),
        cmocka_unit_test(one_message_at_a_time),
        cmocka_unit_test(destroyed_within_a_message),
        cmocka_unit_test(offences),
        cmocka_unit_test(pieces_of_one_byte),
        cmocka_unit_test(masks_are_of_the_seed),
        cmocka_unit_test(the_connection_ends_before_the_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
