/* hotbed merge: one report from the results of many shards. */
#include <stdio.h>

#include "harness/cli/cli.h"
#include "harness/cli/load_output.h"

static const char *const about = "Join the results that `hotbed farm` wrote on several machines, "
                                 "or by several tasks, into one report. A shard that is\n"
                                 "given twice counts once; results of different farms are refused; "
                                 "missing shards are named and make the exit code 4.";

static const char *const example = "  hotbed merge hundred-*.json --junit farm.xml\n";

static struct load_result *join_all(const struct cli_list *files, struct error *error)
{
    struct load_join *join = load_join_new();
    bool good = true;
    for (size_t i = 0; i < files->count && good; i++) {
        struct load_result *result = load_result_load(files->items[i], error);
        good = result != NULL && load_join_add(join, result, files->items[i], error);
        if (!good) {
            load_result_destroy(result);
        }
    }
    struct load_result *whole = load_join_end(join);
    if (!good) {
        load_result_destroy(whole);
    }
    return good ? whole : NULL;
}

int cli_merge(int argc, char **argv)
{
    struct load_output output = {0};
    const struct cli_option options[] = {LOAD_OUTPUT_ROWS(&output), {.name = NULL}};
    const struct cli_usage usage = {.line = "merge RESULT... [OPTION...]",
                                    .about = about,
                                    .options = options,
                                    .example = example};
    struct cli_list files = {0};
    int code = cli_parse(argc, argv, &usage, &files);
    if (code == -1 && files.count == 0) {
        code = cli_complain(&usage, "expected the results of shards");
    } else if (code == -1) {
        struct error error;
        struct load_result *result =
            load_output_open(&output, &error) ? join_all(&files, &error) : NULL;
        if (result == NULL) {
            fprintf(stderr, "hotbed merge: %s\n", error.text);
            code = CLI_BAD_USAGE;
        } else {
            code = load_output_write(&output, result);
        }
        load_output_drop(&output);
        load_result_destroy(result);
    }
    cli_list_free(&files);
    return code;
}
