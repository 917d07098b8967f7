#ifndef HOTBED_TESTS_GOLDEN_REPLAY_H
#define HOTBED_TESTS_GOLDEN_REPLAY_H

#include "harness/net/memory.h"
#include "sim/base/world.h"
#include "tests/golden/capture.h"

/* The server's side of a capture, played to a printer over the network in memory: the k-th request
 * that comes is answered as the k-th of the capture was, after the same delay, with the same bytes;
 * resets, closes and silences come where they came. What the printer sent is kept for comparison.
 */

struct replay_request {
    char *bytes;
    size_t size;
    int64_t time_us;
    unsigned connection; /* in the order of their opening, from 1 */
};

struct replay_connection;

/* A body that the capture tells of but does not show: so many bytes in pieces of 10000, each after
 * the same time. */
struct replay_body {
    const char *capture; /* beginning of the file's name */
    unsigned connection; /* as the capture numbers it; 0: any */
    size_t bytes;
    int64_t piece_us;
};

struct replay {
    const struct replay_body *bodies;
    size_t body_count;
    const char *name; /* of the capture's file; NULL: no bodies */
    struct capture capture;
    struct world world;
    struct memory_network *network;
    struct listener *listener;
    struct listener *other; /* of another host that a download is fetched from; NULL: none */
    struct endpoint at;
    struct replay_connection *connections;
    unsigned connection_count;
    struct replay_request *requests;
    size_t count;
    size_t cursor; /* index in the capture of the request that comes next */
};

/* The world's wall clock is the recording's: it stands where all Timestamps of requests fit. */
bool replay_init(struct replay *replay, const char *capture_path, struct error *error);
void replay_free(struct replay *replay);
void replay_stop_listening(struct replay *replay); /* and close what is open */
void replay_listen(struct replay *replay);

/* When the item of a request was made: its own time, or earlier by its Timestamp when it waited. */
int64_t replay_made_us(const struct replay *replay, const struct capture_entry *request);

/* One way in which what is sent may differ from what was recorded, with the reason. */
enum replay_difference_kind {
    REPLAY_HEADER,  /* the value of this header */
    REPLAY_NUMBER,  /* the number behind this text in a body */
    REPLAY_MESSAGE, /* a whole message with this text in it */
    REPLAY_EXTRA,   /* this text is in what is sent and not in the record */
};
struct replay_difference {
    const char *capture; /* beginning of the file's name; "": all */
    enum replay_difference_kind kind;
    const char *text;
    const char *why;
};

/* Compare all that was sent with the record: number, order, connections, bytes and times.
 * `slack_us` is how far a message may be from its recorded time. False with the first difference.
 */
bool replay_compare(const struct replay *replay, const char *name,
                    const struct replay_difference *differences, size_t difference_count,
                    int64_t slack_us, struct error *error);

#endif
