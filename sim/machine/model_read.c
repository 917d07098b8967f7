#include "sim/machine/model_read.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"

/* A model is a page or two of text. */
enum { FILE_SIZE_MAX = 64 * 1024, PATH_DEPTH_MAX = 4, FIELDS_MAX = 40, KEY_DEPTH_MAX = 10, KEY_SIZE_MAX = 40 };

/* -- what libcyaml complains about ---------------------------------------------------------------------------------- */

struct complaint {
    char reason[256];   /* "Invalid FLOAT value: abc" */
    char field[256];    /* "nozzle.pid.kp" */
    unsigned long line; /* 0: not told */
    /* libcyaml 1.3 reads "300.5" as the whole number 300, "38abc" as 38 and "perhaps" as true. What it logs on the way
     * tells the text of each value, so the first that is not one from end to end is kept here. */
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
            used += (size_t)snprintf(complaint->cut_path + used, sizeof complaint->cut_path - used, "%s%s",
                                     used == 0 ? "" : ".", complaint->keys[i]);
        }
    }
}

/* Follow the loading from its log: "Load: PUSH[3]: ...", "Load: [key]", "Load: Reading value of type 'INT'",
 * "Load:   <300.5>". */
static void follow(struct complaint *complaint, char *text)
{
    unsigned depth;
    char key[KEY_SIZE_MAX];
    if (sscanf(text, "Load: PUSH[%u]", &depth) == 1) {
        complaint->depth = depth < KEY_DEPTH_MAX ? depth : KEY_DEPTH_MAX - 1;
        complaint->keys[complaint->depth][0] = '\0';
    } else if (sscanf(text, "Load: POP[%u]", &depth) == 1) {
        complaint->depth = depth == 0 ? 0 : depth <= KEY_DEPTH_MAX ? depth - 1 : KEY_DEPTH_MAX - 1;
    } else if (sscanf(text, "Load: [%39[^]]", key) == 1) {
        memcpy(complaint->keys[complaint->depth], key, sizeof key);
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
        snprintf(key, sizeof key, "[%u]", entry);
        put_before(complaint->field, sizeof complaint->field, key);
    } else if (complaint->reason[0] == '\0' && strstr(text, "Backtrace") == NULL && text[0] != ' ') {
        const char *prefix = strstr(text, ": ");
        snprintf(complaint->reason, sizeof complaint->reason, "%s", prefix == NULL ? text : prefix + 2);
    }
}

static cyaml_err_t load(const struct model_text *text, const cyaml_schema_value_t *schema, struct complaint *complaint,
                        struct model_document **document)
{
    memset(complaint, 0, sizeof *complaint);
    cyaml_config_t config = {
        .log_fn = hear,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_DEBUG,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    return cyaml_load_data((const uint8_t *)text->bytes, text->size, &config, schema, (cyaml_data_t **)document, NULL);
}

static void free_document(struct model_document *document)
{
    cyaml_config_t config = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};
    (void)cyaml_free(&config, &model_schema, document, 0);
}

void model_text_free(struct model_text *text)
{
    if (text->document != NULL) {
        free_document(text->document);
    }
    *text = (struct model_text){0};
}

/* -- the line of a value that libcyaml liked and we don't ----------------------------------------------------------- */

/* libcyaml keeps no lines, but it tells the one at which it stops: read once more with a schema that accepts nothing at
 * just this place. */
static unsigned long line_of(const struct model_text *text, const char *path)
{
    cyaml_schema_field_t levels[PATH_DEPTH_MAX][FIELDS_MAX];
    const cyaml_schema_field_t *fields = model_fields;
    cyaml_schema_field_t *parent = NULL;
    for (int depth = 0; depth < PATH_DEPTH_MAX; depth++) {
        size_t length = strcspn(path, ".");
        cyaml_schema_field_t *found = NULL;
        for (size_t i = 0;; i++) {
            assert(i < FIELDS_MAX);
            levels[depth][i] = fields[i];
            if (fields[i].key == NULL) {
                break;
            }
            if (strlen(fields[i].key) == length && strncmp(fields[i].key, path, length) == 0) {
                found = &levels[depth][i];
            }
        }
        if (parent != NULL) {
            parent->value.mapping.fields = levels[depth];
        }
        if (found == NULL) {
            return 0;
        }
        if (path[length] == '\0' || found->value.type != CYAML_MAPPING) {
            static const cyaml_strval_t nothing[1];
            found->value = (cyaml_schema_value_t){
                CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, enum model_pid, nothing, 0),
            };
            break;
        }
        fields = found->value.mapping.fields;
        path += length + 1;
        parent = found;
    }
    cyaml_schema_value_t schema = model_schema;
    schema.mapping.fields = levels[0];
    struct complaint complaint;
    struct model_document *document = NULL;
    if (load(text, &schema, &complaint, &document) == CYAML_OK) {
        free_document(document);
        return 0;
    }
    return complaint.line;
}

bool model_text_reject(struct model_text *text, const char *path, const char *expected, struct error *error)
{
    unsigned long line = line_of(text, path);
    if (line == 0) {
        return error_set(error, "%s: field '%s': expected %s", text->place, path, expected);
    }
    return error_set(error, "%s:%lu: field '%s': expected %s", text->place, line, path, expected);
}

/* -- limits --------------------------------------------------------------------------------------------------------- */

static bool within(struct model_text *text, const char *section, const void *data, const struct model_limit *limits,
                   struct error *error)
{
    if (data == NULL) {
        return true;
    }
    for (const struct model_limit *limit = limits; limit->path != NULL; limit++) {
        const char *at = (const char *)data + limit->offset;
        double value;
        if (limit->whole) {
            int whole;
            memcpy(&whole, at, sizeof whole);
            value = whole;
        } else {
            memcpy(&value, at, sizeof value);
        }
        if (!(value >= limit->least && value <= limit->most)) { /* NaN is neither */
            char path[100];
            snprintf(path, sizeof path, "%s.%s", section, limit->path);
            return model_text_reject(text, path, limit->expected, error);
        }
    }
    return true;
}

static bool all_within(struct model_text *text, struct error *error)
{
    const struct model_document *document = text->document;
    if (document->board_above_room_k != NULL &&
        !(*document->board_above_room_k >= -50 && *document->board_above_room_k <= 100)) {
        return model_text_reject(text, "board_above_room_k", "a difference in K from -50 to 100", error);
    }
    return within(text, "identity", document->identity, model_identity_limits, error) &&
           within(text, "mmu", document->mmu, model_mmu_limits, error) &&
           within(text, "nozzle", document->nozzle, model_heater_limits, error) &&
           within(text, "bed", document->bed, model_heater_limits, error) &&
           within(text, "hotend_fan", document->hotend_fan, model_fan_limits, error) &&
           within(text, "print_fan", document->print_fan, model_fan_limits, error) &&
           within(text, "motion", document->motion, model_motion_limits, error);
}

/* -- libcyaml's complaints in our words ----------------------------------------------------------------------------- */

static const char *limit_of(const char *path)
{
    static const struct {
        const char *section;
        const struct model_limit *limits;
    } sections[] = {
        {"identity", model_identity_limits}, {"mmu", model_mmu_limits},         {"nozzle", model_heater_limits},
        {"bed", model_heater_limits},        {"hotend_fan", model_fan_limits}, {"print_fan", model_fan_limits},
        {"motion", model_motion_limits},
    };
    size_t length = strcspn(path, ".");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0] && path[length] == '.'; i++) {
        if (strlen(sections[i].section) != length || strncmp(sections[i].section, path, length) != 0) {
            continue;
        }
        for (const struct model_limit *limit = sections[i].limits; limit->path != NULL; limit++) {
            if (strcmp(limit->path, path + length + 1) == 0) {
                return limit->expected;
            }
        }
    }
    return NULL;
}

/* The fields of the mapping at `path` ("" is the file itself), or the field there when it is no mapping. */
static const cyaml_schema_field_t *fields_at(const char *path, const cyaml_schema_field_t **leaf)
{
    const cyaml_schema_field_t *fields = model_fields;
    *leaf = NULL;
    while (*path != '\0' && fields != NULL) {
        size_t length = strcspn(path, ".[");
        while (fields->key != NULL && (strlen(fields->key) != length || strncmp(fields->key, path, length) != 0)) {
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
static void expectation(const char *path, struct buffer *out)
{
    const cyaml_schema_field_t *leaf;
    const cyaml_schema_field_t *fields = fields_at(path, &leaf);
    const char *limit = limit_of(path);
    if (limit != NULL) {
        buffer_append_text(out, limit);
    } else if (fields != NULL) {
        buffer_append_text(out, "the keys ");
        for (size_t i = 0; fields[i].key != NULL; i++) {
            buffer_format(out, "%s%s", i == 0 ? "" : ", ", fields[i].key);
        }
    } else if (leaf == NULL) {
        buffer_append_text(out, "what docs/models.md says");
    } else if (leaf->value.type == CYAML_BOOL) {
        buffer_append_text(out, "true or false");
    } else if (leaf->value.type == CYAML_ENUM) {
        for (uint32_t i = 0; i < leaf->value.enumeration.count; i++) {
            buffer_format(out, "%s%s", i == 0 ? "" : " or ", leaf->value.enumeration.strings[i].str);
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

static bool explain(const struct model_text *text, cyaml_err_t result, struct complaint *complaint,
                    struct error *error)
{
    const char *reason = complaint->reason[0] != '\0' ? complaint->reason : cyaml_strerror(result);
    unsigned long line = complaint->line > 0 ? complaint->line : 1;
    if (result == CYAML_ERR_MAPPING_FIELD_MISSING) {
        /* The backtrace ends at the last key that is there. */
        const char *missing = strrchr(reason, ' ');
        char *last = strrchr(complaint->field, '.');
        size_t kept = last == NULL ? 0 : (size_t)(last - complaint->field) + 1;
        snprintf(complaint->field + kept, sizeof complaint->field - kept, "%s", missing == NULL ? "" : missing + 1);
        reason = "is missing";
    }
    struct buffer expected = {0};
    expectation(complaint->field, &expected);
    if (complaint->field[0] == '\0') {
        error_set(error, "%s:%lu: %s; expected %s", text->place, line, reason, buffer_text(&expected));
    } else {
        error_set(error, "%s:%lu: field '%s': %s; expected %s", text->place, line, complaint->field, reason,
                  buffer_text(&expected));
    }
    buffer_free(&expected);
    return false;
}

bool model_text_read(struct model_text *text, const char *place, const char *bytes, size_t size, struct error *error)
{
    *text = (struct model_text){.place = place, .bytes = bytes, .size = size};
    if (size > FILE_SIZE_MAX) {
        return error_set(error, "%s: a model file has at most %d bytes, this one has more", place, FILE_SIZE_MAX);
    }
    if (size == 0) {
        return error_set(error, "%s:1: the file is empty, expected a model (see docs/models.md)", place);
    }
    struct complaint complaint;
    cyaml_err_t result = load(text, &model_schema, &complaint, &text->document);
    if (result != CYAML_OK) {
        return explain(text, result, &complaint, error);
    }
    if (text->document == NULL) {
        return error_set(error, "%s:1: the file holds no model (see docs/models.md)", place);
    }
    if (complaint.cut_short) {
        struct buffer expected = {0};
        expectation(complaint.cut_path, &expected);
        model_text_reject(text, complaint.cut_path, buffer_text(&expected), error);
        buffer_free(&expected);
        return false;
    }
    return all_within(text, error);
}
