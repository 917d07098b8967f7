#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/harness/net_bed.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "harness/net/microhttpd.h"
#include "sim/wire/http_server.h"

/* Many that come at once, as the printers of a farm do when their server is there again: nobody
 * waits to be let in behind the requests of those who are. */

enum { CROWD = 300, PLACES = 10 };

struct crowd {
    struct net_bed net;
    struct microhttpd_front *microhttpd;
    struct socket_network *network;
    struct http_server *wire;
    struct endpoint at;
    int fds[CROWD];
    unsigned came, asked, let_in; /* let_in: when the first request was asked */
};

static unsigned connections(const struct crowd *crowd)
{
    return crowd->microhttpd != NULL ? microhttpd_front_connections(crowd->microhttpd)
                                     : (unsigned)http_server_connections(crowd->wire);
}

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    (void)message;
    struct crowd *crowd = owner;
    if (crowd->asked++ == 0) {
        crowd->let_in = connections(crowd);
    }
    http_exchange_reply(exchange, &crowd->net.reply);
    crowd->net.stop = crowd->asked == crowd->came;
}

static void crowd_begin(struct crowd *crowd, bool microhttpd, unsigned places)
{
    struct error error;
    *crowd = (struct crowd){0};
    net_bed_begin(&crowd->net);
    crowd->net.service.request = on_request;
    crowd->net.service.service = crowd;
    crowd->at = (struct endpoint){.host = "localhost"};
    const struct microhttpd_settings settings = {.connections_max = places};
    if (microhttpd) {
        crowd->microhttpd = microhttpd_front_new(crowd->net.driver, &crowd->at, &crowd->net.service,
                                                 &settings, &error);
        assert_non_null(crowd->microhttpd);
        return;
    }
    crowd->network = socket_network_new(crowd->net.driver, NULL, &error);
    crowd->wire = http_server_new(&crowd->net.world, socket_network_face(crowd->network),
                                  &crowd->net.service, NULL);
    assert_true(http_server_listen(crowd->wire, &crowd->at, &error));
}

static void crowd_end(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->came; i++) {
        close(crowd->fds[i]);
    }
    if (crowd->microhttpd != NULL) {
        microhttpd_front_destroy(crowd->microhttpd);
    } else {
        http_server_destroy(crowd->wire);
        socket_network_destroy(crowd->network);
    }
    net_bed_end(&crowd->net);
}

/* All of them are in the backlog, their requests with them, before the loop turns once. */
static void come(struct crowd *crowd, unsigned count)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(crowd->at.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (unsigned i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
        assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
        crowd->fds[crowd->came++] = fd;
    }
}

static void all_are_let_in_before_one_is_served(bool microhttpd)
{
    struct crowd crowd;
    crowd_begin(&crowd, microhttpd, 0);
    come(&crowd, CROWD);
    net_bed_wait(&crowd.net);
    assert_in_range(crowd.let_in, microhttpd ? CROWD : 256, CROWD);
    assert_int_equal(crowd.asked, CROWD);
    crowd_end(&crowd);
}

static void libmicrohttpd_lets_in_all(void **state)
{
    (void)state;
    all_are_let_in_before_one_is_served(true);
}

static void our_codec_lets_in_as_many_as_epoll_tells_of(void **state)
{
    (void)state;
    all_are_let_in_before_one_is_served(false);
}

/* Those who find no place get one as soon as somebody leaves it. */
static void who_finds_no_place_waits_for_one(void **state)
{
    (void)state;
    struct crowd crowd;
    crowd_begin(&crowd, true, PLACES);
    crowd.net.reply.after = HTTP_AFTER_CLOSE;
    come(&crowd, CROWD);
    net_bed_wait(&crowd.net);
    assert_in_range(crowd.let_in, 1, PLACES);
    assert_int_equal(crowd.asked, CROWD);
    crowd_end(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libmicrohttpd_lets_in_all),
        cmocka_unit_test(our_codec_lets_in_as_many_as_epoll_tells_of),
        cmocka_unit_test(who_finds_no_place_waits_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
