#include "sim/protocol/connect/buddy_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/buddy_download.h"
#include "sim/protocol/connect/buddy_parts.h"

/* The one transfer of a printer, step by step in the slices of the Connect task's sleep, so never
 * while that waits for an answer (connect-buddy.md 7.7; PFB: src/transfers/transfer.cpp). */

#define SAVE_INTERVAL SECONDS(10)
#define LOCAL_RETRY   SECONDS(1) /* when an attempt fails before it begins */

enum {
    MAX_RETRIES = 5,
    SAVE_BYTES = 256 * 1024,
    OUTCOMES_KEPT = 2,
    SEGMENT_BYTES = 512 * 512, /* of inline data, asked for at once (7.4) */
    TLS_PORT = 443,
    PLAIN_PORT = 80,
};

struct run {
    int64_t start_us;
    char *destination; /* as the command has it */
    struct buddy_backup backup;
    struct buddy_partial partial;
    bool tail_first, stop, saved;
    int retries_left;
    uint32_t progress; /* when an attempt failed last */
    int64_t saved_us, not_before_us;
    uint32_t saved_bytes;
    /* the attempt under way */
    uint32_t attempt_start;
    struct buddy_download_get *get; /* encrypted */
    struct {
        bool runs, failed;
        bool detailed; /* the request in turn is the first one */
        bool asked;    /* it was sent */
        uint32_t file_id;
        uint32_t next;             /* byte to come */
        uint32_t segment_end, end; /* behind the last of this request, and of all of them */
    } chunks;                      /* inline */
};

struct buddy_transfers {
    bool numbered; /* an id was given out since the boot */
    uint32_t last_id;
    struct {
        uint32_t id;
        enum buddy_outcome outcome;
    } ended[OUTCOMES_KEPT];
    int ended_count;
    bool left_overs;
    struct run *run; /* NULL: none */
};

static struct buddy_transfers *transfers_of(struct buddy *buddy)
{
    if (buddy->transfers == NULL) {
        buddy->transfers = memory_new(sizeof *buddy->transfers);
    }
    return buddy->transfers;
}

static struct run *run_of(const struct buddy *buddy)
{
    return buddy->transfers == NULL ? NULL : buddy->transfers->run;
}

static void stop_attempt(struct run *run)
{
    buddy_download_stop(run->get);
    run->get = NULL;
    run->chunks.runs = run->chunks.failed = false;
}

static void run_destroy(struct run *run)
{
    if (run != NULL) {
        stop_attempt(run);
        buddy_partial_close(&run->partial);
        free(run->destination);
        free(run);
    }
}

/* ---- the slot of the machine, which PrusaLink has a view of and puts its uploads in ---- */

static const struct transfer *own_slot(const struct buddy *buddy)
{
    const struct transfer *slot = machine_transfer(buddy->machine);
    const struct run *run = run_of(buddy);
    bool own = slot != NULL && run != NULL && slot->source == TRANSFER_FROM_CONNECT &&
               slot->id == run->backup.id;
    return own ? slot : NULL;
}

static void take_slot(struct buddy *buddy)
{
    const struct run *run = run_of(buddy);
    const struct transfer slot = {.id = run->backup.id,
                                  .source = TRANSFER_FROM_CONNECT,
                                  .path = run->destination,
                                  .size = run->partial.valid.size};
    machine_transfer_begin(buddy->machine, &slot);
    machine_transfer_advance(buddy->machine, buddy_valid_bytes(&run->partial.valid));
}

static void leave_slot(struct buddy *buddy, enum transfer_change how)
{
    if (own_slot(buddy) != NULL) {
        machine_transfer_end(buddy->machine, how);
    }
}

static void remember_end(struct buddy_transfers *transfers, uint32_t id, enum buddy_outcome outcome)
{
    transfers->ended[1] = transfers->ended[0];
    transfers->ended[0].id = id;
    transfers->ended[0].outcome = outcome;
    transfers->ended_count =
        transfers->ended_count < OUTCOMES_KEPT ? transfers->ended_count + 1 : OUTCOMES_KEPT;
}

void buddy_transfer_told(struct buddy *buddy, const struct transfer *other,
                         enum transfer_change change)
{
    if (change != TRANSFER_BEGAN && other->source != TRANSFER_FROM_CONNECT) {
        remember_end(transfers_of(buddy), other->id,
                     change == TRANSFER_DONE      ? BUDDY_TRANSFER_FINISHED
                     : change == TRANSFER_STOPPED ? BUDDY_TRANSFER_STOPPED
                                                  : BUDDY_TRANSFER_OTHER);
        buddy_transfer_look(buddy);
    }
}

/* ---- ends ---- */

void buddy_transfer_cut(struct buddy *buddy)
{
    if (buddy->transfers != NULL) {
        leave_slot(buddy, TRANSFER_ABORTED);
        run_destroy(buddy->transfers->run);
        free(buddy->transfers);
        buddy->transfers = NULL;
    }
}

bool buddy_transfer_outcome(const struct buddy *buddy, uint32_t id, enum buddy_outcome *outcome)
{
    const struct buddy_transfers *transfers = buddy->transfers;
    for (int i = 0; transfers != NULL && i < transfers->ended_count; i++) {
        if (transfers->ended[i].id == id) {
            *outcome = transfers->ended[i].outcome;
            return true;
        }
    }
    return false;
}

static void told_cleaned(void *owner, const char *path, bool moved, bool renamed)
{
    struct buddy *buddy = owner;
    const struct buddy_number none = {0};
    if (!moved || renamed) {
        buddy_planner_changed(&buddy->planner, path, true, BUDDY_INCIDENT_DELETED, none);
    }
    if (moved) {
        buddy_planner_changed(&buddy->planner, path, true, BUDDY_INCIDENT_CREATED, none);
    }
}

/* What is being printed stays where it is until that is over. */
static void clean_up(struct buddy *buddy)
{
    const struct machine_job *job = machine_job(buddy->machine);
    buddy->transfers->left_overs = !buddy_partial_clean_up(
        buddy->machine, job == NULL ? NULL : job->path, told_cleaned, buddy);
}

static void told(const struct buddy *buddy, enum transfer_change change)
{
    if (buddy->observer_class != NULL && buddy->observer_class->transfer != NULL) {
        buddy->observer_class->transfer(buddy->observer, change);
    }
}

static void done(struct buddy *buddy, enum buddy_outcome outcome)
{
    struct buddy_transfers *transfers = buddy->transfers;
    struct run *run = transfers->run;
    char *path = memory_copy_text(run->partial.path);
    enum transfer_change change = outcome == BUDDY_TRANSFER_FINISHED  ? TRANSFER_DONE
                                  : outcome == BUDDY_TRANSFER_STOPPED ? TRANSFER_STOPPED
                                                                      : TRANSFER_ABORTED;
    stop_attempt(run);
    if (outcome == BUDDY_TRANSFER_FINISHED) {
        buddy_partial_complete(&run->partial);
    } else {
        buddy_partial_give_up(&run->partial);
    }
    remember_end(transfers, run->backup.id, outcome);
    leave_slot(buddy, change);
    transfers->run = NULL;
    run_destroy(run);
    clean_up(buddy);
    if (outcome == BUDDY_TRANSFER_FINISHED && transfers->left_overs) {
        buddy_planner_changed(&buddy->planner, path, true, BUDDY_INCIDENT_CREATED,
                              (struct buddy_number){0}); /* read-only as yet */
    }
    free(path);
    told(buddy, change);
}

/* ---- attempts ---- */

static void save(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    bool first = !run->saved;
    buddy_partial_save(&run->partial, &run->backup);
    run->saved = true;
    run->saved_us = buddy->world->now_us;
    run->saved_bytes = buddy_valid_bytes(&run->partial.valid);
    if (first && buddy_file_printable(run->destination)) {
        buddy_planner_changed(&buddy->planner, run->destination, true, BUDDY_INCIDENT_CREATED_EARLY,
                              (struct buddy_number){0});
    }
}

static void begin_chunks(struct buddy *buddy, struct buddy_range range)
{
    struct run *run = run_of(buddy);
    buddy_partial_seek(&run->partial, range.start);
    run->chunks.runs = run->chunks.detailed = true;
    run->chunks.failed = run->chunks.asked = false;
    struct random random = buddy_random(buddy);
    run->chunks.file_id = (uint32_t)random_next(&random);
    run->chunks.next = run->chunks.segment_end = range.start;
    run->chunks.end = range.open ? run->partial.valid.size : range.last + 1;
    buddy_wake(buddy);
}

/* False: it fails before anything was asked for. */
static bool attempt(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    if (!buddy_partial_usable(&run->partial)) {
        return false;
    }
    struct buddy_range range = buddy_range_next(&run->partial.valid, run->tail_first);
    run->attempt_start = range.start;
    if (run->backup.encrypted) {
        run->get = buddy_download_start(buddy, &run->backup, &run->partial, range);
    } else {
        begin_chunks(buddy, range);
    }
    return true;
}

/* Another attempt, unless there were too many without progress; in a print there never are. */
static void failure(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    uint32_t there = buddy_valid_bytes(&run->partial.valid);
    stop_attempt(run);
    if (there != run->progress) {
        run->progress = there;
        run->retries_left = MAX_RETRIES;
    }
    if (run->retries_left == 0) {
        done(buddy, BUDDY_TRANSFER_NETWORK);
        return;
    }
    run->retries_left -= !buddy->state.printing;
    save(buddy);
}

static void start_again(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    if (buddy->world->now_us < run->not_before_us) {
        return;
    }
    if (!attempt(buddy)) {
        run->not_before_us = buddy->world->now_us + LOCAL_RETRY;
        failure(buddy);
    }
}

static enum buddy_download_end end_of_attempt(const struct run *run)
{
    if (run->get != NULL) {
        return buddy_download_end(run->get);
    }
    return run->chunks.failed                    ? BUDDY_DOWNLOAD_NETWORK
           : run->chunks.next == run->chunks.end ? BUDDY_DOWNLOAD_OVER
                                                 : BUDDY_DOWNLOAD_RUNS;
}

static void go_on(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    bool jump = buddy_range_over(&run->partial.valid, run->tail_first, run->attempt_start);
    uint32_t there = buddy_valid_bytes(&run->partial.valid);
    switch (end_of_attempt(run)) {
    case BUDDY_DOWNLOAD_NETWORK:
        failure(buddy);
        break;
    case BUDDY_DOWNLOAD_FATAL:
        done(buddy, BUDDY_TRANSFER_OTHER);
        break;
    case BUDDY_DOWNLOAD_OVER:
    case BUDDY_DOWNLOAD_RUNS:
        if (jump || end_of_attempt(run) == BUDDY_DOWNLOAD_OVER) {
            stop_attempt(run);
            save(buddy);
        } else if (!run->saved || there - run->saved_bytes >= SAVE_BYTES ||
                   buddy->world->now_us - run->saved_us >= SAVE_INTERVAL) {
            save(buddy);
        }
        break;
    }
}

/* A print of it may go on further. */
static void tell_print(const struct buddy *buddy)
{
    const struct buddy_partial *partial = &run_of(buddy)->partial;
    machine_print_grown(buddy->machine, partial->path, partial->valid.head_end);
}

bool buddy_transfer_step(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    if (run == NULL) {
        if (buddy->transfers != NULL && buddy->transfers->left_overs && !buddy->state.printing) {
            clean_up(buddy);
        }
        return false;
    }
    tell_print(buddy);
    const struct transfer *slot = own_slot(buddy);
    if (slot != NULL) {
        machine_transfer_advance(buddy->machine, buddy_valid_bytes(&run->partial.valid));
        run->stop = run->stop || slot->stop;
    }
    if (run->stop) {
        done(buddy, BUDDY_TRANSFER_STOPPED);
    } else if (buddy_valid_bytes(&run->partial.valid) == run->partial.valid.size) {
        done(buddy, BUDDY_TRANSFER_FINISHED);
    } else if (run->get == NULL && !run->chunks.runs) {
        start_again(buddy);
    } else {
        go_on(buddy);
    }
    return run_of(buddy) != NULL;
}

/* ---- the beginning ---- */

static uint32_t next_id(struct buddy *buddy)
{
    struct buddy_transfers *transfers = transfers_of(buddy);
    if (!transfers->numbered) {
        transfers->numbered = true;
        struct random random = buddy_random(buddy);
        transfers->last_id = (uint32_t)random_next(&random);
        return transfers->last_id;
    }
    return ++transfers->last_id;
}

/* Over TLS only Connect itself is spoken to; its files come over plain TCP (7.3). */
static uint16_t file_port(const struct buddy *buddy, const struct buddy_download *download)
{
    const struct endpoint server = buddy_endpoint(buddy);
    return download->has_port                      ? download->port
           : server.tls && server.port == TLS_PORT ? PLAIN_PORT
                                                   : server.port;
}

static struct run *run_new(struct buddy *buddy, const char *destination)
{
    struct run *run = memory_new(sizeof *run);
    run->start_us = buddy->world->now_us;
    run->destination = memory_copy_text(destination);
    run->retries_left = MAX_RETRIES;
    return run;
}

static void describe(struct buddy *buddy, const struct buddy_command *command,
                     struct buddy_backup *backup)
{
    backup->id = next_id(buddy);
    backup->encrypted = command->type == BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD;
    backup->download = command->download;
    backup->valid.size = command->download.size_bytes;
    backup->port = file_port(buddy, &command->download);
    snprintf(backup->host, sizeof backup->host, "%s", buddy->host);
    snprintf(backup->firmware, sizeof backup->firmware, "%s", buddy->state.firmware);
}

const char *buddy_transfer_begin(struct buddy *buddy, const struct buddy_command *command,
                                 enum buddy_machine_reason *machine_reason)
{
    if (machine_transfer(buddy->machine) != NULL) {
        *machine_reason = BUDDY_REASON_TRANSFER_IN_PROGRESS;
        return "Another transfer in progress"; /* begun since the command was looked at */
    }
    struct run *run = run_new(buddy, command->path);
    struct buddy_entry there;
    describe(buddy, command, &run->backup);
    const char *why = NULL;
    if (buddy_drive_class.look(buddy->machine, command->path, &there)) {
        *machine_reason = BUDDY_REASON_FILE_EXISTS;
        why = "File already exists";
    } else {
        *machine_reason = BUDDY_REASON_STORAGE_FAILURE;
        why = buddy_partial_create(&run->partial, buddy->machine, command->path, &run->backup);
    }
    if (why != NULL) {
        run_destroy(run);
        return why;
    }
    run->tail_first = buddy_range_tail_first(command->path, run->backup.valid.size);
    buddy->transfers->run = run;
    take_slot(buddy);
    told(buddy, TRANSFER_BEGAN);
    attempt(buddy);
    buddy_look(buddy);
    return NULL;
}

bool buddy_transfer_stop(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    if (run != NULL) {
        run->stop = true;
        return true;
    }
    return machine_transfer_stop(buddy->machine);
}

/* Another build could have laid out its state in another way (7.8). */
static struct run *resume(struct buddy *buddy, const char *path)
{
    struct run *run = run_new(buddy, path);
    if (!buddy_partial_open(&run->partial, buddy->machine, path, &run->backup)) {
        run_destroy(run);
        return NULL;
    }
    if (strcmp(run->backup.firmware, buddy->state.firmware) != 0) {
        run_destroy(run);
        return NULL;
    }
    run->tail_first = buddy_range_tail_first(path, run->backup.valid.size);
    return run;
}

bool buddy_transfer_recover(struct buddy *buddy)
{
    struct buffer path = {0};
    if (!buddy->state.usb) {
        return false;
    }
    if (buddy_partial_find(buddy->machine, &path)) {
        struct buddy_transfers *transfers = transfers_of(buddy);
        transfers->run = resume(buddy, path.bytes);
        if (transfers->run == NULL) {
            struct buddy_partial lost = {.machine = buddy->machine, .path = path.bytes};
            buddy_partial_give_up(&lost);
        } else {
            take_slot(buddy);
        }
    }
    buffer_free(&path);
    if (run_of(buddy) == NULL && buddy_partial_listed(buddy->machine)) {
        transfers_of(buddy)->left_overs = true;
    }
    return true;
}

uint64_t buddy_transfer_there(const struct buddy *buddy, const char *path, uint64_t size)
{
    const struct run *run = run_of(buddy);
    return run != NULL && strcmp(run->partial.path, path) == 0 ? run->partial.valid.head_end : size;
}

void buddy_transfer_look(struct buddy *buddy)
{
    const struct run *run = run_of(buddy);
    struct buddy_transfer *seen = &buddy->state.transfer;
    *seen = (struct buddy_transfer){0};
    if (run != NULL) {
        seen->running = seen->from_connect = true;
        seen->id = run->backup.id;
        seen->size_bytes = run->partial.valid.size;
        seen->received_bytes = buddy_valid_bytes(&run->partial.valid);
        seen->seconds = (uint32_t)((buddy->world->now_us - run->start_us) / SECONDS(1));
        seen->destination = run->destination;
        return;
    }
    const struct transfer *other = machine_transfer(buddy->machine);
    if (other != NULL) {
        seen->running = true;
        seen->id = other->id;
        seen->size_bytes = other->size;
        seen->received_bytes = other->received;
        seen->seconds = (uint32_t)((buddy->world->now_us - other->began_us) / SECONDS(1));
        seen->destination = other->path;
    }
}

/* ---- chunks over the WebSocket (7.4) ---- */

bool buddy_transfer_wants(const struct buddy *buddy, struct buddy_data_request *request)
{
    const struct run *run = run_of(buddy);
    if (run == NULL || !run->chunks.runs || run->chunks.failed || run->chunks.asked ||
        run->chunks.next == run->chunks.end) {
        return false;
    }
    uint32_t left = run->chunks.end - run->chunks.next;
    *request = (struct buddy_data_request){
        .hash = run->chunks.detailed ? run->backup.download.hash : NULL,
        .team_id = run->backup.download.team_id,
        .file_id = run->chunks.file_id,
        .start = run->chunks.next,
        .end = run->chunks.next + (left < SEGMENT_BYTES ? left : SEGMENT_BYTES) - 1,
    };
    return true;
}

void buddy_transfer_asked(struct buddy *buddy)
{
    struct buddy_data_request request;
    struct run *run = run_of(buddy);
    if (buddy_transfer_wants(buddy, &request)) {
        run->chunks.asked = true;
        run->chunks.detailed = false;
        run->chunks.segment_end = request.end + 1;
    }
}

bool buddy_transfer_chunk(struct buddy *buddy, uint32_t file_id, const void *bytes, size_t size)
{
    struct run *run = run_of(buddy);
    if (run == NULL || !run->chunks.runs) {
        return true;
    }
    if (run->chunks.failed || file_id != run->chunks.file_id || size == 0 ||
        size > run->chunks.end - run->chunks.next ||
        !buddy_partial_write(&run->partial, bytes, size)) {
        run->chunks.failed = true;
        return false;
    }
    run->chunks.next += (uint32_t)size;
    if (run->chunks.next == run->chunks.end) {
        return buddy_partial_flush(&run->partial);
    }
    if (run->chunks.next >= run->chunks.segment_end && run->chunks.asked) {
        run->chunks.asked = false;
        buddy_wake(buddy);
    }
    return true;
}

void buddy_transfer_save(struct buddy *buddy)
{
    if (run_of(buddy) != NULL) {
        save(buddy);
    }
}

void buddy_transfer_disconnected(struct buddy *buddy)
{
    struct run *run = run_of(buddy);
    if (run != NULL && run->chunks.runs) {
        run->chunks.failed = true;
    }
}
