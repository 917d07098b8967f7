#include "harness/load/result.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

/* ---- Of one shard ---- */

static void copy_groups(struct load_result *result, const struct load_plan *plan)
{
    result->groups = memory_new_array(plan->group_count, sizeof *result->groups);
    result->group_count = plan->group_count;
    for (uint32_t g = 0; g < plan->group_count; g++) {
        result->groups[g] = (struct load_result_group){
            .name = memory_copy_text(plan->groups[g].name),
            .model = memory_copy_text(plan->groups[g].model->name),
            .printers = plan->groups[g].count,
        };
    }
}

static void copy_thresholds(struct load_result *result, const struct load_plan *plan)
{
    result->thresholds = memory_new_array(plan->threshold_count + 1, sizeof *result->thresholds);
    result->threshold_count = plan->threshold_count;
    for (uint32_t i = 0; i < plan->threshold_count; i++) {
        bool same = load_threshold_parse(&result->thresholds[i], plan->thresholds[i].text, NULL);
        assert(same);
        (void)same;
    }
}

struct load_result *load_result_new(const struct load_plan *plan, const char *server,
                                    uint32_t shard, uint32_t shards)
{
    struct load_result *result = memory_new(sizeof *result);
    *result = (struct load_result){
        .plan = memory_copy_text(plan->name),
        .digest = memory_copy_text(plan->digest),
        .server = memory_copy_text(server),
        .seed = plan->seed,
        .printers = plan->printers,
        .duration_us = plan->duration_us,
        .warm_up_us = plan->warm_up_us,
        .lateness_most_us = plan->lateness_most_us,
        .cpu_most = plan->cpu_most,
        .shards = shards,
        .shard = shard,
        .seen = memory_new_array(shards, sizeof(bool)),
        .seen_count = 1,
        .stats = load_stats_new(plan->group_count),
    };
    result->seen[shard] = true;
    copy_groups(result, plan);
    copy_thresholds(result, plan);
    return result;
}

void load_result_destroy(struct load_result *result)
{
    if (result == NULL) {
        return;
    }
    for (uint32_t g = 0; g < result->group_count; g++) {
        free(result->groups[g].name);
        free(result->groups[g].model);
    }
    for (uint32_t i = 0; i < result->threshold_count; i++) {
        load_threshold_free(&result->thresholds[i]);
    }
    free(result->groups);
    free(result->thresholds);
    free(result->plan);
    free(result->digest);
    free(result->server);
    free(result->seen);
    free(result->saturated);
    load_stats_destroy(result->stats);
    free(result);
}

void load_result_judge_generator(struct load_result *result)
{
    const struct load_stats *stats = result->stats;
    struct buffer why = {0};
    int64_t late_us = histogram_percentile_us(&stats->lateness, 99);
    if (late_us > result->lateness_most_us) {
        char late[32], most[32];
        duration_text(late_us, late, sizeof late);
        duration_text(result->lateness_most_us, most, sizeof most);
        buffer_format(&why, "its timers were %s late at p99 (at most %s)", late, most);
    }
    double wall_us = (double)stats->measured_us;
    double share = wall_us > 0 ? (double)stats->busiest_us / wall_us : 0;
    if (share > result->cpu_most) {
        buffer_format(&why, "%s%s took %.0f %% of a core (at most %.0f %%)",
                      why.size > 0 ? ", " : "", result->workers > 1 ? "a worker" : "it",
                      share * 100, result->cpu_most * 100);
    }
    if (stats->exhausted > 0) {
        buffer_format(&why, "%sit had no means for %" PRIu32 " connections (%s)",
                      why.size > 0 ? ", " : "", stats->exhausted, strerror(stats->exhausted_code));
    }
    free(result->saturated);
    result->saturated = why.size > 0 ? buffer_detach(&why) : NULL;
    buffer_free(&why);
}

/* ---- Joining ---- */

struct load_join {
    struct load_result **results; /* by shard */
    uint32_t shards;
    struct load_result *first;
};

struct load_join *load_join_new(void)
{
    return memory_new(sizeof(struct load_join));
}

static const char *difference(const struct load_result *a, const struct load_result *b)
{
    if (strcmp(a->digest, b->digest) != 0 || a->printers != b->printers ||
        a->group_count != b->group_count) {
        return "it is of another farm file";
    }
    if (a->seed != b->seed) {
        return "it has another seed";
    }
    if (strcmp(a->server, b->server) != 0) {
        return "it is of another server";
    }
    if (a->shards != b->shards) {
        return "it is of another number of shards";
    }
    if (a->duration_us != b->duration_us || a->warm_up_us != b->warm_up_us) {
        return "it has another duration";
    }
    bool same = a->threshold_count == b->threshold_count;
    for (uint32_t i = 0; same && i < a->threshold_count; i++) {
        same = strcmp(a->thresholds[i].text, b->thresholds[i].text) == 0;
    }
    return same ? NULL : "it has other thresholds";
}

bool load_join_add(struct load_join *join, struct load_result *result, const char *file,
                   struct error *error)
{
    if (join->first == NULL) {
        join->shards = result->shards;
        join->results = memory_new_array(join->shards, sizeof(struct load_result *));
    } else {
        const char *why = difference(join->first, result);
        if (why != NULL) {
            return error_set(error, "%s: %s than the files before it", file, why);
        }
    }
    struct load_result **place = &join->results[result->shard];
    if (*place != NULL && (*place)->written_unix_us >= result->written_unix_us) {
        load_result_destroy(result);
        return true;
    }
    join->first = join->first == *place ? result : join->first;
    load_result_destroy(*place);
    *place = result;
    return true;
}

static void add_result(struct load_result *into, const struct load_result *from)
{
    load_stats_merge(into->stats, from->stats);
    into->seen[from->shard] = true;
    into->seen_count++;
    into->workers += from->workers;
    into->workers_lost += from->workers_lost;
    into->complete = into->complete && from->complete;
    into->interrupted = into->interrupted || from->interrupted;
    if (from->began_unix_us < into->began_unix_us) {
        into->began_unix_us = from->began_unix_us;
    }
    if (from->written_unix_us > into->written_unix_us) {
        into->written_unix_us = from->written_unix_us;
    }
    if (from->saturated != NULL) {
        struct buffer all = {0};
        buffer_format(&all, "%s%sshard %u: %s", into->saturated != NULL ? into->saturated : "",
                      into->saturated != NULL ? "; " : "", from->shard, from->saturated);
        free(into->saturated);
        into->saturated = buffer_detach(&all);
    }
}

struct load_result *load_join_end(struct load_join *join)
{
    struct load_result *whole = NULL;
    for (uint32_t i = 0; i < join->shards; i++) {
        struct load_result *result = join->results[i];
        if (result != NULL && whole == NULL) {
            whole = result;
            if (whole->saturated != NULL) {
                struct buffer named = {0};
                buffer_format(&named, "shard %u: %s", i, whole->saturated);
                free(whole->saturated);
                whole->saturated = buffer_detach(&named);
            }
        } else if (result != NULL) {
            add_result(whole, result);
            load_result_destroy(result);
        }
    }
    if (whole != NULL) {
        whole->joined = true;
    }
    free(join->results);
    free(join);
    return whole;
}

/* ---- What it means ---- */

uint32_t load_result_group_of(const struct load_result *result,
                              const struct load_threshold *threshold)
{
    uint32_t group = 0;
    while (threshold->group != NULL && group < result->group_count &&
           strcmp(result->groups[group].name, threshold->group) != 0) {
        group++;
    }
    return group;
}

/* There was something to answer, and not one good answer to it. */
static bool nobody_answered(const struct load_result *result)
{
    uint64_t ok = 0, asked = 0;
    for (uint32_t g = 0; g < result->stats->groups; g++) {
        for (int step = LOAD_REGISTER; step < LOAD_STEPS; step++) { /* a connection is no answer */
            ok += result->stats->group[g].steps[step].ok;
            asked += result->stats->group[g].steps[step].planned;
        }
    }
    return ok == 0 && asked > 0;
}

int load_result_exit_code(const struct load_result *result)
{
    bool missing = result->joined && result->seen_count < result->shards;
    if (result->interrupted) {
        return CLI_INTERRUPTED;
    }
    if (nobody_answered(result)) {
        return CLI_UNREACHABLE;
    }
    if (missing || !result->complete || result->saturated != NULL) {
        return CLI_INCOMPLETE;
    }
    for (uint32_t i = 0; i < result->threshold_count; i++) {
        const struct load_threshold *threshold = &result->thresholds[i];
        uint32_t group = load_result_group_of(result, threshold);
        char seen[48];
        if (!load_threshold_holds(threshold, result->stats, group, seen)) {
            return CLI_FAILED;
        }
    }
    return CLI_HELD;
}
