#include <stdio.h>

#include "harness/cli/cli.h"
#include "sim/protocol/connect/quirks.h"
#include "sim/protocol/link/quirks.h"

#include <string.h>

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

/* Whether a change is about a quirk of PrusaLink: by id or by name. */
static bool of_link(const char *change)
{
    char name[64];
    size_t size = strcspn(change, "=");
    if (size >= sizeof name) {
        return false;
    }
    memcpy(name, change, size);
    name[size] = '\0';
    return link_quirk_find(name) != NULL;
}

bool cli_printer_quirks(bool none, const struct cli_list *changes, uint32_t *connect,
                        uint64_t *link, struct error *error)
{
    *connect = none ? 0 : CONNECT_QUIRKS_ALL;
    *link = none ? 0 : LINK_QUIRKS_ALL;
    for (size_t i = 0; i < changes->count; i++) {
        const char *change = changes->items[i];
        bool changed = of_link(change) ? link_quirks_change(link, change, error)
                                       : connect_quirks_change(connect, change, error);
        if (!changed) {
            return error_prefix(error, "--quirk");
        }
    }
    return true;
}

void cli_print_quirks(void)
{
    for (size_t i = 0; i < link_quirk_count; i++) {
        printf("%-5s %-14s %s\n", link_quirks[i].id, link_quirks[i].name, link_quirks[i].sentence);
    }
    for (size_t i = 0; i < connect_quirk_count; i++) {
        const struct connect_quirk *quirk = &connect_quirks[i];
        printf("%-5s %-14s %s\n", quirk->id, quirk->name, quirk->sentence);
    }
}
