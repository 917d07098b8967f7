#include "harness/cli/check_sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/registry.h"
#include "harness/cli/suite_options.h"
#include "sim/base/memory.h"
#include "sim/protocol/link/link.h"

static const char about[] =
    "Judge a tool that brings printers into step with a folder by what link-sync.md says: our own, "
    "or the one whose\n"
    "COMMAND stands behind --. It is run for each check on virtual printers at loop-back ports, "
    "and judged by what\n"
    "they hold afterwards, by what they were asked, by its exit code and by what it printed. "
    "Without a place to say\n"
    "something, the checks that need it are skipped with the reason. In COMMAND\n"
    "  {farm}                the farm file, YAML as Link Sync has it\n"
    "  {folder}              the folder\n"
    "  {execute:OPTION}      becomes OPTION when it shall act, and nothing for a dry run; a "
    "COMMAND without it\n"
    "                        always acts\n"
    "  {destination:OPTION}  becomes OPTION and a destination, {printer:OPTION} and {skip:OPTION} "
    "a printer,\n"
    "                        {relative-to:OPTION} a folder, {timeout:OPTION} seconds, where a "
    "check has one\n"
    "  {any-state:OPTION}    becomes OPTION where printers that are not idle shall be worked on\n"
    "A broken contract fails, a broken fidelity (what Link Sync does) warns (--strict: fails), a "
    "missing quirk of it\n"
    "is told.";

static const char example[] = "  hotbed check sync\n"
                              "  hotbed check sync --only SYNC-21,SYNC-29 --junit report.xml\n"
                              "  hotbed check sync --list\n"
                              "  hotbed check sync -- hotbed sync {farm} {folder} "
                              "{execute:--execute} {destination:--destination}\n"
                              "  hotbed check sync -- link-sync -c {farm} -s {folder} "
                              "{destination:-d} {execute:-g} {any-state:--ignore-state}";

/* The words of the command as one text for a shell. */
static void append_command(struct buffer *out, const struct cli_list *words)
{
    for (size_t i = 0; i < words->count; i++) {
        bool plain = words->items[i][strcspn(words->items[i], " \t\n'\"\\$`*?;&|<>()#")] == '\0';
        buffer_format(out, " %s%s%s", plain ? "" : "'", words->items[i], plain ? "" : "'");
    }
}

static int play(const struct cli_usage *usage, struct suite_options *options,
                const struct cli_list *words)
{
    const char **command = memory_new_array(words->count + 1, sizeof *command);
    if (words->count > 0) {
        memcpy(command, words->items, words->count * sizeof *command);
    }
    struct ground_targets targets = {.command = words->count > 0 ? command : NULL};
    struct buffer behind = {0};
    struct definitions definitions = {0};
    struct error error;
    int code = CLI_BAD_USAGE;
    if (words->count > 0) {
        buffer_append_text(&behind, " --");
        append_command(&behind, words);
    }
    options->real = true; /* programs run on the clock of the wall */
    if (registry_subject(&definitions, "sync", &error)) {
        struct suite_settings settings = {.title = "sync",
                                          .again = "hotbed check sync",
                                          .behind = buffer_text(&behind),
                                          .targets = &targets};
        code = suite_options_run(usage, options, &settings,
                                 words->count > 0 ? command[0] : "our own, in real time",
                                 &definitions);
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    definitions_free(&definitions);
    buffer_free(&behind);
    free(command);
    return code;
}

int cli_check_sync(int argc, char **argv)
{
    struct suite_options options = {.seed = 1, .wires = SUITE_LINK};
    struct cli_list arguments = {0};
    const struct cli_option table[] = {
        {"strict", CLI_FLAG, &options.strict, NULL, "a broken fidelity is a failure", NULL},
        SUITE_OPTION_ROWS(&options, "link: and one of hotbed\nprinter --list-misbehaviours"),
        SUITE_QUIRKS_ROW(&options),
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "check sync [OPTION...] [-- COMMAND]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    int code = cli_parse(argc, argv, &usage, &arguments);
    const struct model *model = options.model != NULL ? model_find(options.model) : NULL;
    if (code == -1 && model != NULL && link_dialect_of(model) != &link_dialect_buddy) {
        code = cli_complain(
            &usage,
            "--model %s: expected a printer with Buddy firmware, which link-sync.md is about",
            options.model);
    }
    if (code == -1) {
        code = play(&usage, &options, &arguments);
    }
    cli_list_free(&arguments);
    suite_options_free(&options);
    return code;
}
