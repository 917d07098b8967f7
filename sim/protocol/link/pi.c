/* The daemon on a Raspberry Pi beside an MK2.5 to MK3S (prusalink.md, flavour P): PrusaLink 0.8.1
 * on Python's wsgiref. */
#include <stdio.h>
#include <string.h>

#include "sim/protocol/link/dialect.h"

static enum http_body_plan pi_begin(struct link_request *request)
{
    (void)request;
    return HTTP_BODY_WHOLE;
}

static void pi_handle(struct link_request *request)
{
    struct link_reply reply = {.status = 404, .length = true, .close = true};
    link_reply_header(&reply, "Server", "PrusaLink");
    link_request_reply(request, &reply);
}

static void pi_refused(struct link_request *request, enum http_problem problem, struct slice seen)
{
    (void)problem;
    (void)seen;
    struct link_reply reply = {.status = 400, .length = true, .close = true};
    link_request_reply(request, &reply);
}

static void pi_password(const struct machine *machine, char out[32])
{
    (void)machine;
    snprintf(out, 32, "Sup3rSecret");
}

static const char *pi_hostname(const struct machine *machine)
{
    (void)machine;
    return "prusalink";
}

const struct link_dialect link_dialect_pi = {
    .name = "pi",
    .user = "maker",
    .manners = {.lax = HTTP_LAX_LF | HTTP_LAX_LENGTH,
                .any_host = true,
                .no_continue = true,
                .half_closed = true,
                .head_bytes_max = 65536},
    .body_bytes_max = 65365,
    .make_password = pi_password,
    .hostname = pi_hostname,
    .begin = pi_begin,
    .handle = pi_handle,
    .refused = pi_refused,
};
