#include "sim/protocol/connect/buddy_download.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/buddy_parts.h"
#include "sim/wire/cipher.h"

/* PFB: src/transfers/download.cpp, decrypt.cpp */

#define REQUEST_TIMEOUT SECONDS(10) /* resolving, connecting, request and headers together */
#define ACTIVE_TIMEOUT  SECONDS(10) /* of the body, without progress */

enum { PIECE_BYTES = 64 * 1024 };

struct buddy_download_get {
    struct buddy *buddy;
    struct buddy_partial *partial;
    struct endpoint to;
    struct http_client client;
    struct timer deadline; /* of the headers */
    struct buffer request;
    struct cipher *cipher;
    uint32_t connection; /* that stands; 0: none */
    uint32_t start;
    enum buddy_download_end end;
    uint8_t plain[PIECE_BYTES];
};

void buddy_download_counter(const uint8_t iv[BUDDY_KEY_BYTES], uint32_t offset,
                            uint8_t counter[BUDDY_KEY_BYTES])
{
    enum { NONCE_BYTES = 12 };
    uint32_t block = offset / CIPHER_BLOCK_BYTES;
    memcpy(counter, iv, NONCE_BYTES);
    for (int i = 0; i < 4; i++) {
        counter[NONCE_BYTES + i] = (uint8_t)(block >> (24 - 8 * i));
    }
}

void buddy_download_request(struct buffer *out, const struct buddy_backup *backup,
                            struct buddy_range range)
{
    buffer_append_text(out, "GET /f/");
    for (int i = 0; i < BUDDY_KEY_BYTES; i++) {
        buffer_format(out, "%02x", backup->download.iv[i]);
    }
    buffer_format(out, "/raw HTTP/1.1\r\nHost: %s\r\nContent-Encryption-Mode: AES-CTR\r\n",
                  backup->host);
    buffer_format(out, "Range: bytes=%" PRIu32 "-", range.start);
    if (!range.open) {
        buffer_format(out, "%" PRIu32, range.last);
    }
    buffer_append_text(out, "\r\n\r\n");
}

/* ---- what observers and traces are told ---- */

static const char *peer_name(const struct buddy_download_get *get)
{
    const char *name = get->buddy->settings->peer_name;
    return name == NULL ? "connect" : name;
}

static void told_end(struct buddy_download_get *get, enum stream_end end, bool by_us,
                     const char *why)
{
    struct buddy *buddy = get->buddy;
    const struct connect_observer_class *class = buddy->observer_class;
    if (get->connection == 0) {
        return;
    }
    trace_http(buddy->world, by_us ? buddy->name : peer_name(get),
               by_us ? peer_name(get) : buddy->name, get->connection,
               end == STREAM_END_RESET ? "reset" : "close", NULL, 0);
    if (class != NULL && class->ended != NULL) {
        class->ended(buddy->observer, NULL, get->connection, end, by_us, why);
    }
    get->connection = 0;
}

static void opened(void *owner, uint32_t connection)
{
    struct buddy_download_get *get = owner;
    struct buddy *buddy = get->buddy;
    const struct connect_observer_class *class = buddy->observer_class;
    get->connection = connection;
    trace_http(buddy->world, buddy->name, peer_name(get), connection, "open", NULL, 0);
    if (class != NULL && class->fetches != NULL) {
        class->fetches(buddy->observer, connection);
    }
    if (class != NULL && class->opened != NULL) {
        class->opened(buddy->observer, NULL, connection);
    }
    trace_http(buddy->world, buddy->name, peer_name(get), connection, "request", get->request.bytes,
               get->request.size);
    if (class != NULL && class->request != NULL) {
        class->request(buddy->observer, NULL, connection, get->request.bytes, get->request.size);
    }
}

static void told_reply(struct buddy_download_get *get, const struct http_message *head)
{
    struct buddy *buddy = get->buddy;
    const struct connect_observer_class *class = buddy->observer_class;
    trace_http(buddy->world, peer_name(get), buddy->name, get->connection, "reply",
               head->head.bytes, head->head.size);
    if (class != NULL && class->reply != NULL) {
        class->reply(buddy->observer, NULL, get->connection, head);
    }
}

static void told_failure(const struct buddy_download_get *get, int status,
                         const struct http_failure *failure)
{
    const struct buddy *buddy = get->buddy;
    if (buddy->observer_class != NULL && buddy->observer_class->fetch_failed != NULL) {
        buddy->observer_class->fetch_failed(buddy->observer, status, failure);
    }
}

/* ---- the course of it ---- */

static void finish(struct buddy_download_get *get, enum buddy_download_end end, const char *why)
{
    world_cancel(get->buddy->world, &get->deadline);
    told_end(get, STREAM_END_CLOSED, true, why);
    http_client_close(&get->client);
    get->end = end;
}

static void head(void *owner, const struct http_message *message)
{
    struct buddy_download_get *get = owner;
    world_cancel(get->buddy->world, &get->deadline);
    told_reply(get, message);
    struct slice mode = http_header_value(message, "Content-Encryption-Mode");
    if (message->status != 200 && message->status != 206) {
        told_failure(get, message->status, NULL);
        finish(get, BUDDY_DOWNLOAD_NETWORK, "the file is refused");
    } else if (message->status == 200 && get->start > 0) {
        told_failure(get, 0, NULL);
        finish(get, BUDDY_DOWNLOAD_FATAL, "not the part that was asked for");
    } else if (http_header_value(message, "Content-Length").bytes == NULL) {
        told_failure(get, 0, NULL);
        finish(get, BUDDY_DOWNLOAD_FATAL, "no Content-Length");
    } else if (!slice_is_nocase(mode, "AES-CTR")) {
        told_failure(get, 0, NULL);
        finish(get, BUDDY_DOWNLOAD_FATAL, "not encrypted in counter mode");
    }
}

static void body(void *owner, const char *bytes, size_t size)
{
    struct buddy_download_get *get = owner;
    while (size > 0 && get->end == BUDDY_DOWNLOAD_RUNS) {
        size_t part = size < PIECE_BYTES ? size : PIECE_BYTES;
        cipher_run(get->cipher, bytes, get->plain, part);
        if (!buddy_partial_write(get->partial, get->plain, part)) {
            finish(get, BUDDY_DOWNLOAD_NETWORK, "the drive fails");
        }
        bytes += part;
        size -= part;
    }
}

static void replied(void *owner, const struct http_message *message)
{
    struct buddy_download_get *get = owner;
    (void)message;
    bool written = buddy_partial_flush(get->partial);
    finish(get, written ? BUDDY_DOWNLOAD_OVER : BUDDY_DOWNLOAD_NETWORK, "the download is over");
}

static void failed(void *owner, const struct http_failure *failure)
{
    struct buddy_download_get *get = owner;
    bool by_us = failure->kind == HTTP_FAILURE_TIMEOUT || failure->kind == HTTP_FAILURE_NOT_HTTP;
    told_end(get, by_us ? STREAM_END_CLOSED : failure->end, by_us,
             failure->why == NULL ? http_failure_name(failure->kind) : failure->why);
    told_failure(get, 0, failure);
    finish(get, BUDDY_DOWNLOAD_NETWORK, "it failed");
}

static void too_late(void *owner)
{
    const struct buddy_download_get *get = owner;
    told_failure(get, 0,
                 &(struct http_failure){.kind = get->connection == 0 ? HTTP_FAILURE_CONNECT_TIMEOUT
                                                                     : HTTP_FAILURE_TIMEOUT});
    finish(owner, BUDDY_DOWNLOAD_NETWORK, "no headers within 10 s");
}

struct buddy_download_get *buddy_download_start(struct buddy *buddy,
                                                const struct buddy_backup *backup,
                                                struct buddy_partial *partial,
                                                struct buddy_range range)
{
    static const struct http_client_events events = {
        .reply = replied, .failed = failed, .opened = opened, .head = head, .body = body};
    struct buddy_download_get *get = memory_new(sizeof *get);
    uint8_t counter[BUDDY_KEY_BYTES];
    get->buddy = buddy;
    get->partial = partial;
    get->start = range.start;
    buddy_partial_seek(partial, range.start);
    buddy_download_counter(backup->download.iv, range.start, counter);
    get->cipher = cipher_counter_new(backup->download.key, counter);
    snprintf(get->to.host, sizeof get->to.host, "%s", backup->host);
    get->to.port = backup->port;
    http_client_init(&get->client, buddy->world, buddy->client.network, &get->to, &events, get);
    get->client.reply_timeout_us = ACTIVE_TIMEOUT;
    get->client.reply_bytes_max = SIZE_MAX;
    timer_init(&get->deadline, too_late, get);
    world_arm_in(buddy->world, &get->deadline, REQUEST_TIMEOUT);
    buddy_download_request(&get->request, backup, range);
    http_client_send(&get->client, get->request.bytes, get->request.size, false);
    return get;
}

void buddy_download_stop(struct buddy_download_get *get)
{
    if (get == NULL) {
        return;
    }
    world_cancel(get->buddy->world, &get->deadline);
    told_end(get, STREAM_END_CLOSED, true, "the download is over");
    http_client_free(&get->client);
    cipher_destroy(get->cipher);
    buffer_free(&get->request);
    free(get);
}

enum buddy_download_end buddy_download_end(const struct buddy_download_get *get)
{
    return get->end;
}
