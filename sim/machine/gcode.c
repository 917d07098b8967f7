#include "sim/machine/gcode.h"

#include <assert.h>
#include <string.h>

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_capital(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* A decimal number without exponent at `*at`; moves `*at` behind it. False: there is none, `*at`
 * stays. */
static bool parse_number(const char **at, const char *end, double *value)
{
    static const double scale[] = {1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9};
    enum { DECIMALS = sizeof scale / sizeof *scale - 1 };
    const char *c = *at;
    bool negative = c < end && *c == '-';
    if (c < end && (*c == '-' || *c == '+')) {
        c++;
    }
    uint64_t digits = 0;
    bool any = false, huge = false;
    for (; c < end && is_digit(*c); c++, any = true) {
        digits = digits * 10 + (uint64_t)(*c - '0');
        huge = huge || digits >= GCODE_NUMBER_MAX;
        digits = huge ? 0 : digits;
    }
    size_t decimals = 0;
    if (c < end && *c == '.') {
        for (c++; c < end && is_digit(*c); c++, any = true) {
            if (decimals <
                DECIMALS) { /* below 1e18 in all, so it cannot overflow; what is finer is cut */
                digits = digits * 10 + (uint64_t)(*c - '0');
                decimals++;
            }
        }
    }
    if (!any) {
        return false;
    }
    double size = huge ? (double)GCODE_NUMBER_MAX : (double)digits * scale[decimals];
    *value = negative ? -size : size;
    *at = c;
    return true;
}

/* "N12 " at the front; the firmware wants it there and nowhere else. */
static const char *parse_line_number(struct gcode_line *line, const char *at, const char *end)
{
    if (at == end || *at != 'N') {
        return at;
    }
    const char *c = at + 1;
    int64_t number = 0;
    for (; c < end && is_digit(*c); c++) {
        number = number < INT64_C(1000000000000) ? number * 10 + (*c - '0') : number;
    }
    if (c == at + 1) {
        return at;
    }
    line->line_number = number;
    while (c < end && is_blank(*c)) {
        c++;
    }
    return c;
}

/* Cut "*55" off the end: the exclusive or of all bytes before the star. */
static const char *parse_checksum(struct gcode_line *line, const char *bytes, const char *end)
{
    const char *star = memchr(bytes, '*', (size_t)(end - bytes));
    if (star == NULL) {
        return end;
    }
    unsigned sum = 0;
    for (const char *c = bytes; c < star; c++) {
        sum ^= (unsigned char)*c;
    }
    const char *c = star + 1;
    double value;
    if (parse_number(&c, end, &value) && value >= 0 && value < 256) {
        line->checksum = (int)value;
        line->checksum_right = (unsigned)line->checksum == sum;
    }
    return star;
}

static int small_int(double value)
{
    return value >= 0 && value <= 99999 ? (int)value : -1;
}

/* "G1", "M862.3", "T0": what follows the letter is an integer and perhaps a point and another. */
static const char *parse_command(struct gcode_line *line, const char *at, const char *end)
{
    line->letter = *at++;
    const char *c = at;
    double number = 0;
    for (; c < end && is_digit(*c); c++) {
        number = number * 10 + (*c - '0');
        number = number > 1e9 ? 1e9 : number;
    }
    if (c == at) {
        return at;
    }
    line->number = small_int(number);
    if (c + 1 < end && *c == '.' && is_digit(c[1])) {
        double sub;
        const char *behind = c + 1;
        while (behind < end && is_digit(*behind)) {
            behind++;
        }
        c++;
        if (parse_number(&c, behind, &sub)) {
            line->sub = small_int(sub);
        }
    }
    return c;
}

static void parse_parameters(struct gcode_line *line, const char *at, const char *end)
{
    while (at < end) {
        char byte = *at++;
        if (byte == '"') { /* M862.3 P "MK3S": the letters of a quoted text are no parameters */
            const char *quote = memchr(at, '"', (size_t)(end - at));
            at = quote != NULL ? quote + 1 : end;
            continue;
        }
        if (!is_capital(byte)) {
            continue;
        }
        unsigned index = (unsigned)(byte - 'A');
        double value;
        while (at < end && is_blank(*at)) { /* "X 10" is X10 */
            at++;
        }
        bool valued = parse_number(&at, end, &value);
        if ((line->present >> index & 1) != 0) {
            continue; /* the first one counts, as with the firmware's strchr */
        }
        line->present |= UINT32_C(1) << index;
        if (valued) {
            line->valued |= UINT32_C(1) << index;
            line->value[index] = value;
        }
    }
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && is_blank(**at)) {
        (*at)++;
    }
    while (*at < *end && is_blank((*end)[-1])) {
        (*end)--;
    }
}

bool gcode_parse(struct gcode_line *line, const char *bytes, size_t size)
{
    line->letter = 0;
    line->number = line->sub = line->checksum = -1;
    line->line_number = -1;
    line->present = line->valued = 0;
    line->text = line->comment = NULL;
    line->text_size = line->comment_size = 0;
    line->checksum_right = false;
    const char *at = bytes,
               *end = bytes + (size < GCODE_LINE_BYTES_MAX ? size : GCODE_LINE_BYTES_MAX);
    trim(&at, &end);
    if (at == end) {
        return false;
    }
    const char *semicolon = memchr(at, ';', (size_t)(end - at));
    if (semicolon == at) {
        line->comment = at + 1;
        line->comment_size = (size_t)(end - at - 1);
        return false;
    }
    end = semicolon != NULL ? semicolon : end;
    if (*at == '(') {
        return false; /* a comment in the RS-274 manner */
    }
    end = parse_checksum(line, at, end);
    at = parse_line_number(line, at, end);
    if (at == end || !is_capital(*at) || *at == 'N') {
        return false;
    }
    at = parse_command(line, at, end);
    trim(&at, &end);
    line->text = at;
    line->text_size = (size_t)(end - at);
    parse_parameters(line, at, end);
    return true;
}

bool gcode_has(const struct gcode_line *line, char letter)
{
    assert(is_capital(letter));
    return (line->present >> (unsigned)(letter - 'A') & 1) != 0;
}

bool gcode_valued(const struct gcode_line *line, char letter)
{
    assert(is_capital(letter));
    return (line->valued >> (unsigned)(letter - 'A') & 1) != 0;
}

double gcode_value(const struct gcode_line *line, char letter, double otherwise)
{
    return gcode_valued(line, letter) ? line->value[letter - 'A'] : otherwise;
}
