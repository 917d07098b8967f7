#include "sim/protocol/connect/ws_told.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void connect_ws_names_of(struct connect_ws_names *names, const struct http_message *upgrade)
{
    names->host = http_header_value(upgrade, "Host");
    names->fingerprint = http_header_value(upgrade, "Fingerprint");
    names->token = http_header_value(upgrade, "Token");
    names->agent = http_header_value(upgrade, "User-Agent-Printer");
    names->version = http_header_value(upgrade, "User-Agent-Version");
}

const char *connect_ws_target(struct slice message)
{
    cJSON *tree = cJSON_ParseWithLength(message.bytes, message.size);
    const char *transfer = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "transfer"));
    const char *target = cJSON_HasObjectItem(tree, "event")                    ? "/p/events"
                         : transfer != NULL && strcmp(transfer, "inline") == 0 ? "/p/ws"
                                                                               : "/p/telemetry";
    cJSON_Delete(tree);
    return target;
}

static void tell_name(struct buffer *out, const char *name, struct slice value)
{
    if (value.bytes != NULL) {
        buffer_format(out, "%s: %.*s\r\n", name, (int)value.size, value.bytes);
    }
}

void connect_ws_tell_message(struct buffer *out, const struct connect_ws_names *names,
                             const char *target, struct slice message)
{
    http_write_request(out, "POST", target);
    tell_name(out, "Host", names->host);
    http_write_header(out, "Upgrade", "websocket");
    http_write_header(out, "Content-Type", "application/json");
    tell_name(out, "Fingerprint", names->fingerprint);
    tell_name(out, "Token", names->token);
    tell_name(out, "User-Agent-Printer", names->agent);
    tell_name(out, "User-Agent-Version", names->version);
    http_write_header_int(out, "Content-Length", (int64_t)message.size);
    http_write_end(out);
    buffer_append(out, message.bytes, message.size);
}

void connect_ws_tell_reply(struct buffer *out)
{
    http_write_status(out, 204, NULL);
    http_write_header(out, "Upgrade", "websocket");
    http_write_end(out);
}

bool connect_ws_tell_command(struct buffer *out, struct slice message)
{
    enum { HEADER = 9, HEX = 16 };
    if (message.size < HEADER || memchr("JGF", message.bytes[0], 3) == NULL) {
        return false;
    }
    char digits[HEADER] = "", *end;
    memcpy(digits, message.bytes + 1, HEADER - 1);
    unsigned long id = strtoul(digits, &end, HEX);
    if (end == digits || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ') {
        return false;
    }
    http_write_status(out, 200, NULL);
    http_write_header(out, "Upgrade", "websocket");
    http_write_header_int(out, "Command-Id", (int64_t)id);
    http_write_header(out, "Content-Type",
                      message.bytes[0] == 'J' ? "application/json" : "text/x.gcode");
    http_write_header_int(out, "Content-Length", (int64_t)(message.size - HEADER));
    http_write_end(out);
    buffer_append(out, message.bytes + HEADER, message.size - HEADER);
    return true;
}

bool connect_ws_told(const struct http_message *message)
{
    bool upgrade = slice_is_nocase(http_header_value(message, "Upgrade"), "websocket");
    return upgrade &&
           (message->request ? slice_is(message->method, "POST") : message->status != 101);
}
