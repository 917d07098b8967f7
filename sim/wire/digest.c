/* Digest access authentication: the texts of challenges and credentials, and the sums. The sums are
 * OpenSSL's. */
#include "sim/wire/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

/* --- algorithms --- */

static const struct {
    const char *name;
    bool sha256, session;
} algorithms[] = {
    [DIGEST_MD5] = {"MD5", false, false},
    [DIGEST_MD5_SESS] = {"MD5-sess", false, true},
    [DIGEST_SHA256] = {"SHA-256", true, false},
    [DIGEST_SHA256_SESS] = {"SHA-256-sess", true, true},
};

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

bool digest_algorithm_parse(struct slice name, enum digest_algorithm *algorithm)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (slice_is_nocase(name, algorithms[i].name)) {
            *algorithm = (enum digest_algorithm)i;
            return true;
        }
    }
    return false;
}

/* --- sums --- */

static void hash_hex(char *out, bool sha256, const void *bytes, size_t size)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int sum_size = 0;
    int done = EVP_Digest(bytes, size, sum, &sum_size, sha256 ? EVP_sha256() : EVP_md5(), NULL);
    assert(done == 1);
    (void)done;
    for (unsigned int i = 0; i < sum_size; i++) {
        out[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    out[2 * (size_t)sum_size] = '\0';
}

void digest_md5_hex(char out[33], const void *bytes, size_t size)
{
    hash_hex(out, false, bytes, size);
}

void digest_sha256_hex(char out[65], const void *bytes, size_t size)
{
    hash_hex(out, true, bytes, size);
}

/* H(part ":" part …) */
static void hash_parts(char out[DIGEST_HEX_MAX], enum digest_algorithm algorithm,
                       const struct slice *parts, size_t count)
{
    struct buffer text = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buffer_append_char(&text, ':');
        }
        buffer_append(&text, parts[i].bytes, parts[i].size);
    }
    hash_hex(out, algorithms[algorithm].sha256, buffer_text(&text), text.size);
    buffer_free(&text);
}

static struct slice text_or_empty(const char *text)
{
    return slice_of(text == NULL ? "" : text);
}

void digest_user_hash(char out[DIGEST_HEX_MAX], enum digest_algorithm algorithm, const char *user,
                      const char *realm, const char *password)
{
    struct slice parts[] = {slice_of(user), slice_of(realm), slice_of(password)};
    hash_parts(out, algorithm, parts, 3);
}

void digest_response(char out[DIGEST_HEX_MAX], enum digest_algorithm algorithm,
                     const struct digest_request *request)
{
    char session[DIGEST_HEX_MAX], target[DIGEST_HEX_MAX];
    const char *first = request->user_hash;
    struct slice nonce = text_or_empty(request->nonce), cnonce = text_or_empty(request->cnonce);
    if (algorithms[algorithm].session) {
        struct slice parts[] = {slice_of(first), nonce, cnonce};
        hash_parts(session, algorithm, parts, 3);
        first = session;
    }
    struct slice target_parts[] = {request->method, request->uri};
    hash_parts(target, algorithm, target_parts, 2);
    if (request->qop == NULL) {
        struct slice parts[] = {slice_of(first), nonce, slice_of(target)};
        hash_parts(out, algorithm, parts, 3);
    } else {
        struct slice parts[] = {
            slice_of(first),        nonce,           text_or_empty(request->nc), cnonce,
            slice_of(request->qop), slice_of(target)};
        hash_parts(out, algorithm, parts, 6);
    }
}

bool digest_equal(const char *left, const char *right)
{
    size_t size = strlen(left);
    if (strlen(right) != size) {
        return false;
    }
    unsigned char different = 0;
    for (size_t i = 0; i < size; i++) {
        different |= (unsigned char)((unsigned char)left[i] ^ (unsigned char)right[i]);
    }
    return different == 0;
}

/* --- texts --- */

struct fields {
    const char *at, *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip(struct fields *fields, bool commas)
{
    while (fields->at < fields->end && (is_blank(*fields->at) || (commas && *fields->at == ','))) {
        fields->at++;
    }
}

static struct slice take_word(struct fields *fields)
{
    const char *begin = fields->at;
    while (fields->at < fields->end && !is_blank(*fields->at) && *fields->at != '=' &&
           *fields->at != ',' && *fields->at != '"') {
        fields->at++;
    }
    return (struct slice){begin, (size_t)(fields->at - begin)};
}

/* A word or a quoted text without its quotes and backslashes; NULL: broken. */
static char *take_value(struct fields *fields)
{
    if (fields->at == fields->end || *fields->at != '"') {
        const char *begin = fields->at;
        while (fields->at < fields->end && !is_blank(*fields->at) && *fields->at != ',') {
            fields->at++;
        }
        return memory_copy_slice(begin, (size_t)(fields->at - begin));
    }
    struct buffer text = {0};
    for (fields->at++; fields->at < fields->end; fields->at++) {
        if (*fields->at == '"') {
            fields->at++;
            return buffer_detach(&text);
        }
        if (*fields->at == '\\' && fields->at + 1 < fields->end) {
            fields->at++;
        }
        buffer_append_char(&text, *fields->at);
    }
    buffer_free(&text);
    return NULL;
}

/* The next "name=value". False: none is left, or *broken. */
static bool take_field(struct fields *fields, struct slice *name, char **value, bool *broken)
{
    skip(fields, true);
    *broken = false;
    if (fields->at == fields->end) {
        return false;
    }
    *name = take_word(fields);
    skip(fields, false);
    *broken = true;
    if (name->size == 0 || fields->at == fields->end || *fields->at != '=') {
        return false;
    }
    fields->at++;
    skip(fields, false);
    *value = take_value(fields);
    if (*value == NULL) {
        return false;
    }
    skip(fields, false);
    *broken = fields->at < fields->end && *fields->at != ',';
    if (*broken) {
        free(*value);
    }
    return !*broken;
}

static bool begins(struct fields *fields, struct slice value, struct slice *scheme,
                   struct error *error)
{
    if (value.size > DIGEST_TEXT_MAX || (value.size > 0 && memchr(value.bytes, '\0', value.size))) {
        return error_set(error, "the digest text is longer than %d bytes or holds a NUL",
                         DIGEST_TEXT_MAX);
    }
    *fields = (struct fields){value.bytes, value.bytes + value.size};
    skip(fields, false);
    *scheme = take_word(fields);
    return scheme->size > 0 || error_set(error, "the digest text has no scheme");
}

/* Whether one of the words of a qop is "auth". */
static bool offers_auth(const char *qop)
{
    return http_header_has_token(slice_of(qop), "auth");
}

static bool keep(char **place, char *value)
{
    if (*place != NULL) {
        free(value);
        return false;
    }
    *place = value;
    return true;
}

/* Takes over `value`. */
static bool challenge_field(struct digest_challenge *challenge, struct slice name, char *value,
                            struct error *error)
{
    bool good = true;
    if (slice_is_nocase(name, "realm")) {
        return keep(&challenge->realm, value) || error_set(error, "the challenge has two realms");
    }
    if (slice_is_nocase(name, "nonce")) {
        return keep(&challenge->nonce, value) || error_set(error, "the challenge has two nonces");
    }
    if (slice_is_nocase(name, "opaque")) {
        return keep(&challenge->opaque, value) ||
               error_set(error, "the challenge has two opaque fields");
    }
    if (slice_is_nocase(name, "stale")) {
        challenge->stale = slice_is_nocase(slice_of(value), "true");
    } else if (slice_is_nocase(name, "qop")) {
        challenge->qop_given = true;
        challenge->qop_auth = offers_auth(value);
        good = challenge->qop_auth ||
               error_set(error, "the challenge offers no qop that is known, but \"%.40s\"", value);
    } else if (slice_is_nocase(name, "algorithm")) {
        challenge->algorithm_given = true;
        good = digest_algorithm_parse(slice_of(value), &challenge->algorithm) ||
               error_set(error, "the challenge wants the unknown algorithm \"%.40s\"", value);
    }
    free(value);
    return good;
}

bool digest_challenge_parse(struct digest_challenge *challenge, struct slice value,
                            struct error *error)
{
    *challenge = (struct digest_challenge){0};
    struct fields fields;
    struct slice scheme, name;
    if (!begins(&fields, value, &scheme, error)) {
        return false;
    }
    if (!slice_is_nocase(scheme, "Digest")) {
        return error_set(error, "the challenge is not Digest but %.*s",
                         (int)(scheme.size < 40 ? scheme.size : 40), scheme.bytes);
    }
    char *text;
    bool broken, good = true;
    while (good && take_field(&fields, &name, &text, &broken)) {
        good = challenge_field(challenge, name, text, error);
    }
    if (good && broken) {
        good = error_set(error, "the challenge is no list of fields");
    } else if (good && challenge->realm == NULL) {
        good = error_set(error, "the challenge has no realm");
    } else if (good && challenge->nonce == NULL) {
        good = error_set(error, "the challenge has no nonce");
    }
    if (!good) {
        digest_challenge_free(challenge);
    }
    return good;
}

void digest_challenge_free(struct digest_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->nonce);
    free(challenge->opaque);
    *challenge = (struct digest_challenge){0};
}

/* Where a field of credentials goes; NULL: nobody wants it. */
static char **credentials_place(struct digest_credentials *credentials, struct slice name)
{
    const struct {
        const char *name;
        char **place;
    } places[] = {
        {"username", &credentials->username}, {"realm", &credentials->realm},
        {"nonce", &credentials->nonce},       {"uri", &credentials->uri},
        {"response", &credentials->response}, {"algorithm", &credentials->algorithm},
        {"cnonce", &credentials->cnonce},     {"nc", &credentials->nc},
        {"qop", &credentials->qop},           {"opaque", &credentials->opaque},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (slice_is_nocase(name, places[i].name)) {
            return places[i].place;
        }
    }
    return NULL;
}

bool digest_credentials_parse(struct digest_credentials *credentials, struct slice value,
                              struct error *error)
{
    *credentials = (struct digest_credentials){0};
    struct fields fields;
    struct slice scheme, name;
    if (!begins(&fields, value, &scheme, error)) {
        return false;
    }
    credentials->scheme = memory_copy_slice(scheme.bytes, scheme.size);
    bool digest = slice_is_nocase(scheme, "Digest");
    char *text;
    bool broken, good = true;
    while (good && take_field(&fields, &name, &text, &broken)) {
        char **place = credentials_place(credentials, name);
        if (place == NULL) {
            free(text);
        } else {
            good =
                keep(place, text) || error_set(error, "a field of the credentials is there twice");
        }
    }
    if (good && broken && digest) {
        good = error_set(error, "the credentials are no list of fields");
    }
    if (!good) {
        digest_credentials_free(credentials);
    }
    return good;
}

void digest_credentials_free(struct digest_credentials *credentials)
{
    free(credentials->username);
    free(credentials->realm);
    free(credentials->nonce);
    free(credentials->uri);
    free(credentials->response);
    free(credentials->algorithm);
    free(credentials->cnonce);
    free(credentials->nc);
    free(credentials->qop);
    free(credentials->opaque);
    free(credentials->scheme);
    *credentials = (struct digest_credentials){0};
}

static void quoted(struct buffer *out, const char *name, const char *text)
{
    buffer_append_text(out, name);
    buffer_append_text(out, "=\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buffer_append_char(out, '\\');
        }
        buffer_append_char(out, *text);
    }
    buffer_append_char(out, '"');
}

void digest_authorization(struct buffer *out, const struct digest_challenge *challenge,
                          const char *user, const char *password, const char *method,
                          const char *target, const char *cnonce, uint32_t count)
{
    char user_hash[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
    char nc[] = "00000000";
    for (size_t i = 0; i < 8; i++) {
        nc[i] = "0123456789abcdef"[count >> (28 - 4 * i) & 15];
    }
    digest_user_hash(user_hash, challenge->algorithm, user, challenge->realm, password);
    const struct digest_request request = {
        .user_hash = user_hash,
        .nonce = challenge->nonce,
        .cnonce = cnonce,
        .nc = nc,
        .qop = challenge->qop_given ? "auth" : NULL,
        .method = slice_of(method),
        .uri = slice_of(target),
    };
    digest_response(response, challenge->algorithm, &request);
    quoted(out, "Digest username", user);
    quoted(out, ", realm", challenge->realm);
    quoted(out, ", nonce", challenge->nonce);
    quoted(out, ", uri", target);
    if (challenge->algorithm_given) {
        buffer_append_text(out, ", algorithm=");
        buffer_append_text(out, digest_algorithm_name(challenge->algorithm));
    }
    if (challenge->qop_given) {
        buffer_append_text(out, ", qop=auth, nc=");
        buffer_append_text(out, nc);
    }
    if (challenge->qop_given || algorithms[challenge->algorithm].session) {
        quoted(out, ", cnonce", cnonce);
    }
    quoted(out, ", response", response);
    if (challenge->opaque != NULL) {
        quoted(out, ", opaque", challenge->opaque);
    }
}

/* --- nonces that a server remembers --- */

struct digest_nonce {
    char *text;
    int64_t given_us, first_use_us; /* first_use_us -1: never */
    uint32_t uses;
};

void digest_nonces_free(struct digest_nonces *nonces)
{
    for (size_t i = 0; i < nonces->count; i++) {
        free(nonces->nonces[i].text);
    }
    free(nonces->nonces);
    nonces->nonces = NULL;
    nonces->count = 0;
}

void digest_nonces_add(struct digest_nonces *nonces, const char *nonce, int64_t now_us)
{
    if (nonces->count == DIGEST_NONCES_MAX) {
        free(nonces->nonces[0].text);
        memmove(nonces->nonces, nonces->nonces + 1,
                (DIGEST_NONCES_MAX - 1) * sizeof *nonces->nonces);
        nonces->count--;
    }
    nonces->nonces = memory_resize(nonces->nonces, (nonces->count + 1) * sizeof *nonces->nonces);
    nonces->nonces[nonces->count++] = (struct digest_nonce){
        .text = memory_copy_text(nonce), .given_us = now_us, .first_use_us = -1};
}

static bool over(int64_t since_us, int64_t limit_us, int64_t now_us)
{
    return limit_us > 0 && now_us - since_us > limit_us;
}

enum digest_nonce_state digest_nonces_use(struct digest_nonces *nonces, const char *nonce,
                                          int64_t now_us)
{
    for (size_t i = 0; i < nonces->count; i++) {
        struct digest_nonce *known = &nonces->nonces[i];
        if (strcmp(known->text, nonce) != 0) {
            continue;
        }
        bool used = known->first_use_us >= 0;
        if ((!used && over(known->given_us, nonces->unused_us, now_us)) ||
            (used && over(known->first_use_us, nonces->used_us, now_us)) ||
            (nonces->uses_max > 0 && known->uses >= nonces->uses_max)) {
            return DIGEST_NONCE_STALE;
        }
        known->uses++;
        known->first_use_us = used ? known->first_use_us : now_us;
        return DIGEST_NONCE_GOOD;
    }
    return DIGEST_NONCE_UNKNOWN;
}
