/* Files in the legacy interface: the whole tree, downloads, thumbnails, file commands, folders,
 * moves (prusalink.md 4.5 to 4.7). */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* --- paths --- */

/* "/<rest>": a display path. */
static const char *display_path(struct link_request *request, const char *rest, size_t size)
{
    struct buffer path = {0};
    buffer_append_char(&path, '/');
    buffer_append(&path, rest, size);
    const char *text = link_request_text(request, (struct slice){path.bytes, path.size});
    buffer_free(&path);
    return text;
}

bool pi_local_only(struct link_request *request, const char *storage)
{
    if (strcmp(storage, "sdcard") == 0) {
        pi_send_error(request, PI_SD_READ_ONLY);
        return false;
    }
    if (strcmp(storage, "local") != 0) {
        pi_send_error(request, PI_LOCATION_NOT_FOUND);
        return false;
    }
    return true;
}

/* Below the local storage, without its display name; slashes around it do not count. */
static const char *below_local(struct link_request *request, const char *rest)
{
    while (*rest == '/') {
        rest++;
    }
    size_t size = strlen(rest);
    while (size > 0 && rest[size - 1] == '/') {
        size--;
    }
    struct buffer path = {0};
    const char *name = pi_storage_name(request, STORAGE_LOCAL);
    buffer_format(&path, "/%s/", name == NULL ? "" : name);
    buffer_append(&path, rest, size);
    const char *text = link_request_text(request, (struct slice){path.bytes, path.size});
    buffer_free(&path);
    return text;
}

/* --- listings --- */

static void write_space(struct json_writer *json, const char *key, uint64_t bytes)
{
    static const char units[] = "BKMGTP";
    size_t unit = 0;
    char text[40];
    for (; bytes >= 1024 && unit + 2 < sizeof units; unit++) {
        bytes /= 1024;
    }
    snprintf(text, sizeof text, "%llu %c", (unsigned long long)bytes, units[unit]);
    json_string(json, key, text);
}

static void send_tree(struct link_request *request, const char *path)
{
    /* Space is that of the Pi's own disk: none is known for a path of the card (cap 33). */
    const struct storage *local =
        path != NULL && pi_on_card(request, path) ? NULL : pi_storage(request, STORAGE_LOCAL);
    struct link_reply reply;
    struct json_writer json;
    pi_begin_cached(request, &reply, 200);
    json_begin(&json, &reply.body, JSON_PYTHON);
    json_object(&json, NULL);
    json_array(&json, "files");
    pi_write_tree(request, &json, path);
    json_array_end(&json);
    write_space(&json, "free", local == NULL ? 0 : storage_free_bytes(local));
    write_space(&json, "total", local == NULL ? 0 : storage_total_bytes(local));
    json_object_end(&json);
    pi_send(request, &reply, "application/json; charset=utf-8");
}

void pi_files(struct link_request *request)
{
    if (pi_fresh(request)) {
        send_tree(request, NULL);
    }
}

void pi_files_path(struct link_request *request)
{
    const char *rest = request->parameters[0];
    const char *path = display_path(request, rest, strlen(rest));
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (!pi_fresh(request)) {
        return;
    }
    if (node != NULL && node->folder) {
        send_tree(request, path);
        return;
    }
    struct link_reply reply;
    pi_begin_cached(request, &reply, 404);
    pi_send(request, &reply, NULL);
}

/* --- one file --- */

static void download(struct link_request *request, const char *path)
{
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (node == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    if (node->folder || pi_on_card(request, path)) {
        pi_send_500(request); /* it is not on the Pi's disk */
        return;
    }
    struct link_reply reply;
    pi_begin_reply(request, &reply, 200, PI_PLAIN);
    link_reply_header_format(&reply, "Content-Disposition", "attachment;filename=\"%s\"",
                             node->name);
    reply.content = file_content_share(node->content);
    pi_send(request, &reply, "application/octet-stream");
}

void pi_file_get(struct link_request *request)
{
    const char *rest = request->parameters[1];
    size_t size = strlen(rest);
    if (size > 4 && strcmp(rest + size - 4, "/raw") == 0) {
        download(request, display_path(request, rest, size - 4));
        return;
    }
    const char *path = display_path(request, rest, size);
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (node == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    if (link_quirk(request->face, 14)) {
        pi_send_500(request);
        return;
    }
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "name", pi_base_name(path));
    json_string(&json, "origin", pi_on_card(request, path) ? "sdcard" : "local");
    json_int(&json, "size", (int64_t)node->size);
    pi_write_refs(request, &json, node, path, path);
    json_object_end(&json);
    pi_send_json(request, 200, &body);
}

static const char *command_of(const struct cJSON *body)
{
    const struct cJSON *command = cJSON_GetObjectItemCaseSensitive(body, "command");
    return cJSON_IsString(command) ? command->valuestring : "";
}

/* Its path is kept without the slash in front, so that it never is the file of anybody's question
 * (cap 73). */
void pi_file_post(struct link_request *request)
{
    const char *rest = request->parameters[1];
    const char *path = display_path(request, rest, strlen(rest));
    if (strcmp(request->parameters[0], "sdcard") != 0 &&
        !pi_local_only(request, request->parameters[0])) {
        return;
    }
    struct cJSON *body = pi_body(request);
    const char *command = command_of(body);
    bool print = strcmp(command, "print") == 0, select = strcmp(command, "select") == 0;
    bool starts =
        print || (select && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "print")));
    cJSON_Delete(body);
    if (pi_tree_find(pi_of(request), path) == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
    } else if (!print && !select) {
        pi_send_empty(request, 400);
    } else if (pi_busy_printing(request)) {
        if (print) {
            pi_send_error(request, PI_CURRENTLY_PRINTING);
        } else {
            pi_send_empty(request, 400);
        }
    } else if (!starts) {
        pi_select(pi_of(request), path + 1);
        pi_send_empty(request, 204);
    } else if (pi_try_print(request, path)) {
        pi_send_empty(request, 204);
    } else {
        pi_send_failed_command(request, "Already printing");
    }
}

void pi_file_delete(struct link_request *request)
{
    if (!pi_local_only(request, request->parameters[0])) {
        return;
    }
    const char *path = below_local(request, request->parameters[1]);
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    if (node != NULL && node->folder) {
        pi_send_500_page(request);
        return;
    }
    pi_delete(request, path, false);
}

/* --- thumbnails --- */

void pi_thumbnail(struct link_request *request)
{
    const char *rest = request->parameters[0];
    const char *dot = strrchr(rest, '.');
    size_t size = dot == NULL ? 0 : (size_t)(dot - rest);
    if (size < 5 || memcmp(rest + size - 5, ".orig", 5) != 0) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    }
    struct buffer image = {0};
    const char *path = display_path(request, rest, size - 5);
    switch (pi_image(request, path, dot + 1, &image)) {
    case PI_IMAGE_UNKNOWN:
        pi_send_error(request, PI_FILE_NOT_FOUND);
        return;
    case PI_IMAGE_NONE:
        pi_send_error(request, PI_THUMBNAIL_GONE);
        return;
    case PI_IMAGE_THERE:
        break;
    }
    struct link_reply reply;
    pi_begin_reply(request, &reply, 200, PI_PLAIN);
    link_reply_header(&reply, "Cache-Control", "private, max-age=604800");
    reply.body = image;
    pi_send(request, &reply, strcmp(dot, ".png") == 0 ? "image/png" : "image/jpeg");
}

/* --- folders and moves --- */

static void send_refusal(struct link_request *request, enum storage_result result)
{
    if (result == STORAGE_BAD_PATH && !link_quirk(request->face, 4)) {
        pi_send_error(request, PI_LOCATION_NOT_FOUND);
    } else {
        pi_send_500(request);
    }
}

/* A slash in front makes it a path of the computer to Python's join(), ".." may lead up: the real
 * one writes there (quirk L-04). */
static bool leads_out(const char *path)
{
    bool out = *path == '/';
    for (const char *part = path; !out && part != NULL;
         part = strchr(part, '/') == NULL ? NULL : strchr(part, '/') + 1) {
        out = strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.';
    }
    return out;
}

void pi_folder_post(struct link_request *request)
{
    if (!pi_local_only(request, request->parameters[0])) {
        return;
    }
    const char *path = below_local(request, request->parameters[1]);
    const char *below = NULL;
    const struct storage *storage = machine_storage_of(pi_machine(request), path, &below);
    if (leads_out(request->parameters[1])) {
        send_refusal(request, STORAGE_BAD_PATH);
    } else if (pi_forbidden(request->parameters[1])) {
        pi_send_error(request, PI_FORBIDDEN_CHARACTERS);
    } else if (strlen(pi_base_name(path)) > PI_FOLDER_BYTES_MAX) {
        pi_send_error(request, PI_FOLDERNAME_TOO_LONG);
    } else if (storage != NULL && storage_find(storage, below) != NULL) {
        pi_send_error(request, PI_FOLDER_EXISTS);
    } else {
        pi_tree_new_folders(pi_of(request), path, true);
        enum storage_result result = machine_make_folder(pi_machine(request), path);
        if (result == STORAGE_OK) {
            pi_send_empty(request, 201);
        } else {
            send_refusal(request, result);
        }
    }
}

void pi_folder_delete(struct link_request *request)
{
    if (!pi_local_only(request, request->parameters[0])) {
        return;
    }
    const char *path = below_local(request, request->parameters[1]);
    const char *below = NULL;
    const struct storage *storage = machine_storage_of(pi_machine(request), path, &below);
    const struct file_node *node = storage == NULL ? NULL : storage_find(storage, below);
    if (node == NULL || !node->folder || *below == '\0') {
        pi_send_error(request, PI_FOLDER_NOT_FOUND);
        return;
    }
    enum storage_result result = machine_remove(pi_machine(request), path, true);
    if (result == STORAGE_OK) {
        pi_send_empty(request, 200);
    } else {
        send_refusal(request, result);
    }
}

static const char *path_member(struct link_request *request, const struct cJSON *body,
                               const char *key)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(body, key);
    return cJSON_IsString(value) ? below_local(request, value->valuestring) : NULL;
}

/* The folder that a path lies in exists. */
static bool has_folder(struct link_request *request, const char *path)
{
    const char *below = NULL;
    const struct storage *storage = machine_storage_of(pi_machine(request), path, &below);
    const char *slash = storage == NULL ? NULL : strrchr(below, '/');
    if (slash == NULL) {
        return true;
    }
    char *folder = memory_copy_slice(below, (size_t)(slash - below));
    bool there = storage_find(storage, folder) != NULL;
    free(folder);
    return there;
}

static void move(struct link_request *request, const char *source, const char *destination,
                 bool out)
{
    struct machine *machine = pi_machine(request);
    const char *below = NULL;
    const struct storage *storage = machine_storage_of(machine, source, &below);
    if (strcmp(source, destination) == 0) {
        pi_send_error(request, PI_SAME_DESTINATION);
    } else if (storage == NULL || storage_find(storage, below) == NULL) {
        pi_send_error(request, PI_FILE_NOT_FOUND);
    } else if (pi_busy_printing(request) && pi_is_selected(request, source)) {
        pi_send_error(request, PI_CURRENTLY_PRINTED);
    } else if (has_folder(request, destination) && link_quirk(request->face, 15)) {
        pi_send_empty(request, 201); /* and nothing was moved */
    } else if (out) {
        send_refusal(request, STORAGE_BAD_PATH);
    } else {
        char *folder = memory_copy_text(destination);
        *strrchr(folder, '/') = '\0';
        enum storage_result result =
            has_folder(request, destination) ? STORAGE_OK : machine_make_folder(machine, folder);
        free(folder);
        if (result == STORAGE_OK) {
            result = machine_rename_file(machine, source, destination);
        }
        if (result == STORAGE_OK) {
            pi_send_empty(request, 201);
        } else {
            send_refusal(request, result);
        }
    }
}

void pi_modify(struct link_request *request)
{
    if (!pi_local_only(request, request->parameters[0])) {
        return;
    }
    struct cJSON *body = pi_body(request);
    const char *source = path_member(request, body, "source");
    const char *destination = path_member(request, body, "destination");
    const struct cJSON *raw = cJSON_GetObjectItemCaseSensitive(body, "destination");
    bool out = cJSON_IsString(raw) && leads_out(raw->valuestring);
    cJSON_Delete(body);
    if (source == NULL || destination == NULL) {
        pi_send_500(request);
    } else if (pi_forbidden(destination)) {
        pi_send_error(request, PI_FORBIDDEN_CHARACTERS);
    } else {
        move(request, source, destination, out);
    }
}
