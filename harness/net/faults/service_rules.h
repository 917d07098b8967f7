#ifndef HOTBED_NET_FAULTS_SERVICE_RULES_H
#define HOTBED_NET_FAULTS_SERVICE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/wire/http.h"

/* What a fault of service_faults.h is, read from its text. */

enum service_verb {
    VERB_STATUS,
    VERB_SET_HEADER,
    VERB_DROP_HEADER,
    VERB_REPLACE,
    VERB_REPLACE_HEAD,
    VERB_BODY,
    VERB_CUT,
    VERB_DELAY,
    VERB_SILENCE,
    VERB_HANG_UP,
    VERB_KEEP,
    VERB_ANSWER,
    VERB_SET_REQUEST_HEADER,
    VERB_DROP_REQUEST_HEADER,
    VERB_REPLACE_TARGET,
    VERB_METHOD,
    VERB_COUNT,
};

struct service_rule {
    struct service_rule *next;
    enum service_verb verb;
    char *method, *target; /* method NULL: any; target may end in '*' */
    unsigned from, to;     /* the how-manieth such request; 0: any */
    unsigned seen;
    int status; /* only replies of that status; 0: any */
    char *name, *value;
    uint64_t number;
    int64_t delay_us;
};

struct service_rule *service_rule_parse(const char *text,
                                        struct error *error); /* NULL with the reason */
void service_rule_free(struct service_rule *rule);
bool service_rule_fits(struct service_rule *rule, struct slice method,
                       struct slice target); /* counts the match */

#endif
