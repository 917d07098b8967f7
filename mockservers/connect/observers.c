/* Who is told what the server sees and answers. An observer may take itself off while it is told.
 */

#include <stdint.h>

#include "mockservers/connect/internal.h"
#include "mockservers/connect/server.h"

void connect_server_observe(struct connect_server *server, struct connect_observer *observer)
{
    observer->next = server->observers;
    server->observers = observer;
}

void connect_server_unobserve(struct connect_server *server, struct connect_observer *observer)
{
    for (struct connect_observer **at = &server->observers; *at != NULL; at = &(*at)->next) {
        if (*at == observer) {
            *at = observer->next;
            return;
        }
    }
}

void tell_changed(struct connect_printer *printer, const cJSON *event)
{
    for (struct connect_observer *each = printer->server->observers, *next; each != NULL;
         each = next) {
        next = each->next;
        if (each->changed != NULL) {
            each->changed(each->owner, printer, event);
        }
    }
}

void tell_command(struct connect_command *command)
{
    for (struct connect_observer *each = command->printer->server->observers, *next; each != NULL;
         each = next) {
        next = each->next;
        if (each->command != NULL) {
            each->command(each->owner, command);
        }
    }
}

void tell_request(struct connect_server *server, uint32_t connection,
                  const struct http_message *request)
{
    for (struct connect_observer *each = server->observers, *next; each != NULL; each = next) {
        next = each->next;
        if (each->request != NULL) {
            each->request(each->owner, connection, request);
        }
    }
}

void tell_unanswered(struct connect_server *server, uint32_t connection,
                     enum connect_unanswered why)
{
    for (struct connect_observer *each = server->observers, *next; each != NULL; each = next) {
        next = each->next;
        if (each->unanswered != NULL) {
            each->unanswered(each->owner, connection, why);
        }
    }
}

/* The reply as its receiver will read it. Only what is set is touched: an http_message is large. */
static void message_of_reply(struct http_message *message, const struct connect_reply *reply)
{
    const struct http_reply *http = &reply->http;
    message->request = false;
    message->method = message->target = message->head = (struct slice){0};
    message->status = http->status;
    message->reason = slice_of(http->reason != NULL ? http->reason : http_reason(http->status));
    message->minor_version = 1;
    message->header_count = http->header_count;
    for (size_t i = 0; i < http->header_count; i++) {
        message->headers[i].name = slice_of(http->headers[i].name);
        message->headers[i].value = slice_of(http->headers[i].value);
    }
    message->keep_alive = http->after == HTTP_AFTER_KEEP;
    message->body = (struct slice){http->body, http->body_size};
}

static bool whole_message(const struct connect_reply *reply)
{
    return reply->http.raw == NULL && reply->cut_bytes == SIZE_MAX;
}

void tell_reply(struct connect_server *server, uint32_t connection, struct connect_printer *printer,
                const struct connect_reply *reply)
{
    if (server->observers == NULL) {
        return;
    }
    if (reply->http.status == 0 && reply->http.raw == NULL) {
        tell_unanswered(server, connection,
                        reply->http.after == HTTP_AFTER_STALL ? CONNECT_UNANSWERED_SILENT
                                                              : CONNECT_UNANSWERED_BROKEN);
        return;
    }
    struct http_message message;
    if (whole_message(reply)) {
        message_of_reply(&message, reply);
    }
    for (struct connect_observer *each = server->observers, *next; each != NULL; each = next) {
        next = each->next;
        if (each->reply != NULL) {
            each->reply(each->owner, connection, printer, whole_message(reply) ? &message : NULL);
        }
    }
}
