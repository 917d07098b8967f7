#include "tests/protocol/pi_bench.h"

/* --- Connect --- */

static void tell(struct pi_bench *bench, const struct http_message *message)
{
    buffer_append(&bench->told, message->target.bytes, message->target.size);
    buffer_append_char(&bench->told, ' ');
    if (message->body.size < 4096 && !slice_is(message->target, "/c/snapshot")) {
        buffer_append(&bench->told, message->body.bytes, message->body.size);
    }
    buffer_append_char(&bench->told, '\n');
}

static void serve(void *owner, struct http_exchange *exchange, const struct http_message *message)
{
    struct pi_bench *bench = owner;
    struct http_reply reply = {.status = 204};
    char id[16];
    tell(bench, message);
    if (slice_is(message->target, "/info")) {
        reply.status = bench->silent ? 0 : bench->info_status;
        reply.after = bench->silent ? HTTP_AFTER_STALL : HTTP_AFTER_KEEP;
    } else if (slice_is(message->target, "/p/register") && slice_is(message->method, "POST")) {
        reply.status = bench->register_status;
        http_reply_header(&reply, "Code", "CODE123");
    } else if (slice_is(message->target, "/p/register")) {
        reply.status = bench->gives_token ? 200 : 202;
        if (bench->gives_token) {
            http_reply_header(&reply, "Token", "a-token");
        }
    } else if (slice_is(message->target, "/p/camera")) {
        reply.status = bench->takes_cameras ? 200 : 400;
        http_reply_header(&reply, "Token", "cam-token");
    } else if (message->target.size > 7 && memcmp(message->target.bytes, "/files/", 7) == 0) {
        reply.status = 200;
        reply.body = "G28\n";
        reply.body_size = 4;
    } else if (slice_is(message->target, "/c/snapshot")) {
        bench->pictures++;
    } else if (slice_is(message->target, "/p/telemetry") && bench->command != NULL) {
        reply.status = 200;
        snprintf(id, sizeof id, "%u", ++bench->commands);
        http_reply_header(&reply, "Command-Id", id);
        http_reply_header(&reply, "Content-Type", "application/json");
        reply.body = bench->command;
        reply.body_size = strlen(bench->command);
        bench->command = NULL;
    } else if (slice_is(message->target, "/p/telemetry")) {
        reply.status = bench->telemetry_status;
    }
    http_exchange_reply(exchange, &reply);
}

/* --- the printer --- */

void pi_bench_run(struct pi_bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

/* `server`: of Connect, NULL: it knows none; `token`: registered there. */
void pi_bench_begin(struct pi_bench *bench, const char *server, const char *token,
                    const char *update, const char *const *cameras)
{
    memset(bench, 0, sizeof *bench);
    world_init(&bench->world, 5);
    bench->network = memory_network_new(&bench->world);
    struct network *network = memory_network_face(bench->network);
    bench->connect =
        (struct http_service){.request = serve, .service = bench, .body_bytes_max = 1 << 20};
    bench->connect_server = http_server_new(&bench->world, network, &bench->connect, NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    assert_true(http_server_listen(bench->connect_server, &at, NULL));
    bench->info_status = bench->register_status = 200;
    bench->takes_cameras = true;
    bench->telemetry_status = 204;
    for (size_t i = 0; cameras != NULL && cameras[i] != NULL; i++) {
        assert_true(printer_cameras_add(&bench->cameras, cameras[i], NULL));
        if (strcmp(cameras[i], "Blind") == 0) { /* it only clicks, with what is at another place */
            bench->cameras.list[i].capability_count = 1;
        }
    }
    link_settings_defaults(&bench->settings);
    bench->settings.api_key = PI_BENCH_KEY;
    bench->settings.update = update;
    connect_face_defaults(&bench->face);
    bench->face.server = server;
    bench->face.cameras = bench->cameras.list;
    bench->face.camera_count = bench->cameras.count;
    const struct printer_settings settings = {
        .model = model_find("mk3s"),
        .room_c = 25,
        .name = "it",
        .token = token,
        .connect = server != NULL || cameras != NULL ? &bench->face : NULL,
        .prusalink = &bench->settings,
    };
    bench->printer = printer_new(&bench->world, network, &settings, NULL);
    printer_power_on(bench->printer);
    struct endpoint place = {.host = "pi", .port = 8080};
    assert_true(printer_listen(bench->printer, &place, NULL));
    pi_bench_run(bench, 60);
}

void pi_bench_end(struct pi_bench *bench)
{
    printer_destroy(bench->printer);
    http_server_destroy(bench->connect_server);
    memory_network_destroy(bench->network);
    printer_cameras_free(&bench->cameras);
    buffer_free(&bench->told);
    buffer_free(&bench->answer);
    world_free(&bench->world);
}

/* --- its PrusaLink --- */

static void on_received(void *owner, const char *bytes, size_t size)
{
    buffer_append(&((struct pi_bench *)owner)->answer, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    ((struct pi_bench *)owner)->asking = NULL;
}

static void on_loose_end(void *owner, enum stream_end end, const char *why)
{
    (void)owner;
    (void)end;
    (void)why;
}

static const struct endpoint its_place = {.host = "pi", .port = 8080};

struct stream *pi_bench_talk(struct pi_bench *bench)
{
    static const struct stream_events events = {.received = on_received, .ended = on_loose_end};
    return network_connect(memory_network_face(bench->network), &its_place, &events, bench);
}

const char *pi_bench_ask(struct pi_bench *bench, const char *method, const char *path,
                         const char *headers, const char *json)
{
    static const struct stream_events talk_events = {.received = on_received, .ended = on_ended};
    struct buffer head = {0};
    buffer_clear(&bench->answer);
    buffer_format(&head, "%s %s HTTP/1.1\r\nHost: pi\r\nX-Api-Key: " PI_BENCH_KEY "\r\n%s", method,
                  path, headers);
    if (*json != '\0') {
        buffer_format(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                      strlen(json));
    }
    buffer_format(&head, "\r\n%s", json);
    bench->asking =
        network_connect(memory_network_face(bench->network), &its_place, &talk_events, bench);
    stream_send(bench->asking, head.bytes, head.size);
    buffer_free(&head);
    for (int i = 0; i < 200 && bench->asking != NULL; i++) {
        pi_bench_run(bench, 0.1);
    }
    if (bench->asking != NULL) {
        stream_reset(bench->asking);
        bench->asking = NULL;
    }
    bench->status = 0;
    sscanf(buffer_text(&bench->answer), "HTTP/1.%*d %d", &bench->status);
    return buffer_text(&bench->answer);
}

const char *pi_bench_get(struct pi_bench *bench, const char *path)
{
    return pi_bench_ask(bench, "GET", path, "", "");
}
