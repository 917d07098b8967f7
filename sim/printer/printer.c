#include "sim/printer/printer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/metadata_value.h"
#include "sim/protocol/connect/settings_ini.h"
#include "sim/wire/service_trace.h"

struct printer {
    struct world *world;
    struct network *network;
    struct machine *machine;
    const struct connect_face_settings *connect;
    struct connect_face_settings *own_connect; /* of a PrusaLink whose user registers it; or NULL */
    char *own_server;                          /* of that; NULL: none */
    struct connect_face *face;
    const struct link_settings *prusalink;
    struct link_face *link;
    struct service_trace *link_trace; /* NULL: the world has no trace */
    struct http_server *server;       /* of `link` */
    struct endpoint *places;          /* where it listens */
    size_t place_count;
    char *name, *token;
};

/* --- storages --- */

enum storage_kind printer_storage_kind(const char *kind)
{
    return strcmp(kind, "sdcard") == 0 ? STORAGE_SDCARD
           : strcmp(kind, "usb") == 0  ? STORAGE_USB
                                       : STORAGE_LOCAL;
}

static bool attach(struct machine *machine, const struct printer_storage *wanted,
                   struct error *error)
{
    struct storage storage;
    if (wanted->directory != NULL) {
        if (!storage_init_directory(&storage, wanted->name, wanted->kind, wanted->directory,
                                    error)) {
            return false;
        }
    } else {
        storage_init(&storage, wanted->name, wanted->kind,
                     wanted->tree == NULL ? NULL : file_node_share(wanted->tree));
        storage.total_bytes = wanted->total_bytes;
        storage.used_by_others_bytes = wanted->used_by_others_bytes;
    }
    storage.read_only = wanted->read_only;
    machine_attach(machine, &storage);
    return true;
}

static bool attach_all(struct machine *machine, const struct printer_settings *settings,
                       struct error *error)
{
    if (settings->storages != NULL) {
        for (size_t i = 0; i < settings->storage_count; i++) {
            if (!attach(machine, &settings->storages[i], error)) {
                return false;
            }
        }
        return true;
    }
    for (uint32_t i = 0; i < settings->model->storages_count; i++) {
        const struct model_storage *model = &settings->model->storages[i];
        const struct printer_storage wanted = {
            .name = model->name,
            .kind = printer_storage_kind(model->kind),
            .tree = i == 0 ? settings->tree : NULL,
            .read_only = model->read_only,
            .total_bytes = model->total_bytes,
            .used_by_others_bytes =
                model->total_bytes > model->free_bytes ? model->total_bytes - model->free_bytes : 0,
        };
        attach(machine, &wanted, NULL); /* in memory: nothing can fail */
    }
    return true;
}

/* --- texts --- */

/* What goes into JSON must be text; Python's own JSON could not write anything else either. */
static bool plain_text(const char *what, const char *text, struct error *error)
{
    if (text == NULL) {
        return true;
    }
    bool plain = *text != '\0' && metadata_utf8_valid(text, strlen(text));
    for (const char *at = text; plain && *at != '\0'; at++) {
        plain = (unsigned char)*at >= ' ' && *at != 127;
    }
    return plain ||
           error_set(error,
                     "the %s must be text in UTF-8, not empty and without control characters",
                     what);
}

/* The token is the value of a header. The error does not show it: it is a secret. */
static bool good_token(const char *token, struct error *error)
{
    for (const char *at = token == NULL ? "" : token; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 127) {
            return error_set(error,
                             "the token must be of printable ASCII characters without blanks; "
                             "character %zu is not",
                             (size_t)(at - token) + 1);
        }
    }
    return true;
}

/* --- life --- */

struct printer *printer_new(struct world *world, struct network *network,
                            const struct printer_settings *settings, struct error *error)
{
    const struct machine_settings machine_settings = {
        .model = settings->model,
        .index = settings->index,
        .serial = settings->serial,
        .firmware = settings->firmware,
        .room_c = settings->room_c,
        .job_counter = settings->job_counter,
        .plans = settings->plans,
    };
    if (!plain_text("serial number", settings->serial, error) ||
        !plain_text("firmware version", settings->firmware, error) ||
        !plain_text("name", settings->name, error) || !good_token(settings->token, error)) {
        return NULL;
    }
    if (settings->prusalink != NULL &&
        !link_settings_check(settings->prusalink, settings->model, error)) {
        return NULL;
    }
    struct machine *machine = machine_new(world, &machine_settings);
    if (!attach_all(machine, settings, error)) {
        machine_destroy(machine);
        return NULL;
    }
    struct printer *printer = memory_new(sizeof *printer);
    *printer = (struct printer){.world = world,
                                .network = network,
                                .machine = machine,
                                .connect = settings->connect,
                                .prusalink = settings->prusalink};
    char made[96];
    snprintf(made, sizeof made, "%.64s-%llu", settings->model->name,
             (unsigned long long)settings->index);
    printer->name = memory_copy_text(settings->name == NULL ? made : settings->name);
    printer->token = memory_copy_text(settings->token);
    return printer;
}

void printer_destroy(struct printer *printer)
{
    if (printer != NULL) {
        printer_power_off(printer);
        free(printer->places);
        free(printer->own_connect);
        free(printer->own_server);
        machine_destroy(printer->machine);
        free(printer->name);
        free(printer->token);
        free(printer);
    }
}

static void open_own(struct printer *printer)
{
    printer->face = connect_face_new(printer->world, printer->network, printer->machine,
                                     printer->own_connect, printer->name, printer->token);
}

/* What its user registered it with stays in its settings while it is off. */
static void keep_own(struct printer *printer)
{
    char *server = memory_copy_text(connect_face_server(printer->face));
    char *token = memory_copy_text(connect_face_token(printer->face));
    free(printer->own_server);
    free(printer->token);
    printer->own_connect->server = printer->own_server = server;
    printer->token = token;
}

/* A PrusaLink without Connect gets a face for it when its user registers it. */
static struct connect_face *connect_of(void *owner, bool make)
{
    struct printer *printer = owner;
    if (printer->face != NULL || !make) {
        return printer->face;
    }
    if (printer->own_connect == NULL) {
        printer->own_connect = memory_new(sizeof *printer->own_connect);
        connect_face_defaults(printer->own_connect);
        printer->own_connect->network[CONNECT_HOSTNAME] = link_face_hostname(printer->link);
        printer->own_connect->api_key = printer->prusalink->api_key;
    }
    open_own(printer);
    connect_face_find_now(printer->face);
    return printer->face;
}

/* Both faces are of one program: what the one is told of names and keys the other one tells. */
static void join_faces(struct printer *printer)
{
    const char *key = link_face_api_key(printer->link);
    link_face_set_connect(printer->link, connect_of, printer);
    const struct connect_face_settings *connect = printer->connect;
    if (printer->face != NULL && connect != NULL && connect->api_key == NULL && key != NULL) {
        connect_face_set_api_key(printer->face, key);
    }
}

/* The server as it is after a start. That a place is taken meanwhile shows only to its clients. */
static void open_link(struct printer *printer)
{
    printer->link =
        link_face_new(printer->world, printer->machine, printer->prusalink, printer->name);
    link_face_set_network(printer->link, printer->network);
    join_faces(printer);
    const struct http_service *service = link_face_service(printer->link);
    if (printer->world->trace != NULL) {
        printer->link_trace = service_trace_new(printer->world, service, printer->name);
        service = service_trace_service(printer->link_trace);
    }
    printer->server =
        http_server_new(printer->world, printer->network, service, link_face_limits(printer->link));
    for (size_t i = 0; i < printer->place_count; i++) {
        http_server_listen(printer->server, &printer->places[i], NULL);
    }
}

void printer_power_on(struct printer *printer)
{
    machine_power_on(printer->machine);
    if (printer->connect != NULL && printer->face == NULL) {
        printer->face = connect_face_new(printer->world, printer->network, printer->machine,
                                         printer->connect, printer->name, printer->token);
    } else if (printer->own_connect != NULL && printer->face == NULL) {
        open_own(printer);
    }
    if (printer->prusalink != NULL && printer->link == NULL) {
        open_link(printer);
    }
}

void printer_power_off(struct printer *printer)
{
    http_server_destroy(printer->server);
    printer->server = NULL;
    service_trace_destroy(printer->link_trace);
    printer->link_trace = NULL;
    link_face_destroy(printer->link);
    printer->link = NULL;
    if (printer->own_connect != NULL && printer->face != NULL) {
        keep_own(printer);
    }
    connect_face_destroy(printer->face);
    printer->face = NULL;
}

bool printer_listen(struct printer *printer, struct endpoint *at, struct error *error)
{
    if (printer->server == NULL) {
        return error_set(error, "%s has no PrusaLink, or is off", printer->name);
    }
    if (!http_server_listen(printer->server, at, error)) {
        return false;
    }
    printer->places =
        memory_resize(printer->places, (printer->place_count + 1) * sizeof *printer->places);
    printer->places[printer->place_count++] = *at;
    return true;
}

const char *printer_name(const struct printer *printer)
{
    return printer->name;
}

struct machine *printer_machine(struct printer *printer)
{
    return printer->machine;
}

struct connect_face *printer_connect_face(struct printer *printer)
{
    return printer->face;
}

struct link_face *printer_link_face(struct printer *printer)
{
    return printer->link;
}

/* --- the settings file --- */

static bool take_ini(struct printer_ini *out, struct settings_ini *ini, struct error *error)
{
    struct settings_printer printer;
    *out = (struct printer_ini){0};
    bool done = ini != NULL && settings_ini_printer(ini, &printer, error);
    if (done) {
        struct buffer url = {0};
        connect_base_url(&url, printer.connect.hostname, printer.connect.tls, printer.connect.port);
        *out = (struct printer_ini){
            .server = buffer_detach(&url),
            .token = memory_copy_text(printer.connect.token == NULL ? "" : printer.connect.token),
            .name = memory_copy_text(printer.name),
            .location = memory_copy_text(printer.location),
            .api_key = memory_copy_text(*printer.api_key == '\0' ? NULL : printer.api_key),
        };
        done = printer_cameras_read(&out->cameras, ini, error);
    }
    if (ini != NULL) {
        settings_ini_destroy(ini);
    }
    if (!done) {
        printer_ini_free(out);
    }
    return done;
}

bool printer_ini_parse(struct printer_ini *ini, const char *file, const char *text, size_t size,
                       struct error *error)
{
    return take_ini(ini, settings_ini_parse(file, text, size, error), error);
}

bool printer_ini_load(struct printer_ini *ini, const char *path, struct error *error)
{
    return take_ini(ini, settings_ini_load(path, error), error);
}

void printer_ini_free(struct printer_ini *ini)
{
    free(ini->server);
    free(ini->token);
    free(ini->name);
    free(ini->location);
    free(ini->api_key);
    printer_cameras_free(&ini->cameras);
    *ini = (struct printer_ini){0};
}

void printer_ini_apply(const struct printer_ini *ini, struct connect_face_settings *settings)
{
    settings->server = ini->server;
    settings->printer_name = ini->name;
    settings->location = ini->location;
    settings->api_key = ini->api_key;
    settings->cameras = ini->cameras.list;
    settings->camera_count = ini->cameras.count;
}
