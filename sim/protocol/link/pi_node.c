/* Files and folders as JSON: the v1 form, references to their other faces, metadata
 * (prusalink.md 3.8, 6.4, 6.5), and the legacy tree (4.5). */
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

static const char *node_name(const struct file_node *node, const char *path)
{
    return *node->name == '\0' ? pi_base_name(path) : node->name; /* of a root */
}

/* --- metadata: read once for each content, as the program's cache has it --- */

enum { FACTS_MAX = 512 };

struct pi_facts {
    struct file_content *content; /* NULL: of a name alone */
    char *name;
    char *json;                    /* the members of `meta`, without braces */
    char *material, *layer_height; /* as JSON; NULL: none */
    int64_t estimated_s;
    char image[8]; /* "png", "jpg"; "": none */
};

static void facts_free(struct pi_facts *facts)
{
    file_content_release(facts->content);
    free(facts->name);
    free(facts->json);
    free(facts->material);
    free(facts->layer_height);
}

void pi_facts_free(struct pi *pi)
{
    for (size_t i = 0; i < pi->facts_count; i++) {
        facts_free(&pi->facts[i]);
    }
    free(pi->facts);
    pi->facts = NULL;
    pi->facts_count = 0;
}

static int64_t estimate(const struct metadata *metadata)
{
    const char *text = metadata_json(metadata, "estimated printing time (normal mode)");
    if (text == NULL || *text != '"') {
        return -1;
    }
    char *plain = memory_copy_slice(text + 1, strlen(text) - 2);
    int64_t seconds = metadata_seconds(plain);
    free(plain);
    return seconds;
}

static void read_facts(struct pi_facts *facts)
{
    struct metadata metadata;
    struct buffer json = {0};
    facts->estimated_s = -1;
    if (!metadata_read(&metadata, facts->name, facts->content)) {
        facts->json = memory_copy_text("");
        return;
    }
    for (size_t i = 0; i < metadata.count; i++) {
        buffer_append_char(&json, '"');
        json_escape(&json, JSON_PYTHON, metadata.items[i].key, strlen(metadata.items[i].key));
        buffer_format(&json, "\": %s, ", metadata.items[i].json);
    }
    facts->estimated_s = estimate(&metadata);
    facts->material = memory_copy_text(metadata_json(&metadata, "filament_type"));
    facts->layer_height = memory_copy_text(metadata_json(&metadata, "layer_height"));
    const struct metadata_thumbnail *image = metadata_image(&metadata, 640, 480);
    const char *format = image == NULL ? NULL : strrchr(image->key, '_');
    if (format != NULL) {
        memcpy(facts->image, strcmp(format, "_PNG") == 0 ? "png" : "jpg", 4);
    }
    facts->json = buffer_detach(&json);
    metadata_free(&metadata);
}

static const struct pi_facts *facts_of(struct link_request *request, const struct file_node *node,
                                       const char *path)
{
    struct pi *pi = pi_of(request);
    const char *below;
    const struct storage *storage = machine_storage_of(pi_machine(request), path, &below);
    bool readable = storage != NULL && storage->kind != STORAGE_SDCARD &&
                    storage_find(storage, below) != NULL; /* the tree may be behind (cap 35) */
    struct file_content *content = readable ? node->content : NULL;
    for (size_t i = 0; i < pi->facts_count; i++) {
        if (pi->facts[i].content == content && strcmp(pi->facts[i].name, node->name) == 0) {
            return &pi->facts[i];
        }
    }
    if (pi->facts_count == FACTS_MAX) {
        pi_facts_free(pi);
    }
    pi->facts = memory_resize(pi->facts, (pi->facts_count + 1) * sizeof *pi->facts);
    struct pi_facts *facts = &pi->facts[pi->facts_count++];
    *facts = (struct pi_facts){.content = content == NULL ? NULL : file_content_share(content),
                               .name = memory_copy_text(node->name)};
    read_facts(facts);
    return facts;
}

void pi_write_meta(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path)
{
    const struct pi_facts *facts = facts_of(request, node, path);
    struct buffer meta = {0};
    buffer_format(&meta, "{%s\"estimated_print_time\": ", facts->json);
    if (facts->estimated_s >= 0) {
        buffer_append_int(&meta, facts->estimated_s);
    } else {
        buffer_append_text(&meta, "null");
    }
    buffer_append_char(&meta, '}');
    json_raw(json, "meta", meta.bytes, meta.size);
    buffer_free(&meta);
}

int64_t pi_estimated_s(struct link_request *request, const char *path)
{
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    return node == NULL || node->folder ? -1 : facts_of(request, node, path)->estimated_s;
}

/* --- pictures --- */

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static void decode_base64(struct buffer *out, const char *text, size_t size)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        int value = base64_value(text[i]);
        if (value < 0) {
            continue;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++count % 4 != 1) {
            buffer_append_char(out, (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xFF));
        }
    }
}

enum pi_image pi_image(struct link_request *request, const char *path, const char *format,
                       struct buffer *image)
{
    const struct file_node *node = pi_tree_find(pi_of(request), path);
    struct metadata metadata;
    if (node == NULL || node->folder || pi_on_card(request, path) ||
        !metadata_read(&metadata, node->name, node->content)) {
        return PI_IMAGE_UNKNOWN;
    }
    const struct metadata_thumbnail *found = metadata_image(&metadata, 640, 480);
    const struct pi_facts *facts = facts_of(request, node, path);
    enum pi_image result = metadata.count == 0 ? PI_IMAGE_UNKNOWN : PI_IMAGE_NONE;
    if (found != NULL && strcmp(facts->image, format) == 0) {
        decode_base64(image, found->text, found->size);
        result = PI_IMAGE_THERE;
    }
    metadata_free(&metadata);
    return result;
}

/* --- references --- */

void pi_write_refs(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path, const char *shown)
{
    bool card = pi_on_card(request, path);
    struct buffer text = {0};
    json_object(json, "refs");
    if (card) {
        json_null(json, "download");
    } else {
        buffer_format(&text, "/api/files/local%s/raw", shown);
        json_text(json, "download", text.bytes, text.size);
    }
    if (pi_printable(node->name)) {
        const struct pi_facts *facts = facts_of(request, node, path);
        json_null(json, "icon");
        text.size = 0;
        buffer_format(&text, "/api/thumbnails%s.orig.%s", shown, facts->image);
        json_string(json, "thumbnail", card || *facts->image == '\0' ? NULL : text.bytes);
    }
    buffer_free(&text);
    json_object_end(json);
}

/* --- the v1 form --- */

static void write_common(struct link_request *request, struct json_writer *json,
                         const struct file_node *node, const char *path)
{
    bool card = pi_on_card(request, path);
    bool blind = pi_tree_blind(pi_of(request), path);
    json_string(json, "type", pi_file_type(node));
    json_string(json, "name", node_name(node, path));
    if (!blind) {
        json_bool(json, "read_only", card || node->read_only);
    }
    if (!blind && !(card && node->folder)) {
        json_int(json, "m_timestamp", node->modified_s);
    }
    json_int(json, "size", (int64_t)node->size);
}

static void write_children(struct link_request *request, struct json_writer *json,
                           const struct file_node *node, const char *path)
{
    struct buffer below = {0};
    buffer_append_text(&below, path);
    buffer_append_char(&below, '/');
    size_t size = below.size;
    json_array(json, "children");
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct file_node *child = node->children[i];
        below.size = size;
        buffer_append_text(&below, child->name);
        json_object(json, NULL);
        write_common(request, json, child, below.bytes);
        json_string(json, "display_name", child->name);
        if (!child->folder) {
            pi_write_refs(request, json, child, below.bytes, below.bytes);
        }
        json_object_end(json);
    }
    json_array_end(json);
    buffer_free(&below);
}

void pi_write_node(struct link_request *request, struct json_writer *json,
                   const struct file_node *node, const char *path, const char *shown)
{
    write_common(request, json, node, path);
    if (node->folder) {
        write_children(request, json, node, path);
        bool local_root = *node->name == '\0' && !pi_on_card(request, path);
        json_string(json, "display_name", local_root ? pi_base_name(path) : pi_base_name(shown));
        return;
    }
    json_string(json, "display_name", pi_base_name(shown));
    pi_write_refs(request, json, node, path, shown);
    if (pi_printable(node->name)) {
        pi_write_meta(request, json, node, path);
    }
}

/* --- the legacy tree --- */

static void write_type_path(struct json_writer *json, const char *first, const char *second)
{
    json_array(json, "typePath");
    json_string(json, NULL, first);
    if (second != NULL) {
        json_string(json, NULL, second);
    }
    json_array_end(json);
}

static int newest_first(const struct file_node *a, const struct file_node *b)
{
    if (a->folder != b->folder) {
        return a->folder ? -1 : 1;
    }
    return a->modified_s > b->modified_s ? -1 : a->modified_s < b->modified_s ? 1 : 0;
}

/* What can be printed, in the order of the answer; equal ones stay as they are, as Python's sort
 * has it.
 */
static const struct file_node **sorted(const struct file_node *folder, size_t *count)
{
    const struct file_node **list =
        memory_new_array(folder->child_count + 1, sizeof(struct file_node *));
    *count = 0;
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        if (child->folder || pi_printable(child->name)) {
            list[(*count)++] = child;
        }
    }
    for (size_t i = 1; i < *count; i++) { /* insertion: stable, and nearly sorted already */
        const struct file_node *node = list[i];
        size_t at = i;
        for (; at > 0 && newest_first(list[at - 1], node) > 0; at--) {
            list[at] = list[at - 1];
        }
        list[at] = node;
    }
    return list;
}

struct legacy {
    struct link_request *request;
    struct json_writer *json;
    struct buffer real;  /* "/SD Card/Parts" */
    struct buffer shown; /* as the answer has it */
    bool card;           /* the origin that is told */
    bool relative;       /* to a folder: then nothing is known of what is in a file */
};

static void write_legacy(struct legacy *legacy, const struct file_node *node);

static void write_legacy_file(struct legacy *legacy, const struct file_node *node)
{
    struct json_writer *json = legacy->json;
    const char *shown = legacy->shown.bytes;
    static const struct pi_facts nothing = {.estimated_s = -1};
    const struct pi_facts *facts =
        legacy->relative ? &nothing : facts_of(legacy->request, node, legacy->real.bytes);
    struct buffer text = {0};
    json_string(json, "origin", legacy->card ? "sdcard" : "local");
    json_string(json, "type", "machinecode");
    write_type_path(json, "machinecode", "gcode");
    json_null(json, "hash");
    json_object(json, "refs");
    buffer_format(&text, "/api/files/local%s/raw", shown);
    json_string(json, "download", legacy->card ? NULL : text.bytes);
    json_null(json, "icon");
    text.size = 0;
    buffer_format(&text, "/api/thumbnails%s.orig.%s", shown, facts->image);
    json_string(json, "thumbnail", *facts->image == '\0' ? NULL : text.bytes);
    buffer_free(&text);
    json_object_end(json);
    if (legacy->card) {
        json_bool(json, "read_only", true);
    }
    json_object(json, "gcodeAnalysis");
    if (facts->estimated_s >= 0) {
        json_int(json, "estimatedPrintTime", facts->estimated_s);
    } else {
        json_null(json, "estimatedPrintTime");
    }
    const char *material = facts->material == NULL ? "null" : facts->material;
    const char *height = facts->layer_height == NULL ? "null" : facts->layer_height;
    json_raw(json, "material", material, strlen(material));
    json_raw(json, "layerHeight", height, strlen(height));
    json_object_end(json);
}

static void write_legacy_folder(struct legacy *legacy, const struct file_node *node)
{
    struct json_writer *json = legacy->json;
    if (legacy->card && *node->name == '\0') {
        json_bool(json, "read_only", true);
    }
    json_string(json, "type", "folder");
    write_type_path(json, "folder", NULL);
    json_string(json, "origin", legacy->card ? "sdcard" : "local");
    json_object(json, "refs");
    json_null(json, "resource");
    json_object_end(json);
    json_array(json, "children");
    size_t count;
    const struct file_node **list = sorted(node, &count);
    for (size_t i = 0; i < count; i++) {
        write_legacy(legacy, list[i]);
    }
    free(list);
    json_array_end(json);
}

static void write_legacy(struct legacy *legacy, const struct file_node *node)
{
    struct json_writer *json = legacy->json;
    size_t real = legacy->real.size, shown = legacy->shown.size;
    if (*node->name != '\0') {
        buffer_format(&legacy->real, "/%s", node->name);
        buffer_format(&legacy->shown, "/%s", node->name);
    }
    const char *name = pi_base_name(legacy->real.bytes);
    bool card = pi_on_card(legacy->request, legacy->real.bytes);
    bool dated =
        !(card && node->folder) && !pi_tree_blind(pi_of(legacy->request), legacy->real.bytes);
    json_object(json, NULL);
    json_string(json, "name", name);
    json_text(json, "path", legacy->shown.bytes, legacy->shown.size);
    json_string(json, "display", name);
    if (dated) {
        json_int(json, "date", node->modified_s);
    } else {
        json_null(json, "date");
    }
    json_int(json, "size", (int64_t)node->size);
    if (node->folder) {
        write_legacy_folder(legacy, node);
    } else {
        write_legacy_file(legacy, node);
    }
    json_object_end(json);
    legacy->real.size = real;
    legacy->real.bytes[real] = '\0';
    legacy->shown.size = shown;
    legacy->shown.bytes[shown] = '\0';
}

/* All storages (path NULL), or what is in a folder, whose path the answers leave out; those call
 * everything local (cap 33). */
void pi_write_tree(struct link_request *request, struct json_writer *json, const char *path)
{
    struct pi *pi = pi_of(request);
    struct legacy legacy = {.request = request, .json = json, .relative = path != NULL};
    buffer_append_text(&legacy.shown, "");
    for (size_t i = 0; path == NULL && i < pi->view_count; i++) {
        legacy.real.size = legacy.shown.size = 0;
        buffer_format(&legacy.real, "/%s", pi->views[i].name);
        buffer_format(&legacy.shown, "/%s", pi->views[i].name);
        legacy.card = pi_on_card(request, legacy.real.bytes);
        write_legacy(&legacy, pi->views[i].root);
    }
    if (path != NULL) {
        const struct file_node *node = pi_tree_find(pi, path);
        size_t count;
        const struct file_node **list = sorted(node, &count);
        buffer_append_text(&legacy.real, path);
        for (size_t i = 0; i < count; i++) {
            write_legacy(&legacy, list[i]);
        }
        free(list);
    }
    buffer_free(&legacy.real);
    buffer_free(&legacy.shown);
}
