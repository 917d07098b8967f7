#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "harness/net/socket_internal.h"
#include "sim/base/memory.h"

/* As many as the system lets wait; with fewer a whole farm that comes back finds no room. */
enum { BACKLOG = SOMAXCONN, ACCEPTS_A_TURN = 256 };

#define ACCEPT_AGAIN_US MILLISECONDS(100)

/* Several a turn: else those that wait would be behind all that the others say. Accepting one may
 * end the listener. */
static void on_incoming(void *owner, uint32_t events)
{
    (void)events;
    struct listener *listener = owner;
    bool ended = false;
    int problem = 0;
    listener->ended = &ended;
    for (int i = 0; i < ACCEPTS_A_TURN && problem == 0; i++) {
        struct address peer = {.size = sizeof peer.v6};
        int fd = accept4(listener->watch.fd, &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        problem = fd < 0 ? errno : 0;
        if (fd >= 0) {
            socket_accepted(listener, fd, &peer);
        }
        if (ended) {
            return;
        }
    }
    listener->ended = NULL;
    if (problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM) {
        /* Nothing can be accepted until something closes; the descriptor would stay ready all the
         * time. */
        real_driver_change(listener->network->driver, &listener->watch, 0);
        world_arm_in(listener->network->world, &listener->again, ACCEPT_AGAIN_US);
    }
}

static void on_accept_again(void *owner)
{
    struct listener *listener = owner;
    real_driver_change(listener->network->driver, &listener->watch, EPOLLIN);
}

/* "" is every address, "localhost" is 127.0.0.1: a front listens where it is told to before the
 * loop begins. */
int socket_listening(const struct endpoint *at, struct address *bound, struct error *error)
{
    const char *host = at->host[0] == '\0'                  ? "::"
                       : strcmp(at->host, "localhost") == 0 ? "127.0.0.1"
                                                            : at->host;
    struct address address;
    if (!address_parse(&address, host, at->port)) {
        error_set(error, "%s: expected an address to listen on, such as 127.0.0.1 or ::1", host);
        return -1;
    }
    int on = 1;
    int off = 0;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && address.any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    bound->size = sizeof bound->v6;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, &address.any, address.size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &bound->any, &bound->size) != 0) {
        error_set(error, "%s:%u: %s", host, (unsigned)at->port, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

struct listener *socket_listen(struct network *face, struct endpoint *at, network_accept *accept,
                               void *owner, struct error *error)
{
    struct socket_network *network = (struct socket_network *)face;
    if (at->tls && !tls_can_listen(network->tls)) {
        error_set(error, "%s: listening with TLS needs a certificate and its key", at->host);
        return NULL;
    }
    struct address bound;
    int fd = socket_listening(at, &bound, error);
    if (fd < 0) {
        return NULL;
    }
    struct listener *listener = memory_new(sizeof *listener);
    listener->network = network;
    listener->watch = (struct watch){.ready = on_incoming, .owner = listener, .fd = fd};
    timer_init(&listener->again, on_accept_again, listener);
    listener->accept = accept;
    listener->owner = owner;
    listener->tls = at->tls;
    if (!real_driver_watch(network->driver, &listener->watch, EPOLLIN)) {
        error_set(error, "epoll: %s", strerror(errno));
        close(fd);
        free(listener);
        return NULL;
    }
    at->port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
    listener->next = network->listeners;
    if (listener->next != NULL) {
        listener->next->previous = listener;
    }
    network->listeners = listener;
    return listener;
}

void socket_unlisten(struct network *face, struct listener *listener)
{
    struct socket_network *network = (struct socket_network *)face;
    if (listener->ended != NULL) {
        *listener->ended = true;
    }
    socket_forget_unknown(network, listener);
    world_cancel(network->world, &listener->again);
    real_driver_unwatch(network->driver, &listener->watch);
    close(listener->watch.fd);
    if (listener->previous != NULL) {
        listener->previous->next = listener->next;
    } else {
        network->listeners = listener->next;
    }
    if (listener->next != NULL) {
        listener->next->previous = listener->previous;
    }
    free(listener);
}
