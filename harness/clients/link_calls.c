#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/clients/link_internal.h"
#include "sim/base/memory.h"

/* What each call asks. */

#define FOLLOW_PERIOD_US   SECONDS(1) /* PL-CL-12 */
#define FOLLOW_PATIENCE_US SECONDS(60)

/* ---- Paths ---- */

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

void link_call_encode(struct buffer *out, const char *text, bool keep_escapes)
{
    static const char unreserved[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    for (const char *byte = text; *byte != '\0'; byte++) {
        bool escape = keep_escapes && *byte == '%' && is_hex(byte[1]) && is_hex(byte[2]);
        if (escape || strchr(unreserved, *byte) != NULL) {
            buffer_append_char(out, *byte);
        } else {
            buffer_format(out, "%%%02X", (unsigned)(unsigned char)*byte);
        }
    }
}

static bool is_dots(const char *segment, size_t size)
{
    return (size == 1 || size == 2) && strncmp(segment, "..", size) == 0;
}

char *link_call_file_target(const char *path, const char **trouble)
{
    struct buffer target = {0};
    buffer_append_text(&target, "/api/v1/files");
    size_t segments = 0;
    for (const char *at = path; *at != '\0';) {
        at += strspn(at, "/");
        size_t size = strcspn(at, "/");
        if (size == 0) {
            break;
        }
        if (is_dots(at, size)) {
            *trouble = "a path with \".\" or \"..\" in it is not sent";
        }
        char *segment = memory_copy_slice(at, size);
        buffer_append_char(&target, '/');
        link_call_encode(&target, segment, false);
        free(segment);
        at += size;
        segments++;
    }
    if (segments == 0) {
        *trouble = "a path must begin with a storage, as /usb";
    }
    return buffer_detach(&target);
}

/* refs are percent-encoded by SL1 alone: a Buddy's "100%CA~1.GCO" is no escape; its legacy list
 * leaves out the first slash (6.4). */
static char *ref_target(const char *ref, enum link_flavour flavour)
{
    struct buffer target = {0};
    const char *scheme = strstr(ref, "://");
    if (scheme != NULL) { /* whose host it names is not followed: what is asked is the server that
                             was named */
        ref = scheme + 3 + strcspn(scheme + 3, "/");
    }
    if (*ref != '/') {
        buffer_append_char(&target, '/');
    }
    bool plain = flavour == LINK_FLAVOUR_PI || flavour == LINK_FLAVOUR_BUDDY;
    link_call_encode(&target, ref, scheme != NULL || !plain);
    return buffer_detach(&target);
}

static struct link_call *file_call(struct link_client *client, enum link_call_kind kind,
                                   const char *method, const char *path, link_done *done,
                                   void *owner)
{
    const char *trouble = NULL;
    char *target = link_call_file_target(path, &trouble);
    struct link_call *call = link_call_new(client, kind, method, target, done, owner);
    call->trouble = trouble;
    return call;
}

/* ---- Any request ---- */

static size_t read_memory(void *owner, uint64_t offset, char *bytes, size_t size,
                          struct error *error)
{
    (void)error;
    const struct link_call *call = owner;
    size_t left = call->memory.size - (size_t)offset;
    size_t count = size < left ? size : left;
    memcpy(bytes, call->memory.bytes + offset, count);
    return count;
}

struct link_source link_call_memory(struct link_call *call)
{
    return (struct link_source){.read = read_memory, .owner = call, .size = call->memory.size};
}

struct link_call *link_client_send(struct link_client *client, const struct link_request *request,
                                   link_done *done, void *owner)
{
    struct link_call *call = link_call_new(client, LINK_CALL_PLAIN, request->method,
                                           memory_copy_text(request->target), done, owner);
    for (const char *const *line = request->headers; line != NULL && *line != NULL; line++) {
        link_call_header(call, "%s", *line);
    }
    call->bare = request->bare;
    call->any_status = request->any_status;
    if (request->body != NULL) {
        buffer_append(&call->memory, request->body, request->body_size);
        call->has_body = request->body_size > 0;
        call->empty_body = request->body_size == 0;
        call->source = link_call_memory(call);
    }
    return link_call_queue(call);
}

/* ---- Asking ---- */

static struct link_call *ask(struct link_client *client, enum link_call_kind kind,
                             const char *target, link_done *done, void *owner)
{
    return link_call_queue(
        link_call_new(client, kind, "GET", memory_copy_text(target), done, owner));
}

struct link_call *link_client_version(struct link_client *client, link_done *done, void *owner)
{
    return ask(client, LINK_CALL_VERSION, "/api/version", done, owner);
}

struct link_call *link_client_storages(struct link_client *client, link_done *done, void *owner)
{
    return ask(client, LINK_CALL_STORAGES, "/api/v1/storage", done, owner);
}

struct link_call *link_client_status(struct link_client *client, link_done *done, void *owner)
{
    return ask(client, LINK_CALL_STATUS, "/api/v1/status", done, owner);
}

struct link_call *link_client_job(struct link_client *client, link_done *done, void *owner)
{
    return ask(client, LINK_CALL_JOB, "/api/v1/job", done, owner);
}

struct link_call *link_client_transfer(struct link_client *client, link_done *done, void *owner)
{
    return ask(client, LINK_CALL_TRANSFER, "/api/v1/transfer", done, owner);
}

/* ---- Files ---- */

struct link_call *link_client_list(struct link_client *client, const char *path, const char *etag,
                                   link_done *done, void *owner)
{
    struct link_call *call = file_call(client, LINK_CALL_LIST, "GET", path, done, owner);
    if (etag != NULL && *etag != '\0') {
        link_call_header(call, "If-None-Match: %s", etag);
        call->unmodified_is_ok = true;
    }
    return link_call_queue(call);
}

struct link_call *link_client_exists(struct link_client *client, const char *path, link_done *done,
                                     void *owner)
{
    return link_call_queue(file_call(client, LINK_CALL_EXISTS, "HEAD", path, done, owner));
}

struct link_call *link_client_download(struct link_client *client, const char *ref,
                                       const struct link_sink *sink, link_done *done, void *owner)
{
    struct link_call *call = link_call_new(
        client, LINK_CALL_PLAIN, "GET", ref_target(ref, link_client_flavour(client)), done, owner);
    call->sink = *sink;
    return link_call_queue(call);
}

struct link_call *link_client_make_folder(struct link_client *client, const char *path,
                                          link_done *done, void *owner)
{
    struct link_call *call = file_call(client, LINK_CALL_MAKE_FOLDER, "PUT", path, done, owner);
    link_call_header(call, "Create-Folder: ?1");
    call->empty_body = true;
    return link_call_queue(call);
}

struct link_call *link_client_remove(struct link_client *client, const char *path, bool force,
                                     link_done *done, void *owner)
{
    struct link_call *call = file_call(client, LINK_CALL_REMOVE, "DELETE", path, done, owner);
    if (force) {
        link_call_header(call, "Force: ?1");
    }
    return link_call_queue(call);
}

/* ---- Printing ---- */

struct link_call *link_client_print(struct link_client *client, const char *path, link_done *done,
                                    void *owner)
{
    struct link_call *call = file_call(client, LINK_CALL_PRINT, "POST", path, done, owner);
    call->empty_body = true;
    return link_call_queue(call);
}

struct link_call *link_client_job_command(struct link_client *client, int64_t job_id,
                                          enum link_job_command command, link_done *done,
                                          void *owner)
{
    static const struct {
        const char *method, *verb;
    } ways[] = {[LINK_JOB_PAUSE] = {"PUT", "/pause"},
                [LINK_JOB_RESUME] = {"PUT", "/resume"},
                [LINK_JOB_STOP] = {"DELETE", ""}};
    char target[64];
    snprintf(target, sizeof target, "/api/v1/job/%lld%s", (long long)job_id, ways[command].verb);
    struct link_call *call = link_call_new(client, LINK_CALL_JOB_COMMAND, ways[command].method,
                                           memory_copy_text(target), done, owner);
    call->job_command = command;
    call->empty_body = command != LINK_JOB_STOP; /* nothing goes with DELETE (PL-CL-03) */
    return link_call_queue(call);
}

/* ---- Following a transfer ---- */

struct link_call *link_client_follow_transfer(struct link_client *client,
                                              const struct link_follow *follow, link_done *done,
                                              void *owner)
{
    struct link_call *call = link_call_new(client, LINK_CALL_TRANSFER, "GET",
                                           memory_copy_text("/api/v1/transfer"), done, owner);
    call->follows = true;
    call->follow = *follow;
    call->follow.period_us = follow->period_us != 0 ? follow->period_us : FOLLOW_PERIOD_US;
    call->follow.patience_us = follow->patience_us != 0 ? follow->patience_us : FOLLOW_PATIENCE_US;
    return link_call_queue(call);
}

bool link_call_follow_on(struct link_call *call, const struct link_result *result)
{
    int64_t now_us = call->client->world->now_us;
    if (result->outcome == LINK_OK) {
        call->trouble_since_us = -1;
        if (result->transfer->running && call->follow.progress != NULL) {
            call->follow.progress(call->owner, result->transfer);
        }
        return result->transfer->running;
    }
    if (call->trouble_since_us < 0) {
        call->trouble_since_us = now_us;
    }
    return link_outcome_passes(result->outcome) &&
           now_us - call->trouble_since_us < call->follow.patience_us;
}
