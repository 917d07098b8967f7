#include "harness/net/curl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/curl_loop.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"

enum { HEAD_BYTES_MAX = 64 * 1024 };

#define TIMEOUT_US      SECONDS(30)
#define REPLY_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct transfer {
    struct transfer *previous, *next;
    struct curl_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct buffer head, body;
    size_t reply_bytes_max;
    bool too_large;
    curl_done *done;
    void *owner;
    char error[CURL_ERROR_SIZE];
};

struct curl_client {
    struct curl_loop loop;
    struct transfer *transfers;
    char *ca_file;
    bool insecure;
};

static void transfer_free(struct transfer *transfer)
{
    struct curl_client *client = transfer->client;
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(client->loop.multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    buffer_free(&transfer->head);
    buffer_free(&transfer->body);
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        client->transfers = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    }
    free(transfer);
}

static void finish(struct transfer *transfer, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *error = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    struct curl_reply reply = {.status = code == CURLE_OK ? (int)status : 0,
                               .head = buffer_text(&transfer->head),
                               .head_size = transfer->head.size,
                               .body = buffer_text(&transfer->body),
                               .body_size = transfer->body.size,
                               .error = code == CURLE_OK      ? NULL
                                        : transfer->too_large ? "the reply is larger than allowed"
                                                              : error};
    /* Out of libcurl's hands first: the callback may send the next request. */
    curl_multi_remove_handle(transfer->client->loop.multi, transfer->easy);
    transfer->done(transfer->owner, &reply);
    transfer_free(transfer);
}

static void on_finished(CURL *easy, CURLcode code)
{
    char *owner = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    finish((struct transfer *)(void *)owner, code);
}

static size_t add(struct transfer *transfer, struct buffer *to, size_t limit, const char *bytes,
                  size_t size)
{
    if (size > limit - to->size) {
        transfer->too_large = true;
        return 0; /* libcurl ends the transfer */
    }
    buffer_append(to, bytes, size);
    return size;
}

static size_t on_head(char *bytes, size_t one, size_t size, void *owner)
{
    (void)one;
    struct transfer *transfer = owner;
    return add(transfer, &transfer->head, HEAD_BYTES_MAX, bytes, size);
}

static size_t on_body(char *bytes, size_t one, size_t size, void *owner)
{
    (void)one;
    struct transfer *transfer = owner;
    return add(transfer, &transfer->body, transfer->reply_bytes_max, bytes, size);
}

struct curl_client *curl_client_new(struct real_driver *driver, const struct tls_settings *tls,
                                    struct error *error)
{
    struct curl_client *client = memory_new(sizeof *client);
    if (!curl_loop_init(&client->loop, driver, on_finished, error)) {
        free(client);
        return NULL;
    }
    client->ca_file = tls != NULL ? memory_copy_text(tls->ca_file) : NULL;
    client->insecure = tls != NULL && tls->insecure;
    return client;
}

void curl_client_destroy(struct curl_client *client)
{
    if (client == NULL) {
        return;
    }
    for (struct transfer *transfer = client->transfers, *next; transfer != NULL; transfer = next) {
        next = transfer->next;
        transfer_free(transfer);
    }
    curl_loop_free(&client->loop);
    free(client->ca_file);
    free(client);
}

static bool set_method_and_body(CURL *easy, const struct curl_request *request)
{
    bool good = true;
    if (request->body != NULL) {
        good = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t)request->body_size) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body) == CURLE_OK;
    }
    if (strcmp(request->method, "HEAD") == 0) {
        return good && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    return good && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool set_options(struct transfer *transfer, const struct curl_request *request)
{
    CURL *easy = transfer->easy;
    const struct curl_client *client = transfer->client;
    int64_t timeout_ms = (request->timeout_us > 0 ? request->timeout_us : TIMEOUT_US) / 1000;
    timeout_ms = timeout_ms < 1 ? 1 : timeout_ms > INT_MAX ? INT_MAX : timeout_ms;
    for (const char *const *line = request->headers; line != NULL && *line != NULL; line++) {
        struct curl_slist *longer = curl_slist_append(transfer->headers, *line);
        if (longer == NULL) {
            return false;
        }
        transfer->headers = longer;
    }
    return set_method_and_body(easy, request) &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") ==
               CURLE_OK && /* what is tested is what was named */
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, client->insecure ? 0L : 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, client->insecure ? 0L : 2L) == CURLE_OK &&
           (client->ca_file == NULL ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file) == CURLE_OK);
}

bool curl_client_send(struct curl_client *client, const struct curl_request *request,
                      curl_done *done, void *owner, struct error *error)
{
    struct transfer *transfer = memory_new(sizeof *transfer);
    transfer->client = client;
    transfer->done = done;
    transfer->owner = owner;
    transfer->reply_bytes_max =
        request->reply_bytes_max > 0 ? request->reply_bytes_max : REPLY_BYTES_MAX;
    transfer->next = client->transfers;
    if (transfer->next != NULL) {
        transfer->next->previous = transfer;
    }
    client->transfers = transfer;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_options(transfer, request) ||
        curl_multi_add_handle(client->loop.multi, transfer->easy) != CURLM_OK) {
        error_set(error, "%s %s: libcurl does not take this request", request->method,
                  request->url);
        transfer_free(transfer);
        return false;
    }
    return true;
}
