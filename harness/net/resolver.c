#include "harness/net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sim/base/memory.h"

enum { JOB_RUNNING, JOB_DONE, JOB_ABANDONED };

/* One name that is being looked up. The thread and the loop share it: who leaves last frees it. */
struct job {
    struct job *next;
    struct lookup *lookups; /* the loop's */
    atomic_int state;
    int wake; /* the thread's own descriptor of the resolver's eventfd: it alone closes it */
    int problem;
    struct address addresses[ADDRESSES_MAX];
    size_t count;
    char host[256];
};

struct lookup {
    struct lookup *next;
    struct job *job;
    lookup_done *done;
    void *owner;
    uint16_t port;
};

struct resolver {
    struct real_driver *driver;
    struct watch wake;
    struct job *jobs;
};

static void collect_addresses(struct job *job, const struct addrinfo *list)
{
    for (const struct addrinfo *info = list; info != NULL && job->count < ADDRESSES_MAX;
         info = info->ai_next) {
        struct address *address = &job->addresses[job->count];
        if ((info->ai_family == AF_INET || info->ai_family == AF_INET6) &&
            info->ai_addrlen <= sizeof address->v6) {
            memcpy(&address->any, info->ai_addr, info->ai_addrlen);
            address->size = info->ai_addrlen;
            job->count++;
        }
    }
}

static void *run(void *argument)
{
    struct job *job = argument;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    job->problem = getaddrinfo(job->host, NULL, &hints, &list);
    if (job->problem == 0) {
        collect_addresses(job, list);
        freeaddrinfo(list);
    }
    int wake = job->wake;
    if (atomic_exchange(&job->state, JOB_DONE) == JOB_ABANDONED) {
        free(job);
    } else {
        uint64_t one = 1; /* the job is the loop's now */
        ssize_t written = write(wake, &one, sizeof one);
        (void)written;
    }
    close(wake);
    return NULL;
}

static void tell(struct job *job)
{
    while (job->lookups != NULL) {
        struct lookup *lookup = job->lookups;
        job->lookups = lookup->next;
        for (size_t i = 0; i < job->count; i++) {
            struct address *address = &job->addresses[i];
            if (address->any.sa_family == AF_INET) {
                address->v4.sin_port = htons(lookup->port);
            } else {
                address->v6.sin6_port = htons(lookup->port);
            }
        }
        lookup->done(lookup->owner, job->addresses, job->count,
                     job->problem != 0 ? gai_strerror(job->problem) : "the name has no address");
        free(lookup);
    }
}

static void on_wake(void *owner, uint32_t events)
{
    (void)events;
    struct resolver *resolver = owner;
    uint64_t count;
    ssize_t got = read(resolver->wake.fd, &count, sizeof count);
    (void)got;
    struct job *done = NULL;
    for (struct job **link = &resolver->jobs; *link != NULL;) {
        struct job *job = *link;
        if (atomic_load(&job->state) == JOB_DONE) {
            *link = job->next;
            job->next = done;
            done = job;
        } else {
            link = &job->next;
        }
    }
    while (done != NULL) {
        struct job *job = done;
        done = job->next;
        tell(job);
        free(job);
    }
}

struct resolver *resolver_new(struct real_driver *driver, struct error *error)
{
    struct resolver *resolver = memory_new(sizeof *resolver);
    resolver->driver = driver;
    resolver->wake = (struct watch){
        .ready = on_wake, .owner = resolver, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (resolver->wake.fd < 0 || !real_driver_watch(driver, &resolver->wake, EPOLLIN)) {
        error_set(error, "eventfd: %s", strerror(errno));
        if (resolver->wake.fd >= 0) {
            close(resolver->wake.fd);
        }
        free(resolver);
        return NULL;
    }
    return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
    while (resolver->jobs != NULL) {
        struct job *job = resolver->jobs;
        resolver->jobs = job->next;
        while (job->lookups != NULL) {
            struct lookup *lookup = job->lookups;
            job->lookups = lookup->next;
            free(lookup);
        }
        if (atomic_exchange(&job->state, JOB_ABANDONED) == JOB_DONE) {
            free(job);
        }
    }
    real_driver_unwatch(resolver->driver, &resolver->wake);
    close(resolver->wake.fd);
    free(resolver);
}

static void start_thread(struct resolver *resolver, struct job *job)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    job->wake = fcntl(resolver->wake.fd, F_DUPFD_CLOEXEC, 0);
    if (job->wake < 0 || pthread_create(&thread, &attributes, run, job) != 0) {
        /* Tell it from the loop all the same. */
        job->problem = EAI_AGAIN;
        atomic_store(&job->state, JOB_DONE);
        uint64_t one = 1;
        ssize_t written = write(resolver->wake.fd, &one, sizeof one);
        (void)written;
        if (job->wake >= 0) {
            close(job->wake);
        }
    }
    pthread_attr_destroy(&attributes);
}

struct lookup *resolver_start(struct resolver *resolver, const char *host, uint16_t port,
                              lookup_done *done, void *owner)
{
    struct job *job = resolver->jobs;
    while (job != NULL && strcmp(job->host, host) != 0) {
        job = job->next;
    }
    struct lookup *lookup = memory_new(sizeof *lookup);
    bool is_new = job == NULL;
    if (is_new) {
        job = memory_new(sizeof *job);
        snprintf(job->host, sizeof job->host, "%s", host);
        job->next = resolver->jobs;
        resolver->jobs = job;
    }
    *lookup = (struct lookup){
        .next = job->lookups, .job = job, .done = done, .owner = owner, .port = port};
    job->lookups = lookup;
    if (is_new) {
        start_thread(resolver, job);
    }
    return lookup;
}

void resolver_cancel(struct lookup *lookup)
{
    struct lookup **link = &lookup->job->lookups;
    while (*link != lookup) {
        link = &(*link)->next;
    }
    *link = lookup->next;
    free(lookup);
}

bool address_parse(struct address *address, const char *host, uint16_t port)
{
    *address = (struct address){0};
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        address->size = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        address->size = sizeof address->v6;
        return true;
    }
    return false;
}

void address_text(const struct address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, (unsigned)ntohs(address->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, (unsigned)ntohs(address->v6.sin6_port));
    }
}
