#include "sim/protocol/connect/buddy_ws.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_parts.h"
#include "sim/protocol/connect/ws_told.h"

/* The connection and what the printer says in it; buddy_ws_read.c has what it reads. */

#define BROKEN_OFF_AGAIN MILLISECONDS(10) /* [chosen]: what rendering a message takes */
#define NEXT_ACTION                                                                                \
    MILLISECONDS(10) /* [chosen]: until its loop has seen that the connection is gone */

/* ---- the handshake ---- */

static bool begins_with(struct slice value, const char *word)
{
    size_t size = strlen(word);
    return value.size >= size && strncasecmp(value.bytes, word, size) == 0;
}

/* Only the first word of Connection is looked at: "keep-alive, Upgrade" is not understood. */
static bool first_word_is(struct slice value, const char *word)
{
    size_t size = strlen(word);
    return begins_with(value, word) &&
           (value.size == size || memchr(" ,\t", value.bytes[size], 3) != NULL);
}

static bool is_granted(const struct buddy_ws *ws, const struct http_message *message)
{
    char accept[WEBSOCKET_ACCEPT_BYTES];
    websocket_accept_of(accept, slice_of(ws->key));
    return slice_is(http_header_value(message, "Sec-WebSocket-Accept"), accept) &&
           first_word_is(http_header_value(message, "Connection"), "upgrade") &&
           begins_with(http_header_value(message, "Upgrade"), "websocket") &&
           begins_with(http_header_value(message, "Sec-WebSocket-Protocol"), "prusa-connect");
}

static void ask_for_upgrade(struct buddy *buddy)
{
    const struct buddy_connection_names names = {buddy->host, buddy->state.fingerprint,
                                                 buddy->token};
    struct random random = buddy_random(buddy);
    websocket_make_key(buddy->ws->key, &random);
    struct buddy_request request = buddy_request_borrow(&buddy->world->buffers);
    buddy_request_upgrade(&request, &names, &buddy->build, buddy->state.firmware, buddy->ws->key);
    buddy_send(buddy, &request);
}

/* ---- saying ---- */

static bool send_pieces(struct buddy *buddy)
{
    size_t token = 0;
    bool first = true;
    enum buddy_piece result = BUDDY_PIECE_MORE;
    while (result == BUDDY_PIECE_MORE) {
        struct websocket_frame frame = {.opcode = first ? WEBSOCKET_TEXT : WEBSOCKET_CONTINUATION,
                                        .masked = true};
        result = buddy_message_piece(&buddy->message, &token, BUDDY_WS_PIECE, &frame.payload,
                                     &frame.size);
        if (result == BUDDY_PIECE_TOO_SMALL) {
            return false;
        }
        frame.fin = result == BUDDY_PIECE_LAST;
        websocket_send_frame(buddy->ws->socket, &frame);
        first = false;
    }
    return true;
}

static void tell(struct buddy *buddy, const char *target)
{
    const struct connect_observer_class *class = buddy->observer_class;
    const struct buffer *text = &buddy->message.text;
    buddy->requests++;
    if (class == NULL || class->request == NULL) {
        return;
    }
    const struct slice fingerprint = {buddy->state.fingerprint,
                                      strnlen(buddy->state.fingerprint, BUDDY_FINGERPRINT_HEADER)};
    const struct connect_ws_names names = {
        slice_of(buddy->host), fingerprint, slice_of(buddy->token),
        slice_of(buddy->build.user_agent), slice_of(buddy->state.firmware)};
    struct buffer told = buffer_pool_take(&buddy->world->buffers);
    connect_ws_tell_message(&told, &names, target, (struct slice){buffer_text(text), text->size});
    class->request(buddy->observer, NULL, buddy->connection, told.bytes, told.size);
    buffer_clear(&told);
    connect_ws_tell_reply(&told);
    buddy_ws_tell_reply(buddy, &told);
    buffer_pool_give(&buddy->world->buffers, &told);
}

static void tell_answered(struct buddy *buddy, const struct http_message *message)
{
    const struct connect_observer_class *class = buddy->observer_class;
    if (class != NULL && class->answered != NULL) {
        struct connect_asked it = buddy_asked(buddy);
        class->answered(buddy->observer, NULL, &it, message);
    }
}

static void tell_lost(struct buddy *buddy)
{
    const struct connect_observer_class *class = buddy->observer_class;
    if (class != NULL && class->lost != NULL) {
        const struct http_failure gone = {.kind = HTTP_FAILURE_NO_REPLY, .end = STREAM_END_CLOSED};
        struct connect_asked it = buddy_asked(buddy);
        class->lost(buddy->observer, NULL, &it, &gone);
    }
}

/* What waits to be said goes out on the connection that stands. */
static void say(struct buddy *buddy, const struct buddy_action *action)
{
    struct buddy_ws *ws = buddy->ws;
    bool event = action->kind == BUDDY_SEND_EVENT;
    buddy_render(buddy, action);
    if (!websocket_open(ws->socket)) {
        tell_lost(buddy);
        buddy_ws_drop(buddy, "the connection has ended");
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
        return;
    }
    if (!send_pieces(buddy)) {
        /* A token that fits into no frame: what was begun is never ended, and it is tried again
         * without a back-off, until the server has enough of it (1.6). */
        world_arm_in(buddy->world, &buddy->timer, BROKEN_OFF_AGAIN);
        return;
    }
    tell(buddy, event ? "/p/events" : "/p/telemetry");
    /* What is sent into a WebSocket is not answered: to be on its way is all that can be known of
     * it. */
    tell_answered(buddy, &(struct http_message){.status = 204});
    buddy_finish(buddy, BUDDY_OK, true);
}

static void ask_for_data(struct buddy *buddy)
{
    struct buddy_data_request request;
    if (buddy_transfer_wants(buddy, &request)) {
        buddy_message_borrow(&buddy->message, &buddy->world->buffers);
        buddy_render_data_request(&buddy->message, request.hash, request.team_id, request.file_id,
                                  request.start, request.end);
        send_pieces(buddy);
        tell(buddy, "/p/ws");
        buddy_message_give_back(&buddy->message, &buddy->world->buffers);
        buddy_transfer_asked(buddy);
    }
    buddy->planner.now_us = buddy->world->now_us;
    buddy_planner_asked_for_data(&buddy->planner);
    buddy_wake(buddy);
}

void buddy_ws_act(struct buddy *buddy, const struct buddy_action *action)
{
    struct buddy_ws *ws = buddy->ws;
    switch (action->kind) {
    case BUDDY_SLEEP:
        assert(false);
        break;
    case BUDDY_PING:
        websocket_send(ws->socket, WEBSOCKET_PING, "", 0);
        buddy_wake(buddy);
        break;
    case BUDDY_READ:
        buddy_ws_read(buddy);
        break;
    case BUDDY_ASK_FOR_DATA:
        ask_for_data(buddy);
        break;
    case BUDDY_SEND_EVENT:
    case BUDDY_SEND_TELEMETRY:
        if (ws->socket != NULL) {
            say(buddy, action);
            break;
        }
        ws->action = *action;
        buddy_render(buddy, action); /* what the observers hear of should there be no connection */
        ask_for_upgrade(buddy);
        break;
    }
}

/* ---- the connection ---- */

static void on_frame(void *owner, bool sent, const struct websocket_frame *frame)
{
    struct buddy *buddy = owner;
    const struct connect_observer_class *class = buddy->observer_class;
    const char *from = sent ? buddy->name : buddy_peer_name(buddy);
    const char *to = sent ? buddy_peer_name(buddy) : buddy->name;
    websocket_trace(buddy->world, &buddy->ws->directions[sent], from, to, buddy->connection, frame);
    if (class != NULL && class->frame != NULL) {
        class->frame(buddy->observer, NULL, buddy->connection, sent, frame);
    }
    if (!sent && buddy->ws->reading) {
        buddy_ws_read_on(buddy);
    }
}

static void on_data(void *owner, const struct websocket_frame *frame)
{
    buddy_ws_take(owner, frame);
}

/* A sleep ends when the server says something, if the printer is in a state to hear it. */
static void on_waiting(void *owner)
{
    struct buddy *buddy = owner;
    if (buddy->sleeping && buddy_planner_takes_commands(&buddy->planner)) {
        buddy_wake(buddy);
    }
}

/* Without a connection telemetry is always due (3.3): a server that ends what it has just granted
 * is asked again as fast as the printer and the way to it are, which is not at the same instant. */
static void forget(struct buddy *buddy)
{
    struct buddy_ws *ws = buddy->ws;
    ws->again_us = buddy->world->now_us + NEXT_ACTION;
    struct websocket *socket = ws->socket;
    ws->socket = NULL;
    ws->reading = false;
    buddy_ws_reset(buddy);
    websocket_destroy(socket);
    buddy_transfer_disconnected(buddy);
}

/* Nothing was being sent: no back-off, the next message opens a new connection (1.6). */
static void on_ended(void *owner, const struct websocket_end *end)
{
    struct buddy *buddy = owner;
    bool by_us = end->kind == WEBSOCKET_END_BROKEN;
    buddy_told_end(buddy, end->kind == WEBSOCKET_END_STREAM ? end->stream : STREAM_END_CLOSED,
                   by_us, end->why);
    forget(buddy);
    buddy_wake(buddy);
}

static const struct websocket_events events = {
    .data = on_data, .frame = on_frame, .waiting = on_waiting, .ended = on_ended};

static void take_connection(struct buddy *buddy)
{
    struct slice early;
    struct stream *stream = http_client_take(&buddy->client, &early);
    const struct websocket_settings settings = {.client = true,
                                                .rsv_ignored = 4,
                                                .any_data_opcode = true,
                                                .never_closes = true,
                                                .mask = buddy->ws->mask};
    buddy->ws->socket = websocket_new(buddy->world, stream, &settings, &events, buddy);
    websocket_pause(buddy->ws->socket);
    websocket_receive(buddy->ws->socket, early.bytes, early.size);
}

void buddy_ws_reply(struct buddy *buddy, const struct http_message *message)
{
    if (message->status != 101) {
        /* Counted twice: as refused, and as failed. */
        buddy_finish(buddy, BUDDY_REFUSED, false);
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
    } else if (!is_granted(buddy->ws, message)) {
        tell_answered(buddy, message);
        buddy_finish(buddy, BUDDY_FAILED_TO_SEND, false);
    } else {
        take_connection(buddy);
        say(buddy, &buddy->ws->action);
    }
}

void buddy_ws_drop(struct buddy *buddy, const char *why)
{
    if (buddy->ws != NULL && buddy->ws->socket != NULL) {
        buddy_told_end(buddy, STREAM_END_CLOSED, true, why);
        forget(buddy);
    }
}

struct buddy_link buddy_ws_link(const struct buddy *buddy)
{
    if (buddy->ws == NULL) {
        return (struct buddy_link){0};
    }
    const struct websocket *socket = buddy->ws->socket;
    struct buddy_data_request request;
    return (struct buddy_link){
        .websocket = true,
        .live = socket != NULL,
        .waiting = socket != NULL && websocket_waiting(socket),
        .wants_data = socket != NULL && buddy_transfer_wants(buddy, &request),
        .quiet_us = socket == NULL ? 0 : buddy->world->now_us - websocket_sent_us(socket),
    };
}

/* ---- life ---- */

void buddy_ws_init(struct buddy *buddy)
{
    /* The firmware takes four bytes of the address of its random function for a mask: the same
     * ones in every frame of a build, an odd address in the processor's flash. */
    enum { FLASH_PAGE = 0x08 };
    if (!buddy->settings->websocket) {
        return;
    }
    buddy->ws = memory_new(sizeof *buddy->ws);
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *byte = buddy->state.firmware; *byte != '\0'; byte++) {
        hash = (hash ^ (unsigned char)*byte) * 16777619U;
    }
    const uint8_t mask[4] = {(uint8_t)(hash | 1), (uint8_t)(hash >> 8),
                             (uint8_t)(hash >> 16 & 0x0f), FLASH_PAGE};
    memcpy(buddy->ws->mask, mask, sizeof mask);
    buddy->client.upgrades = true;
    timer_init(&buddy->ws->timer, buddy_ws_time_out, buddy);
}

void buddy_ws_free(struct buddy *buddy)
{
    if (buddy->ws == NULL) {
        return;
    }
    buddy_ws_drop(buddy, "the printer goes");
    free(buddy->ws->buffer);
    world_cancel(buddy->world, &buddy->ws->timer);
    websocket_direction_free(&buddy->ws->directions[0]);
    websocket_direction_free(&buddy->ws->directions[1]);
    free(buddy->ws);
}
