#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_PARTIAL_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/machine/machine.h"
#include "sim/protocol/connect/buddy_parse.h"

/* A file that is on its way to the drive (connect-buddy.md 7.6): a folder of its name with `p`, the
 * bytes, as long as the whole from the start, and `d`, what is known of the transfer, so that it
 * can go on after a power cut. `d` empty: given up; no `d`: complete, to be moved to its place. An
 * index at the root of the drive lists those folders. */

#define BUDDY_INDEX_PATH "/usb/.prusa_transfers.txt"

enum {
    BUDDY_SECTOR_BYTES = 512,    /* each download starts at a multiple of it */
    BUDDY_BLOCK_BYTES_MAX = 4096 /* of what is written at once; 512 on the MINI (7.9) */
};

/* Which bytes of a file are there: two stretches at most. */
struct buddy_valid {
    uint32_t size;                 /* of the whole file */
    uint32_t head_end;             /* [0, head_end) */
    uint32_t tail_start, tail_end; /* empty: none */
};

/* Bytes [start, end) have come; false: they touch neither stretch, and there are two. */
bool buddy_valid_add(struct buddy_valid *valid, uint32_t start, uint32_t end);
uint32_t buddy_valid_bytes(const struct buddy_valid *valid);

/* What to ask for next (7.5). */
struct buddy_range {
    uint32_t start;
    bool open;
    uint32_t last; /* unless open; inclusive */
};

/* `tail_first`: plain g-code of 512 KiB and more. */
bool buddy_range_tail_first(const char *path, uint32_t size);
struct buddy_range buddy_range_next(const struct buddy_valid *valid, bool tail_first);
/* Whether what a download brings now is of no more use to its part: the next range begins. */
bool buddy_range_over(const struct buddy_valid *valid, bool tail_first, uint32_t start);

/* ---- the state file ---- */

struct buddy_backup {
    uint32_t id;
    char firmware[64];
    bool encrypted; /* else inline */
    char host[256];
    uint16_t port;
    struct buddy_download download; /* key, iv, size | team, hash, size */
    struct buddy_valid valid;
};

void buddy_backup_write(struct buffer *out, const struct buddy_backup *backup);
/* False: it is none, or its checksum does not fit. */
bool buddy_backup_read(struct buddy_backup *backup, const char *text, size_t size);

/* ---- on the drive ---- */

struct buddy_partial {
    struct machine *machine;
    char *path; /* of the folder, as the machine has it */
    struct buddy_valid valid;
    uint32_t position; /* of the next byte to come, beginning of `block` included */
    uint32_t block_bytes, pending;
    uint8_t block[BUDDY_BLOCK_BYTES_MAX]; /* that is not whole yet */
};

/* Makes folder, index, `d` and `p`. `path` as the command has it. NULL; else the words of 7.1, row
 * 7, and nothing is left. */
const char *buddy_partial_create(struct buddy_partial *partial, struct machine *machine,
                                 const char *path, const struct buddy_backup *backup);
/* One that is there already; false: there is no `p` of that size, or no readable `d`. */
bool buddy_partial_open(struct buddy_partial *partial, struct machine *machine, const char *path,
                        struct buddy_backup *backup);
void buddy_partial_close(struct buddy_partial *partial);

/* Before a download: where its first byte goes. What was not written yet is forgotten. */
void buddy_partial_seek(struct buddy_partial *partial, uint32_t position);
/* The next bytes of the file; what is beyond its end is ignored. False: the drive fails. */
bool buddy_partial_write(struct buddy_partial *partial, const uint8_t *bytes, size_t size);
/* The block that is not whole, too: at the end of a range. */
bool buddy_partial_flush(struct buddy_partial *partial);
bool buddy_partial_save(const struct buddy_partial *partial, struct buddy_backup *backup);
/* Whether `p` and `d` are still what they were: before a download is started again. */
bool buddy_partial_usable(const struct buddy_partial *partial);

/* Complete: `d` goes. Given up: it is emptied. The rest is buddy_partial_clean_up()'s. */
void buddy_partial_complete(struct buddy_partial *partial);
void buddy_partial_give_up(struct buddy_partial *partial);

/* What became of a folder of the index. */
typedef void buddy_cleaned(void *owner, const char *path, bool moved, bool renamed);

/* Moves what is complete into its place and removes what was given up, but for the file at `busy`
 * (NULL: none), which is being printed. The index goes when nothing of it is left; true: so it is.
 */
bool buddy_partial_clean_up(struct machine *machine, const char *busy, buddy_cleaned *cleaned,
                            void *owner);
bool buddy_partial_listed(struct machine *machine); /* the index is there */
/* The first folder of the index that can go on, appended to `path`; false: none. */
bool buddy_partial_find(struct machine *machine, struct buffer *path);

/* Whether a folder is such a one, shown as the file that it will be (NULL: it is not): its `p`. */
const struct file_node *buddy_partial_file(const struct file_node *folder);

#endif
