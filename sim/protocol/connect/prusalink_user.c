/* What a user of the printer does to its Connect face by hand, and what is to be seen of it from
 * outside. */
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy.h"
#include "sim/protocol/connect/prusalink_face.h"

/* ---- the user's hands ---- */

void connect_face_set_api_key(struct connect_face *face, const char *api_key)
{
    if (face->buddy != NULL) {
        buddy_set_api_key(face->buddy, api_key);
        return;
    }
    free(face->api_key);
    face->api_key = memory_copy_text(api_key);
    face->api_key_set = true;
    if (face->known) {
        connect_sdk_send_info(face->sdk, SOURCE_CONNECT);
    }
}

void connect_face_set_active_sheet(struct connect_face *face, int sheet)
{
    if (face->buddy != NULL) {
        return; /* these printers keep no sheets */
    }
    face->active_sheet = (uint8_t)sheet;
    if (face->known) {
        face_send_active_sheet(face);
    }
}

void connect_face_set_material(struct connect_face *face, int slot, const char *material)
{
    if (face->buddy != NULL) {
        buddy_set_material(face->buddy, slot, material);
    }
}

void connect_face_set_server(struct connect_face *face, const char *server, const char *token)
{
    if (face->buddy != NULL) {
        buddy_set_server(face->buddy, server, token);
        return;
    }
    char *copy = memory_copy_text(server);
    free(face->server);
    face->server = copy;
    face_probe_destroy(face);
    connect_sdk_set_connection(face->sdk, face->server, token);
    face_telemetry_begin(face);
}

void connect_face_set_pace(struct connect_face *face, const struct connect_pace *pace, void *owner)
{
    if (face->buddy != NULL) {
        buddy_set_pace(face->buddy, pace, owner);
        return;
    }
    face->pace = pace;
    face->pace_owner = owner;
}

void connect_face_waiting(const struct connect_face *face, connect_asked_told *tell, void *owner)
{
    if (face->buddy != NULL) {
        buddy_waiting(face->buddy, tell, owner);
        return;
    }
    if (face->probe != NULL) {
        face_probe_waiting(face, tell, owner);
    }
    connect_sdk_waiting(face->sdk, tell, owner);
}

int64_t connect_face_started_us(const struct connect_face *face)
{
    return face->buddy != NULL ? 0 : connect_sdk_began_us(face->sdk);
}

struct connect_sdk *connect_face_sdk(struct connect_face *face)
{
    return face->sdk;
}

void connect_face_observe(struct connect_face *face, const struct connect_observer_class *class,
                          void *observer)
{
    if (face->buddy != NULL) {
        buddy_observe(face->buddy, class, observer);
    } else {
        connect_sdk_observe(face->sdk, class, observer);
    }
}

void connect_machine_fingerprint(const struct machine *machine, char out[65])
{
    enum { OF_BUDDY = 16 }; /* of the 50 characters that INFO has (connect-buddy.md 1.3) */
    if (strcmp(machine_model(machine)->family, "buddy") == 0) {
        uint8_t mac[6];
        buddy_fingerprint_of(machine_serial(machine), mac, out);
        out[OF_BUDDY] = '\0';
    } else {
        connect_fingerprint_of(machine_serial(machine), out);
    }
}

const char *connect_face_token(const struct connect_face *face)
{
    return face->buddy != NULL ? buddy_token(face->buddy) : connect_sdk_token(face->sdk);
}

const char *connect_face_server(const struct connect_face *face)
{
    return face->server;
}

const char *connect_face_code(const struct connect_face *face)
{
    return face->buddy != NULL ? NULL : connect_sdk_code(face->sdk);
}

const char *connect_face_hostname(const struct connect_face *face)
{
    if (face->buddy != NULL) {
        return buddy_hostname(face->buddy);
    }
    const char *given = face->settings->network[CONNECT_HOSTNAME];
    return given != NULL ? given : face->name;
}

enum connect_condition connect_face_broken(const struct connect_face *face)
{
    return face->buddy != NULL ? CONNECT_CONDITIONS : connect_sdk_broken(face->sdk);
}

uint64_t connect_face_requests(const struct connect_face *face)
{
    return face->buddy != NULL ? buddy_requests(face->buddy) : connect_sdk_requests(face->sdk);
}

struct machine *connect_face_machine(struct connect_face *face)
{
    return face->machine;
}

const char *connect_face_name(const struct connect_face *face)
{
    return face->name;
}

enum connect_host_kind connect_face_host(const struct connect_face *face)
{
    return face->kind;
}

bool connect_face_asleep(const struct connect_face *face)
{
    return face->buddy == NULL && face_is_prusalink(face) && face->telemetry.sleeping;
}

size_t connect_face_bytes(const struct connect_face *face)
{
    size_t bytes = sizeof *face;
    if (face->buddy != NULL) {
        return FACE_BUDDY_BYTES + buddy_bytes(face->buddy);
    }
    bytes += face->server == NULL ? 0 : strlen(face->server) + 1;
    bytes += face->api_key == NULL ? 0 : strlen(face->api_key) + 1;
    return bytes;
}
