#include "harness/net/faults/service_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/faults/service_faults.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

enum argument { ARGUMENT_NONE, ARGUMENT_TEXT, ARGUMENT_PAIR, ARGUMENT_NUMBER, ARGUMENT_DURATION };

static const struct {
    const char *name, *form, *help;
    enum argument argument;
} verbs[VERB_COUNT] = {
    [VERB_STATUS] = {"status", "FILTER:CODE", "reply with this status", ARGUMENT_NUMBER},
    [VERB_SET_HEADER] = {"set-header", "FILTER:NAME=VALUE",
                         "give a header of the reply this value, or add it", ARGUMENT_PAIR},
    [VERB_DROP_HEADER] = {"drop-header", "FILTER:NAME", "leave a header of the reply out",
                          ARGUMENT_TEXT},
    [VERB_REPLACE] = {"replace", "FILTER:OLD=>NEW", "put NEW for each OLD in the reply's body",
                      ARGUMENT_PAIR},
    [VERB_REPLACE_HEAD] = {"replace-head", "FILTER:OLD=>NEW",
                           "put NEW for each OLD in the reply's head", ARGUMENT_PAIR},
    [VERB_BODY] = {"body", "FILTER:TEXT", "reply with this body", ARGUMENT_TEXT},
    [VERB_CUT] = {"cut", "FILTER:BYTES", "break the connection behind so much of the body",
                  ARGUMENT_NUMBER},
    [VERB_DELAY] = {"delay", "FILTER:DURATION", "reply this much later", ARGUMENT_DURATION},
    [VERB_SILENCE] = {"silence", "FILTER", "never reply", ARGUMENT_NONE},
    [VERB_HANG_UP] = {"hang-up", "FILTER", "close the connection behind the reply", ARGUMENT_NONE},
    [VERB_KEEP] = {"keep-open", "FILTER", "never close the connection", ARGUMENT_NONE},
    [VERB_ANSWER] = {"answer", "FILTER:CODE", "reply with this status, and do nothing",
                     ARGUMENT_NUMBER},
    [VERB_SET_REQUEST_HEADER] = {"set-request-header", "FILTER:NAME=VALUE",
                                 "read a header of the request so, or as if it were there",
                                 ARGUMENT_PAIR},
    [VERB_DROP_REQUEST_HEADER] = {"drop-request-header", "FILTER:NAME",
                                  "overlook a header of the request", ARGUMENT_TEXT},
    [VERB_REPLACE_TARGET] = {"replace-target", "FILTER:OLD=>NEW",
                             "put NEW for OLD in the request's target", ARGUMENT_PAIR},
    [VERB_METHOD] = {"method", "FILTER:METHOD", "take the request for one of another method",
                     ARGUMENT_TEXT},
};

void service_rule_free(struct service_rule *rule)
{
    if (rule != NULL) {
        free(rule->method);
        free(rule->target);
        free(rule->name);
        free(rule->value);
        free(rule);
    }
}

static char *unescape(const char *text, size_t size)
{
    struct buffer out = {0};
    for (size_t i = 0; i < size; i++) {
        bool escape = text[i] == '\\' && i + 1 < size;
        char byte = text[escape ? ++i : i];
        buffer_append_char(&out, !escape ? byte : byte == 'r' ? '\r' : byte == 'n' ? '\n' : byte);
    }
    return buffer_detach(&out);
}

static bool parse_filter(struct service_rule *rule, const char *text, size_t size,
                         struct error *error)
{
    const char *at = memchr(text, '@', size), *end = text + size;
    if (at == NULL) {
        return error_set(error, "\"%.*s\": a filter is METHOD@TARGET", (int)size, text);
    }
    bool any = at - text == 3 && memcmp(text, "any", 3) == 0;
    rule->method = any ? NULL : memory_copy_slice(text, (size_t)(at - text));
    const char *status = memchr(at, '^', (size_t)(end - at));
    if (status != NULL) {
        rule->status = atoi(status + 1);
        end = status;
    }
    const char *number = memchr(at, '#', (size_t)(end - at));
    if (number != NULL) {
        rule->from = (unsigned)strtoul(number + 1, NULL, 10);
        rule->to = end[-1] == '+' ? UINT32_MAX : rule->from;
        end = number;
    }
    rule->target = memory_copy_slice(at + 1, (size_t)(end - at - 1));
    return (number == NULL || rule->from > 0) ||
           error_set(error, "\"%.*s\": #N begins at 1", (int)size, text);
}

static bool parse_argument(struct service_rule *rule, const char *text, struct error *error)
{
    enum argument kind = verbs[rule->verb].argument;
    if ((text != NULL) != (kind != ARGUMENT_NONE)) {
        return error_set(error, "%s: expected %s", verbs[rule->verb].name, verbs[rule->verb].form);
    }
    if (kind == ARGUMENT_NUMBER) {
        char *stopped;
        rule->number = strtoull(text, &stopped, 10);
        return (*text != '\0' && *stopped == '\0') ||
               error_set(error, "\"%s\": expected a number", text);
    }
    if (kind == ARGUMENT_DURATION) {
        return duration_parse(text, &rule->delay_us, error);
    }
    if (kind == ARGUMENT_PAIR) {
        bool header = rule->verb == VERB_SET_HEADER || rule->verb == VERB_SET_REQUEST_HEADER;
        const char *mark = header ? "=" : "=>";
        const char *middle = strstr(text, mark);
        if (middle == NULL || middle == text) {
            return error_set(error, "%s: expected %s", verbs[rule->verb].name,
                             verbs[rule->verb].form);
        }
        rule->name = unescape(text, (size_t)(middle - text));
        rule->value = unescape(middle + strlen(mark), strlen(middle + strlen(mark)));
    } else if (kind == ARGUMENT_TEXT) {
        rule->name = unescape(text, strlen(text));
    }
    return true;
}

struct service_rule *service_rule_parse(const char *text, struct error *error)
{
    struct service_rule *rule = memory_new(sizeof *rule);
    size_t size = strcspn(text, "=");
    int verb = 0;
    while (verb < VERB_COUNT &&
           (strlen(verbs[verb].name) != size || memcmp(verbs[verb].name, text, size) != 0)) {
        verb++;
    }
    const char *filter = text + size + (text[size] == '=');
    size_t filter_size = strcspn(filter, ":");
    const char *argument = filter[filter_size] == ':' ? filter + filter_size + 1 : NULL;
    bool good =
        verb < VERB_COUNT || error_set(error, "\"%.*s\": there is no such fault", (int)size, text);
    rule->verb = good ? (enum service_verb)verb : VERB_STATUS;
    if (!good || !parse_filter(rule, filter, filter_size, error) ||
        !parse_argument(rule, argument, error)) {
        service_rule_free(rule);
        return NULL;
    }
    return rule;
}

bool service_faults_check(const char *text, struct error *error)
{
    struct service_rule *rule = service_rule_parse(text, error);
    service_rule_free(rule);
    return rule != NULL;
}

bool service_rule_fits(struct service_rule *rule, struct slice method, struct slice target)
{
    size_t size = strlen(rule->target);
    bool open = size > 0 && rule->target[size - 1] == '*';
    size -= open;
    bool same = (rule->method == NULL || slice_is(method, rule->method)) && target.size >= size &&
                (open || target.size == size) && memcmp(target.bytes, rule->target, size) == 0;
    if (same) {
        rule->seen++;
    }
    return same && (rule->from == 0 || (rule->seen >= rule->from && rule->seen <= rule->to));
}

void service_faults_list(struct buffer *out)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        buffer_format(out, "  %s=%-28s %s\n", verbs[i].name, verbs[i].form, verbs[i].help);
    }
}
