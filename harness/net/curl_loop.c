#include "harness/net/curl_loop.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "sim/base/memory.h"

/* A socket that libcurl wants watched. */
struct curl_socket {
    struct watch watch;
    struct curl_socket *previous, *next;
    struct curl_loop *loop;
};

static void collect_finished(struct curl_loop *loop)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(loop->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE) {
            loop->finished(message->easy_handle, message->data.result);
        }
    }
}

static void act(struct curl_loop *loop, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(loop->multi, fd, events, &running);
    collect_finished(loop);
}

static void on_timer(void *owner)
{
    act(owner, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(void *owner, uint32_t events)
{
    struct curl_socket *entry = owner;
    int what = ((events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
               ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    act(entry->loop, entry->watch.fd, what);
}

static int set_timer(CURLM *multi, long wait_ms, void *owner)
{
    (void)multi;
    struct curl_loop *loop = owner;
    if (wait_ms < 0) {
        world_cancel(loop->world, &loop->timer);
    } else {
        world_arm_in(loop->world, &loop->timer, (int64_t)wait_ms * 1000);
    }
    return 0;
}

static void forget_socket(struct curl_socket *entry)
{
    struct curl_loop *loop = entry->loop;
    real_driver_unwatch(loop->driver, &entry->watch);
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        loop->sockets = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    }
    free(entry);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
    (void)easy;
    struct curl_loop *loop = owner;
    struct curl_socket *entry = known;
    if (what == CURL_POLL_REMOVE) {
        if (entry != NULL) {
            curl_multi_assign(loop->multi, fd, NULL);
            forget_socket(entry);
        }
        return 0;
    }
    uint32_t events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    if (entry != NULL) {
        real_driver_change(loop->driver, &entry->watch, events);
        return 0;
    }
    entry = memory_new(sizeof *entry);
    entry->loop = loop;
    entry->watch = (struct watch){.ready = on_ready, .owner = entry, .fd = fd};
    if (!real_driver_watch(loop->driver, &entry->watch, events)) {
        free(entry);
        return -1;
    }
    entry->next = loop->sockets;
    if (entry->next != NULL) {
        entry->next->previous = entry;
    }
    loop->sockets = entry;
    curl_multi_assign(loop->multi, fd, entry);
    return 0;
}

bool curl_loop_init(struct curl_loop *loop, struct real_driver *driver, curl_finished *finished,
                    struct error *error)
{
    *loop = (struct curl_loop){
        .driver = driver, .world = real_driver_world(driver), .finished = finished};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return error_set(error, "libcurl does not start");
    }
    loop->multi = curl_multi_init();
    if (loop->multi == NULL) {
        curl_global_cleanup();
        return error_set(error, "libcurl does not start");
    }
    timer_init(&loop->timer, on_timer, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    return true;
}

void curl_loop_free(struct curl_loop *loop)
{
    curl_multi_cleanup(loop->multi);
    for (struct curl_socket *entry = loop->sockets, *next; entry != NULL; entry = next) {
        next = entry->next;
        forget_socket(entry);
    }
    world_cancel(loop->world, &loop->timer);
    curl_global_cleanup();
}
