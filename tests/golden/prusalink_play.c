#include "tests/golden/prusalink_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "tests/golden/prusalink_compare.h"

static int progress_of(const struct prusalink_messages *messages, int64_t until_us)
{
    int progress = 0;
    char text[16];
    for (size_t i = 0; i < messages->count && messages->list[i].time_us <= until_us; i++) {
        if (messages->list[i].kind == TELEMETRY &&
            prusalink_message_member(&messages->list[i], "progress", text, sizeof text)) {
            progress = atoi(text);
        }
    }
    return progress;
}

static void note_command(struct prusalink_play *play, const struct capture_entry *entry)
{
    if (!capture_header(entry, "Command-Id", play->running, sizeof play->running)) {
        return;
    }
    play->state_asked = strstr(entry->body, "SEND_STATE_INFO") != NULL;
    for (size_t i = 0; i < play->theirs.count; i++) {
        const struct prusalink_message *message = &play->theirs.list[i];
        char event[32];
        if (message->time_us >= entry->time_us && prusalink_ends_command(message, play->running)) {
            prusalink_message_member(message, "event", event, sizeof event);
            if (strcmp(event, "STATE_CHANGED") != 0 || play->state_asked) {
                play->running_end_us = message->time_us;
                return;
            }
        }
    }
    fail_msg("%s: no end of command %s", play->number, play->running);
}

static bool reply_is_due(const struct prusalink_play *play, enum prusalink_message_kind kind)
{
    if (!play->playing || play->next_reply == play->reply_count || play->running[0] != '\0' ||
        play->kinds[play->next_reply] != kind) {
        return false;
    }
    const struct capture_entry *entry = &play->capture.entries[play->replies[play->next_reply]];
    int64_t due_us = play->anchor_us + entry->time_us - MILLISECONDS(130);
    return play->world.now_us >= due_us &&
           progress_of(&play->ours, INT64_MAX) >= progress_of(&play->theirs, entry->time_us);
}

/* The command has ended: what follows keeps its distance from here. */
static void watch_end(struct prusalink_play *play, const struct prusalink_message *message)
{
    char event[32];
    if (play->running[0] == '\0' || !prusalink_ends_command(message, play->running)) {
        return;
    }
    prusalink_message_member(message, "event", event, sizeof event);
    if (strcmp(event, "STATE_CHANGED") != 0 || play->state_asked) {
        play->running[0] = '\0';
        play->anchor_us = play->world.now_us - play->running_end_us;
    }
}

enum { FILE_BYTES = 60000 };

static void serve(void *owner, struct http_exchange *exchange, const struct http_message *message)
{
    struct prusalink_play *play = owner;
    struct http_reply reply = {.status = 204};
    prusalink_messages_add(&play->ours, play->world.now_us, message->head.bytes, message->head.size,
                           message->body.bytes, message->body.size, 0);
    const struct prusalink_message *mine = &play->ours.list[play->ours.count - 1];
    if (reply_is_due(play, mine->kind)) {
        const struct capture_entry *entry = &play->capture.entries[play->replies[play->next_reply]];
        play->next_reply++;
        reply.status = 200;
        reply.raw = entry->bytes;
        reply.raw_size = entry->size;
        note_command(play, entry);
    }
    char file[512 + FILE_BYTES]; /* the capture has only its head */
    if (mine->kind == DOWNLOAD && reply.raw != NULL && strstr(reply.raw, " 200 OK") != NULL &&
        reply.raw_size < 512) {
        memcpy(file, reply.raw, reply.raw_size);
        memset(file + reply.raw_size, '\n', FILE_BYTES);
        reply.raw = file;
        reply.raw_size += FILE_BYTES;
        reply.piece_bytes = FILE_BYTES / 6 + 512;
        reply.piece_gap_us = MILLISECONDS(400);
    }
    watch_end(play, mine);
    http_exchange_reply(exchange, &reply);
}

/* Which requests the capture's printer sent, and which of its replies are more than
 * "nothing to say". */
static void read_capture(struct prusalink_play *play)
{
    enum prusalink_message_kind asked[16] = {TELEMETRY};
    size_t size = play->capture.count + 1;
    play->replies = memory_new_array(size, sizeof *play->replies);
    play->kinds = memory_new_array(size, sizeof *play->kinds);
    for (size_t i = 0; i < play->capture.count; i++) {
        const struct capture_entry *entry = &play->capture.entries[i];
        if (entry->kind == CAPTURE_REQUEST) {
            prusalink_messages_add(&play->theirs, entry->time_us, entry->bytes,
                                   (size_t)(entry->body - entry->bytes), entry->body,
                                   entry->body_size, entry->line);
            asked[entry->connection % 16] = play->theirs.list[play->theirs.count - 1].kind;
        } else if (entry->kind == CAPTURE_REPLY && strncmp(entry->bytes, "HTTP/1.1 204", 12) != 0) {
            play->kinds[play->reply_count] = asked[entry->connection % 16];
            play->replies[play->reply_count++] = i;
        }
    }
}

#define PRINT_FILE "data/full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode"

/* ---- our printer, set up like the recorded one ---- */

static struct file_node *file_of(const char *name, bool read_only, int64_t modified_s,
                                 const void *bytes, size_t size)
{
    return file_node_file(name, read_only, modified_s, file_content_of_bytes(bytes, size));
}

static void attach_storages(struct prusalink_play *play)
{
    struct error error = {""};
    static const char name[] = "full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode";
    char *path = capture_path(PRINT_FILE);
    struct file_content *content = file_content_of_file(path, &error);
    assert_non_null(content);
    free(path);
    struct file_node *root = file_node_folder("", false, INT64_C(1795228965));
    if (play->empty) {
        file_content_release(content);
    } else {
        file_node_add(root, file_node_file(name, false, INT64_C(1795228965), content));
    }
    struct storage storage;
    storage_init(&storage, "PrusaLink gcodes", STORAGE_LOCAL, root);
    storage.total_bytes = UINT64_C(270553174016);
    storage.used_by_others_bytes = storage.total_bytes - UINT64_C(77646774272);
    machine_attach(play->machine, &storage);

    char *cube = memory_new(20481);
    memset(cube, '\n', 20481);
    root = file_node_folder("", true, 0);
    file_node_add(root, file_of("cube_20mm_PLA.gcode", true, INT64_C(1735770608), cube, 20481));
    free(cube);
    storage_init(&storage, "SD Card", STORAGE_SDCARD, root);
    storage.read_only = true;
    machine_attach(play->machine, &storage);
}

static void set_up(struct prusalink_play *play, uint32_t job_counter, const char *token)
{
    static struct http_service service;
    struct error error = {""};
    world_init(&play->world, 1);
    play->world.epoch_us = INT64_C(1795228965460000);
    play->network = memory_network_new(&play->world);
    service = (struct http_service){.request = serve, .service = play, .body_bytes_max = 1 << 20};
    struct network *network = memory_network_face(play->network);
    play->server = http_server_new(&play->world, network, &service, NULL);
    struct endpoint at = {.host = "127.0.0.1", .port = 9192};
    assert_true(http_server_listen(play->server, &at, &error));
    /* A stand-in heats fast and waits for nothing, else a RESUME takes longer than its 15
     * s. */
    play->model = *model_find("mk3s");
    play->model.nozzle.power_w *= 3;
    play->model.bed.power_w *= 3;
    play->model.nozzle.wait_hold_s = play->model.bed.wait_hold_s = 0;
    play->model.nozzle.observer.error_k_s = 0;
    play->model.bed.observer.error_k_s = 0;
    play->machine = machine_new(&play->world, &(struct machine_settings){
                                                  .model = &play->model,
                                                  .serial = "CZPX4720X004XC34242",
                                                  .firmware = "3.14.1-8237",
                                                  .room_c = 21.0,
                                                  .job_counter = job_counter,
                                              });
    attach_storages(play);
    machine_power_on(play->machine);
    connect_face_defaults(&play->settings);
    play->settings.server = "http://127.0.0.1:9192";
    play->settings.network[CONNECT_LAN_IPV4] = "192.0.2.23";
    play->settings.network[CONNECT_LAN_IPV6] = "2001:db8::23";
    play->settings.network[CONNECT_LAN_MAC] = "02:00:5e:10:00:07";
    play->settings.network[CONNECT_HOSTNAME] = "bench-07";
    play->settings.api_key = "kitkey1234";
    play->face =
        connect_face_new(&play->world, network, play->machine, &play->settings, "mk3s-0", token);
}

static void web_close(struct prusalink_play *play);

void prusalink_play_end(struct prusalink_play *play)
{
    web_close(play);
    connect_face_destroy(play->face);
    machine_destroy(play->machine);
    http_server_destroy(play->server);
    memory_network_destroy(play->network);
    world_free(&play->world);
    capture_free(&play->capture);
    prusalink_messages_free(&play->theirs);
    prusalink_messages_free(&play->ours);
    free(play->replies);
    free(play->kinds);
}

/* --- somebody at PrusaLink's own web interface --- */

static void web_received(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    (void)bytes;
    (void)size;
}

static void web_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    *(struct stream **)owner = NULL;
}

/* The next piece of the upload: 100717 bytes in some 5 s. */
static void web_push(void *owner)
{
    enum { ALL = 100717, PIECE = 4029, PIECE_MS = 200 };
    struct prusalink_play *play = owner;
    size_t size = ALL - play->web_sent < PIECE ? ALL - play->web_sent : PIECE;
    char piece[PIECE];
    memset(piece, '\n', sizeof piece);
    if (play->web != NULL && size > 0) {
        stream_send(play->web, piece, size);
        play->web_sent += size;
        world_arm_in(&play->world, &play->web_timer, MILLISECONDS(PIECE_MS));
    }
}

static void web_ask(struct prusalink_play *play, const char *method, const char *headers)
{
    static const struct stream_events events = {.received = web_received, .ended = web_ended};
    struct network *network = memory_network_face(play->network);
    struct endpoint at = {.host = "127.0.0.1", .port = 8080};
    if (play->link == NULL) {
        link_settings_defaults(&play->link_settings);
        play->link_settings.at_work = true;
        play->link_settings.api_key = "kitkey1234";
        play->link = link_face_new(&play->world, play->machine, &play->link_settings, "mk3s-0");
        play->link_server = http_server_new(&play->world, network, link_face_service(play->link),
                                            link_face_limits(play->link));
        assert_true(http_server_listen(play->link_server, &at, NULL));
    }
    struct buffer head = {0};
    buffer_format(&head,
                  "%s /api/v1/files/local/upload.gcode HTTP/1.1\r\nX-Api-Key: kitkey1234\r\n%s\r\n",
                  method, headers);
    play->web = network_connect(network, &at, &events, &play->web);
    stream_send(play->web, head.bytes, head.size);
    buffer_free(&head);
}

static void web_close(struct prusalink_play *play)
{
    if (play->web != NULL) {
        stream_reset(play->web);
    }
    world_cancel(&play->world, &play->web_timer);
    http_server_destroy(play->link_server);
    link_face_destroy(play->link);
}

/* What somebody did to the printer, in the words of the captures. */
static void do_note(struct prusalink_play *play, const char *text)
{
    if (strstr(text, "cable is pulled") != NULL) {
        machine_set_fault(play->machine, FAULT_SERIAL_LOST, true);
    } else if (strstr(text, "plugged in again") != NULL) {
        machine_set_fault(play->machine, FAULT_SERIAL_LOST, false);
    } else if (strstr(text, "starts PUT") != NULL) {
        web_ask(play, "PUT", "Content-Type: text/x.gcode\r\nContent-Length: 100717\r\n");
        timer_init(&play->web_timer, web_push, play);
        play->web_sent = 0;
        world_arm_in(&play->world, &play->web_timer, MILLISECONDS(200));
    } else if (strstr(text, "sends DELETE") != NULL) {
        web_ask(play, "DELETE", "");
    } else if (strstr(text, "POST /api/connection") != NULL) {
        assert_true(connect_face_register(play->face));
    }
}

static void do_notes(struct prusalink_play *play)
{
    size_t behind = play->next_reply < play->reply_count ? play->replies[play->next_reply]
                                                         : play->capture.count;
    for (; play->next_note < behind; play->next_note++) {
        const struct capture_entry *entry = &play->capture.entries[play->next_note];
        if (entry->kind != CAPTURE_NOTE) {
            continue;
        }
        if (play->running[0] != '\0' || play->world.now_us < play->anchor_us + entry->time_us) {
            return;
        }
        do_note(play, entry->text);
    }
}

static size_t compared_events(const struct prusalink_play *play,
                              const struct prusalink_messages *messages)
{
    size_t count = 0;
    for (size_t i = 0; i < messages->count; i++) {
        count += messages->list[i].kind == EVENT && !prusalink_is_absent(play, &messages->list[i]);
    }
    return count;
}

/* Play until ours has said as much as theirs and as long after the last command. */
static void run_capture(struct prusalink_play *play, int64_t warm_up_us)
{
    if (warm_up_us > SECONDS(250)) { /* keep it awake; the speed does that */
        world_run(&play->world, warm_up_us - SECONDS(60), NULL);
        machine_set_speed(play->machine, 110);
        world_run(&play->world, warm_up_us - SECONDS(30), NULL);
        machine_set_speed(play->machine, 100);
    }
    if (strcmp(play->number, "05") == 0) { /* it cools down while the file comes */
        world_run(&play->world, warm_up_us - SECONDS(50), NULL);
        machine_gcode(play->machine, "M104 S200\nM140 S110", NULL, NULL);
        world_run(&play->world, warm_up_us - SECONDS(5), NULL);
        machine_gcode(play->machine, "M104 S0\nM140 S0", NULL, NULL);
    }
    world_run(&play->world, warm_up_us, NULL);
    if (warm_up_us > 0) {
        prusalink_messages_free(&play->ours);
    }
    play->playing = true;
    play->anchor_us = warm_up_us;
    size_t events = compared_events(play, &play->theirs);
    int64_t last_us = play->capture.entries[play->capture.count - 1].time_us;
    int64_t limit_us = warm_up_us + SECONDS(3 * 3600), tail_us = last_us;
    for (size_t i = 0; i < play->theirs.count; i++) {
        tail_us =
            play->theirs.list[i].kind == EVENT ? last_us - play->theirs.list[i].time_us : tail_us;
    }
    while (play->world.now_us < limit_us) {
        bool all = play->next_reply == play->reply_count && play->running[0] == '\0' &&
                   play->next_note >= play->capture.count &&
                   compared_events(play, &play->ours) >= events;
        if (all && play->world.now_us >= play->anchor_us + last_us) {
            limit_us =
                limit_us < play->world.now_us + tail_us ? limit_us : play->world.now_us + tail_us;
        }
        world_run(&play->world, play->world.now_us + MILLISECONDS(10), NULL);
        do_notes(play);
    }
}

void prusalink_play_begin(struct prusalink_play *play, const char *number, const char *file,
                          uint32_t job_counter, const char *token, double warm_up_s)
{
    struct error error = {""};
    char *path = capture_path(file);
    if (path == NULL) {
        print_message("%s is not there\n", file);
        skip();
    }
    char *print_file = capture_path(PRINT_FILE);
    if (print_file == NULL) {
        free(path);
        print_message("%s is not there\n", PRINT_FILE);
        skip();
    }
    free(print_file);
    memset(play, 0, sizeof *play);
    play->number = number;
    play->empty = strcmp(number, "08") == 0;
    if (!capture_load(&play->capture, path, &error)) {
        fail_msg("%s", error.text);
    }
    free(path);
    read_capture(play);
    set_up(play, job_counter, token);
    run_capture(play, (int64_t)(warm_up_s * 1e6));
}
