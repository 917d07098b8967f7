#include "harness/script/stage.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/sender.h"
#include "harness/script/stage_link.h"
#include "harness/script/stage_tool.h"
#include "harness/script/stage_wire.h"
#include "sim/base/memory.h"

/* ---- Waking ---- */

void stage_wake(struct stage *stage, unsigned what, struct connect_printer *printer, uint32_t actor)
{
    if ((stage->watch & what) == 0) {
        return;
    }
    if (stage->watched != 0 && stage->watched != actor && printer != NULL) {
        struct stage_printer *wanted = stage->printers[stage->watched - 1];
        if (stage_believed(stage, wanted) != printer) {
            return;
        }
    }
    stage->woken(stage->owner);
}

/* ---- What is seen ---- */

struct stage_event *stage_keep_event(struct stage *stage, const struct http_message *message)
{
    if (stage->event_count == STAGE_EVENTS_MAX) {
        return NULL;
    }
    cJSON *body = cJSON_ParseWithLength(message->body.bytes, message->body.size);
    if (!cJSON_IsObject(body)) {
        cJSON_Delete(body); /* no event; the judge and the log have it */
        return NULL;
    }
    if (stage->event_count == stage->event_capacity) {
        stage->event_capacity = stage->event_capacity == 0 ? 64 : stage->event_capacity * 2;
        stage->events = memory_resize(stage->events, stage->event_capacity * sizeof *stage->events);
    }
    struct stage_event *event = &stage->events[stage->event_count++];
    *event =
        (struct stage_event){.number = stage->event_count,
                             .time_us = stage->world->now_us,
                             .head = memory_copy_slice(message->head.bytes, message->head.size),
                             .body = body};
    return event;
}

static struct connect_printer *printer_of(struct connect_server *server,
                                          const struct http_message *message)
{
    static const struct {
        const char *header;
        struct connect_printer *(*find)(struct connect_server *server, const char *text);
    } ways[] = {{"Token", connect_server_by_token}, {"Fingerprint", connect_server_by_fingerprint}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct slice value = http_header_value(message, ways[i].header);
        char text[256];
        if (value.bytes != NULL && value.size < sizeof text) {
            memcpy(text, value.bytes, value.size);
            text[value.size] = '\0';
            struct connect_printer *printer = ways[i].find(server, text);
            if (printer != NULL) {
                return printer;
            }
        }
    }
    return NULL;
}

static void keep_arrival(struct stage *stage, uint32_t connection,
                         const struct http_message *request)
{
    stage->arrivals =
        memory_resize(stage->arrivals, (stage->arrival_count + 1) * sizeof *stage->arrivals);
    struct stage_arrival *arrival = &stage->arrivals[stage->arrival_count++];
    *arrival = (struct stage_arrival){.connection = connection,
                                      .time_us = stage->world->now_us,
                                      .printer = printer_of(stage->house.server, request)};
    buffer_append(&arrival->head, request->head.bytes, request->head.size);
    buffer_append(&arrival->body, request->body.bytes, request->body.size);
    stage_wake(stage, WATCH_ARRIVAL, arrival->printer, 0);
}

static void drop_arrival(struct stage *stage, uint32_t connection)
{
    for (size_t i = 0; i < stage->arrival_count; i++) {
        if (stage->arrivals[i].connection == connection) {
            buffer_free(&stage->arrivals[i].head);
            buffer_free(&stage->arrivals[i].body);
            stage->arrivals[i] = stage->arrivals[--stage->arrival_count];
            return;
        }
    }
}

static void saw_request(void *owner, uint32_t connection, const struct http_message *request)
{
    struct stage *stage = owner;
    if ((stage->watch & WATCH_ARRIVAL) != 0) {
        keep_arrival(stage, connection, request);
    }
    if (slice_is(request->target, "/p/events")) {
        struct stage_event *event = stage_keep_event(stage, request);
        if (event != NULL) {
            event->printer = printer_of(stage->house.server, request);
            stage_wake(stage, WATCH_EVENT, event->printer, 0);
        }
    }
}

static void saw_reply(void *owner, uint32_t connection, struct connect_printer *printer,
                      const struct http_message *reply)
{
    (void)reply;
    drop_arrival(owner, connection);
    stage_wake(owner, WATCH_REPLY, printer, 0);
}

static void saw_silence(void *owner, uint32_t connection, enum connect_unanswered how)
{
    (void)how;
    drop_arrival(owner, connection);
    stage_wake(owner, WATCH_REPLY, NULL, 0);
}

static void saw_change(void *owner, struct connect_printer *printer, const cJSON *event)
{
    struct stage *stage = owner;
    if (event != NULL && stage->event_count > 0) {
        struct stage_event *last = &stage->events[stage->event_count - 1];
        if (last->printer == NULL && last->time_us == stage->world->now_us) {
            last->printer = printer; /* its first message: nobody knew its token before */
        }
    }
    stage_wake(stage, WATCH_STATE | WATCH_REQUEST | (event != NULL ? (unsigned)WATCH_EVENT : 0U),
               printer, 0);
}

static void saw_command(void *owner, struct connect_command *command)
{
    stage_wake(owner, WATCH_COMMAND, command->printer, 0);
}

/* ---- Houses ---- */

bool stage_house_open(struct stage_house *house, struct ground *ground, const char *at,
                      const struct connect_server_settings *settings, struct error *error)
{
    *house = (struct stage_house){0};
    house->server = connect_server_new(ground->world, settings);
    struct contract_settings judge = {.prusalink = !ground->targets->bare_sdk,
                                      .epoch_us = ground->world->epoch_us,
                                      .started_before = ground->targets->printer_listen != NULL,
                                      .initialised_later = true};
    house->contract = contract_new(&judge);
    house->tap = contract_tap_new(house->contract, house->server);
    house->front = ground->class->open(ground, connect_server_service(house->server), at,
                                       house->url, sizeof house->url, error);
    if (house->front == NULL) {
        stage_house_close(house, ground);
        return false;
    }
    return true;
}

void stage_house_close(struct stage_house *house, struct ground *ground)
{
    if (house->front != NULL) {
        ground->class->close(ground, house->front);
    }
    if (house->tap != NULL) {
        contract_tap_destroy(house->tap);
    }
    if (house->server != NULL) {
        connect_server_destroy(house->server);
    }
    if (house->contract != NULL) {
        contract_destroy(house->contract);
    }
    *house = (struct stage_house){0};
}

/* ---- Stages ---- */

static bool move_in(struct stage *stage, const struct stage_house *house, struct error *error)
{
    stage->shared = house != NULL;
    if (house != NULL) {
        stage->house = *house;
    } else if (stage->ground->targets->link_url != NULL) { /* nobody talks to Connect there */
        stage->own_contract = contract_new(&(struct contract_settings){0});
        stage->own_log = connect_log_new(4096);
        stage->log = stage->own_log;
        return true;
    } else if (stage->ground->targets->connect_url != NULL) {
        struct contract_settings judge = {.prusalink = true, .epoch_us = stage->world->epoch_us};
        stage->own_contract = contract_new(&judge);
        stage->own_log = connect_log_new(STAGE_LOG_BYTES);
        stage->log = stage->own_log;
        snprintf(stage->house.url, sizeof stage->house.url, "%s",
                 stage->ground->targets->connect_url);
        return true;
    } else {
        struct connect_server_settings settings = {.log_bytes = STAGE_LOG_BYTES,
                                                   .history_max = 10000};
        if (!stage_house_open(&stage->house, stage->ground, NULL, &settings, error)) {
            return false;
        }
    }
    stage->log = connect_server_log(stage->house.server);
    connect_server_observe(stage->house.server, &stage->observer);
    return true;
}

bool stage_init(struct stage *stage, struct ground *ground, const struct stage_house *house,
                struct error *error)
{
    *stage =
        (struct stage){.ground = ground, .world = ground->world, .began_us = ground->world->now_us};
    stage->observer = (struct connect_observer){.request = saw_request,
                                                .reply = saw_reply,
                                                .unanswered = saw_silence,
                                                .changed = saw_change,
                                                .command = saw_command,
                                                .owner = stage};
    stage_wire_listen(stage);
    return move_in(stage, house, error);
}

/* Who shares a server leaves it as it was found: no hooks, no misbehaviour. */
static void leave_server(struct stage *stage)
{
    struct connect_server *server = stage->house.server;
    while (stage->hook_count > 0) {
        stage_hook_remove(stage, stage->hooks[0].id);
    }
    if (server == NULL) {
        return;
    }
    connect_server_unobserve(server, &stage->observer);
    if (stage->shared && stage->misbehaved) {
        connect_server_behave(server, NULL, NULL);
    }
    if (stage->add_after_changed) {
        connect_server_settings(server)->add_after_us = stage->add_after_us;
    }
}

void stage_free(struct stage *stage)
{
    while (stage->hook_count > 0) {
        stage_hook_remove(stage, stage->hooks[0].id);
    }
    stage_tool_free(stage);
    stage_link_free(stage);
    for (uint32_t i = 0; i < stage->printer_count; i++) {
        actor_destroy(stage->printers[i]->actor);
        if (stage->printers[i]->faults != NULL) {
            message_faults_destroy(stage->printers[i]->faults);
        }
        cJSON_Delete(stage->printers[i]->telemetry);
        free(stage->printers[i]);
    }
    leave_server(stage);
    if (!stage->shared) {
        stage_house_close(&stage->house, stage->ground);
    }
    for (size_t i = 0; i < stage->event_count; i++) {
        free(stage->events[i].head);
        cJSON_Delete(stage->events[i].body);
    }
    while (stage->arrival_count > 0) {
        drop_arrival(stage, stage->arrivals[0].connection);
    }
    free(stage->arrivals);
    stage_wire_free(stage);
    sender_free(stage);
    connect_log_destroy(stage->own_log);
    if (stage->own_contract != NULL) {
        contract_destroy(stage->own_contract);
    }
    free(stage->events);
    free(stage->hooks);
    free(stage->printers);
}

struct stage_printer *stage_add_printer(struct stage *stage, struct actor *actor,
                                        struct message_faults *faults, const char *name)
{
    stage->printers =
        memory_resize(stage->printers, (stage->printer_count + 1) * sizeof *stage->printers);
    struct stage_printer *printer = memory_new(sizeof *printer);
    stage->printers[stage->printer_count++] = printer;
    printer->number = stage->printer_count;
    printer->actor = actor;
    printer->faults = faults;
    printer->spoke_us = -1;
    snprintf(printer->name, sizeof printer->name, "%s", name);
    return printer;
}

struct stage_printer *stage_printer(struct stage *stage, uint32_t number)
{
    return number >= 1 && number <= stage->printer_count ? stage->printers[number - 1] : NULL;
}

struct connect_printer *stage_believed(struct stage *stage, struct stage_printer *printer)
{
    struct connect_server *server = stage->house.server;
    if (printer->believed != NULL || server == NULL) {
        return printer->believed;
    }
    if (printer->actor == NULL) {
        size_t index = printer->number - 1;
        printer->believed = index < connect_server_printer_count(server)
                                ? connect_server_printer(server, index)
                                : NULL;
        return printer->believed;
    }
    const char *token = actor_token(printer->actor);
    if (token != NULL && *token != '\0') {
        printer->believed = connect_server_by_token(server, token);
    }
    if (printer->believed == NULL) {
        printer->believed =
            connect_server_by_fingerprint(server, actor_fingerprint(printer->actor));
    }
    return printer->believed;
}

bool stage_printer_spoke(struct stage *stage, struct stage_printer *printer)
{
    if (stage->house.server == NULL) {
        return printer->spoke_us >= 0;
    }
    struct connect_printer *believed = stage_believed(stage, printer);
    return believed != NULL && believed->telemetry_count > 0;
}

uint32_t stage_log_number(struct stage *stage, struct stage_printer *printer)
{
    if (stage->house.server == NULL) {
        return printer->number;
    }
    struct connect_printer *believed = stage_believed(stage, printer);
    return believed != NULL ? believed->number : 0;
}

bool stage_event_is_of(struct stage *stage, const struct stage_event *event,
                       struct stage_printer *printer)
{
    if (stage->house.server == NULL) {
        return event->actor == printer->number;
    }
    return event->printer != NULL && event->printer == stage_believed(stage, printer);
}

struct contract *stage_contract(struct stage *stage)
{
    return stage->own_contract != NULL ? stage->own_contract : stage->house.contract;
}

/* The front has handed these over: they are no connections of its own any more. */
static void close_sockets(struct connect_server *server)
{
    enum { GOING_AWAY = 1001 };
    for (size_t i = 0; i < connect_server_printer_count(server); i++) {
        connect_socket_close(connect_server_printer(server, i), GOING_AWAY, "the server goes");
    }
}

bool stage_set_up(struct stage *stage, bool up, struct error *error)
{
    struct ground *ground = stage->ground;
    if (up == (stage->house.front != NULL)) {
        return true;
    }
    if (!up) {
        close_sockets(stage->house.server);
        ground->class->close(ground, stage->house.front);
        stage->house.front = NULL;
        return true;
    }
    char url[sizeof stage->house.url];
    snprintf(url, sizeof url, "%s", stage->house.url);
    stage->house.front = ground->class->open(ground, connect_server_service(stage->house.server),
                                             ground->real ? url : NULL, url, sizeof url, error);
    return stage->house.front != NULL;
}

/* ---- Hooks ---- */

static bool holds(struct slice text, const char *wanted)
{
    return *wanted != '\0' && text.size > 0 &&
           memmem(text.bytes, text.size, wanted, strlen(wanted)) != NULL;
}

bool stage_stranger_is(const struct stage_printer *printer, struct slice head, struct slice body)
{
    if (printer->actor == NULL) {
        return false;
    }
    const char *fingerprint = actor_fingerprint(printer->actor);
    char code[64];
    snprintf(code, sizeof code, "Code: %s\r", actor_code(printer->actor));
    return holds(head, fingerprint) || holds(body, fingerprint) ||
           (*actor_code(printer->actor) != '\0' && holds(head, code));
}

static bool decision_is_of(struct stage *stage, struct stage_printer *printer,
                           const struct connect_decision *decision)
{
    if (decision->printer != NULL) {
        return stage_believed(stage, printer) == decision->printer;
    }
    return stage_stranger_is(printer, decision->request->head, decision->request->body);
}

static bool hook_wants(struct stage *stage, const struct stage_hook *hook,
                       const struct connect_decision *decision)
{
    if (hook->times == 0) {
        return false;
    }
    if (hook->printer != 0 &&
        !decision_is_of(stage, stage->printers[hook->printer - 1], decision)) {
        return false;
    }
    if (hook->event == NULL) {
        return true;
    }
    cJSON *body =
        cJSON_ParseWithLength(decision->request->body.bytes, decision->request->body.size);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "event"));
    bool wanted = name != NULL && strcmp(name, hook->event) == 0;
    cJSON_Delete(body);
    return wanted;
}

static void decide(void *owner, struct connect_decision *decision)
{
    struct stage *stage = owner;
    /* By id: a hook may add and remove hooks. Those that are added now are not asked yet. */
    uint32_t newest = stage->hooks_made;
    uint32_t last = 0;
    for (size_t i = 0; i < stage->hook_count;) {
        struct stage_hook *hook = &stage->hooks[i];
        if (hook->id <= last || hook->id > newest || hook->point != decision->point) {
            i++;
            continue;
        }
        last = hook->id;
        if (hook_wants(stage, hook, decision)) {
            if (hook->times != UINT64_MAX) {
                hook->times--;
            }
            stage->hooked(stage->owner, hook, decision);
            i = 0;
        } else {
            i++;
        }
    }
}

struct stage_hook *stage_hook_add(struct stage *stage, enum connect_point point)
{
    stage->hooks = memory_resize(stage->hooks, (stage->hook_count + 1) * sizeof *stage->hooks);
    struct stage_hook *hook = &stage->hooks[stage->hook_count++];
    *hook = (struct stage_hook){.id = ++stage->hooks_made, .point = point, .times = UINT64_MAX};
    connect_server_hook(stage->house.server, point, decide, stage);
    return hook;
}

void stage_hook_remove(struct stage *stage, uint32_t id)
{
    for (size_t i = 0; i < stage->hook_count; i++) {
        if (stage->hooks[i].id != id) {
            continue;
        }
        enum connect_point point = stage->hooks[i].point;
        free(stage->hooks[i].event);
        memmove(&stage->hooks[i], &stage->hooks[i + 1],
                (stage->hook_count - i - 1) * sizeof *stage->hooks);
        stage->hook_count--;
        bool others = false;
        for (size_t k = 0; k < stage->hook_count; k++) {
            others = others || stage->hooks[k].point == point;
        }
        if (!others) {
            connect_server_hook(stage->house.server, point, NULL, NULL);
        }
        return;
    }
}
