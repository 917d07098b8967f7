#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "sim/protocol/connect/buddy.h"

void buddy_fingerprint(const uint8_t id[12], const uint8_t mac[6], const char *serial, char out[51])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    enum { ID = 12, MAC = 6, FIELD = 25, LETTERS = 50, BITS = 5 };
    unsigned char input[ID + MAC + 64] = {0};
    size_t serial_size = strlen(serial);
    assert(serial_size < FIELD);
    memcpy(input, id, ID);
    memcpy(input + ID, mac, MAC);
    memcpy(input + ID + MAC, serial, serial_size);
    bool old_board = strncmp(serial, "CZPX", 4) == 0;
    size_t size = ID + MAC + (old_board ? serial_size : FIELD);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_size;
    int done = EVP_Digest(input, size, hash, &hash_size, EVP_sha256(), NULL);
    assert(done == 1);
    (void)done;
    for (unsigned i = 0; i < LETTERS; i++) {
        int value = 0;
        for (unsigned bit = i * BITS; bit < (i + 1) * BITS; bit++) {
            value = value * 2 + (hash[bit / 8] >> (7 - bit % 8) & 1);
        }
        out[i] = digits[value];
    }
    out[LETTERS] = '\0';
}
