/* Connections are accepted here and handed to libmicrohttpd. By itself it takes at most eleven of
 * them each time that it serves all requests which have come (MHD_epoll() in libmicrohttpd:
 * src/microhttpd/daemon.c): of 10,000 printers that return at once, those which were quick keep it
 * busy, and the others wait in the backlog for minutes. */
#include "harness/net/microhttpd_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/net/resolver.h"
#include "harness/net/socket_internal.h"

enum { ACCEPTS_A_TURN = 1024 };

#define ACCEPT_AGAIN_US MILLISECONDS(100)

static void pause_listening(struct microhttpd_front *front, bool pause)
{
    if (pause != front->listening_paused) {
        front->listening_paused = pause;
        real_driver_change(front->driver, &front->listening, pause ? 0U : (uint32_t)EPOLLIN);
    }
}

static void on_incoming(void *owner, uint32_t events)
{
    (void)events;
    struct microhttpd_front *front = owner;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct address peer = {.size = sizeof peer.v6};
        if (front->open >= front->open_max) {
            pause_listening(front, true); /* until one of them ends */
            break;
        }
        int fd = accept4(front->listening.fd, &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            MHD_add_connection(front->daemon, fd, &peer.any, peer.size); /* closes it if it can't */
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* Nothing can be accepted until something closes; the descriptor would stay ready all
             * the time. */
            pause_listening(front, true);
            world_arm_in(front->world, &front->listen_again, ACCEPT_AGAIN_US);
            break;
        } else if (errno == EAGAIN) {
            break;
        }
    }
    world_arm_in(front->world, &front->run, 0);
}

static void on_listen_again(void *owner)
{
    pause_listening(owner, false);
}

bool microhttpd_listen(struct microhttpd_front *front, struct endpoint *at, struct error *error)
{
    struct address bound;
    struct endpoint where = *at;
    if (where.host[0] == '\0') {
        snprintf(where.host, sizeof where.host, "localhost");
    }
    int fd = socket_listening(&where, &bound, error);
    if (fd < 0) {
        return false;
    }
    front->listening = (struct watch){.ready = on_incoming, .owner = front, .fd = fd};
    timer_init(&front->listen_again, on_listen_again, front);
    if (!real_driver_watch(front->driver, &front->listening, EPOLLIN)) {
        error_set(error, "epoll: %s", strerror(errno));
        close(fd);
        return false;
    }
    at->port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
    return true;
}

void microhttpd_unlisten(struct microhttpd_front *front)
{
    world_cancel(front->world, &front->listen_again);
    real_driver_unwatch(front->driver, &front->listening);
    close(front->listening.fd);
    front->listening.fd = -1;
}

void microhttpd_opened(struct microhttpd_front *front)
{
    front->open++;
}

void microhttpd_closed(struct microhttpd_front *front)
{
    front->open--;
    if (front->listening_paused && front->listening.fd >= 0) {
        world_arm_in(front->world, &front->listen_again, 0);
    }
}
