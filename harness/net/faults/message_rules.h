#ifndef HOTBED_NET_FAULTS_MESSAGE_RULES_H
#define HOTBED_NET_FAULTS_MESSAGE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/wire/http.h"

/* Which request a message fault means, and what it does to it (message_faults.h has the grammar).
 */

enum fault_verb {
    FAULT_VERB_DROP_JSON,
    FAULT_VERB_SET_JSON,
    FAULT_VERB_DROP_HEADER,
    FAULT_VERB_SET_HEADER,
    FAULT_VERB_BODY,
    FAULT_VERB_METHOD,
    FAULT_VERB_TARGET,
    FAULT_VERB_DROP,
    FAULT_VERB_TWICE,
    FAULT_VERB_OVERLAP,
    FAULT_VERB_RESEND,
    FAULT_VERB_DELAY,
    FAULT_VERB_INSERT,
    /* in a WebSocket only */
    FAULT_VERB_UNMASK,
    FAULT_VERB_RESERVED,
    FAULT_VERB_FRAMES,
    FAULT_VERB_CHUNK,
    FAULT_VERB_COUNT,
};

enum fault_subject {
    FAULT_ANY,
    FAULT_REGISTER,
    FAULT_POLL,
    FAULT_TELEMETRY,
    FAULT_EVENT,
    FAULT_FILE,    /* GET of a file to download */
    FAULT_CAMERA,  /* POST /p/camera */
    FAULT_PICTURE, /* PUT /c/snapshot */
    FAULT_UPGRADE, /* GET /p/ws */
    FAULT_PING,    /* in a WebSocket */
    FAULT_PONG,
    FAULT_SUBJECT_COUNT,
};

struct message_rule {
    struct message_rule *next;
    enum fault_verb verb;
    enum fault_subject subject;
    char *event;   /* name of the event; NULL: each */
    uint64_t only; /* the N-th match alone; 0: each */
    uint64_t seen; /* matches so far */
    char *name;    /* header, JSON path, method; NULL where the verb has none */
    char *value;   /* header value, JSON text, target, body */
    int64_t delay_us;
    uint64_t chunk_bytes;
};

struct fault_verb_form {
    const char *name, *form, *help;
};
extern const struct fault_verb_form fault_verb_forms[FAULT_VERB_COUNT];

struct message_rule *message_rule_parse(const char *text,
                                        struct error *error); /* NULL with the reason */
void message_rule_destroy(struct message_rule *rule);
/* Counts the match. */
bool message_rule_matches(struct message_rule *rule, const struct http_message *request);

/* The same of what is no message: a frame of the rule's own subject. */
bool message_rule_counts(struct message_rule *rule);
struct request_edit;
/* What the verb changes in the message itself. */
void message_rule_edit(const struct message_rule *rule, struct request_edit *request);

#endif
