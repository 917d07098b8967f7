#ifndef HOTBED_LOAD_PLAN_H
#define HOTBED_LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/load/distribution.h"
#include "harness/load/threshold.h"
#include "sim/base/error.h"
#include "sim/machine/model.h"
#include "sim/machine/storage.h"
#include "sim/protocol/connect/prusalink.h"

/* What a farm file says (docs/farm.md): which printers there are, what they are at, when they come,
 * how long it takes and what must hold. Printer k, from 0, is a function of the plan, its seed and
 * k alone. */
enum {
    LOAD_GROUPS_MAX = 64,
    LOAD_PRINTERS_MAX = 10000000,
    LOAD_STAGES_MAX = 64,
    LOAD_FAULTS_MAX = 32,   /* of a group */
    LOAD_COMMANDS_MAX = 32, /* mockservers/connect/exercise.h takes as many */
};
#define LOAD_DURATION_MAX_US (INT64_C(24) * 3600 * 1000000)

/* What a printer of a group is at; a share of them by weight. */
struct load_state {
    uint32_t weight;
    char
        *print; /* path on its first storage, "/PrusaLink gcodes/cube.gcode"; NULL: it prints not */
    /* What it downloads again and again; NULL: nothing. */
    struct {
        char *name; /* as the server offers it */
        char *path; /* where it puts it */
        char *wish; /* what the server's control endpoint is told (transfers.h); NULL: not known yet
                     */
    } transfer;
};

struct load_group {
    char *name;
    const struct model *model;
    uint64_t first; /* its printers are first … first + count - 1 */
    uint32_t count;
    enum connect_host_kind host;
    enum connect_sdk_version sdk_version;
    bool no_quirks;
    bool websocket; /* speaks Connect over a WebSocket */
    char **faults;  /* of harness/net/faults/message_faults.h, in this order, for all of it */
    uint32_t fault_count;
    char *token; /* a pattern with {printer}; NULL: the printers register */
    enum connect_telemetry_style telemetry;
    bool paced; /* by `interval`, else by the host program */
    struct distribution interval;
    struct distribution pause; /* between two prints, or transfers */
    struct load_state *states; /* at least one */
    uint32_t state_count;
    uint32_t cycle;         /* the weights, without their common divisor, summed up */
    struct file_node *tree; /* what is on the first storage; NULL: nothing */
};

/* What every printer is told again and again, by a server that takes such wishes. */
struct load_command {
    char *command, *gcode; /* one of them; the other NULL */
    int64_t every_us;
};

/* So many printers are on at the end of this stage, evenly more or fewer from the one before. */
struct load_stage {
    int64_t end_us;
    uint64_t printers;
};

struct load_plan {
    char *name;
    uint64_t seed;
    int64_t duration_us;       /* all of it, */
    int64_t warm_up_us;        /* of which so much is not measured */
    struct load_stage *stages; /* at least one; the last holds to the end */
    uint32_t stage_count;
    struct load_group *groups;
    uint32_t group_count;
    uint64_t printers;
    struct load_command *commands;
    uint32_t command_count;
    struct load_threshold *thresholds;
    uint32_t threshold_count;
    int64_t lateness_most_us; /* the generator's own timers at p99: later, and it was the limit */
    double cpu_most;          /* its processor time, as a share of one core */
    char digest[65];          /* SHA-256 of the file and of the files it names, in hex */
};

/* `path` names the file in errors and is where the files that it names are looked for. */
struct load_plan *load_plan_parse(const char *path, const char *bytes, size_t size,
                                  struct error *error);
/* A name that ends in .lua: a Lua plan, which calls farm{...} once with what a YAML file would say
 * (docs/farm.md). */
struct load_plan *load_plan_load(const char *path, struct error *error);
void load_plan_destroy(struct load_plan *plan); /* NULL is fine */
/* One more, from the command line. */
bool load_plan_add_threshold(struct load_plan *plan, const char *text, struct error *error);
bool load_plan_find_group(const struct load_plan *plan, const char *name, uint32_t *index);

bool load_plan_transfers(const struct load_plan *plan); /* whether any of its printers does */

/* Printer k. */
struct load_printer {
    uint64_t k;
    uint32_t group; /* index */
    const struct load_state *state;
    uint64_t rank; /* in which it comes: a permutation of all, so that groups come mixed */
};
void load_plan_printer(const struct load_plan *plan, uint64_t k, struct load_printer *printer);

/* The next instant after `after_us` (-1: from the beginning) at which the printer of this rank is
 * switched on or, stages may sink, off. False: never again. */
bool load_plan_switch(const struct load_plan *plan, uint64_t rank, int64_t after_us, int64_t *at_us,
                      bool *on);

#endif
