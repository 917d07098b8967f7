#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/plan_data.h"

struct plan_entry {
    struct file_content *content; /* own reference, so that no other content gets this address */
    const struct model *model;
    struct plan *plan;
    bool kept; /* one reference of the plan is the cache's */
};

/* Entries by their last use, the latest last. There are as many as different files are in use: few.
 */
struct plan_cache {
    struct plan_entry *entries;
    size_t count, capacity;
    size_t keep_bytes;
};

struct plan_cache *plan_cache_new(size_t keep_bytes)
{
    struct plan_cache *cache = memory_new(sizeof *cache);
    cache->keep_bytes = keep_bytes;
    return cache;
}

static void remove_entry(struct plan_cache *cache, size_t index)
{
    file_content_release(cache->entries[index].content);
    cache->count--;
    memmove(cache->entries + index, cache->entries + index + 1,
            (cache->count - index) * sizeof *cache->entries);
}

void plan_cache_destroy(struct plan_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->count > 0) {
        struct plan_entry entry = cache->entries[cache->count - 1];
        entry.plan->cache = NULL;
        remove_entry(cache, cache->count - 1);
        if (entry.kept) {
            plan_release(entry.plan);
        }
    }
    free(cache->entries);
    free(cache);
}

/* Nobody holds the plan any more. */
void plan_cache_forget(struct plan_cache *cache, const struct plan *plan)
{
    for (size_t i = 0; i < cache->count; i++) {
        if (cache->entries[i].plan == plan) {
            remove_entry(cache, i);
            return;
        }
    }
}

/* Let go of what was not used for longest, until the rest of what is kept fits. */
static void trim(struct plan_cache *cache)
{
    size_t bytes = 0;
    for (size_t i = cache->count; i-- > 0;) {
        struct plan_entry *entry = &cache->entries[i];
        bytes += entry->kept ? plan_bytes(entry->plan) : 0;
        if (entry->kept && bytes > cache->keep_bytes) {
            bytes -= plan_bytes(entry->plan);
            entry->kept = false;
            plan_release(
                entry->plan); /* may remove this entry; those before it stay where they are */
        }
    }
}

/* Put an entry behind all others and keep its plan as far as there is room. */
static struct plan *use(struct plan_cache *cache, struct plan_entry entry)
{
    if (!entry.kept) {
        entry.kept = true;
        plan_share(entry.plan);
    }
    if (cache->count == cache->capacity) {
        cache->capacity = cache->capacity > 0 ? 2 * cache->capacity : 8;
        cache->entries = memory_resize(cache->entries, cache->capacity * sizeof *cache->entries);
    }
    cache->entries[cache->count++] = entry;
    struct plan *plan = plan_share(entry.plan);
    trim(cache);
    return plan;
}

struct plan *plan_cache_get(struct plan_cache *cache, struct file_content *content,
                            const struct model *model, struct error *error)
{
    for (size_t i = 0; i < cache->count; i++) {
        struct plan_entry entry = cache->entries[i];
        if (entry.content == content && entry.model == model) {
            cache->count--;
            memmove(cache->entries + i, cache->entries + i + 1,
                    (cache->count - i) * sizeof *cache->entries);
            return use(cache, entry);
        }
    }
    struct plan *plan = plan_build(content, model, error);
    if (plan == NULL) {
        return NULL;
    }
    plan->cache = cache;
    struct plan *shared = use(
        cache,
        (struct plan_entry){.content = file_content_share(content), .model = model, .plan = plan});
    plan_release(plan); /* the builder's reference; `shared` and perhaps the cache hold theirs */
    return shared;
}
