#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_camera.h"
#include "sim/protocol/connect/sdk_state.h"

/* Pictures on their way: a thread of their own with the session of all, so they share the kept
 * connection while it is idle and have another one while it is not (connect-sdk.md 10.3). A picture
 * that fails is gone. */

struct sdk_snapshots {
    struct sdk_exchange exchange;
    struct sdk_item *first;
    bool sending; /* on its way down: no second one from within */
};

/* Its body is the picture behind "FINGERPRINT\0TOKEN\0". */
static const char *fingerprint_of(const struct sdk_item *item)
{
    return item->body.bytes;
}

static void write_picture(struct buffer *out, const struct connect_sdk *sdk,
                          const struct sdk_item *item)
{
    const char *fingerprint = fingerprint_of(item);
    const char *token = fingerprint + strlen(fingerprint) + 1;
    const char *picture = token + strlen(token) + 1;
    size_t size = item->body.size - (size_t)(picture - item->body.bytes);
    buffer_append_text(out, "PUT /c/snapshot HTTP/1.1\r\n");
    sdk_write_host(out, sdk->server);
    buffer_format(out,
                  "User-Agent: python-requests/2.28.1\r\nAccept-Encoding: gzip, deflate\r\n"
                  "Accept: */*\r\nConnection: keep-alive\r\nTimestamp: %s\r\nFingerprint: %s\r\n"
                  "Token: %s\r\nContent-Type: image/jpg\r\nContent-Length: %zu\r\n\r\n",
                  item->timestamp, fingerprint, token, size);
    buffer_append(out, picture, size);
}

static void pump(struct connect_sdk *sdk)
{
    struct sdk_snapshots *snapshots = sdk->snapshots;
    while (!snapshots->sending && snapshots->exchange.item == NULL && snapshots->first != NULL) {
        struct sdk_item *item = snapshots->first;
        snapshots->first = item->next;
        if (sdk->server == NULL) {
            sdk_item_destroy(item);
            continue;
        }
        snapshots->sending = true;
        snapshots->exchange.item = item;
        struct buffer request = {0};
        write_picture(&request, sdk, item);
        sdk_link_send(sdk_link_for(sdk, NULL), &snapshots->exchange, request.bytes, request.size);
        buffer_free(&request);
        snapshots->sending = false;
    }
}

void sdk_send_picture(struct connect_sdk *sdk, const char *fingerprint, const char *token,
                      struct buffer *jpeg)
{
    if (sdk->snapshots == NULL) {
        sdk->snapshots = memory_new(sizeof *sdk->snapshots);
        sdk->snapshots->exchange.sdk = sdk;
    }
    struct sdk_item *item = sdk_item_new(sdk, SDK_SNAPSHOT, NULL);
    buffer_append(&item->body, fingerprint, strlen(fingerprint) + 1);
    buffer_append(&item->body, token, strlen(token) + 1);
    buffer_append(&item->body, jpeg->bytes, jpeg->size);
    buffer_free(jpeg);
    size_t waiting = 0;
    struct sdk_item **end = &sdk->snapshots->first;
    for (; *end != NULL; end = &(*end)->next) {
        waiting++;
    }
    *end = item;
    if (waiting >= CONNECT_PICTURES_WAITING) {
        struct sdk_item *oldest = sdk->snapshots->first;
        sdk->snapshots->first = oldest->next;
        sdk_item_destroy(oldest);
    }
    pump(sdk);
}

/* A redirect is not followed with a picture: it counts as any other answer that is no error. */
void sdk_picture_answered(struct connect_sdk *sdk, struct sdk_item *item,
                          const struct http_message *message)
{
    if (message != NULL && (message->status == 401 || message->status == 403)) {
        sdk_camera_refused(sdk, fingerprint_of(item));
    }
    sdk_item_destroy(item);
    pump(sdk);
}

void sdk_snapshots_free(struct connect_sdk *sdk)
{
    if (sdk->snapshots == NULL) {
        return;
    }
    while (sdk->snapshots->first != NULL) {
        struct sdk_item *item = sdk->snapshots->first;
        sdk->snapshots->first = item->next;
        sdk_item_destroy(item);
    }
    sdk_exchange_abandon(&sdk->snapshots->exchange);
    free(sdk->snapshots);
    sdk->snapshots = NULL;
}
