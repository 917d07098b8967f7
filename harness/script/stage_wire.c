#include "harness/script/stage_wire.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

/* A request of one of our printers that waits for its reply: the log wants both at once. */
struct stage_exchange {
    struct stage_exchange *next;
    struct stage_printer *printer;
    uint32_t connection;
    int64_t time_us;
    struct buffer head, body;
};

static struct stage_printer *printer_of(struct stage *stage, const struct actor *actor)
{
    for (uint32_t i = 0; i < stage->printer_count; i++) {
        if (stage->printers[i]->actor == actor) {
            return stage->printers[i];
        }
    }
    return NULL;
}

static void merge(cJSON **into, const struct http_message *message)
{
    cJSON *body = cJSON_ParseWithLength(message->body.bytes, message->body.size);
    if (*into == NULL) {
        *into = cJSON_CreateObject();
    }
    while (cJSON_IsObject(body) && body->child != NULL) {
        cJSON *member = cJSON_DetachItemViaPointer(body, body->child);
        cJSON_DeleteItemFromObjectCaseSensitive(*into, member->string);
        cJSON_AddItemToObject(*into, member->string, member);
    }
    cJSON_Delete(body);
}

static void saw_request(void *owner, struct actor *actor, uint32_t connection,
                        const struct http_message *request)
{
    struct stage *stage = owner;
    struct stage_printer *printer = printer_of(stage, actor);
    contract_request(stage->own_contract, stage->world->now_us, connection, request);
    if (printer == NULL) {
        return;
    }
    struct stage_exchange *exchange = memory_new(sizeof *exchange);
    exchange->next = stage->exchanges;
    stage->exchanges = exchange;
    exchange->printer = printer;
    exchange->connection = connection;
    exchange->time_us = stage->world->now_us;
    buffer_append(&exchange->head, request->head.bytes, request->head.size);
    buffer_append(&exchange->body, request->body.bytes, request->body.size);
    if (slice_is(request->target, "/p/events")) {
        struct stage_event *event = stage_keep_event(stage, request);
        if (event != NULL) {
            event->actor = printer->number;
        }
        stage_wake(stage, WATCH_EVENT | WATCH_STATE | WATCH_COMMAND, NULL, printer->number);
    } else if (slice_is(request->target, "/p/telemetry")) {
        merge(&printer->telemetry, request);
        if (printer->spoke_us < 0) {
            printer->spoke_us = stage->world->now_us;
        }
        stage_wake(stage, WATCH_REQUEST | WATCH_STATE, NULL, printer->number);
    }
}

/* The exchange is over: into the log with it. `reply` NULL: it was never answered. */
static void close_exchange(struct stage *stage, struct stage_printer *printer, uint32_t connection,
                           const struct http_message *reply)
{
    for (struct stage_exchange **link = &stage->exchanges; *link != NULL; link = &(*link)->next) {
        struct stage_exchange *exchange = *link;
        if (exchange->printer != printer || exchange->connection != connection) {
            continue;
        }
        struct connect_log_entry entry = {
            .time_us = exchange->time_us,
            .reply_time_us = reply != NULL ? stage->world->now_us : -1,
            .printer = printer->number,
            .connection = connection,
            .status = reply != NULL ? reply->status : 0,
            .request_head = {exchange->head.bytes, exchange->head.size},
            .request_body = {exchange->body.bytes, exchange->body.size},
            .request_body_size = exchange->body.size,
        };
        if (reply != NULL) {
            entry.reply_head = reply->head;
            entry.reply_body = reply->body;
            entry.reply_body_size = reply->body.size;
        }
        connect_log_add(stage->log, &entry);
        *link = exchange->next;
        buffer_free(&exchange->head);
        buffer_free(&exchange->body);
        free(exchange);
        return;
    }
}

static void saw_reply(void *owner, struct actor *actor, uint32_t connection,
                      const struct http_message *reply)
{
    struct stage *stage = owner;
    struct stage_printer *printer = printer_of(stage, actor);
    contract_reply(stage->own_contract, stage->world->now_us, connection, reply);
    if (printer != NULL) {
        close_exchange(stage, printer, connection, reply);
        stage_wake(stage, WATCH_REPLY, NULL, printer->number);
    }
}

static void saw_end(void *owner, struct actor *actor, uint32_t connection, bool by_printer)
{
    struct stage *stage = owner;
    struct stage_printer *printer = printer_of(stage, actor);
    contract_ended(stage->own_contract, stage->world->now_us, connection, by_printer);
    if (printer != NULL) {
        close_exchange(stage, printer, connection, NULL);
        stage_wake(stage, WATCH_REPLY, NULL, printer->number);
    }
}

static void saw_frame(void *owner, struct actor *actor, uint32_t connection, bool by_printer,
                      const struct websocket_frame *frame)
{
    (void)actor;
    struct stage *stage = owner;
    contract_frame(stage->own_contract, stage->world->now_us, connection, by_printer, frame);
}

void stage_wire_listen(struct stage *stage)
{
    stage->listener = (struct actor_listener){.request = saw_request,
                                              .reply = saw_reply,
                                              .ended = saw_end,
                                              .frame = saw_frame,
                                              .owner = stage};
}

void stage_wire_free(struct stage *stage)
{
    while (stage->exchanges != NULL) {
        struct stage_exchange *exchange = stage->exchanges;
        stage->exchanges = exchange->next;
        buffer_free(&exchange->head);
        buffer_free(&exchange->body);
        free(exchange);
    }
}
