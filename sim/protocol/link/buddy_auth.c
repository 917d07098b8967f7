#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/protocol/link/buddy_link.h"
#include "sim/protocol/link/misbehave.h"
#include "sim/wire/digest.h"

/* Digest as of RFC 2069, of which only nonce and response are looked at, or the key (prusalink.md
 * 2.2, 2.3; PFB: lib/WUI/nhttp/req_parser.cpp). */

static const char realm[] = "Printer API";

static uint32_t hash_of(uint32_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * UINT32_C(16777619);
    }
    hash ^= hash >> 15;
    hash *= UINT32_C(0x85ebca6b);
    return hash ^ hash >> 13;
}

/* What is random on the printer is here a function of seed, serial number and boot, so that no
 * printer depends on how many others run beside it. */
void buddy_auth_boot(struct buddy_link *link)
{
    const struct link_face *face = link->face;
    const char *serial = machine_serial(face->machine);
    uint32_t hash = hash_of(UINT32_C(2166136261), serial, strlen(serial));
    hash = hash_of(hash, &face->world->seed, sizeof face->world->seed);
    link->boots++;
    link->booted_us = face->world->now_us;
    link->nonce_random = hash_of(hash, &link->boots, sizeof link->boots) | 1U;
    link->changes = hash_of(link->nonce_random, "ETag", 4) | 1U;
}

/* Seconds since the boot, as the nonce has them. */
static uint32_t ticks_s(const struct buddy_link *link)
{
    return (uint32_t)((link->face->world->now_us - link->booted_us) / SECONDS(1));
}

static bool nonce_valid(const struct buddy_link *link, uint64_t nonce)
{
    enum { OLD_NONCE_S = 5 }; /* before 5.1.2 */
    uint32_t age = ticks_s(link) - (uint32_t)nonce;
    uint32_t lifetime = buddy_firmware_from(link->face, 5, 1, 2) ? BUDDY_LINK_NONCE_S : OLD_NONCE_S;
    return (uint32_t)(nonce >> 32) == link->nonce_random && age < lifetime;
}

/* User and realm are the server's own, the target is the request's whatever the client's `uri`
 * says. */
static bool response_fits(const struct link_face *face, const struct buddy_asked *asked,
                          unsigned method)
{
    if (face->password == NULL || *face->password == '\0') {
        return false; /* login is off */
    }
    char user_hash[DIGEST_HEX_MAX], expected[DIGEST_HEX_MAX], nonce[17], given[33];
    digest_user_hash(user_hash, DIGEST_MD5, face->user, realm, face->password);
    snprintf(nonce, sizeof nonce, "%016" PRIx64, asked->nonce);
    const struct digest_request request = {.user_hash = user_hash,
                                           .nonce = nonce,
                                           .method = slice_of(buddy_method_name(method)),
                                           .uri = slice_of(asked->target)};
    digest_response(expected, DIGEST_MD5, &request);
    snprintf(given, sizeof given, "%016" PRIx64 "%016" PRIx64, asked->response[1],
             asked->response[0]);
    return digest_equal(expected, given);
}

static void challenge(struct link_request *request, const struct buddy_asked *asked, bool stale)
{
    const struct buddy_link *link = buddy_link_of(request);
    char header[128];
    if (asked->by_key) {
        snprintf(header, sizeof header, "WWW-Authenticate: ApiKey realm=\"%s\"\r\n", realm);
    } else {
        snprintf(header, sizeof header,
                 "WWW-Authenticate: Digest realm=\"%s\", nonce=\"%08" PRIx32 "%08" PRIx32
                 "\", stale=%s\r\n",
                 realm, link->nonce_random, ticks_s(link), stale ? "true" : "false");
    }
    buddy_page_reply(request, &(struct buddy_page){.status = 401,
                                                   .closing = buddy_closing_of(asked, 401),
                                                   .json = asked->json,
                                                   .header = header});
}

bool buddy_auth_check(struct link_request *request, const struct buddy_asked *asked)
{
    const struct link_face *face = request->face;
    if (link_face_lenient(face, LINK_LENIENT_OPEN)) {
        return true;
    }
    if (asked->by_key) {
        bool right =
            asked->right_key || (asked->part_of_key && link_face_lenient(face, LINK_LENIENT_KEY));
        if (!right) {
            challenge(request, asked, false);
        }
        return right;
    }
    bool fits =
        response_fits(face, asked, asked->method) ||
        (asked->response[1] != 0 && link_face_lenient(face, LINK_LENIENT_PASSWORD)) ||
        (link_face_lenient(face, LINK_LENIENT_METHOD) && response_fits(face, asked, LINK_GET));
    bool valid = nonce_valid(buddy_link_of(request), asked->nonce);
    if (fits && valid) {
        return true;
    }
    /* Whoever knows the password is told to try again. */
    challenge(request, asked, fits && !valid);
    return false;
}
