#ifndef HOTBED_NET_FAULTS_SERVICE_FAULTS_H
#define HOTBED_NET_FAULTS_SERVICE_FAULTS_H

#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/wire/service.h"

/* A service whose requests and replies are spoilt: how a correct server becomes a wrong one, so
 * that each check can be shown to fail. Faults are texts "VERB=FILTER[:ARGUMENT]" and stack in the
 * order of adding:
 *
 *   status=GET@/api/v1/status:500         replace=any@*:"api"="apy"
 *   drop-header=any@*:WWW-Authenticate    set-request-header=any@*:X-Api-Key=right
 *   answer=DELETE@/api/v1/job*:204        silence=PUT@*#2
 *
 * A filter is METHOD@TARGET, METHOD may be `any`, TARGET may end in `*`; a request that is no HTTP
 * has the method `none`. `#N` behind it: only the N-th such request, `#N+`: from that one on. With
 * `^CODE` behind that: only replies of that status. In arguments \r, \n and \\ are written as in C.
 * Only for our own codec. */
struct service_faults;

/* `below` is kept, not copied, and must outlive this. */
struct service_faults *service_faults_new(const struct http_service *below);
void service_faults_destroy(struct service_faults *faults); /* after its front */
const struct http_service *service_faults_face(struct service_faults *faults);

bool service_faults_add(struct service_faults *faults, const char *text, struct error *error);
bool service_faults_check(const char *text, struct error *error); /* whether it could be added */

/* A line per verb for a person: its form and what it does. */
void service_faults_list(struct buffer *out);

#endif
