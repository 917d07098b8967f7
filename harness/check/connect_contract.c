#include "harness/check/connect_contract.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/memory.h"

const char *contract_side_name(enum contract_side side)
{
    return side == CONTRACT_PRINTER ? "printer" : "server";
}

const char *contract_kind_name(enum contract_kind kind)
{
    static const char *const names[] = {"contract", "fidelity", "quirk"};
    return names[kind];
}

struct contract *contract_new(const struct contract_settings *settings)
{
    struct contract *contract = memory_new(sizeof *contract);
    contract->settings = *settings;
    if (contract->settings.tolerance_us == 0) {
        contract->settings.tolerance_us = TOLERANCE_DEFAULT_US;
    }
    contract->results = memory_new_array(contract_row_count, sizeof *contract->results);
    for (size_t i = 0; i < contract_row_count; i++) {
        contract->results[i].rule = &contract_rows[i].rule;
    }
    contract->last_subject = &contract->subjects;
    return contract;
}

void contract_destroy(struct contract *contract)
{
    if (contract == NULL) {
        return;
    }
    for (size_t i = 0; i < contract_row_count; i++) {
        struct contract_result *result = &contract->results[i];
        for (size_t k = 0; k < CONTRACT_VIOLATIONS_KEPT && k < result->violated; k++) {
            free(result->violations[k].expected);
            free(result->violations[k].seen);
        }
    }
    while (contract->subjects != NULL) {
        struct subject *gone = contract->subjects;
        contract->subjects = gone->next;
        course_free(gone);
    }
    for (size_t i = 0; i < contract->name_capacity; i++) {
        free(contract->names[i].text);
    }
    free(contract->names);
    free(contract->asked);
    documents_free(&contract->documents);
    transfer_free(contract);
    fetch_free(contract);
    websocket_course_free(contract);
    free(contract->results);
    free(contract);
}

/* ---- verdicts ---- */

static char *print_text(const char *format, va_list arguments)
{
    char text[600];
    vsnprintf(text, sizeof text, format, arguments);
    return memory_copy_text(text);
}

void verdict(struct sight *sight, bool good, const char *expected, const char *seen, ...)
{
    struct contract *contract = sight->contract;
    struct contract_result *result = &contract->results[contract->rule];
    result->exercised++;
    if (good) {
        return;
    }
    result->violated++;
    if (result->violated > CONTRACT_VIOLATIONS_KEPT) {
        return;
    }
    struct contract_violation *violation = &result->violations[result->violated - 1];
    va_list arguments;
    va_start(arguments, seen);
    *violation = (struct contract_violation){
        .time_us = sight->time_us,
        .connection = sight->connection,
        .printer = sight->subject == NULL ? 0 : sight->subject->number,
        .expected = memory_copy_text(expected),
        .seen = print_text(seen, arguments),
    };
    va_end(arguments);
    if (contract->violated != NULL) {
        contract->violated(contract->owner, result, violation);
    }
}

bool of_prusalink(const struct sight *sight)
{
    return sight->contract->settings.prusalink &&
           !(sight->subject != NULL && sight->subject->resin);
}

static bool is_bound(const struct sight *sight, enum bound bound)
{
    if (sight->subject != NULL && sight->subject->buddy) {
        return bound == OF_ANY || bound == OF_BUDDY;
    }
    return bound != OF_BUDDY && (bound != OF_PRUSALINK || of_prusalink(sight));
}

void ask_rules(struct sight *sight)
{
    for (size_t i = 0; i < contract_row_count; i++) {
        const struct contract_row *row = &contract_rows[i];
        if ((row->kinds & sight->kind) != 0 && is_bound(sight, row->bound)) {
            sight->contract->rule = i;
            row->judge(sight);
        }
    }
}

void contract_on_violation(struct contract *contract,
                           void (*violated)(void *owner, const struct contract_result *result,
                                            const struct contract_violation *violation),
                           void *owner)
{
    contract->violated = violated;
    contract->owner = owner;
}

/* ---- results ---- */

const struct contract_rule *contract_rule_find(const char *id)
{
    for (size_t i = 0; i < contract_row_count; i++) {
        if (strcmp(contract_rows[i].rule.id, id) == 0) {
            return &contract_rows[i].rule;
        }
    }
    return NULL;
}

size_t contract_rule_count(void)
{
    return contract_row_count;
}

const struct contract_rule *contract_rule(size_t index)
{
    assert(index < contract_row_count);
    return &contract_rows[index].rule;
}

const struct contract_result *contract_results(const struct contract *contract, size_t *count)
{
    *count = contract_row_count;
    return contract->results;
}

const struct contract_result *contract_result(const struct contract *contract, const char *id)
{
    for (size_t i = 0; i < contract_row_count; i++) {
        if (strcmp(contract_rows[i].rule.id, id) == 0) {
            return &contract->results[i];
        }
    }
    return NULL;
}

uint64_t contract_violated(const struct contract *contract, enum contract_side side,
                           enum contract_kind kind)
{
    uint64_t count = 0;
    for (size_t i = 0; i < contract_row_count; i++) {
        if (contract_rows[i].rule.side == side && contract_rows[i].rule.kind == kind) {
            count += contract->results[i].violated;
        }
    }
    return count;
}

void contract_report(const struct contract *contract, bool violations_only, struct buffer *out)
{
    for (size_t i = 0; i < contract_row_count; i++) {
        const struct contract_result *result = &contract->results[i];
        if (result->exercised == 0 || (violations_only && result->violated == 0)) {
            continue;
        }
        const struct contract_rule *rule = result->rule;
        buffer_format(out, "%-8s %-11s %-7s %-8s %s (%llu seen",
                      result->violated ? "VIOLATED" : "held", rule->id,
                      contract_side_name(rule->side), contract_kind_name(rule->kind), rule->text,
                      (unsigned long long)result->exercised);
        buffer_format(out, result->violated ? ", %llu violated)\n" : ")\n",
                      (unsigned long long)result->violated);
        for (size_t k = 0; k < result->violated && k < CONTRACT_VIOLATIONS_KEPT; k++) {
            const struct contract_violation *violation = &result->violations[k];
            buffer_format(out, "    %.3f s printer %u: expected %s; seen: %s\n",
                          (double)violation->time_us / 1e6, violation->printer, violation->expected,
                          violation->seen);
        }
    }
}

/* ---- words ---- */

bool one_of(const char *text, const char *const *list)
{
    for (; text != NULL && *list != NULL; list++) {
        if (strcmp(text, *list) == 0) {
            return true;
        }
    }
    return false;
}

const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

int64_t whole_of(const cJSON *object, const char *key, int64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    bool whole = cJSON_IsNumber(item) && item->valuedouble < 9e18 && item->valuedouble > -9e18;
    return whole ? (int64_t)item->valuedouble : fallback;
}

const char *or_none(const char *text)
{
    return text == NULL ? "(none)" : text;
}

bool has_null(const cJSON *item)
{
    if (cJSON_IsNull(item)) {
        return true;
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (has_null(child)) {
            return true;
        }
    }
    return false;
}

bool printing_state(const char *state)
{
    static const char *const states[] = {"PRINTING", "PAUSED", "FINISHED", "STOPPED", NULL};
    return one_of(state, states);
}

bool known_state(const char *state)
{
    static const char *const states[] = {"IDLE",    "BUSY",  "PRINTING",  "PAUSED", "FINISHED",
                                         "STOPPED", "ERROR", "ATTENTION", "READY",  NULL};
    return one_of(state, states);
}

int64_t tolerance(const struct sight *sight)
{
    return sight->contract->settings.tolerance_us;
}

/* int() of Python: blanks around, a sign, digits with single underscores between (1.6). Saturates.
 */
bool python_integer(struct slice text, int64_t *value)
{
    const char *at = text.bytes, *end = text.bytes + text.size;
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || end[-1] == '_') {
        return false;
    }
    int64_t sum = 0;
    bool digit_before = false;
    for (; at < end; at++) {
        if (*at == '_' && digit_before) {
            digit_before = false;
            continue;
        }
        if (*at < '0' || *at > '9') {
            return false;
        }
        digit_before = true;
        sum = sum > (INT64_MAX - 9) / 10 ? INT64_MAX / 10 - 1 : sum * 10 + (*at - '0');
    }
    *value = negative ? -sum : sum;
    return true;
}
