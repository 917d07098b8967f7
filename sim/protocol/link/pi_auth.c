/* Who is let in (prusalink.md 2): digest with session sums, or the API key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/misbehave.h"
#include "sim/protocol/link/pi.h"

static const char realm[] = "Administrator";

/* Every challenge to one User-Agent within a slot has the same nonce. */
static void nonce_of(struct link_request *request, int64_t slot, char out[65])
{
    const char *agent = link_request_header(request, "User-Agent");
    struct buffer text = {0};
    buffer_format(&text, "%s%lld%s", pi_of(request)->secret, (long long)slot,
                  agent == NULL ? "" : agent);
    digest_sha256_hex(out, text.bytes, text.size);
    buffer_free(&text);
}

static int64_t slot_now(const struct link_request *request)
{
    return world_wall_us(request->face->world) / PI_NONCE_SLOT;
}

static void opaque_of(const struct link_request *request, char out[65])
{
    const char *hostname = request->face->hostname;
    digest_sha256_hex(out, hostname, strlen(hostname));
}

static bool good_nonce(struct link_request *request, const char *nonce)
{
    char now[65], before[65];
    int64_t slot = slot_now(request);
    nonce_of(request, slot, now);
    nonce_of(request, slot - 1, before);
    return nonce != NULL && (digest_equal(nonce, now) || digest_equal(nonce, before));
}

static bool is(const char *value, const char *wanted)
{
    return value != NULL && strcmp(value, wanted) == 0;
}

/* The client's address must end with the request's path and query. */
static bool good_uri(const struct link_request *request, const char *uri)
{
    if (uri == NULL) {
        return false;
    }
    char *decoded = memory_new(strlen(uri) + 1);
    link_decode(decoded, uri, strlen(uri), false);
    char *target = memory_new(strlen(request->target) + 1);
    link_decode(target, request->target, strlen(request->target), false);
    size_t size = strlen(decoded), wanted = strlen(target);
    bool good = size >= wanted && memcmp(decoded + size - wanted, target, wanted) == 0;
    free(decoded);
    free(target);
    return good;
}

static bool good_response(const struct link_request *request,
                          const struct digest_credentials *credentials)
{
    const struct link_face *face = request->face;
    char opaque[65], user_hash[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
    opaque_of(request, opaque);
    if (!is(credentials->algorithm, "MD5-sess") || !is(credentials->opaque, opaque) ||
        !good_uri(request, credentials->uri) || !is(credentials->qop, "auth") ||
        !is(credentials->realm, realm) || !is(credentials->username, face->user) ||
        credentials->response == NULL) {
        return false;
    }
    if (link_face_lenient(face, LINK_LENIENT_PASSWORD)) {
        return true;
    }
    digest_user_hash(user_hash, DIGEST_MD5, face->user, realm, face->password);
    struct digest_request sum = {
        .user_hash = user_hash,
        .nonce = credentials->nonce,
        .cnonce = credentials->cnonce,
        .nc = credentials->nc,
        .qop = credentials->qop,
        .method = slice_of(request->method),
        .uri = slice_of(credentials->uri),
    };
    digest_response(response, DIGEST_MD5_SESS, &sum);
    bool good = digest_equal(response, credentials->response);
    if (!good && link_face_lenient(face, LINK_LENIENT_METHOD)) {
        sum.method = slice_of("GET");
        digest_response(response, DIGEST_MD5_SESS, &sum);
        good = digest_equal(response, credentials->response);
    }
    return good;
}

static void challenge(struct link_request *request, bool stale)
{
    char nonce[65], opaque[65], text[400];
    nonce_of(request, slot_now(request), nonce);
    opaque_of(request, opaque);
    snprintf(text, sizeof text,
             "Digest realm=\"%s\",qop=\"auth\",algorithm=\"MD5-sess\",nonce=\"%s\",opaque=\"%s\"%s",
             realm, nonce, opaque, stale ? ",stale=true" : "");
    pi_send_challenge(request, text);
}

static bool digest_allows(struct link_request *request)
{
    const char *header = link_request_header(request, "Authorization");
    struct digest_credentials credentials;
    if (header == NULL || !digest_credentials_parse(&credentials, slice_of(header), NULL)) {
        challenge(request, false);
        return false;
    }
    bool digest = strcmp(credentials.scheme, "Digest") == 0;
    bool fresh = digest && good_nonce(request, credentials.nonce);
    bool allowed = fresh && good_response(request, &credentials);
    digest_credentials_free(&credentials);
    if (!allowed) {
        challenge(request, digest && !fresh);
    }
    return allowed;
}

/* The key of the settings; after it was deleted, until a restart, the empty one (quirk L-16). */
static bool good_key(const struct link_request *request, const char *key)
{
    const char *wanted = request->face->api_key;
    if (wanted == NULL) {
        return pi_of(request)->key_empty && link_quirk(request->face, 16) && *key == '\0';
    }
    size_t common = strlen(key) < strlen(wanted) ? strlen(key) : strlen(wanted);
    return digest_equal(key, wanted) || (common > 0 && strncmp(key, wanted, common) == 0 &&
                                         link_face_lenient(request->face, LINK_LENIENT_KEY));
}

bool pi_allowed(struct link_request *request, bool digest_only)
{
    if (link_face_lenient(request->face, LINK_LENIENT_OPEN)) {
        return true;
    }
    const char *key = digest_only ? NULL : link_request_header(request, "X-Api-Key");
    if (key == NULL) {
        return digest_allows(request);
    }
    if (good_key(request, key)) {
        return true;
    }
    struct link_reply reply;
    pi_begin_reply(request, &reply, 403, PI_POWERED);
    buffer_append_text(&reply.body, "Bad X-Api-Key.");
    pi_send(request, &reply, NULL);
    return false;
}
