/* Two ends of a connection are one allocation. What travels to an end is a list of items, each with
 * the instant when it is due; one timer per end delivers them. Opening and ending are items too, so
 * everything keeps its order. */
#include "harness/net/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

enum item_kind { ITEM_BYTES, ITEM_ACCEPT, ITEM_OPENED, ITEM_FINISHED, ITEM_END };

struct item {
    struct item *next;
    int64_t due_us;
    size_t size;
    enum item_kind kind;
    enum stream_end end;
    const char *why;
    char bytes[];
};

struct pair;

struct side {
    struct stream stream;
    struct pair *pair;
    struct item *first, *last; /* on the way to this side */
    struct timer timer;
    int64_t ready_us; /* nothing sent by this side leaves earlier: the connecting side has to be
                         open first */
    bool finished;    /* its owner closed it, or was told the end */
    bool silent;      /* its owner will send nothing more */
    bool told_silent; /* its owner knows that the other side is */
    bool held;        /* its owner takes nothing now */
};

/* sides[0] connects, sides[1] accepts. */
struct pair {
    struct side sides[2];
    struct memory_network *network;
    struct pair *previous, *next;
    struct host *host; /* that it connects to */
    uint16_t port;
    uint16_t delivering; /* how many delivery loops are on the stack */
    char peer[20];
};

struct listener {
    struct listener *next; /* of the same host */
    struct host *host;
    network_accept *accept;
    void *owner;
    uint16_t port;
    bool tls;
};

struct host {
    struct host *next; /* of the same bucket */
    struct listener *listeners;
    bool fails;
    bool known; /* somebody listened here once */
    enum stream_end failure;
    char name[];
};

enum { BUCKETS = 1024, FIRST_FREE_PORT = 49152 };

struct memory_network {
    struct network face;
    struct world *world;
    struct pair *pairs;
    struct host *hosts[BUCKETS];
    int64_t latency_us[2]; /* on the way to sides[0], to sides[1] */
    uint32_t connections;
    uint16_t next_port;
};

static struct host *find_host(struct memory_network *network, const char *name, bool make)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *byte = name; *byte != '\0'; byte++) {
        hash = (hash ^ (unsigned char)*byte) * 16777619U;
    }
    struct host **bucket = &network->hosts[hash % BUCKETS];
    for (struct host *host = *bucket; host != NULL; host = host->next) {
        if (strcmp(host->name, name) == 0) {
            return host;
        }
    }
    if (!make) {
        return NULL;
    }
    size_t size = strlen(name) + 1;
    struct host *host = memory_new(sizeof *host + size);
    memcpy(host->name, name, size);
    host->next = *bucket;
    *bucket = host;
    return host;
}

static struct listener *find_listener(struct host *host, uint16_t port)
{
    for (struct listener *listener = host == NULL ? NULL : host->listeners; listener != NULL;
         listener = listener->next) {
        if (listener->port == port) {
            return listener;
        }
    }
    return NULL;
}

static void drop_items(struct side *side)
{
    while (side->first != NULL) {
        struct item *item = side->first;
        side->first = item->next;
        free(item);
    }
    side->last = NULL;
}

static void finish(struct side *side)
{
    side->finished = true;
    drop_items(side);
    world_cancel(side->pair->network->world, &side->timer);
}

static void free_pair_if_over(struct pair *pair)
{
    if (!pair->sides[0].finished || !pair->sides[1].finished || pair->delivering > 0) {
        return;
    }
    if (pair->previous != NULL) {
        pair->previous->next = pair->next;
    } else {
        pair->network->pairs = pair->next;
    }
    if (pair->next != NULL) {
        pair->next->previous = pair->previous;
    }
    free(pair);
}

static struct side *other_side(struct side *side)
{
    return side == &side->pair->sides[0] ? &side->pair->sides[1] : &side->pair->sides[0];
}

/* Put an item on its way from the other side to this one. */
static struct item *post(struct side *to, enum item_kind kind, const char *bytes, size_t size)
{
    struct memory_network *network = to->pair->network;
    struct side *from = other_side(to);
    struct item *item = malloc(sizeof *item + size);
    if (item == NULL) {
        abort();
    }
    bool waits = kind == ITEM_BYTES || kind == ITEM_END || kind == ITEM_FINISHED;
    int64_t leaves_us = waits ? from->ready_us : 0;
    leaves_us = leaves_us > network->world->now_us ? leaves_us : network->world->now_us;
    *item =
        (struct item){.kind = kind,
                      .size = size,
                      .due_us = leaves_us + network->latency_us[to == &to->pair->sides[1] ? 1 : 0]};
    if (size > 0) {
        memcpy(item->bytes, bytes, size);
    }
    if (to->last == NULL) {
        to->first = item;
        if (!to->held) {
            world_arm(network->world, &to->timer, item->due_us);
        }
    } else {
        to->last->next = item;
        item->due_us = item->due_us > to->last->due_us ? item->due_us : to->last->due_us;
    }
    to->last = item;
    return item;
}

static void post_end(struct side *to, enum stream_end end, const char *why)
{
    if (!to->finished) {
        struct item *item = post(to, ITEM_END, NULL, 0);
        item->end = end;
        item->why = why;
    }
}

static void refuse(struct pair *pair, enum stream_end end, const char *why)
{
    finish(&pair->sides[1]);
    post_end(&pair->sides[0], end, why);
}

static bool is_address(const char *name)
{
    return strchr(name, ':') != NULL || strspn(name, "0123456789.") == strlen(name) ||
           strcmp(name, "localhost") == 0;
}

/* The connection reaches the listening side, if there is one. */
static void accept_pair(struct pair *pair)
{
    struct host *host = pair->host;
    if (host->fails) {
        refuse(pair, host->failure, "the scenario has it so");
        return;
    }
    struct listener *listener = find_listener(host, pair->port);
    if (listener == NULL && !host->known && !is_address(host->name)) {
        refuse(pair, STREAM_END_UNRESOLVED, "the name is not known");
    } else if (listener == NULL) {
        refuse(pair, STREAM_END_REFUSED, "nobody listens there");
    } else if (pair->sides[0].stream.tls && !listener->tls) {
        refuse(pair, STREAM_END_TLS, "the other side does not speak TLS");
    } else if (!pair->sides[0].stream.tls && listener->tls) {
        refuse(pair, STREAM_END_RESET, "the other side speaks only TLS");
    } else {
        struct stream *stream = &pair->sides[1].stream;
        post(&pair->sides[0], ITEM_OPENED, NULL, 0);
        listener->accept(listener->owner, stream);
        assert(pair->sides[1].finished || stream->events != NULL);
    }
}

/* The other side has ended its half, or closed: there is no telling which, until we send. */
static void deliver_end(struct side *side, const struct item *item)
{
    const struct stream_events *events = side->stream.events;
    bool in_order = item->kind == ITEM_FINISHED || item->end == STREAM_END_CLOSED;
    if (in_order && side->told_silent) {
        return;
    }
    if (in_order && events->finished != NULL) {
        side->told_silent = true;
        events->finished(side->stream.owner);
        return;
    }
    struct side *other = other_side(side);
    void *owner = side->stream.owner;
    finish(side);
    if (item->kind == ITEM_FINISHED) {
        post_end(other, STREAM_END_CLOSED, "the other side closed the connection");
        events->ended(owner, STREAM_END_CLOSED, "the other side closed the connection");
    } else {
        events->ended(owner, item->end, item->why);
    }
}

static void deliver_item(struct side *side, const struct item *item)
{
    const struct stream_events *events = side->stream.events;
    void *owner = side->stream.owner;
    switch (item->kind) {
    case ITEM_ACCEPT:
        accept_pair(side->pair);
        break;
    case ITEM_OPENED:
        if (events->opened != NULL) {
            events->opened(owner);
        }
        break;
    case ITEM_BYTES: {
        events->received(owner, item->bytes, item->size);
        struct side *sender = other_side(side);
        bool drained =
            side->first == NULL && !sender->finished && sender->stream.events->drained != NULL;
        if (drained) {
            sender->stream.events->drained(sender->stream.owner);
        }
        break;
    }
    case ITEM_FINISHED:
    case ITEM_END:
        deliver_end(side, item);
        break;
    }
}

static void deliver(void *owner)
{
    struct side *side = owner;
    struct pair *pair = side->pair;
    struct world *world = pair->network->world;
    pair->delivering++;
    /* One item an event: what else is due at this instant gets its turn between two. */
    struct item *item = side->first;
    side->first = item->next;
    if (side->first == NULL) {
        side->last = NULL;
    } else {
        world_arm(world, &side->timer, side->first->due_us);
    }
    deliver_item(side, item);
    free(item);
    pair->delivering--;
    free_pair_if_over(pair);
}

static void memory_send(struct stream *stream, const char *bytes, size_t size)
{
    struct side *side = (struct side *)stream;
    assert(!side->finished && !side->silent);
    struct side *to = other_side(side);
    if (size > 0 && !to->finished) {
        post(to, ITEM_BYTES, bytes, size);
    }
}

static void leave(struct stream *stream, enum stream_end end, const char *why)
{
    struct side *side = (struct side *)stream;
    struct side *to = other_side(side);
    assert(!side->finished);
    finish(side);
    if (to->stream.events == NULL && to == &side->pair->sides[1] && !to->finished) {
        finish(to); /* it never reached the listener, and with it goes what was sent */
    } else if (side->ready_us > side->pair->network->world->now_us && !to->finished) {
        /* Given up before it was open: what waited for that never leaves. */
        side->ready_us = 0;
        drop_items(to);
        world_cancel(side->pair->network->world, &to->timer);
    }
    post_end(to, end, why);
    free_pair_if_over(side->pair);
}

static void memory_close(struct stream *stream)
{
    leave(stream, STREAM_END_CLOSED, "the other side closed the connection");
}

static void memory_reset(struct stream *stream)
{
    leave(stream, STREAM_END_RESET, "the other side reset the connection");
}

static void memory_finish(struct stream *stream)
{
    struct side *side = (struct side *)stream;
    struct side *to = other_side(side);
    assert(!side->finished && !side->silent);
    side->silent = true;
    if (!to->finished) {
        post(to, ITEM_FINISHED, NULL, 0);
    }
}

static void memory_hold(struct stream *stream, bool held)
{
    struct side *side = (struct side *)stream;
    struct world *world = side->pair->network->world;
    side->held = held;
    if (held) {
        world_cancel(world, &side->timer);
    } else if (side->first != NULL && !timer_armed(&side->timer)) {
        world_arm(world, &side->timer, side->first->due_us);
    }
}

static const struct stream_class memory_stream_class = {.send = memory_send,
                                                        .close = memory_close,
                                                        .reset = memory_reset,
                                                        .finish = memory_finish,
                                                        .hold = memory_hold};

static struct stream *memory_connect(struct network *face, const struct endpoint *to,
                                     const struct stream_events *events, void *owner)
{
    struct memory_network *network = (struct memory_network *)face;
    struct pair *pair = memory_new(sizeof *pair);
    pair->network = network;
    pair->host = find_host(network, to->host, true);
    pair->port = endpoint_port(to);
    pair->next = network->pairs;
    if (pair->next != NULL) {
        pair->next->previous = pair;
    }
    network->pairs = pair;
    network->connections++;
    snprintf(pair->peer, sizeof pair->peer, "memory:%u", network->connections);
    for (size_t i = 0; i < 2; i++) {
        struct side *side = &pair->sides[i];
        side->stream = (struct stream){.class = &memory_stream_class,
                                       .id = network->connections,
                                       .tls = to->tls,
                                       .peer = pair->peer};
        side->pair = pair;
        timer_init(&side->timer, deliver, side);
    }
    pair->sides[0].stream.events = events;
    pair->sides[0].stream.owner = owner;
    pair->sides[0].ready_us =
        network->world->now_us + network->latency_us[0] + network->latency_us[1];
    post(&pair->sides[1], ITEM_ACCEPT, NULL, 0);
    return &pair->sides[0].stream;
}

static struct listener *memory_listen(struct network *face, struct endpoint *at,
                                      network_accept *accept, void *owner, struct error *error)
{
    struct memory_network *network = (struct memory_network *)face;
    struct host *host = find_host(network, at->host, true);
    if (at->port == 0) {
        uint16_t first = network->next_port;
        while (find_listener(host, network->next_port) != NULL) {
            network->next_port = network->next_port == UINT16_MAX
                                     ? FIRST_FREE_PORT
                                     : (uint16_t)(network->next_port + 1);
            if (network->next_port == first) {
                error_set(error, "%s: no free port is left", at->host);
                return NULL;
            }
        }
        at->port = network->next_port;
        network->next_port =
            network->next_port == UINT16_MAX ? FIRST_FREE_PORT : (uint16_t)(network->next_port + 1);
    }
    if (find_listener(host, at->port) != NULL) {
        error_set(error, "%s:%u is in use", at->host, (unsigned)at->port);
        return NULL;
    }
    struct listener *listener = memory_new(sizeof *listener);
    *listener = (struct listener){.next = host->listeners,
                                  .host = host,
                                  .accept = accept,
                                  .owner = owner,
                                  .port = at->port,
                                  .tls = at->tls};
    host->listeners = listener;
    host->known = true;
    return listener;
}

static void memory_unlisten(struct network *face, struct listener *listener)
{
    (void)face;
    struct listener **link = &listener->host->listeners;
    while (*link != listener) {
        link = &(*link)->next;
    }
    *link = listener->next;
    free(listener);
}

static const struct network_class memory_network_class = {
    .connect = memory_connect, .listen = memory_listen, .unlisten = memory_unlisten};

struct memory_network *memory_network_new(struct world *world)
{
    struct memory_network *network = memory_new(sizeof *network);
    network->face.class = &memory_network_class;
    network->world = world;
    network->next_port = FIRST_FREE_PORT;
    return network;
}

void memory_network_destroy(struct memory_network *network)
{
    for (struct pair *pair = network->pairs, *next; pair != NULL; pair = next) {
        next = pair->next;
        assert(pair->delivering == 0);
        finish(&pair->sides[0]);
        finish(&pair->sides[1]);
        free_pair_if_over(pair);
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (network->hosts[i] != NULL) {
            struct host *host = network->hosts[i];
            network->hosts[i] = host->next;
            for (struct listener *listener = host->listeners, *next; listener != NULL;
                 listener = next) {
                next = listener->next;
                free(listener);
            }
            free(host);
        }
    }
    free(network);
}

struct network *memory_network_face(struct memory_network *network)
{
    return &network->face;
}

void memory_network_set_latency(struct memory_network *network, int64_t to_listener_us,
                                int64_t to_connector_us)
{
    assert(to_listener_us >= 0 && to_connector_us >= 0);
    network->latency_us[1] = to_listener_us;
    network->latency_us[0] = to_connector_us;
}

void memory_network_fail_host(struct memory_network *network, const char *host, enum stream_end end)
{
    struct host *entry = find_host(network, host, true);
    entry->fails = true;
    entry->failure = end;
}

void memory_network_heal_host(struct memory_network *network, const char *host)
{
    find_host(network, host, true)->fails = false;
}
