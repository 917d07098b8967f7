/* Rules about the file system: connect-sdk.md 13.6. */

#include <math.h>
#include <string.h>
#include <strings.h>

#include "harness/check/connect_contract_internal.h"
#include "mockservers/connect/tree.h"
#include "sim/base/world.h"

static const cJSON *files_of(const struct sight *sight)
{
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(sight->data, "files");
    return cJSON_IsObject(files) ? files : NULL;
}

static const cJSON *member(const cJSON *node, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(node, key);
}

static bool is_folder(const cJSON *node)
{
    return same(text_of(node, "type"), "DIR") || same(text_of(node, "type"), "FOLDER");
}

void judge_fs_01(struct sight *sight)
{
    if (!same(sight->event, "INFO") || member(sight->data, "files") == NULL) {
        return;
    }
    const cJSON *files = files_of(sight), *child;
    bool good = same(text_of(files, "type"), "DIR") && same(text_of(files, "name"), "/") &&
                cJSON_IsTrue(member(files, "read_only")) &&
                cJSON_IsArray(member(files, "children"));
    cJSON_ArrayForEach(child, member(files, "children"))
    {
        good = good && is_folder(child) && text_of(child, "name") != NULL;
    }
    verdict(sight, good, "a read-only DIR named / of storages", "%s named %s",
            or_none(text_of(files, "type")), or_none(text_of(files, "name")));
}

/* The first folder whose size is not the sum of what is below it; NULL: none. */
static const cJSON *wrong_sum(const cJSON *node)
{
    const cJSON *child, *children = member(node, "children"), *size = member(node, "size");
    double sum = 0;
    if (!cJSON_IsArray(children)) {
        return NULL;
    }
    cJSON_ArrayForEach(child, children)
    {
        const cJSON *wrong = wrong_sum(child);
        if (wrong != NULL) {
            return wrong;
        }
        const cJSON *its = member(child, "size");
        sum += cJSON_IsNumber(its) ? its->valuedouble : 0;
    }
    return cJSON_IsNumber(size) && fabs(size->valuedouble - sum) > 0.5 ? node : NULL;
}

static const cJSON *told_tree(const struct sight *sight)
{
    const cJSON *file = member(sight->data, "file");
    return files_of(sight) != NULL ? files_of(sight) : cJSON_IsObject(file) ? file : NULL;
}

void judge_fs_02(struct sight *sight)
{
    const cJSON *tree = told_tree(sight);
    if (tree != NULL && is_folder(tree)) {
        const cJSON *wrong = wrong_sum(tree);
        verdict(sight, wrong == NULL, "size = sum of the sizes below", "folder %s",
                or_none(text_of(wrong, "name")));
    }
}

static const char *hidden_name(const cJSON *node)
{
    const char *name = text_of(node, "name");
    if (name != NULL && *name == '.') {
        return name;
    }
    const cJSON *child;
    cJSON_ArrayForEach(child, member(node, "children"))
    {
        const char *hidden = hidden_name(child);
        if (hidden != NULL) {
            return hidden;
        }
    }
    return NULL;
}

void judge_fs_03(struct sight *sight)
{
    static const char *const keys[] = {"old_path", "new_path"};
    const cJSON *tree = told_tree(sight);
    const char *hidden = tree == NULL ? NULL : hidden_name(tree);
    bool about_files = tree != NULL;
    for (size_t i = 0; i < 2 && same(sight->event, "FILE_CHANGED"); i++) {
        const char *path = text_of(sight->data, keys[i]);
        about_files = true;
        if (path != NULL && strstr(path, "/.") != NULL) {
            hidden = path;
        }
    }
    if (about_files) {
        verdict(sight, hidden == NULL, "no name that begins with a dot", "%s", or_none(hidden));
    }
}

/* The last component, without slashes behind it. */
static bool last_component_is(const char *path, const char *name)
{
    size_t size = strlen(path), length = name == NULL ? 0 : strlen(name);
    while (size > 0 && path[size - 1] == '/') {
        size--;
    }
    return length > 0 && size > length && path[size - length - 1] == '/' &&
           memcmp(path + size - length, name, length) == 0;
}

struct change {
    const char *from, *to;
    const cJSON *file;
};

static bool read_change(const struct sight *sight, struct change *change)
{
    *change = (struct change){text_of(sight->data, "old_path"), text_of(sight->data, "new_path"),
                              member(sight->data, "file")};
    return same(sight->event, "FILE_CHANGED");
}

void judge_fs_04(struct sight *sight)
{
    struct change change;
    if (!read_change(sight, &change) || change.from != NULL) {
        return;
    }
    const char *name = text_of(change.file, "name");
    verdict(sight, change.to != NULL && name != NULL && last_component_is(change.to, name),
            "new_path and its file", "%s, file %s", or_none(change.to), or_none(name));
}

void judge_fs_05(struct sight *sight)
{
    struct change change;
    if (!read_change(sight, &change) || change.from == NULL || change.to == NULL ||
        !same(change.from, change.to)) {
        return;
    }
    verdict(sight, cJSON_IsObject(change.file) && cJSON_IsNumber(member(change.file, "size")),
            "file with its size", "%s of %s", change.file == NULL ? "no file" : "file without size",
            change.to);
}

void judge_fs_06(struct sight *sight)
{
    struct change change;
    if (!read_change(sight, &change) || change.from == NULL || change.to != NULL) {
        return;
    }
    /* free_space is missing when the storage itself has gone (8.5) */
    const cJSON *space = member(sight->data, "free_space");
    verdict(sight, change.file == NULL && (space == NULL || cJSON_IsNumber(space)),
            "old_path and free_space only", "%s of %s",
            change.file != NULL ? "a file too" : "an odd free_space", change.from);
}

void judge_fs_07(struct sight *sight)
{
    struct change change;
    if (read_change(sight, &change) && (change.from == NULL) != (change.to == NULL)) {
        verdict(sight, true, "", "%s", "");
    } else if (change.from != NULL && change.to != NULL) {
        verdict(sight, same(change.from, change.to), "a deletion, then a creation",
                "one event from %s to %s", change.from, change.to);
    }
}

static const char *type_of_name(const char *name)
{
    static const char *const print[] = {".gcode", ".gc", ".g", ".gco"};
    const char *dot = name == NULL ? NULL : strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof print / sizeof print[0]; i++) {
        if (strcasecmp(dot, print[i]) == 0) {
            return "PRINT_FILE";
        }
    }
    return dot != NULL && strcasecmp(dot, ".hex") == 0 ? "FIRMWARE" : "FILE";
}

void judge_fs_08(struct sight *sight)
{
    struct change change;
    if (!read_change(sight, &change) || !cJSON_IsObject(change.file)) {
        return;
    }
    const cJSON *child, *wrong = NULL;
    if (!is_folder(change.file) &&
        !same(text_of(change.file, "type"), type_of_name(text_of(change.file, "name")))) {
        wrong = change.file;
    }
    cJSON_ArrayForEach(child, member(change.file, "children"))
    {
        if (!is_folder(child) &&
            !same(text_of(child, "type"), type_of_name(text_of(child, "name")))) {
            wrong = child;
        }
    }
    verdict(sight, wrong == NULL, "the type of the extension", "%s for %s",
            or_none(text_of(wrong, "type")), or_none(text_of(wrong, "name")));
}

void judge_fs_09(struct sight *sight)
{
    bool in = same(sight->event, "MEDIUM_INSERTED"), out = same(sight->event, "MEDIUM_EJECTED");
    if (!in && !out) {
        return;
    }
    const char *root = text_of(sight->data, "root");
    bool named = root != NULL && root[0] == '/' && root[1] != '\0' && strchr(root + 1, '/') == NULL;
    const cJSON *files = files_of(sight);
    bool whole =
        in ? named && files != NULL && same(text_of(files, "name"), root + 1) && is_folder(files)
           : named && member(sight->data, "files") == NULL;
    bool there = in || !sight->subject->tree_whole ||
                 (named && connect_tree_find(tree_of(sight->subject), root) != NULL);
    verdict(sight, whole && there,
            in ? "root /<storage> and its files" : "the root of a storage that is there", "%s %s",
            or_none(root), whole ? "is not there" : "is not that");
}

/* ---- commands on files ---- */

static bool ends_well(const struct sight *sight)
{
    return same(sight->event, "FINISHED");
}

/* The tree says what was there when the command came only if nothing has changed around it (8.5:
 * changes are told after the command has ended). */
static const cJSON *settled_node(const struct sight *sight, bool *settled)
{
    const struct subject *subject = sight->subject;
    const char *path = path_of(sight->command);
    *settled = subject->tree_whole && path[0] == '/' &&
               (subject->tree_us == 0 || sight->time_us - subject->tree_us > SECONDS(2));
    return *settled ? connect_tree_find(tree_of(subject), path) : NULL;
}

void judge_fs_10(struct sight *sight)
{
    static const char *const names[] = {"CREATE_FOLDER", "CREATE_DIRECTORY", NULL};
    bool settled;
    if (!one_of(sight->command->name, names) || sight->command->deliveries > 1) {
        return;
    }
    const cJSON *node = settled_node(sight, &settled);
    if (ends_well(sight) || (node != NULL && is_folder(node))) {
        verdict(sight, ends_well(sight), "FINISHED for an existing folder", "%s of %s: %s",
                sight->event, path_of(sight->command), or_none(text_of(sight->data, "error")));
    }
}

/* `path` NULL: it is not known where it lies. */
static bool is_below(const char *path, const char *folder)
{
    return path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

void judge_fs_11(struct sight *sight)
{
    static const char *const names[] = {"DELETE_FOLDER", "DELETE_DIRECTORY", NULL};
    bool settled;
    if (!one_of(sight->command->name, names) || sight->command->deliveries > 1) {
        return;
    }
    const cJSON *node = settled_node(sight, &settled);
    if (node == NULL || !is_folder(node) || cJSON_GetArraySize(member(node, "children")) == 0 ||
        cJSON_IsTrue(member(node, "read_only")) || member(node, "read_only") == NULL ||
        is_below(sight->subject->job_path, path_of(sight->command))) {
        return; /* refused for another reason */
    }
    bool forced = sight->command->force_flag;
    verdict(sight, forced == ends_well(sight), "FAILED without force, FINISHED with it",
            "%s %s force", sight->event, forced ? "with" : "without");
}

void judge_fs_12(struct sight *sight)
{
    bool settled;
    if (!same(sight->command->name, "DELETE_FILE") || sight->command->deliveries > 1) {
        return;
    }
    const cJSON *node = settled_node(sight, &settled);
    const struct subject *subject = sight->subject;
    bool printing = (same(subject->state, "PRINTING") || same(subject->state, "PAUSED")) &&
                    same(subject->job_path, path_of(sight->command));
    bool guarded = settled && (node == NULL || is_folder(node) || printing ||
                               cJSON_IsTrue(member(node, "read_only")));
    if (guarded) {
        verdict(sight, !ends_well(sight), "FAILED", "%s of %s, %s", sight->event,
                path_of(sight->command),
                node == NULL ? "which is not there"
                : printing   ? "which is printed"
                             : "which is read-only or a folder");
    }
}

static bool agrees(const cJSON *told, const cJSON *known, const char *key)
{
    const cJSON *a = member(told, key), *b = member(known, key);
    return a == NULL || b == NULL || cJSON_Compare(a, b, true);
}

void judge_fs_13(struct sight *sight)
{
    if (!same(sight->event, "FILE_INFO")) {
        return;
    }
    const char *path = text_of(sight->data, "path");
    bool asked = path_of(sight->command)[0] == '\0' || same(path, path_of(sight->command));
    const cJSON *node = path == NULL ? NULL : connect_tree_find(tree_of(sight->subject), path);
    bool fits = node == NULL ||
                (agrees(sight->data, node, "size") && agrees(sight->data, node, "m_timestamp") &&
                 agrees(sight->data, node, "read_only"));
    verdict(sight, asked && fits, "the asked path, with what the tree says of it", "%s%s",
            or_none(path), fits ? "" : ", but other size, time or read_only");
}

/* Does the path, resolved, leave the storages that are known? */
static bool escapes(const struct subject *subject, const char *path)
{
    int depth = 0;
    char storage[256] = "/";
    for (const char *at = path; *at != '\0';) {
        at += strspn(at, "/");
        size_t size = strcspn(at, "/");
        if (size == 2 && at[0] == '.' && at[1] == '.') {
            depth--;
        } else if (size > 0 && !(size == 1 && at[0] == '.')) {
            depth++;
            if (depth == 1 && size < sizeof storage - 1) {
                memcpy(storage + 1, at, size);
                storage[size + 1] = '\0';
            }
        }
        if (depth < 0) {
            return true;
        }
        at += size;
    }
    return depth < 1 ||
           (subject->tree_whole && connect_tree_find(tree_of(subject), storage) == NULL);
}

void judge_fs_14(struct sight *sight)
{
    if ((sight->kind & SEE_EVENT) != 0) {
        struct change change;
        const char *path =
            read_change(sight, &change) && change.to != NULL ? change.to : change.from;
        if (path != NULL && strstr(path, "/../") != NULL) {
            verdict(sight, false, "no change outside a storage", "FILE_CHANGED of %s", path);
        }
        return;
    }
    static const char *const names[] = {
        "CREATE_FOLDER",    "CREATE_DIRECTORY", "DELETE_FILE", "DELETE_FOLDER",
        "DELETE_DIRECTORY", "START_PRINT",      NULL};
    const char *path = path_of(sight->command);
    if (one_of(sight->command->name, names) && strstr(path, "..") != NULL &&
        escapes(sight->subject, path)) {
        verdict(sight, !ends_well(sight), "FAILED", "%s of %s %s", sight->event,
                sight->command->name, path);
    }
}
