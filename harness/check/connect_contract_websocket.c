/* Rules about the WebSocket of Buddy printers: connect-buddy.md 12.3. What they say in it is judged
 * as their messages are over HTTP; here are the handshake, the frames and how a connection ends. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/memory.h"
#include "sim/base/world.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/websocket.h"

#define SLICE(slice) (int)(slice).size, (slice).bytes == NULL ? "" : (slice).bytes

/* How long a printer may take for what it does at once: its loop wakes twice a second. */
#define AT_ONCE_US MILLISECONDS(600)
#define QUIET_US   SECONDS(15)

enum { FRAME_BYTES_MAX = 512, SERVER_FRAME_BYTES_MAX = 65535, PINGS_MAX = 8 };

struct seen_ping {
    int64_t time_us;
    uint64_t hash;
    size_t size;
};

struct seen_socket {
    uint32_t connection;
    struct subject *subject;
    char key[WEBSOCKET_KEY_BYTES];
    bool granted;        /* 101 was seen */
    bool wrong;          /* … and a printer must not take it */
    bool spoken;         /* the printer has said something in it */
    bool printer_within; /* a message of the printer that is not ended */
    bool server_within;
    int64_t granted_us, sent_us, offence_us, closed_us; /* -1: not */
    struct seen_ping pings[PINGS_MAX];
    size_t ping_count;
};

/* ---- which ---- */

static struct seen_socket *find(const struct contract *contract, uint32_t connection)
{
    return number_map_find(&contract->sockets, connection);
}

static void forget(struct contract *contract, struct seen_socket *gone)
{
    number_map_take(&contract->sockets, gone->connection);
    free(gone);
}

void websocket_course_free(struct contract *contract)
{
    size_t at = 0;
    for (struct seen_socket *socket; (socket = number_map_next(&contract->sockets, &at)) != NULL;) {
        free(socket);
    }
    number_map_free(&contract->sockets);
}

static struct sight sight_of(struct contract *contract, struct seen_socket *socket, unsigned kind)
{
    return (struct sight){.contract = contract,
                          .kind = kind,
                          .time_us = contract->now_us,
                          .connection = socket->connection,
                          .subject = socket->subject,
                          .socket = socket,
                          .command_id = -1};
}

/* ---- the handshake ---- */

static bool is_key(struct slice key)
{
    return key.size == WEBSOCKET_KEY_BYTES - 1 && memcmp(key.bytes + 22, "==", 2) == 0;
}

/* Headers of the upgrade in their order; NULL: any value. */
static const struct {
    const char *name, *value;
} upgrade_headers[] = {
    {"Host", NULL},
    {"Connection", "upgrade"},
    {"Fingerprint", NULL},
    {"Token", NULL},
    {"User-Agent-Printer", NULL},
    {"User-Agent-Version", NULL},
    {"Upgrade", "websocket"},
    {"Sec-WebSocket-Key", NULL},
    {"Sec-WebSocket-Version", "13"},
    {"Sec-WebSocket-Protocol", "prusa-connect"},
};

void judge_ws_01(struct sight *sight)
{
    enum { COUNT = sizeof upgrade_headers / sizeof upgrade_headers[0] };
    const struct http_message *request = sight->request;
    const char *wrong = request->header_count == COUNT ? NULL : "another number of headers";
    for (size_t i = 0; i < COUNT && wrong == NULL; i++) {
        const struct http_header *header = &request->headers[i];
        bool same_value =
            upgrade_headers[i].value == NULL || slice_is(header->value, upgrade_headers[i].value);
        if (!slice_is(header->name, upgrade_headers[i].name) || !same_value) {
            wrong = upgrade_headers[i].name;
        }
    }
    if (wrong == NULL && !is_key(http_header_value(request, "Sec-WebSocket-Key"))) {
        wrong = "Sec-WebSocket-Key";
    }
    verdict(sight, wrong == NULL,
            "GET /p/ws with ten headers in their order, a key of 16 bytes and subprotocol "
            "prusa-connect",
            "wrong: %s", or_none(wrong));
}

void websocket_course_request(struct sight *sight)
{
    struct contract *contract = sight->contract;
    struct seen_socket *old = find(contract, sight->connection);
    if (old != NULL) {
        forget(contract, old);
    }
    struct slice key = http_header_value(sight->request, "Sec-WebSocket-Key");
    struct seen_socket *socket = memory_new(sizeof *socket);
    socket->connection = sight->connection;
    socket->subject = sight->subject;
    socket->granted_us = socket->sent_us = socket->offence_us = socket->closed_us = -1;
    if (is_key(key)) {
        memcpy(socket->key, key.bytes, key.size);
    }
    number_map_put(&contract->sockets, socket->connection, socket);
}

bool websocket_course_pushed(const struct contract *contract, uint32_t connection,
                             const struct http_message *reply, struct asked *asked)
{
    const struct seen_socket *socket = find(contract, connection);
    if (socket == NULL || !connect_ws_told(reply) || reply->status != 200) {
        return false;
    }
    *asked =
        (struct asked){.connection = connection,
                       .kind = SEE_TELEMETRY, /* as over HTTP it is a telemetry that brings one */
                       .to_p = true,
                       .time_us = contract->now_us,
                       .subject = socket->subject};
    return true;
}

static bool begins_with(struct slice value, const char *word)
{
    return value.size >= strlen(word) && strncasecmp(value.bytes, word, strlen(word)) == 0;
}

void websocket_course_reply(struct contract *contract, uint32_t connection,
                            const struct http_message *reply)
{
    struct seen_socket *socket = find(contract, connection);
    if (socket == NULL || connect_ws_told(reply)) {
        return;
    }
    if (reply->status != 101) {
        forget(contract, socket);
        return;
    }
    char accept[WEBSOCKET_ACCEPT_BYTES];
    websocket_accept_of(accept, slice_of(socket->key));
    socket->granted = true;
    socket->granted_us = socket->sent_us = contract->now_us;
    socket->wrong =
        !slice_is(http_header_value(reply, "Sec-WebSocket-Accept"), accept) ||
        !begins_with(http_header_value(reply, "Connection"), "upgrade") ||
        !begins_with(http_header_value(reply, "Upgrade"), "websocket") ||
        !begins_with(http_header_value(reply, "Sec-WebSocket-Protocol"), "prusa-connect");
}

/* Of frames of the printer and of the end. */
void judge_ws_02(struct sight *sight)
{
    if (sight->socket->wrong && ((sight->kind & SEE_SOCKET_END) != 0 || sight->by_printer)) {
        bool left = (sight->kind & SEE_SOCKET_END) != 0 && sight->by_printer;
        verdict(sight, left, "the printer leaves a WebSocket that was not granted rightly",
                (sight->kind & SEE_SOCKET_END) != 0 ? "it stays" : "it speaks");
    }
}

/* ---- messages ---- */

void judge_ws_03(struct sight *sight)
{
    if (sight->socket == NULL || sight->socket->spoken) {
        return;
    }
    bool event = (sight->kind & SEE_EVENT) != 0;
    /* An equal telemetry is not parsed again. */
    static const char hot[] = "\"temp_nozzle\"";
    struct slice said = sight->request->body;
    bool full = said.size > 0 && memmem(said.bytes, said.size, hot, sizeof hot - 1) != NULL;
    verdict(sight, event || full, "an event or a full telemetry first", "a reduced telemetry");
}

void judge_ws_08(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (subject->socket_closed_us < 0) {
        return;
    }
    if ((sight->kind & SEE_UPGRADE) != 0) {
        int64_t since_us = sight->time_us - subject->socket_closed_us;
        verdict(sight, since_us <= AT_ONCE_US + tolerance(sight),
                "another connection at once after the server's Close", "%.3f s later",
                (double)since_us / 1e6);
    } else if (sight->socket != NULL && !sight->socket->spoken) {
        verdict(sight, !same(sight->event, "INFO"), "no INFO after the server's Close", "INFO");
    }
}

struct seen_socket *websocket_course_message(struct contract *contract, uint32_t connection,
                                             const struct http_message *request)
{
    return connect_ws_told(request) ? find(contract, connection) : NULL;
}

void websocket_course_said(struct sight *sight)
{
    if (sight->socket != NULL) {
        sight->socket->spoken = true;
        sight->subject->socket_closed_us = -1;
    }
}

/* ---- frames ---- */

static bool is_control(const struct websocket_frame *frame)
{
    return (frame->opcode & 8) != 0;
}

void judge_ws_04(struct sight *sight)
{
    const struct websocket_frame *frame = sight->frame;
    if (!sight->by_printer || is_control(frame)) {
        return;
    }
    bool first = frame->opcode == WEBSOCKET_TEXT && !sight->socket->printer_within;
    bool further = frame->opcode == WEBSOCKET_CONTINUATION && sight->socket->printer_within;
    bool good =
        (first || further) && frame->masked && frame->rsv == 0 && frame->size <= FRAME_BYTES_MAX;
    verdict(sight, good, "masked frames of at most 512 bytes, text first, then continuations",
            "opcode %u%s, %s, %zu bytes, reserved bits %u", (unsigned)frame->opcode,
            sight->socket->printer_within ? " within a message" : "",
            frame->masked ? "masked" : "unmasked", frame->size, (unsigned)frame->rsv);
}

/* While the server is within a message the printer waits for the rest of it and says nothing. */
void judge_ws_05(struct sight *sight)
{
    const struct seen_socket *socket = sight->socket;
    if (!sight->by_printer || socket->sent_us < 0 || socket->server_within || socket->wrong) {
        return;
    }
    int64_t quiet_us = sight->time_us - socket->sent_us;
    bool ping = sight->frame->opcode == WEBSOCKET_PING;
    if (ping || quiet_us > QUIET_US + AT_ONCE_US + tolerance(sight)) {
        verdict(sight,
                ping && sight->frame->size == 0 && quiet_us > QUIET_US - tolerance(sight) &&
                    quiet_us <= QUIET_US + AT_ONCE_US + tolerance(sight),
                "an empty ping when nothing was sent for 15 s, at most 0.6 s later",
                "%s of %zu bytes after %.3f s", websocket_opcode_name(sight->frame->opcode),
                sight->frame->size, (double)quiet_us / 1e6);
    }
}

static bool answers(const struct seen_ping *ping, const struct websocket_frame *pong)
{
    return ping->size == pong->size &&
           ping->hash == contract_hash(CONTRACT_HASH_START, pong->payload, pong->size);
}

void judge_ws_06(struct sight *sight)
{
    const struct seen_socket *socket = sight->socket;
    const struct seen_ping *oldest = socket->ping_count == 0 ? NULL : &socket->pings[0];
    bool end = (sight->kind & SEE_SOCKET_END) != 0;
    if (end || !sight->by_printer || oldest == NULL || socket->offence_us >= 0) {
        return;
    }
    if (sight->frame->opcode == WEBSOCKET_PONG) {
        verdict(sight, answers(oldest, sight->frame), "a pong with the payload of the ping",
                "%zu bytes: \"%.*s\"", sight->frame->size, (int)sight->frame->size,
                sight->frame->payload);
    } else if (sight->time_us - oldest->time_us > AT_ONCE_US + tolerance(sight)) {
        verdict(sight, false, "a pong at once", "none for %.3f s",
                (double)(sight->time_us - oldest->time_us) / 1e6);
    }
}

/* Of the printer's frames and of the end: nothing but the end may follow a frame that breaks the
 * rules. */
void judge_ws_07(struct sight *sight)
{
    const struct seen_socket *socket = sight->socket;
    if (socket->offence_us < 0) {
        return;
    }
    if ((sight->kind & SEE_SOCKET_END) != 0) {
        verdict(sight, sight->by_printer, "the printer ends the connection", "it stays");
    } else if (sight->by_printer && sight->time_us - socket->offence_us > tolerance(sight)) {
        verdict(sight, false, "the printer ends the connection", "it goes on: %s",
                websocket_opcode_name(sight->frame->opcode));
    }
}

static void take_server_frame(struct sight *sight)
{
    struct seen_socket *socket = sight->socket;
    const struct websocket_frame *frame = sight->frame;
    bool reserved = (frame->rsv & 3) != 0; /* RSV1 is not looked at */
    if ((frame->masked || reserved || frame->size > SERVER_FRAME_BYTES_MAX) &&
        socket->offence_us < 0) {
        socket->offence_us = sight->time_us;
    }
    if (frame->opcode == WEBSOCKET_CLOSE) {
        socket->closed_us = sight->time_us;
    } else if (frame->opcode == WEBSOCKET_PING && socket->ping_count < PINGS_MAX) {
        socket->pings[socket->ping_count++] = (struct seen_ping){
            .time_us = sight->time_us,
            .hash = contract_hash(CONTRACT_HASH_START, frame->payload, frame->size),
            .size = frame->size};
    } else if (!is_control(frame)) {
        /* The printer waited for the rest: its quiet says nothing. */
        socket->sent_us = socket->server_within && frame->fin ? -1 : socket->sent_us;
        socket->server_within = !frame->fin;
    }
}

static void take_printer_frame(struct sight *sight)
{
    struct seen_socket *socket = sight->socket;
    const struct websocket_frame *frame = sight->frame;
    socket->sent_us = sight->time_us;
    if (!is_control(frame)) {
        socket->printer_within = !frame->fin;
    }
    bool late = socket->ping_count > 0 &&
                sight->time_us - socket->pings[0].time_us > AT_ONCE_US + tolerance(sight);
    if (socket->ping_count > 0 && (frame->opcode == WEBSOCKET_PONG || late)) {
        socket->ping_count--;
        memmove(socket->pings, socket->pings + 1, socket->ping_count * sizeof socket->pings[0]);
    }
}

void contract_frame(struct contract *contract, int64_t time_us, uint32_t connection,
                    bool by_printer, const struct websocket_frame *frame)
{
    contract->now_us = time_us;
    struct seen_socket *socket = find(contract, connection);
    if (socket == NULL) {
        return;
    }
    struct sight sight = sight_of(contract, socket, SEE_FRAME);
    sight.frame = frame;
    sight.by_printer = by_printer;
    ask_rules(&sight);
    if (by_printer) {
        take_printer_frame(&sight);
    } else {
        take_server_frame(&sight);
    }
}

static void judge_end(struct contract *contract, struct seen_socket *socket, bool by_printer)
{
    struct sight sight = sight_of(contract, socket, SEE_SOCKET_END);
    sight.by_printer = by_printer;
    ask_rules(&sight);
}

void websocket_course_ended(struct contract *contract, uint32_t connection, bool by_printer)
{
    struct seen_socket *socket = find(contract, connection);
    if (socket == NULL) {
        return;
    }
    judge_end(contract, socket, by_printer);
    if (socket->closed_us >= 0 && socket->subject != NULL) {
        socket->subject->socket_closed_us = socket->closed_us;
    }
    forget(contract, socket);
}

/* What still stands although it should not: only if there was time enough to see it go. */
void websocket_course_finish(struct contract *contract)
{
    size_t at = 0;
    for (struct seen_socket *socket; (socket = number_map_next(&contract->sockets, &at)) != NULL;) {
        int64_t since_us = socket->wrong ? socket->granted_us : socket->offence_us;
        if (since_us >= 0 && contract->now_us - since_us > SECONDS(1)) {
            judge_end(contract, socket, false);
        }
    }
}
