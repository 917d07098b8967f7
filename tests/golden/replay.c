#include "tests/golden/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/wire/http.h"

struct replay_connection {
    struct replay *replay;
    struct replay_connection *next;
    struct stream *stream; /* NULL: over */
    struct http_parser parser;
    unsigned number;
    bool gets;         /* its last request was a GET */
    struct timer feed; /* of a body */
    size_t left;
    int64_t piece_us;
};

static void feed(void *owner)
{
    enum { PIECE = 10000 };
    static const char line[] = "; the bytes of downloaded files are not in the captures\n";
    struct replay_connection *connection = owner;
    if (connection->stream == NULL || connection->left == 0) {
        return;
    }
    size_t size = connection->left < PIECE ? connection->left : PIECE;
    struct buffer piece = {0};
    while (piece.size < size) {
        size_t room = size - piece.size;
        buffer_append(&piece, line, room < sizeof line - 1 ? room : sizeof line - 1);
    }
    stream_send(connection->stream, piece.bytes, piece.size);
    buffer_free(&piece);
    connection->left -= size;
    world_arm_in(&connection->replay->world, &connection->feed, connection->piece_us);
}

/* The reply is the head of a file: what follows it. */
static void begin_body(struct replay_connection *connection, const struct capture_entry *reply)
{
    struct replay *replay = connection->replay;
    bool file = strncmp(reply->bytes, "HTTP/1.1 200", 12) == 0 && reply->body_size == 0;
    for (size_t i = 0; file && replay->name != NULL && i < replay->body_count; i++) {
        const struct replay_body *body = &replay->bodies[i];
        if (strncmp(replay->name, body->capture, strlen(body->capture)) == 0 &&
            (body->connection == 0 || body->connection == reply->connection)) {
            connection->left = body->bytes;
            connection->piece_us = body->piece_us;
            feed(connection);
            return;
        }
    }
}

/* Something that the server did in the capture, on its way to be done again. */
struct deed {
    struct timer timer;
    struct replay_connection *connection;
    const struct capture_entry *entry;
};

static void do_deed(void *owner)
{
    struct deed *deed = owner;
    struct replay_connection *connection = deed->connection;
    if (connection->stream != NULL) {
        struct stream *stream = connection->stream;
        switch (deed->entry->kind) {
        case CAPTURE_REPLY:
            stream_send(stream, deed->entry->bytes, deed->entry->size);
            if (connection->gets) {
                begin_body(connection, deed->entry);
            }
            break;
        case CAPTURE_RESET:
            connection->stream = NULL;
            stream_reset(stream);
            break;
        default:
            connection->stream = NULL;
            stream_close(stream);
            break;
        }
    }
    free(deed);
}

static bool is_deed(const struct capture_entry *entry)
{
    return entry->kind == CAPTURE_REPLY ||
           ((entry->kind == CAPTURE_RESET || entry->kind == CAPTURE_CLOSE) &&
            strstr(entry->text, "by server") != NULL);
}

static void keep(struct replay *replay, const struct http_message *message, unsigned connection)
{
    if (replay->count % 64 == 0) {
        replay->requests =
            memory_resize(replay->requests, (replay->count + 64) * sizeof *replay->requests);
    }
    struct buffer bytes = {0};
    buffer_append(&bytes, message->head.bytes, message->head.size);
    buffer_append(&bytes, message->body.bytes, message->body.size);
    struct replay_request *request = &replay->requests[replay->count++];
    request->size = bytes.size;
    request->bytes = buffer_detach(&bytes);
    request->time_us = replay->world.now_us;
    request->connection = connection;
}

static void requested(void *owner, const struct http_message *message)
{
    struct replay_connection *connection = owner;
    struct replay *replay = connection->replay;
    const struct capture *capture = &replay->capture;
    keep(replay, message, connection->number);
    connection->gets = slice_is(message->method, "GET");
    while (replay->cursor < capture->count &&
           capture->entries[replay->cursor].kind != CAPTURE_REQUEST) {
        replay->cursor++;
    }
    if (replay->cursor == capture->count) {
        return; /* more than was recorded: the comparison says so */
    }
    const struct capture_entry *request = &capture->entries[replay->cursor++];
    bool file = connection->gets && strncmp(request->bytes, "GET /p/register ", 16) != 0;
    bool behind = false; /* other requests have come since: only a download goes on */
    for (size_t i = replay->cursor; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind == CAPTURE_REQUEST) {
            behind = true;
            if (!file || entry->connection == request->connection) {
                return;
            }
        }
        if (behind && entry->kind == CAPTURE_REPLY) {
            continue;
        }
        if (entry->connection == request->connection && is_deed(entry)) {
            struct deed *deed = memory_new(sizeof *deed);
            *deed = (struct deed){.connection = connection, .entry = entry};
            timer_init(&deed->timer, do_deed, deed);
            world_arm_in(&replay->world, &deed->timer, entry->time_us - request->time_us);
        }
    }
}

static void received(void *owner, const char *bytes, size_t size)
{
    struct replay_connection *connection = owner;
    http_parser_feed(&connection->parser, bytes, size);
}

static void ended(void *owner, enum stream_end end, const char *why)
{
    struct replay_connection *connection = owner;
    (void)end;
    (void)why;
    connection->stream = NULL;
}

static void accepted(void *owner, struct stream *stream)
{
    static const struct stream_events events = {.received = received, .ended = ended};
    static const struct http_parser_events parser_events = {.complete = requested};
    struct replay *replay = owner;
    struct replay_connection *connection = memory_new(sizeof *connection);
    connection->replay = replay;
    connection->next = replay->connections;
    connection->number = ++replay->connection_count;
    connection->stream = stream;
    http_parser_init(&connection->parser, true, &parser_events, connection);
    timer_init(&connection->feed, feed, connection);
    replay->connections = connection;
    stream->events = &events;
    stream->owner = connection;
}

void replay_listen(struct replay *replay)
{
    replay->listener =
        network_listen(memory_network_face(replay->network), &replay->at, accepted, replay, NULL);
}

void replay_stop_listening(struct replay *replay)
{
    network_unlisten(memory_network_face(replay->network), replay->listener);
    replay->listener = NULL;
    for (struct replay_connection *c = replay->connections; c != NULL; c = c->next) {
        if (c->stream != NULL) {
            stream_close(c->stream);
            c->stream = NULL;
        }
    }
}

/* Timestamp in tenths of a second; -1: none, or one that the host gave by itself. */
static int64_t stamped_tenths(const struct capture_entry *request)
{
    char text[64];
    if (!capture_header(request, "Timestamp", text, sizeof text)) {
        return -1;
    }
    double tenths = strtod(text, NULL) * 10.0;
    return fabs(tenths - round(tenths)) < 0.01 ? (int64_t)round(tenths) : -1;
}

/* No item is stamped later than it is sent, so the clock stands at the latest of what the requests
 * ask for; those of a clock that jumps are as far off as the jump and don't count. */
static void set_clock(struct replay *replay)
{
    int64_t first = -1, epoch_us = 0;
    for (size_t i = 0; i < replay->capture.count; i++) {
        const struct capture_entry *entry = &replay->capture.entries[i];
        int64_t tenths = entry->kind == CAPTURE_REQUEST ? stamped_tenths(entry) : -1;
        if (tenths < 0) {
            continue;
        }
        int64_t wanted_us = tenths * 100000 - entry->time_us;
        if (first < 0) {
            first = tenths;
            epoch_us = wanted_us;
        }
        if (wanted_us > epoch_us && wanted_us - epoch_us < SECONDS(1)) {
            epoch_us = wanted_us;
        }
    }
    replay->world.epoch_us = epoch_us + 500;
}

/* How long the item waited before it was sent, as far as its Timestamp tells. */
static int64_t waited_us(const struct replay *replay, const struct capture_entry *request)
{
    int64_t tenths = stamped_tenths(request);
    int64_t waited = request->time_us - (tenths * 100000 - replay->world.epoch_us);
    return tenths < 0 || waited < 100000 || waited > SECONDS(60) ? 0 : waited;
}

int64_t replay_made_us(const struct replay *replay, const struct capture_entry *request)
{
    int64_t waited = waited_us(replay, request);
    if (waited > 0) {
        return request->time_us - waited + 50000;
    }
    for (const struct capture_entry *before = request; before-- > replay->capture.entries;) {
        if (before->kind == CAPTURE_REQUEST) { /* right behind one that waited it waited, too */
            bool waits = waited_us(replay, before) > 0 && request->time_us - before->time_us < 5000;
            return waits ? request->time_us - 10000 : request->time_us;
        }
    }
    return request->time_us;
}

bool replay_init(struct replay *replay, const char *path, struct error *error)
{
    *replay = (struct replay){0};
    if (!capture_load(&replay->capture, path, error)) {
        return false;
    }
    world_init(&replay->world, 1);
    set_clock(replay);
    replay->network = memory_network_new(&replay->world);
    for (size_t i = 0; i < replay->capture.count; i++) {
        char host[300], url[320];
        const struct capture_entry *entry = &replay->capture.entries[i];
        if (entry->kind != CAPTURE_REQUEST || !capture_header(entry, "Host", host, sizeof host)) {
            continue;
        }
        snprintf(url, sizeof url, "http://%s", host);
        struct endpoint at;
        if (!endpoint_parse(&at, url, NULL, error)) {
            return false;
        }
        if (replay->at.port == 0) {
            replay->at = at;
        } else if (at.port != replay->at.port && replay->other == NULL) { /* a file server */
            replay->other =
                network_listen(memory_network_face(replay->network), &at, accepted, replay, NULL);
        }
    }
    replay_listen(replay);
    return true;
}

void replay_free(struct replay *replay)
{
    while (replay->connections != NULL) {
        struct replay_connection *connection = replay->connections;
        replay->connections = connection->next;
        world_cancel(&replay->world, &connection->feed);
        if (connection->stream != NULL) {
            stream_close(connection->stream);
        }
        http_parser_free(&connection->parser);
        free(connection);
    }
    if (replay->network != NULL) {
        if (replay->listener != NULL) {
            network_unlisten(memory_network_face(replay->network), replay->listener);
        }
        if (replay->other != NULL) {
            network_unlisten(memory_network_face(replay->network), replay->other);
        }
        memory_network_destroy(replay->network);
        world_free(&replay->world);
    }
    for (size_t i = 0; i < replay->count; i++) {
        free(replay->requests[i].bytes);
    }
    free(replay->requests);
    capture_free(&replay->capture);
}

/* Replace what stands between `from` and `from + size` of the text by "*". */
static void mask(struct buffer *text, size_t from, size_t size)
{
    struct buffer masked = {0};
    buffer_append(&masked, text->bytes, from);
    buffer_append_char(&masked, '*');
    buffer_append(&masked, text->bytes + from + size, text->size - from - size);
    buffer_free(text);
    *text = masked;
}

static void forget_header(struct buffer *text, const char *name)
{
    struct buffer line = {0};
    buffer_format(&line, "\r\n%s: ", name);
    char *at = strstr(text->bytes, line.bytes);
    if (at != NULL) {
        size_t from = (size_t)(at - text->bytes) + line.size;
        mask(text, from, strcspn(text->bytes + from, "\r"));
    }
    buffer_free(&line);
}

static void forget_numbers(struct buffer *text, const char *behind)
{
    for (size_t at = 0;;) {
        char *found = strstr(text->bytes + at, behind);
        if (found == NULL) {
            return;
        }
        at = (size_t)(found - text->bytes) + strlen(behind);
        mask(text, at, strspn(text->bytes + at, "0123456789.-"));
    }
}

/* The text goes, and Content-Length follows it. */
static void take_out(struct buffer *text, const char *extra)
{
    char *found = strstr(text->bytes, extra);
    static const char name[] = "\r\nContent-Length: ";
    char *length = strstr(text->bytes, name);
    if (found == NULL || length == NULL) {
        return;
    }
    long size = strtol(length + sizeof name - 1, NULL, 10) - (long)strlen(extra);
    struct buffer shorter = {0};
    size_t digits = (size_t)(length - text->bytes) + sizeof name - 1;
    buffer_append(&shorter, text->bytes, digits);
    buffer_append_int(&shorter, size);
    digits += strspn(text->bytes + digits, "0123456789");
    size_t from = (size_t)(found - text->bytes);
    buffer_append(&shorter, text->bytes + digits, from - digits);
    buffer_append_text(&shorter, text->bytes + from + strlen(extra));
    buffer_free(text);
    *text = shorter;
}

static struct buffer shown(const char *bytes, size_t size, bool ours, const char *name,
                           const struct replay_difference *differences, size_t count)
{
    struct buffer text = {0};
    buffer_append(&text, bytes, size);
    for (size_t i = 0; i < count; i++) {
        const struct replay_difference *difference = &differences[i];
        if (strncmp(name, difference->capture, strlen(difference->capture)) != 0) {
            continue;
        }
        if (difference->kind == REPLAY_HEADER) {
            forget_header(&text, difference->text);
        } else if (difference->kind == REPLAY_NUMBER) {
            forget_numbers(&text, difference->text);
        } else if (difference->kind == REPLAY_EXTRA && ours) {
            take_out(&text, difference->text);
        }
    }
    return text;
}

/* "[body: 2680 bytes, …" stands for as many bytes: nothing but their number is compared. */
static void hide_picture(struct buffer *ours, struct buffer *theirs)
{
    static const char mark[] = "\r\n\r\n[body: ";
    const char *body = strstr(theirs->bytes, mark);
    const char *own = strstr(ours->bytes, "\r\n\r\n");
    if (body == NULL || own == NULL) {
        return;
    }
    size_t size = strtoul(body + sizeof mark - 1, NULL, 10);
    size_t own_head = (size_t)(own - ours->bytes) + 4;
    if (ours->size - own_head == size) {
        theirs->size = (size_t)(body - theirs->bytes) + 4;
        ours->size = own_head;
    }
}

static bool left_out(const struct capture_entry *recorded, const char *name,
                     const struct replay_difference *differences, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct replay_difference *difference = &differences[i];
        if (difference->kind == REPLAY_MESSAGE &&
            strncmp(name, difference->capture, strlen(difference->capture)) == 0 &&
            strstr(recorded->body, difference->text) != NULL) {
            return true;
        }
    }
    return false;
}

/* The Timestamps of one message agree to a tenth of a second more than the resolution. */
static bool same_stamp(const struct replay_request *sent, const struct capture_entry *recorded)
{
    struct capture_entry entry = {.bytes = sent->bytes};
    const char *end = memmem(sent->bytes, sent->size, "\r\n\r\n", 4);
    entry.body = end == NULL ? sent->bytes + sent->size : end + 4;
    char a[64] = "", b[64] = "";
    bool in_sent = capture_header(&entry, "Timestamp", a, sizeof a);
    bool in_recorded = capture_header(recorded, "Timestamp", b, sizeof b);
    return in_sent == in_recorded && fabs(strtod(a, NULL) - strtod(b, NULL)) < 0.25;
}

static bool compare_one(const struct replay *replay, const char *name, size_t index,
                        const struct capture_entry *recorded,
                        const struct replay_difference *differences, size_t difference_count,
                        int64_t slack_us, struct error *error)
{
    const struct replay_request *sent = &replay->requests[index];
    struct buffer ours = shown(sent->bytes, sent->size, true, name, differences, difference_count);
    struct buffer theirs =
        shown(recorded->bytes, recorded->size, false, name, differences, difference_count);
    hide_picture(&ours, &theirs);
    bool good = (ours.size == theirs.size && memcmp(ours.bytes, theirs.bytes, ours.size) == 0) ||
                left_out(recorded, name, differences, difference_count);
    if (!good) {
        size_t at = 0;
        while (at < ours.size && at < theirs.size && ours.bytes[at] == theirs.bytes[at]) {
            at++;
        }
        size_t from = at < 60 ? 0 : at - 40;
        error_set(error,
                  "%s:%u: request %zu differs at byte %zu:\n  recorded …%.330s\n  sent     …%.330s",
                  name, recorded->line, index + 1, at, theirs.bytes + from, ours.bytes + from);
    }
    buffer_free(&ours);
    buffer_free(&theirs);
    if (good && llabs(sent->time_us - recorded->time_us) > slack_us) {
        good = error_set(error, "%s:%u: request %zu was sent at %.3f s instead of %.3f s", name,
                         recorded->line, index + 1, (double)sent->time_us / 1e6,
                         (double)recorded->time_us / 1e6);
    }
    if (good && !same_stamp(sent, recorded)) {
        good = error_set(error, "%s:%u: request %zu has another Timestamp: %.400s", name,
                         recorded->line, index + 1, sent->bytes);
    }
    return good;
}

bool replay_compare(const struct replay *replay, const char *name,
                    const struct replay_difference *differences, size_t difference_count,
                    int64_t slack_us, struct error *error)
{
    size_t index = 0;
    unsigned recorded_connection = 0, sent_connection = 0;
    for (size_t i = 0; i < replay->capture.count; i++) {
        const struct capture_entry *recorded = &replay->capture.entries[i];
        if (recorded->kind != CAPTURE_REQUEST) {
            continue;
        }
        if (index == replay->count) {
            return error_set(error, "%s:%u: only %zu requests were sent; missing: %.300s", name,
                             recorded->line, index, recorded->bytes);
        }
        if (!compare_one(replay, name, index, recorded, differences, difference_count, slack_us,
                         error)) {
            return false;
        }
        unsigned connection = replay->requests[index].connection;
        if ((recorded->connection == recorded_connection) != (connection == sent_connection)) {
            return error_set(error, "%s:%u: request %zu %s the connection of the one before", name,
                             recorded->line, index + 1,
                             connection == sent_connection ? "is on" : "isn't on");
        }
        recorded_connection = recorded->connection;
        sent_connection = connection;
        index++;
    }
    if (index != replay->count) {
        return error_set(error, "%s: %zu more requests were sent than recorded; first: %.300s",
                         name, replay->count - index, replay->requests[index].bytes);
    }
    return true;
}
