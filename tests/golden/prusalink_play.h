#ifndef HOTBED_TESTS_GOLDEN_PRUSALINK_PLAY_H
#define HOTBED_TESTS_GOLDEN_PRUSALINK_PLAY_H

#include "harness/net/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/link/link.h"
#include "sim/wire/http_server.h"
#include "tests/golden/capture.h"
#include "tests/golden/prusalink_messages.h"

/* The server's side of a capture of connect-prusalink, played to a printer of ours in virtual time:
 * each reply that says more than "nothing to say" answers the same kind of request, at the same
 * distance from the end of the command before, and in a print not before the same progress. */

struct prusalink_play {
    const char *number; /* of the capture */
    bool empty;         /* its local storage is */
    struct capture capture;
    struct prusalink_messages theirs, ours;
    size_t *replies; /* entries that are more than a 204 */
    enum prusalink_message_kind *kinds;
    size_t reply_count, next_reply, next_note;
    int64_t anchor_us; /* our time of the capture's beginning */
    bool playing;
    char running[32]; /* id of the command that runs; "": none */
    bool state_asked;
    int64_t running_end_us; /* of its end in the capture */

    struct world world;
    struct memory_network *network;
    struct http_server *server;
    struct model model;
    struct machine *machine;
    struct connect_face_settings settings;
    struct connect_face *face;

    struct link_settings link_settings; /* PrusaLink's own web interface, if somebody uses it */
    struct link_face *link;
    struct http_server *link_server;
    struct stream *web;
    struct timer web_timer;
    size_t web_sent;
};

/* Plays it until ours has said as much as theirs and as long after the last command; skips the test
 * when the capture is not there. `warm_up_s`: for how long ours is on before. */
void prusalink_play_begin(struct prusalink_play *play, const char *number, const char *file,
                          uint32_t job_counter, const char *token, double warm_up_s);
void prusalink_play_end(struct prusalink_play *play);

#endif
