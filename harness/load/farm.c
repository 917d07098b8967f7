#include "harness/load/farm.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/farm_seat.h"
#include "sim/base/memory.h"

enum { PLANS_KEPT_BYTES = 64 * 1024 * 1024 };

/* Of random_of(): think times draw from a stream that no printer's machine has. */
#define STREAM_THINKING (UINT64_C(1) << 40)

#define USER_SPAN_US SECONDS(10)
#define PRINT_RETRY  SECONDS(5)

/* How often we look whether our own timers come in time, whatever the printers wait for. */
#define PROBE_US MILLISECONDS(5)

/* ---- The user of a printer: registers it and starts its prints ---- */

static bool may_print(const struct seat *seat)
{
    enum printer_state state = machine_state(printer_machine(seat->printer));
    return seat->is.state->print != NULL && (state == STATE_IDLE || state == STATE_READY ||
                                             state == STATE_FINISHED || state == STATE_STOPPED);
}

static void start_print(struct seat *seat)
{
    struct error error;
    struct load_stats *stats = seat->farm->stats;
    enum machine_refusal refusal =
        machine_start_print(printer_machine(seat->printer), seat->is.state->print, &error);
    if (refusal == MACHINE_ACCEPTED) {
        stats->prints_started++;
        seat->printed = true;
    } else {
        stats->prints_refused++;
        world_arm_in(seat->farm->world, &seat->user, PRINT_RETRY);
    }
}

static void user_acts(void *owner)
{
    struct seat *seat = owner;
    if (seat->registers) {
        seat->registers = false;
        connect_face_register(printer_connect_face(seat->printer));
    }
    if (may_print(seat)) {
        start_print(seat);
    }
    if (farm_may_wish(seat)) {
        farm_wish(seat);
    }
}

static void user_waits(struct seat *seat, int64_t wait_us)
{
    struct world *world = seat->farm->world;
    if (!timer_armed(&seat->user)) {
        world_arm_in(world, &seat->user, wait_us);
    }
}

void farm_user_pauses(struct seat *seat)
{
    const struct load_group *group = &seat->farm->plan->groups[seat->is.group];
    if (seat->is.state->transfer.wish != NULL) {
        user_waits(seat, distribution_draw_us(&group->pause, &seat->random));
    }
}

struct wish *farm_new_wish(struct seat *seat)
{
    struct wish *wish = memory_new(sizeof *wish);
    wish->text = seat->is.state->transfer.wish;
    wish->owner = seat;
    connect_machine_fingerprint(printer_machine(seat->printer), wish->fingerprint);
    return wish;
}

static void on_register_failed(void *owner, const char *why)
{
    (void)why;
    struct seat *seat = owner;
    seat->registers = true;
    user_waits(seat, USER_LEAST_US + (int64_t)random_below(&seat->random, USER_SPAN_US));
}

static const struct connect_face_events face_events = {.failed = on_register_failed};

static void on_state(void *owner, const struct state_change *change)
{
    (void)change;
    struct seat *seat = owner;
    if (may_print(seat)) {
        const struct load_group *group = &seat->farm->plan->groups[seat->is.group];
        user_waits(seat, seat->printed ? distribution_draw_us(&group->pause, &seat->random) : 0);
    }
}

static const struct machine_events machine_events = {.state_changed = on_state};

/* ---- On and off ---- */

static const struct connect_face_settings *face_of(struct seat *seat)
{
    struct farm *farm = seat->farm;
    if (farm->plan->groups[seat->is.group].token != NULL) {
        return &farm->faces[seat->is.group];
    }
    seat->face = memory_new(sizeof *seat->face);
    *seat->face = farm->faces[seat->is.group];
    seat->face->register_at_start = true;
    seat->face->events = &face_events;
    seat->face->owner = seat;
    return seat->face;
}

/* The pattern with the printer's number; NULL: it registers. */
static char *token_of(const struct load_group *group, uint64_t k)
{
    if (group->token == NULL) {
        return NULL;
    }
    struct buffer token = {0};
    const char *at = group->token, *number;
    while ((number = strstr(at, "{printer}")) != NULL) {
        buffer_append(&token, at, (size_t)(number - at));
        buffer_append_int(&token, (long long)k);
        at = number + strlen("{printer}");
    }
    buffer_append_text(&token, at);
    return buffer_detach(&token);
}

static void make_printer(struct seat *seat)
{
    struct farm *farm = seat->farm;
    const struct load_group *group = &farm->plan->groups[seat->is.group];
    char *token = token_of(group, seat->is.k);
    const struct printer_settings settings = {
        .model = group->model,
        .index = seat->is.k,
        .room_c = NAN,
        .plans = farm->plans,
        .tree = group->tree,
        .connect = face_of(seat),
        .token = token,
    };
    seat->printer =
        printer_new(farm->world, farm->settings.networks[seat->is.group], &settings, NULL);
    free(token);
    assert(seat->printer != NULL); /* only real directories can't be read */
    seat->listener = (struct machine_listener){.events = &machine_events, .face = seat};
    machine_listen(printer_machine(seat->printer), &seat->listener);
    if (farm->settings.made != NULL) {
        farm->settings.made(farm->settings.owner, seat->is.k, seat->printer);
    }
}

/* Up to now, whenever it changes how many are on and each second: so that what a worker has left
 * when it is killed is true, too. */
static void count_time_on(struct farm *farm, uint32_t group)
{
    int64_t from_us = farm->groups[group].counted_us, to_us = farm->world->now_us;
    from_us = from_us > farm->measure_us ? from_us : farm->measure_us;
    to_us = to_us < farm->end_us ? to_us : farm->end_us;
    if (to_us > from_us) {
        farm->stats->group[group].printer_us +=
            farm->groups[group].on * (uint64_t)(to_us - from_us);
    }
    farm->groups[group].counted_us = farm->world->now_us;
}

static void switch_on(struct seat *seat)
{
    struct farm *farm = seat->farm;
    if (seat->printer == NULL) {
        make_printer(seat);
        farm->stats->group[seat->is.group].came++;
    }
    seat->on = true;
    seat->connected_before = false;
    count_time_on(farm, seat->is.group);
    farm->groups[seat->is.group].on++;
    farm->on++;
    printer_power_on(seat->printer);
    struct connect_face *face = printer_connect_face(seat->printer);
    bool websocket = farm->plan->groups[seat->is.group].websocket;
    connect_face_observe(face, websocket ? &seat_websocket_observer : &seat_observer, seat);
    connect_face_set_pace(face, &seat_pace, seat);
}

static void switch_off(struct seat *seat)
{
    farm_forget_open(seat);
    farm_forget_commands(seat);
    count_time_on(seat->farm, seat->is.group);
    seat->farm->groups[seat->is.group].on--;
    world_cancel(seat->farm->world, &seat->user);
    seat->on = false;
    seat->registers = false;
    seat->farm->on--;
    printer_power_off(seat->printer);
}

/* Its next turn after `after_us` of the plan. */
static void plan_switch(struct seat *seat, int64_t after_us)
{
    struct farm *farm = seat->farm;
    bool on;
    if (load_plan_switch(farm->plan, seat->is.rank, after_us, &seat->switch_us, &on)) {
        world_arm(farm->world, &seat->power, farm->begin_us + seat->switch_us);
    }
}

static void on_power(void *owner)
{
    struct seat *seat = owner;
    if (seat->on) {
        switch_off(seat);
    } else {
        switch_on(seat);
    }
    plan_switch(seat, seat->switch_us);
}

/* ---- Each second ---- */

static void close_second(struct farm *farm)
{
    struct load_bin *bin = farm->bin;
    bin->on = farm->on;
    bin->connected = farm->connected;
    if (farm->settings.queued != NULL) {
        uint64_t bytes = farm->settings.queued(farm->settings.queued_owner);
        bin->queued_bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
    }
    if (farm->settings.cpu_us != NULL) {
        uint64_t cpu_us = farm->settings.cpu_us();
        bin->cpu_us = (uint32_t)(cpu_us - farm->cpu_seen_us);
        farm->cpu_seen_us = cpu_us;
    }
    if (farm->stats->bins + 1 < LOAD_BINS_MAX) {
        farm->stats->bins++;
        farm->bin++;
    }
}

/* Processor and wall time within the measured window, up to now. */
static void take_time(struct farm *farm)
{
    int64_t now_us = farm->world->now_us < farm->end_us ? farm->world->now_us : farm->end_us;
    if (now_us < farm->measure_us ||
        farm->stats->measured_us >= (uint64_t)(farm->end_us - farm->measure_us)) {
        return;
    }
    uint64_t cpu_us = farm->settings.cpu_us != NULL ? farm->settings.cpu_us() : 0;
    if (!farm->measuring) {
        farm->measuring = true;
        farm->cpu_before_us = cpu_us;
    }
    farm->stats->cpu_us = cpu_us - farm->cpu_before_us;
    farm->stats->busiest_us = farm->stats->cpu_us;
    farm->stats->measured_us = (uint64_t)(now_us - farm->measure_us);
}

static void on_second(void *owner)
{
    struct farm *farm = owner;
    for (uint32_t g = 0; g < farm->plan->group_count; g++) {
        count_time_on(farm, g);
    }
    close_second(farm);
    take_time(farm);
    int64_t next_us = farm->begin_us + SECONDS((int64_t)farm->stats->bins + 1);
    world_arm(farm->world, &farm->tick, next_us);
}

/* After a stall, each of those that were due in it counts: they waited as everybody's timers did.
 */
static void on_probe(void *owner)
{
    struct farm *farm = owner;
    do {
        farm_count_late(farm, farm->probe_us, farm->world->now_us - farm->probe_us);
        farm->probe_us += PROBE_US;
    } while (farm->probe_us <= farm->world->now_us);
    world_arm(farm->world, &farm->probe, farm->probe_us);
}

/* ---- The farm ---- */

static void make_faces(struct farm *farm)
{
    for (uint32_t g = 0; g < farm->plan->group_count; g++) {
        const struct load_group *group = &farm->plan->groups[g];
        struct connect_face_settings *face = &farm->faces[g];
        connect_face_defaults(face);
        face->host = group->host;
        face->sdk_version = group->sdk_version;
        face->server = farm->settings.server;
        face->telemetry = group->telemetry;
        face->websocket = group->websocket;
        face->quirks = group->no_quirks ? 0 : face->quirks;
        farm->networks[g] = (struct farm_network){
            .farm = farm, .group = g, .waits = strcmp(group->model->family, "buddy") == 0};
    }
}

static void seat_init(struct seat *seat, struct farm *farm, uint64_t k)
{
    seat->farm = farm;
    seat->transfer.due_us = seat->transfer.came_us = INT64_MIN;
    load_plan_printer(farm->plan, k, &seat->is);
    seat->random = random_of(farm->plan->seed, STREAM_THINKING + k);
    timer_init(&seat->power, on_power, seat);
    timer_init(&seat->user, user_acts, seat);
    farm->stats->group[seat->is.group].printers++;
    plan_switch(seat, -1);
}

struct farm *farm_new(const struct farm_settings *settings)
{
    const struct load_plan *plan = settings->plan;
    assert(settings->part < settings->parts && settings->world->seed == plan->seed);
    struct farm *farm = memory_new(sizeof *farm);
    farm->settings = *settings;
    farm->world = settings->world;
    farm->plan = plan;
    farm->stats = settings->stats;
    farm->plans = plan_cache_new(PLANS_KEPT_BYTES);
    farm->begin_us = farm->world->now_us;
    farm->measure_us = farm->begin_us + plan->warm_up_us;
    farm->end_us = farm->begin_us + plan->duration_us;
    farm->bin = load_stats_bins(farm->stats);
    farm->cpu_seen_us = settings->cpu_us != NULL ? settings->cpu_us() : 0;
    make_faces(farm);
    if (settings->control != NULL) {
        farm->wishes = wishes_new(farm->world, settings->control_network, settings->control,
                                  farm_wish_answered, NULL);
        assert(farm->wishes != NULL); /* its URL has been used already */
    }
    farm->seat_count = (plan->printers + settings->parts - 1 - settings->part) / settings->parts;
    farm->seats = memory_new_array(farm->seat_count, sizeof *farm->seats);
    for (uint64_t i = 0; i < farm->seat_count; i++) {
        seat_init(&farm->seats[i], farm, settings->part + i * settings->parts);
    }
    timer_init(&farm->tick, on_second, farm);
    world_arm(farm->world, &farm->tick, farm->begin_us + SECONDS(1));
    farm->probe_us = farm->begin_us + PROBE_US;
    timer_init(&farm->probe, on_probe, farm);
    world_arm(farm->world, &farm->probe, farm->probe_us);
    return farm;
}

void farm_destroy(struct farm *farm)
{
    take_time(farm);
    for (uint64_t i = 0; i < farm->seat_count; i++) {
        struct seat *seat = &farm->seats[i];
        world_cancel(farm->world, &seat->power);
        if (seat->on) {
            switch_off(seat);
        }
        if (seat->printer != NULL) {
            machine_unlisten(printer_machine(seat->printer), &seat->listener);
            printer_destroy(seat->printer);
        }
        free(seat->wish);
        free(seat->face);
    }
    world_cancel(farm->world, &farm->tick);
    world_cancel(farm->world, &farm->probe);
    wishes_destroy(farm->wishes);
    plan_cache_destroy(farm->plans);
    free(farm->seats);
    free(farm);
}

int64_t farm_end_us(const struct farm *farm)
{
    return farm->end_us;
}

bool farm_settled(const struct farm *farm)
{
    for (uint64_t i = 0; farm->open == 0 && i < farm->seat_count; i++) {
        if (farm->seats[i].on && farm_waits(&farm->seats[i])) {
            return false;
        }
    }
    return farm->open == 0;
}
