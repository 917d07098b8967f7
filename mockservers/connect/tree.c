#include "mockservers/connect/tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char *json_string_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void need_root(cJSON **root)
{
    if (*root == NULL) {
        *root = cJSON_CreateObject();
        cJSON_AddStringToObject(*root, "type", "DIR");
        cJSON_AddStringToObject(*root, "name", "/");
        cJSON_AddTrueToObject(*root, "read_only");
        cJSON_AddArrayToObject(*root, "children");
    }
}

static cJSON *children_of(const cJSON *folder)
{
    return cJSON_GetObjectItemCaseSensitive(folder, "children");
}

static cJSON *child_of(const cJSON *folder, const char *name, size_t size)
{
    cJSON *children = children_of(folder);
    cJSON *child;
    cJSON_ArrayForEach(child, children)
    {
        const char *its = json_string_of(child, "name");
        if (its != NULL && strlen(its) == size && memcmp(its, name, size) == 0) {
            return child;
        }
    }
    return NULL;
}

/* The node of a path, and through `parent` the folder that holds or would hold it (NULL: not
 * known), `name` its last component. */
static cJSON *find(const cJSON *root, const char *path, cJSON **parent, const char **name)
{
    cJSON *node = (cJSON *)(uintptr_t)root; /* one function for readers and writers */
    *parent = NULL;
    *name = path;
    while (*path == '/') {
        path++;
    }
    while (node != NULL && *path != '\0') {
        size_t size = strcspn(path, "/");
        *parent = node;
        *name = path;
        node = child_of(node, path, size);
        path += size;
        while (*path == '/') {
            path++;
        }
        if (node == NULL && *path != '\0') {
            *parent = NULL; /* a folder on the way is missing */
        }
    }
    return node;
}

const cJSON *connect_tree_find(const cJSON *root, const char *path)
{
    cJSON *parent;
    const char *name;
    return root == NULL ? NULL : find(root, path, &parent, &name);
}

static void remove_path(cJSON **root, const char *path)
{
    cJSON *parent;
    const char *name;
    cJSON *node = *root == NULL ? NULL : find(*root, path, &parent, &name);
    if (node != NULL && parent != NULL) {
        cJSON_Delete(cJSON_DetachItemViaPointer(children_of(parent), node));
    }
}

/* A node in the flat form becomes one in the legacy form; the children of a folder that is known
 * are kept, as the flat form lists only one level. */
static cJSON *legacy_node(const cJSON *file, const cJSON *known)
{
    cJSON *node = cJSON_Duplicate(file, true);
    const char *type = json_string_of(node, "type");
    bool folder = type != NULL && (strcmp(type, "FOLDER") == 0 || strcmp(type, "DIR") == 0);
    cJSON_ReplaceItemInObjectCaseSensitive(node, "type",
                                           cJSON_CreateString(folder ? "DIR" : "FILE"));
    cJSON *child;
    cJSON_ArrayForEach(child, children_of(node))
    {
        const char *child_type = json_string_of(child, "type");
        bool folders = child_type != NULL && strcmp(child_type, "FOLDER") == 0;
        cJSON_ReplaceItemInObjectCaseSensitive(child, "type",
                                               cJSON_CreateString(folders ? "DIR" : "FILE"));
    }
    if (folder && cJSON_GetArraySize(children_of(known)) > 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(node, "children");
        cJSON_AddItemToObject(node, "children", cJSON_Duplicate(children_of(known), true));
    }
    return node;
}

static void put_path(cJSON **root, const char *path, const cJSON *file)
{
    need_root(root);
    cJSON *parent;
    const char *name;
    cJSON *known = find(*root, path, &parent, &name);
    if (parent == NULL || !cJSON_IsArray(children_of(parent))) {
        return; /* its folder was never told: the next INFO will */
    }
    cJSON *node = legacy_node(file, known);
    if (known != NULL) {
        cJSON_ReplaceItemViaPointer(children_of(parent), known, node);
    } else {
        cJSON_AddItemToArray(children_of(parent), node);
    }
}

void connect_tree_insert(cJSON **root, const cJSON *data)
{
    const char *medium = json_string_of(data, "root");
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(data, "files");
    if (medium != NULL && cJSON_IsObject(files)) {
        remove_path(root, medium);
        put_path(root, medium, files);
    }
}

void connect_tree_eject(cJSON **root, const cJSON *data)
{
    const char *medium = json_string_of(data, "root");
    if (medium != NULL) {
        remove_path(root, medium);
    }
}

static void set_free_space(cJSON **root, const char *path, const cJSON *space)
{
    cJSON *storage = *root == NULL || !cJSON_IsNumber(space)
                         ? NULL
                         : child_of(*root, path + 1, strcspn(path + 1, "/"));
    if (storage != NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(storage, "free_space");
        cJSON_AddNumberToObject(storage, "free_space", space->valuedouble);
    }
}

void connect_tree_change(cJSON **root, const cJSON *data)
{
    const char *from = json_string_of(data, "old_path");
    const char *to = json_string_of(data, "new_path");
    const cJSON *file = cJSON_GetObjectItemCaseSensitive(data, "file");
    if (from != NULL && (to == NULL || strcmp(from, to) != 0)) {
        remove_path(root, from);
    }
    if (to != NULL && cJSON_IsObject(file)) {
        put_path(root, to, file);
    }
    const char *path = to != NULL ? to : from;
    if (path != NULL && *path == '/') {
        set_free_space(root, path, cJSON_GetObjectItemCaseSensitive(data, "free_space"));
    }
}
