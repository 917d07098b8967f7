#include <stddef.h>
#include <stdint.h>

#include "sim/machine/buddy_metadata.h"
#include "sim/machine/print_file.h"

/* Any bytes as a print file of either kind, as a Buddy printer shows it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"x.gcode", "x.bgcode"};
    struct file_content *content = file_content_of_bytes(bytes, size);
    for (int i = 0; i < 2; i++) {
        struct buddy_metadata metadata;
        struct buffer out = {0};
        struct json_writer json;
        buddy_metadata_read(&metadata, names[i], content);
        json_begin(&json, &out, JSON_COMPACT);
        json_object(&json, NULL);
        buddy_metadata_write(&metadata, &json);
        json_object_end(&json);
        buffer_free(&out);
        buddy_metadata_free(&metadata);
    }
    file_content_release(content);
    return 0;
}
