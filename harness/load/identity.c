#include "harness/load/identity.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 100000 };

/* What each launcher puts into the environment of a task. The launcher nearest to the task comes
 * first: a job of Slurm may start Open MPI or PMIx. */
static const struct {
    const char *name, *index, *count; /* count NULL: it doesn't tell */
} launchers[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"PMIx", "PMIX_RANK", NULL},
    {"Slurm", "SLURM_PROCID", "SLURM_NTASKS"},
    {"a Kubernetes Indexed Job", "JOB_COMPLETION_INDEX", NULL},
    {"Nomad", "NOMAD_ALLOC_INDEX", NULL},
};

static bool number(const char *text, uint32_t most, uint32_t *value)
{
    char *end;
    unsigned long read = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : most + 1UL;
    *value = (uint32_t)read;
    return read <= most && *end == '\0';
}

static bool set(struct load_identity *identity, const char *from, const char *index,
                const char *count, struct error *error)
{
    identity->from = from;
    if (!number(index, SHARDS_MAX, &identity->shard) ||
        !number(count, SHARDS_MAX, &identity->shards) || identity->shard >= identity->shards) {
        return error_set(error,
                         "shard \"%.20s/%.20s\" (from %s): expected I/N with I from 0 to N-1 "
                         "and N up to %d",
                         index, count, from, SHARDS_MAX);
    }
    return true;
}

static bool set_counted(struct load_identity *identity, const char *from, const char *index,
                        uint64_t shards, struct error *error)
{
    char count[24] = "";
    int size = 0;
    for (uint64_t rest = shards; rest > 0 && size < 20; rest /= 10) {
        memmove(count + 1, count, (size_t)++size);
        count[0] = (char)('0' + rest % 10);
    }
    return set(identity, from, index, count, error);
}

bool load_identity_find(struct load_identity *identity, const char *shard, uint64_t shards,
                        const char *(*environment)(const char *name), struct error *error)
{
    *identity = (struct load_identity){.shard = 0, .shards = 1};
    if (shard != NULL) {
        char index[24] = "";
        size_t size = strcspn(shard, "/");
        memcpy(index, shard, size < sizeof index - 1 ? size : sizeof index - 1);
        return set(identity, "--shard", index, shard[size] == '/' ? shard + size + 1 : "", error);
    }
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *index = environment(launchers[i].index);
        if (index == NULL) {
            continue;
        }
        const char *count = launchers[i].count == NULL ? NULL : environment(launchers[i].count);
        if (shards == 0 && count == NULL) {
            if (strcmp(launchers[i].name, "PMIx") == 0 && environment("SLURM_NTASKS") != NULL) {
                count = environment("SLURM_NTASKS"); /* srun --mpi=pmix tells both */
            } else {
                return error_set(error,
                                 "%s says that this is shard %.20s, but not of how many: add "
                                 "--shards N",
                                 launchers[i].name, index);
            }
        }
        return shards > 0 ? set_counted(identity, launchers[i].name, index, shards, error)
                          : set(identity, launchers[i].name, index, count, error);
    }
    return shards <= 1 || error_set(error, "--shards: which one is this? Say --shard I/N, or start "
                                           "it from a launcher that tells");
}
