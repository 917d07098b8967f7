#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/clients/link_internal.h"
#include "sim/base/memory.h"

/* Uploads: PUT where the server can, else POST multipart as PrusaSlicer does it (8.1). The file is
 * read while it is sent; of a multipart body only what stands around the file is in memory. */

struct link_upload_state {
    char *path, *content_type, *name; /* name: of the file, for messages */
    bool overwrite, print, multipart;
    int fd; /* -1: `given` is read */
    struct link_source given;
    uint64_t size;
    struct buffer before, behind; /* around the file, of a multipart body */
    void (*progress)(void *owner, uint64_t sent, uint64_t size);
};

static size_t read_content(struct link_upload_state *upload, uint64_t offset, char *bytes,
                           size_t size, struct error *error)
{
    if (upload->fd < 0) {
        return upload->given.read(upload->given.owner, offset, bytes, size, error);
    }
    ssize_t got = pread(upload->fd, bytes, size, (off_t)offset);
    if (got <= 0) {
        error_set(error, "%s: %s", upload->name,
                  got == 0 ? "it has become shorter" : strerror(errno));
        return 0;
    }
    return (size_t)got;
}

static size_t read_piece(const struct buffer *piece, uint64_t offset, char *bytes, size_t size)
{
    size_t left = piece->size - (size_t)offset;
    size_t count = size < left ? size : left;
    memcpy(bytes, piece->bytes + offset, count);
    return count;
}

static size_t read_upload(void *owner, uint64_t offset, char *bytes, size_t size,
                          struct error *error)
{
    struct link_upload_state *upload = owner;
    if (offset < upload->before.size) {
        return read_piece(&upload->before, offset, bytes, size);
    }
    offset -= upload->before.size;
    if (offset < upload->size) {
        uint64_t left = upload->size - offset;
        return read_content(upload, offset, bytes, size < left ? size : (size_t)left, error);
    }
    return read_piece(&upload->behind, offset - upload->size, bytes, size);
}

/* ---- Multipart ---- */

static void add_field(struct buffer *out, const char *boundary, const char *name, const char *value)
{
    buffer_format(out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                  boundary, name, value);
}

/* "/local/folder/x.gcode" -> storage "local", folder "/folder", name "x.gcode". */
static bool split_path(const char *path, char **storage, char **folder, const char **name)
{
    path += strspn(path, "/");
    size_t size = strcspn(path, "/");
    const char *last = strrchr(path, '/');
    if (path[size] != '/' || last[1] == '\0') {
        return false;
    }
    *name = last + 1;
    *storage = memory_copy_slice(path, size);
    *folder = last == path + size ? memory_copy_text("/")
                                  : memory_copy_slice(path + size, (size_t)(last - path) - size);
    return true;
}

static void add_file_name(struct buffer *out, const char *name)
{
    for (; *name != '\0'; name++) { /* as browsers escape it */
        if (*name == '"') {
            buffer_append_text(out, "%22");
        } else {
            buffer_append_char(out, *name);
        }
    }
}

static bool make_multipart(struct link_call *call)
{
    struct link_upload_state *upload = call->upload;
    char *storage, *folder;
    const char *name;
    if (!split_path(upload->path, &storage, &folder, &name)) {
        return false;
    }
    char boundary[48];
    snprintf(boundary, sizeof boundary, "----hotbed%016llx",
             (unsigned long long)random_next(&call->client->random));
    buffer_clear(&upload->before);
    buffer_clear(&upload->behind);
    add_field(&upload->before, boundary, "path", folder);
    add_field(&upload->before, boundary, "print", upload->print ? "true" : "false");
    if (!upload->print) { /* an SL1 shows what comes, unless told not to */
        add_field(&upload->before, boundary, "select", "false");
    }
    buffer_format(&upload->before,
                  "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"", boundary);
    add_file_name(&upload->before, name);
    buffer_append_text(&upload->before, "\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    buffer_format(&upload->behind, "\r\n--%s--\r\n", boundary);
    struct buffer target = {0};
    buffer_append_text(&target, "/api/files/");
    link_call_encode(&target, storage, false);
    free(call->target);
    call->target = buffer_detach(&target);
    free(call->method);
    call->method = memory_copy_text("POST");
    link_call_header(call, "Content-Type: multipart/form-data; boundary=%s", boundary);
    free(storage);
    free(folder);
    return true;
}

bool link_call_upload_begin(struct link_call *call)
{
    struct link_upload_state *upload = call->upload;
    buffer_clear(&call->headers);
    upload->multipart = !call->client->upload_by_put;
    if (upload->multipart) {
        if (!make_multipart(call)) {
            return false;
        }
    } else {
        link_call_header(call, "Content-Type: %s", upload->content_type);
        link_call_header(call, "Overwrite: %s", upload->overwrite ? "?1" : "?0");
        link_call_header(call, "Print-After-Upload: %s", upload->print ? "?1" : "?0");
    }
    uint64_t size = upload->before.size + upload->size + upload->behind.size;
    call->source = (struct link_source){.read = read_upload, .owner = upload, .size = size};
    call->has_body = size > 0;
    call->empty_body = size == 0;
    return true;
}

bool link_call_upload_stored(const struct link_call *call, const struct link_result *result)
{
    if (result->outcome == LINK_OK) {
        return true;
    }
    /* 3.9, step 16: the file stays though it can't be printed now. */
    return call->upload->print && result->outcome == LINK_CONFLICT &&
           (strstr(result->text, "Can't print right now") != NULL ||
            strstr(result->title, "Not in state to print") != NULL);
}

void link_call_upload_progress(struct link_call *call, uint64_t body_bytes)
{
    struct link_upload_state *upload = call->upload;
    if (upload == NULL) {
        return;
    }
    uint64_t before = upload->before.size;
    uint64_t sent = body_bytes < before ? 0 : body_bytes - before;
    call->sent = sent < upload->size ? sent : upload->size;
    if (upload->progress != NULL) {
        upload->progress(call->owner, call->sent, upload->size);
    }
}

void link_call_upload_free(struct link_upload_state *upload)
{
    if (upload == NULL) {
        return;
    }
    if (upload->fd >= 0) {
        close(upload->fd);
    }
    free(upload->path);
    free(upload->content_type);
    free(upload->name);
    buffer_free(&upload->before);
    buffer_free(&upload->behind);
    free(upload);
}

/* Opened now, so that what is sent is what was there when it was asked for. */
static char *open_file(struct link_upload_state *upload, const char *file)
{
    struct stat status;
    struct buffer why = {0};
    upload->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (upload->fd < 0 || fstat(upload->fd, &status) != 0) {
        buffer_format(&why, "%s: %s", file, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        buffer_format(&why, "%s: not a file", file);
    } else {
        upload->size = (uint64_t)status.st_size;
        return NULL;
    }
    return buffer_detach(&why);
}

struct link_call *link_client_upload(struct link_client *client, const struct link_upload *upload,
                                     link_done *done, void *owner)
{
    const char *trouble = NULL;
    char *target = link_call_file_target(upload->path, &trouble);
    struct link_call *call = link_call_new(client, LINK_CALL_UPLOAD, "PUT", target, done, owner);
    call->trouble = trouble;
    struct link_upload_state *state = memory_new(sizeof *state);
    call->upload = state;
    state->fd = -1;
    state->path = memory_copy_text(upload->path);
    state->content_type =
        memory_copy_text(upload->content_type != NULL ? upload->content_type : "text/x.gcode");
    state->overwrite = upload->overwrite;
    state->print = upload->print;
    state->progress = upload->progress;
    if (upload->file != NULL) {
        state->name = memory_copy_text(upload->file);
        call->own_trouble = open_file(state, upload->file);
    } else {
        state->given = *upload->source;
        state->size = upload->source->size;
    }
    return link_call_queue(call);
}
