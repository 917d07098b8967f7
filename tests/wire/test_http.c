#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/random.h"
#include "sim/wire/http.h"

/* What a parser told, as text that two runs can be compared by. */
struct told {
    struct buffer text, body;
    struct http_parser parser;
    bool head_requests; /* replies are to HEAD */
};

static bool on_head(void *owner, const struct http_message *message)
{
    (void)message;
    return ((struct told *)owner)->head_requests;
}

static void on_body(void *owner, const char *bytes, size_t size)
{
    buffer_append(&((struct told *)owner)->body, bytes, size);
}

static void on_complete(void *owner, const struct http_message *message)
{
    struct told *told = owner;
    buffer_format(&told->text, "<%.*s %.*s %d 1.%d %s", (int)message->method.size,
                  message->method.bytes, (int)message->target.size, message->target.bytes,
                  message->status, message->minor_version, message->keep_alive ? "keep" : "close");
    for (size_t i = 0; i < message->header_count; i++) {
        buffer_format(&told->text, "|%.*s=%.*s", (int)message->headers[i].name.size,
                      message->headers[i].name.bytes, (int)message->headers[i].value.size,
                      message->headers[i].value.bytes);
    }
    buffer_append_text(&told->text, "|");
    buffer_append(&told->text, told->body.bytes, told->body.size);
    buffer_clear(&told->body);
    buffer_append(&told->text, message->body.bytes, message->body.size);
    buffer_append_text(&told->text, ">");
}

static void on_failed(void *owner, enum http_problem problem, const char *why)
{
    struct told *told = owner;
    assert_non_null(why);
    buffer_format(&told->text, "!%d", (int)problem);
}

static const struct http_parser_events collecting = {
    .head = on_head, .complete = on_complete, .failed = on_failed};
static const struct http_parser_events streaming = {
    .head = on_head, .body = on_body, .complete = on_complete, .failed = on_failed};

static void told_begin(struct told *told, bool requests, bool stream)
{
    *told = (struct told){0};
    http_parser_init(&told->parser, requests, stream ? &streaming : &collecting, told);
    told->parser.body_bytes_max = 1000;
    buffer_append_text(&told->text, "");
}

static void told_end(struct told *told)
{
    http_parser_free(&told->parser);
    buffer_free(&told->text);
    buffer_free(&told->body);
}

static void expect(bool requests, const char *input, const char *expected)
{
    struct told told;
    told_begin(&told, requests, false);
    http_parser_feed(&told.parser, input, strlen(input));
    http_parser_end(&told.parser);
    assert_string_equal(told.text.bytes, expected);
    told_end(&told);
}

static void expect_failure(bool requests, const char *input, enum http_problem problem)
{
    char expected[16];
    snprintf(expected, sizeof expected, "!%d", (int)problem);
    expect(requests, input, expected);
}

static void a_request_is_read_with_its_headers_in_order(void **state)
{
    (void)state;
    expect(true,
           "POST /p/telemetry HTTP/1.1\r\nHost: a\r\nToken:  x y \t\r\nContent-Length: 2\r\n\r\n{}",
           "<POST /p/telemetry 0 1.1 keep|Host=a|Token=x y|Content-Length=2|{}>");
    expect(true, "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "<GET / 0 1.0 close|>");
    expect(true, "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n",
           "<GET / 0 1.0 keep|Connection=x, Keep-Alive|>");
    expect(true, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n",
           "<GET /1 0 1.1 keep|><GET /2 0 1.1 close|Connection=close|>");
}

/* RFC 9112, 3.2.2: a server must take a target with scheme and authority. */
static void a_whole_address_asks_for_its_path(void **state)
{
    (void)state;
    expect(true, "GET http://a:80/b?c=/d HTTP/1.1\r\n\r\n", "<GET /b?c=/d 0 1.1 keep|>");
    expect(true, "GET HTTPS://[::1]/ HTTP/1.1\r\n\r\n", "<GET / 0 1.1 keep|>");
    expect(true, "GET http://a HTTP/1.1\r\n\r\n", "<GET / 0 1.1 keep|>");
    expect(true, "GET /http://a/b HTTP/1.1\r\n\r\n", "<GET /http://a/b 0 1.1 keep|>");
    expect(true, "OPTIONS * HTTP/1.1\r\n\r\n", "<OPTIONS * 0 1.1 keep|>");
    struct told told;
    told_begin(&told, true, false);
    told.parser.lax = HTTP_LAX_TARGET;
    const char *request = "GET http://a/b HTTP/1.1\r\n\r\n";
    http_parser_feed(&told.parser, request, strlen(request));
    assert_string_equal(told.text.bytes, "<GET http://a/b 0 1.1 keep|>");
    told_end(&told);
}

static void replies_are_read_as_real_servers_write_them(void **state)
{
    (void)state;
    expect(false, "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na",
           "<  200 1.1 keep|Content-Length=1|a>");
    expect(false, "HTTP/1.1 200 \nX:\n\nuntil the end", "<  200 1.1 close|X=|until the end>");
    expect(false,
           "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
           "<  204 1.1 keep|><  304 1.1 keep|Content-Length=9|>");
    expect(false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n",
           "<  100 1.1 keep|><  200 1.0 close|>");
    expect(false, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
           "<  200 1.1 keep|Content-Length=3|Content-Length=3|abc>");
}

static void a_reply_to_head_has_no_body(void **state)
{
    (void)state;
    struct told told;
    told_begin(&told, false, false);
    told.head_requests = true;
    const char *reply = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    http_parser_feed(&told.parser, reply, strlen(reply));
    assert_string_equal(told.text.bytes, "<  200 1.1 keep|Content-Length=5000|><  200 1.1 keep|>");
    assert_true(http_parser_idle(&told.parser));
    told_end(&told);
}

static void chunks_are_joined_and_trailers_skipped(void **state)
{
    (void)state;
    expect(false,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA "
           ";x=\"y\"\r\n0123456789\r\n0\r\n"
           "Trailer: x\r\n\r\nHTTP/1.1 204 \r\n\r\n",
           "<  200 1.1 keep|Transfer-Encoding=Chunked|abc0123456789><  204 1.1 keep|>");
    expect(false, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n\n",
           "<  200 1.1 keep|Transfer-Encoding=chunked|a>");
}

static void what_two_readers_could_read_differently_is_refused(void **state)
{
    (void)state;
    static const struct {
        bool request;
        const char *text;
        enum http_problem problem;
    } cases[] = {
        {true, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         HTTP_PROBLEM_LENGTH},
        {false, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length:\r\n\r\na", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\na",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\na", HTTP_PROBLEM_BODY_SIZE},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HTTP_PROBLEM_CODING},
        {true,
         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         HTTP_PROBLEM_CODING},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
         HTTP_PROBLEM_LENGTH},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n",
         HTTP_PROBLEM_BODY_SIZE},
        {true, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n",
         HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA : b\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA: b\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\n\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\n: b\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nno colon\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / x HTTP/1.1\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET  HTTP/1.1\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET /\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/2.0\r\n\r\n", HTTP_PROBLEM_VERSION},
        {true, "\x16\x03\x01\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA: b\x7F\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HTTP/1.1\r\nA: 1234567890123\x01zzzzzzzzz\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", HTTP_PROBLEM_SYNTAX},
        {true, "GET / HT", HTTP_PROBLEM_CUT},
        {true, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na", HTTP_PROBLEM_CUT},
        {false, "HTTP/1.1 20 OK\r\n", HTTP_PROBLEM_SYNTAX},
        {false, "HTTP/1.1 2000 OK\r\n", HTTP_PROBLEM_SYNTAX},
        {false, "HTTP/1.1 099 OK\r\n", HTTP_PROBLEM_SYNTAX},
        {false, "hello\r\n", HTTP_PROBLEM_SYNTAX},
        {false, "HTTP/3.0 200 OK\r\n", HTTP_PROBLEM_VERSION},
        {false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
         HTTP_PROBLEM_CUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_failure(cases[i].request, cases[i].text, cases[i].problem);
    }
}

static void heads_have_limits(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX + 1; i++) {
        buffer_format(&text, "H%d: x\r\n", i);
    }
    buffer_append_text(&text, "\r\n");
    expect_failure(true, text.bytes, HTTP_PROBLEM_HEAD_SIZE);
    buffer_clear(&text);
    buffer_append_text(&text, "GET /");
    while (text.size <= HTTP_HEAD_BYTES_MAX) {
        buffer_append_char(&text, 'a');
    }
    expect_failure(true, text.bytes, HTTP_PROBLEM_HEAD_SIZE);
    buffer_clear(&text);
    buffer_append_text(&text, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    while (text.size <= HTTP_HEAD_BYTES_MAX + 100) {
        buffer_append_text(&text, "a: b\r\n");
    }
    expect_failure(true, text.bytes, HTTP_PROBLEM_HEAD_SIZE);
    buffer_free(&text);
}

/* A whole message is shown where it lies, and nothing is kept behind it. */
static const char *shown_body;

static void on_complete_in_place(void *owner, const struct http_message *message)
{
    (void)owner;
    shown_body = message->body.bytes;
}

static void a_message_in_one_piece_is_not_copied(void **state)
{
    (void)state;
    static const struct http_parser_events events = {.complete = on_complete_in_place,
                                                     .failed = on_failed};
    struct http_parser parser;
    http_parser_init(&parser, true, &events, NULL);
    const char *text = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    http_parser_feed(&parser, text, strlen(text));
    assert_ptr_equal(shown_body, text + strlen(text) - 3);
    assert_true(http_parser_idle(&parser));
    assert_null(parser.held.bytes);
    assert_null(parser.message);
    for (const char *byte = text; *byte != '\0'; byte++) {
        http_parser_feed(&parser, byte, 1);
    }
    assert_true(http_parser_idle(&parser));
    assert_null(parser.held.bytes);
    assert_null(parser.message);
}

struct pausing {
    struct http_parser parser;
    int completed;
    enum { THEN_PAUSE, THEN_FREE } then;
};

static void on_complete_then(void *owner, const struct http_message *message)
{
    struct pausing *pausing = owner;
    pausing->completed++;
    if (pausing->then == THEN_PAUSE) {
        http_parser_pause(&pausing->parser);
    } else {
        http_parser_free(&pausing->parser);
        assert_true(slice_is(message->target, "/1")); /* still there */
    }
}

static void what_is_pipelined_waits_while_paused(void **state)
{
    (void)state;
    static const struct http_parser_events events = {.complete = on_complete_then,
                                                     .failed = on_failed};
    const char *text = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HT";
    for (size_t cut = 1; cut < strlen(text); cut++) {
        struct pausing pausing = {.then = THEN_PAUSE};
        http_parser_init(&pausing.parser, true, &events, &pausing);
        http_parser_feed(&pausing.parser, text, cut);
        http_parser_feed(&pausing.parser, text + cut, strlen(text) - cut);
        assert_int_equal(pausing.completed, 1);
        http_parser_resume(&pausing.parser);
        assert_int_equal(pausing.completed, 2);
        http_parser_resume(&pausing.parser);
        http_parser_feed(&pausing.parser, "TP/1.1\r\n\r\n", 10);
        assert_int_equal(pausing.completed, 3);
        http_parser_free(&pausing.parser);
        pausing = (struct pausing){.then = THEN_FREE};
        http_parser_init(&pausing.parser, true, &events, &pausing);
        for (const char *byte = text; *byte != '\0' && pausing.completed == 0; byte++) {
            http_parser_feed(&pausing.parser, byte, 1);
        }
        assert_int_equal(pausing.completed, 1);
    }
}

/* Random walks over pieces that make sense and pieces that do not. */
static void random_text(struct random *random, bool requests, struct buffer *out)
{
    static const char *const requests_pieces[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\nT: v\r\n\r\n",
        "\r\n",
        "\r",
        "\n",
        "PUT /x HTTP/1.1\r\n",
        "A: b\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "Content-Length: 2000\r\n",
        " folded\r\n",
        "HTTP/1.1"};
    static const char *const replies_pieces[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.0 200\n",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n\n",
        "\r\n",
        "\n",
        "\r",
        "X: y\r\n",
        "Z: y\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "5;e\r\nabcde\r\n",
        "0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 500 "};
    uint64_t count = 1 + random_below(random, 8);
    for (uint64_t i = 0; i < count; i++) {
        size_t piece = (size_t)random_below(random, 15);
        buffer_append_text(out, requests ? requests_pieces[piece] : replies_pieces[piece]);
    }
}

static void how_input_is_cut_makes_no_difference(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 9112);
    struct buffer text = {0};
    for (int round = 0; round < 4000; round++) {
        bool requests = random_below(&random, 2) == 0;
        bool stream = random_below(&random, 2) == 0;
        buffer_clear(&text);
        random_text(&random, requests, &text);
        struct told whole, bytes, cuts;
        told_begin(&whole, requests, stream);
        told_begin(&bytes, requests, stream);
        told_begin(&cuts, requests, stream);
        http_parser_feed(&whole.parser, text.bytes, text.size);
        for (size_t i = 0; i < text.size; i++) {
            http_parser_feed(&bytes.parser, text.bytes + i, 1);
        }
        for (size_t at = 0; at < text.size;) {
            size_t size = 1 + (size_t)random_below(&random, text.size - at);
            http_parser_feed(&cuts.parser, text.bytes + at, size);
            at += size;
        }
        http_parser_end(&whole.parser);
        http_parser_end(&bytes.parser);
        http_parser_end(&cuts.parser);
        assert_string_equal(whole.text.bytes, bytes.text.bytes);
        assert_string_equal(whole.text.bytes, cuts.text.bytes);
        told_end(&whole);
        told_end(&bytes);
        told_end(&cuts);
    }
    buffer_free(&text);
}

static void on_failed_seeing(void *owner, enum http_problem problem, const char *why)
{
    (void)problem;
    (void)why;
    struct http_parser *parser = owner;
    assert_int_equal(parser->seen.size, 0);
}

/* The beginning of a line came in bytes that are gone when the ninth empty line ends it all. */
static void what_failed_is_not_seen_in_bytes_of_an_earlier_call(void **state)
{
    (void)state;
    static const struct http_parser_events events = {.complete = on_complete,
                                                     .failed = on_failed_seeing};
    struct http_parser parser;
    http_parser_init(&parser, true, &events, &parser);
    char *first = strdup("\r");
    http_parser_feed(&parser, first, 1);
    free(first);
    http_parser_feed(&parser, "\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 19);
    http_parser_free(&parser);
}

static void messages_are_written_line_by_line(void **state)
{
    (void)state;
    struct buffer out = {0};
    http_write_request(&out, "POST", "/p/events");
    http_write_header(&out, "Host", "a");
    http_write_header_int(&out, "Content-Length", 0);
    http_write_end(&out);
    http_write_status(&out, 204, NULL);
    http_write_status(&out, 299, "Fine");
    assert_string_equal(out.bytes, "POST /p/events HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                                   "HTTP/1.1 204 No Content\r\nHTTP/1.1 299 Fine\r\n");
    buffer_free(&out);
}

static void tokens_are_found_between_commas(void **state)
{
    (void)state;
    assert_true(http_header_has_token(slice_of("a, Close ,b"), "close"));
    assert_false(http_header_has_token(slice_of("closed,xclose"), "close"));
    assert_true(http_header_has_token(slice_of("close"), "close"));
    assert_false(http_header_has_token(slice_of(""), "close"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_with_its_headers_in_order),
        cmocka_unit_test(a_whole_address_asks_for_its_path),
        cmocka_unit_test(replies_are_read_as_real_servers_write_them),
        cmocka_unit_test(a_reply_to_head_has_no_body),
        cmocka_unit_test(chunks_are_joined_and_trailers_skipped),
        cmocka_unit_test(what_two_readers_could_read_differently_is_refused),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(a_message_in_one_piece_is_not_copied),
        cmocka_unit_test(what_is_pipelined_waits_while_paused),
        cmocka_unit_test(how_input_is_cut_makes_no_difference),
        cmocka_unit_test(what_failed_is_not_seen_in_bytes_of_an_earlier_call),
        cmocka_unit_test(messages_are_written_line_by_line),
        cmocka_unit_test(tokens_are_found_between_commas),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
