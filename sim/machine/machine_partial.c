#include <string.h>

#include "sim/machine/bgcode.h"
#include "sim/machine/machine_parts.h"
#include "sim/machine/print_file.h"

/* Printing a file that is still coming in (connect-buddy.md 7.6): the plan is that of its
 * beginning, and becomes longer when the print is at its end and more has come. */

/* Up to the end of the last whole line. */
static uint64_t whole_lines(const struct file_content *content, uint64_t there_bytes)
{
    enum { LOOK_BYTES = 4096 };
    char text[LOOK_BYTES];
    struct error error;
    for (uint64_t end = there_bytes; end > 0;) {
        uint64_t begin = end > LOOK_BYTES ? end - LOOK_BYTES : 0;
        long got = file_content_read(content, begin, text, (size_t)(end - begin), &error);
        const char *found = got <= 0 ? NULL : memrchr(text, '\n', (size_t)got);
        if (found != NULL) {
            return begin + (uint64_t)(found - text) + 1;
        }
        end = begin;
    }
    return 0;
}

/* Up to the end of the last whole block. */
static uint64_t whole_blocks(const struct file_content *content, uint64_t there_bytes)
{
    struct bgcode file;
    struct bgcode_block block;
    struct error error;
    uint64_t whole = 0;
    if (!bgcode_open(&file, content, BGCODE_PRINTER, &error)) {
        return 0;
    }
    while (bgcode_next(&file, &block, &error) == BGCODE_BLOCK && block.behind <= there_bytes) {
        whole = block.behind;
    }
    return whole;
}

static uint64_t printable(const struct file_content *content, const char *path,
                          uint64_t there_bytes)
{
    if (there_bytes >= file_content_size(content)) {
        return file_content_size(content);
    }
    return print_file_kind(path) == PRINT_FILE_BGCODE ? whole_blocks(content, there_bytes)
                                                      : whole_lines(content, there_bytes);
}

static struct plan *plan_of_head(struct machine *machine, struct file_content *content,
                                 const char *path, uint64_t bytes, struct error *error)
{
    struct file_content *head = file_content_head(content, bytes);
    struct plan *plan = print_file_check(path, head, machine->model, error)
                            ? plan_build(head, machine->model, error)
                            : NULL;
    file_content_release(head);
    return plan;
}

enum machine_refusal machine_start_partial(struct machine *machine, const char *path,
                                           const char *inner, uint64_t there_bytes,
                                           struct error *error)
{
    const struct file_node *file;
    bool from_sd;
    machine_settle(machine);
    enum machine_refusal refusal = print_may_begin(machine, error);
    if (refusal == MACHINE_ACCEPTED) {
        refusal = print_find_file(machine, inner, &file, &from_sd, error);
    }
    if (refusal != MACHINE_ACCEPTED) {
        return refusal;
    }
    uint64_t bytes = printable(file->content, path, there_bytes);
    struct plan *plan = plan_of_head(machine, file->content, path, bytes, error);
    if (plan == NULL) {
        error_prefix(error, "%s", path);
        return MACHINE_BAD_FILE;
    }
    struct file_content *content = file_content_share(file->content);
    print_begin(machine, path, file, from_sd, plan);
    struct machine_print *print = machine->print;
    print->partial.content = content;
    print->partial.there_bytes = there_bytes;
    print->partial.planned_bytes = bytes;
    if (bytes < file_content_size(content) && print_file_kind(path) == PRINT_FILE_GCODE) {
        print->job.whole_bytes = file_content_size(content);
    }
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}

void machine_print_grown(struct machine *machine, const char *path, uint64_t there_bytes)
{
    struct machine_print *print = machine->print;
    if (print != NULL && print->partial.content != NULL && strcmp(print->info.path, path) == 0 &&
        there_bytes > print->partial.there_bytes) {
        print->partial.there_bytes = there_bytes;
    }
}

/* False: what has come since does not make it longer. */
static bool extend(struct machine *machine)
{
    struct machine_print *print = machine->print;
    struct error error;
    uint64_t bytes =
        printable(print->partial.content, print->info.path, print->partial.there_bytes);
    if (bytes <= print->partial.planned_bytes) {
        return false;
    }
    struct plan *plan =
        plan_of_head(machine, print->partial.content, print->info.path, bytes, &error);
    if (plan == NULL) {
        return false;
    }
    if (bytes == file_content_size(print->partial.content)) {
        print->job.whole_bytes = 0;
    }
    print->partial.planned_bytes = bytes;
    job_extend(&print->job, plan, machine_now(machine));
    return true;
}

bool print_outruns_file(struct machine *machine)
{
    struct machine_print *print = machine->print;
    if (print->partial.content == NULL ||
        print->partial.planned_bytes == file_content_size(print->partial.content)) {
        return false;
    }
    enum machine_prompt trouble = (enum machine_prompt)print->partial.trouble;
    if (trouble != PROMPT_NONE || !extend(machine)) {
        print_pause_now(machine);
        machine_trigger(machine, TRIGGER_PAUSED, SOURCE_FIRMWARE, NULL);
        prompt_warn(machine, trouble != PROMPT_NONE ? trouble : PROMPT_NOT_DOWNLOADED);
    }
    return true;
}

/* --- files with faults (file-formats.md 8; PFB: src/common/marlin_print_preview.cpp) --- */

/* Bytes in front of the block that cannot be read, and what is wrong with that; 0: no block is
 * good. */
static uint64_t good_blocks(const struct file_content *content, enum bgcode_fault *fault)
{
    enum { LOOK_BYTES = 4096 };
    char bytes[LOOK_BYTES];
    struct error error;
    struct bgcode_text *text = bgcode_text_new(content, BGCODE_PRINTER, fault, &error);
    if (text == NULL) {
        return 0;
    }
    while (bgcode_text_read(text, bytes, sizeof bytes, &error) > 0) {
    }
    uint64_t whole = bgcode_text_whole(text);
    *fault = bgcode_text_fault(text);
    bgcode_text_destroy(text);
    return whole;
}

/* The job has its number and asks at once, so it has nothing to do. */
static void begin_with_error(struct machine *machine, const char *path,
                             const struct file_node *file, bool from_sd)
{
    struct error error;
    struct file_content *nothing = file_content_of_bytes("", 0);
    struct plan *plan = plan_build(nothing, machine->model, &error);
    file_content_release(nothing);
    print_begin(machine, path, file, from_sd, plan);
    print_ask_before(machine, PROMPT_FILE_ERROR);
}

bool print_broken_file(struct machine *machine, const char *path, const struct file_node *file,
                       bool from_sd, struct error *error)
{
    enum print_file_kind kind = print_file_kind(file->name);
    if (!print_has_screen(machine) || (kind != PRINT_FILE_BGCODE && kind != PRINT_FILE_GCODE)) {
        return false;
    }
    if (!print_file_check(file->name, file->content, machine->model, error)) {
        begin_with_error(machine, path, file, from_sd);
        return true;
    }
    enum bgcode_fault fault = BGCODE_FAULT_NONE;
    uint64_t good = kind == PRINT_FILE_BGCODE ? good_blocks(file->content, &fault) : 0;
    if (fault == BGCODE_FAULT_NONE || fault == BGCODE_FAULT_TOO_LARGE) {
        return false;
    }
    struct plan *plan =
        good == 0 ? NULL : plan_of_head(machine, file->content, file->name, good, error);
    if (plan == NULL) {
        begin_with_error(machine, path, file, from_sd);
        return true;
    }
    struct file_content *content = file_content_share(file->content);
    print_begin(machine, path, file, from_sd, plan);
    machine->print->partial.content = content;
    machine->print->partial.there_bytes = file_content_size(content);
    machine->print->partial.planned_bytes = good;
    machine->print->partial.trouble =
        (uint8_t)(fault == BGCODE_FAULT_TRUNCATED ? PROMPT_FILE_CROPPED : PROMPT_FILE_CORRUPT);
    return true;
}
