#include "sim/protocol/connect/buddy_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"

/* The loop of the firmware's Connect task: look at the printer, ask the planner, do what it says
 * (connect-buddy.md 1.4, 3.1). */

#define SOCKET_TIMEOUT SECONDS(60)
#define IDLE_WAIT      MILLISECONDS(100) /* background work within a sleep */
#define OFF_RECHECK    MILLISECONDS(1000)
#define ERROR_BOOT     SECONDS(5) /* until the screen that shows an error is there [chosen] */

const char *buddy_peer_name(const struct buddy *buddy)
{
    return buddy->settings->peer_name == NULL ? "connect" : buddy->settings->peer_name;
}

void buddy_wake(struct buddy *buddy)
{
    buddy->sleeping = false;
    world_arm_in(buddy->world, &buddy->timer, 0);
}

/* ---- one exchange ---- */

void buddy_told_end(struct buddy *buddy, enum stream_end end, bool by_us, const char *why)
{
    const struct connect_observer_class *class = buddy->observer_class;
    uint32_t connection = buddy->connection;
    if (connection == 0) {
        return;
    }
    buddy->connection = 0;
    trace_http(buddy->world, buddy->name, buddy_peer_name(buddy), connection, "close", NULL, 0);
    if (class != NULL && class->ended != NULL) {
        class->ended(buddy->observer, NULL, connection, end, by_us, why);
    }
}

void buddy_hang_up(struct buddy *buddy)
{
    buddy_ws_drop(buddy, "the printer closes");
    buddy_told_end(buddy, STREAM_END_CLOSED, true, "the printer closes");
    http_client_close(&buddy->client);
    buddy_forget_exchange(buddy);
}

static void told_request(struct buddy *buddy, const struct buffer *bytes)
{
    const struct connect_observer_class *class = buddy->observer_class;
    buddy->requests++;
    trace_http(buddy->world, buddy->name, buddy_peer_name(buddy), buddy->connection, "request",
               bytes->bytes, bytes->size);
    if (class != NULL && class->request != NULL) {
        class->request(buddy->observer, NULL, buddy->connection, bytes->bytes, bytes->size);
    }
}

void buddy_send(struct buddy *buddy, struct buddy_request *request)
{
    const struct buffer *bytes = &request->bytes;
    size_t first = buddy_request_write_end(request, 0);
    struct endpoint to;
    buddy->exchange = true;
    bool stands = buddy->connection != 0;
    if (stands) {
        told_request(buddy, bytes);
    } else {
        to = buddy_endpoint(buddy);
        buddy->client.to = &to;
    }
    http_client_send(&buddy->client, bytes->bytes, first, false);
    if (bytes->size > first) {
        http_client_send_more(&buddy->client, bytes->bytes + first, bytes->size - first);
    }
    buddy->client.to = NULL;
    if (!stands) {
        buddy->unsent = *bytes; /* nothing is told of it before the connection stands */
        request->bytes = (struct buffer){0};
    }
    buddy_request_give_back(request, &buddy->world->buffers);
}

struct random buddy_random(const struct buddy *buddy)
{
    return random_named(buddy->world->seed, machine_serial(buddy->machine), buddy->world->now_us);
}

struct connect_asked buddy_asked(const struct buddy *buddy)
{
    return (struct connect_asked){
        .kind = buddy->registration.active
                    ? (buddy->registration.code[0] == '\0' ? CONNECT_ASKED_REGISTER
                                                           : CONNECT_ASKED_POLL)
                : buddy->exchange_is_event ? CONNECT_ASKED_EVENT
                                           : CONNECT_ASKED_TELEMETRY,
        .due_us = buddy->exchange_due_us,
        .body = buffer_text(&buddy->message.text),
    };
}

void buddy_waiting(const struct buddy *buddy, connect_asked_told *tell, void *owner)
{
    if (buddy->exchange) {
        struct connect_asked it = buddy_asked(buddy);
        tell(owner, &it);
    }
}

static void opened(void *owner, uint32_t connection)
{
    struct buddy *buddy = owner;
    const struct connect_observer_class *class = buddy->observer_class;
    buddy->connection = connection;
    trace_http(buddy->world, buddy->name, buddy_peer_name(buddy), connection, "open", NULL, 0);
    if (class != NULL && class->opened != NULL) {
        class->opened(buddy->observer, NULL, connection);
    }
    told_request(buddy, &buddy->unsent);
    buffer_pool_give(&buddy->world->buffers, &buddy->unsent);
}

/* ---- replies ---- */

void buddy_forget_exchange(struct buddy *buddy)
{
    buddy->exchange = false;
    buddy_message_give_back(&buddy->message, &buddy->world->buffers);
    buffer_pool_give(&buddy->world->buffers, &buddy->unsent);
}

void buddy_finish(struct buddy *buddy, enum buddy_result result, bool keep)
{
    buddy->planner.now_us = buddy->world->now_us;
    buddy_planner_done(&buddy->planner, result);
    buddy_forget_exchange(buddy);
    if (!keep) {
        buddy_hang_up(buddy);
    }
    buddy_wake(buddy);
}

/* Digits, modulo 2^32; whatever else stands there counts as one, too (1.4). */
static uint32_t command_id(struct slice value)
{
    uint32_t id = 0;
    for (size_t i = 0; i < value.size; i++) {
        id = id * 10 + (uint32_t)(value.bytes[i] - '0');
    }
    return id;
}

static bool is_type(struct slice value, const char *type)
{
    size_t size = strlen(type);
    return value.size >= size && strncasecmp(value.bytes, type, size) == 0 &&
           (value.size == size || value.bytes[size] == ';' || value.bytes[size] == ' ');
}

static void parse(struct buddy *buddy, struct buddy_command *command, uint32_t id,
                  struct slice type, struct slice body)
{
    struct buddy_number background = buddy_planner_background(&buddy->planner);
    bool occupied = buddy->exchange_is_event && (buddy->exchange_type == BUDDY_EVENT_FILE_INFO ||
                                                 buddy->exchange_type == BUDDY_EVENT_FILE_CHANGED);
    *command = (struct buddy_command){.id = id, .type = BUDDY_COMMAND_UNKNOWN};
    if (background.known && background.value == id) {
        command->type = BUDDY_COMMAND_PROCESSING_THIS;
    } else if (occupied || background.known) {
        command->type = BUDDY_COMMAND_PROCESSING_OTHER;
    } else if (is_type(type, "application/json")) {
        buddy_parse_json(command, &buddy->build, id, body.bytes, body.size);
    } else if (is_type(type, "text/x.gcode") || is_type(type, "text/x-gcode")) {
        buddy_parse_gcode(command, id, body.bytes, body.size);
    }
}

/* 200: a command, if it says which. Only Content-Length is understood; without one there is no
 * body, and the connection can't be kept. */
static void take_command(struct buddy *buddy, const struct http_message *message)
{
    struct slice id = http_header_value(message, "Command-Id");
    struct slice body = message->body;
    bool framed = http_header_value(message, "Content-Length").bytes != NULL;
    bool keep = framed && message->keep_alive;
    if (id.bytes == NULL) {
        buddy_finish(buddy, BUDDY_REFUSED, false);
        return;
    }
    if (framed && body.size > BUDDY_COMMAND_MAX) {
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
        buddy_planner_reject(&buddy->planner, command_id(id), "Response too long");
        return;
    }
    if (!framed) {
        body = slice_of("");
    }
    struct buddy_command command;
    parse(buddy, &command, command_id(id), http_header_value(message, "Content-Type"), body);
    buddy_finish(buddy, BUDDY_OK, keep);
    buddy_look(buddy);
    buddy_planner_command(&buddy->planner, &command);
}

static void replied(void *owner, const struct http_message *message)
{
    struct buddy *buddy = owner;
    const struct connect_observer_class *class = buddy->observer_class;
    trace_http(buddy->world, buddy_peer_name(buddy), buddy->name, buddy->connection, "reply",
               message->head.bytes, message->head.size);
    if (class != NULL && class->reply != NULL) {
        class->reply(buddy->observer, NULL, buddy->connection, message);
    }
    if (http_client_connection(&buddy->client) == 0) {
        buddy_told_end(buddy, STREAM_END_CLOSED, true, "the reply ends the connection");
    }
    /* A granted upgrade answers nothing: what waits for it is said behind it. */
    if (class != NULL && class->answered != NULL && message->status != 101) {
        struct connect_asked it = buddy_asked(buddy);
        class->answered(buddy->observer, NULL, &it, message);
    }
    buddy_forget_exchange(buddy);
    if (buddy->registration.active) {
        buddy_register_reply(buddy, message);
        return;
    }
    if (buddy->ws != NULL) {
        buddy_ws_reply(buddy, message);
        return;
    }
    switch (message->status) {
    case 200:
        take_command(buddy, message);
        break;
    case 204:
        buddy_finish(buddy, BUDDY_OK, message->keep_alive);
        break;
    case 400:
        buddy_finish(buddy, BUDDY_REFUSED_FAST, false);
        break;
    case 408:
    case 429:
    case 503:
    case 504:
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
        break;
    default:
        buddy_finish(buddy, BUDDY_REFUSED, false);
        break;
    }
}

static void failed(void *owner, const struct http_failure *failure)
{
    struct buddy *buddy = owner;
    if (buddy->connection == 0) {
        trace_note(buddy->world, buddy->name, "no connection to %s: %s", buddy_peer_name(buddy),
                   failure->why == NULL ? http_failure_name(failure->kind) : failure->why);
    }
    buddy_told_end(buddy, failure->end, false,
                   failure->why == NULL ? http_failure_name(failure->kind) : failure->why);
    const struct connect_observer_class *class = buddy->observer_class;
    if (class != NULL && class->lost != NULL) {
        struct connect_asked it = buddy_asked(buddy);
        class->lost(buddy->observer, NULL, &it, failure);
    }
    buddy_forget_exchange(buddy);
    if (buddy->registration.active) {
        buddy_register_failed(buddy);
    } else {
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
    }
}

static void idle_end(void *owner, enum stream_end end)
{
    buddy_told_end(owner, end, false, "closed while idle");
}

static const struct http_client_events client_events = {
    .reply = replied, .failed = failed, .opened = opened, .idle_end = idle_end};

/* ---- the loop ---- */

void buddy_render(struct buddy *buddy, const struct buddy_action *action)
{
    const struct buddy_files files = {&buddy_drive_class, buddy->machine};
    bool event = action->kind == BUDDY_SEND_EVENT;
    buddy_message_borrow(&buddy->message, &buddy->world->buffers);
    if (event) {
        buddy_render_event(&buddy->message, &buddy->build, &buddy->state, &files,
                           &buddy->planner.event);
    } else {
        buddy_render_telemetry(&buddy->message, &buddy->build, &buddy->state,
                               buddy_planner_background(&buddy->planner), action->full);
    }
    buddy->exchange_is_event = event;
    buddy->exchange_due_us = action->due_us != 0 ? action->due_us : buddy->world->now_us;
    buddy->exchange_type = event ? buddy->planner.event.type : BUDDY_EVENTS;
}

static void post(struct buddy *buddy, const struct buddy_action *action)
{
    const struct buddy_connection_names names = {buddy->host, buddy->state.fingerprint,
                                                 buddy->token};
    bool event = action->kind == BUDDY_SEND_EVENT;
    struct buddy_request request = buddy_request_borrow(&buddy->world->buffers);
    buddy_render(buddy, action);
    buddy_request_post(&request, event ? "/p/events" : "/p/telemetry", &names, &buddy->build,
                       buddy->state.firmware, &buddy->message);
    buddy_message_cut(&buddy->message, &buddy->world->buffers);
    buddy_send(buddy, &request);
    if (!request.complete) {
        /* A token is longer than a chunk: the request is broken off where it is (9). */
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
    }
}

/* One slice of a sleep: the search for interrupted transfers, lines of g-code. False: it is over.
 */
static bool sleep_on(struct buddy *buddy)
{
    if (buddy->world->now_us >= buddy->sleep_end_us) {
        return false;
    }
    enum buddy_background background = buddy_planner_work(&buddy->planner);
    if (background == BUDDY_BACKGROUND_DONE) {
        return false;
    }
    bool transfer = buddy_transfer_step(buddy);
    if (!buddy->sleeping) {
        return false; /* it wants data */
    }
    int64_t slice_us = buddy->world->now_us + IDLE_WAIT;
    world_arm(buddy->world, &buddy->timer,
              (transfer || background == BUDDY_BACKGROUND_BUSY) && slice_us < buddy->sleep_end_us
                  ? slice_us
                  : buddy->sleep_end_us);
    return true;
}

static void begin_sleep(struct buddy *buddy, const struct buddy_action *action)
{
    if (!buddy->planner.recovered && !action->cooldown && buddy_transfer_recover(buddy)) {
        buddy_planner_recovered(&buddy->planner);
        buddy_wake(buddy);
        return;
    }
    buddy->sleeping = true;
    buddy->sleep_end_us = buddy->world->now_us + action->sleep_us;
    if (!sleep_on(buddy)) {
        buddy_wake(buddy);
    }
}

/* Nothing is sent before the printer has booted, nor without server or token. */
static bool is_off(struct buddy *buddy)
{
    if (!buddy->started) {
        buddy->started = !buddy->rebooting && machine_is_up(buddy->machine) &&
                         buddy->world->now_us >= buddy->boot_us;
        if (buddy->started && buddy->settings->register_at_start && buddy->token[0] == '\0' &&
            buddy->server != NULL) {
            buddy_register(buddy);
        }
    }
    return !buddy->started || buddy->server == NULL ||
           (buddy->token[0] == '\0' && !buddy->registration.active);
}

static void step(void *owner)
{
    struct buddy *buddy = owner;
    buddy->planner.now_us = buddy->world->now_us;
    if (buddy->exchange || (buddy->ws != NULL && buddy->ws->reading) ||
        (buddy->sleeping && sleep_on(buddy))) {
        return;
    }
    buddy->sleeping = false;
    buddy_look(buddy);
    if (is_off(buddy)) {
        world_arm_in(buddy->world, &buddy->timer, OFF_RECHECK);
        return;
    }
    if (buddy->registration.active) {
        buddy_register_step(buddy);
        return;
    }
    if (buddy->ws != NULL && buddy->world->now_us < buddy->ws->again_us) {
        world_arm(buddy->world, &buddy->timer, buddy->ws->again_us);
        return;
    }
    buddy->planner.link = buddy_ws_link(buddy);
    struct buddy_action action = buddy_planner_next(&buddy->planner);
    if (action.kind == BUDDY_SLEEP) {
        begin_sleep(buddy, &action);
    } else if (buddy->ws != NULL) {
        buddy_ws_act(buddy, &action);
    } else {
        post(buddy, &action);
    }
}

/* ---- life ---- */

static void begin(struct buddy *buddy)
{
    const struct buddy_files files = {&buddy_drive_class, buddy->machine};
    buddy->started = false;
    buddy->registration = (struct buddy_registration){.last_us = buddy->world->now_us};
    buddy->state.ended_count = 0;
    buddy_planner_free(&buddy->planner);
    buddy_planner_init(&buddy->planner, &buddy_host_class, buddy, &buddy->build, files,
                       &buddy->state);
    buddy->planner.style = buddy->settings->telemetry;
    buddy->planner.fixed_interval_us = buddy->settings->telemetry_interval_us;
    buddy_set_pace(buddy, buddy->pace, buddy->pace_owner);
    buddy_wake(buddy);
}

static void restart(struct buddy *buddy, bool error_screen)
{
    buddy_hang_up(buddy);
    buddy_transfer_cut(buddy);
    buddy->error_screen = error_screen;
    buddy->boot_us = error_screen ? buddy->world->now_us + ERROR_BOOT : 0;
    buddy_know_itself(buddy);
    begin(buddy);
    if (error_screen) {
        buddy_look(buddy);
        buddy->planner.objects.hash =
            buddy_objects_hash(&buddy->state); /* never told there (3.2) */
    }
}

void buddy_restart(struct buddy *buddy)
{
    restart(buddy, false);
}

void buddy_show_error(struct buddy *buddy)
{
    restart(buddy, true);
}

static void take_server(struct buddy *buddy, const char *server)
{
    struct endpoint endpoint;
    struct error error = {""};
    char *copy = memory_copy_text(server);
    free(buddy->server);
    free(buddy->host);
    buddy->server = buddy->host = NULL;
    if (copy != NULL && endpoint_parse(&endpoint, copy, NULL, &error)) {
        buddy->server = copy;
        buddy->host = memory_copy_text(endpoint.host);
    } else if (copy != NULL) {
        trace_note(buddy->world, buddy->name, "server: %s", error.text);
        free(copy);
    }
}

struct endpoint buddy_endpoint(const struct buddy *buddy)
{
    struct endpoint endpoint;
    bool good = endpoint_parse(&endpoint, buddy->server, NULL, NULL); /* as take_server() found */
    assert(good);
    (void)good;
    endpoint.port = endpoint_port(&endpoint);
    return endpoint;
}

struct buddy *buddy_new(struct world *world, struct network *network, struct machine *machine,
                        const struct connect_face_settings *settings, const char *name,
                        const char *token)
{
    struct buddy *buddy = memory_new(sizeof *buddy);
    buddy->world = world;
    buddy->machine = machine;
    buddy->settings = settings;
    buddy->name = name;
    buddy_observe(buddy, settings->observer_class, settings->observer);
    buddy->api_key = memory_copy_text(settings->api_key);
    snprintf(buddy->token, sizeof buddy->token, "%s", token == NULL ? "" : token);
    timer_init(&buddy->timer, step, buddy);
    http_client_init(&buddy->client, world, network, NULL, &client_events, buddy);
    buddy->client.connect_timeout_us = SOCKET_TIMEOUT;
    buddy->client.reply_timeout_us = SOCKET_TIMEOUT;
    take_server(buddy, settings->server);
    buddy_identify(buddy);
    buddy_ws_init(buddy);
    buddy->listener = (struct machine_listener){.events = &buddy_machine_events, .face = buddy};
    machine_listen(machine, &buddy->listener);
    begin(buddy);
    return buddy;
}

void buddy_destroy(struct buddy *buddy)
{
    if (buddy == NULL) {
        return;
    }
    machine_unlisten(buddy->machine, &buddy->listener);
    if (buddy->queued > 0) {
        machine_gcode_interrupt(buddy->machine);
    }
    world_cancel(buddy->world, &buddy->timer);
    buddy_hang_up(buddy);
    buddy_transfer_cut(buddy);
    buddy_ws_free(buddy);
    http_client_free(&buddy->client);
    buddy_planner_free(&buddy->planner);
    buffer_free(&buddy->job_path);
    buffer_free(&buddy->job_name);
    free(buddy->object_names);
    free(buddy->server);
    free(buddy->host);
    free(buddy->api_key);
    free(buddy->start_path);
    free(buddy);
}

void buddy_set_server(struct buddy *buddy, const char *server, const char *token)
{
    buddy_hang_up(buddy);
    take_server(buddy, server);
    snprintf(buddy->token, sizeof buddy->token, "%s", token == NULL ? "" : token);
    buddy->registration.active = false;
    buddy_planner_reset(&buddy->planner);
    buddy_wake(buddy);
}

void buddy_set_material(struct buddy *buddy, int slot, const char *material)
{
    if (slot >= 0 && slot < BUDDY_SLOTS) {
        snprintf(buddy->fittings[slot].material, BUDDY_MATERIAL_BYTES, "%s", material);
    }
}

void buddy_set_api_key(struct buddy *buddy, const char *api_key)
{
    char *copy = memory_copy_text(api_key);
    free(buddy->api_key);
    buddy->api_key = copy;
}

void buddy_set_pace(struct buddy *buddy, const struct connect_pace *pace, void *owner)
{
    buddy->pace = pace;
    buddy->pace_owner = owner;
    buddy->planner.now_us = buddy->world->now_us;
    buddy_planner_set_pace(&buddy->planner, pace, owner);
    if (buddy->sleeping) {
        buddy_wake(buddy); /* the first turn is now */
    }
}

void buddy_observe(struct buddy *buddy, const struct connect_observer_class *class, void *observer)
{
    buddy->observer_class = class;
    buddy->observer = observer;
}

const char *buddy_hostname(const struct buddy *buddy)
{
    return buddy->hostname;
}

const char *buddy_token(const struct buddy *buddy)
{
    return buddy->token[0] == '\0' ? NULL : buddy->token;
}

uint64_t buddy_requests(const struct buddy *buddy)
{
    return buddy->requests;
}

size_t buddy_bytes(const struct buddy *buddy)
{
    return sizeof *buddy + buddy->message.text.capacity + buddy->message.tokens.capacity +
           (buddy->ws == NULL ? 0 : sizeof *buddy->ws);
}
