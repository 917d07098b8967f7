/* Rules about transport and registration: connect-sdk.md 13.1, 13.2. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/world.h"

#define SLICE(slice) (int)(slice).size, (slice).bytes == NULL ? "" : (slice).bytes

enum { ANSWER_TIME_S = 10, DAY_S = 86400 };

/* ---- 13.1 ---- */

void judge_trp_01(struct sight *sight)
{
    static const char json[] = "application/json";
    struct slice type = sight->headers[HEADER_CONTENT_TYPE];
    struct slice method = sight->request->method;
    bool posted = slice_is(method, "POST");
    bool typed = type.size >= sizeof json - 1 && memcmp(type.bytes, json, sizeof json - 1) == 0;
    verdict(sight, posted && typed && !sight->body_bad,
            "POST, Content-Type application/json, a JSON object", "%.*s, %.*s, %s", SLICE(method),
            SLICE(type), sight->body_bad ? "no object" : "an object");
}

void judge_trp_02(struct sight *sight)
{
    const char *known = sight->subject->fingerprint;
    struct slice told = sight->headers[HEADER_FINGERPRINT];
    if (known == NULL && told.size == 0) {
        return;
    }
    verdict(sight, known == NULL || slice_is(told, known), "the Fingerprint told before", "%s%.*s",
            told.size == 0 ? "none" : "", SLICE(told));
}

void judge_trp_03(struct sight *sight)
{
    struct slice token = sight->headers[HEADER_TOKEN];
    const char *issued = sight->subject->token;
    bool good = token.size > 0 && (issued == NULL || slice_is(token, issued));
    verdict(sight, good, "the Token that was issued", "%s",
            token.size == 0 ? "no Token" : "another Token");
}

void judge_trp_04(struct sight *sight)
{
    bool none = sight->headers[HEADER_TOKEN].size == 0;
    bool before = sight->subject->registration_seen && sight->subject->token == NULL;
    verdict(sight, !none && !before, "no telemetry and no event before the token was issued",
            "%.*s %s", SLICE(sight->request->target), none ? "without Token" : "with some Token");
}

void judge_trp_05(struct sight *sight)
{
    struct slice stamp = sight->headers[HEADER_TIMESTAMP];
    const struct contract_settings *settings = &sight->contract->settings;
    double now = (double)(settings->epoch_us + sight->time_us) / 1e6;
    bool near = settings->ignore_clock || fabs(sight->stamp - now) < DAY_S;
    verdict(sight, !isnan(sight->stamp) && near,
            "a decimal number of epoch seconds within a day of now", "\"%.*s\" at %.1f",
            SLICE(stamp), now);
}

static bool dotted_or_none(struct slice type)
{
    if (slice_is(type, "None")) {
        return true;
    }
    int dots = 0;
    for (size_t i = 0; i < type.size; i++) {
        dots += type.bytes[i] == '.';
        if (type.bytes[i] != '.' && (type.bytes[i] < '0' || type.bytes[i] > '9')) {
            return false;
        }
    }
    return dots == 2;
}

void judge_trp_06(struct sight *sight)
{
    static const char sdk[] = "Prusa-Connect-SDK-Printer/";
    struct slice agent = sight->headers[HEADER_USER_AGENT],
                 type = sight->headers[HEADER_USER_AGENT_PRINTER];
    struct slice version = sight->headers[HEADER_USER_AGENT_VERSION];
    bool good = agent.size > sizeof sdk - 1 && memcmp(agent.bytes, sdk, sizeof sdk - 1) == 0;
    verdict(sight, good && type.size > 0 && dotted_or_none(type) && version.size > 0,
            "Prusa-Connect-SDK-Printer/<version>, the dotted type, a version",
            "\"%.*s\", \"%.*s\", \"%.*s\"", SLICE(agent), SLICE(type), SLICE(version));
}

/* A jump shows as Timestamps that run ahead of the time of arrival more than before; being late in
 * the queue only ever makes them fall behind. So only jumps forward are seen without the header. */
void judge_trp_07(struct sight *sight)
{
    struct subject *subject = sight->subject;
    struct slice adjusted = sight->headers[HEADER_CLOCK_ADJUSTED];
    bool number = !isnan(sight->stamp);
    double offset = sight->stamp - (double)sight->time_us / 1e6;
    bool jumped = number && !isnan(subject->clock_offset) && offset > subject->clock_offset + 1.3;
    if (adjusted.bytes != NULL) {
        verdict(sight, slice_is(adjusted, "1") && !subject->adjusted_last,
                "Clock-Adjusted: 1 on one request, absent on the next", "\"%.*s\"%s",
                SLICE(adjusted), subject->adjusted_last ? " again" : "");
    } else if (jumped && (sight->kind & SEE_POLL) == 0) {
        verdict(sight, subject->since_adjusted < 8, "Clock-Adjusted: 1 at a jump of the clock",
                "a jump by %.1f s without it", offset - subject->clock_offset);
    }
    if (number && (isnan(subject->clock_offset) || offset > subject->clock_offset ||
                   adjusted.bytes != NULL)) {
        subject->clock_offset = offset;
    }
}

void judge_trp_08(struct sight *sight)
{
    const cJSON *stamp = cJSON_GetObjectItem(sight->body, "timestamp"); /* in any case of letters */
    verdict(sight, stamp == NULL, "no timestamp in the body", "the key \"%s\"",
            stamp == NULL ? "" : stamp->string);
}

void judge_trp_09(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    int64_t bound_us = SECONDS(ANSWER_TIME_S), slack_us = tolerance(sight) + SECONDS(1);
    if ((sight->kind & SEE_UNANSWERED) != 0) {
        int64_t waited_us = sight->time_us - sight->asked->time_us;
        if (sight->by_printer && sight->asked->kind != 0) {
            verdict(sight,
                    waited_us > bound_us - tolerance(sight) && waited_us < bound_us + slack_us,
                    "the request is given up after 10 s", "given up after %.3f s",
                    (double)waited_us / 1e6);
        }
        return;
    }
    int64_t since_us = subject->open_us < 0 ? 0 : sight->time_us - subject->open_us;
    if (since_us > bound_us - tolerance(sight) && (sight->kind & SEE_REGISTER) == 0) {
        verdict(sight, since_us < bound_us + slack_us, "the next item 10 s after the silent one",
                "after %.3f s", (double)since_us / 1e6);
    }
}

void judge_trp_10(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (subject->lost_us < 0 || sight->time_us - subject->lost_us > SECONDS(60)) {
        return;
    }
    struct slice stamp = sight->headers[HEADER_TIMESTAMP];
    uint64_t hash = contract_hash(CONTRACT_HASH_START, stamp.bytes, stamp.size);
    hash = contract_hash(hash, sight->request->body.bytes, sight->request->body.size);
    verdict(sight, hash != subject->lost_hash, "an item that failed does not come back",
            "the same body and Timestamp again");
}

void judge_trp_11(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    bool open = subject->open_us >= 0;
    int64_t since_us = open ? sight->time_us - subject->open_us : 0;
    if (subject == sight->contract->nobody) {
        return;
    }
    verdict(sight, !open || since_us >= SECONDS(ANSWER_TIME_S) - tolerance(sight),
            "one request of the queue at a time",
            "another one %.3f s after the one on connection %u, which is unanswered",
            (double)since_us / 1e6, subject->open_connection);
}

void judge_trp_12(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (subject->refused_us < 0) {
        return;
    }
    int64_t since_us = sight->time_us - subject->refused_us;
    bool alive = subject->seen_us > subject->refused_us;
    if ((sight->kind & SEE_TELEMETRY) == 0 && (since_us < SECONDS(6) || !alive)) {
        return; /* FINISH too early to tell, or it may have been switched off */
    }
    struct slice token = sight->request == NULL ? (struct slice){0} : sight->headers[HEADER_TOKEN];
    bool kept = sight->request == NULL ||
                (token.size > 0 && subject->token != NULL && slice_is(token, subject->token));
    verdict(sight, (sight->kind & SEE_TELEMETRY) != 0 && since_us < SECONDS(6) && kept,
            "telemetry goes on at its pace with the same token", "after status %d: %s %.3f s later",
            subject->refused_status,
            sight->kind == SEE_FINISH ? "none" : (kept ? "the next one" : "another token"),
            (double)since_us / 1e6);
}

void judge_trp_13(struct sight *sight)
{
    if ((sight->kind & SEE_REQUEST) != 0) { /* of silence only the next request tells */
        int64_t open_us = sight->subject->open_us;
        if (open_us >= 0 && sight->time_us - open_us >= SECONDS(ANSWER_TIME_S) - tolerance(sight)) {
            verdict(sight, false, "an answer in less than 10 s", "none before the next request");
        }
        return;
    }
    int64_t waited_us = sight->time_us - sight->asked->time_us;
    bool open_at_end = (sight->kind & SEE_OPEN) != 0;
    if (!sight->asked->to_p || (open_at_end && waited_us < SECONDS(ANSWER_TIME_S))) {
        return;
    }
    bool silent = open_at_end || ((sight->kind & SEE_UNANSWERED) != 0 && sight->by_printer);
    verdict(sight, waited_us < SECONDS(ANSWER_TIME_S) - (silent ? tolerance(sight) : 0),
            "an answer in less than 10 s", "%s after %.3f s", silent ? "none, given up" : "it came",
            (double)waited_us / 1e6);
}

void judge_trp_14(struct sight *sight)
{
    if (sight->asked->to_p) {
        verdict(sight, sight->reply->status / 100 != 3, "no redirect", "status %d",
                sight->reply->status);
    }
}

void judge_trp_15(struct sight *sight)
{
    bool token_needed = sight->asked->kind == SEE_TELEMETRY || sight->asked->kind == SEE_EVENT;
    if (sight->asked->noisy && token_needed) { /* a registration is refused for many reasons */
        verdict(sight, sight->reply->status != 400 && sight->reply->status != 422,
                "a Timestamp with float noise is accepted", "status %d", sight->reply->status);
    }
}

void judge_trp_16(struct sight *sight)
{
    const struct http_message *reply = sight->reply;
    if (sight->asked->kind == SEE_TELEMETRY && reply->status / 100 == 2) {
        verdict(sight, reply->status != 200 || reply->body.size > 0, "204, or a command",
                "200 with an empty body");
    }
}

/* ---- 13.2 ---- */

void judge_reg_01(struct sight *sight)
{
    static const char *const keys[] = {"sn", "fingerprint", "printer_type", "firmware"};
    const char *missing = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]) == NULL) {
            missing = keys[i];
        }
    }
    verdict(sight, !sight->body_bad && missing == NULL,
            "a JSON object with sn, fingerprint, printer_type, firmware", "%s is missing",
            or_none(missing));
}

void judge_reg_02(struct sight *sight)
{
    const cJSON *object = (sight->kind & SEE_REGISTER) != 0 ? sight->body : sight->data;
    const char *sn = text_of(object, "sn"), *told = text_of(object, "fingerprint");
    if (sn == NULL || told == NULL) {
        return;
    }
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[2 * SHA256_DIGEST_LENGTH + 1];
    SHA256((const unsigned char *)sn, strlen(sn), digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
    verdict(sight, strcmp(text, told) == 0, "the SHA-256 of sn", "%s for %s", told, sn);
}

void judge_reg_03(struct sight *sight)
{
    static const char *const types[] = {"1.2.5", "1.2.6", "1.3.0", "1.3.1", "5.1.0",
                                        "5.1.1", "5.2.0", "6.1.0", NULL};
    char told[64] = "";
    if ((sight->kind & SEE_REGISTER) != 0) {
        const char *type = text_of(sight->body, "printer_type");
        if (text_of(sight->body, "fingerprint") == NULL) {
            return; /* a printer that does not know itself yet (3.2) */
        }
        verdict(sight, one_of(type, types), "a type of connect-sdk.md 2.1", "%s", or_none(type));
        return;
    }
    if (!same(sight->event, "INFO") || whole_of(sight->data, "type", -1) < 0) {
        return;
    }
    snprintf(told, sizeof told, "%lld.%lld.%lld", (long long)whole_of(sight->data, "type", -1),
             (long long)whole_of(sight->data, "version", -1),
             (long long)whole_of(sight->data, "subversion", -1));
    const char *registered = sight->subject->type;
    bool agrees =
        registered == NULL || strcmp(registered, told) == 0 || strcmp(registered, "None") == 0;
    verdict(sight, one_of(told, types) && agrees, "the printer_type of the registration",
            "%s in INFO, %s at registration", told, or_none(registered));
}

void judge_reg_04(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if ((sight->kind & SEE_FINISH) != 0) {
        if (subject->registration == REG_CODE && subject->code_us >= 0 &&
            sight->time_us - subject->code_us > SECONDS(12)) {
            verdict(sight, subject->pending_us >= 0 || subject->seen_us > subject->code_us,
                    "a poll after the code", "none");
        }
        return;
    }
    if (subject->code == NULL) {
        return;
    }
    struct slice code = sight->headers[HEADER_CODE];
    verdict(sight, slice_is(code, subject->code) && sight->request->body.size == 0,
            "GET with the Code that was given and no body", "%s, %zu bytes of body",
            code.size == 0                  ? "no Code"
            : slice_is(code, subject->code) ? "the Code"
                                            : "another Code",
            sight->request->body.size);
}

void judge_reg_05(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (subject->pending_us < 0) {
        return;
    }
    int64_t since_us = sight->time_us - subject->pending_us;
    if ((sight->kind & SEE_POLL) != 0) {
        verdict(sight, since_us >= SECONDS(1) - tolerance(sight) / 4,
                "the next poll at least 1 s after the 202", "%.3f s after it",
                (double)since_us / 1e6);
    } else if (since_us > SECONDS(15) && subject->pending_us - subject->code_us < SECONDS(1799)) {
        verdict(sight, false, "another poll after the 202", "none for %.1f s",
                (double)since_us / 1e6);
    }
}

void judge_reg_06(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (subject->registration != REG_DONE) {
        return;
    }
    if ((sight->kind & SEE_POLL) != 0) {
        verdict(sight, false, "no more polls with the token", "GET /p/register");
        return;
    }
    verdict(sight, slice_is(sight->headers[HEADER_TOKEN], subject->token),
            "the new token on every request", "another one");
}

void judge_reg_07(struct sight *sight)
{
    bool failed = sight->subject != NULL && sight->subject->registration == REG_POLL_FAILED;
    if ((sight->kind & SEE_REPLY) != 0) {
        int status = sight->reply->status;
        if (sight->asked->kind == SEE_POLL && status != 200 && status != 202) {
            verdict(sight, true, "", "%s", "");
        }
    } else if (failed) {
        verdict(sight, false, "no poll before the next POST /p/register", "GET /p/register");
    }
}

void judge_reg_08(struct sight *sight)
{
    if ((sight->kind & SEE_REPLY) != 0) {
        if (sight->asked->kind == SEE_REGISTER && sight->reply->status != 200) {
            verdict(sight, true, "", "%s", "");
        }
    } else if (sight->subject->registration == REG_REFUSED) {
        verdict(sight, false, "no poll after a refused registration", "GET /p/register");
    }
}

void judge_reg_09(struct sight *sight)
{
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_REGISTER && status / 100 == 2) {
        bool code = http_header_value(sight->reply, "Code").size > 0;
        verdict(sight, status == 200 && code, "200 with a Code", "%d %s a Code", status,
                code ? "with" : "without");
    }
}

void judge_reg_10(struct sight *sight)
{
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_POLL && status / 100 == 2) {
        bool token = http_header_value(sight->reply, "Token").size > 0;
        verdict(sight, status == 202 || (status == 200 && token), "202, or 200 with a Token",
                "%d %s a Token", status, token ? "with" : "without");
    }
}

void judge_reg_11(struct sight *sight)
{
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_POLL) {
        verdict(sight, status < 500 && status != 429 && status != 408, "202 while overloaded",
                "status %d", status);
    }
}
