#include "harness/net/faults/message_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/faults/request_edit.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

const struct fault_verb_form fault_verb_forms[FAULT_VERB_COUNT] = {
    [FAULT_VERB_DROP_JSON] = {"drop-json", "FILTER:PATH",
                              "leave a member out of the body, PATH like data.path"},
    [FAULT_VERB_SET_JSON] = {"set-json", "FILTER:PATH=JSON",
                             "give a member of the body this value, or add it"},
    [FAULT_VERB_DROP_HEADER] = {"drop-header", "FILTER:NAME", "leave a header out"},
    [FAULT_VERB_SET_HEADER] = {"set-header", "FILTER:NAME=VALUE",
                               "give a header this value, or add it"},
    [FAULT_VERB_BODY] = {"body", "FILTER:TEXT", "send this body instead"},
    [FAULT_VERB_METHOD] = {"method", "FILTER:METHOD", "send with another method"},
    [FAULT_VERB_TARGET] = {"target", "FILTER:PATH", "send to another path"},
    [FAULT_VERB_DROP] = {"drop", "FILTER", "do not send it; the sender is told 204"},
    [FAULT_VERB_TWICE] = {"twice", "FILTER", "send it twice, one after the other"},
    [FAULT_VERB_OVERLAP] = {"overlap", "FILTER",
                            "send a copy on a second connection at the same time"},
    [FAULT_VERB_RESEND] = {"resend", "FILTER",
                           "send it again when its connection ended without a reply"},
    [FAULT_VERB_DELAY] = {"delay", "FILTER:DURATION", "send it this much later"},
    [FAULT_VERB_INSERT] = {"insert", "FILTER:METHOD PATH",
                           "send one more request after its reply, with its headers"},
    [FAULT_VERB_UNMASK] = {"unmask", "FILTER", "in a WebSocket: do not mask it"},
    [FAULT_VERB_RESERVED] = {"reserved", "FILTER", "in a WebSocket: set a reserved bit in it"},
    [FAULT_VERB_FRAMES] = {"frames", "FILTER:BYTES",
                           "in a WebSocket: cut it into frames of that size"},
    [FAULT_VERB_CHUNK] = {"chunk", "FILTER:BYTES",
                          "send its body in chunks of so many bytes, with sizes in small letters"},
};

static const char *const subject_names[FAULT_SUBJECT_COUNT] = {
    [FAULT_ANY] = "any",         [FAULT_REGISTER] = "register",
    [FAULT_POLL] = "poll",       [FAULT_TELEMETRY] = "telemetry",
    [FAULT_EVENT] = "event",     [FAULT_FILE] = "file",
    [FAULT_CAMERA] = "camera",   [FAULT_PICTURE] = "picture",
    [FAULT_UPGRADE] = "upgrade", [FAULT_PING] = "ping",
    [FAULT_PONG] = "pong",
};

void message_rule_destroy(struct message_rule *rule)
{
    if (rule == NULL) {
        return;
    }
    free(rule->event);
    free(rule->name);
    free(rule->value);
    free(rule);
}

static bool parse_verb(struct message_rule *rule, const char *text, size_t size,
                       struct error *error)
{
    for (int i = 0; i < FAULT_VERB_COUNT; i++) {
        if (strlen(fault_verb_forms[i].name) == size &&
            memcmp(fault_verb_forms[i].name, text, size) == 0) {
            rule->verb = (enum fault_verb)i;
            return true;
        }
    }
    return error_set(error, "'%.*s' is no message fault", (int)size, text);
}

static bool parse_filter(struct message_rule *rule, const char *text, size_t size,
                         struct error *error)
{
    const char *hash = memchr(text, '#', size);
    size_t end = hash == NULL ? size : (size_t)(hash - text);
    if (hash != NULL) {
        char *stopped = NULL;
        rule->only = strtoull(hash + 1, &stopped, 10);
        if (stopped != text + size || rule->only == 0) {
            return error_set(error, "'%.*s': expected a number from 1 behind '#'", (int)size, text);
        }
    }
    const char *slash = memchr(text, '/', end);
    size_t word = slash == NULL ? end : (size_t)(slash - text);
    for (int i = 0; i < FAULT_SUBJECT_COUNT; i++) {
        if (strlen(subject_names[i]) == word && memcmp(subject_names[i], text, word) == 0) {
            rule->subject = (enum fault_subject)i;
            if (slash != NULL && i == FAULT_EVENT) {
                rule->event = memory_copy_slice(slash + 1, end - word - 1);
            }
            return slash == NULL || i == FAULT_EVENT ||
                   error_set(error, "'%.*s': only `event` takes a name", (int)size, text);
        }
    }
    return error_set(error, "'%.*s': expected any, register, poll, telemetry, event or event/NAME",
                     (int)size, text);
}

static bool parse_argument(struct message_rule *rule, const char *text, struct error *error)
{
    const char *equals = text == NULL ? NULL : strchr(text, '=');
    switch (rule->verb) {
    case FAULT_VERB_SET_JSON:
    case FAULT_VERB_SET_HEADER:
        if (equals != NULL) {
            rule->name = memory_copy_slice(text, (size_t)(equals - text));
            rule->value = memory_copy_text(equals + 1);
            return true;
        }
        break;
    case FAULT_VERB_INSERT: {
        const char *blank = text == NULL ? NULL : strchr(text, ' ');
        if (blank != NULL) {
            rule->name = memory_copy_slice(text, (size_t)(blank - text));
            rule->value = memory_copy_text(blank + 1);
            return true;
        }
        break;
    }
    case FAULT_VERB_DELAY:
        return text == NULL ? error_set(error, "a duration is missing")
                            : duration_parse(text, &rule->delay_us, error);
    case FAULT_VERB_FRAMES:
        if (text != NULL && *text >= '1' && *text <= '9') {
            rule->name = memory_copy_text(text);
            return true;
        }
        break;
    case FAULT_VERB_CHUNK:
        rule->chunk_bytes = text == NULL ? 0 : strtoull(text, NULL, 10);
        if (rule->chunk_bytes > 0) {
            return true;
        }
        break;
    case FAULT_VERB_DROP:
    case FAULT_VERB_TWICE:
    case FAULT_VERB_OVERLAP:
    case FAULT_VERB_RESEND:
    case FAULT_VERB_UNMASK:
    case FAULT_VERB_RESERVED:
        if (text == NULL) {
            return true;
        }
        break;
    default:
        if (text != NULL && *text != '\0') {
            rule->name = memory_copy_text(text);
            return true;
        }
        break;
    }
    return error_set(error, "the form is %s=%s", fault_verb_forms[rule->verb].name,
                     fault_verb_forms[rule->verb].form);
}

struct message_rule *message_rule_parse(const char *text, struct error *error)
{
    struct message_rule *rule = memory_new(sizeof *rule);
    size_t verb = strcspn(text, "=");
    const char *filter = text[verb] == '=' ? text + verb + 1 : text + verb;
    size_t size = strcspn(filter, ":");
    const char *argument = filter[size] == ':' ? filter + size + 1 : NULL;
    if (parse_verb(rule, text, verb, error) && parse_filter(rule, filter, size, error) &&
        parse_argument(rule, argument, error)) {
        return rule;
    }
    error_prefix(error, "%s", text);
    message_rule_destroy(rule);
    return NULL;
}

static bool is_event(const struct http_message *request, const char *name)
{
    if (name == NULL) {
        return true;
    }
    /* The printers' own renderings, so no parser is needed: Python's puts a blank behind the colon,
     * Buddy's none. */
    static const char *const forms[] = {"\"event\": \"%s\"", "\"event\":\"%s\""};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char wanted[96];
        int size = snprintf(wanted, sizeof wanted, forms[i], name);
        if (size > 0 &&
            memmem(request->body.bytes, request->body.size, wanted, (size_t)size) != NULL) {
            return true;
        }
    }
    return false;
}

void message_rule_edit(const struct message_rule *rule, struct request_edit *request)
{
    switch (rule->verb) {
    case FAULT_VERB_DROP_JSON:
        request_edit_json(request, rule->name, NULL);
        break;
    case FAULT_VERB_SET_JSON:
        request_edit_json(request, rule->name, rule->value);
        break;
    case FAULT_VERB_DROP_HEADER:
        request_edit_drop_header(request, rule->name);
        break;
    case FAULT_VERB_SET_HEADER:
        request_edit_set_header(request, rule->name, rule->value);
        break;
    case FAULT_VERB_BODY:
        request_edit_set_body(request, rule->name);
        break;
    case FAULT_VERB_METHOD:
        buffer_clear(&request->method);
        buffer_append_text(&request->method, rule->name);
        break;
    case FAULT_VERB_TARGET:
        buffer_clear(&request->target);
        buffer_append_text(&request->target, rule->name);
        break;
    case FAULT_VERB_CHUNK:
        request->chunk_bytes = (size_t)rule->chunk_bytes;
        break;
    default:
        break;
    }
}

bool message_rule_counts(struct message_rule *rule)
{
    rule->seen++;
    return rule->only == 0 || rule->seen == rule->only;
}

bool message_rule_matches(struct message_rule *rule, const struct http_message *request)
{
    bool match = false;
    switch (rule->subject) {
    case FAULT_REGISTER:
        match = slice_is(request->target, "/p/register") && slice_is(request->method, "POST");
        break;
    case FAULT_POLL:
        match = slice_is(request->target, "/p/register") && slice_is(request->method, "GET");
        break;
    case FAULT_TELEMETRY:
        match = slice_is(request->target, "/p/telemetry");
        break;
    case FAULT_EVENT:
        match = slice_is(request->target, "/p/events") && is_event(request, rule->event);
        break;
    case FAULT_FILE:
        match = slice_is(request->method, "GET") &&
                (memmem(request->target.bytes, request->target.size, "/files/", 7) != NULL ||
                 memmem(request->target.bytes, request->target.size, "/f/", 3) != NULL);
        break;
    case FAULT_CAMERA:
        match = slice_is(request->target, "/p/camera");
        break;
    case FAULT_UPGRADE:
        match = slice_is(request->target, "/p/ws") && slice_is(request->method, "GET");
        break;
    case FAULT_PING:
    case FAULT_PONG:
        break;
    case FAULT_PICTURE:
        match = slice_is(request->target, "/c/snapshot");
        break;
    default:
        match = true;
        break;
    }
    return match && message_rule_counts(rule);
}
