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

void farm_count_planned(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us)
{
    if (measured(farm, due_us)) {
        step_of(farm, group, step)->planned++;
    }
}

void farm_count_unfinished(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us)
{
    if (measured(farm, due_us)) {
        step_of(farm, group, step)->unfinished++;
    }
}

void farm_count_ok(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
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

void farm_count_failed(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
                       enum load_cause cause)
{
    farm->bin->steps[step].failed++;
    if (measured(farm, due_us)) {
        step_of(farm, group, step)->failed[cause]++;
    }
}

void farm_count_late(struct farm *farm, int64_t due_us, int64_t late_us)
{
    if (late_us > farm->bin->late_most_us) {
        farm->bin->late_most_us = late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
    }
    if (measured(farm, due_us)) {
        histogram_record(&farm->stats->lateness, late_us);
    }
}

static enum load_step step_for(enum connect_asked_kind kind)
{
    return kind == CONNECT_ASKED_TELEMETRY ? LOAD_TELEMETRY
           : kind == CONNECT_ASKED_EVENT   ? LOAD_EVENT
                                           : LOAD_REGISTER;
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
    if (!farm->networks[seat->is.group].waits) {
        farm_count_late(farm, due_us, late_us);
    }
    farm->bin->steps[LOAD_TELEMETRY].skipped += !made;
    if (measured(farm, due_us)) {
        struct load_step_stats *stats = step_of(farm, seat->is.group, LOAD_TELEMETRY);
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

/* Of what a printer waits for, telemetry is counted by its turns. */
struct waiting {
    struct seat *seat;
    bool forget, any;
};

static void on_waiting(void *owner, const struct connect_asked *asked)
{
    struct waiting *waiting = owner;
    struct farm *farm = waiting->seat->farm;
    uint32_t group = waiting->seat->is.group;
    if (asked->kind == CONNECT_ASKED_TELEMETRY || !measured(farm, asked->due_us)) {
        return;
    }
    waiting->any = true;
    if (waiting->forget) {
        farm_count_planned(farm, group, step_for(asked->kind), asked->due_us);
        farm_count_unfinished(farm, group, step_for(asked->kind), asked->due_us);
    }
}

static bool look_what_waits(struct seat *seat, bool forget)
{
    struct waiting waiting = {.seat = seat, .forget = forget};
    connect_face_waiting(printer_connect_face(seat->printer), on_waiting, &waiting);
    return waiting.any;
}

bool farm_waits(const struct seat *seat)
{
    return look_what_waits((struct seat *)seat, false);
}

void farm_forget_open(struct seat *seat)
{
    look_what_waits(seat, true);
    step_of(seat->farm, seat->is.group, LOAD_TELEMETRY)->unfinished += seat->open;
    seat->farm->open -= seat->open;
    seat->open = 0;
}

/* ---- Answers ---- */

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
    case CONNECT_ASKED_PROBE:
        return status < 400; /* what PrusaLink takes for an answer */
    }
    return false;
}

enum load_cause farm_cause_of_status(int status)
{
    switch (status / 100) {
    case 3:
        return LOAD_CAUSE_3XX;
    case 4:
        return LOAD_CAUSE_4XX;
    case 5:
        return LOAD_CAUSE_5XX;
    default:
        return LOAD_CAUSE_WRONG_REPLY;
    }
}

/* The server knows the printer now: its user may have a file sent, once both have settled. */
static void user_sees(struct seat *seat)
{
    if (farm_may_wish(seat) && !timer_armed(&seat->user)) {
        world_arm_in(seat->farm->world, &seat->user, USER_LEAST_US);
    }
}

static void exchange_over(struct seat *seat, const struct connect_asked *asked, bool ok, bool again,
                          enum load_cause cause)
{
    struct farm *farm = seat->farm;
    enum load_step step = step_for(asked->kind);
    if (step != LOAD_TELEMETRY) {
        farm_count_planned(farm, seat->is.group, step, asked->due_us);
    }
    close_one(seat, asked);
    if (ok) {
        farm_count_ok(farm, seat->is.group, step, asked->due_us,
                      farm->world->now_us - asked->due_us);
    } else {
        farm_count_failed(farm, seat->is.group, step, asked->due_us, cause);
    }
    if (step == LOAD_EVENT) {
        farm_event_over(seat, asked->body, ok, again, cause);
    }
}

/* An event that found no good answer is lost of the SDK; Buddy firmware sends it again
 * (connect-sdk.md 1.4, connect-buddy.md 2.6). */
static void answered(void *observer, const struct connect_sdk *sdk,
                     const struct connect_asked *asked, const struct http_message *message)
{
    struct seat *seat = observer;
    bool ok = is_good(asked->kind, message->status);
    exchange_over(seat, asked, ok, sdk == NULL, farm_cause_of_status(message->status));
    if (ok && asked->kind == CONNECT_ASKED_TELEMETRY) {
        if (message->status == 200) {
            farm_command_came(seat, message);
        }
        user_sees(seat);
    }
}

enum load_cause farm_cause_of(const struct http_failure *failure)
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

void farm_count_no_connection(struct seat *seat, const struct http_failure *failure)
{
    struct farm *farm = seat->farm;
    if (failure != NULL &&
        (failure->kind == HTTP_FAILURE_CONNECT || failure->kind == HTTP_FAILURE_CONNECT_TIMEOUT)) {
        enum load_cause cause = farm_cause_of(failure);
        enum load_step way = cause == LOAD_CAUSE_TLS ? LOAD_TLS : LOAD_CONNECT;
        farm_count_planned(farm, seat->is.group, way, farm->world->now_us);
        farm_count_failed(farm, seat->is.group, way, farm->world->now_us, cause);
    }
}

static void lost(void *observer, const struct connect_sdk *sdk, const struct connect_asked *asked,
                 const struct http_failure *failure)
{
    struct seat *seat = observer;
    farm_count_no_connection(seat, failure);
    exchange_over(seat, asked, false, sdk == NULL, farm_cause_of(failure));
}

/* ---- Connections ---- */

static void opened(void *observer, const struct connect_sdk *sdk, uint32_t connection)
{
    (void)sdk;
    struct seat *seat = observer;
    if (connection == seat->fetching) {
        return; /* a printer that downloads is not twice there */
    }
    seat->farm->connected++;
    seat->farm->stats->reconnects += seat->connected_before;
    seat->connected_before = true;
}

static void ended(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                  enum stream_end end, bool by_us, const char *why)
{
    (void)sdk;
    (void)end;
    (void)by_us;
    (void)why;
    struct seat *seat = observer;
    if (connection == seat->fetching) {
        seat->fetching = 0;
        return;
    }
    seat->farm->connected--;
}

const struct connect_observer_class seat_observer = {
    .opened = opened,
    .ended = ended,
    .answered = answered,
    .lost = lost,
    .transfer = farm_transfer_told,
    .fetches = farm_fetches,
    .fetch_failed = farm_fetch_failed,
};

/* ---- WebSockets ---- */

/* Nobody answers what is sent into one (ws_told.h): that it is on its way has no head. All that has
 * one answers the upgrade, and whatever it says, an upgrade it is not. */
static void socket_answered(void *observer, const struct connect_sdk *sdk,
                            const struct connect_asked *asked, const struct http_message *message)
{
    bool registers = asked->kind == CONNECT_ASKED_POLL || asked->kind == CONNECT_ASKED_REGISTER;
    if (registers || message->head.size == 0) {
        answered(observer, sdk, asked, message);
    } else {
        exchange_over(observer, asked, false, true, farm_cause_of_status(message->status));
    }
}

/* A connection that stood is to stand: its end is a failure to connect, unless the printer goes. */
static void socket_ended(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                         enum stream_end end, bool by_us, const char *why)
{
    struct seat *seat = observer;
    if (connection != seat->fetching && seat->upgraded) {
        enum load_cause cause = by_us                     ? LOAD_CAUSE_WRONG_REPLY
                                : end == STREAM_END_RESET ? LOAD_CAUSE_RESET
                                : end == STREAM_END_TLS   ? LOAD_CAUSE_TLS
                                                          : LOAD_CAUSE_MISSING_REPLY;
        struct farm *farm = seat->farm;
        seat->upgraded = false;
        seat->transfer.cause = cause;
        if (seat->on) {
            farm_count_planned(farm, seat->is.group, LOAD_CONNECT, farm->world->now_us);
            farm_count_failed(farm, seat->is.group, LOAD_CONNECT, farm->world->now_us, cause);
        }
    }
    ended(observer, sdk, connection, end, by_us, why);
}

/* A command comes by itself. */
static void replied(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                    const struct http_message *message)
{
    (void)sdk;
    struct seat *seat = observer;
    if (message->status == 101 && connection != seat->fetching) {
        seat->upgraded = true;
    } else if (message->status == 200 && connect_ws_told(message)) {
        farm_command_came(seat, message);
    }
}

const struct connect_observer_class seat_websocket_observer = {
    .opened = opened,
    .reply = replied,
    .ended = socket_ended,
    .answered = socket_answered,
    .lost = lost,
    .transfer = farm_transfer_told,
    .fetches = farm_fetches,
    .fetch_failed = farm_fetch_failed,
};

/* ---- The way there ---- */

static void count_way(const struct farm_network *network, enum load_step step, int64_t took_us)
{
    struct farm *farm = network->farm;
    farm_count_planned(farm, network->group, step, farm->world->now_us);
    farm_count_ok(farm, network->group, step, farm->world->now_us, took_us);
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

static void exhausted(void *owner, int code)
{
    const struct farm_network *network = owner;
    network->farm->stats->exhausted++;
    network->farm->stats->exhausted_code = code;
}

const struct socket_times farm_times = {
    .connected = connected, .secured = secured, .exhausted = exhausted};

void *farm_times_owner(struct farm *farm, uint32_t group)
{
    return &farm->networks[group];
}
