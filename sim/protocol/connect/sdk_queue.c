#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_state.h"

/* One FIFO of everything that the printer says, one request at a time (connect-sdk.md 1.9): an item
 * that fails is gone, the next one goes out at once. */

struct sdk_item *sdk_item_new(struct connect_sdk *sdk, enum sdk_item_kind kind,
                              const char *timestamp)
{
    struct sdk_item *item = memory_new(sizeof *item);
    item->kind = kind;
    item->pool = &sdk->world->buffers;
    item->body = buffer_pool_take(item->pool);
    item->due_us = sdk->world->now_us;
    if (timestamp == NULL) {
        sdk_timestamp(sdk, item->timestamp);
    } else {
        size_t size = strnlen(timestamp, sizeof item->timestamp - 1);
        memcpy(item->timestamp, timestamp, size);
    }
    return item;
}

void sdk_item_destroy(struct sdk_item *item)
{
    if (item != NULL) {
        buffer_pool_give(item->pool, &item->body);
        free(item->camera_id);
        free(item);
    }
}

void sdk_put(struct connect_sdk *sdk, struct sdk_item *item)
{
    item->next = NULL;
    if (sdk->last == NULL) {
        sdk->first = item;
    } else {
        sdk->last->next = item;
    }
    sdk->last = item;
    sdk->queued++;
    sdk_pump(sdk);
}

static struct sdk_item *take(struct connect_sdk *sdk)
{
    struct sdk_item *item = sdk->first;
    sdk->first = item->next;
    if (sdk->first == NULL) {
        sdk->last = NULL;
    }
    sdk->queued--;
    return item;
}

void sdk_pump(struct connect_sdk *sdk)
{
    while (!sdk->answering && sdk->pause == SDK_RUNNING && sdk->exchange.item == NULL &&
           sdk->first != NULL) {
        struct sdk_item *item = take(sdk);
        if (sdk->server == NULL) {
            sdk_item_destroy(item);
        } else if (item->kind != SDK_POLL && sdk->token == NULL) {
            sdk_condition_set(sdk, CONNECT_TOKEN, CONNECT_CONDITION_NOK);
            sdk_item_destroy(item);
        } else {
            sdk_exchange_begin(&sdk->exchange, item);
        }
    }
}

void sdk_pause_for(struct connect_sdk *sdk, enum sdk_pause pause, int64_t delay_us)
{
    sdk->pause = (uint8_t)pause;
    world_arm_in(sdk->world, &sdk->sender, delay_us);
}

static void send_request(struct sdk_exchange *exchange)
{
    struct buffer_pool *pool = &exchange->sdk->world->buffers;
    struct buffer request = buffer_pool_take(pool);
    sdk_write_request(&request, exchange);
    struct sdk_link *link = sdk_link_for(exchange->sdk, exchange->url);
    sdk_link_send(link, exchange, request.bytes, request.size);
    buffer_pool_give(pool, &request);
}

void sdk_exchange_begin(struct sdk_exchange *exchange, struct sdk_item *item)
{
    exchange->item = item;
    exchange->redirects = 0;
    exchange->bare = false;
    exchange->adjusted = sdk_clock_adjusted(exchange->sdk);
    send_request(exchange);
}

/* The exchange is over: its item belongs to whoever looks at it last. */
static struct sdk_item *finish(struct sdk_exchange *exchange)
{
    struct sdk_item *item = exchange->item;
    exchange->item = NULL;
    exchange->link = NULL;
    free(exchange->url);
    exchange->url = NULL;
    return item;
}

void sdk_exchange_abandon(struct sdk_exchange *exchange)
{
    struct sdk_link *link = exchange->link;
    sdk_item_destroy(finish(exchange));
    if (link != NULL) {
        sdk_link_release(link);
    }
}

/* What every answer to a queue item says about the way to the server (connect-sdk.md 11). */
static void judge_status(struct connect_sdk *sdk, int status)
{
    if (status >= 200 && status <= 299) {
        sdk_condition_set(sdk, CONNECT_API, CONNECT_CONDITION_OK);
    } else if (status == 403) {
        sdk_condition_set(sdk, CONNECT_TOKEN, CONNECT_CONDITION_NOK);
    } else if (status > 400) {
        sdk_condition_set(sdk, CONNECT_API, CONNECT_CONDITION_NOK);
    }
}

bool sdk_redirects(const struct http_message *message, struct slice *location)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (message->status == statuses[i]) {
            *location = http_header_value(message, "Location");
            return location->bytes != NULL;
        }
    }
    return false;
}

/* urljoin(base, location) for what servers send: an absolute URL, "//host/…", "/path", "?query" or
 * a name beside the last one. */
char *sdk_join_url(const char *base, struct slice location)
{
    char *text = memory_copy_slice(location.bytes, location.size);
    const char *host = strstr(base, "://") + 3;
    size_t origin = (size_t)(host - base) + strcspn(host, "/?#");
    size_t path = origin + strcspn(base + origin, "?#");
    size_t keep = origin;
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        return text;
    }
    if (strncmp(text, "//", 2) == 0) {
        keep = (size_t)(host - base) - 2;
    } else if (*text == '?') {
        keep = path;
    } else if (*text != '/') {
        keep = path;
        while (keep > origin && base[keep - 1] != '/') {
            keep--;
        }
    }
    struct buffer url = {0};
    buffer_append(&url, base, keep);
    if (keep == origin && *text != '/') {
        buffer_append_char(&url, '/');
    }
    buffer_append_text(&url, text);
    free(text);
    return buffer_detach(&url);
}

/* False: it is about a camera, which no observer is told of. */
static bool asked(const struct sdk_item *item, struct connect_asked *it)
{
    static const enum connect_asked_kind kinds[] = {
        [SDK_TELEMETRY] = CONNECT_ASKED_TELEMETRY,
        [SDK_EVENT] = CONNECT_ASKED_EVENT,
        [SDK_POLL] = CONNECT_ASKED_POLL,
        [SDK_REGISTER] = CONNECT_ASKED_REGISTER,
    };
    if (item->kind >= sizeof kinds / sizeof *kinds) {
        return false;
    }
    *it = (struct connect_asked){
        .kind = kinds[item->kind],
        .due_us = item->due_us,
        .body = buffer_text(&item->body),
    };
    return true;
}

void connect_sdk_tell_over(const struct connect_sdk *sdk, const struct connect_asked *it,
                           const struct http_message *message, const struct http_failure *failure)
{
    const struct connect_observer_class *class = sdk->observer_class;
    if (message != NULL && class != NULL && class->answered != NULL) {
        class->answered(sdk->observer, sdk, it, message);
    } else if (message == NULL && class != NULL && class->lost != NULL) {
        class->lost(sdk->observer, sdk, it, failure);
    }
}

static void told_answered(const struct sdk_exchange *exchange, const struct http_message *message)
{
    struct connect_asked it;
    if (asked(exchange->item, &it)) {
        connect_sdk_tell_over(exchange->sdk, &it, message, NULL);
    }
}

void sdk_told_lost(const struct sdk_exchange *exchange, const struct http_failure *failure)
{
    struct connect_asked it;
    if (asked(exchange->item, &it)) {
        connect_sdk_tell_over(exchange->sdk, &it, NULL, failure);
    }
}

static void tell_waiting(const struct sdk_item *item, connect_asked_told *tell, void *owner)
{
    struct connect_asked it;
    if (item != NULL && asked(item, &it)) {
        tell(owner, &it);
    }
}

void connect_sdk_waiting(const struct connect_sdk *sdk, connect_asked_told *tell, void *owner)
{
    tell_waiting(sdk->registration == NULL ? NULL : sdk->registration->item, tell, owner);
    tell_waiting(sdk->exchange.item, tell, owner);
    for (const struct sdk_item *item = sdk->first; item != NULL; item = item->next) {
        tell_waiting(item, tell, owner);
    }
}

static void follow(struct sdk_exchange *exchange, int status, struct slice location)
{
    if (++exchange->redirects > SDK_REDIRECTS_MAX) {
        sdk_told_lost(exchange, NULL);
        sdk_exchange_lost(exchange, SDK_LOSS_OTHER, "TooManyRedirects: Exceeded 30 redirects.");
        return;
    }
    char *here = exchange->url;
    if (here == NULL) {
        static const char *const places[] = {
            [SDK_TELEMETRY] = "/p/telemetry", [SDK_EVENT] = "/p/events",
            [SDK_POLL] = "/p/register",       [SDK_REGISTER] = "/p/register",
            [SDK_CAMERA] = "/p/camera",
        };
        struct buffer url = {0};
        buffer_append_text(&url, exchange->sdk->server);
        buffer_append_text(&url, places[exchange->item->kind]);
        here = buffer_detach(&url);
    }
    exchange->url = sdk_join_url(here, location);
    free(here);
    exchange->bare = exchange->bare || (status != 307 && status != 308);
    send_request(exchange);
}

void sdk_exchange_answered(struct sdk_exchange *exchange, const struct http_message *message)
{
    struct connect_sdk *sdk = exchange->sdk;
    struct slice location;
    if (exchange->item->kind == SDK_SNAPSHOT) {
        sdk_picture_answered(sdk, finish(exchange), message);
        return;
    }
    if (sdk_redirects(message, &location)) {
        follow(exchange, message->status, location);
        return;
    }
    told_answered(exchange, message);
    struct sdk_item *item = finish(exchange);
    enum sdk_item_kind kind = item->kind;
    bool nested = sdk->answering;
    sdk->answering = true;
    if (kind == SDK_POLL) {
        sdk_poll_answered(sdk, item, message);
    } else {
        if (kind == SDK_CAMERA) {
            sdk_camera_answered(sdk, item, message);
        }
        sdk_item_destroy(item);
    }
    if (kind == SDK_REGISTER) {
        sdk_register_answered(sdk, message);
    } else {
        if (kind == SDK_TELEMETRY && message->status == 200) {
            sdk_telemetry_answered(sdk, message);
        }
        judge_status(sdk, message->status);
    }
    if (kind == SDK_TELEMETRY && sdk->host_class->telemetry_answered != NULL) {
        sdk->host_class->telemetry_answered(sdk->host, message->status);
    }
    sdk->answering = nested;
    sdk_pump(sdk);
}

void sdk_exchange_lost(struct sdk_exchange *exchange, enum sdk_loss loss, const char *why)
{
    struct connect_sdk *sdk = exchange->sdk;
    struct sdk_item *item = finish(exchange);
    if (item->kind == SDK_SNAPSHOT) {
        sdk_picture_answered(sdk, item, NULL);
        return;
    }
    if (item->kind == SDK_CAMERA) {
        sdk_camera_answered(sdk, item, NULL);
    }
    if (item->kind == SDK_REGISTER) {
        sdk_item_destroy(item);
        sdk_register_lost(sdk, why);
        return;
    }
    sdk_condition_set(sdk, loss == SDK_LOSS_CONNECTION ? CONNECT_HTTP : CONNECT_INTERNET,
                      CONNECT_CONDITION_NOK);
    if (item->kind == SDK_POLL) {
        sdk_poll_lost(sdk, item);
    } else {
        sdk_item_destroy(item);
    }
    sdk_pump(sdk);
}
