#ifndef HOTBED_TESTS_GOLDEN_LINK_PLAY_H
#define HOTBED_TESTS_GOLDEN_LINK_PLAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include "harness/net/memory.h"
#include "sim/base/buffer.h"
#include "sim/machine/model.h"
#include "sim/printer/printer.h"

/* The client's side of a capture of prusalink-server, played to a virtual printer of ours in
 * virtual time: the same bytes at the same distances, each in the same state of the printer, with
 * the nonces of ours in the place of the captured ones. */

enum link_event_kind {
    LINK_SENT,
    LINK_ANSWERED,
    LINK_OPENED,
    LINK_CLOSED,
    LINK_WAS_RESET,
    LINK_REFUSED
};

struct link_event {
    enum link_event_kind kind;
    int64_t time_us;
    unsigned connection;
    unsigned line; /* of the file */
    struct buffer
        bytes; /* of a message: with CRLF in its head and the body as far as it is known */
    size_t head_size;
    /* The body is only named: so many bytes with this sum. */
    bool named;
    size_t body_size;
    char sha256[65];
};

struct link_capture {
    char *name; /* "20-upload-put.txt" */
    struct link_event *events;
    size_t count;
    int64_t wall_us; /* of its first answer with a date */
};

bool link_capture_load(struct link_capture *capture, const char *path);
void link_capture_free(struct link_capture *capture);

struct link_player;

/* What is seen of an answer: `ours` is what came by then. */
typedef void link_compare(void *owner, const struct link_capture *capture,
                          const struct link_event *event, struct slice ours);

/* The printer has had `jobs` jobs before. */
struct link_player *link_player_new(int64_t wall_us, uint32_t jobs);
void link_player_destroy(struct link_player *player);
void link_player_restart(struct link_player *player); /* of the printer's program */
void link_player_play(struct link_player *player, const struct link_capture *capture,
                      link_compare *compare, void *owner);
void link_player_wait(struct link_player *player, int64_t us);
struct printer *link_player_printer(struct link_player *player);

#endif
