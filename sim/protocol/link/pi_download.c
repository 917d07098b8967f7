/* A file that the printer fetches itself: POST /api/download/local with its address
 * (prusalink.md 4.6). The answer waits until the other server has answered. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi_upload.h"
#include "sim/wire/http_client.h"

#define WAITS_FOR_SERVER SECONDS(10)

struct pi_download {
    struct link_task task; /* while the client waits for the answer */
    struct link_face *face;
    bool asked; /* the request is there still */
    struct endpoint to;
    struct http_client client;
    char *url;
    struct pi_incoming incoming;
    bool failed;
};

void pi_download_destroy(struct pi *pi)
{
    struct pi_download *download = pi->download;
    pi->download = NULL;
    if (download != NULL) {
        http_client_free(&download->client);
        pi_incoming_end(&download->incoming, TRANSFER_ABORTED);
        pi_incoming_free(&download->incoming);
        free(download->url);
        free(download);
    }
}

static void forget_request(struct link_task *task)
{
    ((struct pi_download *)task)->asked = false;
}

static void refuse(struct link_request *request, const char *title, const char *message)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "title", title);
    json_string(&json, "message", message);
    json_object_end(&json);
    pi_send_json(request, 400, &body);
}

static void invalid_url(struct link_request *request)
{
    refuse(request, "Invalid URL", "Inserted URL is not valid");
}

/* The other server has answered, or not. */
static void answer(struct pi_download *download, bool good)
{
    if (download->asked && good && !pi_printable(pi_base_name(download->incoming.path))) {
        pi_send_error(download->task.request, PI_NOT_SUPPORTED);
    } else if (download->asked && good) {
        pi_send_empty(download->task.request, 201);
    } else if (download->asked) {
        invalid_url(download->task.request);
    }
}

static void on_head(void *owner, const struct http_message *message)
{
    struct pi_download *download = owner;
    download->failed = message->status != 200;
    download->incoming.expected =
        message->content_length > 0 ? (uint64_t)message->content_length : 0;
    bool there = !download->failed, wanted = pi_printable(pi_base_name(download->incoming.path));
    if (there && wanted) { /* which takes the slot */
        there = pi_incoming_write(&download->incoming, "", 0);
    }
    answer(download, there);
    download->failed = !there || !wanted;
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    struct pi_download *download = owner;
    if (!download->failed) {
        download->failed = pi_incoming_stopped(&download->incoming) ||
                           !pi_incoming_write(&download->incoming, bytes, size);
    }
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct pi_download *download = owner;
    struct pi *pi = download->face->dialect_state;
    struct pi_incoming *incoming = &download->incoming;
    (void)message;
    bool done = !download->failed && pi_incoming_place(incoming, incoming->path) == STORAGE_OK;
    if (done) {
        char *path = memory_copy_text(incoming->path);
        bool print = incoming->to_print, select = incoming->to_select;
        pi_incoming_end(incoming, TRANSFER_DONE);
        pi_tree_refresh(pi);
        if (print) {
            machine_start_print(pi->face->machine, path, NULL);
        } else if (select) {
            pi_select(pi, path);
        }
        free(path);
    }
    pi_download_destroy(pi);
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    struct pi_download *download = owner;
    struct pi *pi = download->face->dialect_state;
    (void)failure;
    answer(download, false);
    pi_download_destroy(pi);
}

static const struct http_client_events client_events = {
    .reply = on_reply, .failed = on_failed, .head = on_head, .body = on_body};

static const char *text_of(const struct cJSON *body, const char *key)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(body, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* Where it goes: folder and name of the request, or the name in the address. */
static char *target_of(struct link_request *request, const struct cJSON *body, const char *url)
{
    const char *folder = text_of(body, "path"), *rename = text_of(body, "rename");
    struct buffer path = {0};
    folder = folder == NULL ? text_of(body, "destination") : folder;
    folder = folder == NULL ? "" : folder;
    bool renamed = rename != NULL && *rename != '\0';
    const char *name = renamed ? rename : pi_base_name(url);
    buffer_format(&path, "/%s", pi_storage_name(request, STORAGE_LOCAL));
    for (const char *at = folder; *at != '\0';) {
        at += strspn(at, "/");
        size_t size = strcspn(at, "/");
        if (size > 0) {
            buffer_append_char(&path, '/');
            buffer_append(&path, at, size);
        }
        at += size;
    }
    buffer_append_char(&path, '/');
    buffer_append(&path, name, renamed ? strlen(name) : strcspn(name, "?#"));
    if (renamed && !pi_printable(name)) {
        buffer_append_text(&path, ".gcode");
    }
    return buffer_detach(&path);
}

static void send_get(struct pi_download *download, const char *target)
{
    struct buffer out = {0};
    http_write_request(&out, "GET", *target == '\0' ? "/" : target);
    http_write_header(&out, "Host", download->to.host);
    http_write_header(&out, "User-Agent", "PrusaLink/0.8.1");
    http_write_header(&out, "Accept", "*/*");
    http_write_end(&out);
    http_client_send(&download->client, out.bytes, out.size, false);
    buffer_free(&out);
}

static void begin(struct link_request *request, const struct cJSON *body, const char *url)
{
    struct link_face *face = request->face;
    struct pi *pi = pi_of(request);
    struct pi_download *download = memory_new(sizeof *download);
    const char *target = NULL;
    download->face = face;
    download->url = memory_copy_text(url);
    endpoint_parse(&download->to, download->url, &target, NULL);
    download->incoming = (struct pi_incoming){
        .face = face,
        .path = target_of(request, body, url),
        .url = download->url,
        .source = TRANSFER_FROM_WEB,
        .to_select = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "to_select")),
        .to_print = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "to_print")),
    };
    http_client_init(&download->client, face->world, face->network, &download->to, &client_events,
                     download);
    download->client.reply_bytes_max = SIZE_MAX;
    download->client.connect_timeout_us = WAITS_FOR_SERVER;
    download->client.reply_timeout_us = WAITS_FOR_SERVER;
    download->task = (struct link_task){.free = forget_request, .request = request};
    download->asked = true;
    request->task = &download->task;
    pi->download = download;
    send_get(download, target);
}

void pi_download_post(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    const char *url = text_of(body, "url");
    struct endpoint to;
    char *target = url == NULL ? NULL : target_of(request, body, url);
    if (!pi_local_only(request, request->parameters[0])) {
        free(target);
        cJSON_Delete(body);
        return;
    }
    if (url == NULL || cJSON_GetObjectItemCaseSensitive(body, "rename") == NULL) {
        pi_send_500(request); /* the key is looked up without asking */
    } else if (machine_transfer(pi_machine(request)) != NULL || pi_of(request)->download != NULL) {
        pi_send_error(request, PI_TRANSFER_CONFLICT);
    } else if (request->face->network == NULL || !endpoint_parse(&to, url, NULL, NULL)) {
        invalid_url(request);
    } else if (strlen(pi_base_name(target)) > PI_NAME_BYTES_MAX) {
        pi_send_error(request, PI_FILENAME_TOO_LONG);
    } else if (pi_busy_printing(request) && pi_is_selected(request, target)) {
        pi_send_error(request, PI_CURRENTLY_PRINTED);
    } else if (pi_forbidden(target) || strstr(target, "/../") != NULL) {
        pi_send_error(request, PI_FORBIDDEN_CHARACTERS);
    } else {
        begin(request, body, url);
    }
    free(target);
    cJSON_Delete(body);
}

void pi_download_delete(struct link_request *request)
{
    machine_transfer_stop(pi_machine(request));
    pi_send_empty(request, 204);
}
