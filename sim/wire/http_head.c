/* Heads of HTTP/1.1 messages. What is refused here is what two readers of one message could
 * understand differently (RFC 9112 section 11.2): line folding, blanks before a colon, bare CR,
 * lengths that contradict each other. */
#include "sim/wire/http_head.h"

#include <strings.h>

static bool fail(struct http_head *head, enum http_problem problem, const char *why)
{
    head->problem = problem;
    head->why = why;
    return false;
}

/* tchar of RFC 9110 section 5.6.2 */
static bool is_token_char(unsigned char c)
{
    static const uint32_t words[8] = {0, 0x03FF6CFAU, 0xC7FFFFFEU, 0x57FFFFFFU, 0, 0, 0, 0};
    return (words[c >> 5] >> (c & 31) & 1) != 0;
}

static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_token_char((unsigned char)text.bytes[i])) {
            return false;
        }
    }
    return text.size > 0;
}

static bool is_field_char(unsigned char c)
{
    return c >= 0x20 ? c != 0x7F : c == '\t';
}

/* No control characters but HT; eight bytes at a time, as this sees every byte of every header. */
static bool is_field_text(struct slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones * 0x80;
    size_t i = 0;
    for (; i + 8 <= text.size; i += 8) {
        uint64_t word;
        memcpy(&word, text.bytes + i, 8);
        uint64_t below = (word - ones * 0x20) & ~word;
        uint64_t del = word ^ ones * 0x7F;
        uint64_t is_del = (del - ones) & ~del;
        if (((below | is_del) & highs) != 0) {
            break; /* a control character, or a borrow from one: the loop below decides */
        }
    }
    for (; i < text.size; i++) {
        if (!is_field_char((unsigned char)text.bytes[i])) {
            return false;
        }
    }
    return true;
}

static struct slice trimmed(const char *begin, const char *end)
{
    while (begin < end && (*begin == ' ' || *begin == '\t')) {
        begin++;
    }
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return (struct slice){begin, (size_t)(end - begin)};
}

bool http_line_trim(struct slice *line, bool bare_lf)
{
    line->size--;
    if (line->size > 0 && line->bytes[line->size - 1] == '\r') {
        line->size--;
        return true;
    }
    return bare_lf;
}

/* Where the line end at `at` ends; `at` itself: there is none. 0: perhaps, more has to come. */
static size_t line_end(const char *bytes, size_t size, size_t at)
{
    if (at < size && bytes[at] == '\r') {
        return at + 1 == size ? 0 : bytes[at + 1] == '\n' ? at + 2 : at + 1;
    }
    return at < size && bytes[at] == '\n' ? at + 1 : at;
}

/* Two line ends of any kind, one behind the other. */
static size_t lax_head_end(const char *bytes, size_t size, size_t from)
{
    for (size_t at = from > 3 ? from - 3 : 0; at < size; at++) {
        size_t first = line_end(bytes, size, at);
        if (first > at) {
            size_t second = line_end(bytes, size, first);
            if (second > first) {
                return second;
            }
        }
    }
    return 0;
}

size_t http_head_end(const char *bytes, size_t size, size_t from, unsigned lax)
{
    if ((lax & HTTP_LAX_CR) != 0) {
        return lax_head_end(bytes, size, from);
    }
    /* An empty line may have begun up to two bytes before `from`. */
    size_t at = from > 2 ? from - 2 : 0;
    for (;;) {
        const char *lf = memchr(bytes + at, '\n', size - at);
        if (lf == NULL) {
            return 0;
        }
        at = (size_t)(lf - bytes) + 1;
        if (at < size && bytes[at] == '\n') {
            return at + 1;
        }
        if (at + 1 < size && bytes[at] == '\r' && bytes[at + 1] == '\n') {
            return at + 2;
        }
    }
}

static enum http_line read_any_line(const char *bytes, size_t size, size_t at, struct slice *line,
                                    size_t *next)
{
    size_t end = at;
    while (end < size && bytes[end] != '\r' && bytes[end] != '\n') {
        end++;
    }
    *next = line_end(bytes, size, end);
    *line = (struct slice){bytes + at, end - at};
    return end == size || *next == 0 ? HTTP_LINE_INCOMPLETE : HTTP_LINE;
}

enum http_line http_line_read(const char *bytes, size_t size, size_t at, unsigned lax,
                              struct slice *line, size_t *next)
{
    if ((lax & HTTP_LAX_CR) != 0) {
        return read_any_line(bytes, size, at, line, next);
    }
    const char *lf = memchr(bytes + at, '\n', size - at);
    if (lf == NULL) {
        return HTTP_LINE_INCOMPLETE;
    }
    *next = (size_t)(lf - bytes) + 1;
    *line = (struct slice){bytes + at, *next - at};
    return http_line_trim(line, (lax & HTTP_LAX_LF) != 0) ? HTTP_LINE : HTTP_LINE_BARE_LF;
}

static bool parse_version(struct http_message *message, struct slice text, struct http_head *head)
{
    if (text.size != 8 || memcmp(text.bytes, "HTTP/", 5) != 0 || text.bytes[6] != '.' ||
        text.bytes[5] < '0' || text.bytes[5] > '9' || text.bytes[7] < '0' || text.bytes[7] > '9') {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the start line has no HTTP version");
    }
    if (text.bytes[5] != '1') {
        return fail(head, HTTP_PROBLEM_VERSION, "the version of HTTP is not 1.x");
    }
    message->minor_version = text.bytes[7] - '0';
    return true;
}

static bool parse_request_line(struct http_message *message, struct slice line,
                               struct http_head *head)
{
    const char *end = line.bytes + line.size;
    const char *blank = memchr(line.bytes, ' ', line.size);
    if (blank == NULL) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the request line has no target");
    }
    message->method = (struct slice){line.bytes, (size_t)(blank - line.bytes)};
    const char *target = blank + 1;
    const char *target_end = memchr(target, ' ', (size_t)(end - target));
    if (target_end == NULL) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the request line has no version");
    }
    message->target = (struct slice){target, (size_t)(target_end - target)};
    if (!is_token(message->method)) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the method is not a word");
    }
    if (message->target.size == 0 || !is_field_text(message->target) ||
        memchr(target, '\t', message->target.size) != NULL) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the target is empty or has control characters");
    }
    return parse_version(message, (struct slice){target_end + 1, (size_t)(end - target_end) - 1},
                         head);
}

/* The reason, and the blank before it, are missing with some servers. */
static bool parse_status_line(struct http_message *message, struct slice line,
                              struct http_head *head)
{
    if (line.size < 8 || !parse_version(message, (struct slice){line.bytes, 8}, head)) {
        return head->problem == HTTP_PROBLEM_VERSION
                   ? false
                   : fail(head, HTTP_PROBLEM_SYNTAX,
                          "the reply does not begin with an HTTP version");
    }
    if (line.size < 12 || line.bytes[8] != ' ' || (line.size > 12 && line.bytes[12] != ' ')) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the status line has no status of three digits");
    }
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.bytes[i] < '0' || line.bytes[i] > '9') {
            return fail(head, HTTP_PROBLEM_SYNTAX, "the status line has no status of three digits");
        }
        status = status * 10 + (line.bytes[i] - '0');
    }
    if (status < 100) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the status is below 100");
    }
    message->status = status;
    message->reason =
        line.size > 13 ? (struct slice){line.bytes + 13, line.size - 13} : (struct slice){"", 0};
    return is_field_text(message->reason) ||
           fail(head, HTTP_PROBLEM_SYNTAX, "the reason has control characters");
}

bool http_start_line_parse(struct http_message *message, bool request, struct slice line,
                           struct http_head *head)
{
    message->request = request;
    message->status = 0;
    message->method = message->target = message->reason = (struct slice){"", 0};
    return request ? parse_request_line(message, line, head)
                   : parse_status_line(message, line, head);
}

bool http_header_line_parse(struct http_header *header, struct slice line, struct http_head *head)
{
    if (line.bytes[0] == ' ' || line.bytes[0] == '\t') {
        return fail(head, HTTP_PROBLEM_SYNTAX, "a header is folded over lines");
    }
    const char *colon = memchr(line.bytes, ':', line.size);
    if (colon == NULL) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "a header has no colon");
    }
    header->name = (struct slice){line.bytes, (size_t)(colon - line.bytes)};
    if (!is_token(header->name)) {
        return fail(head, HTTP_PROBLEM_SYNTAX, "the name of a header is not a word");
    }
    header->value = trimmed(colon + 1, line.bytes + line.size);
    return is_field_text(header->value) ||
           fail(head, HTTP_PROBLEM_SYNTAX, "the value of a header has control characters");
}

/* What the headers say about framing. */
struct framing {
    bool has_length, chunked, close, keep_alive;
    bool unclear; /* and that is allowed: there is no body */
    uint64_t length;
};

static bool read_length(struct framing *framing, struct slice value, struct http_head *head)
{
    uint64_t length = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return fail(head, HTTP_PROBLEM_LENGTH, "Content-Length is not a number");
        }
        if (length > (UINT64_MAX - 9) / 10) {
            return fail(head, HTTP_PROBLEM_LENGTH, "Content-Length is beyond all bounds");
        }
        length = length * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    if (value.size == 0) {
        return fail(head, HTTP_PROBLEM_LENGTH, "Content-Length is empty");
    }
    if (framing->has_length && framing->length != length) {
        return fail(head, HTTP_PROBLEM_LENGTH,
                    "two values of Content-Length contradict each other");
    }
    framing->has_length = true;
    framing->length = length;
    return true;
}

static bool read_framing(struct framing *framing, const struct http_header *header, unsigned lax,
                         struct http_head *head)
{
    bool any_length = (lax & HTTP_LAX_LENGTH) != 0;
    switch (header->name.size) { /* few headers have these sizes: one comparison for most */
    case 10:
        if (slice_is_nocase(header->name, "connection")) {
            framing->close = framing->close || http_header_has_token(header->value, "close");
            framing->keep_alive =
                framing->keep_alive || http_header_has_token(header->value, "keep-alive");
        }
        return true;
    case 14:
        if (!slice_is_nocase(header->name, "content-length") ||
            read_length(framing, header->value, head)) {
            return true;
        }
        framing->unclear = true;
        return any_length;
    case 17:
        if (!slice_is_nocase(header->name, "transfer-encoding") || any_length) {
            return true;
        }
        if (framing->chunked || !slice_is_nocase(header->value, "chunked")) {
            return fail(head, HTTP_PROBLEM_CODING, "Transfer-Encoding is not chunked alone");
        }
        framing->chunked = true;
        return true;
    default:
        return true;
    }
}

/* RFC 9112 section 6.3. */
static bool decide_body(struct http_message *message, const struct framing *framing,
                        struct http_head *head)
{
    if (framing->chunked && framing->has_length) {
        return fail(head, HTTP_PROBLEM_LENGTH, "both Transfer-Encoding and Content-Length");
    }
    if (framing->chunked && message->minor_version == 0) {
        return fail(head, HTTP_PROBLEM_LENGTH, "Transfer-Encoding in HTTP/1.0");
    }
    message->keep_alive = !framing->close && (message->minor_version > 0 || framing->keep_alive);
    head->length = framing->length;
    message->content_length = framing->unclear ? -2
                              : !framing->has_length || framing->length > INT64_MAX
                                  ? -1
                                  : (int64_t)framing->length;
    if (framing->unclear) {
        *head = (struct http_head){.size = head->size, .body = HTTP_BODY_NONE};
    } else if (!message->request && !http_status_has_body(message->status)) {
        head->body = HTTP_BODY_NONE;
    } else if (framing->chunked) {
        head->body = HTTP_BODY_CHUNKED;
    } else if (framing->has_length) {
        head->body = framing->length > 0 ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    } else {
        head->body = message->request ? HTTP_BODY_NONE : HTTP_BODY_TO_END;
    }
    return true;
}

/* "http://host:80/a?b" asks for "/a?b": a server must take it, though only proxies are sent it. A
 * Host that says otherwise gives way to it, and nobody here has more than one host (RFC 9112,
 * 3.2.2). Without a path it is "/". */
static void strip_authority(struct slice *target)
{
    size_t scheme = 0;
    if (target->size > 7 && strncasecmp(target->bytes, "http://", 7) == 0) {
        scheme = 7;
    } else if (target->size > 8 && strncasecmp(target->bytes, "https://", 8) == 0) {
        scheme = 8;
    } else {
        return;
    }
    const char *end = target->bytes + target->size;
    const char *path = target->bytes + scheme;
    while (path < end && *path != '/' && *path != '?') {
        path++;
    }
    if (path == end) {
        *target = (struct slice){"/", 1};
    } else if (*path == '/') { /* a query without a path names nothing that we serve */
        *target = (struct slice){path, (size_t)(end - path)};
    }
}

enum http_head_state http_head_parse(struct http_message *message, bool request, unsigned lax,
                                     const char *bytes, size_t size, struct http_head *head)
{
    *head = (struct http_head){0};
    struct framing framing = {0};
    message->header_count = 0;
    message->chunks = (struct http_chunks){0};
    message->body = (struct slice){"", 0};
    for (size_t at = 0, next;; at = next) {
        struct slice line;
        switch (http_line_read(bytes, size, at, lax, &line, &next)) {
        case HTTP_LINE_INCOMPLETE:
            return HTTP_HEAD_INCOMPLETE;
        case HTTP_LINE_BARE_LF:
            fail(head, HTTP_PROBLEM_SYNTAX, "a line of a request ends with LF alone");
            return HTTP_HEAD_FAILED;
        case HTTP_LINE:
            break;
        }
        if (at == 0) {
            if (!http_start_line_parse(message, request, line, head)) {
                return HTTP_HEAD_FAILED;
            }
            if (request && (lax & HTTP_LAX_TARGET) == 0) {
                strip_authority(&message->target);
            }
        } else if (line.size == 0) {
            head->size = next;
            break;
        } else if (message->header_count == HTTP_HEADERS_MAX) {
            fail(head, HTTP_PROBLEM_HEAD_SIZE, "more than 64 headers");
            return HTTP_HEAD_FAILED;
        } else {
            struct http_header *header = &message->headers[message->header_count++];
            if (!http_header_line_parse(header, line, head) ||
                !read_framing(&framing, header, lax, head)) {
                return HTTP_HEAD_FAILED;
            }
        }
    }
    message->head = (struct slice){bytes, head->size};
    return decide_body(message, &framing, head) ? HTTP_HEAD_DONE : HTTP_HEAD_FAILED;
}
