/* Farm files of a sync: anything may be in them, in either form. */
#include <stddef.h>
#include <stdint.h>

#include "harness/sync/farm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const places[] = {"farm.yml", "farm.json"};
    for (int i = 0; i < 2; i++) {
        struct error error;
        sync_farm_destroy(sync_farm_parse(places[i], (const char *)data, size, &error));
    }
    return 0;
}
