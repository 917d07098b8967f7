#include "harness/check/registry.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/memory.h"

enum { DEPTH_MAX = 16 };

const char *const registry_subjects[] = {"connect-printer", "connect-server", NULL};

static bool is_scenario(const char *name)
{
    size_t size = strlen(name);
    bool lua = size > 4 && strcmp(name + size - 4, ".lua") == 0;
    return lua && name[0] != '.' && !(size > 6 && strcmp(name + size - 6, ".d.lua") == 0);
}

static bool add_path(struct definitions *definitions, const char *path, int depth,
                     struct error *error);

static bool add_entry(struct definitions *definitions, const char *folder, const char *name,
                      int depth, struct error *error)
{
    struct buffer path = {0};
    size_t size = strlen(folder);
    buffer_format(&path, "%s%s%s", folder, size > 0 && folder[size - 1] == '/' ? "" : "/", name);
    struct stat status;
    bool folder_below = stat(path.bytes, &status) == 0 && S_ISDIR(status.st_mode) && name[0] != '.';
    bool done = true;
    if (folder_below || is_scenario(name)) {
        done = add_path(definitions, path.bytes, depth, error);
    }
    buffer_free(&path);
    return done;
}

static bool add_folder(struct definitions *definitions, const char *path, int depth,
                       struct error *error)
{
    if (depth > DEPTH_MAX) {
        return error_set(error, "%s: folders are nested deeper than %d", path, DEPTH_MAX);
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    bool done = true;
    for (int i = 0; i < count; i++) {
        done = done && add_entry(definitions, path, entries[i]->d_name, depth + 1, error);
        free(entries[i]);
    }
    free(entries);
    return done;
}

static bool add_path(struct definitions *definitions, const char *path, int depth,
                     struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    return S_ISDIR(status.st_mode) ? add_folder(definitions, path, depth, error)
                                   : definitions_load(definitions, path, error);
}

bool registry_add(struct definitions *definitions, const char *path, struct error *error)
{
    size_t before = definitions->count;
    if (!add_path(definitions, path, 0, error)) {
        return false;
    }
    return definitions->count > before ||
           error_set(error, "%s: there is no scenario and no check in it", path);
}

static bool is_home(const char *path)
{
    struct buffer conformance = {0};
    buffer_format(&conformance, "%s/conformance", path);
    struct stat status;
    bool home = stat(conformance.bytes, &status) == 0 && S_ISDIR(status.st_mode);
    buffer_free(&conformance);
    return home;
}

/* Errors and reports name files: below the working directory the way from there is what a person
 * would type. */
static void shorten(const char *path, char *out, size_t size)
{
    char here[PATH_MAX], full[PATH_MAX];
    if (getcwd(here, sizeof here) != NULL && realpath(path, full) != NULL) {
        size_t length = strlen(here);
        bool below = strncmp(full, here, length) == 0 && full[length] == '/';
        snprintf(out, size, "%s", below ? full + length + 1 : full);
    } else {
        snprintf(out, size, "%s", path);
    }
}

bool registry_home(char *out, size_t size, struct error *error)
{
    const char *named = getenv("HOTBED_SCENARIOS");
    if (named != NULL && *named != '\0') {
        if (!is_home(named)) {
            return error_set(error, "HOTBED_SCENARIOS: %s: there is no folder conformance in it",
                             named);
        }
        shorten(named, out, size);
        return true;
    }
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    char candidates[4][PATH_MAX + 64];
    snprintf(candidates[0], sizeof candidates[0], "%s/../share/hotbed/scenarios", program);
    snprintf(candidates[1], sizeof candidates[1], "%s/../../scenarios", program);
    snprintf(candidates[2], sizeof candidates[2], "%s/scenarios", HOTBED_SOURCE_DIR);
    snprintf(candidates[3], sizeof candidates[3], "%s/scenarios", HOTBED_DATA_DIR);
    for (int i = 0; i < 4; i++) {
        if (is_home(candidates[i])) {
            shorten(candidates[i], out, size);
            return true;
        }
    }
    return error_set(
        error,
        "the scenarios that belong to hotbed are not there: looked at %s and %s; HOTBED_SCENARIOS "
        "names another place",
        candidates[3], candidates[2]);
}

static void keep_if(struct definitions *definitions,
                    bool (*wanted)(const struct definition *, const void *), const void *what)
{
    struct definitions kept = {0}, dropped = {0};
    kept.items = memory_new_array(definitions->count + 1, sizeof(struct definition *));
    dropped.items = memory_new_array(definitions->count + 1, sizeof(struct definition *));
    for (size_t i = 0; i < definitions->count; i++) {
        struct definitions *into = wanted(definitions->items[i], what) ? &kept : &dropped;
        into->items[into->count++] = definitions->items[i];
    }
    free(definitions->items);
    *definitions = kept;
    definitions_free(&dropped);
}

static bool of_subject(const struct definition *definition, const void *subject)
{
    return definition->check && strcmp(definition->subject, subject) == 0;
}

bool registry_subject(struct definitions *definitions, const char *subject, struct error *error)
{
    char home[PATH_MAX], folder[PATH_MAX + 32];
    if (!registry_home(home, sizeof home, error)) {
        return false;
    }
    snprintf(folder, sizeof folder, "%s/conformance", home);
    if (!registry_add(definitions, folder, error)) {
        return false;
    }
    keep_if(definitions, of_subject, subject);
    return definitions->count > 0 ||
           error_set(error, "%s: there is no check of %s in it", folder, subject);
}

struct wanted_names {
    const char *const *names;
    size_t count;
};

static bool is_one_of(const char *names, const char *name)
{
    size_t size = strlen(name);
    if (strcmp(names, name) == 0) {
        return true; /* names of scenarios may have commas */
    }
    while (*names != '\0') {
        size_t length = strcspn(names, ",");
        if (length == size && memcmp(names, name, size) == 0) {
            return true;
        }
        names += length + (names[length] == ',');
    }
    return false;
}

static bool is_named(const struct definition *definition, const void *what)
{
    const struct wanted_names *wanted = what;
    for (size_t i = 0; i < wanted->count; i++) {
        if (is_one_of(wanted->names[i], definition->name)) {
            return true;
        }
    }
    return false;
}

static bool names_something(const struct definitions *definitions, const char *name, size_t size)
{
    for (size_t i = 0; i < definitions->count; i++) {
        const char *known = definitions->items[i]->name;
        if (strlen(known) == size && memcmp(known, name, size) == 0) {
            return true;
        }
    }
    return false;
}

bool registry_only(struct definitions *definitions, const char *const *names, size_t count,
                   struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (names_something(definitions, names[i], strlen(names[i]))) {
            continue;
        }
        for (const char *name = names[i]; *name != '\0';
             name += strcspn(name, ","), name += *name == ',') {
            size_t size = strcspn(name, ",");
            if (!names_something(definitions, name, size)) {
                return error_set(error, "--only: there is no \"%.*s\"; --list tells what there is",
                                 (int)size, name);
            }
        }
    }
    struct wanted_names wanted = {names, count};
    keep_if(definitions, is_named, &wanted);
    return definitions->count > 0 || error_set(error, "--only: nothing is left");
}

static bool of_other_kind(const struct definition *definition, const void *kind)
{
    return definition->kind == NULL || strcmp(definition->kind, kind) != 0;
}

void registry_drop_kind(struct definitions *definitions, const char *kind)
{
    keep_if(definitions, of_other_kind, kind);
}
