#include <stdio.h>
#include <string.h>

#include "sim/base/json.h"
#include "sim/protocol/connect/python.h"

static bool blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

bool python_int(const char *text, size_t size, int64_t *value)
{
    while (size > 0 && blank(*text)) {
        text++;
        size--;
    }
    while (size > 0 && blank(text[size - 1])) {
        size--;
    }
    bool negative = size > 0 && *text == '-';
    if (size > 0 && (*text == '-' || *text == '+')) {
        text++;
        size--;
    }
    int64_t sum = 0;
    bool digit_before = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '_' && digit_before) {
            digit_before = false;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        digit_before = true;
        int64_t digit = negative ? '0' - text[i] : text[i] - '0';
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
    }
    if (!digit_before) {
        return false;
    }
    *value = sum;
    return true;
}

/* Length of the UTF-8 character at `text`, its code in *code; 1 and -1 for a byte that begins none.
 */
static size_t character(const char *text, size_t size, long *code)
{
    static const struct {
        unsigned char mask, lead;
        long least;
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    unsigned char first = (unsigned char)*text;
    for (size_t more = 0; more < 4; more++) {
        if ((first & forms[more].mask) != forms[more].lead) {
            continue;
        }
        long sum = first & (unsigned char)~forms[more].mask;
        if (size <= more) {
            break;
        }
        for (size_t i = 1; i <= more; i++) {
            if (((unsigned char)text[i] & 0xC0) != 0x80) {
                *code = -1;
                return 1;
            }
            sum = sum << 6 | ((unsigned char)text[i] & 0x3F);
        }
        *code = sum < forms[more].least || sum > 0x10FFFF ? -1 : sum;
        return *code < 0 ? 1 : more + 1;
    }
    *code = -1;
    return 1;
}

static void repr_character(struct buffer *out, long code, const char *bytes, size_t size,
                           char quote)
{
    switch (code) {
    case '\\':
        buffer_append_text(out, "\\\\");
        return;
    case '\n':
        buffer_append_text(out, "\\n");
        return;
    case '\r':
        buffer_append_text(out, "\\r");
        return;
    case '\t':
        buffer_append_text(out, "\\t");
        return;
    default:
        break;
    }
    if (code == quote) {
        buffer_append_char(out, '\\');
        buffer_append_char(out, quote);
    } else if (code < 0) {
        buffer_format(out, "\\udc%02x", (unsigned)(unsigned char)*bytes); /* surrogateescape */
    } else if (code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0xAD) {
        buffer_format(out, "\\x%02lx", (unsigned long)code);
    } else if ((code >= 0x2028 && code <= 0x202E) || (code >= 0x200B && code <= 0x200F) ||
               code == 0xFEFF || (code >= 0xE000 && code <= 0xF8FF)) {
        buffer_format(out, "\\u%04lx", (unsigned long)code);
    } else {
        buffer_append(out, bytes, size);
    }
}

void python_repr(struct buffer *out, const char *text, size_t size)
{
    bool single = memchr(text, '\'', size) != NULL, twofold = memchr(text, '"', size) != NULL;
    char quote = single && !twofold ? '"' : '\'';
    buffer_append_char(out, quote);
    for (size_t at = 0; at < size;) {
        long code = 0;
        size_t length = character(text + at, size - at, &code);
        repr_character(out, code, text + at, length, quote);
        at += length;
    }
    buffer_append_char(out, quote);
}

static size_t decimal(uint64_t value, char *text)
{
    char reversed[24];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++) {
        text[i] = reversed[count - 1 - i];
    }
    return count;
}

/* Every header has this text, so it is found with integers: between 2^30 and 2^31 a double stands
 * on a grid of 2^-22, and the shortest decimal that rounds to its place has at most seven digits.
 */
size_t python_tenths_text(int64_t tenths, char text[32])
{
    double value = (double)tenths * 0.1;
    if (value < 1073741824.0 || value >= 2147483648.0) {
        return json_float_text(value, text);
    }
    uint64_t whole = (uint64_t)value;
    uint64_t place = (uint64_t)((value - (double)whole) * 4194304.0);
    uint64_t scale = 1, fraction = 0;
    size_t digits = 0;
    bool found = false;
    while (!found) {
        digits++;
        scale *= 10;
        fraction = (place * scale + 2097152) >> 22;
        int64_t off = (int64_t)(fraction << 22) - (int64_t)(place * scale);
        found = (uint64_t)(off < 0 ? -off : off) * 2 < scale;
    }
    if (fraction == scale) {
        whole++;
        fraction = 0;
    }
    size_t size = decimal(whole, text);
    text[size++] = '.';
    for (uint64_t unit = scale / 10; unit > 0; unit /= 10) {
        text[size++] = (char)('0' + fraction / unit % 10);
    }
    text[size] = '\0';
    return size;
}
