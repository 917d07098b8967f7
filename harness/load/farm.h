#ifndef HOTBED_LOAD_FARM_H
#define HOTBED_LOAD_FARM_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/load/plan.h"
#include "harness/load/stats.h"
#include "harness/net/socket.h"
#include "sim/base/world.h"
#include "sim/printer/printer.h"
#include "sim/wire/stream.h"

/* The printers of a plan, or one worker's part of them, in one world: it switches them on and off,
 * is the user who registers them and starts their prints, and counts what passes between them and
 * their server. They are the printers of everywhere else: what they send, when they try again and
 * what they make of an answer is theirs. */
struct farm;

struct farm_settings {
    const struct load_plan *plan;
    struct world *world;             /* its seed is the plan's */
    struct network *const *networks; /* one for each group */
    const char *server;              /* base URL */
    uint64_t part, parts;            /* printer k is this farm's when k % parts == part */
    /* Where wishes for transfers are made, and the way there; NULL: nobody transfers. */
    const char *control;
    struct network *control_network;
    struct load_stats *stats; /* of the plan's groups; empty */
    uint64_t (*cpu_us)(void); /* spent so far by this process; NULL: it is not looked at */
    /* Bytes on the way to the server that have not left; NULL: it is not looked at. */
    uint64_t (*queued)(const void *owner);
    const void *queued_owner;
    /* Told of each printer of the farm once it is on for the first time; NULL: nobody looks. */
    void (*made)(void *owner, uint64_t k, struct printer *printer);
    void *owner;
};

/* The plan begins now, in the world's time. */
struct farm *farm_new(const struct farm_settings *settings);
/* What nobody answered until now is unfinished; switches all off. */
void farm_destroy(struct farm *farm);

int64_t farm_end_us(const struct farm *farm); /* of the plan, in the world's time */
bool farm_settled(const struct farm *farm);   /* nothing that was measured is still unanswered */
/* The network of group `g` connected: for socket_network_watch(). */
extern const struct socket_times farm_times;
void *farm_times_owner(struct farm *farm, uint32_t group);

#endif
