#include "harness/script/stage_tool.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/script/stage_wire.h"
#include "sim/base/memory.h"

struct stage_tool {
    char **folders;
    size_t folder_count;
    struct stage_run **runs;
    size_t run_count;
};

static struct stage_tool *tool_of(struct stage *stage)
{
    if (stage->tool == NULL) {
        stage->tool = memory_new(sizeof *stage->tool);
    }
    return stage->tool;
}

/* ---- Folders ---- */

size_t stage_tool_folder(struct stage *stage, struct error *error)
{
    struct stage_tool *tool = tool_of(stage);
    const char *place = getenv("TMPDIR");
    struct buffer path = {0};
    if (tool->folder_count == STAGE_FOLDERS_MAX) {
        error_set(error, "more than %d folders", STAGE_FOLDERS_MAX);
        return 0;
    }
    buffer_format(&path, "%s/hotbed-check-XXXXXX", place != NULL && *place == '/' ? place : "/tmp");
    if (mkdtemp(path.bytes) == NULL) {
        error_set(error, "%s: %s", path.bytes, strerror(errno));
        buffer_free(&path);
        return 0;
    }
    tool->folders = memory_resize(tool->folders, (tool->folder_count + 1) * sizeof *tool->folders);
    tool->folders[tool->folder_count++] = buffer_detach(&path);
    return tool->folder_count;
}

const char *stage_tool_folder_path(struct stage *stage, size_t number)
{
    struct stage_tool *tool = tool_of(stage);
    return number >= 1 && number <= tool->folder_count ? tool->folders[number - 1] : NULL;
}

/* A check may have taken rights away. */
static int open_up(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)where;
    return kind == FTW_DNR ? chmod(path, 0700) : 0;
}

static int take_away(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* ---- Programs ---- */

static void on_done(void *owner, const struct process_end *end)
{
    struct stage_run *run = owner;
    run->ended = true;
    run->exit_code = end->exit_code;
    run->ended_us = run->stage->world->now_us;
    buffer_append(&run->output, buffer_text(end->output), end->output->size);
    buffer_append(&run->errors, buffer_text(end->errors), end->errors->size);
    stage_wake(run->stage, WATCH_TOOL, NULL, 0);
}

struct stage_run *stage_tool_start(struct stage *stage, const struct process_settings *settings,
                                   size_t *number, struct error *error)
{
    struct stage_tool *tool = tool_of(stage);
    struct real_driver *driver = ground_driver(stage->ground);
    if (driver == NULL || tool->run_count == STAGE_RUNS_MAX) {
        error_set(error, driver == NULL ? "programs run in real time only" : "too many programs");
        return NULL;
    }
    struct stage_run *run = memory_new(sizeof *run);
    *run = (struct stage_run){.stage = stage, .began_us = stage->world->now_us};
    run->process = process_start(driver, settings, on_done, run, error);
    if (run->process == NULL) {
        free(run);
        return NULL;
    }
    tool->runs = memory_resize(tool->runs, (tool->run_count + 1) * sizeof *tool->runs);
    tool->runs[tool->run_count++] = run;
    *number = tool->run_count;
    return run;
}

struct stage_run *stage_tool_run(struct stage *stage, size_t number)
{
    struct stage_tool *tool = tool_of(stage);
    return number >= 1 && number <= tool->run_count ? tool->runs[number - 1] : NULL;
}

void stage_tool_free(struct stage *stage)
{
    struct stage_tool *tool = stage->tool;
    if (tool == NULL) {
        return;
    }
    for (size_t i = 0; i < tool->run_count; i++) {
        process_destroy(tool->runs[i]->process);
        buffer_free(&tool->runs[i]->output);
        buffer_free(&tool->runs[i]->errors);
        free(tool->runs[i]);
    }
    for (size_t i = 0; i < tool->folder_count; i++) {
        (void)nftw(tool->folders[i], open_up, 16, FTW_PHYS);
        (void)nftw(tool->folders[i], take_away, 16, FTW_PHYS | FTW_DEPTH);
        free(tool->folders[i]);
    }
    free(tool->runs);
    free(tool->folders);
    free(tool);
    stage->tool = NULL;
}
