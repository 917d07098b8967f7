#ifndef HOTBED_MACHINE_MEATPACK_H
#define HOTBED_MACHINE_MEATPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decoding of MeatPack, g-code packed two characters to a byte (file-formats.md 5.1;
 * Prusa-Firmware-Buddy: src/common/gcode/meatpack.cpp). Any bytes decode to something. */

struct meatpack {
    bool active;
    bool no_spaces;    /* code 1011 is E, not a blank */
    unsigned commands; /* FF bytes seen in a row: 0 to 2 */
    unsigned full;     /* bytes that come as they are */
    char second;       /* what follows a full byte; 0: nothing */
};

void meatpack_init(struct meatpack *meatpack);

/* Room that decoding `size` bytes may need: two characters each, and those of an FF held back. */
static inline size_t meatpack_room(size_t size)
{
    return 2 * size + 2;
}

/* Decode all of `in`; `out` has meatpack_room(). Returns the characters written. */
size_t meatpack_decode(struct meatpack *meatpack, const uint8_t *in, size_t in_size, char *out);

#endif
