#ifndef HOTBED_LOAD_FARM_SEAT_H
#define HOTBED_LOAD_FARM_SEAT_H

#include "harness/load/farm.h"
#include "sim/machine/plan.h"

/* What farm.c (life) and farm_count.c (counting) share; nobody else's business. */

/* One printer of the farm. */
struct seat {
    struct farm *farm;
    struct printer *printer;            /* NULL: it was never on */
    struct connect_face_settings *face; /* of its own, when it registers; NULL: its group's */
    struct load_printer is;
    struct random random; /* its think times */
    struct timer power, user;
    struct machine_listener listener;
    int64_t switch_us; /* in the plan's time: its next switch */
    int64_t on_since_us;
    int64_t command_came_us; /* INT64_MIN: no command waits for its answer */
    int64_t command_id;
    uint32_t open; /* measured telemetry that is not answered */
    bool on, connected_before, registers, printed;
};

struct farm_network {
    struct farm *farm;
    uint32_t group;
};

struct farm {
    struct farm_settings settings;
    struct world *world;
    const struct load_plan *plan;
    struct load_stats *stats;
    struct plan_cache *plans;
    struct connect_face_settings faces[LOAD_GROUPS_MAX];
    struct farm_network networks[LOAD_GROUPS_MAX];
    struct seat *seats;
    uint64_t seat_count;
    struct timer tick;
    int64_t begin_us, measure_us, end_us; /* measured from … to */
    struct load_bin *bin;                 /* the present second's */
    uint32_t on, connected;
    uint64_t open;                       /* of all seats */
    uint64_t cpu_seen_us, cpu_before_us; /* at the last tick; when measuring began */
    bool measuring;
};

extern const struct connect_observer_class seat_observer, seat_websocket_observer;
extern const struct connect_pace seat_pace;

void farm_forget_open(struct seat *seat); /* its printer goes off: what waits is unfinished */

#endif
