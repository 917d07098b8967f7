#include "harness/check/bend.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"

enum bend_what { DROP_HEADER, SET_HEADER, DROP_KEY, SET_KEY, MUTE, TWICE, RENAME, METHOD };

const struct bend_kind bend_kinds[] = {
    [DROP_HEADER] = {"drop-header", "NAME", "its requests lack a header", "drop-header=Fingerprint", "CON-TRP-02"},
    [SET_HEADER] = {"set-header", "NAME:VALUE", "a header has another value", "set-header=Timestamp:now", "CON-TRP-05"},
    [DROP_KEY] = {"drop-key", "KEY", "its JSON bodies lack a member of the root", "drop-key=state", "CON-TEL-01"},
    [SET_KEY] = {"set-key", "KEY:JSON", "a member of the root has another value", "set-key=temp:null", "CON-TEL-02"},
    [MUTE] = {"mute", "EVENT", "it never sends events of that name", "mute=ACCEPTED", "CON-CMD-01"},
    [TWICE] = {"twice", "EVENT", "it sends events of that name twice", "twice=FINISHED", "CON-CMD-02"},
    [RENAME] = {"rename", "EVENT:EVENT", "it calls events by another name", "rename=INFO:HELLO", "CON-EVT-02"},
    [METHOD] = {"method", "METHOD", "its bodies travel with another method", "method=PUT", "CON-TRP-01"},
    {NULL, NULL, NULL, NULL, NULL},
};

struct bend {
    enum bend_what what;
    char *name, *value; /* value NULL: none */
};

/* The first of two equal messages is answered to nobody. */
struct echo {
    struct http_exchange exchange;
    struct bender *bender;
    struct echo *next;
};

struct bender {
    struct http_service service;
    const struct http_service *inner;
    struct bend *bends;
    size_t count;
    struct echo *echoes;
};

/* A message on its way through the bends. */
struct bending {
    const struct http_message *original;
    cJSON *body; /* NULL: it is no JSON object */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct slice method;
    bool mute, twice;
};

static const char *event_of(const struct bending *bending)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(bending->body, "event"));
    return name != NULL ? name : "";
}

static void drop_header(struct bending *bending, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < bending->header_count; i++) {
        if (!slice_is_nocase(bending->headers[i].name, name)) {
            bending->headers[kept++] = bending->headers[i];
        }
    }
    bending->header_count = kept;
}

static void set_header(struct bending *bending, const struct bend *bend)
{
    drop_header(bending, bend->name);
    if (bending->header_count < HTTP_HEADERS_MAX) {
        bending->headers[bending->header_count++] =
            (struct http_header){slice_of(bend->name), slice_of(bend->value)};
    }
}

static void set_key(struct bending *bending, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(bending->body, key);
    cJSON_AddItemToObject(bending->body, key, value);
}

static void bend_body(struct bending *bending, const struct bend *bend)
{
    bool named = strcmp(event_of(bending), bend->name) == 0;
    switch (bend->what) {
    case DROP_KEY:
        cJSON_DeleteItemFromObjectCaseSensitive(bending->body, bend->name);
        break;
    case SET_KEY:
        set_key(bending, bend->name, cJSON_Parse(bend->value));
        break;
    case MUTE:
        bending->mute = bending->mute || named;
        break;
    case TWICE:
        bending->twice = bending->twice || named;
        break;
    case RENAME:
        if (named) {
            set_key(bending, "event", cJSON_CreateString(bend->value));
        }
        break;
    case METHOD:
        bending->method = slice_of(bend->name);
        break;
    case DROP_HEADER:
    case SET_HEADER:
        break;
    }
}

static void bend_one(struct bending *bending, const struct bend *bend)
{
    if (bend->what == DROP_HEADER) {
        drop_header(bending, bend->name);
    } else if (bend->what == SET_HEADER) {
        set_header(bending, bend);
    } else if (bending->body != NULL) {
        bend_body(bending, bend);
    }
}

/* The head as text again; the message's slices point into it. */
static void write_head(const struct bending *bending, struct buffer *head, struct http_message *message)
{
    buffer_append(head, bending->method.bytes, bending->method.size);
    buffer_append_char(head, ' ');
    buffer_append(head, bending->original->target.bytes, bending->original->target.size);
    buffer_format(head, " HTTP/1.%d\r\n", bending->original->minor_version);
    for (size_t i = 0; i < bending->header_count; i++) {
        const struct http_header *header = &bending->headers[i];
        buffer_append(head, header->name.bytes, header->name.size);
        buffer_append_text(head, ": ");
        buffer_append(head, header->value.bytes, header->value.size);
        buffer_append_text(head, "\r\n");
    }
    buffer_append_text(head, "\r\n");
    *message = *bending->original;
    message->method = bending->method;
    message->head = (struct slice){head->bytes, head->size};
    memcpy(message->headers, bending->headers, bending->header_count * sizeof *bending->headers);
    message->header_count = bending->header_count;
}

static void drop_echo(struct http_exchange *exchange, const struct http_reply *reply)
{
    (void)reply;
    struct echo *echo = (struct echo *)exchange;
    for (struct echo **link = &echo->bender->echoes; *link != NULL; link = &(*link)->next) {
        if (*link == echo) {
            *link = echo->next;
            break;
        }
    }
    free(echo);
}

static void send_echo(struct bender *bender, const struct http_exchange *exchange, const struct http_message *message)
{
    static const struct http_exchange_class class = {drop_echo};
    struct echo *echo = memory_new(sizeof *echo);
    echo->exchange = *exchange;
    echo->exchange.class = &class;
    echo->exchange.service_data = NULL;
    echo->bender = bender;
    echo->next = bender->echoes;
    bender->echoes = echo;
    bender->inner->request(bender->inner->service, &echo->exchange, message);
}

static void bend_request(void *service, struct http_exchange *exchange, const struct http_message *message)
{
    struct bender *bender = service;
    struct bending bending = {.original = message,
                              .body = cJSON_ParseWithLength(message->body.bytes, message->body.size),
                              .header_count = message->header_count,
                              .method = message->method};
    memcpy(bending.headers, message->headers, message->header_count * sizeof *message->headers);
    if (!cJSON_IsObject(bending.body)) {
        cJSON_Delete(bending.body);
        bending.body = NULL;
    }
    for (size_t i = 0; i < bender->count; i++) {
        bend_one(&bending, &bender->bends[i]);
    }
    char *body = bending.body != NULL ? cJSON_PrintUnformatted(bending.body) : NULL;
    if (bending.mute) {
        http_exchange_reply(exchange, &(struct http_reply){.status = 204});
    } else {
        struct buffer head = {0};
        struct http_message bent;
        write_head(&bending, &head, &bent);
        if (body != NULL) {
            bent.body = slice_of(body);
        }
        if (bending.twice) {
            send_echo(bender, exchange, &bent);
        }
        bender->inner->request(bender->inner->service, exchange, &bent);
        buffer_free(&head);
    }
    cJSON_free(body);
    cJSON_Delete(bending.body);
}

static void bend_gone(void *service, struct http_exchange *exchange)
{
    struct bender *bender = service;
    if (bender->inner->gone != NULL) {
        bender->inner->gone(bender->inner->service, exchange);
    }
}

static const struct bend_kind *find_kind(const char *text, size_t *size)
{
    *size = strcspn(text, "=");
    for (const struct bend_kind *kind = bend_kinds; kind->name != NULL; kind++) {
        if (strlen(kind->name) == *size && memcmp(kind->name, text, *size) == 0) {
            return kind;
        }
    }
    return NULL;
}

bool bend_known(const char *text)
{
    size_t size;
    return find_kind(text, &size) != NULL;
}

struct bender *bender_new(const struct http_service *inner)
{
    struct bender *bender = memory_new(sizeof *bender);
    bender->inner = inner;
    bender->service = (struct http_service){
        .request = bend_request, .gone = bend_gone, .service = bender, .body_bytes_max = inner->body_bytes_max};
    return bender;
}

void bender_destroy(struct bender *bender)
{
    if (bender == NULL) {
        return;
    }
    while (bender->echoes != NULL) {
        struct echo *echo = bender->echoes;
        bender->echoes = echo->next;
        bend_gone(bender, &echo->exchange);
        free(echo);
    }
    for (size_t i = 0; i < bender->count; i++) {
        free(bender->bends[i].name);
        free(bender->bends[i].value);
    }
    free(bender->bends);
    free(bender);
}

static bool needs_value(enum bend_what what)
{
    return what == SET_HEADER || what == SET_KEY || what == RENAME;
}

bool bender_add(struct bender *bender, const char *text, struct error *error)
{
    size_t size;
    const struct bend_kind *kind = find_kind(text, &size);
    if (kind == NULL || text[size] != '=' || text[size + 1] == '\0') {
        return error_set(error, "%s: expected %s=%s", text, kind != NULL ? kind->name : "NAME",
                         kind != NULL ? kind->argument : "ARGUMENT");
    }
    const char *argument = text + size + 1;
    size_t name = strcspn(argument, ":");
    struct bend bend = {.what = (enum bend_what)(kind - bend_kinds)};
    if (needs_value(bend.what)) {
        if (argument[name] != ':' || name == 0) {
            return error_set(error, "%s: expected %s=%s", text, kind->name, kind->argument);
        }
        cJSON *json = bend.what == SET_KEY ? cJSON_Parse(argument + name + 1) : NULL;
        cJSON_Delete(json);
        if (bend.what == SET_KEY && json == NULL) {
            return error_set(error, "%s: %s is no JSON", text, argument + name + 1);
        }
        bend.value = memory_copy_text(argument + name + 1);
    }
    bend.name = memory_copy_slice(argument, needs_value(bend.what) ? name : strlen(argument));
    bender->bends = memory_resize(bender->bends, (bender->count + 1) * sizeof *bender->bends);
    bender->bends[bender->count++] = bend;
    return true;
}

const struct http_service *bender_service(struct bender *bender)
{
    return &bender->service;
}
