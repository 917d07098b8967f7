/* What is known of a printer after each thing seen. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/check/connect_contract_internal.h"
#include "mockservers/connect/tree.h"
#include "sim/base/hash.h"
#include "sim/base/memory.h"
#include "sim/base/world.h"

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from == NULL ? "" : from);
}

static void take_text(char **text, const char *value)
{
    char *copy = memory_copy_text(value);
    free(*text);
    *text = copy;
}

/* ---- commands ---- */

struct seen_command *course_command(struct subject *subject, int64_t id)
{
    for (size_t i = subject->command_count; i-- > 0;) {
        if (subject->commands[i].id == id) {
            return &subject->commands[i];
        }
    }
    return NULL;
}

struct seen_command *running_command(struct subject *subject)
{
    for (size_t i = subject->command_count; i-- > 0;) {
        struct seen_command *command = &subject->commands[i];
        bool waits = !command->answered && command->expected == EXPECT_ACCEPTED;
        if (command->ended == 0 && (command->accepted > 0 || waits) && !command->lost_to_reset) {
            return command;
        }
    }
    return NULL;
}

static void drop_oldest_command(struct subject *subject)
{
    free(subject->commands[0].path);
    subject->command_count--;
    memmove(subject->commands, subject->commands + 1,
            subject->command_count * sizeof *subject->commands);
}

/* Most printers never see more than a few. */
static struct seen_command *add_command(struct subject *subject, const struct seen_command *fresh)
{
    if (subject->command_count == SEEN_COMMANDS_MAX) {
        drop_oldest_command(subject);
    }
    if (subject->command_count == subject->command_capacity) {
        subject->command_capacity += subject->command_capacity / 2 + 1;
        subject->commands =
            memory_resize(subject->commands, subject->command_capacity * sizeof *subject->commands);
    }
    subject->commands[subject->command_count] = *fresh;
    return &subject->commands[subject->command_count++];
}

void commands_free(struct subject *subject)
{
    for (size_t i = 0; i < subject->command_count; i++) {
        free(subject->commands[i].path);
    }
    free(subject->commands);
}

/* The command whose result the printer remembers: the last one that it took (5.5). */
static struct seen_command *last_taken(struct subject *subject)
{
    for (size_t i = subject->command_count; i-- > 0;) {
        if (subject->commands[i].accepted > 0) {
            return &subject->commands[i];
        }
    }
    return NULL;
}

static void read_kwargs(struct seen_command *command, const cJSON *body)
{
    const cJSON *kwargs = cJSON_GetObjectItemCaseSensitive(body, "kwargs");
    command->has_kwargs = cJSON_IsObject(kwargs);
    command->path = memory_copy_text(text_of(kwargs, "path"));
    command->file_hash = transfer_target_hash(kwargs);
    command->transfer_id = whole_of(kwargs, "transfer_id", 0);
    command->force_flag = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(kwargs, "force"));
}

/* What 5.1 checks, in its order, as far as it depends on the reply alone. */
static enum expectation read_delivery(struct seen_command *command, const struct subject *subject,
                                      const struct http_message *reply)
{
    static const char json[] = "application/json";
    struct slice id = http_header_value(reply, "Command-Id");
    struct slice type = http_header_value(reply, "Content-Type");
    if (id.bytes == NULL || !python_integer(id, &command->id)) {
        command->id = 0;
        return EXPECT_BAD_ID;
    }
    command->body_hash = contract_hash(CONTRACT_HASH_START, reply->body.bytes, reply->body.size);
    if (slice_is(type, "text/x.gcode")) {
        copy_text(command->name, sizeof command->name, "GCODE");
        command->gcode_body = true;
        command->forced = slice_is(http_header_value(reply, "Force"), "1");
    } else if (type.bytes == NULL || type.size < sizeof json - 1 ||
               memcmp(type.bytes, json, sizeof json - 1) != 0) {
        return subject->initialised_seen ? EXPECT_BAD_TYPE : EXPECT_UNINITIALISED;
    } else {
        cJSON *body = cJSON_ParseWithLength(reply->body.bytes, reply->body.size);
        bool object = cJSON_IsObject(body);
        copy_text(command->name, sizeof command->name, text_of(body, "command"));
        read_kwargs(command, body);
        cJSON_Delete(body);
        if (!object) {
            return subject->initialised_seen ? EXPECT_BAD_BODY : EXPECT_UNINITIALISED;
        }
    }
    return subject->initialised_seen ? EXPECT_ACCEPTED : EXPECT_UNINITIALISED;
}

static void record_delivery(struct sight *sight, struct seen_command *fresh)
{
    struct subject *subject = sight->subject;
    struct seen_command *running = running_command(subject);
    struct seen_command *taken = last_taken(subject);
    struct seen_command *known = NULL;
    bool reset = same(fresh->name, "RESET_PRINTER");
    if (fresh->expected == EXPECT_ACCEPTED && reset) {
        fresh->busy_when_delivered = running != NULL;
        if (running != NULL && running->id != fresh->id) {
            running->lost_to_reset = running->accepted > 0 && running->ended == 0;
        }
    } else if (fresh->expected == EXPECT_ACCEPTED && running != NULL) {
        known = running->id == fresh->id ? running : NULL;
        fresh->expected = known == NULL           ? EXPECT_BUSY
                          : running->accepted > 0 ? EXPECT_ACCEPTED_AGAIN
                                                  : EXPECT_ACCEPTED;
        fresh->busy_id = running->id;
    } else if (fresh->expected == EXPECT_ACCEPTED && taken != NULL && taken->id == fresh->id) {
        known = taken;
        fresh->expected = EXPECT_REMEMBERED;
    } else if (fresh->expected == EXPECT_ACCEPTED && fresh->id == -1 && taken == NULL) {
        fresh->expected = EXPECT_REMEMBERED; /* its initial value (5.5) */
        copy_text(fresh->remembered, sizeof fresh->remembered, "REJECTED");
    }
    if (known == NULL) {
        known = add_command(subject, fresh);
    } else {
        free(fresh->path);
    }
    known->expected = fresh->expected;
    known->busy_id = fresh->busy_id;
    known->answered = false;
    known->deliveries++;
    known->repeats += fresh->expected == EXPECT_REMEMBERED;
    known->delivered_us = sight->time_us;
    known->losses = subject->losses;
}

static void take_delivery(struct sight *sight)
{
    const struct http_message *reply = sight->reply; /* every 200 is taken for a command (1.8) */
    struct seen_command fresh = {.delivered_us = sight->time_us};
    fresh.expected = read_delivery(&fresh, sight->subject, reply);
    fresh.losses = sight->subject->losses;
    sight->command = &fresh;
    sight->kind = SEE_DELIVERY;
    ask_rules(sight);
    record_delivery(sight, &fresh);
    if (same(fresh.name, "START_ENCRYPTED_DOWNLOAD")) {
        fetch_course_delivery(sight, fresh.id);
    }
    if (same(fresh.name, "RESET_PRINTER")) {
        sight->subject->disturbed = true; /* up to 1 s in which nothing is sent (5.7) */
    }
}

static bool ends_command(const struct seen_command *command, const char *event)
{
    static const char *const ends[] = {"FINISHED",  "FAILED",   "REJECTED",      "INFO",
                                       "FILE_INFO", "JOB_INFO", "TRANSFER_INFO", NULL};
    return one_of(event, ends) ||
           (same(command->name, "SEND_STATE_INFO") && same(event, "STATE_CHANGED"));
}

static void end_command(struct sight *sight, struct seen_command *command)
{
    bool unhandled = same(sight->event, "REJECTED") && (same(sight->reason, "Unknown command") ||
                                                        same(sight->reason, "Not Implemented"));
    command->ended++;
    command->ended_us = sight->time_us;
    copy_text(command->end, sizeof command->end, sight->event);
    copy_text(command->remembered, sizeof command->remembered,
              same(sight->event, "FAILED") ? "FAILED"
              : unhandled                  ? "REJECTED"
                                           : "FINISHED");
    sight->kind = SEE_TERMINAL;
    ask_rules(sight);
}

/* A STATE_CHANGED while a command runs: caused by it or not, it counts for what the command
 * promises. */
static void change_under_command(struct sight *sight)
{
    struct seen_command *running = running_command(sight->subject);
    if (running == NULL || running->accepted == 0 || sight->state == NULL) {
        return;
    }
    copy_text(running->last_change, sizeof running->last_change, sight->state);
    running->change_with_id = sight->command_id == running->id;
    running->change_with_job = sight->job_id > 0;
    running->state_moved |= !running->change_with_id;
}

static void take_answer(struct sight *sight)
{
    struct seen_command *command = sight->command;
    if (same(sight->event, "STATE_CHANGED")) {
        change_under_command(sight);
    }
    if (command == NULL) {
        return;
    }
    bool first = !command->answered;
    bool was_check = command->expected != EXPECT_ACCEPTED && first;
    if (same(sight->event, "ACCEPTED")) {
        command->answered = true;
        if (command->accepted == 0 || same(command->name, "RESET_PRINTER")) {
            command->accepted_us = sight->time_us;
            copy_text(command->state, sizeof command->state, sight->state);
            command->ended = 0;
        }
        command->accepted++;
        sight->subject->running_missing = 0;
    } else if (was_check &&
               (same(sight->event, "REJECTED") || command->expected == EXPECT_REMEMBERED)) {
        command->answered = true; /* refused at the door, or repeated: not the end of a run */
        command->ended += command->accepted == 0;
    } else if (ends_command(command, sight->event)) {
        command->answered = true;
        end_command(sight, command);
    }
}

/* ---- events ---- */

static void take_identity(struct sight *sight)
{
    struct subject *subject = sight->subject;
    const char *fingerprint = text_of(sight->data, "fingerprint");
    const char *sn = text_of(sight->data, "sn");
    if (sn != NULL) {
        take_text(&subject->sn, sn);
    }
    if (fingerprint != NULL && subject->fingerprint == NULL) {
        take_text(&subject->fingerprint, fingerprint);
        name_subject(sight->contract, 'F', fingerprint, subject);
    }
}

const cJSON *tree_of(const struct subject *subject)
{
    return documents_look(&subject->contract->documents, subject->tree);
}

static void keep_tree(struct subject *subject, const cJSON *tree)
{
    struct documents *documents = &subject->contract->documents;
    struct document *fresh = tree == NULL ? NULL : documents_keep_tree(documents, tree);
    documents_release(documents, subject->tree);
    subject->tree = fresh;
}

static void take_files(struct sight *sight)
{
    static const struct {
        const char *event;
        void (*take)(cJSON **root, const cJSON *data);
    } changes[] = {
        {"MEDIUM_INSERTED", connect_tree_insert},
        {"MEDIUM_EJECTED", connect_tree_eject},
        {"FILE_CHANGED", connect_tree_change},
    };
    struct subject *subject = sight->subject;
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(sight->data, "files");
    if (same(sight->event, "INFO") && cJSON_IsObject(files)) {
        keep_tree(subject, files);
        subject->tree_whole = true;
        return;
    }
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (same(sight->event, changes[i].event)) {
            cJSON *tree = document_read(subject->tree);
            changes[i].take(&tree, sight->data);
            keep_tree(subject, tree);
            cJSON_Delete(tree);
            subject->tree_us = sight->time_us;
        }
    }
}

static void take_transfer(struct sight *sight)
{
    static const char *const ends[] = {"TRANSFER_FINISHED", "TRANSFER_STOPPED", "TRANSFER_ABORTED",
                                       NULL};
    struct subject *subject = sight->subject;
    int64_t id = whole_of(sight->body, "transfer_id", -1);
    if (same(sight->event, "TRANSFER_INFO") && id >= 0) {
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(sight->data, "size");
        const cJSON *print = cJSON_GetObjectItemCaseSensitive(sight->data, "to_print");
        if (id != subject->transfer_id) {
            subject->transferred = subject->transfer_size = -1;
        }
        subject->transfer_id = id;
        subject->transfer_size = cJSON_IsNumber(size) ? size->valuedouble : subject->transfer_size;
        subject->transfer_to_print = cJSON_IsTrue(print);
    } else if (one_of(sight->event, ends)) {
        subject->ended_transfer_id = id;
        subject->transfer_ended_us = sight->time_us;
    }
}

static void take_state(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (!same(sight->event, "STATE_CHANGED") || sight->state == NULL) {
        return;
    }
    subject->state_over_error = same(subject->state, "ERROR");
    if (!same(subject->state, sight->state)) {
        subject->state_us = sight->time_us;
        subject->after_printing = 0;
    }
    copy_text(subject->state, sizeof subject->state, sight->state);
    subject->state_off = 0;
    if (sight->job_id > 0) {
        subject->last_job = sight->job_id;
    }
}

static void take_event(struct sight *sight)
{
    take_state(sight);
    if (same(sight->event, "INFO") && cJSON_IsObject(sight->data)) {
        take_identity(sight);
    }
    if (cJSON_IsObject(sight->data)) {
        take_files(sight);
        take_transfer(sight);
        transfer_course_event(sight);
    }
    if (same(sight->event, "JOB_INFO")) {
        take_text(&sight->subject->job_path, text_of(sight->data, "path"));
    }
    take_answer(sight);
}

/* ---- telemetry ---- */

static void take_temperatures(struct sight *sight)
{
    static const char *const keys[] = {"temp_nozzle", "temp_bed"};
    for (size_t i = 0; i < 2; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]);
        if (cJSON_IsNumber(item)) {
            sight->subject->temperature_sent[i] = item->valuedouble;
        }
    }
}

static void take_telemetry(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (sight->request->body.size > 0 && !sight->body_bad) {
        subject->last_body = hash_bytes(sight->request->body.bytes, sight->request->body.size);
    }
    if (subject->state[0] == '\0' || subject->disturbed) {
        copy_text(subject->state, sizeof subject->state, sight->facts.state);
    }
    if (!subject->telemetry_seen && sight->facts.command_id >= 0 &&
        course_command(subject, sight->facts.command_id) == NULL) {
        subject->foreign_running = sight->facts.command_id;
    }
    if (sight->facts.command_id != subject->foreign_running) {
        subject->foreign_running = -1;
    }
    subject->now = sight->facts;
    subject->telemetry_seen = true;
    subject->telemetry_us = sight->time_us;
    subject->disturbed = false;
    subject->refused_us = -1;
    subject->after_printing = printing_state(sight->facts.state) ? 0 : subject->after_printing + 1;
    if (sight->facts.transfer_id != subject->transfer_id && sight->facts.transfer_id >= 0) {
        subject->transfer_id = sight->facts.transfer_id;
        subject->transfer_size = subject->transferred = -1;
    }
    if (sight->body != NULL) {
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(sight->body, "transfer_transferred");
        subject->transferred = cJSON_IsNumber(bytes) ? bytes->valuedouble : subject->transferred;
        take_temperatures(sight);
    }
}

/* ---- requests ---- */

static void take_register(struct sight *sight)
{
    struct subject *subject = sight->subject;
    const char *fingerprint = text_of(sight->body, "fingerprint");
    if (fingerprint != NULL && subject->fingerprint == NULL) {
        take_text(&subject->fingerprint, fingerprint);
        name_subject(sight->contract, 'F', fingerprint, subject);
    }
    take_text(&subject->sn, text_of(sight->body, "sn"));
    take_text(&subject->type, text_of(sight->body, "printer_type"));
    subject->registration = REG_ASKED;
    subject->registration_seen = true;
    subject->code_us = subject->pending_us = -1;
}

static void take_headers(struct sight *sight)
{
    struct subject *subject = sight->subject;
    struct slice fingerprint = sight->headers[HEADER_FINGERPRINT];
    struct slice type = sight->headers[HEADER_USER_AGENT_PRINTER];
    if (fingerprint.size > 0 && subject->fingerprint == NULL &&
        memchr(fingerprint.bytes, '\0', fingerprint.size) == NULL) {
        subject->fingerprint = memory_copy_slice(fingerprint.bytes, fingerprint.size);
        name_subject(sight->contract, 'F', subject->fingerprint, subject);
    }
    subject->initialised_seen = fingerprint.size > 0 && !slice_is(type, "None");
    subject->adjusted_last = sight->headers[HEADER_CLOCK_ADJUSTED].bytes != NULL;
    subject->since_adjusted = subject->adjusted_last ? 0 : subject->since_adjusted + 1;
    subject->seen_us = sight->time_us;
}

void course_request(struct sight *sight)
{
    struct subject *subject = sight->subject;
    take_headers(sight);
    if ((sight->kind & (SEE_TELEMETRY | SEE_EVENT | SEE_POLL)) != 0) {
        subject->open_us = sight->time_us;
        subject->open_connection = sight->connection;
        subject->unanswered_us = -1;
    }
    if ((sight->kind & SEE_TELEMETRY) != 0) {
        take_telemetry(sight);
    } else if ((sight->kind & SEE_EVENT) != 0) {
        take_event(sight);
    } else if ((sight->kind & SEE_REGISTER) != 0) {
        take_register(sight);
    }
    if ((sight->kind & (SEE_POLL | SEE_REGISTER)) != 0) {
        subject->disturbed = true; /* a 202 holds the queue up for 1 s (1.9) */
    }
}

/* ---- replies ---- */

static void registered(struct sight *sight)
{
    struct subject *subject = sight->subject;
    struct slice code = http_header_value(sight->reply, "Code");
    struct slice token = http_header_value(sight->reply, "Token");
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_REGISTER) {
        bool good = status == 200 && code.bytes != NULL;
        subject->registration = good ? REG_CODE : REG_REFUSED;
        subject->code_us = good ? sight->time_us : -1;
        if (good) {
            free(subject->code);
            subject->code = memory_copy_slice(code.bytes, code.size);
            name_subject(sight->contract, 'C', subject->code, subject);
        }
        return;
    }
    subject->pending_us = status == 202 ? sight->time_us : -1;
    if (status == 200 && token.size > 0) {
        free(subject->token);
        subject->token = memory_copy_slice(token.bytes, token.size);
        name_subject(sight->contract, 'T', subject->token, subject);
        subject->registration = REG_DONE;
    } else if (status != 202) {
        subject->registration = REG_POLL_FAILED;
    }
}

void course_reply(struct sight *sight)
{
    struct subject *subject = sight->subject;
    const struct asked *asked = sight->asked;
    int status = sight->reply->status;
    int64_t waited_us = sight->time_us - asked->time_us;
    if (subject->open_connection == sight->connection) {
        subject->open_us = -1;
    }
    if (waited_us > MILLISECONDS(200) || status / 100 != 2) {
        subject->disturbed = true;
    }
    if (asked->kind == SEE_REGISTER || asked->kind == SEE_POLL) {
        registered(sight);
        subject->disturbed = true;
    } else if (asked->kind == SEE_TELEMETRY && status >= 400) {
        subject->refused_us = sight->time_us;
        subject->refused_status = status;
    }
    subject->losses += status / 100 == 3 || waited_us >= SECONDS(10);
    if (asked->kind == SEE_TELEMETRY && status == 200 && waited_us < SECONDS(10)) {
        take_delivery(sight);
    }
}

void course_unanswered(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (subject->open_connection == sight->connection) {
        subject->open_us = -1;
    }
    if (sight->asked->kind == SEE_POLL) {
        subject->registration = REG_POLL_FAILED;
        subject->pending_us = -1;
    } else if (sight->asked->kind == SEE_REGISTER) {
        subject->registration = REG_REFUSED;
    }
    subject->unanswered_us = sight->asked->time_us;
    subject->given_up_us = sight->time_us;
    subject->lost_hash = sight->asked->hash;
    subject->lost_us = sight->time_us;
    subject->losses++;
    subject->disturbed = true;
}
