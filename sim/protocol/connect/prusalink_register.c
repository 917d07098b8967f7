#include "sim/protocol/connect/prusalink_face.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/buddy.h"
#include "sim/wire/http_client.h"

/* How a user registers a PrusaLink (connect-sdk.md 3.5; captures/connect-prusalink 14): the server
 * is probed by another HTTP client, Python's own, and if that finds it POST /p/register follows. */

#define PROBE_TIMEOUT SECONDS(10)

struct connect_probe {
    struct connect_face *face;
    char *server; /* base URL */
    struct endpoint to;
    struct http_client client;
    struct timer over; /* ends the probe outside its client's call */
    int64_t asked_us;
};

static const char *peer_name(const struct connect_face *face)
{
    return face->settings->peer_name == NULL ? "connect" : face->settings->peer_name;
}

struct connect_web *face_web(struct connect_face *face)
{
    if (face->web == NULL) {
        face->web = memory_new(sizeof *face->web);
        timer_init(&face->web->scan, face_cameras_scan, face);
    }
    return face->web;
}

void face_web_free(struct connect_face *face)
{
    if (face->web != NULL) {
        world_cancel(face->world, &face->web->scan);
        free(face->web->version);
        free(face->web);
    }
}

/* Whoever asked for it is told once. */
static void enrolled(struct connect_face *face, enum connect_enrolment how, const char *code)
{
    struct connect_web *web = face->web;
    if (web != NULL && web->enrolled != NULL) {
        connect_enrolled *call = web->enrolled;
        web->enrolled = NULL;
        call(web->enrolled_owner, how, code);
    }
}

static void failed(struct connect_face *face, enum connect_enrolment how, const char *why)
{
    enrolled(face, how, NULL);
    if (!face_enrolled_by_web(face) && face->settings->events != NULL &&
        face->settings->events->failed != NULL) {
        face->settings->events->failed(face->settings->owner, why);
    }
}

void face_probe_destroy(struct connect_face *face)
{
    if (face->probe == NULL) {
        return;
    }
    world_cancel(face->world, &face->probe->over);
    http_client_free(&face->probe->client);
    free(face->probe->server);
    free(face->probe);
    face->probe = NULL;
}

static struct connect_asked asked(const struct connect_probe *probe)
{
    return (struct connect_asked){
        .kind = CONNECT_ASKED_PROBE, .due_us = probe->asked_us, .body = ""};
}

void face_probe_waiting(const struct connect_face *face, connect_asked_told *tell, void *owner)
{
    if (!timer_armed(&face->probe->over)) {
        struct connect_asked it = asked(face->probe);
        tell(owner, &it);
    }
}

static void probe_over(void *owner)
{
    face_probe_destroy(owner);
}

static void start_over(struct connect_probe *probe)
{
    world_arm_in(probe->face->world, &probe->over, 0);
}

/* From now on this is where Connect is. */
static void take_server(struct connect_face *face, const char *server)
{
    if (face->server != NULL && strcmp(face->server, server) == 0) {
        return;
    }
    free(face->server);
    face->server = memory_copy_text(server);
    connect_sdk_set_connection(face->sdk, face->server, NULL);
    face_telemetry_begin(face);
}

static void probe_reply(void *owner, const struct http_message *message)
{
    struct connect_probe *probe = owner;
    struct connect_face *face = probe->face;
    trace_http(face->world, peer_name(face), face->name, http_client_connection(&probe->client),
               "reply", message->head.bytes, message->head.size);
    struct connect_asked it = asked(probe);
    connect_sdk_tell_over(face->sdk, &it, message, NULL);
    start_over(probe);
    if (message->status >= 400) { /* what urllib takes for an error */
        char why[64];
        snprintf(why, sizeof why, "HTTP Error %d: %s", message->status,
                 http_reason(message->status));
        failed(face, CONNECT_NOT_REACHED, why);
        return;
    }
    take_server(face, probe->server);
    if (!connect_sdk_register(face->sdk)) {
        failed(face, CONNECT_NOT_TAKEN, "a registration is under way already");
    }
}

static void probe_failed(void *owner, const struct http_failure *failure)
{
    struct connect_probe *probe = owner;
    struct connect_asked it = asked(probe);
    connect_sdk_tell_over(probe->face->sdk, &it, NULL, failure);
    bool unresolved =
        failure->kind == HTTP_FAILURE_CONNECT && failure->end == STREAM_END_UNRESOLVED;
    start_over(probe);
    failed(probe->face, unresolved ? CONNECT_NOT_RESOLVED : CONNECT_NOT_REACHED, failure->why);
}

static const struct http_client_events probe_events = {.reply = probe_reply,
                                                       .failed = probe_failed};

static void write_probe(const char *server, struct buffer *out)
{
    const char *host = strstr(server, "://");
    http_write_request(out, "GET", "/info");
    http_write_header(out, "Accept-Encoding", "identity");
    http_write_header(out, "Host", host == NULL ? server : host + 3);
    http_write_header(out, "User-Agent", "Python-urllib/3.11");
    http_write_header(out, "Connection", "close");
    http_write_end(out);
}

/* False: told why not. */
static bool probe(struct connect_face *face, const char *server)
{
    struct error error;
    struct endpoint to;
    if (!endpoint_parse(&to, server, NULL, &error)) {
        failed(face, CONNECT_NOT_RESOLVED, error.text);
        return false;
    }
    struct connect_probe *probe = memory_new(sizeof *probe);
    probe->face = face;
    probe->asked_us = face->world->now_us;
    probe->server = memory_copy_text(server);
    probe->to = to;
    probe->to.port = endpoint_port(&to);
    face->probe = probe;
    timer_init(&probe->over, probe_over, face);
    http_client_init(&probe->client, face->world, face->network, &probe->to, &probe_events, probe);
    probe->client.connect_timeout_us = probe->client.reply_timeout_us = PROBE_TIMEOUT;
    struct buffer request = {0};
    write_probe(server, &request);
    trace_http(face->world, face->name, peer_name(face), 0, "request", request.bytes, request.size);
    http_client_send(&probe->client, request.bytes, request.size, false);
    buffer_free(&request);
    return true;
}

bool connect_face_register(struct connect_face *face)
{
    if (face->buddy != NULL) {
        return buddy_register(face->buddy);
    }
    if (face->server == NULL || face->probe != NULL) {
        return false;
    }
    if (face->web != NULL) {
        face->web->enrolled_here = false;
    }
    return face_is_prusalink(face) ? probe(face, face->server) : connect_sdk_register(face->sdk);
}

bool connect_face_enrol(struct connect_face *face, const char *server, connect_enrolled *over,
                        void *owner)
{
    if (!face_is_prusalink(face) || face->probe != NULL || face_web(face)->enrolled != NULL) {
        return false;
    }
    face->web->enrolled_here = true;
    face->web->enrolled = over;
    face->web->enrolled_owner = owner;
    probe(face, server);
    return true;
}

void connect_face_enrol_forget(struct connect_face *face)
{
    face->web->enrolled = NULL;
}

void face_register_failed(void *host, const char *error)
{
    failed(host, CONNECT_NOT_TAKEN, error);
}
/* quote_plus of Python's urllib. */
static void append_quoted(struct buffer *url, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || strchr("_.-~", byte) != NULL;
        if (byte == ' ') {
            buffer_append_char(url, '+');
        } else if (plain) {
            buffer_append_char(url, (char)byte);
        } else {
            buffer_format(url, "%%%02X", byte);
        }
    }
}

static void append_query(struct buffer *url, const char *key, const char *value, char *separator)
{
    if (value != NULL && value[0] != '\0') {
        buffer_append_char(url, *separator);
        buffer_format(url, "%s=", key);
        append_quoted(url, value);
        *separator = '&';
    }
}

void face_got_code(void *host, const char *code)
{
    struct connect_face *face = host;
    const struct connect_face_settings *settings = face->settings;
    enrolled(face, CONNECT_ENROLLED, code);
    if (settings->events == NULL || settings->events->code == NULL) {
        return;
    }
    const struct model *model = machine_model(face->machine);
    struct buffer url = {0};
    char separator = '?';
    buffer_format(&url, "%s/add-printer/connect/%d.%d.%d/%s", face->server, model->type,
                  model->version, model->subversion, code);
    append_query(&url, "name", settings->printer_name, &separator);
    append_query(&url, "location", settings->location, &separator);
    settings->events->code(settings->owner, code, buffer_text(&url));
    buffer_free(&url);
}
