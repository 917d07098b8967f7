#include "sim/protocol/connect/buddy_parse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/connect/buddy_json.h"

enum {
    ARG_JOB_ID = 1U << 0,
    ARG_PATH = 1U << 1,
    ARG_TOKEN = 1U << 2,
    ARG_KEY = 1U << 3,
    ARG_IV = 1U << 4,
    ARG_SIZE = 1U << 5,
    ARG_DIALOG_ID = 1U << 6,
    ARG_BUTTON = 1U << 7,
    ARG_VALUE = 1U << 8,
    ARG_OBJECT_ID = 1U << 9,
    ARG_TEAM_ID = 1U << 10,
    ARG_HASH = 1U << 11,
};

#define INLINE_ARGS (ARG_PATH | ARG_SIZE | ARG_TEAM_ID | ARG_HASH)

static const struct {
    const char *name;
    enum buddy_command_type type;
    unsigned needs;
} command_names[] = {
    {"SEND_INFO", BUDDY_COMMAND_SEND_INFO, 0},
    {"SEND_JOB_INFO", BUDDY_COMMAND_SEND_JOB_INFO, ARG_JOB_ID},
    {"SEND_FILE_INFO", BUDDY_COMMAND_SEND_FILE_INFO, ARG_PATH},
    {"SEND_TRANSFER_INFO", BUDDY_COMMAND_SEND_TRANSFER_INFO, 0},
    {"SEND_STATE_INFO", BUDDY_COMMAND_SEND_STATE_INFO, 0},
    {"PAUSE_PRINT", BUDDY_COMMAND_PAUSE_PRINT, 0},
    {"RESUME_PRINT", BUDDY_COMMAND_RESUME_PRINT, 0},
    {"STOP_PRINT", BUDDY_COMMAND_STOP_PRINT, 0},
    {"START_PRINT", BUDDY_COMMAND_START_PRINT, ARG_PATH},
    {"SET_PRINTER_READY", BUDDY_COMMAND_SET_PRINTER_READY, 0},
    {"CANCEL_PRINTER_READY", BUDDY_COMMAND_CANCEL_PRINTER_READY, 0},
    {"SET_IDLE", BUDDY_COMMAND_SET_IDLE, 0},
    {"DELETE_FILE", BUDDY_COMMAND_DELETE_FILE, ARG_PATH},
    {"DELETE_FOLDER", BUDDY_COMMAND_DELETE_FOLDER, ARG_PATH},
    {"CREATE_FOLDER", BUDDY_COMMAND_CREATE_FOLDER, ARG_PATH},
    {"STOP_TRANSFER", BUDDY_COMMAND_STOP_TRANSFER, 0},
    {"SET_TOKEN", BUDDY_COMMAND_SET_TOKEN, ARG_TOKEN},
    {"RESET_PRINTER", BUDDY_COMMAND_RESET, 0},
    {"RESET", BUDDY_COMMAND_RESET, 0},
    {"DIALOG_ACTION", BUDDY_COMMAND_DIALOG_ACTION, ARG_DIALOG_ID | ARG_BUTTON},
    {"SET_VALUE", BUDDY_COMMAND_SET_VALUE, ARG_VALUE},
    {"CANCEL_OBJECT", BUDDY_COMMAND_CANCEL_OBJECT, ARG_OBJECT_ID},
    {"UNCANCEL_OBJECT", BUDDY_COMMAND_UNCANCEL_OBJECT, ARG_OBJECT_ID},
    {"START_INLINE_DOWNLOAD", BUDDY_COMMAND_START_INLINE_DOWNLOAD, INLINE_ARGS},
    {"START_CONNECT_DOWNLOAD", BUDDY_COMMAND_START_INLINE_DOWNLOAD, INLINE_ARGS},
    {"START_ENCRYPTED_DOWNLOAD", BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD,
     ARG_PATH | ARG_KEY | ARG_IV | ARG_SIZE},
};

struct parsing {
    struct buddy_command *command;
    const struct buddy_build *build;
    bool in_kwargs, in_mapping;
    bool buffer_used; /* by the first path, token or host name */
    unsigned needs, seen;
    uint32_t outer, inner; /* place in the tool mapping */
};

static void broken(struct parsing *p, const char *reason)
{
    p->command->type = BUDDY_COMMAND_BROKEN;
    p->command->reason = reason;
}

/* ---- numbers: leading digits count, what follows them does not ---- */

static bool unsigned_number(const struct buddy_json_item *item, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < item->value_size && item->value[i] >= '0' && item->value[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(item->value[i] - '0');
        if (value > (most - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return i > 0;
}

static bool int8_number(const struct buddy_json_item *item, int64_t *number)
{
    bool negative = item->value_size > 0 && item->value[0] == '-';
    struct buddy_json_item digits = *item;
    digits.value += negative;
    digits.value_size -= negative;
    uint64_t value;
    if (!unsigned_number(&digits, negative ? 128 : 127, &value)) {
        return false;
    }
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool float_number(const struct buddy_json_item *item, float *number)
{
    char *end = NULL;
    if (item->value_size == 0 || strchr("+ \t", item->value[0]) != NULL) {
        return false;
    }
    *number = strtof(item->value, &end);
    return end != item->value && isfinite(*number);
}

/* A bad second digit of a pair goes unnoticed: reading stops at it (connect-buddy.md 7.2). */
static bool hex_bytes(const struct buddy_json_item *item, uint8_t bytes[BUDDY_KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    if (item->value_size != (size_t)2 * BUDDY_KEY_BYTES) {
        return false;
    }
    for (size_t i = 0; i < BUDDY_KEY_BYTES; i++) {
        const char *high = memchr(digits, item->value[2 * i], sizeof digits - 1);
        const char *low = memchr(digits, item->value[2 * i + 1], sizeof digits - 1);
        if (high == NULL) {
            return false;
        }
        unsigned value = (unsigned)(high - digits) % 16;
        bytes[i] = (uint8_t)(low == NULL ? value : value * 16 + (unsigned)(low - digits) % 16);
    }
    return true;
}

/* ---- arguments ---- */

static bool is_type(const struct parsing *p, enum buddy_command_type type)
{
    return p->command->type == type;
}

static void take_path(struct parsing *p, const struct buddy_json_item *item)
{
    switch (p->command->type) {
    case BUDDY_COMMAND_SEND_FILE_INFO:
    case BUDDY_COMMAND_START_PRINT:
    case BUDDY_COMMAND_DELETE_FILE:
    case BUDDY_COMMAND_DELETE_FOLDER:
    case BUDDY_COMMAND_CREATE_FOLDER:
    case BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD:
    case BUDDY_COMMAND_START_INLINE_DOWNLOAD:
        if (!p->buffer_used) {
            snprintf(p->command->path, sizeof p->command->path, "%s", item->value);
            p->buffer_used = true;
            p->seen |= ARG_PATH;
        }
        break;
    default:
        break;
    }
}

static void take_text(struct parsing *p, const struct buddy_json_item *item, char *out, size_t most,
                      unsigned mark, const char *too_long)
{
    if (p->buffer_used) {
        return;
    }
    if (item->value_size > most) {
        broken(p, too_long);
        return;
    }
    snprintf(out, most + 1, "%s", item->value);
    p->buffer_used = true;
    p->seen |= mark;
}

static void take_token(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_SET_TOKEN)) {
        take_text(p, item, p->command->token, BUDDY_TOKEN_MAX, ARG_TOKEN, "Token too long");
    }
}

static void take_hostname(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_SET_VALUE)) {
        bool first = !p->buffer_used;
        take_text(p, item, p->command->value.text, BUDDY_HOSTNAME_MAX, ARG_VALUE,
                  "Hostname too long.");
        if (first) {
            p->command->value.property = BUDDY_HOSTNAME;
        }
    }
}

static void take_button(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_DIALOG_ACTION)) {
        p->command->button = buddy_button_find(item->value, item->value_size);
        p->seen |= ARG_BUTTON;
        if (p->command->button == BUDDY_BUTTON_NONE) {
            broken(p, "Invalid button");
        }
    }
}

static void take_hash(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_START_INLINE_DOWNLOAD)) {
        snprintf(p->command->download.hash, sizeof p->command->download.hash, "%s", item->value);
        p->seen |= ARG_HASH;
    }
}

static void take_key(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD) &&
        hex_bytes(item, p->command->download.key)) {
        p->seen |= ARG_KEY;
    }
}

static void take_iv(struct parsing *p, const struct buddy_json_item *item)
{
    if (is_type(p, BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD) &&
        hex_bytes(item, p->command->download.iv)) {
        p->seen |= ARG_IV;
    }
}

static void take_job_id(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if (is_type(p, BUDDY_COMMAND_SEND_JOB_INFO) && unsigned_number(item, UINT16_MAX, &number)) {
        p->command->job_id = (uint16_t)number;
        p->seen |= ARG_JOB_ID;
    }
}

static void take_dialog_id(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if (is_type(p, BUDDY_COMMAND_DIALOG_ACTION) && unsigned_number(item, UINT32_MAX, &number)) {
        p->command->dialog_id = (uint32_t)number;
        p->seen |= ARG_DIALOG_ID;
    }
}

static void take_object_id(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if ((is_type(p, BUDDY_COMMAND_CANCEL_OBJECT) || is_type(p, BUDDY_COMMAND_UNCANCEL_OBJECT)) &&
        unsigned_number(item, UINT8_MAX, &number)) {
        p->command->object_id = (uint8_t)number;
        p->seen |= ARG_OBJECT_ID;
    }
}

static void take_size(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if ((is_type(p, BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD) ||
         is_type(p, BUDDY_COMMAND_START_INLINE_DOWNLOAD)) &&
        unsigned_number(item, UINT32_MAX, &number)) {
        p->command->download.size_bytes = (uint32_t)number;
        p->seen |= ARG_SIZE;
    }
}

static void take_port(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if (is_type(p, BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD) &&
        unsigned_number(item, UINT16_MAX, &number)) {
        p->command->download.port = (uint16_t)number;
        p->command->download.has_port = true;
    }
}

static void take_team_id(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t number;
    if (is_type(p, BUDDY_COMMAND_START_INLINE_DOWNLOAD) &&
        unsigned_number(item, UINT64_MAX, &number)) {
        p->command->download.team_id = number;
        p->seen |= ARG_TEAM_ID;
    }
}

static const struct {
    const char *name;
    enum buddy_json_type type;
    void (*take)(struct parsing *parsing, const struct buddy_json_item *item);
} arguments[] = {
    {"path", BUDDY_JSON_STRING, take_path},
    {"path_sfn", BUDDY_JSON_STRING, take_path},
    {"token", BUDDY_JSON_STRING, take_token},
    {"button", BUDDY_JSON_STRING, take_button},
    {"hostname", BUDDY_JSON_STRING, take_hostname},
    {"hash", BUDDY_JSON_STRING, take_hash},
    {"key", BUDDY_JSON_STRING, take_key},
    {"iv", BUDDY_JSON_STRING, take_iv},
    {"job_id", BUDDY_JSON_PRIMITIVE, take_job_id},
    {"dialog_id", BUDDY_JSON_PRIMITIVE, take_dialog_id},
    {"id", BUDDY_JSON_PRIMITIVE, take_object_id},
    {"orig_size", BUDDY_JSON_PRIMITIVE, take_size},
    {"port", BUDDY_JSON_PRIMITIVE, take_port},
    {"team_id", BUDDY_JSON_PRIMITIVE, take_team_id},
};

/* ---- properties of SET_VALUE ---- */

enum value_kind { VALUE_BOOL, VALUE_FLOAT, VALUE_UINT32, VALUE_INT8 };

enum feature { ANY_MODEL, WITH_ENCLOSURE, WITH_CHAMBER, WITH_LIGHT };

static const struct property {
    const char *name; /* of a tool's: what follows "tools.N." */
    enum buddy_property property;
    enum value_kind kind;
    enum feature feature;
    bool of_tool;
    const char *complaint;
} properties[] = {
    {"enclosure_enabled", BUDDY_ENCLOSURE_ENABLED, VALUE_BOOL, WITH_ENCLOSURE, false,
     "Invalid bool value"},
    {"enclosure_printing_filtration", BUDDY_ENCLOSURE_PRINTING_FILTRATION, VALUE_BOOL,
     WITH_ENCLOSURE, false, "Invalid bool value"},
    {"enclosure_postprint", BUDDY_ENCLOSURE_POST_PRINT, VALUE_BOOL, WITH_ENCLOSURE, false,
     "Invalid bool value"},
    {"enclosure_postprint_filtration_time", BUDDY_ENCLOSURE_POST_PRINT_TIME, VALUE_UINT32,
     WITH_ENCLOSURE, false, "Invalid int value"},
    {"nozzle_diameter", BUDDY_NOZZLE_DIAMETER, VALUE_FLOAT, ANY_MODEL, true, "Invalid float value"},
    {"high_flow", BUDDY_NOZZLE_HIGH_FLOW, VALUE_BOOL, ANY_MODEL, true, "Invalid bool value"},
    {"hardened", BUDDY_NOZZLE_HARDENED, VALUE_BOOL, ANY_MODEL, true, "Invalid bool value"},
    {"chamber.target_temp", BUDDY_CHAMBER_TARGET, VALUE_UINT32, WITH_CHAMBER, false,
     "Invalid uint32_t value"},
    {"chamber.fan_pwm_target", BUDDY_CHAMBER_FAN, VALUE_INT8, WITH_CHAMBER, false,
     "Invalid int8_t value"},
    {"addon_power", BUDDY_ADDON_POWER, VALUE_BOOL, WITH_CHAMBER, false, "Invalid bool value"},
    {"chamber.led_intensity", BUDDY_CHAMBER_LIGHT, VALUE_INT8, WITH_LIGHT, false,
     "Invalid int8_t value"},
};

static bool has_feature(const struct buddy_build *build, enum feature feature)
{
    return feature == ANY_MODEL || (feature == WITH_ENCLOSURE && build->enclosure) ||
           (feature == WITH_CHAMBER && build->chamber) || (feature == WITH_LIGHT && build->light);
}

static bool same(const char *name, const char *key, size_t size)
{
    return strlen(name) == size && memcmp(name, key, size) == 0;
}

/* "tools.3.hardened": tool 2. */
static bool of_tool(const struct parsing *p, const struct buddy_json_item *item, const char *name,
                    int *tool)
{
    enum { BEFORE = 8 }; /* "tools.N." */
    if (item->key_size < BEFORE || memcmp(item->key, "tools.", 6) != 0 || item->key[7] != '.') {
        return false;
    }
    *tool = item->key[6] - '1';
    return *tool >= 0 && *tool < p->build->tool_properties &&
           same(name, item->key + BEFORE, item->key_size - BEFORE);
}

static bool read_value(const struct property *property, const struct buddy_json_item *item,
                       struct buddy_value *value)
{
    uint64_t number;
    switch (property->kind) {
    case VALUE_BOOL:
        value->flag = strcmp(item->value, "true") == 0;
        return value->flag || strcmp(item->value, "false") == 0;
    case VALUE_FLOAT:
        return float_number(item, &value->number);
    case VALUE_UINT32:
        if (!unsigned_number(item, UINT32_MAX, &number)) {
            return false;
        }
        value->whole = (int64_t)number;
        return true;
    case VALUE_INT8:
        return int8_number(item, &value->whole);
    }
    return false;
}

static void take_property(struct parsing *p, const struct buddy_json_item *item)
{
    if (!is_type(p, BUDDY_COMMAND_SET_VALUE) || item->type != BUDDY_JSON_PRIMITIVE) {
        return;
    }
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        const struct property *property = &properties[i];
        int tool = p->command->value.tool;
        if (!has_feature(p->build, property->feature) ||
            !(property->of_tool ? of_tool(p, item, property->name, &tool)
                                : same(property->name, item->key, item->key_size))) {
            continue;
        }
        p->seen |= ARG_VALUE;
        p->command->value.property = property->property;
        p->command->value.tool = tool;
        if (!read_value(property, item, &p->command->value)) {
            broken(p, property->complaint);
        }
        return;
    }
}

/* ---- tool mapping ---- */

static void begin_mapping(struct parsing *p)
{
    p->in_mapping = true;
    if (is_type(p, BUDDY_COMMAND_START_PRINT)) {
        p->command->mapped = true;
        memset(p->command->mapping, BUDDY_NOT_MAPPED, sizeof p->command->mapping);
    }
}

static void take_mapped_tool(struct parsing *p, const struct buddy_json_item *item)
{
    uint64_t tool;
    uint32_t size = (uint32_t)p->build->mapped_tools;
    if (!is_type(p, BUDDY_COMMAND_START_PRINT) || !p->command->mapped) {
        return;
    }
    if (p->outer >= size || p->inner >= size) {
        broken(p, "Tool index out of range");
    } else if (!unsigned_number(item, UINT32_MAX, &tool)) {
        broken(p, "Invalid tool index");
    } else {
        p->command->mapping[p->outer][p->inner++] = (uint8_t)(tool - 1);
    }
}

/* True: the item is part of a mapping. A list whose key is no number continues the place of the one
 * before (captures buddy/parse-toolmapping-*.txt, case 13). */
static bool mapping_item(struct parsing *p, const struct buddy_json_item *item)
{
    if (p->build->mapped_tools == 0) {
        return false;
    }
    if (item->type == BUDDY_JSON_OBJECT && item->depth == 2 && p->in_kwargs &&
        same("tool_mapping", item->key, item->key_size)) {
        begin_mapping(p);
        return true;
    }
    if (!p->in_mapping) {
        return false;
    }
    if (item->type == BUDDY_JSON_ARRAY && item->depth == 3 && item->key != NULL) {
        struct buddy_json_item key = {.value = item->key, .value_size = item->key_size};
        uint64_t number;
        if (unsigned_number(&key, UINT32_MAX, &number)) {
            p->inner = 0;
            p->outer = (uint32_t)number - 1;
        }
        return true;
    }
    if (item->type == BUDDY_JSON_PRIMITIVE && item->depth == 4) {
        take_mapped_tool(p, item);
        return true;
    }
    return false;
}

/* ---- the whole ---- */

static void take_name(struct parsing *p, const struct buddy_json_item *item)
{
    for (size_t i = 0; i < sizeof command_names / sizeof command_names[0]; i++) {
        if (same(command_names[i].name, item->value, item->value_size)) {
            p->command->type = command_names[i].type;
            p->command->mapped = false;
            p->needs = command_names[i].needs;
            return;
        }
    }
}

static void take_item(void *owner, const struct buddy_json_item *item)
{
    struct parsing *p = owner;
    if (item->depth == 1) {
        if (item->type == BUDDY_JSON_STRING && same("command", item->key, item->key_size)) {
            take_name(p, item);
        } else if (item->type == BUDDY_JSON_OBJECT && same("kwargs", item->key, item->key_size)) {
            p->in_kwargs = true;
        } else if (item->type == BUDDY_JSON_POP) {
            p->in_kwargs = false;
        }
        return;
    }
    if (mapping_item(p, item) || item->depth != 2 || !p->in_kwargs || item->key == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        if (arguments[i].type == item->type && same(arguments[i].name, item->key, item->key_size)) {
            arguments[i].take(p, item);
            return;
        }
    }
    take_property(p, item);
}

void buddy_parse_json(struct buddy_command *command, const struct buddy_build *build, uint32_t id,
                      const char *body, size_t size)
{
    struct parsing parsing = {.command = command, .build = build};
    *command = (struct buddy_command){.id = id, .type = BUDDY_COMMAND_UNKNOWN};
    bool good = buddy_json_read(body, size, take_item, &parsing);
    if ((parsing.needs & ~parsing.seen) != 0) {
        broken(&parsing, "Missing or broken parameters");
    }
    if (!good) {
        broken(&parsing, "Error parsing JSON");
    }
}

void buddy_parse_gcode(struct buddy_command *command, uint32_t id, const char *body, size_t size)
{
    *command = (struct buddy_command){.id = id, .type = BUDDY_COMMAND_GCODE};
    if (size > sizeof command->gcode) {
        command->type = BUDDY_COMMAND_GCODE_TOO_LARGE;
        return;
    }
    memcpy(command->gcode, body, size);
    command->gcode_size = size;
}
