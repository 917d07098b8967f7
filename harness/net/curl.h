#ifndef HOTBED_NET_CURL_H
#define HOTBED_NET_CURL_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/net/real.h"
#include "harness/net/tls.h"

/* libcurl on our loop, for places where our own side is only a client: control endpoints, tests. */
struct curl_client;

struct curl_request {
    const char *method;         /* "GET" */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" lines, NULL at the end; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_size;
    int64_t timeout_us;     /* 0: 30 s */
    size_t reply_bytes_max; /* 0: 16 MiB; a larger reply fails */
};

struct curl_reply {
    int status;       /* 0: there is none, `error` says why */
    const char *head; /* status line and headers as received */
    size_t head_size;
    const char *body;
    size_t body_size;
    const char *error;
};

typedef void curl_done(void *owner, const struct curl_reply *reply);

/* `tls` (certificate_file and key_file are not used) NULL: verified by the system's authorities. */
struct curl_client *curl_client_new(struct real_driver *driver, const struct tls_settings *tls,
                                    struct error *error);
void curl_client_destroy(
    struct curl_client *client); /* what is in work is forgotten without a word */

/* `done` is called once, from the loop. What the request points to is copied. */
bool curl_client_send(struct curl_client *client, const struct curl_request *request,
                      curl_done *done, void *owner, struct error *error);

#endif
