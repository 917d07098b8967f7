/* The judge as an observer of a mock server. */

#include <stdlib.h>

#include "harness/check/connect_contract.h"
#include "mockservers/connect/server.h"
#include "sim/base/memory.h"

struct contract_tap {
    struct contract *contract;
    struct connect_server *server;
    struct connect_observer observer;
};

static int64_t now_us(const struct contract_tap *tap)
{
    return connect_server_world(tap->server)->now_us;
}

static void saw_request(void *owner, uint32_t connection, const struct http_message *request)
{
    struct contract_tap *tap = owner;
    contract_request(tap->contract, now_us(tap), connection, request);
}

static void saw_reply(void *owner, uint32_t connection, struct connect_printer *printer,
                      const struct http_message *reply)
{
    (void)printer;
    struct contract_tap *tap = owner;
    if (reply == NULL) {
        contract_garbage(tap->contract, now_us(tap), connection);
    } else {
        contract_reply(tap->contract, now_us(tap), connection, reply);
    }
}

/* Of a silent server nothing is seen: the printer's next request tells when it gave up. */
static void saw_nothing(void *owner, uint32_t connection, enum connect_unanswered why)
{
    struct contract_tap *tap = owner;
    if (why != CONNECT_UNANSWERED_SILENT) {
        contract_ended(tap->contract, now_us(tap), connection, why == CONNECT_UNANSWERED_GONE);
    }
}

static void saw_frame(void *owner, uint32_t connection, bool by_printer,
                      const struct websocket_frame *frame)
{
    struct contract_tap *tap = owner;
    contract_frame(tap->contract, now_us(tap), connection, by_printer, frame);
}

static void saw_socket_end(void *owner, uint32_t connection, const struct websocket_end *end)
{
    struct contract_tap *tap = owner;
    contract_ended(tap->contract, now_us(tap), connection, end->kind == WEBSOCKET_END_STREAM);
}

struct contract_tap *contract_tap_new(struct contract *contract, struct connect_server *server)
{
    struct contract_tap *tap = memory_new(sizeof *tap);
    *tap = (struct contract_tap){
        .contract = contract,
        .server = server,
        .observer = {.request = saw_request,
                     .reply = saw_reply,
                     .unanswered = saw_nothing,
                     .frame = saw_frame,
                     .socket_ended = saw_socket_end,
                     .owner = tap},
    };
    connect_server_observe(server, &tap->observer);
    return tap;
}

void contract_tap_destroy(struct contract_tap *tap)
{
    if (tap != NULL) {
        connect_server_unobserve(tap->server, &tap->observer);
        free(tap);
    }
}
