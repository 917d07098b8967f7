/* Inline downloads: the printer asks for a segment of a file, the server sends it in messages
 * (connect-buddy.md 7.4). */
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

enum { CHUNK_BYTES_MAX = 60000 }; /* with its header below the longest frame (1.6) */

struct wanted {
    const struct connect_file *file; /* NULL: none that is known */
    uint32_t file_id;
    uint64_t start, end; /* end: behind the last byte */
    size_t chunk;
};

/* The first request of a download names the file, the others only its number. */
static struct wanted read_request(struct connect_printer *printer, const cJSON *request)
{
    struct wanted wanted = {.file_id = (uint32_t)json_whole_of(request, "file_id", 0),
                            .start = (uint64_t)json_whole_of(request, "start", 0),
                            .end = (uint64_t)json_whole_of(request, "end", -1) + 1,
                            .chunk = (size_t)json_whole_of(request, "chunk", 0)};
    const char *hash = json_string_of(request, "hash");
    if (hash != NULL) {
        struct connect_file *file = connect_server_file(printer->server, hash);
        bool its = file != NULL && file->team_id == json_whole_of(request, "team_id", -1);
        printer->inline_file = its ? file : NULL;
        printer->inline_id = wanted.file_id;
        if (its) {
            file->requests++;
        }
    }
    if (printer->inline_file != NULL && printer->inline_id == wanted.file_id &&
        manner_now(printer->inline_file)->status == 0 &&
        wanted.start < printer->inline_file->size) {
        wanted.file = printer->inline_file;
        wanted.end = wanted.end < wanted.file->size ? wanted.end : wanted.file->size;
    }
    if (wanted.chunk == 0 || wanted.chunk > CHUNK_BYTES_MAX) {
        wanted.chunk = CHUNK_BYTES_MAX;
    }
    return wanted;
}

static void send_segment(struct connect_printer *printer, const struct wanted *wanted)
{
    const struct connect_file_manner *manner = manner_now(wanted->file);
    uint32_t file_id = manner->wrong_key ? ~wanted->file_id : wanted->file_id;
    uint64_t end = wanted->end;
    if (manner->cut_bytes >= 0 && (uint64_t)manner->cut_bytes < end) {
        end = (uint64_t)manner->cut_bytes;
    }
    for (uint64_t at = wanted->start; at < end;) {
        size_t size = end - at < wanted->chunk ? (size_t)(end - at) : wanted->chunk;
        char *bytes = memory_copy_slice(wanted->file->bytes + at, size);
        if (manner->corrupt_at >= 0 && (uint64_t)manner->corrupt_at >= at &&
            (uint64_t)manner->corrupt_at - at < size) {
            bytes[(uint64_t)manner->corrupt_at - at] ^= (char)0xff;
        }
        if (misbehaves(printer->server, printer, MISBEHAVE_DATA_SPOILT)) {
            bytes[0] ^= (char)0xff;
        }
        bool there = connect_socket_send_message(printer, 'T', file_id, bytes, size);
        free(bytes);
        if (!there) {
            return;
        }
        at += size;
    }
}

void serve_data(struct connect_server *server, struct connect_decision *decision)
{
    struct connect_printer *printer = decision->printer;
    struct slice body = decision->request->body;
    cJSON *request = cJSON_ParseWithLength(body.bytes, body.size);
    struct wanted wanted = read_request(printer, request);
    cJSON_Delete(request);
    connect_reply_answer(decision->reply, 204);
    if (wanted.file == NULL) {
        /* No payload says that there is nothing to be had. */
        if (misbehaves(server, printer, MISBEHAVE_DATA_UNSAID)) {
            return;
        }
        connect_socket_send_message(printer, 'T', wanted.file_id, "", 0);
        return;
    }
    send_segment(printer, &wanted);
    const struct connect_file_manner *manner = manner_now(wanted.file);
    if (wanted.end == wanted.file->size && manner->corrupt_at < 0 && manner->cut_bytes < 0 &&
        !manner->wrong_key) {
        printer->inline_file->served++;
    }
}
