#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/wire/digest.h"

#define SECOND INT64_C(1000000)

struct vector {
    enum digest_algorithm algorithm;
    const char *user, *realm, *password, *nonce, *cnonce, *nc, *qop, *target, *response;
};

/* RFC 2617 section 3.5, RFC 7616 section 3.9.1, and prusalink.md 2.2. */
static const struct vector vectors[] = {
    {DIGEST_MD5, "Mufasa", "testrealm@host.com", "Circle Of Life",
     "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "00000001", "auth", "/dir/index.html",
     "6629fae49393a05397450978507c4ef1"},
    {DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life",
     "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
     "00000001", "auth", "/dir/index.html", "8ca523f5e9506fed4657c9700eebdbec"},
    {DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life",
     "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
     "00000001", "auth", "/dir/index.html",
     "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    {DIGEST_MD5, "maker", "Printer API", "password", "aaaaaaaa00000000", NULL, NULL, NULL,
     "/secret.html", "0cbf0ac5ca4c879c35a3b91430214a47"},
    {DIGEST_MD5, "maker", "Printer API", "password", "dcd98b7102dd2f0e", NULL, NULL, NULL,
     "/secret.html", "285b9c363d25d31c5867bca2bd4121af"},
    {DIGEST_MD5, "maker", "Printer API", "password", "4f0d1c2b00000e10", NULL, NULL, NULL,
     "/api/v1/status", "57962bc3795de0f49dad41265d068c61"},
    {DIGEST_MD5_SESS, "maker", "Administrator", "Sup3rSecret",
     "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "f2b6a1c0d3e4f567",
     "00000001", "auth", "/api/version", "e13a90497747152dcece2b760df7eb02"},
};

static void answers_the_vectors_of_the_standards(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *vector = &vectors[i];
        char user[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
        digest_user_hash(user, vector->algorithm, vector->user, vector->realm, vector->password);
        const struct digest_request request = {.user_hash = user,
                                               .nonce = vector->nonce,
                                               .cnonce = vector->cnonce,
                                               .nc = vector->nc,
                                               .qop = vector->qop,
                                               .method = slice_of("GET"),
                                               .uri = slice_of(vector->target)};
        digest_response(response, vector->algorithm, &request);
        assert_string_equal(response, vector->response);
    }
}

static void reads_the_challenges_of_printers(void **state)
{
    (void)state;
    struct digest_challenge challenge;
    struct error error;
    assert_true(digest_challenge_parse(
        &challenge,
        slice_of("Digest realm=\"Administrator\",qop=\"auth\",algorithm=\"MD5-sess\","
                 "nonce=\"0f\",opaque=\"49\",stale=true"),
        &error));
    assert_string_equal(challenge.realm, "Administrator");
    assert_string_equal(challenge.opaque, "49");
    assert_int_equal(challenge.algorithm, DIGEST_MD5_SESS);
    assert_true(challenge.qop_auth && challenge.stale);
    digest_challenge_free(&challenge);
    assert_true(digest_challenge_parse(
        &challenge, slice_of("Digest realm=\"Printer API\", nonce=\"00ff\", stale=false"), &error));
    assert_false(challenge.qop_given || challenge.algorithm_given || challenge.stale);
    assert_int_equal(challenge.algorithm, DIGEST_MD5);
    digest_challenge_free(&challenge);
}

static void refuses_what_is_no_challenge(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "Basic realm=\"x\"",
        "Digest",
        "Digest realm=\"x\"",
        "Digest nonce=\"x\"",
        "Digest realm=\"x, nonce=\"y\"",
        "Digest realm=\"x\" nonce=\"y\"",
        "Digest realm=\"x\", realm=\"y\", nonce=\"z\"",
        "Digest realm=\"x\", nonce=\"y\", algorithm=CRC",
        "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
        "Digest realm=\"x\", nonce",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct digest_challenge challenge;
        struct error error = {""};
        assert_false(digest_challenge_parse(&challenge, slice_of(texts[i]), &error));
        assert_true(error.text[0] != '\0');
    }
}

static void reads_credentials_quoted_or_not(void **state)
{
    (void)state;
    struct digest_credentials credentials;
    struct error error;
    assert_true(digest_credentials_parse(
        &credentials,
        slice_of("Digest username=\"a\\\"b\", uri=\"/x?y=1,2\", qop=auth , nc=00000001,algorithm = "
                 "MD5-sess, response=\"00\""),
        &error));
    assert_string_equal(credentials.username, "a\"b");
    assert_string_equal(credentials.uri, "/x?y=1,2");
    assert_string_equal(credentials.qop, "auth");
    assert_string_equal(credentials.algorithm, "MD5-sess");
    assert_null(credentials.nonce);
    digest_credentials_free(&credentials);
    assert_true(
        digest_credentials_parse(&credentials, slice_of("Basic bWFrZXI6c2VjcmV0MUE="), &error));
    assert_string_equal(credentials.scheme, "Basic");
    digest_credentials_free(&credentials);
    assert_false(digest_credentials_parse(&credentials, slice_of("Digest a=\"b"), &error));
    assert_false(digest_credentials_parse(&credentials, slice_of("Digest uri=/a, uri=/b"), &error));
}

/* What a client makes of a challenge is what a server makes of it. */
static void both_sides_agree(void **state)
{
    (void)state;
    static const char *const challenges[] = {
        ("Digest "
         "realm=\"Administrator\",qop=\"auth\",algorithm=\"MD5-sess\",nonce=\"n\",opaque=\"o\""),
        "Digest realm=\"Printer API\", nonce=\"4f0d1c2b00000e10\", stale=false",
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth, auth-int\", algorithm=SHA-256",
    };
    for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
        struct digest_challenge challenge;
        struct digest_credentials credentials;
        struct buffer header = {0};
        char user[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
        assert_true(digest_challenge_parse(&challenge, slice_of(challenges[i]), NULL));
        digest_authorization(&header, &challenge, "maker", "pass", "PUT", "/a%20b", "c0ffee", 258);
        assert_true(digest_credentials_parse(&credentials,
                                             (struct slice){header.bytes, header.size}, NULL));
        assert_int_equal(credentials.qop != NULL, challenge.qop_given);
        assert_int_equal(credentials.algorithm != NULL, challenge.algorithm_given);
        if (challenge.qop_given) {
            assert_string_equal(credentials.nc, "00000102");
        }
        digest_user_hash(user, challenge.algorithm, "maker", challenge.realm, "pass");
        const struct digest_request request = {.user_hash = user,
                                               .nonce = credentials.nonce,
                                               .cnonce = credentials.cnonce,
                                               .nc = credentials.nc,
                                               .qop = credentials.qop,
                                               .method = slice_of("PUT"),
                                               .uri = slice_of(credentials.uri)};
        digest_response(response, challenge.algorithm, &request);
        assert_true(digest_equal(response, credentials.response));
        digest_credentials_free(&credentials);
        digest_challenge_free(&challenge);
        buffer_free(&header);
    }
}

static void forgets_nonces_by_time_and_use(void **state)
{
    (void)state;
    struct digest_nonces nonces = {
        .unused_us = 120 * SECOND, .used_us = 30 * SECOND, .uses_max = 2};
    digest_nonces_add(&nonces, "a", 0);
    digest_nonces_add(&nonces, "b", 0);
    digest_nonces_add(&nonces, "c", 0);
    assert_int_equal(digest_nonces_use(&nonces, "x", 1), DIGEST_NONCE_UNKNOWN);
    assert_int_equal(digest_nonces_use(&nonces, "a", SECOND), DIGEST_NONCE_GOOD);
    assert_int_equal(digest_nonces_use(&nonces, "a", 2 * SECOND), DIGEST_NONCE_GOOD);
    assert_int_equal(digest_nonces_use(&nonces, "a", 3 * SECOND), DIGEST_NONCE_STALE);
    assert_int_equal(digest_nonces_use(&nonces, "b", 100 * SECOND), DIGEST_NONCE_GOOD);
    assert_int_equal(digest_nonces_use(&nonces, "b", 131 * SECOND), DIGEST_NONCE_STALE);
    assert_int_equal(digest_nonces_use(&nonces, "c", 121 * SECOND), DIGEST_NONCE_STALE);
    for (int i = 0; i < 2 * DIGEST_NONCES_MAX; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        digest_nonces_add(&nonces, text, 0);
    }
    assert_int_equal(nonces.count, DIGEST_NONCES_MAX);
    digest_nonces_free(&nonces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_the_vectors_of_the_standards),
        cmocka_unit_test(reads_the_challenges_of_printers),
        cmocka_unit_test(refuses_what_is_no_challenge),
        cmocka_unit_test(reads_credentials_quoted_or_not),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(forgets_nonces_by_time_and_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
