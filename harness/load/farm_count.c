/* What passes between the printers and their server, counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/farm_seat.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/http_client.h"

static bool measured(const struct farm *farm, int64_t due_us)
{
    return due_us >= farm->measure_us && due_us < farm->end_us;
}

static struct load_step_stats *step_of(const struct farm *farm, uint32_t group, enum load_step step)
{
    return &farm->stats->group[group].steps[step];
}

static void count_ok(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
                     int64_t took_us)
{
    uint32_t most_us = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    farm->bin->steps[step].ok++;
    farm->bin->steps[step].sum_us += (uint64_t)took_us;
    if (most_us > farm->bin->steps[step].most_us) {
        farm->bin->steps[step].most_us = most_us;
    }
    if (measured(farm, due_us)) {
        struct load_step_stats *stats = step_of(farm, group, step);
        stats->ok++;
        histogram_record(&stats->latency, took_us);
    }
}

static void count_failed(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
                         enum load_cause cause)
{
    farm->bin->steps[step].failed++;
    if (measured(farm, due_us)) {
        step_of(farm, group, step)->failed[cause]++;
    }
}

/* ---- Telemetry's turns ---- */

static int64_t next_turn(void *owner, int64_t own_us)
{
    struct seat *seat = owner;
    const struct load_group *group = &seat->farm->plan->groups[seat->is.group];
    return group->paced ? distribution_draw_us(&group->interval, &seat->random) : own_us;
}

static void turn(void *owner, int64_t due_us, bool made)
{
    struct seat *seat = owner;
    struct farm *farm = seat->farm;
    int64_t late_us = farm->world->now_us - due_us;
    if (late_us > farm->bin->late_most_us) {
        farm->bin->late_most_us = late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
    }
    farm->bin->steps[LOAD_TELEMETRY].skipped += !made;
    if (measured(farm, due_us)) {
        struct load_step_stats *stats = step_of(farm, seat->is.group, LOAD_TELEMETRY);
        histogram_record(&farm->stats->lateness, late_us);
        stats->planned++;
        stats->skipped += !made;
        seat->open += made;
        farm->open += made;
    }
}

const struct connect_pace seat_pace = {.interval_us = next_turn, .turn = turn};

static void close_one(struct seat *seat, const struct connect_asked *asked)
{
    if (asked->kind == CONNECT_ASKED_TELEMETRY && measured(seat->farm, asked->due_us) &&
        seat->open > 0) {
        seat->open--;
        seat->farm->open--;
    }
}

void farm_forget_open(struct seat *seat)
{
    step_of(seat->farm, seat->is.group, LOAD_TELEMETRY)->unfinished += seat->open;
    seat->farm->open -= seat->open;
    seat->open = 0;
    if (seat->command_came_us != INT64_MIN && measured(seat->farm, seat->command_came_us)) {
        step_of(seat->farm, seat->is.group, LOAD_COMMAND)->unfinished++;
    }
    seat->command_came_us = INT64_MIN;
}

/* ---- Commands ---- */

static void command_came(struct seat *seat, const struct http_message *message)
{
    struct slice id = http_header_value(message, "Command-Id");
    char text[24];
    if (id.bytes == NULL || id.size >= sizeof text || seat->command_came_us != INT64_MIN) {
        return;
    }
    memcpy(text, id.bytes, id.size);
    text[id.size] = '\0';
    seat->command_id = strtoll(text, NULL, 10);
    seat->command_came_us = seat->farm->world->now_us;
    if (measured(seat->farm, seat->command_came_us)) {
        step_of(seat->farm, seat->is.group, LOAD_COMMAND)->planned++;
    }
}

/* The first event with the command's id answers it: ACCEPTED, REJECTED or what it asked for
 * (connect-sdk.md 5.2). */
static void command_told(struct seat *seat, const char *body)
{
    if (seat->command_came_us == INT64_MIN) {
        return;
    }
    /* The SDK writes a blank behind the colon, Buddy none. */
    static const char member[] = "\"command_id\":";
    const char *at = strstr(body, member);
    if (at != NULL && strtoll(at + strlen(member), NULL, 10) == seat->command_id) {
        count_ok(seat->farm, seat->is.group, LOAD_COMMAND, seat->command_came_us,
                 seat->farm->world->now_us - seat->command_came_us);
        seat->command_came_us = INT64_MIN;
    }
}

/* ---- Answers ---- */

static enum load_step step_for(enum connect_asked_kind kind)
{
    return kind == CONNECT_ASKED_TELEMETRY ? LOAD_TELEMETRY
           : kind == CONNECT_ASKED_EVENT   ? LOAD_EVENT
                                           : LOAD_REGISTER;
}

/* What a server may answer (connect-sdk.md 3.2, 3.3, 5.1, 6.1). */
static bool is_good(enum connect_asked_kind kind, int status)
{
    switch (kind) {
    case CONNECT_ASKED_TELEMETRY:
        return status == 200 || status == 204;
    case CONNECT_ASKED_EVENT:
        return status >= 200 && status <= 299;
    case CONNECT_ASKED_POLL:
        return status == 200 || status == 202;
    case CONNECT_ASKED_REGISTER:
        return status == 200;
    }
    return false;
}

static void answered(void *observer, const struct connect_sdk *sdk,
                     const struct connect_asked *asked, const struct http_message *message)
{
    (void)sdk;
    struct seat *seat = observer;
    struct farm *farm = seat->farm;
    enum load_step step = step_for(asked->kind);
    int class = message->status / 100;
    if (step != LOAD_TELEMETRY && measured(farm, asked->due_us)) {
        step_of(farm, seat->is.group, step)->planned++;
    }
    close_one(seat, asked);
    if (is_good(asked->kind, message->status)) {
        count_ok(farm, seat->is.group, step, asked->due_us, farm->world->now_us - asked->due_us);
    } else {
        count_failed(farm, seat->is.group, step, asked->due_us,
                     class == 3   ? LOAD_CAUSE_3XX
                     : class == 4 ? LOAD_CAUSE_4XX
                     : class == 5 ? LOAD_CAUSE_5XX
                                  : LOAD_CAUSE_WRONG_REPLY);
    }
    if (step == LOAD_TELEMETRY && message->status == 200) {
        command_came(seat, message);
    } else if (step == LOAD_EVENT && class == 2) {
        command_told(seat, asked->body);
    }
}

static enum load_cause cause_of(const struct http_failure *failure)
{
    if (failure == NULL) {
        return LOAD_CAUSE_3XX;
    }
    switch (failure->kind) {
    case HTTP_FAILURE_CONNECT:
        return failure->end == STREAM_END_TLS ? LOAD_CAUSE_TLS : LOAD_CAUSE_CONNECT;
    case HTTP_FAILURE_CONNECT_TIMEOUT:
    case HTTP_FAILURE_TIMEOUT:
        return LOAD_CAUSE_TIMEOUT;
    case HTTP_FAILURE_NO_REPLY:
        return failure->end == STREAM_END_CLOSED ? LOAD_CAUSE_MISSING_REPLY
               : failure->end == STREAM_END_TLS  ? LOAD_CAUSE_TLS
                                                 : LOAD_CAUSE_RESET;
    case HTTP_FAILURE_CUT:
        return failure->end == STREAM_END_RESET ? LOAD_CAUSE_RESET : LOAD_CAUSE_WRONG_REPLY;
    case HTTP_FAILURE_NOT_HTTP:
        return LOAD_CAUSE_WRONG_REPLY;
    }
    return LOAD_CAUSE_WRONG_REPLY;
}

static void lost(void *observer, const struct connect_sdk *sdk, const struct connect_asked *asked,
                 const struct http_failure *failure)
{
    (void)sdk;
    struct seat *seat = observer;
    struct farm *farm = seat->farm;
    enum load_step step = step_for(asked->kind);
    enum load_cause cause = cause_of(failure);
    if (failure != NULL &&
        (failure->kind == HTTP_FAILURE_CONNECT || failure->kind == HTTP_FAILURE_CONNECT_TIMEOUT)) {
        enum load_step way = cause == LOAD_CAUSE_TLS ? LOAD_TLS : LOAD_CONNECT;
        int64_t now_us = farm->world->now_us;
        if (measured(farm, now_us)) {
            step_of(farm, seat->is.group, way)->planned++;
        }
        count_failed(farm, seat->is.group, way, now_us, cause);
    }
    if (step != LOAD_TELEMETRY && measured(farm, asked->due_us)) {
        step_of(farm, seat->is.group, step)->planned++;
    }
    close_one(seat, asked);
    count_failed(farm, seat->is.group, step, asked->due_us, cause);
}

/* ---- Connections ---- */

static void opened(void *observer, const struct connect_sdk *sdk, uint32_t connection)
{
    (void)sdk;
    (void)connection;
    struct seat *seat = observer;
    seat->farm->connected++;
    seat->farm->stats->reconnects += seat->connected_before;
    seat->connected_before = true;
}

static void ended(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                  enum stream_end end, bool by_us, const char *why)
{
    (void)sdk;
    (void)connection;
    (void)end;
    (void)by_us;
    (void)why;
    struct seat *seat = observer;
    seat->farm->connected--;
}

const struct connect_observer_class seat_observer = {
    .opened = opened, .ended = ended, .answered = answered, .lost = lost};

/* A command comes by itself through a WebSocket. */
static void replied(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                    const struct http_message *message)
{
    (void)sdk;
    (void)connection;
    if (message->status == 200 && connect_ws_told(message)) {
        command_came(observer, message);
    }
}

const struct connect_observer_class seat_websocket_observer = {
    .opened = opened, .reply = replied, .ended = ended, .answered = answered, .lost = lost};

static void count_way(const struct farm_network *network, enum load_step step, int64_t took_us)
{
    struct farm *farm = network->farm;
    if (measured(farm, farm->world->now_us)) {
        step_of(farm, network->group, step)->planned++;
    }
    count_ok(farm, network->group, step, farm->world->now_us, took_us);
}

static void connected(void *owner, int64_t took_us)
{
    count_way(owner, LOAD_CONNECT, took_us);
}

static void secured(void *owner, int64_t took_us, bool resumed)
{
    const struct farm_network *network = owner;
    network->farm->stats->resumed += resumed;
    count_way(owner, LOAD_TLS, took_us);
}

const struct socket_times farm_times = {.connected = connected, .secured = secured};

void *farm_times_owner(struct farm *farm, uint32_t group)
{
    return &farm->networks[group];
}
