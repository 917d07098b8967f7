#ifndef HOTBED_TESTS_PROTOCOL_PRUSALINK_BENCH_H
#define HOTBED_TESTS_PROTOCOL_PRUSALINK_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/wire/http_server.h"

/* An MK3S with a Connect face at a server that writes down its events and hands out commands. */
struct bench {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server;
    struct machine *machine;
    struct connect_face_settings settings;
    struct connect_face *face;
    struct buffer events; /* bodies, a line each */
    struct buffer telemetry;
    size_t telemetry_count;
    char command[512], type[32];
    bool force, waiting;
    int id;
};

static void bench_serve(void *owner, struct http_exchange *exchange,
                        const struct http_message *message)
{
    struct bench *bench = owner;
    struct http_reply reply = {.status = 204};
    char id[16];
    bool telemetry = slice_is(message->target, "/p/telemetry");
    struct buffer *out = telemetry ? &bench->telemetry : &bench->events;
    buffer_append(out, message->body.bytes, message->body.size);
    buffer_append_char(out, '\n');
    bench->telemetry_count += telemetry;
    if (telemetry && bench->waiting) {
        bench->waiting = false;
        snprintf(id, sizeof id, "%d", ++bench->id);
        reply.status = 200;
        http_reply_header(&reply, "Command-Id", id);
        http_reply_header(&reply, "Content-Type", bench->type);
        if (bench->force) {
            http_reply_header(&reply, "Force", "1");
        }
        reply.body = bench->command;
        reply.body_size = strlen(bench->command);
    }
    http_exchange_reply(exchange, &reply);
}

static void bench_file(struct file_node *folder, const char *name, const char *text)
{
    file_node_add(
        folder, file_node_file(name, false, 1700000000, file_content_of_bytes(text, strlen(text))));
}

static void bench_storages(struct bench *bench)
{
    static const char print[] = "M104 S0\nG28 W\nG1 X100 F3000\nG4 S600\nG1 X10\n";
    struct storage storage;
    struct file_node *root = file_node_folder("", false, 1700000000);
    bench_file(root, "a.gcode", print);
    storage_init(&storage, "PrusaLink gcodes", STORAGE_LOCAL, root);
    machine_attach(bench->machine, &storage);
    root = file_node_folder("", true, 1700000000);
    bench_file(root, "Long name one.gcode", print);
    bench_file(root, "Long name two.gcode", print);
    storage_init(&storage, "SD Card", STORAGE_SDCARD, root);
    storage.read_only = true;
    machine_attach(bench->machine, &storage);
}

static void bench_run(struct bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

/* `change` may turn the settings; the printer then runs for a minute. */
static void bench_begin(struct bench *bench, void (*change)(struct connect_face_settings *settings))
{
    struct error error;
    struct endpoint at = {.host = "server", .port = 80};
    memset(bench, 0, sizeof *bench);
    world_init(&bench->world, 7);
    bench->network = memory_network_new(&bench->world);
    struct network *network = memory_network_face(bench->network);
    bench->service =
        (struct http_service){.request = bench_serve, .service = bench, .body_bytes_max = 1 << 20};
    bench->server = http_server_new(&bench->world, network, &bench->service, NULL);
    assert_true(http_server_listen(bench->server, &at, &error));
    bench->machine = machine_new(
        &bench->world, &(struct machine_settings){.model = model_find("mk3s"), .room_c = 21});
    bench_storages(bench);
    machine_power_on(bench->machine);
    connect_face_defaults(&bench->settings);
    bench->settings.server = "http://server";
    if (change != NULL) {
        change(&bench->settings);
    }
    bench->face =
        connect_face_new(&bench->world, network, bench->machine, &bench->settings, "p", "token");
    bench_run(bench, 60);
    buffer_clear(&bench->events);
}

static void bench_end(struct bench *bench)
{
    connect_face_destroy(bench->face);
    machine_destroy(bench->machine);
    http_server_destroy(bench->server);
    memory_network_destroy(bench->network);
    world_free(&bench->world);
    buffer_free(&bench->events);
    buffer_free(&bench->telemetry);
}

static void bench_send(struct bench *bench, const char *type, bool force, const char *body)
{
    buffer_clear(&bench->events);
    snprintf(bench->command, sizeof bench->command, "%s", body);
    snprintf(bench->type, sizeof bench->type, "%s", type);
    bench->force = force;
    bench->waiting = true;
}

/* Send a JSON command and let some seconds pass. */
static void bench_command(struct bench *bench, const char *body, double seconds)
{
    bench_send(bench, "application/json", false, body);
    bench_run(bench, seconds);
}

static void bench_gcode(struct bench *bench, const char *lines, bool force, double seconds)
{
    bench_send(bench, "text/x.gcode", force, lines);
    bench_run(bench, seconds);
}

/* `texts`: parts of one event after the other, in this order, separated by '|'. */
static void bench_said(struct bench *bench, const char *texts)
{
    const char *at = buffer_text(&bench->events);
    while (*texts != '\0') {
        char part[256];
        size_t size = strcspn(texts, "|");
        snprintf(part, sizeof part, "%.*s", (int)size, texts);
        const char *found = strstr(at, part);
        if (found == NULL) {
            fail_msg("nothing like %s in\n%s", part, buffer_text(&bench->events));
            return;
        }
        at = strchr(found, '\n');
        texts += size + (texts[size] == '|');
    }
}

static void bench_silent(struct bench *bench, const char *text)
{
    if (strstr(buffer_text(&bench->events), text) != NULL) {
        fail_msg("%s in\n%s", text, buffer_text(&bench->events));
    }
}

#endif
