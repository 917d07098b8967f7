/* Farm files: libyaml reads both forms into a tree that knows its lines, as JSON is YAML but for two escapes. What may
 * be a key is the user's choice here, which libcyaml's schemas cannot say. */
#include "harness/sync/farm.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/stream.h"

struct reading {
    const char *place;
    yaml_document_t *document;
    struct error *error;
};

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static bool reject(const struct reading *reading, const yaml_node_t *node, const char *field, const char *text)
{
    return error_set(reading->error, "%s:%u: %s: %s", reading->place, line_of(node), field, text);
}

/* ---- Which form ---- */

/* "Only JSON and YAML configuration files": .json .jso .jsn .yml .yaml in any case (SYNC-01). */
static bool form_of(const char *place, bool *json, struct error *error)
{
    static const struct {
        const char *suffix;
        bool json;
    } forms[] = {{".json", true}, {".jso", true}, {".jsn", true}, {".yml", false}, {".yaml", false}};
    const char *name = strrchr(place, '/') == NULL ? place : strrchr(place, '/') + 1;
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof forms / sizeof *forms; i++) {
        if (strcasecmp(suffix, forms[i].suffix) == 0) {
            *json = forms[i].json;
            return true;
        }
    }
    return error_set(error, "%s: expected a farm file with the suffix .yaml, .yml, .json, .jso or .jsn", place);
}

static bool four_hex(const char *bytes, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)bytes[i])) {
            return false;
        }
        *value = *value * 16 + (unsigned)(isdigit((unsigned char)bytes[i]) ? bytes[i] - '0'
                                                                           : (bytes[i] | 0x20) - 'a' + 10);
    }
    return true;
}

/* JSON as YAML reads it: `\/` and pairs of surrogates are the escapes that YAML does not have. Lines stay. */
static void json_to_yaml(struct buffer *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned high = 0, low = 0;
        if (bytes[i] != '\\' || i + 1 >= size) {
            buffer_append_char(out, bytes[i] == '\t' ? ' ' : bytes[i]);
        } else if (bytes[i + 1] == '/') {
            buffer_append_char(out, '/');
            i++;
        } else if (i + 11 < size && bytes[i + 1] == 'u' && bytes[i + 6] == '\\' && bytes[i + 7] == 'u' &&
                   four_hex(bytes + i + 2, &high) && four_hex(bytes + i + 8, &low) && high >= 0xD800 &&
                   high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
            buffer_format(out, "\\U%08X", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            i += 11;
        } else {
            buffer_append(out, bytes + i, 2);
            i++;
        }
    }
}

static bool check_json(const char *place, const char *bytes, size_t size, struct error *error)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(bytes, size + 1, &end, true);
    if (json != NULL) {
        cJSON_Delete(json);
        return true;
    }
    unsigned line = 1;
    for (const char *at = bytes; at < end; at++) {
        line += *at == '\n';
    }
    return error_set(error, "%s:%u: this is no JSON", place, line);
}

/* ---- Values ---- */

/* Of a scalar; NULL: another kind of node, or one without text. */
static const char *text_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen((const char *)node->data.scalar.value) == node->data.scalar.length
               ? (const char *)node->data.scalar.value
               : NULL;
}

/* A text that YAML would not take for a number, a truth or nothing: Link Sync sends what is no text as a header and
 * fails at every upload, so such a password says "quote me". */
static bool is_plain_other(const yaml_node_t *node)
{
    static const char *const words[] = {"null", "~", "true", "false", "yes", "no", "on", "off"};
    const char *text = text_of(node);
    if (text == NULL || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    bool other = *text == '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        other = other || strcasecmp(text, words[i]) == 0;
    }
    char *end = NULL;
    (void)strtod(text, &end);
    return other || *end == '\0';
}

static bool good_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool read_host(const struct reading *reading, const yaml_node_t *node, const char *field, char **out)
{
    struct endpoint endpoint;
    struct error why;
    const char *path = NULL, *text = text_of(node);
    if (!endpoint_parse(&endpoint, text, &path, &why)) {
        error_prefix(&why, "expected \"http://HOST[:PORT]\"");
        return reject(reading, node, field, why.text);
    }
    if (path != NULL && path[strspn(path, "/")] != '\0') {
        return reject(reading, node, field, "expected \"http://HOST[:PORT]\" without a path");
    }
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/') {
        size--; /* Link Sync would ask for //api/v1 */
    }
    *out = memory_copy_slice(text, size);
    return true;
}

/* ---- One printer ---- */

static const struct key {
    const char *name;
    size_t offset;
    bool needed;
} keys[] = {
    {"host", offsetof(struct sync_printer, host), true},
    {"username", offsetof(struct sync_printer, username), true},
    {"password", offsetof(struct sync_printer, password), false},
    {"printer_type", offsetof(struct sync_printer, type), true},
    {"api_key", offsetof(struct sync_printer, api_key), false},
};
enum { KEYS = sizeof keys / sizeof *keys };

static char **slot_of(struct sync_printer *printer, const struct key *key)
{
    return (char **)((char *)printer + key->offset);
}

static bool read_value(const struct reading *reading, struct sync_printer *printer, const struct key *key,
                       const yaml_node_t *value)
{
    char field[SYNC_NAME_BYTES_MAX + 40];
    snprintf(field, sizeof field, "%s.%s", printer->name, key->name);
    if (*slot_of(printer, key) != NULL) {
        return reject(reading, value, field, "it is there twice");
    }
    if (text_of(value) == NULL || !good_text(text_of(value))) {
        return reject(reading, value, field, "expected a text");
    }
    if (key->offset == offsetof(struct sync_printer, host)) {
        return read_host(reading, value, field, slot_of(printer, key));
    }
    if (is_plain_other(value)) {
        return reject(reading, value, field, "expected a text; put a number or such a word between quotes");
    }
    if (*text_of(value) == '\0') {
        return reject(reading, value, field, "it is empty");
    }
    *slot_of(printer, key) = memory_copy_text(text_of(value));
    return true;
}

static bool read_pair(const struct reading *reading, struct sync_printer *printer, const yaml_node_t *name,
                      const yaml_node_t *value)
{
    const char *text = text_of(name);
    for (size_t i = 0; text != NULL && i < KEYS; i++) {
        if (strcmp(text, keys[i].name) == 0) {
            return read_value(reading, printer, &keys[i], value);
        }
    }
    char field[2 * SYNC_NAME_BYTES_MAX + 8];
    snprintf(field, sizeof field, "%s.%.*s", printer->name, SYNC_NAME_BYTES_MAX, text == NULL ? "?" : text);
    return reject(reading, name, field,
                  "there is no such field; a printer has host, username, password, printer_type and api_key");
}

static bool read_printer(const struct reading *reading, struct sync_printer *printer, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE) {
        return reject(reading, node, printer->name, "expected a mapping with host, username, password, printer_type");
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        if (!read_pair(reading, printer, yaml_document_get_node(reading->document, pair->key),
                       yaml_document_get_node(reading->document, pair->value))) {
            return false;
        }
    }
    for (size_t i = 0; i < KEYS; i++) {
        if (keys[i].needed && *slot_of(printer, &keys[i]) == NULL) {
            char text[80];
            snprintf(text, sizeof text, "the field %s is missing", keys[i].name);
            return reject(reading, node, printer->name, text);
        }
    }
    return true;
}

/* ---- The file ---- */

static bool same_place(const char *host, const char *other)
{
    struct endpoint a, b;
    return endpoint_parse(&a, host, NULL, NULL) && endpoint_parse(&b, other, NULL, NULL) &&
           strcasecmp(a.host, b.host) == 0 && endpoint_port(&a) == endpoint_port(&b);
}

/* Two names for one printer would work against each other; two of one name, Link Sync takes the last without a word. */
static bool check_unique(const struct reading *reading, const struct sync_farm *farm, const yaml_node_t *name)
{
    const struct sync_printer *last = &farm->printers[farm->count - 1];
    for (size_t i = 0; i + 1 < farm->count; i++) {
        const struct sync_printer *other = &farm->printers[i];
        char text[SYNC_NAME_BYTES_MAX + 300];
        if (strcasecmp(other->name, last->name) == 0) {
            snprintf(text, sizeof text, "this name is there twice, first in line %u", other->line);
            return reject(reading, name, last->name, text);
        }
        if (last->host != NULL && same_place(other->host, last->host)) {
            snprintf(text, sizeof text, "its host is that of %s in line %u", other->name, other->line);
            return reject(reading, name, last->name, text);
        }
    }
    return true;
}

static bool read_entry(const struct reading *reading, struct sync_farm *farm, const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = yaml_document_get_node(reading->document, pair->key);
    const char *text = text_of(name);
    if (text == NULL || *text == '\0' || strlen(text) > SYNC_NAME_BYTES_MAX || !good_text(text)) {
        return reject(reading, name, "name of a printer", "expected a text of 1 to 128 bytes");
    }
    if (farm->count == SYNC_PRINTERS_MAX) {
        return reject(reading, name, text, "there are more than 10000 printers");
    }
    farm->printers = memory_resize(farm->printers, (farm->count + 1) * sizeof *farm->printers);
    struct sync_printer *printer = &farm->printers[farm->count++];
    *printer = (struct sync_printer){.name = memory_copy_text(text), .line = line_of(name)};
    return check_unique(reading, farm, name) &&
           read_printer(reading, printer, yaml_document_get_node(reading->document, pair->value)) &&
           check_unique(reading, farm, name);
}

static bool read_farm(const struct reading *reading, struct sync_farm *farm)
{
    const yaml_node_t *root = yaml_document_get_root_node(reading->document);
    if (root == NULL || root->type != YAML_MAPPING_NODE ||
        root->data.mapping.pairs.start == root->data.mapping.pairs.top) {
        return error_set(reading->error, "%s:%u: expected a mapping of printer names to printers", farm->place,
                         root == NULL ? 1 : line_of(root));
    }
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
        if (!read_entry(reading, farm, pair)) {
            return false;
        }
    }
    return true;
}

static bool load_document(const struct reading *reading, const struct buffer *text, struct sync_farm *farm)
{
    yaml_parser_t parser;
    yaml_document_t document, behind;
    yaml_parser_initialize(&parser);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)buffer_text(text), text->size);
    bool done = yaml_parser_load(&parser, &document) == 1;
    if (!done) {
        error_set(reading->error, "%s:%u: %s", reading->place,
                  (unsigned)(parser.problem_mark.line > 0 ? parser.problem_mark.line : parser.context_mark.line) + 1,
                  parser.problem == NULL ? "this is no YAML" : parser.problem);
    } else {
        struct reading inner = {.place = reading->place, .document = &document, .error = reading->error};
        done = read_farm(&inner, farm);
        if (done && yaml_parser_load(&parser, &behind) == 1) {
            done = yaml_document_get_root_node(&behind) == NULL ||
                   error_set(reading->error, "%s: there is a second document in it", reading->place);
            yaml_document_delete(&behind);
        }
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return done;
}

/* There are passwords in it. */
static void forget(struct buffer *text)
{
    if (text->bytes != NULL) {
        explicit_bzero(text->bytes, text->capacity);
    }
    buffer_free(text);
}

struct sync_farm *sync_farm_parse(const char *place, const char *bytes, size_t size, struct error *error)
{
    bool json = false;
    struct buffer text = {0};
    if (!form_of(place, &json, error)) {
        return NULL;
    }
    if (size > SYNC_FARM_BYTES_MAX) {
        error_set(error, "%s: it is larger than %d bytes", place, SYNC_FARM_BYTES_MAX);
        return NULL;
    }
    if (memchr(bytes, '\0', size) != NULL) {
        error_set(error, "%s: there is a zero byte in it", place);
        return NULL;
    }
    buffer_append(&text, bytes, size);
    if (json && !check_json(place, buffer_text(&text), text.size, error)) {
        buffer_free(&text);
        return NULL;
    }
    buffer_clear(&text);
    if (json) {
        json_to_yaml(&text, bytes, size);
    } else {
        buffer_append(&text, bytes, size);
    }
    struct sync_farm *farm = memory_new(sizeof *farm);
    farm->place = memory_copy_text(place);
    const struct reading reading = {.place = place, .error = error};
    if (!load_document(&reading, &text, farm)) {
        sync_farm_destroy(farm);
        farm = NULL;
    }
    forget(&text);
    return farm;
}

struct sync_farm *sync_farm_load(const char *path, struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct buffer text = {0};
    char piece[4096];
    size_t got;
    while (text.size <= SYNC_FARM_BYTES_MAX && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&text, piece, got);
    }
    struct sync_farm *farm = NULL;
    if (ferror(file) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
    } else {
        farm = sync_farm_parse(path, buffer_text(&text), text.size, error);
    }
    fclose(file);
    explicit_bzero(piece, sizeof piece);
    forget(&text);
    return farm;
}

static void wipe(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static void free_printer(struct sync_printer *printer)
{
    free(printer->name);
    free(printer->host);
    free(printer->username);
    free(printer->type);
    wipe(printer->password);
    wipe(printer->api_key);
}

void sync_farm_destroy(struct sync_farm *farm)
{
    if (farm == NULL) {
        return;
    }
    for (size_t i = 0; i < farm->count; i++) {
        free_printer(&farm->printers[i]);
    }
    free(farm->printers);
    free(farm->place);
    free(farm);
}

/* ---- Which printers ---- */

static bool is_named(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool all_known(const struct sync_farm *farm, const char *const *names, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < farm->count && !known; k++) {
            known = strcasecmp(farm->printers[k].name, names[i]) == 0;
        }
        if (!known) {
            return error_set(error, "%s: there is no printer \"%.128s\" in it", farm->place, names[i]);
        }
    }
    return true;
}

bool sync_farm_select(struct sync_farm *farm, const char *const *only, size_t only_count, const char *const *skip,
                      size_t skip_count, struct error *error)
{
    if (!all_known(farm, only, only_count, error) || !all_known(farm, skip, skip_count, error)) {
        return false;
    }
    size_t kept = 0;
    for (size_t i = 0; i < farm->count; i++) {
        const char *name = farm->printers[i].name;
        if ((only_count == 0 || is_named(name, only, only_count)) && !is_named(name, skip, skip_count)) {
            farm->printers[kept++] = farm->printers[i];
        } else {
            free_printer(&farm->printers[i]);
        }
    }
    farm->count = kept;
    return kept > 0 || error_set(error, "%s: no printer is left to be brought into step", farm->place);
}

bool sync_farm_passwords(struct sync_farm *farm, const struct sync_secrets *secrets, struct error *error)
{
    for (size_t i = 0; i < farm->count; i++) {
        struct sync_printer *printer = &farm->printers[i];
        if (printer->password != NULL || printer->api_key != NULL) {
            continue;
        }
        struct buffer name = {0};
        buffer_append_text(&name, "HOTBED_PASSWORD_");
        for (const char *at = printer->name; *at != '\0'; at++) {
            buffer_append_char(&name, isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_');
        }
        const char *found = secrets->environment(name.bytes);
        found = found != NULL && *found != '\0' ? found : secrets->environment("HOTBED_PASSWORD");
        if (found != NULL && *found != '\0') {
            printer->password = memory_copy_text(found);
        } else if (secrets->ask != NULL) {
            printer->password = secrets->ask(secrets->owner, printer->name);
        }
        if (printer->password == NULL || *printer->password == '\0' || !good_text(printer->password)) {
            error_set(error,
                      "%s:%u: %s.password: it is not in the file, neither %s nor HOTBED_PASSWORD holds it, and there "
                      "is nobody to ask",
                      farm->place, printer->line, printer->name, name.bytes);
            buffer_free(&name);
            return false;
        }
        buffer_free(&name);
    }
    return true;
}
