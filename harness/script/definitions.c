#include <stdlib.h>
#include <string.h>

#include "harness/script/bind.h"
#include "harness/script/play.h"
#include "sim/base/memory.h"

bool definitions_load(struct definitions *definitions, const char *path, struct error *error)
{
    struct play play = {.listing = definitions};
    bool done = sandbox_init(&play.sandbox, 0, error);
    if (done) {
        play.sandbox.owner = &play;
        bind_all(play.sandbox.lua);
        sandbox_load_prelude(&play.sandbox);
        bind_seal(play.sandbox.lua);
        done = sandbox_run_file(&play.sandbox, path, error);
    }
    sandbox_free(&play.sandbox);
    buffer_free(&play.notes);
    return done;
}

void definitions_free(struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->count; i++) {
        struct definition *definition = definitions->items[i];
        char *texts[] = {definition->name,         definition->sentence, definition->side,
                         definition->kind,         definition->subject,  definition->dialect,
                         definition->virtual_only, definition->file};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            free(texts[k]);
        }
        free(definition);
    }
    free(definitions->items);
    *definitions = (struct definitions){0};
}
