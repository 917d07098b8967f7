#include "mockservers/connect/files.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

enum { HASH_CHARACTERS = 28, NAME_BYTES_MAX = 255 };

const struct connect_file_manner connect_file_properly = {
    .announce_bytes = -1, .cut_bytes = -1, .corrupt_at = -1};

struct files {
    struct connect_file **list;
    size_t count;
    uint64_t bytes;
};

struct connect_file *connect_server_file_at(struct connect_server *server, size_t index)
{
    return server->files != NULL && index < server->files->count ? server->files->list[index]
                                                                 : NULL;
}

static struct connect_file *find(struct connect_server *server, struct slice hash)
{
    struct connect_file *file;
    for (size_t i = 0; (file = connect_server_file_at(server, i)) != NULL; i++) {
        if (slice_is(hash, file->hash)) {
            return file;
        }
    }
    return NULL;
}

struct connect_file *connect_server_file(struct connect_server *server, const char *hash)
{
    return find(server, slice_of(hash));
}

static void name_by_content(struct connect_server *server, struct connect_file *file)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int done = EVP_Digest(file->bytes, file->size, digest, &size, EVP_sha256(), NULL);
    assert(done == 1 && size == 32);
    (void)done;
    for (size_t i = 0; i < size; i++) {
        snprintf(file->sha256 + 2 * i, 3, "%02x", digest[i]);
    }
    char hash[HASH_CHARACTERS + 1];
    for (size_t i = 0; i < HASH_CHARACTERS; i++) {
        hash[i] = alphabet[digest[i] & 63];
    }
    hash[HASH_CHARACTERS] = '\0';
    unsigned copy = 1; /* the same content may be offered in several manners */
    snprintf(file->hash, sizeof file->hash, "%s", hash);
    while (connect_server_file(server, file->hash) != NULL) {
        snprintf(file->hash, sizeof file->hash, "%s-%u", hash, ++copy);
    }
}

static void free_manner(struct connect_file_manner *manner)
{
    free((char *)(uintptr_t)manner->redirect);
    free((char *)(uintptr_t)manner->content_type);
    free((char *)(uintptr_t)manner->mode);
}

void connect_file_set_manner(struct connect_file *file, const struct connect_file_manner *manner)
{
    struct connect_file_manner copy = *manner;
    copy.redirect = memory_copy_text(manner->redirect);
    copy.content_type = memory_copy_text(manner->content_type);
    copy.mode = memory_copy_text(manner->mode);
    free_manner(&file->manner);
    file->manner = copy;
    file->requests = 0;
}

struct connect_file *connect_server_serve(struct connect_server *server, const void *bytes,
                                          size_t size, const char *name, int64_t team_id,
                                          const struct connect_file_manner *manner,
                                          struct error *error)
{
    if (server->files == NULL) {
        server->files = memory_new(sizeof *server->files);
    }
    struct files *files = server->files;
    name = name == NULL ? "file.gcode" : name;
    if (files->count == CONNECT_FILES_MAX || size > CONNECT_FILES_BYTES_MAX - files->bytes) {
        error_set(error, "the server holds %zu files with %llu bytes: no room for %zu more",
                  files->count, (unsigned long long)files->bytes, size);
        return NULL;
    }
    if (*name == '\0' || strlen(name) > NAME_BYTES_MAX || strpbrk(name, "/ \r\n?#") != NULL) {
        error_set(error, "\"%.80s\": expected a file name of 1 to %d bytes without / ? # or blanks",
                  name, NAME_BYTES_MAX);
        return NULL;
    }
    struct connect_file *file = memory_new(sizeof *file);
    file->bytes = memory_copy_slice(bytes == NULL ? "" : bytes, size);
    file->size = size;
    file->team_id = team_id;
    file->name = memory_copy_text(name);
    connect_file_set_manner(file, manner == NULL ? &connect_file_properly : manner);
    name_by_content(server, file);
    struct buffer path = {0};
    buffer_format(&path, "/files/%s/%s", file->hash, name);
    file->path = buffer_detach(&path);
    files->list = memory_resize(files->list, (files->count + 1) * sizeof *files->list);
    files->list[files->count++] = file;
    files->bytes += size;
    return file;
}

void files_free(struct connect_server *server)
{
    struct connect_file *file;
    secrets_free(server);
    for (size_t i = 0; (file = connect_server_file_at(server, i)) != NULL; i++) {
        free(file->name);
        free(file->path);
        free(file->bytes);
        free(file->packed);
        free_manner(&file->manner);
        free(file);
    }
    if (server->files != NULL) {
        free(server->files->list);
        free(server->files);
    }
}

cJSON *connect_file_json(const struct connect_file *file)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "hash", file->hash);
    cJSON_AddNumberToObject(object, "team_id", (double)file->team_id);
    cJSON_AddStringToObject(object, "name", file->name);
    cJSON_AddStringToObject(object, "path", file->path);
    cJSON_AddNumberToObject(object, "size", (double)file->size);
    cJSON_AddStringToObject(object, "sha256", file->sha256);
    cJSON_AddNumberToObject(object, "requests", file->requests);
    cJSON_AddNumberToObject(object, "served", file->served);
    return object;
}

/* ---- handing out ---- */

/* "/p/teams/7/files/HASH/raw" or "/files/HASH/NAME"; false: neither. */
static bool read_target(struct slice target, struct slice *team, struct slice *hash)
{
    static const char open[] = "/files/", closed[] = "/p/teams/";
    const char *end = target.bytes + target.size;
    const char *query = memchr(target.bytes, '?', target.size);
    end = query == NULL ? end : query;
    const char *at = target.bytes;
    *team = (struct slice){NULL, 0};
    if ((size_t)(end - at) > sizeof closed && memcmp(at, closed, sizeof closed - 1) == 0) {
        at += sizeof closed - 1;
        const char *stop = memchr(at, '/', (size_t)(end - at));
        if (stop == NULL) {
            return false;
        }
        *team = (struct slice){at, (size_t)(stop - at)};
        at = stop;
    }
    if ((size_t)(end - at) < sizeof open || memcmp(at, open, sizeof open - 1) != 0) {
        return false;
    }
    at += sizeof open - 1;
    const char *stop = memchr(at, '/', (size_t)(end - at));
    if (stop == NULL) {
        return false;
    }
    *hash = (struct slice){at, (size_t)(stop - at)};
    return team->bytes == NULL || ((size_t)(end - stop) == 4 && memcmp(stop, "/raw", 4) == 0);
}

bool is_file_target(struct slice target)
{
    struct slice team, hash;
    return is_secret_target(target) || read_target(target, &team, &hash);
}

void refuse_file(struct connect_decision *decision, int status, const char *text)
{
    connect_reply_answer(decision->reply, status);
    connect_reply_set_header(decision->reply, "Content-Type", "application/json");
    struct buffer body = {0};
    buffer_format(&body, "{\"code\": \"%s\", \"message\": \"%s\"}",
                  status == 404 ? "NOT_FOUND" : "FORBIDDEN", text);
    connect_reply_set_body(decision->reply, body.bytes, body.size);
    buffer_free(&body);
}

void serve_file(struct connect_server *server, struct connect_decision *decision)
{
    struct slice team, hash;
    if (serve_secret(server, decision)) {
        return;
    }
    read_target(decision->request->target, &team, &hash);
    if (team.bytes != NULL && decision->printer == NULL) {
        refuse_file(decision, http_header_value(decision->request, "Token").size > 0 ? 403 : 401,
                    "unknown token, or not that printer's");
        return;
    }
    struct connect_file *file = find(server, hash);
    char own[24] = "";
    if (file != NULL) {
        snprintf(own, sizeof own, "%lld", (long long)file->team_id);
    }
    if (file == NULL || (team.bytes != NULL && !slice_is(team, own))) {
        refuse_file(decision, 404, "no such file");
        return;
    }
    file->requests++;
    hand_out_file(decision, file);
}
