#include "tests/protocol/sdk_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bench *bench = service;
    assert_true(bench->count < BENCH_REQUESTS_MAX);
    struct buffer text = {0};
    buffer_append(&text, message->head.bytes, message->head.size);
    buffer_append(&text, message->body.bytes, message->body.size);
    bench->times_us[bench->count] = bench->world.now_us;
    bench->requests[bench->count++] = buffer_detach(&text);
    if (bench->hold_register && slice_is(message->target, "/p/register")) {
        http_exchange_reply(exchange, &(struct http_reply){.after = HTTP_AFTER_STALL});
        return;
    }
    struct http_reply reply = bench->first.status != 0 ? bench->first : bench->reply;
    bench->first = (struct http_reply){0};
    http_exchange_reply(exchange, &reply);
}

static bool on_command(void *host, const struct connect_sdk_command *command)
{
    (void)command;
    return ((struct bench *)host)->take;
}

static void on_interrupt(void *host)
{
    ((struct bench *)host)->interrupts++;
}

static void on_info(void *host, struct connect_info *info)
{
    (void)host;
    info->mmu_enabled = true;
}

static size_t on_storage_count(void *host)
{
    (void)host;
    return 1;
}

static struct storage *on_storage(void *host, size_t index)
{
    (void)index;
    return &((struct bench *)host)->storage;
}

const char *bench_below(const char *path)
{
    const char *slash = strchr(path + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

static enum storage_result on_make_folder(void *host, const char *path)
{
    return storage_make_folder(&((struct bench *)host)->storage, bench_below(path), 0);
}

static enum storage_result on_remove(void *host, const char *path, bool whole_tree)
{
    return storage_remove(&((struct bench *)host)->storage, bench_below(path), whole_tree, 0);
}

static const char *on_printed_file(void *host)
{
    return ((struct bench *)host)->printed;
}

static void on_failed(void *host, const char *error)
{
    struct bench *bench = host;
    snprintf(bench->failure, sizeof bench->failure, "%s", error);
}

static void on_code(void *host, const char *code)
{
    struct bench *bench = host;
    snprintf(bench->code, sizeof bench->code, "%s", code);
}

static void on_token(void *host, const char *token)
{
    struct bench *bench = host;
    snprintf(bench->token, sizeof bench->token, "%s", token);
}

static void on_poll_ended(void *host)
{
    ((struct bench *)host)->polls_ended++;
}

static void seen_open(void *observer, const struct connect_sdk *sdk, uint32_t connection)
{
    (void)sdk;
    assert_true(connection > 0);
    ((struct bench *)observer)->opened++;
}

static void seen_request(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                         const char *bytes, size_t size)
{
    (void)sdk;
    (void)connection;
    assert_true(size > 0 && bytes[size] == '\0');
    ((struct bench *)observer)->requested++;
}

static void seen_reply(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                       const struct http_message *message)
{
    (void)sdk;
    (void)connection;
    assert_true(message->status >= 100);
    ((struct bench *)observer)->replied++;
}

static void seen_end(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                     enum stream_end end, bool by_us, const char *why)
{
    (void)sdk;
    (void)connection;
    (void)end;
    (void)by_us;
    assert_non_null(why);
    ((struct bench *)observer)->ended++;
}

static struct http_server *serve(struct bench *bench, const char *host)
{
    struct http_server *server =
        http_server_new(&bench->world, memory_network_face(bench->network), &bench->service, NULL);
    struct endpoint at = {.port = 80};
    snprintf(at.host, sizeof at.host, "%s", host);
    assert_true(http_server_listen(server, &at, NULL));
    return server;
}

void bench_make_sdk(struct bench *bench, enum connect_sdk_version version)
{
    static const struct connect_host_class host_class = {
        .command = on_command,
        .interrupt = on_interrupt,
        .info = on_info,
        .storage_count = on_storage_count,
        .storage = on_storage,
        .make_folder = on_make_folder,
        .remove = on_remove,
        .printed_file = on_printed_file,
        .register_failed = on_failed,
        .got_code = on_code,
        .got_token = on_token,
        .poll_ended = on_poll_ended,
    };
    static const struct connect_observer_class observer_class = {
        .opened = seen_open, .request = seen_request, .reply = seen_reply, .ended = seen_end};
    connect_sdk_destroy(bench->sdk);
    bench->sdk = connect_sdk_new(&(struct connect_sdk_settings){
        .world = &bench->world,
        .network = memory_network_face(bench->network),
        .version = version,
        .name = "printer",
        .host_class = &host_class,
        .host = bench,
        .observer_class = &observer_class,
        .observer = bench,
        .quirks_off = bench->quirks_off,
    });
    connect_sdk_set_type(bench->sdk, (struct connect_type){1, 3, 1});
    connect_sdk_set_serial(bench->sdk, "CZPX4720X004XC34242");
    connect_sdk_set_fingerprint(bench->sdk, "f1f2");
    connect_sdk_set_firmware(bench->sdk, "3.14.1");
    connect_sdk_set_connection(bench->sdk, "http://connect", "tok");
}

int bench_set_up(void **state)
{
    struct bench *bench = memory_new(sizeof *bench);
    world_init(&bench->world, 1);
    bench->network = memory_network_new(&bench->world);
    bench->service =
        (struct http_service){.request = on_request, .service = bench, .body_bytes_max = 1 << 20};
    bench->server = serve(bench, "connect");
    bench->other = serve(bench, "other");
    bench->reply.status = 204;
    storage_init(&bench->storage, "local", STORAGE_LOCAL, NULL);
    bench_make_sdk(bench, CONNECT_SDK_0_8_1);
    *state = bench;
    return 0;
}

int bench_tear_down(void **state)
{
    struct bench *bench = *state;
    connect_sdk_destroy(bench->sdk);
    http_server_destroy(bench->server);
    http_server_destroy(bench->other);
    memory_network_destroy(bench->network);
    storage_free(&bench->storage);
    for (size_t i = 0; i < bench->count; i++) {
        free(bench->requests[i]);
    }
    buffer_free(&bench->trace_text);
    world_free(&bench->world);
    free(bench);
    return 0;
}

void bench_run(struct bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

void bench_tell(struct bench *bench)
{
    connect_sdk_telemetry(bench->sdk, NULL, 0);
}

/* A telemetry that is answered with this command; runs until all is said. */
void bench_command(struct bench *bench, const char *id, const char *type, const char *body)
{
    struct http_reply reply = {.status = 200, .body = body, .body_size = strlen(body)};
    http_reply_header(&reply, "Command-Id", id);
    http_reply_header(&reply, "Content-Type", type);
    bench->first = reply;
    bench_tell(bench);
    bench_run(bench, 0.01);
}

const char *bench_last(const struct bench *bench)
{
    assert_true(bench->count > 0);
    return bench->requests[bench->count - 1];
}

void bench_last_has(const struct bench *bench, const char *text)
{
    if (strstr(bench_last(bench), text) == NULL) {
        fail_msg("expected '%s' in: %s", text, bench_last(bench));
    }
}
