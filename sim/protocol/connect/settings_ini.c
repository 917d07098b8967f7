#include "sim/protocol/connect/settings_ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/python.h"

/* The file as Python's configparser reads it with its defaults (Lib/configparser.py, _read): what
 * is a comment, what goes on with the line before, and what is refused, are its rules. */

struct entry {
    char *section; /* shared by the entries of a section; owned by the section's own entry (key
                      NULL) */
    char *key;     /* lower case; NULL: the section's own entry */
    char *value;
    unsigned line;
};

struct settings_ini {
    char *name;
    struct entry *entries;
    size_t count, capacity;
};

struct reader {
    struct settings_ini *ini;
    struct error *error;
    unsigned line;
    char *section;       /* of the lines that follow; NULL: none yet */
    size_t open;         /* entry that indented lines go on with, counted from 1; 0: none */
    size_t indent;       /* of the line that began it */
    struct buffer value; /* of the open entry as far as it is read */
    struct buffer blank; /* LFs of empty lines inside a value, kept until more of it comes */
};

static void add(struct reader *reader, char *section, char *key)
{
    struct settings_ini *ini = reader->ini;
    if (ini->count == ini->capacity) {
        ini->capacity = ini->capacity == 0 ? 32 : ini->capacity * 2;
        ini->entries = memory_resize(ini->entries, ini->capacity * sizeof *ini->entries);
    }
    ini->entries[ini->count++] =
        (struct entry){.section = section, .key = key, .line = reader->line};
}

static bool refuse(struct reader *reader, const char *what, const char *detail, size_t size)
{
    int shown = size > 80 ? 80 : (int)size;
    return error_set(reader->error, "%s:%u: %s '%.*s'", reader->ini->name, reader->line, what,
                     shown, detail);
}

static const struct entry *find(const struct settings_ini *ini, const char *section,
                                const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        const struct entry *entry = &ini->entries[i];
        bool same_key =
            key == NULL ? entry->key == NULL : entry->key != NULL && strcmp(entry->key, key) == 0;
        if (same_key && strcmp(entry->section, section) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* The value of the open entry is complete. */
static void close_value(struct reader *reader)
{
    if (reader->open != 0) {
        reader->ini->entries[reader->open - 1].value = buffer_detach(&reader->value);
        reader->open = 0;
    }
    buffer_clear(&reader->blank);
}

static bool begin_section(struct reader *reader, const char *text, size_t size)
{
    const char *close = memrchr(text, ']', size);
    if (close == NULL || close == text + 1) {
        return refuse(reader, "expected a section like [service::connect], not", text, size);
    }
    char *name = memory_copy_slice(text + 1, (size_t)(close - text - 1));
    if (strcmp(name, "DEFAULT") != 0 && find(reader->ini, name, NULL) != NULL) {
        bool refused = refuse(reader, "there is already a section", name, strlen(name));
        free(name);
        return refused;
    }
    reader->section = name;
    add(reader, name, NULL);
    return true;
}

static size_t trimmed(const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)text[size - 1])) {
        size--;
    }
    return size;
}

static bool read_entry(struct reader *reader, const char *text, size_t size)
{
    if (reader->section == NULL) {
        return refuse(reader, "expected a section before", text, size);
    }
    size_t mark = 0;
    while (mark < size && text[mark] != '=' && text[mark] != ':') {
        mark++;
    }
    size_t key_size = trimmed(text, mark);
    if (mark == size || key_size == 0) {
        return refuse(reader, "expected 'key = value' or 'key: value', not", text, size);
    }
    char *key = memory_copy_slice(text, key_size);
    for (char *at = key; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    const struct entry *before = find(reader->ini, reader->section, key);
    if (before != NULL) {
        bool refused =
            error_set(reader->error, "%s:%u: [%s] has '%s' already in line %u", reader->ini->name,
                      reader->line, reader->section, key, before->line);
        free(key);
        return refused;
    }
    const char *value = text + mark + 1;
    size_t value_size = size - mark - 1;
    while (value_size > 0 && isspace((unsigned char)*value)) {
        value++;
        value_size--;
    }
    add(reader, reader->section, key);
    reader->open = reader->ini->count;
    buffer_append(&reader->value, value, trimmed(value, value_size));
    return true;
}

static void go_on(struct reader *reader, const char *text, size_t size)
{
    buffer_append_text(&reader->value, buffer_text(&reader->blank));
    buffer_append_char(&reader->value, '\n');
    buffer_append(&reader->value, text, size);
    buffer_clear(&reader->blank);
}

/* One line without its end. */
static bool read_line(struct reader *reader, const char *text, size_t size)
{
    size_t indent = 0;
    while (indent < size && isspace((unsigned char)text[indent])) {
        indent++;
    }
    text += indent;
    size = trimmed(text, size - indent);
    if (size > 0 && (*text == '#' || *text == ';')) {
        return true;
    }
    if (size == 0) {
        if (reader->open != 0) {
            buffer_append_char(&reader->blank, '\n');
        }
        return true;
    }
    if (memchr(text, '\0', size) != NULL) {
        return refuse(reader, "NUL in the line", text, strlen(text));
    }
    if (reader->open != 0 && indent > reader->indent) {
        go_on(reader, text, size);
        return true;
    }
    close_value(reader);
    reader->indent = indent;
    if (reader->ini->count >= SETTINGS_INI_ENTRIES_MAX) {
        return refuse(reader, "too many entries from here:", text, size);
    }
    return *text == '[' && memchr(text, ']', size) != NULL ? begin_section(reader, text, size)
                                                           : read_entry(reader, text, size);
}

struct settings_ini *settings_ini_parse(const char *name, const char *text, size_t size,
                                        struct error *error)
{
    if (size > SETTINGS_INI_BYTES_MAX) {
        error_set(error, "%s: longer than %d bytes", name, SETTINGS_INI_BYTES_MAX);
        return NULL;
    }
    struct settings_ini *ini = memory_new(sizeof *ini);
    ini->name = memory_copy_text(name);
    struct reader reader = {.ini = ini, .error = error};
    bool good = true;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        reader.line = 1;
        good = refuse(&reader, "expected a section, not a byte order mark", "", 0);
    }
    while (good && size > 0) {
        reader.line++;
        const char *end = memchr(text, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - text);
        good = read_line(&reader, text, length);
        length += end == NULL ? 0 : 1;
        text += length;
        size -= length;
    }
    close_value(&reader);
    buffer_free(&reader.value);
    buffer_free(&reader.blank);
    if (!good) {
        settings_ini_destroy(ini);
        return NULL;
    }
    return ini;
}

struct settings_ini *settings_ini_load(const char *path, struct error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct buffer text = {0};
    char piece[4096];
    size_t size = 0;
    while (text.size <= SETTINGS_INI_BYTES_MAX &&
           (size = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&text, piece, size);
    }
    bool broken = ferror(file) != 0;
    int reason = errno;
    fclose(file);
    struct settings_ini *ini = NULL;
    if (broken) {
        error_set(error, "%s: cannot be read: %s", path, strerror(reason));
    } else {
        ini = settings_ini_parse(path, buffer_text(&text), text.size, error);
    }
    buffer_free(&text);
    return ini;
}

void settings_ini_destroy(struct settings_ini *ini)
{
    if (ini == NULL) {
        return;
    }
    for (size_t i = 0; i < ini->count; i++) {
        if (ini->entries[i].key == NULL) {
            free(ini->entries[i].section);
        }
        free(ini->entries[i].key);
        free(ini->entries[i].value);
    }
    free(ini->entries);
    free(ini->name);
    free(ini);
}

bool settings_ini_has_section(const struct settings_ini *ini, const char *section)
{
    return find(ini, section, NULL) != NULL;
}

const char *settings_ini_section(const struct settings_ini *ini, size_t index)
{
    for (size_t i = 0; i < ini->count; i++) {
        if (ini->entries[i].key == NULL && index-- == 0) {
            return ini->entries[i].section;
        }
    }
    return NULL;
}

static const struct entry *find_value(const struct settings_ini *ini, const char *section,
                                      const char *key)
{
    char lower[128];
    size_t size = strlen(key);
    if (size >= sizeof lower || find(ini, section, NULL) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i <= size; i++) {
        lower[i] = (char)tolower((unsigned char)key[i]);
    }
    const struct entry *entry = find(ini, section, lower);
    return entry != NULL ? entry : find(ini, "DEFAULT", lower);
}

const char *settings_ini_get(const struct settings_ini *ini, const char *section, const char *key)
{
    const struct entry *entry = find_value(ini, section, key);
    return entry == NULL ? NULL : entry->value;
}

bool settings_ini_get_bool(const struct settings_ini *ini, const char *section, const char *key,
                           bool *value, struct error *error)
{
    static const char *const words[] = {"0", "no", "false", "off", "1", "yes", "true", "on"};
    const struct entry *entry = find_value(ini, section, key);
    if (entry == NULL) {
        return true;
    }
    for (size_t i = 0; i < 8; i++) {
        if (strcasecmp(entry->value, words[i]) == 0) {
            *value = i >= 4;
            return true;
        }
    }
    return error_set(error, "%s:%u: [%s] %s must be 1/0, yes/no, true/false or on/off, not '%.80s'",
                     ini->name, entry->line, section, key, entry->value);
}

bool settings_ini_get_int(const struct settings_ini *ini, const char *section, const char *key,
                          int64_t *value, struct error *error)
{
    const struct entry *entry = find_value(ini, section, key);
    if (entry == NULL || python_int(entry->value, strlen(entry->value), value)) {
        return true;
    }
    return error_set(error, "%s:%u: [%s] %s must be a whole number, not '%.80s'", ini->name,
                     entry->line, section, key, entry->value);
}

static bool get_port(const struct settings_ini *ini, uint16_t *port, struct error *error)
{
    static const char section[] = "service::connect";
    int64_t value = *port;
    if (!settings_ini_get_int(ini, section, "port", &value, error)) {
        return false;
    }
    if (value < 0 || value > 65535) {
        return error_set(error, "%s:%u: [%s] port must be from 0 to 65535", ini->name,
                         find_value(ini, section, "port")->line, section);
    }
    *port = (uint16_t)value;
    return true;
}

bool settings_ini_connect(const struct settings_ini *ini, struct settings_connect *connect,
                          struct error *error)
{
    static const char section[] = "service::connect";
    *connect = (struct settings_connect){0};
    if (!settings_ini_has_section(ini, section)) {
        return error_set(error, "%s: section [%s] is missing", ini->name, section);
    }
    connect->hostname = settings_ini_get(ini, section, "hostname");
    connect->token = settings_ini_get(ini, section, "token");
    if (connect->hostname == NULL || connect->token == NULL) {
        return error_set(error, "%s: [%s] %s is missing", ini->name, section,
                         connect->hostname == NULL ? "hostname" : "token");
    }
    return settings_ini_get_bool(ini, section, "tls", &connect->tls, error) &&
           get_port(ini, &connect->port, error);
}

static const char *text_or(const struct settings_ini *ini, const char *section, const char *key,
                           const char *otherwise)
{
    const char *value = settings_ini_get(ini, section, key);
    return value == NULL ? otherwise : value;
}

static bool known_type(const struct settings_ini *ini, const char *type, struct error *error)
{
    static const char *const types[] = {"", "MK2.5", "MK2.5S", "MK3", "MK3S"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return error_set(error, "%s:%u: [printer] type must be MK2.5, MK2.5S, MK3 or MK3S, not '%.80s'",
                     ini->name, find_value(ini, "printer", "type")->line, type);
}

bool settings_ini_printer(const struct settings_ini *ini, struct settings_printer *printer,
                          struct error *error)
{
    *printer = (struct settings_printer){
        .type = text_or(ini, "printer", "type", ""),
        .name = text_or(ini, "printer", "name", ""),
        .location = text_or(ini, "printer", "location", ""),
        .network_hostname = text_or(ini, "network", "hostname", ""),
        .local_enable = 1,
        .username = text_or(ini, "service::local", "username", ""),
        .digest = text_or(ini, "service::local", "digest", ""),
        .api_key = text_or(ini, "service::local", "api_key", ""),
        .connect = {.hostname = text_or(ini, "service::connect", "hostname", "connect.prusa3d.com"),
                    .token = text_or(ini, "service::connect", "token", ""),
                    .tls = true},
    };
    return known_type(ini, printer->type, error) &&
           settings_ini_get_bool(ini, "printer", "farm_mode", &printer->farm_mode, error) &&
           settings_ini_get_bool(ini, "printer", "network_error_chime",
                                 &printer->network_error_chime, error) &&
           settings_ini_get_int(ini, "service::local", "enable", &printer->local_enable, error) &&
           settings_ini_get_bool(ini, "service::connect", "tls", &printer->connect.tls, error) &&
           get_port(ini, &printer->connect.port, error);
}
