/* The course of a conversation: who talks, what was delivered, what has been answered. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/hash.h"
#include "sim/base/memory.h"
#include "sim/base/world.h"

const char *const contract_commands[] = {
    "SEND_INFO",
    "SEND_STATE_INFO",
    "SEND_FILE_INFO",
    "CREATE_FOLDER",
    "CREATE_DIRECTORY",
    "DELETE_FILE",
    "DELETE_FOLDER",
    "DELETE_DIRECTORY",
    "START_URL_DOWNLOAD",
    "START_CONNECT_DOWNLOAD",
    "SEND_TRANSFER_INFO",
    "STOP_TRANSFER",
    "SET_PRINTER_READY",
    "CANCEL_PRINTER_READY",
    "DIALOG_ACTION",
    "GCODE",
    "START_PRINT",
    "PAUSE_PRINT",
    "RESUME_PRINT",
    "STOP_PRINT",
    "RESET_PRINTER",
    "SEND_JOB_INFO",
    "LOAD_FILAMENT",
    "UNLOAD_FILAMENT",
    "UPGRADE",
    "SET_VALUE",
    "SLOT_ACTION",
    NULL,
};

uint64_t contract_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/* ---- who ---- */

static struct name_slot *name_slot(const struct contract *contract, char kind, const char *bytes,
                                   size_t size)
{
    uint64_t hash = contract_hash(contract_hash(CONTRACT_HASH_START, &kind, 1), bytes, size);
    size_t at = (size_t)hash & (contract->name_capacity - 1);
    for (;;) {
        struct name_slot *slot = &contract->names[at];
        if (slot->kind == 0 || (slot->kind == kind && strncmp(slot->text, bytes, size) == 0 &&
                                slot->text[size] == '\0')) {
            return slot;
        }
        at = (at + 1) & (contract->name_capacity - 1);
    }
}

static struct subject *named(const struct contract *contract, char kind, struct slice text)
{
    if (contract->name_capacity == 0 || text.bytes == NULL || text.size == 0) {
        return NULL;
    }
    return name_slot(contract, kind, text.bytes, text.size)->subject;
}

void name_subject(struct contract *contract, char kind, const char *text, struct subject *subject)
{
    if ((contract->name_count + 1) * 2 > contract->name_capacity) {
        struct name_slot *old = contract->names;
        size_t old_capacity = contract->name_capacity;
        contract->name_capacity = old_capacity == 0 ? 64 : old_capacity * 2;
        contract->names = memory_new_array(contract->name_capacity, sizeof *contract->names);
        for (size_t i = 0; i < old_capacity; i++) {
            if (old[i].kind != 0) {
                *name_slot(contract, old[i].kind, old[i].text, strlen(old[i].text)) = old[i];
            }
        }
        free(old);
    }
    struct name_slot *slot = name_slot(contract, kind, text, strlen(text));
    if (slot->kind == 0) {
        *slot = (struct name_slot){kind, memory_copy_text(text), NULL};
        contract->name_count++;
    }
    slot->subject = subject;
}

static struct subject *new_subject(struct contract *contract)
{
    struct subject *subject = memory_new(sizeof *subject);
    subject->contract = contract;
    subject->number = ++contract->subject_count;
    subject->code_us = subject->pending_us = subject->telemetry_us = -1;
    subject->refused_us = subject->transfer_id = subject->transfer_ended_us = -1;
    subject->ended_transfer_id = subject->lost_us = subject->unanswered_us = -1;
    subject->open_us = subject->given_up_us = subject->socket_closed_us = -1;
    subject->transferred = subject->transfer_size = -1;
    subject->foreign_running = -1;
    subject->now = (struct telemetry_facts){.command_id = -1, .transfer_id = -1};
    subject->temperature_sent[0] = subject->temperature_sent[1] = NAN;
    subject->clock_offset = NAN;
    *contract->last_subject = subject;
    contract->last_subject = &subject->next;
    return subject;
}

void course_free(struct subject *subject)
{
    free(subject->fingerprint);
    free(subject->token);
    free(subject->code);
    free(subject->sn);
    free(subject->type);
    free(subject->job_path);
    commands_free(subject);
    free(subject->transfer);
    documents_release(&subject->contract->documents, subject->tree);
    free(subject);
}

static void set_text(char **text, struct slice value)
{
    free(*text);
    *text = value.bytes == NULL ? NULL : memory_copy_slice(value.bytes, value.size);
}

static struct subject *subject_of(struct contract *contract, const struct sight *sight)
{
    struct slice token = sight->headers[HEADER_TOKEN];
    struct slice fingerprint = sight->headers[HEADER_FINGERPRINT];
    struct subject *subject = named(contract, 'T', token);
    if (subject == NULL && (sight->kind & SEE_POLL) != 0) {
        subject = named(contract, 'C', sight->headers[HEADER_CODE]);
    }
    if (subject == NULL) {
        subject = named(contract, 'F', fingerprint);
    }
    const char *told = text_of(sight->body, "fingerprint");
    if (subject == NULL && told != NULL && (sight->kind & SEE_REGISTER) != 0) {
        subject = named(contract, 'F', slice_of(told));
    }
    if (subject != NULL) {
        return subject;
    }
    if (token.size == 0 && fingerprint.size == 0 && (sight->kind & SEE_REGISTER) == 0) {
        if (contract->nobody == NULL) {
            contract->nobody = new_subject(contract);
        }
        return contract->nobody;
    }
    subject = new_subject(contract);
    if (token.size > 0 && memchr(token.bytes, '\0', token.size) == NULL) {
        set_text(&subject->token, token); /* from before we looked: its ini file */
        name_subject(contract, 'T', subject->token, subject);
    }
    return subject;
}

bool contract_is_buddy(const struct contract *contract, const char *token)
{
    const struct subject *subject = token == NULL ? NULL : named(contract, 'T', slice_of(token));
    return subject != NULL && subject->buddy;
}

/* The headers of the two families (connect-sdk.md 2.1, connect-buddy.md 1.3, 11): Buddy names its
 * firmware in User-Agent-Printer and 16 characters of its fingerprint; of the SDK, Timestamp and
 * User-Agent stand there. A message that was spoilt so that it shows neither leaves it at what is
 * known. */
static void recognise(struct sight *sight)
{
    static const char firmware[] = "Buddy_";
    enum { BUDDY_FINGERPRINT = 16 };
    struct slice agent = sight->headers[HEADER_USER_AGENT_PRINTER];
    if (agent.size >= sizeof firmware - 1 &&
        memcmp(agent.bytes, firmware, sizeof firmware - 1) == 0) {
        sight->subject->buddy = true;
    } else if (agent.size > 2 &&
               memcmp(agent.bytes, "5.", 2) == 0) { /* connect-sdk.md 2.1: SL1 to M1 */
        sight->subject->buddy = false;
        sight->subject->resin = true;
    } else if (sight->headers[HEADER_TIMESTAMP].bytes != NULL ||
               sight->headers[HEADER_USER_AGENT].bytes != NULL) {
        sight->subject->buddy = false;
    } else if (sight->headers[HEADER_FINGERPRINT].size == BUDDY_FINGERPRINT) {
        sight->subject->buddy = true;
    }
}

/* ---- requests ---- */

static void read_headers(struct sight *sight)
{
    static const struct {
        const char *name;
        size_t size;
    } names[HEADER_COUNT] = {
        [HEADER_FINGERPRINT] = {"Fingerprint", 11},
        [HEADER_TIMESTAMP] = {"Timestamp", 9},
        [HEADER_USER_AGENT] = {"User-Agent", 10},
        [HEADER_USER_AGENT_PRINTER] = {"User-Agent-Printer", 18},
        [HEADER_USER_AGENT_VERSION] = {"User-Agent-Version", 18},
        [HEADER_TOKEN] = {"Token", 5},
        [HEADER_CODE] = {"Code", 4},
        [HEADER_CLOCK_ADJUSTED] = {"Clock-Adjusted", 14},
        [HEADER_CONTENT_TYPE] = {"Content-Type", 12},
    };
    for (size_t i = 0; i < sight->request->header_count; i++) {
        const struct http_header *header = &sight->request->headers[i];
        for (size_t k = 0; k < HEADER_COUNT; k++) {
            if (header->name.size == names[k].size && sight->headers[k].bytes == NULL &&
                strncasecmp(header->name.bytes, names[k].name, names[k].size) == 0) {
                sight->headers[k] = header->value;
                break;
            }
        }
    }
}

/* Digits, at most one point among them; NAN: something else. The usual form fits into 64 bits,
 * where one division of exact values rounds as strtod() does. */
static double read_stamp(struct slice text)
{
    uint64_t digits = 0, scale = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.bytes[i];
        if (c == '.' && scale == 0) {
            scale = 1;
        } else if (c < '0' || c > '9') {
            return NAN;
        } else if (digits <
                   UINT64_C(900719925474099)) { /* more digits change nothing that is judged */
            digits = digits * 10 + (uint64_t)(c - '0');
            scale *= 10;
        } else if (scale == 0) {
            return NAN;
        }
    }
    return text.size == 0 ? NAN : (double)digits / (double)(scale == 0 ? 1 : scale);
}

static const struct {
    const char *target;
    unsigned kind;
} targets[] = {
    {"/p/telemetry", SEE_TELEMETRY},
    {"/p/events", SEE_EVENT},
};

static unsigned kind_of(const struct http_message *request)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (slice_is(request->target, targets[i].target)) {
            return targets[i].kind | SEE_REQUEST;
        }
    }
    if (slice_is(request->target, "/p/register")) {
        return (slice_is(request->method, "GET") ? SEE_POLL : SEE_REGISTER) | SEE_REQUEST;
    }
    if (slice_is(request->target, "/p/ws") && slice_is(request->method, "GET")) {
        return SEE_UPGRADE | SEE_REQUEST;
    }
    return transfer_kind_of(request);
}

static void read_facts(struct telemetry_facts *facts, const cJSON *body)
{
    const char *state = text_of(body, "state");
    snprintf(facts->state, sizeof facts->state, "%s", state == NULL ? "" : state);
    facts->command_id = whole_of(body, "command_id", -1);
    facts->job_id = whole_of(body, "job_id", 0);
    facts->transfer_id = whole_of(body, "transfer_id", -1);
}

/* `{"state": "IDLE"}` needs no tree: all rules about content hold. */
static bool read_minimal(struct telemetry_facts *facts, struct slice body)
{
    static const char start[] = "{\"state\": \"";
    size_t head = sizeof start - 1;
    if (body.size < head + 3 || body.size > head + 2 + sizeof facts->state - 1 ||
        memcmp(body.bytes, start, head) != 0 || memcmp(body.bytes + body.size - 2, "\"}", 2) != 0) {
        return false;
    }
    size_t size = body.size - head - 2;
    memcpy(facts->state, body.bytes + head, size);
    facts->state[size] = '\0';
    facts->command_id = facts->transfer_id = -1;
    facts->job_id = 0;
    return known_state(facts->state);
}

static cJSON *read_body(struct sight *sight)
{
    struct slice body = sight->request->body;
    cJSON *tree = body.size == 0 ? NULL : cJSON_ParseWithLength(body.bytes, body.size);
    if (!cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        sight->body_bad = true;
        return NULL;
    }
    sight->body = tree;
    return tree;
}

static bool same_body(const struct subject *subject, struct slice body)
{
    return subject->telemetry_seen && body.size > 0 &&
           subject->last_body == hash_bytes(body.bytes, body.size);
}

static cJSON *read_telemetry(struct sight *sight)
{
    struct subject *subject = sight->subject;
    struct slice body = sight->request->body;
    if (same_body(subject, body)) {
        sight->facts = subject->now;
        return NULL;
    }
    if (read_minimal(&sight->facts, body)) {
        return NULL;
    }
    cJSON *tree = read_body(sight);
    read_facts(&sight->facts, tree);
    sight->kind |= tree != NULL ? (unsigned)SEE_CONTENT : 0;
    return tree;
}

static void read_event(struct sight *sight)
{
    sight->event = text_of(sight->body, "event");
    sight->source = text_of(sight->body, "source");
    sight->state = text_of(sight->body, "state");
    sight->reason = text_of(sight->body, "reason");
    sight->data = cJSON_GetObjectItemCaseSensitive(sight->body, "data");
    sight->command_id = whole_of(sight->body, "command_id", -1);
    sight->job_id = whole_of(sight->body, "job_id", 0);
    bool named_id = cJSON_GetObjectItemCaseSensitive(sight->body, "command_id") != NULL;
    static const char *const plain[] = {"ACCEPTED", "REJECTED",  "FAILED", "FINISHED",
                                        "INFO",     "FILE_INFO", NULL};
    if (named_id || one_of(sight->event, plain)) {
        sight->command = course_command(sight->subject, named_id ? sight->command_id : 0);
    }
    if (!named_id && sight->command != NULL && sight->command->ended > 0) {
        sight->command = NULL;
    }
}

static void remember_asked(struct sight *sight)
{
    const struct http_message *request = sight->request;
    struct slice stamp = sight->headers[HEADER_TIMESTAMP];
    const char *point = stamp.bytes == NULL ? NULL : memchr(stamp.bytes, '.', stamp.size);
    struct asked asked = {
        .connection = sight->connection,
        .kind = sight->kind & (SEE_TELEMETRY | SEE_EVENT | SEE_REGISTER | SEE_POLL | SEE_FILE |
                               SEE_CAMERA | SEE_PICTURE | SEE_FETCH),
        .used = true,
        .to_p = request->target.size > 3 && memcmp(request->target.bytes, "/p/", 3) == 0,
        .noisy = point != NULL && stamp.bytes + stamp.size - point > 2,
        .wide_transfer = whole_of(sight->body, "transfer_id", 0) > INT32_MAX,
        .range_start = fetch_range_start(request),
        .time_us = sight->time_us,
        .subject = sight->subject,
    };
    asked.hash = contract_hash(CONTRACT_HASH_START, stamp.bytes, stamp.size);
    asked.hash = contract_hash(asked.hash, request->body.bytes, request->body.size);
    put_asked(sight->contract, &asked);
}

/* The printer sends the next item of its queue elsewhere: whatever it waited for is lost. */
static void give_up_older(struct sight *sight)
{
    struct subject *subject = sight->subject;
    bool queued = (sight->kind & (SEE_TELEMETRY | SEE_EVENT | SEE_POLL)) != 0;
    if (!queued || subject->open_us < 0) {
        return;
    }
    struct asked *older = find_asked(sight->contract, subject->open_connection);
    if (older != NULL && older->subject == subject) {
        struct sight lost = *sight;
        struct asked copy = *older;
        drop_asked(sight->contract, older);
        lost.asked = &copy;
        lost.connection = copy.connection;
        course_unanswered(&lost);
    }
}

/* Downloads and cameras, which are no part of the queue's talk. */
static void see_aside(struct sight *sight)
{
    struct contract *contract = sight->contract;
    struct slice fingerprint = sight->headers[HEADER_FINGERPRINT];
    cJSON *tree = (sight->kind & SEE_CAMERA) != 0 ? read_body(sight) : NULL;
    sight->subject =
        (sight->kind & SEE_PICTURE) != 0 ? transfer_camera_subject(contract, fingerprint)
        : (sight->kind & SEE_FETCH) != 0 ? fetch_subject(contract, sight->request->target)
                                         : subject_of(contract, sight);
    if (sight->subject == NULL) {
        contract->nobody = contract->nobody == NULL ? new_subject(contract) : contract->nobody;
        sight->subject = contract->nobody;
    }
    if ((sight->kind & SEE_PICTURE) != 0) {
        snprintf(sight->subject->camera, sizeof sight->subject->camera, "%.*s",
                 (int)(fingerprint.size < 70 ? fingerprint.size : 70),
                 fingerprint.size == 0 ? "" : fingerprint.bytes);
    }
    ask_rules(sight);
    transfer_course_request(sight);
    remember_asked(sight);
    cJSON_Delete(tree);
}

static void note_host(struct contract *contract, const struct http_message *request)
{
    struct slice host = http_header_value(request, "Host");
    if (host.size < sizeof contract->server_host && host.size > 0) {
        memcpy(contract->server_host, host.bytes, host.size);
    }
}

void contract_request(struct contract *contract, int64_t time_us, uint32_t connection,
                      const struct http_message *request)
{
    struct sight sight = {
        .contract = contract,
        .kind = kind_of(request),
        .time_us = time_us,
        .connection = connection,
        .request = request,
        .command_id = -1,
    };
    contract->now_us = time_us;
    cJSON *tree = NULL;
    read_headers(&sight);
    if ((sight.kind & (SEE_FILE | SEE_CAMERA | SEE_PICTURE | SEE_FETCH)) != 0) {
        see_aside(&sight);
        return;
    }
    if (contract->server_host[0] == '\0' && (sight.kind & SEE_TELEMETRY) != 0) {
        note_host(contract, request);
    }
    if (sight.kind != 0) {
        sight.stamp = read_stamp(sight.headers[HEADER_TIMESTAMP]);
        if ((sight.kind & (SEE_EVENT | SEE_REGISTER)) != 0) {
            tree = read_body(&sight);
        }
        sight.subject = subject_of(contract, &sight);
        recognise(&sight);
        if ((sight.kind & SEE_TELEMETRY) != 0) {
            tree = read_telemetry(&sight);
        } else if ((sight.kind & SEE_EVENT) != 0) {
            read_event(&sight);
        }
        sight.socket = websocket_course_message(contract, connection, request);
        ask_rules(&sight);
        give_up_older(&sight);
        course_request(&sight);
        if ((sight.kind & SEE_UPGRADE) != 0) {
            websocket_course_request(&sight);
        }
        websocket_course_said(&sight);
    }
    remember_asked(&sight);
    cJSON_Delete(tree);
}

/* ---- replies ---- */

void contract_reply(struct contract *contract, int64_t time_us, uint32_t connection,
                    const struct http_message *reply)
{
    contract->now_us = time_us;
    struct asked *asked = find_asked(contract, connection);
    websocket_course_reply(contract, connection, reply);
    if (asked != NULL && reply->status == 101) {
        drop_asked(contract, asked);
        return;
    }
    struct asked copy;
    if (reply->status >= 100 && reply->status < 200) {
        return;
    }
    if (asked != NULL) {
        copy = *asked;
        drop_asked(contract, asked);
    } else if (!websocket_course_pushed(contract, connection, reply, &copy)) {
        return;
    }
    struct sight sight = {
        .contract = contract,
        .kind = SEE_REPLY,
        .time_us = time_us,
        .connection = connection,
        .subject = copy.subject,
        .reply = reply,
        .asked = &copy,
        .command_id = -1,
    };
    ask_rules(&sight);
    if (copy.subject != NULL &&
        (copy.kind & (SEE_FILE | SEE_CAMERA | SEE_PICTURE | SEE_FETCH)) != 0) {
        transfer_course_reply(&sight);
    } else if (copy.subject != NULL) {
        course_reply(&sight);
    }
}

static void unanswered(struct contract *contract, int64_t time_us, uint32_t connection,
                       bool by_printer)
{
    contract->now_us = time_us;
    struct asked *asked = find_asked(contract, connection);
    if (asked == NULL) {
        return;
    }
    struct asked copy = *asked;
    drop_asked(contract, asked);
    struct sight sight = {
        .contract = contract,
        .kind = SEE_UNANSWERED,
        .time_us = time_us,
        .connection = connection,
        .subject = copy.subject,
        .asked = &copy,
        .by_printer = by_printer,
    };
    bool aside = (copy.kind & (SEE_FILE | SEE_CAMERA | SEE_PICTURE | SEE_FETCH)) != 0;
    if (copy.subject != NULL && !aside) {
        ask_rules(&sight);
        course_unanswered(&sight);
    }
}

void contract_ended(struct contract *contract, int64_t time_us, uint32_t connection,
                    bool by_printer)
{
    unanswered(contract, time_us, connection, by_printer);
    contract->now_us = time_us;
    websocket_course_ended(contract, connection, by_printer);
}

void contract_garbage(struct contract *contract, int64_t time_us, uint32_t connection)
{
    unanswered(contract, time_us, connection, false);
}

void contract_finish(struct contract *contract, int64_t time_us)
{
    contract->now_us = time_us;
    websocket_course_finish(contract);
    for (struct subject *subject = contract->subjects; subject != NULL; subject = subject->next) {
        struct sight sight = {
            .contract = contract,
            .kind = SEE_FINISH,
            .time_us = time_us,
            .subject = subject,
        };
        ask_rules(&sight);
    }
    for (size_t i = 0; i < contract->asked_capacity; i++) {
        struct asked *asked = &contract->asked[i];
        struct sight sight = {
            .contract = contract,
            .kind = SEE_OPEN,
            .time_us = time_us,
            .connection = asked->connection,
            .subject = asked->subject,
            .asked = asked,
        };
        if (asked->used) {
            ask_rules(&sight);
        }
    }
}
