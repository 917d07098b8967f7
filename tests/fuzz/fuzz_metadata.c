#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "sim/machine/metadata.h"

/* Up to the first LF the name, behind it the file; what comes out is JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(bytes, '\n', size) : NULL;
    size_t name_size = newline != NULL ? (size_t)(newline - bytes) : 0;
    char name[300];
    name_size = name_size < 256 ? name_size : 256;
    if (name_size > 0) {
        memcpy(name, bytes, name_size);
    }
    memcpy(name + name_size, ".gcode", sizeof ".gcode");
    size_t skip = newline != NULL ? (size_t)(newline - bytes) + 1 : 0;
    struct file_content *content = file_content_of_bytes(bytes + skip, size - skip);
    struct metadata metadata;
    metadata_read(&metadata, name, content);
    file_content_release(content);
    struct buffer out = {0};
    struct json_writer json;
    json_begin(&json, &out, JSON_PYTHON);
    json_object(&json, NULL);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    cJSON *parsed = cJSON_ParseWithLength(out.bytes, out.size);
    if (parsed == NULL) {
        abort();
    }
    cJSON_Delete(parsed);
    metadata_seconds(name);
    buffer_free(&out);
    metadata_free(&metadata);
    return 0;
}
