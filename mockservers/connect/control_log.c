/* The log as the control endpoint shows it: at once, or when it has grown. */
#include <stdio.h>
#include <stdlib.h>

#include "mockservers/connect/control_internal.h"
#include "sim/base/memory.h"

enum {
    LOG_LINES_MAX = 500,
    LOG_BYTES_MAX = 4 * 1024 * 1024,
    WAIT_SECONDS_MAX = 300,
    WAITING_MAX = 256,
};

/* A reader of the log who waits for it to grow. */
struct waiting {
    struct connect_control *control;
    struct http_exchange *exchange;
    uint64_t since;
    bool text;
    struct timer timer;
    struct waiting *next;
};

static bool log_has_more(const struct connect_control *control, uint64_t since)
{
    return connect_log_last(connect_server_log(control->server)) > since;
}

static void answer_log(struct connect_control *control, struct http_exchange *exchange,
                       uint64_t since, bool text)
{
    const struct connect_log *log = connect_server_log(control->server);
    struct buffer body = {0};
    uint64_t last = text ? connect_log_text(log, since, LOG_LINES_MAX, &body)
                         : connect_log_json(log, since, LOG_LINES_MAX, LOG_BYTES_MAX, &body);
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)last);
    struct http_reply reply = {.status = 200, .body = buffer_text(&body), .body_size = body.size};
    http_reply_header(&reply, "Content-Type", text ? "text/plain" : "application/x-ndjson");
    http_reply_header(&reply, "Log-Last", number);
    http_exchange_reply(exchange, &reply);
    buffer_free(&body);
}

static void waiting_free(struct waiting *waiting)
{
    struct connect_control *control = waiting->control;
    for (struct waiting **at = &control->waiting; *at != NULL; at = &(*at)->next) {
        if (*at == waiting) {
            *at = waiting->next;
            break;
        }
    }
    control->waiting_count--;
    world_cancel(connect_server_world(control->server), &waiting->timer);
    free(waiting);
}

static void answer_waiting(void *owner)
{
    struct waiting *waiting = owner;
    waiting->exchange->service_data = NULL;
    answer_log(waiting->control, waiting->exchange, waiting->since, waiting->text);
    waiting_free(waiting);
}

static void wake_waiting(void *owner)
{
    struct connect_control *control = owner;
    for (struct waiting *each = control->waiting, *next; each != NULL; each = next) {
        next = each->next;
        if (log_has_more(control, each->since)) {
            answer_waiting(each);
        }
    }
}

static void log_grew(struct connect_control *control)
{
    if (control->waiting != NULL && !timer_armed(&control->wake)) {
        world_arm_in(connect_server_world(control->server), &control->wake, 0);
    }
}

static void saw_reply(void *owner, uint32_t connection, struct connect_printer *printer,
                      const struct http_message *reply)
{
    (void)connection, (void)printer, (void)reply;
    log_grew(owner);
}

static void saw_nothing(void *owner, uint32_t connection, enum connect_unanswered why)
{
    (void)connection, (void)why;
    log_grew(owner);
}

void control_get_log(struct call *call)
{
    struct connect_control *control = call->control;
    uint64_t since, wait_s;
    if (connect_server_log(control->server) == NULL) {
        control_complain(call, 404, "the server keeps no log");
        return;
    }
    if (!control_query_number(call, "since", 0, &since) ||
        !control_query_number(call, "wait", 0, &wait_s)) {
        return;
    }
    bool text = slice_is(control_query_value(call, "format"), "text");
    if (wait_s > WAIT_SECONDS_MAX) {
        control_complain(call, 400, "wait=%llu: at most %d seconds", (unsigned long long)wait_s,
                         WAIT_SECONDS_MAX);
        return;
    }
    if (wait_s == 0 || log_has_more(control, since) || control->waiting_count == WAITING_MAX) {
        answer_log(control, call->exchange, since, text);
        return;
    }
    struct waiting *waiting = memory_new(sizeof *waiting);
    *waiting = (struct waiting){.control = control,
                                .exchange = call->exchange,
                                .since = since,
                                .text = text,
                                .next = control->waiting};
    control->waiting = waiting;
    control->waiting_count++;
    call->exchange->service_data = waiting;
    timer_init(&waiting->timer, answer_waiting, waiting);
    world_arm_in(connect_server_world(control->server), &waiting->timer, SECONDS((int64_t)wait_s));
}

void control_log_init(struct connect_control *control)
{
    control->observer =
        (struct connect_observer){.reply = saw_reply, .unanswered = saw_nothing, .owner = control};
    timer_init(&control->wake, wake_waiting, control);
    connect_server_observe(control->server, &control->observer);
}

void control_log_free(struct connect_control *control)
{
    while (control->waiting != NULL) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list
        waiting_free(control->waiting);
    }
    world_cancel(connect_server_world(control->server), &control->wake);
    connect_server_unobserve(control->server, &control->observer);
}

void control_log_gone(struct http_exchange *exchange)
{
    if (exchange->service_data != NULL) {
        waiting_free(exchange->service_data);
    }
}
