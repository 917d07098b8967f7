#include "harness/sync/journal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/report/report.h"
#include "sim/base/buffer.h"
#include "sim/base/json.h"
#include "sim/base/memory.h"

enum { JOURNAL_BYTES_MAX = 256 * 1024 * 1024, JOURNAL_VERSION = 1 };

struct line {
    char *path;
    struct sync_record record;
};

struct printer {
    char *host;
    struct line *lines; /* by path */
    size_t count, capacity;
    int64_t ahead_s;
    bool clock;
};

struct sync_journal {
    char *place; /* NULL: nowhere */
    struct printer *printers;
    size_t count;
    bool changed;
};

static struct printer *find_printer(const struct sync_journal *journal, const char *host)
{
    for (size_t i = 0; i < journal->count; i++) {
        if (strcmp(journal->printers[i].host, host) == 0) {
            return &journal->printers[i];
        }
    }
    return NULL;
}

static struct printer *make_printer(struct sync_journal *journal, const char *host)
{
    struct printer *printer = find_printer(journal, host);
    if (printer == NULL) {
        journal->printers =
            memory_resize(journal->printers, (journal->count + 1) * sizeof *journal->printers);
        printer = &journal->printers[journal->count++];
        *printer = (struct printer){.host = memory_copy_text(host)};
    }
    return printer;
}

/* Where the line of this path is, or belongs. */
static size_t place_of(const struct printer *printer, const char *path)
{
    size_t low = 0, high = printer->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(printer->lines[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct printer *printer, size_t place, const char *path)
{
    return place < printer->count && strcmp(printer->lines[place].path, path) == 0;
}

bool sync_journal_find(const struct sync_journal *journal, const char *host, const char *path,
                       struct sync_record *record)
{
    const struct printer *printer = find_printer(journal, host);
    size_t place = printer == NULL ? 0 : place_of(printer, path);
    if (printer == NULL || !is_at(printer, place, path)) {
        return false;
    }
    *record = printer->lines[place].record;
    return true;
}

void sync_journal_put(struct sync_journal *journal, const char *host, const char *path,
                      const struct sync_record *record)
{
    struct printer *printer = make_printer(journal, host);
    size_t place = place_of(printer, path);
    journal->changed = true;
    if (!is_at(printer, place, path)) {
        if (printer->count == printer->capacity) {
            printer->capacity = printer->capacity * 2 + 16;
            printer->lines =
                memory_resize(printer->lines, printer->capacity * sizeof *printer->lines);
        }
        memmove(printer->lines + place + 1, printer->lines + place,
                (printer->count - place) * sizeof *printer->lines);
        printer->lines[place].path = memory_copy_text(path);
        printer->count++;
    }
    printer->lines[place].record = *record;
}

void sync_journal_forget(struct sync_journal *journal, const char *host, const char *path)
{
    struct printer *printer = find_printer(journal, host);
    size_t place = printer == NULL ? 0 : place_of(printer, path);
    if (printer != NULL && is_at(printer, place, path)) {
        free(printer->lines[place].path);
        printer->count--;
        memmove(printer->lines + place, printer->lines + place + 1,
                (printer->count - place) * sizeof *printer->lines);
        journal->changed = true;
    }
}

bool sync_journal_clock(const struct sync_journal *journal, const char *host, int64_t *ahead_s)
{
    const struct printer *printer = find_printer(journal, host);
    if (printer != NULL && printer->clock) {
        *ahead_s = printer->ahead_s;
    }
    return printer != NULL && printer->clock;
}

void sync_journal_set_clock(struct sync_journal *journal, const char *host, int64_t ahead_s)
{
    struct printer *printer = make_printer(journal, host);
    journal->changed = journal->changed || !printer->clock || printer->ahead_s != ahead_s;
    printer->clock = true;
    printer->ahead_s = ahead_s;
}

/* ---- The file ----
 * {"hotbed sync": 1, "printers": {"http://192.168.7.21": {"clock_ahead_s": 3600,
 *   "files": {"/usb/a.gcode": [size, modified_us, remote_s], …}}}} */

struct sync_journal *sync_journal_new(void)
{
    return memory_new(sizeof(struct sync_journal));
}

static bool number_of(const cJSON *item, double least, double *number)
{
    *number = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return cJSON_IsNumber(item) && *number >= least && *number <= 9007199254740992.0;
}

static bool read_files(struct sync_journal *journal, const char *host, const cJSON *files)
{
    const cJSON *file;
    cJSON_ArrayForEach(file, files)
    {
        double size, modified, remote;
        if (!number_of(cJSON_GetArrayItem(file, 0), 0, &size) ||
            !number_of(cJSON_GetArrayItem(file, 1), -9e15, &modified) ||
            !number_of(cJSON_GetArrayItem(file, 2), -9e15, &remote)) {
            return false;
        }
        const struct sync_record record = {
            .size = (uint64_t)size, .modified_us = (int64_t)modified, .remote_s = (int64_t)remote};
        sync_journal_put(journal, host, file->string, &record);
    }
    return true;
}

static bool read_journal(struct sync_journal *journal, const cJSON *json)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "hotbed sync");
    const cJSON *printers = cJSON_GetObjectItemCaseSensitive(json, "printers"), *printer;
    if (!cJSON_IsNumber(version) || version->valueint != JOURNAL_VERSION ||
        !cJSON_IsObject(printers)) {
        return false;
    }
    cJSON_ArrayForEach(printer, printers)
    {
        double ahead;
        const cJSON *clock = cJSON_GetObjectItemCaseSensitive(printer, "clock_ahead_s");
        const cJSON *files = cJSON_GetObjectItemCaseSensitive(printer, "files");
        if (clock != NULL && number_of(clock, -9e15, &ahead)) {
            sync_journal_set_clock(journal, printer->string, (int64_t)ahead);
        }
        if (!cJSON_IsObject(files) || !read_files(journal, printer->string, files)) {
            return false;
        }
    }
    return true;
}

static void drop_all(struct sync_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        for (size_t k = 0; k < journal->printers[i].count; k++) {
            free(journal->printers[i].lines[k].path);
        }
        free(journal->printers[i].lines);
        free(journal->printers[i].host);
    }
    free(journal->printers);
    journal->printers = NULL;
    journal->count = 0;
}

struct sync_journal *sync_journal_open(const char *path, struct error *warning)
{
    struct sync_journal *journal = sync_journal_new();
    journal->place = memory_copy_text(path);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        if (errno != ENOENT) {
            error_set(warning, "%s: %s", path, strerror(errno));
        }
        return journal;
    }
    struct buffer text = {0};
    char piece[16384];
    size_t got;
    while (text.size <= JOURNAL_BYTES_MAX && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&text, piece, got);
    }
    fclose(file);
    cJSON *json = cJSON_ParseWithLength(buffer_text(&text), text.size);
    if (json == NULL || !read_journal(journal, json)) {
        drop_all(journal);
        error_set(warning, "%s: this is no journal of hotbed sync, it is begun anew", path);
    }
    journal->changed = false;
    cJSON_Delete(json);
    buffer_free(&text);
    return journal;
}

void sync_journal_destroy(struct sync_journal *journal)
{
    if (journal != NULL) {
        drop_all(journal);
        free(journal->place);
        free(journal);
    }
}

static void make_parents(const char *path)
{
    char *copy = memory_copy_text(path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0700); /* what fails here is told when the file is opened */
        *slash = '/';
    }
    free(copy);
}

bool sync_journal_save(struct sync_journal *journal, struct error *error)
{
    if (!journal->changed || journal->place == NULL) {
        return true;
    }
    struct buffer text = {0};
    struct json_writer json;
    json_begin(&json, &text, JSON_COMPACT);
    json_object(&json, NULL);
    json_int(&json, "hotbed sync", JOURNAL_VERSION);
    json_object(&json, "printers");
    for (size_t i = 0; i < journal->count; i++) {
        const struct printer *printer = &journal->printers[i];
        json_object(&json, printer->host);
        if (printer->clock) {
            json_int(&json, "clock_ahead_s", printer->ahead_s);
        }
        json_object(&json, "files");
        for (size_t k = 0; k < printer->count; k++) {
            const struct sync_record *record = &printer->lines[k].record;
            json_array(&json, printer->lines[k].path);
            json_int(&json, NULL, (int64_t)record->size);
            json_int(&json, NULL, record->modified_us);
            json_int(&json, NULL, record->remote_s);
            json_array_end(&json);
        }
        json_object_end(&json);
        json_object_end(&json);
    }
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_char(&text, '\n');
    make_parents(journal->place);
    bool done = report_write_file(journal->place, &text, error);
    journal->changed = journal->changed && !done;
    buffer_free(&text);
    return done;
}

char *sync_journal_place(const char *farm_file)
{
    char full[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool named = state != NULL && *state == '/';
    if ((!named && (home == NULL || *home != '/')) || realpath(farm_file, full) == NULL) {
        return NULL;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(full, strlen(full), digest, &size, EVP_sha256(), NULL);
    struct buffer place = {0};
    buffer_format(&place, "%s%s/hotbed/sync/", named ? state : home, named ? "" : "/.local/state");
    for (unsigned i = 0; i < 8; i++) {
        buffer_format(&place, "%02x", digest[i]);
    }
    buffer_append_text(&place, ".json");
    return buffer_detach(&place);
}
