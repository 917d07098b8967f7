#ifndef HOTBED_WIRE_SERVICE_TRACE_H
#define HOTBED_WIRE_SERVICE_TRACE_H

#include "sim/base/world.h"
#include "sim/wire/service.h"

/* Stands between a front and a service and writes down what passes, as lines of the world's trace:
 * each request whole before its reply, then the reply, or how the connection ended instead. Bodies
 * that are long, binary or read while they are sent are left out; their heads tell how long they
 * are. */
struct service_trace;

enum { SERVICE_TRACE_BODY_MAX = 64 * 1024 };

/* `below` is kept, `name` is copied: whose service it is. The world must have a trace. */
struct service_trace *service_trace_new(struct world *world, const struct http_service *below,
                                        const char *name);
void service_trace_destroy(struct service_trace *trace); /* after its front; NULL is fine */
const struct http_service *service_trace_service(struct service_trace *trace);

#endif
