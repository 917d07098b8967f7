/* Any bytes are refused, or a farm file whose printers and switches can be asked for, or a result
 * that can be written and read again. The first byte of the input chooses which. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/load/plan.h"
#include "harness/load/result.h"
#include "harness/load/summary.h"

static void play_plan(const struct load_plan *plan)
{
    for (uint64_t k = 0; k < plan->printers && k < 50; k++) {
        struct load_printer printer;
        load_plan_printer(plan, k, &printer);
        if (printer.rank >= plan->printers || printer.group >= plan->group_count) {
            abort();
        }
        int64_t at_us = -1, before_us;
        bool on;
        do {
            before_us = at_us;
        } while (load_plan_switch(plan, printer.rank, before_us, &at_us, &on) && at_us > before_us);
    }
}

static void play_result(struct load_result *result)
{
    struct buffer first = {0}, second = {0};
    struct error error;
    load_result_write(result, &first);
    struct load_result *again = load_result_read("again", first.bytes, first.size, &error);
    if (again == NULL) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    load_result_write(again, &second);
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0) {
        abort();
    }
    load_summary_text(again, &second);
    load_summary_junit(again, &second);
    buffer_free(&first);
    buffer_free(&second);
    load_result_destroy(again);
}

/* With a checksum that is right, or no changed input would get past it. */
static struct load_result *read_result(const char *bytes, size_t size, struct error *error)
{
    static const char mark[] = ",\"crc32\":\"";
    enum { MARK = sizeof mark - 1, DIGITS = 8 };
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    size_t at = size;
    while (at > 0 && (at + MARK + DIGITS > size || memcmp(text + at, mark, MARK) != 0)) {
        at--;
    }
    if (at > 0) {
        char digits[DIGITS + 1];
        snprintf(digits, sizeof digits, "%08lx", crc32_z(0, (const Bytef *)text, at));
        memcpy(text + at + MARK, digits, DIGITS);
    }
    struct load_result *result = load_result_read("result", text, size, error);
    free(text);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct error error;
    const char *bytes = (const char *)data + 1;
    if (data[0] % 2 == 0) {
        struct load_plan *plan = load_plan_parse("/nowhere/farm.yaml", bytes, size - 1, &error);
        if (plan != NULL) {
            play_plan(plan);
        }
        load_plan_destroy(plan);
    } else {
        struct load_result *result = read_result(bytes, size - 1, &error);
        if (result != NULL) {
            play_result(result);
        }
        load_result_destroy(result);
    }
    return 0;
}
