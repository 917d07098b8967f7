#include "harness/cli/load_output.h"

#include <stdio.h>
#include <string.h>

#include "harness/load/summary.h"

static const struct {
    const char *option;
    void (*render)(const struct load_result *result, struct buffer *out);
} kinds[LOAD_OUTPUTS] = {
    [LOAD_OUTPUT_JSON] = {"--json", load_result_write},
    [LOAD_OUTPUT_CSV] = {"--csv", load_summary_csv},
    [LOAD_OUTPUT_JUNIT] = {"--junit", load_summary_junit},
};

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int on_stdout(const struct load_output *output)
{
    int count = 0;
    for (int i = 0; i < LOAD_OUTPUTS; i++) {
        count += is_stdout(output->paths[i]);
    }
    return count;
}

bool load_output_open(struct load_output *output, struct error *error)
{
    if (on_stdout(output) > 1) {
        return error_set(error, "standard output takes one report: only one of --json, --csv and "
                                "--junit may be -");
    }
    for (int i = 0; i < LOAD_OUTPUTS; i++) {
        const char *path = output->paths[i];
        if (path != NULL && !is_stdout(path) && !output_file_open(&output->files[i], path, error)) {
            load_output_drop(output);
            return error_prefix(error, "%s", kinds[i].option);
        }
    }
    return true;
}

void load_output_drop(struct load_output *output)
{
    for (int i = 0; i < LOAD_OUTPUTS; i++) {
        output_file_drop(&output->files[i]);
    }
}

static bool write_one(struct load_output *output, int kind, const struct load_result *result)
{
    if (output->paths[kind] == NULL) {
        return true;
    }
    struct buffer text = {0};
    struct error error;
    bool done = true;
    kinds[kind].render(result, &text);
    if (is_stdout(output->paths[kind])) {
        fwrite(text.bytes, 1, text.size, stdout); /* cli_main() tells when it cannot be written */
    } else {
        output_file_write(&output->files[kind], text.bytes, text.size);
        done = output_file_close(&output->files[kind], &error);
    }
    if (!done) {
        fprintf(stderr, "hotbed: %s: %s\n", kinds[kind].option, error.text);
    }
    buffer_free(&text);
    return done;
}

int load_output_write(struct load_output *output, const struct load_result *result)
{
    struct buffer text = {0};
    load_summary_text(result, &text);
    fputs(buffer_text(&text), on_stdout(output) > 0 ? stderr : stdout);
    fflush(stdout);
    buffer_free(&text);
    bool written = true;
    for (int i = 0; i < LOAD_OUTPUTS; i++) {
        written = write_one(output, i, result) && written;
    }
    return written ? load_result_exit_code(result) : CLI_BAD_USAGE;
}
