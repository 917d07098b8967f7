/* How an HTTP connection becomes a WebSocket (RFC 6455 section 4). */
#include <openssl/evp.h>

#include <assert.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/wire/websocket.h"

enum { KEY_BYTES = 16, SHA1_BYTES = 20 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void websocket_make_key(char key[WEBSOCKET_KEY_BYTES], struct random *random)
{
    uint64_t words[2] = {random_next(random), random_next(random)};
    unsigned char bytes[KEY_BYTES];
    for (size_t i = 0; i < KEY_BYTES; i++) {
        bytes[i] = (unsigned char)(words[i / 8] >> (8 * (i % 8)));
    }
    EVP_EncodeBlock((unsigned char *)key, bytes, KEY_BYTES);
}

void websocket_accept_of(char accept[WEBSOCKET_ACCEPT_BYTES], struct slice key)
{
    struct buffer text = {0};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    buffer_append(&text, key.bytes, key.size);
    buffer_append_text(&text, guid);
    int done = EVP_Digest(text.bytes, text.size, digest, &size, EVP_sha1(), NULL);
    assert(done == 1 && size == SHA1_BYTES);
    (void)done;
    EVP_EncodeBlock((unsigned char *)accept, digest, SHA1_BYTES);
    buffer_free(&text);
}

/* 16 bytes in base64: 22 letters, whose last carries four bits of padding, and "==". */
static bool is_key(struct slice value)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (value.size != WEBSOCKET_KEY_BYTES - 1 || memcmp(value.bytes + 22, "==", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        if (value.bytes[i] == '\0' || strchr(letters, value.bytes[i]) == NULL) {
            return false;
        }
    }
    return strchr("AQgw", value.bytes[21]) != NULL;
}

int websocket_request_refused(const struct http_message *request, const char **why)
{
    *why = NULL;
    if (!http_header_has_token(http_header_value(request, "Upgrade"), "websocket") ||
        !http_header_has_token(http_header_value(request, "Connection"), "upgrade")) {
        *why = "this is a WebSocket: Connection: upgrade, Upgrade: websocket";
        return 426;
    }
    if (!slice_is(request->method, "GET") || request->minor_version < 1) {
        *why = "a WebSocket begins with GET and HTTP/1.1";
    } else if (!slice_is(http_header_value(request, "Sec-WebSocket-Version"), "13")) {
        *why = "Sec-WebSocket-Version is not 13";
        return 426;
    } else if (!is_key(http_header_value(request, "Sec-WebSocket-Key"))) {
        *why = "Sec-WebSocket-Key is not 16 bytes in base64";
    }
    return *why == NULL ? 0 : 400;
}

void websocket_grant(struct http_reply *reply, const struct http_message *request,
                     const char *protocol, char accept[WEBSOCKET_ACCEPT_BYTES])
{
    websocket_accept_of(accept, http_header_value(request, "Sec-WebSocket-Key"));
    *reply = (struct http_reply){.status = 101};
    http_reply_header(reply, "Upgrade", "websocket");
    http_reply_header(reply, "Connection", "Upgrade");
    http_reply_header(reply, "Sec-WebSocket-Accept", accept);
    if (protocol != NULL) {
        http_reply_header(reply, "Sec-WebSocket-Protocol", protocol);
    }
}
