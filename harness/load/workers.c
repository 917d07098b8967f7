#include "harness/load/workers.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/load/farm.h"
#include "harness/net/faults/message_faults.h"
#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "sim/base/memory.h"

/* Besides connections: standard streams, epoll, the resolver, lingering and second connections. */
enum { FILES_BESIDES = 128 };

/* How long what is still on its way may take: longer than a printer waits (connect-sdk.md 1.9). */
#define SETTLE_US      SECONDS(11)
#define SETTLE_LOOK_US MILLISECONDS(20) /* so often we look whether it has come */

/* ---- One worker ---- */

struct workshop {
    const struct workers_settings *settings;
    struct world world;
    struct real_driver *driver;
    struct socket_network *sockets[LOAD_GROUPS_MAX];
    struct network *networks[LOAD_GROUPS_MAX];
    struct socket_network *control;                 /* NULL: nobody wishes anything */
    struct message_faults *faults[LOAD_GROUPS_MAX]; /* NULL: the group has none */
    struct farm *farm;
    volatile bool stop;
};

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint64_t queued(const void *owner)
{
    const struct workshop *shop = owner;
    uint64_t bytes = 0;
    for (uint32_t g = 0; g < shop->settings->plan->group_count; g++) {
        bytes += socket_network_queued(shop->sockets[g]);
    }
    return bytes;
}

static bool open_network(struct workshop *shop, uint32_t group, uint32_t worker,
                         struct error *error)
{
    const struct workers_settings *settings = shop->settings;
    const struct load_group *of = &settings->plan->groups[group];
    struct tls_settings tls = settings->tls;
    tls.buddy = strcmp(of->model->family, "buddy") == 0;
    struct socket_network *sockets = socket_network_new(shop->driver, &tls, error);
    shop->sockets[group] = sockets;
    if (sockets == NULL) {
        return false;
    }
    /* Each begins with another address, so that a few printers use all of them, too. */
    for (size_t i = 0; i < settings->source_count; i++) {
        size_t at = (i + group + worker) % settings->source_count;
        if (!socket_network_add_source(sockets, settings->sources[at], error)) {
            return error_prefix(error, "--source-address");
        }
    }
    shop->networks[group] = socket_network_face(sockets);
    if (of->fault_count > 0) {
        shop->faults[group] = message_faults_new(&shop->world, shop->networks[group]);
        shop->networks[group] = message_faults_face(shop->faults[group]);
    }
    for (uint32_t i = 0; i < of->fault_count; i++) {
        if (!message_faults_add(shop->faults[group], of->faults[i], error)) {
            return false;
        }
    }
    return true;
}

static bool open_workshop(struct workshop *shop, uint32_t worker, struct load_stats *stats,
                          struct error *error)
{
    const struct workers_settings *settings = shop->settings;
    world_init(&shop->world, settings->plan->seed);
    shop->driver = real_driver_new(&shop->world, error);
    if (shop->driver == NULL || !real_driver_catch_signals(shop->driver, &shop->stop, error)) {
        return false;
    }
    for (uint32_t g = 0; g < settings->plan->group_count; g++) {
        if (!open_network(shop, g, worker, error)) {
            return false;
        }
    }
    if (settings->control != NULL) {
        shop->control = socket_network_new(shop->driver, &settings->tls, error);
        if (shop->control == NULL) {
            return false;
        }
    }
    shop->farm = farm_new(&(struct farm_settings){
        .plan = settings->plan,
        .world = &shop->world,
        .networks = shop->networks,
        .server = settings->server,
        .control = settings->control,
        .control_network = shop->control == NULL ? NULL : socket_network_face(shop->control),
        .part = settings->shard + (uint64_t)settings->shards * worker,
        .parts = (uint64_t)settings->shards * settings->workers,
        .stats = stats,
        .cpu_us = cpu_us,
        .queued = queued,
        .queued_owner = shop,
    });
    for (uint32_t g = 0; g < settings->plan->group_count; g++) {
        socket_network_watch(shop->sockets[g], &farm_times, farm_times_owner(shop->farm, g));
    }
    return true;
}

static void work(struct workshop *shop, struct load_stats *stats)
{
    int64_t end_us = farm_end_us(shop->farm);
    world_run(&shop->world, end_us, &shop->stop);
    while (!shop->stop && !farm_settled(shop->farm) && shop->world.now_us < end_us + SETTLE_US) {
        world_run(&shop->world, shop->world.now_us + SETTLE_LOOK_US, &shop->stop);
    }
    farm_destroy(shop->farm);
    stats->interrupted = shop->stop;
    stats->finished = !shop->stop;
}

static void run_worker(const struct workers_settings *settings, uint32_t worker,
                       struct load_stats *stats)
{
    struct workshop shop = {.settings = settings};
    struct error error;
    bool open = open_workshop(&shop, worker, stats, &error);
    if (open) {
        work(&shop, stats);
    } else {
        fprintf(stderr, "hotbed farm: %s\n", error.text);
    }
    for (uint32_t g = 0; g < LOAD_GROUPS_MAX; g++) {
        if (shop.faults[g] != NULL) {
            message_faults_destroy(shop.faults[g]);
        }
        if (shop.sockets[g] != NULL) {
            socket_network_destroy(shop.sockets[g]);
        }
    }
    if (shop.control != NULL) {
        socket_network_destroy(shop.control);
    }
    if (shop.driver != NULL) {
        real_driver_destroy(shop.driver);
    }
    world_free(&shop.world);
    _exit(open ? 0 : 2);
}

/* ---- What the system allows ---- */

/* A printer that downloads, as its state or the server says, has a second connection for that; all
 * at once are only those whose state it is. */
static uint64_t files_of(const struct load_plan *plan, uint64_t printers)
{
    uint64_t twice = 0;
    for (uint32_t g = 0; g < plan->group_count; g++) {
        const struct load_group *group = &plan->groups[g];
        for (uint32_t s = 0; s < group->state_count; s++) {
            const struct load_state *state = &group->states[s];
            twice += state->transfer.name == NULL
                         ? 0
                         : (uint64_t)group->count * state->weight / group->cycle + 1;
        }
    }
    return printers + (twice * printers + plan->printers - 1) / plan->printers;
}

static bool raise_file_limit(const struct load_plan *plan, uint64_t printers, uint32_t workers,
                             struct error *error)
{
    struct rlimit limit;
    uint64_t wanted = files_of(plan, printers) + FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return true;
    }
    if (limit.rlim_max < wanted) {
        uint64_t least = limit.rlim_max > FILES_BESIDES ? limit.rlim_max - FILES_BESIDES : 1;
        return error_set(error,
                         "%" PRIu64 " printers in one process need %" PRIu64
                         " open files, but %" PRIu64 " are allowed: use --workers %" PRIu64
                         " or more, or raise the limit "
                         "(ulimit -Hn, LimitNOFILE= of systemd)",
                         printers, wanted, (uint64_t)limit.rlim_max,
                         (files_of(plan, printers) * workers + least - 1) / least);
    }
    limit.rlim_cur = wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
           error_set(error, "the limit of open files: %s", strerror(errno));
}

/* One address has as many ports to one place as the system takes for outgoing connections. */
static bool ports_suffice(uint64_t printers, size_t sources, struct error *error)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned first, last;
    bool known = file != NULL && fscanf(file, "%u %u", &first, &last) == 2;
    if (file != NULL) {
        fclose(file);
    }
    uint64_t ports = known && last >= first ? last - first + 1 : UINT64_MAX;
    uint64_t addresses = sources == 0 ? 1 : sources;
    if (ports == UINT64_MAX || printers <= ports * addresses) {
        return true;
    }
    return error_set(error,
                     "%" PRIu64 " printers need as many ports, but there are %" PRIu64
                     ": connect from %" PRIu64 " addresses with --source-address, widen "
                     "net.ipv4.ip_local_port_range, or use more machines with --shard",
                     printers, ports * addresses, (printers + ports - 1) / ports);
}

/* ---- All of them ---- */

bool workers_start(struct workers *workers, const struct workers_settings *settings,
                   struct error *error)
{
    *workers = (struct workers){.settings = *settings};
    uint64_t mine = (settings->plan->printers + settings->shards - 1) / settings->shards;
    uint64_t each = (mine + settings->workers - 1) / settings->workers;
    for (size_t i = 0; i < settings->source_count; i++) {
        if (!socket_source_good(settings->sources[i], error)) {
            return error_prefix(error, "--source-address");
        }
    }
    if (!raise_file_limit(settings->plan, each, settings->workers, error) ||
        !ports_suffice(mine, settings->source_count, error)) {
        return false;
    }
    workers->items = memory_new_array(settings->workers, sizeof *workers->items);
    fflush(NULL);
    for (uint32_t i = 0; i < settings->workers; i++) {
        struct worker *worker = &workers->items[i];
        worker->stats = load_stats_new_shared(settings->plan->group_count);
        pid_t parent = getpid();
        worker->pid = worker->stats == NULL ? -1 : fork();
        if (worker->pid < 0) {
            worker->pid = 0;
            return error_set(error, "a worker can't be started: %s", strerror(errno));
        }
        if (worker->pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            if (getppid() != parent) {
                _exit(2); /* it has died already */
            }
            run_worker(&workers->settings, i, worker->stats);
        }
        workers->alive++;
    }
    return true;
}

bool workers_poll(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->settings.workers && workers->alive > 0; i++) {
        struct worker *worker = &workers->items[i];
        int status;
        if (worker->pid == 0 || waitpid(worker->pid, &status, WNOHANG) != worker->pid) {
            continue;
        }
        worker->pid = 0;
        workers->alive--;
        workers->bad = workers->bad || (WIFEXITED(status) && WEXITSTATUS(status) == 2);
        workers->lost += !worker->stats->finished && !worker->stats->interrupted;
    }
    return workers->alive > 0;
}

static void tell_all(const struct workers *workers, int signal)
{
    for (uint32_t i = 0; workers->items != NULL && i < workers->settings.workers; i++) {
        if (workers->items[i].pid > 0) {
            kill(workers->items[i].pid, signal);
        }
    }
}

void workers_stop(struct workers *workers)
{
    tell_all(workers, SIGTERM);
}

void workers_free(struct workers *workers)
{
    tell_all(workers, SIGKILL);
    for (uint32_t i = 0; workers->items != NULL && i < workers->settings.workers; i++) {
        if (workers->items[i].pid > 0) {
            waitpid(workers->items[i].pid, NULL, 0);
        }
        load_stats_destroy(workers->items[i].stats);
    }
    free(workers->items);
    workers->items = NULL;
}

void workers_sum(const struct workers *workers, struct load_stats *into)
{
    into->finished = true;
    for (uint32_t i = 0; i < workers->settings.workers; i++) {
        load_stats_merge(into, workers->items[i].stats);
    }
}

bool workers_last_second(const struct workers *workers, uint32_t *second, struct load_bin *into)
{
    uint32_t seconds = UINT32_MAX;
    for (uint32_t i = 0; i < workers->settings.workers; i++) {
        const struct worker *worker = &workers->items[i];
        if (worker->pid > 0 && worker->stats->bins < seconds) {
            seconds = worker->stats->bins;
        }
    }
    if (seconds == 0 || seconds == UINT32_MAX) {
        return false;
    }
    *into = (struct load_bin){0};
    *second = seconds;
    for (uint32_t i = 0; i < workers->settings.workers; i++) {
        struct load_stats *stats = workers->items[i].stats;
        if (stats->bins >= seconds) {
            load_bin_merge(into, &load_stats_bins(stats)[seconds - 1]);
        }
    }
    return true;
}
