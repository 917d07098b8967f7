/* Requests whose replies are awaited, by their connections: open addressing. */

#include <stdlib.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/memory.h"

static struct asked *asked_slot(const struct contract *contract, uint32_t connection)
{
    size_t at = (size_t)(connection * UINT32_C(2654435761)) & (contract->asked_capacity - 1);
    while (contract->asked[at].used && contract->asked[at].connection != connection) {
        at = (at + 1) & (contract->asked_capacity - 1);
    }
    return &contract->asked[at];
}

struct asked *find_asked(const struct contract *contract, uint32_t connection)
{
    if (contract->asked_capacity == 0) {
        return NULL;
    }
    struct asked *asked = asked_slot(contract, connection);
    return asked->used ? asked : NULL;
}

void put_asked(struct contract *contract, const struct asked *asked)
{
    if ((contract->asked_count + 1) * 2 > contract->asked_capacity) {
        struct asked *old = contract->asked;
        size_t old_capacity = contract->asked_capacity;
        contract->asked_capacity = old_capacity == 0 ? 16 : old_capacity * 2;
        contract->asked = memory_new_array(contract->asked_capacity, sizeof *contract->asked);
        for (size_t i = 0; i < old_capacity; i++) {
            if (old[i].used) {
                *asked_slot(contract, old[i].connection) = old[i];
            }
        }
        free(old);
    }
    struct asked *slot = asked_slot(contract, asked->connection);
    contract->asked_count += !slot->used;
    *slot = *asked;
}

/* Take one out and close the gap (open addressing without place holders). */
void drop_asked(struct contract *contract, struct asked *gone)
{
    size_t mask = contract->asked_capacity - 1;
    size_t hole = (size_t)(gone - contract->asked);
    contract->asked[hole].used = false;
    contract->asked_count--;
    for (size_t at = (hole + 1) & mask; contract->asked[at].used; at = (at + 1) & mask) {
        struct asked moved = contract->asked[at];
        contract->asked[at].used = false;
        *asked_slot(contract, moved.connection) = moved;
    }
}
