#include <stdio.h>
#include <stdlib.h>

#include "harness/net/memory.h"
#include "harness/script/ground.h"
#include "sim/base/memory.h"
#include "sim/wire/http_server.h"

const struct ground_targets ground_nobody_outside;

struct virtual_ground {
    struct ground ground;
    struct world world;
    struct memory_network *memory;
};

static struct front *open_virtual(struct ground *ground, const struct http_service *service,
                                  const char *at, char *url, size_t url_size, struct error *error)
{
    (void)at; /* nobody outside can come in */
    struct http_server *server = http_server_new(ground->world, ground->network, service, NULL);
    struct endpoint endpoint = {.host = "connect", .port = 80};
    struct endpoint other = {.host = "files", .port = 80}; /* for a printer it is somebody else */
    if (!http_server_listen(server, &endpoint, error) ||
        !http_server_listen(server, &other, error)) {
        http_server_destroy(server);
        return NULL;
    }
    snprintf(url, url_size, "http://connect");
    return (struct front *)server;
}

static void close_virtual(struct ground *ground, struct front *front)
{
    (void)ground;
    http_server_destroy((struct http_server *)front);
}

static void destroy_virtual(struct ground *ground)
{
    struct virtual_ground *virtual = (struct virtual_ground *)ground;
    memory_network_destroy(virtual->memory);
    world_free(&virtual->world);
    free(virtual);
}

static const struct ground_class virtual_class = {open_virtual, close_virtual, destroy_virtual};

struct ground *ground_new_virtual(uint64_t seed, struct trace *trace)
{
    struct virtual_ground *virtual = memory_new(sizeof *virtual);
    world_init(&virtual->world, seed);
    virtual->world.trace = trace;
    virtual->memory = memory_network_new(&virtual->world);
    virtual->ground = (struct ground){.class = &virtual_class,
                                      .world = &virtual->world,
                                      .network = memory_network_face(virtual->memory),
                                      .targets = &ground_nobody_outside};
    return &virtual->ground;
}
