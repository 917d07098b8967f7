/* Any bytes to the PrusaLink servers of an MK3S, an MK4 and an SL1: they answer or close, and hold
 * no more than the storage of their printer allows. The first byte chooses the printer and how the
 * bytes are cut; the key of the server stands in the place of the byte 0x01, so that what is behind
 * the door is reached. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/printer/printer.h"

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

static void send_all(struct world *world, struct stream **stream, const struct buffer *bytes,
                     size_t step)
{
    for (size_t at = 0; at < bytes->size && *stream != NULL; at += step) {
        stream_send(*stream, bytes->bytes + at, bytes->size - at < step ? bytes->size - at : step);
        world_run(world, world->now_us + 1000, NULL);
    }
    world_run(world, world->now_us + SECONDS(2), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"mk3s", "mk4", "sl1"};
    static const struct stream_events events = {.received = on_received, .ended = on_ended};
    if (size < 2) {
        return 0;
    }
    struct world world;
    struct link_settings link;
    struct buffer bytes = {0};
    world_init(&world, 1);
    struct memory_network *network = memory_network_new(&world);
    link_settings_defaults(&link);
    link.at_work = true;
    link.password = "fuzz-Passw0rd-of-15";
    link.api_key = data[0] % 3 == 0 ? "fuzz-key" : NULL;
    const char *key = link.api_key == NULL ? link.password : link.api_key;
    const struct printer_settings settings = {
        .model = model_find(models[data[0] % 3]), .room_c = 25, .prusalink = &link};
    struct printer *printer = printer_new(&world, memory_network_face(network), &settings, NULL);
    struct endpoint at = {.host = "printer", .port = 80};
    printer_power_on(printer);
    world_run(&world, SECONDS(20), NULL);
    printer_listen(printer, &at, NULL);
    for (size_t i = 1; i < size; i++) {
        if (data[i] == 1) {
            buffer_append_text(&bytes, key);
        } else {
            buffer_append_char(&bytes, (char)data[i]);
        }
    }
    struct stream *stream = NULL;
    stream = network_connect(memory_network_face(network), &at, &events, &stream);
    send_all(&world, &stream, &bytes, data[0] % 5 == 0 ? 1 + data[0] : bytes.size);
    if (stream != NULL && data[0] % 2 == 0) {
        stream_finish(stream);
        world_run(&world, world.now_us + SECONDS(1), NULL);
    }
    if (stream != NULL) {
        stream_reset(stream);
    }
    world_run(&world, world.now_us + SECONDS(15), NULL);
    printer_destroy(printer);
    memory_network_destroy(network);
    world_free(&world);
    buffer_free(&bytes);
    return 0;
}
