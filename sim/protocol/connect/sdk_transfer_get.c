#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/connect/sdk_transfer.h"
#include "sim/wire/http_coding.h"

/* The GET of a download on a connection of its own, through its redirects, into the part file
 * (connect-sdk.md 9.4, 9.6). What ends it is worded as the HTTP library words it. */

enum { REDIRECT_BODY_BYTES_MAX = 1 << 20 /* hotbed's own limit; the original has none */ };

struct sdk_download {
    struct sdk_transfer *transfer;
    struct http_client client;
    struct endpoint to;
    struct buffer unsent;       /* a request that waits for its connection */
    struct buffer piece;        /* read, not yet written */
    struct buffer part;         /* path of the part file */
    struct http_coding *coding; /* of the body; NULL: none */
    char coding_name[12];
    char *url;           /* where redirects have led */
    char *location;      /* of a redirect whose body is not over; NULL: none */
    uint64_t skipped;    /* bytes of that body */
    uint32_t connection; /* that stands; 0: none */
    uint8_t redirects;
    bool adjusted; /* the headers have Clock-Adjusted */
    bool trusted;  /* the headers of the printer go with it */
    bool chunked, reading;
};

static struct connect_sdk *sdk_of(const struct sdk_download *download)
{
    return download->transfer->sdk;
}

/* ---- what observers and traces are told ---- */

static const char *peer_name(const struct sdk_download *download)
{
    const struct connect_sdk *sdk = sdk_of(download);
    return sdk->server != NULL && sdk_same_origin(download->url, sdk->server) ? sdk->peer_name
                                                                              : download->to.host;
}

static void told_end(struct sdk_download *download, enum stream_end end, bool by_us,
                     const char *why)
{
    struct connect_sdk *sdk = sdk_of(download);
    if (download->connection == 0) {
        return;
    }
    const char *from = by_us ? sdk->name : peer_name(download);
    const char *to = by_us ? peer_name(download) : sdk->name;
    trace_http(sdk->world, from, to, download->connection,
               end == STREAM_END_RESET ? "reset" : "close", NULL, 0);
    if (sdk->observer_class != NULL && sdk->observer_class->ended != NULL) {
        sdk->observer_class->ended(sdk->observer, sdk, download->connection, end, by_us, why);
    }
    download->connection = 0;
}

static void told_request(struct sdk_download *download, const char *bytes, size_t size)
{
    struct connect_sdk *sdk = sdk_of(download);
    trace_http(sdk->world, sdk->name, peer_name(download), download->connection, "request", bytes,
               size);
    if (sdk->observer_class != NULL && sdk->observer_class->request != NULL) {
        sdk->observer_class->request(sdk->observer, sdk, download->connection, bytes, size);
    }
}

static void told_reply(struct sdk_download *download, const struct http_message *head)
{
    struct connect_sdk *sdk = sdk_of(download);
    trace_http(sdk->world, peer_name(download), sdk->name, download->connection, "reply",
               head->head.bytes, head->head.size);
    if (sdk->observer_class != NULL && sdk->observer_class->reply != NULL) {
        sdk->observer_class->reply(sdk->observer, sdk, download->connection, head);
    }
}

static void told_failure(const struct sdk_download *download, int status,
                         const struct http_failure *failure)
{
    const struct connect_sdk *sdk = sdk_of(download);
    if (sdk->observer_class != NULL && sdk->observer_class->fetch_failed != NULL) {
        sdk->observer_class->fetch_failed(sdk->observer, status, failure);
    }
}

void sdk_download_destroy(struct sdk_download *download)
{
    if (download == NULL) {
        return;
    }
    told_end(download, STREAM_END_CLOSED, true, "the download is over");
    http_client_free(&download->client);
    buffer_free(&download->unsent);
    buffer_free(&download->piece);
    buffer_free(&download->part);
    http_coding_destroy(download->coding);
    free(download->url);
    free(download->location);
    free(download);
}

/* ---- texts of exceptions ---- */

static void abort_with(struct sdk_download *download, const char *reason)
{
    sdk_transfer_aborted(download->transfer, reason);
}

/* "HTTPConnectionPool(host='127.0.0.1', port=41637): " and what is behind it. */
static void abort_in_pool(struct sdk_download *download, const char *what)
{
    struct buffer reason = {0};
    buffer_format(&reason, "HTTP%sConnectionPool(host='%s', port=%u): %s",
                  download->to.tls ? "S" : "", download->to.host, endpoint_port(&download->to),
                  what);
    abort_with(download, reason.bytes);
    buffer_free(&reason);
}

/* There is no connection. The address of the object is as good as any. */
static void no_connection(struct sdk_download *download, const struct http_failure *failure)
{
    static const char *const why[] = {
        [STREAM_END_CLOSED] = "[Errno 111] Connection refused",
        [STREAM_END_RESET] = "[Errno 104] Connection reset by peer",
        [STREAM_END_REFUSED] = "[Errno 111] Connection refused",
        [STREAM_END_UNRESOLVED] = "[Errno -2] Name or service not known",
        [STREAM_END_TLS] = "[SSL] TLS handshake failed",
        [STREAM_END_UNREACHABLE] = "[Errno 101] Network is unreachable",
    };
    const char *tls = download->to.tls ? "S" : "";
    const char *path = strstr(download->url, "://") + 3;
    path += strcspn(path, "/?#");
    struct buffer what = {0};
    buffer_format(&what, "Max retries exceeded with url: %s (Caused by ",
                  *path == '\0' ? "/" : path);
    if (failure->kind == HTTP_FAILURE_CONNECT_TIMEOUT) {
        buffer_format(&what,
                      "ConnectTimeoutError(<urllib3.connection.HTTP%sConnection object at "
                      "0x7f0b5c3d9a50>, 'Connection to %s timed out. (connect timeout=%d)'))",
                      tls, download->to.host, SDK_TIMEOUT_S);
    } else {
        buffer_format(&what,
                      "NewConnectionError('<urllib3.connection.HTTP%sConnection object at "
                      "0x7f0b5c3d9a50>: Failed to establish a new connection: %s'))",
                      tls, why[failure->end]);
    }
    abort_in_pool(download, what.bytes);
    buffer_free(&what);
}

/* ---- the body ---- */

/* Whether the part file is still what was written to it. */
static bool part_stands(const struct sdk_download *download)
{
    const char *path = download->part.bytes + 1;
    size_t size = strcspn(path, "/");
    const struct storage *storage = sdk_storage_named(sdk_of(download), path, size);
    const struct file_node *node = storage == NULL ? NULL : storage_find(storage, path + size + 1);
    return node != NULL && !node->folder && node->size == download->transfer->transferred;
}

static enum storage_result write_part(const struct sdk_download *download, const char *bytes,
                                      size_t size)
{
    const struct connect_sdk *sdk = sdk_of(download);
    return sdk->host_class->append == NULL
               ? STORAGE_IO
               : sdk->host_class->append(sdk->host, download->part.bytes, bytes, size);
}

/* A piece is whole, or the body is over. False: that was the end of the download. */
static bool take_piece(struct sdk_download *download)
{
    struct sdk_transfer *transfer = download->transfer;
    if (transfer->stop) {
        sdk_transfer_stopped(transfer);
        return false;
    }
    enum storage_result result = STORAGE_NOT_FOUND;
    if (part_stands(download)) {
        result = write_part(download, download->piece.bytes, download->piece.size);
    }
    if (result != STORAGE_OK) {
        abort_with(download, sdk_os_error(result));
        return false;
    }
    transfer->transferred += download->piece.size;
    sdk_transfer_advanced(transfer);
    buffer_clear(&download->piece);
    return true;
}

static void body_over(struct sdk_download *download, bool whole)
{
    struct sdk_transfer *transfer = download->transfer;
    if (download->piece.size > 0 && !take_piece(download)) {
        return;
    }
    if (transfer->transferred == 0) {
        told_failure(download, 0, NULL);
        abort_with(download, "Empty response");
    } else {
        sdk_transfer_finished(transfer, whole);
    }
}

/* Decoded bytes; false: that was the end of the download. */
static bool collect(void *owner, const char *bytes, size_t size)
{
    struct sdk_download *download = owner;
    while (size > 0) {
        size_t room = SDK_TRANSFER_PIECE_BYTES - download->piece.size;
        size_t part = size < room ? size : room;
        buffer_append(&download->piece, bytes, part);
        bytes += part;
        size -= part;
        if (download->piece.size == SDK_TRANSFER_PIECE_BYTES && !take_piece(download)) {
            return false;
        }
    }
    return true;
}

/* As urllib3 and requests word it. */
static void not_decoded(struct sdk_download *download)
{
    struct buffer reason = {0};
    told_failure(download, 0, NULL);
    buffer_format(&reason,
                  "('Received response with content-encoding: %s, but failed to decode it.', "
                  "error('Error -3 while decompressing data: %s'))",
                  download->coding_name, http_coding_error(download->coding));
    abort_with(download, reason.bytes);
    buffer_free(&reason);
}

static void body(void *owner, const char *bytes, size_t size)
{
    struct sdk_download *download = owner;
    if (!download->reading) { /* of a redirect */
        download->skipped += size;
        if (download->skipped > REDIRECT_BODY_BYTES_MAX) {
            abort_with(download, "the body of a redirect never ends");
        }
    } else if (download->coding == NULL) {
        collect(download, bytes, size);
    } else if (http_coding_feed(download->coding, bytes, size, collect, download) ==
               HTTP_CODED_BAD) {
        not_decoded(download);
    }
}

/* ---- the head ---- */

static bool type_good(struct slice type)
{
    static const char *const good[] = {"text/plain", "text/x.gcode", "application/binary",
                                       "application/octet-stream"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (slice_is_nocase(type, good[i])) {
            return true;
        }
    }
    return type.size == 0;
}

/* int(value); false: it has aborted the download. */
static bool read_length(struct sdk_download *download, struct slice value)
{
    struct sdk_transfer *transfer = download->transfer;
    int64_t size = 0;
    if (value.bytes == NULL) {
        return true;
    }
    if (!python_int(value.bytes, value.size, &size) || size < 0) {
        struct buffer text = {0}, reason = {0};
        told_failure(download, 0, NULL);
        buffer_append(&text, value.bytes, value.size);
        buffer_append_text(&reason, "invalid literal for int() with base 10: ");
        python_repr(&reason, buffer_text(&text), text.size);
        abort_with(download, reason.bytes);
        buffer_free(&text);
        buffer_free(&reason);
        return false;
    }
    transfer->size_known = true;
    transfer->size = (uint64_t)size;
    if (size == 0) { /* the progress of it */
        transfer->size_known = false;
        told_failure(download, 0, NULL);
        abort_with(download, "division by zero");
        return false;
    }
    return true;
}

static bool open_part(struct sdk_download *download)
{
    struct connect_sdk *sdk = sdk_of(download);
    if (download->transfer->target == NULL) { /* there was only a bad one (Q-01) */
        abort_with(download, "expected str, bytes or os.PathLike object, not NoneType");
        return false;
    }
    sdk_transfer_part(download->transfer->target, &download->part);
    if (sdk->host_class->remove != NULL) {
        sdk->host_class->remove(sdk->host, download->part.bytes, false);
    }
    enum storage_result result = write_part(download, "", 0);
    if (result != STORAGE_OK) {
        struct buffer reason = {0};
        buffer_format(&reason, "%s: '%s'", sdk_os_error(result), download->part.bytes);
        abort_with(download, reason.bytes);
        buffer_free(&reason);
    }
    return result == STORAGE_OK;
}

static void head(void *owner, const struct http_message *message)
{
    struct sdk_download *download = owner;
    struct slice type = http_header_value(message, "Content-Type"), location;
    told_reply(download, message);
    if (sdk_redirects(message, &location)) {
        free(download->location);
        download->location = memory_copy_slice(location.bytes, location.size);
        download->skipped = 0;
        return;
    }
    char reason[320];
    if (message->status != 200) {
        snprintf(reason, sizeof reason, "Invalid status code: %d", message->status);
        told_failure(download, message->status, NULL);
        abort_with(download, reason);
    } else if (!type_good(type)) {
        told_failure(download, 0, NULL);
        snprintf(reason, sizeof reason, "Invalid content type: %.*s",
                 (int)(type.size < 256 ? type.size : 256), type.bytes);
        abort_with(download, reason);
    } else if (read_length(download, http_header_value(message, "Content-Length"))) {
        download->chunked = http_header_value(message, "Transfer-Encoding").size > 0;
        struct slice coding = http_header_value(message, "Content-Encoding");
        download->coding = http_coding_new(coding);
        snprintf(download->coding_name, sizeof download->coding_name, "%.*s", (int)coding.size,
                 coding.bytes == NULL ? "" : coding.bytes);
        download->reading = true;
        sdk_transfer_accepted(download->transfer);
        open_part(download);
    }
}

/* ---- requests ---- */

/* Whether the URL gets what only the server may see: by its text alone (defect Q-09). */
static bool is_server(const struct connect_sdk *sdk, const char *url)
{
    if (sdk->server == NULL || sdk->token == NULL) {
        return false;
    }
    return sdk_quirk(sdk, 9) ? strncasecmp(url, sdk->server, strlen(sdk->server)) == 0
                             : sdk_same_origin(url, sdk->server);
}

static void send(struct sdk_download *download)
{
    struct buffer request = {0};
    sdk_write_download(&request, sdk_of(download), download->url, download->trusted,
                       download->adjusted);
    if (download->connection == 0) {
        download->unsent = request;
        http_client_send(&download->client, request.bytes, request.size, false);
    } else {
        told_request(download, request.bytes, request.size);
        http_client_send(&download->client, request.bytes, request.size, false);
        buffer_free(&request);
    }
}

/* False: the URL is none. */
static bool aim(struct sdk_download *download)
{
    if (endpoint_parse(&download->to, download->url, NULL, NULL)) {
        return true;
    }
    struct buffer reason = {0}, url = {0};
    python_repr(&url, download->url, strlen(download->url));
    if (strncasecmp(download->url, "http://", 7) == 0 ||
        strncasecmp(download->url, "https://", 8) == 0) {
        buffer_format(&reason, "Invalid URL %s: No host supplied", url.bytes);
    } else if (strstr(download->url, "://") != NULL) {
        buffer_format(&reason, "No connection adapters were found for %s", url.bytes);
    } else {
        buffer_format(&reason, "Invalid URL %s: No scheme supplied. Perhaps you meant http://%s?",
                      url.bytes, download->url);
    }
    abort_with(download, reason.bytes);
    buffer_free(&reason);
    buffer_free(&url);
    return false;
}

static void follow(struct sdk_download *download)
{
    char *from = download->url;
    struct slice location = slice_of(download->location);
    download->url = sdk_join_url(from, location);
    free(download->location);
    download->location = NULL;
    bool same = sdk_same_origin(from, download->url);
    free(from);
    if (++download->redirects > SDK_REDIRECTS_MAX) {
        abort_with(download, "Exceeded 30 redirects.");
        return;
    }
    if (!sdk_quirk(sdk_of(download), 9)) {
        download->trusted = download->trusted && is_server(sdk_of(download), download->url);
    }
    if (!same) {
        told_end(download, STREAM_END_CLOSED, true, "a redirect leads elsewhere");
        http_client_close(&download->client);
    }
    if (aim(download)) {
        send(download);
    }
}

static void replied(void *owner, const struct http_message *message)
{
    struct sdk_download *download = owner;
    (void)message;
    if (http_client_connection(&download->client) == 0) {
        told_end(download, STREAM_END_CLOSED, true, "the reply ends the connection");
    }
    if (download->location != NULL) {
        follow(download);
    } else {
        body_over(download, true);
    }
}

#define RESET "ConnectionResetError(104, 'Connection reset by peer')"

static void failed(void *owner, const struct http_failure *failure)
{
    struct sdk_download *download = owner;
    struct http_failure copy = *failure;
    copy.why = NULL;
    bool by_us = copy.kind == HTTP_FAILURE_TIMEOUT || copy.kind == HTTP_FAILURE_NOT_HTTP;
    told_end(download, by_us ? STREAM_END_CLOSED : copy.end, by_us,
             failure->why == NULL ? http_failure_name(copy.kind) : failure->why);
    told_failure(download, 0, &copy);
    bool reset = copy.end == STREAM_END_RESET;
    switch (copy.kind) {
    case HTTP_FAILURE_CONNECT:
    case HTTP_FAILURE_CONNECT_TIMEOUT:
        no_connection(download, &copy);
        return;
    case HTTP_FAILURE_NO_REPLY:
        abort_with(download, reset ? "('Connection aborted.', " RESET ")"
                                   : "('Connection aborted.', RemoteDisconnected('Remote end "
                                     "closed connection without response'))");
        return;
    case HTTP_FAILURE_TIMEOUT:
        abort_in_pool(download,
                      download->reading ? "Read timed out." : "Read timed out. (read timeout=10)");
        return;
    case HTTP_FAILURE_NOT_HTTP:
        abort_with(download, download->reading
                                 ? "('Connection broken: InvalidChunkLength(got length b\\'\\', 0 "
                                   "bytes read)', InvalidChunkLength(got length b'', 0 bytes read))"
                                 : "('Connection aborted.', BadStatusLine('…'))");
        return;
    case HTTP_FAILURE_CUT:
        break;
    }
    if (!download->reading || reset) {
        abort_with(download, "(\"Connection broken: ConnectionResetError(104, 'Connection reset by "
                             "peer')\", " RESET ")");
    } else if (download->chunked) {
        abort_with(download, "(\"Connection broken: InvalidChunkLength(got length b'', 0 bytes "
                             "read)\", InvalidChunkLength(got length b'', 0 bytes read))");
    } else {
        body_over(download, false); /* Q-21 */
    }
}

static void opened(void *owner, uint32_t connection)
{
    struct sdk_download *download = owner;
    const struct connect_sdk *sdk = sdk_of(download);
    download->connection = connection;
    trace_http(sdk->world, sdk->name, peer_name(download), connection, "open", NULL, 0);
    if (sdk->observer_class != NULL && sdk->observer_class->fetches != NULL) {
        sdk->observer_class->fetches(sdk->observer, connection);
    }
    if (sdk->observer_class != NULL && sdk->observer_class->opened != NULL) {
        sdk->observer_class->opened(sdk->observer, sdk, connection);
    }
    told_request(download, buffer_text(&download->unsent), download->unsent.size);
    buffer_free(&download->unsent);
}

static void idle_end(void *owner, enum stream_end end)
{
    told_end(owner, end, false, "closed while idle");
}

void sdk_download_begin(struct sdk_transfer *transfer)
{
    static const struct http_client_events events = {
        .reply = replied,
        .failed = failed,
        .opened = opened,
        .idle_end = idle_end,
        .head = head,
        .body = body,
    };
    struct connect_sdk *sdk = transfer->sdk;
    struct sdk_download *download = memory_new(sizeof *download);
    download->transfer = transfer;
    download->url = memory_copy_text(transfer->url);
    transfer->download = download;
    http_client_init(&download->client, sdk->world, sdk->network, &download->to, &events, download);
    download->client.connect_timeout_us = SECONDS(SDK_TIMEOUT_S);
    download->client.reply_timeout_us = SECONDS(SDK_TIMEOUT_S);
    download->client.reply_bytes_max = SIZE_MAX;
    download->trusted = is_server(sdk, download->url);
    /* The headers are made for every download, and thrown away for a foreign one (Q-19). */
    bool adjusted = sdk_quirk(sdk, 19) && sdk_clock_adjusted(sdk);
    download->adjusted = adjusted && download->trusted;
    if (aim(download)) {
        send(download);
    }
}
