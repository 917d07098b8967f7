#include "harness/load/identity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/result.h"

/* What each launcher puts into the environment of a task. The launcher nearest to the task comes
 * first: a job of Slurm may start Open MPI or PMIx.
 *   Open MPI     docs.open-mpi.org: "Environment variables set for MPI applications"
 *   PMIx         openpmix/openpmix: src/server/pmix_server.c, PMIx_server_setup_fork(); it tells no
 *                count, but `srun --mpi=pmix` does
 *   Slurm        srun(1), "OUTPUT ENVIRONMENT VARIABLES"; SLURM_NTASKS is that of the step
 *   Kubernetes   kubernetes.io: "Indexed Job for Parallel Processing with Static Work Assignment"
 *   Nomad        developer.hashicorp.com/nomad: "Runtime environment"; always 0 in system jobs */
static const struct {
    const char *name, *index, *count; /* count NULL: it doesn't tell */
} launchers[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"PMIx", "PMIX_RANK", "SLURM_NTASKS"},
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
    if (!number(index, LOAD_SHARDS_MAX, &identity->shard) ||
        !number(count, LOAD_SHARDS_MAX, &identity->shards) || identity->shard >= identity->shards) {
        return error_set(error,
                         "shard \"%.20s/%.20s\" (from %s): expected I/N with I from 0 to N-1 "
                         "and N up to %d",
                         index, count, from, LOAD_SHARDS_MAX);
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

static bool of_option(struct load_identity *identity, const char *shard, uint64_t shards,
                      struct error *error)
{
    char index[24] = "";
    size_t size = strcspn(shard, "/");
    memcpy(index, shard, size < sizeof index - 1 ? size : sizeof index - 1);
    if (!set(identity, "--shard", index, shard[size] == '/' ? shard + size + 1 : "", error)) {
        return false;
    }
    return shards == 0 || shards == identity->shards ||
           error_set(error,
                     "--shard %.40s and --shards %" PRIu64 " say different numbers of shards",
                     shard, shards);
}

/* `count` NULL: the launcher tells none. */
static bool of_launcher(struct load_identity *identity, const char *name, const char *index,
                        const char *count, uint64_t shards, struct error *error)
{
    if (count == NULL && shards == 0) {
        return error_set(error,
                         "%s says that this is shard %.20s, but not of how many: add --shards N",
                         name, index);
    }
    if (count == NULL) {
        return set_counted(identity, name, index, shards, error);
    }
    if (!set(identity, name, index, count, error)) {
        return false;
    }
    return shards == 0 || shards == identity->shards ||
           error_set(error, "%s says that there are %" PRIu32 " shards, --shards says %" PRIu64,
                     name, identity->shards, shards);
}

bool load_identity_find(struct load_identity *identity, const char *shard, uint64_t shards,
                        const char *(*environment)(const char *name), struct error *error)
{
    *identity = (struct load_identity){.shard = 0, .shards = 1};
    if (shard != NULL) {
        return of_option(identity, shard, shards, error);
    }
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *index = environment(launchers[i].index);
        if (index != NULL) {
            const char *count = launchers[i].count == NULL ? NULL : environment(launchers[i].count);
            return of_launcher(identity, launchers[i].name, index, count, shards, error);
        }
    }
    return shards <= 1 || error_set(error, "--shards: which one is this? Say --shard I/N, or start "
                                           "it from a launcher that tells");
}
