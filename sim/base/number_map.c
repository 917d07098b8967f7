#include "sim/base/number_map.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/base/memory.h"

/* Open addressing; numbers come one after the other, so that each has a slot of its own nearly
 * always. */

enum { CAPACITY_LEAST = 16 };

static size_t home_of(const struct number_map *map, uint32_t number)
{
    return (size_t)number & (map->capacity - 1);
}

static struct number_map_slot *slot_of(const struct number_map *map, uint32_t number)
{
    size_t at = home_of(map, number);
    while (map->slots[at].value != NULL && map->slots[at].number != number) {
        at = (at + 1) & (map->capacity - 1);
    }
    return &map->slots[at];
}

static void grow(struct number_map *map)
{
    const struct number_map old = *map;
    map->capacity = old.capacity == 0 ? CAPACITY_LEAST : old.capacity * 2;
    map->slots = memory_new_array(map->capacity, sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].value != NULL) {
            *slot_of(map, old.slots[i].number) = old.slots[i];
        }
    }
    free(old.slots);
}

void number_map_free(struct number_map *map)
{
    free(map->slots);
    *map = (struct number_map){0};
}

void number_map_put(struct number_map *map, uint32_t number, void *value)
{
    assert(value != NULL);
    if ((map->count + 1) * 2 > map->capacity) {
        grow(map);
    }
    struct number_map_slot *slot = slot_of(map, number);
    map->count += slot->value == NULL;
    *slot = (struct number_map_slot){number, value};
}

void *number_map_find(const struct number_map *map, uint32_t number)
{
    return map->capacity == 0 ? NULL : slot_of(map, number)->value;
}

/* What follows moves into the gap, so that nothing has to mark it. */
void *number_map_take(struct number_map *map, uint32_t number)
{
    struct number_map_slot *gone = map->capacity == 0 ? NULL : slot_of(map, number);
    void *value = gone == NULL ? NULL : gone->value;
    if (value == NULL) {
        return NULL;
    }
    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(gone - map->slots);
    gone->value = NULL;
    map->count--;
    for (size_t at = (hole + 1) & mask; map->slots[at].value != NULL; at = (at + 1) & mask) {
        struct number_map_slot moved = map->slots[at];
        map->slots[at].value = NULL;
        *slot_of(map, moved.number) = moved;
    }
    return value;
}

void *number_map_next(const struct number_map *map, size_t *at)
{
    while (*at < map->capacity) {
        void *value = map->slots[(*at)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
