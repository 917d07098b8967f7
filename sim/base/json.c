#include "sim/base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_begin(struct json_writer *json, struct buffer *out, enum json_style style)
{
    *json = (struct json_writer){.out = out, .style = style};
}

/* How many bytes from `at` on need no escape in any style; at least so many are looked at that
 * nothing is missed. Eight at a time, as this sees every byte of every text. */
static size_t plain_bytes(const char *bytes, size_t size, size_t at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    size_t begin = at;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        uint64_t special = word | ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                           ((backslash - ones) & ~backslash);
        if ((special & highs) != 0) {
            break; /* one of them, or a borrow: the loop below decides */
        }
    }
    for (; at < size; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        if (byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\') {
            break;
        }
    }
    return at - begin;
}

static void append_quoted(struct json_writer *json, const char *bytes, size_t size)
{
    struct buffer *out = json->out;
    buffer_reserve(out, size + 2);
    out->bytes[out->size++] = '"';
    if (plain_bytes(bytes, size, 0) == size) {
        buffer_append(out, bytes, size);
    } else {
        json_escape(out, json->style, bytes, size);
    }
    buffer_append_char(out, '"');
}

static void begin_value(struct json_writer *json, const char *key)
{
    bool python = json->style == JSON_PYTHON;
    if (json->comma) {
        buffer_append(json->out, ", ", python ? 2 : 1);
    }
    json->comma = true;
    if (key != NULL) {
        append_quoted(json, key, strlen(key));
        buffer_append(json->out, ": ", python ? 2 : 1);
    }
}

static void open_level(struct json_writer *json, const char *key, char bracket)
{
    begin_value(json, key);
    buffer_append_char(json->out, bracket);
    json->comma = false;
}

static void close_level(struct json_writer *json, char bracket)
{
    buffer_append_char(json->out, bracket);
    json->comma = true;
}

void json_object(struct json_writer *json, const char *key)
{
    open_level(json, key, '{');
}

void json_object_end(struct json_writer *json)
{
    close_level(json, '}');
}

void json_array(struct json_writer *json, const char *key)
{
    open_level(json, key, '[');
}

void json_array_end(struct json_writer *json)
{
    close_level(json, ']');
}

void json_string(struct json_writer *json, const char *key, const char *value)
{
    if (value == NULL) {
        json_null(json, key);
    } else {
        json_text(json, key, value, strlen(value));
    }
}

void json_text(struct json_writer *json, const char *key, const char *bytes, size_t size)
{
    begin_value(json, key);
    append_quoted(json, bytes, size);
}

void json_int(struct json_writer *json, const char *key, int64_t value)
{
    begin_value(json, key);
    buffer_append_int(json->out, value);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    buffer_append_text(json->out, value ? "true" : "false");
}

void json_null(struct json_writer *json, const char *key)
{
    begin_value(json, key);
    buffer_append(json->out, "null", 4);
}

void json_float(struct json_writer *json, const char *key, double value)
{
    char text[32];
    begin_value(json, key);
    buffer_append(json->out, text, json_float_text(value, text));
}

void json_raw(struct json_writer *json, const char *key, const char *bytes, size_t size)
{
    begin_value(json, key);
    buffer_append(json->out, bytes, size);
}

/* Most values on these wires have at most two decimals: written without printf when that is exact.
 */
static size_t short_decimal(double value, char text[32])
{
    double hundredths = value * 100.0;
    if (!(fabs(hundredths) < 1e12) || (value == 0.0 && signbit(value))) {
        return 0;
    }
    long long whole = (long long)(hundredths + (hundredths < 0 ? -0.5 : 0.5));
    if ((double)whole / 100.0 != value) {
        return 0;
    }
    long long magnitude = whole < 0 ? -whole : whole;
    char digits[24] = {0};
    size_t count = 0;
    for (long long rest = magnitude / 100; rest > 0 || count == 0; rest /= 10) {
        digits[count++] = (char)('0' + rest % 10);
    }
    size_t size = 0;
    if (whole < 0) {
        text[size++] = '-';
    }
    while (count > 0) {
        text[size++] = digits[--count];
    }
    text[size++] = '.';
    text[size++] = (char)('0' + magnitude / 10 % 10);
    if (magnitude % 10 != 0) {
        text[size++] = (char)('0' + magnitude % 10);
    }
    text[size] = '\0';
    return size;
}

/* Digits and exponent of the shortest "%.{p}e" that reads back as the value. */
static int shortest_digits(double value, char digits[24], int *exponent)
{
    char text[40];
    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    int count = 0;
    const char *at = text;
    for (; *at != 'e' && *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9') {
            digits[count++] = *at;
        }
    }
    *exponent = *at == 'e' ? atoi(at + 1) : 0;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

size_t json_float_text(double value, char text[32])
{
    assert(isfinite(value));
    size_t size = short_decimal(value, text);
    if (size > 0) {
        return size;
    }
    char digits[24] = {0};
    int exponent = 0;
    int count = shortest_digits(fabs(value), digits, &exponent);
    char *out = text;
    if (signbit(value)) {
        *out++ = '-';
    }
    if (exponent < -4 || exponent >= 16) {
        *out++ = digits[0];
        if (count > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, (size_t)count - 1);
            out += count - 1;
        }
        out += snprintf(out, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = -1; i > exponent; i--) {
            *out++ = '0';
        }
        memcpy(out, digits, (size_t)count);
        out += count;
    } else {
        for (int i = 0; i <= exponent || i < count; i++) {
            if (i == exponent + 1) {
                *out++ = '.';
            }
            *out++ = i < count ? digits[i] : '0';
        }
        if (count <= exponent + 1) {
            *out++ = '.';
            *out++ = '0';
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

/* One code point of UTF-8; returns its length, 0 when the bytes are not valid there. */
static size_t decode(const unsigned char *bytes, size_t size, uint32_t *point)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t form = 0; form < 3; form++) {
        if ((bytes[0] & forms[form].mask) != forms[form].lead) {
            continue;
        }
        size_t length = form + 2;
        if (size < length) {
            return 0;
        }
        uint32_t value = bytes[0] & (unsigned char)~forms[form].mask;
        for (size_t i = 1; i < length; i++) {
            if ((bytes[i] & 0xC0) != 0x80) {
                return 0;
            }
            value = value << 6 | (bytes[i] & 0x3F);
        }
        bool surrogate = value >= 0xD800 && value <= 0xDFFF;
        *point = value;
        return value < forms[form].least || value > 0x10FFFF || surrogate ? 0 : length;
    }
    return 0;
}

static void escape_control(struct buffer *out, unsigned char byte)
{
    static const char named[] = "\b\f\n\r\t";
    static const char letters[] = "bfnrt";
    const char *found = byte == 0 ? NULL : strchr(named, byte);
    if (found != NULL) {
        buffer_append_char(out, '\\');
        buffer_append_char(out, letters[found - named]);
    } else {
        buffer_format(out, "\\u%04x", byte);
    }
}

static void escape_point(struct buffer *out, enum json_style style, const char *bytes, size_t size,
                         uint32_t point)
{
    if (style == JSON_COMPACT) {
        buffer_append(out, bytes, size);
    } else if (point < 0x10000) {
        buffer_format(out, "\\u%04x", point);
    } else {
        point -= 0x10000;
        buffer_format(out, "\\u%04x\\u%04x", 0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF));
    }
}

void json_escape(struct buffer *out, enum json_style style, const char *bytes, size_t size)
{
    size_t plain = 0; /* start of what needs no escape */
    size_t at = 0;
    while (at < size) {
        at += plain_bytes(bytes, size, at);
        if (at == size) {
            break;
        }
        unsigned char byte = (unsigned char)bytes[at];
        buffer_append(out, bytes + plain, at - plain);
        size_t length = 1;
        if (byte == '"' || byte == '\\') {
            buffer_append_char(out, '\\');
            buffer_append_char(out, (char)byte);
        } else if (byte == 0x7F) {
            buffer_append_char(out, (char)byte);
        } else if (byte < 0x20) {
            escape_control(out, byte);
        } else {
            uint32_t point = 0;
            length = decode((const unsigned char *)bytes + at, size - at, &point);
            if (length == 0) {
                escape_point(out, style, "\xEF\xBF\xBD", 3, 0xFFFD);
                length = 1;
            } else {
                escape_point(out, style, bytes + at, length, point);
            }
        }
        at += length;
        plain = at;
    }
    buffer_append(out, bytes + plain, at - plain);
}
