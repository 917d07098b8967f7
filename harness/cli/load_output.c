#include "harness/cli/load_output.h"

#include <stdio.h>
#include <string.h>

#include "harness/load/summary.h"
#include "harness/report/report.h"

typedef void render(const struct load_result *result, struct buffer *out);

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static bool write_one(const char *path, render *renderer, const struct load_result *result)
{
    if (path == NULL) {
        return true;
    }
    struct buffer text = {0};
    struct error error;
    renderer(result, &text);
    bool done = report_write_file(path, &text, &error);
    if (!done) {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    buffer_free(&text);
    return done;
}

int load_output_write(const struct load_output *output, const struct load_result *result)
{
    bool taken = is_stdout(output->json) || is_stdout(output->csv) || is_stdout(output->junit);
    struct buffer text = {0};
    load_summary_text(result, &text);
    fputs(buffer_text(&text), taken ? stderr : stdout);
    fflush(stdout);
    buffer_free(&text);
    bool json = write_one(output->json, load_result_write, result);
    bool csv = write_one(output->csv, load_summary_csv, result);
    bool junit = write_one(output->junit, load_summary_junit, result);
    return json && csv && junit ? load_result_exit_code(result) : CLI_BAD_USAGE;
}
