#ifndef HOTBED_LOAD_FARM_SEAT_H
#define HOTBED_LOAD_FARM_SEAT_H

#include "harness/load/farm.h"
#include "harness/load/wishes.h"
#include "sim/machine/plan.h"

/* What farm.c (life), farm_count.c and farm_command.c (counting) share; nobody else's business. */

enum { SEAT_COMMANDS = 4 /* of one printer, that wait for their answers */ };

/* A person who has seen a registration fail, or the printer on the server's pages, takes a while.
 */
#define USER_LEAST_US SECONDS(5)

/* The file that a printer downloads, or is about to. */
struct seat_transfer {
    int64_t due_us;  /* when its user wished it; INT64_MIN: nobody did */
    int64_t came_us; /* the command for it; INT64_MIN: not yet */
    int64_t command_id;
    enum load_cause cause; /* why the last attempt failed; LOAD_CAUSES: none did */
    bool runs;
};

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
    struct {
        int64_t id, came_us;
    } commands[SEAT_COMMANDS]; /* that wait for their answers, the oldest first */
    struct seat_transfer transfer;
    struct wish *wish; /* NULL: it never had one */
    uint32_t fetching; /* the connection of its download; 0: none */
    uint32_t open;     /* measured telemetry that is not answered */
    uint8_t command_count;
    bool on, connected_before, registers, printed;
    bool upgraded; /* its WebSocket stands */
};

struct farm_network {
    struct farm *farm;
    uint32_t group;
    bool waits; /* its printers do one thing at a time, so that a turn waits for the server, too */
};

struct farm {
    struct farm_settings settings;
    struct world *world;
    const struct load_plan *plan;
    struct load_stats *stats;
    struct plan_cache *plans;
    struct wishes *wishes; /* NULL: nobody takes any */
    struct connect_face_settings faces[LOAD_GROUPS_MAX];
    struct farm_network networks[LOAD_GROUPS_MAX];
    struct seat *seats;
    uint64_t seat_count;
    struct timer tick, probe;
    int64_t probe_us;                     /* when it was to come */
    int64_t begin_us, measure_us, end_us; /* measured from … to */
    struct load_bin *bin;                 /* the present second's */
    uint32_t on, connected;
    struct {
        uint32_t on;
        int64_t counted_us; /* its printers' time on is, until then */
    } groups[LOAD_GROUPS_MAX];
    uint64_t open;                       /* of all seats */
    uint64_t cpu_seen_us, cpu_before_us; /* at the last tick; when measuring began */
    bool measuring;
};

extern const struct connect_observer_class seat_observer, seat_websocket_observer;
extern const struct connect_pace seat_pace;

/* farm.c */
void farm_user_pauses(
    struct seat *seat); /* what its user does next comes after the group's pause */
struct wish *farm_new_wish(struct seat *seat);

/* farm_count.c */
void farm_forget_open(struct seat *seat); /* its printer goes off: what waits is unfinished */
bool farm_waits(const struct seat *seat); /* for something else than telemetry that was measured */
/* Of the generator's own timers. */
void farm_count_late(struct farm *farm, int64_t due_us, int64_t late_us);
/* Something that was due at `due_us`: counted when that was measured time. */
void farm_count_planned(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us);
void farm_count_ok(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
                   int64_t took_us);
void farm_count_failed(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us,
                       enum load_cause cause);
void farm_count_unfinished(struct farm *farm, uint32_t group, enum load_step step, int64_t due_us);
/* If that is what failed: of the steps connect and tls, too. */
void farm_count_no_connection(struct seat *seat, const struct http_failure *failure);
enum load_cause farm_cause_of(const struct http_failure *failure);
enum load_cause farm_cause_of_status(int status);

/* farm_command.c */
void farm_command_came(struct seat *seat, const struct http_message *message);
/* What becomes of an event, which may answer a command: the first one with its id does (ACCEPTED,
 * REJECTED or what was asked for, connect-sdk.md 5.2). `again`: the printer will send it anew. */
void farm_event_over(struct seat *seat, const char *body, bool ok, bool again,
                     enum load_cause cause);
void farm_transfer_over(struct seat *seat, bool ok, enum load_cause cause);
void farm_transfer_told(void *seat, enum transfer_change change);
void farm_fetches(void *seat, uint32_t connection);
void farm_fetch_failed(void *seat, int status, const struct http_failure *failure);
bool farm_may_wish(const struct seat *seat);
void farm_wish(struct seat *seat);
wish_answered farm_wish_answered;
void farm_forget_commands(struct seat *seat); /* its printer goes off */

#endif
