#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/world.h"
#include "sim/machine/machine.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/sdk.h"
#include "sim/wire/stream.h"

/* The Connect client of a printer with Buddy firmware, over HTTP (connect-buddy.md): what
 * connect_face_new() makes for machines of the buddy family. */
struct buddy;

/* As connect_face_new(); of the settings it heeds server, peer_name, api_key, register_at_start,
 * telemetry and its interval, events and the observer, which is told about no SDK (NULL). */
struct buddy *buddy_new(struct world *world, struct network *network, struct machine *machine,
                        const struct connect_face_settings *settings, const char *name,
                        const char *token);
void buddy_destroy(struct buddy *buddy); /* NULL is fine */

/* The user starts a registration (2). False: no server, or one is under way. */
bool buddy_register(struct buddy *buddy);
void buddy_set_server(struct buddy *buddy, const char *server, const char *token);
/* Somebody loads filament of this material (at most 7 characters) into a slot, from 0. */
void buddy_set_material(struct buddy *buddy, int slot, const char *material);
void buddy_set_api_key(struct buddy *buddy, const char *api_key); /* NULL: none */

void buddy_set_pace(struct buddy *buddy, const struct connect_pace *pace, void *owner);
void buddy_observe(struct buddy *buddy, const struct connect_observer_class *class, void *observer);

/* What waits for its answer: one message at most. */
void buddy_waiting(const struct buddy *buddy, connect_asked_told *tell, void *owner);

const char *buddy_hostname(const struct buddy *buddy); /* of its network interface */
const char *buddy_token(const struct buddy *buddy);    /* NULL: none */
uint64_t buddy_requests(const struct buddy *buddy);    /* sent so far */
size_t buddy_bytes(const struct buddy *buddy);         /* memory held now */

/* The 50 characters that identify a printer (10.4): of the unique number of its processor, its MAC
 * and its serial number. Serials beginning with "CZPX" are those of old boards, taken as they are;
 * others fill a field of 24 bytes. */
void buddy_fingerprint(const uint8_t id[12], const uint8_t mac[6], const char *serial,
                       char out[51]);

/* The same of a simulated printer, whose processor and MAC are functions of its serial number. */
void buddy_fingerprint_of(const char *serial, uint8_t mac[6], char out[51]);

#endif
