#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/link/misbehave.h"
#include "sim/protocol/link/sl1_link.h"

/* nginx's digest module: qop auth, nonces that wear out, and a short rest for who guesses
 * (prusalink.md 2.2). */

static const char realm[] = "prusa-sl1";
enum { WRONG_TRIES_MAX = 30 };
#define REFUSED_US SECONDS(5)

/* ---- who guesses ---- */

static struct sl1_peer *peer_of(struct link_request *request)
{
    struct sl1_link *link = sl1_link_of(request);
    const char *text = request->exchange->peer == NULL ? "" : request->exchange->peer;
    const char *port = strrchr(text, ':');
    size_t size = port == NULL ? strlen(text) : (size_t)(port - text);
    struct sl1_peer *free_one = &link->peers[0];
    for (struct sl1_peer *peer = link->peers; peer < link->peers + SL1_PEERS; peer++) {
        if (strncmp(peer->name, text, size) == 0 && peer->name[size] == '\0') {
            return peer;
        }
        free_one = peer->wrong < free_one->wrong ? peer : free_one;
    }
    *free_one = (struct sl1_peer){0};
    strncat(free_one->name, text, size < sizeof free_one->name ? size : sizeof free_one->name - 1);
    return free_one;
}

static void count_wrong(struct link_request *request, struct sl1_peer *peer)
{
    if (++peer->wrong >= WRONG_TRIES_MAX) {
        peer->until_us = request->face->world->now_us + REFUSED_US;
        peer->wrong = 0;
    }
}

/* ---- challenges ---- */

static void challenge(struct link_request *request, bool stale)
{
    struct sl1_link *link = sl1_link_of(request);
    char seed[96], hash[65], nonce[17], header[160];
    int size = snprintf(seed, sizeof seed, "%s %" PRIu64 " %" PRIu32,
                        machine_serial(request->face->machine), request->face->world->seed,
                        ++link->nonce_count);
    digest_sha256_hex(hash, seed, (size_t)size);
    snprintf(nonce, sizeof nonce, "%.8s%08" PRIx32, hash,
             (uint32_t)(world_wall_us(request->face->world) / SECONDS(1)));
    digest_nonces_add(&link->nonces, nonce, request->face->world->now_us);
    snprintf(header, sizeof header,
             "WWW-Authenticate: Digest algorithm=\"MD5\", qop=\"auth\", realm=\"%s\", "
             "nonce=\"%s\"%s\r\n",
             realm, nonce, stale ? ", stale=\"true\"" : "");
    sl1_reply_refusal(request, SL1_UNAUTHORIZED, header);
}

static bool is(const char *field, const char *expected)
{
    return field != NULL && strcmp(field, expected) == 0;
}

/* All fields must be there and right; the sum is over the client's own uri, which must be the
 * request's. */
static bool response_fits(struct link_request *request, const struct digest_credentials *given,
                          const char *method)
{
    const struct link_face *face = request->face;
    char user_hash[DIGEST_HEX_MAX], expected[DIGEST_HEX_MAX];
    if (!is(given->username, face->user) || !is(given->realm, realm) || !is(given->qop, "auth") ||
        !is(given->uri, request->target) || given->nonce == NULL || given->nc == NULL ||
        given->cnonce == NULL || given->response == NULL) {
        return false;
    }
    digest_user_hash(user_hash, DIGEST_MD5, face->user, realm, face->password);
    const struct digest_request sum = {.user_hash = user_hash,
                                       .nonce = given->nonce,
                                       .cnonce = given->cnonce,
                                       .nc = given->nc,
                                       .qop = given->qop,
                                       .method = slice_of(method),
                                       .uri = slice_of(given->uri)};
    digest_response(expected, DIGEST_MD5, &sum);
    return digest_equal(expected, given->response) ||
           link_face_lenient(face, LINK_LENIENT_PASSWORD);
}

static bool check_digest(struct link_request *request, const char *authorization,
                         struct sl1_peer *peer)
{
    struct sl1_link *link = sl1_link_of(request);
    const struct link_face *face = request->face;
    struct digest_credentials given;
    if (!digest_credentials_parse(&given, slice_of(authorization), NULL)) {
        count_wrong(request, peer);
        challenge(request, false);
        return false;
    }
    bool fits =
        response_fits(request, &given, request->method) ||
        (link_face_lenient(face, LINK_LENIENT_METHOD) && response_fits(request, &given, "GET"));
    enum digest_nonce_state state =
        fits ? digest_nonces_use(&link->nonces, given.nonce, face->world->now_us)
             : DIGEST_NONCE_UNKNOWN;
    digest_credentials_free(&given);
    if (fits && state == DIGEST_NONCE_GOOD) {
        peer->wrong = 0;
        return true;
    }
    if (!fits) {
        count_wrong(request, peer);
    }
    challenge(request, fits);
    return false;
}

static bool check_key(struct link_request *request, const char *key)
{
    const struct link_face *face = request->face;
    const char *right = face->api_key;
    bool part = right != NULL && *key != '\0' &&
                (strncmp(key, right, strlen(key)) == 0 || strncmp(key, right, strlen(right)) == 0);
    if (right != NULL &&
        (strcmp(key, right) == 0 || (part && link_face_lenient(face, LINK_LENIENT_KEY)))) {
        return true;
    }
    sl1_reply_refusal(request, SL1_INVALID_KEY, "WWW-Authenticate: ApiKey realm=\"prusa-sl1\"\r\n");
    return false;
}

bool sl1_auth_check(struct link_request *request)
{
    const char *authorization = link_request_header(request, "Authorization");
    const char *key = link_request_header(request, "X-Api-Key");
    struct sl1_peer *peer = peer_of(request);
    if (link_face_lenient(request->face, LINK_LENIENT_OPEN)) {
        return true;
    }
    if (key != NULL) {
        return check_key(request, key);
    }
    if (authorization == NULL || peer->until_us > request->face->world->now_us) {
        challenge(request, false);
        return false;
    }
    return check_digest(request, authorization, peer);
}
