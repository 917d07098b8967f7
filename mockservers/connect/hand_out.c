#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

/* How the body of a file goes out: properly, or in one of the manners of connect_file_manner. */

enum {
    PIECES_A_SECOND = 10,
    ENDLESS_BYTES = 16 * 1024 * 1024, /* as much as anybody should wait for */
};

static void pace(struct http_reply *http, uint64_t bytes_per_s)
{
    if (bytes_per_s > 0) {
        uint64_t piece = bytes_per_s / PIECES_A_SECOND;
        http->piece_bytes = piece == 0 ? 1 : (size_t)piece;
        http->piece_gap_us = (int64_t)(http->piece_bytes * 1000000 / bytes_per_s);
    }
}

static size_t header_count(const struct handed_body *body)
{
    return sizeof body->headers / sizeof body->headers[0];
}

static bool is_there(const struct handed_body *body, size_t i)
{
    return body->headers[i].value != NULL && *body->headers[i].value != '\0';
}

/* What can't be said in values: a body that is shorter or longer than what is announced, or ends
 * with its connection. */
static void hand_out_raw(struct connect_reply *reply, const struct handed_body *body,
                         const struct connect_file_manner *manner)
{
    struct buffer raw = {0};
    size_t size = manner->cut_bytes >= 0 && (uint64_t)manner->cut_bytes < body->size
                      ? (size_t)manner->cut_bytes
                      : body->size;
    http_write_status(&raw, body->status, NULL);
    for (size_t i = 0; i < header_count(body); i++) {
        if (is_there(body, i)) {
            http_write_header(&raw, body->headers[i].name, body->headers[i].value);
        }
    }
    if (!manner->no_length && !manner->endless) {
        http_write_header_int(&raw, "Content-Length",
                              manner->announce_bytes >= 0 ? manner->announce_bytes
                                                          : (int64_t)body->size);
    }
    http_write_end(&raw);
    size_t begin = raw.size;
    buffer_append(&raw, body->bytes, size);
    while (manner->endless && body->size > 0 && raw.size < ENDLESS_BYTES) {
        buffer_append(&raw, body->bytes, body->size);
    }
    if (manner->corrupt_at >= 0 && (uint64_t)manner->corrupt_at < size) {
        raw.bytes[begin + (size_t)manner->corrupt_at] ^= (char)0xFF;
    }
    connect_reply_set_raw(reply, raw.bytes, raw.size);
    buffer_free(&raw);
    reply->http.after = manner->stall || manner->endless ? HTTP_AFTER_STALL
                        : manner->reset                  ? HTTP_AFTER_RESET
                                                         : HTTP_AFTER_CLOSE;
}

static bool hand_out_values(struct connect_reply *reply, const struct handed_body *body,
                            const struct connect_file_manner *manner)
{
    char length[24];
    connect_reply_answer(reply, body->status);
    for (size_t i = 0; i < header_count(body); i++) {
        if (is_there(body, i)) {
            connect_reply_set_header(reply, body->headers[i].name, body->headers[i].value);
        }
    }
    snprintf(length, sizeof length, "%zu", body->size);
    connect_reply_set_header(reply, "Content-Length", length);
    if (manner->corrupt_at >= 0 && (uint64_t)manner->corrupt_at < body->size) {
        connect_reply_set_body(reply, body->bytes, body->size);
        reply->body.bytes[manner->corrupt_at] ^= (char)0xFF;
        return false;
    }
    reply->http.body = body->bytes; /* not copied: it lives as long as the server */
    reply->http.body_size = body->size;
    return true;
}

const struct connect_file_manner *manner_now(const struct connect_file *file)
{
    bool properly = file->manner.times > 0 && file->requests > file->manner.times;
    return properly ? &connect_file_properly : &file->manner;
}

bool hand_out(struct connect_decision *decision, const struct handed_body *body,
              const struct connect_file_manner *manner)
{
    struct connect_reply *reply = decision->reply;
    bool raw = manner->announce_bytes >= 0 || manner->no_length || manner->endless ||
               manner->cut_bytes >= 0 || manner->reset || manner->stall;
    bool whole = false;
    if (manner->redirect != NULL) {
        connect_reply_answer(reply, 302);
        connect_reply_set_header(reply, "Location", manner->redirect);
    } else if (manner->status != 0 && manner->status != 200) {
        refuse_file(decision, manner->status, "refused");
    } else if (raw) {
        connect_reply_clear(reply);
        hand_out_raw(reply, body, manner);
    } else {
        whole = hand_out_values(reply, body, manner);
    }
    reply->http.delay_us = manner->delay_us;
    pace(&reply->http, manner->bytes_per_s);
    return whole;
}

/* The bytes under gzip; the caller's. */
static char *pack(const char *bytes, size_t size, size_t *packed_size)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };
    z_stream stream = {0};
    int done = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                            Z_DEFAULT_STRATEGY);
    uLong room = done == Z_OK ? deflateBound(&stream, (uLong)size) : 0;
    char *packed = memory_new(room + 1);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size; /* within CONNECT_FILES_BYTES_MAX */
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)room;
    if (done == Z_OK) {
        deflate(&stream, Z_FINISH);
        deflateEnd(&stream);
    }
    *packed_size = stream.total_out;
    return packed;
}

void hand_out_file(struct connect_decision *decision, struct connect_file *file)
{
    const struct connect_file_manner *manner = manner_now(file);
    if (manner->gzip && file->packed == NULL) {
        file->packed = pack(file->bytes, file->size, &file->packed_size);
    }
    struct handed_body body = {
        .status = 200,
        .bytes = manner->gzip ? file->packed : file->bytes,
        .size = manner->gzip ? file->packed_size : file->size,
        .headers = {{"Content-Type",
                     manner->content_type == NULL ? "text/x.gcode" : manner->content_type},
                    {"Content-Encoding", manner->gzip ? "gzip" : NULL}},
    };
    file->served += hand_out(decision, &body, manner);
}
