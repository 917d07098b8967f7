/* Rules about printers with Buddy firmware: connect-buddy.md 12, those that watching alone can
 * judge. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/protocol/connect/ws_told.h"

/* ---- small words ---- */

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *last_member(const cJSON *object)
{
    const cJSON *item = object == NULL ? NULL : object->child;
    while (item != NULL && item->next != NULL) {
        item = item->next;
    }
    return item;
}

static bool is_full(const cJSON *telemetry)
{
    return member(telemetry, "temp_nozzle") != NULL;
}

/* Whether the members are these, in this order; NULL ends the list. */
static bool has_exactly(const cJSON *object, const char *const *names)
{
    const cJSON *item = object == NULL ? NULL : object->child;
    for (; *names != NULL && item != NULL && same(item->string, *names); names++) {
        item = item->next;
    }
    return *names == NULL && item == NULL;
}

static const char *data_text(const struct sight *sight, char out[200])
{
    struct slice body = sight->request->body;
    snprintf(out, 200, "%.*s", (int)(body.size < 190 ? body.size : 190),
             body.bytes == NULL ? "" : body.bytes);
    return out;
}

/* ---- 12.1: requests ---- */

void judge_bud_http_01(struct sight *sight)
{
    if (sight->body == NULL || connect_ws_told(sight->request)) {
        return;
    }
    bool event = member(sight->body, "event") != NULL;
    struct slice target = sight->request->target;
    verdict(sight, slice_is(target, event ? "/p/events" : "/p/telemetry"),
            event ? "an event at /p/events" : "telemetry at /p/telemetry", "it goes to %.*s",
            (int)target.size, target.bytes);
}

void judge_bud_http_02(struct sight *sight)
{
    static const char *const names[] = {
        "Host",        "Connection", "Transfer-Encoding",  "Content-Type",
        "Fingerprint", "Token",      "User-Agent-Printer", "User-Agent-Version"};
    enum { COUNT = sizeof names / sizeof names[0] };
    const struct http_message *request = sight->request;
    size_t right = 0;
    if (connect_ws_told(request)) {
        return;
    }
    while (right < request->header_count && right < COUNT &&
           slice_is(request->headers[right].name, names[right])) {
        right++;
    }
    struct slice wrong =
        right < request->header_count ? request->headers[right].name : slice_of("(none)");
    verdict(sight, right == COUNT && request->header_count == COUNT,
            "Host, Connection, Transfer-Encoding, Content-Type, Fingerprint, Token, "
            "User-Agent-Printer, "
            "User-Agent-Version",
            "header %zu is %.*s", right + 1, (int)wrong.size, wrong.bytes);
}

void judge_bud_http_03(struct sight *sight)
{
    struct slice host = http_header_value(sight->request, "Host");
    if (host.bytes != NULL) {
        verdict(sight, memchr(host.bytes, ':', host.size) == NULL, "Host without a port",
                "Host: %.*s", (int)host.size, host.bytes);
    }
}

void judge_bud_http_05(struct sight *sight)
{
    enum { MOST = 248, DIGITS = 4 };
    const struct http_chunks *chunks = &sight->request->chunks;
    if (chunks->count == 0) {
        return; /* the one who listens shows bodies without their framing; without chunks HTTP-02 is
                   broken */
    }
    verdict(sight,
            chunks->largest <= MOST && chunks->digits_least == DIGITS &&
                chunks->digits_most == DIGITS && !chunks->small_letters,
            "chunks of at most 248 bytes, sizes of four capital digits",
            "up to %llu bytes, sizes of %u to %u digits%s", (unsigned long long)chunks->largest,
            chunks->digits_least, chunks->digits_most,
            chunks->small_letters ? " in small letters" : "");
}

/* ---- 12.5: telemetry ---- */

void judge_bud_tel_01(struct sight *sight)
{
    if (sight->body == NULL) {
        return;
    }
    const cJSON *last = last_member(sight->body);
    verdict(sight,
            last != NULL && same(last->string, "state") && cJSON_IsString(last) &&
                member(sight->body, "event") == NULL,
            "state at the end, and no event", "the last member is %s",
            last == NULL ? "none" : last->string);
}

void judge_bud_tel_05(struct sight *sight)
{
    static const char *const at_rest[] = {"axis_x", "axis_y", NULL};
    static const char *const in_job[] = {"fan_extruder", "fan_print", "filament", NULL};
    if (sight->body == NULL || !is_full(sight->body)) {
        return;
    }
    bool job = member(sight->body, "job_id") != NULL, right = member(sight->body, "axis_z") != NULL;
    for (const char *const *name = at_rest; *name != NULL; name++) {
        right = right && (member(sight->body, *name) != NULL) == !job;
    }
    for (const char *const *name = in_job; *name != NULL; name++) {
        right = right && (member(sight->body, *name) != NULL) == job;
    }
    char text[200];
    verdict(sight, right, job ? "fans, filament and axis_z with a job" : "three axes without a job",
            "%s", data_text(sight, text));
}

/* Digits behind the point of the first number of this name; -1: it is not there. */
static int decimals_of(struct slice body, const char *name)
{
    char wanted[48];
    int size = snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *at = memmem(body.bytes, body.size, wanted, (size_t)size);
    const char *end = body.bytes + body.size;
    if (at == NULL) {
        return -1;
    }
    for (at += size; at < end && (isdigit((unsigned char)*at) || *at == '-'); at++) {
    }
    int decimals = 0;
    for (at += at < end && *at == '.'; at < end && isdigit((unsigned char)*at); at++) {
        decimals++;
    }
    return decimals;
}

void judge_bud_tel_06(struct sight *sight)
{
    static const struct {
        const char *name;
        int decimals;
    } rows[] = {{"temp_nozzle", 1}, {"temp_bed", 1}, {"target_nozzle", 1}, {"target_bed", 1},
                {"axis_x", 2},      {"axis_y", 2},   {"axis_z", 2},        {"transfer_progress", 1},
                {"filament", 1}};
    if (sight->body == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int seen = decimals_of(sight->request->body, rows[i].name);
        if (seen >= 0) {
            verdict(sight, seen == rows[i].decimals,
                    rows[i].decimals == 1 ? "one decimal" : "two decimals", "%s has %d",
                    rows[i].name, seen);
        }
    }
}

void judge_bud_tel_07(struct sight *sight)
{
    static const char *const names[] = {"time_remaining", "filament_change_in"};
    for (size_t i = 0; sight->body != NULL && i < 2; i++) {
        if (member(sight->body, names[i]) != NULL) {
            verdict(sight, whole_of(sight->body, names[i], 0) != UINT32_MAX,
                    "no time that is not known", "%s is 4294967295", names[i]);
        }
    }
}

void judge_bud_tel_08(struct sight *sight)
{
    static const char *const names[] = {"transfer_id", "transfer_transferred",
                                        "transfer_time_remaining", "transfer_progress"};
    if (sight->body == NULL || member(sight->body, "transfer_progress") == NULL) {
        return;
    }
    const cJSON *item = sight->body->child;
    int right = 0;
    for (; right < 4 && item != NULL && same(item->string, names[right]); item = item->next) {
        right++;
    }
    verdict(sight, right == 4,
            "transfer_id, _transferred, _time_remaining, _progress at the beginning",
            "member %d is %s", right + 1, item == NULL ? "none" : item->string);
}

/* ---- 12.6: events ---- */

void judge_bud_evt_01(struct sight *sight)
{
    const cJSON *last = last_member(sight->body);
    verdict(sight,
            last != NULL && same(last->string, "event") && sight->state != NULL &&
                member(sight->body, "source") == NULL && member(sight->body, "timestamp") == NULL,
            "state, event at the end, neither source nor timestamp", "%s, %s at the end%s",
            or_none(sight->event), last == NULL ? "nothing" : last->string,
            sight->state == NULL ? ", no state" : "");
}

void judge_bud_evt_02(struct sight *sight)
{
    if (same(sight->event, "ACCEPTED") || same(sight->event, "REJECTED")) {
        verdict(sight, member(sight->body, "job_id") == NULL && member(sight->body, "data") == NULL,
                "neither job_id nor data", "%s with one of them", sight->event);
    }
}

void judge_bud_evt_04(struct sight *sight)
{
    static const char *const names[] = {"mountpoint", "type",   "read_only",
                                        "free_space", "is_sfn", NULL};
    if (!same(sight->event, "INFO")) {
        return;
    }
    const cJSON *storages = member(sight->data, "storages");
    int count = cJSON_GetArraySize(storages);
    const cJSON *usb = cJSON_GetArrayItem(storages, 0);
    bool right = cJSON_IsArray(storages) &&
                 (count == 0 ||
                  (count == 1 && has_exactly(usb, names) &&
                   same(text_of(usb, "mountpoint"), "/usb") && same(text_of(usb, "type"), "USB")));
    verdict(sight, right, "the USB drive with its five members, or nothing", "%d storages", count);
}

void judge_bud_evt_05(struct sight *sight)
{
    if (!same(sight->event, "INFO")) {
        return;
    }
    const char *fingerprint = text_of(sight->data, "fingerprint");
    size_t right =
        fingerprint == NULL ? 0 : strspn(fingerprint, "0123456789ABCDEFGHIJKLMNOPQRSTUV");
    verdict(sight, right == 50 && fingerprint[right] == '\0', "50 characters of 0-9, A-V", "%s",
            or_none(fingerprint));
}

void judge_bud_evt_08(struct sight *sight)
{
    if (same(sight->event, "INFO")) {
        int tools = cJSON_GetArraySize(member(sight->data, "tools"));
        int64_t slots = whole_of(sight->data, "slots", -1);
        verdict(sight, slots == tools, "as many slots as tools", "%lld slots, %d tools",
                (long long)slots, tools);
    }
}

void judge_bud_evt_11(struct sight *sight)
{
    static const char *const names[] = {"name",      "display_name", "size", "m_timestamp",
                                        "read_only", "type",         NULL};
    const cJSON *children = member(sight->data, "children"), *child;
    if (!same(sight->event, "FILE_INFO") || children == NULL) {
        return;
    }
    int count = 0;
    bool right = true;
    cJSON_ArrayForEach(child, children)
    {
        const char *name = text_of(child, "display_name");
        right = right && has_exactly(child, names) && name != NULL && *name != '.';
        count++;
    }
    int64_t told = whole_of(sight->data, "file_count", -1);
    verdict(sight, right && told == count, "six members of each child, and their number",
            "file_count %lld, %d children", (long long)told, count);
}

void judge_bud_evt_18(struct sight *sight)
{
    static const char *const alone[] = {"type", NULL};
    if (same(sight->event, "TRANSFER_INFO") && same(text_of(sight->data, "type"), "NO_TRANSFER")) {
        verdict(sight,
                has_exactly(sight->data, alone) && member(sight->body, "transfer_id") == NULL,
                "type NO_TRANSFER and nothing else", "more of it");
    }
}

static bool is_code(const char *text)
{
    return text == NULL || (strspn(text, "0123456789") == 5 && text[5] == '\0');
}

void judge_bud_evt_20(struct sight *sight)
{
    if (!same(sight->event, "STATE_CHANGED")) {
        return;
    }
    bool dialog = member(sight->body, "dialog_id") != NULL;
    const char *code = text_of(sight->data, "code");
    bool right = dialog ? is_code(code) : sight->data != NULL && sight->data->child == NULL;
    verdict(sight, right, dialog ? "a code of five digits" : "no data without a dialog", "code %s",
            or_none(code));
}

void judge_bud_evt_21(struct sight *sight)
{
    enum { NAMED = 16 };
    static const char *const named[] = {"name", "canceled", "id", NULL};
    if (!same(sight->event, "CANCELABLE_CHANGED")) {
        return;
    }
    const cJSON *objects = member(sight->data, "objects"), *object;
    bool right = cJSON_IsArray(objects);
    int count = 0;
    cJSON_ArrayForEach(object, objects)
    {
        right = right && has_exactly(object, count < NAMED ? named : named + 1) &&
                whole_of(object, "id", -1) == count;
        count++;
    }
    verdict(sight, right, "name (of the first 16), canceled, id of each object",
            "otherwise in %d objects", count);
}

/* ---- 12.7 ---- */

void judge_bud_cmd_25(struct sight *sight)
{
    if (same(sight->event, "ACCEPTED") && sight->command != NULL) {
        verdict(sight, sight->command->gcode_body, "ACCEPTED of G-code alone", "of %s",
                sight->command->name);
    }
}
