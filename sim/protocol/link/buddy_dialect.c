#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/base/memory.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/link/buddy_link.h"

/* The server in Buddy firmware: which request goes where (prusalink.md 1.3; PFB:
 * lib/WUI/link_content/prusa_link_api_v1.cpp, prusa_link_api_octo.cpp, static_file.cpp). Queries
 * are part of a name: "/api/v1/status?x" is unknown. */

/* ---- documents ---- */

static void answer_view(struct link_request *request, const struct buddy_asked *asked,
                        buddy_view *view)
{
    if (asked->method != LINK_GET) {
        buddy_refuse_body(request, asked->json, 405, NULL); /* there may be a body */
        return;
    }
    struct buddy_message message = {0};
    view(request->face, &message);
    buddy_document_reply(request,
                         &(struct buddy_document){.status = 200, .keep_alive = asked->keep_alive},
                         &message);
    buddy_message_free(&message);
}

static void answer_view_if(struct link_request *request, const struct buddy_asked *asked,
                           bool there, buddy_view *view)
{
    if (there) {
        answer_view(request, asked, view);
    } else {
        buddy_refuse(request, asked, 204, NULL);
    }
}

/* ---- files ---- */

/* False: it was refused. */
static bool path_or_refusal(struct link_request *request, const struct buddy_asked *asked,
                            const char *prefix, size_t room, bool octoprint, struct buffer *path)
{
    enum buddy_path kind = buddy_path_of(asked->target, strlen(prefix), room, octoprint, path);
    if (kind != BUDDY_PATH_GOOD) {
        buddy_refuse(request, asked, kind == BUDDY_PATH_BAD ? 404 : 403, NULL);
    }
    return kind == BUDDY_PATH_GOOD;
}

static enum http_body_plan v1_file(struct link_request *request, const struct buddy_asked *asked,
                                   const char *path)
{
    uint32_t etag = buddy_etag(buddy_link_of(request), path);
    bool look = asked->method == LINK_GET || asked->method == LINK_HEAD;
    if (look && etag != 0 && etag == asked->none_match) {
        buddy_page_reply(request, &(struct buddy_page){.status = 304,
                                                       .closing = buddy_closing_plain(asked),
                                                       .etag = &etag});
        return HTTP_BODY_IGNORED;
    }
    if (look) {
        buddy_listing_reply(request, &(struct buddy_listing){.path = path,
                                                             .head = asked->method == LINK_HEAD,
                                                             .keep_alive = asked->keep_alive,
                                                             .json = asked->json,
                                                             .etag = &etag});
    } else if (asked->method == LINK_PUT && asked->make_folder) {
        buddy_make_folder(request, asked, path);
    } else if (asked->method == LINK_PUT) {
        return buddy_upload_begin(request, asked, path);
    } else if (asked->method == LINK_DELETE) {
        buddy_delete_file(request, asked, path);
    } else {
        buddy_print_file(request, asked, path);
    }
    return HTTP_BODY_IGNORED;
}

static enum http_body_plan octo_file(struct link_request *request, const struct buddy_asked *asked,
                                     const char *path)
{
    switch (asked->method) {
    case LINK_GET: {
        uint32_t etag = buddy_etag(buddy_link_of(request), path);
        buddy_listing_reply(request, &(struct buddy_listing){.path = path,
                                                             .octoprint = true,
                                                             .keep_alive = asked->keep_alive,
                                                             .json = asked->json,
                                                             .etag = &etag});
        return HTTP_BODY_IGNORED;
    }
    case LINK_DELETE:
        buddy_delete_file(request, asked, path);
        return HTTP_BODY_IGNORED;
    case LINK_POST:
        return buddy_file_command(request, asked, path);
    default:
        buddy_refuse_body(request, asked->json, 405, NULL);
        return HTTP_BODY_IGNORED;
    }
}

/* ---- the two interfaces ---- */

static bool begins(const char *text, const char *prefix, const char **rest)
{
    size_t size = strlen(prefix);
    *rest = text + size;
    return strncmp(text, prefix, size) == 0;
}

static enum http_body_plan route_v1(struct link_request *request, const struct buddy_asked *asked,
                                    const char *name)
{
    enum { ROOM = BUDDY_LINK_TARGET_MAX + 1 }; /* for any target */
    struct machine *machine = request->face->machine;
    enum http_body_plan plan = HTTP_BODY_IGNORED;
    const char *rest;
    if (strcmp(name, "storage") == 0) {
        answer_view(request, asked, buddy_view_storage);
    } else if (strcmp(name, "info") == 0) {
        answer_view(request, asked, buddy_view_info);
    } else if (strcmp(name, "status") == 0) {
        answer_view(request, asked, buddy_view_status);
    } else if (begins(name, "job/", &rest)) {
        buddy_job_request(request, asked, rest);
    } else if (strcmp(name, "job") == 0) {
        answer_view_if(request, asked, buddy_has_job(machine), buddy_view_job);
    } else if (strcmp(name, "transfer") == 0) {
        answer_view_if(request, asked, machine_transfer(machine) != NULL, buddy_view_transfer);
    } else if (begins(name, "files", &rest)) {
        struct buffer path = {0};
        if (path_or_refusal(request, asked, "/api/v1/files", ROOM, false, &path)) {
            plan = v1_file(request, asked, buffer_text(&path));
        }
        buffer_free(&path);
    } else {
        buddy_refuse(request, asked, 404, NULL);
    }
    return plan;
}

static enum http_body_plan octo_files(struct link_request *request, const struct buddy_asked *asked)
{
    static const char prefix[] = "/api/files";
    struct buffer path = {0};
    enum http_body_plan plan = HTTP_BODY_IGNORED;
    if (asked->method == LINK_POST && asked->boundary) {
        buddy_refuse(request, asked, 410, NULL); /* uploads are by PUT */
    } else if (path_or_refusal(request, asked, prefix, BUDDY_LINK_PATH_MAX + sizeof prefix, true,
                               &path)) {
        plan = octo_file(request, asked, buffer_text(&path));
    }
    buffer_free(&path);
    return plan;
}

static void answer_settings(struct link_request *request, const struct buddy_asked *asked)
{
    static const char settings[] = "{\"printer\": {}}";
    if (asked->method != LINK_GET) {
        buddy_refuse_body(request, asked->json, 405, NULL);
        return;
    }
    buddy_bytes_reply(request,
                      &(struct buddy_document){.status = 200, .keep_alive = asked->keep_alive},
                      "application/json", settings, sizeof settings - 1, NULL);
}

static enum http_body_plan route_octo(struct link_request *request, const struct buddy_asked *asked,
                                      const char *name)
{
    const char *rest;
    if (strcmp(name, "settings") == 0) {
        answer_settings(request, asked);
    } else if (begins(name, "files", &rest)) {
        return octo_files(request, asked);
    } else if (strcmp(name, "version") == 0) {
        answer_view(request, asked, buddy_view_version);
    } else if (strcmp(name, "job") == 0 && asked->method == LINK_POST) {
        return buddy_job_command(request, asked);
    } else if (strcmp(name, "job") == 0) {
        answer_view(request, asked, buddy_view_job_octo);
    } else if (strcmp(name, "printer") == 0) {
        answer_view(request, asked, buddy_view_printer);
    } else if (strcmp(name, "download") == 0 || strcmp(name, "transfer") == 0) {
        answer_view_if(request, asked, machine_transfer(request->face->machine) != NULL,
                       buddy_view_transfer_octo);
    } else {
        buddy_refuse(request, asked, 404, NULL);
    }
    return HTTP_BODY_IGNORED;
}

/* ---- the page ---- */

static const char page[] = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<title>PrusaLink</title></head>\n"
                           "<body><h1>PrusaLink</h1><p>A virtual printer.</p></body></html>\n";

/* All of the interface is kept packed, and sent so whatever the client accepts. */
static void answer_page(struct link_request *request, const struct buddy_asked *asked)
{
    unsigned char packed[sizeof page + 64];
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)page,
                       .avail_in = sizeof page - 1,
                       .next_out = packed,
                       .avail_out = sizeof packed};
    enum { GZIP = 16 };
    deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MAX_MEM_LEVEL,
                 Z_DEFAULT_STRATEGY);
    deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    uint32_t etag = (uint32_t)crc32(0, packed, (uInt)stream.total_out);
    if (asked->none_match == etag) {
        buddy_page_reply(request, &(struct buddy_page){.status = 304,
                                                       .closing = buddy_closing_plain(asked),
                                                       .etag = &etag});
        return;
    }
    buddy_bytes_reply(request,
                      &(struct buddy_document){.status = 200,
                                               .keep_alive = asked->keep_alive,
                                               .etag = &etag,
                                               .headers = "Content-Encoding: gzip\r\n"},
                      "text/html; charset=utf-8", packed, stream.total_out, NULL);
}

/* ---- requests ---- */

static enum http_body_plan route(struct link_request *request, const struct buddy_asked *asked)
{
    const char *rest;
    bool api = begins(asked->target, "/api/", &rest);
    bool drive = begins(asked->target, "/usb/", &rest) ||
                 (begins(asked->target, "/thumb/", &rest) && strlen(rest) >= 2);
    if ((api || drive) && !buddy_auth_check(request, asked)) {
        return HTTP_BODY_IGNORED;
    }
    if (begins(asked->target, "/api/v1/", &rest)) {
        return route_v1(request, asked, rest);
    }
    if (begins(asked->target, "/api/", &rest)) {
        return route_octo(request, asked, rest);
    }
    if (drive && asked->target[1] == 'u') {
        buddy_download_reply(request, asked);
    } else if (drive) {
        buddy_thumbnail_reply(request, asked);
    } else if (asked->method == LINK_GET &&
               (strcmp(asked->target, "/") == 0 || strcmp(asked->target, "/index.html") == 0)) {
        answer_page(request, asked);
    } else {
        buddy_refuse(request, asked, 404, NULL);
    }
    return HTTP_BODY_IGNORED;
}

/* What the request's own form is refused with comes before its credentials are looked at. */
static enum http_body_plan begin(struct link_request *request)
{
    struct buddy_asked asked;
    if (machine_state(request->face->machine) == STATE_ERROR) {
        link_request_reset(request); /* a halted printer shows its error and serves nothing */
        return HTTP_BODY_IGNORED;
    }
    buddy_head_read(request, &asked);
    bool swallow = !link_quirk(request->face, 29) && request->body_length > 0;
    enum http_body_plan plan = HTTP_BODY_IGNORED;
    if (asked.error != 0) {
        buddy_page_reply(request, &(struct buddy_page){.status = asked.error,
                                                       .closing = asked.error == 400
                                                                      ? BUDDY_ERROR_CLOSE
                                                                      : buddy_closing_plain(&asked),
                                                       .json = asked.json});
    } else if (asked.method == LINK_OTHER) {
        buddy_refuse(request, &asked, 405, "Unrecognized method");
    } else {
        plan = route(request, &asked);
    }
    /* A known defect: a body that is not asked for is taken for the next request. */
    return plan == HTTP_BODY_IGNORED && swallow ? HTTP_BODY_PIECES : plan;
}

/* Every request is answered, or has a task, before its body. */
static void handle(struct link_request *request)
{
    link_request_reset(request);
}

static void refused(struct link_request *request, enum http_problem problem, struct slice seen)
{
    int status = 400;
    if (problem == HTTP_PROBLEM_TIME) {
        buddy_goodbye(request);
        return;
    }
    if (problem == HTTP_PROBLEM_HEAD_SIZE) {
        status = memchr(seen.bytes, '\n', seen.size) == NULL ? 414 : 431;
    }
    buddy_refuse_body(request, false, status, NULL);
}

/* ---- life ---- */

static void folders_changed(struct buddy_link *link, unsigned char how, const char *path)
{
    link->changes = (uint32_t)crc32(link->changes, &how, 1);
    link->changes = (uint32_t)crc32(link->changes, (const Bytef *)path, (uInt)strlen(path));
}

static bool is_temporary(const char *path)
{
    size_t digits = strspn(path + sizeof "/usb", "0123456789");
    return digits > 0 && strcmp(path + sizeof "/usb" + digits, ".tmp") == 0;
}

static void file_changed(void *owner, const struct storage *storage, enum storage_change_kind kind,
                         const char *path)
{
    struct buddy_link *link = owner;
    if (storage->kind == STORAGE_USB && !is_temporary(path)) {
        folders_changed(link, (unsigned char)kind, path);
    }
}

static void medium_changed(void *owner, const struct storage *storage, bool attached)
{
    if (storage->kind == STORAGE_USB) {
        folders_changed(owner, attached ? 'i' : 'o', "");
    }
}

static void rebooted(void *owner)
{
    buddy_auth_boot(owner);
}

static const struct machine_events events = {
    .file_changed = file_changed, .medium_changed = medium_changed, .rebooted = rebooted};

static void open_dialect(struct link_face *face)
{
    struct buddy_link *link = memory_new(sizeof *link);
    *link = (struct buddy_link){.face = face};
    face->dialect_state = link;
    buddy_auth_boot(link);
    if (face->api_key == NULL) {
        face->api_key = memory_copy_text(face->password); /* they are one */
    }
    face->listener = (struct machine_listener){.events = &events, .face = link};
    machine_listen(face->machine, &face->listener);
}

static void close_dialect(struct link_face *face)
{
    machine_unlisten(face->machine, &face->listener);
    free(face->dialect_state);
}

/* 15 letters and digits, without those that look alike. */
static void make_password(const struct machine *machine, char out[32])
{
    static const char letters[] = "23456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
    enum { PASSWORD_SIZE = 15 };
    const char *serial = machine_serial(machine);
    uint64_t state =
        crc32(0, (const Bytef *)serial, (uInt)strlen(serial)) | UINT64_C(0x9e3779b900000000);
    for (int i = 0; i < PASSWORD_SIZE; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = letters[(state >> 33) % (sizeof letters - 1)];
    }
    out[PASSWORD_SIZE] = '\0';
}

static const char *hostname(const struct machine *machine)
{
    return machine_model(machine)->buddy.hostname;
}

/* The user's name cannot be changed on a printer, and both secrets are one. */
static bool check(const struct link_settings *settings, struct error *error)
{
    enum { HOSTNAME_MAX = 20 };
    if (settings->user != NULL && strcmp(settings->user, "maker") != 0) {
        return error_set(error, "the user of this printer's PrusaLink is always \"maker\"");
    }
    if (settings->hostname != NULL && strlen(settings->hostname) > HOSTNAME_MAX) {
        return error_set(error, "a host name of this printer has at most 20 characters");
    }
    return settings->api_key == NULL || settings->password == NULL ||
           strcmp(settings->api_key, settings->password) == 0 ||
           error_set(error, "the API key of this printer is its password");
}

const struct link_dialect link_dialect_buddy = {
    .name = "buddy",
    .user = "maker",
    .manners = {.lax = HTTP_LAX_LF | HTTP_LAX_CR | HTTP_LAX_TARGET | HTTP_LAX_LENGTH,
                .any_host = true,
                .no_continue = true,
                .half_closed = true,
                .beyond_waits = true},
    .limits = {.connections_max = 12,
               .busy_max = 3,
               .idle_timeout_us = SECONDS(60),
               .silence_timeout_us = SECONDS(10),
               .drain_us = SECONDS(10)},
    .body_bytes_max = 0,
    .make_password = make_password,
    .check = check,
    .open = open_dialect,
    .close = close_dialect,
    .begin = begin,
    .handle = handle,
    .refused = refused,
    .hostname = hostname,
};
