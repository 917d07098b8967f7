#include "mockservers/connect/transfers.h"

#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

const char *connect_transfer_status_name(enum connect_transfer_status status)
{
    static const char *const names[] = {"running", "finished", "stopped", "aborted"};
    return names[status];
}

static void transfer_free(struct connect_transfer *transfer)
{
    free(transfer->type);
    free(transfer->path);
    free(transfer->url);
    free(transfer->reason);
    free(transfer);
}

void transfers_free(struct connect_printer *printer)
{
    while (printer->transfers != NULL) {
        struct connect_transfer *gone = printer->transfers;
        printer->transfers = gone->next;
        transfer_free(gone);
    }
}

static struct connect_transfer *find(const struct connect_printer *printer, int64_t id)
{
    struct connect_transfer *found = NULL;
    for (struct connect_transfer *at = printer->transfers; at != NULL; at = at->next) {
        found = at->id == id ? at : found;
    }
    return found;
}

const struct connect_transfer *connect_printer_transfer(const struct connect_printer *printer,
                                                        int64_t id)
{
    return find(printer, id);
}

static struct connect_transfer *add(struct connect_printer *printer, int64_t id)
{
    struct connect_transfer *transfer = memory_new(sizeof *transfer);
    *transfer = (struct connect_transfer){.id = id,
                                          .start_command_id = -1,
                                          .size = -1,
                                          .arrived_size = -1,
                                          .began_us = printer->server->world->now_us,
                                          .ended_us = -1};
    struct connect_transfer **end = &printer->transfers;
    unsigned count = 0;
    for (; *end != NULL; end = &(*end)->next) {
        count++;
    }
    *end = transfer;
    if (count >= CONNECT_TRANSFERS_MAX) {
        struct connect_transfer *oldest = printer->transfers;
        printer->transfers = oldest->next;
        transfer_free(oldest);
    }
    return transfer;
}

static void learn_text(char **text, const cJSON *data, const char *key)
{
    const char *value = json_string_of(data, key);
    if (value != NULL) {
        replace_text(text, value);
    }
}

static void learn(struct connect_transfer *transfer, const cJSON *data)
{
    learn_text(&transfer->type, data, "type");
    learn_text(&transfer->path, data, "path");
    learn_text(&transfer->url, data, "url");
    transfer->start_command_id = json_whole_of(data, "start_cmd_id", transfer->start_command_id);
    transfer->size = json_whole_of(data, "size", transfer->size);
    transfer->transferred = json_whole_of(data, "transferred", transfer->transferred);
}

static void ends(struct connect_transfer *transfer, enum connect_transfer_status status,
                 int64_t now_us)
{
    transfer->ends++;
    if (transfer->status == CONNECT_TRANSFER_RUNNING) {
        transfer->status = status;
        transfer->ended_us = now_us;
    }
}

/* A file came to be where a transfer was to put one: has all of it arrived? */
static void see_file(struct connect_printer *printer, const cJSON *data)
{
    const char *path = json_string_of(data, "new_path");
    const cJSON *file = cJSON_GetObjectItemCaseSensitive(data, "file");
    struct connect_transfer *latest = NULL;
    for (struct connect_transfer *at = printer->transfers; path != NULL && at != NULL;
         at = at->next) {
        latest = at->path != NULL && strcmp(at->path, path) == 0 ? at : latest;
    }
    if (latest != NULL && cJSON_IsObject(file)) {
        latest->arrived_size = json_whole_of(file, "size", -1);
    }
}

void view_transfer_event(struct connect_printer *printer, const char *event, const cJSON *tree,
                         const cJSON *data)
{
    static const struct {
        const char *event;
        enum connect_transfer_status status;
    } ended_by[] = {
        {"TRANSFER_INFO", CONNECT_TRANSFER_RUNNING},
        {"TRANSFER_FINISHED", CONNECT_TRANSFER_DONE},
        {"TRANSFER_STOPPED", CONNECT_TRANSFER_ENDED_BY_STOP},
        {"TRANSFER_ABORTED", CONNECT_TRANSFER_ENDED_BY_ABORT},
    };
    if (strcmp(event, "FILE_CHANGED") == 0) {
        see_file(printer, data);
        return;
    }
    int64_t id = json_whole_of(tree, "transfer_id", -1);
    for (size_t i = 0; i < sizeof ended_by / sizeof ended_by[0] && id >= 0; i++) {
        if (strcmp(ended_by[i].event, event) != 0) {
            continue;
        }
        struct connect_transfer *transfer = find(printer, id);
        transfer = transfer == NULL ? add(printer, id) : transfer;
        learn(transfer, data);
        learn_text(&transfer->reason, tree, "reason");
        if (ended_by[i].status != CONNECT_TRANSFER_RUNNING) {
            ends(transfer, ended_by[i].status, printer->server->world->now_us);
        } else if (misbehaves(printer->server, printer, MISBEHAVE_HASTY_TRANSFER)) {
            ends(transfer, CONNECT_TRANSFER_DONE, printer->server->world->now_us);
        }
    }
}

void view_transfer_telemetry(struct connect_printer *printer, const cJSON *body)
{
    struct connect_transfer *transfer = find(printer, printer->transfer_id);
    if (transfer != NULL) {
        transfer->transferred = json_whole_of(body, "transfer_transferred", transfer->transferred);
    }
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL) {
        cJSON_AddStringToObject(object, key, text);
    }
}

static void add_count(cJSON *object, const char *key, int64_t count)
{
    if (count >= 0) {
        cJSON_AddNumberToObject(object, key, (double)count);
    }
}

cJSON *connect_transfers_json(const struct connect_printer *printer)
{
    cJSON *list = cJSON_CreateArray();
    for (const struct connect_transfer *at = printer->transfers; at != NULL; at = at->next) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "id", (double)at->id);
        add_count(object, "start_cmd_id", at->start_command_id);
        cJSON_AddStringToObject(object, "status", connect_transfer_status_name(at->status));
        add_text(object, "type", at->type);
        add_text(object, "path", at->path);
        add_text(object, "url", at->url);
        add_text(object, "reason", at->reason);
        add_count(object, "size", at->size);
        add_count(object, "transferred", at->transferred);
        add_count(object, "arrived_size", at->arrived_size);
        cJSON_AddNumberToObject(object, "ends", at->ends);
        cJSON_AddItemToArray(list, object);
    }
    return list;
}
