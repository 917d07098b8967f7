#include "mockservers/connect/secrets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"
#include "sim/wire/cipher.h"

enum { SECRETS_MAX = 4096 };

static const char begin_text[] = "/f/", end_text[] = "/raw";

static void to_hex(const uint8_t *bytes, char *text)
{
    for (int i = 0; i < CONNECT_SECRET_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void make_random(struct world *world, uint8_t *bytes)
{
    for (int i = 0; i < CONNECT_SECRET_BYTES; i++) {
        bytes[i] = (uint8_t)random_next(&world->random);
    }
}

/* The first counter block: twelve bytes of the iv, then the number of the block (7.2). */
static void encrypt(struct connect_secret *secret, const uint8_t *key, const char *mode)
{
    uint8_t counter[CIPHER_BLOCK_BYTES] = {0};
    memcpy(counter, secret->iv, 12);
    bool chained = mode != NULL && strcasecmp(mode, "AES-CBC") == 0;
    struct cipher *cipher =
        chained ? cipher_chaining_new(key, secret->iv) : cipher_counter_new(key, counter);
    memcpy(secret->bytes, secret->file->bytes, secret->file->size);
    cipher_run(cipher, secret->bytes, secret->bytes, secret->size);
    cipher_destroy(cipher);
}

struct connect_secret *connect_server_secret(struct connect_server *server, const char *iv)
{
    struct connect_secret *secret = server->secrets;
    while (secret != NULL && strcasecmp(secret->iv_text, iv) != 0) {
        secret = secret->next;
    }
    return secret;
}

struct connect_secret *connect_server_secret_at(struct connect_server *server, size_t index)
{
    struct connect_secret *secret = server->secrets;
    for (; secret != NULL && index > 0; index--) {
        secret = secret->next;
    }
    return secret;
}

struct connect_secret *connect_server_encrypt(struct connect_server *server,
                                              struct connect_file *file,
                                              struct connect_printer *printer, const uint8_t *key,
                                              const uint8_t *iv, struct error *error)
{
    uint64_t bytes = file->size;
    size_t count = 0;
    for (const struct connect_secret *each = server->secrets; each != NULL; each = each->next) {
        bytes += each->size;
        count++;
    }
    if (count == SECRETS_MAX || bytes > CONNECT_FILES_BYTES_MAX || file->size > UINT32_MAX) {
        error_set(error, "the server holds %zu encrypted files: no room for %zu bytes more", count,
                  file->size);
        return NULL;
    }
    struct connect_secret *secret = memory_new(sizeof *secret);
    uint8_t wrong[CONNECT_SECRET_BYTES];
    secret->file = file;
    secret->printer = printer;
    secret->size = (file->size + CIPHER_BLOCK_BYTES - 1) / CIPHER_BLOCK_BYTES * CIPHER_BLOCK_BYTES;
    secret->bytes = memory_new(secret->size + 1);
    make_random(server->world, secret->key);
    make_random(server->world, secret->iv);
    make_random(server->world, wrong);
    if (key != NULL) {
        memcpy(secret->key, key, sizeof secret->key);
    }
    if (iv != NULL) {
        memcpy(secret->iv, iv, sizeof secret->iv);
    }
    to_hex(secret->key, secret->key_text);
    to_hex(secret->iv, secret->iv_text);
    encrypt(secret, file->manner.wrong_key ? wrong : secret->key, file->manner.mode);
    secret->next = server->secrets;
    server->secrets = secret;
    return secret;
}

void secrets_free(struct connect_server *server)
{
    while (server->secrets != NULL) {
        struct connect_secret *gone = server->secrets;
        server->secrets = gone->next;
        free(gone->bytes);
        free(gone->pieces);
        free(gone);
    }
}

/* ---- what went out ---- */

static void note_sent(struct connect_secret *secret, size_t begin, size_t end)
{
    struct connect_piece *pieces =
        memory_new_array(secret->piece_count + 1, sizeof *secret->pieces);
    size_t count = 0, i = 0;
    for (; i < secret->piece_count && secret->pieces[i].end < begin; i++) {
        pieces[count++] = secret->pieces[i];
    }
    for (; i < secret->piece_count && secret->pieces[i].begin <= end; i++) {
        begin = secret->pieces[i].begin < begin ? secret->pieces[i].begin : begin;
        end = secret->pieces[i].end > end ? secret->pieces[i].end : end;
    }
    pieces[count++] = (struct connect_piece){begin, end};
    for (; i < secret->piece_count; i++) {
        pieces[count++] = secret->pieces[i];
    }
    free(secret->pieces);
    secret->pieces = pieces;
    secret->piece_count = count;
}

bool connect_secret_sent(const struct connect_secret *secret)
{
    return !secret->file->manner.wrong_key && !secret->spoilt && secret->piece_count == 1 &&
           secret->pieces[0].begin == 0 && secret->pieces[0].end >= secret->file->size;
}

cJSON *connect_secret_json(const struct connect_secret *secret, bool report)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "key", secret->key_text);
    cJSON_AddStringToObject(object, "iv", secret->iv_text);
    cJSON_AddNumberToObject(object, "orig_size", (double)secret->file->size);
    if (report) {
        size_t sent = 0;
        for (size_t i = 0; i < secret->piece_count; i++) {
            sent += secret->pieces[i].end - secret->pieces[i].begin;
        }
        cJSON_AddStringToObject(object, "hash", secret->file->hash);
        cJSON_AddNumberToObject(object, "requests", secret->requests);
        cJSON_AddNumberToObject(object, "sent", (double)sent);
        cJSON_AddBoolToObject(object, "spoilt", secret->spoilt);
        cJSON_AddBoolToObject(object, "whole", connect_secret_sent(secret));
    }
    return object;
}

/* ---- handing out ---- */

/* "/f/{32 hex digits}/raw" */
bool is_secret_target(struct slice target)
{
    size_t digits = 2 * CONNECT_SECRET_BYTES;
    size_t head = sizeof begin_text - 1, tail = sizeof end_text - 1;
    return target.size == head + digits + tail && memcmp(target.bytes, begin_text, head) == 0 &&
           memcmp(target.bytes + head + digits, end_text, tail) == 0;
}

/* "bytes=FIRST-" or "bytes=FIRST-LAST"; false: something else, which is then answered with all of
 * it. */
static bool read_range(struct slice range, size_t size, size_t *begin, size_t *end)
{
    char text[64];
    uint64_t first, last;
    if (range.bytes == NULL || range.size >= sizeof text) {
        return false;
    }
    memcpy(text, range.bytes, range.size);
    text[range.size] = '\0';
    int read = sscanf(text, "bytes=%" SCNu64 "-%" SCNu64, &first, &last);
    if (read < 1) {
        return false;
    }
    last = read == 1 || last >= size ? size - 1 : last;
    *begin = first < size ? (size_t)first : size;
    *end = last < *begin ? *begin : (size_t)last + 1;
    return true;
}

static void hand_out_part(struct connect_decision *decision, struct connect_secret *secret)
{
    const struct connect_file_manner *manner = manner_now(secret->file);
    size_t begin = 0, end = secret->size;
    struct slice range = http_header_value(decision->request, "Range");
    bool part = !manner->whole && read_range(range, secret->size, &begin, &end);
    if (part && begin == end) {
        refuse_file(decision, 416, "nothing of the file lies there");
        return;
    }
    char told[80];
    snprintf(told, sizeof told, "bytes %zu-%zu/%zu", begin, end - 1, secret->size);
    struct handed_body body = {
        .status = part ? 206 : 200,
        .bytes = secret->bytes + begin,
        .size = end - begin,
        .headers = {{"Content-Type", "application/octet-stream"},
                    {"Content-Encryption-Mode", manner->mode == NULL ? "AES-CTR" : manner->mode},
                    {"Content-Range", part ? told : NULL}},
    };
    if (hand_out(decision, &body, manner)) {
        note_sent(secret, begin, end);
    } else {
        secret->spoilt = secret->spoilt || manner->corrupt_at >= 0;
        if (manner->cut_bytes > 0 && manner->corrupt_at < 0) {
            size_t cut =
                (size_t)manner->cut_bytes < body.size ? (size_t)manner->cut_bytes : body.size;
            note_sent(secret, begin, begin + cut);
        }
    }
}

/* The one that a target names, in lower case as it is told (7.2). */
static struct connect_secret *secret_of(struct connect_server *server, struct slice target)
{
    char iv[2 * CONNECT_SECRET_BYTES + 1];
    memcpy(iv, target.bytes + sizeof begin_text - 1, sizeof iv - 1);
    iv[sizeof iv - 1] = '\0';
    struct connect_secret *secret = connect_server_secret(server, iv);
    return secret != NULL && strcmp(secret->iv_text, iv) == 0 ? secret : NULL;
}

struct connect_printer *secret_printer(struct connect_server *server, struct slice target)
{
    const struct connect_secret *secret =
        is_secret_target(target) ? secret_of(server, target) : NULL;
    return secret == NULL ? NULL : secret->printer;
}

bool serve_secret(struct connect_server *server, struct connect_decision *decision)
{
    struct slice target = decision->request->target;
    if (!is_secret_target(target)) {
        return false;
    }
    struct connect_secret *secret = secret_of(server, target);
    if (secret == NULL) {
        refuse_file(decision, 404, "no such file");
        return true;
    }
    secret->requests++;
    secret->file->requests++;
    hand_out_part(decision, secret);
    return true;
}
