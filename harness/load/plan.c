#include "harness/load/plan.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/random.h"

/* Streams of random_of() that no printer has. */
#define STREAM_ORDER UINT64_C(0xfa3300000001)

void load_plan_destroy(struct load_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; i < plan->group_count; i++) {
        struct load_group *group = &plan->groups[i];
        for (uint32_t s = 0; s < group->state_count; s++) {
            free(group->states[s].print);
            free(group->states[s].transfer.name);
            free(group->states[s].transfer.path);
            free(group->states[s].transfer.wish);
        }
        free(group->states);
        for (uint32_t f = 0; f < group->fault_count; f++) {
            free(group->faults[f]);
        }
        free(group->faults);
        free(group->name);
        free(group->token);
        if (group->tree != NULL) {
            file_node_release(group->tree);
        }
    }
    for (uint32_t i = 0; i < plan->threshold_count; i++) {
        load_threshold_free(&plan->thresholds[i]);
    }
    for (uint32_t i = 0; i < plan->command_count; i++) {
        free(plan->commands[i].command);
        free(plan->commands[i].gcode);
    }
    free(plan->commands);
    free(plan->groups);
    free(plan->thresholds);
    free(plan->stages);
    free(plan->name);
    free(plan);
}

bool load_plan_find_group(const struct load_plan *plan, const char *name, uint32_t *index)
{
    for (uint32_t i = 0; i < plan->group_count; i++) {
        if (strcmp(plan->groups[i].name, name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool load_plan_add_threshold(struct load_plan *plan, const char *text, struct error *error)
{
    struct load_threshold threshold;
    if (!load_threshold_parse(&threshold, text, error)) {
        return false;
    }
    uint32_t group;
    if (threshold.group != NULL && !load_plan_find_group(plan, threshold.group, &group)) {
        error_set(error, "\"%.80s\": expected the name of a group before the '/'", text);
        load_threshold_free(&threshold);
        return false;
    }
    plan->thresholds =
        memory_resize(plan->thresholds, (plan->threshold_count + 1) * sizeof threshold);
    plan->thresholds[plan->threshold_count++] = threshold;
    return true;
}

bool load_plan_transfers(const struct load_plan *plan)
{
    for (uint32_t g = 0; g < plan->group_count; g++) {
        for (uint32_t s = 0; s < plan->groups[g].state_count; s++) {
            if (plan->groups[g].states[s].transfer.name != NULL) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Printer k ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* k * step + shift modulo their number is a permutation when step has no divisor in common with it.
 */
static uint64_t rank_of(const struct load_plan *plan, uint64_t k)
{
    struct random random = random_of(plan->seed, STREAM_ORDER);
    uint64_t shift = random_below(&random, plan->printers);
    uint64_t step = 1 + random_below(&random, plan->printers);
    while (common_divisor(step, plan->printers) != 1) {
        step++;
    }
    return (k * step + shift) % plan->printers; /* below 10^14 */
}

void load_plan_printer(const struct load_plan *plan, uint64_t k, struct load_printer *printer)
{
    uint32_t g = 0;
    while (k >= plan->groups[g].first + plan->groups[g].count) {
        g++;
    }
    const struct load_group *group = &plan->groups[g];
    uint64_t place = (k - group->first) % group->cycle;
    const struct load_state *state = group->states;
    while (place >= state->weight) {
        place -= state->weight;
        state++;
    }
    *printer = (struct load_printer){.k = k, .group = g, .state = state, .rank = rank_of(plan, k)};
}

bool load_plan_switch(const struct load_plan *plan, uint64_t rank, int64_t after_us, int64_t *at_us,
                      bool *on)
{
    int64_t begin_us = 0;
    uint64_t before = 0;
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        const struct load_stage *stage = &plan->stages[i];
        uint64_t behind = stage->printers;
        bool rises = before <= rank && rank < behind, sinks = behind <= rank && rank < before;
        if (rises || sinks) {
            double part = (double)(rises ? rank - before : before - rank) /
                          (double)(rises ? behind - before : before - behind);
            *at_us = begin_us + (int64_t)(part * (double)(stage->end_us - begin_us));
            *on = rises;
            if (*at_us > after_us) {
                return true;
            }
        }
        begin_us = stage->end_us;
        before = behind;
    }
    return false;
}
