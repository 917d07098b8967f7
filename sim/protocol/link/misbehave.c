/* Misbehaviours: which there are, which are on, and the layer between a front and a face where they
 * act. What they do to replies is misbehave_reply.c. */
#include "sim/protocol/link/misbehave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/dialect.h"
#include "sim/protocol/link/misbehave_internal.h"

/* ---- the table ---- */

#define LIST(ENTRY)                                                                                \
    ENTRY("stale", NULL, NULL,                                                                     \
          "Answers requests with credentials 401 with a new nonce and stale=true, every time",     \
          NO_ARGUMENT, DEED_NO_CREDENTIALS, spoil_stale, 0)                                        \
    ENTRY("expire", NULL, NULL,                                                                    \
          "Takes a nonce for stale that comes a second time after it was offered", NO_ARGUMENT,    \
          DEED_EXPIRE, spoil_stale, 0)                                                             \
    ENTRY("unauthorized", NULL, NULL, "Answers 401 whatever the credentials", NO_ARGUMENT,         \
          DEED_NO_CREDENTIALS, NULL, 0)                                                            \
    ENTRY("no-challenge", NULL, NULL, "Leaves WWW-Authenticate out of a 401", NO_ARGUMENT,         \
          DEED_NOTHING, spoil_no_challenge, 0)                                                     \
    ENTRY("no-nonce", NULL, NULL, "Challenges without a nonce", NO_ARGUMENT, DEED_NOTHING,         \
          spoil_no_nonce, 0)                                                                       \
    ENTRY("open", NULL, NULL, "Asks nobody for credentials", NO_ARGUMENT, DEED_LENIENT, NULL,      \
          LINK_LENIENT_OPEN)                                                                       \
    ENTRY("any-password", NULL, NULL, "Takes any digest response for right", NO_ARGUMENT,          \
          DEED_LENIENT, NULL, LINK_LENIENT_PASSWORD)                                               \
    ENTRY("key-prefix", NULL, NULL, "Takes part of the key, or more than it, for the key",         \
          NO_ARGUMENT, DEED_LENIENT, NULL, LINK_LENIENT_KEY)                                       \
    ENTRY("any-method", NULL, NULL, "Takes a response made for GET with other methods, too",       \
          NO_ARGUMENT, DEED_LENIENT, NULL, LINK_LENIENT_METHOD)                                    \
    ENTRY("status", "STATUS", "503", "Answers with this status and the body of the right answer",  \
          STATUS, DEED_NOTHING, spoil_status, 0)                                                   \
    ENTRY("replace", "STATUS:STATUS", NULL,                                                        \
          "Answers with the second status in place of the first", TWO_STATUSES, DEED_NOTHING,      \
          spoil_replace, 0)                                                                        \
    ENTRY("lie", "STATUS", "204", "Answers with this status and does nothing", STATUS, DEED_LIE,   \
          NULL, 0)                                                                                 \
    ENTRY("early", "STATUS", "503", "Refuses a request before its body is in", STATUS, DEED_EARLY, \
          NULL, 0)                                                                                 \
    ENTRY("cut", "BYTES", "1000", "Breaks the connection when so much of a body is in", WHOLE,     \
          DEED_CUT, NULL, 0)                                                                       \
    ENTRY("reset", NULL, NULL, "Breaks the connection instead of answering", NO_ARGUMENT,          \
          DEED_RESET, NULL, 0)                                                                     \
    ENTRY("close", NULL, NULL, "Closes the connection instead of answering", NO_ARGUMENT,          \
          DEED_CLOSE, NULL, 0)                                                                     \
    ENTRY("close-behind", NULL, NULL, "Closes the connection behind each reply, and says so",      \
          NO_ARGUMENT, DEED_NOTHING, spoil_close_behind, 0)                                        \
    ENTRY("silent", NULL, NULL, "Never answers", NO_ARGUMENT, DEED_SILENT, NULL, 0)                \
    ENTRY("garbage", "TEXT", "SSH-2.0-OpenSSH_9.2", "Answers with something that is no HTTP",      \
          TEXT, DEED_GARBAGE, NULL, 0)                                                             \
    ENTRY("late", "SECONDS", "11", "Answers that much later", SECONDS_TEXT, DEED_NOTHING,          \
          spoil_late, 0)                                                                           \
    ENTRY("slow", "BYTES", "100", "Sends replies at this many bytes a second", WHOLE,              \
          DEED_NOTHING, spoil_slow, 0)                                                             \
    ENTRY("half-body", NULL, NULL, "Sends half of a reply's body, then closes", NO_ARGUMENT,       \
          DEED_NOTHING, spoil_half_body, 0)                                                        \
    ENTRY("wrong-length", "BYTES", "7", "Announces a body that is longer by that many bytes",      \
          WHOLE, DEED_NOTHING, spoil_wrong_length, 0)                                              \
    ENTRY("endless-headers", "LINES", "50000", "Puts so many more lines into a head", WHOLE,       \
          DEED_NOTHING, spoil_endless_headers, 0)                                                  \
    ENTRY("broken-json", NULL, NULL, "Leaves out the last byte of JSON", NO_ARGUMENT,              \
          DEED_NOTHING, spoil_broken_json, 0)                                                      \
    ENTRY("not-object", NULL, NULL, "Answers with a JSON array where an object belongs",           \
          NO_ARGUMENT, DEED_NOTHING, spoil_not_object, 0)                                          \
    ENTRY("body", "TEXT", "<html></html>", "Puts this text in place of a reply's body", TEXT,      \
          DEED_NOTHING, spoil_body, 0)                                                             \
    ENTRY("drop-header", "NAME", NULL, "Leaves this header out of replies", HEADER_NAME,           \
          DEED_NOTHING, spoil_drop_header, 0)                                                      \
    ENTRY("set-header", "NAME: VALUE", NULL, "Puts this header into replies", HEADER_LINE,         \
          DEED_NOTHING, spoil_set_header, 0)                                                       \
    ENTRY("drop-key", "KEY", NULL, "Leaves members of this name out of JSON", KEY, DEED_NOTHING,   \
          spoil_drop_key, 0)                                                                       \
    ENTRY("null-key", "KEY", NULL, "Makes members of this name null", KEY, DEED_NOTHING,           \
          spoil_null_key, 0)                                                                       \
    ENTRY("retype-key", "KEY", NULL, "Makes numbers of this name strings, and strings bare words", \
          KEY, DEED_NOTHING, spoil_retype_key, 0)                                                  \
    ENTRY("set-key", "KEY:JSON", NULL, "Gives members of this name this value", KEY_AND_VALUE,     \
          DEED_NOTHING, spoil_set_key, 0)                                                          \
    ENTRY("rename-key", "KEY:NAME", NULL, "Gives members of this name another one", KEY_AND_VALUE, \
          DEED_NOTHING, spoil_rename_key, 0)                                                       \
    ENTRY("add-key", "KEY:JSON", "surprise:{\"deep\":[1]}",                                        \
          "Adds a member to the outermost object", KEY_AND_VALUE, DEED_NOTHING, spoil_add_key, 0)  \
    ENTRY("ignore-header", "NAME", NULL, "Takes no notice of this header of requests",             \
          HEADER_NAME, DEED_DROP_HEADER, NULL, 0)                                                  \
    ENTRY("assume-header", "NAME: VALUE", NULL, "Takes requests as if they had this header",       \
          HEADER_LINE, DEED_SET_HEADER, NULL, 0)                                                   \
    ENTRY("as-method", "METHOD", NULL, "Takes requests as if they had this method", TEXT,          \
          DEED_METHOD, NULL, 0)

#define PUBLIC_PART(name, argument, fallback, help, kind, deed, spoil, lenient)                    \
    {name, argument, fallback, help},
#define OWN_PART(name, argument, fallback, help, kind, deed, spoil, lenient)                       \
    {kind, deed, spoil, lenient},

static const struct link_misbehaviour public_list[] = {LIST(PUBLIC_PART)};
static const struct misbehaviour behaviours[] = {LIST(OWN_PART)};

enum { BEHAVIOUR_COUNT = sizeof behaviours / sizeof behaviours[0] };

const struct link_misbehaviour *link_misbehaviour_list(size_t *count)
{
    *count = BEHAVIOUR_COUNT;
    return public_list;
}

const struct link_misbehaviour *link_misbehaviour_find(const char *text)
{
    size_t size = strcspn(text, "=@:%");
    for (size_t i = 0; i < BEHAVIOUR_COUNT; i++) {
        if (strlen(public_list[i].name) == size && memcmp(public_list[i].name, text, size) == 0) {
            return &public_list[i];
        }
    }
    return NULL;
}

/* ---- what is on ---- */

static bool check_number(const struct link_misbehaviour *entry, enum argument_kind kind,
                         const char *argument, struct error *error)
{
    char *end = NULL;
    double value = strtod(argument, &end);
    bool number = end != argument && *end == '\0' && value >= 0;
    if (kind == SECONDS_TEXT) {
        return (number && value <= 3600) ||
               error_set(error, "%s=%s: expected seconds, at most 3600", entry->name, argument);
    }
    bool whole = number && value <= 1e6 && value == (int)value;
    if (kind == WHOLE) {
        return whole || error_set(error, "%s=%s: expected a whole number up to 1000000",
                                  entry->name, argument);
    }
    return (whole && value >= 100 && value <= 999) ||
           error_set(error, "%s=%s: expected a status from 100 to 999", entry->name, argument);
}

static bool check_argument(const struct link_misbehaviour *entry, enum argument_kind kind,
                           const char *argument, struct error *error)
{
    const char *colon = strchr(argument, ':');
    int from, to, end = 0;
    switch (kind) {
    case NO_ARGUMENT:
        return *argument == '\0' || error_set(error, "%s takes no argument", entry->name);
    case STATUS:
    case WHOLE:
    case SECONDS_TEXT:
        return check_number(entry, kind, argument, error);
    case TWO_STATUSES:
        return (sscanf(argument, "%3d:%3d%n", &from, &to, &end) == 2 && argument[end] == '\0' &&
                from >= 100 && to >= 100) ||
               error_set(error, "%s=%s: expected STATUS:STATUS", entry->name, argument);
    case HEADER_LINE:
    case KEY_AND_VALUE:
        if (colon == NULL || colon == argument) {
            return error_set(error, "%s=%s: expected %s", entry->name, argument, entry->argument);
        }
        break;
    case TEXT:
    case HEADER_NAME:
    case KEY:
        if (*argument == '\0') {
            return error_set(error, "%s needs %s", entry->name, entry->argument);
        }
        break;
    }
    return strpbrk(argument, "\r\n") == NULL ||
           error_set(error, "%s: line ends can't be in it", entry->name);
}

/* Cut "%PERCENT" and ":TIMES" off the end; only digits behind them count. */
static bool take_suffix(char *text, char sign, double *value)
{
    char *at = strrchr(text, sign);
    char *end;
    if (at == NULL || at[1] < '0' || at[1] > '9') {
        return false;
    }
    double number = strtod(at + 1, &end);
    if (*end != '\0') {
        return false;
    }
    *value = number;
    *at = '\0';
    return true;
}

static void take_place(char *text, struct misbehaving *fresh)
{
    char *at = strrchr(text, '@');
    const char *place = at == NULL ? "" : at + 1;
    size_t method = strcspn(place, "/");
    fresh->method = memory_copy_slice(place, method);
    fresh->path = memory_copy_text(place + method);
    if (at != NULL) {
        *at = '\0';
    }
}

static void misbehaving_free(struct misbehaving *gone)
{
    free(gone->argument);
    free(gone->method);
    free(gone->path);
    free(gone->text);
    free(gone);
}

static struct misbehaving *misbehaving_read(const char *text, struct error *error)
{
    const struct link_misbehaviour *entry = link_misbehaviour_find(text);
    if (entry == NULL) {
        error_set(error, "\"%.64s\": no such misbehaviour", text);
        return NULL;
    }
    char *copy = memory_copy_text(text);
    double percent = 100, times = -1;
    struct misbehaving *fresh = memory_new(sizeof *fresh);
    take_suffix(copy, '%', &percent);
    bool two = behaviours[entry - public_list].kind == TWO_STATUSES && strchr(copy, '@') == NULL;
    if (!two) {
        take_suffix(copy, ':', &times);
    }
    take_place(copy, fresh);
    char *rest = copy + strlen(entry->name);
    const char *argument = *rest == '=' ? rest + 1 : entry->fallback != NULL ? entry->fallback : "";
    *fresh = (struct misbehaving){.entry = entry,
                                  .behaviour = &behaviours[entry - public_list],
                                  .argument = memory_copy_text(argument),
                                  .method = fresh->method,
                                  .path = fresh->path,
                                  .text = memory_copy_text(text),
                                  .times = (int64_t)times,
                                  .percent = percent};
    bool good =
        *rest == '\0' || *rest == '='
            ? check_argument(entry, fresh->behaviour->kind, argument, error)
            : error_set(error, "\"%.64s\": expected NAME[=ARG][@[METHOD]PATH][:TIMES][%%PERCENT]",
                        text);
    if (good && (percent > 100 || times == 0 || times > 1e9)) {
        good = error_set(error, "\"%.64s\": expected 1 or more times, at most 100 %%", text);
    }
    free(copy);
    if (!good) {
        misbehaving_free(fresh);
    }
    return good ? fresh : NULL;
}

bool link_misbehaviour_check(const char *text, struct error *error)
{
    struct misbehaving *read = misbehaving_read(text, error);
    if (read != NULL) {
        misbehaving_free(read);
    }
    return read != NULL;
}

bool link_face_lenient(const struct link_face *face, enum link_leniency what)
{
    for (const struct misbehaving *on = face->misbehave == NULL ? NULL : face->misbehave->on;
         on != NULL; on = on->next) {
        if ((on->behaviour->lenient & what) != 0) {
            return true;
        }
    }
    return false;
}

/* ---- switching ---- */

bool link_face_misbehave(struct link_face *face, const char *text, struct error *error)
{
    struct misbehaving *fresh = misbehaving_read(text, error);
    if (fresh == NULL) {
        return false;
    }
    if (face->misbehave == NULL) {
        misbehave_come_between(face);
    }
    struct misbehaving **end = &face->misbehave->on;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = fresh;
    return true;
}

size_t link_face_behave(struct link_face *face, const char *name)
{
    const struct link_misbehaviour *entry = name == NULL ? NULL : link_misbehaviour_find(name);
    size_t count = 0;
    if (face->misbehave == NULL || (name != NULL && entry == NULL)) {
        return 0;
    }
    for (struct misbehaving **at = &face->misbehave->on; *at != NULL;) {
        struct misbehaving *on = *at;
        if (entry == NULL || on->entry == entry) {
            *at = on->next;
            misbehaving_free(on);
            count++;
        } else {
            at = &on->next;
        }
    }
    return count;
}

size_t link_face_misbehaviours(const struct link_face *face, const char **texts, size_t max)
{
    size_t count = 0;
    for (const struct misbehaving *on = face->misbehave == NULL ? NULL : face->misbehave->on;
         on != NULL; on = on->next) {
        if (count < max) {
            texts[count] = on->text;
        }
        count++;
    }
    return count;
}

void link_misbehave_free(struct link_face *face)
{
    if (face->misbehave == NULL) {
        return;
    }
    link_face_behave(face, NULL);
    misbehave_go_away(face->misbehave);
    face->misbehave = NULL;
}
