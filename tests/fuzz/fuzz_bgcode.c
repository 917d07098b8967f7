#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/machine/bgcode.h"

/* Any bytes as binary g-code: its metadata, and its text by both rules. What fails says why. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct file_content *content = file_content_of_bytes(bytes, size);
    struct bgcode file;
    struct bgcode_block block;
    struct buffer out = {0};
    if (bgcode_open(&file, content, BGCODE_PRINTER, NULL)) {
        while (bgcode_next(&file, &block, NULL) == BGCODE_BLOCK) {
            bgcode_check(&file, &block, NULL);
            if (block.type != BGCODE_GCODE) {
                buffer_clear(&out);
                bgcode_unpack(&file, &block, &out, NULL);
            }
        }
    }
    buffer_free(&out);
    for (int rules = BGCODE_LIBRARY; rules <= BGCODE_PRINTER; rules++) {
        enum bgcode_fault fault;
        struct bgcode_text *text = bgcode_text_new(content, (enum bgcode_rules)rules, &fault, NULL);
        char part[4096];
        long got = 0;
        while (text != NULL && (got = bgcode_text_read(text, part, sizeof part, NULL)) > 0) {
        }
        fault = text != NULL ? bgcode_text_fault(text) : fault;
        if ((text == NULL || got < 0) != (fault != BGCODE_FAULT_NONE)) {
            abort();
        }
        bgcode_text_destroy(text);
    }
    bgcode_text_estimate(content);
    file_content_release(content);
    return 0;
}
