#include "harness/report/text.h"

#include <stdint.h>
#include <string.h>

#include "sim/base/json.h"

/* The size of the UTF-8 sequence at `text` if XML 1.0 (production 2, Char) allows its character,
 * else 0. */
static size_t xml_char(const unsigned char *text)
{
    if (*text < 0x80) {
        return *text >= ' ' || *text == '\t' || *text == '\n' ? 1 : 0;
    }
    size_t size = *text >= 0xF0 ? 4 : *text >= 0xE0 ? 3 : 2;
    if (*text < 0xC2 || *text > 0xF4) {
        return 0;
    }
    uint32_t character = *text & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        character = character << 6 | (text[i] & 0x3FU);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool valid = character >= smallest[size] && character <= 0x10FFFF &&
                 !(character >= 0xD800 && character < 0xE000) && character != 0xFFFE &&
                 character != 0xFFFF;
    return valid ? size : 0;
}

void report_append_xml(struct buffer *out, const char *text)
{
    while (*text != '\0') {
        size_t size = xml_char((const unsigned char *)text);
        switch (*text) {
        case '<':
            buffer_append_text(out, "&lt;");
            break;
        case '>':
            buffer_append_text(out, "&gt;");
            break;
        case '&':
            buffer_append_text(out, "&amp;");
            break;
        case '"':
            buffer_append_text(out, "&quot;");
            break;
        case '\r': /* would be read as a line feed */
            buffer_append_text(out, "&#13;");
            size = 1;
            break;
        default:
            if (size > 0) {
                buffer_append(out, text, size);
            } else {
                buffer_append_text(out, "\xEF\xBF\xBD");
            }
        }
        text += size > 0 ? size : 1;
    }
}

void report_append_tap(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '#' || *text == '\\') {
            buffer_append_char(out, '\\');
        }
        buffer_append_char(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

void report_append_yaml(struct buffer *out, const char *key, const char *text, int indent)
{
    if (text == NULL) {
        return;
    }
    buffer_format(out, "%*s%s: ", indent, "", key);
    /* A JSON string is a YAML scalar: nothing in the text can end it. */
    if (strchr(text, '\n') == NULL) {
        buffer_append_char(out, '"');
        json_escape(out, JSON_COMPACT, text, strlen(text));
        buffer_append_text(out, "\"\n");
        return;
    }
    buffer_append_text(out, "|-\n");
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        buffer_format(out, "%*s", indent + 2, "");
        for (size_t i = 0; i < size; i++) {
            unsigned char byte = (unsigned char)text[i];
            if (byte != '\r') {
                buffer_append_char(out,
                                   (byte < ' ' && byte != '\t') || byte == 127 ? '.' : text[i]);
            }
        }
        buffer_append_char(out, '\n');
        text += size + (text[size] == '\n');
    }
}
