#include "mockservers/connect/sockets.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/http_head.h"

enum {
    MESSAGE_BYTES_MAX = 4 * 1024 * 1024, /* a folder's FILE_INFO has no limit of its own (5.4) */
    MESSAGE_FRAMES_MAX = 16 * 1024,      /* of 512 bytes each that is more than it takes */
    HEADER_BYTES = 9,
};

/* One message of the printer that waits for what the service says to it. */
struct socket_exchange {
    struct http_exchange exchange; /* first: an exchange is this */
    struct connect_socket *socket;
    struct socket_exchange *next;
};

struct connect_socket {
    struct connect_server *server;
    struct connect_printer *printer; /* NULL: another connection took its place */
    struct websocket *websocket;     /* NULL: the upgrade is on its way */
    struct socket_exchange *exchanges;
    struct timer timer; /* commands may be due */
    struct timer endless;
    struct buffer upgrade; /* the request's head */
    uint32_t connection;
    char peer[64];
    bool tls;
    struct connect_socket *previous, *next;
};

/* ---- ends ---- */

static void socket_free(struct connect_socket *socket)
{
    struct connect_server *server = socket->server;
    *(socket->previous != NULL ? &socket->previous->next : &server->sockets) = socket->next;
    if (socket->next != NULL) {
        socket->next->previous = socket->previous;
    }
    if (socket->printer != NULL && socket->printer->socket == socket) {
        socket->printer->socket = NULL;
    }
    world_cancel(server->world, &socket->timer);
    world_cancel(server->world, &socket->endless);
    struct websocket *websocket = socket->websocket;
    socket->websocket = NULL;
    websocket_destroy(websocket);
    while (socket->exchanges != NULL) {
        struct socket_exchange *gone = socket->exchanges;
        socket->exchanges = gone->next;
        server->service.gone(server, &gone->exchange);
        free(gone);
    }
    buffer_free(&socket->upgrade);
    free(socket);
}

static void on_ended(void *owner, const struct websocket_end *end)
{
    struct connect_socket *socket = owner;
    for (struct connect_observer *each = socket->server->observers, *next; each != NULL;
         each = next) {
        next = each->next;
        if (each->socket_ended != NULL) {
            each->socket_ended(each->owner, socket->connection, end);
        }
    }
    socket_free(socket);
}

/* How the server leaves: the other side is told by a Close if it can be, and its answer is not
 * waited for; or not. */
enum leaving { LEAVE_IN_ORDER, LEAVE_BY_FIN, LEAVE_BY_RESET };

static void leave(struct connect_socket *socket, enum leaving how, unsigned code, const char *why)
{
    if (how == LEAVE_IN_ORDER) {
        websocket_close(socket->websocket, code, why);
    } else if (how == LEAVE_BY_RESET) {
        websocket_reset(socket->websocket);
    }
    struct websocket_end end = {.kind = WEBSOCKET_END_CLOSED, .code = (uint16_t)code, .why = why};
    on_ended(socket, &end);
}

/* ---- what the server says ---- */

static void send_frame(struct connect_socket *socket, const struct websocket_frame *frame)
{
    struct connect_server *server = socket->server;
    struct websocket_frame changed = *frame;
    changed.masked |= misbehaves(server, socket->printer, MISBEHAVE_SOCKET_MASKED);
    changed.rsv |= misbehaves(server, socket->printer, MISBEHAVE_SOCKET_RESERVED) ? 2 : 0;
    websocket_send_frame(socket->websocket, &changed);
}

static void send_piece(struct connect_socket *socket, uint8_t opcode, bool fin, const char *bytes,
                       size_t size)
{
    send_frame(socket, &(struct websocket_frame){
                           .opcode = opcode, .fin = fin, .payload = bytes, .size = size});
}

/* More of a message that never ends; each piece comes well before the printer gives up. */
static void go_on_endlessly(void *owner)
{
    struct connect_socket *socket = owner;
    send_piece(socket, WEBSOCKET_CONTINUATION, false, " ", 1);
    world_arm_in(socket->server->world, &socket->endless, SECONDS(1));
}

static void send_oversized(struct connect_socket *socket, const struct buffer *message)
{
    enum { LENGTH_NEEDS_64_BITS = 65536 };
    struct buffer large = {0};
    buffer_append(&large, message->bytes, message->size);
    while (large.size < LENGTH_NEEDS_64_BITS) {
        buffer_append_char(&large, ' ');
    }
    send_piece(socket, WEBSOCKET_TEXT, true, large.bytes, large.size);
    buffer_free(&large);
}

static void send_message(struct connect_socket *socket, const struct buffer *message)
{
    enum { FRAGMENT_BYTES = 64 };
    struct connect_server *server = socket->server;
    struct connect_printer *printer = socket->printer;
    if (misbehaves(server, printer, MISBEHAVE_SOCKET_OVERSIZED)) {
        send_oversized(socket, message);
        return;
    }
    if (misbehaves(server, printer, MISBEHAVE_SOCKET_ENDLESS)) {
        send_piece(socket, WEBSOCKET_TEXT, false, message->bytes, message->size);
        world_arm_in(server->world, &socket->endless, SECONDS(1));
        return;
    }
    bool empty_end = misbehaves(server, printer, MISBEHAVE_SOCKET_EMPTY_END);
    bool pieces = misbehaves(server, printer, MISBEHAVE_SOCKET_FRAGMENTS);
    size_t step = pieces ? FRAGMENT_BYTES : message->size;
    size_t at = 0;
    do {
        size_t size = message->size - at < step ? message->size - at : step;
        uint8_t opcode = at == 0 ? WEBSOCKET_TEXT : WEBSOCKET_CONTINUATION;
        send_piece(socket, opcode, at + size == message->size && !empty_end, message->bytes + at,
                   size);
        at += size;
    } while (at < message->size);
    if (empty_end) {
        send_piece(socket, WEBSOCKET_CONTINUATION, true, "", 0);
    }
}

/* Type letter and id of a command, from what the reply over HTTP would say of it. */
static void write_header(struct buffer *message, const struct connect_reply *reply)
{
    const char *type = connect_reply_header(reply, "Content-Type");
    const char *id = connect_reply_header(reply, "Command-Id");
    bool gcode =
        type != NULL && (strcmp(type, "text/x.gcode") == 0 || strcmp(type, "text/x-gcode") == 0);
    bool json = type != NULL && strncmp(type, "application/json", 16) == 0;
    bool forced = connect_reply_header(reply, "Force") != NULL;
    buffer_append_char(message, json ? 'J' : gcode && forced ? 'F' : gcode ? 'G' : 'Z');
    char *end = NULL;
    unsigned long long number = id == NULL ? 0 : strtoull(id, &end, 10);
    if (id != NULL && end != id && *end == '\0') {
        buffer_format(message, "%08x", (unsigned)number);
    } else {
        buffer_format(message, "%-8.8s", id == NULL ? "" : id); /* what it says, readable or not */
    }
}

static void send_command(struct connect_socket *socket, const struct http_reply *http,
                         const struct connect_reply *reply)
{
    struct buffer message = {0};
    write_header(&message, reply);
    buffer_append(&message, http->body, http->body_size);
    send_message(socket, &message);
    buffer_free(&message);
}

/* ---- what the printer says ---- */

static void exchange_free(struct socket_exchange *exchange)
{
    for (struct socket_exchange **at = &exchange->socket->exchanges; *at != NULL;
         at = &(*at)->next) {
        if (*at == exchange) {
            *at = exchange->next;
            break;
        }
    }
    free(exchange);
}

/* What the service would answer over HTTP. There are no replies here: a command goes out as a
 * message, an error ends the connection, and everything else is silence. */
static void on_reply(struct http_exchange *owner, const struct http_reply *reply)
{
    struct socket_exchange *exchange = (struct socket_exchange *)owner;
    struct connect_socket *socket = exchange->socket;
    exchange_free(exchange);
    if (reply->after == HTTP_AFTER_STALL) {
        return;
    }
    if (reply->status == 200 && reply->raw == NULL && reply->body_size > 0) {
        struct connect_reply as_made = {.http = *reply};
        send_command(socket, reply, &as_made);
    }
    bool silent = reply->status == 0 || reply->raw != NULL;
    bool reset = reply->after == HTTP_AFTER_RESET;
    if (silent || reply->status / 100 != 2) {
        leave(socket, reset ? LEAVE_BY_RESET : LEAVE_IN_ORDER, WEBSOCKET_POLICY,
              http_reason(reply->status));
    } else if (reply->after != HTTP_AFTER_KEEP) {
        leave(socket, reset ? LEAVE_BY_RESET : LEAVE_IN_ORDER, WEBSOCKET_NORMAL, NULL);
    }
}

static const struct http_exchange_class exchange_class = {.reply = on_reply};

static bool read_upgrade(const struct connect_socket *socket, struct http_message *message)
{
    struct http_head head;
    return http_head_parse(message, true, 0, socket->upgrade.bytes, socket->upgrade.size, &head) ==
           HTTP_HEAD_DONE;
}

static void on_message(void *owner, enum websocket_opcode opcode, const char *bytes, size_t size)
{
    struct connect_socket *socket = owner;
    struct http_message message;
    struct http_head head;
    struct connect_ws_names names;
    struct slice said = {bytes, size};
    if (socket->printer == NULL || !read_upgrade(socket, &message)) {
        return;
    }
    if (opcode != WEBSOCKET_TEXT) {
        leave(socket, LEAVE_IN_ORDER, WEBSOCKET_UNSUPPORTED, "only text is understood");
        return;
    }
    struct buffer told = {0};
    connect_ws_names_of(&names, &message);
    connect_ws_tell_message(&told, &names, connect_ws_target(said), said);
    if (http_head_parse(&message, true, 0, told.bytes, told.size, &head) == HTTP_HEAD_DONE) {
        message.body = (struct slice){told.bytes + head.size, size};
        struct socket_exchange *exchange = memory_new(sizeof *exchange);
        *exchange = (struct socket_exchange){.exchange = {.class = &exchange_class,
                                                          .connection = socket->connection,
                                                          .tls = socket->tls,
                                                          .peer = socket->peer},
                                             .socket = socket,
                                             .next = socket->exchanges};
        socket->exchanges = exchange;
        sockets_wake(socket->printer);
        socket->server->service.request(socket->server, &exchange->exchange, &message);
    }
    buffer_free(&told);
}

static void on_frame(void *owner, bool sent, const struct websocket_frame *frame)
{
    struct connect_socket *socket = owner;
    for (struct connect_observer *each = socket->server->observers, *next; each != NULL;
         each = next) {
        next = each->next;
        if (each->frame != NULL) {
            each->frame(each->owner, socket->connection, !sent, frame);
        }
    }
}

static const struct websocket_events events = {
    .message = on_message, .frame = on_frame, .ended = on_ended};

/* ---- commands that wait for no message ---- */

static void deliver(void *owner)
{
    struct connect_socket *socket = owner;
    struct connect_server *server = socket->server;
    struct connect_printer *printer = socket->printer;
    struct http_message upgrade;
    if (printer == NULL || (printer->queue_first == NULL && printer->running == NULL) ||
        !read_upgrade(socket, &upgrade)) {
        return;
    }
    struct connect_decision decision = {.server = server,
                                        .printer = printer,
                                        .request = &upgrade,
                                        .connection = socket->connection,
                                        .point = CONNECT_POINT_SOCKET,
                                        .reply = &server->reply};
    connect_reply_clear(decision.reply);
    commands_deliver(server, &decision);
    if (decision.command != NULL) {
        struct connect_log_entry entry = {.time_us = server->world->now_us,
                                          .connection = socket->connection};
        connect_reply_set_header(decision.reply, "Upgrade", "websocket");
        service_told(server, printer, decision.reply, &entry);
        send_command(socket, &decision.reply->http, decision.reply);
    }
    connect_reply_clear(&server->reply);
    world_arm_in(server->world, &socket->timer, server->settings.resend_after_us);
}

void sockets_wake(struct connect_printer *printer)
{
    if (printer->socket != NULL && printer->socket->websocket != NULL) {
        world_arm_in(printer->server->world, &printer->socket->timer, 0);
    }
}

/* ---- the upgrade ---- */

static void on_take(void *owner, struct stream *stream, struct slice early)
{
    struct connect_socket *socket = owner;
    struct connect_server *server = socket->server;
    struct connect_printer *printer = socket->printer;
    if (stream == NULL || printer == NULL) {
        if (stream != NULL) {
            stream_close(stream);
        }
        socket_free(socket);
        return;
    }
    if (printer->socket != NULL) { /* the printer knows that its old connection is gone */
        struct connect_socket *old = printer->socket;
        leave(old, LEAVE_IN_ORDER, WEBSOCKET_GOING_AWAY, "the printer has another connection");
    }
    const struct websocket_settings settings = {
        .message_bytes_max = MESSAGE_BYTES_MAX,
        .message_frames_max = MESSAGE_FRAMES_MAX,
        .no_pong = misbehaves(server, printer, MISBEHAVE_SOCKET_NO_PONG),
    };
    socket->websocket = websocket_new(server->world, stream, &settings, &events, socket);
    printer->socket = socket;
    if (misbehaves(server, printer, MISBEHAVE_SOCKET_CLOSE)) {
        websocket_close(socket->websocket, WEBSOCKET_GOING_AWAY, "as told");
    }
    if (misbehaves(server, printer, MISBEHAVE_SOCKET_DROP)) {
        connect_socket_drop(printer, false);
        return;
    }
    if (misbehaves(server, printer, MISBEHAVE_SOCKET_RESET)) {
        connect_socket_drop(printer, true);
        return;
    }
    sockets_wake(printer);
    websocket_receive(socket->websocket, early.bytes, early.size);
}

void sockets_upgrade(struct connect_server *server, struct connect_printer *printer,
                     struct connect_reply *reply, const struct http_exchange *exchange,
                     struct slice head)
{
    struct connect_socket *socket = memory_new(sizeof *socket);
    socket->server = server;
    socket->printer = printer;
    socket->connection = exchange->connection;
    socket->tls = exchange->tls;
    snprintf(socket->peer, sizeof socket->peer, "%s", exchange->peer);
    buffer_append(&socket->upgrade, head.bytes, head.size);
    timer_init(&socket->timer, deliver, socket);
    timer_init(&socket->endless, go_on_endlessly, socket);
    socket->next = server->sockets;
    if (socket->next != NULL) {
        socket->next->previous = socket;
    }
    server->sockets = socket;
    reply->http.upgrade = (struct http_upgrade){.take = on_take, .owner = socket};
}

static bool offers_protocol(const struct http_message *request)
{
    return http_header_has_token(http_header_value(request, "Sec-WebSocket-Protocol"),
                                 "prusa-connect");
}

void serve_socket(struct connect_server *server, struct connect_decision *decision)
{
    (void)server;
    const char *why = NULL;
    struct http_reply grant;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    int refused = websocket_request_refused(decision->request, &why);
    if (refused == 0 && !offers_protocol(decision->request)) {
        refused = 400;
        why = "the subprotocol prusa-connect is not offered";
    }
    if (refused != 0) {
        connect_reply_answer(decision->reply, refused);
        connect_reply_set_header(decision->reply, "Content-Type", "text/plain");
        if (refused == 426) {
            connect_reply_set_header(decision->reply, "Upgrade", "websocket");
        }
        connect_reply_set_body(decision->reply, why, strlen(why));
        return;
    }
    websocket_grant(&grant, decision->request, "prusa-connect", accept);
    connect_reply_answer(decision->reply, grant.status);
    for (size_t i = 0; i < grant.header_count; i++) {
        connect_reply_set_header(decision->reply, grant.headers[i].name, grant.headers[i].value);
    }
}

void sockets_revoke(struct connect_printer *printer)
{
    if (printer->socket != NULL) {
        leave(printer->socket, LEAVE_IN_ORDER, WEBSOCKET_POLICY, "the token is no longer good");
    }
}

/* Upgrades that are on their way end with their front, which goes before the server. */
void sockets_free(struct connect_server *server)
{
    for (struct connect_socket *socket = server->sockets, *next; socket != NULL; socket = next) {
        next = socket->next;
        if (socket->websocket != NULL) {
            socket_free(socket);
        }
    }
}

/* ---- beside the commands ---- */

static struct connect_socket *socket_of(const struct connect_printer *printer)
{
    struct connect_socket *socket = printer->socket;
    return socket != NULL && socket->websocket != NULL ? socket : NULL;
}

bool connect_printer_has_socket(const struct connect_printer *printer)
{
    return socket_of(printer) != NULL;
}

bool connect_socket_send_frame(struct connect_printer *printer, const struct websocket_frame *frame)
{
    struct connect_socket *socket = socket_of(printer);
    if (socket != NULL) {
        websocket_send_frame(socket->websocket, frame);
    }
    return socket != NULL;
}

bool connect_socket_send_raw(struct connect_printer *printer, const void *bytes, size_t size)
{
    struct connect_socket *socket = socket_of(printer);
    if (socket != NULL) {
        websocket_send_raw(socket->websocket, bytes, size);
    }
    return socket != NULL;
}

bool connect_socket_close(struct connect_printer *printer, unsigned code, const char *reason)
{
    struct connect_socket *socket = socket_of(printer);
    if (socket != NULL) {
        websocket_close(socket->websocket, code, reason);
    }
    return socket != NULL;
}

bool connect_socket_drop(struct connect_printer *printer, bool reset)
{
    struct connect_socket *socket = socket_of(printer);
    if (socket != NULL) {
        leave(socket, reset ? LEAVE_BY_RESET : LEAVE_BY_FIN, WEBSOCKET_ABNORMAL,
              "the server leaves without a Close");
    }
    return socket != NULL;
}

bool connect_socket_send_message(struct connect_printer *printer, char type, uint32_t id,
                                 const void *bytes, size_t size)
{
    struct connect_socket *socket = socket_of(printer);
    if (socket == NULL) {
        return false;
    }
    struct buffer message = {0};
    buffer_format(&message, "%c%08x", type, (unsigned)id);
    buffer_append(&message, bytes, size);
    assert(message.size >= HEADER_BYTES);
    send_message(socket, &message);
    buffer_free(&message);
    return true;
}
