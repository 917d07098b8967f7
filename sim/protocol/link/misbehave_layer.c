/* The layer between a front and a face: requests are changed, or answered without the face; replies
 * of the face are spoilt on their way out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/misbehave_internal.h"

static bool meant(const struct misbehaving *on, struct slice method, struct slice target)
{
    size_t path = strlen(on->path);
    return on->times != 0 && (*on->method == '\0' || slice_is_nocase(method, on->method)) &&
           target.size >= path && memcmp(target.bytes, on->path, path) == 0;
}

/* Whether this occasion is one of its times. */
static bool its_turn(struct link_misbehave *layer, struct misbehaving *on, struct slice method,
                     struct slice target)
{
    if (!meant(on, method, target)) {
        return false;
    }
    if (on->percent < 100 && random_unit(&layer->face->world->random) * 100 >= on->percent) {
        return false;
    }
    on->times -= on->times > 0;
    return true;
}

/* ---- nonces that were used ---- */

/* The nonce of a challenge or of credentials, with its NUL; "" when there is none. */
static void find_nonce(char out[NONCE_TEXT_MAX], const char *bytes, size_t size)
{
    static const char name[] = "nonce=\"";
    const size_t name_size = sizeof name - 1;
    const char *at = bytes, *end = bytes + size;
    *out = '\0';
    while ((at = memmem(at, (size_t)(end - at), name, name_size)) != NULL) {
        if (at == bytes || (at[-1] != 'c' && at[-1] != 'C')) { /* cnonce is the client's */
            const char *from = at + name_size;
            const char *quote = memchr(from, '"', (size_t)(end - from));
            size_t length = quote == NULL ? NONCE_TEXT_MAX : (size_t)(quote - from);
            if (length < NONCE_TEXT_MAX) {
                memcpy(out, from, length);
                out[length] = '\0';
            }
            return;
        }
        at += name_size;
    }
}

static char *used_nonce(struct link_misbehave *layer, const char *nonce)
{
    for (size_t i = 0; i < NONCES_USED_MAX; i++) {
        if (strcmp(layer->used[i], nonce) == 0) {
            return layer->used[i];
        }
    }
    return NULL;
}

/* Whether the request's nonce came before since it was offered; from now on it did. */
static bool nonce_comes_again(struct link_misbehave *layer, const struct http_message *message)
{
    char nonce[NONCE_TEXT_MAX];
    struct slice credentials = http_header_value(message, "Authorization");
    if (credentials.bytes == NULL) {
        return false;
    }
    find_nonce(nonce, credentials.bytes, credentials.size);
    if (*nonce == '\0' || used_nonce(layer, nonce) != NULL) {
        return *nonce != '\0';
    }
    strcpy(layer->used[layer->used_count++ % NONCES_USED_MAX], nonce);
    return false;
}

/* A daemon offers the same nonce to everybody within its time: who just got it has not used it. */
static void nonce_is_offered(struct link_misbehave *layer, const struct http_reply *reply)
{
    char nonce[NONCE_TEXT_MAX];
    find_nonce(nonce, reply->raw, reply->raw_size);
    char *used = *nonce == '\0' ? NULL : used_nonce(layer, nonce);
    if (used != NULL) {
        *used = '\0';
    }
}

/* ---- one exchange ---- */

enum { SPOILS_MAX = 16 };

struct layered {
    struct http_exchange inner; /* first: what the face sees */
    struct link_misbehave *layer;
    struct http_exchange *outer;
    struct layered *previous, *next;
    struct {
        spoil_reply *spoil;
        char *argument;
    } spoils[SPOILS_MAX];
    size_t spoil_count;
    struct {
        enum deed deed;
        char *argument;
    } changes[SPOILS_MAX]; /* of the request, which comes twice: its head, and whole */
    size_t change_count;
    enum deed deed;
    int status;         /* of LIE and EARLY */
    uint64_t body_left; /* of CUT */
    char *garbage;
    bool passed; /* the face has it */
};

static void layered_free(struct layered *exchange)
{
    struct link_misbehave *layer = exchange->layer;
    if (exchange->previous != NULL) {
        exchange->previous->next = exchange->next;
    } else {
        layer->exchanges = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    for (size_t i = 0; i < exchange->spoil_count; i++) {
        free(exchange->spoils[i].argument);
    }
    for (size_t i = 0; i < exchange->change_count; i++) {
        free(exchange->changes[i].argument);
    }
    free(exchange->garbage);
    free(exchange);
}

/* The layer may have come between while requests were under way; those are the face's alone. */
static struct layered *layered_of(struct link_misbehave *layer, const struct http_exchange *outer)
{
    struct layered *exchange = layer->exchanges;
    while (exchange != NULL && exchange->outer != outer) {
        exchange = exchange->next;
    }
    return exchange;
}

static void on_reply(struct http_exchange *inner, const struct http_reply *original)
{
    struct layered *exchange = (struct layered *)inner;
    struct http_exchange *outer = exchange->outer;
    struct spoilt_reply reply;
    if (original->raw == NULL) {
        layered_free(exchange);
        http_exchange_reply(outer, original);
        return;
    }
    if (original->status == 401) {
        nonce_is_offered(exchange->layer, original);
    }
    spoilt_reply_begin(&reply, original);
    for (size_t i = 0; i < exchange->spoil_count; i++) {
        exchange->spoils[i].spoil(&reply, exchange->spoils[i].argument);
    }
    layered_free(exchange);
    spoilt_reply_send(&reply, outer);
}

static void on_hold(struct http_exchange *inner, bool held)
{
    http_exchange_hold(((struct layered *)inner)->outer, held);
}

static const struct http_exchange_class layered_class = {.reply = on_reply, .hold = on_hold};

/* Instead of an answer of the face's. */
static void answer_oneself(struct layered *exchange)
{
    struct http_exchange *outer = exchange->outer;
    char line[128];
    struct http_reply reply = {.status = 0};
    switch (exchange->deed) {
    case DEED_RESET:
    case DEED_CUT:
        reply.after = HTTP_AFTER_RESET;
        break;
    case DEED_SILENT:
        reply.after = HTTP_AFTER_STALL;
        break;
    case DEED_GARBAGE:
        reply = (struct http_reply){.status = 200,
                                    .raw = exchange->garbage,
                                    .raw_size = strlen(exchange->garbage),
                                    .after = HTTP_AFTER_CLOSE};
        break;
    case DEED_LIE:
    case DEED_EARLY:
        snprintf(line, sizeof line,
                 "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                 exchange->status, http_reason(exchange->status));
        reply = (struct http_reply){.status = exchange->status,
                                    .raw = line,
                                    .raw_size = strlen(line),
                                    .after = HTTP_AFTER_DRAIN};
        break;
    default:
        reply.after = HTTP_AFTER_CLOSE;
    }
    exchange->layer->face->answered++;
    char *garbage = exchange->garbage;
    exchange->garbage = NULL;
    layered_free(exchange);
    http_exchange_reply(outer, &reply);
    free(garbage);
}

/* ---- requests ---- */

static void without_header(struct http_message *message, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        if (!slice_is_nocase(message->headers[i].name, name)) {
            message->headers[kept++] = message->headers[i];
        }
    }
    message->header_count = kept;
}

static void with_header(struct http_message *message, const char *line)
{
    size_t name = strcspn(line, ":");
    const char *value = line + name + 1 + strspn(line + name + 1, " ");
    char header[64] = "";
    strncat(header, line, name < sizeof header - 1 ? name : sizeof header - 1);
    without_header(message, header);
    if (message->header_count < HTTP_HEADERS_MAX) {
        message->headers[message->header_count++] =
            (struct http_header){{line, name}, slice_of(value)};
    }
}

static void change_message(struct http_message *message, enum deed deed, const char *argument)
{
    switch (deed) {
    case DEED_NO_CREDENTIALS:
    case DEED_EXPIRE:
        without_header(message, "Authorization");
        without_header(message, "X-Api-Key");
        break;
    case DEED_DROP_HEADER:
        without_header(message, argument);
        break;
    case DEED_SET_HEADER:
        with_header(message, argument);
        break;
    case DEED_METHOD:
        message->method = slice_of(argument);
        break;
    default:
        break;
    }
}

static void change_request(struct layered *exchange, const struct misbehaving *on,
                           struct http_message *message)
{
    enum deed deed = on->behaviour->deed;
    switch (deed) {
    case DEED_NO_CREDENTIALS:
    case DEED_EXPIRE:
    case DEED_DROP_HEADER:
    case DEED_SET_HEADER:
    case DEED_METHOD:
        if (exchange->change_count < SPOILS_MAX) {
            size_t at = exchange->change_count++;
            exchange->changes[at].deed = deed;
            exchange->changes[at].argument = memory_copy_text(on->argument);
            change_message(message, deed, exchange->changes[at].argument);
        }
        break;
    case DEED_NOTHING:
    case DEED_LENIENT:
        break;
    default:
        exchange->deed = deed;
        exchange->status = atoi(on->argument);
        exchange->body_left = (uint64_t)exchange->status;
        free(exchange->garbage);
        exchange->garbage = memory_copy_text(on->argument);
    }
}

/* With "stale" only requests that come with credentials are turned away; first ones have their 401
 * anyway. */
static bool has_credentials(const struct http_message *message)
{
    return http_header(message, "Authorization") != NULL ||
           http_header(message, "X-Api-Key") != NULL;
}

static void apply(struct layered *exchange, struct http_message *message)
{
    struct link_misbehave *layer = exchange->layer;
    struct slice method = message->method, target = message->target;
    bool credentials = has_credentials(message), again = nonce_comes_again(layer, message);
    for (struct misbehaving *on = layer->on; on != NULL; on = on->next) {
        if ((on->behaviour->deed == DEED_NO_CREDENTIALS && !credentials) ||
            (on->behaviour->deed == DEED_EXPIRE && !again)) {
            continue;
        }
        if (!its_turn(layer, on, method, target)) {
            continue;
        }
        change_request(exchange, on, message);
        if (on->behaviour->spoil != NULL && exchange->spoil_count < SPOILS_MAX) {
            exchange->spoils[exchange->spoil_count].spoil = on->behaviour->spoil;
            exchange->spoils[exchange->spoil_count++].argument = memory_copy_text(on->argument);
        }
    }
}

static struct layered *layered_new(struct link_misbehave *layer, struct http_exchange *outer)
{
    struct layered *exchange = memory_new(sizeof *exchange);
    *exchange = (struct layered){.inner = *outer, .layer = layer, .outer = outer};
    exchange->inner.class = &layered_class;
    exchange->inner.service_data = NULL;
    exchange->next = layer->exchanges;
    if (exchange->next != NULL) {
        exchange->next->previous = exchange;
    }
    layer->exchanges = exchange;
    return exchange;
}

static enum http_body_plan on_begin(void *service, struct http_exchange *outer,
                                    const struct http_message *message)
{
    struct link_misbehave *layer = ((struct link_face *)service)->misbehave;
    struct layered *exchange = layered_new(layer, outer);
    struct http_message changed = *message;
    apply(exchange, &changed);
    if (exchange->deed == DEED_EARLY) {
        answer_oneself(exchange);
        return HTTP_BODY_PIECES;
    }
    if (exchange->deed != DEED_NOTHING && exchange->deed != DEED_CUT) {
        return HTTP_BODY_PIECES; /* answered when the body is in */
    }
    exchange->passed = true;
    return layer->inner.begin(layer->inner.service, &exchange->inner, &changed);
}

static void on_piece(void *service, struct http_exchange *outer, const char *bytes, size_t size)
{
    struct link_misbehave *layer = ((struct link_face *)service)->misbehave;
    struct layered *exchange = layered_of(layer, outer);
    if (exchange == NULL) {
        layer->inner.piece(layer->inner.service, outer, bytes, size);
        return;
    }
    if (exchange->passed && exchange->deed == DEED_CUT) {
        if (size > exchange->body_left) {
            exchange->passed = false;
            layer->inner.gone(layer->inner.service, &exchange->inner);
            answer_oneself(exchange);
            return;
        }
        exchange->body_left -= size;
    }
    if (exchange->passed) {
        layer->inner.piece(layer->inner.service, &exchange->inner, bytes, size);
    }
}

static void on_request(void *service, struct http_exchange *outer,
                       const struct http_message *message)
{
    struct link_misbehave *layer = ((struct link_face *)service)->misbehave;
    struct layered *exchange = layered_of(layer, outer);
    if (exchange == NULL) {
        layer->inner.request(layer->inner.service, outer, message);
    } else if (exchange->passed) {
        struct http_message changed = *message;
        for (size_t i = 0; i < exchange->change_count; i++) {
            change_message(&changed, exchange->changes[i].deed, exchange->changes[i].argument);
        }
        layer->inner.request(layer->inner.service, &exchange->inner, &changed);
    } else {
        answer_oneself(exchange);
    }
}

static void on_gone(void *service, struct http_exchange *outer)
{
    struct link_misbehave *layer = ((struct link_face *)service)->misbehave;
    struct layered *exchange = layered_of(layer, outer);
    if (exchange == NULL) {
        layer->inner.gone(layer->inner.service, outer);
        return;
    }
    if (exchange->passed) {
        layer->inner.gone(layer->inner.service, &exchange->inner);
    }
    layered_free(exchange);
}

static void on_refused(void *service, struct http_exchange *outer, enum http_problem problem,
                       struct slice seen)
{
    struct link_misbehave *layer = ((struct link_face *)service)->misbehave;
    struct layered *exchange = layered_of(layer, outer);
    if (exchange == NULL) {
        layer->inner.refused(layer->inner.service, outer, problem, seen);
    } else if (exchange->passed) {
        layer->inner.refused(layer->inner.service, &exchange->inner, problem, seen);
    } else {
        answer_oneself(exchange);
    }
}

/* ---- coming and going ---- */

/* The face keeps its service's address: fronts look at it for each request. */
void misbehave_come_between(struct link_face *face)
{
    struct link_misbehave *layer = memory_new(sizeof *layer);
    *layer = (struct link_misbehave){.face = face, .inner = face->service};
    face->misbehave = layer;
    face->service.request = on_request;
    face->service.gone = on_gone;
    face->service.begin = on_begin;
    face->service.piece = on_piece;
    face->service.refused = on_refused;
}

void misbehave_go_away(struct link_misbehave *layer)
{
    while (layer->exchanges != NULL) {
        layered_free(layer->exchanges);
    }
    free(layer);
}
