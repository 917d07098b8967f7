#include "harness/load/stats.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

const char *load_step_name(enum load_step step)
{
    static const char *const names[] = {"connect", "tls",     "register", "telemetry",
                                        "event",   "command", "transfer"};
    return names[step];
}

const char *load_cause_name(enum load_cause cause)
{
    static const char *const names[] = {"connect",       "tls",        "timeout",    "reset",
                                        "status 3xx",    "status 4xx", "status 5xx", "wrong reply",
                                        "missing reply", "refused"};
    return names[cause];
}

bool load_step_parse(const char *name, size_t size, enum load_step *step)
{
    for (int i = 0; i < LOAD_STEPS; i++) {
        const char *known = load_step_name((enum load_step)i);
        if (strlen(known) == size && strncmp(known, name, size) == 0) {
            *step = (enum load_step)i;
            return true;
        }
    }
    return false;
}

static size_t head_bytes(uint32_t groups)
{
    return sizeof(struct load_stats) + groups * sizeof(struct load_group_stats);
}

size_t load_stats_bytes(uint32_t groups)
{
    return head_bytes(groups) + LOAD_BINS_MAX * sizeof(struct load_bin);
}

void load_stats_init(struct load_stats *stats, uint32_t groups)
{
    stats->groups = groups;
}

struct load_bin *load_stats_bins(struct load_stats *stats)
{
    return (struct load_bin *)((char *)stats + head_bytes(stats->groups));
}

static struct load_stats *map(uint32_t groups, int how)
{
    void *memory = mmap(NULL, load_stats_bytes(groups), PROT_READ | PROT_WRITE,
                        how | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    load_stats_init(memory, groups);
    return memory;
}

struct load_stats *load_stats_new(uint32_t groups)
{
    struct load_stats *stats = map(groups, MAP_PRIVATE);
    assert(stats != NULL);
    return stats;
}

struct load_stats *load_stats_new_shared(uint32_t groups)
{
    return map(groups, MAP_SHARED);
}

void load_stats_destroy(struct load_stats *stats)
{
    if (stats != NULL) {
        munmap(stats, load_stats_bytes(stats->groups));
    }
}

static void merge_step(struct load_step_stats *into, const struct load_step_stats *from)
{
    into->planned += from->planned;
    into->ok += from->ok;
    into->skipped += from->skipped;
    into->unfinished += from->unfinished;
    for (int i = 0; i < LOAD_CAUSES; i++) {
        into->failed[i] += from->failed[i];
    }
    histogram_merge(&into->latency, &from->latency);
}

static uint32_t add_capped(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void load_bin_merge(struct load_bin *into, const struct load_bin *from)
{
    into->on += from->on;
    into->connected += from->connected;
    into->cpu_us += from->cpu_us;
    into->queued_bytes = add_capped(into->queued_bytes, from->queued_bytes);
    into->late_most_us =
        from->late_most_us > into->late_most_us ? from->late_most_us : into->late_most_us;
    for (int i = 0; i < LOAD_STEPS; i++) {
        into->steps[i].ok += from->steps[i].ok;
        into->steps[i].failed += from->steps[i].failed;
        into->steps[i].skipped += from->steps[i].skipped;
        into->steps[i].sum_us += from->steps[i].sum_us;
        if (from->steps[i].most_us > into->steps[i].most_us) {
            into->steps[i].most_us = from->steps[i].most_us;
        }
    }
}

void load_stats_merge(struct load_stats *into, const struct load_stats *from)
{
    assert(into->groups == from->groups);
    const struct load_bin *bins = load_stats_bins((struct load_stats *)from);
    for (uint32_t i = 0; i < from->bins; i++) {
        load_bin_merge(&load_stats_bins(into)[i], &bins[i]);
    }
    into->bins = from->bins > into->bins ? from->bins : into->bins;
    into->finished = into->finished && from->finished;
    into->interrupted = into->interrupted || from->interrupted;
    into->cpu_us += from->cpu_us;
    into->busiest_us = from->busiest_us > into->busiest_us ? from->busiest_us : into->busiest_us;
    into->measured_us =
        from->measured_us > into->measured_us ? from->measured_us : into->measured_us;
    into->reconnects += from->reconnects;
    into->resumed += from->resumed;
    into->prints_started += from->prints_started;
    into->prints_refused += from->prints_refused;
    into->exhausted += from->exhausted;
    into->exhausted_code = from->exhausted != 0 ? from->exhausted_code : into->exhausted_code;
    histogram_merge(&into->lateness, &from->lateness);
    for (uint32_t g = 0; g < from->groups; g++) {
        into->group[g].printer_us += from->group[g].printer_us;
        into->group[g].printers += from->group[g].printers;
        into->group[g].came += from->group[g].came;
        for (int i = 0; i < LOAD_STEPS; i++) {
            merge_step(&into->group[g].steps[i], &from->group[g].steps[i]);
        }
    }
}

uint64_t load_step_failed(const struct load_step_stats *step)
{
    uint64_t sum = 0;
    for (int i = 0; i < LOAD_CAUSES; i++) {
        sum += step->failed[i];
    }
    return sum;
}

void load_stats_total(const struct load_stats *stats, enum load_step step,
                      struct load_step_stats *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t g = 0; g < stats->groups; g++) {
        merge_step(out, &stats->group[g].steps[step]);
    }
}
