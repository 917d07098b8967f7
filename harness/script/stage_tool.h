#ifndef HOTBED_SCRIPT_STAGE_TOOL_H
#define HOTBED_SCRIPT_STAGE_TOOL_H

#include "harness/net/process.h"
#include "harness/script/stage.h"

/* Somebody's program on a stage, in real time: folders of its own to work on, and the program
 * itself. Each is known to scripts by a number from 1. What is left of either goes with the stage.
 */
struct stage_tool;

enum { STAGE_FOLDERS_MAX = 100, STAGE_RUNS_MAX = 1000 };

/* A new empty folder below the system's place for temporary files; 0 with the reason. */
size_t stage_tool_folder(struct stage *stage, struct error *error);
const char *stage_tool_folder_path(struct stage *stage, size_t number); /* NULL: none */

struct stage_run {
    struct stage *stage;
    struct process *process;
    bool ended;
    int exit_code;
    int64_t began_us, ended_us;
    struct buffer output, errors;
};

/* As process_start(); NULL with the reason. */
struct stage_run *stage_tool_start(struct stage *stage, const struct process_settings *settings,
                                   size_t *number, struct error *error);
struct stage_run *stage_tool_run(struct stage *stage, size_t number); /* NULL: none */

void stage_tool_free(struct stage *stage);

#endif
