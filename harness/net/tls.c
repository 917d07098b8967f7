#include "harness/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sim/base/memory.h"

enum { REMEMBERED_MAX = 16 };

/* The newest session with a host. One serves all that connect there: a server takes a ticket as
 * often as it is shown (RFC 8446, 8.1, only early data is barred from that). */
struct remembered {
    char *host;
    SSL_SESSION *session;
};

struct tls {
    SSL_CTX *client, *server; /* server NULL: no certificate to listen with */
    bool resume;
    bool system_certificates; /* are still to be read: as they are many, when the first connects */
    struct remembered remembered[REMEMBERED_MAX];
    size_t next; /* the one to be forgotten first */
};

struct tls_session {
    SSL *ssl;
    struct tls *tls; /* connecting, with sessions that are resumed; else NULL */
    char *host;
    char why[256];
};

static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    return reason != NULL ? reason : "unknown reason";
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (context != NULL) {
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
        /* Partial writes from a buffer that may move; idle sessions give their buffers back. */
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    }
    return context;
}

static struct remembered *remembered_for(struct tls *tls, const char *host)
{
    for (size_t i = 0; i < REMEMBERED_MAX; i++) {
        if (tls->remembered[i].host != NULL && strcmp(tls->remembered[i].host, host) == 0) {
            return &tls->remembered[i];
        }
    }
    return NULL;
}

static void forget(struct remembered *remembered)
{
    free(remembered->host);
    SSL_SESSION_free(remembered->session);
    *remembered = (struct remembered){0};
}

/* Called by OpenSSL, in TLS 1.3 some time after the handshake. 1: the reference is ours now. */
static int on_new_session(SSL *ssl, SSL_SESSION *ticket)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    if (session == NULL || session->tls == NULL) {
        return 0;
    }
    struct tls *tls = session->tls;
    struct remembered *place = remembered_for(tls, session->host);
    if (place == NULL) {
        place = &tls->remembered[tls->next];
        tls->next = (tls->next + 1) % REMEMBERED_MAX;
    }
    forget(place);
    *place = (struct remembered){memory_copy_text(session->host), ticket};
    return 1;
}

static bool set_up_client(struct tls *tls, const struct tls_settings *settings, struct error *error)
{
    tls->client = context_new(TLS_client_method());
    if (tls->client == NULL) {
        return error_set(error, "TLS: %s", openssl_reason());
    }
    if (settings->buddy &&
        (SSL_CTX_set_max_proto_version(tls->client, TLS1_2_VERSION) != 1 ||
         SSL_CTX_set_cipher_list(tls->client, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1 ||
         SSL_CTX_set1_groups_list(tls->client, "P-256") != 1)) {
        return error_set(error, "TLS: the cipher of Buddy printers is not there: %s",
                         openssl_reason());
    }
    if (settings->ca_file != NULL) {
        if (SSL_CTX_load_verify_file(tls->client, settings->ca_file) != 1) {
            return error_set(error, "%s: expected certificates in PEM form: %s", settings->ca_file,
                             openssl_reason());
        }
    } else {
        tls->system_certificates = true;
    }
    if (settings->resume) {
        tls->resume = true;
        SSL_CTX_set_session_cache_mode(tls->client,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(tls->client, on_new_session);
    }
    SSL_CTX_set_verify(tls->client, settings->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    return true;
}

static bool set_up_server(struct tls *tls, const struct tls_settings *settings, struct error *error)
{
    if (settings->certificate_file == NULL) {
        return true;
    }
    if (settings->key_file == NULL) {
        return error_set(error, "%s: a certificate needs its key file", settings->certificate_file);
    }
    tls->server = context_new(TLS_server_method());
    if (tls->server == NULL) {
        return error_set(error, "TLS: %s", openssl_reason());
    }
    if (SSL_CTX_use_certificate_chain_file(tls->server, settings->certificate_file) != 1) {
        return error_set(error, "%s: expected a certificate in PEM form: %s",
                         settings->certificate_file, openssl_reason());
    }
    if (SSL_CTX_use_PrivateKey_file(tls->server, settings->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls->server) != 1) {
        return error_set(error, "%s: expected the key of %s in PEM form: %s", settings->key_file,
                         settings->certificate_file, openssl_reason());
    }
    return true;
}

struct tls *tls_new(const struct tls_settings *settings, struct error *error)
{
    static const struct tls_settings defaults;
    settings = settings != NULL ? settings : &defaults;
    struct tls *tls = memory_new(sizeof *tls);
    ERR_clear_error();
    if (!set_up_client(tls, settings, error) || !set_up_server(tls, settings, error)) {
        tls_destroy(tls);
        return NULL;
    }
    return tls;
}

void tls_destroy(struct tls *tls)
{
    if (tls != NULL) {
        for (size_t i = 0; i < REMEMBERED_MAX; i++) {
            forget(&tls->remembered[i]);
        }
        SSL_CTX_free(tls->client);
        SSL_CTX_free(tls->server);
        free(tls);
    }
}

bool tls_can_listen(const struct tls *tls)
{
    return tls->server != NULL;
}

static struct tls_session *session_new(SSL_CTX *context, int fd)
{
    struct tls_session *session = memory_new(sizeof *session);
    session->ssl = SSL_new(context);
    if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1) {
        fputs("hotbed: out of memory for TLS\n", stderr);
        abort();
    }
    return session;
}

struct tls_session *tls_connect(struct tls *tls, int fd, const char *host)
{
    if (tls->system_certificates) {
        tls->system_certificates = false;
        SSL_CTX_set_default_verify_paths(tls->client); /* without them no server is trusted */
    }
    struct tls_session *session = session_new(tls->client, fd);
    unsigned char address[sizeof(struct in6_addr)];
    bool numeric =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    bool set = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session->ssl), host) == 1
                       : SSL_set1_host(session->ssl, host) == 1 &&
                             SSL_set_tlsext_host_name(session->ssl, host) == 1;
    SSL_set_hostflags(session->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set_connect_state(session->ssl);
    if (tls->resume) {
        session->tls = tls;
        session->host = memory_copy_text(host);
        SSL_set_app_data(session->ssl, session);
        const struct remembered *before = remembered_for(tls, host);
        if (before != NULL) {
            SSL_set_session(session->ssl, before->session);
        }
    }
    if (!set) {
        /* An odd name must not pass unverified. */
        snprintf(session->why, sizeof session->why, "the host name cannot be verified");
    }
    return session;
}

struct tls_session *tls_accept(struct tls *tls, int fd)
{
    struct tls_session *session = session_new(tls->server, fd);
    SSL_set_accept_state(session->ssl);
    return session;
}

void tls_session_destroy(struct tls_session *session)
{
    if (session != NULL) {
        if (session->tls != NULL) {
            /* A connection that broke says nothing against its session, which OpenSSL would drop.
             */
            SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        }
        SSL_free(session->ssl);
        free(session->host);
        free(session);
    }
}

static enum tls_result result_of(struct tls_session *session, int returned, int system_error)
{
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    case SSL_ERROR_SYSCALL:
        snprintf(session->why, sizeof session->why, "%s",
                 system_error != 0 ? strerror(system_error) : "cut");
        return system_error == 0 ? TLS_CLOSED : TLS_RESET;
    default:
        break;
    }
    long verdict = SSL_get_verify_result(session->ssl);
    if (verdict != X509_V_OK && SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE) {
        snprintf(session->why, sizeof session->why, "certificate: %s",
                 X509_verify_cert_error_string(verdict));
    } else {
        snprintf(session->why, sizeof session->why, "%s", openssl_reason());
    }
    return TLS_FAILED;
}

enum tls_result tls_handshake(struct tls_session *session)
{
    if (session->why[0] != '\0') {
        return TLS_FAILED;
    }
    ERR_clear_error();
    errno = 0;
    int returned = SSL_do_handshake(session->ssl);
    return returned == 1 ? TLS_DONE : result_of(session, returned, errno);
}

enum tls_result tls_read(struct tls_session *session, char *bytes, size_t size, size_t *got)
{
    *got = 0;
    ERR_clear_error();
    errno = 0;
    int returned = SSL_read_ex(session->ssl, bytes, size, got);
    return returned == 1 ? TLS_DONE : result_of(session, returned, errno);
}

enum tls_result tls_write(struct tls_session *session, const char *bytes, size_t size, size_t *sent)
{
    *sent = 0;
    ERR_clear_error();
    errno = 0;
    int returned = SSL_write_ex(session->ssl, bytes, size, sent);
    return returned == 1 ? TLS_DONE : result_of(session, returned, errno);
}

void tls_goodbye(struct tls_session *session)
{
    ERR_clear_error();
    if (SSL_is_init_finished(session->ssl)) {
        SSL_shutdown(session->ssl);
    }
}

bool tls_session_resumed(const struct tls_session *session)
{
    return SSL_session_reused(session->ssl) == 1;
}

const char *tls_session_why(const struct tls_session *session)
{
    return session->why;
}
