#include "tests/protocol/sl1_bench.h"

#include <string.h>

#include "sim/wire/digest.h"

static struct buffer credentials;

/* "Authorization: Digest …" for the challenge of the last answer. */
void sl1_authorize(struct firmware *printer, const char *method, const char *target,
                   const char *password)
{
    struct digest_challenge challenge;
    const char *line = strstr(buffer_text(&printer->reply), "WWW-Authenticate: ");
    assert_non_null(line);
    line += strlen("WWW-Authenticate: ");
    assert_true(
        digest_challenge_parse(&challenge, (struct slice){line, strcspn(line, "\r")}, NULL));
    buffer_clear(&credentials);
    buffer_append_text(&credentials, "Authorization: ");
    digest_authorization(&credentials, &challenge, "maker", password, method, target, "cafe", 1);
    buffer_append_text(&credentials, "\r\n");
    digest_challenge_free(&challenge);
}

const char *sl1_ask(struct firmware *printer, const char *method, const char *target,
                    const char *headers, const char *body)
{
    struct buffer all = {0};
    firmware_ask_bare(printer, "GET", "/api/version", NULL, NULL);
    assert_int_equal(printer->status, 401);
    sl1_authorize(printer, method, target, link_face_password(printer->face));
    buffer_format(&all, "%s%s", buffer_text(&credentials), headers == NULL ? "" : headers);
    const char *answer = firmware_ask_bare(printer, method, target, buffer_text(&all), body);
    buffer_free(&all);
    return answer;
}

const char *sl1_credentials(void)
{
    return buffer_text(&credentials);
}

void sl1_forget(void)
{
    buffer_free(&credentials);
}
