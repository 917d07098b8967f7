/* WebSockets at a mock Connect server (connect-buddy.md 1.6), seen by a client that may do
 * anything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"

struct client {
    struct bed *bed;
    struct http_client http;
    struct websocket *websocket;
    struct buffer log;
    int status;
};

struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct connect_printer *printer;
    struct http_server *front;
    struct endpoint at;
    struct client clients[2];
};

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    struct client *client = owner;
    (void)opcode;
    buffer_append(&client->log, bytes, size < 60 ? size : 60);
    buffer_append_char(&client->log, '\n');
}

static void on_end(void *owner, const struct websocket_end *end)
{
    static const char *const kinds[] = {"closed", "broken", "stream", "silent"};
    struct client *client = owner;
    buffer_format(&client->log, "%s %u %s\n", kinds[end->kind], (unsigned)end->code, end->why);
    websocket_destroy(client->websocket);
    client->websocket = NULL;
}

static const struct websocket_events events = {.message = on_message, .ended = on_end};

static void on_reply(void *owner, const struct http_message *message)
{
    struct client *client = owner;
    client->status = message->status;
    if (message->status == 101) {
        struct slice early;
        struct stream *stream = http_client_take(&client->http, &early);
        client->websocket = websocket_new(
            &client->bed->world, stream,
            &(struct websocket_settings){.client = true, .close_timeout_us = SECONDS(1)}, &events,
            client);
        websocket_receive(client->websocket, early.bytes, early.size);
    }
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    (void)failure;
    ((struct client *)owner)->status = -1;
}

static const struct http_client_events http_events = {.reply = on_reply, .failed = on_failed};

static void pass(struct bed *bed, double seconds)
{
    world_run(&bed->world, bed->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

static void begin(struct bed *bed)
{
    struct error error;
    world_init(&bed->world, 3);
    bed->network = memory_network_new(&bed->world);
    bed->server =
        connect_server_new(&bed->world, &(struct connect_server_settings){.log_bytes = 1 << 20});
    bed->printer = connect_server_expect(bed->server, "tok");
    bed->front = http_server_new(&bed->world, memory_network_face(bed->network),
                                 connect_server_service(bed->server), NULL);
    bed->at = (struct endpoint){.host = "connect", .port = 80};
    assert_true(http_server_listen(bed->front, &bed->at, &error));
    for (int i = 0; i < 2; i++) {
        bed->clients[i].bed = bed;
        http_client_init(&bed->clients[i].http, &bed->world, memory_network_face(bed->network),
                         &bed->at, &http_events, &bed->clients[i]);
        bed->clients[i].http.upgrades = true;
    }
}

static void end(struct bed *bed)
{
    for (int i = 0; i < 2; i++) {
        http_client_free(&bed->clients[i].http);
        websocket_destroy(bed->clients[i].websocket);
        buffer_free(&bed->clients[i].log);
    }
    http_server_destroy(bed->front);
    connect_server_destroy(bed->server);
    memory_network_destroy(bed->network);
    world_free(&bed->world);
}

#define KEY     "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: upgrade\r\nUpgrade: websocket\r\n" KEY
#define OURS    UPGRADE "Sec-WebSocket-Protocol: prusa-connect\r\n"
#define TOKEN   "Token: tok\r\nFingerprint: 0123456789ABCDEF\r\n"

static int ask(struct bed *bed, struct client *client, const char *headers)
{
    struct buffer request = {0};
    buffer_format(&request, "GET /p/ws HTTP/1.1\r\nHost: connect\r\n%s\r\n", headers);
    http_client_send(&client->http, request.bytes, request.size, false);
    buffer_free(&request);
    pass(bed, 0.01);
    return client->status;
}

static struct client *join(struct bed *bed)
{
    begin(bed);
    assert_int_equal(ask(bed, &bed->clients[0], TOKEN OURS), 101);
    assert_true(connect_printer_has_socket(bed->printer));
    return &bed->clients[0];
}

static void say(struct bed *bed, struct client *client, const char *text)
{
    websocket_send(client->websocket, WEBSOCKET_TEXT, text, strlen(text));
    pass(bed, 0.01);
}

static void expect(struct client *client, const char *log)
{
    assert_string_equal(buffer_text(&client->log), log);
    buffer_clear(&client->log);
}

static void who_is_granted_one(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {{OURS, 401},
                 {"Token: other\r\n" OURS, 403},
                 {TOKEN, 426},
                 {TOKEN UPGRADE, 400},
                 {TOKEN UPGRADE "Sec-WebSocket-Protocol: chat, prusa-connect\r\n", 101}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed = {0};
        begin(&bed);
        assert_int_equal(ask(&bed, &bed.clients[0], cases[i].headers), cases[i].status);
        assert_int_equal(connect_printer_has_socket(bed.printer), cases[i].status == 101);
        end(&bed);
    }
}

static void believes_what_it_is_told(void **state)
{
    (void)state;
    struct bed bed = {0};
    struct client *client = join(&bed);
    say(&bed, client, "{\"temp_nozzle\":25.0,\"state\":\"IDLE\"}");
    assert_string_equal(bed.printer->state, "IDLE");
    say(&bed, client, "{\"data\":{\"sn\":\"123\"},\"state\":\"BUSY\",\"event\":\"INFO\"}");
    assert_string_equal(bed.printer->state, "BUSY");
    expect(client, "");
    assert_int_equal(connect_log_last(connect_server_log(bed.server)), 3);
    end(&bed);
}

/* At once, one after the other, and again when nobody answers. */
static void delivers_commands(void **state)
{
    (void)state;
    struct bed bed = {0};
    struct error error;
    struct client *client = join(&bed);
    struct connect_command *first =
        connect_server_command(bed.server, bed.printer, "SEND_INFO", NULL, &error);
    struct connect_command *second =
        connect_server_gcode(bed.server, bed.printer, "M105", true, &error);
    char log[200], answer[100];
    pass(&bed, 0.01);
    snprintf(log, sizeof log, "J%08x{\"command\":\"SEND_INFO\"}\n", (unsigned)first->id);
    expect(client, log);
    pass(&bed, 3.01);
    expect(client, log); /* again, 3 s later */
    snprintf(answer, sizeof answer,
             "{\"data\":{},\"state\":\"IDLE\",\"command_id\":%u,\"event\":\"INFO\"}",
             (unsigned)first->id);
    say(&bed, client, answer);
    assert_int_equal(first->status, CONNECT_COMMAND_FINISHED);
    snprintf(log, sizeof log, "F%08xM105\n", (unsigned)second->id);
    expect(client, log);
    end(&bed);
}

/* What a client does that is no printer, and with which code it is sent away. */
static void sends_offenders_away(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *log;
    } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
        {BYTES("\x81\x01x"), "closed 1002 a client must mask its frames\n"},
        {BYTES("\xa1\x81\0\0\0\0x"), "closed 1002 a reserved bit is set\n"},
        {BYTES("\x82\x81\0\0\0\0x"), "closed 1003 only text is understood\n"},
        {BYTES("\x81\x81\0\0\0\0x"), "closed 1008 Bad Request\n"},
        {BYTES("\x81\xff\0\0\0\1\0\0\0\0\0\0\0\0x"),
         "closed 1009 the frame is larger than allowed\n"},
        {BYTES("\x88\x80\0\0\0\0"), "closed 1005 \n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed = {0};
        struct client *client = join(&bed);
        websocket_send_raw(client->websocket, cases[i].bytes, cases[i].size);
        pass(&bed, 0.01);
        expect(client, cases[i].log);
        assert_false(connect_printer_has_socket(bed.printer));
        end(&bed);
    }
}

static void a_message_without_an_end(void **state)
{
    (void)state;
    enum { MORE_THAN_ANY = 20000 };
    struct bed bed = {0};
    struct client *client = join(&bed);
    websocket_send_raw(client->websocket, "\x01\x80\0\0\0\0", 6);
    for (int i = 0; i < MORE_THAN_ANY && client->websocket != NULL; i++) {
        websocket_send_raw(client->websocket, "\x00\x80\0\0\0\0", 6);
    }
    pass(&bed, 0.01);
    expect(client, "closed 1009 the message has more fragments than allowed\n");
    end(&bed);
}

static void one_connection_each(void **state)
{
    (void)state;
    struct bed bed = {0};
    struct client *client = join(&bed);
    assert_int_equal(ask(&bed, &bed.clients[1], TOKEN OURS), 101);
    expect(client, "closed 1001 the printer has another connection\n");
    assert_true(connect_printer_has_socket(bed.printer));
    connect_printer_revoke(bed.printer);
    pass(&bed, 0.01);
    expect(&bed.clients[1], "closed 1008 the token is no longer good\n");
    end(&bed);
}

static void misbehaves(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        const char *log;
    } cases[] = {
        {"ws-status=503", 503, ""},
        {"ws-close", 101, "closed 1001 as told\n"},
        {"ws-drop", 101, "stream 1006 the other side closed the connection\n"},
        {"ws-reset", 101, "stream 1006 the other side reset the connection\n"},
        {"ws-masked", 101, "broken 1002 a server must not mask its frames\n"},
        {"ws-reserved", 101, "broken 1002 a reserved bit is set\n"},
        {"ws-oversized", 101, "broken 1009 the frame is larger than allowed\n"},
        {"ws-endless", 101, ""},
        {"ws-empty-end", 101, "J0000002a{\"command\":\"SEND_INFO\"}\n"},
        {"ws-fragments", 101, "J0000002a{\"command\":\"SEND_INFO\"}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bed bed = {0};
        struct error error = {""};
        begin(&bed);
        assert_true(connect_server_misbehave(bed.server, NULL, cases[i].name, &error));
        assert_int_equal(ask(&bed, &bed.clients[0], TOKEN OURS), cases[i].status);
        connect_socket_send_message(bed.printer, 'J', 42, "{\"command\":\"SEND_INFO\"}", 23);
        pass(&bed, 0.5);
        expect(&bed.clients[0], cases[i].log);
        end(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_granted_one),
        cmocka_unit_test(believes_what_it_is_told),
        cmocka_unit_test(delivers_commands),
        cmocka_unit_test(sends_offenders_away),
        cmocka_unit_test(a_message_without_an_end),
        cmocka_unit_test(one_connection_each),
        cmocka_unit_test(misbehaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
