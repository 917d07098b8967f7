#include "mockservers/connect/commands.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

/* A printer that never answers gets a command so often before it counts as lost. */
enum { DELIVERIES_MAX = 20, WITHOUT_COMMAND_MAX = 3 };

static const char *const status_names[] = {"pending", "delivered", "accepted", "finished",
                                           "failed",  "rejected",  "lost"};

const char *connect_command_status_name(enum connect_command_status status)
{
    return status_names[status];
}

bool connect_command_status_ended(enum connect_command_status status)
{
    return status >= CONNECT_COMMAND_FINISHED;
}

/* ---- life ---- */

void command_destroy(struct connect_command *command)
{
    for (size_t i = 0; i < command->answer_count; i++) {
        free(command->answers[i].event);
        free(command->answers[i].source);
        free(command->answers[i].reason);
        free(command->answers[i].body);
    }
    free(command->answers);
    free(command->name);
    free(command->content_type);
    free(command->body);
    free(command);
}

static void queue_insert(struct connect_printer *printer, struct connect_command *command)
{
    struct connect_command **place = &printer->queue_first;
    while (*place != NULL && (!command->priority || (*place)->priority)) {
        place = &(*place)->next;
    }
    command->next = *place;
    *place = command;
    if (command->next == NULL) {
        printer->queue_last = command;
    }
    printer->queue_count++;
}

/* Take a command out of the list that begins at `*first`. */
static bool detach(struct connect_command **first, struct connect_command **last,
                   struct connect_command *command)
{
    struct connect_command *before = NULL;
    for (struct connect_command **place = first; *place != NULL; place = &(*place)->next) {
        if (*place == command) {
            *place = command->next;
            if (last != NULL && *last == command) {
                *last = before;
            }
            command->next = NULL;
            return true;
        }
        before = *place;
    }
    return false;
}

/* Out of its printer's history and that of all. */
static void history_remove(struct connect_command *command)
{
    struct connect_printer *printer = command->printer;
    struct connect_server *server = printer->server;
    *(command->older != NULL ? &command->older->newer : &server->oldest_ended) = command->newer;
    *(command->newer != NULL ? &command->newer->older : &server->newest_ended) = command->older;
    command->older = command->newer = NULL;
    server->ended_bytes -= command->bytes;
    detach(&printer->history_first, &printer->history_last, command);
    printer->history_count--;
}

static void forget_oldest(struct connect_command *oldest)
{
    history_remove(oldest);
    command_destroy(oldest);
}

static void history_append(struct connect_printer *printer, struct connect_command *command)
{
    struct connect_server *server = printer->server;
    command->older = server->newest_ended;
    *(command->older != NULL ? &command->older->newer : &server->oldest_ended) = command;
    server->newest_ended = command;
    server->ended_bytes += command->bytes;
    if (printer->history_last != NULL) {
        printer->history_last->next = command;
    } else {
        printer->history_first = command;
    }
    printer->history_last = command;
    printer->history_count++;
    while (printer->history_count > server->settings.history_max &&
           printer->history_first != command) {
        forget_oldest(printer->history_first);
    }
    while (server->ended_bytes > server->settings.history_bytes &&
           server->oldest_ended != command) {
        forget_oldest(server->oldest_ended);
    }
}

static void end_command(struct connect_command *command, enum connect_command_status status)
{
    struct connect_printer *printer = command->printer;
    if (detach(&printer->queue_first, &printer->queue_last, command)) {
        printer->queue_count--;
    } else {
        detach(&printer->running, NULL, command);
    }
    command->status = status;
    command->ended_us = printer->server->world->now_us;
    command->resend = false;
    history_append(printer, command);
    tell_command(command);
}

/* ---- making ---- */

struct connect_command *connect_server_command_raw(struct connect_server *server,
                                                   struct connect_printer *printer,
                                                   const char *name, const char *content_type,
                                                   const void *body, size_t size,
                                                   struct error *error)
{
    assert(printer->server == server);
    if (printer->queue_count >= server->settings.queue_max) {
        error_set(error, "%zu commands already wait for this printer", printer->queue_count);
        return NULL;
    }
    if (size > CONNECT_COMMAND_BYTES_MAX) {
        error_set(error, "a command of %zu bytes, at most %d are taken", size,
                  CONNECT_COMMAND_BYTES_MAX);
        return NULL;
    }
    struct connect_command *command = memory_new(sizeof *command);
    command->printer = printer;
    command->id = command->sent_id = server->next_command_id++;
    command->name = memory_copy_text(name);
    command->content_type = memory_copy_text(content_type);
    command->body = memory_copy_slice(size == 0 ? "" : body, size);
    command->body_size = size;
    command->bytes = sizeof *command + size;
    command->priority = strcmp(name, "RESET_PRINTER") == 0;
    command->queued_us = server->world->now_us;
    command->delivered_us = command->accepted_us = command->ended_us = -1;
    queue_insert(printer, command);
    sockets_wake(printer);
    tell_command(command);
    return command;
}

static struct connect_command *command_of_object(struct connect_server *server,
                                                 struct connect_printer *printer, const char *name,
                                                 const cJSON *args, const cJSON *kwargs,
                                                 struct error *error)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "command", name);
    if (args != NULL) {
        cJSON_AddItemToObject(object, "args", cJSON_Duplicate(args, true));
    }
    if (kwargs != NULL) {
        cJSON_AddItemToObject(object, "kwargs", cJSON_Duplicate(kwargs, true));
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL) {
        error_set(error, "kwargs can't be written as JSON");
        return NULL;
    }
    struct connect_command *command = connect_server_command_raw(
        server, printer, name, "application/json", text, strlen(text), error);
    free(text);
    return command;
}

struct connect_command *connect_server_command(struct connect_server *server,
                                               struct connect_printer *printer, const char *name,
                                               const cJSON *kwargs, struct error *error)
{
    return command_of_object(server, printer, name, NULL, kwargs, error);
}

struct connect_command *connect_server_gcode(struct connect_server *server,
                                             struct connect_printer *printer, const char *gcode,
                                             bool force, struct error *error)
{
    struct connect_command *command = connect_server_command_raw(
        server, printer, "GCODE", "text/x.gcode", gcode, strlen(gcode), error);
    if (command != NULL) {
        command->force = force;
    }
    return command;
}

struct connect_command *connect_server_command_json(struct connect_server *server,
                                                    struct connect_printer *printer,
                                                    const cJSON *object, struct error *error)
{
    if (!cJSON_IsObject(object)) {
        error_set(error, "expected an object with \"command\" or \"gcode\"");
        return NULL;
    }
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "command");
    const cJSON *gcode = cJSON_GetObjectItemCaseSensitive(object, "gcode");
    const cJSON *force = cJSON_GetObjectItemCaseSensitive(object, "force");
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(object, "args");
    const cJSON *kwargs = cJSON_GetObjectItemCaseSensitive(object, "kwargs");
    if (force != NULL && !cJSON_IsBool(force)) {
        error_set(error, "\"force\": expected true or false");
        return NULL;
    }
    if (cJSON_IsString(gcode) && name == NULL) {
        return connect_server_gcode(server, printer, gcode->valuestring, cJSON_IsTrue(force),
                                    error);
    }
    if (!cJSON_IsString(name) || gcode != NULL) {
        error_set(error, "expected either \"command\" or \"gcode\" as a string");
        return NULL;
    }
    if (force != NULL) {
        error_set(error, "\"force\" goes with \"gcode\" only");
        return NULL;
    }
    if (kwargs != NULL && !cJSON_IsObject(kwargs)) {
        error_set(error, "\"kwargs\": expected an object");
        return NULL;
    }
    return command_of_object(server, printer, name->valuestring, args, kwargs, error);
}

bool connect_command_repeat(struct connect_command *command)
{
    struct connect_printer *printer = command->printer;
    if (command->status == CONNECT_COMMAND_PENDING) {
        return false;
    }
    sockets_wake(printer);
    if (!connect_command_status_ended(command->status)) {
        command->resend = true;
        return true;
    }
    if (printer->queue_count >= printer->server->settings.queue_max) {
        return false;
    }
    history_remove(command);
    command->status = CONNECT_COMMAND_PENDING;
    command->ended_us = -1;
    queue_insert(printer, command);
    tell_command(command);
    return true;
}

bool connect_command_give_up(struct connect_command *command)
{
    if (connect_command_status_ended(command->status)) {
        return false;
    }
    end_command(command, CONNECT_COMMAND_LOST);
    return true;
}

/* ---- delivery ---- */

static bool due_again(const struct connect_command *command, int64_t now_us)
{
    const struct connect_printer *printer = command->printer;
    int64_t wait_us = printer->server->settings.resend_after_us;
    if (command->resend) {
        return true;
    }
    if (command->status == CONNECT_COMMAND_DELIVERED) {
        return now_us - command->delivered_us >= wait_us;
    }
    /* The printer says that it works on nothing: its last word was lost, and the same id brings it
     * again (5.5). The repetition of a priority command would execute it again (5.7). */
    return !command->priority && command == printer->running &&
           printer->without_command >= WITHOUT_COMMAND_MAX &&
           now_us - command->accepted_us >= wait_us && now_us - command->delivered_us >= wait_us;
}

static bool beyond_hope(const struct connect_command *command, int64_t now_us)
{
    if (command->status == CONNECT_COMMAND_DELIVERED || !command->priority) {
        return command->deliveries >= DELIVERIES_MAX && due_again(command, now_us);
    }
    return command == command->printer->running &&
           command->printer->without_command >= WITHOUT_COMMAND_MAX &&
           now_us - command->accepted_us >= command->printer->server->settings.resend_after_us;
}

static struct connect_command *command_due(struct connect_server *server,
                                           struct connect_printer *printer)
{
    int64_t now_us = server->world->now_us;
    for (struct connect_command *command = printer->running, *next; command != NULL;
         command = next) {
        next = command->next;
        if (beyond_hope(command, now_us)) {
            end_command(command, CONNECT_COMMAND_LOST);
        } else if (due_again(command, now_us)) {
            return command;
        }
    }
    struct connect_command *first = printer->queue_first;
    if (first == NULL || printer->running == NULL || first->priority || first->no_end ||
        misbehaves(server, printer, MISBEHAVE_NO_WAIT)) {
        return first;
    }
    return NULL;
}

static void write_delivery(struct connect_reply *reply, const struct connect_command *command)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)command->sent_id);
    connect_reply_answer(reply, 200);
    connect_reply_set_header(reply, "Command-Id", id);
    connect_reply_set_header(reply, "Content-Type", command->content_type);
    if (command->force) {
        connect_reply_set_header(reply, "Force", "1");
    }
    connect_reply_set_body(reply, command->body, command->body_size);
}

static void choose_id(struct connect_server *server, struct connect_command *command)
{
    struct connect_printer *printer = command->printer;
    bool again = command->deliveries > 0;
    if (command->sent_id == 0) {
        command->sent_id = command->id;
    }
    if (again && misbehaves(server, printer, MISBEHAVE_NEW_ID)) {
        command->sent_id = server->next_command_id++;
    } else if (!again && misbehaves(server, printer, MISBEHAVE_ID_ZERO)) {
        command->sent_id = 0;
    } else if (!again && printer->last_sent_id != 0 &&
               misbehaves(server, printer, MISBEHAVE_SAME_ID)) {
        command->sent_id = printer->last_sent_id;
    }
}

static int64_t id_of_header(const struct connect_reply *reply)
{
    const char *text = connect_reply_header(reply, "Command-Id");
    if (text == NULL || *text == '\0') {
        return 0;
    }
    char *end;
    errno = 0;
    long long id = strtoll(text, &end, 10);
    return errno != 0 || *end != '\0' ? 0 : id;
}

static void mark_delivered(struct connect_command *command, int64_t now_us)
{
    struct connect_printer *printer = command->printer;
    if (command->status == CONNECT_COMMAND_PENDING) {
        detach(&printer->queue_first, &printer->queue_last, command);
        printer->queue_count--;
        command->next = printer->running;
        printer->running = command;
        command->status = CONNECT_COMMAND_DELIVERED;
    }
    command->deliveries++;
    command->delivered_us = now_us;
    command->resend = false;
    printer->last_sent_id = command->sent_id;
    printer->without_command = 0;
}

void commands_deliver(struct connect_server *server, struct connect_decision *decision)
{
    struct connect_printer *printer = decision->printer;
    struct connect_command *command = command_due(server, printer);
    if (command == NULL) {
        return;
    }
    choose_id(server, command);
    write_delivery(decision->reply, command);
    enum connect_point point = decision->point;
    decision->command = command;
    decision->point = CONNECT_POINT_DELIVERY;
    ask_hooks(server, decision);
    decision->point = point;
    if (decision->hold) {
        decision->hold = false;
        decision->command = NULL;
        connect_reply_answer(decision->reply, 204);
        return;
    }
    command->sent_id = id_of_header(decision->reply);
    mark_delivered(command, server->world->now_us);
    if (misbehaves(server, printer, MISBEHAVE_DELIVER_TWICE)) {
        command->resend = true;
    }
    tell_command(command);
}

void commands_not_arrived(struct connect_printer *printer, int64_t id)
{
    for (struct connect_command *each = printer->running; each != NULL; each = each->next) {
        each->resend |= each->id == id && each->status == CONNECT_COMMAND_DELIVERED;
    }
}

/* ---- answers ---- */

void commands_seen_in_telemetry(struct connect_printer *printer)
{
    const struct connect_command *command = printer->running;
    if (command->status == CONNECT_COMMAND_ACCEPTED) {
        bool worked_on = printer->telemetry_command_id >= 0;
        printer->without_command = worked_on ? 0 : printer->without_command + 1;
    }
}

static struct connect_command *with_sent_id(struct connect_command *command, int64_t id)
{
    struct connect_command *found = NULL;
    for (; command != NULL; command = command->next) {
        if (command->sent_id == id || (id != 0 && command->id == id)) {
            found = command; /* the last one: history is oldest first */
        }
    }
    return found;
}

struct connect_command *command_by_sent_id(struct connect_printer *printer, int64_t id)
{
    struct connect_command *command = with_sent_id(printer->running, id);
    return command != NULL || id == 0 ? command : with_sent_id(printer->history_first, id);
}

/* What an event says about the command that it names. */
static enum connect_command_status meaning(const struct connect_command *command, const char *event)
{
    static const struct {
        const char *event;
        enum connect_command_status status;
    } meanings[] = {
        {"ACCEPTED", CONNECT_COMMAND_ACCEPTED},
        {"REJECTED", CONNECT_COMMAND_REJECTED},
        {"FAILED", CONNECT_COMMAND_FAILED},
        {"FINISHED", CONNECT_COMMAND_FINISHED},
        {"INFO", CONNECT_COMMAND_FINISHED},
        {"FILE_INFO", CONNECT_COMMAND_FINISHED},
        {"JOB_INFO", CONNECT_COMMAND_FINISHED},
        {"TRANSFER_INFO", CONNECT_COMMAND_FINISHED},
        /* Buddy printers end a command with what it led to (connect-buddy.md 6.3). */
        {"FILE_CHANGED", CONNECT_COMMAND_FINISHED},
        {"CANCELABLE_CHANGED", CONNECT_COMMAND_FINISHED},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strcmp(meanings[i].event, event) == 0) {
            return meanings[i].status;
        }
    }
    bool state_asked = strcmp(command->name, "SEND_STATE_INFO") == 0;
    return state_asked && strcmp(event, "STATE_CHANGED") == 0 ? CONNECT_COMMAND_FINISHED
                                                              : CONNECT_COMMAND_PENDING;
}

static void keep_answer(struct connect_command *command, const char *name, const cJSON *event,
                        struct slice body)
{
    command->answers_seen++;
    if (command->answer_count == CONNECT_ANSWERS_MAX) {
        return;
    }
    size_t more = sizeof *command->answers + body.size;
    if (connect_command_status_ended(command->status)) {
        command->printer->server->ended_bytes += more;
    }
    command->bytes += more;
    command->answers =
        memory_resize(command->answers, (command->answer_count + 1) * sizeof *command->answers);
    const char *source = json_string_of(event, "source");
    command->answers[command->answer_count++] = (struct connect_answer){
        .time_us = command->printer->server->world->now_us,
        .event = memory_copy_text(name),
        .source = memory_copy_text(source == NULL ? "" : source),
        .reason = memory_copy_text(json_string_of(event, "reason")),
        .body = memory_copy_slice(body.bytes, body.size),
        .delivery = command->deliveries,
    };
}

void commands_answered(struct connect_printer *printer, const cJSON *event, struct slice body)
{
    const char *name = json_string_of(event, "event");
    struct connect_command *command =
        command_by_sent_id(printer, json_whole_of(event, "command_id", 0));
    if (command == NULL) {
        return;
    }
    enum connect_command_status status = meaning(command, name);
    if (status == CONNECT_COMMAND_PENDING && command->sent_id == 0) {
        return; /* an event without any id, not an answer */
    }
    keep_answer(command, name, event, body);
    bool replacement = strcmp(name, "FINISHED") != 0 && status == CONNECT_COMMAND_FINISHED;
    if (replacement && misbehaves(printer->server, printer, MISBEHAVE_IGNORE_REPLACEMENT)) {
        return;
    }
    if (status == CONNECT_COMMAND_ACCEPTED && command->status == CONNECT_COMMAND_DELIVERED) {
        command->status = status;
        command->accepted_us = printer->server->world->now_us;
        printer->without_command = 0;
        tell_command(command);
    } else if (connect_command_status_ended(status) &&
               !connect_command_status_ended(command->status)) {
        end_command(command, status);
    }
}

/* ---- reading ---- */

struct connect_command *connect_server_command_by_id(struct connect_server *server, int64_t id)
{
    for (size_t i = 0; i < server->printer_count; i++) {
        struct connect_command *const lists[] = {server->printers[i]->running,
                                                 server->printers[i]->queue_first,
                                                 server->printers[i]->history_first};
        for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
            for (struct connect_command *command = lists[k]; command != NULL;
                 command = command->next) {
                if (command->id == id) {
                    return command;
                }
            }
        }
    }
    return NULL;
}

const struct connect_answer *connect_command_answer(const struct connect_command *command,
                                                    const char *event)
{
    for (size_t i = 0; i < command->answer_count; i++) {
        if (strcmp(command->answers[i].event, event) == 0) {
            return &command->answers[i];
        }
    }
    return NULL;
}

const struct connect_answer *connect_command_end(const struct connect_command *command)
{
    for (size_t i = 0; i < command->answer_count; i++) {
        if (connect_command_status_ended(meaning(command, command->answers[i].event))) {
            return &command->answers[i];
        }
    }
    return NULL;
}
