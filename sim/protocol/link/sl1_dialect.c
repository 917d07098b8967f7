#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/link/sl1_link.h"

/* The server of SL1 and SL1S: which request goes where (prusalink.md 1.3). There is no v1. */

/* ---- documents ---- */

static void answer_view(struct link_request *request, sl1_view *view)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    view(request, &json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 200, &body, NULL);
    buffer_free(&body);
}

#define DOCUMENT(name)                                                                             \
    static void get_##name(struct link_request *request)                                           \
    {                                                                                              \
        answer_view(request, sl1_view_##name);                                                     \
    }

DOCUMENT(version)
DOCUMENT(printer)
DOCUMENT(job)
DOCUMENT(sd)
DOCUMENT(settings)
DOCUMENT(connection)
DOCUMENT(profiles)
DOCUMENT(commands)
DOCUMENT(logs)
DOCUMENT(users)

static void get_transfer(struct link_request *request)
{
    if (machine_transfer(request->face->machine) == NULL) {
        sl1_reply_empty(request, 204);
    } else {
        answer_view(request, sl1_view_transfer);
    }
}

/* What is wrong with the printer, or else with the last request. */
static void get_error(struct link_request *request)
{
    int code = machine_resin_code(request->face->machine);
    code = code != 0 ? code : sl1_link_of(request)->last_error;
    if (code == 0) {
        sl1_reply_empty(request, 204);
    } else {
        sl1_reply_error(request, code, 200);
    }
}

/* Taken, without an effect. */
static void nothing_to_do(struct link_request *request)
{
    sl1_reply_empty(request, 204);
}

/* A file of the firmware that nginx sends as it is; it is not there before a layer is exposed. */
static void get_live_picture(struct link_request *request)
{
    struct buffer picture = {0};
    if (machine_live_picture(request->face->machine, &picture)) {
        sl1_reply_bytes(request, "image/png", picture.bytes, picture.size);
    } else {
        sl1_reply_page(request, 404);
    }
    buffer_free(&picture);
}

/* The list of them is empty. */
static void get_log(struct link_request *request)
{
    sl1_reply_error(request, SL1_FILE_NOT_FOUND, 0);
}

static void get_old_projects(struct link_request *request)
{
    static const char page[] = "<html>\r\n<head><title>Index of /old-projects/</title></head>\r\n"
                               "<body>\r\n<h1>Index of /old-projects/</h1><hr><pre>"
                               "<a href=\"../\">../</a>\r\n</pre><hr></body>\r\n</html>\r\n";
    sl1_reply_bytes(request, "text/html", page, sizeof page - 1);
}

/* ---- routes ---- */

enum { OPEN_ROUTE = 1, JSON_BODY = 2 };

static const struct link_route routes[] = {
    {LINK_GET | LINK_HEAD, "/api/version", NULL, get_version, 0},
    {LINK_GET | LINK_HEAD, "/api/printer", NULL, get_printer, 0},
    {LINK_GET | LINK_HEAD, "/api/printer/sd", NULL, get_sd, 0},
    {LINK_GET | LINK_HEAD, "/api/printer/error", NULL, get_error, 0},
    {LINK_POST, "/api/printer/printhead", NULL, sl1_printer_command, JSON_BODY},
    {LINK_POST, "/api/printer/tool", NULL, sl1_printer_command, JSON_BODY},
    {LINK_POST, "/api/printer/bed", NULL, sl1_printer_command, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/api/job", NULL, get_job, 0},
    {LINK_POST, "/api/job", NULL, sl1_job_command, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/api/files", NULL, sl1_list_all, 0},
    {LINK_GET | LINK_HEAD, "/api/files/{}", NULL, sl1_get_file, 0},
    {LINK_POST, "/api/files/{}", sl1_upload_begin, NULL, 0},
    {LINK_GET | LINK_HEAD, "/api/files/{}/{*}", NULL, sl1_get_file, 0},
    {LINK_POST, "/api/files/{}/{*}", NULL, sl1_select_file, JSON_BODY},
    {LINK_DELETE, "/api/files/{}/{*}", NULL, sl1_delete_file, 0},
    {LINK_GET | LINK_HEAD, "/api/downloads/{}/{*}", NULL, sl1_download, 0},
    {LINK_GET | LINK_HEAD, "/api/thumbnails/{*}", NULL, sl1_thumbnail, 0},
    {LINK_GET | LINK_HEAD, "/api/download", NULL, get_transfer, 0},
    {LINK_DELETE, "/api/download", NULL, sl1_fetch_stop, 0},
    {LINK_POST, "/api/download/{}", NULL, sl1_fetch_begin, JSON_BODY},
    {LINK_POST, "/api/folder/{}/{*}", NULL, sl1_folder_make, 0},
    {LINK_DELETE, "/api/folder/{}/{*}", NULL, sl1_folder_delete, 0},
    {LINK_POST, "/api/modify/{}", NULL, sl1_modify, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/api/transfer", NULL, get_transfer, 0},
    {LINK_GET | LINK_HEAD, "/api/settings", NULL, get_settings, 0},
    {LINK_POST, "/api/settings", NULL, sl1_settings_post, JSON_BODY},
    {LINK_GET, "/api/settings/apikey", NULL, sl1_key_get, 0},
    {LINK_POST, "/api/settings/apikey", NULL, sl1_key_post, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/api/settings/sn", NULL, sl1_serial_get, 0},
    {LINK_POST, "/api/settings/sn", NULL, sl1_serial_post, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/api/access/users", NULL, get_users, 0},
    {LINK_GET | LINK_HEAD, "/api/connection", NULL, get_connection, 0},
    {LINK_POST, "/api/connection", NULL, nothing_to_do, 0},
    {LINK_GET | LINK_HEAD, "/api/printerprofiles", NULL, get_profiles, 0},
    {LINK_GET | LINK_HEAD, "/api/logs", NULL, get_logs, 0},
    {LINK_GET | LINK_HEAD, "/api/logs/{}", NULL, get_log, 0},
    {LINK_GET | LINK_HEAD, "/api/system/commands", NULL, get_commands, 0},
    {LINK_POST, "/api/system/commands/custom/{}", NULL, sl1_custom_command, JSON_BODY},
    {LINK_GET | LINK_HEAD, "/live.png", NULL, get_live_picture, 0},
    {LINK_GET | LINK_HEAD, "/old-projects/", NULL, get_old_projects, 0},
    {LINK_GET | LINK_HEAD, "/old-projects", NULL, get_old_projects, 0},
};

static bool under(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0;
}

static bool is_protected(const char *path)
{
    return under(path, "/api") || under(path, "/live.png") || under(path, "/old-projects");
}

/* Any path that is no file of the interface gives its first page. */
static void answer_page(struct link_request *request)
{
    static const char page[] = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                               "<title>Prusa SL1</title></head>\n"
                               "<body><h1>Prusa SL1</h1><p>A virtual printer.</p></body></html>\n";
    if (request->message == NULL ||
        (link_method_of(request->method) & (LINK_GET | LINK_HEAD)) == 0) {
        sl1_reply_page(request, 405);
    } else {
        sl1_reply_bytes(request, "text/html", page, sizeof page - 1);
    }
}

/* ---- requests ---- */

/* nginx looks at the size and at the credentials; the rest is the program's. */
static enum http_body_plan begin(struct link_request *request)
{
    const struct link_route *route, *other;
    const char *accept = link_request_header(request, "Accept");
    request->host = link_request_header(request, "Host");
    request->accepts_json = accept != NULL && strstr(accept, "application/json") != NULL;
    if (request->body_length > 0 && (uint64_t)request->body_length > SL1_UPLOAD_BYTES_MAX) {
        sl1_reply_page(request, 413);
        return HTTP_BODY_PIECES;
    }
    if (request->broken_path || strstr(request->path, "/../") != NULL) {
        sl1_reply_page(request, 400);
        return HTTP_BODY_PIECES;
    }
    if (!is_protected(request->path)) {
        answer_page(request);
        return HTTP_BODY_PIECES;
    }
    if (!sl1_auth_check(request)) {
        return HTTP_BODY_PIECES;
    }
    route = link_route_find(routes, sizeof routes / sizeof *routes, link_method_of(request->method),
                            request->path, request->parameters, &other);
    if (route == NULL) {
        sl1_reply_error(request, SL1_BAD_REQUEST, other == NULL ? 404 : 405);
        return HTTP_BODY_PIECES;
    }
    if (route->begin != NULL) {
        return route->begin(request);
    }
    bool none =
        request->body_length == 0 ||
        (request->body_length == -1 && link_request_header(request, "Transfer-Encoding") == NULL);
    if ((route->flags & JSON_BODY) == 0 || none) {
        route->handle(request);
        return HTTP_BODY_PIECES;
    }
    request->route = route;
    return HTTP_BODY_WHOLE;
}

static void handle(struct link_request *request)
{
    if (!sl1_body_good(request)) {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
        return;
    }
    request->route->handle(request);
}

static void refused(struct link_request *request, enum http_problem problem, struct slice seen)
{
    (void)seen;
    sl1_reply_page(request, problem == HTTP_PROBLEM_TIME        ? 408
                            : problem == HTTP_PROBLEM_HEAD_SIZE ? 414
                            : problem == HTTP_PROBLEM_BODY_SIZE ? 413
                            : problem == HTTP_PROBLEM_VERSION   ? 505
                                                                : 400);
}

/* ---- life ---- */

static void file_changed(void *owner, const struct storage *storage, enum storage_change_kind kind,
                         const char *path)
{
    (void)storage;
    (void)kind;
    (void)path;
    ((struct sl1_link *)owner)->changes++;
}

static void medium_changed(void *owner, const struct storage *storage, bool attached)
{
    (void)storage;
    (void)attached;
    ((struct sl1_link *)owner)->changes++;
}

static const struct machine_events events = {.file_changed = file_changed,
                                             .medium_changed = medium_changed};

static void open_dialect(struct link_face *face)
{
    struct sl1_link *link = memory_new(sizeof *link);
    *link = (struct sl1_link){
        .face = face,
        .nonces = {.unused_us = SECONDS(120), .used_us = SECONDS(30), .uses_max = 30},
        .changes = (uint32_t)(world_wall_us(face->world) / SECONDS(1)),
    };
    face->dialect_state = link;
    face->listener = (struct machine_listener){.events = &events, .face = link};
    machine_listen(face->machine, &face->listener);
}

static void close_dialect(struct link_face *face)
{
    struct sl1_link *link = face->dialect_state;
    machine_unlisten(face->machine, &face->listener);
    sl1_fetch_destroy(link);
    digest_nonces_free(&link->nonces);
    free(link->name);
    free(link->location);
    free(link);
}

static void make_password(const struct machine *machine, char out[32])
{
    enum { PASSWORD_SIZE = 8 };
    char hash[65];
    digest_sha256_hex(hash, machine_serial(machine), strlen(machine_serial(machine)));
    snprintf(out, 32, "%.*s", PASSWORD_SIZE, hash);
}

static bool check(const struct link_settings *settings, struct error *error)
{
    enum { PASSWORD_MIN = 8 };
    if (settings->user != NULL && strcmp(settings->user, "maker") != 0) {
        return error_set(error, "the user of this printer's PrusaLink is always \"maker\"");
    }
    return settings->password == NULL || strlen(settings->password) >= PASSWORD_MIN ||
           error_set(error, "a password of this printer has at least 8 characters");
}

static const char *hostname(const struct machine *machine)
{
    return strcmp(machine_model(machine)->resin.project_model, "SL1S") == 0 ? "prusa-sl1s"
                                                                            : "prusa-sl1";
}

const struct link_dialect link_dialect_sl1 = {
    .name = "sl1",
    .user = "maker",
    .manners = {.lax = HTTP_LAX_LF, .half_closed = true},
    /* nginx's own defaults */
    .limits = {.idle_timeout_us = SECONDS(60), .silence_timeout_us = SECONDS(60)},
    .body_bytes_max = SL1_BODY_BYTES_MAX,
    .make_password = make_password,
    .check = check,
    .open = open_dialect,
    .close = close_dialect,
    .begin = begin,
    .handle = handle,
    .refused = refused,
    .hostname = hostname,
};
