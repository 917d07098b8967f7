#include <stddef.h>
#include <stdint.h>

#include "sim/machine/ufp.h"

/* Any bytes as a package, and as the g-code in one. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct file_content *content = file_content_of_bytes(bytes, size);
    struct griffin_header header;
    struct ufp package;
    griffin_read(&header, content, NULL);
    if (ufp_read(&package, content, NULL)) {
        ufp_free(&package);
    }
    file_content_release(content);
    return 0;
}
