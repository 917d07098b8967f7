#ifndef HOTBED_MACHINE_ARCHIVE_H
#define HOTBED_MACHINE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/machine/storage.h"

/* ZIP files that are print projects, read through libzip. Entries are stored or deflated, nothing
 * is encrypted, nothing in them is unpacked in turn, and no entry gives more than its reader
 * allows, whatever the archive claims. */

enum {
    ARCHIVE_ENTRIES_MAX = 20500, /* an SL1 has 15000 layers of 0.01 mm at most */
    ARCHIVE_DIRECTORY_BYTES_MAX = 8 << 20,
};

#define ARCHIVE_FILE_BYTES_MAX (UINT64_C(1) << 31)

struct archive;

/* NULL with the reason: no ZIP file, truncated, too large, or of the 64-bit kind, which no project
 * needs. `content` must outlive the archive. */
struct archive *archive_open(const struct file_content *content, struct error *error);
void archive_close(struct archive *archive); /* NULL is fine */

size_t archive_count(const struct archive *archive);
/* In the order of the directory; "" where the name is damaged. The archive's. */
const char *archive_name(const struct archive *archive, size_t index);
/* The last entry of this name, which is the one that Python's zipfile reads; -1: none. */
long archive_find(const struct archive *archive, const char *name);
/* Append the entry's bytes, at most `size_max`; its checksum is verified. On failure, with the
 * reason, `out` is as it was. */
bool archive_read(struct archive *archive, size_t index, size_t size_max, struct buffer *out,
                  struct error *error);
/* Unpack an entry and look at its checksum; what it has is taken from `*left`, more is refused. */
bool archive_test_entry(struct archive *archive, size_t index, uint64_t *left, struct error *error);
/* Unpack everything and look at the checksums; at most `size_max` bytes all together. */
bool archive_test(struct archive *archive, uint64_t size_max, struct error *error);

#endif
