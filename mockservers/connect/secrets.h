#ifndef HOTBED_MOCKSERVERS_CONNECT_SECRETS_H
#define HOTBED_MOCKSERVERS_CONNECT_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "mockservers/connect/files.h"

/* Files encrypted for one transfer each, as printers with Buddy firmware fetch them
 * (connect-buddy.md 7.2, 7.3): a key and an iv that START_ENCRYPTED_DOWNLOAD tells, GET /f/{iv}/raw
 * with a Range, AES-128 in counter mode, no token. In the file's manner. */

struct connect_printer;

enum { CONNECT_SECRET_BYTES = 16 };

struct connect_secret {
    struct connect_file *file;
    struct connect_printer *printer; /* for whom; NULL: not said */
    uint8_t key[CONNECT_SECRET_BYTES], iv[CONNECT_SECRET_BYTES];
    char key_text[2 * CONNECT_SECRET_BYTES + 1], iv_text[2 * CONNECT_SECRET_BYTES + 1]; /* hex */
    char *bytes; /* encrypted, padded to whole blocks */
    size_t size;
    unsigned requests;
    /* Which bytes went out as they are, in ascending pieces that don't touch; and whether a spoilt
     * reply went out too. */
    struct connect_piece {
        size_t begin, end;
    } * pieces;
    size_t piece_count;
    bool spoilt;
    struct connect_secret *next;
};

/* A fresh key and iv for a file, for one printer (NULL: whoever comes); lives as long as the
 * server. `key` and `iv` NULL: random. NULL with the reason: the server holds too much. */
struct connect_secret *connect_server_encrypt(struct connect_server *server,
                                              struct connect_file *file,
                                              struct connect_printer *printer, const uint8_t *key,
                                              const uint8_t *iv, struct error *error);
struct connect_secret *connect_server_secret(struct connect_server *server,
                                             const char *iv); /* NULL: none */
struct connect_secret *connect_server_secret_at(struct connect_server *server,
                                                size_t index); /* newest first; NULL: no more */
/* Each byte of it has gone out as it is: whoever has put all together has the file. */
bool connect_secret_sent(const struct connect_secret *secret);
/* What START_ENCRYPTED_DOWNLOAD takes besides the path: key, iv, orig_size; with `report` also what
 * went out. */
cJSON *connect_secret_json(const struct connect_secret *secret, bool report);

#endif
