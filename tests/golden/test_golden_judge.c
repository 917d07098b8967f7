/* `hotbed check connect-printer` with a recorded real printer as the device that comes: what was
 * sent then is sent again, at its times, and answered as it was answered then. It is only watched
 * (--watch): a recording does not do what it is told. Everything that connect-sdk.md calls contract
 * holds for it; one that is spoilt is caught. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/check/registry.h"
#include "harness/check/suite.h"
#include "sim/base/memory.h"
#include "tests/golden/capture.h"

enum { CONNECTIONS_MAX = 8 };
#define AHEAD_US SECONDS(1) /* the suite listens by then */

struct player;

struct line { /* one connection of the recording */
    struct player *player;
    struct stream *stream;
};

struct player {
    struct capture capture;
    struct world *world;
    struct ground *ground;
    struct ground_class class;        /* the ground's, with an ear at `open` */
    const struct ground_class *below; /* the ground's own */
    struct endpoint at;
    struct line lines[CONNECTIONS_MAX];
    struct timer turn;
    size_t next;                       /* entry to play */
    size_t answered;                   /* entry of the last request that came */
    const char *spoil_from, *spoil_to; /* of equal length, in what is sent; NULL: nothing */
};

/* ---- the printer's side ---- */

static void heard(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    (void)bytes;
    (void)size; /* whatever is said, a recording goes on */
}

static void over(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    ((struct line *)owner)->stream = NULL;
}

static const struct stream_events line_events = {.received = heard, .ended = over};

static struct line *line_of(struct player *player, unsigned connection)
{
    assert_in_range(connection, 1, CONNECTIONS_MAX);
    struct line *line = &player->lines[connection - 1];
    line->player = player;
    if (line->stream == NULL) {
        line->stream = network_connect(player->ground->network, &player->at, &line_events, line);
    }
    return line;
}

/* The message with the length that its body has: addresses in some bodies were replaced by longer
 * ones. */
static void append_message(struct buffer *out, const struct capture_entry *entry)
{
    static const char name[] = "\r\nContent-Length: ";
    size_t head = entry->size - entry->body_size;
    const char *length = memmem(entry->bytes, head, name, sizeof name - 1);
    if (length == NULL) {
        buffer_append(out, entry->bytes, entry->size);
        return;
    }
    length += sizeof name - 1;
    const char *behind = length + strspn(length, "0123456789");
    buffer_append(out, entry->bytes, (size_t)(length - entry->bytes));
    buffer_format(out, "%zu", entry->body_size);
    buffer_append(out, behind, entry->size - (size_t)(behind - entry->bytes));
}

static void speak(struct player *player, const struct capture_entry *entry)
{
    struct buffer bytes = {0};
    append_message(&bytes, entry);
    size_t length = player->spoil_from != NULL ? strlen(player->spoil_from) : 0;
    for (size_t i = 0; length > 0 && i + length <= bytes.size; i++) {
        if (memcmp(bytes.bytes + i, player->spoil_from, length) == 0) {
            memcpy(bytes.bytes + i, player->spoil_to, length);
        }
    }
    stream_send(line_of(player, entry->connection)->stream, bytes.bytes, bytes.size);
    buffer_free(&bytes);
}

static void take_turn(void *owner)
{
    struct player *player = owner;
    const struct capture *capture = &player->capture;
    while (player->next < capture->count) {
        const struct capture_entry *entry = &capture->entries[player->next];
        if (entry->time_us + AHEAD_US > player->world->now_us) {
            world_arm(player->world, &player->turn, entry->time_us + AHEAD_US);
            return;
        }
        player->next++;
        if (entry->kind == CAPTURE_REQUEST) {
            speak(player, entry);
        } else if (entry->kind == CAPTURE_CLOSE && strstr(entry->text, "by server") == NULL) {
            struct line *line = line_of(player, entry->connection);
            stream_close(line->stream);
            line->stream = NULL;
        }
    }
}

/* ---- the server's side: what it said then, instead of what ours would say ---- */

static const struct capture_entry *recorded_reply(struct player *player,
                                                  const struct capture_entry **request)
{
    const struct capture *capture = &player->capture;
    while (player->answered < capture->count &&
           capture->entries[player->answered].kind != CAPTURE_REQUEST) {
        player->answered++;
    }
    if (player->answered == capture->count) {
        return NULL;
    }
    *request = &capture->entries[player->answered++];
    for (size_t i = player->answered; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->connection == (*request)->connection && entry->kind != CAPTURE_NOTE) {
            return entry->kind == CAPTURE_REPLY ? entry : NULL;
        }
    }
    return NULL;
}

static void copy_reply(void *owner, const struct http_message *message)
{
    struct connect_reply *reply = owner;
    connect_reply_answer(reply, message->status);
    for (size_t i = 0; i < message->header_count; i++) {
        char *name =
            memory_copy_slice(message->headers[i].name.bytes, message->headers[i].name.size);
        char *value =
            memory_copy_slice(message->headers[i].value.bytes, message->headers[i].value.size);
        connect_reply_set_header(reply, name, value);
        free(name);
        free(value);
    }
    if (message->body.size > 0) {
        connect_reply_set_body(reply, message->body.bytes, message->body.size);
    }
}

static void say_as_then(void *owner, struct connect_decision *decision)
{
    static const struct http_parser_events events = {.complete = copy_reply};
    struct player *player = owner;
    const struct capture_entry *request = NULL, *then = recorded_reply(player, &request);
    if (then == NULL) {
        connect_reply_answer(decision->reply, 0);
        decision->reply->http.after = HTTP_AFTER_STALL;
        return;
    }
    struct http_parser parser;
    http_parser_init(&parser, false, &events, decision->reply);
    http_parser_feed(&parser, then->bytes, then->size);
    http_parser_free(&parser);
    decision->reply->http.delay_us = then->time_us - request->time_us;
}

static struct front *open_with_ear(struct ground *ground, const struct http_service *service,
                                   const char *at, char *url, size_t url_size, struct error *error)
{
    struct player *player =
        (struct player *)((char *)ground->class - offsetof(struct player, class));
    connect_server_hook(service->service, CONNECT_POINT_REPLY, say_as_then, player);
    struct front *front = player->below->open(ground, service, at, url, url_size, error);
    assert_true(front != NULL && endpoint_parse(&player->at, url, NULL, error));
    return front;
}

/* ---- the run ---- */

static const struct ground_targets device = {.printer_listen = "the recording"};
static const struct ground_targets bare_device = {.printer_listen = "the recording",
                                                  .bare_sdk = true};

/* The clock of the recording: no request is stamped later than it was sent. */
static int64_t epoch_of(const struct capture *capture)
{
    int64_t epoch_us = 0;
    for (size_t i = 0; i < capture->count; i++) {
        char text[64];
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind == CAPTURE_REQUEST &&
            capture_header(entry, "Timestamp", text, sizeof text)) {
            int64_t wanted_us = (int64_t)(strtod(text, NULL) * 1e6) - entry->time_us - AHEAD_US;
            epoch_us = wanted_us > epoch_us ? wanted_us : epoch_us;
        }
    }
    return epoch_us;
}

static void judge(const char *file, bool prusalink, const char *spoil_from, const char *spoil_to,
                  struct report *report)
{
    char relative[200];
    snprintf(relative, sizeof relative, "captures/%s", file);
    char *path = capture_path(relative);
    if (path == NULL) {
        print_message("%s is not there\n", relative);
        skip();
    }
    struct error error;
    struct player player = {.spoil_from = spoil_from, .spoil_to = spoil_to};
    assert_true(capture_load(&player.capture, path, &error));
    free(path);
    player.ground = ground_new_virtual(1, NULL);
    player.world = player.ground->world;
    player.world->epoch_us = epoch_of(&player.capture);
    player.below = player.ground->class;
    player.class = *player.below;
    player.class.open = open_with_ear;
    player.ground->class = &player.class;
    player.ground->targets = prusalink ? &device : &bare_device;
    timer_init(&player.turn, take_turn, &player);
    world_arm(player.world, &player.turn, AHEAD_US);
    struct definitions definitions = {0};
    if (!registry_subject(&definitions, "connect-printer", &error)) {
        fail_msg("%s", error.text);
    }
    const struct capture_entry *last = &player.capture.entries[player.capture.count - 1];
    struct suite_settings settings = {.title = "connect-printer",
                                      .again = "hotbed check connect-printer",
                                      .seed = 1,
                                      .targets = player.ground->targets,
                                      .ground = player.ground,
                                      .watch = true,
                                      .watch_us = last->time_us + AHEAD_US};
    report_init(report, "connect-printer", file, 1);
    assert_true(suite_run(&settings, &definitions, report, &error));
    assert_int_equal(player.next, player.capture.count);
    definitions_free(&definitions);
    world_cancel(player.world, &player.turn);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (player.lines[i].stream != NULL) {
            stream_close(player.lines[i].stream);
        }
    }
    player.ground->class = player.below;
    ground_destroy(player.ground);
    capture_free(&player.capture);
}

static const struct report_outcome *outcome_of(const struct report *report, const char *id)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->outcomes[i].id, id) == 0) {
            return &report->outcomes[i];
        }
    }
    fail_msg("there is no check %s", id);
    return NULL;
}

/* Nothing is broken, and these were judged, not skipped. */
static void holds(const char *file, bool prusalink, const char *const *judged)
{
    struct report report;
    judge(file, prusalink, NULL, NULL, &report);
    size_t broken = 0;
    for (size_t i = 0; i < report.count; i++) {
        const struct report_outcome *outcome = &report.outcomes[i];
        if (outcome->verdict == VERDICT_FAIL) {
            broken++;
            print_error("%s: %s: %s; expected %s; seen: %s\n%s\n", file, outcome->id,
                        outcome->reason, outcome->expected != NULL ? outcome->expected : "-",
                        outcome->seen != NULL ? outcome->seen : "-",
                        outcome->messages != NULL ? outcome->messages : "");
        }
    }
    if (broken > 0) {
        report_free(&report);
        fail_msg("%s: %zu checks failed", file, broken);
    }
    for (; *judged != NULL; judged++) {
        if (outcome_of(&report, *judged)->verdict != VERDICT_PASS) {
            fail_msg("%s: %s: %s", file, *judged, outcome_of(&report, *judged)->reason);
        }
    }
    report_free(&report);
}

#define HOLDS(name, file, prusalink, ...)                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        static const char *const judged[] = {__VA_ARGS__, NULL};                                   \
        holds(file, prusalink, judged);                                                            \
    }

HOLDS(prusalink_begins, "connect-prusalink/01-first-60s.txt", true, "CON-TRP-01", "CON-TRP-03",
      "CON-TEL-01", "CON-TEL-03", "CON-EVT-01")
HOLDS(prusalink_obeys, "connect-prusalink/02-commands-while-idle.txt", true, "CON-CMD-01",
      "CON-CMD-02", "CON-CMD-15", "CON-EVT-05", "CON-FS-01")
HOLDS(prusalink_prints, "connect-prusalink/03-print-pause-resume-finish.txt", true, "CON-CMD-16",
      "CON-EVT-06", "CON-EVT-08", "CON-EVT-10", "CON-TEL-06")
HOLDS(prusalink_registers, "connect-prusalink/14-registration.txt", true, "CON-REG-01",
      "CON-REG-02", "CON-REG-04", "CON-REG-05", "CON-REG-06", "CON-TRP-04")
HOLDS(sdk_registers, "connect-sdk/01-register-success-mk3s.txt", false, "CON-REG-01", "CON-REG-04",
      "CON-REG-06")
HOLDS(sdk_prints, "connect-sdk/20-print-pause-resume-stop.txt", false, "CON-CMD-01", "CON-CMD-02",
      "CON-EVT-01", "CON-EVT-06")

static void a_spoilt_recording_is_caught(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *id;
    } wrong[] = {{"\"state\": ", "\"stote\": ", "CON-TEL-01"},
                 {"Fingerprint: ", "Footprints_: ", "CON-TRP-02"},
                 {"\"source\": ", "\"sauce_\": ", "CON-EVT-01"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct report report;
        judge("connect-prusalink/02-commands-while-idle.txt", true, wrong[i].from, wrong[i].to,
              &report);
        assert_int_equal(outcome_of(&report, wrong[i].id)->verdict, VERDICT_FAIL);
        report_free(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prusalink_begins),
        cmocka_unit_test(prusalink_obeys),
        cmocka_unit_test(prusalink_prints),
        cmocka_unit_test(prusalink_registers),
        cmocka_unit_test(sdk_registers),
        cmocka_unit_test(sdk_prints),
        cmocka_unit_test(a_spoilt_recording_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
