#include "sim/machine/print_file.h"

#include <string.h>
#include <strings.h>

#include "sim/machine/bgcode.h"
#include "sim/machine/plan_resin.h"

static const struct {
    const char *extension;
    enum print_file_kind kind;
} extensions[] = {
    {".gcode", PRINT_FILE_GCODE}, {".gco", PRINT_FILE_GCODE},     {".gc", PRINT_FILE_GCODE},
    {".g", PRINT_FILE_GCODE},     {".bgcode", PRINT_FILE_BGCODE}, {".bgc", PRINT_FILE_BGCODE},
    {".sl1", PRINT_FILE_SL1},     {".sl1s", PRINT_FILE_SL1},
};

enum print_file_kind print_file_kind(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof *extensions; i++) {
        if (strcasecmp(dot, extensions[i].extension) == 0) {
            return extensions[i].kind;
        }
    }
    return PRINT_FILE_OTHER;
}

/* Prusa-Firmware-Buddy: src/common/gcode/gcode_reader_binary.cpp, valid_for_print(). */
static bool check_binary(const struct file_content *content, struct error *error)
{
    enum bgcode_fault fault;
    struct bgcode_text *text = bgcode_text_new(content, BGCODE_PRINTER, &fault, NULL);
    bgcode_text_destroy(text);
    switch (fault) {
    case BGCODE_FAULT_NONE:
        return true;
    case BGCODE_FAULT_MAGIC:
        return error_set(error, "The file is not a valid bgcode file.");
    case BGCODE_FAULT_NO_GCODE:
        return error_set(error, "File doesn't contain any print instructions");
    case BGCODE_FAULT_CHECKSUM:
        return error_set(error, "File corrupt");
    default:
        return error_set(error, "Unknown file error");
    }
}

bool print_file_check(const char *name, const struct file_content *content,
                      const struct model *model, struct error *error)
{
    enum print_file_kind kind = print_file_kind(name);
    if (model->resin.project_model != NULL) {
        return kind == PRINT_FILE_SL1 || error_set(error, "#10519 File has an invalid extension!");
    }
    if (strcmp(model->family, "mk3") == 0) {
        return kind == PRINT_FILE_GCODE || error_set(error, "unknown file type");
    }
    if (kind == PRINT_FILE_BGCODE) {
        return check_binary(content, error);
    }
    if (kind == PRINT_FILE_GCODE) {
        return !bgcode_magic(content) ||
               error_set(error, "The file seems to be a binary gcode with a wrong suffix.");
    }
    return error_set(error, "unknown file type");
}

static bool blocks_sound(const struct file_content *content, struct error *error)
{
    struct bgcode file;
    struct bgcode_block block;
    enum bgcode_next next = BGCODE_BLOCK;
    if (!bgcode_open(&file, content, BGCODE_PRINTER, error)) {
        return false;
    }
    while (next == BGCODE_BLOCK) {
        next = bgcode_next(&file, &block, error);
    }
    return next == BGCODE_END;
}

bool print_file_sound(const char *name, const struct file_content *content,
                      const struct model *model, struct error *error)
{
    enum print_file_kind kind = print_file_kind(name);
    bool resin = model->resin.project_model != NULL;
    if (kind == PRINT_FILE_OTHER || (resin && kind != PRINT_FILE_SL1)) {
        return true;
    }
    if (!print_file_check(name, content, model, error)) {
        return false;
    }
    if (resin) {
        struct error reason = {""};
        enum sl1_fault fault = plan_resin_fault(content, model, &reason);
        return fault == SL1_GOOD || error_set(error, "#%d %s", 10000 + (int)fault, reason.text);
    }
    return kind != PRINT_FILE_BGCODE || blocks_sound(content, error);
}
