/* Any text is refused or a histogram whose counts agree and that survives being written and read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/histogram.h"

static struct histogram first, second;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    if (!histogram_decode(&first, (const char *)data, size, &error)) {
        return 0;
    }
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_CELLS; i++) {
        count += first.cells[i];
    }
    struct buffer text = {0};
    histogram_encode(&first, &text);
    if (count != first.count || !histogram_decode(&second, text.bytes, text.size, &error) ||
        memcmp(&first, &second, sizeof first) != 0) {
        abort();
    }
    if (histogram_percentile_us(&first, 100) > HISTOGRAM_HIGHEST_US * 2) {
        abort();
    }
    buffer_free(&text);
    return 0;
}
