#include "harness/sync/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/sync/names.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

/* ---- Keys ----
 * Both sides by the key under which the printer's file system finds them. */

struct key {
    char *text;
    size_t index;
};

struct keys {
    struct key *items; /* by text */
    size_t count;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *one = a, *other = b;
    int order = strcmp(one->text, other->text);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

static void keys_add(struct keys *keys, const char *path, bool fold, size_t index)
{
    keys->items[keys->count++] = (struct key){.text = sync_name_key(path, fold), .index = index};
}

static void keys_sort(struct keys *keys)
{
    if (keys->count > 0) {
        qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    }
}

/* The first item of that text; `count` gets how many have it. */
static const struct key *keys_find(const struct keys *keys, const char *text, size_t *count)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys->items[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < keys->count && strcmp(keys->items[end].text, text) == 0) {
        end++;
    }
    if (count != NULL) {
        *count = end - low;
    }
    return end > low ? &keys->items[low] : NULL;
}

static void keys_free(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->items[i].text);
    }
    free(keys->items);
}

/* ---- Making ---- */

enum mark {
    MARK_EXCESS,    /* nothing here is like it */
    MARK_MATCHED,   /* a file or folder here is */
    MARK_PROTECTED, /* something is wrong with its like here, or it is nobody's business: stays as it is */
};

struct making {
    struct sync_plan *plan;
    const struct sync_folder *folder;
    const struct sync_tree *tree;
    const struct sync_target *target;
    const struct sync_policy *policy;
    bool fold;
    struct keys files, folders, remote, short_names;
    enum mark *marks; /* of the tree's entries */
};

static struct sync_action *add_action(struct making *making, enum sync_act act, const char *path, const char *reason)
{
    struct sync_plan *plan = making->plan;
    if ((plan->count & (plan->count + 1)) == 0) {
        plan->actions = memory_resize(plan->actions, (2 * plan->count + 2) * sizeof *plan->actions);
    }
    struct sync_action *action = &plan->actions[plan->count++];
    *action = (struct sync_action){.act = act, .path = memory_copy_text(path), .reason = reason};
    return action;
}

static void add_conflict(struct making *making, const char *path, const char *why, const char *other)
{
    struct sync_plan *plan = making->plan;
    struct buffer text = {0};
    buffer_format(&text, "%s%s", why, other);
    plan->conflicts = memory_resize(plan->conflicts, (plan->conflict_count + 1) * sizeof *plan->conflicts);
    plan->conflicts[plan->conflict_count++] =
        (struct sync_conflict){.path = memory_copy_text(path), .why = buffer_detach(&text)};
}

static void add_unsure(struct making *making, size_t entry)
{
    struct sync_plan *plan = making->plan;
    plan->unsure = memory_resize(plan->unsure, (plan->unsure_count + 1) * sizeof *plan->unsure);
    plan->unsure[plan->unsure_count++] = entry;
}

/* Why the file there is not the one here; NULL: it is. `unsure`: a size could still tell. */
static const char *difference(const struct making *making, const struct sync_file *file,
                              const struct sync_entry *entry, bool *unsure)
{
    const struct sync_target *target = making->target;
    struct sync_record record;
    bool dated = entry->modified_s >= SYNC_CLOCKLESS_S;
    *unsure = false;
    if (entry->differs) {
        return "content";
    }
    if (target->record != NULL && target->record(target->owner, file->path, &record) &&
        record.remote_s == entry->modified_s && (entry->size < 0 || (uint64_t)entry->size == record.size)) {
        if (record.size == file->size && record.modified_us == file->modified_us) {
            return NULL;
        }
        return record.size != file->size ? "size" : "changed";
    }
    if (entry->size >= 0 && (uint64_t)entry->size != file->size) {
        return "size";
    }
    /* A time that is unknown tells nothing (SYNC-27); the size has to do. */
    int64_t here_s = file->modified_us / 1000000 + target->clock_ahead_s;
    if (dated && here_s > entry->modified_s + making->policy->tolerance_s) {
        return "newer";
    }
    *unsure = entry->size < 0;
    return NULL;
}

static bool same_text(const char *one, const char *other)
{
    char *a = sync_name_key(one, false), *b = sync_name_key(other, false);
    bool same = strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

/* A file that is on both sides. */
static void plan_common(struct making *making, const struct sync_file *file, size_t index)
{
    const struct sync_entry *entry = &making->tree->entries[index];
    making->marks[index] = MARK_PROTECTED;
    bool unsure;
    if (entry->folder) {
        add_conflict(making, file->path, "the printer has a folder of this name", "");
        return;
    }
    const char *reason = difference(making, file, entry, &unsure);
    bool renamed = !same_text(file->path, entry->path);
    if (reason == NULL && !renamed) {
        making->plan->same++;
        if (unsure) {
            add_unsure(making, index);
        }
        return;
    }
    if (entry->in_print) {
        add_conflict(making, file->path, "it differs, and the printer is printing it", "");
    } else if (entry->read_only) {
        add_conflict(making, file->path, "it differs, and the printer says that it cannot be changed", "");
    } else if (renamed) { /* SYNC-37: replacing would keep the old letters */
        struct sync_action *aside = add_action(making, SYNC_DELETE, entry->path, "other letters");
        aside->address = memory_copy_text(entry->address);
        aside->aside = true;
        add_action(making, SYNC_UPLOAD, file->path, "other letters")->file = file;
    } else {
        struct sync_action *action = add_action(making, SYNC_REPLACE, file->path, reason);
        action->address = memory_copy_text(entry->address);
        action->file = file;
        action->replaced_s = entry->modified_s;
    }
}

/* A long name that is another file's short name would hit that file (10.3 scenario 8). */
static const struct sync_entry *short_name_holder(const struct making *making, const char *path)
{
    if (!making->fold) {
        return NULL;
    }
    char *key = sync_name_key(path, true);
    size_t count = 0;
    const struct key *found = keys_find(&making->short_names, key, &count);
    const struct sync_entry *holder = NULL;
    for (size_t i = 0; i < count && holder == NULL; i++) {
        const struct sync_entry *entry = &making->tree->entries[found[i].index];
        bool leaves = making->marks[found[i].index] == MARK_EXCESS && !making->policy->keep_excess;
        holder = strcmp(entry->key, key) != 0 && !leaves ? entry : NULL;
    }
    free(key);
    return holder;
}

/* A file or folder that is missing there. */
static bool can_be_made(struct making *making, const char *path)
{
    char *address = sync_tree_address(making->tree, making->target->destination, path);
    const char *why = sync_name_problem(making->target->flavour, address, path);
    free(address);
    const struct sync_entry *holder = why == NULL ? short_name_holder(making, path) : NULL;
    if (why != NULL) {
        add_conflict(making, path, why, "");
    } else if (holder != NULL) {
        add_conflict(making, path, "this is the short name of ", holder->path);
    } else if (making->target->read_only) {
        why = "the printer's storage cannot be written";
        add_conflict(making, path, why, "");
    }
    return why == NULL && holder == NULL;
}

static const struct sync_entry *remote_of(const struct making *making, const char *path)
{
    char *key = sync_name_key(path, making->fold);
    const struct key *found = keys_find(&making->remote, key, NULL);
    free(key);
    return found == NULL ? NULL : &making->tree->entries[found->index];
}

/* A file that is in a folder's place and won't be deleted. */
static bool in_the_way(const struct making *making, const struct sync_entry *entry)
{
    return entry != NULL && !entry->folder &&
           (making->policy->keep_excess || entry->read_only || entry->in_print || !entry->print_file);
}

/* A file there that stays and has the name of a folder on the way. */
static bool parent_blocked(struct making *making, const char *path)
{
    bool blocked = false;
    for (const char *slash = strchr(path, '/'); slash != NULL && !blocked; slash = strchr(slash + 1, '/')) {
        char *parent = memory_copy_slice(path, (size_t)(slash - path));
        const struct sync_entry *entry = remote_of(making, parent);
        blocked = in_the_way(making, entry);
        if (blocked) {
            add_conflict(making, path, "the printer has a file where this folder should be: ", entry->path);
        }
        free(parent);
    }
    return blocked;
}

/* More files here than one become the same there: none of them is touched, as each would replace the other in turn
 * (SYNC-38). */
static void plan_clash(struct making *making, const struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *other = making->folder->files[keys[i == 0 ? 1 : 0].index].path;
        add_conflict(making, making->folder->files[keys[i].index].path, "for the printer this is the same name as ",
                     other);
    }
}

static void plan_files(struct making *making, bool missing)
{
    for (size_t i = 0; i < making->files.count;) {
        const struct key *key = &making->files.items[i];
        size_t count, remote_count;
        keys_find(&making->files, key->text, &count);
        const struct sync_file *file = &making->folder->files[key->index];
        const struct key *remote = keys_find(&making->remote, key->text, &remote_count);
        bool there = remote != NULL;
        if (count > 1 && missing) {
            plan_clash(making, key, count);
        }
        for (size_t k = 0; k < remote_count && count > 1; k++) {
            making->marks[remote[k].index] = MARK_PROTECTED;
        }
        if (count == 1 && there && !missing) {
            plan_common(making, file, remote->index);
        } else if (count == 1 && !there && missing && !parent_blocked(making, file->path) &&
                   can_be_made(making, file->path)) {
            add_action(making, SYNC_UPLOAD, file->path, "missing")->file = file;
        }
        i += count;
    }
}

/* Folders that hold a file which this printer takes, and those that hold nothing at all. */
static bool folder_wanted(const struct making *making, const char *path)
{
    size_t size = strlen(path);
    bool empty = true;
    for (size_t i = 0; i < making->folder->count; i++) {
        const char *file = making->folder->files[i].path;
        if (strncmp(file, path, size) == 0 && file[size] == '/') {
            empty = false;
            if (sync_name_prints(making->target->flavour, file)) {
                return true;
            }
        }
    }
    return empty;
}

static void plan_folders(struct making *making)
{
    for (size_t i = 0; i < making->folder->folder_count; i++) {
        const char *path = making->folder->folders[i];
        const struct sync_entry *entry = remote_of(making, path);
        if (entry != NULL && entry->folder) {
            making->marks[entry - making->tree->entries] = MARK_MATCHED;
        } else if (!sync_rules_exclude(&(struct sync_rules){.exclude = making->policy->rules->exclude,
                                                            .exclude_count = making->policy->rules->exclude_count},
                                       path) &&
                   folder_wanted(making, path) && !parent_blocked(making, path) && !in_the_way(making, entry) &&
                   can_be_made(making, path)) {
            add_action(making, SYNC_MAKE_FOLDER, path, "missing");
        }
    }
}

static bool is_ignored_here(const struct making *making, const char *key)
{
    for (size_t i = 0; i < making->folder->ignored_count; i++) {
        char *other = sync_name_key(making->folder->ignored[i], making->fold);
        bool same = strcmp(key, other) == 0;
        free(other);
        if (same) {
            return true;
        }
    }
    return false;
}

/* Files there that are not here. Marks the ones that stay. */
static void plan_excess(struct making *making)
{
    size_t before = making->plan->count;
    for (size_t i = 0; i < making->tree->count; i++) {
        const struct sync_entry *entry = &making->tree->entries[i];
        if (making->marks[i] != MARK_EXCESS || entry->folder) {
            continue;
        }
        making->marks[i] = MARK_PROTECTED;
        if (!entry->print_file || making->policy->keep_excess ||
            sync_rules_exclude(making->policy->rules, entry->path) || is_ignored_here(making, entry->key)) {
            making->plan->kept++;
        } else if (entry->in_print || entry->read_only) {
            making->plan->kept++;
            add_conflict(making, entry->path,
                         entry->in_print ? "it is not in the folder, and the printer is printing it"
                                         : "it is not in the folder, and the printer says that it cannot be deleted",
                         "");
        } else {
            making->marks[i] = MARK_EXCESS;
            add_action(making, SYNC_DELETE, entry->path, "not in the folder")->address =
                memory_copy_text(entry->address);
        }
    }
    size_t deletions = making->plan->count - before;
    if (deletions <= making->policy->delete_max) {
        return;
    }
    struct buffer why = {0};
    buffer_format(&why, "%zu files would be deleted, more than --max-delete allows", deletions);
    add_conflict(making, making->target->destination, buffer_text(&why), "");
    buffer_free(&why);
    while (making->plan->count > before) {
        struct sync_action *action = &making->plan->actions[--making->plan->count];
        free(action->path);
        free(action->address);
        making->plan->kept++;
    }
}

/* Empty ones go one by one, the deepest first. What we cannot see in them, as Buddy's hidden files, makes the printer
 * refuse, and they stay. */
static void plan_excess_folders(struct making *making)
{
    for (size_t i = making->tree->count; i-- > 0;) {
        const struct sync_entry *folder = &making->tree->entries[i];
        if (!folder->folder || making->marks[i] != MARK_EXCESS || folder->read_only ||
            sync_rules_exclude(making->policy->rules, folder->path)) {
            continue;
        }
        bool emptied = true;
        size_t size = strlen(folder->path);
        for (size_t k = 0; k < making->tree->count && emptied; k++) {
            const struct sync_entry *inner = &making->tree->entries[k];
            bool inside = strncmp(inner->path, folder->path, size) == 0 && inner->path[size] == '/';
            emptied = !inside || making->marks[k] == MARK_EXCESS;
        }
        if (emptied) {
            add_action(making, SYNC_DELETE_FOLDER, folder->path, "not in the folder")->address =
                memory_copy_text(folder->address);
        }
    }
}

static int compare_actions(const void *a, const void *b)
{
    const struct sync_action *one = a, *other = b;
    if (one->act != other->act) {
        return one->act < other->act ? -1 : 1;
    }
    int order = strcmp(one->path, other->path);
    return one->act == SYNC_DELETE_FOLDER ? -order : order;
}

static void make_keys(struct making *making)
{
    const struct sync_folder *folder = making->folder;
    const struct sync_tree *tree = making->tree;
    making->files.items = memory_new_array(folder->count + 1, sizeof *making->files.items);
    making->remote.items = memory_new_array(tree->count + 1, sizeof *making->remote.items);
    making->short_names.items = memory_new_array(tree->count + 1, sizeof *making->short_names.items);
    making->marks = memory_new_array(tree->count + 1, sizeof *making->marks);
    for (size_t i = 0; i < folder->count; i++) {
        if (sync_name_prints(making->target->flavour, folder->files[i].path)) {
            keys_add(&making->files, folder->files[i].path, making->fold, i);
        } else {
            making->plan->foreign++;
        }
    }
    for (size_t i = 0; i < tree->count; i++) {
        const struct sync_entry *entry = &tree->entries[i];
        const char *slash = strrchr(entry->path, '/');
        char *parent = memory_copy_slice(entry->path, slash == NULL ? 0 : (size_t)(slash - entry->path));
        char *beside = sync_path_join(parent, entry->short_name);
        keys_add(&making->remote, entry->path, making->fold, i);
        keys_add(&making->short_names, beside, making->fold, i);
        free(beside);
        free(parent);
    }
    keys_sort(&making->files);
    keys_sort(&making->remote);
    keys_sort(&making->short_names);
}

void sync_plan_make(struct sync_plan *plan, const struct sync_folder *folder, const struct sync_tree *tree,
                    const struct sync_target *target, const struct sync_policy *policy)
{
    *plan = (struct sync_plan){0};
    struct making making = {.plan = plan,
                            .folder = folder,
                            .tree = tree,
                            .target = target,
                            .policy = policy,
                            .fold = tree->fold};
    make_keys(&making);
    plan_files(&making, false);
    plan_excess(&making);
    plan_files(&making, true);
    plan_folders(&making);
    if (policy->delete_folders && !policy->keep_excess) {
        plan_excess_folders(&making);
    }
    if (plan->count > 0) {
        qsort(plan->actions, plan->count, sizeof *plan->actions, compare_actions);
    }
    keys_free(&making.files);
    keys_free(&making.remote);
    keys_free(&making.short_names);
    free(making.marks);
}

void sync_plan_free(struct sync_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->actions[i].path);
        free(plan->actions[i].address);
    }
    for (size_t i = 0; i < plan->conflict_count; i++) {
        free(plan->conflicts[i].path);
        free(plan->conflicts[i].why);
    }
    free(plan->actions);
    free(plan->conflicts);
    free(plan->unsure);
    *plan = (struct sync_plan){0};
}

size_t sync_plan_counted(const struct sync_plan *plan, enum sync_act act)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        count += plan->actions[i].act == act;
    }
    return count;
}

uint64_t sync_plan_bytes(const struct sync_plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct sync_action *action = &plan->actions[i];
        bytes += action->act == SYNC_REPLACE || action->act == SYNC_UPLOAD ? action->file->size : 0;
    }
    return bytes;
}

const char *sync_act_name(enum sync_act act)
{
    static const char *const names[] = {[SYNC_DELETE] = "delete",
                                        [SYNC_MAKE_FOLDER] = "make folder",
                                        [SYNC_REPLACE] = "replace",
                                        [SYNC_UPLOAD] = "upload",
                                        [SYNC_DELETE_FOLDER] = "delete folder"};
    return names[act];
}
