#include "tests/golden/link_play.h"

#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/memory.h"
#include "sim/machine/plan.h"
#include "sim/wire/digest.h"
#include "tests/golden/capture.h"

/* --- bytes that are only named --- */

static bool file_with_sum(const char *sum, struct buffer *out)
{
    char *folder = capture_path("data");
    DIR *dir = folder == NULL ? NULL : opendir(folder);
    bool found = false;
    for (struct dirent *entry; dir != NULL && !found && (entry = readdir(dir)) != NULL;) {
        struct buffer path = {0}, bytes = {0};
        char actual[65];
        buffer_format(&path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && capture_read_file(path.bytes, &bytes, NULL)) {
            digest_sha256_hex(actual, bytes.bytes, bytes.size);
            found = strcmp(actual, sum) == 0;
        }
        if (found) {
            buffer_append(out, bytes.bytes, bytes.size);
        }
        buffer_free(&path);
        buffer_free(&bytes);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    free(folder);
    return found;
}

static void append_named(struct buffer *out, const struct link_event *event)
{
    if (file_with_sum(event->sha256, out)) {
        return;
    }
    for (size_t i = 0; i < event->body_size; i++) { /* what a slicer never wrote */
        buffer_append_char(out, i % 64 == 63 ? '\n' : i % 64 == 0 ? ';' : 'x');
    }
}

/* --- the printer --- */

enum { CONNECTIONS_MAX = 512 };

struct talk {
    struct stream *stream;
    struct buffer received;
    bool ended;
};

/* What answers made up and requests repeat. */
struct made_up {
    char captured[65], ours[65];
};

struct link_player {
    struct world world;
    struct memory_network *network;
    struct plan_cache *plans;
    struct link_settings settings;
    struct printer *printer;
    struct endpoint at;
    struct talk talks[CONNECTIONS_MAX];
    struct made_up made_up[256];
    size_t made_up_count;
};

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct talk *talk = owner;
    buffer_append(&talk->received, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    struct talk *talk = owner;
    talk->stream = NULL;
    talk->ended = true;
}

static const struct stream_events talk_events = {.received = on_received, .ended = on_ended};

static struct file_node *card_file(const char *name, size_t size)
{
    char *bytes = memory_new(size);
    memset(bytes, 'x', size);
    struct file_content *content = file_content_of_bytes(bytes, size);
    free(bytes);
    return file_node_file(name, false, 1744536834, content);
}

/* The card of the captures: three files. */
static struct file_node *card(void)
{
    struct file_node *root = file_node_folder("", false, 0);
    struct file_node *parts = file_node_folder("Parts", false, 0);
    struct file_node *deep = file_node_folder("Deep folder", false, 0);
    file_node_add(deep, card_file("last.g", 99));
    file_node_add(parts, card_file("inner.gcode", 2048));
    file_node_add(parts, deep);
    file_node_add(root, card_file("Card part 0.2mm PLA.gcode", 123456));
    file_node_add(root, parts);
    return root;
}

static void make_printer(struct link_player *player, uint32_t jobs)
{
    struct file_node *tree = card();
    const struct printer_storage storages[] = {
        {.name = "PrusaLink gcodes",
         .kind = STORAGE_LOCAL,
         .total_bytes = 270553174016,
         .used_by_others_bytes = 270553174016 - 77631123456},
        {.name = "SD Card", .kind = STORAGE_SDCARD, .tree = tree, .read_only = true},
    };
    link_settings_defaults(&player->settings);
    player->settings.user = "maker";
    player->settings.password = "secret1A";
    player->settings.api_key = "kitkey1234";
    player->settings.name = "kit";
    player->settings.location = "bench";
    player->settings.connect_hostname = "127.0.0.1";
    player->settings.connect_port = 9;
    const struct printer_settings settings = {
        .model = model_find("mk3s"),
        .name = "kit",
        .serial = "CZPX2021X004XK12345",
        .firmware = "3.14.1-8237",
        .room_c = 21,
        .job_counter = jobs,
        .plans = player->plans,
        .storages = storages,
        .storage_count = 2,
        .prusalink = &player->settings,
    };
    player->printer =
        printer_new(&player->world, memory_network_face(player->network), &settings, NULL);
    file_node_release(tree);
    printer_power_on(player->printer);
    player->at = (struct endpoint){.host = "pi", .port = 18085};
    printer_listen(player->printer, &player->at, NULL);
}

struct link_player *link_player_new(int64_t wall_us, uint32_t jobs)
{
    struct link_player *player = memory_new(sizeof *player);
    world_init(&player->world, 7);
    player->world.epoch_us = wall_us - SECONDS(120);
    player->network = memory_network_new(&player->world);
    player->plans = plan_cache_new(64 << 20);
    make_printer(player, jobs);
    world_run(&player->world, SECONDS(120), NULL);
    return player;
}

void link_player_restart(struct link_player *player)
{
    printer_power_off(player->printer);
    printer_power_on(player->printer); /* of the program: the mainboard stays as it is */
}

void link_player_destroy(struct link_player *player)
{
    if (player == NULL) {
        return;
    }
    printer_destroy(player->printer);
    memory_network_destroy(player->network);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        buffer_free(&player->talks[i].received);
    }
    plan_cache_destroy(player->plans);
    world_free(&player->world);
    free(player);
}

struct printer *link_player_printer(struct link_player *player)
{
    return player->printer;
}

/* --- credentials --- */

static const char *ours_of(const struct link_player *player, const char *captured)
{
    for (size_t i = player->made_up_count; i > 0; i--) {
        if (strcmp(player->made_up[i - 1].captured, captured) == 0) {
            return player->made_up[i - 1].ours;
        }
    }
    return NULL;
}

static void learn_field(struct link_player *player, const char *captured, const char *ours,
                        const char *name, char end)
{
    struct made_up made_up;
    const char *theirs = strstr(captured, name), *here = strstr(ours, name);
    if (theirs == NULL || here == NULL || player->made_up_count == 256) {
        return;
    }
    size_t size = strlen(name);
    snprintf(made_up.captured, sizeof made_up.captured, "%.*s",
             (int)(strchrnul(theirs + size, end) - theirs - (long)size), theirs + size);
    snprintf(made_up.ours, sizeof made_up.ours, "%.*s",
             (int)(strchrnul(here + size, end) - here - (long)size), here + size);
    if (ours_of(player, made_up.captured) == NULL ||
        strcmp(ours_of(player, made_up.captured), made_up.ours) != 0) {
        player->made_up[player->made_up_count++] = made_up;
    }
}

static void learn(struct link_player *player, const char *captured, const char *ours)
{
    learn_field(player, captured, ours, "nonce=\"", '"');
    learn_field(player, captured, ours, "opaque=\"", '"');
    learn_field(player, captured, ours, "\r\nETag: ", '\r');
    learn_field(player, captured, ours, "\r\nLast-Modified: ", '\r');
}

static void sum_of(const struct digest_credentials *credentials, struct slice method,
                   const char *nonce, char out[DIGEST_HEX_MAX])
{
    char user[DIGEST_HEX_MAX];
    digest_user_hash(user, DIGEST_MD5, credentials->username, "Administrator", "secret1A");
    const struct digest_request request = {.user_hash = user,
                                           .nonce = nonce,
                                           .cnonce = credentials->cnonce,
                                           .nc = credentials->nc,
                                           .qop = "auth",
                                           .method = method,
                                           .uri = slice_of(credentials->uri)};
    digest_response(out, DIGEST_MD5_SESS, &request);
}

static void replace(struct buffer *text, const char *from, const char *to)
{
    for (char *at = text->bytes; (at = strstr(at, from)) != NULL; at += strlen(from)) {
        memcpy(at, to, strlen(from)); /* of one length */
    }
}

/* A nonce of the capture becomes ours, and the sum, if it was right, right again. */
static void translate_credentials(struct link_player *player, struct buffer *bytes)
{
    const char *header = strstr(bytes->bytes, "Authorization: Digest ");
    struct digest_credentials credentials;
    if (header == NULL ||
        !digest_credentials_parse(
            &credentials, (struct slice){header + 15, strcspn(header + 15, "\r\n")}, NULL)) {
        return;
    }
    const char *ours = credentials.nonce == NULL ? NULL : ours_of(player, credentials.nonce);
    if (ours != NULL && credentials.uri != NULL && credentials.response != NULL) {
        char was[DIGEST_HEX_MAX], is[DIGEST_HEX_MAX];
        struct slice method = {bytes->bytes, strcspn(bytes->bytes, " ")};
        sum_of(&credentials, method, credentials.nonce, was);
        sum_of(&credentials, method, ours, is);
        if (strcmp(was, credentials.response) == 0) {
            replace(bytes, was, is);
        }
        replace(bytes, credentials.nonce, ours);
    }
    const char *opaque = credentials.opaque == NULL ? NULL : ours_of(player, credentials.opaque);
    if (opaque != NULL) {
        replace(bytes, credentials.opaque, opaque);
    }
    digest_credentials_free(&credentials);
}

/* What a cache would send. */
static void translate_condition(struct link_player *player, struct buffer *bytes, const char *name)
{
    const char *header = strstr(bytes->bytes, name);
    if (header != NULL) {
        header += strlen(name);
        char *value = memory_copy_slice(header, strcspn(header, "\r"));
        const char *ours = ours_of(player, value);
        if (ours != NULL && strlen(ours) == strlen(value)) {
            replace(bytes, value, ours);
        }
        free(value);
    }
}

static void translate(struct link_player *player, struct buffer *bytes)
{
    translate_credentials(player, bytes);
    translate_condition(player, bytes, "If-None-Match: ");
    translate_condition(player, bytes, "If-Modified-Since: ");
}

/* --- playing --- */

/* Uploads that the recording shows as one message and that were sent in parts (situations of 50,
 * 51): sizes, and how long after the first each left. */
static const struct {
    const char *name;
    unsigned connection;
    size_t first, second;
    int64_t second_us, third_us;
} slow[] = {
    {"50-transfer-during-upload.txt", 1, 150000, 100000, 1215000, 2232000},
    {"51-transfer-cancel.txt", 1, 150000, 150000, 1010000, 0},
};

struct later {
    struct timer timer;
    struct talk *talk;
    struct buffer bytes;
};

static void send_later(void *owner)
{
    struct later *later = owner;
    if (later->talk->stream != NULL) {
        stream_send(later->talk->stream, later->bytes.bytes, later->bytes.size);
    }
    buffer_free(&later->bytes);
    free(later);
}

static void plan_rest(struct link_player *player, struct talk *talk, const char *bytes, size_t size,
                      int64_t delay_us)
{
    struct later *later = memory_new(sizeof *later);
    later->talk = talk;
    buffer_append(&later->bytes, bytes, size);
    timer_init(&later->timer, send_later, later);
    world_arm_in(&player->world, &later->timer, delay_us);
}

static void send_message(struct link_player *player, const struct link_capture *capture,
                         const struct link_event *event, struct talk *talk)
{
    struct buffer bytes = {0};
    buffer_append(&bytes, event->bytes.bytes, event->bytes.size);
    if (event->head_size > 0) {
        translate(player, &bytes);
    }
    if (event->named) {
        append_named(&bytes, event);
    }
    size_t now = bytes.size;
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        if (strcmp(slow[i].name, capture->name) == 0 && event->connection == slow[i].connection &&
            event->named) {
            now = event->head_size + slow[i].first;
            size_t second = now + slow[i].second;
            plan_rest(player, talk, bytes.bytes + now, slow[i].second, slow[i].second_us);
            if (second < bytes.size) {
                plan_rest(player, talk, bytes.bytes + second, bytes.size - second,
                          slow[i].third_us);
            }
        }
    }
    stream_send(talk->stream, bytes.bytes, now);
    buffer_free(&bytes);
}

/* The state that the printer was in when it gave this answer. */
static bool state_of(const struct link_event *event, enum printer_state *state)
{
    static const char *const places[] = {"\"printer\": {\"state\": \"", "\"link_state\": \"",
                                         "\"state\": \""};
    static const struct {
        const char *word;
        enum printer_state state;
    } words[] = {
        {"Printing", STATE_PRINTING}, {"Paused", STATE_PAUSED}, {"Cancelling", STATE_STOPPED}};
    const char *body = buffer_text(&event->bytes) + event->head_size;
    char name[16];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *at = event->kind == LINK_ANSWERED ? strstr(body, places[i]) : NULL;
        if (at != NULL && sscanf(at + strlen(places[i]), "%15[A-Za-z]", name) == 1) {
            for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
                if (strcmp(name, words[w].word) == 0) {
                    *state = words[w].state;
                    return true;
                }
            }
            return printer_state_parse(name, state);
        }
    }
    return false;
}

/* Whether a printer in one state comes to another if it is only waited for. */
static bool will_come(enum printer_state wanted, enum printer_state now)
{
    switch (wanted) {
    case STATE_PRINTING:
        return now == STATE_PAUSED;
    case STATE_PAUSED:
    case STATE_FINISHED:
        return now == STATE_PRINTING;
    case STATE_STOPPED:
        return now == STATE_PRINTING || now == STATE_PAUSED;
    case STATE_IDLE:
        return now != STATE_READY && now != STATE_PAUSED;
    default:
        return false;
    }
}

/* What the other printer did in seconds takes ours as long as it takes. */
static void wait_for_state(struct link_player *player, const struct link_capture *capture,
                           size_t index)
{
    enum printer_state wanted;
    struct machine *machine = printer_machine(player->printer);
    size_t answer = index + 1;
    while (answer < capture->count &&
           (capture->events[answer].kind != LINK_ANSWERED ||
            capture->events[answer].connection != capture->events[index].connection)) {
        answer++;
    }
    if (answer == capture->count || !state_of(&capture->events[answer], &wanted)) {
        return;
    }
    int64_t until_us = player->world.now_us + SECONDS(7200);
    while (machine_state(machine) != wanted && will_come(wanted, machine_state(machine)) &&
           player->world.now_us < until_us) {
        world_run(&player->world, player->world.now_us + MILLISECONDS(100), NULL);
    }
}

static void wait_for_answer(struct link_player *player, struct talk *talk)
{
    int64_t until_us = player->world.now_us + SECONDS(120);
    world_run(&player->world, player->world.now_us, NULL);
    while (!talk->ended && player->world.now_us < until_us) {
        world_run(&player->world, player->world.now_us + MILLISECONDS(1), NULL);
    }
}

void link_player_play(struct link_player *player, const struct link_capture *capture,
                      link_compare *compare, void *owner)
{
    int64_t began_us = capture->wall_us - player->world.epoch_us;
    if (began_us > player->world.now_us) { /* ours may be behind, where it prints at its own pace */
        world_run(&player->world, began_us, NULL);
    } else {
        world_run(&player->world, player->world.now_us + MILLISECONDS(400), NULL);
    }
    began_us = player->world.now_us;
    for (size_t i = 0; i < capture->count; i++) {
        const struct link_event *event = &capture->events[i];
        struct talk *talk = &player->talks[event->connection % CONNECTIONS_MAX];
        if (began_us + event->time_us > player->world.now_us) {
            world_run(&player->world, began_us + event->time_us, NULL);
        }
        switch (event->kind) {
        case LINK_OPENED:
            buffer_clear(&talk->received);
            talk->ended = false;
            talk->stream = network_connect(memory_network_face(player->network), &player->at,
                                           &talk_events, talk);
            break;
        case LINK_SENT:
            wait_for_state(player, capture, i);
            if (talk->stream != NULL) {
                send_message(player, capture, event, talk);
            }
            break;
        case LINK_ANSWERED:
            wait_for_answer(player, talk);
            learn(player, buffer_text(&event->bytes), buffer_text(&talk->received));
            compare(owner, capture, event,
                    (struct slice){buffer_text(&talk->received), talk->received.size});
            break;
        case LINK_CLOSED:
            if (talk->stream != NULL) {
                stream_finish(talk->stream);
            }
            break;
        case LINK_WAS_RESET:
            if (talk->stream != NULL) {
                stream_reset(talk->stream);
                talk->stream = NULL;
            }
            break;
        case LINK_REFUSED:
            link_player_restart(player);
            began_us = player->world.now_us - event->time_us;
            break;
        }
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct talk *talk = &player->talks[i];
        if (talk->stream != NULL) {
            stream_reset(talk->stream);
            talk->stream = NULL;
        }
    }
}

void link_player_wait(struct link_player *player, int64_t us)
{
    world_run(&player->world, player->world.now_us + us, NULL);
}
