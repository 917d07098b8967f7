/* The control endpoint: requests, who serves them, and what they see of printers, commands and
 * misbehaviours. */
#include "mockservers/connect/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/control_internal.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"

enum {
    BODY_BYTES_MAX = 64 * 1024 * 1024, /* a file */
    MISBEHAVIOURS_SHOWN = 64,
};

/* ---- answers ---- */

static void answer(struct http_exchange *exchange, int status, const char *type, const char *body,
                   size_t size)
{
    struct http_reply reply = {.status = status, .body = body, .body_size = size};
    http_reply_header(&reply, "Content-Type", type);
    http_exchange_reply(exchange, &reply);
}

void control_answer_json(struct call *call, int status, cJSON *json)
{
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    struct buffer body = {0};
    const char *shown = text == NULL ? "null" : text;
    trace_redact_json(&body, shown, strlen(shown));
    buffer_append_char(&body, '\n');
    free(text);
    answer(call->exchange, status, "application/json", body.bytes, body.size);
    buffer_free(&body);
}

void control_complain(struct call *call, int status, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "error", text);
    control_answer_json(call, status, json);
}

/* ---- reading ---- */

static bool read_number(struct slice text, uint64_t *number)
{
    if (text.size == 0 || text.size > 18) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return true;
}

struct slice control_query_value(const struct call *call, const char *name)
{
    const char *at = call->query.bytes, *end = at + call->query.size;
    size_t length = strlen(name);
    while (at < end) {
        const char *and = memchr(at, '&', (size_t)(end - at));
        const char *stop = and == NULL ? end : and;
        if ((size_t)(stop - at) > length && memcmp(at, name, length) == 0 && at[length] == '=') {
            return (struct slice){at + length + 1, (size_t)(stop - at) - length - 1};
        }
        at = stop + 1;
    }
    return (struct slice){"", 0};
}

bool control_query_number(struct call *call, const char *name, uint64_t fallback, uint64_t *number)
{
    struct slice text = control_query_value(call, name);
    *number = fallback;
    if (text.size == 0 || read_number(text, number)) {
        return true;
    }
    control_complain(call, 400, "%s=%.*s: expected a whole number", name, (int)text.size,
                     text.bytes);
    return false;
}

struct connect_printer *control_read_printer(struct call *call)
{
    uint64_t number;
    struct connect_server *server = call->control->server;
    struct slice text = call->segments[1];
    if (read_number(text, &number) && number >= 1 &&
        number <= connect_server_printer_count(server)) {
        return connect_server_printer(server, (size_t)number - 1);
    }
    char fingerprint[65]; /* who drives us from another process knows no numbers */
    snprintf(fingerprint, sizeof fingerprint, "%.*s", (int)text.size, text.bytes);
    struct connect_printer *printer = connect_server_by_fingerprint(server, fingerprint);
    if (printer == NULL) {
        control_complain(call, 404, "no printer \"%.*s\"; GET /printers lists them", (int)text.size,
                         text.bytes);
    }
    return printer;
}

cJSON *control_read_body(struct call *call)
{
    cJSON *body = cJSON_ParseWithLength(call->message->body.bytes, call->message->body.size);
    if (!cJSON_IsObject(body)) {
        cJSON_Delete(body);
        control_complain(call, 400, "expected a JSON object as the body");
        return NULL;
    }
    return body;
}

/* ---- printers and commands ---- */

static void get_printers(struct call *call)
{
    struct connect_server *server = call->control->server;
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < connect_server_printer_count(server); i++) {
        cJSON_AddItemToArray(list, connect_printer_json(connect_server_printer(server, i), false));
    }
    control_answer_json(call, 200, list);
}

static void get_printer(struct call *call)
{
    struct connect_printer *printer = control_read_printer(call);
    if (printer != NULL) {
        control_answer_json(call, 200, connect_printer_json(printer, true));
    }
}

static void post_add(struct call *call)
{
    struct connect_printer *printer = control_read_printer(call);
    if (printer == NULL) {
        return;
    }
    if (!connect_printer_add(printer)) {
        control_complain(call, 400, "printer %u shows no code: it is %s", printer->number,
                         printer->token != NULL ? "registered already" : "not registering");
        return;
    }
    control_answer_json(call, 200, connect_printer_json(printer, false));
}

static void post_command(struct call *call)
{
    struct connect_printer *printer = control_read_printer(call);
    cJSON *body = printer == NULL ? NULL : control_read_body(call);
    if (body == NULL) {
        return;
    }
    struct error error;
    struct connect_command *command =
        connect_server_command_json(call->control->server, printer, body, &error);
    cJSON_Delete(body);
    if (command == NULL) {
        control_complain(call, 400, "%s", error.text);
        return;
    }
    control_answer_json(call, 201, connect_command_json(command));
}

static void get_printer_commands(struct call *call)
{
    struct connect_printer *printer = control_read_printer(call);
    if (printer == NULL) {
        return;
    }
    cJSON *list = cJSON_CreateArray();
    const struct connect_command *const lists[] = {printer->history_first, printer->running,
                                                   printer->queue_first};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const struct connect_command *each = lists[i]; each != NULL; each = each->next) {
            cJSON_AddItemToArray(list, connect_command_json(each));
        }
    }
    control_answer_json(call, 200, list);
}

static struct connect_command *read_command(struct call *call)
{
    uint64_t id;
    struct slice text = call->segments[1];
    struct connect_command *command =
        read_number(text, &id) ? connect_server_command_by_id(call->control->server, (int64_t)id)
                               : NULL;
    if (command == NULL) {
        control_complain(call, 404, "no command \"%.*s\"", (int)text.size, text.bytes);
    }
    return command;
}

static void get_command(struct call *call)
{
    struct connect_command *command = read_command(call);
    if (command != NULL) {
        control_answer_json(call, 200, connect_command_json(command));
    }
}

static void delete_command(struct call *call)
{
    struct connect_command *command = read_command(call);
    if (command == NULL) {
        return;
    }
    if (!connect_command_give_up(command)) {
        control_complain(call, 400, "the command has ended already");
        return;
    }
    control_answer_json(call, 200, connect_command_json(command));
}

/* ---- misbehaviours ---- */

static void get_misbehave(struct call *call)
{
    const char *on[MISBEHAVIOURS_SHOWN];
    size_t on_count = connect_server_misbehaviours(call->control->server, on, MISBEHAVIOURS_SHOWN);
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "on");
    for (size_t i = 0; i < on_count && i < MISBEHAVIOURS_SHOWN; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(on[i]));
    }
    size_t count;
    const struct connect_misbehaviour *known = connect_misbehaviour_list(&count);
    cJSON *names = cJSON_AddArrayToObject(json, "known");
    for (size_t i = 0; i < count; i++) {
        cJSON *each = cJSON_CreateObject();
        cJSON_AddStringToObject(each, "name", known[i].name);
        if (known[i].argument != NULL) {
            cJSON_AddStringToObject(each, "argument", known[i].argument);
        }
        cJSON_AddStringToObject(each, "help", known[i].help);
        cJSON_AddItemToArray(names, each);
    }
    control_answer_json(call, 200, json);
}

static void post_misbehave(struct call *call)
{
    struct connect_server *server = call->control->server;
    cJSON *body = control_read_body(call);
    if (body == NULL) {
        return;
    }
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "name"));
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(body, "printer");
    struct connect_printer *printer = NULL;
    struct error error = {"expected {\"name\": \"NAME[=ARG][:TIMES][%PERCENT]\"}"};
    bool good = name != NULL;
    if (good && number != NULL) {
        size_t count = connect_server_printer_count(server);
        good = cJSON_IsNumber(number) && number->valuedouble >= 1 &&
               number->valuedouble <= (double)count;
        printer = good ? connect_server_printer(server, (size_t)number->valuedouble - 1) : NULL;
        good = good || error_set(&error, "\"printer\": expected the number of a printer");
    }
    good = good && connect_server_misbehave(server, printer, name, &error);
    cJSON_Delete(body);
    if (!good) {
        control_complain(call, 400, "%s", error.text);
        return;
    }
    get_misbehave(call);
}

static void delete_misbehave(struct call *call)
{
    char name[64] = "";
    if (call->segment_count == 2) {
        snprintf(name, sizeof name, "%.*s", (int)call->segments[1].size, call->segments[1].bytes);
        if (connect_misbehaviour_find(name) == NULL) {
            control_complain(call, 404, "no misbehaviour \"%s\"; GET /misbehave lists them", name);
            return;
        }
    }
    connect_server_behave(call->control->server, NULL, *name == '\0' ? NULL : name);
    get_misbehave(call);
}

/* ---- exercises ---- */

static void get_exercise(struct call *call)
{
    control_answer_json(call, 200, connect_exercise_json(call->control->exercise));
}

static void put_exercise(struct call *call)
{
    struct error error;
    cJSON *list = cJSON_ParseWithLength(call->message->body.bytes, call->message->body.size);
    bool set = connect_exercise_set(call->control->exercise, list, &error);
    cJSON_Delete(list);
    if (!set) {
        control_complain(call, 400, "%s", error.text);
        return;
    }
    get_exercise(call);
}

static void get_contract(struct call *call)
{
    if (call->control->report == NULL) {
        control_complain(call, 404, "nobody judges this server's conversations");
        return;
    }
    struct buffer text = {0};
    call->control->report(call->control->report_owner, &text);
    answer(call->exchange, 200, "text/plain", buffer_text(&text), text.size);
    buffer_free(&text);
}

/* ---- routes ---- */

static void get_index(struct call *call);

static const struct route {
    const char *method;
    const char *path; /* "*" stands for one segment */
    void (*serve)(struct call *call);
    const char *help;
} routes[] = {
    {"GET", "", get_index, "this list"},
    {"GET", "printers", get_printers, "all printers and what is believed of them"},
    {"GET", "printers/*", get_printer, "one of them, with its files"},
    {"POST", "printers/*/add", post_add, "its user adds it: its next poll gets the token"},
    {"POST", "printers/*/commands", post_command,
     "queue {\"command\": NAME, \"kwargs\": {...}} or {\"gcode\": TEXT, \"force\": BOOL}"},
    {"GET", "printers/*/commands", get_printer_commands, "its commands: ended, running, queued"},
    {"POST", "printers/*/downloads", control_post_download,
     "let it fetch {\"hash\": HASH, \"path\": PATH, \"how\": \"connect\", \"encrypted\" or "
     "\"inline\"}"},
    {"GET", "files", control_get_files, "files that are offered, and what of them went out"},
    {"POST", "files", control_post_file, "offer the body: ?name=NAME&team_id=N"},
    {"PUT", "files/*/manner", control_put_manner,
     "how it is handed out from now on: {\"cut\": BYTES, \"status\": N, …}; {}: properly"},
    {"GET", "commands/*", get_command, "one command and every answer to it"},
    {"DELETE", "commands/*", delete_command, "take it back, or give it up"},
    {"GET", "log", control_get_log,
     "exchanges as lines of JSON: ?since=N&wait=SECONDS&format=text"},
    {"GET", "misbehave", get_misbehave, "how the server can misbehave, and what is on"},
    {"POST", "misbehave", post_misbehave,
     "switch on {\"name\": \"NAME[=ARG][:TIMES][%PERCENT]\", \"printer\": N}"},
    {"DELETE", "misbehave", delete_misbehave, "switch all off"},
    {"DELETE", "misbehave/*", delete_misbehave, "switch one off"},
    {"GET", "exercise", get_exercise, "the commands that all printers get again and again"},
    {"PUT", "exercise", put_exercise,
     "the same anew: [{\"every\": \"30s\", \"command\": NAME}, ...]"},
    {"GET", "contract", get_contract, "what kept the contract so far, and what broke it"},
};

static void get_index(struct call *call)
{
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        buffer_format(&text, "%-6s /%-20s %s\n", routes[i].method, routes[i].path, routes[i].help);
    }
    answer(call->exchange, 200, "text/plain", text.bytes, text.size);
    buffer_free(&text);
}

/* Whether the segments are those of the pattern. */
static bool path_is(const struct call *call, const char *pattern)
{
    size_t i = 0;
    while (*pattern != '\0' && i < call->segment_count) {
        size_t size = strcspn(pattern, "/");
        struct slice segment = call->segments[i++];
        bool any = size == 1 && *pattern == '*';
        if (!any && (segment.size != size || memcmp(segment.bytes, pattern, size) != 0)) {
            return false;
        }
        pattern += size;
        pattern += *pattern == '/';
    }
    return *pattern == '\0' && i == call->segment_count;
}

static bool split_target(struct call *call)
{
    struct slice target = call->message->target;
    const char *mark = memchr(target.bytes, '?', target.size);
    const char *end = mark == NULL ? target.bytes + target.size : mark;
    call->query = mark == NULL
                      ? (struct slice){"", 0}
                      : (struct slice){mark + 1, target.size - (size_t)(end - target.bytes) - 1};
    for (const char *at = target.bytes; at < end;) {
        at += *at == '/';
        const char *slash = at == end ? NULL : memchr(at, '/', (size_t)(end - at));
        const char *stop = slash == NULL ? end : slash;
        if (stop > at && call->segment_count == CONTROL_SEGMENTS_MAX) {
            return false;
        }
        if (stop > at) {
            call->segments[call->segment_count++] = (struct slice){at, (size_t)(stop - at)};
        }
        at = stop;
    }
    return true;
}

static void request_came(void *service, struct http_exchange *exchange,
                         const struct http_message *message)
{
    struct call call = {.control = service, .exchange = exchange, .message = message};
    exchange->service_data = NULL;
    bool path_known = false;
    bool split = split_target(&call);
    for (size_t i = 0; split && i < sizeof routes / sizeof routes[0]; i++) {
        if (path_is(&call, routes[i].path)) {
            path_known = true;
            if (slice_is(message->method, routes[i].method)) {
                routes[i].serve(&call);
                return;
            }
        }
    }
    control_complain(&call, path_known ? 405 : 404, "%.*s %.*s: %s; GET / lists what there is",
                     (int)message->method.size, message->method.bytes,
                     (int)(message->target.size < 200 ? message->target.size : 200),
                     message->target.bytes, path_known ? "not with this method" : "not here");
}

static void exchange_gone(void *service, struct http_exchange *exchange)
{
    (void)service;
    control_log_gone(exchange);
}

/* ---- life ---- */

struct connect_control *connect_control_new(struct connect_server *server)
{
    struct connect_control *control = memory_new(sizeof *control);
    control->server = server;
    control->service = (struct http_service){
        .request = request_came,
        .gone = exchange_gone,
        .service = control,
        .body_bytes_max = BODY_BYTES_MAX,
    };
    control->exercise = connect_exercise_new(server);
    control_log_init(control);
    return control;
}

void connect_control_destroy(struct connect_control *control)
{
    if (control == NULL) {
        return;
    }
    control_log_free(control);
    connect_exercise_destroy(control->exercise);
    free(control);
}

struct http_service *connect_control_service(struct connect_control *control)
{
    return &control->service;
}

void connect_control_set_report(struct connect_control *control,
                                void (*report)(void *owner, struct buffer *out), void *owner)
{
    control->report = report;
    control->report_owner = owner;
}
