#include "harness/script/stage_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/tls.h"
#include "harness/script/link_log.h"
#include "harness/script/stage_wire.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/link/misbehave.h"

struct served {
    struct link_host told; /* first */
    struct served *next;
    struct stage_printer *printer;
    struct link_settings settings;
    struct link_face *face;
    struct link_log *log;       /* over all its starts */
    struct http_server *server; /* NULL: stopped */
    char url[300];
    char *texts[4];
};

struct stage_link {
    struct served *hosts;
    struct stage_wire **wires;
    size_t wire_count;
    struct link_transport *transport;
    struct link_client **clients;
    size_t client_count;
    struct stage_link_call *calls;
    int64_t call_number;
};

static struct stage_link *link_of(struct stage *stage)
{
    if (stage->link == NULL) {
        stage->link = memory_new(sizeof *stage->link);
    }
    return stage->link;
}

/* ---- Servers ---- */

static struct served *served_by(struct stage *stage, const struct stage_printer *printer)
{
    struct served *host = link_of(stage)->hosts;
    while (host != NULL && host->printer != printer) {
        host = host->next;
    }
    return host;
}

static void stop(struct served *host)
{
    if (host->server != NULL) {
        http_server_destroy(host->server);
        link_face_destroy(host->face);
        host->server = NULL;
        host->face = NULL;
    }
}

/* In memory a printer has a name of its own; on sockets it takes a free port of the loop-back. */
static void choose_place(struct stage *stage, struct served *host)
{
    if (stage->ground->real) {
        snprintf(host->told.at.host, sizeof host->told.at.host, "127.0.0.1");
        return;
    }
    snprintf(host->told.at.host, sizeof host->told.at.host, "%s.local", host->printer->name);
    bool pi = strcmp(link_dialect_name(link_face_dialect(host->face)), "pi") == 0;
    host->told.at.port = pi ? 8080 : 80; /* prusalink.md 1.1 */
}

static bool misbehave(struct served *host, const char *const *texts, size_t count,
                      struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!link_face_misbehave(host->face, texts[i], error)) {
            return false;
        }
    }
    return true;
}

/* Its other face, if the scenario gave it one: both tell the same. */
static struct connect_face *connect_of(void *actor, bool make)
{
    (void)make;
    return actor_face(actor);
}

static bool start(struct stage *stage, struct served *host, const char *const *wrongs,
                  size_t wrong_count, struct error *error)
{
    struct machine *machine = actor_machine(host->printer->actor);
    if (!link_settings_check(&host->settings, machine_model(machine), error)) {
        return false;
    }
    host->face = link_face_new(stage->world, machine, &host->settings, host->printer->name);
    link_face_set_connect(host->face, connect_of, host->printer->actor);
    if (host->told.at.host[0] == '\0') {
        choose_place(stage, host);
    }
    if (!misbehave(host, wrongs, wrong_count, error)) {
        link_face_destroy(host->face);
        host->face = NULL;
        return false;
    }
    if (host->log == NULL) {
        host->log = link_log_new(stage->world, link_face_service(host->face));
    } else {
        link_log_move(host->log, link_face_service(host->face));
    }
    host->server = http_server_new(stage->world, stage->ground->network, link_log_face(host->log),
                                   link_face_limits(host->face));
    if (!http_server_listen(host->server, &host->told.at, error)) {
        stop(host);
        return false;
    }
    snprintf(host->url, sizeof host->url, "http://%s:%u", host->told.at.host, host->told.at.port);
    host->told.url = host->url;
    host->told.user = link_face_user(host->face);
    host->told.password = link_face_password(host->face);
    host->told.api_key = link_face_api_key(host->face);
    host->told.dialect = link_dialect_name(link_face_dialect(host->face));
    return true;
}

static void copy_settings(struct served *host, const struct link_settings *settings)
{
    const char *texts[] = {settings->user, settings->password, settings->api_key,
                           settings->hostname};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        free(host->texts[i]);
        host->texts[i] = memory_copy_text(texts[i]);
    }
    host->settings = *settings;
    host->settings.user = host->texts[0];
    host->settings.password = host->texts[1];
    host->settings.api_key = host->texts[2];
    host->settings.hostname = host->texts[3];
}

const struct link_host *stage_link_serve(struct stage *stage, struct stage_printer *printer,
                                         const struct link_settings *settings,
                                         const char *const *wrongs, size_t wrong_count,
                                         struct error *error)
{
    struct served *host = served_by(stage, printer);
    if (host == NULL) {
        host = memory_new(sizeof *host);
        host->printer = printer;
        host->next = stage->link->hosts;
        stage->link->hosts = host;
    }
    stop(host);
    copy_settings(host, settings);
    return start(stage, host, wrongs, wrong_count, error) ? &host->told : NULL;
}

void stage_link_stop(struct stage *stage, struct stage_printer *printer)
{
    struct served *host = served_by(stage, printer);
    if (host != NULL) {
        stop(host);
    }
}

struct link_log *stage_link_log(struct stage *stage, struct stage_printer *printer)
{
    struct served *host = served_by(stage, printer);
    return host == NULL ? NULL : host->log;
}

struct link_face *stage_link_face(struct stage *stage, struct stage_printer *printer)
{
    struct served *host = served_by(stage, printer);
    return host == NULL ? NULL : host->face;
}

/* ---- Bare connections ---- */

static void tell(struct stage_wire *wire)
{
    stage_wake(wire->stage, WATCH_WIRE, NULL, 0);
}

static void on_opened(void *owner)
{
    struct stage_wire *wire = owner;
    wire->opened = true;
    tell(wire);
}

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct stage_wire *wire = owner;
    if (wire->received.size + size > STAGE_WIRE_BYTES_MAX) { /* nobody reads it: the sender waits */
        stream_hold(wire->stream, true);
    }
    buffer_append(&wire->received, bytes, size);
    tell(wire);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)why;
    struct stage_wire *wire = owner;
    wire->stream = NULL;
    wire->ended = true;
    wire->end = end;
    tell(wire);
}

static void on_drained(void *owner)
{
    struct stage_wire *wire = owner;
    wire->drained = true;
    tell(wire);
}

static void on_finished(void *owner)
{
    struct stage_wire *wire = owner;
    wire->finished = true;
    tell(wire);
}

static const struct stream_events wire_events = {.opened = on_opened,
                                                 .received = on_received,
                                                 .ended = on_ended,
                                                 .drained = on_drained,
                                                 .finished = on_finished};

size_t stage_wire_open(struct stage *stage, const struct endpoint *to)
{
    struct stage_link *link = link_of(stage);
    if (link->wire_count == STAGE_WIRES_MAX) {
        return 0;
    }
    struct stage_wire *wire = memory_new(sizeof *wire);
    wire->stage = stage;
    snprintf(wire->peer, sizeof wire->peer, "%s:%u", to->host, endpoint_port(to));
    wire->stream = network_connect(stage->ground->network, to, &wire_events, wire);
    link->wires = memory_resize(link->wires, (link->wire_count + 1) * sizeof *link->wires);
    link->wires[link->wire_count++] = wire;
    return link->wire_count;
}

struct stage_wire *stage_wire(struct stage *stage, size_t number)
{
    struct stage_link *link = link_of(stage);
    return number >= 1 && number <= link->wire_count ? link->wires[number - 1] : NULL;
}

void stage_wire_close(struct stage_wire *wire, bool reset)
{
    if (wire->stream != NULL) {
        struct stream *stream = wire->stream;
        wire->stream = NULL;
        if (reset) {
            stream_reset(stream);
        } else {
            stream_close(stream);
        }
    }
}

/* ---- Clients ---- */

struct link_client *stage_link_client_add(struct stage *stage,
                                          const struct link_client_settings *settings,
                                          size_t *number, struct error *error)
{
    struct stage_link *link = link_of(stage);
    struct ground *ground = stage->ground;
    if (link->transport == NULL) {
        struct tls_settings tls = {.ca_file = ground->targets->ca_file,
                                   .insecure = ground->targets->insecure};
        link->transport = ground->driver != NULL
                              ? link_transport_curl(ground->driver, &tls, error)
                              : link_transport_wire(stage->world, ground->network);
    }
    struct link_client *client =
        link->transport == NULL ? NULL : link_client_new(link->transport, settings, error);
    if (client != NULL) {
        link->clients =
            memory_resize(link->clients, (link->client_count + 1) * sizeof(struct link_client *));
        link->clients[link->client_count++] = client;
        *number = link->client_count;
    }
    return client;
}

struct link_client *stage_link_client(struct stage *stage, size_t number)
{
    struct stage_link *link = link_of(stage);
    return number >= 1 && number <= link->client_count ? link->clients[number - 1] : NULL;
}

struct stage_link_call *stage_link_call_new(struct stage *stage)
{
    struct stage_link *link = link_of(stage);
    struct stage_link_call *call = memory_new(sizeof *call);
    call->number = ++link->call_number;
    call->stage = stage;
    call->next = link->calls;
    link->calls = call;
    return call;
}

struct stage_link_call *stage_link_call(struct stage *stage, int64_t number)
{
    struct stage_link_call *call = link_of(stage)->calls;
    while (call != NULL && call->number != number) {
        call = call->next;
    }
    return call;
}

static void call_free(struct stage_link_call *call)
{
    free(call->why);
    free(call->title);
    free(call->text);
    cJSON_Delete(call->json);
    buffer_free(&call->head);
    buffer_free(&call->body);
    buffer_free(&call->content);
    free(call);
}

void stage_link_call_drop(struct stage *stage, struct stage_link_call *call)
{
    struct stage_link_call **at = &stage->link->calls;
    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    call_free(call);
}

void stage_link_free(struct stage *stage)
{
    struct stage_link *link = stage->link;
    if (link == NULL) {
        return;
    }
    for (size_t i = 0; i < link->client_count; i++) {
        link_client_destroy(link->clients[i]);
    }
    link_transport_destroy(link->transport);
    while (link->calls != NULL) {
        stage_link_call_drop(stage, link->calls);
    }
    for (size_t i = 0; i < link->wire_count; i++) {
        stage_wire_close(link->wires[i], true);
        buffer_free(&link->wires[i]->received);
        free(link->wires[i]);
    }
    for (struct served *host = link->hosts, *next; host != NULL; host = next) {
        next = host->next;
        stop(host);
        link_log_destroy(host->log);
        for (size_t i = 0; i < sizeof host->texts / sizeof *host->texts; i++) {
            free(host->texts[i]);
        }
        free(host);
    }
    free(link->clients);
    free(link->wires);
    free(link);
    stage->link = NULL;
}
