#include "harness/sync/farm_document.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/buffer.h"

/* ---- Which form ---- */

/* "Only JSON and YAML configuration files": .json .jso .jsn .yml .yaml in any case (SYNC-01). */
static bool form_of(const char *place, bool *json, struct error *error)
{
    static const struct {
        const char *suffix;
        bool json;
    } forms[] = {
        {".json", true}, {".jso", true}, {".jsn", true}, {".yml", false}, {".yaml", false}};
    const char *name = strrchr(place, '/') == NULL ? place : strrchr(place, '/') + 1;
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof forms / sizeof *forms; i++) {
        if (strcasecmp(suffix, forms[i].suffix) == 0) {
            *json = forms[i].json;
            return true;
        }
    }
    return error_set(
        error, "%s: expected a farm file with the suffix .yaml, .yml, .json, .jso or .jsn", place);
}

static bool four_hex(const char *bytes, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)bytes[i])) {
            return false;
        }
        *value = *value * 16 + (unsigned)(isdigit((unsigned char)bytes[i])
                                              ? bytes[i] - '0'
                                              : (bytes[i] | 0x20) - 'a' + 10);
    }
    return true;
}

/* JSON as YAML reads it: `\/` and pairs of surrogates are the escapes that YAML does not have.
 * Lines stay. */
static void json_to_yaml(struct buffer *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned high = 0, low = 0;
        if (bytes[i] != '\\' || i + 1 >= size) {
            buffer_append_char(out, bytes[i] == '\t' ? ' ' : bytes[i]);
        } else if (bytes[i + 1] == '/') {
            buffer_append_char(out, '/');
            i++;
        } else if (i + 11 < size && bytes[i + 1] == 'u' && bytes[i + 6] == '\\' &&
                   bytes[i + 7] == 'u' && four_hex(bytes + i + 2, &high) &&
                   four_hex(bytes + i + 8, &low) && high >= 0xD800 && high < 0xDC00 &&
                   low >= 0xDC00 && low < 0xE000) {
            buffer_format(out, "\\U%08X", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            i += 11;
        } else {
            buffer_append(out, bytes + i, 2);
            i++;
        }
    }
}

void farm_document_forget(struct buffer *text)
{
    if (text->bytes != NULL) {
        explicit_bzero(text->bytes, text->capacity);
    }
    buffer_free(text);
}

static bool check_json(const char *place, const char *bytes, size_t size, struct error *error)
{
    struct buffer text = {0}; /* cJSON looks for a NUL behind the end */
    const char *end = NULL;
    buffer_append(&text, bytes, size);
    cJSON *json = cJSON_ParseWithLengthOpts(buffer_text(&text), text.size + 1, &end, true);
    unsigned line = 1;
    for (const char *at = buffer_text(&text); json == NULL && at < end; at++) {
        line += *at == '\n';
    }
    farm_document_forget(&text);
    if (json != NULL) {
        cJSON_Delete(json);
        return true;
    }
    return error_set(error, "%s:%u: this is no JSON", place, line);
}

/* ---- The tree ---- */

/* The tables of YAML 1.1's types as PyYAML has them: 12e5 and infinity are texts there, 12:30 and
 * 1_000 numbers. */
static const char typed[] =
    "^(~|null|Null|NULL|=|<<"
    "|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
    "|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-"
    "5]?[0-9])+"
    "|[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|\\.[0-9][0-9_]*([eE][-+][0-9]+)?"
    "|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)"
    "|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"
    "([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)$";

static void begin(yaml_parser_t *parser, const struct buffer *text)
{
    yaml_parser_initialize(parser);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)buffer_text(text), text->size);
}

static bool complain(const yaml_parser_t *parser, const char *place, struct error *error)
{
    size_t line =
        parser->problem_mark.line > 0 ? parser->problem_mark.line : parser->context_mark.line;
    return error_set(error, "%s:%zu: %s", place, line + 1,
                     parser->problem == NULL ? "this is no YAML" : parser->problem);
}

/* libyaml looks at every open bracket again with each token: ten thousands of them would take it
 * minutes. */
static bool check_depth(const char *place, const struct buffer *text, struct error *error)
{
    yaml_parser_t parser;
    bool good = true, over = false;
    int depth = 0;
    begin(&parser, text);
    while (good && !over) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) != 1) {
            good = complain(&parser, place, error);
            break;
        }
        depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
        depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        over = event.type == YAML_STREAM_END_EVENT;
        if (depth > FARM_DOCUMENT_DEPTH_MAX) {
            good = error_set(error, "%s:%zu: it is nested deeper than %d", place,
                             event.start_mark.line + 1, FARM_DOCUMENT_DEPTH_MAX);
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return good;
}

static bool load(struct farm_document *document, const struct buffer *text, struct error *error)
{
    yaml_parser_t parser;
    yaml_document_t behind;
    begin(&parser, text);
    document->loaded = yaml_parser_load(&parser, &document->yaml) == 1;
    if (document->loaded && regcomp(&document->typed, typed, REG_EXTENDED | REG_NOSUB) != 0) {
        abort(); /* the pattern is ours */
    }
    bool done = document->loaded || complain(&parser, document->place, error);
    if (done && yaml_parser_load(&parser, &behind) == 1) {
        done = yaml_document_get_root_node(&behind) == NULL ||
               error_set(error, "%s: there is a second document in it", document->place);
        yaml_document_delete(&behind);
    }
    yaml_parser_delete(&parser);
    return done;
}

bool farm_document_load(struct farm_document *document, const char *place, const char *bytes,
                        size_t size, struct error *error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* as editors of Windows begin a file */
    *document = (struct farm_document){.place = place};
    if (!form_of(place, &document->json, error)) {
        return false;
    }
    if (size > FARM_DOCUMENT_BYTES_MAX) {
        return error_set(error, "%s: it is larger than %d bytes", place, FARM_DOCUMENT_BYTES_MAX);
    }
    if (memchr(bytes, '\0', size) != NULL) {
        return error_set(error, "%s: there is a zero byte in it; a farm file is UTF-8", place);
    }
    if (size >= 3 && memcmp(bytes, mark, 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    struct buffer text = {0};
    bool done = !document->json || check_json(place, bytes, size, error);
    if (done && document->json) {
        json_to_yaml(&text, bytes, size);
    } else if (done) {
        buffer_append(&text, bytes, size);
    }
    done = done && check_depth(place, &text, error) && load(document, &text, error);
    farm_document_forget(&text);
    if (!done) {
        farm_document_free(document);
    }
    return done;
}

void farm_document_free(struct farm_document *document)
{
    if (document->loaded) {
        regfree(&document->typed);
        yaml_document_delete(&document->yaml);
        document->loaded = false;
    }
}

/* ---- Nodes ---- */

yaml_node_t *farm_document_node(struct farm_document *document, yaml_node_item_t item)
{
    return yaml_document_get_node(&document->yaml, item);
}

unsigned farm_node_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

const char *farm_node_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE &&
                   strlen((const char *)node->data.scalar.value) == node->data.scalar.length
               ? (const char *)node->data.scalar.value
               : NULL;
}

bool farm_node_is_other(const struct farm_document *document, const yaml_node_t *node)
{
    const char *text = farm_node_text(node);
    return text != NULL && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (document->json || *text == '\0' || regexec(&document->typed, text, 0, NULL, 0) == 0);
}

/* ---- Mappings ---- */

struct each {
    struct farm_document *document;
    farm_node_pair *pair;
    void *owner;
    struct error *error;
};

static bool is_merge(const struct each *each, const yaml_node_t *key)
{
    const char *text = farm_node_text(key);
    return !each->document->json && text != NULL &&
           key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(text, "<<") == 0;
}

static bool walk(const struct each *each, const yaml_node_t *mapping, int depth);

/* What stands behind `<<`: a mapping, or a list of them, of which the first counts. */
static bool take_over(const struct each *each, const yaml_node_t *from, int depth)
{
    bool good = from->type == YAML_MAPPING_NODE || from->type == YAML_SEQUENCE_NODE;
    if (!good || depth > FARM_DOCUMENT_DEPTH_MAX) {
        return error_set(each->error, "%s:%u: <<: %s", each->document->place, farm_node_line(from),
                         good ? "it leads to itself" : "expected a mapping to take over");
    }
    if (from->type == YAML_MAPPING_NODE) {
        return walk(each, from, depth);
    }
    for (yaml_node_item_t *item = from->data.sequence.items.start;
         good && item < from->data.sequence.items.top; item++) {
        good = take_over(each, farm_document_node(each->document, *item), depth + 1);
    }
    return good;
}

static bool walk(const struct each *each, const yaml_node_t *mapping, int depth)
{
    bool good = true;
    for (int merges = 0; merges < 2; merges++) {
        for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             good && pair < mapping->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = farm_document_node(each->document, pair->key);
            const yaml_node_t *value = farm_document_node(each->document, pair->value);
            bool merge = is_merge(each, key);
            if (merge && merges == 1) {
                good = take_over(each, value, depth + 1);
            } else if (!merge && merges == 0) {
                good = each->pair(each->owner, key, value, depth > 0);
            }
        }
    }
    return good;
}

bool farm_node_each(struct farm_document *document, const yaml_node_t *mapping,
                    farm_node_pair *pair, void *owner, struct error *error)
{
    const struct each each = {.document = document, .pair = pair, .owner = owner, .error = error};
    return walk(&each, mapping, 0);
}
