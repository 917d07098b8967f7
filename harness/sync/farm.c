#include "harness/sync/farm.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/sync/farm_document.h"
#include "harness/sync/names.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/stream.h"

struct reading {
    const char *place;
    struct farm_document *document;
    struct error *error;
};

static bool reject(const struct reading *reading, const yaml_node_t *node, const char *field,
                   const char *text)
{
    return error_set(reading->error, "%s:%u: %s: %s", reading->place, farm_node_line(node), field,
                     text);
}

/* ---- Values ---- */

static bool good_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool read_host(const struct reading *reading, const yaml_node_t *node, const char *field,
                      char **out)
{
    struct endpoint endpoint;
    struct error why;
    const char *path = NULL, *text = farm_node_text(node);
    if (strchr(text, '@') != NULL) { /* what stands before it may be a password, and is not told */
        return reject(
            reading, node, field,
            "expected \"http://HOST[:PORT]\"; user and password belong into username and password");
    }
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

/* Free text, never used by Link Sync: 4 and nothing at all do there as well. */
static bool is_free(const struct key *key)
{
    return key->offset == offsetof(struct sync_printer, type);
}

static bool read_value(const struct reading *reading, struct sync_printer *printer,
                       const struct key *key, const yaml_node_t *value)
{
    char field[SYNC_NAME_BYTES_MAX + 40];
    snprintf(field, sizeof field, "%s.%s", printer->name, key->name);
    if (*slot_of(printer, key) != NULL) {
        return reject(reading, value, field, "it is there twice");
    }
    if (farm_node_text(value) == NULL || !good_text(farm_node_text(value))) {
        return reject(reading, value, field, "expected a text");
    }
    if (key->offset == offsetof(struct sync_printer, host)) {
        return read_host(reading, value, field, slot_of(printer, key));
    }
    if (!is_free(key) && farm_node_is_other(reading->document, value)) {
        return reject(reading, value, field,
                      "expected a text; put a number or such a word between quotes");
    }
    if (!is_free(key) && *farm_node_text(value) == '\0') {
        return reject(reading, value, field, "it is empty");
    }
    *slot_of(printer, key) = memory_copy_text(farm_node_text(value));
    return true;
}

struct printer_reading {
    const struct reading *reading;
    struct sync_printer *printer;
};

static bool read_pair(void *owner, const yaml_node_t *name, const yaml_node_t *value, bool merged)
{
    const struct printer_reading *of = owner;
    const char *text = farm_node_text(name);
    for (size_t i = 0; text != NULL && i < KEYS; i++) {
        if (strcmp(text, keys[i].name) == 0) {
            bool known = merged && *slot_of(of->printer, &keys[i]) != NULL;
            return known || read_value(of->reading, of->printer, &keys[i], value);
        }
    }
    char field[2 * SYNC_NAME_BYTES_MAX + 8];
    snprintf(field, sizeof field, "%s.%.*s", of->printer->name, SYNC_NAME_BYTES_MAX,
             text == NULL ? "?" : text);
    return reject(
        of->reading, name, field,
        "there is no such field; a printer has host, username, password, printer_type and api_key");
}

static bool read_printer(const struct reading *reading, struct sync_printer *printer,
                         const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE) {
        return reject(reading, node, printer->name,
                      "expected a mapping with host, username, password, printer_type");
    }
    struct printer_reading of = {.reading = reading, .printer = printer};
    if (!farm_node_each(reading->document, node, read_pair, &of, reading->error)) {
        return false;
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

/* ---- No printer twice ---- */

struct mark {
    char *key;
    size_t index;
};

static int compare_marks(const void *a, const void *b)
{
    const struct mark *one = a, *other = b;
    int order = strcmp(one->key, other->key);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

static char *place_key(const char *host)
{
    struct endpoint endpoint;
    struct buffer key = {0};
    endpoint_parse(&endpoint, host, NULL, NULL);
    for (const char *at = endpoint.host; *at != '\0'; at++) {
        buffer_append_char(&key, (char)tolower((unsigned char)*at));
    }
    buffer_format(&key, ":%u", endpoint_port(&endpoint));
    return buffer_detach(&key);
}

/* The first printer that repeats an earlier one; false: none does. */
static bool find_repeated(const struct sync_farm *farm, bool by_place, size_t *first, size_t *again)
{
    struct mark *marks = memory_new_array(farm->count, sizeof *marks);
    bool found = false;
    for (size_t i = 0; i < farm->count; i++) {
        const struct sync_printer *printer = &farm->printers[i];
        marks[i] = (struct mark){
            by_place ? place_key(printer->host) : sync_name_key(printer->name, true), i};
    }
    qsort(marks, farm->count, sizeof *marks, compare_marks);
    for (size_t i = 1; i < farm->count; i++) {
        if (strcmp(marks[i - 1].key, marks[i].key) == 0 && (!found || marks[i].index < *again)) {
            found = true;
            *first = marks[i - 1].index;
            *again = marks[i].index;
        }
    }
    for (size_t i = 0; i < farm->count; i++) {
        free(marks[i].key);
    }
    free(marks);
    return found;
}

/* Two names for one printer would work against each other; two of one name, Link Sync takes the
 * last without a word. */
static bool check_unique(const struct sync_farm *farm, struct error *error)
{
    size_t first, again;
    if (find_repeated(farm, false, &first, &again)) {
        return error_set(error, "%s:%u: %s: this name is there twice, first in line %u",
                         farm->place, farm->printers[again].line, farm->printers[again].name,
                         farm->printers[first].line);
    }
    if (find_repeated(farm, true, &first, &again)) {
        return error_set(error, "%s:%u: %s: its host is that of %s in line %u", farm->place,
                         farm->printers[again].line, farm->printers[again].name,
                         farm->printers[first].name, farm->printers[first].line);
    }
    return true;
}

/* ---- The file ---- */

static bool read_entry(const struct reading *reading, struct sync_farm *farm,
                       const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = farm_document_node(reading->document, pair->key);
    const char *text = farm_node_text(name);
    if (text == NULL || *text == '\0' || strlen(text) > SYNC_NAME_BYTES_MAX || !good_text(text)) {
        return reject(reading, name, "name of a printer", "expected a text of 1 to 128 bytes");
    }
    if (farm->count == SYNC_PRINTERS_MAX) {
        return reject(reading, name, text, "there are more than 10000 printers");
    }
    if ((farm->count & (farm->count + 1)) == 0) {
        farm->printers =
            memory_resize(farm->printers, (2 * farm->count + 2) * sizeof *farm->printers);
    }
    struct sync_printer *printer = &farm->printers[farm->count++];
    *printer = (struct sync_printer){.name = memory_copy_text(text), .line = farm_node_line(name)};
    return read_printer(reading, printer, farm_document_node(reading->document, pair->value));
}

static bool read_farm(const struct reading *reading, struct sync_farm *farm)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reading->document->yaml);
    if (root == NULL || root->type != YAML_MAPPING_NODE ||
        root->data.mapping.pairs.start == root->data.mapping.pairs.top) {
        return error_set(reading->error, "%s:%u: expected a mapping of printer names to printers",
                         farm->place, root == NULL ? 1 : farm_node_line(root));
    }
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        if (!read_entry(reading, farm, pair)) {
            return false;
        }
    }
    return check_unique(farm, reading->error);
}

struct sync_farm *sync_farm_parse(const char *place, const char *bytes, size_t size,
                                  struct error *error)
{
    struct farm_document document;
    if (!farm_document_load(&document, place, bytes, size, error)) {
        return NULL;
    }
    struct sync_farm *farm = memory_new(sizeof *farm);
    farm->place = memory_copy_text(place);
    const struct reading reading = {.place = place, .document = &document, .error = error};
    if (!read_farm(&reading, farm)) {
        sync_farm_destroy(farm);
        farm = NULL;
    }
    farm_document_free(&document);
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
    while (text.size <= FARM_DOCUMENT_BYTES_MAX &&
           (got = fread(piece, 1, sizeof piece, file)) > 0) {
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
    farm_document_forget(&text);
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

static bool same_name(const char *one, const char *other)
{
    char *a = sync_name_key(one, true), *b = sync_name_key(other, true);
    bool same = strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

static bool is_named(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (same_name(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool all_known(const struct sync_farm *farm, const char *const *names, size_t count,
                      struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < farm->count && !known; k++) {
            known = same_name(farm->printers[k].name, names[i]);
        }
        if (!known) {
            return error_set(error, "%s: there is no printer \"%.128s\" in it", farm->place,
                             names[i]);
        }
    }
    return true;
}

bool sync_farm_select(struct sync_farm *farm, const char *const *only, size_t only_count,
                      const char *const *skip, size_t skip_count, struct error *error)
{
    if (!all_known(farm, only, only_count, error) || !all_known(farm, skip, skip_count, error)) {
        return false;
    }
    size_t kept = 0;
    for (size_t i = 0; i < farm->count; i++) {
        const char *name = farm->printers[i].name;
        if ((only_count == 0 || is_named(name, only, only_count)) &&
            !is_named(name, skip, skip_count)) {
            farm->printers[kept++] = farm->printers[i];
        } else {
            free_printer(&farm->printers[i]);
        }
    }
    farm->count = kept;
    return kept > 0 ||
           error_set(error, "%s: no printer is left to be brought into step", farm->place);
}

bool sync_farm_passwords(struct sync_farm *farm, const struct sync_secrets *secrets,
                         struct error *error)
{
    for (size_t i = 0; i < farm->count; i++) {
        struct sync_printer *printer = &farm->printers[i];
        if (printer->password != NULL || printer->api_key != NULL) {
            continue;
        }
        struct buffer name = {0};
        buffer_append_text(&name, "HOTBED_PASSWORD_");
        for (const char *at = printer->name; *at != '\0'; at++) {
            buffer_append_char(
                &name, isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_');
        }
        const char *found = secrets->environment(name.bytes);
        found = found != NULL && *found != '\0' ? found : secrets->environment("HOTBED_PASSWORD");
        if (found != NULL && *found != '\0') {
            printer->password = memory_copy_text(found);
        } else if (secrets->ask != NULL) {
            printer->password = secrets->ask(secrets->owner, printer->name);
        }
        if (printer->password == NULL || *printer->password == '\0' ||
            !good_text(printer->password)) {
            error_set(error,
                      "%s:%u: %s.password: it is not in the file, neither %s nor HOTBED_PASSWORD "
                      "holds it, and there "
                      "is nobody to ask",
                      farm->place, printer->line, printer->name, name.bytes);
            buffer_free(&name);
            return false;
        }
        buffer_free(&name);
    }
    return true;
}
