#include "sim/machine/meatpack.h"

#include <string.h>

enum {
    COMMAND = 0xff, /* twice, then the command */
    PACKING_ON = 251,
    PACKING_OFF = 250,
    RESET_ALL = 249,
    NO_SPACES_ON = 247,
    NO_SPACES_OFF = 246,
    FULL = 15, /* the nibble that says: a full byte follows */
    SPACE = 11,
};

void meatpack_init(struct meatpack *meatpack)
{
    memset(meatpack, 0, sizeof *meatpack);
}

static void obey(struct meatpack *meatpack, uint8_t command)
{
    switch (command) {
    case PACKING_ON:
        meatpack->active = true;
        break;
    case PACKING_OFF:
        meatpack->active = false;
        break;
    case RESET_ALL:
        meatpack_init(meatpack);
        break;
    case NO_SPACES_ON:
        meatpack->no_spaces = true;
        break;
    case NO_SPACES_OFF:
        meatpack->no_spaces = false;
        break;
    default: /* a query, or nothing we know: no effect in files */
        break;
    }
}

static char character(const struct meatpack *meatpack, unsigned nibble)
{
    static const char characters[] = "0123456789. \nGX";
    return nibble == SPACE && meatpack->no_spaces ? 'E' : characters[nibble];
}

/* A byte that is no command; returns what it wrote, at most two characters. */
static size_t take_byte(struct meatpack *meatpack, uint8_t byte, char *out)
{
    size_t written = 0;
    if (!meatpack->active) {
        out[written++] = (char)byte;
    } else if (meatpack->full > 0) {
        meatpack->full--;
        out[written++] = (char)byte;
        if (meatpack->second != '\0') {
            out[written++] = meatpack->second;
            meatpack->second = '\0';
        }
    } else {
        unsigned low = byte & 15, high = byte >> 4;
        if (low == FULL && high == FULL) {
            meatpack->full = 2;
        } else if (low == FULL) {
            meatpack->full = 1;
            meatpack->second = character(meatpack, high);
        } else {
            out[written++] = character(meatpack, low);
            if (out[0] == '\n') {
                return written; /* what is behind a line end only fills the byte */
            }
            if (high == FULL) {
                meatpack->full = 1;
            } else {
                out[written++] = character(meatpack, high);
            }
        }
    }
    return written;
}

size_t meatpack_decode(struct meatpack *meatpack, const uint8_t *in, size_t in_size, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < in_size; i++) {
        uint8_t byte = in[i];
        if (byte == COMMAND) {
            meatpack->commands += meatpack->commands < 2;
        } else if (meatpack->commands == 2) {
            meatpack->commands = 0;
            obey(meatpack, byte);
        } else {
            if (meatpack->commands == 1) {
                meatpack->commands = 0;
                written += take_byte(meatpack, COMMAND, out + written);
            }
            written += take_byte(meatpack, byte, out + written);
        }
    }
    return written;
}
