#ifndef HOTBED_NET_CURL_LOOP_H
#define HOTBED_NET_CURL_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>

#include "harness/net/real.h"

/* libcurl's multi interface on a world's epoll, for whoever speaks through libcurl. */

struct curl_socket;

/* A transfer has ended; its handle is still in the multi. May remove it, and add others. */
typedef void curl_finished(CURL *easy, CURLcode code);

struct curl_loop {
    struct real_driver *driver;
    struct world *world;
    CURLM *multi;
    struct timer timer;
    struct curl_socket *sockets;
    curl_finished *finished;
};

bool curl_loop_init(struct curl_loop *loop, struct real_driver *driver, curl_finished *finished,
                    struct error *error);
void curl_loop_free(struct curl_loop *loop); /* every easy handle is gone */

#endif
