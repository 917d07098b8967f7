#include <string.h>
#include <strings.h>

#include "sim/protocol/link/buddy_link.h"

/* Requests as the firmware's automaton reads them: headers in their order, each by rules of its
 * own (PFB: utils/gen-automata/http.py, http_server.py). */

static const struct {
    unsigned method;
    const char *name;
} methods[] = {{LINK_GET, "GET"},
               {LINK_HEAD, "HEAD"},
               {LINK_POST, "POST"},
               {LINK_PUT, "PUT"},
               {LINK_DELETE, "DELETE"}};

const char *buddy_method_name(unsigned method)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].method == method) {
            return methods[i].name;
        }
    }
    return "";
}

static unsigned method_of(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcasecmp(methods[i].name, name) == 0) {
            return methods[i].method;
        }
    }
    return LINK_OTHER;
}

/* The value begins with the word, in any case; what follows does not matter. */
static bool begins(struct slice value, const char *word)
{
    size_t size = strlen(word);
    return value.size >= size && strncasecmp(value.bytes, word, size) == 0;
}

static int hexadecimal(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
           : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                            : -1;
}

/* ---- credentials ---- */

/* Every character of a nonce or a response makes the request one by digest, whatever it was
 * before. */
static void take_digit(struct buddy_asked *asked, bool nonce, char letter)
{
    if (asked->by_key) {
        asked->by_key = asked->right_key = false;
        asked->nonce = asked->response[0] = asked->response[1] = 0;
    }
    int digit = hexadecimal(letter);
    if (digit < 0) {
        return; /* skipped */
    }
    if (nonce) {
        asked->nonce = asked->nonce << 4 | (unsigned)digit;
    } else {
        asked->response[1] = asked->response[1] << 4 | asked->response[0] >> 60;
        asked->response[0] = asked->response[0] << 4 | (unsigned)digit;
    }
}

struct reading {
    const char *at, *end;
};

static void skip(struct reading *text, const char *letters)
{
    while (text->at < text->end && strchr(letters, *text->at) != NULL && *text->at != '\0') {
        text->at++;
    }
}

/* `name=value`; only two names are read, of any scheme. */
static void take_field(struct buddy_asked *asked, struct reading *text)
{
    const char *name = text->at;
    while (text->at < text->end && *text->at != '=') {
        text->at++;
    }
    size_t size = (size_t)(text->at - name);
    while (size > 0 && (name[size - 1] == ' ' || name[size - 1] == '\t')) {
        size--;
    }
    bool nonce = size == 5 && strncasecmp(name, "nonce", 5) == 0;
    bool response = size == 8 && strncasecmp(name, "response", 8) == 0;
    text->at += text->at < text->end;
    skip(text, " \t");
    bool quoted = text->at < text->end && *text->at == '"';
    text->at += quoted;
    while (text->at < text->end && *text->at != '"' &&
           (quoted || (*text->at != ',' && *text->at != ' ' && *text->at != '\t'))) {
        if (nonce || response) {
            take_digit(asked, nonce, *text->at);
        }
        text->at++;
    }
    text->at += text->at < text->end && *text->at == '"';
    skip(text, " \t,");
}

static void take_authorization(struct buddy_asked *asked, struct slice value)
{
    struct reading text = {value.bytes, value.bytes + value.size};
    while (text.at < text.end && *text.at != ' ' && *text.at != '\t') {
        text.at++; /* the scheme */
    }
    skip(&text, " \t");
    while (text.at < text.end) {
        take_field(asked, &text);
    }
}

/* An empty value is as none (prusalink.md 2.3). */
static void take_key(const struct link_face *face, struct buddy_asked *asked, struct slice value)
{
    if (value.size > 0) {
        const char *key = face->api_key;
        asked->by_key = true;
        asked->right_key = key != NULL && *key != '\0' && slice_is(value, key);
        asked->part_of_key =
            key != NULL && *key != '\0' &&
            strncmp(value.bytes, key, strlen(key) < value.size ? strlen(key) : value.size) == 0;
    }
}

/* ---- the rest ---- */

/* Entity tags are numbers; what is none in the header is skipped. */
static uint32_t add_digits(uint32_t sum, struct slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char letter = (unsigned char)value.bytes[i];
        if (letter >= '0' && letter <= '9') {
            sum = 10 * sum + letter - '0';
        }
    }
    return sum;
}

/* Of any Content-Type: what follows "boundary=" behind a semicolon, up to a blank or semicolon. */
static size_t boundary_size(struct slice value)
{
    const char *end = value.bytes + value.size;
    for (const char *at = value.bytes; at < end; at++) {
        if (*at != ';') {
            continue;
        }
        struct reading rest = {at + 1, end};
        skip(&rest, " \t");
        if (begins((struct slice){rest.at, (size_t)(end - rest.at)}, "boundary=")) {
            const char *begin = rest.at + strlen("boundary=");
            const char *stop = begin;
            while (stop < end && strchr("; \t", *stop) == NULL) {
                stop++;
            }
            return (size_t)(stop - begin);
        }
    }
    return 0;
}

struct seen {
    struct buddy_asked *asked;
    size_t boundary;
    enum { UNSAID, SAID_CLOSE, SAID_KEEP } connection;
};

static void take_header(const struct link_face *face, struct seen *seen,
                        const struct http_header *header)
{
    struct buddy_asked *asked = seen->asked;
    struct slice value = header->value;
    if (slice_is_nocase(header->name, "X-Api-Key")) {
        take_key(face, asked, value);
    } else if (slice_is_nocase(header->name, "Authorization")) {
        take_authorization(asked, value);
    } else if (slice_is_nocase(header->name, "If-None-Match")) {
        asked->none_match = add_digits(asked->none_match, value);
    } else if (slice_is_nocase(header->name, "Print-After-Upload")) {
        asked->print |= begins(value, "true") || begins(value, "1") || begins(value, "?1");
    } else if (slice_is_nocase(header->name, "Overwrite")) {
        asked->overwrite |= begins(value, "?1");
    } else if (slice_is_nocase(header->name, "Create-Folder")) {
        asked->make_folder |= begins(value, "?1");
    } else if (slice_is_nocase(header->name, "Content-Type")) {
        seen->boundary += boundary_size(value);
    } else if (slice_is_nocase(header->name, "Connection")) {
        seen->connection = begins(value, "close")        ? SAID_CLOSE
                           : begins(value, "keep-alive") ? SAID_KEEP
                                                         : seen->connection;
    } else if (slice_is_nocase(header->name, "Accept")) {
        asked->json |= begins(value, "application/json");
    }
}

/* Firmware up to 5.0 took shorter ones (prusalink.md 3.1). */
static size_t target_max(const struct link_face *face)
{
    enum { OLD_TARGET_MAX = 100 };
    return buddy_firmware_from(face, 5, 1, 0) ? BUDDY_LINK_TARGET_MAX : OLD_TARGET_MAX;
}

void buddy_head_read(const struct link_request *request, struct buddy_asked *asked)
{
    const struct http_message *message = request->message;
    *asked = (struct buddy_asked){.method = method_of(request->method),
                                  .target = request->target,
                                  .has_length = request->body_length >= 0,
                                  .length = (uint64_t)request->body_length};
    struct seen seen = {.asked = asked};
    for (size_t i = 0; i < message->header_count; i++) {
        take_header(request->face, &seen, &message->headers[i]);
    }
    asked->keep_alive = seen.connection == SAID_KEEP ||
                        (message->minor_version >= 1 && seen.connection != SAID_CLOSE);
    asked->boundary = seen.boundary > 0;
    size_t target = strlen(asked->target), max = target_max(request->face);
    if (target > max) {
        asked->error = seen.boundary > 0 ? 431 : 414; /* the later one stays */
    } else if (target + seen.boundary > max) {
        asked->error = 431;
    } else if (request->body_length == -2 && http_header(message, "Content-Length") != NULL) {
        asked->error = 400; /* the firmware adds up whatever characters there are */
    }
}
