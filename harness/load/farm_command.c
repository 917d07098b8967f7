/* What the server has the printers do, counted: commands, and the files that they download. */
#include <stdlib.h>
#include <string.h>

#include "harness/load/farm_seat.h"

/* ---- Commands ---- */

static void forget_command(struct seat *seat, int i)
{
    seat->command_count--;
    for (; i < seat->command_count; i++) {
        seat->commands[i] = seat->commands[i + 1];
    }
}

static void end_command(struct seat *seat, int i, bool ok, enum load_cause cause)
{
    struct farm *farm = seat->farm;
    int64_t came_us = seat->commands[i].came_us;
    forget_command(seat, i);
    if (ok) {
        farm_count_ok(farm, seat->is.group, LOAD_COMMAND, came_us, farm->world->now_us - came_us);
    } else {
        farm_count_failed(farm, seat->is.group, LOAD_COMMAND, came_us, cause);
    }
}

static bool is_download(const struct http_message *message)
{
    static const char part[] = "_DOWNLOAD\"";
    return message->body.size >= sizeof part &&
           memmem(message->body.bytes, message->body.size, part, sizeof part - 1) != NULL;
}

/* Given again while it waits for its answer, it is the same one. */
void farm_command_came(struct seat *seat, const struct http_message *message)
{
    struct farm *farm = seat->farm;
    struct slice id = http_header_value(message, "Command-Id");
    char text[24];
    if (id.bytes == NULL || id.size >= sizeof text) {
        return;
    }
    memcpy(text, id.bytes, id.size);
    text[id.size] = '\0';
    int64_t number = strtoll(text, NULL, 10);
    for (int i = 0; i < seat->command_count; i++) {
        if (seat->commands[i].id == number) {
            return;
        }
    }
    if (seat->command_count == SEAT_COMMANDS) {
        end_command(seat, 0, false, LOAD_CAUSE_REFUSED);
    }
    seat->commands[seat->command_count].id = number;
    seat->commands[seat->command_count++].came_us = farm->world->now_us;
    farm_count_planned(farm, seat->is.group, LOAD_COMMAND, farm->world->now_us);
    if (is_download(message) && !seat->transfer.runs) {
        seat->transfer.command_id = number;
        seat->transfer.came_us = farm->world->now_us;
    }
}

/* The SDK writes a blank behind the colon, Buddy none. */
static bool names_command(const char *body, int64_t *id)
{
    static const char member[] = "\"command_id\":";
    const char *at = strstr(body, member);
    if (at != NULL) {
        *id = strtoll(at + strlen(member), NULL, 10);
    }
    return at != NULL;
}

static bool is_refusal(const char *body)
{
    static const char member[] = "\"event\":";
    const char *at = strstr(body, member);
    at = at == NULL ? "" : at + strlen(member);
    at += *at == ' ';
    return strncmp(at, "\"REJECTED\"", 10) == 0 || strncmp(at, "\"FAILED\"", 8) == 0;
}

void farm_event_over(struct seat *seat, const char *body, bool ok, bool again,
                     enum load_cause cause)
{
    int64_t id;
    if (!names_command(body, &id) || (!ok && again)) {
        return;
    }
    for (int i = 0; i < seat->command_count; i++) {
        if (seat->commands[i].id == id) {
            end_command(seat, i, ok, cause);
            break;
        }
    }
    if (id == seat->transfer.command_id && seat->transfer.came_us != INT64_MIN &&
        !seat->transfer.runs && is_refusal(body)) {
        farm_transfer_over(seat, false, LOAD_CAUSE_REFUSED);
    }
}

/* ---- Transfers ---- */

static struct seat_transfer nothing(void)
{
    return (struct seat_transfer){.due_us = INT64_MIN, .came_us = INT64_MIN, .cause = LOAD_CAUSES};
}

/* It is over, well or not; the next one comes after a pause. */
void farm_transfer_over(struct seat *seat, bool ok, enum load_cause cause)
{
    struct farm *farm = seat->farm;
    const struct seat_transfer was = seat->transfer;
    int64_t due_us = was.due_us != INT64_MIN ? was.due_us : was.came_us;
    seat->transfer = nothing();
    if (was.due_us == INT64_MIN) { /* somebody else than we wished it */
        farm_count_planned(farm, seat->is.group, LOAD_TRANSFER, due_us);
    }
    if (ok) {
        farm_count_ok(farm, seat->is.group, LOAD_TRANSFER, due_us,
                      farm->world->now_us - was.came_us);
    } else {
        farm_count_failed(farm, seat->is.group, LOAD_TRANSFER, due_us, cause);
    }
    farm_user_pauses(seat);
}

void farm_transfer_told(void *observer, enum transfer_change change)
{
    struct seat *seat = observer;
    struct seat_transfer *transfer = &seat->transfer;
    if (!seat->on) {
        return; /* a power cut ends it, too */
    }
    if (change == TRANSFER_BEGAN) {
        transfer->runs = true;
        transfer->cause = LOAD_CAUSES;
        if (transfer->came_us == INT64_MIN) {
            transfer->came_us = seat->farm->world->now_us;
        }
    } else if (transfer->runs) {
        bool told = change == TRANSFER_ABORTED && transfer->cause != LOAD_CAUSES;
        farm_transfer_over(seat, change == TRANSFER_DONE,
                           told ? transfer->cause : LOAD_CAUSE_REFUSED);
    }
}

void farm_fetches(void *observer, uint32_t connection)
{
    struct seat *seat = observer;
    seat->fetching = connection;
}

/* The printer may try again: only the last one before it gives up is the transfer's. */
void farm_fetch_failed(void *observer, int status, const struct http_failure *failure)
{
    struct seat *seat = observer;
    seat->transfer.cause = status != 0       ? farm_cause_of_status(status)
                           : failure != NULL ? farm_cause_of(failure)
                                             : LOAD_CAUSE_WRONG_REPLY;
    farm_count_no_connection(seat, failure);
}

/* ---- The user who wishes them ---- */

bool farm_may_wish(const struct seat *seat)
{
    return seat->on && seat->is.state->transfer.wish != NULL && seat->farm->wishes != NULL &&
           seat->transfer.due_us == INT64_MIN && !seat->transfer.runs &&
           seat->farm->world->now_us < seat->farm->end_us;
}

/* A printer refuses what is there already, and would be full soon if each got another name. */
void farm_wish(struct seat *seat)
{
    struct farm *farm = seat->farm;
    struct machine *machine = printer_machine(seat->printer);
    machine_remove(machine, seat->is.state->transfer.path, false);
    if (seat->wish == NULL) {
        seat->wish = farm_new_wish(seat);
    }
    seat->transfer.due_us = farm->world->now_us;
    farm_count_planned(farm, seat->is.group, LOAD_TRANSFER, farm->world->now_us);
    wishes_make(farm->wishes, seat->wish);
}

void farm_wish_answered(void *owner, int status)
{
    struct seat *seat = owner;
    if (status != 201) {
        farm_transfer_over(seat, false,
                           status == 0 ? LOAD_CAUSE_CONNECT : farm_cause_of_status(status));
    }
}

void farm_forget_commands(struct seat *seat)
{
    struct farm *farm = seat->farm;
    while (seat->command_count > 0) {
        farm_count_unfinished(farm, seat->is.group, LOAD_COMMAND, seat->commands[0].came_us);
        forget_command(seat, 0);
    }
    if (seat->wish != NULL) {
        wishes_give_up(farm->wishes, seat->wish);
    }
    if (seat->transfer.due_us != INT64_MIN) {
        farm_count_unfinished(farm, seat->is.group, LOAD_TRANSFER, seat->transfer.due_us);
    }
    seat->transfer = nothing();
}
