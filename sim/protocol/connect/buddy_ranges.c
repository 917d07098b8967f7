#include <string.h>
#include <strings.h>

#include "sim/protocol/connect/buddy_partial.h"

/* Which bytes are there and which are asked for next (connect-buddy.md 7.5). */

enum { TAIL_BYTES = 50000, TAIL_FIRST_BYTES = 512 * 1024 };

bool buddy_valid_add(struct buddy_valid *valid, uint32_t start, uint32_t end)
{
    bool tail = valid->tail_end > valid->tail_start;
    if (start <= valid->head_end) {
        valid->head_end = end > valid->head_end ? end : valid->head_end;
    } else if (!tail) {
        valid->tail_start = start;
        valid->tail_end = end;
    } else if (start >= valid->tail_start && start <= valid->tail_end) {
        valid->tail_end = end > valid->tail_end ? end : valid->tail_end;
    } else {
        return false;
    }
    tail = valid->tail_end > valid->tail_start;
    if (tail && valid->head_end >= valid->tail_start) { /* they have met */
        valid->head_end = valid->head_end > valid->tail_end ? valid->head_end : valid->tail_end;
        valid->tail_start = valid->tail_end = 0;
    }
    return true;
}

uint32_t buddy_valid_bytes(const struct buddy_valid *valid)
{
    return valid->head_end + (valid->tail_end - valid->tail_start);
}

bool buddy_range_tail_first(const char *path, uint32_t size)
{
    static const char *const endings[] = {".g", ".gc", ".gco", ".gcode"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return size >= TAIL_FIRST_BYTES;
        }
    }
    return false;
}

static uint32_t sector(uint32_t position)
{
    return position / BUDDY_SECTOR_BYTES * BUDDY_SECTOR_BYTES;
}

static bool has_tail(const struct buddy_valid *valid)
{
    return valid->tail_end > valid->tail_start;
}

static bool tail_whole(const struct buddy_valid *valid)
{
    return valid->head_end == valid->size || (has_tail(valid) && valid->tail_end == valid->size &&
                                              valid->tail_start <= valid->size - TAIL_BYTES);
}

struct buddy_range buddy_range_next(const struct buddy_valid *valid, bool tail_first)
{
    if (tail_first && !tail_whole(valid)) {
        uint32_t from = has_tail(valid) ? valid->tail_end : valid->size - TAIL_BYTES;
        return (struct buddy_range){.start = sector(from), .open = true};
    }
    struct buddy_range range = {.start = sector(valid->head_end), .open = true};
    if (has_tail(valid) && valid->tail_end == valid->size && range.start < valid->tail_start) {
        range.open = false;
        range.last = valid->tail_start - 1;
    }
    return range;
}

bool buddy_range_over(const struct buddy_valid *valid, bool tail_first, uint32_t start)
{
    return buddy_valid_bytes(valid) == valid->size ||
           (tail_first && start > valid->head_end && tail_whole(valid));
}
