/* Challenges and credentials: what is read must be answered with something that can be read, and
 * what is not good must free what it made. */
#include <stddef.h>
#include <stdint.h>
#include <assert.h>

#include "sim/wire/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct digest_challenge challenge;
    struct digest_credentials credentials;
    struct error error;
    if (digest_challenge_parse(&challenge, text, &error)) {
        struct buffer header = {0};
        digest_authorization(&header, &challenge, "maker", "pass", "GET", "/", "c", 1);
        assert(digest_credentials_parse(&credentials, (struct slice){header.bytes, header.size},
                                        &error) ||
               header.size > DIGEST_TEXT_MAX);
        digest_credentials_free(&credentials);
        digest_challenge_free(&challenge);
        buffer_free(&header);
    }
    if (digest_credentials_parse(&credentials, text, &error)) {
        digest_credentials_free(&credentials);
    }
    return 0;
}
