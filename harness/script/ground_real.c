#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/curl.h"
#include "harness/net/microhttpd.h"
#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "harness/script/ground.h"
#include "harness/script/sender_control.h"
#include "sim/base/memory.h"

/* The wall clock, sockets for our printers, libmicrohttpd for our servers. */
struct real_ground {
    struct ground ground;
    struct world world;
    struct real_driver *driver;
    struct socket_network *sockets;
    struct curl_client *curl; /* made when it is first needed */
    struct tls_settings tls;
};

/* "ADDRESS:PORT", ":PORT", "PORT", "[ADDRESS]:PORT", or a URL. */
static bool parse_listen(struct endpoint *endpoint, const char *at, struct error *error)
{
    char url[300];
    bool port_alone = at[strspn(at, "0123456789")] == '\0';
    const char *format = strstr(at, "://") != NULL ? "%s"
                         : port_alone              ? "http://0.0.0.0:%s"
                                                   : "http://%s";
    if (*at == ':') {
        format = "http://0.0.0.0%s";
    }
    snprintf(url, sizeof url, format, at);
    return endpoint_parse(endpoint, url, NULL, error);
}

static struct front *open_real(struct ground *ground, const struct http_service *service,
                               const char *at, char *url, size_t url_size, struct error *error)
{
    struct real_ground *real = (struct real_ground *)ground;
    struct endpoint endpoint = {.host = "127.0.0.1"};
    if (at != NULL && !parse_listen(&endpoint, at, error)) {
        return NULL;
    }
    bool outside = at != NULL && ground->targets->printer_listen != NULL;
    const struct microhttpd_settings settings = {
        .certificate_file = outside ? ground->targets->listen_certificate : NULL,
        .key_file = outside ? ground->targets->listen_key : NULL};
    struct microhttpd_front *front =
        microhttpd_front_new(real->driver, &endpoint, service, &settings, error);
    if (front != NULL) {
        bool v6 = strchr(endpoint.host, ':') != NULL;
        snprintf(url, url_size, "http%s://%s%s%s:%u", endpoint.tls ? "s" : "", v6 ? "[" : "",
                 endpoint.host, v6 ? "]" : "", endpoint.port);
    }
    return (struct front *)front;
}

static void close_real(struct ground *ground, struct front *front)
{
    (void)ground;
    microhttpd_front_destroy((struct microhttpd_front *)front);
}

static void destroy_real(struct ground *ground)
{
    struct real_ground *real = (struct real_ground *)ground;
    if (real->curl != NULL) {
        curl_client_destroy(real->curl);
    }
    if (real->sockets != NULL) {
        socket_network_destroy(real->sockets);
    }
    if (real->driver != NULL) {
        real_driver_destroy(real->driver);
    }
    world_free(&real->world);
    free(real);
}

static const struct ground_class real_class = {open_real, close_real, destroy_real};

struct ground *ground_new_real(uint64_t seed, struct trace *trace,
                               const struct ground_targets *targets, struct error *error)
{
    struct real_ground *real = memory_new(sizeof *real);
    world_init(&real->world, seed);
    real->world.trace = trace;
    real->tls = (struct tls_settings){.ca_file = targets->ca_file, .insecure = targets->insecure};
    real->driver = real_driver_new(&real->world, error);
    real->sockets =
        real->driver != NULL ? socket_network_new(real->driver, &real->tls, error) : NULL;
    if (real->sockets == NULL) {
        destroy_real(&real->ground);
        return NULL;
    }
    real->ground = (struct ground){.class = &real_class,
                                   .world = &real->world,
                                   .network = socket_network_face(real->sockets),
                                   .driver = real->driver,
                                   .real = true,
                                   .targets = targets};
    return &real->ground;
}

bool ground_catch_signals(struct ground *ground, volatile bool *stop, struct error *error)
{
    struct real_ground *real = (struct real_ground *)ground;
    return real_driver_catch_signals(real->driver, stop, error);
}

struct real_driver *ground_driver(struct ground *ground)
{
    return ground->real ? ((struct real_ground *)ground)->driver : NULL;
}

/* ---- The control endpoint of somebody else's mock ---- */

static void answered(void *owner, const struct curl_reply *reply)
{
    (void)owner;
    if (reply->status < 200 || reply->status > 299) {
        fprintf(stderr, "hotbed: the control endpoint did not take a command: %d %.*s\n",
                reply->status, (int)(reply->body_size < 200 ? reply->body_size : 200),
                reply->status == 0 ? reply->error : reply->body);
    }
}

bool sender_control(struct ground *ground, const char *url, const struct sender_words *words,
                    struct error *error)
{
    struct real_ground *real = (struct real_ground *)ground;
    if (real->curl == NULL) {
        real->curl = curl_client_new(real->driver, &real->tls, error);
        if (real->curl == NULL) {
            return false;
        }
    }
    struct buffer target = {0}, body = {0};
    size_t size = strlen(url);
    buffer_append(&target, url, size - (size > 0 && url[size - 1] == '/'));
    buffer_format(&target, "/printers/%s/commands", words->fingerprint);
    buffer_format(&body, "{\"command\": \"%s\", \"kwargs\": %s}", words->command, words->kwargs);
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct curl_request request = {.method = "POST",
                                   .url = target.bytes,
                                   .headers = headers,
                                   .body = body.bytes,
                                   .body_size = body.size};
    bool done = curl_client_send(real->curl, &request, answered, NULL, error);
    buffer_free(&target);
    buffer_free(&body);
    return done;
}
