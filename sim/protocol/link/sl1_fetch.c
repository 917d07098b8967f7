#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"
#include "sim/wire/http_client.h"

/* A project that the printer fetches itself: POST /api/download/{target} (prusalink.md 4.6). The
 * order is answered at once (Prusa-Link-Web: tools/server/download.js); what becomes of it is to be
 * seen in /api/download, in the listing, and in /api/printer/error. */

#define WAITS_FOR_SERVER SECONDS(10)

struct sl1_fetch {
    struct sl1_incoming incoming;
    struct endpoint to;
    struct http_client client;
    char *url, *below;
    enum sl1_opening opening;
};

void sl1_fetch_destroy(struct sl1_link *link)
{
    struct sl1_fetch *fetch = link->fetch;
    link->fetch = NULL;
    if (fetch != NULL) {
        http_client_free(&fetch->client);
        sl1_incoming_free(&fetch->incoming);
        free(fetch->url);
        free(fetch->below);
        free(fetch);
    }
}

static void end(struct sl1_fetch *fetch, int error)
{
    struct sl1_link *link = fetch->incoming.face->dialect_state;
    if (error != 0) {
        link->last_error = error;
    }
    sl1_fetch_destroy(link);
}

/* ---- what the other server says ---- */

static void on_head(void *owner, const struct http_message *message)
{
    struct sl1_fetch *fetch = owner;
    if (message->status != 200) {
        fetch->incoming.error = SL1_FILE_NOT_FOUND;
    } else if (message->content_length > 0) {
        machine_transfer_size(fetch->incoming.face->machine, (uint64_t)message->content_length);
    }
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    struct sl1_fetch *fetch = owner;
    struct sl1_incoming *incoming = &fetch->incoming;
    const struct transfer *transfer = machine_transfer(incoming->face->machine);
    if (transfer == NULL || transfer->stop || incoming->error != 0) {
        end(fetch, incoming->error);
        return;
    }
    incoming->received += size;
    if (incoming->received > SL1_UPLOAD_BYTES_MAX) {
        incoming->error = SL1_MEMORY_FULL;
        return;
    }
    sl1_incoming_write(incoming, bytes, size);
    machine_transfer_advance(incoming->face->machine, incoming->received);
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct sl1_fetch *fetch = owner;
    struct sl1_incoming *incoming = &fetch->incoming;
    (void)message;
    int error = sl1_incoming_place(incoming, fetch->below);
    if (error == 0) {
        error = sl1_incoming_open(incoming->face, incoming->origin, fetch->below, fetch->opening);
    }
    end(fetch, error);
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    (void)failure;
    end(owner, SL1_UNEXPECTED);
}

static const struct http_client_events client_events = {
    .reply = on_reply, .failed = on_failed, .head = on_head, .body = on_body};

/* ---- the order ---- */

static const char *text_of(const cJSON *body, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
    return text == NULL ? "" : text;
}

static bool is_true(const cJSON *body, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, key));
}

/* The last part of an address, decoded. */
static char *name_of(const char *url)
{
    size_t size = strcspn(url, "?#");
    const char *slash = memrchr(url, '/', size);
    size_t begin = slash == NULL ? size : (size_t)(slash + 1 - url);
    char *name = memory_new(size - begin + 1);
    link_decode(name, url + begin, size - begin, false);
    return name;
}

/* "destination" is a folder, or where the file will be; in a folder it has the name of "rename", or
 * that of the address. */
static char *below_of(const struct link_face *face, const cJSON *body)
{
    struct buffer below = {0};
    const char *to = text_of(body, "destination"), *rename = text_of(body, "rename");
    to += strspn(to, "/");
    size_t size = strlen(to);
    while (size > 0 && to[size - 1] == '/') {
        size--;
    }
    buffer_append(&below, to, size);
    if (!sl1_good_project_name(face, buffer_text(&below))) {
        char *name = *rename != '\0' ? memory_copy_text(rename) : name_of(text_of(body, "url"));
        buffer_format(&below, "%s%s", size == 0 ? "" : "/", name);
        free(name);
    }
    return buffer_detach(&below);
}

static int refusal_of(struct link_request *request, const char *url, const char *below)
{
    struct link_face *face = request->face;
    const struct storage *storage;
    const struct file_node *node;
    struct endpoint to;
    if (!sl1_find(face, request->parameters[0], below, &storage, &node)) {
        return strcmp(request->parameters[0], "usb") == 0 ? SL1_NO_DRIVE : SL1_FILE_NOT_FOUND;
    }
    if (face->network == NULL || !endpoint_parse(&to, url, NULL, NULL) ||
        !file_path_good(below, strlen(below)) || file_path_hidden(below)) {
        return SL1_BAD_REQUEST;
    }
    return !sl1_good_project_name(face, below) ? SL1_INVALID_EXTENSION
           : node != NULL                      ? SL1_FILE_EXISTS
                                               : 0;
}

static void send_get(struct sl1_fetch *fetch, const char *target)
{
    struct buffer out = {0};
    http_write_request(&out, "GET", *target == '\0' ? "/" : target);
    http_write_header(&out, "Host", fetch->to.host);
    http_write_header(&out, "Accept", "*/*");
    http_write_end(&out);
    http_client_send(&fetch->client, out.bytes, out.size, false);
    buffer_free(&out);
}

/* False: another transfer runs. */
static bool begin(struct link_request *request, const cJSON *body, const char *below)
{
    struct link_face *face = request->face;
    struct sl1_link *link = sl1_link_of(request);
    char *url = memory_copy_text(text_of(body, "url"));
    const struct transfer transfer = {.source = TRANSFER_FROM_WEB,
                                      .url = url,
                                      .to_select = is_true(body, "to_select"),
                                      .to_print = is_true(body, "to_print")};
    struct sl1_fetch *fetch = memory_new(sizeof *fetch);
    if (link->fetch != NULL ||
        !sl1_incoming_begin(&fetch->incoming, face, request->parameters[0], below, transfer)) {
        free(url);
        free(fetch);
        return false;
    }
    const char *target = NULL;
    fetch->url = url;
    fetch->below = memory_copy_text(below);
    fetch->opening = transfer.to_print    ? SL1_PRINT
                     : transfer.to_select ? SL1_OPEN
                                          : SL1_DO_NOT_OPEN;
    endpoint_parse(&fetch->to, url, &target, NULL);
    http_client_init(&fetch->client, face->world, face->network, &fetch->to, &client_events, fetch);
    fetch->client.reply_bytes_max = SIZE_MAX;
    fetch->client.connect_timeout_us = WAITS_FOR_SERVER;
    fetch->client.reply_timeout_us = WAITS_FOR_SERVER;
    link->fetch = fetch;
    send_get(fetch, target);
    return true;
}

void sl1_fetch_begin(struct link_request *request)
{
    cJSON *body = sl1_body(request);
    char *below = below_of(request->face, body);
    int error = refusal_of(request, text_of(body, "url"), below);
    if (error == 0 && !begin(request, body, below)) {
        error = SL1_NOT_IN_STATE;
    }
    free(below);
    cJSON_Delete(body);
    if (error == 0) {
        sl1_reply_empty(request, 201);
    } else {
        sl1_reply_error(request, error, 0);
    }
}

/* Of whatever comes in. */
void sl1_fetch_stop(struct link_request *request)
{
    machine_transfer_stop(request->face->machine);
    sl1_fetch_destroy(sl1_link_of(request));
    sl1_reply_empty(request, 204);
}
