/* The core of the PrusaLink face: requests come from the front, live as long as their dialect needs
 * them, and take in their bodies at the rate that the board is good for. */
#include "sim/protocol/link/link.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/link/dialect.h"
#include "sim/protocol/link/misbehave.h"

/* How long a board works on what it has before it looks for more, when its rate is limited. */
#define TURN_US MILLISECONDS(50)

/* --- requests --- */

static void copy_target(struct link_request *request, struct slice target)
{
    request->target = memory_copy_slice(target.bytes, target.size);
    const char *query = memchr(request->target, '?', target.size);
    size_t size = query == NULL ? target.size : (size_t)(query - request->target);
    request->query = query == NULL ? NULL : query + 1;
    request->path = memory_new(size + 1);
    request->broken_path = !link_decode(request->path, request->target, size, false);
}

static void on_turn(void *owner);

static struct link_request *request_new(struct link_face *face, struct http_exchange *exchange,
                                        struct slice method, struct slice target)
{
    struct link_request *request = memory_new(sizeof *request);
    face->hostname = link_face_hostname(face); /* Connect may have changed it */
    request->face = face;
    request->exchange = exchange;
    request->method = memory_copy_slice(method.bytes, method.size);
    request->head = slice_is(method, "HEAD");
    request->body_length = -1;
    copy_target(request, target);
    timer_init(&request->turn, on_turn, request);
    request->next = face->requests;
    if (request->next != NULL) {
        request->next->previous = request;
    }
    face->requests = request;
    exchange->service_data = request;
    return request;
}

void link_request_free(struct link_request *request)
{
    struct link_face *face = request->face;
    if (request->gone != NULL) {
        *request->gone = true;
    }
    world_cancel(face->world, &request->turn);
    if (request->task != NULL) {
        request->task->free(request->task);
    }
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        face->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    for (struct link_text *text = request->texts, *next; text != NULL; text = next) {
        next = text->next;
        free(text);
    }
    buffer_free(&request->pending);
    free(request->headers);
    free(request->method);
    free(request->target);
    free(request->path);
    free(request);
}

/* Who goes on beside the call of the front looks at the headers later. */
static void keep_headers(struct link_request *request, const struct http_message *message)
{
    request->header_count = message->header_count;
    request->headers = memory_new_array(message->header_count + 1, sizeof *request->headers);
    for (size_t i = 0; i < message->header_count; i++) {
        struct slice name = message->headers[i].name, value = message->headers[i].value;
        request->headers[i].name = (struct slice){link_request_text(request, name), name.size};
        request->headers[i].value = (struct slice){link_request_text(request, value), value.size};
    }
}

const char *link_request_header(struct link_request *request, const char *name)
{
    const struct http_message *message = request->message;
    const struct http_header *headers = message != NULL ? message->headers : request->headers;
    size_t count = message != NULL ? message->header_count : request->header_count;
    for (size_t i = 0; i < count; i++) {
        if (slice_is_nocase(headers[i].name, name)) {
            return link_request_text(request, headers[i].value);
        }
    }
    return NULL;
}

const char *link_request_text(struct link_request *request, struct slice text)
{
    struct link_text *copy = memory_new(sizeof *copy + text.size + 1);
    memcpy(copy->bytes, text.bytes, text.size);
    copy->next = request->texts;
    request->texts = copy;
    return copy->bytes;
}

/* --- bodies at the board's rate --- */

/* Give the task as much as one turn is good for, all of it without a limit. False: the request is
 * gone. */
static bool take_in(struct link_request *request, const char *bytes, size_t size)
{
    bool gone = false;
    request->gone = &gone;
    request->task->piece(request->task, bytes, size);
    if (!gone) {
        request->gone = NULL;
    }
    return !gone;
}

static void whole(struct link_request *request)
{
    if (request->task->whole != NULL) {
        request->task->whole(request->task);
    }
}

static void rest(struct link_request *request)
{
    uint64_t rate = request->face->settings->upload_bytes_per_s;
    size_t waiting = request->pending.size - request->pending_at;
    uint64_t turn = rate * TURN_US / 1000000;
    size_t share = turn == 0 ? 1 : turn < waiting ? (size_t)turn : waiting;
    world_arm_in(request->face->world, &request->turn,
                 (int64_t)((uint64_t)share * 1000000 / rate) + 1);
}

/* What one turn was spent on is through; the next, or more from the client. */
static void on_turn(void *owner)
{
    struct link_request *request = owner;
    uint64_t turn = request->face->settings->upload_bytes_per_s * TURN_US / 1000000;
    size_t waiting = request->pending.size - request->pending_at;
    size_t share = turn == 0 ? 1 : turn < waiting ? (size_t)turn : waiting;
    const char *bytes = request->pending.bytes + request->pending_at;
    request->pending_at += share;
    if (!take_in(request, bytes, share)) {
        return;
    }
    if (request->pending_at < request->pending.size) {
        rest(request);
        return;
    }
    request->pending.size = request->pending_at = 0;
    if (request->complete) {
        whole(request);
    } else {
        http_exchange_hold(request->exchange, false);
    }
}

static void on_piece(void *service, struct http_exchange *exchange, const char *bytes, size_t size)
{
    (void)service;
    struct link_request *request = exchange->service_data;
    if (request->task == NULL || request->task->piece == NULL) {
        return;
    }
    if (request->face->settings->upload_bytes_per_s == 0) {
        take_in(request, bytes, size);
        return;
    }
    buffer_append(&request->pending, bytes, size);
    if (!timer_armed(&request->turn)) {
        http_exchange_hold(exchange, true);
        rest(request);
    }
}

/* --- what the front tells --- */

static enum http_body_plan on_begin(void *service, struct http_exchange *exchange,
                                    const struct http_message *message)
{
    struct link_face *face = service;
    struct link_request *request = request_new(face, exchange, message->method, message->target);
    bool gone = false;
    request->gone = &gone;
    request->message = message;
    request->body_length = message->content_length;
    enum http_body_plan plan = face->dialect->begin(request);
    if (!gone) {
        if (request->task != NULL) {
            keep_headers(request, message);
        }
        request->message = NULL;
        request->gone = NULL;
    }
    return plan;
}

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct link_face *face = service;
    struct link_request *request = exchange->service_data;
    if (request->task != NULL) {
        request->complete = true;
        if (request->pending.size == 0) {
            whole(request);
        }
        return;
    }
    bool gone = false;
    request->gone = &gone;
    request->message = message;
    face->dialect->handle(request);
    if (!gone) {
        if (request->task != NULL) {
            keep_headers(request, message);
        }
        request->message = NULL;
        request->gone = NULL;
    }
}

static void on_refused(void *service, struct http_exchange *exchange, enum http_problem problem,
                       struct slice seen)
{
    struct link_face *face = service;
    struct link_request *request = exchange->service_data;
    if (request != NULL && request->task != NULL && request->task->cut != NULL) {
        request->task->cut(request->task,
                           problem == HTTP_PROBLEM_TIME ? LINK_CUT_SILENT : LINK_CUT_CLOSED);
        return;
    }
    if (request == NULL) {
        request = request_new(face, exchange, slice_of(""), slice_of(""));
    }
    face->dialect->refused(request, problem, seen);
}

static void on_gone(void *service, struct http_exchange *exchange)
{
    (void)service;
    struct link_request *request = exchange->service_data;
    request->exchange = NULL;
    if (request->task != NULL && request->task->cut != NULL) {
        request->task->cut(request->task, LINK_CUT_BROKEN);
    }
    link_request_free(request);
}

/* --- life --- */

void link_settings_defaults(struct link_settings *settings)
{
    *settings = (struct link_settings){.quirks = LINK_QUIRKS_ALL};
}

bool link_settings_check(const struct link_settings *settings, const struct model *model,
                         struct error *error)
{
    const struct link_dialect *dialect = link_dialect_of(model);
    if (dialect == NULL) {
        return error_set(error, "printers of the model %s have no PrusaLink", model->name);
    }
    if (settings->update != NULL && dialect != &link_dialect_pi) {
        return error_set(error, "the %s has no updates by PrusaLink", model->title);
    }
    return dialect->check == NULL || dialect->check(settings, error);
}

struct link_face *link_face_new(struct world *world, struct machine *machine,
                                const struct link_settings *settings, const char *name)
{
    const struct link_dialect *dialect = link_dialect_of(machine_model(machine));
    struct link_face *face = memory_new(sizeof *face);
    char password[32] = "";
    dialect->make_password(machine, password);
    *face = (struct link_face){
        .world = world,
        .machine = machine,
        .settings = settings,
        .dialect = dialect,
        .name = name,
        .user = memory_copy_text(settings->user == NULL ? dialect->user : settings->user),
        .password = memory_copy_text(settings->password == NULL ? password : settings->password),
        .api_key = memory_copy_text(settings->api_key),
        .limits = dialect->limits,
    };
    face->hostname = link_face_hostname(face);
    face->service = (struct http_service){
        .request = on_request,
        .gone = on_gone,
        .begin = on_begin,
        .piece = on_piece,
        .refused = on_refused,
        .manners = &dialect->manners,
        .service = face,
        .body_bytes_max = dialect->body_bytes_max,
    };
    if (settings->connections_max > 0) {
        face->limits.connections_max = settings->connections_max;
    }
    if (dialect->open != NULL) {
        dialect->open(face);
    }
    return face;
}

void link_face_set_network(struct link_face *face, struct network *network)
{
    face->network = network;
}

void link_face_set_connect(struct link_face *face,
                           struct connect_face *(*connect)(void *owner, bool make), void *owner)
{
    face->connect = connect;
    face->connect_owner = owner;
}

void link_face_destroy(struct link_face *face)
{
    if (face == NULL) {
        return;
    }
    while (face->requests != NULL) {
        link_request_free(face->requests);
    }
    link_misbehave_free(face);
    if (face->dialect->close != NULL) {
        face->dialect->close(face);
    }
    free(face->user);
    free(face->password);
    free(face->api_key);
    free(face);
}

const struct http_service *link_face_service(struct link_face *face)
{
    return &face->service;
}

const struct http_server_limits *link_face_limits(const struct link_face *face)
{
    return &face->limits;
}

const struct link_dialect *link_face_dialect(const struct link_face *face)
{
    return face->dialect;
}

const char *link_face_user(const struct link_face *face)
{
    return face->user;
}

const char *link_face_password(const struct link_face *face)
{
    return face->password;
}

const char *link_face_hostname(const struct link_face *face)
{
    const struct connect_face *connect = link_connect(face);
    const char *told = connect == NULL ? "" : connect_face_hostname(connect);
    return *told != '\0'                      ? told
           : face->settings->hostname != NULL ? face->settings->hostname
                                              : face->dialect->hostname(face->machine);
}

const char *link_face_api_key(const struct link_face *face)
{
    return face->api_key;
}

uint64_t link_face_requests(const struct link_face *face)
{
    return face->answered;
}

size_t link_face_bytes(const struct link_face *face)
{
    size_t bytes = sizeof *face + strlen(face->user) + strlen(face->password) + 2;
    for (const struct link_request *request = face->requests; request != NULL;
         request = request->next) {
        bytes += sizeof *request + request->pending.capacity + 2 * strlen(request->target);
    }
    return bytes;
}
