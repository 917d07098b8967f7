/* hotbed mock connect: a mock Connect server in real time, for printers that are not ours and
 * people with curl. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "harness/check/connect_contract.h"
#include "harness/cli/cli.h"
#include "harness/cli/mock_front.h"
#include "harness/cli/suite_options.h"
#include "harness/cli/trace_file.h"
#include "mockservers/connect/control.h"
#include "mockservers/connect/server.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"
#include "sim/base/number_map.h"
#include "sim/machine/storage.h"
#include "sim/protocol/connect/ws_told.h"
#include "sim/wire/websocket_trace.h"

enum { LOG_BYTES = 32 * 1024 * 1024 };

static const char default_control[] = "127.0.0.1:8081", default_add[] = "0";

struct options {
    const char *listen, *control, *certificate, *key, *add, *codec, *trace;
    struct cli_list misbehave, tokens, scenarios, files;
    uint64_t seed;
    int64_t for_us;
    bool seed_given, codec_given, for_given, list, bare_sdk, adopt, quiet, no_view, no_judge;
};

/* A WebSocket whose messages are being recorded. */
struct mock_socket {
    struct websocket_direction directions[2]; /* to the printer, from it */
};

struct mock {
    struct options options;
    struct world world;
    struct real_driver *driver;
    struct connect_server *server;
    struct connect_control *control;
    struct contract *contract;
    struct contract_tap *tap;
    struct mock_front *front, *control_front;
    struct connect_observer watcher;
    struct trace_file trace;
    bool trace_failed;
    struct buffer scratch;
    struct number_map sockets; /* struct mock_socket, by their connections */
    uint64_t requests;
};

/* ---- what is shown and recorded while it runs ---- */

static void show(struct mock *mock, const struct connect_printer *printer, const char *what,
                 const char *more)
{
    if (!mock->options.quiet) {
        printf("%9.3f  printer %-4u %s%s%s\n", (double)mock->world.now_us / 1e6, printer->number,
               what, *more == '\0' ? "" : " ", more);
        fflush(stdout);
    }
}

static void printer_changed(void *owner, struct connect_printer *printer, const cJSON *event)
{
    struct mock *mock = owner;
    if (event != NULL) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "event"));
        show(mock, printer, name, printer->state);
    } else if (printer->code != NULL) {
        show(mock, printer, "shows the code", printer->code);
    } else if (printer->token != NULL && printer->telemetry_count == 0) {
        show(mock, printer, "is registered", "");
    }
}

static void command_changed(void *owner, struct connect_command *command)
{
    char text[128];
    snprintf(text, sizeof text, "%.60s, id %lld: %s", command->name, (long long)command->id,
             connect_command_status_name(command->status));
    show(owner, command->printer, "command", text);
}

static void show_violation(void *owner, const struct contract_result *result,
                           const struct contract_violation *violation)
{
    const struct mock *mock = owner;
    if (!mock->options.quiet) {
        printf("%9.3f  printer %-4u %s %s: expected %s; seen: %s\n",
               (double)violation->time_us / 1e6, violation->printer, result->rule->id,
               result->rule->kind == CONTRACT_KIND_CONTRACT ? "VIOLATED" : "differs",
               violation->expected, violation->seen);
        fflush(stdout);
    }
}

static void record(struct mock *mock, uint32_t connection, bool request)
{
    char peer[32];
    snprintf(peer, sizeof peer, "connection-%u", connection);
    trace_http(&mock->world, request ? peer : "connect", request ? "connect" : peer, connection,
               request ? "request" : "reply", buffer_text(&mock->scratch), mock->scratch.size);
}

static void saw_request(void *owner, uint32_t connection, const struct http_message *request)
{
    struct mock *mock = owner;
    mock->requests++;
    if (mock->world.trace != NULL && !connect_ws_told(request)) { /* else its frames are recorded */
        buffer_clear(&mock->scratch);
        buffer_append(&mock->scratch, request->head.bytes, request->head.size);
        buffer_append(&mock->scratch, request->body.bytes, request->body.size);
        record(mock, connection, true);
    }
}

static void saw_reply(void *owner, uint32_t connection, struct connect_printer *printer,
                      const struct http_message *reply)
{
    (void)printer;
    struct mock *mock = owner;
    if (mock->world.trace == NULL || reply == NULL || connect_ws_told(reply)) {
        return;
    }
    buffer_clear(&mock->scratch);
    http_write_status(&mock->scratch, reply->status, NULL);
    for (size_t i = 0; i < reply->header_count; i++) {
        struct slice name = reply->headers[i].name, value = reply->headers[i].value;
        buffer_append(&mock->scratch, name.bytes, name.size);
        buffer_append_text(&mock->scratch, ": ");
        buffer_append(&mock->scratch, value.bytes, value.size);
        buffer_append_text(&mock->scratch, "\r\n");
    }
    http_write_end(&mock->scratch);
    buffer_append(&mock->scratch, reply->body.bytes, reply->body.size);
    record(mock, connection, false);
}

static void saw_frame(void *owner, uint32_t connection, bool by_printer,
                      const struct websocket_frame *frame)
{
    struct mock *mock = owner;
    if (mock->world.trace == NULL) {
        return;
    }
    char peer[32];
    snprintf(peer, sizeof peer, "connection-%u", connection);
    struct mock_socket *socket = number_map_find(&mock->sockets, connection);
    if (socket == NULL) {
        socket = memory_new(sizeof *socket);
        number_map_put(&mock->sockets, connection, socket);
    }
    websocket_trace(&mock->world, &socket->directions[by_printer], by_printer ? peer : "connect",
                    by_printer ? "connect" : peer, connection, frame);
}

static void free_socket(struct mock_socket *gone)
{
    websocket_direction_free(&gone->directions[0]);
    websocket_direction_free(&gone->directions[1]);
    free(gone);
}

static void saw_socket_end(void *owner, uint32_t connection, const struct websocket_end *end)
{
    struct mock *mock = owner;
    if (mock->world.trace == NULL) {
        return;
    }
    char peer[32];
    snprintf(peer, sizeof peer, "connection-%u", connection);
    trace_http(&mock->world, end->kind == WEBSOCKET_END_STREAM ? peer : "connect",
               end->kind == WEBSOCKET_END_STREAM ? "connect" : peer, connection, "close", end->why,
               strlen(end->why));
    struct mock_socket *socket = number_map_take(&mock->sockets, connection);
    if (socket != NULL) {
        free_socket(socket);
    }
}

static void report_contract(void *owner, struct buffer *out)
{
    const struct mock *mock = owner;
    contract_report(mock->contract, false, out);
}

/* ---- set-up ---- */

static bool needs_raw(const struct options *options)
{
    for (size_t i = 0; i < options->misbehave.count; i++) {
        const struct connect_misbehaviour *entry =
            connect_misbehaviour_find(options->misbehave.items[i]);
        if (entry != NULL && entry->raw) {
            return true;
        }
    }
    return false;
}

static bool read_codec(const struct options *options, enum mock_codec *codec, struct error *error)
{
    if (strcmp(options->codec, "wire") == 0) {
        *codec = MOCK_CODEC_WIRE;
        return true;
    }
    if (strcmp(options->codec, "microhttpd") != 0) {
        return error_set(error, "--codec %.40s: expected microhttpd or wire", options->codec);
    }
    *codec = MOCK_CODEC_MICROHTTPD;
    if (needs_raw(options)) {
        if (options->codec_given) {
            return error_set(error, "--codec microhttpd can't send what a --misbehave asks for; "
                                    "use --codec wire");
        }
        *codec = MOCK_CODEC_WIRE;
    }
    return true;
}

static bool serve_files(struct mock *mock, struct error *error)
{
    for (size_t i = 0; i < mock->options.files.count; i++) {
        const char *path = mock->options.files.items[i], *slash = strrchr(path, '/');
        struct file_content *content = file_content_of_file(path, error);
        if (content == NULL) {
            return error_prefix(error, "--serve");
        }
        uint64_t size = file_content_size(content), at = 0;
        char *bytes = size > CONNECT_FILES_BYTES_MAX ? NULL : memory_new((size_t)size + 1);
        long got = 1;
        while (bytes != NULL && at < size && got > 0) {
            got = file_content_read(content, at, bytes + at, (size_t)(size - at), error);
            at += got > 0 ? (uint64_t)got : 0;
        }
        bool good = bytes != NULL && at == size &&
                    connect_server_serve(mock->server, bytes, (size_t)size,
                                         slash == NULL ? path : slash + 1, 1, NULL, error) != NULL;
        file_content_release(content);
        free(bytes);
        if (!good) {
            return bytes == NULL ? error_set(error, "--serve %s: larger than %d bytes", path,
                                             CONNECT_FILES_BYTES_MAX)
                                 : error_prefix(error, "--serve %s", path);
        }
    }
    return true;
}

static bool make_server(struct mock *mock, struct error *error)
{
    const struct options *options = &mock->options;
    struct connect_server_settings settings = {
        .add_after_us = CONNECT_ADD_NEVER,
        .no_view = options->no_view,
        .adopt_unknown_tokens = options->adopt,
        .log_bytes = LOG_BYTES,
    };
    if (strcmp(options->add, "never") != 0 &&
        !duration_parse(options->add, &settings.add_after_us, error)) {
        return error_prefix(error, "--auto-add");
    }
    mock->server = connect_server_new(&mock->world, &settings);
    for (size_t i = 0; i < options->tokens.count; i++) {
        connect_server_expect(mock->server, options->tokens.items[i]);
    }
    for (size_t i = 0; i < options->misbehave.count; i++) {
        if (!connect_server_misbehave(mock->server, NULL, options->misbehave.items[i], error)) {
            return error_prefix(error, "--misbehave");
        }
    }
    if (!serve_files(mock, error)) {
        return false;
    }
    if (!options->no_judge) {
        mock->contract = contract_new(&(struct contract_settings){
            .prusalink = !options->bare_sdk, .epoch_us = mock->world.epoch_us});
        contract_on_violation(mock->contract, show_violation, mock);
        mock->tap = contract_tap_new(mock->contract, mock->server);
    }
    mock->watcher = (struct connect_observer){.request = saw_request,
                                              .reply = saw_reply,
                                              .frame = saw_frame,
                                              .socket_ended = saw_socket_end,
                                              .changed = printer_changed,
                                              .command = command_changed,
                                              .owner = mock};
    connect_server_observe(mock->server, &mock->watcher);
    mock->control = connect_control_new(mock->server);
    if (mock->contract != NULL) {
        connect_control_set_report(mock->control, report_contract, mock);
    }
    return true;
}

static void print_address(const char *what, const struct endpoint *at)
{
    bool v6 = strchr(at->host, ':') != NULL;
    printf("%s on http%s://%s%s%s:%u\n", what, at->tls ? "s" : "", v6 ? "[" : "",
           *at->host == '\0' ? "127.0.0.1" : at->host, v6 ? "]" : "", at->port);
}

static bool open_fronts(struct mock *mock, struct error *error)
{
    struct options *options = &mock->options;
    struct endpoint at, control_at;
    enum mock_codec codec = MOCK_CODEC_MICROHTTPD;
    if (!mock_front_address(&at, options->listen, error)) {
        return error_prefix(error, "--listen");
    }
    if (!mock_front_address(&control_at, options->control, error)) {
        return error_prefix(error, "--control");
    }
    if (!read_codec(options, &codec, error)) {
        return false;
    }
    if ((options->certificate == NULL) != (options->key == NULL)) {
        return error_set(error, "--tls-cert and --tls-key go together");
    }
    mock->front = mock_front_new(mock->driver, codec, &at, connect_server_service(mock->server),
                                 options->certificate, options->key, error);
    if (mock->front == NULL) {
        return error_prefix(error, "--listen");
    }
    mock->control_front = mock_front_new(mock->driver, MOCK_CODEC_WIRE, &control_at,
                                         connect_control_service(mock->control), NULL, NULL, error);
    if (mock->control_front == NULL) {
        return error_prefix(error, "--control");
    }
    print_address("listening", &at);
    print_address("control", &control_at);
    fflush(stdout);
    return true;
}

static bool open_trace(struct mock *mock, struct error *error)
{
    if (mock->options.trace == NULL) {
        return true;
    }
    if (!trace_file_open(&mock->trace, mock->options.trace, error)) {
        return false;
    }
    mock->world.trace = &mock->trace.trace;
    return true;
}

/* ---- end ---- */

static void close_all(struct mock *mock)
{
    mock_front_destroy(mock->control_front);
    mock_front_destroy(mock->front);
    connect_control_destroy(mock->control);
    if (mock->server != NULL) {
        connect_server_unobserve(mock->server, &mock->watcher);
    }
    contract_tap_destroy(mock->tap);
    contract_destroy(mock->contract);
    connect_server_destroy(mock->server);
    if (mock->driver != NULL) {
        real_driver_destroy(mock->driver);
    }
    struct error error;
    if (!trace_file_close(&mock->trace, &error)) {
        fprintf(stderr, "hotbed mock connect: %s\n", error.text);
        mock->trace_failed = true;
    }
    size_t at = 0;
    for (struct mock_socket *socket; (socket = number_map_next(&mock->sockets, &at)) != NULL;) {
        free_socket(socket);
    }
    number_map_free(&mock->sockets);
    buffer_free(&mock->scratch);
    world_free(&mock->world);
}

static void print_counts(const struct mock *mock)
{
    printf("%zu printers, %llu requests in %.1f s", connect_server_printer_count(mock->server),
           (unsigned long long)mock->requests, (double)mock->world.now_us / 1e6);
}

static int summarise(struct mock *mock)
{
    if (mock->contract == NULL) {
        print_counts(mock);
        printf("; not judged\n");
        fflush(stdout);
        return CLI_HELD;
    }
    contract_finish(mock->contract, mock->world.now_us);
    size_t count, held = 0, exercised = 0;
    const struct contract_result *results = contract_results(mock->contract, &count);
    for (size_t i = 0; i < count; i++) {
        exercised += results[i].exercised > 0;
        held += results[i].exercised > 0 && results[i].violated == 0;
    }
    struct buffer report = {0};
    contract_report(mock->contract, true, &report);
    uint64_t broken = contract_violated(mock->contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT);
    print_counts(mock);
    printf("; %zu of %zu rules of the contract held, %zu could not be judged\n%s", held, exercised,
           count - exercised, buffer_text(&report));
    buffer_free(&report);
    fflush(stdout);
    return broken > 0 ? CLI_FAILED : CLI_HELD;
}

static int serve(struct mock *mock, const struct cli_usage *usage)
{
    static volatile bool stop;
    struct error error;
    uint64_t seed = mock->options.seed;
    if (!mock->options.seed_given && getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        return cli_complain(usage, "no random seed: %s", strerror(errno));
    }
    world_init(&mock->world, seed);
    mock->driver = real_driver_new(&mock->world, &error);
    bool good = mock->driver != NULL && open_trace(mock, &error) && make_server(mock, &error) &&
                real_driver_catch_signals(mock->driver, &stop, &error) && open_fronts(mock, &error);
    int result = CLI_HELD;
    if (good) {
        world_run(&mock->world, mock->options.for_given ? mock->options.for_us : INT64_MAX, &stop);
        result = summarise(mock);
    } else {
        result = cli_complain(usage, "%s", error.text);
        trace_file_drop(&mock->trace);
    }
    close_all(mock);
    return mock->trace_failed ? CLI_INCOMPLETE : result;
}

static void list_misbehaviours(void)
{
    size_t count;
    const struct connect_misbehaviour *list = connect_misbehaviour_list(&count);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s", list[i].name, list[i].argument == NULL ? "" : "=",
                 list[i].argument == NULL ? "" : list[i].argument);
        printf("%-24s %s%s%s\n", name, list[i].help, *list[i].breaks == '\0' ? "" : "; breaks ",
               list[i].breaks);
    }
}

/* The mock as the server of scenarios, the first device that comes as their printer: what
 * `hotbed run --target printer=ADDRESS` is, too. */
static int play_scenarios(struct options *options, const struct cli_usage *usage)
{
    bool other = options->control != default_control || options->add != default_add ||
                 options->adopt || options->tokens.count > 0 || options->files.count > 0 ||
                 options->codec_given || options->for_given || options->no_view ||
                 options->no_judge;
    if (other) {
        return cli_complain(
            usage,
            "with --run go --listen, --tls-cert, --tls-key, --misbehave, --bare-sdk, --trace "
            "and --seed");
    }
    if ((options->certificate == NULL) != (options->key == NULL)) {
        return cli_complain(usage, "--tls-cert and --tls-key go together");
    }
    const struct ground_targets targets = {.printer_listen = options->listen,
                                           .listen_certificate = options->certificate,
                                           .listen_key = options->key,
                                           .bare_sdk = options->bare_sdk};
    struct suite_options suite = {.wires = SUITE_CONNECT,
                                  .seed = options->seed_given ? options->seed : 1,
                                  .trace = options->trace,
                                  .misbehave = options->misbehave};
    return run_scenarios(usage, &suite, &options->scenarios, &(struct cli_list){0}, &targets);
}

static int parse_and_play(struct mock *mock, const struct cli_usage *usage, int argc, char **argv)
{
    struct options *o = &mock->options;
    struct cli_list arguments = {0};
    int result = cli_parse(argc, argv, usage, &arguments);
    if (result == -1 && arguments.count > 0) {
        result = cli_complain(usage, "\"%s\": there are only options", arguments.items[0]);
    }
    if (result == -1 && o->list) {
        list_misbehaviours();
        result = CLI_HELD;
    }
    if (result == -1 && o->scenarios.count > 0) {
        result = play_scenarios(o, usage);
    } else if (result == -1) {
        result = serve(mock, usage);
    }
    cli_list_free(&arguments);
    return result;
}

static int mock_connect(int argc, char **argv)
{
    struct mock mock = {.options = {.listen = "127.0.0.1:8080",
                                    .control = default_control,
                                    .add = default_add,
                                    .codec = "microhttpd",
                                    .quiet = isatty(STDOUT_FILENO) == 0}};
    struct options *o = &mock.options;
    /* An option a row. */
    /* clang-format off */
    const struct cli_option options[] = {
        {"listen", CLI_TEXT, &o->listen, "ADDRESS:PORT",
         "where printers come to; port 0 takes a free one (127.0.0.1:8080)", NULL},
        {"control", CLI_TEXT, &o->control, "ADDRESS:PORT",
         "where curl looks at it and drives it (127.0.0.1:8081)", NULL},
        {"tls-cert", CLI_TEXT, &o->certificate, "FILE", "PEM chain: printers come by TLS", NULL},
        {"tls-key", CLI_TEXT, &o->key, "FILE", "PEM key of it", NULL},
        {"auto-add", CLI_TEXT, &o->add, "DURATION|never",
         "a printer that shows its code is added after this time (0)", NULL},
        {"token", CLI_LIST, &o->tokens, "TOKEN", "know a printer by the token in its ini file", NULL},
        {"adopt", CLI_FLAG, &o->adopt, NULL, "know every printer that comes with any token", NULL},
        {"serve", CLI_LIST, &o->files, "FILE", "offer it to printers; the control endpoint has them fetch it", NULL},
        {"misbehave", CLI_LIST, &o->misbehave, "NAME[=ARG][:TIMES][%PERCENT]",
         "break the protocol in this way; --list-misbehaviours shows all", NULL},
        {"list-misbehaviours", CLI_FLAG, &o->list, NULL, "show them and end", NULL},
        {"run", CLI_LIST, &o->scenarios, "FILE|DIR",
         "be the server of these scenarios, with the first\nprinter that comes as theirs, and judge them", NULL},
        {"no-view", CLI_FLAG, &o->no_view, NULL,
         "under load: keep of printers who they are and what their\ncommands do, and believe nothing else", NULL},
        {"no-judge", CLI_FLAG, &o->no_judge, NULL, "under load: hold nothing against the contract", NULL},
        {"bare-sdk", CLI_FLAG, &o->bare_sdk, NULL,
         "judge printers as hosts of the SDK that are no PrusaLink", NULL},
        {"codec", CLI_TEXT, &o->codec, "microhttpd|wire",
         "whose HTTP it speaks (microhttpd; wire when a misbehaviour needs it)", &o->codec_given},
        {"trace", CLI_TEXT, &o->trace, "FILE", "record all messages, one line of JSON each", NULL},
        {"seed", CLI_NUMBER, &o->seed, "N", "of codes, tokens and chances (by the system)",
         &o->seed_given},
        {"for", CLI_DURATION, &o->for_us, "DURATION", "end after this time (on Ctrl-C)",
         &o->for_given},
        {0},
    };
    /* clang-format on */
    const struct cli_usage usage = {
        .line = "mock connect [OPTION...]",
        .about = "A mock Prusa Connect for printers of the SDK kind, in real time. On a terminal "
                 "it shows what\n"
                 "happens. Ctrl-C ends it with a summary: what kept the contract, and what broke "
                 "it. Exit code 1\n"
                 "when a printer broke it.",
        .options = options,
        .example = "  hotbed mock connect --for 2s --listen 127.0.0.1:0 --control 127.0.0.1:0\n"
                   "  hotbed mock connect --misbehave telemetry-status=503%10 --misbehave "
                   "late=11:1 --for 2s\n"
                   "  curl http://127.0.0.1:8081/printers     # while it runs: what it knows\n",
    };
    int result = parse_and_play(&mock, &usage, argc, argv);
    cli_list_free(&o->scenarios);
    cli_list_free(&o->files);
    cli_list_free(&o->misbehave);
    cli_list_free(&o->tokens);
    return result;
}

int cli_mock(int argc, char **argv)
{
    static const struct cli_command servers[] = {
        {"connect", "Prusa Connect, the side that printers talk to", mock_connect},
    };
    static const char help[] =
        "usage: hotbed mock connect [OPTION...]\n\n"
        "Play a server in real time. hotbed mock connect --help says more.\n";
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return CLI_HELD;
    }
    const struct cli_command *server =
        argc < 2 ? NULL : cli_find(servers, sizeof servers / sizeof servers[0], argv[1]);
    if (server == NULL) {
        fprintf(stderr, "hotbed mock: %s%s\n%s", argc < 2 ? "which server?" : "there is no server ",
                argc < 2 ? "" : argv[1], help);
        return CLI_BAD_USAGE;
    }
    return server->run(argc - 1, argv + 1);
}
