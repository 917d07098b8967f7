#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/connect/sdk_state.h"

/* The headers of a request in the order in which the HTTP library writes them (connect-sdk.md 1.3).
 * All but Timestamp, Clock-Adjusted, Code and Content-Length stay the same from request to request:
 * they are rendered once, and a request is put together from pieces. */

#define COMMON_LINES(user_agent)                                                                   \
    "User-Agent: " user_agent "\r\nAccept-Encoding: gzip, deflate\r\n"                             \
    "Accept: */*\r\nConnection: keep-alive\r\n"

/* The same on every request of every printer with this version of the SDK. */
static const char *const common_lines[CONNECT_SDK_VERSIONS] = {
    [CONNECT_SDK_0_7_1] = COMMON_LINES("python-requests/2.28.1"),
    [CONNECT_SDK_0_8_0] = COMMON_LINES("Prusa-Connect-SDK-Printer/0.8.0"),
    [CONNECT_SDK_0_8_1] = COMMON_LINES("Prusa-Connect-SDK-Printer/0.8.1"),
};

static const char CONTENT_TYPE[] = "\r\nContent-Type: application/json\r\n\r\n";

void sdk_headers_forget(struct connect_sdk *sdk)
{
    free(sdk->head);
    sdk->head = NULL;
}

int64_t sdk_wall_us(const struct connect_sdk *sdk)
{
    return world_wall_us(sdk->world) + sdk->clock_shift_us;
}

void sdk_timestamp(const struct connect_sdk *sdk, char text[32])
{
    int64_t wall_us = sdk_wall_us(sdk);
    int64_t tenths = wall_us / 100000;
    python_tenths_text(wall_us < 0 && wall_us % 100000 != 0 ? tenths - 1 : tenths, text);
}

bool sdk_clock_adjusted(struct connect_sdk *sdk)
{
    int64_t moved_us = sdk->clock_shift_us - sdk->clock_reference_us;
    if (moved_us > -SECONDS(1) && moved_us < SECONDS(1)) {
        return false;
    }
    sdk->clock_reference_us = sdk->clock_shift_us;
    return true;
}

void connect_sdk_shift_clock(struct connect_sdk *sdk, int64_t shift_us)
{
    sdk->clock_shift_us += shift_us;
}

void connect_base_url(struct buffer *out, const char *host, bool tls, uint16_t port)
{
    buffer_append_text(out, tls ? "https://" : "http://");
    buffer_append_text(out, host);
    if (port != 0) {
        buffer_append_char(out, ':');
        buffer_append_int(out, port);
    }
}

/* "Host: …": the port is left out where it is the scheme's own. */
void sdk_write_host(struct buffer *out, const char *url)
{
    bool tls = strncmp(url, "https://", 8) == 0;
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    size_t size = strcspn(host, "/?#");
    const char *usual = tls ? ":443" : ":80";
    if (size > strlen(usual) && memcmp(host + size - strlen(usual), usual, strlen(usual)) == 0) {
        size -= strlen(usual);
    }
    buffer_append_text(out, "Host: ");
    buffer_append(out, host, size);
    buffer_append_text(out, "\r\n");
}

static void write_line(struct buffer *out, const char *name, const char *value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, value);
    buffer_append_text(out, "\r\n");
}

static void write_printer_lines(struct buffer *out, const struct connect_sdk *sdk)
{
    if (sdk->version != CONNECT_SDK_0_7_1) { /* connect-sdk.md 12 */
        char type[48] = "None";
        if (sdk->type_known) {
            snprintf(type, sizeof type, "%d.%d.%d", sdk->type.type, sdk->type.version,
                     sdk->type.subversion);
        }
        write_line(out, "User-Agent-Printer: ", type);
        const char *version =
            sdk->software != NULL && *sdk->software != '\0' ? sdk->software : sdk->firmware;
        write_line(out, "User-Agent-Version: ", version == NULL ? "None" : version);
    }
    if (sdk->token != NULL && *sdk->token != '\0') {
        write_line(out, "Token: ", sdk->token);
    }
}

static void render(struct connect_sdk *sdk)
{
    struct buffer lines = {0};
    sdk_write_host(&lines, sdk->server);
    sdk->head_host_size = (uint16_t)lines.size;
    if (sdk->fingerprint != NULL) {
        write_line(&lines, "Fingerprint: ", sdk->fingerprint);
    }
    buffer_append_text(&lines, "Timestamp: ");
    sdk->head_size = (uint16_t)lines.size;
    buffer_append_text(&lines, "\r\n");
    write_printer_lines(&lines, sdk);
    sdk->tail_size = (uint16_t)(lines.size - sdk->head_size);
    sdk->head = memory_copy_slice(lines.bytes, lines.size);
    buffer_free(&lines);
}

/* "POST /p/telemetry HTTP/1.1\r\nHost: …\r\n" of an item's own place. */
static void write_start(struct buffer *out, const struct connect_sdk *sdk, enum sdk_item_kind kind)
{
    static const char *const starts[] = {
        [SDK_TELEMETRY] = "POST /p/telemetry HTTP/1.1\r\n",
        [SDK_EVENT] = "POST /p/events HTTP/1.1\r\n",
        [SDK_POLL] = "GET /p/register HTTP/1.1\r\n",
        [SDK_REGISTER] = "POST /p/register HTTP/1.1\r\n",
        [SDK_CAMERA] = "POST /p/camera HTTP/1.1\r\n",
    };
    buffer_append_text(out, starts[kind]);
    buffer_append(out, sdk->head, sdk->head_host_size);
}

static void write_redirected_start(struct buffer *out, const struct sdk_exchange *exchange)
{
    bool get = exchange->bare || exchange->item->kind == SDK_POLL;
    buffer_append_text(out, get ? "GET " : "POST ");
    const char *path = strstr(exchange->url, "://") + 3;
    path += strcspn(path, "/?#");
    if (*path != '/') {
        buffer_append_char(out, '/');
    }
    buffer_append(out, path, strcspn(path, "#"));
    buffer_append_text(out, " HTTP/1.1\r\n");
    sdk_write_host(out, exchange->url);
}

void sdk_write_request(struct buffer *out, struct sdk_exchange *exchange)
{
    struct connect_sdk *sdk = exchange->sdk;
    const struct sdk_item *item = exchange->item;
    if (sdk->head == NULL) {
        render(sdk);
    }
    buffer_reserve(out, (size_t)sdk->head_size + sdk->tail_size + item->body.size + 384);
    if (exchange->url == NULL) {
        write_start(out, sdk, item->kind);
    } else {
        write_redirected_start(out, exchange);
    }
    buffer_append_text(out, common_lines[sdk->version]);
    buffer_append(out, sdk->head + sdk->head_host_size,
                  (size_t)(sdk->head_size - sdk->head_host_size));
    buffer_append_text(out, item->timestamp);
    buffer_append(out, sdk->head + sdk->head_size, sdk->tail_size);
    if (exchange->adjusted) {
        buffer_append_text(out, "Clock-Adjusted: 1\r\n");
    }
    if (item->kind == SDK_POLL) {
        write_line(out, "Code: ", buffer_text(&item->body));
    }
    if (item->kind == SDK_POLL || exchange->bare) {
        buffer_append_text(out, "\r\n");
        return;
    }
    buffer_append_text(out, "Content-Length: ");
    buffer_append_int(out, (long long)item->body.size);
    buffer_append(out, CONTENT_TYPE, sizeof CONTENT_TYPE - 1);
    buffer_append(out, item->body.bytes, item->body.size);
}

/* A URL's path and query as the HTTP library sends them: what may not stand in one is escaped. */
static void write_target(struct buffer *out, const char *url)
{
    static const char safe[] = "!#$&'()*+,/:;=?@[]~-._";
    const char *path = strstr(url, "://") + 3;
    path += strcspn(path, "/?#");
    if (*path != '/') {
        buffer_append_char(out, '/');
    }
    for (; *path != '\0' && *path != '#'; path++) {
        bool escape =
            path[0] == '%' && isxdigit((unsigned char)path[1]) && isxdigit((unsigned char)path[2]);
        if (escape || isalnum((unsigned char)*path) || strchr(safe, *path) != NULL) {
            buffer_append_char(out, *path);
        } else {
            buffer_format(out, "%%%02X", (unsigned char)*path);
        }
    }
}

void sdk_write_download(struct buffer *out, struct connect_sdk *sdk, const char *url, bool own,
                        bool adjusted)
{
    buffer_append_text(out, "GET ");
    write_target(out, url);
    buffer_append_text(out, " HTTP/1.1\r\n");
    sdk_write_host(out, url);
    buffer_append_text(out, common_lines[sdk->version]);
    if (own) {
        if (sdk->head == NULL) {
            render(sdk);
        }
        char timestamp[32];
        sdk_timestamp(sdk, timestamp);
        buffer_append(out, sdk->head + sdk->head_host_size,
                      (size_t)(sdk->head_size - sdk->head_host_size));
        buffer_append_text(out, timestamp);
        buffer_append(out, sdk->head + sdk->head_size, sdk->tail_size);
        if (adjusted) {
            buffer_append_text(out, "Clock-Adjusted: 1\r\n");
        }
    }
    buffer_append_text(out, "\r\n");
}
