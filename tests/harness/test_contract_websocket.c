/* The judge's rules about WebSockets: a conversation that keeps them, and for each one that breaks
 * it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/connect_contract.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/http_head.h"
#include "sim/wire/websocket.h"

/* A conversation is lines:
 *   T time     the clock is there now (seconds)
 *   u [TEXT]   the printer asks for the WebSocket, with one more header if TEXT says so
 *   g [TEXT]   it is granted, with this instead of the subprotocol
 *   r STATUS   it is refused
 *   t, e NAME  a full telemetry or an event comes in it;  s  a reduced telemetry
 *   p OPCODE [flags] [payload]   a frame of the printer; flags of "f": not the last, "u": unmasked,
 * "L": too long q OPCODE [flags] [payload]   of the server; "m": masked, "2": RSV2 x          the
 * printer ends the connection;  X  the server does c N        from now on connection N */

#define KEY    "x3JJHMbDL1EzLkh9GBhXDw=="
#define ACCEPT "HSmrc0sMlYUkAGmm5OPpG2HaGWk="

struct player {
    struct contract *contract;
    int64_t time_us;
    uint32_t connection;
};

static void show_request(struct player *player, const char *text, size_t size)
{
    struct http_message message;
    struct http_head head;
    assert_int_equal(http_head_parse(&message, true, 0, text, size, &head), HTTP_HEAD_DONE);
    message.body = (struct slice){text + head.size, size - head.size};
    contract_request(player->contract, player->time_us, player->connection, &message);
}

static void show_reply(struct player *player, const char *text, size_t size)
{
    struct http_message message;
    struct http_head head;
    assert_int_equal(http_head_parse(&message, false, 0, text, size, &head), HTTP_HEAD_DONE);
    message.body = (struct slice){"", 0};
    contract_reply(player->contract, player->time_us, player->connection, &message);
}

static void play_upgrade(struct player *player, const char *more)
{
    struct buffer text = {0};
    buffer_format(
        &text,
        "GET /p/ws HTTP/1.1\r\nHost: connect\r\nConnection: upgrade\r\n"
        "Fingerprint: 0123456789ABCDEF\r\nToken: tok\r\nUser-Agent-Printer: Buddy_MK4\r\n"
        "User-Agent-Version: 6.3.0\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " KEY
        "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prusa-connect\r\n%s%s\r\n",
        more, *more == '\0' ? "" : "\r\n");
    show_request(player, text.bytes, text.size);
    buffer_free(&text);
}

static void play_grant(struct player *player, const char *protocol)
{
    struct buffer text = {0};
    buffer_format(
        &text,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
        "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
        *protocol == '\0' ? "prusa-connect" : protocol);
    show_reply(player, text.bytes, text.size);
    buffer_free(&text);
}

static void play_message(struct player *player, const char *json)
{
    const struct connect_ws_names names = {slice_of("connect"), slice_of("0123456789ABCDEF"),
                                           slice_of("tok"), slice_of("Buddy_MK4"),
                                           slice_of("6.3.0")};
    struct buffer told = {0};
    connect_ws_tell_message(&told, &names, connect_ws_target(slice_of(json)), slice_of(json));
    show_request(player, told.bytes, told.size);
    buffer_clear(&told);
    connect_ws_tell_reply(&told);
    show_reply(player, told.bytes, told.size);
    buffer_free(&told);
}

static void play_frame(struct player *player, bool by_printer, const char *text)
{
    static char large[70000];
    char *rest;
    unsigned long opcode = strtoul(text, &rest, 10);
    rest += *rest == ' ';
    struct websocket_frame frame = {.opcode = (uint8_t)opcode, .fin = true, .masked = by_printer};
    for (; *rest != '\0' && *rest != ' '; rest++) {
        frame.fin &= *rest != 'f';
        frame.masked = (frame.masked && *rest != 'u') || *rest == 'm';
        frame.rsv |= *rest == '2' ? 2 : 0;
        frame.size = *rest == 'L' ? (by_printer ? 513 : sizeof large) : frame.size;
    }
    frame.payload = large;
    if (*rest == ' ') {
        frame.payload = rest + 1;
        frame.size = strlen(rest + 1);
    }
    contract_frame(player->contract, player->time_us, player->connection, by_printer, &frame);
}

static void play_line(struct player *player, const char *line)
{
    const char *rest = line[1] == ' ' ? line + 2 : line + 1;
    char text[160];
    switch (line[0]) {
    case 'T':
        player->time_us = (int64_t)(atof(rest) * 1e6);
        break;
    case 'u':
        play_upgrade(player, rest);
        break;
    case 'g':
        play_grant(player, rest);
        break;
    case 'r':
        snprintf(text, sizeof text, "HTTP/1.1 %s No\r\n\r\n", rest);
        show_reply(player, text, strlen(text));
        break;
    case 't':
        play_message(player, "{\"temp_nozzle\":25.0,\"state\":\"IDLE\"}");
        break;
    case 's':
        play_message(player, "{\"state\":\"IDLE\"}");
        break;
    case 'e':
        snprintf(text, sizeof text, "{\"data\":{},\"state\":\"IDLE\",\"event\":\"%s\"}", rest);
        play_message(player, text);
        break;
    case 'p':
    case 'q':
        play_frame(player, line[0] == 'p', rest);
        break;
    case 'x':
    case 'X':
        contract_ended(player->contract, player->time_us, player->connection, line[0] == 'x');
        break;
    case 'c':
        player->connection = (uint32_t)atoi(rest);
        break;
    default:
        fail_msg("a line that says nothing: %s", line);
    }
}

static struct contract *play(const char *talk)
{
    struct player player = {.contract = contract_new(&(struct contract_settings){0}),
                            .connection = 1};
    char *text = strdup(talk), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        play_line(&player, line);
    }
    contract_finish(player.contract, player.time_us);
    free(text);
    return player.contract;
}

#define STANDS "T 1\nu\ng\np 1\ne INFO\n"

static const char right[] =
    STANDS "p 1 f\np 0\nt\nq 1 f J000\nq 9  there?\np 10  there?\nT 40\nq 0 0000b{}\n"
           "p 1\ne REJECTED\nT 55.3\np 9\nT 56\nq 8\nx\nT 56.1\nc 2\nu\ng\np 1\nt\nq 1 m x\nx\n"
           "c 3\nu\ng other\nx\nc 4\nu\nr 403\n";

static const struct {
    const char *id, *talk;
} wrongs[] = {
    {"BUD-WS-01", "u User-Agent: x\n"},
    {"BUD-WS-02", "u\ng other\np 1\n"},
    {"BUD-WS-02", "u\ng other\nT 5\nX\n"},
    {"BUD-WS-02", "u\ng other\nT 5\n"},
    {"BUD-WS-03", "u\ng\np 1\ns\n"},
    {"BUD-WS-04", STANDS "p 2\n"},
    {"BUD-WS-04", STANDS "p 0\n"},
    {"BUD-WS-04", STANDS "p 1 f\np 1\n"},
    {"BUD-WS-04", STANDS "p 1 u\n"},
    {"BUD-WS-04", STANDS "p 1 L\n"},
    {"BUD-WS-05", STANDS "T 5\np 9\n"},
    {"BUD-WS-05", STANDS "T 16.2\np 9  x\n"},
    {"BUD-WS-05", STANDS "T 20\np 1\n"},
    {"BUD-WS-06", STANDS "q 9  one\np 10  two\n"},
    {"BUD-WS-06", STANDS "q 9  one\nT 4\np 1\n"},
    {"BUD-WS-07", STANDS "q 1 m x\nT 3\np 1\n"},
    {"BUD-WS-07", STANDS "q 1 2 x\nT 3\nX\n"},
    {"BUD-WS-07", STANDS "q 1 L\nT 3\n"},
    {"BUD-WS-08", STANDS "q 8\nx\nT 3\nc 2\nu\n"},
    {"BUD-WS-08", STANDS "q 8\nx\nc 2\nu\ng\np 1\ne INFO\n"},
};

static void a_right_conversation_holds(void **state)
{
    (void)state;
    struct contract *contract =
        play(right); /* its messages are no whole ones: other rules see that */
    for (int i = 1; i <= 8; i++) {
        char id[24];
        snprintf(id, sizeof id, "BUD-WS-%02d", i);
        const struct contract_result *result = contract_result(contract, id);
        if (result->exercised == 0 || result->violated > 0) {
            fail_msg("%s was exercised %llu times: %s", id, (unsigned long long)result->exercised,
                     result->violated > 0 ? result->violations[0].seen : "too little");
        }
    }
    contract_destroy(contract);
}

static void each_rule_can_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct contract *contract = play(wrongs[i].talk);
        if (contract_result(contract, wrongs[i].id)->violated == 0) {
            fail_msg("%s sees nothing wrong in\n%s", wrongs[i].id, wrongs[i].talk);
        }
        contract_destroy(contract);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_conversation_holds),
        cmocka_unit_test(each_rule_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
