#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/base64.h"
#include "sim/machine/metadata.h"
#include "sim/machine/sl1.h"
#include "sim/protocol/link/sl1_link.h"

/* The projects (prusalink.md 4.5, 4.6): what is told of them, their pictures and their bytes.
 * References are absolute and percent-encoded. */

/* ---- places ---- */

void sl1_full_path(struct buffer *out, const char *origin, const char *below)
{
    buffer_clear(out);
    buffer_format(out, "/%s%s%s", origin, *below == '\0' ? "" : "/", below);
}

bool sl1_find(struct link_face *face, const char *origin, const char *below,
              const struct storage **storage, const struct file_node **node)
{
    struct buffer path = {0};
    const char *rest;
    sl1_full_path(&path, origin, below);
    *storage = machine_storage_of(face->machine, buffer_text(&path), &rest);
    *node = *storage == NULL || file_path_hidden(rest) ? NULL : storage_find(*storage, rest);
    buffer_free(&path);
    return *storage != NULL;
}

/* ---- references ---- */

static void add_escaped(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char letter = (unsigned char)*text;
        bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                     (letter >= '0' && letter <= '9') || strchr("-._~/", letter) != NULL;
        if (plain) {
            buffer_append_char(out, *text);
        } else {
            buffer_format(out, "%%%02X", letter);
        }
    }
}

static void add_ref(struct link_request *request, struct json_writer *json, const char *key,
                    const char *interface, const char *origin, const char *below)
{
    struct buffer text = {0};
    buffer_format(&text, "http://%s/api/%s/%s", sl1_host(request), interface, origin);
    if (*below != '\0') {
        buffer_append_char(&text, '/');
        add_escaped(&text, below);
    }
    json_string(json, key, buffer_text(&text));
    buffer_free(&text);
}

/* Pictures are unpacked into a folder of each project's own. */
static uint32_t picture_folder(const char *origin, const char *below)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *at = origin; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    for (const char *at = below; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    return hash;
}

static void add_picture_ref(struct link_request *request, struct json_writer *json, const char *key,
                            const char *size, const char *origin, const char *below)
{
    struct buffer text = {0};
    buffer_format(&text,
                  "http://%s/api/thumbnails/local/tmp%08" PRIx32 "/thumbnail/thumbnail%s.png",
                  sl1_host(request), picture_folder(origin, below), size);
    json_string(json, key, buffer_text(&text));
    buffer_free(&text);
}

/* Pictures are told only where there are some. */
static void add_picture_refs(struct link_request *request, struct json_writer *json,
                             const char *origin, const char *below, const struct file_node *node)
{
    struct metadata *metadata = memory_new(sizeof *metadata);
    bool known = metadata_read(metadata, node->name, node->content);
    if (known && metadata_image(metadata, 800, 480) != NULL) {
        add_picture_ref(request, json, "thumbnailBig", "800x480", origin, below);
    }
    if (known && metadata_image(metadata, 400, 400) != NULL) {
        add_picture_ref(request, json, "thumbnailSmall", "400x400", origin, below);
    }
    metadata_free(metadata);
    free(metadata);
}

void sl1_write_refs(struct link_request *request, struct json_writer *json, const char *origin,
                    const char *below, const struct file_node *node)
{
    json_object(json, "refs");
    add_ref(request, json, "download", "downloads", origin, below);
    add_ref(request, json, "resource", "files", origin, below);
    if (node != NULL) {
        add_picture_refs(request, json, origin, below, node);
    }
    json_object_end(json);
}

void sl1_write_resource(struct link_request *request, struct json_writer *json, const char *origin,
                        const char *below)
{
    json_object(json, "refs");
    add_ref(request, json, "resource", "files", origin, below);
    json_object_end(json);
}

/* ---- entries ---- */

static bool readable(const struct file_node *node)
{
    struct error error;
    struct sl1 *project = sl1_open(node->content, NULL, &error);
    sl1_close(project);
    return project != NULL;
}

/* Nothing of a project that cannot be read. */
static void add_analysis(struct json_writer *json, const struct file_node *node)
{
    if (!readable(node)) {
        return;
    }
    struct metadata *metadata = memory_new(sizeof *metadata);
    bool known = metadata_read(metadata, node->name, node->content);
    const char *material = known ? metadata_json(metadata, "material") : NULL;
    json_object(json, "gcodeAnalysis");
    json_float(json, "estimatedPrintTime",
               known ? metadata_number(metadata, "estimated_print_time", 0) : 0);
    json_float(json, "layerHeight", known ? metadata_number(metadata, "layer_height", 0) : 0);
    if (material != NULL) {
        json_raw(json, "material", material, strlen(material));
    } else {
        json_string(json, "material", "");
    }
    json_object_end(json);
    metadata_free(metadata);
    free(metadata);
}

static bool shown(const struct link_face *face, const struct file_node *node)
{
    return !file_name_hidden(node->name) &&
           (node->folder || sl1_good_project_name(face, node->name));
}

/* What a walk through the folders carries. */
struct walk {
    struct link_request *request;
    struct json_writer *json;
    const char *origin;
    bool recursive;
};

static void add_entry(const struct walk *walk, const struct file_node *node, const char *below);

static void add_children(const struct walk *walk, const struct file_node *folder, const char *below)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        struct buffer path = {0};
        buffer_format(&path, "%s%s%s", below, *below == '\0' ? "" : "/", child->name);
        if (shown(walk->request->face, child)) {
            add_entry(walk, child, buffer_text(&path));
        }
        buffer_free(&path);
    }
}

/* As deep as the tree, which is FILE_DEPTH_MAX. */
static void add_entry(const struct walk *walk, const struct file_node *node, const char *below)
{
    struct json_writer *json = walk->json;
    json_object(json, NULL);
    if (node->folder) {
        json_array(json, "children");
        if (walk->recursive) {
            add_children(walk, node, below);
        }
        json_array_end(json);
    }
    json_float(json, "date", (double)node->modified_s);
    json_string(json, "display", node->name);
    if (!node->folder) {
        add_analysis(json, node);
    }
    json_string(json, "name", node->name);
    json_string(json, "origin", walk->origin);
    json_string(json, "path", below);
    if (node->folder) {
        sl1_write_resource(walk->request, json, walk->origin, below);
    } else {
        sl1_write_refs(walk->request, json, walk->origin, below, node);
    }
    json_int(json, "size", (int64_t)node->size);
    json_string(json, "type", node->folder ? "folder" : "machinecode");
    json_array(json, "typePath");
    json_string(json, NULL, node->folder ? "folder" : "machinecode");
    if (!node->folder) {
        json_string(json, NULL, "gcode");
    }
    json_array_end(json);
    json_object_end(json);
}

/* ---- listings ---- */

static bool wants_recursion(const struct link_request *request)
{
    return request->query != NULL && strstr(request->query, "recursive=true") != NULL;
}

/* True: it was answered with 304. */
static bool unchanged(struct link_request *request, char etag[24])
{
    const char *known = link_request_header(request, "If-None-Match");
    snprintf(etag, 24, "W/\"%08" PRIx32 "\"", sl1_link_of(request)->changes);
    if (known == NULL || strcmp(known, etag) != 0) {
        return false;
    }
    sl1_reply_empty(request, 304);
    return true;
}

static void add_space(struct link_face *face, struct json_writer *json, const char *key, bool total)
{
    const struct storage *storage = machine_storage_of(face->machine, "/local", NULL);
    uint64_t bytes = storage == NULL ? 0
                     : total         ? storage_total_bytes(storage)
                                     : storage_free_bytes(storage);
    json_int(json, key, (int64_t)bytes);
}

static void list(struct link_request *request, const char *only)
{
    struct link_face *face = request->face;
    struct buffer body = {0};
    struct json_writer json;
    char etag[24];
    if (unchanged(request, etag)) {
        return;
    }
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_array(&json, "files");
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        const struct storage *storage = machine_storage(face->machine, i);
        const struct walk walk = {request, &json, storage->name, wants_recursion(request)};
        if (only == NULL || strcmp(only, storage->name) == 0) {
            add_children(&walk, storage->root, "");
        }
    }
    json_array_end(&json);
    add_space(face, &json, "free", false);
    add_space(face, &json, "total", true);
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 200, &body, etag);
    buffer_free(&body);
}

void sl1_list_all(struct link_request *request)
{
    list(request, NULL);
}

/* {target}/{path}; without a path the whole target. */
void sl1_get_file(struct link_request *request)
{
    const char *origin = request->parameters[0];
    const char *below = request->parameters[1] == NULL ? "" : request->parameters[1];
    const struct storage *storage;
    const struct file_node *node;
    char etag[24];
    if (!sl1_find(request->face, origin, below, &storage, &node)) {
        sl1_reply_error(request, strcmp(origin, "usb") == 0 ? SL1_NO_DRIVE : SL1_FILE_NOT_FOUND, 0);
        return;
    }
    if (*below == '\0') {
        list(request, origin);
        return;
    }
    if (node == NULL || !shown(request->face, node)) {
        sl1_reply_error(request, SL1_FILE_NOT_FOUND, 0);
        return;
    }
    if (unchanged(request, etag)) {
        return;
    }
    struct buffer body = {0};
    struct json_writer json;
    const struct walk walk = {request, &json, origin, true};
    json_begin(&json, &body, JSON_COMPACT);
    add_entry(&walk, node, below);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 200, &body, etag);
    buffer_free(&body);
}

/* ---- orders ---- */

void sl1_delete_file(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    const struct storage *storage;
    const struct file_node *node;
    struct buffer path = {0};
    int code = 0;
    bool found =
        sl1_find(request->face, request->parameters[0], request->parameters[1], &storage, &node);
    sl1_full_path(&path, request->parameters[0], request->parameters[1]);
    if (!found || node == NULL || *request->parameters[1] == '\0') {
        code = SL1_FILE_NOT_FOUND;
    } else if (!sl1_let_go(machine, buffer_text(&path))) {
        code = SL1_NOT_IN_STATE;
    } else {
        enum storage_result result = machine_remove(machine, buffer_text(&path), false);
        code = result == STORAGE_OK          ? 0
               : result == STORAGE_NOT_EMPTY ? SL1_NOT_EMPTY
                                             : SL1_UNEXPECTED;
    }
    buffer_free(&path);
    if (code == 0) {
        sl1_reply_empty(request, 204);
    } else {
        sl1_reply_error(request, code, 0);
    }
}

static void open_file(struct link_request *request, bool print)
{
    int error = sl1_incoming_open(request->face, request->parameters[0], request->parameters[1],
                                  print ? SL1_PRINT : SL1_OPEN);
    if (error == 0) {
        sl1_reply_empty(request, 204);
    } else {
        sl1_reply_error(request, error, 0);
    }
}

/* {"command":"select"[,"print":true]}, or "copy" and "move" to a "destination". */
void sl1_select_file(struct link_request *request)
{
    char *command = sl1_body_text(request, "command");
    const char *name = command == NULL ? "" : command;
    if (strcmp(name, "select") == 0 || strcmp(name, "print") == 0) {
        open_file(request, strcmp(name, "print") == 0 || sl1_body_true(request, "print"));
    } else if (strcmp(name, "copy") == 0 || strcmp(name, "move") == 0) {
        sl1_copy_or_move(request, strcmp(name, "move") == 0);
    } else {
        sl1_reply_error(request, SL1_BAD_REQUEST, 0);
    }
    free(command);
}

/* ---- bytes ---- */

void sl1_download(struct link_request *request)
{
    const struct storage *storage;
    const struct file_node *node;
    sl1_find(request->face, request->parameters[0], request->parameters[1], &storage, &node);
    if (storage == NULL || node == NULL || node->folder) {
        sl1_reply_error(request, SL1_FILE_NOT_FOUND, 0);
        return;
    }
    struct buffer disposition = {0};
    buffer_append_text(&disposition, "attachment; filename=");
    add_escaped(&disposition, node->name);
    sl1_reply_content(request, "application/octet-stream", buffer_text(&disposition),
                      node->content);
    buffer_free(&disposition);
}

/* The project whose pictures are in this folder; NULL: none. */
static const struct file_node *find_project(const struct file_node *folder, const char *origin,
                                            const char *below, uint32_t wanted)
{
    const struct file_node *found = NULL;
    for (uint32_t i = 0; found == NULL && i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        struct buffer path = {0};
        buffer_format(&path, "%s%s%s", below, *below == '\0' ? "" : "/", child->name);
        if (child->folder) {
            found = find_project(child, origin, buffer_text(&path), wanted);
        } else if (picture_folder(origin, buffer_text(&path)) == wanted) {
            found = child;
        }
        buffer_free(&path);
    }
    return found;
}

static bool send_picture(struct link_request *request, const struct file_node *node, unsigned width,
                         unsigned height)
{
    struct metadata *metadata = memory_new(sizeof *metadata);
    const struct metadata_thumbnail *picture = NULL;
    bool sent = false;
    if (metadata_read(metadata, node->name, node->content)) {
        picture = metadata_image(metadata, width, height);
    }
    if (picture != NULL) {
        struct buffer bytes = {0};
        sent = base64_decode(&bytes, picture->text, picture->size);
        if (sent) {
            sl1_reply_bytes(request, "image/png", bytes.bytes, bytes.size);
        }
        buffer_free(&bytes);
    }
    metadata_free(metadata);
    free(metadata);
    return sent;
}

/* local/tmp01234567/thumbnail/thumbnail400x400.png */
void sl1_thumbnail(struct link_request *request)
{
    struct machine *machine = request->face->machine;
    unsigned width, height;
    uint32_t wanted;
    int end = 0;
    const struct file_node *node = NULL;
    if (sscanf(request->parameters[0], "local/tmp%8" SCNx32 "/thumbnail/thumbnail%4ux%4u.png%n",
               &wanted, &width, &height, &end) == 3 &&
        request->parameters[0][end] == '\0' && end > 0) {
        for (size_t i = 0; node == NULL && i < machine_storage_count(machine); i++) {
            const struct storage *storage = machine_storage(machine, i);
            node = find_project(storage->root, storage->name, "", wanted);
        }
    }
    if (node == NULL || !send_picture(request, node, width, height)) {
        sl1_reply_error(request, SL1_FILE_NOT_FOUND, 0);
    }
}
