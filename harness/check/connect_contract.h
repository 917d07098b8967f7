#ifndef HOTBED_CHECK_CONNECT_CONTRACT_H
#define HOTBED_CHECK_CONNECT_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* Judges a conversation between printers and a Connect server against connect-sdk.md 13.1 to 13.8,
 * from what is seen of it: requests, replies, ends of connections and their times. It does not take
 * part. Live traffic, replays and recorded captures are all the same to it. Per printer and
 * connection; a message that says nothing new costs no allocation.
 *
 * Buddy printers are recognised by what they send. They, and the server towards them, are bound by
 * those rules only that connect-buddy.md has as well. */

enum contract_side { CONTRACT_PRINTER, CONTRACT_SERVER };

enum contract_kind {
    CONTRACT_KIND_CONTRACT, /* M: a violation is a failure */
    CONTRACT_KIND_FIDELITY, /* F: differs from the reference; a warning */
    CONTRACT_KIND_QUIRK,    /* Q: shows a known defect of the reference; never required */
};

const char *contract_side_name(enum contract_side side); /* "printer" */
const char *contract_kind_name(enum contract_kind kind); /* "contract" */

struct contract_rule {
    const char *id; /* "CON-TEL-02" */
    enum contract_side side;
    enum contract_kind kind;
    const char *text; /* the requirement as one sentence */
};

size_t contract_rule_count(void);
const struct contract_rule *contract_rule(size_t index); /* in the order of connect-sdk.md 13 */
const struct contract_rule *
contract_rule_find(const char *id); /* NULL: none, or it cannot be seen from outside */

enum { CONTRACT_VIOLATIONS_KEPT = 8 };

struct contract_violation {
    int64_t time_us;
    uint32_t connection;
    uint32_t printer;      /* number in the order of appearing, from 1 */
    char *expected, *seen; /* for a person */
};

struct contract_result {
    const struct contract_rule *rule;
    uint64_t
        exercised; /* how often something was seen that the rule judges; 0: nothing can be said */
    uint64_t violated;
    struct contract_violation violations[CONTRACT_VIOLATIONS_KEPT]; /* the first ones */
};

/* What is known beforehand; zeroed is fine. */
struct contract_settings {
    bool prusalink; /* a PrusaLink, not a bare SDK: its pace, texts and states are judged too */
    bool started_before; /* the conversation is joined in its middle: first values are taken as they
                            come */
    bool ignore_clock; /* the wall clock of the recording is not known: `Timestamp` is not compared
                          with it */
    bool initialised_later; /* the printer may talk before it knows itself */
    int64_t epoch_us;       /* wall clock (Unix, µs) at time 0 */
    int64_t tolerance_us;   /* for every time bound; 0: 100 ms */
};

struct contract;

struct contract *contract_new(const struct contract_settings *settings);
void contract_destroy(struct contract *contract);

/* What is seen, in the order of time. `connection` is any number that is unique among open
 * connections. Messages are complete ones; a message that is no HTTP at all is shown by
 * contract_garbage(). */
void contract_request(struct contract *contract, int64_t time_us, uint32_t connection,
                      const struct http_message *request);
void contract_reply(struct contract *contract, int64_t time_us, uint32_t connection,
                    const struct http_message *reply);
/* A frame of a WebSocket. The messages in it are shown as requests and replies as well
 * (sim/protocol/connect/ws_told.h), its end by contract_ended(). */
struct websocket_frame;
void contract_frame(struct contract *contract, int64_t time_us, uint32_t connection,
                    bool by_printer, const struct websocket_frame *frame);
void contract_ended(struct contract *contract, int64_t time_us, uint32_t connection,
                    bool by_printer);
/* The reply to the open request was no HTTP or was cut. */
void contract_garbage(struct contract *contract, int64_t time_us, uint32_t connection);
/* Nothing more will be seen: judges what was still expected. May be called once. */
void contract_finish(struct contract *contract, int64_t time_us);

/* Somebody who wants to hear of violations at once; NULL takes it away. */
void contract_on_violation(struct contract *contract,
                           void (*violated)(void *owner, const struct contract_result *result,
                                            const struct contract_violation *violation),
                           void *owner);

/* Results in the order of the rules. */
const struct contract_result *contract_results(const struct contract *contract, size_t *count);
const struct contract_result *contract_result(const struct contract *contract,
                                              const char *id); /* NULL: no such rule */
/* Whether the printer with this token talks as connect-buddy.md has it; false too while it has said
 * nothing. */
bool contract_is_buddy(const struct contract *contract, const char *token);
/* Violations of one side and kind in all. */
uint64_t contract_violated(const struct contract *contract, enum contract_side side,
                           enum contract_kind kind);
/* A summary for a person, one line per rule that was exercised or violated. */
void contract_report(const struct contract *contract, bool violations_only, struct buffer *out);

/* The judge as an observer of a mock server; or feed it by hand. */
struct connect_server;
struct contract_tap;
struct contract_tap *contract_tap_new(struct contract *contract, struct connect_server *server);
void contract_tap_destroy(struct contract_tap *tap); /* before the server */

#endif
