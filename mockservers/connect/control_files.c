/* Files in the control endpoint: what the server offers, in which manner, and the commands that
 * make a printer fetch it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/control_internal.h"
#include "sim/base/memory.h"

static struct connect_file *read_file(struct call *call, struct slice hash)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)hash.size, hash.bytes == NULL ? "" : hash.bytes);
    struct connect_file *file = connect_server_file(call->control->server, text);
    if (file == NULL) {
        control_complain(call, 404, "no file \"%s\"; GET /files lists them", text);
    }
    return file;
}

/* What of it went out to whom. */
static cJSON *file_json(struct connect_server *server, const struct connect_file *file)
{
    cJSON *object = connect_file_json(file);
    cJSON *list = cJSON_AddArrayToObject(object, "encrypted");
    const struct connect_secret *secret;
    for (size_t i = 0; (secret = connect_server_secret_at(server, i)) != NULL; i++) {
        if (secret->file == file) {
            cJSON_AddItemToArray(list, connect_secret_json(secret, true));
        }
    }
    return object;
}

void control_get_files(struct call *call)
{
    struct connect_server *server = call->control->server;
    cJSON *list = cJSON_CreateArray();
    const struct connect_file *file;
    for (size_t i = 0; (file = connect_server_file_at(server, i)) != NULL; i++) {
        cJSON_AddItemToArray(list, file_json(server, file));
    }
    control_answer_json(call, 200, list);
}

void control_post_file(struct call *call)
{
    struct slice body = call->message->body, name = control_query_value(call, "name");
    uint64_t team_id;
    if (!control_query_number(call, "team_id", 1, &team_id)) {
        return;
    }
    struct error error;
    char *text = memory_copy_slice(name.bytes, name.size);
    const struct connect_file *file =
        connect_server_serve(call->control->server, body.bytes, body.size,
                             name.size == 0 ? NULL : text, (int64_t)team_id, NULL, &error);
    free(text);
    if (file == NULL) {
        control_complain(call, 400, "%s", error.text);
        return;
    }
    control_answer_json(call, 201, connect_file_json(file));
}

/* ---- manners ---- */

enum member_kind { FLAG, WHOLE, TEXT, SECONDS_NUMBER };

static const struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
} members[] = {
#define MEMBER(name, kind, field)                                                                  \
    {                                                                                              \
        name, kind, offsetof(struct connect_file_manner, field)                                    \
    }
    MEMBER("redirect", TEXT, redirect),   MEMBER("content_type", TEXT, content_type),
    MEMBER("mode", TEXT, mode),           MEMBER("announce", WHOLE, announce_bytes),
    MEMBER("cut", WHOLE, cut_bytes),      MEMBER("corrupt", WHOLE, corrupt_at),
    MEMBER("no_length", FLAG, no_length), MEMBER("endless", FLAG, endless),
    MEMBER("reset", FLAG, reset),         MEMBER("stall", FLAG, stall),
    MEMBER("gzip", FLAG, gzip),           MEMBER("whole", FLAG, whole),
    MEMBER("wrong_key", FLAG, wrong_key), MEMBER("delay", SECONDS_NUMBER, delay_us),
#undef MEMBER
};

static bool take_member(struct connect_file_manner *manner, const struct member *member,
                        const cJSON *value)
{
    void *field = (char *)manner + member->offset;
    switch (member->kind) {
    case FLAG:
        *(bool *)field = cJSON_IsTrue(value);
        return cJSON_IsBool(value);
    case WHOLE:
        *(int64_t *)field = (int64_t)value->valuedouble;
        return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e15;
    case SECONDS_NUMBER:
        *(int64_t *)field = (int64_t)(value->valuedouble * 1e6);
        return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e6;
    case TEXT:
        *(const char **)field = cJSON_GetStringValue(value);
        return cJSON_IsString(value);
    }
    return false;
}

static bool take_number(unsigned *field, const cJSON *value)
{
    *field = cJSON_IsNumber(value) ? (unsigned)value->valuedouble : 0;
    return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 4e9;
}

static bool read_manner(const cJSON *body, struct connect_file_manner *manner, struct error *error)
{
    *manner = connect_file_properly;
    for (const cJSON *value = body->child; value != NULL; value = value->next) {
        unsigned number = 0;
        bool good = false;
        if (strcmp(value->string, "status") == 0) {
            good = take_number(&number, value) && (number == 0 || (number >= 100 && number < 600));
            manner->status = (int)number;
        } else if (strcmp(value->string, "times") == 0) {
            good = take_number(&manner->times, value);
        } else if (strcmp(value->string, "bytes_per_second") == 0) {
            good = take_number(&number, value);
            manner->bytes_per_s = number;
        }
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            if (strcmp(value->string, members[i].name) == 0) {
                good = take_member(manner, &members[i], value);
            }
        }
        if (!good) {
            return error_set(error, "\"%.60s\": no such member, or not such a value",
                             value->string);
        }
    }
    return true;
}

void control_put_manner(struct call *call)
{
    struct connect_file *file = read_file(call, call->segments[1]);
    cJSON *body = file == NULL ? NULL : control_read_body(call);
    if (body == NULL) {
        return;
    }
    struct connect_file_manner manner;
    struct error error;
    if (read_manner(body, &manner, &error)) {
        connect_file_set_manner(file, &manner);
        control_answer_json(call, 200, file_json(call->control->server, file));
    } else {
        control_complain(call, 400, "%s", error.text);
    }
    cJSON_Delete(body);
}

/* ---- downloads ---- */

static cJSON *download_kwargs(struct connect_file *file, const char *path)
{
    cJSON *kwargs = cJSON_CreateObject();
    cJSON_AddStringToObject(kwargs, "path", path);
    cJSON_AddNumberToObject(kwargs, "team_id", (double)file->team_id);
    cJSON_AddStringToObject(kwargs, "hash", file->hash);
    return kwargs;
}

static struct connect_command *queue(struct call *call, struct connect_printer *printer,
                                     struct connect_file *file, const cJSON *body,
                                     struct error *error)
{
    struct connect_server *server = call->control->server;
    const char *path = json_string_of(body, "path");
    const char *how = json_string_of(body, "how");
    if (path == NULL) {
        error_set(error, "expected {\"hash\": HASH, \"path\": PATH, \"how\": HOW}");
        return NULL;
    }
    cJSON *kwargs = NULL;
    const char *name = "START_CONNECT_DOWNLOAD";
    if (how == NULL || strcmp(how, "connect") == 0) {
        kwargs = download_kwargs(file, path);
        cJSON_AddBoolToObject(kwargs, "printing", false);
    } else if (strcmp(how, "inline") == 0) {
        name = "START_INLINE_DOWNLOAD";
        kwargs = download_kwargs(file, path);
        cJSON_AddNumberToObject(kwargs, "orig_size", (double)file->size);
    } else if (strcmp(how, "encrypted") == 0) {
        const struct connect_secret *secret =
            connect_server_encrypt(server, file, printer, NULL, NULL, error);
        int64_t port = json_whole_of(body, "port", 0);
        if (secret == NULL) {
            return NULL;
        }
        name = "START_ENCRYPTED_DOWNLOAD";
        kwargs = connect_secret_json(secret, false);
        cJSON_AddStringToObject(kwargs, "path", path);
        if (port > 0) {
            cJSON_AddNumberToObject(kwargs, "port", (double)port);
        }
    } else {
        error_set(error, "\"how\": expected connect, encrypted or inline");
        return NULL;
    }
    struct connect_command *command = connect_server_command(server, printer, name, kwargs, error);
    cJSON_Delete(kwargs);
    return command;
}

void control_post_download(struct call *call)
{
    struct connect_printer *printer = control_read_printer(call);
    cJSON *body = printer == NULL ? NULL : control_read_body(call);
    if (body == NULL) {
        return;
    }
    const char *hash = json_string_of(body, "hash");
    struct connect_file *file = read_file(call, slice_of(hash == NULL ? "" : hash));
    if (file != NULL) {
        struct error error;
        struct connect_command *command = queue(call, printer, file, body, &error);
        if (command == NULL) {
            control_complain(call, 400, "%s", error.text);
        } else {
            control_answer_json(call, 201, connect_command_json(command));
        }
    }
    cJSON_Delete(body);
}
