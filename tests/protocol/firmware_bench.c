#include "tests/protocol/firmware_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/wire/digest.h"

const char firmware_gcode[] =
    "G28\nM104 S30\nM73 P0 R15\nG1 X10 Y10 F600\nG4 S300\nM73 P33 R10\nG1 X20 Y20\n"
    "G4 S600\nM73 P100 R0\n";

/* ---- clients ---- */

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct firmware_client *client = owner;
    buffer_append(&client->received, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)why;
    struct firmware_client *client = owner;
    client->stream = NULL;
    client->ended = true;
    client->end = end;
}

static void on_finished(void *owner)
{
    struct firmware_client *client = owner;
    client->finished = true;
}

static const struct stream_events client_events = {
    .received = on_received, .ended = on_ended, .finished = on_finished};

struct firmware_client *firmware_connect(struct firmware *firmware)
{
    static const struct endpoint at = {.host = "printer", .port = 80};
    assert_true(firmware->client_count < FIRMWARE_CLIENTS);
    struct firmware_client *client = &firmware->clients[firmware->client_count++];
    *client = (struct firmware_client){.firmware = firmware};
    client->stream =
        network_connect(memory_network_face(firmware->network), &at, &client_events, client);
    firmware_run(firmware, 0);
    return client;
}

void firmware_send_bytes(struct firmware_client *client, const void *bytes, size_t size)
{
    assert_non_null(client->stream);
    stream_send(client->stream, bytes, size);
    firmware_run(client->firmware, 0);
}

void firmware_send(struct firmware_client *client, const char *text)
{
    firmware_send_bytes(client, text, strlen(text));
}

void firmware_close(struct firmware_client *client)
{
    if (client->stream != NULL) {
        stream_close(client->stream);
        client->stream = NULL;
        firmware_run(client->firmware, 0);
    }
}

void firmware_half_close(struct firmware_client *client)
{
    stream_finish(client->stream);
    firmware_run(client->firmware, 0);
}

/* ---- requests ---- */

static const char *ask(struct firmware *firmware, const char *method, const char *target,
                       const char *headers, const char *credentials, const char *body)
{
    struct firmware_client *client = firmware_connect(firmware);
    buffer_clear(&firmware->request);
    buffer_format(&firmware->request, "%s %s HTTP/1.1\r\nHost: printer\r\n%s%s", method, target,
                  credentials, headers == NULL ? "" : headers);
    if (body != NULL) {
        buffer_format(&firmware->request, "Content-Length: %zu\r\n", strlen(body));
    }
    buffer_format(&firmware->request, "\r\n%s", body == NULL ? "" : body);
    firmware_send_bytes(client, firmware->request.bytes, firmware->request.size);
    firmware_run(firmware, 0.001);
    buffer_clear(&firmware->reply);
    buffer_append(&firmware->reply, buffer_text(&client->received), client->received.size);
    firmware_close(client);
    buffer_free(&client->received);
    firmware->client_count--;
    firmware->status = 0;
    sscanf(buffer_text(&firmware->reply), "HTTP/1.%*d %d", &firmware->status);
    return buffer_text(&firmware->reply);
}

const char *firmware_ask_bare(struct firmware *firmware, const char *method, const char *target,
                              const char *headers, const char *body)
{
    return ask(firmware, method, target, headers, "", body);
}

const char *firmware_ask(struct firmware *firmware, const char *method, const char *target,
                         const char *headers, const char *body)
{
    char key[128];
    snprintf(key, sizeof key, "X-Api-Key: %s\r\n", link_face_api_key(firmware->face));
    return ask(firmware, method, target, headers, key, body);
}

void firmware_take_nonce(struct firmware *firmware, const char *answer)
{
    const char *nonce = strstr(answer, "nonce=\"");
    assert_non_null(nonce);
    nonce += strlen("nonce=\"");
    buffer_clear(&firmware->nonce);
    buffer_append(&firmware->nonce, nonce, strcspn(nonce, "\""));
}

void firmware_authorize(struct firmware *firmware, struct buffer *out, const char *method,
                        const char *target, const char *nonce, const char *password)
{
    char user_hash[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
    digest_user_hash(user_hash, DIGEST_MD5, link_face_user(firmware->face), "Printer API",
                     password);
    const struct digest_request request = {.user_hash = user_hash,
                                           .nonce = nonce,
                                           .method = slice_of(method),
                                           .uri = slice_of(target)};
    digest_response(response, DIGEST_MD5, &request);
    buffer_format(out,
                  "Authorization: Digest username=\"maker\", realm=\"Printer API\", nonce=\"%s\", "
                  "uri=\"%s\", response=\"%s\"\r\n",
                  nonce, target, response);
}

const char *firmware_ask_digest(struct firmware *firmware, const char *method, const char *target,
                                const char *headers, const char *body)
{
    struct buffer credentials = {0};
    firmware_take_nonce(firmware, firmware_ask_bare(firmware, "GET", "/api/version", NULL, NULL));
    firmware_authorize(firmware, &credentials, method, target, buffer_text(&firmware->nonce),
                       link_face_password(firmware->face));
    const char *answer = ask(firmware, method, target, headers, buffer_text(&credentials), body);
    buffer_free(&credentials);
    return answer;
}

const char *firmware_body(struct firmware *firmware)
{
    const char *head = buffer_text(&firmware->reply);
    const char *body = strstr(head, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    const char *chunked = strstr(head, "Transfer-Encoding: chunked\r\n");
    if (chunked == NULL || chunked > body) {
        return body;
    }
    buffer_clear(&firmware->request);
    for (size_t size; (size = strtoul(body, NULL, 16)) > 0;) {
        body = strstr(body, "\r\n") + 2;
        buffer_append(&firmware->request, body, size);
        body += size + 2;
    }
    return buffer_text(&firmware->request);
}

/* ---- the drive ---- */

void firmware_put(struct firmware *firmware, const char *path, const char *text)
{
    struct file_content *content = file_content_of_bytes(text, strlen(text));
    assert_int_equal(machine_put_file(firmware->machine, path, content), STORAGE_OK);
}

static void add_tree(struct buffer *out, const struct file_node *folder, const char *path)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        struct buffer below = {0};
        buffer_format(&below, "%s/%s", path, folder->children[i]->name);
        buffer_format(out, "%s%s ", buffer_text(&below), folder->children[i]->folder ? "/" : "");
        add_tree(out, folder->children[i], buffer_text(&below));
        buffer_free(&below);
    }
}

const char *firmware_tree(struct firmware *firmware)
{
    struct storage *usb = machine_storage_of(firmware->machine, "/usb", NULL);
    buffer_clear(&firmware->request);
    if (usb != NULL) {
        add_tree(&firmware->request, usb->root, "/usb");
    }
    return buffer_text(&firmware->request);
}

/* ---- life ---- */

void firmware_run(struct firmware *firmware, double seconds)
{
    world_run(&firmware->world, firmware->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

static void attach(struct firmware *firmware, uint64_t total_bytes)
{
    const struct model *model = machine_model(firmware->machine);
    for (uint32_t i = 0; i < model->storages_count; i++) {
        struct storage storage;
        storage_init(&storage, model->storages[i].name,
                     strcmp(model->storages[i].kind, "usb") == 0      ? STORAGE_USB
                     : strcmp(model->storages[i].kind, "sdcard") == 0 ? STORAGE_SDCARD
                                                                      : STORAGE_LOCAL,
                     NULL);
        storage.read_only = model->storages[i].read_only;
        storage.total_bytes = total_bytes;
        machine_attach(firmware->machine, &storage);
    }
}

void firmware_begin(struct firmware *firmware, const char *model, uint64_t total_bytes)
{
    *firmware = (struct firmware){0};
    world_init(&firmware->world, 7);
    firmware->network = memory_network_new(&firmware->world);
    const struct machine_settings settings = {
        .model = model_find(model), .room_c = NAN, .job_counter = 41};
    assert_non_null(settings.model);
    firmware->machine = machine_new(&firmware->world, &settings);
    attach(firmware, total_bytes);
    machine_power_on(firmware->machine);
    firmware_run(firmware, 30);
    link_settings_defaults(&firmware->settings);
    firmware->face = link_face_new(&firmware->world, firmware->machine, &firmware->settings, "it");
    firmware->server =
        http_server_new(&firmware->world, memory_network_face(firmware->network),
                        link_face_service(firmware->face), link_face_limits(firmware->face));
    struct endpoint at = {.host = "printer", .port = 80};
    assert_true(http_server_listen(firmware->server, &at, NULL));
}

void firmware_end(struct firmware *firmware)
{
    for (size_t i = 0; i < firmware->client_count; i++) {
        firmware_close(&firmware->clients[i]);
        buffer_free(&firmware->clients[i].received);
    }
    http_server_destroy(firmware->server);
    link_face_destroy(firmware->face);
    machine_destroy(firmware->machine);
    firmware_run(firmware, 1);
    memory_network_destroy(firmware->network);
    buffer_free(&firmware->nonce);
    buffer_free(&firmware->request);
    buffer_free(&firmware->reply);
    world_free(&firmware->world);
}
