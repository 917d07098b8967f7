#include <stdio.h>

#include "harness/cli/cli.h"
#include "sim/protocol/connect/quirks.h"

bool cli_quirks(bool none, const struct cli_list *changes, uint32_t *quirks, struct error *error)
{
    *quirks = none ? 0 : CONNECT_QUIRKS_ALL;
    for (size_t i = 0; i < changes->count; i++) {
        if (!connect_quirks_change(quirks, changes->items[i], error)) {
            return error_prefix(error, "--quirk");
        }
    }
    return true;
}

void cli_print_quirks(void)
{
    for (size_t i = 0; i < connect_quirk_count; i++) {
        const struct connect_quirk *quirk = &connect_quirks[i];
        printf("%-5s %-14s %s\n", quirk->id, quirk->name, quirk->sentence);
    }
}
