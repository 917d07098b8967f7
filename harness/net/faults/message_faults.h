#ifndef HOTBED_NET_FAULTS_MESSAGE_FAULTS_H
#define HOTBED_NET_FAULTS_MESSAGE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/wire/stream.h"

/* A network that spoils the HTTP requests of whoever connects through it: how a correct printer
 * becomes a wrong one, so that each check can be shown to fail. Faults are texts
 * "VERB=FILTER[:ARGUMENT]" and stack in the order of adding:
 *
 *   drop-json=telemetry:state            set-json=event/FINISHED:command_id=7
 *   drop-header=any:Token                set-header=telemetry:Timestamp=yesterday
 *   drop=event/ACCEPTED                  twice=poll
 *   delay=telemetry:5s                   insert=register:GET /p/register
 *
 * A filter is `any`, `register` (POST /p/register), `poll` (GET of it), `telemetry`, `event` or
 * `event/NAME`, and may end in `#N`: only the N-th request that matches, from 1. What is said in a
 * WebSocket is matched alike; `upgrade` (GET /p/ws), `ping` and `pong` are filters for it alone.
 * message_faults_list() explains each verb. Without faults, bytes pass as they are. */
struct message_faults;

struct message_faults *message_faults_new(struct world *world, struct network *below);
void message_faults_destroy(struct message_faults *faults); /* its streams must have gone */
struct network *message_faults_face(struct message_faults *faults);

bool message_faults_add(struct message_faults *faults, const char *text, struct error *error);
bool message_faults_check(const char *text, struct error *error); /* whether it could be added */
void message_faults_clear(struct message_faults *faults);

/* A line per verb for a person: its form and what it does. */
void message_faults_list(struct buffer *out);

#endif
