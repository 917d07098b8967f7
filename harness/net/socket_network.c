/* The network of sockets: what its streams and listeners share, and its settings. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/net/socket_internal.h"
#include "sim/base/memory.h"

static const struct network_class socket_network_class = {
    .connect = socket_connect, .listen = socket_listen, .unlisten = socket_unlisten};

struct socket_network *socket_network_new(struct real_driver *driver,
                                          const struct tls_settings *settings, struct error *error)
{
    struct socket_network *network = memory_new(sizeof *network);
    network->face.class = &socket_network_class;
    network->driver = driver;
    network->world = real_driver_world(driver);
    network->tls = tls_new(settings, error);
    network->resolver = network->tls != NULL ? resolver_new(driver, error) : NULL;
    if (network->resolver == NULL) {
        tls_destroy(network->tls);
        free(network);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    return network;
}

void socket_network_destroy(struct socket_network *network)
{
    while (network->listeners != NULL) {
        assert(network->listeners->previous == NULL);
        socket_unlisten(&network->face, network->listeners);
    }
    for (struct socket_stream *stream = network->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        socket_stream_destroy(stream);
    }
    resolver_destroy(network->resolver);
    tls_destroy(network->tls);
    free(network->sources);
    free(network);
}

void socket_network_watch(struct socket_network *network, const struct socket_times *times,
                          void *owner)
{
    network->times = times;
    network->times_owner = owner;
}

uint64_t socket_network_queued(const struct socket_network *network)
{
    return network->queued;
}

/* Whether one can connect from there is only known by asking. */
static bool source_of(const char *text, struct address *address, struct error *error)
{
    if (!address_parse(address, text, 0)) {
        return error_set(error, "%.60s: expected an IPv4 or IPv6 address of this machine", text);
    }
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, &address->any, address->size) == 0;
    if (!good) {
        error_set(error, "%.60s: %s; expected an address of this machine", text, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

bool socket_source_good(const char *text, struct error *error)
{
    struct address address;
    return source_of(text, &address, error);
}

bool socket_network_add_source(struct socket_network *network, const char *text,
                               struct error *error)
{
    struct address address;
    if (!source_of(text, &address, error)) {
        return false;
    }
    network->sources =
        memory_resize(network->sources, (network->source_count + 1) * sizeof *network->sources);
    network->sources[network->source_count++] = address;
    return true;
}

struct network *socket_network_face(struct socket_network *network)
{
    return &network->face;
}
