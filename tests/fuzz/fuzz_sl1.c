#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "sim/machine/metadata.h"
#include "sim/machine/sl1.h"

/* Any bytes as a project: what the firmware and what the library make of it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct file_content *content = file_content_of_bytes(bytes, size);
    enum sl1_fault fault;
    struct sl1 *project = sl1_open(content, &fault, NULL);
    if ((project == NULL) != (fault != SL1_GOOD)) {
        abort();
    }
    if (project != NULL) {
        double white, pixels;
        for (size_t i = 0; i < sl1_layer_count(project) && i < 4; i++) {
            sl1_layer_area(project, i, &white, &pixels, NULL);
        }
        sl1_close(project);
    }
    struct metadata metadata;
    struct buffer out = {0};
    struct json_writer json;
    metadata_read(&metadata, "x.sl1", content);
    json_begin(&json, &out, JSON_PYTHON);
    json_object(&json, NULL);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    cJSON *parsed = cJSON_ParseWithLength(out.bytes, out.size);
    if (parsed == NULL) {
        abort();
    }
    cJSON_Delete(parsed);
    buffer_free(&out);
    metadata_free(&metadata);
    file_content_release(content);
    return 0;
}
