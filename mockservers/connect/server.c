#include "mockservers/connect/server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/ws_told.h"

enum { SCRATCH_BYTES_KEPT = 256 * 1024, HISTORY_BYTES = 16 * 1024 * 1024 };
/* INFO carries the whole tree of files, and previews are in FILE_INFO. */
enum { REQUEST_BYTES_MAX = 16 * 1024 * 1024 };

/* A reply that waits for its time, with what the log needs of its request. */
struct held_reply {
    struct connect_server *server;
    struct http_exchange *exchange;
    struct connect_printer *printer;
    struct connect_reply reply;
    int64_t command_id; /* 0: it brings none */
    int64_t asked_us;
    uint32_t connection;
    char *head, *body;
    size_t head_size, body_size;
    struct timer timer;
    struct held_reply *previous, *next;
};

/* ---- sending ---- */

static void log_exchange(struct connect_server *server, struct connect_log_entry *entry,
                         const struct connect_printer *printer, const struct connect_reply *reply)
{
    entry->printer = printer == NULL ? 0 : printer->number;
    entry->reply_time_us = -1;
    if (reply != NULL && (reply->http.status != 0 || reply->http.raw != NULL)) {
        buffer_clear(&server->raw);
        connect_reply_render(reply, &server->raw);
        size_t body = reply->http.raw == NULL ? reply->http.body_size : 0;
        entry->reply_time_us = server->world->now_us;
        entry->status = reply->http.raw == NULL ? reply->http.status : 0;
        entry->reply_head = (struct slice){server->raw.bytes, server->raw.size - body};
        entry->reply_body = (struct slice){server->raw.bytes + entry->reply_head.size, body};
        entry->reply_body_size = body;
    }
    connect_log_add(server->log, entry);
}

/* Bytes that no values can say: several copies, or a reply that is cut. */
static void make_raw(struct connect_server *server, struct connect_reply *reply)
{
    if (reply->http.status == 0 && reply->http.raw == NULL) {
        return;
    }
    if (reply->copies <= 1 && reply->cut_bytes == SIZE_MAX) {
        return;
    }
    buffer_clear(&server->raw);
    for (unsigned i = 0; i < reply->copies; i++) {
        connect_reply_render(reply, &server->raw);
    }
    size_t size = server->raw.size < reply->cut_bytes ? server->raw.size : reply->cut_bytes;
    connect_reply_set_raw(reply, buffer_text(&server->raw), size);
}

void service_told(struct connect_server *server, struct connect_printer *printer,
                  const struct connect_reply *reply, struct connect_log_entry *entry)
{
    uint32_t connection = entry->connection;
    if (server->log != NULL) {
        log_exchange(server, entry, printer, reply);
    }
    tell_reply(server, connection, printer, reply);
}

static void send_now(struct connect_server *server, struct http_exchange *exchange,
                     struct connect_printer *printer, struct connect_reply *reply,
                     struct connect_log_entry *entry)
{
    service_told(server, printer, reply, entry);
    make_raw(server, reply);
    if (reply->http.status == 101 && reply->http.raw == NULL && printer != NULL &&
        reply->http.after == HTTP_AFTER_KEEP) {
        sockets_upgrade(server, printer, reply, exchange, entry->request_head);
    }
    http_exchange_reply(exchange, &reply->http);
    if (server->raw.capacity > SCRATCH_BYTES_KEPT) { /* a file went through it */
        buffer_free(&server->raw);
    }
}

static void held_free(struct held_reply *held)
{
    *(held->previous != NULL ? &held->previous->next : &held->server->held) = held->next;
    if (held->next != NULL) {
        held->next->previous = held->previous;
    }
    world_cancel(held->server->world, &held->timer);
    connect_reply_clear(&held->reply);
    buffer_free(&held->reply.body);
    free(held->head);
    free(held->body);
    free(held);
}

static struct connect_log_entry held_entry(const struct held_reply *held)
{
    return (struct connect_log_entry){
        .time_us = held->asked_us,
        .connection = held->connection,
        .request_head = {held->head, held->head_size},
        .request_body = {held->body, held->body_size},
        .request_body_size = held->body_size,
    };
}

static void held_is_due(void *owner)
{
    struct held_reply *held = owner;
    struct connect_log_entry entry = held_entry(held);
    held->exchange->service_data = NULL;
    send_now(held->server, held->exchange, held->printer, &held->reply, &entry);
    held_free(held);
}

static void hold(struct connect_server *server, struct connect_decision *decision,
                 struct http_exchange *exchange)
{
    const struct http_message *request = decision->request;
    struct held_reply *held = memory_new(sizeof *held);
    held->server = server;
    held->exchange = exchange;
    held->printer = decision->printer;
    held->command_id = decision->command == NULL ? 0 : decision->command->id;
    held->asked_us = server->world->now_us;
    held->connection = exchange->connection;
    held->head = memory_copy_slice(request->head.bytes, request->head.size);
    held->head_size = request->head.size;
    held->body =
        memory_copy_slice(request->body.size == 0 ? "" : request->body.bytes, request->body.size);
    held->body_size = request->body.size;
    held->reply = *decision->reply; /* with all that it owns */
    *decision->reply = (struct connect_reply){.cut_bytes = SIZE_MAX, .copies = 1};
    held->next = server->held;
    if (held->next != NULL) {
        held->next->previous = held;
    }
    server->held = held;
    exchange->service_data = held;
    timer_init(&held->timer, held_is_due, held);
    int64_t delay_us = held->reply.http.delay_us;
    held->reply.http.delay_us = 0;
    world_arm_in(server->world, &held->timer, delay_us);
}

/* The printer has gone before its reply: a command in it has not arrived. */
static void exchange_gone(void *service, struct http_exchange *exchange)
{
    struct connect_server *server = service;
    struct held_reply *held = exchange->service_data;
    if (held == NULL) {
        return;
    }
    struct connect_log_entry entry = held_entry(held);
    if (server->log != NULL) {
        log_exchange(server, &entry, held->printer, NULL);
    }
    if (held->command_id != 0) {
        commands_not_arrived(held->printer, held->command_id);
    }
    tell_unanswered(server, held->connection, CONNECT_UNANSWERED_GONE);
    held_free(held);
}

/* ---- requests ---- */

static void plain_answer(struct connect_decision *decision, int status, const char *text)
{
    connect_reply_answer(decision->reply, status);
    if (text != NULL) {
        connect_reply_set_header(decision->reply, "Content-Type", "text/plain");
        connect_reply_set_body(decision->reply, text, strlen(text));
    }
}

static bool content_is_json(const struct http_message *request)
{
    static const char json[] = "application/json";
    struct slice type = http_header_value(request, "Content-Type");
    return type.bytes != NULL && type.size >= sizeof json - 1 &&
           strncasecmp(type.bytes, json, sizeof json - 1) == 0;
}

/* The printer with the request's token, 403 for a token that was never given out, 401 without any
 * (1.8). */
static void recognise(struct connect_server *server, struct connect_decision *decision)
{
    struct slice token = http_header_value(decision->request, "Token");
    struct slice fingerprint = http_header_value(decision->request, "Fingerprint");
    decision->printer = secret_printer(server, decision->request->target);
    if (token.bytes == NULL || token.size == 0 ||
        slice_is(decision->request->target, "/c/snapshot")) {
        return; /* a camera's token is no printer's */
    }
    struct connect_printer *printer = text_index_find(&server->by_token, token.bytes, token.size);
    if (printer == NULL && server->settings.adopt_unknown_tokens &&
        memchr(token.bytes, '\0', token.size) == NULL &&
        (printer = connect_printer_new(server)) != NULL) {
        char *text = memory_copy_slice(token.bytes, token.size);
        printer_set_token(printer, text);
        printer->adopted = true;
        free(text);
    }
    if (printer == NULL) {
        return;
    }
    if (fingerprint.bytes != NULL && fingerprint.size > 0) {
        if (printer->fingerprint == NULL) {
            printer_set_fingerprint(printer, fingerprint.bytes, fingerprint.size);
        } else if (!slice_is(fingerprint, printer->fingerprint)) {
            return;
        }
    }
    decision->printer = printer;
}

static void refuse_stranger(struct connect_decision *decision)
{
    bool token = http_header_value(decision->request, "Token").size > 0;
    plain_answer(decision, token ? 403 : 401,
                 token ? "unknown token, or not that printer's" : "no token");
}

static void serve_telemetry(struct connect_server *server, struct connect_decision *decision)
{
    if (decision->printer == NULL) {
        refuse_stranger(decision);
        return;
    }
    const char *why = "expected Content-Type application/json";
    if (!content_is_json(decision->request) ||
        !view_telemetry(decision->printer, decision->request->body, &why)) {
        plain_answer(decision, 400, why);
        return;
    }
    connect_reply_answer(decision->reply, 204);
    if (decision->printer->running != NULL || decision->printer->queue_first != NULL) {
        commands_deliver(server, decision);
    }
}

static void serve_event(struct connect_server *server, struct connect_decision *decision)
{
    if (decision->printer == NULL) {
        refuse_stranger(decision);
        return;
    }
    const char *why = "expected Content-Type application/json";
    if (!content_is_json(decision->request) ||
        !view_event(decision->printer, decision->request->body, &why)) {
        plain_answer(decision, 400, why);
        return;
    }
    connect_reply_answer(decision->reply, 204);
    if (decision->printer->queue_first != NULL &&
        misbehaves(server, decision->printer, MISBEHAVE_COMMAND_TO_EVENT)) {
        commands_deliver(server, decision);
    }
}

static void serve_upgrade(struct connect_server *server, struct connect_decision *decision)
{
    if (decision->printer == NULL) {
        refuse_stranger(decision);
    } else {
        serve_socket(server, decision);
    }
}

/* Over a WebSocket only: elsewhere nobody is there to get the data. */
static void serve_data_request(struct connect_server *server, struct connect_decision *decision)
{
    if (decision->printer == NULL) {
        refuse_stranger(decision);
    } else if (!connect_printer_has_socket(decision->printer)) {
        plain_answer(decision, 404, "not found\n");
    } else {
        serve_data(server, decision);
    }
}

static void serve_probe(struct connect_server *server, struct connect_decision *decision)
{
    (void)server;
    plain_answer(decision, 200, "hotbed mock Connect\n");
}

static void serve_other(struct connect_server *server, struct connect_decision *decision)
{
    (void)server;
    plain_answer(decision, 404, "not found\n");
}

static const struct route {
    const char *method, *target;
    enum connect_point point;
    void (*serve)(struct connect_server *server, struct connect_decision *decision);
} routes[] = {
    {"POST", "/p/telemetry", CONNECT_POINT_TELEMETRY, serve_telemetry},
    {"POST", "/p/events", CONNECT_POINT_EVENT, serve_event},
    {"GET", "/p/ws", CONNECT_POINT_SOCKET, serve_upgrade},
    {"POST", "/p/ws", CONNECT_POINT_SOCKET, serve_data_request},
    {"GET", "/p/register", CONNECT_POINT_POLL, serve_poll},
    {"POST", "/p/register", CONNECT_POINT_REGISTER, serve_register},
    {"GET", "/info", CONNECT_POINT_PROBE, serve_probe},
    {"POST", "/p/camera", CONNECT_POINT_CAMERA, serve_camera},
    {"PUT", "/c/snapshot", CONNECT_POINT_SNAPSHOT, serve_snapshot},
    {"GET", "/…/files/…", CONNECT_POINT_FILE, serve_file},
    {"", "", CONNECT_POINT_OTHER, serve_other},
};

static const struct route *route_of(const struct http_message *request)
{
    size_t i = 0;
    bool file = slice_is(request->method, "GET") && is_file_target(request->target);
    while (routes[i].serve != serve_other && !(file && routes[i].serve == serve_file) &&
           !(slice_is(request->target, routes[i].target) &&
             slice_is(request->method, routes[i].method))) {
        i++;
    }
    return &routes[i];
}

/* A message that a hook has answered is still believed unless it says otherwise; its own reply
 * wins. */
static void believe_only(struct connect_server *server, struct connect_decision *decision,
                         const struct route *route)
{
    const char *why;
    if (decision->ignore || decision->printer == NULL) {
        return;
    }
    if (route->point == CONNECT_POINT_TELEMETRY) {
        view_telemetry(decision->printer, decision->request->body, &why);
    } else if (route->point == CONNECT_POINT_EVENT) {
        view_event(decision->printer, decision->request->body, &why);
    }
    (void)server;
}

static void note_seen(const struct connect_server *server, struct connect_printer *printer)
{
    if (printer != NULL) {
        int64_t now_us = server->world->now_us;
        printer->first_seen_us = printer->first_seen_us < 0 ? now_us : printer->first_seen_us;
        printer->last_seen_us = now_us;
    }
}

static void decide(struct connect_server *server, struct connect_decision *decision,
                   const struct route *route)
{
    connect_reply_clear(decision->reply);
    recognise(server, decision);
    decision->point = route->point;
    ask_hooks(server, decision);
    if (decision->answered) {
        believe_only(server, decision, route);
    } else if (decision->ignore && decision->printer != NULL) {
        connect_reply_answer(decision->reply, 204);
    } else {
        connect_reply_clear(decision->reply);
        route->serve(server, decision);
    }
    note_seen(server, decision->printer);
    decision->point = CONNECT_POINT_REPLY;
    ask_hooks(server, decision);
}

static void request_came(void *service, struct http_exchange *exchange,
                         const struct http_message *request)
{
    struct connect_server *server = service;
    exchange->service_data = NULL;
    tell_request(server, exchange->connection, request);
    struct connect_decision decision = {
        .server = server,
        .request = request,
        .connection = exchange->connection,
        .reply = &server->reply,
    };
    decide(server, &decision, route_of(request));
    if (connect_ws_told(request) && decision.reply->http.status != 0) {
        connect_reply_set_header(decision.reply, "Upgrade", "websocket"); /* told alike */
    }
    if (decision.reply->http.delay_us > 0) {
        hold(server, &decision, exchange);
        return;
    }
    struct connect_log_entry entry = {
        .time_us = server->world->now_us,
        .connection = exchange->connection,
        .request_head = request->head,
        .request_body = request->body,
        .request_body_size = request->body.size,
    };
    send_now(server, exchange, decision.printer, decision.reply, &entry);
}

/* ---- life ---- */

static void set_default(int64_t *value, int64_t fallback)
{
    *value = *value == 0 ? fallback : *value;
}

static void set_default_size(size_t *value, size_t fallback)
{
    *value = *value == 0 ? fallback : *value;
}

struct connect_server *connect_server_new(struct world *world,
                                          const struct connect_server_settings *settings)
{
    struct connect_server *server = memory_new(sizeof *server);
    server->world = world;
    server->settings = *settings;
    set_default(&server->settings.code_lifetime_us, SECONDS(1800));
    set_default(&server->settings.resend_after_us, SECONDS(3));
    set_default_size(&server->settings.printers_max, 1000000);
    set_default_size(&server->settings.queue_max, 64);
    set_default_size(&server->settings.history_max, 256);
    set_default_size(&server->settings.history_bytes, HISTORY_BYTES);
    server->log = settings->log_bytes == 0 ? NULL : connect_log_new(settings->log_bytes);
    server->service = (struct http_service){
        .request = request_came,
        .gone = exchange_gone,
        .service = server,
        .body_bytes_max = REQUEST_BYTES_MAX,
    };
    server->reply.cut_bytes = SIZE_MAX;
    server->reply.copies = 1;
    /* Not from 1: a printer remembers the last id of the server before (5.5). */
    server->next_command_id = 1 + (int64_t)random_below(&world->random, 1000000000);
    return server;
}

void connect_server_destroy(struct connect_server *server)
{
    if (server == NULL) {
        return;
    }
    sockets_free(server); /* what waits for them goes, too */
    while (server->held != NULL) {
        held_free(
            server->held); // NOLINT(clang-analyzer-unix.Malloc): it takes itself out of the list
    }
    for (size_t i = 0; i < server->printer_count; i++) {
        connect_printer_destroy(server->printers[i]);
    }
    misbehave_free(server);
    files_free(server);
    cameras_free(server);
    free(server->printers);
    text_index_free(&server->by_token);
    text_index_free(&server->by_fingerprint);
    text_index_free(&server->by_serial);
    text_index_free(&server->by_code);
    connect_reply_clear(&server->reply);
    buffer_free(&server->reply.body);
    buffer_free(&server->raw);
    buffer_free(&server->merged);
    documents_free(&server->documents);
    connect_log_destroy(server->log);
    free(server);
}

struct http_service *connect_server_service(struct connect_server *server)
{
    return &server->service;
}

struct world *connect_server_world(struct connect_server *server)
{
    return server->world;
}

struct connect_server_settings *connect_server_settings(struct connect_server *server)
{
    return &server->settings;
}

struct connect_log *connect_server_log(struct connect_server *server)
{
    return server->log;
}
