#include "harness/sync/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/sync/names.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

/* A folder or file as it was when it was read. */
struct sync_folder_state {
    char *path; /* to open */
    uint64_t size;
    int64_t modified_us, changed_us;
    bool folder;
};

struct walk {
    struct sync_folder *folder;
    const struct sync_rules *rules;
    struct buffer problems;
    size_t problem_count;
    struct {
        dev_t device;
        ino_t inode;
    } above[SYNC_DEPTH_MAX + 1]; /* the folders on the way, to see links that lead to one of them */
};

static int64_t time_us(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void problem(struct walk *walk, const char *path, const char *what)
{
    if (walk->problem_count++ < SYNC_PROBLEMS_MAX) {
        buffer_format(&walk->problems, "%s%s/%s: %s", walk->problems.size > 0 ? "\n" : "",
                      walk->folder->root, path, what);
    }
}

/* ---- Rules ---- */

static bool matches(const char *const *patterns, size_t count, const char *path)
{
    const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    for (size_t i = 0; i < count; i++) {
        if (fnmatch(patterns[i], path, 0) == 0 || fnmatch(patterns[i], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

bool sync_rules_exclude(const struct sync_rules *rules, const char *path)
{
    char above[FILE_PATH_BYTES_MAX + 1];
    snprintf(above, sizeof above, "%s", path);
    for (char *slash = strchr(above, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (matches(rules->exclude, rules->exclude_count, above)) {
            return true;
        }
        *slash = '/';
    }
    return matches(rules->exclude, rules->exclude_count, path) ||
           (rules->include_count > 0 && !matches(rules->include, rules->include_count, path));
}

bool sync_rules_want(const struct sync_rules *rules, const char *path)
{
    const char *suffix = sync_name_suffix(path);
    for (size_t i = 0; i < rules->suffix_count; i++) {
        if (strcmp(suffix, rules->suffixes[i]) == 0) {
            return !sync_rules_exclude(rules, path);
        }
    }
    return false;
}

/* ---- Reading ---- */

static void remember(struct walk *walk, const char *path, const struct stat *status)
{
    struct sync_folder *folder = walk->folder;
    if ((folder->state_count & (folder->state_count + 1)) == 0) {
        folder->state =
            memory_resize(folder->state, (2 * folder->state_count + 2) * sizeof *folder->state);
    }
    folder->state[folder->state_count++] = (struct sync_folder_state){
        .path = memory_copy_text(path),
        .size = S_ISDIR(status->st_mode) ? 0 : (uint64_t)status->st_size,
        .modified_us = time_us(status->st_mtim),
        .changed_us = S_ISDIR(status->st_mode) ? time_us(status->st_ctim) : 0,
        .folder = S_ISDIR(status->st_mode)};
}

static void add_name(char ***names, size_t *count, const char *path)
{
    if ((*count & (*count + 1)) == 0) {
        *names = memory_resize(*names, (2 * *count + 2) * sizeof **names);
    }
    (*names)[(*count)++] = memory_copy_text(path);
}

static void add_file(struct walk *walk, const char *path, const char *real,
                     const struct stat *status)
{
    struct sync_folder *folder = walk->folder;
    if (!sync_rules_want(walk->rules, path)) {
        if (!sync_rules_exclude(walk->rules, path)) {
            add_name(&folder->ignored, &folder->ignored_count, path);
        }
        return;
    }
    if (access(real, R_OK) != 0) {
        problem(walk, path, strerror(errno));
        return;
    }
    if ((folder->count & (folder->count + 1)) == 0) {
        folder->files =
            memory_resize(folder->files, (2 * folder->count + 2) * sizeof *folder->files);
    }
    folder->files[folder->count++] = (struct sync_file){.path = memory_copy_text(path),
                                                        .size = (uint64_t)status->st_size,
                                                        .modified_us = time_us(status->st_mtim),
                                                        .device = (uint64_t)status->st_dev,
                                                        .inode = (uint64_t)status->st_ino};
    folder->bytes += (uint64_t)status->st_size;
    remember(walk, real, status);
}

/* Where a link leads, if that is inside the folder; else it is told. */
static bool follow(struct walk *walk, const char *path, const char *real, struct stat *status)
{
    char target[PATH_MAX];
    size_t size = strlen(walk->folder->root);
    if (realpath(real, target) == NULL || stat(target, status) != 0) {
        problem(walk, path, "this link leads nowhere");
        return false;
    }
    if (strncmp(target, walk->folder->root, size) != 0 ||
        (target[size] != '/' && target[size] != '\0' && size > 1)) {
        problem(walk, path, "this link leads out of the folder");
        return false;
    }
    return true;
}

static void read_folder(struct walk *walk, const char *path, int depth);

static void read_entry(struct walk *walk, const char *parent, const char *name, int depth)
{
    if (name[0] == '.') {
        return;
    }
    char *path = sync_path_join(parent, name);
    char *real = sync_path_join(walk->folder->root, path);
    struct stat status;
    if (!file_path_good(path, strlen(path))) {
        problem(walk, path,
                depth >= SYNC_DEPTH_MAX ? "it lies deeper than 32 folders"
                                        : "this name is no UTF-8");
    } else if (lstat(real, &status) != 0) {
        problem(walk, path, strerror(errno));
    } else if (!S_ISLNK(status.st_mode) || follow(walk, path, real, &status)) {
        if (S_ISDIR(status.st_mode) &&
            !matches(walk->rules->exclude, walk->rules->exclude_count, path)) {
            add_name(&walk->folder->folders, &walk->folder->folder_count, path);
            read_folder(walk, path, depth + 1);
        } else if (S_ISREG(status.st_mode)) {
            add_file(walk, path, real, &status);
        }
    }
    free(real);
    free(path);
}

static bool is_above(const struct walk *walk, int depth, const struct stat *status)
{
    for (int i = 0; i < depth; i++) {
        if (walk->above[i].device == status->st_dev && walk->above[i].inode == status->st_ino) {
            return true;
        }
    }
    return false;
}

static void read_folder(struct walk *walk, const char *path, int depth)
{
    char *real = sync_path_join(walk->folder->root, path);
    struct stat status;
    DIR *listing = depth > SYNC_DEPTH_MAX ? NULL : opendir(real);
    if (listing == NULL || fstat(dirfd(listing), &status) != 0) {
        problem(walk, path,
                depth > SYNC_DEPTH_MAX ? "it lies deeper than 32 folders" : strerror(errno));
    } else if (is_above(walk, depth, &status)) {
        problem(walk, path, "this link leads to a folder that it is in");
    } else {
        walk->above[depth].device = status.st_dev;
        walk->above[depth].inode = status.st_ino;
        remember(walk, real, &status);
        errno = 0;
        for (struct dirent *entry; (entry = readdir(listing)) != NULL; errno = 0) {
            if (walk->folder->state_count >= SYNC_FILES_MAX) {
                break;
            }
            read_entry(walk, path, entry->d_name, depth);
        }
        if (errno != 0) {
            problem(walk, path, strerror(errno));
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
    free(real);
}

/* ---- The whole ---- */

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct sync_file *)a)->path, ((const struct sync_file *)b)->path);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_once(struct sync_folder *folder, const struct sync_rules *rules,
                      struct error *error)
{
    struct walk *walk = memory_new(sizeof *walk);
    walk->folder = folder;
    walk->rules = rules;
    read_folder(walk, "", 0);
    if (folder->state_count >= SYNC_FILES_MAX) {
        buffer_clear(&walk->problems);
        buffer_format(&walk->problems, "%s: there are more than %d files and folders in it",
                      folder->root, SYNC_FILES_MAX);
        walk->problem_count = 1;
    }
    if (walk->problem_count > SYNC_PROBLEMS_MAX) {
        buffer_format(&walk->problems, "\n… and %zu more", walk->problem_count - SYNC_PROBLEMS_MAX);
    }
    bool done = walk->problem_count == 0 || error_set(error, "%s", buffer_text(&walk->problems));
    buffer_free(&walk->problems);
    free(walk);
    if (done && folder->count > 0) {
        qsort(folder->files, folder->count, sizeof *folder->files, compare_files);
    }
    if (done && folder->folder_count > 0) {
        qsort(folder->folders, folder->folder_count, sizeof *folder->folders, compare_names);
    }
    if (done && folder->ignored_count > 0) {
        qsort(folder->ignored, folder->ignored_count, sizeof *folder->ignored, compare_names);
    }
    return done;
}

bool sync_folder_changed(const struct sync_folder *folder, struct error *what)
{
    for (size_t i = 0; i < folder->state_count; i++) {
        const struct sync_folder_state *state = &folder->state[i];
        struct stat status;
        if (stat(state->path, &status) != 0) {
            error_set(what, "%s: %s", state->path, strerror(errno));
            return true;
        }
        if (S_ISDIR(status.st_mode) != state->folder ||
            time_us(status.st_mtim) != state->modified_us ||
            (!state->folder && (uint64_t)status.st_size != state->size) ||
            (state->folder && time_us(status.st_ctim) != state->changed_us)) {
            error_set(what, "%s: it has changed", state->path);
            return true;
        }
    }
    return false;
}

bool sync_folder_read(struct sync_folder *folder, const char *path, const struct sync_rules *rules,
                      struct error *error)
{
    char root[PATH_MAX];
    struct stat status;
    *folder = (struct sync_folder){0};
    if (realpath(path, root) == NULL || stat(root, &status) != 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        return error_set(error, "%s: this is no folder", path);
    }
    struct error what = {{0}};
    for (int reading = 0; reading < SYNC_READINGS; reading++) {
        folder->root = memory_copy_text(root);
        bool read = read_once(folder, rules, error);
        if (read && !sync_folder_changed(folder, &what)) {
            return true;
        }
        sync_folder_free(folder);
        if (!read && reading + 1 == SYNC_READINGS) {
            return false;
        }
    }
    return error_set(error, "%s: this folder changes while it is read: %s", path, what.text);
}

void sync_folder_free(struct sync_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        free(folder->files[i].path);
    }
    for (size_t i = 0; i < folder->folder_count; i++) {
        free(folder->folders[i]);
    }
    for (size_t i = 0; i < folder->ignored_count; i++) {
        free(folder->ignored[i]);
    }
    for (size_t i = 0; i < folder->state_count; i++) {
        free(folder->state[i].path);
    }
    free(folder->files);
    free(folder->folders);
    free(folder->ignored);
    free(folder->state);
    free(folder->root);
    *folder = (struct sync_folder){0};
}

const struct sync_file *sync_folder_find(const struct sync_folder *folder, const char *path)
{
    const struct sync_file key = {.path = (char *)path};
    return folder->count == 0
               ? NULL
               : bsearch(&key, folder->files, folder->count, sizeof *folder->files, compare_files);
}
