#ifndef HOTBED_WIRE_DIGEST_H
#define HOTBED_WIRE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/wire/http.h"

/* Digest access authentication, both sides, without I/O: RFC 2069 (no qop), RFC 2617 and RFC 7616.
 * What a server checks and which nonces it gives is the server's business; here are the texts and
 * the sums. */

enum digest_algorithm { DIGEST_MD5, DIGEST_MD5_SESS, DIGEST_SHA256, DIGEST_SHA256_SESS };

enum {
    DIGEST_HEX_MAX = 65,        /* a sum in hexadecimal digits with its NUL */
    DIGEST_TEXT_MAX = 8 * 1024, /* a challenge or credentials longer than this are refused */
};

const char *digest_algorithm_name(enum digest_algorithm algorithm);               /* "MD5-sess" */
bool digest_algorithm_parse(struct slice name, enum digest_algorithm *algorithm); /* any case */

/* One "Digest …" of a WWW-Authenticate header. Texts are the challenge's own. */
struct digest_challenge {
    char *realm, *nonce, *opaque; /* opaque NULL: none given */
    enum digest_algorithm algorithm;
    bool algorithm_given; /* false: MD5 by default */
    bool qop_given;       /* false: RFC 2069, the response without nc and cnonce */
    bool qop_auth;        /* "auth" is among them */
    bool stale;
};

/* False with the reason: not Digest, no realm or nonce, an algorithm or a qop that nobody here
 * knows, a broken or overlong text. */
bool digest_challenge_parse(struct digest_challenge *challenge, struct slice value,
                            struct error *error);
void digest_challenge_free(struct digest_challenge *challenge);

/* The fields of an Authorization header. Quoted texts lose quotes and backslashes. What is missing
 * is NULL; a field given twice is a broken text. */
struct digest_credentials {
    char *username, *realm, *nonce, *uri, *response;
    char *algorithm, *cnonce, *nc, *qop, *opaque;
    char *scheme; /* the first word, "Digest" */
};

/* False with the reason when the text is no list of fields behind a scheme. Another scheme than
 * Digest is read the same way as far as it goes: servers differ in how they take it. */
bool digest_credentials_parse(struct digest_credentials *credentials, struct slice value,
                              struct error *error);
void digest_credentials_free(struct digest_credentials *credentials);

/* H(user:realm:password); for the session algorithms the sum that still has to meet nonce and
 * cnonce. */
void digest_user_hash(char out[DIGEST_HEX_MAX], enum digest_algorithm algorithm, const char *user,
                      const char *realm, const char *password);
/* What a request is answered with. `uri` is what counts for the server: as the client wrote it, or
 * the request's target. qop NULL: RFC 2069, nc and cnonce are not used but for a session. */
struct digest_request {
    const char *user_hash; /* digest_user_hash() */
    const char *nonce;
    const char *cnonce, *nc, *qop;
    struct slice method, uri;
};
void digest_response(char out[DIGEST_HEX_MAX], enum digest_algorithm algorithm,
                     const struct digest_request *request);
/* Compared in a time that says nothing about where they differ. */
bool digest_equal(const char *left, const char *right);

/* The client's answer to a challenge: the value of an Authorization header, appended. It uses qop
 * only when it was offered and repeats `algorithm` only when it was given. `count` is how often the
 * nonce was used, this time included. */
void digest_authorization(struct buffer *out, const struct digest_challenge *challenge,
                          const char *user, const char *password, const char *method,
                          const char *target, const char *cnonce, uint32_t count);

/* Sums in hexadecimal digits, lower case. */
void digest_md5_hex(char out[33], const void *bytes, size_t size);
void digest_sha256_hex(char out[65], const void *bytes, size_t size);

/* --- nonces that a server remembers --- */

enum digest_nonce_state { DIGEST_NONCE_GOOD, DIGEST_NONCE_STALE, DIGEST_NONCE_UNKNOWN };

/* A bounded store: the oldest nonce makes room. Zeroed memory with the limits set is empty. */
struct digest_nonces {
    int64_t unused_us; /* until its first use; 0: no limit */
    int64_t used_us;   /* from its first use; 0: no limit */
    uint32_t uses_max; /* 0: no limit */
    struct digest_nonce *nonces;
    size_t count;
};

enum { DIGEST_NONCES_MAX = 256 };

void digest_nonces_free(struct digest_nonces *nonces);
void digest_nonces_add(struct digest_nonces *nonces, const char *nonce, int64_t now_us);
/* Counts as a use when it is good. */
enum digest_nonce_state digest_nonces_use(struct digest_nonces *nonces, const char *nonce,
                                          int64_t now_us);

#endif
