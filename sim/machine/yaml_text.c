#include "sim/machine/yaml_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sim/base/buffer.h"

enum { KEY_DEPTH_MAX = 14, KEY_SIZE_MAX = 40 };

/* -- what libcyaml complains about ------------------------------------------------------------- */

struct complaint {
    char reason[256];   /* "Invalid FLOAT value: abc" */
    char field[256];    /* "nozzle.pid.kp" */
    unsigned long line; /* 0: not told */
    /* libcyaml 1.3 reads "300.5" as the whole number 300, "38abc" as 38 and "perhaps" as true. What
     * it logs on the way tells the text of each value, so the first that is not one from end to end
     * is kept here. */
    char keys[KEY_DEPTH_MAX][KEY_SIZE_MAX];
    unsigned depth;
    char type[8]; /* of the value that comes next */
    bool cut_short;
    char cut_path[KEY_DEPTH_MAX * (KEY_SIZE_MAX + 1)];
};

static bool is_sound(const char *type, const char *text)
{
    char *end = NULL;
    if (strcmp(type, "BOOL") == 0) {
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    }
    if (strcmp(type, "FLOAT") == 0) {
        (void)strtod(text, &end);
    } else if (strcmp(type, "INT") == 0) {
        (void)strtoll(text, &end, 0);
    } else if (strcmp(type, "UINT") == 0 && strchr(text, '-') == NULL) {
        (void)strtoull(text, &end, 0);
    } else {
        return strcmp(type, "UINT") != 0; /* a text or the like */
    }
    return end != text && *end == '\0';
}

static void keep_path(struct complaint *complaint)
{
    size_t used = 0;
    complaint->cut_short = true;
    for (unsigned i = 0; i <= complaint->depth; i++) {
        if (complaint->keys[i][0] != '\0') {
            used += (size_t)snprintf(complaint->cut_path + used, sizeof complaint->cut_path - used,
                                     "%s%s", used == 0 || complaint->keys[i][0] == '[' ? "" : ".",
                                     complaint->keys[i]);
        }
    }
}

/* Follow the loading from its log: "Load: PUSH[3]: ...", "Load: [key]", "Load: Sequence entry: 1
 * (24 bytes)", "Load: Reading value of type 'INT'", "Load:   <300.5>". */
static void follow(struct complaint *complaint, char *text)
{
    unsigned depth, entry;
    char key[KEY_SIZE_MAX];
    if (sscanf(text, "Load: PUSH[%u]", &depth) == 1) {
        complaint->depth = depth < KEY_DEPTH_MAX ? depth : KEY_DEPTH_MAX - 1;
        complaint->keys[complaint->depth][0] = '\0';
    } else if (sscanf(text, "Load: POP[%u]", &depth) == 1) {
        complaint->depth = depth == 0 ? 0 : depth <= KEY_DEPTH_MAX ? depth - 1 : KEY_DEPTH_MAX - 1;
    } else if (sscanf(text, "Load: [%39[^]]", key) == 1) {
        memcpy(complaint->keys[complaint->depth], key, sizeof key);
    } else if (sscanf(text, "Load: Sequence entry: %u", &entry) == 1) {
        snprintf(complaint->keys[complaint->depth], sizeof key, "[%u]", entry);
    } else if (sscanf(text, "Load: Reading value of type '%7[A-Z]", complaint->type) == 1) {
        return;
    } else if (strncmp(text, "Load:   <", 9) == 0) {
        char *end = strrchr(text, '>');
        if (end != NULL) {
            *end = '\0';
        }
        if (!complaint->cut_short && !is_sound(complaint->type, text + 9)) {
            keep_path(complaint);
        }
    }
}

/* Put `key` before the path so far: the backtrace goes from the inside out. */
static void put_before(char *path, size_t size, const char *key)
{
    char rest[128];
    snprintf(rest, sizeof rest, "%.127s", path);
    if (rest[0] == '\0' || rest[0] == '[') {
        snprintf(path, size, "%s%s", key, rest);
    } else {
        snprintf(path, size, "%s.%s", key, rest);
    }
}

static void hear(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char text[256];
    if (vsnprintf(text, sizeof text, format, arguments) < 0) {
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    if (level < CYAML_LOG_ERROR) {
        follow(complaint, text);
        return;
    }
    const char *line = strstr(text, "(line: ");
    if (line != NULL && complaint->line == 0) {
        complaint->line = strtoul(line + strlen("(line: "), NULL, 10);
    }
    char key[100];
    unsigned entry;
    if (sscanf(text, " in mapping field '%99[^']'", key) == 1) {
        put_before(complaint->field, sizeof complaint->field, key);
    } else if (sscanf(text, " in sequence entry '%u'", &entry) == 1) {
        snprintf(key, sizeof key, "[%u]", entry > 0 ? entry - 1 : 0); /* it counts from 1 here */
        put_before(complaint->field, sizeof complaint->field, key);
    } else if (complaint->reason[0] == '\0' && strstr(text, "Backtrace") == NULL &&
               text[0] != ' ') {
        const char *prefix = strstr(text, ": ");
        snprintf(complaint->reason, sizeof complaint->reason, "%s",
                 prefix == NULL ? text : prefix + 2);
    }
}

static cyaml_err_t load(struct yaml_text *text, struct complaint *complaint)
{
    memset(complaint, 0, sizeof *complaint);
    cyaml_config_t config = {
        .log_fn = hear,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_DEBUG,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    return cyaml_load_data((const uint8_t *)text->bytes, text->size, &config, text->shape->schema,
                           (cyaml_data_t **)&text->document, NULL);
}

void yaml_text_free(struct yaml_text *text)
{
    if (text->document != NULL) {
        cyaml_config_t config = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};
        (void)cyaml_free(&config, text->shape->schema, text->document, 0);
    }
    *text = (struct yaml_text){0};
}

/* -- the line of a value that libcyaml liked and we don't: it keeps none, so libyaml is asked -- */

static bool next_event(yaml_parser_t *parser, yaml_event_t *event)
{
    return yaml_parser_parse(parser, event) == 1 && event->type != YAML_STREAM_END_EVENT;
}

/* Pass over the node that begins with an event of this type. */
static bool skip(yaml_parser_t *parser, yaml_event_type_t type)
{
    for (int depth = 0;;) {
        depth += type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
        depth -= type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
        if (depth == 0) {
            return true;
        }
        yaml_event_t event;
        if (!next_event(parser, &event)) {
            return false;
        }
        type = event.type;
        yaml_event_delete(&event);
    }
}

static bool is_key(const yaml_event_t *event, const char *path, size_t size)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == size &&
           memcmp(event->data.scalar.value, path, size) == 0;
}

struct walk {
    yaml_parser_t parser;
    const char *path;
    unsigned long line;
    unsigned again; /* so many times the key at the end of the path is passed over first */
    bool of_next;   /* the line is that of the next event */
};

/* In a sequence, to its entry of this index. */
static bool walk_to_entry(struct walk *walk, unsigned long index)
{
    for (; index > 0; index--) {
        yaml_event_t event;
        if (!next_event(&walk->parser, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_SEQUENCE_END_EVENT || !skip(&walk->parser, type)) {
            return false;
        }
    }
    walk->of_next = true;
    return true;
}

/* In a mapping, to the value of this key. */
static bool walk_to_key(struct walk *walk, size_t size)
{
    for (bool key = true, found = false; !found; key = !key) {
        yaml_event_t event;
        if (!next_event(&walk->parser, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        found = key && is_key(&event, walk->path, size);
        if (found && walk->path[size] == '\0' && walk->again > 0) {
            walk->again--;
            found = false;
        }
        walk->line = found ? event.start_mark.line + 1 : walk->line;
        yaml_event_delete(&event);
        if (type == YAML_MAPPING_END_EVENT || !skip(&walk->parser, type)) {
            return false;
        }
    }
    return true;
}

/* One part of the path further. False: it ends here, or leads nowhere. */
static bool descend(struct walk *walk)
{
    yaml_event_t event;
    if ((*walk->path == '\0' && !walk->of_next) || !next_event(&walk->parser, &event)) {
        return false;
    }
    yaml_event_type_t type = event.type;
    walk->line = walk->of_next ? event.start_mark.line + 1 : walk->line;
    walk->of_next = false;
    yaml_event_delete(&event);
    bool found = false;
    if (type == YAML_SEQUENCE_START_EVENT && *walk->path == '[') {
        found = walk_to_entry(walk, strtoul(walk->path + 1, NULL, 10));
        walk->path += strcspn(walk->path, "]") + 1;
    } else if (type == YAML_MAPPING_START_EVENT && *walk->path != '\0') {
        size_t size = strcspn(walk->path, ".[");
        found = walk_to_key(walk, size);
        walk->path += size;
    }
    walk->path += *walk->path == '.';
    return found;
}

/* 0: there is no such place. Of a field that is missing, the line of what it is missing in. `again`
 * 1: of the second of two of this name. */
static unsigned long line_of(const struct yaml_text *text, const char *path, unsigned again)
{
    struct walk walk = {.path = path, .again = again};
    if (yaml_parser_initialize(&walk.parser) != 1) {
        return 0;
    }
    yaml_parser_set_input_string(&walk.parser, (const unsigned char *)text->bytes, text->size);
    yaml_event_t event;
    bool begun = false;
    while (!begun && next_event(&walk.parser, &event)) {
        begun = event.type == YAML_DOCUMENT_START_EVENT;
        yaml_event_delete(&event);
    }
    while (begun && descend(&walk)) {
    }
    yaml_parser_delete(&walk.parser);
    return walk.line;
}

bool yaml_text_reject(const struct yaml_text *text, const char *path, const char *expected,
                      struct error *error)
{
    unsigned long line = line_of(text, path, 0);
    if (line == 0 || text->shape->generated) {
        return error_set(error, "%s: field '%s': expected %s", text->place, path, expected);
    }
    return error_set(error, "%s:%lu: field '%s': expected %s", text->place, line, path, expected);
}

/* -- libcyaml's complaints in our words -------------------------------------------------------- */

/* The fields of the mapping at `path` ("" is the file itself), or the field there when it is no
 * mapping. */
static const cyaml_schema_field_t *fields_at(const struct yaml_shape *shape, const char *path,
                                             const cyaml_schema_field_t **leaf)
{
    const cyaml_schema_field_t *fields = shape->fields;
    *leaf = NULL;
    while (*path != '\0' && fields != NULL) {
        size_t length = strcspn(path, ".[");
        while (fields->key != NULL &&
               (strlen(fields->key) != length || strncmp(fields->key, path, length) != 0)) {
            fields++;
        }
        *leaf = fields->key == NULL ? NULL : fields;
        const cyaml_schema_value_t *value = *leaf == NULL ? NULL : &(*leaf)->value;
        path += length;
        if (value != NULL && value->type == CYAML_SEQUENCE && *path != '\0') {
            value = value->sequence.entry; /* "storages[1].kind" */
            path += *path == '[' ? strcspn(path, ".") : 0;
        }
        fields = value != NULL && value->type == CYAML_MAPPING ? value->mapping.fields : NULL;
        path += *path == '.';
    }
    return fields;
}

/* What is expected at `path`, as text. */
static void expectation(const struct yaml_shape *shape, const char *path, struct buffer *out)
{
    const cyaml_schema_field_t *leaf;
    const cyaml_schema_field_t *fields = fields_at(shape, path, &leaf);
    const char *limit = shape->expected == NULL ? NULL : shape->expected(path);
    if (limit != NULL) {
        buffer_append_text(out, limit);
    } else if (fields != NULL) {
        buffer_append_text(out, "the keys ");
        for (size_t i = 0; fields[i].key != NULL; i++) {
            buffer_format(out, "%s%s", i == 0 ? "" : ", ", fields[i].key);
        }
    } else if (leaf == NULL) {
        buffer_format(out, "what %s says", shape->manual);
    } else if (leaf->value.type == CYAML_BOOL) {
        buffer_append_text(out, "true or false");
    } else if (leaf->value.type == CYAML_ENUM) {
        for (uint32_t i = 0; i < leaf->value.enumeration.count; i++) {
            buffer_format(out, "%s%s", i == 0 ? "" : " or ",
                          leaf->value.enumeration.strings[i].str);
        }
    } else if (leaf->value.type == CYAML_STRING) {
        buffer_format(out, "a text of %u to %u bytes", (unsigned)leaf->value.string.min,
                      (unsigned)leaf->value.string.max);
    } else if (leaf->value.type == CYAML_SEQUENCE || leaf->value.type == CYAML_SEQUENCE_FIXED) {
        unsigned least = leaf->value.sequence.min;
        unsigned most = leaf->value.sequence.max;
        if (least == most) {
            buffer_format(out, "a list of %u entries", least);
        } else {
            buffer_format(out, "a list of %u to %u entries", least, most);
        }
    } else {
        buffer_append_text(out, "a number");
    }
}

/* What is no YAML at all, and where; libcyaml blames the last value that it could read. False: it
 * is YAML, of one document. */
static bool is_no_yaml(const struct yaml_text *text, struct error *error)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) != 1) {
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->bytes, text->size);
    yaml_event_t event;
    unsigned documents = 0;
    while (documents < 2 && next_event(&parser, &event)) {
        documents += event.type == YAML_DOCUMENT_START_EVENT;
        if (documents == 2) {
            error_set(error, "%s:%zu: another document begins here, expected one in a file",
                      text->place, event.start_mark.line + 1);
        }
        yaml_event_delete(&event);
    }
    bool broken = parser.error != YAML_NO_ERROR;
    if (broken) {
        error_set(
            error, "%s:%zu: %s; expected YAML (see %s)", text->place, parser.problem_mark.line + 1,
            parser.problem == NULL ? "it can't be read" : parser.problem, text->shape->manual);
    }
    yaml_parser_delete(&parser);
    return broken || documents == 2;
}

static size_t until_last(const char *field, char sign)
{
    const char *at = strrchr(field, sign);
    return at == NULL ? 0 : (size_t)(at - field);
}

/* Let the complaint name the very field, and its line, where the backtrace ends beside it. Returns
 * the reason. */
static const char *set_right(const struct yaml_text *text, cyaml_err_t result,
                             struct complaint *complaint)
{
    static const char twice[] = "Mapping field already seen";
    char *field = complaint->field;
    const char *reason = complaint->reason[0] != '\0' ? complaint->reason : cyaml_strerror(result);
    const char *word = strrchr(reason, ' ') == NULL ? "" : strrchr(reason, ' ') + 1;
    size_t room = sizeof complaint->field;
    unsigned again = 0;
    if (result == CYAML_ERR_MAPPING_FIELD_MISSING) {
        size_t kept = until_last(field, '.'); /* the backtrace ends at the last key that is there */
        snprintf(field + kept, room - kept, "%s%s", kept == 0 ? "" : ".", word);
        reason = "is missing";
    } else if (result == CYAML_ERR_INVALID_KEY) {
        size_t kept = strlen(field);
        snprintf(field + kept, room - kept, "%s%s", kept == 0 ? "" : ".", word);
        reason = "there is no such field";
    } else if (result == CYAML_ERR_SEQUENCE_ENTRIES_MIN ||
               result == CYAML_ERR_SEQUENCE_ENTRIES_MAX) {
        field[until_last(field, '[')] = '\0';
        reason = result == CYAML_ERR_SEQUENCE_ENTRIES_MIN ? "too few entries" : "too many entries";
    } else if (strncmp(reason, twice, sizeof twice - 1) == 0) {
        again = 1;
        reason = "it is there twice";
    } else {
        return reason;
    }
    unsigned long line = line_of(text, field, again);
    complaint->line = line > 0 ? line : 1; /* of the whole file */
    return reason;
}

static bool explain(const struct yaml_text *text, cyaml_err_t result, struct complaint *complaint,
                    struct error *error)
{
    if (!text->shape->generated && is_no_yaml(text, error)) {
        return false;
    }
    const char *reason = set_right(text, result, complaint);
    unsigned long line = complaint->line > 0 ? complaint->line : 1;
    struct buffer expected = {0};
    char place[sizeof complaint->field];
    snprintf(place, sizeof place, "%s", complaint->field);
    if (result == CYAML_ERR_INVALID_KEY) {
        place[until_last(place, '.')] = '\0'; /* the fields that might stand beside it */
    }
    expectation(text->shape, place, &expected);
    char at[24] = "";
    if (!text->shape->generated) {
        snprintf(at, sizeof at, ":%lu", line);
    }
    if (complaint->field[0] == '\0') {
        error_set(error, "%s%s: %s; expected %s", text->place, at, reason, buffer_text(&expected));
    } else {
        error_set(error, "%s%s: field '%s': %s; expected %s", text->place, at, complaint->field,
                  reason, buffer_text(&expected));
    }
    buffer_free(&expected);
    return false;
}

bool yaml_text_read(struct yaml_text *text, const struct yaml_shape *shape, const char *place,
                    const char *bytes, size_t size, struct error *error)
{
    *text = (struct yaml_text){.shape = shape, .place = place, .bytes = bytes, .size = size};
    if (size > shape->bytes_max) {
        return error_set(error, "%s: a %s file has at most %zu bytes, this one has more", place,
                         shape->what, shape->bytes_max);
    }
    if (size == 0) {
        return error_set(error, "%s:1: the file is empty, expected a %s (see %s)", place,
                         shape->what, shape->manual);
    }
    struct complaint complaint;
    cyaml_err_t result = load(text, &complaint);
    if (result != CYAML_OK) {
        return explain(text, result, &complaint, error);
    }
    if (text->document == NULL) {
        return error_set(error, "%s:1: the file holds no %s (see %s)", place, shape->what,
                         shape->manual);
    }
    if (!shape->generated && is_no_yaml(text, error)) {
        return false;
    }
    if (complaint.cut_short) {
        struct buffer expected = {0};
        expectation(shape, complaint.cut_path, &expected);
        yaml_text_reject(text, complaint.cut_path, buffer_text(&expected), error);
        buffer_free(&expected);
        return false;
    }
    return true;
}
