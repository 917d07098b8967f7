#include "harness/load/plan_schema.h"

#include <string.h>

#include "harness/load/distribution.h"
#include "harness/load/plan.h"

enum { TEXT_MAX = 200, FILES_MAX = 1000, FILE_BYTES_MAX = 256 * 1024 };

#define TEXT(key, struct_, member)                                                                 \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct_, member, 1,      \
                           TEXT_MAX)
#define REQUIRED_TEXT(key, struct_, member)                                                        \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, struct_, member, 1, TEXT_MAX)
#define PART(key, struct_, member, fields)                                                         \
    CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct_, member, fields)
#define LIST(key, struct_, member, entry, most)                                                    \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct_, member, entry, 1, \
                         most)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

static const cyaml_schema_field_t stage_fields[] = {
    REQUIRED_TEXT("for", struct plan_stage_text, duration),
    CYAML_FIELD_UINT("printers", CYAML_FLAG_DEFAULT, struct plan_stage_text, printers),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t stage_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_stage_text, stage_fields),
};

static const cyaml_schema_field_t arrival_fields[] = {
    TEXT("ramp", struct plan_arrival_text, ramp),
    CYAML_FIELD_FLOAT_PTR("rate", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                          struct plan_arrival_text, rate),
    LIST("stages", struct plan_arrival_text, stages, &stage_value, LOAD_STAGES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t telemetry_fields[] = {
    TEXT("style", struct plan_telemetry_text, style),
    TEXT("interval", struct plan_telemetry_text, interval),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t state_fields[] = {
    CYAML_FIELD_UINT("weight", CYAML_FLAG_DEFAULT, struct plan_state_text, weight),
    TEXT("print", struct plan_state_text, print),
    TEXT("transfer", struct plan_state_text, transfer),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t state_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_state_text, state_fields),
};

static const cyaml_schema_field_t command_fields[] = {
    TEXT("command", struct plan_command_text, command),
    TEXT("gcode", struct plan_command_text, gcode),
    REQUIRED_TEXT("every", struct plan_command_text, every),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t command_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_command_text, command_fields),
};

static const cyaml_schema_field_t group_fields[] = {
    REQUIRED_TEXT("name", struct plan_group_text, name),
    REQUIRED_TEXT("model", struct plan_group_text, model),
    CYAML_FIELD_UINT("count", CYAML_FLAG_DEFAULT, struct plan_group_text, count),
    TEXT("host", struct plan_group_text, host),
    TEXT("sdk", struct plan_group_text, sdk),
    CYAML_FIELD_BOOL_PTR("quirks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct plan_group_text,
                         quirks),
    CYAML_FIELD_BOOL_PTR("websocket", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct plan_group_text, websocket),
    TEXT("token", struct plan_group_text, token),
    PART("telemetry", struct plan_group_text, telemetry, telemetry_fields),
    LIST("files", struct plan_group_text, files, &text_value, FILES_MAX),
    LIST("faults", struct plan_group_text, faults, &text_value, LOAD_FAULTS_MAX),
    LIST("states", struct plan_group_text, states, &state_value, LOAD_STAGES_MAX),
    TEXT("pause", struct plan_group_text, pause),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t group_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_group_text, group_fields),
};

static const cyaml_schema_field_t generator_fields[] = {
    TEXT("lateness", struct plan_generator_text, lateness),
    CYAML_FIELD_FLOAT_PTR("cpu", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                          struct plan_generator_text, cpu),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t plan_fields[] = {
    TEXT("name", struct plan_text, name),
    CYAML_FIELD_UINT_PTR("seed", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct plan_text, seed),
    REQUIRED_TEXT("duration", struct plan_text, duration),
    TEXT("warm_up", struct plan_text, warm_up),
    PART("arrival", struct plan_text, arrival, arrival_fields),
    PART("telemetry", struct plan_text, telemetry, telemetry_fields),
    CYAML_FIELD_SEQUENCE("groups", CYAML_FLAG_POINTER, struct plan_text, groups, &group_value, 1,
                         LOAD_GROUPS_MAX),
    LIST("commands", struct plan_text, commands, &command_value, LOAD_COMMANDS_MAX),
    LIST("thresholds", struct plan_text, thresholds, &text_value, FILES_MAX),
    PART("generator", struct plan_text, generator, generator_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t plan_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct plan_text, plan_fields),
};

/* "groups[1].count" is the same as "groups.count". */
static bool same_path(const char *path, const char *known)
{
    for (; *path != '\0'; path++, known++) {
        if (*path == '[') {
            path += strcspn(path, "]") + 1;
        }
        if (*path != *known) {
            return false;
        }
        if (*path == '\0') {
            return true;
        }
    }
    return *known == '\0';
}

static const char *expected(const char *path)
{
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"name", "a text without '/' and control characters"},
        {"seed", "a whole number from 0 to 2^64-1"},
        {"duration", "a time from 1s to 24h"},
        {"warm_up", "a time that is less than the duration"},
        {"arrival.ramp", "a time from 0s to 24h"},
        {"arrival.rate", "printers per second from 0.001 to 1000000"},
        {"arrival.stages.for", "a time from 1ms to 24h (0s only in the first stage)"},
        {"arrival.stages.printers", "a whole number up to the count of all groups"},
        {"telemetry.style", "host, full or minimal"},
        {"telemetry.interval", distribution_expected},
        {"groups.telemetry.style", "host, full or minimal"},
        {"groups.telemetry.interval", distribution_expected},
        {"groups.pause", distribution_expected},
        {"groups.name", "a name of its own without blanks, '/', '<', '>' and '='"},
        {"groups.model", "the name of a built-in model (hotbed models)"},
        {"groups.count", "a whole number from 1 to 10000000"},
        {"groups.host", "prusalink or sdk"},
        {"groups.sdk", "0.7.1, 0.8.0 or 0.8.1"},
        {"groups.websocket", "true of printers whose firmware can: those of the Buddy family"},
        {"groups.faults", "a fault of messages, as \"delay=telemetry:5s\" (docs/farm.md)"},
        {"commands.every", "a time from 100ms to 24h"},
        {"groups.token",
         "printable characters without blanks, with {printer} where its number stands"},
        {"groups.states.weight", "a whole number from 1 to 1000"},
        {"groups.states.transfer", "the name of a file that the server offers (with its extension, "
                                   "without a folder), instead of "
                                   "print"},
        {"generator.lateness", "a time from 1ms to 1h"},
        {"generator.cpu", "a percentage of one core from 1 to 100"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (same_path(path, rows[i].path)) {
            return rows[i].expected;
        }
    }
    return NULL;
}

const struct yaml_shape plan_shape = {
    .schema = &plan_value,
    .fields = plan_fields,
    .what = "farm",
    .manual = "docs/farm.md",
    .bytes_max = FILE_BYTES_MAX,
    .expected = expected,
};
