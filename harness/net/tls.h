#ifndef HOTBED_NET_TLS_H
#define HOTBED_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"

/* TLS 1.2 and later through OpenSSL over non-blocking sockets. The certificate of the other side
 * and its host name are verified unless `insecure` says otherwise. */
struct tls_settings {
    const char *ca_file;          /* PEM, instead of the system's; NULL: the system's */
    bool insecure;                /* accept any certificate, for peers in a laboratory */
    const char *certificate_file; /* PEM chain, for listening; NULL: TLS cannot be listened on */
    const char *key_file;         /* PEM, with it */
    bool resume; /* connecting: offer the host's last session again, as load does that stands for
                    clients that come back; off, each handshake is a full one */
    bool buddy; /* connecting: as Buddy firmware does it: TLS 1.2 alone, one cipher suite, one curve
                   (connect-buddy.md 1.2) */
};

struct tls;
struct tls_session;

enum tls_result {
    TLS_DONE,
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_CLOSED, /* by the other side; without a close_notify too: many real servers leave it out */
    TLS_RESET,
    TLS_FAILED, /* handshake, certificate or protocol: tls_session_why() */
};

struct tls *tls_new(const struct tls_settings *settings, struct error *error);
void tls_destroy(struct tls *tls); /* NULL is fine; sessions may outlive it, but with
                                  `resume` */
bool tls_can_listen(const struct tls *tls);

/* `host` is what the certificate must be for (a name, also sent as SNI, or an address). */
struct tls_session *tls_connect(struct tls *tls, int fd, const char *host);
struct tls_session *tls_accept(struct tls *tls, int fd);
void tls_session_destroy(struct tls_session *session);

enum tls_result tls_handshake(struct tls_session *session);
enum tls_result tls_read(struct tls_session *session, char *bytes, size_t size, size_t *got);
enum tls_result tls_write(struct tls_session *session, const char *bytes, size_t size,
                          size_t *sent);
void tls_goodbye(struct tls_session *session);               /* close_notify, if it can leave */
bool tls_session_resumed(const struct tls_session *session); /* after the handshake */
const char *tls_session_why(const struct tls_session *session);

#endif
