#ifndef HOTBED_MOCKSERVERS_CONNECT_CONTROL_INTERNAL_H
#define HOTBED_MOCKSERVERS_CONNECT_CONTROL_INTERNAL_H

#include "mockservers/connect/control.h"
#include "mockservers/connect/exercise.h"
#include "mockservers/connect/internal.h"

/* Shared by control.c (requests and who serves them) and control_log.c (the log and who waits for
 * it); nobody else's business. */

enum { CONTROL_SEGMENTS_MAX = 4 };

struct waiting;

struct connect_control {
    struct connect_server *server;
    struct http_service service;
    struct connect_observer observer;
    struct connect_exercise *exercise;
    struct timer wake; /* answers who waits, after the exchange that grew the log is over */
    struct waiting *waiting;
    size_t waiting_count;
    void (*report)(void *owner, struct buffer *out);
    void *report_owner;
};

/* One request as its handler sees it. */
struct call {
    struct connect_control *control;
    struct http_exchange *exchange;
    const struct http_message *message;
    struct slice segments[CONTROL_SEGMENTS_MAX]; /* "printers", "1", "commands" */
    size_t segment_count;
    struct slice query;
};

/* Answer with the reason for a refusal. */
void control_complain(struct call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void control_answer_json(struct call *call, int status, cJSON *json); /* takes the JSON */
/* The printer that the second segment names, and the body as an object, which is the caller's: NULL
 * has complained already. */
struct connect_printer *control_read_printer(struct call *call);
cJSON *control_read_body(struct call *call);

/* control_files.c */
void control_get_files(struct call *call);
void control_post_file(struct call *call);
void control_put_manner(struct call *call);
void control_post_download(struct call *call);

/* The value of "name=" in the query; size 0: not there. */
struct slice control_query_value(const struct call *call, const char *name);
/* A number in the query, or the fallback when it is not there; complains about anything else. */
bool control_query_number(struct call *call, const char *name, uint64_t fallback, uint64_t *number);

/* The part of the control that watches the log grow. */
void control_log_init(struct connect_control *control);
void control_log_free(struct connect_control *control);

/* GET /log: answers, or lets the exchange wait in its service_data. */
void control_get_log(struct call *call);
/* Who asked has gone; if it waits for the log, it waits no longer. */
void control_log_gone(struct http_exchange *exchange);

#endif
