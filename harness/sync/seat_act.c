/* Doing what the plan says: before each step the printer's state is looked at again, after each
 * upload what the printer made of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/sync/names.h"
#include "harness/sync/seat.h"
#include "sim/base/memory.h"

/* The Pi's tree lags up to 1.5 s behind its disk (prusalink.md 6.3). */
#define SHOWN_WITHIN_US SECONDS(5)
#define SHOWN_GAP_US    MILLISECONDS(250)
/* So it shows what has gone; a Buddy printer shows its drive as it is. */
#define SETTLED_PI_US MILLISECONDS(1500)
/* FAT's steps of 2 s read as seconds (6.2), and a clock that we know to the second. */
enum { TIME_SLACK_S = 60 };
/* How long somebody else's transfer is waited for; an upload of ours that was cut is one, until the
 * printer notices. */
#define TRANSFER_PATIENCE_US SECONDS(60)
#define TRANSFER_GAP_US      SECONDS(1)

static void next(struct seat *seat);
static void perform(struct seat *seat);

static struct sync_action *present(struct seat *seat)
{
    return &seat->plan.actions[seat->cursor];
}

/* ---- How a step ends ---- */

static void count_done(struct seat *seat, const struct sync_action *action)
{
    struct sync_seat_report *report = seat->report;
    switch (action->act) {
    case SYNC_DELETE:
        report->deleted += !action->aside;
        break;
    case SYNC_MAKE_FOLDER:
        report->made++;
        break;
    case SYNC_REPLACE:
        report->replaced++;
        report->bytes += action->file->size;
        break;
    case SYNC_UPLOAD:
        report->uploaded++;
        report->bytes += action->file->size;
        break;
    case SYNC_DELETE_FOLDER:
        report->deleted++;
        break;
    }
}

static void step_over(struct seat *seat)
{
    seat->attempts = 0;
    seat->waiting_since_us = 0;
    seat->report->done++;
    seat->report->sending = seat->report->sent = 0;
    seat->cursor++;
    seat_changed(seat);
    next(seat);
}

static void done(struct seat *seat)
{
    struct sync_action *action = present(seat);
    count_done(seat, action);
    sync_report_add(seat->report, SYNC_ITEM_DONE, sync_act_name(action->act), action->path,
                    action->reason);
    step_over(seat);
}

static void failed(struct seat *seat, const char *why)
{
    struct sync_action *action = present(seat);
    sync_report_add(seat->report, SYNC_ITEM_FAILED, sync_act_name(action->act), action->path, why);
    step_over(seat);
}

/* A printer that does not answer any more would let each further step wait for the whole time-out.
 */
static void failed_by(struct seat *seat, const struct link_result *result)
{
    struct sync_action *action = present(seat);
    if (result->outcome == LINK_CONNECT || result->outcome == LINK_TIMEOUT ||
        result->outcome == LINK_UNAUTHORIZED) {
        char why[300];
        size_t left = seat->plan.count - seat->cursor - 1;
        sync_report_add(seat->report, SYNC_ITEM_FAILED, sync_act_name(action->act), action->path,
                        result->why);
        snprintf(why, sizeof why,
                 "it does not answer any more: %.150s; %zu more steps were not tried", result->why,
                 left);
        seat_end(seat, SYNC_FAILED, why);
    } else {
        failed(seat, result->why);
    }
}

/* ---- Uploads ---- */

/* A file that is being written to here would arrive as something between two files. */
static bool unchanged(const struct seat *seat, const struct sync_file *file)
{
    char *path = sync_path_join(seat->settings->folder->root, file->path);
    struct stat status;
    bool same = stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
                (uint64_t)status.st_size == file->size &&
                (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000 ==
                    file->modified_us;
    free(path);
    return same;
}

static void keep_record(struct seat *seat, int64_t remote_s)
{
    const struct sync_action *action = present(seat);
    char *whole = sync_path_join(seat->destination, action->path);
    const struct sync_record record = {
        .size = action->file->size, .modified_us = action->file->modified_us, .remote_s = remote_s};
    sync_journal_put(seat->settings->journal, seat->printer->host, whole, &record);
    free(whole);
}

static void on_verified_content(struct seat *seat, enum seat_likeness likeness, const char *why)
{
    if (likeness == SEAT_ALIKE) {
        keep_record(seat, seat->verified_s);
        done(seat);
    } else {
        char text[300];
        snprintf(text, sizeof text, "%s%s",
                 likeness == SEAT_DIFFERENT ? "the printer has another content afterwards"
                                            : "its content could not be compared: ",
                 likeness == SEAT_DIFFERENT ? "" : why);
        failed(seat, text);
    }
}

/* Whether the printer's time of a file is that of this upload, as far as its clock is known. A
 * clock that was not known is, from the first upload on. */
static bool time_fits(struct seat *seat, int64_t remote_s)
{
    int64_t epoch_s = seat->world->epoch_us / 1000000;
    int64_t began_s = epoch_s + seat->step_began_us / 1000000,
            ended_s = epoch_s + seat->step_ended_us / 1000000;
    if (remote_s < SYNC_CLOCKLESS_S) {
        return true; /* it has no clock */
    }
    if (!seat->clock_known) {
        seat->clock_known = true;
        seat->clock_slack_s = ended_s - began_s;
        seat->target.clock_ahead_s = remote_s - ended_s;
    }
    int64_t slack_s = TIME_SLACK_S + seat->clock_slack_s, ahead_s = seat->target.clock_ahead_s;
    sync_journal_set_clock(seat->settings->journal, seat->printer->host, ahead_s);
    return remote_s >= began_s + ahead_s - slack_s && remote_s <= ended_s + ahead_s + slack_s;
}

static void look_at(struct seat *seat);

/* Whether what is shown may be the file before, or nothing yet, in a tree that lags. */
static bool may_lag(const struct seat *seat, const struct link_entry *entry)
{
    const struct sync_action *action = &seat->plan.actions[seat->cursor];
    int64_t since_us = seat->world->now_us - seat->step_ended_us;
    bool other = entry == NULL || (entry->size >= 0 && (uint64_t)entry->size != action->file->size);
    bool before =
        entry != NULL && action->act == SYNC_REPLACE && entry->m_timestamp == action->replaced_s;
    return since_us < SHOWN_WITHIN_US &&
           (other ||
            (before && seat->target.flavour == LINK_FLAVOUR_PI && since_us < SETTLED_PI_US));
}

static void on_look(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    const struct sync_action *action = present(seat);
    const struct link_entry *entry = result->outcome == LINK_OK ? &result->listing->self : NULL;
    char why[200];
    if ((entry != NULL || result->outcome == LINK_NOT_FOUND) && may_lag(seat, entry)) {
        seat_later(seat, SHOWN_GAP_US, look_at);
        return;
    }
    if (entry == NULL) {
        if (!seat_retry(seat, result, look_at)) {
            failed_by(seat, result);
        }
        return;
    }
    if (entry->size >= 0 && (uint64_t)entry->size != action->file->size) {
        snprintf(why, sizeof why, "the printer has %lld bytes of %llu afterwards",
                 (long long)entry->size, (unsigned long long)action->file->size);
        failed(seat, why);
        return;
    }
    if (!time_fits(seat, entry->m_timestamp)) {
        failed(seat, "the printer shows a time that is not that of the upload");
        return;
    }
    seat->verified_s = entry->m_timestamp;
    if (seat->settings->verify_content && *entry->download != '\0') {
        seat_content_compare(seat, entry->download, action->file, on_verified_content);
    } else {
        keep_record(seat, entry->m_timestamp);
        done(seat);
    }
}

static void look_at(struct seat *seat)
{
    link_client_list(seat->client, seat->address, NULL, on_look, seat);
}

/* -- another transfer -- */

static void ask_transfer(struct seat *seat);

static void on_transfer(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    bool running = result->outcome == LINK_OK && result->transfer->running;
    bool patient = seat->world->now_us - seat->waiting_since_us < TRANSFER_PATIENCE_US;
    if (running && patient) {
        seat_later(seat, TRANSFER_GAP_US, ask_transfer);
    } else if (!running && seat->attempts < seat->settings->retries) {
        seat->attempts++;
        seat_later(seat, TRANSFER_GAP_US, perform);
    } else {
        failed(seat, seat->why);
    }
}

static void ask_transfer(struct seat *seat)
{
    link_client_transfer(seat->client, on_transfer, seat);
}

/* Whether an upload was refused as another one is under way: a Buddy printer says so, the Pi's
 * program fails with 500 (3.9 steps 5 and 10). */
static bool is_taken(const struct seat *seat, const struct link_result *result)
{
    return (result->status == 500 && seat->target.flavour == LINK_FLAVOUR_PI) ||
           (result->outcome == LINK_CONFLICT && (strcasestr(result->why, "transfer") != NULL ||
                                                 strcasestr(result->text, "transfer") != NULL));
}

static void on_upload(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    const struct sync_action *action = present(seat);
    seat->step_ended_us = seat->world->now_us;
    seat->report->sending = seat->report->sent = 0;
    if (result->outcome == LINK_OK && unchanged(seat, action->file)) {
        seat->attempts = 0;
        look_at(seat);
    } else if (result->outcome == LINK_OK || result->outcome == LINK_SOURCE) {
        failed(seat, "it has changed here while it was sent");
    } else if (is_taken(seat, result)) {
        snprintf(seat->why, sizeof seat->why, "%s", result->why);
        seat->waiting_since_us =
            seat->waiting_since_us > 0 ? seat->waiting_since_us : seat->world->now_us;
        ask_transfer(seat);
    } else if (seat->attempts == 0 && action->act == SYNC_UPLOAD &&
               result->outcome == LINK_CONFLICT) {
        failed(
            seat,
            result->why); /* it was not there when it was listed: whoever put it there keeps it */
    } else if (!seat_retry(seat, result, perform)) {
        failed_by(seat, result);
    }
}

static void on_progress(void *owner, uint64_t sent, uint64_t size)
{
    struct seat *seat = owner;
    seat->report->sent = sent;
    seat->report->sending = size;
    seat_changed(seat);
}

static void upload(struct seat *seat)
{
    const struct sync_action *action = present(seat);
    if (!unchanged(seat, action->file)) {
        failed(seat, "it has changed here since the folder was read");
        return;
    }
    char *path = sync_path_join(seat->settings->folder->root, action->file->path);
    const struct link_upload order = {.path = seat->address,
                                      .file = path,
                                      .overwrite =
                                          action->act == SYNC_REPLACE || seat->attempts > 0,
                                      .progress = on_progress};
    seat->step_began_us = seat->world->now_us;
    link_client_upload(seat->client, &order, on_upload, seat);
    free(path);
}

/* ---- The others ---- */

static void on_removed(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    const struct sync_action *action = present(seat);
    if (result->outcome == LINK_OK || result->outcome == LINK_NOT_FOUND) {
        char *whole = sync_path_join(seat->destination, action->path);
        sync_journal_forget(seat->settings->journal, seat->printer->host, whole);
        free(whole);
        done(seat);
    } else if (!seat_retry(seat, result, perform)) {
        failed_by(seat, result);
    }
}

/* Firmware before 5.1 knows no such request (link-sync.md 8.1), and printers make the folders of an
 * upload themselves: a folder that could not be made fails with what should go into it, or it is
 * only an empty one. */
static void on_made(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome == LINK_OK || result->outcome == LINK_CONFLICT) {
        done(seat);
    } else if (seat_retry(seat, result, perform)) {
        return;
    } else if (result->status == 501 && seat->target.flavour == LINK_FLAVOUR_BUDDY) {
        step_over(seat);
    } else {
        failed_by(seat, result);
    }
}

/* Requests name what is new by long names, and what is there by what the printer calls it. An
 * upload always goes to the long name: a file replaced by its short name would lose the long one.
 */
static void set_address(struct seat *seat, const struct sync_action *action)
{
    free(seat->address);
    bool writes = action->act == SYNC_UPLOAD || action->act == SYNC_REPLACE ||
                  action->act == SYNC_MAKE_FOLDER;
    seat->address = writes ? sync_tree_address(&seat->tree, seat->destination, action->path)
                           : memory_copy_text(action->address);
}

static void perform(struct seat *seat)
{
    const struct sync_action *action = present(seat);
    set_address(seat, action);
    seat->report->path = action->path;
    switch (action->act) {
    case SYNC_DELETE:
    case SYNC_DELETE_FOLDER:
        link_client_remove(seat->client, seat->address, false, on_removed, seat);
        break;
    case SYNC_MAKE_FOLDER:
        link_client_make_folder(seat->client, seat->address, on_made, seat);
        break;
    case SYNC_REPLACE:
    case SYNC_UPLOAD:
        upload(seat);
        break;
    }
}

/* ---- From step to step ---- */

static void ask_again(struct seat *seat);

static void on_state(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome != LINK_OK) {
        if (!seat_retry(seat, result, ask_again)) {
            seat_give_up(seat, "asking its state", result);
        }
        return;
    }
    seat->attempts = 0;
    if (seat_idle(result->status_report->state)) {
        perform(seat);
        return;
    }
    char why[160];
    snprintf(why, sizeof why, "it turned %.60s after %zu of %zu steps and was left alone",
             result->status_report->state_word, seat->cursor, seat->plan.count);
    free(seat->report->state);
    seat->report->state = memory_copy_text(result->status_report->state_word);
    seat_end(seat, SYNC_BUSY, why);
}

static void ask_again(struct seat *seat)
{
    link_client_status(seat->client, on_state, seat);
}

static void next(struct seat *seat)
{
    if (seat->cursor == seat->plan.count && (seat->report->failed > 0 || seat->plan.count == 0)) {
        seat_end(seat, seat->report->failed > 0 ? SYNC_FAILED : SYNC_IN_STEP, NULL);
    } else if (seat->cursor == seat->plan.count) {
        seat->rounds++;
        seat->report->path = NULL;
        seat_later(seat, seat->target.flavour == LINK_FLAVOUR_PI ? SETTLED_PI_US : 0, seat_list);
    } else if (seat->settings->any_state) {
        perform(seat);
    } else {
        ask_again(seat);
    }
}

/* ---- The destination ----
 * Level by level, as a Buddy printer makes one at a time and the Pi's tree loses the third (6.6).
 */

static void make_level(struct seat *seat);

static void on_level(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome != LINK_OK && result->outcome != LINK_CONFLICT &&
        seat_retry(seat, result, make_level)) {
        return;
    }
    seat->attempts = 0;
    size_t size = strlen(seat->made);
    if (size >= strlen(seat->destination)) {
        next(seat); /* what failed shows at the first upload */
        return;
    }
    size += 1 + strcspn(seat->destination + size + 1, "/");
    free(seat->made);
    seat->made = memory_copy_slice(seat->destination, size);
    make_level(seat);
}

static void make_level(struct seat *seat)
{
    link_client_make_folder(seat->client, seat->made, on_level, seat);
}

void seat_act(struct seat *seat)
{
    seat->cursor = 0;
    if (seat->destination_missing && seat->plan.count > 0) {
        size_t size = strlen(seat->storage);
        size += 1 + strcspn(seat->destination + size + 1, "/");
        seat->made = memory_copy_slice(seat->destination, size);
        make_level(seat);
    } else {
        next(seat);
    }
}
