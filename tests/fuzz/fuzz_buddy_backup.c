#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "sim/protocol/connect/buddy_partial.h"

/* The state of a transfer lies on the user's drive: whatever is there is read without harm, and
 * what is taken is written again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buddy_backup backup, again;
    struct buffer text = {0};
    buffer_append(&text, bytes, size);
    buffer_format(&text, "crc %08lx\n",
                  crc32(0, bytes, (uInt)size)); /* else nothing gets past it */
    bool taken = buddy_backup_read(&backup, text.bytes, text.size);
    buffer_clear(&text);
    if (!taken) {
        buffer_free(&text);
        return 0;
    }
    buddy_backup_write(&text, &backup);
    if (!buddy_backup_read(&again, text.bytes, text.size) ||
        buddy_valid_bytes(&again.valid) > again.valid.size ||
        again.valid.tail_end != backup.valid.tail_end) {
        abort();
    }
    struct buddy_range range = buddy_range_next(&again.valid, again.valid.size > 600000);
    if (range.start > again.valid.size || (!range.open && range.last >= again.valid.size)) {
        abort();
    }
    buffer_free(&text);
    return 0;
}
