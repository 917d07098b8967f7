/* The daemon on a Raspberry Pi beside an MK2.5 to MK3S (prusalink.md, flavour P): PrusaLink 0.8.1
 * on Python's wsgiref. Here: its start, which path is whose, and who is let in. */
#include "sim/protocol/link/pi.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/python.h"

/* --- routes --- */

enum {
    OPEN = 1,        /* to anybody */
    DIGEST_ONLY = 2, /* a key does not help */
    PATTERN =
        4, /* in the framework a regular expression: another method is not found, not refused */
};

/* Slashes at the beginning count as one (cap 62). */
static char *routed_path(struct link_request *request)
{
    char *path = request->path;
    while (path[0] == '/' && path[1] == '/') {
        path++;
    }
    return path;
}

static void root(struct link_request *request)
{
    struct link_reply reply;
    bool file = strcmp(routed_path(request), "/index.html") == 0;
    pi_begin_reply(request, &reply, 200, PI_POWERED);
    if (request->head) {
        link_reply_header(&reply, "Instance-ID", pi_of(request)->instance);
    } else {
        buffer_append_text(
            &reply.body, "<!DOCTYPE html>\n<html>\n<head><title>PrusaLink</title></head>\n<body>\n"
                         "<h1>PrusaLink</h1>\n<p>A virtual printer of hotbed: its web interface is "
                         "not here, its API is.</p>\n</body>\n</html>\n");
    }
    pi_send(request, &reply, file ? "text/html" : NULL);
}

static void gone(struct link_request *request)
{
    pi_send_gone_page(request);
}

static void error_named(struct link_request *request)
{
    if (!pi_send_error_named(request, request->parameters[0])) {
        pi_send_404(request);
    }
}

/* What is left of a removed interface: nothing, and not even a type (cap 62). */
static void sockjs(struct link_request *request)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 200, PI_PLAIN);
    link_request_reply(request, &reply);
}

#define READ (LINK_GET | LINK_HEAD)

static const struct link_route routes[] = {
    {LINK_HEAD, "/", NULL, root, OPEN},
    {LINK_GET, "/", NULL, root, DIGEST_ONLY},
    {LINK_GET, "/index.html", NULL, root, OPEN},
    {READ, "/wizard", NULL, gone, OPEN},
    {READ, "/wizard/{*}", NULL, gone, OPEN | PATTERN},
    {READ, "/error/{}", NULL, error_named, OPEN | PATTERN},
    {READ, "/sockjs/websocket", NULL, sockjs, OPEN},
    {READ, "/api/version", NULL, pi_version, 0},
    {LINK_POST, "/api/login", NULL, pi_login, 0},
    {READ, "/api/v1/info", NULL, pi_v1_info, 0},
    {READ, "/api/v1/status", NULL, pi_v1_status, 0},
    {READ, "/api/v1/storage", NULL, pi_v1_storage, 0},
    {READ, "/api/v1/job", NULL, pi_v1_job, 0},
    {LINK_DELETE, "/api/v1/job/{}", NULL, pi_v1_job_delete, PATTERN},
    {LINK_PUT, "/api/v1/job/{}/{}", NULL, pi_v1_job_put, PATTERN},
    {READ, "/api/v1/transfer", NULL, pi_v1_transfer, 0},
    {LINK_DELETE, "/api/v1/transfer", NULL, pi_v1_transfer_delete, 0},
    {LINK_HEAD, "/api/v1/files/{}", NULL, pi_v1_files_head, OPEN | PATTERN},
    {LINK_HEAD, "/api/v1/files/{}/{*}", NULL, pi_v1_files_head, OPEN | PATTERN},
    {LINK_GET, "/api/v1/files/{}", NULL, pi_v1_files_get, PATTERN},
    {LINK_GET, "/api/v1/files/{}/{*}", NULL, pi_v1_files_get, PATTERN},
    {LINK_PUT, "/api/v1/files/{}/{*}", pi_v1_put, NULL, PATTERN},
    {LINK_POST, "/api/v1/files/{}/{*}", NULL, pi_v1_files_post, PATTERN},
    {LINK_DELETE, "/api/v1/files/{}/{*}", NULL, pi_v1_files_delete, PATTERN},
    {READ, "/api/v1/cameras", NULL, pi_cameras, 0},
    {LINK_PUT, "/api/v1/cameras", NULL, pi_cameras_order, 0},
    {READ, "/api/v1/cameras/snap", NULL, pi_camera_snap_first, 0},
    {READ, "/api/v1/cameras/{}", NULL, pi_camera_get, PATTERN},
    {LINK_POST, "/api/v1/cameras/{}", NULL, pi_camera_post, PATTERN},
    {LINK_DELETE, "/api/v1/cameras/{}", NULL, pi_camera_delete, PATTERN},
    {READ, "/api/v1/cameras/{}/snap", NULL, pi_camera_snap, PATTERN},
    {LINK_POST, "/api/v1/cameras/{}/snap", NULL, pi_camera_shoot, PATTERN},
    {LINK_PATCH, "/api/v1/cameras/{}/config", NULL, pi_camera_set, PATTERN},
    {LINK_DELETE, "/api/v1/cameras/{}/config", NULL, pi_camera_reset, PATTERN},
    {LINK_POST, "/api/v1/cameras/{}/connection", NULL, pi_camera_register, PATTERN},
    {LINK_DELETE, "/api/v1/cameras/{}/connection", NULL, pi_camera_unregister, PATTERN},
    {READ, "/api/v1/update/{}", NULL, pi_update, PATTERN},
    {LINK_POST, "/api/v1/update/{}", NULL, pi_update_post, PATTERN},
    {READ, "/api/printer", NULL, pi_printer, 0},
    {READ, "/api/printer/sd", NULL, pi_printer_sd, 0},
    {LINK_POST, "/api/printer/ready", NULL, pi_ready_post, 0},
    {LINK_DELETE, "/api/printer/ready", NULL, pi_ready_delete, 0},
    {LINK_POST, "/api/printer/printhead", NULL, pi_printhead, 0},
    {LINK_POST, "/api/printer/tool", NULL, pi_tool, 0},
    {LINK_POST, "/api/printer/bed", NULL, pi_bed, 0},
    {READ, "/api/job", NULL, pi_job, 0},
    {LINK_POST, "/api/job", NULL, pi_job_command, 0},
    {READ, "/api/files", NULL, pi_files, 0},
    {READ, "/api/files/path/{*}", NULL, pi_files_path, PATTERN},
    {LINK_POST, "/api/files/{}", pi_multipart_post, NULL, PATTERN},
    {READ, "/api/files/{}/{*}", NULL, pi_file_get, PATTERN},
    {LINK_POST, "/api/files/{}/{*}", NULL, pi_file_post, PATTERN},
    {LINK_DELETE, "/api/files/{}/{*}", NULL, pi_file_delete, PATTERN},
    {READ, "/api/thumbnails/{*}", NULL, pi_thumbnail, PATTERN},
    {READ, "/api/download", NULL, pi_transfer, 0},
    {LINK_DELETE, "/api/download", NULL, pi_download_delete, 0},
    {LINK_POST, "/api/download/{}", NULL, pi_download_post, PATTERN},
    {READ, "/api/transfer", NULL, pi_transfer, 0},
    {LINK_POST, "/api/folder/{}/{*}", NULL, pi_folder_post, PATTERN},
    {LINK_DELETE, "/api/folder/{}/{*}", NULL, pi_folder_delete, PATTERN},
    {LINK_POST, "/api/modify/{}", NULL, pi_modify, PATTERN},
    {READ, "/api/settings", NULL, pi_settings_get, 0},
    {LINK_POST, "/api/settings", NULL, pi_settings_post, DIGEST_ONLY},
    {LINK_POST, "/api/settings/apikey", NULL, pi_apikey_post, 0},
    {LINK_DELETE, "/api/settings/apikey", NULL, pi_apikey_delete, 0},
    {READ, "/api/settings/sn", NULL, pi_serial_get, 0},
    {LINK_POST, "/api/settings/sn", NULL, pi_serial_post, 0},
    {READ, "/api/connection", NULL, pi_connection_get, 0},
    {LINK_POST, "/api/connection", NULL, pi_connection_post, 0},
    {LINK_DELETE, "/api/connection", NULL, pi_connection_delete, 0},
    {READ, "/api/ports", NULL, pi_ports, OPEN},
    {READ, "/api/timelapse", NULL, pi_timelapse, 0},
    {READ, "/api/logs", NULL, pi_logs, 0},
    {READ, "/api/logs/{}", NULL, pi_log, PATTERN},
};

enum link_method pi_method(const struct link_request *request)
{
    enum link_method method = link_method_of(request->method);
    bool known = strcmp(request->method, "OPTIONS") == 0 || strcmp(request->method, "TRACE") == 0 ||
                 strcmp(request->method, "CONNECT") == 0;
    return method == LINK_OTHER && !known && link_quirk(request->face, 54) ? LINK_GET : method;
}

/* The parts of the path that is looked up are cut out of a copy: pages show the whole. */
static const struct link_route *route_of(struct link_request *request)
{
    const char *copy = link_request_text(request, slice_of(routed_path(request)));
    const struct link_route *other;
    const struct link_route *route =
        link_route_find(routes, sizeof routes / sizeof *routes, pi_method(request), (char *)copy,
                        request->parameters, &other);
    if (route == NULL && other != NULL && (other->flags & PATTERN) == 0) {
        pi_send_405(request);
    } else if (route == NULL) {
        pi_send_404(request);
    }
    return route;
}

/* The framework makes JSON of a body before it looks at the path (cap 21, 42). */
static bool readable(struct link_request *request)
{
    const char *type = link_request_header(request, "Content-Type");
    if (request->body_length == -2) {
        const char *length = link_request_header(request, "Content-Length");
        if (length != NULL && *length == '-') {
            request->body_length = -1; /* a number, though not a length */
            return true;
        }
        pi_send_500_page(request);
        return false;
    }
    if (type == NULL || strncmp(type, "application/json", 16) != 0 || request->body_length <= 0) {
        return true;
    }
    struct slice body = request->message->body;
    struct cJSON *json = python_json_parse(body.bytes, body.size, NULL);
    if (json == NULL) {
        pi_send_400_page(request);
    }
    cJSON_Delete(json);
    return json != NULL;
}

static bool up(struct link_request *request)
{
    struct pi *pi = pi_of(request);
    if (request->face->world->now_us - pi->started_us >= PI_UP_AFTER) {
        return true;
    }
    pi_send_error(request, PI_UNAVAILABLE);
    return false;
}

/* The route of a request that may go on; NULL: answered. */
static const struct link_route *admitted(struct link_request *request)
{
    const struct link_route *route = route_of(request);
    if (route == NULL || (route->flags & OPEN) != 0) {
        return route;
    }
    bool digest_only = (route->flags & DIGEST_ONLY) != 0;
    return up(request) && pi_allowed(request, digest_only) ? route : NULL;
}

/* --- the framework's calls --- */

/* UPGRADE has the whole program start anew, and the server with it (connect-sdk.md 5.4). */
static void follow_program(struct link_request *request)
{
    struct pi *pi = pi_of(request);
    const struct connect_face *connect = link_connect(pi->face);
    if (connect == NULL) {
        return;
    }
    int64_t started_us = connect_face_started_us(connect);
    bool anew = pi->connect_us >= 0 && pi->connect_us != started_us;
    pi->connect_us = started_us;
    if (anew) {
        pi_restart(pi, started_us, request);
    }
}

static void pi_handle(struct link_request *request)
{
    const struct link_route *route = readable(request) ? admitted(request) : NULL;
    if (route != NULL && request->broken_path) {
        pi_send_404(request); /* what has a NUL in its name is nowhere */
    } else if (route != NULL && route->handle != NULL) {
        route->handle(request);
    } else if (route != NULL) {
        route->begin(request); /* an upload whose type is read as JSON: it is refused */
    }
}

static bool takes_uploads(struct link_request *request)
{
    const char *type = link_request_header(request, "Content-Type");
    enum link_method method = pi_method(request);
    const char *path = routed_path(request);
    bool json = type != NULL && strncmp(type, "application/json", 16) == 0;
    return !json && ((method == LINK_PUT && strncmp(path, "/api/v1/files/", 14) == 0) ||
                     (method == LINK_POST && strncmp(path, "/api/files/", 11) == 0 &&
                      strchr(path + 11, '/') == NULL));
}

static enum http_body_plan pi_begin(struct link_request *request)
{
    follow_program(request);
    if (pi_version_lost(request)) {
        return HTTP_BODY_PIECES;
    }
    if (takes_uploads(request)) {
        const struct link_route *route = readable(request) ? admitted(request) : NULL;
        return route == NULL          ? HTTP_BODY_PIECES
               : route->begin != NULL ? route->begin(request)
                                      : HTTP_BODY_WHOLE;
    }
    if (request->body_length > PI_BLOCK_BYTES) {
        pi_handle(request); /* it reads no more than a block of what it did not ask for */
        return HTTP_BODY_PIECES;
    }
    return HTTP_BODY_WHOLE;
}

struct cJSON *pi_any_body(struct link_request *request)
{
    const char *type = link_request_header(request, "Content-Type");
    if (type == NULL || strncmp(type, "application/json", 16) != 0) {
        return NULL;
    }
    struct slice body = request->message->body;
    return python_json_parse(body.bytes, body.size, NULL);
}

struct cJSON *pi_body(struct link_request *request)
{
    struct cJSON *json = pi_any_body(request);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

/* --- the machine's events --- */

static void on_state(void *owner, const struct state_change *change)
{
    struct pi *pi = owner;
    const struct machine_job *job = machine_job(pi->face->machine);
    pi->seen = pi->seen || change->to != STATE_BUSY;
    if (change->to == STATE_PRINTING && job != NULL) {
        pi->job_id = job->id;
        pi_select(pi, job->path);
    }
}

static void on_medium(void *owner, const struct storage *storage, bool attached)
{
    (void)storage;
    (void)attached;
    pi_tree_changed(owner);
}

static void on_file(void *owner, const struct storage *storage, enum storage_change_kind kind,
                    const char *path)
{
    (void)storage;
    struct pi *pi = owner;
    if (file_path_hidden(path)) {
        return; /* an upload that comes in: no watch tells of it */
    }
    bool deleted = kind == STORAGE_DELETED;
    bool idle = machine_job(pi->face->machine) == NULL;
    if (deleted && idle && pi->selected != NULL && strcmp(pi->selected, path) == 0) {
        pi_select(pi, NULL);
    }
    pi_tree_changed(pi);
}

static const struct machine_events machine_events = {
    .state_changed = on_state, .medium_changed = on_medium, .file_changed = on_file};

/* --- life --- */

/* Equal seed, printer and time of start give equal secrets; nobody else's random numbers change. */
static void make_secrets(struct pi *pi)
{
    const struct link_face *face = pi->face;
    struct buffer text = {0};
    buffer_format(&text, "%llu %s %lld", (unsigned long long)face->world->seed,
                  machine_serial(face->machine), (long long)face->world->now_us);
    digest_sha256_hex(pi->secret, text.bytes, text.size);
    char sum[65];
    digest_sha256_hex(sum, pi->secret, 64);
    snprintf(pi->instance, sizeof pi->instance, "%.8s-%.4s-4%.3s-a%.3s-%.12s", sum, sum + 8,
             sum + 12, sum + 15, sum + 18);
    buffer_free(&text);
}

static void pi_open(struct link_face *face)
{
    struct pi *pi = memory_new(sizeof *pi);
    const struct link_settings *settings = face->settings;
    *pi = (struct pi){
        .face = face,
        .started_us = face->world->now_us - (settings->at_work ? SECONDS(3600) : 0),
        .connect_us = -1,
        .seen = machine_state(face->machine) != STATE_BUSY,
        .printer_name = memory_copy_text(settings->name == NULL ? "" : settings->name),
        .location = memory_copy_text(settings->location == NULL ? "" : settings->location),
        .farm_mode = settings->farm_mode,
        .chime = settings->network_error_chime,
    };
    face->dialect_state = pi;
    make_secrets(pi);
    timer_init(&pi->queue, pi_job_queue, pi);
    timer_init(&pi->restart, pi_restart_now, pi);
    pi_tree_open(pi);
    face->listener = (struct machine_listener){.events = &machine_events, .face = pi};
    machine_listen(face->machine, &face->listener);
}

/* What lives no longer than a run of the program. */
static void end_run(struct pi *pi)
{
    world_cancel(pi->face->world, &pi->queue);
    pi_download_destroy(pi);
    pi_tree_close(pi);
    pi_facts_free(pi);
    if (pi->slot_stuck) {
        machine_transfer_end(pi->face->machine, TRANSFER_ABORTED); /* the restart frees it */
    }
}

void pi_restart(struct pi *pi, int64_t started_us, const struct link_request *except)
{
    for (struct link_request *request = pi->face->requests, *next; request != NULL;
         request = next) {
        next = request->next;
        if (request == except) {
            continue;
        }
        if (request->task != NULL && request->task->cut != NULL) {
            request->task->cut(request->task, LINK_CUT_BROKEN);
        }
        link_request_reset(request);
    }
    end_run(pi);
    pi->started_us = started_us;
    pi->seen = pi->slot_stuck = pi->key_empty = false;
    pi->order = 0;
    pi->facts = NULL;
    pi->facts_count = pi->view_count = 0;
    pi->views = NULL;
    make_secrets(pi);
    pi_tree_open(pi);
    const struct machine_job *job = machine_job(pi->face->machine);
    pi_select(pi, job == NULL ? NULL : job->path);
}

static void pi_close(struct link_face *face)
{
    struct pi *pi = face->dialect_state;
    machine_unlisten(face->machine, &face->listener);
    world_cancel(face->world, &pi->restart);
    end_run(pi);
    free(pi->selected);
    free(pi->version);
    free(pi->printer_name);
    free(pi->location);
    free(pi);
}

/* Its makers give none; this one keeps their rules and is another for each printer. */
static void pi_password(const struct machine *machine, char out[32])
{
    char sum[65];
    const char *serial = machine_serial(machine);
    digest_sha256_hex(sum, serial, strlen(serial));
    snprintf(out, 32, "Pi%.10s0", sum);
}

static const char *pi_hostname(const struct machine *machine)
{
    (void)machine;
    return "prusalink";
}

const struct link_dialect link_dialect_pi = {
    .name = "pi",
    .user = "maker",
    .manners = {.lax = HTTP_LAX_LF | HTTP_LAX_TARGET | HTTP_LAX_LENGTH,
                .any_host = true,
                .no_continue = true,
                .half_closed = true,
                .head_bytes_max = 65536},
    .limits = {.connections_max =
                   1024}, /* a thread each: the operating system's limit, not its own */
    .body_bytes_max = PI_BLOCK_BYTES,
    .make_password = pi_password,
    .hostname = pi_hostname,
    .check = pi_check,
    .open = pi_open,
    .close = pi_close,
    .begin = pi_begin,
    .handle = pi_handle,
    .refused = pi_refused,
};
