#include "harness/net/faults/service_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/net/faults/service_rules.h"
#include "sim/base/memory.h"

struct service_faults {
    const struct http_service *below;
    struct http_service face;
    struct service_rule *rules;
};

enum { RULES_MAX = 64 };

/* A request of which the service below sees an exchange of ours. */
struct spoilt {
    struct http_exchange face;
    struct http_exchange *above;
    struct service_faults *faults;
    uint64_t matched; /* rules, by their place */
    bool head_request;
    char *method, *target; /* as the service below sees them; NULL: as they came */
};

static const struct service_rule *next_rule(const struct spoilt *spoilt,
                                            const struct service_rule *rule, unsigned *place)
{
    for (rule = rule == NULL ? spoilt->faults->rules : rule->next; rule != NULL;
         rule = rule->next) {
        if ((spoilt->matched >> (*place)++ & 1) != 0) {
            return rule;
        }
    }
    return NULL;
}

/* ---- Replies ---- */

static void replace_all(struct buffer *text, const char *old, const char *new)
{
    struct buffer out = {0};
    size_t size = strlen(old), at = 0;
    while (at < text->size) {
        const char *found = memmem(text->bytes + at, text->size - at, old, size);
        size_t until = found == NULL ? text->size : (size_t)(found - text->bytes);
        buffer_append(&out, text->bytes + at, until - at);
        if (found != NULL) {
            buffer_append_text(&out, new);
            until += size;
        }
        at = until;
    }
    buffer_free(text);
    *text = out;
}

/* The line of a header in a head, with its line end; size 0: none. */
static struct slice header_line(const struct buffer *head, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = head->bytes; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (strncasecmp(line, name, size) == 0 && line[size] == ':' && end != NULL) {
            return (struct slice){line, (size_t)(end + 1 - line)};
        }
        line = end == NULL ? NULL : end + 1;
    }
    return (struct slice){head->bytes, 0};
}

static void cut_out(struct buffer *text, struct slice part, const char *instead)
{
    struct buffer out = {0};
    size_t before = (size_t)(part.bytes - text->bytes);
    buffer_append(&out, text->bytes, before);
    buffer_append_text(&out, instead);
    buffer_append(&out, part.bytes + part.size, text->size - before - part.size);
    buffer_free(text);
    *text = out;
}

static void set_header(struct buffer *head, const char *name, const char *value)
{
    struct buffer line = {0};
    buffer_format(&line, "%s: %s\r\n", name, value);
    struct slice old = header_line(head, name);
    if (old.size == 0) { /* last, before the empty line */
        old = (struct slice){head->bytes + head->size - 2, 0};
    }
    cut_out(head, old, line.bytes);
    buffer_free(&line);
}

static void set_status(struct buffer *head, int status)
{
    const char *blank = memchr(head->bytes, ' ', head->size),
               *end = memchr(head->bytes, '\r', head->size);
    if (blank != NULL && end != NULL && end > blank) {
        struct buffer text = {0};
        buffer_format(&text, "%d %s", status, http_reason(status));
        cut_out(head, (struct slice){blank + 1, (size_t)(end - blank - 1)}, text.bytes);
        buffer_free(&text);
    }
}

/* A reply in parts: head with its empty line, body without chunks. */
struct parts {
    struct buffer head, body;
    bool chunked, measured, body_changed;
};

static void take_body(void *owner, const char *bytes, size_t size)
{
    buffer_append(owner, bytes, size);
}

static void ignore_end(void *owner, const struct http_message *message)
{
    (void)owner;
    (void)message;
}

static void ignore_failure(void *owner, enum http_problem problem, const char *why)
{
    (void)owner;
    (void)problem;
    (void)why;
}

static void decode_chunks(struct parts *parts, const char *bytes, size_t size)
{
    static const struct http_parser_events events = {
        .body = take_body, .complete = ignore_end, .failed = ignore_failure};
    struct http_parser parser;
    http_parser_init(&parser, false, &events, &parts->body);
    parser.body_bytes_max = SIZE_MAX;
    http_parser_feed(&parser, bytes, size);
    http_parser_free(&parser);
}

static void take_apart(struct parts *parts, const char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    size_t head = end == NULL ? size : (size_t)(end + 4 - bytes);
    buffer_append(&parts->head, bytes, head);
    struct slice coding = header_line(&parts->head, "Transfer-Encoding");
    parts->chunked = coding.size > 0;
    parts->measured = header_line(&parts->head, "Content-Length").size > 0;
    if (parts->chunked) {
        decode_chunks(parts, bytes, size);
    } else {
        buffer_append(&parts->body, bytes + head, size - head);
    }
}

static void put_together(struct parts *parts, struct buffer *out)
{
    if (parts->measured && parts->body_changed &&
        header_line(&parts->head, "Content-Length").size > 0) {
        char length[32];
        snprintf(length, sizeof length, "%zu", parts->body.size);
        set_header(&parts->head, "Content-Length", length);
    }
    buffer_append(out, parts->head.bytes, parts->head.size);
    if (parts->chunked && parts->body.size > 0) {
        buffer_format(out, "%04zX\r\n", parts->body.size);
    }
    buffer_append(out, parts->body.bytes, parts->body.size);
    if (parts->chunked) {
        buffer_append_text(out, parts->body.size > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
    }
}

static void spoil_parts(const struct service_rule *rule, struct parts *parts)
{
    switch (rule->verb) {
    case VERB_STATUS:
        set_status(&parts->head, (int)rule->number);
        break;
    case VERB_SET_HEADER:
        set_header(&parts->head, rule->name, rule->value);
        break;
    case VERB_DROP_HEADER: {
        struct slice line;
        while ((line = header_line(&parts->head, rule->name)).size > 0) {
            cut_out(&parts->head, line, "");
        }
        break;
    }
    case VERB_REPLACE:
        replace_all(&parts->body, rule->name, rule->value);
        parts->body_changed = true;
        break;
    case VERB_REPLACE_HEAD:
        replace_all(&parts->head, rule->name, rule->value);
        break;
    case VERB_BODY:
        buffer_clear(&parts->body);
        buffer_append_text(&parts->body, rule->name);
        parts->body_changed = true;
        break;
    default:
        break;
    }
}

static void spoil_manner(const struct service_rule *rule, struct http_reply *reply,
                         struct buffer *bytes)
{
    switch (rule->verb) {
    case VERB_CUT: {
        const char *end = memmem(bytes->bytes, bytes->size, "\r\n\r\n", 4);
        size_t keep = end == NULL ? 0 : (size_t)(end + 4 - bytes->bytes) + (size_t)rule->number;
        bytes->size = keep < bytes->size ? keep : bytes->size;
        reply->after = HTTP_AFTER_RESET;
        break;
    }
    case VERB_DELAY:
        reply->delay_us += rule->delay_us;
        break;
    case VERB_SILENCE:
        bytes->size = 0;
        reply->after = HTTP_AFTER_STALL;
        break;
    case VERB_HANG_UP:
        reply->after = HTTP_AFTER_CLOSE;
        break;
    case VERB_KEEP:
        reply->after = HTTP_AFTER_STALL;
        break;
    default:
        break;
    }
}

static void spoilt_free(struct spoilt *spoilt)
{
    free(spoilt->method);
    free(spoilt->target);
    free(spoilt);
}

static int status_of(const struct http_reply *reply)
{
    const char *blank = reply->raw_size > 12 ? memchr(reply->raw, ' ', 12) : NULL;
    return reply->raw == NULL ? reply->status : blank != NULL ? atoi(blank + 1) : 0;
}

/* The rules that spoil this reply, one after the other. */
static const struct service_rule *next_spoiler(const struct spoilt *spoilt, int status,
                                               const struct service_rule *rule, unsigned *place)
{
    do {
        rule = next_rule(spoilt, rule, place);
    } while (rule != NULL && rule->status != 0 && rule->status != status);
    return rule;
}

static void spoil_reply(struct spoilt *spoilt, const struct http_reply *reply,
                        struct http_reply *out, struct buffer *bytes)
{
    int status = status_of(reply);
    *out = *reply;
    if (reply->raw != NULL) {
        buffer_append(bytes, reply->raw, reply->raw_size);
    } else if (reply->status != 0 && !http_reply_render(bytes, reply, spoilt->head_request) &&
               reply->after == HTTP_AFTER_KEEP) {
        out->after = HTTP_AFTER_CLOSE;
    }
    struct parts parts = {0};
    take_apart(&parts, buffer_text(bytes), bytes->size);
    unsigned place = 0;
    for (const struct service_rule *rule = NULL;
         (rule = next_spoiler(spoilt, status, rule, &place)) != NULL;) {
        spoil_parts(rule, &parts);
    }
    buffer_clear(bytes);
    put_together(&parts, bytes);
    buffer_free(&parts.head);
    buffer_free(&parts.body);
    place = 0;
    for (const struct service_rule *rule = NULL;
         (rule = next_spoiler(spoilt, status, rule, &place)) != NULL;) {
        spoil_manner(rule, out, bytes);
    }
    out->raw = bytes->size > 0 ? bytes->bytes : NULL;
    out->raw_size = bytes->size;
    out->status = bytes->size > 0 ? out->status : 0;
}

static void on_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct spoilt *spoilt = (struct spoilt *)exchange;
    struct http_exchange *above = spoilt->above;
    unsigned place = 0;
    if (next_spoiler(spoilt, status_of(reply), NULL, &place) == NULL) {
        spoilt_free(spoilt);
        http_exchange_reply(above, reply);
        return;
    }
    struct buffer bytes = {0};
    struct http_reply other;
    spoil_reply(spoilt, reply, &other, &bytes);
    spoilt_free(spoilt);
    http_exchange_reply(above, &other);
    buffer_free(&bytes);
}

static void on_hold(struct http_exchange *exchange, bool held)
{
    http_exchange_hold(((struct spoilt *)exchange)->above, held);
}

static const struct http_exchange_class spoilt_class = {on_reply, on_hold};

/* ---- Requests ---- */

static void spoil_request(const struct service_rule *rule, struct spoilt *spoilt,
                          struct http_message *message)
{
    size_t kept = 0;
    switch (rule->verb) {
    case VERB_SET_REQUEST_HEADER:
    case VERB_DROP_REQUEST_HEADER:
        for (size_t i = 0; i < message->header_count; i++) {
            if (!slice_is_nocase(message->headers[i].name, rule->name)) {
                message->headers[kept++] = message->headers[i];
            }
        }
        message->header_count = kept;
        if (rule->value != NULL && kept < HTTP_HEADERS_MAX) {
            message->headers[message->header_count++] =
                (struct http_header){slice_of(rule->name), slice_of(rule->value)};
        }
        break;
    case VERB_REPLACE_TARGET: {
        struct buffer target = {0};
        buffer_append(&target, message->target.bytes, message->target.size);
        replace_all(&target, rule->name, rule->value);
        free(spoilt->target);
        spoilt->target = buffer_detach(&target);
        message->target = slice_of(spoilt->target);
        break;
    }
    case VERB_METHOD:
        free(spoilt->method);
        spoilt->method = memory_copy_text(rule->name);
        message->method = slice_of(spoilt->method);
        break;
    default:
        break;
    }
}

static void spoil_message(struct spoilt *spoilt, const struct http_message *message,
                          struct http_message *out)
{
    *out = *message;
    unsigned place = 0;
    for (const struct service_rule *rule = next_rule(spoilt, NULL, &place); rule != NULL;
         rule = next_rule(spoilt, rule, &place)) {
        spoil_request(rule, spoilt, out);
    }
}

static struct spoilt *spoil_exchange(struct service_faults *faults, struct http_exchange *exchange,
                                     struct slice method, struct slice target)
{
    struct spoilt *spoilt = memory_new(sizeof *spoilt);
    spoilt->face = *exchange;
    spoilt->face.class = &spoilt_class;
    spoilt->face.service_data = NULL;
    spoilt->above = exchange;
    spoilt->faults = faults;
    spoilt->head_request = slice_is(method, "HEAD");
    unsigned place = 0;
    for (struct service_rule *rule = faults->rules; rule != NULL; rule = rule->next, place++) {
        spoilt->matched |= service_rule_fits(rule, method, target) ? UINT64_C(1) << place : 0;
    }
    exchange->service_data = spoilt;
    return spoilt;
}

/* Whether a rule answers instead of the service. */
static bool answered_instead(struct spoilt *spoilt)
{
    unsigned place = 0;
    for (const struct service_rule *rule = next_rule(spoilt, NULL, &place); rule != NULL;
         rule = next_rule(spoilt, rule, &place)) {
        if (rule->verb == VERB_ANSWER) {
            struct http_reply reply = {.status = (int)rule->number};
            http_exchange_reply(&spoilt->face, &reply);
            return true;
        }
    }
    return false;
}

static enum http_body_plan on_begin(void *service, struct http_exchange *exchange,
                                    const struct http_message *message)
{
    struct service_faults *faults = service;
    struct spoilt *spoilt = spoil_exchange(faults, exchange, message->method, message->target);
    if (answered_instead(spoilt) || faults->below->begin == NULL) {
        return HTTP_BODY_WHOLE;
    }
    struct http_message changed;
    spoil_message(spoilt, message, &changed);
    return faults->below->begin(faults->below->service, &spoilt->face, &changed);
}

static void on_piece(void *service, struct http_exchange *exchange, const char *bytes, size_t size)
{
    struct service_faults *faults = service;
    struct spoilt *spoilt = exchange->service_data;
    faults->below->piece(faults->below->service, &spoilt->face, bytes, size);
}

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct service_faults *faults = service;
    struct spoilt *spoilt = exchange->service_data;
    struct http_message changed;
    spoil_message(spoilt, message, &changed);
    faults->below->request(faults->below->service, &spoilt->face, &changed);
}

static void on_gone(void *service, struct http_exchange *exchange)
{
    struct service_faults *faults = service;
    struct spoilt *spoilt = exchange->service_data;
    faults->below->gone(faults->below->service, &spoilt->face);
    spoilt_free(spoilt);
}

static void on_refused(void *service, struct http_exchange *exchange, enum http_problem problem,
                       struct slice seen)
{
    struct service_faults *faults = service;
    struct spoilt *spoilt = exchange->service_data;
    if (spoilt == NULL) {
        spoilt = spoil_exchange(faults, exchange, slice_of("none"), (struct slice){"", 0});
        if (answered_instead(spoilt)) {
            return;
        }
    }
    faults->below->refused(faults->below->service, &spoilt->face, problem, seen);
}

/* ---- The service ---- */

struct service_faults *service_faults_new(const struct http_service *below)
{
    struct service_faults *faults = memory_new(sizeof *faults);
    faults->below = below;
    faults->face = *below;
    faults->face.service = faults;
    faults->face.begin = on_begin;
    faults->face.request = on_request;
    faults->face.piece = below->piece != NULL ? on_piece : NULL;
    faults->face.gone = below->gone != NULL ? on_gone : NULL;
    faults->face.refused = below->refused != NULL ? on_refused : NULL;
    return faults;
}

void service_faults_destroy(struct service_faults *faults)
{
    if (faults == NULL) {
        return;
    }
    for (struct service_rule *rule = faults->rules, *next; rule != NULL; rule = next) {
        next = rule->next;
        service_rule_free(rule);
    }
    free(faults);
}

const struct http_service *service_faults_face(struct service_faults *faults)
{
    return &faults->face;
}

bool service_faults_add(struct service_faults *faults, const char *text, struct error *error)
{
    struct service_rule **end = &faults->rules;
    unsigned count = 0;
    for (; *end != NULL; end = &(*end)->next) {
        count++;
    }
    if (count == RULES_MAX) {
        return error_set(error, "%s: at most %d faults", text, RULES_MAX);
    }
    *end = service_rule_parse(text, error);
    return *end != NULL;
}
