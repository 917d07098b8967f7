#ifndef HOTBED_BASE_NUMBER_MAP_H
#define HOTBED_BASE_NUMBER_MAP_H

#include <stddef.h>
#include <stdint.h>

/* What belongs to a number, such as that of a connection: found, put and taken out in constant
 * time. All zero is an empty one. The values are the caller's. */
struct number_map {
    struct number_map_slot {
        uint32_t number;
        void *value; /* NULL: free */
    } * slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

void number_map_free(struct number_map *map);
void number_map_put(struct number_map *map, uint32_t number,
                    void *value); /* not NULL; in place of what was there */
void *number_map_find(const struct number_map *map, uint32_t number); /* NULL: nothing */
void *number_map_take(struct number_map *map,
                      uint32_t number); /* out of it; NULL: nothing was there */

/* All of them: `*at` begins at 0 and is the walk's. NULL: no more. Nothing may be put or taken
 * meanwhile. */
void *number_map_next(const struct number_map *map, size_t *at);

#endif
