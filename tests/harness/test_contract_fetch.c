/* The judge's rules about encrypted downloads: a conversation that keeps them, and for each one
 * that breaks it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/check/connect_contract.h"
#include "sim/base/buffer.h"
#include "sim/wire/http_head.h"

#define IV "a7f65bcee0a6f45fdf169e3129f0a437"

/* What a conversation may have otherwise. */
struct words {
    const char *path;
    const char *info;    /* members of TRANSFER_INFO's data */
    const char *target;  /* of the GET */
    const char *headers; /* of the GET, between its first line and the empty one */
    const char *status;  /* of the answer */
    const char *mode;    /* its Content-Encryption-Mode, as a header */
    const char *end;     /* event at the end, without its ids */
};

static const struct words right = {
    .path = "/usb/x.gcode",
    .info = "\"size\":1000000,\"start_cmd_id\":9,\"type\":\"FROM_CONNECT\"",
    .target = "/f/" IV "/raw",
    .headers = "Host: connect\r\nContent-Encryption-Mode: AES-CTR\r\nRange: bytes=949760-\r\n",
    .status = "206 Partial Content",
    .mode = "Content-Encryption-Mode: AES-CTR\r\n",
    .end = "\"machine_reason\":\"NETWORK_FAILURE\",\"event\":\"TRANSFER_ABORTED\"",
};

static void show(struct contract *contract, int64_t time_us, uint32_t connection, bool request,
                 const struct buffer *text)
{
    struct http_message message;
    struct http_head head;
    assert_int_equal(http_head_parse(&message, request, 0, text->bytes, text->size, &head),
                     HTTP_HEAD_DONE);
    message.body = (struct slice){text->bytes + head.size, text->size - head.size};
    if (request) {
        contract_request(contract, time_us, connection, &message);
    } else {
        contract_reply(contract, time_us, connection, &message);
    }
}

static void say(struct contract *contract, int64_t time_us, const char *target, const char *body)
{
    struct buffer text = {0};
    buffer_format(&text,
                  "POST %s HTTP/1.1\r\nHost: connect\r\nFingerprint: 0123456789ABCDEF\r\n"
                  "Token: tok\r\nUser-Agent-Printer: Buddy_MK4\r\nUser-Agent-Version: 6.3.0\r\n"
                  "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                  target, body);
    show(contract, time_us, 1, true, &text);
    buffer_free(&text);
}

static void answer(struct contract *contract, int64_t time_us, uint32_t connection,
                   const char *words, const char *body)
{
    struct buffer text = {0};
    buffer_format(&text, "HTTP/1.1 %s\r\n\r\n%s", words, body);
    show(contract, time_us, connection, false, &text);
    buffer_free(&text);
}

static struct contract *play(const struct words *words)
{
    const struct contract_settings settings = {.started_before = true};
    struct contract *contract = contract_new(&settings);
    struct buffer text = {0};
    say(contract, 1000000, "/p/telemetry", "{\"state\":\"IDLE\"}");
    buffer_format(&text,
                  "{\"command\":\"START_ENCRYPTED_DOWNLOAD\",\"kwargs\":{\"path\":\"%s\",\"key\":"
                  "\"1c445fac4bb4017c1eff5373ea7f951d\",\"iv\":\"" IV "\",\"orig_size\":1000000}}",
                  words->path);
    answer(contract, 1000000, 1,
           "200 OK\r\nCommand-Id: 9\r\nContent-Type: application/json\r\nContent-Length: 999",
           text.bytes);
    buffer_clear(&text);
    buffer_format(&text,
                  "{\"data\":{%s},\"state\":\"IDLE\",\"command_id\":9,\"transfer_id\":77,"
                  "\"event\":\"TRANSFER_INFO\"}",
                  words->info);
    say(contract, 1100000, "/p/events", text.bytes);
    answer(contract, 1100000, 1, "204 No Content", "");
    buffer_clear(&text);
    buffer_format(&text, "GET %s HTTP/1.1\r\n%s\r\n", words->target, words->headers);
    show(contract, 1200000, 2, true, &text);
    buffer_clear(&text);
    buffer_format(&text, "%s\r\n%sContent-Length: 5", words->status, words->mode);
    answer(contract, 1300000, 2, text.bytes, "");
    buffer_clear(&text);
    buffer_format(&text, "{\"data\":{\"start_cmd_id\":9},\"state\":\"IDLE\",\"transfer_id\":77,%s}",
                  words->end);
    say(contract, 1400000, "/p/events", text.bytes);
    contract_finish(contract, 2000000);
    buffer_free(&text);
    return contract;
}

static void holds(void **state)
{
    (void)state;
    static const char *const ids[] = {"BUD-TRN-01", "BUD-TRN-05", "BUD-TRN-07", "BUD-TRN-08",
                                      "BUD-TRN-10"};
    struct contract *contract = play(&right);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const struct contract_result *result = contract_result(contract, ids[i]);
        assert_true(result->exercised > 0);
        assert_int_equal(result->violated, 0);
    }
    contract_destroy(contract);
    struct words binary = right; /* which begins at 0, and ends at once without a mode */
    binary.path = "/usb/x.bgcode";
    binary.headers = "Host: connect\r\nContent-Encryption-Mode: AES-CTR\r\nRange: bytes=0-99\r\n";
    binary.mode = "";
    binary.end = "\"event\":\"TRANSFER_ABORTED\"";
    contract = play(&binary);
    assert_int_equal(contract_violated(contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT), 0);
    contract_destroy(contract);
}

#define HEADERS(range) "Host: connect\r\nContent-Encryption-Mode: AES-CTR\r\n" range "\r\n"

static void each_rule_can_fail(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        struct words words; /* members that are set stand for the right ones */
    } rows[] = {
        {"BUD-TRN-01", {.info = "\"size\":5,\"start_cmd_id\":9,\"type\":\"FROM_CONNECT\""}},
        {"BUD-TRN-01", {.info = "\"size\":1000000,\"start_cmd_id\":8,\"type\":\"FROM_CONNECT\""}},
        {"BUD-TRN-01", {.info = "\"size\":1000000,\"start_cmd_id\":9,\"type\":\"FROM_CLIENT\""}},
        {"BUD-TRN-01", {.info = ""}},
        {"BUD-TRN-05", {.target = "/f/A7F65BCEE0A6F45FDF169E3129F0A437/raw"}},
        {"BUD-TRN-05", {.headers = HEADERS("Range: bytes=949760-") "Token: tok\r\n"}},
        {"BUD-TRN-05", {.headers = "Host: connect\r\nRange: bytes=949760-\r\n"}},
        {"BUD-TRN-05", {.headers = HEADERS("Range: bytes=512-511")}},
        {"BUD-TRN-05", {.headers = HEADERS("Range: lines=1-")}},
        {"BUD-TRN-07", {.headers = HEADERS("Range: bytes=0-")}},
        {"BUD-TRN-07", {.path = "/usb/x.bgcode"}},
        {"BUD-TRN-08", {.headers = HEADERS("Range: bytes=950000-")}},
        {"BUD-TRN-10", {.end = "\"event\":\"TRANSFER_ABORTED\""}},
        {"BUD-TRN-10", {.mode = "Content-Encryption-Mode: AES-CBC\r\n"}},
        {"BUD-TRN-10", {.status = "200 OK"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct words *other = &rows[i].words;
        struct words words = {
            .path = other->path == NULL ? right.path : other->path,
            .info = other->info == NULL ? right.info : other->info,
            .target = other->target == NULL ? right.target : other->target,
            .headers = other->headers == NULL ? right.headers : other->headers,
            .status = other->status == NULL ? right.status : other->status,
            .mode = other->mode == NULL ? right.mode : other->mode,
            .end = other->end == NULL ? right.end : other->end,
        };
        struct contract *contract = play(&words);
        if (contract_result(contract, rows[i].id)->violated == 0) {
            fail_msg("row %zu: %s sees nothing", i, rows[i].id);
        }
        contract_destroy(contract);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds),
        cmocka_unit_test(each_rule_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
