#ifndef HOTBED_TESTS_NET_BED_H
#define HOTBED_TESTS_NET_BED_H

/* What the tests of the network share: a world in real time, certificates made on the spot, a
 * service that keeps a log, and waiting for an event instead of for a time. Included by each test
 * once. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/net/real.h"
#include "harness/net/socket.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/service.h"

enum { PATIENCE_S = 10 };

struct net_bed {
    struct world world;
    struct real_driver *driver;
    struct buffer log;
    volatile bool stop;
    struct http_service service;
    struct http_reply reply;
    struct http_exchange *waiting;
    bool later;
    struct timer late;
    char folder[64], ca[96], other_ca[96], certificate[96], key[96];
};

/* Until `*stop`, which the event that is waited for sets; a test that waits in vain fails. */
static inline void net_bed_wait(struct net_bed *bed)
{
    int64_t limit_us = bed->world.now_us + SECONDS(PATIENCE_S);
    world_run(&bed->world, limit_us, &bed->stop);
    if (!bed->stop) {
        fail_msg("nothing happened in %d s; so far: %s", PATIENCE_S, buffer_text(&bed->log));
    }
    bed->stop = false;
}

/* Until the log says `text`: for what may come together with what was waited for before. */
static inline void net_bed_wait_for(struct net_bed *bed, const char *text)
{
    while (strstr(bed->log.bytes, text) == NULL) {
        net_bed_wait(bed);
    }
    bed->stop = false;
}

static inline void net_bed_request(void *owner, struct http_exchange *exchange,
                                   const struct http_message *message)
{
    struct net_bed *bed = owner;
    buffer_format(&bed->log, "[%.*s %.*s ", (int)message->method.size, message->method.bytes,
                  (int)message->target.size, message->target.bytes);
    buffer_append(&bed->log, message->body.bytes, message->body.size);
    buffer_append_char(&bed->log, ']');
    if (bed->later) {
        bed->waiting = exchange;
        bed->stop = true;
    } else {
        http_exchange_reply(exchange, &bed->reply);
    }
}

static inline void net_bed_gone(void *owner, struct http_exchange *exchange)
{
    struct net_bed *bed = owner;
    assert_ptr_equal(exchange, bed->waiting);
    bed->waiting = NULL;
    buffer_append_text(&bed->log, "[gone]");
    bed->stop = true;
}

static inline X509 *make_certificate(EVP_PKEY *key, const char *name, X509 *issuer,
                                     EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer == NULL ? certificate : issuer, certificate, NULL, NULL, 0);
    char names[128];
    snprintf(names, sizeof names, "DNS:%s", name);
    X509_EXTENSION *extension =
        issuer == NULL
            ? X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:TRUE")
            : X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0);
    return certificate;
}

static inline void save(const char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(certificate != NULL
                         ? PEM_write_X509(file, certificate)
                         : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL),
                     1);
    fclose(file);
}

/* A CA, a certificate of it for "localhost", and another CA that has nothing to do with either. */
static inline void net_bed_make_certificates(struct net_bed *bed)
{
    snprintf(bed->folder, sizeof bed->folder, "/tmp/hotbed-net-XXXXXX");
    assert_non_null(mkdtemp(bed->folder));
    snprintf(bed->ca, sizeof bed->ca, "%s/ca.pem", bed->folder);
    snprintf(bed->other_ca, sizeof bed->other_ca, "%s/other.pem", bed->folder);
    snprintf(bed->certificate, sizeof bed->certificate, "%s/cert.pem", bed->folder);
    snprintf(bed->key, sizeof bed->key, "%s/key.pem", bed->folder);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_certificate(ca_key, "Test CA", NULL, NULL);
    X509 *other = make_certificate(key, "Other CA", NULL, NULL);
    X509 *certificate = make_certificate(key, "localhost", ca, ca_key);
    save(bed->ca, ca, NULL);
    save(bed->other_ca, other, NULL);
    save(bed->certificate, certificate, NULL);
    save(bed->key, NULL, key);
    X509_free(ca);
    X509_free(other);
    X509_free(certificate);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

static inline void net_bed_begin(struct net_bed *bed)
{
    *bed = (struct net_bed){0};
    struct error error;
    world_init(&bed->world, 1);
    bed->driver = real_driver_new(&bed->world, &error);
    assert_non_null(bed->driver);
    bed->service = (struct http_service){.request = net_bed_request,
                                         .gone = net_bed_gone,
                                         .service = bed,
                                         .body_bytes_max = 1000000};
    bed->reply = (struct http_reply){.status = 200, .body = "yes", .body_size = 3};
    buffer_append_text(&bed->log, "");
}

static inline void net_bed_end(struct net_bed *bed)
{
    real_driver_destroy(bed->driver);
    buffer_free(&bed->log);
    world_free(&bed->world);
    if (bed->folder[0] != '\0') {
        unlink(bed->ca);
        unlink(bed->other_ca);
        unlink(bed->certificate);
        unlink(bed->key);
        rmdir(bed->folder);
    }
}

static inline void net_bed_expect(struct net_bed *bed, const char *log)
{
    assert_string_equal(bed->log.bytes, log);
    buffer_clear(&bed->log);
}

#endif
