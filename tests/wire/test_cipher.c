#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sim/wire/cipher.h"

/* Vectors of NIST SP 800-38A, F.2.1 (CBC) and F.5.1 (CTR); those of Connect's own files are in
 * test_buddy_download.c. */

static const uint8_t key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                              0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t plain[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
                                0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
                                0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};

static void counter_mode(void **state)
{
    (void)state;
    static const uint8_t counter[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                      0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
    static const uint8_t expected[] = {0x87, 0x4d, 0x61, 0x91, 0xb6, 0x20, 0xe3, 0x26,
                                       0x1b, 0xef, 0x68, 0x64, 0x99, 0x0d, 0xb6, 0xce,
                                       0x98, 0x06, 0xf6, 0x6b, 0x79, 0x70, 0xfd, 0xff,
                                       0x86, 0x17, 0x18, 0x7b, 0xb9, 0xff, 0xfd, 0xff};
    uint8_t out[sizeof plain];
    for (size_t piece = 1; piece <= sizeof plain; piece++) { /* however it is cut */
        struct cipher *cipher = cipher_counter_new(key, counter);
        for (size_t at = 0; at < sizeof plain; at += piece) {
            size_t size = sizeof plain - at < piece ? sizeof plain - at : piece;
            cipher_run(cipher, plain + at, out + at, size);
        }
        cipher_destroy(cipher);
        assert_memory_equal(out, expected, sizeof expected);
    }
    struct cipher *back = cipher_counter_new(key, counter);
    cipher_run(back, out, out, sizeof out);
    cipher_destroy(back);
    assert_memory_equal(out, plain, sizeof plain);
}

static void block_chaining(void **state)
{
    (void)state;
    static const uint8_t iv[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t expected[] = {0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46,
                                       0xce, 0xe9, 0x8e, 0x9b, 0x12, 0xe9, 0x19, 0x7d,
                                       0x50, 0x86, 0xcb, 0x9b, 0x50, 0x72, 0x19, 0xee,
                                       0x95, 0xdb, 0x11, 0x3a, 0x91, 0x76, 0x78, 0xb2};
    uint8_t out[sizeof plain];
    struct cipher *cipher = cipher_chaining_new(key, iv);
    cipher_run(cipher, plain, out, 16);
    cipher_run(cipher, plain + 16, out + 16, 16);
    cipher_destroy(cipher);
    assert_memory_equal(out, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_mode),
        cmocka_unit_test(block_chaining),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
