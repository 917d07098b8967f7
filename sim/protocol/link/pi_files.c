/* Files and folders of the v1 interface (prusalink.md 3.8, 3.11, 3.12). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* --- paths --- */

const char *pi_v1_path(struct link_request *request, const char *storage, const char *rest)
{
    bool local = strcmp(storage, "local") == 0;
    if (!local && strcmp(storage, "sdcard") != 0) {
        pi_send_error(request, PI_LOCATION_NOT_FOUND);
        return NULL;
    }
    const char *name = pi_storage_name(request, local ? STORAGE_LOCAL : STORAGE_SDCARD);
    if (name == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return NULL;
    }
    struct buffer path = {0};
    buffer_format(&path, "/%s", name);
    if (rest != NULL && *rest != '\0') {
        buffer_format(&path, "/%s", rest);
    }
    const char *text = link_request_text(request, (struct slice){path.bytes, path.size});
    buffer_free(&path);
    return text;
}

bool pi_header_true(struct link_request *request, const char *name)
{
    const char *value = link_request_header(request, name);
    return value != NULL && strcmp(value, "?1") == 0;
}

/* \ ? " % and what a keyboard makes of its dead keys (Prusa-Connect-SDK-Printer:
 * prusa/connect/printer/const.py). */
bool pi_forbidden(const char *path)
{
    static const char *const others[] = {"¯", "°", "ˇ"};
    bool found = strpbrk(path, "\\?\"%#") != NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        found = found || strstr(path, others[i]) != NULL;
    }
    return found;
}

/* Without a slash at its end. */
static const char *plain_path(struct link_request *request, const char *path)
{
    size_t size = strlen(path);
    return size > 1 && path[size - 1] == '/'
               ? link_request_text(request, (struct slice){path, size - 1})
               : path;
}

/* --- what is selected --- */

void pi_select(struct pi *pi, const char *path)
{
    char *selected = memory_copy_text(path);
    free(pi->selected);
    pi->selected = selected;
}

bool pi_is_selected(const struct link_request *request, const char *path)
{
    const char *selected = pi_of(request)->selected;
    return selected != NULL && strcmp(selected, path) == 0;
}

bool pi_busy_printing(const struct link_request *request)
{
    struct machine_readings readings;
    machine_read(pi_machine(request), &readings);
    return readings.job_id != 0;
}

/* --- Last-Modified and ETag: of all storages together --- */

static void etag_of(const char *modified, char out[16])
{
    char sum[33];
    digest_md5_hex(sum, modified, strlen(modified));
    memcpy(out, "W/\"", 3);
    memcpy(out + 3, sum, 10);
    memcpy(out + 13, "\"", 2);
}

int64_t pi_parse_date(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %T GMT", &tm);
    return end == NULL || *end != '\0' ? -1 : (int64_t)timegm(&tm);
}

void pi_begin_cached(struct link_request *request, struct link_reply *reply, int status)
{
    char modified[40], date[40], etag[16];
    pi_http_date(pi_of(request)->changed_us, modified);
    pi_http_date(world_wall_us(request->face->world), date);
    etag_of(modified, etag);
    *reply = (struct link_reply){.status = status, .length = true, .close = true};
    link_reply_header(reply, "Server", "PrusaLink");
    link_reply_header(reply, "Last-Modified", modified);
    link_reply_header(reply, "ETag", etag);
    link_reply_header(reply, "Date", date);
}

/* The change is kept with its fraction of a second, so that its own Last-Modified is before it. */
bool pi_fresh(struct link_request *request)
{
    char modified[40], etag[16];
    pi_http_date(pi_of(request)->changed_us, modified);
    etag_of(modified, etag);
    const char *since = link_request_header(request, "If-Modified-Since");
    const char *match = link_request_header(request, "If-None-Match");
    int64_t since_s = since == NULL ? 0 : pi_parse_date(since);
    if (since_s < 0) {
        pi_send_500(request);
        return false;
    }
    bool same = (since != NULL && since_s * 1000000 >= pi_of(request)->changed_us) ||
                (match != NULL && strcmp(match, etag) == 0);
    if (same) {
        struct link_reply reply;
        pi_begin_cached(request, &reply, 304);
        link_request_reply(request, &reply);
    }
    return !same;
}

static void file_headers(struct link_request *request, struct link_reply *reply, const char *path,
                         bool read_only)
{
    link_reply_header(reply, "Read-Only", read_only ? "True" : "False");
    link_reply_header(reply, "Currently-Printed",
                      pi_is_selected(request, plain_path(request, path)) ? "True" : "False");
}

/* --- requests --- */

void pi_v1_files_get(struct link_request *request)
{
    const char *path = pi_v1_path(request, request->parameters[0], request->parameters[1]);
    if (path == NULL || !pi_fresh(request)) {
        return;
    }
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (node == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    struct link_reply reply;
    struct json_writer json;
    pi_begin_cached(request, &reply, 200);
    file_headers(request, &reply, path, strcmp(request->parameters[0], "local") != 0);
    json_begin(&json, &reply.body, JSON_PYTHON);
    json_object(&json, NULL);
    pi_write_node(request, &json, node, plain_path(request, path), path);
    json_object_end(&json);
    pi_send(request, &reply, "application/json; charset=utf-8");
}

/* The path that HEAD looks at: nobody checks the storage's name, with another than the two the rest
 * is looked up from the top (quirk L-08). NULL: answered. */
static const char *head_path(struct link_request *request)
{
    const char *storage = request->parameters[0], *rest = request->parameters[1];
    if (strcmp(storage, "local") == 0 || strcmp(storage, "sdcard") == 0 ||
        !link_quirk(request->face, 8)) {
        return pi_v1_path(request, storage, rest);
    }
    struct buffer path = {0};
    buffer_format(&path, "/%s", rest == NULL ? "" : rest);
    const char *text = link_request_text(request, (struct slice){path.bytes, path.size});
    buffer_free(&path);
    return text;
}

void pi_v1_files_head(struct link_request *request)
{
    if (!link_quirk(request->face, 9) && !pi_allowed(request, false)) {
        return;
    }
    const char *path = head_path(request);
    if (path == NULL) {
        return;
    }
    if (pi_tree_find(pi_of(request), path) == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    struct link_reply reply;
    pi_begin_cached(request, &reply, 200);
    file_headers(request, &reply, path, strcmp(request->parameters[0], "local") != 0);
    pi_send(request, &reply, NULL);
}

/* --- printing --- */

bool pi_try_print(struct link_request *request, const char *path)
{
    enum printer_state state = pi_state(request);
    if (state != STATE_IDLE && state != STATE_READY && state != STATE_BUSY) {
        return false;
    }
    return machine_start_print(pi_machine(request), path, NULL) == MACHINE_ACCEPTED;
}

void pi_v1_files_post(struct link_request *request)
{
    if (request->parameters[1] == NULL || *request->parameters[1] == '\0') {
        pi_send_404(request);
        return;
    }
    const char *path = pi_v1_path(request, request->parameters[0], request->parameters[1]);
    if (path == NULL) {
        return;
    }
    enum printer_state state = pi_state(request);
    bool ready = state == STATE_IDLE || state == STATE_READY || state == STATE_BUSY;
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (!ready) {
        pi_send_error(request, PI_NOT_STATE_TO_PRINT);
    } else if (node == NULL || (node->folder && !link_quirk(request->face, 56))) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
    } else if (node->folder) {
        pi_send_500(request);
    } else if (pi_try_print(request, path)) {
        pi_send_empty(request, 204);
    } else {
        pi_send_error(request, PI_NOT_STATE_TO_PRINT);
    }
}

/* --- deleting --- */

void pi_delete(struct link_request *request, const char *path, bool force)
{
    struct pi *pi = pi_of(request);
    const struct file_node *node = pi_tree_find(pi, path);
    const char *plain = plain_path(request, path);
    if (node == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    if (pi_is_selected(request, plain) && pi_busy_printing(request)) {
        pi_send_error(request, PI_CURRENTLY_PRINTED);
        return;
    }
    switch (machine_remove(pi_machine(request), plain, force)) {
    case STORAGE_OK:
        pi_send_empty(request, 204);
        return;
    case STORAGE_NOT_EMPTY:
        pi_send_error(request, PI_DIRECTORY_NOT_EMPTY);
        return;
    case STORAGE_NOT_FOUND: /* the tree is behind (quirk L-19f) */
        if (!link_quirk(request->face, 56)) {
            pi_send_error(request, PI_FILE_NOT_FOUND);
            return;
        }
        break;
    default:
        break;
    }
    pi_send_500(request);
}

void pi_v1_files_delete(struct link_request *request)
{
    if (request->parameters[1] == NULL || *request->parameters[1] == '\0') {
        pi_send_404(request);
        return;
    }
    const char *path = pi_v1_path(request, request->parameters[0], request->parameters[1]);
    if (path == NULL) {
        return;
    }
    if (strcmp(request->parameters[0], "sdcard") == 0) {
        pi_send_error(request, PI_SD_READ_ONLY);
        return;
    }
    pi_delete(request, path, pi_header_true(request, "Force"));
}
