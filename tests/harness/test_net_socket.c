#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "tests/harness/net_bed.h"

#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"

/* Our client against our front over real sockets. */
struct bed {
    struct net_bed net;
    struct socket_network *clients, *servers;
    struct http_server *server;
    struct http_client client;
    struct endpoint at;
};

static void on_reply(void *owner, const struct http_message *message)
{
    struct bed *bed = owner;
    buffer_format(&bed->net.log, "<%d %zu>", message->status, message->body.size);
    bed->net.stop = true;
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    struct bed *bed = owner;
    assert_non_null(failure->why);
    buffer_format(&bed->net.log, "!%s %s", http_failure_name(failure->kind),
                  stream_end_name(failure->end));
    bed->net.stop = true;
}

static void on_idle_end(void *owner, enum stream_end end)
{
    struct bed *bed = owner;
    buffer_format(&bed->net.log, "(idle %s)", stream_end_name(end));
    bed->net.stop = true;
}

static const struct http_client_events events = {
    .reply = on_reply, .failed = on_failed, .idle_end = on_idle_end};

static void bed_begin(struct bed *bed, bool tls, const struct tls_settings *client_tls)
{
    struct error error;
    struct tls_settings settings = {
        .ca_file = bed->net.ca, .certificate_file = bed->net.certificate, .key_file = bed->net.key};
    bed->servers = socket_network_new(bed->net.driver, tls ? &settings : NULL, &error);
    bed->clients = socket_network_new(bed->net.driver, client_tls, &error);
    assert_true(bed->servers != NULL && bed->clients != NULL);
    bed->server = http_server_new(&bed->net.world, socket_network_face(bed->servers),
                                  &bed->net.service, NULL);
    bed->at = (struct endpoint){.host = "127.0.0.1", .tls = tls};
    assert_true(http_server_listen(bed->server, &bed->at, &error));
    assert_true(bed->at.port != 0);
    http_client_init(&bed->client, &bed->net.world, socket_network_face(bed->clients), &bed->at,
                     &events, bed);
}

static void bed_end(struct bed *bed)
{
    http_client_free(&bed->client);
    http_server_destroy(bed->server);
    socket_network_destroy(bed->clients);
    socket_network_destroy(bed->servers);
    net_bed_end(&bed->net);
}

static void plain_bed(struct bed *bed)
{
    net_bed_begin(&bed->net);
    bed_begin(bed, false, NULL);
}

static void ask(struct bed *bed, const char *request)
{
    http_client_send(&bed->client, request, strlen(request), false);
    net_bed_wait(&bed->net);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

static void exchanges_go_over_one_connection(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    ask(&bed, GET("/1"));
    ask(&bed, GET("/2"));
    assert_int_equal(http_client_connection(&bed.client), 1);
    strcpy(bed.at.host, "localhost"); /* a name, through the resolver, ::1 perhaps refused first */
    http_client_close(&bed.client);
    ask(&bed, GET("/3"));
    net_bed_expect(&bed.net, "[GET /1 ]<200 3>[GET /2 ]<200 3>[GET /3 ]<200 3>");
    bed_end(&bed);
}

static void large_bodies_pass_both_ways(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    enum { SIZE = 900000 };
    struct buffer request = {0};
    http_write_request(&request, "PUT", "/large");
    http_write_header(&request, "Host", "a");
    http_write_header_int(&request, "Content-Length", SIZE);
    http_write_end(&request);
    for (int i = 0; i < SIZE; i++) {
        buffer_append_char(&request, 'x');
    }
    bed.net.reply.body = request.bytes;
    bed.net.reply.body_size = SIZE;
    http_client_send(&bed.client, request.bytes, request.size, false);
    net_bed_wait(&bed.net);
    assert_non_null(strstr(bed.net.log.bytes, "xxx]<200 900000>"));
    buffer_free(&request);
    bed_end(&bed);
}

static void each_way_to_end_has_its_name(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    bed.net.reply = (struct http_reply){.after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "[GET / ]!no_reply closed");
    bed.net.reply.after = HTTP_AFTER_RESET;
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "[GET / ]!no_reply reset");
    bed.net.reply = (struct http_reply){.raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na",
                                        .raw_size = 39,
                                        .after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "[GET / ]!cut closed");
    bed.net.reply = (struct http_reply){.after = HTTP_AFTER_STALL};
    bed.client.reply_timeout_us = MILLISECONDS(50);
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "[GET / ]!timeout closed");
    bed.client.reply_timeout_us = 0;
    bed.net.reply = (struct http_reply){.status = 200, .after = HTTP_AFTER_CLOSE};
    ask(&bed, GET("/"));
    net_bed_wait_for(&bed.net, "(idle closed)");
    net_bed_expect(&bed.net, "[GET / ]<200 0>(idle closed)");
    bed_end(&bed);
}

static void nobody_there_and_no_such_name(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    http_server_destroy(bed.server);
    bed.server = NULL;
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "!connect refused");
    strcpy(bed.at.host, "no-such-host.invalid");
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "!connect unresolved");
    bed_end(&bed);
}

static void the_service_learns_that_a_client_has_gone(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    bed.net.later = true;
    ask(&bed, GET("/"));
    http_client_close(&bed.client);
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net, "[GET / ][gone]");
    bed_end(&bed);
}

static void ports_in_use_and_bad_addresses_are_named(void **state)
{
    (void)state;
    struct bed bed;
    plain_bed(&bed);
    struct error error;
    struct endpoint taken = bed.at;
    assert_false(http_server_listen(bed.server, &taken, &error));
    assert_non_null(strstr(error.text, "127.0.0.1:"));
    struct endpoint odd = {.host = "not-an-address"};
    assert_false(http_server_listen(bed.server, &odd, &error));
    assert_non_null(strstr(error.text, "expected an address"));
    struct endpoint tls = {.host = "127.0.0.1", .tls = true};
    assert_false(http_server_listen(bed.server, &tls, &error));
    assert_non_null(strstr(error.text, "certificate"));
    bed_end(&bed);
}

static void tls_bed(struct bed *bed, bool known_ca, bool insecure)
{
    net_bed_begin(&bed->net);
    net_bed_make_certificates(&bed->net);
    struct tls_settings settings = {.ca_file = known_ca ? bed->net.ca : bed->net.other_ca,
                                    .insecure = insecure};
    bed_begin(bed, true, &settings);
}

static void tls_is_verified_by_authority_and_name(void **state)
{
    (void)state;
    struct bed bed;
    tls_bed(&bed, true, false);
    strcpy(bed.at.host, "localhost");
    ask(&bed, GET("/1"));
    ask(&bed, GET("/2"));
    net_bed_expect(&bed.net, "[GET /1 ]<200 3>[GET /2 ]<200 3>");
    assert_int_equal(http_client_connection(&bed.client), 1);
    http_client_close(&bed.client);
    strcpy(bed.at.host, "127.0.0.1"); /* the certificate is for the name alone */
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "!connect tls");
    bed.net.reply.after = HTTP_AFTER_CLOSE;
    strcpy(bed.at.host, "localhost");
    ask(&bed, GET("/"));
    net_bed_wait_for(&bed.net, "(idle closed)");
    net_bed_expect(&bed.net, "[GET / ]<200 3>(idle closed)");
    bed_end(&bed);
}

static void count_secured(void *owner, int64_t took_us, bool resumed)
{
    struct bed *bed = owner;
    (void)took_us;
    buffer_format(&bed->net.log, "(%s)", resumed ? "resumed" : "full");
}

static void count_connected(void *owner, int64_t took_us)
{
    (void)owner;
    (void)took_us;
}

static const struct socket_times times = {.connected = count_connected, .secured = count_secured};

/* Two handshakes with the same host, one of them after an answer, with which a ticket comes. */
static void shake_hands_twice(struct bed *bed, bool resume, const char *expected)
{
    net_bed_begin(&bed->net);
    net_bed_make_certificates(&bed->net);
    struct tls_settings settings = {.ca_file = bed->net.ca, .resume = resume};
    bed_begin(bed, true, &settings);
    socket_network_watch(bed->clients, &times, bed);
    strcpy(bed->at.host, "localhost");
    ask(bed, GET("/1"));
    http_client_close(&bed->client);
    ask(bed, GET("/2"));
    net_bed_expect(&bed->net, expected);
}

static void tls_sessions_are_resumed_where_asked_for(void **state)
{
    (void)state;
    struct bed bed;
    shake_hands_twice(&bed, true, "(full)[GET /1 ]<200 3>(resumed)[GET /2 ]<200 3>");
    http_client_close(&bed.client);
    /* Another name has no session, and is verified as before. */
    strcpy(bed.at.host, "127.0.0.1");
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "!connect tls");
    bed_end(&bed);
    shake_hands_twice(&bed, false, "(full)[GET /1 ]<200 3>(full)[GET /2 ]<200 3>");
    bed_end(&bed);
}

static void an_unknown_authority_is_refused_unless_insecure(void **state)
{
    (void)state;
    struct bed bed;
    tls_bed(&bed, false, false);
    strcpy(bed.at.host, "localhost");
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "!connect tls");
    bed_end(&bed);
    tls_bed(&bed, false, true);
    ask(&bed, GET("/"));
    net_bed_expect(&bed.net, "[GET / ]<200 3>");
    bed_end(&bed);
}

static void plain_text_to_a_tls_port_fails(void **state)
{
    (void)state;
    struct bed bed;
    tls_bed(&bed, true, false);
    bed.at.tls = false;
    ask(&bed, GET("/"));
    /* OpenSSL may say why in bytes of its own before it closes. */
    assert_int_equal(strncmp(bed.net.log.bytes, "!no", 3), 0);
    bed_end(&bed);
}

static void tls_files_that_are_wrong_are_named(void **state)
{
    (void)state;
    struct error error;
    struct net_bed bed;
    net_bed_begin(&bed);
    net_bed_make_certificates(&bed);
    assert_null(tls_new(&(struct tls_settings){.ca_file = "/nonexistent"}, &error));
    assert_non_null(strstr(error.text, "/nonexistent"));
    assert_null(tls_new(&(struct tls_settings){.certificate_file = bed.certificate}, &error));
    assert_non_null(strstr(error.text, "key"));
    assert_null(
        tls_new(&(struct tls_settings){.certificate_file = bed.ca, .key_file = bed.key}, &error));
    assert_non_null(strstr(error.text, bed.key));
    net_bed_end(&bed);
}

static void a_signal_ends_the_run_in_order(void **state)
{
    (void)state;
    struct net_bed bed;
    struct error error;
    net_bed_begin(&bed);
    assert_true(real_driver_catch_signals(bed.driver, &bed.stop, &error));
    raise(SIGINT);
    net_bed_wait(&bed);
    net_bed_end(&bed);
}

static void on_time(void *owner)
{
    *(int64_t *)owner += 1;
}

static void timers_fire_when_due_and_never_before(void **state)
{
    (void)state;
    struct net_bed bed;
    net_bed_begin(&bed);
    int64_t fired = 0;
    struct timer timer;
    timer_init(&timer, on_time, &fired);
    int64_t begin_us = bed.world.now_us;
    world_arm_in(&bed.world, &timer, MILLISECONDS(20));
    world_run(&bed.world, begin_us + MILLISECONDS(19), NULL);
    assert_true(fired == 0 || bed.world.now_us >= begin_us + MILLISECONDS(20));
    world_run(&bed.world, begin_us + SECONDS(1) / 20, NULL);
    assert_int_equal(fired, 1);
    assert_true(bed.world.now_us >= begin_us + MILLISECONDS(50));
    net_bed_end(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_go_over_one_connection),
        cmocka_unit_test(large_bodies_pass_both_ways),
        cmocka_unit_test(each_way_to_end_has_its_name),
        cmocka_unit_test(nobody_there_and_no_such_name),
        cmocka_unit_test(the_service_learns_that_a_client_has_gone),
        cmocka_unit_test(ports_in_use_and_bad_addresses_are_named),
        cmocka_unit_test(tls_is_verified_by_authority_and_name),
        cmocka_unit_test(an_unknown_authority_is_refused_unless_insecure),
        cmocka_unit_test(tls_sessions_are_resumed_where_asked_for),
        cmocka_unit_test(plain_text_to_a_tls_port_fails),
        cmocka_unit_test(tls_files_that_are_wrong_are_named),
        cmocka_unit_test(a_signal_ends_the_run_in_order),
        cmocka_unit_test(timers_fire_when_due_and_never_before),
    };
    return cmocka_run_group_tests_name("net_socket", tests, NULL, NULL);
}
