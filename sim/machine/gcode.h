#ifndef HOTBED_MACHINE_GCODE_H
#define HOTBED_MACHINE_GCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/machine/storage.h"

/* One line of g-code, taken apart without allocating. Rules of the MK3 firmware (Prusa-Firmware:
 * Firmware/cmdqueue.cpp): letters are capital; a number has no exponent, so that "G1X10E.5", as
 * MeatPack leaves it, is X and E; what is neither letter nor number is skipped. */

enum {
    GCODE_LINE_BYTES_MAX = 1024,   /* what is behind is not looked at */
    GCODE_NUMBER_MAX = 1000000000, /* larger values are cut to this */
};

struct gcode_line {
    char letter; /* 'G', 'M', 'T' or another that begins the line; 0: blank, comment or rubbish */
    int number;  /* of G1; -1: none */
    int sub;     /* of M862.3: 3; -1: none */
    uint32_t present; /* bit 0 is A: which parameters are there */
    uint32_t valued;  /* and which of them have a number */
    double value[26]; /* meaningful where `valued` says so */
    const char *text; /* behind the command, without blanks at either end, comment and checksum; in
                         the line */
    size_t text_size;
    const char *comment; /* behind ';' when the line begins with it; NULL: no comment line */
    size_t comment_size;
    int64_t line_number; /* of N12; -1: none */
    int checksum;        /* of *55; -1: none */
    bool checksum_right;
};

/* Take apart `size` bytes without the line end. Never fails; `line` points into `bytes`. True:
 * there is a command. */
bool gcode_parse(struct gcode_line *line, const char *bytes, size_t size);
/* The letter is there, with a number or without. */
bool gcode_has(const struct gcode_line *line, char letter);
bool gcode_valued(const struct gcode_line *line, char letter); /* with a number */
double gcode_value(const struct gcode_line *line, char letter, double otherwise);

struct bgcode_text;

/* Lines of a file, in order, through one buffer whatever the file's size. Of binary g-code the text
 * is read, and offsets are those of the text (file-formats.md 3.2). */
enum { GCODE_READER_BYTES = 65536 };

struct gcode_reader {
    const struct file_content *content; /* not owned; NULL: `binary` is read */
    struct bgcode_text *binary;         /* not owned; NULL: `content` is read */
    uint64_t offset;                    /* of the text, behind the line returned last */
    uint64_t filled_to;                 /* of the text */
    size_t begin, end;                  /* of what is not yet returned in `bytes` */
    bool at_end;
    bool skipping; /* the rest of a line that did not fit */
    char bytes[GCODE_READER_BYTES];
};

void gcode_reader_init(struct gcode_reader *reader, const struct file_content *content);
void gcode_reader_init_binary(struct gcode_reader *reader, struct bgcode_text *text);

enum gcode_read { GCODE_READ_LINE, GCODE_READ_END, GCODE_READ_FAILED };

/* The next line without its end (LF; a CR before it stays). A line longer than the buffer is
 * returned cut. `text` is valid until the next call. */
enum gcode_read gcode_reader_next(struct gcode_reader *reader, const char **text, size_t *size,
                                  struct error *error);

#endif
