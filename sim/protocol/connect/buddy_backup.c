#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/protocol/connect/buddy_partial.h"

/* The state file of a transfer, `d`. What is in it is the firmware's own business (its structures
 * as they lie in memory, with CRCs; PFB: src/transfers/transfer_recovery.cpp); here it is a text,
 * each line a word and its values, the last one the CRC-32 of those before. */

enum { BACKUP_BYTES_MAX = 2048 };

static void append_hex(struct buffer *out, const char *word, const uint8_t *bytes)
{
    buffer_format(out, "%s ", word);
    for (int i = 0; i < BUDDY_KEY_BYTES; i++) {
        buffer_format(out, "%02x", bytes[i]);
    }
    buffer_append_char(out, '\n');
}

void buddy_backup_write(struct buffer *out, const struct buddy_backup *backup)
{
    const struct buddy_valid *valid = &backup->valid;
    const struct buddy_download *download = &backup->download;
    size_t begin = out->size;
    buffer_format(out, "firmware %s\nid %" PRIu32 "\nsize %" PRIu32 "\n", backup->firmware,
                  backup->id, valid->size);
    if (backup->encrypted) {
        buffer_format(out, "host %s %u\n", backup->host, backup->port);
        append_hex(out, "key", download->key);
        append_hex(out, "iv", download->iv);
    } else {
        buffer_format(out, "hash %" PRIu64 " %s\n", download->team_id, download->hash);
    }
    buffer_format(out, "valid %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", valid->head_end,
                  valid->tail_start, valid->tail_end);
    uLong sum = crc32(0, (const Bytef *)out->bytes + begin, (uInt)(out->size - begin));
    buffer_format(out, "crc %08lx\n", sum);
}

/* ---- reading ---- */

/* Behind `word` and a blank at the beginning of a line; NULL: another word. */
static const char *after(const char *line, const char *word)
{
    size_t size = strlen(word);
    return strncmp(line, word, size) == 0 && line[size] == ' ' ? line + size + 1 : NULL;
}

static bool read_number(const char **at, uint64_t max, uint64_t *value)
{
    char *end;
    *value = 0;
    if (!isdigit((unsigned char)**at)) {
        return false;
    }
    *value = strtoull(*at, &end, 10);
    bool blank = *end == ' ';
    *at = end + blank;
    return *value <= max && (blank || *end == '\0');
}

static bool read_hex(const char *at, uint8_t *bytes)
{
    for (int i = 0; i < BUDDY_KEY_BYTES; i++, at += 2) {
        unsigned value;
        if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]) ||
            sscanf(at, "%2x", &value) != 1) {
            return false;
        }
        bytes[i] = (uint8_t)value;
    }
    return *at == '\0';
}

static bool read_host(struct buddy_backup *backup, const char *at)
{
    size_t size = strcspn(at, " ");
    uint64_t port;
    if (size == 0 || size >= sizeof backup->host || at[size] != ' ') {
        return false;
    }
    memcpy(backup->host, at, size);
    backup->host[size] = '\0';
    at += size + 1;
    backup->encrypted = true;
    bool good = read_number(&at, UINT16_MAX, &port);
    backup->port = (uint16_t)port;
    return good;
}

static bool read_inline(struct buddy_backup *backup, const char *at)
{
    if (!read_number(&at, UINT64_MAX, &backup->download.team_id) || strlen(at) > BUDDY_HASH_MAX) {
        return false;
    }
    snprintf(backup->download.hash, sizeof backup->download.hash, "%s", at);
    return true;
}

static bool read_valid(struct buddy_valid *valid, const char *at)
{
    uint64_t head_end, tail_start, tail_end;
    if (!read_number(&at, valid->size, &head_end) || !read_number(&at, valid->size, &tail_start) ||
        !read_number(&at, valid->size, &tail_end) || tail_end < tail_start ||
        (tail_end > tail_start && tail_start <= head_end)) {
        return false;
    }
    valid->head_end = (uint32_t)head_end;
    valid->tail_start = (uint32_t)tail_start;
    valid->tail_end = (uint32_t)tail_end;
    return true;
}

static bool read_line(struct buddy_backup *backup, const char *line)
{
    const char *rest;
    uint64_t number;
    if ((rest = after(line, "firmware")) != NULL) {
        snprintf(backup->firmware, sizeof backup->firmware, "%s", rest);
        return strlen(rest) < sizeof backup->firmware;
    }
    if ((rest = after(line, "id")) != NULL) {
        bool good = read_number(&rest, UINT32_MAX, &number);
        backup->id = (uint32_t)number;
        return good;
    }
    if ((rest = after(line, "size")) != NULL) {
        bool good = read_number(&rest, UINT32_MAX, &number);
        backup->download.size_bytes = backup->valid.size = (uint32_t)number;
        return good;
    }
    if ((rest = after(line, "host")) != NULL) {
        return read_host(backup, rest);
    }
    if ((rest = after(line, "key")) != NULL) {
        return read_hex(rest, backup->download.key);
    }
    if ((rest = after(line, "iv")) != NULL) {
        return read_hex(rest, backup->download.iv);
    }
    if ((rest = after(line, "hash")) != NULL) {
        return read_inline(backup, rest);
    }
    return (rest = after(line, "valid")) != NULL && read_valid(&backup->valid, rest);
}

bool buddy_backup_read(struct buddy_backup *backup, const char *text, size_t size)
{
    char copy[BACKUP_BYTES_MAX + 1];
    *backup = (struct buddy_backup){0};
    if (size == 0 || size > BACKUP_BYTES_MAX || memchr(text, '\0', size) != NULL) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    const char *rest;
    for (char *line = copy, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if ((rest = after(line, "crc")) != NULL) {
            char sum[16];
            snprintf(sum, sizeof sum, "%08lx", crc32(0, (const Bytef *)text, (uInt)(line - copy)));
            const struct buddy_valid *valid = &backup->valid;
            return strcmp(sum, rest) == 0 && end[1] == '\0' && valid->head_end <= valid->size &&
                   valid->tail_end <= valid->size;
        }
        if (!read_line(backup, line)) {
            return false;
        }
    }
    return false;
}
