/* Rules about encrypted downloads of Buddy printers: connect-buddy.md 12.8. They come without a
 * token; the iv in their target says whose they are. */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/memory.h"

#define SLICE(slice) (int)(slice).size, (slice).bytes == NULL ? "" : (slice).bytes

enum { IV_DIGITS = 32, SECTOR_BYTES = 512, TAIL_BYTES = 50000, TAIL_FIRST_BYTES = 512 * 1024 };

struct seen_fetch {
    struct seen_fetch *next;
    struct subject *subject;
    char iv[IV_DIGITS + 1]; /* lower case */
    int64_t command_id;
    double size;
    bool tail_first;
    unsigned requests;
    enum {
        UNSEEN, /* or no HTTP */
        WORTH_ANOTHER,
        FATAL, /* ends it at once (7.3) */
    } answer;  /* the last one */
};

static const char target_begin[] = "/f/", target_end[] = "/raw";

bool fetch_is_target(struct slice target)
{
    size_t begin = sizeof target_begin - 1, end = sizeof target_end - 1;
    return target.size == begin + IV_DIGITS + end &&
           memcmp(target.bytes, target_begin, begin) == 0 &&
           memcmp(target.bytes + begin + IV_DIGITS, target_end, end) == 0;
}

static struct seen_fetch *fetch_of(const struct contract *contract, struct slice target)
{
    struct seen_fetch *fetch = contract->fetches;
    const char *iv = target.bytes + sizeof target_begin - 1;
    while (fetch != NULL && strncasecmp(iv, fetch->iv, IV_DIGITS) != 0) {
        fetch = fetch->next;
    }
    return fetch;
}

static struct seen_fetch *fetch_of_command(const struct sight *sight, int64_t id)
{
    struct seen_fetch *fetch = sight->contract->fetches;
    while (fetch != NULL && (fetch->subject != sight->subject || fetch->command_id != id)) {
        fetch = fetch->next;
    }
    return fetch;
}

static bool is_plain_gcode(const char *path)
{
    static const char *const endings[] = {".g", ".gc", ".gco", ".gcode"};
    const char *dot = path == NULL ? NULL : strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

void fetch_course_delivery(struct sight *sight, int64_t command_id)
{
    cJSON *body = cJSON_ParseWithLength(sight->reply->body.bytes, sight->reply->body.size);
    const cJSON *kwargs = cJSON_GetObjectItemCaseSensitive(body, "kwargs");
    const char *iv = text_of(kwargs, "iv"), *path = text_of(kwargs, "path");
    int64_t size = whole_of(kwargs, "orig_size", -1);
    if (iv != NULL && strlen(iv) == IV_DIGITS && size >= 0) {
        struct seen_fetch *fetch = memory_new(sizeof *fetch);
        fetch->subject = sight->subject;
        fetch->command_id = command_id;
        fetch->size = (double)size;
        fetch->tail_first = is_plain_gcode(path) && size >= TAIL_FIRST_BYTES;
        for (size_t i = 0; i < IV_DIGITS; i++) {
            fetch->iv[i] = (char)tolower((unsigned char)iv[i]);
        }
        fetch->next = sight->contract->fetches;
        sight->contract->fetches = fetch;
    }
    cJSON_Delete(body);
}

struct subject *fetch_subject(const struct contract *contract, struct slice target)
{
    const struct seen_fetch *fetch = fetch_of(contract, target);
    return fetch == NULL ? NULL : fetch->subject;
}

void fetch_course_request(struct sight *sight)
{
    struct seen_fetch *fetch = fetch_of(sight->contract, sight->request->target);
    if (fetch != NULL) {
        fetch->requests++;
        fetch->answer = UNSEEN;
        sight->subject->fetch = fetch;
    }
}

/* A connection for each: the answer is to the printer's last one. */
void fetch_course_reply(struct sight *sight)
{
    struct seen_fetch *fetch = sight->subject->fetch;
    int status = sight->reply->status;
    if (fetch == NULL) {
        return;
    }
    bool taken = status == 206 || status == 200;
    bool fatal =
        taken &&
        ((status == 200 && sight->asked->range_start > 0) ||
         http_header_value(sight->reply, "Content-Length").bytes == NULL ||
         !slice_is_nocase(http_header_value(sight->reply, "Content-Encryption-Mode"), "AES-CTR"));
    fetch->answer = fatal ? FATAL : WORTH_ANOTHER;
}

void fetch_free(struct contract *contract)
{
    while (contract->fetches != NULL) {
        struct seen_fetch *gone = contract->fetches;
        contract->fetches = gone->next;
        free(gone);
    }
}

/* ---- rules ---- */

/* "bytes=N-" or "bytes=N-M"; -1: neither. */
int64_t fetch_range_start(const struct http_message *request)
{
    struct slice range = http_header_value(request, "Range");
    char text[64];
    uint64_t start, last;
    char behind;
    if (range.bytes == NULL || range.size >= sizeof text) {
        return -1;
    }
    memcpy(text, range.bytes, range.size);
    text[range.size] = '\0';
    int read = sscanf(text, "bytes=%" SCNu64 "-%" SCNu64 "%c", &start, &last, &behind);
    bool open = read == 1 && text[range.size - 1] == '-';
    return (open || (read == 2 && last >= start)) && start <= UINT32_MAX ? (int64_t)start : -1;
}

void judge_btrn_01(struct sight *sight)
{
    const struct seen_fetch *fetch = fetch_of_command(sight, sight->command_id);
    if (!same(sight->event, "TRANSFER_INFO") || fetch == NULL) {
        return;
    }
    const char *type = text_of(sight->data, "type");
    int64_t id = whole_of(sight->data, "start_cmd_id", -1);
    double size = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(sight->data, "size"));
    bool good = same(type, "FROM_CONNECT") && id == sight->command_id && size == fetch->size;
    verdict(sight, good, "start_cmd_id as command_id, FROM_CONNECT, size as orig_size",
            "start_cmd_id %" PRId64 ", %s, size %.0f", id, or_none(type), size);
}

void judge_btrn_05(struct sight *sight)
{
    static const char *const names[] = {"Host", "Content-Encryption-Mode", "Range"};
    const struct http_message *request = sight->request;
    bool good = request->header_count == 3 && fetch_range_start(request) >= 0;
    for (size_t i = 0; i < 3 && good; i++) {
        good = slice_is(request->headers[i].name, names[i]);
    }
    good = good && slice_is(request->headers[1].value, "AES-CTR");
    for (size_t i = 0; i < request->target.size; i++) {
        good = good && !isupper((unsigned char)request->target.bytes[i]);
    }
    verdict(sight, good, "GET /f/{iv}/raw with Host, Content-Encryption-Mode: AES-CTR, Range",
            "%.*s", SLICE(request->head));
}

void judge_btrn_07(struct sight *sight)
{
    const struct seen_fetch *fetch = fetch_of(sight->contract, sight->request->target);
    int64_t start = fetch_range_start(sight->request);
    if (fetch == NULL || fetch->requests > 0 || start < 0) {
        return;
    }
    int64_t size = (int64_t)fetch->size;
    int64_t expected = fetch->tail_first ? (size - TAIL_BYTES) / SECTOR_BYTES * SECTOR_BYTES : 0;
    char text[64];
    snprintf(text, sizeof text, "Range: bytes=%" PRId64 "-", expected);
    verdict(sight, start == expected, text, "Range: bytes=%" PRId64 "-", start);
}

void judge_btrn_08(struct sight *sight)
{
    int64_t start = fetch_range_start(sight->request);
    if (start >= 0) {
        verdict(sight, start % SECTOR_BYTES == 0, "a range from a multiple of 512",
                "Range: bytes=%" PRId64 "-", start);
    }
}

void judge_btrn_10(struct sight *sight)
{
    const struct seen_fetch *fetch =
        fetch_of_command(sight, whole_of(sight->data, "start_cmd_id", -1));
    const char *why = text_of(sight->body, "machine_reason");
    if (!same(sight->event, "TRANSFER_ABORTED") || fetch == NULL || fetch->answer == UNSEEN) {
        return;
    }
    if (fetch->answer == FATAL) {
        verdict(sight, why == NULL, "no machine_reason", "%s", or_none(why));
    } else {
        verdict(sight, same(why, "NETWORK_FAILURE"), "NETWORK_FAILURE", "%s", or_none(why));
    }
}
