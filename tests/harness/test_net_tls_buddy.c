/* BUD-HTTP-14: what a Buddy printer says when it begins TLS, on the bytes of its ClientHello
 * (connect-buddy.md 1.2). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/net/tls.h"

struct hello {
    unsigned char bytes[2048];
    size_t size, at;
    unsigned version;
    unsigned ciphers[64];
    size_t cipher_count;
    unsigned extensions[64];
    size_t extension_count;
    char name[64]; /* of SNI */
    unsigned versions[8], groups[16];
    size_t version_count, group_count;
};

static unsigned number(struct hello *hello, size_t bytes)
{
    unsigned value = 0;
    assert_true(hello->at + bytes <= hello->size);
    while (bytes-- > 0) {
        value = value << 8 | hello->bytes[hello->at++];
    }
    return value;
}

static void list(struct hello *hello, size_t bytes, unsigned *out, size_t *count)
{
    for (size_t end = hello->at + bytes; hello->at < end;) {
        out[(*count)++] = number(hello, 2);
    }
}

static void extension(struct hello *hello)
{
    enum { SERVER_NAME = 0, GROUPS = 10, VERSIONS = 43 };
    unsigned type = number(hello, 2);
    size_t end = number(hello, 2);
    end += hello->at;
    hello->extensions[hello->extension_count++] = type;
    if (type == SERVER_NAME) {
        hello->at += 3; /* lengths of the list, kind of its first name */
        size_t size = number(hello, 2);
        assert_true(size < sizeof hello->name);
        memcpy(hello->name, hello->bytes + hello->at, size);
    } else if (type == GROUPS) {
        list(hello, number(hello, 2), hello->groups, &hello->group_count);
    } else if (type == VERSIONS) {
        list(hello, number(hello, 1), hello->versions, &hello->version_count);
    }
    hello->at = end;
}

/* What is sent first to `host`. */
static void hear(struct hello *hello, bool buddy, const char *host)
{
    struct error error = {""};
    int ends[2];
    struct tls *tls = tls_new(&(struct tls_settings){.insecure = true, .buddy = buddy}, &error);
    assert_non_null(tls);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    struct tls_session *session = tls_connect(tls, ends[0], host);
    assert_int_equal(tls_handshake(session), TLS_WANT_READ);
    *hello = (struct hello){0};
    ssize_t size = read(ends[1], hello->bytes, sizeof hello->bytes);
    assert_true(size > 60);
    hello->size = (size_t)size;
    tls_session_destroy(session);
    tls_destroy(tls);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(number(hello, 1), 22); /* a record of the handshake */
    hello->at += 4;
    assert_int_equal(number(hello, 1), 1); /* ClientHello */
    hello->at += 3;
    hello->version = number(hello, 2);
    hello->at += 32;
    hello->at += number(hello, 1); /* session id; the sum is made after the number was read */
    list(hello, number(hello, 2), hello->ciphers, &hello->cipher_count);
    hello->at += number(hello, 1);
    size_t end = number(hello, 2);
    for (end += hello->at; hello->at < end;) {
        extension(hello);
    }
}

static bool has(const unsigned *list, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

static void a_buddy_printer_offers_one_cipher_of_tls_1_2(void **state)
{
    (void)state;
    enum { TLS_1_2 = 0x0303, ECDHE_ECDSA_AES128_GCM_SHA256 = 0xC02B, SCSV = 0x00FF };
    enum { SECP256R1 = 23, MAX_FRAGMENT_LENGTH = 1 };
    struct hello hello;
    hear(&hello, true, "buddy-a.connect.prusa3d.com");
    assert_int_equal(hello.version, TLS_1_2);
    for (size_t i = 0; i < hello.version_count; i++) {
        assert_int_equal(hello.versions[i], TLS_1_2);
    }
    size_t real = 0;
    for (size_t i = 0; i < hello.cipher_count; i++) {
        if (hello.ciphers[i] != SCSV) {
            assert_int_equal(hello.ciphers[i], ECDHE_ECDSA_AES128_GCM_SHA256);
            real++;
        }
    }
    assert_int_equal(real, 1);
    assert_int_equal(hello.group_count, 1);
    assert_int_equal(hello.groups[0], SECP256R1);
    assert_string_equal(hello.name, "buddy-a.connect.prusa3d.com");
    assert_false(has(hello.extensions, hello.extension_count, MAX_FRAGMENT_LENGTH));
}

static void others_offer_what_there_is(void **state)
{
    (void)state;
    struct hello hello;
    hear(&hello, false, "localhost");
    assert_true(hello.cipher_count > 4);
    assert_true(has(hello.versions, hello.version_count, 0x0304));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buddy_printer_offers_one_cipher_of_tls_1_2),
        cmocka_unit_test(others_offer_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
