#ifndef HOTBED_NET_FAULTS_SOCKET_FAULTS_H
#define HOTBED_NET_FAULTS_SOCKET_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/net/faults/message_rules.h"
#include "sim/base/buffer.h"
#include "sim/base/world.h"

/* What a printer sends in its WebSocket, in the hands of message faults: its bytes in, the same or
 * spoilt bytes out. A message is matched as the request that it would be over HTTP
 * (sim/protocol/connect/ws_told.h); pings and pongs have filters of their own. */
struct socket_faults;

/* `send` is given what goes out and how long to wait before it. */
struct socket_faults *socket_faults_new(struct world *world,
                                        void (*send)(void *owner, const struct buffer *bytes,
                                                     int64_t delay_us),
                                        void *owner);
void socket_faults_destroy(struct socket_faults *faults);
void socket_faults_feed(struct socket_faults *faults, struct message_rule *rules, const char *bytes,
                        size_t size);

#endif
