/* Who the client is to a server, every way in which a call fails, and calls that are taken back. */
#include "tests/clients/link_bed.h"

#include <string.h>

/* ---- Authentication ---- */

static void follows(struct link_bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, LINK_BED_STATUS),
                                   TEXT_REPLY(200, LINK_BED_STATUS),
                                   TEXT_REPLY(200, LINK_BED_STATUS)};
    link_bed_script(bed, replies, 3);
    bed->guard = LEGACY;
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[?GET /api/v1/status][GET /api/v1/status]");
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/v1/status]"); /* the nonce is used again */
    bed->guard = SESSION;
    bed->nonce++;
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[?GET /api/v1/status][GET /api/v1/status]");
}

static void follows_challenges_with_and_without_qop(void **state)
{
    (void)state;
    link_bed_both(follows);
}

static void renews(struct link_bed *bed)
{
    bed->guard = SHORT_LIVED;
    struct link_request request = {.method = "GET", .target = "/x?y=1"};
    for (int i = 0; i < 3; i++) {
        link_client_send(bed->client, &request, link_bed_keep, bed);
        link_bed_expect(bed, LINK_OK, "[?GET /x?y=1][GET /x?y=1]");
    }
    bed->guard = NEVER_GLAD;
    link_client_send(bed->client, &request, link_bed_keep, bed);
    link_bed_await(bed);
    assert_int_equal(bed->outcome, LINK_UNAUTHORIZED);
    assert_in_range(bed->attempts, 2, 3); /* stale for ever: it stops */
}

static void a_stale_nonce_is_renewed_once(void **state)
{
    (void)state;
    link_bed_both(renews);
}

static void gives_up(struct link_bed *bed)
{
    bed->guard = NO_NONCE;
    struct link_request request = {.method = "GET", .target = "/"};
    link_client_send(bed->client, &request, link_bed_keep, bed);
    link_bed_expect(bed, LINK_UNAUTHORIZED, "[?GET /]");
    assert_int_equal(bed->status, 401);
    struct error error;
    struct link_client_settings settings = {
        .url = link_client_url(bed->client), .user = "maker", .password = "no"};
    struct link_client *wrong = link_client_new(bed->transport, &settings, &error);
    bed->guard = LEGACY;
    link_client_send(wrong, &request, link_bed_keep, bed);
    link_bed_expect(bed, LINK_UNAUTHORIZED, "[?GET /][?GET /]");
    link_client_destroy(wrong);
}

static void wrong_passwords_and_challenges_end_at_once(void **state)
{
    (void)state;
    link_bed_both(gives_up);
}

/* ---- Failures ---- */

struct misery {
    struct http_reply reply;
    enum link_outcome outcome;
};

static void suffers(struct link_bed *bed)
{
    static char large[5000];
    memset(large, ' ', sizeof large);
    struct misery miseries[] = {
        {TEXT_REPLY(404, "404: Not Found\n\n\n"), LINK_NOT_FOUND},
        {TEXT_REPLY(410, ""), LINK_NOT_FOUND},
        {TEXT_REPLY(409, "{\"title\": \"409: Conflict\",\"message\":\"File already exists\"}"),
         LINK_CONFLICT},
        {TEXT_REPLY(415, ""), LINK_REFUSED},
        {TEXT_REPLY(403, ""), LINK_REFUSED},
        {TEXT_REPLY(507, ""), LINK_REFUSED},
        {TEXT_REPLY(500, "<html>"), LINK_FAILED},
        {TEXT_REPLY(302, ""), LINK_UNEXPECTED},
        {TEXT_REPLY(200, "{\"printer\":"), LINK_WRONG_JSON},
        {TEXT_REPLY(200, "{\"printer\":{\"state\":5}}"), LINK_WRONG_JSON},
        {TEXT_REPLY(200, ""), LINK_WRONG_JSON},
        {{.status = 200, .body = large, .body_size = sizeof large}, LINK_TOO_LARGE},
        {RAW_REPLY("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"printer\""), LINK_BROKEN},
        {RAW_REPLY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"pri"),
         LINK_BROKEN},
        {RAW_REPLY("SSH-2.0-OpenSSH_9.2\r\n"), LINK_NOT_HTTP},
        {{.status = 0, .after = HTTP_AFTER_CLOSE}, LINK_BROKEN},
        {{.status = 0, .after = HTTP_AFTER_STALL}, LINK_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof miseries / sizeof *miseries; i++) {
        link_bed_script(bed, &miseries[i].reply, 1);
        link_client_status(bed->client, link_bed_keep, bed);
        link_bed_expect(bed, miseries[i].outcome, "[GET /api/v1/status]");
        assert_true(*bed->why != '\0');
        if (miseries[i].outcome == LINK_CONFLICT) {
            assert_string_equal(bed->why, "409 File already exists");
        }
    }
    struct http_reply good = TEXT_REPLY(200, LINK_BED_STATUS);
    link_bed_script(bed, &good, 1);
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, NULL); /* nothing of all that lasts */
}

static void every_failure_has_a_name(void **state)
{
    (void)state;
    link_bed_both(suffers);
}

static void endless_heads(struct link_bed *bed)
{
    struct buffer head = {0};
    buffer_append_text(&head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 2000; i++) {
        buffer_format(&head, "X-%d: %040d\r\n", i, i);
    }
    struct http_reply reply = {.raw = head.bytes, .raw_size = head.size, .after = HTTP_AFTER_CLOSE};
    link_bed_script(bed, &reply, 1);
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_NOT_HTTP, NULL);
    buffer_free(&head);
}

static void a_head_without_end_is_no_http(void **state)
{
    (void)state;
    link_bed_both(endless_heads);
}

static void nobody_there(struct link_bed *bed)
{
    struct error error;
    http_server_destroy(bed->server);
    bed->server = NULL;
    link_client_status(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_CONNECT, "");
    struct link_client_settings settings = {.url = "http://127.0.0.1:1/path"};
    assert_null(link_client_new(bed->transport, &settings, &error));
}

static void a_refused_connection_is_told(void **state)
{
    (void)state;
    link_bed_both(nobody_there);
}

/* ---- Taken back ---- */

static void cancels(struct link_bed *bed)
{
    struct http_reply replies[] = {{.status = 0, .after = HTTP_AFTER_STALL},
                                   TEXT_REPLY(200, LINK_BED_STATUS)};
    link_bed_script(bed, replies, 2);
    struct link_call *stuck = link_client_status(bed->client, link_bed_keep, bed);
    struct link_call *waits = link_client_job(bed->client, link_bed_keep, bed);
    link_client_status(bed->client, link_bed_keep, bed);
    while (bed->log.size == 0) {
        world_step(&bed->world, bed->world.now_us + SECONDS(1));
    }
    link_call_cancel(waits);
    link_call_cancel(stuck);
    link_bed_expect(bed, LINK_OK, "[GET /api/v1/status][GET /api/v1/status]");
    assert_int_equal(link_client_waiting(bed->client), 0);
}

static void calls_can_be_cancelled(void **state)
{
    (void)state;
    link_bed_both(cancels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_challenges_with_and_without_qop),
        cmocka_unit_test(a_stale_nonce_is_renewed_once),
        cmocka_unit_test(wrong_passwords_and_challenges_end_at_once),
        cmocka_unit_test(every_failure_has_a_name),
        cmocka_unit_test(a_head_without_end_is_no_http),
        cmocka_unit_test(a_refused_connection_is_told),
        cmocka_unit_test(calls_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
