#include "harness/clients/link_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/wire/http_head.h"

#define CONNECT_TIMEOUT_US SECONDS(10) /* as PrusaSlicer has it (8.1) */
#define IDLE_TIMEOUT_US    SECONDS(30)

enum { REPLY_BYTES_MAX = 4 * 1024 * 1024 };

const char *link_outcome_name(enum link_outcome outcome)
{
    static const char *const names[] = {"ok",         "connect",    "tls",       "timeout",
                                        "broken",     "not_http",   "too_large", "unauthorized",
                                        "not_found",  "conflict",   "refused",   "failed",
                                        "unexpected", "wrong_json", "source",    "sink"};
    return names[outcome];
}

bool link_outcome_passes(enum link_outcome outcome)
{
    return outcome == LINK_CONNECT || outcome == LINK_TIMEOUT || outcome == LINK_BROKEN ||
           outcome == LINK_NOT_HTTP || outcome == LINK_FAILED;
}

/* ---- Calls in a row ---- */

static void arm_turn(struct link_client *client)
{
    if (!client->busy && client->first != NULL) {
        world_arm_in(client->world, &client->turn, 0);
    }
}

static void call_free(struct link_call *call)
{
    world_cancel(call->client->world, &call->alarm);
    link_call_upload_free(call->upload);
    free(call->method);
    free(call->target);
    free(call->own_trouble);
    buffer_free(&call->headers);
    buffer_free(&call->memory);
    free(call);
}

static void unlink_from(struct link_call **list, struct link_call *call)
{
    while (*list != call) {
        list = &(*list)->next;
    }
    *list = call->next;
    call->next = NULL;
}

static void dequeue(struct link_call *call)
{
    struct link_client *client = call->client;
    unlink_from(&client->first, call);
    client->last = client->first;
    while (client->last != NULL && client->last->next != NULL) {
        client->last = client->last->next;
    }
}

struct link_call *link_call_queue(struct link_call *call)
{
    struct link_client *client = call->client;
    if (client->last != NULL) {
        client->last->next = call;
    } else {
        client->first = call;
    }
    client->last = call;
    arm_turn(client);
    return call;
}

static void wake_up(void *owner)
{
    struct link_call *call = owner;
    unlink_from(&call->client->asleep, call);
    call->asleep = false;
    call->begun = false;
    call->refusals = 0;
    link_call_queue(call);
}

static void fall_asleep(struct link_call *call)
{
    struct link_client *client = call->client;
    call->asleep = true;
    call->next = client->asleep;
    client->asleep = call;
    world_arm_in(client->world, &call->alarm, call->follow.period_us);
}

struct link_call *link_call_new(struct link_client *client, enum link_call_kind kind,
                                const char *method, char *target, link_done *done, void *owner)
{
    struct link_call *call = memory_new(sizeof *call);
    call->client = client;
    call->kind = kind;
    call->method = memory_copy_text(method);
    call->target = target;
    call->done = done;
    call->owner = owner;
    call->trouble_since_us = -1;
    timer_init(&call->alarm, wake_up, call);
    return call;
}

void link_call_header(struct link_call *call, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_append(&call->headers, line, strlen(line) + 1);
}

void link_call_cancel(struct link_call *call)
{
    struct link_client *client = call->client;
    if (call->asleep) {
        unlink_from(&client->asleep, call);
    } else {
        if (client->busy && client->first == call) {
            client->transport->class->cancel(client->channel);
            client->busy = false;
        }
        dequeue(call);
        arm_turn(client);
    }
    call_free(call);
}

/* ---- Ends ---- */

static void fill_result(struct link_call *call, struct link_result *result)
{
    const struct link_client *client = call->client;
    result->status = client->headed ? client->message.status : 0;
    result->head = client->headed ? &client->message : NULL;
    result->body = buffer_text(&client->body);
    result->body_size = client->body.size;
    result->title = result->text = "";
    result->sent = call->sent;
    result->received = call->received;
    result->attempts = call->attempts;
    const char *first = result->body + strspn(result->body, " \t\r\n");
    if (*first == '{' || *first == '[') {
        result->json = cJSON_ParseWithLength(result->body, result->body_size);
    }
}

/* Tell the end and go on with the next one. The callback may destroy the client. */
static void end_call(struct link_call *call, enum link_outcome outcome, const char *why)
{
    struct link_client *client = call->client;
    struct link_readings readings = {0};
    struct link_result result = {.outcome = outcome};
    fill_result(call, &result);
    if (call->preparing) {
        result.sent = 0;
    }
    char line[400];
    struct error error;
    if (outcome == LINK_OK && !call->any_status &&
        !link_call_read(&readings, client->flavour, call->kind, &result, &error)) {
        result.outcome = LINK_WRONG_JSON;
        snprintf(line, sizeof line, "%.*s", (int)sizeof line - 1, error.text);
    } else {
        snprintf(line, sizeof line, "%s", why);
    }
    if (result.status >= 400) {
        link_call_read_error(&readings, &result);
        const char *more = *result.text != '\0' ? result.text : result.title;
        int number = atoi(more); /* Buddy's texts begin with it: "401: Unauthorized" */
        more += number == result.status ? strspn(more, "0123456789: ") : 0;
        snprintf(line, sizeof line, "%d %.300s", result.status,
                 *more != '\0' ? more : http_reason(result.status));
    }
    result.why = line;
    result.stored =
        call->upload != NULL && !call->preparing && link_call_upload_stored(call, &result);
    client->busy = false;
    dequeue(call);
    bool goes_on = call->follows && link_call_follow_on(call, &result);
    if (goes_on) {
        fall_asleep(call);
    }
    arm_turn(client);
    struct buffer body = client->body; /* outlives the client, if the callback destroys it */
    struct buffer head = client->head;
    struct http_message message = client->message;
    client->body = client->head = (struct buffer){0};
    if (result.head != NULL) {
        result.head = &message;
    }
    if (!goes_on) {
        link_done *done = call->done;
        void *owner = call->owner;
        call_free(call);
        done(owner, &result);
    }
    cJSON_Delete(result.json);
    link_call_readings_free(&readings);
    buffer_free(&body);
    buffer_free(&head);
}

static enum link_outcome outcome_of_status(const struct link_call *call, int status)
{
    if (call->any_status || (status >= 200 && status < 300) ||
        (status == 304 && call->unmodified_is_ok)) {
        return LINK_OK;
    }
    switch (status) {
    case 401:
        return LINK_UNAUTHORIZED;
    case 403:
        return call->client->api_key != NULL ? LINK_UNAUTHORIZED : LINK_REFUSED;
    case 404:
    case 410:
        return LINK_NOT_FOUND;
    case 409:
        return LINK_CONFLICT;
    case 507:
        return LINK_REFUSED;
    default:
        return status >= 500 && status < 600   ? LINK_FAILED
               : status >= 400 && status < 500 ? LINK_REFUSED
                                               : LINK_UNEXPECTED;
    }
}

static enum link_outcome outcome_of_problem(enum link_problem problem)
{
    static const enum link_outcome outcomes[] = {LINK_CONNECT,  LINK_CONNECT, LINK_TLS,
                                                 LINK_TIMEOUT,  LINK_BROKEN,  LINK_BROKEN,
                                                 LINK_NOT_HTTP, LINK_SOURCE,  LINK_SINK};
    return outcomes[problem];
}

/* ---- Requests ---- */

static void trace_request(const struct link_client *client, const char *method, const char *target,
                          const char *const *headers)
{
    if (client->world->trace == NULL) {
        return;
    }
    struct buffer text = {0};
    http_write_request(&text, method, target);
    for (; *headers != NULL; headers++) {
        buffer_format(&text, "%s\r\n", *headers);
    }
    http_write_end(&text);
    trace_http(client->world, client->name, client->peer, 1, "request", text.bytes, text.size);
    buffer_free(&text);
}

enum { LINES_MAX = 24 };

static void send_request(struct link_call *call)
{
    struct link_client *client = call->client;
    if (client->flavour == LINK_FLAVOUR_SLA && !call->preparing &&
        !link_sla_translate(call, &call->trouble)) {
        end_call(call, LINK_REFUSED, call->trouble);
        return;
    }
    const char *method = call->preparing ? "GET" : call->method;
    const char *target = call->preparing ? "/api/version" : call->target;
    struct buffer lines = {0};
    link_call_line(&lines, "User-Agent", client->user_agent);
    /* First, so that Buddy answers errors in JSON as well (3.1). */
    link_call_line(&lines, "Accept", call->sink.write != NULL ? "*/*" : "application/json");
    link_call_credentials(call, &lines, method, target);
    if (!call->preparing) {
        buffer_append(&lines, call->headers.bytes, call->headers.size);
    }
    const char *headers[LINES_MAX + 1];
    size_t count = 0;
    for (size_t at = 0; at < lines.size && count < LINES_MAX; at += strlen(lines.bytes + at) + 1) {
        headers[count++] = lines.bytes + at;
    }
    headers[count] = NULL;
    trace_request(client, method, target, headers);
    buffer_clear(&client->head);
    buffer_clear(&client->body);
    client->headed = client->too_large = client->sink_refused = false;
    call->attempts++;
    call->sent = call->received = 0;
    struct link_message message = {.method = method,
                                   .target = target,
                                   .headers = headers,
                                   .body =
                                       call->has_body && !call->preparing ? &call->source : NULL,
                                   .empty_body = call->empty_body && !call->preparing,
                                   .connect_timeout_us = client->connect_timeout_us,
                                   .idle_timeout_us = client->idle_timeout_us};
    client->transport->class->begin(client->channel, &message);
    buffer_free(&lines);
}

/* A body goes out once, if that can be helped: the server is asked first, where it is not known or
 * the nonce is old. */
static bool needs_preparation(const struct link_call *call)
{
    const struct link_client *client = call->client;
    return call->upload != NULL && (!client->version_known || link_client_wants_nonce(client));
}

static void begin_call(void *owner)
{
    struct link_client *client = owner;
    struct link_call *call = client->first;
    assert(!client->busy && call != NULL);
    client->busy = true;
    call->begun = true;
    client->headed = false;
    buffer_clear(&client->body);
    if (call->trouble != NULL || call->own_trouble != NULL) {
        end_call(call, call->own_trouble != NULL ? LINK_SOURCE : LINK_REFUSED,
                 call->own_trouble != NULL ? call->own_trouble : call->trouble);
        return;
    }
    call->preparing = needs_preparation(call);
    if (call->upload != NULL && !call->preparing && !link_call_upload_begin(call)) {
        end_call(call, LINK_REFUSED, "this path can't be uploaded to");
        return;
    }
    send_request(call);
}

/* ---- Replies ---- */

static bool on_head(void *owner, const struct http_message *message)
{
    struct link_client *client = owner;
    struct http_head head;
    buffer_clear(&client->head);
    buffer_append(&client->head, message->head.bytes, message->head.size);
    client->message = (struct http_message){0};
    client->headed = http_head_parse(&client->message, false, 0, client->head.bytes,
                                     client->head.size, &head) == HTTP_HEAD_DONE;
    client->message.head = (struct slice){client->head.bytes, client->head.size};
    return client->headed;
}

static bool on_body(void *owner, const char *bytes, size_t size)
{
    struct link_client *client = owner;
    struct link_call *call = client->first;
    int status = client->message.status;
    if (call->sink.write != NULL && status >= 200 && status < 300) {
        client->too_large =
            call->sink.bytes_max > 0 && size > call->sink.bytes_max - call->received;
        if (client->too_large) {
            return false;
        }
        call->received += size;
        client->sink_refused = !call->sink.write(call->sink.owner, bytes, size);
        return !client->sink_refused;
    }
    client->too_large = size > client->reply_bytes_max - client->body.size;
    if (!client->too_large) {
        buffer_append(&client->body, bytes, size);
    }
    return !client->too_large;
}

static void on_sent(void *owner, uint64_t body_bytes)
{
    struct link_client *client = owner;
    struct link_call *call = client->first;
    if (!call->preparing) {
        link_call_upload_progress(call, body_bytes);
    }
}

/* What an answer to /api/version says about the server. */
static bool learn_version(struct link_client *client, struct error *error)
{
    struct link_result result = {
        .json = cJSON_ParseWithLength(buffer_text(&client->body), client->body.size)};
    struct link_readings readings = {0};
    bool good = link_call_read(&readings, client->flavour, LINK_CALL_VERSION, &result, error);
    if (good) {
        client->flavour = result.version->flavour;
        client->upload_by_put = result.version->upload_by_put;
        client->version_known = true;
    }
    cJSON_Delete(result.json);
    link_call_readings_free(&readings);
    return good;
}

static void prepared(struct link_call *call)
{
    struct error error;
    if (!learn_version(call->client, &error)) {
        end_call(call, LINK_WRONG_JSON, error.text);
        return;
    }
    call->preparing = false;
    call->refusals = 0;
    if (call->upload == NULL || link_call_upload_begin(call)) {
        send_request(call);
    } else {
        end_call(call, LINK_REFUSED, "this path can't be uploaded to");
    }
}

static void on_done(void *owner)
{
    struct link_client *client = owner;
    struct link_call *call = client->first;
    if (client->world->trace != NULL) {
        struct buffer text = {0};
        buffer_append(&text, client->head.bytes, client->head.size);
        buffer_append(&text, client->body.bytes, client->body.size);
        trace_http(client->world, client->peer, client->name, 1, "reply", text.bytes, text.size);
        buffer_free(&text);
    }
    int status = client->message.status;
    const char *why = "";
    if (status == 401 && link_call_try_again(call, &why)) {
        send_request(call);
        return;
    }
    /* With a key no challenge has told whose server it is, and SL1 has none of what was asked for.
     */
    bool strange = status == 404 && client->api_key != NULL &&
                   client->flavour == LINK_FLAVOUR_UNKNOWN && !client->version_known;
    if (strange && !call->preparing && call->kind != LINK_CALL_PLAIN &&
        call->kind != LINK_CALL_VERSION) {
        call->preparing = true;
        send_request(call);
        return;
    }
    enum link_outcome outcome = outcome_of_status(call, status);
    if (outcome == LINK_OK && call->preparing) {
        prepared(call);
        return;
    }
    if (outcome == LINK_OK && call->kind == LINK_CALL_VERSION) {
        learn_version(client, NULL);
    }
    if (outcome == LINK_UNEXPECTED) {
        why = "a status that has no meaning here";
    }
    end_call(call, outcome, why);
}

static void on_failed(void *owner, enum link_problem problem, const char *why)
{
    struct link_client *client = owner;
    struct link_call *call = client->first;
    enum link_outcome outcome = client->too_large ? LINK_TOO_LARGE : outcome_of_problem(problem);
    trace_note(client->world, client->name, "%s: %s", link_outcome_name(outcome), why);
    if (problem == LINK_PROBLEM_STOPPED && !client->too_large && !client->sink_refused) {
        outcome = LINK_NOT_HTTP; /* its head could not be read */
    }
    end_call(call, outcome,
             client->too_large      ? "the reply is larger than allowed"
             : client->sink_refused ? "what was downloaded could not be kept"
                                    : why);
}

static const struct link_transport_events transport_events = {
    .sent = on_sent, .head = on_head, .body = on_body, .done = on_done, .failed = on_failed};

/* ---- Clients ---- */

struct link_client *link_client_new(struct link_transport *transport,
                                    const struct link_client_settings *settings,
                                    struct error *error)
{
    struct endpoint to;
    const char *path = NULL;
    if (!endpoint_parse(&to, settings->url, &path, error)) {
        return NULL;
    }
    if (path != NULL && *path != '\0' && strcmp(path, "/") != 0) {
        error_set(error, "%s: a path behind the address is not possible", settings->url);
        return NULL;
    }
    struct link_client *client = memory_new(sizeof *client);
    client->transport = transport;
    client->world = transport->world;
    client->to = to;
    client->url = memory_copy_text(settings->url);
    client->user = memory_copy_text(settings->password != NULL ? settings->user : NULL);
    client->password = memory_copy_text(settings->password);
    client->api_key = memory_copy_text(settings->api_key);
    client->name = memory_copy_text(settings->name != NULL ? settings->name : "link-client");
    client->user_agent = memory_copy_text(settings->user_agent != NULL ? settings->user_agent
                                                                       : "hotbed/" HOTBED_VERSION);
    struct buffer peer = {0};
    buffer_format(&peer, "%s:%u", to.host, endpoint_port(&to));
    client->peer = buffer_detach(&peer);
    client->connect_timeout_us =
        settings->connect_timeout_us != 0 ? settings->connect_timeout_us : CONNECT_TIMEOUT_US;
    client->idle_timeout_us =
        settings->idle_timeout_us != 0 ? settings->idle_timeout_us : IDLE_TIMEOUT_US;
    client->reply_bytes_max =
        settings->reply_bytes_max != 0 ? settings->reply_bytes_max : REPLY_BYTES_MAX;
    client->random = random_of(client->world->seed ^ (uint64_t)world_wall_us(client->world),
                               endpoint_port(&to) + UINT64_C(0x6c696e6b));
    timer_init(&client->turn, begin_call, client);
    client->channel = transport->class->open(transport, &client->to, &transport_events, client);
    return client;
}

void link_client_destroy(struct link_client *client)
{
    if (client == NULL) {
        return;
    }
    client->transport->class->close(client->channel);
    world_cancel(client->world, &client->turn);
    for (struct link_call *lists[] = {client->first, client->asleep}, **list = lists;
         list < lists + 2; list++) {
        for (struct link_call *call = *list, *next; call != NULL; call = next) {
            next = call->next;
            call_free(call);
        }
    }
    if (client->challenged) {
        digest_challenge_free(&client->challenge);
    }
    char *texts[] = {client->url,  client->user,       client->password, client->api_key,
                     client->name, client->user_agent, client->peer};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        free(texts[i]);
    }
    buffer_free(&client->head);
    buffer_free(&client->body);
    free(client);
}

const char *link_client_url(const struct link_client *client)
{
    return client->url;
}

enum link_flavour link_client_flavour(const struct link_client *client)
{
    return client->flavour;
}

size_t link_client_waiting(const struct link_client *client)
{
    size_t count = 0;
    for (const struct link_call *call = client->first; call != NULL; call = call->next) {
        count++;
    }
    for (const struct link_call *call = client->asleep; call != NULL; call = call->next) {
        count++;
    }
    return count;
}
