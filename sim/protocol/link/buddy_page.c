#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/protocol/link/buddy_link.h"

/* Replies, header for header (PFB: lib/WUI/nhttp/headers.cpp, status_page.cpp, send_json.cpp,
 * static_mem.cpp, send_file.cpp). */

const char *buddy_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {410, "Gone"},
                   {411, "Length Required"},
                   {413, "Payload Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {422, "Unprocessable Entity"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Infernal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Temporarily Unavailable"},
                   {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "???";
}

enum buddy_closing buddy_closing_plain(const struct buddy_asked *asked)
{
    return asked->keep_alive ? BUDDY_KEEP : BUDDY_CLOSE;
}

enum buddy_closing buddy_closing_of(const struct buddy_asked *asked, int status)
{
    bool may_have_body = asked->method == LINK_POST || asked->method == LINK_PUT;
    return may_have_body && status >= 300 ? BUDDY_ERROR_CLOSE : buddy_closing_plain(asked);
}

/* ---- heads ---- */

static void begin_reply(struct link_reply *reply, int status, const char *type, bool keep_alive)
{
    *reply = (struct link_reply){
        .status = status, .reason = buddy_reason(status), .minor = 1, .close = !keep_alive};
    link_reply_header(reply, "Content-Type", type);
    link_reply_header(reply, "Connection", keep_alive ? "keep-alive" : "close");
}

static void end_head(struct link_reply *reply, const uint32_t *etag, const char *lines)
{
    if (etag != NULL) {
        link_reply_header_format(reply, "ETag", "\"%" PRIu32 "\"", *etag);
    }
    if (lines != NULL) {
        buffer_append_text(&reply->head, lines);
    }
}

/* ---- pages ---- */

static void write_page(struct buffer *body, const struct buddy_page *page)
{
    const char *text = page->text == NULL ? "" : page->text;
    if (page->json) {
        buffer_format(body, "{\"title\": \"%d: %s\",\"message\":\"", page->status,
                      buddy_reason(page->status));
        buddy_escape(body, text, strlen(text));
        buffer_append_text(body, "\"}");
    } else {
        buffer_format(body, "%d: %s\n\n%s\n", page->status, buddy_reason(page->status), text);
    }
    if (body->size > BUDDY_LINK_PAGE_MAX) {
        body->size = BUDDY_LINK_PAGE_MAX; /* cut without warning */
        body->bytes[body->size] = '\0';
    }
}

void buddy_page_reply(struct link_request *request, const struct buddy_page *page)
{
    bool empty = page->status == 204 || page->status == 304;
    struct link_reply reply;
    begin_reply(&reply, page->status, page->json && !empty ? "application/json" : "text/plain",
                page->closing == BUDDY_KEEP);
    if (!empty) {
        write_page(&reply.body, page);
    }
    link_reply_header_format(&reply, "Content-Length", "%zu", reply.body.size);
    end_head(&reply, page->etag, page->header);
    reply.drain = page->closing == BUDDY_ERROR_CLOSE;
    /* A known defect: errors that answer HEAD have a body. */
    reply.without_body = request->head && !link_quirk(request->face, 24);
    link_request_reply(request, &reply);
}

void buddy_refuse(struct link_request *request, const struct buddy_asked *asked, int status,
                  const char *text)
{
    buddy_page_reply(request, &(struct buddy_page){.status = status,
                                                   .closing = buddy_closing_of(asked, status),
                                                   .json = asked->json,
                                                   .text = text});
}

void buddy_refuse_body(struct link_request *request, bool json, int status, const char *text)
{
    buddy_page_reply(
        request, &(struct buddy_page){
                     .status = status, .closing = BUDDY_ERROR_CLOSE, .json = json, .text = text});
}

/* A bare line, and the NUL of the C string behind it, which is sent too. */
void buddy_goodbye(struct link_request *request)
{
    static const char goodbye[] = "HTTP/1.1 408 Request Timeout\r\n\r\n";
    link_request_reply_raw(request, goodbye, sizeof goodbye);
}

/* ---- documents ---- */

/* What the head leaves of the first buffer. */
static size_t first_room(const struct link_reply *reply)
{
    char line[64];
    int size = snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", reply->status,
                        buddy_reason(reply->status));
    size_t head = (size_t)size + reply->head.size + 2;
    return head < BUDDY_LINK_BUFFER ? BUDDY_LINK_BUFFER - head : 0;
}

enum { CHUNK_FRAME = 8 }; /* four digits and two line ends */

static void append_chunk(struct buffer *out, const char *bytes, size_t size)
{
    buffer_format(out, "%04zX\r\n", size);
    buffer_append(out, bytes, size);
    buffer_append_text(out, "\r\n");
}

static void append_chunks(struct buffer *out, size_t room, const struct buddy_message *message)
{
    size_t token = 0;
    enum buddy_piece piece = BUDDY_PIECE_MORE;
    room = room <= CHUNK_FRAME ? BUDDY_LINK_BUFFER : room;
    while (piece == BUDDY_PIECE_MORE) {
        const char *bytes;
        size_t size;
        piece = buddy_message_piece(message, &token, room - CHUNK_FRAME, &bytes, &size);
        if (piece == BUDDY_PIECE_TOO_SMALL && room < BUDDY_LINK_BUFFER) {
            piece = BUDDY_PIECE_MORE; /* the head took too much of this one */
        } else {
            append_chunk(out, bytes, size);
        }
        room = BUDDY_LINK_BUFFER;
    }
    buffer_append_text(out, "0\r\n\r\n");
}

void buddy_document_reply(struct link_request *request, const struct buddy_document *document,
                          const struct buddy_message *message)
{
    struct link_reply reply;
    begin_reply(&reply, document->status, "application/json", document->keep_alive);
    if (document->keep_alive && message != NULL) {
        link_reply_header(&reply, "Transfer-Encoding", "chunked");
    }
    end_head(&reply, document->etag, document->headers);
    if (message != NULL && document->keep_alive) {
        append_chunks(&reply.body, first_room(&reply), message);
    } else if (message != NULL) {
        buffer_append(&reply.body, buffer_text(&message->text), message->text.size);
    }
    reply.without_body = message == NULL;
    link_request_reply(request, &reply);
}

void buddy_bytes_reply(struct link_request *request, const struct buddy_document *document,
                       const char *type, const void *bytes, size_t size,
                       struct file_content *content)
{
    struct link_reply reply;
    begin_reply(&reply, document->status, type, document->keep_alive);
    link_reply_header_format(&reply, "Content-Length", "%" PRIu64,
                             content != NULL ? file_content_size(content) : (uint64_t)size);
    end_head(&reply, document->etag, document->headers);
    if (content != NULL) {
        reply.content = file_content_share(content);
    } else {
        buffer_append(&reply.body, bytes, size);
    }
    link_request_reply(request, &reply);
}

void buddy_chunks_reply(struct link_request *request, const struct buddy_document *document,
                        const char *type, const void *bytes, size_t size)
{
    struct link_reply reply;
    begin_reply(&reply, document->status, type, document->keep_alive);
    if (document->keep_alive) {
        link_reply_header(&reply, "Transfer-Encoding", "chunked");
    }
    end_head(&reply, document->etag, document->headers);
    if (!document->keep_alive) {
        buffer_append(&reply.body, bytes, size);
        link_request_reply(request, &reply);
        return;
    }
    size_t room = first_room(&reply);
    room = room <= CHUNK_FRAME ? BUDDY_LINK_BUFFER : room;
    for (const char *at = bytes; size > 0; room = BUDDY_LINK_BUFFER) {
        size_t piece = size < room - CHUNK_FRAME ? size : room - CHUNK_FRAME;
        append_chunk(&reply.body, at, piece);
        at += piece;
        size -= piece;
    }
    append_chunk(&reply.body, "", 0);
    link_request_reply(request, &reply);
}
