#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy.h"
#include "sim/protocol/connect/buddy_ws.h"
#include "tests/protocol/buddy_bench.h"

/* A Buddy printer of the WebSocket build and a server that takes its messages apart. */
struct socket_bench {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server;
    struct connect_face_settings settings;
    struct printer *printer;
    struct websocket *socket; /* NULL: none stands */
    struct buffer log;        /* what the printer said since it was cleared */
    char head[1024];          /* of the last upgrade */
    int64_t asked_us[32];     /* when upgrades were asked for */
    size_t asked;
    int status;                /* of the answer; 0: 101 */
    const char *headers[4][2]; /* of the 101, instead of the right ones */
    size_t frame_bytes_max;    /* of data frames that came */
    bool unmasked, first_is_text, rest_continues;
    unsigned frames;
    int64_t ping_us, said_us;
};

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    struct socket_bench *bench = owner;
    assert_int_equal(opcode, WEBSOCKET_TEXT);
    bench->said_us = bench->world.now_us;
    buffer_append(&bench->log, bytes, size);
    buffer_append_char(&bench->log, '\n');
}

static void on_frame(void *owner, bool sent, const struct websocket_frame *frame)
{
    struct socket_bench *bench = owner;
    if (sent) {
        return;
    }
    assert_true(frame->masked);
    assert_int_equal(frame->rsv, 0);
    if (frame->opcode == WEBSOCKET_PING || frame->opcode == WEBSOCKET_PONG) {
        bench->ping_us = bench->world.now_us;
        buffer_format(&bench->log, "%s(%.*s)\n", websocket_opcode_name(frame->opcode),
                      (int)frame->size, frame->payload);
        return;
    }
    bench->frames++;
    assert_true(frame->size <= 512);
    if (frame->size > bench->frame_bytes_max) {
        bench->frame_bytes_max = frame->size;
    }
}

static void on_end(void *owner, const struct websocket_end *end)
{
    struct socket_bench *bench = owner;
    buffer_format(&bench->log, "end %d\n", (int)end->kind);
    websocket_destroy(bench->socket);
    bench->socket = NULL;
}

static const struct websocket_events socket_events = {
    .message = on_message, .frame = on_frame, .ended = on_end};

static void on_take(void *owner, struct stream *stream, struct slice early)
{
    struct socket_bench *bench = owner;
    if (stream == NULL) {
        return;
    }
    assert_null(bench->socket);
    bench->socket = websocket_new(&bench->world, stream, &(struct websocket_settings){0},
                                  &socket_events, bench);
    websocket_receive(bench->socket, early.bytes, early.size);
}

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct socket_bench *bench = owner;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    struct http_reply reply = {.status = bench->status};
    assert_true(slice_is(message->target, "/p/ws"));
    assert_true(message->head.size < sizeof bench->head);
    memcpy(bench->head, message->head.bytes, message->head.size);
    bench->head[message->head.size] = '\0';
    assert_true(bench->asked < 32);
    bench->asked_us[bench->asked++] = bench->world.now_us;
    if (bench->status == 0) {
        const char *why;
        assert_int_equal(websocket_request_refused(message, &why), 0);
        websocket_grant(&reply, message, "prusa-connect", accept);
        for (size_t i = 0; i < 4; i++) {
            if (bench->headers[i][0] != NULL) {
                reply.headers[i].name = bench->headers[i][0];
                reply.headers[i].value = bench->headers[i][1];
            }
        }
        reply.upgrade = (struct http_upgrade){.take = on_take, .owner = bench};
    }
    http_exchange_reply(exchange, &reply);
}

static void begin_socket(struct socket_bench *bench, const char *model)
{
    struct endpoint at = {.host = "connect", .port = 8080};
    struct error error = {""};
    world_init(&bench->world, 1);
    bench->network = memory_network_new(&bench->world);
    bench->service = (struct http_service){.request = on_request, .service = bench};
    bench->server =
        http_server_new(&bench->world, memory_network_face(bench->network), &bench->service, NULL);
    assert_true(http_server_listen(bench->server, &at, &error));
    connect_face_defaults(&bench->settings);
    bench->settings.server = "http://connect:8080";
    bench->settings.websocket = true;
    bench->printer = printer_new(&bench->world, memory_network_face(bench->network),
                                 &(struct printer_settings){.model = model_find(model),
                                                            .room_c = NAN,
                                                            .connect = &bench->settings,
                                                            .token = "abcdefghij1234567890"},
                                 &error);
    assert_non_null(bench->printer);
    printer_power_on(bench->printer);
}

static void end_socket(struct socket_bench *bench)
{
    printer_destroy(bench->printer);
    websocket_destroy(bench->socket);
    http_server_destroy(bench->server);
    memory_network_destroy(bench->network);
    buffer_free(&bench->log);
    world_free(&bench->world);
}

static void pass(struct socket_bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

static void settle(struct socket_bench *bench, const char *model)
{
    begin_socket(bench, model);
    pass(bench, 30);
    assert_non_null(bench->socket);
    buffer_clear(&bench->log);
}

/* What the printer says to a message of the server within a second. */
static const char *said_to(struct socket_bench *bench, const char *message)
{
    buffer_clear(&bench->log);
    websocket_send(bench->socket, WEBSOCKET_TEXT, message, strlen(message));
    pass(bench, 0.4);
    return buffer_text(&bench->log);
}

/* BUD-WS-01, -03, -04, BUD-HTTP-03, BUD-PLN-01 */
static void starts_over_a_socket(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    begin_socket(&bench, "mk4");
    pass(&bench, 30);
    assert_int_equal(bench.asked, 1);
    const char *fingerprint = strstr(bench.head, "Fingerprint: ");
    const char *key = strstr(bench.head, "Sec-WebSocket-Key: ");
    assert_non_null(fingerprint);
    assert_non_null(key);
    char expected[1024];
    snprintf(
        expected, sizeof expected,
        "GET /p/ws HTTP/1.1\r\nHost: connect\r\nConnection: upgrade\r\n"
        "Fingerprint: %.16s\r\nToken: abcdefghij1234567890\r\nUser-Agent-Printer: Buddy_MK4\r\n"
        "User-Agent-Version: 6.3.0+10073\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: %.24s\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: prusa-connect\r\n\r\n",
        fingerprint + 13, key + 19);
    assert_string_equal(bench.head, expected);
    const char *log = buffer_text(&bench.log);
    assert_true(strncmp(log, "{\"data\":{\"firmware\":", 20) == 0);
    assert_has(log, "\"event\":\"INFO\"}\n{\"data\":{\"objects\":[]},\"state\":\"IDLE\","
                    "\"event\":\"CANCELABLE_CHANGED\"}\n{\"temp_nozzle\":");
    assert_true(bench.frames > 4 && bench.frame_bytes_max > 300); /* INFO in two frames each */
    end_socket(&bench);
}

/* BUD-WS-05, -14 */
static void pings_when_it_has_nothing_to_say(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    int64_t quiet_us = websocket_sent_us(bench.socket);
    (void)quiet_us;
    pass(&bench, 480);
    size_t pings = 0, telemetry = 0;
    for (const char *at = buffer_text(&bench.log); (at = strchr(at, '\n')) != NULL; at++) {
        pings += strncmp(at + 1, "ping()", 6) == 0;
        telemetry += strncmp(at + 1, "{", 1) == 0;
    }
    /* Cooling down makes some of it full and early; every telemetry puts the ping off. */
    assert_in_range(pings, 24, 32);
    assert_in_range(telemetry, 3, 8);
    end_socket(&bench);
}

/* BUD-WS-06, -09 to -12 */
static void commands(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
#define SEND_INFO "{\"command\":\"SEND_STATE_INFO\",\"kwargs\":{}}"
    assert_has(said_to(&bench, "J0000000b" SEND_INFO), "\"command_id\":11,\"event\":\"STATE_CH");
    assert_has(said_to(&bench, "J0000000B" SEND_INFO), "\"command_id\":11,\"event\":\"STATE_CH");
    assert_has(said_to(&bench, "Jffffffff" SEND_INFO), "\"command_id\":4294967295,\"event\"");
    assert_has(said_to(&bench, "J1"),
               "{\"reason\":\"Message too short to contain header\","
               "\"state\":\"IDLE\",\"command_id\":0,\"event\":\"REJECTED\"}");
    assert_has(said_to(&bench, ""), "too short to contain header\"");
    assert_has(said_to(&bench, "Jzzzzzzzz{}"),
               "\"reason\":\"Could not parse command ID\",\"state\":\"IDLE\",\"command_id\":0,");
    assert_has(said_to(&bench, "J1zzzzzzz" SEND_INFO), "\"command_id\":1,\"event\":\"STATE_CH");
    assert_has(said_to(&bench, "Z0000000c{}"),
               "\"reason\":\"Unrecognized type of message\",\"state\":\"IDLE\",\"command_id\":12,");
    assert_string_equal(said_to(&bench, "D0000000chello there"), "");
    assert_has(said_to(&bench, "G0000000dM105\n"), "\"command_id\":13,\"event\":\"ACCEPTED\"}");
    assert_has(buffer_text(&bench.log), "\"command_id\":13,\"event\":\"FINISHED\"}");
    assert_has(said_to(&bench, "F0000000eM105\n"), "\"command_id\":14,\"event\":\"ACCEPTED\"}");
    assert_string_equal(said_to(&bench, "T0000000edata"), ""); /* no transfer runs: 7.4 */
    websocket_send(bench.socket, WEBSOCKET_PING, "echo", 4);
    pass(&bench, 0.1);
    assert_has(buffer_text(&bench.log), "pong(echo)");
    assert_int_equal(bench.asked, 1);
    end_socket(&bench);
}

/* BUD-WS-11 */
static void commands_of_512_bytes_and_more(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    char message[1200];
    memset(message, ' ', sizeof message);
    memcpy(message, "J00000005" SEND_INFO, sizeof "J00000005" SEND_INFO - 1);
    message[521] = '\0';
    assert_has(said_to(&bench, message), "\"command_id\":5,\"event\":\"STATE_CHANGED\"}");
    message[521] = ' ';
    message[522] = '\0';
    assert_has(said_to(&bench, message), "\"reason\":\"Oversized command\",\"state\":\"IDLE\","
                                         "\"command_id\":5,\"event\":\"REJECTED\"}");
    message[522] = ' ';
    message[sizeof message - 1] = '\0';
    assert_has(said_to(&bench, message), "\"reason\":\"Oversized command\"");
    assert_has(said_to(&bench, "J00000006" SEND_INFO), "\"command_id\":6,");
    assert_int_equal(bench.asked, 1);
    end_socket(&bench);
}

static void send_piece(struct socket_bench *bench, uint8_t opcode, bool fin, const char *text)
{
    websocket_send_frame(bench->socket,
                         &(struct websocket_frame){
                             .opcode = opcode, .fin = fin, .payload = text, .size = strlen(text)});
}

/* BUD-WS-06, 1.6: fragments, pings between them, a message that ends in nothing */
static void messages_in_pieces(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    send_piece(&bench, WEBSOCKET_TEXT, false, "J0000");
    pass(&bench, 20); /* it waits for the rest, and says nothing meanwhile */
    assert_string_equal(buffer_text(&bench.log), "");
    websocket_send(bench.socket, WEBSOCKET_PING, "there?", 6);
    pass(&bench, 1);
    assert_string_equal(buffer_text(&bench.log), "pong(there?)\n");
    send_piece(&bench, WEBSOCKET_BINARY, false, "0007" SEND_INFO);
    send_piece(&bench, WEBSOCKET_CONTINUATION, true, " ");
    pass(&bench, 1);
    assert_has(buffer_text(&bench.log), "\"command_id\":7,\"event\":\"STATE_CHANGED\"}");
    buffer_clear(&bench.log);
    send_piece(&bench, WEBSOCKET_TEXT, false, "J00000008" SEND_INFO);
    send_piece(&bench, WEBSOCKET_CONTINUATION, true, "");
    pass(&bench, 1);
    assert_string_equal(buffer_text(&bench.log), "");
    send_piece(&bench, WEBSOCKET_TEXT, false, "J0000");
    pass(&bench, 61); /* the socket's time-out: it connects anew */
    assert_has(buffer_text(&bench.log), "end 2\n{\"temp_nozzle\":");
    assert_int_equal(bench.asked, 2);
    end_socket(&bench);
}

/* Commands that come in one piece are read one by one, each answered before the next. */
static void one_command_at_a_time(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    websocket_send(bench.socket, WEBSOCKET_TEXT, "J00000001" SEND_INFO, 9 + sizeof SEND_INFO - 1);
    websocket_send(bench.socket, WEBSOCKET_TEXT, "J00000002" SEND_INFO, 9 + sizeof SEND_INFO - 1);
    websocket_close(bench.socket, WEBSOCKET_NORMAL, NULL);
    pass(&bench, 1);
    const char *first = strstr(buffer_text(&bench.log), "\"command_id\":1,");
    assert_non_null(first);
    const char *second = strstr(first, "\"command_id\":2,");
    assert_non_null(second);
    assert_non_null(strstr(second, "end 2\n{\"temp_nozzle\":"));
    end_socket(&bench);
}

/* BUD-WS-07, -08 */
static void connects_anew_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } ends[] = {
        {"\x88\x00", 2},                     /* Close */
        {"\x81\x81\1\2\3\4\x60", 7},         /* masked */
        {"\x81\x7f\0\0\0\0\0\1\0\0x", 11},   /* 64 bits of length */
        {"\xa1\x01x", 3},                    /* RSV2 */
        {"\x91\x01x", 3},                    /* RSV3 */
        {"\x89\x7f\0\0\0\0\0\0\0\x80x", 11}, /* a ping of 128 bytes */
    };
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        buffer_clear(&bench.log);
        size_t asked = bench.asked;
        int64_t now_us = bench.world.now_us;
        websocket_send_raw(bench.socket, ends[i].bytes, ends[i].size);
        pass(&bench, 0.3);
        assert_int_equal(bench.asked, asked + 1);
        /* without a back-off, but not at the same instant */
        assert_in_range(bench.asked_us[asked], now_us + 1, now_us + MILLISECONDS(10));
        assert_has(buffer_text(&bench.log),
                   "end 2\n{\"temp_nozzle\":"); /* no Close, Full, no INFO */
        assert_null(strstr(buffer_text(&bench.log), "INFO"));
        pass(&bench, 2);
    }
    buffer_clear(&bench.log);
    size_t asked = bench.asked;
    websocket_send_raw(bench.socket,
                       "\xc1\x09"
                       "J0000000a",
                       11); /* RSV1 is not looked at */
    pass(&bench, 0.3);
    assert_has(buffer_text(&bench.log), "\"command_id\":10,\"event\":\"REJECTED\"");
    assert_int_equal(bench.asked, asked);
    end_socket(&bench);
}

/* BUD-WS-02 */
static void drops_what_was_not_granted_rightly(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"Sec-WebSocket-Accept", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="},
        {"Sec-WebSocket-Protocol", "prusa"},
        {"Connection", "keep-alive, Upgrade"},
        {"Upgrade", "web-socket"},
    };
    static const size_t place[] = {2, 3, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        struct socket_bench bench = {0};
        bench.headers[place[i]][0] = wrong[i][0];
        bench.headers[place[i]][1] = wrong[i][1];
        begin_socket(&bench, "mk4");
        pass(&bench, 30);
        assert_true(bench.asked > 5);
        const char *log = buffer_text(&bench.log);
        assert_string_equal(log + strspn(log, "end 2\n"), "");
        for (size_t k = 1; k < 5; k++) { /* failed once each: 0.1, 0.2, 0.4 s … */
            assert_int_equal(bench.asked_us[k] - bench.asked_us[k - 1], MILLISECONDS(100)
                                                                            << (k - 1));
        }
        bench.headers[place[i]][0] = NULL;
        pass(&bench, 60);
        assert_has(buffer_text(&bench.log), "\"event\":\"INFO\"");
        end_socket(&bench);
    }
}

/* BUD-WS-13 */
static void backs_off_twice_from_a_refusal(void **state)
{
    (void)state;
    struct socket_bench bench = {.status = 403};
    begin_socket(&bench, "mk4");
    pass(&bench, 300);
    static const int expected_ms[] = {200, 800, 3200, 12800, 51200, 60000, 60000};
    assert_true(bench.asked > 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(bench.asked_us[i + 1] - bench.asked_us[i], MILLISECONDS(expected_ms[i]));
    }
    bench.status = 0;
    pass(&bench, 61);
    assert_true(strncmp(buffer_text(&bench.log), "{\"temp_nozzle\":", 15) == 0);
    end_socket(&bench);
}

/* BUD-PLN-16, -17: over a WebSocket even the same id is rejected while it runs */
static void rejects_while_gcode_runs(void **state)
{
    (void)state;
    struct socket_bench bench = {0};
    settle(&bench, "mk4");
    websocket_send(bench.socket, WEBSOCKET_TEXT,
                   "G00000003G4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\nG4 S1\n"
                   "G4 S1\nG4 S1\n",
                   81);
    pass(&bench, 0.3);
    assert_has(buffer_text(&bench.log), "\"command_id\":3,\"event\":\"ACCEPTED\"}");
    assert_has(said_to(&bench, "G00000003M105"),
               "{\"state\":\"IDLE\",\"command_id\":3,\"event\":\"REJECTED\"}");
    assert_has(said_to(&bench, "J00000004" SEND_INFO),
               "{\"state\":\"IDLE\",\"command_id\":4,\"event\":\"REJECTED\"}");
    end_socket(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_over_a_socket),
        cmocka_unit_test(pings_when_it_has_nothing_to_say),
        cmocka_unit_test(commands),
        cmocka_unit_test(commands_of_512_bytes_and_more),
        cmocka_unit_test(messages_in_pieces),
        cmocka_unit_test(one_command_at_a_time),
        cmocka_unit_test(connects_anew_at_once),
        cmocka_unit_test(drops_what_was_not_granted_rightly),
        cmocka_unit_test(backs_off_twice_from_a_refusal),
        cmocka_unit_test(rejects_while_gcode_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
