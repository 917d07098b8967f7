#ifndef HOTBED_LOAD_RESULT_H
#define HOTBED_LOAD_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/load/plan.h"
#include "harness/load/stats.h"
#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* What came of a farm: of one shard, or of several that were joined. It is written as JSON
 * (docs/farm.md) with the histograms in it, so that shards can be joined later and elsewhere. */
enum { LOAD_RESULT_VERSION = 3, LOAD_SHARDS_MAX = 10000 };

struct load_result_group {
    char *name, *model;
    uint64_t printers; /* of all shards */
};

struct load_result {
    char *plan, *digest, *server; /* which plan, where: what must be equal to be joined, … */
    uint64_t seed, printers;
    int64_t duration_us, warm_up_us;
    int64_t lateness_most_us;
    double cpu_most;
    uint32_t shards;
    struct load_result_group *groups;
    uint32_t group_count;
    struct load_threshold *thresholds;
    uint32_t threshold_count; /* … up to here */

    uint32_t shard; /* of a joined one: the lowest */
    bool *seen;     /* which of the shards are in it */
    uint32_t seen_count;
    bool joined; /* what is not in it is missing */
    uint32_t workers, workers_lost;
    bool complete; /* every worker of every shard in it came to its end */
    bool interrupted;
    int64_t began_unix_us; /* the earliest */
    int64_t written_unix_us;
    char *saturated; /* the generator was the limit: how; NULL: it was not */
    bool unwritten;  /* its file could not be written; not part of that */
    struct load_stats *stats;
};

/* Of one shard: everything but what is counted, from the plan. */
struct load_result *load_result_new(const struct load_plan *plan, const char *server,
                                    uint32_t shard, uint32_t shards);
void load_result_destroy(struct load_result *result); /* NULL is fine */

/* Whether the generator kept its own limits, from its stats; sets `saturated`. Of one shard, before
 * it is joined: an average over machines would hide the one that was too slow. */
void load_result_judge_generator(struct load_result *result);

/* One JSON object on one line; its last member is a CRC-32 of all that is before it. */
void load_result_write(const struct load_result *result, struct buffer *out);
/* `file` names the text in errors. NULL with the reason: cut off, of another version, figures that
 * cannot be true, or changed since it was written. Only results of one shard are read. */
struct load_result *load_result_read(const char *file, const char *bytes, size_t size,
                                     struct error *error);
struct load_result *load_result_load(const char *file, struct error *error);

/* Join `from` into `into`; `file` names `from` in errors. The same shard counts once: the one that
 * was written last. False with the reason: of another plan, server or division. Takes `from` over
 * when it returns true. */
struct load_join;
struct load_join *load_join_new(void);
bool load_join_add(struct load_join *join, struct load_result *result, const char *file,
                   struct error *error);
/* The whole; owned by the caller; NULL when nothing was added. The join is gone. */
struct load_result *load_join_end(struct load_join *join);

/* ---- What it means ---- */

/* Index of the group that a threshold is about, 0 when it is about all; group_count: there is none
 * of that name. */
uint32_t load_result_group_of(const struct load_result *result,
                              const struct load_threshold *threshold);

/* enum cli_exit: 130 interrupted, 3 nobody ever answered, 4 incomplete or the generator was the
 * limit, 1 a threshold was missed, 0. */
int load_result_exit_code(const struct load_result *result);

#endif
