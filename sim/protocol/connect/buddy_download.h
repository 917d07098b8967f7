#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_DOWNLOAD_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/protocol/connect/buddy_partial.h"

/* The GET of an encrypted file, on a plain connection of its own (connect-buddy.md 7.2, 7.3). */

struct buddy;
struct buddy_download_get;

enum buddy_download_end {
    BUDDY_DOWNLOAD_RUNS,
    BUDDY_DOWNLOAD_OVER,    /* all that was announced has come */
    BUDDY_DOWNLOAD_NETWORK, /* worth another attempt; the drive's failures too (7.7) */
    BUDDY_DOWNLOAD_FATAL,
};

/* First counter block of the bytes from `offset`, a multiple of 16: the last four bytes of the iv
 * do not go into it. */
void buddy_download_counter(const uint8_t iv[BUDDY_KEY_BYTES], uint32_t offset,
                            uint8_t counter[BUDDY_KEY_BYTES]);
void buddy_download_request(struct buffer *out, const struct buddy_backup *backup,
                            struct buddy_range range);

/* What comes is decrypted and written from range.start on. `backup` and `partial` outlive it. */
struct buddy_download_get *buddy_download_start(struct buddy *buddy,
                                                const struct buddy_backup *backup,
                                                struct buddy_partial *partial,
                                                struct buddy_range range);
void buddy_download_stop(struct buddy_download_get *get); /* NULL is fine */
enum buddy_download_end buddy_download_end(const struct buddy_download_get *get);

#endif
