#include "harness/load/wishes.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/http_client.h"

struct wishes {
    struct endpoint to;
    char *prefix; /* of paths, "" or "/control" */
    struct http_client client;
    struct wish *first, **end;
    bool first_given_up; /* it is under way, and its answer is nobody's */
    wish_answered *answered;
};

static void send_first(struct wishes *wishes)
{
    struct buffer request = {0};
    const struct wish *wish = wishes->first;
    buffer_format(&request,
                  "POST %s/printers/%s/downloads HTTP/1.1\r\nHost: %s:%u\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  wishes->prefix, wish->fingerprint, wishes->to.host, endpoint_port(&wishes->to),
                  strlen(wish->text), wish->text);
    http_client_send(&wishes->client, request.bytes, request.size, false);
    buffer_free(&request);
}

static void take_out(struct wishes *wishes, struct wish **at)
{
    struct wish *wish = *at;
    *at = wish->next;
    wish->next = NULL;
    if (*at == NULL) {
        wishes->end = at;
    }
}

static void over(struct wishes *wishes, int status)
{
    struct wish *wish = NULL;
    if (!wishes->first_given_up) {
        wish = wishes->first;
        take_out(wishes, &wishes->first);
    }
    wishes->first_given_up = false;
    if (wishes->first != NULL) {
        send_first(wishes);
    }
    if (wish != NULL) {
        wishes->answered(wish->owner, status);
    }
}

static void replied(void *owner, const struct http_message *message)
{
    over(owner, message->status);
}

static void failed(void *owner, const struct http_failure *failure)
{
    (void)failure;
    over(owner, 0);
}

struct wishes *wishes_new(struct world *world, struct network *network, const char *url,
                          wish_answered *answered, struct error *error)
{
    static const struct http_client_events events = {.reply = replied, .failed = failed};
    struct wishes *wishes = memory_new(sizeof *wishes);
    const char *path = "";
    if (!endpoint_parse(&wishes->to, url, &path, error)) {
        free(wishes);
        return NULL;
    }
    size_t size = strlen(path);
    wishes->prefix = memory_copy_slice(path, size > 0 && path[size - 1] == '/' ? size - 1 : size);
    wishes->end = &wishes->first;
    wishes->answered = answered;
    http_client_init(&wishes->client, world, network, &wishes->to, &events, wishes);
    wishes->client.connect_timeout_us = SECONDS(10);
    wishes->client.reply_timeout_us = SECONDS(10);
    return wishes;
}

void wishes_destroy(struct wishes *wishes)
{
    if (wishes != NULL) {
        http_client_free(&wishes->client);
        free(wishes->prefix);
        free(wishes);
    }
}

void wishes_make(struct wishes *wishes, struct wish *wish)
{
    wish->next = NULL;
    *wishes->end = wish;
    wishes->end = &wish->next;
    if (!http_client_busy(&wishes->client)) {
        send_first(wishes);
    }
}

void wishes_give_up(struct wishes *wishes, struct wish *wish)
{
    for (struct wish **at = &wishes->first; *at != NULL; at = &(*at)->next) {
        if (*at == wish) {
            bool under_way = at == &wishes->first && !wishes->first_given_up;
            take_out(wishes, at);
            wishes->first_given_up = wishes->first_given_up || under_way;
            return;
        }
    }
}
