#ifndef HOTBED_LOAD_IDENTITY_H
#define HOTBED_LOAD_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/error.h"

/* Which part of a farm this process plays when several machines share it. */
struct load_identity {
    uint32_t shard, shards;
    const char *from; /* "--shard", "Slurm", …; NULL: it is the whole */
};

/* `shard` is the text "I/N" of --shard (NULL: not given), I counted from 0; `shards` is --shards,
 * 0: not given, for launchers that tell the number of a task but not how many there are. Without
 * --shard the environment decides: Open MPI, Slurm, PMIx, Kubernetes Indexed Jobs, Nomad. */
bool load_identity_find(struct load_identity *identity, const char *shard, uint64_t shards,
                        const char *(*environment)(const char *name), struct error *error);

#endif
