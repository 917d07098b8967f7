/* hotbed printer: one virtual printer in real time, against whatever server its user names. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/printer_options.h"
#include "harness/cli/trace_file.h"
#include "harness/net/faults/message_faults.h"
#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "harness/net/tls.h"
#include "sim/machine/plan.h"
#include "sim/machine/print_file.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_client.h"

enum { PLANS_KEPT_BYTES = 64 * 1024 * 1024, RESCAN_MS = 200 };

struct played {
    struct bench *bench;
    struct printer *printer;
    struct machine_listener listener;
};

/* Everything that lives while the printers run. */
struct bench {
    const struct printer_options *options;
    struct world world;
    struct real_driver *driver;
    struct socket_network *sockets;
    struct message_faults *spoiled;
    struct trace_file trace;
    struct plan_cache *plans;
    struct model *own_model;
    struct storage files; /* its tree is what --file names */
    struct printer_ini ini;
    struct connect_face_settings face;
    struct printer_serve serve;
    struct played *printers;
    size_t count;
    struct timer rescan, begin;
    bool tell;            /* what the printer does, on standard output */
    bool refused;         /* it could not register */
    bool reached;         /* a connection to the server stood */
    unsigned unconnected; /* the last reason why none stood, enum stream_end + 1; 0: none */
    enum connect_condition broken;
    volatile bool stop;
};

/* ---- What the user sees ---- */

static void say(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct bench *bench, const char *format, ...)
{
    if (!bench->tell) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("%9.3f ", (double)bench->world.now_us / 1e6);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}

static void on_code(void *owner, const char *code, const char *url)
{
    /* The one thing a user must act on: shown on a terminal and in a pipe. */
    (void)code;
    struct bench *bench = owner;
    bench->tell = bench->tell || !bench->options->quiet;
    say(bench, "add the printer at %s", url);
}

static void on_token(void *owner, const char *token)
{
    (void)token;
    say(owner, "registered");
}

static void on_failed(void *owner, const char *why)
{
    struct bench *bench = owner;
    fprintf(stderr, "hotbed printer: registration at %s failed: %s\n", bench->face.server, why);
    bench->stop = bench->refused = true; /* without a token it has nothing more to say */
}

static void on_condition(void *owner, enum connect_condition broken)
{
    struct bench *bench = owner;
    bench->broken = broken;
    if (broken == CONNECT_CONDITIONS) {
        say(owner, "the connection is fine");
    } else {
        say(owner, "%s is broken", connect_condition_text(broken));
    }
}

static const struct connect_face_events face_events = {
    .code = on_code,
    .token = on_token,
    .failed = on_failed,
    .condition = on_condition,
};

static void on_open(void *observer, const struct connect_sdk *sdk, uint32_t connection)
{
    (void)sdk;
    (void)connection;
    struct bench *bench = observer;
    bench->reached = true;
    bench->unconnected = 0;
}

/* Why no connection stands. It goes to standard error, also in a pipe, once for each reason: a
 * certificate that is not trusted is nothing that waiting mends. */
static void on_lost(void *observer, const struct connect_sdk *sdk,
                    const struct connect_asked *asked, const struct http_failure *failure)
{
    (void)sdk;
    (void)asked;
    struct bench *bench = observer;
    if (failure == NULL || failure->kind != HTTP_FAILURE_CONNECT ||
        bench->unconnected == failure->end + 1) {
        return;
    }
    bench->unconnected = failure->end + 1;
    fprintf(stderr, "hotbed printer: %s: %s%s%s\n", bench->face.server,
            stream_end_name(failure->end), failure->why != NULL ? ": " : "",
            failure->why != NULL ? failure->why : "");
}

static const struct connect_observer_class observer_class = {.opened = on_open, .lost = on_lost};

static void on_state(void *owner, const struct state_change *change)
{
    const struct played *played = owner;
    bool one = played->bench->count == 1;
    say(played->bench, "%s%s%s%s%s", one ? "" : printer_name(played->printer), one ? "" : " ",
        printer_state_name(change->to), change->reason == NULL ? "" : ": ",
        change->reason == NULL ? "" : change->reason);
}

static const struct machine_events machine_listener_events = {.state_changed = on_state};

/* ---- Making the printer ---- */

static bool add_file(struct storage *storage, const char *path, struct error *error)
{
    struct file_content *content = file_content_of_file(path, error);
    if (content == NULL) {
        return false;
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    enum storage_result result = storage_put(storage, name, content, (int64_t)time(NULL));
    return result == STORAGE_OK ||
           error_set(error, "--file %s: %s", path, storage_result_text(result));
}

/* A drive takes any file; what its printer will say of it is said here, too. */
static void warn_of_files(const struct bench *bench, const struct model *model)
{
    const struct file_node *root = bench->files.root;
    for (uint32_t i = 0; i < root->child_count; i++) {
        const struct file_node *file = root->children[i];
        struct error error = {""};
        if (!print_file_sound(file->name, file->content, model, &error)) {
            fprintf(stderr,
                    "hotbed printer: %s: the printer will not print it, or not all of it: %s\n",
                    file->name, error.text);
        }
    }
}

static const struct model *pick_model(struct bench *bench, const char *name, struct error *error)
{
    if (bench->options->model_file != NULL) {
        bench->own_model = model_load_file(bench->options->model_file, error);
        return bench->own_model;
    }
    const struct model *model = model_find(name);
    if (model == NULL) {
        error_set(error, "there is no model '%s'; `hotbed models` lists them", name);
    }
    return model;
}

/* What only a host program beside the printer can be told. */
static bool suits_model(const struct printer_options *options, const struct model *model,
                        struct error *error)
{
    bool buddy = strcmp(model->family, "buddy") == 0;
    const char *option = options->host != NULL        ? "--host"
                         : options->sdk != NULL       ? "--sdk"
                         : options->cameras.count > 0 ? "--camera"
                                                      : NULL;
    if (options->websocket && !buddy) {
        return error_set(error, "--websocket: the %s speaks HTTP only", model->title);
    }
    return !buddy || option == NULL ||
           error_set(error, "%s: the %s speaks for itself, there is no host program beside it",
                     option, model->title);
}

static bool pick_face(struct bench *bench, uint64_t *serve_quirks, struct error *error)
{
    const struct printer_options *options = bench->options;
    struct connect_face_settings *face = &bench->face;
    connect_face_defaults(face);
    if (!cli_printer_quirks(options->no_quirks, &options->quirks, &face->quirks, serve_quirks,
                            error)) {
        return false;
    }
    if (options->ini != NULL) {
        if (!printer_ini_load(&bench->ini, options->ini, error)) {
            return false;
        }
        printer_ini_apply(&bench->ini, face);
    }
    if (options->connect != NULL) {
        struct endpoint endpoint;
        if (!endpoint_parse(&endpoint, options->connect, NULL, error)) {
            return false;
        }
        face->server = options->connect;
    }
    if (options->host != NULL && !connect_host_parse(options->host, &face->host)) {
        return error_set(error, "--host %s: expected prusalink or sdk", options->host);
    }
    if (options->sdk != NULL && !connect_sdk_version_parse(options->sdk, &face->sdk_version)) {
        return error_set(error, "--sdk %s: expected 0.7.1, 0.8.0 or 0.8.1", options->sdk);
    }
    if (options->telemetry_interval_us > 0) {
        face->telemetry = options->minimal ? CONNECT_TELEMETRY_MINIMAL : CONNECT_TELEMETRY_FULL;
        face->telemetry_interval_us = options->telemetry_interval_us;
    }
    for (size_t i = 0; i < options->cameras.count; i++) {
        if (!printer_cameras_add(&bench->ini.cameras, options->cameras.items[i], error)) {
            return error_prefix(error, "--camera");
        }
    }
    face->cameras = bench->ini.cameras.list;
    face->camera_count = bench->ini.cameras.count;
    face->register_cameras = true;
    face->websocket = options->websocket;
    face->upgrade_available = options->serve.update != NULL && *options->serve.update != '\0';
    face->location = options->location != NULL ? options->location : face->location;
    face->register_at_start = true;
    face->events = &face_events;
    face->owner = bench;
    face->observer_class = &observer_class;
    face->observer = bench;
    return true;
}

static bool pick_link(struct bench *bench, const struct model *model, uint64_t quirks,
                      struct error *error)
{
    const struct printer_options *options = bench->options;
    const struct printer_ini *ini = &bench->ini;
    bench->serve = options->serve;
    if (bench->serve.api_key == NULL && getenv("HOTBED_API_KEY") == NULL) {
        bench->serve.api_key = ini->api_key;
    }
    return options->serve.at == NULL ||
           printer_serve_prepare(&bench->serve, model,
                                 options->name != NULL ? options->name : ini->name,
                                 options->location != NULL ? options->location : ini->location,
                                 bench->face.server, quirks, error);
}

static const char *pick_token(const struct bench *bench)
{
    const char *token = bench->options->token;
    if (token == NULL) {
        token = getenv("HOTBED_TOKEN");
    }
    return token != NULL ? token : bench->ini.token;
}

static bool make_network(struct bench *bench, const struct model *model, struct network **network,
                         struct error *error)
{
    const struct printer_options *options = bench->options;
    const struct tls_settings tls = {.ca_file = options->ca,
                                     .insecure = options->insecure,
                                     .buddy = strcmp(model->family, "buddy") == 0};
    bench->driver = real_driver_new(&bench->world, error);
    if (bench->driver == NULL) {
        return false;
    }
    bench->sockets = socket_network_new(bench->driver, &tls, error);
    if (bench->sockets == NULL) {
        return false;
    }
    bench->spoiled = message_faults_new(&bench->world, socket_network_face(bench->sockets));
    for (size_t i = 0; i < options->spoils.count; i++) {
        if (!message_faults_add(bench->spoiled, options->spoils.items[i], error)) {
            return error_prefix(error, "--spoil");
        }
    }
    *network = options->spoils.count > 0 ? message_faults_face(bench->spoiled)
                                         : socket_network_face(bench->sockets);
    return true;
}

static bool make_printer(struct bench *bench, const struct model *model, struct network *network,
                         struct played *played, struct error *error)
{
    const struct printer_options *options = bench->options;
    struct printer_storage storages[MODEL_STORAGES_MAX] = {0};
    struct printer_settings settings = {
        .model = model,
        .index = options->index + (uint64_t)(played - bench->printers),
        .name = options->name,
        .serial = options->serial,
        .firmware = options->firmware,
        .room_c = options->room_given ? (double)options->room : NAN,
        .job_counter = (uint32_t)options->job_counter,
        .plans = bench->plans,
        .tree = bench->files.root,
        .connect =
            bench->face.server == NULL && bench->face.camera_count == 0 ? NULL : &bench->face,
        .token = pick_token(bench),
        .prusalink = bench->serve.at == NULL ? NULL : &bench->serve.settings,
    };
    if (options->directory != NULL) {
        storages[0] = (struct printer_storage){
            .name = model->storages_count > 0 ? model->storages[0].name : "local",
            .kind =
                printer_storage_kind(model->storages_count > 0 ? model->storages[0].kind : "local"),
            .directory = options->directory,
        };
        settings.storages = storages;
        settings.storage_count = 1;
        settings.tree = NULL;
    }
    played->bench = bench;
    played->printer = printer_new(&bench->world, network, &settings, error);
    return played->printer != NULL;
}

static bool make_printers(struct bench *bench, const struct model *model, struct network *network,
                          struct error *error)
{
    size_t count = (size_t)bench->options->count;
    bench->printers = calloc(count, sizeof *bench->printers);
    if (bench->printers == NULL) {
        return error_set(error, "--count %zu: out of memory", count);
    }
    for (bench->count = 0; bench->count < count; bench->count++) {
        if (!make_printer(bench, model, network, &bench->printers[bench->count], error)) {
            return false;
        }
    }
    return true;
}

static struct machine *machine_of(const struct bench *bench, size_t index)
{
    return printer_machine(bench->printers[index].printer);
}

static bool check_print(struct bench *bench, struct error *error)
{
    const char *path = bench->options->print, *below;
    if (path == NULL) {
        return true;
    }
    const struct storage *storage = machine_storage_of(machine_of(bench, 0), path, &below);
    const struct file_node *file = storage == NULL ? NULL : storage_find(storage, below);
    return (file != NULL && !file->folder) ||
           error_set(error, "--print %s: no such file on the printer", path);
}

static bool set_faults(struct bench *bench, struct error *error)
{
    for (size_t i = 0; i < bench->options->faults.count; i++) {
        const char *name = bench->options->faults.items[i];
        int fault = 0;
        while (fault < FAULT_COUNT &&
               strcmp(machine_fault_name((enum machine_fault)fault), name) != 0) {
            fault++;
        }
        if (fault == FAULT_COUNT) {
            return error_set(error, "--fault %s: no such fault of a machine", name);
        }
        for (size_t k = 0; k < bench->count; k++) {
            machine_set_fault(machine_of(bench, k), (enum machine_fault)fault, true);
        }
    }
    return true;
}

/* ---- While it runs ---- */

static void rescan(void *owner)
{
    struct bench *bench = owner;
    machine_rescan(machine_of(bench, 0)); /* a directory is for one printer */
    world_arm_in(&bench->world, &bench->rescan, MILLISECONDS(RESCAN_MS));
}

/* --print: as somebody at the printer would start it, as soon as the printer is idle. */
static void begin_print(void *owner)
{
    struct bench *bench = owner;
    if (machine_state(machine_of(bench, bench->count - 1)) == STATE_BUSY) {
        world_arm_in(&bench->world, &bench->begin, SECONDS(1));
        return;
    }
    for (size_t i = 0; i < bench->count; i++) {
        struct error error = {0};
        if (machine_start_print(machine_of(bench, i), bench->options->print, &error) !=
            MACHINE_ACCEPTED) {
            fprintf(stderr, "hotbed printer: --print %s: %s\n", bench->options->print, error.text);
        }
    }
}

static bool power_on(struct bench *bench, struct error *error)
{
    for (size_t i = 0; i < bench->count; i++) {
        struct played *played = &bench->printers[i];
        struct machine *machine = machine_of(bench, i);
        played->listener =
            (struct machine_listener){.events = &machine_listener_events, .face = played};
        machine_listen(machine, &played->listener);
        printer_power_on(played->printer);
        say(bench, "%s, serial number %s", machine_model(machine)->title, machine_serial(machine));
        if (bench->serve.at != NULL &&
            !printer_serve_open(&bench->serve, played->printer, i, error)) {
            return false;
        }
    }
    return true;
}

static void tell_requests(struct bench *bench)
{
    uint64_t sent = 0, answered = 0;
    for (size_t i = 0; i < bench->count; i++) {
        struct connect_face *face = printer_connect_face(bench->printers[i].printer);
        struct link_face *link = printer_link_face(bench->printers[i].printer);
        sent += face == NULL ? 0 : connect_face_requests(face);
        answered += link == NULL ? 0 : link_face_requests(link);
    }
    if (bench->face.server != NULL) {
        say(bench, "%llu requests sent", (unsigned long long)sent);
    }
    if (bench->serve.at != NULL) {
        say(bench, "%llu requests answered", (unsigned long long)answered);
    }
}

static int run(struct bench *bench)
{
    const struct printer_options *options = bench->options;
    struct error error;
    if (!real_driver_catch_signals(bench->driver, &bench->stop, &error)) {
        fprintf(stderr, "hotbed printer: %s\n", error.text);
        return CLI_BAD_USAGE;
    }
    if (!power_on(bench, &error)) {
        fprintf(stderr, "hotbed printer: %s\n", error.text);
        return CLI_BAD_USAGE;
    }
    timer_init(&bench->rescan, rescan, bench);
    timer_init(&bench->begin, begin_print, bench);
    if (options->directory != NULL) {
        world_arm_in(&bench->world, &bench->rescan, MILLISECONDS(RESCAN_MS));
    }
    if (options->print != NULL) {
        world_arm_in(&bench->world, &bench->begin, SECONDS(1));
    }
    world_run(&bench->world, options->duration_given ? options->duration_us : INT64_MAX,
              &bench->stop);
    tell_requests(bench);
    bool silent =
        bench->face.server != NULL && !bench->reached && bench->broken != CONNECT_CONDITIONS;
    if (silent) {
        fprintf(stderr, "hotbed printer: %s could not be reached: %s is broken\n",
                bench->face.server, connect_condition_text(bench->broken));
    }
    if (bench->refused || (silent && !bench->stop)) {
        return CLI_UNREACHABLE;
    }
    return bench->stop ? CLI_INTERRUPTED : CLI_HELD;
}

static void bench_free(struct bench *bench)
{
    world_cancel(&bench->world, &bench->rescan);
    world_cancel(&bench->world, &bench->begin);
    for (size_t i = 0; i < bench->count; i++) {
        machine_unlisten(machine_of(bench, i), &bench->printers[i].listener);
        printer_destroy(bench->printers[i].printer);
    }
    free(bench->printers);
    message_faults_destroy(bench->spoiled);
    if (bench->sockets != NULL) {
        socket_network_destroy(bench->sockets);
    }
    if (bench->driver != NULL) {
        real_driver_destroy(bench->driver);
    }
    plan_cache_destroy(bench->plans);
    storage_free(&bench->files);
    printer_ini_free(&bench->ini);
    model_destroy(bench->own_model);
    struct error error;
    if (!trace_file_close(&bench->trace, &error)) {
        fprintf(stderr, "hotbed printer: %s\n", error.text);
    }
    world_free(&bench->world);
}

static int prepare(struct bench *bench, const char *model_name, struct error *error)
{
    const struct printer_options *options = bench->options;
    struct network *network = NULL;
    uint64_t serve_quirks;
    for (size_t i = 0; i < options->files.count; i++) {
        if (!add_file(&bench->files, options->files.items[i], error)) {
            return CLI_BAD_USAGE;
        }
    }
    if (options->trace != NULL) {
        if (!trace_file_open(&bench->trace, options->trace, error)) {
            return CLI_BAD_USAGE;
        }
        bench->world.trace = &bench->trace.trace;
    }
    const struct model *model = pick_model(bench, model_name, error);
    if (model != NULL) {
        warn_of_files(bench, model);
    }
    bool made = model != NULL && suits_model(bench->options, model, error) &&
                pick_face(bench, &serve_quirks, error) &&
                pick_link(bench, model, serve_quirks, error) &&
                make_network(bench, model, &network, error) &&
                make_printers(bench, model, network, error) && check_print(bench, error) &&
                set_faults(bench, error);
    return made ? CLI_HELD : CLI_BAD_USAGE;
}

static int play(const struct printer_options *options, const char *model_name)
{
    struct bench bench = {.options = options,
                          .tell = !options->quiet && isatty(STDOUT_FILENO),
                          .broken = CONNECT_CONDITIONS};
    struct error error = {0};
    world_init(&bench.world, options->seed);
    bench.plans = plan_cache_new(PLANS_KEPT_BYTES);
    storage_init(&bench.files, "files", STORAGE_LOCAL,
                 file_node_folder("", false, (int64_t)time(NULL)));
    int result = prepare(&bench, model_name, &error);
    if (result == CLI_HELD) {
        result = run(&bench);
    } else {
        fprintf(stderr, "hotbed printer: %s\n", error.text);
        trace_file_drop(&bench.trace);
    }
    bench_free(&bench);
    return result;
}

int cli_printer(int argc, char **argv)
{
    struct printer_options options;
    struct cli_list models = {0};
    int result = printer_options_parse(&options, argc, argv, &models);
    if (result == -1 && options.list_quirks) {
        cli_print_quirks();
        result = CLI_HELD;
    } else if (result == -1 && options.list_misbehaviours) {
        printer_serve_list_misbehaviours();
        result = CLI_HELD;
    } else if (result == -1) {
        result = play(&options, models.count > 0 ? models.items[0] : NULL);
    }
    cli_list_free(&models);
    printer_options_free(&options);
    return result;
}
