/* Any bytes to the mock Connect server and to its control endpoint, with the judge looking on: they
 * answer or close. The first byte chooses which of both, and how the bytes are cut; a token that
 * the server knows stands in the place of the byte 0x01, so that what is behind the door is
 * reached. */
#include <stddef.h>
#include <stdint.h>

#include "harness/check/connect_contract.h"
#include "harness/net/memory.h"
#include "mockservers/connect/control.h"
#include "mockservers/connect/server.h"
#include "sim/wire/http_server.h"

static void on_received(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    (void)bytes;
    (void)size;
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    *(struct stream **)owner = NULL;
}

static const struct stream_events events = {.received = on_received, .ended = on_ended};

static void play(struct world *world, struct network *network, const struct endpoint *at,
                 uint8_t how, const struct buffer *bytes)
{
    struct stream *stream = NULL;
    stream = network_connect(network, at, &events, &stream);
    size_t step = how % 5 == 0 ? 1U + how : bytes->size;
    for (size_t i = 0; i < bytes->size && stream != NULL; i += step) {
        stream_send(stream, bytes->bytes + i, bytes->size - i < step ? bytes->size - i : step);
        world_run(world, world->now_us + 1000, NULL);
    }
    world_run(world, world->now_us + SECONDS(5), NULL);
    if (stream != NULL) {
        stream_reset(stream);
    }
    world_run(world, world->now_us + SECONDS(1), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char token[] = "fuzz0token0fuzz0token";
    if (size < 2) {
        return 0;
    }
    struct world world;
    struct buffer bytes = {0};
    for (size_t i = 1; i < size; i++) {
        if (data[i] == 1) {
            buffer_append_text(&bytes, token);
        } else {
            buffer_append_char(&bytes, (char)data[i]);
        }
    }
    world_init(&world, 1);
    struct memory_network *network = memory_network_new(&world);
    struct connect_server *server = connect_server_new(
        &world, &(struct connect_server_settings){.log_bytes = 65536, .printers_max = 8});
    struct connect_printer *printer = connect_server_expect(server, token);
    struct contract *contract = contract_new(&(struct contract_settings){.prusalink = true});
    struct contract_tap *tap = contract_tap_new(contract, server);
    struct connect_control *control = connect_control_new(server);
    struct error error;
    connect_server_command(server, printer, "SEND_INFO", NULL, &error);
    struct http_server *front = http_server_new(
        &world, memory_network_face(network),
        data[0] % 2 == 0 ? connect_server_service(server) : connect_control_service(control), NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    if (http_server_listen(front, &at, &error)) {
        play(&world, memory_network_face(network), &at, data[0], &bytes);
    }
    contract_finish(contract, world.now_us);
    http_server_destroy(front);
    connect_control_destroy(control);
    contract_tap_destroy(tap);
    contract_destroy(contract);
    connect_server_destroy(server);
    memory_network_destroy(network);
    world_free(&world);
    buffer_free(&bytes);
    return 0;
}
