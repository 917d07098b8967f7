/* What a printer has: its storage, what it prints, its tree, and where sizes or contents are
 * needed, these. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "harness/sync/names.h"
#include "harness/sync/seat.h"
#include "sim/base/memory.h"

enum { ROUNDS_MAX = 3 };

/* ---- Storage ---- */

static void ask_job(struct seat *seat);

/* The first that can be written; else the first there is, on which nothing can be done. */
static const struct link_storage *choose(const struct link_result *result)
{
    const struct link_storage *best = NULL;
    for (size_t i = 0; i < result->storage_count; i++) {
        const struct link_storage *storage = &result->storages[i];
        if (storage->available && (best == NULL || (best->read_only && !storage->read_only))) {
            best = storage;
        }
    }
    return best;
}

static void measure_clock(struct seat *seat, const struct link_result *result)
{
    char text[64];
    struct tm tm = {0};
    /* Buddy says no date: one that is there is that of a proxy before it. */
    bool own = result->head != NULL && seat->target.flavour != LINK_FLAVOUR_BUDDY;
    struct slice date = own ? http_header_value(result->head, "Date") : (struct slice){0};
    int64_t ahead_s;
    if (date.bytes != NULL && date.size < sizeof text) {
        snprintf(text, sizeof text, "%.*s", (int)date.size, date.bytes);
        if (strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) != NULL) {
            seat->target.clock_ahead_s =
                (int64_t)timegm(&tm) - world_wall_us(seat->world) / 1000000;
            seat->clock_known = true;
        }
    } else if (sync_journal_clock(seat->settings->journal, seat->printer->host, &ahead_s)) {
        seat->target.clock_ahead_s = ahead_s;
    }
}

static bool find_record(void *owner, const char *path, struct sync_record *record)
{
    struct seat *seat = owner;
    char *whole = sync_path_join(seat->destination, path);
    bool found = sync_journal_find(seat->settings->journal, seat->printer->host, whole, record);
    free(whole);
    return found;
}

static void chosen(struct seat *seat)
{
    if (seat->settings->any_state) {
        ask_job(seat);
    } else {
        seat_list(seat);
    }
}

/* -- the ending of a resin printer's projects is its model's name (prusalink.md 1.1, 4.7) -- */

static void ask_suffixes(struct seat *seat);

static void on_profiles(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome != LINK_OK && seat_retry(seat, result, ask_suffixes)) {
        return;
    }
    seat->attempts = 0;
    const cJSON *profiles = cJSON_GetObjectItemCaseSensitive(result->json, "profiles"), *extension;
    struct buffer words = {0};
    cJSON_ArrayForEach(extension, cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(profiles, 0),
                                                                   "projectExtensions"))
    {
        const char *text = cJSON_GetStringValue(extension);
        buffer_format(&words, " %.8s ", text == NULL ? "" : text + (*text == '.'));
    }
    if (words.size > 0 && words.size < sizeof seat->suffixes) {
        memcpy(seat->suffixes, words.bytes, words.size + 1);
        seat->target.suffixes = seat->suffixes;
    }
    buffer_free(&words);
    chosen(seat); /* one that does not tell is left to refuse what it does not print */
}

static void ask_suffixes(struct seat *seat)
{
    const struct link_request request = {.method = "GET", .target = "/api/printerprofiles"};
    link_client_send(seat->client, &request, on_profiles, seat);
}

static void ask_storages(struct seat *seat);

static void on_storages(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    struct error error;
    if (result->outcome != LINK_OK) {
        if (!seat_retry(seat, result, ask_storages)) {
            seat_give_up(seat, "asking for its storages", result);
        }
        return;
    }
    seat->attempts = 0;
    const struct link_storage *storage = choose(result);
    if (storage == NULL || storage->path[0] != '/') {
        seat_end(seat, SYNC_FAILED, "there is no storage in it");
        return;
    }
    seat->destination = sync_destination(seat->settings->destination, storage->path, &error);
    if (seat->destination == NULL) {
        seat_end(seat, SYNC_FAILED, error.text);
        return;
    }
    seat->storage = sync_destination(NULL, storage->path, NULL);
    seat->target = (struct sync_target){.flavour = link_client_flavour(seat->client),
                                        .destination = seat->destination,
                                        .read_only = storage->read_only,
                                        .record = find_record,
                                        .owner = seat};
    seat->tree.fold = seat->target.flavour == LINK_FLAVOUR_BUDDY;
    free(seat->report->destination);
    seat->report->destination = memory_copy_text(seat->destination);
    measure_clock(seat, result);
    if (seat->target.flavour == LINK_FLAVOUR_SLA) {
        ask_suffixes(seat);
    } else {
        chosen(seat);
    }
}

static void ask_storages(struct seat *seat)
{
    link_client_storages(seat->client, on_storages, seat);
}

/* ---- What is in print ---- */

static void on_job(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome != LINK_OK) {
        if (!seat_retry(seat, result, ask_job)) {
            seat_give_up(seat, "asking what it prints", result);
        }
        return;
    }
    seat->attempts = 0;
    if (result->job->id >= 0) {
        seat->job_name = memory_copy_text(result->job->file_name);
        seat->job_display_name = memory_copy_text(result->job->file_display_name);
    }
    seat_list(seat);
}

static void ask_job(struct seat *seat)
{
    link_client_job(seat->client, on_job, seat);
}

static bool names_job(const struct seat *seat, const struct link_entry *entry)
{
    const char *const names[] = {seat->job_name, seat->job_display_name};
    for (size_t i = 0; i < 2; i++) {
        if (names[i] != NULL && *names[i] != '\0' &&
            (strcasecmp(names[i], entry->name) == 0 ||
             strcasecmp(names[i], entry->display_name) == 0)) {
            return true; /* in whichever folder: better one file too many left alone */
        }
    }
    return false;
}

/* ---- The tree ---- */

static void push_folder(struct seat *seat, const char *path, const char *address, unsigned depth)
{
    seat->folders = memory_resize(seat->folders, (seat->folder_count + 1) * sizeof *seat->folders);
    seat->folders[seat->folder_count++] = (struct seat_folder){
        .path = memory_copy_text(path), .address = memory_copy_text(address), .depth = depth};
}

static bool is_name(const char *name)
{
    return *name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static bool take_child(struct seat *seat, const char *address, const struct link_entry *child)
{
    if (!is_name(child->name) || !is_name(child->display_name)) {
        return true; /* nothing that a request could mean */
    }
    char *path = sync_path_join(seat->listing_path, child->display_name);
    char *below = sync_path_join(address, child->name);
    struct sync_entry *entry = sync_tree_add(&seat->tree, path, below);
    entry->folder = child->folder;
    entry->print_file = strcmp(child->type, "PRINT_FILE") == 0;
    entry->read_only = child->read_only || seat->target.read_only;
    entry->in_print = !child->folder && names_job(seat, child);
    entry->size = child->size;
    entry->modified_s = child->m_timestamp;
    free(entry->download);
    entry->download = memory_copy_text(child->download);
    if (child->folder) {
        push_folder(seat, path, below, seat->listing_depth + 1);
    }
    free(below);
    free(path);
    return seat->tree.count <= SYNC_FILES_MAX && seat->listing_depth < SYNC_DEPTH_MAX;
}

static void list_again(struct seat *seat);
static void list_next(struct seat *seat);

static void on_listing(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    bool top = seat->listing_depth == 0;
    if (result->outcome == LINK_NOT_FOUND && top && strcmp(seat->destination, seat->storage) != 0) {
        seat->destination_missing = true;
        list_next(seat);
        return;
    }
    if (result->outcome != LINK_OK || (top && !result->listing->self.folder)) {
        if (result->outcome == LINK_OK) {
            seat_end(seat, SYNC_FAILED, "the destination is a file there");
        } else if (!seat_retry(seat, result, list_again)) {
            char doing[300];
            snprintf(doing, sizeof doing, "listing %.200s", seat->address);
            seat_give_up(seat, doing,
                         result); /* without it, its files would look as if they were missing */
        }
        return;
    }
    seat->attempts = 0;
    for (size_t i = 0; i < result->listing->child_count; i++) {
        if (!take_child(seat, seat->address, &result->listing->children[i])) {
            seat_end(seat, SYNC_FAILED, "it lists more files and folders than a printer can have");
            return;
        }
    }
    list_next(seat);
}

static void list_again(struct seat *seat)
{
    link_client_list(seat->client, seat->address, NULL, on_listing, seat);
}

static void list_next(struct seat *seat)
{
    free(seat->address);
    seat->address = NULL;
    free(seat->listing_path);
    seat->listing_path = NULL;
    if (seat->folder_count == 0) {
        sync_tree_sort(&seat->tree);
        seat->cursor = 0;
        if (seat->settings->copy_back) {
            seat_copy_back(seat);
        } else {
            seat_planning(seat);
        }
        return;
    }
    struct seat_folder folder = seat->folders[--seat->folder_count];
    free(seat->listing_path);
    seat->listing_path = folder.path;
    seat->address = folder.address;
    seat->listing_depth = folder.depth;
    list_again(seat);
}

void seat_list(struct seat *seat)
{
    bool fold = seat->tree.fold;
    sync_tree_free(&seat->tree);
    seat->tree.fold = fold;
    seat->destination_missing = false;
    push_folder(seat, "", seat->destination, 0);
    list_next(seat);
}

void seat_scan(struct seat *seat)
{
    ask_storages(seat);
}

/* ---- Sizes and contents that are in doubt, and the plan ---- */

const struct sync_file *seat_file_here(struct seat *seat, const struct sync_entry *entry)
{
    const struct sync_folder *folder = seat->settings->folder;
    if (seat->here.items == NULL) {
        sync_keys_init(&seat->here, folder->count);
        for (size_t i = 0; i < folder->count; i++) {
            sync_keys_add(&seat->here, folder->files[i].path, seat->tree.fold, i);
        }
        sync_keys_sort(&seat->here);
    }
    const struct sync_key *found = sync_keys_find(&seat->here, entry->key, NULL);
    return found == NULL ? NULL : &folder->files[found->index];
}

static void make_plan(struct seat *seat)
{
    sync_plan_free(&seat->plan);
    sync_plan_make(&seat->plan, seat->settings->folder, &seat->tree, &seat->target,
                   &seat->settings->policy);
}

/* What was done was looked at step by step; what counts in the end is what the printer lists. */
static void planned_again(struct seat *seat)
{
    if (seat->plan.count == 0) {
        seat_end(seat, seat->report->failed > 0 ? SYNC_FAILED : SYNC_IN_STEP, NULL);
    } else if (seat->rounds < ROUNDS_MAX) {
        seat->report->todo += seat->plan.count;
        seat_act(seat);
    } else {
        char why[160];
        snprintf(why, sizeof why,
                 "everything was done, and yet it lists %zu files and folders as they were",
                 seat->plan.count);
        seat_end(seat, SYNC_FAILED, why);
    }
}

static void planned(struct seat *seat)
{
    struct sync_seat_report *report = seat->report;
    const struct sync_plan *plan = &seat->plan;
    if (seat->rounds > 0) {
        planned_again(seat);
        return;
    }
    report->same = plan->same;
    report->foreign = plan->foreign;
    report->kept = plan->kept;
    report->todo = plan->count;
    report->bytes_planned = sync_plan_bytes(plan);
    for (size_t i = 0; i < plan->conflict_count; i++) {
        sync_report_add(report, SYNC_ITEM_CONFLICT, NULL, plan->conflicts[i].path,
                        plan->conflicts[i].why);
    }
    for (size_t i = 0; i < plan->count && !seat->settings->execute; i++) {
        sync_report_add(report, SYNC_ITEM_PLANNED, sync_act_name(plan->actions[i].act),
                        plan->actions[i].path, plan->actions[i].reason);
    }
    seat->cursor = 0;
    seat_changed(seat);
    if (seat->settings->execute) {
        seat_act(seat);
    } else {
        bool work = plan->count > 0;
        seat_end(seat,
                 plan->conflict_count > 0 ? SYNC_FAILED
                 : work                   ? SYNC_PLANNED
                                          : SYNC_IN_STEP,
                 NULL);
    }
}

/* -- contents -- */

static void compare_next(struct seat *seat);

static void on_compared(struct seat *seat, enum seat_likeness likeness, const char *why)
{
    struct sync_entry *entry = &seat->tree.entries[seat->cursor++];
    if (likeness == SEAT_UNREADABLE) {
        char text[300];
        snprintf(text, sizeof text, "comparing %.80s: %.200s", entry->path, why);
        seat_end(seat, SYNC_FAILED, text);
        return;
    }
    entry->differs = likeness == SEAT_DIFFERENT;
    compare_next(seat);
}

static void compare_next(struct seat *seat)
{
    for (; seat->cursor < seat->tree.count; seat->cursor++) {
        const struct sync_entry *entry = &seat->tree.entries[seat->cursor];
        const struct sync_file *file = seat_file_here(seat, entry);
        if (!entry->folder && file != NULL && *entry->download != '\0' &&
            (entry->size < 0 || (uint64_t)entry->size == file->size)) {
            seat->report->path = entry->path;
            seat_content_compare(seat, entry->download, file, on_compared);
            return;
        }
    }
    make_plan(seat);
    planned(seat);
}

/* -- sizes -- */

static void ask_size(struct seat *seat);

static void sized(struct seat *seat)
{
    seat->cursor = 0;
    make_plan(seat);
    if (seat->settings->compare_content) {
        compare_next(seat);
    } else {
        planned(seat);
    }
}

static void on_size(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    struct sync_entry *entry = &seat->tree.entries[seat->plan.unsure[seat->cursor]];
    if (result->outcome == LINK_OK) {
        entry->size = result->listing->self.size;
        if (*entry->download == '\0') {
            free(entry->download);
            entry->download = memory_copy_text(result->listing->self.download);
        }
    } else if (result->outcome == LINK_NOT_FOUND) {
        entry->differs = true; /* gone since it was listed */
    } else {
        if (!seat_retry(seat, result, ask_size)) {
            seat_give_up(seat, "asking for the size of a file", result);
        }
        return;
    }
    seat->attempts = 0;
    seat->cursor++;
    ask_size(seat);
}

static void ask_size(struct seat *seat)
{
    if (seat->cursor == seat->plan.unsure_count) {
        sized(seat);
        return;
    }
    const struct sync_entry *entry = &seat->tree.entries[seat->plan.unsure[seat->cursor]];
    seat->report->path = entry->path;
    link_client_list(seat->client, entry->address, NULL, on_size, seat);
}

void seat_planning(struct seat *seat)
{
    make_plan(seat);
    seat->cursor = 0;
    ask_size(seat);
}
