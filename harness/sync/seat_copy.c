/* Files that only a printer has, fetched into the folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/sync/names.h"
#include "harness/sync/seat.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"

struct seat_copy {
    char *path;      /* below the folder */
    char *temporary; /* where it grows */
    bool nameless;   /* it has no name yet, so that nothing is left of it when we are killed */
    int fd;
    uint64_t size;
    struct error error;
};

static void copy_next(struct seat *seat);

void seat_copy_free(struct seat *seat)
{
    struct seat_copy *copy = seat->copy;
    if (copy == NULL) {
        return;
    }
    if (copy->fd >= 0) {
        close(copy->fd);
    }
    if (copy->temporary != NULL && !copy->nameless) {
        (void)unlink(copy->temporary);
    }
    free(copy->temporary);
    free(copy->path);
    free(copy);
    seat->copy = NULL;
}

static void copied(struct seat *seat, const char *why)
{
    struct sync_entry *entry = &seat->tree.entries[seat->cursor++];
    if (why == NULL) {
        seat->report->copied_back++;
        seat->report->bytes += seat->copy->size;
        sync_report_add(seat->report, SYNC_ITEM_DONE, "copy back", seat->copy->path, "only there");
    } else {
        sync_report_add(seat->report, SYNC_ITEM_FAILED, "copy back", entry->path, why);
    }
    seat_copy_free(seat);
    seat->attempts = 0;
    seat->report->done++;
    seat->report->sent = seat->report->sending = 0;
    seat_changed(seat);
    copy_next(seat);
}

/* ---- Into the folder ---- */

/* The folders on the way, one by one, none of which may lead out. */
static bool make_folders(const char *root, const char *path, struct error *error)
{
    struct buffer whole = {0};
    char real[PATH_MAX];
    size_t size = strlen(root);
    bool done = true;
    for (const char *slash = strchr(path, '/'); slash != NULL && done;
         slash = strchr(slash + 1, '/')) {
        buffer_clear(&whole);
        buffer_format(&whole, "%s/%.*s", root, (int)(slash - path), path);
        if (mkdir(whole.bytes, 0777) != 0 && errno != EEXIST) {
            done = error_set(error, "%s: %s", whole.bytes, strerror(errno));
        } else if (realpath(whole.bytes, real) == NULL || strncmp(real, root, size) != 0 ||
                   (real[size] != '/' && size > 1)) {
            done = error_set(error, "%s: this leads out of the folder", whole.bytes);
        }
    }
    buffer_free(&whole);
    return done;
}

static bool open_temporary(struct seat *seat, const char *path, struct error *error)
{
    const char *root = seat->settings->folder->root;
    if (!make_folders(root, path, error)) {
        return false;
    }
    struct buffer name = {0};
    const char *slash = strrchr(path, '/');
    buffer_format(&name, "%s/%.*s", root, slash == NULL ? 0 : (int)(slash - path + 1), path);
    struct seat_copy *copy = seat->copy = memory_new(sizeof *copy);
    copy->path = memory_copy_text(path);
    copy->fd = open(name.bytes, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    copy->nameless = copy->fd >= 0;
    if (copy->nameless) {
        buffer_clear(&name);
        buffer_format(&name, "/proc/self/fd/%d", copy->fd);
    } else { /* a file system that has only files with names */
        buffer_append_text(&name, ".hotbed-XXXXXX");
        copy->fd = mkostemp(name.bytes, O_CLOEXEC);
    }
    copy->temporary = copy->fd >= 0 ? buffer_detach(&name) : NULL;
    if (copy->fd < 0) {
        error_set(error, "%s: %s", buffer_text(&name), strerror(errno));
    }
    buffer_free(&name);
    return copy->fd >= 0;
}

/* "part.gcode" of Ada as "part (Ada).gcode", when another printer's file of that name is another
 * one. */
static char *name_beside(const char *path, const char *printer, unsigned number)
{
    struct buffer out = {0};
    const char *suffix = sync_name_suffix(path);
    size_t stem = strlen(path) - strlen(suffix) - (*suffix != '\0');
    buffer_append(&out, path, stem);
    buffer_append_text(&out, " (");
    for (; *printer != '\0'; printer++) {
        buffer_append_char(&out, strchr("/\\:*?\"<>|%#", *printer) != NULL ? '_' : *printer);
    }
    if (number > 1) {
        buffer_format(&out, " %u", number);
    }
    buffer_format(&out, ")%s", path + stem);
    return buffer_detach(&out);
}

static bool same_content(const char *one, const char *other)
{
    FILE *a = fopen(one, "rbe"), *b = fopen(other, "rbe");
    bool same = a != NULL && b != NULL;
    char left[8192], right[8192];
    for (size_t got = 1; same && got > 0;) {
        got = fread(left, 1, sizeof left, a);
        same = fread(right, 1, sizeof right, b) == got && memcmp(left, right, got) == 0;
    }
    if (a != NULL) {
        fclose(a);
    }
    if (b != NULL) {
        fclose(b);
    }
    return same;
}

/* A file beside `whole` whose name is the same for printers that know no letters' case: brought by
 * another one, it would be in this one's way. A text to be freed; NULL: none. */
static char *find_alike(const char *whole)
{
    const char *name = strrchr(whole, '/') + 1;
    char *folder = memory_copy_slice(whole, (size_t)(name - whole)),
         *key = sync_name_key(name, true), *found = NULL;
    DIR *listing = opendir(folder);
    for (struct dirent *entry;
         listing != NULL && found == NULL && (entry = readdir(listing)) != NULL;) {
        char *other = sync_name_key(entry->d_name, true);
        if (strcmp(key, other) == 0 && strcmp(entry->d_name, name) != 0) {
            struct buffer path = {0};
            buffer_format(&path, "%s%s", folder, entry->d_name);
            found = buffer_detach(&path);
        }
        free(other);
    }
    if (listing != NULL) {
        closedir(listing);
    }
    free(key);
    free(folder);
    return found;
}

/* 0 or an errno: EEXIST where something has that name. */
static int give_name(const struct seat_copy *copy, const char *whole)
{
    if (linkat(AT_FDCWD, copy->temporary, AT_FDCWD, whole,
               copy->nameless ? AT_SYMLINK_FOLLOW : 0) == 0) {
        return 0;
    }
    if (copy->nameless || (errno != EPERM && errno != EOPNOTSUPP)) {
        return errno;
    }
    int fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                  0644); /* a file system without links: take the name */
    if (fd < 0) {
        return errno;
    }
    close(fd);
    return rename(copy->temporary, whole) == 0 ? 0 : errno;
}

enum settled { SETTLED, SETTLED_ALREADY, SETTLED_TAKEN, SETTLED_FAILED };

static enum settled settle_as(const struct seat *seat, const char *path, struct error *error)
{
    const struct seat_copy *copy = seat->copy;
    char *whole = sync_path_join(seat->settings->folder->root, path);
    char *alike = seat->tree.fold ? find_alike(whole) : NULL;
    int code = alike != NULL ? EEXIST : give_name(copy, whole);
    enum settled settled = SETTLED;
    if (code == EEXIST) {
        settled = same_content(copy->temporary, alike != NULL ? alike : whole) ? SETTLED_ALREADY
                                                                               : SETTLED_TAKEN;
    } else if (code != 0) {
        error_set(error, "%s: %s", path, strerror(code));
        settled = SETTLED_FAILED;
    }
    free(alike);
    free(whole);
    return settled;
}

/* What is here now is what the printer has. */
static void keep_record(const struct seat *seat, const struct sync_entry *entry)
{
    char *here = sync_path_join(seat->settings->folder->root, entry->path);
    char *there = sync_path_join(seat->destination, entry->path);
    struct stat status;
    if (stat(here, &status) == 0) {
        const struct sync_record record = {.size = (uint64_t)status.st_size,
                                           .modified_us = (int64_t)status.st_mtim.tv_sec * 1000000 +
                                                          status.st_mtim.tv_nsec / 1000,
                                           .remote_s = entry->modified_s};
        sync_journal_put(seat->settings->journal, seat->printer->host, there, &record);
    }
    free(there);
    free(here);
}

/* Give the download its name, never in place of something else. False with the reason. */
static bool settle(struct seat *seat, struct error *error)
{
    struct seat_copy *copy = seat->copy;
    const struct sync_entry *entry = &seat->tree.entries[seat->cursor];
    if (entry->modified_s >= SYNC_CLOCKLESS_S) {
        struct timespec times[2] = {
            {.tv_nsec = UTIME_OMIT},
            {.tv_sec = (time_t)(entry->modified_s - seat->target.clock_ahead_s)}};
        (void)futimens(copy->fd, times);
    }
    (void)fchmod(copy->fd, 0644);
    if (fsync(copy->fd) != 0) {
        return error_set(error, "%s: %s", copy->path, strerror(errno));
    }
    for (unsigned number = 0; number < 100; number++) {
        char *path = number == 0 ? memory_copy_text(entry->path)
                                 : name_beside(entry->path, seat->printer->name, number);
        enum settled settled = settle_as(seat, path, error);
        free(copy->path);
        copy->path = path;
        if (number == 0 && (settled == SETTLED || settled == SETTLED_ALREADY)) {
            keep_record(seat, entry);
        }
        if (settled != SETTLED_TAKEN) {
            return settled != SETTLED_FAILED;
        }
    }
    return error_set(error, "there are too many files of this name");
}

/* ---- Fetching ---- */

static void fetch(struct seat *seat);

static bool take_piece(void *owner, const char *bytes, size_t size)
{
    struct seat *seat = owner;
    struct seat_copy *copy = seat->copy;
    copy->size += size;
    seat->report->sent = copy->size;
    while (size > 0) {
        ssize_t put = write(copy->fd, bytes, size);
        if (put < 0) {
            return error_set(&copy->error, "%s", strerror(errno));
        }
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static void on_fetched(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    const struct sync_entry *entry = &seat->tree.entries[seat->cursor];
    struct error error;
    if (result->outcome != LINK_OK) {
        if (!seat_retry(seat, result, fetch)) {
            copied(seat, result->outcome == LINK_SINK ? seat->copy->error.text : result->why);
        }
    } else if (entry->size >= 0 && seat->copy->size != (uint64_t)entry->size) {
        copied(seat, "the download is not as long as the printer says");
    } else if (!settle(seat, &error)) {
        copied(seat, error.text);
    } else {
        copied(seat, NULL);
    }
}

static void fetch(struct seat *seat)
{
    const struct sync_entry *entry = &seat->tree.entries[seat->cursor];
    struct error error;
    seat_copy_free(seat);
    if (!open_temporary(seat, entry->path, &error)) {
        copied(seat, error.text);
        return;
    }
    seat->report->sending = entry->size > 0 ? (uint64_t)entry->size : 0;
    const struct link_sink sink = {.write = take_piece, .owner = seat};
    link_client_download(seat->client, entry->download, &sink, on_fetched, seat);
}

static bool only_there(struct seat *seat, const struct sync_entry *entry)
{
    return !entry->folder && entry->print_file && *entry->download != '\0' &&
           sync_rules_want(seat->settings->policy.rules, entry->path) &&
           seat_file_here(seat, entry) == NULL;
}

static void copy_next(struct seat *seat)
{
    for (; seat->cursor < seat->tree.count; seat->cursor++) {
        const struct sync_entry *entry = &seat->tree.entries[seat->cursor];
        if (!only_there(seat, entry)) {
            continue;
        }
        seat->report->path = entry->path;
        if (!sync_name_safe(entry->path)) {
            sync_report_add(seat->report, SYNC_ITEM_CONFLICT, "copy back", entry->path,
                            "no name that a file here should have");
        } else if (!seat->settings->execute) {
            sync_report_add(seat->report, SYNC_ITEM_PLANNED, "copy back", entry->path,
                            "only there");
        } else {
            fetch(seat);
            return;
        }
    }
    seat_end(seat, seat->report->failed > 0 ? SYNC_FAILED : SYNC_IN_STEP, NULL);
}

void seat_copy_back(struct seat *seat)
{
    for (size_t i = 0; i < seat->tree.count; i++) {
        seat->report->todo += only_there(seat, &seat->tree.entries[i]);
    }
    seat->cursor = 0;
    copy_next(seat);
}
