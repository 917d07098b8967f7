#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/wire/stream.h"

const char *stream_end_name(enum stream_end end)
{
    static const char *const names[] = {"closed",     "reset", "refused",
                                        "unresolved", "tls",   "unreachable"};
    return names[end];
}

static bool parse_port(struct endpoint *endpoint, const char *text, const char *end,
                       struct error *error, const char *url)
{
    char *stopped = NULL;
    long port = strtol(text, &stopped, 10);
    if (stopped == text || stopped != end || port < 0 || port > 65535) {
        return error_set(error, "%s: the port must be a number from 0 to 65535", url);
    }
    endpoint->port = (uint16_t)port;
    return true;
}

bool endpoint_parse(struct endpoint *endpoint, const char *url, const char **path,
                    struct error *error)
{
    *endpoint = (struct endpoint){0};
    const char *host = url;
    if (strncasecmp(url, "https://", 8) == 0) {
        endpoint->tls = true;
        host = url + 8;
    } else if (strncasecmp(url, "http://", 7) == 0) {
        host = url + 7;
    } else {
        return error_set(error, "%s: expected http://HOST[:PORT] or https://HOST[:PORT]", url);
    }
    const char *end = host + strcspn(host, "/?#");
    const char *name_end = memchr(host, ':', (size_t)(end - host));
    if (*host == '[') {
        host++;
        const char *bracket = memchr(host, ']', (size_t)(end - host));
        if (bracket == NULL) {
            return error_set(error, "%s: ']' is missing behind the address", url);
        }
        name_end = bracket;
        bracket++;
        if (*bracket == ':' && !parse_port(endpoint, bracket + 1, end, error, url)) {
            return false;
        }
    } else if (name_end != NULL) {
        if (!parse_port(endpoint, name_end + 1, end, error, url)) {
            return false;
        }
    } else {
        name_end = end;
    }
    size_t size = (size_t)(name_end - host);
    if (size == 0 || size >= sizeof endpoint->host) {
        return error_set(error, "%s: the host name must have 1 to %zu characters", url,
                         sizeof endpoint->host - 1);
    }
    memcpy(endpoint->host, host, size);
    if (path != NULL) {
        *path = end;
    }
    return true;
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
    if (endpoint->port != 0) {
        return endpoint->port;
    }
    return endpoint->tls ? 443 : 80;
}
