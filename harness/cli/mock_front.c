#include "harness/cli/mock_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness/net/microhttpd.h"
#include "harness/net/socket.h"
#include "sim/base/memory.h"
#include "sim/wire/http_server.h"

struct mock_front {
    struct microhttpd_front *microhttpd;
    struct socket_network *network;
    struct http_server *server;
};

/* A farm comes with a connection for each printer: as many files as the system allows, less what
 * else is open. */
static unsigned connections_allowed(void)
{
    enum { CONNECTIONS_LEAST = 16, CONNECTIONS_MOST = 1000000, FILES_BESIDES = 64 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CONNECTIONS_LEAST;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t allowed = limit.rlim_cur > FILES_BESIDES + CONNECTIONS_LEAST
                         ? limit.rlim_cur - FILES_BESIDES
                         : CONNECTIONS_LEAST;
    return allowed < CONNECTIONS_MOST ? (unsigned)allowed : CONNECTIONS_MOST;
}

static bool listen_by_wire(struct mock_front *front, struct real_driver *driver,
                           struct endpoint *at, const struct http_service *service,
                           const struct tls_settings *tls, struct error *error)
{
    front->network = socket_network_new(driver, tls->certificate_file == NULL ? NULL : tls, error);
    if (front->network == NULL) {
        return false;
    }
    at->tls = tls->certificate_file != NULL;
    front->server = http_server_new(real_driver_world(driver), socket_network_face(front->network),
                                    service, NULL);
    return http_server_listen(front->server, at, error);
}

struct mock_front *mock_front_new(struct real_driver *driver, enum mock_codec codec,
                                  struct endpoint *at, const struct http_service *service,
                                  const char *certificate_file, const char *key_file,
                                  struct error *error)
{
    struct mock_front *front = memory_new(sizeof *front);
    bool good;
    if (codec == MOCK_CODEC_MICROHTTPD) {
        const struct microhttpd_settings settings = {.certificate_file = certificate_file,
                                                     .key_file = key_file,
                                                     .connections_max = connections_allowed()};
        front->microhttpd = microhttpd_front_new(driver, at, service, &settings, error);
        good = front->microhttpd != NULL;
    } else {
        const struct tls_settings tls = {.certificate_file = certificate_file,
                                         .key_file = key_file};
        good = listen_by_wire(front, driver, at, service, &tls, error);
    }
    if (!good) {
        mock_front_destroy(front);
        return NULL;
    }
    return front;
}

void mock_front_destroy(struct mock_front *front)
{
    if (front == NULL) {
        return;
    }
    if (front->microhttpd != NULL) {
        microhttpd_front_destroy(front->microhttpd);
    }
    if (front->server != NULL) {
        http_server_destroy(front->server);
    }
    if (front->network != NULL) {
        socket_network_destroy(front->network);
    }
    free(front);
}

bool mock_front_address(struct endpoint *at, const char *text, struct error *error)
{
    char url[320];
    const char *path = NULL;
    const char *colon = strrchr(text, ':');
    if (strlen(text) > 300 || strstr(text, "//") != NULL || colon == NULL || colon[1] == '\0') {
        return error_set(error, "\"%.100s\": expected ADDRESS:PORT, like 127.0.0.1:8080", text);
    }
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535 || colon[1] == '-') {
        return error_set(error, "\"%.100s\": expected a port from 0 to 65535 behind the colon",
                         text);
    }
    /* Port 0 is fine here and is none in a URL. */
    snprintf(url, sizeof url, "http://%.*s", (int)(colon - text), text);
    if (!endpoint_parse(at, url, &path, error)) {
        return false;
    }
    at->port = (uint16_t)port;
    return path == NULL || *path == '\0' || strcmp(path, "/") == 0 ||
           error_set(error, "\"%.100s\": expected ADDRESS:PORT and nothing behind it", text);
}
