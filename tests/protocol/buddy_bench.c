#include "tests/protocol/buddy_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

static char *copy(struct slice slice)
{
    return memory_copy_slice(slice.bytes == NULL ? "" : slice.bytes, slice.size);
}

static void register_reply(struct bench *bench, const struct http_message *message,
                           struct http_exchange *exchange)
{
    struct http_reply reply = {.status = 200};
    if (slice_is(message->method, "POST")) {
        http_reply_header(&reply, "Code", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123");
    } else if (bench->count < 5) {
        reply.status = bench->count % 2 == 0 ? 202 : 204;
    } else {
        http_reply_header(&reply, "Token", "abcdefghij1234567890XYZ");
    }
    http_exchange_reply(exchange, &reply);
}

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bench *bench = service;
    assert_true(bench->count < SEEN_MAX);
    bench->seen[bench->count++] = (struct seen){.time_us = bench->world.now_us,
                                                .connection = exchange->connection,
                                                .target = copy(message->target),
                                                .head = copy(message->head),
                                                .body = copy(message->body)};
    bool event = slice_is(message->target, "/p/events");
    char id[16];
    struct http_reply reply = {.status = bench->status == 0 ? 204 : bench->status};
    if (slice_is(message->target, "/p/register")) {
        register_reply(bench, message, exchange);
        return;
    }
    if (event && bench->event_status != 0) {
        reply.status = bench->event_status;
    } else if (!event && bench->command != NULL) {
        snprintf(id, sizeof id, "%u", bench->command_id);
        reply.status = 200;
        reply.body = bench->command;
        reply.body_size = strlen(bench->command);
        http_reply_header(&reply, "Command-Id", id);
        http_reply_header(&reply, "Content-Type",
                          bench->type == NULL ? "application/json" : bench->type);
        bench->command = NULL;
    }
    http_exchange_reply(exchange, &reply);
}

static void on_code(void *owner, const char *code, const char *url)
{
    struct bench *bench = owner;
    snprintf(bench->code, sizeof bench->code, "%s", code);
    assert_non_null(strstr(url, "http://connect/add-printer/connect/1.4.0/"));
}

static void on_token(void *owner, const char *token)
{
    struct bench *bench = owner;
    snprintf(bench->token, sizeof bench->token, "%s", token);
}

static void on_failed(void *owner, const char *why)
{
    struct bench *bench = owner;
    snprintf(bench->failure, sizeof bench->failure, "%s", why);
}

static struct file_node *make_drive(void)
{
    static const char gcode[] = "; layer_height = 0.2\nG28\nM104 S30\nG1 X10 Y10 F600\nG4 S600\n"
                                "G1 X20 Y20\n; filament_type = PLA\n";
    struct file_node *root = file_node_folder("", false, 1700000000);
    struct file_node *folder = file_node_folder("full", false, 1700000000);
    file_node_add(folder, file_node_file("x.gcode", false, 1700000000,
                                         file_content_of_bytes(gcode, sizeof gcode - 1)));
    file_node_add(root, folder);
    file_node_add(root, file_node_file("Box 0.2mm.gcode", false, 1700000000,
                                       file_content_of_bytes(gcode, sizeof gcode - 1)));
    return root;
}

static void begin_on(struct bench *bench, const char *model, const char *token,
                     struct file_node *drive)
{
    *bench = (struct bench){.events = {.code = on_code, .token = on_token, .failed = on_failed}};
    struct endpoint at = {.host = "connect", .port = 80};
    struct error error = {""};
    world_init(&bench->world, 1);
    bench->network = memory_network_new(&bench->world);
    bench->service =
        (struct http_service){.request = on_request, .service = bench, .body_bytes_max = 1 << 20};
    bench->server =
        http_server_new(&bench->world, memory_network_face(bench->network), &bench->service, NULL);
    assert_true(http_server_listen(bench->server, &at, &error));
    connect_face_defaults(&bench->settings);
    bench->settings.server = "http://connect";
    bench->settings.events = &bench->events;
    bench->settings.owner = bench;
    bench->settings.register_at_start = token == NULL;
    bench->printer = printer_new(&bench->world, memory_network_face(bench->network),
                                 &(struct printer_settings){.model = model_find(model),
                                                            .room_c = NAN,
                                                            .tree = drive,
                                                            .connect = &bench->settings,
                                                            .token = token},
                                 &error);
    file_node_release(drive);
    assert_non_null(bench->printer);
    printer_power_on(bench->printer);
}

void begin(struct bench *bench, const char *model, const char *token)
{
    begin_on(bench, model, token, make_drive());
}

void begin_with_file(struct bench *bench, const char *model, const char *gcode)
{
    struct file_node *root = file_node_folder("", false, 1700000000);
    file_node_add(root, file_node_file("print.gcode", false, 1700000000,
                                       file_content_of_bytes(gcode, strlen(gcode))));
    begin_on(bench, model, "abcdefghij1234567890", root);
}

void end(struct bench *bench)
{
    printer_destroy(bench->printer);
    http_server_destroy(bench->server);
    memory_network_destroy(bench->network);
    for (size_t i = 0; i < bench->count; i++) {
        free(bench->seen[i].target);
        free(bench->seen[i].head);
        free(bench->seen[i].body);
    }
    world_free(&bench->world);
}

void run(struct bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

/* The first message from `from` on that has the text; its index. */
size_t find(const struct bench *bench, size_t from, const char *text)
{
    for (size_t i = from; i < bench->count; i++) {
        if (strstr(bench->seen[i].body, text) != NULL) {
            return i;
        }
    }
    fail_msg("no \"%s\"; the last of %zu is %s", text, bench->count,
             bench->count == 0 ? "" : bench->seen[bench->count - 1].body);
    return 0;
}

size_t count_of(const struct bench *bench, size_t from, const char *text)
{
    size_t count = 0;
    for (size_t i = from; i < bench->count; i++) {
        count += strstr(bench->seen[i].body, text) != NULL;
    }
    return count;
}

/* Sends a command and returns the one event that answers it. */
const char *ask(struct bench *bench, const char *command)
{
    size_t from = bench->count;
    char id[32];
    bench->command = command;
    bench->command_id++;
    run(bench, 6);
    assert_null(bench->command);
    snprintf(id, sizeof id, "\"command_id\":%u,\"", bench->command_id);
    return bench->seen[find(bench, from, id)].body;
}

void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("expected %s in %s", part, text);
    }
}

struct machine *machine_of(struct bench *bench)
{
    return printer_machine(bench->printer);
}
