#include <stdint.h>
#include <cjson/cJSON.h>

#include "sim/protocol/connect/python.h"

/* A command's body comes from outside: whatever it is, it is read or refused with a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    cJSON *value = python_json_parse((const char *)data, size, &error);
    if (value == NULL && error.text[0] == '\0') {
        __builtin_trap();
    }
    cJSON_Delete(value);
    struct buffer text = {0};
    python_repr(&text, (const char *)data, size);
    buffer_free(&text);
    return 0;
}
