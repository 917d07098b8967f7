#include "harness/sync/seat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"

#define RETRY_GAP_US MILLISECONDS(500) /* before the first repetition; doubles with each */

static void on_timer(void *owner)
{
    struct seat *seat = owner;
    seat->then(seat);
}

void seat_init(struct seat *seat, struct sync_run *run, const struct sync_settings *settings,
               struct world *world, struct sync_seat_report *report, size_t index)
{
    *seat = (struct seat){.run = run,
                          .settings = settings,
                          .world = world,
                          .printer = &settings->farm->printers[index],
                          .report = report,
                          .index = index};
    timer_init(&seat->timer, on_timer, seat);
    free(report->name);
    free(report->type);
    free(report->host);
    report->name = memory_copy_text(seat->printer->name);
    report->type = memory_copy_text(seat->printer->type);
    report->host = memory_copy_text(seat->printer->host);
}

static void free_copied(struct seat *seat)
{
    for (size_t i = 0; i < seat->folder_count; i++) {
        free(seat->folders[i].path);
        free(seat->folders[i].address);
    }
    free(seat->folders);
    seat->folders = NULL;
    seat->folder_count = 0;
    free(seat->listing_path);
    free(seat->storage);
    free(seat->destination);
    free(seat->job_name);
    free(seat->job_display_name);
    free(seat->address);
    free(seat->made);
    seat->listing_path = seat->storage = seat->destination = seat->job_name =
        seat->job_display_name = NULL;
    seat->address = seat->made = NULL;
}

void seat_free(struct seat *seat)
{
    world_cancel(seat->world, &seat->timer);
    if (seat->client != NULL) {
        link_client_destroy(seat->client);
        seat->client = NULL;
    }
    seat_content_free(seat);
    seat_copy_free(seat);
    sync_tree_free(&seat->tree);
    sync_keys_free(&seat->here);
    sync_plan_free(&seat->plan);
    free_copied(seat);
}

void seat_changed(struct seat *seat)
{
    if (seat->settings->changed != NULL) {
        seat->settings->changed(seat->settings->owner, seat->index);
    }
}

/* A client that was called back from may not go within that call. */
static void leave(struct seat *seat)
{
    seat_free(seat);
    sync_run_seat_ended(seat->run);
}

void seat_end(struct seat *seat, enum sync_outcome outcome, const char *why)
{
    seat->report->outcome = outcome;
    seat->report->ended_us = seat->world->now_us;
    seat->report->path = NULL;
    seat->report->sending = seat->report->sent = 0;
    if (why != NULL) {
        free(seat->report->why);
        seat->report->why = memory_copy_text(why);
    }
    seat_changed(seat);
    if (outcome == SYNC_INTERRUPTED) {
        leave(seat);
    } else {
        seat_later(seat, 0, leave);
    }
}

void seat_later(struct seat *seat, int64_t delay_us, void (*then)(struct seat *seat))
{
    seat->then = then;
    world_arm_in(seat->world, &seat->timer, delay_us);
}

/* Another transfer of a printer ends some time (prusalink.md 3.9 step 5); a passing failure may
 * have passed. */
static bool passes(const struct link_result *result)
{
    bool transfer =
        result->outcome == LINK_CONFLICT && (strcasestr(result->text, "transfer") != NULL ||
                                             strcasestr(result->title, "transfer") != NULL);
    return transfer || link_outcome_passes(result->outcome);
}

bool seat_retry(struct seat *seat, const struct link_result *result,
                void (*again)(struct seat *seat))
{
    if (!passes(result) || seat->attempts >= seat->settings->retries) {
        seat->attempts = 0;
        return false;
    }
    seat_later(seat, RETRY_GAP_US << (seat->attempts < 6 ? seat->attempts : 6), again);
    seat->attempts++;
    return true;
}

void seat_give_up(struct seat *seat, const char *doing, const struct link_result *result)
{
    bool silent = result->outcome == LINK_CONNECT || result->outcome == LINK_TIMEOUT ||
                  result->outcome == LINK_BROKEN || result->outcome == LINK_TLS;
    char why[600];
    snprintf(why, sizeof why, "%s: %s", doing, result->why);
    seat_end(seat, silent && !seat->reached ? SYNC_UNREACHED : SYNC_FAILED, why);
}

/* ---- State ---- */

/* As Link Sync has it, and STOPPED: it waits for somebody to take the print away just as FINISHED
 * does (SYNC-19). */
bool seat_idle(enum link_state state)
{
    return state == LINK_STATE_IDLE || state == LINK_STATE_READY || state == LINK_STATE_FINISHED ||
           state == LINK_STATE_STOPPED;
}

static void ask_state(struct seat *seat);

static void on_state(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    if (result->outcome != LINK_OK) {
        if (!seat_retry(seat, result, ask_state)) {
            seat_give_up(seat, "asking its state", result);
        }
        return;
    }
    seat->attempts = 0;
    seat->reached = true;
    free(seat->report->state);
    seat->report->state = memory_copy_text(result->status_report->state_word);
    if (!seat->settings->any_state && !seat_idle(result->status_report->state)) {
        char why[120];
        snprintf(why, sizeof why, "it is %.60s and was left alone", seat->report->state);
        seat_end(seat, SYNC_BUSY, why);
    } else {
        seat_scan(seat);
    }
}

static void ask_state(struct seat *seat)
{
    link_client_status(seat->client, on_state, seat);
}

void seat_begin(struct seat *seat, struct link_transport *transport)
{
    int64_t timeout_us = seat->settings->timeout_us > 0 ? seat->settings->timeout_us : SECONDS(30);
    const struct link_client_settings settings = {
        .url = seat->printer->host,
        .user = seat->printer->password != NULL ? seat->printer->username : NULL,
        .password = seat->printer->password,
        .api_key = seat->printer->password != NULL ? NULL : seat->printer->api_key,
        .name = seat->printer->name,
        .connect_timeout_us = timeout_us / 3 < SECONDS(10) ? timeout_us / 3 : SECONDS(10),
        .idle_timeout_us = timeout_us,
    };
    struct error error;
    seat->report->began_us = seat->report->ended_us = seat->world->now_us;
    seat->report->outcome = SYNC_WORKING;
    seat->client = link_client_new(transport, &settings, &error);
    if (seat->client == NULL) {
        seat_end(seat, SYNC_FAILED, error.text);
        return;
    }
    seat_changed(seat);
    ask_state(seat);
}
