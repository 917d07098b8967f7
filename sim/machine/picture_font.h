#ifndef HOTBED_MACHINE_PICTURE_FONT_H
#define HOTBED_MACHINE_PICTURE_FONT_H

#include <stdint.h>

enum { PICTURE_FONT_WIDTH = 5, PICTURE_FONT_HEIGHT = 7 };

/* The columns of a character from left to right, the lowest bit on top; small letters are written
 * as large ones, what is not in the font as a blank. */
const uint8_t *picture_glyph(char character);

#endif
