#include "harness/sync/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/sync/keys.h"
#include "harness/sync/names.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

/* ---- Making ---- */

enum mark {
    MARK_EXCESS,    /* nothing here is like it */
    MARK_MATCHED,   /* a file or folder here is */
    MARK_PROTECTED, /* something is wrong with its like here, or it is nobody's business: stays as
                       it is */
};

struct making {
    struct sync_plan *plan;
    const struct sync_folder *folder;
    const struct sync_tree *tree;
    const struct sync_target *target;
    const struct sync_policy *policy;
    bool fold;
    struct sync_keys files, folders, ignored, remote, short_names;
    enum mark *marks; /* of the tree's entries */
};

static struct sync_action *add_action(struct making *making, enum sync_act act, const char *path,
                                      const char *reason)
{
    struct sync_plan *plan = making->plan;
    if ((plan->count & (plan->count + 1)) == 0) {
        plan->actions = memory_resize(plan->actions, (2 * plan->count + 2) * sizeof *plan->actions);
    }
    struct sync_action *action = &plan->actions[plan->count++];
    *action = (struct sync_action){.act = act, .path = memory_copy_text(path), .reason = reason};
    return action;
}

static void add_conflict(struct making *making, const char *path, const char *why,
                         const char *other)
{
    struct sync_plan *plan = making->plan;
    struct buffer text = {0};
    buffer_format(&text, "%s%s", why, other);
    plan->conflicts =
        memory_resize(plan->conflicts, (plan->conflict_count + 1) * sizeof *plan->conflicts);
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
        record.remote_s == entry->modified_s &&
        (entry->size < 0 || (uint64_t)entry->size == record.size)) {
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

static const char *own_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Whether both have the same letters in the file's own name: a folder keeps those that it was made
 * with, and moving all that is in it would change nothing. */
static bool same_letters(const char *one, const char *other)
{
    char *a = sync_name_key(own_name(one), false), *b = sync_name_key(own_name(other), false);
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
    bool renamed = !same_letters(file->path, entry->path);
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
        add_conflict(making, file->path,
                     "it differs, and the printer says that it cannot be changed", "");
    } else if (renamed || making->target->flavour == LINK_FLAVOUR_SLA) {
        /* SYNC-37: replacing would keep the old letters. SL1 replaces nothing (prusalink.md 4.5).
         */
        reason = reason != NULL && !renamed ? reason : "other letters";
        struct sync_action *aside = add_action(making, SYNC_DELETE, entry->path, reason);
        aside->address = memory_copy_text(entry->address);
        aside->aside = true;
        add_action(making, SYNC_UPLOAD, file->path, reason)->file = file;
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
    const struct sync_key *found = sync_keys_find(&making->short_names, key, &count);
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
    const struct sync_key *found = sync_keys_find(&making->remote, key, NULL);
    free(key);
    return found == NULL ? NULL : &making->tree->entries[found->index];
}

/* A file that is in a folder's place and won't be deleted. */
static bool in_the_way(const struct making *making, const struct sync_entry *entry)
{
    return entry != NULL && !entry->folder &&
           (making->policy->keep_excess || entry->read_only || entry->in_print ||
            !entry->print_file);
}

/* A file there that stays and has the name of a folder on the way. */
static bool parent_blocked(struct making *making, const char *path)
{
    bool blocked = false;
    for (const char *slash = strchr(path, '/'); slash != NULL && !blocked;
         slash = strchr(slash + 1, '/')) {
        char *parent = memory_copy_slice(path, (size_t)(slash - path));
        const struct sync_entry *entry = remote_of(making, parent);
        blocked = in_the_way(making, entry);
        if (blocked) {
            add_conflict(making, path,
                         "the printer has a file where this folder should be: ", entry->path);
        }
        free(parent);
    }
    return blocked;
}

/* More files here than one become the same there: none of them is touched, as each would replace
 * the other in turn (SYNC-38). */
static void plan_clash(struct making *making, const struct sync_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *other = making->folder->files[keys[i == 0 ? 1 : 0].index].path;
        add_conflict(making, making->folder->files[keys[i].index].path,
                     "for the printer this is the same name as ", other);
    }
}

static void plan_files(struct making *making, bool missing)
{
    for (size_t i = 0; i < making->files.count;) {
        const struct sync_key *key = &making->files.items[i];
        size_t count, remote_count;
        sync_keys_find(&making->files, key->text, &count);
        const struct sync_file *file = &making->folder->files[key->index];
        const struct sync_key *remote = sync_keys_find(&making->remote, key->text, &remote_count);
        bool there = remote != NULL;
        const struct sync_key *folder = sync_keys_find(&making->folders, key->text, NULL);
        if (count > 1 && missing) {
            plan_clash(making, key, count);
        } else if (folder != NULL && missing) {
            add_conflict(making, file->path, "for the printer this is the same name as the folder ",
                         making->folder->folders[folder->index]);
        }
        bool alone = count == 1 && folder == NULL;
        for (size_t k = 0; k < remote_count && !alone; k++) {
            making->marks[remote[k].index] = MARK_PROTECTED;
        }
        if (alone && there && !missing) {
            plan_common(making, file, remote->index);
        } else if (alone && !there && missing && !parent_blocked(making, file->path) &&
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
            if (sync_name_prints(making->target->flavour, making->target->suffixes, file)) {
                return true;
            }
        }
    }
    return empty;
}

/* Two folders here whose names differ in letters alone are one there: the first makes it. */
static bool is_first(const struct making *making, size_t index)
{
    char *key = sync_name_key(making->folder->folders[index], making->fold);
    const struct sync_key *found = sync_keys_find(&making->folders, key, NULL);
    free(key);
    return found->index == index;
}

static void plan_folders(struct making *making)
{
    bool with_files =
        making->target->flavour == LINK_FLAVOUR_SLA; /* which makes none by themselves */
    for (size_t i = 0; i < making->folder->folder_count; i++) {
        const char *path = making->folder->folders[i];
        const struct sync_entry *entry = remote_of(making, path);
        if (entry != NULL && entry->folder) {
            making->marks[entry - making->tree->entries] = MARK_MATCHED;
        } else if (!with_files &&
                   !sync_rules_exclude(
                       &(struct sync_rules){.exclude = making->policy->rules->exclude,
                                            .exclude_count = making->policy->rules->exclude_count},
                       path) &&
                   is_first(making, i) && folder_wanted(making, path) &&
                   !parent_blocked(making, path) && !in_the_way(making, entry) &&
                   can_be_made(making, path)) {
            add_action(making, SYNC_MAKE_FOLDER, path, "missing");
        }
    }
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
            sync_rules_exclude(making->policy->rules, entry->path) ||
            sync_keys_find(&making->ignored, entry->key, NULL) != NULL) {
            making->plan->kept++;
        } else if (entry->in_print || entry->read_only) {
            making->plan->kept++;
            add_conflict(
                making, entry->path,
                entry->in_print
                    ? "it is not in the folder, and the printer is printing it"
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
    for (size_t i = 0; i < making->tree->count; i++) {
        bool stays = making->marks[i] == MARK_EXCESS && !making->tree->entries[i].folder;
        making->marks[i] = stays ? MARK_PROTECTED : making->marks[i];
    }
    while (making->plan->count > before) {
        struct sync_action *action = &making->plan->actions[--making->plan->count];
        free(action->path);
        free(action->address);
        making->plan->kept++;
    }
}

/* Whether nothing stays in a folder: each file in it goes, and each folder goes before it. */
static bool becomes_empty(const struct making *making, const struct sync_entry *folder,
                          const bool *going)
{
    size_t size = strlen(folder->path);
    for (size_t k = 0; k < making->tree->count; k++) {
        const struct sync_entry *inner = &making->tree->entries[k];
        bool inside = strncmp(inner->path, folder->path, size) == 0 && inner->path[size] == '/';
        if (inside && !going[k]) {
            return false;
        }
    }
    return true;
}

/* Empty ones go one by one, the deepest first. What we cannot see in them, as Buddy's hidden files,
 * makes the printer refuse, and they stay. */
static void plan_excess_folders(struct making *making)
{
    bool *going = memory_new_array(making->tree->count + 1, sizeof *going);
    for (size_t i = making->tree->count;
         i-- > 0;) { /* by path: what is in a folder stands behind it */
        const struct sync_entry *entry = &making->tree->entries[i];
        going[i] = making->marks[i] == MARK_EXCESS;
        if (going[i] && entry->folder) {
            going[i] = !entry->read_only &&
                       !sync_rules_exclude(making->policy->rules, entry->path) &&
                       becomes_empty(making, entry, going);
        }
        if (going[i] && entry->folder) {
            add_action(making, SYNC_DELETE_FOLDER, entry->path, "not in the folder")->address =
                memory_copy_text(entry->address);
        }
    }
    free(going);
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
    sync_keys_init(&making->files, folder->count);
    sync_keys_init(&making->folders, folder->folder_count);
    sync_keys_init(&making->ignored, folder->ignored_count);
    sync_keys_init(&making->remote, tree->count);
    sync_keys_init(&making->short_names, tree->count);
    making->marks = memory_new_array(tree->count + 1, sizeof *making->marks);
    for (size_t i = 0; i < folder->count; i++) {
        if (sync_name_prints(making->target->flavour, making->target->suffixes,
                             folder->files[i].path)) {
            sync_keys_add(&making->files, folder->files[i].path, making->fold, i);
        } else {
            making->plan->foreign++;
        }
    }
    for (size_t i = 0; i < folder->folder_count; i++) {
        sync_keys_add(&making->folders, folder->folders[i], making->fold, i);
    }
    for (size_t i = 0; i < folder->ignored_count; i++) {
        sync_keys_add(&making->ignored, folder->ignored[i], making->fold, i);
    }
    for (size_t i = 0; i < tree->count; i++) {
        const struct sync_entry *entry = &tree->entries[i];
        const char *slash = strrchr(entry->path, '/');
        char *parent =
            memory_copy_slice(entry->path, slash == NULL ? 0 : (size_t)(slash - entry->path));
        char *beside = sync_path_join(parent, entry->short_name);
        sync_keys_add(&making->remote, entry->path, making->fold, i);
        sync_keys_add(&making->short_names, beside, making->fold, i);
        free(beside);
        free(parent);
    }
    sync_keys_sort(&making->files);
    sync_keys_sort(&making->folders);
    sync_keys_sort(&making->ignored);
    sync_keys_sort(&making->remote);
    sync_keys_sort(&making->short_names);
}

void sync_plan_make(struct sync_plan *plan, const struct sync_folder *folder,
                    const struct sync_tree *tree, const struct sync_target *target,
                    const struct sync_policy *policy)
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
    sync_keys_free(&making.files);
    sync_keys_free(&making.folders);
    sync_keys_free(&making.ignored);
    sync_keys_free(&making.remote);
    sync_keys_free(&making.short_names);
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
