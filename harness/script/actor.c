#include "harness/script/actor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/settings_ini.h"

struct actor {
    struct world *world;
    struct network *network;
    struct machine *machine;
    struct connect_face *face;
    struct connect_face_settings settings;
    char *name, *server, *token;
    struct connect_camera_settings *cameras; /* with texts of their own */
    size_t camera_count;
    char *printer_name, *location;
    char fingerprint[65];
    char code[64]; /* that its registration got last */
    const struct actor_listener *listener;
    struct http_parser parser; /* of our own requests, for the listener */
    uint32_t connection;       /* whose request is being read */
};

static void parsed_request(void *owner, const struct http_message *message)
{
    struct actor *actor = owner;
    actor->listener->request(actor->listener->owner, actor, actor->connection, message);
}

static void observed_request(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                             const char *bytes, size_t size)
{
    (void)sdk;
    struct actor *actor = observer;
    actor->connection = connection;
    http_parser_feed(&actor->parser, bytes, size);
}

static void observed_reply(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                           const struct http_message *message)
{
    (void)sdk;
    struct actor *actor = observer;
    actor->listener->reply(actor->listener->owner, actor, connection, message);
}

static void observed_frame(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                           bool by_printer, const struct websocket_frame *frame)
{
    (void)sdk;
    struct actor *actor = observer;
    actor->listener->frame(actor->listener->owner, actor, connection, by_printer, frame);
}

static void observed_end(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                         enum stream_end end, bool by_us, const char *why)
{
    (void)sdk;
    (void)end;
    (void)why;
    struct actor *actor = observer;
    actor->listener->ended(actor->listener->owner, actor, connection, by_us);
}

static const struct connect_observer_class observer_class = {.request = observed_request,
                                                             .reply = observed_reply,
                                                             .ended = observed_end,
                                                             .frame = observed_frame};

static void got_code(void *owner, const char *code, const char *url)
{
    struct actor *actor = owner;
    (void)url;
    snprintf(actor->code, sizeof actor->code, "%s", code);
}

static const struct connect_face_events face_events = {.code = got_code};

static const struct http_parser_events parser_events = {.complete = parsed_request};

/* Server, token, name and place as the ini file of a user has them. */
static bool read_ini(struct actor *actor, const struct actor_settings *settings,
                     struct error *error)
{
    struct settings_ini *ini = settings_ini_parse("ini", settings->ini, settings->ini_size, error);
    struct settings_printer printer;
    bool done = ini != NULL && settings_ini_printer(ini, &printer, error);
    if (done) {
        struct buffer url = {0};
        connect_base_url(&url, printer.connect.hostname, printer.connect.tls, printer.connect.port);
        actor->server = buffer_detach(&url);
        actor->token = memory_copy_text(printer.connect.token);
        actor->printer_name = memory_copy_text(printer.name);
        actor->location = memory_copy_text(printer.location);
    }
    if (ini != NULL) {
        settings_ini_destroy(ini);
    }
    return done;
}

static void copy_cameras(struct actor *actor, const struct actor_settings *settings)
{
    actor->camera_count = settings->camera_count;
    actor->cameras = memory_new_array(settings->camera_count + 1, sizeof *actor->cameras);
    for (size_t i = 0; i < settings->camera_count; i++) {
        actor->cameras[i] = settings->cameras[i];
        actor->cameras[i].id = memory_copy_text(settings->cameras[i].id);
        actor->cameras[i].name = memory_copy_text(settings->cameras[i].name);
        actor->cameras[i].token = memory_copy_text(settings->cameras[i].token);
    }
    actor->settings.cameras = actor->cameras;
    actor->settings.camera_count = actor->camera_count;
    actor->settings.register_cameras = settings->register_cameras;
}

static void free_cameras(struct actor *actor)
{
    for (size_t i = 0; i < actor->camera_count; i++) {
        free((char *)(uintptr_t)actor->cameras[i].id);
        free((char *)(uintptr_t)actor->cameras[i].name);
        free((char *)(uintptr_t)actor->cameras[i].token);
    }
    free(actor->cameras);
}

static bool read_settings(struct actor *actor, const struct actor_settings *settings,
                          struct error *error)
{
    struct connect_face_settings *face = &actor->settings;
    connect_face_defaults(face);
    if (!connect_host_parse(settings->host, &face->host)) {
        return error_set(error, "host \"%s\": expected \"prusalink\" or \"sdk\"", settings->host);
    }
    if (strcmp(settings->model->family, "buddy") == 0 && face->host != CONNECT_HOST_PRUSALINK) {
        return error_set(error, "host \"%s\": the %s speaks for itself", settings->host,
                         settings->model->title);
    }
    if (settings->websocket && strcmp(settings->model->family, "buddy") != 0) {
        return error_set(error, "websocket: the %s speaks HTTP only", settings->model->title);
    }
    face->websocket = settings->websocket;
    if (!connect_sdk_version_parse(settings->version, &face->sdk_version)) {
        return error_set(error, "version \"%s\": expected \"0.7.1\", \"0.8.0\" or \"0.8.1\"",
                         settings->version);
    }
    if (settings->ini != NULL) {
        if (!read_ini(actor, settings, error)) {
            return false;
        }
    } else {
        actor->server = memory_copy_text(settings->server);
        actor->token = memory_copy_text(settings->token);
    }
    face->host_version =
        face->host == CONNECT_HOST_PRUSALINK ? connect_sdk_version_name(face->sdk_version) : NULL;
    face->server = actor->server;
    face->printer_name = actor->printer_name;
    face->location = actor->location;
    copy_cameras(actor, settings);
    face->quirks = settings->quirks;
    face->events = &face_events;
    face->owner = actor;
    if (settings->listener != NULL) {
        face->observer_class = &observer_class;
        face->observer = actor;
    }
    return true;
}

/* The storages that a printer of this model is delivered with. */
static void attach_storages(struct machine *machine, const struct model *model)
{
    for (uint32_t i = 0; i < model->storages_count; i++) {
        const struct model_storage *plan = &model->storages[i];
        struct storage storage;
        enum storage_kind kind = strcmp(plan->kind, "sdcard") == 0 ? STORAGE_SDCARD
                                 : strcmp(plan->kind, "usb") == 0  ? STORAGE_USB
                                                                   : STORAGE_LOCAL;
        storage_init(&storage, plan->name, kind, NULL);
        storage.read_only = plan->read_only;
        storage.total_bytes = plan->total_bytes;
        if (plan->total_bytes > plan->free_bytes) {
            storage.used_by_others_bytes = plan->total_bytes - plan->free_bytes;
        }
        machine_attach(machine, &storage);
    }
}

static void give_storages(struct machine *machine, const struct actor_settings *settings)
{
    if (settings->bare_storages) {
        while (machine_storage_count(machine) > 0) {
            machine_detach(machine, machine_storage(machine, 0)->name, NULL);
        }
    } else if (machine_storage_count(machine) == 0) {
        attach_storages(machine, settings->model);
    }
}

struct actor *actor_new(struct world *world, struct network *network,
                        const struct actor_settings *settings, struct error *error)
{
    struct actor *actor = memory_new(sizeof *actor);
    actor->world = world;
    actor->network = network;
    actor->listener = settings->listener;
    actor->name = memory_copy_text(settings->name);
    http_parser_init(&actor->parser, true, &parser_events, actor);
    actor->parser.body_bytes_max = SIZE_MAX;
    if (!read_settings(actor, settings, error)) {
        actor_destroy(actor);
        return NULL;
    }
    struct machine_settings machine = {.model = settings->model,
                                       .index = settings->index,
                                       .serial = settings->serial,
                                       .firmware = settings->firmware,
                                       .room_c = settings->room_c,
                                       .job_counter = settings->job_counter};
    actor->machine = machine_new(world, &machine);
    give_storages(actor->machine, settings);
    connect_machine_fingerprint(actor->machine, actor->fingerprint);
    return actor;
}

void actor_destroy(struct actor *actor)
{
    if (actor == NULL) {
        return;
    }
    connect_face_destroy(actor->face);
    if (actor->machine != NULL) {
        machine_destroy(actor->machine);
    }
    http_parser_free(&actor->parser);
    free(actor->name);
    free(actor->server);
    free(actor->token);
    free(actor->printer_name);
    free_cameras(actor);
    free(actor->location);
    free(actor);
}

void actor_power_on(struct actor *actor)
{
    if (actor->face != NULL) {
        return;
    }
    machine_power_on(actor->machine);
    actor->face = connect_face_new(actor->world, actor->network, actor->machine, &actor->settings,
                                   actor->name, actor->token);
}

void actor_power_off(struct actor *actor)
{
    if (actor->face != NULL) { /* a token that it got lately is in its ini file, and survives */
        const char *token = actor_token(actor);
        char *kept = memory_copy_text(token);
        free(actor->token);
        actor->token = kept;
    }
    connect_face_destroy(actor->face);
    actor->face = NULL;
}

const char *actor_name(const struct actor *actor)
{
    return actor->name;
}

const char *actor_token(const struct actor *actor)
{
    return actor->face != NULL ? connect_face_token(actor->face) : actor->token;
}

const char *actor_code(const struct actor *actor)
{
    return actor->code;
}

const char *actor_server(const struct actor *actor)
{
    return actor->server;
}

const char *actor_fingerprint(const struct actor *actor)
{
    return actor->fingerprint;
}

struct machine *actor_machine(struct actor *actor)
{
    return actor->machine;
}

struct connect_face *actor_face(struct actor *actor)
{
    return actor->face;
}

bool actor_register(struct actor *actor)
{
    return actor->face != NULL && connect_face_register(actor->face);
}

void actor_shift_clock(struct actor *actor, int64_t shift_us)
{
    /* Buddy printers put no time into what they say. */
    if (actor->face != NULL && connect_face_sdk(actor->face) != NULL) {
        connect_sdk_shift_clock(connect_face_sdk(actor->face), shift_us);
    }
}

struct connect_sdk *actor_sdk(struct actor *actor)
{
    return actor->face == NULL ? NULL : connect_face_sdk(actor->face);
}

const char *actor_camera(struct actor *actor, const char *name)
{
    for (size_t i = 0; i < actor->camera_count; i++) {
        if (strcmp(actor->cameras[i].name, name) == 0) {
            return actor->cameras[i].id;
        }
    }
    return NULL;
}
