#include <stdio.h>
#include <string.h>

#include "harness/clients/link_internal.h"

/* Who the client is: its key, or digest by the server's challenge. */

/* A nonce that may end while an upload begins is renewed before: SL1 gives 30 s or 30 uses, the Pi
 * 60 s (2.2). */
#define NONCE_FRESH_US SECONDS(20)

enum { NONCE_FRESH_USES = 20, REFUSALS_MAX = 2 };

bool link_client_wants_nonce(const struct link_client *client)
{
    if (client->user == NULL || client->api_key != NULL) {
        return false;
    }
    return !client->challenged || client->nonce_uses >= NONCE_FRESH_USES ||
           client->world->now_us - client->challenged_us > NONCE_FRESH_US;
}

static void write_cnonce(struct link_client *client, char out[17])
{
    snprintf(out, 17, "%016llx", (unsigned long long)random_next(&client->random));
}

void link_call_line(struct buffer *lines, const char *name, const char *value)
{
    buffer_format(lines, "%s: %s", name, value);
    buffer_append_char(lines, '\0');
}

void link_call_credentials(struct link_call *call, struct buffer *lines, const char *method,
                           const char *target)
{
    struct link_client *client = call->client;
    call->with_credentials = false;
    if (call->bare) {
        return;
    }
    if (client->api_key != NULL) {
        link_call_line(lines, "X-Api-Key", client->api_key);
        call->with_credentials = true;
    } else if (client->user != NULL && client->challenged) {
        char cnonce[17];
        write_cnonce(client, cnonce);
        struct buffer value = {0};
        call->nonce_was_used = client->nonce_uses > 0;
        digest_authorization(&value, &client->challenge, client->user, client->password, method,
                             target, cnonce, ++client->nonce_uses);
        link_call_line(lines, "Authorization", value.bytes);
        buffer_free(&value);
        call->with_credentials = true;
    }
}

static void learn_flavour(struct link_client *client)
{
    static const struct {
        const char *realm;
        enum link_flavour flavour;
    } realms[] = {{"Administrator", LINK_FLAVOUR_PI}, /* prusalink.md 1.1 */
                  {"Printer API", LINK_FLAVOUR_BUDDY},
                  {"prusa-sl1", LINK_FLAVOUR_SLA}};
    for (size_t i = 0; i < sizeof realms / sizeof *realms; i++) {
        if (client->flavour == LINK_FLAVOUR_UNKNOWN &&
            strcmp(client->challenge.realm, realms[i].realm) == 0) {
            client->flavour = realms[i].flavour;
        }
    }
}

/* The first challenge that can be met becomes the present one. */
static bool take_challenge(struct link_client *client)
{
    for (size_t i = 0; i < client->message.header_count; i++) {
        const struct http_header *header = &client->message.headers[i];
        struct digest_challenge challenge;
        if (!slice_is_nocase(header->name, "WWW-Authenticate") ||
            !digest_challenge_parse(&challenge, header->value, NULL)) {
            continue;
        }
        if (challenge.qop_given && !challenge.qop_auth) {
            digest_challenge_free(&challenge);
            continue;
        }
        if (client->challenged) {
            digest_challenge_free(&client->challenge);
        }
        client->challenge = challenge;
        client->challenged = true;
        client->challenged_us = client->world->now_us;
        client->nonce_uses = 0;
        learn_flavour(client);
        return true;
    }
    return false;
}

/* After 401: whether the same request goes out again. Once for want of a challenge or an old nonce;
 * a refusal of fresh credentials is final, and so is the second one in a row (PL-CL-02). */
bool link_call_try_again(struct link_call *call, const char **why)
{
    struct link_client *client = call->client;
    call->refusals++;
    *why = "the credentials are refused";
    if (client->user == NULL || client->api_key != NULL || call->bare) {
        return false;
    }
    if (!take_challenge(client)) {
        *why = "401 without a digest challenge that can be met";
        return false;
    }
    bool fresh_refused =
        call->with_credentials && !client->challenge.stale && !call->nonce_was_used;
    return !fresh_refused && call->refusals <= REFUSALS_MAX;
}
