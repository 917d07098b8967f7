#include "mockservers/connect/printers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/hash.h"
#include "sim/base/memory.h"

/* ---- index ---- */

void text_index_free(struct text_index *index)
{
    free(index->slots);
    *index = (struct text_index){0};
}

/* The slot of that key, or the one in which it would go. */
static struct text_index_slot *slot_of(const struct text_index *index, const char *bytes,
                                       size_t size)
{
    size_t at = (size_t)hash_bytes(bytes, size) & (index->capacity - 1);
    for (;;) {
        struct text_index_slot *slot = &index->slots[at];
        if (slot->key == NULL) {
            return slot;
        }
        if (slot->printer != NULL && strncmp(slot->key, bytes, size) == 0 &&
            slot->key[size] == '\0') {
            return slot;
        }
        at = (at + 1) & (index->capacity - 1);
    }
}

static void index_grow(struct text_index *index)
{
    struct text_index old = *index;
    size_t live = 0;
    for (size_t i = 0; i < old.capacity; i++) {
        live += old.slots[i].printer != NULL;
    }
    size_t capacity = 16;
    while (capacity < (live + 1) * 3) {
        capacity *= 2;
    }
    *index = (struct text_index){
        .slots = memory_new_array(capacity, sizeof *index->slots),
        .capacity = capacity,
        .used = live,
    };
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].printer != NULL) {
            *slot_of(index, old.slots[i].key, strlen(old.slots[i].key)) = old.slots[i];
        }
    }
    free(old.slots);
}

void text_index_add(struct text_index *index, const char *key, struct connect_printer *printer)
{
    if ((index->used + 1) * 3 > index->capacity * 2) {
        index_grow(index);
    }
    struct text_index_slot *slot = slot_of(index, key, strlen(key));
    index->used += slot->key == NULL;
    slot->key = key;
    slot->printer = printer;
}

/* The key is about to be freed: the slot keeps a place holder, so that searches walk on over it. */
void text_index_remove(struct text_index *index, const char *key)
{
    if (index->capacity == 0) {
        return;
    }
    struct text_index_slot *slot = slot_of(index, key, strlen(key));
    if (slot->key != NULL) {
        slot->key = "";
        slot->printer = NULL;
    }
}

struct connect_printer *text_index_find(const struct text_index *index, const char *bytes,
                                        size_t size)
{
    if (index->capacity == 0 || bytes == NULL || size == 0 || memchr(bytes, '\0', size) != NULL) {
        return NULL;
    }
    return slot_of(index, bytes, size)->printer;
}

/* ---- printers ---- */

void replace_text(char **text, const char *value)
{
    char *copy = memory_copy_text(value);
    free(*text);
    *text = copy;
}

/* Texts of a printer that it can be found by. The first printer that has a text keeps it, so a
 * second one with the same serial number does not hide it. */
static void set_indexed(struct text_index *index, struct connect_printer *printer, char **text,
                        const char *value)
{
    if (*text != NULL && value != NULL && strcmp(*text, value) == 0) {
        return;
    }
    if (*text != NULL && text_index_find(index, *text, strlen(*text)) == printer) {
        text_index_remove(index, *text);
    }
    replace_text(text, value);
    if (*text != NULL && **text != '\0' && text_index_find(index, *text, strlen(*text)) == NULL) {
        text_index_add(index, *text, printer);
    }
}

void printer_set_token(struct connect_printer *printer, const char *token)
{
    set_indexed(&printer->server->by_token, printer, &printer->token, token);
}

void printer_set_code(struct connect_printer *printer, const char *code)
{
    set_indexed(&printer->server->by_code, printer, &printer->code, code);
    printer->code_since_us = printer->server->world->now_us;
}

/* Buddy printers name themselves by 50 characters in bodies and by the first 16 of these in headers
 * (connect-buddy.md 1.3): the server knows them by what all their messages have. */
static size_t known_size(size_t size)
{
    enum { OF_BUDDY = 50, IN_HEADERS = 16 };
    return size == OF_BUDDY ? IN_HEADERS : size;
}

void printer_set_fingerprint(struct connect_printer *printer, const char *bytes, size_t size)
{
    char *copy = memory_copy_slice(bytes, known_size(size));
    set_indexed(&printer->server->by_fingerprint, printer, &printer->fingerprint, copy);
    free(copy);
}

void printer_set_serial(struct connect_printer *printer, const char *serial)
{
    set_indexed(&printer->server->by_serial, printer, &printer->serial, serial);
}

void random_text(struct world *world, char *text, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    assert(size > 0);
    for (size_t i = 0; i + 1 < size; i++) {
        text[i] = letters[random_below(&world->random, sizeof letters - 1)];
    }
    text[size - 1] = '\0';
}

struct connect_printer *connect_printer_new(struct connect_server *server)
{
    if (server->printer_count >= server->settings.printers_max) {
        return NULL;
    }
    if (server->printer_count == server->printer_capacity) {
        server->printer_capacity = server->printer_capacity == 0 ? 8 : server->printer_capacity * 2;
        server->printers =
            memory_resize(server->printers, server->printer_capacity * sizeof *server->printers);
    }
    struct connect_printer *printer = memory_new(sizeof *printer);
    printer->server = server;
    server->printers[server->printer_count++] = printer;
    printer->number = (uint32_t)server->printer_count;
    printer->transfer_id = -1;
    printer->telemetry_command_id = -1;
    printer->first_seen_us = printer->last_seen_us = printer->last_telemetry_us = -1;
    return printer;
}

static void destroy_chain(struct connect_command *command)
{
    while (command != NULL) {
        struct connect_command *next = command->next;
        command_destroy(command);
        command = next;
    }
}

void connect_printer_destroy(struct connect_printer *printer)
{
    destroy_chain(printer->running);
    destroy_chain(printer->queue_first);
    destroy_chain(printer->history_first);
    free(printer->fingerprint);
    free(printer->serial);
    free(printer->type);
    free(printer->firmware);
    free(printer->code);
    free(printer->token);
    free(printer->telemetry);
    documents_release(&printer->server->documents, printer->info);
    documents_release(&printer->server->documents, printer->files);
    transfers_free(printer);
    free(printer);
}

size_t connect_server_printer_count(const struct connect_server *server)
{
    return server->printer_count;
}

struct connect_printer *connect_server_printer(struct connect_server *server, size_t index)
{
    assert(index < server->printer_count);
    return server->printers[index];
}

struct connect_printer *connect_server_by_token(struct connect_server *server, const char *token)
{
    return text_index_find(&server->by_token, token, strlen(token));
}

struct connect_printer *connect_server_by_fingerprint(struct connect_server *server,
                                                      const char *fingerprint)
{
    return text_index_find(&server->by_fingerprint, fingerprint, known_size(strlen(fingerprint)));
}

struct connect_printer *connect_server_by_serial(struct connect_server *server, const char *serial)
{
    return text_index_find(&server->by_serial, serial, strlen(serial));
}

struct connect_printer *connect_server_by_code(struct connect_server *server, const char *code)
{
    return text_index_find(&server->by_code, code, strlen(code));
}

bool connect_printer_add(struct connect_printer *printer)
{
    if (printer->code == NULL) {
        return false;
    }
    printer->added = true;
    return true;
}

struct connect_printer *connect_server_expect(struct connect_server *server, const char *token)
{
    struct connect_printer *printer = connect_server_by_token(server, token);
    if (printer == NULL && (printer = connect_printer_new(server)) != NULL) {
        printer_set_token(printer, token);
        printer->adopted = true;
    }
    return printer;
}

void connect_printer_revoke(struct connect_printer *printer)
{
    printer_set_token(printer, NULL);
    sockets_revoke(printer);
}

cJSON *connect_printer_telemetry(const struct connect_printer *printer)
{
    return printer->telemetry == NULL ? NULL : cJSON_Parse(printer->telemetry);
}

cJSON *connect_printer_info(const struct connect_printer *printer)
{
    return document_read(printer->info);
}

cJSON *connect_printer_files(const struct connect_printer *printer)
{
    return document_read(printer->files);
}

/* ---- as JSON ---- */

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL && *text != '\0') {
        cJSON_AddStringToObject(object, key, text);
    } else {
        cJSON_AddNullToObject(object, key);
    }
}

static void add_id(cJSON *object, const char *key, int64_t value, int64_t none)
{
    if (value == none) {
        cJSON_AddNullToObject(object, key);
    } else {
        cJSON_AddNumberToObject(object, key, (double)value);
    }
}

static void add_time(cJSON *object, const char *key, int64_t time_us)
{
    if (time_us < 0) {
        cJSON_AddNullToObject(object, key);
    } else {
        cJSON_AddNumberToObject(object, key, (double)time_us / 1e6);
    }
}

/* In a list of many the text goes on as it is. */
static void add_kept(cJSON *object, const char *key, const char *text, bool readable)
{
    cJSON *value = text == NULL ? cJSON_CreateNull()
                   : readable   ? cJSON_Parse(text)
                                : cJSON_CreateRaw(text);
    cJSON_AddItemToObject(object, key, value);
}

static const char *text_of(const struct document *document)
{
    return document == NULL ? NULL : document->text;
}

static void add_commands(cJSON *object, const char *key, const struct connect_command *command)
{
    cJSON *list = cJSON_AddArrayToObject(object, key);
    for (; command != NULL; command = command->next) {
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)command->id));
    }
}

cJSON *connect_printer_json(const struct connect_printer *printer, bool files)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "id", printer->number);
    add_text(object, "serial", printer->serial);
    add_text(object, "fingerprint", printer->fingerprint);
    add_text(object, "type", printer->type);
    add_text(object, "firmware", printer->firmware);
    cJSON_AddStringToObject(object, "registration",
                            printer->token != NULL  ? "registered"
                            : printer->code == NULL ? "none"
                            : printer->added        ? "added"
                                                    : "waiting");
    add_text(object, "code", printer->code);
    add_text(object, "state", printer->state);
    add_id(object, "job_id", printer->job_id, 0);
    add_id(object, "transfer_id", printer->transfer_id, -1);
    add_time(object, "first_seen", printer->first_seen_us);
    add_time(object, "last_seen", printer->last_seen_us);
    add_time(object, "last_telemetry", printer->last_telemetry_us);
    cJSON_AddNumberToObject(object, "telemetry_count", (double)printer->telemetry_count);
    cJSON_AddNumberToObject(object, "event_count", (double)printer->event_count);
    cJSON_AddNumberToObject(object, "bad_count", (double)printer->bad_count);
    add_kept(object, "telemetry", printer->telemetry, files);
    add_kept(object, "info", text_of(printer->info), files);
    if (files) {
        add_kept(object, "files", text_of(printer->files), files);
    }
    cJSON_AddItemToObject(object, "transfers", connect_transfers_json(printer));
    add_commands(object, "running", printer->running);
    add_commands(object, "queued", printer->queue_first);
    add_commands(object, "ended", printer->history_first);
    return object;
}
